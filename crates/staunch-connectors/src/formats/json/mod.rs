//! Newline-delimited JSON: one object per line, lines of white space are no records.
//!
//! The text of a chunk is walked once. The keys of a row are expected in the order of the row before, so that a key costs one
//! comparison. Numbers are read as digits, never by way of `f64`: a `long` is exact over its whole range. A key that appears
//! twice, or anything that is not JSON (RFC 8259), makes the line a dead row. A missing key reads as null, an unknown one
//! is counted, and kept if the read keeps such fields. `bytes` follow Avro's JSON: a string whose characters U+0000 to U+00FF are the bytes. What JSON has no number for
//! follows Protocol Buffers: the strings `NaN`, `Infinity` and `-Infinity` where the contract has a `float` or `double`.

mod fill;
mod lex;
mod nested;
mod unknown;

use crate::formats::csv::FieldSource;
use crate::read::chain::{Decoded, TextRecords};
use crate::read::fault::{DUPLICATE_KEY, Fault, LINE_UTF8, NOT_JSON, NOT_OBJECT};
use crate::read::plan::{Projection, ReadPlan};
use crate::read::split::TextDecoder;
use crate::read::text::{Span, TextChunk};
use fill::Fill;
use lex::{byte, skip, space, string, unescape};
use memchr::memchr;
use staunch_types::Result;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use unknown::{Found, Key, Unknowns};

/// Keys behind this position are looked up, not predicted: a hostile object must not fill the memory.
const PREDICTED: usize = 4096;
/// Longer keys are not predicted.
const PREDICTED_LEN: usize = 256;

/// The decoder of one NDJSON file.
pub(crate) struct JsonDecoder {
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    /// One per contract field: `Constant` where the path says it, `Missing` for all others.
    pub(crate) sources: Vec<FieldSource>,
    /// The contract field of a key.
    pub(crate) keys: HashMap<Vec<u8>, usize>,
    /// The keys of fields whose values the path says: they are passed over.
    pub(crate) given: BTreeSet<String>,
    /// Whether it only looks which keys there are: then fields that no row of a chunk names are noted as absent in all of them.
    pub(crate) looks: bool,
}

impl TextDecoder for JsonDecoder {
    fn decode(&self, chunk: Arc<TextChunk>, found: usize) -> Result<(Decoded, TextRecords)> {
        let text = chunk.bytes.as_slice();
        let utf8 = std::str::from_utf8(text).is_ok();
        let mut rows = Rows {
            keys: &self.keys,
            fill: Fill::new(&self.plan, &self.projection, &self.sources, found),
            expected: Vec::new(),
            scratch: Vec::new(),
            unknown: Unknowns::new(&self.given, self.plan.widens()),
            named: vec![false; if self.looks { self.plan.fields.len() } else { 0 }],
        };
        let mut spans: Vec<Span> = Vec::with_capacity(found);
        let mut broken = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let begin = at;
            let line_end = |from: usize| {
                let here = text.get(from..).unwrap_or_default();
                from + memchr(b'\n', here).unwrap_or(here.len())
            };
            let first = space(text, at);
            if matches!(text.get(first), None | Some(b'\n')) {
                at = first + 1;
                continue;
            }
            let bad_line =
                !utf8 && std::str::from_utf8(text.get(begin..line_end(begin)).unwrap_or_default()).is_err();
            let parsed = if bad_line { Err(LINE_UTF8) } else { rows.row(text, first, spans.len()) };
            let end = match parsed {
                Ok(end) => end,
                Err(_) => line_end(begin),
            };
            let trimmed = end - usize::from(end > begin && text.get(end - 1) == Some(&b'\r'));
            let span = (begin as u32, trimmed as u32);
            match parsed {
                Ok(_) => spans.push(span),
                Err(fault) => broken.push((span, fault)),
            }
            at = end + 1;
        }
        let Rows { fill, unknown, named, .. } = rows;
        let mut absent = fill.absent();
        for (field, _) in self.plan.fields.iter().zip(named).filter(|(_, named)| !named) {
            absent.insert(field.name().to_owned(), spans.len() as u64);
        }
        let mut decoded = fill.finish(&self.sources, &self.projection, spans.len())?;
        decoded.drift.absent = absent;
        decoded.unknown = unknown.finish(&mut decoded.drift);
        Ok((decoded, TextRecords { chunk, spans, broken }))
    }
}

/// The rows of a chunk on their way into columns.
struct Rows<'a> {
    keys: &'a HashMap<Vec<u8>, usize>,
    fill: Fill<'a>,
    /// The keys of the last row in their order.
    expected: Vec<Expected>,
    scratch: Vec<u8>,
    unknown: Unknowns<'a>,
    /// By field: whether some row names it. Empty if nobody asks.
    named: Vec<bool>,
}

