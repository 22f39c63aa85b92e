//! Intervals are compared by their length.
//!
//! DataFusion compares an interval with another, or with the difference of two times, field by field: months, then days, then nanoseconds, so that five days are more
//! than any number of hours. Here a day is 24 hours and a month 30 days, as in PostgreSQL. What would sort or group by an interval
//! is refused ([`ordered`]).

use super::rewrite::{compares, expressions};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Distinct, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::{Arc, LazyLock};

/// The analyzer rule, after types are coerced.
#[derive(Debug)]
pub(crate) struct IntervalLengths;

impl AnalyzerRule for IntervalLengths {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        expressions(plan, compared)
    }

    fn name(&self) -> &str {
        "interval_lengths"
    }
}

fn compared(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let is = |e: &Expr| is_interval(e, schema);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) && (is(&left) || is(&right)) => {
            let (left, right) = (Box::new(length(*left, schema)), Box::new(length(*right, schema)));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, low, high }) if is(&expr) || is(&low) || is(&high) => {
            let of = |e: Box<Expr>| Box::new(length(*e, schema));
            Transformed::yes(Expr::Between(Between { expr: of(expr), negated, low: of(low), high: of(high) }))
        }
        Expr::InList(InList { expr, list, negated }) if is(&expr) => {
            let list = list.into_iter().map(|e| length(e, schema)).collect();
            Transformed::yes(Expr::InList(InList { expr: Box::new(length(*expr, schema)), list, negated }))
        }
        // Of the difference of two times DataFusion gives whole seconds; of an interval also their fraction.
        Expr::ScalarFunction(mut f) if f.name() == "date_part" => {
            let epoch = matches!(f.args.first(), Some(Expr::Literal(part, _))
                if part.try_as_str().flatten().is_some_and(|p| p.eq_ignore_ascii_case("epoch")));
            match f.args.get_mut(1) {
                Some(of)
                    if epoch && of.get_type(schema).is_ok_and(|ty| matches!(ty, DataType::Duration(_))) =>
                {
                    *of = cast(std::mem::take(of), DataType::Interval(IntervalUnit::MonthDayNano));
                    Transformed::yes(Expr::ScalarFunction(f))
                }
                _ => Transformed::no(Expr::ScalarFunction(f)),
            }
        }
        other => Transformed::no(other),
    }
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|ty| matches!(ty, DataType::Interval(_)))
}

/// The length of an interval, or of the difference of times that it was cast from.
fn length(expr: Expr, schema: &DFSchema) -> Expr {
    let expr = match expr {
        Expr::Cast(cast)
            if cast.expr.get_type(schema).is_ok_and(|ty| matches!(ty, DataType::Duration(_))) =>
        {
            *cast.expr
        }
        other => other,
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(LENGTH.clone(), vec![expr]))
}

/// Whether a plan sorts, groups or joins by an interval, or looks for the largest.
pub(super) fn ordered(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let _ = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let mut see = |expr: &Expr| {
            found |= is_interval(expr, &schema);
        };
        match node {
            LogicalPlan::Sort(sort) => sort.expr.iter().for_each(|key| see(&key.expr)),
            LogicalPlan::Aggregate(a) => a.group_expr.iter().for_each(&mut see),
            LogicalPlan::Join(join) => join.on.iter().flat_map(|(l, r)| [l, r]).for_each(&mut see),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                input.schema().columns().into_iter().for_each(|c| see(&Expr::Column(c)));
            }
            LogicalPlan::Distinct(Distinct::On(on)) => on.on_expr.iter().for_each(&mut see),
            _ => {}
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::WindowFunction(f) => {
                        f.params.partition_by.iter().for_each(&mut see);
                        f.params.order_by.iter().for_each(|key| see(&key.expr));
                        f.params.args.iter().filter(|_| by_order(f.fun.name())).for_each(&mut see);
                    }
                    Expr::AggregateFunction(f) => {
                        f.params.order_by.iter().for_each(|key| see(&key.expr));
                        let orders = by_order(f.func.name()) || f.params.distinct;
                        f.params.args.iter().filter(|_| orders).for_each(&mut see);
                    }
                    Expr::ScalarFunction(f) if matches!(f.name(), "greatest" | "least" | "nullif") => {
                        f.args.iter().for_each(&mut see);
                    }
                    Expr::Case(case) => case.expr.iter().for_each(|e| see(e)),
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found
}

fn by_order(function: &str) -> bool {
    matches!(function, "min" | "max" | "median" | "mode" | "percentile_cont" | "approx_distinct")
}

static LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::from(Length { signature: Signature::any(1, Volatility::Immutable) }))
});

/// Nanoseconds, as a decimal without a fraction: 178 million years of months are more than 64 bits hold.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

/// Nanoseconds of a day.
const DAY: i128 = 86_400_000_000_000;
/// Days of a month.
const MONTH: i128 = 30;

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "interval_length"
    }

    // Messages show the comparison that was written.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(ToString::to_string).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(38, 0))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return internal_err!("a length of nothing") };
        let array = value.to_array(args.number_rows)?;
        let scaled = |values: &[i64], nanos: i128| -> Vec<i128> {
            values.iter().map(|v| i128::from(*v) * nanos).collect()
        };
        let lengths: Vec<i128> = match array.data_type() {
            DataType::Interval(IntervalUnit::MonthDayNano) => array
                .as_primitive::<IntervalMonthDayNanoType>()
                .values()
                .iter()
                .map(|v| {
                    (i128::from(v.months) * MONTH + i128::from(v.days)) * DAY + i128::from(v.nanoseconds)
                })
                .collect(),
            DataType::Duration(TimeUnit::Second) => {
                scaled(array.as_primitive::<DurationSecondType>().values(), 1_000_000_000)
            }
            DataType::Duration(TimeUnit::Millisecond) => {
                scaled(array.as_primitive::<DurationMillisecondType>().values(), 1_000_000)
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                scaled(array.as_primitive::<DurationMicrosecondType>().values(), 1_000)
            }
            DataType::Duration(TimeUnit::Nanosecond) => {
                scaled(array.as_primitive::<DurationNanosecondType>().values(), 1)
            }
            other => return internal_err!("{other} has no length"),
        };
        let lengths: ArrayRef = Arc::new(
            Decimal128Array::new(lengths.into(), array.nulls().cloned()).with_precision_and_scale(38, 0)?,
        );
        Ok(ColumnarValue::Array(lengths))
    }
}
