//! What a run is given: seams, limits, and somebody to tell.

use staunch_commit::Sealer;
use staunch_commit::store::Store;
use staunch_types::{Clock, Micros, Rng, RunId};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Everything outside that a run touches.
#[derive(Clone)]
pub struct Env {
    /// The region's artefacts.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// Seals dead letters.
    pub sealer: Sealer,
    /// Bytes that whole-input stages may hold before they spill.
    pub memory: u64,
    /// Where they spill.
    pub spill: PathBuf,
    /// Threads that decode.
    pub workers: usize,
    /// This process.
    pub pid: u32,
    /// Set to drain and stop.
    pub stop: Stop,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

/// A request to stop, which any thread may make.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to drain: what is under way is committed, nothing new is begun.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Is told how a run goes on. It must not block.
pub trait Observer: Send + Sync {
    /// Something worth a line.
    fn note(&self, text: &str);

    /// Where the run stands.
    fn progress(&self, progress: &Progress);
}

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is done: `reading flights`, `computing route_stats`, `showing lake/flights`.
    pub doing: String,
    /// Records found so far.
    pub records: u64,
    /// Input bytes so far (decompressed).
    pub bytes: u64,
    /// Dead letters so far.
    pub dead: u64,
    /// Late rows so far.
    pub late: u64,
    /// Epochs committed so far.
    pub epochs: u64,
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--id`
    pub run: Option<RunId>,
    /// `--full-refresh`
    pub full_refresh: bool,
    /// `--accept-change`
    pub accept_change: bool,
    /// `--migrate`
    pub migrate: bool,
    /// `--dead-letters-at-most`
    pub dead_letters_at_most: Option<f64>,
    /// The profile's name.
    pub profile: String,
    /// Who asks.
    pub actor: String,
}

/// A new run's id: its time and a part of chance, so that ids sort as runs began.
#[must_use]
pub fn new_run_id(now: Micros, rng: &dyn Rng) -> RunId {
    let seconds = now.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    RunId(format!(
        "{year:04}{month:02}{day:02}-{:02}{:02}{:02}-{}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        &rng.token()[..6]
    ))
}

/// Days since 1970-01-01 as year, month, day (Howard Hinnant, "chrono-compatible low-level date algorithms", 2013).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use staunch_types::SeededRng;

    #[test]
    fn run_ids_name_their_time() {
        let id = new_run_id(1_357_034_400_000_000, &SeededRng::new(1));
        assert!(id.as_str().starts_with("20130101-100000-"), "{id}");
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
    }
}
