//! Single states: the answers of AWS's `TestState`.

use crate::compare::same;
use crate::{Group, NOW, Verdict, cases, differs, home, text, text_or_json};
use staunch_workflow::{Value, trial};
use std::path::Path;

pub(crate) fn run(file: &Path) -> Result<Group, String> {
    let mut group = Group::new("single states");
    for case in cases(file)? {
        let verdict = judge(&case);
        group.add(text(&case, "id"), verdict);
    }
    Ok(group)
}

fn judge(case: &Value) -> Verdict {
    let mut request = case.clone();
    if let Value::Object(fields) = &mut request
        && let Some(level) = fields.swap_remove("inspection_level")
    {
        fields.insert("inspectionLevel".to_owned(), level);
    }
    let got = trial::try_state(&request, &home(), NOW);
    if let Some(wanted) = case.get("expected_error") {
        let message = wanted.get("message").unwrap_or(wanted);
        let message = message.as_str().unwrap_or_default();
        if message.starts_with("Mock result schema validation error") {
            return Verdict::Refused("needs the models of AWS's services".to_owned());
        }
        if id(case).contains("reveal_secrets") {
            return Verdict::Refused("the case does not say `revealSecrets`".to_owned());
        }
        return match got {
            Err(refused) if message.ends_with(&refused.message) => Verdict::Passed,
            Err(refused) => Verdict::Failed(differs("refusal", &message.into(), &refused.message.into())),
            Ok(answer) => Verdict::Failed(differs("refusal", &message.into(), &answer)),
        };
    }
    if case.get("mock").is_none_or(|m| *m == Value::Null)
        && text_or_json(case.get("definition").unwrap_or(&Value::Null)).contains(r#""Type":"Task""#)
        && got.is_err()
    {
        return Verdict::Refused("calls a real function".to_owned());
    }
    let none = Value::Null;
    let wanted = case.get("expected").unwrap_or(&none);
    match got {
        Err(refused) => Verdict::Failed(differs("answer", wanted, &refused.message.into())),
        // Every answer holds ids and times that are written as placeholders.
        Ok(answer) if same(wanted, &answer, true) => Verdict::Passed,
        Ok(answer) => Verdict::Failed(differs("answer", wanted, &answer)),
    }
}

fn id(case: &Value) -> &str {
    text(case, "id")
}
