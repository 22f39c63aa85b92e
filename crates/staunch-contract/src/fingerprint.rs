//! What identifies a contract's content.

use crate::model::{Contract, Element, Field, Type};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

impl Contract {
    /// SHA-256, in 64 hexadecimal digits, of everything in the contract that data or decisions depend on: name, version, the
    /// fields in order with types, nullability, PII classes and constraints, key, and event time; not docs, owner and what
    /// concerns Avro's readers and writers alone (names of types, aliases, defaults, order).
    ///
    /// The hashed text is a JSON array without spaces (arrays, because the order of an object's keys is not fixed):
    /// `["staunch-contract-1", name, version, [[name, type, nullable, pii], ...], key, event_time]`, where `pii` is null, a class, or
    /// several in their alphabetical order; a field with constraints has them, as
    /// pairs of name and value, as a fifth part. A type is its word; an enum `["enum", symbols]`; an array or map `["array", [type, nullable]]`; a record
    /// `["record", [[name, type, nullable], ...]]`; a union `["union", [[branch, type], ...]]`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let fields: Vec<Value> = self.fields.iter().map(field).collect();
        let all = json!(["staunch-contract-1", self.name, self.version, fields, self.key, self.event_time]);
        hex::encode(Sha256::digest(all.to_string().as_bytes()))
    }
}

fn field(f: &Field) -> Value {
    if f.constraints.is_empty() {
        return json!([f.name, ty(&f.ty), f.nullable, pii(f)]);
    }
    let constraints: Vec<Value> = f.constraints.properties().iter().map(|pair| json!(pair)).collect();
    json!([f.name, ty(&f.ty), f.nullable, pii(f), constraints])
}

/// The classes as attributes have them: none, one or several.
pub(crate) fn pii(f: &Field) -> Value {
    match f.pii.first() {
        None => Value::Null,
        Some(class) if f.pii.len() == 1 => json!(class),
        Some(_) => json!(f.pii),
    }
}

fn ty(ty: &Type) -> Value {
    let element = |e: &Element| json!([self::ty(&e.ty), e.nullable]);
    match ty {
        Type::Enum(symbols) => json!(["enum", symbols]),
        Type::Array(item) => json!(["array", element(item)]),
        Type::Map(value) => json!(["map", element(value)]),
        Type::Record(fields) => {
            let fields = fields.iter().map(|f| json!([f.name, self::ty(&f.ty), f.nullable]));
            json!(["record", fields.collect::<Vec<_>>()])
        }
        Type::Union(branches) => {
            let branches = branches.iter().map(|b| json!([b.branch(), self::ty(&b.ty)]));
            json!(["union", branches.collect::<Vec<_>>()])
        }
        plain => json!(plain.to_string()),
    }
}
