//! Rows that go once more to the target that refused them, and to no other: it was mended in between, or refuses them again. Rows of a contract
//! that the target has moved on from become rows of the one of today, where their values fit.

use super::graph::{Graph, WriteNode};
use super::moves::Contracts;
use arrow::array::{ArrayRef, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use staunch_commit::{DeadLetter, Sealer};
use staunch_contract::migration::{Move, Outcome, Stored};
use staunch_contract::{Contract, coerce};
use staunch_types::{Error, Result, WriteMode, codes};
use std::sync::Arc;

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
/// `DeadLetters.Invalid` with another key, or if the contract of the write has changed since and a row is none of the new one.
pub(crate) fn open(
    graph: &Graph,
    letters: &[DeadLetter],
    sealer: &Sealer,
    contracts: &Contracts,
) -> Result<Vec<Again>> {
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
                let row = match fingerprint == node.contract.fingerprint() {
                    true => Some(row),
                    false => moved(node, &row, &fingerprint, contracts)?,
                };
                rows.push(row.ok_or_else(|| refuse(
                    letter,
                    format!(
                        "the contract of `{}` is not the one that `{}` was made under, and the row is none of it",
                        letter.stage, letter.id
                    ),
                    "run with --full-refresh, which makes the row anew; or `staunch dlq discard`; or put the contract back and replay, if no row was written under the new one",
                ))?);
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

/// A row of an earlier contract as one of the contract of today; `None` if that contract is not known, or the row is none.
fn moved(
    node: &WriteNode,
    row: &RecordBatch,
    fingerprint: &str,
    contracts: &Contracts,
) -> Result<Option<RecordBatch>> {
    for written in contracts.get(&node.write.name).into_iter().flatten().rev() {
        let old = written.open()?;
        if old.fingerprint() == fingerprint {
            return brought(row, &old, &node.contract);
        }
    }
    Ok(None)
}

/// By name or alias, into wider types, null where it has nothing: nothing else becomes of a value.
fn brought(row: &RecordBatch, old: &Contract, new: &Contract) -> Result<Option<RecordBatch>> {
    let moved = Move::new(old, new)?;
    if let Outcome::Refused(_) = moved.judge(Stored::RefusedRows, true).outcome {
        return Ok(None);
    }
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for field in &new.fields {
        let from = moved.before(&field.name).and_then(|before| old.index_of(&before.name));
        let column = match from.and_then(|at| row.columns().get(at)) {
            Some(column) => Arc::clone(column),
            None => new_null_array(&DataType::Null, row.num_rows()),
        };
        fields.push(Field::new(&field.name, column.data_type().clone(), true));
        columns.push(column);
    }
    let schema = Arc::new(Schema::new(fields));
    let Ok(coercion) = coerce::check(&schema, new) else { return Ok(None) };
    let broken = |e: arrow::error::ArrowError| {
        Error::new(codes::INTERNAL, "a refused row cannot be read").cause(e.to_string())
    };
    let done = coercion.apply(&RecordBatch::try_new(schema, columns).map_err(broken)?)?;
    Ok(done.bad.is_empty().then_some(done.batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int32Array, StringArray};
    use std::path::Path;

    #[test]
    fn a_row_moves_by_name_alias_and_wider_type_or_not_at_all() {
        let read = |text: &str| Contract::from_yaml(text, Path::new("c.yaml")).unwrap();
        let old = read("{contract: c, version: 1, fields: {a: int, b: string?}}");
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![7])), Arc::new(StringArray::from(vec![None::<&str>]))];
        let row = RecordBatch::try_new(old.arrow_schema(), columns).unwrap();
        let to = |fields: &str| {
            let new = read(&format!("{{contract: c, version: 2, fields: {{{fields}}}}}"));
            brought(&row, &old, &new).unwrap()
        };
        let moved = to("b: string?, x: {type: double, aliases: [a]}, more: long?").unwrap();
        let expected: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![None::<&str>])),
            Arc::new(Float64Array::from(vec![7.0])),
            new_null_array(&DataType::Int64, 1),
        ];
        assert_eq!(moved.columns(), expected);
        // No value is made up, changed or lost.
        for fields in [
            "a: int, b: string",
            "a: string, b: string?",
            "a: int, b: string?, c: long",
            "a: {type: int, max: 6}, b: string?",
        ] {
            assert!(to(fields).is_none(), "{fields}");
        }
    }
}
