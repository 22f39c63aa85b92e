//! The example end to end: check, run, run again, and compare every output with what DuckDB computes.

use crate::python;
use crate::tools::{self, Failure, Workspace, copy_folder, output, say};
use std::path::{Path, PathBuf};
use std::process::Command;

const PIPELINES: [&str; 2] = ["flights", "flights_log"];

/// Runs the example on a copy in a temporary folder; gives what had to be skipped.
pub(crate) fn run(workspace: &Workspace, data: Option<&Path>, release: bool) -> Result<Vec<String>, Failure> {
    let mut build = vec!["build", "--bin", "staunch"];
    if release {
        build.push("--release");
    }
    tools::run(&mut workspace.cargo(&build))?;
    let staunch = workspace.staunch(release);
    let example = workspace.root.join("examples").join("flights");
    let temporary = tempfile::tempdir().map_err(|e| format!("cannot make a temporary folder: {e}"))?;
    let project = temporary.path().join("flights");
    let leave: &[&str] = if data.is_some() { &["out", ".staunch", "data"] } else { &["out", ".staunch"] };
    copy_folder(&example, &project, leave)?;
    if let Some(data) = data {
        copy_folder(data, &project.join("data"), &[])?;
    }
    let mut skipped = Vec::new();
    let oracle = match python::with(workspace, &[python::DUCKDB]) {
        Ok(python) => Some(Oracle { python, example, data: data.map(Path::to_path_buf) }),
        Err(why) => {
            let name = format!("{} {}", python::DUCKDB.0, python::DUCKDB.1);
            skipped.push(format!("the comparison of the example with {name}, which cannot be had: {why}"));
            None
        }
    };
    if let Some(oracle) = &oracle {
        oracle.check_itself()?;
    }
    tools::run(Command::new(&staunch).arg("check").arg("--project").arg(&project))?;
    let dead = planted(&project)?;
    for pipeline in PIPELINES {
        let found = dead_letters(&run_pipeline(&staunch, pipeline, &project)?)?;
        if found != dead {
            return Err(format!("`{pipeline}` reports {found} dead letters, {dead} records are planted"));
        }
        say(&format!("{pipeline}: {found} dead letters, as planted"));
    }
    let out = project.join("out");
    if let Some(oracle) = &oracle {
        oracle.compare(&out)?;
    }
    // Nothing is new: the whole read is skipped or gives the same, the incremental one finds nothing.
    for pipeline in PIPELINES {
        run_pipeline(&staunch, pipeline, &project)?;
    }
    match &oracle {
        Some(oracle) => oracle.compare(&out)?,
        None => say("not compared: see what was skipped"),
    }
    Ok(skipped)
}

/// The year of flights, where it lies beside the checkout, with the planted records of the example.
const YEAR: &str = "../shared/data/nycflights13";

/// The example on the whole year; skipped, and said so, where the year is not there.
pub(crate) fn year(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let year = workspace.root.join(YEAR);
    let flights = year.join("flights.csv.gz");
    if !flights.try_exists().map_err(|e| format!("{}: {e}", flights.display()))? {
        return Ok(vec![format!("the example on the whole year: {YEAR} is not there")]);
    }
    let temporary = tempfile::tempdir().map_err(|e| format!("cannot make a temporary folder: {e}"))?;
    let data = temporary.path();
    copy_folder(&year, data, &["flights.csv.gz"])?;
    let folder = data.join("flights");
    std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let planted = workspace.root.join("examples/flights/data/flights/planted.csv");
    for (from, name) in [(flights, "2013.csv.gz"), (planted, "planted.csv")] {
        std::fs::copy(&from, folder.join(name)).map_err(|e| format!("{}: {e}", from.display()))?;
    }
    run(workspace, Some(data), false)
}

fn run_pipeline(staunch: &Path, pipeline: &str, project: &Path) -> Result<String, Failure> {
    let mut command = Command::new(staunch);
    command.arg("run").arg(pipeline).arg("--project").arg(project).args(["--output", "json"]);
    say(&format!("$ staunch run {pipeline} --output json"));
    output(&mut command)
}

/// The number of broken records in the data: those that the list of the oracle names, if the file is there.
fn planted(project: &Path) -> Result<u64, Failure> {
    let file = project.join("data").join("flights").join("planted.csv");
    if !file.try_exists().map_err(|e| format!("{}: {e}", file.display()))? {
        return Ok(0);
    }
    let list = project.join("oracle").join("planted.csv");
    let text = std::fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    Ok(text.lines().skip(1).filter(|line| !line.is_empty()).count() as u64)
}

/// The field `dead` of a run's summary: the last JSON value that the run printed.
fn dead_letters(stdout: &str) -> Result<u64, Failure> {
    let whole = serde_json::from_str::<serde_json::Value>(stdout);
    let last = || stdout.lines().rev().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let summary = whole.ok().or_else(last).ok_or("the run printed no JSON on stdout")?;
    summary["dead"].as_u64().ok_or_else(|| format!("the summary of the run has no number `dead`: {summary}"))
}

/// The oracle of the example.
struct Oracle {
    python: PathBuf,
    example: PathBuf,
    data: Option<PathBuf>,
}

impl Oracle {
    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        // No `__pycache__` in the checkout.
        command.arg("-B").arg(self.example.join("oracle").join(name));
        command
    }

    /// The comparison finds planted faults, and no planted record is a good one.
    fn check_itself(&self) -> Result<(), Failure> {
        tools::run(self.script("expected.py").arg("--check-planted"))?;
        tools::run(&mut self.script("self_test.py"))
    }

    fn compare(&self, out: &Path) -> Result<(), Failure> {
        let mut command = self.script("expected.py");
        command.arg("--compare").arg(out);
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        tools::run(&mut command)
    }
}

#[cfg(test)]
mod tests {
    use super::dead_letters;

    #[test]
    fn the_summary_is_the_last_value() {
        assert_eq!(dead_letters("{\"dead\": 14,\n \"late\": 0}\n"), Ok(14));
        assert_eq!(dead_letters("{\"dead\":1}\n{\"dead\":2}\n"), Ok(2));
        assert!(dead_letters("done\n").is_err());
        assert!(dead_letters("{\"rows\":1}\n").is_err());
    }
}
