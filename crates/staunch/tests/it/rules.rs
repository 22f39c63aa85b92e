//! Which rows a run reads, and what it refuses: incremental and whole reads, edits, changed files, dead letters.

use crate::project::Project;
use crate::tables;
use serde_json::{Value, json};

const PROJECT: &str = "project: small
profiles:
  dev:
    in:
      type: files
      root: data
      objects:
        items: {path: \"items/*.csv\", format: csv}
    lake:
      type: files
      root: out
      objects:
        items: {path: items, format: parquet}
        totals: {path: totals, format: parquet}
    db: {type: sqlite, path: out/db.sqlite}
";
const ITEM: &str = "contract: item
version: 1
key: [id]
fields:
  id: long
  kind: string
  size: int?
";
const LOG: &str = "pipeline: log
read:
  items: {from: in/items, contract: item@1}
process:
  big: SELECT id, kind, size FROM items WHERE size >= 2
write:
  - {from: big, to: lake/items, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 100 %}
";
const TOTALS: &str = "pipeline: totals
read:
  items: {from: in/items, contract: item@1}
process:
  totals: SELECT kind, count(*) AS n, sum(size) AS size FROM items GROUP BY kind
write:
  - {from: totals, to: lake/totals, mode: replace}
dead_letters: {at_most: 100 %}
";

pub(crate) fn small() -> Project {
    let project = Project::empty();
    project
        .write("staunch.yaml", PROJECT)
        .write("contracts/item.yaml", ITEM)
        .write("pipelines/log.yaml", LOG)
        .write("pipelines/totals.yaml", TOTALS)
        .write("data/items/1.csv", "id,kind,size\n1,a,1\n2,b,2\n3,a,3\n");
    project
}

fn run(project: &Project, args: &[&str]) -> Value {
    let args: Vec<&str> = ["run"].iter().chain(args).chain(&["--output", "json"]).copied().collect();
    project.staunch(&args).ok().json()
}

fn lake(project: &Project, table: &str) -> Vec<String> {
    tables::parquet(&project.root.join("out").join(table))
}

fn db(project: &Project) -> Vec<String> {
    tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap_or_default()
}

#[test]
fn an_incremental_read_reads_each_file_once() {
    let project = small();
    run(&project, &["log"]);
    assert_eq!((lake(&project, "items").len(), db(&project).len()), (2, 3));
    let again = run(&project, &["log"]);
    assert_eq!(again["ledger"]["reads"], json!({}));
    project.write("data/items/2.csv", "id,kind,size\n3,a,9\n4,c,4\n");
    let third = run(&project, &["log"]);
    assert_eq!(third["ledger"]["reads"]["items"]["found"], json!(2));
    assert_eq!(lake(&project, "items").len(), 4);
    assert_eq!(
        db(&project),
        [
            "id=i1|kind=ta|size=i1|",
            "id=i2|kind=tb|size=i2|",
            "id=i3|kind=ta|size=i9|",
            "id=i4|kind=tc|size=i4|"
        ]
    );
}

#[test]
fn a_touched_file_is_not_read_again_and_a_changed_one_is_reported() {
    let project = small();
    run(&project, &["log"]);
    // Touched: the same bytes, another time.
    let file = project.root.join("data/items/1.csv");
    let bytes = std::fs::read(&file).unwrap();
    let later = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_900_000_000);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    let touched = run(&project, &["log"]);
    assert_eq!((&touched["changed_files"], &touched["ledger"]["reads"]), (&json!([]), &json!({})));
    // Changed: it is reported by every run and not read.
    project.write("data/items/1.csv", [bytes.as_slice(), b"9,z,9\n"].concat());
    for _ in 0..2 {
        let changed = run(&project, &["log"]);
        assert_eq!(changed["changed_files"], json!([{"read": "items", "file": "items/1.csv"}]));
        assert_eq!(changed["ledger"]["reads"], json!({}));
    }
    // A full refresh reads it, and replaces every sink as one.
    let refreshed = run(&project, &["log", "--full-refresh"]);
    assert_eq!(refreshed["ledger"]["reads"]["items"]["found"], json!(4));
    assert_eq!((lake(&project, "items").len(), db(&project).len()), (3, 4));
    let after = run(&project, &["log"]);
    assert_eq!(after["changed_files"], json!([]));
}

