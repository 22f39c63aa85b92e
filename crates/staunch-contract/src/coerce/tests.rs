//! Coercions: what fits, what is asserted, what is refused, and what becomes of batches.

use super::{BadRow, check};
use crate::model::Contract;
use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use std::path::Path;
use std::sync::Arc;

fn contract(fields: &str) -> Contract {
    let text = format!("{{contract: c, version: 1, fields: {{{fields}}}}}");
    Contract::from_yaml(&text, Path::new("c.yaml")).unwrap()
}

fn batch(columns: Vec<(&str, ArrayRef, bool)>) -> RecordBatch {
    let fields: Vec<_> =
        columns.iter().map(|(n, a, null)| Field::new(*n, a.data_type().clone(), *null)).collect();
    let columns = columns.into_iter().map(|(_, a, _)| a).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Checks and applies one column `a`; gives the assertions, the values kept, and the rows refused.
fn one(array: ArrayRef, ty: &str) -> (Vec<String>, ArrayRef, Vec<(u32, String)>) {
    let contract = contract(&format!("a: {ty}"));
    let batch = batch(vec![("a", array, true)]);
    let coercion = check(batch.schema_ref(), &contract).unwrap();
    let out = coercion.apply(&batch).unwrap();
    assert_eq!(out.batch.schema(), contract.arrow_schema());
    assert_eq!(out.batch.num_rows() + out.bad.len(), batch.num_rows());
    let bad_rows: Vec<_> = out.bad.iter().map(|b| b.row).collect();
    let kept: Vec<_> = (0..batch.num_rows() as u32).filter(|r| !bad_rows.contains(r)).collect();
    assert_eq!(out.kept.clone().unwrap_or(kept.clone()), kept);
    assert_eq!(out.kept.is_none(), out.bad.is_empty());
    assert!(out.bad.iter().all(|b| b.field == "a"));
    let bad = out.bad.into_iter().map(|b| (b.row, b.reason)).collect();
    (coercion.assertions, out.batch.column(0).clone(), bad)
}

#[test]
fn what_fits_is_handed_on_as_it_is() {
    let contract = contract("a: long, b: string?, t: timestamp-micros");
    let time = TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC");
    let batch = batch(vec![
        ("a", Arc::new(Int64Array::from(vec![1, 2])), false),
        ("b", Arc::new(StringArray::from(vec![None, Some("x")])), true),
        ("t", Arc::new(time), false),
    ]);
    let coercion = check(batch.schema_ref(), &contract).unwrap();
    assert!(coercion.is_identity() && coercion.assertions.is_empty());
    let out = coercion.apply(&batch).unwrap();
    assert!(out.kept.is_none() && out.bad.is_empty());
    for (before, after) in batch.columns().iter().zip(out.batch.columns()) {
        assert!(Arc::ptr_eq(before, after));
    }
}

#[test]
fn order_is_free_and_the_contract_decides_it() {
    let contract = contract("a: long, b: int");
    let batch = batch(vec![
        ("b", Arc::new(Int32Array::from(vec![7])), false),
        ("a", Arc::new(Int64Array::from(vec![8])), false),
    ]);
    let coercion = check(batch.schema_ref(), &contract).unwrap();
    assert!(!coercion.is_identity());
    let out = coercion.apply(&batch).unwrap().batch;
    assert_eq!(out.schema(), contract.arrow_schema());
    assert_eq!(out.column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0), 8);
}

#[test]
fn rows_without_columns_keep_their_number_of_columns() {
    let contract = contract("a: int?");
    let batch = batch(vec![("a", Arc::new(NullArray::new(3)), true)]);
    let out = check(batch.schema_ref(), &contract).unwrap().apply(&batch).unwrap();
    assert_eq!((out.batch.num_rows(), out.batch.column(0).null_count()), (3, 3));
}

