//! Rows that go once more to the target that refused them, and to no other: it was mended in between, or refuses them again.

use super::graph::Graph;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use staunch_commit::{DeadLetter, Sealer};
use staunch_types::{Error, Result, WriteMode, codes};

/// Rows of one batch at most.
const ROWS: usize = 1024;

/// Some rows for one write.
pub(crate) struct Again {
    /// The write, by its position in the graph.
    pub(crate) write: usize,
    /// The rows.
    pub(crate) batch: RecordBatch,
    /// Row by row: how often it was tried.
    pub(crate) tried: Vec<u32>,
}

fn refuse(letter: &DeadLetter, message: String, hint: &str) -> Error {
    Error::new(codes::DEAD_LETTER, message).stage(&letter.stage).hint(hint)
}

/// Refuses what cannot be written again.
///
/// # Errors
/// `DeadLetters.Invalid`: the row is not kept, the write is gone, or it replaces its table as a whole.
pub(crate) fn check(graph: &Graph, letter: &DeadLetter) -> Result<()> {
    let Some(node) = graph.write(&letter.stage) else {
        return Err(refuse(
            letter,
            format!("the write `{}` that refused `{}` is gone", letter.stage, letter.id),
            "put it back, or `staunch dlq discard`",
        ));
    };
    if node.write.mode == WriteMode::Replace {
        return Err(refuse(
            letter,
            format!(
                "`{}` is replaced as a whole, so `{}` cannot be written to it alone",
                letter.stage, letter.id
            ),
            "mend the table and run the pipeline with --full-refresh: it replaces everything, and these letters",
        ));
    }
    if letter.sealed.is_empty() {
        return Err(refuse(
            letter,
            format!("the row of `{}` is not kept: an earlier version of Staunch recorded it", letter.id),
            "mend the table and run with --full-refresh, or `staunch dlq discard`",
        ));
    }
    Ok(())
}

/// Opens the rows of the refused ones among the letters, those of earlier epochs first.
///
/// # Errors
/// `DeadLetters.Invalid` with another key, or if the contract of the write has changed since.
pub(crate) fn open(graph: &Graph, letters: &[DeadLetter], sealer: &Sealer) -> Result<Vec<Again>> {
    let mut all = Vec::new();
    for (write, node) in graph.writes.iter().enumerate() {
        let mut letters: Vec<&DeadLetter> =
            letters.iter().filter(|l| l.refused() && l.stage == node.write.name).collect();
        letters.sort_by_key(|letter| letter.refused_in());
        let schema = node.contract.arrow_schema();
        for letters in letters.chunks(ROWS) {
            let mut rows = Vec::new();
            for letter in letters {
                let (row, fingerprint) = letter.row(sealer)?;
                if fingerprint != node.contract.fingerprint() {
                    return Err(refuse(
                        letter,
                        format!(
                            "the contract of `{}` is not the one that `{}` was made under",
                            letter.stage, letter.id
                        ),
                        "put the contract back and replay, then edit it; or run with --full-refresh, which makes the row anew",
                    ));
                }
                rows.push(row);
            }
            // The rows carry the fingerprint in their schema; behind here they are rows like any other.
            let plain = rows.iter().map(|row| RecordBatch::try_new(schema.clone(), row.columns().to_vec()));
            let batch = plain
                .collect::<std::result::Result<Vec<_>, _>>()
                .and_then(|rows| concat_batches(&schema, &rows))
                .map_err(|e| {
                    Error::new(codes::INTERNAL, "refused rows do not fit their contract").cause(e.to_string())
                })?;
            all.push(Again { write, batch, tried: letters.iter().map(|l| l.attempts).collect() });
        }
    }
    Ok(all)
}
