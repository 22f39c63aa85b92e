//! The text form of types, as contracts in YAML write them and as messages show them.

use crate::model::{Element, Type};
use crate::near;
use std::fmt;

/// The types that are a plain word, with the words.
static WORDS: [(&str, Type); 18] = [
    ("boolean", Type::Boolean),
    ("int", Type::Int),
    ("long", Type::Long),
    ("float", Type::Float),
    ("double", Type::Double),
    ("bytes", Type::Bytes),
    ("string", Type::String),
    ("date", Type::Date),
    ("time-millis", Type::TimeMillis),
    ("time-micros", Type::TimeMicros),
    ("timestamp-millis", Type::TimestampMillis),
    ("timestamp-micros", Type::TimestampMicros),
    ("timestamp-nanos", Type::TimestampNanos),
    ("local-timestamp-millis", Type::LocalTimestampMillis),
    ("local-timestamp-micros", Type::LocalTimestampMicros),
    ("local-timestamp-nanos", Type::LocalTimestampNanos),
    ("duration", Type::Duration),
    ("uuid", Type::Uuid),
];

/// Words of other systems and what they are called here.
static FOREIGN: [(&str, &str); 28] = [
    ("bool", "boolean"),
    ("integer", "int"),
    ("int32", "int"),
    ("smallint", "int"),
    ("int64", "long"),
    ("bigint", "long"),
    ("real", "float"),
    ("float32", "float"),
    ("float64", "double"),
    ("number", "double"),
    ("text", "string"),
    ("str", "string"),
    ("varchar", "string"),
    ("utf8", "string"),
    ("binary", "bytes"),
    ("blob", "bytes"),
    ("bytea", "bytes"),
    ("numeric", "decimal(18,2)"),
    ("decimal", "decimal(18,2)"),
    ("timestamp", "timestamp-micros` or `timestamp-millis"),
    ("datetime", "timestamp-micros` or `local-timestamp-micros"),
    ("timestamptz", "timestamp-micros"),
    ("local-timestamp", "local-timestamp-micros` or `local-timestamp-millis"),
    ("time", "time-micros` or `time-millis"),
    ("day", "date"),
    ("guid", "uuid"),
    ("category", "enum"),
    ("interval", "duration"),
];

/// The nested types, under the words of this and other systems, and how they are written.
static NESTED: [(&str, &str); 9] = [
    ("array", "{array: string}"),
    ("list", "{array: string}"),
    ("map", "{map: string}"),
    ("dict", "{map: string}"),
    ("record", "{record: {street: string}}"),
    ("struct", "{record: {street: string}}"),
    ("object", "{record: {street: string}}"),
    ("row", "{record: {street: string}}"),
    ("union", "{union: [long, string]}"),
];

/// The largest fixed type: 1 MiB.
const LARGEST_FIXED: u64 = 1 << 20;

/// A type as it was written, and whether it may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// A whole type.
    Type(Type),
    /// `enum`: its symbols stand elsewhere.
    Enum,
}

/// What is wrong with a type: the message and the hint.
pub(crate) type Wrong = (String, String);

/// Reads `T` or `T?`.
pub(crate) fn read(text: &str) -> Result<(Written, bool), Wrong> {
    let text = text.trim();
    let (name, nullable) = match text.strip_suffix('?') {
        Some(name) => (name.trim_end(), true),
        None => (text, false),
    };
    read_name(name).map(|written| (written, nullable))
}

