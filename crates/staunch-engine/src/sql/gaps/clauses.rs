//! Clauses and operators that DataFusion parses and then drops, or does otherwise than is promised.

use super::{refuse, word};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, GroupByExpr, JoinOperator, Query, Select, Statement, TableFactor, Visit,
    Visitor,
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
        $(const $name: Gap = Gap { what: $what, words: $words, hint: $hint };)*
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
    COLLATE: "`COLLATE`", &[&["COLLATE"]],
        "remove it: text is compared byte by byte; compare lower(column) to pass over case";
}

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
        refuse(process, place, format!("{} is not implemented yet", gap.what), gap.hint)
    });
    Error::many(errors.collect()).map_or(Ok(()), Err)
}

#[derive(Default)]
struct Gaps {
    found: Vec<&'static Gap>,
}

impl Gaps {
    fn add(&mut self, is: bool, gap: &'static Gap) {
        if is && !self.found.iter().any(|g| g.what == gap.what) {
            self.found.push(gap);
        }
    }
}

impl Visitor for Gaps {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.add(query.with.as_ref().is_some_and(|w| w.recursive), &RECURSIVE);
        self.add(!query.locks.is_empty(), &LOCK);
        self.add(query.for_clause.is_some(), &FOR);
        self.add(query.settings.is_some(), &SETTINGS);
        self.add(query.format_clause.is_some(), &FORMAT);
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
        self.add(matches!(expr, SqlExpr::Collate { .. }), &COLLATE);
        ControlFlow::Continue(())
    }
}
