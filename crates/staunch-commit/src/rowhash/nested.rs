//! Values with parts, row by row: the kind of every part is resolved once, then a value writes itself and its parts.

use arrow::array::{
    Array, AsArray, BooleanArray, FixedSizeBinaryArray, GenericBinaryArray, ListArray, MapArray, StringArray,
    UnionArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
    IntervalMonthDayNano, IntervalMonthDayNanoType, Time32MillisecondType, Time64MicrosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use staunch_contract::Type;

/// A column, or a part of one.
pub(super) struct Value<'a> {
    array: &'a dyn Array,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Boolean(&'a BooleanArray),
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal(&'a [i128]),
    Text(&'a StringArray),
    Bytes(&'a GenericBinaryArray<i32>),
    Fixed(&'a FixedSizeBinaryArray),
    Span(&'a [IntervalMonthDayNano]),
    Array(&'a ListArray, Box<Value<'a>>),
    Map(&'a MapArray, &'a StringArray, Box<Value<'a>>),
    Record(Vec<Value<'a>>),
    Union(&'a UnionArray, Vec<Value<'a>>),
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&[T::Native]> {
    array.as_primitive_opt::<T>().map(|a| &a.values()[..])
}

impl<'a> Value<'a> {
    /// `None` if the array does not carry the type.
    pub(super) fn new(ty: &Type, array: &'a dyn Array) -> Option<Self> {
        let part = |ty: &Type, array: &'a dyn Array| Self::new(ty, array).map(Box::new);
        let kind = match ty {
            Type::Boolean => Kind::Boolean(array.as_boolean_opt()?),
            Type::Int => Kind::Narrow(numbers::<Int32Type>(array)?),
            Type::Date => Kind::Narrow(numbers::<Date32Type>(array)?),
            Type::TimeMillis => Kind::Narrow(numbers::<Time32MillisecondType>(array)?),
            Type::Long => Kind::Wide(numbers::<Int64Type>(array)?),
            Type::TimeMicros => Kind::Wide(numbers::<Time64MicrosecondType>(array)?),
            Type::TimestampMillis | Type::LocalTimestampMillis => {
                Kind::Wide(numbers::<TimestampMillisecondType>(array)?)
            }
            Type::TimestampMicros | Type::LocalTimestampMicros => {
                Kind::Wide(numbers::<TimestampMicrosecondType>(array)?)
            }
            Type::TimestampNanos | Type::LocalTimestampNanos => {
                Kind::Wide(numbers::<TimestampNanosecondType>(array)?)
            }
            Type::Float => Kind::Float(numbers::<Float32Type>(array)?),
            Type::Double => Kind::Double(numbers::<Float64Type>(array)?),
            Type::Decimal { .. } => Kind::Decimal(numbers::<Decimal128Type>(array)?),
            Type::String | Type::Enum(_) | Type::Uuid => Kind::Text(array.as_string_opt()?),
            Type::Bytes => Kind::Bytes(array.as_binary_opt()?),
            Type::Fixed(_) => Kind::Fixed(array.as_fixed_size_binary_opt()?),
            Type::Duration => Kind::Span(numbers::<IntervalMonthDayNanoType>(array)?),
            Type::Array(item) => {
                let list = array.as_list_opt()?;
                Kind::Array(list, part(&item.ty, list.values().as_ref())?)
            }
            Type::Map(value) => {
                let map = array.as_map_opt()?;
                Kind::Map(map, map.keys().as_string_opt()?, part(&value.ty, map.values().as_ref())?)
            }
            Type::Record(fields) => {
                let record = array.as_struct_opt()?;
                let parts = fields.iter().zip(record.columns()).map(|(f, c)| Self::new(&f.ty, c.as_ref()));
                Kind::Record(parts.collect::<Option<_>>()?)
            }
            Type::Union(branches) => {
                let union = array.as_union_opt()?;
                let parts =
                    branches.iter().zip(0_i8..).map(|(b, id)| Self::new(&b.ty, union.child(id).as_ref()));
                Kind::Union(union, parts.collect::<Option<_>>()?)
            }
        };
        Some(Self { array, kind })
    }

    fn is_null(&self, at: usize) -> bool {
        match &self.kind {
            // A union is null where the value of its branch is.
            Kind::Union(union, parts) => {
                let branch = usize::try_from(union.type_id(at)).ok().and_then(|id| parts.get(id));
                branch.is_none_or(|part| part.is_null(union.value_offset(at)))
            }
            _ => self.array.is_null(at),
        }
    }

    /// Appends the mark of a null, or that of a value and the value. `None` if it has no encoding.
    pub(super) fn push(&self, at: usize, out: &mut Vec<u8>) -> Option<()> {
        if self.is_null(at) {
            out.push(0);
            return Some(());
        }
        out.push(1);
        self.put(at, out)
    }

    /// Appends a value that is not null, without a mark.
    fn put(&self, at: usize, out: &mut Vec<u8>) -> Option<()> {
        match &self.kind {
            Kind::Boolean(values) => out.push(u8::from(values.value(at))),
            Kind::Narrow(values) => out.extend(i64::from(values[at]).to_le_bytes()),
            Kind::Wide(values) => out.extend(values[at].to_le_bytes()),
            Kind::Float(values) => {
                let canonical = if values[at].is_nan() { 0x7fc0_0000 } else { values[at].to_bits() };
                out.extend(canonical.to_le_bytes());
            }
            Kind::Double(values) => {
                let canonical =
                    if values[at].is_nan() { 0x7ff8_0000_0000_0000 } else { values[at].to_bits() };
                out.extend(canonical.to_le_bytes());
            }
            Kind::Decimal(values) => out.extend(values[at].to_le_bytes()),
            Kind::Text(values) => sized(values.value(at).as_bytes(), out)?,
            Kind::Bytes(values) => sized(values.value(at), out)?,
            Kind::Fixed(values) => sized(values.value(at), out)?,
            Kind::Span(values) => out.extend(span(values[at])),
            Kind::Array(list, item) => {
                let (first, behind) = bounds(list.value_offsets(), at)?;
                count(behind - first, out)?;
                for part in first..behind {
                    item.push(part, out)?;
                }
            }
            Kind::Map(map, keys, value) => {
                let (first, behind) = bounds(map.value_offsets(), at)?;
                count(behind - first, out)?;
                let mut entries: Vec<(&[u8], usize)> =
                    (first..behind).map(|part| (keys.value(part).as_bytes(), part)).collect();
                // Of equal keys, which no map should have, the first stays first.
                entries.sort();
                for (key, part) in entries {
                    sized(key, out)?;
                    value.push(part, out)?;
                }
            }
            Kind::Record(parts) => {
                for part in parts {
                    part.push(at, out)?;
                }
            }
            Kind::Union(union, parts) => {
                let branch = usize::try_from(union.type_id(at)).ok()?;
                count(branch, out)?;
                parts.get(branch)?.put(union.value_offset(at), out)?;
            }
        }
        Some(())
    }
}

fn bounds(offsets: &[i32], at: usize) -> Option<(usize, usize)> {
    let [first, behind] = offsets.get(at..at + 2)? else { return None };
    Some((usize::try_from(*first).ok()?, usize::try_from(*behind).ok()?))
}

fn count(count: usize, out: &mut Vec<u8>) -> Option<()> {
    out.extend(u32::try_from(count).ok()?.to_le_bytes());
    Some(())
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    count(bytes.len(), out)?;
    out.extend_from_slice(bytes);
    Some(())
}

/// Months and days of 32 bits, nanoseconds of 64.
pub(super) fn span(span: IntervalMonthDayNano) -> [u8; 16] {
    let mut out = [0; 16];
    let parts = span.months.to_le_bytes().into_iter().chain(span.days.to_le_bytes());
    for (to, from) in out.iter_mut().zip(parts.chain(span.nanoseconds.to_le_bytes())) {
        *to = from;
    }
    out
}
