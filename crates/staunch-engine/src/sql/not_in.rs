//! `NOT IN (SELECT ...)` where nothing can be null is `NOT EXISTS`.
//!
//! DataFusion keeps all rows of a null-aware join in memory, and takes every column for nullable here. Where our own facts prove that neither side has a null, the two are the
//! same, and the join can spill.

use super::facts::Known;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{ExprSchema, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, LogicalPlanBuilder, Subquery};
use std::sync::Arc;

/// The plan with such conditions replaced.
///
/// # Errors
/// Those of DataFusion if an expression does not fit its input, which analysed plans do not have.
pub(super) fn proven(plan: LogicalPlan, known: &Known) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::Filter(Filter { predicate, input, .. }) = node else {
            return Ok(Transformed::no(node));
        };
        let mut changed = false;
        let mut conditions = Vec::new();
        for condition in split_conjunction_owned(predicate) {
            let (within, condition) = match condition {
                Expr::InSubquery(within) if within.negated => {
                    (Some(within.clone()), Expr::InSubquery(within))
                }
                Expr::Not(inner) => match *inner {
                    Expr::InSubquery(within) if !within.negated => {
                        (Some(within.clone()), Expr::Not(Box::new(Expr::InSubquery(within))))
                    }
                    other => (None, Expr::Not(Box::new(other))),
                },
                other => (None, other),
            };
            let replaced = match within {
                Some(within) => not_exists(&within, &input, known)?,
                None => None,
            };
            changed |= replaced.is_some();
            conditions.push(replaced.unwrap_or(condition));
        }
        let Some(predicate) = conjunction(conditions) else {
            return Ok(Transformed::no(input.as_ref().clone()));
        };
        let filter = LogicalPlan::Filter(Filter::try_new(predicate, input)?);
        Ok(if changed { Transformed::yes(filter) } else { Transformed::no(filter) })
    })
    .map(|t| t.data)
}

fn not_exists(within: &InSubquery, input: &LogicalPlan, known: &Known) -> Result<Option<Expr>> {
    let InSubquery { expr, subquery, .. } = within;
    let columns = known.facts(&subquery.subquery)?.columns;
    let [column] = columns.as_slice() else { return Ok(None) };
    if column.nullable || !subquery.outer_ref_columns.is_empty() || known.can_be_null(expr, input)? {
        return Ok(None);
    }
    let mut outside = Vec::new();
    let schema = input.schema();
    let outer = expr.as_ref().clone().transform_up(|e| match e {
        Expr::Column(column) => {
            let field = schema.field_from_column(&column)?;
            let reference = Expr::OuterReferenceColumn(Arc::clone(field), column);
            outside.push(reference.clone());
            Ok(Transformed::yes(reference))
        }
        other => Ok(Transformed::no(other)),
    })?;
    let own = Expr::Column(subquery.subquery.schema().columns().remove(0));
    let plan =
        LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).filter(own.eq(outer.data))?.build()?;
    let subquery =
        Subquery { subquery: Arc::new(plan), outer_ref_columns: outside, spans: subquery.spans.clone() };
    Ok(Some(Expr::Exists(Exists { subquery, negated: true })))
}
