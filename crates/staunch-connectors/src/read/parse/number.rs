//! Numbers: whole, floating and decimal.
//!
//! Short numbers are read eight digits at a time (Mula/Lemire, "Quickly parsing eight digits", 2018). A floating number
//! whose digits fit 53 bits and whose power of ten is exact is one division, hence correctly rounded (Clinger 1990); all
//! others go to the standard library, which rounds correctly (Eisel-Lemire).
//!
//! All functions take the text around the number and the range of the number in it, so that eight bytes can be loaded at
//! once; nothing outside the range changes the result.

use crate::formats::simd::equal_bytes;
use crate::read::fault::{
    DECIMAL_RANGE, DECIMAL_SCALE, FLOAT_RANGE, Fault, INT_RANGE, NOT_DECIMAL, NOT_FLOAT, NOT_INT,
};

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Powers of ten that `f64` holds exactly.
pub(crate) const TENS_F64: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Powers of ten that `f32` holds exactly.
const TENS_F32: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

/// Powers of ten that `u64` holds.
pub(crate) const TENS_U64: [u64; 20] = {
    let mut tens = [1_u64; 20];
    let mut i = 1;
    while i < 20 {
        tens[i] = tens[i - 1] * 10;
        i += 1;
    }
    tens
};

/// Powers of ten that `i128` holds.
const TENS_I128: [i128; 39] = {
    let mut tens = [1_i128; 39];
    let mut i = 1;
    while i < 39 {
        tens[i] = tens[i - 1] * 10;
        i += 1;
    }
    tens
};

/// 10^n, if `i128` holds it.
#[inline]
pub(crate) fn ten_to(n: u32) -> Option<i128> {
    TENS_I128.get(usize::try_from(n).ok()?).copied()
}

#[inline(always)]
pub(crate) fn load8(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk::<8>().map(|b| u64::from_le_bytes(*b))
}

/// The last `len` (1 to 8) bytes before `end`, right-aligned, with `0` characters before them.
#[inline(always)]
fn right_aligned(text: &[u8], end: usize, len: usize) -> Option<u64> {
    let word = load8(text, end.checked_sub(8)?)?;
    let unused = 64 - 8 * len as u32;
    // Shifted twice, because a shift by 64 is none.
    let keep = (!0_u64).checked_shl(unused).unwrap_or(0);
    Some((word & keep) | (ZEROS & !keep))
}

#[inline(always)]
pub(crate) fn are_digits(word: u64) -> bool {
    (word & 0xF0F0_F0F0_F0F0_F0F0) | (word.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4
        == 0x3333_3333_3333_3333
}

/// The value of eight digits.
#[inline(always)]
pub(crate) fn eight_digits(word: u64) -> u64 {
    let word = (word & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(2561) >> 8;
    let word = (word & 0x00FF_00FF_00FF_00FF).wrapping_mul(6_553_601) >> 16;
    (word & 0x0000_FFFF_0000_FFFF).wrapping_mul(42_949_672_960_001) >> 32
}

/// A whole number: an optional sign and digits, exact over all of `i64`.
#[inline]
pub(crate) fn int64(text: &[u8], begin: usize, end: usize) -> Result<i64, Fault> {
    let negative = text.get(begin) == Some(&b'-');
    let from = begin + usize::from(negative || text.get(begin) == Some(&b'+'));
    let len = end.wrapping_sub(from);
    if len.wrapping_sub(1) < 8
        && let Some(word) = right_aligned(text, end, len)
    {
        if !are_digits(word) {
            return Err(NOT_INT);
        }
        let value = eight_digits(word).cast_signed();
        return Ok(if negative { -value } else { value });
    }
    if (9..=16).contains(&len)
        && let Some(low) = right_aligned(text, end, 8)
        && let Some(high) = right_aligned(text, end - 8, len - 8)
    {
        if !are_digits(low) || !are_digits(high) {
            return Err(NOT_INT);
        }
        let value = (eight_digits(high) * 100_000_000 + eight_digits(low)).cast_signed();
        return Ok(if negative { -value } else { value });
    }
    int64_long(text.get(from..end).unwrap_or_default(), negative)
}

fn int64_long(digits: &[u8], negative: bool) -> Result<i64, Fault> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NOT_INT);
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        let next = value
            .checked_mul(10)
            .and_then(|v| if negative { v.checked_sub(digit) } else { v.checked_add(digit) });
        value = next.ok_or(INT_RANGE)?;
    }
    Ok(value)
}

