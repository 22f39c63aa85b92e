//! Nested and named types in Avro schemas.

use crate::model::Contract;
use std::path::Path;

fn read(fields: &str) -> Result<Contract, staunch_types::Error> {
    let text = format!(
        r#"{{"type": "record", "name": "c", "namespace": "a.b", "version": 1, "fields": [{fields}]}}"#
    );
    Contract::from_avsc(&text, Path::new("x.avsc"))
}

fn types(fields: &str) -> Vec<String> {
    let c = read(fields).unwrap_or_else(|e| panic!("{e:?}"));
    c.fields.iter().map(|f| format!("{} {}", f.ty, f.nullable)).collect()
}

fn refused(fields: &str, wanted: &str) {
    let error = read(fields).unwrap_err();
    let found: Vec<_> = error.all().map(|e| e.message().to_owned()).collect();
    assert_eq!(found.join("; "), wanted);
    assert!(error.all().all(|e| e.where_().line.is_some() && e.next_step().is_some()));
}

#[test]
fn every_type_of_avro_is_read() {
    assert_eq!(
        types(
            r#"{"name": "a", "type": {"type": "array", "items": ["null", "int"]}},
               {"name": "b", "type": ["null", {"type": "map", "values": {"type": "array", "items": "string"}}]},
               {"name": "c", "type": {"type": "record", "name": "r", "doc": "d", "fields": [{"name": "x", "type": "int"}]}},
               {"name": "d", "type": ["int", "string", "null"]},
               {"name": "e", "type": {"type": "fixed", "name": "f4", "size": 4}},
               {"name": "f", "type": {"type": "fixed", "name": "f5", "size": 5, "logicalType": "decimal", "precision": 9, "scale": 2}},
               {"name": "g", "type": {"type": "fixed", "name": "f12", "size": 12, "logicalType": "duration"}},
               {"name": "h", "type": {"type": "fixed", "name": "f16", "size": 16, "logicalType": "uuid"}},
               {"name": "i", "type": {"type": "long", "logicalType": "local-timestamp-nanos"}},
               {"name": "j", "type": {"type": {"type": "string"}}},
               {"name": "k", "type": {"type": "enum", "name": "k", "symbols": ["a", "b"], "default": "a", "aliases": ["old"]}}"#
        ),
        [
            "{array: int?} false",
            "{map: {array: string}} true",
            "{record: {x: int}} false",
            "{union: [int, string]} true",
            "fixed(4) false",
            "decimal(9,2) false",
            "duration false",
            "uuid false",
            "local-timestamp-nanos false",
            "string false",
            "enum false",
        ]
    );
}

#[test]
fn a_named_type_is_used_again_and_written_once() {
    let fields = r#"{"name": "x", "type": {"type": "record", "name": "point", "fields": [{"name": "u", "type": "int"}]}},
                    {"name": "y", "type": ["null", "point"], "default": null},
                    {"name": "z", "type": {"type": "array", "items": "a.b.point"}}"#;
    assert_eq!(
        types(fields),
        ["{record: {u: int}} false", "{record: {u: int}} true", "{array: {record: {u: int}}} false"]
    );
    let c = read(fields).unwrap();
    let text = c.to_avro_json().to_string();
    assert_eq!(text.matches("\"fields\"").count(), 2, "{text}");
    assert_eq!(Contract::from_avsc(&text, Path::new("x")).unwrap(), c);
}

#[test]
fn recursion_is_refused_with_its_reason() {
    refused(r#"{"name": "next", "type": ["null", "c"]}"#, "`c` contains itself");
    refused(
        r#"{"name": "tree", "type": {"type": "record", "name": "node", "fields": [
            {"name": "children", "type": {"type": "array", "items": "node"}}]}}"#,
        "`node` contains itself",
    );
}

#[test]
fn names_are_held_apart() {
    refused(
        r#"{"name": "a", "type": {"type": "fixed", "name": "n", "size": 1}}, {"name": "b", "type": {"type": "fixed", "name": "n", "size": 2}}"#,
        "the type `a.b.n` is defined twice",
    );
    refused(r#"{"name": "a", "type": "nope"}"#, "there is no type `nope`");
    refused(
        r#"{"name": "a", "type": {"type": "enum", "name": "e", "symbols": ["a"], "default": "b"}}"#,
        "the enum's default is none of its symbols",
    );
}

#[test]
fn types_that_unfold_without_end_are_refused() {
    let mut fields = r#"{"name": "f0", "type": {"type": "record", "name": "r0", "fields": [{"name": "x", "type": "int"}]}}"#.to_owned();
    for level in 1..9 {
        let uses: Vec<_> =
            (0..10).map(|i| format!(r#"{{"name": "x{i}", "type": "r{}"}}"#, level - 1)).collect();
        fields.push_str(&format!(
            r#", {{"name": "f{level}", "type": {{"type": "record", "name": "r{level}", "fields": [{}]}}}}"#,
            uses.join(", ")
        ));
    }
    let error = read(&fields).unwrap_err();
    assert!(error.all().all(|e| e.message() == "the types that are used by their names unfold to too much"));
}
