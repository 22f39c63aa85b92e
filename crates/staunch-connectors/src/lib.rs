//! Connectors: how records get from files and databases into Arrow, and back.
//!
//! **What it is.** `formats/` turns bytes into columns (CSV, newline-delimited JSON, Parquet, Avro); `systems/` knows where the
//! bytes lie (folders of files, databases); `read/` is the one chain between the two, the same for every source:
//! decode → validate → id → lateness → PII.
//!
//! **What it is not.** It decides about no epoch (that is `staunch-commit`) and knows no query (that is `staunch-engine`).
//! A bad row is not an error here: it leaves the chain beside the good ones, with its reason and its place.
//!
//! **Invariants.** A chunk is decoded once, columnar, whatever is wrong with its rows. Where a chunk ends depends only on
//! where it begins and on the data. No value of a row stands in a message. No personal value leaves [`read`] untreated, but
//! in the raw bytes of dead rows, which are sealed before they are stored. No input makes this crate panic.
//!
//! ```text
//!  file ──► decompress ──► cut at record ends ──► chunk ─┬─► decode + validate ─► id ─► lateness ─► PII ──► batch
//!            (one thread, hashes what it passes)         └─► ... (any thread)            ▲
//!                                                              prefix maximum, chunk after chunk
//! ```

pub mod formats;
pub mod read;
pub mod rowhash;
pub mod systems;
#[cfg(test)]
mod testdata;
