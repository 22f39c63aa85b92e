//! Property: an execution that is written down and restored between any two events has the same history.
//!
//! Definitions are drawn from bytes: flows of every kind of state, one in another, whose tasks fail or not as the mocks say.

use super::{Execution, Limits};
use crate::Definition;
use crate::driver::{Driver, Mocks, Report};
use crate::value::Value;
use proptest::prelude::*;

struct Drawn<'b> {
    bytes: std::slice::Iter<'b, u8>,
    names: usize,
    tasks: Vec<String>,
}

impl Drawn<'_> {
    fn pick(&mut self, of: u8) -> u8 {
        self.bytes.next().map_or(0, |b| b % of)
    }

    /// `"StartAt": …, "States": {…}`
    fn flow(&mut self, depth: usize) -> String {
        let count = usize::from(self.pick(3)) + 1;
        let names: Vec<String> = (0..count).map(|n| format!("S{}", self.names + n)).collect();
        self.names += count;
        let mut states = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let next =
                names.get(n + 1).map_or(r#""End":true"#.to_owned(), |next| format!(r#""Next":"{next}""#));
            states.push(format!(
                r#""{name}":{}"#,
                self.state(name, &next, names.last().map_or(name, |l| l), depth)
            ));
        }
        format!(r#""StartAt":"{}","States":{{{}}}"#, names[0], states.join(","))
    }

    fn state(&mut self, name: &str, next: &str, last: &str, depth: usize) -> String {
        let kind = self.pick(if depth == 0 { 4 } else { 7 });
        let retry = match self.pick(3) {
            0 => String::new(),
            1 => r#","Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2,"JitterStrategy":"FULL"}]"#
                .to_owned(),
            _ if last != name => {
                format!(r#","Catch":[{{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"{last}"}}]"#)
            }
            _ => String::new(),
        };
        match kind {
            0 => format!(r#"{{"Type":"Pass","Assign":{{"v.$":"States.UUID()"}},{next}}}"#),
            1 => format!(r#"{{"Type":"Wait","Seconds":{},{next}}}"#, self.pick(4)),
            2 => format!(
                r#"{{"Type":"Pass","Parameters":{{"x":[9007199254740993,1.5],"t.$":"$$.State.EnteredTime"}},"ResultPath":"$.p",{next}}}"#
            ),
            3 => {
                self.tasks.push(name.to_owned());
                format!(
                    r#"{{"Type":"Task","Resource":"a:b","ResultPath":"$.r","TimeoutSeconds":9,"HeartbeatSeconds":4{retry},{next}}}"#
                )
            }
            4 => {
                let branches = (0..=self.pick(3))
                    .map(|_| format!("{{{}}}", self.flow(depth - 1)))
                    .collect::<Vec<_>>()
                    .join(",");
                format!(r#"{{"Type":"Parallel","ResultPath":"$.b","Branches":[{branches}]{retry},{next}}}"#)
            }
            kind => {
                let mode = if kind == 5 {
                    ""
                } else {
                    r#""ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"#
                };
                let at_once = self.pick(3);
                let flow = self.flow(depth - 1);
                format!(
                    r#"{{"Type":"Map","ItemsPath":"$$.Execution.Input.items","MaxConcurrency":{at_once},"ItemSelector":{{"i.$":"$$.Map.Item.Index","items":[1]}},"ResultPath":"$.m","ItemProcessor":{{{mode}{flow}}}{retry},{next}}}"#
                )
            }
        }
    }
}

fn run(definition: &Definition, mocks: &str, between: fn(Execution) -> Execution) -> Report {
    let limits = Limits { history_events: 2_000, steps: 7 };
    let driver = Driver::new(definition, Mocks::parse(mocks).unwrap(), 5, 6).limits(limits).between(between);
    driver.run(Value::parse(r#"{"items":[{"a":1},{"a":2.0},{"a":null}]}"#).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_history_is_the_same(bytes in proptest::collection::vec(any::<u8>(), 10..120)) {
        let mut drawn = Drawn { bytes: bytes.iter(), names: 0, tasks: Vec::new() };
        let text = format!("{{{}}}", drawn.flow(3));
        let mocks: Vec<String> = drawn.tasks.iter().enumerate().map(|(n, task)| {
            let throws = r#"{"throw":{"error":"E","cause":"c"}},"#.repeat(n % 4);
            format!(r#""{task}":[{throws}{{"return":{{"n":{n}}}}}]"#)
        }).collect();
        let mocks = format!("{{{}}}", mocks.join(","));
        let definition = Definition::parse(&text);
        prop_assert!(definition.is_ok(), "{text}: {:?}", definition.err().map(|e| e.to_string()));
        let definition = definition.unwrap();
        let plain = run(&definition, &mocks, |execution| execution);
        let restored = run(&definition, &mocks, |execution| {
            let (small, large) = execution.detach(30);
            let restored = Execution::from_json(&small.to_json().unwrap()).unwrap();
            restored.attach(|hash| large.get(hash).cloned()).unwrap()
        });
        prop_assert_eq!(&plain.history, &restored.history, "{}", text);
        prop_assert_eq!(&plain.children, &restored.children);
        prop_assert_eq!(&plain.outcome, &restored.outcome);
        // What was entered was left, broken off or failed: nothing runs on behind the end.
        prop_assert!(plain.history.last().is_some_and(|e| e.kind.starts_with("Execution")));
        // Each event follows one that was there before it.
        prop_assert!(plain.history.iter().all(|e| e.previous < e.id));
    }
}
