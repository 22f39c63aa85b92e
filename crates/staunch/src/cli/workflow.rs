//! `workflow` on the command line.

use super::Drawn;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Find every mistake of definitions. Exit code 3 if there is one.
    Validate {
        /// Definitions in the Amazon States Language, JSON or YAML.
        #[arg(required = true, value_name = "DEF")]
        files: Vec<PathBuf>,
        /// The type of the workflow: express ones refuse some tasks.
        #[arg(long = "type", value_enum, ignore_case = true, default_value_t = Kind::Standard)]
        kind: Kind,
    },
    /// Run a definition to its end. Tasks answer out of a document: they are not there yet.
    Run(WorkflowRun),
    /// Try one state by itself, as AWS's TestState does.
    TestState {
        /// A JSON file with the fields of a request to TestState.
        request: PathBuf,
    },
    /// Draw a definition.
    Graph {
        /// The definition.
        #[arg(value_name = "DEF")]
        file: PathBuf,
        /// Show what became of the states: a file with what `workflow run --output json` printed.
        #[arg(long, value_name = "FILE")]
        execution: Option<PathBuf>,
        /// As indented text, or as a Mermaid flowchart.
        #[arg(long, value_enum, default_value_t = Drawn::Text)]
        format: Drawn,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowRun {
    /// The definition.
    #[arg(value_name = "DEF")]
    pub(crate) file: PathBuf,
    /// The input (default: `{}`).
    #[arg(long, value_name = "JSON")]
    pub(crate) input: Option<String>,
    /// A file with the input.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) input_file: Option<PathBuf>,
    /// A file with what the tasks of each state give, in order.
    #[arg(long, value_name = "FILE")]
    pub(crate) mocks: Option<PathBuf>,
}

/// The types of workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Kind {
    /// Durable, with a history.
    Standard,
    /// Short.
    Express,
}
