//! Reading the options of a connection or an object: typed, complete, with places.
//!
//! A system asks for each option that it knows; mistakes are recorded, not returned, so that all of them are reported at
//! once. [`OptionReader::finish`] then refuses every option that nobody asked for: an option is never ignored.
//! Values are not quoted in messages, because a secret may stand where it does not belong.

#[cfg(test)]
mod tests;

use crate::model::{OptionValue, Options};
use crate::suggest::hint;
use crate::units::parse_bytes;
use serde_json::Value;
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};

/// Reads options one by one.
///
/// ```
/// use staunch_pipeline::{OptionReader, OptionValue, Options};
///
/// let mut options = Options::default();
/// let value = OptionValue { value: serde_json::json!("64 MiB"), place: staunch_types::Place::default() };
/// options.entries.insert("buffer".to_owned(), value);
/// let mut reader = OptionReader::new(&options, "object `nyc/flights`");
/// assert_eq!(reader.bytes("buffer"), Some(64 << 20));
/// assert_eq!(reader.one_of("format", &[("csv", 1), ("json", 2)]), None);
/// reader.finish().unwrap();
/// ```
#[derive(Debug)]
pub struct OptionReader<'a> {
    options: &'a Options,
    what: String,
    place: Option<Place>,
    asked: BTreeSet<String>,
    mistakes: Vec<Error>,
}

impl<'a> OptionReader<'a> {
    /// A reader of `options`; `what` names their owner in messages: ``object `nyc/flights` ``.
    #[must_use]
    pub fn new(options: &'a Options, what: &str) -> Self {
        Self { options, what: what.to_owned(), place: None, asked: BTreeSet::new(), mistakes: Vec::new() }
    }

