//! Lines of JSON as a target, through the binary: written, shown, and read again by a pipeline of the same contract.

use crate::project::Project;
use crate::tables;
use serde_json::Value;

const FIELDS: &str =
    "id: long, kind: string, price: \"decimal(9,2)?\", share: double?, at: timestamp-micros?, raw: bytes?";
const ROWS: &str = "id,kind,price,share,at,raw
9007199254740993,\"a \"\"quoted\"\" text\",0.10,0.1,2026-01-31T10:00:00.5Z,x
-9223372036854775808,b,-1234567.89,NaN,,
3,\"c
d\",,inf,2026-01-31T10:00:00Z,
no number,e,1,1,,
";

fn project(compression: &str) -> Project {
    let project = Project::empty();
    let ending = match compression {
        "gzip" => "ndjson.gz",
        "zstd" => "ndjson.zst",
        _ => "ndjson",
    };
    let staunch = format!(
        "project: small
profiles:
  dev:
    verify: full
    in:
      type: files
      root: data
      objects:
        rows: {{path: \"*.csv\", format: csv, nulls: [\"\"]}}
    lake:
      type: files
      root: out
      objects:
        lines: {{path: lines, format: json, compression: {compression}}}
        again: {{path: \"lines/*.{ending}\", format: json}}
        last: {{path: last, format: json, compression: {compression}, partition_by: [kind]}}
        rows: {{path: rows}}
"
    );
    let write = |name: &str, from: &str, to: &str, mode: &str| {
        format!(
            "pipeline: {name}\nread:\n  rows: {{from: {from}, contract: row@1}}\nwrite:\n  - {{from: rows, to: {to}, mode: {mode}}}\ndead_letters: {{at_most: 50 %}}\n"
        )
    };
    project
        .write("staunch.yaml", staunch)
        .write("contracts/row.yaml", format!("contract: row\nversion: 1\nfields: {{{FIELDS}}}\n"))
        .write("pipelines/there.yaml", write("there", "in/rows", "lake/lines", "append"))
        .write("pipelines/back.yaml", write("back", "lake/again", "lake/rows", "append"))
        .write("pipelines/last.yaml", write("last", "in/rows", "lake/last", "replace"))
        .write("data/1.csv", ROWS);
    project
}

/// The ends of the one edge of a run: rows and hash sums.
fn edge(project: &Project, pipeline: &str) -> Value {
    project.staunch(&["run", pipeline, "--id", pipeline]).ok();
    let ledger = project.staunch(&["ledger", pipeline, "--output", "json"]).ok().json();
    assert_eq!(ledger["balanced"], Value::Bool(true));
    let edges = ledger["ledger"]["edges"].as_object().unwrap();
    let (_, edge) = edges.iter().find(|(_, edge)| edge["far"]["hash"].is_string()).unwrap();
    assert_eq!(edge["near"], edge["far"]);
    edge["far"].clone()
}

#[test]
fn what_is_written_as_lines_is_read_as_the_same_rows() {
    for compression in ["none", "gzip", "zstd"] {
        let project = project(compression);
        let plan = project.staunch(&["plan", "there"]).ok();
        let said = if compression == "none" { "json, not compressed" } else { compression };
        assert!(plan.stdout.contains(said), "{}", plan.stdout);
        let there = edge(&project, "there");
        assert_eq!(there["rows"], 3);
        assert_eq!(edge(&project, "back"), there, "{compression}");
        let lines = tables::parquet(&project.root.join("out/lines"));
        let wanted = [
            r#"{"id":-9223372036854775808,"kind":"b","price":-1234567.89,"share":"NaN","at":null,"raw":null}"#,
            r#"{"id":3,"kind":"c\nd","price":null,"share":"Infinity","at":"2026-01-31T10:00:00Z","raw":null}"#,
            r#"{"id":9007199254740993,"kind":"a \"quoted\" text","price":0.10,"share":0.1,"at":"2026-01-31T10:00:00.500Z","raw":"x"}"#,
        ];
        assert_eq!(lines, wanted);
    }
}

#[test]
fn a_replace_shows_the_last_result_alone_and_its_first_rows() {
    let project = project("gzip");
    project.staunch(&["run", "last"]).ok();
    project.write("data/2.csv", "id,kind,price,share,at,raw\n7,b,,,,\n");
    let shown = project.staunch(&["run", "last", "--show", "9"]).ok().stdout;
    assert!(shown.contains("9007199254740993") && shown.contains("1234567.89"), "{shown}");
    let rows = tables::parquet(&project.root.join("out/last"));
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.starts_with("kind=b/{\"id\":")).count(), 2, "{rows:?}");
}

#[test]
fn a_format_that_cannot_be_written_is_refused_with_those_that_can() {
    let project = project("none");
    project.edit("staunch.yaml", "path: lines, format: json", "path: lines, format: csv");
    let refused = project.staunch(&["check"]).fails(3, "ST0005");
    assert!(refused.stderr.contains("`parquet`, `json`"), "{}", refused.stderr);
}
