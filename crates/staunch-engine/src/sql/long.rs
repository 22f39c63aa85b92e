//! Numbers of many digits, said as decimals.
//!
//! DataFusion reads a number with a point, and a whole one that no `long` holds, as a double, which has 15 digits. What says more is a decimal of
//! just these digits, as in DuckDB.

use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Puts casts of texts in place of such numbers.
pub(super) fn numbers(query: &mut Statement) {
    // It never breaks off.
    let _ = query.visit(&mut Longs);
}

/// Digits that every double keeps.
const EXACT: usize = 15;
/// The digits of the largest decimal.
const MOST: usize = 38;

struct Longs;

impl VisitorMut for Longs {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) = expr
            && let Some(decimal) = decimal(text)
            && let Ok(mut parser) = Parser::new(&GenericDialect {}).try_with_sql(&decimal)
            && let Ok(cast) = parser.parse_expr()
        {
            *expr = cast;
        }
        ControlFlow::Continue(())
    }
}

/// The cast that a number needs, if it needs one.
fn decimal(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') || text.parse::<i64>().is_ok() {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.trim_start_matches('0').len() + fraction.len();
    let said = format!("{whole}{fraction}").trim_start_matches('0').len();
    (said > EXACT && digits <= MOST)
        .then(|| format!("CAST('{text}' AS DECIMAL({}, {}))", digits.max(1), fraction.len()))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_of_more_than_fifteen_digits_are_decimals() {
        assert_eq!(decimal("1.5"), None);
        assert_eq!(decimal("9223372036854775807"), None);
        assert_eq!(decimal("1e300"), None);
        assert_eq!(decimal("0.00000000000000001"), None);
        let cast = "CAST('12345678901234567890.1234567890' AS DECIMAL(30, 10))";
        assert_eq!(decimal("12345678901234567890.1234567890").as_deref(), Some(cast));
        let cast = "CAST('9223372036854775808' AS DECIMAL(19, 0))";
        assert_eq!(decimal("9223372036854775808").as_deref(), Some(cast));
    }
}
