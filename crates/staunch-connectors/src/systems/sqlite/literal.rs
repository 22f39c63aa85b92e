//! The default of a field as a literal of SQLite: what the rows that are there have in a column that is new. It is what a row with that value would
//! store.

use crate::systems::text::{Unit, push_date, push_decimal, push_time, push_timestamp};
use serde_json::Value;
use staunch_contract::Type;

/// The literal; `None` where a column cannot have such a default.
pub(super) fn literal(ty: &Type, default: &Value) -> Option<String> {
    let mut text = String::new();
    let whole = || default.as_i64();
    let fits = match ty {
        Type::Boolean => return default.as_bool().map(|value| i32::from(value).to_string()),
        Type::Int | Type::Long => return whole().map(|value| value.to_string()),
        Type::Float | Type::Double => {
            let value = default.as_f64().filter(|value| value.is_finite())?;
            // Of all digits that are needed to read the same number.
            return Some(format!("{value:?}"));
        }
        Type::Bytes | Type::Fixed(_) => return Some(format!("X'{}'", hex::encode(bytes(default)?))),
        Type::String | Type::Enum(_) | Type::Uuid => {
            text.push_str(default.as_str()?);
            // A literal would end at one.
            !text.contains('\0')
        }
        Type::Decimal { scale, .. } => {
            push_decimal(&mut text, unscaled(&bytes(default)?)?, *scale);
            true
        }
        Type::Date => push_date(&mut text, whole()?),
        Type::TimeMillis => push_time(&mut text, whole()?, Unit::Millis),
        Type::TimeMicros => push_time(&mut text, whole()?, Unit::Micros),
        Type::TimestampMillis => push_timestamp(&mut text, whole()?, Unit::Millis, true),
        Type::TimestampMicros => push_timestamp(&mut text, whole()?, Unit::Micros, true),
        Type::TimestampNanos => push_timestamp(&mut text, whole()?, Unit::Nanos, true),
        Type::LocalTimestampMillis => push_timestamp(&mut text, whole()?, Unit::Millis, false),
        Type::LocalTimestampMicros => push_timestamp(&mut text, whole()?, Unit::Micros, false),
        Type::LocalTimestampNanos => push_timestamp(&mut text, whole()?, Unit::Nanos, false),
        Type::Duration | Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => false,
    };
    // As with names, but with the other mark.
    fits.then(|| format!("'{}'", text.replace('\'', "''")))
}

/// Bytes in Avro's JSON: a text whose characters are the bytes.
fn bytes(default: &Value) -> Option<Vec<u8>> {
    default.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// A number in two's complement, the most significant byte first.
fn unscaled(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    let sign: i128 = if first >= 0x80 { -1 } else { 0 };
    let held = bytes.len() <= 16;
    held.then(|| bytes.iter().fold(sign, |number, byte| (number << 8) | i128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_default_is_what_a_row_would_store() {
        let decimal = Type::Decimal { precision: 9, scale: 2 };
        for (ty, default, expected) in [
            (Type::Boolean, json!(true), Some("1")),
            (Type::Long, json!(-7), Some("-7")),
            (Type::Double, json!(0.1), Some("0.1")),
            (Type::Double, json!(1e300), Some("1e300")),
            (Type::Float, json!(2), Some("2.0")),
            (Type::String, json!("it's"), Some("'it''s'")),
            (Type::String, json!("a\u{0}b"), None),
            (Type::Bytes, json!("\u{0}\u{ff}"), Some("X'00ff'")),
            (decimal.clone(), json!("\u{ff}\u{6a}"), Some("'-1.50'")),
            (decimal, json!("\u{96}"), Some("'-1.06'")),
            (Type::Date, json!(18_262), Some("'2020-01-01'")),
            (Type::TimestampMillis, json!(1), Some("'1970-01-01T00:00:00.001Z'")),
            (Type::Duration, json!("\u{0}"), None),
        ] {
            assert_eq!(literal(&ty, &default).as_deref(), expected, "{ty} {default}");
        }
    }
}
