//! What `check` tells: every mistake at once, each with its place, and nothing that follows from another one.

use crate::project::{Done, Project};
use crate::rules::small;
use serde_json::Value;

/// The mistakes as `CODE file:line:column`, and the words of each message.
fn told(done: &Done) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&done.stderr).unwrap();
    let errors = document["errors"].as_array().unwrap().iter();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    errors
        .map(|e| {
            let place = format!("{} {}:{}:{}", text(&e["code"]), text(&e["file"]), e["line"], e["column"]);
            (place, text(&e["message"]))
        })
        .collect()
}

fn places(done: &Done) -> Vec<String> {
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    told(done).into_iter().map(|(place, _)| place).collect()
}

#[test]
fn every_mistake_of_a_project_is_told_at_once_with_its_place() {
    let project = small();
    project
        .write(
            "pipelines/wrong.yaml",
            "pipeline: wrong
read:
  items: {from: in/items, contract: item@1}
  lost: {from: in/nothing, contract: item@1}
process:
  unknown_name: SELECT id FROM itemz
  unknown_column: SELECT idd FROM items
  misfit: {sql: 'SELECT id, kind, kind AS size FROM items', contract: item@1}
  below: SELECT id FROM unknown_column
  below_name: SELECT nonsense FROM unknown_name
  below_read: SELECT nonsense FROM lost
write:
  - {from: below, to: db/d}
  - {from: below_name, to: db/a}
  - {from: below_read, to: db/b}
  - {from: misfit, to: db/c, mode: upsert}
",
        )
        .write(
            "pipelines/other.yaml",
            "pipeline: other\nread:\n  items: {from: in/items, contract: item@1}\nprocess:\n  a: SELECT kind, count(*) AS n, sum(siz) AS s FROM items GROUP BY kind\nwrite:\n  - {from: a, to: db/other, mode: replace}\n  - {from: items, to: db/all, mode: append, allow_emty: true}\n",
        )
        .write("contracts/broken.yaml", "contract: broken\nversion: 1\nfields:\n  id: lnog\n");
    let failed = project.staunch(&["check", "--output", "json"]);
    assert_eq!(
        places(&failed),
        [
            "ST0031 contracts/broken.yaml:4:7",
            "ST0021 pipelines/other.yaml:5:38",
            "ST0002 pipelines/other.yaml:8:45",
            "ST0003 pipelines/wrong.yaml:4:19",
            "ST0003 pipelines/wrong.yaml:6:32",
            "ST0021 pipelines/wrong.yaml:7:26",
            "ST0030 pipelines/wrong.yaml:8:35",
        ]
    );
    let words = told(&failed);
    for (at, word) in [(1, "siz"), (3, "nothing"), (4, "itemz"), (5, "idd"), (6, "size")] {
        assert!(words[at].1.contains(word), "{word} in {words:?}");
    }
    // One pipeline: what is wrong with the files, and with that pipeline.
    let one = places(&project.staunch(&["check", "other", "--output", "json"]));
    assert_eq!(one.len(), 5, "{one:?}");
    assert!(one.contains(&"ST0021 pipelines/other.yaml:5:38".to_owned()));
    // With a broken contract nothing runs and nothing is planned; mistakes of other pipelines are not told there.
    for verb in ["run", "plan"] {
        let failed = project.staunch(&[verb, "log"]).fails(3, "ST0031");
        assert!(!failed.stderr.contains("ST0003"), "{}", failed.stderr);
    }
}

#[test]
fn what_is_wrong_with_the_profile_hides_no_mistake_of_sql() {
    let project = small();
    project.edit("contracts/item.yaml", "kind: string", "kind: {type: string, pii: person}");
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    key: topsecret\n    memry: 1 GiB\n");
    project.edit(
        "staunch.yaml",
        "{path: totals, format: parquet}",
        "{path: totals, format: parquet, compresion: zstd}",
    );
    project.edit("pipelines/log.yaml", "SELECT id, kind, size", "SELECT id, kind, size, colour");
    let failed = project.staunch(&["check", "--output", "json"]);
    assert_eq!(
        places(&failed),
        [
            "ST0032 pipelines/log.yaml:3:37",
            "ST0021 pipelines/log.yaml:5:31",
            "ST0005 staunch.yaml:4:10",
            "ST0002 staunch.yaml:5:5",
            "ST0041 staunch.yaml:16:61",
        ]
    );
    assert!(!failed.stderr.contains("topsecret"));
}

