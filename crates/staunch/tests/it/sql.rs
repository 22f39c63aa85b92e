//! SQL through the real binary: what a stage counts, what `plan` says of it, and that it keeps to its memory.

use crate::project::Project;
use crate::{rules, tables};
use serde_json::{Value, json};
use std::fmt::Write;

fn pipeline(sql: &str, mode: &str) -> String {
    format!(
        "pipeline: log
read:
  items: {{from: in/items, contract: item@1}}
  kinds: {{from: in/items, contract: item@1, reference: true}}
process:
  out:
    sql: |
      {sql}
write:
  - {{from: out, to: lake/items, mode: {mode}}}
dead_letters: {{at_most: 100 %}}
"
    )
}

fn project(sql: &str, mode: &str) -> Project {
    let project = rules::small();
    std::fs::remove_file(project.root.join("pipelines/totals.yaml")).unwrap();
    let text = pipeline(sql, mode);
    let used = if sql.contains("kinds") {
        text
    } else {
        text.lines().filter(|l| !l.contains("kinds")).map(|l| format!("{l}\n")).collect()
    };
    project.write("pipelines/log.yaml", used);
    project
}

fn run(project: &Project) -> Value {
    project.staunch(&["run", "--output", "json"]).ok().json()
}

#[test]
fn a_row_without_elements_is_filtered_and_one_that_fails_is_dead() {
    let project =
        project("SELECT id, CAST(unnest(string_to_array(kind, ';')) AS INT) AS part FROM items", "append");
    project.write("data/items/1.csv", "id,kind,size\n1,7;8;9,1\n2,,2\n3,5;x,3\n4,6,4\n");
    let report = run(&project);
    let account = &report["ledger"]["per_row"]["out"];
    let counts: Vec<_> =
        ["passed", "filtered", "dead", "emitted"].iter().map(|k| account[*k].clone()).collect();
    assert_eq!(counts, [json!(2), json!(1), json!(1), json!(4)], "{account}");
    let rows = tables::parquet(&project.root.join("out/items"));
    assert_eq!(rows.len(), 4, "{rows:?}");
}

#[test]
fn plan_says_why_a_stage_needs_its_whole_input() {
    for (sql, how, because) in [
        (
            "SELECT kind, count(*) AS n FROM items GROUP BY kind",
            "whole-input: it groups rows; contract out@1",
            json!("it groups rows"),
        ),
        (
            "SELECT i.id FROM items i WHERE i.kind IN (SELECT kind FROM kinds)",
            "per-row over items; contract out@1",
            json!(null),
        ),
    ] {
        let project = project(sql, if because.is_null() { "append" } else { "replace" });
        let plan = project.staunch(&["plan", "--output", "json"]).ok().json();
        let stage = plan["stages"].as_array().unwrap().iter().find(|s| s["name"] == "out").unwrap().clone();
        assert_eq!((&stage["how"], &stage["whole_input_because"]), (&json!(how), &because), "{stage}");
        let text = project.staunch(&["plan"]).ok().stdout;
        assert!(text.contains(how), "{text}");
    }
}

/// One chunk of the file is larger than what a query may hold.
#[test]
fn a_self_join_spills_within_a_small_budget() {
    let project = project("SELECT a.id, b.size FROM items a JOIN items b ON a.id = b.size", "replace");
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    memory: 1 MiB\n");
    let rows = 60_000;
    let mut text = String::from("id,kind,size\n");
    for id in 0..rows {
        writeln!(text, "{id},some-kind-of-thing-{id:08},{}", (id * 7919) % rows).unwrap();
    }
    assert!(text.len() > 2 << 20);
    project.write("data/items/1.csv", text);
    let report = run(&project);
    let edge = &report["ledger"]["edges"]["out → lake/items"];
    assert_eq!(edge["far"]["rows"], json!(rows), "{edge}");
}
