//! Attributes of contracts and fields that both languages have.

use super::{NAME_RULE, names, text, texts};
use crate::avro::Level;
use crate::model::{AvroForm, Element, Order, Type};
use crate::report::Report;
use crate::units;
use crate::yaml_tree::{Node, Spot, Value};
use serde_json::Value as Json;
use staunch_types::codes;
use std::time::Duration;

/// A duration with its unit.
pub(crate) fn freshness(node: &Node, report: &mut Report<'_>) -> Option<(Spot, Duration)> {
    let written = text("freshness", node, report)?;
    match units::parse_duration(&written.text) {
        Ok(duration) if !duration.is_zero() => Some((node.spot, duration)),
        Ok(_) => {
            report.add(
                codes::BAD_VALUE,
                node.spot,
                "`freshness` is 0",
                "write how old the newest record may be",
            );
            None
        }
        Err(hint) => {
            report.add(codes::BAD_VALUE, node.spot, "`freshness` is not a duration", hint);
            None
        }
    }
}

/// One of the levels, or `NONE`; the outer `None` for anything else, which is reported.
pub(crate) fn compatibility(node: &Node, report: &mut Report<'_>) -> Option<Option<Level>> {
    let written = text("compatibility", node, report)?;
    if written.text.eq_ignore_ascii_case(Level::NONE) {
        return Some(None);
    }
    let level = Level::of(&written.text);
    if level.is_none() {
        let words: Vec<&str> = Level::ALL.iter().map(|level| level.word()).collect();
        let hint = format!("write {} or {}", words.join(", "), Level::NONE);
        report.add(codes::BAD_VALUE, node.spot, "`compatibility` is no level", hint);
    }
    level.map(Some)
}

/// A list of names, with namespaces or without.
pub(crate) fn aliases(node: &Node, report: &mut Report<'_>) -> Vec<String> {
    let list = texts("aliases", node, report);
    for name in list.iter().filter(|n| !names::is_full_name(&n.text)) {
        report.add(codes::BAD_NAME, name.spot, format!("`{}` is not an alias", name.text), NAME_RULE);
    }
    list.into_iter().map(|k| k.text).collect()
}

/// `ascending`, `descending` or `ignore`.
pub(crate) fn order(node: &Node, report: &mut Report<'_>) -> Order {
    let Some(word) = text("order", node, report) else { return Order::Ascending };
    match Order::WORDS.iter().find(|(known, _)| *known == word.text) {
        Some((_, order)) => *order,
        None => {
            let hint = "write ascending, descending or ignore";
            report.add(codes::BAD_VALUE, node.spot, "`order` is none of Avro's", hint);
            Order::Ascending
        }
    }
}

/// The part, if its Avro form is one that its type can have.
pub(crate) fn formed(element: Element, at: Spot, report: &mut Report<'_>) -> Option<Element> {
    match form(&element.ty, &element.avro) {
        Ok(()) => Some(element),
        Err((message, hint)) => {
            report.add(codes::CONTRACT, at, message, hint);
            None
        }
    }
}

/// What is wrong with an Avro form.
fn form(ty: &Type, avro: &AvroForm) -> Result<(), (String, &'static str)> {
    if let Some(size) = avro.fixed {
        match ty {
            Type::Uuid if size == 16 => {}
            Type::Uuid => return Err((format!("a uuid is not {size} bytes"), "write fixed: 16")),
            Type::Decimal { precision, .. } if holds(size, *precision) => {}
            Type::Decimal { .. } => {
                let hint = "give it more bytes: 4 hold 9 digits, 8 hold 18, 16 hold 38";
                return Err((format!("{size} bytes do not hold every {ty}"), hint));
            }
            _ => {
                let hint =
                    "remove it: `fixed:` is for decimals and uuids; the type itself is written fixed(16)";
                return Err((format!("`fixed` does not belong to {ty}"), hint));
            }
        }
    }
    match &avro.name {
        Some(name) if !names::is_full_name(name) => {
            Err((format!("`{name}` is not a type's name"), NAME_RULE))
        }
        Some(_) if !avro.is_named(ty) => {
            let hint = "remove it: only enums, fixed types and records have names";
            Err((format!("a type name does not belong to {ty}"), hint))
        }
        _ => Ok(()),
    }
}

