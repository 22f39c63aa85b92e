//! `a IS [NOT] DISTINCT FROM b AND c`, taken apart as SQL means it.
//!
//! The parser reads everything behind `FROM` as the right side: `a IS DISTINCT FROM (b AND c)`. In SQL `AND` and `OR` bind less. Where that happened, the
//! operands and operators of the whole condition are put in the order of the text and bound anew. What stands in brackets is one operand.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Statement, UnaryOperator, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Binds all conditions of a query.
pub(super) fn conditions(query: &mut Statement) {
    // It never breaks off.
    let _ = query.visit(&mut Conditions);
}

struct Conditions;

impl VisitorMut for Conditions {
    type Break = ();

    /// The outermost operator of a condition comes first, so its chain is seen whole.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if swallows(expr) {
            let mut chain = Chain::default();
            chain.add(std::mem::replace(expr, nothing()));
            *expr = chain.bound();
        }
        ControlFlow::Continue(())
    }
}

fn nothing() -> Expr {
    Expr::Value(Value::Null.into())
}

fn is_and_or(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
}

/// Whether some `DISTINCT FROM` in the chain of this expression has a chain on its right.
fn swallows(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            swallows(left) || swallows(right)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => swallows(expr),
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => {
            is_and_or(right) || swallows(right)
        }
        _ => false,
    }
}

/// Operands with an operator between each two, in the order of the text.
#[derive(Default)]
struct Chain {
    operands: Vec<Expr>,
    operators: Vec<BinaryOperator>,
}

impl Chain {
    fn add(&mut self, expr: Expr) {
        match expr {
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                self.add(*left);
                self.operators.push(op);
                self.add(*right);
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } if swallows(&expr) => {
                self.add_first(*expr, |first| Expr::UnaryOp {
                    op: UnaryOperator::Not,
                    expr: Box::new(first),
                });
            }
            Expr::IsDistinctFrom(left, right) => {
                self.add_first(*right, |first| Expr::IsDistinctFrom(left, Box::new(first)));
            }
            Expr::IsNotDistinctFrom(left, right) => {
                self.add_first(*right, |first| Expr::IsNotDistinctFrom(left, Box::new(first)));
            }
            operand => self.operands.push(operand),
        }
    }

    /// Adds a chain whose first operand belongs to what stands before it.
    fn add_first(&mut self, expr: Expr, whole: impl FnOnce(Expr) -> Expr) {
        let at = self.operands.len();
        self.add(expr);
        if let Some(first) = self.operands.get_mut(at) {
            *first = whole(std::mem::replace(first, nothing()));
        }
    }

    /// `AND` binds more than `OR`, and both from left to right.
    fn bound(self) -> Expr {
        let join = |left: Option<Expr>, op: BinaryOperator, right: Expr| match left {
            None => right,
            Some(left) => Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) },
        };
        let (mut any, mut all) = (None, None);
        let mut operators = self.operators.into_iter();
        for operand in self.operands {
            all = Some(join(all.take(), BinaryOperator::And, operand));
            if operators.next() == Some(BinaryOperator::Or)
                && let Some(done) = all.take()
            {
                any = Some(join(any.take(), BinaryOperator::Or, done));
            }
        }
        match all {
            Some(last) => join(any, BinaryOperator::Or, last),
            None => any.unwrap_or_else(nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan_sql::parse;
    use super::conditions;

    #[test]
    fn and_and_or_bind_less_than_distinct_from() {
        for (text, wanted) in [
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            ("a IS NOT DISTINCT FROM b OR c", "(a IS NOT DISTINCT FROM b) OR c"),
            ("x AND a IS DISTINCT FROM b OR c", "(x AND (a IS DISTINCT FROM b)) OR c"),
            ("x OR a IS DISTINCT FROM b AND c", "x OR ((a IS DISTINCT FROM b) AND c)"),
            ("NOT a IS DISTINCT FROM b AND c OR d", "((NOT (a IS DISTINCT FROM b)) AND c) OR d"),
            ("a IS DISTINCT FROM NOT b AND c", "(a IS DISTINCT FROM (NOT b)) AND c"),
            (
                "a IS DISTINCT FROM b AND c IS DISTINCT FROM d OR e = 1 AND f",
                "((a IS DISTINCT FROM b) AND (c IS DISTINCT FROM d)) OR ((e = 1) AND f)",
            ),
            ("a IS DISTINCT FROM (b AND c) AND d", "(a IS DISTINCT FROM (b AND c)) AND d"),
            (
                "CASE WHEN a IS DISTINCT FROM b OR c THEN d END",
                "CASE WHEN (a IS DISTINCT FROM b) OR c THEN d END",
            ),
            (
                "x AND EXISTS (SELECT 1 FROM t WHERE a IS DISTINCT FROM b AND c)",
                "x AND EXISTS (SELECT 1 FROM t WHERE (a IS DISTINCT FROM b) AND c)",
            ),
            ("a = b AND c OR d AND NOT e", "((a = b) AND c) OR (d AND (NOT e))"),
        ] {
            let parsed = |condition: &str| parse(&format!("SELECT 1 FROM t WHERE {condition}")).unwrap();
            let mut found = parsed(text);
            conditions(&mut found);
            // Brackets are nodes of the tree: without them the shapes must be the same.
            let (found, wanted) = (debug(&found), debug(&parsed(wanted)));
            assert_eq!(found, wanted, "{text}");
        }
    }

    /// The tree without brackets and places.
    fn debug(statement: &datafusion::sql::sqlparser::ast::Statement) -> String {
        use datafusion::sql::sqlparser::ast::{Expr, VisitMut, VisitorMut};
        use std::ops::ControlFlow;
        struct Bare;
        impl VisitorMut for Bare {
            type Break = ();
            fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
                while let Expr::Nested(inner) = expr {
                    *expr = (**inner).clone();
                }
                ControlFlow::Continue(())
            }
        }
        let mut bare = statement.clone();
        let _ = bare.visit(&mut Bare);
        let text = format!("{bare:?}");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("Location(") {
            out.push_str(&rest[..at]);
            let end = rest[at..].find(')').unwrap();
            rest = &rest[at + end + 1..];
        }
        out.push_str(rest);
        out
    }
}