#[test]
fn a_full_refresh_of_an_upsert_keeps_the_later_row_of_each_key() {
    let project = small();
    run(&project, &["log"]);
    project.write("data/items/2.csv", "id,kind,size\n2,bb,2\n4,d,4\n4,dd,4\n");
    run(&project, &["log"]);
    let before = db(&project);
    assert_eq!(before[1], "id=i2|kind=tbb|size=i2|");
    let refreshed = run(&project, &["log", "--full-refresh"]);
    assert_eq!(db(&project), before);
    let write = &refreshed["ledger"]["writes"]["db/items"];
    assert_eq!((&write["applied"], &write["superseded"], &write["dead"]), (&json!(4), &json!(2), &json!(0)));
    // It is also the way back where the database is lost.
    std::fs::remove_file(project.root.join("out/db.sqlite")).unwrap();
    project.staunch(&["run", "log"]).fails(1, "Sink.Ahead");
    run(&project, &["log", "--full-refresh"]);
    assert_eq!(db(&project), before);
}

#[test]
fn a_whole_read_follows_every_change_and_is_skipped_without_one() {
    let project = small();
    let first = run(&project, &["totals"]);
    assert_eq!(first["ledger"]["whole_input"]["totals"]["emitted"], json!(2));
    let before = lake(&project, "totals");
    let skipped = run(&project, &["totals"]);
    assert_eq!(skipped["unchanged_reads"], json!(["items"]));
    assert_eq!(lake(&project, "totals"), before);
    project.write("data/items/1.csv", "id,kind,size\n1,a,1\n");
    run(&project, &["totals"]);
    assert_eq!(lake(&project, "totals"), ["kind=a|n=1|size=1|"]);
}

