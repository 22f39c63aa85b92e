//! Joins whose build side does not fit: sorted and merged instead of hashed.
//!
//! A hash join holds its build side in memory and does not spill it; a sort-merge join sorts both sides, which spills. The
//! estimate is the bytes of the leaves below the build side: an upper bound where no join below multiplies rows.

use super::leaf_table::LeafExec;
use datafusion::arrow::compute::SortOptions;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub(crate) struct JoinMemory {
    /// Bytes that a build side may be estimated at.
    most: usize,
}

impl JoinMemory {
    pub(crate) fn new(most: usize) -> Self {
        Self { most }
    }
}

impl PhysicalOptimizerRule for JoinMemory {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(Transformed::no(node)) };
            // NOT IN has no other implementation; the merging one of DataFusion 55 panics over some full joins with a
            // further condition.
            let conditional = join.filter().is_some() && *join.join_type() == JoinType::Full;
            if join.null_aware || conditional || estimate(join.left()) <= self.most as u64 {
                return Ok(Transformed::no(node));
            }
            Ok(Transformed::yes(merged(join)?))
        })
        .data()
    }

    fn name(&self) -> &str {
        "join_memory"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The bytes of all leaves below; a leaf of unknown size counts nothing.
fn estimate(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    match plan.downcast_ref::<LeafExec>() {
        Some(leaf) => leaf.bytes().unwrap_or(0),
        None => plan.children().into_iter().map(estimate).fold(0, u64::saturating_add),
    }
}

fn merged(join: &HashJoinExec) -> Result<Arc<dyn ExecutionPlan>> {
    let merge: Arc<dyn ExecutionPlan> = Arc::new(SortMergeJoinExec::try_new(
        join.left().clone(),
        join.right().clone(),
        join.on().to_vec(),
        join.filter().cloned(),
        *join.join_type(),
        vec![SortOptions::default(); join.on().len()],
        join.null_equality(),
    )?);
    let Some(projection) = &join.projection else { return Ok(merge) };
    let schema = merge.schema();
    let exprs = projection.iter().map(|i| {
        let name = schema.field(*i).name();
        ProjectionExpr { expr: Arc::new(Column::new(name, *i)), alias: name.clone() }
    });
    Ok(Arc::new(ProjectionExec::try_new(exprs.collect::<Vec<_>>(), merge)?))
}
