//! A decimal beside a floating-point number is a floating-point number, everywhere; a date beside a timestamp is one of its unit.
//!
//! DataFusion adds decimals and doubles as doubles, but compares and unifies them (`=`, `IN`, `CASE`, `coalesce`, `UNION`, joins) as decimals of 15 digits
//! behind the point: smaller numbers become 0, and larger ones, NaN and the infinities fail. Here, before types are coerced, the decimal is
//! cast to double, as in DuckDB and PostgreSQL. A number that is written out beside a decimal, such as `0.1`, is the decimal that it
//! says, so that `price = 0.1` is exact.
//!
//! The same holds inside of lists, records and maps. Columns of a union get their type here in any case ([`common`]): DataFusion gives a union of unions
//! the types of its first branch, so that what stands beside it would be judged by a type that it does not have. Dates beside timestamps would become
//! nanoseconds, which end in the year 2262.

use super::common::{MOST_DIGITS, common, leaves};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Distinct, Expr, ExprSchemable, LogicalPlan, Operator, Projection, Subquery,
    Union, cast,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// The analyzer rule, before types are coerced.
#[derive(Debug)]
pub(crate) struct DoublesWin;

impl AnalyzerRule for DoublesWin {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let flat = plan.transform_down_with_subqueries(flat_unions)?.data;
        flat.transform_up_with_subqueries(node).map(|t| t.data)
    }

    fn name(&self) -> &str {
        "doubles_win"
    }
}

/// A union of unions as one: the type of a column is that of all branches, not of two at a time, on whose way digits could be lost.
fn flat_unions(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    fn branches(plan: &Arc<LogicalPlan>, distinct: bool, found: &mut Vec<Arc<LogicalPlan>>) {
        match plan.as_ref() {
            LogicalPlan::Union(union) => union.inputs.iter().for_each(|p| branches(p, distinct, found)),
            LogicalPlan::Distinct(Distinct::All(input))
                if distinct && matches!(input.as_ref(), LogicalPlan::Union(_)) =>
            {
                branches(input, distinct, found);
            }
            _ => found.push(Arc::clone(plan)),
        }
    }
    let flat = |union: &Union, distinct: bool| {
        let mut found = Vec::new();
        union.inputs.iter().for_each(|p| branches(p, distinct, &mut found));
        (found.len() > union.inputs.len()).then(|| Union::try_new_with_loose_types(found)).transpose()
    };
    Ok(match &plan {
        LogicalPlan::Union(union) => match flat(union, false)? {
            Some(union) => Transformed::yes(LogicalPlan::Union(union)),
            None => Transformed::no(plan),
        },
        LogicalPlan::Distinct(Distinct::All(input)) => match input.as_ref() {
            LogicalPlan::Union(union) => match flat(union, true)? {
                Some(union) => Transformed::yes(LogicalPlan::Distinct(Distinct::All(Arc::new(
                    LogicalPlan::Union(union),
                )))),
                None => Transformed::no(plan),
            },
            _ => Transformed::no(plan),
        },
        _ => Transformed::no(plan),
    })
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = match &plan {
        LogicalPlan::TableScan(_) => return Ok(Transformed::no(plan)),
        other => merge_schema(&other.inputs()),
    };
    let names = NamePreserver::new(&plan);
    let plan = plan
        .map_expressions(|expr| {
            let name = names.save(&expr);
            expr.transform_up(|e| expression(e, &schema)).map(|t| t.update_data(|e| name.restore(e)))
        })?
        .data;
    let plan = match plan {
        LogicalPlan::Join(mut join) => {
            for (left, right) in &mut join.on {
                let (l, r) = (join.left.schema(), join.right.schema());
                let types = [left.get_type(l).ok(), right.get_type(r).ok()];
                let kinds = [Kind::of(left, l), Kind::of(right, r)];
                unify_types(&types, &mut [&mut *left, &mut *right]);
                unify_by(&kinds, &mut [left, right]);
            }
            LogicalPlan::Join(join)
        }
        // Made again in any case: `recompute_schema` keeps the types that a union had.
        LogicalPlan::Union(union) => {
            let inputs = unified(&union.inputs)?.unwrap_or(union.inputs);
            LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)
        }
        other => other,
    };
    // An input may have changed its types even where no expression of this node did.
    plan.recompute_schema().map(Transformed::yes)
}

