//! The campaigns of crashes, and what all campaigns share: trials with numbers, a seed, a line for each, what came of them.

use crate::Arguments;
use staunch_testkit::campaign::{
    BUGS, Death, Disk, Failure, Moment, Prepared, SCENARIOS, Scenario, each, scenario,
};
use staunch_types::{Clock, Rng, SeededRng, SystemClock};
use std::io::Write;
use std::sync::Mutex;

/// What the campaigns came to.
pub(crate) struct Campaigns {
    pub(crate) arguments: Arguments,
    pub(crate) summary: Vec<String>,
    pub(crate) failures: Vec<Failure>,
}

/// Two threads write lines.
static LINE: Mutex<()> = Mutex::new(());

pub(crate) fn say(text: &str) {
    let _line = LINE.lock();
    let mut out = std::io::stdout().lock();
    // A closed pipe is no reason to stop.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// What a trial does, and what it is called.
struct Trial<'a> {
    prepared: &'a Prepared,
    moments: Vec<Moment>,
}

impl Trial<'_> {
    fn name(&self) -> String {
        let moments: Vec<_> = self.moments.iter().map(ToString::to_string).collect();
        format!("--only {} --at {}", self.prepared.scenario.name, moments.join(","))
    }

    /// Whether every crash came about.
    fn run(&self, death: Death) -> Result<bool, Failure> {
        let Some((first, more)) = self.moments.split_first() else { return Ok(false) };
        let site = self.prepared.crashed(first, death, "")?;
        let mut all = true;
        for moment in more {
            all &= self.prepared.crash_again(&site, moment)?;
        }
        self.prepared.recover(&site)?;
        Ok(all)
    }
}

impl Campaigns {
    pub(crate) fn new(arguments: Arguments) -> Self {
        let arguments = Arguments { from: arguments.from.max(1), ..arguments };
        Self { arguments, summary: Vec::new(), failures: Vec::new() }
    }

