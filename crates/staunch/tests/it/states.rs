//! What is told about a run that was refused, failed, or was interrupted: where, how much, and in which state it is.

use crate::project::{Done, Project};
use crate::rules::small;
use serde_json::{Value, json};
use std::time::Duration;

/// The first error: code, `file:line:column`, message.
fn error(done: &Done) -> (String, String, String) {
    let line = done.stderr.lines().find(|l| l.starts_with('{')).unwrap_or_else(|| panic!("{}", done.stderr));
    let document: Value = serde_json::from_str(line).unwrap();
    let e = &document["errors"][0];
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (text(&e["code"]), format!("{}:{}:{}", text(&e["file"]), e["line"], e["column"]), text(&e["message"]))
}

fn newest(project: &Project) -> Value {
    project.staunch(&["runs", "--output", "json"]).ok().json()[0].clone()
}

#[test]
fn an_edit_is_refused_at_its_place() {
    let log = "pipelines/log.yaml";
    let edits = [
        // What, where it is told, and what is told.
        ((log, "size >= 2", "size >= 3"), "pipelines/log.yaml:5:8", "+ SELECT"),
        (
            (log, "write:\n", "write:\n  - {from: big, to: db/big}\n"),
            "pipelines/log.yaml:7:5",
            "`db/big` is new",
        ),
        ((log, "mode: upsert", "mode: append"), "pipelines/log.yaml:8:5", "- mode: upsert"),
        ((log, "from: big, to: lake", "from: items, to: lake"), "pipelines/log.yaml:7:5", "- from: big"),
        (("contracts/item.yaml", "size: int?", "size: long?"), "pipelines/log.yaml:3:3", "+ size: long?"),
        // An option of the object that the definition of the read does not show.
        (
            ("staunch.yaml", "format: csv}", "format: csv, nulls: [NA]}"),
            "pipelines/log.yaml:3:3",
            "+ nulls: [\"NA\"]",
        ),
    ];
    for ((file, from, to), place, word) in edits {
        let project = small();
        // A stage that nothing uses would be refused for that.
        if to.starts_with("from: items") {
            project.edit(log, "dead_letters", "  - {from: big, to: db/used}\ndead_letters");
        }
        project.staunch(&["run", "log"]).ok();
        project.edit(file, from, to);
        let (code, found, message) = error(&project.staunch(&["run", "log", "--output", "json"]));
        assert_eq!((code.as_str(), found.as_str()), ("Run.Edited", place), "{message}");
        assert!(message.contains(word) && message.contains(place), "{message}");
        project.staunch(&["run", "log", "--accept-change"]).ok();
        project.staunch(&["run", "log"]).ok();
    }
    // How much is decoded at once is no edit.
    let project = small();
    project.staunch(&["run", "log"]).ok();
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 64 KiB}");
    project.staunch(&["run", "log"]).ok();
}

#[test]
fn a_query_that_fails_points_to_its_sql_and_the_run_says_what_it_had_read() {
    for (query, why) in [
        ("12 / (count(*) - 2) AS n", "division by zero"),
        ("sum(9223372036854775807) AS n", "does not fit its type"),
    ] {
        let project = small();
        project.edit("pipelines/totals.yaml", "count(*) AS n", query);
        let (code, place, message) = error(&project.staunch(&["run", "totals", "--output", "json"]));
        assert_eq!((code.as_str(), place.as_str()), ("Sql.Query", "pipelines/totals.yaml:5:11"), "{message}");
        assert!(message.contains(why), "{message}");
        let row = newest(&project);
        let counts = (&row["records"], &row["written"]);
        assert_eq!((&row["state"], counts), (&json!("failed"), (&json!(3), &json!(0))));
    }

    // A result that breaks its contract, from a file of SQL.
    let project = small();
    project.write("pipelines/totals.sql", "-- all\n\nSELECT kind, CAST(sum(size) AS int) AS size,\n  CASE WHEN kind = 'b' THEN NULL ELSE 1 END AS id\nFROM items GROUP BY kind\n");
    let text = std::fs::read_to_string(project.root.join("pipelines/totals.yaml")).unwrap();
    let at = text.find("  totals: SELECT").unwrap();
    let end = at + text[at..].find('\n').unwrap();
    let with = format!("{}  totals: {{sql: totals.sql, contract: item@1}}{}", &text[..at], &text[end..]);
    project.write("pipelines/totals.yaml", with);
    let (code, place, message) = error(&project.staunch(&["run", "totals", "--output", "json"]));
    assert_eq!(
        (code.as_str(), place.as_str()),
        ("Contract.Violation", "pipelines/totals.sql:1:1"),
        "{message}"
    );
}

#[test]
fn a_run_over_its_budget_shows_what_it_had_found() {
    let project = small();
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 10 %, from_row: 1}");
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n11,a,eleven\n");
    project.staunch(&["run", "log", "--id", "bad"]).fails(5, "DeadLetters.Budget");
    let row = newest(&project);
    let counts = (&row["records"], &row["dead"], &row["written"]);
    assert_eq!(counts, (&json!(5), &json!(2), &json!(0)));
    let evidence = project.staunch(&["dlq", "ls", "--run", "bad", "--output", "json"]).ok().json();
    assert_eq!(evidence.as_array().unwrap().len(), 2);
    let ledger = project.staunch(&["ledger", "bad"]).ok();
    assert!(ledger.stdout.contains("had found 5 records, 2 dead and 0 late"), "{}", ledger.stdout);
    // The index that is made anew from the log says the same.
    std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
    assert_eq!(newest(&project), row);
}

#[test]
fn a_run_is_running_while_somebody_works_on_it_and_interrupted_after_a_kill() {
    let project = small();
    let big: String = (0..600_000).map(|n| format!("{n},k{},{}\n", n % 7, n % 9)).collect();
    project.write("data/items/2.csv", format!("id,kind,size\n{big}"));
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 64 KiB}");
    project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 256 KiB\n");
    let mut child = project.start(&["run", "log"]);
    let seen = loop {
        let rows = project.staunch(&["runs", "--output", "json"]).ok().json();
        if let Some(row) = rows.get(0) {
            break row["state"].clone();
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was seen");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(seen, json!("running"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(newest(&project)["state"], json!("interrupted"));
    // Looking takes nothing from the next start.
    let again = project.staunch(&["run", "log", "--output", "json"]).ok().json();
    assert_eq!(again["continued"], json!(true));
    assert_eq!(newest(&project)["state"], json!("succeeded"));
}
