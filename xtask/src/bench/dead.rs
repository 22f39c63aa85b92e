//! `cargo xtask bench dead`: what one bad row in a hundred costs.
//!
//! Clean and bad runs take turns, in one call, on files that differ in the bad rows alone. What must hold is a ratio of CPU
//! seconds: one of wall seconds would depend on who else uses the machine.

use super::measure::{Measured, Meter, median};
use super::{generate, project, remove};
use crate::python;
use crate::tools::{Failure, Workspace, heading, output, run as call, say};
use clap::Args;
use std::path::PathBuf;
use std::process::Command;

/// The options of `bench dead`.
#[derive(Debug, Args)]
pub(crate) struct Dead {
    /// Rows of the generated input.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// Where input and outputs lie (default: below cargo's target folder). The input is made once.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Measured runs of every job; one more goes before, to warm the files and to count the dead letters.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Processors that the processes are bound to.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const JOBS: [&str; 2] = ["csv_to_parquet", "ndjson_derive"];
/// How much longer a run with bad rows may take.
const MOST: f64 = 1.2;

/// Measures; fails if bad rows cost more than they may.
pub(super) fn run(workspace: &Workspace, options: &Dead) -> Result<(), Failure> {
    call(&mut workspace.cargo(&["build", "--release", "--bin", "staunch"]))?;
    let python = python::with(workspace, &[])?;
    let dir = options.dir.clone().unwrap_or_else(|| workspace.target.join("bench"));
    let dir = std::path::absolute(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let scripts = workspace.root.join("xtask").join("bench");
    let meter = Meter { python, scripts, dir: dir.clone(), cpus: options.threads };
    let staunch = workspace.staunch(true);
    let home = dir.join("project");
    heading(&format!("{} rows, seed {}", options.rows, options.seed));
    for (data, bad) in [(home.join("data"), false), (home.join("data").join("bad"), true)] {
        generate::events(&data, options.rows, options.seed, false, bad)
            .map_err(|e| format!("{}: {e}", data.display()))?;
    }
    project::write(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let once = |job: &str| -> Result<Measured, Failure> {
        for folder in [home.join("out").join(job), home.join(".staunch")] {
            remove(&folder)?;
        }
        let command = [staunch.clone(), "run".into(), job.into(), "--project".into(), home.clone()];
        meter.measure(&command)
    };
    let mut wrong = Vec::new();
    for clean in JOBS {
        heading(clean);
        let bad = format!("{clean}_bad");
        once(clean)?;
        once(&bad)?;
        remove(&home.join(".staunch"))?;
        remove(&home.join("out").join(&bad))?;
        let mut command = Command::new(&staunch);
        command.args(["run", &bad, "--output", "json", "--project"]).arg(&home);
        let report = output(&mut command)?;
        let report: serde_json::Value = serde_json::from_str(&report).map_err(|e| format!("run: {e}"))?;
        let dead = report["dead"].as_u64().unwrap_or(0);
        let planted: u64 = [262, 162, 62].iter().map(|behind| (options.rows + behind) / 300).sum();
        if dead != planted {
            return Err(format!("{dead} dead letters, {planted} are planted"));
        }
        let mut figures: [Vec<Measured>; 2] = [Vec::new(), Vec::new()];
        for round in 0..options.runs {
            for at in 0..2 {
                let which = (at + round as usize) % 2;
                let job = [clean, &bad][which];
                let measured = once(job)?;
                say(&format!("{job:<20} {measured}"));
                figures[which].push(measured);
            }
        }
        let ratio = |of: fn(&Measured) -> f64| {
            let [clean, bad] = figures.each_ref().map(|f| median(f.iter().map(of).collect()));
            bad / clean
        };
        let (cpu, wall) = (ratio(|m| m.cpu_s), ratio(|m| m.wall_s));
        say(&format!(
            "{clean}: {dead} bad rows cost {cpu:.3} times the CPU and {wall:.3} times the wall time"
        ));
        if cpu > MOST {
            wrong.push(clean);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("bad rows cost too much: {}", wrong.join(", "))) }
}
