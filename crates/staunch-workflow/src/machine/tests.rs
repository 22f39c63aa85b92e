use super::*;
use crate::value::Value;

fn start(input: &str) -> Start {
    Start {
        input: Value::parse(input).unwrap(),
        region: "r".into(),
        name: "e".into(),
        id: "x".into(),
        machine_id: "m".into(),
        machine_name: "m".into(),
        redrivable: true,
        role: None,
        at: 0,
        chance: 1,
    }
}

#[test]
fn a_loop_without_an_end_gives_way_and_is_stopped() {
    let definition = Definition::parse(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"C":{"Type":"Succeed"},
            "B":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,"Next":"C"}],"Default":"A"}}}"#,
    )
    .unwrap();
    let machine = Machine::new(&definition).with_limits(Limits { history_events: 100, steps: 10 });
    let (mut execution, mut effects) = machine.start(start("{}"));
    let mut turns = 0;
    while effects.contains(&Effect::Continue) {
        (execution, effects) = machine.step(execution, Event { at: 0, chance: 0, what: Happening::Continue });
        turns += 1;
    }
    assert!(turns > 5);
    let outcome = execution.outcome().unwrap();
    assert_eq!((outcome.status, outcome.error.as_deref()), (Status::Failed, Some("States.Runtime")));
}

#[test]
fn an_event_that_nobody_waits_for_changes_nothing() {
    let definition =
        Definition::parse(r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"a:b","End":true}}}"#)
            .unwrap();
    let machine = Machine::new(&definition);
    let (execution, effects) = machine.start(start("{}"));
    assert!(effects.iter().any(|e| matches!(e, Effect::Work { .. })));
    for what in [
        Happening::Succeeded { work: 99, output: Value::Null },
        Happening::Fired { timer: 99 },
        Happening::Continue,
        Happening::Heartbeat { work: 99 },
    ] {
        let (after, effects) = machine.step(execution.clone(), Event { at: 1, chance: 0, what });
        assert_eq!(after, execution);
        assert_eq!(effects, []);
    }
    let other = Definition::parse(r#"{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}"#).unwrap();
    let (after, effects) =
        Machine::new(&other).step(execution.clone(), Event { at: 1, chance: 0, what: Happening::Continue });
    assert_eq!((after, effects), (execution, vec![]));
}

#[test]
fn large_values_are_kept_beside_the_state() {
    let definition =
        Definition::parse(r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"a:b","End":true}}}"#)
            .unwrap();
    let text = format!(r#"{{"big":"{}"}}"#, "x".repeat(LARGE_BYTES));
    let (execution, _) = Machine::new(&definition).start(start(&text));
    let (small, large) = execution.detach(LARGE_BYTES);
    assert_eq!(large.len(), 1, "the input of the execution and that of the state are one value");
    assert!(small.to_json().unwrap().len() < 2_000);
    let restored = Execution::from_json(&small.to_json().unwrap()).unwrap();
    assert_eq!(restored.clone().attach(|hash| large.get(hash).cloned()), Ok(execution));
    assert!(restored.attach(|_| None).is_err());

    // What only looks like a reference comes back as it was.
    let (tricky, _) = Machine::new(&definition).start(start(r#"{"staunch:value":"0"}"#));
    let (small, large) = tricky.detach(LARGE_BYTES);
    assert_eq!(small.attach(|hash| large.get(hash).cloned()), Ok(tricky));
}
