//! What can be said on the command line.

pub(crate) mod contract;
pub(crate) mod workflow;

use clap::{Args, Parser, Subcommand, ValueEnum};
use staunch_types::Micros;
use std::path::PathBuf;
use std::time::Duration;

/// State-safe, type-safe data pipelines.
#[derive(Debug, Parser)]
#[command(name = "staunch", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Start here:\n  staunch init shop && cd shop && staunch run sales\n\nExit codes: 0 ok, 1 run failed, 2 usage, 3 check failed, 4 contract breach, 5 dead-letter budget exceeded, 130 interrupted"
)]
pub(crate) struct Cli {
    /// The folder of the project, or one below it.
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    pub(crate) project: PathBuf,

    /// The profile (default: `dev`, or the only one).
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// How data are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// How data are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs: one JSON document on stdout.
    Json,
}

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawn {
    /// Lines of text, with the columns.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a small project that runs.
    Init {
        /// The folder; it is made.
        folder: PathBuf,
    },
    /// Prove offline that everything fits: names, types, keys, contracts, write modes.
    Check {
        /// One pipeline (default: all).
        pipeline: Option<String>,
    },
    /// Show what a run would do: stages, transports, guarantees.
    Plan {
        /// The pipeline (default: the only one).
        pipeline: Option<String>,
    },
    /// Draw a pipeline, with where every column comes from.
    Graph {
        /// The pipeline (default: the only one).
        pipeline: Option<String>,
        /// As text, or as a Mermaid flowchart.
        #[arg(long, value_enum, default_value_t = Drawn::Text)]
        format: Drawn,
        /// The columns of this stage or write alone.
        #[arg(long, value_name = "STAGE")]
        stage: Option<String>,
    },
    /// Process what is there now, then stop. A run that was cut off goes on.
    Run(RunArgs),
    /// List runs, newest first.
    Runs {
        /// Of this pipeline.
        pipeline: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Show where every row of a run went.
    Ledger {
        /// The run (default: the newest).
        run: Option<String>,
    },
    /// Say what is wrong with this project, its state, its disk and its targets, and what to do. Nothing is changed.
    Doctor,
    /// Remove what is older than `keep:` says, and what killed runs have left lying about. Targets are never touched.
    Gc {
        /// The pipeline (default: all).
        pipeline: Option<String>,
        /// Only say what would go, and how many bytes.
        #[arg(long)]
        dry_run: bool,
    },
    /// Publish contracts, compare them, infer one from data, say who breaks.
    Contract {
        #[command(subcommand)]
        verb: contract::Contract,
    },
    /// Check, try and draw workflows in the Amazon States Language.
    Workflow {
        #[command(subcommand)]
        verb: workflow::Workflow,
    },
    /// Look at rejected rows, replay them, give them up.
    Dlq {
        #[command(subcommand)]
        verb: Dlq,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The pipeline (default: the only one).
    pub(crate) pipeline: Option<String>,
    /// The run's id: asked again, a run that ended is reported and not run again.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Read everything again and replace every sink.
    #[arg(long)]
    pub(crate) full_refresh: bool,
    /// Go on after an edit; what was written stays as it is.
    #[arg(long, conflicts_with = "full_refresh")]
    pub(crate) accept_change: bool,
    /// Go on after an edit, and alter the targets that were written under another contract, in the commit of the first rows under the new one.
    #[arg(long, conflicts_with = "full_refresh")]
    pub(crate) migrate: bool,
    /// Another dead-letter budget, once: `2 %` or `0.02`.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) dead_letters_at_most: Option<f64>,
    /// Go on in the place of a process that runs this pipeline, or hangs: it can commit and show nothing more.
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Not there yet: a run processes what is there, and ends.
    #[arg(long, hide = true)]
    pub(crate) follow: bool,
    /// Then print the first N rows of every target.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "5")]
    pub(crate) show: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// List dead letters: where each stood, why it was rejected. No values.
    Ls {
        #[command(flatten)]
        which: Which,
    },
    /// Print the raw records of dead letters.
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Send dead letters (all that stand, or those that are named) through the stage that rejected them once more.
    Replay {
        #[command(flatten)]
        which: Which,
        /// Only say which.
        #[arg(long)]
        dry_run: bool,
    },
    /// Give dead letters up: they are listed no more, and that cannot be taken back.
    Discard {
        #[command(flatten)]
        which: Which,
        /// Every one that stands, of all pipelines.
        #[arg(long)]
        all: bool,
        /// Only say which.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The id of one letter, as `dlq ls` prints it.
    pub(crate) id: Option<String>,
    /// Of this pipeline.
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// Of this run.
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// With this code, such as `Decode.Type`.
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// With this field to blame.
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,
    /// Rejected by this stage: a read, a process stage, or a write (`connection/object`).
    #[arg(long, value_name = "NAME")]
    pub(crate) stage: Option<String>,
    /// Rejected at this time or later: `2026-01-31T10:00:00Z`, or an age such as `2 h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Rejected before this time: `2026-01-31T10:00:00Z`, or an age such as `2 h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
}

/// A time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// An instant.
    At(Micros),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// The instant.
    pub(crate) fn at(self, now: Micros) -> Micros {
        match self {
            Self::At(at) => at,
            Self::Ago(age) => now.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX)),
        }
    }
}

/// Reads an instant as RFC 3339, or an age.
fn moment(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    if let Ok(age) = staunch_pipeline::units::parse_duration(text) {
        return Ok(Moment::Ago(age));
    }
    let at = chrono::DateTime::parse_from_rfc3339(text);
    at.map(|at| Moment::At(at.timestamp_micros()))
        .map_err(|_| "a time looks like `2026-01-31T10:00:00Z`, or is an age such as `2 h`".to_owned())
}

/// Reads `2 %`, `2%` or `0.02`.
fn share(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let (number, scale) = match trimmed.strip_suffix('%') {
        Some(number) => (number.trim(), 100.0),
        None => (trimmed, 1.0),
    };
    let value: f64 = number.parse().map_err(|_| "a share looks like `2 %` or `0.02`".to_owned())?;
    let share = value / scale;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share lies between 0 and 100 %".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert_eq!(share("2 %"), Ok(0.02));
        assert_eq!(share("0.5"), Ok(0.5));
        assert_eq!(moment("2 h").map(|m| m.at(7_200_000_003)), Ok(3));
        assert_eq!(moment("1970-01-01T01:00:00.5+01:00"), Ok(Moment::At(500_000)));
        for wrong in ["2", "yesterday", "2026-01-31", "2026-01-31T10:00:00", "-2 h", ""] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
        assert!(share("200 %").is_err() && share("NaN").is_err() && share("x").is_err());
    }
}
