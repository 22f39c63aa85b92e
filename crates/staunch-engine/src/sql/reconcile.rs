//! A query's output and its contract: the one that is declared is checked, a missing one is inferred.

use super::facts::{Facts, Key};
use super::place;
use super::stage::{Query, Relation};
use arrow::datatypes::Schema;
use staunch_contract::coerce::{Coercion, check};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::Process;
use staunch_types::{Error, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
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
    errors.extend(personal(output, &contract));
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
    let declassified = output.process.declassify.iter();
    notes.extend(declassified.map(|(column, why)| format!("declassified: `{column}`: {}", why.reason)));
    Ok(Agreed { contract, coercion, notes, unique_key_proven: proven })
}

fn at(output: &Output, field: &str) -> staunch_types::Place {
    place::item(output.process, output.query, field).unwrap_or_else(|| place::start(output.process))
}

/// Columns made of personal values whose field does not say so, and what is declassified and is not personal.
fn personal(output: &Output, contract: &Contract) -> Vec<Error> {
    let mut errors = Vec::new();
    for (column, i) in output.schema.fields().iter().zip(0..) {
        let Some(field) = contract.field(column.name()) else { continue };
        let found = classes(output, i);
        let name = &field.name;
        if let Some(why) = output.process.declassify.get(name) {
            // What is said not to be personal must not be said to be.
            if !field.pii.is_empty() && output.process.contract.is_some() {
                let message = format!(
                    "`{name}` is declassified here, and `{}` says that it is personal ({})",
                    contract.id(),
                    field.classes()
                );
                let hint =
                    format!("remove `pii` from `{name}` in the contract, or `declassify` from the stage");
                let error = Error::new(codes::OUTPUT_MISMATCH, message).place(why.place.clone());
                errors.push(error.stage(&output.process.name).field(name).hint(hint));
            }
            if found.is_empty() {
                let message = format!("`{name}` is declassified, and is made of nothing that is personal");
                let error = Error::new(codes::BAD_VALUE, message).place(why.place.clone());
                errors
                    .push(error.stage(&output.process.name).field(name).hint("remove it from `declassify`"));
            }
            continue;
        }
        for (class, from) in found.iter().filter(|(class, _)| !field.pii.contains(*class)) {
            let message = format!(
                "`{name}` is made of `{from}`, which is personal ({class}), and `{}` does not say so",
                contract.id()
            );
            let mut all: BTreeSet<&str> = field.pii.iter().map(String::as_str).collect();
            all.extend(found.keys().map(String::as_str));
            let all: Vec<&str> = all.into_iter().collect();
            let written = if all.len() == 1 { (*class).clone() } else { format!("[{}]", all.join(", ")) };
            let hint = format!(
                "add `pii: {written}` to the field `{name}` of the contract, leave the column out, or, if nobody can be told by it, write `declassify: {{{name}: why}}` in the stage"
            );
            let error = Error::new(codes::OUTPUT_MISMATCH, message).place(at(output, name));
            errors.push(error.stage(&output.process.name).field(name).hint(hint));
        }
    }
    let known: Vec<&str> = output.schema.fields().iter().map(|f| f.name().as_str()).collect();
    for (name, why) in output.process.declassify.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let message = format!("`declassify` names `{name}`, which is no column of the result");
        let hint = staunch_pipeline::suggest(name, known.iter().copied()).map_or_else(
            || format!("the columns are {}", known.join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        let error = Error::new(codes::UNKNOWN_NAME, message).place(why.place.clone());
        errors.push(error.stage(&output.process.name).hint(hint));
    }
    errors
}

/// The PII classes of what a column is made of, each with the first input column that has it.
fn classes(output: &Output, column: usize) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(fact) = output.facts.columns.get(column) else { return found };
    for (relation, field) in &fact.uses {
        let Some(relation) = output.inputs.get(*relation) else { continue };
        let Some(field) = relation.contract.fields.get(*field) else { continue };
        for class in &field.pii {
            found.entry(class.clone()).or_insert_with(|| format!("{}.{}", relation.name, field.name));
        }
    }
    found
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
        if !output.process.declassify.contains_key(&field.name) {
            field.pii = classes(output, i).into_keys().collect();
        }
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
