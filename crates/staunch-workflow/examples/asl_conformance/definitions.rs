//! Definitions to accept or to refuse.

use crate::{Group, Verdict, cases, text};
use staunch_workflow::{Severity, Type, Value, validate_as};
use std::path::Path;

pub(crate) fn run(folder: &Path) -> Result<Vec<Group>, String> {
    const FILES: [&str; 4] =
        ["aws_recorded_create_or_validate", "aws_samples_workflows_collection", "statelint", "asl_validator"];
    FILES.iter().map(|name| group(&folder.join(format!("{name}.jsonl")), name)).collect()
}

fn group(file: &Path, name: &str) -> Result<Group, String> {
    let mut group = Group::new(format!("definitions: {name}"));
    for case in cases(file)? {
        let kind = if text(&case, "type") == "EXPRESS" { Type::Express } else { Type::Standard };
        let found = validate_as(text(&case, "definition_text"), kind);
        let error = found.iter().find(|d| d.severity == Severity::Error);
        let wanted = case.get("valid") == Some(&Value::Bool(true));
        group.add(
            text(&case, "id"),
            match (wanted, error) {
                (true, None) | (false, Some(_)) => Verdict::Passed,
                (true, Some(error)) => Verdict::Failed(format!("is valid, but: {error}")),
                (false, None) => Verdict::Failed("is not valid, but nothing was found".to_owned()),
            },
        );
    }
    Ok(group)
}
