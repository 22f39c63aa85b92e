//! A query's output and its contract: the one that is declared is checked, a missing one is inferred.

use super::facts::{Facts, Key};
use super::place;
use super::stage::{Query, Relation};
use arrow::datatypes::Schema;
use staunch_contract::coerce::{Coercion, check};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::Process;
use staunch_types::{Error, Result, codes};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of an output.
pub(super) struct Output<'a> {
    pub(super) process: &'a Process,
    pub(super) query: &'a Query,
    pub(super) inputs: &'a [Relation],
    pub(super) schema: &'a Schema,
    pub(super) facts: &'a Facts,
    pub(super) per_row: bool,
}

/// A contract that the output fits.
pub(super) struct Agreed {
    pub(super) contract: Arc<Contract>,
    pub(super) coercion: Coercion,
    pub(super) notes: Vec<String>,
    pub(super) unique_key_proven: bool,
}

/// The contract of an output.
///
/// # Errors
/// All misfits at once, each at the select item that makes the column, else where the SQL begins.
pub(super) fn contract(output: &Output) -> Result<Agreed> {
    let contract = match &output.process.contract {
        Some(declared) => declared.clone(),
        None => Arc::new(infer(output)?),
    };
    let mut errors = Vec::new();
    let proved = check(output.schema, &contract).map_err(|misfits| {
        errors.extend(misfits.into_iter().map(|m| {
            let error = Error::new(codes::OUTPUT_MISMATCH, m.message).place(at(output, &m.field));
            error.stage(&output.process.name).field(&m.field).hint(m.hint)
        }));
    });
    errors.extend(unnamed_classes(output, &contract));
    if let Some(error) = Error::many(errors) {
        return Err(error);
    }
    // While it runs nothing is taken for proved: it costs nothing to look whether a column has nulls.
    let (Ok(proved), Ok(mut coercion)) = (proved, check(&super::stage::nullable(output.schema), &contract))
    else {
        return Err(Error::new(codes::INTERNAL, "an output does not fit its contract for no reason"));
    };
    coercion.assertions = proved.assertions;
    let mut notes: Vec<String> =
        coercion.assertions.iter().map(|a| format!("asserted while it runs: {a}")).collect();
    let proven = proves(output, &contract.key);
    if !output.per_row && !contract.key.is_empty() && !proven {
        let key = contract.key.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
        notes.push(format!("asserted while it runs: the key ({key}) is unique"));
    }
    let unique = contract.fields.iter().filter(|f| f.constraints.unique && !output.per_row);
    notes.extend(unique.map(|f| format!("asserted while it runs: `{}` is unique", f.name)));
    Ok(Agreed { contract, coercion, notes, unique_key_proven: proven })
}

fn at(output: &Output, field: &str) -> staunch_types::Place {
    place::item(output.process, output.query, field).unwrap_or_else(|| place::start(output.process))
}

/// Columns made of personal values whose field does not say so.
fn unnamed_classes(output: &Output, contract: &Contract) -> Vec<Error> {
    let columns = output.schema.fields().iter().zip(0..);
    columns
        .filter_map(|(column, i)| {
            let field = contract.field(column.name()).filter(|f| f.pii.is_none())?;
            let (class, from) = class(output, i)?;
            let name = &field.name;
            let message = format!(
                "`{name}` is made of `{from}`, which is personal ({class}), and `{}` does not say so",
                contract.id()
            );
            let error = Error::new(codes::OUTPUT_MISMATCH, message).place(at(output, name));
            let hint =
                format!("add `pii: {class}` to the field `{name}` of the contract, or leave the column out");
            Some(error.stage(&output.process.name).field(name).hint(hint))
        })
        .collect()
}

/// The PII class of a column, and the input column that it comes from: the first that has one.
fn class(output: &Output, column: usize) -> Option<(String, String)> {
    output.facts.columns.get(column)?.uses.iter().find_map(|(relation, field)| {
        let relation = output.inputs.get(*relation)?;
        let field = relation.contract.fields.get(*field)?;
        Some((field.pii.clone()?, format!("{}.{}", relation.name, field.name)))
    })
}

fn infer(output: &Output) -> Result<Contract> {
    let process = output.process;
    let mut contract = Contract::from_arrow(&process.name, 1, output.schema).map_err(|error| {
        // The same mistakes, each at the column that it is about.
        let placed = error.all().map(|e| {
            let field = e.where_().field.clone();
            let place = field.as_deref().map_or_else(|| place::start(process), |f| at(output, f));
            let mut same = Error::new(e.code(), e.message()).place(place).stage(&process.name);
            if let Some(field) = &field {
                same = same.field(field);
            }
            match e.next_step() {
                Some(hint) => same.hint(hint),
                None => same,
            }
        });
        Error::many(placed.collect())
            .unwrap_or_else(|| Error::new(codes::CONTRACT, "the output has no contract"))
    })?;
    for (i, field) in contract.fields.iter_mut().enumerate() {
        // Arrow says less than a contract: a column that is handed on unchanged keeps what it is.
        if let Some(source) = source(output, i)
            && (source.ty.is_nested() || precise(&source.ty))
            && output.schema.field(i).data_type() == &source.ty.arrow()
        {
            (field.ty, field.avro) = (source.ty.clone(), source.avro.clone());
        }
        field.pii = class(output, i).map(|(class, _)| class);
    }
    contract.event_time = output.facts.columns.iter().zip(&contract.fields).find_map(|(fact, field)| {
        let (relation, column) = fact.same?;
        let relation = output.inputs.get(relation).filter(|r| !r.reference)?;
        let source = relation.contract.fields.get(column)?;
        let is = relation.contract.event_time.as_ref() == Some(&source.name) && field.ty.is_time();
        is.then(|| field.name.clone())
    });
    // A key that the contract of an input only claims is carried on row by row; a whole-input result would be refused by it.
    let keys = output.facts.keys.iter().filter(|k| k.proven || output.per_row);
    let mut fitting: Vec<&Key> = keys.filter(|k| k.columns.iter().all(|c| never_null(output, *c))).collect();
    fitting.sort_by_key(|k| (!k.proven, k.columns.len()));
    if let Some(key) = fitting.first() {
        contract.key = names(output, &key.columns).into_iter().collect();
        contract.key.sort_by_key(|name| contract.fields.iter().position(|f| f.name == *name));
    }
    Ok(contract)
}

/// The field of an input that a column is, unchanged.
fn source<'a>(output: &'a Output, column: usize) -> Option<&'a Field> {
    let (relation, field) = output.facts.columns.get(column)?.same?;
    output.inputs.get(relation)?.contract.fields.get(field)
}

/// Whether it is finer than what is made of its Arrow type.
fn precise(ty: &Type) -> bool {
    matches!(ty, Type::TimestampNanos | Type::LocalTimestampNanos)
}

fn never_null(output: &Output, column: usize) -> bool {
    output.facts.columns.get(column).is_some_and(|c| !c.nullable)
}

fn names(output: &Output, columns: &BTreeSet<usize>) -> BTreeSet<String> {
    let fields = output.schema.fields();
    columns.iter().filter_map(|c| fields.get(*c)).map(|f| f.name().clone()).collect()
}

/// Whether the query makes rows unique by these columns, or by fewer.
fn proves(output: &Output, key: &[String]) -> bool {
    let key: BTreeSet<String> = key.iter().cloned().collect();
    !key.is_empty() && output.facts.keys.iter().any(|k| k.proven && names(output, &k.columns).is_subset(&key))
}
