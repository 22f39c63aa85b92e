//! Avro files: the schema stands in the header.

use super::Inferred;
use serde_json::Value;
use staunch_contract::Contract;
use staunch_contract::avro::{ContainerLimits, ContainerReader};
use staunch_types::{Error, Place, Result, codes};
use std::collections::BTreeMap;
use std::path::Path;

/// The contract that an Avro file was written under. A version is added where the schema has none, and the record gets the name `contract`, if one is given.
///
/// # Errors
/// `Source.*` for what is no Avro file; what a contract cannot be (`ST0031` and the others of contracts).
pub fn avro(path: &Path, contract: Option<&str>) -> Result<Inferred> {
    let file =
        std::fs::File::open(path).map_err(|e| crate::read::input::unreadable("open the file", path, &e))?;
    let file = std::io::BufReader::new(file);
    let reader = ContainerReader::open(file, path, ContainerLimits::default())?;
    let wrong = |what: &str| {
        Error::new(codes::CONTRACT, format!("the schema of the file is {what}"))
            .place(Place::file(path))
            .hint("a contract is a record")
    };
    let mut schema: Value = serde_json::from_str(reader.schema().text()).map_err(|_| wrong("no JSON"))?;
    let Value::Object(record) = &mut schema else { return Err(wrong("no record")) };
    let mut notes = Vec::new();
    record.entry("version").or_insert(1.into());
    if let Some(name) = contract {
        record.insert("name".to_owned(), name.into());
    }
    // What other writers note in a schema is not what a contract says.
    let mut gone = Vec::new();
    known(&mut schema, 0, &mut gone);
    gone.sort_unstable();
    gone.dedup();
    if !gone.is_empty() {
        notes.push(format!("left out, because a contract has no such keys: {}", gone.join(", ")));
    }
    let contract = Contract::from_avsc(&schema.to_string(), path)?;
    Ok(Inferred { contract, rows: 0, unreadable: BTreeMap::new(), rename: BTreeMap::new(), notes })
}

/// Takes keys such as `avro.java.string` and `connect.name` out of a schema. The parser bounds how deep it nests.
fn known(schema: &mut Value, depth: usize, gone: &mut Vec<String>) {
    match schema {
        Value::Object(entries) if depth < 128 => {
            let foreign: Vec<String> =
                entries.keys().filter(|key| key.contains(['.', '-'])).cloned().collect();
            for key in foreign {
                entries.remove(&key);
                gone.push(key);
            }
            for key in ["type", "items", "values", "fields"] {
                if let Some(inner) = entries.get_mut(key) {
                    known(inner, depth + 1, gone);
                }
            }
        }
        Value::Array(items) if depth < 128 => items.iter_mut().for_each(|item| known(item, depth + 1, gone)),
        _ => {}
    }
}
