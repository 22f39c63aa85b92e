//! What DataFusion would pass over, wrap or find out too late: said while a stage is planned.
//!
//! Clauses that are parsed and then dropped are refused by the parsed query ([`clauses`]); sums that wrap and constants that have no
//! value by the analysed plan ([`sums`], [`constants`]); subqueries that cannot be executed by the optimised one ([`correlated`]).

use super::fail::failure;
use super::place;
use super::plan_sql::plan_sql;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result as Planned, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, GroupByExpr, JoinOperator, Query, Select, Statement, TableFactor, Value,
    ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use staunch_pipeline::Process;
use staunch_types::{Error, Place, Result, codes};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The most literals of one text that are tried one by one to find the one that is to blame.
const MOST_TRIED: usize = 16;

/// Refuses clauses and operators that DataFusion parses and then drops, or does otherwise than is promised.
///
/// # Errors
/// `ST0022`, with the place of the clause.
pub(crate) fn clauses(process: &Process, query: &Statement) -> Result<()> {
    let mut gaps = Gaps::default();
    // It never breaks off.
    let _ = query.visit(&mut gaps);
    let errors = gaps.found.into_iter().map(|gap| {
        let place = gap.words.iter().find_map(|words| word(process, words));
        refuse(process, place, gap.message, gap.hint)
    });
    Error::many(errors.collect()).map_or(Ok(()), Err)
}

fn refuse(process: &Process, at: Option<Place>, message: impl Into<String>, hint: &str) -> Error {
    let at = at.unwrap_or_else(|| place::start(process));
    Error::new(codes::SQL_REFUSED, message.into()).place(at).hint(hint).stage(&process.name)
}

/// The place of the first words that follow each other like this in the text, outside of quotes and comments.
fn word(process: &Process, words: &[&str]) -> Option<Place> {
    let tokens = Tokenizer::new(&GenericDialect {}, &process.sql.text).tokenize_with_location().ok()?;
    let solid: Vec<_> = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let found = solid
        .windows(words.len())
        .find(|all| all.iter().zip(words).all(|(t, word)| t.token.to_string().eq_ignore_ascii_case(word)))?;
    let (first, last) = (found.first()?.span, found.last()?.span);
    let length =
        (first.start.line == last.end.line).then(|| last.end.column.saturating_sub(first.start.column));
    Some(at(process, first.start, length))
}

fn at(process: &Process, begin: Location, length: Option<u64>) -> Place {
    let mut place = process.sql.place(begin.line, begin.column);
    place.length = length;
    place
}

