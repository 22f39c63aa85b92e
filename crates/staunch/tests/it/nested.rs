//! Nested values through the whole system, and what cannot hold which type.

use crate::project::Project;
use serde_json::{Value, json};
use std::path::Path;

const ORDER: &str = "contract: order
version: 1
key: [id]
fields:
  id: long
  tags: {array: string, max_length: 3}
  attributes: {map?: \"long?\"}
  address: {record: {street: string, zip: string?, geo: {record?: {lat: double, lon: double}}}}
  value: {union?: [long, string]}
  took: duration?
  digest: fixed(2)
  at: timestamp-nanos
  size: {type: int, min: 1}
";
const HANDED: &str = "contract: handed
version: 1
fields:
  id: long
  tags: {array: string, min_length: 1}
  address: {record: {street: string, zip: string?, geo: {record?: {lat: double, lon: double}}}}
  attributes: {map?: \"long?\"}
  digest: fixed(2)
  at: timestamp-nanos
";
const PROJECT: &str = "project: nested
profiles:
  dev:
    verify: full
    epoch_bytes: 2 kB
    in:
      type: files
      root: data
      objects:
        orders: {path: \"orders/*.ndjson\", format: json, chunk_bytes: 1 kB}
    lake:
      type: files
      root: out
      objects:
        json: {path: json, format: json}
        parquet: {path: parquet, format: parquet}
        tags: {path: tags, format: json}
        streets: {path: streets, format: parquet}
";
const PIPELINE: &str = "pipeline: orders
read:
  orders: {from: in/orders, contract: order@1}
process:
  handed: {sql: 'SELECT id, tags, address, attributes, digest, at FROM orders WHERE size < 90', contract: handed@1}
  parts: >
    SELECT id, unnest(tags) AS tag, address['street'] AS street, address['geo']['lat'] AS lat
    FROM orders
write:
  - {from: orders, to: lake/json}
  - {from: handed, to: lake/parquet}
  - {from: parts, to: lake/tags}
dead_letters: {at_most: 100 %}
";
const STREETS: &str = "pipeline: streets
read:
  orders: {from: in/orders, contract: order@1}
process:
  streets: >
    SELECT address['street'] AS street, array_agg(id ORDER BY id) AS ids, count(*) AS n, sum(cardinality(tags)) AS tags,
           named_struct('least', min(size), 'most', max(size)) AS sizes
    FROM orders GROUP BY address['street']
write:
  - {from: streets, to: lake/streets, mode: replace}
dead_letters: {at_most: 100 %}
";

/// An order as a line; every seventh has something wrong inside.
fn order(id: usize) -> String {
    let mut order = json!({
        "id": id,
        "tags": (0..id % 3).map(|t| format!("t{t}")).collect::<Vec<_>>(),
        "attributes": {"a": id, "b": null},
        "address": {"street": format!("s{}", id % 4), "zip": null, "geo": {"lat": 0.5 * id as f64, "lon": 1}},
        "value": if id.is_multiple_of(2) { json!(id) } else { json!(format!("v{id}")) },
        "took": "P1M2DT3.004S",
        "digest": "\u{0}\u{ff}",
        "at": format!("2026-01-31T10:00:00.{:09}Z", id + 1),
        "size": 1 + id % 99,
    });
    match id % 21 {
        7 => order["address"]["street"] = Value::Null,
        14 => order["attributes"]["b"] = json!("canary-value"),
        20 => order["size"] = json!(0),
        _ => {}
    }
    order.to_string()
}

fn project() -> Project {
    let project = Project::empty();
    let lines = |from: usize| (from..from + 100).map(order).collect::<Vec<_>>().join("\n");
    project
        .write("staunch.yaml", PROJECT)
        .write("contracts/order.yaml", ORDER)
        .write("contracts/handed.yaml", HANDED)
        .write("pipelines/orders.yaml", PIPELINE)
        .write("pipelines/streets.yaml", STREETS)
        .write("data/orders/1.ndjson", lines(0))
        .write("data/orders/2.ndjson", lines(100));
    project
}

/// The lines of all files of a folder, in the order of the files.
fn lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "ndjson"))
        .collect();
    files.sort();
    let texts = files.iter().map(|f| std::fs::read_to_string(f).unwrap());
    let mut all: Vec<Value> = texts
        .flat_map(|t| t.lines().map(|l| serde_json::from_str(l).unwrap()).collect::<Vec<Value>>())
        .collect();
    all.sort_by_key(|v: &Value| (v["id"].as_u64(), v["tag"].as_str().map(str::to_owned)));
    all
}

