//! Rows that a target refuses: whole dead letters, that can be shown, written again once the table is mended, and given up.

use crate::project::{Done, Project};
use crate::tables;
use serde_json::{Value, json};

const PROJECT: &str = "project: shop
profiles:
  dev:
    pii: {mail: token}
    in:
      type: files
      root: data
      objects:
        items: {path: \"items/*.csv\", format: csv}
    db: {type: sqlite, path: db.sqlite}
";
const ITEM: &str = "contract: item
version: 1
key: [id]
fields:
  id: long
  kind: string
  size: int?
  mail: {type: string, pii: mail}
";
const LOG: &str = "pipeline: log
read:
  items: {from: in/items, contract: item@1}
write:
  - {from: items, to: db/items, mode: MODE}
dead_letters: {at_most: 100 %}
";
/// Each of rows 2 to 4 breaks another constraint.
const TABLES: &str = "CREATE TABLE kinds (kind TEXT PRIMARY KEY);
    INSERT INTO kinds VALUES ('a'), ('b');
    CREATE TABLE items (id INTEGER PRIMARY KEY, kind TEXT UNIQUE REFERENCES kinds (kind), size INTEGER CHECK (size < 10), mail TEXT)";
const ITEMS: &str = "id,kind,size,mail\n1,a,1,one@example.org\n2,a,2,two@example.org\n3,b,30,three@example.org\n4,c,4,four@example.org\n";

fn shop(mode: &str) -> Project {
    let project = Project::empty();
    project
        .write("staunch.yaml", PROJECT)
        .write("contracts/item.yaml", ITEM)
        .write("pipelines/log.yaml", LOG.replace("MODE", mode))
        .write("data/items/1.csv", ITEMS);
    execute(&project, TABLES);
    project
}

fn execute(project: &Project, sql: &str) {
    rusqlite::Connection::open(project.root.join("db.sqlite")).unwrap().execute_batch(sql).unwrap();
}

/// Takes every constraint away and keeps the rows.
fn mend(project: &Project) {
    execute(
        project,
        "CREATE TABLE free (id INTEGER PRIMARY KEY, kind TEXT, size INTEGER, mail TEXT);
         INSERT INTO free SELECT * FROM items; DROP TABLE items; ALTER TABLE free RENAME TO items",
    );
}

fn ids(project: &Project) -> Vec<String> {
    let rows = tables::sqlite(&project.root.join("db.sqlite")).remove("items").unwrap();
    rows.iter().map(|row| row.split('|').next().unwrap().to_owned()).collect()
}

fn dlq(project: &Project, verb: &str) -> Value {
    project.staunch(&["dlq", verb, "--output", "json"]).ok().json()
}

fn column<'a>(letters: &'a Value, name: &str) -> Vec<&'a Value> {
    letters.as_array().unwrap().iter().map(|letter| &letter[name]).collect()
}

fn killed(project: &Project, args: &[&str], plan: &str) {
    let done: Done = project.staunch_with(args, &[("STAUNCH_FAILPOINTS", plan)]);
    assert_eq!(done.code, None, "not killed at {plan}: {}", done.stderr);
}

fn write_account(report: &Value) -> Value {
    report["ledger"]["writes"]["db/items"].clone()
}

#[test]
fn a_refused_row_is_shown_by_column_and_written_once_when_the_table_is_mended() {
    for mode in ["append", "upsert"] {
        let project = shop(mode);
        let report = project.staunch(&["run", "--output", "json"]).ok().json();
        assert_eq!((&write_account(&report)["applied"], &report["dead"]), (&json!(1), &json!(3)));
        let listed = dlq(&project, "ls");
        assert_eq!(column(&listed, "id"), ["db/items@2#1", "db/items@2#2", "db/items@2#3"]);
        let reasons = column(&listed, "reason");
        assert_eq!(reasons, ["unique key: items.kind", "check: size < 10", "foreign key"]);

        // What is kept, and shown, is the row behind the PII step.
        let shown = dlq(&project, "show");
        let row: Value = serde_json::from_str(shown[1]["raw"].as_str().unwrap()).unwrap();
        assert_eq!((&row["id"], &row["kind"], &row["size"]), (&json!(3), &json!("b"), &json!(30)));
        assert_eq!(row["mail"].as_str().unwrap().len(), 32);
        assert!(!shown.to_string().contains("example.org"));

        mend(&project);
        let dry = dlq_dry(&project, "replay");
        assert_eq!((dry["letters"].as_array().unwrap().len(), ids(&project).len()), (3, 1));
        let replayed = dlq(&project, "replay");
        let account = write_account(&replayed["runs"][0]);
        assert_eq!(
            (&account["segment"], &account["applied"], &account["dead"]),
            (&json!(3), &json!(3), &json!(0))
        );
        assert_eq!(ids(&project), ["id=i1", "id=i2", "id=i3", "id=i4"]);
        let ledger = project.staunch(&["ledger", "--output", "json"]).ok().json();
        assert_eq!((&ledger["balanced"], &ledger["shown"]), (&json!(true), &json!(true)));

        // Once: nothing stands any more, and nothing is written again.
        let nothing = project.staunch(&["dlq", "replay"]).ok().stdout;
        assert!(nothing.contains("nothing to do"), "{nothing}");
        project.staunch(&["dlq", "replay", "db/items@2#1"]).fails(1, "DeadLetters.Invalid");
        project.staunch(&["run"]).ok();
        assert_eq!((ids(&project).len(), dlq(&project, "ls")), (4, json!([])));
    }
}

