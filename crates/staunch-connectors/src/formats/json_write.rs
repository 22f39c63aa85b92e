//! NDJSON files, written and looked at again through [`Fs`]: one object a line, UTF-8, plain or compressed.
//!
//! **What it is.** [`JsonFile`] encodes batches into a new file; [`back::decode`] reads a finished one with the decoder that every
//! NDJSON read uses. What is written is read as the same typed rows:
//!
//! | type of the contract | in JSON |
//! |---|---|
//! | `int`, `long` | a number with all its digits, also beyond 2^53 |
//! | `decimal` | a number with exactly the digits of its scale |
//! | `float`, `double` | the shortest number that is read as the same one; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `boolean` | `true`, `false` |
//! | `string`, `enum`, `uuid` | a text |
//! | `bytes`, `fixed` | a text whose characters U+0000 to U+00FF are the bytes, as in Avro's JSON |
//! | `date`, `time-*` | a text in ISO 8601 |
//! | `timestamp-*`, `local-timestamp-*` | a text in RFC 3339 with `Z`; without it |
//! | `duration` | a text in ISO 8601: `P1M2DT3.004S` |
//! | `array`; `map`, `record` | an array; an object |
//! | `union` | the value, or `{"branch": value}`: see [`crate::formats::json_union`] |
//!
//! A null is `null`, and every row has every key.
//!
//! **What it is not.** Arrow's own JSON writer, which writes a NaN as null and bytes in hexadecimal, and takes longer to encode rows
//! into memory than this takes to hash, encode, count and write them.
//!
//! **Invariants.** A row is one line, and a line break within a value is escaped: so the line feeds that pass on the way to the
//! file count its rows, whatever the encoder believes. A file is the same whatever the cut of its batches.

pub(crate) mod back;
mod encode;
mod nested;
#[cfg(test)]
mod nested_tests;
#[cfg(test)]
mod tests;
mod text;

use crate::formats::out::{ClosedFile, OutFile, unwritable};
use crate::read::input::Compression;
use arrow::record_batch::RecordBatch;
pub(crate) use encode::Encoder;
use flate2::write::GzEncoder;
use staunch_types::{Fs, Result};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub(crate) use text::Text;

/// How much is encoded before it is handed on: little enough to stay in a processor's cache.
const ENOUGH: usize = 192 << 10;

/// Zstandard's level. Higher ones cost several times as much for a tenth less.
const ZSTD_LEVEL: i32 = 1;

/// A file that is being written.
pub(crate) struct JsonFile {
    encoder: Arc<Encoder>,
    out: Packed,
    path: PathBuf,
    /// Rows handed over.
    rows: u64,
    /// Line feeds that went to the file.
    lines: u64,
}

/// The way of the text into the file.
enum Packed {
    Plain(OutFile),
    Gzip(GzEncoder<OutFile>),
    Zstd(zstd::stream::write::Encoder<'static, OutFile>),
}

impl Packed {
    fn new(file: OutFile, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(file),
            Compression::Gzip => Self::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?;
                // Readers that have no digest of ours see damage too; gzip has its checksum anyway.
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(text),
            Self::Gzip(out) => out.write_all(text),
            Self::Zstd(out) => out.write_all(text),
        }
    }

    fn finish(self) -> io::Result<OutFile> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            Self::Zstd(out) => out.finish(),
        }
    }
}

impl JsonFile {
    /// Creates the file; an existing file is an error.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(crate) fn create(
        fs: &dyn Fs,
        path: &Path,
        encoder: Arc<Encoder>,
        compression: Compression,
    ) -> Result<Self> {
        let out = Packed::new(OutFile::create(fs, path)?, compression)
            .map_err(|e| unwritable("begin a compressed file", path, &e))?;
        Ok(Self { encoder, out, path: path.to_path_buf(), rows: 0, lines: 0 })
    }

    /// Adds rows, with the columns of the encoder. `scratch` is where they are encoded: one for many files.
    ///
    /// # Errors
    /// `Sink.Unavailable`; as [`Encoder::encode`].
    pub(crate) fn write(&mut self, batch: &RecordBatch, scratch: &mut Text) -> Result<()> {
        let mut row = 0;
        while row < batch.num_rows() {
            scratch.clear();
            row = self.encoder.encode(batch, row, scratch, ENOUGH)?;
            let text = scratch.written();
            self.lines += memchr::memchr_iter(b'\n', text).count() as u64;
            self.out.write_all(text).map_err(|e| unwritable("write a file", &self.path, &e))?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Rows handed over so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file, and says how many lines went into it. The file is complete but not yet durable.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(crate) fn close(self) -> Result<(ClosedFile, u64)> {
        let out = self.out.finish().map_err(|e| unwritable("end a file", &self.path, &e))?;
        Ok((out.close(), self.lines))
    }
}
