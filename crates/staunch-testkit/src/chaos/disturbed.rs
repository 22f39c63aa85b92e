//! The campaigns in which nothing crashes: a disk that fails, and a process that is outlived by a second start.

use crate::campaigns::{Campaigns, say};
use staunch_testkit::campaign::{DiskFault, Failure, Faults, Loser, Moment, Prepared};
use staunch_types::{Rng, SeededRng};
use std::sync::atomic::{AtomicUsize, Ordering};

impl Campaigns {
    /// Those that `--at` names, or as many as are asked for, drawn by the seed, in their order; all without a number.
    fn chosen<T>(
        &self,
        trials: Vec<T>,
        count: Option<usize>,
        name: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Failure> {
        if let Some(at) = &self.arguments.at {
            let found: Vec<T> = trials.into_iter().filter(|trial| name(trial) == *at).collect();
            return match found.is_empty() {
                true => Err(Failure::unknown(&format!("there is no `{at}` here"))),
                false => Ok(found),
            };
        }
        let mut left = count.unwrap_or(trials.len());
        let (rng, total) = (SeededRng::new(self.arguments.seed), trials.len());
        let mut chosen = Vec::new();
        for (at, trial) in trials.into_iter().enumerate() {
            // Each has the same chance; exactly as many are taken as are wanted.
            if rng.next() % ((total - at) as u64) < left as u64 {
                left -= 1;
                chosen.push(trial);
            }
        }
        Ok(chosen)
    }

    /// `--disk`
    pub(crate) fn disk(&mut self, prepared: &[Prepared], count: Option<usize>) -> Result<(), Failure> {
        let faults = match Faults::new(&self.arguments.binary) {
            Ok(faults) => faults,
            Err(why) => {
                let text = format!("SKIPPED: errors of the disk, which this machine cannot do: {}", why.text);
                self.summary.push(text);
                return Ok(());
            }
        };
        let mut trials: Vec<(&Prepared, DiskFault)> = Vec::new();
        for prepared in prepared {
            let all = faults.of(prepared)?;
            let calls = all.iter().map(|fault| fault.at).max().unwrap_or_default();
            say(&format!("disk: {} makes {calls} calls that write", prepared.scenario.name));
            trials.extend(all.into_iter().map(|fault| (prepared, fault)));
        }
        let trials = self.chosen(trials, count, |(_, fault)| fault.to_string())?;
        let called = |(prepared, fault): &(&Prepared, DiskFault)| {
            format!("--disk --only {} --at {fault}", prepared.scenario.name)
        };
        self.campaign("disk", &trials, called, |(prepared, fault)| faults.trial(prepared, fault));
        Ok(())
    }

    /// `--zombie`
    pub(crate) fn zombie(&mut self, prepared: &[Prepared], count: Option<usize>) -> Result<(), Failure> {
        let all = prepared.iter().flat_map(|p| p.moments().into_iter().map(move |moment| (p, moment)));
        let trials = self.chosen(all.collect(), count, |(_, moment)| moment.to_string())?;
        let called = |(prepared, moment): &(&Prepared, Moment)| {
            format!("--zombie --only {} --at {moment}", prepared.scenario.name)
        };
        let (fenced, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
        self.campaign("zombie", &trials, called, |(prepared, moment)| {
            let loser = prepared.zombie(moment)?;
            match loser {
                Some(Loser::Fenced) => fenced.fetch_add(1, Ordering::SeqCst),
                Some(Loser::Finished) => finished.fetch_add(1, Ordering::SeqCst),
                None => 0,
            };
            Ok(loser.is_some())
        });
        let (fenced, finished) = (fenced.into_inner(), finished.into_inner());
        let text = format!(
            "zombie: {fenced} ended as fenced, {finished} had begun nothing or had nothing left to do"
        );
        self.summary.push(text);
        Ok(())
    }
}