/// A whole number of 32 bits.
#[inline]
pub(crate) fn int32(text: &[u8], begin: usize, end: usize) -> Result<i32, Fault> {
    i32::try_from(int64(text, begin, end)?).map_err(|_| INT_RANGE)
}

/// Digits with at most one point among them, without sign and exponent.
#[derive(Debug, Clone, Copy)]
struct Plain {
    digits: u64,
    /// How many of them stand after the point.
    scale: u32,
}

/// Reads at most 18 digits with at most one point; `None` for everything else.
#[inline(always)]
fn plain(text: &[u8], from: usize, end: usize) -> Option<Plain> {
    let len = end.wrapping_sub(from);
    if len.wrapping_sub(1) < 8
        && let Some(word) = right_aligned(text, end, len)
    {
        let points = equal_bytes(word, b'.');
        if points == 0 {
            return are_digits(word).then(|| Plain { digits: eight_digits(word), scale: 0 });
        }
        if len == 1 {
            return None;
        }
        // The digits before the point move up by one place and close the gap.
        let at = points.trailing_zeros() / 8;
        let below = (1_u64 << (8 * at)) - 1;
        let above = !below & (!0xFF_u64).rotate_left(8 * at);
        let word = ((word & below) << 8) | (word & above) | u64::from(b'0');
        return are_digits(word).then(|| Plain { digits: eight_digits(word), scale: 7 - at });
    }
    plain_long(text.get(from..end)?)
}

