//! What tests of several crates share.
//!
//! **What it is.** Stores that fail or lose answers on purpose, to show what the protocol does about it.
//!
//! **What it is not.** It is no part of the product; nothing but tests depends on it. The simulated disk and the connector suite
//! come with the issue that attacks the trunk.
//!
//! **Invariants.** What it injects is named by the caller: nothing here is random.

mod faulty;

pub use faulty::{Fault, FaultyStore};
