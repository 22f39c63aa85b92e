//! A store whose creates can fail before, or lose their answer after, they take effect.

use async_trait::async_trait;
use staunch_commit::store::{ArtefactWriter, Put, ReadSeek, Store};
use staunch_types::{Error, Result, codes};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What happens to one create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and an error comes back.
    FailBefore,
    /// It is written, and an error comes back all the same.
    LoseAnswer,
    /// It is written and can be read, and the sync fails: the disk may have it or not.
    Unsynced,
}

/// A store with one fault planted.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    planted: Mutex<Option<(String, Fault)>>,
    struck: AtomicBool,
}

impl FaultyStore {
    /// A store that behaves like `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, planted: Mutex::new(None), struck: AtomicBool::new(false) }
    }

    /// Plants a fault: it strikes once, at the next create of a name that begins with `prefix`.
    pub fn plant(&self, prefix: &str, fault: Fault) {
        *self.planted.lock().unwrap_or_else(PoisonError::into_inner) = Some((prefix.to_owned(), fault));
    }

    /// Whether the fault has struck.
    #[must_use]
    pub fn struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }

    fn strike(&self, name: &str) -> Option<Fault> {
        let mut planted = self.planted.lock().unwrap_or_else(PoisonError::into_inner);
        let fault =
            planted.as_ref().filter(|(prefix, _)| name.starts_with(prefix)).map(|(_, fault)| *fault)?;
        *planted = None;
        self.struck.store(true, Ordering::SeqCst);
        Some(fault)
    }
}

fn lost() -> Error {
    Error::new(codes::STORE, "planted: the answer was lost")
}

#[async_trait]
impl Store for FaultyStore {
    async fn put_if_absent(&self, name: &str, bytes: Vec<u8>) -> Result<Put> {
        match self.strike(name) {
            Some(Fault::FailBefore) => Err(lost()),
            Some(Fault::LoseAnswer) => {
                self.inner.put_if_absent(name, bytes).await?;
                Err(lost())
            }
            Some(Fault::Unsynced) => {
                self.inner.put_if_absent(name, bytes).await?;
                Err(Error::new(codes::UNSYNCED, "planted: the sync failed"))
            }
            None => self.inner.put_if_absent(name, bytes).await,
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.inner.get(name).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.inner.list(folder).await
    }

    async fn sweep(&self) -> Result<()> {
        self.inner.sweep().await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.inner.delete(name).await
    }

    fn create(&self, name: &str) -> Result<Box<dyn ArtefactWriter>> {
        self.inner.create(name)
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadSeek>> {
        self.inner.open(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use staunch_commit::manifest::Pins;
    use staunch_commit::store::LocalStore;
    use staunch_commit::{Committer, Draft, EpochKind, RunHead};
    use staunch_types::{Epoch, FixedClock, LocalFs, RunId, SeededRng};

    async fn claimed(store: Arc<dyn Store>, seed: u64) -> Committer {
        let rng = Arc::new(SeededRng::new(seed));
        let (mut committer, found) = Committer::start(store, Arc::new(FixedClock(0)), rng, 1).await.unwrap();
        let pins: Pins = serde_json::from_value(serde_json::json!({
            "format": 1, "run": "r", "now": 0, "profile": "dev", "full_refresh": false, "accept_change": false,
            "dead_letters_at_most": null, "origins": {}, "unchanged": [], "fingerprints": {}, "modes": {}, "base": "", "actor": ""
        }))
        .unwrap();
        let name = committer.put_pins(&pins).await.unwrap();
        let first = found.last_run.map(|r| r.first);
        let head = RunHead { run: RunId("r".into()), first, pins: name, standing: String::new() };
        committer.claim(head).await.unwrap();
        committer
    }

    /// An unknown outcome is asked about, never guessed: both ways round.
    #[test]
    fn a_lost_answer_of_the_commit_is_asked_about() {
        for (fault, decided) in [(Fault::LoseAnswer, true), (Fault::FailBefore, false)] {
            let dir = tempfile::tempdir().unwrap();
            let local: Arc<dyn Store> = Arc::new(
                LocalStore::open(dir.path(), Arc::new(LocalFs), Arc::new(SeededRng::new(7))).unwrap(),
            );
            let store = Arc::new(FaultyStore::new(local.clone()));
            let mut committer = block_on(claimed(store.clone(), 1));
            store.plant("epochs/", fault);
            let outcome = block_on(committer.commit(Draft::default(), EpochKind::Data, None));
            assert!(store.struck());
            assert_eq!(outcome.is_ok(), decided, "{fault:?}");
            let last = block_on(committer.log().last_epoch()).unwrap();
            assert_eq!(last, Some(Epoch(if decided { 2 } else { 1 })));
            if !decided {
                // The next start goes on from what the log says.
                let next = block_on(claimed(local, 2));
                assert_eq!(next.next_epoch(), Epoch(3));
            }
        }
    }

    /// What memory shows after a failed sync is no answer: the commit is not believed, and not applied. The next start decides.
    #[test]
    fn a_commit_whose_sync_failed_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let local: Arc<dyn Store> =
            Arc::new(LocalStore::open(dir.path(), Arc::new(LocalFs), Arc::new(SeededRng::new(7))).unwrap());
        let store = Arc::new(FaultyStore::new(local.clone()));
        let mut committer = block_on(claimed(store.clone(), 1));
        store.plant("epochs/", Fault::Unsynced);
        let error = block_on(committer.commit(Draft::default(), EpochKind::Data, None)).unwrap_err();
        assert_eq!(error.code(), codes::UNSYNCED);
        assert_eq!(block_on(committer.log().last_epoch()).unwrap(), Some(Epoch(2)), "it can be read");
        assert_eq!(block_on(claimed(local, 2)).next_epoch(), Epoch(4), "the next start goes on behind it");
    }
}
