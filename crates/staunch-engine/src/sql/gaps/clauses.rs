//! Clauses and operators that DataFusion parses and then drops, or does otherwise than is promised.

use super::functions::dropped;
use super::{at, refuse, word};
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, GroupByExpr, Ident, JoinConstraint, JoinOperator, Query, Select,
    SetExpr, SetOperator, SetQuantifier, Statement, TableFactor, Visit, Visitor,
};
use staunch_pipeline::Process;
use staunch_types::{Error, Result};
use std::ops::ControlFlow;

/// A refusal: what is not implemented, the words that it may begin with in the text, and what to do instead.
pub(crate) struct Gap {
    pub(crate) what: &'static str,
    words: &'static [&'static [&'static str]],
    hint: &'static str,
}

/// Refusals by name, and all of them: every one has a case in `tests/refused`.
macro_rules! gaps {
    ($($name:ident: $what:literal, $words:expr, $hint:literal;)*) => {
        $(pub(super) const $name: Gap = Gap { what: $what, words: $words, hint: $hint };)*
        #[cfg(test)]
        pub(crate) const ALL: &[&Gap] = &[$(&$name),*];
    };
}

gaps! {
    RECURSIVE: "`WITH RECURSIVE`", &[&["RECURSIVE"]],
        "remove RECURSIVE if no query names itself; else join as many levels as there are";
    LOCK: "a lock of rows (`FOR UPDATE`, `FOR SHARE`)",
        &[&["FOR", "UPDATE"], &["FOR", "SHARE"]],
        "remove it: what a stage reads does not change while it runs";
    FOR: "`FOR XML`, `FOR JSON` or `FOR BROWSE`", &[&["FOR"]], "remove it";
    SETTINGS: "`SETTINGS`", &[&["SETTINGS"]], "remove it";
    FORMAT: "`FORMAT`", &[&["FORMAT"]], "remove it";
    PREWHERE: "`PREWHERE`", &[&["PREWHERE"]], "write the condition in `WHERE`";
    CONNECT_BY: "`CONNECT BY`", &[&["CONNECT", "BY"], &["START", "WITH"]], "join as many levels as there are";
    GROUP_WITH: "a modifier of `GROUP BY` with `WITH`",
        &[&["WITH", "ROLLUP"], &["WITH", "CUBE"], &["WITH", "TOTALS"]],
        "write GROUP BY ROLLUP (a, b), CUBE (a, b) or GROUPING SETS";
    GLOBAL: "`GLOBAL` before a join", &[&["GLOBAL"]], "remove it";
    APPLY: "`APPLY`", &[&["APPLY"]], "write a join";
    ASOF: "`ASOF JOIN`", &[&["ASOF"]], "join by a range, and keep the nearest row with row_number() OVER (...)";
    PIVOT: "`PIVOT`", &[&["PIVOT"]], "aggregate a CASE for each column: sum(CASE WHEN k = 'a' THEN n END) AS a";
    UNPIVOT: "`UNPIVOT`", &[&["UNPIVOT"]], "write a UNION ALL with one SELECT for each column";
    MATCH: "`MATCH_RECOGNIZE`", &[&["MATCH_RECOGNIZE"]], "use window functions: lag, lead, row_number";
    MADE: "a table that an expression makes",
        &[&["TABLE", "("], &["JSON_TABLE"], &["OPENJSON"], &["XMLTABLE"], &["LATERAL"]],
        "declare a read for the data and name it in FROM";
    SAMPLE: "`TABLESAMPLE`", &[&["TABLESAMPLE"], &["SAMPLE"]], "filter by a column: WHERE id % 100 = 0";
    TABLE_HINT: "a hint for a table",
        &[&["WITH", "("]], "remove it";
    ORDINALITY: "`WITH ORDINALITY` or `WITH OFFSET`", &[&["WITH", "ORDINALITY"], &["WITH", "OFFSET"]], "number the rows with row_number() OVER (ORDER BY ...)";
    PARTITION: "`PARTITION` of a table", &[&["PARTITION"]], "filter in `WHERE`";
    SHIFT: "`<<`", &[&["<<"]],
        "multiply by the power of two: `n * 8` for `n << 3`; what does not fit is then an error";
    XOR: "`^`", &[&["^"]], "write power(a, b) for a power; for an exclusive or of bits, (a | b) - (a & b)";
    SIMILAR: "`SIMILAR TO`", &[&["SIMILAR", "TO"], &["NOT", "SIMILAR"]],
        "write LIKE, or a regular expression: s ~ '^(x|y).*$'";
    USING: "`USING` or `NATURAL` with a right or full join", &[&["USING"], &["NATURAL"]],
        "write ON a.k = b.k, and coalesce(a.k, b.k) AS k in the select list";
    COLLATE: "`COLLATE`", &[&["COLLATE"]],
        "remove it: text is compared byte by byte; compare lower(column) to pass over case";
    SET_ALL: "`INTERSECT ALL` or `EXCEPT ALL`", &[&["INTERSECT", "ALL"], &["EXCEPT", "ALL"], &["MINUS", "ALL"]],
        "remove ALL if no row occurs twice; else number equal rows first: row_number() OVER (PARTITION BY all columns)";
    ESCAPE: "`ESCAPE` with anything but `LIKE`, a constant pattern that it does not end, and one character", &[&["ESCAPE"]],
        "write the pattern as a constant, or escape with a backslash, which needs no ESCAPE";
    OF_ONE_ROW: "`DISTINCT`, `ORDER BY`, `FILTER`, `OVER`, `WITHIN GROUP` or `IGNORE NULLS` of a function that looks at one row",
        &[], "remove it: it is for aggregates and window functions";
    OF_WINDOW: "`DISTINCT` or `FILTER` of a window function that is not an aggregate", &[],
        "remove it; choose the rows in a subquery, or with CASE in the argument";
    NULLS: "`IGNORE NULLS` or `RESPECT NULLS` of this function", &[],
        "remove it: aggregates pass over nulls; lag, lead, first_value, last_value and nth_value can be told to";
    PARAMETERS: "a function with two lists of arguments", &[], "write all arguments in one list";
    ARGUMENT: "a query in place of a function's arguments", &[], "put it in brackets of its own; for a list write (SELECT array_agg(x ORDER BY x) FROM ...)";
}

/// Refuses clauses and operators that DataFusion parses and then drops, or does otherwise than is promised.
///
/// # Errors
/// `ST0022`, with the place of the clause.
pub(crate) fn clauses(process: &Process, state: &SessionState, query: &Statement) -> Result<()> {
    let mut gaps = Gaps { state, found: Vec::new() };
    // It never breaks off.
    let _ = query.visit(&mut gaps);
    let errors = gaps.found.into_iter().map(|(gap, name)| {
        let named = |name: Ident| at(process, name.span.start, Some(name.value.chars().count() as u64));
        let place = name.map(named).or_else(|| gap.words.iter().find_map(|words| word(process, words)));
        refuse(process, place, format!("{} is not implemented yet", gap.what), gap.hint)
    });
    Error::many(errors.collect()).map_or(Ok(()), Err)
}

struct Gaps<'a> {
    state: &'a SessionState,
    /// Each once, with the name that it stands at if there is one.
    found: Vec<(&'static Gap, Option<Ident>)>,
}

impl Gaps<'_> {
    fn add(&mut self, is: bool, gap: &'static Gap) {
        self.add_at(is, gap, None);
    }

