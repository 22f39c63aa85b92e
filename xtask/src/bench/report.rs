//! The figures of a benchmark: collected, reduced to medians, shown as a table and as JSON.

use super::Batch;
use super::measure::{Measured, median};
use crate::python;
use crate::tools::Failure;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// The name of the engine that the others are compared with.
const OURS: &str = "staunch";

/// The job in which a peer only starts.
const START: &str = "nothing";

/// All measurements of one call.
pub(super) struct Figures {
    rows: u64,
    context: Value,
    /// Job, engine, its runs; in the order of their first run.
    runs: Vec<(String, String, Vec<Measured>)>,
}

/// The medians of an engine at a job.
#[derive(Clone, Copy)]
struct Medians {
    wall_s: f64,
    cpu_s: f64,
    peak_rss_mib: f64,
}

impl Figures {
    /// Figures of a call with these options over the input in `data`.
    pub(super) fn new(options: &Batch, data: &Path) -> Result<Self, Failure> {
        let bytes = |name: &str| {
            let path = data.join(name);
            std::fs::metadata(&path).map(|m| m.len()).map_err(|e| format!("{}: {e}", path.display()))
        };
        let context = json!({
            "rows": options.rows,
            "seed": options.seed,
            "quoted": options.quoted,
            "runs": options.runs,
            "threads": options.threads,
            "input_bytes": {"csv": bytes("events.csv")?, "ndjson": bytes("events.ndjson")?},
            "machine": machine(),
            "peers": {"duckdb": python::DUCKDB.1, "polars": python::POLARS.1},
        });
        Ok(Self { rows: options.rows, context, runs: Vec::new() })
    }

    /// Adds one run.
    pub(super) fn add(&mut self, job: &str, engine: &str, measured: Measured) {
        match self.runs.iter_mut().find(|(j, e, _)| j == job && e == engine) {
            Some((_, _, runs)) => runs.push(measured),
            None => self.runs.push((job.to_owned(), engine.to_owned(), vec![measured])),
        }
    }

    fn medians(&self, job: &str, engine: &str) -> Option<Medians> {
        let (_, _, runs) = self.runs.iter().find(|(j, e, _)| j == job && e == engine)?;
        let of = |what: fn(&Measured) -> f64| median(runs.iter().map(what).collect());
        Some(Medians {
            wall_s: of(|m| m.wall_s),
            cpu_s: of(|m| m.cpu_s),
            peak_rss_mib: of(|m| m.peak_rss_mib),
        })
    }

    /// Rows per CPU second.
    fn rate(&self, cpu_s: f64) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a rate is shown with four digits")]
        let rows = self.rows as f64;
        rows / cpu_s.max(1e-9)
    }

    fn jobs(&self) -> Vec<&str> {
        let mut jobs: Vec<&str> = Vec::new();
        for (job, _, _) in &self.runs {
            if job != START && !jobs.contains(&job.as_str()) {
                jobs.push(job);
            }
        }
        jobs
    }

    fn engines(&self, job: &str) -> Vec<&str> {
        self.runs.iter().filter(|(j, _, _)| j == job).map(|(_, e, _)| e.as_str()).collect()
    }

    /// Rows per CPU second of ours over those of the better peer: as processes, and with the peers' start taken off.
    fn ratios(&self, job: &str) -> Option<(f64, f64)> {
        let ours = self.rate(self.medians(job, OURS)?.cpu_s);
        let best = |start: bool| {
            self.engines(job)
                .into_iter()
                .filter(|engine| *engine != OURS)
                .filter_map(|engine| {
                    let cpu = self.medians(job, engine)?.cpu_s;
                    let off = if start { self.medians(START, engine).map_or(0.0, |m| m.cpu_s) } else { 0.0 };
                    Some(self.rate(cpu - off))
                })
                .reduce(f64::max)
        };
        Some((ours / best(false)?, ours / best(true)?))
    }

    /// A table for people.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:<16} {:<8} {:>8} {:>8} {:>9} {:>14}\n",
            "job", "engine", "wall s", "CPU s", "peak MiB", "krows/CPU s"
        );
        for engine in self.engines(START) {
            let Some(m) = self.medians(START, engine) else { continue };
            let _ = writeln!(
                text,
                "{:<16} {engine:<8} {:>8.2} {:>8.2} {:>9.0}",
                "(start only)", m.wall_s, m.cpu_s, m.peak_rss_mib
            );
        }
        for job in self.jobs() {
            for engine in self.engines(job) {
                let Some(m) = self.medians(job, engine) else { continue };
                let rate = self.rate(m.cpu_s) / 1000.0;
                let _ = writeln!(
                    text,
                    "{job:<16} {engine:<8} {:>8.2} {:>8.2} {:>9.0} {rate:>14.0}",
                    m.wall_s, m.cpu_s, m.peak_rss_mib
                );
            }
            if let Some((whole, without_start)) = self.ratios(job) {
                let _ = writeln!(
                    text,
                    "{job:<16} rows per CPU second, over the better peer: {whole:.2} \
                     ({without_start:.2} with the start of the peers' interpreter taken off)"
                );
            }
        }
        text
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> String {
        let runs: Vec<_> = self
            .runs
            .iter()
            .filter_map(|(job, engine, runs)| {
                let m = self.medians(job, engine)?;
                Some(json!({
                    "job": job,
                    "engine": engine,
                    "median": {"wall_s": m.wall_s, "cpu_s": m.cpu_s, "peak_rss_mib": m.peak_rss_mib},
                    "rows_per_cpu_s": self.rate(m.cpu_s),
                    "runs": runs,
                }))
            })
            .collect();
        let ratios: serde_json::Map<_, _> = self
            .jobs()
            .into_iter()
            .filter_map(|job| {
                let (whole, without_start) = self.ratios(job)?;
                Some((job.to_owned(), json!({"whole": whole, "peer_start_taken_off": without_start})))
            })
            .collect();
        let all = json!({"context": self.context, "results": runs, "ratio_to_better_peer": ratios});
        format!("{all:#}\n")
    }
}

/// Model and memory, where Linux says so.
pub(super) fn machine() -> Value {
    let first = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    json!({
        "processor": first("/proc/cpuinfo", "model name"),
        "memory": first("/proc/meminfo", "MemTotal"),
        "processors": std::thread::available_parallelism().map(std::num::NonZero::get).ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(cpu_s: f64) -> Measured {
        serde_json::from_value(json!({"wall_s": 1.0, "cpu_s": cpu_s, "peak_rss_mib": 1.0, "code": 0}))
            .unwrap()
    }

    #[test]
    fn ratios_are_to_the_better_peer() {
        let mut figures = Figures { rows: 100, context: Value::Null, runs: Vec::new() };
        for (job, engine, cpu) in [
            (START, "duckdb", 0.5),
            (START, "polars", 0.0),
            ("a", OURS, 2.0),
            ("a", "duckdb", 2.5),
            ("a", "polars", 2.25),
            ("b", "duckdb", 1.0),
        ] {
            figures.add(job, engine, measured(cpu));
        }
        assert_eq!(figures.ratios("a"), Some((1.125, 1.0)));
        assert_eq!(figures.ratios("b"), None);
        assert_eq!(figures.jobs(), ["a", "b"]);
    }
}
