//! A YAML document as a tree that knows where everything stands: the one parser of contracts, pipelines and projects.
//!
//! A derived deserializer stops at the first mistake; a tree lets all of them be reported at once, each with its place. JSON goes
//! the same way, since it is YAML too. Places are those of the
//! definition: a value that comes through an alias is reported where it was written. Bombs are stopped by budgets on size, depth,
//! nodes and replayed aliases, and the parser has a stack that is large enough for them, whatever thread asks. Only `true` and `false` are booleans; merge keys and unknown tags are refused.

#[cfg(test)]
pub(crate) mod tests;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};
use staunch_types::{Error, Place, codes, on_big_stack};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`, and no other word.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the document; no key stands in it twice.
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Where something stands: line and column in characters from 1 (0: unknown), and its bytes in the document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
    /// Where its bytes begin.
    pub start: usize,
    /// Where they end.
    pub end: usize,
}

impl Spot {
    fn new(at: &Location) -> Self {
        let span = at.span();
        let start = span.byte_offset().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let length = span.byte_len().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        Self { line: at.line(), column: at.column(), start, end: start.saturating_add(length) }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub spot: Spot,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Where it stands.
    pub spot: Spot,
}

/// A parsed file.
#[derive(Debug)]
pub struct Document {
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// Its content.
    pub root: Node,
}

impl Document {
    /// Reads one document and notes what is wrong with it. A key that stands twice is noted, and the first one counts. `None` if
    /// it is no YAML at all, is too large, or nests too deep.
    pub fn parse(text: String, file: &Path, mut note: impl FnMut(Error)) -> Option<Self> {
        match on_big_stack("yaml", STACK, || read(&text, file)).and_then(|read| read) {
            Ok(mut root) => {
                keep_first(&mut root, file, &mut note);
                Some(Self { file: file.to_owned(), text, root })
            }
            Err(error) => {
                note(error);
                None
            }
        }
    }

    /// The place of a spot. The length is known for what stands on one line.
    #[must_use]
    pub fn place(&self, spot: Spot) -> Place {
        let mut place = place(&self.file, spot);
        let covered = self.text.get(spot.start..spot.end).filter(|t| !t.contains('\n'));
        place.length = covered.map(|t| t.chars().count() as u64).filter(|n| *n > 0);
        place
    }

    /// The place of a part of a scalar that stands on one line without escapes: `length` characters after `skip`.
    #[must_use]
    pub fn place_in(&self, spot: Spot, skip: usize, length: usize) -> Place {
        let quoted = self.text.get(spot.start..).is_some_and(|t| t.starts_with(['"', '\'']));
        let column = spot.column.saturating_add(u64::from(quoted)).saturating_add(skip as u64);
        let mut place = place(&self.file, Spot { column, ..spot });
        place.length = (length > 0).then_some(length as u64);
        place
    }
}

/// The whole content of a document.
fn read(text: &str, file: &Path) -> Result<Node, Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEEPEST, max_nodes: 100_000, max_events: 250_000, max_aliases: 1_000 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options)
        .map(node)
        .map_err(|error| explain(error.without_snippet(), file))
}

fn place(file: &Path, spot: Spot) -> Place {
    if spot.line == 0 { Place::file(file) } else { Place::file(file).at(spot.line, spot.column.max(1)) }
}

/// How deep mappings and lists may nest.
const DEEPEST: usize = 64;
/// The stack of the parser: it takes tens of kilobytes a level in a build without optimisation.
const STACK: usize = 128 << 20;

/// A document that is beyond the budgets.
fn too_large(place: Place) -> Error {
    Error::new(codes::YAML, "the file is too large or too deep")
        .place(place)
        .hint("split it, nest less, and use fewer aliases")
}

/// What the library says about a file that is too large, too deep or a bomb, where its kind of error does not tell.
const TOO_MUCH: [&str; 3] = ["recursion limit", "too large or too complex", "nesting"];

fn explain(error: &serde_saphyr::Error, file: &Path) -> Error {
    let place = error.location().map_or_else(|| Place::file(file), |l| place(file, Spot::new(&l)));
    let (message, hint) = match error {
        serde_saphyr::Error::MultipleDocuments { .. } => {
            ("the file holds more than one document".to_owned(), "put each into a file of its own")
        }
        serde_saphyr::Error::MergeKeyNotAllowed { .. } => {
            ("merge keys (`<<`) are not allowed".to_owned(), "write the keys out")
        }
        serde_saphyr::Error::Budget { .. }
        | serde_saphyr::Error::AliasReplayLimitExceeded { .. }
        | serde_saphyr::Error::AliasExpansionLimitExceeded { .. }
        | serde_saphyr::Error::AliasReplayStackDepthExceeded { .. } => return too_large(place),
        other => {
            let said = UserMessageFormatter.format_message(other);
            let said = said.lines().next().unwrap_or_default().to_owned();
            if TOO_MUCH.iter().any(|t| said.contains(t)) {
                return too_large(place);
            }
            let hint =
                "mend the YAML at this place; a text with special characters goes between quotation marks";
            (format!("the file cannot be read as YAML: {said}"), hint)
        }
    };
    Error::new(codes::YAML, message).place(place).hint(hint)
}

fn node(spanned: Spanned<Value>) -> Node {
    Node { spot: Spot::new(&spanned.defined), value: spanned.value }
}

/// Notes keys that stand twice in one mapping and leaves the first. The depth is bounded by the budget of the parser.
fn keep_first(node: &mut Node, file: &Path, note: &mut impl FnMut(Error)) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| keep_first(item, file, note)),
        Value::Map(entries) => {
            let mut seen = BTreeSet::new();
            entries.retain(|(key, _)| {
                let first = seen.insert(key.text.clone());
                if !first {
                    note(
                        Error::new(codes::DUPLICATE_NAME, format!("`{}` stands here twice", key.text))
                            .place(place(file, key.spot))
                            .hint("keep one of the two"),
                    );
                }
                first
            });
            entries.iter_mut().for_each(|(_, value)| keep_first(value, file, note));
        }
        _ => {}
    }
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
            let spot = Spot::new(&key.defined);
            let value = map.next_value::<Spanned<Value>>()?;
            entries.push((Key { text: key.value, spot }, node(value)));
        }
        Ok(Value::Map(entries))
    }
}
