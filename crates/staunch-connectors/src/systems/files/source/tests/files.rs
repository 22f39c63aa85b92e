//! Files as such: options, compression, pins, partitions.

use super::{origin, read, read_text, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use staunch_commit::{Source, SplitPoint};
use staunch_types::codes;
use std::fs;
use std::io::Write;
use std::path::Path;

const FIELDS: &str = "a:long b:string?";

pub(super) fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap();
    }
    out
}

pub(super) fn zstd(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| zstd::stream::encode_all(*part, 1).unwrap()).collect()
}

#[test]
fn compressed_files_read_like_plain_ones() {
    let plain =
        read_text("x.csv", b"a,b\n1,x\n2,y\n", FIELDS, r#"{"path": "x.csv", "format": "csv"}"#).unwrap();
    // Several members and frames, cut in the middle of a record.
    let parts: &[&[u8]] = &[b"a,b\n1", b",x\n2,", b"y\n"];
    let auto = r#"{"path": "x.csv.*", "format": "csv"}"#;
    assert_eq!(read_text("x.csv.gz", &gzip(parts), FIELDS, auto).unwrap(), plain);
    assert_eq!(read_text("x.csv.zst", &zstd(parts), FIELDS, auto).unwrap(), plain);
    let named = r#"{"path": "x", "format": "csv", "compression": "gzip"}"#;
    assert_eq!(read_text("x", &gzip(parts), FIELDS, named).unwrap(), plain);
}

#[test]
fn truncated_and_damaged_archives_are_corrupt() {
    let text: Vec<u8> = (0..5000).flat_map(|i| format!("{i},{}\n", i * 7919).into_bytes()).collect();
    let text = [b"a,b\n".as_slice(), &text].concat();
    let auto = r#"{"path": "x.*", "format": "csv"}"#;
    for (name, whole) in [("x.gz", gzip(&[&text])), ("x.zst", zstd(&[&text]))] {
        for cut in [1, 10, whole.len() / 2, whole.len() - 1] {
            let error = read_text(name, &whole[..cut], FIELDS, auto).unwrap_err();
            assert_eq!(error.code(), codes::SOURCE_CORRUPT, "{name} cut at {cut}");
            assert!(error.where_().file.as_ref().unwrap().ends_with(name));
        }
    }
    let garbage = read_text("x.gz", b"no archive at all", FIELDS, auto).unwrap_err();
    assert_eq!(garbage.code(), codes::SOURCE_CORRUPT);
}

fn source(root: &Path, object: &str) -> FilesSource {
    let mut spec = spec(root, FIELDS, object);
    spec.chunk_bytes = Some(1);
    FilesSource::new(spec).unwrap()
}

#[test]
fn a_file_that_is_not_the_pinned_one_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.csv");
    let object = r#"{"path": "x.csv", "format": "csv"}"#;
    fs::write(&path, "a,b\n1,x\n2,y\n").unwrap();
    let source = source(dir.path(), object);
    let pin = origin(&source);
    let (_, points) =
        read(&source, &pin, &SplitPoint::default(), &mut SequentialTurn::default(), None).unwrap();
    let refused = |pin, at: &SplitPoint| source.open(&pin, at, None).err().unwrap().code();

    // Appended to.
    fs::write(&path, "a,b\n1,x\n2,y\n3,z\n").unwrap();
    assert_eq!(refused(pin.clone(), &SplitPoint::default()), codes::SOURCE_CHANGED);
    let grown = origin(&source);
    assert_eq!(
        refused(grown.clone(), &points[1]),
        codes::SOURCE_CHANGED,
        "something follows a finished point"
    );
    let (more, _) = read(&source, &grown, &points[0], &mut SequentialTurn::default(), None).unwrap();
    assert_eq!(more.rows, ["8: 2|y", "12: 3|z"]);

    // The same size, another content before the point.
    fs::write(&path, "a,b\n9,x\n2,y\n").unwrap();
    assert_eq!(refused(origin(&source), &points[0]), codes::SOURCE_CHANGED);
    // Shorter than the point.
    fs::write(&path, "a,b\n").unwrap();
    assert_eq!(refused(origin(&source), &points[0]), codes::SOURCE_CHANGED);

    // Changed while it is read.
    fs::write(&path, "a,b\n1,x\n2,y\n").unwrap();
    let mut splitter = source.open(&origin(&source), &SplitPoint::default(), None).unwrap();
    assert_eq!(splitter.next().unwrap().unwrap().found, 1);
    fs::write(&path, "a,b\n1,x\n2,y\n3,z\n").unwrap();
    assert_eq!(splitter.next().err().unwrap().code(), codes::SOURCE_CHANGED);

    fs::remove_file(&path).unwrap();
    assert_eq!(refused(pin, &SplitPoint::default()), codes::SOURCE_MISSING);
    assert_eq!(source.list().unwrap_err().code(), codes::SOURCE_MISSING);
}

