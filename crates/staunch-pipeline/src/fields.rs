//! Reading the keys of a YAML mapping: typed, complete, with places. The counterpart of [`crate::OptionReader`] for what
//! belongs to this crate.

use crate::mistakes::Mistakes;
use crate::names::shown;
use crate::suggest::hint;
use crate::units;
use staunch_contract::yaml_tree::{Document, Key, Node, Spot, Value};
use staunch_types::{Place, codes};
use std::time::Duration;

/// A mapping that is being read. Every key that is asked for is known; the rest is refused by [`Fields::finish`].
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    doc: &'a Document,
    what: String,
    spot: Spot,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
}

/// A text and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) spot: Spot,
}

impl<'a> Fields<'a> {
    /// Reads the mapping `node`. `what` names it in messages; `spot` is where it is declared.
    pub(crate) fn new(
        doc: &'a Document,
        node: &'a Node,
        what: &str,
        spot: Spot,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let entries = mapping(doc, node, what, spot, mistakes)?;
        Some(Self { doc, what: what.to_owned(), spot, entries, asked: Vec::new() })
    }

    /// The place of a spot in this document.
    pub(crate) fn place(&self, spot: Spot) -> Place {
        self.doc.place(spot)
    }

    /// The value of a key. One without a value is a mistake.
    pub(crate) fn node(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<&'a Node> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let (key, node) = self.entries.iter().find(|(k, _)| k.text == key)?;
        if node.value == Value::Null {
            let message = format!("{}: `{}` is empty", self.what, key.text);
            let next = "give it a value, or remove the key";
            mistakes.add(codes::BAD_VALUE, self.doc.place(key.spot), message, next);
            return None;
        }
        Some(node)
    }

