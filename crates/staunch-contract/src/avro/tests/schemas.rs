//! Texts of schemas: what is accepted, what is refused and where, what is ignored and said.

use super::schema;
use crate::avro::{Kind, Logical, Order, Schema, SchemaOptions, Value};

/// The mistakes: line:column, pointer, message.
fn mistakes(text: &str) -> Vec<String> {
    let error = Schema::parse(text).expect_err(text);
    let told = |e: &staunch_types::Error| {
        assert_eq!(e.code().name, "ST0033");
        assert!(e.next_step().is_some(), "{e}");
        let place = e.where_();
        let (line, column) = (place.line.unwrap(), place.column.unwrap());
        format!("{line}:{column} {} {}", place.field.as_deref().unwrap_or("/"), e.message())
    };
    error.all().map(told).collect()
}

#[test]
fn everything_that_a_schema_says_is_kept() {
    let schema = schema(
        r#"{"type": "record", "name": "r", "namespace": "x.y", "doc": "d", "aliases": ["old", "z.older"], "owner": {"team": 1},
            "fields": [
              {"name": "f", "aliases": ["g"], "doc": "fd", "order": "descending", "pii": "email", "default": 7,
               "type": {"type": "long", "logicalType": "timestamp-nanos", "unit": "s"}},
              {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "B"}},
              {"name": "d", "type": {"type": "fixed", "name": "q.D", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2}},
              {"name": "next", "type": ["null", "r"], "default": null}]}"#,
    );
    let Kind::Record(record) = schema.kind(schema.root()) else { panic!() };
    assert_eq!(record.name.full(), "x.y.r");
    assert_eq!(record.aliases.iter().map(|a| a.full()).collect::<Vec<_>>(), ["x.y.old", "z.older"]);
    assert_eq!(record.doc.as_deref(), Some("d"));
    assert_eq!(schema.node(schema.root()).attributes["owner"]["team"], 1);
    let f = &record.fields[0];
    assert_eq!((f.aliases[0].as_str(), f.doc.as_deref(), f.order), ("g", Some("fd"), Order::Descending));
    assert_eq!(
        (f.attributes["pii"].as_str(), &f.default.as_ref().unwrap().value),
        (Some("email"), &Value::Long(7))
    );
    let node = schema.node(f.ty);
    assert_eq!((node.logical, node.attributes["unit"].as_str()), (Some(Logical::TimestampNanos), Some("s")));
    assert!(!node.attributes.contains_key("logicalType"));
    let Kind::Enum(e) = schema.kind(record.fields[1].ty) else { panic!() };
    assert_eq!((e.name.full(), e.default), ("x.y.E", Some(1)));
    assert_eq!(schema.kind(record.fields[2].ty).name().unwrap().full(), "q.D");
    assert_eq!(schema.node(record.fields[2].ty).logical, Some(Logical::Decimal { precision: 9, scale: 2 }));
    let Kind::Union(branches) = schema.kind(record.fields[3].ty) else { panic!() };
    assert_eq!(branches[1], schema.root(), "a reference is the node of its definition");
    assert!(schema.is_recursive() && schema.ignored().is_empty());
}

#[test]
fn logical_types_that_do_not_fit_are_ignored_and_said() {
    for (text, reason) in [
        (r#"{"type": "long", "logicalType": "date"}"#, "`date` stands on int, not on long"),
        (r#"{"type": "bytes", "logicalType": "decimal"}"#, "the decimal has no `precision`"),
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}"#,
            "the `scale` of the decimal is greater than its `precision`",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 10}"#,
            "a decimal on a fixed of 4 bytes has at most 9 digits",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 11, "logicalType": "duration"}"#,
            "`duration` stands on a fixed of 12 bytes, not on a fixed of 11 bytes",
        ),
        (
            r#"{"type": "string", "logicalType": "varchar"}"#,
            "there is no logical type `varchar` in Avro 1.12",
        ),
    ] {
        let schema = schema(text);
        let node = schema.node(schema.root());
        assert_eq!((schema.ignored().len(), schema.ignored()[0].reason.as_str()), (1, reason), "{text}");
        assert!(
            node.logical.is_none() && node.attributes.contains_key("logicalType"),
            "{text}: nothing is lost"
        );
    }
    let inside = schema(r#"{"type": "array", "items": {"type": "int", "logicalType": "uuid"}}"#);
    assert_eq!(inside.ignored()[0].path, "/items");
}

