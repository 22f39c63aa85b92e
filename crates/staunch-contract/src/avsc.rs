//! Contracts as Avro record schemas in JSON (`.avsc`): read and written.
//!
//! Staunch's attributes are plain custom properties of the record (`version`, `owner`, `freshness`, `key`, `eventTime`) and of its fields
//! (`pii`, `unit` and the constraints `min`, `max`, `minLength`, `maxLength`, `pattern`, `oneOf`, `unique`).

mod named;
mod read;
mod write;

use crate::check;
use crate::model::Contract;
use crate::report::Report;
use staunch_types::{Error, Place, Result, codes};
use std::path::Path;

impl Contract {
    /// Reads an Avro record schema in JSON.
    ///
    /// A named type may be used again by its name; a record that contains itself is refused: a contract's rows have columns, and
    /// such a record has no end.
    ///
    /// # Errors
    /// Every mistake at once, with line and column; the codes are those of [`Contract::from_yaml`].
    pub fn from_avsc(text: &str, path: &Path) -> Result<Self> {
        // JSON's own parser is the stricter one; the nodes know the places.
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            let place = Place::file(path).at(error.line() as u64, error.column().max(1) as u64);
            return Err(Error::new(codes::YAML, "the file is not JSON")
                .place(place)
                .cause(error.to_string())
                .hint("mend the JSON at this place"));
        }
        Report::on(text, path, |doc, report| {
            let raw = read::contract(&doc.root, report)?;
            check::finish(raw, report)
        })
    }

    /// The Avro record schema, with Staunch's attributes as custom properties. [`Contract::from_avsc`] reads it back as an equal
    /// contract, but for names of types that the contract leaves open: here they are made of the names of the fields.
    #[must_use]
    pub fn to_avro_json(&self) -> serde_json::Value {
        write::contract(self)
    }
}

#[cfg(test)]
mod nested_tests;
#[cfg(test)]
mod tests;
