//! Windows that have a name.
//!
//! DataFusion puts a named window in place of `OVER w` in the select list, and drops the name wherever else it stands: in `OVER (w ...)`, in
//! the definition of another window, in `ORDER BY` and `QUALIFY`. So names are resolved before anything is planned. The rules are
//! those of PostgreSQL: what is based on a window takes its partitions and its order, may add an order if it has none, and has a frame
//! of its own; a window with a frame is named by `OVER w` only.

use super::gaps::at;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowExpr, Query, Select, SetExpr, Statement, VisitMut, VisitorMut, WindowSpec,
    WindowType,
};
use staunch_pipeline::{Process, suggest};
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Puts windows in the places of their names, in the query and all its subqueries.
///
/// # Errors
/// `ST0021` for a name that no window has, and for what cannot be based on one, with the place of the name.
pub(super) fn windows(process: &Process, query: &mut Statement) -> Result<()> {
    match query.visit(&mut Resolver) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(wrong) => Err(wrong.error(process)),
    }
}

/// What is wrong with a name.
struct Wrong {
    name: Ident,
    message: String,
    hint: String,
}

impl Wrong {
    fn new(name: &Ident, message: String, hint: impl Into<String>) -> Self {
        Self { name: name.clone(), message, hint: hint.into() }
    }

    fn error(self, process: &Process) -> Error {
        let length = self.name.value.chars().count() as u64;
        Error::new(codes::SQL_PLAN, self.message)
            .place(at(process, self.name.span.start, Some(length)))
            .hint(self.hint)
            .stage(&process.name)
    }
}

/// The windows of one `SELECT`.
type Windows = BTreeMap<String, WindowSpec>;

/// Goes from the innermost query outwards: when a `SELECT` is left, no name is left in it.
struct Resolver;

impl VisitorMut for Resolver {
    type Break = Wrong;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Wrong> {
        let windows = turned(defined(select))?;
        select.projection.visit(&mut Placer(&windows))?;
        select.qualify.visit(&mut Placer(&windows))?;
        select.having.visit(&mut Placer(&windows))?;
        select.selection.visit(&mut Placer(&windows))
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Wrong> {
        let windows = match query.body.as_ref() {
            SetExpr::Select(select) => turned(defined(select))?,
            _ => Windows::new(),
        };
        query.order_by.visit(&mut Placer(&windows))
    }
}

struct Placer<'a>(&'a Windows);

impl VisitorMut for Placer<'_> {
    type Break = Wrong;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Wrong> {
        if let Expr::Function(function) = expr
            && let Some(over) = &mut function.over
        {
            let spec = match over {
                WindowType::NamedWindow(name) => turned(named(self.0, name))?.clone(),
                WindowType::WindowSpec(spec) => turned(based(self.0, spec))?,
            };
            *over = WindowType::WindowSpec(spec);
        }
        ControlFlow::Continue(())
    }
}

fn turned<T>(result: std::result::Result<T, Wrong>) -> ControlFlow<Wrong, T> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        Err(wrong) => ControlFlow::Break(wrong),
    }
}

/// The windows that a `SELECT` defines, each without the name of another.
fn defined(select: &Select) -> std::result::Result<Windows, Wrong> {
    let mut windows = Windows::new();
    for definition in &select.named_window {
        let name = &definition.0;
        let spec = match &definition.1 {
            NamedWindowExpr::NamedWindow(other) => named(&windows, other)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => based(&windows, spec)?,
        };
        if windows.insert(folded(name), spec).is_some() {
            let message = format!("there are two windows `{}`", name.value);
            return Err(Wrong::new(name, message, "give one of them another name"));
        }
    }
    Ok(windows)
}

fn named<'a>(windows: &'a Windows, name: &Ident) -> std::result::Result<&'a WindowSpec, Wrong> {
    windows.get(&folded(name)).ok_or_else(|| {
        let names: Vec<&str> = windows.keys().map(String::as_str).collect();
        let hint = match suggest(&name.value, &names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "define it in the same SELECT, before it is named: WINDOW name AS (...)".into(),
        };
        Wrong::new(name, format!("there is no window `{}`", name.value), hint)
    })
}

/// A window without the name of the one that it is based on.
fn based(windows: &Windows, spec: &WindowSpec) -> std::result::Result<WindowSpec, Wrong> {
    let Some(name) = &spec.window_name else { return Ok(spec.clone()) };
    let base = named(windows, name)?;
    let shown = &name.value;
    if base.window_frame.is_some() {
        let message = format!("the window `{shown}` has a frame, so no other can be based on it");
        return Err(Wrong::new(
            name,
            message,
            format!("write OVER {shown} without brackets, or leave the frame out of it"),
        ));
    }
    if !spec.partition_by.is_empty() {
        let message = format!("a window based on `{shown}` has the partitions of `{shown}`");
        return Err(Wrong::new(name, message, "write the whole window here, without the name"));
    }
    if !spec.order_by.is_empty() && !base.order_by.is_empty() {
        let message = format!("the window `{shown}` has an ORDER BY already");
        return Err(Wrong::new(name, message, "write the whole window here, without the name"));
    }
    let order_by = if spec.order_by.is_empty() { &base.order_by } else { &spec.order_by };
    Ok(WindowSpec {
        window_name: None,
        partition_by: base.partition_by.clone(),
        order_by: order_by.clone(),
        window_frame: spec.window_frame.clone(),
    })
}

/// A name as it is compared.
fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() }
}
