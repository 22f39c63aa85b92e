//! `cargo xtask conformance`: cases that nobody in this project wrote.
//!
//! They lie beside the checkout and are no part of the repository; where they are missing that is said, and nothing is claimed.
//! The programs that run them are examples of the crates whose work they judge: this one links none of those.

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
    /// Avro: schemas, canonical forms, fingerprints, compatibility, evolved decodes, round trips, interop files.
    Avro {
        /// Another folder of the same layout (default: `../shared/conformance` beside the checkout).
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Name what was refused, and why.
        #[arg(long)]
        refused: bool,
        /// Also hold so many random pairs of schemas against what `fastavro` (of PyPI) decodes.
        #[arg(long, value_name = "PAIRS")]
        fastavro: Option<u32>,
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

/// Runs suites; gives what was skipped.
///
/// # Errors
/// That cases failed.
pub(crate) fn run_suites(workspace: &Workspace, suites: &Conformance) -> Result<Vec<String>, Failure> {
    match suites {
        Conformance::Quality { dir, refused } => {
            cases(workspace, dir.as_deref(), "quality", "conformance", *refused)
        }
        Conformance::Avro { dir, refused, fastavro } => {
            let mut skipped = cases(workspace, dir.as_deref(), "avro", AVRO, *refused)?;
            if let Some(pairs) = fastavro {
                skipped.extend(against_fastavro(workspace, *pairs)?);
            }
            Ok(skipped)
        }
        Conformance::Asl { dir } => asl(workspace, dir.as_deref()),
    }
}

/// Every suite; gives what was skipped.
///
/// # Errors
/// That cases failed.
pub(crate) fn all(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let mut skipped = run_suites(workspace, &Conformance::Quality { dir: None, refused: false })?;
    skipped.extend(run_suites(workspace, &Conformance::Avro { dir: None, refused: false, fastavro: None })?);
    skipped.extend(run_suites(workspace, &Conformance::Asl { dir: None })?);
    Ok(skipped)
}

/// The example that judges the cases of Avro.
const AVRO: &str = "avro_conformance";

/// The example that judges the cases of workflows. Some of them lie beside its folder: it takes the one above.
const ASL: &str = "asl_conformance";

fn asl(workspace: &Workspace, dir: Option<&Path>) -> Result<Vec<String>, Failure> {
    let all = dir.map_or_else(|| workspace.root.join(CASES), Path::to_path_buf);
    let folder = all.join("asl");
    if !folder.try_exists().map_err(|e| format!("{}: {e}", folder.display()))? {
        return Ok(vec![format!("the conformance cases: {} is not there", folder.display())]);
    }
    say(&format!("the cases of {}", folder.display()));
    run(built(workspace, ASL)?.arg(&all))?;
    Ok(Vec::new())
}

fn cases(
    workspace: &Workspace,
    dir: Option<&Path>,
    folder: &str,
    example: &str,
    refused: bool,
) -> Result<Vec<String>, Failure> {
    let folder = dir.map_or_else(|| workspace.root.join(CASES), Path::to_path_buf).join(folder);
    if !folder.try_exists().map_err(|e| format!("{}: {e}", folder.display()))? {
        return Ok(vec![format!("the conformance cases: {} is not there", folder.display())]);
    }
    let mut program = built(workspace, example)?;
    program.arg(&folder);
    if refused {
        program.arg("--refused");
    }
    say(&format!("the cases of {}", folder.display()));
    run(&mut program)?;
    Ok(Vec::new())
}

fn built(workspace: &Workspace, example: &str) -> Result<Command, Failure> {
    output(&mut workspace.cargo(&["build", "--quiet", "--workspace", "--example", example]))?;
    Ok(Command::new(workspace.target.join("debug").join("examples").join(example)))
}

/// Random pairs of schemas: `fastavro` writes a value and reads it under the other schema, and we must read the same.
fn against_fastavro(workspace: &Workspace, pairs: u32) -> Result<Vec<String>, Failure> {
    let python = match crate::python::with(workspace, &[crate::python::FASTAVRO]) {
        Ok(python) => python,
        Err(why) => return Ok(vec![format!("the comparison with fastavro: {why}")]),
    };
    let folder = tempfile::tempdir().map_err(|e| format!("a temporary folder: {e}"))?;
    let script = workspace.root.join("xtask").join("fastavro_pairs.py");
    let cases = folder.path().join("evolved_decode.jsonl");
    output(Command::new(python).arg(script).arg(pairs.to_string()).arg(&cases))?;
    say(&format!("{pairs} random pairs of schemas, as fastavro reads them"));
    run(built(workspace, AVRO)?.arg(folder.path()).arg("--only").arg("evolved decodes"))?;
    Ok(Vec::new())
}
