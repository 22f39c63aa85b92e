//! Rows that were rejected before, once more: each out of its own letter.

use super::corrupt;
use super::letter;
use super::resolve::{Resolved, Wants};
use super::sheet::Sheet;
use crate::read::chain::{Decoded, TextRecords};
use crate::read::fault::NOT_ONE;
use crate::read::plan::{Projection, ReadPlan};
use crate::read::split::TextDecoder;
use crate::read::text::TextChunk;
use staunch_contract::avro::{Cursor, Limits};
use staunch_types::Result;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The decoder of the letters of one file.
pub(crate) struct AvroAgain {
    pub(crate) path: PathBuf,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    pub(crate) wants: Wants,
    /// By the text of the writer's schema: a file may have been written again.
    ways: Mutex<HashMap<String, Arc<Resolved>>>,
}

impl AvroAgain {
    pub(crate) fn new(path: PathBuf, plan: Arc<ReadPlan>, projection: Arc<Projection>, wants: Wants) -> Self {
        Self { path, plan, projection, wants, ways: Mutex::new(HashMap::new()) }
    }
}

impl TextDecoder for AvroAgain {
    /// The "text" is one letter.
    fn decode(&self, chunk: Arc<TextChunk>, _found: usize) -> Result<(Decoded, TextRecords)> {
        let span = (0, u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX));
        let (mut spans, mut broken) = (Vec::new(), Vec::new());
        let Some((writer, row)) = letter::open(&chunk.bytes) else {
            // It was rejected when the object had another format.
            let decoded = Decoded::new(Vec::new(), 0, Vec::new());
            return Ok((decoded, TextRecords { chunk, spans, broken: vec![(span, NOT_ONE)] }));
        };
        let known = self.ways.lock().unwrap_or_else(PoisonError::into_inner).get(writer.text()).cloned();
        let way = match known {
            Some(way) => way,
            None => {
                let decode = &self.projection.decode;
                let way = Arc::new(Resolved::new(&self.wants, &self.plan, decode, &writer, &self.path)?);
                let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
                ways.insert(writer.text().to_owned(), Arc::clone(&way));
                way
            }
        };
        let mut sheet = Sheet::new(&way.program, &way.fields, &self.projection, &way.sources, 1);
        let mut cursor = Cursor::new(&row, Limits::default());
        let read = sheet.row(&mut cursor).map_err(|fault| {
            corrupt(&self.path, format!("a dead letter of the file cannot be read: {}", fault.why()))
        })?;
        match read {
            Some(fault) => broken.push((span, fault)),
            None => spans.push(span),
        }
        let decoded = way.finish(sheet, &self.plan, &self.projection)?;
        Ok((decoded, TextRecords { chunk, spans, broken }))
    }
}
