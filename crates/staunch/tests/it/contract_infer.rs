//! `contract infer`: what is printed is accepted by `check`, and reads the files that it was made of without a dead letter.

use crate::project::Project;
use crate::rules::small;
use serde_json::json;

#[test]
fn a_contract_out_of_a_file_reads_it_without_a_dead_letter() {
    let project = small();
    let csv = "id;User Name;born;price;seen;kind\n1;canary-ann;31.12.1999;1.50;2026-01-01T10:00:00Z;view\n2;;01.01.2000;22.75;2026-01-01T11:00:00Z;buy\n";
    project.write("data/people/1.csv", csv);
    project.edit(
        "staunch.yaml",
        "        items: {path: \"items/*.csv\", format: csv}\n",
        "        items: {path: \"items/*.csv\", format: csv}\n        people: {path: \"people/*.csv\", format: csv, delimiter: \";\", dates: {born: \"%d.%m.%Y\"}}\n",
    );
    let inferred = project.staunch(&["contract", "infer", "in/people", "--enums", "5"]).ok();
    assert_eq!(
        inferred.stdout,
        "contract: people\nversion: 1\nfields:\n  id: long\n  user_name: string?\n  born: date\n  price: \"decimal(9,2)\"\n  seen: timestamp-micros\n  kind: {type: enum, symbols: [buy, view]}\n"
    );
    assert!(inferred.stderr.contains("2 rows read"), "{}", inferred.stderr);
    assert!(inferred.stderr.contains("`rename: {\"User Name\": user_name}`"), "{}", inferred.stderr);
    assert!(!format!("{inferred:?}").contains("canary"), "no value is told");
    // As it says: into the project, and read.
    project.write("contracts/people.yaml", &inferred.stdout);
    project.edit("staunch.yaml", "delimiter: \";\"", "delimiter: \";\", rename: {\"User Name\": user_name}");
    project.write(
        "pipelines/people.yaml",
        "pipeline: people\nread:\n  people: {from: in/people, contract: people@1}\nwrite:\n  - {from: people, to: db/people}\n",
    );
    project.staunch(&["check"]).ok();
    let run = project.staunch(&["run", "people", "--output", "json"]).ok().json();
    assert_eq!((&run["records"], &run["dead"]), (&json!(2), &json!(0)), "{run}");
    // The file by itself, with its options on the command line.
    let alone = project.staunch(&[
        "contract",
        "infer",
        "data/people/1.csv",
        "--name",
        "people",
        "--delimiter",
        ";",
        "--date",
        "born=%d.%m.%Y",
        "--enums",
        "5",
    ]);
    assert_eq!(alone.ok().stdout, inferred.stdout);
    let as_json = project.staunch(&["contract", "infer", "in/people", "--output", "json"]).ok().json();
    assert_eq!((&as_json["rows"], &as_json["contract"]), (&json!(2), &json!("people@1")));
    assert_eq!(as_json["rename"], json!({}), "the object says it by now");
}

