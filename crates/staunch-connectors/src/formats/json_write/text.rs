//! A growing text, and values as JSON writes them.
//!
//! The buffer is longer than the text: a short piece is written as one block of fixed width, of which the next piece overwrites the
//! rest. Digits are made eight at a time, without a loop (`to_string` of a number costs three times as much).

use crate::formats::simd::string_stop;
use crate::systems::text::{Unit, civil, push_decimal};
use std::io::Write;

/// Texts are escaped in blocks of at most this length, so that a long one does not claim room for six times itself.
const BLOCK: usize = 4096;

/// What a value of fixed width needs at most, quotation marks included: a decimal of 38 digits with sign and point, an instant.
pub(super) const WIDEST: usize = 48;

const DIGITS: [[u8; 2]; 100] = {
    let mut digits = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        digits[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    digits
};

/// Powers of ten that `u64` holds, as far as fractions of decimals need them.
const TENS: [u64; 17] = {
    let mut tens = [1_u64; 17];
    let mut n = 1;
    while n < 17 {
        tens[n] = tens[n - 1] * 10;
        n += 1;
    }
    tens
};

/// Lines of JSON.
#[derive(Debug, Default)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    used: usize,
}

/// The eight digits of a number below 10^8, the first in the lowest byte, as values and not as characters.
#[inline(always)]
fn eight(n: u64) -> u64 {
    let fours = (n / 10_000) | (n % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | (twos - tens * 10) << 8
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

impl Text {
    /// What was written.
    pub(crate) fn written(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// How many bytes were written.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Begins anew; the memory is kept.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    /// Sees to it that `room` bytes can be put without another look.
    #[inline(always)]
    pub(super) fn reserve(&mut self, room: usize) {
        if self.bytes.len() - self.used < room {
            self.grow(room);
        }
    }

    #[cold]
    fn grow(&mut self, room: usize) {
        self.bytes.resize((self.used + room) * 2, 0);
    }

    /// Puts the first `len` bytes of a block; there is room for all of it.
    #[inline(always)]
    pub(super) fn block<const N: usize>(&mut self, block: &[u8; N], len: usize) {
        self.bytes[self.used..self.used + N].copy_from_slice(block);
        self.used += len;
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes[self.used] = byte;
        self.used += 1;
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }

    #[inline(always)]
    pub(super) fn null(&mut self) {
        self.block(b"null", 4);
    }

    #[inline(always)]
    pub(super) fn boolean(&mut self, value: bool) {
        if value { self.block(b"true", 4) } else { self.block(b"false", 5) }
    }

    #[inline(always)]
    pub(super) fn long(&mut self, value: i64) {
        if value < 0 {
            self.byte(b'-');
        }
        self.whole(value.unsigned_abs());
    }

    #[inline(always)]
    fn whole(&mut self, value: u64) {
        if value < 100_000_000 {
            self.leading(value);
        } else if value < 10_000_000_000_000_000 {
            self.leading(value / 100_000_000);
            self.full(value % 100_000_000);
        } else {
            self.leading(value / 10_000_000_000_000_000);
            self.full(value / 100_000_000 % 100_000_000);
            self.full(value % 100_000_000);
        }
    }

    /// A number below 10^8, without leading zeros.
    #[inline(always)]
    fn leading(&mut self, value: u64) {
        let digits = eight(value);
        let skipped = (digits.trailing_zeros() / 8).min(7);
        let word = (digits | ZEROS) >> (8 * skipped);
        self.block(&word.to_le_bytes(), 8 - skipped as usize);
    }

    /// A number below 10^8, with all eight digits.
    #[inline(always)]
    fn full(&mut self, value: u64) {
        self.block(&(eight(value) | ZEROS).to_le_bytes(), 8);
    }

    /// The last `width` (at most 8) digits of a number.
    #[inline(always)]
    fn last(&mut self, value: u64, width: usize) {
        let word = (eight(value) | ZEROS) >> (8 * (8 - width));
        self.block(&word.to_le_bytes(), width);
    }

    /// The shortest number that is read as this one. NaN and the infinities, which JSON does not have, are the texts that
    /// Protocol Buffers write for them.
    #[inline(always)]
    pub(super) fn double(&mut self, value: f64) {
        let size = value.abs();
        // Amounts: whole numbers of hundredths. Below 10^15 different decimals are different doubles, so what is read back as the
        // same double is the shortest.
        let hundredths = (size * 100.0 + 0.5) as u64;
        #[allow(clippy::cast_precision_loss, reason = "exact below 2^53, and larger ones are not used")]
        let exact = hundredths < 1_000_000_000_000_000 && hundredths as f64 / 100.0 == size;
        if !exact {
            return self.any_double(value);
        }
        if value.is_sign_negative() {
            self.byte(b'-');
        }
        self.whole(hundredths / 100);
        self.byte(b'.');
        let [tenths, rest] = DIGITS[(hundredths % 100) as usize];
        self.block(&[tenths, rest], if rest == b'0' { 1 } else { 2 });
    }

    fn any_double(&mut self, value: f64) {
        if !self.not_a_number(value.is_nan(), value.is_infinite(), value.is_sign_negative()) {
            self.shortest(|out| serde_json::to_writer(out, &value));
        }
    }

    /// As [`Text::double`].
    pub(super) fn float(&mut self, value: f32) {
        if !self.not_a_number(value.is_nan(), value.is_infinite(), value.is_sign_negative()) {
            self.shortest(|out| serde_json::to_writer(out, &value));
        }
    }

    fn not_a_number(&mut self, nan: bool, infinite: bool, negative: bool) -> bool {
        match (nan, infinite, negative) {
            (true, ..) => self.bytes(b"\"NaN\""),
            (_, true, false) => self.bytes(b"\"Infinity\""),
            (_, true, true) => self.bytes(b"\"-Infinity\""),
            _ => return false,
        }
        true
    }

    fn shortest(&mut self, write: impl FnOnce(&mut &mut [u8]) -> serde_json::Result<()>) {
        let mut free = &mut self.bytes[self.used..];
        let before = free.len();
        // The widest double takes 24 bytes, and there is room for more.
        let _ = write(&mut free);
        self.used += before - free.len();
    }

    /// Exactly the digits of the scale: `-123.45` for the unscaled -12345 at scale 2.
    #[inline(always)]
    pub(super) fn decimal(&mut self, unscaled: i128, scale: u8) {
        let size = unscaled.unsigned_abs();
        match (u64::try_from(size), TENS.get(usize::from(scale)).copied()) {
            (Ok(size), Some(ten)) if scale <= 8 => {
                if unscaled < 0 {
                    self.byte(b'-');
                }
                self.whole(size / ten);
                if scale > 0 {
                    self.byte(b'.');
                    self.last(size % ten, usize::from(scale));
                }
            }
            _ => {
                let mut text = String::with_capacity(WIDEST);
                push_decimal(&mut text, unscaled, scale);
                self.bytes(text.as_bytes());
            }
        }
    }

    /// `2013-01-01` without quotation marks; `false`, and nothing is written, for a year that is not 0001 to 9999.
    #[inline(always)]
    pub(super) fn date(&mut self, days: i64, known: &mut Day) -> bool {
        if known.days != days && !known.set(days) {
            return false;
        }
        self.block(&known.text, 10);
        true
    }

    /// `05:00:00`, and three, six or nine digits behind a point if there is a fraction; `value` is within a day.
    #[inline(always)]
    pub(super) fn clock(&mut self, value: u64, unit: Unit) {
        let (micros, nanos) = match unit {
            Unit::Millis => (value * 1000, 0),
            Unit::Micros => (value, 0),
            Unit::Nanos => (value / 1000, value % 1000),
        };
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let [[h1, h2], [m1, m2], [s1, s2]] =
            [seconds / 3600, seconds / 60 % 60, seconds % 60].map(|part| DIGITS[part as usize % 100]);
        self.block(&[h1, h2, b':', m1, m2, b':', s1, s2], 8);
        if nanos > 0 {
            self.byte(b'.');
            self.last(fraction, 6);
            self.last(nanos, 3);
        } else if fraction > 0 {
            self.byte(b'.');
            if fraction % 1000 == 0 {
                self.last(fraction / 1000, 3);
            } else {
                self.last(fraction, 6);
            }
        }
    }

    /// A text between quotation marks. `all[from..to]` is the text; `fixed` bytes more have room behind it.
    #[inline(always)]
    pub(super) fn string(&mut self, all: &[u8], from: usize, to: usize, fixed: usize) {
        self.byte(b'"');
        let mut at = from;
        loop {
            let end = to.min(at + BLOCK);
            self.reserve(6 * BLOCK.min(end - at) + 16 + fixed);
            while at < end {
                let Some(word) = all.get(at..).and_then(|t| t.first_chunk::<8>()) else {
                    // The last bytes of the column.
                    self.escaped(all[at]);
                    at += 1;
                    continue;
                };
                let plain = string_stop(u64::from_le_bytes(*word)).min(end - at);
                self.block(word, plain);
                at += plain;
                if plain < 8 && at < end {
                    self.escaped(all[at]);
                    at += 1;
                }
            }
            if at == to {
                break;
            }
        }
        self.byte(b'"');
    }

    /// Bytes as Avro's JSON has them: the characters U+0000 to U+00FF.
    pub(super) fn binary(&mut self, bytes: &[u8], fixed: usize) {
        self.byte(b'"');
        for block in bytes.chunks(BLOCK) {
            self.reserve(6 * block.len() + 16 + fixed);
            for byte in block {
                match byte {
                    0..0x80 => self.escaped(*byte),
                    _ => self.block(&[0xC0 | byte >> 6, 0x80 | byte & 0x3F], 2),
                }
            }
        }
        self.byte(b'"');
    }

    /// One byte of a text.
    fn escaped(&mut self, byte: u8) {
        match byte {
            b'"' => self.bytes(b"\\\""),
            b'\\' => self.bytes(b"\\\\"),
            b'\n' => self.bytes(b"\\n"),
            b'\r' => self.bytes(b"\\r"),
            b'\t' => self.bytes(b"\\t"),
            0..0x20 => {
                let hex = |n: u8| b"0123456789abcdef"[usize::from(n & 15)];
                self.bytes(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)]);
            }
            _ => self.byte(byte),
        }
    }
}

/// The last date that was written: neighbours mostly share it.
#[derive(Debug, Clone)]
pub(super) struct Day {
    days: i64,
    text: [u8; 10],
}

impl Default for Day {
    fn default() -> Self {
        Self { days: 0, text: *b"1970-01-01" }
    }
}

impl Day {
    #[inline(never)]
    fn set(&mut self, days: i64) -> bool {
        let (year, month, day) = civil(days);
        if !(1..=9999).contains(&year) {
            return false;
        }
        self.days = days;
        // The text has exactly the length that is written.
        let _ = write!(self.text.as_mut_slice(), "{year:04}-{month:02}-{day:02}");
        true
    }
}
