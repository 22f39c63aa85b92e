//! The chain for raw records that were rejected before: each is decoded by itself, at the place it had.

use crate::read::chain::{Decoded, Records, finish};
use crate::read::fault::{Fault, NOT_ONE, RowFault};
use crate::read::plan::{Projection, ReadPlan};
use crate::read::split::TextDecoder;
use crate::read::text::TextChunk;
use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use staunch_commit::source::RawRecord;
use staunch_commit::{ChunkWork, DeadRow, PrefixTurn, RawRows, ReadRows};
use staunch_types::{Error, Result, codes};
use std::collections::HashMap;
use std::sync::Arc;

/// The decoding of raw records.
pub(crate) struct AgainWork {
    pub(crate) decoder: Arc<dyn TextDecoder>,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    pub(crate) records: Vec<RawRecord>,
}

impl ChunkWork for AgainWork {
    fn run(self: Box<Self>, turn: &mut dyn PrefixTurn) -> Result<ReadRows> {
        let mut out = AgainRecords::default();
        let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); self.plan.fields.len()];
        let mut faults = Vec::new();
        for record in self.records {
            let before = out.rows.len() as u32;
            let lines = record.line.unwrap_or(1).saturating_sub(1);
            out.lines.insert(record.place, record.line);
            let mut bytes = record.raw;
            let len = bytes.len();
            // Of `\r\r\n` the last two ended the line. By itself, the first would be taken for such an end.
            if bytes.last() == Some(&b'\r') {
                bytes.extend_from_slice(b"\r\n");
            }
            let chunk = Arc::new(TextChunk { bytes, offset: record.place, lines });
            let (decoded, found) = self.decoder.decode(Arc::clone(&chunk), 1)?;
            if decoded.rows + found.broken.len() != 1 {
                // The options have changed since: with another quotation mark one record may be two lines.
                let raw = chunk.bytes.get(..len).unwrap_or_default().to_vec();
                out.broken.push((record.place, raw, NOT_ONE));
                continue;
            }
            for row in 0..decoded.rows {
                out.rows.push(Row { place: found.place(row), raw: found.raw(row), line: record.line });
            }
            out.broken.extend(found.broken());
            for fault in decoded.faults {
                faults.push(RowFault { row: fault.row.saturating_add(before), ..fault });
            }
            for (part, array) in parts.iter_mut().zip(decoded.columns) {
                part.extend(array);
            }
        }
        let mut columns = Vec::with_capacity(parts.len());
        for ((part, field), wanted) in parts.into_iter().zip(&self.plan.fields).zip(&self.projection.decode) {
            let refs: Vec<&dyn Array> = part.iter().map(AsRef::as_ref).collect();
            columns.push(match refs.is_empty() {
                true => wanted.then(|| new_empty_array(&field.field.ty.arrow())),
                false => Some(concat(&refs).map_err(|_| {
                    Error::new(codes::INTERNAL, "columns of one field differ in type").hint("report this")
                })?),
            });
        }
        // What the contract does not say was counted and kept when the records were read first.
        let decoded = Decoded::new(columns, out.rows.len(), faults);
        finish(&self.plan, &self.projection, decoded, out, turn)
    }
}

#[derive(Debug)]
struct Row {
    place: u64,
    raw: Vec<u8>,
    line: Option<u64>,
}

#[derive(Debug, Default)]
struct AgainRecords {
    rows: Vec<Row>,
    broken: Vec<(u64, Vec<u8>, Fault)>,
    lines: HashMap<u64, Option<u64>>,
}

impl Records for AgainRecords {
    fn place(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(0, |r| r.place)
    }

    fn raw(&self, row: usize) -> Vec<u8> {
        self.rows.get(row).map(|r| r.raw.clone()).unwrap_or_default()
    }

    fn broken(&self) -> Vec<(u64, Vec<u8>, Fault)> {
        self.broken.clone()
    }

    fn lines(&self, dead: &mut [DeadRow]) {
        for row in dead {
            row.line = self.lines.get(&row.place).copied().flatten();
        }
    }

    fn keep(mut self, kept: Option<&[usize]>) -> Arc<dyn RawRows> {
        if let Some(kept) = kept {
            let mut index = 0;
            self.rows.retain(|_| {
                index += 1;
                kept.binary_search(&(index - 1)).is_ok()
            });
        }
        Arc::new(self)
    }
}

impl RawRows for AgainRecords {
    fn raw(&self, row: usize) -> Vec<u8> {
        Records::raw(self, row)
    }

    fn line(&self, row: usize) -> Option<u64> {
        self.rows.get(row).and_then(|r| r.line)
    }
}
