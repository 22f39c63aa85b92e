//! `cargo xtask bench`: Staunch and its peers on the same files, in the same session, one after the other in turn.
//!
//! Answers are compared before times: an engine that drops rows looks fast. Figures are medians; a claim is only ever a
//! ratio of figures from one call.

mod dead;
mod generate;
mod measure;
mod price;
mod project;
mod report;
mod scale;
mod scale_data;
mod stages;

use crate::python;
use crate::tools::{Failure, Workspace, complain, heading, output, run as call, say};
use clap::{Args, Subcommand};
use measure::{Measured, Meter};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Benchmarks.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Files to files, beside DuckDB and Polars: CSV to Parquet and to NDJSON; NDJSON, filtered and derived; CSV, grouped.
    Batch(Batch),
    /// What bad rows cost: the same rows clean, and with one in a hundred bad.
    Dead(dead::Dead),
    /// What contracts, ledger and exactly-once cost: the same jobs with and without them, and with `verify: full`.
    Price(price::Price),
    /// What is large: many rows, many keys, many files, in little memory; and what must be quick.
    Scale(scale::Scale),
    /// Where the CPU time of each job goes, by sampling with `perf`.
    Stages(stages::Stages),
}

/// The options of `bench batch`.
#[derive(Debug, Args)]
pub(crate) struct Batch {
    /// Rows of the generated input.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// Where input and outputs lie (default: below cargo's target folder). The input is made once.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Measured runs of every job by every engine; one more goes before, to compare the answers and to warm the files.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Threads for every engine; the processes are bound to as many processors.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One text in 32 holds a comma, so that CSV needs quotes.
    #[arg(long)]
    quoted: bool,
    /// Only the jobs of these names.
    #[arg(long, value_name = "JOB", value_parser = JOBS)]
    job: Vec<String>,
    /// Only DuckDB and Polars: does not build or run Staunch.
    #[arg(long)]
    peers_only: bool,
    /// Where the figures are written as JSON (default: `batch.json` in DIR).
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The jobs, by the names that the scripts in `xtask/bench` know.
const JOBS: [&str; 5] = ["csv_to_parquet", "ndjson_derive", "csv_group", "csv_group_all", "csv_to_ndjson"];

/// Who does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Staunch,
    DuckDb,
    Polars,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Staunch => "staunch",
            Self::DuckDb => "duckdb",
            Self::Polars => "polars",
        }
    }
}

/// Everything that one run of a job needs.
struct Setup<'a> {
    meter: Meter,
    staunch: PathBuf,
    options: &'a Batch,
}

/// Runs a benchmark.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Batch(options) => batch(workspace, options),
        Bench::Dead(options) => dead::run(workspace, options),
        Bench::Price(options) => price::run(workspace, options),
        Bench::Scale(options) => scale::run(workspace, options),
        Bench::Stages(options) => stages::run(workspace, options),
    }
}

