use super::*;
use crate::ledger::ReadAccount;
use crate::manifest::RunEnd;
use crate::store::{LocalStore, ObjectStoreBacked};
use object_store::memory::InMemory;
use staunch_types::{FixedClock, LocalFs, SeededRng};

/// The protocol runs on both forms of the store.
fn on_both(check: impl AsyncFn(Arc<dyn Store>)) {
    let dir = tempfile::tempdir().unwrap();
    let local = LocalStore::open(dir.path(), Arc::new(LocalFs), Arc::new(SeededRng::new(1))).unwrap();
    futures::executor::block_on(check(Arc::new(local)));
    futures::executor::block_on(check(Arc::new(ObjectStoreBacked::new(Arc::new(InMemory::new()), "r"))));
}

async fn start(store: &Arc<dyn Store>, seed: u64) -> (Committer, Found) {
    let rng = Arc::new(SeededRng::new(seed));
    Committer::start(store.clone(), Arc::new(FixedClock(5)), rng, 1).await.unwrap()
}

async fn head(committer: &Committer, run: &str) -> RunHead {
    let pins = Pins {
        format: FORMAT,
        run: RunId(run.into()),
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
    let name = committer.put_pins(&pins).await.unwrap();
    RunHead { run: RunId(run.into()), first: None, pins: name, standing: String::new() }
}

fn rows(found: u64) -> Draft {
    let mut draft = Draft::default();
    draft.ledger.reads.insert("r".into(), ReadAccount { found, accepted: found, ..ReadAccount::default() });
    draft
}

#[test]
fn a_run_is_found_again_as_it_was_committed() {
    on_both(async |store| {
        let (mut committer, found) = start(&store, 1).await;
        assert!(found.last_run.is_none());
        let head = head(&committer, "a").await;
        committer.claim(head).await.unwrap();
        committer.commit(rows(3), EpochKind::Data, None).await.unwrap();
        committer.commit(rows(4), EpochKind::Data, None).await.unwrap();

        let (second, found) = start(&store, 2).await;
        let run = found.last_run.unwrap();
        assert_eq!((run.first, run.last, run.end.clone()), (Epoch(1), Epoch(3), None));
        assert_eq!(run.ledger.found(), 7);
        assert!(second.generation() > committer.generation());
        assert_eq!(second.next_epoch(), Epoch(4));
        assert_eq!(found.region, *committer.region_id(), "a region is named once");
    });
}

#[test]
fn a_zombie_commits_nothing_and_applies_nothing() {
    on_both(async |store| {
        let (mut zombie, _) = start(&store, 1).await;
        let first = head(&zombie, "a").await;
        zombie.claim(first.clone()).await.unwrap();
        let (mut newer, _) = start(&store, 2).await;
        assert_eq!(zombie.still_newest().await.unwrap_err().code().name, "Run.Fenced");
        newer.claim(RunHead { first: Some(Epoch(1)), ..first }).await.unwrap();
        let error = zombie.commit(rows(1), EpochKind::Data, None).await.unwrap_err();
        assert_eq!(error.code().name, "Run.Fenced");
        newer.commit(rows(2), EpochKind::End { end: RunEnd::Succeeded }, None).await.unwrap();
        let run = newer.log().run_ending_at(Epoch(3)).await.unwrap();
        assert_eq!((run.ledger.found(), run.end), (2, Some(RunEnd::Succeeded)));
    });
}

/// Whoever has a generation sweeps what is on its way; a start that has none yet, and fails by that, was outrun.
#[test]
fn a_start_that_is_swept_before_it_has_a_generation_was_outrun() {
    futures::executor::block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalStore::open(dir.path(), Arc::new(LocalFs), Arc::new(SeededRng::new(1))).unwrap();
        let store: Arc<dyn Store> = Arc::new(local);
        let log = Log::new(store.clone());
        start(&store, 1).await;
        let before = log.last_generation().await.unwrap();
        let error = || Error::new(codes::STORE, "cannot link");
        let stranger = Nonce("another".into());
        assert_eq!(outrun(&log, before, &stranger, error()).await.code(), codes::STORE);
        let (second, _) = start(&store, 2).await;
        assert_eq!(outrun(&log, before, &stranger, error()).await.code(), codes::FENCED);
        assert_eq!(outrun(&log, before, &second.nonce, error()).await.code(), codes::STORE, "it is our own");
    });
}

#[test]
fn an_older_generation_that_took_the_number_is_committed() {
    on_both(async |store| {
        let (mut older, _) = start(&store, 1).await;
        let first = head(&older, "a").await;
        older.claim(first.clone()).await.unwrap();
        let (mut newer, found) = start(&store, 2).await;
        assert_eq!(found.last_run.unwrap().last, Epoch(1));
        // The older one commits epoch 2 between the newer one's look and its claim.
        older.commit(rows(9), EpochKind::Data, None).await.unwrap();
        let error = newer.claim(first).await.unwrap_err();
        assert_eq!(error.code().name, "Run.Fenced");
        let (_, found) = start(&store, 3).await;
        assert_eq!(found.last_run.unwrap().ledger.found(), 9);
    });
}

#[test]
fn an_imbalance_is_not_committed() {
    on_both(async |store| {
        let (mut committer, _) = start(&store, 1).await;
        let head = head(&committer, "a").await;
        committer.claim(head).await.unwrap();
        let mut draft = rows(3);
        draft.ledger.reads.get_mut("r").unwrap().dead = 1;
        let error = committer.commit(draft, EpochKind::Data, None).await.unwrap_err();
        assert_eq!(error.code().name, "Ledger.Imbalance");
        assert_eq!(committer.log().last_epoch().await.unwrap(), Some(Epoch(1)));
    });
}

#[test]
fn a_missing_manifest_is_named_and_never_skipped() {
    on_both(async |store| {
        let (mut committer, _) = start(&store, 1).await;
        let head = head(&committer, "a").await;
        committer.claim(head).await.unwrap();
        let name = committer.log().record(Epoch(1)).await.unwrap().manifest;
        store.delete(&name).await.unwrap();
        let rng = Arc::new(SeededRng::new(9));
        let error = Committer::start(store.clone(), Arc::new(FixedClock(5)), rng, 1).await.err().unwrap();
        assert_eq!(error.code().name, "Store.Corrupt");
        assert!(error.message().contains(&name));
    });
}
