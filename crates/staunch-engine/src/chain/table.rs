//! The hash table of a join with reference data.

use crate::sql::memory;
use arrow::array::{Array, ArrayRef};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use staunch_types::{Error, Result, codes};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// No row.
const NONE: u32 = u32::MAX;

/// Rows of reference data by their keys: chains of rows below an array of heads (as in DuckDB's joins). Its bytes are reserved in the session's budget
/// for as long as it lives.
#[derive(Debug)]
pub(crate) struct JoinTable {
    /// The columns that are looked up.
    payload: RecordBatch,
    converter: RowConverter,
    /// The keys in a form in which equal bytes mean equal keys.
    keys: Rows,
    /// The first row of each chain; their number is a power of two.
    heads: Vec<u32>,
    /// The row after each row in its chain.
    next: Vec<u32>,
    null_equal: bool,
    _reserved: MemoryReservation,
}

/// Rows of reference data on their way into a table.
pub(crate) struct Collected {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    reserved: MemoryReservation,
    stage: String,
}

impl Collected {
    pub(crate) fn new(schema: SchemaRef, pool: &Arc<dyn MemoryPool>, stage: &str) -> Self {
        let reserved = MemoryConsumer::new(format!("reference data of {stage}")).register(pool);
        Self { schema, batches: Vec::new(), reserved, stage: stage.to_owned() }
    }

    /// Takes a batch in.
    ///
    /// # Errors
    /// `Run.Memory` if the budget does not do.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.reserved.try_grow(batch.get_array_memory_size()).map_err(|_| too_large(&self.stage))?;
        self.batches.push(batch);
        Ok(())
    }

    /// Builds the table: the first `key_count` columns are the key.
    ///
    /// # Errors
    /// `Run.Memory` if the budget does not do.
    pub(crate) fn build(self, key_count: usize, null_equal: bool) -> Result<JoinTable> {
        let Self { schema, batches, reserved, stage } = self;
        let bug = |_| Error::new(codes::INTERNAL, "reference data cannot be put into a table").stage(&stage);
        // The copy in one piece stands beside the batches for a moment.
        let held = reserved.size();
        reserved.try_grow(held).map_err(|_| too_large(&stage))?;
        let all = concat_batches(&schema, &batches).map_err(|e| match e {
            arrow::error::ArrowError::OffsetOverflowError(_) => too_large(&stage),
            e => bug(e),
        })?;
        drop(batches);
        let rows =
            u32::try_from(all.num_rows()).ok().filter(|r| *r < NONE).ok_or_else(|| too_large(&stage))?;
        let (key_columns, payload) = (0..key_count, key_count..all.num_columns());
        let payload = all.project(&payload.collect::<Vec<_>>()).map_err(bug)?;
        let key_columns: Vec<ArrayRef> = all.columns().get(key_columns).unwrap_or_default().to_vec();
        let fields = key_columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(bug)?;
        let keys = converter.convert_columns(&key_columns).map_err(bug)?;

        let buckets = (all.num_rows() * 2).next_power_of_two().max(2);
        let index = (buckets + all.num_rows()) * size_of::<u32>();
        let bytes = payload.get_array_memory_size() + keys.size() + index;
        reserved.try_resize(bytes).map_err(|_| too_large(&stage))?;
        let mut heads = vec![NONE; buckets];
        let mut next = vec![NONE; all.num_rows()];
        let null = nulls(&key_columns);
        // From the last row to the first, so that a chain gives its rows in their order.
        for row in (0..rows).rev() {
            let at = row as usize;
            if !null_equal && null(at) {
                continue;
            }
            let bucket = bucket(keys.row(at).as_ref(), buckets);
            next[at] = heads[bucket];
            heads[bucket] = row;
        }
        Ok(JoinTable { payload, converter, keys, heads, next, null_equal, _reserved: reserved })
    }
}

impl JoinTable {
    /// The columns that are looked up.
    pub(crate) fn payload(&self) -> &RecordBatch {
        &self.payload
    }

    /// Calls `found` with each pair of a probe row and a row of the table whose keys are equal, in the order of the
    /// probe rows. `found` says whether to go on.
    ///
    /// # Errors
    /// `Internal.Bug` if the keys are not of the table's types.
    pub(crate) fn probe(&self, keys: &[ArrayRef], mut found: impl FnMut(u32, u32) -> bool) -> Result<()> {
        let rows = self.converter.convert_columns(keys).map_err(|_| {
            Error::new(codes::INTERNAL, "a key is not of the type that was planned")
                .hint("report this with the SQL of the stage")
        })?;
        let null = nulls(keys);
        for (at, key) in rows.iter().enumerate() {
            if !self.null_equal && null(at) {
                continue;
            }
            let mut row = self.heads[bucket(key.as_ref(), self.heads.len())];
            while row != NONE {
                if self.keys.row(row as usize) == key && !found(u32::try_from(at).unwrap_or(NONE), row) {
                    return Ok(());
                }
                row = self.next[row as usize];
            }
        }
        Ok(())
    }
}

/// The chain of a key. `buckets` is a power of two.
fn bucket(key: &[u8], buckets: usize) -> usize {
    // The low bits of a 64-bit hash: more rows than 32 bits count do not fit anyway.
    (xxh3_64(key) as usize) & (buckets - 1)
}

/// Whether a part of the key is null, by row.
fn nulls(keys: &[ArrayRef]) -> impl Fn(usize) -> bool {
    let masks: Vec<_> = keys.iter().filter_map(|k| k.logical_nulls()).collect();
    move |row| masks.iter().any(|m| m.is_null(row))
}

fn too_large(stage: &str) -> Error {
    memory("the reference data of a join").stage(stage)
}