struct Gap {
    message: String,
    hint: &'static str,
    /// The words that it may begin with in the text.
    words: &'static [&'static [&'static str]],
}

#[derive(Default)]
struct Gaps {
    found: Vec<Gap>,
}

impl Gaps {
    fn add(&mut self, is: bool, what: &str, words: &'static [&'static [&'static str]], hint: &'static str) {
        let message = format!("{what} is not implemented yet");
        if is && !self.found.iter().any(|g| g.message == message) {
            self.found.push(Gap { message, hint, words });
        }
    }
}

impl Visitor for Gaps {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let out = "remove it";
        self.add(
            query.with.as_ref().is_some_and(|w| w.recursive),
            "`WITH RECURSIVE`",
            &[&["RECURSIVE"]],
            "remove RECURSIVE if no query names itself; else join as many levels as there are",
        );
        let locks = !query.locks.is_empty();
        self.add(
            locks,
            "a lock of rows (`FOR UPDATE`, `FOR SHARE`)",
            &[&["FOR", "UPDATE"], &["FOR", "SHARE"], &["FOR", "NO"], &["FOR", "KEY"]],
            "remove it: what a stage reads does not change while it runs",
        );
        self.add(query.for_clause.is_some(), "`FOR XML`, `FOR JSON` or `FOR BROWSE`", &[&["FOR"]], out);
        self.add(query.settings.is_some(), "`SETTINGS`", &[&["SETTINGS"]], out);
        self.add(query.format_clause.is_some(), "`FORMAT`", &[&["FORMAT"]], out);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let filter = "write the condition in `WHERE`";
        self.add(select.prewhere.is_some(), "`PREWHERE`", &[&["PREWHERE"]], filter);
        self.add(
            !select.connect_by.is_empty(),
            "`CONNECT BY`",
            &[&["CONNECT", "BY"], &["START", "WITH"]],
            "join as many levels as there are",
        );
        self.add(select.select_modifiers.is_some(), "a modifier of `SELECT`", &[&["SELECT"]], "remove it");
        self.add(
            select.value_table_mode.is_some(),
            "`SELECT AS STRUCT` or `SELECT AS VALUE`",
            &[&["AS", "STRUCT"], &["AS", "VALUE"]],
            "select columns",
        );
        self.add(
            select.exclude.is_some(),
            "`EXCLUDE` behind the columns",
            &[&["EXCLUDE"]],
            "write it behind the star: SELECT * EXCLUDE (column)",
        );
        let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
        self.add(
            !modifiers.is_empty(),
            "a modifier of `GROUP BY` with `WITH`",
            &[&["WITH", "ROLLUP"], &["WITH", "CUBE"], &["WITH", "TOTALS"]],
            "write GROUP BY ROLLUP (a, b), CUBE (a, b) or GROUPING SETS",
        );
        for from in &select.from {
            let global = from.joins.iter().any(|j| j.global);
            self.add(global, "`GLOBAL` before a join", &[&["GLOBAL"]], "remove it");
            for join in &from.joins {
                match &join.join_operator {
                    JoinOperator::CrossApply | JoinOperator::OuterApply => {
                        self.add(true, "`APPLY`", &[&["APPLY"]], "write a join");
                    }
                    JoinOperator::AsOf { .. } => {
                        let hint = "join by a range, and keep the nearest row with row_number() OVER (...)";
                        self.add(true, "`ASOF JOIN`", &[&["ASOF"]], hint);
                    }
                    _ => {}
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let sample = match factor {
            TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. } => sample,
            TableFactor::Pivot { .. } => {
                let hint = "aggregate a CASE for each column: sum(CASE WHEN k = 'a' THEN n END) AS a";
                self.add(true, "`PIVOT`", &[&["PIVOT"]], hint);
                return ControlFlow::Continue(());
            }
            TableFactor::Unpivot { .. } => {
                let hint = "write a UNION ALL with one SELECT for each column";
                self.add(true, "`UNPIVOT`", &[&["UNPIVOT"]], hint);
                return ControlFlow::Continue(());
            }
            TableFactor::MatchRecognize { .. } => {
                let hint = "use window functions: lag, lead, row_number";
                self.add(true, "`MATCH_RECOGNIZE`", &[&["MATCH_RECOGNIZE"]], hint);
                return ControlFlow::Continue(());
            }
            TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => return ControlFlow::Continue(()),
            TableFactor::Function { lateral: false, with_ordinality: false, .. } => {
                return ControlFlow::Continue(());
            }
            _ => {
                let hint = "declare a read for the data and name it in FROM";
                let words: &[&[&str]] = &[
                    &["TABLE", "("],
                    &["JSON_TABLE"],
                    &["OPENJSON"],
                    &["XMLTABLE"],
                    &["SEMANTIC_VIEW"],
                    &["LATERAL"],
                ];
                self.add(true, "a table that an expression makes", words, hint);
                return ControlFlow::Continue(());
            }
        };
        self.add(
            sample.is_some(),
            "`TABLESAMPLE`",
            &[&["TABLESAMPLE"], &["SAMPLE"]],
            "filter by a column: WHERE id % 100 = 0",
        );
        if let TableFactor::Table {
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            index_hints,
            ..
        } = factor
        {
            let out = "remove it";
            self.add(
                !with_hints.is_empty() || !index_hints.is_empty(),
                "a hint for a table",
                &[&["WITH", "("], &["USE", "INDEX"], &["FORCE", "INDEX"], &["IGNORE", "INDEX"]],
                out,
            );
            self.add(
                version.is_some(),
                "a version of a table",
                &[&["FOR", "SYSTEM_TIME"], &["VERSION", "AS"], &["TIMESTAMP", "AS"], &["AT", "("]],
                "remove it: a run pins the version that it reads",
            );
            self.add(
                *with_ordinality,
                "`WITH ORDINALITY`",
                &[&["WITH", "ORDINALITY"]],
                "number the rows with row_number() OVER (ORDER BY ...)",
            );
            self.add(
                !partitions.is_empty(),
                "`PARTITION` of a table",
                &[&["PARTITION"]],
                "filter in `WHERE`",
            );
            self.add(json_path.is_some(), "a path into a table", &[&["["]], "select from its columns");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<()> {
        match expr {
            SqlExpr::BinaryOp { op: BinaryOperator::PGBitwiseShiftLeft, .. } => self.add(
                true,
                "`<<`",
                &[&["<<"]],
                "multiply by the power of two: `n * 8` for `n << 3`; what does not fit is then an error",
            ),
            SqlExpr::Collate { .. } => self.add(
                true,
                "`COLLATE`",
                &[&["COLLATE"]],
                "remove it: text is compared byte by byte; compare lower(column) to pass over case",
            ),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Refuses sums of different values where DataFusion's wrap: those of whole numbers and decimals.
///
/// # Errors
/// `ST0022`, with the place of the sum where it can be found.
pub(crate) fn sums(process: &Process, plan: &LogicalPlan) -> Result<()> {
    let mut wraps = false;
    let walked = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                let (distinct, name, args) = match e {
                    Expr::AggregateFunction(AggregateFunction { func, params }) => {
                        (params.distinct, func.name(), &params.args)
                    }
                    Expr::WindowFunction(f) => {
                        let WindowFunction { fun, params } = f.as_ref();
                        (params.distinct, fun.name(), &params.args)
                    }
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                let float = |arg: &Expr| arg.get_type(&schema).is_ok_and(|ty| ty.is_floating());
                wraps |= distinct && name == "sum" && !args.first().is_some_and(float);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    if walked.is_ok() && !wraps {
        return Ok(());
    }
    let place = word(process, &["sum", "(", "DISTINCT"]);
    let hint = "sum a subquery: SELECT sum(x) FROM (SELECT DISTINCT x FROM ...)";
    Err(refuse(
        process,
        place,
        "`sum(DISTINCT ...)` of whole numbers and decimals is not implemented yet",
        hint,
    ))
}

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

/// Refuses what still refers to a row outside of its subquery when the plan is optimised: it could not be executed.
///
/// # Errors
/// `ST0022`, with the place of `LATERAL` where there is one.
pub(crate) fn correlated(process: &Process, optimised: &LogicalPlan) -> Result<()> {
    let mut outside = false;
    let walked = optimised.apply_with_subqueries(|node| {
        // As an input, not within an expression: what is left of a `LATERAL`.
        outside |= node.inputs().iter().any(|i| matches!(i, LogicalPlan::Subquery(_)));
        node.apply_expressions(|expr| {
            outside |= expr.exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(_, _))))?;
            Ok(TreeNodeRecursion::Continue)
        })
    });
    if walked.is_ok() && !outside {
        return Ok(());
    }
    let (place, what) = match word(process, &["LATERAL"]) {
        Some(place) => (Some(place), "this `LATERAL` subquery"),
        None => (None, "a subquery that refers to the query around it like this"),
    };
    let hint = "write a join with a subquery that stands alone, grouped by the columns that are joined";
    Err(refuse(process, place, format!("{what} is not implemented yet"), hint))
}
