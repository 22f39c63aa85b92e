//! `contract check` and `contract show`: schemas of Avro, by themselves or as contracts in YAML.

pub(crate) mod check;
pub(crate) mod show;

use crate::documents;
use staunch_contract::Contract;
use staunch_contract::avro::{SCHEMA_BYTES_MAX, Schema, SchemaOptions};
use staunch_types::{Error, Place, Result, codes};
use std::path::Path;

/// The schema in a file: Avro's JSON, or a contract in YAML in its Avro form.
///
/// # Errors
/// Every mistake at once: `ST0033` for Avro, those of contracts for YAML, `ST0001` for what is no readable file.
fn schema(path: &Path) -> Result<Schema> {
    let yaml = match path.extension().and_then(|e| e.to_str()) {
        Some("avsc" | "json") => false,
        Some("yaml") => true,
        _ => {
            return Err(Error::new(codes::SCHEMA, "the name of the file does not say what is in it")
                .place(Place::file(path))
                .hint("call it `.avsc` if it holds an Avro schema, `.yaml` if it holds a contract"));
        }
    };
    let text = documents::read(path, SCHEMA_BYTES_MAX)?;
    let options = SchemaOptions { file: Some(path.to_owned()), ..SchemaOptions::default() };
    if yaml {
        let contract = Contract::from_yaml(&text, path)?;
        return Schema::parse_with(&contract.to_avro_json().to_string(), &options);
    }
    Schema::parse_with(&text, &options)
}
