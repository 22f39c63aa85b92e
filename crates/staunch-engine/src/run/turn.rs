//! The one moment at which chunks wait for each other: the scan of the prefix maximum, in the order of the chunks.

use staunch_commit::PrefixTurn;
use staunch_types::Micros;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whose turn it is, and the highest event time of each split so far.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    next: u64,
    highest: BTreeMap<String, Micros>,
    abandoned: bool,
}

impl Turns {
    /// Chunk 0 is first; `highest` is what earlier runs or epochs saw.
    pub(crate) fn new(highest: BTreeMap<String, Micros>) -> Self {
        Self { state: Mutex::new(State { next: 0, highest, abandoned: false }), moved: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is only numbers: it is whole even if a holder panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of chunk `sequence`, which belongs to `split`.
    pub(crate) fn of<'a>(&'a self, sequence: u64, split: &'a str) -> Turn<'a> {
        Turn { turns: self, sequence, split, taken: false, after: None }
    }

    /// Lets everybody go: the run has failed and nobody will use the results.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.moved.notify_all();
    }
}

/// The turn of one chunk. Dropped without being taken, it is passed on, so that nobody waits for a chunk that failed.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    sequence: u64,
    split: &'a str,
    taken: bool,
    after: Option<Micros>,
}

impl Turn<'_> {
    /// The highest event time of the split up to and with this chunk, once the turn was taken.
    pub(crate) fn after(&self) -> Option<Micros> {
        self.after
    }

    fn take(&mut self, highest: Option<Micros>) -> Option<Micros> {
        let mut state = self.turns.lock();
        while state.next < self.sequence && !state.abandoned {
            state = self.turns.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let before = state.highest.get(self.split).copied();
        self.after = before.max(highest);
        if let Some(after) = self.after {
            state.highest.insert(self.split.to_owned(), after);
        }
        state.next = state.next.max(self.sequence + 1);
        self.taken = true;
        drop(state);
        self.turns.moved.notify_all();
        before
    }
}

impl PrefixTurn for Turn<'_> {
    fn exchange(&mut self, highest: Option<Micros>) -> Option<Micros> {
        self.take(highest)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.taken {
            self.take(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_see_what_came_before_whatever_thread_is_faster() {
        let turns = Turns::new(BTreeMap::from([("a".to_owned(), 5)]));
        let seen = Mutex::new(vec![None; 8]);
        std::thread::scope(|scope| {
            for sequence in (0..8u64).rev() {
                let (turns, seen) = (&turns, &seen);
                scope.spawn(move || {
                    let mut turn = turns.of(sequence, "a");
                    // Chunk 3 fails before its turn: the others must not hang.
                    if sequence != 3 {
                        let before = turn.exchange(Some(i64::try_from(sequence).unwrap() * 10));
                        seen.lock().unwrap()[usize::try_from(sequence).unwrap()] = before;
                    }
                });
            }
        });
        let seen = seen.into_inner().unwrap();
        assert_eq!(seen, [5, 5, 10, -1, 20, 40, 50, 60].map(|n| (n >= 0).then_some(n)));
    }
}
