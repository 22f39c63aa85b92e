//! CSV (RFC 4180, with the usual liberties: any ASCII delimiter and quotation mark, LF or CRLF, a last record without
//! line break, blank lines).
//!
//! A chunk is taken apart in blocks of about a thousand records. A block without a quotation mark is tokenised 64 bytes at a
//! time; its fields lie in the chunk itself. Where quotation marks are, records are taken apart one by one into a scratch
//! text of the same shape. Either way the columns are then filled field by field, each in a loop of its own type.

mod decode;
mod keep;
mod tokens;

use crate::read::chain::{Decoded, TextRecords};
use crate::read::drift::FileDrift;
use crate::read::fault::Fault;
use crate::read::plan::{Projection, ReadPlan};
use crate::read::split::TextDecoder;
use crate::read::text::TextChunk;
use arrow::array::ArrayRef;
use decode::Fill;
pub(crate) use decode::absent;
use keep::Keeper;
use staunch_types::Result;
use std::sync::Arc;
use tokens::Tokens;

/// The options of the format.
#[derive(Debug, Clone)]
pub(crate) struct CsvSpec {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    pub(crate) header: bool,
    pub(crate) nulls: Nulls,
}

/// Which fields are null.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nulls {
    /// The texts that mean null; `None`: the empty field does.
    given: Option<Vec<Vec<u8>>>,
    /// Bit n tells whether one of them has n bytes (bit 63: 63 or more).
    lengths: u64,
}

impl Nulls {
    /// The rule for the texts of `nulls:`.
    pub(crate) fn new(given: Option<Vec<String>>) -> Self {
        let given: Option<Vec<Vec<u8>>> =
            given.map(|texts| texts.into_iter().map(String::into_bytes).collect());
        let lengths = match &given {
            None => 1,
            Some(texts) => texts.iter().fold(0, |bits, text| bits | 1_u64 << text.len().min(63)),
        };
        Self { given, lengths }
    }

    /// Whether the texts were given.
    #[inline]
    fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Whether the text is one of them.
    #[inline(always)]
    fn matches(&self, text: &[u8], begin: usize, end: usize) -> bool {
        let len = end.wrapping_sub(begin);
        if self.lengths >> len.min(63) & 1 == 0 {
            return false;
        }
        match &self.given {
            None => true,
            Some(texts) => text.get(begin..end).is_some_and(|t| texts.iter().any(|n| n == t)),
        }
    }
}

/// Where the value of a contract field comes from in one file.
#[derive(Debug, Clone)]
pub(crate) enum FieldSource {
    /// The column of the file.
    Column(usize),
    /// The file has no such column: null.
    Missing,
    /// The path says it: an array with one value.
    Constant(ArrayRef),
    /// No row of the file has a value of it: all are dead for this reason.
    Never(Fault),
}

/// The decoder of one CSV file.
pub(crate) struct CsvDecoder {
    pub(crate) spec: CsvSpec,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    /// How many columns a record has.
    pub(crate) columns: usize,
    /// The limit of a record.
    pub(crate) max_record: usize,
    /// The header: a record that repeats it is no record of data.
    pub(crate) header: Option<Vec<u8>>,
    /// One per contract field.
    pub(crate) sources: Vec<FieldSource>,
    /// What the header says otherwise than the contract.
    pub(crate) drift: FileDrift,
    /// The columns that the contract does not name, with their names.
    pub(crate) unknown: Vec<(usize, String)>,
}

impl TextDecoder for CsvDecoder {
    fn decode(&self, chunk: Arc<TextChunk>, found: usize) -> Result<(Decoded, TextRecords)> {
        let mut fill = Fill::new(&self.plan, &self.projection, &self.sources, &self.spec, found);
        fill.utf8 = std::str::from_utf8(&chunk.bytes).is_ok();
        let mut spans = Vec::with_capacity(found);
        let mut broken = Vec::new();
        let mut keeper = self.plan.widens().then(|| Keeper::new(&self.unknown, &self.spec)).flatten();
        let mut tokens = Tokens::new(self.columns, &self.spec, self.max_record, self.header.as_deref());
        let mut at = 0;
        while at < chunk.bytes.len() {
            at = tokens.block(&chunk.bytes, at);
            fill.block(&tokens.view(&chunk.bytes), spans.len());
            if let Some(keeper) = &mut keeper {
                keeper.block(&tokens.view(&chunk.bytes), spans.len());
            }
            spans.extend_from_slice(tokens.spans());
            broken.append(&mut tokens.broken);
        }
        let mut decoded = fill.finish(spans.len())?;
        decoded.drift = self.drift.of_rows(spans.len());
        if let Some(keeper) = keeper {
            decoded.unknown = keeper.finish(&mut decoded.drift);
        }
        Ok((decoded, TextRecords { chunk, spans, broken }))
    }
}

/// Takes one record apart, for a header: the texts of its fields.
///
/// # Errors
/// The fault of a record that cannot be taken apart.
pub(crate) fn fields_of(record: &[u8], spec: &CsvSpec) -> Result<Vec<Vec<u8>>, Fault> {
    tokens::fields_of(record, spec.delimiter, spec.quote)
}

/// One text as the value of a field: an array of one row.
///
/// # Errors
/// The fault of the text.
pub(crate) fn single(field: &crate::read::field::FieldPlan, text: &[u8]) -> Result<Result<ArrayRef, Fault>> {
    decode::single(field, text)
}
