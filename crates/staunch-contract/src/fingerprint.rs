//! What identifies a contract's content.

use crate::model::{Contract, Type};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

impl Contract {
    /// SHA-256, in 64 hexadecimal digits, of everything in the contract that data or decisions depend on: name, version, the
    /// fields in order with types, nullability and PII classes, key, and event time; not docs and owner.
    ///
    /// The hashed text is a JSON array without spaces (arrays, because the order of an object's keys is not fixed):
    /// `["staunch-contract-1", name, version, [[name, type, nullable, pii], ...], key, event_time]`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let fields: Vec<Value> = self
            .fields
            .iter()
            .map(|f| {
                let ty = match &f.ty {
                    Type::Enum(symbols) => json!(["enum", symbols]),
                    plain => json!(plain.to_string()),
                };
                json!([f.name, ty, f.nullable, f.pii])
            })
            .collect();
        let all = json!(["staunch-contract-1", self.name, self.version, fields, self.key, self.event_time]);
        hex::encode(Sha256::digest(all.to_string().as_bytes()))
    }
}
