//! Where things lie, and how other programs are called.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What went wrong, for a person.
pub(crate) type Failure = String;

/// The folders that every command needs.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// Where downloads are kept between calls: `staunch` in the user's cache folder.
    pub(crate) cache: PathBuf,
}

impl Workspace {
    /// Asks cargo, so that every way of moving the target folder is followed.
    pub(crate) fn find() -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("xtask must lie below the root of the repository")?
            .to_path_buf();
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(&root);
        let metadata: serde_json::Value =
            serde_json::from_str(&output(&mut cargo)?).map_err(|e| format!("cargo metadata: {e}"))?;
        let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target folder")?;
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
            .unwrap_or_else(std::env::temp_dir);
        Ok(Self { root, target: PathBuf::from(target), cache: base.join("staunch") })
    }

    /// The binary, once it was built.
    pub(crate) fn staunch(&self, release: bool) -> PathBuf {
        self.target.join(if release { "release" } else { "debug" }).join("staunch")
    }

    /// Cargo in the root of the repository.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args(arguments).current_dir(&self.root);
        cargo
    }
}

/// A line for the person who watches.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is no reason to stop a check.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// A line about something that failed.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "xtask: {text}");
}

/// A heading that is found again in a long log.
pub(crate) fn heading(text: &str) {
    say(&format!("\n=== {text} {}", "=".repeat(70_usize.saturating_sub(text.chars().count()))));
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command whose output the person sees.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    say(&format!("$ {}", shown(command)));
    let status = command.stdin(Stdio::null()).status().map_err(|e| format!("{}: {e}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(command))) }
}

/// Runs a command and takes its output; what it says on stderr is passed on only if it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let done = command.stdin(Stdio::null()).output().map_err(|e| format!("{}: {e}", shown(command)))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        let words = String::from_utf8_lossy(&done.stderr);
        Err(format!("{}: {}\n{}", shown(command), done.status, words.trim_end()))
    }
}

/// Copies a folder with everything in it, but for the names in `without`.
pub(crate) fn copy_folder(from: &Path, to: &Path, without: &[&str]) -> Result<(), Failure> {
    let failed = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    std::fs::create_dir_all(to).map_err(|e| failed(to, e))?;
    for entry in std::fs::read_dir(from).map_err(|e| failed(from, e))? {
        let entry = entry.map_err(|e| failed(from, e))?;
        let (path, name) = (entry.path(), entry.file_name());
        if without.iter().any(|w| name == *w) {
            continue;
        }
        let target = to.join(&name);
        // `metadata` follows links: the copy holds files, whatever the original is made of.
        if std::fs::metadata(&path).map_err(|e| failed(&path, e))?.is_dir() {
            copy_folder(&path, &target, without)?;
        } else {
            std::fs::copy(&path, &target).map_err(|e| failed(&path, e))?;
        }
    }
    Ok(())
}
