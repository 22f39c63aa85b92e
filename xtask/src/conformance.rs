//! `cargo xtask conformance`: cases that nobody in this project wrote.
//!
//! They lie beside the checkout and are no part of the repository; where they are missing that is said, and nothing is claimed.
//! The program that runs them is an example of the connectors: it calls the read chain, which this one does not link.

use crate::tools::{Failure, Workspace, output, run, say};
use clap::Subcommand;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Suites of cases.
#[derive(Debug, Subcommand)]
pub(crate) enum Conformance {
    /// JSON, CSV and Parquet, good and bad.
    Quality {
        /// Another folder of the same layout (default: `../shared/conformance` beside the checkout).
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Name what was refused, and why.
        #[arg(long)]
        refused: bool,
    },
}

/// Where the cases lie, seen from the checkout.
const CASES: &str = "../shared/conformance";

/// Runs the suites; gives what was skipped.
///
/// # Errors
/// That cases failed.
pub(crate) fn quality(
    workspace: &Workspace,
    dir: Option<&Path>,
    refused: bool,
) -> Result<Vec<String>, Failure> {
    let quality = dir.map_or_else(|| workspace.root.join(CASES), Path::to_path_buf).join("quality");
    if !quality.try_exists().map_err(|e| format!("{}: {e}", quality.display()))? {
        return Ok(vec![format!("the conformance cases: {} is not there", quality.display())]);
    }
    output(&mut workspace.cargo(&["build", "--quiet", "--workspace", "--example", "conformance"]))?;
    let mut program = Command::new(workspace.target.join("debug").join("examples").join("conformance"));
    program.arg(&quality);
    if refused {
        program.arg("--refused");
    }
    say(&format!("the cases of {}", quality.display()));
    run(&mut program)?;
    Ok(Vec::new())
}
