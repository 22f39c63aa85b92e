//! Staunch: state-safe, type-safe data pipelines.
//!
//! **What it is.** The facade of the library: the verbs of [`staunch_app`] and the words of [`staunch_types`]. The binary of the
//! same name is a command line over it.
//!
//! **What it is not.** It adds nothing of its own; the typed Rust API for declaring pipelines comes with its issue.
//!
//! **Invariants.** Only the binary reads the environment and the terminal.

pub use staunch_app as app;
pub use staunch_types as types;
