//! Cases that nobody in this project wrote, through the Avro of contracts: called by `cargo xtask conformance avro`.
//!
//! The cases lie beside the checkout and are no part of the repository; where they are missing that is said, and nothing is claimed. A case passes
//! if everything that it records is found: verdict, kind, place and message of an incompatibility, canonical text, fingerprints,
//! values. What asks for something that Staunch does not have is refused, with its name: it neither passes nor fails.

#![allow(clippy::print_stdout, reason = "a program of developers, which tells what it found")]

mod data;
mod files;
mod pairs;
mod schemas;

use serde_json::Value as Json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What went wrong, for a person.
type Failure = String;

/// What became of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// What was expected, and what was found.
    Failed(String),
    /// What it asks for that Staunch does not have.
    Refused(String),
}

impl Verdict {
    /// Passed if the two are equal.
    pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Self {
        if found == wanted {
            Self::Passed
        } else {
            Self::Failed(format!("{what}: {found:?}, not {wanted:?}"))
        }
    }
}

/// A case and its verdict.
pub(crate) type Judged = (String, Verdict);

/// Judges one case; a panic is a failure like any other.
pub(crate) fn judge(name: impl Into<String>, case: impl FnOnce() -> Result<Verdict, Failure>) -> Judged {
    let verdict = match catch_unwind(AssertUnwindSafe(case)) {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(failure)) => Verdict::Failed(failure),
        Err(_) => Verdict::Failed("it panicked".to_owned()),
    };
    (name.into(), verdict)
}

/// Judges every line of a file; a case is named by the file, its line, and what it calls itself.
pub(crate) fn lines(
    path: &Path,
    name_key: &str,
    case: impl Fn(&Json) -> Result<Verdict, Failure>,
) -> Result<Vec<Judged>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut judged = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let json: Json = serde_json::from_str(line).map_err(|e| format!("{}: {e}", path.display()))?;
        let own = json[name_key].as_str().map(|name| format!(" {name}")).unwrap_or_default();
        judged.push(judge(format!("{file}:{}{own}", number + 1), || case(&json)));
    }
    Ok(judged)
}

/// Bytes from hexadecimal digits with or without blanks.
pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    hex::decode(digits).map_err(|e| e.to_string())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(avro) = arguments.next().map(PathBuf::from) else {
        println!("usage: avro_conformance FOLDER [--refused | --only SUITE]");
        return ExitCode::from(2);
    };
    let word = arguments.next();
    let only = arguments.next().filter(|_| word.as_ref().is_some_and(|word| word == "--only"));
    let only = only.map(|suite| suite.to_string_lossy().into_owned());
    match run(&avro, word.is_some_and(|word| word == "--refused"), only.as_deref()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            println!("{failed} cases failed");
            ExitCode::FAILURE
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the suites, or one; says how many cases failed.
fn run(avro: &Path, refused: bool, only: Option<&str>) -> Result<usize, Failure> {
    type Suite = fn(&Path) -> Result<Vec<Judged>, Failure>;
    let suites: [(&str, Suite); 7] = [
        ("schemas accepted or refused", schemas::parse),
        ("canonical forms", schemas::canonical),
        ("fingerprints", schemas::fingerprints),
        ("reader and writer pairs", pairs::compatibility),
        ("evolved decodes", pairs::evolved),
        ("round trips", data::round_trips),
        ("interop files", files::suite),
    ];
    if let Some(only) = only.filter(|only| !suites.iter().any(|(name, _)| name == only)) {
        return Err(format!("there is no suite `{only}`"));
    }
    let mut failed = 0;
    for (name, suite) in suites.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        let judged = suite(avro)?;
        let count = |wanted: fn(&Verdict) -> bool| judged.iter().filter(|(_, v)| wanted(v)).count();
        for (case, verdict) in &judged {
            match verdict {
                Verdict::Failed(why) => println!("FAILED {case}: {why}"),
                Verdict::Refused(why) if refused => println!("refused {case}: {why}"),
                Verdict::Refused(_) | Verdict::Passed => {}
            }
        }
        let passed = count(|v| *v == Verdict::Passed);
        let failures = count(|v| matches!(v, Verdict::Failed(_)));
        let refused = count(|v| matches!(v, Verdict::Refused(_)));
        println!("{name}: {passed} passed, {failures} failed, {refused} refused");
        failed += failures;
    }
    Ok(failed)
}

#[cfg(test)]
mod tests;
