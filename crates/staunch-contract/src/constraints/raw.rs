//! Constraints as they were written, and whether they make sense for the type.

use super::value::Literal;
use super::{Constraints, pattern};
use crate::check;
use crate::model::Type;
use crate::report::Report;
use crate::yaml_tree::{Key, Node, Value};
use staunch_types::codes;

/// The words of YAML and of Avro schemas.
const WORDS: [(&str, &str, Word); 7] = [
    ("min", "min", Word::Min),
    ("max", "max", Word::Max),
    ("min_length", "minLength", Word::MinLength),
    ("max_length", "maxLength", Word::MaxLength),
    ("pattern", "pattern", Word::Pattern),
    ("one_of", "oneOf", Word::OneOf),
    ("unique", "unique", Word::Unique),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Min,
    Max,
    MinLength,
    MaxLength,
    Pattern,
    OneOf,
    Unique,
}

/// A constraint as it was written.
pub(crate) struct RawConstraint {
    word: Word,
    /// Its key.
    pub(crate) key: Key,
    node: Node,
}

impl RawConstraint {
    /// If the key is one of YAML's.
    pub(crate) fn yaml(key: &Key, node: &Node) -> Option<Self> {
        let (_, _, word) = WORDS.iter().find(|(yaml, ..)| *yaml == key.text)?;
        Some(Self { word: *word, key: key.clone(), node: node.clone() })
    }

    /// If the key is one of an Avro schema's.
    pub(crate) fn avsc(key: &Key, node: &Node) -> Option<Self> {
        let (_, _, word) = WORDS.iter().find(|(_, avsc, _)| *avsc == key.text)?;
        Some(Self { word: *word, key: key.clone(), node: node.clone() })
    }
}

/// The constraints of a field of this type; what makes no sense is reported.
pub(crate) fn read(raw: &[RawConstraint], field: &str, ty: &Type, report: &mut Report<'_>) -> Constraints {
    let mut found = Constraints::default();
    for RawConstraint { word, key, node } in raw {
        if let Err(hint) = belongs(*word, ty) {
            let message = format!("`{}` does not belong to `{field}`, which is {ty}", key.text);
            report.add(codes::CONTRACT, key.spot, message, hint);
            continue;
        }
        match word {
            Word::Min => found.min = literal(&key.text, node, ty, report),
            Word::Max => found.max = literal(&key.text, node, ty, report),
            Word::MinLength => found.min_length = check::count(&key.text, node, report),
            Word::MaxLength => found.max_length = check::count(&key.text, node, report),
            Word::Pattern => found.pattern = pattern_of(node, report),
            Word::OneOf => found.one_of = list(&key.text, node, ty, report),
            Word::Unique => match node.value {
                Value::Bool(unique) => found.unique = unique,
                _ => report.add(
                    codes::BAD_VALUE,
                    node.spot,
                    "`unique` is neither true nor false",
                    "write unique: true",
                ),
            },
        }
    }
    let empty = match (&found.min, &found.max, found.min_length, found.max_length) {
        (Some(min), Some(max), ..) if min.is_above(max) => Some(Word::Max),
        (.., Some(min), Some(max)) if min > max => Some(Word::MaxLength),
        _ => None,
    };
    if let Some(word) = empty
        && let Some(raw) = raw.iter().find(|r| r.word == word)
    {
        let message =
            format!("`{}` of `{field}` is below the least value: nothing keeps to both", raw.key.text);
        report.add(codes::CONTRACT, raw.node.spot, message, "exchange the two");
    }
    found
}

/// Whether the constraint makes sense for the type, or the hint what would.
fn belongs(word: Word, ty: &Type) -> Result<(), &'static str> {
    let whole =
        matches!(ty, Type::Int | Type::Long | Type::Decimal { .. } | Type::TimeMillis | Type::TimeMicros)
            || ty.is_time();
    let good = match word {
        Word::Min | Word::Max => whole || matches!(ty, Type::Float | Type::Double),
        Word::MinLength | Word::MaxLength => {
            matches!(ty, Type::String | Type::Bytes | Type::Array(_) | Type::Map(_))
        }
        Word::Pattern => *ty == Type::String,
        Word::OneOf => whole || *ty == Type::String,
        Word::Unique => !ty.is_nested(),
    };
    if good {
        return Ok(());
    }
    Err(match word {
        Word::Min | Word::Max => {
            "a range is for numbers, dates and times; the length of a text is `min_length` and `max_length`"
        }
        Word::MinLength | Word::MaxLength => "a length is that of a string, bytes, an array or a map",
        Word::Pattern => "a pattern is for the type string",
        Word::OneOf if matches!(ty, Type::Enum(_)) => "an enum lists its values already: `symbols`",
        Word::OneOf => "values are listed for strings, whole numbers, decimals, dates and times",
        Word::Unique => "plain values alone can be unique: select a part as a field of its own",
    })
}

fn literal(what: &str, node: &Node, ty: &Type, report: &mut Report<'_>) -> Option<Literal> {
    match Literal::read(node, ty) {
        Ok(literal) => Some(literal),
        Err(hint) => {
            report.add(codes::BAD_VALUE, node.spot, format!("`{what}` is no value of {ty}"), hint);
            None
        }
    }
}

fn list(what: &str, node: &Node, ty: &Type, report: &mut Report<'_>) -> Option<Vec<Literal>> {
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        _ => {
            let message = format!("`{what}` is no list of values");
            report.add(codes::BAD_VALUE, node.spot, message, "write [a, b]");
            return None;
        }
    };
    let mut all: Vec<Literal> = Vec::new();
    for item in items {
        let Some(value) = literal(what, item, ty, report) else { continue };
        if all.iter().any(|other| other.is_same(&value)) {
            let message = format!("a value of `{what}` stands there twice");
            report.add(codes::DUPLICATE_NAME, item.spot, message, "keep one of the two");
        }
        all.push(value);
    }
    Some(all)
}

fn pattern_of(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let text = check::text("pattern", node, report)?;
    if pattern::is_pattern(&text.text) {
        return Some(text.text);
    }
    let hint = "write a regular expression as Rust's regex has it, such as '[A-Z]{2}[0-9]+' (no look-around, no back-references)";
    report.add(codes::BAD_VALUE, node.spot, "`pattern` is not a regular expression", hint);
    None
}
