//! `cargo xtask conformance`: cases that nobody in this project wrote.
//!
//! They lie beside the checkout and are no part of the repository; where they are missing that is said, and nothing is claimed.
//! The programs that run them are examples of the crates that they call, which this one does not link.

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
    /// Workflows: executions recorded at AWS, definitions, single states, functions, JSONata.
    Asl {
        /// Another folder of the same layout (default: `../shared/conformance` beside the checkout).
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
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

/// Runs the cases of workflows; gives what was skipped.
///
/// # Errors
/// That more cases failed than may.
pub(crate) fn asl(workspace: &Workspace, dir: Option<&Path>) -> Result<Vec<String>, Failure> {
    let cases = dir.map_or_else(|| workspace.root.join(CASES), Path::to_path_buf);
    let asl = cases.join("asl");
    if !asl.try_exists().map_err(|e| format!("{}: {e}", asl.display()))? {
        return Ok(vec![format!("the conformance cases: {} is not there", asl.display())]);
    }
    // By itself: it needs a small part of the workspace, and not DataFusion.
    let build = ["build", "--quiet", "--package", "staunch-workflow", "--example", "asl_conformance"];
    output(&mut workspace.cargo(&build))?;
    let program = workspace.target.join("debug").join("examples").join("asl_conformance");
    say(&format!("the cases of {}", asl.display()));
    run(Command::new(program).arg(&cases))?;
    Ok(Vec::new())
}
