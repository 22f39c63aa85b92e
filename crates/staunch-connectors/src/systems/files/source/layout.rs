//! How the columns of one file fall onto the fields of the contract.

use super::options::FileOptions;
use crate::formats::csv::{FieldSource, fields_of, single};
use crate::read::drift::{FileDrift, code, shown};
use crate::read::fault::{ABSENT, TWICE};
use crate::read::field::FieldPlan;
use crate::read::plan::ReadPlan;
use arrow::array::new_null_array;
use staunch_pipeline::suggest;
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What Hive writes for a partition value that is null.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A CSV file.
pub(super) struct Layout {
    /// One per contract field.
    pub(super) sources: Vec<FieldSource>,
    /// How many columns a record has.
    pub(super) columns: usize,
    /// Columns that the contract does not name, with their names.
    pub(super) unknown: Vec<(usize, String)>,
    /// What the header says otherwise than the contract.
    pub(super) drift: FileDrift,
}

/// For each contract field: the value that the path says, or `Missing`.
///
/// # Errors
/// `Source.Schema` for a path that does not follow `partition:`, or says what is no value of its field.
pub(super) fn constants(options: &FileOptions, plan: &ReadPlan, path: &str) -> Result<Vec<FieldSource>> {
    let mut sources = vec![FieldSource::Missing; plan.fields.len()];
    let Some(partition) = &options.partition else { return Ok(sources) };
    let wrong = |message: String| {
        Err(Error::new(codes::SOURCE_SCHEMA, message)
            .place(Place::file(path))
            .hint("correct `partition:` of the object, or let `path:` match other files"))
    };
    let Some(values) = partition.read(path) else {
        return wrong("the path does not follow `partition:`".to_owned());
    };
    for (name, value) in values {
        let found = plan.fields.iter().zip(&mut sources).find(|(field, _)| field.name() == name);
        let Some((field, source)) = found else { continue };
        let array = if value == HIVE_NULL && field.nullable() {
            new_null_array(&field.field.ty.arrow(), 1)
        } else {
            match single(field, value.as_bytes())? {
                Ok(array) => array,
                Err(fault) => return wrong(format!("what the path says about `{name}` {}", fault.what)),
            }
        };
        *source = FieldSource::Constant(array);
    }
    Ok(sources)
}

/// The contract field of each name that a column may have, but for fields that the path says.
pub(super) fn keys(
    rename: &BTreeMap<String, String>,
    plan: &ReadPlan,
    constants: &[FieldSource],
) -> HashMap<Vec<u8>, usize> {
    let mut keys = HashMap::new();
    for (index, (field, source)) in plan.fields.iter().zip(constants).enumerate() {
        if matches!(source, FieldSource::Constant(_)) {
            continue;
        }
        // A renamed field is read under its name in the file, and no other.
        let column = rename.iter().find(|(_, to)| to.as_str() == field.name()).map(|(from, _)| from);
        keys.insert(column.map_or(field.name(), String::as_str).as_bytes().to_vec(), index);
    }
    keys
}

