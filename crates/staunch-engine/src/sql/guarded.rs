//! A `CASE` of conditions guards its branches.
//!
//! DataFusion makes `AND` and `OR` of a `CASE` whose results are booleans, and evaluates all of it for all rows: `CASE WHEN n <> 0 THEN 100 / n > 5 END` divides by zero. A `CASE` of
//! numbers it leaves alone. So such a `CASE` gives numbers, and a cast makes booleans of them again.

use super::rewrite::expressions;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast};
use datafusion::optimizer::AnalyzerRule;

/// The analyzer rule, after types are coerced.
#[derive(Debug)]
pub(crate) struct GuardedCase;

impl AnalyzerRule for GuardedCase {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        expressions(plan, of_numbers)
    }

    fn name(&self) -> &str {
        "guarded_case"
    }
}

fn of_numbers(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let boolean = |e: &Expr| e.get_type(schema).is_ok_and(|ty| ty == DataType::Boolean);
    match expr {
        Expr::Case(case) if boolean(&Expr::Case(case.clone())) => {
            let number = |e: Box<Expr>| Box::new(cast(*e, DataType::Int8));
            let when_then_expr =
                case.when_then_expr.into_iter().map(|(when, then)| (when, number(then))).collect();
            let numbers = Case { expr: case.expr, when_then_expr, else_expr: case.else_expr.map(number) };
            Transformed::yes(cast(Expr::Case(numbers), DataType::Boolean))
        }
        other => Transformed::no(other),
    }
}
