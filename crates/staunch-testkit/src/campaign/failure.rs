//! What a check of a campaign says when it fails.

use super::Done;
use std::fmt;

/// The checks of a campaign. Each planted bug names the one that catches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The run itself says that the ledger does not balance.
    Ledger,
    /// The next start ends as the undisturbed one does.
    Recovery,
    /// Sinks, as multisets of typed rows.
    Sinks,
    /// Dead letters, opened.
    DeadLetters,
    /// The totals of the ledger of every run.
    Totals,
    /// Datasets: contract, count, typed rows.
    Datasets,
    /// What was committed is the same bytes as before the recovery.
    Bytes,
    /// Whoever lost the region ends as fenced.
    Fence,
    /// What is said about a fault: code, place, next step, exit code.
    Errors,
    /// The campaign itself: it could not do what it wanted to.
    Campaign,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ledger => "the ledger of the run",
            Self::Recovery => "the next start",
            Self::Sinks => "sinks",
            Self::DeadLetters => "dead letters",
            Self::Totals => "ledger totals",
            Self::Datasets => "datasets",
            Self::Bytes => "committed bytes",
            Self::Fence => "the fence",
            Self::Errors => "the error that is told",
            Self::Campaign => "the campaign",
        })
    }
}

/// A check that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which.
    pub check: Check,
    /// How, for a person.
    pub text: String,
}

impl Failure {
    pub(crate) fn new(check: Check, text: impl Into<String>) -> Self {
        Self { check, text: text.into() }
    }

    /// For a campaign that cannot be done as it was asked for.
    #[must_use]
    pub fn unknown(text: &str) -> Self {
        Self::other(text)
    }

    pub(crate) fn other(text: impl Into<String>) -> Self {
        Self::new(Check::Campaign, text)
    }

    /// For what the machine refused.
    pub(crate) fn machine(doing: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |e| Self::other(format!("{doing}: {e}"))
    }

    /// For a command that ended as it should not.
    pub(crate) fn recovery(args: &[&str], done: &Done) -> Self {
        let check = match done.stderr.contains("Ledger.Imbalance") {
            true => Check::Ledger,
            false => Check::Recovery,
        };
        let ended = done.code.map_or("a signal".to_owned(), |code| format!("exit {code}"));
        Self::new(check, format!("`{}` ended with {ended}: {}", args.join(" "), done.stderr))
    }

    /// The same, with more about where.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.text)
    }
}
