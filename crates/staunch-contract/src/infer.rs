//! Contracts of outputs that declare none.

use crate::check::{NAME_RULE, is_name};
use crate::model::{Contract, Field, Type};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use staunch_types::{Error, Result, codes};

impl Contract {
    /// The contract that a schema implies: without key, event time and PII classes, which Arrow does not know.
    ///
    /// Types become the narrowest type of a contract that holds them: small integers become `int`, unsigned ones the next
    /// wider signed type (64 bits: `decimal(20,0)`), seconds become milliseconds and nanoseconds microseconds, all forms of
    /// strings and bytes become `string` and `bytes`.
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
                Ok(ty) => fields.push(Field {
                    name: name.clone(),
                    ty,
                    nullable: column.is_nullable(),
                    doc: None,
                    pii: None,
                }),
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
            None => Ok(Self {
                name: name.to_owned(),
                version,
                doc: None,
                owner: None,
                fields,
                key: Vec::new(),
                event_time: None,
            }),
        }
    }
}

/// The contract type of an Arrow type, or the hint what to do where there is none.
fn infer(ty: &DataType) -> Result<Type, &'static str> {
    use DataType as D;
    Ok(match ty {
        D::Boolean => Type::Boolean,
        D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 => Type::Int,
        D::Int64 | D::UInt32 => Type::Long,
        D::UInt64 => Type::Decimal { precision: 20, scale: 0 },
        D::Float16 | D::Float32 => Type::Float,
        D::Float64 => Type::Double,
        D::Utf8 | D::LargeUtf8 | D::Utf8View => Type::String,
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => Type::Bytes,
        D::Dictionary(_, values) => infer(values)?,
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
        D::Interval(_) | D::Duration(_) => {
            return Err("turn it into a number: EXTRACT(EPOCH FROM ...) or a difference in days");
        }
        _ => return Err("nested types are not supported: select their parts as columns"),
    })
}

fn decimal(precision: u8, scale: i8) -> Option<Type> {
    let scale_below = u8::try_from(scale).unwrap_or(0);
    // A negative scale stands for zeros before the point.
    let precision = precision.checked_add(u8::try_from(-i16::from(scale)).unwrap_or(0))?;
    (precision <= 38 && scale_below <= precision).then_some(Type::Decimal { precision, scale: scale_below })
}

#[cfg(test)]
mod tests;
