//! Cases that nobody in this project wrote, through the real read chain: called by `cargo xtask conformance quality`.
//!
//! The cases lie beside the checkout and are no part of the repository; where they are missing that is said, and nothing is
//! claimed. A good case must read, a bad one must be a typed error or dead letters. What asks for something that Staunch does
//! not have is refused, with its name: it neither passes nor fails.

#![allow(clippy::print_stdout, reason = "a program of developers, which tells what it found")]

mod chain;
mod csv;
mod json;
mod parquet;

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

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(quality) = arguments.next().map(PathBuf::from) else {
        println!("usage: conformance FOLDER [--refused]");
        return ExitCode::from(2);
    };
    match run(&quality, arguments.next().is_some_and(|word| word == "--refused")) {
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

/// Runs the suites; says how many cases failed.
fn run(quality: &Path, refused: bool) -> Result<usize, Failure> {
    let mut failed = 0;
    type Suite = fn(&Path) -> Result<Vec<Judged>, Failure>;
    for (name, suite) in [("json", json::suite as Suite), ("csv", csv::suite), ("parquet", parquet::suite)] {
        let judged = suite(quality)?;
        let count = |wanted: fn(&Verdict) -> bool| judged.iter().filter(|(_, v)| wanted(v)).count();
        for (case, verdict) in &judged {
            match verdict {
                Verdict::Failed(why) => println!("FAILED {case}: {why}"),
                Verdict::Refused(why) if refused => println!("refused {case}: {why}"),
                Verdict::Refused(_) | Verdict::Passed => {}
            }
        }
        let (passed, failures) =
            (count(|v| *v == Verdict::Passed), count(|v| matches!(v, Verdict::Failed(_))));
        let refused = count(|v| matches!(v, Verdict::Refused(_)));
        println!("{name}: {passed} passed, {failures} failed, {refused} refused");
        failed += failures;
    }
    Ok(failed)
}

#[cfg(test)]
mod tests;
