//! Which dead letters: by code, field, stage and time, on all verbs of `dlq`, one with the other.

use crate::project::{Done, Project};
use crate::rules::small;
use serde_json::{Value, json};

/// Letters of three stages and four codes: a read, a query, a table that refuses a row; in two runs.
fn letters() -> Project {
    let project = small();
    project.edit(
        "pipelines/log.yaml",
        "SELECT id, kind, size FROM items WHERE size >= 2",
        "SELECT id, kind, 10 / size AS share FROM items",
    );
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let connection = rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap();
    let table = "CREATE TABLE items (id INTEGER PRIMARY KEY, kind TEXT, size INTEGER CHECK (size < 90))";
    connection.execute_batch(table).unwrap();
    project.write("data/items/1.csv", "id,kind,size\n1,a,x\ny,a,1\n2,b,0\n3,b,99\n,c,1\n");
    project.staunch(&["run", "log", "--id", "first"]).ok();
    project.write("data/items/2.csv", "id,kind,size\n4,a,x\n5,b,0\n");
    project.staunch(&["run", "log", "--id", "second"]).ok();
    project
}

fn ls(project: &Project, options: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["dlq", "ls", "--output", "json"].iter().chain(options).copied().collect();
    project.staunch(&args).ok().json().as_array().unwrap().clone()
}

/// What was found, by file and line (or `refused`).
fn places(letters: &[Value]) -> Vec<String> {
    let mut places: Vec<_> = letters
        .iter()
        .map(|l| match l["line"].as_u64() {
            Some(line) => format!("{}:{line}", l["file"].as_str().unwrap()),
            None => "refused".to_owned(),
        })
        .collect();
    places.sort();
    places
}

fn time(micros: &Value) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros.as_i64().unwrap()).unwrap();
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[test]
fn letters_are_found_by_code_field_stage_and_time() {
    let project = letters();
    let found = |options: &[&str]| places(&ls(&project, options));
    let all = [
        "items/1.csv:2",
        "items/1.csv:3",
        "items/1.csv:4",
        "items/1.csv:6",
        "items/2.csv:2",
        "items/2.csv:3",
        "refused",
    ];
    assert_eq!(found(&[]), all);
    assert_eq!(found(&["--code", "Decode.Type"]), ["items/1.csv:2", "items/1.csv:3", "items/2.csv:2"]);
    assert_eq!(found(&["--code", "Contract.Violation"]), ["items/1.csv:6"]);
    assert_eq!(found(&["--code", "Sink.Rejected"]), ["refused"]);
    assert_eq!(found(&["--field", "size"]), ["items/1.csv:2", "items/2.csv:2"]);
    assert_eq!(found(&["--field", "id"]), ["items/1.csv:3", "items/1.csv:6"]);
    assert_eq!(found(&["--stage", "big"]), ["items/1.csv:4", "items/2.csv:3"]);
    assert_eq!(found(&["--stage", "db/items"]), ["refused"]);
    // Together each must hold.
    assert_eq!(found(&["--code", "Decode.Type", "--field", "id"]), ["items/1.csv:3"]);
    assert_eq!(found(&["--stage", "big", "--run", "second"]), ["items/2.csv:3"]);
    assert_eq!(found(&["--stage", "big", "--field", "size"]), Vec::<String>::new());
    assert_eq!(found(&["--pipeline", "log", "--stage", "big", "--code", "Sql.Expression"]).len(), 2);
    assert_eq!(found(&["--pipeline", "totals", "--stage", "big"]).len(), 0);

    // Until is not included, since is: together they part the letters.
    let second = ls(&project, &["--run", "second"]);
    let began = time(&second[0]["rejected_micros"]);
    let last = ["items/2.csv:2", "items/2.csv:3"];
    assert_eq!(found(&["--since", &began]), last);
    assert_eq!(
        found(&["--until", &began]),
        all.iter().filter(|p| !last.contains(*p)).copied().collect::<Vec<_>>()
    );
    assert_eq!(found(&["--since", &began, "--field", "size"]), ["items/2.csv:2"]);
    // The same instant in another zone.
    let there = chrono::DateTime::parse_from_rfc3339(&began).unwrap();
    let there = there.with_timezone(&chrono::FixedOffset::east_opt(7200).unwrap()).to_rfc3339();
    assert_eq!(found(&["--since", &there]), last);
    assert_eq!((found(&["--since", "1 h"]).len(), found(&["--until", "1 h"]).len()), (7, 0));
    assert_eq!(found(&["--since", "2 h", "--until", "0 s"]).len(), 7);

    let text = project.staunch(&["dlq", "ls", "--stage", "big"]).ok().stdout;
    assert!(text.contains("2 dead letters") && text.contains("Sql.Expression"), "{text}");
    assert_eq!(project.staunch(&["dlq", "ls", "--field", "no"]).ok().stdout, "no dead letters\n");
}

