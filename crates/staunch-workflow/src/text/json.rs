//! JSON with places.

use super::{DEPTH_MAX, Document, Spot, Unreadable};
use crate::value::{Map, Value};
use std::collections::BTreeMap;

pub(super) fn read(text: &str) -> Result<Document, Unreadable> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
        counted: (0, 1),
        path: String::new(),
        spots: BTreeMap::new(),
        twice: Vec::new(),
    };
    reader.skip_spaces();
    let value = reader.value(DEPTH_MAX)?;
    reader.skip_spaces();
    if reader.at < text.len() {
        return Err(reader.fail("something stands behind the end of the object"));
    }
    Ok(Document { value, spots: reader.spots, twice: reader.twice })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    /// A place on this line, and its column: a file may be one line, whose characters are counted once.
    counted: (usize, u64),
    path: String,
    spots: BTreeMap<String, Spot>,
    twice: Vec<String>,
}

impl Reader<'_> {
    fn spot(&mut self) -> Spot {
        let (from, column) = self.counted;
        let more = self.text.get(from..self.at).unwrap_or_default();
        self.counted = (self.at, column + more.chars().count() as u64);
        Spot { line: self.line, column: self.counted.1 }
    }

    fn fail(&mut self, what: &str) -> Unreadable {
        Unreadable { spot: Some(self.spot()), what: what.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while let Some(c @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            if c == b'\n' {
                self.line += 1;
                self.counted = (self.at, 1);
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Unreadable> {
        self.skip_spaces();
        if self.peek() != Some(wanted) {
            return Err(self.fail(&format!("`{}` is expected here", char::from(wanted))));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, Unreadable> {
        if depth == 0 {
            return Err(self.fail(&format!("the text nests deeper than {DEPTH_MAX}")));
        }
        self.skip_spaces();
        let spot = self.spot();
        self.spots.insert(self.path.clone(), spot);
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            _ => self.scalar(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Unreadable> {
        self.at += 1;
        let mut map = Map::new();
        self.skip_spaces();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.skip_spaces();
            if self.peek() != Some(b'"') {
                return Err(self.fail("a name in quotation marks is expected here"));
            }
            let key = self.string()?;
            self.expect(b':')?;
            let value = self.inside(&key.clone(), |reader| reader.value(depth - 1))?;
            if map.contains_key(&key) {
                self.twice.push(format!("{}/{key}", self.path));
            }
            map.insert(key, value);
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.fail("`,` or `}` is expected here")),
            }
        }
        self.at += 1;
        Ok(Value::Object(map))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Unreadable> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_spaces();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            let item = self.inside(&items.len().to_string(), |reader| reader.value(depth - 1))?;
            items.push(item);
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fail("`,` or `]` is expected here")),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn inside<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(key);
        let done = work(self);
        self.path.truncate(length);
        done
    }

    /// A text; what stands between the quotation marks is left to `serde_json`.
    fn string(&mut self) -> Result<String, Unreadable> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let end = rest.bytes().enumerate().skip(1).find_map(|(n, c)| {
            let end = c == b'"' && !escaped;
            escaped = c == b'\\' && !escaped;
            end.then_some(n + 1)
        });
        let end = end.ok_or_else(|| self.fail("a text does not end"))?;
        let raw = rest.get(..end).unwrap_or_default();
        let text = serde_json::from_str(raw).map_err(|_| {
            self.fail("a text holds a control character or an escape that JSON does not know")
        })?;
        self.at += end;
        Ok(text)
    }

    fn scalar(&mut self) -> Result<Value, Unreadable> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find([',', '}', ']', ' ', '\t', '\n', '\r', ':']).unwrap_or(rest.len());
        let value = Value::parse(rest.get(..end).unwrap_or_default());
        let value = value.map_err(|_| {
            self.fail("a text in quotation marks, a number, an array, an object, `null`, `true` or `false` is expected here")
        })?;
        self.at += end;
        Ok(value)
    }
}