/// Types that are widened without a word: every value arrives, and no assertion is needed.
#[test]
fn lossless_widenings_pass_in_silence() {
    let ints = |to: DataType| cast(&Int32Array::from(vec![Some(-1), None, Some(100)]), &to).unwrap();
    let texts = |to: DataType| cast(&StringArray::from(vec![Some("x"), None, Some("")]), &to).unwrap();
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(b"xy".as_slice()), None]));
    let utc = |unit| DataType::Timestamp(unit, Some("+00:00".into()));
    let longs = cast(&ints(DataType::Int32), &DataType::Int64).unwrap();
    let dictionary: DictionaryArray<Int32Type> =
        [Some("x"), None, Some("y"), Some("x")].into_iter().collect();
    let positive: ArrayRef = Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]));
    for (array, ty) in [
        (ints(DataType::Int8), "int?"),
        (ints(DataType::Int16), "long?"),
        (ints(DataType::Int32), "long?"),
        (ints(DataType::Int16), "float?"),
        (ints(DataType::Int32), "double?"),
        (ints(DataType::Int32), "\"decimal(12,2)?\""),
        (ints(DataType::Int64), "\"decimal(19,0)?\""),
        (positive, "\"decimal(20,0)?\""),
        (ints(DataType::Float32), "double?"),
        (cast(&ints(DataType::Float32), &DataType::Float16).unwrap(), "float?"),
        (ints(DataType::Decimal128(5, 1)), "\"decimal(6,2)?\""),
        (ints(DataType::Decimal64(5, 1)), "\"decimal(5,1)?\""),
        (texts(DataType::Utf8View), "string?"),
        (texts(DataType::LargeUtf8), "string?"),
        (Arc::new(dictionary), "string?"),
        (cast(&bytes, &DataType::BinaryView).unwrap(), "bytes?"),
        (cast(&bytes, &DataType::FixedSizeBinary(2)).unwrap(), "bytes?"),
        (longs.clone(), "long?"),
        (cast(&longs, &utc(TimeUnit::Microsecond)).unwrap(), "timestamp-micros?"),
        (cast(&longs, &utc(TimeUnit::Second)).unwrap(), "timestamp-millis?"),
        (cast(&longs, &utc(TimeUnit::Millisecond)).unwrap(), "timestamp-micros?"),
        (cast(&longs, &DataType::Timestamp(TimeUnit::Millisecond, None)).unwrap(), "local-timestamp-micros?"),
        (cast(&ints(DataType::Int32), &DataType::Time32(TimeUnit::Millisecond)).unwrap(), "time-micros?"),
        (cast(&ints(DataType::Int32), &DataType::Time32(TimeUnit::Second)).unwrap(), "time-millis?"),
    ] {
        let what = format!("{} to {ty}", array.data_type());
        let nulls = array.null_count();
        let (assertions, out, bad) = one(array.clone(), ty);
        assert!(assertions.is_empty() && bad.is_empty(), "{what}: {assertions:?} {bad:?}");
        assert_eq!((out.len(), out.null_count()), (array.len(), nulls), "{what}");
        // Back again it is what it was: nothing was lost.
        let back = cast(&out, array.data_type()).unwrap();
        assert_eq!(&back, &array, "{what}");
    }
}

#[test]
fn integers_out_of_range_are_set_apart() {
    let (assertions, out, bad) = one(Arc::new(Int64Array::from(vec![Some(1), Some(1 << 40), None])), "int?");
    assert_eq!(assertions, ["`a` fits int"]);
    assert_eq!(out.as_ref(), &Int32Array::from(vec![Some(1), None]) as &dyn Array);
    assert_eq!(bad, [(1, "the value does not fit int".to_owned())]);

    let (assertions, _, bad) = one(Arc::new(UInt64Array::from(vec![u64::MAX, 5])), "long");
    assert_eq!(assertions, ["`a` is never null", "`a` fits long"]);
    assert_eq!(bad.len(), 1);
}

