//! Reading container files: a chunk is some whole blocks; a place is the number of a row in its file.
//!
//! One thread goes over the file: it hashes the bytes as they lie, finds the blocks and looks at their markers. Whoever takes a chunk expands
//! and decodes its blocks.

use super::keep::Keep;
use super::letter::Letters;
use super::resolve::{Resolved, Wants};
use super::sheet::Sheet;
use super::{corrupt, too_large};
use crate::read::chain::{Records, finish};
use crate::read::fault::Fault;
use crate::read::input::{changed, unreadable, verify_pin};
use crate::read::plan::{Projection, ReadPlan};
use staunch_commit::{
    Chunk, ChunkWork, DeadRow, Listed, PrefixTurn, RawRows, ReadRows, SplitPoint, Splitter,
};
use staunch_contract::avro::{Block, Codec, ContainerLimits, ContainerReader, Cursor, Limits, StoredBlock};
use staunch_types::{Error, Result, bare, codes};
use std::fs::File;
use std::io::{self, BufReader, Read, Take};
use std::path::PathBuf;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The rows of a chunk, about: it ends with the block that reaches them.
const ROWS: u64 = 1 << 17;
/// What a chunk may hold, expanded and as columns: a few bytes may stand for many rows, and a row for large defaults.
const LARGEST_CHUNK: usize = 256 << 20;
/// What every chunk may expand to, however small it is: a small file of equal rows is no bomb.
const ALWAYS: u64 = 64 << 20;
/// Blocks without rows, one after the other: a chunk holds them all, because it ends behind a row.
const EMPTY_BLOCKS: u64 = 1 << 16;
/// So many rows are read between two looks at the memory.
const LOOK: usize = 256;
/// Or so many values.
const LOOK_VALUES: usize = 1 << 20;

/// One pinned file and what is wanted of it.
pub(crate) struct AvroFile {
    pub(crate) path: PathBuf,
    pub(crate) pin: Listed,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    pub(crate) wants: Wants,
    /// How many bytes a row may have.
    pub(crate) max_record: usize,
    /// How many times its size a chunk may expand to, beyond [`ALWAYS`].
    pub(crate) max_expansion: u64,
    /// How many bytes a chunk expands to, about.
    pub(crate) chunk_bytes: usize,
}

/// What all chunks of a file have in common.
struct Shared {
    file: AvroFile,
    way: Resolved,
    /// Where unknown fields are kept.
    keep: Option<Keep>,
    codec: Codec,
    limits: ContainerLimits,
    letters: Letters,
}

/// The bytes of a file, hashed as they pass.
struct Hashed {
    input: BufReader<Take<File>>,
    hash: Xxh3,
}

impl Hashed {
    fn digest(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }
}

