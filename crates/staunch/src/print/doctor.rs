//! What `doctor` found.

use super::{many, out, out_json};
use serde_json::{Value, json};
use staunch_app::{Doctor, Finding, Level};
use staunch_types::Result;
use std::fmt::Write as _;

/// Every finding, with its place and the next step.
pub(crate) fn doctor(doctor: &Doctor, as_json: bool) -> Result<()> {
    let (errors, warnings) = (doctor.count(Level::Error), doctor.count(Level::Warning));
    if as_json {
        let findings: Vec<_> = doctor.findings.iter().map(document).collect();
        return out_json(&json!({ "errors": errors, "warnings": warnings, "findings": findings }));
    }
    let mut text = String::new();
    let about = |finding: &Finding| match &finding.pipeline {
        Some(pipeline) => format!("{} {pipeline}", finding.what),
        None => finding.what.to_owned(),
    };
    let width = doctor.findings.iter().map(|f| about(f).chars().count()).max().unwrap_or(0);
    for finding in &doctor.findings {
        let mut message = finding.message.clone();
        if let Some(code) = finding.code {
            message = format!("{code}: {message}");
        }
        let place = finding.place.to_string();
        if !place.is_empty() {
            let _ = write!(message, " ({place})");
        }
        if let Some(cause) = &finding.cause {
            let _ = write!(message, ": {cause}");
        }
        let margin = " ".repeat(width + 11);
        let lines = |text: &str| plain(text).replace('\n', &format!("\n{margin}"));
        let _ =
            writeln!(text, "{:<7}  {:<width$}  {}", finding.level.word(), about(finding), lines(&message));
        if let Some(hint) = &finding.hint {
            let _ = writeln!(text, "{margin}next: {}", lines(hint));
        }
    }
    let found = match (errors, warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        _ => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    };
    let _ = writeln!(text, "\n{found}");
    out(&text)
}

/// Control characters from names must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn document(finding: &Finding) -> Value {
    let place = &finding.place;
    json!({
        "level": finding.level.word(),
        "what": finding.what,
        "pipeline": finding.pipeline,
        "code": finding.code,
        "message": finding.message,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "stage": place.stage,
        "field": place.field,
        "cause": finding.cause,
        "hint": finding.hint,
    })
}
