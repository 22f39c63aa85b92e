//! Templates: JSON in which some texts are expressions.
//!
//! In a JSONPath state those are the fields whose names end in `.$`; in a JSONata state every text between `{%` and `%}`.

use super::Scope;
use super::intrinsic::Call;
use super::jsonata::Jsonata;
use super::path::{Path, Root};
use crate::fault::Fault;
use crate::value::{DEPTH_MAX, Value};

/// The two languages in which a state may ask for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum QueryLanguage {
    /// `$.field`
    #[default]
    JsonPath,
    /// `{% $states.input.field %}`
    Jsonata,
}

/// A checked template.
#[derive(Debug, Clone)]
pub(crate) enum Template {
    Constant(Value),
    Array(Vec<Template>),
    Object(Vec<(String, Template)>),
    Path(PathField),
    Call(CallField),
    Jsonata(Jsonata),
}

/// A path and the field that asks for it.
#[derive(Debug, Clone)]
pub(crate) struct PathField {
    field: String,
    path: Path,
}

/// A call and the field that asks for it.
#[derive(Debug, Clone)]
pub(crate) struct CallField {
    pub(crate) call: Call,
}

/// What is wrong in a template: where in it, and what.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The names and indexes that lead there.
    pub(crate) place: Vec<String>,
    pub(crate) what: String,
    pub(crate) hint: &'static str,
}

impl Template {
    /// Checks a template. `location` is the name of its field, for causes.
    pub(crate) fn check(
        value: &Value,
        language: QueryLanguage,
        location: &str,
        wrong: &mut Vec<Wrong>,
    ) -> Self {
        let mut place = Vec::new();
        match language {
            QueryLanguage::JsonPath => Self::paths(value, &mut place, wrong),
            QueryLanguage::Jsonata => Self::jsonata(value, location, &mut place, wrong),
        }
    }

    fn paths(value: &Value, place: &mut Vec<String>, wrong: &mut Vec<Wrong>) -> Self {
        let whole = match value {
            Value::Array(items) => Self::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(n, item)| inside(place, &n.to_string(), |p| Self::paths(item, p, wrong)))
                    .collect(),
            ),
            Value::Object(map) => {
                let mut fields = Vec::with_capacity(map.len());
                for (key, value) in map {
                    let Some(plain) = key.strip_suffix(".$") else {
                        fields.push((key.clone(), inside(place, key, |p| Self::paths(value, p, wrong))));
                        continue;
                    };
                    if map.contains_key(plain) {
                        wrong.push(Wrong {
                            place: [place.as_slice(), std::slice::from_ref(key)].concat(),
                            what: format!("`{plain}` and `{key}` are the same field"),
                            hint: "keep one of the two",
                        });
                    }
                    match Self::expression(key, value) {
                        Ok(template) => fields.push((plain.to_owned(), template)),
                        Err(_) => wrong.push(Wrong {
                            place: place.clone(),
                            what: format!("The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"),
                            hint: "write `$.field`, `$$.Context`, `$variable` or `States.Function(...)`, or take the `.$` off the name",
                        }),
                    }
                }
                Self::Object(fields)
            }
            scalar => Self::Constant(scalar.clone()),
        };
        whole.folded()
    }

    /// The value of a field that ends in `.$`.
    fn expression(key: &str, value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or("not a text")?;
        if text.starts_with('$') {
            Path::parse(text).map(|path| Self::Path(PathField { field: key.to_owned(), path }))
        } else {
            Call::parse(text).map(|call| Self::Call(CallField { call }))
        }
    }

    fn jsonata(value: &Value, location: &str, place: &mut Vec<String>, wrong: &mut Vec<Wrong>) -> Self {
        let deeper = |key: &str| format!("{location}/{key}");
        let whole = match value {
            Value::Array(items) => Self::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(n, item)| {
                        let at = format!("{location}[{n}]");
                        inside(place, &n.to_string(), |p| Self::jsonata(item, &at, p, wrong))
                    })
                    .collect(),
            ),
            Value::Object(map) => Self::Object(
                map.iter()
                    .map(|(key, value)| {
                        (key.clone(), inside(place, key, |p| Self::jsonata(value, &deeper(key), p, wrong)))
                    })
                    .collect(),
            ),
            Value::String(text) => match Jsonata::of_field(text, location) {
                None => Self::Constant(value.clone()),
                Some(Ok(expression)) => Self::Jsonata(expression),
                Some(Err(what)) => {
                    wrong.push(Wrong { place: place.clone(), what, hint: "write `{% expression %}`" });
                    Self::Constant(Value::Null)
                }
            },
            scalar => Self::Constant(scalar.clone()),
        };
        whole.folded()
    }

    /// A template without expressions is a constant.
    fn folded(self) -> Self {
        match self {
            Self::Array(items) if items.iter().all(|t| matches!(t, Self::Constant(_))) => {
                Self::Constant(items.into_iter().map(Self::into_constant).collect())
            }
            Self::Object(fields) if fields.iter().all(|(_, t)| matches!(t, Self::Constant(_))) => {
                Self::Constant(fields.into_iter().map(|(k, t)| (k, t.into_constant())).collect())
            }
            other => other,
        }
    }

    fn into_constant(self) -> Value {
        match self {
            Self::Constant(value) => value,
            _ => Value::Null,
        }
    }

    /// The value of the template.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        let value = self.build(scope)?;
        if matches!(self, Self::Constant(_)) || value.fits(DEPTH_MAX) {
            Ok(value)
        } else {
            Err(Fault::too_deep())
        }
    }

    fn build(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Array(items) => items.iter().map(|t| t.build(scope)).collect(),
            Self::Object(fields) => fields.iter().map(|(k, t)| Ok((k.clone(), t.build(scope)?))).collect(),
            Self::Path(PathField { field, path }) => {
                path.get(scope).map_err(|_| not_found(path, field, scope))
            }
            Self::Call(call) => call.call.evaluate(scope),
            Self::Jsonata(expression) => expression.evaluate(scope),
        }
    }
}

/// What AWS says about a path of a field that finds nothing.
pub(crate) fn not_found(path: &Path, field: &str, scope: &Scope<'_>) -> Fault {
    let input = match path.root() {
        Root::Context => scope.context.get().to_json(),
        _ => scope.input.to_json(),
    };
    let text = path.text();
    Fault::runtime(format!(
        "The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{input}'"
    ))
}

fn inside<T>(place: &mut Vec<String>, key: &str, work: impl FnOnce(&mut Vec<String>) -> T) -> T {
    place.push(key.to_owned());
    let done = work(place);
    place.pop();
    done
}
