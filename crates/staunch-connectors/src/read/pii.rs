//! The treatment of personal values: the last link of the chain, before anything is handed on.

use crate::read::parse::duration::duration_text;
use crate::read::parse::time;
use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, IntervalUnit, Time32MillisecondType, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use staunch_types::{Error, Result, codes};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// How many tokens of one chunk are remembered; beyond that they are computed again.
const REMEMBERED: usize = 1 << 16;

/// What happens to a field.
#[derive(Clone)]
pub(crate) enum Treat {
    Keep,
    Drop,
    Mask,
    Token(Box<Hmac<Sha256>>),
}

impl Treat {
    /// Tokens under the key of a class.
    pub(crate) fn token(key: &[u8; 32]) -> Result<Self> {
        let mac = Hmac::<Sha256>::new_from_slice(key)
            .map_err(|_| Error::new(codes::INTERNAL, "a token key has a wrong length").hint("report this"))?;
        Ok(Self::Token(Box::new(mac)))
    }

    /// Whether the value stays what it is.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The column after treatment.
    pub(crate) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::Keep | Self::Drop => Ok(Arc::clone(array)),
            Self::Mask => {
                // A union has no marks of its own for nulls.
                let nulls = array.logical_nulls();
                let here = |row: usize| nulls.as_ref().is_none_or(|n| n.is_valid(row));
                let masked: StringArray = (0..array.len()).map(|row| here(row).then_some("****")).collect();
                Ok(Arc::new(masked))
            }
            Self::Token(mac) => tokens(mac, array),
        }
    }
}

fn tokens(mac: &Hmac<Sha256>, array: &ArrayRef) -> Result<ArrayRef> {
    let mut out = StringBuilder::with_capacity(array.len(), array.len().saturating_mul(32));
    let mut known: HashMap<Vec<u8>, [u8; 32]> = HashMap::new();
    let mut canonical = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            out.append_null();
            continue;
        }
        canonical.clear();
        write_canonical(array, row, &mut canonical)?;
        let digits = match known.get(&canonical) {
            Some(digits) => *digits,
            None => {
                let mut mac = mac.clone();
                mac.update(&canonical);
                let digits = hex16(&mac.finalize().into_bytes());
                if known.len() < REMEMBERED {
                    known.insert(canonical.clone(), digits);
                }
                digits
            }
        };
        out.append_value(std::str::from_utf8(&digits).unwrap_or_default());
    }
    Ok(Arc::new(out.finish()))
}

/// The first 16 bytes as 32 lower-case hexadecimal digits.
fn hex16(bytes: &[u8]) -> [u8; 32] {
    let mut digits = [b'0'; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
    }
    digits
}

/// The text of a value that equal values share, whatever their type and source: numbers without zeros at the end of
/// their fraction, instants in UTC, text and bytes as they are.
fn write_canonical(array: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<()> {
    let mut text = String::new();
    let done = match array.data_type() {
        DataType::Utf8 => {
            out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes());
            return Ok(());
        }
        DataType::Binary => {
            out.extend_from_slice(array.as_binary::<i32>().value(row));
            return Ok(());
        }
        DataType::Boolean => write!(text, "{}", array.as_boolean().value(row)),
        DataType::Int32 => write!(text, "{}", array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write!(text, "{}", array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => write!(text, "{}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => write!(text, "{}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            text = decimal_text(array.as_primitive::<Decimal128Type>().value(row), *scale);
            Ok(())
        }
        DataType::Date32 => {
            text = time::date_text(i64::from(array.as_primitive::<Date32Type>().value(row)));
            Ok(())
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(row);
            text = time::clock_text(i64::from(millis).saturating_mul(1000));
            Ok(())
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            text = time::clock_text(array.as_primitive::<Time64MicrosecondType>().value(row));
            Ok(())
        }
        DataType::FixedSizeBinary(_) => {
            out.extend_from_slice(array.as_fixed_size_binary().value(row));
            return Ok(());
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            match duration_text(array.as_primitive::<IntervalMonthDayNanoType>().value(row)) {
                Some(span) => write!(text, "{span}"),
                None => Err(std::fmt::Error),
            }
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            write!(text, "{}{}", time::nanos_text(nanos), if zone.is_some() { "Z" } else { "" })
        }
        DataType::Timestamp(unit, zone) => {
            let micros = match unit {
                TimeUnit::Millisecond => {
                    array.as_primitive::<TimestampMillisecondType>().value(row).saturating_mul(1000)
                }
                _ => array.as_primitive::<TimestampMicrosecondType>().value(row),
            };
            write!(text, "{}{}", time::timestamp_text(micros), if zone.is_some() { "Z" } else { "" })
        }
        _ => Err(std::fmt::Error),
    };
    done.map_err(|_| Error::new(codes::INTERNAL, "a type without a canonical text").hint("report this"))?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// A decimal number without zeros at the end of its fraction.
fn decimal_text(value: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::{Treat, decimal_text};
    use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, StringArray};
    use std::sync::Arc;

    fn token(array: ArrayRef) -> ArrayRef {
        Treat::token(&[7; 32]).unwrap().apply(&array).unwrap()
    }

    #[test]
    fn equal_values_of_a_class_give_equal_tokens_in_every_type() {
        let text = token(Arc::new(StringArray::from(vec![Some("42"), None, Some("42"), Some("43")])));
        let long = token(Arc::new(Int64Array::from(vec![42])));
        let int = token(Arc::new(Int32Array::from(vec![42])));
        let decimal =
            token(Arc::new(Decimal128Array::from(vec![4200]).with_precision_and_scale(9, 2).unwrap()));
        let of = |a: &ArrayRef, row: usize| a.as_string::<i32>().value(row).to_owned();
        assert_eq!(of(&text, 0), of(&text, 2));
        assert_ne!(of(&text, 0), of(&text, 3));
        assert!(text.is_null(1));
        assert_eq!([of(&long, 0), of(&int, 0), of(&decimal, 0)], [of(&text, 0), of(&text, 0), of(&text, 0)]);
        assert_eq!(of(&text, 0).len(), 32);
        // HMAC-SHA256 with a key of 32 bytes 07 over "42", by Python's standard library.
        assert_eq!(of(&text, 0), KNOWN);
    }

    const KNOWN: &str = "c375c508be09c2d7595d823c17883391";

    #[test]
    fn a_mask_hides_the_value_and_keeps_the_null() {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let masked = Treat::Mask.apply(&array).unwrap();
        assert_eq!(masked.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("****"), None]);
    }

    #[test]
    fn decimals_have_one_text() {
        assert_eq!(decimal_text(-1250, 2), "-12.5");
        assert_eq!(decimal_text(5, 3), "0.005");
        assert_eq!(decimal_text(200, 2), "2");
        assert_eq!(decimal_text(i128::MIN, 0), "-170141183460469231731687303715884105728");
    }
}
