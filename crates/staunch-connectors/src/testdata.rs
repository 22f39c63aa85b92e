//! Contracts and batches for the tests of the sinks.

pub(crate) mod nested;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, StringArray, Time32MillisecondArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::record_batch::RecordBatch;
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{OptionValue, Options};
use staunch_types::{Place, Rng, SeededRng};
use std::sync::Arc;

/// A contract of these fields: name (with `?` at its end if it is nullable) and type.
pub(crate) fn contract(fields: &[(&str, Type)], key: &[&str]) -> Contract {
    let field =
        |(name, ty): &(&str, Type)| Field::new(name.trim_end_matches('?'), ty.clone(), name.ends_with('?'));
    let key = key.iter().map(|k| (*k).to_owned()).collect();
    Contract { key, ..Contract::new("thing", 3, fields.iter().map(field).collect()) }
}

/// Options as a project file would give them.
pub(crate) fn options(entries: &[(&str, serde_json::Value)]) -> Options {
    let entry = |(key, value): &(&str, serde_json::Value)| {
        let place = Place::file("staunch.yaml").at(3, 7);
        ((*key).to_owned(), OptionValue { value: value.clone(), place })
    };
    Options { entries: entries.iter().map(entry).collect() }
}

/// A column of a type from texts, `None` for null: integers, days and times in decimal; floats as bits in hexadecimal;
/// a decimal as its unscaled integer; bytes in hexadecimal; a duration in ISO 8601.
pub(crate) fn column(ty: &Type, texts: &[Option<&str>]) -> ArrayRef {
    fn numbers<T: std::str::FromStr>(texts: &[Option<&str>]) -> Vec<Option<T>> {
        texts.iter().map(|t| t.map(|t| t.parse().ok().expect("a number"))).collect()
    }
    match ty {
        Type::Boolean => Arc::new(BooleanArray::from(numbers::<bool>(texts))),
        Type::Int => Arc::new(Int32Array::from(numbers(texts))),
        Type::Long => Arc::new(Int64Array::from(numbers(texts))),
        Type::Float => {
            let bits =
                texts.iter().map(|t| t.map(|t| f32::from_bits(u32::from_str_radix(t, 16).expect("bits"))));
            Arc::new(bits.collect::<Float32Array>())
        }
        Type::Double => {
            let bits =
                texts.iter().map(|t| t.map(|t| f64::from_bits(u64::from_str_radix(t, 16).expect("bits"))));
            Arc::new(bits.collect::<Float64Array>())
        }
        Type::Bytes => {
            let bytes: Vec<Option<Vec<u8>>> =
                texts.iter().map(|t| t.map(|t| hex::decode(t).expect("hex"))).collect();
            Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        Type::String | Type::Enum(_) | Type::Uuid => Arc::new(StringArray::from(texts.to_vec())),
        Type::Decimal { precision, scale } => {
            let array = Decimal128Array::from(numbers::<i128>(texts));
            Arc::new(array.with_precision_and_scale(*precision, *scale as i8).expect("a decimal type"))
        }
        Type::Date => Arc::new(Date32Array::from(numbers(texts))),
        Type::TimeMillis => Arc::new(Time32MillisecondArray::from(numbers::<i32>(texts))),
        Type::TimeMicros => Arc::new(Time64MicrosecondArray::from(numbers::<i64>(texts))),
        Type::TimestampMillis => {
            Arc::new(TimestampMillisecondArray::from(numbers::<i64>(texts)).with_timezone("UTC"))
        }
        Type::TimestampMicros => {
            Arc::new(TimestampMicrosecondArray::from(numbers::<i64>(texts)).with_timezone("UTC"))
        }
        Type::LocalTimestampMillis => Arc::new(TimestampMillisecondArray::from(numbers::<i64>(texts))),
        Type::LocalTimestampMicros => Arc::new(TimestampMicrosecondArray::from(numbers::<i64>(texts))),
        Type::TimestampNanos => {
            Arc::new(TimestampNanosecondArray::from(numbers::<i64>(texts)).with_timezone("UTC"))
        }
        Type::LocalTimestampNanos => Arc::new(TimestampNanosecondArray::from(numbers::<i64>(texts))),
        Type::Fixed(size) => {
            let bytes = texts.iter().map(|t| t.map(|t| hex::decode(t).expect("hex")));
            let made = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, *size as i32);
            Arc::new(made.expect("bytes of one length"))
        }
        Type::Duration => {
            let span = |t: &str| crate::read::parse::duration::duration(t.as_bytes()).expect("a duration");
            Arc::new(texts.iter().map(|t| t.map(span)).collect::<IntervalMonthDayNanoArray>())
        }
        Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => panic!("{ty} is nested"),
    }
}

