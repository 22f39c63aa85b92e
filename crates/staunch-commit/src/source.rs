//! What a source promises: origins that can be pinned, cut into chunks at places that depend on the data alone,
//! and decoded chunk by chunk, in parallel, with the bad rows set apart.

use crate::drift::Drift;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};
use staunch_contract::Contract;
use staunch_types::{Code, Micros, Result};
use std::sync::Arc;

/// One file (or other origin) as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The printable name below the connection's root, with `/` between parts; stable over time.
    pub path: String,
    /// The size in bytes, as stored.
    pub size: u64,
    /// The time of the last change, as the file system tells it.
    pub modified: Micros,
}

/// An origin that was admitted to a run: what is read is this version and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What the listing said when it was pinned.
    #[serde(flatten)]
    pub listed: Listed,
    /// How many contents of this path have been admitted before, plus 1.
    pub version: u32,
}

/// A place between two records of one origin, where reading can start again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitPoint {
    /// Where the next record begins: the byte offset in the decompressed file, or the row number (Parquet, Avro).
    pub offset: u64,
    /// Line breaks before that place (text formats); 0 elsewhere.
    pub lines: u64,
    /// xxh3-128 of the content before that place (text formats: decompressed; Avro: as it lies in the file), 32 hexadecimal digits; for
    /// Parquet that of the whole file. It proves on a restart, and on the next run, that the content is the same.
    pub digest: String,
    /// Whether nothing follows.
    pub finished: bool,
}

/// A readable object: the connection, the format and the one read chain behind it
/// (decode, validate, id, lateness, PII). It is shared by all threads.
pub trait Source: Send + Sync {
    /// The contract of the rows that come out: after PII treatment.
    fn contract(&self) -> &Arc<Contract>;

    /// The Arrow schema of the rows that come out: that of [`Source::contract`].
    fn schema(&self) -> SchemaRef;

    /// What lies there now, in the order of admission (by name). A path that matches nothing is
    /// `Source.Missing`.
    ///
    /// # Errors
    /// `Source.Missing`, `Source.Unreadable`.
    fn list(&self) -> Result<Vec<Listed>>;

    /// Opens a pinned origin at a split point. `columns` are the positions in [`Source::schema`] that somebody uses, in
    /// ascending order: batches hold these columns and no others (`None`: all). With `validate: all` every column is
    /// decoded and validated nevertheless, so that the same rows are dead whoever reads.
    ///
    /// # Errors
    /// `Source.Changed` if size, time or digest are not those of the pin; `Source.Unreadable`, `Source.Corrupt`,
    /// `Source.Schema`.
    fn open(&self, origin: &Origin, at: &SplitPoint, columns: Option<&[usize]>) -> Result<Box<dyn Splitter>>;

    /// The decoding of raw records that were rejected before, under today's contract: the same chain as for a chunk of
    /// `origin` (whose header, if its format has one, is read again; size and time are not compared).
    ///
    /// # Errors
    /// `Source.Missing` if the origin is needed and gone; `Source.Schema`.
    fn again(&self, origin: &Origin, records: &[RawRecord]) -> Result<Box<dyn ChunkWork>>;

    /// The digest of a whole origin, as a [`SplitPoint`] at its end would have it: to tell a touched file from a
    /// changed one.
    ///
    /// # Errors
    /// As [`Source::open`].
    fn digest(&self, listed: &Listed) -> Result<String>;

    /// The split that an origin belongs to: lateness is decided inside one split. The default is one split for all.
    fn split(&self, _path: &str) -> String {
        String::new()
    }

    /// What identifies object and options: an edit of it is an edit of every stage below.
    fn fingerprint(&self) -> String;

    /// The connection and object, `connection/object`: the first half of every record id.
    fn object(&self) -> &str;

    /// The options that decide what it reads, a line each, as people wrote them: what an edit of one is shown by. No secret is among them.
    fn options(&self) -> Vec<String> {
        Vec::new()
    }

    /// One line for `plan`: format, compression, validation, lateness, PII.
    fn describe(&self) -> String;
}

