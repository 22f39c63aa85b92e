//! Which Arrow types fit which contract types, and what has to be looked at.

use crate::model::Type;
use arrow::datatypes::{DataType, TimeUnit};

/// How a column's values become those of the contract's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// As they are.
    Same,
    /// By a cast that loses nothing; a value that it cannot carry over (an overflow) becomes a null and is found by that.
    Cast,
    /// By a cast to a coarser unit: values must be multiples of this number.
    Coarser(i64),
    /// The column is always null.
    AllNull,
}

/// The fit of `found` to a type that is not nested, and what must be asserted of each value, as a predicate for `plan`.
pub(super) fn fit(found: &DataType, ty: &Type, nullable: bool) -> Option<(Fit, Option<String>)> {
    use DataType::{
        Binary, BinaryView, FixedSizeBinary, Float16, Float32, LargeBinary, LargeUtf8, Utf8, Utf8View,
    };
    if *found == ty.arrow() {
        return Some((Fit::Same, None));
    }
    if *found == DataType::Null {
        return nullable.then_some((Fit::AllNull, None));
    }
    // A dictionary is its values in another form.
    if let DataType::Dictionary(_, values) = found {
        return match fit(values, ty, nullable)? {
            (Fit::Same | Fit::Cast, note) => Some((Fit::Cast, note)),
            // Units under a dictionary do not come out of any query.
            _ => None,
        };
    }
    if let Some(bits) = integer(found) {
        return integer_fit(bits, ty);
    }
    if let Some((precision, scale)) = decimal(found) {
        let Type::Decimal { precision: p, scale: s } = ty else { return None };
        let (s, p) = (i16::from(*s), i16::from(*p));
        return (s >= scale && p - s >= precision - scale).then_some((Fit::Cast, None));
    }
    if let (Type::Fixed(size), Binary | LargeBinary | BinaryView) = (ty, found) {
        return Some((Fit::Cast, Some(format!("has {size} bytes"))));
    }
    let lossless = matches!(
        (found, ty),
        (Float16, Type::Float | Type::Double)
            | (Float32, Type::Double)
            | (Utf8View | LargeUtf8 | Utf8, Type::String | Type::Enum(_) | Type::Uuid)
            | (BinaryView | LargeBinary | FixedSizeBinary(_), Type::Bytes)
    );
    if lossless {
        return Some((Fit::Cast, None));
    }
    let (from, to, whole) = units(found, ty)?;
    Some(match from / to {
        // Finer or equal; an overflow shows as a null.
        0 | 1 => (Fit::Cast, None),
        factor => (Fit::Coarser(factor), Some(format!("is a whole number of {whole}"))),
    })
}

/// Signed or not, and how many bits.
fn integer(ty: &DataType) -> Option<(bool, u8)> {
    Some(match ty {
        DataType::Int8 => (true, 8),
        DataType::Int16 => (true, 16),
        DataType::Int32 => (true, 32),
        DataType::Int64 => (true, 64),
        DataType::UInt8 => (false, 8),
        DataType::UInt16 => (false, 16),
        DataType::UInt32 => (false, 32),
        DataType::UInt64 => (false, 64),
        _ => return None,
    })
}

fn integer_fit((signed, bits): (bool, u8), ty: &Type) -> Option<(Fit, Option<String>)> {
    // The bits that a signed type, or the mantissa of a floating type, must have to hold every value.
    let magnitude = if signed { bits - 1 } else { bits };
    let digits = match bits {
        8 => 3,
        16 => 5,
        32 => 10,
        _ if signed => 19,
        _ => 20,
    };
    let range = |room: u8| {
        let note = (magnitude > room).then(|| format!("fits {ty}"));
        Some((Fit::Cast, note))
    };
    match ty {
        Type::Int => range(31),
        Type::Long => range(63),
        Type::Float => (magnitude <= 24).then_some((Fit::Cast, None)),
        Type::Double => (magnitude <= 53).then_some((Fit::Cast, None)),
        Type::Decimal { precision, scale } => (precision - scale >= digits).then_some((Fit::Cast, None)),
        _ => None,
    }
}

fn decimal(ty: &DataType) -> Option<(i16, i16)> {
    match ty {
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => Some((i16::from(*p), i16::from(*s))),
        _ => None,
    }
}

/// Units per second, of the column and of the contract, and the name of the latter. Dates count days as if they were so many
/// parts of a day: only the quotient matters.
fn units(found: &DataType, ty: &Type) -> Option<(i64, i64, &'static str)> {
    use DataType::{Date64, Time32, Time64, Timestamp};
    const MILLIS: (i64, &str) = (1_000, "milliseconds");
    const MICROS: (i64, &str) = (1_000_000, "microseconds");
    const NANOS: (i64, &str) = (1_000_000_000, "nanoseconds");
    let ((to, whole), from) = match (ty, found) {
        (Type::TimestampMillis, Timestamp(unit, Some(_)))
        | (Type::LocalTimestampMillis, Timestamp(unit, None))
        | (Type::TimeMillis, Time32(unit) | Time64(unit)) => (MILLIS, per_second(unit)),
        (Type::TimestampMicros, Timestamp(unit, Some(_)))
        | (Type::LocalTimestampMicros, Timestamp(unit, None))
        | (Type::TimeMicros, Time32(unit) | Time64(unit)) => (MICROS, per_second(unit)),
        (Type::TimestampNanos, Timestamp(unit, Some(_)))
        | (Type::LocalTimestampNanos, Timestamp(unit, None)) => (NANOS, per_second(unit)),
        (Type::Date, Date64) => ((1, "days"), 86_400_000),
        _ => return None,
    };
    Some((from, to, whole))
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}
