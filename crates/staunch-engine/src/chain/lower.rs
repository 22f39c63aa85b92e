//! From an analysed plan to steps, or to the reason why there are none.

use super::prune::{Chain, Link};
use crate::sql::equi_join;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, JoinType, NullEquality, NullHandling, Result};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::{can_hash, split_conjunction_owned};
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, Unnest};
use std::collections::BTreeSet;

/// Steps, or why the plan needs its whole input.
pub(crate) type Lowered = std::result::Result<Chain, String>;

/// Lowers a plan whose rows come from `source`; every other name that it scans is reference data.
///
/// # Errors
/// Those of DataFusion on plans that do not fit together, which analysed ones do.
pub(crate) fn lower(plan: &LogicalPlan, source: &str) -> Result<Lowered> {
    let mut links = Vec::new();
    match walk(plan, source, &mut links)? {
        Ok(()) => Ok(Ok(Chain { links, output: plan.schema().clone() })),
        Err(because) => Ok(Err(because)),
    }
}

/// The names that a plan scans, subqueries included, once for each scan.
pub(crate) fn scanned(plan: &LogicalPlan) -> Vec<String> {
    let mut names = Vec::new();
    // The closure fails never, so neither does the walk.
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            names.push(scan.table_name.table().to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    names
}

type Walked = Result<std::result::Result<(), String>>;

macro_rules! whole {
    ($($because:tt)*) => { return Ok(Err(format!($($because)*))) };
}

/// Passes on the reason of a part.
macro_rules! part {
    ($walked:expr) => {
        if let Err(because) = $walked? {
            return Ok(Err(because));
        }
    };
}

fn walk(plan: &LogicalPlan, source: &str, links: &mut Vec<Link>) -> Walked {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.table_name.table();
            if name != source {
                whole!("it takes its rows from `{name}`, which is reference data");
            }
        }
        LogicalPlan::SubqueryAlias(alias) => part!(walk(&alias.input, source, links)),
        LogicalPlan::Projection(p) => {
            if let Some(because) = p.expr.iter().find_map(subquery) {
                return Ok(Err(because));
            }
            part!(walk(&p.input, source, links));
            links.push(Link::Project { exprs: p.expr.clone(), input: p.input.schema().clone() });
        }
        LogicalPlan::Filter(f) => {
            let conditions = split_conjunction_owned(f.predicate.clone());
            if let Some(because) =
                conditions.iter().filter(|c| looked_up(c, source).is_none()).find_map(subquery)
            {
                return Ok(Err(because));
            }
            // `FROM a, b WHERE a.k = b.k` joins by its filter.
            if let LogicalPlan::Join(join) = f.input.as_ref()
                && join.join_type == JoinType::Inner
                && equi_join(join, &[])?.0.is_empty()
            {
                let (last, on): (Vec<Expr>, Vec<Expr>) =
                    conditions.into_iter().partition(|c| looked_up(c, source).is_some());
                part!(walk_join(join, on, source, links));
                for of in last.iter().filter_map(|c| looked_up(c, source)) {
                    part!(walk_in(of, &join.schema, links));
                }
                return Ok(Ok(()));
            }
            part!(walk(&f.input, source, links));
            let input = f.input.schema();
            for predicate in conditions {
                match looked_up(&predicate, source) {
                    Some(of) => part!(walk_in(of, input, links)),
                    None => links.push(Link::Filter { predicate, input: input.clone() }),
                }
            }
        }
        LogicalPlan::Join(join) => return walk_join(join, Vec::new(), source, links),
        LogicalPlan::Aggregate(_) => whole!("it groups rows"),
        LogicalPlan::Window(_) => whole!("it has a window function"),
        LogicalPlan::Sort(_) => whole!("it sorts rows"),
        LogicalPlan::Limit(_) => whole!("it takes the first rows"),
        LogicalPlan::Distinct(_) => whole!("it removes equal rows"),
        LogicalPlan::Union(_) => whole!("it puts several queries together"),
        LogicalPlan::Unnest(unnest) => return walk_unnest(unnest, source, links),
        LogicalPlan::RecursiveQuery(_) => whole!("it is recursive"),
        _ => whole!("it does more than look at one row"),
    }
    Ok(Ok(()))
}

fn walk_unnest(unnest: &Unnest, source: &str, links: &mut Vec<Link>) -> Walked {
    if !unnest.struct_type_columns.is_empty() {
        whole!("it unnests structs");
    }
    if unnest.list_type_columns.iter().any(|(_, list)| list.depth != 1) {
        whole!("it unnests lists of lists");
    }
    if unnest.options.null_handling != NullHandling::Drop {
        whole!("it keeps rows whose list is empty");
    }
    part!(walk(&unnest.input, source, links));
    links.push(Link::Unnest {
        lists: unnest.list_type_columns.iter().map(|(column, _)| *column).collect(),
        from: unnest.dependency_indices.clone(),
        input: unnest.input.schema().clone(),
        output: unnest.schema.clone(),
    });
    Ok(Ok(()))
}

