//! Fields and types in YAML.
//!
//! A type is a word with `?` behind it if the value may be missing, or a mapping: `{type: WORD, ...}`, `{array: TYPE}`, `{map: TYPE}`,
//! `{record: {NAME: TYPE, ...}}`, `{union: [TYPE, ...]}`, again with `?` behind the word (`{array?: string}`). The attributes of a
//! field stand beside it in the same mapping.

use crate::check::{self, Part, RawField};
use crate::constraints::RawConstraint;
use crate::model::{Element, Type};
use crate::report::Report;
use crate::types::{self, Written};
use crate::yaml_tree::{Key, Node, Spot, Value};
use staunch_types::codes;

/// The keys of a type as a mapping.
const TYPE_KEYS: [&str; 8] = ["type", "array", "map", "record", "union", "symbols", "name", "fixed"];
/// The keys of a field: those of its type come first.
const FIELD_KEYS: [&str; 21] = [
    "type",
    "array",
    "map",
    "record",
    "union",
    "symbols",
    "name",
    "fixed",
    "doc",
    "pii",
    "default",
    "aliases",
    "order",
    "unit",
    "min",
    "max",
    "min_length",
    "max_length",
    "pattern",
    "one_of",
    "unique",
];

/// A field of a contract or record.
pub(super) fn field(name: &Key, node: &Node, depth: usize, report: &mut Report<'_>) -> RawField {
    let mut raw = RawField::new(name.clone());
    let entries = match &node.value {
        Value::Text(_) => {
            raw.set(element(node, depth, report));
            return raw;
        }
        Value::Map(entries) => entries,
        Value::List(_) => {
            let message = format!("the field `{}` is a list, not a type", name.text);
            report.add(codes::CONTRACT, node.spot, message, "write {union: [long, string]} for a union");
            return raw;
        }
        other => {
            let message = format!("the field `{}` is {}, not a type", name.text, other.kind());
            let hint = "write NAME: TYPE or NAME: {type: TYPE, doc: ..., pii: CLASS}";
            report.add(codes::CONTRACT, node.spot, message, hint);
            return raw;
        }
    };
    let mut form = Form::default();
    for (key, value) in entries {
        match key.text.as_str() {
            "doc" => raw.doc = check::text("doc", value, report).map(|k| k.text),
            "pii" => raw.pii = check::one_or_more("pii", value, report),
            "default" => raw.default = Some(value.clone()),
            "aliases" => raw.aliases = check::aliases(value, report),
            "order" => raw.order = check::order(value, report),
            "unit" => raw.unit = check::text("unit", value, report),
            _ => {
                if let Some(constraint) = RawConstraint::yaml(key, value) {
                    raw.constraints.push(constraint);
                } else if !form.take(key, value, report) {
                    check::unknown_key(key, &FIELD_KEYS, report);
                }
            }
        }
    }
    raw.set(form.finish(name.spot, depth, report));
    raw
}

/// A type without a name: a word or a mapping.
fn element(node: &Node, depth: usize, report: &mut Report<'_>) -> Option<Element> {
    let entries = match &node.value {
        Value::Text(text) => {
            return match types::read(text) {
                Ok((Written::Type(ty), nullable)) => Some(Element::new(ty, nullable)),
                Ok((Written::Enum, _)) => {
                    let hint = "write {type: enum, symbols: [a, b]}";
                    report.add(codes::CONTRACT, node.spot, "the enum has no symbols", hint);
                    None
                }
                Err((message, hint)) => {
                    report.add(codes::CONTRACT, node.spot, message, hint);
                    None
                }
            };
        }
        Value::Map(entries) => entries,
        other => {
            let message = format!("a type is a word or a mapping, and this is {}", other.kind());
            report.add(codes::CONTRACT, node.spot, message, "write string, {array: string} or another type");
            return None;
        }
    };
    let mut form = Form::default();
    for (key, value) in entries {
        if form.take(key, value, report) {
            continue;
        }
        if FIELD_KEYS.contains(&key.text.as_str()) {
            let message = format!("`{}` belongs to a field, and this is a part without a name", key.text);
            report.add(codes::UNKNOWN_KEY, key.spot, message, "put it at the field that holds the part");
        } else {
            check::unknown_key(key, &TYPE_KEYS, report);
        }
    }
    form.finish(node.spot, depth, report)
}

/// A type in a mapping, as far as it was read.
#[derive(Default)]
struct Form<'a> {
    /// The word that says what it is, whether `?` stands behind it, and its value.
    main: Option<(&'a Key, &'static str, bool, &'a Node)>,
    symbols: Option<&'a Node>,
    name: Option<Key>,
    fixed: Option<u64>,
}

