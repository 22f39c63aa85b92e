//! A partition of a window that is too large to be held.

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::spill_file::SpillFile;
use datafusion::logical_expr::{Accumulator, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, WindowExpr};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::spill::SpillManager;
use futures::StreamExt;
use std::sync::Arc;

/// Whether a function has one value for all rows of its partition, which can be computed row by row.
pub(super) fn constant(expr: &dyn WindowExpr) -> bool {
    let frame = expr.get_window_frame();
    // Without an order all rows of a partition are peers.
    let peers = frame.units == WindowFrameUnits::Range && expr.order_by().is_empty();
    let open = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => peers,
        other => other.is_unbounded(),
    };
    aggregate(expr).is_some() && open(&frame.start_bound) && open(&frame.end_bound)
}

fn aggregate(expr: &dyn WindowExpr) -> Option<&PlainAggregateWindowExpr> {
    expr.as_any().downcast_ref()
}

/// A file on its way: appends a batch, or ends with `None`. (DataFusion gives such a file, and no name for its type.)
type Append = Box<dyn FnMut(Option<&RecordBatch>) -> Result<Option<Arc<dyn SpillFile>>> + Send>;

fn append(manager: &SpillManager) -> Result<Append> {
    let mut file = manager.create_in_progress_file("a partition of a window")?;
    Ok(Box::new(move |batch| match batch {
        Some(batch) => file.append_batch(batch).map(|_| None),
        None => file.finish(),
    }))
}

/// A partition on its way to the disk: its rows are written, its values grow.
pub(super) struct Spilled {
    functions: Vec<(Arc<dyn WindowExpr>, Box<dyn Accumulator>)>,
    manager: SpillManager,
    append: Append,
}

impl Spilled {
    /// All of `exprs` must be [`constant`].
    pub(super) fn begin(exprs: &[Arc<dyn WindowExpr>], manager: &SpillManager) -> Result<Self> {
        let begin = |expr: &Arc<dyn WindowExpr>| match aggregate(expr.as_ref()) {
            Some(plain) => Ok((expr.clone(), plain.get_aggregate_expr().create_accumulator()?)),
            None => internal_err!("{} has no single value", expr.name()),
        };
        Ok(Self {
            functions: exprs.iter().map(begin).collect::<Result<_>>()?,
            append: append(manager)?,
            manager: manager.clone(),
        })
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (expr, value) in &mut self.functions {
            value.update_batch(&expr.evaluate_args(batch)?)?;
        }
        (self.append)(Some(batch))?;
        Ok(())
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        self.functions.iter().map(|(_, value)| value.size()).sum()
    }

    /// The whole partition has come: now it can be read, each row with the values.
    pub(super) fn end(mut self) -> Result<Finished> {
        let values =
            self.functions.iter_mut().map(|(_, value)| value.evaluate()).collect::<Result<Vec<_>>>()?;
        let rows = match (self.append)(None)? {
            Some(file) => Some(self.manager.read_spill_as_stream_unbuffered(file, None)?),
            None => None,
        };
        Ok(Finished { rows, values })
    }
}

/// A partition that comes back from the disk.
pub(super) struct Finished {
    rows: Option<SendableRecordBatchStream>,
    values: Vec<ScalarValue>,
}

impl Finished {
    pub(super) async fn next(&mut self, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        let Some(batch) = rows.next().await.transpose()? else { return Ok(None) };
        let values = self.values.iter().map(|value| value.to_array_of_size(batch.num_rows()));
        let mut columns = batch.columns().to_vec();
        columns.extend(values.collect::<Result<Vec<ArrayRef>>>()?);
        Ok(Some(RecordBatch::try_new(schema.clone(), columns)?))
    }
}
