//! The input of a whole-input plan: rows that can be read again as often as a plan asks for them.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use staunch_types::Result;

/// The batches of one slot of a [`Leaf`], in order.
pub type LeafBatches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A replayable input, bounded in memory: never a tee that holds rows back for a second reader.
pub trait Leaf: Send + Sync {
    /// The schema of all columns: that of the contract.
    fn schema(&self) -> SchemaRef;

    /// About how many rows there are, if that is known. It steers plans and is never taken for the truth.
    fn rows_hint(&self) -> Option<u64>;

    /// About how many bytes all columns take in memory, if that is known.
    fn bytes_hint(&self) -> Option<u64>;

    /// Opens the input afresh: iterators, at most `partitions` of them or more, that together give each row exactly once.
    /// `projection` are the positions in [`Leaf::schema`] that are wanted, in ascending order and never empty; the batches hold
    /// these columns and no others (`None`: all).
    ///
    /// # Errors
    /// Whatever the input has to say; the same error comes out of the query that reads it.
    fn open(&self, projection: Option<&[usize]>, partitions: usize) -> Result<Vec<LeafBatches>>;
}
