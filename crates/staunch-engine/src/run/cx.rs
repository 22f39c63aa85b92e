//! What all parts of one run share.

use super::env::Env;
use super::graph::Graph;
use super::moves;
use staunch_commit::{Moved, Pins, Sink, Written};
use staunch_contract::Contract;
use staunch_types::{Epoch, Error, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The sinks of a pipeline, by the name of the write.
pub type Sinks = BTreeMap<String, Arc<dyn Sink>>;

/// A run and what it works with.
pub(crate) struct RunCx<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) sinks: &'a Sinks,
    pub(crate) env: &'a Env,
    pub(crate) pins: Pins,
    /// By write: the last epoch that was to be applied, in this run or before.
    previous: Mutex<BTreeMap<String, Epoch>>,
    /// By write: what is staged for epochs that a full refresh gives up. They are void only when it has succeeded.
    given_up: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// By write: the moves of this run that no epoch has decided yet.
    moves: Mutex<BTreeMap<String, Moved>>,
    /// By read and by write: the contracts of the plan, as the log keeps them.
    contracts: BTreeMap<String, Written>,
}

impl<'a> RunCx<'a> {
    pub(crate) fn new(
        graph: &'a Graph,
        sinks: &'a Sinks,
        env: &'a Env,
        pins: Pins,
        previous: BTreeMap<String, Epoch>,
        open_moves: BTreeMap<String, Moved>,
    ) -> Self {
        let (previous, open_moves) = (Mutex::new(previous), Mutex::new(open_moves));
        let contracts = moves::contracts(graph);
        Self { graph, sinks, env, pins, previous, given_up: Mutex::default(), moves: open_moves, contracts }
    }

    /// The contract of the rows that a run with these pins made for a write, where it is not that of the plan: it was edited since.
    pub(crate) fn contract_of_rows(&self, pins: &Pins, write: &str) -> Result<Option<Arc<Contract>>> {
        match (pins.contracts.get(write), self.contracts.get(write)) {
            (Some(then), Some(now)) if !then.same(now) => then.open().map(Some),
            _ => Ok(None),
        }
    }

    /// The move that the next epoch with something for a write decides.
    pub(crate) fn open_move(&self, write: &str) -> Option<Moved> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner).get(write).cloned()
    }

    /// An epoch has decided it.
    pub(crate) fn note_move(&self, write: &str) {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner).remove(write);
    }

    pub(crate) fn sink(&self, write: &str) -> Result<&Arc<dyn Sink>> {
        self.sinks
            .get(write)
            .ok_or_else(|| Error::new(codes::INTERNAL, format!("the write `{write}` has no sink")))
    }

    pub(crate) fn contract(&self, channel: &str) -> Result<Arc<Contract>> {
        self.graph
            .contract(channel)
            .cloned()
            .ok_or_else(|| Error::new(codes::INTERNAL, format!("the channel `{channel}` has no contract")))
    }

    pub(crate) fn previous_apply(&self, write: &str) -> Option<Epoch> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner).get(write).copied()
    }

    pub(crate) fn note_apply(&self, write: &str, epoch: Epoch) {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner).insert(write.to_owned(), epoch);
    }

    /// Gives up what a target refuses: it stands at the epoch `before`, and what is staged for it lies there until the run has
    /// succeeded.
    pub(crate) fn give_up(&self, write: &str, before: Option<Epoch>, staged: BTreeSet<String>) {
        let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        match before {
            Some(epoch) => previous.insert(write.to_owned(), epoch),
            None => previous.remove(write),
        };
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(write.to_owned(), staged);
    }

    /// What is staged for epochs that are given up.
    pub(crate) fn given_up(&self, write: &str) -> BTreeSet<String> {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.get(write).cloned().unwrap_or_default()
    }

    /// The reads that this run skips.
    pub(crate) fn skips(&self, read: &str) -> bool {
        self.pins.unchanged.contains(read)
    }
}
