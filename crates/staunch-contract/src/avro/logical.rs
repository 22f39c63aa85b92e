//! Logical types: which there are, and on what they stand.
//!
//! One that does not fit what it stands on is ignored, as the specification demands; [`super::Schema::ignored`] tells which and why.

use super::json::{Node, Tree};
use super::schema::Kind;

/// A logical type of Avro 1.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Logical {
    /// A decimal number: two's complement, most significant byte first, on bytes or fixed.
    Decimal {
        /// Digits, at least 1.
        precision: u32,
        /// Digits behind the point, at most `precision`.
        scale: u32,
    },
    /// A decimal number that carries its scale, on bytes.
    BigDecimal,
    /// A UUID: text on string, 16 bytes on fixed.
    Uuid,
    /// Days since 1970-01-01, on int.
    Date,
    /// Milliseconds since midnight, on int.
    TimeMillis,
    /// Microseconds since midnight, on long.
    TimeMicros,
    /// An instant in milliseconds since 1970-01-01T00:00:00Z, on long.
    TimestampMillis,
    /// An instant in microseconds, on long.
    TimestampMicros,
    /// An instant in nanoseconds, on long.
    TimestampNanos,
    /// A date and time without a zone, in milliseconds, on long.
    LocalTimestampMillis,
    /// A date and time without a zone, in microseconds, on long.
    LocalTimestampMicros,
    /// A date and time without a zone, in nanoseconds, on long.
    LocalTimestampNanos,
    /// Months, days and milliseconds: three unsigned 32-bit numbers, least significant byte first, on fixed of 12.
    Duration,
}

impl Logical {
    /// The name in a schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decimal { .. } => "decimal",
            Self::BigDecimal => "big-decimal",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::TimestampNanos => "timestamp-nanos",
            Self::LocalTimestampMillis => "local-timestamp-millis",
            Self::LocalTimestampMicros => "local-timestamp-micros",
            Self::LocalTimestampNanos => "local-timestamp-nanos",
            Self::Duration => "duration",
        }
    }
}

/// The most digits that a decimal on a fixed of so many bytes can have: floor(log10(2^(8n-1) - 1)).
pub(super) fn digits_of_fixed(size: usize) -> u32 {
    let bits = (size as f64).mul_add(8.0, -1.0);
    // 2^b - 1 has as many digits as 2^b, which is never a power of ten. The cast saturates.
    if size == 0 { 0 } else { (bits * std::f64::consts::LOG10_2).floor() as u32 }
}

/// The logical type that `object` asks for on `kind`, or why it is ignored.
pub(super) fn read(written: &Node, object: &Node, kind: &Kind) -> Result<Logical, String> {
    let Tree::Text(name) = &written.tree else {
        return Err(format!("a logical type is named by a text, not by {}", written.kind()));
    };
    let on = |wanted: &str, fits: bool, logical: Logical| {
        if fits {
            Ok(logical)
        } else {
            Err(format!("`{name}` stands on {wanted}, not on {}", kind.describe()))
        }
    };
    let fixed = |size: usize| matches!(kind, Kind::Fixed(fixed) if fixed.size == size);
    let (int, long) = (matches!(kind, Kind::Int), matches!(kind, Kind::Long));
    match name.as_str() {
        "decimal" => decimal(object, kind),
        "big-decimal" => on("bytes", matches!(kind, Kind::Bytes), Logical::BigDecimal),
        "uuid" => {
            on("string or a fixed of 16 bytes", matches!(kind, Kind::String) || fixed(16), Logical::Uuid)
        }
        "date" => on("int", int, Logical::Date),
        "time-millis" => on("int", int, Logical::TimeMillis),
        "time-micros" => on("long", long, Logical::TimeMicros),
        "timestamp-millis" => on("long", long, Logical::TimestampMillis),
        "timestamp-micros" => on("long", long, Logical::TimestampMicros),
        "timestamp-nanos" => on("long", long, Logical::TimestampNanos),
        "local-timestamp-millis" => on("long", long, Logical::LocalTimestampMillis),
        "local-timestamp-micros" => on("long", long, Logical::LocalTimestampMicros),
        "local-timestamp-nanos" => on("long", long, Logical::LocalTimestampNanos),
        "duration" => on("a fixed of 12 bytes", fixed(12), Logical::Duration),
        other => Err(format!("there is no logical type `{other}` in Avro 1.12")),
    }
}

fn decimal(object: &Node, kind: &Kind) -> Result<Logical, String> {
    let most = match kind {
        Kind::Bytes => u32::MAX,
        Kind::Fixed(fixed) => digits_of_fixed(fixed.size),
        _ => return Err(format!("`decimal` stands on bytes or fixed, not on {}", kind.describe())),
    };
    let number = |key: &str| object.get(key).map(|node| node.integer().and_then(|n| u32::try_from(n).ok()));
    let precision = match number("precision") {
        None => return Err("the decimal has no `precision`".to_owned()),
        Some(None | Some(0)) => {
            return Err("the `precision` of a decimal is a whole number from 1".to_owned());
        }
        Some(Some(precision)) => precision,
    };
    if precision > most {
        return Err(format!("a decimal on {} has at most {most} digits", kind.describe()));
    }
    let scale = match number("scale") {
        None => 0,
        Some(None) => return Err("the `scale` of a decimal is a whole number from 0".to_owned()),
        Some(Some(scale)) => scale,
    };
    if scale > precision {
        return Err("the `scale` of the decimal is greater than its `precision`".to_owned());
    }
    Ok(Logical::Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::digits_of_fixed;

    #[test]
    fn digits_are_those_of_the_largest_number() {
        // 127, 32767, 2^31 - 1, 2^63 - 1, 2^127 - 1.
        for (size, digits) in [(0, 0), (1, 2), (2, 4), (4, 9), (8, 18), (16, 38), (129, 310)] {
            assert_eq!(digits_of_fixed(size), digits, "{size}");
        }
        assert_eq!(digits_of_fixed(usize::MAX), u32::MAX);
    }
}
