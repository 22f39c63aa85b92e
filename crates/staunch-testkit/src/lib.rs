//! What tests of several crates share.
//!
//! **What it is.** Stores that fail or lose answers on purpose, to show what the protocol does about it; targets read back by
//! other readers than ours; a simulated disk that loses what was not synced; campaigns that kill the real binary, or cut its power,
//! and compare what comes of it. The program
//! `staunch-chaos` runs whole campaigns for `cargo xtask chaos`.
//!
//! **What it is not.** It is no part of the product; nothing but tests depends on it.
//!
//! **Invariants.** What it injects is named by the caller, or drawn from a seed that is told.

pub mod campaign;
pub mod disk;
mod faulty;
pub mod tables;

pub use faulty::{Fault, FaultyStore};
