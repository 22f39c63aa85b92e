//! Dates, times of day and timestamps.
//!
//! Days are counted by the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2014);
//! years are 0001 to 9999, hence nothing overflows.

use crate::read::fault::{
    Fault, LOCAL_ZONE, NOT_DATE, NOT_FORMAT, NOT_TIME, NOT_TIMESTAMP, TIME_RANGE, TIME_SCALE,
};
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{Datelike, NaiveDate, Timelike};
use std::fmt::Write as _;

const DAY: i64 = 86_400_000_000;

/// Two digits.
#[inline(always)]
fn two(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text.get(at)?.wrapping_sub(b'0'), text.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// Days from 1970-01-01 to a valid date.
#[inline(always)]
fn days(year: i32, month: u32, day: u32) -> i32 {
    let year = year - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400).cast_unsigned();
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year).cast_signed() - 719_468
}

#[inline(always)]
fn days_of_text(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.first_chunk()?;
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(text, 0)? * 100 + two(text, 2)?;
    let (month, day) = (two(text, 5)?, two(text, 8)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (year >= 1 && (1..=last).contains(&day)).then(|| days(year.cast_signed(), month, day))
}

/// `YYYY-MM-DD` as days since 1970-01-01.
#[inline]
pub(crate) fn date(text: &[u8]) -> Result<i32, Fault> {
    if text.len() != 10 {
        return Err(NOT_DATE);
    }
    days_of_text(text).ok_or(NOT_DATE)
}

/// A reading of a clock: microseconds since midnight, and how many bytes it took. `HH:MM[:SS[.f...]]`; digits beyond
/// microseconds must be zeros.
#[inline(always)]
fn clock(text: &[u8], wrong: Fault) -> Result<(i64, usize), Fault> {
    let hour = two(text, 0).ok_or(wrong)?;
    let minute = two(text, 3).ok_or(wrong)?;
    if text.get(2) != Some(&b':') || hour > 23 || minute > 59 {
        return Err(wrong);
    }
    let mut micros = i64::from(hour * 60 + minute) * 60_000_000;
    let mut at = 5;
    if text.get(at) == Some(&b':') {
        let second = two(text, 6).ok_or(wrong)?;
        if second > 59 {
            return Err(wrong);
        }
        micros += i64::from(second) * 1_000_000;
        at = 8;
        if text.get(at) == Some(&b'.') {
            at += 1;
            let (mut unit, mut count) = (100_000, 0_usize);
            while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
                if unit == 0 && digit != 0 {
                    return Err(TIME_SCALE);
                }
                micros += i64::from(digit) * unit;
                unit /= 10;
                count += 1;
                at += 1;
            }
            if count == 0 {
                return Err(wrong);
            }
        }
    }
    Ok((micros, at))
}

/// Microseconds since midnight.
#[inline]
pub(crate) fn time_micros(text: &[u8]) -> Result<i64, Fault> {
    match clock(text, NOT_TIME)? {
        (micros, at) if at == text.len() => Ok(micros),
        _ => Err(NOT_TIME),
    }
}

/// Milliseconds out of microseconds, if nothing is lost.
#[inline]
pub(crate) fn millis(micros: i64) -> Result<i64, Fault> {
    if micros.rem_euclid(1000) == 0 { Ok(micros.div_euclid(1000)) } else { Err(TIME_SCALE) }
}

/// Nanoseconds out of microseconds and up to 999 nanoseconds.
pub(crate) fn nanos_of(micros: i64, nanos: i64) -> Result<i64, Fault> {
    micros.checked_mul(1000).and_then(|n| n.checked_add(nanos)).ok_or(TIME_RANGE)
}

/// A timestamp in nanoseconds, given how one in microseconds is read. Digits beyond nanoseconds must be zeros.
pub(crate) fn nanos(text: &[u8], micros: impl Fn(&[u8]) -> Result<i64, Fault>) -> Result<i64, Fault> {
    let point = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
    let digits = text.get(point + 1..).unwrap_or_default();
    let digits = digits.get(..digits.iter().take_while(|b| b.is_ascii_digit()).count()).unwrap_or_default();
    let Some((coarse, fine)) = digits.split_at_checked(6) else { return nanos_of(micros(text)?, 0) };
    let mut value = 0;
    for (place, digit) in fine.iter().map(|b| i64::from(b - b'0')).enumerate() {
        match place {
            0..3 => value += digit * [100, 10, 1][place],
            _ if digit != 0 => return Err(TIME_SCALE),
            _ => {}
        }
    }
    // What microseconds do not hold is taken out of the text.
    let behind = point + 1 + digits.len();
    let parts = [text.get(..=point), Some(coarse), text.get(behind..)];
    let short: Vec<u8> = parts.into_iter().flatten().flatten().copied().collect();
    nanos_of(micros(&short)?, value)
}

/// An instant in microseconds: RFC 3339, or `YYYY-MM-DD HH:MM[:SS[.f...]]`, where a missing zone means UTC.
#[inline]
pub(crate) fn instant(text: &[u8]) -> Result<i64, Fault> {
    let (micros, zone) = date_and_clock(text)?;
    let minutes = match zone {
        [] | [b'Z' | b'z'] => return Ok(micros),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let hours = two(rest, 0).ok_or(NOT_TIMESTAMP)?;
            let minutes = match rest.len() {
                2 => 0,
                4 => two(rest, 2).ok_or(NOT_TIMESTAMP)?,
                5 if rest.get(2) == Some(&b':') => two(rest, 3).ok_or(NOT_TIMESTAMP)?,
                _ => return Err(NOT_TIMESTAMP),
            };
            if hours > 23 || minutes > 59 {
                return Err(NOT_TIMESTAMP);
            }
            let total = i64::from(hours * 60 + minutes);
            if *sign == b'-' { -total } else { total }
        }
        _ => return Err(NOT_TIMESTAMP),
    };
    Ok(micros - minutes * 60_000_000)
}

