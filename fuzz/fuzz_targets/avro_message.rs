//! Single messages under several schemas, plain and framed: what is read is written again as the same value, and resolved without harm.
#![no_main]

use libfuzzer_sys::fuzz_target;
use staunch_contract::avro::{Decoder, Limits, Schema, Unions, framing};
use std::sync::LazyLock;

/// Everything that a message may hold: recursion, blocks, branches, what takes no bytes.
const SCHEMAS: [&str; 4] = [
    r#"{"type": "record", "name": "tree", "fields": [{"name": "v", "type": ["null", "long", "string"]}, {"name": "kids", "type": {"type": "array", "items": "tree"}}]}"#,
    r#"{"type": "record", "name": "row", "fields": [{"name": "b", "type": "boolean"}, {"name": "i", "type": "int"}, {"name": "f", "type": "float"},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}}, {"name": "x", "type": {"type": "fixed", "name": "F", "size": 3}},
        {"name": "m", "type": {"type": "map", "values": ["bytes", "double"]}}]}"#,
    r#"{"type": "array", "items": {"type": "array", "items": "null"}}"#,
    r#"["null", {"type": "map", "values": {"type": "map", "values": "string"}}]"#,
];

/// A reader for each: fewer fields, wider types, defaults.
const READERS: [&str; 4] = [
    r#"{"type": "record", "name": "tree", "fields": [{"name": "kids", "type": {"type": "array", "items": "tree"}}, {"name": "n", "type": "string", "default": "none"}]}"#,
    r#"{"type": "record", "name": "row", "fields": [{"name": "i", "type": "double"}, {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}}]}"#,
    r#"{"type": "array", "items": {"type": "array", "items": ["int", "null"]}}"#,
    r#"["null", {"type": "map", "values": {"type": "map", "values": "bytes"}}]"#,
];

/// Few values: a handful of bytes stands for as many as are allowed, and each run would take as long as they do.
fn bounded(decoder: Decoder) -> Decoder {
    decoder.with_limits(Limits { values: 20_000, ..Limits::default() })
}

static ALL: LazyLock<Vec<(Schema, Decoder, Decoder)>> = LazyLock::new(|| {
    let made = SCHEMAS.iter().zip(READERS).map(|(writer, reader)| {
        let writer = Schema::parse(writer).expect("a schema");
        let reader = Schema::parse(reader).expect("a schema");
        let plain = bounded(Decoder::new(&writer).expect("a decoder"));
        let resolving = bounded(Decoder::resolving(&writer, &reader).expect("a decoder"));
        (writer, plain, resolving)
    });
    made.collect()
});

fuzz_target!(|bytes: &[u8]| {
    let (first, message) = staunch_fuzz::choice(bytes);
    let (schema, plain, resolving) = &ALL[usize::from(first) % ALL.len()];
    let body = match first >> 6 {
        0 => framing::split_confluent(message).map(|(_, body)| body),
        1 => framing::split_single_object(message).map(|(_, body)| body),
        _ => Ok(message),
    };
    let Ok(body) = body else { return };
    let resolved = resolving.decode(body);
    let Ok(value) = plain.decode(body) else { return };
    if let Err(error) = resolved {
        // A branch of the reader's union is a value and a level more.
        let limits = ["the bytes stand for too many values", "the value nests too deep"];
        assert!(limits.iter().any(|limit| error.message().starts_with(limit)), "compatible, but {error}");
    }
    let again = schema.encode(&value).expect("a value that was read can be written");
    let back = plain.decode(&again).expect("what was written can be read");
    assert_eq!(schema.encode(&back).expect("a value"), again);
    if let Ok(json) = schema.value_to_json(&value, Unions::Tagged)
        && let Ok(back) = schema.value_from_json(&json, Unions::Tagged)
    {
        let written = schema.encode(&back).expect("a value");
        assert_eq!(written.len(), again.len(), "{json}");
    }
});
