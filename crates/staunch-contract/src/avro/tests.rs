//! Data in, data out: each test calls one of these with texts.

mod adopting;
mod bytes;
mod generate;
mod pairs;
mod properties;
mod schemas;

use super::{Decoder, Schema, Unions};

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Plain JSON → bytes.
fn encoded(schema: &Schema, json: &str) -> Vec<u8> {
    schema.encode(&schema.value_from_json(json, Unions::Plain).unwrap()).unwrap()
}

/// What a reader makes of bytes: plain JSON, or code, message and path.
fn decoded(writer: &Schema, reader: &Schema, bytes: &[u8]) -> Result<String, String> {
    let value = Decoder::resolving(writer, reader).unwrap().decode(bytes);
    value.map(|v| reader.value_to_json(&v, Unions::Plain).unwrap()).map_err(|error| error.to_string())
}
