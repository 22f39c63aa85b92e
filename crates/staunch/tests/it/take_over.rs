//! `run --take-over`: a real process stands still with the lease, another goes on in its place.

use crate::project::Project;
use crate::rules::small;
use crate::tables;
use serde_json::{Value, json};

fn two_files() -> Project {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n4,a,4\nx,b,5\n");
    project
}

fn shown(project: &Project) -> (Vec<String>, Vec<String>) {
    let table = tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap_or_default();
    (tables::parquet(&project.root.join("out/items")), table)
}

fn runs(project: &Project) -> Vec<Value> {
    project.staunch(&["runs", "--output", "json"]).ok().json().as_array().unwrap().clone()
}

#[test]
fn a_process_that_stands_still_is_fenced_and_its_run_goes_on() {
    let undisturbed = two_files();
    undisturbed.staunch(&["run", "log"]).ok();
    for place in [
        "start.generation_raised:1",
        "store.before_link:6",
        "sqlite.before_seal:1",
        "commit.before_create:1",
        "commit.before_create:2",
        "commit.after_create:2",
        "apply.before:1",
        "sqlite.before_begin:1",
        "apply.after:1",
    ] {
        let project = two_files();
        let first = project.hold(&["run", "log"], place);
        let busy = project.staunch(&["run", "log"]).fails(1, "Run.Busy");
        let pid = format!("process {}", first.pid());
        assert!(busy.stderr.contains(&pid) && busy.stderr.contains("--take-over"), "{}", busy.stderr);

        let second = project.staunch(&["run", "log", "--take-over"]).ok();
        assert!(second.stderr.contains(&format!("taken over from {pid}")), "{place}: {}", second.stderr);
        assert!(shown(&project) == shown(&undisturbed), "{place}");
        // The lease is free again, whatever the first one thinks.
        let third = project.staunch(&["run", "log", "--output", "json"]).ok().json();
        assert_eq!(third["records"], json!(0), "{place}");

        let lost = first.release();
        assert_eq!(lost.code, Some(1), "{place}: {}", lost.stderr);
        assert!(lost.stderr.contains("Run.Fenced"), "{place}: {}", lost.stderr);
        assert!(shown(&project) == shown(&undisturbed), "{place}: it changed something");
        assert!(runs(&project).iter().all(|run| run["state"] == json!("succeeded")), "{place}");
        let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
        assert_eq!(letters.as_array().unwrap().len(), 1, "{place}");
        project.staunch(&["run", "log"]).ok();
    }
}

/// What was committed by the first is continued by the second as the same run.
#[test]
fn the_run_is_the_same_one() {
    let project = small();
    let rows: String = (0..2000).map(|n| format!("{n},k,{n}\n")).collect();
    project.write("data/items/1.csv", format!("id,kind,size\n{rows}"));
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 4 KiB}");
    project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 4 KiB\n");
    let first = project.hold(&["run", "log", "--id", "one"], "commit.before_create:4");
    let second = project.staunch(&["run", "log", "--take-over", "--output", "json"]).ok().json();
    assert_eq!((&second["run"], &second["continued"]), (&json!("one"), &json!(true)));
    assert_eq!(second["records"], json!(2000));
    first.release().fails(1, "Run.Fenced");
    assert_eq!((runs(&project).len(), shown(&project).1.len()), (1, 2000));
}

/// The one that took over can be taken over as well.
#[test]
fn a_chain_of_take_overs_ends_with_the_last() {
    let project = two_files();
    let first = project.hold_by(&["run", "log"], "commit.before_create:2", "hold-1");
    let second = project.hold_by(&["run", "log", "--take-over"], "apply.before:1", "hold-2");
    let busy = project.staunch(&["gc", "log"]).fails(1, "Run.Busy");
    assert!(busy.stderr.contains(&format!("process {}", second.pid())), "{}", busy.stderr);
    assert_eq!(runs(&project)[0]["state"], json!("running"));
    let third = project.staunch(&["run", "log", "--take-over"]).ok();
    assert!(third.stderr.contains(&format!("process {}", second.pid())), "{}", third.stderr);
    second.release().fails(1, "Run.Fenced");
    first.release().fails(1, "Run.Fenced");
    assert_eq!((shown(&project).0.len(), shown(&project).1.len()), (3, 4));
    // The second had ended the run of the first; the third shows it, and has one of its own.
    let states: Vec<_> = runs(&project).iter().map(|run| run["state"].clone()).collect();
    assert_eq!(states, [json!("succeeded"), json!("succeeded")]);
}

#[test]
fn without_anybody_to_take_over_it_is_a_run() {
    let project = two_files();
    let done = project.staunch(&["run", "log", "--take-over"]).ok();
    assert!(!done.stderr.contains("taken over"), "{}", done.stderr);
    assert_eq!(shown(&project).1.len(), 4);
}
