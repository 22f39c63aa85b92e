//! `workflow validate`, `run`, `test-state` and `graph`.

use crate::project::Project;
use serde_json::json;

/// A task that is tried again, and caught; then a state that says hello.
const FETCH: &str = r#"{"StartAt": "Fetch", "States": {
  "Fetch": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:fetch",
    "Retry": [{"ErrorEquals": ["Net.Down"], "MaxAttempts": 1}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Late"}],
    "ResultPath": "$.rows", "Next": "Late"},
  "Late": {"Type": "Wait", "Seconds": 86400, "End": true}}}"#;

fn project() -> Project {
    let project = Project::empty();
    project.write("fetch.json", FETCH);
    project
}

#[test]
fn an_execution_with_mocks_is_reported_with_its_history() {
    let project = project();
    project.write("mocks.json", r#"{"Fetch": [{"throw": {"error": "Net.Down"}}, {"return": 3}]}"#);
    project.write("input.json", r#"{"z": 9007199254740993, "a": 1}"#);
    let run = ["workflow", "run", "fetch.json", "--mocks", "mocks.json", "--input-file", "input.json"];
    let done = project.staunch(&[&run[..], &["--output", "json"]].concat()).ok();
    let told = done.json();
    assert_eq!(told["status"], "SUCCEEDED");
    // Whole numbers and the order of fields pass unchanged; the wait of a day takes no time.
    assert!(done.stdout.contains(r#""output":{"z":9007199254740993,"a":1,"rows":3}"#), "{}", done.stdout);
    let events: Vec<_> =
        told["history"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(events.iter().filter(|e| **e == "LambdaFunctionFailed").count(), 1, "{events:?}");
    assert_eq!(events.last(), Some(&"ExecutionSucceeded"));
    let text = project.staunch(&run).ok().stdout;
    assert!(text.ends_with("\nSUCCEEDED\n{\"z\":9007199254740993,\"a\":1,\"rows\":3}\n"), "{text}");
    assert!(text.contains("WaitStateEntered         Late"), "{text}");
}

#[test]
fn an_execution_that_fails_is_exit_code_1() {
    let project = Project::empty();
    let fails =
        r#"{"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Shop.Closed", "Cause": "sunday"}}}"#;
    project.write("no.json", fails);
    let done = project.staunch(&["workflow", "run", "no.json", "--input", "{}", "--output", "json"]);
    let told = done.json();
    assert_eq!(done.code, Some(1));
    assert_eq!(
        (&told["status"], &told["error"], &told["cause"]),
        (&json!("FAILED"), &json!("Shop.Closed"), &json!("sunday"))
    );
    let done = project.staunch(&["workflow", "run", "no.json"]);
    assert!(done.stdout.ends_with("\nFAILED Shop.Closed: sunday\n"), "{}", done.stdout);
}

#[test]
fn a_task_that_is_not_there_ends_the_execution_whatever_it_catches() {
    let project = project();
    project.write("others.json", r#"{"Late": [{"return": 1}]}"#);
    for mocks in [&[][..], &["--mocks", "others.json"]] {
        let run = [&["workflow", "run", "fetch.json", "--output", "json"], mocks].concat();
        let done = project.staunch(&run).fails(1, "Task.Unavailable");
        let told = done.json();
        assert_eq!((&told["status"], &told["error"]), (&json!("ABORTED"), &json!("Task.Unavailable")));
        assert!(told.get("output").is_none());
        assert!(done.stderr.contains("--mocks") && done.stderr.contains("`Fetch`"), "{}", done.stderr);
    }
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_runs() {
    let project = project();
    project.write("wrong.json", FETCH.replace("\"Next\": \"Late\"}],", "\"Next\": \"Later\"}],"));
    let run = |more: &[&str]| project.staunch(&[&["workflow", "run"], more].concat());
    let done = run(&["wrong.json", "--output", "json"]).fails(3, "ST0003");
    let told: serde_json::Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!((&told["errors"][0]["file"], &told["errors"][0]["line"]), (&json!("wrong.json"), &json!(4)));
    assert_eq!(done.stdout, "");
    // No file, a folder, not UTF-8, too long.
    project.write("latin.json", b"\xe9").write("long.json", " ".repeat((4 << 20) + 1));
    for file in ["nowhere.json", ".", "latin.json", "long.json"] {
        run(&[file]).fails(3, "ST0001");
    }
    project.write("marked.json", format!("\u{feff}{FETCH}"));
    project.staunch(&["workflow", "validate", "marked.json"]).ok();
    run(&["fetch.json", "--input", "{"]).fails(3, "ST0001");
    project.write("mocks.json", r#"{"Fetch": [{}]}"#);
    run(&["fetch.json", "--mocks", "mocks.json"]).fails(3, "ST0005");
    assert_eq!(run(&["fetch.json", "--input", "{}", "--input-file", "x"]).code, Some(2));
}

#[test]
fn validate_finds_every_mistake_of_every_file() {
    let project = project();
    let yaml = "StartAt: A\nStates:\n  A: {Type: Pass, Next: B}\n  C: {Type: Wait, Seconds: -1, End: true}\n";
    project.write("wrong.yaml", yaml);
    let done = project.staunch(&["workflow", "validate", "fetch.json", "wrong.yaml", "--output", "json"]);
    assert_eq!(done.code, Some(3), "{done:?}");
    let told = done.json();
    let [good, wrong] = &told["definitions"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!((&good["valid"], &good["diagnostics"]), (&json!(true), &json!([])));
    let found: Vec<_> = wrong["diagnostics"].as_array().unwrap().iter().collect();
    assert!(!wrong["valid"].as_bool().unwrap() && found.len() >= 3, "{wrong}");
    assert!(found.iter().any(|d| d["path"] == "/States/A/Next" && d["line"] == 3), "{wrong}");
    assert!(found.iter().any(|d| d["path"] == "/States/C" && d["code"] == "ST0051"), "{wrong}");
    let done = project.staunch(&["workflow", "validate", "fetch.json"]).ok();
    assert_eq!(done.stdout, "fetch.json: ok\n");
    project.staunch(&["workflow", "validate", "fetch.json", "nowhere.json"]).fails(3, "ST0001");
    // Callbacks are refused in express workflows alone.
    let task = r#""Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}"#;
    project.write(
        "wait.json",
        FETCH.replace(r#""Resource": "arn:aws:lambda:eu-west-1:123456789012:function:fetch""#, task),
    );
    project.staunch(&["workflow", "validate", "wait.json"]).ok();
    assert_eq!(project.staunch(&["workflow", "validate", "--type", "EXPRESS", "wait.json"]).code, Some(3));
}

#[test]
fn one_state_is_tried_by_itself() {
    let project = Project::empty();
    project.write("try.json", r#"{"definition": {"Type": "Pass", "Next": "Then"}, "input": {"a": 1}}"#);
    let told = project.staunch(&["workflow", "test-state", "try.json"]).ok().json();
    assert_eq!(told, json!({"status": "SUCCEEDED", "output": "{\"a\":1}", "nextState": "Then"}));
    project.write("try.json", r#"{"input": {"a": 1}}"#);
    project.staunch(&["workflow", "test-state", "try.json"]).fails(3, "ST0005");
    project.write("try.json", "{");
    project.staunch(&["workflow", "test-state", "try.json"]).fails(3, "ST0001");
}

#[test]
fn a_definition_is_drawn_with_what_became_of_its_states() {
    let project = project();
    project.write("mocks.json", r#"{"Fetch": [{"throw": {"error": "E"}}]}"#);
    let run = ["workflow", "run", "fetch.json", "--mocks", "mocks.json", "--output", "json"];
    project.write("execution.json", project.staunch(&run).ok().stdout);
    let plain = project.staunch(&["workflow", "graph", "fetch.json"]).ok().stdout;
    assert!(plain.contains("Fetch (Task)") && !plain.contains("[caught]"), "{plain}");
    let drawn = ["workflow", "graph", "fetch.json", "--execution", "execution.json"];
    let text = project.staunch(&drawn).ok().stdout;
    assert!(text.contains("Fetch (Task) [caught]") && text.contains("Late (Wait) [succeeded]"), "{text}");
    let mermaid = project.staunch(&[&drawn[..], &["--format", "mermaid"]].concat()).ok().stdout;
    assert!(mermaid.starts_with("flowchart") && mermaid.contains("caught"), "{mermaid}");
    project.write("execution.json", "{}");
    project.staunch(&drawn).fails(3, "ST0009");
}
