//! Avro files: the schema stands in the header.

use super::names::Names;
use super::{Draft, Inferred};
use crate::systems::files::source::{FilesSource, glob};
use serde_json::Value;
use staunch_commit::Listed;
use staunch_contract::avro::{ContainerLimits, ContainerReader};
use staunch_contract::{Contract, Field};
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
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

/// The fields of all files; of two files that have one, the first says its type.
pub(super) fn draft(probe: &FilesSource, listed: &[Listed], names: &mut Names) -> Result<Draft> {
    let in_paths: BTreeSet<String> = probe
        .object
        .partition
        .iter()
        .flat_map(|p| p.names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    in_paths.iter().for_each(|name| names.reserve(name));
    let mut fields: Vec<Field> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let mut counts: Vec<usize> = Vec::new();
    for listed in listed {
        let path = glob::resolve(&probe.object.root, &listed.path)?;
        let found = avro(&path, None)?;
        found.notes.into_iter().for_each(|note| names.note(note));
        for field in found.contract.fields.into_iter().filter(|f| !in_paths.contains(&f.name)) {
            let column = field.name.clone();
            let index = *at.entry(column.clone()).or_insert_with(|| {
                fields.push(Field { name: names.field(&column), nullable: true, default: None, ..field });
                counts.push(0);
                fields.len() - 1
            });
            if let Some(count) = counts.get_mut(index) {
                *count += 1;
            }
        }
    }
    let partly = fields.iter().zip(&counts).filter(|(_, n)| **n < listed.len()).map(|(f, _)| f.name.clone());
    let partly = partly.collect();
    Ok(Draft { fields, partly })
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