#[test]
fn two_writes_to_one_target_are_refused_with_both_places() {
    let second = |to: &str| {
        format!(
            "pipeline: second\nread:\n  items: {{from: in/items, contract: item@1}}\nwrite:\n  - {{from: items, to: {to}}}\n"
        )
    };
    for (object, to, how) in [
        ("", "lake/items", "same folder"),
        ("        copy: {path: ./items, format: parquet}\n", "lake/copy", "same folder"),
        ("        copy: {path: items/kind, format: parquet}\n", "lake/copy", "one in the other"),
        (
            "    all: {type: files, root: ., objects: {out: {path: out, format: parquet}}}\n",
            "all/out",
            "one in the other",
        ),
        ("", "db/ITEMS", "same table"),
        ("    again: {type: sqlite, path: ./out/../out/db.sqlite}\n", "again/items", "same table"),
    ] {
        let project = small();
        let text = std::fs::read_to_string(project.root.join("staunch.yaml")).unwrap();
        let with = match object.starts_with("     ") {
            true => text.replace("    db: {", &format!("{object}    db: {{")),
            false => format!("{text}{object}"),
        };
        project.write("staunch.yaml", with).write("pipelines/second.yaml", second(to));
        let failed = project.staunch(&["check", "--output", "json"]);
        let found = told(&failed);
        assert!(found[0].0.starts_with("ST0042 pipelines/second.yaml:5:23"), "{to}: {}", failed.stderr);
        assert!(found[0].1.contains(how), "{to}: {}", failed.stderr);
        assert!(failed.stderr.contains("pipelines/log.yaml:"), "the other place: {}", failed.stderr);
        // Neither of the two runs, and a third one does.
        project.staunch(&["run", "second"]).fails(3, "ST0042");
        project.staunch(&["run", "log"]).fails(3, "ST0042");
        if to != "all/out" {
            project.staunch(&["run", "totals"]).ok();
        }
    }
    // Within one pipeline, under two names.
    let project = small();
    project.edit("staunch.yaml", "    db: {", "        copy: {path: items, format: parquet}\n    db: {");
    project.edit("pipelines/log.yaml", "to: db/items, mode: upsert", "to: lake/copy");
    let found = project.staunch(&["check", "--output", "json"]);
    assert_eq!(places(&found), ["ST0042 pipelines/log.yaml:8:23"]);
    assert!(found.stderr.contains("pipelines/log.yaml:7:21"), "{}", found.stderr);
}

#[test]
fn a_pipeline_reads_what_another_one_writes() {
    let project = small();
    project.edit(
        "staunch.yaml",
        "        items: {path: \"items/*.csv\", format: csv}\n",
        "        items: {path: \"items/*.csv\", format: csv}\n        made: {path: \"../out/items/*.parquet\", format: parquet}\n",
    );
    project.edit("staunch.yaml", "root: data", "root: .");
    project.edit("staunch.yaml", "path: \"items/*.csv\"", "path: \"data/items/*.csv\"");
    project.edit("staunch.yaml", "../out/items", "out/items");
    project.edit("pipelines/totals.yaml", "from: in/items", "from: in/made");
    project.staunch(&["check"]).ok();
    project.staunch(&["run", "log"]).ok();
    let totals = project.staunch(&["run", "totals", "--output", "json"]).ok().json();
    assert_eq!(totals["ledger"]["reads"]["items"]["found"], Value::from(2));
}

/// From another folder a place is shown as it can be opened there, with its excerpt.
#[test]
fn a_place_can_be_opened_from_where_one_stands() {
    let project = crate::rules::small();
    project.edit("pipelines/log.yaml", "from: in/items", "from: in/itms");
    let root = project.root.display().to_string();
    let elsewhere = Project::empty();
    let failed = elsewhere.staunch(&["check", "--project", &root]).fails(3, "ST0003");
    assert!(failed.stderr.contains(&format!("{root}/pipelines/log.yaml:3")), "{}", failed.stderr);
    assert!(failed.stderr.contains("items: {from: in/itms"), "{}", failed.stderr);
    let told = elsewhere.staunch(&["check", "--project", &root, "--output", "json"]);
    assert!(told.stderr.contains(&format!("{root}/pipelines/log.yaml")), "{}", told.stderr);
}

/// An edit of an option shows the option as it was and as it is.
#[test]
fn an_edited_option_is_shown() {
    let project = crate::rules::small();
    project.staunch(&["run", "log"]).ok();
    project.edit("staunch.yaml", "format: csv}", "format: csv, nulls: [NA]}");
    let failed = project.staunch(&["run", "log"]).fails(1, "Run.Edited");
    assert!(failed.stderr.contains("+ nulls: [\"NA\"]"), "{}", failed.stderr);
}

/// A mistake in one pipeline stops that pipeline, and `check`.
#[test]
fn a_broken_pipeline_does_not_stop_another() {
    let project = crate::rules::small();
    project.write(
        "pipelines/other.yaml",
        "pipeline: other\nread:\n  items: {from: in/nowhere, contract: item@1}\nprocess:\n  x: SELEC 1\n",
    );
    project.staunch(&["check"]).fails(3, "ST0003");
    project.staunch(&["run", "log", "--show"]).ok();
    project.staunch(&["plan", "log"]).ok();
    let failed = project.staunch(&["run", "other"]).fails(3, "ST0003");
    assert!(failed.stderr.contains("other.yaml"), "{}", failed.stderr);
    // What all may need counts for all.
    project.write("contracts/broken.yaml", "contract: broken\n");
    project.staunch(&["run", "log"]).fails(3, "ST0");
}
