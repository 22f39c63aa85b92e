//! Wait: goes on after some seconds, or at a time.

use crate::fault::{Fault, names};
use crate::query::Scope;
use crate::reader::{Reader, Setting};
use crate::time;
use crate::value::Value;
use staunch_types::codes;

/// The longest wait: what AWS holds in 31 bits of seconds.
const SECONDS_MAX: i128 = i32::MAX as i128;

/// The fields of a Wait state.
#[derive(Debug, Clone)]
pub(crate) enum Wait {
    Seconds(Setting<i128>),
    Until(Setting<i64>),
}

impl Wait {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        const FIELDS: [&str; 4] = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
        let given = FIELDS.iter().filter(|f| reader.has(f)).count();
        if given == 0 {
            reader.missing("one of Seconds, SecondsPath, Timestamp, TimestampPath");
        } else if given > 1 {
            let what = format!("Only one of {FIELDS:?} may be given");
            reader.notes.error(codes::BAD_VALUE, &reader.path, what, "keep one of them");
        }
        let until = reader.setting("Timestamp", "TimestampPath", |value| {
            let time = value.as_str().and_then(time::parse);
            if time.is_none() {
                let what = "String does not match RFC3339 timestamp".to_owned();
                reader.notes.error(
                    codes::BAD_VALUE,
                    &reader.at("Timestamp"),
                    what,
                    "write `2026-03-14T01:59:00Z`",
                );
            }
            time
        });
        let seconds = reader.int_setting("Seconds", "SecondsPath", 0, 99_999_999);
        match (until, seconds) {
            (Some(until), _) => Self::Until(until),
            (None, seconds) => Self::Seconds(seconds.unwrap_or(Setting::Fixed(0))),
        }
    }

    /// When the wait ends, in microseconds since 1970; a time that has passed ends it at once.
    pub(crate) fn until(&self, scope: &Scope<'_>) -> Result<i64, Fault> {
        let until = match self {
            Self::Seconds(setting) => {
                let seconds = seconds(setting, scope)?;
                if seconds < 0 {
                    return Err(Fault::runtime("Wait state delay must not be negative."));
                }
                i128::from(scope.now) + seconds.min(SECONDS_MAX + 1) * 1_000_000
            }
            Self::Until(Setting::Fixed(time)) => i128::from(*time),
            Self::Until(Setting::Path(field, path)) => {
                let value = path.get(scope).map_err(|_| no_reference(field, path.text()))?;
                let time = value.as_str().and_then(time::parse);
                i128::from(time.ok_or_else(|| {
                    Fault::runtime(format!(
                        "The {field} parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {}",
                        path.text(),
                        shown(&value)
                    ))
                })?)
            }
            Self::Until(Setting::Jsonata(expression)) => match expression.evaluate(scope)? {
                Value::String(text) => i128::from(time::parse(&text).ok_or_else(|| {
                    let what = "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string";
                    Fault::internal(names::QUERY, format!("{what}: {text}"))
                })?),
                other => return Err(expression.unexpected("string", &other)),
            },
        };
        if until - i128::from(scope.now) > SECONDS_MAX * 1_000_000 {
            return Err(Fault::runtime("Wait state delay is too long."));
        }
        Ok(i64::try_from(until).unwrap_or(i64::MAX))
    }
}

fn seconds(setting: &Setting<i128>, scope: &Scope<'_>) -> Result<i128, Fault> {
    match setting {
        Setting::Fixed(seconds) => Ok(*seconds),
        Setting::Path(field, path) => {
            let value = path.get(scope).map_err(|_| no_reference(field, path.text()))?;
            match value {
                Value::Int(seconds) => Ok(seconds),
                other => Err(Fault::runtime(format!(
                    "The {field} parameter cannot be parsed as a long value: {} == {}",
                    path.text(),
                    shown(&other)
                ))),
            }
        }
        Setting::Jsonata(expression) => {
            let value = expression.evaluate(scope)?;
            value.as_int().ok_or_else(|| expression.unexpected("number", &value))
        }
    }
}

fn no_reference(field: &str, path: &str) -> Fault {
    Fault::runtime(format!("The {field} parameter does not reference an input value: {path}"))
}

/// A text as it is, anything else as JSON.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}
