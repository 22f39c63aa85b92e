//! YAML with places.

use super::{DEPTH_MAX, Document, Spot, Unreadable};
use crate::value::{Map, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};
use staunch_types::on_big_stack;
use std::collections::BTreeMap;
use std::fmt;

/// The stack of the parser: it takes tens of kilobytes a level in a build without optimisation.
const STACK: usize = 128 << 20;

pub(super) fn read(text: &str) -> Result<Document, Unreadable> {
    let read = on_big_stack("workflow-yaml", STACK, || tree(text));
    let node = read.map_err(|e| Unreadable { spot: None, what: e.message().to_owned() })??;
    let mut document = Document { value: Value::Null, spots: BTreeMap::new(), twice: Vec::new() };
    document.value = document.take(node, &mut String::new());
    Ok(document)
}

fn tree(text: &str) -> Result<Spanned<Node>, Unreadable> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX, max_nodes: 400_000, max_events: 1_000_000, max_aliases: 1_000 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options).map_err(|error| {
        let error = error.without_snippet();
        let said = UserMessageFormatter.format_message(error);
        let what = said.lines().next().unwrap_or_default().to_owned();
        Unreadable { spot: error.location().and_then(|at| spot(&at)), what }
    })
}

fn spot(at: &Location) -> Option<Spot> {
    (at.line() > 0).then(|| Spot { line: at.line(), column: at.column().max(1) })
}

/// A node of the document, before its parts are taken apart into a value and places.
enum Node {
    Scalar(Value),
    Array(Vec<Spanned<Node>>),
    Object(Vec<(String, Spanned<Node>)>),
}

impl Document {
    fn take(&mut self, node: Spanned<Node>, path: &mut String) -> Value {
        if let Some(spot) = spot(&node.defined) {
            self.spots.insert(path.clone(), spot);
        }
        let length = path.len();
        let mut inside = |document: &mut Self, key: &str, node| {
            path.push('/');
            path.push_str(key);
            let value = document.take(node, path);
            path.truncate(length);
            value
        };
        match node.value {
            Node::Scalar(value) => value,
            Node::Array(items) => {
                let items = items.into_iter().enumerate();
                Value::Array(items.map(|(n, item)| inside(self, &n.to_string(), item)).collect())
            }
            Node::Object(fields) => {
                let mut map = Map::new();
                let mut twice = Vec::new();
                for (key, node) in fields {
                    let value = inside(self, &key, node);
                    if map.contains_key(&key) {
                        twice.push(key.clone());
                    }
                    map.insert(key, value);
                }
                self.twice.extend(twice.iter().map(|key| format!("{path}/{key}")));
                Value::Object(map)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_i128<E>(self, v: i128) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Int(v)))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Node, E> {
        // YAML knows NaN and infinities, which no JSON can hold.
        Ok(Node::Scalar(if v.is_finite() { Value::Float(v) } else { Value::Null }))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = map.next_entry()? {
            fields.push(entry);
        }
        Ok(Node::Object(fields))
    }
}