fn expression(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let unify = |exprs: &mut [&mut Expr]| {
        let types: Vec<Option<DataType>> = exprs.iter().map(|e| e.get_type(schema).ok()).collect();
        let kinds: Vec<Kind> = exprs.iter().map(|e| Kind::of(e, schema)).collect();
        unify_types(&types, exprs) | unify_by(&kinds, exprs)
    };
    let mut expr = expr;
    let changed = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if super::rewrite::compares(*op) => {
            unify(&mut [left, right])
        }
        // A quotient has more digits than both, and is no shorter as a double.
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Modulo,
            right,
        }) => unify(&mut [left, right]),
        Expr::Between(Between { expr, low, high, .. }) => unify(&mut [expr, low, high]),
        Expr::InList(InList { expr, list, .. }) => {
            let mut all: Vec<&mut Expr> = vec![expr];
            all.extend(list);
            unify(&mut all)
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let mut compared: Vec<&mut Expr> = Vec::new();
            let mut given: Vec<&mut Expr> = Vec::new();
            let alone = expr.is_none();
            compared.extend(expr.as_deref_mut());
            for (when, then) in when_then_expr {
                compared.push(when);
                given.push(then);
            }
            given.extend(else_expr.as_deref_mut());
            let given = unify(&mut given);
            (!alone && unify(&mut compared)) | given
        }
        // The clock counts microseconds; as nanoseconds it could not stand beside the year 9999.
        Expr::ScalarFunction(f) if f.name() == "now" => {
            let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            let now = std::mem::take(&mut expr);
            return Ok(Transformed::yes(cast(now, moment)));
        }
        Expr::ScalarFunction(f) if one_type(f.name()) => unify(&mut f.args.iter_mut().collect::<Vec<_>>()),
        Expr::ScalarFunction(f) if f.name() == "nvl2" => {
            unify(&mut f.args.iter_mut().skip(1).collect::<Vec<_>>())
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            let found = subquery.subquery.schema().fields().first().map(|f| f.data_type().clone());
            match (expr.get_type(schema).ok(), found) {
                (Some(one), Some(other)) => match one_of(&[Some(one.clone()), Some(other.clone())]) {
                    Some(all) => {
                        if one != all {
                            **expr = cast(std::mem::take(expr), all.clone());
                        }
                        if other != all {
                            let plan = with_types(Arc::clone(&subquery.subquery), &[(0, all)])?;
                            *subquery = Subquery { subquery: plan, ..subquery.clone() };
                        }
                        true
                    }
                    None => false,
                },
                _ => false,
            }
        }
        _ => false,
    };
    Ok(if changed { Transformed::yes(expr) } else { Transformed::no(expr) })
}

/// Functions whose arguments become one type.
pub(super) fn one_type(name: &str) -> bool {
    matches!(
        name,
        "coalesce"
            | "ifnull"
            | "nvl"
            | "nullif"
            | "greatest"
            | "least"
            | "make_array"
            | "array_concat"
            | "array_except"
            | "array_has_all"
            | "array_has_any"
            | "array_intersect"
            | "array_union"
    )
}

/// A value, as far as it matters here.
enum Kind {
    /// A decimal: digits in front of the point, and behind it.
    Decimal((u8, u8)),
    /// A floating-point number.
    Double,
    /// A floating-point number that is written out, and the decimal that it says if there is one: the value, digits in all, and behind
    /// the point.
    Written(Option<(i128, u8, u8)>),
    /// Anything else.
    Other,
}

impl Kind {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        if let Expr::Literal(ScalarValue::Float64(Some(value)), _) = expr {
            return Self::Written(decimal(*value));
        }
        match expr.get_type(schema) {
            Ok(DataType::Decimal128(precision, scale)) => {
                let scale = u8::try_from(scale).unwrap_or(0);
                Self::Decimal((precision.saturating_sub(scale), scale))
            }
            Ok(ty) if ty.is_decimal() => Self::Decimal((u8::MAX, 0)),
            Ok(ty) if ty.is_floating() => Self::Double,
            _ => Self::Other,
        }
    }
}

/// The decimal that a number says: the shortest digits that are read as it.
fn decimal(value: f64) -> Option<(i128, u8, u8)> {
    let text = format!("{value}");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = u8::try_from(fraction.len()).ok()?;
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    let precision = u8::try_from(whole.trim_start_matches('0').len()).ok()?.checked_add(scale)?.max(1);
    (precision <= MOST_DIGITS).then_some((sign * number, precision, scale))
}

