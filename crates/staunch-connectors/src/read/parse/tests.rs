use super::number::{decimal, float32, float64, int32, int64};
use super::time::{Format, clock_text, date, date_text, instant, local, millis, time_micros, timestamp_text};
use super::uuid::uuid;
use crate::read::fault::{
    DECIMAL_RANGE, DECIMAL_SCALE, FLOAT_RANGE, Fault, INT_RANGE, LOCAL_ZONE, NOT_DATE, NOT_DECIMAL,
    NOT_FLOAT, NOT_INT, NOT_TIMESTAMP, TIME_SCALE,
};
use proptest::prelude::*;

/// Every number is read at every distance from the edges of its text.
fn everywhere<T: PartialEq + std::fmt::Debug>(text: &str, f: impl Fn(&[u8], usize, usize) -> T) -> T {
    let alone = f(text.as_bytes(), 0, text.len());
    for (before, after) in [("7.-e", ""), ("", "9.9"), ("1234567.", "1234567890"), ("x", "x")] {
        let around = format!("{before}{text}{after}");
        let begin = before.len();
        assert_eq!(
            f(around.as_bytes(), begin, begin + text.len()),
            alone,
            "{text} between {before} and {after}"
        );
    }
    alone
}

#[test]
fn whole_numbers() {
    let cases: &[(&str, Result<i64, Fault>)] = &[
        ("0", Ok(0)),
        ("-0", Ok(0)),
        ("+5", Ok(5)),
        ("007", Ok(7)),
        ("12345678", Ok(12_345_678)),
        ("-123456789", Ok(-123_456_789)),
        ("1234567890123456", Ok(1_234_567_890_123_456)),
        ("9007199254740993", Ok(9_007_199_254_740_993)),
        ("9223372036854775807", Ok(i64::MAX)),
        ("-9223372036854775808", Ok(i64::MIN)),
        ("9223372036854775808", Err(INT_RANGE)),
        ("-9223372036854775809", Err(INT_RANGE)),
        ("00000000000000000000000000001", Ok(1)),
        ("", Err(NOT_INT)),
        ("-", Err(NOT_INT)),
        ("+-1", Err(NOT_INT)),
        ("1.0", Err(NOT_INT)),
        (" 1", Err(NOT_INT)),
        ("1e3", Err(NOT_INT)),
        ("12:4567890", Err(NOT_INT)),
        ("1234567/", Err(NOT_INT)),
    ];
    for (text, wanted) in cases {
        assert_eq!(everywhere(text, int64), *wanted, "{text}");
    }
    assert_eq!(everywhere("2147483648", int32), Err(INT_RANGE));
    assert_eq!(everywhere("-2147483648", int32), Ok(i32::MIN));
}

#[test]
fn floating_numbers() {
    for text in
        ["1.5", ".5", "5.", "-0.0", "1e22", "123456.789", "0.1", "3.4028236e38", "179.76931348623157e306"]
    {
        assert_eq!(
            everywhere(text, float64).unwrap().to_bits(),
            text.parse::<f64>().unwrap().to_bits(),
            "{text}"
        );
    }
    assert!(everywhere("NaN", |t, b, e| float64(t, b, e).unwrap().is_nan()));
    assert_eq!(everywhere("-Infinity", float64), Ok(f64::NEG_INFINITY));
    for bad in ["", ".", "-", "1..2", "1.2.3", "0x10", "1,5", "--1", "e5"] {
        assert_eq!(everywhere(bad, float64), Err(NOT_FLOAT), "{bad}");
        assert_eq!(everywhere(bad, float32), Err(NOT_FLOAT), "{bad}");
    }
    assert_eq!(everywhere("1e999", float64), Err(FLOAT_RANGE));
    assert_eq!(everywhere("3.5e38", float32), Err(FLOAT_RANGE));
}

#[test]
fn decimals_are_exact() {
    let d = |text: &str| everywhere(text, |t, b, e| decimal(t, b, e, 9, 2));
    assert_eq!(d("12.5"), Ok(1250));
    assert_eq!(d("-12.50"), Ok(-1250));
    assert_eq!(d("1e3"), Ok(100_000));
    assert_eq!(d("125e-2"), Ok(125));
    assert_eq!(d("1.500000000000000000000000000000000000000000000000"), Ok(150));
    assert_eq!(d("0.005"), Err(DECIMAL_SCALE));
    assert_eq!(d("1.005"), Err(DECIMAL_SCALE));
    assert_eq!(d("0.00"), Ok(0));
    assert_eq!(d("0e-99999999999999999999"), Ok(0));
    assert_eq!(d("1e-99999999999999999999"), Err(DECIMAL_SCALE));
    assert_eq!(d("1e99999999999999999999"), Err(DECIMAL_RANGE));
    assert_eq!(d("9999999.99"), Ok(999_999_999));
    assert_eq!(d("10000000"), Err(DECIMAL_RANGE));
    assert_eq!(d("9999999999999999999999999999999999999999999"), Err(DECIMAL_RANGE));
    for bad in ["", ".", "-", "1..2", "NaN", "1e", "1e+", "e1", "1.2.3"] {
        assert_eq!(d(bad), Err(NOT_DECIMAL), "{bad}");
    }
    let wide = "99999999999999999999999999999999999999";
    assert_eq!(everywhere(wide, |t, b, e| decimal(t, b, e, 38, 0)), Ok(10_i128.pow(38) - 1));
    assert_eq!(
        everywhere("0.00000000000000000000000000000000000001", |t, b, e| decimal(t, b, e, 38, 38)),
        Ok(1)
    );
}

