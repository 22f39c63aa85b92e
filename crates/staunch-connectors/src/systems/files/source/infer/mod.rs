//! The contract that files imply: proposed from all of their rows, then proved by the one read chain.
//!
//! A format proposes names and types; then every file is read with the proposal, as a run would read it. A field that rejects a row gets a wider
//! type, or is left out with a note, until no row is rejected for a field. So what comes out reads these files without a dead letter, but for
//! records that no contract could read. Memory is bounded by the chunks of the read, and by the number of columns. No value of a row is told: names
//! of columns are, and the values of an enum if one is asked for.

mod avro;
mod csv;
mod guess;
mod json;
mod names;
mod parquet;
mod shape;
#[cfg(test)]
mod tests;

pub use avro::avro;

use super::options::FileFormat;
use super::{FilesSource, FilesSourceSpec};
use crate::read::SequentialTurn;
use arrow::array::Array;
use guess::Texts;
use names::Names;
use staunch_commit::{Listed, Origin, ReadRows, Source, SplitPoint};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{Late, OptionValue, Options, Validate};
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct InferSpec {
    /// `connection/object`, for messages.
    pub name: String,
    /// The folder of the project.
    pub project: PathBuf,
    /// The options of the connection.
    pub connection: Options,
    /// The options of the object, as a read has them.
    pub object: Options,
    /// The name of the contract.
    pub contract: String,
    /// Texts with at most so many different values become an enum; `None`: none do.
    pub enums: Option<usize>,
}

/// What files imply.
#[derive(Debug, Clone)]
pub struct Inferred {
    /// The contract, version 1, without key, event time and PII classes.
    pub contract: Contract,
    /// Rows that were read.
    pub rows: u64,
    /// Records that cannot be read whatever the contract says, by reason.
    pub unreadable: BTreeMap<String, u64>,
    /// What the object must be told beside its options: field by column of the file.
    pub rename: BTreeMap<String, String>,
    /// What somebody should know.
    pub notes: Vec<String>,
}

/// A proposal: fields in order, all of which may be null so far.
struct Draft {
    fields: Vec<Field>,
    /// Fields that some file does not have: they stay nullable.
    partly: BTreeSet<String>,
}

/// Looks at all files of an object.
///
/// # Errors
/// Those of its options and of a read of the files (`Source.*`).
pub fn infer(spec: &InferSpec) -> Result<Inferred> {
    let probe = probe(spec)?;
    let listed = probe.list()?;
    let mut names = Names::new(&probe.object.rename);
    let mut draft = match probe.object.format {
        FileFormat::Avro => avro::draft(&probe, &listed, &mut names)?,
        FileFormat::Csv => csv::draft(spec, &probe, &listed, &mut names)?,
        FileFormat::Json => json::draft(spec, &probe, &listed, &mut names)?,
        FileFormat::Parquet => parquet::draft(&probe, &listed, &mut names)?,
    };
    draft.fields.extend(of_paths(spec, &probe, &listed)?);
    if draft.fields.is_empty() {
        return Err(Error::new(codes::SOURCE_SCHEMA, "the files have no column that a contract could have")
            .place(Place::file(&probe.object.root))
            .hint("look at the notes of a file with columns, or check `format:`"));
    }
    prove(spec, &listed, draft, names)
}

/// A source without fields of its own, to look into the files with: it has what the options name.
fn probe(spec: &InferSpec) -> Result<FilesSource> {
    let mut fields: Vec<Field> = Vec::new();
    let mut add = |name: &str, ty: Type| {
        if !fields.iter().any(|f| f.name == name) {
            fields.push(Field::new(name, ty, true));
        }
    };
    let texts = |key: &str| {
        let value = spec.object.entries.get(key).map(|option| &option.value);
        value.and_then(serde_json::Value::as_object).cloned().unwrap_or_default()
    };
    texts("dates").keys().for_each(|name| add(name, Type::TimestampMicros));
    texts("rename").values().filter_map(serde_json::Value::as_str).for_each(|name| add(name, Type::String));
    let pattern = spec.object.entries.get("partition").and_then(|option| option.value.as_str());
    if let Some(partition) = pattern.and_then(|text| super::partition::Partition::new(text).ok()) {
        partition.names().for_each(|name| add(name, Type::String));
    }
    source(spec, &spec.object, fields)
}

