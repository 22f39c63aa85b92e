//! Fail: ends the flow with an error.

use crate::fault::Fault;
use crate::query::Scope;
use crate::query::intrinsic::Call;
use crate::query::path::Path;
use crate::query::template::QueryLanguage;
use crate::query::template::not_found;
use crate::reader::{Reader, Setting};
use crate::value::Value;
use staunch_types::codes;

/// The fields of a Fail state.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    error: Option<Text>,
    cause: Option<Text>,
}

#[derive(Debug, Clone)]
enum Text {
    Plain(Setting<String>),
    Call(Call),
}

impl Fail {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self { error: text(reader, "Error", "ErrorPath"), cause: text(reader, "Cause", "CausePath") }
    }

    /// The error that the state raises.
    pub(crate) fn raise(&self, scope: &Scope<'_>) -> Result<Fault, Fault> {
        let error = self.error.as_ref().map(|text| text.get(scope)).transpose()?;
        let cause = self.cause.as_ref().map(|text| text.get(scope)).transpose()?;
        Ok(Fault { error, cause, location: None, internal: false })
    }
}

fn text(reader: &Reader<'_>, name: &'static str, path_name: &'static str) -> Option<Text> {
    // The path of a Fail state may also be a call of an intrinsic function.
    if reader.language == QueryLanguage::JsonPath
        && !reader.has(name)
        && let Some(text) = reader.text(path_name)
        && text.starts_with("States.")
    {
        let call = Call::parse(text);
        if let Err(what) = &call {
            reader.notes.error(
                codes::WORKFLOW_EXPRESSION,
                &reader.at(path_name),
                what.clone(),
                "write a path or a call",
            );
        }
        return call.ok().map(Text::Call);
    }
    let setting = reader.setting(name, path_name, |_| reader.text(name).map(str::to_owned));
    setting.map(Text::Plain)
}

impl Text {
    fn get(&self, scope: &Scope<'_>) -> Result<String, Fault> {
        let (value, field) = match self {
            Self::Plain(Setting::Fixed(text)) => return Ok(text.clone()),
            Self::Plain(Setting::Path(field, path)) => (find(path, field, scope)?, field.as_str()),
            Self::Plain(Setting::Jsonata(expression)) => match expression.evaluate(scope)? {
                Value::String(text) => return Ok(text),
                other => return Err(expression.unexpected("string", &other)),
            },
            Self::Call(call) => (call.evaluate(scope)?, "call"),
        };
        match value {
            Value::String(text) => Ok(text),
            other => Err(Fault::runtime(format!(
                "The value of the field '{field}' must be a string, but was {}.",
                other.kind()
            ))),
        }
    }
}

fn find(path: &Path, field: &str, scope: &Scope<'_>) -> Result<Value, Fault> {
    path.get(scope).map_err(|_| not_found(path, field, scope))
}