/// A local reading in microseconds; a zone is a fault.
#[inline]
pub(crate) fn local(text: &[u8]) -> Result<i64, Fault> {
    match date_and_clock(text)? {
        (micros, []) => Ok(micros),
        _ if instant(text).is_ok() => Err(LOCAL_ZONE),
        _ => Err(NOT_TIMESTAMP),
    }
}

#[inline(always)]
fn date_and_clock(text: &[u8]) -> Result<(i64, &[u8]), Fault> {
    let day = days_of_text(text).ok_or(NOT_TIMESTAMP)?;
    if !matches!(text.get(10), Some(b'T' | b't' | b' ')) {
        return Err(NOT_TIMESTAMP);
    }
    let rest = text.get(11..).unwrap_or_default();
    let (micros, used) = clock(rest, NOT_TIMESTAMP)?;
    Ok((i64::from(day) * DAY + micros, rest.get(used..).unwrap_or_default()))
}

/// A format of `dates:`, checked.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    items: Vec<Item<'static>>,
}

impl Format {
    /// Checks a format of chrono (`%d.%m.%Y`).
    pub(crate) fn new(text: &str) -> Option<Self> {
        let items = StrftimeItems::new(text).parse_to_owned().ok()?;
        Some(Self { items })
    }

    fn parsed(&self, text: &[u8]) -> Result<Parsed, Fault> {
        let text = std::str::from_utf8(text).map_err(|_| NOT_FORMAT)?;
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).map_err(|_| NOT_FORMAT)?;
        Ok(parsed)
    }

    /// Whether it has a clock, and whether it has an offset: told by reading a text that it has written.
    pub(crate) fn parts(&self) -> (bool, bool) {
        let mut text = String::new();
        let instant = chrono::DateTime::UNIX_EPOCH.fixed_offset();
        if write!(text, "{}", instant.format_with_items(self.items.iter())).is_err() {
            return (false, false);
        }
        match self.parsed(text.as_bytes()) {
            Ok(parsed) => (parsed.hour_mod_12().is_some(), parsed.offset().is_some()),
            Err(_) => (false, false),
        }
    }

    /// Days since 1970-01-01.
    pub(crate) fn date(&self, text: &[u8]) -> Result<i32, Fault> {
        days_of(self.parsed(text)?.to_naive_date().map_err(|_| NOT_FORMAT)?)
    }

    /// Microseconds; `zone` says whether an offset may appear and is applied. A format without a clock means midnight.
    pub(crate) fn timestamp(&self, text: &[u8], zone: bool) -> Result<i64, Fault> {
        let parsed = self.parsed(text)?;
        let date = parsed.to_naive_date().map_err(|_| NOT_FORMAT)?;
        let has_clock = parsed.hour_mod_12().is_some();
        let micros = if has_clock {
            let clock = parsed.to_naive_time().map_err(|_| NOT_FORMAT)?;
            // chrono keeps a leap second as a nanosecond part beyond one second.
            let nanos = i64::from(clock.nanosecond());
            if nanos >= 1_000_000_000 {
                return Err(NOT_FORMAT);
            }
            if nanos % 1000 != 0 {
                return Err(TIME_SCALE);
            }
            i64::from(clock.num_seconds_from_midnight()) * 1_000_000 + nanos / 1000
        } else {
            0
        };
        let offset = match parsed.offset() {
            Some(_) if !zone => return Err(LOCAL_ZONE),
            Some(seconds) => i64::from(seconds) * 1_000_000,
            None => 0,
        };
        Ok(i64::from(days_of(date)?) * DAY + micros - offset)
    }
}

fn days_of(date: NaiveDate) -> Result<i32, Fault> {
    if !(1..=9999).contains(&date.year()) {
        return Err(NOT_FORMAT);
    }
    Ok(days(date.year(), date.month(), date.day()))
}

/// The calendar date of a day number: year, month, day (Hinnant).
fn civil(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// `YYYY-MM-DD`.
pub(crate) fn date_text(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `YYYY-MM-DDTHH:MM:SS[.ffffff]` without a zone: the fraction without zeros at its end.
pub(crate) fn timestamp_text(micros: i64) -> String {
    format!("{}T{}", date_text(micros.div_euclid(DAY)), clock_text(micros.rem_euclid(DAY)))
}

/// `YYYY-MM-DDTHH:MM:SS[.fffffffff]` without a zone, of nanoseconds.
pub(crate) fn nanos_text(nanos: i64) -> String {
    let (micros, rest) = (nanos.div_euclid(1000), nanos.rem_euclid(1000));
    let text = timestamp_text(micros);
    if rest == 0 {
        return text;
    }
    let whole = timestamp_text(micros - micros.rem_euclid(1_000_000));
    let digits = format!("{:06}{rest:03}", micros.rem_euclid(1_000_000));
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// `HH:MM:SS[.ffffff]`.
pub(crate) fn clock_text(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 {
        return text;
    }
    let digits = format!("{fraction:06}");
    format!("{text}.{}", digits.trim_end_matches('0'))
}