/// Whether every number of so many digits fits two's complement in so many bytes.
fn holds(size: u32, digits: u8) -> bool {
    let bits = size.saturating_mul(8).saturating_sub(1).min(127);
    size >= 1 && 10_i128.pow(u32::from(digits.min(38))) - 1 <= (1_i128 << bits).wrapping_sub(1)
}

/// The default of a field, if it is a value of the type. Null is the default of every field that may be missing, and not kept.
pub(crate) fn default(node: &Node, ty: &Type, nullable: bool, report: &mut Report<'_>) -> Option<Json> {
    let value = json(node);
    if value.is_null() && nullable {
        return None;
    }
    if fits(&value, ty) {
        return Some(value);
    }
    let mark = if nullable { "?" } else { "" };
    let hint = "write it as Avro's JSON has it: dates and times are numbers, bytes are texts, a record is an object; of a union the first branch";
    report.add(codes::CONTRACT, node.spot, format!("the default is no value of {ty}{mark}"), hint);
    None
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(n) => match (i64::try_from(*n), u64::try_from(*n)) {
            (Ok(n), _) => n.into(),
            (_, Ok(n)) => n.into(),
            _ => (*n as f64).into(),
        },
        Value::Float(f) => serde_json::Number::from_f64(*f).map_or(Json::Null, Json::Number),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|(k, v)| (k.text.clone(), json(v))).collect(),
    }
}

/// Whether a JSON value is a default of the type by Avro's rules.
fn fits(value: &Json, ty: &Type) -> bool {
    let or_null = |value: &Json, ty: &Type, nullable: bool| (nullable && value.is_null()) || fits(value, ty);
    let bytes = |value: &Json| {
        let text = value.as_str().filter(|t| t.chars().all(|c| u32::from(c) < 256))?;
        u32::try_from(text.chars().count()).ok()
    };
    match ty {
        Type::Boolean => value.is_boolean(),
        Type::Int | Type::Date | Type::TimeMillis => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Type::Long
        | Type::TimeMicros
        | Type::TimestampMillis
        | Type::TimestampMicros
        | Type::TimestampNanos
        | Type::LocalTimestampMillis
        | Type::LocalTimestampMicros
        | Type::LocalTimestampNanos => value.as_i64().is_some(),
        Type::Float | Type::Double => value.is_number(),
        Type::Bytes | Type::Decimal { .. } => bytes(value).is_some(),
        Type::Fixed(size) => bytes(value) == Some(*size),
        Type::Duration => bytes(value) == Some(12),
        Type::String => value.is_string(),
        Type::Uuid => value.as_str().is_some_and(crate::coerce::is_uuid) || bytes(value) == Some(16),
        Type::Enum(symbols) => value.as_str().is_some_and(|t| symbols.iter().any(|s| s == t)),
        Type::Array(item) => {
            value.as_array().is_some_and(|all| all.iter().all(|v| or_null(v, &item.ty, item.nullable)))
        }
        Type::Map(inner) => {
            value.as_object().is_some_and(|all| all.values().all(|v| or_null(v, &inner.ty, inner.nullable)))
        }
        Type::Record(fields) => value.as_object().is_some_and(|all| {
            let known = all.keys().all(|k| fields.iter().any(|f| f.name == *k));
            known
                && fields.iter().all(|f| match all.get(&f.name) {
                    Some(value) => or_null(value, &f.ty, f.nullable),
                    None => f.nullable || f.default.is_some(),
                })
        }),
        Type::Union(branches) => branches.first().is_some_and(|b| fits(value, &b.ty)),
    }
}
