//! A project in a folder of its own, with the keys beside it, and the binary run on it.

use super::Failure;
use serde_json::Value;
use staunch_types::{Clock, SystemClock};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Done {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A folder with a project (`project`) and the home of its keys (`home`).
#[derive(Debug)]
pub struct Site {
    /// The binary.
    pub binary: PathBuf,
    /// The folder.
    pub base: PathBuf,
    /// The bugs that the binary shall have: see [`staunch_types::planted`].
    pub plant: String,
    temporary: Option<tempfile::TempDir>,
}

impl Site {
    /// An empty one, in memory where the machine has such a folder: kills do not need a disk.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn temporary(binary: &Path) -> Result<Self, Failure> {
        let memory = tempfile::Builder::new().prefix("staunch-chaos").tempdir_in("/dev/shm");
        let folder = memory.or_else(|_| tempfile::tempdir()).map_err(Failure::machine("a folder"))?;
        let base = folder.path().to_path_buf();
        let mut site = Self::at(binary, &base)?;
        site.temporary = Some(folder);
        Ok(site)
    }

    /// An empty one in a folder that belongs to somebody else.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn at(binary: &Path, base: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(base.join("project")).map_err(Failure::machine("the folder of a project"))?;
        let (binary, base) = (binary.to_path_buf(), base.to_path_buf());
        Ok(Self { binary, base, plant: String::new(), temporary: None })
    }

    /// The same as another one, in an empty folder.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn copied(from: &Self) -> Result<Self, Failure> {
        let mut site = Self::temporary(&from.binary)?;
        site.plant.clone_from(&from.plant);
        from.copy_into(&site)?;
        Ok(site)
    }

    /// Copies everything into another one.
    pub(crate) fn copy_into(&self, site: &Self) -> Result<(), Failure> {
        copy(&self.base, &site.base).map_err(Failure::machine("copy a project"))
    }

    /// The folder of the project.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.base.join("project")
    }

    /// The folder of its state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root().join(".staunch/dev")
    }

    /// Writes a file of the project.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        let path = self.root().join(path);
        let folder = path.parent().unwrap_or(&path);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        written.map_err(Failure::machine("write a file of the project"))
    }

    fn command(&self, args: &[&str], failpoints: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).current_dir(self.root()).env("XDG_DATA_HOME", self.base.join("home"));
        for (name, value) in [("STAUNCH_FAILPOINTS", failpoints), ("STAUNCH_PLANT", self.plant.as_str())] {
            match value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        command.env("STAUNCH_FAILPOINTS_REPORT", self.report()).stdin(Stdio::null());
        command
    }

    /// Where passages are reported.
    pub(crate) fn report(&self) -> PathBuf {
        self.base.join("passages")
    }

    /// Runs the binary; `failpoints` may be empty.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, args: &[&str], failpoints: &str) -> Result<Done, Failure> {
        let output = self.command(args, failpoints).output().map_err(Failure::machine("start the binary"))?;
        Ok(Done::of(&output))
    }

    /// Runs the binary with more in its environment.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn run_with(&self, args: &[&str], env: &[(&str, String)]) -> Result<Done, Failure> {
        let mut command = self.command(args, "");
        let output = command.envs(env.iter().map(|(name, value)| (name, value))).output();
        output.map(|output| Done::of(&output)).map_err(Failure::machine("start the binary"))
    }

    /// Starts the binary, and gives it when it stands still at the passage `NAME:K`; what it came to if it never did.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn hold(&self, args: &[&str], passage: &str, hold: &Path) -> Result<Result<Held, Done>, Failure> {
        let plan = format!("hold={passage}:{}", hold.display());
        let mut command = self.command(args, &plan);
        let started = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.map_err(Failure::machine("start the binary"))?;
        let clock = SystemClock::default();
        while !hold.is_file() {
            if child.try_wait().map_err(Failure::machine("wait for the binary"))?.is_some() {
                let output = child.wait_with_output().map_err(Failure::machine("wait for the binary"))?;
                return Ok(Err(Done::of(&output)));
            }
            clock.sleep(Duration::from_millis(1));
        }
        Ok(Ok(Held { child, hold: hold.to_path_buf() }))
    }

    /// Runs the binary, which must succeed, and reads the JSON that it prints.
    ///
    /// # Errors
    /// It fails, or prints something else.
    pub fn json(&self, args: &[&str]) -> Result<Value, Failure> {
        let args: Vec<&str> = args.iter().chain(&["--output", "json"]).copied().collect();
        let done = self.run(&args, "")?;
        if done.code != Some(0) {
            return Err(Failure::recovery(&args, &done));
        }
        serde_json::from_str(&done.stdout).map_err(|e| Failure::other(format!("{args:?}: {e}")))
    }
}

/// A process that stands still.
pub struct Held {
    child: Child,
    hold: PathBuf,
}

impl Held {
    /// `kill -9`.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(mut self) -> Result<(), Failure> {
        let killed = self.child.kill().and_then(|()| self.child.wait().map(|_| ()));
        let _ = std::fs::remove_file(&self.hold);
        killed.map_err(Failure::machine("kill the binary"))
    }

    /// Lets it go on to its end.
    ///
    /// # Errors
    /// It cannot be let go.
    pub fn release(self) -> Result<Done, Failure> {
        std::fs::remove_file(&self.hold).map_err(Failure::machine("let the binary go"))?;
        self.child.wait_with_output().map(|o| Done::of(&o)).map_err(Failure::machine("wait for the binary"))
    }
}

/// Copies a folder, with the times of its files: a source tells by them whether it was changed.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            let modified = entry.metadata()?.modified()?;
            std::fs::File::options().append(true).open(&target)?.set_modified(modified)?;
        }
    }
    Ok(())
}
