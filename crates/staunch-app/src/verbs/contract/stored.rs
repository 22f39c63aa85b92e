//! What lies stored under a contract, and whether another version reads it.

use crate::context::App;
use crate::open::Opened;
use crate::systems;
use crate::verbs::dlq::{DlqFilter, letters};
use crate::verbs::run::runtime;
use staunch_contract::Contract;
use staunch_contract::diff::Verdict;
use staunch_contract::migration::{Format, Move, Outcome, Stored as What};
use staunch_types::{Error, Result};
use std::collections::BTreeMap;

/// Something that was stored under the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// `dataset`: what a write shows, as the newest run sealed it; `dead letters`; `late rows`.
    pub what: &'static str,
    /// The pipeline.
    pub pipeline: String,
    /// The dataset, or the stage.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
    /// Whether the new contract reads them.
    pub verdict: Verdict,
}

/// What the logs of the project hold under `old`. Nothing is made or changed.
pub(super) fn find(app: &App, opened: &Opened, old: &Contract, new: &Contract) -> Result<Vec<Stored>> {
    let id = old.id();
    let moved = Move::new(old, new)?;
    let mut found = Vec::new();
    for (pipeline, declared) in &opened.project.pipelines {
        let Some(log) = opened.log(app, pipeline)? else { continue };
        let walk = async || {
            let (mut datasets, mut late) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
            let floor = log.floors().await?.late;
            for (_, _, last) in log.runs().await? {
                let state = log.run_ending_at(last).await?;
                for dataset in state.datasets {
                    if dataset.contract == id {
                        datasets.insert(dataset.write.clone(), (dataset.name, dataset.rows));
                    } else {
                        // A newer run shows the write under another contract.
                        datasets.remove(&dataset.write);
                    }
                }
                for (_, segment) in
                    state.channels.iter().filter(|(epoch, s)| *epoch > floor && s.port == "late")
                {
                    let read = declared.reads.iter().find(|r| r.name == segment.stage);
                    if read.is_some_and(|r| r.contract.id() == id) {
                        *late.entry(segment.stage.clone()).or_default() += segment.rows;
                    }
                }
            }
            let standing = letters(pipeline, &log, &DlqFilter::default()).await?;
            let mut dead = BTreeMap::<String, (u64, bool)>::new();
            for row in standing.into_iter().filter(|row| row.letter.contract == id) {
                let refused = row.letter.refused();
                let counted = dead.entry(row.letter.stage).or_insert((0, refused));
                counted.0 += 1;
            }
            Ok::<_, Error>((datasets, dead, late))
        };
        let (datasets, dead, late) = runtime(1)?.block_on(log.steadily(walk))?;
        let mut push = |what, name, rows, kind| {
            let verdict = verdict(&moved, kind);
            found.push(Stored { what, pipeline: pipeline.clone(), name, rows, verdict });
        };
        for (write, (name, rows)) in datasets {
            let target = declared.writes.iter().find(|w| w.name == write);
            let kind = target.and_then(|write| systems::stored(&opened.project, write));
            // One whose target is gone was written by nobody who could be asked: it is judged as the strictest.
            push("dataset", name, rows, kind.unwrap_or(What::Files(Format::Parquet)));
        }
        for (stage, (rows, refused)) in dead {
            let read = declared.reads.iter().find(|r| r.name == stage);
            let resolved = read.is_some_and(|read| systems::is_avro(&opened.project, &read.from));
            let kind = if refused { What::RefusedRows } else { What::DeadLetters { resolved } };
            push("dead letters", stage, rows, kind);
        }
        late.into_iter().for_each(|(stage, rows)| push("late rows", stage, rows, What::LateRows));
    }
    Ok(found)
}

/// The verdict as a difference has it: whether the new contract reads what is stored, or can be brought to.
fn verdict(moved: &Move<'_>, stored: What) -> Verdict {
    let judged = moved.judge(stored, true);
    match (judged.outcome, judged.notes.into_iter().next()) {
        (Outcome::Refused(obstacles), _) => {
            let first = obstacles.into_iter().next();
            Verdict::No(first.map_or_else(String::new, |o| match o.field.as_str() {
                "" => format!("{}: {}", o.cause, o.way_out),
                field => format!("`{field}` {}: {}", o.cause, o.way_out),
            }))
        }
        (Outcome::Altered(steps), _) => {
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            Verdict::Partly(format!("once `run --migrate` has altered the table: {}", steps.join(", ")))
        }
        (_, Some(note)) => Verdict::Partly(note),
        _ => Verdict::Reads,
    }
}
