//! Columns into bytes, row by row: kinds are resolved once for a contract, arrays once for a batch.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, UnionArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time32MillisecondType, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use staunch_contract::avro::{Kind, NodeId, Schema};
use staunch_contract::{Contract, Type};
use staunch_types::{Error, Result, codes};
use std::collections::HashMap;
use std::sync::Arc;

/// How rows of a contract become values of its Avro form.
#[derive(Debug)]
pub(crate) struct Encoder {
    schema: Arc<Schema>,
    fields: Vec<(String, Part)>,
}

/// A value, or a part of one.
#[derive(Debug)]
struct Part {
    /// The number of `null` in the union that it stands in, and whether there is another branch: then its number is the other one of 0 and 1.
    null: Option<usize>,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    /// A text, or one that is its bytes.
    Text,
    Enum(HashMap<String, i64>),
    Fixed,
    /// On bytes, or on a fixed of so many.
    Decimal(Option<usize>),
    /// A uuid in 16 bytes.
    UuidBytes,
    Duration,
    Array(Box<Part>),
    Map(Box<Part>),
    Record(Vec<Part>),
    /// The branches without `null`.
    Union(Vec<Part>),
}

impl Encoder {
    /// For rows of this contract.
    ///
    /// # Errors
    /// `ST0043` if the contract has no Avro form.
    pub(crate) fn new(contract: &Contract) -> Result<Self> {
        let schema = Schema::parse(&contract.to_avro_json().to_string()).map_err(|error| {
            Error::new(codes::NOT_HELD, format!("`{}` has no Avro form", contract.id()))
                .cause(error.to_string())
                .hint("correct the contract as the cause says")
        })?;
        let other = || {
            Error::new(codes::INTERNAL, "the Avro form of a contract is not that of its fields")
                .hint("report this with the contract")
        };
        let Kind::Record(record) = schema.kind(schema.root()) else { return Err(other()) };
        let mut fields = Vec::with_capacity(record.fields.len());
        for (ours, field) in record.fields.iter().zip(&contract.fields) {
            let part = Part::new(&schema, ours.ty, &field.ty).ok_or_else(other)?;
            fields.push((field.name.clone(), part));
        }
        Ok(Self { schema: Arc::new(schema), fields })
    }

    /// The contract's Avro form.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The columns of a batch, ready to be encoded.
    ///
    /// # Errors
    /// `Internal.Bug` if they are not those of the contract.
    pub(crate) fn rows<'a>(&'a self, batch: &'a RecordBatch) -> Result<Rows<'a>> {
        let bound = |((name, part), array): (&'a (String, Part), &'a ArrayRef)| {
            Some((name.as_str(), Bound::new(part, array)?))
        };
        let columns: Option<Vec<_>> = self.fields.iter().zip(batch.columns()).map(bound).collect();
        match columns {
            Some(columns) if columns.len() == self.fields.len() => Ok(Rows { columns }),
            _ => Err(Error::new(codes::INTERNAL, "a batch does not have the schema of its contract")
                .hint("report this with the pipeline that caused it")),
        }
    }
}

