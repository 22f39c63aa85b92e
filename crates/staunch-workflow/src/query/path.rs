//! JSONPath as AWS reads it: `$` is the input, `$$` the context object, `$name` a variable.
//!
//! A path that can match one place only is walked here, with the error texts of the library that AWS uses (Jayway JsonPath). Any
//! other (`..`, `*`, slices, filters) is evaluated by `serde_json_path` and gives the list of what it finds.

#[cfg(test)]
mod tests;

use super::Scope;
use crate::fault::Fault;
use crate::value::{Map, Value};
use serde_json_path::{JsonPath, PathElement};

/// How long the text of a path may be, and how many of its brackets may be open at once: parsers recurse.
const TEXT_MAX: usize = 8 << 10;
const NESTING_MAX: usize = 32;

/// Where a path begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    Input,
    Context,
    Variable(String),
}

/// One step of a path to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    /// From the end where it is negative.
    Index(i64),
}

/// A checked path.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: String,
    root: Root,
    steps: Steps,
}

#[derive(Debug, Clone)]
enum Steps {
    One(Vec<Step>),
    Many(Box<JsonPath>),
}

/// Why a path found nothing, in the words of Jayway JsonPath.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

impl Path {
    /// Checks a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a path");
        if text.len() > TEXT_MAX || super::nesting(text) > NESTING_MAX {
            return Err("the path is too long or nests too deep".to_owned());
        }
        let rest = text.strip_prefix('$').ok_or_else(bad)?;
        let (root, rest) = if let Some(rest) = rest.strip_prefix('$') {
            (Root::Context, rest)
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            match rest.split_at(end) {
                ("", rest) => (Root::Input, rest),
                (name, rest) if is_variable(name) => (Root::Variable(name.to_owned()), rest),
                _ => return Err(bad()),
            }
        };
        let steps = steps(rest).ok_or_else(bad)?;
        Ok(Self { text: text.to_owned(), root, steps })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The steps, if the path can match one place only.
    pub(crate) fn definite(&self) -> Option<&[Step]> {
        match &self.steps {
            Steps::One(steps) => Some(steps),
            Steps::Many(_) => None,
        }
    }

    /// What the path finds: one value, or the list of all that match where it may match several.
    pub(crate) fn get(&self, scope: &Scope<'_>) -> Result<Value, Missing> {
        let root: &Value = match &self.root {
            Root::Input => scope.input,
            Root::Context => scope.context.get(),
            Root::Variable(name) => scope
                .variables
                .get(name)
                .ok_or_else(|| Missing(format!("No results for path: $['{name}']")))?,
        };
        self.get_in(root)
    }

    /// The same, in one value.
    pub(crate) fn get_in(&self, root: &Value) -> Result<Value, Missing> {
        match &self.steps {
            Steps::One(steps) => walk(root, steps).cloned(),
            Steps::Many(path) => {
                let sorted = root.to_serde();
                let found = path.query_located(&sorted);
                Ok(found.iter().filter_map(|node| at(root, node.location().iter())).cloned().collect())
            }
        }
    }

    /// The value with `new` at this path: what a `ResultPath` does. Fields that are missing are made.
    pub(crate) fn put(&self, into: Value, new: Value) -> Result<Value, Fault> {
        let steps = match (&self.root, &self.steps) {
            (Root::Input, Steps::One(steps)) => steps.as_slice(),
            _ => return Err(Fault::runtime(format!("'{}' is not a reference path.", self.text))),
        };
        if steps.is_empty() {
            return Ok(new);
        }
        let mut root = into;
        let mut place = &mut root;
        for step in steps {
            place = enter(place, step).ok_or_else(|| self.unfit())?;
        }
        *place = new;
        if root.fits(crate::value::DEPTH_MAX) { Ok(root) } else { Err(Fault::too_deep()) }
    }

    fn unfit(&self) -> Fault {
        let cause = format!("Unable to apply step result at path '{}' to the input.", self.text);
        Fault::internal(crate::fault::names::RESULT_PATH, cause)
    }
}

