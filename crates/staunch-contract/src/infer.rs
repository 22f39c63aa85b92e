//! Contracts of outputs that declare none.

use crate::check::{self, NAME_RULE, is_name};
use crate::model::{Contract, Element, Field, Type};
use crate::types;
use arrow::datatypes::{DataType, Field as ArrowField, Fields, IntervalUnit, Schema, TimeUnit, UnionMode};
use staunch_types::{Error, Result, codes};

impl Contract {
    /// The contract that a schema implies: without key, event time and PII classes, which Arrow does not know.
    ///
    /// Types become the narrowest type of a contract that holds them: small integers become `int`, unsigned ones the next
    /// wider signed type (64 bits: `decimal(20,0)`), seconds become milliseconds and nanoseconds microseconds, all forms of
    /// strings and bytes become `string` and `bytes`. Lists, structs, maps from texts and unions become arrays, records, maps and unions.
    ///
    /// # Errors
    /// Every column that has no contract type (`ST0031`), or no name that a contract may have (`ST0006`, `ST0004`); the place names the field.
    pub fn from_arrow(name: &str, version: u32, schema: &Schema) -> Result<Self> {
        let mut errors = Vec::new();
        if !is_name(name) {
            let message = format!("`{name}` is not a contract's name");
            errors.push(Error::new(codes::BAD_NAME, message).hint(NAME_RULE));
        }
        if schema.fields().is_empty() {
            let error = Error::new(codes::CONTRACT, "the output has no columns");
            errors.push(error.hint("select at least one column"));
        }
        let mut fields: Vec<Field> = Vec::new();
        for column in schema.fields() {
            let name = column.name();
            if !is_name(name) {
                let message = format!("the column `{name}` has no name that a contract may have");
                let hint = "give it one in the query: EXPRESSION AS name";
                errors.push(Error::new(codes::BAD_NAME, message).field(name).hint(hint));
            }
            if fields.iter().any(|f| f.name.eq_ignore_ascii_case(name)) {
                let message = format!("the column `{name}` stands here twice (letters' case does not count)");
                let hint = "give one of them another name: EXPRESSION AS name";
                errors.push(Error::new(codes::DUPLICATE_NAME, message).field(name).hint(hint));
            }
            match infer(column.data_type()) {
                Ok(ty) => fields.push(Field::new(name, ty, column.is_nullable())),
                Err(hint) => {
                    let message = format!(
                        "the column `{name}` has the type {}, which no contract has",
                        column.data_type()
                    );
                    errors.push(Error::new(codes::CONTRACT, message).field(name).hint(hint));
                }
            }
        }
        match Error::many(errors) {
            Some(error) => Err(error),
            None => Ok(Self::new(name, version, fields)),
        }
    }
}

/// The contract type of an Arrow type, or the hint what to do where there is none.
fn infer(ty: &DataType) -> Result<Type, &'static str> {
    nested(ty, 0)
}

/// The same at some depth: what comes out of a query has few levels, what a caller made may have any.
fn nested(ty: &DataType, depth: usize) -> Result<Type, &'static str> {
    use DataType as D;
    if depth > check::DEEPEST {
        return Err("it is nested too deep: select its parts as columns");
    }
    let part = |field: &ArrowField| {
        nested(field.data_type(), depth + 1).map(|ty| Element::new(ty, field.is_nullable()))
    };
    Ok(match ty {
        D::Boolean => Type::Boolean,
        D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 => Type::Int,
        D::Int64 | D::UInt32 => Type::Long,
        D::UInt64 => Type::Decimal { precision: 20, scale: 0 },
        D::Float16 | D::Float32 => Type::Float,
        D::Float64 => Type::Double,
        D::Utf8 | D::LargeUtf8 | D::Utf8View => Type::String,
        D::Binary | D::LargeBinary | D::BinaryView => Type::Bytes,
        D::FixedSizeBinary(size) => match u64::try_from(*size).map(types::fixed) {
            Ok(Ok(ty)) => ty,
            _ => return Err("cast it to bytes: a fixed type has 1 to 1048576 bytes"),
        },
        D::Dictionary(_, values) => nested(values, depth)?,
        D::Decimal32(p, s) | D::Decimal64(p, s) | D::Decimal128(p, s) | D::Decimal256(p, s) => {
            decimal(*p, *s).ok_or("cast it to a decimal of at most 38 digits")?
        }
        D::Date32 | D::Date64 => Type::Date,
        D::Time32(_) => Type::TimeMillis,
        D::Time64(_) => Type::TimeMicros,
        D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, Some(_)) => Type::TimestampMillis,
        D::Timestamp(_, Some(_)) => Type::TimestampMicros,
        D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None) => Type::LocalTimestampMillis,
        D::Timestamp(_, None) => Type::LocalTimestampMicros,
        D::Null => return Err("cast the NULL to the type that is meant: CAST(NULL AS VARCHAR)"),
        D::Interval(IntervalUnit::MonthDayNano) => Type::Duration,
        D::List(item) | D::LargeList(item) | D::FixedSizeList(item, _) => Type::Array(part(item)?.into()),
        D::Map(entries, _) => match entries.data_type() {
            D::Struct(fields) if fields.len() == 2 => {
                let (key, value) = (fields[0].data_type(), part(&fields[1])?);
                if nested(key, depth + 1)? != Type::String {
                    return Err("a map has texts as keys: cast them");
                }
                Type::Map(value.into())
            }
            _ => return Err("select its parts as columns"),
        },
        D::Struct(fields) => record(fields, depth)?,
        D::Union(fields, UnionMode::Dense) => {
            let branches = fields.iter().map(|(_, field)| part(field)).collect::<Result<Vec<_>, _>>()?;
            let plain = branches.iter().zip(fields.iter()).all(|(b, (_, f))| b.branch() == f.name());
            if branches.len() < 2 || !plain {
                return Err("a union of such branches has no contract: select it as it was read");
            }
            Type::Union(branches.into_iter().map(|b| Element { nullable: false, ..b }).collect())
        }
        D::Interval(_) | D::Duration(_) => {
            return Err("turn it into a number: EXTRACT(EPOCH FROM ...) or a difference in days");
        }
        _ => return Err("cast it to another type, or select its parts as columns"),
    })
}

/// A record of fields whose names are those of contracts.
fn record(fields: &Fields, depth: usize) -> Result<Type, &'static str> {
    let mut out: Vec<Field> = Vec::new();
    for field in fields {
        if !is_name(field.name()) || out.iter().any(|f| f.name.eq_ignore_ascii_case(field.name())) {
            return Err(
                "give its parts different names that a contract may have: named_struct('a', ..., 'b', ...)",
            );
        }
        out.push(Field::new(field.name(), nested(field.data_type(), depth + 1)?, field.is_nullable()));
    }
    if out.is_empty() { Err("it has no parts: leave it out") } else { Ok(Type::Record(out)) }
}

fn decimal(precision: u8, scale: i8) -> Option<Type> {
    let scale_below = u8::try_from(scale).unwrap_or(0);
    // A negative scale stands for zeros before the point.
    let precision = precision.checked_add(u8::try_from(-i16::from(scale)).unwrap_or(0))?;
    (precision <= 38 && scale_below <= precision).then_some(Type::Decimal { precision, scale: scale_below })
}

#[cfg(test)]
mod tests;
