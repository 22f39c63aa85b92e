//! The vectors of the specification, and properties over random rows.

use super::{RowSum, each_row, sum};
use crate::model::{Contract, Field, Type};
use crate::types::{Written, read};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryBuilder, Float32Array,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, StringArray, Time32MillisecondArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    UInt32Array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::IntervalMonthDayNano;
use arrow::record_batch::RecordBatch;
use staunch_types::{Clock, Rng, SeededRng, SystemClock};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

const SPECIFICATION: &str = include_str!("../../../../docs/design/0002-row-hash.md");

type Row = Vec<Option<String>>;

fn contract(types: &[&str]) -> Contract {
    let fields = types.iter().enumerate().map(|(i, ty)| {
        let ty = match ty.strip_prefix("enum(").and_then(|t| t.strip_suffix(')')) {
            Some(symbols) => Type::Enum(symbols.split(',').map(str::to_owned).collect()),
            None => match read(ty) {
                Ok((Written::Type(ty), false)) => ty,
                other => panic!("{other:?}"),
            },
        };
        Field::new(format!("f{i}"), ty, true)
    });
    Contract::new("t", 1, fields.collect())
}

fn parsed<T>(values: &[Option<&str>], parse: impl Fn(&str) -> T) -> Vec<Option<T>> {
    values.iter().map(|v| v.map(&parse)).collect()
}

/// One column, from the text form of the vectors.
fn column(ty: &Type, values: &[Option<&str>]) -> ArrayRef {
    let ints = || parsed(values, |v| v.parse::<i32>().unwrap());
    let longs = || parsed(values, |v| v.parse::<i64>().unwrap());
    match ty {
        Type::Boolean => Arc::new(BooleanArray::from(parsed(values, |v| v == "true"))),
        Type::Int => Arc::new(Int32Array::from(ints())),
        Type::Long => Arc::new(Int64Array::from(longs())),
        Type::Float => {
            let floats = parsed(values, |v| f32::from_bits(u32::from_str_radix(v, 16).unwrap()));
            Arc::new(Float32Array::from(floats))
        }
        Type::Double => {
            let doubles = parsed(values, |v| f64::from_bits(u64::from_str_radix(v, 16).unwrap()));
            Arc::new(Float64Array::from(doubles))
        }
        Type::Bytes => {
            let bytes = parsed(values, |v| hex::decode(v).unwrap());
            Arc::new(bytes.iter().map(|b| b.as_deref()).collect::<BinaryArray>())
        }
        Type::String | Type::Enum(_) | Type::Uuid => Arc::new(StringArray::from(values.to_vec())),
        Type::Decimal { precision, scale } => {
            let decimals = Decimal128Array::from(parsed(values, |v| v.parse::<i128>().unwrap()));
            Arc::new(decimals.with_precision_and_scale(*precision, *scale as i8).unwrap())
        }
        Type::Date => Arc::new(Date32Array::from(ints())),
        Type::TimeMillis => Arc::new(Time32MillisecondArray::from(ints())),
        Type::TimeMicros => Arc::new(Time64MicrosecondArray::from(longs())),
        Type::TimestampMillis => Arc::new(TimestampMillisecondArray::from(longs()).with_timezone("UTC")),
        Type::TimestampMicros => Arc::new(TimestampMicrosecondArray::from(longs()).with_timezone("UTC")),
        Type::LocalTimestampMillis => Arc::new(TimestampMillisecondArray::from(longs())),
        Type::LocalTimestampMicros => Arc::new(TimestampMicrosecondArray::from(longs())),
        Type::TimestampNanos => Arc::new(TimestampNanosecondArray::from(longs()).with_timezone("UTC")),
        Type::LocalTimestampNanos => Arc::new(TimestampNanosecondArray::from(longs())),
        Type::Fixed(size) => {
            let mut builder = FixedSizeBinaryBuilder::new(*size as i32);
            for value in parsed(values, |v| hex::decode(v).unwrap()) {
                match value {
                    Some(value) => builder.append_value(value).unwrap(),
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Type::Duration => Arc::new(IntervalMonthDayNanoArray::from(parsed(values, |v| {
            if v.starts_with('P') {
                let n: Vec<i64> =
                    v.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
                return IntervalMonthDayNano::new(n[0] as i32, n[1] as i32, (n[2] * 1000 + n[3]) * 1_000_000);
            }
            let n: Vec<i64> = v.split('/').map(|n| n.parse().unwrap()).collect();
            IntervalMonthDayNano::new(n[0] as i32, n[1] as i32, n[2])
        }))),
        Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => panic!("{ty} is nested"),
    }
}

fn batch(contract: &Contract, rows: &[Row]) -> RecordBatch {
    let columns = contract.fields.iter().enumerate().map(|(i, field)| {
        let values: Vec<_> = rows.iter().map(|row| row[i].as_deref()).collect();
        column(&field.ty, &values)
    });
    RecordBatch::try_new(contract.arrow_schema(), columns.collect()).unwrap()
}

fn all_bytes(batch: &RecordBatch, contract: &Contract) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    each_row(batch, contract, |row| rows.push(row.to_vec())).unwrap();
    rows
}

#[derive(serde::Deserialize)]
struct Vector {
    types: Vec<String>,
    #[serde(default)]
    row: Row,
    #[serde(default)]
    bytes: String,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    rows: Vec<Row>,
    #[serde(default)]
    count: u64,
    sum: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let lines = SPECIFICATION.lines().filter(|l| l.starts_with("{\"types\""));
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn the_vectors_of_the_specification_hold() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 51);
    for v in vectors {
        let contract = contract(&v.types.iter().map(String::as_str).collect::<Vec<_>>());
        match v.sum {
            Some(wanted) => {
                let found = sum(&batch(&contract, &v.rows), &contract).unwrap();
                assert_eq!((found.rows, found.hex()), (v.count, wanted));
            }
            None => {
                let batch = batch(&contract, std::slice::from_ref(&v.row));
                assert_eq!(hex::encode(&all_bytes(&batch, &contract)[0]), v.bytes, "{:?}", v.row);
                assert_eq!(sum(&batch, &contract).unwrap().hex(), v.hash, "{:?}", v.row);
            }
        }
    }
    assert!(SPECIFICATION.contains(&format!("no bytes is `{:032x}`", xxh3_128(b""))));
}

const ALL_TYPES: [&str; 21] = [
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "bytes",
    "string",
    "date",
    "time-millis",
    "time-micros",
    "timestamp-millis",
    "timestamp-micros",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "uuid",
    "decimal(20,3)",
    "enum(a,b)",
    "timestamp-nanos",
    "local-timestamp-nanos",
    "fixed(3)",
    "duration",
];

/// A random value in the text form; strings of all lengths around the block that short ones are copied in.
fn value(ty: &str, rng: &SeededRng) -> String {
    let n = rng.next();
    match ty {
        "boolean" => n.is_multiple_of(2).to_string(),
        "int" | "date" | "time-millis" => (n as i32).to_string(),
        "float" => format!("{:08x}", n as u32),
        "double" => format!("{n:016x}"),
        "fixed(3)" => format!("{:06x}", n & 0x00ff_ffff),
        "duration" => format!("{}/{}/{}", n as i32, (n >> 13) as i32, rng.next() as i64),
        "bytes" => "ab".repeat((n % 40) as usize),
        "string" | "uuid" | "enum(a,b)" => format!("{n:x}").repeat(3)[..(n % 35) as usize].to_owned(),
        _ => (n as i64).to_string(),
    }
}

/// Rows of the types; `nulls` in a hundred values are null.
fn rows(types: &[&str], count: usize, nulls: u64, rng: &SeededRng) -> Vec<Row> {
    let cell = |ty: &&str| (rng.next() % 100 >= nulls).then(|| value(ty, rng));
    (0..count).map(|_| types.iter().map(cell).collect()).collect()
}

/// Types in random order, some of them twice.
fn types(rng: &SeededRng) -> Vec<&'static str> {
    (0..1 + rng.next() % 20).map(|_| ALL_TYPES[(rng.next() % ALL_TYPES.len() as u64) as usize]).collect()
}

