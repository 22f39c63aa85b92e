//! Windows that need the whole of a partition, one partition at a time.

use super::aside::{Aside, bytes};
use super::keys::{keys, last, ranges, starts};
use super::spilled::{Finished, Spilled, constant};
use crate::sql::Budget;
use arrow::array::{Array, ArrayRef};
use arrow::compute::{concat, concat_batches};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::SpillManager;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::Arc;

/// The part of the budget that a partition may fill before it is spilled. It is needed twice: as it came, and in one piece.
const PART: usize = 16;

/// Takes the place of a [`WindowAggExec`], whose input is sorted by the keys of its partitions.
#[derive(Debug)]
pub(super) struct PartitionWindows {
    windows: Arc<WindowAggExec>,
    /// Whether a large partition can be spilled.
    spills: bool,
}

impl PartitionWindows {
    /// `spills: false` forbids spilling also where the functions allow it.
    pub(super) fn new(windows: &WindowAggExec, spills: bool) -> Self {
        let spills = spills && windows.window_expr().iter().all(|expr| constant(expr.as_ref()));
        Self { windows: Arc::new(windows.clone()), spills }
    }
}

impl DisplayAs for PartitionWindows {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionWindows: spills={}, ", self.spills)?;
        self.windows.fmt_as(t, f)
    }
}

impl ExecutionPlan for PartitionWindows {
    fn name(&self) -> &str {
        "PartitionWindows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.windows.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.windows.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.windows.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let windows = self
            .windows
            .clone()
            .replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))?;
        match windows.downcast_ref::<WindowAggExec>() {
            Some(windows) => Ok(Arc::new(Self { windows: Arc::new(windows.clone()), spills: self.spills })),
            None => internal_err!("a window is a window with other children"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.windows.input().execute(partition, context.clone())?;
        let schema = self.schema();
        let manager = || {
            let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), partition);
            SpillManager::new(context.runtime_env(), metrics, input.schema())
        };
        let spills = self.spills.then(manager);
        let pool = context.memory_pool();
        let worker = Worker {
            held: Held::new(Aside::new(MemoryConsumer::new("window").with_can_spill(self.spills), pool)),
            most: Budget::of(pool.as_ref()).0 / PART,
            schema: schema.clone(),
            exprs: self.windows.window_expr().to_vec(),
            rest: None,
            last: None,
            spilled: None,
            finished: None,
            spills,
            input,
        };
        let batches = stream::try_unfold(worker, |mut worker| async move {
            Ok(worker.next().await?.map(|batch| (batch, worker)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// Batches whose last partition is not complete, and the memory for them.
struct Held {
    batches: Vec<RecordBatch>,
    bytes: usize,
    aside: Aside,
}

impl Held {
    fn new(aside: Aside) -> Self {
        Self { batches: Vec::new(), bytes: 0, aside }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() > 0 {
            self.bytes += bytes(&batch)?;
            self.batches.push(batch);
        }
        Ok(())
    }

    fn take(&mut self) -> Vec<RecordBatch> {
        self.bytes = 0;
        std::mem::take(&mut self.batches)
    }
}

struct Worker {
    input: SendableRecordBatchStream,
    exprs: Vec<Arc<dyn WindowExpr>>,
    /// Of what comes out: the input's columns, then a column of each function.
    schema: SchemaRef,
    spills: Option<SpillManager>,
    /// Bytes that may be held before a partition is spilled.
    most: usize,
    held: Held,
    /// What is left of a batch, behind the end of a spilled partition.
    rest: Option<RecordBatch>,
    /// The key of the last row that came, a row of each column.
    last: Option<Vec<ArrayRef>>,
    /// The partition that comes, if it is spilled.
    spilled: Option<Spilled>,
    /// The partition that is read back.
    finished: Option<Finished>,
}

impl Worker {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(finished) = &mut self.finished {
                if let Some(batch) = finished.next(&self.schema).await? {
                    return Ok(Some(batch));
                }
                self.finished = None;
            }
            let batch = match self.rest.take() {
                Some(rest) => Some(rest),
                None => self.input.next().await.transpose()?,
            };
            let Some(batch) = batch else {
                match self.spilled.take() {
                    Some(spilled) => self.finished = Some(spilled.end()?),
                    None => return self.computed(),
                }
                continue;
            };
            if let Some(batch) = self.take(&batch)? {
                return Ok(Some(batch));
            }
        }
    }

    /// Takes a batch of the input, and gives the partitions that are complete with it.
    fn take(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        let keys = keys(&self.exprs, batch)?;
        let starts = starts(self.last.as_deref(), &keys, batch.num_rows())?;
        if let Some(mut spilled) = self.spilled.take() {
            let end = starts.first().copied().unwrap_or(batch.num_rows());
            spilled.add(&batch.slice(0, end))?;
            self.held.aside.resize(spilled.bytes())?;
            if starts.is_empty() {
                self.spilled = Some(spilled);
            } else {
                self.finished = Some(spilled.end()?);
                self.rest = Some(batch.slice(end, batch.num_rows() - end));
                self.last = None;
            }
            return Ok(None);
        }
        self.last = Some(last(&keys));
        let complete = match starts.last() {
            Some(&start) => {
                self.held.push(batch.slice(0, start))?;
                let complete = self.computed()?;
                self.held.push(batch.slice(start, batch.num_rows() - start))?;
                complete
            }
            None => {
                self.held.push(batch.clone())?;
                None
            }
        };
        self.reserve()?;
        Ok(complete)
    }

    /// Sets memory aside for what is held, or spills it.
    fn reserve(&mut self) -> Result<()> {
        let fits = self.held.aside.resize(2 * self.held.bytes);
        let Some(manager) = &self.spills else { return fits };
        if fits.is_ok() && self.held.bytes <= self.most {
            return Ok(());
        }
        let mut spilled = Spilled::begin(&self.exprs, manager)?;
        for batch in self.held.take() {
            spilled.add(&batch)?;
        }
        self.held.aside.resize(spilled.bytes())?;
        self.spilled = Some(spilled);
        Ok(())
    }

    /// What is held with its functions; all of it is complete.
    fn computed(&mut self) -> Result<Option<RecordBatch>> {
        let held = self.held.take();
        let Some(first) = held.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), &held)?;
        drop(held);
        let mut results: Vec<Vec<ArrayRef>> = vec![Vec::new(); self.exprs.len()];
        for range in ranges(&keys(&self.exprs, &batch)?, batch.num_rows())? {
            let rows = batch.slice(range.start, range.len());
            for (expr, results) in self.exprs.iter().zip(&mut results) {
                results.push(expr.evaluate(&rows)?);
            }
        }
        let mut columns = batch.columns().to_vec();
        for results in results {
            let parts: Vec<&dyn Array> = results.iter().map(AsRef::as_ref).collect();
            columns.push(concat(&parts)?);
        }
        self.held.aside.resize(0)?;
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
