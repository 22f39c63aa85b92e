//! Contracts as Avro schemas: read, written, read again.

use crate::model::{Contract, Type};
use std::path::Path;

const FLIGHT: &str = r#"{
	"type": "record", "name": "flight", "doc": "One \uD83D\uDE00 departure.\/",
	"version": 3, "owner": "ops@example.org", "key": ["carrier", "at"], "eventTime": "at",
	"fields": [
		{"name": "carrier", "type": "string"},
		{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
		{"name": "delay", "type": ["null", "int"], "default": null},
		{"name": "tail", "type": ["string", "null"], "pii": "aircraft", "doc": "The tail number."},
		{"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
		{"name": "kind", "type": ["null", {"type": "enum", "name": "kind", "symbols": ["a", "b"]}]}
	]
}"#;

fn refused(text: &str, wanted: &str) {
    let error = Contract::from_avsc(text, Path::new("x.avsc")).unwrap_err();
    let found: Vec<_> = error
        .all()
        .map(|e| {
            let (line, column) = (e.where_().line.unwrap_or(0), e.where_().column.unwrap_or(0));
            assert!(e.next_step().is_some(), "no hint: {e}");
            format!("{line}:{column} {} {}", e.code().name, e.message())
        })
        .collect();
    assert_eq!(found.join("\n"), wanted.trim());
}

#[test]
fn an_avro_schema_is_read() {
    let c = Contract::from_avsc(FLIGHT, Path::new("flight.avsc")).unwrap();
    assert_eq!(c.id(), "flight@3");
    assert_eq!(c.doc.as_deref(), Some("One \u{1F600} departure./"));
    assert_eq!(c.key, ["carrier", "at"]);
    assert_eq!(c.event_time.as_deref(), Some("at"));
    let fields: Vec<_> = c.fields.iter().map(|f| format!("{} {} {}", f.name, f.ty, f.nullable)).collect();
    assert_eq!(
        fields,
        [
            "carrier string false",
            "at timestamp-micros false",
            "delay int true",
            "tail string true",
            "price decimal(9,2) false",
            "kind enum true",
        ]
    );
    assert_eq!(c.fields[3].classes(), "aircraft");
    assert_eq!(c.fields[5].ty, Type::Enum(vec!["a".into(), "b".into()]));
}

#[test]
fn what_is_written_is_read_again() {
    let yaml = "
contract: everything
version: 7
doc: All types.
owner: me
key: [k, d]
event_time: t1
fields:
  k: uuid
  d: date
  b: boolean?
  i: int
  l: long?
  f: float
  g: double
  y: bytes?
  s: {type: string?, doc: 'quotes \" and \\', pii: e-mail}
  e: {type: enum?, symbols: [x, y]}
  e2: {type: enum, symbols: [x]}
  m: decimal(38,10)
  h1: time-millis
  h2: time-micros
  t1: timestamp-millis
  t2: timestamp-micros
  t3: local-timestamp-millis
  t4: local-timestamp-micros?
";
    let contract = Contract::from_yaml(yaml, Path::new("x.yaml")).unwrap();
    let written = contract.to_avro_json().to_string();
    let again = Contract::from_avsc(&written, Path::new("x.avsc")).unwrap();
    assert_eq!(again.fingerprint(), contract.fingerprint());
    assert_eq!(again.to_avro_json(), contract.to_avro_json());
    // Equal but for the names that the schema had to make.
    let mut unnamed = again;
    unnamed.fields.iter_mut().for_each(|f| f.avro.name = None);
    assert_eq!(unnamed, contract);
    // Enums of one schema have different names, as Avro demands.
    assert!(written.contains("\"everything_e\"") && written.contains("\"everything_e2\""));
}

#[test]
fn the_written_form_is_plain_avro() {
    let yaml = "{contract: c, version: 1, key: [a], fields: {a: long, b: {type: date?, pii: p}}}";
    let contract = Contract::from_yaml(yaml, Path::new("x.yaml")).unwrap();
    assert_eq!(
        contract.to_avro_json(),
        serde_json::json!({
            "type": "record", "name": "c", "version": 1, "key": ["a"],
            "fields": [
                {"name": "a", "type": "long"},
                {"name": "b", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null, "pii": "p"},
            ]
        })
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    refused(
        r#"{"type": "record", "name": "flight", "namespace": "org..x", "eventTime": "tail", "key": ["delay", "x"], "versoin": 1,
 "fields": [
  {"name": "delay", "type": ["null", "int"], "default": "x"},
  {"name": "tail", "type": "string", "order": "down"},
  {"name": "tail", "type": "str"},
  {"name": "u", "type": ["int", {"type": "int", "logicalType": "date"}]},
  {"name": "a", "type": {"type": "array", "values": "int"}},
  {"name": "r", "type": {"type": "record", "name": "r", "fields": []}},
  {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 4}},
  {"name": "f", "type": {"type": "fixed", "size": 13, "name": "f", "logicalType": "duration"}},
  {"name": "n", "type": {"type": "long", "logicalType": "timestamp-picos"}},
  {"name": "t", "type": "timestamp-micros"},
  {"name": "e", "type": {"type": "enum", "name": "e", "size": 1}},
  {"type": "int"},
  7
 ]}"#,
        "
1:1 ST0001 `version` is missing
1:51 ST0006 `org..x` is not a namespace
1:74 ST0031 the event time `tail` is a string
1:90 ST0031 the key field `delay` may be missing
1:99 ST0003 the key names `x`, which is no field
1:105 ST0002 there is no key `versoin` here
3:57 ST0031 the default is no value of int?
4:47 ST0005 `order` is none of Avro's
5:12 ST0004 the field `tail` stands here twice
5:28 ST0031 there is no type `str`
6:33 ST0004 two branches of the union are `int` to Avro
7:25 ST0001 `items` is missing
8:67 ST0031 the record has no fields
9:58 ST0031 decimal(3,4) is not possible
10:83 ST0031 there is no logical type `duration` on fixed(13)
11:57 ST0031 there is no logical type `timestamp-picos` on long
12:25 ST0031 `timestamp-micros` is not a primitive type of Avro
13:25 ST0001 `symbols` is missing
13:55 ST0002 `size` does not belong to a type that is enum
14:3 ST0001 `name` is missing
15:3 ST0005 a field is a mapping, and this is a number
",
    );
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    refused("{\"type\": \"record\",\n  name: x}", "2:3 ST0001 the file is not JSON");
    refused("[1]", "1:1 ST0031 a contract is a record schema, and this is a list");
    refused(
        "{\"type\": \"record\", \"name\": \"a\", \"name\": \"b\"}",
        "1:1 ST0001 `version` is missing\n1:1 ST0001 `fields` is missing\n1:33 ST0004 `name` stands here twice",
    );
}

#[test]
fn no_text_panics() {
    for at in (0..FLIGHT.len()).step_by(3).filter(|at| FLIGHT.is_char_boundary(*at)) {
        for text in [
            FLIGHT[..at].to_owned(),
            format!("{}{}", &FLIGHT[..at], &FLIGHT[at + 1..]),
            format!(
                "{}{}{}",
                &FLIGHT[..at],
                ["{", "]", "1e999", "null", ",", "\""][at % 6],
                &FLIGHT[at + 1..]
            ),
        ] {
            if let Err(error) = Contract::from_avsc(&text, Path::new("x.avsc")) {
                assert!(error.all().all(|e| e.code().name != "Internal.Bug"), "{error:?}\n{text}");
            }
        }
    }
}