/// The row bytes as section 1 of the specification has them, value by value.
fn specified(types: &[&str], row: &Row) -> Vec<u8> {
    let mut out = Vec::new();
    for (ty, value) in types.iter().zip(row) {
        let Some(value) = value else {
            out.push(0);
            continue;
        };
        out.push(1);
        match *ty {
            "boolean" => out.push(u8::from(value == "true")),
            "float" => {
                let f = f32::from_bits(u32::from_str_radix(value, 16).unwrap());
                out.extend((if f.is_nan() { 0x7fc0_0000 } else { f.to_bits() }).to_le_bytes());
            }
            "double" => {
                let f = f64::from_bits(u64::from_str_radix(value, 16).unwrap());
                out.extend((if f.is_nan() { 0x7ff8_0000_0000_0000 } else { f.to_bits() }).to_le_bytes());
            }
            "duration" => {
                let n: Vec<i64> = value.split('/').map(|n| n.parse().unwrap()).collect();
                out.extend((n[0] as i32).to_le_bytes());
                out.extend((n[1] as i32).to_le_bytes());
                out.extend(n[2].to_le_bytes());
            }
            "bytes" | "fixed(3)" => {
                out.extend((value.len() as u32 / 2).to_le_bytes());
                out.extend(hex::decode(value).unwrap());
            }
            "string" | "uuid" | "enum(a,b)" => {
                out.extend((value.len() as u32).to_le_bytes());
                out.extend(value.as_bytes());
            }
            "decimal(20,3)" => out.extend(value.parse::<i128>().unwrap().to_le_bytes()),
            _ => out.extend(value.parse::<i64>().unwrap().to_le_bytes()),
        }
    }
    out
}

