//! Values of different kinds, where DataFusion makes one of the other without a word: a number beside a date becomes days since 1970, and of a record
//! beside one of other fields what the other has not is dropped.

use super::super::common::leaves;
use super::super::doubles::one_type;
use super::super::rewrite::compares;
use super::refuse;
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{InList, InSubquery, SetComparison};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Distinct, Expr, ExprSchemable, LogicalPlan, Operator, WindowFrameBound,
};
use datafusion::scalar::ScalarValue;
use staunch_pipeline::Process;
use staunch_types::Result;

/// A kind of values. Within one, types are coerced as SQL has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Number,
    Text,
    /// A text that is written out: what it stands beside says what it is.
    Written,
    Day,
    Clock,
    Span,
    /// Null, or anything that DataFusion does not mix.
    Other,
}

impl Family {
    fn of(ty: &DataType) -> Self {
        match ty {
            ty if ty.is_numeric() => Self::Number,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => Self::Day,
            DataType::Time32(_) | DataType::Time64(_) => Self::Clock,
            DataType::Interval(_) | DataType::Duration(_) => Self::Span,
            _ => Self::Other,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text | Self::Written => "a text",
            Self::Day => "a date or timestamp",
            Self::Clock => "a time of day",
            Self::Span => "an interval",
            Self::Other => "another value",
        }
    }
}

/// What a value is made of.
#[derive(Default)]
struct Parts {
    /// Each part without parts, with its place in the value (none for one that has no parts).
    leaves: Vec<(String, Family)>,
    /// Each record, with its place, and the names of its fields in the order of names.
    records: Vec<(String, Vec<String>)>,
}

fn parts(ty: &DataType) -> Parts {
    let (mut found, mut made) = (Vec::new(), Parts::default());
    leaves(ty, "", &mut found);
    made.leaves = found.into_iter().map(|(at, ty)| (at, Family::of(&ty))).collect();
    records(ty, "", &mut made.records);
    made
}

fn records(ty: &DataType, at: &str, found: &mut Vec<(String, Vec<String>)>) {
    match ty {
        DataType::List(part) | DataType::LargeList(part) | DataType::FixedSizeList(part, _) => {
            records(part.data_type(), &format!("{at}[]"), found);
        }
        // Keys and values are no record of the user's.
        DataType::Map(entries, _) => {
            if let DataType::Struct(fields) = entries.data_type() {
                fields.iter().for_each(|part| records(part.data_type(), &format!("{at}{{}}"), found));
            }
        }
        DataType::Struct(fields) => {
            let mut names: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
            names.sort_unstable();
            found.push((at.to_owned(), names));
            for part in fields {
                records(part.data_type(), &format!("{at}.{}", part.name()), found);
            }
        }
        _ => {}
    }
}

fn parts_of(expr: &Expr, schema: &DFSchema) -> Parts {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(_)), _) => {
            Parts { leaves: vec![(String::new(), Family::Written)], ..Parts::default() }
        }
        other => other.get_type(schema).map_or_else(|_| Parts::default(), |ty| parts(&ty)),
    }
}

fn is_nested(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|ty| ty.is_nested())
}

/// The first two kinds at one place that `wrong` finds not to go together.
fn at_one_place(all: &[Parts], wrong: fn(&[Family]) -> Option<(Family, Family)>) -> Option<(Family, Family)> {
    let leaves = || all.iter().flat_map(|parts| &parts.leaves);
    leaves().find_map(|(at, _)| {
        let same = leaves().filter(|(other, _)| other == at).map(|(_, family)| *family);
        wrong(&same.collect::<Vec<_>>())
    })
}

/// The names that one record has at a place, and another has not: DataFusion would fill what is missing with nulls, and drop the rest.
fn other_fields(all: &[Parts]) -> Option<(&[String], &[String])> {
    let records = || all.iter().flat_map(|parts| &parts.records);
    records().find_map(|(at, names)| {
        let (_, other) = records().find(|(there, other)| there == at && other != names)?;
        Some((names.as_slice(), other.as_slice()))
    })
}

fn names(one: &[String], other: &[String]) -> String {
    format!("`{}` and `{}`", one.join("`, `"), other.join("`, `"))
}

/// Two kinds that are not compared.
fn apart(families: &[Family]) -> Option<(Family, Family)> {
    let kinds = [Family::Number, Family::Day, Family::Clock, Family::Span];
    let mut found = kinds.into_iter().filter(|kind| families.contains(kind));
    Some((found.next()?, found.next()?))
}

/// Two kinds that do not become one column: those that are not compared, and a text beside anything else.
fn different(families: &[Family]) -> Option<(Family, Family)> {
    let others = [Family::Number, Family::Day, Family::Clock, Family::Span];
    let other = || others.into_iter().find(|kind| families.contains(kind));
    let number = families.contains(&Family::Number);
    apart(families)
        .or_else(|| families.contains(&Family::Text).then(other).flatten().map(|o| (Family::Text, o)))
        .or_else(|| (number && families.contains(&Family::Written)).then_some((Family::Text, Family::Number)))
}

const CAST: &str = "say what is meant: CAST one of them to the type of the other";
const SAME_FIELDS: &str = "give both the same fields: named_struct('city', c, 'zip', z)";
const BY_PARTS: &str = "compare their parts: l[1] < m[1]";

