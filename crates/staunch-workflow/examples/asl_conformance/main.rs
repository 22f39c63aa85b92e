//! The conformance cases of workflows: executions recorded at AWS, definitions, single states, functions, JSONata.
//!
//! `asl_conformance DIR` takes the folder that holds `asl` and `quality`. For each group it prints how many cases passed, failed
//! and were refused (cannot be judged here, with the reason), then each case that failed. `cargo xtask conformance asl` runs it.

#![expect(clippy::print_stdout, reason = "the result goes to stdout")]

mod compare;
mod definitions;
mod executions;
mod expressions;
mod single_states;

use staunch_workflow::{Home, Value};
use std::path::Path;
use std::process::ExitCode;

/// The virtual time of all runs: 2026-01-01.
const NOW: i64 = 1_767_225_600_000_000;

/// What a case came to.
enum Verdict {
    Passed,
    Failed(String),
    Refused(String),
}

/// A group of cases and what became of them.
struct Group {
    name: String,
    passed: usize,
    failed: Vec<(String, String)>,
    refused: Vec<(String, String)>,
}

impl Group {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), passed: 0, failed: Vec::new(), refused: Vec::new() }
    }

    fn add(&mut self, case: &str, verdict: Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(why) => self.failed.push((case.to_owned(), why)),
            Verdict::Refused(why) => self.refused.push((case.to_owned(), why)),
        }
    }

    fn is_empty(&self) -> bool {
        self.passed + self.failed.len() + self.refused.len() == 0
    }
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: asl_conformance DIR");
        return ExitCode::from(2);
    };
    match run(Path::new(&folder)) {
        Ok(groups) => report(&groups),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run(folder: &Path) -> Result<Vec<Group>, String> {
    let asl = folder.join("asl");
    let mut groups = executions::run(&asl.join("localstack"))?;
    groups.push(single_states::run(&asl.join("localstack/_test_state_api.jsonl"))?);
    groups.extend(definitions::run(&asl.join("definitions"))?);
    groups.push(expressions::intrinsics(&asl.join("intrinsics_floe.jsonl"))?);
    groups.push(expressions::jsonata(&folder.join("quality/jsonata"))?);
    Ok(groups)
}

/// The groups whose every case must pass; of the others a share is enough (see the end of [`report`]).
fn share_wanted(group: &str) -> f64 {
    match group {
        g if g.starts_with("cause") || g.starts_with("history") => 0.95,
        "single states" => 0.90,
        // The verdicts of other linters count where AWS agrees, and JSONata is the library's.
        "definitions: asl_validator" | "jsonata" => 0.0,
        _ => 1.0,
    }
}

fn report(groups: &[Group]) -> ExitCode {
    let mut below = false;
    for group in groups.iter().filter(|g| !g.is_empty()) {
        let (passed, failed) = (group.passed, group.failed.len());
        println!("{}: {passed} passed, {failed} failed, {} refused", group.name, group.refused.len());
        #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
        let share = passed as f64 / (passed + failed).max(1) as f64;
        below |= failed > 0 && share < share_wanted(&group.name);
    }
    for group in groups {
        for (word, cases) in [("failed", &group.failed), ("refused", &group.refused)] {
            for (case, why) in cases {
                println!("{word} {}: {case}: {why}", group.name);
            }
        }
    }
    if below { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The cases of a file, one object a line.
fn cases(path: &Path) -> Result<Vec<Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = |line: &str| Value::parse(line).map_err(|e| format!("{}: {e}", path.display()));
    text.lines().filter(|l| !l.trim().is_empty()).map(line).collect()
}

/// The account that the cases were recorded in.
fn home() -> Home {
    Home { region: "us-east-1".to_owned(), account: "111111111111".to_owned() }
}

/// A text of a case.
fn text<'v>(case: &'v Value, name: &str) -> &'v str {
    case.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A text, or a value as JSON.
fn text_or_json(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// What is wanted and what is there, short enough for a line.
fn differs(what: &str, wanted: &Value, got: &Value) -> String {
    let short = |value: &Value| value.to_json().chars().take(300).collect::<String>();
    format!("{what}: wanted {}, got {}", short(wanted), short(got))
}
