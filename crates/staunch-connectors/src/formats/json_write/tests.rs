//! What is written is what is read back, by the reader of users' files; and it is JSON.

use super::{Compression, Encoder, JsonFile, Text, back};
use crate::rowhash::FarSum;
use crate::testdata::{EVERY_VALUE, batch, column, contract, cpu_seconds, every_type, wide, wide_contract};
use arrow::array::{Array, ArrayRef};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use staunch_contract::{Contract, Type};
use staunch_types::{Fs, LocalFs, codes};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

const PACKINGS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

pub(super) fn lines(contract: &Contract, rows: &RecordBatch) -> String {
    let mut out = Text::default();
    let end = Encoder::new(&contract.fields).encode(rows, 0, &mut out, usize::MAX).unwrap();
    assert_eq!(end, rows.num_rows());
    String::from_utf8(out.written().to_vec()).unwrap()
}

/// Writes the rows into a file, reads them back and compares type by type; gives the plain text.
pub(super) fn comes_back(contract: &Contract, rows: &RecordBatch) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = FarSum::new(contract);
    wanted.add(rows).unwrap();
    for (at, packing) in PACKINGS.into_iter().enumerate() {
        let path = dir.path().join(at.to_string());
        let encoder = Arc::new(Encoder::new(&contract.fields));
        let mut file = JsonFile::create(&LocalFs, &path, encoder, packing).unwrap();
        let (half, mut scratch) = (rows.num_rows() / 2, Text::default());
        file.write(&rows.slice(0, half), &mut scratch).unwrap();
        file.write(&rows.slice(half, rows.num_rows() - half), &mut scratch).unwrap();
        let (closed, lines) = file.close().unwrap();
        let (bytes, digest) = closed.sync().unwrap();
        let content = std::fs::read(&path).unwrap();
        assert_eq!((bytes, digest), (content.len() as u64, format!("{:032x}", xxh3_128(&content))));
        assert_eq!(lines, rows.num_rows() as u64);
        let mut found = FarSum::new(contract);
        let mut read = Vec::new();
        for batch in back::decode(&LocalFs, &path, contract, packing).unwrap() {
            let batch = batch.unwrap();
            found.add(&batch).unwrap();
            read.push(batch);
        }
        assert_eq!((found.rows(), found.hex()), (wanted.rows(), wanted.hex()), "{packing:?}");
        let read = arrow::compute::concat_batches(&contract.arrow_schema(), &read).unwrap();
        for (wanted, found) in rows.columns().iter().zip(read.columns()) {
            // Not equal by value are only those NaNs that are equal by the row hash.
            if !matches!(
                wanted.data_type(),
                arrow::datatypes::DataType::Float32 | arrow::datatypes::DataType::Float64
            ) {
                assert_eq!(wanted.as_ref(), found.as_ref());
            }
            assert_eq!(wanted.data_type(), found.data_type());
        }
    }
    String::from_utf8(std::fs::read(dir.path().join("0")).unwrap()).unwrap()
}

#[test]
fn every_type_has_its_form() {
    let contract = contract(&every_type(), &[]);
    let rows = batch(&contract, &[&EVERY_VALUE, &[None; 20]]);
    let text = comes_back(&contract, &rows);
    let wanted = concat!(
        r#"{"boolean":true,"int":-7,"long":9007199254740993,"float":1.5,"double":1.5,"bytes":"\u0000ÿ\u0010","#,
        r#""string":"it's \"Zürich\" 😀","enum":"b","decimal":-123.45,"date":"2013-01-01","#,
        r#""time_millis":"23:59:59.999","time_micros":"23:59:59.999999999","#,
    );
    let wanted = wanted.replace("59.999999999", "59.999999");
    let first = text.lines().next().unwrap();
    assert!(first.starts_with(&wanted), "{first}");
    let rest = concat!(
        r#""timestamp_millis":"2013-01-01T10:00:00.001Z","timestamp_micros":"2013-01-01T10:00:00.000001Z","#,
        r#""local_millis":"1969-12-31T23:59:59.999","local_micros":"1969-12-31T23:59:59.999999","#,
        r#""uuid":"0188a1d0-5f2b-7c3e-9a4d-0123456789ab","timestamp_nanos":"2013-01-01T10:00:00.000000001Z","#,
        r#""local_nanos":"1969-12-31T23:59:59.999999999","fixed":"\u0000ÿ\u0010"}"#,
    );
    assert_eq!(&first[wanted.len()..], rest);
    let second: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    let second = second.as_object().unwrap();
    assert_eq!(second.len(), 20, "a null has its key too");
    assert!(second.values().all(serde_json::Value::is_null));
}

