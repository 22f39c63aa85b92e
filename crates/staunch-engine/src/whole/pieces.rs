//! Large batches in small pieces: what an operator cannot hold at once it cannot sort or spill either.

use crate::leaf::LeafBatches;
use crate::sql::width;
use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use staunch_types::{Error, Result, codes};

/// The batches of a leaf, none of more than `rows` rows, and about `bytes` bytes. Pieces are copies: a slice would keep
/// all of the batch that it is a part of in memory, and count as much.
pub(crate) fn pieces(batches: LeafBatches, rows: usize, bytes: usize) -> LeafBatches {
    Box::new(batches.flat_map(move |batch| -> LeafBatches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let total = batch.num_rows();
        let piece = fitting(&batch, rows, bytes);
        if piece >= total {
            return Box::new(std::iter::once(Ok(batch)));
        }
        Box::new((0..total).step_by(piece).map(move |from| part(&batch, from, piece.min(total - from))))
    }))
}

/// How many rows of a batch make a piece.
fn fitting(batch: &RecordBatch, rows: usize, most: usize) -> usize {
    let total = batch.num_rows().max(1);
    // What slices count for is more than they have: the schema bounds it from below only, so the larger one is taken.
    let bytes = batch.get_array_memory_size().max(width(&batch.schema()) * total);
    let fit = (most as u128 * total as u128 / bytes.max(1) as u128).max(1);
    usize::try_from(fit).unwrap_or(rows).min(rows.max(1))
}

fn part(batch: &RecordBatch, from: usize, rows: usize) -> Result<RecordBatch> {
    let bug = || Error::new(codes::INTERNAL, "a batch of an input cannot be cut");
    let end = from + rows;
    let (from, end) = (u32::try_from(from).map_err(|_| bug())?, u32::try_from(end).map_err(|_| bug())?);
    take_record_batch(batch, &UInt32Array::from_iter_values(from..end)).map_err(|_| bug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::compute::concat_batches;
    use std::sync::Arc;

    fn batch(rows: i64, text: usize) -> RecordBatch {
        let ids: Int64Array = (0..rows).map(Some).collect();
        let texts: StringArray = (0..rows).map(|i| Some(format!("{i:0text$}"))).collect();
        RecordBatch::try_from_iter([("id", Arc::new(ids) as ArrayRef), ("text", Arc::new(texts) as ArrayRef)])
            .unwrap()
    }

    fn cut(batch: &RecordBatch, rows: usize, bytes: usize) -> Vec<RecordBatch> {
        let batches: LeafBatches = Box::new(std::iter::once(Ok(batch.clone())));
        pieces(batches, rows, bytes).map(|b| b.unwrap()).collect()
    }

    #[test]
    fn pieces_are_small_copies_that_give_the_whole() {
        for (text, rows, bytes) in [(10, 100, 128 << 10), (2_000, 8192, 32 << 10)] {
            let whole = batch(1_000, text);
            let parts = cut(&whole, rows, bytes);
            assert!(parts.len() >= 10, "{}", parts.len());
            for part in &parts {
                assert!(part.num_rows() <= rows);
                assert!(part.get_array_memory_size() <= 2 * bytes, "{}", part.get_array_memory_size());
            }
            assert_eq!(concat_batches(&whole.schema(), &parts).unwrap(), whole);
        }
    }

    #[test]
    fn a_small_batch_is_passed_on() {
        let whole = batch(10, 10);
        assert_eq!(cut(&whole, 8192, 128 << 10), [whole]);
    }
}
