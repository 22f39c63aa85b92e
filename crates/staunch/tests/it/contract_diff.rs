//! `contract diff`: what changed, who reads whom, who breaks.

use crate::project::Project;
use crate::rules::small;
use serde_json::{Value, json};

const SECOND: &str = "contract: item
version: 2
key: [id]
fields:
  id: long
  sort: {type: string, aliases: [kind]}
  size: {type: long?, min: 1}
  note: string?
";

/// A project whose version 1 is locked and was run, with a version 2.
fn moved() -> Project {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n4,a,x\n");
    project.staunch(&["run", "log"]).ok();
    project.staunch(&["run", "totals"]).ok();
    project.staunch(&["contract", "lock"]).ok();
    project.write("contracts/item2.yaml", SECOND);
    project
}

#[test]
fn every_change_has_its_verdicts_and_every_user_its_outcome() {
    let project = moved();
    let text = project.staunch(&["contract", "diff", "item@1", "item@2"]).ok().stdout;
    let expected = "item@1 -> item@2

field  change                   new reads old  old reads new
sort   renamed: kind → sort     yes            no
size   widened: int → long      yes            no
size   min: none → 1            partly         yes
note   added: string?           yes            yes

item@2 reads what is written under item@1, in part: what breaks `min` becomes a dead letter
item@1 does not read what is written under item@2: READER_FIELD_MISSING_DEFAULT_VALUE: kind

pipeline log with item@2 breaks:
  read     items     uses kind, size              changes: `sort` renamed: kind → sort; `size` widened: int → long; `size` min: none → 1; `note` added: string?
  process  big       uses items.kind, items.size  breaks
  write    lake/items  uses big.kind, big.size    breaks
";
    // Widths follow the longest cell: words are compared.
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(words(&text).starts_with(&words(expected)), "{text}");
    let told = project.staunch(&["contract", "diff", "item@1", "item@2", "--output", "json"]).ok().json();
    assert_eq!(told["new_reads_old"]["reads"], "partly");
    assert_eq!(told["old_reads_new"]["reads"], "no");
    let users = told["users"].as_array().unwrap();
    let names: Vec<_> = users.iter().map(|u| &u["pipeline"]).collect();
    assert_eq!(names, [&json!("log"), &json!("totals")]);
    // The SQL that breaks, where it stands.
    let error = &users[0]["errors"][0];
    assert_eq!((&error["code"], &error["file"]), (&json!("ST0021"), &json!("pipelines/log.yaml")));
    let stored: Vec<(&Value, &Value, &Value)> = told["stored"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (&s["what"], &s["pipeline"], &s["new_reads"]["reads"]))
        .collect();
    assert_eq!(
        stored,
        [
            (&json!("dataset"), &json!("log"), &json!("partly")),
            (&json!("dead letters"), &json!("log"), &json!("no")),
            (&json!("dead letters"), &json!("totals"), &json!("no")),
        ]
    );
}

#[test]
fn a_change_that_fits_is_followed_to_the_targets() {
    let project = small();
    project.write(
        "contracts/item2.yaml",
        SECOND.replace("sort: {type: string, aliases: [kind]}", "kind: string"),
    );
    let told = project.staunch(&["contract", "diff", "item@1", "item@2", "--output", "json"]).ok().json();
    let log = &told["users"][0];
    assert_eq!((&log["pipeline"], &log["errors"]), (&json!("log"), &json!([])));
    let stages: Vec<_> = log["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["stage"].as_str().unwrap(), s["outcome"].as_str().unwrap(), s["uses"].clone()))
        .collect();
    assert_eq!(
        stages,
        [
            ("items", "changes", json!(["size"])),
            ("big", "changes", json!(["items.size"])),
            ("lake/items", "changes", json!(["big.size"])),
            ("db/items", "changes", json!(["items.size"])),
        ]
    );
    assert_eq!(log["stages"][1]["detail"], "`size` widened: int → long");
    assert_eq!(told["stored"], json!([]));
}

#[test]
fn files_can_be_compared_anywhere() {
    let project = Project::empty();
    project.write("a.yaml", "{contract: c, version: 1, doc: x, fields: {a: int}}");
    project.write(
        "b.avsc",
        r#"{"type": "record", "name": "c", "version": 2, "fields": [{"name": "a", "type": "int"}]}"#,
    );
    let text = project.staunch(&["contract", "diff", "a.yaml", "b.avsc"]).ok().stdout;
    assert!(text.contains("(contract)  doc: x → none  yes"), "{text}");
    assert!(text.ends_with("there is no project here: who uses it was not looked at\n"), "{text}");
    let text = project.staunch(&["contract", "diff", "a.yaml", "a.yaml"]).ok().stdout;
    assert!(text.contains("nothing changed"), "{text}");
    project.write(
        "c.avsc",
        r#"{"type": "record", "name": "c", "fields": [{"name": "next", "type": ["null", "c"]}]}"#,
    );
    project.staunch(&["contract", "diff", "a.yaml", "c.avsc"]).fails(3, "ST0031");
    project.staunch(&["contract", "diff", "a.yaml", "d@1"]).fails(3, "ST0007");
    let project = small();
    let refused = project.staunch(&["contract", "diff", "items@1", "item@1"]).fails(3, "ST0003");
    assert!(refused.stderr.contains("`item@1`?"), "{}", refused.stderr);
}
