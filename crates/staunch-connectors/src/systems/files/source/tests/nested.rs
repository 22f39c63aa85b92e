//! Nested values in files of JSON and Parquet.

use super::{Outcome, origin, read, spec};
use crate::read::SequentialTurn;
use crate::rowhash::FarSum;
use crate::systems::files::{FilesSource, FilesSourceSpec};
use crate::testdata::nested::{Draw, batch};
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use parquet::arrow::ArrowWriter;
use staunch_commit::source::RawRecord;
use staunch_commit::{Source, SplitPoint};
use staunch_contract::Contract;
use staunch_types::{Rng, SeededRng};
use std::path::Path;
use std::sync::Arc;

const CONTRACT: &str = "contract: order
version: 1
fields:
  tags: {array: string, max_length: 3}
  counts: {map?: int}
  place: {record: {street: string, zip: string?, geo: {record?: {lat: double, lon: double}}}}
  value: {union?: [long, {type: enum, symbols: [a, b], name: e}]}
  deep: {array?: {record?: {at: timestamp-millis, ids: {array: uuid}}}}
  size: {type: int?, min: 1}
";

fn contract(text: &str) -> Arc<Contract> {
    Arc::new(Contract::from_yaml(text, "x.yaml".as_ref()).unwrap_or_else(|e| panic!("{e:?}")))
}

fn source(dir: &Path, contract: &Arc<Contract>, object: &str) -> staunch_types::Result<FilesSource> {
    FilesSource::new(FilesSourceSpec { contract: Arc::clone(contract), ..spec(dir, "a:int", object) })
}

fn all(source: &FilesSource) -> Outcome {
    read(source, &origin(source), &SplitPoint::default(), &mut SequentialTurn::default(), None).unwrap().0
}

