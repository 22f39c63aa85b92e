//! Workflows from the command line, without the rest of Staunch: `run`, `validate`.
//!
//! ```text
//! asl workflow run DEF [--input JSON | --input-file F] [--mocks F] [--output json]
//! asl workflow validate FILE...
//! ```
//!
//! It reads arguments and files and prints; everything else is done by the library.

#![expect(clippy::print_stdout, reason = "data goes to stdout")]

use staunch_workflow::driver::{Driver, Mocks};
use staunch_workflow::{Definition, Severity, Value, validate};
use std::process::ExitCode;

/// Where the virtual time of mocked runs begins: 2026-01-01.
const NOW: i64 = 1_767_225_600_000_000;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|w| w == "workflow") {
        words.remove(0);
    }
    let done = match words.split_first() {
        Some((verb, rest)) if verb == "run" => run(rest),
        Some((verb, rest)) if verb == "validate" => check(rest),
        _ => Err("usage: asl workflow run|validate ...".to_owned()),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}

fn run(words: &[String]) -> Result<u8, String> {
    let (mut definition, mut input, mut mocks) = (None, None, Mocks::default());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
        match word.as_str() {
            "--input" => input = Some(value()?.clone()),
            "--input-file" => input = Some(read(value()?)?),
            "--mocks" => mocks = Mocks::parse(&read(value()?)?)?,
            "--output" => {
                value()?;
            }
            path => definition = Some(read(path)?),
        }
    }
    let text = definition.ok_or("no definition was given")?;
    let definition = match Definition::parse(&text) {
        Ok(definition) => definition,
        Err(error) => {
            eprintln!("{error}");
            return Ok(3);
        }
    };
    let input = Value::parse(input.as_deref().unwrap_or("{}"))?;
    let report = Driver::new(&definition, mocks, NOW, 1).run(input)?;
    println!("{}", report.to_value().to_json());
    Ok(u8::from(report.outcome.error.is_some()))
}

fn check(paths: &[String]) -> Result<u8, String> {
    let mut failed = false;
    for path in paths {
        for diagnostic in validate(&read(path)?) {
            failed |= diagnostic.severity == Severity::Error;
            println!("{path}: {diagnostic}");
        }
    }
    Ok(if failed { 3 } else { 0 })
}
