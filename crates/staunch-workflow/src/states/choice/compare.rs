//! The comparisons of a Choice rule: `{"Variable": "$.n", "NumericLessThan": 3}`.

use crate::fault::Fault;
use crate::query::Scope;
use crate::query::path::Path;
use crate::reader::Reader;
use crate::time;
use crate::value::Value;
use staunch_types::codes;
use std::cmp::Ordering;

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    variable: Path,
    operator: Operator,
    operand: Operand,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Compare(Kind, Relation),
    Matches,
    IsNull,
    IsPresent,
    IsNumeric,
    IsString,
    IsBoolean,
    IsTimestamp,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    String,
    Numeric,
    Boolean,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Relation {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

#[derive(Debug, Clone)]
enum Operand {
    Value(Value),
    Path(Path),
}

use Kind::{Boolean, Numeric, String as Text, Timestamp};
use Operator::{Compare, IsBoolean, IsNull, IsNumeric, IsPresent, IsString, IsTimestamp, Matches};
use Relation::{Equals, GreaterThan, GreaterThanEquals, LessThan, LessThanEquals};

/// Each operator with its name, and with the name by which its operand is a path.
const OPERATORS: &[(&str, Option<&str>, Operator)] = &[
    ("StringEquals", Some("StringEqualsPath"), Compare(Text, Equals)),
    ("StringLessThan", Some("StringLessThanPath"), Compare(Text, LessThan)),
    ("StringGreaterThan", Some("StringGreaterThanPath"), Compare(Text, GreaterThan)),
    ("StringLessThanEquals", Some("StringLessThanEqualsPath"), Compare(Text, LessThanEquals)),
    ("StringGreaterThanEquals", Some("StringGreaterThanEqualsPath"), Compare(Text, GreaterThanEquals)),
    ("StringMatches", None, Matches),
    ("NumericEquals", Some("NumericEqualsPath"), Compare(Numeric, Equals)),
    ("NumericLessThan", Some("NumericLessThanPath"), Compare(Numeric, LessThan)),
    ("NumericGreaterThan", Some("NumericGreaterThanPath"), Compare(Numeric, GreaterThan)),
    ("NumericLessThanEquals", Some("NumericLessThanEqualsPath"), Compare(Numeric, LessThanEquals)),
    ("NumericGreaterThanEquals", Some("NumericGreaterThanEqualsPath"), Compare(Numeric, GreaterThanEquals)),
    ("BooleanEquals", Some("BooleanEqualsPath"), Compare(Boolean, Equals)),
    ("TimestampEquals", Some("TimestampEqualsPath"), Compare(Timestamp, Equals)),
    ("TimestampLessThan", Some("TimestampLessThanPath"), Compare(Timestamp, LessThan)),
    ("TimestampGreaterThan", Some("TimestampGreaterThanPath"), Compare(Timestamp, GreaterThan)),
    ("TimestampLessThanEquals", Some("TimestampLessThanEqualsPath"), Compare(Timestamp, LessThanEquals)),
    (
        "TimestampGreaterThanEquals",
        Some("TimestampGreaterThanEqualsPath"),
        Compare(Timestamp, GreaterThanEquals),
    ),
    ("IsNull", None, IsNull),
    ("IsPresent", None, IsPresent),
    ("IsNumeric", None, IsNumeric),
    ("IsString", None, IsString),
    ("IsBoolean", None, IsBoolean),
    ("IsTimestamp", None, IsTimestamp),
];

impl Test {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        if !reader.has("Variable") {
            reader.missing("Variable");
        }
        let variable = reader.path_field("Variable");
        let mut found = Vec::new();
        for (name, path_name, operator) in OPERATORS {
            if let Some(value) = reader.field(name) {
                if !operator.takes(value) {
                    let what = format!("The operand of {name} has the wrong type ({})", value.kind());
                    reader.notes.error(
                        codes::BAD_VALUE,
                        &reader.at(name),
                        what,
                        "compare with a value of the right type",
                    );
                }
                found.push((*operator, Some(Operand::Value(value.clone()))));
            }
            if let Some(path_name) = path_name
                && reader.has(path_name)
            {
                found.push((*operator, reader.path_field(path_name).map(Operand::Path)));
            }
        }
        if found.len() != 1 {
            let what = format!("A rule needs exactly one comparison, but has {}", found.len());
            reader.notes.error(codes::BAD_VALUE, &reader.path, what, "join comparisons with `And` or `Or`");
        }
        let (operator, operand) = found.into_iter().next()?;
        Some(Self { variable: variable?, operator, operand: operand? })
    }

    pub(super) fn holds(&self, scope: &Scope<'_>) -> Result<bool, Fault> {
        let found = self.variable.get(scope);
        if self.operator == IsPresent {
            return Ok(self.wanted() == found.is_ok());
        }
        let invalid = |path: &Path| {
            let text = path.text();
            Fault::runtime(format!(
                "Invalid path '{text}': The choice state's condition path references an invalid value."
            ))
        };
        let value = found.map_err(|_| invalid(&self.variable))?;
        let is = match self.operator {
            IsNull => value == Value::Null,
            IsNumeric => matches!(value, Value::Int(_) | Value::Float(_)),
            IsString => matches!(value, Value::String(_)),
            IsBoolean => matches!(value, Value::Bool(_)),
            IsTimestamp => value.as_str().and_then(time::parse).is_some(),
            _ => {
                let operand = match &self.operand {
                    Operand::Value(value) => value.clone(),
                    Operand::Path(path) => path.get(scope).map_err(|_| invalid(path))?,
                };
                return Ok(self.operator.compare(&value, &operand));
            }
        };
        Ok(is == self.wanted())
    }

    /// `"IsNull": false` asks for the opposite.
    fn wanted(&self) -> bool {
        !matches!(self.operand, Operand::Value(Value::Bool(false)))
    }
}

