//! Every code that a user can meet, once. `docs/errors/` holds a page for each; a test holds the two equal.
//!
//! `ST....` is what `check` finds in a project; dotted names are what happens while a run goes on, in dead
//! letters and in workflows, where they can be caught. A code is never reused for something else.

/// What the caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The project is wrong: mend a file of the project.
    Project,
    /// The input is wrong: mend the data, the contract or the budget.
    Input,
    /// The machine or another system is wrong: mend it and run again.
    Environment,
    /// The command was not understood.
    Usage,
    /// Staunch is wrong: keep the evidence and report it.
    Bug,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Input => "input",
            Self::Environment => "environment",
            Self::Usage => "usage",
            Self::Bug => "bug",
        }
    }
}

/// Whether trying again can help. It also decides what a failure does to the run: after `Retry` the run stays
/// unfinished and the next start continues it; after `Never` the run ends as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same start may succeed later, or once the environment is mended.
    Retry,
    /// The same start would fail again.
    Never,
}

/// A stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The name: `ST0123` or `Contract.Violation`.
    pub name: &'static str,
    /// What to do about it.
    pub kind: Kind,
    /// Whether trying again helps.
    pub verdict: Verdict,
    /// One line for lists.
    pub title: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $text:literal])* $ident:ident = $name:literal, $kind:ident, $verdict:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`:", $($text),*)]
            pub const $ident: Code = Code {
                name: $name,
                kind: Kind::$kind,
                verdict: Verdict::$verdict,
                title: concat!($($text),*).trim_ascii_start(),
            };
        )*
        /// All codes, in the order of this file.
        pub const ALL: &[Code] = &[$($ident),*];
    };
}

codes! {
    /// a file of the project cannot be read as YAML or does not have the expected shape
    YAML = "ST0001", Project, Never;
    /// a key is unknown or not implemented
    UNKNOWN_KEY = "ST0002", Project, Never;
    /// a name is used that nothing declares
    UNKNOWN_NAME = "ST0003", Project, Never;
    /// a name is declared twice
    DUPLICATE_NAME = "ST0004", Project, Never;
    /// a value is out of its range or of the wrong kind
    BAD_VALUE = "ST0005", Project, Never;
    /// a name is not allowed
    BAD_NAME = "ST0006", Project, Never;
    /// the project file is missing
    NO_PROJECT = "ST0007", Project, Never;
    /// a secret or an environment variable that the profile refers to is missing
    NO_SECRET = "ST0008", Environment, Never;
    /// a key that must be there is missing
    MISSING_KEY = "ST0009", Project, Never;
    /// the stages form a cycle
    CYCLE = "ST0010", Project, Never;
    /// nothing uses a stage
    UNUSED_STAGE = "ST0011", Project, Never;
    /// the SQL cannot be parsed
    SQL_SYNTAX = "ST0020", Project, Never;
    /// the SQL does not fit its inputs
    SQL_PLAN = "ST0021", Project, Never;
    /// this SQL is not allowed in a stage
    SQL_REFUSED = "ST0022", Project, Never;
    /// the output of a stage does not fit its contract
    OUTPUT_MISMATCH = "ST0030", Project, Never;
    /// a contract is wrong in itself
    CONTRACT = "ST0031", Project, Never;
    /// a PII class has no treatment in the profile
    PII_UNTREATED = "ST0032", Project, Never;
    /// an Avro schema cannot be read
    SCHEMA = "ST0033", Project, Never;
    /// a version of a contract was edited after it was locked
    LOCKED = "ST0034", Project, Never;
    /// `contracts.lock` cannot be read, or was edited by hand
    LOCK = "ST0035", Project, Never;
    /// the contract that a stage implies is not the one that was locked
    INFERRED = "ST0036", Project, Never;
    /// a write mode that this stage or this target cannot keep
    WRITE_MODE = "ST0040", Project, Never;
    /// an option that this system or format does not have
    OBJECT_OPTION = "ST0041", Project, Never;
    /// two writes go to one target
    ONE_TARGET = "ST0042", Project, Never;
    /// a format or system cannot hold a type of the contract
    NOT_HELD = "ST0043", Project, Never;
    /// a personal value would reach a target that does not clear its class
    NOT_CLEARED = "ST0044", Project, Never;
    /// an expression of a workflow cannot be read
    WORKFLOW_EXPRESSION = "ST0050", Project, Never;
    /// the states of a workflow do not lead from its start to an end
    WORKFLOW_FLOW = "ST0051", Project, Never;

    /// a target was written under another contract and must be altered first
    UNMOVED = "ST0070", Project, Never;
    /// what lies in a target cannot go along to another contract
    IMMOVABLE = "ST0071", Project, Never;

    /// the command line, or a variable for Staunch, is wrong
    USAGE = "Usage.Invalid", Usage, Never;

    /// an input file or folder is missing
    SOURCE_MISSING = "Source.Missing", Input, Never;
    /// an input file or folder cannot be read
    SOURCE_UNREADABLE = "Source.Unreadable", Environment, Retry;
    /// an input file is not what its format says, or ends too early
    SOURCE_CORRUPT = "Source.Corrupt", Input, Never;
    /// an input file has changed while, or after, it was read
    SOURCE_CHANGED = "Source.Changed", Input, Never;
    /// the columns of an input file do not fit its contract
    SOURCE_SCHEMA = "Source.Schema", Input, Never;
    /// an input file no longer looks like its contract, and the read refuses that
    DRIFT = "Source.Drift", Input, Never;
    /// a record is larger than its limit, or an archive holds more than it may
    SOURCE_TOO_LARGE = "Source.TooLarge", Input, Never;

    /// a record cannot be decoded
    DECODE = "Decode.Malformed", Input, Never;
    /// a value is not of the type that the contract names
    DECODE_TYPE = "Decode.Type", Input, Never;
    /// a record breaks its contract
    VIOLATION = "Contract.Violation", Input, Never;
    /// a new version of a contract is not compatible with the earlier ones
    INCOMPATIBLE = "Contract.Incompatible", Project, Never;
    /// rows of a whole-input result share a key
    KEY_NOT_UNIQUE = "Contract.KeyNotUnique", Input, Never;
    /// an expression failed on a row
    EXPRESSION = "Sql.Expression", Input, Never;
    /// a whole-input query failed
    QUERY = "Sql.Query", Input, Never;
    /// more dead letters than the budget allows
    BUDGET = "DeadLetters.Budget", Input, Never;
    /// a dead letter cannot be opened or replayed
    DEAD_LETTER = "DeadLetters.Invalid", Input, Never;

    /// a target cannot be reached or written
    SINK_UNAVAILABLE = "Sink.Unavailable", Environment, Retry;
    /// a target does not fit the contract
    SINK_SCHEMA = "Sink.Schema", Environment, Never;
    /// a target and the epoch log do not belong together
    SINK_AHEAD = "Sink.Ahead", Environment, Retry;
    /// a target refused rows
    SINK_REJECTED = "Sink.Rejected", Input, Never;
    /// a whole-input result is empty and would replace a table
    SINK_EMPTY = "Sink.EmptyReplace", Input, Never;

    /// a durable artefact cannot be written or read
    STORE = "Store.Unavailable", Environment, Retry;
    /// a durable artefact is missing or damaged
    STORE_CORRUPT = "Store.Corrupt", Environment, Retry;
    /// a disk did not confirm what was written
    UNSYNCED = "Disk.Unsynced", Environment, Retry;
    /// a newer start has taken over this region
    FENCED = "Run.Fenced", Environment, Retry;
    /// another process runs this pipeline
    BUSY = "Run.Busy", Environment, Retry;
    /// the pipeline was edited since its last run
    EDITED = "Run.Edited", Project, Never;
    /// there is no such run
    NO_RUN = "Run.Unknown", Usage, Never;
    /// the records of the run were collected
    COLLECTED = "Run.Collected", Usage, Never;
    /// the run was interrupted
    INTERRUPTED = "Run.Interrupted", Environment, Retry;
    /// more memory is needed than the profile allows
    MEMORY = "Run.Memory", Environment, Never;
    /// a task of a workflow has nothing that does it
    TASK_UNAVAILABLE = "Task.Unavailable", Project, Never;
    /// the ledger does not balance
    IMBALANCE = "Ledger.Imbalance", Bug, Never;
    /// something happened that cannot happen
    INTERNAL = "Internal.Bug", Bug, Never;
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
