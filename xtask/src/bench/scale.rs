//! `cargo xtask bench scale`: many rows, many keys and many files in little memory, and what must be quick.
//!
//! Each answer is held against what the generator knows of its rows before a figure is told. The limits are those of
//! the benchmark: no test fails by time.

use super::measure::{Measured, Meter, median};
use super::scale_data::{self, Totals};
use super::{meter, remove};
use crate::python;
use crate::tools::{Failure, Workspace, heading, output, run as call, say};
use clap::Args;
use std::path::PathBuf;
use std::process::Command;

/// The options of `bench scale`.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Rows of the large file.
    #[arg(long, default_value_t = 50_000_000)]
    rows: u64,
    /// Different keys in it.
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// Small files, of 100 rows each.
    #[arg(long, default_value_t = 10_000)]
    files: u64,
    /// `memory:` of the profile.
    #[arg(long, default_value = "192 MiB", value_name = "SIZE")]
    memory: String,
    /// Where input and outputs lie (default: below cargo's target folder).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Runs of what is short; what is large is run once.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Processors that the processes are bound to.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep the large file for the next call.
    #[arg(long)]
    keep: bool,
}

/// The largest resident set, MiB.
const MOST_MEMORY: f64 = 512.0;
/// Seconds for a run that finds nothing new, `--help`, and the first row.
const NOTHING_NEW: f64 = 0.150;
const HELP: f64 = 0.050;
const FIRST: f64 = 0.300;

/// The figures, line by line.
struct Table {
    lines: Vec<String>,
    missed: Vec<String>,
}

impl Table {
    fn add(&mut self, what: &str, measured: &Measured, limit: Option<(&str, f64, f64)>) {
        let verdict = match limit {
            None => String::new(),
            Some((unit, found, most)) => {
                let held = if found <= most { "held" } else { "MISSED" };
                if found > most {
                    self.missed.push(what.to_owned());
                }
                let shown = |value: f64| match unit {
                    "ms" => format!("{:.0} ms", value * 1000.0),
                    _ => format!("{value:.0} {unit}"),
                };
                format!("{:>9} of {:>9}: {held}", shown(found), shown(most))
            }
        };
        let Measured { wall_s, cpu_s, peak_rss_mib, .. } = measured;
        let line = format!("{what:<44} {wall_s:>8.3} {cpu_s:>8.3} {peak_rss_mib:>8.0}  {verdict}");
        say(&line);
        self.lines.push(line);
    }
}

struct Setup<'a> {
    meter: Meter,
    staunch: PathBuf,
    options: &'a Scale,
}

/// Measures; fails if a limit is missed.
pub(super) fn run(workspace: &Workspace, options: &Scale) -> Result<(), Failure> {
    call(&mut workspace.cargo(&["build", "--release", "--bin", "staunch"]))?;
    let python = python::with(workspace, &[python::DUCKDB])?;
    let meter = meter(workspace, python, options.dir.as_deref(), options.threads)?;
    let setup = Setup { meter, staunch: workspace.staunch(true), options };
    setup.write().map_err(|e| format!("{}: {e}", setup.home().display()))?;
    let mut table = Table { lines: Vec::new(), missed: Vec::new() };
    setup.quick(&mut table)?;
    setup.many_files(&mut table)?;
    setup.large(&mut table)?;
    heading("result");
    say(&format!("{:<44} {:>8} {:>8} {:>8}\n{}", "", "wall s", "CPU s", "peak MiB", table.lines.join("\n")));
    if table.missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", table.missed.join(", "))) }
}

