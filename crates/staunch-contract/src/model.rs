//! The contract as the rest of Staunch sees it.

mod arrow_form;
mod attributes;

pub use attributes::{AvroForm, Order};

use crate::avro::Level;
use crate::constraints::Constraints;
use arrow::datatypes::SchemaRef;
use std::collections::BTreeSet;
use std::time::Duration;

/// The type of a field or of a part of one: Avro's types, primitive, logical and complex. Whether a value may be missing is
/// said where the type is used ([`Field`], [`Element`]); how Avro carries it where there is a choice, too ([`AvroForm`]).
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
    /// `fixed` with its size in bytes, 1 to 1 MiB
    Fixed(u32),
    /// `enum` with its symbols
    Enum(Vec<String>),
    /// `decimal`, on bytes or on fixed
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
    /// `timestamp-nanos`: an instant, from 1677 to 2262
    TimestampNanos,
    /// `local-timestamp-millis`: a reading of some clock
    LocalTimestampMillis,
    /// `local-timestamp-micros`: a reading of some clock
    LocalTimestampMicros,
    /// `local-timestamp-nanos`: a reading of some clock
    LocalTimestampNanos,
    /// `duration`: months, days and milliseconds, none of them negative
    Duration,
    /// `uuid`, on string or on fixed, in canonical lower case
    Uuid,
    /// `array`
    Array(Box<Element>),
    /// `map` from texts
    Map(Box<Element>),
    /// `record`: fields with their names, in order
    Record(Vec<Field>),
    /// A union of two or more branches beside null, in order, each with a name of its own ([`Element::branch`]); that the value
    /// may be null is said where the union is used.
    Union(Vec<Element>),
}

impl Type {
    /// Whether it is made of parts: array, map, record or union.
    #[must_use]
    pub fn is_nested(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_) | Self::Record(_) | Self::Union(_))
    }

    /// Whether this type, or a part of it at any depth, is one for which `found` holds.
    #[must_use]
    pub fn any(&self, found: &dyn Fn(&Self) -> bool) -> bool {
        found(self)
            || match self {
                Self::Array(element) | Self::Map(element) => element.ty.any(found),
                Self::Record(fields) => fields.iter().any(|f| f.ty.any(found)),
                Self::Union(branches) => branches.iter().any(|b| b.ty.any(found)),
                _ => false,
            }
    }

    /// How many types it is made of, itself included.
    #[must_use]
    pub fn parts(&self) -> usize {
        1 + match self {
            Self::Array(element) | Self::Map(element) => element.ty.parts(),
            Self::Record(fields) => fields.iter().map(|f| f.ty.parts()).sum(),
            Self::Union(branches) => branches.iter().map(|b| b.ty.parts()).sum(),
            _ => 0,
        }
    }

    /// Whether a union is in it.
    #[must_use]
    pub fn has_union(&self) -> bool {
        self.any(&|ty| matches!(ty, Self::Union(_)))
    }

    /// Whether it is a date or a timestamp: what an event time may be.
    #[must_use]
    pub fn is_time(&self) -> bool {
        matches!(
            self,
            Self::Date
                | Self::TimestampMillis
                | Self::TimestampMicros
                | Self::TimestampNanos
                | Self::LocalTimestampMillis
                | Self::LocalTimestampMicros
                | Self::LocalTimestampNanos
        )
    }
}

/// A part of a nested type without a name: the item of an array, the value of a map, a branch of a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The type, without its nullability.
    pub ty: Type,
    /// Whether the value may be missing; never so for a branch of a union.
    pub nullable: bool,
    /// How Avro carries it.
    pub avro: AvroForm,
}

impl Element {
    /// A part in the usual Avro form.
    #[must_use]
    pub fn new(ty: Type, nullable: bool) -> Self {
        Self { ty, nullable, avro: AvroForm::default() }
    }

    /// The name of a branch: that of its Avro type where that has one (enum, fixed, record), else the word of the Avro type that
    /// carries it (`long` for a `timestamp-micros`). No two branches of one union share it.
    #[must_use]
    pub fn branch(&self) -> &str {
        match &self.avro.name {
            Some(name) => name,
            None => self.avro.carrier(&self.ty),
        }
    }
}

/// One field of a contract, or of a record in it.
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
    /// The PII classes, if the value is personal: more than one where it is made of several. Fields inside a nested type have none.
    pub pii: BTreeSet<String>,
    /// How Avro carries it.
    pub avro: AvroForm,
    /// What a reader of Avro puts where the writer had no such field, in Avro's JSON. It fills no gap in other formats.
    pub default: Option<serde_json::Value>,
    /// Earlier names, for readers of Avro.
    pub aliases: Vec<String>,
    /// How Avro sorts by it.
    pub order: Order,
    /// The unit of the number, for people: `kg`, `EUR`.
    pub unit: Option<String>,
    /// What every value must keep to. Fields inside a nested type have none.
    pub constraints: Constraints,
}

impl Field {
    /// A field without attributes.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: Type, nullable: bool) -> Self {
        Self {
            name: name.into(),
            ty,
            nullable,
            doc: None,
            pii: BTreeSet::new(),
            avro: AvroForm::default(),
            default: None,
            aliases: Vec::new(),
            order: Order::Ascending,
            unit: None,
            constraints: Constraints::default(),
        }
    }

    /// The same with these PII classes.
    #[must_use]
    pub fn with_pii(mut self, classes: impl IntoIterator<Item = String>) -> Self {
        self.pii = classes.into_iter().collect();
        self
    }

    /// The PII classes, for people: `email`, `email, name`.
    #[must_use]
    pub fn classes(&self) -> String {
        self.pii.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// A named, versioned record schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The name: an Avro name.
    pub name: String,
    /// The version, from 1.
    pub version: u32,
    /// The Avro namespace; Staunch knows a contract by its name alone.
    pub namespace: Option<String>,
    /// Earlier names of the record, for readers of Avro.
    pub aliases: Vec<String>,
    /// What a record is.
    pub doc: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How old the newest record may be, as its owner promises.
    pub freshness: Option<Duration>,
    /// What a new version must keep up to the earlier ones when it is locked; `None`: nothing (`NONE`).
    pub compatibility: Option<Level>,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The fields that identify a record; empty if none do.
    pub key: Vec<String>,
    /// The field that says when it happened (a date or timestamp).
    pub event_time: Option<String>,
}

impl Contract {
    /// A contract of these fields, without attributes.
    #[must_use]
    pub fn new(name: impl Into<String>, version: u32, fields: Vec<Field>) -> Self {
        Self {
            name: name.into(),
            version,
            namespace: None,
            aliases: Vec::new(),
            doc: None,
            owner: None,
            freshness: None,
            compatibility: Some(Level::default()),
            fields,
            key: Vec::new(),
            event_time: None,
        }
    }

    /// The same contract for a part of its fields: without key and event time, which may be missing among them.
    #[must_use]
    pub fn with_fields(&self, fields: Vec<Field>) -> Self {
        Self { fields, key: Vec::new(), event_time: None, ..self.clone() }
    }

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

    /// The Arrow form: the same fields in the same order, without metadata. It is a function of the contract alone.
    #[must_use]
    pub fn arrow_schema(&self) -> SchemaRef {
        arrow_form::schema(&self.fields)
    }
}
