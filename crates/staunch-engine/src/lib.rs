//! The engine: the only home of DataFusion.
//!
//! **What it is.** SQL is planned against contracts ([`sql::plan_stage`]). A stage becomes a chain of per-row steps ([`chain`]) or a
//! plan over whole inputs ([`whole`]), which reads replayable [`Leaf`]s.
//!
//! **What it is not.** It names no connector and reads no file of a project. What is committed, and when, is the commit's matter.
//!
//! **Invariants.** One function makes a session ([`sql::session`]) and one plans SQL. A bad row of a per-row stage costs that row
//! and nothing else. Memory comes out of the session's budget; beyond it plans spill or fail.

pub mod chain;
mod leaf;
pub mod run;
pub mod sql;
pub mod whole;

pub use leaf::{Leaf, LeafBatches};