/// The fields that `dates:` names.
fn dates_of(spec: &InferSpec) -> Vec<String> {
    let dates = spec.object.entries.get("dates").and_then(|option| option.value.as_object());
    dates.into_iter().flat_map(|dates| dates.keys().cloned()).collect()
}

/// A source of the object with these fields.
fn source(spec: &InferSpec, object: &Options, fields: Vec<Field>) -> Result<FilesSource> {
    FilesSource::new(FilesSourceSpec {
        name: spec.name.clone(),
        project: spec.project.clone(),
        connection: spec.connection.clone(),
        object: object.clone(),
        contract: Arc::new(Contract::new(&spec.contract, 1, fields)),
        late_after: None,
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
        pii: BTreeMap::new(),
        token_keys: BTreeMap::new(),
        chunk_bytes: None,
    })
}

/// The options with the names of columns that are no names of fields.
fn renaming(object: &Options, rename: &BTreeMap<String, String>) -> Options {
    let mut object = object.clone();
    if rename.is_empty() {
        return object;
    }
    let known = object.entries.get("rename");
    let mut all = known.and_then(|o| o.value.as_object()).cloned().unwrap_or_default();
    all.extend(rename.iter().map(|(column, field)| (column.clone(), field.as_str().into())));
    let place = known.map(|o| o.place.clone()).unwrap_or_default();
    object.entries.insert("rename".to_owned(), OptionValue { value: all.into(), place });
    object
}

/// Reads all files, chunk after chunk.
fn scan(source: &FilesSource, listed: &[Listed], visit: &mut dyn FnMut(ReadRows)) -> Result<()> {
    for listed in listed {
        let origin = Origin { listed: listed.clone(), version: 1 };
        let mut splitter = source.open(&origin, &SplitPoint::default(), None)?;
        let mut turn = SequentialTurn::default();
        while let Some(chunk) = splitter.next()? {
            visit(chunk.work.run(&mut turn)?);
        }
    }
    Ok(())
}

/// The fields that paths say.
fn of_paths(spec: &InferSpec, probe: &FilesSource, listed: &[Listed]) -> Result<Vec<Field>> {
    let Some(partition) = &probe.object.partition else { return Ok(Vec::new()) };
    let mut texts: BTreeMap<String, Texts> = BTreeMap::new();
    for listed in listed {
        for (name, value) in partition.read(&listed.path).unwrap_or_default() {
            let format = probe.object.dates.get(&name);
            let texts = texts.entry(name).or_insert_with(|| Texts::of_csv(format, spec.enums, false));
            if value != "__HIVE_DEFAULT_PARTITION__" {
                texts.see(value.as_bytes());
            }
        }
    }
    let names = partition.names();
    Ok(names.map(|name| Field::new(name, texts.get(name).map_or(Type::String, Texts::ty), true)).collect())
}

