//! Evaluating expressions so that a bad row costs one row.

use crate::sql::{Failure, Stop, failure, memory};
use arrow::array::{ArrayRef, UInt64Array, new_empty_array};
use arrow::compute::{concat, take_record_batch};
use arrow::record_batch::RecordBatch;
use datafusion::physical_expr::PhysicalExpr;
use staunch_types::{Error, Result, codes};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// An expression that is ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) expr: Arc<dyn PhysicalExpr>,
    /// The expression as SQL.
    pub(crate) text: String,
    /// The column that it makes, if it makes one.
    pub(crate) field: Option<String>,
}

/// A row for which an expression has no value.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Its position in the batch.
    pub(crate) row: usize,
    /// The expression, by position.
    pub(crate) expr: usize,
    pub(crate) failure: Failure,
}

/// What expressions come to over a batch.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// One for each expression, over the rows for which all of them have a value, in their order.
    pub(crate) columns: Vec<ArrayRef>,
    /// All other rows, in their order.
    pub(crate) failed: Vec<Failed>,
}

/// Evaluates expressions over a batch. Where one fails the batch is halved until the rows are found on which it fails.
///
/// # Errors
/// Those that no row is to blame for: `Run.Memory`, `Internal.Bug`.
pub(crate) fn evaluate(exprs: &[Compiled], batch: &RecordBatch) -> Result<Evaluated> {
    let mut work = Work { exprs, batch, pieces: Vec::new(), failed: Vec::new() };
    if batch.num_rows() > 0 {
        work.halve(0, batch.num_rows())?;
    }
    let Work { mut pieces, failed, .. } = work;
    let columns = match pieces.len() {
        1 => pieces.remove(0),
        0 => exprs
            .iter()
            .map(|e| e.expr.data_type(&batch.schema()).map(|ty| new_empty_array(&ty)).map_err(|_| bug(e)))
            .collect::<Result<_>>()?,
        _ => {
            let column = |(i, e): (usize, &Compiled)| {
                let parts: Vec<_> = pieces.iter().filter_map(|p| p.get(i)).map(|a| a.as_ref()).collect();
                concat(&parts).map_err(|_| bug(e))
            };
            exprs.iter().enumerate().map(column).collect::<Result<_>>()?
        }
    };
    Ok(Evaluated { columns, failed })
}

struct Work<'a> {
    exprs: &'a [Compiled],
    batch: &'a RecordBatch,
    pieces: Vec<Vec<ArrayRef>>,
    failed: Vec<Failed>,
}

impl Work<'_> {
    fn halve(&mut self, from: usize, rows: usize) -> Result<()> {
        let slice = part(self.batch, from, rows)?;
        match self.all(&slice)? {
            Ok(columns) => self.pieces.push(columns),
            Err((expr, failure)) if rows == 1 => self.failed.push(Failed { row: from, expr, failure }),
            Err(_) => {
                let half = rows / 2;
                self.halve(from, half)?;
                self.halve(from + half, rows - half)?;
            }
        }
        Ok(())
    }

    /// All expressions over some rows, or the first that fails.
    fn all(&self, slice: &RecordBatch) -> Result<std::result::Result<Vec<ArrayRef>, (usize, Failure)>> {
        let mut columns = Vec::with_capacity(self.exprs.len());
        for (i, compiled) in self.exprs.iter().enumerate() {
            let evaluate = || compiled.expr.evaluate(slice).and_then(|v| v.into_array(slice.num_rows()));
            // Some functions panic on some values (lengths beyond memory). That is their bug; it must not cost more than the row.
            // Expressions keep no state that could be left half changed.
            let Ok(value) = catch_unwind(AssertUnwindSafe(evaluate)) else {
                return Ok(Err((i, Failure::Other)));
            };
            match value {
                Ok(column) => columns.push(column),
                Err(error) => match failure(&error) {
                    Ok(failure) => return Ok(Err((i, failure))),
                    Err(Stop::Memory) => return Err(memory(&format!("`{}`", compiled.text))),
                    Err(Stop::Disk) => return Err(bug(compiled)),
                    // Whatever a function says about its row: there is no value for it.
                    Err(Stop::Bug) => return Ok(Err((i, Failure::Other))),
                },
            }
        }
        Ok(Ok(columns))
    }
}

/// Some rows of a batch. Kernels look at all parts of a list, also at those that belong to rows outside of a slice: where there are lists, the rows are
/// copied, so that they answer for themselves alone.
fn part(batch: &RecordBatch, from: usize, rows: usize) -> Result<RecordBatch> {
    let nested = batch.schema().fields().iter().any(|f| f.data_type().is_nested());
    if !nested || rows == batch.num_rows() {
        return Ok(batch.slice(from, rows));
    }
    let rows = UInt64Array::from_iter_values((from as u64)..(from + rows) as u64);
    take_record_batch(batch, &rows)
        .map_err(|_| Error::new(codes::INTERNAL, "rows cannot be taken out of a batch").hint("report this"))
}

fn bug(compiled: &Compiled) -> Error {
    let message = format!("`{}` fails in a way that it should not", compiled.text);
    Error::new(codes::INTERNAL, message).hint("report this with the SQL of the stage")
}
