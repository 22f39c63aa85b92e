//! What a control store does, whatever keeps it.

use crate::lease::Lease;
use serde::{Deserialize, Serialize};
use staunch_types::{Micros, Result, RunId};
use std::path::PathBuf;

/// The words for the state of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunState;

impl RunState {
    /// It has no end yet: it goes on, or its process has died and the next start continues it.
    pub const RUNNING: &'static str = "running";
    /// What a running one is called where nobody holds its pipeline's lease. It is never stored: it would not be noticed.
    pub const INTERRUPTED: &'static str = "interrupted";
    /// Every sink has applied its last epoch.
    pub const SUCCEEDED: &'static str = "succeeded";
    /// It has ended and is not continued.
    pub const FAILED: &'static str = "failed";

    /// Those that are stored.
    pub const ALL: [&'static str; 3] = [Self::RUNNING, Self::SUCCEEDED, Self::FAILED];
}

/// A run as the index has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub run: RunId,
    /// The pipeline.
    pub pipeline: String,
    /// One of [`RunState::ALL`].
    pub state: String,
    /// When its first generation started.
    pub started: Micros,
    /// When it ended.
    pub ended: Option<Micros>,
    /// Its first epoch: the fence of its first generation; 0 before there is one.
    pub first_epoch: u64,
    /// Its last epoch so far.
    pub last_epoch: u64,
    /// Its newest generation.
    pub generation: u64,
    /// Records found by its reads.
    pub records: u64,
    /// Rows that its sinks applied.
    pub written: u64,
    /// Dead letters.
    pub dead: u64,
    /// Late rows.
    pub late: u64,
    /// Why it failed: code and message, without data.
    pub error: Option<String>,
}

impl RunRow {
    /// A run of which nothing is known but its start.
    #[must_use]
    pub fn begun(run: RunId, pipeline: &str, started: Micros) -> Self {
        Self {
            run,
            pipeline: pipeline.to_owned(),
            state: RunState::RUNNING.to_owned(),
            started,
            ended: None,
            first_epoch: 0,
            last_epoch: 0,
            generation: 0,
            records: 0,
            written: 0,
            dead: 0,
            late: 0,
            error: None,
        }
    }
}

/// What was found when a store was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenOutcome {
    /// A whole index.
    Opened,
    /// Nothing; the index is new and empty.
    Created,
    /// An index that somebody began to rebuild and did not end.
    Unfinished,
    /// A damaged index: it lies at `moved_to`, and the index is new and empty.
    Replaced {
        /// Where the damaged file lies now.
        moved_to: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
}

impl OpenOutcome {
    /// Whether the index has to be made again from the epoch logs.
    #[must_use]
    pub fn needs_rebuild(&self) -> bool {
        *self != Self::Opened
    }
}

/// Leases and the index of runs. It is shared by all threads of a process and by several processes.
pub trait Control: Send + Sync {
    /// Takes the right to run a pipeline, for the process `pid` that started at `started`. It is given back when the
    /// lease is dropped, or by the end of the process.
    ///
    /// # Errors
    /// `Run.Busy` names the holder; `Store.Unavailable`; `ST0006` for a name that no pipeline can have.
    fn lease(&self, pipeline: &str, pid: u32, started: Micros) -> Result<Lease>;

    /// Takes the right to run a pipeline also from a process that has it, and says from whom. That process is not told: what it
    /// commits from then on must fail by its generation.
    ///
    /// # Errors
    /// `Run.Busy` if another process is just doing the same; `Store.Unavailable`; `ST0006`.
    fn take_over(&self, pipeline: &str, pid: u32, started: Micros) -> Result<(Lease, Option<String>)>;

    /// Whether a live process holds the lease of a pipeline.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    fn held(&self, pipeline: &str) -> Result<bool>;

    /// Writes what is known about a run, in place of what was known before.
    ///
    /// # Errors
    /// `Store.Unavailable`, `Store.Corrupt`; `Internal.Bug` for a state that there is not.
    fn upsert_run(&self, row: &RunRow) -> Result<()>;

    /// The newest runs, newest first; of one pipeline, or of all.
    ///
    /// # Errors
    /// `Store.Unavailable`, `Store.Corrupt`.
    fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<RunRow>>;

    /// Forgets the runs of a pipeline whose last epoch is at most this one: their records were collected.
    ///
    /// # Errors
    /// `Store.Unavailable`, `Store.Corrupt`.
    fn forget(&self, pipeline: &str, last_epoch: u64) -> Result<()>;

    /// One run.
    ///
    /// # Errors
    /// `Store.Unavailable`, `Store.Corrupt`.
    fn run(&self, id: &RunId) -> Result<Option<RunRow>>;

    /// Empties the index, to rebuild it. Until [`Control::rebuilt`] is called the store opens as
    /// [`OpenOutcome::Unfinished`].
    ///
    /// # Errors
    /// `Store.Unavailable`, `Store.Corrupt`.
    fn forget_all(&self) -> Result<()>;

    /// Says that the index holds all runs again.
    ///
    /// # Errors
    /// `Store.Unavailable`, `Store.Corrupt`.
    fn rebuilt(&self) -> Result<()>;
}
