//! Which names in `FROM` are stages, and which are hidden by `WITH`.

use super::at;
use crate::model::{Input, Sql};
use crate::names::shown;
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, SetExpr, TableFactor, Visitor};
use staunch_types::{Error, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What a query sees: the last of a chain of `WITH` names in [`Finder::names`]; `None` for none. Chains share their
/// beginnings, so that a thousand of them cost no more than a thousand names.
type Names = Option<usize>;

/// Walks a query. It is told of every query before what lies in it, and of its end after that.
pub(super) struct Finder<'s> {
    sql: &'s Sql,
    /// Every `WITH` name with the one that was visible before it.
    names: Vec<(String, Names)>,
    /// What the queries around this place see; the last one is the innermost.
    scopes: Vec<Names>,
    /// What the queries of `WITH` see, which is less than their parent does. Keyed by the address of the query, which does
    /// not move while it is borrowed for the walk.
    narrowed: BTreeMap<usize, Names>,
    /// The names of table functions, by address: they are no stages.
    functions: BTreeSet<usize>,
    found: Vec<(u64, u64, Input)>,
    errors: Vec<Error>,
}

impl<'s> Finder<'s> {
    pub(super) fn new(sql: &'s Sql) -> Self {
        Self {
            sql,
            names: Vec::new(),
            scopes: Vec::new(),
            narrowed: BTreeMap::new(),
            functions: BTreeSet::new(),
            found: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The stages in the order of their first mention.
    pub(super) fn finish(mut self) -> Result<Vec<Input>, Vec<Error>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        self.found.sort_by_key(|(line, column, _)| (*line, *column));
        let mut seen = BTreeSet::new();
        self.found.retain(|(_, _, input)| seen.insert(input.stage.clone()));
        if self.found.is_empty() {
            let error = Error::new(codes::SQL_REFUSED, "the query reads no stage")
                .place(self.sql.place(1, 1))
                .hint("name a stage in `FROM`; constants belong into the query that uses them");
            return Err(vec![error]);
        }
        Ok(self.found.into_iter().map(|(_, _, input)| input).collect())
    }

    /// Whether a `WITH` name that is visible here hides the stage of this name.
    fn hidden(&self, stage: &str) -> bool {
        let mut at = self.scopes.last().copied().flatten();
        while let Some((name, before)) = at.and_then(|i| self.names.get(i)) {
            if name == stage {
                return true;
            }
            at = *before;
        }
        false
    }

    fn refuse(&mut self, name: Option<&Ident>, message: String, hint: &str) {
        let mut place = name.map_or_else(|| self.sql.place(1, 1), |ident| at(self.sql, ident.span.start));
        place.length = name.map(width);
        self.errors.push(Error::new(codes::SQL_REFUSED, message).place(place).hint(hint));
    }

    /// Refuses bodies that are no queries, and `TABLE name`, whose name the walk would not show.
    fn body(&mut self, body: &SetExpr) {
        // A chain of set operations is as deep as it is long: the left arm is followed in a loop.
        let mut body = body;
        loop {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    self.body(right);
                    body = left;
                }
                SetExpr::Select(select) => {
                    if let Some(into) = &select.into {
                        let name = into.name.0.first().and_then(ObjectNamePart::as_ident);
                        self.refuse(
                            name,
                            "`SELECT ... INTO` is not allowed".to_owned(),
                            "remove `INTO` and the name",
                        );
                    }
                    return;
                }
                SetExpr::Query(_) | SetExpr::Values(_) => return,
                SetExpr::Table(_) => {
                    self.refuse(None, "`TABLE name` is not allowed".to_owned(), "write `SELECT * FROM name`");
                    return;
                }
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                    let message = "a stage is a query, and this one changes something".to_owned();
                    self.refuse(
                        None,
                        message,
                        "write `SELECT ... FROM stage`; rows are written under `write:`",
                    );
                    return;
                }
            }
        }
    }
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.body(&query.body);
        let around = self.narrowed.remove(&address(query));
        let mut visible = around.unwrap_or_else(|| self.scopes.last().copied().flatten());
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                let before = visible;
                self.names.push((folded(&cte.alias.name), before));
                visible = Some(self.names.len() - 1);
                self.narrowed.insert(address(&*cte.query), if with.recursive { visible } else { before });
            }
        }
        self.scopes.push(visible);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            self.functions.insert(address(name));
            let ident = name.0.last().and_then(ObjectNamePart::as_ident);
            let function = ident.map(folded).unwrap_or_default();
            if !matches!(function.as_str(), "generate_series" | "range" | "unnest") {
                let message = format!("the table function `{}` is not allowed", shown(&function));
                self.refuse(ident, message, "name a stage; data come in under `read:`");
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if self.functions.contains(&address(relation)) {
            return ControlFlow::Continue(());
        }
        match relation.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => {
                let stage = folded(ident);
                if !self.hidden(&stage) {
                    let start = ident.span.start;
                    let mut place = at(self.sql, start);
                    place.length = Some(width(ident));
                    self.found.push((start.line, start.column, Input { stage, place }));
                }
            }
            parts => {
                let ident = parts.first().and_then(ObjectNamePart::as_ident);
                let message = "a stage has a plain name, without a schema".to_owned();
                self.refuse(ident, message, "name a stage of this pipeline; objects are read under `read:`");
            }
        }
        ControlFlow::Continue(())
    }
}

fn address<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

/// The name that an identifier means: as DataFusion does, ASCII letters are folded unless it is quoted.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

fn width(ident: &Ident) -> u64 {
    let quotes = if ident.quote_style.is_some() { 2 } else { 0 };
    (ident.value.chars().count() + quotes) as u64
}
