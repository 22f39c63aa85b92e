//! Avro files: what is read, what dies, what is refused, and what is damage.

use super::{Outcome, origin, read, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use staunch_commit::source::RawRecord;
use staunch_commit::{Source, SplitPoint};
use staunch_contract::avro::{
    Codec, ContainerLimits, ContainerReader, ContainerWriter, Schema, Unions, Value,
};
use staunch_pipeline::Validate;
use staunch_types::{Result, Rng, SeededRng, codes};
use std::path::Path;

const OBJECT: &str = r#"{"path": "*.avro", "format": "avro"}"#;

/// A file of rows in Avro's JSON, a block each `block` rows.
fn file(schema: &str, rows: &[&str], codec: Codec, block: usize) -> Vec<u8> {
    let schema = Schema::parse(schema).unwrap();
    let mut out = ContainerWriter::new(&schema, codec, [9; 16], &[]).unwrap();
    for rows in rows.chunks(block) {
        for row in rows {
            out.append(&schema.value_from_json(row, Unions::Tagged).unwrap()).unwrap();
        }
        out.end_block().unwrap();
    }
    out.finish().unwrap()
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "Theirs", "namespace": "x.y", "fields": [{fields}]}}"#)
}

fn source(dir: &Path, fields: &str, object: &str) -> FilesSource {
    FilesSource::new(spec(dir, fields, object)).unwrap()
}

fn whole(source: &FilesSource) -> Result<(Outcome, Vec<SplitPoint>)> {
    read(source, &origin(source), &SplitPoint::default(), &mut SequentialTurn::default(), None)
}

fn read_file(bytes: &[u8], fields: &str, object: &str) -> Result<Outcome> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.avro"), bytes).unwrap();
    Ok(whole(&source(dir.path(), fields, object))?.0)
}

/// What is told, and the field and hint of each.
fn refusals(writer: &str, fields: &str, object: &str) -> Vec<String> {
    let error = read_file(&file(writer, &[], Codec::Null, 1), fields, object).unwrap_err();
    let told = |e: &staunch_types::Error| {
        assert_eq!(e.code(), codes::SOURCE_SCHEMA, "{e}");
        assert!(e.where_().file.as_ref().is_some_and(|f| f.ends_with("x.avro")), "{e}");
        format!("{:?} {} -> {}", e.where_().field, e.message(), e.next_step().unwrap_or_default())
    };
    error.all().map(told).collect()
}

