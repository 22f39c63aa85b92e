//! What must hold for a contract whatever it was read from, reported with the places of the document.

use crate::model::{Contract, Field, Type};
use crate::near;
use crate::report::Report;
use crate::yaml_tree::{Key, Node, Spot, Value};
use staunch_types::codes;

/// A field of the document: as far as it could be read, and where its name stands.
pub(crate) struct RawField {
    pub(crate) name: Key,
    pub(crate) ty: Option<Type>,
    pub(crate) nullable: bool,
    pub(crate) doc: Option<String>,
    pub(crate) pii: Option<String>,
}

/// A contract of the document, as far as it could be read.
#[derive(Default)]
pub(crate) struct RawContract {
    pub(crate) name: Option<Key>,
    pub(crate) version: Option<u32>,
    pub(crate) doc: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) key: Vec<Key>,
    pub(crate) event_time: Option<Key>,
    pub(crate) fields: Vec<RawField>,
}

/// Whether `text` is an Avro name: a letter or `_`, then letters, digits and `_`, all ASCII.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The hint for a name that is none.
pub(crate) const NAME_RULE: &str = "names begin with a letter or `_` and go on with letters, digits and `_`";

/// Checks names and references, and makes the contract if nothing is missing. What could not be read has been reported already.
pub(crate) fn finish(raw: RawContract, report: &mut Report<'_>) -> Option<Contract> {
    if let Some(name) = raw.name.as_ref().filter(|n| !is_name(&n.text)) {
        report.add(
            codes::BAD_NAME,
            name.spot,
            format!("`{}` is not a contract's name", name.text),
            NAME_RULE,
        );
    }
    check_fields(&raw.fields, report);
    check_key(&raw, report);
    if let Some(name) = &raw.event_time {
        check_event_time(name, &raw.fields, report);
    }
    let complete = raw.fields.iter().all(|f| f.ty.is_some());
    let fields = raw.fields.into_iter().filter_map(|f| {
        Some(Field { name: f.name.text, ty: f.ty?, nullable: f.nullable, doc: f.doc, pii: f.pii })
    });
    let contract = Contract {
        name: raw.name?.text,
        version: raw.version?,
        doc: raw.doc,
        owner: raw.owner,
        fields: fields.collect(),
        key: raw.key.into_iter().map(|k| k.text).collect(),
        event_time: raw.event_time.map(|k| k.text),
    };
    complete.then_some(contract)
}

fn check_fields(fields: &[RawField], report: &mut Report<'_>) {
    for (i, field) in fields.iter().enumerate() {
        let name = &field.name;
        if !is_name(&name.text) {
            report.add(
                codes::BAD_NAME,
                name.spot,
                format!("`{}` is not a field's name", name.text),
                NAME_RULE,
            );
        }
        // SQL does not tell `Price` from `price`, so a contract must not need it to.
        let same = |f: &&RawField| f.name.text.eq_ignore_ascii_case(&name.text);
        if let Some(other) = fields[..i].iter().find(same) {
            let text = &other.name.text;
            let message = if *text == name.text {
                format!("the field `{text}` stands here twice")
            } else {
                format!("the fields `{text}` and `{}` differ in case alone", name.text)
            };
            report.add(codes::DUPLICATE_NAME, name.spot, message, "rename or remove one of the two");
        }
        if let Some(pii) = &field.pii
            && !is_name(&pii.replace('-', "_"))
        {
            let message = format!("the PII class of `{}` is not a name", name.text);
            report.add(codes::BAD_NAME, name.spot, message, NAME_RULE);
        }
    }
}

fn check_key(raw: &RawContract, report: &mut Report<'_>) {
    for (i, name) in raw.key.iter().enumerate() {
        if raw.key[..i].iter().any(|other| other.text == name.text) {
            let message = format!("`{}` stands twice in the key", name.text);
            report.add(codes::DUPLICATE_NAME, name.spot, message, "name it once");
        }
        match find(name, &raw.fields) {
            None => unknown("the key", name, &raw.fields, report),
            Some(field) if field.nullable => {
                let message = format!("the key field `{}` may be missing", name.text);
                let hint = "a record must be identified: make the field non-null or take it out of the key";
                report.add(codes::CONTRACT, name.spot, message, hint);
            }
            Some(_) => {}
        }
    }
}

