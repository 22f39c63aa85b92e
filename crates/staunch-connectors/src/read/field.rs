//! How the text of a value becomes a value of a field.

use crate::formats::json_union::UnionForm;
use crate::read::fault::{Fault, NOT_SYMBOL};
use crate::read::parse::time::{self, Format};
use arrow::datatypes::TimeUnit;
use staunch_contract::constraints::Check;
use staunch_contract::{Element, Field, Type};
use std::collections::HashSet;
use std::sync::Arc;

/// A field of the contract, or a part of a nested one, ready to be decoded.
#[derive(Debug, Clone)]
pub(crate) struct FieldPlan {
    pub(crate) field: Field,
    pub(crate) parse: Parse,
    /// How dead letters name it: a field by its name, a part by the way to it (`address.zip`, `tags[]`, `attributes{}`).
    pub(crate) path: Arc<str>,
    /// The constraints of the field.
    pub(crate) checks: Vec<Check>,
}

/// The way from text to value.
#[derive(Debug, Clone)]
pub(crate) enum Parse {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Enum(Symbols),
    Decimal { precision: u8, scale: u8 },
    Date(Option<Format>),
    TimeMillis,
    TimeMicros,
    Timestamp(Timestamp),
    Uuid,
    Fixed(usize),
    Duration,
    Array(Box<FieldPlan>),
    Map(Box<FieldPlan>),
    Record(Vec<FieldPlan>),
    Union(Vec<FieldPlan>, UnionForm),
}

impl Parse {
    /// Whether the value has parts.
    #[inline(always)]
    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_) | Self::Record(_) | Self::Union(..))
    }
}

/// The way from text to a timestamp.
#[derive(Debug, Clone)]
pub(crate) struct Timestamp {
    pub(crate) unit: TimeUnit,
    pub(crate) local: bool,
    pub(crate) format: Option<Format>,
}

impl Timestamp {
    /// The value in the unit of the type.
    #[inline]
    pub(crate) fn parse(&self, text: &[u8]) -> Result<i64, Fault> {
        let micros = |text: &[u8]| match (&self.format, self.local) {
            (Some(format), local) => format.timestamp(text, !local),
            (None, false) => time::instant(text),
            (None, true) => time::local(text),
        };
        match self.unit {
            TimeUnit::Nanosecond if self.format.is_none() => time::nanos(text, micros),
            TimeUnit::Nanosecond => time::nanos_of(micros(text)?, 0),
            TimeUnit::Microsecond => micros(text),
            _ => time::millis(micros(text)?),
        }
    }
}

/// The days of a date.
#[inline]
pub(crate) fn parse_date(format: Option<&Format>, text: &[u8]) -> Result<i32, Fault> {
    match format {
        None => time::date(text),
        Some(format) => format.date(text),
    }
}

/// Milliseconds since midnight.
#[inline]
pub(crate) fn parse_time_millis(text: &[u8]) -> Result<i32, Fault> {
    let millis = time::millis(time::time_micros(text)?)?;
    // A day has fewer milliseconds than 32 bits hold.
    Ok(i32::try_from(millis).unwrap_or(0))
}

impl FieldPlan {
    /// The plan of a field, with its format of `dates:` if it has one.
    pub(crate) fn new(field: &Field, format: Option<Format>) -> Self {
        Self::at(field.name.as_str().into(), field.clone(), format)
    }

    /// The plan of a field or part at this place. Contracts bound how deep parts nest.
    fn at(path: Arc<str>, field: Field, format: Option<Format>) -> Self {
        let timestamp = |unit, local| Parse::Timestamp(Timestamp { unit, local, format: format.clone() });
        let part = |name: &str, path: String, part: &Element| {
            Self::at(path.into(), Field::new(name, part.ty.clone(), part.nullable), None)
        };
        let parse = match &field.ty {
            Type::Fixed(size) => Parse::Fixed(*size as usize),
            Type::Duration => Parse::Duration,
            Type::Array(item) => Parse::Array(part("item", format!("{path}[]"), item).into()),
            Type::Map(value) => Parse::Map(part("value", format!("{path}{{}}"), value).into()),
            Type::Record(fields) => {
                let inner = |f: &Field| Self::at(format!("{path}.{}", f.name).into(), f.clone(), None);
                Parse::Record(fields.iter().map(inner).collect())
            }
            Type::Union(branches) => {
                let inner = |b: &Element| part(b.branch(), format!("{path}({})", b.branch()), b);
                Parse::Union(branches.iter().map(inner).collect(), UnionForm::new(branches))
            }
            Type::Boolean => Parse::Boolean,
            Type::Int => Parse::Int,
            Type::Long => Parse::Long,
            Type::Float => Parse::Float,
            Type::Double => Parse::Double,
            Type::Bytes => Parse::Bytes,
            Type::String => Parse::String,
            Type::Enum(symbols) => Parse::Enum(Symbols::new(symbols)),
            Type::Decimal { precision, scale } => Parse::Decimal { precision: *precision, scale: *scale },
            Type::Date => Parse::Date(format.clone()),
            Type::TimeMillis => Parse::TimeMillis,
            Type::TimeMicros => Parse::TimeMicros,
            Type::TimestampMillis => timestamp(TimeUnit::Millisecond, false),
            Type::TimestampMicros => timestamp(TimeUnit::Microsecond, false),
            Type::LocalTimestampMillis => timestamp(TimeUnit::Millisecond, true),
            Type::LocalTimestampMicros => timestamp(TimeUnit::Microsecond, true),
            Type::TimestampNanos => timestamp(TimeUnit::Nanosecond, false),
            Type::LocalTimestampNanos => timestamp(TimeUnit::Nanosecond, true),
            Type::Uuid => Parse::Uuid,
        };
        let checks = Check::of(&field);
        Self { field, parse, path, checks }
    }

    pub(crate) fn name(&self) -> &str {
        &self.field.name
    }

    pub(crate) fn nullable(&self) -> bool {
        self.field.nullable
    }
}

/// The symbols of an enum.
#[derive(Debug, Clone)]
pub(crate) struct Symbols {
    few: Vec<Vec<u8>>,
    many: HashSet<Vec<u8>>,
}

impl Symbols {
    fn new(symbols: &[String]) -> Self {
        let all = || symbols.iter().map(|s| s.as_bytes().to_vec());
        if symbols.len() <= 12 {
            Self { few: all().collect(), many: HashSet::new() }
        } else {
            Self { few: Vec::new(), many: all().collect() }
        }
    }

    /// Refuses what is no symbol.
    #[inline]
    pub(crate) fn check(&self, text: &[u8]) -> Result<(), Fault> {
        if self.few.iter().any(|s| s == text) || self.many.contains(text) { Ok(()) } else { Err(NOT_SYMBOL) }
    }
}
