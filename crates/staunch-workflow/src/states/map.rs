//! Map: runs a flow once for each item, here or as executions of their own (see [`super::distributed`]).

use super::distributed::Distributed;
use crate::definition::{Flow, Type};
use crate::fault::{Fault, names};
use crate::query::Scope;
use crate::query::path::Path;
use crate::query::template::{QueryLanguage, Template};
use crate::reader::{Reader, Setting};
use crate::value::Value;
use staunch_types::codes;

/// The fields of a Map state.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) processor: Flow,
    items: Items,
    /// `ItemSelector`, or `Parameters` as it was called first.
    pub(crate) selector: Option<Template>,
    concurrency: Option<Setting<i128>>,
    /// The flow runs as executions of their own.
    pub(crate) distributed: Option<Box<Distributed>>,
}

#[derive(Debug, Clone)]
enum Items {
    Input,
    Path(Path),
    Template(Template),
}

impl Map {
    pub(super) fn read(name: &str, reader: &Reader<'_>, language: QueryLanguage, kind: Type) -> Self {
        let items = match reader.language {
            QueryLanguage::JsonPath => reader.path_field("ItemsPath").map_or(Items::Input, Items::Path),
            QueryLanguage::Jsonata => {
                reader.forbid(&["ItemsPath"]);
                reader.template("Items").map_or(Items::Input, Items::Template)
            }
        };
        if reader.has("ItemSelector") && reader.has("Parameters") {
            let what = "Only one of ['ItemSelector', 'Parameters'] may be given".to_owned();
            reader.notes.error(codes::BAD_VALUE, &reader.path, what, "keep `ItemSelector`");
        }
        let selector = match reader.language {
            QueryLanguage::JsonPath => reader.template("ItemSelector").or(reader.template("Parameters")),
            QueryLanguage::Jsonata => reader.template("ItemSelector"),
        };
        let concurrency = reader.int_setting("MaxConcurrency", "MaxConcurrencyPath", 0, 100_000_000);
        let (processor, mode) = processor(reader, language, kind);
        let distributed = Distributed::read(name, reader, mode == Mode::Distributed);
        Self { processor, items, selector, concurrency, distributed }
    }

    /// The items, out of the state's input.
    pub(crate) fn items(&self, scope: &Scope<'_>) -> Result<Vec<Value>, Fault> {
        let value = match &self.items {
            Items::Input => scope.input.clone(),
            Items::Path(path) => path.get(scope).map_err(|missing| invalid_path(path, missing.0))?,
            Items::Template(template) => {
                let value = template.evaluate(scope)?;
                if let (Template::Jsonata(expression), false) = (template, value.as_array().is_some()) {
                    return Err(expression.unexpected("array", &value));
                }
                value
            }
        };
        match value {
            Value::Array(items) => Ok(items),
            other => {
                let cause = format!("Map state input must be an array but was: {}", other.to_json());
                Err(match self.items {
                    Items::Path(_) => Fault::runtime(cause),
                    _ => Fault::internal(names::QUERY, cause),
                })
            }
        }
    }

    /// How many iterations run at once; 0 stands for "as many as there are".
    pub(crate) fn concurrency(&self, scope: &Scope<'_>) -> Result<usize, Fault> {
        let Some(setting) = &self.concurrency else { return Ok(0) };
        let most = int(setting, scope)?;
        if most < 0 {
            return Err(Fault::runtime("MaxConcurrency cannot be negative."));
        }
        Ok(usize::try_from(most).unwrap_or(usize::MAX))
    }
}

#[derive(PartialEq)]
enum Mode {
    Inline,
    Distributed,
}

/// `ItemProcessor`, or `Iterator` as it was called first.
fn processor(reader: &Reader<'_>, language: QueryLanguage, kind: Type) -> (Flow, Mode) {
    let none = || (Flow { start_at: String::new(), states: indexmap::IndexMap::new() }, Mode::Inline);
    let inner = match (reader.has("ItemProcessor"), reader.has("Iterator")) {
        (true, true) => {
            let what = "Only one of ['ItemProcessor', 'Iterator'] may be given".to_owned();
            reader.notes.error(codes::BAD_VALUE, &reader.path, what, "keep `ItemProcessor`");
            reader.field("Iterator");
            reader.object("ItemProcessor")
        }
        (true, false) => reader.object("ItemProcessor"),
        (false, true) => reader.object("Iterator"),
        (false, false) => {
            reader.missing("ItemProcessor");
            None
        }
    };
    let Some(inner) = inner else { return none() };
    let mut mode = Mode::Inline;
    let mut child = kind;
    if let Some(config) = inner.object("ProcessorConfig") {
        if config.word("Mode", &["INLINE", "DISTRIBUTED"]) == Some("DISTRIBUTED") {
            mode = Mode::Distributed;
            if !config.has("ExecutionType") {
                config.missing("ExecutionType");
            }
        }
        match config.word("ExecutionType", &["STANDARD", "EXPRESS"]) {
            Some("EXPRESS") => child = Type::Express,
            Some(_) => child = Type::Standard,
            None => {}
        }
        config.finish();
    }
    let flow = Flow::read(&inner, language, child);
    inner.finish();
    (flow, mode)
}

/// The whole number of a setting.
pub(crate) fn int(setting: &Setting<i128>, scope: &Scope<'_>) -> Result<i128, Fault> {
    match setting {
        Setting::Fixed(n) => Ok(*n),
        Setting::Path(field, path) => {
            let value = path.get(scope).map_err(|missing| invalid_path(path, missing.0))?;
            match value {
                Value::Int(n) => Ok(n),
                // AWS takes a number that stands in a text.
                other => {
                    let number = other.as_str().and_then(|text| text.parse::<i64>().ok()).map(i128::from);
                    number.ok_or_else(|| not_a("integer", field, path, &other))
                }
            }
        }
        Setting::Jsonata(expression) => {
            let value = expression.evaluate(scope)?;
            value.as_int().ok_or_else(|| expression.unexpected("number", &value))
        }
    }
}

/// The number of a setting.
pub(crate) fn float(setting: &Setting<f64>, scope: &Scope<'_>) -> Result<f64, Fault> {
    match setting {
        Setting::Fixed(x) => Ok(*x),
        Setting::Path(field, path) => {
            let value = path.get(scope).map_err(|missing| invalid_path(path, missing.0))?;
            let number = value.as_float().or_else(|| value.as_str()?.parse().ok()).filter(|x| x.is_finite());
            number.ok_or_else(|| not_a("float", field, path, &value))
        }
        Setting::Jsonata(expression) => {
            let value = expression.evaluate(scope)?;
            value.as_float().ok_or_else(|| expression.unexpected("number", &value))
        }
    }
}

fn not_a(kind: &str, field: &str, path: &Path, value: &Value) -> Fault {
    let shown = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
    let path = path.text();
    Fault::runtime(format!(
        "The {field} field refers to value \"{shown}\" which is not a valid {kind}: {path}"
    ))
}

/// What AWS says about a path of a state that finds nothing.
pub(crate) fn invalid_path(path: &Path, why: String) -> Fault {
    Fault::runtime(format!("Invalid path '{}' : {why}", path.text()))
}
