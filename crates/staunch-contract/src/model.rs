//! The contract as the rest of Staunch sees it.

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The type of a field: Avro's primitive and logical types. Nested types come with the contracts issue and are
/// refused until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `boolean`
    Boolean,
    /// `int`, 32 bits signed
    Int,
    /// `long`, 64 bits signed
    Long,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `bytes`
    Bytes,
    /// `string`
    String,
    /// `enum` with its symbols
    Enum(Vec<String>),
    /// `decimal` on bytes
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `date`: days since 1970-01-01
    Date,
    /// `time-millis`
    TimeMillis,
    /// `time-micros`
    TimeMicros,
    /// `timestamp-millis`: an instant
    TimestampMillis,
    /// `timestamp-micros`: an instant
    TimestampMicros,
    /// `local-timestamp-millis`: a reading of some clock
    LocalTimestampMillis,
    /// `local-timestamp-micros`: a reading of some clock
    LocalTimestampMicros,
    /// `uuid` on string, in canonical lower case
    Uuid,
}

impl Type {
    /// The Arrow type that carries it. Instants are in UTC; enums and uuids travel as strings.
    #[must_use]
    pub fn arrow(&self) -> DataType {
        let utc = || Some(Arc::from("UTC"));
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Bytes => DataType::Binary,
            Self::String | Self::Enum(_) | Self::Uuid => DataType::Utf8,
            Self::Decimal { precision, scale } => {
                DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))
            }
            Self::Date => DataType::Date32,
            Self::TimeMillis => DataType::Time32(TimeUnit::Millisecond),
            Self::TimeMicros => DataType::Time64(TimeUnit::Microsecond),
            Self::TimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, utc()),
            Self::TimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, utc()),
            Self::LocalTimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, None),
            Self::LocalTimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

/// One field of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name: an Avro name.
    pub name: String,
    /// The type, without its nullability.
    pub ty: Type,
    /// Whether the value may be missing (`["null", T]`).
    pub nullable: bool,
    /// What it means.
    pub doc: Option<String>,
    /// The PII class, if the value is personal.
    pub pii: Option<String>,
}

/// A named, versioned record schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The name: an Avro name.
    pub name: String,
    /// The version, from 1.
    pub version: u32,
    /// What a record is.
    pub doc: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The fields that identify a record; empty if none do.
    pub key: Vec<String>,
    /// The field that says when it happened (a date or timestamp).
    pub event_time: Option<String>,
}

impl Contract {
    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The position of the field of this name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }

    /// The Arrow form: the same fields in the same order, without metadata.
    #[must_use]
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields: Vec<_> =
            self.fields.iter().map(|f| ArrowField::new(&f.name, f.ty.arrow(), f.nullable)).collect();
        Arc::new(Schema::new(fields))
    }
}
