//! What must hold for a contract whatever it was read from, reported with the places of the document.

mod attributes;
mod names;
mod nested;

pub(crate) use attributes::{aliases, compatibility, default, formed, freshness, order};
pub(crate) use names::{NAME_RULE, is_name};
pub(crate) use nested::{DEEPEST, Part, record, too_deep, union};

use crate::avro::Level;
use crate::constraints::{self, RawConstraint};
use crate::model::{AvroForm, Contract, Element, Field, Order, Type};
use crate::near;
use crate::report::Report;
use crate::yaml_tree::{Key, Node, Spot, Value};
use staunch_types::codes;
use std::time::Duration;

/// A field of the document: as far as it could be read, and where its name stands.
pub(crate) struct RawField {
    pub(crate) name: Key,
    pub(crate) ty: Option<Type>,
    pub(crate) nullable: bool,
    pub(crate) avro: AvroForm,
    pub(crate) doc: Option<String>,
    pub(crate) pii: Vec<Key>,
    pub(crate) default: Option<Node>,
    pub(crate) aliases: Vec<String>,
    pub(crate) order: Order,
    pub(crate) unit: Option<Key>,
    pub(crate) constraints: Vec<RawConstraint>,
}

impl RawField {
    pub(crate) fn new(name: Key) -> Self {
        Self {
            name,
            ty: None,
            nullable: false,
            avro: AvroForm::default(),
            doc: None,
            pii: Vec::new(),
            default: None,
            aliases: Vec::new(),
            order: Order::Ascending,
            unit: None,
            constraints: Vec::new(),
        }
    }

    /// Takes the type; where it could not be read, nothing else is asked of it.
    pub(crate) fn set(&mut self, element: Option<Element>) {
        if let Some(Element { ty, nullable, avro }) = element {
            (self.ty, self.nullable, self.avro) = (Some(ty), nullable, avro);
        }
    }

    /// The field, if its type could be read. What is wrong with its attributes is reported.
    fn finish(self, report: &mut Report<'_>) -> Option<Field> {
        let ty = self.ty?;
        if let Some(unit) = self.unit.as_ref().filter(|_| !is_number(&ty)) {
            let message = format!("`{}` has a unit, and {ty} is no number", self.name.text);
            report.add(codes::CONTRACT, unit.spot, message, "remove the unit");
        }
        let constraints = constraints::read(&self.constraints, &self.name.text, &ty, report);
        let default = self.default.and_then(|node| default(&node, &ty, self.nullable, report));
        Some(Field {
            name: self.name.text,
            ty,
            nullable: self.nullable,
            doc: self.doc,
            pii: self.pii.into_iter().map(|k| k.text).collect(),
            avro: self.avro,
            default,
            aliases: self.aliases,
            order: self.order,
            unit: self.unit.map(|k| k.text),
            constraints,
        })
    }
}

fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Long | Type::Float | Type::Double | Type::Decimal { .. })
}

/// A contract of the document, as far as it could be read.
#[derive(Default)]
pub(crate) struct RawContract {
    pub(crate) name: Option<Key>,
    pub(crate) namespace: Option<Key>,
    pub(crate) aliases: Vec<String>,
    pub(crate) version: Option<u32>,
    pub(crate) doc: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) freshness: Option<(Spot, Duration)>,
    /// `None`: not written.
    pub(crate) compatibility: Option<Option<Level>>,
    pub(crate) key: Vec<Key>,
    pub(crate) event_time: Option<Key>,
    pub(crate) fields: Vec<RawField>,
}

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
    if let Some(space) = raw.namespace.as_ref().filter(|n| !names::is_full_name(&n.text)) {
        let message = format!("`{}` is not a namespace", space.text);
        report.add(codes::BAD_NAME, space.spot, message, "a namespace is names with points between them");
    }
    names::check_fields(&raw.fields, report);
    check_key(&raw, report);
    if let Some(name) = &raw.event_time {
        check_event_time(name, &raw.fields, report);
    }
    if let (Some((spot, _)), None) = (raw.freshness, &raw.event_time) {
        let hint = "name the field that says how old a record is, or remove `freshness`";
        report.add(codes::CONTRACT, spot, "`freshness` needs an event time", hint);
    }
    let wanted = raw.fields.len();
    let mut fields: Vec<Field> = raw.fields.into_iter().filter_map(|f| f.finish(report)).collect();
    let space = raw.namespace.as_ref().map_or("", |k| k.text.as_str());
    fields.iter_mut().for_each(|f| names::qualify(&mut f.ty, &mut f.avro, space));
    let complete = fields.len() == wanted;
    let contract = Contract {
        name: raw.name?.text,
        version: raw.version?,
        namespace: raw.namespace.map(|k| k.text),
        aliases: raw.aliases,
        doc: raw.doc,
        owner: raw.owner,
        freshness: raw.freshness.map(|(_, duration)| duration),
        compatibility: raw.compatibility.unwrap_or(Some(Level::default())),
        fields,
        key: raw.key.into_iter().map(|k| k.text).collect(),
        event_time: raw.event_time.map(|k| k.text),
    };
    complete.then_some(contract)
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
            Some(RawField { ty: Some(ty), .. }) if ty.is_nested() => {
                let message = format!("the key field `{}` is nested", name.text);
                let hint = "identify a record by plain values: select a part of it as a field of its own";
                report.add(codes::CONTRACT, name.spot, message, hint);
            }
            Some(_) => {}
        }
    }
}

fn check_event_time(name: &Key, fields: &[RawField], report: &mut Report<'_>) {
    match find(name, fields) {
        None => unknown("the event time", name, fields, report),
        Some(RawField { ty: Some(ty), .. }) if !ty.is_time() => {
            let message = format!("the event time `{}` is a {ty}", name.text);
            report.add(codes::CONTRACT, name.spot, message, "the event time is a date or a timestamp");
        }
        Some(_) => {}
    }
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

/// A text, or a list of them; anything else is reported.
pub(crate) fn one_or_more(what: &str, node: &Node, report: &mut Report<'_>) -> Vec<Key> {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            let hint = "name at least one, or leave the key out";
            report.add(codes::BAD_VALUE, node.spot, format!("`{what}` is an empty list"), hint);
            Vec::new()
        }
        Value::List(_) => texts(what, node, report),
        _ => text(what, node, report).into_iter().collect(),
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

/// A whole number that is not negative; anything else is reported.
pub(crate) fn count(what: &str, node: &Node, report: &mut Report<'_>) -> Option<u64> {
    let number = match node.value {
        Value::Int(n) => u64::try_from(n).ok(),
        _ => None,
    };
    if number.is_none() {
        let message = format!("`{what}` is not a whole number from 0");
        report.add(codes::BAD_VALUE, node.spot, message, "write a number such as 16");
    }
    number
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
            let hint = format!("{NAME_RULE}; for other texts use the type string with `one_of`");
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
