//! Contracts as Avro record schemas in JSON (`.avsc`): read and written.
//!
//! Staunch's attributes are plain custom properties of the record (`version`, `owner`, `key`, `eventTime`) and of its fields (`pii`).

use crate::check::{self, RawContract, RawField};
use crate::model::{Contract, Field, Type};
use crate::report::Report;
use crate::types;
use crate::yaml_tree::{Key, Node, Value};
use serde_json::{Map, json};
use staunch_types::{Error, Place, Result, codes};
use std::path::Path;

const KEYS: [&str; 8] = ["type", "name", "doc", "fields", "version", "owner", "key", "eventTime"];
const FIELD_KEYS: [&str; 5] = ["name", "type", "doc", "default", "pii"];
const TYPE_KEYS: [&str; 6] = ["type", "logicalType", "precision", "scale", "symbols", "name"];

impl Contract {
    /// Reads an Avro record schema in JSON.
    ///
    /// Namespaces, aliases and defaults other than `null` are refused: they are not supported yet.
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
            let raw = read(&doc.root, report)?;
            check::finish(raw, report)
        })
    }

    /// The Avro record schema, with Staunch's attributes as custom properties. [`Contract::from_avsc`] reads it back.
    #[must_use]
    pub fn to_avro_json(&self) -> serde_json::Value {
        let mut record = Map::new();
        record.insert("type".into(), "record".into());
        record.insert("name".into(), self.name.as_str().into());
        if let Some(doc) = &self.doc {
            record.insert("doc".into(), doc.as_str().into());
        }
        record.insert("version".into(), self.version.into());
        if let Some(owner) = &self.owner {
            record.insert("owner".into(), owner.as_str().into());
        }
        if !self.key.is_empty() {
            record.insert("key".into(), json!(self.key));
        }
        if let Some(event_time) = &self.event_time {
            record.insert("eventTime".into(), event_time.as_str().into());
        }
        let fields: Vec<_> = self.fields.iter().map(|f| field_json(&self.name, f)).collect();
        record.insert("fields".into(), fields.into());
        record.into()
    }
}

fn field_json(record: &str, field: &Field) -> serde_json::Value {
    let mut out = Map::new();
    out.insert("name".into(), field.name.as_str().into());
    if let Some(doc) = &field.doc {
        out.insert("doc".into(), doc.as_str().into());
    }
    let ty = type_json(record, field);
    if field.nullable {
        out.insert("type".into(), json!(["null", ty]));
        out.insert("default".into(), serde_json::Value::Null);
    } else {
        out.insert("type".into(), ty);
    }
    if let Some(pii) = &field.pii {
        out.insert("pii".into(), pii.as_str().into());
    }
    out.into()
}

fn type_json(record: &str, field: &Field) -> serde_json::Value {
    let logical = |base: &str| json!({"type": base, "logicalType": field.ty.to_string()});
    match &field.ty {
        Type::Boolean | Type::Int | Type::Long | Type::Float | Type::Double | Type::Bytes | Type::String => {
            field.ty.to_string().into()
        }
        // Avro wants a name for every enum, and no name twice in one schema.
        Type::Enum(symbols) => {
            json!({"type": "enum", "name": format!("{record}_{}", field.name), "symbols": symbols})
        }
        Type::Decimal { precision, scale } => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        Type::Date | Type::TimeMillis => logical("int"),
        Type::Uuid => logical("string"),
        Type::TimeMicros
        | Type::TimestampMillis
        | Type::TimestampMicros
        | Type::LocalTimestampMillis
        | Type::LocalTimestampMicros => logical("long"),
    }
}