/// The place behind a step, made if it is missing; `None` where another kind of value stands.
fn enter<'v>(place: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match step {
        Step::Name(name) => {
            if matches!(place, Value::Null) {
                *place = Value::Object(Map::new());
            }
            match place {
                Value::Object(map) => Some(map.entry(name.clone()).or_default()),
                _ => None,
            }
        }
        Step::Index(index) => match place {
            Value::Array(items) => {
                let index = from_end(*index, items.len())?;
                items.get_mut(index)
            }
            _ => None,
        },
    }
}

fn from_end(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn walk<'v>(root: &'v Value, steps: &[Step]) -> Result<&'v Value, Missing> {
    let mut place = root;
    for (n, step) in steps.iter().enumerate() {
        let last = n + 1 == steps.len();
        let next = match (step, place) {
            (Step::Name(name), Value::Object(map)) => map.get(name),
            (Step::Index(index), Value::Array(items)) => {
                from_end(*index, items.len()).and_then(|i| items.get(i))
            }
            (Step::Name(name), other) if n > 0 => {
                return Err(Missing(format!(
                    "Expected to find an object with property ['{name}'] in path {} but found '{}'. This is not a json object \
                     according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.",
                    normalized(steps.get(..n).unwrap_or_default()),
                    java_class(other),
                )));
            }
            (Step::Index(index), other) if !matches!(other, Value::Array(_)) => {
                return Err(Missing(format!(
                    "Filter: [{index}] can only be applied to arrays. Current context is: {}",
                    other.to_json()
                )));
            }
            _ => None,
        };
        place = match next {
            Some(next) => next,
            None if last => {
                return Err(Missing(format!("No results for path: {}", normalized(steps))));
            }
            None => {
                let so_far = normalized(steps.get(..=n).unwrap_or_default());
                return Err(Missing(format!("Missing property in path {so_far}")));
            }
        };
    }
    Ok(place)
}

/// The class by which Jayway JsonPath names a value.
fn java_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "com.fasterxml.jackson.databind.node.BooleanNode",
        Value::Int(_) => "com.fasterxml.jackson.databind.node.IntNode",
        Value::Float(_) => "com.fasterxml.jackson.databind.node.DoubleNode",
        Value::String(_) => "com.fasterxml.jackson.databind.node.TextNode",
        Value::Array(_) => "com.fasterxml.jackson.databind.node.ArrayNode",
        Value::Object(_) => "com.fasterxml.jackson.databind.node.ObjectNode",
    }
}