#[test]
fn a_contract_out_of_what_was_written_is_that_which_wrote_it() {
    let project = Project::example("flights");
    project.staunch(&["run", "flights"]).ok();
    let lake: Vec<_> = walk(&project.root.join("out"));
    let parquet = lake.iter().find(|f| f.ends_with(".parquet")).expect("the example writes Parquet");
    let inferred = project.staunch(&["contract", "infer", parquet, "--name", "rows"]).ok();
    assert!(inferred.stdout.starts_with("contract: rows\nversion: 1\nfields:\n"), "{}", inferred.stdout);
    project.write("contracts/rows.yaml", &inferred.stdout);
    project.staunch(&["check"]).ok();
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn a_contract_out_of_a_stage_makes_it_explicit() {
    let project = small();
    let inferred = project.staunch(&["contract", "infer", "log/big"]).ok();
    assert_eq!(
        inferred.stdout,
        "contract: big\nversion: 1\nkey: [id]\nfields:\n  id: long\n  kind: string\n  size: int\n"
    );
    project.write("contracts/big.yaml", &inferred.stdout);
    project.edit(
        "pipelines/log.yaml",
        "big: SELECT id, kind, size FROM items WHERE size >= 2",
        "big: {sql: \"SELECT id, kind, size FROM items WHERE size >= 2\", contract: big@1}",
    );
    project.staunch(&["check"]).ok();
    project.staunch(&["contract", "infer", "log/bigger"]).fails(3, "ST0003");
    project.staunch(&["contract", "infer", "log/big", "--delimiter", ";"]).fails(2, "Usage.Invalid");
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let project = small();
    let infer = |args: &[&str]| project.staunch(&[&["contract", "infer"], args].concat());
    infer(&["nowhere.csv"]).fails(2, "Usage.Invalid");
    infer(&["in/nothing"]).fails(3, "ST0003");
    infer(&["db/items"]).fails(3, "ST0041");
    infer(&["in/items", "--delimiter", ";"]).fails(2, "Usage.Invalid");
    project.write("rows.dat", "a\n1\n");
    infer(&["rows.dat"]).fails(2, "--format");
    infer(&["rows.dat", "--format", "csv", "--name", "1a"]).fails(2, "Usage.Invalid");
    assert_eq!(
        infer(&["rows.dat", "--format", "csv"]).ok().stdout,
        "contract: rows\nversion: 1\nfields:\n  a: long\n"
    );
    project.write("empty.csv", "");
    infer(&["empty.csv"]).fails(1, "Source.Schema");
    project.write("rows.avro", "Obj");
    infer(&["rows.avro"]).fails(1, "Source.Corrupt");
    // A name with characters of patterns is that file and no other.
    project.write("a[1]*.csv", "x\ntrue\n").write("a1z.csv", "y\n1\n");
    assert!(infer(&["a[1]*.csv"]).ok().stdout.ends_with("  x: boolean\n"));
}

#[test]
fn an_avro_file_says_what_it_is() {
    let project = small();
    // The header of a file without blocks: magic, metadata, marker.
    let schema = r#"{"type": "record", "name": "click", "connect.name": "x", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}, {"name": "who", "type": ["null", {"type": "string", "avro.java.string": "String"}]}]}"#;
    let mut bytes = b"Obj\x01\x02\x16avro.schema".to_vec();
    let mut length = (schema.len() as u64) << 1;
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(schema.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&[7; 16]);
    project.write("clicks.avro", bytes);
    let inferred = project.staunch(&["contract", "infer", "clicks.avro"]).ok();
    assert_eq!(
        inferred.stdout,
        "contract: click\nversion: 1\nfields:\n  at: timestamp-millis\n  who: string?\n"
    );
    assert!(inferred.stderr.contains("avro.java.string, connect.name"), "{}", inferred.stderr);
}

#[test]
fn avro_files_of_an_object_and_a_path_like_a_connection_are_looked_at() {
    let project = Project::empty();
    project
        .write("staunch.yaml", "project: rows\nprofiles:\n  dev:\n    in: {type: files, root: data, objects: {c: {path: c.csv, format: csv}}}\n    out: {type: files, root: out, objects: {rows: {path: rows, format: avro}}}\n    again: {type: files, root: out, objects: {rows: {path: \"rows/*.avro\", format: avro}}}\n")
        .write("contracts/c.yaml", "contract: c\nversion: 1\nfields: {id: long, name: string?, price: \"decimal(9,2)\", at: timestamp-micros}\n")
        .write("data/c.csv", "id,name,price,at\n1,x,1.50,2024-01-01T00:00:00Z\n2,,2.25,2024-01-02T00:00:00.5Z\n")
        .write("pipelines/p.yaml", "pipeline: p\nread:\n  c: {from: in/c, contract: c@1}\nwrite:\n  - {from: c, to: out/rows, mode: append}\n");
    project.staunch(&["run"]).ok();
    let fields = "fields:\n  id: long\n  name: string?\n  price: \"decimal(9,2)\"\n  at: timestamp-micros\n";
    let object = project.staunch(&["contract", "infer", "again/rows"]).ok();
    assert!(object.stdout.contains(fields), "{}", object.stdout);
    assert!(object.stderr.contains("2 rows read"), "{}", object.stderr);
    let file = walk(&project.root.join("out/rows")).into_iter().find(|f| f.ends_with(".avro")).unwrap();
    // `out/rows/...` from the root of the project: `out` is a connection as well.
    let path = std::path::Path::new(&file).strip_prefix(&project.root).unwrap().to_owned();
    let file = project.staunch(&["contract", "infer", path.to_str().unwrap()]).ok();
    assert!(file.stdout.contains(fields), "{}", file.stdout);
}
