//! Which expressions of a plan can have failed.

use crate::chain::taken_apart;
use crate::sql::{Failure, checked_operator, is_chain, operators};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::sql::unparser::expr_to_sql;
use std::collections::BTreeSet;

/// An expression with more parts than these is cut.
const NODES: usize = 60;

/// More suspects than these help nobody.
const MOST: usize = 3;

/// The expressions of `plan` that can fail in the given way, as SQL; none if there are too many to name.
pub(crate) fn suspects(plan: &LogicalPlan, failure: Failure) -> Vec<String> {
    let mut found = BTreeSet::new();
    // The closures fail never, so neither does the walk.
    let _ = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if matches(e, failure) {
                    found.insert(text(e));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    if found.len() > MOST { Vec::new() } else { found.into_iter().collect() }
}

fn matches(expr: &Expr, failure: Failure) -> bool {
    match (failure, expr) {
        (
            Failure::DivisionByZero,
            Expr::BinaryExpr(BinaryExpr { op: Operator::Divide | Operator::Modulo, .. }),
        ) => true,
        (Failure::Overflow, Expr::ScalarFunction(f)) => checked_operator(f).is_some() || is_chain(f),
        (Failure::DivisionByZero, Expr::ScalarFunction(f)) => is_chain(f),
        (Failure::Overflow, Expr::AggregateFunction(f)) => f.func.name() == "sum",
        (Failure::Cast, Expr::Cast(Cast { expr, .. })) => !matches!(expr.as_ref(), Expr::Literal(_, _)),
        _ => false,
    }
}

/// An expression as SQL, with its qualifiers, without casts that DataFusion put in around literals.
pub(crate) fn text(expr: &Expr) -> String {
    let mut bare = operators(expr.clone());
    while let Expr::Alias(alias) = bare {
        bare = *alias.expr;
    }
    // DataFusion's name of an element of a list says more than anybody wants to know.
    let plain = |e: Expr| match e {
        Expr::Column(column) if taken_apart(&column.name).is_some() => {
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified("unnested"))))
        }
        other => Ok(Transformed::no(other)),
    };
    bare = bare.clone().transform(plain).map_or(bare, |t| t.data);
    // Nobody reads more than the beginning of a long one.
    let mut cut = "";
    while let (true, Expr::BinaryExpr(binary)) = (nodes(&bare) > NODES, &bare) {
        bare = binary.left.as_ref().clone();
        cut = " ...";
    }
    let text = expr_to_sql(&bare).map_or_else(|_| bare.human_display().to_string(), |sql| sql.to_string());
    // One pair of brackets around all of it says nothing.
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    let text = inner.filter(|t| balanced(t)).map_or(text.clone(), ToOwned::to_owned) + cut;
    if text.chars().count() > 120 {
        format!("{}...", text.chars().take(117).collect::<String>())
    } else {
        text
    }
}

/// The parts of an expression.
fn nodes(expr: &Expr) -> usize {
    let mut count = 0;
    let _ = expr.apply(|_| {
        count += 1;
        Ok(if count > NODES { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    count
}

/// Whether no bracket closes before it was opened.
fn balanced(text: &str) -> bool {
    let mut open = 0_i64;
    text.chars().all(|c| {
        open += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open >= 0
    })
}