fn read_name(name: &str) -> Result<Written, Wrong> {
    if let Some((_, ty)) = WORDS.iter().find(|(word, _)| *word == name) {
        return Ok(Written::Type(ty.clone()));
    }
    if name == "enum" {
        return Ok(Written::Enum);
    }
    if let Some(arguments) = name.strip_prefix("decimal(") {
        let Some(arguments) = arguments.strip_suffix(')') else {
            return Err((
                format!("the type `{name}` has no closing bracket"),
                "inside `{ }` a comma ends the value: put the type into quotes, \"decimal(9,2)\"".into(),
            ));
        };
        let mut numbers = arguments.split(',').map(|n| n.trim().parse::<u64>());
        return match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(precision)), Some(Ok(scale)), None) => decimal(precision, scale).map(Written::Type),
            (Some(Ok(precision)), None, None) => decimal(precision, 0).map(Written::Type),
            _ => Err((format!("`{name}` is not a decimal type"), "write decimal(precision,scale)".into())),
        };
    }
    if let Some(size) = name.strip_prefix("fixed(").and_then(|rest| rest.strip_suffix(')')) {
        return match size.trim().parse::<u64>() {
            Ok(size) => fixed(size).map(Written::Type),
            Err(_) => Err((format!("`{name}` is not a fixed type"), "write fixed(BYTES)".into())),
        };
    }
    let lower = name.to_lowercase();
    if lower == "fixed" {
        return Err(("the fixed type has no size".into(), "write fixed(16)".into()));
    }
    if let Some((_, form)) = NESTED.iter().find(|(word, _)| lower.starts_with(word)) {
        let message = format!("`{name}` is not the form of a nested type");
        return Err((message, format!("write {form}, with `?` behind the word if the value may be missing")));
    }
    let meant = FOREIGN.iter().find(|(word, _)| *word == lower).map(|(_, meant)| *meant);
    let words = || WORDS.iter().map(|(word, _)| *word).chain(["enum"]);
    let hint = match meant.or_else(|| near::nearest(name, words())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let words = words().collect::<Vec<_>>().join(", ");
            format!(
                "the types are: {words}, decimal(p,s), fixed(n), {{array: T}}, {{map: T}}, {{record: {{...}}}}, {{union: [...]}}"
            )
        }
    };
    Err((format!("there is no type `{name}`"), hint))
}

/// A decimal, if its numbers are possible.
pub(crate) fn decimal(precision: u64, scale: u64) -> Result<Type, Wrong> {
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok(Type::Decimal { precision, scale }),
        _ => Err((
            format!("decimal({precision},{scale}) is not possible"),
            "the precision is 1 to 38 digits, and the scale is not above it".into(),
        )),
    }
}

/// A fixed type, if its size is possible.
pub(crate) fn fixed(size: u64) -> Result<Type, Wrong> {
    match u32::try_from(size) {
        Ok(bytes) if (1..=LARGEST_FIXED).contains(&size) => Ok(Type::Fixed(bytes)),
        _ => Err((format!("fixed({size}) is not possible"), "a fixed type has 1 to 1048576 bytes".into())),
    }
}

/// The type and `?` if the value may be missing.
struct Shown<'a>(&'a Type, bool);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.1 { "?" } else { "" };
        match self.0 {
            // The mark of a nested type stands behind its word.
            Type::Array(item) => write!(f, "{{array{mark}: {item}}}"),
            Type::Map(value) => write!(f, "{{map{mark}: {value}}}"),
            Type::Record(fields) => {
                write!(f, "{{record{mark}: {{")?;
                for (at, field) in fields.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, Shown(&field.ty, field.nullable))?;
                }
                f.write_str("}}")
            }
            Type::Union(branches) => {
                write!(f, "{{union{mark}: [")?;
                for (at, branch) in branches.iter().enumerate() {
                    write!(f, "{}{branch}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]}")
            }
            Type::Enum(_) => write!(f, "enum{mark}"),
            Type::Fixed(size) => write!(f, "fixed({size}){mark}"),
            Type::Decimal { precision, scale } => write!(f, "decimal({precision},{scale}){mark}"),
            plain => {
                let word = WORDS.iter().find(|(_, ty)| ty == plain).map_or("", |(word, _)| *word);
                write!(f, "{word}{mark}")
            }
        }
    }
}

impl fmt::Display for Type {
    /// The form of contracts in YAML; an enum without its symbols, the fields of a record without their attributes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self, false).fmt(f)
    }
}

impl fmt::Display for Element {
    /// As the type, with `?` if the value may be missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.ty, self.nullable).fmt(f)
    }
}
