//! A document as a tree that knows where everything stands.
//!
//! Contracts are read in two steps: the text into nodes, the nodes into a contract. A derived deserializer would stop at the
//! first mistake; a tree lets all of them be reported at once, each with its place. JSON goes the same way, since it is YAML too.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};
use staunch_types::{Code, Error, Place, codes};
use std::fmt;
use std::path::{Path, PathBuf};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Line and column, from 1, and the length in characters; 0 where they are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    line: u64,
    column: u64,
    length: u64,
}

impl From<&Location> for Spot {
    fn from(at: &Location) -> Self {
        Self { line: at.line(), column: at.column(), length: at.span().len() }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) spot: Spot,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) spot: Spot,
}

/// Collects what is wrong with one document.
pub(crate) struct Report {
    path: PathBuf,
    errors: Vec<Error>,
}

impl Report {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), errors: Vec::new() }
    }

    /// Notes a mistake.
    pub(crate) fn add(&mut self, code: Code, at: Spot, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(Error::new(code, message).place(place(&self.path, at)).hint(hint));
    }

    /// The value, unless something was wrong.
    pub(crate) fn end<T>(mut self, value: Option<T>) -> Result<T, Error> {
        self.errors.sort_by_key(|e| (e.where_().line, e.where_().column));
        match (Error::many(self.errors), value) {
            (Some(error), _) => Err(error),
            (None, Some(value)) => Ok(value),
            (None, None) => Err(Error::new(codes::INTERNAL, "a document was refused without a reason")
                .place(Place::file(self.path))
                .hint("report this with the file")),
        }
    }
}

/// Reads one YAML (or JSON) document.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Node, Error> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    match serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options) {
        Ok(root) => Ok(node(root)),
        Err(error) => {
            let error = error.without_snippet();
            let spot = error.location().as_ref().map(Spot::from).unwrap_or_default();
            let place = place(path, spot);
            Err(match error {
                serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
                    let name = key.as_ref().map_or_else(|| "a key".into(), |k| format!("`{k}`"));
                    Error::new(codes::DUPLICATE_NAME, format!("{name} stands here twice"))
                        .hint("keep one of the two")
                }
                serde_saphyr::Error::MultipleDocuments { .. } => {
                    Error::new(codes::YAML, "the file holds more than one document")
                        .hint("put each contract into a file of its own")
                }
                other => {
                    let said = UserMessageFormatter.format_message(other);
                    Error::new(codes::YAML, format!("the file cannot be read: {said}"))
                        .hint("mend the YAML or JSON at this place; indent with spaces and quote texts with special characters")
                }
            }
            .place(place))
        }
    }
}

fn place(path: &Path, spot: Spot) -> Place {
    let mut place = Place::file(path);
    if spot.line > 0 {
        place = place.at(spot.line, spot.column.max(1));
        place.length = (spot.length > 0).then_some(spot.length);
    }
    place
}

fn node(spanned: Spanned<Value>) -> Node {
    Node { spot: Spot::from(&spanned.referenced), value: spanned.value }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Int(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Int(v.into()))
    }

    fn visit_i128<E>(self, v: i128) -> Result<Value, E> {
        Ok(Value::Int(v))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Text(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Value>>()? {
            items.push(node(item));
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let spot = Spot::from(&key.referenced);
            let value = map.next_value::<Spanned<Value>>()?;
            entries.push((Key { text: key.value, spot }, node(value)));
        }
        Ok(Value::Map(entries))
    }
}
