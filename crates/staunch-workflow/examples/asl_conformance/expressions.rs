//! Single expressions: intrinsic functions and the official suite of JSONata.

use crate::compare::same;
use crate::{Group, Verdict, cases, differs, text};
use staunch_workflow::{Value, expression};
use std::path::Path;

pub(crate) fn intrinsics(file: &Path) -> Result<Group, String> {
    let mut group = Group::new("intrinsics");
    let none = Value::Null;
    for case in cases(file)? {
        let field = |name: &str| case.get(name).unwrap_or(&none);
        let got = expression::intrinsic(text(&case, "expression"), field("input"), field("context"));
        let verdict = match (case.get("error"), got) {
            (Some(_), Err(_)) => Verdict::Passed,
            (Some(error), Ok(value)) => Verdict::Failed(differs("error", error, &value)),
            (None, Ok(value)) if same(field("expected"), &value, false) => Verdict::Passed,
            (None, Ok(value)) => Verdict::Failed(differs("value", field("expected"), &value)),
            (None, Err(why)) => Verdict::Failed(differs("value", field("expected"), &why.into())),
        };
        group.add(&format!("{}: {}", text(&case, "title"), text(&case, "expression")), verdict);
    }
    Ok(group)
}

pub(crate) fn jsonata(folder: &Path) -> Result<Group, String> {
    let mut group = Group::new("jsonata");
    let path = folder.join("datasets.json");
    let datasets = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let datasets = Value::parse(&datasets)?;
    for (number, case) in cases(&folder.join("jsonata_test_suite.jsonl"))?.into_iter().enumerate() {
        let dataset = case.get("dataset").and_then(Value::as_str);
        let data = case.get("data").or_else(|| datasets.get(dataset?));
        let bindings: Vec<(String, Value)> = match case.get("bindings") {
            Some(Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            _ => Vec::new(),
        };
        let got = expression::jsonata(text(&case, "expr"), data, &bindings);
        let verdict = match (case.get("code"), case.get("result"), got) {
            (Some(code), _, Err(why)) if why.contains(code.as_str().unwrap_or("?")) => Verdict::Passed,
            (Some(code), _, Err(why)) => Verdict::Failed(differs("code", code, &why.into())),
            (Some(code), _, Ok(value)) => Verdict::Failed(differs("code", code, &value.unwrap_or_default())),
            (None, Some(wanted), Ok(Some(value))) if same(wanted, &value, false) => Verdict::Passed,
            (None, None, Ok(None)) => Verdict::Passed,
            // An error whose code the suite does not name.
            (None, None, Err(_)) if case.get("error").is_some() => Verdict::Passed,
            (None, wanted, Ok(value)) => {
                Verdict::Failed(differs("value", wanted.unwrap_or(&Value::Null), &value.unwrap_or_default()))
            }
            (None, wanted, Err(why)) => {
                Verdict::Failed(differs("value", wanted.unwrap_or(&Value::Null), &why.into()))
            }
        };
        let expr: String = text(&case, "expr").chars().take(80).collect();
        group.add(&format!("line {}: {expr}", number + 1), verdict);
    }
    Ok(group)
}