fn normalized(steps: &[Step]) -> String {
    let mut text = "$".to_owned();
    for step in steps {
        match step {
            Step::Name(name) => text.push_str(&format!("['{name}']")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn at<'v, 'p>(root: &'v Value, path: impl Iterator<Item = &'p PathElement<'p>>) -> Option<&'v Value> {
    path.into_iter().try_fold(root, |place, element| match (element, place) {
        (PathElement::Name(name), Value::Object(map)) => map.get(*name),
        (PathElement::Index(index), Value::Array(items)) => items.get(*index),
        _ => None,
    })
}

/// A name that a variable may have: a letter or `_`, then letters, digits and `_`, up to 80.
pub(crate) fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    name.chars().count() <= 80
        && chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// Reads what follows the root.
fn steps(text: &str) -> Option<Steps> {
    let mut one = Some(Vec::new());
    let mut standard = "$".to_owned();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            one = None;
            standard.push_str("..");
            rest = after;
            // What stands behind `..` has no dot of its own.
            if !rest.starts_with(['[', '*']) {
                rest = name(rest, &mut standard, &mut None)?;
            } else if let Some(after) = rest.strip_prefix('*') {
                standard.push('*');
                rest = after;
            }
        } else if let Some(after) = rest.strip_prefix(".*") {
            one = None;
            standard.push_str(".*");
            rest = after;
        } else if rest.starts_with(".[") {
            rest = rest.get(1..)?;
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = name(after, &mut standard, &mut one)?;
        } else {
            let after = rest.strip_prefix('[')?;
            let end = bracket_end(after)?;
            let (inner, after) = after.split_at(end);
            let inner = inner.trim();
            match (bracketed(inner), &mut one) {
                (Some(step), Some(steps)) => steps.push(step),
                (Some(_), None) => {}
                (None, _) => one = None,
            }
            match bracketed(inner) {
                Some(Step::Name(name)) => quote(&name, &mut standard),
                _ => standard.push_str(&format!("[{}]", with_quotes(&with_matches(inner)))),
            }
            rest = after.strip_prefix(']')?;
        }
    }
    match one {
        Some(steps) => Some(Steps::One(steps)),
        None => JsonPath::parse(&standard).ok().map(|path| Steps::Many(Box::new(path))),
    }
}

/// Reads a name behind a dot. AWS takes any characters there but those that mean something in a path.
fn name<'t>(text: &'t str, standard: &mut String, one: &mut Option<Vec<Step>>) -> Option<&'t str> {
    let end = text.find(['.', '[', ']', '(', ')', '\'', '"', ' ', '*', '?', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    quote(name, standard);
    if let Some(steps) = one {
        steps.push(Step::Name(name.to_owned()));
    }
    Some(rest)
}

fn quote(name: &str, standard: &mut String) {
    standard.push('[');
    standard.push_str(&Value::from(name).to_json());
    standard.push(']');
}

/// What stands in brackets, if it is one name or one index.
fn bracketed(inner: &str) -> Option<Step> {
    for quote in ['\'', '"'] {
        if let Some(name) = inner.strip_prefix(quote).and_then(|t| t.strip_suffix(quote))
            && !name.is_empty()
            && !has_bare(name, quote)
        {
            return Some(Step::Name(unescape(name)));
        }
    }
    inner.parse().ok().map(Step::Index)
}

/// A filter in which `@.name =~ /pattern/i` is written as RFC 9535 does: `match(@.name, '(?i)pattern')`.
fn with_matches(filter: &str) -> String {
    let Some((before, after)) = filter.split_once("=~") else { return filter.to_owned() };
    let before = before.trim_end();
    let is_path = |c: char| c.is_alphanumeric() || "@$._-[]'\"".contains(c);
    let start = before
        .rfind(|c| !is_path(c))
        .map_or(0, |at| at + before.get(at..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8));
    let (head, path) = before.split_at(start);
    let Some(body) = after.trim_start().strip_prefix('/') else { return filter.to_owned() };
    let mut escaped = false;
    let end = body.char_indices().find_map(|(at, c)| {
        let end = c == '/' && !escaped;
        escaped = c == '\\' && !escaped;
        end.then_some(at)
    });
    let Some(end) = end else { return filter.to_owned() };
    let (pattern, rest) = (body.get(..end).unwrap_or_default(), body.get(end + 1..).unwrap_or_default());
    let (flags, rest) = match rest.strip_prefix('i') {
        Some(rest) => ("(?i)", rest),
        None => ("", rest),
    };
    let pattern = Value::from(format!("{flags}{}", pattern.replace("\\/", "/"))).to_json();
    // Each round takes one operator away.
    format!("{head}match({path}, {pattern}){}", with_matches(rest))
}

/// A filter in which words that are compared with stand in quotation marks: Jayway JsonPath takes `[?(@.Name==Receipt)]`.
fn with_quotes(filter: &str) -> String {
    let mut out = String::with_capacity(filter.len());
    let (mut rest, mut after_operator) = (filter, false);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' | '"' => {
                let body = rest.get(1..).unwrap_or_default();
                body.find(c).map_or(rest.len(), |end| end + 2)
            }
            c if after_operator && c.is_alphabetic() => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (token, next) = rest.split_at(length);
        if after_operator
            && c.is_alphabetic()
            && !matches!(token, "true" | "false" | "null")
            && !next.starts_with('(')
        {
            out.push_str(&Value::from(token).to_json());
        } else {
            out.push_str(token);
        }
        after_operator = match c {
            '=' | '<' | '>' => true,
            c => after_operator && c.is_whitespace(),
        };
        rest = next;
    }
    out
}

fn has_bare(text: &str, quote: char) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let bare = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        bare
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

/// Where the bracket that was opened before `text` ends; quotes and inner brackets are stepped over.
fn bracket_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match c {
                '\'' | '"' => quote = Some(c),
                '[' | '(' => depth += 1,
                ']' if depth == 0 => return Some(at),
                ']' | ')' => depth = depth.checked_sub(1)?,
                _ => {}
            },
        }
    }
    None
}
