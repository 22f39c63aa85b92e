//! From `click@1` to `click@2` in the middle of a pipeline: tables that are altered with the first rows, files that stay, what is refused, and what
//! a crash leaves.

use crate::project::Project;
use crate::tables;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PROJECT: &str = "project: shop
profiles:
  dev:
    in: {type: files, root: data, objects: {clicks: {path: \"clicks/*.csv\", format: csv}}}
    lake:
      type: files
      root: out
      objects:
        parquet: {path: parquet, format: parquet}
        json: {path: json, format: json}
        avro: {path: avro, format: avro}
    back:
      type: files
      root: out
      objects:
        parquet: {path: \"parquet/*.parquet\", format: parquet}
        avro: {path: \"avro/*.avro\", format: avro}
    db: {type: sqlite, path: out/db.sqlite}
";
const FIELDS: &str = "id: long, kind: string, size: int";

/// A project under `click@1` whose pipeline `p` has these writes, run once over three clicks and a broken one.
fn shop(writes: &[&str]) -> Project {
    let project = shop_of(FIELDS, writes);
    project.write("data/clicks/1.csv", "id,kind,size\n1,a,1\n2,b,2\n3,c,3\n4,d,x\n");
    project.staunch(&["run", "p", "--id", "run-1"]).ok();
    project
}

fn shop_of(fields: &str, writes: &[&str]) -> Project {
    let project = Project::empty();
    let writes: String = writes.iter().map(|write| format!("  - {{from: clicks, to: {write}}}\n")).collect();
    project.write("staunch.yaml", PROJECT).write(
        "pipelines/p.yaml",
        format!(
            "pipeline: p\nread:\n  clicks: {{from: in/clicks, contract: click@1}}\nwrite:\n{writes}dead_letters: {{at_most: 100 %}}\n"
        ),
    );
    contract(&project, 1, "[id]", fields);
    project
}

fn contract(project: &Project, version: u32, key: &str, fields: &str) {
    let text = format!("contract: click\nversion: {version}\nkey: {key}\nfields: {{{fields}}}\n");
    project.write(&format!("contracts/click{version}.yaml"), text);
}

/// Moves the pipeline to `click@2` of these fields, with a second file.
fn move_on(project: &Project, fields: &str, more: &str) {
    contract(project, 2, "[id]", fields);
    project.edit("pipelines/p.yaml", "click@1", "click@2");
    project.write("data/clicks/2.csv", more);
}

fn database(project: &Project) -> rusqlite::Connection {
    rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap()
}

/// The rows of a query, their values with `|` between them.
fn rows(project: &Project, query: &str) -> Vec<String> {
    let database = database(project);
    let mut statement = database.prepare(query).unwrap();
    let width = statement.column_count();
    let shown = |value: Sql| match value {
        Sql::Null => "null".to_owned(),
        Sql::Integer(n) => n.to_string(),
        Sql::Real(n) => format!("{n:?}"),
        Sql::Text(text) => text,
        Sql::Blob(bytes) => format!("{bytes:02x?}"),
    };
    let found = statement.query_map([], |row| {
        Ok((0..width).map(|at| shown(row.get(at).unwrap())).collect::<Vec<_>>().join("|"))
    });
    found.unwrap().map(Result::unwrap).collect()
}

fn form(project: &Project, table: &str) -> String {
    rows(project, &format!("SELECT sql FROM sqlite_schema WHERE name = '{table}'")).remove(0)
}

/// The refusals of a run: code, field and message of each.
#[track_caller]
fn refusals(project: &Project, args: &[&str]) -> Vec<(String, String, String)> {
    let args: Vec<&str> = ["run", "p", "--output", "json"].iter().chain(args).copied().collect();
    let done = project.staunch(&args);
    assert_eq!(done.code, Some(3), "{}{}", done.stdout, done.stderr);
    let at = done.stderr.find('{').unwrap_or_else(|| panic!("{}", done.stderr));
    let found: Value = serde_json::from_str(&done.stderr[at..]).unwrap();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let errors = found["errors"].as_array().unwrap();
    assert!(errors.iter().all(|e| e["hint"].is_string() && e["file"] == "pipelines/p.yaml"), "{found}");
    errors.iter().map(|e| (text(&e["code"]), text(&e["field"]), text(&e["message"]))).collect()
}

#[test]
fn a_table_is_altered_with_the_first_rows_and_not_before_somebody_asks() {
    let project = shop(&["db/clicks, mode: upsert", "lake/parquet, mode: append"]);
    move_on(
        &project,
        "id: long, kind: string, size: int, note: string?",
        "id,kind,size,note\n2,z,9,hi\n5,e,5,ho\n",
    );
    let before = form(&project, "clicks");
    for args in [&[][..], &["--accept-change"]] {
        let refused = refusals(&project, args);
        let [(code, _, message)] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!(code, "ST0070");
        assert!(message.contains("`db/clicks` must be altered to move from click@1 to click@2"), "{message}");
        assert!(message.contains("ALTER TABLE \"clicks\" ADD COLUMN \"note\" TEXT"), "{message}");
    }
    let plan = project.staunch(&["plan", "p"]).ok().stdout;
    for words in [
        "moves   read clicks: click@1 → click@2\n        `note` added: string?\n        dead letters (1): resolved on read",
        "late rows, state: none stored",
        "moves   write db/clicks: click@1 → click@2",
        "table: altered\n          add `note`, null in the rows that are there\n          ALTER TABLE \"clicks\" ADD COLUMN \"note\" TEXT\n",
        "files: stays\n          note: `note` is null for whoever reads the older files",
        "next:\n  staunch run p --migrate",
    ] {
        assert!(plan.contains(words), "{words}\nin\n{plan}");
    }
    let doctor = project.staunch(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("ST0070"), "{}", doctor.stdout);
    // Looking and refusing change nothing.
    assert_eq!(form(&project, "clicks"), before);

    let done = project.staunch(&["run", "p", "--migrate", "--id", "run-2", "--output", "json"]).ok().json();
    assert_eq!(
        done["moved"],
        json!([{"write": "db/clicks", "from": "click@1", "to": "click@2"}, {"write": "lake/parquet", "from": "click@1", "to": "click@2"}])
    );
    // The read goes on where it was.
    assert_eq!(done["ledger"]["reads"]["clicks"]["found"], json!(2));
    assert!(done["datasets"].as_array().unwrap().iter().all(|d| d["contract"] == "click@2"), "{done}");
    assert_eq!(
        rows(&project, "SELECT id, kind, size, note FROM clicks ORDER BY id"),
        ["1|a|1|null", "2|z|9|hi", "3|c|3|null", "5|e|5|ho"]
    );
    assert!(form(&project, "clicks").contains("PRIMARY KEY (\"id\")"));
    let files = tables::parquet(&project.root.join("out/parquet"));
    assert_eq!(files.len(), 5);
    assert_eq!(files.iter().filter(|row| row.contains("note=")).count(), 2, "{files:?}");
    // Under the new contract nothing is left to be moved, and letters of the old one are decoded under it.
    let plan = project.staunch(&["plan", "p", "--output", "json"]).ok().json();
    assert_eq!(plan["moves"], json!([]));
    project.staunch(&["run", "p"]).ok();
    let replayed = project.staunch(&["dlq", "replay", "--output", "json"]).ok();
    assert!(replayed.stdout.contains("1.csv"), "{}", replayed.stdout);
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    assert_eq!(
        (&letters[0]["contract"], &letters[0]["attempts"]),
        (&json!("click@2"), &json!(2)),
        "{letters}"
    );
}

#[test]
fn each_kind_of_change_alters_a_table_in_its_own_way() {
    for (fields, more, columns, expected) in [
        (
            "id: long, kind: string, size: int, note: {type: string, default: \"it's\"}",
            "id,kind,size,note\n5,e,5,x\n",
            "\"size\" INTEGER NOT NULL, \"note\" TEXT NOT NULL DEFAULT 'it''s', ",
            &["1|a|1|it's", "2|b|2|it's", "3|c|3|it's", "5|e|5|x"][..],
        ),
        (
            "id: long, kind: string, amount: {type: long, aliases: [size]}",
            "id,kind,amount\n5,e,5000000000\n",
            "\"kind\" TEXT NOT NULL, \"amount\" INTEGER NOT NULL, ",
            &["1|a|1", "2|b|2", "3|c|3", "5|e|5000000000"],
        ),
        (
            "id: long, kind: string, size: double",
            "id,kind,size\n5,e,5.5\n",
            "\"kind\" TEXT NOT NULL, \"size\" REAL NOT NULL, ",
            &["1|a|1.0", "2|b|2.0", "3|c|3.0", "5|e|5.5"],
        ),
        (
            "id: long, kind: string?, size: int",
            "id,kind,size\n5,,5\n",
            "\"kind\" TEXT, \"size\" INTEGER NOT NULL, ",
            &["1|a|1", "2|b|2", "3|c|3", "5|null|5"],
        ),
        (
            "id: long, size: int",
            "id,size\n5,5\n",
            "\"kind\" TEXT, \"size\" INTEGER NOT NULL, ",
            &["1|a|1", "2|b|2", "3|c|3", "5|null|5"],
        ),
        // All at once: one name more, one less, a name that another field had, a wider type.
        ("id: long, size: {type: string?}, amount: {type: double?, aliases: [count]}", "", "", &[]),
    ] {
        let project = shop(&["db/clicks, mode: upsert", "db/log, mode: append"]);
        move_on(&project, fields, more);
        if more.is_empty() {
            let refused = refusals(&project, &["--migrate"]);
            assert!(
                refused.iter().all(|(code, field, _)| (code.as_str(), field.as_str()) == ("ST0071", "size")),
                "{refused:?}"
            );
            continue;
        }
        project.staunch(&["run", "p", "--migrate"]).ok();
        for table in ["clicks", "log"] {
            let form = form(&project, table);
            let columns = if table == "log" { columns.trim_end_matches(", ") } else { columns };
            assert!(form.contains(columns), "{fields}: {form}");
            assert_eq!(rows(&project, &format!("SELECT * FROM {table} ORDER BY id")), expected, "{fields}");
        }
        project.staunch(&["run", "p"]).ok();
        project.staunch(&["doctor"]).ok();
    }
}

#[test]
fn what_cannot_go_along_is_refused_with_its_field_whatever_was_asked() {
    for (fields, field, words) in [
        ("id: int, kind: string, size: int", "id", "narrowed: long → int"),
        ("id: long, kind: string, size: string", "size", "type: int → string"),
        ("id: long, kind: string, size: timestamp-micros", "size", "mean something else"),
        (
            "id: long, kind: string, size: int, note: string",
            "note",
            "the rows that are there have no value for it",
        ),
        ("id: long, kind: string, amount: int", "amount", "the rows that are there have no value for it"),
        ("id: long, kind: string, size: {type: int, unit: kg}, note: string", "note", "added: string"),
    ] {
        let project = shop(&["db/clicks, mode: upsert"]);
        move_on(&project, fields, "id,kind,size\n5,e,5\n");
        let before = (form(&project, "clicks"), rows(&project, "SELECT * FROM clicks"));
        for args in [&[][..], &["--migrate"], &["--accept-change"]] {
            let refused = refusals(&project, args);
            let [(code, at, message)] = refused.as_slice() else { panic!("{refused:?}") };
            assert_eq!((code.as_str(), at.as_str()), ("ST0071", field), "{message}");
            assert!(message.contains(words), "{words} in {message}");
        }
        assert_eq!((form(&project, "clicks"), rows(&project, "SELECT * FROM clicks")), before);
        assert!(project.staunch(&["plan", "p"]).ok().stdout.contains("a run is refused until"));
    }
    // Old rows may hold what the new version forbids.
    for (old, new, field) in [
        ("id: long, kind: string?", "id: long, kind: string", "kind"),
        (
            "id: long, kind: {type: enum, symbols: [a, b]}",
            "id: long, kind: {type: enum, symbols: [a]}",
            "kind",
        ),
        ("id: long, kind: {type: int, unit: kg}", "id: long, kind: {type: int, unit: g}", "kind"),
        ("id: long, kind: \"decimal(9,2)\"", "id: long, kind: \"decimal(9,3)\"", "kind"),
    ] {
        for target in [
            "db/clicks, mode: append",
            "lake/parquet, mode: append",
            "lake/json, mode: append",
            "lake/avro, mode: append",
        ] {
            let project = shop_of(old, &[target]);
            project.write(
                "data/clicks/1.csv",
                if old.contains("enum") { "id,kind\n1,a\n" } else { "id,kind\n1,1\n" },
            );
            project.staunch(&["run", "p"]).ok();
            move_on(&project, new, "id,kind\n2,2\n");
            let refused = refusals(&project, &["--migrate"]);
            assert_eq!(
                (refused.len(), refused[0].0.as_str(), refused[0].1.as_str()),
                (1, "ST0071", field),
                "{old} {target} {refused:?}"
            );
        }
    }
}

#[test]
fn another_key_of_an_upsert_takes_a_table_that_is_written_anew() {
    let project = shop(&["db/clicks, mode: upsert"]);
    contract(&project, 2, "[kind]", FIELDS);
    project.edit("pipelines/p.yaml", "click@1", "click@2");
    let refused = refusals(&project, &["--migrate"]);
    assert!(refused[0].2.contains("key: id → kind"), "{refused:?}");
    database(&project)
        .execute_batch("CREATE VIEW ids AS SELECT id FROM clicks; CREATE INDEX sizes ON clicks (size)")
        .unwrap();
    project.staunch(&["run", "p", "--full-refresh"]).ok();
    assert!(form(&project, "clicks").ends_with("PRIMARY KEY (\"kind\"))"), "{}", form(&project, "clicks"));
    // What others made of the table is there as before.
    assert_eq!(rows(&project, "SELECT id FROM ids"), ["1", "2", "3"]);
    assert!(form(&project, "sizes").contains("(size)"));
}

#[test]
fn indexes_triggers_and_views_survive_a_table_that_is_copied() {
    let project = shop(&["db/log, mode: append"]);
    database(&project)
        .execute_batch(
            "CREATE INDEX sizes ON log (size); CREATE VIEW big AS SELECT id FROM log WHERE size > 1;
             CREATE TABLE seen (id INTEGER); ALTER TABLE log ADD COLUMN mine TEXT DEFAULT 'm';
             CREATE TRIGGER sees AFTER INSERT ON log BEGIN INSERT INTO seen VALUES (new.id); END;
             CREATE TRIGGER back AFTER DELETE ON seen BEGIN DELETE FROM log WHERE id = old.id; END",
        )
        .unwrap();
    move_on(&project, "id: long, kind: string, size: double", "id,kind,size\n5,e,5.5\n");
    project.staunch(&["run", "p", "--migrate"]).ok();
    assert_eq!(
        rows(&project, "SELECT size, mine FROM log ORDER BY id"),
        ["1.0|m", "2.0|m", "3.0|m", "5.5|m"]
    );
    // The copy has fired no trigger.
    assert_eq!(rows(&project, "SELECT id FROM seen"), ["5"]);
    assert_eq!(rows(&project, "SELECT id FROM big ORDER BY id"), ["2", "3", "5"]);
    assert_eq!(
        rows(&project, "SELECT count(*) FROM sqlite_schema WHERE name IN ('sizes', 'sees', 'back')"),
        ["3"]
    );
    assert_eq!(rows(&project, "PRAGMA integrity_check"), ["ok"]);

    // A table that says more than columns is not copied, but takes a column more.
    for (fields, header, done) in [
        ("id: long, kind: string, size: double", "id,kind,size\n5,e,5.5\n", false),
        ("id: long, kind: string, size: int, note: string?", "id,kind,size,note\n5,e,5,x\n", true),
    ] {
        let project = shop_of(FIELDS, &["db/log, mode: append"]);
        project.write("data/clicks/1.csv", "id,kind,size\n1,a,1\n");
        std::fs::create_dir(project.root.join("out")).unwrap();
        database(&project)
            .execute_batch("CREATE TABLE log (id INTEGER, kind TEXT, size INTEGER CHECK (size < 90))")
            .unwrap();
        project.staunch(&["run", "p"]).ok();
        move_on(&project, fields, header);
        if done {
            project.staunch(&["run", "p", "--migrate"]).ok();
            assert_eq!(rows(&project, "SELECT * FROM log"), ["1|a|1|null", "5|e|5|x"]);
            assert!(form(&project, "log").contains("CHECK (size < 90)"));
        } else {
            let refused = refusals(&project, &["--migrate"]);
            assert!(refused[0].2.contains("made with `CHECK`"), "{refused:?}");
        }
    }
}

#[test]
fn numbers_that_a_wider_type_would_round_are_not_widened() {
    let project = shop_of("id: long, kind: string, size: long", &["db/log, mode: append"]);
    project.write("data/clicks/1.csv", "id,kind,size\n1,a,9007199254740993\n");
    project.staunch(&["run", "p"]).ok();
    move_on(&project, "id: long, kind: string, size: double", "id,kind,size\n5,e,5.5\n");
    let refused = refusals(&project, &["--migrate"]);
    assert!(refused[0].2.contains("2^53") && !refused[0].2.contains("9007199254740993"), "{refused:?}");
    assert_eq!(rows(&project, "SELECT size FROM log"), ["9007199254740993"]);
}

#[test]
fn files_are_judged_by_what_their_format_resolves() {
    let renamed = "id: long, kind: string, amount: {type: int, aliases: [size]}";
    let defaulted = "id: long, kind: string, size: int, note: {type: string, default: none}";
    let widened = "id: long, kind: string, size: long";
    let floating = "id: long, kind: string, size: double";
    for (target, fields, fine) in [
        ("parquet", renamed, false),
        ("json", renamed, false),
        ("avro", renamed, true),
        ("parquet", defaulted, false),
        ("json", defaulted, false),
        ("avro", defaulted, true),
        ("parquet", widened, true),
        ("json", widened, true),
        ("avro", widened, true),
        ("parquet", floating, false),
        ("json", floating, true),
        ("avro", floating, true),
    ] {
        let project = shop(&[&format!("lake/{target}, mode: append")]);
        let header = if fields == renamed {
            "id,kind,amount\n"
        } else if fields == defaulted {
            "id,kind,size,note\n"
        } else {
            "id,kind,size\n"
        };
        let row = if fields == defaulted { "5,e,5,x\n" } else { "5,e,5\n" };
        move_on(&project, fields, &format!("{header}{row}"));
        if !fine {
            let refused = refusals(&project, &["--migrate"]);
            assert_eq!(refused[0].0, "ST0071", "{target} {fields}");
            // Nothing is altered in a folder, so that nothing else is asked for than what an edit asks for.
            continue;
        }
        project.staunch(&["run", "p"]).fails(1, "Run.Edited");
        project.staunch(&["run", "p", "--accept-change"]).ok();
        let show = project.staunch(&["run", "p", "--show"]);
        assert_eq!(show.code, Some(0), "{target} {fields}: {}", show.stderr);
        // What is called resolved is what a read of the whole folder under the new contract gives.
        if target == "json" {
            continue;
        }
        project.write(
            "pipelines/q.yaml",
            format!("pipeline: q\nread:\n  all: {{from: back/{target}, contract: click@2}}\nwrite:\n  - {{from: all, to: db/all, mode: append}}\n"),
        );
        project.staunch(&["run", "q"]).ok();
        let last = if fields == defaulted {
            "size, note"
        } else if fields == renamed {
            "amount"
        } else {
            "size"
        };
        let expected = match (fields == defaulted, fields == floating) {
            (true, _) => ["1|none", "2|none", "3|none", "5|x"],
            (_, true) => ["1.0", "2.0", "3.0", "5.0"],
            _ => ["1", "2", "3", "5"],
        };
        assert_eq!(
            rows(&project, &format!("SELECT {last} FROM \"all\" ORDER BY id")),
            expected,
            "{target} {fields}"
        );
    }
}

#[test]
fn a_folder_has_the_old_name_of_a_field_that_it_is_split_by() {
    let project = shop_of(FIELDS, &["lake/avro, mode: append"]);
    project.edit(
        "staunch.yaml",
        "avro: {path: avro, format: avro}",
        "avro: {path: avro, format: avro, partition_by: [kind]}",
    );
    project.write("data/clicks/1.csv", "id,kind,size\n1,a,1\n");
    project.staunch(&["run", "p"]).ok();
    project.edit("staunch.yaml", "partition_by: [kind]", "partition_by: [sort]");
    move_on(&project, "id: long, sort: {type: string, aliases: [kind]}, size: int", "id,sort,size\n5,e,5\n");
    let refused = refusals(&project, &["--migrate"]);
    assert_eq!((refused[0].0.as_str(), refused[0].1.as_str()), ("ST0071", "sort"), "{refused:?}");
}

#[test]
fn a_version_that_goes_back_is_refused() {
    let project = shop(&["db/clicks, mode: upsert"]);
    move_on(&project, "id: long, kind: string, size: int, note: string?", "id,kind,size,note\n5,e,5,x\n");
    project.staunch(&["run", "p", "--migrate"]).ok();
    project.edit("pipelines/p.yaml", "click@2", "click@1");
    for args in [&[][..], &["--migrate"], &["--accept-change"]] {
        let refused = refusals(&project, args);
        assert!(refused[0].2.contains("click@1 is an earlier version than click@2"), "{refused:?}");
    }
    project.staunch(&["run", "p", "--full-refresh"]).ok();
    assert_eq!(rows(&project, "SELECT * FROM clicks ORDER BY id"), ["1|a|1", "2|b|2", "3|c|3", "5|e|5"]);
}

#[test]
fn a_run_that_finds_nothing_new_moves_the_table_too_and_one_by_hand_needs_no_flag() {
    let fields = "id: long, kind: string, size: int, note: string?";
    let project = shop(&["db/clicks, mode: upsert"]);
    contract(&project, 2, "[id]", fields);
    project.edit("pipelines/p.yaml", "click@1", "click@2");
    let done = project.staunch(&["run", "p", "--migrate"]).ok();
    assert!(done.stdout.contains("db/clicks moved from click@1 to click@2"), "{}", done.stdout);
    assert!(form(&project, "clicks").contains("\"note\" TEXT"));
    assert!(
        project.staunch(&["run", "p"]).ok().stdout.contains("nothing new to read; no target was touched")
    );

    let project = shop(&["db/clicks, mode: upsert"]);
    move_on(&project, fields, "id,kind,size,note\n5,e,5,x\n");
    database(&project).execute_batch("ALTER TABLE clicks ADD COLUMN note TEXT").unwrap();
    project.staunch(&["run", "p"]).fails(1, "Run.Edited");
    project.staunch(&["run", "p", "--accept-change"]).ok();
    assert_eq!(rows(&project, "SELECT note FROM clicks ORDER BY id"), ["null", "null", "null", "x"]);
}

#[test]
fn a_table_that_every_run_replaces_gets_the_columns_of_the_day() {
    let project = shop(&["db/clicks, mode: replace"]);
    database(&project).execute_batch("CREATE INDEX kinds ON clicks (kind)").unwrap();
    move_on(&project, "id: long, kind: string?, amount: double?", "id,kind,amount\n5,,5.5\n");
    project.staunch(&["run", "p"]).ok();
    assert_eq!(
        rows(&project, "SELECT id, kind, amount FROM clicks ORDER BY id"),
        ["1|a|null", "2|b|null", "3|c|null", "4|d|null", "5|null|5.5"]
    );
    assert!(!form(&project, "clicks").contains("size") && form(&project, "kinds").contains("kind"));
}

#[test]
fn a_field_that_a_stage_hands_on_is_the_same_field_under_its_new_name() {
    let project = Project::empty();
    project.write("staunch.yaml", PROJECT).write(
        "pipelines/p.yaml",
        "pipeline: p
read:
  clicks: {from: in/clicks, contract: click@1}
process:
  some: SELECT * FROM clicks WHERE id > 1
write:
  - {from: some, to: db/some, mode: append}
",
    );
    contract(&project, 1, "[id]", FIELDS);
    project.write("data/clicks/1.csv", "id,kind,size\n1,a,1\n2,b,2\n");
    project.staunch(&["run", "p"]).ok();
    move_on(
        &project,
        "id: long, kind: string, amount: {type: int, aliases: [size]}, note: {type: string, default: none}",
        "id,kind,amount,note\n5,e,5,x\n",
    );
    let refused = refusals(&project, &[]);
    assert!(refused[0].2.contains("take the columns that some@1 has now"), "{refused:?}");
    project.staunch(&["run", "p", "--migrate"]).ok();
    assert_eq!(
        rows(&project, "SELECT id, kind, amount, note FROM \"some\" ORDER BY id"),
        ["2|b|2|none", "5|e|5|x"]
    );
}

#[test]
fn a_row_that_the_old_table_refused_is_written_under_the_new_contract() {
    let project = shop_of(FIELDS, &["db/log, mode: append"]);
    project.write("data/clicks/1.csv", "id,kind,size\n1,a,1\n2,b,99\n");
    std::fs::create_dir(project.root.join("out")).unwrap();
    database(&project)
        .execute_batch("CREATE TABLE log (id INTEGER, kind TEXT, size INTEGER CHECK (size < 90))")
        .unwrap();
    project.staunch(&["run", "p"]).ok();
    move_on(&project, "id: long, kind: string, amount: {type: long, aliases: [size]}, note: string?", "");
    std::fs::remove_file(project.root.join("data/clicks/2.csv")).unwrap();
    let plan = project.staunch(&["plan", "p"]).ok().stdout;
    assert!(plan.contains("refused rows (1): resolved on read"), "{plan}");
    project.staunch(&["run", "p", "--migrate"]).ok();
    database(&project)
        .execute_batch("CREATE TABLE free (id INTEGER, kind TEXT, amount INTEGER, note TEXT); INSERT INTO free SELECT * FROM log; DROP TABLE log; ALTER TABLE free RENAME TO log")
        .unwrap();
    project.staunch(&["dlq", "replay"]).ok();
    assert_eq!(rows(&project, "SELECT * FROM log ORDER BY id"), ["1|a|1|null", "2|b|99|null"]);
    assert_eq!(project.staunch(&["dlq", "ls", "--output", "json"]).ok().json(), json!([]));
}

/// What was decided under the old contract and not shown yet is shown under it, before anything is altered.
#[test]
fn an_epoch_of_the_old_contract_is_shown_before_the_table_moves() {
    for plan in ["kill=apply.before:1", "kill=sqlite.before_commit:3"] {
        let project = shop_of(FIELDS, &["db/clicks, mode: upsert"]);
        project.write("data/clicks/1.csv", "id,kind,size\n1,a,1\n2,b,2\n");
        let killed = project.staunch_with(&["run", "p", "--id", "run-1"], &[("STAUNCH_FAILPOINTS", plan)]);
        assert_eq!(killed.code, None, "{}", killed.stderr);
        move_on(
            &project,
            "id: long, kind: string, amount: {type: double?, aliases: [size]}",
            "id,kind,amount\n5,e,\n",
        );
        assert_eq!(refusals(&project, &[])[0].0, "ST0070");
        project.staunch(&["run", "p", "--migrate", "--id", "run-2"]).ok();
        assert_eq!(
            rows(&project, "SELECT id, amount FROM clicks ORDER BY id"),
            ["1|1.0", "2|2.0", "5|null"],
            "{plan}"
        );
    }
}

/// Killed at each failpoint that the run passes, at its first and at its last passage, it comes to the same tables, once.
#[test]
fn killed_at_every_failpoint_the_move_happens_once() {
    let make = || {
        let project = shop(&["db/clicks, mode: upsert", "db/log, mode: append"]);
        let fields = "id: long, kind: string, amount: {type: double, aliases: [size]}, note: {type: string, default: none}";
        // Several epochs, of which one moves the tables.
        project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 1 KiB}");
        project.edit("pipelines/p.yaml", "pipeline: p\n", "pipeline: p\nepoch_bytes: 1 KiB\n");
        let more: String = (100..300).map(|id| format!("{id},z,{id}.5,x\n")).collect();
        move_on(&project, fields, &format!("id,kind,amount,note\n2,z,9.5,x\n6,f,bad,y\n{more}"));
        project
    };
    let run = ["run", "p", "--migrate", "--id", "run-2"];
    let outcome = |project: &Project| {
        let all = ["clicks", "log"].map(|table| {
            (form(project, table), rows(project, &format!("SELECT * FROM {table} ORDER BY id")))
        });
        let ledger = project.staunch(&["ledger", "run-2", "--output", "json"]).ok().json();
        (all, ledger["ledger"]["writes"].clone(), ledger["balanced"].clone())
    };
    let undisturbed = make();
    let report = undisturbed.root.parent().unwrap().join("passages");
    let text = report.to_string_lossy().into_owned();
    undisturbed
        .staunch_with(&run, &[("STAUNCH_FAILPOINTS", "count"), ("STAUNCH_FAILPOINTS_REPORT", &text)])
        .ok();
    let expected = outcome(&undisturbed);
    assert_eq!(expected.0[1].1[..4], ["1|a|1.0|none", "2|b|2.0|none", "2|z|9.5|x", "3|c|3.0|none"]);
    assert_eq!(expected.0[1].1.len(), 204);
    let manifests = std::fs::read_dir(undisturbed.root.join(".staunch/dev/p/manifests")).unwrap();
    let texts: Vec<String> = manifests.map(|m| std::fs::read_to_string(m.unwrap().path()).unwrap()).collect();
    let with = |what: &str| texts.iter().filter(|text| text.contains(what)).count();
    assert!(with("\"db/log\": {") > 3, "several epochs have rows");
    assert_eq!(with("\"moved\""), 1, "one of them moves the tables");
    let passages: BTreeMap<String, u64> = std::fs::read_to_string(&report)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| *name != "total")
        .map(|(name, count)| (name.to_owned(), count.parse().unwrap()))
        .collect();
    assert_eq!((passages["sqlite.before_alter"], passages["sqlite.after_alter"]), (2, 2));
    for (name, last) in &passages {
        for passage in [1, *last] {
            let project = make();
            let plan = format!("kill={name}:{passage}");
            let killed = project.staunch_with(&run, &[("STAUNCH_FAILPOINTS", plan.as_str())]);
            assert_eq!(killed.code, None, "{plan}: {}", killed.stderr);
            // A run that is unfinished goes on with what it was asked; one that had not begun is asked again.
            let again: Vec<&str> = run.iter().chain(&["--output", "json"]).copied().collect();
            let report = project.staunch(&again).ok().json();
            assert_eq!(report["moved"].as_array().unwrap().len(), 2, "{plan}: {}", report["moved"]);
            assert_eq!(outcome(&project), expected, "{plan}");
            if *last == 1 {
                break;
            }
        }
    }
}
