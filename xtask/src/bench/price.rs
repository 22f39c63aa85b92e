//! `cargo xtask bench price`: what contracts, ledger and exactly-once cost.
//!
//! The same jobs by the same binary: as everybody runs them, with `verify: full`, and bare, without what makes a run safe (what
//! exactly is left out stands in `docs/performance.md`). The answers are compared; what counts is a ratio of CPU seconds.

use super::measure::{Measured, Meter, median};
use super::{JOBS, compare, generate, meter, project, remove};
use crate::python;
use crate::tools::{Failure, Workspace, heading, run as call, say};
use clap::Args;
use std::path::{Path, PathBuf};

/// The options of `bench price`.
#[derive(Debug, Args)]
pub(crate) struct Price {
    /// Rows of the generated input.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// Where input and outputs lie (default: below cargo's target folder). The input is made once.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Measured runs of every job of every kind; one more goes before, to compare the answers and to warm the files.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Processors that the processes are bound to.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the jobs of these names.
    #[arg(long, value_name = "JOB", value_parser = JOBS)]
    job: Vec<String>,
}

/// What safety may cost, as a share of a bare run's CPU seconds.
const MOST: f64 = 0.25;

/// The job that is reported and not judged: it validates twenty columns and uses five, and a bare run decodes the five alone. What it shows is the
/// price of looking at data that the query does not need, which `validate: used` does not pay.
const REPORTED: &str = "csv_group_all";

/// How a job is run.
const KINDS: [&str; 3] = ["bare", "usual", "verified"];

/// Measures; fails if safety costs more than it may.
pub(super) fn run(workspace: &Workspace, options: &Price) -> Result<(), Failure> {
    call(&mut workspace.cargo(&["build", "--release", "--bin", "staunch", "--features", "staunch/bench"]))?;
    let python = python::with(workspace, &[python::DUCKDB])?;
    let meter = meter(workspace, python, options.dir.as_deref(), options.threads)?;
    let home = meter.dir.join("project");
    // The next build may make another binary of that name.
    let staunch = meter.dir.join("staunch-bench");
    std::fs::copy(workspace.staunch(true), &staunch).map_err(|e| format!("{}: {e}", staunch.display()))?;
    heading(&format!("{} rows, seed {}", options.rows, options.seed));
    generate::events(&home.join("data"), options.rows, options.seed, false, false)
        .map_err(|e| format!("{}: {e}", home.display()))?;
    project::write(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let (mut dear, mut table) = (Vec::new(), String::new());
    for job in JOBS.iter().filter(|job| options.job.is_empty() || options.job.iter().any(|j| j == *job)) {
        heading(job);
        let aside = meter.dir.join("out").join(job).join("price");
        remove(&aside)?;
        let mut answers = Vec::new();
        for kind in KINDS {
            once(&meter, &staunch, &home, job, kind)?;
            let (from, to) = (home.join("out").join(job), aside.join(kind));
            std::fs::create_dir_all(&aside).map_err(|e| format!("{}: {e}", aside.display()))?;
            std::fs::rename(&from, &to).map_err(|e| format!("{}: {e}", from.display()))?;
            answers.push((kind, to));
        }
        compare(&meter, job, &answers)?;
        remove(&aside)?;
        let mut figures: [Vec<Measured>; 3] = Default::default();
        for round in 0..options.runs as usize {
            for at in 0..KINDS.len() {
                let which = (at + round) % KINDS.len();
                let measured = once(&meter, &staunch, &home, job, KINDS[which])?;
                say(&format!("{:<8} {measured}", KINDS[which]));
                figures[which].push(measured);
            }
        }
        let of = |what: fn(&Measured) -> f64| {
            figures.each_ref().map(|runs| median(runs.iter().map(what).collect()))
        };
        let ([bare, usual, verified], wall) = (of(|m| m.cpu_s), of(|m| m.wall_s));
        let price = usual / bare - 1.0;
        table.push_str(&format!(
            "{job:<16} {bare:>8.2} {usual:>8.2} {verified:>8.2}   {:>6.1} % {:>6.1} %   {:>6.2} {:>6.2} {:>6.2}\n",
            price * 100.0,
            (verified / usual - 1.0) * 100.0,
            wall[0],
            wall[1],
            wall[2],
        ));
        if price > MOST && *job != REPORTED {
            dear.push(*job);
        }
    }
    heading("result");
    say(&format!(
        "{:<16} {:>8} {:>8} {:>8}   {:>8} {:>8}   {:>6} {:>6} {:>6}\n{:<16} {:>8} {:>8} {:>8}   {:>8} {:>8}   {:>6} {:>6} {:>6}\n{table}",
        "job",
        "bare",
        "usual",
        "verified",
        "safety",
        "verify:",
        "bare",
        "usual",
        "verif.",
        "",
        "CPU s",
        "CPU s",
        "CPU s",
        "costs",
        "full",
        "wall s",
        "wall s",
        "wall s",
    ));
    if dear.is_empty() { Ok(()) } else { Err(format!("more than {} %: {}", MOST * 100.0, dear.join(", "))) }
}

/// One run from nothing.
fn once(meter: &Meter, staunch: &Path, home: &Path, job: &str, kind: &str) -> Result<Measured, Failure> {
    remove(&home.join("out").join(job))?;
    remove(&home.join(".staunch"))?;
    let mut command: Vec<PathBuf> =
        vec![staunch.into(), "run".into(), job.into(), "--project".into(), home.into()];
    command.push("--profile".into());
    command.push(if kind == "verified" { "full" } else { "dev" }.into());
    if kind != "bare" {
        return meter.measure(&command);
    }
    // What a bare run leaves behind may be thrown away: it runs nowhere else.
    let state = home.join(".staunch").join("dev");
    std::fs::create_dir_all(&state).map_err(|e| format!("{}: {e}", state.display()))?;
    std::fs::write(state.join(staunch_types::bare::MARK), "")
        .map_err(|e| format!("{}: {e}", state.display()))?;
    let measured = meter.watched(&command, &[("STAUNCH_BARE", "1")], None);
    // Nobody takes it for a state folder of the benchmark that comes next.
    remove(&home.join(".staunch"))?;
    measured
}
