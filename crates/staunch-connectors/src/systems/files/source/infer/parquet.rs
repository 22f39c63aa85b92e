//! Columns of Parquet: its footers say what they are.

use super::Draft;
use super::names::Names;
use crate::systems::files::source::{FilesSource, glob};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, TimeUnit};
use staunch_commit::Listed;
use staunch_contract::{Contract, Field, Type};
use staunch_types::Result;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn draft(probe: &FilesSource, listed: &[Listed], names: &mut Names) -> Result<Draft> {
    let in_paths: BTreeSet<String> = probe
        .object
        .partition
        .iter()
        .flat_map(|p| p.names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    in_paths.iter().for_each(|name| names.reserve(name));
    let mut fields: Vec<Field> = Vec::new();
    let mut known: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut counts: Vec<usize> = Vec::new();
    for listed in listed {
        let path = glob::resolve(&probe.object.root, &listed.path)?;
        let schema = crate::formats::parquet_read::schema(&path)?;
        for column in schema.fields() {
            let name = column.name();
            let at = match known.get(name) {
                Some(at) => *at,
                None => {
                    let found = ty(column).filter(|_| !in_paths.contains(name));
                    if found.is_none() && !in_paths.contains(name) {
                        let what = format!(
                            "`{name}` is left out: it is {}, which no contract has",
                            column.data_type()
                        );
                        names.note(what);
                    }
                    let at = found.map(|ty| {
                        fields.push(Field::new(names.field(name), ty, true));
                        counts.push(0);
                        fields.len() - 1
                    });
                    known.insert(name.clone(), at);
                    at
                }
            };
            if let Some(at) = at {
                counts[at] += 1;
                // The wider of two files.
                if let Some(other) = ty(column) {
                    fields[at].ty = wider(fields[at].ty.clone(), other);
                }
            }
        }
    }
    let partly = fields.iter().zip(&counts).filter(|(_, n)| **n < listed.len()).map(|(f, _)| f.name.clone());
    let partly = partly.collect();
    Ok(Draft { fields, partly })
}

/// The type of a column. Nanoseconds stay nanoseconds: nothing of a value is lost.
fn ty(column: &ArrowField) -> Option<Type> {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => return Some(Type::TimestampNanos),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => return Some(Type::LocalTimestampNanos),
        _ => {}
    }
    let schema = Schema::new(vec![column.clone().with_name("value")]);
    let contract = Contract::from_arrow("value", 1, &schema).ok()?;
    contract.fields.into_iter().next().map(|f| f.ty)
}

fn wider(a: Type, b: Type) -> Type {
    match (&a, &b) {
        (Type::Int, Type::Long) | (Type::Int | Type::Float, Type::Double) => b,
        _ => a,
    }
}
