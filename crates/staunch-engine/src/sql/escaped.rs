//! `LIKE ... ESCAPE`, said with the one sign that DataFusion escapes with: `\`.

use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, ValueWithSpan, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// Rewrites constant patterns, so that they need no `ESCAPE`. One that stays has no meaning here.
pub(super) fn patterns(query: &mut Statement) {
    // It never breaks off.
    let _ = query.visit(&mut Escapes);
}

struct Escapes;

impl VisitorMut for Escapes {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr {
            let sign = escape_char.as_ref().and_then(|value| sign(&value.value));
            if sign == Some('\\') {
                *escape_char = None;
            } else if let (Some(sign), Expr::Value(ValueWithSpan { value, .. })) = (sign, pattern.as_mut())
                && let Value::SingleQuotedString(text) = value
                && let Some(same) = with_backslash(text, sign)
            {
                *text = same;
                *escape_char = None;
            }
        }
        ControlFlow::Continue(())
    }
}

fn sign(value: &Value) -> Option<char> {
    let Value::SingleQuotedString(text) = value else { return None };
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// The pattern with `\` instead of `sign`; none if it ends with a sign that escapes nothing.
fn with_backslash(pattern: &str, sign: char) -> Option<String> {
    let mut same = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let (c, literal) = if c == sign { (chars.next()?, true) } else { (c, c == '\\') };
        if literal && matches!(c, '%' | '_' | '\\') {
            same.push('\\');
        }
        same.push(c);
    }
    Some(same)
}
