//! Contracts, written as YAML for people.

use crate::avro::Level;
use crate::model::{AvroForm, Contract, Element, Field, Order, Type};
use crate::units::show_duration;
use serde_json::Value as Json;
use std::fmt::Write as _;

impl Contract {
    /// The contract in YAML, as [`Contract::from_yaml`] reads it. What YAML has no key for is left out: of named types their `doc`, their aliases,
    /// and the symbol for unknown ones.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = format!("contract: {}\nversion: {}\n", self.name, self.version);
        let mut line = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = writeln!(out, "{key}: {value}");
            }
        };
        line("namespace", self.namespace.as_deref().map(word));
        line("aliases", list(&self.aliases));
        line("doc", self.doc.as_deref().map(quoted));
        line("owner", self.owner.as_deref().map(quoted));
        line("freshness", self.freshness.map(show_duration));
        let level = self.compatibility != Some(Level::default());
        line("compatibility", level.then(|| self.compatibility.map_or(Level::NONE, Level::word).to_owned()));
        line("key", list(&self.key));
        line("event_time", self.event_time.as_deref().map(word));
        out.push_str("fields:\n");
        for field in &self.fields {
            let _ = writeln!(out, "  {}: {}", word(&field.name), whole(field));
        }
        out
    }
}

/// A text in quotation marks.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// A name, in quotation marks where YAML takes the word for something else.
fn word(name: &str) -> String {
    let other = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        && !other.contains(&name.to_ascii_lowercase().as_str());
    if plain { name.to_owned() } else { quoted(name) }
}

fn list(names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|n| word(n)).collect();
    (!names.is_empty()).then(|| format!("[{}]", names.join(", ")))
}

/// A field: its type alone, or a mapping.
fn whole(field: &Field) -> String {
    let mut parts = parts(&field.ty, field.nullable, &field.avro);
    let mut more = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            parts.push(format!("{key}: {value}"));
        }
    };
    let classes: Vec<String> = field.pii.iter().cloned().collect();
    more("pii", if let [one] = classes.as_slice() { Some(word(one)) } else { list(&classes) });
    more("unit", field.unit.as_deref().map(quoted));
    for (key, value) in field.constraints.properties() {
        let key = match key {
            "minLength" => "min_length",
            "maxLength" => "max_length",
            "oneOf" => "one_of",
            other => other,
        };
        more(key, Some(value.to_string()));
    }
    more("default", field.default.as_ref().map(Json::to_string));
    more("aliases", list(&field.aliases));
    more("order", (field.order != Order::Ascending).then(|| field.order.word().to_owned()));
    more("doc", field.doc.as_deref().map(quoted));
    flow(parts)
}

fn element(element: &Element) -> String {
    flow(parts(&element.ty, element.nullable, &element.avro))
}

/// `TYPE` if that says everything, else `{type: TYPE, ...}`.
fn flow(parts: Vec<String>) -> String {
    match parts.as_slice() {
        [only] if let Some(plain) = only.strip_prefix("type: ") => plain.to_owned(),
        _ => format!("{{{}}}", parts.join(", ")),
    }
}

/// The keys that say a type. Contracts bound how deep parts nest.
fn parts(ty: &Type, nullable: bool, avro: &AvroForm) -> Vec<String> {
    let mark = if nullable { "?" } else { "" };
    let mut parts = match ty {
        Type::Array(item) => vec![format!("array{mark}: {}", element(item))],
        Type::Map(value) => vec![format!("map{mark}: {}", element(value))],
        Type::Record(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|f| format!("{}: {}", word(&f.name), whole(f))).collect();
            vec![format!("record{mark}: {{{}}}", fields.join(", "))]
        }
        Type::Union(branches) => {
            let branches: Vec<String> = branches.iter().map(element).collect();
            vec![format!("union{mark}: [{}]", branches.join(", "))]
        }
        Type::Enum(symbols) => {
            vec![format!("type: enum{mark}"), format!("symbols: {}", list(symbols).unwrap_or_default())]
        }
        // The comma of a decimal would end the value.
        Type::Decimal { .. } => vec![format!("type: \"{ty}{mark}\"")],
        plain => vec![format!("type: {plain}{mark}")],
    };
    if let Some(name) = &avro.name {
        parts.push(format!("name: {}", word(name)));
    }
    if let Some(size) = avro.fixed {
        parts.push(format!("fixed: {size}"));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_written_is_read_back() {
        let text = "
contract: order
version: 3
namespace: org.shop
aliases: [old_order]
doc: 'It''s: \"one\" # order'
owner: web@example.org
freshness: 2 h
compatibility: FULL_TRANSITIVE
key: [id, \"true\"]
event_time: at
fields:
  id: {type: uuid, fixed: 16, unique: true}
  \"true\": int
  _at: date?
  at: {type: timestamp-nanos, min: '2020-01-01T00:00:00Z'}
  state: {type: enum, symbols: [new, \"null\", yes], default: new, name: State}
  price: {type: \"decimal(9,2)?\", min: 0.01, unit: 'EUR/1'}
  country: {type: string?, pattern: '[A-Z]{2}', order: ignore}
  tags: {array: string, max_length: 5, aliases: [labels]}
  attributes: {map?: \"long?\"}
  address: {record: {street: string, zip: {type: string?, doc: 'a, b}'}}, name: address, doc: Where.}
  value: {union?: [long, string, {record: {x: int}, name: X}]}
  f: fixed(4)
  mail: {type: string, pii: e-mail, one_of: [a, 'b, c']}
";
        let contract = Contract::from_yaml(text, Path::new("o.yaml")).unwrap();
        let written = contract.to_yaml();
        let again =
            Contract::from_yaml(&written, Path::new("w.yaml")).unwrap_or_else(|e| panic!("{e}\n{written}"));
        assert_eq!(again, contract, "{written}");
        assert!(
            written.contains("\n  _at: date?\n") || written.contains("\n  \"_at\": date?\n"),
            "{written}"
        );
        assert!(
            written.contains("\n  price: {type: \"decimal(9,2)?\", unit: \"EUR/1\", min: \"0.01\"}\n"),
            "{written}"
        );
    }
}
