//! Rows that a target refused: they become dead letters like any other, sealed, with what the target was given instead of a raw
//! record. That is the row behind the PII step: tokens, never the values that they stand for.
//!
//! A row is kept as an Arrow IPC stream of one row, which gives every type back exactly and names the contract that it was
//! made under.

use crate::dead::{DeadLetter, DeadWriter};
use crate::manifest::{ChannelSegment, FORMAT};
use crate::seal::Sealer;
use crate::sink::Rows;
use crate::store::Store;
use arrow::array::UInt64Array;
use arrow::compute::take_record_batch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ipc::MetadataVersion;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::record_batch::RecordBatch;
use staunch_contract::Contract;
use staunch_types::{Epoch, Error, RegionId, Result, codes};
use std::collections::HashMap;
use std::sync::Arc;

/// Where in a row's schema the fingerprint of its contract stands.
const FINGERPRINT: &str = "staunch.fingerprint";

/// What one epoch gave to one target.
#[derive(Debug, Clone, Copy)]
pub struct RefusedBy<'a> {
    /// The region.
    pub region: &'a RegionId,
    /// The write.
    pub write: &'a str,
    /// The epoch.
    pub epoch: Epoch,
    /// A read above the write: what supersedes its letters supersedes these.
    pub read: &'a str,
    /// The contract of the rows.
    pub contract: &'a Contract,
    /// How often the rows at the head of the epoch were tried before.
    pub tried: &'a [u32],
}

impl RefusedBy<'_> {
    /// The letter of the row with this ordinal, without its row.
    #[must_use]
    pub fn letter(&self, ordinal: u64, reason: &str) -> DeadLetter {
        let before = usize::try_from(ordinal).ok().and_then(|at| self.tried.get(at)).copied();
        DeadLetter {
            format: FORMAT,
            id: format!("{}@{}#{ordinal}", self.write, self.epoch),
            region: Some(self.region.clone()),
            read: self.read.to_owned(),
            stage: self.write.to_owned(),
            code: codes::SINK_REJECTED.name.to_owned(),
            reason: reason.to_owned(),
            field: None,
            contract: self.contract.id(),
            file: self.write.to_owned(),
            version: 0,
            place: ordinal,
            line: None,
            attempts: before.unwrap_or(0) + 1,
            key: String::new(),
            sealed: String::new(),
        }
    }

    /// Seals refused rows as the artefact `name`. `dead` are their ordinals and reasons, `rows` the rows, in one order.
    ///
    /// # Errors
    /// `Store.*`; `Internal.Bug` if there are not as many rows as reasons.
    pub fn seal(
        &self,
        store: &dyn Store,
        name: String,
        dead: &[(u64, String)],
        rows: Rows<'_>,
        sealer: &Sealer,
    ) -> Result<ChannelSegment> {
        let uneven =
            || Error::new(codes::INTERNAL, "a target named other rows as refused than its segments hold");
        let mut out = DeadWriter::create(store, name, self.write)?;
        let mut reasons = dead.iter();
        for batch in rows {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                let (ordinal, reason) = reasons.next().ok_or_else(uneven)?;
                out.seal(self.letter(*ordinal, reason), &encode(&batch, row, self.contract)?, sealer)?;
            }
        }
        match reasons.next() {
            Some(_) => Err(uneven()),
            None => out.finish(),
        }
    }
}

/// One row by itself.
fn encode(batch: &RecordBatch, row: usize, contract: &Contract) -> Result<Vec<u8>> {
    let broken =
        |e: ArrowError| Error::new(codes::INTERNAL, "a refused row cannot be encoded").cause(e.to_string());
    let metadata = HashMap::from([(FINGERPRINT.to_owned(), contract.fingerprint())]);
    let schema = Schema::clone(&contract.arrow_schema()).with_metadata(metadata);
    // Taken, not sliced: the bytes are those of this row alone, wherever it stood in its batch.
    let row = take_record_batch(batch, &UInt64Array::from(vec![row as u64])).map_err(broken)?;
    let row = RecordBatch::try_new(Arc::new(schema), row.columns().to_vec()).map_err(broken)?;
    // Aligned as little as Arrow allows: there is one row, and the rest would be filling.
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).map_err(broken)?;
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &row.schema(), options).map_err(broken)?;
    writer.write(&row).map_err(broken)?;
    writer.into_inner().map_err(broken)
}

impl DeadLetter {
    /// Whether it is a row that a target refused.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.code == codes::SINK_REJECTED.name
    }

    /// The epoch in which a target refused it, and its ordinal there.
    #[must_use]
    pub fn refused_in(&self) -> (Epoch, u64) {
        let epoch = self.id.rsplit_once('@').and_then(|(_, rest)| rest.split_once('#')?.0.parse().ok());
        (Epoch(epoch.unwrap_or(0)), self.place)
    }

    /// The row that a target refused, and the fingerprint of the contract that it was made under.
    ///
    /// # Errors
    /// `DeadLetters.Invalid` with another key, or if the row is not kept (an earlier version wrote the letter).
    pub fn row(&self, sealer: &Sealer) -> Result<(RecordBatch, String)> {
        if self.sealed.is_empty() {
            return Err(Error::new(
                codes::DEAD_LETTER,
                format!("the row of `{}` is not kept: an earlier version of Staunch recorded it", self.id),
            )
            .hint("the reason names the constraint; mend the table and run with --full-refresh, or `staunch dlq discard`"));
        }
        let raw = self.raw(sealer)?;
        let damaged = || {
            Error::new(codes::DEAD_LETTER, format!("the dead letter `{}` is damaged", self.id))
                .hint("restore the state folder from a backup")
        };
        let mut reader = StreamReader::try_new(raw.as_slice(), None).map_err(|_| damaged())?;
        let row = reader.next().and_then(std::result::Result::ok).ok_or_else(damaged)?;
        let fingerprint = row.schema().metadata().get(FINGERPRINT).cloned().unwrap_or_default();
        Ok((row, fingerprint))
    }
}

#[cfg(test)]
mod tests;
