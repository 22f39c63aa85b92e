//! Floating-point numbers that are equal are one value: where they are compared, grouped, joined, sorted or counted once.
//!
//! `0.0 = -0.0` and `NaN = NaN` are true whatever their bits are, and NaN is above all numbers. DataFusion goes by bits in places: `-0.0` comes
//! before `0.0`, and a `NaN` with a sign (0.0 / 0.0 makes one) before all numbers and beside no other. So what is compared is made alike
//! first. A column that is only handed on keeps its bits.

use super::rewrite::compares;
use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::compute::kernels::arity::unary;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{InList, InSubquery, ScalarFunction, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, Between, BinaryExpr, Case, ColumnarValue, Distinct, Expr, ExprSchemable, LogicalPlan,
    Projection, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Subquery, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The analyzer rule, after types are coerced.
#[derive(Debug)]
pub(crate) struct EqualKeys;

impl AnalyzerRule for EqualKeys {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(node).map(|t| t.data)
    }

    fn name(&self) -> &str {
        "equal_keys"
    }
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = match &plan {
        LogicalPlan::TableScan(_) => return Ok(Transformed::no(plan)),
        other => merge_schema(&other.inputs()),
    };
    let names = NamePreserver::new(&plan);
    let within = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        expr.transform_up(|e| expression(e, &schema)).map(|t| t.update_data(|e| name.restore(e)))
    })?;
    within.transform_data(|plan| {
        Ok(match plan {
            LogicalPlan::Sort(_) => plan.map_expressions(|expr| Ok(alike(expr, &schema, &HIDDEN)))?,
            LogicalPlan::Aggregate(a) => groups(a)?.update_data(LogicalPlan::Aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let all = (0..input.schema().fields().len()).collect();
                projected(input, &all)?.update_data(|input| LogicalPlan::Distinct(Distinct::All(input)))
            }
            LogicalPlan::Distinct(Distinct::On(mut on)) => {
                let mut changed = false;
                let keys = on.on_expr.iter_mut();
                for key in keys.chain(on.sort_expr.iter_mut().flatten().map(|sort| &mut sort.expr)) {
                    changed |= make_alike(key, &schema, &HIDDEN);
                }
                Transformed::new_transformed(LogicalPlan::Distinct(Distinct::On(on)), changed)
            }
            LogicalPlan::Join(mut join) => {
                let mut changed = false;
                for (left, right) in &mut join.on {
                    changed |= make_alike(left, join.left.schema(), &SHOWN);
                    changed |= make_alike(right, join.right.schema(), &SHOWN);
                }
                Transformed::new_transformed(LogicalPlan::Join(join), changed)
            }
            other => Transformed::no(other),
        })
    })
}

/// Functions that compare what they are given, or what is in the lists that they are given.
const COMPARING: &[&str] = &[
    "array_distinct",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_max",
    "array_min",
    "array_position",
    "array_positions",
    "array_remove",
    "array_remove_all",
    "array_remove_n",
    "array_replace",
    "array_replace_all",
    "array_replace_n",
    "array_sort",
    "array_union",
    "greatest",
    "least",
    "nullif",
];

fn expression(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut changed = false;
    let mut make = |expr: &mut Expr| changed |= make_alike(expr, schema, &SHOWN);
    match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
            make(left);
            make(right);
        }
        Expr::Between(Between { expr, low, high, .. }) => {
            make(expr);
            make(low);
            make(high);
        }
        Expr::InList(InList { expr, list, .. }) => {
            make(expr);
            list.iter_mut().for_each(make);
        }
        Expr::Case(Case { expr: Some(expr), when_then_expr, .. }) => {
            make(expr);
            when_then_expr.iter_mut().for_each(|(when, _)| make(when));
        }
        Expr::ScalarFunction(f) if COMPARING.contains(&f.name()) => f.args.iter_mut().for_each(make),
        Expr::WindowFunction(f) => {
            let keys = &mut f.params;
            let mut make = |expr: &mut Expr| changed |= make_alike(expr, schema, &HIDDEN);
            keys.partition_by.iter_mut().for_each(&mut make);
            keys.order_by.iter_mut().for_each(|sort| make(&mut sort.expr));
            let by_value = largest(f.fun.name());
            keys.args.iter_mut().filter(|_| by_value).for_each(make);
        }
        // One aggregate among several that are distinct looks at bits, and so do those that look for the largest.
        Expr::AggregateFunction(f) => {
            let params = &mut f.params;
            let once = params.distinct || largest(f.func.name());
            let mut make = |expr: &mut Expr| changed |= make_alike(expr, schema, &HIDDEN);
            params.args.iter_mut().filter(|_| once).for_each(&mut make);
            params.order_by.iter_mut().for_each(|sort| make(&mut sort.expr));
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            make(expr);
            let plan = projected(Arc::clone(&subquery.subquery), &BTreeSet::from([0]))?;
            if plan.transformed {
                *subquery = Subquery { subquery: plan.data, ..subquery.clone() };
                changed = true;
            }
        }
        _ => {}
    }
    Ok(Transformed::new_transformed(expr, changed))
}

/// Aggregates that give one of the values by its size.
fn largest(function: &str) -> bool {
    matches!(function, "min" | "max" | "median" | "mode" | "percentile_cont")
}

