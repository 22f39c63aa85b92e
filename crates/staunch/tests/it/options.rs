//! Every option by which a file is read, through the binary, with the rows that must come out.

use crate::project::Project;
use crate::tables;
use serde_json::{Value, json};

/// A project with one object of these options, one contract of these fields, and a log of it in SQLite and Parquet.
fn project(object: &str, fields: &str) -> Project {
    let project = Project::empty();
    project
        .write(
            "staunch.yaml",
            format!(
                "project: small
profiles:
  dev:
    in: {{type: files, root: data, objects: {{rows: {{{object}}}}}}}
    lake: {{type: files, root: out, objects: {{rows: {{path: rows, format: parquet}}}}}}
    db: {{type: sqlite, path: out/db.sqlite}}
"
            ),
        )
        .write("contracts/row.yaml", format!("contract: row\nversion: 1\nfields: {{{fields}}}\n"))
        .write(
            "pipelines/log.yaml",
            "pipeline: log
read:
  rows: {from: in/rows, contract: row@1}
write:
  - {from: rows, to: lake/rows, mode: append}
  - {from: rows, to: db/rows, mode: append}
dead_letters: {at_most: 100 %}
",
        );
    project
}

/// Runs it: the rows of the database, which are also those of the Parquet file, and the dead letters as `file:line reason`.
fn run(project: &Project) -> (Vec<String>, Vec<String>) {
    project.staunch(&["run", "log"]).ok();
    let rows = tables::sqlite(&project.root.join("out/db.sqlite")).remove("rows").unwrap_or_default();
    assert_eq!(tables::parquet(&project.root.join("out/rows")).len(), rows.len());
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let letters = letters.as_array().unwrap().iter();
    (rows, letters.map(|l| format!("{}:{} {}", text(&l["file"]), l["line"], text(&l["reason"]))).collect())
}

fn check(object: &str, fields: &str, file: (&str, &str), rows: &[&str], dead: &[&str]) {
    let project = project(object, fields);
    project.write(&format!("data/{}", file.0), file.1);
    let (found_rows, found_dead) = run(&project);
    assert_eq!(found_rows, rows);
    assert_eq!(found_dead, dead);
}

#[test]
fn without_a_header_the_columns_are_those_of_the_contract_in_its_order() {
    check(
        "path: a.csv, format: csv, header: false",
        "id: long, kind: string, size: int?",
        ("a.csv", "1,a,7\n2,b,\nid,kind,size\n3,c\n4,\"d\ne\",9"),
        &["id=i1|kind=ta|size=i7|", "id=i2|kind=tb|size=∅|", "id=i4|kind=td\ne|size=i9|"],
        &[
            "a.csv:3 `id` is not a whole number",
            "a.csv:4 the record has another number of columns than the file",
        ],
    );
}

#[test]
fn without_a_header_the_fields_of_the_path_are_no_columns() {
    check(
        "path: \"**/*.csv\", format: csv, header: false, partition: \"day={day}\"",
        "id: long, day: date, kind: string",
        ("day=2026-01-31/a.csv", "1,a\n2,b\n"),
        &["id=i1|day=t2026-01-31|kind=ta|", "id=i2|day=t2026-01-31|kind=tb|"],
        &[],
    );
}

#[test]
fn delimiter_and_quotation_mark_are_free() {
    check(
        "path: a.csv, format: csv, delimiter: \";\", quote: \"'\"",
        "id: long, kind: string",
        ("a.csv", "id;kind\n1;'a;\"b\"'\n2;'it''s'\n3;a,b\n4;'x'y\n5;'\n"),
        &["id=i1|kind=ta;\"b\"|", "id=i2|kind=tit's|", "id=i3|kind=ta,b|"],
        &["a.csv:5 text follows a closing quotation mark", "a.csv:6 a quotation mark is never closed"],
    );
    check(
        "path: a.tsv, format: csv, delimiter: \"\\t\"",
        "id: long, kind: string",
        ("a.tsv", "id\tkind\r\n1\t\"a\tb\"\r\n2\tc d\r\n"),
        &["id=i1|kind=ta\tb|", "id=i2|kind=tc d|"],
        &[],
    );
}

#[test]
fn the_texts_of_nulls_replace_the_empty_field() {
    check(
        "path: a.csv, format: csv, nulls: [NA, \"-\"]",
        "id: long, kind: string?, size: int?",
        ("a.csv", "id,kind,size\n1,NA,-\n2,-,NA\n3,\"NA\",4\n4,,5\n5,x,\nNA,x,6\n"),
        &["id=i1|kind=∅|size=∅|", "id=i2|kind=∅|size=∅|", "id=i3|kind=tNA|size=i4|", "id=i4|kind=t|size=i5|"],
        &[
            "a.csv:6 `size` is not a whole number",
            "a.csv:7 `id` is null, but the contract says that it never is",
        ],
    );
}