#[test]
fn numbers_are_exact_and_short() {
    let types = [
        ("n", Type::Long),
        ("d", Type::Double),
        ("f", Type::Float),
        ("m", Type::Decimal { precision: 38, scale: 10 }),
        ("k", Type::Decimal { precision: 18, scale: 2 }),
    ];
    let contract = contract(&types, &[]);
    let bits = |d: f64| format!("{:016x}", d.to_bits());
    let bits32 = |f: f32| format!("{:08x}", f.to_bits());
    let check = |n: i64, d: f64, f: f32, m: &str, k: &str, wanted: &str| {
        let (n, d, f) = (n.to_string(), bits(d), bits32(f));
        let rows = batch(&contract, &[&[Some(&n), Some(&d), Some(&f), Some(m), Some(k)]]);
        assert_eq!(comes_back(&contract, &rows).trim_end(), wanted);
    };
    check(0, 0.0, -0.0, "0", "0", r#"{"n":0,"d":0.0,"f":-0.0,"m":0.0000000000,"k":0.00}"#);
    check(
        i64::MIN,
        -0.0,
        f32::MIN_POSITIVE,
        "-1",
        "-5",
        r#"{"n":-9223372036854775808,"d":-0.0,"f":1.1754944e-38,"m":-0.0000000001,"k":-0.05}"#,
    );
    check(
        i64::MAX,
        0.1 + 0.2,
        0.1,
        "99999999999999999999999999999999999999",
        "999999999999999999",
        r#"{"n":9223372036854775807,"d":0.30000000000000004,"f":0.1,"m":9999999999999999999999999999.9999999999,"k":9999999999999999.99}"#,
    );
    check(
        9_999_999_999_999_999,
        f64::NAN,
        f32::NEG_INFINITY,
        "12345678901",
        "100",
        r#"{"n":9999999999999999,"d":"NaN","f":"-Infinity","m":1.2345678901,"k":1.00}"#,
    );
    check(
        10_000_000_000_000_000,
        f64::INFINITY,
        16_777_216.0,
        "1",
        "1",
        r#"{"n":10000000000000000,"d":"Infinity","f":16777216.0,"m":0.0000000001,"k":0.01}"#,
    );
    check(99_999_999, -12.5, 2.5, "1", "1", r#"{"n":99999999,"d":-12.5,"f":2.5,"m":0.0000000001,"k":0.01}"#);
    check(
        100_000_000,
        1234.05,
        1.0,
        "1",
        "1",
        r#"{"n":100000000,"d":1234.05,"f":1.0,"m":0.0000000001,"k":0.01}"#,
    );
}

#[test]
fn texts_of_every_length_and_kind_are_escaped() {
    let contract = contract(&[("t?", Type::String), ("b?", Type::Bytes)], &[]);
    let all: String = (0..0x80_u8).map(char::from).chain("ÄÖ\u{7f}\u{80}\u{2028}😀".chars()).collect();
    let every: String = (0..=255_u8).map(|b| format!("{b:02x}")).collect();
    let long = "x\"y\n".repeat(5000);
    let mut rows: Vec<Vec<Option<String>>> =
        vec![vec![Some(all), Some(every.clone())], vec![Some(String::new()), Some(String::new())]];
    rows.extend((0..40).map(|n| vec![Some("\\".repeat(n)), Some(every.repeat(n % 3))]));
    rows.extend((0..40).map(|n| vec![Some(format!("{}\u{1}", "ab".repeat(n))), None]));
    rows.push(vec![Some(long), Some(every.repeat(50))]);
    rows.push(vec![None, None]);
    let texts: Vec<Vec<Option<&str>>> =
        rows.iter().map(|r| r.iter().map(Option::as_deref).collect()).collect();
    let texts: Vec<&[Option<&str>]> = texts.iter().map(Vec::as_slice).collect();
    let text = comes_back(&contract, &batch(&contract, &texts));
    for (line, row) in text.lines().zip(&rows) {
        // Another reader sees the same.
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["t"].as_str(), row[0].as_deref());
        let bytes: Option<String> =
            value["b"].as_str().map(|b| b.chars().map(|c| format!("{:02x}", u32::from(c))).collect());
        assert_eq!(bytes.as_deref(), row[1].as_deref());
    }
}

#[test]
fn what_json_has_no_form_for_is_refused_and_not_written_otherwise() {
    for (ty, values) in [
        (Type::Date, ["-719163", "2932897", "2147483647"]),
        (Type::TimestampMicros, ["-62135596800000001", "253402300800000000", "9223372036854775807"]),
        (Type::LocalTimestampMillis, ["-62135596800001", "253402300800000", "-9223372036854775808"]),
        (Type::TimeMillis, ["-1", "86400000", "2147483647"]),
        (Type::TimeMicros, ["-1", "86400000000", "9223372036854775807"]),
    ] {
        for value in values {
            let contract = contract(&[("secret", ty.clone())], &[]);
            let rows = batch(&contract, &[&[Some(value)]]);
            let mut out = Text::default();
            let error = Encoder::new(&contract.fields).encode(&rows, 0, &mut out, 1).unwrap_err();
            assert_eq!(
                (error.code(), error.where_().field.as_deref()),
                (codes::SINK_REJECTED, Some("secret"))
            );
            assert!(!error.to_string().contains(value), "{error}");
        }
    }
    // The first and the last day that have one.
    let contract = contract(&[("d", Type::Date), ("t", Type::TimestampMicros)], &[]);
    let rows = batch(
        &contract,
        &[&[Some("-719162"), Some("-62135596800000000")], &[Some("2932896"), Some("253402300799999999")]],
    );
    let wanted = "{\"d\":\"0001-01-01\",\"t\":\"0001-01-01T00:00:00Z\"}\n{\"d\":\"9999-12-31\",\"t\":\"9999-12-31T23:59:59.999999Z\"}\n";
    assert_eq!(comes_back(&contract, &rows), wanted);
}

#[test]
fn a_torn_file_and_one_of_other_rows_are_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int), ("t", Type::String)], &[]);
    let rows = batch(&contract, &[&[Some("1"), Some("a")], &[Some("2"), Some("b")]]);
    let read = |content: &[u8], packing| {
        let path = dir.path().join("torn");
        std::fs::write(&path, content).unwrap();
        match back::decode(&LocalFs, &path, &contract, packing) {
            Ok(batches) => batches
                .collect::<staunch_types::Result<Vec<_>>>()
                .map(|b| b.iter().map(RecordBatch::num_rows).sum::<usize>()),
            Err(error) => Err(error),
        }
    };
    for (at, packing) in PACKINGS.into_iter().enumerate() {
        let path = dir.path().join(at.to_string());
        let mut file =
            JsonFile::create(&LocalFs, &path, Arc::new(Encoder::new(&contract.fields)), packing).unwrap();
        file.write(&rows, &mut Text::default()).unwrap();
        let again = JsonFile::create(&LocalFs, &path, Arc::new(Encoder::new(&contract.fields)), packing);
        assert_eq!(again.err().unwrap().code(), codes::SINK_UNAVAILABLE);
        file.close().unwrap().0.sync().unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read(&whole, packing).unwrap(), 2);
        for len in [1, whole.len() / 3, whole.len() - 1] {
            let error = read(&whole[..len], packing).unwrap_err();
            assert_eq!(error.code(), codes::STORE_CORRUPT, "{packing:?}, {len} bytes");
        }
    }
    for (text, line) in [
        ("{\"n\":1,\"t\":\"a\"}\n{\"n\":\"1\",\"t\":\"a\"}\n", 2),
        ("[1]\n", 1),
        ("{\"n\":1,\"t\":null}\n", 1),
    ] {
        let error = read(text.as_bytes(), Compression::None).unwrap_err();
        assert_eq!((error.code(), error.where_().line), (codes::STORE_CORRUPT, Some(line)), "{text}");
    }
    let gone = back::decode(&LocalFs, &dir.path().join("gone"), &contract, Compression::None).err().unwrap();
    assert_eq!(gone.code(), codes::STORE_CORRUPT);
}

