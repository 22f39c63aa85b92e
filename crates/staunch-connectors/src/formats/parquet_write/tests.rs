//! What is written is what is read back; what is not whole is refused.

use super::sample::{Choice, choose};
use super::{Codec, Encoding, ParquetFile, decode, footer};
use crate::rowhash::FarSum;
use crate::testdata::{EVERY_VALUE, batch, contract, cpu_seconds, every_type, wide, wide_contract};
use staunch_types::{Fs, LocalFs, codes};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

fn encoding(codec: Codec, row_group_rows: usize) -> Encoding {
    Encoding { codec, row_group_rows, metadata: vec![("staunch.contract".into(), "thing@3".into())] }
}

#[test]
fn every_type_comes_back_under_every_codec() {
    let dir = tempfile::tempdir().unwrap();
    let fs: Arc<dyn Fs> = Arc::new(LocalFs);
    let contract = contract(&every_type(), &[]);
    let rows = batch(&contract, &[&EVERY_VALUE, &[None; 20], &EVERY_VALUE]);
    let mut expected = FarSum::new(&contract);
    expected.add(&rows).unwrap();
    for (at, codec) in [Codec::Zstd, Codec::Snappy, Codec::None].into_iter().enumerate() {
        for (groups, group_rows) in [(3, 1), (1, 100)] {
            let path = dir.path().join(format!("{at}-{groups}.parquet"));
            let mut file = ParquetFile::create(&LocalFs, &path, &rows, &encoding(codec, group_rows)).unwrap();
            // Several writes into one file: all of them must be there.
            file.write(&rows.slice(0, 1)).unwrap();
            file.write(&rows.slice(1, 2)).unwrap();
            assert_eq!(file.rows(), 3);
            let (bytes, digest) = file.close().unwrap().sync().unwrap();

            let content = std::fs::read(&path).unwrap();
            assert_eq!((bytes, digest), (content.len() as u64, format!("{:032x}", xxh3_128(&content))));
            let found = footer(&fs, &path).unwrap();
            assert_eq!((found.rows, found.row_groups), (3, groups));
            assert_eq!(found.metadata["staunch.contract"], "thing@3");
            let mut back = FarSum::new(&contract);
            for batch in decode(&fs, &path).unwrap() {
                back.add(&batch.unwrap()).unwrap();
            }
            assert_eq!((back.hex(), back.rows()), (expected.hex(), 3));
        }
    }
}

#[test]
fn a_file_is_never_written_twice_and_a_part_of_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let fs: Arc<dyn Fs> = Arc::new(LocalFs);
    let path = dir.path().join("a.parquet");
    let rows = wide(0, 100);
    let mut file = ParquetFile::create(&LocalFs, &path, &rows, &encoding(Codec::Zstd, 10)).unwrap();
    file.write(&rows).unwrap();
    let again = ParquetFile::create(&LocalFs, &path, &rows, &encoding(Codec::Zstd, 10)).unwrap_err();
    assert_eq!(again.code(), codes::SINK_UNAVAILABLE);
    file.close().unwrap().sync().unwrap();

    let whole = std::fs::read(&path).unwrap();
    for len in [0, 1, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        let torn = dir.path().join("torn.parquet");
        std::fs::write(&torn, &whole[..len]).unwrap();
        assert_eq!(footer(&fs, &torn).unwrap_err().code(), codes::STORE_CORRUPT, "{len} bytes");
    }
    let gone = footer(&fs, &dir.path().join("gone.parquet")).unwrap_err();
    assert_eq!(gone.code(), codes::STORE_CORRUPT);
}

#[test]
fn ids_and_amounts_have_no_dictionary_and_what_repeats_has_one() {
    let choices = choose(&wide(0, 8192), 122_880);
    let names: Vec<(String, Choice)> =
        wide(0, 1).schema().fields().iter().map(|f| f.name().clone()).zip(choices).collect();
    let of = |name: &str| names.iter().find(|(n, _)| n == name).unwrap().1;
    for (name, choice) in [
        ("id", Choice::Delta),
        ("at", Choice::Delta),
        ("amount0", Choice::Plain),
        ("total0", Choice::Plain),
        ("text6", Choice::Plain),
        ("text3", Choice::Dictionary),
        ("count0", Choice::Dictionary),
        ("flag", Choice::Dictionary),
    ] {
        assert_eq!(of(name), choice, "{name}");
    }
    assert!(choose(&wide(0, 100), 122_880).iter().all(|c| *c == Choice::Dictionary), "few rows tell nothing");

    // Whatever was chosen, the values come back.
    let dir = tempfile::tempdir().unwrap();
    let fs: Arc<dyn Fs> = Arc::new(LocalFs);
    let path = dir.path().join("wide.parquet");
    let (mut wanted, mut back) = (FarSum::new(&wide_contract()), FarSum::new(&wide_contract()));
    let first = wide(0, 8192);
    let mut file = ParquetFile::create(&LocalFs, &path, &first, &encoding(Codec::Zstd, 5_000)).unwrap();
    for batch in [&first, &wide(90_000, 3_000)] {
        file.write(batch).unwrap();
        wanted.add(batch).unwrap();
    }
    file.close().unwrap().sync().unwrap();
    for batch in decode(&fs, &path).unwrap() {
        back.add(&batch.unwrap()).unwrap();
    }
    assert_eq!((back.rows(), back.hex()), (11_192, wanted.hex()));
}

/// `cargo test --release -p staunch-connectors parquet_write -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let batches: Vec<_> = (0..245).map(|i| wide(i * 8192, 8192)).collect();
    for codec in [Codec::Zstd, Codec::Snappy, Codec::None] {
        for run in 0..2 {
            let path = dir.path().join(format!("{codec:?}-{run}"));
            let start = cpu_seconds();
            let mut file =
                ParquetFile::create(&LocalFs, &path, &batches[0], &encoding(codec, 122_880)).unwrap();
            for batch in &batches {
                file.write(batch).unwrap();
            }
            let rows = file.rows();
            let closed = file.close().unwrap();
            let encoded = cpu_seconds() - start;
            let (bytes, _) = closed.sync().unwrap();
            println!("{codec:?}: {rows} rows, {} MiB, {encoded:.2} s", bytes >> 20);
        }
    }
}