    /// Sets where the owner is declared: the place of what is missing. Without it that is the place of the first option.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// A text; `None` if it is absent or not a text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let found = self.take(key)?;
        match &found.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => {
                self.bad(key, "is not a text", "put the value between quotation marks")
            }
            _ => self.bad(key, "is not a text", "write one text"),
        }
    }

    /// A text that must be there and not empty. If it is not, that is recorded and the empty text is returned:
    /// [`OptionReader::finish`] fails, so that no caller goes on with it.
    pub fn required_text(&mut self, key: &str) -> String {
        if !self.options.entries.contains_key(key) {
            self.missing(key);
            return String::new();
        }
        match self.text(key) {
            Some(text) if text.is_empty() => {
                self.reject(key, format!("`{key}` is empty"), "give it a value");
                text
            }
            Some(text) => text,
            None => String::new(),
        }
    }

    /// Records that an option which must be there is missing.
    pub fn missing(&mut self, key: &str) {
        self.asked.insert(key.to_owned());
        let error = Error::new(codes::MISSING_KEY, format!("{} has no `{key}`", self.what))
            .place(self.owner())
            .hint(format!("add `{key}: ...`"));
        self.mistakes.push(error);
    }

    /// `true` or `false`; `None` if it is absent or neither.
    pub fn bool(&mut self, key: &str) -> Option<bool> {
        match self.take(key)?.value {
            Value::Bool(value) => Some(value),
            _ => self.bad(key, "is neither true nor false", "write `true` or `false`"),
        }
    }

    /// A whole number from 0; `None` if it is absent or something else.
    pub fn u64(&mut self, key: &str) -> Option<u64> {
        let found = self.take(key)?;
        match found.value.as_u64() {
            Some(value) => Some(value),
            None => self.bad(key, "is not a whole number", "write a whole number without quotation marks"),
        }
    }

    /// A number of bytes with its unit (`64 MiB`) or without one; `None` if it is absent or something else.
    pub fn bytes(&mut self, key: &str) -> Option<u64> {
        let found = self.take(key)?;
        let parsed = match &found.value {
            Value::Number(number) => number.as_u64().ok_or("write a size such as `64 MiB`"),
            Value::String(text) => parse_bytes(text),
            _ => Err("write a size such as `64 MiB`"),
        };
        parsed.map_err(|wanted| self.bad::<u64>(key, "is not a size", wanted)).ok()
    }

    /// One ASCII character (a delimiter, a quote), or `\t` for the tabulator; `None` if it is absent or something else.
    pub fn char(&mut self, key: &str) -> Option<u8> {
        let found = self.take(key)?;
        match found.value.as_str().map(str::as_bytes) {
            Some(b"\\t") => Some(b'\t'),
            Some([byte]) if byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r') => Some(*byte),
            _ => self.bad(
                key,
                "is not one character",
                "write one ASCII character, such as `\";\"` or `\"\\t\"`",
            ),
        }
    }

    /// A list of texts; `None` if it is absent or something else.
    pub fn list(&mut self, key: &str) -> Option<Vec<String>> {
        let found = self.take(key)?;
        let texts: Option<Vec<String>> = match &found.value {
            Value::Array(values) => values.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        match texts {
            Some(texts) => Some(texts),
            None => self.bad(key, "is not a list of texts", "write `[\"one\", \"two\"]`"),
        }
    }

    /// A mapping from text to text; `None` if it is absent or something else.
    pub fn map(&mut self, key: &str) -> Option<BTreeMap<String, String>> {
        let found = self.take(key)?;
        let texts: Option<BTreeMap<String, String>> = match &found.value {
            Value::Object(values) => {
                values.iter().map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
            }
            _ => None,
        };
        match texts {
            Some(texts) => Some(texts),
            None => self.bad(key, "is not a mapping of texts", "write `{name: \"value\"}`"),
        }
    }

    /// One of the named choices; `None` if it is absent or none of them.
    pub fn one_of<T: Clone>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = self.take(key)?;
        let typed = found.value.as_str().unwrap_or_default();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == typed) {
            return Some(choice.clone());
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let listed = names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        self.bad(key, &format!("is none of {listed}"), &hint(typed, &names, "choices"))
    }

    /// Whether the option is given. It does not count as asked for.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.options.entries.contains_key(key)
    }

    /// Where the option stands, or its owner if it is absent.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        self.options.entries.get(key).map_or_else(|| self.owner(), |found| found.place.clone())
    }

    /// Records a mistake of the caller's own finding at `key`. The message is a fragment that names the option.
    pub fn reject(&mut self, key: &str, message: impl Into<String>, next_step: impl Into<String>) {
        self.asked.insert(key.to_owned());
        let message = format!("{}: {}", self.what, message.into());
        self.mistakes.push(Error::new(codes::BAD_VALUE, message).place(self.place(key)).hint(next_step));
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Every mistake that was recorded (`BAD_VALUE`, `MISSING_KEY`), and `OBJECT_OPTION` for every option that was never
    /// asked for, in the order of the file.
    pub fn finish(mut self) -> Result<()> {
        let known: Vec<&String> = self.asked.iter().collect();
        for (key, found) in &self.options.entries {
            if !self.asked.contains(key) {
                let error = Error::new(codes::OBJECT_OPTION, format!("{} has no option `{key}`", self.what))
                    .place(found.place.clone())
                    .hint(hint(key, &known, "options"));
                self.mistakes.push(error);
            }
        }
        self.mistakes.sort_by_key(|e| (e.where_().line, e.where_().column));
        Error::many(self.mistakes).map_or(Ok(()), Err)
    }

    /// The value, marked as asked for. An empty one (`key:` with nothing behind it) is a mistake.
    fn take(&mut self, key: &str) -> Option<&'a OptionValue> {
        self.asked.insert(key.to_owned());
        let found = self.options.entries.get(key)?;
        if found.value.is_null() {
            return self.bad(key, "is empty", "give it a value, or remove the key");
        }
        Some(found)
    }

    fn bad<T>(&mut self, key: &str, what: &str, next_step: &str) -> Option<T> {
        self.reject(key, format!("`{key}` {what}"), next_step);
        None
    }

    fn owner(&self) -> Place {
        let first = || {
            let places = self.options.entries.values().map(|v| &v.place);
            places.min_by_key(|p| (p.line, p.column)).cloned().unwrap_or_default()
        };
        self.place.clone().unwrap_or_else(first)
    }
}
