//! Texts of Avro schemas, two of them divided by a line of `----`: read, put into canonical form, compared, resolved.
#![no_main]

use libfuzzer_sys::fuzz_target;
use staunch_contract::avro::{Decoder, Schema, incompatibilities};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (reader, writer) = text.split_once("\n----\n").unwrap_or((text, text));
    let read = |text: &str| match Schema::parse(text) {
        Ok(schema) => Some(schema),
        Err(error) => {
            for mistake in error.all() {
                assert!(mistake.where_().line.is_some() && mistake.next_step().is_some(), "{mistake}");
            }
            None
        }
    };
    let (Some(reader), Some(writer)) = (read(reader), read(writer)) else { return };
    // With namespaces the form is not always its own: a name of the null namespace inside another one cannot be written in it.
    if !reader.text().contains(['.', '\\']) && !reader.text().contains("namespace") {
        let canonical = Schema::parse(&reader.canonical_form()).expect("the canonical form is a schema");
        assert_eq!(canonical.canonical_form(), reader.canonical_form());
    }
    if let (Ok(found), Ok(decoder)) =
        (incompatibilities(&reader, &writer), Decoder::resolving(&writer, &reader))
    {
        // Zeros are a value of most schemas; a pair that is compatible may refuse them only as the writer's schema does.
        let zeros = [0; 256];
        if let (true, Err(error)) = (found.is_empty(), decoder.decode_first(&zeros)) {
            assert_eq!(error.code().name, "Decode.Malformed", "{error}");
        }
    }
});