fn json(lines: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.json"), lines.join("\n")).unwrap();
    let contract = contract(CONTRACT);
    let source = source(dir.path(), &contract, r#"{"path": "x.json", "format": "json"}"#).unwrap();
    let found = all(&source);
    assert_eq!(found.rows.len() + found.dead.len(), lines.len());
    // A dead record that is decoded again is dead for the same reason.
    let raw = |(i, line): (usize, &&str)| RawRecord {
        place: i as u64,
        line: Some(1),
        raw: line.as_bytes().to_vec(),
    };
    let records: Vec<RawRecord> = lines.iter().enumerate().map(raw).collect();
    let again =
        source.again(&origin(&source), &records).unwrap().run(&mut SequentialTurn::default()).unwrap();
    assert_eq!(again.dead.len(), found.dead.len());
    found.dead.iter().map(|d| d.split(": {").next().unwrap().split_once(' ').unwrap().1.to_owned()).collect()
}

const GOOD: &str = r#"{"tags": ["a"], "counts": {"x": 1}, "place": {"street": "s", "geo": {"lon": 1, "lat": 2.5, "more": [{}]}}, "value": 7, "deep": [null, {"at": "2026-01-31T10:00:00Z", "ids": []}], "size": 1}"#;
const LEAST: &str = r#"{"place": {"street": ""}, "tags": []}"#;

#[test]
fn what_fits_is_accepted() {
    assert_eq!(
        json(&[
            GOOD,
            LEAST,
            r#"{"tags":[],"place":{"street":"s"},"value":"a"}"#,
            r#"{"tags":[],"place":{"street":"s"},"value":{"long":1}}"#
        ]),
        [""; 0]
    );
}

#[test]
fn what_is_wrong_inside_is_named_with_its_way_and_costs_one_row() {
    let line = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    let cases = [
        (
            line(r#"["a"]"#, r#"["a", null]"#),
            "Contract.Violation `tags[]` is null, but the contract says that it never is",
        ),
        (line(r#"["a"]"#, r#"["a", 1]"#), "Decode.Type `tags[]` is not a string"),
        (line(r#"["a"]"#, r#""a""#), "Decode.Type `tags` is not an array"),
        (
            line(r#"["a"]"#, r#"["a","b","c","d"]"#),
            "Contract.Violation `tags` is longer than the `max_length` of its contract",
        ),
        (
            line(r#"{"x": 1}"#, r#"{"x": 1, "y": 3000000000}"#),
            "Decode.Type `counts{}` is a whole number beyond the range of its type",
        ),
        (line(r#"{"x": 1}"#, r#"[1]"#), "Decode.Type `counts` is not an object"),
        (
            line(r#"{"x": 1}"#, r#"{"x": 1, "\u0078": 2}"#),
            "Decode.Malformed a key of the object appears twice",
        ),
        (
            line(r#""street": "s", "#, ""),
            "Contract.Violation `place.street` is null, but the contract says that it never is",
        ),
        (line(r#""lat": 2.5"#, r#""lat": "north""#), "Decode.Type `place.geo.lat` is not a number"),
        (
            line(r#""lat": 2.5"#, r#""lat": 2.5, "lat": 1"#),
            "Decode.Malformed a key of the object appears twice",
        ),
        (
            line(r#""value": 7"#, r#""value": true"#),
            "Decode.Type `value` is of none of the branches of its union",
        ),
        (
            line(r#""value": 7"#, r#""value": "c""#),
            "Contract.Violation `value(e)` is not a symbol of its enum",
        ),
        (
            line(r#""value": 7"#, r#""value": {"int": 1}"#),
            "Decode.Type `value` is of none of the branches of its union",
        ),
        (
            line(r#""value": 7"#, r#""value": {"long": 1, "e": "a"}"#),
            "Decode.Type `value` is of none of the branches of its union",
        ),
        (line(r#""ids": []"#, r#""ids": ["x"]"#), "Contract.Violation `deep[].ids[]` is not a uuid"),
        (
            line(r#"10:00:00Z"#, r#"10:00:00.0001Z"#),
            "Decode.Type `deep[].at` has finer fractions of a second than its type holds",
        ),
        (
            line(r#""size": 1"#, r#""size": 0"#),
            "Contract.Violation `size` is below the `min` of its contract",
        ),
        (line(r#"[null, {"#, r#"[null {"#), "Decode.Malformed the record is not JSON"),
        (line(r#"["a"]"#, r#"["a",]"#), "Decode.Malformed the record is not JSON"),
    ];
    // Each alone between good rows, and all of them in one file.
    for (bad, wanted) in &cases {
        assert_eq!(json(&[GOOD, bad, LEAST, GOOD]), [*wanted], "{bad}");
    }
    let mut lines = Vec::new();
    for (bad, _) in &cases {
        lines.extend([GOOD, bad.as_str(), LEAST]);
    }
    assert_eq!(json(&lines), cases.iter().map(|(_, wanted)| *wanted).collect::<Vec<_>>());
}

#[test]
fn no_prefix_of_a_record_panics_or_leaves_something_behind() {
    for at in 0..GOOD.len() {
        let cut = &GOOD[..at];
        let expected = usize::from(!cut.trim().is_empty());
        let dead = if expected == 0 { json(&[GOOD, GOOD]) } else { json(&[GOOD, cut, LEAST]) };
        assert_eq!(dead.len(), expected, "{cut}");
    }
}

#[test]
fn random_nested_rows_come_back_from_parquet() {
    for seed in 0..150 {
        let rng = SeededRng::new(seed);
        let draw = Draw { rng: &rng, unions: false, durations: false };
        let contract = Arc::new(draw.contract());
        let rows = draw.rows(&contract, 1 + (rng.next() % 30) as usize);
        let written = batch(&contract, &rows);
        let mut wanted = FarSum::new(&contract);
        wanted.add(&written).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        // As a sink writes and verifies it.
        let fs: Arc<dyn staunch_types::Fs> = Arc::new(staunch_types::LocalFs);
        let encoding = crate::formats::parquet_write::Encoding {
            codec: crate::formats::parquet_write::Codec::Zstd,
            row_group_rows: 7,
            metadata: vec![],
        };
        let mut file =
            crate::formats::parquet_write::ParquetFile::create(fs.as_ref(), &path, &written, &encoding)
                .unwrap();
        file.write(&written).unwrap();
        file.close().unwrap().sync().unwrap();
        let mut back = FarSum::new(&contract);
        for batch in crate::formats::parquet_write::decode(&fs, &path).unwrap() {
            back.add(&batch.unwrap()).unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
        }
        assert_eq!((back.rows(), back.hex()), (wanted.rows(), wanted.hex()), "seed {seed}");
        // As a source reads it.
        let source = source(dir.path(), &contract, r#"{"path": "x.parquet", "format": "parquet"}"#).unwrap();
        let mut splitter = source.open(&origin(&source), &SplitPoint::default(), None).unwrap();
        let mut read = FarSum::new(&contract);
        while let Some(chunk) = splitter.next().unwrap() {
            let rows = chunk.work.run(&mut SequentialTurn::default()).unwrap();
            assert!(rows.dead.is_empty(), "seed {seed}: {}", rows.dead[0].reason);
            read.add(&rows.batch).unwrap();
        }
        assert_eq!((read.rows(), read.hex()), (wanted.rows(), wanted.hex()), "seed {seed}, read");
    }
}

#[test]
fn parquet_of_other_writers_is_widened_and_looked_at_inside() {
    let dir = tempfile::tempdir().unwrap();
    let text = "contract: c\nversion: 1\nfields:\n  l: {array: int}\n  r: {record: {b: string, a: long?}}\n";
    let item = Arc::new(ArrowField::new("element", DataType::Int64, true));
    let record = DataType::Struct(
        vec![ArrowField::new("a", DataType::Int32, true), ArrowField::new("b", DataType::LargeUtf8, true)]
            .into(),
    );
    let schema = Arc::new(Schema::new(vec![
        ArrowField::new("l", DataType::LargeList(item), true),
        ArrowField::new("r", record, true),
    ]));
    let lines = [
        r#"{"l": [1, 2], "r": {"a": 1, "b": "x"}}"#,
        r#"{"l": [1, null], "r": {"b": "x"}}"#,
        r#"{"l": [3000000000], "r": {"b": "x"}}"#,
        r#"{"l": [], "r": {"a": 5}}"#,
        r#"{"l": [], "r": {"b": ""}}"#,
    ];
    let mut decoder = arrow::json::ReaderBuilder::new(schema.clone()).build_decoder().unwrap();
    decoder.decode(lines.join("\n").as_bytes()).unwrap();
    let rows = decoder.flush().unwrap().unwrap();
    let file = std::fs::File::create(dir.path().join("x.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let contract = contract(text);
    let source = source(dir.path(), &contract, r#"{"path": "x.parquet", "format": "parquet"}"#).unwrap();
    let found = all(&source);
    assert_eq!(found.rows, ["0: [1, 2]|{b: x, a: 1}", "4: []|{b: , a: ∅}"]);
    assert_eq!(
        found.dead,
        [
            r#"1/0 Contract.Violation `l[]` the value is null, and the contract says that it never is: {"l":[1,null],"r":{"b":"x"}}"#,
            r#"2/0 Contract.Violation `l[]` the value does not fit int: {"l":[3000000000],"r":{"b":"x"}}"#,
            r#"3/0 Contract.Violation `r.b` the value is null, and the contract says that it never is: {"l":[],"r":{"a":5}}"#,
        ]
    );
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let other = RecordBatch::try_from_iter([("l", ints.clone()), ("r", ints)]).unwrap();
    let file = std::fs::File::create(dir.path().join("x.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, other.schema(), None).unwrap();
    writer.write(&other).unwrap();
    writer.close().unwrap();
    let error = source.open(&origin(&source), &SplitPoint::default(), None).err().unwrap();
    assert_eq!(error.code(), staunch_types::codes::SOURCE_SCHEMA);
    assert!(other.column(0).is_valid(0));
}
