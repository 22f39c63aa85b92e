//! From the output of a stage to its contract: proved before anything runs, asserted row by row where it cannot be.
//!
//! [`check`] compares a schema with a contract and names every misfit. What it gives, a [`Coercion`], turns batches of
//! that schema into batches of the contract. No value is ever changed by it: types only become wider; where a value might
//! not fit (a null where the contract has none, a `long` beyond `int`, digits below the microsecond, a text that is no symbol of an
//! enum), the rows are looked at one by one, and those that break their contract are set apart as data. Where nothing is to be
//! done, columns are handed on as they are.

mod apply;
mod fit;
mod part;
mod values;

pub use apply::{BadRow, Coerced};

use crate::constraints::Check;
use crate::model::{Contract, Element, Field, Type};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use part::Part;
use std::fmt;

/// One reason why an output does not fit its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field of the contract, or the column that it does not have.
    pub field: String,
    /// The type that was found; `None` if the column is missing.
    pub found: Option<String>,
    /// The type that is wanted; `None` if the contract has no such field.
    pub wanted: Option<String>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.hint)
    }
}

/// The way of batches of one schema into one contract.
#[derive(Debug, Clone)]
pub struct Coercion {
    /// What is asserted of every row, one line each, for `plan`; empty if everything is proved.
    pub assertions: Vec<String>,
    schema: SchemaRef,
    /// One for each field of the contract, in its order.
    steps: Vec<Step>,
    /// How many columns a batch has that comes in.
    columns: usize,
}

/// How one field is made.
#[derive(Debug, Clone)]
struct Step {
    /// Where its column stands in batches that come in.
    from: usize,
    part: Part,
    /// The constraints of the field.
    checks: Vec<Check>,
}

impl Coercion {
    /// The schema of the batches that come out: that of the contract.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether every batch passes as it is, columns in place.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.columns == self.steps.len()
            && self
                .steps
                .iter()
                .enumerate()
                .all(|(i, step)| step.from == i && step.part.is_identity() && step.checks.is_empty())
    }
}

/// Compares an output with its contract: fields are matched by name, in any order.
///
/// # Errors
/// Everything that does not fit, at once: missing columns, columns that the contract does not have, types whose values the contract's
/// type does not hold.
pub fn check(output: &Schema, contract: &Contract) -> Result<Coercion, Vec<Misfit>> {
    let mut misfits = Vec::new();
    let mut steps = Vec::new();
    let mut assertions = Vec::new();
    for field in &contract.fields {
        let mut columns = output.fields().iter().enumerate().filter(|(_, c)| *c.name() == field.name);
        let Some((from, column)) = columns.next() else {
            misfits.push(missing(field, output, contract));
            continue;
        };
        if columns.next().is_some() {
            misfits.push(Misfit {
                field: field.name.clone(),
                found: Some(column.data_type().to_string()),
                wanted: Some(wanted(field)),
                message: format!("the output has two columns `{}`", field.name),
                hint: "give one of them another name: EXPRESSION AS name".into(),
            });
            continue;
        }
        let found = column.data_type();
        let (nullable, mut notes) = (column.is_nullable(), Vec::new());
        let part = Part::new(&field.name, found, nullable, &field.ty, field.nullable, &mut notes);
        let Some(part) = part else {
            misfits.push(wrong_type(field, found));
            continue;
        };
        assertions.extend(notes);
        let checks = Check::of(field);
        assertions.extend(checks.iter().map(|c| format!("`{}` {}", field.name, c.assertion())));
        steps.push(Step { from, part, checks });
    }
    for column in output.fields().iter().filter(|c| contract.field(c.name()).is_none()) {
        misfits.push(extra(column.name(), column.data_type(), output, contract));
    }
    if !misfits.is_empty() {
        return Err(misfits);
    }
    Ok(Coercion { assertions, schema: contract.arrow_schema(), steps, columns: output.fields().len() })
}

/// The contract's type as the YAML form has it.
fn wanted(field: &Field) -> String {
    Element::new(field.ty.clone(), field.nullable).to_string()
}

fn missing(field: &Field, output: &Schema, contract: &Contract) -> Misfit {
    let free = || output.fields().iter().map(|c| c.name().as_str()).filter(|c| contract.field(c).is_none());
    let name = &field.name;
    let hint = match crate::near::nearest(name, free()) {
        Some(near) => format!("did you mean `{near}`? write {near} AS {name}"),
        None => format!("select it: ... AS {name}"),
    };
    Misfit {
        field: name.clone(),
        found: None,
        wanted: Some(wanted(field)),
        message: format!(
            "the output has no column `{name}`, which `{}` wants as {}",
            contract.id(),
            wanted(field)
        ),
        hint,
    }
}

fn extra(name: &str, found: &DataType, output: &Schema, contract: &Contract) -> Misfit {
    let absent = || {
        let names = contract.fields.iter().map(|f| f.name.as_str());
        names.filter(|n| output.field_with_name(n).is_err())
    };
    let hint = match crate::near::nearest(name, absent()) {
        Some(near) => format!("did you mean `{near}`? write {name} AS {near}"),
        None => "leave it out of the query, or add it to the contract".into(),
    };
    Misfit {
        field: name.to_owned(),
        found: Some(found.to_string()),
        wanted: None,
        message: format!("the output has a column `{name}`, which `{}` does not have", contract.id()),
        hint,
    }
}

fn wrong_type(field: &Field, found: &DataType) -> Misfit {
    let name = &field.name;
    let hint = match (&field.ty, found) {
        (ty, DataType::Null) => {
            let nullable = Element::new(ty.clone(), true);
            format!("it is always null: make the field {nullable} or give it a value")
        }
        (ty, _) if ty.is_nested() => {
            "compare the two part by part: names of parts must be equal, and each must fit".to_owned()
        }
        (ty, _) => format!("write CAST({name} AS {}) AS {name}, or change the contract", sql_type(ty)),
    };
    Misfit {
        field: name.clone(),
        found: Some(found.to_string()),
        wanted: Some(wanted(field)),
        message: format!(
            "the column `{name}` is {found}, and {} does not hold all its values",
            wanted(field)
        ),
        hint,
    }
}

/// The type in SQL's words.
fn sql_type(ty: &Type) -> String {
    match ty {
        Type::Boolean => "BOOLEAN".into(),
        Type::Int => "INT".into(),
        Type::Long => "BIGINT".into(),
        Type::Float => "REAL".into(),
        Type::Double => "DOUBLE".into(),
        Type::Bytes | Type::Fixed(_) => "BYTEA".into(),
        Type::String | Type::Enum(_) | Type::Uuid => "VARCHAR".into(),
        Type::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        Type::Date => "DATE".into(),
        Type::TimeMillis | Type::TimeMicros => "TIME".into(),
        Type::TimestampMillis | Type::TimestampMicros | Type::TimestampNanos => {
            "TIMESTAMP WITH TIME ZONE".into()
        }
        Type::LocalTimestampMillis | Type::LocalTimestampMicros | Type::LocalTimestampNanos => {
            "TIMESTAMP".into()
        }
        Type::Duration => "INTERVAL".into(),
        // No cast makes one: its hint is another.
        nested => nested.to_string(),
    }
}

/// Whether a text is a uuid as RFC 9562 writes it, in lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let dash = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if dash(i) { b == b'-' } else { matches!(b, b'0'..=b'9' | b'a'..=b'f') })
}

#[cfg(test)]
mod nested_tests;
#[cfg(test)]
mod tests;