fn check_event_time(name: &Key, fields: &[RawField], report: &mut Report<'_>) {
    match find(name, fields) {
        None => unknown("the event time", name, fields, report),
        Some(RawField { ty: Some(ty), .. }) if !is_time(ty) => {
            let message = format!("the event time `{}` is a {ty}", name.text);
            report.add(codes::CONTRACT, name.spot, message, "the event time is a date or a timestamp");
        }
        Some(_) => {}
    }
}

fn is_time(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Date
            | Type::TimestampMillis
            | Type::TimestampMicros
            | Type::LocalTimestampMillis
            | Type::LocalTimestampMicros
    )
}

fn find<'a>(name: &Key, fields: &'a [RawField]) -> Option<&'a RawField> {
    fields.iter().find(|f| f.name.text == name.text)
}

fn unknown(what: &str, name: &Key, fields: &[RawField], report: &mut Report<'_>) {
    let message = format!("{what} names `{}`, which is no field", name.text);
    let hint = near::hint(&name.text, fields.iter().map(|f| f.name.text.as_str()));
    report.add(codes::UNKNOWN_NAME, name.spot, message, hint);
}

/// A text; anything else is reported.
pub(crate) fn text(what: &str, node: &Node, report: &mut Report<'_>) -> Option<Key> {
    match &node.value {
        Value::Text(text) if !text.trim().is_empty() => Some(Key { text: text.clone(), spot: node.spot }),
        Value::Text(_) => {
            report.add(
                codes::BAD_VALUE,
                node.spot,
                format!("`{what}` is empty"),
                "write a text or leave it out",
            );
            None
        }
        other => {
            let message = format!("`{what}` is {}, not a text", other.kind());
            report.add(codes::BAD_VALUE, node.spot, message, "put it into quotes if it is meant as a text");
            None
        }
    }
}

/// A list of texts; anything else is reported.
pub(crate) fn texts(what: &str, node: &Node, report: &mut Report<'_>) -> Vec<Key> {
    let Value::List(items) = &node.value else {
        let message = format!("`{what}` is {}, not a list", node.value.kind());
        report.add(codes::BAD_VALUE, node.spot, message, "write [a, b]");
        return Vec::new();
    };
    items.iter().filter_map(|item| text(what, item, report)).collect()
}

/// A version: 1 or more.
pub(crate) fn version(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    let number = match node.value {
        Value::Int(n) => u32::try_from(n).ok().filter(|n| *n > 0),
        _ => None,
    };
    if number.is_none() {
        report.add(codes::BAD_VALUE, node.spot, "`version` is not a number from 1", "write version: 1");
    }
    number
}

/// An enum of these symbols.
pub(crate) fn symbols(node: &Node, report: &mut Report<'_>) -> Option<Type> {
    let list = texts("symbols", node, report);
    let mut good = !list.is_empty();
    if let Value::List(items) = &node.value {
        if items.is_empty() {
            report.add(codes::CONTRACT, node.spot, "the enum has no symbols", "write symbols: [a, b]");
        }
        good &= items.len() == list.len();
    }
    for (i, symbol) in list.iter().enumerate() {
        if !is_name(&symbol.text) {
            let message = format!("`{}` is not an enum symbol", symbol.text);
            let hint = format!("{NAME_RULE}; for other texts use the type string");
            report.add(codes::BAD_NAME, symbol.spot, message, hint);
        }
        if list[..i].iter().any(|other| other.text == symbol.text) {
            let message = format!("the symbol `{}` stands here twice", symbol.text);
            report.add(codes::DUPLICATE_NAME, symbol.spot, message, "keep one of the two");
        }
    }
    good.then(|| Type::Enum(list.into_iter().map(|s| s.text).collect()))
}

/// Reports what must be there and is not.
pub(crate) fn missing(what: &str, at: Spot, hint: &str, report: &mut Report<'_>) {
    report.add(codes::YAML, at, format!("`{what}` is missing"), hint);
}

/// Reports a key that is not known.
pub(crate) fn unknown_key(key: &Key, known: &[&str], report: &mut Report<'_>) {
    let hint = near::hint(&key.text, known.iter().copied());
    report.add(codes::UNKNOWN_KEY, key.spot, format!("there is no key `{}` here", key.text), hint);
}
