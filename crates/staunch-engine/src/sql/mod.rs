//! From SQL text to a stage that is known through and through before anything runs.
//!
//! **What it is.** [`plan_stage`] plans one query against the contracts of its inputs and says what it is: whether each output row
//! depends on one input row ([`Shape::PerRow`]) or not ([`Shape::WholeInput`]), what comes out and under which contract, which columns
//! are used, what has to be asserted while it runs, and what cannot be reproduced. [`session`] makes the DataFusion session in
//! which stages are bound and executed.
//!
//! **What it is not.** Nothing is read here. Syntax, edges and names of stages are the pipeline's matter; both parse the same dialect.
//!
//! **Invariants.** SQL is planned in `plan_sql` and nowhere else; a session is made in `session` and nowhere else. Queries only: no
//! statement that changes anything, no file, no catalog. Planning runs on a stack of its own. Errors point into the user's file and
//! quote SQL, never data. Integer arithmetic fails where it would wrap.
//!
//! ```text
//! text ─ parse ─ plan ─ analyse ─┬─ facts: nullability, keys, lineage, what is reproducible
//!                                ├─ chain: per-row steps          (if each row stands alone)
//!                                └─ whole: a plan over leaves     (if not)
//! ```

mod budget;
mod checked;
mod common;
mod deep;
mod deterministic;
mod digits;
mod doubles;
mod ends;
mod escaped;
mod explain;
mod facts;
mod fail;
mod flat;
mod gaps;
mod guarded;
mod instants;
mod intervals;
mod lineage;
mod long;
mod mean;
mod named;
mod not_in;
mod place;
mod plan_sql;
mod reconcile;
mod records;
mod rewrite;
mod session;
mod signed;
mod stage;
mod strict;
mod sum;
mod swallowed;
mod zeros;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use budget::{Budget, widest, width};
pub(crate) use checked::{operator as checked_operator, restore as operators};
pub(crate) use deep::{big_stack, grown};
pub(crate) use facts::equi_join;
pub(crate) use fail::{Failure, Stop, failure, memory, query_error, through};
pub(crate) use flat::is_chain;
pub(crate) use place::start;
pub(crate) use plan_sql::{parse, plan_sql, with_tables};
pub(crate) use session::{planning, state};
pub(crate) use stage::nullable;

pub use deep::DEEPEST;
pub use explain::{explain, shape};
pub use lineage::{ColumnLineage, InputColumn};
pub use session::{STACK_BYTES, SessionSpec, session};
pub use stage::{Relation, Shape, StagePlan, plan_stage};
