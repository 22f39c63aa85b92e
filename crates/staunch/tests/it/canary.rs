//! Personal values are nowhere but in the input and, sealed, in the dead letters. A canary is planted in every personal field of
//! rows that are accepted, late, dead at the read for every reason, dead in a stage and refused by a target; then everything that
//! the runs left behind and said is searched, also what lies there in the middle of a run.
//!
//! *What is sealed*: the raw record of a dead letter (AES-256-GCM-SIV with the profile's key) in `segments/…-dead`. The search
//! sees its bytes like those of any other file; that the canary is in there is shown by opening it with `dlq show`.

use crate::project::{Done, Project};
use crate::search::{Found, Needle};
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Personal: may be in no word and no file.
const CANARY: &str = "QX71-canary";
/// Not personal: may be in targets, and in no word and no text of the state.
const PLAIN: &str = "PV39-plain-value";

const PROJECT: &str = "project: small
profiles:
  dev:
    pii: {mail: token, name: mask, ssn: drop}
    in:
      type: files
      root: data
      objects:
        people: {path: \"people/*\", format: FORMAT, max_record: 4 KiB}
        again: {path: \"people/*\", format: FORMAT, max_record: 4 KiB}
    lake:
      type: files
      root: out
      objects:
        people: {path: people, format: parquet, clears: [mail, name, ssn]}
        groups: {path: groups, format: parquet}
    db: {type: sqlite, path: out/db.sqlite, objects: {people: {clears: [mail, name, ssn]}}}
";
const PERSON: &str = "contract: person
version: 1
key: [id]
event_time: at
fields:
  id: long
  at: timestamp-micros
  mail: {type: string, pii: mail}
  name: {type: string?, pii: name}
  ssn: {type: string?, pii: ssn}
  size: int?
  note: string?
";
/// Per-row to both kinds of targets, and the whole input below a stage that is kept for it.
const PIPELINES: &[(&str, &str)] = &[
    (
        "log",
        "pipeline: log
read:
  people: {from: in/people, contract: person@1, late_after: 1 h}
process:
  shares: SELECT id, mail, upper(name) AS name, 12 / size AS share, note FROM people
write:
  - {from: shares, to: lake/people, mode: append}
  - {from: people, to: db/people, mode: upsert}
dead_letters: {at_most: 100 %}
",
    ),
    (
        "groups",
        "pipeline: groups
read:
  again: {from: in/again, contract: person@1}
process:
  shares: SELECT id, mail, name, 12 / size AS share FROM again
  groups: SELECT mail, max(name) AS name, count(*) AS n FROM shares GROUP BY mail
write:
  - {from: shares, to: lake/people2, mode: replace}
  - {from: groups, to: lake/groups, mode: replace}
  - {from: groups, to: db/groups, mode: replace}
dead_letters: {at_most: 100 %}
",
    ),
    (
        "broken",
        "pipeline: broken
read:
  again: {from: in/again, contract: person@1}
process:
  sums: SELECT mail, sum(CAST(note AS BIGINT)) AS n FROM again GROUP BY mail
write:
  - {from: sums, to: db/sums, mode: replace}
dead_letters: {at_most: 100 %}
",
    ),
];

/// A project that reads people in this format, treated so.
fn people(format: &str, pii: &str) -> Project {
    let project = Project::empty();
    let yaml = PROJECT.replace("FORMAT", format);
    let yaml = yaml.replace(
        "        groups: {path",
        "        people2: {path: people2, format: parquet, clears: [mail, name, ssn]}\n        groups: {path",
    );
    project.write("staunch.yaml", yaml.replace("{mail: token, name: mask, ssn: drop}", pii));
    project.write("contracts/person.yaml", PERSON);
    for (name, text) in PIPELINES {
        project.write(&format!("pipelines/{name}.yaml"), text);
    }
    // The target refuses one row.
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let mails = if pii.contains("ssn: drop") { "name TEXT" } else { "name TEXT, ssn TEXT" };
    let table = format!(
        "CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY CHECK (id <> 8), at TEXT NOT NULL, mail TEXT NOT NULL, {mails}, size INTEGER, note TEXT)"
    );
    rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap().execute_batch(&table).unwrap();
    project
}

const STAMPS: [&str; 2] = ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"];

fn csv() -> Vec<u8> {
    let (c, p, [at, early]) = (CANARY, PLAIN, STAMPS);
    let lines = [
        "id,at,mail,name,ssn,size,note".to_owned(),
        format!("1,{at},{c}@a,{c},{c},3,{p}"),
        format!("2,{at},{c}@b,{c},{c},ten,{p}"),
        format!("3,{at},{c}@c,{c},{c},3,{p},{c}"),
        format!("4,{at},\"{c}@d,{c},{c},3,{p}"),
        format!("5,{at},\"{c}\"@e,{c},{c},3,{p}"),
        format!("6,{at},{c}@f,{c},{c},0,{p}"),
        format!("7,{early},{c}@g,{c},{c},3,{p}"),
        format!("8,{at},{c}@h,{c},{c},3,{p}"),
        format!("9,{at},{c}@i,{c},{c},{c},{p}"),
        format!("{c},{at},{c}@j,{c},{c},3,{p}"),
        format!("10,{c},{c}@k,{c},{c},3,{p}"),
    ];
    let mut bytes = lines.join("\n").into_bytes();
    bytes.extend_from_slice(format!("\n11,{at},{c}").as_bytes());
    bytes.extend_from_slice(b"\xFF\xFE,");
    bytes.extend_from_slice(format!("{c},{c},3,{p}\n").as_bytes());
    bytes
}

fn json_lines() -> Vec<u8> {
    let (c, p, [at, early]) = (CANARY, PLAIN, STAMPS);
    let row = |id: u32, at: &str, size: &str| {
        format!(
            "{{\"id\":{id},\"at\":\"{at}\",\"mail\":\"{c}@a\",\"name\":\"{c}\",\"ssn\":\"{c}\",\"size\":{size},\"note\":\"{p}\"}}"
        )
    };
    let lines = [
        row(1, at, "3"),
        row(2, at, "\"ten\""),
        row(3, at, &format!("\"{c}\"")),
        row(4, at, c),
        row(5, at, &format!("{{\"{c}\":\"{c}\"}}")),
        row(6, at, "0"),
        row(7, early, "3"),
        row(8, at, "3"),
        row(9, c, "3"),
        format!("\"{c}\""),
        format!("{{\"{c}\":1,\"{c}\":2,\"id\":3}}"),
        format!("{{\"id\":1,\"mail\":\"{c}\\q\"}}"),
        format!("{{\"id\":1,\"mail\":\"{c}"),
    ];
    format!("{}\n", lines.join("\n")).into_bytes()
}

fn parquet_file() -> Vec<u8> {
    let canaries = |mail: [Option<String>; 6]| Arc::new(StringArray::from(mail.to_vec())) as ArrayRef;
    let all = || std::array::from_fn(|_| Some(CANARY.to_owned()));
    let day = 86_400_000_000_i64;
    let at = TimestampMicrosecondArray::from(vec![2 * day, 2 * day, 2 * day, day, 2 * day, 2 * day])
        .with_timezone("UTC");
    // The third has no mail and is dead; the second fails in the stage, the fourth is late, the fifth is refused by the target.
    let mut mail: [Option<String>; 6] = all();
    mail[2] = None;
    let columns = [
        ("id", Arc::new(Int64Array::from(vec![1, 6, 3, 7, 8, 9])) as ArrayRef),
        ("at", Arc::new(at)),
        ("mail", canaries(mail)),
        ("name", canaries(all())),
        ("ssn", canaries(all())),
        ("size", Arc::new(Int32Array::from(vec![3, 0, 3, 3, 3, 3]))),
        ("note", Arc::new(StringArray::from(vec![PLAIN; 6]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Everything that a run leaves behind: state, targets, temporary files.
fn folders(project: &Project) -> Vec<PathBuf> {
    let outside = project.root.parent().unwrap();
    vec![
        project.root.join(".staunch"),
        project.root.join("out"),
        outside.join("home"),
        outside.join("temporary"),
    ]
}

fn staunch(project: &Project, args: &[&str], failpoints: &str) -> Done {
    let temporary = project.root.parent().unwrap().join("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    let temporary = temporary.to_str().unwrap();
    project.staunch_with(args, &[("TMPDIR", temporary), ("STAUNCH_FAILPOINTS", failpoints)])
}

#[track_caller]
fn silent(done: &Done, doing: &str, words: &[&str]) {
    for word in words {
        let needle = Needle::new(word);
        assert!(!needle.is_in(done.stdout.as_bytes()), "{doing} says {word}:\n{}", done.stdout);
        assert!(!needle.is_in(done.stderr.as_bytes()), "{doing} says {word}:\n{}", done.stderr);
    }
}

#[track_caller]
fn nowhere(project: &Project, when: &str) -> Found {
    let found = Found::search(&Needle::new(CANARY), &folders(project));
    assert_eq!(found.places, Vec::<String>::new(), "{when}");
    assert_eq!(found.unknown, Vec::<PathBuf>::new(), "{when}: files that the search cannot open");
    found
}

/// `dead_at_read` is what the ledger of `log` must say.
fn nothing_is_betrayed(format: &str, input: &[u8], dead_at_read: u64) {
    let project = people(format, "{mail: token, name: mask, ssn: drop}");
    project.write("data/people/a", input);

    // Killed on the way, the run leaves what it had staged and spooled.
    let mut met = Vec::new();
    for pipeline in ["log", "groups"] {
        for point in [
            "commit.before_manifest:2",
            "commit.before_create:2",
            "commit.before_create:3",
            "apply.before_record:1",
        ] {
            let killed = staunch(&project, &["run", pipeline], &format!("kill={point}"));
            silent(&killed, point, &[CANARY, PLAIN]);
            met.extend(nowhere(&project, &format!("{format}: {pipeline} killed at {point}")).files);
        }
    }
    for folder in ["/staged/", "/spools/", "/out/people2/.staunch/"] {
        assert!(
            met.iter().any(|file| file.to_string_lossy().contains(folder)),
            "nothing was met in {folder}: {met:?}"
        );
    }

    let verbs: &[(&[&str], &[&str])] = &[
        (&["check"], &[CANARY, PLAIN]),
        (&["plan", "log"], &[CANARY, PLAIN]),
        (&["run", "log"], &[CANARY, PLAIN]),
        (&["run", "groups", "--show", "20"], &[CANARY]),
        (&["run", "broken"], &[CANARY, PLAIN]),
        (&["run", "broken", "--output", "json"], &[CANARY, PLAIN]),
        (&["runs", "--output", "json"], &[CANARY, PLAIN]),
        (&["ledger"], &[CANARY, PLAIN]),
        (&["dlq", "ls"], &[CANARY, PLAIN]),
        (&["dlq", "ls", "--output", "json"], &[CANARY, PLAIN]),
        (&["dlq", "discard", "--dry-run"], &[CANARY, PLAIN]),
        (&["run", "log", "--full-refresh", "--output", "json", "--id", "again"], &[CANARY, PLAIN]),
    ];
    for (args, words) in verbs {
        let done = staunch(&project, args, "count");
        silent(&done, &args.join(" "), words);
        assert_eq!(done.code == Some(0), args[1..].first() != Some(&"broken"), "{args:?}: {}", done.stderr);
        nowhere(&project, &format!("{format}: after {args:?}"));
    }

    // Replayed, letters of the read and of the stage are rejected again: by another path through the same chain.
    let letters = project.staunch(&["dlq", "ls", "--pipeline", "log", "--output", "json"]).ok().json();
    for stage in ["people", "shares"] {
        let letter = letters.as_array().unwrap().iter().find(|l| l["stage"] == json!(stage)).unwrap();
        let done = staunch(&project, &["dlq", "replay", letter["id"].as_str().unwrap()], "count").ok();
        silent(&done, "dlq replay", &[CANARY, PLAIN]);
        nowhere(&project, &format!("{format}: after the replay of a letter of {stage}"));
    }

    // Every planted row went where it should.
    let ledger = project.staunch(&["ledger", "again", "--output", "json"]).ok().json()["ledger"].clone();
    let read = &ledger["reads"]["people"];
    assert_eq!((&read["dead"], &read["late"]), (&json!(dead_at_read), &json!(1)), "{ledger}");
    assert_eq!(ledger["per_row"]["shares"]["dead"], json!(1), "{ledger}");
    assert_eq!(ledger["writes"]["db/people"]["dead"], json!(1), "{ledger}");

    // It was there to be found: the letters hold it, sealed; and every kind of file was searched.
    let letters = project.staunch(&["dlq", "ls", "--pipeline", "log", "--output", "json"]).ok().json();
    let mut sealed = 0;
    for letter in letters.as_array().unwrap().iter().filter(|l| l["stage"] != json!("db/people")) {
        let shown =
            project.staunch(&["dlq", "show", letter["id"].as_str().unwrap(), "--pipeline", "log"]).ok();
        assert!(shown.stdout.contains(CANARY), "{letter} does not hold the canary");
        sealed += 1;
    }
    assert_eq!(sealed, dead_at_read + 1);
    let found = nowhere(&project, "at the end");
    for kind in ["parquet", "arrow", "sqlite", "text"] {
        assert!(
            found.kinds.get(kind).is_some_and(|n| *n > 0),
            "no {kind} file was searched: {:?}",
            found.kinds
        );
    }

    // What is not personal is in the targets alone, and in what lies on the way to them.
    let plain = Found::search(&Needle::new(PLAIN), &folders(&project));
    assert!(!plain.places.is_empty());
    for place in plain.places {
        let data = ["/out/", "/staged/", "-late"].iter().any(|part| place.contains(part));
        assert!(data, "a value of a record is in {place}");
    }
}

#[test]
fn personal_values_of_csv_are_nowhere() {
    nothing_is_betrayed("csv", &csv(), 8);
}

#[test]
fn personal_values_of_json_are_nowhere() {
    nothing_is_betrayed("json", &json_lines(), 9);
}

#[test]
fn personal_values_of_parquet_are_nowhere() {
    nothing_is_betrayed("parquet", &parquet_file(), 1);
}

/// The search can fail: where personal fields are kept, it finds them in every kind of file, and in the pages that a deleted row
/// has left.
#[test]
fn the_search_finds_what_is_kept() {
    let project = people("csv", "{mail: keep, name: keep, ssn: keep}");
    project.write("data/people/a", csv());
    staunch(&project, &["run", "log"], "count").ok();
    let found = |project: &Project| Found::search(&Needle::new(CANARY), &folders(project)).places;
    let places = found(&project);
    for place in ["a Parquet page", "a Parquet value", "an Arrow value", "a SQLite value"] {
        assert!(places.iter().any(|p| p.contains(place)), "not found in {place}: {places:?}");
    }
    let connection = rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap();
    connection.execute_batch("PRAGMA secure_delete = OFF; DELETE FROM people").unwrap();
    drop(connection);
    let places: Vec<_> = found(&project).into_iter().filter(|p| p.contains("db.sqlite")).collect();
    assert_eq!(places.len(), 1, "{places:?}");
    assert!(places[0].ends_with("(its bytes)"), "{places:?}");
}
