//! Rows that were rejected before, once more: each out of its own letter.

use super::corrupt;
use super::letter;
use super::program::Program;
use super::sheet::Sheet;
use super::wanted::Wanted;
use crate::formats::csv::FieldSource;
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
    pub(crate) wanted: Wanted,
    /// One per contract field: `Constant` where the path says it.
    pub(crate) sources: Vec<FieldSource>,
    /// By the text of the writer's schema: a file may have been written again.
    programs: Mutex<HashMap<String, Arc<Program>>>,
}

impl AvroAgain {
    pub(crate) fn new(
        path: PathBuf,
        plan: Arc<ReadPlan>,
        projection: Arc<Projection>,
        wanted: Wanted,
        sources: Vec<FieldSource>,
    ) -> Self {
        Self { path, plan, projection, wanted, sources, programs: Mutex::new(HashMap::new()) }
    }
}

impl TextDecoder for AvroAgain {
    /// The "text" is one letter.
    fn decode(&self, chunk: Arc<TextChunk>, _found: usize) -> Result<(Decoded, TextRecords)> {
        let span = (0, u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX));
        let (mut spans, mut broken) = (Vec::new(), Vec::new());
        let Some((writer, row)) = letter::open(&chunk.bytes) else {
            // It was rejected when the object had another format.
            let decoded = Decoded { columns: Vec::new(), rows: 0, faults: Vec::new() };
            return Ok((decoded, TextRecords { chunk, spans, broken: vec![(span, NOT_ONE)] }));
        };
        let known = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(writer.text()).cloned();
        let program = match known {
            Some(program) => program,
            None => {
                let (fields, decode) = (&self.plan.fields, &self.projection.decode);
                let program = Arc::new(Program::new(&self.wanted, fields, decode, &writer, &self.path)?);
                let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
                programs.insert(writer.text().to_owned(), Arc::clone(&program));
                program
            }
        };
        let mut sheet = Sheet::new(&program, &self.plan.fields, &self.projection, &self.sources, 1);
        let mut cursor = Cursor::new(&row, Limits::default());
        let read = sheet.row(&mut cursor).map_err(|fault| {
            corrupt(&self.path, format!("a dead letter of the file cannot be read: {}", fault.why()))
        })?;
        match read {
            Some(fault) => broken.push((span, fault)),
            None => spans.push(span),
        }
        let decoded = sheet.finish(&self.sources, &self.projection)?;
        Ok((decoded, TextRecords { chunk, spans, broken }))
    }
}
