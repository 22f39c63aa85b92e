//! Durations: ISO 8601, `P1M2DT3.004S`.

use crate::read::fault::{Fault, NOT_DURATION};
use arrow::datatypes::IntervalMonthDayNano;

/// Months, days and milliseconds from `PnYnMnWnDTnHnMn.nS`: each part at most once and in this order, at least one of them, none
/// negative. Years are 12 months, weeks 7 days; hours and minutes are milliseconds.
pub(crate) fn duration(text: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| NOT_DURATION)?;
    read(text).ok_or(NOT_DURATION)
}

fn read(text: &str) -> Option<IntervalMonthDayNano> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let [years, months, weeks, days] = parts(date, [b'Y', b'M', b'W', b'D'])?;
    let whole = |part: Option<&str>| part.map_or(Some(0_i64), number);
    let months = whole(years)?.checked_mul(12)?.checked_add(whole(months)?)?;
    let days = whole(weeks)?.checked_mul(7)?.checked_add(whole(days)?)?;
    let [hours, minutes, seconds] = parts(time, [b'H', b'M', b'S'])?;
    let (seconds, fraction) = match seconds.and_then(|s| s.split_once('.')) {
        Some((whole, fraction)) => (Some(whole), fraction),
        None => (seconds, "0"),
    };
    // Three digits are milliseconds; more must be zeros.
    let digits = fraction.trim_end_matches('0');
    if fraction.is_empty() || digits.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis = number(&format!("{digits:0<3}"))?;
    let minutes = whole(hours)?.checked_mul(60)?.checked_add(whole(minutes)?)?;
    let seconds = minutes.checked_mul(60)?.checked_add(whole(seconds)?)?;
    let millis = u32::try_from(seconds.checked_mul(1000)?.checked_add(millis)?).ok()?;
    Some(IntervalMonthDayNano::new(
        i32::try_from(months).ok()?,
        i32::try_from(days).ok()?,
        i64::from(millis) * 1_000_000,
    ))
}

/// The numbers before these letters, which come in this order.
fn parts<const N: usize>(mut text: &str, letters: [u8; N]) -> Option<[Option<&str>; N]> {
    let mut found = [None; N];
    for (slot, letter) in found.iter_mut().zip(letters) {
        if let Some((number, rest)) = text.split_once(char::from(letter))
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        {
            (*slot, text) = (Some(number), rest);
        }
    }
    text.is_empty().then_some(found)
}

fn number(text: &str) -> Option<i64> {
    let plain = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `P1M2DT3.004S`: every part, the fraction only if there is one. `None` for what is no duration of a contract.
pub(crate) fn duration_text(span: IntervalMonthDayNano) -> Option<String> {
    let millis = u32::try_from(span.nanoseconds / 1_000_000).ok()?;
    if span.months < 0 || span.days < 0 || span.nanoseconds < 0 || span.nanoseconds % 1_000_000 != 0 {
        return None;
    }
    let (seconds, fraction) = (millis / 1000, millis % 1000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    Some(format!("P{}M{}DT{seconds}{fraction}S", span.months, span.days))
}

#[cfg(test)]
mod tests {
    use super::{duration, duration_text};
    use arrow::datatypes::IntervalMonthDayNano as Span;

    #[test]
    fn every_part_is_read() {
        for (text, months, days, millis) in [
            ("P1M2DT3.004S", 1, 2, 3004),
            ("P1Y2M3W4DT5H6M7S", 14, 25, 18_367_000),
            ("PT0S", 0, 0, 0),
            ("P0D", 0, 0, 0),
            ("PT1.5000S", 0, 0, 1500),
            ("P2147483647M2147483647DT4294967.295S", i32::MAX, i32::MAX, 4_294_967_295_i64),
        ] {
            let span = Span::new(months, days, millis * 1_000_000);
            assert_eq!(duration(text.as_bytes()), Ok(span), "{text}");
            let written = duration_text(span).unwrap();
            assert_eq!(duration(written.as_bytes()), Ok(span), "{written}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "P-1D",
            "P1DT",
            "P1H",
            "PT1D",
            "P1D1M",
            "PT1.0005S",
            "PT.5S",
            "PT1.S",
            "P1.5D",
            "PT4294967.296S",
            "P2147483648D",
            "P1DT1S ",
            "p1d",
            "P1M1M",
            "P99999999999999999999D",
            "\u{661}",
        ] {
            assert!(duration(text.as_bytes()).is_err(), "{text}");
        }
        assert!(duration(b"P\xff").is_err());
        for span in [
            Span::new(-1, 0, 0),
            Span::new(0, -1, 0),
            Span::new(0, 0, -1),
            Span::new(0, 0, 1),
            Span::new(0, 0, i64::MAX),
        ] {
            assert_eq!(duration_text(span), None);
        }
    }
}
