use super::*;
use crate::driver::{Driver, Mocks};

const DEFINITION: &str = r#"{"StartAt":"Look","States":{
    "Look":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"Both"}],"Default":"No \"way\""},
    "No \"way\"":{"Type":"Fail"},
    "Both":{"Type":"Parallel","Next":"Rest","Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},
        {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"a:b","End":true}}}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Rest"}]},
    "Rest":{"Type":"Pass","End":true}}}"#;

fn outcomes(mocks: &str) -> Outcomes {
    let definition = Definition::parse(DEFINITION).unwrap();
    let driver = Driver::new(&definition, Mocks::parse(mocks).unwrap(), 0, 0);
    let report = driver.run(Value::parse(r#"{"n":1}"#).unwrap()).unwrap();
    let outcomes = Outcomes::of_events(&report.history);
    assert_eq!(outcomes, Outcomes::of_history(report.to_value().get("history").unwrap()));
    outcomes
}

#[test]
fn states_show_what_became_of_them() {
    let good = outcomes(r#"{"B":[{"return":1}]}"#);
    assert_eq!(good.get("Both"), Some(StateOutcome::Succeeded));
    assert_eq!(good.get("No \"way\""), None);
    let bad = outcomes(r#"{"B":[{"throw":{"error":"E"}}]}"#);
    assert_eq!(bad.get("B"), Some(StateOutcome::Failed));
    assert_eq!(bad.get("Both"), Some(StateOutcome::Caught));
    assert_eq!(bad.get("Rest"), Some(StateOutcome::Succeeded));
}

#[test]
fn as_text_and_for_mermaid() {
    let definition = Definition::parse(DEFINITION).unwrap();
    let outcomes = outcomes(r#"{"B":[{"return":1}]}"#);
    assert_eq!(
        text(&definition, &outcomes),
        "Look (Choice) [succeeded] rule 1 -> Both, default -> No \"way\"\n\
         Both (Parallel) [succeeded] -> Rest, catch States.ALL -> Rest\n  \
           branch 1:\n    A (Pass) [succeeded] -> end\n  \
           branch 2:\n    B (Task) [succeeded] -> end\n\
         Rest (Pass) [succeeded] -> end\n\
         No \"way\" (Fail) -> end\n"
    );
    let drawn = mermaid(&definition, &outcomes);
    assert!(drawn.contains("subgraph s2 [\"Both\"]"), "{drawn}");
    assert!(drawn.contains("[\"No #34;way#34;\"]"), "{drawn}");
    assert!(drawn.contains("class s2 succeeded"), "{drawn}");
    assert!(drawn.contains("-->|\"catch States.ALL\"|"), "{drawn}");
}
