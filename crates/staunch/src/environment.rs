//! The one place that reads the environment.
#![allow(clippy::disallowed_methods, reason = "only the binary reads the environment, and only here")]

use staunch_app::App;
use staunch_types::failpoint::{self, Plan};
use staunch_types::{Error, LocalFs, Result, SystemClock, SystemRng, codes};
use std::env::VarError;
use std::path::PathBuf;
use std::sync::Arc;

/// More threads than this are a slip of the keyboard.
const MOST_WORKERS: usize = 1024;

/// The verbs, with the real outside.
///
/// # Errors
/// `Usage.Invalid` for a variable of ours that makes no sense.
pub(crate) fn app() -> Result<App> {
    Ok(App {
        clock: Arc::new(SystemClock::default()),
        rng: Arc::new(SystemRng),
        fs: Arc::new(LocalFs),
        environment: Arc::new(|name| std::env::var(name).ok()),
        data_home: data_home(),
        workers: workers()?,
        pid: std::process::id(),
    })
}

/// A variable of ours, as text. Set to nothing it counts as not set.
fn ours(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text).filter(|t| !t.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(invalid(format!("`{name}` is not UTF-8"), "set it to a text")),
    }
}

fn invalid(message: String, hint: &str) -> Error {
    Error::new(codes::USAGE, message).hint(hint)
}

/// Who asks: the user's name, as the system tells it.
pub(crate) fn actor() -> String {
    std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned())
}

/// `NO_COLOR` (no-color.org): set and not empty means no colour.
pub(crate) fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|v| !v.is_empty())
}

fn workers() -> Result<usize> {
    let Some(text) = ours("STAUNCH_WORKERS")? else {
        return Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    };
    let number = text.trim().parse().ok().filter(|n| (1..=MOST_WORKERS).contains(n));
    number.ok_or_else(|| {
        let message = format!("`STAUNCH_WORKERS` is no number of threads from 1 to {MOST_WORKERS}");
        invalid(message, "set it to a number, or unset it: then every core is used")
    })
}

/// The XDG data folder: where keys lie that Staunch makes for `dev`. As the XDG specification wants it, a relative path counts
/// as not set.
fn data_home() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(folder.join("staunch"))
}

/// Arms the failpoints for tests: `count`, `kill=K`, `kill=NAME:K`, `hold=NAME:K:FILE`. In a debug build `STAUNCH_PLANT` gives the
/// binary bugs, by their names with commas between. With the feature `bench`, `STAUNCH_BARE` makes runs bare.
///
/// # Errors
/// `Usage.Invalid` for another text.
pub(crate) fn arm_for_tests() -> Result<()> {
    #[cfg(debug_assertions)]
    if let Some(names) = ours("STAUNCH_PLANT")? {
        staunch_types::planted::plant(&names);
    }
    #[cfg(feature = "bench")]
    if ours("STAUNCH_BARE")?.is_some() {
        staunch_types::bare::strip();
    }
    if let Some(text) = ours("STAUNCH_FAILPOINTS")? {
        let plan = Plan::parse(&text).map_err(|e| {
            invalid(
                format!("`STAUNCH_FAILPOINTS`: {e}"),
                "it is for tests: `count`, `kill=K`, `kill=NAME:K` or `hold=NAME:K:FILE`",
            )
        })?;
        failpoint::arm(plan);
    }
    Ok(())
}

/// Writes the passages into the file that `STAUNCH_FAILPOINTS_REPORT` names, one `NAME COUNT` a line, after `total COUNT`.
pub(crate) fn report_failpoints() {
    let (Ok(path), Some((total, by_name))) =
        (std::env::var("STAUNCH_FAILPOINTS_REPORT"), failpoint::counts())
    else {
        return;
    };
    let mut text = format!("total {total}\n");
    for (name, count) in by_name {
        text.push_str(&format!("{name} {count}\n"));
    }
    if let Err(error) = std::fs::write(&path, text) {
        crate::complain::say(&format!("{path}: {error}"));
    }
}
