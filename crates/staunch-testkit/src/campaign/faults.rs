//! A disk that is full, or broken: one call of the real binary that writes is made to fail, SQLite's calls too.
//!
//! A small library in C is preloaded: it counts the calls on files of the project (creates, writes, truncations, syncs, links,
//! renames, removals, folders) and fails the k-th. `EIO` strikes once; `ENOSPC` stays, and a write is cut in half first. It needs Linux
//! and the C compiler that builds SQLite.

use super::trial::Prepared;
use super::{Check, Done, Failure, Site};
use serde_json::Value;
use staunch_types::codes;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("data/faults.c");

/// What a call fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskError {
    /// The disk is full, from this call on.
    Full,
    /// This one call fails.
    Broken,
}

impl DiskError {
    /// As the campaigns print it and read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "ENOSPC",
            Self::Broken => "EIO",
        }
    }

    /// Whether a call of this kind can fail so.
    fn fits(self, call: &Call) -> bool {
        self == Self::Broken || !matches!(call.kind.as_str(), "remove" | "truncate")
    }
}

/// A call that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    kind: String,
    path: PathBuf,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path.display())
    }
}

impl Call {
    fn parse(line: &str) -> Option<Self> {
        let (kind, path) = line.split_once(' ')?;
        Some(Self { kind: kind.to_owned(), path: path.into() })
    }

    fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// SQLite decides itself what it tries again: a checkpoint that fails is done later. It says nothing about a failed sync of the
    /// folder in which it made its log: those are the folders of the databases, and ours sync them only when they are made.
    fn of_sqlite(&self) -> bool {
        let name = self.name();
        let its_folder = self.kind == "sync" && ["control", "out"].contains(&name.as_str());
        its_folder
            || [".db", ".sqlite"].iter().any(|end| {
                name.ends_with(end)
                    || ["-wal", "-shm", "-journal"].iter().any(|side| name.ends_with(&format!("{end}{side}")))
            })
    }

    /// Whether a run may succeed without it: what is removed is removed later, and the name of a lease's holder is for people.
    fn dispensable(&self) -> bool {
        self.kind == "remove" || self.of_sqlite() || self.name().ends_with(".lock")
    }
}

/// What is said where a run has succeeded and something that it can do without has failed.
const NOTES: &[&str] = &["is not cleared away yet", "the index of runs is behind"];

/// The library, built.
#[derive(Debug)]
pub struct Faults {
    folder: tempfile::TempDir,
}

/// A fault: which call fails, and how.
#[derive(Debug, Clone)]
pub struct DiskFault {
    /// From 1.
    pub at: usize,
    /// How.
    pub error: DiskError,
    /// The call of the undisturbed run.
    pub call: Call,
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.error.name(), self.at)
    }
}

impl Faults {
    /// Builds the library, and sees whether this binary takes it.
    ///
    /// # Errors
    /// Why this machine cannot.
    pub fn new(binary: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::machine("a folder"))?;
        let source = folder.path().join("faults.c");
        std::fs::write(&source, SOURCE).map_err(Failure::machine("write a source"))?;
        let faults = Self { folder };
        let arguments = ["-shared", "-fPIC", "-O1", "-o"];
        let done = Command::new("cc").args(arguments).arg(faults.library()).arg(&source).output();
        let done = done.map_err(|e| Failure::other(format!("no C compiler `cc`: {e}")))?;
        if !done.status.success() {
            return Err(Failure::other(String::from_utf8_lossy(&done.stderr).trim()));
        }
        faults.run(&Site::temporary(binary)?, &["--help"], None).map(|_| faults)
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("faults.so")
    }

    /// Runs a command with the library; gives what it came to, and its calls. One that was made to fail is marked.
    fn run(
        &self,
        site: &Site,
        args: &[&str],
        fault: Option<&DiskFault>,
    ) -> Result<(Done, Vec<(bool, Call)>), Failure> {
        let log = site.base.join("calls");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut env = vec![
            ("LD_PRELOAD", text(&self.library())),
            ("STAUNCH_FAULT_ROOT", text(&site.root())),
            ("STAUNCH_FAULT_LOG", text(&log)),
        ];
        if let Some(fault) = fault {
            env.push(("STAUNCH_FAULT_AT", fault.at.to_string()));
            env.push(("STAUNCH_FAULT_ERROR", fault.error.name().to_owned()));
        }
        let done = site.run_with(args, &env)?;
        let calls = std::fs::read_to_string(&log)
            .map_err(|_| Failure::other("the binary does not load the library"))?;
        let call = |line: &str| match line.strip_prefix("fault ") {
            Some(line) => Call::parse(line).map(|call| (true, call)),
            None => Call::parse(line).map(|call| (false, call)),
        };
        Ok((done, calls.lines().filter_map(call).collect()))
    }

    /// Every fault of a scenario: each call of the undisturbed command, with each error that it can have.
    ///
    /// # Errors
    /// The command does not end as the scenario says, or the library does not work here.
    pub fn of(&self, prepared: &Prepared) -> Result<Vec<DiskFault>, Failure> {
        let site = Site::copied(&prepared.template)?;
        let (done, calls) = self.run(&site, prepared.scenario.command, None)?;
        super::trial::ends(prepared.scenario.command, &done, prepared.scenario.exit)?;
        let mut faults = Vec::new();
        for (at, (_, call)) in calls.into_iter().enumerate() {
            for error in [DiskError::Full, DiskError::Broken] {
                if error.fits(&call) {
                    faults.push(DiskFault { at: at + 1, error, call: call.clone() });
                }
            }
        }
        Ok(faults)
    }

    /// Lets a call fail, looks at what is said about it, starts again without the fault, and compares everything. Whether the call came.
    ///
    /// # Errors
    /// The check that failed.
    pub fn trial(&self, prepared: &Prepared, fault: &DiskFault) -> Result<bool, Failure> {
        let site = Site::copied(&prepared.template)?;
        let args: Vec<&str> =
            prepared.scenario.command.iter().chain(&["--output", "json"]).copied().collect();
        let (done, calls) = self.run(&site, &args, Some(fault))?;
        let Some(struck) = calls.iter().position(|(fault, _)| *fault) else { return Ok(false) };
        let here = &calls[struck].1;
        let about = |e: Failure| e.about(&format!("{} fails with {}", here, fault.error.name()));
        judge(prepared, here, &done).map_err(about)?;
        // Once a sync has failed nobody knows what the disk holds: it is not asked again by the same process.
        let same = |(_, call): &&(bool, Call)| call.kind == "sync" && call.path == here.path;
        if here.kind == "sync" && !here.of_sqlite() && calls[struck + 1..].iter().any(|call| same(&call)) {
            return Err(about(Failure::new(Check::Errors, "the sync is tried again")));
        }
        prepared.recover(&site).map_err(about)?;
        Ok(true)
    }
}