#[test]
fn touched_files_have_the_same_digest() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("x.csv", b"a,b\n1,x\n".to_vec()),
        ("y.csv", b"a,b\n1,y\n".to_vec()),
        ("z.csv", gzip(&[b"a,b\n1,x\n"])),
    ] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let plain = source(dir.path(), r#"{"path": "*.csv", "format": "csv"}"#);
    let packed = source(dir.path(), r#"{"path": "z.csv", "format": "csv", "compression": "gzip"}"#);
    let listed = plain.list().unwrap();
    let digest = plain.digest(&listed[0]).unwrap();
    assert_ne!(digest, plain.digest(&listed[1]).unwrap());
    assert_eq!(digest, packed.digest(&packed.list().unwrap()[0]).unwrap(), "of the decompressed content");
    assert_eq!(digest, format!("{:032x}", xxhash_rust::xxh3::xxh3_128(b"a,b\n1,x\n")));
}

#[test]
fn partitions_are_fields_and_splits() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("d/year=2024/kind=red");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("x.csv"), "a,year\n1,1999\n2,1999\n").unwrap();
    fs::write(folder.join("x.json"), "{\"a\":1,\"year\":1999}\n").unwrap();
    let object = |format: &str| {
        format!(
            r#"{{"path": "d/**/*.{format}", "format": "{format}", "partition": "year={{year}}/kind={{kind}}"}}"#
        )
    };
    let fields = "a:long year:int kind:enum z:string?";
    for (format, rows) in
        [("csv", vec!["7: 1|2024|red|∅", "14: 2|2024|red|∅"]), ("json", vec!["0: 1|2024|red|∅"])]
    {
        let source = FilesSource::new(spec(dir.path(), fields, &object(format))).unwrap();
        let (found, _) =
            read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), None)
                .unwrap();
        assert_eq!(found.rows, rows);
        assert_eq!(source.split(&source.list().unwrap()[0].path), "year=2024/kind=red");
    }
    let wrong = FilesSource::new(spec(dir.path(), "a:long year:int kind:date", &object("csv"))).unwrap();
    let error = wrong.open(&origin(&wrong), &SplitPoint::default(), None).err().unwrap();
    assert_eq!(
        (error.code(), error.message()),
        (codes::SOURCE_SCHEMA, "what the path says about `kind` is not a date")
    );
}

#[test]
fn all_mistakes_of_the_options_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let object = r#"{"path": "../x", "format": "cvs", "nuls": ["NA"], "rename": {"x": "bb"}, "dates": {"a": "%d"}, "max_record": 0, "partition": "{c}"}"#;
    let error = FilesSource::new(spec(dir.path(), FIELDS, object)).unwrap_err();
    let told: Vec<String> = error.all().map(|e| format!("{e:?}")).collect();
    assert_eq!(error.all().count(), 7, "{told:?}");
    assert!(told.iter().any(|t| t.contains("ST0041") && t.contains("`nulls`")), "{told:?}");
    assert!(told.iter().any(|t| t.contains("leads out of the root")), "{told:?}");
    assert!(error.all().all(|e| e.where_().line == Some(3) && e.next_step().is_some()));
    let for_csv = r#"{"path": "x", "format": "json", "header": false}"#;
    assert_eq!(FilesSource::new(spec(dir.path(), FIELDS, for_csv)).unwrap_err().code(), codes::BAD_VALUE);
}

#[test]
fn an_edit_of_anything_that_matters_changes_the_fingerprint() {
    let dir = tempfile::tempdir().unwrap();
    let base = spec(dir.path(), FIELDS, r#"{"path": "x.csv", "format": "csv"}"#);
    let of = |spec| FilesSource::new(spec).unwrap().fingerprint();
    let first = of(base.clone());
    assert_eq!(first, of(base.clone()));
    assert_eq!(first.len(), 64);
    let mut other = base.clone();
    other.late_after = super::seconds(1);
    assert_ne!(first, of(other));
    let mut other = base.clone();
    other.object = super::options(r#"{"path": "x.csv", "format": "csv", "nulls": ["NA"]}"#);
    assert_ne!(first, of(other));
    let mut other = base;
    other.contract = super::contract("a:long b:string");
    assert_ne!(first, of(other));
}

#[test]
fn ignored_columns_are_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.csv"), "a,extra,b\n1,2,3\n").unwrap();
    let source = source(dir.path(), r#"{"path": "x.csv", "format": "csv"}"#);
    source.open(&origin(&source), &SplitPoint::default(), None).unwrap();
    assert_eq!(source.ignored_columns(), ["extra"]);
    assert!(source.describe().ends_with("columns ignored: extra"), "{}", source.describe());
}
