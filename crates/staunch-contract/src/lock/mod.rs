//! `contracts.lock`: every published version of every contract whole, and the contracts that were inferred for stages.
//!
//! **What it is.** A [`Lock`] and its text. A version stands there with its Avro form, verbatim, and the fingerprint of that text: what was
//! published cannot be changed by accident, here or in its own file.
//!
//! **What it is not.** It opens no file, and decides nothing about a project: which version is published when is said by whoever
//! makes a [`Lock`].
//!
//! **Invariants.** Equal locks have equal texts: entries are sorted, versions by number, keys have one order. The text is read back as an
//! equal lock. An entry whose text does not have its fingerprint is refused.
//!
//! The text is YAML of one form, with each schema as a block of JSON, one field a line, so that two branches that add different
//! versions merge without a conflict:
//!
//! ```yaml
//! format: 1
//! contracts:
//!   click@1:
//!     fingerprint: sha256:6d3b...
//!     avro: |
//!       {"type": "record", "name": "click", "version": 1, "fields": [
//!         {"name": "id", "type": "long"}
//!       ]}
//! inferred:
//!   dev:
//!     sales/paid:
//!       fingerprint: sha256:51c8...
//!       avro: |
//!         ...
//! ```

mod follow;
mod json;
mod read;
#[cfg(test)]
mod tests;

pub use follow::{Break, Reason, breaks, meanings};

use crate::model::Contract;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// The version of the file's form that this code writes and reads.
pub const FORMAT: u64 = 1;

/// The largest lock that is read, in bytes.
pub const BYTES_MAX: u64 = 16 << 20;

/// What a project has published, and what was inferred for its stages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// By name, by version.
    pub versions: BTreeMap<String, BTreeMap<u32, Pinned>>,
    /// By profile (what becomes of personal data changes what is inferred), by `pipeline/stage`.
    pub inferred: BTreeMap<String, BTreeMap<String, Pinned>>,
}

/// A contract as it was locked.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The contract.
    pub contract: Arc<Contract>,
    /// Its Avro form, as it stands in the file.
    pub avro: String,
    /// The earlier versions with which it breaks, because somebody allowed it.
    pub breaks: Vec<u32>,
    /// The line of the file on which it begins, from 1; 0 if it was never in a file.
    pub line: u64,
}

impl PartialEq for Pinned {
    /// The line does not count.
    fn eq(&self, other: &Self) -> bool {
        self.avro == other.avro && self.breaks == other.breaks
    }
}

impl Eq for Pinned {}

impl Pinned {
    /// Pins a contract.
    #[must_use]
    pub fn new(contract: Arc<Contract>) -> Self {
        let avro = json::schema(&contract.to_avro_json());
        Self { contract, avro, breaks: Vec::new(), line: 0 }
    }

    /// SHA-256 of the Avro form: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.avro)
    }

    /// Whether `contract` says what was locked. What is for people alone may differ: `doc`, `owner`, `freshness`, and the level that
    /// later versions keep to.
    #[must_use]
    pub fn holds(&self, contract: &Contract) -> bool {
        // Both through their text, in which every type has a name.
        let form = |avro: &str| {
            let read = Contract::from_avsc(avro, Path::new("contract")).ok()?;
            Some(published(&read.to_avro_json()))
        };
        let now = form(&json::schema(&contract.to_avro_json()));
        now.is_some() && now == form(&self.avro)
    }
}

fn fingerprint(avro: &str) -> String {
    // Digits alone would be a number to YAML.
    format!("sha256:{}", hex::encode(Sha256::digest(avro.as_bytes())))
}

/// A schema without what is for people alone.
fn published(schema: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    /// The attributes of the record that say nothing about data.
    const FOR_PEOPLE: [&str; 4] = ["doc", "owner", "freshness", "compatibility"];
    fn without_docs(value: &Value) -> Value {
        match value {
            // What a default holds is no schema, and its keys are those of data.
            Value::Object(entries) => entries
                .iter()
                .filter(|(key, _)| *key != "doc")
                .map(|(key, inner)| {
                    let inner = if key == "default" { inner.clone() } else { without_docs(inner) };
                    (key.clone(), inner)
                })
                .collect(),
            Value::Array(items) => items.iter().map(without_docs).collect(),
            plain => plain.clone(),
        }
    }
    let mut plain = without_docs(schema);
    if let Value::Object(entries) = &mut plain {
        entries.retain(|key, _| !FOR_PEOPLE.contains(&key.as_str()));
    }
    plain
}

impl Lock {
    /// The version of a name, if it is locked.
    #[must_use]
    pub fn version(&self, name: &str, version: u32) -> Option<&Pinned> {
        self.versions.get(name)?.get(&version)
    }

    /// Every locked version, sorted.
    pub fn all(&self) -> impl Iterator<Item = &Pinned> {
        self.versions.values().flat_map(BTreeMap::values)
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "# Every published version of every contract, and what was inferred for stages. Written by `staunch contract lock`:\n\
             # commit this file, and change it in no other way.\nformat: {FORMAT}\n"
        );
        if !self.versions.is_empty() {
            out.push_str("contracts:\n");
        }
        for pinned in self.all() {
            entry(&mut out, 2, &pinned.contract.id(), pinned);
        }
        if self.inferred.values().any(|stages| !stages.is_empty()) {
            out.push_str("inferred:\n");
        }
        for (profile, stages) in self.inferred.iter().filter(|(_, stages)| !stages.is_empty()) {
            let _ = writeln!(out, "  {}:", key(profile));
            for (stage, pinned) in stages {
                entry(&mut out, 4, stage, pinned);
            }
        }
        out
    }
}

/// A key of YAML; the names of profiles are words that could mean something else there.
fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&name.to_ascii_lowercase().as_str());
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

fn entry(out: &mut String, indent: usize, name: &str, pinned: &Pinned) {
    let pad = " ".repeat(indent);
    let _ = writeln!(out, "{pad}{name}:\n{pad}  fingerprint: {}", pinned.fingerprint());
    if !pinned.breaks.is_empty() {
        let versions: Vec<String> = pinned.breaks.iter().map(u32::to_string).collect();
        let _ = writeln!(out, "{pad}  breaks: [{}]", versions.join(", "));
    }
    let _ = writeln!(out, "{pad}  avro: |");
    for line in pinned.avro.lines() {
        let _ = writeln!(out, "{pad}    {line}");
    }
}
