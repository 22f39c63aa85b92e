use super::*;

fn answer(request: &str) -> Result<String, String> {
    try_state(&Value::parse(request).unwrap(), &Home::default(), 0)
        .map(|v| v.to_json())
        .map_err(|r| r.message)
}

#[test]
fn each_step_of_the_data_is_shown() {
    let request = r#"{"definition":{"Type":"Task","Resource":"a:b","InputPath":"$.x","Parameters":{"n.$":"$.n"},
        "ResultSelector":{"r.$":"$.rows"},"ResultPath":"$.out","OutputPath":"$.out","Next":"N"},
        "input":{"x":{"n":1}},"mock":{"result":"{\"rows\":3}"},"inspectionLevel":"TRACE"}"#;
    let answer = Value::parse(&answer(request).unwrap()).unwrap();
    let shown = answer.get("inspectionData").unwrap();
    for (name, value) in [
        ("afterInputPath", r#"{"n":1}"#),
        ("afterParameters", r#"{"n":1}"#),
        ("result", r#"{"rows":3}"#),
        ("afterResultSelector", r#"{"r":3}"#),
        ("afterResultPath", r#"{"x":{"n":1},"out":{"r":3}}"#),
    ] {
        assert_eq!(shown.get(name).unwrap().as_str(), Some(value), "{name}");
    }
    assert_eq!(answer.get("output").unwrap().as_str(), Some(r#"{"r":3}"#));
}

#[test]
fn what_cannot_be_tried_is_refused() {
    let state = |s: &str| answer(&format!(r#"{{"definition":{s}}}"#)).unwrap_err();
    assert!(state(r#"{"Type":"Task","Resource":"a:b","End":true}"#).contains("RoleArn"));
    assert!(state(r#"{"Type":"Pass"}"#).contains("Next or End"));
    assert!(state("[]").contains("object"));
    assert!(state(r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#).contains("stateName"));
}
