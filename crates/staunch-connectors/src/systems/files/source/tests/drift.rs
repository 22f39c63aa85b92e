//! Files whose schema is another one than the contract's.

use super::{Outcome, origin, read, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use staunch_commit::{Source, SplitPoint};
use staunch_pipeline::OnDrift;
use staunch_types::{Result, codes};
use std::collections::BTreeSet;

fn read_with(policy: OnDrift, name: &str, content: &str, fields: &str, object: &str) -> Result<Outcome> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
    std::fs::write(dir.path().join(name), content).unwrap();
    let mut spec = spec(dir.path(), fields, object);
    (spec.on_drift, spec.chunk_bytes) = (Some(policy), Some(40));
    let source = FilesSource::new(spec)?;
    let mut turn = SequentialTurn::default();
    Ok(read(&source, &origin(&source), &SplitPoint::default(), &mut turn, None)?.0)
}

const CSV: &str = r#"{"path": "x.csv", "format": "csv", "nulls": ["", "NA"]}"#;
const JSON: &str = r#"{"path": "x.json", "format": "json"}"#;

#[test]
fn what_is_kept_of_csv_is_every_text_as_it_stood() {
    let text = "a,x,,x,y\n1,007,p,\"q \"\"r\"\"\",NA\n2,,\"\",é,\"NA\"\nbad,1,2,3,4\n1,2\n";
    let found = read_with(OnDrift::Widen, "x.csv", text, "a:long", CSV).unwrap();
    assert_eq!(
        found.kept,
        [
            "9: {\"x\":\"007\",\"(column 3)\":\"p\",\"x#2\":\"q \\\"r\\\"\",\"y\":null}",
            "30: {\"x\":null,\"(column 3)\":\"\",\"x#2\":\"é\",\"y\":\"NA\"}",
            // Dead, but taken apart. The last record could not be.
            "44: {\"x\":\"1\",\"(column 3)\":\"2\",\"x#2\":\"3\",\"y\":\"4\"}",
        ]
    );
    assert_eq!((found.rows.len(), found.dead.len(), found.found), (2, 2, 4));
    assert_eq!(found.drift.unknown["x"].records, 3, "a name that stands twice is counted once");
    assert_eq!(found.drift.unknown["x"].types, BTreeSet::from(["long".to_owned(), "string".to_owned()]));
}

#[test]
fn what_is_kept_of_json_is_every_value_as_it_stood() {
    let text = "{\"a\":1,\"x\":12345678901234567890.10,\"k\\u00e9\":{\"b\":[1, null]},\"x\":\"\\ud83d\\ude00\"}\n{\"a\":2}\n{\"a\":3,\"x\":1}}\n";
    let found = read_with(OnDrift::Widen, "x.json", text, "a:long", JSON).unwrap();
    assert_eq!(
        found.kept,
        ["0: {\"x\":12345678901234567890.10,\"k\\u00e9\":{\"b\":[1, null]},\"x#2\":\"\\ud83d\\ude00\"}"]
    );
    let records: Vec<_> = found.drift.unknown.iter().map(|(name, u)| (name.as_str(), u.records)).collect();
    // What could be no name of a field is not told: it may be data. What is no JSON is dead as a whole.
    assert_eq!((records, found.drift.others), (vec![("x", 1)], 1));
    let passed = read_with(OnDrift::DeadLetter, "x.json", text, "a:long", JSON).unwrap();
    assert!(passed.kept.is_empty());
    assert_eq!((passed.drift.unknown.len(), passed.drift.others), (1, 1));
}

