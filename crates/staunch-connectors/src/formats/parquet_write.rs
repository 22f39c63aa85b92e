//! Parquet files, written and looked at again through [`Fs`].
//!
//! **What it is.** [`ParquetFile`] encodes batches into a new file and computes the digest of its bytes on the way;
//! [`footer`] and [`decode`] read a finished file back, so that what is reported about a file is what the file says.
//!
//! **What it is not.** It knows no epochs, folders or partitions, and reads no files of users.
//!
//! **Invariants.** A file is only ever created, never opened for writing again. A file that is not closed has no footer and
//! cannot be mistaken for a finished one. After an error the file is not to be used.

mod sample;
#[cfg(test)]
mod tests;

use crate::formats::out::{ClosedFile, OutFile};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding as ColumnEncoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnPath;
use sample::{Choice, choose};
use staunch_types::{Error, Fs, FsFile, Place, Result, codes};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How pages are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard, level 1.
    #[default]
    Zstd,
    /// Snappy.
    Snappy,
    /// Not at all.
    None,
}

/// How a file is encoded.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// How pages are compressed.
    pub codec: Codec,
    /// Rows of a row group, at least 1.
    pub row_group_rows: usize,
    /// Key and value pairs for the file's footer.
    pub metadata: Vec<(String, String)>,
}

impl Encoding {
    fn properties(&self, first: &RecordBatch) -> WriterProperties {
        let compression = match self.codec {
            // Level 1 is the lowest; were it refused, the library's own default would do as well.
            Codec::Zstd => Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()),
            Codec::Snappy => Compression::SNAPPY,
            Codec::None => Compression::UNCOMPRESSED,
        };
        let pairs = self.metadata.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())).collect();
        let mut builder = WriterProperties::builder()
            .set_created_by(concat!("staunch ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(compression)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_dictionary_enabled(true)
            .set_write_batch_size(8192)
            .set_max_row_group_row_count(Some(self.row_group_rows.max(1)))
            .set_key_value_metadata(Some(pairs));
        for (choice, field) in choose(first, self.row_group_rows).into_iter().zip(first.schema().fields()) {
            // A contract has no nested fields: the path of a column is its name.
            let column = ColumnPath::from(field.name().as_str());
            builder = match choice {
                Choice::Dictionary => builder,
                Choice::Plain => builder.set_column_dictionary_enabled(column, false),
                Choice::Delta => builder
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, ColumnEncoding::DELTA_BINARY_PACKED),
            };
        }
        builder.build()
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct ParquetFile {
    writer: ArrowWriter<OutFile>,
    path: PathBuf,
    rows: u64,
}

impl ParquetFile {
    /// Creates the file in the schema of its first rows; an existing file is an error. The rows are looked at, to choose
    /// encodings, and not yet written.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub fn create(fs: &dyn Fs, path: &Path, first: &RecordBatch, encoding: &Encoding) -> Result<Self> {
        let out = OutFile::create(fs, path)?;
        let writer = ArrowWriter::try_new(out, first.schema(), Some(encoding.properties(first)))
            .map_err(|e| not_encoded("begin a Parquet file", path, &e))?;
        Ok(Self { writer, path: path.to_path_buf(), rows: 0 })
    }

    /// Adds rows, in the schema of the file.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|e| not_encoded("write a Parquet file", &self.path, &e))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Ends the row group, so that its memory is free.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(|e| not_encoded("write a Parquet file", &self.path, &e))
    }

    /// Rows handed over so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of memory that the row group in progress holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.writer.memory_size()
    }

    /// Writes the footer. The file is complete but not yet durable.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub fn close(self) -> Result<ClosedFile> {
        let out = self.writer.into_inner().map_err(|e| not_encoded("end a Parquet file", &self.path, &e))?;
        Ok(out.close())
    }
}

/// What a finished file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Rows.
    pub rows: u64,
    /// Row groups.
    pub row_groups: usize,
    /// The key and value pairs that have a value.
    pub metadata: BTreeMap<String, String>,
}

/// Reads the footer of a finished file.
///
/// # Errors
/// `Store.Corrupt` if the file is missing, unreadable or not a whole Parquet file.
pub fn footer(fs: &Arc<dyn Fs>, path: &Path) -> Result<Footer> {
    let chunks = Chunks::open(fs, path)?;
    let parsed = ParquetMetaDataReader::new().parse_and_finish(&chunks).map_err(|e| damaged(path, &e))?;
    let file = parsed.file_metadata();
    let rows = u64::try_from(file.num_rows()).unwrap_or(0);
    let pairs = file.key_value_metadata().into_iter().flatten();
    let metadata = pairs.filter_map(|p| Some((p.key.clone(), p.value.clone()?))).collect();
    Ok(Footer { rows, row_groups: parsed.num_row_groups(), metadata })
}

/// Decodes a finished file, batch by batch.
///
/// # Errors
/// `Store.Corrupt`, also from the items.
pub fn decode(fs: &Arc<dyn Fs>, path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let chunks = Chunks::open(fs, path)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(chunks)
        .and_then(|builder| builder.with_batch_size(8192).build())
        .map_err(|e| damaged(path, &e))?;
    let path = path.to_path_buf();
    Ok(reader.map(move |batch| {
        batch.map_err(|e| {
            Error::new(codes::STORE_CORRUPT, "a Parquet file cannot be decoded")
                .place(Place::file(&path))
                .cause(e.to_string())
                .hint("remove the file and run again")
        })
    }))
}

/// A file of [`Fs`] as the Parquet reader wants it.
struct Chunks {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    len: u64,
}

impl Chunks {
    fn open(fs: &Arc<dyn Fs>, path: &Path) -> Result<Self> {
        let missing = |e: &io::Error| {
            Error::io(codes::STORE_CORRUPT, "read a Parquet file", path, e)
                .hint("restore the file, or run again with --full-refresh")
        };
        let len = fs.len(path).map_err(|e| missing(&e))?;
        let len = len.ok_or_else(|| missing(&io::Error::from(io::ErrorKind::NotFound)))?;
        Ok(Self { fs: Arc::clone(fs), path: path.to_path_buf(), len })
    }

    fn at(&self, start: u64) -> io::Result<Box<dyn FsFile>> {
        let mut file = self.fs.open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Box<dyn FsFile>>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(self.at(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // The length comes from the file: it must not be believed before it is allocated.
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF("a part lies beyond the end of the file".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.at(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

fn not_encoded(doing: &str, path: &Path, error: &ParquetError) -> Error {
    Error::new(codes::SINK_UNAVAILABLE, format!("cannot {doing}"))
        .place(Place::file(path))
        .cause(error.to_string())
        .hint("check the free space and the rights of the folder, then run again")
}

fn damaged(path: &Path, error: &ParquetError) -> Error {
    Error::new(codes::STORE_CORRUPT, "not a whole Parquet file")
        .place(Place::file(path))
        .cause(error.to_string())
        .hint("restore the file, or run again with --full-refresh")
}