impl Read for Hashed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buf)?;
        if !bare::on() {
            self.hash.update(buf.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// Opens a file at a split point; also the names of its fields that are ignored.
///
/// # Errors
/// `Source.Changed`, `Source.Corrupt`, `Source.TooLarge`, `Source.Unreadable`, `Source.Schema`.
pub(crate) fn open(file: AvroFile, at: &SplitPoint) -> Result<(Box<dyn Splitter>, Vec<String>)> {
    verify_pin(&file.path, &file.pin)?;
    let handle = File::open(&file.path).map_err(|e| unreadable("open the file", &file.path, &e))?;
    // What is appended after the listing does not belong to the pinned version.
    let input = BufReader::with_capacity(1 << 17, handle.take(file.pin.size));
    let input = Hashed { input, hash: Xxh3::new() };
    let mut reader =
        ContainerReader::open(input, &file.path, ContainerLimits::default()).map_err(|e| still(&file, e))?;
    let way = Resolved::new(&file.wants, &file.plan, &file.projection.decode, reader.schema(), &file.path)?;
    let ignored = way.drift.ignored();
    let unknown = way.drift.unknown.iter().map(|(name, _)| name.clone()).collect();
    let keep = file.plan.widens().then(|| Keep::new(unknown, reader.schema())).flatten();
    let letters = Letters::new(reader.schema());
    let (codec, limits) = (reader.codec(), reader.limits());
    let shared = Shared { file, way, keep, codec, limits, letters };
    let fresh = at.offset == 0 && !at.finished;
    let before = if fresh { 0 } else { reader.at() };
    let first = next(&mut reader, &shared, !fresh)?;
    let expansion = shared.expansion(first.as_ref().map(|(block, _)| block));
    let mut splitter = AvroSplitter {
        shared: Arc::new(shared),
        reader,
        pending: None,
        expansion,
        row: 0,
        begin: before,
        done: at.finished,
    };
    match fresh {
        true => splitter.pending = first,
        false => splitter.skip_to(at, first)?,
    }
    Ok((Box::new(splitter), ignored))
}

/// The error, or that the file is not the one that was pinned: a file that was cut or overwritten while it was read is no damaged one.
fn still(file: &AvroFile, error: Error) -> Error {
    verify_pin(&file.path, &file.pin).err().unwrap_or(error)
}

/// A stored block, and the digest of the file up to its end.
type Hit = (StoredBlock, String);

/// The next block. With `known` it was read before.
fn next(reader: &mut ContainerReader<Hashed>, shared: &Shared, known: bool) -> Result<Option<Hit>> {
    let block = reader.next_stored().map_err(|error| {
        let error = still(&shared.file, error);
        match error.code() == codes::SOURCE_CORRUPT && known {
            true => changed(&shared.file.path, "what was read before is not there any more"),
            false => error,
        }
    })?;
    Ok(block.map(|block| {
        let digest = reader.input().digest();
        (block, digest)
    }))
}

impl Shared {
    /// How many bytes of the first block are stored, and how many they expand to: about what others do.
    fn expansion(&self, first: Option<&StoredBlock>) -> (u64, u64) {
        let Some(first) = first.filter(|_| self.codec != Codec::Null) else { return (1, 1) };
        let stored = (first.stored.len() as u64).max(1);
        // What is wrong with it is told by whoever decodes it.
        let expanded = first.clone().expand(self.codec, &self.limits, &self.file.path);
        (stored, expanded.map_or(stored, |block| (block.bytes.len() as u64).max(stored)))
    }
}

struct AvroSplitter {
    shared: Arc<Shared>,
    reader: ContainerReader<Hashed>,
    /// The block that the next chunk begins with.
    pending: Option<Hit>,
    expansion: (u64, u64),
    /// The number of its first row.
    row: u64,
    /// The byte of the file up to which chunks were given out.
    begin: u64,
    done: bool,
}

impl AvroSplitter {
    /// Goes over the blocks before a split point, and holds the file against its digest.
    fn skip_to(&mut self, at: &SplitPoint, first: Option<Hit>) -> Result<()> {
        let path = self.shared.file.path.clone();
        let gone = || changed(&path, "what was read before is not there any more");
        let mut block = first;
        if block.is_none() && at.offset == 0 && at.digest == self.reader.input().digest() {
            // A file without rows.
            return Ok(());
        }
        loop {
            let (stored, digest) = block.ok_or_else(gone)?;
            self.row = self.row.saturating_add(stored.count);
            if self.row > at.offset {
                return Err(gone());
            }
            self.begin = self.reader.at();
            let here = self.row == at.offset && digest == at.digest;
            block = next(&mut self.reader, &self.shared, !here)?;
            if here {
                self.pending = block;
                break;
            }
        }
        if at.finished && self.pending.is_some() {
            return Err(changed(&path, "something was added behind its end"));
        }
        Ok(())
    }

    /// About how many bytes a block expands to.
    fn estimate(&self, block: &StoredBlock) -> u64 {
        let (stored, expanded) = self.expansion;
        let bytes = u128::from(block.stored.len() as u64) * u128::from(expanded) / u128::from(stored);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl Splitter for AvroSplitter {
    fn next(&mut self) -> Result<Option<Chunk>> {
        if self.done {
            return Ok(None);
        }
        let wanted = self.shared.file.chunk_bytes.max(1) as u64;
        let mut blocks = Vec::new();
        let (mut rows, mut bytes, mut empty) = (0_u64, 0_u64, 0_u64);
        let mut digest = self.reader.input().digest();
        let mut reached = self.reader.at();
        while let Some((block, after)) = self.pending.take() {
            rows = rows.saturating_add(block.count);
            bytes = bytes.saturating_add(self.estimate(&block));
            empty = if block.count == 0 { empty + 1 } else { 0 };
            if empty > EMPTY_BLOCKS {
                let path = &self.shared.file.path;
                let message = format!(
                    "the file has more than {EMPTY_BLOCKS} blocks without rows, one after the other, at byte {}",
                    block.at
                );
                return Err(too_large(path, message)
                    .hint("look whether the file is what it should be, and write it again"));
            }
            blocks.push(block);
            (digest, reached) = (after, self.reader.at());
            self.pending = next(&mut self.reader, &self.shared, false)?;
            if rows > 0 && (rows >= ROWS || bytes >= wanted) {
                break;
            }
        }
        let begin = self.row;
        self.row = self.row.checked_add(rows).ok_or_else(|| {
            corrupt(&self.shared.file.path, "the blocks of the file count more rows than there can be")
        })?;
        self.done = self.pending.is_none();
        if self.done {
            verify_pin(&self.shared.file.path, &self.shared.file.pin)?;
        }
        let bytes = reached.saturating_sub(self.begin);
        self.begin = reached;
        let end = SplitPoint { offset: self.row, lines: 0, digest, finished: self.done };
        let work = AvroWork { shared: Arc::clone(&self.shared), blocks, rows, begin };
        Ok(Some(Chunk { bytes, found: rows, end, work: Box::new(work) }))
    }
}

/// The decoding of some blocks.
struct AvroWork {
    shared: Arc<Shared>,
    blocks: Vec<StoredBlock>,
    rows: u64,
    begin: u64,
}

/// Where the bytes of a row are.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Its number in the chunk.
    row: u32,
    block: u32,
    begin: u32,
    end: u32,
}

/// The rows of a chunk, found in its blocks.
#[derive(Debug)]
struct Found {
    letters: Letters,
    /// The number of the first row in the file.
    begin: u64,
    blocks: Vec<Vec<u8>>,
    /// The rows that have columns.
    rows: Vec<Span>,
    /// The rows that have none.
    broken: Vec<(Span, Fault)>,
    /// The unknown fields of the rows that have columns, where they are kept.
    unknown: Vec<(u32, Vec<u8>)>,
    /// Bytes of memory of these.
    kept: usize,
}

impl Found {
    fn letter(&self, span: Span) -> Vec<u8> {
        let block = self.blocks.get(span.block as usize).map(Vec::as_slice).unwrap_or_default();
        self.letters.letter(block.get(span.begin as usize..span.end as usize).unwrap_or_default())
    }

    fn place_of(&self, span: Span) -> u64 {
        self.begin.saturating_add(span.row.into())
    }

    fn memory(&self) -> usize {
        self.kept + self.rows.len() * size_of::<Span>() + self.broken.len() * size_of::<(Span, Fault)>()
    }
}

impl AvroWork {
    fn decode(self, sheet: &mut Sheet<'_>) -> Result<Found> {
        let Self { shared, blocks, begin, .. } = self;
        let file = &shared.file;
        let stored: u64 = blocks.iter().map(|b| b.stored.len() as u64).sum();
        let most = stored.saturating_mul(file.max_expansion).max(ALWAYS);
        let letters = shared.letters.clone();
        let mut found = Found {
            letters,
            begin,
            blocks: Vec::new(),
            rows: Vec::new(),
            broken: Vec::new(),
            unknown: Vec::new(),
            kept: 0,
        };
        let mut expanded = 0_usize;
        for stored in blocks {
            let Block { count, bytes, at } = stored.expand(shared.codec, &shared.limits, &file.path)?;
            expanded = expanded.saturating_add(bytes.len());
            if shared.codec != Codec::Null && expanded as u64 > most {
                let times = file.max_expansion;
                let message = format!(
                    "blocks of the file expand to more than {times} times their own size, at byte {at}"
                );
                return Err(too_large(&file.path, message).hint(
                    "look whether it is what it should be; if it is, raise `max_expansion:` of the object",
                ));
            }
            let number = u32::try_from(found.blocks.len()).unwrap_or(u32::MAX);
            self::rows(&shared, sheet, &mut found, (count, &bytes, at, number), expanded)?;
            found.blocks.push(bytes);
        }
        Ok(found)
    }
}

/// Reads the rows of one block: how many there are, its bytes, where it is in the file and among the blocks.
fn rows(
    shared: &Shared,
    sheet: &mut Sheet<'_>,
    found: &mut Found,
    (count, bytes, at, block): (u64, &[u8], u64, u32),
    expanded: usize,
) -> Result<()> {
    let file = &shared.file;
    let mut cursor = Cursor::new(bytes, Limits::default());
    let mut values = 0_usize;
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    for n in 0..count {
        let from = cursor.at();
        let row = (found.rows.len() + found.broken.len()) as u64;
        let number = found.begin.saturating_add(row);
        let read = sheet.row(&mut cursor).map_err(|fault| {
            let byte = fault.byte().unwrap_or(from);
            let why = fault.why();
            let message =
                format!("row {number} cannot be read: {why}, at byte {byte} of the block at byte {at}");
            match fault.is_beyond() {
                true => too_large(&file.path, message).hint("write such rows as smaller ones"),
                false => corrupt(&file.path, message),
            }
        })?;
        if cursor.at() - from > file.max_record {
            let message = format!("row {number} has more than {} bytes", file.max_record);
            return Err(too_large(&file.path, message).hint(
                "look whether the file is what it should be; if it is, raise `max_record:` of the object",
            ));
        }
        let span = Span { row: small(row as usize), block, begin: small(from), end: small(cursor.at()) };
        match read {
            None => {
                if let Some(keep) = &shared.keep {
                    let row = bytes.get(from..cursor.at()).unwrap_or_default();
                    let fields = keep.object(row);
                    found.kept = found.kept.saturating_add(fields.len() + size_of::<(u32, Vec<u8>)>());
                    found.unknown.push((small(found.rows.len()), fields));
                }
                found.rows.push(span);
            }
            Some(fault) => found.broken.push((span, fault)),
        }
        values = values.saturating_add(cursor.spent());
        if n % LOOK as u64 == 0 || values > LOOK_VALUES {
            values = 0;
            let held = expanded.saturating_add(sheet.memory()).saturating_add(found.memory());
            if held > LARGEST_CHUNK {
                let message = format!(
                    "rows of the file hold more than {LARGEST_CHUNK} bytes, in the block at byte {at}"
                );
                return Err(too_large(&file.path, message).hint(
                    "look whether the file is what it should be; if it is, lower `chunk_bytes:` of the object, or write the file with smaller blocks",
                ));
            }
        }
    }
    if cursor.rest() > 0 {
        let message = format!("{} bytes stand behind the last row of the block at byte {at}", cursor.rest());
        return Err(corrupt(&file.path, message));
    }
    Ok(())
}

impl ChunkWork for AvroWork {
    fn run(self: Box<Self>, turn: &mut dyn PrefixTurn) -> Result<ReadRows> {
        let shared = Arc::clone(&self.shared);
        let file = &shared.file;
        let expected = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let way = &shared.way;
        let mut sheet = Sheet::new(&way.program, &way.fields, &file.projection, &way.sources, expected);
        let mut found = self.decode(&mut sheet).map_err(|e| still(file, e))?;
        let mut decoded = way.finish(sheet, &file.plan, &file.projection)?;
        decoded.drift = way.drift.of_rows(decoded.rows);
        decoded.unknown = std::mem::take(&mut found.unknown);
        finish(&file.plan, &file.projection, decoded, found, turn)
    }
}

impl Records for Found {
    fn place(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(self.begin, |span| self.place_of(*span))
    }

    fn raw(&self, row: usize) -> Vec<u8> {
        self.rows.get(row).map(|span| self.letter(*span)).unwrap_or_default()
    }

    fn broken(&self) -> Vec<(u64, Vec<u8>, Fault)> {
        let record = |(span, fault): &(Span, Fault)| (self.place_of(*span), self.letter(*span), *fault);
        self.broken.iter().map(record).collect()
    }

    fn lines(&self, _dead: &mut [DeadRow]) {}

    fn keep(mut self, kept: Option<&[usize]>) -> Arc<dyn RawRows> {
        if let Some(kept) = kept {
            self.rows = kept.iter().filter_map(|row| self.rows.get(*row)).copied().collect();
        }
        Arc::new(self)
    }
}

impl RawRows for Found {
    fn raw(&self, row: usize) -> Vec<u8> {
        Records::raw(self, row)
    }

    fn line(&self, _row: usize) -> Option<u64> {
        None
    }
}
