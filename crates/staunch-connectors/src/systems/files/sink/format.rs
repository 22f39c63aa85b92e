//! What a folder's files are encoded as. Everything else about the sink is the same for all of them.

use crate::formats::avro::write::{self as avro_write, AvroOut};
use crate::formats::json_write::{Encoder, JsonFile, Text, back};
use crate::formats::out::ClosedFile;
use crate::formats::parquet_write::{self, Codec, Encoding, ParquetFile};
use crate::read::input::Compression;
use arrow::record_batch::RecordBatch;
use staunch_contract::Contract;
use staunch_contract::avro::Codec as AvroCodec;
use staunch_types::{Fs, Result};
use std::path::Path;
use std::sync::Arc;

/// What every staged file's name ends with. It is not the ending of the format: some readers' patterns (`**/*.parquet`) look
/// into hidden folders too.
const STAGED: &str = "staged";

/// Bytes of a compressor's memory, for the bound on open files: zlib's window and tables, those of Zstandard's level 1.
const GZIP: usize = 300 << 10;
const ZSTD: usize = 1600 << 10;

/// What a file is, as its name tells: a folder may hold files from before an edit of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Avro,
    Parquet,
    Json(Compression),
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Avro,
        Self::Parquet,
        Self::Json(Compression::None),
        Self::Json(Compression::Gzip),
        Self::Json(Compression::Zstd),
    ];

    /// The ending of published names.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Avro => "avro",
            Self::Parquet => "parquet",
            Self::Json(Compression::None) => "ndjson",
            Self::Json(Compression::Gzip) => "ndjson.gz",
            Self::Json(Compression::Zstd) => "ndjson.zst",
        }
    }

    /// The ending of staged names.
    pub(super) fn staged(self) -> String {
        format!("{}.{STAGED}", self.ending())
    }

    /// All endings of staged names.
    pub(super) fn all_staged() -> impl Iterator<Item = String> {
        Self::ALL.into_iter().map(Self::staged)
    }

    /// The kind of a published name, and the name without its ending.
    pub(super) fn of(name: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|kind| {
            let stem = name.strip_suffix(kind.ending())?.strip_suffix('.')?;
            Some((kind, stem))
        })
    }

    /// Decodes a finished file of rows of this contract (the fields that are in the file).
    ///
    /// # Errors
    /// `Store.Corrupt`, also from the items.
    pub(super) fn decode(
        self,
        fs: &Arc<dyn Fs>,
        path: &Path,
        contract: &Contract,
    ) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + Send>> {
        Ok(match self {
            Self::Avro => Box::new(avro_write::decode(fs.as_ref(), path, contract)?),
            Self::Parquet => Box::new(parquet_write::decode(fs, path)?),
            Self::Json(compression) => Box::new(back::decode(fs.as_ref(), path, contract, compression)?),
        })
    }
}

/// How files are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `format: avro`, with its `compression:` (default: `zstandard`).
    Avro(AvroCodec),
    /// `format: parquet`
    Parquet {
        /// `compression:` (default: `zstd`).
        codec: Codec,
        /// `row_group_rows:` (default: 122,880).
        row_group_rows: usize,
    },
    /// `format: json`, with its `compression:` (default: `none`).
    Json(Compression),
}

impl Format {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Avro(_) => Kind::Avro,
            Self::Parquet { .. } => Kind::Parquet,
            Self::Json(compression) => Kind::Json(compression),
        }
    }

    /// One line for `plan`.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Avro(AvroCodec::Null) => "avro, not compressed".to_owned(),
            Self::Avro(codec) => format!("avro, {codec}"),
            Self::Parquet { codec, .. } => format!("parquet, {}", format!("{codec:?}").to_lowercase()),
            Self::Json(Compression::None) => "json, not compressed".to_owned(),
            Self::Json(compression) => format!("json, {}", format!("{compression:?}").to_lowercase()),
        }
    }
}

/// What all files of an epoch have in common.
#[derive(Debug)]
pub(super) enum Shape {
    Avro(avro_write::Encoding),
    Parquet(Encoding),
    Json(Arc<Encoder>, Compression),
}

impl Shape {
    /// For rows of this contract (the fields that are in the files); `metadata` goes where the format has a place for it.
    ///
    /// # Errors
    /// `ST0043` if the format cannot hold them, which `check` has seen.
    pub(super) fn new(format: Format, contract: &Contract, metadata: &[(&str, String)]) -> Result<Self> {
        Ok(match format {
            Format::Avro(codec) => Self::Avro(avro_write::Encoding::new(contract, codec, metadata)?),
            Format::Parquet { codec, row_group_rows } => Self::Parquet(Encoding {
                codec,
                row_group_rows,
                metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            }),
            Format::Json(compression) => Self::Json(Arc::new(Encoder::new(&contract.fields)), compression),
        })
    }

    /// Creates a file; `first` are rows that will go into it.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(super) fn create(&self, fs: &dyn Fs, path: &Path, first: &RecordBatch) -> Result<File> {
        Ok(match self {
            Self::Avro(encoding) => File::Avro(Box::new(AvroOut::create(fs, path, encoding)?)),
            Self::Parquet(encoding) => {
                File::Parquet(Box::new(ParquetFile::create(fs, path, first, encoding)?))
            }
            Self::Json(encoder, compression) => File::Json(
                Box::new(JsonFile::create(fs, path, Arc::clone(encoder), *compression)?),
                *compression,
            ),
        })
    }
}

/// A file that takes rows.
pub(super) enum File {
    Avro(Box<AvroOut>),
    Parquet(Box<ParquetFile>),
    Json(Box<JsonFile>, Compression),
}

impl File {
    /// Adds rows. `scratch` is one for all files of a writer.
    ///
    /// # Errors
    /// `Sink.Unavailable`; `Sink.Rejected` for a value that the format has no form for.
    pub(super) fn write(&mut self, batch: &RecordBatch, scratch: &mut Text) -> Result<()> {
        match self {
            Self::Avro(file) => file.write(batch),
            Self::Parquet(file) => file.write(batch),
            Self::Json(file, _) => file.write(batch, scratch),
        }
    }

    /// Rows handed over so far.
    pub(super) fn rows(&self) -> u64 {
        match self {
            Self::Avro(file) => file.rows(),
            Self::Parquet(file) => file.rows(),
            Self::Json(file, _) => file.rows(),
        }
    }

    /// Bytes that the file holds in memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Avro(_) => avro_write::MEMORY,
            Self::Parquet(file) => file.memory(),
            Self::Json(_, Compression::None) => 0,
            Self::Json(_, Compression::Gzip) => GZIP,
            Self::Json(_, Compression::Zstd) => ZSTD,
        }
    }

    /// Frees memory, if that is possible while the file is open; whether it was.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(super) fn relieve(&mut self) -> Result<bool> {
        match self {
            Self::Parquet(file) => file.flush().map(|()| true),
            Self::Avro(_) | Self::Json(..) => Ok(false),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(super) fn close(self) -> Result<Closed> {
        match self {
            Self::Avro(file) => Ok(Closed { file: file.close()?, lines: None }),
            Self::Parquet(file) => Ok(Closed { file: file.close()?, lines: None }),
            Self::Json(file, _) => {
                let (file, lines) = file.close()?;
                Ok(Closed { file, lines: Some(lines) })
            }
        }
    }
}

/// A complete file that waits to be made durable.
pub(super) struct Closed {
    pub(super) file: ClosedFile,
    /// The lines that went into it, for a format without a footer.
    pub(super) lines: Option<u64>,
}