/// What the orders come to, computed from the lines that were written.
fn expected() -> (Vec<Value>, Vec<Value>, usize) {
    let good: Vec<Value> = (0..200)
        .filter(|id| ![7, 14, 20].contains(&(id % 21)))
        .map(|id| serde_json::from_str(&order(id)).unwrap())
        .collect();
    let tags = good.iter().flat_map(|o| {
        let part = |tag: &Value| json!({"id": o["id"], "tag": tag, "street": o["address"]["street"], "lat": o["address"]["geo"]["lat"]});
        o["tags"].as_array().unwrap().iter().map(part).collect::<Vec<_>>()
    });
    let handed = good.iter().filter(|o| o["size"].as_u64() < Some(90));
    let kept = handed.filter(|o| !o["tags"].as_array().unwrap().is_empty()).count();
    (good.clone(), tags.collect(), kept)
}

fn same(project: &Project) {
    let (orders, tags, handed) = expected();
    let found = lines(&project.root.join("out/json"));
    for (found, wanted) in found.iter().zip(&orders) {
        // Numbers are compared as numbers: 1 is 1.0.
        assert_eq!(found["address"]["geo"]["lon"].as_f64(), Some(1.0));
        for key in ["id", "tags", "attributes", "value", "took", "digest", "at", "size"] {
            assert_eq!(found[key], wanted[key], "{key}");
        }
    }
    assert_eq!(found.len(), orders.len());
    assert_eq!(lines(&project.root.join("out/tags")), tags);
    assert_eq!(crate::tables::parquet(&project.root.join("out/parquet")).len(), handed);
}

#[test]
fn nested_rows_go_through_sql_into_json_and_parquet_and_dead_letters_name_the_part() {
    let project = project();
    project.staunch(&["check"]).ok();
    // Killed on the way, and started again.
    let killed = project.staunch_with(&["run", "orders"], &[("STAUNCH_FAILPOINTS", "kill=9")]);
    assert_eq!(killed.code, None, "{}", killed.stderr);
    project.staunch(&["run", "orders"]).ok();
    same(&project);
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    let letters =
        letters["letters"].as_array().or(letters.as_array()).unwrap_or_else(|| panic!("{letters}")).clone();
    let count =
        |field: &str, code: &str| letters.iter().filter(|l| l["field"] == field && l["code"] == code).count();
    let each = |rest: usize| (0..200).filter(|id| id % 21 == rest).count();
    assert_eq!(count("address.street", "Contract.Violation"), each(7));
    assert_eq!(count("attributes{}", "Decode.Type"), each(14));
    assert_eq!(count("size", "Contract.Violation"), each(20));
    let empty =
        (0..200).filter(|id| ![7, 14, 20].contains(&(id % 21)) && id % 3 == 0 && 1 + id % 99 < 90).count();
    assert_eq!(count("tags", "Contract.Violation"), empty);
    assert!(!Value::from(letters.clone()).to_string().contains("canary-value"), "a value in a message");
    // The raw record is opened whole, and a filter finds parts by their field.
    let one = letters.iter().find(|l| l["field"] == "attributes{}").unwrap();
    let shown = project.staunch(&["dlq", "show", one["id"].as_str().unwrap()]).ok();
    assert!(shown.stdout.contains("canary-value"), "{}", shown.stdout);
    let filtered = project.staunch(&["dlq", "ls", "--field", "address", "--output", "json"]).ok();
    assert!(filtered.stdout.contains("address.street"), "{}", filtered.stdout);
}

#[test]
fn whole_input_sql_makes_lists_and_structs() {
    let project = project();
    let done = project.staunch(&["run", "streets", "--show", "9"]).ok();
    assert!(done.stdout.contains("least") && done.stdout.contains("s3"), "{}", done.stdout);
    let (orders, ..) = expected();
    let rows = crate::tables::parquet(&project.root.join("out/streets"));
    assert_eq!(rows.len(), 4, "{rows:?}");
    let ids = orders.iter().filter(|o| o["address"]["street"] == "s3").map(|o| o["id"].to_string());
    let ids = ids.collect::<Vec<_>>().join(", ");
    assert!(rows.iter().any(|r| r.contains("s3") && r.contains(&ids)), "{ids} in {rows:?}");
}

