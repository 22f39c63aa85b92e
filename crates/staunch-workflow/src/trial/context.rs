//! The context object of a state that is tried: the one that is given, or one that looks like AWS's.

use super::{Refused, named, refused, text_of};
use crate::machine::Home;
use crate::states::{Kind, State};
use crate::time;
use crate::value::{Map, Value, object};

/// The parts that may be given, and their fields; `Input` may be anything, everything else is a text or a number.
const PARTS: [(&str, &[&str]); 4] = [
    ("Execution", &["Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"]),
    ("State", &["EnteredTime", "Name", "RetryCount"]),
    ("StateMachine", &["Id", "Name"]),
    ("Task", &["Token"]),
];

/// What AWS refuses in a context object.
pub(super) fn check(given: &Value, state: &State) -> Result<(), Refused> {
    let wrong = |what: String| refused(format!("Invalid Context object provided: {what}"));
    let Value::Object(map) = given else { return wrong("it must be an object".to_owned()) };
    for (part, value) in map {
        if part == "Map" {
            return wrong("'Map' field is not supported when mocking a Context object".to_owned());
        }
        let Some((_, fields)) = PARTS.iter().find(|(name, _)| name == part) else {
            return wrong(format!("Field '{part}' is not allowed"));
        };
        let Value::Object(inner) = value else { return wrong(format!("{part} must be an object")) };
        for (field, value) in inner {
            if !fields.contains(&field.as_str()) {
                return wrong(format!("Field '{field}' is not allowed"));
            }
            let is_number = matches!(field.as_str(), "RetryCount" | "RedriveCount");
            if is_number && value.as_int().is_none() {
                return wrong(format!("{part}.{field} must be a number"));
            }
            if !is_number && field != "Input" && value.as_str().is_none() {
                return wrong(format!("{part}.{field} must be a string"));
            }
        }
    }
    let awaits = matches!(&state.kind, Kind::Task(task) if task.resource.awaits());
    if map.contains_key("Task") && !awaits {
        let what = "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service \
                    integration pattern";
        return wrong(what.to_owned());
    }
    Ok(())
}

/// The context object. AWS calls every state `StateName` here, whatever its name is.
pub(super) fn make(
    given: Option<&Value>,
    state: &State,
    input: &Value,
    role: Option<&str>,
    home: &Home,
    now: i64,
) -> Value {
    let Home { region, account } = home;
    let works = matches!(state.kind, Kind::Task(_) | Kind::Map(_) | Kind::Parallel(_));
    let at = time::format(now);
    let any = format!("arn:aws:iam::{account}:role/workflow");
    let role = role.or(works.then_some(any.as_str()));
    let execution = object([
        ("Id", format!("arn:aws:states:{region}:{account}:express:workflow:execution").into()),
        ("Input", input.clone()),
        ("Name", "execution".into()),
        ("RoleArn", role.map_or(Value::Null, Into::into)),
        ("StartTime", at.as_str().into()),
    ]);
    let mut own = object([("Name", "StateName".into()), ("EnteredTime", at.as_str().into())]);
    if let (true, Value::Object(fields)) = (works, &mut own) {
        fields.insert("RetryCount".to_owned(), Value::Int(0));
    }
    let machine = named(&format!("arn:aws:states:{region}:{account}:stateMachine:workflow"), "workflow");
    let mut whole = Map::from_iter([
        ("Execution".to_owned(), execution),
        ("StateMachine".to_owned(), machine),
        ("State".to_owned(), own),
    ]);
    let token = given.and_then(|g| g.get("Task")).and_then(|t| text_of(t, "Token"));
    if let Kind::Task(task) = &state.kind
        && task.resource.awaits()
    {
        whole.insert("Task".to_owned(), object([("Token", token.unwrap_or("token").into())]));
    }
    if let Some(Value::Object(given)) = given {
        for (part, value) in given {
            whole.insert(part.clone(), value.clone());
        }
    }
    Value::Object(whole)
}