impl Setup<'_> {
    fn home(&self) -> PathBuf {
        self.meter.dir.join("scale")
    }

    fn write(&self) -> std::io::Result<()> {
        let profile = format!(
            "project: scale
profiles:
  dev:
    key: \"${{file:bench.key}}\"
    memory: {}
    events:
      type: files
      root: data
      objects:
        large: {{path: large.csv, format: csv}}
        first: {{path: first.csv, format: csv}}
        small: {{path: \"small/*.csv\", format: csv}}
    out:
      type: files
      root: out
      objects:
        copied: {{path: copied, format: parquet, compression: snappy}}
        grouped: {{path: grouped, format: parquet, compression: snappy}}
        small: {{path: small, format: parquet, compression: snappy}}
        first: {{path: first, format: parquet, compression: snappy}}
",
            self.options.memory
        );
        let copy = |name: &str, from: &str| {
            format!(
                "pipeline: {name}\nread:\n  rows: {{from: events/{from}, contract: row@1}}\nwrite:\n  - {{from: rows, to: out/{name}, mode: append}}\n"
            )
        };
        let grouped = "pipeline: grouped
read:
  rows: {from: events/large, contract: row@1}
process:
  grouped: SELECT key, count(*) AS n, sum(quantity) AS quantity, sum(price) AS price, max(created) AS created FROM rows GROUP BY key
write:
  - {from: grouped, to: out/grouped, mode: replace}
";
        let contract = format!(
            "contract: row\nversion: 1\nkey: [id]\nevent_time: created\nfields:\n{}",
            scale_data::FIELDS
        );
        let key = format!("# For the benchmark only.\n{}\n", "b7".repeat(32));
        for (name, text) in [
            ("staunch.yaml", profile.as_str()),
            ("bench.key", &key),
            ("contracts/row.yaml", &contract),
            ("pipelines/copied.yaml", &copy("copied", "large")),
            ("pipelines/small.yaml", &copy("small", "small")),
            ("pipelines/first.yaml", &copy("first", "first")),
            ("pipelines/grouped.yaml", grouped),
        ] {
            let path = self.home().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(path, text)?;
        }
        Ok(())
    }

    /// Forgets what a pipeline did.
    fn reset(&self, pipeline: &str) -> Result<(), Failure> {
        remove(&self.home().join("out").join(pipeline))?;
        remove(&self.home().join(".staunch"))
    }

    fn command(&self, pipeline: &str) -> Vec<PathBuf> {
        vec![self.staunch.clone(), "run".into(), pipeline.into(), "--project".into(), self.home()]
    }

    /// Holds the files of a pipeline against what is known of its rows, by the columns of these names.
    fn check(&self, pipeline: &str, sql: &str, wanted: &[u64]) -> Result<(), Failure> {
        let files = self.home().join("out").join(pipeline).join("*.parquet");
        let script = format!(
            "import duckdb; db = duckdb.connect(); db.execute('SET threads = 2'); print(*db.execute(\"SELECT {sql} FROM read_parquet('{}')\").fetchone())",
            files.display()
        );
        let found = output(Command::new(&self.meter.python).args(["-c", &script]))?;
        let wanted = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        if found.trim() == wanted {
            say(&format!("{pipeline}: {sql} are {wanted}, as they should be"));
            return Ok(());
        }
        Err(format!("{pipeline}: {sql} are {}, not {wanted}", found.trim()))
    }

    /// Several runs; the one with the middle figure.
    fn middle(
        &self,
        of: fn(&Measured) -> f64,
        once: impl Fn() -> Result<Measured, Failure>,
    ) -> Result<Measured, Failure> {
        let mut runs = (0..self.options.runs).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
        let wanted = median(runs.iter().map(of).collect());
        runs.sort_by(|a, b| (of(a) - wanted).abs().total_cmp(&(of(b) - wanted).abs()));
        runs.first().copied().ok_or_else(|| "no runs".to_owned())
    }

    fn quick(&self, table: &mut Table) -> Result<(), Failure> {
        heading("what must be quick");
        let help =
            self.middle(|m| m.wall_s, || self.meter.measure(&[self.staunch.clone(), "--help".into()]))?;
        table.add("--help", &help, Some(("ms", help.wall_s, HELP)));
        let file = self.home().join("data/first.csv");
        let rows = scale_data::one(&file, 2_000_000, 1_000_000, self.options.seed);
        let totals = rows.map_err(|e| format!("{}: {e}", file.display()))?;
        let first = |m: &Measured| m.first_s.unwrap_or(m.wall_s);
        let out = self.home().join("out/first");
        let found = self.middle(first, || {
            self.reset("first")?;
            self.meter.watched(&self.command("first"), &[], Some(&out))
        })?;
        self.check("first", "count(*), sum(quantity)", &[totals.rows, totals.quantity])?;
        table.add(
            "first row shown (2,000,000 rows, 64 MiB epochs)",
            &found,
            Some(("ms", first(&found), FIRST)),
        );
        let again = self.middle(|m| m.wall_s, || self.meter.measure(&self.command("first")))?;
        table.add("a run that finds nothing new, 1 file", &again, Some(("ms", again.wall_s, NOTHING_NEW)));
        Ok(())
    }

    fn many_files(&self, table: &mut Table) -> Result<(), Failure> {
        let files = self.options.files;
        heading(&format!("{files} small files"));
        let folder = self.home().join("data/small");
        remove(&folder)?;
        let made = scale_data::many(&folder, files, 100, self.options.seed);
        let totals = made.map_err(|e| format!("{}: {e}", folder.display()))?;
        self.reset("small")?;
        let found = self.meter.measure(&self.command("small"))?;
        self.check("small", "count(*), sum(quantity)", &[totals.rows, totals.quantity])?;
        let memory = Some(("MiB", found.peak_rss_mib, MOST_MEMORY));
        table.add(&format!("{files} files of 100 rows -> Parquet"), &found, memory);
        let again = self.middle(|m| m.wall_s, || self.meter.measure(&self.command("small")))?;
        let what = format!("a run that finds nothing new, {files} files");
        table.add(&what, &again, Some(("ms", again.wall_s, NOTHING_NEW)));
        Ok(())
    }

    fn large(&self, table: &mut Table) -> Result<(), Failure> {
        let Scale { rows, keys, seed, .. } = *self.options;
        heading(&format!("{rows} rows, {keys} keys, memory: {}", self.options.memory));
        let file = self.home().join("data/large.csv");
        let made = scale_data::one(&file, rows, keys, seed);
        let totals: Totals = made.map_err(|e| format!("{}: {e}", file.display()))?;
        let bytes = std::fs::metadata(&file).map_or(0, |m| m.len());
        say(&format!("{} MiB of CSV, 8 columns", bytes >> 20));
        self.reset("copied")?;
        let found = self.meter.measure(&self.command("copied"))?;
        self.check("copied", "count(*), sum(quantity)", &[totals.rows, totals.quantity])?;
        let memory = |m: &Measured| Some(("MiB", m.peak_rss_mib, MOST_MEMORY));
        table.add(&format!("{rows} rows: CSV -> Parquet"), &found, memory(&found));
        self.reset("copied")?;
        let found = self.meter.measure(&self.command("grouped"))?;
        let sums = "count(*), sum(n), sum(quantity)";
        self.check("grouped", sums, &[totals.keys, totals.rows, totals.quantity])?;
        table.add(&format!("{rows} rows: CSV -> group by {keys} keys -> Parquet"), &found, memory(&found));
        self.reset("grouped")?;
        if !self.options.keep {
            std::fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(())
    }
}