/// A batch of the contract from rows of texts (see [`column`]).
pub(crate) fn batch(contract: &Contract, rows: &[&[Option<&str>]]) -> RecordBatch {
    let columns = contract.fields.iter().enumerate().map(|(at, field)| {
        let texts: Vec<Option<&str>> = rows.iter().map(|row| row[at]).collect();
        column(&field.ty, &texts)
    });
    RecordBatch::try_new(contract.arrow_schema(), columns.collect()).expect("a batch of the contract")
}

/// All types of a contract that have no parts and that every target holds at once, each nullable.
pub(crate) fn every_type() -> Vec<(&'static str, Type)> {
    vec![
        ("boolean?", Type::Boolean),
        ("int?", Type::Int),
        ("long?", Type::Long),
        ("float?", Type::Float),
        ("double?", Type::Double),
        ("bytes?", Type::Bytes),
        ("string?", Type::String),
        ("enum?", Type::Enum(vec!["a".into(), "b".into()])),
        ("decimal?", Type::Decimal { precision: 9, scale: 2 }),
        ("date?", Type::Date),
        ("time_millis?", Type::TimeMillis),
        ("time_micros?", Type::TimeMicros),
        ("timestamp_millis?", Type::TimestampMillis),
        ("timestamp_micros?", Type::TimestampMicros),
        ("local_millis?", Type::LocalTimestampMillis),
        ("local_micros?", Type::LocalTimestampMicros),
        ("uuid?", Type::Uuid),
        ("timestamp_nanos?", Type::TimestampNanos),
        ("local_nanos?", Type::LocalTimestampNanos),
        ("fixed?", Type::Fixed(3)),
    ]
}

/// A row for [`every_type`].
pub(crate) const EVERY_VALUE: [Option<&str>; 20] = [
    Some("true"),
    Some("-7"),
    Some("9007199254740993"),
    Some("3fc00000"),
    Some("3ff8000000000000"),
    Some("00ff10"),
    Some("it's \"Zürich\" 😀"),
    Some("b"),
    Some("-12345"),
    Some("15706"),
    Some("86399999"),
    Some("86399999999"),
    Some("1357034400001"),
    Some("1357034400000001"),
    Some("-1"),
    Some("-1"),
    Some("0188a1d0-5f2b-7c3e-9a4d-0123456789ab"),
    Some("1357034400000000001"),
    Some("-1"),
    Some("00ff10"),
];

/// The contract of [`wide`]: 13 numbers (times among them) and 7 short texts.
pub(crate) fn wide_contract() -> Contract {
    let mut fields: Vec<(String, Type)> =
        vec![("id".into(), Type::Long), ("at".into(), Type::TimestampMicros)];
    fields.extend((0..5).map(|i| (format!("count{i}"), Type::Int)));
    fields.extend((0..3).map(|i| (format!("amount{i}"), Type::Double)));
    fields.extend((0..2).map(|i| (format!("total{i}?"), Type::Long)));
    fields.push(("flag".into(), Type::Boolean));
    fields.extend((0..7).map(|i| (format!("text{i}"), Type::String)));
    let fields: Vec<(&str, Type)> = fields.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    contract(&fields, &["id"])
}

/// Rows `from..from + rows` of [`wide_contract`]: one seed, one content; keys of low and high cardinality.
pub(crate) fn wide(from: usize, rows: usize) -> RecordBatch {
    let rng = SeededRng::new(from as u64 + 1);
    let ids = from as i64..(from + rows) as i64;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(ids.map(|i| 1_357_034_400_000_000 + i * 1_000_003))
                .with_timezone("UTC"),
        ),
    ];
    for i in 0..5_u32 {
        let modulo = 10_u64.pow(i + 1);
        columns.push(Arc::new(Int32Array::from_iter_values((0..rows).map(|_| (rng.next() % modulo) as i32))));
    }
    for _ in 0..3 {
        let amounts = (0..rows).map(|_| (rng.next() % 1_000_000) as f64 / 100.0);
        columns.push(Arc::new(Float64Array::from_iter_values(amounts)));
    }
    for _ in 0..2 {
        let totals = (0..rows).map(|_| Some(rng.next() as i64 >> 20).filter(|v| v % 10 != 0));
        columns.push(Arc::new(totals.collect::<Int64Array>()));
    }
    columns.push(Arc::new((0..rows).map(|_| Some(rng.next().is_multiple_of(3))).collect::<BooleanArray>()));
    for i in 0..7_u32 {
        let modulo = 4_u64.pow(i * 2 + 1);
        let texts =
            (0..rows).map(|_| format!("{}-{}", ["ua", "dl", "b6"][i as usize % 3], rng.next() % modulo));
        columns.push(Arc::new(StringArray::from_iter_values(texts)));
    }
    RecordBatch::try_new(wide_contract().arrow_schema(), columns).expect("a wide batch")
}

/// Seconds that this thread has spent on a processor, for measurements on a busy machine (0 where the system does not tell).
pub(crate) fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