impl Operator {
    fn takes(self, operand: &Value) -> bool {
        match self {
            Compare(Text, _) | Matches => matches!(operand, Value::String(_)),
            Compare(Numeric, _) => matches!(operand, Value::Int(_) | Value::Float(_)),
            Compare(Timestamp, _) => operand.as_str().and_then(time::parse).is_some(),
            _ => matches!(operand, Value::Bool(_)),
        }
    }

    /// Values of another type than the operator's never compare.
    fn compare(self, value: &Value, operand: &Value) -> bool {
        match (self, value, operand) {
            (Matches, Value::String(text), Value::String(pattern)) => like(text, pattern),
            (Compare(Text, relation), Value::String(a), Value::String(b)) => relation.holds(Some(a.cmp(b))),
            (Compare(Boolean, relation), Value::Bool(a), Value::Bool(b)) => relation.holds(Some(a.cmp(b))),
            (Compare(Timestamp, relation), Value::String(a), Value::String(b)) => {
                match (time::parse(a), time::parse(b)) {
                    (Some(a), Some(b)) => relation.holds(Some(a.cmp(&b))),
                    _ => false,
                }
            }
            (Compare(Numeric, relation), Value::Int(a), Value::Int(b)) => relation.holds(Some(a.cmp(b))),
            (Compare(Numeric, relation), a, b) => match (a.as_float(), b.as_float()) {
                (Some(a), Some(b)) => relation.holds(a.partial_cmp(&b)),
                _ => false,
            },
            _ => false,
        }
    }
}

impl Relation {
    fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Equals => order.is_eq(),
            LessThan => order.is_lt(),
            GreaterThan => order.is_gt(),
            LessThanEquals => order.is_le(),
            GreaterThanEquals => order.is_ge(),
        })
    }
}

/// Whether a text is like a pattern in which `*` stands for any characters; `\*` and `\\` are those characters themselves.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    #[derive(PartialEq)]
    enum Part {
        Any,
        One(char),
    }
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Any,
            '\\' => Part::One(chars.next().unwrap_or('\\')),
            c => Part::One(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    // The last `*`, and where the text stood when it was met: the only place to go back to.
    let (mut t, mut p, mut star) = (0, 0, None);
    while t < text.len() {
        match parts.get(p) {
            Some(Part::One(c)) if text.get(t) == Some(c) => (t, p) = (t + 1, p + 1),
            Some(Part::Any) => {
                star = Some((t, p));
                p += 1;
            }
            _ => match star {
                Some((back, at)) => {
                    star = Some((back + 1, at));
                    (t, p) = (back + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    parts.get(p..).unwrap_or_default().iter().all(|part| *part == Part::Any)
}
