//! The text form of types, as contracts in YAML write them and as messages show them.

use crate::model::Type;
use crate::near;
use std::fmt;

/// The types that are a plain word, with the words.
static WORDS: [(&str, Type); 15] = [
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
    ("local-timestamp-millis", Type::LocalTimestampMillis),
    ("local-timestamp-micros", Type::LocalTimestampMicros),
    ("uuid", Type::Uuid),
];

/// Words of other systems and what they are called here.
static FOREIGN: [(&str, &str); 27] = [
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
];

/// The nested types of Avro, which are not there yet.
static NESTED: [&str; 6] = ["array", "map", "record", "fixed", "union", "struct"];

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
    let lower = name.to_lowercase();
    if NESTED.iter().any(|n| lower.starts_with(n)) || name.starts_with('[') {
        return Err((
            format!("the nested type `{name}` is not supported"),
            "flatten it into fields of plain types".into(),
        ));
    }
    let meant = FOREIGN.iter().find(|(word, _)| *word == lower).map(|(_, meant)| *meant);
    let words = || WORDS.iter().map(|(word, _)| *word).chain(["enum"]);
    let hint = match meant.or_else(|| near::nearest(name, words())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the types are: {}, decimal(p,s)", words().collect::<Vec<_>>().join(", ")),
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

impl fmt::Display for Type {
    /// The form of contracts in YAML; an enum without its symbols.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enum(_) => f.write_str("enum"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            plain => {
                let word = WORDS.iter().find(|(_, ty)| ty == plain).map_or("", |(word, _)| *word);
                f.write_str(word)
            }
        }
    }
}
