use super::*;
use crate::commit::{Committer, Draft, RunHead};
use crate::log::{Log, epoch_name};
use crate::manifest::{ChannelSegment, EpochKind, FORMAT, Pins, RunEnd, SinkEpoch};
use crate::sink::{Applied, Segment};
use crate::store::{LocalStore, ObjectStoreBacked, Store};
use object_store::memory::InMemory;
use staunch_types::{
    Epoch, FixedClock, Generation, LocalFs, Micros, Result, RunId, SeededRng, WriteMode, codes,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const DAY: Micros = 86_400_000_000;

fn keep(runs: u64, dead: u64, late: u64) -> Keep {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    Keep { runs: days(runs), dead_letters: days(dead), late_rows: days(late), ids: days(100) }
}

fn run(last: u64, ended: Option<i64>) -> RunFacts {
    RunFacts { last: Epoch(last), ended: ended.map(|d| d * DAY), open: false, dead: false, late: false }
}

#[test]
fn the_newest_run_and_whatever_is_open_stay() {
    let decided = |runs: &[RunFacts]| decide(runs, &keep(1, 1, 1), 10 * DAY);
    let epochs = |runs: &[RunFacts]| decided(runs).epochs.0;
    assert_eq!(epochs(&[]), 0);
    assert_eq!(epochs(&[run(3, Some(1))]), 0, "the newest");
    assert_eq!(epochs(&[run(3, Some(1)), run(5, Some(2))]), 3);
    assert_eq!(epochs(&[run(3, Some(1)), run(5, None)]), 3, "an unfinished one is the newest");
    let open = RunFacts { open: true, ..run(3, Some(1)) };
    let all = decided(&[open, run(5, Some(2)), run(6, Some(2))]);
    assert_eq!((all.epochs.0, all.dead.0, all.settled.0), (0, 0, 0), "nothing behind what is open goes");
    assert_eq!(epochs(&[run(3, Some(1)), open, run(6, Some(2))]), 3);
}

#[test]
fn a_floor_stops_at_the_first_run_that_is_too_young() {
    let runs = [run(2, Some(0)), run(4, Some(9)), run(6, Some(0)), run(8, Some(0))];
    assert_eq!(decide(&runs, &keep(5, 5, 5), 10 * DAY).epochs, Epoch(2));
    // To the microsecond.
    assert_eq!(decide(&runs, &keep(10, 9, 9), 10 * DAY).epochs, Epoch(2));
    assert_eq!(decide(&runs, &keep(10, 9, 9), 10 * DAY - 1).epochs, Epoch(0));
    // A clock that stood wrong keeps, and never lets go.
    assert_eq!(decide(&runs, &keep(5, 5, 5), -DAY).epochs, Epoch(0));
}

#[test]
fn a_run_lives_as_long_as_its_letters_and_letters_may_go_before_it() {
    let dead = RunFacts { dead: true, ..run(2, Some(0)) };
    let late = RunFacts { late: true, ..run(4, Some(0)) };
    let runs = [dead, late, run(6, Some(0))];
    let at = |keep| decide(&runs, &keep, 10 * DAY);
    assert_eq!(at(keep(1, 20, 1)).epochs, Epoch(0), "the first has dead letters");
    assert_eq!(at(keep(1, 1, 20)).epochs, Epoch(2), "the second has late rows");
    let letters = at(keep(20, 1, 20));
    assert_eq!((letters.epochs, letters.dead, letters.late), (Epoch(0), Epoch(6), Epoch(0)));
}

/// On both forms of the store.
fn on_both(check: impl AsyncFn(Arc<dyn Store>)) {
    let dir = tempfile::tempdir().unwrap();
    let local = LocalStore::open(dir.path(), Arc::new(LocalFs), Arc::new(SeededRng::new(1))).unwrap();
    futures::executor::block_on(check(Arc::new(local)));
    futures::executor::block_on(check(Arc::new(ObjectStoreBacked::new(Arc::new(InMemory::new()), "r"))));
}

async fn start(store: &Arc<dyn Store>, seed: u64) -> Committer {
    let rng = Arc::new(SeededRng::new(seed));
    Committer::start(store.clone(), Arc::new(FixedClock(5)), rng, 1).await.unwrap().0
}

async fn claim(committer: &mut Committer, name: &str) {
    let pins = Pins {
        format: FORMAT,
        run: RunId(name.into()),
        now: 5,
        profile: "dev".into(),
        full_refresh: false,
        accept_change: false,
        dead_letters_at_most: None,
        origins: BTreeMap::new(),
        unchanged: Default::default(),
        fingerprints: BTreeMap::new(),
        lineage: BTreeMap::new(),
        modes: BTreeMap::new(),
        base: String::new(),
        actor: "test".into(),
        settles: false,
        contracts: BTreeMap::new(),
        moves: BTreeMap::new(),
    };
    let pins = committer.put_pins(&pins).await.unwrap();
    let head = RunHead { run: RunId(name.into()), first: None, pins, standing: String::new() };
    committer.claim(head).await.unwrap();
}

async fn artefact(store: &Arc<dyn Store>, name: &str) -> ChannelSegment {
    store.put_if_absent(name, b"letters".to_vec()).await.unwrap();
    ChannelSegment { stage: "r".into(), port: "dead".into(), name: name.into(), rows: 1, bytes: 7 }
}

fn shows() -> SinkEpoch {
    let segment = Segment {
        staged: "a".into(),
        target: None,
        bytes: 1,
        rows: 1,
        hash_sum: String::new(),
        digest: String::new(),
    };
    SinkEpoch {
        keyed: false,
        mode: WriteMode::Append,
        segments: vec![segment],
        apply: true,
        previous: None,
        near: Default::default(),
        tried: Vec::new(),
        moved: None,
    }
}

/// A run of a fence, an epoch with a dead letter and a row for a target, and an end.
async fn whole_run(store: &Arc<dyn Store>, seed: u64, name: &str, shown: bool) {
    let mut committer = start(store, seed).await;
    claim(&mut committer, name).await;
    let letters = artefact(store, &format!("segments/{}-r-dead", committer.fresh())).await;
    let sinks = BTreeMap::from([("w".to_owned(), shows())]);
    let draft = Draft { channels: vec![letters], sinks, ..Draft::default() };
    let manifest = committer.commit(draft, EpochKind::Data, None).await.unwrap();
    if shown {
        let refused = artefact(store, &format!("segments/{}-w-refused", committer.fresh())).await;
        committer.record_applied(manifest.epoch, "w", &Applied::default(), Some(refused)).await.unwrap();
    }
    let end = EpochKind::End { end: RunEnd::Succeeded };
    committer.commit(Draft::default(), end, None).await.unwrap();
}

async fn gc(store: &Arc<dyn Store>, keep: &Keep, now: Micros) -> Result<Collection> {
    let log = Log::new(store.clone());
    let found = look(&log, keep, now).await?;
    collect(&start(store, 99).await, &found, now).await?;
    Ok(found)
}

async fn all(store: &Arc<dyn Store>) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["epochs", "manifests", "pins", "segments", "floors", "generations", "applied"] {
        found.extend(store.list(folder).await.unwrap().into_iter().map(|name| format!("{folder}/{name}")));
    }
    found
}

