//! Named places at which a test may kill the process, or hold it.
//!
//! Every external effect of a run passes a failpoint before and after it. Unarmed, a passage costs one atomic
//! load. Armed by [`arm`] (the binary does it from `STAUNCH_FAILPOINTS`; nothing else reads the environment),
//! passages are counted over all names, and at the chosen one the process ends at once, as `kill -9` would
//! end it: no destructor runs, no buffer is flushed.
//!
//! Held, the process waits at the chosen passage: it makes a file, and goes on when somebody has removed it. So a test can do
//! something, such as sending a signal, while a run stands at a known place.
//!
//! Failpoints stand only on the path of the coordinator, which does one thing after the other; so the count
//! of an undisturbed run is the same every time, and "the k-th passage" names one moment.

use crate::clock::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static ARMED: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<Option<State>> = Mutex::new(None);

#[derive(Debug)]
struct State {
    plan: Plan,
    passages: u64,
    by_name: BTreeMap<&'static str, u64>,
}

/// What shall happen at a failpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Count only; [`counts`] tells the result.
    Count,
    /// End the process at the k-th passage of any failpoint (the first is 1).
    KillAt(u64),
    /// End the process at the k-th passage of the failpoint of this name.
    KillAtNamed(String, u64),
    /// At the k-th passage of the failpoint of this name make the file, and wait until it is gone.
    HoldAtNamed(String, u64, PathBuf),
}

impl Plan {
    /// Reads `count`, `kill=K`, `kill=NAME:K` or `hold=NAME:K:FILE`.
    ///
    /// # Errors
    /// Says what the text should look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is none of `count`, `kill=K`, `kill=NAME:K`, `hold=NAME:K:FILE`");
        if text == "count" {
            return Ok(Self::Count);
        }
        if let Some(value) = text.strip_prefix("hold=") {
            let mut parts = value.splitn(3, ':');
            let (Some(name), Some(k), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(bad());
            };
            return Ok(Self::HoldAtNamed(name.to_owned(), k.parse().map_err(|_| bad())?, file.into()));
        }
        let value = text.strip_prefix("kill=").ok_or_else(bad)?;
        match value.split_once(':') {
            Some((name, k)) => Ok(Self::KillAtNamed(name.to_owned(), k.parse().map_err(|_| bad())?)),
            None => Ok(Self::KillAt(value.parse().map_err(|_| bad())?)),
        }
    }
}

/// Arms the failpoints of this process.
pub fn arm(plan: Plan) {
    if let Ok(mut state) = STATE.lock() {
        *state = Some(State { plan, passages: 0, by_name: BTreeMap::new() });
        ARMED.store(true, Ordering::SeqCst);
    }
}

/// The passages so far, in total and by name; `None` if nothing is armed.
#[must_use]
pub fn counts() -> Option<(u64, BTreeMap<&'static str, u64>)> {
    let state = STATE.lock().ok()?;
    state.as_ref().map(|s| (s.passages, s.by_name.clone()))
}

/// Passes the failpoint `name`.
pub fn pass(name: &'static str) {
    if ARMED.load(Ordering::Relaxed) {
        pass_armed(name);
    }
}

#[cold]
fn pass_armed(name: &'static str) {
    let Ok(mut guard) = STATE.lock() else { return };
    let Some(state) = guard.as_mut() else { return };
    state.passages += 1;
    let here = state.by_name.entry(name).or_insert(0);
    *here += 1;
    let here = *here;
    let die = match &state.plan {
        Plan::Count => false,
        Plan::KillAt(k) => state.passages == *k,
        Plan::KillAtNamed(wanted, k) => wanted == name && here == *k,
        Plan::HoldAtNamed(wanted, k, file) => {
            if wanted == name && here == *k {
                let file = file.clone();
                drop(guard);
                hold(&file);
            }
            return;
        }
    };
    drop(guard);
    if die {
        // `abort` raises SIGABRT: no destructor, no atexit handler, no flush.
        std::process::abort();
    }
}

/// Waits until the file that it makes is gone. One that cannot be made holds nothing: the test that waits for it fails.
fn hold(file: &Path) {
    if std::fs::write(file, []).is_err() {
        return;
    }
    let clock = SystemClock::default();
    while file.try_exists().unwrap_or(false) {
        clock.sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;

    #[test]
    fn plans_are_read() {
        assert_eq!(Plan::parse("kill=7"), Ok(Plan::KillAt(7)));
        assert_eq!(Plan::parse("kill=commit.create:2"), Ok(Plan::KillAtNamed("commit.create".into(), 2)));
        assert!(Plan::parse("kill=").is_err() && Plan::parse("hold=1").is_err());
        assert!(Plan::parse("now").is_err());
        let held = Plan::HoldAtNamed("commit.create".into(), 2, "/tmp/a:b".into());
        assert_eq!(Plan::parse("hold=commit.create:2:/tmp/a:b"), Ok(held));
        assert!(Plan::parse("hold=commit.create:2").is_err());
    }
}