fn dlq_dry(project: &Project, verb: &str) -> Value {
    project.staunch(&["dlq", verb, "--dry-run", "--output", "json"]).ok().json()
}

#[test]
fn refused_again_it_is_a_dead_letter_with_one_attempt_more() {
    let project = shop("append");
    project.staunch(&["run"]).ok();
    execute(&project, "INSERT INTO kinds VALUES ('c')");
    // One row is taken now, two are not.
    let replayed = dlq(&project, "replay");
    let account = write_account(&replayed["runs"][0]);
    assert_eq!((&account["applied"], &account["dead"]), (&json!(1), &json!(2)));
    let listed = dlq(&project, "ls");
    assert_eq!(column(&listed, "attempts"), [2, 2]);
    assert_eq!(column(&listed, "reason"), ["unique key: items.kind", "check: size < 10"]);
    assert_eq!(ids(&project), ["id=i1", "id=i4"]);
    // One letter alone, and the others stay with what they have.
    let id = listed[1]["id"].as_str().unwrap();
    project.staunch(&["dlq", "replay", id]).ok();
    assert_eq!(column(&dlq(&project, "ls"), "attempts"), [2, 3]);
    // Beside a letter of the read: each goes where it came from, in one run.
    project.write("data/items/2.csv", "id,kind,size,mail\nfive,b,50,five@example.org\n");
    project.staunch(&["run"]).ok();
    let replayed = dlq(&project, "replay");
    let ledger = &replayed["runs"][0]["ledger"];
    assert_eq!(
        (&ledger["reads"]["items"]["dead"], &ledger["writes"]["db/items"]["dead"]),
        (&json!(1), &json!(2))
    );
    let again = dlq(&project, "ls");
    let mut tried: Vec<_> = again.as_array().unwrap().iter().map(|l| (&l["stage"], &l["attempts"])).collect();
    tried.sort_by_key(|pair| format!("{pair:?}"));
    let (read, write) = (json!("items"), json!("db/items"));
    assert_eq!(tried, [(&write, &json!(3)), (&write, &json!(4)), (&read, &json!(2))]);
}

#[test]
fn a_refused_row_can_be_given_up() {
    let project = shop("append");
    project.staunch(&["run"]).ok();
    let dry = dlq_dry(&project, "discard");
    assert_eq!(
        (dry["letters"].as_array().unwrap().len(), dlq(&project, "ls").as_array().unwrap().len()),
        (3, 3)
    );
    project.staunch(&["dlq", "discard", "db/items@2#2"]).ok();
    assert_eq!(column(&dlq(&project, "ls"), "id"), ["db/items@2#1", "db/items@2#3"]);
    // All of them must be said: it cannot be taken back.
    project.staunch(&["dlq", "discard"]).fails(2, "Usage.Invalid");
    project.staunch(&["dlq", "discard", "--pipeline", "lag"]).fails(3, "ST0003");
    assert_eq!(dlq(&project, "ls").as_array().unwrap().len(), 2);
    project.staunch(&["dlq", "discard", "--all"]).ok();
    assert_eq!(dlq(&project, "ls"), json!([]));
}

#[test]
fn what_cannot_be_written_alone_says_what_to_do() {
    // A table that is replaced.
    let project = shop("replace");
    project.staunch(&["run"]).ok();
    assert_eq!(dlq(&project, "show").as_array().unwrap().len(), 3);
    let refused = project.staunch(&["dlq", "replay", "--dry-run"]).fails(1, "DeadLetters.Invalid");
    assert!(refused.stderr.contains("mend the table and run"), "{}", refused.stderr);
    mend(&project);
    project.staunch(&["run", "--full-refresh"]).ok();
    assert_eq!((ids(&project).len(), dlq(&project, "ls")), (4, json!([])));

    // A row that was made under another contract, and is none of that of today.
    let project = shop("append");
    project.staunch(&["run"]).ok();
    mend(&project);
    project.edit("contracts/item.yaml", "size: int?", "size: {type: int?, max: 0}");
    project.staunch(&["run", "--accept-change"]).ok();
    project.staunch(&["dlq", "replay"]).fails(1, "DeadLetters.Invalid");
    assert_eq!(ids(&project), ["id=i1"]);
    // Nothing was begun: the next start has nothing to end.
    assert_eq!(project.staunch(&["run", "--output", "json"]).ok().json()["continued"], json!(false));
}

