//! How data goes through a state: what it works on, what it gives, what it assigns.

use crate::fault::{Fault, names};
use crate::query::path::Path;
use crate::query::template::{QueryLanguage, Template};
use crate::query::{Scope, Variables};
use crate::states::State;
use crate::states::catching::Catcher;
use crate::states::map::invalid_path;
use crate::value::{Map, Value, object};
use std::borrow::Cow;

/// What a state gives: its output, and what it assigns.
pub(crate) struct Given {
    pub(crate) output: Value,
    pub(crate) assigned: Vec<(String, Value)>,
}

/// The input after `InputPath`. `null` stands for an empty object.
pub(crate) fn effective_input<'a>(state: &State, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Fault> {
    select(state.input_path.as_ref(), scope, scope.input)
}

fn select<'a>(
    path: Option<&Option<Path>>,
    scope: &Scope<'_>,
    from: &'a Value,
) -> Result<Cow<'a, Value>, Fault> {
    match path {
        None => Ok(Cow::Borrowed(from)),
        Some(None) => Ok(Cow::Owned(Value::Object(Map::new()))),
        Some(Some(path)) => {
            let found = path.get(&scope.with_input(from));
            found.map(Cow::Owned).map_err(|missing| invalid_path(path, missing.0))
        }
    }
}

/// What a task, a branch or an item works on: `Parameters` or `Arguments`, and the input where there are none.
pub(crate) fn arguments(state: &State, scope: &Scope<'_>, effective: &Value) -> Result<Value, Fault> {
    match &state.arguments {
        Some(template) => template.evaluate(&scope.with_input(effective)),
        None => Ok(effective.clone()),
    }
}

/// The output of a state that has a result. `raw` is its input before `InputPath`.
pub(crate) fn with_result(
    state: &State,
    scope: &Scope<'_>,
    raw: &Value,
    result: Value,
) -> Result<Given, Fault> {
    let scope = scope.with_result(&result);
    match state.language {
        QueryLanguage::Jsonata => {
            let output = match &state.output {
                Some(template) => template.evaluate(&scope)?,
                None => result.clone(),
            };
            Ok(Given { output, assigned: assign(state.assign.as_ref(), &scope)? })
        }
        QueryLanguage::JsonPath => {
            // In `Assign`, `$` is the result.
            let assigned = assign(state.assign.as_ref(), &scope.with_input(&result))?;
            let combined = combined(state, raw, selected(state, &scope, &result)?)?;
            let output = select(state.output_path.as_ref(), &scope, &combined)?.into_owned();
            Ok(Given { output, assigned })
        }
    }
}

/// The result after `ResultSelector`.
pub(crate) fn selected(state: &State, scope: &Scope<'_>, result: &Value) -> Result<Value, Fault> {
    match &state.result_selector {
        Some(template) => template.evaluate(&scope.with_input(result)),
        None => Ok(result.clone()),
    }
}

/// The result put into the input by `ResultPath`.
pub(crate) fn combined(state: &State, raw: &Value, selected: Value) -> Result<Value, Fault> {
    match &state.result_path {
        None => Ok(selected),
        Some(None) => Ok(raw.clone()),
        Some(Some(path)) => path.put(raw.clone(), selected),
    }
}

/// The output of a state that has none of its own: Pass, Wait, Choice, Succeed. `output` and `assigning` are those of the rule of
/// a Choice state where it has some.
pub(crate) fn handed_on(
    state: &State,
    scope: &Scope<'_>,
    output: Option<&Template>,
    assigning: Option<&Template>,
) -> Result<Given, Fault> {
    let effective = effective_input(state, scope)?;
    let scope = &scope.with_input(&effective);
    let assigned = assign(assigning, scope)?;
    let output = match state.language {
        QueryLanguage::Jsonata => match output {
            Some(template) => template.evaluate(scope)?,
            None => effective.clone().into_owned(),
        },
        QueryLanguage::JsonPath => select(state.output_path.as_ref(), scope, &effective)?.into_owned(),
    };
    Ok(Given { output, assigned })
}

/// What goes to the state behind a rule of `Catch`.
pub(crate) fn caught(
    catcher: &Catcher,
    language: QueryLanguage,
    scope: &Scope<'_>,
    fault: &Fault,
) -> Result<Given, Fault> {
    let error = error_output(fault);
    let scope = scope.with_error(&error);
    match language {
        QueryLanguage::Jsonata => {
            let output = match &catcher.output {
                Some(template) => template.evaluate(&scope)?,
                None => error.clone(),
            };
            Ok(Given { output, assigned: assign(catcher.assign.as_ref(), &scope)? })
        }
        QueryLanguage::JsonPath => {
            let assigned = assign(catcher.assign.as_ref(), &scope.with_input(&error))?;
            let output = match &catcher.result_path {
                None => error.clone(),
                Some(None) => scope.input.clone(),
                Some(Some(path)) => path.put(scope.input.clone(), error.clone())?,
            };
            Ok(Given { output, assigned })
        }
    }
}

/// `{"Error": …, "Cause": …}`
pub(crate) fn error_output(fault: &Fault) -> Value {
    let text = |text: &Option<String>| Value::from(text.as_deref().unwrap_or_default());
    object([("Error", text(&fault.error)), ("Cause", text(&fault.cause))])
}

/// The values of an `Assign`: all of them see the variables as they were before.
fn assign(template: Option<&Template>, scope: &Scope<'_>) -> Result<Vec<(String, Value)>, Fault> {
    let Some(template) = template else { return Ok(Vec::new()) };
    match template.evaluate(scope)? {
        Value::Object(map) => Ok(map.into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

/// The most bytes that all variables may hold together, as AWS limits one execution.
const VARIABLES_BYTES_MAX: usize = 10 << 20;

/// Puts what a state assigns in place.
pub(crate) fn set_variables(variables: &mut Variables, assigned: Vec<(String, Value)>) -> Result<(), Fault> {
    if assigned.is_empty() {
        return Ok(());
    }
    for (name, value) in assigned {
        variables.insert(name, value.into());
    }
    if variables.len() > 10_000
        || variables.values().map(|v| rough_size(v)).sum::<usize>() > VARIABLES_BYTES_MAX
    {
        return Err(Fault::internal(names::DATA_LIMIT, "The variables hold more than 10 MiB."));
    }
    Ok(())
}

fn rough_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|v| rough_size(v) + 1).sum::<usize>(),
        Value::Object(map) => 2 + map.iter().map(|(k, v)| k.len() + 4 + rough_size(v)).sum::<usize>(),
        _ => 8,
    }
}
