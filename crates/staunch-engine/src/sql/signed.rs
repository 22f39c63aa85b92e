//! Whole numbers are signed.
//!
//! DataFusion counts rows and elements in unsigned numbers (`row_number`, `rank`, `ntile`, `approx_distinct`, `array_length`), and no
//! contract has an unsigned type. Before types are coerced every use of such a number becomes a checked cast to a signed one: a rank
//! is a `long`, and `rank() + 1` too. Names of columns stay what they were.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

/// The analyzer rule that casts.
#[derive(Debug)]
pub(crate) struct SignedNumbers;

impl AnalyzerRule for SignedNumbers {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewrite_node).map(|t| t.data)
    }

    fn name(&self) -> &str {
        "signed_numbers"
    }
}

fn rewrite_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = match &plan {
        LogicalPlan::TableScan(_) => return Ok(Transformed::no(plan)),
        other => merge_schema(&other.inputs()),
    };
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        expr.transform_up(|e| Ok(signed(e, &schema))).map(|t| t.update_data(|e| name.restore(e)))
    })?;
    // An input may have changed its types even where no expression of this node did.
    rewritten.data.recompute_schema().map(Transformed::yes)
}

/// Aggregates and windows are the work of their nodes: what is cast is a reference to them.
fn signed(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::Column(_) | Expr::ScalarFunction(_)
            if expr.get_type(schema).is_ok_and(|ty| ty == DataType::UInt64) =>
        {
            Transformed::yes(Expr::Cast(Cast::new(Box::new(expr), DataType::Int64)))
        }
        other => Transformed::no(other),
    }
}
