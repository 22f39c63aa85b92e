//! The raw form of one row: a container file of its own, with the schema of its writer and its bytes as they stood.
//!
//! The bytes alone say nothing, and the file that says what they mean may be gone when a dead letter is read. Any reader of Avro reads this.

use staunch_contract::avro::{
    Codec, ContainerLimits, ContainerReader, ContainerWriter, Decoder, Schema, Unions,
};
use std::path::Path;
use std::sync::Arc;

/// The marker of these files. Nobody looks for it in them: they have one block.
const MARKER: [u8; 16] = *b"staunch dead row";

/// Makes letters of the rows of one file.
#[derive(Debug, Clone)]
pub(super) struct Letters {
    schema: Arc<Schema>,
}

impl Letters {
    /// For rows written under `writer`. Its short form is kept, unless it is not the same schema when it is read: names without a
    /// namespace inside others have no such form.
    pub(super) fn new(writer: &Schema) -> Self {
        let short = Schema::parse(&writer.writer_form()).ok();
        let same = short.filter(|s| s.writer_form() == writer.writer_form());
        Self { schema: Arc::new(same.unwrap_or_else(|| writer.clone())) }
    }

    /// The letter of the row with these bytes.
    pub(super) fn letter(&self, row: &[u8]) -> Vec<u8> {
        let file = ContainerWriter::new(Arc::clone(&self.schema), Codec::Null, MARKER, &[]);
        let whole = file.and_then(|mut file| {
            file.append_encoded(row, 1)?;
            file.finish()
        });
        // Without codec and metadata of ours nothing of it fails.
        whole.unwrap_or_default()
    }
}

/// What a letter holds: the writer's schema and the bytes of the row. `None` if it is none.
pub(super) fn open(letter: &[u8]) -> Option<(Schema, Vec<u8>)> {
    let mut file = ContainerReader::open(letter, Path::new(""), ContainerLimits::default()).ok()?;
    let block = file.next_block().ok()??;
    let only = block.count == 1 && file.next_block().ok()?.is_none();
    only.then(|| (file.schema().clone(), block.bytes))
}

/// The row of a letter as plain JSON, under the names of its writer. Bytes of a text that is none are the characters U+0000 to U+00FF. `None` if
/// it is no letter, or no row under its own schema.
pub(crate) fn as_json(letter: &[u8]) -> Option<String> {
    let (schema, row) = open(letter)?;
    let bytes = schema.with_texts_as_bytes();
    [schema, bytes].iter().find_map(|schema| {
        let value = Decoder::new(schema).ok()?.decode(&row).ok()?;
        schema.value_to_json(&value, Unions::Plain).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{Letters, as_json, open};
    use staunch_contract::avro::Schema;

    #[test]
    fn a_letter_says_what_its_bytes_mean() {
        let text = r#"{"type": "record", "name": "a.r", "doc": "long", "fields": [
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 7},
            {"name": "d", "type": {"type": "fixed", "name": "d", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2}}]}"#;
        let writer = Schema::parse(text).unwrap();
        let letter = Letters::new(&writer).letter(&[2, 0, 0, 0, 1]);
        let (schema, row) = open(&letter).unwrap();
        assert_eq!(row, [2, 0, 0, 0, 1]);
        assert_eq!(schema.writer_form(), writer.writer_form());
        assert!(schema.text().contains("timestamp-millis") && schema.text().contains("\"scale\":2"));
        assert!(!schema.text().contains("doc") && schema.text().len() < text.len());
        assert_eq!(as_json(&letter).as_deref(), Some("{\"t\":1,\"d\":\"\\u0000\\u0000\\u0000\\u0001\"}"));
        assert!(as_json(b"a,b,c").is_none());
        assert!(open(b"a,b,c").is_none() && open(&letter[..letter.len() - 1]).is_none());
    }

    #[test]
    fn a_text_that_is_none_is_shown_all_the_same() {
        let writer =
            Schema::parse(r#"{"type": "record", "name": "r", "fields": [{"name": "s", "type": "string"}]}"#);
        let letters = Letters::new(&writer.unwrap());
        assert_eq!(as_json(&letters.letter(&[4, b'o', b'k'])).as_deref(), Some(r#"{"s":"ok"}"#));
        assert_eq!(as_json(&letters.letter(&[4, b'o', 0xFF])).as_deref(), Some("{\"s\":\"oÿ\"}"));
    }
}
