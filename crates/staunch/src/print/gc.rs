//! What `gc` removed.

use super::{columns, many, out, out_json, row};
use indicatif::HumanBytes;
use serde_json::{Map, Value, json};
use staunch_app::{Collected, Freed};
use staunch_types::Result;
use std::fmt::Write as _;

/// What went, or would go.
pub(crate) fn gc(pipelines: &[Collected], dry_run: bool, as_json: bool) -> Result<()> {
    if as_json {
        let pipelines: Vec<_> = pipelines.iter().map(document).collect();
        return out_json(&json!({ "dry_run": dry_run, "pipelines": pipelines }));
    }
    let mut text = String::new();
    let mut table = vec![row(&["pipeline", "what", "files", "bytes"])];
    let mut all = Freed::default();
    for one in pipelines {
        for (kind, freed) in &one.freed {
            let bytes = HumanBytes(freed.bytes).to_string();
            table.push(vec![one.pipeline.clone(), (*kind).to_owned(), freed.files.to_string(), bytes]);
        }
        let total = one.total();
        all.files += total.files;
        all.bytes += total.bytes;
    }
    if table.len() > 1 {
        let _ = writeln!(text, "{}", columns(&table, 2));
    }
    for one in pipelines {
        let will = if dry_run { "would be " } else { "" };
        if let (Some(first), Some(last)) = (one.runs.first(), one.runs.last()) {
            let which = match one.runs.as_slice() {
                [only] => format!("run {}", only.run),
                more => format!("{} runs, {} to {}", more.len(), first.run, last.run),
            };
            let _ = writeln!(text, "{}: {which} {will}collected, up to epoch {}", one.pipeline, one.floor);
        }
        if one.letters_given_up > 0 {
            let letters = usize::try_from(one.letters_given_up).unwrap_or(usize::MAX);
            let _ = writeln!(
                text,
                "{}: {} that nobody had dealt with {will}given up",
                one.pipeline,
                many(letters, "dead letter")
            );
        }
        for note in &one.notes {
            let _ = writeln!(text, "{}: {note}", one.pipeline);
        }
    }
    let files = many(usize::try_from(all.files).unwrap_or(usize::MAX), "file");
    let (bytes, would) = (HumanBytes(all.bytes), if dry_run { "would free" } else { "freed" });
    match all.files {
        0 => text.push_str("nothing to collect\n"),
        _ => drop(writeln!(text, "{would} {bytes} in {files}")),
    }
    out(&text)
}

fn document(one: &Collected) -> Value {
    let entry = |freed: &Freed| json!({ "files": freed.files, "bytes": freed.bytes });
    let kinds: Map<String, Value> =
        one.freed.iter().map(|(kind, freed)| (kind.replace([' ', '-'], "_"), entry(freed))).collect();
    let total = one.total();
    json!({
        "pipeline": one.pipeline,
        "floor": one.floor,
        "runs": one.runs.iter().map(|run| json!({
            "run": run.run, "first_epoch": run.first, "last_epoch": run.last,
            "ended_micros": run.ended, "failed": run.failed,
        })).collect::<Vec<_>>(),
        "dead_letters_given_up": one.letters_given_up,
        "freed": kinds,
        "files": total.files,
        "bytes": total.bytes,
        "notes": one.notes,
    })
}
