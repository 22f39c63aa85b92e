//! A finished file, read back.

use crate::formats::csv::FieldSource;
use crate::formats::json::JsonDecoder;
use crate::read::input::Compression;
use crate::read::plan::{Projection, ReadPlan, ReadRequest};
use crate::read::split::TextDecoder;
use crate::read::text::TextChunk;
use arrow::record_batch::RecordBatch;
use staunch_contract::Contract;
use staunch_pipeline::{Late, Validate};
use staunch_types::{Error, Fs, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much is decoded at once.
const CHUNK: usize = 1 << 20;

/// Decodes a finished file of rows of this contract, batch by batch.
///
/// # Errors
/// `Store.Corrupt`, also from the items: the file is missing, or no whole file of such rows.
pub(crate) fn decode(
    fs: &dyn Fs,
    path: &Path,
    contract: &Contract,
    compression: Compression,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let file = fs.open(path).map_err(|e| unreadable(path, &e))?;
    let file = BufReader::with_capacity(1 << 17, file);
    let text: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(file).map_err(|e| unreadable(path, &e))?)
        }
    };
    let mut lines = Lines { text, path: path.to_path_buf(), rest: Vec::new(), offset: 0, before: 0 };
    let decoder = decoder(contract)?;
    Ok(std::iter::from_fn(move || {
        let chunk = match lines.chunk() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return None,
            Err(error) => {
                lines.text = Box::new(io::empty());
                lines.rest.clear();
                return Some(Err(error));
            }
        };
        Some(batch(&decoder, chunk, &lines.path))
    }))
}

/// The decoder of an NDJSON read, without treatment of personal data: these rows have been treated.
fn decoder(contract: &Contract) -> Result<JsonDecoder> {
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
    let projection: Projection = plan.project(None)?;
    let keys = contract.fields.iter().enumerate().map(|(at, field)| (field.name.as_bytes().to_vec(), at));
    Ok(JsonDecoder {
        sources: vec![FieldSource::Missing; contract.fields.len()],
        keys: keys.collect(),
        given: BTreeSet::new(),
        looks: false,
        plan: Arc::new(plan),
        projection: Arc::new(projection),
    })
}

fn batch(decoder: &JsonDecoder, chunk: TextChunk, path: &Path) -> Result<RecordBatch> {
    let found = count(&chunk.bytes);
    let (decoded, records) = decoder.decode(Arc::new(chunk), found)?;
    if decoded.rows != found || !decoded.faults.is_empty() {
        let faulty = decoded.faults.first().and_then(|fault| records.spans.get(fault.row as usize));
        let first = faulty.or_else(|| records.broken.first().map(|(span, _)| span)).copied();
        let line = records.chunk.lines(first.into_iter()).first().copied();
        let place = Place { line, ..Place::file(path) };
        return Err(Error::new(codes::STORE_CORRUPT, "a file does not hold rows of its contract")
            .place(place)
            .hint("restore the file from a backup, or run again with --full-refresh"));
    }
    let columns = decoded.columns.into_iter().flatten().collect();
    RecordBatch::try_new(Arc::clone(&decoder.projection.schema), columns)
        .map_err(|_| Error::new(codes::INTERNAL, "a batch does not fit its schema").hint("report this"))
}

fn count(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// The lines of a file, cut into chunks.
struct Lines {
    text: Box<dyn Read + Send>,
    path: PathBuf,
    /// Read, and not given out yet.
    rest: Vec<u8>,
    offset: u64,
    before: u64,
}

impl Lines {
    fn chunk(&mut self) -> Result<Option<TextChunk>> {
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            let mut more = (&mut self.text).take(CHUNK as u64);
            let read = more.read_to_end(&mut bytes).map_err(|e| unreadable(&self.path, &e))?;
            if let Some(end) = memchr::memrchr(b'\n', &bytes) {
                self.rest = bytes.split_off(end + 1);
                break;
            }
            if read == 0 && bytes.is_empty() {
                return Ok(None);
            }
            if read == 0 {
                return Err(unreadable(&self.path, &io::Error::from(io::ErrorKind::UnexpectedEof)));
            }
        }
        let chunk = TextChunk { offset: self.offset, lines: self.before, bytes };
        self.offset += chunk.bytes.len() as u64;
        self.before += count(&chunk.bytes) as u64;
        Ok(Some(chunk))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::io(codes::STORE_CORRUPT, "read a finished file", path, error)
        .hint("restore the file from a backup, or run again with --full-refresh")
}