/// A key as it stood in the text, with its closing quotation mark, and what it means.
struct Expected {
    key: Vec<u8>,
    /// Its first bytes, and which bits of them are its own: most keys cost one comparison of two words.
    head: u128,
    mask: u128,
    meant: Key,
}

/// Bytes of `head`.
const HEAD: usize = 16;

impl Expected {
    fn new(key: &[u8], meant: Key) -> Self {
        let mut head = [0; HEAD];
        for (to, from) in head.iter_mut().zip(key) {
            *to = *from;
        }
        let unused = HEAD.saturating_sub(key.len()) as u32 * 8;
        let mask = u128::MAX.checked_shr(unused).unwrap_or(0);
        Self { key: key.to_vec(), head: u128::from_le_bytes(head), mask, meant }
    }

    /// Whether the text begins with the key.
    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk::<HEAD>() {
            Some(here) => {
                (u128::from_le_bytes(*here) ^ self.head) & self.mask == 0
                    && (self.key.len() <= HEAD || text.starts_with(&self.key))
            }
            None => text.starts_with(&self.key),
        }
    }
}

impl Rows<'_> {
    /// Reads the object at `at` as row `row`; says where its line ends. On a fault nothing of it is left.
    fn row(&mut self, text: &[u8], at: usize, row: usize) -> Result<usize, Fault> {
        let mark = self.fill.mark();
        let read = self.object(text, at, row).and_then(|end| {
            let end = space(text, end);
            if matches!(text.get(end), None | Some(b'\n')) { Ok(end) } else { Err(NOT_JSON) }
        });
        match read {
            Ok(end) => {
                self.fill.complete(row);
                self.unknown.row(text, row);
                Ok(end)
            }
            Err(fault) => {
                self.fill.undo(row, mark);
                self.unknown.undo();
                Err(fault)
            }
        }
    }

    #[inline]
    fn object(&mut self, text: &[u8], at: usize, row: usize) -> Result<usize, Fault> {
        if text.get(at) != Some(&b'{') {
            let end = space(text, skip(text, at)?);
            return Err(if matches!(text.get(end), None | Some(b'\n')) { NOT_OBJECT } else { NOT_JSON });
        }
        let mut at = space(text, at + 1);
        if text.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let mut position = 0;
        loop {
            let from = at + 1;
            let (key, behind) = self.key(text, at, position)?;
            at = space(text, behind);
            if text.get(at) != Some(&b':') {
                return Err(NOT_JSON);
            }
            at = space(text, at + 1);
            at = match key {
                Key::Field(field) if self.fill.wants(field) => {
                    if self.fill.has(field, row) {
                        return Err(DUPLICATE_KEY);
                    }
                    self.fill.value(text, at, field, row, &mut self.scratch)?
                }
                Key::Field(field) => {
                    if let Some(named) = self.named.get_mut(field) {
                        *named = true;
                    }
                    skip(text, at)?
                }
                Key::Given => skip(text, at)?,
                Key::Unknown(name) => {
                    let end = skip(text, at)?;
                    // A chunk has less than 4 GiB.
                    let (key, value) = ((from as u32, behind as u32 - 1), (at as u32, end as u32));
                    self.unknown.found(Found { name, key, value });
                    end
                }
            };
            at = space(text, at);
            match byte(text, at) {
                b',' => at = space(text, at + 1),
                b'}' => return Ok(at + 1),
                _ => return Err(NOT_JSON),
            }
            position += 1;
        }
    }

    /// What the key at `at` means, and the place behind it.
    #[inline]
    fn key(&mut self, text: &[u8], at: usize, position: usize) -> Result<(Key, usize), Fault> {
        if text.get(at) != Some(&b'"') {
            return Err(NOT_JSON);
        }
        let here = text.get(at + 1..).unwrap_or_default();
        if let Some(expected) = self.expected.get(position)
            && expected.begins(here)
        {
            return Ok((expected.meant, at + 1 + expected.key.len()));
        }
        self.other_key(text, at + 1, position)
    }

    fn other_key(&mut self, text: &[u8], at: usize, position: usize) -> Result<(Key, usize), Fault> {
        let found = string(text, at)?;
        let raw = text.get(at..found.end).unwrap_or_default();
        if found.escaped {
            self.scratch.clear();
            unescape(raw, &mut self.scratch)?;
        }
        let key = if found.escaped { self.scratch.as_slice() } else { raw };
        let meant = match self.keys.get(key) {
            Some(field) => Key::Field(*field),
            None => self.unknown.key(key),
        };
        if self.unknown.take_renumbered() {
            self.expected.clear();
        }
        if raw.len() <= PREDICTED_LEN {
            let closed = Expected::new(text.get(at..=found.end).unwrap_or_default(), meant);
            let known = self.expected.len();
            match self.expected.get_mut(position) {
                Some(entry) => *entry = closed,
                None if position == known && position < PREDICTED => self.expected.push(closed),
                None => {}
            }
        }
        Ok((meant, found.end + 1))
    }
}
