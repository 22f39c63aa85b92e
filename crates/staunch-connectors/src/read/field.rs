//! How the text of a value becomes a value of a field.

use crate::read::fault::{Fault, NOT_SYMBOL};
use crate::read::parse::time::{self, Format};
use staunch_contract::{Field, Type};
use std::collections::HashSet;

/// A field of the contract, ready to be decoded.
#[derive(Debug, Clone)]
pub(crate) struct FieldPlan {
    pub(crate) field: Field,
    pub(crate) parse: Parse,
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
}

/// The way from text to a timestamp.
#[derive(Debug, Clone)]
pub(crate) struct Timestamp {
    pub(crate) millis: bool,
    pub(crate) local: bool,
    pub(crate) format: Option<Format>,
}

impl Timestamp {
    /// The value in the unit of the type.
    #[inline]
    pub(crate) fn parse(&self, text: &[u8]) -> Result<i64, Fault> {
        let micros = match (&self.format, self.local) {
            (Some(format), local) => format.timestamp(text, !local)?,
            (None, false) => time::instant(text)?,
            (None, true) => time::local(text)?,
        };
        if self.millis { time::millis(micros) } else { Ok(micros) }
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
        let timestamp = |millis, local| Parse::Timestamp(Timestamp { millis, local, format: format.clone() });
        let parse = match &field.ty {
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
            Type::TimestampMillis => timestamp(true, false),
            Type::TimestampMicros => timestamp(false, false),
            Type::LocalTimestampMillis => timestamp(true, true),
            Type::LocalTimestampMicros => timestamp(false, true),
            Type::Uuid => Parse::Uuid,
        };
        Self { field: field.clone(), parse }
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
