//! What changed from one contract to another, and who breaks.

use super::{columns, many, out, out_json};
use serde_json::{Value, json};
use staunch_app::{Change, ContractDiff, Outcome, PipelineUse, StageUse, Verdict};
use staunch_types::{Error, Result};
use std::fmt::Write as _;

/// Text, or one JSON document.
pub(crate) fn diff(found: &ContractDiff, json: bool) -> Result<()> {
    if json { out_json(&as_json(found)) } else { out(&as_text(found)) }
}

fn as_json(found: &ContractDiff) -> Value {
    let verdict = |v: &Verdict| json!({ "reads": v.word(), "reason": v.reason() });
    let change = |c: &Change| {
        json!({ "path": c.path, "change": c.what.word(), "attribute": c.attribute, "from": c.from, "to": c.to,
                "new_reads_old": verdict(&c.verdicts.new_reads_old), "old_reads_new": verdict(&c.verdicts.old_reads_new) })
    };
    let stage = |s: &StageUse| {
        let (outcome, detail) = outcome(&s.outcome);
        json!({ "kind": s.kind, "stage": s.stage, "file": s.place.file, "line": s.place.line, "uses": s.uses,
                "outcome": outcome, "detail": detail })
    };
    let error = |e: &Error| {
        json!({ "code": e.code().name, "message": e.message(), "file": e.where_().file, "line": e.where_().line,
                "column": e.where_().column, "hint": e.next_step() })
    };
    let pipeline = |p: &PipelineUse| {
        json!({ "pipeline": p.pipeline, "stages": p.stages.iter().map(stage).collect::<Vec<_>>(),
                "errors": p.errors.iter().map(error).collect::<Vec<_>>() })
    };
    let stored = found.stored.iter().map(|s| {
        json!({ "what": s.what, "pipeline": s.pipeline, "name": s.name, "rows": s.rows, "new_reads": verdict(&s.verdict) })
    });
    let all = found.diff.verdicts();
    json!({
        "old": found.old, "new": found.new,
        "changes": found.diff.changes.iter().map(change).collect::<Vec<_>>(),
        "new_reads_old": verdict(&all.new_reads_old), "old_reads_new": verdict(&all.old_reads_new),
        "project": found.project, "users": found.users.iter().map(pipeline).collect::<Vec<_>>(),
        "stored": stored.collect::<Vec<_>>(),
    })
}

fn as_text(found: &ContractDiff) -> String {
    let mut text = format!("{} -> {}\n\n", found.old, found.new);
    if found.diff.changes.is_empty() {
        text.push_str("nothing changed\n");
    } else {
        let row = |c: &Change| {
            let path = if c.path.is_empty() { "(contract)" } else { &c.path };
            let (new, old) = (&c.verdicts.new_reads_old, &c.verdicts.old_reads_new);
            vec![path.to_owned(), c.to_string(), new.word().to_owned(), old.word().to_owned()]
        };
        let mut table =
            vec![["field", "change", "new reads old", "old reads new"].map(str::to_owned).to_vec()];
        table.extend(found.diff.changes.iter().map(row));
        text.push_str(&columns(&table, 4));
        text.push('\n');
        let all = found.diff.verdicts();
        for (reader, writer, verdict) in
            [(&found.new, &found.old, &all.new_reads_old), (&found.old, &found.new, &all.old_reads_new)]
        {
            let _ = match verdict {
                Verdict::Reads => writeln!(text, "{reader} reads what is written under {writer}"),
                Verdict::Partly(why) => {
                    writeln!(text, "{reader} reads what is written under {writer}, in part: {why}")
                }
                Verdict::Wrong(why) => {
                    writeln!(text, "{reader} misreads what is written under {writer}: {why}")
                }
                Verdict::No(why) => {
                    writeln!(text, "{reader} does not read what is written under {writer}: {why}")
                }
            };
        }
    }
    if found.project.is_none() {
        text.push_str("\nthere is no project here: who uses it was not looked at\n");
        return text;
    }
    if found.users.is_empty() {
        let _ = writeln!(text, "\nno pipeline names {}", found.old);
    }
    for user in &found.users {
        pipeline(user, &found.new, &mut text);
    }
    if !found.stored.is_empty() {
        let _ = writeln!(text, "\nstored under {}:", found.old);
        let row = |s: &staunch_app::Stored| {
            let reads = match s.verdict.reason() {
                None => "read".to_owned(),
                Some(why) => format!(
                    "{}: {why}",
                    if s.verdict.word() == "partly" { "read in part" } else { "not read" }
                ),
            };
            vec![
                format!("  {}", s.what),
                s.name.clone(),
                many(usize::try_from(s.rows).unwrap_or(usize::MAX), "row"),
                reads,
            ]
        };
        text.push_str(&columns(&found.stored.iter().map(row).collect::<Vec<_>>(), 4));
    }
    text
}

fn pipeline(user: &PipelineUse, new: &str, text: &mut String) {
    let breaks = if user.errors.is_empty() { "" } else { " breaks" };
    let _ = writeln!(text, "\npipeline {} with {new}{breaks}:", user.pipeline);
    let row = |stage: &StageUse| {
        let (outcome, detail) = outcome(&stage.outcome);
        let uses =
            if stage.uses.is_empty() { String::new() } else { format!("uses {}", stage.uses.join(", ")) };
        let outcome = detail.map_or_else(|| outcome.to_owned(), |detail| format!("{outcome}: {detail}"));
        vec![format!("  {}", stage.kind), stage.stage.clone(), uses, outcome]
    };
    text.push_str(&columns(&user.stages.iter().map(row).collect::<Vec<_>>(), 4));
    for error in &user.errors {
        let place = error.where_().to_string();
        let place = if place.is_empty() { place } else { format!(" ({place})") };
        let _ = writeln!(text, "  {}: {}{place}", error.code().name, error.message());
        if let Some(hint) = error.next_step() {
            let _ = writeln!(text, "    {hint}");
        }
    }
}

fn outcome(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Same => ("stays", None),
        Outcome::Changes(what) => ("changes", Some(what)),
        Outcome::Breaks => ("breaks", None),
    }
}