impl Part {
    /// Contracts bound how deep types nest. `None` if the schema is not that of the type.
    fn new(schema: &Schema, node: NodeId, ty: &Type) -> Option<Self> {
        let (null, nodes): (Option<usize>, Vec<NodeId>) = match schema.kind(node) {
            Kind::Union(branches) => {
                let is_null = |b: &NodeId| *schema.kind(*b) == Kind::Null;
                (
                    branches.iter().position(is_null),
                    branches.iter().filter(|b| !is_null(b)).copied().collect(),
                )
            }
            _ => (None, vec![node]),
        };
        if let Type::Union(branches) = ty {
            if branches.len() != nodes.len() {
                return None;
            }
            let parts = branches.iter().zip(&nodes).map(|(b, node)| Self::new(schema, *node, &b.ty));
            return Some(Self { null, shape: Shape::Union(parts.collect::<Option<_>>()?) });
        }
        let [node] = nodes.as_slice() else { return None };
        let shape = match (ty, schema.kind(*node)) {
            (Type::Boolean, Kind::Boolean) => Shape::Boolean,
            (Type::Int | Type::Date | Type::TimeMillis, Kind::Int) => Shape::Int,
            (Type::Long | Type::TimeMicros, Kind::Long) => Shape::Long,
            (ty, Kind::Long) if ty.is_time() => Shape::Long,
            (Type::Float, Kind::Float) => Shape::Float,
            (Type::Double, Kind::Double) => Shape::Double,
            (Type::Bytes, Kind::Bytes) => Shape::Bytes,
            (Type::String | Type::Uuid, Kind::String) => Shape::Text,
            (Type::Enum(_), Kind::Enum(of)) => Shape::Enum(of.symbols.iter().cloned().zip(0_i64..).collect()),
            (Type::Fixed(size), Kind::Fixed(fixed)) if fixed.size == *size as usize => Shape::Fixed,
            (Type::Decimal { .. }, Kind::Bytes) => Shape::Decimal(None),
            (Type::Decimal { .. }, Kind::Fixed(fixed)) => Shape::Decimal(Some(fixed.size)),
            (Type::Uuid, Kind::Fixed(fixed)) if fixed.size == 16 => Shape::UuidBytes,
            (Type::Duration, Kind::Fixed(fixed)) if fixed.size == 12 => Shape::Duration,
            (Type::Array(item), Kind::Array(node)) => {
                Shape::Array(Box::new(Self::new(schema, *node, &item.ty)?))
            }
            (Type::Map(value), Kind::Map(node)) => Shape::Map(Box::new(Self::new(schema, *node, &value.ty)?)),
            (Type::Record(fields), Kind::Record(record)) if fields.len() == record.fields.len() => {
                let parts = fields.iter().zip(&record.fields).map(|(f, r)| Self::new(schema, r.ty, &f.ty));
                Shape::Record(parts.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(Self { null, shape })
    }
}

/// The rows of a batch.
pub(crate) struct Rows<'a> {
    columns: Vec<(&'a str, Bound<'a>)>,
}

impl Rows<'_> {
    /// Appends the bytes of a row.
    ///
    /// # Errors
    /// `Sink.Rejected` for a value that is none of its contract's.
    pub(crate) fn encode(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        for (name, column) in &self.columns {
            column.put(row, out).ok_or_else(|| {
                Error::new(
                    codes::SINK_REJECTED,
                    "a value has no form in Avro: it is none of its field's type",
                )
                .field(name)
                .hint("leave such rows out with a `WHERE`, or correct the contract")
            })?;
        }
        Ok(())
    }
}

/// The values of a part, and which of them are null.
struct Bound<'a> {
    null: Option<usize>,
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int(&'a [i32]),
    Long(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    /// Where each ends, and the bytes.
    Bytes(&'a [i32], &'a [u8]),
    Enum(&'a [i32], &'a [u8], &'a HashMap<String, i64>),
    Fixed(&'a FixedSizeBinaryArray),
    Decimal(&'a [i128], Option<usize>),
    UuidBytes(&'a [i32], &'a [u8]),
    Duration(&'a [arrow::datatypes::IntervalMonthDayNano]),
    Array(&'a [i32], Box<Bound<'a>>),
    Map(&'a [i32], Box<Bound<'a>>, Box<Bound<'a>>),
    Record(Vec<Bound<'a>>),
    Union(&'a UnionArray, Vec<Bound<'a>>),
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<&[T::Native]> {
    array.as_primitive_opt::<T>().map(|a| a.values().as_ref())
}

impl<'a> Bound<'a> {
    /// `None` if the array is not of the part's type.
    fn new(part: &'a Part, array: &'a ArrayRef) -> Option<Self> {
        let text = || array.as_string_opt::<i32>().map(|a| (a.value_offsets(), a.value_data()));
        let values = match &part.shape {
            Shape::Boolean => Values::Boolean(array.as_boolean_opt()?),
            Shape::Int => Values::Int(
                numbers::<Int32Type>(array)
                    .or_else(|| numbers::<Date32Type>(array))
                    .or_else(|| numbers::<Time32MillisecondType>(array))?,
            ),
            Shape::Long => Values::Long(
                numbers::<Int64Type>(array)
                    .or_else(|| numbers::<TimestampMicrosecondType>(array))
                    .or_else(|| numbers::<TimestampMillisecondType>(array))
                    .or_else(|| numbers::<TimestampNanosecondType>(array))
                    .or_else(|| numbers::<Time64MicrosecondType>(array))?,
            ),
            Shape::Float => Values::Float(numbers::<Float32Type>(array)?),
            Shape::Double => Values::Double(numbers::<Float64Type>(array)?),
            Shape::Bytes => {
                let bytes = array.as_binary_opt::<i32>()?;
                Values::Bytes(bytes.value_offsets(), bytes.value_data())
            }
            Shape::Text => text().map(|(ends, bytes)| Values::Bytes(ends, bytes))?,
            Shape::Enum(symbols) => text().map(|(ends, bytes)| Values::Enum(ends, bytes, symbols))?,
            Shape::UuidBytes => text().map(|(ends, bytes)| Values::UuidBytes(ends, bytes))?,
            Shape::Fixed => Values::Fixed(array.as_fixed_size_binary_opt()?),
            Shape::Decimal(size) => Values::Decimal(numbers::<Decimal128Type>(array)?, *size),
            Shape::Duration => Values::Duration(numbers::<IntervalMonthDayNanoType>(array)?),
            Shape::Array(item) => {
                let list = array.as_list_opt::<i32>()?;
                Values::Array(list.value_offsets(), Box::new(Self::new(item, list.values())?))
            }
            Shape::Map(value) => {
                static KEY: Part = Part { null: None, shape: Shape::Text };
                let map = array.as_map_opt()?;
                let (key, value) = (Self::new(&KEY, map.keys())?, Self::new(value, map.values())?);
                Values::Map(map.value_offsets(), Box::new(key), Box::new(value))
            }
            Shape::Record(parts) => {
                let record = array.as_struct_opt()?;
                let bound = parts.iter().zip(record.columns()).map(|(p, a)| Self::new(p, a));
                let bound: Vec<_> = bound.collect::<Option<_>>()?;
                (bound.len() == parts.len()).then_some(Values::Record(bound))?
            }
            Shape::Union(parts) => {
                let union = array.as_union_opt()?;
                let bound = parts.iter().zip(0_i8..).map(|(p, id)| Self::new(p, union.child(id)));
                Values::Union(union, bound.collect::<Option<_>>()?)
            }
        };
        let nulls = array.nulls().filter(|n| n.null_count() > 0);
        Some(Self { null: part.null, nulls, values })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|n| n.is_null(row))
    }

    /// Appends a value; `None` if it is none of its type.
    fn put(&self, row: usize, out: &mut Vec<u8>) -> Option<()> {
        if let Values::Union(union, branches) = &self.values {
            let id = usize::try_from(union.type_id(row)).ok()?;
            let (branch, at) = (branches.get(id)?, union.value_offset(row));
            // A null is one in the first branch: unions have no bits of their own for it.
            if branch.is_null(at) {
                long(self.null?.try_into().ok()?, out);
                return Some(());
            }
            let number = id + usize::from(self.null.is_some_and(|null| null <= id));
            long(number.try_into().ok()?, out);
            return branch.put(at, out);
        }
        match (self.null, self.is_null(row)) {
            (None, true) => return None,
            (None, false) => {}
            (Some(null), true) => {
                long(null.try_into().ok()?, out);
                return Some(());
            }
            // Of the two branches the other one.
            (Some(null), false) => long(i64::from(null == 0), out),
        }
        match &self.values {
            Values::Boolean(values) => out.push(values.value(row).into()),
            Values::Int(values) => long((*values.get(row)?).into(), out),
            Values::Long(values) => long(*values.get(row)?, out),
            Values::Float(values) => out.extend_from_slice(&values.get(row)?.to_le_bytes()),
            Values::Double(values) => out.extend_from_slice(&values.get(row)?.to_le_bytes()),
            Values::Bytes(ends, bytes) => sized(slice(ends, bytes, row)?, out),
            Values::Enum(ends, bytes, symbols) => {
                let symbol = std::str::from_utf8(slice(ends, bytes, row)?).ok()?;
                long(*symbols.get(symbol)?, out);
            }
            Values::UuidBytes(ends, bytes) => {
                let digits: Vec<u8> =
                    slice(ends, bytes, row)?.iter().copied().filter(|b| *b != b'-').collect();
                let mut uuid = [0; 16];
                hex::decode_to_slice(&digits, &mut uuid).ok()?;
                out.extend_from_slice(&uuid);
            }
            Values::Fixed(values) => out.extend_from_slice(values.value(row)),
            Values::Decimal(values, size) => decimal(*values.get(row)?, *size, out)?,
            Values::Duration(values) => {
                let span = values.get(row)?;
                if span.nanoseconds % 1_000_000 != 0 {
                    return None;
                }
                let millis = u32::try_from(span.nanoseconds / 1_000_000).ok()?;
                for part in [u32::try_from(span.months).ok()?, u32::try_from(span.days).ok()?, millis] {
                    out.extend_from_slice(&part.to_le_bytes());
                }
            }
            Values::Array(offsets, item) => block(offsets, row, out, |at, out| item.put(at, out))?,
            Values::Map(offsets, key, value) => block(offsets, row, out, |at, out| {
                key.put(at, out)?;
                value.put(at, out)
            })?,
            Values::Record(parts) => parts.iter().try_for_each(|part| part.put(row, out))?,
            Values::Union(..) => return None,
        }
        Some(())
    }
}

/// A number in zig-zag form, seven bits a byte, the lowest first.
fn long(n: i64, out: &mut Vec<u8>) {
    let mut left = ((n << 1) ^ (n >> 63)).cast_unsigned();
    while left > 0x7f {
        out.push((left as u8) | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    long(i64::try_from(bytes.len()).unwrap_or(i64::MAX), out);
    out.extend_from_slice(bytes);
}

fn ends(offsets: &[i32], row: usize) -> Option<(usize, usize)> {
    let end = |at: usize| usize::try_from(*offsets.get(at)?).ok();
    Some((end(row)?, end(row + 1)?))
}

fn slice<'a>(offsets: &[i32], bytes: &'a [u8], row: usize) -> Option<&'a [u8]> {
    let (begin, end) = ends(offsets, row)?;
    bytes.get(begin..end)
}

/// The items of an array or map, in one block.
fn block(
    offsets: &[i32],
    row: usize,
    out: &mut Vec<u8>,
    put: impl Fn(usize, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let (begin, end) = ends(offsets, row)?;
    if begin < end {
        long(i64::try_from(end - begin).ok()?, out);
        (begin..end).try_for_each(|at| put(at, out))?;
    }
    out.push(0);
    Some(())
}

/// Two's complement, most significant byte first: as few bytes as hold it, or as many as the fixed has.
fn decimal(value: i128, size: Option<usize>, out: &mut Vec<u8>) -> Option<()> {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xFF } else { 0 };
    let keeps = |at: &usize| {
        let (byte, next) = (bytes.get(*at), bytes.get(at + 1));
        byte != Some(&sign) || next.is_none_or(|next| (next ^ sign) & 0x80 != 0)
    };
    let first = (0..bytes.len()).find(keeps).unwrap_or(0);
    let kept = bytes.get(first..)?;
    match size {
        None => sized(kept, out),
        Some(size) => {
            let more = size.checked_sub(kept.len())?;
            out.resize(out.len() + more, sign);
            out.extend_from_slice(kept);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn a_decimal_takes_as_few_bytes_as_hold_it() {
        for (value, bytes) in [
            (0, vec![0]),
            (127, vec![0x7F]),
            (128, vec![0, 0x80]),
            (-1, vec![0xFF]),
            (-128, vec![0x80]),
            (-129, vec![0xFF, 0x7F]),
            (i128::MAX, i128::MAX.to_be_bytes().to_vec()),
            (i128::MIN, i128::MIN.to_be_bytes().to_vec()),
        ] {
            let mut out = Vec::new();
            decimal(value, None, &mut out).unwrap();
            assert_eq!(out.split_first().unwrap().1, bytes, "{value}");
        }
        let mut out = Vec::new();
        assert_eq!(decimal(-2, Some(3), &mut out), Some(()));
        assert_eq!(out, [0xFF, 0xFF, 0xFE]);
        assert_eq!(decimal(1 << 30, Some(3), &mut out), None);
    }
}
