//! `cargo xtask bench stages`: where the CPU time of a job goes, by sampling with `perf` (Debian: `linux-perf`).
//!
//! A sample belongs to the function in which it falls, and functions to stages by their names; what the compiler has inlined
//! counts for the function that it was inlined into. The clock is that of the software, so it works on virtual machines too.

use super::{JOBS, generate, meter, project, remove};
use crate::tools::{Failure, Workspace, heading, output, run as call, say};
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// The options of `bench stages`.
#[derive(Debug, Args)]
pub(crate) struct Stages {
    /// Rows of the generated input.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// Where input and outputs lie (default: below cargo's target folder). The input is made once.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the jobs of these names.
    #[arg(long, value_name = "JOB", value_parser = JOBS)]
    job: Vec<String>,
    /// Show this many of the functions that took most, beside the stages.
    #[arg(long, default_value_t = 0, value_name = "N")]
    functions: usize,
}

/// Samples a second.
const RATE: f64 = 997.0;

/// Stages by what the names of their functions contain; the first that fits counts.
const STAGES: &[(&str, &[&str])] = &[
    ("row hash, near end", &["staunch_contract::hash"]),
    ("row hash, far end", &["rowhash"]),
    ("digests of files", &["Xxh3", "xxh3_stateful", "OutFile"]),
    ("row hash, both ends", &["xxh3", "xxhash"]),
    ("encode: NDJSON", &["json_write"]),
    ("encode: compress", &["snap::", "ZSTD", "zstd", "zlib_rs", "flate2", "HUF_", "FSE_"]),
    ("encode: Parquet", &["parquet::", "parquet_write"]),
    ("cut into records", &["read::cut", "read::split", "memchr"]),
    (
        "decode and validate",
        &[
            "formats::csv",
            "formats::json",
            "read::",
            "from_utf8",
            "utf8",
            "dec2flt",
            "formats::simd",
            "ChunkWork",
        ],
    ),
    (
        "SQL",
        &[
            "datafusion",
            "staunch_engine",
            "arrow_",
            "arrow::",
            "hashbrown",
            "hash_utils",
            "ahash",
            "foldhash",
        ],
    ),
    ("memory", &["malloc", "free", "realloc", "memcpy", "memmove", "memset", "mem_", "calloc"]),
];

/// Kernel functions of making things durable.
const SYNC: &[&str] =
    &["sync", "jbd2", "journal", "submit_bio", "blk_", "virtblk", "writepages", "writeback"];
/// Kernel functions of handing out memory.
const PAGES: &[&str] =
    &["fault", "clear_page", "clear_huge", "alloc_pages", "zap_", "munmap", "madvise", "free_unref"];

/// Samples, and tells.
pub(super) fn run(workspace: &Workspace, options: &Stages) -> Result<(), Failure> {
    call(&mut workspace.cargo(&["build", "--release", "--bin", "staunch"]))?;
    let meter = meter(workspace, "python3".into(), options.dir.as_deref(), 2)?;
    let home = meter.dir.join("project");
    generate::events(&home.join("data"), options.rows, options.seed, false, false)
        .map_err(|e| format!("{}: {e}", home.display()))?;
    project::write(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    for job in JOBS.iter().filter(|job| options.job.is_empty() || options.job.iter().any(|j| j == *job)) {
        remove(&home.join("out").join(job))?;
        remove(&home.join(".staunch"))?;
        let data = meter.dir.join("perf.data");
        let mut record = Command::new("perf");
        record.args(["record", "-q", "-e", "cpu-clock", "-F"]).arg(RATE.to_string()).arg("-o").arg(&data);
        record.arg("--").arg(workspace.staunch(true)).args(["run", job, "--project"]).arg(&home);
        output(&mut record)?;
        let mut report = Command::new("perf");
        report.args(["report", "-q", "--stdio", "--no-children", "-g", "none", "-n", "--percent-limit", "0"]);
        report.args(["-F", "sample,sym", "-i"]).arg(&data);
        let functions = functions(&output(&mut report)?);
        heading(job);
        let total: u64 = functions.iter().map(|(samples, ..)| samples).sum();
        let mut stages: BTreeMap<&str, u64> = BTreeMap::new();
        for (samples, kernel, name) in &functions {
            *stages.entry(stage(*kernel, name)).or_default() += samples;
        }
        let mut stages: Vec<_> = stages.into_iter().collect();
        stages.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        for (stage, samples) in stages {
            say(&line(samples, total, stage));
        }
        say(&line(total, total, "all"));
        for (samples, _, name) in functions.iter().take(options.functions) {
            say(&line(*samples, total, &format!("  {name}")));
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "figures for the eye")]
fn line(samples: u64, total: u64, what: &str) -> String {
    let (samples, total) = (samples as f64, total.max(1) as f64);
    format!("{:>8.2} CPU s {:>6.1} %  {what}", samples / RATE, 100.0 * samples / total)
}

/// Samples, whether it is one of the kernel, and the name, of every function, as `perf report` lists them.
fn functions(report: &str) -> Vec<(u64, bool, String)> {
    let line = |line: &str| {
        let (samples, rest) = line.trim().split_once(char::is_whitespace)?;
        let (kind, name) = rest.trim().split_once(char::is_whitespace)?;
        Some((samples.parse().ok()?, kind == "[k]", name.trim().to_owned()))
    };
    report.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

fn stage(kernel: bool, name: &str) -> &'static str {
    let any = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if kernel {
        return match () {
            () if any(SYNC) => "kernel: fsync and the journal",
            () if any(PAGES) => "kernel: memory",
            () => "kernel: reading and writing files, and the rest",
        };
    }
    STAGES.iter().find(|(_, words)| any(words)).map_or("the rest", |(stage, _)| stage)
}

#[cfg(test)]
mod tests {
    use super::{functions, stage};

    #[test]
    fn a_report_is_taken_apart() {
        let report = "# Samples: 3\n   120  [.] staunch_contract::hash::each_row\n    7  [k] ext4_sync_file\n\n  1  [.] main\n";
        let found = functions(report);
        assert_eq!(found.len(), 3);
        let stages: Vec<_> =
            found.iter().map(|(samples, kernel, name)| (*samples, stage(*kernel, name))).collect();
        assert_eq!(
            stages,
            [(120, "row hash, near end"), (7, "kernel: fsync and the journal"), (1, "the rest")]
        );
    }
}