    fn scenarios(&self) -> Result<Vec<&'static Scenario>, Failure> {
        let Some(only) = &self.arguments.only else { return Ok(SCENARIOS.iter().collect()) };
        let names: Vec<_> = SCENARIOS.iter().map(|s| s.name).collect();
        let unknown = || Failure::unknown(&format!("there is no scenario `{only}`; there are {names:?}"));
        scenario(only).map(|s| vec![s]).ok_or_else(unknown)
    }

    fn prepared(&self) -> Result<Vec<Prepared>, Failure> {
        let prepare = |s: &'static Scenario| {
            Prepared::new(&self.arguments.binary, s).map_err(|e| e.about(&format!("{} undisturbed", s.name)))
        };
        self.scenarios()?.into_iter().map(prepare).collect()
    }

    /// Does the trials of one campaign. `called` gives the arguments that repeat a trial.
    pub(crate) fn campaign<T: Sync>(
        &mut self,
        name: &str,
        trials: &[T],
        called: impl Fn(&T) -> String + Sync,
        work: impl Fn(&T) -> Result<bool, Failure> + Sync,
    ) {
        let (clock, total) = (SystemClock::default(), trials.len());
        let started = clock.monotonic();
        let missed = Mutex::new(0_usize);
        let skip = (self.arguments.from - 1).min(total);
        let failures = each(&trials[skip..], |at, trial| {
            let done = work(trial);
            if let Ok(came) = done {
                if !came && let Ok(mut missed) = missed.lock() {
                    *missed += 1;
                }
                say(&format!(
                    "{name} {}/{total}  {}  {}",
                    at + skip + 1,
                    called(trial),
                    if came { "good" } else { "good (a moment did not come)" }
                ));
                return Ok(());
            }
            say(&format!("{name} {}/{total}  {}  FAILED", at + skip + 1, called(trial)));
            done.map(|_| ()).map_err(|e| e.about(&called(trial)))
        });
        let took = clock.monotonic().saturating_sub(started).as_secs();
        let (did, missed) = (total - skip, missed.into_inner().unwrap_or_default());
        let seed = self.arguments.seed;
        self.summary.push(format!(
            "{name}: {did} trials, {} differences, {missed} where a moment did not come; seed {seed}; {took} s",
            failures.len()
        ));
        self.failures.extend(failures);
    }

    /// Seeded moments over all passages of all scenarios.
    fn drawn<'a>(&self, prepared: &'a [Prepared], count: usize) -> Vec<Trial<'a>> {
        let rng = SeededRng::new(self.arguments.seed);
        let below = |bound: usize| usize::try_from(rng.next() % bound.max(1) as u64).unwrap_or(0);
        let mut trials = Vec::new();
        for _ in 0..count {
            let prepared = &prepared[below(prepared.len())];
            let moments = prepared.all_moments();
            trials.push(Trial { prepared, moments: vec![moments[below(moments.len())].clone()] });
        }
        trials
    }

    fn pairs(&mut self, prepared: &[Prepared]) -> Result<(), Failure> {
        let mut trials = Vec::new();
        for prepared in prepared {
            for (site, last) in &prepared.passages {
                // The middle one: there is something to recover, and something left to do.
                let first = Moment { site: site.clone(), passage: last.div_ceil(2) };
                let crashed = prepared.crashed(&first, Death::Abort, "")?;
                for (site, last) in prepared.recovery_passages(&crashed)? {
                    let second = Moment { site, passage: last.div_ceil(2) };
                    trials.push(Trial { prepared, moments: vec![first.clone(), second] });
                }
            }
        }
        // In a seeded order: a part of the campaign is a sample of all of it.
        let rng = SeededRng::new(self.arguments.seed);
        for at in (1..trials.len()).rev() {
            trials.swap(at, usize::try_from(rng.next() % (at as u64 + 1)).unwrap_or(at));
        }
        self.campaign("pairs", &trials, Trial::name, |trial| trial.run(Death::Abort));
        Ok(())
    }

    fn power(&mut self, prepared: &[Prepared], count: usize) {
        let disk = match Disk::new() {
            Ok(disk) => disk,
            Err(why) => {
                return self
                    .summary
                    .push(format!("SKIPPED: power cuts, which this machine cannot do: {}", why.text));
            }
        };
        let trials = self.drawn(prepared, count);
        let one = Mutex::new(disk);
        self.campaign("power", &trials, Trial::name, |trial| match one.lock() {
            Ok(disk) => disk.trial(trial.prepared, &trial.moments[0], "").map(|()| true),
            Err(_) => Ok(false),
        });
    }

    fn planted(&mut self) -> Result<(), Failure> {
        let disk = Disk::new();
        let mut caught = 0;
        for bug in BUGS {
            let Some(scenario) = scenario(bug.scenario) else { continue };
            let prepared = Prepared::new(&self.arguments.binary, scenario)?;
            if let (true, Err(why)) = (bug.needs_disk(), &disk) {
                self.summary
                    .push(format!("SKIPPED: the planted bug `{}`: no power to cut: {}", bug.name, why.text));
                continue;
            }
            match bug.is_caught(&prepared, disk.as_ref().ok()) {
                Ok(()) => {
                    caught += 1;
                    say(&format!(
                        "planted {:<26} caught by {} ({}, {:?})",
                        bug.name, bug.caught_by, bug.scenario, bug.disturbance
                    ));
                }
                Err(failure) => {
                    say(&format!("planted {:<26} FAILED: {failure}", bug.name));
                    self.failures.push(failure);
                }
            }
        }
        self.release_build();
        self.summary.push(format!(
            "planted: {caught} of {} bugs caught, each by the check that is named",
            BUGS.len()
        ));
        Ok(())
    }

    /// A release build holds no planted bug.
    fn release_build(&mut self) {
        let profiles = self.arguments.binary.parent().and_then(|profile| profile.parent());
        let release = profiles.map(|folder| folder.join("release/staunch"));
        match release.and_then(|path| std::fs::read(path).ok()) {
            None => self.summary.push("there is no release build to be looked into for planted bugs".into()),
            Some(bytes) if bytes.windows(13).any(|part| part == b"STAUNCH_PLANT") => {
                self.failures.push(Failure::unknown("the release build has planted bugs"));
            }
            Some(_) => self.summary.push("the release build holds no planted bug".into()),
        }
    }

    pub(crate) fn run(&mut self) -> Result<(), Failure> {
        if self.arguments.planted {
            self.planted()?;
        }
        let asks = &self.arguments;
        let outlived = asks.disk.is_some() || asks.zombie.is_some();
        let crashed = asks.enumerate || asks.pairs || asks.kill.is_some() || asks.power.is_some();
        if !(outlived || crashed || asks.at.is_some()) {
            return Ok(());
        }
        let prepared = self.prepared()?;
        if let Some(count) = self.arguments.disk {
            self.disk(&prepared, count)?;
        }
        if let Some(count) = self.arguments.zombie {
            self.zombie(&prepared, count)?;
        }
        if outlived && !crashed {
            return Ok(());
        }
        if let (Some(at), Some(prepared)) = (self.arguments.at.clone(), prepared.first()) {
            let moments = at.split(',').map(Moment::parse).collect::<Result<_, _>>()?;
            self.campaign("at", &[Trial { prepared, moments }], Trial::name, |trial| trial.run(Death::Abort));
        }
        if self.arguments.enumerate {
            let one = |prepared, moment| Trial { prepared, moments: vec![moment] };
            let trials: Vec<_> =
                prepared.iter().flat_map(|p| p.moments().into_iter().map(move |m| one(p, m))).collect();
            self.campaign("enumerate", &trials, Trial::name, |trial| trial.run(Death::Abort));
        }
        if let Some(count) = self.arguments.kill {
            let trials = self.drawn(&prepared, count);
            self.campaign("kill", &trials, Trial::name, |trial| trial.run(Death::Kill));
        }
        if let Some(count) = self.arguments.power {
            self.power(&prepared, count);
        }
        if self.arguments.pairs {
            self.pairs(&prepared)?;
        }
        Ok(())
    }
}
