//! One state tried by itself, with the answer and the inspection data of AWS's `TestState`.
//!
//! What AWS checks against the models of its services (the shape of a mocked result) is not checked: those models are not here.

mod context;
#[cfg(test)]
mod tests;

use crate::definition::{Definition, Flow, Type};
use crate::fault::{Fault, names};
use crate::machine::{Home, data};
use crate::query::template::QueryLanguage;
use crate::query::{Chance, Context, Scope, Variables};
use crate::reader::{Notes, Reader};
use crate::states::{Kind, State};
use crate::text::Document;
use crate::value::{Map, Value, object};

/// Why a state cannot be tried, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code: `ValidationException` or `InvalidDefinition`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

fn refused<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { code: "ValidationException", message: message.into() })
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { code: "InvalidDefinition", message: message.into() })
}

/// What is put in place of the outside.
enum Mock {
    Result(Value),
    Error(Fault),
}

/// Tries one state. The request and the answer have the fields of AWS's `TestState`; texts that hold JSON may also stand there as
/// values. `now` is the time, in microseconds since 1970.
///
/// # Errors
/// What AWS refuses.
///
/// ```
/// use staunch_workflow::{Home, Value, trial};
///
/// let request = Value::parse(r#"{"definition": {"Type": "Pass", "Next": "Then"}, "input": {"a": 1}}"#)?;
/// let answer = trial::try_state(&request, &Home::default(), 0).expect("nothing to refuse");
/// assert_eq!(answer.to_json(), r#"{"status":"SUCCEEDED","output":"{\"a\":1}","nextState":"Then"}"#);
/// # Ok::<(), String>(())
/// ```
pub fn try_state(request: &Value, home: &Home, now: i64) -> Result<Value, Refused> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let definition = match request.get("definition") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_json(),
        None => return refused("A definition is required"),
    };
    let (name, state) = find(&definition, text("stateName"))?;
    let input = embedded(request.get("input").filter(|v| **v != Value::Null))?
        .unwrap_or_else(|| Value::Object(Map::new()));
    let mock = mock(request)?;
    let configuration = request.get("stateConfiguration").cloned().unwrap_or_default();
    check(&state, mock.as_ref(), &configuration, request)?;
    let variables: Variables = match embedded(request.get("variables"))? {
        Some(Value::Object(map)) => map.into_iter().map(|(k, v)| (k, v.into())).collect(),
        _ => Variables::new(),
    };
    let given = embedded(request.get("context"))?;
    if let Some(given) = &given {
        context::check(given, &state)?;
    }
    let make = || context::make(given.as_ref(), &state, &input, text("roleArn"), home, now);
    let trial = Trial { state: &state, input: &input, mock, configuration, inspection: Map::new() };
    let scope = Scope {
        input: &input,
        result: None,
        error: None,
        variables: &variables,
        context: &Context::new(&make),
        now,
        chance: &Chance::new(0),
    };
    Ok(trial.answer(&scope, text("inspectionLevel").unwrap_or("INFO"), &name))
}

/// A value, or the JSON in a text.
fn embedded(value: Option<&Value>) -> Result<Option<Value>, Refused> {
    match value {
        Some(Value::String(text)) => match Value::parse(text) {
            Ok(value) => Ok(Some(value)),
            Err(_) => refused("A field holds a text that is not JSON"),
        },
        other => Ok(other.cloned()),
    }
}

