//! Records to fields.

use super::CsvSpec;
use crate::formats::simd::{find2, near2};
use crate::read::cut::ends_field;
use crate::read::fault::{AFTER_QUOTE, Fault, RAGGED, REPEATED_HEADER, UNCLOSED_QUOTE};
use crate::read::text::Span;
use memchr::{memchr, memrchr};

/// How many records a block holds at most: its text and its tokens stay in the cache.
const BLOCK: usize = 1024;

/// Some records, taken apart. Per record there are `columns + 1` entries: the place before its first field, then the end
/// of each field. A field begins one byte behind the entry before its own.
pub(super) struct Tokens<'a> {
    delimiter: u8,
    quote: u8,
    /// The limit of a record, up to which a quotation mark may be closed.
    max_record: usize,
    header: Option<&'a [u8]>,
    columns: usize,
    entries: Vec<u32>,
    used: usize,
    spans: Vec<Span>,
    /// Records that could not be taken apart.
    pub(super) broken: Vec<(Span, Fault)>,
    /// The text of records with quotation marks, without them; the entries refer to it if it is not empty.
    scratch: Vec<u8>,
    /// For each field whether it stood between quotation marks; empty if none did.
    quoted: Vec<bool>,
    /// The next quotation mark, as far as it is known.
    next_quote: Option<usize>,
}

/// A block for the loops that fill columns.
pub(super) struct View<'a> {
    pub(super) text: &'a [u8],
    /// `columns + 1` per record.
    pub(super) entries: &'a [u32],
    pub(super) columns: usize,
    /// Empty, or `columns` per record.
    pub(super) quoted: &'a [bool],
}

