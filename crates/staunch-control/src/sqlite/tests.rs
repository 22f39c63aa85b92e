//! The index of runs: kept, filtered, rebuilt, and refused or replaced where it must be.

use super::{ControlStore, VERSION};
use crate::control::{Control, OpenOutcome, RunRow, RunState};
use rusqlite::Connection;
use staunch_types::RunId;
use std::path::Path;

fn row(run: &str, pipeline: &str, started: i64) -> RunRow {
    RunRow::begun(RunId(run.into()), pipeline, started)
}

fn whole(dir: &Path) -> ControlStore {
    let store = ControlStore::open(dir).unwrap();
    store.forget_all().unwrap();
    store.rebuilt().unwrap();
    store
}

fn ids(rows: &[RunRow]) -> Vec<&str> {
    rows.iter().map(|r| r.run.as_str()).collect()
}

#[test]
fn runs_are_kept_and_listed_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let full = RunRow {
        state: RunState::FAILED.into(),
        ended: Some(-5),
        first_epoch: 1,
        last_epoch: u64::MAX,
        generation: 3,
        records: 4,
        written: 5,
        dead: 6,
        late: 7,
        error: Some("Sink.Unavailable: it's \"gone\"".into()),
        ..row("r2", "b", 20)
    };
    {
        let store = whole(dir.path());
        for row in [&row("r3", "a", 30), &full, &row("r1", "a", 10), &row("r4", "b", 30)] {
            store.upsert_run(row).unwrap();
        }
        assert_eq!(store.run(&RunId("r2".into())).unwrap(), Some(full.clone()));
    }
    let store = ControlStore::open(dir.path()).unwrap();
    assert_eq!(*store.outcome(), OpenOutcome::Opened);
    assert_eq!(ids(&store.runs(None, 100).unwrap()), ["r4", "r3", "r2", "r1"]);
    assert_eq!(ids(&store.runs(None, 2).unwrap()), ["r4", "r3"]);
    assert_eq!(ids(&store.runs(Some("a"), usize::MAX).unwrap()), ["r3", "r1"]);
    assert!(store.runs(Some("' OR 1"), 10).unwrap().is_empty());
    assert!(store.runs(None, 0).unwrap().is_empty());
    assert_eq!(store.run(&RunId("none".into())).unwrap(), None);

    let done = RunRow { state: RunState::SUCCEEDED.into(), ended: Some(40), ..row("r1", "a", 10) };
    store.upsert_run(&done).unwrap();
    assert_eq!(store.run(&done.run).unwrap(), Some(done));
    assert_eq!(store.runs(None, 100).unwrap().len(), 4);
    assert_eq!(store.runs(Some("b"), 10).unwrap()[1], full);
}

#[test]
fn a_state_that_there_is_not_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = RunRow { state: "done".into(), ..row("r", "a", 1) };
    assert_eq!(whole(dir.path()).upsert_run(&wrong).unwrap_err().code().name, "Internal.Bug");
}

#[test]
fn a_new_store_asks_for_a_rebuild_until_there_was_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    assert_eq!(*ControlStore::open(&path).unwrap().outcome(), OpenOutcome::Created);
    let store = ControlStore::open(&path).unwrap();
    assert_eq!(*store.outcome(), OpenOutcome::Unfinished);
    store.upsert_run(&row("r", "a", 1)).unwrap();
    store.rebuilt().unwrap();
    let store = ControlStore::open(&path).unwrap();
    assert!(!store.outcome().needs_rebuild());
    store.forget_all().unwrap();
    assert!(store.runs(None, 10).unwrap().is_empty());
    assert!(ControlStore::open(&path).unwrap().outcome().needs_rebuild());
}

#[test]
fn two_stores_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (whole(dir.path()), ControlStore::open(dir.path()).unwrap());
    std::thread::scope(|scope| {
        for (store, name) in [(&one, "one"), (&two, "two")] {
            scope.spawn(move || {
                for i in 0..50 {
                    store.upsert_run(&row(&format!("{name}{i}"), name, i)).unwrap();
                }
            });
        }
    });
    assert_eq!(one.runs(None, 1000).unwrap().len(), 100);
    assert_eq!(two.runs(None, 1000).unwrap(), one.runs(None, 1000).unwrap());
    assert_eq!(
        two.lease("p", 1, 1).and_then(|_held| one.lease("p", 2, 2)).unwrap_err().code().name,
        "Run.Busy"
    );
}

#[test]
fn a_newer_store_is_refused_and_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    drop(whole(dir.path()));
    let path = dir.path().join("control.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let error = ControlStore::open(dir.path()).unwrap_err();
    assert_eq!(error.code().name, "Store.Unavailable");
    assert!(error.message().contains("version 2") && error.next_step().is_some());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_store_is_moved_aside_and_begun_anew() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("no database", |p| {
            std::fs::write(p, "not a database, but long enough to be one".repeat(50)).unwrap()
        }),
        ("zeroed pages", |p| {
            let mut bytes = std::fs::read(p).unwrap();
            bytes[4096..].fill(0);
            std::fs::write(p, bytes).unwrap();
        }),
        ("cut short", |p| {
            let file = std::fs::OpenOptions::new().write(true).open(p).unwrap();
            file.set_len(5000).unwrap();
        }),
        ("tables gone", |p| Connection::open(p).unwrap().execute_batch("DROP TABLE runs").unwrap()),
        ("another program's", |p| {
            Connection::open(p).unwrap().pragma_update(None, "user_version", 0).unwrap()
        }),
    ];
    for (name, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.db");
        let store = whole(dir.path());
        store.upsert_run(&row("r", "a", 1)).unwrap();
        drop(store);
        damage(&path);
        let damaged = std::fs::read(&path).unwrap();
        let store = ControlStore::open(dir.path()).unwrap();
        let OpenOutcome::Replaced { moved_to, reason } = store.outcome() else { panic!("{name}") };
        assert!(!reason.is_empty());
        assert!(store.outcome().needs_rebuild());
        assert_eq!(*moved_to, dir.path().join("control.db.damaged-1"), "{name}");
        assert_eq!(std::fs::read(moved_to).unwrap(), damaged, "{name}");
        assert!(store.runs(None, 10).unwrap().is_empty());
        store.upsert_run(&row("r", "a", 1)).unwrap();
        store.rebuilt().unwrap();
        drop(store);
        assert_eq!(*ControlStore::open(dir.path()).unwrap().outcome(), OpenOutcome::Opened, "{name}");
    }
}

#[test]
fn damaged_stores_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..6 {
        std::fs::write(dir.path().join("control.db"), "x".repeat(2000)).unwrap();
        assert!(ControlStore::open(dir.path()).unwrap().outcome().needs_rebuild());
    }
    let names = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut damaged: Vec<_> =
        names.filter(|n| n.contains("damaged") && !n.contains("-wal") && !n.contains("-shm")).collect();
    damaged.sort();
    assert_eq!(damaged, ["control.db.damaged-1", "control.db.damaged-2", "control.db.damaged-3"]);
}

#[test]
fn an_empty_file_and_a_lone_log_are_no_store() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("control.db"), "").unwrap();
    std::fs::write(dir.path().join("control.db-wal"), "rest").unwrap();
    let store = ControlStore::open(dir.path()).unwrap();
    assert_eq!(*store.outcome(), OpenOutcome::Created);
    store.upsert_run(&row("r", "a", 1)).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state"), "a file where the folder should be").unwrap();
    let error = ControlStore::open(&dir.path().join("state")).unwrap_err();
    assert_eq!(error.code().name, "Store.Unavailable");
    assert!(error.next_step().is_some());
}
