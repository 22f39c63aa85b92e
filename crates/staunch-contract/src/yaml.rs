//! Contracts in YAML.

use crate::check::{self, RawContract, RawField};
use crate::model::{Contract, Type};
use crate::report::Report;
use crate::types::{self, Written};
use crate::yaml_tree::{Key, Node, Value};
use staunch_types::{Result, codes};
use std::path::Path;

const KEYS: [&str; 7] = ["contract", "version", "doc", "owner", "key", "event_time", "fields"];
const FIELD_KEYS: [&str; 4] = ["type", "symbols", "doc", "pii"];

impl Contract {
    /// Reads a contract in YAML.
    ///
    /// ```
    /// let text = "
    /// contract: flight
    /// version: 1
    /// key: [carrier, flight]
    /// event_time: departed
    /// fields:
    ///   carrier: string
    ///   flight: int
    ///   price: decimal(9,2)
    ///   tailnum: {type: string?, pii: aircraft}
    ///   kind: {type: enum, symbols: [freight, passenger]}
    ///   departed: timestamp-micros
    /// ";
    /// let contract = staunch_contract::Contract::from_yaml(text, "contracts/flight.yaml".as_ref())?;
    /// assert_eq!(contract.id(), "flight@1");
    /// assert!(contract.fields[3].nullable);
    /// # Ok::<(), staunch_types::Error>(())
    /// ```
    ///
    /// # Errors
    /// Every mistake at once, with line and column: `ST0001` for YAML that cannot be read and for missing keys, `ST0002` for unknown
    /// keys, `ST0003` for unknown names, `ST0004` for names that stand twice, `ST0005` and `ST0006` for bad values and names,
    /// `ST0031` for types and rules of contracts.
    pub fn from_yaml(text: &str, path: &Path) -> Result<Self> {
        Report::on(text, path, |doc, report| {
            let raw = read(&doc.root, report)?;
            check::finish(raw, report)
        })
    }
}

fn read(root: &Node, report: &mut Report<'_>) -> Option<RawContract> {
    let Value::Map(entries) = &root.value else {
        let message = format!("a contract is a mapping, and this is {}", root.value.kind());
        report.add(codes::YAML, root.spot, message, "begin with contract: NAME, version: 1 and fields:");
        return None;
    };
    let mut raw = RawContract::default();
    let mut seen = Vec::new();
    for (key, node) in entries {
        seen.push(key.text.as_str());
        match key.text.as_str() {
            "contract" => raw.name = check::text("contract", node, report),
            "version" => raw.version = check::version(node, report),
            "doc" => raw.doc = check::text("doc", node, report).map(|k| k.text),
            "owner" => raw.owner = check::text("owner", node, report).map(|k| k.text),
            "key" => raw.key = check::texts("key", node, report),
            "event_time" => raw.event_time = check::text("event_time", node, report),
            "fields" => raw.fields = fields(node, report),
            _ => check::unknown_key(key, &KEYS, report),
        }
    }
    for (key, hint) in [
        ("contract", "name the contract: contract: NAME"),
        ("version", "write version: 1"),
        ("fields", "list the fields: NAME: TYPE"),
    ] {
        if !seen.contains(&key) {
            check::missing(key, root.spot, hint, report);
        }
    }
    Some(raw)
}

fn fields(node: &Node, report: &mut Report<'_>) -> Vec<RawField> {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            entries.iter().map(|(name, node)| field(name, node, report)).collect()
        }
        Value::Map(_) | Value::Null => {
            report.add(codes::CONTRACT, node.spot, "the contract has no fields", "list them: NAME: TYPE");
            Vec::new()
        }
        other => {
            let message = format!("`fields` is {}, not a mapping", other.kind());
            report.add(codes::BAD_VALUE, node.spot, message, "write NAME: TYPE, one a line, without dashes");
            Vec::new()
        }
    }
}

fn field(name: &Key, node: &Node, report: &mut Report<'_>) -> RawField {
    let mut raw = RawField { name: name.clone(), ty: None, nullable: false, doc: None, pii: None };
    let entries = match &node.value {
        Value::Text(_) => {
            let written = written(name, node, report);
            set_type(&mut raw, written, None, node, report);
            return raw;
        }
        Value::Map(entries) => entries,
        other => {
            let message = format!("the field `{}` is {}, not a type", name.text, other.kind());
            let hint = "write NAME: TYPE or NAME: {type: TYPE, doc: ..., pii: CLASS}; nested types are not supported";
            report.add(codes::CONTRACT, node.spot, message, hint);
            return raw;
        }
    };
    let (mut ty, mut symbols) = (None, None);
    for (key, value) in entries {
        match key.text.as_str() {
            "type" => ty = Some(value),
            "symbols" => symbols = Some(value),
            "doc" => raw.doc = check::text("doc", value, report).map(|k| k.text),
            "pii" => raw.pii = check::text("pii", value, report).map(|k| k.text),
            _ => check::unknown_key(key, &FIELD_KEYS, report),
        }
    }
    match ty {
        Some(node) => {
            let written = written(name, node, report);
            set_type(&mut raw, written, symbols, node, report);
        }
        None => check::missing("type", name.spot, "write {type: TYPE, ...}", report),
    }
    raw
}

/// The type as it is written; what is wrong is reported.
fn written(name: &Key, node: &Node, report: &mut Report<'_>) -> Option<(Written, bool)> {
    if let Value::List(_) | Value::Map(_) = node.value {
        let message = format!("the field `{}` has a union or nested type, which is not supported", name.text);
        let hint = "write TYPE? for a value that may be missing; flatten nested records into fields";
        report.add(codes::CONTRACT, node.spot, message, hint);
        return None;
    }
    let text = check::text("type", node, report)?;
    match types::read(&text.text) {
        Ok(written) => Some(written),
        Err((message, hint)) => {
            report.add(codes::CONTRACT, node.spot, message, hint);
            None
        }
    }
}

fn set_type(
    raw: &mut RawField,
    written: Option<(Written, bool)>,
    symbols: Option<&Node>,
    at: &Node,
    report: &mut Report<'_>,
) {
    let Some((written, nullable)) = written else { return };
    raw.nullable = nullable;
    raw.ty = match (written, symbols) {
        (Written::Enum, Some(node)) => check::symbols(node, report),
        (Written::Enum, None) => {
            let hint = "write {type: enum, symbols: [a, b]}";
            report.add(codes::CONTRACT, at.spot, "the enum has no symbols", hint);
            None
        }
        (Written::Type(ty), Some(node)) => {
            let message = format!("`symbols` belongs to an enum, and this is a {ty}");
            report.add(codes::CONTRACT, node.spot, message, "write type: enum or remove the symbols");
            Some(ty)
        }
        (Written::Type(ty), None) => Some::<Type>(ty),
    };
}

#[cfg(test)]
mod tests;
