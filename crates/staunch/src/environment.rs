//! The one place that reads the environment.
#![allow(clippy::disallowed_methods, reason = "only the binary reads the environment, and only here")]

use staunch_app::App;
use staunch_types::failpoint::{self, Plan};
use staunch_types::{LocalFs, SystemClock, SystemRng};
use std::path::PathBuf;
use std::sync::Arc;

/// The verbs, with the real outside.
pub(crate) fn app() -> App {
    App {
        clock: Arc::new(SystemClock::default()),
        rng: Arc::new(SystemRng),
        fs: Arc::new(LocalFs),
        environment: Arc::new(|name| std::env::var(name).ok()),
        data_home: data_home(),
        workers: workers(),
        pid: std::process::id(),
    }
}

/// Who asks: the user's name, as the system tells it.
pub(crate) fn actor() -> String {
    std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned())
}

/// `NO_COLOR` (no-color.org): set and not empty means no colour.
pub(crate) fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|v| !v.is_empty())
}

fn workers() -> usize {
    let asked = std::env::var("STAUNCH_WORKERS").ok().and_then(|text| text.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    asked.filter(|n| *n > 0).unwrap_or_else(cores)
}

/// The XDG data folder: where keys lie that Staunch makes for `dev`.
fn data_home() -> PathBuf {
    let xdg = std::env::var("XDG_DATA_HOME").ok().filter(|v| v.starts_with('/')).map(PathBuf::from);
    let home = || std::env::var("HOME").map(|home| PathBuf::from(home).join(".local/share")).ok();
    xdg.or_else(home).unwrap_or_else(std::env::temp_dir).join("staunch")
}

/// Arms the failpoints for tests: `count`, `kill=K`, `kill=NAME:K`.
pub(crate) fn arm_failpoints() -> Result<(), String> {
    if let Ok(text) = std::env::var("STAUNCH_FAILPOINTS") {
        failpoint::arm(Plan::parse(&text)?);
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
        eprintln!("{path}: {error}");
    }
}
