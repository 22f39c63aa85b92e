//! A leaf as a table of DataFusion.

use super::pieces::pieces;
use crate::leaf::{Leaf, LeafBatches};
use crate::sql::{Budget, nullable, through, width};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, DataFusionError, Result, Statistics, internal_err};
use datafusion::datasource::provider_as_source;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, SendableRecordBatchStream,
};
use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Puts leaves into the places of the names that a plan scans.
///
/// # Errors
/// If a name has no leaf.
pub(crate) fn bind(plan: &LogicalPlan, inputs: &BTreeMap<String, Arc<dyn Leaf>>) -> Result<LogicalPlan> {
    let bound = plan.clone().transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(scan) => {
            let name = scan.table_name.table().to_owned();
            let Some(leaf) = inputs.get(&name) else { return internal_err!("the input {name} is not given") };
            let source = provider_as_source(Arc::new(LeafTable { name, leaf: leaf.clone() }));
            Ok(Transformed::yes(LogicalPlan::TableScan(TableScan { source, ..scan })))
        }
        other => Ok(Transformed::no(other)),
    });
    bound.map(|t| t.data)
}

struct LeafTable {
    name: String,
    leaf: Arc<dyn Leaf>,
}

impl fmt::Debug for LeafTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafTable").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for LeafTable {
    // As it was planned.
    fn schema(&self) -> SchemaRef {
        nullable(&self.leaf.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions().max(1);
        Ok(Arc::new(LeafExec::new(&self.name, self.leaf.clone(), projection.cloned(), partitions)?))
    }
}

/// One opening of a leaf: what each partition has still to take.
type Opened = Vec<Option<LeafBatches>>;

/// The scan of a leaf: opened when it is first executed, and again if a partition is executed again.
pub(crate) struct LeafExec {
    name: String,
    leaf: Arc<dyn Leaf>,
    projection: Option<Vec<usize>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    opened: Mutex<VecDeque<Opened>>,
}

impl LeafExec {
    fn new(
        name: &str,
        leaf: Arc<dyn Leaf>,
        projection: Option<Vec<usize>>,
        partitions: usize,
    ) -> Result<Self> {
        let full = nullable(&leaf.schema());
        let schema = match &projection {
            Some(columns) => Arc::new(full.project(columns)?),
            None => full,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let name = name.to_owned();
        Ok(Self {
            name,
            leaf,
            projection,
            schema,
            properties: Arc::new(properties),
            opened: Mutex::default(),
        })
    }

    fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }

    /// The batches of one partition, from an opening that has them still, or from a new one.
    fn take(&self, partition: usize) -> Result<LeafBatches> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |o: &Opened| o.get(partition).is_some_and(Option::is_some);
        let place = match opened.iter().position(waiting) {
            Some(place) => place,
            None => {
                opened.push_back(self.open()?);
                opened.len() - 1
            }
        };
        let Some(taken) = opened.get_mut(place).and_then(|o| o.get_mut(partition)).and_then(Option::take)
        else {
            return internal_err!("partition {partition} of {} does not exist", self.name);
        };
        if opened.get(place).is_some_and(|o| o.iter().all(Option::is_none)) {
            opened.remove(place);
        }
        Ok(taken)
    }

    fn open(&self) -> Result<Opened> {
        // A plan may want rows without columns (to count them); a leaf is always asked for at least one.
        let first = [0];
        let wanted = match self.projection.as_deref() {
            Some([]) if !self.leaf.schema().fields().is_empty() => Some(first.as_slice()),
            other => other,
        };
        let count = self.partitions();
        let mut slots: Vec<LeafBatches> =
            (0..count).map(|_| Box::new(std::iter::empty()) as LeafBatches).collect();
        for (i, batches) in self.leaf.open(wanted, count).map_err(through)?.into_iter().enumerate() {
            let Some(slot) = slots.get_mut(i % count) else { continue };
            let before = std::mem::replace(slot, Box::new(std::iter::empty()));
            *slot = if i < count { batches } else { Box::new(before.chain(batches)) };
        }
        Ok(slots.into_iter().map(Some).collect())
    }

    /// About how many bytes the wanted columns have: their share of the leaf's bytes, by types, and no less than their rows would have
    /// (the bytes may be of a compressed form).
    pub(crate) fn bytes(&self) -> Option<u64> {
        let all = width(&self.leaf.schema()).max(1) as u128;
        let wanted = width(&self.schema) as u128;
        let share = self.leaf.bytes_hint().map(|bytes| u128::from(bytes) * wanted / all);
        let rows = self.leaf.rows_hint().map(|rows| u128::from(rows) * wanted);
        u64::try_from(share.max(rows)?).ok()
    }
}

impl fmt::Debug for LeafExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafExec")
            .field("name", &self.name)
            .field("projection", &self.projection)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for LeafExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|c| c.name().as_str()).collect();
        write!(f, "LeafExec: {} [{}]", self.name, columns.join(", "))
    }
}

impl ExecutionPlan for LeafExec {
    fn name(&self) -> &str {
        "LeafExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a leaf has no children") }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = context.session_config().batch_size();
        let bytes = Budget::of(context.memory_pool().as_ref()).batch(self.partitions());
        let batches = pieces(self.take(partition)?, rows, bytes);
        let schema = self.schema.clone();
        let bare = schema.fields().is_empty();
        let shape = schema.clone();
        let stream = stream::unfold(Some(batches), move |batches| {
            let shape = shape.clone();
            async move {
                let mut batches = batches?;
                let batch = batches.next()?;
                // Reading a batch is work for the processor: let other tasks have their turn before the next one.
                tokio::task::yield_now().await;
                // After an error an iterator is not asked again.
                let (batch, rest) = match batch {
                    Ok(batch) => (fit(&shape, batch, bare), Some(batches)),
                    Err(error) => (Err(through(error)), None),
                };
                Some((batch, rest))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream.boxed())))
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        // Never exact: an exact number of rows would be taken for the answer of `count(*)`.
        let share = if args.partition().is_some() { self.partitions() as u64 } else { 1 };
        let inexact = |n: Option<u64>| match n.and_then(|n| usize::try_from(n / share.max(1)).ok()) {
            Some(n) => Precision::Inexact(n),
            None => Precision::Absent,
        };
        Ok(Arc::new(Statistics {
            num_rows: inexact(self.leaf.rows_hint()),
            total_byte_size: inexact(self.bytes()),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.schema.fields().len()],
        }))
    }
}

/// The batch under the schema of the scan; without columns if none are wanted.
fn fit(schema: &SchemaRef, batch: RecordBatch, bare: bool) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = if bare { Vec::new() } else { batch.columns().to_vec() };
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(DataFusionError::from)
}