fn plain_long(bytes: &[u8]) -> Option<Plain> {
    if bytes.len() > 19 {
        return None;
    }
    let (mut digits, mut count, mut point) = (0_u64, 0_u32, None);
    for byte in bytes {
        match byte {
            b'0'..=b'9' => {
                digits = digits.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    let fits = (1..=18).contains(&count);
    fits.then(|| Plain { digits, scale: point.map_or(0, |p| count - p) })
}

/// `digits / 10^scale`, correctly rounded, where one division is exact enough.
#[inline(always)]
pub(crate) fn exact_f64(digits: u64, scale: u32) -> Option<f64> {
    if digits > 1 << 53 {
        return None;
    }
    let ten = TENS_F64.get(usize::try_from(scale).ok()?)?;
    Some(digits as f64 / ten)
}

/// The same for `f32`.
#[inline(always)]
pub(crate) fn exact_f32(digits: u64, scale: u32) -> Option<f32> {
    if digits > 1 << 24 {
        return None;
    }
    let ten = TENS_F32.get(usize::try_from(scale).ok()?)?;
    Some(digits as f32 / ten)
}

fn sign(text: &[u8], begin: usize) -> (bool, usize) {
    match text.get(begin) {
        Some(b'-') => (true, begin + 1),
        Some(b'+') => (false, begin + 1),
        _ => (false, begin),
    }
}

/// A floating number, correctly rounded; `NaN`, `inf` and `infinity` in any case are values, but a finite text beyond the
/// range is a fault.
#[inline]
pub(crate) fn float64(text: &[u8], begin: usize, end: usize) -> Result<f64, Fault> {
    let (negative, from) = sign(text, begin);
    if let Some(p) = plain(text, from, end)
        && let Some(value) = exact_f64(p.digits, p.scale)
    {
        return Ok(if negative { -value } else { value });
    }
    let value: f64 = float_text(text, begin, end)?.parse().map_err(|_| NOT_FLOAT)?;
    let says_so = text.get(from).is_some_and(|b| b.eq_ignore_ascii_case(&b'i'));
    if value.is_infinite() && !says_so { Err(FLOAT_RANGE) } else { Ok(value) }
}

/// The same for 32 bits, rounded once.
#[inline]
pub(crate) fn float32(text: &[u8], begin: usize, end: usize) -> Result<f32, Fault> {
    let (negative, from) = sign(text, begin);
    if let Some(p) = plain(text, from, end)
        && let Some(value) = exact_f32(p.digits, p.scale)
    {
        return Ok(if negative { -value } else { value });
    }
    let value: f32 = float_text(text, begin, end)?.parse().map_err(|_| NOT_FLOAT)?;
    let says_so = text.get(from).is_some_and(|b| b.eq_ignore_ascii_case(&b'i'));
    if value.is_infinite() && !says_so { Err(FLOAT_RANGE) } else { Ok(value) }
}

fn float_text(text: &[u8], begin: usize, end: usize) -> Result<&str, Fault> {
    let bytes = text.get(begin..end).ok_or(NOT_FLOAT)?;
    std::str::from_utf8(bytes).map_err(|_| NOT_FLOAT)
}

/// A decimal number as its unscaled value: sign, digits, point, digits, exponent (`12.50`, `-.5`, `1e3`). Exact: digits
/// that do not fit are a fault, zeros at the end of the fraction are none.
#[inline]
pub(crate) fn decimal(
    text: &[u8],
    begin: usize,
    end: usize,
    precision: u8,
    scale: u8,
) -> Result<i128, Fault> {
    let (negative, from) = sign(text, begin);
    if let Some(p) = plain(text, from, end)
        && let Some(value) = rescale(i128::from(p.digits), p.scale, precision, scale)
    {
        return Ok(if negative { -value } else { value });
    }
    let value = decimal_long(text.get(from..end).unwrap_or_default(), precision, scale)?;
    Ok(if negative { -value } else { value })
}

/// Brings an unscaled value up to a scale that is at least its own; `None` if it does not fit.
#[inline]
pub(crate) fn rescale(value: i128, from: u32, precision: u8, to: u8) -> Option<i128> {
    let factor = ten_to(u32::from(to).checked_sub(from)?)?;
    let value = value.checked_mul(factor)?;
    (value.abs() < ten_to(u32::from(precision))?).then_some(value)
}

fn decimal_long(bytes: &[u8], precision: u8, scale: u8) -> Result<i128, Fault> {
    let (mantissa, exponent) = match bytes.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), Some(bytes.get(at + 1..).unwrap_or_default())),
        None => (bytes, None),
    };
    let exponent = match exponent {
        None => 0,
        // An exponent beyond 32 bits only matters for its sign: no contract holds such a number, but zero.
        Some(digits) => match int64(digits, 0, digits.len()) {
            Ok(value) => value.clamp(-1_000_000, 1_000_000),
            Err(INT_RANGE) if digits.first() == Some(&b'-') => -1_000_000,
            Err(INT_RANGE) => 1_000_000,
            Err(_) => return Err(NOT_DECIMAL),
        },
    };
    let (mut value, mut point, mut seen, mut fraction, mut zeros) = (0_i128, false, false, 0_i64, 0_u32);
    for byte in mantissa {
        match byte {
            b'.' if !point => point = true,
            b'0'..=b'9' => {
                seen = true;
                if point && *byte == b'0' {
                    zeros = zeros.saturating_add(1);
                    continue;
                }
                // Zeros inside the fraction count once a digit follows them; those at its end never do.
                let step = zeros.saturating_add(1);
                let factor = if value == 0 { 1 } else { ten_to(step).ok_or(DECIMAL_RANGE)? };
                value = value
                    .checked_mul(factor)
                    .and_then(|v| v.checked_add(i128::from(byte - b'0')))
                    .ok_or(DECIMAL_RANGE)?;
                if point {
                    fraction += i64::from(step);
                }
                zeros = 0;
            }
            _ => return Err(NOT_DECIMAL),
        }
    }
    if !seen {
        return Err(NOT_DECIMAL);
    }
    if value == 0 {
        return Ok(0);
    }
    let shift = i64::from(scale) - fraction + exponent;
    let value = match u32::try_from(shift) {
        Ok(up) => ten_to(up).and_then(|f| value.checked_mul(f)).ok_or(DECIMAL_RANGE)?,
        Err(_) => {
            let down = u32::try_from(-shift).ok().and_then(ten_to).ok_or(DECIMAL_SCALE)?;
            if value % down != 0 {
                return Err(DECIMAL_SCALE);
            }
            value / down
        }
    };
    if value < ten_to(u32::from(precision)).ok_or(DECIMAL_RANGE)? { Ok(value) } else { Err(DECIMAL_RANGE) }
}
