//! Nullability by our own rules: what is never null because what it is made of is never null.
//!
//! DataFusion calls most functions and all aggregates nullable. Here a function that is known to give null for null only, and a
//! grouped aggregate of something that is never null, are never null. Where neither these rules nor DataFusion's prove it, a
//! column is nullable and its contract is asserted row by row.

use super::checked::operator;
use super::flat::is_chain;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, WindowFunctionDefinition};

/// Functions that are null only if one of their arguments is.
const NULL_FOR_NULL: &[&str] = &[
    "abs",
    "acos",
    "alike",
    "ascii",
    "asin",
    "atan",
    "atan2",
    "bit_length",
    "bounded_length",
    "btrim",
    "cbrt",
    "ceil",
    "character_length",
    "chr",
    "cos",
    "date_part",
    "date_trunc",
    "degrees",
    "encode",
    "ends_with",
    "exp",
    "fits",
    "floor",
    "initcap",
    "left",
    "length",
    "levenshtein",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "md5",
    "octet_length",
    "power",
    "radians",
    "regexp_like",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "signum",
    "sin",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "tan",
    "to_char",
    "to_hex",
    "translate",
    "trim",
    "trunc",
    "upper",
];

/// Aggregates that have a value as soon as a group has one.
const VALUE_FOR_VALUE: &[&str] = &[
    "approx_distinct",
    "approx_median",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "first_value",
    "last_value",
    "max",
    "mean",
    "median",
    "min",
    "stddev_pop",
    "string_agg",
    "sum",
    "var_pop",
];

/// Window functions that always have a value.
const NUMBERS: &[&str] = &["row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"];

/// Whether an expression can be null, over an input whose columns' nullability is that of `schema`.
pub(crate) fn nullable(expr: &Expr, schema: &DFSchema) -> bool {
    ours(expr, schema) && expr.nullable(schema).unwrap_or(true)
}

fn ours(expr: &Expr, schema: &DFSchema) -> bool {
    let any = |exprs: &[Expr]| exprs.iter().any(|e| nullable(e, schema));
    match expr {
        Expr::Alias(alias) => nullable(&alias.expr, schema),
        Expr::Cast(cast) => nullable(&cast.expr, schema),
        Expr::Not(inner) | Expr::Negative(inner) => nullable(inner, schema),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            !matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
                && (nullable(left, schema) || nullable(right, schema))
        }
        Expr::Between(b) => {
            nullable(&b.expr, schema) || nullable(&b.low, schema) || nullable(&b.high, schema)
        }
        Expr::Like(like) | Expr::SimilarTo(like) => {
            nullable(&like.expr, schema) || nullable(&like.pattern, schema)
        }
        Expr::InList(list) => nullable(&list.expr, schema) || any(&list.list),
        Expr::Case(case) => {
            case.when_then_expr.iter().any(|(_, then)| nullable(then, schema))
                || case.else_expr.as_ref().is_none_or(|e| nullable(e, schema))
        }
        Expr::ScalarFunction(f) => function(f, schema),
        Expr::WindowFunction(f) => window(f, schema),
        _ => true,
    }
}

fn function(f: &ScalarFunction, schema: &DFSchema) -> bool {
    let any = || f.args.iter().any(|e| nullable(e, schema));
    match f.name() {
        "coalesce" => f.args.iter().all(|e| nullable(e, schema)),
        "concat" | "now" | "current_date" | "current_time" | "random" | "uuid" => false,
        "concat_ws" => f.args.first().is_none_or(|e| nullable(e, schema)),
        "greatest" | "least" => f.args.iter().all(|e| nullable(e, schema)),
        _ if operator(f).is_some() || is_chain(f) => any(),
        name if NULL_FOR_NULL.contains(&name) => any(),
        _ => true,
    }
}

fn window(f: &WindowFunction, _schema: &DFSchema) -> bool {
    let name = match &f.fun {
        WindowFunctionDefinition::WindowUDF(udf) => udf.name(),
        WindowFunctionDefinition::AggregateUDF(udf) => udf.name(),
    };
    !(NUMBERS.contains(&name) || name == "count")
}

/// Whether an aggregate can be null. `grouped`: its groups have at least one row each.
pub(crate) fn aggregate(f: &AggregateFunction, grouped: bool, schema: &DFSchema) -> bool {
    let name = f.func.name();
    if matches!(name, "count" | "approx_distinct" | "regr_count") {
        return false;
    }
    let has_value = grouped && f.params.filter.is_none() && VALUE_FOR_VALUE.contains(&name);
    !has_value || f.params.args.iter().any(|e| nullable(e, schema))
}

/// The columns that are not null wherever the predicate is true.
pub(crate) fn not_null_if_true(predicate: &Expr, found: &mut Vec<Column>) {
    match predicate {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            not_null_if_true(left, found);
            not_null_if_true(right, found);
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq,
            right,
        }) => {
            carried(left, found);
            carried(right, found);
        }
        Expr::IsNotNull(inner) | Expr::IsTrue(inner) | Expr::IsFalse(inner) => carried(inner, found),
        Expr::Between(b) if !b.negated => {
            carried(&b.expr, found);
            carried(&b.low, found);
            carried(&b.high, found);
        }
        Expr::InList(list) => carried(&list.expr, found),
        Expr::Like(like) => carried(&like.expr, found),
        Expr::Not(inner) => carried(inner, found),
        Expr::Column(_) => carried(predicate, found),
        _ => {}
    }
}

/// Functions of ours that stand around what was written, and are null where that is.
fn sees_through(function: &ScalarFunction) -> bool {
    matches!(function.name(), "alike" | "fits")
}

/// The columns whose null would make the expression null.
fn carried(expr: &Expr, found: &mut Vec<Column>) {
    match expr {
        Expr::Column(column) => found.push(column.clone()),
        Expr::Cast(cast) => carried(&cast.expr, found),
        Expr::Alias(alias) => carried(&alias.expr, found),
        Expr::ScalarFunction(f) if operator(f).is_some() || is_chain(f) || sees_through(f) => {
            f.args.iter().for_each(|a| carried(a, found))
        }
        _ => {}
    }
}