#[test]
fn what_sql_cannot_do_with_a_union_is_refused() {
    let project = project();
    for (sql, wanted) in [
        (
            "SELECT value, count(*) AS n FROM orders GROUP BY value",
            "cannot be sorted, grouped, joined or united",
        ),
        ("SELECT id, value IS NULL AS gone FROM orders", "cannot be computed with"),
        ("SELECT id, value FROM orders WHERE CAST(value AS VARCHAR) = '1'", "cannot be computed with"),
        ("SELECT id, value FROM orders ORDER BY id LIMIT 3", "cannot be sorted, grouped, joined or united"),
    ] {
        project.write(
            "pipelines/union.yaml",
            format!("pipeline: union\nread:\n  orders: {{from: in/orders, contract: order@1}}\nprocess:\n  s: {sql}\nwrite:\n  - {{from: s, to: lake/u, mode: replace}}\n"),
        );
        project.edit(
            "staunch.yaml",
            "json: {path: json,",
            "u: {path: u, format: json}\n        json: {path: json,",
        );
        let done = project.staunch(&["check"]).fails(3, "ST0022");
        assert!(done.stderr.contains(wanted), "{sql}\n{}", done.stderr);
        project.edit("staunch.yaml", "u: {path: u, format: json}\n        ", "");
    }
    // Handed on as it is, it goes through.
    project.write(
        "pipelines/union.yaml",
        "pipeline: union\nread:\n  orders: {from: in/orders, contract: order@1}\nprocess:\n  s: SELECT value AS v, id FROM orders WHERE id < 5\nwrite:\n  - {from: s, to: lake/u}\ndead_letters: {at_most: 100 %}\n",
    );
    project.edit(
        "staunch.yaml",
        "json: {path: json,",
        "u: {path: u, format: json}\n        json: {path: json,",
    );
    let shown = project.staunch(&["run", "union", "--show", "9"]).ok();
    assert!(shown.stdout.contains("v3"), "{}", shown.stdout);
    let found = lines(&project.root.join("out/u"));
    assert_eq!(
        found.iter().map(|r| r["v"].clone()).collect::<Vec<_>>(),
        [json!(0), json!("v1"), json!(2), json!("v3"), json!(4)]
    );
}

/// Every cell of the table `What holds what` of `docs/contracts.md`, by the real `check`.
#[test]
fn every_type_is_held_or_refused_as_the_documents_say() {
    let types = [
        ("plain", "long"),
        ("plain", "timestamp-nanos"),
        ("plain", "local-timestamp-nanos"),
        ("plain", "uuid"),
        ("plain", "\"decimal(9,2)\""),
        ("plain", "bytes"),
        ("fixed", "fixed(4)"),
        ("duration", "duration"),
        ("nested", "{array: long}"),
        ("nested", "{map: string}"),
        ("nested", "{record: {a: long}}"),
        ("duration inside", "{array: duration}"),
        ("union", "{union: [long, string]}"),
        ("union", "{array: {record: {u: {union: [long, string]}}}}"),
    ];
    let refused = |kind: &str, holder: &str| match holder {
        "csv" | "sqlite" => !matches!(kind, "plain" | "fixed" | "duration"),
        "parquet" => matches!(kind, "duration" | "duration inside" | "union"),
        _ => false,
    };
    let mut cells = 0;
    for (kind, ty) in types {
        let project = Project::empty();
        project.write(
            "staunch.yaml",
            "project: held\nprofiles:\n  dev:\n    in:\n      type: files\n      root: data\n      objects:\n        avro: {path: d, format: avro}\n        csv: {path: a, format: csv}\n        json: {path: b, format: json}\n        parquet: {path: c, format: parquet}\n    lake:\n      type: files\n      root: out\n      objects:\n        avro: {path: avro, format: avro}\n        json: {path: json, format: json}\n        parquet: {path: parquet, format: parquet}\n    db: {type: sqlite, path: out/db.sqlite}\n",
        );
        project
            .write("contracts/c.yaml", format!("contract: c\nversion: 1\nfields: {{id: long, a: {ty}}}\n"));
        for (from, to) in [
            ("csv", "lake/json"),
            ("parquet", "lake/json"),
            ("avro", "lake/json"),
            ("json", "lake/json"),
            ("json", "lake/avro"),
            ("json", "lake/parquet"),
            ("json", "db/t"),
        ] {
            project.write(
                "pipelines/p.yaml",
                format!("pipeline: p\nread:\n  r: {{from: in/{from}, contract: c@1}}\nwrite:\n  - {{from: r, to: {to}}}\n"),
            );
            let done = project.staunch(&["check", "--output", "json"]);
            let target = if to == "db/t" { "sqlite" } else { to.trim_start_matches("lake/") };
            if refused(kind, from) || refused(kind, target) {
                let done = done.fails(3, "ST0043");
                let told: Value = serde_json::from_str(&done.stderr).unwrap();
                for error in told["errors"].as_array().unwrap() {
                    assert_eq!(error["code"], "ST0043", "{ty} {from} {to}: {error}");
                    assert!(error["line"].is_number() && error["file"] == "staunch.yaml", "{error}");
                    assert!(
                        error["hint"].is_string() && error["message"].as_str().unwrap().contains("`a`"),
                        "{error}"
                    );
                }
            } else {
                done.ok();
            }
            cells += 1;
        }
    }
    assert_eq!(cells, 98);
}