#[test]
fn columns_give_the_bytes_that_the_specification_gives_by_rows() {
    for seed in 0..150 {
        let rng = SeededRng::new(seed);
        let types = types(&rng);
        let contract = contract(&types);
        let rows = rows(&types, (rng.next() % 600) as usize, [0, 10, 50, 100][(seed % 4) as usize], &rng);
        let wanted: Vec<_> = rows.iter().map(|row| specified(&types, row)).collect();
        let batch = batch(&contract, &rows);
        assert_eq!(all_bytes(&batch, &contract), wanted, "seed {seed}");

        // A slice hashes as the same rows standing alone.
        let from = rows.len() / 3;
        let slice = batch.slice(from, rows.len() / 2);
        let wanted = &wanted[from..from + rows.len() / 2];
        assert_eq!(all_bytes(&slice, &contract), wanted, "seed {seed}, sliced");
    }
}

#[test]
fn order_and_cuts_do_not_matter_and_every_value_does() {
    for seed in 1000..1060 {
        let rng = SeededRng::new(seed);
        let types = types(&rng);
        let contract = contract(&types);
        let mut rows = rows(&types, 2 + (rng.next() % 300) as usize, 20, &rng);
        let whole = batch(&contract, &rows);
        let total = sum(&whole, &contract).unwrap();
        assert_eq!(total.rows, rows.len() as u64);

        let reversed = UInt32Array::from((0..rows.len() as u32).rev().collect::<Vec<_>>());
        let reversed = take_record_batch(&whole, &reversed).unwrap();
        assert_eq!(sum(&reversed, &contract).unwrap(), total, "seed {seed}, reversed");

        let cut = (rng.next() % rows.len() as u64) as usize;
        let mut parts = RowSum::default();
        parts += sum(&whole.slice(cut, rows.len() - cut), &contract).unwrap();
        parts += sum(&whole.slice(0, cut), &contract).unwrap();
        assert_eq!(parts, total, "seed {seed}, cut at {cut}");

        let twice = concat_batches(whole.schema_ref(), [&whole, &whole.slice(0, 1)]).unwrap();
        assert_ne!(sum(&twice, &contract).unwrap().sum, total.sum, "seed {seed}, a row doubled");

        // Another value, or null for a value and the other way round.
        let (row, cell) =
            ((rng.next() % rows.len() as u64) as usize, (rng.next() % types.len() as u64) as usize);
        let before = specified(&types, &rows[row]);
        rows[row][cell] = match &rows[row][cell] {
            Some(_) if seed % 2 == 0 => None,
            _ => Some(value(types[cell], &rng)),
        };
        let same = specified(&types, &rows[row]) == before;
        let changed = sum(&batch(&contract, &rows), &contract).unwrap();
        assert_eq!(changed == total, same, "seed {seed}, row {row}, {}", types[cell]);
    }
}

#[test]
fn a_null_is_not_an_empty_text() {
    let contract = contract(&["string", "string"]);
    let hash = |row: [Option<&str>; 2]| {
        let row = row.map(|v| v.map(str::to_owned)).to_vec();
        sum(&batch(&contract, &[row]), &contract).unwrap().sum
    };
    let all =
        [hash([None, None]), hash([None, Some("")]), hash([Some(""), None]), hash([Some(""), Some("")])];
    for (i, one) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|other| other != one), "{i}");
    }
}

#[test]
fn a_batch_of_another_form_has_no_hash() {
    let long = contract(&["long"]);
    let found = batch(&long, &[vec![Some("1".into())]]);
    for other in [contract(&["int"]), contract(&["timestamp-micros"]), contract(&["long", "long"])] {
        assert_eq!(sum(&found, &other).unwrap_err().code().name, "Internal.Bug");
    }
}

/// `cargo test --release -p staunch-contract speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
fn speed() {
    let numbers = ["long", "int", "double", "long", "double", "int", "long", "timestamp-micros"];
    let more = ["double", "int", "long", "double", "date"];
    let types: Vec<_> = numbers.into_iter().chain(["string"; 7]).chain(more).collect();
    let contract = contract(&types);
    let rng = SeededRng::new(7);
    let short = |row: Row| -> Row {
        let text = |(i, v): (usize, Option<String>)| {
            v.map(|v| if types[i] == "string" { v[..v.len().min(3 + i % 7)].to_owned() } else { v })
        };
        row.into_iter().enumerate().map(text).collect()
    };
    for nulls in [0, 5] {
        let rows = rows(&types, 8192, nulls, &rng).into_iter().map(short).collect::<Vec<_>>();
        let batch = batch(&contract, &rows);
        let clock = SystemClock::default();
        let mut best = f64::MAX;
        for _ in 0..1000 {
            let start = clock.monotonic();
            std::hint::black_box(sum(std::hint::black_box(&batch), &contract).unwrap());
            let ns = (clock.monotonic() - start).as_nanos() as f64 / 8192.0;
            best = best.min(ns);
        }
        println!("{} columns, {nulls} % nulls: {best:.1} ns a row", types.len());
    }
}
