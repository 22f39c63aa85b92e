//! Floating-point numbers that are equal are one key of a window, and stand beside each other where rows are sorted.
//!
//! `0.0 = -0.0` and `NaN = NaN` are true whatever their bits are; groups and `DISTINCT` take them as one. DataFusion sorts by bits:
//! `-0.0` comes before `0.0`, and a `NaN` with a sign (0.0 / 0.0 makes one) before all numbers. So such keys are made alike.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::kernels::arity::unary;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::{Arc, LazyLock};

/// The analyzer rule, after types are coerced.
#[derive(Debug)]
pub(crate) struct EqualKeys;

impl AnalyzerRule for EqualKeys {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            match plan {
                LogicalPlan::Window(_) => plan.map_expressions(|expr| {
                    let name = names.save(&expr);
                    expr.transform_up(|e| Ok(window(e, &schema))).map(|t| t.update_data(|e| name.restore(e)))
                }),
                LogicalPlan::Sort(_) => plan.map_expressions(|expr| Ok(alike(expr, &schema))),
                other => Ok(Transformed::no(other)),
            }
        })
        .map(|t| t.data)
    }

    fn name(&self) -> &str {
        "equal_keys"
    }
}

fn window(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::WindowFunction(mut function) = expr else { return Transformed::no(expr) };
    let keys = &mut function.params;
    let by = keys.partition_by.iter_mut().chain(keys.order_by.iter_mut().map(|sort| &mut sort.expr));
    let mut changed = false;
    for key in by {
        let made = alike(key.clone(), schema);
        changed |= made.transformed;
        *key = made.data;
    }
    let expr = Expr::WindowFunction(function);
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

fn alike(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let float = expr.get_type(schema).is_ok_and(|ty| matches!(ty, DataType::Float32 | DataType::Float64));
    if !float || made_alike(&expr).is_some() {
        return Transformed::no(expr);
    }
    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(ALIKE.clone(), vec![expr])))
}

/// What a key was before it was made alike.
pub(crate) fn made_alike(expr: &Expr) -> Option<&Expr> {
    let Expr::ScalarFunction(f) = expr else { return None };
    f.func.inner().downcast_ref::<Alike>().and_then(|_| f.args.first())
}

static ALIKE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let floats = vec![DataType::Float32, DataType::Float64];
    Arc::new(ScalarUDF::from(Alike { signature: Signature::uniform(1, floats, Volatility::Immutable) }))
});

/// One zero, and one `NaN`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Alike {
    signature: Signature,
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
        Ok(args.first().map(|e| e.schema_name().to_string()).unwrap_or_default())
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
        let array = value.to_array(args.number_rows)?;
        let alike: ArrayRef = match array.data_type() {
            DataType::Float32 => {
                Arc::new(unary::<_, _, Float32Type>(array.as_primitive::<Float32Type>(), |x| {
                    if x.is_nan() { f32::NAN } else { x + 0.0 }
                }))
            }
            DataType::Float64 => {
                Arc::new(unary::<_, _, Float64Type>(array.as_primitive::<Float64Type>(), |x| {
                    if x.is_nan() { f64::NAN } else { x + 0.0 }
                }))
            }
            other => return internal_err!("{other} has one zero"),
        };
        Ok(ColumnarValue::Array(alike))
    }
}
