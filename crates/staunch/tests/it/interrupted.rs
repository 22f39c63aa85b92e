//! Signals: the first drains, the second stops at once, and either way the next start goes on where the run stood. The run is
//! held at a known place while the signals come, so that nothing depends on the speed of the machine.
#![cfg(unix)]

use crate::project::{Held, Project};
use crate::rules::small;
use crate::tables;
use serde_json::{Value, json};

/// The commit at which the run is held: the fence is the first, so two epochs with rows lie before it.
const HELD_AT: u64 = 4;
const ROWS: usize = 20_000;

/// A pipeline of many epochs.
fn many_epochs() -> Project {
    let project = small();
    let rows: String = (0..ROWS).map(|n| format!("{n},k{},{}\n", n % 7, n % 9)).collect();
    project.write("data/items/1.csv", format!("id,kind,size\n{rows}"));
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 16 KiB}");
    project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 32 KiB\n");
    project
}

fn held(project: &Project) -> Held {
    project.hold(&["run", "log"], &format!("commit.before_create:{HELD_AT}"))
}

fn shown(project: &Project) -> (Vec<String>, Vec<String>) {
    let database = tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap_or_default();
    (tables::parquet(&project.root.join("out/items")), database)
}

fn runs(project: &Project) -> Value {
    project.staunch(&["runs", "--output", "json"]).ok().json()
}

/// Starts the run again: it is the same one, and everything is there as if nothing had happened.
fn goes_on(project: &Project) {
    let before = runs(project);
    assert_eq!((before.as_array().unwrap().len(), &before[0]["state"]), (1, &json!("interrupted")));
    let again = project.staunch(&["run", "log", "--output", "json"]).ok().json();
    assert_eq!((&again["continued"], &again["run"]), (&json!(true), &before[0]["run"]));
    assert_eq!(again["ledger"]["reads"]["items"]["found"], json!(ROWS));
    let undisturbed = many_epochs();
    undisturbed.staunch(&["run", "log"]).ok();
    assert!(shown(project) == shown(&undisturbed), "the targets differ from those of an undisturbed run");
    assert_eq!(runs(project).as_array().unwrap().len(), 1);
}

fn drains(signal: &str) {
    let project = many_epochs();
    let mut held = held(&project);
    held.signal(signal, "draining");
    held.release().fails(130, "Run.Interrupted");
    let (lake, database) = shown(&project);
    assert!(!lake.is_empty() && !database.is_empty(), "what was committed is shown");
    assert!(database.len() < ROWS, "it stopped before the end");
    goes_on(&project);
}

#[test]
fn a_run_that_is_interrupted_drains_and_the_next_start_goes_on() {
    drains("-INT");
}

#[test]
fn a_polite_kill_is_the_same() {
    drains("-TERM");
}

/// The run is still held when it ends: it does not wait for what it was doing.
#[test]
fn a_second_signal_stops_at_once_and_the_next_start_recovers() {
    for (first, second) in [("-INT", "-INT"), ("-TERM", "-INT")] {
        let project = many_epochs();
        let mut held = held(&project);
        held.signal(first, "draining");
        held.signal(second, "stopped");
        let done = held.end();
        assert_eq!(done.code, Some(130), "{}", done.stderr);
        assert!(project.root.parent().unwrap().join("hold").try_exists().unwrap(), "nobody let it go");
        goes_on(&project);
    }
}