/// Groups by values that were made alike: columns below, so that they keep their names, and what is computed in its place.
fn groups(mut aggregate: Aggregate) -> Result<Transformed<Aggregate>> {
    let mut columns = BTreeSet::new();
    let mut changed = false;
    let schema = Arc::clone(aggregate.input.schema());
    for group in &mut aggregate.group_expr {
        let keys: Vec<&mut Expr> = match group {
            Expr::GroupingSet(sets) => match sets {
                datafusion::logical_expr::GroupingSet::Rollup(all)
                | datafusion::logical_expr::GroupingSet::Cube(all) => all.iter_mut().collect(),
                datafusion::logical_expr::GroupingSet::GroupingSets(sets) => {
                    sets.iter_mut().flatten().collect()
                }
            },
            one => vec![one],
        };
        for key in keys {
            match key {
                Expr::Column(column) => columns.extend(schema.maybe_index_of_column(column)),
                Expr::Alias(alias) => changed |= make_alike(&mut alias.expr, &schema, &HIDDEN),
                other => changed |= make_alike(other, &schema, &HIDDEN),
            }
        }
    }
    let input = projected(Arc::clone(&aggregate.input), &columns)?;
    if !changed && !input.transformed {
        return Ok(Transformed::no(aggregate));
    }
    Aggregate::try_new(input.data, aggregate.group_expr, aggregate.aggr_expr).map(Transformed::yes)
}

/// The plan with those of these columns that hold floating-point numbers made alike, under their names.
fn projected(plan: Arc<LogicalPlan>, columns: &BTreeSet<usize>) -> Result<Transformed<Arc<LogicalPlan>>> {
    let schema = Arc::clone(plan.schema());
    let mut changed = false;
    let shown: Vec<Expr> = schema
        .columns()
        .into_iter()
        .enumerate()
        .map(|(at, column)| {
            let (relation, name) = (column.relation.clone(), column.name.clone());
            let mut expr = Expr::Column(column);
            if columns.contains(&at) && make_alike(&mut expr, &schema, &SHOWN) {
                changed = true;
                expr = expr.alias_qualified(relation, name);
            }
            expr
        })
        .collect();
    if !changed {
        return Ok(Transformed::no(plan));
    }
    Ok(Transformed::yes(Arc::new(LogicalPlan::Projection(Projection::try_new(shown, plan)?))))
}

fn make_alike(expr: &mut Expr, schema: &DFSchema, by: &Arc<ScalarUDF>) -> bool {
    let made = alike(std::mem::take(expr), schema, by);
    *expr = made.data;
    made.transformed
}

fn alike(expr: Expr, schema: &DFSchema, by: &Arc<ScalarUDF>) -> Transformed<Expr> {
    let plain = match &expr {
        // A number that is written out has no other form, if it is not a zero.
        Expr::Literal(ScalarValue::Float64(number), _) => number.is_none_or(|x| x.is_finite() && x != 0.0),
        Expr::Literal(ScalarValue::Float32(number), _) => number.is_none_or(|x| x.is_finite() && x != 0.0),
        _ => false,
    };
    if plain || made_alike(&expr).is_some() || !expr.get_type(schema).is_ok_and(|ty| has_floats(&ty)) {
        return Transformed::no(expr);
    }
    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(by), vec![expr])))
}

/// Whether a floating-point number is in it, at any depth. Unions are compared nowhere.
fn has_floats(ty: &DataType) -> bool {
    match ty {
        DataType::Float32 | DataType::Float64 => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_floats(item.data_type())
        }
        DataType::Map(entries, _) => has_floats(entries.data_type()),
        DataType::Struct(fields) => fields.iter().any(|f| has_floats(f.data_type())),
        _ => false,
    }
}

/// What a key was before it was made alike.
pub(crate) fn made_alike(expr: &Expr) -> Option<&Expr> {
    let Expr::ScalarFunction(f) = expr else { return None };
    f.func.inner().downcast_ref::<Alike>().and_then(|_| f.args.first())
}

/// For keys of groups, windows and sorts: their columns keep their names.
static HIDDEN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Alike::udf(true));
/// For what is compared: the keys of a join stand beside the columns that they are made of, under names of their own.
static SHOWN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Alike::udf(false));

/// One zero, and one `NaN`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Alike {
    /// Whether it has the name of what it stands around.
    hidden: bool,
    signature: Signature,
}

impl Alike {
    fn udf(hidden: bool) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self { hidden, signature: Signature::any(1, Volatility::Immutable) }))
    }
}

impl ScalarUDFImpl for Alike {
    fn name(&self) -> &str {
        "alike"
    }

    // Columns keep their names.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.first().map(ToString::to_string).unwrap_or_default())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let name = args.first().map(|e| e.schema_name().to_string()).unwrap_or_default();
        Ok(if self.hidden { name } else { format!("alike({name})") })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Float64))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return internal_err!("alike takes one argument") };
        one_form(&value.to_array(args.number_rows)?).map(ColumnarValue::Array)
    }
}

fn one_form(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float32 => Arc::new(unary::<_, _, Float32Type>(array.as_primitive::<Float32Type>(), |x| {
            if x.is_nan() { f32::NAN } else { x + 0.0 }
        })),
        DataType::Float64 => Arc::new(unary::<_, _, Float64Type>(array.as_primitive::<Float64Type>(), |x| {
            if x.is_nan() { f64::NAN } else { x + 0.0 }
        })),
        ty if has_floats(ty) => {
            let data = array.to_data();
            let parts = data
                .child_data()
                .iter()
                .map(|part| one_form(&make_array(part.clone())).map(|part| part.to_data()));
            let parts = parts.collect::<Result<Vec<_>>>()?;
            make_array(data.into_builder().child_data(parts).build()?)
        }
        _ => Arc::clone(array),
    })
}
