//! Contracts in YAML.

mod types;
mod write;

use crate::check::{self, RawContract, RawField};
use crate::model::Contract;
use crate::report::Report;
use crate::yaml_tree::{Node, Value};
use staunch_types::{Result, codes};
use std::path::Path;

const KEYS: [&str; 11] = [
    "contract",
    "version",
    "namespace",
    "aliases",
    "doc",
    "owner",
    "freshness",
    "compatibility",
    "key",
    "event_time",
    "fields",
];

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
    ///   seats: {type: int, min: 0, max: 900}
    ///   stops: {array: {record: {airport: string, minutes: int?}}}
    ///   extras: {map?: double}
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
            "namespace" => raw.namespace = check::text("namespace", node, report),
            "aliases" => raw.aliases = check::aliases(node, report),
            "freshness" => raw.freshness = check::freshness(node, report),
            "compatibility" => raw.compatibility = check::compatibility(node, report),
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
            entries.iter().map(|(name, node)| types::field(name, node, 0, report)).collect()
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

#[cfg(test)]
mod nested_tests;
#[cfg(test)]
mod tests;
