//! Where the partitions of a window begin, in batches that are sorted by the keys of its partitions.

use arrow::array::ArrayRef;
use arrow::compute::{concat, partition};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::physical_expr::window::WindowExpr;
use std::ops::Range;
use std::sync::Arc;

/// The keys of the rows of a batch, a column each. All windows of an operator have the same.
pub(super) fn keys(exprs: &[Arc<dyn WindowExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let by = exprs.first().map(|expr| expr.partition_by()).unwrap_or_default();
    by.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows())).collect()
}

/// The key of the last of these rows, a column each with one row.
pub(super) fn last(keys: &[ArrayRef]) -> Vec<ArrayRef> {
    keys.iter().map(|key| key.slice(key.len() - 1, 1)).collect()
}

/// Where partitions begin in so many rows (at least one); row 0 only if `before`, the key of the row before it, is another one.
pub(super) fn starts(before: Option<&[ArrayRef]>, keys: &[ArrayRef], rows: usize) -> Result<Vec<usize>> {
    let mut starts: Vec<usize> = ranges(keys, rows)?.into_iter().map(|r| r.start).collect();
    let goes_on = match before {
        None => true,
        Some(before) => {
            let both = before.iter().zip(keys).map(|(a, b)| concat(&[a, &b.slice(0, 1)]));
            ranges(&both.collect::<std::result::Result<Vec<_>, _>>()?, 2)?.len() == 1
        }
    };
    if goes_on {
        starts.remove(0);
    }
    Ok(starts)
}

/// The ranges of rows with equal keys; all rows if there are no keys.
pub(super) fn ranges(keys: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    if keys.is_empty() {
        return Ok(vec![Range { start: 0, end: rows }]);
    }
    Ok(partition(keys)?.ranges())
}
