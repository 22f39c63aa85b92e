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

pub mod commit;
pub mod dead;
pub mod drift;
pub mod floor;
pub mod inspect;
pub mod ledger;
pub mod log;
pub mod manifest;
pub mod refused;
pub mod retention;
pub mod rowhash;
pub mod seal;
pub mod sink;
pub mod source;
pub mod spool;
pub mod store;
pub mod unknown;
pub mod written;

pub use commit::{Committer, Draft, Found, RunHead};
pub use dead::{DeadLetter, DeadOrigin, DeadWriter, read_dead, record_id};
pub use drift::Drift;
pub use floor::Floors;
pub use ledger::{EdgeAccount, End, HashSum, Ledger, ReadAccount, StageAccount, WriteAccount};
pub use log::{ApplyRecord, Log, RunState};
pub use manifest::{
    Admitted, ChannelSegment, CollectedRun, Dataset, EpochKind, Fingerprint, Manifest, PinnedOrigin, Pins,
    Progress, RunEnd, Settled, SinkEpoch, Standing, Uncommitted,
};
pub use seal::{ProfileKey, Sealer};
pub use sink::{
    Applied, ApplyWork, Fence, Guarantee, Look, Ready, Rows, Segment, SegmentName, SegmentWriter, Sink,
};
pub use source::{
    Chunk, ChunkWork, DeadRow, Listed, Origin, PrefixTurn, RawRecord, RawRows, ReadRows, Source, SplitPoint,
    Splitter, UnknownRow,
};
pub use unknown::{KEPT, UNKNOWN, UnknownWriter, read_unknown};
pub use written::{Moved, Written};
