//! Constants that have no value.

use super::super::fail::failure;
use super::super::place;
use super::super::plan_sql::plan_sql;
use super::at;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result as Planned, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast::{
    Statement, Value, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use staunch_pipeline::Process;
use staunch_types::{Error, Place, Result, codes};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The most literals of one text that are tried one by one to find the one that is to blame.
const MOST_TRIED: usize = 16;

/// Finds constants of the text that cannot be cast to what is wanted of them: no row could be computed.
///
/// # Errors
/// `ST0021`, with the place of the literal where it can be found.
pub(crate) fn constants(
    process: &Process,
    state: &SessionState,
    query: &Statement,
    plan: &LogicalPlan,
) -> Result<()> {
    let wrong = uncastable(plan);
    let Some((value, ty)) = wrong.first() else {
        return unfoldable(state, plan).and_then(|e| no_value(process, &e)).map_or(Ok(()), Err);
    };
    let place = literal(process, state, query, value, wrong.len()).unwrap_or_else(|| place::start(process));
    let shown: String = match text(value) {
        Some(text) => format!("'{}'", text.chars().take(60).collect::<String>().replace('\'', "''")),
        None => value.to_string(),
    };
    let (name, hint) = wanted(ty);
    Err(Error::new(codes::SQL_PLAN, format!("`{shown}` cannot be cast to {name}"))
        .place(place)
        .hint(hint)
        .stage(&process.name))
}

/// The casts of literals that fail, in the order of the plan.
fn uncastable(plan: &LogicalPlan) -> Vec<(ScalarValue, DataType)> {
    let mut wrong = Vec::new();
    let _ = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::Cast(cast) = e
                    && let Some(value) = constant(&cast.expr)
                    && value.cast_to(cast.field.data_type()).is_err()
                {
                    wrong.push((value, cast.field.data_type().clone()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    wrong
}

/// Why a constant part of an expression cannot be computed, as it is found when the plan is made ready to run.
fn unfoldable(state: &SessionState, plan: &LogicalPlan) -> Option<DataFusionError> {
    let mut found = None;
    let _ = plan.apply_with_subqueries(|node| {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(merge_schema(&node.inputs())))
            .with_config_options(state.config_options().clone())
            .with_query_execution_start_time(state.execution_props().query_execution_start_time)
            .build();
        let simplifier = ExprSimplifier::new(context);
        node.apply_expressions(|expr| {
            if let Err(error) = simplifier.simplify(expr.clone()) {
                found.get_or_insert(error);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found
}

/// The value of a literal, whatever casts and names are around it.
fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Cast(cast) => constant(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(t)) | ScalarValue::LargeUtf8(Some(t)) | ScalarValue::Utf8View(Some(t)) => {
            Some(t)
        }
        _ => None,
    }
}

/// A type as SQL calls it, and what helps where a literal is none.
fn wanted(ty: &DataType) -> (String, &'static str) {
    let number = "write a number, or use TRY_CAST where null is meant";
    match ty {
        DataType::Timestamp(_, _) => (
            "TIMESTAMP".into(),
            "write an instant: '2024-01-31T12:00:00Z', or use TRY_CAST where null is meant",
        ),
        DataType::Date32 | DataType::Date64 => {
            ("DATE".into(), "write a date: '2024-01-31', or use TRY_CAST where null is meant")
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            ("TIME".into(), "write a time: '12:00:00', or use TRY_CAST where null is meant")
        }
        DataType::Boolean => ("BOOLEAN".into(), "write TRUE or FALSE"),
        DataType::Int8 => ("TINYINT".into(), number),
        DataType::Int16 => ("SMALLINT".into(), number),
        DataType::Int32 => ("INT".into(), number),
        DataType::Int64 => ("BIGINT".into(), number),
        DataType::Float32 => ("REAL".into(), number),
        DataType::Float64 => ("DOUBLE".into(), number),
        DataType::Decimal128(p, s) => (format!("DECIMAL({p}, {s})"), number),
        DataType::Interval(_) | DataType::Duration(_) => ("INTERVAL".into(), "write one: INTERVAL '1 day'"),
        other => (other.to_string(), "write a value of this type, or use TRY_CAST where null is meant"),
    }
}

/// The place of the literal with this value. Of several the first one without which the query has fewer mistakes.
fn literal(
    process: &Process,
    state: &SessionState,
    query: &Statement,
    value: &ScalarValue,
    mistakes: usize,
) -> Option<Place> {
    let same = Same { text: text(value).map(str::to_owned), shown: value.to_string() };
    let mut all = Literals { same: &same, found: Vec::new() };
    let _ = query.visit(&mut all);
    let to_blame = |nth: &usize| {
        let mut changed = query.clone();
        let mut without = Without { same: &same, left: *nth };
        let _ = VisitMut::visit(&mut changed, &mut without);
        analysed(state, changed).is_ok_and(|plan| uncastable(&plan).len() < mistakes)
    };
    let several = all.found.len() > 1;
    let nth = (0..all.found.len().min(MOST_TRIED)).find(|nth| several && to_blame(nth)).unwrap_or(0);
    let found = all.found.get(nth)?;
    let length = (found.0.line == found.1.line).then(|| found.1.column.saturating_sub(found.0.column));
    (found.0.line > 0).then(|| at(process, found.0, length))
}

fn analysed(state: &SessionState, query: Statement) -> Planned<LogicalPlan> {
    let plan = plan_sql(state, query)?;
    state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})
}

struct Same {
    text: Option<String>,
    shown: String,
}

impl Same {
    fn is(&self, value: &Value) -> bool {
        match (value, &self.text) {
            (Value::Number(number, _), None) => {
                let (a, b) = (number.parse::<f64>(), self.shown.trim_start_matches('-').parse::<f64>());
                matches!((a, b), (Ok(a), Ok(b)) if a == b)
            }
            (Value::Boolean(b), None) => b.to_string() == self.shown,
            (value, Some(text)) => value.clone().into_string().is_some_and(|t| t == *text),
            _ => false,
        }
    }
}

struct Literals<'a> {
    same: &'a Same,
    found: Vec<(Location, Location)>,
}

impl Visitor for Literals<'_> {
    type Break = ();

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if self.same.is(&value.value) {
            self.found.push((value.span.start, value.span.end));
        }
        ControlFlow::Continue(())
    }
}

struct Without<'a> {
    same: &'a Same,
    left: usize,
}

impl VisitorMut for Without<'_> {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if !self.same.is(&value.value) {
            return ControlFlow::Continue(());
        }
        if self.left == 0 {
            value.value = Value::Null;
            return ControlFlow::Break(());
        }
        self.left -= 1;
        ControlFlow::Continue(())
    }
}

/// A constant of the text that has no value, found where the plan is made ready to run.
pub(crate) fn no_value(process: &Process, error: &DataFusionError) -> Option<Error> {
    let why = failure(error).ok()?;
    Some(
        Error::new(codes::SQL_PLAN, format!("a constant expression has no value: {}", why.text()))
            .place(place::start(process))
            .hint("mend the constant, or use TRY_CAST or NULLIF where null is meant")
            .stage(&process.name),
    )
}
