//! The same sink with container files of Avro: what differs from Parquet.

use super::*;
use crate::formats::avro::write as avro_write;
use crate::testdata::nested::{Draw, batch as nested_batch};
use staunch_contract::avro::{ContainerLimits, ContainerReader, Schema};
use staunch_types::SeededRng;

const CODECS: [(&str, &str); 8] = [
    ("none", "null"),
    ("null", "null"),
    ("deflate", "deflate"),
    ("snappy", "snappy"),
    ("zstd", "zstandard"),
    ("zstandard", "zstandard"),
    ("bzip2", "bzip2"),
    ("xz", "xz"),
];

fn avro_sink(dir: &Path, contract: &Contract, more: Entries<'_>) -> FilesSink {
    let mut entries = vec![("format", json!("avro"))];
    entries.extend(more.iter().cloned());
    sink(dir, contract, &entries)
}

fn header(path: &Path) -> (Schema, String, Vec<(String, Vec<u8>)>) {
    let bytes = std::fs::read(path).unwrap();
    let reader = ContainerReader::open(bytes.as_slice(), path, ContainerLimits::default()).unwrap();
    (reader.schema().clone(), reader.codec().to_string(), reader.metadata().to_vec())
}

#[test]
fn rows_of_every_type_are_shown_once_and_previewed() {
    let contract = contract(&every_type(), &[]);
    let rows = batch(&contract, &[&EVERY_VALUE, &[None; 20]]);
    let mut sum = FarSum::new(&contract);
    sum.add(&rows).unwrap();
    sum.add(&rows).unwrap();
    for (compression, codec) in CODECS {
        let dir = tempfile::tempdir().unwrap();
        let sink = avro_sink(dir.path(), &contract, &[("compression", json!(compression))]);
        let segments = stage(&sink, &name(4, 2), &[rows.clone(), rows.clone()]);
        let [segment] = segments.as_slice() else { panic!("one file") };
        assert_eq!(segment.target.as_deref(), Some("lake.clean-01234567-e4-0.avro"));
        assert_eq!((segment.rows, &segment.hash_sum), (4, &sum.hex()));
        for _ in 0..2 {
            let done = block_on(sink.apply(&work(4, WriteMode::Append, &segments, &[]))).unwrap();
            assert_eq!((done.applied, done.rows, done.hash_sum), (4, 4, None));
            assert_eq!(files(sink.folder()), BTreeSet::from([segment.target.clone().unwrap()]));
        }
        let path = sink.folder().join(segment.target.as_ref().unwrap());
        let (schema, found, metadata) = header(&path);
        assert_eq!(found, codec);
        assert_eq!(schema.text(), contract.to_avro_json().to_string());
        assert!(metadata.contains(&("staunch.epoch".to_owned(), b"4".to_vec())));
        assert!(sink.describe().contains(if codec == "null" { "avro, not compressed" } else { codec }));
        let shown = block_on(sink.preview(&segments, 3)).unwrap();
        assert_eq!((shown.num_rows(), shown.slice(0, 2)), (3, rows.clone()));
        // The same rows of the same epoch are the same bytes, whoever writes them.
        let again = avro_sink(&dir.path().join("b"), &contract, &[("compression", json!(compression))]);
        assert_eq!(stage(&again, &name(4, 3), &[rows.clone(), rows.clone()])[0].digest, segment.digest);
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(avro_sink(dir.path(), &contract, &[]).describe().contains("avro, zstandard"));
    let error = try_sink(dir.path(), &contract, &[("format", json!("avro")), ("compression", json!("gzip"))]);
    assert!(error.err().unwrap().to_string().contains("zstandard"));
    let error = try_sink(dir.path(), &contract, &[("format", json!("avro")), ("row_group_rows", json!(5))]);
    assert!(error.is_err());
}

#[test]
fn rows_with_parts_go_into_partitions_and_files_of_a_size() {
    for seed in 0..20 {
        let rng = SeededRng::new(seed);
        let draw = Draw { rng: &rng, unions: true, durations: true };
        let mut contract = draw.contract();
        contract.fields.push(staunch_contract::Field::new("folder", Type::Boolean, true));
        let rows = nested_batch(&contract, &draw.rows(&contract, 40));
        let dir = tempfile::tempdir().unwrap();
        let more = [("partition_by", json!(["folder"])), ("rows_per_file", json!(7))];
        let sink = avro_sink(dir.path(), &contract, &more);
        let mut writer = sink.stage(&name(1, 1)).unwrap();
        writer.write(&rows).unwrap();
        // `verify: full` is on. A key may stand twice in a map of an array, but in no row of a contract.
        let Ok(segments) = writer.finish() else { continue };
        assert!(segments.len() >= 6 && segments.iter().all(|s| s.rows <= 7));
        let done = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
        assert_eq!(done.rows, 40);
        let shown = block_on(sink.preview(&segments, 100)).unwrap();
        assert_eq!(shown.num_rows(), 40);
    }
}

#[test]
fn a_finished_file_counts_for_itself() {
    let contract = contract(&[("n", Type::Int)], &[]);
    let dir = tempfile::tempdir().unwrap();
    let sink = avro_sink(dir.path(), &contract, &[]);
    let segments = stage(&sink, &name(1, 1), &[batch(&contract, &[&[Some("1")], &[Some("2")]])]);
    let staged = sink.folder().join(&segments[0].staged);
    assert_eq!(avro_write::count(&LocalFs, &staged).unwrap(), 2);
    block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
    // Another file of the same length at the published name is noticed.
    let target = sink.folder().join(segments[0].target.as_ref().unwrap());
    let mut bytes = std::fs::read(&target).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::remove_file(&target).unwrap();
    std::fs::write(&target, bytes).unwrap();
    let error = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap_err();
    assert_eq!(error.code(), codes::STORE_CORRUPT);
}