    fn add_at(&mut self, is: bool, gap: &'static Gap, name: Option<&Ident>) {
        if is && !self.found.iter().any(|(g, _)| g.what == gap.what) {
            self.found.push((gap, name.cloned()));
        }
    }

    /// DataFusion gives the rows that are on both sides, or on one, as often as they are on the left.
    fn sets(&mut self, body: &SetExpr) {
        if let SetExpr::SetOperation { op, set_quantifier, left, right } = body {
            let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
            self.add(all && *op != SetOperator::Union, &SET_ALL);
            self.sets(left);
            self.sets(right);
        }
    }
}

impl Visitor for Gaps<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.add(query.with.as_ref().is_some_and(|w| w.recursive), &RECURSIVE);
        self.add(!query.locks.is_empty(), &LOCK);
        self.add(query.for_clause.is_some(), &FOR);
        self.add(query.settings.is_some(), &SETTINGS);
        self.add(query.format_clause.is_some(), &FORMAT);
        self.sets(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.add(select.prewhere.is_some(), &PREWHERE);
        self.add(!select.connect_by.is_empty(), &CONNECT_BY);
        let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
        self.add(!modifiers.is_empty(), &GROUP_WITH);
        for join in select.from.iter().flat_map(|from| &from.joins) {
            self.add(join.global, &GLOBAL);
            self.add(
                matches!(join.join_operator, JoinOperator::CrossApply | JoinOperator::OuterApply),
                &APPLY,
            );
            self.add(matches!(join.join_operator, JoinOperator::AsOf { .. }), &ASOF);
            // The column that both sides have would be that of the left side alone.
            let (JoinOperator::Right(on) | JoinOperator::RightOuter(on) | JoinOperator::FullOuter(on)) =
                &join.join_operator
            else {
                continue;
            };
            self.add(matches!(on, JoinConstraint::Using(_) | JoinConstraint::Natural), &USING);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { sample, with_hints, with_ordinality, partitions, .. } => {
                self.add(sample.is_some(), &SAMPLE);
                self.add(!with_hints.is_empty(), &TABLE_HINT);
                self.add(*with_ordinality, &ORDINALITY);
                self.add(!partitions.is_empty(), &PARTITION);
            }
            TableFactor::Derived { sample, .. } => self.add(sample.is_some(), &SAMPLE),
            TableFactor::Pivot { .. } => self.add(true, &PIVOT),
            TableFactor::Unpivot { .. } => self.add(true, &UNPIVOT),
            TableFactor::MatchRecognize { .. } => self.add(true, &MATCH),
            TableFactor::UNNEST { with_offset, with_ordinality, .. } => {
                self.add(*with_offset || *with_ordinality, &ORDINALITY);
            }
            TableFactor::NestedJoin { .. }
            | TableFactor::Function { lateral: false, with_ordinality: false, .. } => {}
            _ => self.add(true, &MADE),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<()> {
        self.add(matches!(expr, SqlExpr::BinaryOp { op: BinaryOperator::PGBitwiseShiftLeft, .. }), &SHIFT);
        // A power to PostgreSQL and DuckDB, an exclusive or of bits to others.
        self.add(matches!(expr, SqlExpr::BinaryOp { op: BinaryOperator::BitwiseXor, .. }), &XOR);
        self.add(matches!(expr, SqlExpr::Collate { .. }), &COLLATE);
        // It would be a regular expression in which `%` and `_` are signs like others.
        self.add(matches!(expr, SqlExpr::SimilarTo { .. }), &SIMILAR);
        if let SqlExpr::Like { escape_char, .. } | SqlExpr::ILike { escape_char, .. } = expr {
            self.add(escape_char.is_some(), &ESCAPE);
        }
        if let SqlExpr::Function(function) = expr {
            for (gap, name) in dropped(self.state, function) {
                self.add_at(true, gap, name);
            }
        }
        ControlFlow::Continue(())
    }
}
