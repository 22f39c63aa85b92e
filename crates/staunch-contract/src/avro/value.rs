//! A value of any schema. It is read together with its schema: fields, symbols and branches are numbers.

/// A value in the form of its bytes: what a logical type makes of it, and the names, are the schema's.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of null.
    Null,
    /// Of boolean.
    Boolean(bool),
    /// Of int.
    Int(i32),
    /// Of long.
    Long(i64),
    /// Of float.
    Float(f32),
    /// Of double.
    Double(f64),
    /// Of bytes.
    Bytes(Vec<u8>),
    /// Of string.
    String(String),
    /// Of fixed.
    Fixed(Vec<u8>),
    /// The number of the symbol.
    Enum(u32),
    /// Of array.
    Array(Vec<Value>),
    /// Of map, in the order of the bytes.
    Map(Vec<(String, Value)>),
    /// The number of the branch, and its value.
    Union(u32, Box<Value>),
    /// The fields in the order of the schema.
    Record(Vec<Value>),
}

impl Value {
    /// What it is, for messages: the word of the type, never the content.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Int(_) => "int",
            Self::Long(_) => "long",
            Self::Float(_) => "float",
            Self::Double(_) => "double",
            Self::Bytes(_) => "bytes",
            Self::String(_) => "string",
            Self::Fixed(_) => "fixed",
            Self::Enum(_) => "enum",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(..) => "union",
            Self::Record(_) => "record",
        }
    }

    /// How much of a budget a copy takes: one for each value, and one for each 32 bytes of text or bytes.
    pub(super) fn weight(&self) -> usize {
        1 + match self {
            Self::Bytes(bytes) | Self::Fixed(bytes) => bytes.len() / 32,
            Self::String(text) => text.len() / 32,
            Self::Array(items) | Self::Record(items) => items.iter().map(Self::weight).sum(),
            Self::Map(entries) => entries.iter().map(|(k, v)| k.len() / 32 + v.weight()).sum(),
            Self::Union(_, value) => value.weight(),
            _ => 0,
        }
    }
}
