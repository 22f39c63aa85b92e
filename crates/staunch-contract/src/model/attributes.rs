//! What Avro says about a field or part beside its type.

use super::Type;

/// How Avro carries a value where there is a choice. It changes no value, no Arrow form and no row hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AvroForm {
    /// The name of the enum, fixed or record type, with its namespace if it has one; `None`: one is made when a schema is written.
    pub name: Option<String>,
    /// The bytes of the fixed type that carries a decimal or a uuid; `None`: bytes, or a string.
    pub fixed: Option<u32>,
    /// What the named type means.
    pub doc: Option<String>,
    /// Earlier names of the named type, for readers of Avro.
    pub aliases: Vec<String>,
    /// The symbol that a reader of Avro takes for one that its enum does not have.
    pub symbol: Option<String>,
}

impl AvroForm {
    /// The word of the Avro type that carries `ty`.
    #[must_use]
    pub fn carrier(&self, ty: &Type) -> &'static str {
        match ty {
            Type::Boolean => "boolean",
            Type::Int | Type::Date | Type::TimeMillis => "int",
            Type::Long
            | Type::TimeMicros
            | Type::TimestampMillis
            | Type::TimestampMicros
            | Type::TimestampNanos
            | Type::LocalTimestampMillis
            | Type::LocalTimestampMicros
            | Type::LocalTimestampNanos => "long",
            Type::Float => "float",
            Type::Double => "double",
            Type::Decimal { .. } | Type::Uuid if self.fixed.is_some() => "fixed",
            Type::Bytes | Type::Decimal { .. } => "bytes",
            Type::String | Type::Uuid => "string",
            Type::Fixed(_) | Type::Duration => "fixed",
            Type::Enum(_) => "enum",
            Type::Array(_) => "array",
            Type::Map(_) => "map",
            Type::Record(_) => "record",
            Type::Union(_) => "union",
        }
    }

    /// Whether the Avro type that carries `ty` has a name.
    #[must_use]
    pub fn is_named(&self, ty: &Type) -> bool {
        matches!(self.carrier(ty), "fixed" | "enum" | "record")
    }
}

/// How Avro sorts records by a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Upwards.
    #[default]
    Ascending,
    /// Downwards.
    Descending,
    /// Not at all.
    Ignore,
}

impl Order {
    /// All of them with their words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("ascending", Self::Ascending), ("descending", Self::Descending), ("ignore", Self::Ignore)];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Ignore => "ignore",
        }
    }
}
