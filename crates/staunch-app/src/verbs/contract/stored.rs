//! What lies stored under a contract, and whether another version reads it.

use crate::context::App;
use crate::open::Opened;
use crate::verbs::dlq::{DlqFilter, letters};
use crate::verbs::run::runtime;
use staunch_contract::Contract;
use staunch_contract::diff::{Diff, Verdict, What};
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
pub(super) fn find(app: &App, opened: &Opened, old: &Contract, diff: &Diff) -> Result<Vec<Stored>> {
    let id = old.id();
    let (files, raw) = (by_name(diff), by_record(diff));
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
            let mut dead = BTreeMap::<String, u64>::new();
            for row in standing.into_iter().filter(|row| row.letter.contract == id) {
                *dead.entry(row.letter.stage).or_default() += 1;
            }
            Ok::<_, Error>((datasets, dead, late))
        };
        let (datasets, dead, late) = runtime(1)?.block_on(log.steadily(walk))?;
        let mut push = |what, name, rows, verdict: &Verdict| {
            found.push(Stored { what, pipeline: pipeline.clone(), name, rows, verdict: verdict.clone() });
        };
        datasets.into_values().for_each(|(name, rows)| push("dataset", name, rows, &files));
        dead.into_iter().for_each(|(stage, rows)| push("dead letters", stage, rows, &raw));
        late.into_iter().for_each(|(stage, rows)| push("late rows", stage, rows, &files));
    }
    Ok(found)
}

/// Whether rows that lie in files or tables, under the names of their columns, are read. Neither defaults nor aliases help there: what is missing is null.
fn by_name(diff: &Diff) -> Verdict {
    worst(diff.counting().map(|change| match change.what {
        What::Added if change.to.as_deref().is_some_and(|ty| !nullable(ty)) => Verdict::No(format!(
            "they have no `{}`, and it is never null: a default fills no gap outside Avro",
            change.path
        )),
        What::Renamed => Verdict::No(format!(
            "they call `{}` `{}`: read them with `rename:`, or select it under its new name",
            change.path,
            change.from.as_deref().unwrap_or_default()
        )),
        _ => change.verdicts.new_reads_old.clone(),
    }))
}

/// A dead letter is the raw record: it is decoded anew, under the contract of the day.
fn by_record(diff: &Diff) -> Verdict {
    worst(diff.counting().map(|change| match (change.what, &change.verdicts.new_reads_old) {
        (_, Verdict::Reads) => Verdict::Reads,
        (_, other) => {
            let reason = other.reason().unwrap_or_default();
            Verdict::Partly(format!("a replay decodes them anew under the new version: {reason}"))
        }
    }))
}

fn nullable(ty: &str) -> bool {
    ty.ends_with('?') || ["{array?", "{map?", "{record?", "{union?"].iter().any(|mark| ty.starts_with(mark))
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Reads => 0,
        Verdict::Partly(_) => 1,
        Verdict::Wrong(_) => 2,
        Verdict::No(_) => 3,
    };
    verdicts
        .fold(Verdict::Reads, |worst, verdict| if rank(&verdict) > rank(&worst) { verdict } else { worst })
}
