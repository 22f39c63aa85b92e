//! How a run tells where it is: a line that moves on a terminal, plain lines elsewhere. All of it on stderr.

use crate::complain;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use staunch_app::{Observer, Progress};
use staunch_types::{Clock, SystemClock};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The pause between plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Tells a person.
pub(crate) struct Teller {
    bar: Option<ProgressBar>,
    clock: SystemClock,
    /// When the last plain line was told.
    told_at: Mutex<Option<Duration>>,
}

impl Teller {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, clock: SystemClock::default(), told_at: Mutex::new(None) }
    }

    /// Takes the moving line away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, progress: &Progress) -> String {
        let seconds = self.clock.monotonic().as_secs_f64().max(0.001);
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people"
        )]
        let rate = (progress.records as f64 / seconds) as u64;
        format!(
            "{}: {} records, {}, {} rows/s, {} dead, {} late, {} epoch{}",
            progress.doing,
            HumanCount(progress.records),
            HumanBytes(progress.bytes),
            HumanCount(rate),
            HumanCount(progress.dead),
            HumanCount(progress.late),
            progress.epochs,
            if progress.epochs == 1 { "" } else { "s" },
        )
    }
}

impl Observer for Teller {
    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => complain::say(text),
        }
    }

    fn progress(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.line(progress));
            return;
        }
        let now = self.clock.monotonic();
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if told_at.is_none_or(|last| now.saturating_sub(last) >= PLAIN_EVERY) {
            *told_at = Some(now);
            drop(told_at);
            complain::say(&self.line(progress));
        }
    }
}
