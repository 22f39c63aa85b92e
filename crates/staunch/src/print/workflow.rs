//! Workflows: mistakes of definitions, executions, pictures.

use super::{columns, many, out, out_json, row};
use serde_json::{Value, json};
use staunch_app::{Diagnostic, Execution, Severity, Validated};
use staunch_types::Result;
use std::fmt::Write as _;

/// What is wrong with definitions.
pub(crate) fn validated(found: &[Validated], as_json: bool) -> Result<()> {
    if as_json {
        let definitions: Vec<_> = found
            .iter()
            .map(|one| {
                let diagnostics: Vec<_> = one.diagnostics.iter().map(diagnostic_json).collect();
                json!({ "file": one.file.display().to_string(), "valid": one.is_valid(), "diagnostics": diagnostics })
            })
            .collect();
        return out_json(&json!({ "definitions": definitions }));
    }
    let mut text = String::new();
    for one in found {
        for diagnostic in &one.diagnostics {
            let _ = writeln!(text, "{}: {}", one.file.display(), plain(&diagnostic.to_string()));
        }
        let count = |severity| one.diagnostics.iter().filter(|d| d.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let verdict = if one.is_valid() { "ok".to_owned() } else { many(errors, "error") };
        let warned = if warnings > 0 { format!(", {}", many(warnings, "warning")) } else { String::new() };
        let _ = writeln!(text, "{}: {verdict}{warned}", one.file.display());
    }
    out(&text)
}

fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
        "code": diagnostic.code.name,
        "message": diagnostic.message,
        "path": diagnostic.path,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "hint": diagnostic.hint,
    })
}

/// What an execution came to.
pub(crate) fn report(report: &Execution, json: bool) -> Result<()> {
    let value = report.to_value();
    // Fields keep the order that the workflow gave them: the document is not rebuilt.
    if json {
        return out(&format!("{}\n", value.to_json()));
    }
    let word = |name: &str| value.get(name).and_then(|v| v.as_str()).unwrap_or_default();
    let mut table = vec![row(&["event", "", "state"])];
    for event in &report.history {
        let state = event.field("name").and_then(|name| name.as_str()).unwrap_or_default();
        table.push(vec![event.id.to_string(), event.kind.clone(), state.to_owned()]);
    }
    let mut text = columns(&table, 3);
    let _ = match value.get("output") {
        Some(output) => writeln!(text, "\n{}\n{}", word("status"), plain(&output.to_json())),
        None => {
            let cause = if word("cause").is_empty() { String::new() } else { format!(": {}", word("cause")) };
            writeln!(text, "\n{} {}{}", word("status"), plain(word("error")), plain(&cause))
        }
    };
    out(&text)
}

/// The answer to a state that was tried: AWS's, which is JSON however data are printed.
pub(crate) fn answer(answer: &str) -> Result<()> {
    out(&format!("{answer}\n"))
}

/// A definition as a picture.
pub(crate) fn graph(drawn: &str, mermaid: bool, as_json: bool) -> Result<()> {
    if as_json {
        let format = if mermaid { "mermaid" } else { "text" };
        return out_json(&json!({ "format": format, "graph": drawn }));
    }
    out(drawn)
}

/// Control characters in names and texts must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