fn walk_join(join: &Join, more: Vec<Expr>, source: &str, links: &mut Vec<Link>) -> Walked {
    let on_left = scanned(&join.left).iter().any(|n| n == source);
    let on_right = scanned(&join.right).iter().any(|n| n == source);
    let outer = match (join.join_type, on_left, on_right) {
        (_, true, true) => whole!("it joins `{source}` with itself"),
        (JoinType::Inner, _, _) => false,
        (JoinType::Left, true, false) | (JoinType::Right, false, true) => true,
        (JoinType::Left | JoinType::Right | JoinType::Full, _, _) => {
            whole!("it keeps rows of the reference data that match nothing")
        }
        (kind, _, _) => whole!("it has a join of another kind ({kind})"),
    };
    let (pairs, mut rest) = equi_join(join, &more)?;
    if let Some(because) = rest.iter().find_map(subquery) {
        return Ok(Err(because));
    }
    if pairs.is_empty() {
        whole!("it joins without an equality");
    }
    let (probe, build) = if on_left { (&join.left, &join.right) } else { (&join.right, &join.left) };
    let sided = |(l, r): (Expr, Expr)| if on_left { (l, r) } else { (r, l) };
    let (keys, build_keys): (Vec<Expr>, Vec<Expr>) = pairs.into_iter().map(sided).unzip();
    for (key, other) in keys.iter().zip(&build_keys) {
        part!(hashed(&key.get_type(probe.schema())?, &other.get_type(build.schema())?));
    }
    // Joins of a comma list take their conditions from the one filter above them all.
    match probe.as_ref() {
        LogicalPlan::Join(inner)
            if inner.join_type == JoinType::Inner && equi_join(inner, &[])?.0.is_empty() =>
        {
            let below =
                |e: &Expr| e.column_refs().iter().all(|c| inner.schema.maybe_index_of_column(c).is_some());
            let (down, here): (Vec<Expr>, Vec<Expr>) = rest.into_iter().partition(below);
            rest = here;
            part!(walk_join(inner, down, source, links));
        }
        other => part!(walk(other, source, links)),
    }
    links.push(Link::Join {
        outer,
        null_equal: join.null_equality == NullEquality::NullEqualsNull,
        build: build.as_ref().clone(),
        build_first: !on_left,
        keys,
        build_keys,
        residual: rest,
        input: probe.schema().clone(),
        joined: join.schema.clone(),
    });
    Ok(Ok(()))
}

/// Whether keys of these types are looked up.
fn hashed(ty: &DataType, other: &DataType) -> Walked {
    // Of floats, values that are equal need not look alike.
    if ty != other || !can_hash(ty) || ty.is_floating() || ty.is_nested() || *ty == DataType::Null {
        whole!("it joins by keys of type {ty} and {other}");
    }
    Ok(Ok(()))
}

/// The condition `x IN (SELECT ...)`, if the query stands alone and reads nothing but reference data.
fn looked_up<'a>(condition: &'a Expr, source: &str) -> Option<&'a InSubquery> {
    let Expr::InSubquery(of) = condition else { return None };
    let query = &of.subquery;
    let alone =
        query.outer_ref_columns.is_empty() && scanned(&query.subquery).iter().all(|name| name != source);
    (!of.negated && alone && subquery(&of.expr).is_none()).then_some(of)
}

/// `x IN (SELECT y ...)` is a join with the distinct `y`, of which nothing but the match is taken.
fn walk_in(of: &InSubquery, input: &DFSchemaRef, links: &mut Vec<Link>) -> Walked {
    let build = LogicalPlanBuilder::from(of.subquery.subquery.as_ref().clone()).distinct()?.build()?;
    let key = Expr::from(build.schema().qualified_field(0));
    part!(hashed(&of.expr.get_type(input.as_ref())?, &key.get_type(build.schema())?));
    links.push(Link::Join {
        outer: false,
        null_equal: false,
        build,
        build_first: false,
        keys: vec![of.expr.as_ref().clone()],
        build_keys: vec![key],
        residual: Vec::new(),
        input: input.clone(),
        joined: input.clone(),
    });
    Ok(Ok(()))
}

/// Why an expression needs more than its row, if it does: it holds a subquery.
fn subquery(expr: &Expr) -> Option<String> {
    let mut found = None;
    let walked = expr.apply(|e| {
        let kind = match e {
            Expr::ScalarSubquery(_) => "a subquery that stands for a value",
            Expr::InSubquery(of) if of.negated => {
                "`NOT IN` over a subquery (a left join with distinct reference data and a filter `IS NULL` is per-row)"
            }
            Expr::InSubquery(_) => {
                "`IN` over a subquery (as a condition of its own and over reference data it is per-row)"
            }
            Expr::Exists(of) if of.negated => {
                "`NOT EXISTS` (a left join with distinct reference data and a filter `IS NULL` is per-row)"
            }
            Expr::Exists(_) => "`EXISTS` (`IN`, or an inner join with distinct reference data, is per-row)",
            Expr::SetComparison(_) => "a comparison with all rows of a subquery",
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        found = Some(format!("it has {kind}"));
        Ok(TreeNodeRecursion::Stop)
    });
    walked.map_or_else(|_| Some("it does more than look at one row".into()), |_| found)
}

/// The positions of the columns that an expression reads.
pub(crate) fn positions(expr: &Expr, schema: &datafusion::common::DFSchema) -> Result<BTreeSet<usize>> {
    expr.column_refs().into_iter().map(|c| schema.index_of_column(c)).collect()
}
