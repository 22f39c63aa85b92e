//! How a run tells where it is: a line that moves on a terminal, plain lines elsewhere. All of it on stderr.

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
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    told_at: Duration,
    doing: String,
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
        Self { bar, clock: SystemClock::default(), last: Mutex::new(Last::default()) }
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
            "{}: {} records, {}, {} rows/s, {} dead, {} late, {} epochs",
            progress.doing,
            HumanCount(progress.records),
            HumanBytes(progress.bytes),
            HumanCount(rate),
            HumanCount(progress.dead),
            HumanCount(progress.late),
            progress.epochs,
        )
    }
}

impl Observer for Teller {
    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn progress(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.line(progress));
            return;
        }
        let now = self.clock.monotonic();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_sub(last.told_at) >= PLAIN_EVERY;
        if due || last.doing != progress.doing {
            last.told_at = now;
            last.doing.clone_from(&progress.doing);
            drop(last);
            eprintln!("{}", self.line(progress));
        }
    }
}
