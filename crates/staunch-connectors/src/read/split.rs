//! Cutting a text file into chunks: one sequential pass that decompresses, hashes and finds where records end.

use crate::read::chain::{Decoded, TextRecords, finish};
use crate::read::cut::{Cut, Cutter, Oversize};
use crate::read::input::{Input, changed};
use crate::read::plan::{Projection, ReadPlan};
use crate::read::text::TextChunk;
use staunch_commit::{Chunk, ChunkWork, Drift, PrefixTurn, ReadRows, SplitPoint, Splitter};
use staunch_types::{Error, Place, Result, codes};
use std::sync::Arc;

/// How much is read at once behind the wanted size of a chunk, while the end of its last record is looked for.
const STEP: usize = 64 << 10;
/// How much of a prefix is hashed at once.
const BLOCK: usize = 1 << 20;

/// The decoder of a text format, for one file.
pub(crate) trait TextDecoder: Send + Sync {
    /// Takes a chunk apart; `found` records were counted in it.
    ///
    /// # Errors
    /// What is wrong with the whole chunk.
    fn decode(&self, chunk: Arc<TextChunk>, found: usize) -> Result<(Decoded, TextRecords)>;
}

/// The beginning of a text file: what stands before its first record.
pub(crate) struct Head {
    /// The header without its line break, if the file has one.
    pub(crate) header: Option<Vec<u8>>,
    len: u64,
    lines: u64,
    /// What was read beyond it.
    rest: Vec<u8>,
}

impl Head {
    /// What was read beyond it.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.rest
    }
}

/// The mark with which a text of another encoding begins; that of UTF-32 begins as that of UTF-16 does.
fn other_encoding(text: &[u8]) -> Option<&'static str> {
    match text {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
        _ => None,
    }
}

/// Reads the byte order mark and, with `header`, the first record.
///
/// # Errors
/// As [`Input::fill`]; `Source.Corrupt` for another encoding, `Source.TooLarge` for a header beyond the limit.
pub(crate) fn read_head(input: &mut Input, cutter: &Cutter, header: bool) -> Result<Head> {
    let mut rest = Vec::new();
    input.fill(&mut rest, STEP)?;
    if let Some(encoding) = other_encoding(&rest) {
        let message = format!("the file is {encoding}, and text must be UTF-8");
        let hint = format!("convert it: `iconv -f {encoding} -t UTF-8`");
        return Err(Error::new(codes::SOURCE_CORRUPT, message).place(Place::file(input.path())).hint(hint));
    }
    let mark = if rest.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    if !header {
        let body = rest.split_off(mark);
        input.pass(&rest);
        return Ok(Head { header: None, len: mark as u64, lines: 0, rest: body });
    }
    let mut from = mark;
    let mut lines = 0;
    loop {
        let mut cut = Cut::default();
        let end = loop {
            let text = rest.get(from..).unwrap_or_default();
            let found = cutter.advance(&mut cut, text, input.ended(), 1);
            match found.map_err(|o| oversize(input, cutter, o, from as u64, lines))? {
                Some(end) => break from + end,
                None if input.ended() => break rest.len(),
                None => input.fill(&mut rest, STEP)?,
            }
        };
        let line = rest.get(from..end).unwrap_or_default();
        lines += cut.lines;
        let blank = cut.records == 0;
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text).to_vec();
        if blank && end < rest.len() {
            from = end;
            continue;
        }
        if blank && !input.ended() {
            input.fill(&mut rest, STEP)?;
            from = end;
            continue;
        }
        let body = rest.split_off(end);
        input.pass(&rest);
        return Ok(Head { header: (!blank).then_some(text), len: end as u64, lines, rest: body });
    }
}

fn oversize(input: &Input, cutter: &Cutter, found: Oversize, offset: u64, lines: u64) -> Error {
    let offset = offset + found.begin as u64;
    let place = Place { line: Some(lines + found.lines + 1), ..Place::file(input.path()) };
    let limit = cutter.max_record;
    Error::new(codes::SOURCE_TOO_LARGE, format!("the record at byte {offset} is larger than {limit} bytes"))
        .place(place)
        .hint("look whether the file has line breaks and is of this `format:`, or raise `max_record:` of the object")
}

/// The splitter of a text file.
pub(crate) struct TextSplitter {
    input: Input,
    cutter: Cutter,
    decoder: Arc<dyn TextDecoder>,
    plan: Arc<ReadPlan>,
    projection: Arc<Projection>,
    chunk_bytes: usize,
    /// Where the next chunk begins for the caller; the head belongs to the first one.
    begin: u64,
    /// Where `rest` begins.
    offset: u64,
    lines: u64,
    rest: Vec<u8>,
    done: bool,
}

/// What a splitter is made of, beside the file.
pub(crate) struct SplitSetup {
    pub(crate) cutter: Cutter,
    pub(crate) decoder: Arc<dyn TextDecoder>,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    pub(crate) chunk_bytes: usize,
}

