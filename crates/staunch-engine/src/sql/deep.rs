//! Stacks that are deep enough for deep expressions.

use super::session::STACK_BYTES;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Statement, Visit, Visitor};
use staunch_types::{Result, on_big_stack};
use std::ops::ControlFlow;

/// The most levels of an expression, and of a plan. A chain of operators is as deep as it is long.
pub const DEEPEST: usize = 4_000;

/// From how many levels on an expression is evaluated on a stack of its own.
const SHALLOW: usize = 50;

/// Does `work` on a thread of its own with a deep stack.
///
/// # Errors
/// `Internal.Bug` if the thread cannot be started, or ends in a panic.
pub(crate) fn big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    on_big_stack("sql-planner", STACK_BYTES, work)
}

/// Does `work` on a grown stack if it goes `depth` levels down; else right here.
pub(crate) fn grown<T>(depth: usize, work: impl FnOnce() -> T) -> T {
    if depth <= SHALLOW { work() } else { stacker::grow(STACK_BYTES, work) }
}

/// The levels of the deepest expression of a query, before it is planned.
pub(crate) fn query_depth(query: &Statement) -> usize {
    #[derive(Default)]
    struct Depth {
        now: usize,
        most: usize,
    }
    impl Visitor for Depth {
        type Break = ();

        fn pre_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
            self.now += 1;
            self.most = self.most.max(self.now);
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
            self.now = self.now.saturating_sub(1);
            ControlFlow::Continue(())
        }
    }
    let mut depth = Depth::default();
    // It never breaks off.
    let _ = query.visit(&mut depth);
    depth.most
}

/// The levels of an expression.
pub(crate) fn expr_depth(expr: &Expr) -> usize {
    let mut deepest = 0;
    // The closure fails never, so neither does the walk.
    let _ = expr.apply_children(|child| {
        deepest = deepest.max(expr_depth(child));
        Ok(TreeNodeRecursion::Continue)
    });
    deepest + 1
}

/// The levels of the deepest expression of a plan, or of the plan itself.
pub(crate) fn plan_depth(plan: &LogicalPlan) -> usize {
    let mut deepest = 0;
    let _ = plan.apply_expressions(|expr| {
        deepest = deepest.max(expr_depth(expr));
        Ok(TreeNodeRecursion::Continue)
    });
    let mut below = 0;
    let _ = plan.apply_subqueries(|sub| {
        below = below.max(plan_depth(sub));
        Ok(TreeNodeRecursion::Continue)
    });
    let _ = plan.apply_children(|child| {
        below = below.max(plan_depth(child));
        Ok(TreeNodeRecursion::Continue)
    });
    deepest.max(below + 1)
}