/// Whether a command that met a fault ended as it should: with an error of the environment that says where and what to do; or with
/// success, where it could do without.
fn judge(prepared: &Prepared, call: &Call, done: &Done) -> Result<(), Failure> {
    let wrong = |what: &str| {
        let ended = done.code.map_or("a signal".to_owned(), |code| format!("exit {code}"));
        Failure::new(Check::Errors, format!("{what}; it ended with {ended}: {}", done.stderr))
    };
    if done.code.is_none() || done.stderr.contains("panic") {
        return Err(wrong("it did not end in an orderly way"));
    }
    let error = done.stderr.lines().rev().find(|line| line.starts_with("{\"errors\""));
    let error: Option<Value> = error.and_then(|line| serde_json::from_str(line).ok());
    let Some(error) = error.map(|errors| errors["errors"][0].clone()) else {
        // An outage of a target is met by trying again, and said; a sync that failed never is.
        let again = call.kind != "sync" && done.stderr.contains("trying again");
        let noted = again || NOTES.iter().any(|note| done.stderr.contains(note));
        return match done.code == Some(prepared.scenario.exit) && (noted || call.dispensable()) {
            true => Ok(()),
            false => Err(wrong("nobody noticed")),
        };
    };
    // A run that was to fail has failed, with what its user must mend in any case. What it wrote besides is thrown away, and the next start, which is
    // compared, meets a disk that is whole.
    if prepared.scenario.exit != 0 && done.code == Some(prepared.scenario.exit) {
        return Ok(());
    }
    if done.code == Some(prepared.scenario.exit) && call.dispensable() {
        return Ok(());
    }
    let text = |key: &str| error[key].as_str().unwrap_or_default();
    let code = text("code");
    let known = codes::ALL.iter().find(|known| known.name == code);
    if known.is_none() || text("kind") != "environment" {
        return Err(wrong("that is no error of the environment"));
    }
    if (text("file").is_empty() && text("stage").is_empty()) || text("hint").is_empty() {
        return Err(wrong("it does not say where, or what to do"));
    }
    if call.kind == "sync" && !call.of_sqlite() && code != codes::UNSYNCED.name {
        return Err(wrong("a failed sync has a code of its own"));
    }
    let exit = if code.starts_with("ST") { 3 } else { 1 };
    if done.code == Some(exit) { Ok(()) } else { Err(wrong("that is not the exit code of the error")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart() {
        let call = |line| Call::parse(line).unwrap();
        assert!(call("sync /p/out/db.sqlite-wal").of_sqlite() && call("write /p/control.db").of_sqlite());
        assert!(call("sync /p/out").of_sqlite() && !call("write /p/out/items/x").of_sqlite());
        assert!(!call("sync /p/epochs").of_sqlite() && !call("sync /p/epochs").dispensable());
        assert!(call("remove /p/tmp/x").dispensable() && call("write /p/a b.lock").dispensable());
        assert!(!DiskError::Full.fits(&call("remove /p/x")) && DiskError::Broken.fits(&call("remove /p/x")));
    }
}
