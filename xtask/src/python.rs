//! A Python with pinned packages: that of the machine if it has them, else a virtual environment in the cache folder.

use crate::tools::{Failure, Workspace, output, say};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of DuckDB that the oracle's expected files were made with.
pub(crate) const DUCKDB: (&str, &str) = ("duckdb", "2.0.0");
/// The version of Polars that the benchmark compares with.
pub(crate) const POLARS: (&str, &str) = ("polars", "2.1.0");
/// The version of fastavro that schema resolution is compared with.
pub(crate) const FASTAVRO: (&str, &str) = ("fastavro", "1.13.1");

/// A Python that can import the packages in these versions. The first call on a machine may install them from PyPI.
///
/// # Errors
/// Why there is none: no Python, no `venv` module, no network.
pub(crate) fn with(workspace: &Workspace, packages: &[(&str, &str)]) -> Result<PathBuf, Failure> {
    let system = PathBuf::from("python3");
    if has(&system, packages) {
        return Ok(system);
    }
    let folder = workspace.cache.join("venv");
    let python = folder.join("bin").join("python3");
    if has(&python, packages) {
        return Ok(python);
    }
    say(&format!("making a Python environment in {}", folder.display()));
    output(Command::new(&system).args(["-m", "venv"]).arg(&folder))?;
    let wanted = packages.iter().map(|(name, version)| format!("{name}=={version}"));
    output(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(wanted),
    )?;
    if has(&python, packages) {
        Ok(python)
    } else {
        Err(format!("{} lacks packages after pip", python.display()))
    }
}

fn has(python: &Path, packages: &[(&str, &str)]) -> bool {
    let test = packages
        .iter()
        .map(|(name, version)| format!("import {name}; assert {name}.__version__ == '{version}'"))
        .collect::<Vec<_>>()
        .join("; ");
    output(Command::new(python).args(["-c", &test])).is_ok()
}
