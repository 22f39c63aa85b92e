//! What the values of JSON have in common: merged value by value, bounded in memory by the number of different keys.

use super::guess::Texts;
use super::names::{Names, is_name};
use serde_json::Value;
use staunch_contract::{AvroForm, Element, Field, Type};
use std::collections::BTreeMap;

/// An object with more different keys than this is a map, whose keys are data.
const KEYS: usize = 1_000;
/// Contracts nest no deeper.
const DEEPEST: usize = 14;

/// Values of one place.
#[derive(Default)]
pub(super) struct Shape {
    nulls: u64,
    booleans: u64,
    whole: u64,
    /// Whole numbers beyond 64 bits with a sign.
    large: u64,
    floats: u64,
    texts: Option<Texts>,
    array: Option<Box<Shape>>,
    object: Option<Keys>,
    deep: bool,
}

/// The objects of one place.
#[derive(Default)]
pub(super) struct Keys {
    count: u64,
    /// By key: the order in which it came up, in how many objects it stands, its values.
    keys: BTreeMap<String, (usize, u64, Shape)>,
    /// The values of all keys, once there are too many.
    map: Option<Box<Shape>>,
}

impl Keys {
    pub(super) fn see(
        &mut self,
        object: &serde_json::Map<String, Value>,
        depth: usize,
        enums: Option<usize>,
    ) {
        self.count += 1;
        for (key, value) in object {
            if let Some(map) = &mut self.map {
                map.see(value, depth + 1, enums);
                continue;
            }
            if self.keys.len() >= KEYS && !self.keys.contains_key(key) && depth > 0 {
                let mut all = Shape::default();
                std::mem::take(&mut self.keys).into_values().for_each(|(_, _, shape)| all.merge(shape));
                all.see(value, depth + 1, enums);
                self.map = Some(Box::new(all));
                continue;
            }
            let order = self.keys.len();
            let (_, count, shape) =
                self.keys.entry(key.clone()).or_insert_with(|| (order, 0, Shape::default()));
            *count += 1;
            shape.see(value, depth + 1, enums);
        }
    }

    /// How many different keys there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The fields of the outermost objects; a column that has no type is left out with a note.
    pub(super) fn fields(self, names: &mut Names) -> Vec<Field> {
        let mut fields = Vec::new();
        for (key, _, shape) in in_order(self.keys) {
            match shape.ty(&key) {
                Some(ty) => fields.push(Field::new(names.field(&key), ty, true)),
                None => {
                    names.note(format!("`{key}` is left out: its values nest too deep, or have no one type"))
                }
            }
        }
        fields
    }
}

fn in_order(keys: BTreeMap<String, (usize, u64, Shape)>) -> Vec<(String, u64, Shape)> {
    let mut all: Vec<_> = keys.into_iter().collect();
    all.sort_by_key(|(_, (order, ..))| *order);
    all.into_iter().map(|(key, (_, count, shape))| (key, count, shape)).collect()
}

impl Shape {
    pub(super) fn see(&mut self, value: &Value, depth: usize, enums: Option<usize>) {
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) if number.is_i64() => self.whole += 1,
            Value::Number(number) if number.is_u64() => self.large += 1,
            Value::Number(_) => self.floats += 1,
            Value::String(text) => {
                self.texts.get_or_insert_with(|| Texts::of_json(None, enums)).see(text.as_bytes());
            }
            _ if depth > DEEPEST => self.deep = true,
            Value::Array(items) => {
                let inner = self.array.get_or_insert_default();
                items.iter().for_each(|item| inner.see(item, depth + 1, enums));
            }
            Value::Object(object) => self.object.get_or_insert_default().see(object, depth, enums),
        }
    }

    /// Values of another place as well: of texts only that there are some is kept.
    fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        self.booleans += other.booleans;
        self.whole += other.whole;
        self.large += other.large;
        self.floats += other.floats;
        self.deep |= other.deep;
        if other.texts.is_some() {
            self.texts.get_or_insert_with(|| Texts::of_json(None, None)).see(b"text");
        }
        if let Some(array) = other.array {
            self.array.get_or_insert_default().merge(*array);
        }
        if let Some(object) = other.object {
            let mine = self.object.get_or_insert_default();
            mine.count += object.count;
            if let Some(map) = object.map {
                mine.map.get_or_insert_default().merge(*map);
            }
            for (key, count, shape) in in_order(object.keys) {
                if let Some(map) = &mut mine.map {
                    map.merge(shape);
                    continue;
                }
                let order = mine.keys.len();
                let (_, all, known) = mine.keys.entry(key).or_insert_with(|| (order, 0, Shape::default()));
                *all += count;
                known.merge(shape);
            }
        }
    }

    /// The type of all of them; `None` if no contract has one. `name` names what needs a name.
    fn ty(self, name: &str) -> Option<Type> {
        if self.deep {
            return None;
        }
        let mut branches: Vec<Element> = Vec::new();
        let mut add = |ty: Type| branches.push(Element::new(ty, false));
        if self.booleans > 0 {
            add(Type::Boolean);
        }
        match (self.floats, self.large, self.whole) {
            (0, 0, 0) => {}
            (0, 0, _) => add(Type::Long),
            (0, _, _) => add(Type::Decimal { precision: 38, scale: 0 }),
            _ => add(Type::Double),
        }
        if let Some(texts) = &self.texts {
            add(texts.ty());
        }
        if let Some(inner) = self.array {
            let nullable = inner.nulls > 0;
            add(Type::Array(Element::new(inner.ty(name)?, nullable).into()));
        }
        if let Some(object) = self.object {
            add(object.ty(name)?);
        }
        match branches.len() {
            0 => Some(Type::String),
            1 => branches.pop().map(|branch| branch.ty),
            _ => {
                for branch in &mut branches {
                    // A date beside a number would be one to Avro: it stays a text.
                    if matches!(branch.avro.carrier(&branch.ty), "int" | "string" | "enum")
                        || branch.ty.is_time()
                    {
                        branch.ty = Type::String;
                    }
                    if branch.ty == Type::TimeMicros {
                        branch.ty = Type::String;
                    }
                    if branch.avro.is_named(&branch.ty) {
                        branch.avro = AvroForm { name: Some(name.to_owned()), ..AvroForm::default() };
                    }
                }
                is_name(name).then_some(Type::Union(branches))
            }
        }
    }
}

impl Keys {
    fn ty(self, name: &str) -> Option<Type> {
        let cases: std::collections::BTreeSet<String> =
            self.keys.keys().map(|k| k.to_ascii_lowercase()).collect();
        let plain =
            !self.keys.is_empty() && self.keys.keys().all(|k| is_name(k)) && cases.len() == self.keys.len();
        if plain && self.map.is_none() {
            let mut fields = Vec::new();
            for (key, count, shape) in in_order(self.keys) {
                let nullable = shape.nulls > 0 || count < self.count;
                let ty = shape.ty(&format!("{name}_{key}"))?;
                fields.push(Field::new(key, ty, nullable));
            }
            return Some(Type::Record(fields));
        }
        let mut all = Shape::default();
        if let Some(map) = self.map {
            all.merge(*map);
        }
        self.keys.into_values().for_each(|(_, _, shape)| all.merge(shape));
        let nullable = all.nulls > 0;
        Some(Type::Map(Element::new(all.ty(name)?, nullable).into()))
    }
}
