//! Whether the checker can fail: cases that are wrong on purpose.

use super::*;

/// The verdict on one case of a file.
fn one(file: &str, case: &str, suite: fn(&Path) -> Result<Vec<Judged>, Failure>) -> Result<Verdict, Failure> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), case).unwrap();
    suite(folder.path()).map(|mut judged| judged.remove(0).1)
}

#[test]
fn pairs_can_fail() {
    let check = |case: &str| one("reader_writer_compat.jsonl", case, pairs::compatibility).unwrap();
    let reason = |location: &str| {
        format!(
            r#"{{"reader": "int", "writer": "long", "compatible": false, "incompatibilities": [{{"type": "TYPE_MISMATCH",
            "location": "{location}", "message": "reader type: INT not compatible with writer type: LONG"}}]}}"#
        )
        .replace('\n', " ")
    };
    assert_eq!(check(&reason("/")), Verdict::Passed);
    assert!(matches!(check(&reason("/type")), Verdict::Failed(_)));
    let wrong = r#"{"reader": "int", "writer": "long", "compatible": true, "incompatibilities": []}"#;
    assert!(matches!(check(wrong), Verdict::Failed(_)));
}

#[test]
fn decodes_can_fail() {
    let check = |rest: &str| {
        let case = format!(
            r#"{{"reader": "long", "writer": "int", "encoding": "BINARY", "bytes_hex": "54", {rest}}}"#
        );
        one("evolved_decode.jsonl", &case, pairs::evolved).unwrap()
    };
    assert_eq!(check(r#""decoded": 42"#), Verdict::Passed);
    assert!(matches!(check(r#""decoded": 43"#), Verdict::Failed(_)));
    assert!(matches!(check(r#""error": "AvroTypeException""#), Verdict::Failed(_)));
}

#[test]
fn fingerprints_can_fail() {
    let case = r#"{"schema_text": "\"int\"", "crc64avro_le_hex": "8f5c393f1ad57572", "md5": "ef524ea1b91e73173d938ade36c1db32", "sha256": "00"}"#;
    assert!(matches!(
        one("fingerprints_python.jsonl", case, schemas::fingerprints).unwrap(),
        Verdict::Failed(_)
    ));
    let case = case.replace("\"00\"", "\"3f2b87a9fe7cc9b13835598c3981cd45e3e355309e5090aa0933d7becb6fba45\"");
    assert_eq!(one("fingerprints_python.jsonl", &case, schemas::fingerprints).unwrap(), Verdict::Passed);
}

#[test]
fn a_panic_is_a_failure() {
    assert_eq!(judge("x", || panic!("no")).1, Verdict::Failed("it panicked".to_owned()));
}