#[test]
fn unions_wait_in_spools_and_personal_nested_values_are_masked_or_dropped() {
    let project = project();
    std::fs::remove_file(project.root.join("pipelines/orders.yaml")).unwrap();
    project
        .write(
            "pipelines/spooled.yaml",
            "pipeline: spooled
read:
  orders: {from: in/orders, contract: order@1}
process:
  some: SELECT value, id % 3 AS k, tags, took, digest FROM orders WHERE id < 50
  counts: SELECT k, count(*) AS n, sum(cardinality(tags)) AS tags FROM some GROUP BY k
write:
  - {from: some, to: lake/json, mode: replace}
  - {from: counts, to: lake/tags, mode: replace}
dead_letters: {at_most: 100 %}
",
        )
        .edit(
            "contracts/order.yaml",
            "  value: {union?: [long, string]}",
            "  value: {union?: [long, string], pii: secret}",
        );
    project.staunch(&["check"]).fails(3, "ST0032");
    project.edit("staunch.yaml", "    verify: full", "    pii: {secret: token}\n    verify: full");
    let refused = project.staunch(&["check"]).fails(3, "ST0005");
    assert!(refused.stderr.contains("which is nested"), "{}", refused.stderr);
    project.edit("staunch.yaml", "secret: token", "secret: mask");
    project.staunch(&["run", "spooled"]).ok();
    let rows = lines(&project.root.join("out/json"));
    assert!(!rows.is_empty() && rows.iter().all(|r| r["value"] == "****"), "{rows:?}");
    project.edit("staunch.yaml", "secret: mask", "secret: keep");
    project.staunch(&["run", "spooled"]).fails(3, "ST0044");
    project.edit("staunch.yaml", "json: {path: json,", "json: {clears: secret, path: json,");
    project.staunch(&["run", "spooled"]).ok();
    let rows = lines(&project.root.join("out/json"));
    assert!(rows.iter().any(|r| r["value"] == "v1") && rows.iter().any(|r| r["value"] == 2), "{rows:?}");
    let counts = lines(&project.root.join("out/tags"));
    let total: u64 = counts.iter().map(|c| c["n"].as_u64().unwrap()).sum();
    assert_eq!((counts.len(), total), (3, rows.len() as u64));
}

#[test]
fn constraints_of_a_whole_result_fail_the_run_and_unique_is_asserted() {
    let project = project();
    let pipeline = |sql: &str| {
        format!(
            "pipeline: streets\nread:\n  orders: {{from: in/orders, contract: order@1}}\nprocess:\n  streets: {{sql: {sql:?}, contract: street@1}}\nwrite:\n  - {{from: streets, to: lake/streets, mode: replace}}\ndead_letters: {{at_most: 100 %}}\n"
        )
    };
    let contract = |n: &str| {
        format!("contract: street\nversion: 1\nfields: {{street: {{type: string, unique: true}}, n: {n}}}\n")
    };
    project.write("contracts/street.yaml", contract("{type: long, min: 100}")).write(
        "pipelines/streets.yaml",
        pipeline("SELECT address['street'] AS street, count(*) AS n FROM orders GROUP BY 1"),
    );
    let failed = project.staunch(&["run", "streets"]).fails(4, "Contract.Violation");
    assert!(failed.stderr.contains("`min`"), "{}", failed.stderr);
    project.write("contracts/street.yaml", contract("long")).write(
        "pipelines/streets.yaml",
        pipeline("SELECT address['street'] AS street, id AS n FROM orders ORDER BY id"),
    );
    let failed = project.staunch(&["run", "streets"]).fails(4, "Contract.Violation");
    assert!(failed.stderr.contains("not unique") && failed.stderr.contains("`street`"), "{}", failed.stderr);
    project.write(
        "pipelines/streets.yaml",
        pipeline("SELECT address['street'] AS street, count(*) AS n FROM orders GROUP BY 1"),
    );
    project.staunch(&["run", "streets"]).ok();
    assert_eq!(crate::tables::parquet(&project.root.join("out/streets")).len(), 4);
}
