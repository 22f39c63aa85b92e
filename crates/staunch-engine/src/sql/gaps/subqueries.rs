//! Subqueries that cannot be executed, or would be executed otherwise than SQL means.

use super::super::facts::Known;
use super::super::rewrite::compares;
use super::{refuse, word};
use arrow::datatypes::DataType;
use datafusion::common::Result as Planned;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::{merge_schema, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, ExprSchemable, LogicalPlan, Operator, Subquery};
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

/// Refuses subqueries that would be executed otherwise than SQL means.
///
/// As a condition of its own `IN` and `NOT IN` are exact. Anywhere else DataFusion makes a column of whether a partner was found, which is false where
/// SQL's `IN` is null: that differs below a `NOT` and in every expression but `AND` and `OR`, unless nothing can be null. And a subquery
/// that always has a row, because it sums up without `GROUP BY`, would have none where nothing fits.
///
/// # Errors
/// `ST0022`.
pub(crate) fn subqueries(process: &Process, known: &Known, analysed: &LogicalPlan) -> Result<()> {
    let mut found = None;
    let _ = analysed.apply_with_subqueries(|node| {
        let mut see = Seen { known, node, found: &mut found };
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                see.value(e);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        match node {
            LogicalPlan::Filter(filter) => {
                for condition in split_conjunction(&filter.predicate) {
                    see.condition(condition)?;
                }
            }
            other => {
                other.apply_expressions(|expr| {
                    if expr.exists(|e| Ok(matches!(e, Expr::InSubquery(_) | Expr::Exists(_))))? {
                        see.add("`IN (SELECT ...)` or `EXISTS` outside of a `WHERE` or `HAVING`", OUTSIDE);
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    let Some((what, hint)) = found else { return Ok(()) };
    Err(refuse(process, None, format!("{what} is not implemented yet"), hint))
}

const OUTSIDE: &str = "join the subquery with LEFT JOIN, each key once (SELECT DISTINCT), and ask whether its column IS NOT NULL";
const CAN_BE_NULL: &str = "let no value be null (WHERE k IS NOT NULL in the subquery; coalesce), write NOT EXISTS (SELECT 1 ... WHERE b.k = a.k), or make it a condition of its own";
const REFERS: &str = "write NOT EXISTS (SELECT 1 ... WHERE b.k = a.k AND ...)";
const SUMS_UP: &str = "add GROUP BY by the columns that are compared with the query around it, or ask for rows: EXISTS (SELECT 1 ...)";

const NO_ROW: &str =
    "take max(...) without GROUP BY and HAVING, which always has a row, or join the subquery with LEFT JOIN";
const BY_COLUMN: &str = "compare column by column: a < c OR (a = c AND b < d)";
const CONSTANT: &str = "write NOT EXISTS (SELECT 1 ... WHERE k = 5)";

/// Whether a query has exactly one row, whatever it reads.
fn has_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(a) => a.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        LogicalPlan::Projection(p) => has_one_row(&p.input),
        LogicalPlan::SubqueryAlias(a) => has_one_row(&a.input),
        LogicalPlan::Sort(s) => has_one_row(&s.input),
        LogicalPlan::Distinct(Distinct::All(input)) => has_one_row(input),
        _ => false,
    }
}

struct Seen<'a> {
    known: &'a Known<'a>,
    node: &'a LogicalPlan,
    found: &'a mut Option<(&'static str, &'static str)>,
}

impl Seen<'_> {
    fn add(&mut self, what: &'static str, hint: &'static str) {
        self.found.get_or_insert((what, hint));
    }

    /// A condition of its own.
    fn condition(&mut self, expr: &Expr) -> Planned<()> {
        match expr {
            Expr::InSubquery(within) => self.alone(within, within.negated),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::InSubquery(within) => self.alone(within, !within.negated),
                _ => self.part(expr, true),
            },
            _ => self.part(expr, true),
        }
    }

    /// A subquery as a value, and the comparison of rows.
    fn value(&mut self, expr: &Expr) {
        match expr {
            // Without a row it is null, whatever its column is made of.
            Expr::ScalarSubquery(sub) => {
                let field = sub.subquery.schema().fields().first();
                if field.is_some_and(|f| !f.is_nullable()) && !has_one_row(&sub.subquery) {
                    self.add("a subquery that can have no row, of a count or a constant", NO_ROW);
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op, .. }) if compares(*op) => {
                let rows = merge_schema(&self.node.inputs());
                if left.get_type(&rows).is_ok_and(|ty| matches!(ty, DataType::Struct(_))) {
                    self.add("the comparison of rows or records", BY_COLUMN);
                }
            }
            _ => {}
        }
    }

    fn alone(&mut self, within: &InSubquery, negated: bool) -> Planned<()> {
        self.always_a_row(&within.subquery);
        if negated && !within.expr.any_column_refs() {
            self.add("`NOT IN (SELECT ...)` of a constant", CONSTANT);
        }
        if negated && !within.subquery.outer_ref_columns.is_empty() {
            self.add("`NOT IN` with a subquery that refers to the query around it", REFERS);
        }
        Ok(())
    }

    /// A part of a condition; `rising`: only `AND` and `OR` stand above it, to which null and false are the same.
    fn part(&mut self, expr: &Expr, rising: bool) -> Planned<()> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
                self.part(left, rising)?;
                self.part(right, rising)
            }
            Expr::InSubquery(within) => {
                self.always_a_row(&within.subquery);
                if rising && !within.negated {
                    return Ok(());
                }
                if !within.subquery.outer_ref_columns.is_empty() {
                    self.add("`NOT IN` with a subquery that refers to the query around it", REFERS);
                }
                let input = self.node.inputs().into_iter().next().unwrap_or(self.node);
                let columns = self.known.facts(&within.subquery.subquery)?.columns;
                if columns.iter().any(|c| c.nullable) || self.known.can_be_null(&within.expr, input)? {
                    self.add("`IN (SELECT ...)` of what can be null, as a part of a condition", CAN_BE_NULL);
                }
                Ok(())
            }
            Expr::Exists(exists) => {
                self.always_a_row(&exists.subquery);
                Ok(())
            }
            other => {
                other.apply_children(|child| {
                    self.part(child, false)?;
                    Ok(TreeNodeRecursion::Continue)
                })?;
                Ok(())
            }
        }
    }

    /// A sum without `GROUP BY` has a row even where nothing fits.
    fn always_a_row(&mut self, subquery: &Subquery) {
        let mut plan = subquery.subquery.as_ref();
        while !subquery.outer_ref_columns.is_empty() {
            match plan {
                LogicalPlan::Aggregate(a) if a.group_expr.is_empty() => {
                    return self.add("a subquery of `IN` or `EXISTS` that sums up without `GROUP BY` and refers to the query around it", SUMS_UP);
                }
                LogicalPlan::Projection(p) => plan = &p.input,
                LogicalPlan::Filter(f) => plan = &f.input,
                LogicalPlan::SubqueryAlias(a) => plan = &a.input,
                LogicalPlan::Sort(s) => plan = &s.input,
                LogicalPlan::Limit(l) => plan = &l.input,
                LogicalPlan::Distinct(Distinct::All(input)) => plan = input,
                _ => return,
            }
        }
    }
}
