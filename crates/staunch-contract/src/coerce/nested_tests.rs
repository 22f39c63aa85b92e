//! Nested columns on their way into a contract: data in, data out.

use super::{Coercion, check};
use crate::model::Contract;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UnionArray};
use arrow::datatypes::IntervalMonthDayNano as Span;
use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use std::path::Path;
use std::sync::Arc;

fn contract(fields: &str) -> Contract {
    let text = format!("contract: c\nversion: 1\nfields: {{{fields}}}\n");
    Contract::from_yaml(&text, Path::new("x.yaml")).unwrap_or_else(|e| panic!("{e:?}"))
}

/// Rows of JSON in the schema; nulls come where the schema allows them.
fn rows(schema: &Schema, rows: &[&str]) -> RecordBatch {
    let mut decoder = arrow::json::ReaderBuilder::new(Arc::new(schema.clone())).build_decoder().unwrap();
    decoder.decode(rows.join("\n").as_bytes()).unwrap();
    decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(Arc::new(schema.clone())))
}

fn list(item: DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new("element", item, true)))
}

fn record(fields: &[(&str, DataType)]) -> DataType {
    DataType::Struct(fields.iter().map(|(n, t)| Field::new(*n, t.clone(), true)).collect::<Fields>())
}

fn map(value: DataType) -> DataType {
    let pair =
        Fields::from(vec![Field::new("keys", DataType::Utf8View, false), Field::new("values", value, true)]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair), false)), false)
}

/// The output of a query with parts of other types, names and nullability than the contract's.
fn foreign() -> Schema {
    Schema::new(vec![
        Field::new("tags", list(DataType::Utf8View), true),
        Field::new("counts", map(DataType::Int64), true),
        Field::new("place", record(&[("zip", DataType::Int32), ("street", DataType::Utf8)]), true),
        Field::new("deep", list(record(&[("at", DataType::Timestamp(TimeUnit::Nanosecond, None))])), true),
    ])
}

const WANTED: &str = "tags: {array: string}, counts: {map?: int}, place: {record: {street: string, zip: long?}}, deep: {array?: {record?: {at: local-timestamp-millis}}}";

fn coerced(coercion: &Coercion, batch: &RecordBatch) -> (RecordBatch, Vec<String>) {
    let done = coercion.apply(batch).unwrap();
    done.batch.columns().iter().for_each(|c| c.to_data().validate_full().unwrap());
    let bad = done.bad.iter().map(|b| format!("{} {}: {}", b.row, b.field, b.reason)).collect();
    (done.batch, bad)
}

#[test]
fn parts_are_widened_renamed_and_ordered() {
    let wanted = contract(WANTED);
    let coercion = check(&foreign(), &wanted).unwrap();
    assert!(!coercion.is_identity());
    let lines = [
        r#"{"tags": ["a", "b"], "counts": {"x": 1, "y": 2}, "place": {"street": "s", "zip": 7}, "deep": [{"at": "2026-01-31T10:00:00.123"}, null]}"#,
        r#"{"tags": [], "counts": null, "place": {"street": "", "zip": null}, "deep": null}"#,
    ];
    let (batch, bad) = coerced(&coercion, &rows(&foreign(), &lines));
    assert_eq!((batch.schema(), bad), (wanted.arrow_schema(), vec![]));
    assert_eq!(batch.column(0).as_list::<i32>().value(0).as_string::<i32>().value(1), "b");
    assert_eq!(batch.column(1).as_map().keys().as_string::<i32>().value(1), "y");
    assert!(batch.column(1).is_null(1) && batch.column(3).is_null(1));
    assert_eq!(
        coercion.assertions,
        [
            "`tags` is never null",
            "`tags[]` is never null",
            "`counts{}` is never null",
            "`counts{}` fits int",
            "`place` is never null",
            "`place.street` is never null",
            "`deep[].at` is never null",
            "`deep[].at` is a whole number of milliseconds",
        ]
    );
}