#[test]
fn show_replay_and_discard_take_the_same() {
    let project = letters();
    let shown = |options: &[&str]| -> Vec<String> {
        let args: Vec<&str> = ["dlq", "show", "--output", "json"].iter().chain(options).copied().collect();
        let letters = project.staunch(&args).ok().json();
        letters.as_array().unwrap().iter().map(|l| l["raw"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(shown(&["--field", "size", "--run", "second"]), ["4,a,x"]);
    assert_eq!(shown(&["--code", "Sink.Rejected"]), [r#"{"id":3,"kind":"b","size":99}"#]);
    project.staunch(&["dlq", "show", "--field", "no"]).fails(1, "DeadLetters.Invalid");

    // The division is mended: only those letters go again.
    project.edit("pipelines/log.yaml", "10 / size AS share", "1 AS share");
    project.staunch(&["run", "log", "--accept-change"]).ok();
    let dry =
        project.staunch(&["dlq", "replay", "--stage", "big", "--dry-run", "--output", "json"]).ok().json();
    assert_eq!((dry["letters"].as_array().unwrap().len(), ls(&project, &[]).len()), (2, 7));
    let done = project.staunch(&["dlq", "replay", "--stage", "big", "--output", "json"]).ok().json();
    assert_eq!(done["letters"].as_array().unwrap().len(), 2);
    assert_eq!(done["runs"][0]["dead"], json!(0));
    assert_eq!((ls(&project, &["--stage", "big"]).len(), ls(&project, &[]).len()), (0, 5));

    project.staunch(&["dlq", "discard", "--code", "Decode.Type", "--since", "1 h"]).ok();
    assert_eq!(places(&ls(&project, &[])), ["items/1.csv:6", "refused"]);
    project.staunch(&["dlq", "discard", "--until", "1 h"]).ok();
    assert_eq!(ls(&project, &[]).len(), 2, "what matches nothing gives nothing up");
    project.staunch(&["dlq", "discard"]).fails(2, "Usage.Invalid");
}

/// Evidence of a failed epoch is filtered too.
#[test]
fn evidence_is_filtered_with_its_run() {
    let project = small();
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 1 %, from_row: 1}");
    project.write("data/items/1.csv", "id,kind,size\n1,a,x\ny,a,1\n");
    project.staunch(&["run", "log", "--id", "bad"]).fails(5, "DeadLetters.Budget");
    let found = ls(&project, &["--run", "bad", "--field", "id"]);
    assert_eq!((found.len(), &found[0]["evidence"]), (1, &json!(true)));
}

#[test]
fn what_cannot_be_meant_is_said() {
    let project = letters();
    let wrong = |options: &[&str]| -> Done {
        let args: Vec<&str> = ["dlq", "ls"].iter().chain(options).copied().collect();
        let done = project.staunch(&args);
        assert_eq!(done.code, Some(2), "{options:?}: {}{}", done.stdout, done.stderr);
        done
    };
    assert!(wrong(&["--code", "Decode.Tpye"]).stderr.contains("did you mean `Decode.Type`?"));
    assert!(wrong(&["--since", "yesterday"]).stderr.contains("an age such as `2 h`"));
    assert!(wrong(&["--until", "2026-01-31"]).stderr.contains("2026-01-31T10:00:00Z"));
    assert!(wrong(&["--since", "1 h", "--until", "2 h"]).stderr.contains("is not before `--until`"));
}
