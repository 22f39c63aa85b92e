//! The options of an object of a `files` connection, as a read understands them.

use super::glob::Glob;
use super::partition::Partition;
use crate::formats::csv::{CsvSpec, Nulls};
use crate::read::input::{Compression, MAX_EXPANSION};
use crate::read::parse::time::Format;
use staunch_contract::{Contract, Type};
use staunch_pipeline::{OptionReader, Options, suggest};
use staunch_types::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest chunk and the largest record: positions inside a chunk are 32 bits.
const LARGEST: u64 = 512 << 20;

/// The format of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    Avro,
    Csv,
    Json,
    Parquet,
}

impl FileFormat {
    /// All of them with their words.
    const WORDS: [(&'static str, Self); 4] =
        [("avro", Self::Avro), ("csv", Self::Csv), ("json", Self::Json), ("parquet", Self::Parquet)];

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }

    /// Whether its files are text.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Json)
    }
}

/// The checked options.
#[derive(Debug)]
pub(super) struct FileOptions {
    pub(super) root: PathBuf,
    pub(super) pattern: String,
    pub(super) glob: Glob,
    pub(super) format: FileFormat,
    /// `None`: by the ending of the name.
    pub(super) compression: Option<Compression>,
    pub(super) csv: CsvSpec,
    pub(super) dates: BTreeMap<String, Format>,
    /// Contract field by column of the file.
    pub(super) rename: BTreeMap<String, String>,
    pub(super) partition: Option<Partition>,
    pub(super) max_record: usize,
    /// How many times its size an archive may hold.
    pub(super) max_expansion: u64,
    pub(super) chunk_bytes: usize,
}

impl FileOptions {
    /// Reads the options of a connection and one of its objects (`connection/object`).
    ///
    /// # Errors
    /// All mistakes at once.
    pub(super) fn read(
        project: &Path,
        connection: &Options,
        object: &Options,
        name: &str,
        contract: &Contract,
    ) -> Result<Self> {
        let mut mistakes = Vec::new();
        let connection_name = name.split('/').next().unwrap_or_default();
        let mut outer = OptionReader::new(connection, &format!("connection `{connection_name}`"));
        let root = project.join(outer.text("root").unwrap_or_else(|| ".".to_owned()));
        mistakes.extend(outer.finish().err());

        let mut inner = OptionReader::new(object, &format!("object `{name}`"));
        let pattern = inner.required_text("path");
        let glob = match Glob::new(&pattern) {
            Ok(glob) => Some(glob),
            Err(what) => {
                if !pattern.is_empty() {
                    inner.reject(
                        "path",
                        format!("`path` {what}"),
                        "write a path below the root of the connection",
                    );
                }
                None
            }
        };
        if !inner.has("format") {
            inner.missing("format");
        }
        let format = inner.one_of("format", &FileFormat::WORDS).unwrap_or(FileFormat::Csv);
        let compressions = [
            ("auto", None),
            ("none", Some(Compression::None)),
            ("gzip", Some(Compression::Gzip)),
            ("zstd", Some(Compression::Zstd)),
        ];
        let compression = inner.one_of("compression", &compressions).flatten();
        if !format.is_text() && inner.has("compression") && compression != Some(Compression::None) {
            let message = match format {
                FileFormat::Avro => "Avro files say themselves how they are compressed",
                _ => "Parquet files say themselves how they are compressed",
            };
            inner.reject("compression", message, "remove the key");
        }
        let csv = csv_options(&mut inner, format);
        let dates = dates(&mut inner, format, contract);
        let rename = rename(&mut inner, format, contract);
        let partition = partition(&mut inner, contract);
        let max_record = size(&mut inner, "max_record", 16 << 20);
        let max_expansion = max_expansion(&mut inner, format);
        let chunk_bytes = size(&mut inner, "chunk_bytes", 4 << 20);
        mistakes.extend(inner.finish().err());
        match (Error::many(mistakes), glob) {
            (Some(error), _) => Err(error),
            (None, Some(glob)) => Ok(Self {
                root,
                pattern,
                glob,
                format,
                compression,
                csv,
                dates,
                rename,
                partition,
                max_record,
                max_expansion,
                chunk_bytes,
            }),
            (None, None) => {
                Err(Error::new(staunch_types::codes::INTERNAL, "a bad pattern was accepted")
                    .hint("report this"))
            }
        }
    }
}

fn size(options: &mut OptionReader<'_>, key: &str, default: usize) -> usize {
    let Some(given) = options.bytes(key) else { return default };
    if given == 0 || given > LARGEST {
        options.reject(key, format!("`{key}` is not between 1 byte and 512 MiB"), "choose a size in between");
    }
    usize::try_from(given.min(LARGEST)).unwrap_or(default)
}

fn max_expansion(options: &mut OptionReader<'_>, format: FileFormat) -> u64 {
    let given = options.u64("max_expansion");
    if format == FileFormat::Parquet && given.is_some() {
        options.reject("max_expansion", "`max_expansion` is for text formats and Avro", "remove the key");
    }
    if given == Some(0) {
        options.reject("max_expansion", "`max_expansion` is 0: no archive could be read", "write at least 1");
    }
    given.unwrap_or(MAX_EXPANSION)
}

