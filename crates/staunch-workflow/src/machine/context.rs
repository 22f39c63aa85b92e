//! The context object: `$$`, `$states.context`.

use super::execution::{Active, Execution, Identity, Thread};
use crate::states::Kind;
use crate::time;
use crate::value::{Value, object};

/// The context object of a state of a thread.
pub(super) fn context(
    execution: &Execution,
    thread: &Thread,
    active: &Active,
    kind: &Kind,
    token: Option<&str>,
) -> Value {
    let journal = execution.journals.get(&thread.journal);
    let identity = journal.and_then(|j| j.child.as_ref()).unwrap_or(&execution.identity);
    let mut state = vec![
        ("EnteredTime".to_owned(), time::format(active.entered_at).into()),
        ("Name".to_owned(), active.state.as_str().into()),
    ];
    if matches!(kind, Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_)) {
        state.push(("RetryCount".to_owned(), active.attempt().into()));
    }
    let mut fields = vec![
        ("Execution".to_owned(), execution_part(identity)),
        (
            "StateMachine".to_owned(),
            object([
                ("Id", identity.machine_id.as_str().into()),
                ("Name", identity.machine_name.as_str().into()),
            ]),
        ),
        ("State".to_owned(), state.into_iter().collect()),
    ];
    if let Some(token) = token {
        fields.push(("Task".to_owned(), object([("Token", token.into())])));
    }
    if let Some((index, item)) = &thread.item {
        fields.push(("Map".to_owned(), map_part(*index, item)));
    }
    fields.into_iter().collect()
}

/// The part that stands for the item of a Map state.
pub(super) fn map_part(index: usize, item: &Value) -> Value {
    object([("Item", object([("Index", Value::Int(index as i128)), ("Value", item.clone())]))])
}

fn execution_part(identity: &Identity) -> Value {
    let mut part = object([
        ("Id", identity.id.as_str().into()),
        ("Input", (*identity.input).clone()),
        ("StartTime", time::format(identity.started_at).into()),
        ("Name", identity.name.as_str().into()),
        ("RoleArn", identity.role.as_deref().map_or(Value::Null, Into::into)),
    ]);
    if let (true, Value::Object(fields)) = (identity.redrivable, &mut part) {
        fields.insert("RedriveCount".to_owned(), Value::Int(0));
    }
    part
}
