//! `Retry`, `Catch` and `Assign`: what the states that do work have in common.

use crate::fault::{Fault, names};
use crate::query::Chance;
use crate::query::path::Path;
use crate::query::template::{QueryLanguage, Template};
use crate::reader::Reader;
use crate::value::Value;
use staunch_types::codes;

/// The longest pause that can be asked for, in seconds.
const SECONDS_MAX: i128 = 99_999_999;

/// One rule of `Retry`.
#[derive(Debug, Clone)]
pub(crate) struct Retrier {
    errors: Vec<String>,
    interval_seconds: f64,
    pub(crate) attempts_max: u64,
    backoff_rate: f64,
    delay_seconds_max: Option<f64>,
    full_jitter: bool,
}

/// One rule of `Catch`.
#[derive(Debug, Clone)]
pub(crate) struct Catcher {
    errors: Vec<String>,
    pub(crate) next: String,
    pub(crate) result_path: Option<Option<Path>>,
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
}

impl Retrier {
    pub(crate) fn matches(&self, fault: &Fault, of_task: bool) -> bool {
        matches(&self.errors, fault, of_task)
    }

    /// The seconds to wait before attempt `attempt`, from 1.
    pub(crate) fn delay_seconds(&self, attempt: u64, chance: Option<&Chance>) -> f64 {
        let power = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let delay = self.interval_seconds * self.backoff_rate.powi(power);
        // An exponential soon leaves what a number can hold.
        let delay = delay.min(self.delay_seconds_max.unwrap_or(f64::INFINITY)).min(99_999_999.0);
        match chance {
            Some(chance) if self.full_jitter => delay * chance.unit(),
            _ => delay,
        }
    }
}

impl Catcher {
    /// The errors that it catches, for people.
    pub(crate) fn names(&self) -> String {
        self.errors.join(", ")
    }

    pub(crate) fn matches(&self, fault: &Fault, of_task: bool) -> bool {
        matches(&self.errors, fault, of_task)
    }
}

/// Whether one of the names stands for the error.
fn matches(errors: &[String], fault: &Fault, of_task: bool) -> bool {
    let name = fault.name();
    // What is wrong in the definition or with its data cannot be retried, and is caught by its own name at most.
    if name == names::RUNTIME {
        return false;
    }
    errors.iter().any(|wanted| match wanted.as_str() {
        wanted if wanted == name => true,
        names::ALL => true,
        names::TASK_FAILED => of_task && name != names::TIMEOUT && !is_of_language(name),
        names::TIMEOUT => name == names::HEARTBEAT,
        _ => false,
    })
}

/// Whether an error comes from the language itself and not from a task.
fn is_of_language(name: &str) -> bool {
    matches!(name, names::QUERY | names::RESULT_PATH | names::INTRINSIC | names::DATA_LIMIT)
}

pub(super) fn retriers(reader: &Reader<'_>) -> Vec<Retrier> {
    let readers = reader.objects("Retry").unwrap_or_default();
    let count = readers.len();
    let read = |(n, reader): (usize, Reader<'_>)| {
        let retrier = Retrier {
            errors: errors(&reader, n + 1 == count),
            interval_seconds: reader.int("IntervalSeconds", 1, SECONDS_MAX).map_or(1.0, float),
            attempts_max: reader
                .int("MaxAttempts", 0, SECONDS_MAX)
                .map_or(3, |n| u64::try_from(n).unwrap_or_default()),
            backoff_rate: reader.float("BackoffRate", 1.0).unwrap_or(2.0),
            delay_seconds_max: reader.int("MaxDelaySeconds", 1, 31_622_400).map(float),
            full_jitter: reader.word("JitterStrategy", &["FULL", "NONE"]) == Some("FULL"),
        };
        reader.finish();
        retrier
    };
    readers.into_iter().enumerate().map(read).collect()
}

#[expect(clippy::cast_precision_loss, reason = "seconds up to 10^8")]
fn float(n: i128) -> f64 {
    n as f64
}

pub(super) fn catchers(reader: &Reader<'_>) -> Vec<Catcher> {
    let readers = reader.objects("Catch").unwrap_or_default();
    let count = readers.len();
    let read = |(n, reader): (usize, Reader<'_>)| {
        let errors = errors(&reader, n + 1 == count);
        let next = reader.required_text("Next");
        let (result_path, output) = match reader.language {
            QueryLanguage::JsonPath => {
                reader.forbid(&["Output"]);
                (reader.reference_path("ResultPath"), None)
            }
            QueryLanguage::Jsonata => {
                reader.forbid(&["ResultPath"]);
                (None, reader.template("Output"))
            }
        };
        let assign = reader.object_template("Assign");
        check_assigned(&reader, "Assign");
        reader.finish();
        Catcher { errors, next, result_path, output, assign }
    };
    readers.into_iter().enumerate().map(read).collect()
}

/// `ErrorEquals`: not empty, texts, `States.ALL` alone and in the last rule.
fn errors(reader: &Reader<'_>, last: bool) -> Vec<String> {
    let wrong = |what: &str, hint: &str| {
        reader.notes.error(codes::BAD_VALUE, &reader.at("ErrorEquals"), what.to_owned(), hint);
    };
    let Some(value) = reader.field("ErrorEquals") else {
        reader.missing("ErrorEquals");
        return Vec::new();
    };
    let texts =
        value.as_array().map(|a| a.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>());
    let count = value.as_array().map_or(0, <[Value]>::len);
    match texts {
        None => wrong("Expected value of type Array", "write an array of error names"),
        Some(_) if count == 0 => {
            wrong("A non-empty array is required", "name at least one error, or `States.ALL`")
        }
        Some(texts) if texts.len() < count => {
            wrong("Expected value of type String", "write error names as texts")
        }
        Some(texts) => {
            if texts.iter().any(|t| t == names::ALL) && (texts.len() > 1 || !last) {
                wrong(
                    "States.ALL must appear alone and in the last rule",
                    "put a rule of its own with `States.ALL` at the end",
                );
            }
            return texts;
        }
    }
    Vec::new()
}

/// The names in an `Assign` are names of variables.
pub(super) fn check_assigned(reader: &Reader<'_>, name: &'static str) {
    let Some(Value::Object(map)) = reader.map.get(name) else { return };
    for key in map.keys() {
        let plain = match reader.language {
            QueryLanguage::JsonPath => key.strip_suffix(".$").unwrap_or(key),
            QueryLanguage::Jsonata => key,
        };
        if !crate::query::path::is_variable(plain) || plain == "states" {
            let what = format!("'{plain}' is not a valid variable name");
            let hint = "a name begins with a letter, holds letters, digits and `_`, and is not `states`";
            reader.notes.error(codes::BAD_NAME, &format!("{}/{key}", reader.at(name)), what, hint);
        }
    }
}
