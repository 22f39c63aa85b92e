//! What must hold for every input.

use super::{Outcome, looked_at, origin, read, seconds, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use proptest::prelude::*;
use staunch_commit::{Source, SplitPoint};
use staunch_pipeline::OnDrift;
use std::path::Path;

const FIELDS: &str = "a:long s:string? t:ts e:enum? d:decimal? f:double? b:boolean?";
/// Some of what is in the files the contract does not name, and some of what it names is not there.
const OTHER: &str = "a:long t:ts e:enum? d:decimal? g:long?";

fn source(root: &Path, object: &str, chunk_bytes: usize) -> FilesSource {
    source_of(root, object, chunk_bytes, (FIELDS, None))
}

fn source_of(
    root: &Path,
    object: &str,
    chunk_bytes: usize,
    (fields, on_drift): (&str, Option<OnDrift>),
) -> FilesSource {
    let mut spec = spec(root, fields, object);
    spec.on_drift = on_drift;
    spec.chunk_bytes = Some(chunk_bytes);
    spec.late_after = seconds(5);
    FilesSource::new(spec).unwrap()
}

/// The outcome does not depend on the size of chunks, nor on where reading starts again.
fn cuts_do_not_matter(name: &str, object: &str, content: &[u8]) {
    for read in [(FIELDS, None), (OTHER, Some(OnDrift::DeadLetter)), (OTHER, Some(OnDrift::Widen))] {
        cuts_of_a_read_do_not_matter(name, object, content, read);
    }
}

fn cuts_of_a_read_do_not_matter(name: &str, object: &str, content: &[u8], of: (&str, Option<OnDrift>)) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), content).unwrap();
    let whole = source_of(dir.path(), object, 1 << 20, of);
    let pin = origin(&whole);
    let start = SplitPoint::default();
    let wanted = read(&whole, &pin, &start, &mut SequentialTurn::default(), None).map(|(outcome, _)| outcome);
    if let Ok(wanted) = &wanted {
        looked_at(&whole, wanted);
    }
    for chunk_bytes in [1, 2, 17, 64, 333, 5000] {
        let source = source_of(dir.path(), object, chunk_bytes, of);
        let wanted = match &wanted {
            Ok(wanted) => wanted.clone(),
            // A record beyond the limit ends the read wherever the chunks end.
            Err(wanted) => {
                let found = read(&source, &pin, &start, &mut SequentialTurn::default(), None).unwrap_err();
                assert_eq!((found.code(), found.message()), (wanted.code(), wanted.message()));
                continue;
            }
        };
        let (found, points) = read(&source, &pin, &start, &mut SequentialTurn::default(), None).unwrap();
        assert_eq!(found, wanted, "chunks of {chunk_bytes} bytes");
        // Every point, or a dozen of many.
        for (index, point) in points.iter().enumerate().step_by(points.len() / 12 + 1) {
            let mut turn = SequentialTurn::default();
            let mut first = Outcome::default();
            let mut splitter = source.open(&pin, &start, None).unwrap();
            for _ in 0..=index {
                let chunk = splitter.next().unwrap().unwrap();
                first.found += chunk.found;
                first.add(chunk.work.run(&mut turn).unwrap());
            }
            let (rest, later) = read(&source, &pin, point, &mut turn, None).unwrap();
            assert_eq!(later, points[index + 1..], "the same cuts after a restart");
            first.rows.extend(rest.rows);
            first.raw.extend(rest.raw);
            first.dead.extend(rest.dead);
            first.late.extend(rest.late);
            first.drift.add(&rest.drift);
            first.kept.extend(rest.kept);
            first.found += rest.found;
            assert_eq!(first, wanted, "reopened at {} with chunks of {chunk_bytes} bytes", point.offset);
        }
    }
}

fn csv_field() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-9]{1,3}",
        2 => "[a-zé]{0,20}",
        2 => "2024-01-01 00:00:[0-5][0-9]",
        1 => Just("red".to_owned()),
        1 => Just(String::new()),
        1 => "\"[a-z,\n\r]{0,8}\"",
        1 => "\"[a-z]{0,3}\"\"[a-z\n]{0,3}\"",
        1 => "[a-z]\"[a-z]",
        1 => "\"[a-z]{0,3}",
        1 => "[a-z]{0,3}\"",
        1 => "-?[0-9]{1,4}\\.[0-9]{1,3}",
    ]
}

fn csv_line() -> impl Strategy<Value = String> {
    let good = (
        0_i32..2000,
        "[a-z\" ]{0,12}",
        0..60,
        0..3,
        "[0-9]{1,3}\\.[0-9]{1,3}",
        prop_oneof![Just(""), Just("true"), Just("x")],
    )
        .prop_map(|(a, s, t, e, d, b)| {
            let s = if s.contains('"') { format!("\"{}\"", s.replace('"', "\"\"")) } else { s };
            let e = ["red", "green", ""][e as usize];
            format!("{a},{s},2024-01-01 00:00:{t:02},{e},{d},{d},{b}")
        });
    let odd = proptest::collection::vec(csv_field(), 1..9).prop_map(|fields| fields.join(","));
    prop_oneof![6 => good, 2 => odd, 1 => Just(String::new())]
}

fn json_line() -> impl Strategy<Value = String> {
    let good = (0_i32..2000, "[a-z\\\\\"é]{0,20}", 0..60, any::<bool>(), "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?")
        .prop_map(|(a, s, t, swap, n)| {
            let s = serde_json::to_string(&s).unwrap();
            let a = format!("\"a\":{a}");
            let rest = format!("\"s\":{s},\"t\":\"2024-01-01 00:00:{t:02}\",\"f\":{n},\"d\":{n}");
            if swap { format!("{{{rest}, {a}}}") } else { format!("{{{a},{rest}}}") }
        });
    prop_oneof![
        6 => good,
        1 => "[{}\":,a-z0-9\\\\]{0,20}",
        1 => Just("{\"a\":1,\"t\":\"x\"}".to_owned()),
        1 => Just("  ".to_owned()),
    ]
}

