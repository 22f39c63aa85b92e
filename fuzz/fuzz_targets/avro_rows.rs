//! Bytes that are called rows of an Avro file: rows, dead rows that are dead again, or a typed error, however the file is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use staunch_contract::avro::{Codec, ContainerWriter, Schema};

/// A writer of everything, with a type that holds itself.
const WRITER: &str = r#"{"type": "record", "name": "theirs", "fields": [
    {"name": "a", "type": ["null", "int", "long", "string"]}, {"name": "s", "type": ["bytes", "null"]},
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}}, {"name": "b", "type": "boolean"},
    {"name": "skipped", "type": {"type": "map", "values": ["null", {"type": "array", "items": "theirs"}]}},
    {"name": "i", "type": "int"}, {"name": "f", "type": "float"}, {"name": "g", "type": "int"},
    {"name": "d", "type": {"type": "fixed", "name": "money", "size": 9, "logicalType": "decimal", "precision": 20, "scale": 2}},
    {"name": "e", "type": {"type": "enum", "name": "colour", "symbols": ["blue", "green", "red"]}},
    {"name": "u", "type": "string"}, {"name": "m", "type": {"type": "int", "logicalType": "time-millis"}}]}"#;

fuzz_target!(|bytes: &[u8]| {
    let (choice, rows) = staunch_fuzz::choice(bytes);
    let schema = Schema::parse(WRITER).expect("a schema");
    let mut file = ContainerWriter::new(&schema, Codec::Null, [7; 16], &[]).expect("a file");
    // As many rows as the first byte says, the rest in a block of its own.
    let (first, rest) = rows.split_at(rows.len() / 2);
    file.append_encoded(first, u32::from(choice >> 4)).expect("no codec fails");
    file.end_block().expect("no codec fails");
    file.append_encoded(rest, u32::from(choice & 15)).expect("no codec fails");
    let file = file.finish().expect("no codec fails");
    let object = json!({"path": "x", "format": "avro"});
    staunch_fuzz::chain("x", &staunch_fuzz::contract(), &object, &file, 1 + usize::from(choice));
});
