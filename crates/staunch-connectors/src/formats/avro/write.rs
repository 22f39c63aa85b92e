//! Container files, written and looked at again through [`Fs`].
//!
//! **Invariants.** A file is the same whatever the cut of its batches, and whenever it is written: blocks end where rows do, and the marker between them is
//! a digest of what the file says about itself. How many rows a file has is counted in the finished file.

use super::encode::Encoder;
use super::program::Program;
use super::sheet::Sheet;
use super::wanted::Wanted;
use crate::formats::csv::FieldSource;
use crate::formats::out::{ClosedFile, OutFile, unwritable};
use crate::read::plan::{Projection, ReadPlan, ReadRequest};
use arrow::record_batch::RecordBatch;
use staunch_contract::Contract;
use staunch_contract::avro::{
    Codec, ContainerLimits, ContainerReader, ContainerWriter, Cursor, Limits, Schema,
};
use staunch_pipeline::{Late, Validate};
use staunch_types::{Error, Fs, FsFile, Place, Result, codes};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// How many bytes are gathered before they are written away.
const ENOUGH: usize = 256 << 10;
/// The memory of a file, about: a block, what waits to be written, a compressor.
pub(crate) const MEMORY: usize = 512 << 10;

/// How files are encoded.
#[derive(Debug, Clone)]
pub(crate) struct Encoding {
    encoder: Arc<Encoder>,
    codec: Codec,
    metadata: Vec<(String, String)>,
    marker: [u8; 16],
}

impl Encoding {
    /// For rows of this contract; `metadata` goes into the header.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    pub(crate) fn new(contract: &Contract, codec: Codec, metadata: &[(&str, String)]) -> Result<Self> {
        let encoder = Arc::new(Encoder::new(contract)?);
        let mut text = format!("{}\n{codec}\n", encoder.schema().text());
        for (key, value) in metadata {
            text.push_str(&format!("{key} {value}\n"));
        }
        let marker = xxh3_128(text.as_bytes()).to_be_bytes();
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Ok(Self { encoder, codec, metadata, marker })
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct AvroOut {
    encoder: Arc<Encoder>,
    container: ContainerWriter<Arc<Schema>>,
    out: OutFile,
    path: PathBuf,
    row: Vec<u8>,
    rows: u64,
}

impl AvroOut {
    /// Creates the file; an existing file is an error.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(crate) fn create(fs: &dyn Fs, path: &Path, encoding: &Encoding) -> Result<Self> {
        let metadata: Vec<(&str, &[u8])> =
            encoding.metadata.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let encoder = Arc::clone(&encoding.encoder);
        let schema = Arc::clone(encoder.schema());
        let container = ContainerWriter::new(schema, encoding.codec, encoding.marker, &metadata)?;
        let out = OutFile::create(fs, path)?;
        Ok(Self { encoder, container, out, path: path.to_path_buf(), row: Vec::new(), rows: 0 })
    }

    /// Adds rows, with the columns of the contract.
    ///
    /// # Errors
    /// `Sink.Unavailable`; `Sink.Rejected` for a value that is none of its type.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let encoder = Arc::clone(&self.encoder);
        let rows = encoder.rows(batch)?;
        for row in 0..batch.num_rows() {
            self.row.clear();
            rows.encode(row, &mut self.row)?;
            self.container.append_encoded(&self.row, 1)?;
            if self.container.ready() >= ENOUGH {
                self.flush()?;
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let ready = self.container.take();
        self.out.write_all(&ready).map_err(|e| unwritable("write a file", &self.path, &e))
    }

    /// Rows handed over so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file. It is complete but not yet durable.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(crate) fn close(mut self) -> Result<ClosedFile> {
        self.container.end_block()?;
        self.flush()?;
        Ok(self.out.close())
    }
}

type Finished = ContainerReader<BufReader<Box<dyn FsFile>>>;

