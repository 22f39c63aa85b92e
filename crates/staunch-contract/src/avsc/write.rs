//! Avro record schemas, written.

use crate::avro::Level;
use crate::model::{AvroForm, Contract, Field, Order, Type};
use crate::units::show_duration;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) fn contract(contract: &Contract) -> Value {
    let mut record = Map::new();
    record.insert("type".into(), "record".into());
    record.insert("name".into(), contract.name.as_str().into());
    if let Some(namespace) = &contract.namespace {
        record.insert("namespace".into(), namespace.as_str().into());
    }
    if !contract.aliases.is_empty() {
        record.insert("aliases".into(), json!(contract.aliases));
    }
    if let Some(doc) = &contract.doc {
        record.insert("doc".into(), doc.as_str().into());
    }
    record.insert("version".into(), contract.version.into());
    if let Some(owner) = &contract.owner {
        record.insert("owner".into(), owner.as_str().into());
    }
    if let Some(freshness) = contract.freshness {
        record.insert("freshness".into(), show_duration(freshness).into());
    }
    if contract.compatibility != Some(Level::default()) {
        let word = contract.compatibility.map_or(Level::NONE, Level::word);
        record.insert("compatibility".into(), word.into());
    }
    if !contract.key.is_empty() {
        record.insert("key".into(), json!(contract.key));
    }
    if let Some(event_time) = &contract.event_time {
        record.insert("eventTime".into(), event_time.as_str().into());
    }
    let mut names = Written { known: BTreeMap::new() };
    let own = match &contract.namespace {
        Some(space) => format!("{space}.{}", contract.name),
        None => contract.name.clone(),
    };
    names.known.insert(own, None);
    let fields: Vec<Value> = contract.fields.iter().map(|f| names.field(&contract.name, f)).collect();
    record.insert("fields".into(), fields.into());
    record.into()
}

/// The named types that stand in the schema so far: Avro wants each defined once, and used by its name from then on. The record
/// itself is none that could be used again.
struct Written<'a> {
    known: BTreeMap<String, Option<(&'a Type, &'a AvroForm)>>,
}

impl<'a> Written<'a> {
    fn field(&mut self, around: &str, field: &'a Field) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), field.name.as_str().into());
        if let Some(doc) = &field.doc {
            out.insert("doc".into(), doc.as_str().into());
        }
        let path = format!("{around}_{}", field.name);
        // A union begins with the type of its default.
        let null_first = field.default.is_none();
        out.insert("type".into(), self.part(&path, &field.ty, field.nullable, null_first, &field.avro));
        match &field.default {
            Some(default) => {
                out.insert("default".into(), default.clone());
            }
            None if field.nullable => {
                out.insert("default".into(), Value::Null);
            }
            None => {}
        }
        if !field.aliases.is_empty() {
            out.insert("aliases".into(), json!(field.aliases));
        }
        if field.order != Order::Ascending {
            out.insert("order".into(), field.order.word().into());
        }
        if !field.pii.is_empty() {
            out.insert("pii".into(), crate::fingerprint::pii(field));
        }
        if let Some(unit) = &field.unit {
            out.insert("unit".into(), unit.as_str().into());
        }
        for (name, value) in field.constraints.properties() {
            out.insert(name.into(), value);
        }
        out.into()
    }

    fn part(
        &mut self,
        path: &str,
        ty: &'a Type,
        nullable: bool,
        null_first: bool,
        avro: &'a AvroForm,
    ) -> Value {
        let mut types = match ty {
            Type::Union(branches) => {
                let part = |(at, b): (usize, &'a crate::model::Element)| {
                    self.one(&format!("{path}_{at}"), &b.ty, &b.avro)
                };
                branches.iter().enumerate().map(part).collect()
            }
            _ => vec![self.one(path, ty, avro)],
        };
        if nullable {
            let at = if null_first { 0 } else { types.len() };
            types.insert(at, "null".into());
        }
        match types.as_slice() {
            [only] if !matches!(ty, Type::Union(_)) => only.clone(),
            _ => types.into(),
        }
    }

    /// A type that is no union and not null.
    fn one(&mut self, path: &str, ty: &'a Type, avro: &'a AvroForm) -> Value {
        let mut out = Map::new();
        let carrier = avro.carrier(ty);
        out.insert("type".into(), carrier.into());
        if avro.is_named(ty) {
            if let Some(name) = &avro.name
                && self.known.get(name) == Some(&Some((ty, avro)))
            {
                return name.as_str().into();
            }
            out.insert("name".into(), self.name(path, ty, avro).into());
            if !avro.aliases.is_empty() {
                out.insert("aliases".into(), json!(avro.aliases));
            }
            if let Some(doc) = &avro.doc {
                out.insert("doc".into(), doc.as_str().into());
            }
        }
        match ty {
            Type::Enum(symbols) => {
                out.insert("symbols".into(), json!(symbols));
                if let Some(symbol) = &avro.symbol {
                    out.insert("default".into(), symbol.as_str().into());
                }
            }
            Type::Array(item) => {
                out.insert("items".into(), self.part(path, &item.ty, item.nullable, true, &item.avro));
            }
            Type::Map(value) => {
                out.insert("values".into(), self.part(path, &value.ty, value.nullable, true, &value.avro));
            }
            Type::Record(fields) => {
                let fields: Vec<Value> = fields.iter().map(|f| self.field(path, f)).collect();
                out.insert("fields".into(), fields.into());
            }
            Type::Fixed(size) => {
                out.insert("size".into(), (*size).into());
            }
            Type::Duration => {
                out.insert("size".into(), 12.into());
                out.insert("logicalType".into(), "duration".into());
            }
            Type::Decimal { precision, scale } => {
                out.insert("logicalType".into(), "decimal".into());
                out.insert("precision".into(), (*precision).into());
                out.insert("scale".into(), (*scale).into());
            }
            Type::Boolean
            | Type::Int
            | Type::Long
            | Type::Float
            | Type::Double
            | Type::Bytes
            | Type::String => {
                return carrier.into();
            }
            _ => {
                out.insert("logicalType".into(), ty.to_string().into());
            }
        }
        if let Some(size) = avro.fixed {
            out.insert("size".into(), size.into());
        }
        out.into()
    }

    /// The name of a definition: its own, or the path to it where it has none or where that is taken by another type.
    fn name(&mut self, path: &str, ty: &'a Type, avro: &'a AvroForm) -> String {
        let mut name = avro.name.clone().unwrap_or_else(|| path.to_owned());
        while self.known.contains_key(&name) {
            name = format!("{}_", if name.starts_with(path) { &name } else { path });
        }
        self.known.insert(name.clone(), Some((ty, avro)));
        name
    }
}