fn read(root: &Node, report: &mut Report<'_>) -> Option<RawContract> {
    let Value::Map(entries) = &root.value else {
        let message = format!("a contract is a record schema, and this is {}", root.value.kind());
        report.add(codes::CONTRACT, root.spot, message, "begin with {\"type\": \"record\", \"name\": ...");
        return None;
    };
    let mut raw = RawContract::default();
    let mut seen = Vec::new();
    for (key, node) in entries {
        seen.push(key.text.as_str());
        match key.text.as_str() {
            "type" if node.value == Value::Text("record".into()) => {}
            "type" => {
                let hint = "write \"type\": \"record\"";
                report.add(codes::CONTRACT, node.spot, "a contract is a record schema", hint);
            }
            "name" => raw.name = check::text("name", node, report),
            "version" => raw.version = check::version(node, report),
            "doc" => raw.doc = check::text("doc", node, report).map(|k| k.text),
            "owner" => raw.owner = check::text("owner", node, report).map(|k| k.text),
            "key" => raw.key = check::texts("key", node, report),
            "eventTime" => raw.event_time = check::text("eventTime", node, report),
            "fields" => raw.fields = fields(node, report),
            "namespace" => {
                let hint = "remove it: a contract is known by its name alone";
                report.add(codes::UNKNOWN_KEY, key.spot, "namespaces are not supported", hint);
            }
            "aliases" => unsupported(key, report),
            _ => check::unknown_key(key, &KEYS, report),
        }
    }
    for (key, hint) in [
        ("type", "write \"type\": \"record\""),
        ("name", "name the contract: \"name\": \"...\""),
        ("version", "write \"version\": 1"),
        ("fields", "list the fields: \"fields\": [{\"name\": ..., \"type\": ...}]"),
    ] {
        if !seen.contains(&key) {
            check::missing(key, root.spot, hint, report);
        }
    }
    Some(raw)
}

fn unsupported(key: &Key, report: &mut Report<'_>) {
    let message = format!("`{}` is not supported", key.text);
    report.add(codes::UNKNOWN_KEY, key.spot, message, "remove it");
}

fn fields(node: &Node, report: &mut Report<'_>) -> Vec<RawField> {
    let Value::List(items) = &node.value else {
        let message = format!("`fields` is {}, not a list", node.value.kind());
        report.add(codes::BAD_VALUE, node.spot, message, "write [{\"name\": ..., \"type\": ...}]");
        return Vec::new();
    };
    if items.is_empty() {
        report.add(codes::CONTRACT, node.spot, "the contract has no fields", "list at least one");
    }
    items.iter().filter_map(|item| field(item, report)).collect()
}

fn field(node: &Node, report: &mut Report<'_>) -> Option<RawField> {
    let Value::Map(entries) = &node.value else {
        let message = format!("a field is a mapping, and this is {}", node.value.kind());
        report.add(codes::BAD_VALUE, node.spot, message, "write {\"name\": ..., \"type\": ...}");
        return None;
    };
    let (mut name, mut ty, mut default, mut doc, mut pii) = (None, None, None, None, None);
    for (key, value) in entries {
        match key.text.as_str() {
            "name" => name = Some(check::text("name", value, report)),
            "type" => ty = Some(value),
            "doc" => doc = check::text("doc", value, report).map(|k| k.text),
            "pii" => pii = check::text("pii", value, report).map(|k| k.text),
            "default" => default = Some((key, value)),
            "order" | "aliases" => unsupported(key, report),
            _ => check::unknown_key(key, &FIELD_KEYS, report),
        }
    }
    if name.is_none() {
        check::missing("name", node.spot, "write {\"name\": ..., \"type\": ...}", report);
    }
    let (ty, nullable) = match ty {
        Some(node) => union(node, report),
        None => {
            check::missing("type", node.spot, "write {\"name\": ..., \"type\": ...}", report);
            (None, true)
        }
    };
    if let Some((key, value)) = default
        && !(nullable && value.value == Value::Null)
    {
        let hint = "remove it: the only default is null, of a field that may be missing";
        report.add(codes::UNKNOWN_KEY, key.spot, "this default is not supported", hint);
    }
    name.flatten().map(|name| RawField { name, ty, nullable, doc, pii })
}

/// `T`, `["null", T]` or `[T, "null"]`.
fn union(node: &Node, report: &mut Report<'_>) -> (Option<Type>, bool) {
    let Value::List(members) = &node.value else { return (plain(node, report), false) };
    let is_null = |n: &&Node| n.value == Value::Text("null".into());
    let others: Vec<_> = members.iter().filter(|m| !is_null(m)).collect();
    match others[..] {
        [one] if members.len() <= 2 => (plain(one, report), members.len() == 2),
        _ => {
            let hint = "the only union is that of \"null\" with one type";
            report.add(codes::CONTRACT, node.spot, "this union is not supported", hint);
            (None, true)
        }
    }
}

