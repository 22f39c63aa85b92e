//! Dead rows, decoded again.

use super::{Outcome, origin, read, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use staunch_commit::source::RawRecord;
use staunch_commit::{Source, SplitPoint};

/// Reads a file under one contract, and its dead rows again under another.
fn check(name: &str, format: &str, text: &[u8], before: &str, after: &str) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), text).unwrap();
    let object = format!(r#"{{"path": "{name}", "format": "{format}"}}"#);
    let source = FilesSource::new(spec(dir.path(), before, &object)).unwrap();
    let pin = origin(&source);
    let mut splitter = source.open(&pin, &SplitPoint::default(), None).unwrap();
    let mut turn = SequentialTurn::default();
    let dead = splitter.next().unwrap().unwrap().work.run(&mut turn).unwrap().dead;
    let records: Vec<RawRecord> =
        dead.into_iter().map(|d| RawRecord { place: d.place, line: d.line, raw: d.raw }).collect();
    let mended = FilesSource::new(spec(dir.path(), after, &object)).unwrap();
    let mut outcome = Outcome::default();
    outcome.add(mended.again(&pin, &records).unwrap().run(&mut SequentialTurn::default()).unwrap());
    // Read as a whole under the mended contract, the same rows stand at the same places.
    let (whole, _) =
        read(&mended, &pin, &SplitPoint::default(), &mut SequentialTurn::default(), None).unwrap();
    for row in outcome.rows.iter().zip(&outcome.raw) {
        assert!(whole.rows.iter().zip(&whole.raw).any(|other| other == row), "{row:?}");
    }
    outcome
}

#[test]
fn csv_and_json() {
    let found = check(
        "x.csv",
        "csv",
        b"b,a\nx,1\n\"y\nz\",2.5\nw\n\"open,1\n",
        "a:long b:string",
        "a:double b:string",
    );
    assert_eq!(found.rows, ["8: 2.5|y\nz"]);
    assert_eq!(found.raw, ["3/\"y\nz\",2.5"]);
    assert_eq!(found.dead.len(), 2);
    assert!(found.dead[0].starts_with("18/5 Decode.Malformed the record has another number"), "{found:?}");
    assert!(found.dead[1].starts_with("20/6 Decode.Malformed a quotation mark is never closed"), "{found:?}");
    let found = check("x.json", "json", b"{\"a\":1}\n{\"a\":1.5}\n{\"a\":\n", "a:long", "a:double");
    assert_eq!(found.rows, ["8: 1.5"]);
    assert_eq!(found.dead, ["18/3 Decode.Malformed the record is not JSON: {\"a\":"]);
}

/// Found by the fuzz target `splitter`: the first of two carriage returns is a part of the last field.
#[test]
fn a_carriage_return_before_the_end_of_a_line_is_not_lost() {
    let found = check("x.csv", "csv", b"b,a\nx,1\r\r\n", "a:long b:string", "a:string b:string");
    assert_eq!(found.rows, ["4: 1\r|x"]);
    assert_eq!(found.raw, ["2/x,1\r"]);
    let found = check("x.csv", "csv", b"a\n\"1\"\r\r\n2\r\r\n", "a:long", "a:long");
    assert_eq!((found.rows.len(), found.dead.len()), (0, 2));
    let found = check("x.json", "json", b"{\"a\":1.5}\r\r\n", "a:long", "a:double");
    assert_eq!(found.raw, ["1/{\"a\":1.5}\r"]);
}

#[test]
fn no_records_give_no_rows() {
    let found = check("x.csv", "csv", b"a,b\n1,2\n", "a:long b:long", "a:long b:long");
    assert_eq!(found, Outcome::default());
}

#[test]
fn a_record_that_other_options_divide_is_dead_again_as_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.csv"), "a,b\n1,\"x\ny\"\n").unwrap();
    let object = r#"{"path": "x.csv", "format": "csv", "quote": "'"}"#;
    let mended = FilesSource::new(spec(dir.path(), "a:long b:string", object)).unwrap();
    let records = [
        RawRecord { place: 4, line: Some(2), raw: b"1,\"x\n2,y\"".to_vec() },
        RawRecord { place: 20, line: Some(5), raw: b"3,z".to_vec() },
    ];
    let mut outcome = Outcome::default();
    let again = mended.again(&origin(&mended), &records).unwrap();
    outcome.add(again.run(&mut SequentialTurn::default()).unwrap());
    assert_eq!(outcome.rows, ["20: 3|z"]);
    assert_eq!(outcome.dead.len(), 1);
    assert!(outcome.dead[0].starts_with("4/2 Decode.Malformed by the options of now"), "{outcome:?}");
    assert!(outcome.dead[0].ends_with(": 1,\"x\n2,y\""), "{outcome:?}");
}
