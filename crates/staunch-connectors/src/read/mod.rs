//! The one read chain: decode → validate → id → lateness → PII, the same for every format.
//!
//! A format decodes a chunk into columns, one per field of the contract, and a list of faults; everything behind that
//! stands here. [`SequentialTurn`] is the prefix maximum for whoever reads chunks one after the other.

pub(crate) mod again;
pub(crate) mod cast;
pub(crate) mod chain;
pub(crate) mod column;
pub(crate) mod cut;
pub(crate) mod drift;
pub(crate) mod fault;
pub(crate) mod field;
pub(crate) mod input;
pub(crate) mod late;
pub(crate) mod nested;
pub(crate) mod parse;
pub(crate) mod pii;
pub(crate) mod plan;
pub(crate) mod split;
pub(crate) mod text;
mod turn;
pub(crate) mod unknown;

pub use turn::SequentialTurn;