#[test]
fn an_edit_above_an_incremental_write_is_refused_with_its_difference() {
    let project = small();
    run(&project, &["log"]);
    project.edit("pipelines/log.yaml", "size >= 2", "size >= 3");
    let refused = project.staunch(&["run", "log"]).fails(1, "Run.Edited");
    assert!(
        refused.stderr.contains("- SELECT id, kind, size FROM items WHERE size >= 2"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("+ SELECT id, kind, size FROM items WHERE size >= 3"));
    // Going on from here leaves what was written.
    project.write("data/items/2.csv", "id,kind,size\n5,a,2\n6,a,3\n");
    run(&project, &["log", "--accept-change"]);
    assert_eq!(lake(&project, "items").len(), 3);
    // Reading all again replaces it.
    run(&project, &["log", "--full-refresh"]);
    assert_eq!(lake(&project, "items").len(), 2);
    // An edit below whole reads needs no flag: the table is replaced anyway.
    run(&project, &["totals"]);
    project.edit("pipelines/totals.yaml", "sum(size)", "max(size)");
    run(&project, &["totals"]);
}

#[test]
fn an_append_below_a_whole_input_is_refused_with_the_way_out() {
    let project = small();
    project.edit("pipelines/totals.yaml", "mode: replace", "mode: append");
    project.staunch(&["check"]).fails(3, "ST0040");
    project.edit(
        "pipelines/totals.yaml",
        "mode: append}",
        "mode: replace}\n  - {from: items, to: lake/items, mode: append}",
    );
    let refused = project.staunch(&["check"]).fails(3, "ST0040");
    assert!(refused.stderr.contains("items_log"), "{}", refused.stderr);
}

#[test]
fn a_run_id_is_idempotent() {
    let project = small();
    let first = run(&project, &["log", "--id", "nightly-1"]);
    project.write("data/items/2.csv", "id,kind,size\n7,a,7\n");
    let again = run(&project, &["log", "--id", "nightly-1"]);
    assert_eq!(first["ledger"], again["ledger"]);
    assert_eq!(lake(&project, "items").len(), 2, "a run that ended is not run again");
    run(&project, &["log", "--id", "nightly-2"]);
    assert_eq!(lake(&project, "items").len(), 3);
    project.staunch(&["run", "log", "--id", "../x"]).fails(2, "Usage.Invalid");
}

#[test]
fn a_second_run_of_the_same_pipeline_is_refused_with_the_holders_pid() {
    let project = small();
    let big: String = (0..400_000).map(|n| format!("{n},k{},{}\n", n % 7, n % 9)).collect();
    project.write("data/items/2.csv", format!("id,kind,size\n{big}"));
    let mut first = project.start(&["run", "log"]);
    let lease = project.root.join(".staunch/dev/control/leases/log.lock");
    let holder = first.id().to_string();
    while !std::fs::read_to_string(&lease).is_ok_and(|text| text.contains(&holder)) {
        assert!(
            first.try_wait().unwrap().is_none(),
            "the first run ended before it was seen to hold the lease"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let refused = project.staunch(&["run", "log"]).fails(1, "Run.Busy");
    assert!(refused.stderr.contains(&first.id().to_string()), "{}", refused.stderr);
    assert!(first.wait().unwrap().success());
}

#[test]
fn dead_letters_are_listed_replayed_once_and_discarded() {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n11,b,4\n,c,5\n");
    let report = run(&project, &["log"]);
    assert_eq!(report["ledger"]["reads"]["items"]["dead"], json!(2));
    let listed = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    let letters = listed.as_array().unwrap().clone();
    assert_eq!(letters.len(), 2);
    assert_eq!(
        (&letters[0]["code"], &letters[0]["field"], &letters[0]["line"]),
        (&json!("Decode.Type"), &json!("size"), &json!(2))
    );
    assert_eq!((&letters[1]["code"], &letters[1]["field"]), (&json!("Contract.Violation"), &json!("id")));

    // A replay under the same contract rejects them again: nothing is lost and nothing doubled.
    project.staunch(&["dlq", "replay", "--dry-run"]).ok();
    let replayed = project.staunch(&["dlq", "replay", "--output", "json"]).ok().json();
    assert_eq!(replayed["runs"][0]["ledger"]["reads"]["items"]["dead"], json!(2));
    let again = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    assert_eq!((again.as_array().unwrap().len(), &again[0]["attempts"]), (2, &json!(2)));

    // The contract learns of larger sizes; an edit has to be accepted first.
    project.edit("contracts/item.yaml", "size: int?", "size: long?");
    project.staunch(&["dlq", "replay"]).fails(1, "Run.Edited");
}

#[test]
fn a_replayed_row_reaches_the_targets_once() {
    let project = small();
    // The expression fails on one row: it is dead at the stage, not at the read.
    project.edit(
        "pipelines/log.yaml",
        "SELECT id, kind, size FROM items WHERE size >= 2",
        "SELECT id, kind, 12 / size AS size FROM items",
    );
    project.write("data/items/2.csv", "id,kind,size\n20,a,0\n21,b,4\n");
    let report = run(&project, &["log"]);
    assert_eq!(report["ledger"]["per_row"]["big"]["dead"], json!(1));
    let letter = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json()[0].clone();
    assert_eq!((&letter["stage"], &letter["code"]), (&json!("big"), &json!("Sql.Expression")));
    let raw =
        project.staunch(&["dlq", "show", letter["id"].as_str().unwrap(), "--output", "json"]).ok().json();
    assert_eq!(raw[0]["raw"], json!("20,a,0"));
    let before = (lake(&project, "items").len(), db(&project).len());
    assert_eq!(
        before,
        (4, 5),
        "the row is in the table that the read feeds, and not in the one below the stage"
    );

    // Mended: the row re-enters at the stage, and only there.
    project.edit(
        "pipelines/log.yaml",
        "12 / size AS size",
        "CASE WHEN size = 0 THEN 0 ELSE 12 / size END AS size",
    );
    run(&project, &["log", "--accept-change"]);
    let replayed = project.staunch(&["dlq", "replay", "--output", "json"]).ok().json();
    assert_eq!(replayed["runs"][0]["ledger"]["per_row"]["big"]["passed"], json!(1));
    assert_eq!((lake(&project, "items").len(), db(&project).len()), (5, 5));
    project.staunch(&["dlq", "replay"]).ok();
    assert_eq!(lake(&project, "items").len(), 5);
}

#[test]
fn dead_letters_of_a_whole_read_are_superseded_not_replayed() {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n");
    run(&project, &["totals"]);
    let refused = project.staunch(&["dlq", "replay"]).fails(1, "DeadLetters.Invalid");
    assert!(refused.stderr.contains("run the pipeline"), "{}", refused.stderr);
    project.write("data/items/2.csv", "id,kind,size\n10,a,10\n");
    run(&project, &["totals"]);
    assert_eq!(project.staunch(&["dlq", "ls", "--output", "json"]).ok().json(), json!([]));
}

#[test]
fn a_discarded_letter_is_listed_no_more() {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n");
    run(&project, &["log"]);
    let dry = project.staunch(&["dlq", "discard", "--dry-run"]).ok();
    assert!(dry.stdout.contains("would be discarded"));
    project.staunch(&["dlq", "discard", "--all"]).ok();
    assert_eq!(project.staunch(&["dlq", "ls", "--output", "json"]).ok().json(), json!([]));
    assert_eq!(run(&project, &["log"])["ledger"]["reads"], json!({}));
}

#[test]
fn a_budget_that_is_exceeded_fails_the_run_and_keeps_the_evidence() {
    let project = small();
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 10 %, from_row: 1}");
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n11,a,eleven\n");
    project.staunch(&["run", "log"]).fails(5, "DeadLetters.Budget");
    assert!(lake(&project, "items").is_empty(), "nothing of the offending epoch is shown");
    let runs = project.staunch(&["runs", "--output", "json"]).ok().json();
    assert_eq!(runs[0]["state"], json!("failed"));
    let id = runs[0]["run"].as_str().unwrap();
    assert_eq!(project.staunch(&["dlq", "ls", "--output", "json"]).ok().json(), json!([]));
    let evidence = project.staunch(&["dlq", "ls", "--run", id, "--output", "json"]).ok().json();
    assert_eq!((evidence.as_array().unwrap().len(), &evidence[0]["evidence"]), (2, &json!(true)));
    // Overridden once.
    let report = run(&project, &["log", "--dead-letters-at-most", "100 %"]);
    assert_eq!(report["ledger"]["reads"]["items"]["found"], json!(5));
    assert_eq!(lake(&project, "items").len(), 2);
}

#[test]
fn late_rows_go_to_the_late_port_and_are_counted() {
    let project = small();
    project.edit("contracts/item.yaml", "  size: int?\n", "  size: int?\n  at: timestamp-micros\n");
    project.edit("contracts/item.yaml", "key: [id]\n", "key: [id]\nevent_time: at\n");
    project.edit("pipelines/log.yaml", "contract: item@1}", "contract: item@1, late_after: 10 s}");
    project.write(
        "data/items/1.csv",
        "id,kind,size,at\n1,a,5,2026-01-01T00:00:00Z\n2,a,5,2026-01-01T00:01:00Z\n3,a,5,2026-01-01T00:00:50Z\n4,a,5,2026-01-01T00:00:49Z\n",
    );
    let report = run(&project, &["log"]);
    let items = &report["ledger"]["reads"]["items"];
    assert_eq!((&items["accepted"], &items["late"]), (&json!(3), &json!(1)));
    // The bound goes on where it was: a later file is late against it.
    project.write(
        "data/items/2.csv",
        "id,kind,size,at\n5,a,5,2026-01-01T00:00:01Z\n6,a,5,2026-01-01T00:02:00Z\n",
    );
    let report = run(&project, &["log"]);
    assert_eq!(report["ledger"]["reads"]["items"]["late"], json!(1));
}

#[test]
fn only_used_columns_are_validated_if_so_asked_and_the_ledger_says_so() {
    let project = small();
    project.edit("pipelines/log.yaml", "  - {from: items, to: db/items, mode: upsert}\n", "");
    project.edit(
        "pipelines/log.yaml",
        "SELECT id, kind, size FROM items WHERE size >= 2",
        "SELECT id, kind FROM items",
    );
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n");
    let all = run(&project, &["log"]);
    assert_eq!(all["ledger"]["reads"]["items"]["dead"], json!(1), "every column is validated by default");
    project.edit("pipelines/log.yaml", "contract: item@1}", "contract: item@1, validate: used}");
    let used = run(&project, &["log", "--full-refresh"]);
    let items = &used["ledger"]["reads"]["items"];
    assert_eq!((&items["dead"], &items["validated"]), (&json!(0), &json!("used")));
    assert_eq!(lake(&project, "items").len(), 4);
}

#[test]
fn the_index_of_runs_is_rebuilt_from_the_log() {
    let project = small();
    run(&project, &["log"]);
    run(&project, &["totals"]);
    let before = project.staunch(&["runs", "--output", "json"]).ok().json();
    assert_eq!(before.as_array().unwrap().len(), 2);
    std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
    assert_eq!(project.staunch(&["runs", "--output", "json"]).ok().json(), before);
}

#[test]
fn a_ledger_of_an_unknown_run_and_a_missing_project_say_what_to_do() {
    let project = small();
    project.staunch(&["ledger", "nope"]).fails(2, "Run.Unknown");
    let nowhere = Project::empty();
    nowhere.staunch(&["check"]).fails(3, "ST0007");
}

#[test]
fn rows_that_a_target_refuses_are_dead_letters_within_the_budget() {
    let project = small();
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let connection = rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap();
    connection
        .execute_batch("CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY CHECK (id < 3), kind TEXT NOT NULL, size INTEGER)")
        .unwrap();
    drop(connection);
    let report = run(&project, &["log"]);
    assert_eq!((&report["dead"], &report["ledger"]["writes"]["db/items"]["dead"]), (&json!(1), &json!(1)));
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    assert_eq!((&letters[0]["code"], &letters[0]["stage"]), (&json!("Sink.Rejected"), &json!("db/items")));
    assert_eq!(db(&project).len(), 2);

    // Beyond the budget the apply is taken back: the epoch stays committed and is not shown.
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 10 %, from_row: 1}");
    project.write("data/items/2.csv", "id,kind,size\n1,z,1\n7,a,1\n");
    project.staunch(&["run", "log"]).fails(5, "Sink.Rejected");
    assert_eq!(db(&project)[0], "id=i1|kind=ta|size=i1|", "nothing of the epoch is shown");
    // The budget is raised once: what was committed is shown first, then the new run goes on.
    run(&project, &["log", "--dead-letters-at-most", "100 %"]);
    assert_eq!(db(&project)[0], "id=i1|kind=tz|size=i1|");
}

#[test]
fn files_of_a_lost_state_folder_are_not_doubled() {
    let project = small();
    run(&project, &["log"]);
    let before = (lake(&project, "items"), db(&project));
    std::fs::remove_dir_all(project.root.join(".staunch")).unwrap();
    project.staunch(&["run", "log"]).fails(1, "Sink.Ahead");
    std::fs::remove_file(project.root.join("out/db.sqlite")).unwrap();
    project.staunch(&["run", "log"]).fails(1, "Sink.Ahead");
    assert_eq!(lake(&project, "items"), before.0);
}

#[test]
fn check_works_from_a_folder_inside_the_project() {
    let project = small();
    let inside = std::process::Command::new(env!("CARGO_BIN_EXE_staunch"))
        .arg("check")
        .current_dir(project.root.join("pipelines"))
        .output()
        .unwrap();
    assert!(inside.status.success(), "{}", String::from_utf8_lossy(&inside.stderr));
}

#[test]
fn the_key_of_dev_moves_with_the_project_and_another_one_is_an_error() {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n");
    run(&project, &["log"]);
    let id =
        project.staunch(&["dlq", "ls", "--output", "json"]).ok().json()[0]["id"].as_str().unwrap().to_owned();
    // Moved: the same key opens the same letters.
    let moved = project.root.parent().unwrap().join("moved");
    std::fs::rename(&project.root, &moved).unwrap();
    let elsewhere = moved.to_str().unwrap();
    std::fs::create_dir(&project.root).unwrap();
    let shown = project.staunch(&["dlq", "show", &id, "--project", elsewhere]).ok();
    assert!(shown.stdout.contains("10,a,ten"));
    // Lost: no new one is made in its place.
    let home = project.root.parent().unwrap().join("home/staunch/keys");
    std::fs::remove_dir_all(&home).unwrap();
    project.staunch(&["run", "log", "--project", elsewhere]).fails(3, "ST0008");
    assert!(!home.is_dir());
    // Another one: refused.
    let other = moved.join("other.key");
    std::fs::write(&other, "ab".repeat(32)).unwrap();
    let file = moved.join("staunch.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("  dev:\n", "  dev:\n    key: \"${file:other.key}\"\n")).unwrap();
    project.staunch(&["run", "log", "--project", elsewhere]).fails(3, "ST0008");
}

