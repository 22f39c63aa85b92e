//! What every value of a field must keep to beside its type: read, checked for sense against the type, and evaluated on columns.
//!
//! **What it is.** [`Constraints`] as a contract states them; [`Check`]s, made of them once, which find the rows of an Arrow column that break
//! one. A null breaks nothing: whether it may be there is said by the type.
//!
//! **What it is not.** It decides nothing about a row that breaks a constraint. That a field is `unique` cannot be seen in one
//! batch: it is asserted where a whole result is known, like the key.
//!
//! **Invariants.** No reason quotes a value. A column in which nothing is wrong costs one pass without branches where the type allows it.

mod length;
mod one_of;
mod pattern;
mod range;
mod raw;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use raw::{RawConstraint, read};
pub use value::Literal;

use crate::model::Field;
use arrow::array::ArrayRef;
use serde_json::Value as Json;
use staunch_types::{Error, Result, codes};

/// The constraints of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    /// No value is below it. Numbers, dates and times.
    pub min: Option<Literal>,
    /// No value is above it.
    pub max: Option<Literal>,
    /// No text has fewer characters, no bytes are fewer, no array or map holds fewer values.
    pub min_length: Option<u64>,
    /// None has more.
    pub max_length: Option<u64>,
    /// A regular expression (as Rust's `regex` has it) that the whole text matches.
    pub pattern: Option<String>,
    /// Every value is one of these. Texts, whole numbers, decimals, dates and times.
    pub one_of: Option<Vec<Literal>>,
    /// No two rows of a whole-input result have the same value; nulls do not count.
    pub unique: bool,
}

impl Constraints {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As properties of an Avro field, in a fixed order; empty if there is none.
    #[must_use]
    pub fn properties(&self) -> Vec<(&'static str, Json)> {
        let all = [
            ("min", self.min.as_ref().map(Literal::to_json)),
            ("max", self.max.as_ref().map(Literal::to_json)),
            ("minLength", self.min_length.map(Json::from)),
            ("maxLength", self.max_length.map(Json::from)),
            ("pattern", self.pattern.as_deref().map(Json::from)),
            ("oneOf", self.one_of.as_ref().map(|all| all.iter().map(Literal::to_json).collect())),
            ("unique", self.unique.then_some(Json::Bool(true))),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// One constraint, ready to look at columns.
#[derive(Debug, Clone)]
pub struct Check {
    kind: Kind,
    /// What it asserts of each value, as a predicate, for `plan`.
    assertion: String,
}

#[derive(Debug, Clone)]
enum Kind {
    Range(range::Range),
    Length(length::Length),
    Pattern(pattern::Pattern),
    OneOf(one_of::OneOf),
}

impl Check {
    /// The checks of a field: none if it has no constraints that one batch can show to be broken.
    #[must_use]
    pub fn of(field: &Field) -> Vec<Self> {
        let Constraints { min, max, min_length, max_length, pattern, one_of, unique: _ } = &field.constraints;
        let mut checks = Vec::new();
        let between = |least: Option<String>, most: Option<String>, what: &str| match (least, most) {
            (Some(least), Some(most)) => format!("{what} {least} to {most}"),
            (Some(least), None) => format!("{what} at least {least}"),
            (None, Some(most)) => format!("{what} at most {most}"),
            (None, None) => String::new(),
        };
        if min.is_some() || max.is_some() {
            let text = |l: &Option<Literal>| l.as_ref().map(|l| l.text().to_owned());
            checks.push(Self {
                kind: Kind::Range(range::Range { min: min.clone(), max: max.clone() }),
                assertion: between(text(min), text(max), "is"),
            });
        }
        if min_length.is_some() || max_length.is_some() {
            let text = |n: &Option<u64>| n.map(|n| n.to_string());
            checks.push(Self {
                kind: Kind::Length(length::Length { min: *min_length, max: *max_length }),
                assertion: between(text(min_length), text(max_length), "has a length of"),
            });
        }
        if let Some(pattern) = pattern {
            let kind = Kind::Pattern(pattern::Pattern::new(pattern));
            checks.push(Self { kind, assertion: "matches its pattern".into() });
        }
        if let Some(values) = one_of {
            let kind = Kind::OneOf(one_of::OneOf::new(values));
            checks.push(Self { kind, assertion: format!("is one of {} values", values.len()) });
        }
        checks
    }

    /// What it asserts, as a predicate: `is at least 0`.
    #[must_use]
    pub fn assertion(&self) -> &str {
        &self.assertion
    }

    /// Tells the rows of a column in its contract's Arrow form that break the constraint, each with the reason as a predicate
    /// that names the constraint: `is below the "min" of its contract`. Nulls break nothing.
    ///
    /// # Errors
    /// `Internal.Bug` for a column of a type that the constraint does not belong to.
    pub fn find(&self, column: &ArrayRef, note: &mut dyn FnMut(usize, &'static str)) -> Result<()> {
        let looked = match &self.kind {
            Kind::Range(range) => range.find(column, note),
            Kind::Length(length) => length.find(column, note),
            Kind::Pattern(pattern) => pattern.find(column, note),
            Kind::OneOf(one_of) => one_of.find(column, note),
        };
        looked.ok_or_else(|| {
            let message = format!("a constraint cannot be evaluated on a column of {}", column.data_type());
            Error::new(codes::INTERNAL, message).hint("report this with the contract")
        })
    }
}
