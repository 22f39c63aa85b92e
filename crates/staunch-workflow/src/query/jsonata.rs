//! JSONata expressions: `{% $states.input.total * 2 %}`.
//!
//! `jsonata-core` evaluates them, with limits. Its numbers are doubles; an expression that only names a value (`$states.input.a.b`,
//! `$variable`) is therefore resolved here, so that whole numbers beyond 2^53 pass unharmed, and faster.

#[cfg(test)]
mod tests;

use super::Scope;
use super::functions;
use crate::fault::Fault;
use crate::value::{Map, Value};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use std::sync::Arc;

/// How long one expression may take. The library counts no steps, so time is what stops an endless one.
const TIME_MS_MAX: u64 = 5_000;
/// How deep an evaluation may nest.
const STACK_MAX: usize = 1_000;
/// How many values a sequence may hold.
const SEQUENCE_MAX: usize = 1_000_000;
/// How long the text of an expression may be: the parser recurses.
const TEXT_MAX: usize = 64 << 10;
/// How many brackets may be open at once in an expression.
const NESTING_MAX: usize = 200;

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Jsonata {
    text: String,
    /// The field that it stands in: `Output/result`.
    location: String,
    plain: Option<Plain>,
    tree: Arc<AstNode>,
}

/// An expression that only names a value.
#[derive(Debug, Clone)]
struct Plain {
    variable: String,
    fields: Vec<String>,
}

/// The expression in a text, if it is one.
pub(crate) fn expression(text: &str) -> Option<&str> {
    text.strip_prefix("{%").and_then(|t| t.strip_suffix("%}")).map(str::trim)
}

impl Jsonata {
    /// The expression of a field; `None` if the text is none.
    pub(crate) fn of_field(text: &str, location: &str) -> Option<Result<Self, String>> {
        expression(text).map(|text| Self::parse(text, location))
    }

    fn parse(text: &str, location: &str) -> Result<Self, String> {
        if text.len() > TEXT_MAX || super::nesting(text) > NESTING_MAX {
            return Err("the expression is too long or nests too deep".to_owned());
        }
        let tree = parser::parse(text).map_err(|e| format!("the expression is not JSONata: {e}"))?;
        if let Some(name) = at_top_level(&tree) {
            return Err(name);
        }
        Ok(Self {
            text: text.to_owned(),
            location: location.to_owned(),
            plain: Plain::of(text),
            tree: Arc::new(tree),
        })
    }

    /// The value of the expression.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        if let Some(found) = self.plain.as_ref().and_then(|plain| plain.find(scope)) {
            return found.ok_or_else(|| self.fault("returned nothing (undefined)."));
        }
        let mut evaluator = evaluator(&self.text, scope);
        match evaluator.evaluate(&self.tree, &JValue::Undefined) {
            Ok(JValue::Undefined) => Err(self.fault("returned nothing (undefined).")),
            Ok(value) => from_jsonata(&value, crate::value::DEPTH_MAX)
                .ok_or_else(|| self.fault("returned an unsupported result type.")),
            Err(error) => Err(self.fault(&format!("threw an error during evaluation. {}", error.message()))),
        }
    }

    /// What AWS says about this expression.
    pub(crate) fn fault(&self, what: &str) -> Fault {
        let cause = format!(
            "The JSONata expression '{}' specified for the field '{}' {what}",
            self.text, self.location
        );
        Fault::query(&self.location, cause)
    }

    /// The value is of another type than the field wants.
    pub(crate) fn unexpected(&self, expected: &str, value: &Value) -> Fault {
        self.fault(&format!(
            "returned an unexpected result type. Expected '{expected}', but was '{}' for value: {}",
            value.kind(),
            value.to_json()
        ))
    }
}

