//! The options of a folder of files as a target, checked.

use super::format::{Format, Kind};
use crate::formats::avro::Encoder;
use crate::formats::parquet_write;
use crate::read::input::Compression;
use crate::systems::holds::Holder;
use staunch_contract::avro::Codec;
use staunch_contract::{Contract, Type};
use staunch_pipeline::{Connection, Object, OptionReader};
use staunch_types::{Error, Place, Result, codes};
use std::path::{Component, Path, PathBuf};

/// What the profile says about a folder of files.
#[derive(Debug, Clone)]
pub(super) struct SinkOptions {
    /// The folder, below the project (or absolute where the connection's root is).
    pub(super) folder: PathBuf,
    /// `path:`, as it is written.
    pub(super) path: String,
    /// `partition_by:` and where it stands.
    pub(super) partition_by: Vec<String>,
    pub(super) partition_place: Place,
    /// `format:` (default: `parquet`) and what belongs to it alone.
    pub(super) format: Format,
    /// Where the format is written, or the object if it is not.
    pub(super) format_place: Place,
    /// `rows_per_file:` (default: 1,000,000).
    pub(super) rows_per_file: u64,
}

impl SinkOptions {
    /// Reads them; every mistake is reported at once.
    pub(super) fn read(project: &Path, connection: &Connection, object: &Object) -> Result<Self> {
        let mut errors = Vec::new();
        let what = format!("connection `{}`", connection.name);
        let mut reader = OptionReader::new(&connection.options, &what).at(&connection.place);
        let root = reader.text("root").unwrap_or_default();
        errors.extend(reader.finish().err());

        let what = format!("object `{}/{}`", connection.name, object.name);
        let mut reader = OptionReader::new(&object.options, &what).at(&object.place);
        let path = reader.required_text("path");
        if !path.is_empty() && !stays_inside(&path) {
            reader.reject(
                "path",
                "`path` leads out of the root",
                "write a folder below `root:` of the connection",
            );
        } else if path.contains(['*', '?', '[', ']']) {
            reader.reject(
                "path",
                "`path` is a pattern",
                "a write needs one folder: write its name without `*`, `?`, `[`",
            );
        }
        let words =
            [("parquet", Kind::Parquet), ("json", Kind::Json(Compression::None)), ("avro", Kind::Avro)];
        let format = match reader.one_of("format", &words) {
            Some(Kind::Avro) => {
                let codecs = [
                    ("zstandard", Codec::Zstandard),
                    ("zstd", Codec::Zstandard),
                    ("deflate", Codec::Deflate),
                    ("snappy", Codec::Snappy),
                    ("bzip2", Codec::Bzip2),
                    ("xz", Codec::Xz),
                    ("none", Codec::Null),
                    ("null", Codec::Null),
                ];
                Format::Avro(reader.one_of("compression", &codecs).unwrap_or(Codec::Zstandard))
            }
            Some(Kind::Json(_)) => {
                let packings =
                    [("none", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
                Format::Json(reader.one_of("compression", &packings).unwrap_or(Compression::None))
            }
            _ => {
                let codecs = [
                    ("zstd", parquet_write::Codec::Zstd),
                    ("snappy", parquet_write::Codec::Snappy),
                    ("none", parquet_write::Codec::None),
                ];
                let codec = reader.one_of("compression", &codecs).unwrap_or_default();
                let row_group_rows = count(&mut reader, "row_group_rows", 122_880, 16_000_000);
                let row_group_rows = usize::try_from(row_group_rows).unwrap_or(usize::MAX);
                Format::Parquet { codec, row_group_rows }
            }
        };
        let format_place = reader.place("format");
        let partition_by = reader.list("partition_by").unwrap_or_default();
        let partition_place = reader.place("partition_by");
        let rows_per_file = count(&mut reader, "rows_per_file", 1_000_000, u64::MAX);
        errors.extend(reader.finish().err());

        match Error::many(errors) {
            Some(error) => Err(error),
            None => Ok(Self {
                folder: project.join(root).join(&path),
                path,
                partition_by,
                partition_place,
                format,
                format_place,
                rows_per_file,
            }),
        }
    }

    /// Whether rows of this contract can be written so; every misfit is reported at once.
    pub(super) fn check(&self, contract: &Contract) -> Result<()> {
        let holder = match self.format {
            Format::Avro(_) => Holder::AvroSink,
            Format::Parquet { .. } => Holder::ParquetSink,
            Format::Json(_) => Holder::JsonSink,
        };
        let mut errors = holder.check(contract, &self.format_place);
        if matches!(self.format, Format::Avro(_)) {
            errors.extend(Encoder::new(contract).err().map(|e| e.place(self.format_place.clone())));
        }
        let mut misfit = |field: &str, message: String, hint: &str| {
            let error =
                Error::new(codes::OBJECT_OPTION, message).place(self.partition_place.clone()).field(field);
            errors.push(error.hint(hint));
        };
        for (at, name) in self.partition_by.iter().enumerate() {
            if self.partition_by.get(..at).is_some_and(|before| before.contains(name)) {
                misfit(name, format!("`partition_by` names `{name}` twice"), "name each field once");
                continue;
            }
            let Some(field) = contract.field(name) else {
                let names: Vec<&str> = contract.fields.iter().map(|f| f.name.as_str()).collect();
                let hint = match staunch_pipeline::suggest(name, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields are {}", names.join(", ")),
                };
                misfit(
                    name,
                    format!("`partition_by` names `{name}`, which `{}` does not have", contract.id()),
                    &hint,
                );
                continue;
            };
            if matches!(field.ty, Type::Float | Type::Double | Type::Bytes | Type::Fixed(_) | Type::Duration)
                || field.ty.is_nested()
            {
                let hint = "partition by a text, number, date or boolean";
                misfit(name, format!("`{name}` cannot name folders: it is {}", field.ty), hint);
            }
            if !field.pii.is_empty() {
                let hint = "partition by a field without a PII class: names of folders are seen by everybody";
                misfit(name, format!("`{name}` is personal and must not name folders"), hint);
            }
        }
        if !contract.fields.is_empty() && contract.fields.iter().all(|f| self.partition_by.contains(&f.name))
        {
            misfit(
                "",
                "`partition_by` names every field".to_owned(),
                "leave at least one field for the files",
            );
        }
        Error::many(errors).map_or(Ok(()), Err)
    }
}

fn count(reader: &mut OptionReader<'_>, key: &str, default: u64, most: u64) -> u64 {
    let value = reader.u64(key).unwrap_or(default);
    if value == 0 || value > most {
        reader.reject(key, format!("`{key}` is out of range"), format!("write a number such as {default}"));
    }
    value
}

fn stays_inside(path: &str) -> bool {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !path.contains('\0') && Path::new(path).components().all(plain)
}
