//! What a query does not do twice in the same way.

use super::facts::{Facts, Known};
use super::zeros::made_alike;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::{
    Distinct, Expr, LogicalPlan, Volatility, WindowFrameUnits, WindowFunctionDefinition,
};
use std::collections::BTreeSet;

/// What is found by [`search`].
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What is not reproducible, one line each.
    pub loose: BTreeSet<String>,
    /// Whether the time of the run goes into the result.
    pub uses_now: bool,
}

/// Aggregates whose result depends on the order of rows.
const ORDERED: &[&str] = &["array_agg", "string_agg", "first_value", "last_value", "nth_value", "listagg"];

/// Aggregates that sketch: what they say depends on the order in which rows arrive.
const SKETCHES: &[&str] = &["approx_percentile_cont", "approx_percentile_cont_with_weight", "approx_median"];

/// Window functions that look at single rows by their order.
const BY_ROW: &[&str] = &["row_number", "lag", "lead", "first_value", "last_value", "nth_value", "ntile"];

/// Looks through a plan and its subqueries.
///
/// # Errors
/// Those of [`Known::facts`].
pub(crate) fn search(plan: &LogicalPlan, known: &Known) -> Result<Findings> {
    let mut found = Findings::default();
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Limit(limit) => limited(&limit.input, known, &mut found)?,
            LogicalPlan::Sort(sort) if sort.fetch.is_some() => {
                sorted(&sort.expr, &sort.input, known, &mut found)?;
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let keys: Vec<Sort> = on.sort_expr.clone().unwrap_or_default();
                if keys.is_empty() {
                    found.loose.insert("DISTINCT ON without ORDER BY takes any row of each group".into());
                } else {
                    sorted(&keys, &on.input, known, &mut found)?;
                }
            }
            LogicalPlan::Window(window) => {
                let facts = known.facts(&window.input)?;
                for expr in &window.window_expr {
                    windowed(expr, window.input.schema(), &facts, &mut found)?;
                }
            }
            _ => {}
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                expression(e, &mut found);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

fn expression(expr: &Expr, found: &mut Findings) {
    match expr {
        Expr::ScalarFunction(f) => match f.func.signature().volatility {
            Volatility::Volatile => {
                found.loose.insert(format!("`{}()` gives another value each time", f.name()));
            }
            Volatility::Stable
                if matches!(f.name(), "now" | "current_date" | "current_time" | "current_timestamp") =>
            {
                found.uses_now = true;
            }
            _ => {}
        },
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let name = func.name();
            if ORDERED.contains(&name) && params.order_by.is_empty() {
                found.loose.insert(format!("`{name}` without ORDER BY depends on the order of rows"));
            } else if SKETCHES.contains(&name) {
                found.loose.insert(format!("`{name}` is a sketch that depends on the order of rows"));
            }
        }
        _ => {}
    }
}

/// A limit: which rows are the first must be said, completely.
fn limited(input: &LogicalPlan, known: &Known, found: &mut Findings) -> Result<()> {
    match input {
        LogicalPlan::Sort(sort) => sorted(&sort.expr, &sort.input, known, found),
        LogicalPlan::Projection(p) => limited(&p.input, known, found),
        LogicalPlan::SubqueryAlias(alias) => limited(&alias.input, known, found),
        LogicalPlan::Limit(limit) => limited(&limit.input, known, found),
        LogicalPlan::Aggregate(a) if a.group_expr.is_empty() => Ok(()),
        _ => {
            found.loose.insert("LIMIT without ORDER BY takes any rows".into());
            Ok(())
        }
    }
}

fn sorted(by: &[Sort], input: &LogicalPlan, known: &Known, found: &mut Findings) -> Result<()> {
    let facts = known.facts(input)?;
    if !total(by.iter().map(|s| &s.expr), input.schema(), &facts) {
        let text = "LIMIT with an ORDER BY that leaves ties takes any of the tied rows: add the columns of a key to it";
        found.loose.insert(text.into());
    }
    Ok(())
}

fn windowed(expr: &Expr, schema: &DFSchema, facts: &Facts, found: &mut Findings) -> Result<()> {
    expr.apply(|e| {
        if let Expr::WindowFunction(f) = e {
            let WindowFunction { fun, params } = f.as_ref();
            let by_row = match fun {
                WindowFunctionDefinition::WindowUDF(udf) => BY_ROW.contains(&udf.name()),
                WindowFunctionDefinition::AggregateUDF(udf) => {
                    ORDERED.contains(&udf.name())
                        || (params.window_frame.units == WindowFrameUnits::Rows && params.window_frame.start_bound != params.window_frame.end_bound
                            && !whole(&params.window_frame))
                }
            };
            let order = params.order_by.iter().map(|s| &s.expr).chain(&params.partition_by);
            if by_row && !total(order, schema, facts) {
                let text = format!("`{}` over an ORDER BY that leaves ties takes tied rows in any order: add the columns of a key to it", fun.name());
                found.loose.insert(text);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// A frame over the whole partition.
fn whole(frame: &datafusion::logical_expr::WindowFrame) -> bool {
    frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded()
}

/// Whether these expressions order rows totally: they hold a key, or every column.
fn total<'a>(by: impl Iterator<Item = &'a Expr>, schema: &DFSchema, facts: &Facts) -> bool {
    fn column(e: &Expr) -> Option<&Column> {
        match e {
            Expr::Column(c) => Some(c),
            Expr::Alias(a) => column(&a.expr),
            other => made_alike(other).and_then(column),
        }
    }
    let columns: BTreeSet<usize> = by.filter_map(|e| schema.maybe_index_of_column(column(e)?)).collect();
    // Columns that are the same column of an input go for each other.
    let same: BTreeSet<_> = columns.iter().filter_map(|c| facts.columns.get(*c)?.same).collect();
    let has = |c: &usize| {
        columns.contains(c) || facts.columns.get(*c).and_then(|f| f.same).is_some_and(|s| same.contains(&s))
    };
    facts.keys.iter().any(|k| k.columns.iter().all(has)) || (0..facts.columns.len()).all(|c| has(&c))
}