impl<'a> Form<'a> {
    /// Whether the key belongs to a type; it is then taken.
    fn take(&mut self, key: &'a Key, value: &'a Node, report: &mut Report<'_>) -> bool {
        match key.text.as_str() {
            "symbols" => self.symbols = Some(value),
            "name" => self.name = check::text("name", value, report),
            "fixed" => self.fixed = check::count("fixed", value, report),
            word => {
                let (word, marked) = word.strip_suffix('?').map_or((word, false), |word| (word, true));
                let words = ["type", "array", "map", "record", "union"];
                let Some(word) = words.into_iter().find(|w| *w == word) else { return false };
                if marked && word == "type" {
                    let hint = "put the mark behind the type: {type: string?}";
                    report.add(codes::UNKNOWN_KEY, key.spot, "there is no key `type?` here", hint);
                }
                if let Some((_, other, ..)) = self.main {
                    let message = format!("`{other}` and `{word}` stand side by side");
                    let hint = "a field has one type: keep one of the two";
                    report.add(codes::CONTRACT, key.spot, message, hint);
                } else {
                    self.main = Some((key, word, marked, value));
                }
            }
        }
        true
    }

    /// The whole type; `at` is where it is missed if there is none.
    fn finish(self, at: Spot, depth: usize, report: &mut Report<'_>) -> Option<Element> {
        let Some((key, word, marked, node)) = self.main else {
            check::missing("type", at, "write {type: TYPE, ...}", report);
            return None;
        };
        if depth >= check::DEEPEST && word != "type" {
            check::too_deep(key.spot, report);
            return None;
        }
        let found = match word {
            "array" => element(node, depth + 1, report).map(|e| Element::new(Type::Array(e.into()), marked)),
            "map" => element(node, depth + 1, report).map(|e| Element::new(Type::Map(e.into()), marked)),
            "record" => record(node, depth + 1, report).map(|ty| Element::new(ty, marked)),
            "union" => {
                union(node, depth + 1, report).map(|e| Element { nullable: e.nullable || marked, ..e })
            }
            _ if let Value::Map(_) = node.value => element(node, depth + 1, report),
            _ => return self.plain(node, report),
        };
        if let Some(symbols) = self.symbols {
            self.misplaced_symbols(symbols, word, report);
        }
        self.with_form(found?, key.spot, report)
    }

    /// `type: WORD`.
    fn plain(self, node: &Node, report: &mut Report<'_>) -> Option<Element> {
        if let Value::List(_) = node.value {
            let hint = "write {union: [long, string]}";
            report.add(codes::CONTRACT, node.spot, "`type` is a list, not a type", hint);
            return None;
        }
        let text = check::text("type", node, report)?;
        let (written, nullable) = match types::read(&text.text) {
            Ok(written) => written,
            Err((message, hint)) => {
                report.add(codes::CONTRACT, node.spot, message, hint);
                return None;
            }
        };
        let ty = match (written, self.symbols) {
            (Written::Enum, Some(symbols)) => check::symbols(symbols, report)?,
            (Written::Enum, None) => {
                let hint = "write {type: enum, symbols: [a, b]}";
                report.add(codes::CONTRACT, node.spot, "the enum has no symbols", hint);
                return None;
            }
            (Written::Type(ty), symbols) => {
                if let Some(symbols) = symbols {
                    self.misplaced_symbols(symbols, &ty.to_string(), report);
                }
                ty
            }
        };
        self.with_form(Element::new(ty, nullable), node.spot, report)
    }

    fn misplaced_symbols(&self, symbols: &Node, what: &str, report: &mut Report<'_>) {
        let message = format!("`symbols` belongs to an enum, and this is {what}");
        report.add(codes::CONTRACT, symbols.spot, message, "write type: enum or remove the symbols");
    }

    fn with_form(self, mut element: Element, at: Spot, report: &mut Report<'_>) -> Option<Element> {
        if let Some(name) = self.name {
            element.avro.name = Some(name.text);
        }
        // A size beyond 32 bits is no size that a type could have: it is refused as one that does not fit.
        if let Some(fixed) = self.fixed {
            element.avro.fixed = Some(u32::try_from(fixed).unwrap_or(u32::MAX));
        }
        check::formed(element, at, report)
    }
}

fn record(node: &Node, depth: usize, report: &mut Report<'_>) -> Option<Type> {
    match &node.value {
        Value::Map(entries) => {
            let fields = entries.iter().map(|(name, node)| field(name, node, depth, report)).collect();
            check::record(fields, node.spot, report)
        }
        Value::Null => check::record(Vec::new(), node.spot, report),
        other => {
            let message = format!("`record` is {}, not a mapping of fields", other.kind());
            report.add(codes::CONTRACT, node.spot, message, "write {record: {street: string, zip: string?}}");
            None
        }
    }
}

fn union(node: &Node, depth: usize, report: &mut Report<'_>) -> Option<Element> {
    let Value::List(items) = &node.value else {
        let message = format!("`union` is {}, not a list of types", node.value.kind());
        report.add(codes::CONTRACT, node.spot, message, "write {union: [long, string]}");
        return None;
    };
    let part = |item: &Node, report: &mut Report<'_>| match &item.value {
        Value::Null => Part::Null,
        Value::Text(text) if text == "null" => Part::Null,
        _ => Part::Other(item.spot, element(item, depth, report)),
    };
    let parts = items.iter().map(|item| part(item, report)).collect();
    check::union(parts, node.spot, report)
}
