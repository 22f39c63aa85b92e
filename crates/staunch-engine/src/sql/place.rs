//! What DataFusion finds wrong with a query, said about the user's file.

use super::plan_sql::{Refused, plan_sql};
use datafusion::common::{Column, DataFusionError, Location, SchemaError};
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Select, SelectItem, SetExpr, Spanned, Statement};
use staunch_pipeline::{Process, suggest};
use staunch_types::{Code, Error, Place, codes};

/// A text that does not come as far as a plan.
pub(crate) fn refused(process: &Process, refused: Refused) -> Error {
    let begin = || start(process);
    let error = match refused {
        Refused::Syntax(error) => return planning(process, &error, None),
        Refused::TooLong => Error::new(codes::SQL_REFUSED, "the SQL is longer than 1 MiB")
            .place(begin())
            .hint("split it into several stages"),
        Refused::NotOne(0) => Error::new(codes::SQL_SYNTAX, "the SQL is empty")
            .place(begin())
            .hint("write `SELECT ... FROM stage`"),
        Refused::NotOne(_) => {
            Error::new(codes::SQL_REFUSED, "a stage is one query, and here are several statements")
                .place(begin())
                .hint("make each of them a stage of its own")
        }
        Refused::NotQuery(word) => {
            Error::new(codes::SQL_REFUSED, format!("a stage is a query: `{word}` is not allowed here"))
                .place(begin())
                .hint("write `SELECT ... FROM stage`")
        }
    };
    error.stage(&process.name)
}

/// An error of parsing, planning or analysing. `query` and `state` are what was planned: without a place in the error itself the
/// select items are planned one by one to find the one that is to blame.
pub(crate) fn planning(
    process: &Process,
    error: &DataFusionError,
    query: Option<(&SessionState, &Statement)>,
) -> Error {
    let said = describe(error);
    let place = span(error)
        .map(|at| process.sql.place(at.line, at.column))
        .or_else(|| said.name.as_deref().and_then(|name| find(process, name)))
        .or_else(|| said.at.map(|(line, column)| process.sql.place(line, column)))
        .or_else(|| query.and_then(|(state, query)| blamed(process, state, query)))
        .unwrap_or_else(|| start(process));
    let mut place = place;
    if place.length.is_none() {
        place.length = said.name.map(|n| n.chars().count() as u64);
    }
    Error::new(said.code, said.message).place(place).hint(said.hint).stage(&process.name)
}

/// Where the stage's SQL begins.
pub(crate) fn start(process: &Process) -> Place {
    let text = &process.sql.text;
    let lead = text.len() - text.trim_start().len();
    let before = text.get(..lead).unwrap_or_default();
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    process.sql.place(line, column)
}

/// The place of the select item that gives the column `name`, if the outermost query lists it.
pub(crate) fn item(process: &Process, query: &Statement, name: &str) -> Option<Place> {
    let named = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value.eq_ignore_ascii_case(name),
        SelectItem::UnnamedExpr(SqlExpr::Identifier(ident)) => ident.value.eq_ignore_ascii_case(name),
        SelectItem::UnnamedExpr(SqlExpr::CompoundIdentifier(parts)) => {
            parts.last().is_some_and(|p| p.value.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    let found = select(query)?.projection.iter().find(|i| named(i))?;
    at(process, found)
}

fn at(process: &Process, spanned: &impl Spanned) -> Option<Place> {
    let begin = spanned.span().start;
    (begin.line > 0).then(|| process.sql.place(begin.line, begin.column))
}

fn select(query: &Statement) -> Option<&Select> {
    match query {
        Statement::Query(query) => match query.body.as_ref() {
            SetExpr::Select(select) => Some(select),
            _ => None,
        },
        _ => None,
    }
}

/// The first part of the outermost `SELECT` that cannot be planned by itself.
fn blamed(process: &Process, state: &SessionState, query: &Statement) -> Option<Place> {
    let Statement::Query(whole) = query else { return None };
    let full = select(query)?;
    let fails = |changed: Select| {
        let mut query = whole.clone();
        query.order_by = None;
        *query.body = SetExpr::Select(Box::new(changed));
        let planned = plan_sql(state, Statement::Query(query));
        planned
            .and_then(|plan| state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}))
            .is_err()
    };
    // Without a grouping every item can stand alone; with one the others are still planned as they are.
    for item in &full.projection {
        let mut alone = full.clone();
        alone.projection = vec![item.clone()];
        alone.selection = None;
        alone.having = None;
        alone.qualify = None;
        if fails(alone) {
            return at(process, item);
        }
    }
    let mut alone = full.clone();
    alone.having = None;
    alone.qualify = None;
    match &full.selection {
        Some(selection) if fails(alone) => at(process, selection),
        _ => full.having.as_ref().and_then(|having| at(process, having)),
    }
}

