//! Samples of the campaigns that `cargo xtask chaos` runs as a whole. Power cuts and planted bugs are steps of the check command.

use staunch_testkit::campaign::{Death, Failure, Moment, Prepared, SCENARIOS, UNPASSED, each, in_sources};
use staunch_types::{Rng, SeededRng};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};

const SEED: u64 = 20_130_101;
const KILLS: usize = 20;
const PAIRS: usize = 24;

/// Every scenario, with its undisturbed run. Tests that run at the same time share them, and the last one lets their folders go.
fn all_prepared() -> Arc<Vec<Prepared>> {
    static SHARED: Mutex<Weak<Vec<Prepared>>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    if let Some(there) = shared.upgrade() {
        return there;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_staunch"));
    let prepare = |s| Prepared::new(binary, s).unwrap_or_else(|e| panic!("{}: {e}", s.name));
    let made = Arc::new(SCENARIOS.iter().map(prepare).collect());
    *shared = Arc::downgrade(&made);
    made
}

fn none(failures: &[Failure]) {
    let list: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "seed {SEED}:\n{}", list.join("\n"));
}

/// Seeded numbers below a bound.
fn chance() -> impl FnMut(usize) -> usize {
    let rng = SeededRng::new(SEED);
    move |bound| usize::try_from(rng.next() % bound as u64).unwrap()
}

#[test]
fn every_failpoint_of_the_sources_is_passed() {
    let all = all_prepared();
    let passed: BTreeSet<String> =
        all.iter().flat_map(|p| p.passages.iter().map(|(site, _)| site.clone())).collect();
    let excused: BTreeSet<String> = UNPASSED.iter().map(|(site, _)| (*site).to_owned()).collect();
    let missing: Vec<_> = in_sources().unwrap().into_iter().filter(|s| !passed.contains(s)).collect();
    let missing: Vec<_> = missing.into_iter().filter(|site| !excused.contains(site)).collect();
    assert!(missing.is_empty(), "no campaign passes {missing:?}: add a scenario, or a reason to `UNPASSED`");
    let stale: Vec<_> = excused.intersection(&passed).collect();
    assert!(stale.is_empty(), "{stale:?} are passed: take them out of `UNPASSED`");
}

/// Each failpoint in the first scenario that passes it.
#[test]
fn killed_at_every_failpoint_it_comes_to_the_same() {
    let all = all_prepared();
    let mut seen = BTreeSet::new();
    let mut trials = Vec::new();
    for prepared in all.iter() {
        let moments = prepared.moments();
        trials.extend(moments.into_iter().filter(|m| !seen.contains(&m.site)).map(|m| (prepared, m)));
        seen.extend(prepared.passages.iter().map(|(site, _)| site.clone()));
    }
    assert!(trials.len() > 70, "only {} moments", trials.len());
    none(&each(&trials, |_, (prepared, moment)| prepared.trial(moment, Death::Abort)));
}

/// `kill -9`, from outside, over all scenarios.
#[test]
fn killed_at_seeded_passages_it_comes_to_the_same() {
    let all = all_prepared();
    let mut below = chance();
    let drawn = |_| {
        let prepared = &all[below(all.len())];
        let moments = prepared.all_moments();
        (prepared, moments[below(moments.len())].clone())
    };
    let trials: Vec<(&Prepared, Moment)> = (0..KILLS).map(drawn).collect();
    none(&each(&trials, |_, (prepared, moment)| prepared.trial(moment, Death::Kill)));
}

#[test]
fn killed_again_while_it_recovers_it_comes_to_the_same() {
    let all = all_prepared();
    let mut below = chance();
    let drawn = |_| {
        let prepared = &all[below(all.len())];
        let moments = prepared.moments();
        (prepared, moments[below(moments.len())].clone(), below(1 << 20))
    };
    let trials: Vec<_> = (0..PAIRS).map(drawn).collect();
    none(&each(&trials, |_, (prepared, first, chance)| {
        let site = prepared.crashed(first, Death::Abort, "")?;
        let passages = prepared.recovery_passages(&site)?;
        let (name, last) = &passages[chance % passages.len()];
        let second = Moment { site: name.clone(), passage: 1 + *chance as u64 % last };
        let about =
            |e: Failure| e.about(&format!("{} killed at {first}, then {second}", prepared.scenario.name));
        assert!(prepared.crash_again(&site, &second)?, "{second} did not come after {first}");
        prepared.recover(&site).map_err(about)
    }));
}

/// A run that was cut off when everything was decided is shown when it is asked for by its id, and not run once more.
#[test]
fn a_run_that_is_decided_and_asked_for_by_its_id_is_shown_and_not_run_again() {
    let all = all_prepared();
    for name in ["totals", "full-refresh", "log"] {
        let prepared = all.iter().find(|p| p.scenario.name == name).unwrap();
        let last = |site: &str| prepared.passages.iter().find(|(n, _)| n == site).unwrap().1;
        let moment = Moment { site: "apply.before".into(), passage: last("apply.before") };
        let site = prepared.crashed(&moment, Death::Abort, "").unwrap();
        let before = site.json(&["runs"]).unwrap();
        prepared.recover(&site).unwrap();
        let runs = site.json(&["runs"]).unwrap();
        let ids = |runs: &serde_json::Value| -> Vec<String> {
            runs.as_array().unwrap().iter().map(|r| r["run"].to_string()).collect()
        };
        assert_eq!(ids(&runs), ids(&before), "{name}");
    }
}
