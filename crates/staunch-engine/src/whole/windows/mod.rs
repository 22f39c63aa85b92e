//! Window functions within a budget of memory.
//!
//! DataFusion's two operators for windows ask the pool for nothing. The one for frames that reach beyond the current row keeps all of its
//! input; here [`PartitionWindows`] takes its place: it holds one partition of the window at a time, and spills one that is
//! large, if every function over it has one value for the whole partition (`sum(x) OVER (PARTITION BY k)`). Other functions
//! need their partition in memory, and fail if it does not fit. The other operator keeps the rows whose results are not known
//! yet; [`metered`] counts them.

mod meter;
mod partition;
mod spilled;
#[cfg(test)]
mod tests;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use meter::metered;
use partition::PartitionWindows;
use std::sync::Arc;

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
            if node.is::<BoundedWindowAggExec>() {
                return Ok(Transformed::yes(metered(node)?));
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
