//! How a plan is laid out so that it fits its budget of memory.
//!
//! An operator of DataFusion asks for memory batch by batch, and gives up where even one batch is more than its share. So that
//! small budgets do, everything that multiplies batches is bounded by the budget: how many rows a batch has, how many
//! partitions a plan has (each has sorts and tables of its own), how many spilled runs are merged at a time (each holds
//! batches), and what a sort sets aside for merging.
//!
//! The unit is 1/512 of a partition's part of the budget, about the bytes of one batch. A merge holds up to four batches for each of
//! eight runs, 1/16 of that part: both sides of a join can merge while others sort. How long texts are is not known before they are
//! read, so batches of long ones are larger; the parts are small enough for that.

use arrow::datatypes::Schema;
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool};

/// The parts of a budget that are one batch.
const UNITS: usize = 512;

/// Spilled runs that are merged at a time.
pub(crate) const FAN_IN: usize = 8;

/// Bytes below which a partition is not worth having.
const PARTITION: usize = 64 << 20;

/// Rows of a batch, at most: what fits the caches of a processor.
const MOST_ROWS: usize = 8192;

/// Rows of a batch, at least: with fewer all time goes into handling batches.
const FEWEST_ROWS: usize = 64;

/// What DataFusion sets aside for each sort, at most.
const MERGING: usize = 10 << 20;

/// What a value without a fixed width is taken for, where it is compared with others of its row.
const VARIABLE: usize = 24;

/// What it is taken for where too little is worse than too much.
const LONG: usize = 64;

/// Bytes that all plans of a session may hold together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget(pub(crate) usize);

impl Budget {
    /// The budget that a pool shares out.
    pub(crate) fn of(pool: &dyn MemoryPool) -> Self {
        match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => Self(bytes),
            _ => Self(usize::MAX),
        }
    }

    /// How many partitions a plan has, where so many threads are there.
    pub(crate) fn partitions(self, threads: usize) -> usize {
        threads.min(self.0 / PARTITION).max(1)
    }

    /// What a sort sets aside for merging.
    pub(crate) fn merging(self, partitions: usize) -> usize {
        (self.0 / (16 * partitions.max(1))).min(MERGING)
    }

    /// How many rows of this width a batch has.
    pub(crate) fn rows(self, width: usize, partitions: usize) -> usize {
        (self.batch(partitions) / width.max(1)).clamp(FEWEST_ROWS, MOST_ROWS)
    }

    /// The bytes that a batch of an input has at most.
    pub(crate) fn batch(self, partitions: usize) -> usize {
        (self.0 / UNITS / partitions.max(1)).max(1)
    }

    /// What the build side of a hash join may be estimated at: it is held and not spilled.
    pub(crate) fn build_side(self) -> usize {
        self.0 / 4
    }
}

/// About the bytes of a row: fixed widths as they are, a guess for what has none.
pub(crate) fn width(schema: &Schema) -> usize {
    with(schema, VARIABLE)
}

/// The bytes of a row, rather too many than too few.
pub(crate) fn widest(schema: &Schema) -> usize {
    with(schema, LONG)
}

fn with(schema: &Schema, variable: usize) -> usize {
    schema.fields().iter().map(|f| f.data_type().primitive_width().unwrap_or(variable)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_budget_makes_small_batches_and_few_partitions() {
        let (small, default) = (Budget(16 << 20), Budget(512 << 20));
        assert_eq!((small.partitions(8), default.partitions(8)), (1, 8));
        assert_eq!((small.rows(64, 1), default.rows(64, 2)), (512, MOST_ROWS));
        assert_eq!((small.merging(1), default.merging(2)), (1 << 20, MERGING));
        assert_eq!(Budget(0).partitions(0), 1);
        assert_eq!(Budget(0).rows(0, 0), FEWEST_ROWS);
        // Eight runs of two batches, each reserved twice, are what is set aside.
        assert_eq!(FAN_IN * 4 * small.batch(1), small.merging(1));
    }
}
