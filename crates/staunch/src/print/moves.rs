//! What a plan says about things that are stored under an earlier contract.

use serde_json::{Value, json};
use staunch_app::{MoveOutcome, MoveView, PlanView, StoredView};
use std::fmt::Write as _;

/// For people; nothing if everything is under the contracts of today.
pub(super) fn text(plan: &PlanView) -> String {
    let mut text = String::new();
    for moved in &plan.moves {
        let MoveView { kind, name, from, to, .. } = moved;
        let _ = match from == to {
            true => writeln!(text, "\nmoves   {kind} {name}: {to} has other columns now"),
            false => writeln!(text, "\nmoves   {kind} {name}: {from} → {to}"),
        };
        for change in &moved.changes {
            let _ = match change.path.as_str() {
                "" => writeln!(text, "        {change}"),
                path => writeln!(text, "        `{path}` {change}"),
            };
        }
        let (there, none): (Vec<&StoredView>, Vec<&StoredView>) =
            moved.stored.iter().partition(|stored| stored.outcome != MoveOutcome::None);
        for (n, stored) in there.into_iter().enumerate() {
            kind_of(stored, &mut text);
            // Of a write the target comes first.
            let statements = if n == 0 { moved.statements.as_slice() } else { &[] };
            for statement in statements {
                let _ = writeln!(text, "          {statement}");
            }
        }
        if !none.is_empty() {
            let kinds: Vec<&str> = none.iter().map(|stored| stored.what).collect();
            let _ = writeln!(text, "        {}: {}", kinds.join(", "), MoveOutcome::None.word());
        }
    }
    let altered = plan.moves.iter().any(|moved| !moved.statements.is_empty());
    let refused = plan.moves.iter().any(|moved| {
        moved.kind == "write"
            && moved.stored.iter().take(1).any(|s| matches!(s.outcome, MoveOutcome::Refused(_)))
    });
    let pipeline = &plan.pipeline;
    if refused {
        let _ = writeln!(text, "\na run is refused until the obstacles are out of the way");
    } else if altered {
        let _ = writeln!(
            text,
            "\nnext:\n  staunch run {pipeline} --migrate   alters the targets with the first rows that they take"
        );
    } else if !plan.moves.is_empty() {
        let _ = writeln!(text, "\nno target must be altered");
    }
    text
}

fn kind_of(stored: &StoredView, text: &mut String) {
    let counted = stored.count.map_or(String::new(), |n| format!(" ({n})"));
    let word = stored.outcome.word();
    let _ = match &stored.outcome {
        MoveOutcome::OnRead(how) => writeln!(text, "        {}{counted}: {word}: {how}", stored.what),
        _ => writeln!(text, "        {}{counted}: {word}", stored.what),
    };
    match &stored.outcome {
        MoveOutcome::Altered(steps) => {
            for step in steps {
                let _ = writeln!(text, "          {step}");
            }
        }
        MoveOutcome::Refused(obstacles) => {
            for obstacle in obstacles {
                let field =
                    if obstacle.field.is_empty() { String::new() } else { format!("`{}` ", obstacle.field) };
                let _ = writeln!(text, "          {field}{}", obstacle.cause);
                let _ = writeln!(text, "            {}", obstacle.way_out);
            }
        }
        _ => {}
    }
    for note in &stored.notes {
        let _ = writeln!(text, "          note: {note}");
    }
}

/// For programs.
pub(super) fn json(moves: &[MoveView]) -> Value {
    let one = |moved: &MoveView| {
        let changes: Vec<Value> =
            moved.changes.iter().map(|c| json!({ "field": c.path, "change": c.to_string() })).collect();
        let stored: Vec<Value> = moved.stored.iter().map(stored_json).collect();
        json!({ "kind": moved.kind, "name": moved.name, "from": moved.from, "to": moved.to, "changes": changes,
                "stored": stored, "statements": moved.statements })
    };
    moves.iter().map(one).collect()
}

fn stored_json(stored: &StoredView) -> Value {
    let (mut how, mut steps, mut obstacles) = (Value::Null, Vec::new(), Vec::new());
    match &stored.outcome {
        MoveOutcome::OnRead(text) => how = json!(text),
        MoveOutcome::Altered(all) => steps.extend(all.iter().map(ToString::to_string)),
        MoveOutcome::Refused(all) => {
            obstacles.extend(
                all.iter().map(|o| json!({ "field": o.field, "cause": o.cause, "way_out": o.way_out })),
            );
        }
        _ => {}
    }
    json!({ "what": stored.what, "count": stored.count, "verdict": stored.outcome.word(), "how": how, "steps": steps,
            "obstacles": obstacles, "notes": stored.notes })
}