#[test]
fn nulls_are_set_apart_where_the_contract_has_none() {
    let (assertions, out, bad) =
        one(Arc::new(StringArray::from(vec![Some("x"), None, Some("y"), None])), "string");
    assert_eq!(assertions, ["`a` is never null"]);
    assert_eq!(out.as_ref(), &StringArray::from(vec!["x", "y"]) as &dyn Array);
    let reason = "the value is null, and the contract says that it never is";
    assert_eq!(bad, [(1, reason.to_owned()), (3, reason.to_owned())]);
}

#[test]
fn a_null_behind_a_dictionary_is_a_null() {
    let values = StringArray::from(vec![Some("x"), None]);
    let dictionary = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0, 1, 0]), Arc::new(values));
    let (_, out, bad) = one(Arc::new(dictionary), "string");
    assert_eq!((out.len(), bad[0].0), (2, 1));
}

#[test]
fn digits_below_the_unit_are_set_apart() {
    let nanos = TimestampNanosecondArray::from(vec![Some(5_000), Some(5_001), None, Some(-1_000), Some(-1)]);
    let (assertions, out, bad) = one(Arc::new(nanos), "local-timestamp-micros?");
    assert_eq!(assertions, ["`a` is a whole number of microseconds"]);
    assert_eq!(out.as_ref(), &TimestampMicrosecondArray::from(vec![Some(5), None, Some(-1)]) as &dyn Array);
    let reason = "the value is finer than local-timestamp-micros can hold";
    assert_eq!(bad, [(1, reason.to_owned()), (4, reason.to_owned())]);

    let days = Date64Array::from(vec![86_400_000, 86_400_001, -86_400_000]);
    let (_, out, bad) = one(Arc::new(days), "date?");
    assert_eq!(out.as_ref(), &Date32Array::from(vec![1, -1]) as &dyn Array);
    assert_eq!(bad[0].0, 1);

    let times = Time64NanosecondArray::from(vec![1_000_000, 1_500_000]);
    let (_, out, bad) = one(Arc::new(times), "time-millis?");
    assert_eq!(out.as_ref(), &Time32MillisecondArray::from(vec![1]) as &dyn Array);
    assert_eq!(bad[0].0, 1);
}

#[test]
fn an_overflow_in_a_finer_unit_is_set_apart() {
    let seconds = TimestampSecondArray::from(vec![i64::MAX, 1]).with_timezone("UTC");
    let (assertions, _, bad) = one(Arc::new(seconds), "timestamp-millis?");
    assert!(assertions.is_empty());
    assert_eq!(bad, [(0, "the value does not fit timestamp-millis".to_owned())]);
}

#[test]
fn symbols_and_uuids_are_asserted() {
    let symbols = Arc::new(StringArray::from(vec![Some("a"), Some("c"), None, Some("A")]));
    let (assertions, out, bad) = one(symbols, "{type: enum?, symbols: [a, b]}");
    assert_eq!(assertions, ["`a` is one of the 2 symbols of its enum"]);
    assert_eq!(out.len(), 2);
    let rows: Vec<_> = bad.iter().map(|b| b.0).collect();
    assert_eq!(rows, [1, 3]);

    let good = "0188a1d0-5f2b-7c3e-9a4d-0123456789ab";
    let upper = good.to_uppercase();
    let uuids =
        ["", good, &upper, &good[1..], &good.replace('-', "0"), "0188a1d0-5f2b-7c3e-9a4d-0123456789aé"];
    let view = cast(&StringArray::from(uuids.to_vec()), &DataType::Utf8View).unwrap();
    let (_, out, bad) = one(view, "uuid?");
    assert_eq!((out.len(), bad.len()), (1, 5));
}

#[test]
fn a_row_is_refused_once_and_its_first_field_is_named() {
    let contract = contract("a: int, b: string, c: {type: enum, symbols: [x]}");
    let batch = batch(vec![
        ("c", Arc::new(StringArray::from(vec!["x", "no", "x", "x"])), false),
        ("b", Arc::new(StringArray::from(vec![None, None, Some("s"), Some("t")])), true),
        ("a", Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(i64::MAX), Some(4)])), true),
    ]);
    let out = check(batch.schema_ref(), &contract).unwrap().apply(&batch).unwrap();
    assert_eq!(out.kept, Some(vec![3]));
    let bad: Vec<_> = out.bad.iter().map(|BadRow { row, field, .. }| (*row, field.as_str())).collect();
    assert_eq!(bad, [(0, "b"), (1, "b"), (2, "a")]);
}