#[test]
fn fields_are_resolved_by_name_alias_and_promotion() {
    let writer = record(
        r#"{"name": "extra", "type": {"type": "map", "values": ["null", "Theirs"]}},
           {"name": "b", "type": "int"},
           {"name": "text", "type": "bytes"},
           {"name": "e", "type": {"type": "enum", "name": "Colour", "symbols": ["green", "blue", "red"]}},
           {"name": "d", "type": {"type": "fixed", "name": "money", "size": 5, "logicalType": "decimal", "precision": 9, "scale": 2}},
           {"name": "n", "type": ["null", "string", "long"]}"#,
    )
    .replace(r#"["null", "Theirs"]"#, r#"["null", "string"]"#);
    let rows = [
        r#"{"extra": {"k": null, "l": {"string": "v"}}, "b": 7, "text": "x", "e": "red", "d": "\u0000\u0000\u0000\u0001\u0000", "n": null}"#,
        r#"{"extra": {}, "b": -1, "text": "", "e": "blue", "d": "\u0000\u0000\u0000\u0000\u0000", "n": {"string": "ü"}}"#,
        r#"{"extra": {}, "b": 0, "text": "\u00ff", "e": "green", "d": "\u00ff\u00ff\u00ff\u00ff\u00ff", "n": {"string": ""}}"#,
        r#"{"extra": {}, "b": 1, "text": "y", "e": "green", "d": "\u007f\u0000\u0000\u0000\u0000", "n": {"long": 5}}"#,
        r#"{"extra": {}, "b": 2, "text": "z", "e": "green", "d": "\u00ff\u00ff\u00ff\u00ff\u00ff", "n": {"string": "last"}}"#,
    ];
    let fields = "n:string? b:long e:enum d:decimal text:string missing:date?";
    for codec in Codec::ALL {
        let found = read_file(&file(&writer, &rows, codec, 2), fields, OBJECT).unwrap();
        assert_eq!(found.rows, ["0: ∅|7|red|2.56|x|∅", "4: last|2|green|-0.01|z|∅"], "{codec}");
        let dead: Vec<&str> = found.dead.iter().map(|d| d.split(": Obj").next().unwrap()).collect();
        assert_eq!(
            dead,
            [
                "1/0 Contract.Violation `e` is not a symbol of its enum",
                "2/0 Decode.Malformed `text` is not UTF-8",
                "3/0 Decode.Type `n` is of a type that its field does not read",
            ],
            "{codec}"
        );
        assert_eq!(found.found, 5);
    }
}

#[test]
fn a_null_that_the_contract_does_not_know_kills_its_row() {
    let writer = record(
        r#"{"name": "a", "type": ["null", "long"]}, {"name": "t", "type": ["null", {"type": "int", "logicalType": "time-millis"}]}"#,
    );
    let rows = [
        r#"{"a": {"long": 1}, "t": null}"#,
        r#"{"a": null, "t": {"int": 5}}"#,
        r#"{"a": {"long": 3}, "t": {"int": 86400000}}"#,
    ];
    let found = read_file(&file(&writer, &rows, Codec::Deflate, 9), "a:long t:time-millis?", OBJECT).unwrap();
    assert_eq!(found.rows, ["0: 1|∅"]);
    let dead: Vec<&str> = found.dead.iter().map(|d| d.split(": Obj").next().unwrap()).collect();
    assert_eq!(
        dead,
        [
            "1/0 Contract.Violation `a` is null, but the contract says that it never is",
            "2/0 Decode.Type `t` is not a time of day",
        ]
    );
}

#[test]
fn what_can_never_be_read_is_refused_with_every_reason_before_any_row() {
    let writer = record(
        r#"{"name": "a", "type": "string"},
           {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
           {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}},
           {"name": "user_id", "type": ["null", "string"]},
           {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["x", "y"]}}"#,
    );
    let told = refusals(&writer, "a:long userid:string e:enum", OBJECT);
    assert_eq!(
        told,
        [
            "Some(\"a\") TYPE_MISMATCH at /fields/0/type: reader type: LONG not compatible with writer type: STRING -> declare the field in the contract as the file has it, and convert it in a query",
            "Some(\"userid\") READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1: userid -> did the file mean `user_id`? then write `rename: {user_id: userid}`",
            "Some(\"e\") MISSING_ENUM_SYMBOLS at /fields/2/type/symbols: [x, y] -> declare the symbols in the contract, or a default of the enum",
        ]
    );
    let told = refusals(&writer, "at:ts amount:decimal", OBJECT);
    assert_eq!(told.len(), 2);
    assert!(
        told[0].starts_with("Some(\"at\") `at` is timestamp-millis in the file: as timestamp-micros"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("Some(\"amount\") `amount` is decimal(9,3) in the file: as decimal(9,2)"),
        "{told:?}"
    );
    assert!(refusals(&writer, "other:string? more:long?", OBJECT)[0].contains("no field that `row@1` names"));
    // Only values of another type could come: that is not left to the rows.
    assert!(refusals(&writer, "user_id:long?", OBJECT)[0].contains("MISSING_UNION_BRANCH"));
    assert!(refusals("\"long\"", "a:long", OBJECT)[0].contains("TYPE_MISMATCH"));
    // What the writer calls its numbers does not matter where the contract says nothing more than that they are numbers.
    let rows = [r#"{"a": "x", "at": 5, "amount": "\u0001", "user_id": null, "e": "x"}"#];
    let found = read_file(&file(&writer, &rows, Codec::Null, 1), "at:long amount:bytes", OBJECT).unwrap();
    assert_eq!(found.rows, ["0: 5|01"]);
}

#[test]
fn fields_are_renamed_and_said_by_the_path() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("day=2024-02-29")).unwrap();
    let writer = record(
        r#"{"name": "Key", "type": "int"}, {"name": "day", "type": "string"}, {"name": "a", "type": "int"}"#,
    );
    let bytes = file(&writer, &[r#"{"Key": 1, "day": "never", "a": 9}"#], Codec::Snappy, 1);
    std::fs::write(dir.path().join("day=2024-02-29/x.avro"), bytes).unwrap();
    let object =
        r#"{"path": "*/x.avro", "format": "avro", "partition": "day={day}", "rename": {"Key": "a"}}"#;
    // The file's own `a` is another field: it is told as ignored.
    let object_source = FilesSource::new(spec(dir.path(), "a:long day:date", object)).unwrap();
    let (found, _) = whole(&object_source).unwrap();
    assert_eq!(found.rows, ["0: 1|2024-02-29"]);
    assert_eq!(object_source.ignored_columns(), ["a", "day"]);
    for (object, words) in [
        (
            r#"{"path": "x", "format": "avro", "rename": {"a b": "a"}}"#,
            "no field of an Avro file is called so",
        ),
        (r#"{"path": "x", "format": "avro", "rename": {"b": "a"}}"#, "has one of that name too"),
        (
            r#"{"path": "x", "format": "avro", "compression": "zstd"}"#,
            "say themselves how they are compressed",
        ),
        (r#"{"path": "x", "format": "avro", "dates": {"b": "%d"}}"#, "text formats"),
        (r#"{"path": "x", "format": "avro", "header": true}"#, "`format: csv`"),
        (r#"{"path": "x", "format": "avrò"}"#, "avro"),
    ] {
        let error = FilesSource::new(spec(dir.path(), "a:long b:date?", object)).unwrap_err();
        assert!(error.all().any(|e| e.to_string().contains(words)), "{object}: {error}");
    }
}

#[test]
fn reading_goes_on_at_every_point_and_dead_rows_are_read_again_without_their_file() {
    let writer = record(r#"{"name": "a", "type": "long"}, {"name": "t", "type": "bytes"}"#);
    let rows: Vec<String> = (0..500)
        .map(|i| {
            format!(r#"{{"a": {i}, "t": "{}"}}"#, if i % 7 == 3 { "\\u00ff" } else { "text of some length" })
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for codec in [Codec::Null, Codec::Zstandard] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.avro"), file(&writer, &rows, codec, 6)).unwrap();
        let mut small = spec(dir.path(), "a:long t:string", OBJECT);
        small.chunk_bytes = Some(1000);
        let small = FilesSource::new(small).unwrap();
        let (found, points) = whole(&small).unwrap();
        assert_eq!((found.found, found.rows.len(), found.dead.len()), (500, 429, 71));
        assert!(points.len() > 8 && points.iter().any(|p| !p.finished), "{} chunks", points.len());
        let (once, _) = whole(&source(dir.path(), "a:long t:string", OBJECT)).unwrap();
        assert_eq!(once, found, "{codec}: the cut changes nothing");
        for point in &points {
            let (rest, ends) =
                read(&small, &origin(&small), point, &mut SequentialTurn::default(), None).unwrap();
            let before = found.rows.len() - rest.rows.len();
            assert_eq!(rest.rows, found.rows[before..]);
            let at = points.iter().position(|p| p == point).unwrap();
            assert_eq!(ends, points[at + 1..], "the same cuts from every point");
            // A file that is another one is never gone on with.
            let other = SplitPoint { digest: "0".repeat(32), ..point.clone() };
            let error = small.open(&origin(&small), &other, None).err().unwrap();
            assert_eq!(error.code(), codes::SOURCE_CHANGED);
        }
        let pin = origin(&small);
        let mut splitter = small.open(&pin, &SplitPoint::default(), None).unwrap();
        let mut records = Vec::new();
        while let Some(chunk) = splitter.next().unwrap() {
            let dead = chunk.work.run(&mut SequentialTurn::default()).unwrap().dead;
            records.extend(dead.into_iter().map(|d| RawRecord { place: d.place, line: d.line, raw: d.raw }));
        }
        std::fs::remove_file(dir.path().join("x.avro")).unwrap();
        let mended = source(dir.path(), "a:long t:bytes", OBJECT);
        let mut again = Outcome::default();
        again.add(mended.again(&pin, &records).unwrap().run(&mut SequentialTurn::default()).unwrap());
        assert_eq!((again.rows.len(), again.dead.len()), (71, 0));
        assert_eq!(again.rows[0], "3: 3|ff");
        // Letters of another format are no rows of this one.
        records[0].raw = b"3,\xff".to_vec();
        let mut again = Outcome::default();
        again.add(mended.again(&pin, &records).unwrap().run(&mut SequentialTurn::default()).unwrap());
        assert_eq!((again.rows.len(), again.dead.len()), (70, 1));
        assert!(again.dead[0].contains("this is not one record"), "{:?}", again.dead);
    }
}

#[test]
fn columns_that_nobody_uses_are_skipped_and_validated_if_that_is_asked() {
    let writer = record(
        r#"{"name": "t", "type": "bytes"}, {"name": "a", "type": "long"}, {"name": "b", "type": "string"}"#,
    );
    let rows = [r#"{"t": "\u00ff", "a": 1, "b": "x"}"#, r#"{"t": "y", "a": 2, "b": ""}"#];
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.avro"), file(&writer, &rows, Codec::Null, 9)).unwrap();
    for (validate, wanted) in [(Validate::All, &["1: 2"][..]), (Validate::Used, &["0: 1", "1: 2"])] {
        let wanted_rows: Vec<String> = wanted.iter().map(|r| (*r).to_owned()).collect();
        let mut spec = spec(dir.path(), "a:long t:string n:date?", OBJECT);
        spec.validate = validate;
        let source = FilesSource::new(spec).unwrap();
        let (found, _) = read(
            &source,
            &origin(&source),
            &SplitPoint::default(),
            &mut SequentialTurn::default(),
            Some(&[0]),
        )
        .unwrap();
        assert_eq!((found.rows.as_slice(), found.dead.len()), (wanted_rows.as_slice(), 2 - wanted.len()));
        let (none, _) = read(
            &source,
            &origin(&source),
            &SplitPoint::default(),
            &mut SequentialTurn::default(),
            Some(&[]),
        )
        .unwrap();
        assert_eq!(none.rows.len(), wanted.len());
        // What is wrong with a column is told whoever reads.
        std::fs::write(
            dir.path().join("y.avro"),
            file(
                &record(r#"{"name": "a", "type": "long"}, {"name": "t", "type": "int"}"#),
                &[],
                Codec::Null,
                1,
            ),
        )
        .unwrap();
        let mut other = origin(&source);
        other.listed = source.list().unwrap().remove(1);
        assert_eq!(
            source.open(&other, &SplitPoint::default(), Some(&[0])).err().unwrap().code(),
            codes::SOURCE_SCHEMA
        );
        std::fs::remove_file(dir.path().join("y.avro")).unwrap();
    }
}

/// The rows of a file may be of several types.
#[test]
fn rows_of_a_union_are_read_where_the_contract_reads_their_type() {
    let writer = r#"[{"type": "record", "name": "other", "fields": [{"name": "z", "type": "string"}]},
        {"type": "record", "name": "row", "fields": [{"name": "a", "type": "long"}]}, "null"]"#;
    let rows = [r#"{"row": {"a": 1}}"#, r#"{"other": {"z": "text"}}"#, "null", r#"{"row": {"a": 4}}"#];
    let found = read_file(&file(writer, &rows, Codec::Null, 3), "a:long", OBJECT).unwrap();
    assert_eq!(found.rows, ["0: 1", "3: 4"]);
    let dead: Vec<&str> = found.dead.iter().map(|d| d.split(": Obj").next().unwrap()).collect();
    assert_eq!(
        dead,
        [
            "1/0 Decode.Type the record is of a type that the contract does not read",
            "2/0 Decode.Type the record is of a type that the contract does not read",
        ]
    );
}

#[test]
fn empty_blocks_are_gone_over_and_bounded() {
    let schema = Schema::parse(&record(r#"{"name": "a", "type": "long"}"#)).unwrap();
    let made = |empty: usize| {
        let mut bytes = ContainerWriter::new(&schema, Codec::Null, [1; 16], &[]).unwrap().finish().unwrap();
        for block in [&[2, 2, 10][..]].into_iter().chain(vec![&[0, 0][..]; empty]).chain([&[2, 2, 12][..]]) {
            bytes.extend(block);
            bytes.extend([1; 16]);
        }
        bytes
    };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.avro"), made(1000)).unwrap();
    let mut spec = spec(dir.path(), "a:long", OBJECT);
    spec.chunk_bytes = Some(1);
    let source = FilesSource::new(spec).unwrap();
    let (found, points) = whole(&source).unwrap();
    assert_eq!((found.rows, points.len()), (vec!["0: 5".to_owned(), "1: 6".to_owned()], 2));
    for point in &points {
        assert!(source.open(&origin(&source), point, None).is_ok());
    }
    let error = read_file(&made(70_000), "a:long", OBJECT).unwrap_err();
    assert!(
        error.code() == codes::SOURCE_TOO_LARGE && error.message().contains("blocks without rows"),
        "{error}"
    );
}

/// Whatever the bytes of rows are: rows, dead rows that are dead again, or an error with its file; and the cut of chunks does not matter.
#[test]
fn any_bytes_are_rows_or_an_error() {
    let writer = record(
        r#"{"name": "a", "type": ["null", "long", "string"]}, {"name": "s", "type": {"type": "array", "items": "bytes"}},
           {"name": "m", "type": {"type": "map", "values": ["null", "Theirs"]}},
           {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["red", "blue", "green"]}},
           {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}},
           {"name": "u", "type": "string"}, {"name": "b", "type": "boolean"}, {"name": "t", "type": {"type": "int", "logicalType": "time-millis"}}"#,
    );
    let schema = Schema::parse(&writer).unwrap();
    let good = r#"{"a": {"long": 7}, "s": ["x"], "m": {}, "e": "red", "d": "\u0001", "u": "0188a1d0-5f2b-7c3e-9a4d-0123456789ab", "b": true, "t": 5}"#;
    let good = schema.encode(&schema.value_from_json(good, Unions::Tagged).unwrap()).unwrap();
    let rng = SeededRng::new(11);
    let (mut read, mut refused, mut dead) = (0, 0, 0);
    for _ in 0..600 {
        let mut out = ContainerWriter::new(&schema, Codec::Null, [1; 16], &[]).unwrap();
        for _ in 0..4 {
            let mut row = good.clone();
            for _ in 0..rng.next() % 3 {
                let at = rng.next() as usize % row.len();
                row[at] = rng.next() as u8;
            }
            out.append_encoded(&row, 1).unwrap();
            if rng.next().is_multiple_of(2) {
                out.end_block().unwrap();
            }
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.avro"), out.finish().unwrap()).unwrap();
        let fields = "a:long? e:enum d:decimal u:uuid b:boolean t:time-millis";
        let mut small = spec(dir.path(), fields, OBJECT);
        small.chunk_bytes = Some(1);
        let small = FilesSource::new(small).unwrap();
        let source = source(dir.path(), fields, OBJECT);
        match (whole(&source), whole(&small)) {
            (Ok((one, _)), Ok((other, _))) => {
                assert_eq!(one, other);
                let mut records = Vec::new();
                let mut splitter = source.open(&origin(&source), &SplitPoint::default(), None).unwrap();
                while let Some(chunk) = splitter.next().unwrap() {
                    let dead = chunk.work.run(&mut SequentialTurn::default()).unwrap().dead;
                    records.extend(dead.into_iter().map(|d| RawRecord {
                        place: d.place,
                        line: None,
                        raw: d.raw,
                    }));
                }
                let again = source.again(&origin(&source), &records).unwrap();
                let again = again.run(&mut SequentialTurn::default()).unwrap();
                assert_eq!((again.batch.num_rows(), again.dead.len()), (0, records.len()));
                dead += records.len();
                read += one.rows.len();
            }
            (Err(one), Err(other)) => {
                assert_eq!(one.code(), other.code());
                assert!(
                    one.code() == codes::SOURCE_CORRUPT || one.code() == codes::SOURCE_TOO_LARGE,
                    "{one}"
                );
                refused += 1;
            }
            (one, other) => panic!("{one:?} and {other:?}"),
        }
    }
    assert!(read > 200 && refused > 100 && dead > 80, "{read} read, {dead} dead, {refused} files refused");
}

#[test]
fn files_without_rows_have_none() {
    let writer = record(r#"{"name": "a", "type": "long"}"#);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.avro"), file(&writer, &[], Codec::Null, 1)).unwrap();
    let source = source(dir.path(), "a:long", OBJECT);
    let (found, points) = whole(&source).unwrap();
    assert_eq!((found, points.len()), (Outcome::default(), 1));
    let mut again = source.open(&origin(&source), &points[0], None).unwrap();
    assert!(again.next().unwrap().is_none());
    let error = read_file(b"", "a:long", OBJECT).unwrap_err();
    assert_eq!(error.code(), codes::SOURCE_CORRUPT);
}

#[test]
fn a_value_without_an_end_is_damage_of_its_file() {
    let writer = record(r#"{"name": "a", "type": ["null", "boolean"]}, {"name": "t", "type": "string"}"#);
    let schema = Schema::parse(&writer).unwrap();
    for (row, words) in [
        (
            &[2, 7, 0][..],
            "row 1 cannot be read: a boolean is neither 0 nor 1, at byte 5 of the block at byte",
        ),
        (&[9, 0, 0], "the union has no branch of this number"),
        (&[0, 1], "a length is negative"),
        (&[0, 200, 1], "the bytes end too early"),
        (&[0, 0, 5], "1 bytes stand behind the last row"),
    ] {
        let mut out = ContainerWriter::new(&schema, Codec::Null, [1; 16], &[]).unwrap();
        out.append_encoded(&[0, 4, b'o', b'k'], 1).unwrap();
        out.append_encoded(row, 1).unwrap();
        let error = read_file(&out.finish().unwrap(), "a:boolean? t:string", OBJECT).unwrap_err();
        assert_eq!(error.code(), codes::SOURCE_CORRUPT, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(error.where_().file.is_some());
    }
}

/// A few bytes of a file may stand for as much as there is memory.
#[test]
fn what_a_file_may_hold_is_bounded() {
    let zeros = record(r#"{"name": "a", "type": "bytes"}"#);
    let schema = Schema::parse(&zeros).unwrap();
    let big = Value::Record(vec![Value::Bytes(vec![0; 17 << 20])]);
    let mut out = ContainerWriter::new(&schema, Codec::Zstandard, [1; 16], &[]).unwrap();
    (0..4).for_each(|_| out.append(&big).unwrap());
    let bytes = out.finish().unwrap();
    assert!(bytes.len() < 1 << 20);
    let error = read_file(&bytes, "a:bytes", OBJECT).unwrap_err();
    assert_eq!(error.code(), codes::SOURCE_TOO_LARGE);
    assert!(error.message().contains("row 0 has more than 16777216 bytes"), "{error}");
    let large = r#"{"path": "*.avro", "format": "avro", "max_record": "30 MiB", "chunk_bytes": "200 MiB"}"#;
    let error = read_file(&bytes, "a:bytes", large).unwrap_err();
    assert!(error.message().contains("more than 200 times their own size"), "{error}");
    let large = large.replace('}', r#", "max_expansion": 100000}"#);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.avro"), &bytes).unwrap();
    let source = source(dir.path(), "a:bytes", &large);
    let mut splitter = source.open(&origin(&source), &SplitPoint::default(), None).unwrap();
    let chunk = splitter.next().unwrap().unwrap();
    assert_eq!(chunk.work.run(&mut SequentialTurn::default()).unwrap().batch.num_rows(), 4);

    // Rows without bytes: what a block counts of them is bounded, and so is what columns of them take.
    let nulls = Schema::parse(&record(r#"{"name": "a", "type": "null"}"#)).unwrap();
    let mut out = ContainerWriter::new(&nulls, Codec::Null, [1; 16], &[]).unwrap();
    out.append_encoded(&[], 1 << 21).unwrap();
    let error = read_file(&out.finish().unwrap(), "a:bytes?", OBJECT).unwrap_err();
    assert!(error.code() == codes::SOURCE_TOO_LARGE && error.message().contains("without bytes"), "{error}");
    let mut out = ContainerWriter::new(&nulls, Codec::Null, [1; 16], &[]).unwrap();
    out.append_encoded(&[], 1 << 20).unwrap();
    let fields: String = (0..40).map(|i| format!(" f{i}:decimal?")).collect();
    let error = read_file(&out.finish().unwrap(), &format!("a:bytes?{fields}"), OBJECT).unwrap_err();
    assert!(error.code() == codes::SOURCE_TOO_LARGE && error.message().contains("hold more than"), "{error}");
}

/// What nobody reads is gone over, and bounded too.
#[test]
fn skipped_values_may_not_nest_without_end() {
    let writer = record(r#"{"name": "inner", "type": ["null", "Theirs"]}, {"name": "a", "type": "long"}"#);
    let schema = Schema::parse(&writer).unwrap();
    for (depth, deep) in [(100, false), (300, true)] {
        let mut out = ContainerWriter::new(&schema, Codec::Null, [1; 16], &[]).unwrap();
        let row = [vec![2; depth], vec![0, 14], vec![16; depth]].concat();
        out.append_encoded(&row, 1).unwrap();
        let found = read_file(&out.finish().unwrap(), "a:long", OBJECT);
        match found {
            Ok(found) => assert!(!deep && found.rows == ["0: 8"], "{found:?}"),
            Err(error) => {
                assert!(deep && error.code() == codes::SOURCE_TOO_LARGE, "{error}");
                assert!(
                    error.message().contains("row 0 cannot be read: the value nests too deep"),
                    "{error}"
                );
            }
        }
    }
}

/// Whatever happens to a file, it is read as what it was or refused; a codec of its own does not see every bit of its header.
#[test]
fn damage_never_changes_rows_in_silence() {
    let writer = record(
        r#"{"name": "a", "type": "long"}, {"name": "t", "type": {"type": "array", "items": ["null", "string"]}}"#,
    );
    let rows: Vec<String> =
        (0..300).map(|i| format!(r#"{{"a": {i}, "t": [null, {{"string": "s{i}"}}]}}"#)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    // Those with a sum of their own.
    for codec in [Codec::Snappy, Codec::Bzip2, Codec::Xz] {
        let whole = file(&writer, &rows, codec, 50);
        let first = {
            let mut reader =
                ContainerReader::open(whole.as_slice(), Path::new("x"), ContainerLimits::default()).unwrap();
            reader.next_stored().unwrap().unwrap().at as usize
        };
        let nested = |bytes: &[u8]| -> Result<Outcome> {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("x.avro"), bytes).unwrap();
            let mut spec = spec(dir.path(), "a:long", OBJECT);
            let text = "contract: row\nversion: 1\nfields: {a: long, t: {array: string?}}\n";
            spec.contract =
                std::sync::Arc::new(staunch_contract::Contract::from_yaml(text, "x.yaml".as_ref()).unwrap());
            Ok(super::avro::whole(&FilesSource::new(spec).unwrap())?.0)
        };
        let right = nested(&whole).unwrap();
        assert_eq!(right.rows.len(), 300);
        let rng = SeededRng::new(3);
        let (mut refused, mut same) = (0, 0);
        for turn in 0..120 {
            let mut damaged = whole.clone();
            let at = first + rng.next() as usize % (whole.len() - first);
            match turn % 3 {
                0 => damaged.truncate(at),
                1 => damaged[at] ^= 1 << (rng.next() % 8),
                _ => damaged.insert(at, 0),
            }
            match nested(&damaged) {
                Ok(found) => {
                    // A file may end where a block does: nothing in it tells that more came.
                    assert!(right.rows.starts_with(&found.rows), "{codec}, turn {turn}, at {at}");
                    same += 1;
                }
                Err(error) => {
                    let code = error.code();
                    assert!(code == codes::SOURCE_CORRUPT || code == codes::SOURCE_TOO_LARGE, "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 110, "{codec}: {refused} refused, {same} read");
    }
}
