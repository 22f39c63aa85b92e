use super::*;

fn run(definition: &str, input: &str, mocks: &str) -> Report {
    let definition = Definition::parse(definition).unwrap();
    let driver = Driver::new(&definition, Mocks::parse(mocks).unwrap(), 0, 1);
    driver.run(Value::parse(input).unwrap()).unwrap()
}

fn kinds(report: &Report) -> Vec<&str> {
    report.history.iter().map(|e| e.kind.as_str()).collect()
}

#[test]
fn a_task_is_tried_again_with_growing_pauses() {
    let report = run(
        r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"staunch:sql","End":true,
            "Retry":[{"ErrorEquals":["Net.Down"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":5,"MaxDelaySeconds":10}]}}}"#,
        "{}",
        r#"{"T":[{"throw":{"error":"Net.Down"}},{"throw":{"error":"Net.Down"}},{"throw":{"error":"Net.Down"}},{"return":7}]}"#,
    );
    assert_eq!(report.outcome.output(), Some(&Value::Int(7)));
    let scheduled: Vec<i64> =
        report.history.iter().filter(|e| e.kind == "TaskScheduled").map(|e| e.at / 1_000_000).collect();
    assert_eq!(scheduled, [0, 2, 8, 18]);
}

#[test]
fn a_timeout_is_an_error_that_can_be_caught() {
    let report = run(
        r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"a:b.waitForTaskToken","TimeoutSeconds":5,"End":true,
            "Catch":[{"ErrorEquals":["States.Timeout"],"ResultPath":"$.why","Next":"Late"}]},"Late":{"Type":"Pass","End":true}}}"#,
        "{}",
        r#"{"T":[{"throw":{"error":"States.Timeout","cause":""}}]}"#,
    );
    assert_eq!(
        report.outcome.output().map(Value::to_json).as_deref(),
        Some(r#"{"why":{"Error":"States.Timeout","Cause":""}}"#)
    );
    assert!(kinds(&report).contains(&"TaskTimedOut"));
}

#[test]
fn a_failed_branch_breaks_the_others_off() {
    let report = run(
        r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
            {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100,"End":true}}},
            {"StartAt":"F","States":{"F":{"Type":"Fail","Error":"No"}}}]}}}"#,
        "{}",
        "{}",
    );
    assert_eq!(report.outcome.error.as_deref(), Some("No"));
    assert_eq!(
        kinds(&report),
        [
            "ExecutionStarted",
            "ParallelStateEntered",
            "ParallelStateStarted",
            "WaitStateEntered",
            "FailStateEntered",
            "WaitStateAborted",
            "ParallelStateFailed",
            "ExecutionFailed"
        ]
    );
}

#[test]
fn a_distributed_map_reads_batches_tolerates_and_writes() {
    let definition = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ToleratedFailurePercentage":50,
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"},
            "Parameters":{"Bucket":"b"}},
        "ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"n":1}},
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{
            "C":{"Type":"Choice","Choices":[{"Variable":"$.Items[0]","NumericEquals":3,"Next":"No"}],"Default":"Yes"},
            "No":{"Type":"Fail","Error":"Three"},"Yes":{"Type":"Pass","End":true}}},
        "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"r"}}}}}"#;
    let report = run(
        definition,
        "{}",
        r#"{"M":[{"return":[1,2,3,4,5]},{"return":{"Bucket":"r","Key":"manifest.json"}}]}"#,
    );
    let output = report.outcome.output().unwrap();
    assert_eq!(
        output.get("ResultWriterDetails").unwrap().to_json(),
        r#"{"Bucket":"r","Key":"manifest.json"}"#
    );
    assert_eq!(report.children.len(), 3);
    let first = report.children.values().next().unwrap();
    assert_eq!(first[0].field("input").unwrap().to_json(), r#"{"BatchInput":{"n":1},"Items":[1,2]}"#);
    assert_eq!(report.children.values().filter(|h| h.last().unwrap().kind == "ExecutionFailed").count(), 1);

    let strict = definition.replace("\"ToleratedFailurePercentage\":50,", "");
    let report = run(&strict, "{}", r#"{"M":[{"return":[1,2,3,4,5]}]}"#);
    assert_eq!(report.outcome.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    assert!(kinds(&report).ends_with(&[
        "MapRunStarted",
        "MapRunFailed",
        "MapStateFailed",
        "ExecutionFailed"
    ]));
}

#[test]
fn written_down_and_restored_at_every_step_the_history_is_the_same() {
    let definition = Definition::parse(
        r#"{"StartAt":"P","TimeoutSeconds":9999,"States":{"P":{"Type":"Parallel","Next":"M","ResultPath":"$.p","Branches":[
            {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100,"End":true}}},
            {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"a:b","End":true,"HeartbeatSeconds":9,
                "Retry":[{"ErrorEquals":["States.ALL"],"JitterStrategy":"FULL"}]}}}]},
          "M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"End":true,
            "ItemSelector":{"v.$":"$$.Map.Item.Value","u.$":"States.UUID()"},
            "ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Pass","Assign":{"big.$":"$.v"},"End":true}}}}}}"#,
    )
    .unwrap();
    let mocks = r#"{"T":[{"throw":{"error":"E"}},{"throw":{"error":"E"}},{"return":9007199254740993}]}"#;
    let run = |between: fn(Execution) -> Execution| {
        let driver = Driver::new(&definition, Mocks::parse(mocks).unwrap(), 5, 6).between(between);
        driver.run(Value::parse(r#"{"items":[1,9007199254740993,[{"b":1,"a":2.0}]]}"#).unwrap()).unwrap()
    };
    let plain = run(|execution| execution);
    let restored = run(|execution| Execution::from_json(&execution.to_json().unwrap()).unwrap());
    assert_eq!(plain.history, restored.history);
    assert_eq!(plain.outcome, restored.outcome);
    assert_eq!(plain.outcome.status, crate::machine::Status::Succeeded);
}

#[test]
fn work_without_an_answer_stops_the_execution_past_every_catch() {
    let text = r#"{"StartAt":"Both","States":{
        "Both":{"Type":"Parallel","End":true,"Branches":[
            {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"a:b","End":true,
                "Retry":[{"ErrorEquals":["States.ALL"]}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}]},
                "C":{"Type":"Succeed"}}}],
            "Catch":[{"ErrorEquals":["States.ALL"],"Next":"D"}]},
        "D":{"Type":"Succeed"}}}"#;
    let definition = Definition::parse(text).unwrap();
    let report = Driver::new(&definition, Mocks::default(), 0, 0).run(Value::Null).unwrap();
    assert_eq!(report.outcome.status, crate::machine::Status::Aborted);
    assert_eq!(report.outcome.error.as_deref(), Some("Task.Unavailable"));
    assert_eq!(report.outcome.cause.as_deref(), Some("there is no mock for the state `B`"));
}