/// The state to be tried: the definition itself, or the state of this name in a whole definition.
fn find(definition: &str, wanted: Option<&str>) -> Result<(String, State), Refused> {
    let Ok(document) = Document::parse(definition) else {
        return invalid("Definition must be a valid JSON object");
    };
    let Value::Object(map) = &document.value else {
        return invalid("Definition must be a valid JSON object");
    };
    if map.contains_key("States") {
        let definition = match Definition::parse(definition) {
            Ok(definition) => definition,
            Err(error) => return invalid(error.message()),
        };
        let Some(wanted) = wanted else { return refused("stateName must be specified for a state machine") };
        if wanted.is_empty() {
            return refused(
                "Parameter validation failed:\nInvalid length for parameter stateName, value: 0, valid min length: 1",
            );
        }
        return match find_in(&definition.flow, wanted) {
            Some(state) => Ok((wanted.to_owned(), state.clone())),
            None => refused("State not found in definition"),
        };
    }
    let notes = Notes::new(&document);
    let reader = Reader::new(map, String::new(), &notes, QueryLanguage::JsonPath);
    let state = State::read("StateName", &reader, QueryLanguage::JsonPath, Type::Standard);
    let errors = notes.into_diagnostics();
    match (state, errors.iter().find(|d| d.severity == crate::Severity::Error)) {
        (Some(state), None) => Ok(("StateName".to_owned(), state)),
        (_, Some(error)) => invalid(format!("{} at {}", error.message, error.path)),
        (None, None) => invalid("The state has no type"),
    }
}

fn find_in<'f>(flow: &'f Flow, name: &str) -> Option<&'f State> {
    // The depth of flows is bounded by that of the text.
    flow.states
        .get(name)
        .or_else(|| flow.states.values().flat_map(|s| s.kind.flows()).find_map(|flow| find_in(flow, name)))
}

fn mock(request: &Value) -> Result<Option<Mock>, Refused> {
    let Some(mock) = request.get("mock").filter(|m| **m != Value::Null) else { return Ok(None) };
    if let Some(error) = mock.get("errorOutput") {
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        return Ok(Some(Mock::Error(Fault {
            error: text("error"),
            cause: text("cause"),
            location: None,
            internal: false,
        })));
    }
    Ok(embedded(mock.get("result"))?.map(Mock::Result))
}

/// What AWS refuses before it tries anything.
fn check(state: &State, mock: Option<&Mock>, configuration: &Value, request: &Value) -> Result<(), Refused> {
    let kind = state.kind.name();
    if mock.is_none() && configuration.get("mapIterationFailureCount").is_some() {
        return refused("TestState does not support MapIterationFailureCount when a mock is not specified.");
    }
    if mock.is_some() && request.get("revealSecrets") == Some(&Value::Bool(true)) {
        return refused("TestState does not support RevealSecrets when a mock is specified.");
    }
    match (&state.kind, mock) {
        (Kind::Map(_) | Kind::Parallel(_), None) => invalid(
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        ),
        (Kind::Task(_), None) => refused("RoleArn must be specified when testing a Task state"),
        (Kind::Task(_), Some(_)) | (_, None) => Ok(()),
        (Kind::Map(map), Some(Mock::Result(result))) => {
            let written = map.distributed.as_ref().is_some_and(|d| d.writer.is_some());
            if !written && result.as_array().is_none() {
                return refused("Mocked result must be an array.");
            }
            Ok(())
        }
        (Kind::Parallel(parallel), Some(Mock::Result(result))) => match result.as_array() {
            None => refused("Mocked result must be an array."),
            Some(items) if items.len() != parallel.branches.len() => {
                refused("Mocked result must contain the same number of items as number of Parallel branches.")
            }
            Some(_) => Ok(()),
        },
        (Kind::Map(_) | Kind::Parallel(_), Some(Mock::Error(_))) => Ok(()),
        (_, Some(_)) => refused(format!("State type '{kind}' is not supported when a mock is specified")),
    }
}

struct Trial<'t> {
    state: &'t State,
    input: &'t Value,
    mock: Option<Mock>,
    configuration: Value,
    inspection: Map,
}

/// What a state came to.
enum End {
    Done(Value, Option<String>),
    Failed(Fault),
}