/// Any values of one type, nulls among them, as one column.
fn values(ty: Type) -> BoxedStrategy<ArrayRef> {
    const DAY: i64 = 86_400_000_000;
    // Years 0001 to 9999.
    const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;
    let numbers = |low: i64, high: i64| {
        prop_oneof![3 => low..=high, 1 => Just(low), 1 => Just(high), 1 => Just(0)]
            .prop_map(|n| n.to_string())
            .boxed()
    };
    let instants =
        |a_second: i64| numbers(DAYS.start() * 86_400 * a_second, (DAYS.end() + 1) * 86_400 * a_second - 1);
    let text: BoxedStrategy<String> = match &ty {
        Type::Boolean => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        Type::Int => any::<i32>().prop_map(|n| n.to_string()).boxed(),
        Type::Long => prop_oneof![any::<i64>(), -1000..1000_i64].prop_map(|n| n.to_string()).boxed(),
        Type::Float => any::<u32>().prop_map(|b| format!("{b:08x}")).boxed(),
        Type::Double => prop_oneof![
            2 => any::<u64>(),
            2 => any::<i32>().prop_map(|n| (f64::from(n) / 100.0).to_bits()),
            1 => any::<i64>().prop_map(|n| (n as f64 / 1000.0).to_bits()),
        ]
        .prop_map(|b| format!("{b:016x}"))
        .boxed(),
        Type::Bytes => proptest::collection::vec(any::<u8>(), 0..20).prop_map(hex::encode).boxed(),
        Type::String => any::<String>().boxed(),
        Type::Enum(symbols) => proptest::sample::select(symbols.clone()).boxed(),
        Type::Uuid => any::<u128>()
            .prop_map(|n| {
                let hex = format!("{n:032x}");
                format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            })
            .boxed(),
        Type::Decimal { precision, .. } => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            prop_oneof![-most..=most, -10_000..10_000_i128]
                .prop_map(move |n| n.clamp(-most, most).to_string())
                .boxed()
        }
        Type::Date => numbers(*DAYS.start(), *DAYS.end()),
        Type::TimeMillis => numbers(0, DAY / 1000 - 1),
        Type::TimeMicros => numbers(0, DAY - 1),
        Type::TimestampMillis | Type::LocalTimestampMillis => instants(1000),
        Type::TimestampMicros | Type::LocalTimestampMicros => instants(1_000_000),
        Type::TimestampNanos | Type::LocalTimestampNanos => any::<i64>().prop_map(|n| n.to_string()).boxed(),
        Type::Fixed(size) => {
            proptest::collection::vec(any::<u8>(), *size as usize).prop_map(hex::encode).boxed()
        }
        Type::Duration => (0..i32::MAX, 0..i32::MAX, any::<u32>())
            .prop_map(|(m, d, ms)| format!("P{m}M{d}DT{}.{:03}S", ms / 1000, ms % 1000))
            .boxed(),
        Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => panic!("{ty} is nested"),
    };
    proptest::collection::vec(proptest::option::weighted(0.9, text), 12)
        .prop_map(move |texts| column(&ty, &texts.iter().map(Option::as_deref).collect::<Vec<_>>()))
        .boxed()
}