fn batch(workspace: &Workspace, options: &Batch) -> Result<(), Failure> {
    let mut engines = vec![Engine::Staunch, Engine::DuckDb, Engine::Polars];
    if options.peers_only {
        engines.retain(|engine| *engine != Engine::Staunch);
    } else {
        call(&mut workspace.cargo(&["build", "--release", "--bin", "staunch"]))?;
    }
    let python = python::with(workspace, &[python::DUCKDB, python::POLARS])?;
    let meter = meter(workspace, python, options.dir.as_deref(), options.threads)?;
    let setup = Setup { meter, staunch: workspace.staunch(true), options };
    heading(&format!("{} rows, seed {}", options.rows, options.seed));
    generate::events(&setup.data(), options.rows, options.seed, options.quoted, false)
        .map_err(|e| format!("{}: {e}", setup.data().display()))?;
    project::write(&setup.project()).map_err(|e| format!("{}: {e}", setup.project().display()))?;

    let mut figures = report::Figures::new(options, &setup.data())?;
    for engine in engines.iter().filter(|e| **e != Engine::Staunch) {
        for _ in 0..options.runs {
            figures.add("nothing", engine.name(), setup.measure("nothing", *engine)?);
        }
    }
    let mut wrong = Vec::new();
    for job in JOBS.iter().filter(|job| options.job.is_empty() || options.job.iter().any(|j| j == *job)) {
        heading(job);
        for engine in &engines {
            setup.measure(job, *engine)?;
        }
        if let Err(failure) = setup.compare(job, &engines) {
            complain(&failure);
            wrong.push(*job);
            continue;
        }
        for round in 0..options.runs {
            // Each goes first in turn, so that nobody always follows the same neighbour.
            for at in 0..engines.len() {
                let engine = engines[(at + round as usize) % engines.len()];
                let measured = setup.measure(job, engine)?;
                say(&format!("{:<8} {measured}", engine.name()));
                figures.add(job, engine.name(), measured);
            }
        }
        // What was measured is what was compared.
        setup.compare(job, &engines)?;
    }
    heading("result");
    say(&figures.table());
    let json = options.json.clone().unwrap_or_else(|| setup.meter.dir.join("batch.json"));
    std::fs::write(&json, figures.json()).map_err(|e| format!("{}: {e}", json.display()))?;
    say(&format!("written to {}", json.display()));
    if wrong.is_empty() { Ok(()) } else { Err(format!("answers differ: {}", wrong.join(", "))) }
}

impl Setup<'_> {
    /// The project of Staunch; the peers read the same input in it.
    fn project(&self) -> PathBuf {
        self.meter.dir.join("project")
    }

    fn data(&self) -> PathBuf {
        self.project().join("data")
    }

    /// Where an engine leaves the result of a job.
    fn out(&self, job: &str, engine: Engine) -> PathBuf {
        match engine {
            Engine::Staunch => self.project().join("out").join(job),
            _ => self.meter.dir.join("out").join(job).join(engine.name()),
        }
    }

    /// One run from nothing: outputs and state of the run before are removed first.
    fn measure(&self, job: &str, engine: Engine) -> Result<Measured, Failure> {
        let out = self.out(job, engine);
        remove(&out)?;
        let mut command: Vec<PathBuf> = Vec::new();
        if engine == Engine::Staunch {
            remove(&self.project().join(".staunch"))?;
            command.extend([
                self.staunch.clone(),
                "run".into(),
                job.into(),
                "--project".into(),
                self.project(),
            ]);
        } else {
            std::fs::create_dir_all(&out).map_err(|e| format!("{}: {e}", out.display()))?;
            command.extend([self.meter.python.clone(), "-B".into()]);
            command.push(self.meter.scripts.join("peers.py"));
            command.extend([engine.name().into(), job.into(), self.data(), out]);
            command.push(self.options.threads.to_string().into());
        }
        self.meter.measure(&command)
    }

    fn compare(&self, job: &str, engines: &[Engine]) -> Result<(), Failure> {
        let answers = engines.iter().map(|engine| (engine.name(), self.out(job, *engine)));
        compare(&self.meter, job, &answers.collect::<Vec<_>>())
    }
}

/// Compares the answers of a job in these folders, and tells them.
fn compare(meter: &Meter, job: &str, answers: &[(&str, PathBuf)]) -> Result<(), Failure> {
    let mut command = Command::new(&meter.python);
    command.arg("-B").arg(meter.scripts.join("compare.py")).arg(job);
    command.args(answers.iter().map(|(name, folder)| format!("{name}={}", folder.display())));
    say(output(&mut command)?.trim_end());
    Ok(())
}

/// What measures, with the folder of inputs and outputs (default: below cargo's target folder).
fn meter(workspace: &Workspace, python: PathBuf, dir: Option<&Path>, cpus: u32) -> Result<Meter, Failure> {
    let dir = dir.map_or_else(|| workspace.target.join("bench"), Path::to_path_buf);
    let dir = std::path::absolute(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(Meter { python, scripts: workspace.root.join("xtask").join("bench"), dir, cpus })
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", folder.display())),
        _ => Ok(()),
    }
}
