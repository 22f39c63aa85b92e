//! Windows whose rows come out while others come in.

use super::aside::{Aside, bytes};
use super::keys::{keys, last, starts};
use arrow::array::ArrayRef;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::window_state::{PartitionBatchState, WindowAggState};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::{
    PartitionBatches, PartitionKey, PartitionWindowAggStates, WindowEvalContext, WindowExpr,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::BoundedWindowAggExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::Arc;

/// Takes the place of a [`BoundedWindowAggExec`], whose input is sorted by the keys of its partitions. What it holds is set aside in the pool: the
/// rows whose results are not known yet, and those before them that a frame, or a function like `lag`, still reaches.
#[derive(Debug)]
pub(super) struct RunningWindows {
    windows: Arc<BoundedWindowAggExec>,
}

impl RunningWindows {
    pub(super) fn new(windows: &BoundedWindowAggExec) -> Self {
        Self { windows: Arc::new(windows.clone()) }
    }
}

impl DisplayAs for RunningWindows {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningWindows: ")?;
        self.windows.fmt_as(t, f)
    }
}

impl ExecutionPlan for RunningWindows {
    fn name(&self) -> &str {
        "RunningWindows"
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
        match windows.downcast_ref::<BoundedWindowAggExec>() {
            Some(windows) => Ok(Arc::new(Self::new(windows))),
            None => internal_err!("a window is a window with other children"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let worker = Worker {
            input: self.windows.input().execute(partition, context.clone())?,
            exprs: self.windows.window_expr().to_vec(),
            schema: schema.clone(),
            last: None,
            partition: None,
            aside: Aside::new(MemoryConsumer::new("running window"), context.memory_pool()),
        };
        let batches = stream::try_unfold(worker, |mut worker| async move {
            Ok(worker.next().await?.map(|batch| (batch, worker)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

struct Worker {
    input: SendableRecordBatchStream,
    exprs: Vec<Arc<dyn WindowExpr>>,
    /// Of what comes out: the input's columns, then a column of each function.
    schema: SchemaRef,
    /// The key of the last row that came, a row of each column.
    last: Option<Vec<ArrayRef>>,
    /// The partition that comes.
    partition: Option<Partition>,
    aside: Aside,
}

impl Worker {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let out = match self.input.next().await.transpose()? {
                Some(batch) => self.take(&batch)?,
                None => match self.partition.take() {
                    Some(mut partition) => self.go_on(&mut partition, None, true)?.into_iter().collect(),
                    None => return Ok(None),
                },
            };
            match &out[..] {
                [] => {}
                [one] => return Ok(Some(one.clone())),
                several => return Ok(Some(concat_batches(&self.schema, several)?)),
            }
        }
    }

    /// Takes a batch of the input, and gives the rows whose results are known with it.
    fn take(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let keys = keys(&self.exprs, batch)?;
        let starts = starts(self.last.as_deref(), &keys, rows)?;
        self.last = Some(last(&keys));
        let mut out = Vec::new();
        let mut from = 0;
        for (to, ends) in starts.into_iter().map(|start| (start, true)).chain([(rows, false)]) {
            let mut partition = self.partition.take().unwrap_or_else(|| Partition::new(&self.exprs, batch));
            let more = (to > from).then(|| batch.slice(from, to - from));
            out.extend(self.go_on(&mut partition, more, ends)?);
            if !ends {
                self.partition = Some(partition);
            }
            from = to;
        }
        Ok(out)
    }

    fn go_on(
        &mut self,
        partition: &mut Partition,
        more: Option<RecordBatch>,
        ends: bool,
    ) -> Result<Option<RecordBatch>> {
        // Rows that come are put behind those that are held, in one piece: for a moment there are both.
        let coming = more.as_ref().map_or(Ok(0), bytes)?;
        self.aside.resize(2 * (partition.bytes + coming))?;
        let out = partition.go_on(&self.exprs, more, ends, &self.schema)?;
        self.aside.resize(if ends { 0 } else { partition.bytes })?;
        Ok(out)
    }
}

/// One partition, from the first row that is still reached to the last that came.
struct Partition {
    /// The rows, under [`Partition::KEY`].
    rows: PartitionBatches,
    /// Their bytes, and those of rows that are forgotten and still in one piece with them.
    bytes: usize,
    /// The position in them of the first that did not come out yet.
    next: usize,
    /// Of each function.
    states: Vec<PartitionWindowAggStates>,
}

impl Partition {
    /// There is one partition at a time, and needs no name.
    const KEY: PartitionKey = Vec::new();

    fn new(exprs: &[Arc<dyn WindowExpr>], like: &RecordBatch) -> Self {
        let mut rows = PartitionBatches::default();
        rows.insert(Self::KEY, PartitionBatchState::new(like.schema()));
        Self {
            rows,
            bytes: 0,
            next: 0,
            states: exprs.iter().map(|_| PartitionWindowAggStates::default()).collect(),
        }
    }

    fn rows(&mut self) -> Result<&mut PartitionBatchState> {
        match self.rows.get_mut(&Self::KEY) {
            Some(rows) => Ok(rows),
            None => internal_err!("a partition has rows"),
        }
    }

    /// Goes on with more rows, and gives those whose results are known.
    fn go_on(
        &mut self,
        exprs: &[Arc<dyn WindowExpr>],
        more: Option<RecordBatch>,
        ends: bool,
        schema: &SchemaRef,
    ) -> Result<Option<RecordBatch>> {
        let Some(rows) = self.rows.get_mut(&Self::KEY) else { return internal_err!("a partition has rows") };
        rows.is_end = ends;
        if let Some(more) = more {
            match rows.record_batch.num_rows() {
                0 => rows.record_batch = more,
                _ => rows.extend(&more)?,
            }
            self.bytes = bytes(&rows.record_batch)?;
        }
        for (expr, states) in exprs.iter().zip(&mut self.states) {
            expr.evaluate_stateful(&self.rows, states, &WindowEvalContext::default())?;
        }
        let known = self.state().map(|state| state.out_col.len()).min().unwrap_or(0);
        let out = if known == 0 { None } else { Some(self.out(known, schema)?) };
        self.forget()?;
        Ok(out)
    }

    fn state(&mut self) -> impl Iterator<Item = &mut WindowAggState> {
        self.states.iter_mut().flat_map(|states| states.values_mut()).map(|of| &mut of.state)
    }

    /// The next rows with their results.
    fn out(&mut self, known: usize, schema: &SchemaRef) -> Result<RecordBatch> {
        let next = self.next;
        let mut columns = self.rows()?.record_batch.slice(next, known).columns().to_vec();
        for state in self.state() {
            columns.push(state.out_col.slice(0, known));
            state.out_col = state.out_col.slice(known, state.out_col.len() - known);
        }
        self.next += known;
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    }

    /// Lets go of the rows that nothing reaches any more: frames never go back.
    fn forget(&mut self) -> Result<()> {
        let next = self.next;
        let reached = self.state().map(|s| s.window_frame_range.start.min(s.last_calculated_index)).min();
        let past = reached.unwrap_or(0).min(next);
        if past == 0 {
            return Ok(());
        }
        let rows = self.rows()?;
        rows.record_batch = rows.record_batch.slice(past, rows.record_batch.num_rows() - past);
        self.next -= past;
        self.state().for_each(|state| state.prune_state(past));
        Ok(())
    }
}
