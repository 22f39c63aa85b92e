//! Compatibility and resolution.

use super::{decoded, encoded, schema};
use crate::avro::{Level, Reads, breaches, incompatibilities};

fn reasons(reader: &str, writer: &str) -> Vec<String> {
    let found = incompatibilities(&schema(reader), &schema(writer)).unwrap();
    assert!(found.iter().all(|r| !r.hint.is_empty()));
    found.iter().map(ToString::to_string).collect()
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "r", "fields": [{fields}]}}"#)
}

#[test]
fn reasons_have_kind_place_and_message() {
    let e = |name: &str, symbols: &str| {
        format!(r#"{{"type": "enum", "name": "{name}", "symbols": [{symbols}]}}"#)
    };
    assert_eq!(
        reasons(&e("E", r#""A""#), &e("x.E", r#""C", "B", "A""#)),
        ["MISSING_ENUM_SYMBOLS at /symbols: [B, C]"]
    );
    assert_eq!(reasons(&e("E", r#""A""#), &e("x.F", r#""A""#)), ["NAME_MISMATCH at /name: expected: x.F"]);
    let f = |ty: &str| record(&format!(r#"{{"name": "f", "type": {ty}}}"#));
    assert_eq!(
        reasons(
            &f(r#"{"type": "map", "values": "int"}"#),
            &f(r#"{"type": "map", "values": ["int", "null"]}"#)
        ),
        ["TYPE_MISMATCH at /fields/0/type/values/1: reader type: INT not compatible with writer type: NULL"]
    );
    assert_eq!(
        reasons(&f(r#"["null", "int"]"#), &f(r#""string""#)),
        ["MISSING_UNION_BRANCH at /fields/0/type: reader union lacking writer type: STRING"]
    );
    let with_default = r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}"#;
    assert_eq!(reasons(with_default, &e("E", r#""B""#)), [""; 0]);
    // As Apache says it: the default of the enum is not that of the field.
    assert_eq!(
        reasons(&f(with_default), &record("")),
        ["TYPE_MISMATCH at /fields/0/type: reader type: ENUM not compatible with writer type: RECORD"]
    );
}

#[test]
fn aliases_are_the_readers() {
    let old = record(r#"{"name": "a", "type": "int"}"#);
    let new = record(r#"{"name": "b", "aliases": ["a"], "type": "long"}"#)
        .replace(r#""r""#, r#""s", "aliases": ["r"]"#);
    assert_eq!(reasons(&new, &old), [""; 0]);
    assert_eq!(reasons(&old, &new).len(), 2);
    let (old, new) = (schema(&old), schema(&new));
    assert_eq!(decoded(&old, &new, &encoded(&old, r#"{"a": 7}"#)), Ok(r#"{"b":7}"#.to_owned()));
    // A field that another one reads by its own name is not read twice.
    let both = record(r#"{"name": "a", "type": "int"}, {"name": "b", "aliases": ["a"], "type": "int"}"#);
    assert_eq!(
        reasons(&both, &record(r#"{"name": "a", "type": "int"}"#)),
        ["READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1: b"]
    );
}

#[test]
fn recursion_ends_and_leaves_no_wrong_verdict() {
    let list = |head: &str| {
        record(&format!(r#"{{"name": "head", "type": "{head}"}}, {{"name": "tail", "type": ["null", "r"]}}"#))
    };
    assert_eq!(reasons(&list("long"), &list("int")), [""; 0]);
    assert_eq!(
        reasons(&list("int"), &list("long")),
        [
            "TYPE_MISMATCH at /fields/0/type: reader type: INT not compatible with writer type: LONG",
            "MISSING_UNION_BRANCH at /fields/1/type/1: reader union lacking writer type: RECORD"
        ]
    );
    // `q` fits only while `r` is taken to fit; the union tries `r` first, and `r` does not fit.
    let pair = |x: &str| {
        format!(
            r#"[{{"type": "record", "name": "r", "fields": [{{"name": "q", "type": {{"type": "record", "name": "q", "fields": [{{"name": "r", "type": ["null", "r"]}}]}}}},
                {{"name": "x", "type": "{x}"}}]}}, "q"]"#
        )
    };
    assert_eq!(
        reasons(&pair("int"), &pair("long")),
        [
            "MISSING_UNION_BRANCH at /0: reader union lacking writer type: RECORD",
            "MISSING_UNION_BRANCH at /1: reader union lacking writer type: RECORD"
        ]
    );
}

#[test]
fn a_pair_at_many_places_is_told_once() {
    let mut types =
        vec![r#"{"type": "record", "name": "r0", "fields": [{"name": "a", "type": "int"}]}"#.to_owned()];
    for n in 1..60 {
        let below = n - 1;
        types.push(format!(
            r#"{{"type": "record", "name": "r{n}", "fields": [{{"name": "a", "type": "r{below}"}}, {{"name": "b", "type": "r{below}"}}]}}"#
        ));
    }
    let reader = record(
        &types
            .iter()
            .enumerate()
            .map(|(n, t)| format!(r#"{{"name": "f{n}", "type": {t}}}"#))
            .collect::<Vec<_>>()
            .join(","),
    );
    let writer = reader.replacen("\"int\"", "\"long\"", 1);
    assert_eq!(
        reasons(&reader, &writer),
        [
            "TYPE_MISMATCH at /fields/0/type/fields/0/type: reader type: INT not compatible with writer type: LONG"
        ]
    );
}

#[test]
fn levels_ask_for_directions_and_versions() {
    let v1 = record(r#"{"name": "a", "type": "int"}"#);
    let v2 = record(r#"{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0}"#);
    let v3 = record(r#"{"name": "b", "type": "int"}"#);
    let history = [schema(&v1), schema(&v2)];
    let found = |level, next: &str| -> Vec<(usize, Reads)> {
        breaches(level, &history, &schema(next)).unwrap().into_iter().map(|b| (b.version, b.reads)).collect()
    };
    assert_eq!(found(Level::FullTransitive, &v2), []);
    // `v3` reads `v2` but not `v1`; neither reads `v3`, which has no `a`.
    assert_eq!(found(Level::Backward, &v3), []);
    assert_eq!(found(Level::BackwardTransitive, &v3), [(0, Reads::NewReadsOld)]);
    assert_eq!(found(Level::Forward, &v3), [(1, Reads::OldReadsNew)]);
    assert_eq!(found(Level::ForwardTransitive, &v3), [(0, Reads::OldReadsNew), (1, Reads::OldReadsNew)]);
    assert_eq!(found(Level::Full, &v3), [(1, Reads::OldReadsNew)]);
    assert_eq!(found(Level::FullTransitive, &v3).len(), 3);
    assert_eq!(breaches(Level::Full, &[], &schema(&v3)).unwrap(), []);
    for level in Level::ALL {
        assert_eq!(Level::of(&level.word().to_lowercase()), Some(level));
    }
}

#[test]
fn unions_take_the_same_type_then_the_first_promotion() {
    let read = |writer: &str, reader: &str, json: &str| {
        let (w, r) = (schema(writer), schema(reader));
        decoded(&w, &r, &encoded(&w, json))
    };
    assert_eq!(read(r#""int""#, r#"["double", "long", "int"]"#, "3"), Ok("3".to_owned()));
    assert_eq!(read(r#""int""#, r#"["string", "double", "long"]"#, "3"), Ok("3.0".to_owned()));
    assert_eq!(
        read(r#""long""#, r#"["int", "null"]"#, "3"),
        Err("Decode.Type: long fits no branch of the reader's union, at byte 0".to_owned())
    );
    let two = |a: &str, b: &str| {
        format!(
            r#"[{{"type": "fixed", "name": "{a}", "size": 1}}, {{"type": "fixed", "name": "{b}", "size": 1}}]"#
        )
    };
    let reader = schema(&two("x.F", "y.F"));
    let writer = schema(r#"{"type": "fixed", "name": "y.F", "size": 1}"#);
    let value = crate::avro::Decoder::resolving(&writer, &reader).unwrap().decode(b"a").unwrap();
    assert!(matches!(value, crate::avro::Value::Union(1, _)), "the full name counts before the short one");
}

#[test]
fn what_cannot_be_read_fails_when_it_is_met_and_quotes_nothing() {
    let writer = schema(&record(
        r#"{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "SECRET"]}}"#,
    ));
    let reader = schema(&record(r#"{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"]}}"#));
    assert_eq!(decoded(&writer, &reader, &encoded(&writer, r#"{"e": "A"}"#)), Ok(r#"{"e":"A"}"#.to_owned()));
    let told = decoded(&writer, &reader, &encoded(&writer, r#"{"e": "SECRET"}"#)).unwrap_err();
    assert_eq!(told, "Decode.Type: the reader does not know this symbol, at byte 0 (field `e`)");
}
