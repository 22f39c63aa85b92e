//! `round` of a decimal to a number of digits.
//!
//! The type of the result depends on the digits, where they are a constant. DataFusion asks for them again after it has put a cast around the
//! constant, and once more when the cast is folded, and finds another type each time. So constants become numbers of the type that
//! is wanted before types are coerced.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use std::sync::Arc;

/// The analyzer rule, before types are coerced.
#[derive(Debug)]
pub(crate) struct RoundDigits;

impl AnalyzerRule for RoundDigits {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            let rewritten = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                expr.transform_up(|e| Ok(digits(e))).map(|t| t.update_data(|e| name.restore(e)))
            })?;
            // An input may have changed its types even where no expression of this node did.
            rewritten.data.recompute_schema().map(Transformed::yes)
        })
        .map(|t| t.data)
    }

    fn name(&self) -> &str {
        "round_digits"
    }
}

fn digits(expr: Expr) -> Transformed<Expr> {
    let Expr::ScalarFunction(mut f) = expr else { return Transformed::no(expr) };
    if f.name() == "round"
        && let Some(digits) = f.args.get_mut(1)
        && let Some(number) = constant(digits)
    {
        *digits = Expr::Literal(ScalarValue::Int32(Some(number)), None);
        return Transformed::yes(Expr::ScalarFunction(f));
    }
    Transformed::no(Expr::ScalarFunction(f))
}

fn constant(expr: &Expr) -> Option<i32> {
    if expr.any_column_refs() || expr.is_volatile() {
        return None;
    }
    let context = SimplifyContext::builder().with_schema(Arc::new(DFSchema::empty())).build();
    match ExprSimplifier::new(context).simplify(expr.clone()).ok()? {
        Expr::Literal(value, _) if value.data_type().is_integer() => match value {
            ScalarValue::Int64(Some(n)) => i32::try_from(n).ok(),
            ScalarValue::Int32(Some(n)) => Some(n),
            _ => None,
        },
        _ => None,
    }
}