#[test]
fn dates_have_the_format_that_is_given() {
    let object = "path: a.csv, format: csv, dates: {born: \"%d.%m.%Y\", seen: \"%d/%m/%y %H:%M\"}";
    check(
        object,
        "id: long, born: date, seen: timestamp-micros",
        (
            "a.csv",
            "id,born,seen\n1,31.01.2026,01/02/26 23:59\n2,2026-01-31,01/02/26 00:00\n3,29.02.2025,01/02/26 00:00\n",
        ),
        &["id=i1|born=t2026-01-31|seen=t2026-02-01T23:59:00.000000Z|"],
        &[
            "a.csv:3 `born` does not follow the format that `dates:` gives",
            "a.csv:4 `born` does not follow the format that `dates:` gives",
        ],
    );
    check(
        "path: a.json, format: json, dates: {born: \"%d.%m.%Y\"}",
        "id: long, born: date",
        ("a.json", "{\"id\": 1, \"born\": \"31.01.2026\"}\n{\"id\": 2, \"born\": \"2026-01-31\"}\n"),
        &["id=i1|born=t2026-01-31|"],
        &["a.json:2 `born` does not follow the format that `dates:` gives"],
    );
}

#[test]
fn columns_are_renamed_to_fields_in_every_format() {
    let fields = "id: long, kind: string?";
    let renamed = "rename: {\"The Id\": id, Art: kind}";
    let rows = ["id=i1|kind=ta|", "id=i2|kind=∅|"];
    check(
        &format!("path: a.csv, format: csv, {renamed}"),
        fields,
        ("a.csv", "Art,kind,The Id\na,x,1\n,y,2\n"),
        &rows,
        &[],
    );
    check(
        &format!("path: a.json, format: json, {renamed}"),
        fields,
        ("a.json", "{\"The Id\": 1, \"Art\": \"a\"}\n{\"The Id\": 2, \"kind\": \"x\"}\n"),
        &rows,
        &[],
    );
    // Parquet: what another project has written.
    let other = project("path: a.csv, format: csv", "nr: long, art: string?");
    other.write("data/a.csv", "nr,art\n1,a\n2,\n");
    run(&other);
    let written = std::fs::read_dir(other.root.join("out/rows")).unwrap().map(|e| e.unwrap().path());
    let written: Vec<_> = written.filter(|p| p.is_file()).collect();
    let project = project("path: a.parquet, format: parquet, rename: {nr: id, art: kind}", fields);
    project.write("data/a.parquet", std::fs::read(&written[0]).unwrap());
    assert_eq!(run(&project), (rows.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn the_path_says_the_fields_of_a_partition() {
    let project = project(
        "path: \"**/*.csv\", format: csv, partition: \"year={year}/kind={kind}\"",
        "year: int, kind: string, id: long",
    );
    project
        .write("data/year=2025/kind=a/1.csv", "id\n1\n2\n")
        .write("data/year=2026/kind=b%20c/1.csv", "id\n3\n");
    assert_eq!(
        run(&project).0,
        ["year=i2025|kind=ta|id=i1|", "year=i2025|kind=ta|id=i2|", "year=i2026|kind=tb c|id=i3|"]
    );
    // A path that says something else is an error that names it; nothing of the other files is lost by it.
    project.write("data/year=soon/kind=a/1.csv", "id\n4\n");
    let failed = project.staunch(&["run", "log"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stderr.contains("year=soon") && failed.stderr.contains("help:"), "{}", failed.stderr);
    std::fs::remove_dir_all(project.root.join("data/year=soon")).unwrap();
    project.write("data/year=2027/kind=a/1.csv", "id\n5\n");
    assert_eq!(run(&project).0.len(), 4);
}

#[test]
fn an_unclosed_quotation_mark_costs_one_row() {
    check(
        "path: a.csv, format: csv",
        "id: long, kind: string",
        ("a.csv", "id,kind\n1,a\n2,\"b\n3,c\n4,\"d\ne\"\n5,\"f\n"),
        &["id=i1|kind=ta|", "id=i3|kind=tc|", "id=i4|kind=td\ne|"],
        &["a.csv:3 a quotation mark is never closed", "a.csv:7 a quotation mark is never closed"],
    );
}

#[test]
fn compression_is_taken_from_the_option_before_the_ending() {
    let project = project("path: a.csv.gz, format: csv, compression: none", "id: long");
    project.write("data/a.csv.gz", "id\n1\n");
    assert_eq!(run(&project).0, ["id=i1|"]);
    assert_eq!(project.staunch(&["runs", "--output", "json"]).ok().json()[0]["records"], json!(1));
}
