//! What a reader leaves open, and what it can never read.

use crate::avro::{Decoder, Schema, Unions, incompatibilities, obstacles};
use std::collections::BTreeSet;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn declared(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn obstacle_words(reader: &Schema, writer: &Schema) -> Vec<String> {
    obstacles(reader, writer).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn open_names_and_carriers_are_those_of_the_writer() {
    let writer = schema(
        r#"{"type": "record", "name": "a.Theirs", "fields": [
            {"name": "e", "type": ["null", {"type": "enum", "name": "E", "symbols": ["x"]}]},
            {"name": "again", "type": "E"},
            {"name": "d", "type": ["null", {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2}]},
            {"name": "u", "type": [{"type": "record", "name": "One", "fields": []}, {"type": "record", "name": "Two", "fields": []}]}]}"#,
    );
    let reader = schema(
        r#"{"type": "record", "name": "ours", "fields": [
            {"name": "e", "type": {"type": "enum", "name": "ours_e", "symbols": ["x", "y"]}},
            {"name": "again", "type": {"type": "enum", "name": "ours_again", "symbols": ["x"]}},
            {"name": "d", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
            {"name": "u", "type": [{"type": "record", "name": "Two", "fields": []}, {"type": "record", "name": "mine", "fields": []}]}]}"#,
    );
    assert!(!obstacles(&reader, &writer).unwrap().is_empty());
    let adopted = reader.adopting(&writer, &declared(&["Two"])).unwrap();
    assert_eq!(obstacle_words(&adopted, &writer), [""; 0]);
    // A null for `e` is all that may go wrong.
    let may = incompatibilities(&adopted, &writer).unwrap();
    assert_eq!(may.iter().map(|i| i.location.as_str()).collect::<Vec<_>>(), ["/fields/0/type/0"]);
    let row =
        r#"{"e": {"a.E": "x"}, "again": "x", "d": {"a.F": "\u0000\u0000\u0000\u0007"}, "u": {"a.One": {}}}"#;
    let bytes = writer.encode(&writer.value_from_json(row, Unions::Tagged).unwrap()).unwrap();
    assert!(Decoder::resolving(&writer, &adopted).unwrap().decode(&bytes).is_ok());
    assert!(Decoder::resolving(&writer, &reader).unwrap().decode(&bytes).is_err());
    // A name that is declared is compared.
    let strict = reader.adopting(&writer, &declared(&["Two", "mine", "ours_e"])).unwrap();
    assert!(
        obstacle_words(&strict, &writer).iter().any(|o| o.contains("NAME_MISMATCH at /fields/0/type")),
        "{:?}",
        obstacle_words(&strict, &writer)
    );
}

#[test]
fn what_only_some_values_have_is_no_obstacle() {
    let reader = schema(
        r#"{"type": "record", "name": "r", "fields": [
            {"name": "a", "type": ["null", "long"]},
            {"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["x"]}}]}"#,
    );
    let writer = |a: &str, symbols: &str| {
        schema(&format!(
            r#"{{"type": "record", "name": "r", "fields": [
                {{"name": "a", "type": {a}}}, {{"name": "e", "type": {{"type": "enum", "name": "e", "symbols": {symbols}}}}}]}}"#
        ))
    };
    let some = writer(r#"["null", "string", "int"]"#, r#"["x", "y"]"#);
    assert_eq!(incompatibilities(&reader, &some).unwrap().len(), 2);
    assert_eq!(obstacle_words(&reader, &some), [""; 0]);
    let none = writer(r#"["null", "string"]"#, r#"["y", "z"]"#);
    let words = obstacle_words(&reader, &none);
    assert!(words[0].starts_with("MISSING_UNION_BRANCH at /fields/0/type/1"), "{words:?}");
    assert!(words[1].starts_with("MISSING_ENUM_SYMBOLS at /fields/1/type/symbols: [y, z]"), "{words:?}");
    // Nothing but nulls is something where a null may stand, and nothing where none may.
    assert_eq!(obstacle_words(&reader, &writer(r#"["null"]"#, r#"["x"]"#)), [""; 0]);
    let never = schema(
        r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}, {"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["x"]}}]}"#,
    );
    assert_eq!(obstacle_words(&never, &writer(r#"["null", "long"]"#, r#"["x"]"#)), [""; 0]);
    assert_eq!(obstacle_words(&never, &writer(r#""null""#, r#"["x"]"#)).len(), 1);
}

#[test]
fn the_short_form_of_a_writer_keeps_what_its_values_mean() {
    let writer = schema(
        r#"{"type": "record", "name": "a.r", "doc": "gone", "aliases": ["b.s"], "fields": [
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}, "default": 5, "order": "ignore"},
            {"name": "d", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1}]},
            {"name": "u", "type": {"type": "array", "items": {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"}}},
            {"name": "v", "type": "u"}]}"#,
    );
    assert_eq!(
        writer.writer_form(),
        r#"{"name":"a.r","type":"record","fields":[{"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"d","type":["null",{"type":"bytes","logicalType":"decimal","precision":4,"scale":1}]},{"name":"u","type":{"type":"array","items":{"name":"a.u","type":"fixed","size":16,"logicalType":"uuid"}}},{"name":"v","type":"a.u"}]}"#
    );
    let short = schema(&writer.writer_form());
    assert_eq!((short.writer_form(), short.rabin()), (writer.writer_form(), writer.rabin()));
}
