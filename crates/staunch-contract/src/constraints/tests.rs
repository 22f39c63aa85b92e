//! Constraints on columns of every type that can have them: which rows break them, and for what reason.

use super::Check;
use crate::model::Contract;
use arrow::array::{
    Array, ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, Time64MicrosecondArray, TimestampMillisecondArray,
};
use staunch_types::{Clock, Rng, SeededRng, SystemClock};
use std::path::Path;
use std::sync::Arc;

fn checks(field: &str) -> Vec<Check> {
    let text = format!("contract: c\nversion: 1\nfields: {{a: {{{field}}}}}\n");
    let contract = Contract::from_yaml(&text, Path::new("x.yaml")).unwrap_or_else(|e| panic!("{e:?}"));
    Check::of(&contract.fields[0])
}

/// The rows of a column that break the constraints of the field, with the constraint that each of them breaks.
fn broken(field: &str, column: impl Array + 'static) -> String {
    let column: ArrayRef = Arc::new(column);
    let find = |column: &ArrayRef| {
        let mut found = Vec::new();
        for check in checks(field) {
            check
                .find(column, &mut |row, what: &'static str| {
                    found.push((row, what.split('`').nth(1).unwrap()));
                })
                .unwrap();
        }
        found
    };
    let all = find(&column);
    // A slice has the rows of its part.
    let (from, length) = (column.len() / 3, column.len() / 2);
    let inside = all.iter().filter(|(row, _)| (from..from + length).contains(row));
    let inside: Vec<_> = inside.map(|(row, what)| (row - from, *what)).collect();
    assert_eq!(find(&column.slice(from, length)), inside, "{field}, sliced");
    all.iter().map(|(row, what)| format!("{row} {what}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn ranges_hold_on_numbers_dates_and_times() {
    let ints = Int32Array::from(vec![Some(0), Some(1), None, Some(9), Some(10), Some(i32::MIN)]);
    assert_eq!(broken("type: int?, min: 1, max: 9", ints.clone()), "0 min, 4 max, 5 min");
    assert_eq!(broken("type: int?, max: 9", ints.clone()), "4 max");
    assert_eq!(broken("type: int?, min: -2147483648", ints), "");
    let longs = Int64Array::from(vec![i64::MAX, i64::MIN, 0]);
    assert_eq!(
        broken("type: long, min: -9223372036854775807, max: 9223372036854775806", longs),
        "0 max, 1 min"
    );
    let doubles = Float64Array::from(vec![Some(0.1), Some(f64::NAN), Some(f64::INFINITY), Some(-0.0), None]);
    assert_eq!(broken("type: double?, min: 0, max: 0.1", doubles.clone()), "1 min, 2 max");
    assert_eq!(broken("type: double?, max: 0.1", doubles), "1 min, 2 max");
    // 0.1 of 32 bits is more than 0.1 of 64.
    assert_eq!(broken("type: float, max: 0.1", Float32Array::from(vec![0.1, 0.2])), "1 max");
    let decimals = Decimal128Array::from(vec![99, 100, 101]).with_precision_and_scale(9, 2).unwrap();
    assert_eq!(broken("type: 'decimal(9,2)', min: 1, max: 1.0", decimals), "0 min, 2 max");
    assert_eq!(broken("type: date, min: 1970-01-02", Date32Array::from(vec![0, 1, -1])), "0 min, 2 min");
    let times = Time64MicrosecondArray::from(vec![0, 36_000_000_001]);
    assert_eq!(broken("type: time-micros, max: '10:00:00'", times), "1 max");
    let stamps = TimestampMillisecondArray::from(vec![999, 1000]).with_timezone("UTC");
    assert_eq!(broken("type: timestamp-millis, min: '1970-01-01T01:00:01+01:00'", stamps), "0 min");
}

#[test]
fn what_lies_under_a_null_breaks_nothing() {
    let values = vec![100, 5, 100].into();
    let ints = Int32Array::new(values, Some(vec![false, true, true].into()));
    assert_eq!(broken("type: int?, max: 9", ints), "2 max");
}

#[test]
fn lengths_are_characters_bytes_and_values() {
    let texts =
        vec![Some(""), Some("a"), Some("äöü"), Some("äöüx"), None, Some("😀😀😀"), Some("abcdefghijklm")];
    let texts = StringArray::from(texts);
    assert_eq!(
        broken("type: string?, min_length: 1, max_length: 3", texts.clone()),
        "0 min_length, 3 max_length, 6 max_length"
    );
    assert_eq!(broken("type: string?, min_length: 3", texts), "0 min_length, 1 min_length");
    let bytes = BinaryArray::from(vec![&b""[..], b"ab", b"abc"]);
    assert_eq!(broken("type: bytes, min_length: 1, max_length: 2", bytes), "0 min_length, 2 max_length");
}

#[test]
fn a_pattern_is_that_of_the_whole_text() {
    let texts = StringArray::from(vec![Some("AB"), Some("ABC"), Some("xAB"), Some("AB\n"), None, Some("CD")]);
    assert_eq!(
        broken("type: string?, pattern: '[A-Z]{2}'", texts.clone()),
        "1 pattern, 2 pattern, 3 pattern"
    );
    // A choice is one pattern.
    assert_eq!(broken("type: string?, pattern: 'AB|CD'", texts), "1 pattern, 2 pattern, 3 pattern");
}

#[test]
fn values_are_listed_few_or_many() {
    let texts = StringArray::from(vec![Some("a"), Some("b"), None, Some("")]);
    assert_eq!(broken("type: string?, one_of: [a]", texts), "1 one_of, 3 one_of");
    let many = (0..40).map(|n| (n * 2).to_string()).collect::<Vec<_>>().join(", ");
    let ints = Int32Array::from(vec![Some(0), Some(1), None, Some(78), Some(80)]);
    assert_eq!(broken(&format!("type: int?, one_of: [{many}]"), ints), "1 one_of, 4 one_of");
    let decimals = Decimal128Array::from(vec![150, 100]).with_precision_and_scale(9, 2).unwrap();
    assert_eq!(broken("type: 'decimal(9,2)', one_of: [1.5]", decimals), "1 one_of");
    let days = Date32Array::from(vec![0, 1]);
    assert_eq!(broken("type: date, one_of: [1970-01-01]", days), "1 one_of");
}

#[test]
fn a_column_of_another_type_is_a_bug_and_no_panic() {
    let column: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![true]));
    for field in [
        "type: int, min: 1",
        "type: string, min_length: 1",
        "type: string, pattern: a",
        "type: string, one_of: [a]",
    ] {
        let error = checks(field)[0].find(&column, &mut |_, _| {}).unwrap_err();
        assert_eq!(error.code().name, "Internal.Bug");
    }
}

