//! Executions: status, output and error; causes; histories; and the same history when restored at every step.

use crate::compare::{same, same_history};
use crate::{Group, NOW, Verdict, cases, differs, home, text, text_or_json};
use staunch_workflow::driver::{Driver, Mocks, Report};
use staunch_workflow::machine::Execution;
use staunch_workflow::{Definition, Type, Value};
use std::path::Path;

/// The tiers that need nothing outside.
const TIERS: [&str; 3] = ["pure", "pure_distributed_map", "mocked"];
/// What cannot be compared, by the words of the cases.
const LEFT_OUT: [&str; 3] = ["random", "relative_time", "external_stop"];

pub(crate) fn run(folder: &Path) -> Result<Vec<Group>, String> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .filter(|path| path.file_name().is_some_and(|n| !n.to_string_lossy().starts_with('_')))
        .collect();
    files.sort();
    let mut groups: Vec<Group> = TIERS.iter().map(|tier| Group::new(format!("executions: {tier}"))).collect();
    let mut causes = Group::new("causes");
    let mut histories = Group::new("history");
    let mut restored = Group::new("restored at every step");
    for file in files {
        for case in cases(&file)? {
            let Some(tier) = TIERS.iter().position(|t| *t == text(&case, "tier")) else { continue };
            let Some(group) = groups.get_mut(tier) else { continue };
            if flags(&case).iter().any(|flag| LEFT_OUT.contains(flag)) {
                continue;
            }
            let id = text(&case, "id");
            if case.get("definition").is_none_or(|d| *d == Value::Null) {
                group.add(id, Verdict::Refused("the case holds no definition".to_owned()));
                continue;
            }
            let report = match execute(&case, |execution| execution) {
                Ok(report) => report,
                Err(why) => {
                    group.add(id, Verdict::Failed(why));
                    continue;
                }
            };
            group.add(id, outcome(&case, &report));
            if let Some(verdict) = cause(&case, &report) {
                causes.add(id, verdict);
            }
            if let Some(verdict) = history(&case, &report) {
                histories.add(id, verdict);
            }
            restored.add(id, again(&case, &report));
        }
    }
    groups.extend([causes, histories, restored]);
    Ok(groups)
}

fn flags(case: &Value) -> Vec<&str> {
    let flags = case.get("flags").and_then(Value::as_array).unwrap_or_default();
    flags.iter().filter_map(Value::as_str).collect()
}

fn execute(case: &Value, between: fn(Execution) -> Execution) -> Result<Report, String> {
    let definition = Definition::parse(&text_or_json(case.get("definition").unwrap_or(&Value::Null)));
    let definition = definition.map_err(|e| format!("the definition is refused: {e}"))?;
    let mocks = case.get("mocks").map_or(Ok(Mocks::default()), |m| Mocks::parse(&m.to_json()))?;
    let kind = if text(case, "type") == "EXPRESS" { Type::Express } else { Type::Standard };
    let driver = Driver::new(&definition, mocks, NOW, 1).kind(kind).home(home()).between(between);
    let driver =
        if text(case, "id").contains("start_execution_sync") { driver.synchronous() } else { driver };
    driver.run(case.get("input").cloned().unwrap_or_default())
}

fn outcome(case: &Value, report: &Report) -> Verdict {
    let none = Value::Null;
    let expected = case.get("expected").unwrap_or(&none);
    let placeholders = flags(case).contains(&"placeholders");
    let got = report.to_value();
    let field = |name: &str| got.get(name).cloned().unwrap_or_default();
    if text(expected, "status") != text(&got, "status") {
        return Verdict::Failed(differs(
            "status",
            expected,
            &Value::from_iter([
                ("status".to_owned(), field("status")),
                ("error".to_owned(), field("error")),
                ("cause".to_owned(), field("cause")),
            ]),
        ));
    }
    if let Some(output) = expected.get("output")
        && !same(output, &field("output"), placeholders)
    {
        return Verdict::Failed(differs("output", output, &field("output")));
    }
    match expected.get("error") {
        Some(error) if text(expected, "status") == "FAILED" && !same(error, &field("error"), true) => {
            Verdict::Failed(differs("error", error, &field("error")))
        }
        _ => Verdict::Passed,
    }
}

fn cause(case: &Value, report: &Report) -> Option<Verdict> {
    let wanted = case.get("expected")?.get("cause")?;
    let got = report.outcome.cause.as_deref().map_or(Value::Null, Value::from);
    Some(if same(wanted, &got, true) {
        Verdict::Passed
    } else {
        Verdict::Failed(differs("cause", wanted, &got))
    })
}

fn history(case: &Value, report: &Report) -> Option<Verdict> {
    let recorded = case.get("history")?.as_array()?.iter().map(|event| {
        let id =
            event.get("id").and_then(Value::as_int).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        (id, text(event, "type").to_owned())
    });
    let got: Vec<String> = report.history.iter().map(|e| e.kind.clone()).collect();
    Some(match same_history(&recorded.collect::<Vec<_>>(), &got) {
        Ok(()) => Verdict::Passed,
        Err(why) => Verdict::Failed(why),
    })
}

/// The same case, its execution written down and restored between any two events.
fn again(case: &Value, report: &Report) -> Verdict {
    let restore = |execution: Execution| {
        // Values of some length are kept beside it.
        let (small, large) = execution.detach(40);
        let text = small.to_json().unwrap_or_default();
        let restored = Execution::from_json(&text).and_then(|e| e.attach(|hash| large.get(hash).cloned()));
        // What was written down wrongly makes the histories differ.
        restored.unwrap_or(small)
    };
    match execute(case, restore) {
        Err(why) => Verdict::Failed(why),
        Ok(again)
            if again.history == report.history
                && again.outcome == report.outcome
                && again.children == report.children =>
        {
            Verdict::Passed
        }
        Ok(_) => Verdict::Failed("the history differs".to_owned()),
    }
}
