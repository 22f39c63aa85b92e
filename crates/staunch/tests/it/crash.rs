//! Crashes: the real binary is killed at seeded moments of the flights example, restarted, and must come to the same tables,
//! dead letters and ledger as an undisturbed run.

use crate::project::{Done, Project};
use serde_json::Value;
use staunch_testkit::campaign::{self, Check, Site};
use staunch_types::{Rng, SeededRng};
use std::path::Path;

const SEED: u64 = 20_130_101;
const KILLS: usize = 10;
/// Whole reads: two phases, replaces and an upsert at the end.
const RUN: &[&str] = &["run", "flights", "--output", "json"];
/// An incremental read: an append and an upsert with every epoch.
const RUN_LOG: &[&str] = &["run", "flights_log", "--output", "json"];

/// The example with chunks and epochs so small that January makes more than 20 epochs.
fn small_epochs() -> Project {
    let project = Project::example("flights");
    project.edit(
        "staunch.yaml",
        "path: \"flights/*.csv*\",",
        "path: \"flights/*.csv*\", chunk_bytes: 64 KiB,",
    );
    // What was written is decoded again before it is committed.
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    verify: full\n");
    for name in ["flights", "flights_log"] {
        let (from, to) = (format!("pipeline: {name}\n"), format!("pipeline: {name}\nepoch_bytes: 100 KiB\n"));
        project.edit(&format!("pipelines/{name}.yaml"), &from, &to);
    }
    project
}

/// Everything that a user can see of what the project came to, as the campaigns see it.
fn outcome(project: &Project) -> Value {
    let binary = Path::new(env!("CARGO_BIN_EXE_staunch"));
    let site = Site::at(binary, project.root.parent().unwrap()).unwrap();
    campaign::outcome(&site).unwrap()
}

#[track_caller]
fn same(expected: &Value, project: &Project, about: &str) {
    if let Err(difference) = campaign::compare(expected, &outcome(project)) {
        panic!("{about}: {difference}");
    }
}

fn failpoints(project: &Project, run: &[&str], plan: &str) -> (Done, Option<u64>) {
    let report = project.root.parent().unwrap().join("passages");
    let report_text = report.to_string_lossy().into_owned();
    let env = [("STAUNCH_FAILPOINTS", plan), ("STAUNCH_FAILPOINTS_REPORT", report_text.as_str())];
    let done = project.staunch_with(run, &env);
    let total = std::fs::read_to_string(&report).ok().and_then(|text| {
        text.lines().next().and_then(|line| line.strip_prefix("total ")).and_then(|n| n.parse().ok())
    });
    (done, total)
}

/// Kills the run at seeded passages of all its failpoints, restarts it, and compares.
fn survives_kills(run: &[&str], kills: usize) {
    let undisturbed = small_epochs();
    let (done, passages) = failpoints(&undisturbed, run, "count");
    let report = done.ok().json();
    let passages = passages.unwrap();
    let epochs = report["last_epoch"].as_u64().unwrap() - report["first_epoch"].as_u64().unwrap() + 1;
    assert!(epochs >= 20, "only {epochs} epochs");
    let expected = outcome(&undisturbed);

    let rng = SeededRng::new(SEED);
    let mut moments: Vec<u64> = (0..kills).map(|_| 1 + rng.next() % passages).collect();
    // The last passages lie behind the last commit: recovery there is a path of its own.
    moments[kills - 1] = passages - 1;
    for k in moments {
        let project = small_epochs();
        let (killed, _) = failpoints(&project, run, &format!("kill={k}"));
        assert_eq!(
            killed.code, None,
            "not killed at passage {k} of {passages} (seed {SEED}): {}",
            killed.stderr
        );
        let again = project.staunch(run);
        assert_eq!(again.code, Some(0), "passage {k} of {passages} (seed {SEED}): {}", again.stderr);
        same(&expected, &project, &format!("killed at passage {k} of {passages} (seed {SEED})"));
    }
}

#[test]
fn killed_at_seeded_moments_the_example_comes_to_the_same() {
    survives_kills(RUN, KILLS);
}

#[test]
fn killed_at_seeded_moments_every_epoch_of_the_log_is_shown_once() {
    survives_kills(RUN_LOG, KILLS);
}

/// The comparison itself can fail: one row more in a target, and it says so.
#[test]
fn the_comparison_sees_a_single_row() {
    let project = small_epochs();
    project.staunch(RUN).ok();
    let before = outcome(&project);
    let connection = rusqlite::Connection::open(project.root.join("out/flights.db")).unwrap();
    let table: String = connection
        .query_row(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'staunch_%' LIMIT 1",
            [],
            |r| r.get(0),
        )
        .unwrap();
    let removed = connection
        .execute(&format!("DELETE FROM \"{table}\" WHERE rowid = (SELECT min(rowid) FROM \"{table}\")"), [])
        .unwrap();
    assert_eq!(removed, 1);
    let difference = campaign::compare(&before, &outcome(&project)).unwrap_err();
    assert_eq!(difference.check, Check::Sinks, "{difference}");
}

/// Killed twice: before the last epoch is shown, and again when the next start has claimed its epoch and not yet shown it.
#[test]
fn an_epoch_that_is_not_shown_survives_a_second_crash_in_the_recovery() {
    let undisturbed = small_epochs();
    undisturbed.staunch(RUN).ok();
    let expected = outcome(&undisturbed);
    let project = small_epochs();
    for plan in ["kill=apply.before:2", "kill=recover.before_sink:1", "kill=recover.before_sink:3"] {
        let (killed, _) = failpoints(&project, RUN, plan);
        assert_eq!(killed.code, None, "not killed at {plan}: {}", killed.stderr);
    }
    project.staunch(RUN).ok();
    same(&expected, &project, "killed three times");
}