/// Where a target refuses the latest row of a key, the one before it stays, in one epoch as in many and in a full refresh.
#[test]
fn a_refused_row_of_an_upsert_leaves_the_row_before_it() {
    for cut in ["", "profile", "refresh"] {
        let project = shop("upsert");
        if cut == "profile" {
            project.edit("staunch.yaml", "    pii:", "    epoch_bytes: 16\n    pii:");
            project.edit("staunch.yaml", "format: csv", "format: csv, chunk_bytes: 16");
        }
        project
            .write("data/items/1.csv", "id,kind,size,mail\n1,a,1,x\n2,b,2,x\n1,a,13,x\n1,a,3,x\n2,b,14,x\n");
        project.staunch(&["run"]).ok();
        if cut == "refresh" {
            project.staunch(&["run", "--full-refresh"]).ok();
        }
        let rows = tables::sqlite(&project.root.join("db.sqlite")).remove("items").unwrap();
        let sizes: Vec<&str> = rows.iter().map(|row| row.split('|').nth(2).unwrap()).collect();
        assert_eq!(sizes, ["size=i3", "size=i2"], "{cut}");
        let raws: Vec<i64> = column(&dlq(&project, "show"), "raw")
            .iter()
            .map(|raw| {
                serde_json::from_str::<Value>(raw.as_str().unwrap()).unwrap()["size"].as_i64().unwrap()
            })
            .collect();
        assert_eq!(raws, [13, 14], "{cut}");
    }
}

/// An upsert below a whole read writes everything again with every run: what it refused before is superseded.
#[test]
fn a_whole_read_supersedes_what_its_upsert_refused() {
    let project = shop("upsert");
    project.edit("pipelines/log.yaml", "write:\n  - {from: items", "process:\n  last: SELECT id, max(kind) AS kind, max(size) AS size, max(mail) AS mail FROM items GROUP BY id\nwrite:\n  - {from: last");
    project.edit("contracts/item.yaml", "mail: {type: string, pii: mail}", "mail: string");
    let check = project.staunch(&["check"]);
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    project.staunch(&["run"]).ok();
    assert_eq!(dlq(&project, "ls").as_array().unwrap().len(), 3);
    project.write("data/items/2.csv", "id,kind,size,mail\n9,b,9,x\n");
    project.staunch(&["run"]).ok();
    let again = dlq(&project, "ls");
    assert_eq!(again.as_array().unwrap().len(), 3, "{again}");
    mend(&project);
    dlq(&project, "replay");
    assert_eq!(ids(&project).len(), 5);
}

#[test]
fn killed_between_the_target_and_the_record_the_letters_are_the_same() {
    let undisturbed = shop("append");
    undisturbed.staunch(&["run"]).ok();
    let expected = column(&dlq(&undisturbed, "show"), "raw").iter().map(|v| (*v).clone()).collect::<Vec<_>>();
    for plan in [
        "kill=sqlite.after_commit:3",
        "kill=apply.after:1",
        "kill=apply.after_letters:1",
        "kill=apply.before_record:1",
    ] {
        let project = shop("append");
        killed(&project, &["run"], plan);
        project.staunch(&["run"]).ok();
        let shown = dlq(&project, "show");
        assert_eq!(column(&shown, "attempts"), [1, 1, 1], "{plan}");
        // Tokens differ from project to project: each has a key of its own.
        let plain = |v: &Value| v.as_str().unwrap().split("\"mail\"").next().unwrap().to_owned();
        let (found, expected): (Vec<_>, Vec<_>) =
            (column(&shown, "raw").into_iter().map(plain).collect(), expected.iter().map(plain).collect());
        assert_eq!(found, expected, "{plan}");
        assert_eq!(ids(&project), ["id=i1"]);
    }
}