#[test]
fn old_runs_go_and_the_log_is_read_as_before() {
    on_both(async |store| {
        for (seed, name) in ["a", "b", "c"].iter().enumerate() {
            whole_run(&store, seed as u64, name, true).await;
        }
        let log = Log::new(store.clone());
        // Too young.
        let before = all(&store).await;
        assert!(gc(&store, &keep(1, 1, 1), 5 + DAY - 1).await.unwrap().doomed.is_empty());
        assert_eq!(all(&store).await.len(), before.len() + 1, "a generation more and nothing less");

        let found = gc(&store, &keep(1, 1, 1), 5 + DAY).await.unwrap();
        assert_eq!((found.decision.epochs, found.decision.dead), (Epoch(6), Epoch(9)));
        assert_eq!(found.runs.iter().map(|r| r.run.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(log.epochs().await.unwrap(), [Epoch(7), Epoch(8), Epoch(9)]);
        assert_eq!(log.runs().await.unwrap().len(), 1);
        assert_eq!(store.list("manifests").await.unwrap().len(), 3);
        assert_eq!(store.list("pins").await.unwrap().len(), 1);
        assert_eq!(store.list("segments").await.unwrap(), Vec::<String>::new(), "the letters of all");
        assert_eq!(store.list("applied").await.unwrap(), [Epoch(8).padded()]);
        assert!(log.find_run(&RunId("c".into())).await.unwrap().fully_applied());
        let gone = log.find_run(&RunId("a".into())).await.unwrap_err();
        assert_eq!(gone.code(), codes::COLLECTED);
        assert_eq!(log.find_run(&RunId("x".into())).await.unwrap_err().code(), codes::NO_RUN);
        assert!(log.leftover(Epoch(10)).await.unwrap().is_none());

        // Once more: nothing is left to be done.
        let after = all(&store).await;
        assert!(gc(&store, &keep(1, 1, 1), 5 + DAY).await.unwrap().doomed.is_empty());
        assert_eq!(all(&store).await.len(), after.len() + 1);

        // A newer floor knows who went with the older one, until the ids are given up.
        whole_run(&store, 7, "d", true).await;
        gc(&store, &keep(1, 1, 1), 5 + 2 * DAY).await.unwrap();
        assert_eq!(log.collected().await.unwrap().len(), 3);
        whole_run(&store, 8, "e", true).await;
        gc(&store, &keep(1, 1, 1), 5 + 100 * DAY).await.unwrap();
        assert_eq!(log.collected().await.unwrap().iter().map(|r| r.run.as_str()).collect::<Vec<_>>(), ["d"]);
    });
}

#[test]
fn letters_go_before_their_runs_and_runs_not_before_their_letters() {
    on_both(async |store| {
        whole_run(&store, 1, "a", true).await;
        whole_run(&store, 2, "b", true).await;
        let log = Log::new(store.clone());
        gc(&store, &keep(1, 9, 1), 5 + 2 * DAY).await.unwrap();
        assert_eq!((log.runs().await.unwrap().len(), store.list("segments").await.unwrap().len()), (2, 4));
        gc(&store, &keep(9, 1, 1), 5 + 2 * DAY).await.unwrap();
        assert_eq!(log.floors().await.unwrap().dead, Epoch(6));
        assert_eq!((log.runs().await.unwrap().len(), store.list("segments").await.unwrap().len()), (2, 0));
    });
}

#[test]
fn what_is_not_shown_stays_with_all_that_is_behind_it() {
    on_both(async |store| {
        whole_run(&store, 1, "a", true).await;
        whole_run(&store, 2, "b", false).await;
        // A start that took the region over and was killed before its claim: nothing of it is named by anybody.
        let committer = start(&store, 3).await;
        let orphan = format!("segments/{}-r-dead", committer.fresh());
        artefact(&store, &orphan).await;
        let found = gc(&store, &keep(0, 0, 0), 5 + DAY).await.unwrap();
        assert_eq!((found.decision.epochs, found.decision.settled), (Epoch(3), Epoch(3)));
        assert!(found.needed["w"].contains("a"), "an apply to come asks for it");
        assert!(store.get(&orphan).await.unwrap().is_some(), "its epoch is not decided");
        assert_eq!(store.list("generations").await.unwrap().len(), 4, "those of an open run stay");
        let log = Log::new(store.clone());
        log.find_run(&RunId("b".into())).await.unwrap();

        // Shown, and run over: now it goes.
        let committer = start(&store, 4).await;
        committer.record_applied(Epoch(5), "w", &Applied::default(), None).await.unwrap();
        whole_run(&store, 5, "c", true).await;
        let found = gc(&store, &keep(9, 0, 0), 5 + DAY).await.unwrap();
        let kinds = |kind| found.doomed.iter().filter(|d| d.kind == kind).count();
        assert_eq!((kinds(Kind::Orphans), kinds(Kind::DeadLetters)), (1, 3), "{:?}", found.doomed);
        assert_eq!(store.get(&orphan).await.unwrap(), None);
    });
}

#[test]
fn a_number_that_was_freed_is_no_commit_for_who_slept() {
    on_both(async |store| {
        let mut zombie = start(&store, 1).await;
        claim(&mut zombie, "z").await;
        // Taken over: the run is ended by another one, and two more follow.
        let mut newer = start(&store, 2).await;
        let end = || EpochKind::End { end: RunEnd::Succeeded };
        let log = Log::new(store.clone());
        let run = log.run_ending_at(Epoch(1)).await.unwrap();
        let head = |pins: String| RunHead {
            run: RunId("z".into()),
            first: Some(Epoch(1)),
            pins,
            standing: String::new(),
        };
        newer.claim(head(run.pins_name)).await.unwrap();
        newer.commit(Draft::default(), end(), None).await.unwrap();
        whole_run(&store, 3, "n", true).await;
        gc(&store, &keep(0, 0, 0), 5 + DAY).await.unwrap();
        assert_eq!(log.floor().await.unwrap(), Epoch(3));
        assert_eq!(store.get(&epoch_name(Epoch(2))).await.unwrap(), None, "its number is free");

        let lost = zombie.commit(Draft::default(), end(), None).await.unwrap_err();
        assert_eq!(lost.code(), codes::FENCED);
        assert!(store.get(&epoch_name(Epoch(2))).await.unwrap().is_some(), "it took the number");
        assert_eq!(log.epochs().await.unwrap(), [Epoch(4), Epoch(5), Epoch(6)], "and nobody minds");
        log.find_run(&RunId("n".into())).await.unwrap();
        gc(&store, &keep(0, 0, 0), 5 + DAY).await.unwrap();
        assert_eq!(store.get(&epoch_name(Epoch(2))).await.unwrap(), None);
    });
}

#[test]
fn no_generation_is_given_twice() {
    on_both(async |store| {
        for (seed, name) in ["a", "b"].iter().enumerate() {
            whole_run(&store, seed as u64, name, true).await;
        }
        gc(&store, &keep(0, 0, 0), 5 + DAY).await.unwrap();
        let log = Log::new(store.clone());
        let newest = log.last_generation().await.unwrap().unwrap();
        assert!(store.get(&format!("generations/{}", Generation(1).padded())).await.unwrap().is_none());
        assert_eq!(start(&store, 9).await.generation(), newest.next());
    });
}
