//! Window functions within a budget of memory.
//!
//! DataFusion's two operators for windows ask the pool for nothing. Here others take their places, in which its functions are
//! evaluated as they were:
//!
//! * [`RunningWindows`], where frames end at the current row or a known number of rows after it: it holds the rows without results, and those
//!   that a frame still reaches.
//! * [`PartitionWindows`], where frames reach further: it holds one partition of the window at a time, and spills one that is
//!   large, if every function over it has one value for the whole partition (`sum(x) OVER (PARTITION BY k)`). Other functions
//!   need their partition in memory, and fail if it does not fit.
//!
//! Aggregates over frames whose beginning moves are computed by [`sliding`].

mod aside;
mod frame;
mod keys;
mod partition;
mod running;
mod sliding;
#[cfg(test)]
mod sliding_tests;
mod spilled;
#[cfg(test)]
mod tests;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::InputOrderMode;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use partition::PartitionWindows;
use running::RunningWindows;
use std::sync::Arc;

/// The bound plan, with aggregates whose frames move within the budget of the pool.
pub(super) fn sliding(bound: LogicalPlan, pool: &Arc<dyn MemoryPool>) -> Result<LogicalPlan> {
    sliding::replaced(bound, pool)
}

/// The physical plan of `logical`, its windows within the budget. It is the last step of planning: no rule knows these operators.
pub(super) fn within_budget(
    physical: Arc<dyn ExecutionPlan>,
    logical: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>> {
    let filtered = filters(logical)?;
    physical
        .transform_up(|node| {
            if let Some(windows) = node.downcast_ref::<WindowAggExec>() {
                return Ok(Transformed::yes(Arc::new(PartitionWindows::new(windows, !filtered)) as _));
            }
            if let Some(windows) = node.downcast_ref::<BoundedWindowAggExec>() {
                // Inputs end, so they are sorted.
                if windows.input_order_mode != InputOrderMode::Sorted {
                    return internal_err!("the input of a window is not sorted");
                }
                return Ok(Transformed::yes(Arc::new(RunningWindows::new(windows)) as _));
            }
            Ok(Transformed::no(node))
        })
        .data()
}

/// Whether a window function of the plan has a `FILTER`. What stands in it cannot be seen in a physical plan.
fn filters(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                found |= matches!(e, Expr::WindowFunction(f) if f.params.filter.is_some());
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