#[test]
fn what_is_wrong_inside_sets_the_row_apart_and_is_named_with_its_way() {
    let wanted = contract(WANTED);
    let coercion = check(&foreign(), &wanted).unwrap();
    let good = r#"{"tags": ["g"], "counts": {}, "place": {"street": "s"}, "deep": []}"#;
    let lines = [
        good,
        r#"{"tags": ["a", null], "counts": {}, "place": {"street": "s"}, "deep": []}"#,
        r#"{"tags": [], "counts": {"x": 1, "y": 3000000000}, "place": {"street": "s"}, "deep": []}"#,
        r#"{"tags": [], "counts": {"x": null}, "place": {"street": "s"}, "deep": []}"#,
        good,
        r#"{"tags": [], "counts": {}, "place": {"street": null}, "deep": []}"#,
        r#"{"tags": [], "counts": {}, "place": null, "deep": []}"#,
        r#"{"tags": [], "counts": {}, "place": {"street": "s"}, "deep": [null, {"at": "2026-01-31T10:00:00.1234"}]}"#,
        r#"{"tags": [], "counts": {}, "place": {"street": "s"}, "deep": [{"at": null}]}"#,
        r#"{"tags": null, "counts": {}, "place": {"street": "s"}, "deep": []}"#,
        good,
    ];
    let all = rows(&foreign(), &lines);
    let wanted_bad = [
        "1 tags[]: the value is null, and the contract says that it never is",
        "2 counts{}: the value does not fit int",
        "3 counts{}: the value is null, and the contract says that it never is",
        "5 place.street: the value is null, and the contract says that it never is",
        "6 place: the value is null, and the contract says that it never is",
        "7 deep[].at: the value is finer than local-timestamp-millis can hold",
        "8 deep[].at: the value is null, and the contract says that it never is",
        "9 tags: the value is null, and the contract says that it never is",
    ];
    let (batch, bad) = coerced(&coercion, &all);
    assert_eq!(bad, wanted_bad);
    assert_eq!((batch.num_rows(), batch.schema()), (3, wanted.arrow_schema()));
    // A slice is looked at where it is, whatever lies beside it.
    for from in 0..lines.len() {
        for length in 0..=lines.len() - from {
            let (_, bad) = coerced(&coercion, &all.slice(from, length));
            let inside = |text: &&&str| {
                let row: usize = text.split(' ').next().unwrap().parse().unwrap();
                (from..from + length).contains(&row)
            };
            assert_eq!(bad.len(), wanted_bad.iter().filter(inside).count(), "{from} {length}");
        }
    }
}

