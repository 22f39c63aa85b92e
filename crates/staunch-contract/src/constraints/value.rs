//! A value that a constraint names, as its field's type has it.

use crate::model::Type;
use crate::yaml_tree::{Node, Value};
use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use serde_json::Value as Json;
use std::sync::Arc;

/// A value of a field's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// As it is shown and written.
    text: String,
    value: Held,
}

/// Whole numbers, unscaled decimals, and times in the unit of their type are whole; floats are bits, so that literals can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    Whole(i128),
    Float(u64),
    Text,
}

impl Literal {
    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As a property of an Avro field: whole and floating-point numbers as such, everything else as a text, since JSON's readers round
    /// decimals.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let number = match self.value {
            Held::Whole(n) => i64::try_from(n).ok().filter(|n| n.to_string() == self.text).map(Json::from),
            Held::Float(bits) => serde_json::Number::from_f64(f64::from_bits(bits)).map(Json::Number),
            Held::Text => None,
        };
        number.unwrap_or_else(|| self.text.as_str().into())
    }

    pub(super) fn whole(&self) -> Option<i128> {
        if let Held::Whole(n) = self.value { Some(n) } else { None }
    }

    pub(super) fn float(&self) -> Option<f64> {
        if let Held::Float(bits) = self.value { Some(f64::from_bits(bits)) } else { None }
    }

    pub(super) fn string(&self) -> Option<&str> {
        matches!(self.value, Held::Text).then_some(self.text.as_str())
    }

    /// Whether `self` lies above `other`; values of one type.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Held::Whole(a), Held::Whole(b)) => a > b,
            (Held::Float(a), Held::Float(b)) => f64::from_bits(*a) > f64::from_bits(*b),
            _ => false,
        }
    }

    /// Whether both are the same value, however they are written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Held::Text, Held::Text) => self.text == other.text,
            (a, b) => a == b,
        }
    }

    /// The value of the document as one of the type.
    ///
    /// # Errors
    /// How it is to be written.
    pub(super) fn read(node: &Node, ty: &Type) -> Result<Self, &'static str> {
        let text = match &node.value {
            Value::Int(n) => n.to_string(),
            Value::Float(f) => f.to_string(),
            Value::Text(text) if *ty == Type::String => {
                return Ok(Self { text: text.clone(), value: Held::Text });
            }
            Value::Text(text) => text.trim().to_owned(),
            _ => return Err("write a value of the field's type"),
        };
        match ty {
            Type::Int => whole(&text, i32::MIN.into(), i32::MAX.into()),
            Type::Long => whole(&text, i64::MIN.into(), i64::MAX.into()),
            Type::Float | Type::Double => {
                let number = text.parse::<f64>().ok().filter(|f| f.is_finite());
                let fits = |f: &f64| *ty == Type::Double || (*f as f32).is_finite();
                let number = number.filter(fits).ok_or("write a finite number that the type holds")?;
                Ok(Self { text: number.to_string(), value: Held::Float(number.to_bits()) })
            }
            Type::Decimal { precision, scale } => decimal(&text, *precision, *scale),
            Type::String => Err("put it into quotes: the field is a text"),
            _ => time(text, ty),
        }
    }
}

fn whole(text: &str, low: i128, high: i128) -> Result<Literal, &'static str> {
    let number = text.parse::<i128>().ok().filter(|n| (low..=high).contains(n));
    let number = number.ok_or("write a whole number that the type holds")?;
    Ok(Literal { text: number.to_string(), value: Held::Whole(number) })
}

/// Digits with a point among them, exactly.
fn decimal(text: &str, precision: u8, scale: u8) -> Result<Literal, &'static str> {
    const WANTED: &str = "write a number with no more digits than the decimal has";
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let behind = behind.trim_end_matches('0');
    let scale = usize::from(scale);
    let plain = !before.is_empty() && [before, behind].iter().all(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !plain || behind.len() > scale {
        return Err(WANTED);
    }
    let unscaled = format!("{before}{behind:0<scale$}");
    if unscaled.trim_start_matches('0').len() > usize::from(precision) {
        return Err(WANTED);
    }
    let number: i128 = unscaled.parse().map_err(|_| WANTED)?;
    let number = if text.starts_with('-') { -number } else { number };
    Ok(Literal { text: text.to_owned(), value: Held::Whole(number) })
}

/// A date or time in ISO 8601.
fn time(text: String, ty: &Type) -> Result<Literal, &'static str> {
    let (hint, most) = match ty {
        Type::Date => ("write a date such as 2026-01-31", 0),
        Type::TimeMillis => ("write a time such as 10:00:00.123", 3),
        Type::TimeMicros => ("write a time such as 10:00:00.123456", 6),
        Type::TimestampMillis => ("write an instant such as 2026-01-31T10:00:00.123Z", 3),
        Type::TimestampMicros => ("write an instant such as 2026-01-31T10:00:00.123456Z", 6),
        Type::TimestampNanos => ("write an instant such as 2026-01-31T10:00:00.123456789Z", 9),
        Type::LocalTimestampMillis => ("write a reading such as 2026-01-31T10:00:00.123", 3),
        Type::LocalTimestampMicros => ("write a reading such as 2026-01-31T10:00:00.123456", 6),
        Type::LocalTimestampNanos => ("write a reading such as 2026-01-31T10:00:00.123456789", 9),
        _ => return Err("this type has no such values"),
    };
    // The cast cuts finer fractions off in silence.
    let fraction = text.split_once('.').map_or(0, |(_, f)| f.bytes().take_while(u8::is_ascii_digit).count());
    if fraction > most {
        return Err(hint);
    }
    // The cast knows offsets but no names of zones.
    let wanted = match ty.arrow() {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(unit, Some(Arc::from("+00:00"))),
        // A zone in the text of a reading would be taken for an offset, and lost.
        DataType::Timestamp(_, None) if zoned(&text) => return Err(hint),
        other => other,
    };
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
    let cast = cast_with_options(&texts, &wanted, &CastOptions { safe: true, ..CastOptions::default() });
    let value = cast.ok().filter(|c| c.is_valid(0)).ok_or(hint)?.to_data();
    let value = match wanted {
        DataType::Date32 | DataType::Time32(TimeUnit::Millisecond) => {
            value.buffer::<i32>(0).first().map(|v| i128::from(*v))
        }
        _ => value.buffer::<i64>(0).first().map(|v| i128::from(*v)),
    };
    Ok(Literal { text, value: Held::Whole(value.ok_or(hint)?) })
}

/// Whether a zone stands behind the time.
fn zoned(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    time.contains(['Z', 'z', '+', '-'])
}