/// What is wrong with a reference to the context of an expression: a workflow has none, its data are `$states` and variables.
///
/// Only the first step of a path looks there; names behind it, in predicates, in groupings and in sort terms are those of data.
fn at_top_level(tree: &AstNode) -> Option<String> {
    // A list of its own instead of recursion: `1+1+1+…` nests as deep as it is long.
    let mut open = vec![tree];
    while let Some(node) = open.pop() {
        match node {
            AstNode::Name(name) => {
                return Some(format!("Reference to '{name}' at the top level is not supported."));
            }
            AstNode::ParentVariable(_) => return Some("Reference to '$$' is not supported.".to_owned()),
            AstNode::Path { steps } => open.extend(steps.first().map(|step| &step.node)),
            AstNode::Binary { lhs, rhs, .. } => open.extend([&**lhs, &**rhs]),
            AstNode::Unary { operand: inner, .. }
            | AstNode::Lambda { body: inner, .. }
            | AstNode::FunctionApplication(inner) => {
                open.push(inner);
            }
            AstNode::Function { args, .. } => open.extend(args),
            AstNode::Call { procedure, args } => {
                open.push(procedure);
                open.extend(args);
            }
            AstNode::Array(items) | AstNode::Block(items) | AstNode::ArrayGroup(items) => open.extend(items),
            AstNode::Object(pairs) => open.extend(pairs.iter().flat_map(|(key, value)| [key, value])),
            AstNode::ObjectTransform { input, .. } | AstNode::Sort { input, .. } => open.push(input),
            AstNode::Conditional { condition, then_branch, else_branch } => {
                open.extend([&**condition, &**then_branch]);
                open.extend(else_branch.as_deref());
            }
            _ => {}
        }
    }
    None
}

/// Evaluates an expression over plain data, without the variables and functions of a workflow: for the official test suite of
/// JSONata. `None` stands for nothing (undefined).
///
/// # Errors
/// What the library says, with its code in front.
pub(crate) fn evaluate_plain(
    text: &str,
    data: Option<&Value>,
    bindings: &[(String, Value)],
) -> Result<Option<Value>, String> {
    let tree = parser::parse(text).map_err(|e| e.to_string())?;
    let mut context = Context::new();
    for (name, value) in bindings {
        context.bind(name.clone(), to_jsonata(value));
    }
    let data = data.map_or(JValue::Undefined, to_jsonata);
    let value = Evaluator::with_options(context, limits()).evaluate(&tree, &data);
    match value.map_err(|e| e.message().to_owned())? {
        JValue::Undefined => Ok(None),
        value => Ok(from_jsonata(&value, crate::value::DEPTH_MAX)),
    }
}

fn limits() -> EvaluatorOptions {
    EvaluatorOptions {
        timeout_ms: Some(TIME_MS_MAX),
        max_stack_depth: Some(STACK_MAX),
        max_sequence_length: Some(SEQUENCE_MAX),
        cancel: None,
    }
}

impl Plain {
    fn of(text: &str) -> Option<Self> {
        const WORDS: [&str; 7] = ["and", "or", "in", "true", "false", "null", "function"];
        let mut parts = text.strip_prefix('$')?.split('.');
        let variable = parts.next().filter(|v| super::path::is_variable(v))?.to_owned();
        let fields = parts.map(str::to_owned).collect::<Vec<_>>();
        fields
            .iter()
            .all(|f| super::path::is_variable(f) && !WORDS.contains(&f.as_str()))
            .then_some(Self { variable, fields })
    }

    /// The value; `Some(None)` if there is none, `None` if the library must look.
    fn find(&self, scope: &Scope<'_>) -> Option<Option<Value>> {
        let (root, fields) = if self.variable == "states" {
            let (first, rest) = self.fields.split_first()?;
            let root = match first.as_str() {
                "input" => Some(scope.input),
                "result" => scope.result,
                "errorOutput" => scope.error,
                "context" => Some(scope.context.get()),
                _ => None,
            };
            (root, rest)
        } else {
            // A name that is no variable may still be a function of the library.
            (Some(&**scope.variables.get(&self.variable)?), self.fields.as_slice())
        };
        let mut place = match root {
            Some(root) => root,
            None => return Some(None),
        };
        for field in fields {
            place = match place {
                Value::Array(_) => return None,
                other => match other.get(field) {
                    Some(next) => next,
                    None => return Some(None),
                },
            };
        }
        Some(Some(place.clone()))
    }
}