#[test]
fn what_lies_under_a_null_is_nothing() {
    let wanted = contract("p: {record?: {n: int, u: uuid, l: {array: int}}}");
    let inner = record(&[("n", DataType::Int64), ("u", DataType::Utf8), ("l", list(DataType::Int64))]);
    let schema = Schema::new(vec![Field::new("p", inner, true)]);
    let coercion = check(&schema, &wanted).unwrap();
    let good = r#"{"p": {"n": 1, "u": "0188a1d0-5f2b-7c3e-9a4d-0123456789ab", "l": [1]}}"#;
    let (batch, bad) = coerced(&coercion, &rows(&schema, &[good, r#"{"p": null}"#, good]));
    assert_eq!((batch.num_rows(), bad.len()), (3, 0));
    let (_, bad) = coerced(&coercion, &rows(&schema, &[good, r#"{"p": {"n": 1, "u": "X", "l": [1]}}"#]));
    assert_eq!(bad, ["1 p.u: the value is no uuid in canonical lower case"]);
}

#[test]
fn unions_pass_as_they_are_and_their_branches_are_looked_at() {
    let wanted = contract("v: {union: [long, {type: enum, symbols: [a, b], name: e}]}");
    let DataType::Union(fields, _) = wanted.fields[0].ty.arrow() else { panic!() };
    let children: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec!["b", "x", "a"])),
    ];
    let ids = vec![1_i8, 0, 1, 0, 1].into();
    let union = UnionArray::try_new(fields, ids, Some(vec![0, 0, 1, 1, 2].into()), children).unwrap();
    let schema = Schema::new(vec![Field::new("v", union.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema.clone()), vec![Arc::new(union)]).unwrap();
    let (kept, bad) = coerced(&check(&schema, &wanted).unwrap(), &batch);
    assert_eq!(
        bad,
        [
            "2 v(e): the value is none of the symbols of its enum",
            "3 v: the value is null, and the contract says that it never is",
        ]
    );
    assert_eq!(kept.num_rows(), 3);
    // The same inside an array, where the array must give its nulls up.
    let wanted = contract("v: {array: {union: [long, {type: enum, symbols: [a, b], name: e}]}}");
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([1, 2, 0, 2]);
    let item = Arc::new(Field::new("item", batch.column(0).data_type().clone(), true));
    let lists = arrow::array::ListArray::try_new(item, offsets, batch.column(0).clone(), None).unwrap();
    let schema = Schema::new(vec![Field::new("v", lists.data_type().clone(), false)]);
    let batch = RecordBatch::try_new(Arc::new(schema.clone()), vec![Arc::new(lists)]).unwrap();
    let (kept, bad) = coerced(&check(&schema, &wanted).unwrap(), &batch);
    assert_eq!(
        bad,
        [
            "1 v[](e): the value is none of the symbols of its enum",
            "3 v[]: the value is null, and the contract says that it never is",
        ]
    );
    assert_eq!((kept.num_rows(), kept.schema()), (2, wanted.arrow_schema()));
    assert!(check(&Schema::new(vec![Field::new("v", DataType::Int64, true)]), &wanted).is_err());
}

#[test]
fn fixed_and_duration_are_asserted() {
    let wanted = contract("f: fixed(2), d: duration?");
    let schema = Schema::new(vec![
        Field::new("f", DataType::Binary, false),
        Field::new("d", DataType::Interval(IntervalUnit::MonthDayNano), true),
    ]);
    let bytes: ArrayRef =
        Arc::new(arrow::array::BinaryArray::from(vec![&b"ab"[..], b"abc", b"", b"xy", b"xy", b"xy"]));
    let spans = vec![
        None,
        None,
        None,
        Some(Span::new(1, 2, 3_000_000)),
        Some(Span::new(1, -2, 0)),
        Some(Span::new(0, 0, 1)),
    ];
    let spans: ArrayRef = Arc::new(arrow::array::IntervalMonthDayNanoArray::from(spans));
    let batch = RecordBatch::try_new(Arc::new(schema.clone()), vec![bytes, spans]).unwrap();
    let (kept, bad) = coerced(&check(&schema, &wanted).unwrap(), &batch);
    let span = "the value is negative, or not of whole milliseconds that 32 bits hold";
    assert_eq!(
        bad,
        [
            "1 f: the value does not fit fixed(2)".to_owned(),
            "2 f: the value does not fit fixed(2)".to_owned(),
            format!("4 d: {span}"),
            format!("5 d: {span}"),
        ]
    );
    assert_eq!(kept.num_rows(), 2);
}

#[test]
fn parts_that_do_not_fit_are_a_misfit() {
    let wanted = contract("place: {record: {street: string, zip: long?}}");
    for fields in [
        record(&[("street", DataType::Utf8)]),
        record(&[("street", DataType::Utf8), ("zip", DataType::Utf8)]),
        record(&[("street", DataType::Utf8), ("zip", DataType::Int64), ("more", DataType::Int64)]),
        list(DataType::Utf8),
        DataType::Utf8,
    ] {
        let schema = Schema::new(vec![Field::new("place", fields, false)]);
        let misfits = check(&schema, &wanted).unwrap_err();
        assert_eq!(misfits[0].wanted.as_deref(), Some("{record: {street: string, zip: long?}}"));
        assert!(!misfits[0].hint.contains("CAST"), "{}", misfits[0].hint);
    }
}

#[test]
fn constraints_are_asserted_of_outputs() {
    let wanted = contract(
        "n: {type: int?, min: 1, max: 9}, t: {type: string, max_length: 2, pattern: '[a-z]+'}, l: {array: int, min_length: 1}",
    );
    let item = Arc::new(Field::new("item", DataType::Int32, false));
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int32, true),
        Field::new("t", DataType::Utf8, false),
        Field::new("l", DataType::List(item), false),
    ]);
    let coercion = check(&schema, &wanted).unwrap();
    assert!(!coercion.is_identity());
    assert_eq!(
        coercion.assertions,
        [
            "`n` is 1 to 9",
            "`t` has a length of at most 2",
            "`t` matches its pattern",
            "`l` has a length of at least 1"
        ]
    );
    let lines = [
        r#"{"n": 1, "t": "a", "l": [1]}"#,
        r#"{"n": 0, "t": "abc", "l": []}"#,
        r#"{"n": null, "t": "A", "l": [1]}"#,
        r#"{"n": 10, "t": "é", "l": [1]}"#,
        r#"{"n": 9, "t": "zz", "l": []}"#,
    ];
    let (kept, bad) = coerced(&coercion, &rows(&schema, &lines));
    assert_eq!(kept.num_rows(), 1);
    assert_eq!(
        bad,
        [
            "1 n: the value is below the `min` of its contract",
            "2 t: the value does not match the `pattern` of its contract",
            "3 n: the value is above the `max` of its contract",
            "4 l: the value is shorter than the `min_length` of its contract",
        ]
    );
}