impl TextSplitter {
    /// Goes on at a split point of a file whose head was read.
    ///
    /// # Errors
    /// `Source.Changed` if what lies before the point is not what it was; as [`Input::fill`].
    pub(crate) fn new(mut input: Input, head: Head, at: &SplitPoint, setup: SplitSetup) -> Result<Self> {
        let Head { len, mut lines, mut rest, .. } = head;
        let mut offset = len;
        let fresh = at.offset == 0 && !at.finished;
        if !fresh {
            offset = skip_to(&mut input, &mut rest, offset, at)?;
            lines = at.lines;
        }
        if at.finished {
            if rest.is_empty() {
                input.fill(&mut rest, 1)?;
            }
            if !rest.is_empty() {
                return Err(changed(input.path(), "something was added behind its end"));
            }
        }
        let SplitSetup { cutter, decoder, plan, projection, chunk_bytes } = setup;
        let begin = if fresh { 0 } else { offset };
        Ok(Self {
            input,
            cutter,
            decoder,
            plan,
            projection,
            chunk_bytes: chunk_bytes.max(1),
            begin,
            offset,
            lines,
            rest,
            done: at.finished,
        })
    }
}

/// Hashes up to the split point and compares.
fn skip_to(input: &mut Input, rest: &mut Vec<u8>, offset: u64, at: &SplitPoint) -> Result<u64> {
    let wrong = |input: &Input| changed(input.path(), "what was read before is not there any more");
    let mut missing = at.offset.checked_sub(offset).ok_or_else(|| wrong(input))?;
    loop {
        let have = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
        let behind = rest.split_off(have);
        input.pass(rest);
        *rest = behind;
        missing -= have as u64;
        if missing == 0 {
            break;
        }
        if input.ended() {
            return Err(wrong(input));
        }
        let wanted = usize::try_from(missing).unwrap_or(usize::MAX).min(BLOCK);
        rest.clear();
        input.fill(rest, wanted)?;
    }
    if input.digest() != at.digest {
        return Err(wrong(input));
    }
    Ok(at.offset)
}

impl TextSplitter {
    /// What the next chunk has that the contract does not say, and of how many rows; `None` at the end.
    ///
    /// # Errors
    /// As [`Splitter::next`], and what is wrong with the whole chunk.
    pub(crate) fn look(&mut self) -> Result<Option<(Drift, u64)>> {
        let Some(cut) = self.cut()? else { return Ok(None) };
        let (decoded, _) =
            self.decoder.decode(Arc::new(cut.chunk), usize::try_from(cut.found).unwrap_or(0))?;
        Ok(Some((decoded.drift, decoded.rows as u64)))
    }

    fn cut(&mut self) -> Result<Option<CutChunk>> {
        if self.done {
            return Ok(None);
        }
        let mut buffer = std::mem::take(&mut self.rest);
        buffer.reserve(self.chunk_bytes.saturating_add(2 * STEP).saturating_sub(buffer.len()));
        let missing = self.chunk_bytes.saturating_sub(buffer.len());
        self.input.fill(&mut buffer, missing)?;
        let mut cut = Cut::default();
        let end = loop {
            let last = self.input.ended();
            let found = self.cutter.advance(&mut cut, &buffer, last, self.chunk_bytes);
            let found = found.map_err(|o| oversize(&self.input, &self.cutter, o, self.offset, self.lines))?;
            match found {
                Some(end) => break end,
                None if last => break buffer.len(),
                None => self.input.fill(&mut buffer, STEP)?,
            }
        };
        if buffer.len() - end > self.chunk_bytes {
            // Much was read in search of a closing quotation mark: no chunk holds on to the memory of that.
            let chunk = buffer.drain(..end).collect();
            self.rest = std::mem::replace(&mut buffer, chunk);
        } else {
            self.rest = buffer.split_off(end);
            buffer.shrink_to(2 * end);
        }
        if self.rest.is_empty() {
            self.input.fill(&mut self.rest, STEP)?;
        }
        self.done = self.rest.is_empty() && self.input.ended();
        self.input.pass(&buffer);
        if self.done {
            self.input.verify()?;
        }
        let chunk = TextChunk { offset: self.offset, lines: self.lines, bytes: buffer };
        self.offset = self.offset.saturating_add(end as u64);
        self.lines = self.lines.saturating_add(cut.lines);
        let bytes = self.offset.saturating_sub(self.begin);
        self.begin = self.offset;
        let end = SplitPoint {
            offset: self.offset,
            lines: self.lines,
            digest: self.input.digest(),
            finished: self.done,
        };
        Ok(Some(CutChunk { chunk, bytes, found: cut.records, end }))
    }
}

/// Some whole records, and where the next ones begin.
struct CutChunk {
    chunk: TextChunk,
    bytes: u64,
    found: u64,
    end: SplitPoint,
}

impl Splitter for TextSplitter {
    fn next(&mut self) -> Result<Option<Chunk>> {
        let Some(CutChunk { chunk, bytes, found, end }) = self.cut()? else { return Ok(None) };
        let work = TextWork {
            decoder: Arc::clone(&self.decoder),
            plan: Arc::clone(&self.plan),
            projection: Arc::clone(&self.projection),
            chunk: Arc::new(chunk),
            found: usize::try_from(found).unwrap_or(0),
        };
        Ok(Some(Chunk { bytes, found, end, work: Box::new(work) }))
    }
}

/// The decoding of a text chunk.
struct TextWork {
    decoder: Arc<dyn TextDecoder>,
    plan: Arc<ReadPlan>,
    projection: Arc<Projection>,
    chunk: Arc<TextChunk>,
    found: usize,
}

impl ChunkWork for TextWork {
    fn run(self: Box<Self>, turn: &mut dyn PrefixTurn) -> Result<ReadRows> {
        let (decoded, records) = self.decoder.decode(self.chunk, self.found)?;
        finish(&self.plan, &self.projection, decoded, records, turn)
    }
}