fn plain(node: &Node, report: &mut Report<'_>) -> Option<Type> {
    match &node.value {
        Value::Text(name) => base(name, node, report),
        Value::Map(entries) => {
            for (key, _) in entries.iter().filter(|(k, _)| !TYPE_KEYS.contains(&k.text.as_str())) {
                check::unknown_key(key, &TYPE_KEYS, report);
            }
            let get = |name: &str| entries.iter().find(|(k, _)| k.text == name).map(|(_, n)| n);
            complex(node, get, report)
        }
        other => {
            let message = format!("a type is a text or a mapping, and this is {}", other.kind());
            report.add(codes::CONTRACT, node.spot, message, "write \"string\" or another type of Avro");
            None
        }
    }
}

/// An Avro primitive.
fn base(name: &str, node: &Node, report: &mut Report<'_>) -> Option<Type> {
    let (message, hint) = match types::read(name) {
        Ok((types::Written::Type(ty), false)) if is_primitive(&ty) => return Some(ty),
        Ok(_) => {
            let hint = "a logical type is written {\"type\": BASE, \"logicalType\": NAME}, \
                        an enum {\"type\": \"enum\", \"name\": ..., \"symbols\": [...]}, and a value that may be missing [\"null\", TYPE]";
            (format!("`{name}` is not a primitive type of Avro"), hint.to_owned())
        }
        Err(wrong) => wrong,
    };
    report.add(codes::CONTRACT, node.spot, message, hint);
    None
}

fn is_primitive(ty: &Type) -> bool {
    use Type::{Boolean, Bytes, Double, Float, Int, Long, String};
    matches!(ty, Boolean | Int | Long | Float | Double | Bytes | String)
}

fn complex<'a>(node: &Node, get: impl Fn(&str) -> Option<&'a Node>, report: &mut Report<'_>) -> Option<Type> {
    let Some(base_node) = get("type") else {
        check::missing("type", node.spot, "write {\"type\": ...}", report);
        return None;
    };
    let Value::Text(name) = &base_node.value else {
        let hint = "flatten nested records into fields";
        report.add(codes::CONTRACT, base_node.spot, "nested types are not supported", hint);
        return None;
    };
    if name == "enum" {
        return match get("symbols") {
            Some(symbols) => check::symbols(symbols, report),
            None => {
                check::missing("symbols", node.spot, "write \"symbols\": [\"a\", \"b\"]", report);
                None
            }
        };
    }
    let base_type = base(name, base_node, report)?;
    let Some(logical_node) = get("logicalType") else { return Some(base_type) };
    let logical = check::text("logicalType", logical_node, report)?;
    let number = |key: &str| match get(key).map(|n| &n.value) {
        Some(Value::Int(n)) => u64::try_from(*n).ok(),
        _ => None,
    };
    let wrong = match (logical.text.as_str(), base_type) {
        ("decimal", Type::Bytes) => match (number("precision"), get("scale").map_or(Some(0), |_| number("scale"))) {
            (Some(precision), Some(scale)) => match types::decimal(precision, scale) {
                Ok(ty) => return Some(ty),
                Err(wrong) => wrong,
            },
            _ => ("the decimal has no precision or scale".into(), "write \"precision\": 9, \"scale\": 2".into()),
        },
        ("uuid", Type::String) => return Some(Type::Uuid),
        ("date", Type::Int) => return Some(Type::Date),
        ("time-millis", Type::Int) => return Some(Type::TimeMillis),
        ("time-micros", Type::Long) => return Some(Type::TimeMicros),
        ("timestamp-millis", Type::Long) => return Some(Type::TimestampMillis),
        ("timestamp-micros", Type::Long) => return Some(Type::TimestampMicros),
        ("local-timestamp-millis", Type::Long) => return Some(Type::LocalTimestampMillis),
        ("local-timestamp-micros", Type::Long) => return Some(Type::LocalTimestampMicros),
        (logical, base) => (
            format!("there is no logical type `{logical}` on {base}"),
            "known: decimal on bytes; date, time-millis on int; time-micros, timestamp-*, local-timestamp-* on long; uuid on string".into(),
        ),
    };
    report.add(codes::CONTRACT, logical_node.spot, wrong.0, wrong.1);
    None
}

#[cfg(test)]
mod tests;