#[test]
fn slices_are_looked_at_where_they_are() {
    let contract = contract("a: int");
    let whole =
        batch(vec![("a", Arc::new(Int64Array::from(vec![None, Some(1), Some(1 << 40), Some(3)])), true)]);
    let coercion = check(whole.schema_ref(), &contract).unwrap();
    let out = coercion.apply(&whole.slice(1, 3)).unwrap();
    assert_eq!((out.kept, out.bad[0].row), (Some(vec![0, 2]), 1));
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    let contract = contract(
        "carrier: string, delay: int, price: \"decimal(9,2)\", at: timestamp-micros, day: date, n: double, ratio: float, none: long",
    );
    let local = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let output = Schema::new(vec![
        Field::new("carier", DataType::Utf8, false),
        Field::new("delay", DataType::Float64, false),
        Field::new("price", DataType::Decimal128(12, 2), false),
        Field::new("at", local.clone(), false),
        Field::new("day", local, false),
        Field::new("n", DataType::Int64, false),
        Field::new("ratio", DataType::Float64, false),
        Field::new("none", DataType::Null, true),
        Field::new("more", DataType::Utf8, false),
    ]);
    let misfits = check(&output, &contract).unwrap_err();
    let found: Vec<_> = misfits.iter().map(ToString::to_string).collect();
    let wanted = "\
the output has no column `carrier`, which `c@1` wants as string (did you mean `carier`? write carier AS carrier)
the column `delay` is Float64, and int does not hold all its values (write CAST(delay AS INT) AS delay, or change the contract)
the column `price` is Decimal128(12, 2), and decimal(9,2) does not hold all its values (write CAST(price AS DECIMAL(9,2)) AS price, or change the contract)
the column `at` is Timestamp(ns), and timestamp-micros does not hold all its values (write CAST(at AS TIMESTAMP WITH TIME ZONE) AS at, or change the contract)
the column `day` is Timestamp(ns), and date does not hold all its values (write CAST(day AS DATE) AS day, or change the contract)
the column `n` is Int64, and double does not hold all its values (write CAST(n AS DOUBLE) AS n, or change the contract)
the column `ratio` is Float64, and float does not hold all its values (write CAST(ratio AS REAL) AS ratio, or change the contract)
the column `none` is Null, and long does not hold all its values (it is always null: make the field long? or give it a value)
the output has a column `carier`, which `c@1` does not have (did you mean `carrier`? write carier AS carrier)
the output has a column `more`, which `c@1` does not have (leave it out of the query, or add it to the contract)";
    assert_eq!(found.join("\n"), wanted);
    assert_eq!(misfits[1].found.as_deref(), Some("Float64"));
    assert_eq!(misfits[1].wanted.as_deref(), Some("int"));

    let twice =
        Schema::new(vec![Field::new("a", DataType::Int64, false), Field::new("a", DataType::Int64, false)]);
    assert_eq!(check(&twice, &self::contract("a: long")).unwrap_err().len(), 1);
}

#[test]
fn a_batch_of_another_schema_is_a_bug_and_no_panic() {
    let contract = contract("a: long");
    let good = batch(vec![("a", Arc::new(Int64Array::from(vec![1])), false)]);
    let coercion = check(good.schema_ref(), &contract).unwrap();
    for other in [
        batch(vec![("a", Arc::new(Int32Array::from(vec![1])), false)]),
        RecordBatch::new_empty(Arc::new(Schema::empty())),
    ] {
        assert_eq!(coercion.apply(&other).unwrap_err().code().name, "Internal.Bug");
    }
}
