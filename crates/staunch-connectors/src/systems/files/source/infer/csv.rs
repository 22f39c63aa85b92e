//! Columns of CSV: first every field as a text, then the type that reads all of them.

use super::guess::Texts;
use super::names::Names;
use super::{Draft, InferSpec, renaming, scan, source, without_dates};
use crate::formats::csv::fields_of;
use crate::read::input::Input;
use crate::read::split::read_head;
use crate::systems::files::source::{FilesSource, glob};
use arrow::array::AsArray;
use staunch_commit::Listed;
use staunch_contract::{Field, Type};
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn draft(
    spec: &InferSpec,
    probe: &FilesSource,
    listed: &[Listed],
    names: &mut Names,
) -> Result<Draft> {
    let in_paths: BTreeSet<String> = probe
        .object
        .partition
        .iter()
        .flat_map(|p| p.names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    in_paths.iter().for_each(|name| names.reserve(name));
    let (columns, partly) = columns(probe, listed, names)?;
    let columns: Vec<String> = columns.into_iter().filter(|name| !in_paths.contains(name)).collect();
    let text = |name: &String| Field::new(name, Type::String, true);
    let fields = columns.iter().chain(&in_paths).map(text).collect();
    let object = without_dates(&renaming(&spec.object, names.renamed()), &BTreeSet::new());
    let source = source(spec, &object, fields)?;
    let empty_is_null = !spec.object.entries.contains_key("nulls");
    let mut texts: Vec<Texts> = columns
        .iter()
        .map(|name| Texts::of_csv(probe.object.dates.get(name), spec.enums, empty_is_null))
        .collect();
    scan(&source, listed, &mut |rows| {
        for (texts, column) in texts.iter_mut().zip(rows.batch.columns()) {
            let Some(values) = column.as_string_opt::<i32>() else { continue };
            values.iter().flatten().for_each(|text| texts.see(text.as_bytes()));
        }
    })?;
    let fields = columns.iter().zip(&texts).map(|(name, texts)| Field::new(name, texts.ty(), true)).collect();
    Ok(Draft { fields, partly })
}

/// The fields of all files in the order in which they come up, and those that some file does not have.
fn columns(
    probe: &FilesSource,
    listed: &[Listed],
    names: &mut Names,
) -> Result<(Vec<String>, BTreeSet<String>)> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for listed in listed {
        let path = glob::resolve(&probe.object.root, &listed.path)?;
        let mut input = Input::open(&path, listed, probe.packing(&listed.path))?;
        let head = read_head(&mut input, &probe.cutter(None), true)?;
        // A file without a header is told by the read that follows.
        let Some(line) = head.header else { continue };
        let wrong = |what: &str| {
            Error::new(codes::SOURCE_SCHEMA, format!("the first line {what}"))
                .place(Place::file(&path).at(1, 1))
                .hint("check `format:`, `delimiter:`, `quote:` and the encoding of the file")
        };
        let found = fields_of(&line, &probe.object.csv).map_err(|fault| wrong(fault.what))?;
        if !probe.object.csv.header {
            // They have no names; the number of the first record's fields is that of the file's columns.
            let numbered = (1..=found.len()).map(|n| format!("column_{n}"));
            for name in numbered.filter(|name| !counts.contains_key(name)).collect::<Vec<_>>() {
                order.push(names.field(&name));
                counts.insert(name, 1);
            }
            continue;
        }
        for column in found {
            let column = String::from_utf8(column).map_err(|_| wrong("is not UTF-8"))?;
            if column.is_empty() {
                names.note("a column without a name is left out".to_owned());
                continue;
            }
            let field = known.entry(column.clone()).or_insert_with(|| {
                let field = names.field(&column);
                order.push(field.clone());
                field
            });
            *counts.entry(field.clone()).or_default() += 1;
        }
    }
    let everywhere = |name: &String| !probe.object.csv.header || counts.get(name) == Some(&listed.len());
    let partly = order.iter().filter(|name| !everywhere(name)).cloned().collect();
    Ok((order, partly))
}
