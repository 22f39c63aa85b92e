//! The commands of developers: `cargo xtask check`, `cargo xtask example`, `cargo xtask chaos`, `cargo xtask bench`,
//! `cargo xtask conformance`, `cargo xtask hostile`.
//!
//! **What it is.** One small program that calls cargo, the binary and Python, so that the same command works here and in
//! continuous integration.
//!
//! **What it is not.** It links nothing of Staunch but its seams: it sees the binary as a user does, from outside.
//!
//! **Invariants.** The checkout stays clean: projects are run as copies in a temporary folder. What is skipped is said, at
//! the end and by name.

mod bench;
mod chaos;
mod check;
mod conformance;
mod example;
mod hostile;
mod python;
mod tools;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Commands of developers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything that must hold: format, lints, build, tests, the example against its oracle.
    Check,
    /// The example end to end, compared with what DuckDB computes.
    Example {
        /// Other data, laid out as examples/flights/data (say, the whole year).
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Use the release build.
        #[arg(long)]
        release: bool,
    },
    /// Crashes, power cuts, faults of the disk, zombies and planted bugs over the real binary: --enumerate, --kill [N], --pairs, --power [N],
    /// --disk [N], --zombie [N], --planted, --simulated.
    #[command(disable_help_flag = true)]
    Chaos {
        /// What `staunch-chaos` is asked for; --help lists it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Performance, side by side with peers on the same files.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Cases that others wrote, through the real read chain, the Avro of contracts and workflows.
    #[command(subcommand)]
    Conformance(conformance::Conformance),
    /// Files made to break their reader, too large for the tests, through the release build.
    Hostile,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Check => tools::Workspace::find().and_then(|workspace| check::run(&workspace)),
        Command::Example { data, release } => tools::Workspace::find()
            .and_then(|workspace| example::run(&workspace, data.as_deref(), release))
            .map(|skipped| skipped.iter().for_each(|what| tools::say(&format!("skipped: {what}")))),
        Command::Chaos { arguments } => {
            tools::Workspace::find().and_then(|workspace| chaos::run(&workspace, &arguments))
        }
        Command::Bench(bench) => {
            tools::Workspace::find().and_then(|workspace| bench::run(&workspace, &bench))
        }
        Command::Hostile => tools::Workspace::find().and_then(|workspace| hostile::run(&workspace)),
        Command::Conformance(suites) => tools::Workspace::find()
            .and_then(|workspace| conformance::run_suites(&workspace, &suites))
            .map(|skipped| skipped.iter().for_each(|what| tools::say(&format!("SKIPPED: {what}")))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tools::complain(&failure);
            ExitCode::FAILURE
        }
    }
}
