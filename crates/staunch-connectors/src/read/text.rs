//! The bytes of a text chunk, kept for the rows that somebody rejects.

use staunch_commit::RawRows;
use std::sync::{Arc, OnceLock};

/// Where a record stands in its chunk, without its line break.
pub(crate) type Span = (u32, u32);

/// The records of one chunk, as they stand in the file.
#[derive(Debug)]
pub(crate) struct TextChunk {
    /// Whole records with their line breaks.
    pub(crate) bytes: Vec<u8>,
    /// Where the chunk begins in the decompressed file.
    pub(crate) offset: u64,
    /// Line breaks before the chunk.
    pub(crate) lines: u64,
}

impl TextChunk {
    /// The bytes of a record.
    pub(crate) fn record(&self, span: Span) -> &[u8] {
        self.bytes.get(span.0 as usize..span.1 as usize).unwrap_or_default()
    }

    /// The place of a record: its offset in the decompressed file.
    pub(crate) fn place(&self, span: Span) -> u64 {
        self.offset.saturating_add(u64::from(span.0))
    }

    /// The lines (from 1) on which records begin; spans must ascend.
    pub(crate) fn lines(&self, spans: impl Iterator<Item = Span>) -> Vec<u64> {
        let (mut at, mut line) = (0, self.lines.saturating_add(1));
        let mut lines = Vec::new();
        for (begin, _) in spans {
            let between = self.bytes.get(at..begin as usize).unwrap_or_default();
            line = line.saturating_add(memchr::memchr_iter(b'\n', between).count() as u64);
            at = at.max(begin as usize);
            lines.push(line);
        }
        lines
    }
}

/// [`RawRows`] of a text chunk.
#[derive(Debug)]
pub(crate) struct TextRows {
    chunk: Arc<TextChunk>,
    spans: Vec<Span>,
    lines: OnceLock<Vec<u64>>,
}

impl TextRows {
    /// The rows that stand at `spans`, ascending.
    pub(crate) fn new(chunk: Arc<TextChunk>, spans: Vec<Span>) -> Self {
        Self { chunk, spans, lines: OnceLock::new() }
    }
}

impl RawRows for TextRows {
    fn raw(&self, row: usize) -> Vec<u8> {
        self.spans.get(row).map(|span| self.chunk.record(*span).to_vec()).unwrap_or_default()
    }

    fn line(&self, row: usize) -> Option<u64> {
        // Counted once for all rows, and only if somebody asks.
        self.lines.get_or_init(|| self.chunk.lines(self.spans.iter().copied())).get(row).copied()
    }
}
