//! `contract` on the command line.

use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Contract {
    /// Tell whether one schema reads what is written under another. Exit code 4 if not.
    Check {
        /// The schema that reads: `.avsc`, or a contract in `.yaml`.
        #[arg(long, value_name = "FILE")]
        reader: PathBuf,
        /// The schema that was written under.
        #[arg(long, value_name = "FILE")]
        writer: PathBuf,
        /// BACKWARD: the reader reads the writer's data. FORWARD: the other way round. FULL: both.
        #[arg(long, value_enum, ignore_case = true, default_value_t = Level::Backward)]
        level: Level,
    },
    /// Show the canonical form of a schema and its fingerprints.
    Show {
        /// `.avsc`, or a contract in `.yaml`.
        file: PathBuf,
    },
}

/// Who must be able to read whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Level {
    /// The reader reads what the writer writes.
    Backward,
    /// The writer's schema reads what is written under the reader's.
    Forward,
    /// Both.
    Full,
}

impl Level {
    /// The word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Backward => "BACKWARD",
            Self::Forward => "FORWARD",
            Self::Full => "FULL",
        }
    }
}