impl<'a> Tokens<'a> {
    pub(super) fn new(columns: usize, spec: &CsvSpec, max_record: usize, header: Option<&'a [u8]>) -> Self {
        let columns = columns.max(1);
        Self {
            delimiter: spec.delimiter,
            quote: spec.quote,
            max_record,
            // A single column may well hold its own name.
            header: header.filter(|_| columns > 1),
            columns,
            entries: Vec::new(),
            used: 0,
            spans: Vec::with_capacity(BLOCK),
            broken: Vec::new(),
            scratch: Vec::new(),
            quoted: Vec::new(),
            next_quote: None,
        }
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    pub(super) fn view<'v>(&'v self, chunk: &'v [u8]) -> View<'v> {
        let whole = self.spans.len().saturating_mul(self.columns + 1);
        View {
            text: if self.scratch.is_empty() { chunk } else { &self.scratch },
            entries: self.entries.get(..whole).unwrap_or_default(),
            columns: self.columns,
            quoted: &self.quoted,
        }
    }

    /// Takes the records from `at` on apart, at most a block of them, and says where it stopped.
    pub(super) fn block(&mut self, text: &[u8], at: usize) -> usize {
        self.used = 0;
        self.spans.clear();
        self.scratch.clear();
        self.quoted.clear();
        let quote = match self.next_quote {
            Some(known) if known >= at => known,
            _ => at + memchr(self.quote, text.get(at..).unwrap_or_default()).unwrap_or(text.len() - at),
        };
        self.next_quote = Some(quote);
        let plain_end = if quote >= text.len() {
            text.len()
        } else {
            let before = text.get(at..quote).unwrap_or_default();
            memrchr(b'\n', before).map_or(at, |feed| at + feed + 1)
        };
        if plain_end > at { self.plain(text, at, plain_end) } else { self.with_quotes(text, at) }
    }

    /// Records without quotation marks, up to `limit`.
    fn plain(&mut self, text: &[u8], from: usize, limit: usize) -> usize {
        let stride = self.columns + 1;
        let (mut at, mut begin, mut record) = (from, from, 0);
        self.put(begin);
        while at < limit {
            let rest = text.get(at..limit).unwrap_or_default();
            let mut tail = [0_u8; 64];
            let block = match rest.first_chunk::<64>() {
                Some(block) => block,
                None => {
                    for (to, from) in tail.iter_mut().zip(rest) {
                        *to = *from;
                    }
                    &tail
                }
            };
            let (mut delimiters, mut feeds) = find2(block, self.delimiter, b'\n');
            if self.entries.len() < self.used + 256 {
                self.entries.resize((self.used + 256) * 2, 0);
            }
            while feeds != 0 {
                let bit = feeds.trailing_zeros();
                let below = (1_u64 << bit) - 1;
                self.put_all(delimiters & below, at);
                delimiters &= !below;
                feeds &= feeds - 1;
                let feed = at + bit as usize;
                self.end_record(text, begin, feed, record, stride);
                begin = feed + 1;
                record = self.used - 1;
                if self.spans.len() >= BLOCK {
                    return begin;
                }
            }
            self.put_all(delimiters, at);
            // A record with far too many delimiters is ragged however many they are: it must not fill the memory.
            self.used = self.used.min(record + stride + 1);
            at += 64;
        }
        if begin < limit {
            self.end_record(text, begin, limit, record, stride);
        }
        limit
    }

    /// The entry before a record that begins at `begin`.
    #[inline(always)]
    fn put(&mut self, begin: usize) {
        if self.entries.len() < self.used + 256 {
            self.entries.resize((self.used + 256) * 2, 0);
        }
        // The first record of a chunk has no byte before it: its entry wraps, and so does the sum that undoes it.
        if let Some(entry) = self.entries.get_mut(self.used) {
            *entry = (begin as u32).wrapping_sub(1);
        }
        self.used += 1;
    }

    #[inline(always)]
    fn put_all(&mut self, mut bits: u64, base: usize) {
        let Some(entries) = self.entries.get_mut(self.used..).and_then(|e| e.first_chunk_mut::<64>()) else {
            return;
        };
        let mut count = 0;
        while bits != 0 {
            entries[count & 63] = (base as u32).wrapping_add(bits.trailing_zeros());
            bits &= bits - 1;
            count += 1;
        }
        self.used += count;
    }

    /// Ends the record from `begin` to the line feed (or the end of the text) at `feed`, whose entries begin at `record`;
    /// leaves the entry before the next one as the last.
    #[inline(always)]
    fn end_record(&mut self, text: &[u8], begin: usize, feed: usize, record: usize, stride: usize) {
        let carriage = feed > begin && text.get(feed - 1) == Some(&b'\r');
        let end = feed - usize::from(carriage);
        let span = (begin as u32, end as u32);
        if let Some(entry) = self.entries.get_mut(self.used) {
            *entry = span.1;
        }
        self.used += 1;
        let repeats = self.header.is_some_and(|h| h.len() == end - begin && text.get(begin..end) == Some(h));
        if self.used - record == stride && !repeats {
            self.spans.push(span);
        } else {
            self.used = record;
            if begin != end {
                self.broken.push((span, if repeats { REPEATED_HEADER } else { RAGGED }));
            }
        }
        self.put(feed + 1);
    }

    /// Records around quotation marks, one by one, until a stretch without them is near.
    fn with_quotes(&mut self, text: &[u8], from: usize) -> usize {
        let mut at = from;
        // The byte before the first field of a record is always there.
        self.scratch.push(0);
        while at < text.len() && self.spans.len() < BLOCK {
            let quote = match self.next_quote {
                Some(known) if known >= at => known,
                _ => at + memchr(self.quote, text.get(at..).unwrap_or_default()).unwrap_or(text.len() - at),
            };
            self.next_quote = Some(quote);
            // Copying some records is cheaper than a block of its own for each.
            if quote - at > 4096 {
                break;
            }
            at = self.one_with_quotes(text, at);
        }
        at
    }

    fn one_with_quotes(&mut self, text: &[u8], begin: usize) -> usize {
        let (entries, flags, scratch) = (self.used, self.quoted.len(), self.scratch.len());
        self.put(scratch);
        let mut fields = 0_usize;
        let limit = self.columns;
        let behind = begin.saturating_add(self.max_record);
        let mut record =
            Record { text, at: begin, behind, delimiter: self.delimiter, quote: self.quote, fault: None };
        loop {
            let kept = fields < limit;
            let (more, quoted) = record.field(if kept { Some(&mut self.scratch) } else { None });
            if kept {
                let end = self.scratch.len();
                self.put(end + 1);
                self.scratch.push(self.delimiter);
                self.quoted.push(quoted);
            }
            fields += 1;
            if !more {
                break;
            }
        }
        let next = record.at;
        let line = text.get(begin..next).unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let span = (begin as u32, (begin + line.len()) as u32);
        let fault = match record.fault {
            Some(fault) => Some(fault),
            None if fields != self.columns => Some(RAGGED),
            None if self.header == Some(line) => Some(REPEATED_HEADER),
            None => None,
        };
        match fault {
            None => self.spans.push(span),
            Some(fault) => {
                self.used = entries;
                self.quoted.truncate(flags);
                self.scratch.truncate(scratch);
                if !line.is_empty() {
                    self.broken.push((span, fault));
                }
            }
        }
        next
    }
}

/// A record being taken apart byte by byte.
struct Record<'a> {
    text: &'a [u8],
    at: usize,
    /// A quotation mark is closed before this place, or never.
    behind: usize,
    delimiter: u8,
    quote: u8,
    fault: Option<Fault>,
}

