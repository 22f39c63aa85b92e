use super::{parse_bytes, parse_duration, parse_share};
use std::time::Duration;

#[test]
fn sizes() {
    for (text, expected) in [
        ("64 MiB", Some(64 << 20)),
        ("64MiB", Some(64 << 20)),
        (" 1 KiB ", Some(1024)),
        ("1 kB", Some(1000)),
        ("4096", Some(4096)),
        ("0", Some(0)),
        ("1 TiB", Some(1 << 40)),
        ("-1 MiB", None),
        ("1.5 GiB", None),
        ("64 mib", None),
        ("MiB", None),
        ("", None),
        ("99999999999999999999", None),
        ("18446744073709551615", None),
        ("9000000000 TiB", None),
        ("1 \u{b5}B", None),
    ] {
        assert_eq!(parse_bytes(text).ok(), expected, "{text}");
    }
}

#[test]
fn durations() {
    for (text, expected) in [
        ("500 ms", Some(Duration::from_millis(500))),
        ("10 s", Some(Duration::from_secs(10))),
        ("10s", Some(Duration::from_secs(10))),
        ("5 min", Some(Duration::from_secs(300))),
        ("2 h", Some(Duration::from_secs(7200))),
        ("30 d", Some(Duration::from_secs(30 * 86_400))),
        ("36500 d", Some(super::LONGEST)),
        ("36501 d", None),
        ("18446744073709551615 d", None),
        ("10", None),
        ("10 m", None),
        ("ten s", None),
        ("-1 s", None),
    ] {
        assert_eq!(parse_duration(text).ok(), expected, "{text}");
    }
}

#[test]
fn durations_are_shown_as_they_are_read() {
    for text in ["0 ms", "1500 ms", "90 s", "5 min", "36 h", "30 d"] {
        assert_eq!(parse_duration(text).map(super::show_duration).as_deref(), Ok(text));
    }
}

#[test]
fn shares() {
    for (text, expected) in [
        ("5 %", Some(0.05)),
        ("0.1 %", Some(0.001)),
        ("0%", Some(0.0)),
        ("100 %", Some(1.0)),
        ("101 %", None),
        ("-1 %", None),
        ("NaN %", None),
        ("inf %", None),
        ("1e1 %", None),
        (". %", None),
        ("%", None),
        ("0.05", None),
    ] {
        assert_eq!(parse_share(text).ok(), expected, "{text}");
    }
}