fn file(lines: &[String], crlf: bool, last: bool) -> String {
    let end = if crlf { "\r\n" } else { "\n" };
    let mut text = lines.join(end);
    if last {
        text.push_str(end);
    }
    text
}

/// Reads whatever the bytes are; errors are fine, panics are not.
fn read_anything(name: &str, object: &str, content: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), content).unwrap();
    for chunk_bytes in [1, 1 << 16] {
        let source = source(dir.path(), object, chunk_bytes);
        let _ = read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), None);
    }
}

const CSV: &str = r#"{"path": "x.csv", "format": "csv", "max_record": 1000}"#;
const JSON: &str = r#"{"path": "x.json", "format": "json", "max_record": 1000}"#;

#[test]
fn a_quoted_record_beyond_the_limit_ends_the_read_however_it_is_cut() {
    let object = r#"{"path": "x.csv", "format": "csv", "max_record": 31}"#;
    let body = "\"\"\"a,a\"\"a\"\"\n1,\r\n\r\n\"\"a1\"\"1\"\"\n\",,\"\r\n";
    let text = format!("a,s,t\n{body}");
    assert!(super::read_text("x.csv", text.as_bytes(), FIELDS, object).is_err());
    cuts_do_not_matter("x.csv", object, text.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn csv_cuts_do_not_matter(lines in proptest::collection::vec(csv_line(), 0..60), crlf: bool, last: bool) {
        let text = format!("a,s,t,e,d,f,b\n{}", file(&lines, crlf, last));
        cuts_do_not_matter("x.csv", CSV, text.as_bytes());
    }

    /// A mark may close within the limit, and its record end beyond it.
    #[test]
    fn quotation_marks_are_read_the_same_however_they_are_cut(body in "([a1],?|,|\"|\"\"|\n|\r\n){0,120}", max in 20..60) {
        let object = format!(r#"{{"path": "x.csv", "format": "csv", "max_record": {max}}}"#);
        // No line is longer than the limit; what a quotation mark holds may be.
        let lines: Vec<&str> = body.split('\n').filter(|line| line.len() <= 15).collect();
        cuts_do_not_matter("x.csv", &object, format!("a,s,t\n{}", lines.join("\n")).as_bytes());
    }

    #[test]
    fn json_cuts_do_not_matter(lines in proptest::collection::vec(json_line(), 0..60), crlf: bool, last: bool) {
        cuts_do_not_matter("x.json", JSON, file(&lines, crlf, last).as_bytes());
    }

    #[test]
    fn plain_and_quoted_records_mean_the_same(
        rows in proptest::collection::vec((any::<i64>(), "[a-z é']{1,30}", 0..60), 0..40),
    ) {
        let plain: Vec<String> = rows.iter().map(|(a, s, t)| format!("{a},{s},2024-01-01 00:00:{t:02},red,1.5,2.5,t")).collect();
        let quoted: Vec<String> = rows.iter().map(|(a, s, t)| format!("\"{a}\",\"{s}\",\"2024-01-01 00:00:{t:02}\",\"red\",1.5,\"2.5\",\"t\"")).collect();
        let of = |lines: &[String]| {
            let text = format!("a,s,t,e,d,f,b\n{}", file(lines, false, true));
            let outcome = super::read_text("x.csv", text.as_bytes(), FIELDS, CSV).unwrap();
            assert!(outcome.dead.is_empty());
            outcome.rows.into_iter().map(|r| r.split_once(": ").unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        prop_assert_eq!(of(&plain), of(&quoted));
    }

    #[test]
    fn json_lines_mean_what_serde_says(rows in proptest::collection::vec((any::<i64>(), any::<String>(), any::<f64>()), 0..20)) {
        let lines: Vec<String> = rows.iter().map(|(a, s, f)| {
            serde_json::json!({"a": a, "s": s, "f": f, "t": "2024-01-01 00:00", "x": {"y": [s]}}).to_string()
        }).collect();
        let text = lines.join("\n");
        let outcome = super::read_text("x.json", text.as_bytes(), "a:long s:string f:double? t:ts", JSON).unwrap();
        prop_assert_eq!(&outcome.dead, &Vec::<String>::new());
        prop_assert_eq!(outcome.rows.len(), rows.len());
        for (row, (a, s, _)) in outcome.rows.iter().zip(&rows) {
            let wanted = format!("{a}|{s}|");
            prop_assert!(row.split_once(": ").unwrap().1.starts_with(&wanted));
        }
    }

    #[test]
    fn no_bytes_panic(content in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (name, object) in [("x.csv", CSV), ("x.json", JSON)] {
            read_anything(name, object, &content);
        }
        for name in ["x.gz", "x.zst"] {
            read_anything(name, r#"{"path": "x.*", "format": "csv"}"#, &content);
        }
        read_anything("x.parquet", r#"{"path": "x.parquet", "format": "parquet"}"#, &content);
    }

    #[test]
    fn no_text_of_the_right_letters_panics(body in "[a,\"\n\r0-9{}:\\\\u.e -]{0,300}") {
        read_anything("x.csv", CSV, format!("a,t\n{body}").as_bytes());
        read_anything("x.csv", CSV, body.as_bytes());
        read_anything("x.json", JSON, body.as_bytes());
        read_anything("x.json", JSON, body.replace('\n', "}\n{\"a\":").as_bytes());
    }
}
