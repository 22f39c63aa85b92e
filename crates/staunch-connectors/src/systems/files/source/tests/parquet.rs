//! Parquet files.

use super::{Outcome, origin, read, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, TimestampMillisecondArray, UInt8Array, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use staunch_commit::{Source, SplitPoint};
use staunch_types::{Result, codes};
use std::path::Path;
use std::sync::Arc;

const OBJECT: &str = r#"{"path": "x.parquet", "format": "parquet"}"#;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let file = std::fs::File::create(path.join("x.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read_all(path: &Path, fields: &str) -> Result<(Outcome, Vec<SplitPoint>)> {
    let source = FilesSource::new(spec(path, fields, OBJECT)).unwrap();
    read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), None)
}

#[test]
fn columns_are_matched_by_name_and_widened() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        vec![
            ("extra", Arc::new(Int64Array::from(vec![0, 0, 0]))),
            ("s", Arc::new(LargeStringArray::from(vec![Some("x"), None, Some("z")]))),
            ("a", Arc::new(Int32Array::from(vec![Some(1), Some(2), None]))),
            ("u", Arc::new(UInt8Array::from(vec![255, 0, 1]))),
            ("d", Arc::new(Decimal128Array::from(vec![15, 25, 35]).with_precision_and_scale(5, 1).unwrap())),
            ("t", Arc::new(TimestampMillisecondArray::from(vec![1, 2, 3]))),
            ("e", Arc::new(StringArray::from(vec!["red", "blue", "green"]))),
            ("y", Arc::new(BinaryArray::from_vec(vec![b"\xFF", b"a", b""]))),
        ],
        2,
    );
    let fields = "a:long s:string? u:int d:decimal t:ts e:enum y:bytes z:string?";
    let (found, points) = read_all(dir.path(), fields).unwrap();
    assert_eq!(found.rows, ["0: 1|x|255|1.50|1970-01-01T00:00:00.001Z|red|ff|∅"]);
    assert_eq!(
        found.dead,
        [
            r#"1/0 Contract.Violation `e` is not a symbol of its enum: {"a":2,"u":0,"d":2.50,"t":"1970-01-01T00:00:00.002Z","e":"blue","y":"a"}"#,
            r#"2/0 Contract.Violation `a` is null, but the contract says that it never is: {"s":"z","u":1,"d":3.50,"t":"1970-01-01T00:00:00.003Z","e":"green","y":""}"#,
        ]
    );
    assert_eq!(points.iter().map(|p| (p.offset, p.finished)).collect::<Vec<_>>(), [(2, false), (3, true)]);
    let source = FilesSource::new(spec(dir.path(), fields, OBJECT)).unwrap();
    let (rest, _) =
        read(&source, &origin(&source), &points[0], &mut SequentialTurn::default(), None).unwrap();
    assert_eq!(rest.dead, found.dead[1..]);
    let (one, _) =
        read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), Some(&[2]))
            .unwrap();
    assert_eq!((one.rows, one.dead.len()), (vec!["0: 255".to_owned()], 2));
}

#[test]
fn types_that_may_lose_something_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        vec![("a", Arc::new(UInt64Array::from(vec![1]))), ("b", Arc::new(Int64Array::from(vec![1])))],
        10,
    );
    for (fields, words) in [
        ("a:long", "`a` is UInt64"),
        ("b:int", "`b` is Int64"),
        ("b:double", "`b` is Int64"),
        ("b:string", "`b` is Int64"),
        ("c:long", "no column `c`"),
    ] {
        let error = read_all(dir.path(), fields).unwrap_err();
        assert_eq!(error.code(), codes::SOURCE_SCHEMA);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn large_row_groups_are_cut_and_reopened_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (1 << 17) + 1000;
    write(dir.path(), vec![("a", Arc::new(Int64Array::from_iter_values(0..rows)))], 1 << 20);
    let (found, points) = read_all(dir.path(), "a:long").unwrap();
    assert_eq!(points.iter().map(|p| p.offset).collect::<Vec<_>>(), [1 << 17, (1 << 17) + 1000]);
    assert_eq!(found.rows.len() as i64, rows);
    assert_eq!(found.rows.last().unwrap(), "132071: 132071");
    let source = FilesSource::new(spec(dir.path(), "a:long", OBJECT)).unwrap();
    let (rest, _) =
        read(&source, &origin(&source), &points[0], &mut SequentialTurn::default(), None).unwrap();
    assert_eq!(rest.rows, found.rows[1 << 17..]);
    let digest = source.digest(&source.list().unwrap()[0]).unwrap();
    assert_eq!(digest, points[1].digest);
    let wrong = SplitPoint { digest: "00".to_owned(), ..points[0].clone() };
    assert_eq!(source.open(&origin(&source), &wrong, None).err().unwrap().code(), codes::SOURCE_CHANGED);
}

/// An edit inside a page leaves the size as it is and the footer too.
#[test]
fn an_edit_of_a_page_is_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let rows = (1 << 17) + 1000;
    write(dir.path(), vec![("a", Arc::new(Int64Array::from_iter_values(0..rows)))], 1 << 20);
    let source = FilesSource::new(spec(dir.path(), "a:long", OBJECT)).unwrap();
    let before = origin(&source);
    let (_, points) = read_all(dir.path(), "a:long").unwrap();
    let known = source.digest(&before.listed).unwrap();

    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(origin(&source), before, "size and time do not tell");
    assert_ne!(source.digest(&before.listed).unwrap(), known);
    assert_eq!(source.open(&before, &points[0], None).err().unwrap().code(), codes::SOURCE_CHANGED);
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert!(source.open(&before, &points[0], None).is_ok());
}

#[test]
fn damaged_files_are_corrupt_and_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    write(
        dir.path(),
        vec![
            ("a", Arc::new(Int64Array::from_iter_values(0..1000))),
            ("s", Arc::new(StringArray::from_iter_values((0..1000).map(|i| i.to_string())))),
        ],
        300,
    );
    let good = std::fs::read(&path).unwrap();
    for cut in [0, 3, 8, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..cut]).unwrap();
        assert_eq!(
            read_all(dir.path(), "a:long s:string").unwrap_err().code(),
            codes::SOURCE_CORRUPT,
            "cut at {cut}"
        );
    }
    let mut seed = 3_u64;
    for _ in 0..300 {
        let mut bad = good.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 20) as usize % bad.len();
            bad[at] ^= (seed >> 50) as u8 | 1;
        }
        std::fs::write(&path, &bad).unwrap();
        // Some damage is not seen (pages carry no checksum); none may panic or give another error.
        let source = FilesSource::new(spec(dir.path(), "a:long s:string", OBJECT)).unwrap();
        let Ok(mut splitter) = source.open(&origin(&source), &SplitPoint::default(), None) else { continue };
        let mut turn = SequentialTurn::default();
        while let Ok(Some(chunk)) = splitter.next() {
            if chunk.work.run(&mut turn).is_err() {
                break;
            }
        }
    }
}
