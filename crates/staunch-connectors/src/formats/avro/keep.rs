//! Fields of a file that the contract does not name, kept row by row: as JSON of their writer's schema.

use crate::read::unknown::Object;
use serde_json::value::RawValue;
use staunch_contract::avro::{Decoder, Schema, Unions};
use std::collections::BTreeMap;

/// Makes an object of the unknown fields of a row.
pub(super) struct Keep {
    names: Vec<String>,
    /// The writer's schema; and with bytes for texts, for rows whose texts are none.
    forms: Vec<(Schema, Decoder)>,
}

impl Keep {
    /// For these fields of rows written under `writer`; `None` without fields.
    pub(super) fn new(names: Vec<String>, writer: &Schema) -> Option<Self> {
        if names.is_empty() {
            return None;
        }
        let forms = [writer.clone(), writer.with_texts_as_bytes()];
        let forms = forms.into_iter().filter_map(|schema| Decoder::new(&schema).ok().map(|d| (schema, d)));
        Some(Self { names, forms: forms.collect() })
    }

    /// The object of the row with these bytes.
    pub(super) fn object(&self, row: &[u8]) -> Vec<u8> {
        let json = self.forms.iter().find_map(|(schema, decoder)| {
            let value = decoder.decode(row).ok()?;
            schema.value_to_json(&value, Unions::Plain).ok()
        });
        // A row that its program has read is a value of its writer's schema.
        let members: BTreeMap<&str, &RawValue> =
            json.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let mut object = Object::new();
        for name in &self.names {
            if let Some(value) = members.get(name.as_str()) {
                // Names of Avro need no escapes.
                object.put(&format!("\"{name}\""), value.get().as_bytes());
            }
        }
        object.end()
    }
}
