//! What all parts of one run share.

use super::env::Env;
use super::graph::Graph;
use staunch_commit::{Pins, Sink};
use staunch_contract::Contract;
use staunch_types::{Epoch, Error, Result, codes};
use std::collections::BTreeMap;
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
}

impl<'a> RunCx<'a> {
    pub(crate) fn new(
        graph: &'a Graph,
        sinks: &'a Sinks,
        env: &'a Env,
        pins: Pins,
        previous: BTreeMap<String, Epoch>,
    ) -> Self {
        Self { graph, sinks, env, pins, previous: Mutex::new(previous) }
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

    /// The reads that this run skips.
    pub(crate) fn skips(&self, read: &str) -> bool {
        self.pins.unchanged.contains(read)
    }
}
