//! A project in a temporary folder, and the binary run on it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

/// A project that is removed with the value.
pub(crate) struct Project {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts this exit code, and that stderr names this error code.
    #[track_caller]
    pub(crate) fn fails(self, exit: i32, code: &str) -> Self {
        assert_eq!(self.code, Some(exit), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(code), "no {code} in:\n{}", self.stderr);
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e} in:\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A process that stands still at a failpoint until it is let go.
pub(crate) struct Held {
    child: Child,
    stderr: BufReader<ChildStderr>,
    hold: PathBuf,
}

impl Held {
    /// Sends a signal and waits until the process has said what it makes of it.
    pub(crate) fn signal(&mut self, signal: &str, answer: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut line = String::new();
        while !line.contains(answer) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "it ended without `{answer}`");
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go on to its end.
    pub(crate) fn release(self) -> Done {
        std::fs::remove_file(&self.hold).unwrap();
        self.end()
    }

    /// Waits for an end that comes without letting it go.
    pub(crate) fn end(mut self) -> Done {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Done { code: self.child.wait().unwrap().code(), stdout: String::new(), stderr }
    }
}

impl Project {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir(&root).unwrap();
        Self { _folder: folder, root }
    }

    /// A copy of one of the examples.
    pub(crate) fn example(name: &str) -> Self {
        let project = Self::empty();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        copy(&from, &project.root);
        project
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Replaces text in a file of the project; the text must be there.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let file = self.root.join(path);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "`{from}` is not in {path}");
        std::fs::write(file, text.replace(from, to)).unwrap();
        self
    }

    pub(crate) fn command(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_staunch"));
        command
            .args(args)
            .current_dir(&self.root)
            .env("XDG_DATA_HOME", self.root.parent().unwrap().join("home"))
            .env_remove("STAUNCH_FAILPOINTS")
            .stdin(Stdio::null());
        for (name, value) in env {
            command.env(name, value);
        }
        command
    }

    /// Runs the binary.
    pub(crate) fn staunch(&self, args: &[&str]) -> Done {
        Done::of(self.command(args, &[]).output().unwrap())
    }

    /// Runs the binary with variables set.
    pub(crate) fn staunch_with(&self, args: &[&str], env: &[(&str, &str)]) -> Done {
        Done::of(self.command(args, env).output().unwrap())
    }

    /// Runs the binary as somebody to whom permissions apply, root or not; `None`, said aloud, where that cannot be had.
    pub(crate) fn staunch_unprivileged(&self, args: &[&str]) -> Option<Done> {
        // What lets root pass over permissions is taken away; the user stays the same.
        const STRIP: &[&str] = &["--bounding-set=-dac_override,-dac_read_search"];
        let probe = self.root.join("probe");
        std::fs::write(&probe, "").unwrap();
        std::fs::set_permissions(&probe, std::fs::Permissions::from_mode(0o000)).unwrap();
        let plain = self.command(args, &[]);
        let command = if std::fs::read(&probe).is_err() {
            plain
        } else {
            let stripped = Command::new("setpriv").args(STRIP).arg("cat").arg(&probe).output();
            if stripped.is_ok_and(|out| out.status.success() || out.stderr.starts_with(b"setpriv")) {
                eprintln!("SKIPPED: `setpriv` cannot take root's privileges away here");
                return None;
            }
            let mut command = Command::new("setpriv");
            command.args(STRIP).arg(plain.get_program()).args(plain.get_args()).current_dir(&self.root);
            for (name, value) in plain.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.stdin(Stdio::null());
            command
        };
        std::fs::remove_file(&probe).unwrap();
        let mut command = command;
        Some(Done::of(command.output().unwrap()))
    }

    /// Starts the binary and waits until it stands still at the failpoint `NAME:K`.
    pub(crate) fn hold(&self, args: &[&str], at: &str) -> Held {
        self.hold_by(args, at, "hold")
    }

    /// The same, by a file of this name: several can be held.
    pub(crate) fn hold_by(&self, args: &[&str], at: &str, file: &str) -> Held {
        let hold = self.root.parent().unwrap().join(file);
        let plan = format!("hold={at}:{}", hold.display());
        let mut child = self.start_with(args, &[("STAUNCH_FAILPOINTS", &plan)]);
        while !hold.try_exists().unwrap() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before {at}");
            std::thread::sleep(Duration::from_millis(2));
        }
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Held { child, stderr, hold }
    }

    /// Starts the binary and does not wait.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.start_with(args, &[])
    }

    /// Starts the binary with variables set and does not wait.
    pub(crate) fn start_with(&self, args: &[&str], env: &[(&str, &str)]) -> Child {
        self.command(args, env).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Copies a folder, without what runs leave behind.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "out" || name == ".staunch" {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
