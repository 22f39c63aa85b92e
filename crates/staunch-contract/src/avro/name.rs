//! Names of Avro: what is allowed, and how a namespace completes them.

use std::fmt;

/// The full name of a record, enum or fixed: `namespace.name`, or `name` alone.
///
/// An unnamed record (see [`super::SchemaOptions::unnamed_records`]) has an empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    full: String,
}

impl Name {
    /// The name as a definition or reference in `namespace` writes it: a name with a dot is full already.
    pub(super) fn complete(written: &str, namespace: &str) -> Self {
        let full = if written.contains('.') || namespace.is_empty() {
            written.to_owned()
        } else {
            format!("{namespace}.{written}")
        };
        Self { full }
    }

    /// The name of a record that has none.
    pub(super) fn none() -> Self {
        Self { full: String::new() }
    }

    /// The whole name.
    #[must_use]
    pub fn full(&self) -> &str {
        &self.full
    }

    /// What stands before the last dot; empty for the null namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
    }

    /// What stands behind the last dot.
    #[must_use]
    pub fn simple(&self) -> &str {
        self.full.rsplit_once('.').map_or(self.full.as_str(), |(_, simple)| simple)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`: fields, symbols, and the parts of full names.
pub(super) fn is_simple(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Simple names with dots between them.
pub(super) fn is_dotted(text: &str) -> bool {
    text.split('.').all(is_simple)
}

/// The rule, for messages.
pub(super) const RULE: &str =
    "a name begins with a letter of a-z or A-Z or with `_`, and goes on with those and digits";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_completes_what_has_no_dot() {
        assert_eq!(Name::complete("a", "x.y").full(), "x.y.a");
        assert_eq!(Name::complete("z.a", "x.y").full(), "z.a");
        assert_eq!(Name::complete("a", "").full(), "a");
        let name = Name::complete("x.y.a", "");
        assert_eq!((name.namespace(), name.simple()), ("x.y", "a"));
        assert_eq!((Name::none().namespace(), Name::none().simple()), ("", ""));
    }

    #[test]
    fn names_are_ascii_words() {
        for good in ["a", "_", "A1", "_9"] {
            assert!(is_simple(good), "{good}");
        }
        for bad in ["", "1", "a-b", "ä", "a.b", " a"] {
            assert!(!is_simple(bad), "{bad}");
        }
        assert!(is_dotted("a.b.c") && !is_dotted("a..b") && !is_dotted(".a") && !is_dotted("a."));
    }
}