/// The name as a word of its own in the text.
fn find(process: &Process, name: &str) -> Option<Place> {
    // The whole name, else its last part: qualifiers may be aliases of what DataFusion calls them.
    find_word(process, name).or_else(|| find_word(process, name.rsplit('.').next().unwrap_or(name)))
}

fn find_word(process: &Process, name: &str) -> Option<Place> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() {
        return None;
    }
    process.sql.text.split('\n').zip(1_u64..).find_map(|(line, number)| {
        // ASCII folding keeps byte positions.
        let (folded, wanted) = (line.to_ascii_lowercase(), name.to_ascii_lowercase());
        folded.match_indices(&wanted).find_map(|(byte, _)| {
            let before = line.get(..byte)?.chars().next_back();
            let after = line.get(byte + wanted.len()..)?.chars().next();
            let whole = !before.is_some_and(word) && !after.is_some_and(word);
            whole.then(|| {
                process.sql.place(number, line.get(..byte).map_or(0, |b| b.chars().count()) as u64 + 1)
            })
        })
    })
}

/// Where DataFusion says it is.
fn span(error: &DataFusionError) -> Option<Location> {
    let told = error.diagnostic().and_then(|d| d.span);
    let column = || match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } | SchemaError::AmbiguousReference { field } => {
                field.spans().first()
            }
            _ => None,
        },
        _ => None,
    };
    told.or_else(column).map(|span| span.start).filter(|start| start.line > 0)
}

struct Said {
    code: Code,
    message: String,
    hint: String,
    /// The identifier that is to blame.
    name: Option<String>,
    /// Line and column, where the parser tells them in its text.
    at: Option<(u64, u64)>,
}

fn describe(error: &DataFusionError) -> Said {
    let plan = |message: String, hint: String, name: Option<String>| Said {
        code: codes::SQL_PLAN,
        message,
        hint,
        name,
        at: None,
    };
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => plan(
                format!("there is no column `{}`", shown(field)),
                near(field, valid_fields),
                Some(field.name.clone()),
            ),
            // A reference with a qualifier names one column: two of the same name are given out here.
            SchemaError::AmbiguousReference { field } if field.relation.is_some() => {
                two_columns(&field.name, plan)
            }
            SchemaError::AmbiguousReference { field } => plan(
                format!("the column `{}` is ambiguous: several inputs have it", shown(field)),
                format!("say which one: `input.{}`", field.name),
                Some(field.name.clone()),
            ),
            SchemaError::DuplicateQualifiedField { name, .. }
            | SchemaError::DuplicateUnqualifiedField { name } => plan(
                format!("the output has two columns `{name}`"),
                "give one of them another name: EXPRESSION AS name; where two expressions differ in a cast alone, cast in a subquery".into(),
                Some(name.clone()),
            ),
        },
        DataFusionError::SQL(parser, _) => syntax(&parser.to_string()),
        DataFusionError::NotImplemented(text) => Said {
            code: codes::SQL_REFUSED,
            message: format!("this SQL is not implemented: {}", plain(&clean(text))),
            hint: "write it in another way".into(),
            name: None,
            at: None,
        },
        other => {
            let text = clean(&other.strip_backtrace());
            if let Some(rest) = text.strip_prefix("invalid function '") {
                let name = rest.split('\'').next().unwrap_or_default().to_owned();
                let meant = rest.split("Did you mean '").nth(1).and_then(|m| m.split('\'').next());
                let hint = meant
                    .map_or_else(|| "see the list of functions".into(), |m| format!("did you mean `{m}`?"));
                return plan(format!("there is no function `{name}`"), hint, Some(name));
            }
            if let Some(rest) = text.strip_prefix("table '") {
                let name = rest.split('\'').next().unwrap_or_default();
                let name = name.strip_prefix("datafusion.public.").unwrap_or(name).to_owned();
                let hint = "name a read or a process stage of this pipeline; files cannot be named in SQL";
                return plan(format!("there is no stage `{name}`"), hint.into(), Some(name));
            }
            if ["DDL not supported", "DML not supported", "Statement not supported"]
                .iter()
                .any(|p| text.starts_with(p))
            {
                let (message, hint) = (
                    "a stage is a query that changes nothing".into(),
                    "write `SELECT ... FROM stage`".into(),
                );
                return Said { code: codes::SQL_REFUSED, message, hint, name: None, at: Some((1, 1)) };
            }
            if let Some(rest) = text.strip_prefix("table function '") {
                let name = rest.split('\'').next().unwrap_or_default().to_owned();
                let message = format!("the table function `{name}` is not allowed");
                let hint = "declare a read for the data and name it in FROM";
                return Said {
                    code: codes::SQL_REFUSED,
                    message,
                    hint: hint.into(),
                    name: Some(name),
                    at: None,
                };
            }
            if let Some(rest) =
                text.strip_prefix("projections require unique expression names but the expression \"")
            {
                let name = rest.split("\" at position").next().unwrap_or_default();
                let word = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
                return two_columns(if word { name.rsplit('.').next().unwrap_or(name) } else { name }, plan);
            }
            if text.contains("type interval") {
                let hint = "write one like INTERVAL '1 day' or INTERVAL '2 hours 30 minutes'";
                return plan("the text is not an INTERVAL".into(), hint.into(), None);
            }
            let text = plain(&text);
            let hint = if text.contains("coerce") || text.contains("type") {
                "write a CAST where types differ: CAST(column AS BIGINT)"
            } else {
                "mend the SQL of this stage"
            };
            plan(text, hint.into(), None)
        }
    }
}