/// An evaluator that knows the variables, `$states` and the functions that AWS adds. Time and chance are those of the event.
fn evaluator(text: &str, scope: &Scope<'_>) -> Evaluator {
    let mut context = Context::new();
    for (name, value) in scope.variables {
        if text.contains(name.as_str()) {
            context.bind(name.clone(), to_jsonata(value));
        }
    }
    if text.contains("$states") {
        context.bind("states".to_owned(), states(text, scope));
    }
    let mut evaluator = Evaluator::with_options(context, limits());
    // These names are free in the library, so nothing can be refused.
    let _ = evaluator.register_fn("partition", partition);
    let _ = evaluator.register_fn("range", range);
    let _ = evaluator.register_fn("hash", hash);
    let _ = evaluator.register_fn("parse", parse);
    let seed = scope.chance.next();
    let chance = std::rc::Rc::new(super::Chance::new(seed));
    let (uuids, shuffles) = (std::rc::Rc::clone(&chance), std::rc::Rc::clone(&chance));
    let _ = evaluator.register_fn("uuid", move |_: &[JValue]| Ok(JValue::from(uuids.uuid())));
    let _ = evaluator.register_fn_override("random", move |args: &[JValue]| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any bits are a seed")]
        let drawn = match args.first().and_then(JValue::as_f64) {
            Some(seed) => super::Chance::new(seed as i64 as u64).unit(),
            None => chance.unit(),
        };
        Ok(JValue::Number(drawn))
    });
    let _ = evaluator.register_fn_override("shuffle", move |args: &[JValue]| Ok(shuffle(args, &shuffles)));
    let ms = scope.now.div_euclid(1_000);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our age fit into 53 bits")]
    let millis = ms as f64;
    let _ = evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(JValue::Number(millis)));
    let _ = evaluator.register_fn_override("now", move |args: &[JValue]| now(millis, args));
    let _ = evaluator.register_fn_override("eval", |_: &[JValue]| {
        Err(EvaluatorError::EvaluationError("T1006: Attempted to invoke a non-function".to_owned()))
    });
    evaluator
}

/// The parts of `$states` that the text names, or all of them where it names the whole.
fn states(text: &str, scope: &Scope<'_>) -> JValue {
    let mut wanted = [false; 4];
    const PARTS: [&str; 4] = ["input", "result", "errorOutput", "context"];
    for (at, found) in text.match_indices("$states") {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        match rest.strip_prefix('.').and_then(|rest| PARTS.iter().position(|part| rest.starts_with(part))) {
            Some(part) => wanted[part] = true,
            None => wanted = [true; 4],
        }
    }
    let [input, result, error, context] = wanted;
    let values = [
        input.then_some(scope.input),
        scope.result.filter(|_| result),
        scope.error.filter(|_| error),
        context.then(|| scope.context.get()),
    ];
    let fields = PARTS
        .iter()
        .zip(values)
        .filter_map(|(part, value)| value.map(|value| ((*part).to_owned(), to_jsonata(value))));
    JValue::object(fields.collect())
}

fn refuse(why: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(why.into())
}

fn argument(args: &[JValue], n: usize) -> Result<Value, EvaluatorError> {
    args.get(n)
        .and_then(|v| from_jsonata(v, crate::value::DEPTH_MAX))
        .ok_or_else(|| refuse(format!("T0410: Argument {} of function has an unexpected type", n + 1)))
}

/// A whole number; what is none is rounded towards zero. `None` if nothing is given.
fn int(args: &[JValue], n: usize) -> Result<Option<i128>, EvaluatorError> {
    match args.get(n) {
        None | Some(JValue::Undefined) => Ok(None),
        #[expect(clippy::cast_possible_truncation, reason = "within the range of i64")]
        Some(JValue::Number(x)) if x.abs() < 9e18 => Ok(Some(x.trunc() as i128)),
        Some(_) => Err(refuse(format!("T0410: Argument {} must be a number", n + 1))),
    }
}

/// Nothing comes of an empty array, or of pieces of no size.
fn partition(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    let Value::Array(items) = argument(args, 0)? else {
        return Err(refuse("T0410: Argument 1 must be an array"));
    };
    match int(args, 1)? {
        Some(size) if size > 0 && !items.is_empty() => {
            functions::partition(&items, size).map(|v| to_jsonata(&v)).map_err(refuse)
        }
        _ => Ok(JValue::Undefined),
    }
}

/// How many numbers a range may hold at AWS.
const RANGE_MAX: usize = 360_145;

