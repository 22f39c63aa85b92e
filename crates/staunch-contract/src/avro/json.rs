//! JSON as a tree that knows where everything stands.
//!
//! `serde_json` tells no places once a text is parsed, keeps the last of two equal keys without a word, and reads decimals by a method
//! that is not exact to the last bit. Schemas need the first two, Avro's JSON encoding of doubles the third. The YAML tree does not do
//! either: YAML knows no surrogate pairs and no tabs. So this is a plain reader of RFC 8259, with a bound on depth; the tests hold it
//! against `serde_json`.

use std::collections::BTreeSet;

/// How deep JSON may nest: the depth that `serde_json` has too.
pub(crate) const DEPTH_MAX: usize = 128;

/// A value and the byte at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) tree: Tree,
    pub(crate) at: usize,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    /// As it is written; its `f64` is finite.
    Number(Box<str>),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; no key stands in it twice.
    Map(Vec<(String, Node)>),
}

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The byte at which reading stopped.
    pub(crate) at: usize,
    /// The reason: it quotes nothing.
    pub(crate) why: &'static str,
}

impl Node {
    /// The member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.tree {
            Tree::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// A whole number that was written as one.
    pub(crate) fn integer(&self) -> Option<i64> {
        match &self.tree {
            Tree::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Any number.
    pub(crate) fn number(&self) -> Option<f64> {
        match &self.tree {
            Tree::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.tree {
            Tree::Null => "null",
            Tree::Bool(_) => "a boolean",
            Tree::Number(_) => "a number",
            Tree::Text(_) => "a text",
            Tree::List(_) => "a list",
            Tree::Map(_) => "an object",
        }
    }

    /// The same as `serde_json` has it.
    pub(crate) fn to_value(&self) -> serde_json::Value {
        match &self.tree {
            Tree::Null => serde_json::Value::Null,
            Tree::Bool(b) => (*b).into(),
            Tree::Number(text) => match (text.parse::<i64>(), text.parse::<u64>()) {
                (Ok(n), _) => n.into(),
                (_, Ok(n)) => n.into(),
                _ => text.parse::<f64>().map_or(serde_json::Value::Null, Into::into),
            },
            Tree::Text(text) => text.as_str().into(),
            Tree::List(items) => items.iter().map(Node::to_value).collect(),
            Tree::Map(entries) => entries.iter().map(|(k, v)| (k.clone(), v.to_value())).collect(),
        }
    }
}

/// Line and column (both from 1, the column in characters) of a byte.
pub(crate) fn line_and_column(text: &str, at: usize) -> (u64, u64) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line as u64, column as u64)
}

/// Reads one JSON text.
pub(crate) fn read(text: &str) -> Result<Node, Wrong> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    reader.blanks();
    let node = reader.value(0)?;
    reader.blanks();
    if reader.at < reader.bytes.len() {
        Err(reader.wrong("something stands behind the end of the JSON"))
    } else {
        Ok(node)
    }
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, why: &'static str) -> Wrong {
        Wrong { at: self.at, why }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8, why: &'static str) -> Result<(), Wrong> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        Err(self.wrong(if self.at >= self.bytes.len() { "the JSON ends too early" } else { why }))
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Wrong> {
        if depth >= DEPTH_MAX {
            return Err(self.wrong("the JSON nests deeper than 128"));
        }
        let at = self.at;
        let tree = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Tree::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'n') => self.word("null", Tree::Null)?,
            Some(b't') => self.word("true", Tree::Bool(true))?,
            Some(b'f') => self.word("false", Tree::Bool(false))?,
            Some(_) => return Err(self.wrong("no JSON value begins like this")),
            None => return Err(self.wrong("the JSON ends too early")),
        };
        Ok(Node { tree, at })
    }

    fn word(&mut self, word: &str, tree: Tree) -> Result<Tree, Wrong> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("no JSON value begins like this"));
        }
        self.at += word.len();
        Ok(tree)
    }

    fn list(&mut self, depth: usize) -> Result<Tree, Wrong> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Tree::List(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.peek() == Some(b',') {
                self.at += 1;
            } else {
                self.take(b']', "a list goes on with `,` or ends with `]`")?;
                return Ok(Tree::List(items));
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Tree, Wrong> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Tree::Map(entries));
        }
        loop {
            self.blanks();
            let at = self.at;
            if self.peek() != Some(b'"') {
                self.take(b'"', "a key of an object is a text in quotation marks")?;
            }
            let key = self.text()?;
            if !seen.insert(key.clone()) {
                return Err(Wrong { at, why: "this key stands twice in one object" });
            }
            self.blanks();
            self.take(b':', "a `:` stands behind a key")?;
            self.blanks();
            entries.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.peek() == Some(b',') {
                self.at += 1;
            } else {
                self.take(b'}', "an object goes on with `,` or ends with `}`")?;
                return Ok(Tree::Map(entries));
            }
        }
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from { Err(self.wrong("a digit is missing")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Tree, Wrong> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(self.wrong("a number has no leading zero"));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[from..self.at];
        match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(Tree::Number(text.into())),
            _ => Err(Wrong { at: from, why: "the number is out of range" }),
        }
    }

    fn text(&mut self) -> Result<String, Wrong> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|b| b >= 0x20 && b != b'"' && b != b'\\') {
                self.at += 1;
            }
            // All that ends the loop is ASCII: the slice ends between characters.
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.wrong("a control character in a text must be escaped")),
                None => return Err(self.wrong("the JSON ends inside a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Wrong> {
        const LONE: &str = "half of a surrogate pair stands alone";
        self.at += 1;
        let Some(what) = self.peek() else { return Err(self.wrong("the JSON ends inside a text")) };
        if what != b'u' {
            let plain = match what {
                b'"' | b'\\' | b'/' => char::from(what),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                _ => return Err(self.wrong("there is no such escape")),
            };
            self.at += 1;
            return Ok(plain);
        }
        let at = self.at;
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(Wrong { at, why: LONE });
                }
                self.at += 1;
                let second = self.unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(Wrong { at, why: LONE });
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            plain => plain,
        };
        char::from_u32(code).ok_or(Wrong { at, why: LONE })
    }

    /// The four digits behind `\u`.
    fn unit(&mut self) -> Result<u32, Wrong> {
        let digits = self.bytes.get(self.at + 1..self.at + 5);
        let digits = digits.filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else {
            return Err(self.wrong("four hexadecimal digits stand behind `\\u`"));
        };
        self.at += 5;
        Ok(digits.iter().fold(0, |n, d| n * 16 + char::from(*d).to_digit(16).unwrap_or(0)))
    }
}

/// A text in quotation marks, as JSON writes it.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
