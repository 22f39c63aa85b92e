//! `contract show`: what a schema is, whatever its text looks like.

use super::side::Side;
use crate::context::{App, RunContext, Verb, authorize};
use staunch_contract::avro::Ignored;
use staunch_types::Result;
use std::path::Path;

/// The canonical form of a schema and its fingerprints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaView {
    /// Avro's Parsing Canonical Form.
    pub canonical: String,
    /// CRC-64-AVRO, as 16 hexadecimal digits, the most significant first.
    pub rabin: String,
    /// MD5, in hexadecimal digits.
    pub md5: String,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// What Avro ignores in it by its rules, and why.
    pub ignored: Vec<Ignored>,
}

impl App {
    /// The canonical form and the fingerprints of a schema: of a file, or of `name@version`.
    ///
    /// # Errors
    /// Those of a schema that cannot be read.
    pub fn contract_show(
        &self,
        start: &Path,
        profile: Option<&str>,
        what: &str,
        context: &RunContext,
    ) -> Result<SchemaView> {
        authorize(&context.actor, Verb::Read, "contract")?;
        let schema = Side::read(what, start, profile)?.schema;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(SchemaView {
            canonical: schema.canonical_form(),
            rabin: format!("{:016x}", schema.rabin()),
            md5: hex(&schema.md5()),
            sha256: hex(&schema.sha256()),
            ignored: schema.ignored().to_vec(),
        })
    }
}