/// Cuts one origin into chunks, in order. Where a cut falls depends only on where the chunk begins and on the data.
pub trait Splitter: Send {
    /// The next chunk, or `None` at the end. The last chunk has `end.finished`; an origin without records gives
    /// one chunk with `found == 0`.
    ///
    /// # Errors
    /// `Source.Corrupt` for a truncated archive, `Source.TooLarge` for a record beyond the limit,
    /// `Source.Changed` if the origin was changed while it was read.
    fn next(&mut self) -> Result<Option<Chunk>>;
}

/// Some records of one origin, not yet decoded.
pub struct Chunk {
    /// Input bytes (decompressed; Avro: as they lie in the file): what epochs are cut by.
    pub bytes: u64,
    /// Records found, counted by the scan that cut them; the decoder counts for itself.
    pub found: u64,
    /// Where the next chunk begins.
    pub end: SplitPoint,
    /// The decoding, to be done on any thread.
    pub work: Box<dyn ChunkWork>,
}

/// The decoding of one chunk: decode, validate, id, lateness, PII.
pub trait ChunkWork: Send {
    /// Does it. It calls `turn` exactly once, in every case but an error.
    ///
    /// # Errors
    /// What is wrong with the whole chunk; bad rows are not errors but [`ReadRows::dead`].
    fn run(self: Box<Self>, turn: &mut dyn PrefixTurn) -> Result<ReadRows>;
}

/// The one moment at which chunks of a split wait for each other: the scan of the prefix maximum.
pub trait PrefixTurn {
    /// Waits until all earlier chunks of the split have had their turn, gives this chunk's highest event time
    /// (`None` without rows or without event time) and takes the highest one before it (microseconds).
    fn exchange(&mut self, highest: Option<Micros>) -> Option<Micros>;
}

/// What one chunk came to.
pub struct ReadRows {
    /// The accepted rows, in the schema of the source, projected to the columns that [`Source::open`] was asked for.
    pub batch: RecordBatch,
    /// Row by row of `batch`: the place in the origin (see [`SplitPoint::offset`]).
    pub places: Vec<u64>,
    /// The raw records of `batch`, for rows that a later stage rejects.
    pub raw: Arc<dyn RawRows>,
    /// The rejected rows.
    pub dead: Vec<DeadRow>,
    /// The late rows: batch and places, if any.
    pub late: Option<(RecordBatch, Vec<u64>)>,
    /// What the records have that the contract does not say, and the other way round.
    pub drift: Drift,
    /// The fields that the contract does not name, of all records that could be taken apart, where the read keeps them.
    pub unknown: Vec<UnknownRow>,
}

/// The fields of one record that the contract does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRow {
    /// Where the record stands in its origin (see [`SplitPoint::offset`]).
    pub place: u64,
    /// A JSON object, by name in the file.
    pub fields: Vec<u8>,
}

/// A raw record by itself: what a dead letter keeps.
#[derive(Debug, Clone)]
pub struct RawRecord {
    /// See [`DeadRow::place`].
    pub place: u64,
    /// See [`DeadRow::line`].
    pub line: Option<u64>,
    /// See [`DeadRow::raw`].
    pub raw: Vec<u8>,
}

/// Access to the raw record of an accepted row.
pub trait RawRows: Send + Sync {
    /// The raw bytes of row `row` of [`ReadRows::batch`]: the record as it stood in the file, without its line
    /// break (Parquet: the row as JSON; Avro: a container file of that row).
    fn raw(&self, row: usize) -> Vec<u8>;

    /// The line on which row `row` begins, from 1, for text formats.
    fn line(&self, row: usize) -> Option<u64>;
}

/// A row that the read chain, or a per-row stage, rejected.
#[derive(Debug, Clone)]
pub struct DeadRow {
    /// Where it stands in its origin (see [`SplitPoint::offset`]).
    pub place: u64,
    /// The line on which it begins, from 1 (text formats).
    pub line: Option<u64>,
    /// The record as it stood in the file. It is sealed before it is stored anywhere.
    pub raw: Vec<u8>,
    /// Why, for programs.
    pub code: Code,
    /// Why, for people; never quotes the value.
    pub reason: String,
    /// The field that is to blame, if it is one.
    pub field: Option<String>,
}