/// A sequence, so that a range of one number is that number, as everywhere in JSONata; nothing if it is empty.
fn range(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    let (Some(first), Some(last), Some(step)) = (int(args, 0)?, int(args, 1)?, int(args, 2)?) else {
        return Ok(JValue::Undefined);
    };
    if step == 0 {
        return Ok(JValue::Undefined);
    }
    let numbers = functions::range(first, last, step, RANGE_MAX);
    let numbers = numbers.map_err(|_| refuse("Expression evaluation memory limit exceeded"))?;
    let items: Vec<JValue> = numbers.as_array().unwrap_or_default().iter().map(to_jsonata).collect();
    Ok(if items.is_empty() { JValue::Undefined } else { JValue::sequence(items).unwrap_sequence() })
}

fn hash(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    let (Some(_), Some(_)) = (args.first(), args.get(1)) else { return Ok(JValue::Undefined) };
    let (data, algorithm) = (argument(args, 0)?, argument(args, 1)?);
    let data = match data {
        Value::String(text) => text,
        other => other.to_json(),
    };
    let algorithm = algorithm.as_str().unwrap_or_default();
    functions::hash(&data, algorithm).map(JValue::from).map_err(refuse)
}

fn parse(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    match argument(args, 0)? {
        Value::String(text) => {
            Value::parse(&text).map(|v| to_jsonata(&v)).map_err(|_| refuse("the text is not JSON"))
        }
        _ => Err(refuse("T0410: Argument 1 must be a string")),
    }
}

/// Fisher and Yates.
fn shuffle(args: &[JValue], chance: &super::Chance) -> JValue {
    let mut items = match args.first() {
        Some(JValue::Array(items)) => items.to_vec(),
        Some(JValue::Undefined) | None => return JValue::Undefined,
        Some(other) => vec![other.clone()],
    };
    for n in (1..items.len()).rev() {
        let bound = n as u64 + 1;
        let other = usize::try_from(chance.next() % bound).unwrap_or_default();
        items.swap(n, other);
    }
    JValue::array(items)
}

/// The time of the event, in the picture that is asked for.
fn now(millis: f64, args: &[JValue]) -> Result<JValue, EvaluatorError> {
    let mut context = Context::new();
    let names = ["picture", "zone"];
    context.bind("at".to_owned(), JValue::Number(millis));
    for (name, value) in names.iter().zip(args) {
        context.bind((*name).to_owned(), value.clone());
    }
    let text = match args.len() {
        0 => "$fromMillis($at)",
        1 => "$fromMillis($at, $picture)",
        _ => "$fromMillis($at, $picture, $zone)",
    };
    let tree = parser::parse(text).map_err(|e| refuse(e.to_string()))?;
    Evaluator::with_context(context).evaluate(&tree, &JValue::Undefined)
}

/// A value for the library. Its depth is bounded (see [`crate::value::DEPTH_MAX`]).
fn to_jsonata(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(b) => JValue::Bool(*b),
        Value::Int(_) | Value::Float(_) => JValue::Number(value.as_float().unwrap_or_default()),
        Value::String(text) => JValue::string(text.as_str()),
        Value::Array(items) => JValue::array(items.iter().map(to_jsonata).collect()),
        Value::Object(map) => JValue::object(map.iter().map(|(k, v)| (k.clone(), to_jsonata(v))).collect()),
    }
}

/// A value of the library; `None` if it is or holds a function, a number that JSON has no word for, or nests too deep.
fn from_jsonata(value: &JValue, depth: usize) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let deeper = |value| depth.checked_sub(1).and_then(|depth| from_jsonata(value, depth));
    match value {
        JValue::Null => Some(Value::Null),
        JValue::Bool(b) => Some(Value::Bool(*b)),
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        JValue::Number(x) if x.fract() == 0.0 && x.abs() <= EXACT => Some(Value::Int(*x as i128)),
        JValue::Number(x) if x.is_finite() => Some(Value::Float(*x)),
        // JSON has no such numbers; AWS writes their names.
        JValue::Number(x) if x.is_nan() => Some("NaN".into()),
        JValue::Number(x) => Some(if *x > 0.0 { "Infinity" } else { "-Infinity" }.into()),
        JValue::String(text) => Some(Value::String(text.to_string())),
        JValue::Array(items) => items.iter().map(deeper).collect::<Option<Vec<_>>>().map(Value::Array),
        JValue::Object(map) => map
            .iter()
            .filter(|(_, v)| !v.is_undefined())
            .map(|(k, v)| deeper(v).map(|v| (k.clone(), v)))
            .collect::<Option<Map>>()
            .map(Value::Object),
        _ => None,
    }
}
