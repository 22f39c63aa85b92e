//! Dates, times and decimals as text: one fixed form for targets that have no type for them.
//!
//! **What it is.** ISO 8601 with a fixed number of digits, so that texts sort as the values do: `2013-01-01`,
//! `05:00:00.000000`, `2013-01-01T05:00:00.000000Z` (an instant, in UTC) or without `Z` (a local reading); three digits
//! after the point for the millisecond types, six for the microsecond types, nine for the nanosecond types. A decimal has exactly the digits of its scale.
//!
//! **Invariants.** A value whose text would not sort, because its year is not 0000 to 9999 or its time of day not below 24 hours, still
//! has a text of its own, and the function says `false`. Nothing overflows.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// A unit of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    fn a_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    /// Digits behind the point.
    fn digits(self) -> u32 {
        match self {
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }

    pub(crate) fn a_day(self) -> i64 {
        self.a_second() * (MICROS_A_DAY / 1_000_000)
    }
}

/// Appends a date from its days since 1970-01-01; `false` if it is not of the fixed form.
pub(crate) fn push_date(out: &mut String, days: i64) -> bool {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        push_digits(out, year.unsigned_abs(), 4);
    } else {
        // ISO 8601's expanded form.
        let _ = write!(out, "{year:+05}");
    }
    out.push('-');
    push_digits(out, month, 2);
    out.push('-');
    push_digits(out, day, 2);
    (0..=9999).contains(&year)
}

/// Appends a time of day; `false` (and the bare number) if it is none.
pub(crate) fn push_time(out: &mut String, value: i64, unit: Unit) -> bool {
    if !(0..unit.a_day()).contains(&value) {
        let _ = write!(out, "{value}");
        return false;
    }
    let (seconds, fraction) = (value / unit.a_second(), value % unit.a_second());
    for (at, part) in [seconds / 3600, seconds / 60 % 60, seconds % 60].into_iter().enumerate() {
        if at > 0 {
            out.push(':');
        }
        push_digits(out, part.unsigned_abs(), 2);
    }
    out.push('.');
    push_digits(out, fraction.unsigned_abs(), unit.digits());
    true
}

/// Appends a timestamp, with `Z` if it is an instant; `false` if it is not of the fixed form.
pub(crate) fn push_timestamp(out: &mut String, value: i64, unit: Unit, instant: bool) -> bool {
    let fixed = push_date(out, value.div_euclid(unit.a_day()));
    out.push('T');
    push_time(out, value.rem_euclid(unit.a_day()), unit);
    if instant {
        out.push('Z');
    }
    fixed
}

/// Appends a decimal: `-123.45` for the unscaled -12345 at scale 2.
pub(crate) fn push_decimal(out: &mut String, unscaled: i128, scale: u8) {
    let digits = unscaled.unsigned_abs().to_string();
    if unscaled < 0 {
        out.push('-');
    }
    let scale = usize::from(scale);
    if scale == 0 {
        out.push_str(&digits);
        return;
    }
    let padded = if digits.len() <= scale { format!("{digits:0>width$}", width = scale + 1) } else { digits };
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    out.push_str(whole);
    out.push('.');
    out.push_str(fraction);
}

/// The last `width` digits, with leading zeros.
fn push_digits(out: &mut String, value: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

/// Year, month and day of a number of days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant,
/// "chrono-compatible low-level date algorithms", `civil_from_days`). Exact for all days of a 64-bit timestamp.
pub(crate) fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}
