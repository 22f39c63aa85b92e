//! The words of JSON (RFC 8259), without recursion. Nothing here passes a line feed.

use crate::formats::simd::string_stop;
use crate::read::fault::{Fault, NOT_JSON, TOO_DEEP};
use crate::read::parse::number::{TENS_U64, eight_digits, load8};

/// How deep values may be nested.
const DEPTH: u32 = 128;

/// The byte at `at`; zero, which begins nothing, behind the end.
#[inline(always)]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The place behind white space, but before a line feed.
#[inline(always)]
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\t' | b'\r') {
        at += 1;
    }
    at
}

/// A string: where it ends (at its quotation mark), and whether it holds escapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// Finds the end of the string whose text begins at `at`. Escapes are looked at by [`unescape`].
#[inline]
pub(super) fn string(text: &[u8], mut at: usize) -> Result<Found, Fault> {
    let mut escaped = false;
    loop {
        let here = text.get(at..).unwrap_or_default();
        let stop = match here.first_chunk::<8>() {
            Some(block) => match string_stop(u64::from_le_bytes(*block)) {
                8 => {
                    at += 8;
                    continue;
                }
                stop => stop,
            },
            None => here.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\').ok_or(NOT_JSON)?,
        };
        at += stop;
        match byte(text, at) {
            b'"' => return Ok(Found { end: at, escaped }),
            b'\\' => {
                escaped = true;
                // The escaped character must not end the line.
                if byte(text, at + 1) < 0x20 {
                    return Err(NOT_JSON);
                }
                at += 2;
            }
            _ => return Err(NOT_JSON),
        }
    }
}

/// The text of a string with escapes.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let simple = match byte(escape, 1) {
            b'"' => b'"',
            b'\\' => b'\\',
            b'/' => b'/',
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let first = four(escape, 2)?;
                let (code, used) = match first {
                    0xD800..=0xDBFF if byte(escape, 6) == b'\\' && byte(escape, 7) == b'u' => {
                        let second = four(escape, 8)?;
                        if !(0xDC00..=0xDFFF).contains(&second) {
                            return Err(NOT_JSON);
                        }
                        (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
                    }
                    _ => (first, 6),
                };
                // A lone surrogate is no character.
                let character = char::from_u32(code).ok_or(NOT_JSON)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = escape.get(used..).unwrap_or_default();
                continue;
            }
            _ => return Err(NOT_JSON),
        };
        out.push(simple);
        rest = escape.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(())
}

fn four(text: &[u8], at: usize) -> Result<u32, Fault> {
    let digits = text.get(at..at + 4).ok_or(NOT_JSON)?;
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(NOT_JSON)?;
        Ok(value * 16 + digit)
    })
}

/// A number: where it ends, and its value if that takes no more than 18 digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) negative: bool,
    /// `(digits, digits after the point)`, if there are at most 18 and no exponent.
    pub(super) simple: Option<(u64, u32)>,
}

/// Digits from `at` on: their value (wrapping) and how many they are.
#[inline(always)]
fn digits(text: &[u8], mut at: usize, mut value: u64) -> (u64, usize) {
    let begin = at;
    while let Some(word) = load8(text, at) {
        let low = word ^ 0x3030_3030_3030_3030;
        let others = (((low & 0x7F7F_7F7F_7F7F_7F7F) + 0x7676_7676_7676_7676) | low) & 0x8080_8080_8080_8080;
        let count = others.trailing_zeros() / 8;
        if count == 8 {
            value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(word));
            at += 8;
            continue;
        }
        if count > 0 {
            let aligned = (word << (64 - 8 * count)) | (0x3030_3030_3030_3030 >> (8 * count));
            let ten = TENS_U64.get(count as usize).copied().unwrap_or(1);
            value = value.wrapping_mul(ten).wrapping_add(eight_digits(aligned));
        }
        return (value, at + count as usize - begin);
    }
    while let digit @ b'0'..=b'9' = byte(text, at) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    (value, at - begin)
}

/// Reads the number at `at`.
#[inline]
pub(super) fn number(text: &[u8], begin: usize) -> Result<Number, Fault> {
    let negative = byte(text, begin) == b'-';
    let mut at = begin + usize::from(negative);
    let leading_zero = byte(text, at) == b'0';
    let (mut value, mut count) = digits(text, at, 0);
    if count == 0 || (leading_zero && count > 1) {
        return Err(NOT_JSON);
    }
    at += count;
    let mut scale = 0;
    if byte(text, at) == b'.' {
        let (longer, more) = digits(text, at + 1, value);
        if more == 0 {
            return Err(NOT_JSON);
        }
        value = longer;
        scale = more;
        count += more;
        at += 1 + more;
    }
    let mut simple = (count <= 18).then_some((value, scale as u32));
    if matches!(byte(text, at), b'e' | b'E') {
        at += 1;
        at += usize::from(matches!(byte(text, at), b'+' | b'-'));
        let (_, more) = digits(text, at, 0);
        if more == 0 {
            return Err(NOT_JSON);
        }
        at += more;
        simple = None;
    }
    Ok(Number { begin, end: at, negative, simple })
}

/// The place behind a literal.
#[inline]
pub(super) fn literal(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Fault> {
    if text.get(at..).is_some_and(|t| t.starts_with(word)) { Ok(at + word.len()) } else { Err(NOT_JSON) }
}

/// The place behind a key and its colon.
fn key(text: &[u8], at: usize) -> Result<usize, Fault> {
    if byte(text, at) != b'"' {
        return Err(NOT_JSON);
    }
    let found = checked_string(text, at + 1)?;
    let colon = space(text, found + 1);
    if byte(text, colon) == b':' { Ok(colon + 1) } else { Err(NOT_JSON) }
}

/// The end of a string whose escapes are looked at.
fn checked_string(text: &[u8], at: usize) -> Result<usize, Fault> {
    let found = string(text, at)?;
    if found.escaped {
        unescape(text.get(at..found.end).unwrap_or_default(), &mut Vec::new())?;
    }
    Ok(found.end)
}

/// The place behind the value at `at`, whatever it is.
pub(super) fn skip(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    // Bit n tells whether the nth open value is an object.
    let (mut objects, mut depth) = (0_u128, 0_u32);
    loop {
        at = space(text, at);
        match byte(text, at) {
            open @ (b'{' | b'[') => {
                if depth == DEPTH {
                    return Err(TOO_DEEP);
                }
                let object = open == b'{';
                let bit = 1_u128 << depth;
                objects = if object { objects | bit } else { objects & !bit };
                depth += 1;
                at = space(text, at + 1);
                if byte(text, at) != if object { b'}' } else { b']' } {
                    if object {
                        at = key(text, at)?;
                    }
                    continue;
                }
                // The closing bracket is seen below.
            }
            b'"' => at = checked_string(text, at + 1)? + 1,
            b'-' | b'0'..=b'9' => at = number(text, at)?.end,
            b't' => at = literal(text, at, b"true")?,
            b'f' => at = literal(text, at, b"false")?,
            b'n' => at = literal(text, at, b"null")?,
            _ => return Err(NOT_JSON),
        }
        loop {
            let Some(top) = depth.checked_sub(1) else { return Ok(at) };
            let object = objects >> top & 1 == 1;
            at = space(text, at);
            match (byte(text, at), object) {
                (b'}', true) | (b']', false) => {
                    depth = top;
                    at += 1;
                }
                (b',', true) => {
                    at = key(text, space(text, at + 1))?;
                    break;
                }
                (b',', false) => {
                    at += 1;
                    break;
                }
                _ => return Err(NOT_JSON),
            }
        }
    }
}
