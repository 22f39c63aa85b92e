//! `contract` on the command line.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Contract {
    /// Tell whether one schema reads what is written under another, or under the versions before it. Exit code 4 if not.
    Check {
        /// The schema that reads: `.avsc`, a contract in `.yaml`, or `name@version` of the project.
        #[arg(long, value_name = "SCHEMA")]
        reader: String,
        /// The schema that was written under; without it the earlier versions in contracts.lock.
        #[arg(long, value_name = "SCHEMA")]
        writer: Option<String>,
        /// BACKWARD: the reader reads the writer's data. FORWARD: the other way round. FULL: both. With _TRANSITIVE: of every earlier version.
        #[arg(long, value_enum, ignore_case = true, default_value_t = Level::Backward)]
        level: Level,
    },
    /// Tell what changed from one contract to another, who reads whom, and who in the project breaks.
    Diff {
        /// The old contract: `.yaml`, `.avsc`, or `name@version` of the project.
        old: String,
        /// The new one.
        new: String,
    },
    /// Show what the reads of a run met that their contracts do not say, and the edit that would say it.
    Drift {
        /// The run (default: the newest).
        run: Option<String>,
        /// The fields that were kept (`on_drift: widen`), record by record, and nothing else.
        #[arg(long)]
        values: bool,
    },
    /// Write contracts.lock: publish every declared version, and pin what stages imply.
    Lock {
        /// Write nothing. Exit code 3 if the lock does not say what it should.
        #[arg(long)]
        check: bool,
        /// A new version that may break with earlier ones.
        #[arg(long, value_name = "NAME@VERSION")]
        allow_incompatible: Vec<String>,
    },
    /// Print the contract that files, or the SQL of a stage, imply.
    Infer(Infer),
    /// Show the canonical form of a schema and its fingerprints.
    Show {
        /// `.avsc`, a contract in `.yaml`, or `name@version` of the project.
        schema: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Infer {
    /// A file, `connection/object` of the profile, or `pipeline/stage`.
    pub(crate) what: String,
    /// The name of the contract.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Texts with at most N different values become an enum of these values.
    #[arg(long, value_name = "N")]
    pub(crate) enums: Option<usize>,
    /// Of a file: csv, json, parquet or avro (default: by its ending).
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Of a file: none, gzip or zstd (default: by its ending).
    #[arg(long, value_name = "WORD")]
    pub(crate) compression: Option<String>,
    /// Of a CSV file: one character, or `\t`.
    #[arg(long, value_name = "CHAR")]
    pub(crate) delimiter: Option<String>,
    /// Of a CSV file: one character.
    #[arg(long, value_name = "CHAR")]
    pub(crate) quote: Option<String>,
    /// Of a CSV file: its first line is a record.
    #[arg(long)]
    pub(crate) no_header: bool,
    /// Of a CSV file: a text that means null, and no other does; can be repeated.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) null: Vec<String>,
    /// Of a text file: `FIELD=FORMAT`, as strftime; can be repeated.
    #[arg(long, value_name = "FIELD=FORMAT", value_parser = pair)]
    pub(crate) date: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, format) = text.split_once('=').ok_or("write FIELD=FORMAT, such as `born=%d.%m.%Y`")?;
    Ok((field.to_owned(), format.to_owned()))
}

/// Who must be able to read whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Level {
    /// The reader reads what the writer writes.
    Backward,
    /// The reader reads what every earlier version wrote.
    BackwardTransitive,
    /// The writer's schema reads what is written under the reader's.
    Forward,
    /// Every earlier version reads what is written under the reader's.
    ForwardTransitive,
    /// Both.
    Full,
    /// Both, for every earlier version.
    FullTransitive,
}

impl Level {
    /// The word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}