/// Refuses what mixes kinds of values, orders nested values by an operator, or has a window frame that ends before it begins.
///
/// # Errors
/// `ST0022`.
pub(crate) fn families(process: &Process, planned: &LogicalPlan) -> Result<()> {
    let mut found: Option<(String, &str)> = None;
    let mut add = |message: String, hint: &'static str| {
        found.get_or_insert((message, hint));
    };
    let _ = planned.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let of = |expr: &Expr| parts_of(expr, &schema);
        let mut compared = |all: &[Parts], what: &str| {
            if let Some((one, other)) = other_fields(all) {
                add(format!("{what} compares records of other fields: {}", names(one, other)), SAME_FIELDS);
            }
            if let Some((one, other)) = at_one_place(all, apart) {
                add(format!("{what} compares {} with {}", one.word(), other.word()), CAST);
            }
        };
        if let LogicalPlan::Join(join) = node {
            for (left, right) in &join.on {
                let sides = [parts_of(left, join.left.schema()), parts_of(right, join.right.schema())];
                compared(&sides, &format!("`{left} = {right}`"));
            }
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                        compared(&[of(left), of(right)], &format!("`{e}`"));
                    }
                    Expr::Between(Between { expr, low, high, .. }) => {
                        compared(&[of(expr), of(low), of(high)], &format!("`{e}`"));
                    }
                    Expr::InList(InList { expr, list, .. }) => {
                        let all: Vec<Parts> = std::iter::once(of(expr)).chain(list.iter().map(of)).collect();
                        compared(&all, &format!("`{expr} IN (...)`"));
                    }
                    Expr::InSubquery(InSubquery { expr, subquery, .. })
                    | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
                        let found = subquery.subquery.schema().fields().first();
                        let all = [of(expr), found.map_or_else(Parts::default, |f| parts(f.data_type()))];
                        compared(&all, &format!("`{expr}` with a subquery"));
                    }
                    Expr::Case(Case { expr: Some(expr), when_then_expr, .. }) => {
                        let whens = when_then_expr.iter().map(|(when, _)| of(when));
                        compared(&std::iter::once(of(expr)).chain(whens).collect::<Vec<_>>(), "a `CASE`");
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        let mut one_column = |all: &[Parts], what: &str| {
            if let Some((one, other)) = other_fields(all) {
                let names = names(one, other);
                add(format!("{what} would make one column of records of other fields: {names}"), SAME_FIELDS);
            }
            if let Some((one, other)) = at_one_place(all, different) {
                add(format!("{what} would make one column of {} and {}", one.word(), other.word()), CAST);
            }
        };
        if let LogicalPlan::Union(union) = node {
            for at in 0..union.schema.fields().len() {
                let mut all = Vec::new();
                branches(node, at, &mut all);
                one_column(&all, &format!("column {} of a `UNION`", at + 1));
            }
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::Case(Case { when_then_expr, else_expr, .. }) => {
                        let thens = when_then_expr.iter().map(|(_, then)| of(then));
                        let all: Vec<Parts> = thens.chain(else_expr.iter().map(|e| of(e))).collect();
                        one_column(&all, "a `CASE`");
                    }
                    Expr::WindowFunction(f) if matches!(f.fun.name(), "lag" | "lead") => {
                        let given = f.params.args.first().into_iter().chain(f.params.args.get(2));
                        one_column(&given.map(of).collect::<Vec<_>>(), &format!("`{}`", f.fun.name()));
                    }
                    Expr::ScalarFunction(f)
                        if one_type(f.name()) =>
                    {
                        one_column(&f.args.iter().map(of).collect::<Vec<_>>(), &format!("`{}`", f.name()));
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::BinaryExpr(BinaryExpr { left, op, right })
                        if matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
                            && (is_nested(left, &schema) || is_nested(right, &schema)) =>
                    {
                        add(format!("`{op}` of nested values is not implemented yet"), BY_PARTS);
                    }
                    Expr::WindowFunction(f)
                        if matches!(f.fun.name(), "lag" | "lead")
                            && f.params.args.iter().skip(1).any(|arg| !arg.column_refs().is_empty()) =>
                    {
                        let name = f.fun.name();
                        add(
                            format!("`{name}` by, or with a default of, a column is not implemented yet"),
                            "give a constant, and put coalesce(lag(x) OVER (...), column) around it for a default (x must have no nulls of its own)",
                        );
                    }
                    Expr::WindowFunction(f) => {
                        let frame = &f.params.window_frame;
                        if backwards(&frame.start_bound, &frame.end_bound) {
                            let hint = "let the frame begin before it ends: the larger number of PRECEDING stands first";
                            add(format!("the frame `{frame}` ends before it begins, and holds no row"), hint);
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    match found {
        Some((message, hint)) => Err(refuse(process, None, message, hint)),
        None => Ok(()),
    }
}

/// The kinds of a column in all branches of a union. One whose first branch is null does not say them itself yet.
fn branches(plan: &LogicalPlan, at: usize, all: &mut Vec<Parts>) {
    match plan {
        LogicalPlan::Union(union) => union.inputs.iter().for_each(|input| branches(input, at, all)),
        LogicalPlan::Distinct(Distinct::All(input)) => branches(input, at, all),
        other => all.extend(other.schema().fields().get(at).map(|f| parts(f.data_type()))),
    }
}

/// Whether a frame ends before it begins.
fn backwards(start: &WindowFrameBound, end: &WindowFrameBound) -> bool {
    let number = |value: &ScalarValue| match value {
        ScalarValue::UInt64(n) => n.map(i128::from),
        ScalarValue::Int64(n) => n.map(i128::from),
        // Frames are planned before types are coerced.
        ScalarValue::Utf8(text) => text.as_ref().and_then(|t| t.parse().ok()),
        _ => None,
    };
    let at = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) => number(value).map(|n: i128| -n),
        WindowFrameBound::CurrentRow => Some(0),
        WindowFrameBound::Following(value) => number(value),
    };
    match (at(start), at(end)) {
        (Some(start), Some(end)) => start > end,
        _ => false,
    }
}
