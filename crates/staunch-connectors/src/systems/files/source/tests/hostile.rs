//! Files made to break their reader. What is too large for these tests is run by `cargo xtask hostile`.

use super::files::{gzip, zstd};
use super::{Outcome, origin, read, read_text, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use staunch_commit::{Chunk, Source, SplitPoint, Splitter};
use staunch_types::{Code, Error, codes};
use std::path::Path;
use std::sync::Arc;

const CSV: &str = r#"{"path": "x*", "format": "csv"}"#;
const JSON: &str = r#"{"path": "x*", "format": "json"}"#;

fn csv(text: &[u8], fields: &str) -> Outcome {
    read_text("x", text, fields, CSV).unwrap()
}

fn json(text: &[u8], fields: &str) -> Outcome {
    read_text("x", text, fields, JSON).unwrap()
}

fn refused(name: &str, content: &[u8], object: &str, code: Code) -> Error {
    let error = read_text(name, content, "a:long b:string?", object).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.next_step().is_some() && error.where_().file.is_some(), "{error}");
    error
}

/// The digest unpacks the whole file, without the time that decoding takes.
#[test]
fn an_archive_that_holds_far_more_than_its_size_is_refused() {
    let zeros = vec![b'\n'; (64 << 20) + 1];
    for (name, bytes) in [("x.gz", gzip(&[&zeros])), ("x.zst", zstd(&[&zeros]))] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), &bytes).unwrap();
        let digest = |object: &str| {
            let source = FilesSource::new(spec(dir.path(), "a:long", object)).unwrap();
            source.digest(&source.list().unwrap()[0])
        };
        let most = if name == "x.gz" { 1 } else { 200 };
        let error = digest(&CSV.replace('}', &format!(r#", "max_expansion": {most}}}"#))).unwrap_err();
        assert_eq!(error.code(), codes::SOURCE_TOO_LARGE, "{name}");
        assert!(error.message().contains(&format!("more than {most} times")), "{error}");
        assert!(error.next_step().unwrap().contains("max_expansion"), "{error}");
        let enough = (zeros.len() / bytes.len() + 1).to_string();
        assert!(digest(&CSV.replace('}', &format!(r#", "max_expansion": {enough}}}"#))).is_ok(), "{name}");
    }
    // Half as much is no bomb, however small the file is.
    let half = zstd(&[&zeros[..32 << 20]]);
    assert!(half.len() < 10_000);
    assert_eq!(read_text("x.zst", &half, "a:long", JSON).unwrap().found, 0);
}

#[test]
fn the_limit_of_expansion_is_no_edit_and_must_make_sense() {
    let dir = tempfile::tempdir().unwrap();
    let source = |object: &str| FilesSource::new(spec(dir.path(), "a:long", object));
    let more = CSV.replace('}', r#", "max_expansion": 5000}"#);
    assert_eq!(source(&more).unwrap().fingerprint(), source(CSV).unwrap().fingerprint());
    let zero = source(&CSV.replace('}', r#", "max_expansion": 0}"#)).unwrap_err();
    assert!(zero.message().contains("no archive could be read"), "{zero}");
    let parquet = source(r#"{"path": "x", "format": "parquet", "max_expansion": 5}"#).unwrap_err();
    assert!(parquet.message().contains("for text formats"), "{parquet}");
}

#[test]
fn other_encodings_are_refused_by_their_mark() {
    let text = "a,b\n1,x\n";
    let utf16 = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark, &text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()].concat()
    };
    let little = utf16(b"\xFF\xFE", u16::to_le_bytes);
    let big = utf16(b"\xFE\xFF", u16::to_be_bytes);
    let wide = [b"\xFF\xFE\0\0".as_slice(), &text.bytes().flat_map(|b| [b, 0, 0, 0]).collect::<Vec<u8>>()];
    for (bytes, word) in [(&little, "UTF-16"), (&big, "UTF-16"), (&wide.concat(), "UTF-32")] {
        for object in [CSV, JSON] {
            let error = refused("x", bytes, object, codes::SOURCE_CORRUPT);
            assert!(error.message().contains(word), "{error}");
            refused("x.gz", &gzip(&[bytes]), object, codes::SOURCE_CORRUPT);
        }
    }
    // Without a mark the header is another, and no line is JSON.
    refused("x", &little[2..], CSV, codes::SOURCE_SCHEMA);
    assert_eq!(json(&little[2..], "a:long").dead.len(), 3);
    // The mark of UTF-8 is no part of the first name; inside the file it is text.
    let marked = csv("\u{feff}a,b\n1,\u{feff}x\n".as_bytes(), "a:long b:string");
    assert_eq!(marked.rows, ["7: 1|\u{feff}x"]);
    assert_eq!(json("\u{feff}{\"a\":1}\n\u{feff}{\"a\":2}\n".as_bytes(), "a:long").rows.len(), 1);
}

#[test]
fn bytes_that_are_no_utf8_cost_their_row() {
    let found = csv(b"a,b\n1,\xE9t\xE9\n2,\xC3\xA9\n\xFF,x\n", "a:long b:string");
    assert_eq!(found.rows, ["10: 2|é"]);
    assert_eq!(found.dead.len(), 2);
    let found = json(b"{\"a\":1,\"b\":\"\xE9\"}\n{\"a\":2}\n", "a:long b:string?");
    assert_eq!((found.rows.len(), found.dead.len()), (1, 1));
}

#[test]
fn zero_bytes_are_characters_of_a_text_and_of_nothing_else() {
    let found = csv(b"a,b\n1,x\0y\n\0,z\n2\0,z\n\0\n", "a:long b:string");
    assert_eq!(found.rows, ["4: 1|x\0y"]);
    assert_eq!(found.dead.len(), 3);
    let found = json(b"{\"a\":1,\"b\":\"x\\u0000y\"}\n{\"a\":2,\"b\":\"x\0y\"}\n\0\n", "a:long b:string");
    assert_eq!(found.rows, ["0: 1|x\0y"]);
    assert_eq!(found.dead.len(), 2);
}

#[test]
fn line_ends_may_be_mixed() {
    let found = csv(b"a,b\r\n1,x\n2,y\r\n3,z\rw\n4,\"p\r\nq\"\r\n5,v", "a:long b:string");
    let rows: Vec<&str> = found.rows.iter().map(|r| r.split(": ").nth(1).unwrap()).collect();
    assert_eq!(rows, ["1|x", "2|y", "3|z\rw", "4|p\r\nq", "5|v"]);
    assert_eq!(json(b"{\"a\":1}\r\n\r\n{\"a\":2}\n{\"a\":3}", "a:long").rows.len(), 3);
}

#[test]
fn a_mark_that_is_never_closed_costs_its_line() {
    let text: String = (0..2000).map(|i| format!("{i},\"open\n")).collect();
    let found = csv(format!("a,b\n{text}9,\"closed\"\n").as_bytes(), "a:long b:string");
    assert_eq!((found.rows.len(), found.dead.len()), (1, 2000));
}

#[test]
fn headers_and_records_that_do_not_fit_are_told() {
    let twice = refused("x", b"a,b,a\n1,x,2\n", CSV, codes::SOURCE_SCHEMA);
    assert!(twice.message().contains("twice"), "{twice}");
    let found = csv(b"a,b\n1\n1,x,y\n,,,,,,\n2,z\n", "a:long b:string");
    assert_eq!(found.rows, ["19: 2|z"]);
    assert_eq!(found.dead.len(), 3);
}

#[test]
fn numbers_beyond_a_double_are_exact_or_dead() {
    for (text, value) in [
        ("9007199254740993", Some("9007199254740993")),
        ("-9007199254740993", Some("-9007199254740993")),
        ("9223372036854775807", Some("9223372036854775807")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("9223372036854775808", None),
        ("1e19", None),
        ("99999999999999999999999999999999999999999999999999999999999999", None),
    ] {
        let csv = csv(format!("a\n{text}\n").as_bytes(), "a:long");
        let json = json(format!("{{\"a\":{text}}}\n").as_bytes(), "a:long");
        for found in [csv, json] {
            let values: Vec<&str> = found.rows.iter().map(|r| r.split(": ").nth(1).unwrap()).collect();
            assert_eq!(values, value.into_iter().collect::<Vec<_>>(), "{text}");
            assert_eq!(found.dead.len(), usize::from(value.is_none()), "{text}");
        }
    }
    let decimal = csv(b"a\n9999999.99\n9999999.995\n10000000\n", "a:decimal");
    assert_eq!((decimal.rows.len(), decimal.dead.len()), (1, 2));
    let huge = json(b"{\"a\":1e400}\n{\"a\":1e308}\n{\"a\":-1e-400}\n", "a:double");
    assert_eq!((huge.rows.len(), huge.dead.len()), (2, 1));
}

#[test]
fn nesting_has_a_limit_and_no_recursion() {
    let deep = |open: &str, close: &str| {
        format!("{{\"a\":1,\"z\":{}1{}}}\n", open.repeat(100_000), close.repeat(100_000))
    };
    let text = deep("[", "]") + &deep("{\"k\":", "}") + &"[".repeat(100_000) + "\n{\"a\":2}\n";
    let found = json(text.as_bytes(), "a:long");
    assert_eq!(found.rows.len(), 1);
    assert_eq!(found.dead.len(), 3);
    for dead in &found.dead {
        assert!(dead.contains("nested too deep"), "{}", &dead[..80]);
    }
    // In a field of the contract it is looked at the same way.
    assert_eq!(json(text.as_bytes(), "a:long z:string?").dead.len(), 3);
}

#[test]
fn a_million_columns_are_read() {
    let wide = |first: &str, name: &dyn Fn(usize) -> String| {
        let rest: Vec<String> = (1..1_000_000).map(name).collect();
        format!("{first},{}\n", rest.join(","))
    };
    let header = wide("a", &|n| format!("c{n}"));
    let row = wide("1", &|_| String::new());
    let found = csv((header + &row + "2,3\n" + &row).as_bytes(), "a:long c999999:string?");
    assert_eq!((found.rows.len(), found.dead.len()), (2, 1));
    let keys: Vec<String> = (0..1_000_000).map(|n| format!("\"c{n}\":9")).collect();
    let found = json(format!("{{{},\"a\":7}}\n{{\"a\":8}}\n", keys.join(",")).as_bytes(), "a:long c9:long?");
    assert_eq!(found.rows.iter().map(|r| r.split(": ").nth(1).unwrap()).collect::<Vec<_>>(), ["7|9", "8|∅"]);
}

/// Reads the first chunk, lets something happen to the file, and reads on to the end.
fn meanwhile(name: &str, content: &[u8], object: &str, happens: &dyn Fn(&Path)) -> Error {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    let mut spec = spec(dir.path(), "a:long", object);
    spec.chunk_bytes = Some(1 << 16);
    let source = FilesSource::new(spec).unwrap();
    let mut turn = SequentialTurn::default();
    let mut splitter = source.open(&origin(&source), &SplitPoint::default(), None).unwrap();
    let mut next = |splitter: &mut Box<dyn Splitter>| -> staunch_types::Result<bool> {
        let Some(Chunk { work, .. }) = splitter.next()? else { return Ok(false) };
        work.run(&mut turn).map(|_| true)
    };
    assert!(next(&mut splitter).unwrap());
    happens(&path);
    loop {
        match next(&mut splitter) {
            Ok(true) => {}
            Ok(false) => panic!("{name} was read to its end as if nothing had happened"),
            Err(error) => return error,
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_ends_the_read() {
    // Hard to compress: an archive is not in memory as a whole after the first chunk.
    let mut seed = 5_u64;
    let numbers: Vec<i64> = (0..200_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 1).cast_signed()
        })
        .collect();
    let lines: String = numbers.iter().map(|n| format!("{n}\n")).collect();
    let text = format!("a\n{lines}").into_bytes();
    let column: ArrayRef = Arc::new(Int64Array::from(numbers));
    let parquet = parquet_file(vec![("a", column)], 50_000);
    let length = |path: &Path, change: i64| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len().strict_add_signed(change)).unwrap();
    };
    let files = [
        ("x", text.clone(), CSV),
        ("x.gz", gzip(&[&text]), CSV),
        ("x.zst", zstd(&[&text]), CSV),
        ("x", parquet, r#"{"path": "x", "format": "parquet"}"#),
    ];
    for (name, content, object) in &files {
        let most = i64::try_from(content.len()).unwrap() / 2;
        for change in [1, -1, -most] {
            let error = meanwhile(name, content, object, &|path| length(path, change));
            assert_eq!(error.code(), codes::SOURCE_CHANGED, "{name} by {change}: {error}");
        }
        let error = meanwhile(name, content, object, &|path| std::fs::remove_file(path).unwrap());
        assert_eq!(error.code(), codes::SOURCE_MISSING, "{name}: {error}");
    }
}

fn parquet_file(columns: Vec<(&str, ArrayRef)>, group_rows: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out
}

const PARQUET: &str = r#"{"path": "x", "format": "parquet"}"#;

/// A footer of these bytes and nothing else.
fn footer(bytes: &[u8]) -> Vec<u8> {
    [b"PAR1", bytes, &(bytes.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

#[test]
fn forged_counts_of_a_footer_reserve_nothing() {
    // Thrift: a list of two thousand million schema elements, row groups, columns; a string as long.
    let many = [0xFF, 0xFF, 0xFF, 0xFF, 0x07];
    for head in [&[0x15, 2, 0x19, 0xFC][..], &[0x15, 2, 0x49, 0xFC], &[0x15, 2, 0x59, 0xFC], &[0x15, 2, 0x58]]
    {
        refused("x", &footer(&[head, &many, &[0]].concat()), PARQUET, codes::SOURCE_CORRUPT);
    }
    let length = |n: u32| [b"PAR1".as_slice(), &n.to_le_bytes(), b"PAR1"].concat();
    for n in [1, 5, u32::MAX / 2, u32::MAX] {
        refused("x", &length(n), PARQUET, codes::SOURCE_CORRUPT);
    }
    // One of so many bytes is there, but larger than any footer should be.
    let large = footer(&vec![0; (32 << 20) + 1]);
    refused("x", &large, PARQUET, codes::SOURCE_TOO_LARGE);
}

/// Every byte of the footer of a small file, forged in several ways: an error, or all of its rows.
#[test]
fn every_byte_of_a_footer_may_lie() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..20).map(|n| n.to_string())));
    let good = parquet_file(vec![("a", numbers), ("b", texts)], 10);
    let size = u32::from_le_bytes(good[good.len() - 8..][..4].try_into().unwrap()) as usize;
    let begin = good.len() - 8 - size;
    let dir = tempfile::tempdir().unwrap();
    let source = FilesSource::new(spec(dir.path(), "a:long? b:string?", PARQUET)).unwrap();
    let (mut refused, mut read_all) = (0, 0);
    for at in begin..good.len() {
        // A count of 20 is 40 there: 38 and 42 are 19 and 21.
        for lie in [0xFF, good[at] ^ 1, good[at].wrapping_sub(2), good[at].wrapping_add(2)] {
            let mut bad = good.clone();
            bad[at] = lie;
            std::fs::write(dir.path().join("x"), &bad).unwrap();
            let origin = origin(&source);
            match read(&source, &origin, &SplitPoint::default(), &mut SequentialTurn::default(), None) {
                Ok((found, _)) => {
                    assert_eq!(found.found, 20, "byte {at} as {lie} loses rows");
                    read_all += 1;
                }
                Err(error) => {
                    refused += 1;
                    let known = [codes::SOURCE_CORRUPT, codes::SOURCE_SCHEMA, codes::SOURCE_TOO_LARGE];
                    assert!(known.contains(&error.code()), "byte {at} as {lie}: {error}");
                }
            }
        }
    }
    assert!(refused > 100 && read_all > 0, "{refused} refused, {read_all} read");
}

#[test]
fn a_dictionary_that_unfolds_without_end_is_refused() {
    // 400 KiB in the file, half a gigabyte in memory.
    let value = "x".repeat(4096);
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..131_072).map(|_| value.as_str())));
    let bytes = parquet_file(vec![("b", texts)], 1 << 20);
    assert!(bytes.len() < 500_000, "{} bytes", bytes.len());
    let error = refused("x", &bytes, PARQUET, codes::SOURCE_SCHEMA);
    assert!(error.message().contains("`a` is never null"), "{error}");
    let error = read_text("x", &bytes, "b:string", PARQUET).unwrap_err();
    assert_eq!(error.code(), codes::SOURCE_TOO_LARGE, "{error}");
}