fn finished(fs: &dyn Fs, path: &Path) -> Result<Finished> {
    let file = fs
        .open(path)
        .map_err(|e| Error::io(codes::STORE_CORRUPT, "read a finished file", path, &e).hint(HINT))?;
    ContainerReader::open(BufReader::with_capacity(1 << 17, file), path, ContainerLimits::default())
        .map_err(|e| damaged(path, &e))
}

const HINT: &str = "restore the file from a backup, or run again with --full-refresh";

fn damaged(path: &Path, error: &Error) -> Error {
    Error::new(codes::STORE_CORRUPT, "a finished file is not a whole Avro file")
        .place(Place::file(path))
        .cause(error.message().to_owned())
        .hint(HINT)
}

/// The rows of a finished file: what its blocks count, each of which ends as it must.
///
/// # Errors
/// `Store.Corrupt`.
pub(crate) fn count(fs: &dyn Fs, path: &Path) -> Result<u64> {
    let mut file = finished(fs, path)?;
    let mut rows = 0_u64;
    while let Some(block) = file.next_stored().map_err(|e| damaged(path, &e))? {
        rows = rows.saturating_add(block.count);
    }
    Ok(rows)
}

/// Decodes a finished file of rows of this contract, block by block.
///
/// # Errors
/// `Store.Corrupt`, also from the items.
pub(crate) fn decode(
    fs: &dyn Fs,
    path: &Path,
    contract: &Contract,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let file = finished(fs, path)?;
    let (plan, projection) = plain(contract)?;
    let sources = vec![FieldSource::Missing; plan.fields.len()];
    let wanted = Wanted::new(contract, &BTreeMap::new(), &sources)?;
    let program = Program::new(&wanted, &plan.fields, &projection.decode, file.schema(), path)
        .map_err(|e| damaged(path, &e))?;
    let mut back = Back { file, path: path.to_path_buf(), plan, projection, sources, program };
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let batch = back.next();
        ended = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }))
}

struct Back {
    file: Finished,
    path: PathBuf,
    plan: ReadPlan,
    projection: Projection,
    sources: Vec<FieldSource>,
    program: Program,
}

impl Back {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Self { file, path, plan, projection, sources, program } = self;
        let Some(block) = file.next_block().map_err(|e| damaged(path, &e))? else { return Ok(None) };
        let rows = usize::try_from(block.count).unwrap_or(usize::MAX);
        let mut sheet = Sheet::new(program, &plan.fields, projection, sources, rows);
        let mut cursor = Cursor::new(&block.bytes, Limits::default());
        let wrong = |what: &str| {
            let error =
                Error::new(codes::SOURCE_CORRUPT, format!("{what}, in the block at byte {}", block.at));
            damaged(path, &error)
        };
        for _ in 0..block.count {
            let read = sheet.row(&mut cursor).map_err(|fault| wrong(fault.why()))?;
            if read.is_some() {
                return Err(wrong("it holds rows of another contract"));
            }
        }
        if cursor.rest() > 0 {
            return Err(wrong("something stands behind the last row"));
        }
        let decoded = sheet.finish(sources, projection)?;
        if !decoded.faults.is_empty() {
            return Err(wrong("it does not hold rows of its contract"));
        }
        let columns = decoded.columns.into_iter().flatten().collect();
        RecordBatch::try_new(Arc::clone(&projection.schema), columns)
            .map(Some)
            .map_err(|_| Error::new(codes::INTERNAL, "a batch does not fit its schema").hint("report this"))
    }
}

/// The chain of a read without treatment of personal data: these rows have been treated.
pub(super) fn plain(contract: &Contract) -> Result<(ReadPlan, Projection)> {
    let mut plain = contract.clone();
    plain.event_time = None;
    for field in &mut plain.fields {
        field.pii.clear();
    }
    let plan = ReadPlan::new(&ReadRequest {
        contract: &Arc::new(plain),
        late_after: None,
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
        pii: &BTreeMap::new(),
        token_keys: &BTreeMap::new(),
        formats: &BTreeMap::new(),
    })?;
    let projection = plan.project(None)?;
    Ok((plan, projection))
}
