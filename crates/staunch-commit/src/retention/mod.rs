//! Retention: what a log lets go, and when.
//!
//! [`look`] gathers the facts and says what is to go; [`collect`] does it: first the floors are raised, durably, then
//! artefacts are deleted, one after the other. It may end after any step; the next collection goes on from whatever it finds.
//!
//! **Invariants.** A run is collected as a whole, and the newest never. What is not shown yet, and what is not ended, stays
//! with everything behind it. An artefact goes if a floor says so, or if nothing refers to it and its epoch is *settled*:
//! decided, and shown with all before it, so that nobody can come to refer to it any more. The highest record of a generation
//! and of a floor stays: their numbers are never used again.

mod collect;
mod decide;
mod look;
#[cfg(test)]
mod tests;

pub use collect::collect;
pub use decide::{Decision, Keep, RunFacts, decide};
pub use look::{Collection, Doomed, Kind, look};