/// `cargo test --release -p staunch-contract constraints::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
fn speed() {
    let rng = SeededRng::new(7);
    let rows = 8192;
    let numbers: Vec<i64> = (0..rows).map(|_| (rng.next() % 1000) as i64).collect();
    let texts: Vec<String> = numbers.iter().map(|n| format!("AB{n:06}")).collect();
    let ints: ArrayRef = Arc::new(Int32Array::from(numbers.iter().map(|n| *n as i32).collect::<Vec<_>>()));
    let longs: ArrayRef = Arc::new(Int64Array::from(numbers.clone()));
    let doubles: ArrayRef =
        Arc::new(Float64Array::from(numbers.iter().map(|n| *n as f64).collect::<Vec<_>>()));
    let decimals: ArrayRef = Arc::new(
        Decimal128Array::from(numbers.iter().map(|n| i128::from(*n)).collect::<Vec<_>>())
            .with_precision_and_scale(9, 2)
            .unwrap(),
    );
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let kinds: ArrayRef = Arc::new(StringArray::from(
        numbers.iter().map(|n| ["view", "buy", "sell"][*n as usize % 3]).collect::<Vec<_>>(),
    ));
    let many = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let many = format!("type: long, one_of: [{many}]");
    for (what, field, column) in [
        ("range of int", "type: int, min: 0, max: 999", &ints),
        ("range of long", "type: long, min: 0, max: 999", &longs),
        ("range of double", "type: double, min: 0, max: 999", &doubles),
        ("range of decimal", "type: 'decimal(9,2)', min: 0, max: 999", &decimals),
        ("max_length", "type: string, max_length: 8", &texts),
        ("min_length, counted", "type: string, min_length: 8", &texts),
        ("pattern", "type: string, pattern: '[A-Z]{2}[0-9]+'", &texts),
        ("one_of 3 texts", "type: string, one_of: [view, buy, sell]", &kinds),
        ("one_of 1000 numbers", many.as_str(), &longs),
    ] {
        let checks = checks(field);
        let clock = SystemClock::default();
        let mut best = f64::MAX;
        for _ in 0..300 {
            let start = clock.monotonic();
            for check in &checks {
                check.find(std::hint::black_box(column), &mut |_, _| panic!("{what}")).unwrap();
            }
            best = best.min((clock.monotonic() - start).as_nanos() as f64 / rows as f64);
        }
        println!("{what}: {best:.2} ns a row");
    }
}
