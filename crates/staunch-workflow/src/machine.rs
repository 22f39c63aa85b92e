//! The machine: state and event give state and effects.
//!
//! A [`Machine`] holds a definition and nothing that changes. All that changes is the [`Execution`], which a caller may write down
//! and restore between any two events. Whatever the machine wants done outside it asks for as an [`Effect`]; whatever happens
//! outside comes back as an [`Event`], with the time and the chance of its moment. The same events give the same effects.
//!
//! An execution is a set of *threads*: one for the definition itself, one for each branch of a Parallel state and for each item of a
//! Map state. They take turns, one small step each, so that histories of branches interleave as they do at AWS.

mod branches;
mod context;
pub(crate) mod data;
mod execution;
mod failing;
mod history;
mod items;
mod large;
mod protocol;
#[cfg(test)]
mod restored;
mod run;
mod task;
#[cfg(test)]
mod tests;

pub use execution::{Execution, Outcome, Status};
pub use history::HistoryEvent;
pub use large::LARGE_BYTES;
pub use protocol::{Effect, Event, Happening, Home, Start, Work};

use crate::definition::Definition;
use run::Run;

/// What an execution may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many events its history may hold; AWS allows 25,000. It is what stops a loop without an end.
    pub history_events: u64,
    /// How many small steps one call of [`Machine::step`] takes before it asks for [`Happening::Continue`].
    pub steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { history_events: 25_000, steps: 1_000 }
    }
}

/// A definition that can be run.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'d> {
    definition: &'d Definition,
    limits: Limits,
}

impl<'d> Machine<'d> {
    /// A machine of this definition, with the limits of AWS.
    #[must_use]
    pub fn new(definition: &'d Definition) -> Self {
        Self { definition, limits: Limits::default() }
    }

    /// The same machine with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Begins an execution, and goes on until it needs something from outside.
    #[must_use]
    pub fn start(&self, start: Start) -> (Execution, Vec<Effect>) {
        let mut run =
            Run::new(*self, Execution::new(self.definition.fingerprint(), &start), start.at, start.chance);
        run.begin();
        run.go_on();
        run.finish()
    }

    /// Takes one event in, and goes on until the execution needs something from outside again. An event that nobody waits for any
    /// more (of a task that was given up, of an execution that has ended, or of another definition) changes nothing.
    #[must_use]
    pub fn step(&self, execution: Execution, event: Event) -> (Execution, Vec<Effect>) {
        if execution.outcome.is_some() || execution.definition != self.definition.fingerprint() {
            return (execution, Vec::new());
        }
        let mut run = Run::new(*self, execution, event.at, event.chance);
        run.take(event.what);
        run.go_on();
        run.finish()
    }
}
