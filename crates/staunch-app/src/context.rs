//! Who asks, for what, and with which outside.

use staunch_types::{Clock, Fs, Result, Rng, RunId};
use std::path::PathBuf;
use std::sync::Arc;

/// Reads one variable of the environment.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the verbs need from outside. Only the binary makes one from the real environment.
#[derive(Clone)]
pub struct App {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// Files that Staunch writes.
    pub fs: Arc<dyn Fs>,
    /// The environment, for `${env:…}`.
    pub environment: Environment,
    /// The user's folder for keys that Staunch makes (outside project and state); `None` if the user has no home.
    pub data_home: Option<PathBuf>,
    /// Threads that decode.
    pub workers: usize,
    /// This process.
    pub pid: u32,
}

/// What every call carries: both go into the manifest.
#[derive(Debug, Clone, Default)]
pub struct RunContext {
    /// The run, if the caller names it.
    pub run: Option<RunId>,
    /// The execution that asks, if one does.
    pub parent: Option<String>,
    /// The trace that it belongs to.
    pub trace: Option<String>,
    /// Who asks.
    pub actor: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Looks: `check`, `plan`, `runs`, `ledger`, `dlq ls`.
    Read,
    /// Shows raw records: `dlq show`.
    Reveal,
    /// Changes targets: `run`, `dlq replay`.
    Run,
    /// Publishes contracts: `contract lock`.
    Publish,
    /// Gives up rows: `dlq discard`.
    Discard,
    /// Removes what is older than it is kept: `gc`.
    Collect,
}

/// Whether `actor` may do this. Everybody may, until roles come; every verb asks already.
///
/// # Errors
/// None yet.
pub fn authorize(actor: &str, verb: Verb, object: &str) -> Result<()> {
    let _ = (actor, verb, object);
    Ok(())
}
