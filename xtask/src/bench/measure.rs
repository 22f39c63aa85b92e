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
    /// Seconds until the first file was seen, where one was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_s: Option<f64>,
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

/// How commands are measured.
#[derive(Debug)]
pub(crate) struct Meter {
    /// A Python.
    pub(crate) python: PathBuf,
    /// `xtask/bench`.
    pub(crate) scripts: PathBuf,
    /// Where results and logs may lie.
    pub(crate) dir: PathBuf,
    /// Processors that a command sees.
    pub(crate) cpus: u32,
}

impl Meter {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// With the end of what it printed, if it fails.
    pub(crate) fn measure(&self, command: &[PathBuf]) -> Result<Measured, Failure> {
        self.watched(command, &[], None)
    }

    /// Runs a command with these variables, and looks when the first file can be seen in a folder.
    ///
    /// # Errors
    /// As [`Meter::measure`].
    pub(crate) fn watched(
        &self,
        command: &[PathBuf],
        env: &[(&str, &str)],
        watch: Option<&Path>,
    ) -> Result<Measured, Failure> {
        let (result, log) = (self.dir.join("measured.json"), self.dir.join("last.log"));
        // Isolated and without site packages: the interpreter that measures shall be small.
        output(
            Command::new(&self.python)
                .args(["-I", "-S"])
                .arg(self.scripts.join("measure.py"))
                .args([&result, &log])
                .arg(self.cpus.to_string())
                .arg(watch.unwrap_or(Path::new("-")))
                .args(command)
                .envs(env.iter().copied()),
        )?;
        let text = std::fs::read_to_string(&result).map_err(|e| format!("{}: {e}", result.display()))?;
        let measured: Measured =
            serde_json::from_str(&text).map_err(|e| format!("{}: {e}", result.display()))?;
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
}

/// The middle value; the mean of the two middle ones of an even number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
