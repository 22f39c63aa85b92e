//! What an operator keeps between its input and its output, set aside in the pool.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How often such an operator has a row: in its input, and in the state of its partition.
const COPIES: usize = 2;

/// `operator`, which has one child and gives each of its rows once and in order, with what it keeps set aside in the pool. Where that does not fit
/// the plan fails for want of memory.
pub(super) fn metered(operator: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let [input] = operator.children()[..] else { return internal_err!("a window has one input") };
    let flows = Arc::new(Flows::default());
    let near = Arc::new(Meter { plan: input.clone(), flows: flows.clone(), end: End::Near });
    let operator =
        operator.replace_children(vec![near], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep))?;
    Ok(Arc::new(Meter { plan: operator, flows, end: End::Far }))
}

/// What is between the ends of a partition of the plan, by its number.
#[derive(Debug, Default)]
struct Flows(Mutex<BTreeMap<usize, Arc<Mutex<Flow>>>>);

/// Rows that went in and did not come out yet.
#[derive(Debug)]
struct Flow {
    rows: usize,
    bytes: usize,
    reservation: MemoryReservation,
}

impl Flow {
    fn enter(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        self.bytes += COPIES * batch.get_array_memory_size();
        self.reservation.try_resize(self.bytes)
    }

    fn leave(&mut self, rows: usize) {
        // Which bytes they had is not known: their part of all that is between.
        let rows = rows.min(self.rows);
        let part = self.bytes as u128 * rows as u128 / self.rows.max(1) as u128;
        self.bytes -= usize::try_from(part).unwrap_or(self.bytes);
        self.rows -= rows;
        self.reservation.resize(self.bytes);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Near,
    Far,
}

/// One end of the operator: what is behind it, unchanged.
#[derive(Debug)]
struct Meter {
    plan: Arc<dyn ExecutionPlan>,
    flows: Arc<Flows>,
    end: End,
}

impl DisplayAs for Meter {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter: {:?}", self.end)
    }
}

impl ExecutionPlan for Meter {
    fn name(&self) -> &str {
        "Meter"
    }

    fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(plan), true) => Ok(Arc::new(Self { plan, flows: self.flows.clone(), end: self.end })),
            _ => internal_err!("a meter has one child"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut flows = self.flows.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flow = match (self.end, flows.get(&partition)) {
            (End::Near, Some(flow)) => flow.clone(),
            // The far end is executed first, and executes the near one. A second execution has a flow of its own.
            _ => {
                let reservation =
                    MemoryConsumer::new("rows between two ends of a window").register(context.memory_pool());
                let flow = Arc::new(Mutex::new(Flow { rows: 0, bytes: 0, reservation }));
                flows.insert(partition, flow.clone());
                flow
            }
        };
        drop(flows);
        let batches = self.plan.execute(partition, context)?;
        let schema = batches.schema();
        let end = self.end;
        let counted = batches.map(move |batch| {
            let batch = batch?;
            let mut flow = flow.lock().unwrap_or_else(PoisonError::into_inner);
            match end {
                End::Near => flow.enter(&batch)?,
                End::Far => flow.leave(batch.num_rows()),
            }
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted.into_stream())))
    }
}