#[test]
fn an_id_names_one_run_of_the_project() {
    let project = small();
    run(&project, &["log", "--id", "one"]);
    project.staunch(&["run", "totals", "--id", "one"]).fails(2, "Usage.Invalid");
}

#[test]
fn the_ledger_of_a_failed_run_says_that_it_failed() {
    let project = small();
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 10 %, from_row: 1}");
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n11,a,eleven\n");
    project.staunch(&["run", "log", "--id", "bad"]).fails(5, "DeadLetters.Budget");
    let ledger = project.staunch(&["ledger", "bad"]).ok();
    assert!(ledger.stdout.contains("failed with DeadLetters.Budget"), "{}", ledger.stdout);
    assert!(!ledger.stdout.contains("every row is accounted for"));
    // Asked again it has not succeeded, and it is not run again either.
    let again = project.staunch(&["run", "log", "--id", "bad"]).fails(5, "DeadLetters.Budget");
    assert!(
        again.stderr.contains("run `bad` has failed") && again.stderr.contains("--id"),
        "{}",
        again.stderr
    );
    assert_eq!(project.staunch(&["runs", "--output", "json"]).ok().json().as_array().unwrap().len(), 1);
}

#[test]
fn a_budget_exceeded_below_a_whole_input_stage_keeps_the_evidence_too() {
    let project = small();
    project.edit("pipelines/totals.yaml", "{at_most: 100 %}", "{at_most: 10 %, from_row: 1}");
    project.write("data/items/2.csv", "id,kind,size\n10,a,ten\n11,a,eleven\n");
    project.staunch(&["run", "totals", "--id", "bad"]).fails(5, "DeadLetters.Budget");
    assert!(lake(&project, "totals").is_empty());
    let evidence = project.staunch(&["dlq", "ls", "--run", "bad", "--output", "json"]).ok().json();
    assert_eq!((evidence.as_array().unwrap().len(), &evidence[0]["evidence"]), (2, &json!(true)));
}
