//! The control store: who runs what now, and what has been run.
//!
//! **What it is.** Leases (one start of a pipeline at a time) and the index of runs, behind one trait, [`Control`]. On one machine that
//! is [`ControlStore`]: lock files of the operating system, and a SQLite database in the state folder.
//!
//! **What it is not.** It is not the truth about data: that is the epoch log. The index of runs is made from it and can be made again;
//! nothing is decided by a row of it. Executions and schedules come with the workflows issue, a PostgreSQL store with the server.
//!
//! **Invariants.** A lease is freed by the end of its holder, however that ends. A store of a newer version is refused, never
//! changed. A damaged index is moved aside, never mended; the caller is told to rebuild, again and again, until it says
//! [`Control::rebuilt`]. Times come from the caller.
//!
//! ```
//! use staunch_control::{Control, ControlStore, RunRow, RunState};
//! use staunch_types::RunId;
//!
//! # let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
//! let store = ControlStore::open(dir.path()).map_err(|e| e.to_string())?;
//! if store.outcome().needs_rebuild() {
//!     store.forget_all().map_err(|e| e.to_string())?;
//!     // ... one `upsert_run` for every run in the epoch logs ...
//!     store.rebuilt().map_err(|e| e.to_string())?;
//! }
//! let lease = store.lease("delays", 4711, 1_763_712_000_000_000).map_err(|e| e.to_string())?;
//! assert!(store.lease("delays", 4712, 1_763_712_000_000_001).is_err());
//! let row = RunRow::begun(RunId("r1".into()), "delays", 1_763_712_000_000_000);
//! store.upsert_run(&row).map_err(|e| e.to_string())?;
//! assert_eq!(row.state, RunState::RUNNING);
//! assert_eq!(store.runs(Some("delays"), 10).map_err(|e| e.to_string())?, [row]);
//! drop(lease);
//! # Ok::<(), String>(())
//! ```

mod control;
mod lease;
pub mod look;
mod sqlite;

pub use control::{Control, OpenOutcome, RunRow, RunState};
pub use lease::Lease;
pub use sqlite::ControlStore;
