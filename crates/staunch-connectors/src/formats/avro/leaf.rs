//! Bytes of Avro as values of a contract, and what they are not.

use crate::read::fault::{DECIMAL_RANGE, DURATION_RANGE, Fault, NOT_DECIMAL, NOT_TIME};
use arrow::datatypes::IntervalMonthDayNano;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A decimal in two's complement, most significant byte first, of at most so many digits. However many bytes carry the sign.
pub(super) fn decimal(bytes: &[u8], precision: u8) -> Result<i128, Fault> {
    let sign = match bytes.first() {
        None => return Err(NOT_DECIMAL),
        Some(first) if *first & 0x80 != 0 => 0xFF,
        Some(_) => 0,
    };
    let mut wide = [sign; 16];
    let kept = match bytes.len().checked_sub(16) {
        None => bytes,
        Some(more) => {
            let (signs, kept) = bytes.split_at(more);
            let fits =
                signs.iter().all(|b| *b == sign) && kept.first().is_some_and(|b| (b ^ sign) & 0x80 == 0);
            if !fits {
                return Err(DECIMAL_RANGE);
            }
            kept
        }
    };
    if let Some(tail) = wide.get_mut(16 - kept.len()..) {
        tail.copy_from_slice(kept);
    }
    let value = i128::from_be_bytes(wide);
    // 10^38 is the largest that 128 bits hold.
    let most = 10_u128.checked_pow(precision.into()).unwrap_or(u128::MAX);
    if value.unsigned_abs() < most { Ok(value) } else { Err(DECIMAL_RANGE) }
}

/// The text of a uuid in 16 bytes.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Months, days and milliseconds: three unsigned numbers, least significant byte first.
pub(super) fn duration(bytes: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
    let number = |at: usize| {
        let four = bytes.get(at..).and_then(|b| b.first_chunk::<4>()).copied();
        u32::from_le_bytes(four.unwrap_or_default())
    };
    let small = |n: u32| i32::try_from(n).map_err(|_| DURATION_RANGE);
    let nanos = i64::from(number(8)) * 1_000_000;
    Ok(IntervalMonthDayNano::new(small(number(0))?, small(number(4))?, nanos))
}

/// A time of day in milliseconds.
pub(super) fn millis(millis: i32) -> Result<i32, Fault> {
    if (0..DAY).contains(&i64::from(millis)) { Ok(millis) } else { Err(NOT_TIME) }
}

/// A time of day in microseconds.
pub(super) fn micros(micros: i64) -> Result<i64, Fault> {
    if (0..DAY * 1000).contains(&micros) { Ok(micros) } else { Err(NOT_TIME) }
}

#[cfg(test)]
mod tests {
    use super::{decimal, duration};
    use crate::read::fault::{DECIMAL_RANGE, DURATION_RANGE, NOT_DECIMAL};
    use arrow::datatypes::IntervalMonthDayNano;

    #[test]
    fn a_decimal_may_have_more_bytes_than_it_needs() {
        assert_eq!(decimal(&[0x7F], 9), Ok(127));
        assert_eq!(decimal(&[0xFF], 9), Ok(-1));
        assert_eq!(decimal(&[0, 0x80], 9), Ok(128));
        let mut long = vec![0xFF; 40];
        long[39] = 0xFE;
        assert_eq!(decimal(&long, 9), Ok(-2));
        long[20] = 0;
        assert_eq!(decimal(&long, 38), Err(DECIMAL_RANGE));
        // Sixteen bytes that begin with another sign than those before them.
        let mut other = vec![0; 17];
        other[1] = 0x80;
        assert_eq!(decimal(&other, 38), Err(DECIMAL_RANGE));
        assert_eq!(decimal(&[], 9), Err(NOT_DECIMAL));
        assert_eq!(decimal(&999_i16.to_be_bytes(), 3), Ok(999));
        assert_eq!(decimal(&(-1000_i16).to_be_bytes(), 3), Err(DECIMAL_RANGE));
        assert_eq!(decimal(&i128::MIN.to_be_bytes(), 38), Err(DECIMAL_RANGE));
    }

    #[test]
    fn a_duration_has_31_bits_of_months_and_days() {
        let bytes = |m: u32, d: u32, s: u32| [m.to_le_bytes(), d.to_le_bytes(), s.to_le_bytes()].concat();
        let span = IntervalMonthDayNano::new(1, 2, 4_294_967_295_000_000);
        assert_eq!(duration(&bytes(1, 2, u32::MAX)), Ok(span));
        assert_eq!(duration(&bytes(1 << 31, 2, 3)), Err(DURATION_RANGE));
    }
}