impl Record<'_> {
    /// A quotation mark that is not closed so that its field ends there holds no line feed: the record ends with the line
    /// in which it opened. Says whether this is one; text behind a closing mark in the same line is another fault.
    fn gives_up(&mut self, seen: usize) -> bool {
        let line = memchr(b'\n', self.text.get(self.at..seen).unwrap_or_default());
        if line.is_none() && seen < self.text.len() {
            return false;
        }
        self.at = line.map_or(self.text.len(), |feed| self.at + feed + 1);
        self.fault = Some(UNCLOSED_QUOTE);
        true
    }

    /// Copies the next field without its quotation marks; says whether another follows in this record, and whether it
    /// was quoted. Stands behind the delimiter or the line feed afterwards.
    fn field(&mut self, mut out: Option<&mut Vec<u8>>) -> (bool, bool) {
        let mut put = |part: &[u8]| {
            if let Some(out) = out.as_deref_mut() {
                out.extend_from_slice(part);
            }
        };
        let quoted = self.text.get(self.at) == Some(&self.quote);
        let mut plain_from = self.at;
        if quoted {
            let mut from = self.at + 1;
            loop {
                let found = near2(self.text, from, self.quote, self.quote);
                let next = (self.text.get(found + 1).copied(), self.text.get(found + 2).copied());
                let pair = next.0 == Some(self.quote);
                let holds = found < self.text.len()
                    && found < self.behind
                    && (pair || ends_field(next, self.delimiter));
                if !holds && self.gives_up(found) {
                    return (false, true);
                }
                put(self.text.get(from..found).unwrap_or_default());
                from = found + 1;
                if !pair {
                    break;
                }
                put(&[self.quote]);
                from += 1;
            }
            plain_from = from;
        }
        let end = near2(self.text, plain_from, self.delimiter, b'\n');
        let more = self.text.get(end) == Some(&self.delimiter);
        let mut part = self.text.get(plain_from..end).unwrap_or_default();
        if !more {
            part = part.strip_suffix(b"\r").unwrap_or(part);
        }
        if !part.is_empty() {
            if quoted {
                self.fault = self.fault.or(Some(AFTER_QUOTE));
            }
            put(part);
        }
        self.at = (end + 1).min(self.text.len());
        (more, quoted)
    }
}

/// The fields of one record.
pub(super) fn fields_of(record: &[u8], delimiter: u8, quote: u8) -> Result<Vec<Vec<u8>>, Fault> {
    let mut reader = Record { text: record, at: 0, behind: usize::MAX, delimiter, quote, fault: None };
    let mut fields = Vec::new();
    loop {
        let mut field = Vec::new();
        let (more, _) = reader.field(Some(&mut field));
        fields.push(field);
        if !more {
            break;
        }
    }
    reader.fault.map_or(Ok(fields), Err)
}
