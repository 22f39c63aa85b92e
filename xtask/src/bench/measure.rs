//! One run of one command, measured from outside by `xtask/bench/measure.py`.

use crate::tools::{Failure, output};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a process used, with all its threads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Seconds from start to end.
    pub(crate) wall_s: f64,
    /// Seconds of processor time, user and system.
    pub(crate) cpu_s: f64,
    /// The largest resident set, MiB.
    pub(crate) peak_rss_mib: f64,
    /// The exit code; negative for a signal.
    code: i32,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.2} s wall {:>7.2} s CPU {:>6.0} MiB", self.wall_s, self.cpu_s, self.peak_rss_mib)
    }
}

/// Runs a command to its end on the first `cpus` processors.
///
/// # Errors
/// With the end of what it printed, if it fails.
pub(crate) fn measure(
    python: &Path,
    scripts: &Path,
    dir: &Path,
    cpus: u32,
    command: &[PathBuf],
) -> Result<Measured, Failure> {
    let (result, log) = (dir.join("measured.json"), dir.join("last.log"));
    // Isolated and without site packages: the interpreter that measures shall be small.
    output(
        Command::new(python)
            .args(["-I", "-S"])
            .arg(scripts.join("measure.py"))
            .args([&result, &log])
            .arg(cpus.to_string())
            .args(command),
    )?;
    let text = std::fs::read_to_string(&result).map_err(|e| format!("{}: {e}", result.display()))?;
    let measured: Measured = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", result.display()))?;
    if measured.code == 0 {
        return Ok(measured);
    }
    let words = std::fs::read(&log).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let lines: Vec<_> = words.lines().collect();
    let shown: Vec<_> = command.iter().map(|word| word.display().to_string()).collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(format!("{}: exit code {}\n{tail}", shown.join(" "), measured.code))
}