fn rows() -> impl Strategy<Value = (Contract, RecordBatch)> {
    let mut types = every_type();
    types.extend([
        ("wide_decimal?", Type::Decimal { precision: 38, scale: 38 }),
        ("whole_decimal?", Type::Decimal { precision: 38, scale: 0 }),
        ("small_decimal?", Type::Decimal { precision: 3, scale: 3 }),
        ("duration?", Type::Duration),
    ]);
    let columns: Vec<BoxedStrategy<ArrayRef>> = types.iter().map(|(_, ty)| values(ty.clone())).collect();
    columns.prop_map(move |columns| {
        let contract = contract(&types, &[]);
        let rows = RecordBatch::try_new(contract.arrow_schema(), columns).unwrap();
        (contract, rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_every_type_come_back_as_they_were((contract, rows) in rows()) {
        let text = comes_back(&contract, &rows);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            prop_assert_eq!(value.as_object().unwrap().len(), contract.fields.len());
        }
        // The same text, whatever the cut.
        let cut: String = (0..rows.num_rows()).map(|row| lines(&contract, &rows.slice(row, 1))).collect();
        prop_assert_eq!(cut, text);
    }
}

/// `cargo test --release -p staunch-connectors json_write -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let batches: Vec<_> = (0..245).map(|i| wide(i * 8192, 8192)).collect();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let encoder = Encoder::new(&wide_contract().fields);
    for run in 0..2 {
        let (start, mut text, mut bytes) = (cpu_seconds(), Text::default(), 0);
        for batch in &batches {
            let mut row = 0;
            while row < batch.num_rows() {
                text.clear();
                row = encoder.encode(batch, row, &mut text, super::ENOUGH).unwrap();
                bytes += text.len();
            }
        }
        println!("{run}: {rows} rows, {} MiB, ours {:.2} s", bytes >> 20, cpu_seconds() - start);
        let (start, mut bytes) = (cpu_seconds(), 0);
        for batch in &batches {
            let mut out = Vec::with_capacity(8 << 20);
            arrow::json::LineDelimitedWriter::new(&mut out).write(batch).unwrap();
            bytes += out.len();
        }
        println!("{run}: {rows} rows, {} MiB, Arrow's {:.2} s", bytes >> 20, cpu_seconds() - start);
    }
    for packing in PACKINGS {
        let path = dir.path().join(format!("{packing:?}"));
        let (start, mut scratch) = (cpu_seconds(), Text::default());
        let encoder = Arc::new(Encoder::new(&wide_contract().fields));
        let mut file = JsonFile::create(&LocalFs, &path, encoder, packing).unwrap();
        for batch in &batches {
            file.write(batch, &mut scratch).unwrap();
        }
        let closed = file.close().unwrap().0;
        let written = cpu_seconds() - start;
        let (bytes, _) = closed.sync().unwrap();
        println!("{packing:?}: {} MiB, written in {written:.2} s", bytes >> 20);
        let fs: &dyn Fs = &LocalFs;
        let start = cpu_seconds();
        let back: usize =
            back::decode(fs, &path, &wide_contract(), packing).unwrap().map(|b| b.unwrap().num_rows()).sum();
        println!("{packing:?}: {back} rows read back in {:.2} s", cpu_seconds() - start);
    }
}