/// The one type of values, where DataFusion would take another: decimals beside floating-point numbers and dates beside timestamps, as they are or as
/// parts.
fn one_of(types: &[Option<DataType>]) -> Option<DataType> {
    let all: Option<Vec<&DataType>> = types.iter().map(Option::as_ref).collect();
    let all = all?;
    let mut parts = Vec::new();
    all.iter().for_each(|ty| leaves(ty, "", &mut parts));
    let mixed = parts.iter().any(|(at, one)| {
        let beside = |is: &dyn Fn(&DataType) -> bool| parts.iter().any(|(other, ty)| other == at && is(ty));
        (one.is_decimal() && beside(&DataType::is_floating))
            || (*one == DataType::Date32 && beside(&|ty| matches!(ty, DataType::Timestamp(_, _))))
    });
    if mixed { common(all) } else { None }
}

/// Casts values to their one type, unless what decides is how a number is written ([`unify_by`]).
fn unify_types(types: &[Option<DataType>], exprs: &mut [&mut Expr]) -> bool {
    let plain = types.iter().flatten().all(|ty| ty.is_numeric() || ty.is_null());
    let Some(all) = one_of(types).filter(|_| !plain) else { return false };
    for (ty, expr) in types.iter().zip(exprs) {
        if ty.as_ref() != Some(&all) {
            **expr = cast(std::mem::take(*expr), all.clone());
        }
    }
    true
}

/// Makes doubles of decimals that stand beside doubles, or decimals of what is written out beside decimals alone.
fn unify_by(kinds: &[Kind], exprs: &mut [&mut Expr]) -> bool {
    let (mut decimals, mut doubles, mut written) = (false, false, false);
    // What all of them need in front of the point, and behind it.
    let (mut front, mut behind) = (0u8, 0u8);
    for kind in kinds {
        match kind {
            Kind::Decimal((f, b)) => {
                decimals = true;
                (front, behind) = (front.max(*f), behind.max(*b));
            }
            Kind::Written(Some((_, precision, scale))) => {
                written = true;
                (front, behind) = (front.max(precision - scale), behind.max(*scale));
            }
            Kind::Written(None) | Kind::Double => doubles = true,
            Kind::Other => {}
        }
    }
    if !decimals || !(doubles || written) {
        return false;
    }
    let exact = !doubles && front.saturating_add(behind) <= MOST_DIGITS;
    for (kind, expr) in kinds.iter().zip(exprs) {
        match kind {
            Kind::Decimal(_) if !exact => **expr = double(std::mem::take(*expr)),
            Kind::Written(Some((value, precision, scale))) if exact => {
                let scale = i8::try_from(*scale).unwrap_or(0);
                **expr = Expr::Literal(ScalarValue::Decimal128(Some(*value), *precision, scale), None);
            }
            _ => {}
        }
    }
    true
}

fn double(expr: Expr) -> Expr {
    cast(expr, DataType::Float64)
}

/// The inputs of a union whose columns have one type in each of them, as far as there are rules for it; `None` if they have already.
fn unified(inputs: &[Arc<LogicalPlan>]) -> Result<Option<Vec<Arc<LogicalPlan>>>> {
    let ty = |plan: &LogicalPlan, at: usize| plan.schema().fields().get(at).map(|f| f.data_type().clone());
    let width = inputs.first().map_or(0, |plan| plan.schema().fields().len());
    let one = |at: usize| {
        let types: Option<Vec<DataType>> = inputs.iter().map(|plan| ty(plan, at)).collect();
        common(&types?)
    };
    let all: Vec<(usize, DataType)> = (0..width).filter_map(|at| Some((at, one(at)?))).collect();
    let mut changed = false;
    let made = inputs.iter().map(|plan| {
        let others: Vec<(usize, DataType)> =
            all.iter().filter(|(at, one)| ty(plan, *at).as_ref() != Some(one)).cloned().collect();
        if others.is_empty() {
            return Ok(Arc::clone(plan));
        }
        changed = true;
        with_types(Arc::clone(plan), &others)
    });
    let made = made.collect::<Result<Vec<_>>>()?;
    Ok(changed.then_some(made))
}

/// The plan with other types for some of its columns, under their names.
fn with_types(plan: Arc<LogicalPlan>, types: &[(usize, DataType)]) -> Result<Arc<LogicalPlan>> {
    let shown = plan.schema().columns().into_iter().enumerate().map(|(at, column)| {
        match types.iter().find(|(which, _)| *which == at) {
            Some((_, ty)) => {
                let (relation, name) = (column.relation.clone(), column.name.clone());
                cast(Expr::Column(column), ty.clone()).alias_qualified(relation, name)
            }
            None => Expr::Column(column),
        }
    });
    let shown = shown.collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(shown, plan)?)))
}