    /// Whether the key is there, with or without a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(k, _)| k.text == key)
    }

    /// Where the key stands.
    pub(crate) fn key_spot(&self, key: &str) -> Option<Spot> {
        self.entries.iter().find(|(k, _)| k.text == key).map(|(k, _)| k.spot)
    }

    /// The value of a key that must be there.
    pub(crate) fn required(
        &mut self,
        key: &'static str,
        example: &str,
        mistakes: &mut Mistakes,
    ) -> Option<&'a Node> {
        if !self.has(key) {
            self.asked.push(key);
            let message = format!("{} has no `{key}`", self.what);
            mistakes.add(codes::MISSING_KEY, self.doc.place(self.spot), message, format!("add `{example}`"));
            return None;
        }
        self.node(key, mistakes)
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Text<'a>> {
        let node = self.node(key, mistakes)?;
        self.as_text(key, node, mistakes)
    }

    /// A text that must be there.
    pub(crate) fn required_text(
        &mut self,
        key: &'static str,
        example: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Text<'a>> {
        let node = self.required(key, example, mistakes)?;
        self.as_text(key, node, mistakes)
    }

    fn as_text(&self, key: &str, node: &'a Node, mistakes: &mut Mistakes) -> Option<Text<'a>> {
        if let Value::Text(text) = &node.value {
            return Some(Text { text, spot: node.spot });
        }
        let message = format!("{}: `{key}` is {}, not a text", self.what, node.value.kind());
        let next = match node.value {
            Value::List(_) | Value::Map(_) => "write one text",
            _ => "put it between quotation marks",
        };
        mistakes.add(codes::BAD_VALUE, self.doc.place(node.spot), message, next);
        None
    }

    /// `true` or `false`; `false` if absent.
    pub(crate) fn flag(&mut self, key: &'static str, mistakes: &mut Mistakes) -> bool {
        match self.node(key, mistakes) {
            None => false,
            Some(Node { value: Value::Bool(flag), .. }) => *flag,
            Some(node) => {
                self.bad(key, node, "is neither true nor false", "write `true` or `false`", mistakes);
                false
            }
        }
    }

    /// A whole number from 0.
    pub(crate) fn number(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<u64> {
        let node = self.node(key, mistakes)?;
        if let Value::Int(number) = node.value
            && let Ok(number) = u64::try_from(number)
        {
            return Some(number);
        }
        self.bad(key, node, "is not a whole number", "write a whole number from 0", mistakes);
        None
    }

    /// A number of bytes, at least 1.
    pub(crate) fn bytes(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<u64> {
        let node = self.node(key, mistakes)?;
        let parsed = match &node.value {
            Value::Int(number) => units::parse_bytes(&number.to_string()),
            Value::Text(text) => units::parse_bytes(text),
            _ => Err("write a size such as `64 MiB`"),
        };
        match parsed {
            Ok(0) => self.bad(key, node, "is zero", "write a size such as `64 MiB`", mistakes),
            Ok(bytes) => return Some(bytes),
            Err(wanted) => self.bad(key, node, "is not a size", wanted, mistakes),
        }
        None
    }

    /// A duration.
    pub(crate) fn duration(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Duration> {
        let node = self.node(key, mistakes)?;
        self.parsed(key, node, "is not a duration", units::parse_duration, mistakes)
    }

    /// A share as a fraction.
    pub(crate) fn share(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<f64> {
        let node = self.node(key, mistakes)?;
        self.parsed(key, node, "is not a share", units::parse_share, mistakes)
    }

    fn parsed<T>(
        &self,
        key: &str,
        node: &Node,
        what: &str,
        parse: fn(&str) -> Result<T, &'static str>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        // A number without a unit goes the same way, so that the hint says what is missing.
        let text = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
        parse(text).map_err(|wanted| self.bad(key, node, what, wanted, mistakes)).ok()
    }

    /// One of the named choices.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let node = self.node(key, mistakes)?;
        let typed = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == typed) {
            return Some(*choice);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        if let [only] = names.as_slice() {
            let next = format!("write `{only}`, or remove the key");
            self.bad(key, node, &format!("can only be `{only}`"), &next, mistakes);
            return None;
        }
        let listed = names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        self.bad(key, node, &format!("is none of {listed}"), &hint(typed, &names, "choices"), mistakes);
        None
    }

    /// Notes what is wrong with the value of a key.
    pub(crate) fn bad(&self, key: &str, node: &Node, what: &str, next: &str, mistakes: &mut Mistakes) {
        let message = format!("{}: `{key}` {what}", self.what);
        mistakes.add(codes::BAD_VALUE, self.doc.place(node.spot), message, next);
    }

    /// The entries whose keys were not asked for and are not among `later`.
    pub(crate) fn others(&self, later: &[&str]) -> impl Iterator<Item = &'a (Key, Node)> {
        let known = |k: &Key| self.asked.contains(&k.text.as_str()) || later.contains(&k.text.as_str());
        self.entries.iter().filter(move |(k, _)| !known(k)).collect::<Vec<_>>().into_iter()
    }

    /// Refuses the keys of `later`: they have a meaning that is not implemented yet.
    pub(crate) fn refuse(&self, later: &[&str], mistakes: &mut Mistakes) {
        for (key, _) in self.entries.iter().filter(|(k, _)| later.contains(&k.text.as_str())) {
            let message = format!("{}: `{}` is not implemented yet", self.what, key.text);
            mistakes.add(codes::UNKNOWN_KEY, self.doc.place(key.spot), message, "remove the key");
        }
    }

    /// Refuses every key that was not asked for; those of `later` as not implemented yet.
    pub(crate) fn finish(self, later: &[&str], mistakes: &mut Mistakes) {
        self.refuse(later, mistakes);
        for (key, node) in self.others(later) {
            let message = format!("{} has no key `{}`", self.what, shown(&key.text));
            // `{sql: SELECT a, b FROM c}` is two keys to YAML.
            let split = node.value == Value::Null && key.text.trim().contains(' ');
            let next = if split {
                "a comma ends a text inside `{...}`: put the text between quotation marks".to_owned()
            } else {
                hint(&key.text, &self.asked, "keys")
            };
            mistakes.add(codes::UNKNOWN_KEY, self.doc.place(key.spot), message, next);
        }
    }
}

/// The entries of a mapping; anything else is a mistake. `spot` is where it is declared, for what is empty.
pub(crate) fn mapping<'a>(
    doc: &Document,
    node: &'a Node,
    what: &str,
    spot: Spot,
    mistakes: &mut Mistakes,
) -> Option<&'a [(Key, Node)]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        other => {
            let at = if matches!(other, Value::Null) { spot } else { node.spot };
            let message = format!("{what} is {}, not a mapping", other.kind());
            mistakes.add(codes::YAML, doc.place(at), message, "write `key: value` lines");
            None
        }
    }
}