/// Reads everything with the proposal until no row is rejected for a field, and takes nulls away where there are none.
fn prove(spec: &InferSpec, listed: &[Listed], draft: Draft, names: Names) -> Result<Inferred> {
    let Draft { mut fields, partly } = draft;
    let (mut rename, mut notes) = names.told();
    let text = !matches!(
        spec.object.entries.get("format").and_then(|o| o.value.as_str()),
        Some("avro" | "json" | "parquet")
    );
    let mut settled = false;
    loop {
        rename.retain(|_, field| fields.iter().any(|f| f.name == *field));
        let dated: BTreeSet<String> =
            fields.iter().filter(|f| f.ty.is_time()).map(|f| f.name.clone()).collect();
        let mut object = without_dates(&renaming(&spec.object, &rename), &dated);
        // A field that was left out has no column either.
        if let Some(all) = object.entries.get_mut("rename").and_then(|option| option.value.as_object_mut()) {
            all.retain(|_, field| fields.iter().any(|f| field == f.name.as_str()));
        }
        let source = source(spec, &object, fields.clone())?;
        let mut seen = Seen::new(&fields);
        match scan(&source, listed, &mut |rows| seen.rows(&rows)) {
            Ok(()) => {}
            // A column of a type that no contract reads.
            Err(error) if error.code() == codes::SOURCE_SCHEMA && leaves(&error, &mut fields, &mut notes) => {
                continue;
            }
            Err(error) => return Err(error),
        }
        if !seen.blamed.is_empty() {
            for name in &seen.blamed {
                widen(name, text, &mut fields, &mut notes);
            }
            continue;
        }
        if !settled {
            // The next reading proves what was taken away.
            settled = true;
            for (field, nulls) in fields.iter_mut().zip(&seen.nulls) {
                field.nullable = *nulls > 0 || seen.rows == 0 || partly.contains(&field.name);
            }
            continue;
        }
        if seen.rows == 0 {
            notes.push("there is no row: every type is a guess".to_owned());
        }
        for name in dates_of(spec).iter().filter(|name| !dated.contains(name.as_str())) {
            notes.push(format!(
                "`dates:` does not read every value of `{name}`: correct its format, or remove it"
            ));
        }
        let contract = Contract::new(&spec.contract, 1, fields);
        let (rows, unreadable) = (seen.rows, seen.unreadable);
        return Ok(Inferred { contract, rows, unreadable, rename, notes });
    }
}

/// `dates:` may name fields of its types alone.
fn without_dates(object: &Options, dated: &BTreeSet<String>) -> Options {
    let mut object = object.clone();
    if let Some(option) = object.entries.get_mut("dates")
        && let Some(formats) = option.value.as_object_mut()
    {
        formats.retain(|name, _| dated.contains(name));
        if formats.is_empty() {
            object.entries.remove("dates");
        }
    }
    object
}

/// What one reading of everything came to.
struct Seen {
    names: Vec<String>,
    rows: u64,
    nulls: Vec<u64>,
    blamed: BTreeSet<String>,
    unreadable: BTreeMap<String, u64>,
}

impl Seen {
    fn new(fields: &[Field]) -> Self {
        Self {
            names: fields.iter().map(|f| f.name.clone()).collect(),
            rows: 0,
            nulls: vec![0; fields.len()],
            blamed: BTreeSet::new(),
            unreadable: BTreeMap::new(),
        }
    }

    fn rows(&mut self, rows: &ReadRows) {
        self.rows += rows.batch.num_rows() as u64;
        for (nulls, column) in self.nulls.iter_mut().zip(rows.batch.columns()) {
            *nulls += column.logical_null_count() as u64;
        }
        for dead in &rows.dead {
            let field = dead.field.as_deref().and_then(|path| path.split(['.', '[', '{', '(']).next());
            match field.filter(|name| self.names.iter().any(|n| n == name)) {
                Some(field) => {
                    self.blamed.insert(field.to_owned());
                }
                None => *self.unreadable.entry(dead.reason.clone()).or_default() += 1,
            }
        }
    }
}

/// Gives a field that rejects rows another type. Each step is one way, so there is an end.
fn widen(name: &str, text: bool, fields: &mut Vec<Field>, notes: &mut Vec<String>) {
    let Some(at) = fields.iter().position(|f| f.name == name) else { return };
    let field = &mut fields[at];
    if !field.nullable {
        field.nullable = true;
        return;
    }
    match (&field.ty, text) {
        (Type::Bytes, true) | (Type::String, false) => {}
        (Type::String, true) => {
            field.ty = Type::Bytes;
            return;
        }
        (ty, false) if ty.is_nested() || matches!(ty, Type::Boolean | Type::Long | Type::Double) => {}
        _ => {
            field.ty = Type::String;
            return;
        }
    }
    notes.push(format!("`{name}` is left out: no type reads all of its values"));
    fields.remove(at);
}

/// Leaves out the field that a file cannot give.
fn leaves(error: &Error, fields: &mut Vec<Field>, notes: &mut Vec<String>) -> bool {
    let Some(name) = error.where_().field.as_deref().and_then(|path| path.split('.').next()) else {
        return false;
    };
    let before = fields.len();
    fields.retain(|f| f.name != name);
    if fields.len() < before {
        notes.push(format!("`{name}` is left out: {}", error.message()));
    }
    fields.len() < before
}
