//! Memory that is set aside before others take it.

use crate::sql::Budget;
use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use std::sync::Arc;

/// The part of the budget that a window has from the beginning.
const PART: usize = 16;

/// It is never more than this.
const MOST: usize = 16 << 20;

/// A reservation that does not fall below what it began with. A sort above takes all that is left in the pool, and gives it to nobody: so a window
/// that needs little has it before rows flow.
#[derive(Debug)]
pub(super) struct Aside {
    reservation: MemoryReservation,
    least: usize,
}

impl Aside {
    pub(super) fn new(consumer: MemoryConsumer, pool: &Arc<dyn MemoryPool>) -> Self {
        let least = (Budget::of(pool.as_ref()).0 / PART).min(MOST);
        let reservation = consumer.register(pool);
        // Where even that is not to be had, it is asked for when it is needed.
        let least = if reservation.try_resize(least).is_ok() { least } else { 0 };
        Self { reservation, least }
    }

    /// Sets so many bytes aside, instead of those before.
    pub(super) fn resize(&self, bytes: usize) -> Result<()> {
        self.reservation.try_resize(bytes.max(self.least))
    }
}

/// What the rows of a batch take, whatever else is in one piece with them.
pub(super) fn bytes(batch: &RecordBatch) -> Result<usize> {
    let columns = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
    Ok(columns.sum::<std::result::Result<usize, _>>()?)
}
