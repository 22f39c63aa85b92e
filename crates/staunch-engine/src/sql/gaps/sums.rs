//! Sums that would wrap.

use super::{refuse, word};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use staunch_pipeline::Process;
use staunch_types::Result;

/// Refuses sums of different values where DataFusion's wrap: those of whole numbers and decimals.
///
/// # Errors
/// `ST0022`, with the place of the sum where it can be found.
pub(crate) fn sums(process: &Process, plan: &LogicalPlan) -> Result<()> {
    let mut wraps = false;
    let walked = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                let (distinct, name, args) = match e {
                    Expr::AggregateFunction(AggregateFunction { func, params }) => {
                        (params.distinct, func.name(), &params.args)
                    }
                    Expr::WindowFunction(f) => {
                        let WindowFunction { fun, params } = f.as_ref();
                        (params.distinct, fun.name(), &params.args)
                    }
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                let float = |arg: &Expr| arg.get_type(&schema).is_ok_and(|ty| ty.is_floating());
                wraps |= distinct && name == "sum" && !args.first().is_some_and(float);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    if walked.is_ok() && !wraps {
        return Ok(());
    }
    let place = word(process, &["sum", "(", "DISTINCT"]);
    let hint = "sum a subquery: SELECT sum(x) FROM (SELECT DISTINCT x FROM ...)";
    Err(refuse(
        process,
        place,
        "`sum(DISTINCT ...)` of whole numbers and decimals is not implemented yet",
        hint,
    ))
}
