//! The fixed forms, against another calendar and at the edges.

use super::{Unit, push_date, push_decimal, push_time, push_timestamp};
use chrono::{DateTime, Days, NaiveDate};

fn text(push: impl FnOnce(&mut String) -> bool) -> (String, bool) {
    let mut out = String::new();
    let fixed = push(&mut out);
    (out, fixed)
}

#[test]
fn dates_agree_with_chrono_over_four_centuries_and_at_the_edges() {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for days in (-719_528..2_932_896).step_by(13).chain([-719_528, 2_932_896]) {
        let date = if days < 0 {
            epoch.checked_sub_days(Days::new(u64::try_from(-days).unwrap())).unwrap()
        } else {
            epoch.checked_add_days(Days::new(u64::try_from(days).unwrap())).unwrap()
        };
        assert_eq!(text(|o| push_date(o, days)), (date.format("%Y-%m-%d").to_string(), true));
    }
    assert_eq!(text(|o| push_date(o, -719_529)), ("-0001-12-31".to_owned(), false));
    assert_eq!(text(|o| push_date(o, 2_932_897)), ("+10000-01-01".to_owned(), false));
    for days in [i64::MIN, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX)] {
        assert!(!text(|o| push_date(o, days)).1);
    }
}

#[test]
fn timestamps_agree_with_chrono() {
    for micros in [0, -1, 1, 1_357_034_400_000_001, -62_167_219_200_000_000, 253_402_300_799_999_999] {
        let wanted =
            DateTime::from_timestamp_micros(micros).unwrap().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        assert_eq!(text(|o| push_timestamp(o, micros, Unit::Micros, true)), (wanted, true));
    }
    let local = text(|o| push_timestamp(o, -1, Unit::Millis, false));
    assert_eq!(local, ("1969-12-31T23:59:59.999".to_owned(), true));
    for value in [i64::MIN, i64::MAX] {
        for unit in [Unit::Millis, Unit::Micros] {
            assert!(!text(|o| push_timestamp(o, value, unit, true)).1);
        }
    }
    assert_eq!(text(|o| push_time(o, 86_399_999, Unit::Millis)), ("23:59:59.999".to_owned(), true));
    assert_eq!(text(|o| push_time(o, 86_400_000, Unit::Millis)), ("86400000".to_owned(), false));
    assert_eq!(text(|o| push_time(o, -1, Unit::Micros)), ("-1".to_owned(), false));
}

#[test]
fn decimals_keep_every_digit() {
    let cases: [(i128, u8, &str); 7] = [
        (-12_345, 2, "-123.45"),
        (5, 2, "0.05"),
        (-5, 3, "-0.005"),
        (0, 2, "0.00"),
        (7, 0, "7"),
        (99_999_999_999_999_999_999_999_999_999_999_999_999, 38, "0.99999999999999999999999999999999999999"),
        (i128::MIN, 0, "-170141183460469231731687303715884105728"),
    ];
    for (unscaled, scale, wanted) in cases {
        let mut out = String::new();
        push_decimal(&mut out, unscaled, scale);
        assert_eq!(out, wanted);
    }
}
