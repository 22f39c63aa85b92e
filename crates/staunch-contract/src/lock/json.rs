//! Avro schemas as text for people and for git: the order of keys is fixed, and each field of the record has a line of its own.

use serde_json::Value;

/// The keys of schemas in the order in which people look for them; others follow by the alphabet.
const ORDER: [&str; 30] = [
    "type",
    "logicalType",
    "precision",
    "scale",
    "name",
    "namespace",
    "aliases",
    "doc",
    "version",
    "owner",
    "freshness",
    "compatibility",
    "key",
    "eventTime",
    "size",
    "symbols",
    "items",
    "values",
    "default",
    "order",
    "pii",
    "unit",
    "min",
    "max",
    "minLength",
    "maxLength",
    "pattern",
    "oneOf",
    "unique",
    "fields",
];

/// The text of a record schema, without a line break at its end.
pub(super) fn schema(schema: &Value) -> String {
    let mut out = String::new();
    let Value::Object(entries) = schema else {
        value(schema, false, &mut out);
        return out;
    };
    out.push('{');
    for (n, key) in keys(entries, false).into_iter().enumerate() {
        out.push_str(if n == 0 { "" } else { ", " });
        text(key, &mut out);
        out.push_str(": ");
        match (key, &entries[key]) {
            ("fields", Value::Array(fields)) if !fields.is_empty() => {
                out.push('[');
                for (n, field) in fields.iter().enumerate() {
                    out.push_str(if n == 0 { "\n  " } else { ",\n  " });
                    value(field, true, &mut out);
                }
                out.push_str("\n]");
            }
            (_, other) => value(other, false, &mut out),
        }
    }
    out.push('}');
    out
}

/// The keys in their order; that of a field begins with its name.
fn keys(entries: &serde_json::Map<String, Value>, of_field: bool) -> Vec<&str> {
    let rank = |key: &str| match key {
        "name" if of_field => 0,
        key => 1 + ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len()),
    };
    let mut keys: Vec<&str> = entries.keys().map(String::as_str).collect();
    keys.sort_by_key(|key| (rank(key), *key));
    keys
}

/// On one line. Contracts bound how deep types nest, and JSON's parser how deep defaults do.
fn value(of: &Value, of_field: bool, out: &mut String) {
    match of {
        Value::Object(entries) => {
            out.push('{');
            for (n, key) in keys(entries, of_field).into_iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                text(key, out);
                out.push_str(": ");
                // The fields of a record inside: each begins with its name.
                let inner = &entries[key];
                match inner {
                    Value::Array(fields) if key == "fields" => list(fields, true, out),
                    other => value(other, false, out),
                }
            }
            out.push('}');
        }
        Value::Array(items) => list(items, false, out),
        Value::String(string) => text(string, out),
        plain => out.push_str(&plain.to_string()),
    }
}

fn list(items: &[Value], of_fields: bool, out: &mut String) {
    out.push('[');
    for (n, item) in items.iter().enumerate() {
        out.push_str(if n == 0 { "" } else { ", " });
        value(item, of_fields, out);
    }
    out.push(']');
}

/// A text in JSON that YAML takes for the same text in a block: what YAML cannot print, or takes for a line break, is escaped.
fn text(text: &str, out: &mut String) {
    for c in Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
}
