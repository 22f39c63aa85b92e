//! The commit: how a run becomes durable, one epoch after the other, and how it is found again after a crash.
//!
//! **What it is.** The [`Store`] of durable artefacts; generations, epochs and manifests; apply records and
//! recovery; the ledger; dead letters; datasets. The [`Source`] and [`Sink`] traits stand here, beside the
//! protocol that they obey.
//!
//! **What it is not.** It opens no file of a user and speaks to no database (that is `staunch-connectors`), and
//! it plans and runs no query (that is `staunch-engine`). To the protocol itself positions are opaque and segments are
//! descriptors, never batches.
//!
//! **Invariants.** The create of `epochs/N` *is* the commit of epoch N; nothing else decides. A committed epoch is
//! never skipped. An unknown outcome is asked about, never guessed. Nothing knows DataFusion.

pub mod sink;
pub mod source;

pub use sink::{Applied, ApplyWork, Fence, Guarantee, Segment, SegmentName, SegmentWriter, Sink};
pub use source::{
    Chunk, ChunkWork, DeadRow, Listed, Origin, PrefixTurn, RawRows, ReadRows, Source, SplitPoint, Splitter,
};