#[test]
fn killed_during_its_replay_a_letter_is_written_once_or_stands() {
    // Before the epoch is decided: nothing has happened, and the next run says so.
    for plan in
        ["kill=start.generation_raised:1", "kill=commit.after_create:1", "kill=commit.before_create:2"]
    {
        let project = shop("append");
        project.staunch(&["run"]).ok();
        mend(&project);
        killed(&project, &["dlq", "replay"], plan);
        project.staunch(&["run"]).ok();
        assert_eq!(
            (ids(&project), column(&dlq(&project, "ls"), "attempts")),
            (vec!["id=i1".to_owned()], vec![&json!(1); 3]),
            "{plan}"
        );
        dlq(&project, "replay");
        assert_eq!((ids(&project).len(), dlq(&project, "ls")), (4, json!([])), "{plan}");
    }
    // After it: the next run shows it, once, and a row that is refused again counts its attempts all the same.
    for plan in [
        "kill=commit.after_create:2",
        "kill=sqlite.before_commit:3",
        "kill=apply.after:1",
        "kill=apply.after_letters:1",
    ] {
        let project = shop("append");
        project.staunch(&["run"]).ok();
        execute(&project, "INSERT INTO kinds VALUES ('c')");
        killed(&project, &["dlq", "replay"], plan);
        project.staunch(&["dlq", "replay"]).ok();
        project.staunch(&["run"]).ok();
        assert_eq!(ids(&project), ["id=i1", "id=i4"], "{plan}");
        assert_eq!(column(&dlq(&project, "ls"), "attempts"), [2, 2], "{plan}");
    }
}

#[test]
fn more_refusals_than_the_budget_take_the_epoch_back() {
    let project = shop("append");
    project.edit("pipelines/log.yaml", "at_most: 100 %", "at_most: 50 %, from_row: 1");
    project.staunch(&["run"]).fails(5, "Sink.Rejected");
    assert!(ids(&project).is_empty());
    assert_eq!(dlq(&project, "ls"), json!([]));
    // Mended, the same epoch is shown.
    mend(&project);
    project.staunch(&["run"]).ok();
    assert_eq!(ids(&project).len(), 4);

    // Or the budget is raised once, also after starts that did not raise it.
    let project = shop("append");
    project.edit("pipelines/log.yaml", "at_most: 100 %", "at_most: 50 %, from_row: 1");
    for _ in 0..2 {
        project.staunch(&["run"]).fails(5, "Sink.Rejected");
    }
    project.staunch(&["run", "--dead-letters-at-most", "100 %"]).ok();
    assert_eq!((ids(&project).len(), dlq(&project, "ls").as_array().unwrap().len()), (1, 3));
}

/// A full refresh puts other rows in place of what was refused; one that fails leaves it as it was.
#[test]
fn a_full_refresh_goes_on_without_an_epoch_that_the_target_refuses() {
    let project = shop("append");
    project.edit("pipelines/log.yaml", "at_most: 100 %", "at_most: 50 %, from_row: 1");
    project.staunch(&["run"]).fails(5, "Sink.Rejected");
    // The refresh fails by itself: too many records are dead.
    project.write("data/items/1.csv", "id,kind,size,mail\nx,a,1,m\ny,a,1,m\n1,a,1,m\n");
    project.staunch(&["run", "--full-refresh"]).fails(5, "DeadLetters.Budget");
    assert!(ids(&project).is_empty());
    project.staunch(&["run"]).fails(5, "Sink.Rejected");
    // Killed on its way it comes to the same.
    project.write("data/items/1.csv", "id,kind,size,mail\n5,a,1,m\n6,b,1,m\n");
    killed(&project, &["run", "--full-refresh"], "kill=apply.before_record:1");
    project.staunch(&["run", "--full-refresh"]).ok();
    assert_eq!(ids(&project), ["id=i5", "id=i6"]);
    // It is void from now on.
    mend(&project);
    project.write("data/items/2.csv", "id,kind,size,mail\n7,a,1,m\n");
    project.staunch(&["run"]).ok();
    assert_eq!(ids(&project), ["id=i5", "id=i6", "id=i7"]);
}

/// An id is given once, also where the run that has it is not shown yet and others have failed since.
#[test]
fn a_run_that_is_asked_for_by_its_id_is_shown_by_a_run_of_another_id() {
    let project = shop("append");
    project.edit("pipelines/log.yaml", "at_most: 100 %", "at_most: 50 %, from_row: 1");
    project.staunch(&["run", "--id", "one"]).fails(5, "Sink.Rejected");
    // Asked for once more, it is the same run that is refused.
    project.staunch(&["run", "--id", "one"]).fails(5, "Sink.Rejected");
    project.write("data/items/1.csv", "id,kind,size,mail\nx,a,1,m\ny,a,1,m\n1,a,1,m\n");
    project.staunch(&["run", "--full-refresh"]).fails(5, "DeadLetters.Budget");
    mend(&project);
    // What it had committed is shown now; that it failed stays so.
    project.staunch(&["run", "--id", "one"]).fails(5, "Sink.Rejected");
    assert_eq!(ids(&project).len(), 4);
    let runs = project.staunch(&["runs", "--output", "json"]).ok().json();
    let of_this_id = column(&runs, "run").into_iter().filter(|run| **run == json!("one")).count();
    assert_eq!(of_this_id, 1, "{runs}");
}
