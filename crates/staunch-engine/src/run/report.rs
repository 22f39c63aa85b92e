//! What a run came to, for people and programs.

use staunch_commit::{Dataset, Ledger, Moved, RunEnd, RunState};
use staunch_types::{Micros, RunId};

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// The pipeline.
    pub pipeline: String,
    /// When it began.
    pub started: Micros,
    /// When its last epoch was written.
    pub ended: Micros,
    /// How it ended; `None` if it is unfinished.
    pub end: Option<RunEnd>,
    /// Its epochs: first and last.
    pub epochs: (u64, u64),
    /// The generation that ended it.
    pub generation: u64,
    /// Whether this start continued a run that an earlier one had begun.
    pub continued: bool,
    /// Reads that were skipped because nothing changed.
    pub unchanged: Vec<String>,
    /// Files that have changed since they were read and are not read again: read and path.
    pub changed: Vec<(String, String)>,
    /// The targets that it moved to another contract, by the name of the write.
    pub moved: Vec<(String, Moved)>,
    /// The accounts.
    pub ledger: Ledger,
    /// What it sealed.
    pub datasets: Vec<Dataset>,
}

impl Report {
    /// The report of a run as the log tells it.
    #[must_use]
    pub fn of(pipeline: &str, state: &RunState) -> Self {
        Self {
            run: state.run.clone(),
            pipeline: pipeline.to_owned(),
            started: state.pins.now,
            ended: state.written,
            end: state.end.clone(),
            epochs: (state.first.0, state.last.0),
            generation: state.generation.0,
            continued: false,
            unchanged: state.pins.unchanged.iter().cloned().collect(),
            changed: Vec::new(),
            moved: state
                .sinks
                .iter()
                .flat_map(|(write, epochs)| epochs.iter().map(move |(_, sink)| (write, sink)))
                .filter_map(|(write, sink)| Some((write.clone(), sink.moved.clone()?)))
                .collect(),
            ledger: state.ledger.clone(),
            datasets: state.datasets.clone(),
        }
    }

    /// Whether it succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.end == Some(RunEnd::Succeeded)
    }

    /// Whether there was nothing new to read.
    #[must_use]
    pub fn nothing_new(&self) -> bool {
        self.succeeded() && self.ledger.found() == 0
    }
}