fn two_columns(name: &str, plan: impl Fn(String, String, Option<String>) -> Said) -> Said {
    plan(
        format!("a `SELECT` gives two columns `{name}`"),
        "give one of them another name: EXPRESSION AS name; where two expressions differ in a cast alone, cast in a subquery".into(),
        Some(name.to_owned()),
    )
}

/// A message without the innards of a parsed query, which DataFusion puts into some.
fn plain(text: &str) -> String {
    if !["Span", "Ident {", "Value(", "Location("].iter().any(|inner| text.contains(inner)) {
        return text.to_owned();
    }
    let text = text.split(['{', '(']).next().unwrap_or_default().trim_end();
    let (said, construct) = text.rsplit_once(' ').unwrap_or(("", text));
    match said.trim_end_matches(':').trim_end() {
        "" | "unsupported ast node" | "unsupported ast node in sqltorel" => format!("`{construct}`"),
        said => format!("{said} `{construct}`"),
    }
}

fn syntax(text: &str) -> Said {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let (message, at) = match text.rsplit_once(" at Line: ") {
        Some((message, numbers)) => {
            let at = numbers.split_once(", Column: ");
            (message, at.and_then(|(l, c)| Some((l.trim().parse().ok()?, c.trim().parse().ok()?))))
        }
        None => (text, None),
    };
    if message.contains("recursion limit exceeded") {
        let message = "the SQL is nested too deeply".to_owned();
        return Said {
            code: codes::SQL_REFUSED,
            message,
            hint: "split it into several stages".into(),
            name: None,
            at,
        };
    }
    Said {
        code: codes::SQL_SYNTAX,
        message: clean(message),
        hint: "mend the SQL at this place".into(),
        name: None,
        at,
    }
}

/// A message as a lower-case fragment, without prefixes, line breaks and advice to the makers of DataFusion.
pub(crate) fn clean(text: &str) -> String {
    let mut text = text;
    for prefix in [
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "SQL error: ",
        "This feature is not implemented: ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    // Rules put their names before what they pass on.
    text = text.strip_prefix("type_coercion\ncaused by\n").unwrap_or(text);
    text = text.strip_prefix("Error during planning: ").unwrap_or(text);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.split(" This issue was likely caused by a bug").next().unwrap_or_default();
    let mut line: String = line.replace("datafusion.public.", "").chars().take(400).collect();
    // Words in capitals (AND, SELECT, ...) and identifiers keep them.
    let keeps = line.chars().nth(1).is_none_or(char::is_uppercase);
    if let Some(first) = line.chars().next().filter(|_| !keeps) {
        line.replace_range(..first.len_utf8(), &first.to_lowercase().to_string());
    }
    line
}

fn shown(column: &Column) -> String {
    match &column.relation {
        Some(relation) => format!("{}.{}", relation.table(), column.name),
        None => column.name.clone(),
    }
}

fn near(field: &Column, valid: &[Column]) -> String {
    let names: Vec<&str> = valid.iter().map(|c| c.name.as_str()).collect();
    if let Some(cased) = names.iter().find(|n| n.eq_ignore_ascii_case(&field.name)) {
        return if **cased == field.name {
            let relation = valid.iter().find(|c| c.name == field.name).and_then(|c| c.relation.as_ref());
            relation.map_or_else(
                || format!("it is `{cased}`"),
                |r| format!("`{}` has it: `{}.{cased}`", r.table(), r.table()),
            )
        } else {
            format!("names without quotes are read in lower case: write \"{cased}\" in double quotes")
        };
    }
    if let Some(meant) = suggest(&field.name, &names) {
        return format!("did you mean `{meant}`?");
    }
    let mut shown: Vec<String> = Vec::new();
    for name in names {
        let quoted = format!("`{name}`");
        if !shown.contains(&quoted) {
            shown.push(quoted);
        }
    }
    let rest = if shown.len() > 8 { ", ..." } else { "" };
    shown.truncate(8);
    if shown.is_empty() {
        "there are no columns here".into()
    } else {
        format!("the columns are {}{rest}", shown.join(", "))
    }
}