#[test]
fn a_column_that_the_path_says_is_no_drift() {
    let object = r#"{"path": "**/x.csv", "format": "csv", "partition": "a={a}"}"#;
    for policy in [OnDrift::Refuse, OnDrift::DeadLetter, OnDrift::Widen] {
        let found = read_with(policy, "a=7/x.csv", "a,b\n7,1\n", "a:long b:long", object).unwrap();
        assert_eq!(
            (found.rows, found.kept.len(), found.drift.is_empty()),
            (vec!["4: 7|1".to_owned()], 0, true)
        );
    }
    let object = r#"{"path": "**/x.json", "format": "json", "partition": "a={a}"}"#;
    for policy in [OnDrift::Refuse, OnDrift::DeadLetter, OnDrift::Widen] {
        let found =
            read_with(policy, "a=7/x.json", "{\"a\":7,\"b\":1}\n{\"b\":2}\n", "a:long b:long", object)
                .unwrap();
        assert_eq!((found.rows.len(), found.kept.len(), found.drift.is_empty()), (2, 0, true), "{policy:?}");
    }
}

#[test]
fn a_renamed_field_goes_by_its_name_in_the_file_alone() {
    let object = r#"{"path": "x.csv", "format": "csv", "rename": {"A": "a"}}"#;
    let found = read_with(OnDrift::Widen, "x.csv", "A,a\n1,2\n", "a:long", object).unwrap();
    assert_eq!((found.rows, found.kept), (vec!["4: 1".to_owned()], vec!["4: {\"a\":\"2\"}".to_owned()]));
}

#[test]
fn a_file_without_a_word_of_the_contract_is_another_file_whatever_the_policy() {
    for policy in [OnDrift::Refuse, OnDrift::DeadLetter, OnDrift::Widen] {
        for text in ["", "x,y\n1,2\n"] {
            let error = read_with(policy, "x.csv", text, "a:long", CSV).unwrap_err();
            assert_eq!(error.code(), codes::SOURCE_SCHEMA, "{policy:?}");
        }
    }
}

#[test]
fn json_is_refused_for_its_last_record_before_the_first_is_handed_on() {
    let good = "{\"a\":1}\n".repeat(100);
    let read = |text: &str, fields: &str| read_with(OnDrift::Refuse, "x.json", text, fields, JSON);
    assert_eq!(read(&good, "a:long").unwrap().rows.len(), 100);
    let error = read(&format!("{good}{{\"a\":1,\"b\":null}}\n"), "a:long").unwrap_err();
    assert_eq!((error.code(), error.where_().field.as_deref()), (codes::DRIFT, Some("b")));
    let error = read(&format!("{good}{{\"a\":1,\"b@c.org\":null}}\n"), "a:long").unwrap_err();
    assert_eq!(error.code(), codes::DRIFT);
    assert!(error.where_().field.is_none() && !error.to_string().contains("c.org"), "{error}");
    // A key that no record has, though it must be there; one that may be null may be left out.
    let error = read(&good, "a:long c:long d:long?").unwrap_err();
    assert_eq!((error.code(), error.where_().field.as_deref()), (codes::DRIFT, Some("c")));
    assert_eq!(read(&format!("{good}{{\"c\":1}}\n"), "c:long").unwrap_err().all().count(), 1);
    // Records that are none say nothing about keys.
    assert_eq!(read("{\"a\":1}\n{\"a\":1,\"b\":}\n", "a:long").unwrap().dead.len(), 1);
    assert_eq!(read("", "a:long").unwrap().found, 0);
}

#[test]
fn an_opening_goes_on_with_the_rest_of_a_file_that_was_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.json"), "{\"a\":1}\n".repeat(100)).unwrap();
    let mut spec = spec(dir.path(), "a:long", JSON);
    (spec.on_drift, spec.chunk_bytes) = (Some(OnDrift::Refuse), Some(40));
    let source = FilesSource::new(spec).unwrap();
    let origin = origin(&source);
    let mut splitter = source.open(&origin, &SplitPoint::default(), None).unwrap();
    let first = splitter.next().unwrap().unwrap();
    let (rest, _) = read(&source, &origin, &first.end, &mut SequentialTurn::default(), None).unwrap();
    assert_eq!(first.found + rest.found, 100);
}
