//! The vectors of the document, and what the sum must and must not see.

use super::FarSum;
use crate::testdata::{EVERY_VALUE, batch, contract, cpu_seconds, every_type, wide, wide_contract};
use arrow::compute::concat_batches;
use proptest::prelude::*;
use staunch_contract::{Contract, Type};
use staunch_types::codes;
use xxhash_rust::xxh3::xxh3_128;

const DOCUMENT: &str = include_str!("../../../../docs/design/0002-row-hash.md");

fn type_of(text: &str) -> Type {
    match text {
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        "date" => Type::Date,
        "time-millis" => Type::TimeMillis,
        "time-micros" => Type::TimeMicros,
        "timestamp-millis" => Type::TimestampMillis,
        "timestamp-micros" => Type::TimestampMicros,
        "local-timestamp-millis" => Type::LocalTimestampMillis,
        "local-timestamp-micros" => Type::LocalTimestampMicros,
        "uuid" => Type::Uuid,
        "timestamp-nanos" => Type::TimestampNanos,
        "local-timestamp-nanos" => Type::LocalTimestampNanos,
        "duration" => Type::Duration,
        _ => {
            let (name, inner) = text.trim_end_matches(')').split_once('(').expect("a type with arguments");
            let parts: Vec<&str> = inner.split(',').collect();
            match name {
                "enum" => Type::Enum(parts.iter().map(|p| (*p).to_owned()).collect()),
                "decimal" => {
                    Type::Decimal { precision: parts[0].parse().unwrap(), scale: parts[1].parse().unwrap() }
                }
                "fixed" => Type::Fixed(inner.parse().unwrap()),
                _ => panic!("unknown type {text}"),
            }
        }
    }
}

fn contract_of(types: &serde_json::Value) -> Contract {
    let types: Vec<(String, Type)> = types
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(i, t)| (format!("f{i}?"), type_of(t.as_str().unwrap())))
        .collect();
    let types: Vec<(&str, Type)> = types.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    contract(&types, &[])
}

fn sum_of(contract: &Contract, rows: &[&serde_json::Value]) -> FarSum {
    let rows: Vec<Vec<Option<&str>>> =
        rows.iter().map(|row| row.as_array().unwrap().iter().map(|v| v.as_str()).collect()).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
    let mut sum = FarSum::new(contract);
    sum.add(&batch(contract, &rows)).unwrap();
    sum
}

#[test]
fn the_vectors_of_the_document_hold() {
    let (mut rows, mut sums) = (0, 0);
    for line in DOCUMENT.lines().filter(|l| l.starts_with("{\"types\"")) {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let contract = contract_of(&vector["types"]);
        if let Some(row) = vector.get("row") {
            let sum = sum_of(&contract, &[row]);
            assert_eq!(sum.hex(), vector["hash"].as_str().unwrap(), "{line}");
            rows += 1;
        } else {
            let all: Vec<&serde_json::Value> = vector["rows"].as_array().unwrap().iter().collect();
            let sum = sum_of(&contract, &all);
            assert_eq!(
                (sum.hex().as_str(), sum.rows()),
                (vector["sum"].as_str().unwrap(), vector["count"].as_u64().unwrap())
            );
            sums += 1;
        }
    }
    assert!(rows >= 40 && sums >= 5, "the document has lost its vectors: {rows} rows, {sums} sums");
    assert_eq!(format!("{:032x}", xxh3_128(b"")), "99aa06d3014798d86001c324468d497f");
}

#[test]
fn slices_cuts_and_order_do_not_matter_and_every_value_does() {
    let contract = contract(&every_type(), &[]);
    let nulls = [None; 20];
    let whole = batch(&contract, &[&EVERY_VALUE, &nulls, &EVERY_VALUE]);
    let mut expected = FarSum::new(&contract);
    expected.add(&whole).unwrap();

    let mut parts = FarSum::new(&contract);
    parts.add(&whole.slice(1, 2)).unwrap();
    let mut first = FarSum::new(&contract);
    first.add(&whole.slice(0, 1)).unwrap();
    parts.merge(&first);
    assert_eq!((parts.hex(), parts.rows()), (expected.hex(), 3));

    for field in 0..20 {
        let mut one_null = EVERY_VALUE;
        one_null[field] = None;
        let mut other = FarSum::new(&contract);
        other.add(&batch(&contract, &[&one_null, &nulls, &EVERY_VALUE])).unwrap();
        assert_ne!(other.hex(), expected.hex(), "a null in field {field} was not seen");
    }
}

#[test]
fn another_schema_is_refused() {
    let narrow = contract(&[("id", Type::Int)], &[]);
    let wide = contract(&[("id", Type::Long)], &[]);
    let two = contract(&[("id", Type::Int), ("x", Type::Int)], &[]);
    let rows = batch(&narrow, &[&[Some("1")]]);
    for other in [wide, two] {
        let error = FarSum::new(&other).add(&rows).unwrap_err();
        assert_eq!(error.code(), codes::INTERNAL);
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_sum(rows in prop::collection::vec((any::<Option<i64>>(), ".{0,9}"), 0..40), cut in 0_usize..40) {
        let contract = contract(&[("n?", Type::Long), ("t", Type::String)], &[]);
        let numbers: Vec<Option<String>> = rows.iter().map(|(n, _)| n.map(|n| n.to_string())).collect();
        let texts: Vec<[Option<&str>; 2]> =
            rows.iter().zip(&numbers).map(|((_, t), n)| [n.as_deref(), Some(t.as_str())]).collect();
        let texts: Vec<&[Option<&str>]> = texts.iter().map(|r| r.as_slice()).collect();
        let whole = batch(&contract, &texts);
        let cut = cut.min(rows.len());
        let (mut one, mut two) = (FarSum::new(&contract), FarSum::new(&contract));
        one.add(&whole).unwrap();
        two.add(&whole.slice(cut, rows.len() - cut)).unwrap();
        two.add(&whole.slice(0, cut)).unwrap();
        prop_assert_eq!(one.hex(), two.hex());
        prop_assert_eq!(one.rows(), rows.len() as u64);
    }
}

/// `cargo test --release -p staunch-connectors rowhash -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn speed() {
    let batches: Vec<_> = (0..25).map(|i| wide(i * 8192, 8192)).collect();
    let schema = batches[0].schema();
    assert_eq!(concat_batches(&schema, &batches).unwrap().num_rows(), 25 * 8192);
    for _ in 0..5 {
        let start = cpu_seconds();
        let mut sum = FarSum::new(&wide_contract());
        for batch in batches.iter().cycle().take(20 * batches.len()) {
            sum.add(batch).unwrap();
        }
        let rows = sum.rows() as f64;
        println!("{:.1} ns a row, sum {}", (cpu_seconds() - start) * 1e9 / rows, sum.hex());
        // The hash function alone over as many bytes: what the machine can do at this moment.
        let (start, mut alone, mut buffer) = (cpu_seconds(), 0_u128, [7_u8; 190]);
        for row in 0..sum.rows() {
            buffer[0] = row as u8;
            alone = alone.wrapping_add(xxh3_128(&buffer));
        }
        println!(
            "of these {:.1} ns for the hash function alone ({alone:x})",
            (cpu_seconds() - start) * 1e9 / rows
        );
    }
}
