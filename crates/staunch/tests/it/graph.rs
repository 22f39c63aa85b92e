//! `graph`, and where every column comes from.

use crate::project::Project;
use crate::rules::small;
use serde_json::{Value, json};

/// A join, expressions, an aggregate above a process stage, a constant.
const SUMS: &str = "pipeline: sums
read:
  items: {from: in/items, contract: item@1}
  kinds: {from: in/items, contract: item@1, reference: true}
process:
  joined: |
    SELECT i.id, i.size * k.size AS area, upper(k.kind) AS kind, i.size AS plain, 'x' AS mark
    FROM items i JOIN kinds k ON i.id = k.id WHERE i.size > 0
  sums: SELECT kind, sum(area) AS area, count(plain) AS sizes, count(*) AS n, max(area) - min(plain) AS spread FROM joined GROUP BY kind
write:
  - {from: sums, to: lake/totals, mode: replace}
";

fn project() -> Project {
    let project = small();
    std::fs::remove_file(project.root.join("pipelines/totals.yaml")).unwrap();
    project.write("pipelines/sums.yaml", SUMS);
    project
}

fn column<'a>(graph: &'a Value, stage: &str, column: &str) -> &'a Value {
    let columns = graph["columns"].as_array().unwrap();
    columns.iter().find(|c| c["stage"] == stage && c["column"] == column).unwrap()
}

#[test]
fn every_column_is_traced_to_the_objects_that_were_read() {
    let project = project();
    let graph = project.staunch(&["graph", "sums", "--output", "json"]).ok().json();
    let area = column(&graph, "joined", "area");
    assert_eq!(area["from"], json!(["items.size", "kinds.size"]));
    assert_eq!(area["origins"], json!(["in/items.size"]));
    let plain = column(&graph, "joined", "plain");
    assert_eq!((&plain["from"], &plain["unchanged"]), (&json!(["items.size"]), &json!(true)));
    assert_eq!(column(&graph, "joined", "mark")["from"], json!([]));
    // Through an aggregate; what is counted is named too, rows alone are no column.
    assert_eq!(column(&graph, "sums", "sizes")["from"], json!(["joined.plain"]));
    assert_eq!(column(&graph, "sums", "n")["from"], json!([]));
    assert_eq!(column(&graph, "sums", "spread")["from"], json!(["joined.area", "joined.plain"]));
    let shown = column(&graph, "lake/totals", "kind");
    assert_eq!((&shown["from"], &shown["origins"]), (&json!(["sums.kind"]), &json!(["in/items.kind"])));
    let one = project.staunch(&["graph", "sums", "--stage", "joined", "--output", "json"]).ok().json();
    assert_eq!(one["columns"].as_array().unwrap().len(), 5);
}

#[test]
fn it_is_drawn_as_text_and_as_a_flowchart() {
    let project = project();
    let text = project.staunch(&["graph", "sums"]).ok().stdout;
    assert!(text.contains("lake/totals.spread  = sums.spread  in/items.size"), "{text}");
    assert!(!text.contains("joined.area"), "{text}");
    let drawn = project.staunch(&["graph", "sums", "--format", "mermaid"]).ok().stdout;
    let wanted = "flowchart LR
  n0[(\"in/items\")]
  n1([\"items\"])
  n0 --> n1
  n2([\"kinds\"])
  n0 --> n2
  n3[\"joined\"]
  n1 --> n3
  n2 --> n3
  n4[\"sums\"]
  n3 --> n4
  n5[(\"lake/totals\")]
  n4 --> n5
";
    assert_eq!(drawn, wanted);
    let failed = project.staunch(&["graph", "sums", "--stage", "in/items"]).fails(2, "Usage.Invalid");
    assert!(failed.stderr.contains("joined"), "{}", failed.stderr);
}

#[test]
fn a_run_keeps_the_lineage_that_it_had() {
    let project = project();
    project.staunch(&["run", "sums"]).ok();
    let pins = std::fs::read_dir(project.root.join(".staunch/dev/sums/pins")).unwrap();
    let pins: Vec<_> = pins.map(|entry| entry.unwrap().path()).collect();
    let pinned: Value = serde_json::from_slice(&std::fs::read(&pins[0]).unwrap()).unwrap();
    assert_eq!(pinned["lineage"]["sums"]["spread"], json!(["joined.area", "joined.plain"]));
    let plan = project.staunch(&["plan", "sums"]).ok().stdout;
    assert!(plan.contains("spread is made of joined.area, joined.plain"), "{plan}");
}
