//! Subqueries that cannot be executed.

use super::{refuse, word};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use staunch_pipeline::Process;
use staunch_types::Result;

/// Refuses what still refers to a row outside of its subquery when the plan is optimised: it could not be executed.
///
/// # Errors
/// `ST0022`, with the place of `LATERAL` where there is one.
pub(crate) fn correlated(process: &Process, optimised: &LogicalPlan) -> Result<()> {
    let mut outside = false;
    let walked = optimised.apply_with_subqueries(|node| {
        // As an input, not within an expression: what is left of a `LATERAL`.
        outside |= node.inputs().iter().any(|i| matches!(i, LogicalPlan::Subquery(_)));
        node.apply_expressions(|expr| {
            outside |= expr.exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(_, _))))?;
            Ok(TreeNodeRecursion::Continue)
        })
    });
    if walked.is_ok() && !outside {
        return Ok(());
    }
    let (place, what) = match word(process, &["LATERAL"]) {
        Some(place) => (Some(place), "this `LATERAL` subquery"),
        None => (None, "a subquery that refers to the query around it like this"),
    };
    let hint = "write a join with a subquery that stands alone, grouped by the columns that are joined";
    Err(refuse(process, place, format!("{what} is not implemented yet"), hint))
}
