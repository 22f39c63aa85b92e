//! `contract check` and `contract show`.

use crate::project::Project;
use serde_json::json;

const OLD: &str = r#"{"type": "record", "name": "click", "fields": [
  {"name": "n", "type": "int"},
  {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["view", "buy"]}}]}"#;
/// Wider, one symbol less, a field more without a default.
const NEW: &str = r#"{"type": "record", "name": "click", "fields": [
  {"name": "n", "type": "long"},
  {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["view"]}},
  {"name": "ip", "type": "string"}]}"#;

fn project() -> Project {
    let project = Project::empty();
    project.write("old.avsc", OLD).write("new.avsc", NEW);
    project
}

fn check(project: &Project, reader: &str, writer: &str, more: &[&str]) -> crate::project::Done {
    project.staunch(&[&["contract", "check", "--reader", reader, "--writer", writer], more].concat())
}

#[test]
fn each_incompatibility_has_its_type_place_and_message() {
    let project = project();
    let done = check(&project, "new.avsc", "old.avsc", &["--output", "json"]);
    assert_eq!(done.code, Some(4), "{done:?}");
    let told = done.json();
    assert_eq!((&told["compatible"], &told["level"]), (&json!(false), &json!("BACKWARD")));
    let reasons: Vec<_> = told["incompatibilities"].as_array().unwrap().iter().collect();
    let words: Vec<_> = reasons.iter().map(|r| (&r["type"], &r["location"], &r["message"])).collect();
    assert_eq!(
        words,
        [
            (&json!("MISSING_ENUM_SYMBOLS"), &json!("/fields/1/type/symbols"), &json!("[buy]")),
            (&json!("READER_FIELD_MISSING_DEFAULT_VALUE"), &json!("/fields/2"), &json!("ip")),
        ]
    );
    assert_eq!((&reasons[0]["reader"], &reasons[0]["writer"]), (&json!("new.avsc"), &json!("old.avsc")));
    let done = check(&project, "new.avsc", "old.avsc", &[]);
    assert_eq!(done.code, Some(4));
    assert!(done.stdout.contains("READER_FIELD_MISSING_DEFAULT_VALUE at /fields/2: ip"), "{}", done.stdout);
    assert!(done.stdout.ends_with("not compatible (BACKWARD): 2 incompatibilities\n"), "{}", done.stdout);
}

#[test]
fn the_level_says_who_reads_whom() {
    let project = project();
    let narrow = OLD.replace("\"int\"", "\"long\"");
    project.write("wide.avsc", narrow);
    let done = check(&project, "wide.avsc", "old.avsc", &["--level", "backward"]).ok();
    assert_eq!(done.stdout, "compatible (BACKWARD)\n");
    for level in ["FORWARD", "FULL"] {
        let done = check(&project, "wide.avsc", "old.avsc", &["--level", level, "--output", "json"]);
        assert_eq!(done.code, Some(4), "{level}");
        let told = done.json();
        let found = told["incompatibilities"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{told}");
        // The other way round: the old schema reads.
        assert_eq!((&found[0]["reader"], &found[0]["type"]), (&json!("old.avsc"), &json!("TYPE_MISMATCH")));
    }
    check(&project, "old.avsc", "old.avsc", &["--level", "FULL"]).ok();
    assert_eq!(check(&project, "old.avsc", "old.avsc", &["--level", "FULL_TRANSITIVE"]).code, Some(2));
}

#[test]
fn schemas_that_cannot_be_read_are_told_with_their_places() {
    let project = project();
    project.write(
        "wrong.avsc",
        "{\"type\": \"record\", \"name\": \"click\",\n \"fields\": [{\"name\": \"n\", \"type\": \"lung\"}]}",
    );
    project.write("wrong.yaml", "{contract: click, version: 1, fields: {n: lung}}");
    // The mistakes of both.
    let done = check(&project, "wrong.avsc", "wrong.yaml", &["--output", "json"]).fails(3, "ST0033");
    let told: serde_json::Value = serde_json::from_str(&done.stderr).unwrap();
    let places: Vec<_> =
        told["errors"].as_array().unwrap().iter().map(|e| (&e["file"], &e["line"], &e["code"])).collect();
    assert_eq!(
        places,
        [
            (&json!("wrong.avsc"), &json!(2), &json!("ST0033")),
            (&json!("wrong.yaml"), &json!(1), &json!("ST0031"))
        ]
    );
    check(&project, "nowhere.avsc", "old.avsc", &[]).fails(3, "ST0001");
    project.write("old.txt", OLD);
    check(&project, "old.avsc", "old.txt", &[]).fails(3, "ST0033");
}

#[test]
fn a_contract_in_yaml_is_compared_in_its_avro_form() {
    let project = project();
    let contract =
        "contract: click\nversion: 2\nfields:\n  n: long\n  kind: {type: enum, symbols: [view, buy]}\n";
    project.write("click.yaml", format!("{contract}  ip: string?\n"));
    let form = r#"{"type": "record", "name": "click", "fields": [{"name": "n", "type": "int"}]}"#;
    project.write("n.avsc", form);
    // A field that may be null has the default null; `kind` has none.
    let done = check(&project, "click.yaml", "n.avsc", &["--output", "json"]);
    assert_eq!(done.code, Some(4));
    let told = done.json();
    let found = told["incompatibilities"].as_array().unwrap();
    assert_eq!((found.len(), &found[0]["message"]), (1, &json!("kind")));
    project.write("less.yaml", contract);
    check(&project, "click.yaml", "less.yaml", &["--level", "FULL"]).ok();
}

#[test]
fn what_a_schema_is_does_not_depend_on_its_text() {
    let project = Project::empty();
    project.write("a.avsc", r#"{"type": "int", "doc": "n"}"#);
    project.write("b.avsc", "\"int\"");
    let told = project.staunch(&["contract", "show", "a.avsc", "--output", "json"]).ok().json();
    // The fingerprints of `"int"` in Avro's own table of test cases.
    assert_eq!(told["canonical"], "\"int\"");
    assert_eq!(told["rabin"], "7275d51a3f395c8f");
    assert_eq!(told["md5"], "ef524ea1b91e73173d938ade36c1db32");
    assert_eq!(told["sha256"], "3f2b87a9fe7cc9b13835598c3981cd45e3e355309e5090aa0933d7becb6fba45");
    assert_eq!(told, project.staunch(&["contract", "show", "b.avsc", "--output", "json"]).ok().json());
    let text = project.staunch(&["contract", "show", "b.avsc"]).ok().stdout;
    assert!(text.contains("rabin      7275d51a3f395c8f\n"), "{text}");
}
