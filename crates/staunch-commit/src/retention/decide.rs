//! What goes, as a pure decision over facts.

use staunch_types::{Epoch, Micros};
use std::time::Duration;

/// How long each kind of artefact is kept after the run that made it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Records of runs: epochs, manifests, pins, what stood, answers of targets.
    pub runs: Duration,
    /// Dead letters. A run that has some is kept as long as they are.
    pub dead_letters: Duration,
    /// Late rows, likewise.
    pub late_rows: Duration,
    /// That an id was given to a run, once its records are gone.
    pub ids: Duration,
}

/// A run, as far as retention asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFacts {
    /// Its last epoch.
    pub last: Epoch,
    /// When its end was written; `None` while it has none.
    pub ended: Option<Micros>,
    /// Whether it, or one before it, has something that is still to be shown.
    pub open: bool,
    /// Whether dead letters of it are there.
    pub dead: bool,
    /// Whether late rows of it are there.
    pub late: bool,
}

/// Up to which epoch each floor is to be raised: 0 where nothing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The floor of everything.
    pub epochs: Epoch,
    /// The floor of dead letters.
    pub dead: Epoch,
    /// The floor of late rows.
    pub late: Epoch,
    /// The last epoch that is decided and shown with all before it.
    pub settled: Epoch,
}

/// Decides over all runs of a log, oldest first.
#[must_use]
pub fn decide(runs: &[RunFacts], keep: &Keep, now: Micros) -> Decision {
    let settled: Vec<(&RunFacts, Micros)> = runs
        .iter()
        .map_while(|run| run.ended.filter(|_| !run.open).map(|ended| (run, now.saturating_sub(ended))))
        .collect();
    let old = |age: Micros, keep: Duration| i64::try_from(keep.as_micros()).is_ok_and(|keep| age >= keep);
    // A floor is one number: what stands behind a younger run stays with it.
    let last = |going: &dyn Fn(&RunFacts, Micros) -> bool, most: usize| {
        let gone = settled.iter().take(most).take_while(|(run, age)| going(run, *age));
        gone.last().map_or(Epoch(0), |(run, _)| run.last)
    };
    // What comes next begins from the newest run: from where it stands, and from its number.
    let all_but_newest = runs.len().saturating_sub(1);
    let whole = |run: &RunFacts, age| {
        old(age, keep.runs)
            && (!run.dead || old(age, keep.dead_letters))
            && (!run.late || old(age, keep.late_rows))
    };
    Decision {
        epochs: last(&whole, all_but_newest),
        dead: last(&|_, age| old(age, keep.dead_letters), runs.len()),
        late: last(&|_, age| old(age, keep.late_rows), runs.len()),
        settled: settled.last().map_or(Epoch(0), |(run, _)| run.last),
    }
}