#[test]
fn logical_types_that_fit_count() {
    for (name, on) in [
        ("uuid", r#""string""#),
        ("uuid", r#""fixed", "name": "F", "size": 16"#),
        ("duration", r#""fixed", "name": "F", "size": 12"#),
        ("date", r#""int""#),
        ("time-millis", r#""int""#),
        ("time-micros", r#""long""#),
        ("timestamp-millis", r#""long""#),
        ("timestamp-micros", r#""long""#),
        ("timestamp-nanos", r#""long""#),
        ("local-timestamp-millis", r#""long""#),
        ("local-timestamp-micros", r#""long""#),
        ("local-timestamp-nanos", r#""long""#),
        ("big-decimal", r#""bytes""#),
    ] {
        let schema = schema(&format!(r#"{{"type": {on}, "logicalType": "{name}"}}"#));
        assert_eq!(schema.node(schema.root()).logical.map(Logical::name), Some(name));
    }
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let text = r#"{"type": "record", "name": "r", "fields": [
  {"name": "a", "type": "strin"},
  {"name": "1b", "type": "int"},
  {"name": "c", "type": ["null", "null"]},
  {"name": "d", "type": {"type": "enum", "name": "E", "symbols": ["A", "A"]}},
  {"name": "d", "type": {"type": "map"}},
  {"name": "f", "type": {"type": "fixed", "name": "F", "size": -1}, "order": "up"}
]}"#;
    assert_eq!(
        mistakes(text),
        [
            "2:25 /fields/0/type there is no type `strin`",
            "3:12 /fields/1 this is no name of a field",
            "4:34 /fields/2/type/1 the union has two branches of null",
            "5:72 /fields/3/type the symbol `A` stands twice",
            "6:25 /fields/4/type `values` is missing",
            "7:78 /fields/5 there is no such order",
            "7:64 /fields/5/type `size` is no whole number from 0 to 67108864",
        ]
    );
}

#[test]
fn what_is_refused() {
    for (text, mistake) in [
        ("", "1:1 / the JSON ends too early"),
        ("12", "1:1 / a number is no schema"),
        (r#""record""#, "1:1 / there is no type `record`"),
        (r#"{"type": {"type": "int"}}"#, "1:10 / `type` is an object, not the name of a type"),
        (r#"{"type": "record", "name": "r"}"#, "1:1 / `fields` is missing"),
        (r#"{"type": "record", "fields": []}"#, "1:1 / `name` is missing"),
        (r#"{"type": "record", "name": "int", "fields": []}"#, "1:28 / `int` is a type of Avro already"),
        (r#"{"type": "fixed", "name": "a..b", "size": 1}"#, "1:27 / this is no name"),
        (r#"[["int"]]"#, "1:2 /0 a union stands directly in a union"),
        (
            r#"[{"type": "fixed", "name": "F", "size": 1}, {"type": "fixed", "name": "F", "size": 2}]"#,
            "1:71 /1 `F` is defined twice",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#,
            "1:60 / the default `B` is none of the symbols",
        ),
    ] {
        assert_eq!(mistakes(text), [mistake], "{text}");
    }
}

fn default(ty: &str, default: &str) -> Result<Value, Vec<String>> {
    let text = format!(
        r#"{{"type":"record","name":"r","fields":[{{"name":"f","type":{ty},"default":{default}}}]}}"#
    );
    let schema = Schema::parse(&text).map_err(|_| mistakes(&text))?;
    let Kind::Record(record) = schema.kind(schema.root()) else { panic!() };
    Ok(record.fields[0].default.clone().unwrap().value)
}

#[test]
fn defaults_are_values_of_their_field() {
    assert_eq!(default(r#"["null","int"]"#, "5"), Ok(Value::Union(1, Box::new(Value::Int(5)))));
    assert_eq!(default(r#""bytes""#, r#""\u00ff\u0001""#), Ok(Value::Bytes(vec![255, 1])));
    assert_eq!(default(r#"{"type":"array","items":"r"}"#, "[]"), Ok(Value::Array(Vec::new())));
    let inner = r#"{"type":"record","name":"s","fields":[{"name":"x","type":"int","default":3},{"name":"y","type":"float"}]}"#;
    assert_eq!(default(inner, r#"{"y": 1.5}"#), Ok(Value::Record(vec![Value::Int(3), Value::Float(1.5)])));
    for (ty, json) in [
        (r#""int""#, "2147483648"),
        (r#""int""#, "1.0"),
        (r#""float""#, "1e39"),
        (r#""bytes""#, r#""\u0100""#),
        (r#"["null","int"]"#, r#""x""#),
        (r#"{"type":"fixed","name":"F","size":2}"#, r#""a""#),
        (inner, "{}"),
        (inner, r#"{"y": 1, "z": 2}"#),
    ] {
        let told = default(ty, json).unwrap_err();
        assert!(
            told.len() == 1 && told[0].contains("/fields/0/default the default does not fit"),
            "{ty} {json}: {told:?}"
        );
    }
}

#[test]
fn defaults_that_contain_themselves_or_explode_are_refused() {
    let told =
        mistakes(r#"{"type": "record", "name": "r", "fields": [{"name": "f", "type": "r", "default": {}}]}"#);
    assert!(told[0].contains("does a default contain itself?"), "{told:?}");
    // Each record holds the one before twice: 2^60 values.
    let mut text =
        r#"{"type": "record", "name": "r0", "fields": [{"name": "a", "type": "int", "default": 0}]}"#
            .to_owned();
    for n in 1..=30 {
        text = format!(
            r#"{{"type": "record", "name": "r{n}", "fields": [{{"name": "a", "type": {text}, "default": {{}}}}, {{"name": "b", "type": "r{}", "default": {{}}}}]}}"#,
            n - 1
        );
    }
    assert!(mistakes(&text)[0].contains("too many values"));
}

#[test]
fn a_reference_is_looked_up_in_its_namespace_then_without() {
    let text = r#"{"type": "record", "name": "a.r", "fields": [
        {"name": "x", "type": {"type": "fixed", "name": "F", "namespace": "", "size": 1}},
        {"name": "y", "type": "F"}, {"name": "z", "type": {"type": "F"}}]}"#;
    let canonical = r#"{"name":"a.r","type":"record","fields":[{"name":"x","type":{"name":"F","type":"fixed","size":1}},{"name":"y","type":"F"},{"name":"z","type":"F"}]}"#;
    assert_eq!(schema(text).canonical_form(), canonical);
}

#[test]
fn the_canonical_form_is_that_of_itself() {
    for text in [
        r#"{"type": "error", "name": "x.E", "fields": [{"name": "a", "type": {"type": "int", "logicalType": "date"}}]}"#,
        r#"["null", {"type": "map", "values": {"type": "array", "items": "string"}}]"#,
    ] {
        let canonical = schema(text).canonical_form();
        assert_eq!(schema(&canonical).canonical_form(), canonical);
    }
}

#[test]
fn records_without_names_are_an_option() {
    let options = SchemaOptions { unnamed_records: true, ..SchemaOptions::default() };
    let schema = Schema::parse_with(r#"{"type": "record", "fields": []}"#, &options).unwrap();
    assert_eq!(schema.canonical_form(), r#"{"type":"record","fields":[]}"#);
}

#[test]
fn hostile_texts_are_refused_and_long_chains_are_no_stack() {
    let deep = |n: usize| format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(n), "}".repeat(n));
    assert!(Schema::parse(&deep(127)).is_ok());
    assert_eq!(mistakes(&deep(100_000))[0].split_once("/ ").unwrap().1, "the JSON nests deeper than 128");
    let long = format!("[{}]", vec!["\"int\""; 200_000].join(","));
    assert!(mistakes(&long).len() <= 100);
    // A chain of 20,000 types, each referring to the one before; and what walks over it.
    let mut branches = vec![r#"{"type":"record","name":"r0","fields":[]}"#.to_owned()];
    for n in 1..20_000 {
        branches.push(format!(
            r#"{{"type":"record","name":"r{n}","fields":[{{"name":"f","type":"r{}"}}]}}"#,
            n - 1
        ));
    }
    let chain = schema(&format!("[{}]", branches.join(",")));
    assert!(!chain.is_recursive());
    assert!(chain.canonical_form().len() > 20_000);
    let other = schema(&format!("[{}]", branches.join(",")).replacen(
        "\"fields\":[]",
        r#""fields":[{"name":"g","type":"int"}]"#,
        1,
    ));
    assert!(crate::avro::Decoder::resolving(&chain, &other).is_ok());
}

#[test]
fn hostile_texts_cost_little_time() {
    // Unknown references beside long names; many symbols beside many defaults; many fields beside many types.
    let long = "n".repeat(4000);
    let names: Vec<String> =
        (0..500).map(|n| format!(r#"{{"type":"fixed","name":"{long}{n}","size":1}}"#)).collect();
    let unknown = vec![format!("\"{long}x\""); 10];
    assert_eq!(mistakes(&format!("[{},{}]", names.join(","), unknown.join(","))).len(), 10);
    let symbols: Vec<String> = (0..50_000).map(|n| format!("\"S{n}\"")).collect();
    let defaults = vec![r#""S49999""#; 100_000].join(",");
    let text = format!(
        r#"{{"type":"record","name":"r","fields":[{{"name":"f","type":{{"type":"array","items":{{"type":"enum","name":"E","symbols":[{}]}}}},"default":[{defaults}]}}]}}"#,
        symbols.join(",")
    );
    assert!(mistakes(&text)[0].contains("too many values"));
    let fields: Vec<String> =
        (0..20_000).map(|n| format!(r#"{{"name":"f{n}","type":"int","default":0}}"#)).collect();
    let wide = schema(&format!(r#"{{"type":"record","name":"r","fields":[{}]}}"#, fields.join(",")));
    let many: Vec<String> =
        (0..20_000).map(|n| format!(r#"{{"type":"record","name":"n{n}.r","fields":[]}}"#)).collect();
    let many = schema(&format!("[{}]", many.join(",")));
    assert!(crate::avro::incompatibilities(&wide, &many).is_err());
    assert!(crate::avro::Decoder::resolving(&many, &wide).is_err());
}