fn csv_options(options: &mut OptionReader<'_>, format: FileFormat) -> CsvSpec {
    let delimiter = options.char("delimiter").unwrap_or(b',');
    let quote = options.char("quote").unwrap_or(b'"');
    if delimiter == quote {
        options.reject("quote", "`quote` is the same as `delimiter`", "choose another character");
    }
    let spec = CsvSpec {
        delimiter,
        quote,
        header: options.bool("header").unwrap_or(true),
        nulls: Nulls::new(options.list("nulls")),
    };
    if format != FileFormat::Csv {
        for key in ["delimiter", "quote", "header", "nulls"] {
            if options.has(key) {
                options.reject(key, format!("`{key}` is for `format: csv`"), "remove the key");
            }
        }
    }
    spec
}

/// Letters, digits and `_`, and no digit first.
fn is_avro_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The hint for a field that the contract does not have.
fn near(contract: &Contract, name: &str) -> String {
    match suggest(name, contract.fields.iter().map(|f| &f.name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("name a field of `{}`", contract.id()),
    }
}

fn dates(
    options: &mut OptionReader<'_>,
    format: FileFormat,
    contract: &Contract,
) -> BTreeMap<String, Format> {
    let mut dates = BTreeMap::new();
    for (name, text) in options.map("dates").unwrap_or_default() {
        match contract.field(&name).map(|f| &f.ty) {
            None => {
                let message = format!("`dates` names `{name}`, which `{}` does not have", contract.id());
                options.reject("dates", message, near(contract, &name));
            }
            Some(
                Type::Date
                | Type::TimestampMillis
                | Type::TimestampMicros
                | Type::TimestampNanos
                | Type::LocalTimestampMillis
                | Type::LocalTimestampMicros
                | Type::LocalTimestampNanos,
            ) => match Format::new(&text) {
                Some(format) => {
                    dates.insert(name, format);
                }
                None => options.reject(
                    "dates",
                    format!("the format of `{name}` is not understood"),
                    "write it as chrono does: `%d.%m.%Y %H:%M:%S`",
                ),
            },
            Some(_) => options.reject(
                "dates",
                format!("`{name}` is neither a date nor a timestamp"),
                "remove it from `dates`",
            ),
        }
    }
    if !format.is_text() && options.has("dates") {
        options.reject("dates", "`dates` is for text formats", "remove the key");
    }
    dates
}

fn rename(
    options: &mut OptionReader<'_>,
    format: FileFormat,
    contract: &Contract,
) -> BTreeMap<String, String> {
    let rename = options.map("rename").unwrap_or_default();
    let mut targets: Vec<&String> = Vec::new();
    for (column, field) in &rename {
        if contract.field(field).is_none() {
            let message =
                format!("`rename` gives `{column}` to `{field}`, which `{}` does not have", contract.id());
            options.reject("rename", message, near(contract, field));
        }
        if targets.contains(&field) {
            let message = format!("`rename` gives two columns to `{field}`");
            options.reject("rename", message, "leave one of them");
        }
        if format == FileFormat::Avro && !is_avro_name(column) {
            let message = format!("`rename` names `{column}`, and no field of an Avro file is called so");
            options.reject("rename", message, "write the name as the schema of the files has it");
        }
        targets.push(field);
    }
    if format == FileFormat::Avro {
        for column in
            rename.keys().filter(|c| contract.field(c).is_some() && !rename.values().any(|f| f == *c))
        {
            let message = format!(
                "`rename` gives `{column}` to another field, and `{}` has one of that name too",
                contract.id()
            );
            options.reject(
                "rename",
                message,
                format!("say by `rename` which field of the files `{column}` is"),
            );
        }
    }
    rename
}

fn partition(options: &mut OptionReader<'_>, contract: &Contract) -> Option<Partition> {
    let text = options.text("partition")?;
    let partition = match Partition::new(&text) {
        Ok(partition) => partition,
        Err(what) => {
            options.reject(
                "partition",
                format!("`partition` {what}"),
                "write it as `year={year}/month={month}`",
            );
            return None;
        }
    };
    for name in partition.names() {
        match contract.field(name) {
            None => {
                let message =
                    format!("`partition` captures `{name}`, which `{}` does not have", contract.id());
                options.reject("partition", message, near(contract, name));
            }
            Some(field) if field.ty.is_nested() => {
                let message = format!("`partition` captures `{name}`, which is {}", field.ty);
                options.reject("partition", message, "capture plain values alone: a path is no nested value");
            }
            Some(field) if !field.pii.is_empty() => {
                let message = format!("`partition` captures `{name}`, which is personal");
                options.reject(
                    "partition",
                    message,
                    "keep personal values out of paths: they appear in listings",
                );
            }
            Some(_) => {}
        }
    }
    Some(partition)
}
