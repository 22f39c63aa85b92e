//! The fields of a record that its contract does not name, as one JSON object; and what types their texts could have.

use crate::read::parse::number::{float64, int64};
use crate::read::parse::time;
use crate::read::parse::uuid::uuid;
use serde_json::Value;
use std::collections::HashMap;

/// The keys of an object of these names, in JSON: of several that are equal the later ones have `#2`, `#3` behind them.
pub(crate) fn keys<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let key = |name: &'a str| {
        let times = seen.entry(name).or_default();
        *times += 1;
        match *times {
            1 => Value::from(name).to_string(),
            times => Value::from(format!("{name}#{times}")).to_string(),
        }
    };
    names.map(key).collect()
}

/// An object that grows.
#[derive(Debug)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(vec![b'{'])
    }

    /// Adds a member: the key with its quotation marks, and a value, both in JSON.
    pub(crate) fn put(&mut self, key: &str, value: &[u8]) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b':');
        self.0.extend_from_slice(value);
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

/// A text in JSON; bytes that are no text are `{"hex": "..."}`.
pub(crate) fn text(text: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(text) {
        Ok(text) => Value::from(text).to_string().into_bytes(),
        Err(_) => format!("{{\"hex\":\"{}\"}}", hex::encode(text)).into_bytes(),
    }
}

/// The narrowest type of a contract that keeps the text as it is: `007` is no number.
pub(crate) fn narrowest(text: &[u8]) -> &'static str {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let padded =
        digits.len() > 1 && digits.first() == Some(&b'0') && digits.get(1).is_some_and(u8::is_ascii_digit);
    let number = !padded && matches!(digits.first(), Some(b'0'..=b'9'));
    match text {
        b"true" | b"false" => "boolean",
        _ if number && int64(text, 0, text.len()).is_ok() => "long",
        _ if number && float64(text, 0, text.len()).is_ok() => "double",
        _ if time::date(text).is_ok() => "date",
        _ if time::local(text).is_ok() => "local-timestamp-micros",
        _ if time::instant(text).is_ok() => "timestamp-micros",
        _ if uuid(text).is_ok() => "uuid",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::{Object, keys, narrowest, text};

    #[test]
    fn an_object_is_json_whatever_its_names_and_texts_are() {
        let keys = keys(["a", "b\"\n", "a", "a"].into_iter());
        let mut object = Object::new();
        for (key, value) in keys.iter().zip([&b"x"[..], b"\"\\", b"\xFF\x00", b""]) {
            object.put(key, &text(value));
        }
        let read: serde_json::Value = serde_json::from_slice(&object.end()).unwrap();
        assert_eq!(read, serde_json::json!({"a": "x", "b\"\n": "\"\\", "a#2": {"hex": "ff00"}, "a#3": ""}));
    }

    #[test]
    fn no_text_loses_something_by_its_type() {
        let cases = [
            ("1", "long"),
            ("-7", "long"),
            ("007", "string"),
            ("+1", "string"),
            ("9223372036854775808", "double"),
            ("1.50", "double"),
            ("1e400", "string"),
            ("NaN", "string"),
            ("true", "boolean"),
            ("2026-01-31", "date"),
            ("2026-01-31T10:00:00", "local-timestamp-micros"),
            ("2026-01-31T10:00:00Z", "timestamp-micros"),
            ("0188a1d0-5f2b-7c3e-9a4d-000000000001", "uuid"),
            ("", "string"),
            ("web", "string"),
        ];
        for (text, ty) in cases {
            assert_eq!(narrowest(text.as_bytes()), ty, "{text}");
        }
    }
}
