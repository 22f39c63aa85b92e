//! Per-row stages: steps over batches, each output row made of one input row.
//!
//! **What it is.** A query whose output rows each depend on one input row is lowered from its analysed plan to a [`RowPlan`]: filters,
//! projections, unnests, and equi-joins with reference data. Bound ([`RowPlan::bind`]), it is a [`RowChain`]: expressions and hash tables,
//! shared by all threads, that turns a batch into a batch of the contract, dead rows, and counts.
//!
//! **What it is not.** No rule of an optimiser moves an expression past a filter or a join here: constants are folded, columns that
//! nobody uses are left out, and that is all. No row is held back.
//!
//! **Invariants.** A row that a filter removed is not evaluated further. The conditions of an `AND` in `WHERE` are tried one after
//! the other, each on the rows that are left. An expression that fails costs the rows on which it fails, found by halving the batch. Output rows
//! keep the order of the input. For every batch: rows = passed + filtered + dead.
//!
//! ```text
//! batch ─ filter ─ join ─ project ─ ... ─ coerce ─ batch of the contract
//!            └───────┴───────┴───────────────┴──── dead rows, with the step that rejected them
//! ```

mod bind;
mod eval;
mod join;
mod lower;
mod prune;
mod run;
mod table;
mod unnest;

#[cfg(test)]
mod any_row;
#[cfg(test)]
mod tests;

pub(crate) use lower::{lower, scanned};
pub use run::{ChainOut, DeadByStage, RowChain};
pub(crate) use unnest::taken_apart;

use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Expr, LogicalPlan};
use staunch_contract::coerce::Coercion;

/// The plan of a per-row stage.
#[derive(Debug, Clone)]
pub struct RowPlan {
    pub(crate) stage: String,
    /// The input whose rows go through.
    pub(crate) source: String,
    /// The columns of the source that are used, in its order; all nullable.
    pub(crate) input: SchemaRef,
    /// What the steps give, before it is coerced; all nullable.
    pub(crate) output: SchemaRef,
    pub(crate) steps: Vec<Step>,
    pub(crate) coercion: Coercion,
    /// The levels of the deepest expression.
    pub(crate) depth: usize,
}

impl RowPlan {
    /// The stage whose rows go through; all other inputs are reference data.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// One step, over batches that hold the columns of `input` in its order.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Keeps the rows for which the predicate is true, and of them the columns `keep`.
    Filter { predicate: Expr, input: DFSchemaRef, keep: Vec<usize> },
    /// Makes new columns.
    Project { exprs: Vec<Expr>, input: DFSchemaRef },
    /// Makes a row of each element: of the columns `lists` of the input. `from` are the columns that the output columns come from.
    Unnest { lists: Vec<usize>, from: Vec<usize>, input: DFSchemaRef, output: DFSchemaRef },
    /// Looks rows up in reference data.
    Join(Box<JoinStep>),
}

/// An equi-join with reference data.
#[derive(Debug, Clone)]
pub(crate) struct JoinStep {
    /// Whether a row without a match goes on, with nulls.
    pub(crate) outer: bool,
    /// Whether null keys equal each other.
    pub(crate) null_equal: bool,
    /// What is looked up: first the keys, then the columns that are used.
    pub(crate) build: LogicalPlan,
    /// The keys of a row, as many as the build side has.
    pub(crate) keys: Vec<Expr>,
    pub(crate) input: DFSchemaRef,
    /// The columns of `input` that are used above.
    pub(crate) probe: Vec<usize>,
    /// Further conditions, over `pair`: the probe's columns, then those of the build side.
    pub(crate) residual: Vec<Expr>,
    pub(crate) pair: DFSchemaRef,
    /// The columns of `pair` that go on.
    pub(crate) keep: Vec<usize>,
}