/// The layout of a CSV file.
///
/// # Errors
/// `Source.Schema` for a header that is not there, cannot be read, names no field or a column twice, or lacks a column that is never null.
pub(super) fn csv(
    options: &FileOptions,
    plan: &ReadPlan,
    constants: Vec<FieldSource>,
    header: Option<&[u8]>,
    path: &Path,
) -> Result<Layout> {
    let mut sources = constants;
    let open = |source: &FieldSource| !matches!(source, FieldSource::Constant(_));
    if !options.csv.header {
        let mut columns = 0;
        for source in sources.iter_mut().filter(|s| open(s)) {
            *source = FieldSource::Column(columns);
            columns += 1;
        }
        // Without a header nobody can say what has changed.
        return Ok(Layout { sources, columns, unknown: Vec::new(), drift: FileDrift::default() });
    }
    let schema =
        |message: String| Error::new(codes::SOURCE_SCHEMA, message).place(Place::file(path).at(1, 1));
    // Whoever writes a header writes it for no rows too: a file without one was cut off, or never written.
    let Some(header) = header else {
        return Err(schema("the file is empty: it has not even a header".to_owned()).hint(
            "write it again, or remove it; if the files of this object have no header, write `header: false`",
        ));
    };
    let names = fields_of(header, &options.csv).map_err(|fault| {
        schema(format!("the header cannot be read: {}", fault.what))
            .hint("correct the first line of the file, or check `format:`, `delimiter:` and `quote:`")
    })?;
    let mut texts: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        texts.push(String::from_utf8(name).map_err(|_| {
            schema("the header is not UTF-8".to_owned())
                .hint("write the file as UTF-8, or check `compression:`")
        })?);
    }
    // With carriage returns alone for line breaks the whole file is its header, and would be lost without a word.
    if texts
        .iter()
        .any(|name| name.bytes().zip(name.bytes().skip(1)).any(|pair| pair.0 == b'\r' && pair.1 != b'\n'))
    {
        return Err(schema("the header goes on behind a carriage return".to_owned())
            .hint("lines end with a line feed, or with carriage return and line feed: convert the file"));
    }
    let keys = keys(&options.rename, plan, &sources);
    if !keys.is_empty() && !texts.iter().any(|name| keys.contains_key(name.as_bytes())) {
        // Perhaps this is no header but a record: nothing of it is told.
        let mut wanted: Vec<_> =
            keys.iter().map(|(name, field)| (field, String::from_utf8_lossy(name))).collect();
        wanted.sort_unstable();
        let wanted: Vec<String> = wanted.iter().take(5).map(|(_, name)| format!("`{name}`")).collect();
        let more = if keys.len() > 5 { ", ..." } else { "" };
        let message =
            format!("the first line names none of the columns that are wanted: {}{more}", wanted.join(", "));
        return Err(schema(message).hint(
            "if it is no header, write `header: false`; else check `delimiter:`, `rename:` and the names, which count exactly",
        ));
    }
    let (mut mistakes, mut unknown, mut drift) = (Vec::new(), Vec::new(), FileDrift::default());
    let given = given(&options.rename, plan, &sources);
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for (column, name) in texts.iter().enumerate() {
        let twice = !name.is_empty() && seen.insert(name, ()).is_some();
        if twice && !plan.goes_on() {
            let message = format!("the header names the column `{}` twice", shown(name));
            mistakes.push(
                Error::new(code(plan), message)
                    .place(Place::file(path).at(1, 1))
                    .field(name)
                    .hint("give each column a name of its own: one of the two would be lost"),
            );
        }
        match keys.get(name.as_bytes()).and_then(|index| sources.get_mut(*index)) {
            // Nobody can say which of the two is meant.
            Some(source) if twice => *source = FieldSource::Never(TWICE),
            Some(source) => *source = FieldSource::Column(column),
            None if given.contains(name) => drift.given.push(name.clone()),
            None => {
                let name = if name.is_empty() { format!("(column {})", column + 1) } else { name.clone() };
                drift.unknown.push((name.clone(), None));
                unknown.push((column, name));
            }
        }
    }
    for (field, source) in plan.fields.iter().zip(&mut sources) {
        if !matches!(source, FieldSource::Missing) {
            continue;
        }
        drift.missing.push(field.name().to_owned());
        if field.nullable() || plan.refuses() {
            continue;
        }
        if plan.goes_on() {
            *source = FieldSource::Never(ABSENT);
            continue;
        }
        let column = options.rename.iter().find(|(_, to)| to.as_str() == field.name());
        let column = column.map_or(field.name(), |(from, _)| from.as_str());
        mistakes.push(missing(field.name(), column, &texts, path));
    }
    if plan.refuses() {
        mistakes.extend(drift.refusals(plan, path, &texts));
    }
    match Error::many(mistakes) {
        Some(error) => Err(error),
        None => Ok(Layout { sources, columns: texts.len(), unknown, drift }),
    }
}

/// The names that columns of fields would have whose values the path says: they are passed over.
pub(super) fn given(
    rename: &BTreeMap<String, String>,
    plan: &ReadPlan,
    sources: &[FieldSource],
) -> BTreeSet<String> {
    let constant = plan.fields.iter().zip(sources).filter(|(_, s)| matches!(s, FieldSource::Constant(_)));
    let name = |(field, _): (&FieldPlan, _)| {
        let column = rename.iter().find(|(_, to)| to.as_str() == field.name());
        column.map_or(field.name(), |(from, _)| from.as_str()).to_owned()
    };
    constant.map(name).collect()
}

/// The error of a column that is not there.
fn missing(field: &str, column: &str, found: &[String], path: &Path) -> Error {
    let hint = match suggest(column, found) {
        Some(near) => format!("did the file mean `{near}`? then write `rename: {{{near}: {field}}}`"),
        None => format!("add the column, name it by `rename:`, or let `{field}` be nullable in the contract"),
    };
    Error::new(
        codes::SOURCE_SCHEMA,
        format!("the file has no column `{column}`, and `{field}` is never null"),
    )
    .place(Place::file(path))
    .field(field)
    .hint(hint)
}