#[test]
fn times() {
    assert_eq!(date(b"1970-01-01"), Ok(0));
    assert_eq!(date(b"2000-02-29"), Ok(11_016));
    assert_eq!(date(b"0001-01-01"), Ok(-719_162));
    assert_eq!(date(b"9999-12-31"), Ok(2_932_896));
    for bad in [
        "1900-02-29",
        "2001-02-29",
        "2001-13-01",
        "2001-00-01",
        "2001-01-32",
        "0000-01-01",
        "2001-1-01",
        "2001-01-01 ",
    ] {
        assert_eq!(date(bad.as_bytes()), Err(NOT_DATE), "{bad}");
    }
    assert_eq!(instant(b"1970-01-01T00:00:00Z"), Ok(0));
    assert_eq!(instant(b"1970-01-01 00:00"), Ok(0));
    assert_eq!(instant(b"1970-01-01t00:00:01.5z"), Ok(1_500_000));
    assert_eq!(instant(b"1970-01-01T00:00:00+02:30"), Ok(-9_000_000_000));
    assert_eq!(instant(b"1970-01-01T00:00:00-0230"), Ok(9_000_000_000));
    assert_eq!(instant(b"1970-01-01T00:00:00.123456000+00"), Ok(123_456));
    assert_eq!(instant(b"1970-01-01T00:00:00.1234567Z"), Err(TIME_SCALE));
    for bad in [
        "",
        "1970-01-01",
        "1970-01-01T24:00",
        "1970-01-01T23:60",
        "1970-01-01T23:59:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00 Z",
        "1970-01-01T00:00:00+1",
        "1970-01-01T00:00:00+24:00",
    ] {
        assert_eq!(instant(bad.as_bytes()), Err(NOT_TIMESTAMP), "{bad}");
    }
    assert_eq!(local(b"1970-01-01 00:00:01"), Ok(1_000_000));
    assert_eq!(local(b"1970-01-01 00:00:01Z"), Err(LOCAL_ZONE));
    assert_eq!(local(b"1970-01-01 00:00:01X"), Err(NOT_TIMESTAMP));
    assert_eq!(time_micros(b"23:59:59.999999"), Ok(86_399_999_999));
    assert_eq!(time_micros(b"05:17"), Ok(19_020_000_000));
    assert_eq!(millis(-1_000), Ok(-1));
    assert_eq!(millis(1_500), Err(TIME_SCALE));
    let german = Format::new("%d.%m.%Y").unwrap();
    assert_eq!(german.date(b"01.03.1970"), Ok(59));
    assert!(german.date(b"31.02.1970").is_err());
    assert_eq!(german.timestamp(b"02.01.1970", true), Ok(86_400_000_000));
    let zoned = Format::new("%Y%m%d %H%M%S %z").unwrap();
    assert_eq!(zoned.timestamp(b"19700101 010000 +0100", true), Ok(0));
    assert_eq!(zoned.timestamp(b"19700101 010000 +0100", false), Err(LOCAL_ZONE));
    assert!(Format::new("%Q").is_none());
    assert_eq!(timestamp_text(-1), "1969-12-31T23:59:59.999999");
    assert_eq!(clock_text(1_500_000), "00:00:01.5");
}

#[test]
fn uuids() {
    let wanted = *b"00112233-4455-6677-8899-aabbccddeeff";
    assert_eq!(uuid(b"00112233-4455-6677-8899-AABBccddeeff").unwrap(), wanted);
    assert!(uuid(b"00112233445566778899aabbccddeeff").is_err());
    assert!(uuid(b"0011223344-55-6677-8899-aabbccddeeff").is_err());
}

proptest! {
    #[test]
    fn whole_numbers_like_the_standard_library(value: i64, begin in 0_usize..20) {
        let text = format!("{}{value},1", " ".repeat(begin));
        prop_assert_eq!(int64(text.as_bytes(), begin, text.len() - 2), Ok(value));
    }

    #[test]
    fn floats_like_the_standard_library(text in "-?[0-9]{1,12}(\\.[0-9]{0,12})?(e-?[0-9]{1,2})?") {
        let bytes = text.as_bytes();
        prop_assert_eq!(float64(bytes, 0, bytes.len()).unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits());
        let wanted: f32 = text.parse().unwrap();
        match float32(bytes, 0, bytes.len()) {
            Ok(value) => prop_assert_eq!(value.to_bits(), wanted.to_bits()),
            Err(fault) => prop_assert!(fault == FLOAT_RANGE && wanted.is_infinite()),
        }
    }

    #[test]
    fn decimals_round_trip(value in -99_999_999_999_i64..99_999_999_999) {
        let text = format!("{}{}.{:04}", if value < 0 { "-" } else { "" }, value.unsigned_abs() / 10_000, value.unsigned_abs() % 10_000);
        prop_assert_eq!(decimal(text.as_bytes(), 0, text.len(), 20, 4), Ok(i128::from(value)));
    }

    #[test]
    fn dates_round_trip(day in -719_162_i32..2_932_897) {
        let text = date_text(i64::from(day));
        prop_assert_eq!(date(text.as_bytes()), Ok(day));
        let micros = i64::from(day) * 86_400_000_000 + 1_234_567;
        prop_assert_eq!(instant(timestamp_text(micros).as_bytes()), Ok(micros));
    }

    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..40), begin in 0_usize..40, len in 0_usize..40) {
        let end = (begin + len).min(text.len());
        let begin = begin.min(end);
        let _ = int64(&text, begin, end);
        let _ = float64(&text, begin, end);
        let _ = float32(&text, begin, end);
        let _ = decimal(&text, begin, end, 38, 10);
        let _ = (date(&text[begin..end]), instant(&text[begin..end]), local(&text[begin..end]), time_micros(&text[begin..end]));
        let _ = uuid(&text[begin..end]);
    }
}