impl Trial<'_> {
    /// Notes a step; AWS writes data as texts.
    fn inspect(&mut self, name: &str, value: &Value) {
        self.inspection.insert(name.to_owned(), value.to_json().into());
    }

    fn answer(mut self, scope: &Scope<'_>, level: &str, name: &str) -> Value {
        let (input, state) = (self.input, self.state);
        self.inspect("input", input);
        if !scope.variables.is_empty() {
            let all = scope.variables.iter().map(|(k, v)| (k.clone(), (**v).clone())).collect();
            self.inspect("variables", &all);
        }
        let end = self.run(scope).unwrap_or_else(End::Failed);
        let mut answer = Map::new();
        let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        match end {
            End::Done(output, next) => {
                put("status", "SUCCEEDED".into());
                put("output", output.to_json().into());
                next.map(|next| put("nextState", next.into()));
            }
            End::Failed(mut fault) => {
                if fault.internal {
                    let cause = fault.cause.take().unwrap_or_default();
                    fault.cause = Some(format!(
                        "An error occurred while executing the state '{name}' (entered at the event id #0). {cause}"
                    ));
                }
                let (status, handled) = self.handle(state, scope, &fault);
                put("status", status.into());
                fault.error.map(|e| put("error", e.into()));
                fault.cause.map(|c| put("cause", c.into()));
                if let Some((output, next)) = handled {
                    put("output", output.to_json().into());
                    put("nextState", next.into());
                }
            }
        }
        if level != "INFO" {
            put("inspectionData", Value::Object(self.inspection));
        }
        Value::Object(answer)
    }

    /// What `Retry` and `Catch` make of an error.
    fn handle(
        &mut self,
        state: &State,
        scope: &Scope<'_>,
        fault: &Fault,
    ) -> (&'static str, Option<(Value, String)>) {
        let of_task = matches!(state.kind, Kind::Task(_) | Kind::Map(_) | Kind::Parallel(_));
        let used = self.configuration.get("retrierRetryCount").and_then(Value::as_int).unwrap_or(0);
        let used = u64::try_from(used).unwrap_or_default();
        let retrier = state.retry.iter().enumerate().find(|(_, r)| r.matches(fault, of_task));
        let mut details = Map::new();
        if let Some((index, rule)) = retrier {
            details.insert("retryIndex".to_owned(), Value::Int(index as i128));
            if used < rule.attempts_max {
                let seconds = rule.delay_seconds(used + 1, None);
                details.insert("retryBackoffIntervalSeconds".to_owned(), Value::Float(seconds));
                self.inspection.insert("errorDetails".to_owned(), Value::Object(details));
                return ("RETRIABLE", None);
            }
        }
        let catcher = state.catch.iter().enumerate().find(|(_, c)| c.matches(fault, of_task));
        let caught = catcher.and_then(|(index, catcher)| {
            details.insert("catchIndex".to_owned(), Value::Int(index as i128));
            data::caught(catcher, state.language, scope, fault)
                .ok()
                .map(|given| (given.output, catcher.next.clone()))
        });
        if !details.is_empty() {
            self.inspection.insert("errorDetails".to_owned(), Value::Object(details));
        }
        (if caught.is_some() { "CAUGHT_ERROR" } else { "FAILED" }, caught)
    }

    fn run(&mut self, scope: &Scope<'_>) -> Result<End, Fault> {
        let state = self.state;
        let json_path = state.language == QueryLanguage::JsonPath;
        let effective = data::effective_input(state, scope)?;
        let has_fixed_result = matches!(&state.kind, Kind::Pass(pass) if pass.result.is_some());
        if json_path && !has_fixed_result && !matches!(state.kind, Kind::Parallel(_)) {
            self.inspect("afterInputPath", &effective);
        }
        let inner = scope.with_input(&effective);
        match &state.kind {
            Kind::Fail(fail) => fail.raise(scope).map(End::Failed),
            Kind::Succeed | Kind::Wait(_) => {
                if let Kind::Wait(wait) = &state.kind {
                    wait.until(&inner)?;
                }
                let given = data::handed_on(state, scope, state.output.as_ref(), state.assign.as_ref())?;
                Ok(End::Done(given.output, state.next.clone()))
            }
            Kind::Choice(choice) => {
                let rule = choice.choose(&inner)?;
                let output = rule.and_then(|r| r.output.as_ref()).or(state.output.as_ref());
                let given = data::handed_on(state, scope, output, None)?;
                let next = rule.map_or(choice.default.clone(), |r| Some(r.next.clone()));
                Ok(End::Done(given.output, next))
            }
            Kind::Pass(pass) => {
                if !json_path {
                    let given = data::handed_on(state, scope, state.output.as_ref(), state.assign.as_ref())?;
                    return Ok(End::Done(given.output, state.next.clone()));
                }
                let result = match &pass.result {
                    Some(result) => {
                        self.inspect("result", result);
                        result.clone()
                    }
                    None => {
                        let result = data::arguments(state, scope, &effective)?;
                        self.inspect("afterParameters", &result);
                        result
                    }
                };
                self.finish(scope, result)
            }
            Kind::Task(_) => {
                // A token that nobody gave is one all the same.
                let arguments = data::arguments(state, scope, &effective)?;
                self.inspect(if json_path { "afterParameters" } else { "afterArguments" }, &arguments);
                self.mocked(scope, true)
            }
            Kind::Parallel(_) => {
                data::arguments(state, scope, &effective)?;
                self.mocked(scope, false)
            }
            Kind::Map(map) => {
                if map.distributed.as_ref().is_none_or(|d| d.reader.is_none()) {
                    let items = Value::Array(map.items(&inner)?);
                    if json_path {
                        self.inspect("afterItemsPath", &items);
                    }
                }
                let most = map.concurrency(&inner)?;
                self.inspection.insert("maxConcurrency".to_owned(), Value::Int(most as i128));
                let tolerance =
                    map.distributed.as_ref().map(|d| d.tolerance(&inner)).transpose()?.unwrap_or_default();
                if let Some(count) = tolerance.count {
                    self.inspection.insert("toleratedFailureCount".to_owned(), count.into());
                }
                if let Some(share) = tolerance.percentage {
                    self.inspection.insert("toleratedFailurePercentage".to_owned(), Value::Float(share));
                }
                let failed =
                    self.configuration.get("mapIterationFailureCount").and_then(Value::as_int).unwrap_or(0);
                let total = match &self.mock {
                    Some(Mock::Result(Value::Array(items))) => items.len() as u64,
                    _ => 0,
                };
                let is_bounded = tolerance != crate::states::distributed::Tolerance::default();
                let is_error = matches!(self.mock, Some(Mock::Error(_)));
                if !is_error
                    && is_bounded
                    && tolerance.exceeded(u64::try_from(failed).unwrap_or_default(), total)
                {
                    let cause = "The specified tolerated failure threshold was exceeded";
                    return Ok(End::Failed(Fault::raised(names::TOLERATED, cause)));
                }
                self.mocked(scope, false)
            }
        }
    }

    /// What the mock gives. The result of a task is noted, those of branches and items are not.
    fn mocked(&mut self, scope: &Scope<'_>, note: bool) -> Result<End, Fault> {
        match self.mock.take() {
            Some(Mock::Result(result)) => {
                if note {
                    self.inspect("result", &result);
                }
                self.finish(scope, result)
            }
            Some(Mock::Error(fault)) => Ok(End::Failed(fault)),
            None => Err(Fault::runtime("There is no mock.")),
        }
    }

    fn finish(&mut self, scope: &Scope<'_>, result: Value) -> Result<End, Fault> {
        let state = self.state;
        if state.language == QueryLanguage::JsonPath {
            let selected = data::selected(state, scope, &result)?;
            self.inspect("afterResultSelector", &selected);
            let combined = data::combined(state, self.input, selected)?;
            self.inspect("afterResultPath", &combined);
        }
        let given = data::with_result(state, scope, self.input, result)?;
        Ok(End::Done(given.output, state.next.clone()))
    }
}

/// A text field of an object.
fn text_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// An object that holds a name and an id.
fn named(id: &str, name: &str) -> Value {
    object([("Id", id.into()), ("Name", name.into())])
}
