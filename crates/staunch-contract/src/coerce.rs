//! From the output of a stage to its contract: proved before anything runs, asserted row by row where it cannot be.
//!
//! [`check`] compares a schema with a contract and names every misfit. What it gives, a [`Coercion`], turns batches of
//! that schema into batches of the contract. No value is ever changed by it: types only become wider; where a value might
//! not fit (a null where the contract has none, a `long` beyond `int`, digits below the microsecond, a text that is no symbol of an
//! enum), the rows are looked at one by one, and those that break their contract are set apart as data. Where nothing is to be
//! done, columns are handed on as they are.

mod apply;
mod fit;

pub use apply::{BadRow, Coerced};

use crate::model::{Contract, Field, Type};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use fit::{Fit, fit};
use std::fmt;
use std::sync::Arc;

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
    name: Arc<str>,
    /// Where its column stands in batches that come in.
    from: usize,
    /// The column's type.
    found: DataType,
    /// The contract's type: in Arrow, and its name.
    wanted: DataType,
    type_name: String,
    fit: Fit,
    /// Whether nulls are to be refused although they may come.
    refuse_nulls: bool,
    asserted: Asserted,
}

/// What a text is asserted to be.
#[derive(Debug, Clone)]
enum Asserted {
    Nothing,
    Symbol(Arc<[String]>),
    Uuid,
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
            && self.steps.iter().enumerate().all(|(i, step)| {
                step.from == i
                    && step.fit == Fit::Same
                    && !step.refuse_nulls
                    && matches!(step.asserted, Asserted::Nothing)
            })
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
        let Some((fit, note)) = fit(column.data_type(), field) else {
            misfits.push(wrong_type(field, column.data_type()));
            continue;
        };
        let name = &field.name;
        let refuse_nulls = column.is_nullable() && !field.nullable;
        if refuse_nulls {
            assertions.push(format!("`{name}` is never null"));
        }
        if let Some(note) = note {
            assertions.push(format!("`{name}` {note}"));
        }
        let asserted = match &field.ty {
            Type::Enum(symbols) => {
                assertions.push(format!("`{name}` is one of the {} symbols of its enum", symbols.len()));
                Asserted::Symbol(symbols.as_slice().into())
            }
            Type::Uuid => {
                assertions.push(format!("`{name}` is a uuid in canonical lower case"));
                Asserted::Uuid
            }
            _ => Asserted::Nothing,
        };
        let found = column.data_type().clone();
        steps.push(Step {
            name: name.as_str().into(),
            from,
            found,
            wanted: field.ty.arrow(),
            type_name: field.ty.to_string(),
            fit,
            refuse_nulls,
            asserted,
        });
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
    format!("{}{}", field.ty, if field.nullable { "?" } else { "" })
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
        (_, DataType::Null) => format!("it is always null: make the field {}? or give it a value", field.ty),
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
        Type::Bytes => "BYTEA".into(),
        Type::String | Type::Enum(_) | Type::Uuid => "VARCHAR".into(),
        Type::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        Type::Date => "DATE".into(),
        Type::TimeMillis | Type::TimeMicros => "TIME".into(),
        Type::TimestampMillis | Type::TimestampMicros => "TIMESTAMP WITH TIME ZONE".into(),
        Type::LocalTimestampMillis | Type::LocalTimestampMicros => "TIMESTAMP".into(),
    }
}

#[cfg(test)]
mod tests;
