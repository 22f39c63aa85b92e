//! Workflows from the command line, without the rest of Staunch.
//!
//! ```text
//! asl workflow run DEF [--input JSON | --input-file F] [--mocks F] [--output json]
//! asl workflow validate [--type STANDARD|EXPRESS] FILE...
//! asl workflow test-state REQUEST
//! asl workflow graph DEF [--execution F] [--mermaid]
//! ```
//!
//! `REQUEST` holds the fields of AWS's `TestState`; `--execution` takes what `run` printed.
//!
//! It reads arguments and files and prints; everything else is done by the library.

#![expect(clippy::print_stdout, reason = "data goes to stdout")]

use staunch_workflow::driver::{Driver, Mocks};
use staunch_workflow::{Definition, Home, Severity, Type, Value, graph, trial, validate_as};
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
        Some((verb, rest)) if verb == "test-state" => test_state(rest),
        Some((verb, rest)) if verb == "graph" => draw(rest),
        _ => Err("usage: asl workflow run|validate|test-state|graph ...".to_owned()),
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

fn check(words: &[String]) -> Result<u8, String> {
    let (kind, paths) = match words {
        [flag, kind, paths @ ..] if flag == "--type" => {
            (if kind == "EXPRESS" { Type::Express } else { Type::Standard }, paths)
        }
        paths => (Type::Standard, paths),
    };
    let mut failed = false;
    for path in paths {
        for diagnostic in validate_as(&read(path)?, kind) {
            failed |= diagnostic.severity == Severity::Error;
            println!("{path}: {diagnostic}");
        }
    }
    Ok(if failed { 3 } else { 0 })
}

fn test_state(words: &[String]) -> Result<u8, String> {
    let [path] = words else { return Err("usage: asl workflow test-state REQUEST".to_owned()) };
    match trial::try_state(&Value::parse(&read(path)?)?, &Home::default(), NOW) {
        Ok(answer) => {
            println!("{}", answer.to_json());
            Ok(0)
        }
        Err(refused) => {
            eprintln!("{}: {}", refused.code, refused.message);
            Ok(3)
        }
    }
}

fn draw(words: &[String]) -> Result<u8, String> {
    let (mut definition, mut outcomes, mut mermaid) = (None, graph::Outcomes::default(), false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--execution" => {
                let path = words.next().ok_or("`--execution` needs a file")?;
                outcomes = graph::Outcomes::of_history(
                    Value::parse(&read(path)?)?.get("history").unwrap_or(&Value::Null),
                );
            }
            "--mermaid" => mermaid = true,
            path => definition = Some(Definition::parse(&read(path)?).map_err(|e| e.to_string())?),
        }
    }
    let definition = definition.ok_or("no definition was given")?;
    let drawn =
        if mermaid { graph::mermaid(&definition, &outcomes) } else { graph::text(&definition, &outcomes) };
    print!("{drawn}");
    Ok(0)
}
