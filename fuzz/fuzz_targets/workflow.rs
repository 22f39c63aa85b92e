//! Definitions of workflows: whatever the text is, it is checked, and what passes is run. Restored at every step, it runs the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use staunch_workflow::driver::{Driver, Mocks};
use staunch_workflow::machine::{Execution, Limits};
use staunch_workflow::{Definition, Severity, Value, graph, validate};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let errors = validate(text).iter().filter(|d| d.severity == Severity::Error).count();
    let definition = Definition::parse(text);
    assert_eq!(definition.is_ok(), errors == 0, "the checks disagree");
    let Ok(definition) = definition else { return };
    let limits = Limits { history_events: 300, steps: 50 };
    let input = Value::parse(r#"{"a":[1,{"b":"2026-01-01T00:00:00Z"}],"n":3}"#).expect("JSON");
    let run = |between: fn(Execution) -> Execution| {
        Driver::new(&definition, Mocks::default(), 0, 7).limits(limits).between(between).run(input.clone())
    };
    let restore = |execution: Execution| {
        let text = execution.to_json().expect("every execution can be written down");
        Execution::from_json(&text).expect("what was written down can be restored")
    };
    match (run(|execution| execution), run(restore)) {
        (Ok(plain), Ok(restored)) => {
            assert_eq!(plain.history, restored.history);
            assert_eq!(plain.outcome, restored.outcome);
            let outcomes = graph::Outcomes::of_events(&plain.history);
            let _ = (graph::text(&definition, &outcomes), graph::mermaid(&definition, &outcomes));
        }
        (plain, restored) => assert_eq!(plain.is_err(), restored.is_err()),
    }
});
