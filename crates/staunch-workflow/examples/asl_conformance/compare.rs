//! Whether a value is the one that was recorded, as leniently as the cases want it.
//!
//! A text that begins with `{` or `[` may stand parsed, and numbers are compared by value. Where a case is flagged `placeholders`,
//! recorded texts may stand for what differs from run to run: `<uuid:1>`, `start-date`, a part of an ARN.

use staunch_workflow::Value;

/// Words that stand for a time, an id or a role.
const WORDS: [&str; 13] = [
    "timestamp",
    "datetime",
    "date",
    "start-date",
    "stop-date",
    "start-time",
    "entered-time",
    "generated-uuid",
    "time",
    "state-machine-arn",
    "snf_role_arn",
    "sfn_role_arn",
    "json-input",
];

pub(crate) fn same(wanted: &Value, got: &Value, placeholders: bool) -> bool {
    let (wanted, got) = (&parsed(wanted), &parsed(got));
    match (wanted, got) {
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            wanted.same(got) || close(wanted.as_float(), got.as_float())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, placeholders))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w, placeholders)))
        }
        (Value::String(a), Value::String(b)) => a == b || placeholders && stands_for(a, b),
        _ => wanted == got,
    }
}

fn parsed(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if text.starts_with(['{', '[']) => Value::parse(text).unwrap_or_else(|_| value.clone()),
        _ => value.clone(),
    }
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if (a - b).abs() <= 1e-9 * a.abs().max(1.0))
}

fn stands_for(wanted: &str, got: &str) -> bool {
    if WORDS.contains(&wanted) || wanted.contains("ArnPart") {
        return true;
    }
    // The texts between tokens must be there, in order.
    let mut parts = Vec::new();
    let mut rest = wanted;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((token, after)) = after.split_once('>') else { break };
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_alphanumeric() || "_- :".contains(c)) {
            break;
        }
        parts.push(before);
        rest = after;
    }
    let Some((first, middle)) = parts.split_first() else { return false };
    let Some(mut left) = got.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(rest)
}

/// Whether a history is the one that was recorded. Events with an id stand at that place. The recorder sorted events of branches
/// and took their ids: they fill the places between, in any order. A place that nothing was recorded for may hold any event.
pub(crate) fn same_history(recorded: &[(u64, String)], got: &[String]) -> Result<(), String> {
    let mut recorded = recorded.to_vec();
    if recorded.iter().all(|(id, _)| *id > 0) {
        recorded.sort();
    }
    let last = recorded.last().map_or(0, |(id, _)| *id);
    if last != got.len() as u64 {
        return Err(format!("history: wanted {last} events, got {}: {}", got.len(), got.join(" ")));
    }
    let mut free: Vec<&String> = got.iter().collect();
    for (id, kind) in recorded.iter().filter(|(id, _)| *id > 0) {
        let place = usize::try_from(*id - 1).ok().and_then(|n| got.get(n));
        if place != Some(kind) {
            return Err(format!(
                "history: wanted {kind} as event {id}, got {}: {}",
                place.map_or("none", |k| k),
                got.join(" ")
            ));
        }
        if let Some(at) = free.iter().position(|k| *k == kind) {
            free.remove(at);
        }
    }
    for (_, kind) in recorded.iter().filter(|(id, _)| *id == 0) {
        match free.iter().position(|k| *k == kind) {
            Some(at) => drop(free.remove(at)),
            None => return Err(format!("history: {kind} is missing: {}", got.join(" "))),
        }
    }
    Ok(())
}
