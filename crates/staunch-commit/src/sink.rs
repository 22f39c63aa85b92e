//! What a sink promises: it stages what an epoch writes without showing it, and after the decision it shows it once,
//! however often it is asked.

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use staunch_contract::Contract;
use staunch_contract::migration::{Obstacle, Stored};
use staunch_types::{Epoch, Error, Generation, RegionId, Result, RunId, WriteMode, codes};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The exactly-once mechanism of a sink, by name, as `plan` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantee {
    /// `exactly-once-effect` and nothing weaker in this version.
    pub effect: String,
    /// How: one line.
    pub mechanism: String,
}

/// The name of what one epoch writes to one sink. Names are never used again: an epoch number is committed by one
/// generation only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentName {
    /// The region that writes.
    pub region: RegionId,
    /// The write: its name in the pipeline.
    pub write: String,
    /// The epoch that will decide about it.
    pub epoch: Epoch,
    /// The generation that stages it.
    pub generation: Generation,
}

/// A staged part of what an epoch writes: a descriptor; the bytes lie with the sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Where the sink staged it, in the sink's own words.
    pub staged: String,
    /// Where it will be published, for sinks that publish files; relative to the target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// Bytes.
    pub bytes: u64,
    /// Rows, counted from the finished artefact (a file's own footer), not from what was handed over.
    pub rows: u64,
    /// The order-free hash sum (`docs/design/0002-row-hash.md`) of what was handed to the encoder, 32 hexadecimal
    /// digits, by an implementation of its own.
    pub hash_sum: String,
    /// xxh3-128 of the artefact's bytes, 32 hexadecimal digits.
    pub digest: String,
}

/// Who asks, when a target is told at recovery or to sweep.
#[derive(Debug, Clone)]
pub struct Fence {
    /// The region.
    pub region: RegionId,
    /// The generation that asks; older ones must not write any more.
    pub generation: Generation,
}

/// The order to show an epoch.
#[derive(Debug, Clone)]
pub struct ApplyWork {
    /// The region.
    pub region: RegionId,
    /// The run.
    pub run: RunId,
    /// The generation that applies.
    pub generation: Generation,
    /// The epoch to apply.
    pub epoch: Epoch,
    /// The last earlier epoch that had something to apply to this sink, if any.
    pub previous: Option<Epoch>,
    /// How.
    pub mode: WriteMode,
    /// For a replace of a table that is an upsert in other runs: of rows with one key the latest counts, the others are
    /// superseded.
    pub keyed: bool,
    /// What: for `append` and `upsert` the segments of this epoch; for `replace` those of the whole run.
    pub segments: Vec<Segment>,
    /// Rows that the target may refuse before the apply is taken back as `Sink.Rejected`; `None`: no bound but the sink's own.
    pub rejected_at_most: Option<u64>,
    /// For `replace`: the files that are live before it and not after it (sinks that publish files).
    pub obsolete: Vec<String>,
    /// The contract of the rows, where it is not that of the sink: what was decided before an edit is shown as it was decided.
    pub contract: Option<Arc<Contract>>,
    /// The contract that the target is under, where this epoch moves it to that of the rows.
    pub from: Option<Arc<Contract>>,
}

/// What a target is to be ready for.
#[derive(Debug, Clone)]
pub struct Ready {
    /// How rows will enter.
    pub mode: WriteMode,
    /// The contract that it is under, where the run moves it to that of the sink.
    pub from: Option<Arc<Contract>>,
}

impl Ready {
    /// For rows of the contract that it is under.
    #[must_use]
    pub fn new(mode: WriteMode) -> Self {
        Self { mode, from: None }
    }
}

/// What a look at a target shows; see [`Sink::look`].
#[derive(Debug, Default)]
pub struct Look {
    /// Whether the target is there.
    pub there: bool,
    /// The last epoch that it shows, where it keeps its position.
    pub position: Option<Epoch>,
    /// Published files that should be there and are not.
    pub gone: Vec<String>,
    /// What an apply to come asks for and will not find as it was staged.
    pub broken: Vec<Error>,
}

/// What the target says that it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Rows inserted or changed.
    pub applied: u64,
    /// Rows that were there already with these values.
    pub unchanged: u64,
    /// Rows that a later row of the same work with the same key replaced.
    pub superseded: u64,
    /// Rows that the target refused, each with its ordinal in the work and the reason (never a value), ascending.
    pub dead: Vec<(u64, String)>,
    /// Rows read from the segments.
    pub rows: u64,
    /// The hash sum of the rows as apply read them, where it reads rows; `None` where it moves files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hash_sum: Option<String>,
}

/// A target.
///
/// `stage` and the writer may block; `apply` and `recover` are awaited by the coordinator, which does one thing at
/// a time.
#[async_trait]
pub trait Sink: Send + Sync {
    /// One line for `plan`: where rows go, and in which form.
    fn describe(&self) -> String;

    /// The mechanism by which nothing is shown twice.
    fn guarantee(&self) -> Guarantee;

    /// Whether this sink can keep `mode`.
    fn supports(&self, mode: WriteMode) -> bool;

    /// Looks at the target before anything is read: reachable, writable, of a shape that takes the contract, or can be brought to one. Creates
    /// what is missing, and alters nothing.
    ///
    /// # Errors
    /// `Sink.Unavailable`, `Sink.Schema`.
    async fn prepare(&self, ready: &Ready) -> Result<()>;

    /// What kind of thing lies stored in it.
    fn stored(&self) -> Stored;

    /// How the target would be altered if it moved to the contract of the sink from `from`: one statement each; none where it takes the rows as
    /// it is. Nothing is made or changed.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    async fn alterations(&self, _from: &Contract) -> Result<Result<Vec<String>, Vec<Obstacle>>> {
        Ok(Ok(Vec::new()))
    }

    /// Fences older generations and says up to which epoch the target has applied (`None`: nothing yet, or a target
    /// that keeps no position, like a folder of files).
    ///
    /// # Errors
    /// `Sink.Unavailable`; `Sink.Ahead` if the target holds another region's position.
    async fn recover(&self, fence: &Fence) -> Result<Option<Epoch>>;

    /// Whether the target itself keeps the position that [`Sink::recover`] tells.
    fn keeps_position(&self) -> bool;

    /// Starts what an epoch writes. Nothing of it is visible until it is applied.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    fn stage(&self, name: &SegmentName) -> Result<Box<dyn SegmentWriter>>;

    /// Shows an epoch. Asked again, it does nothing and gives the same answer.
    ///
    /// # Errors
    /// `Sink.Unavailable`, `Sink.Ahead`, `Sink.Rejected`; `Store.Corrupt` if a staged segment is gone or damaged.
    async fn apply(&self, work: &ApplyWork) -> Result<Applied>;

    /// Removes what this generation and older ones staged and nobody needs any more: for epochs that will never be
    /// committed, and what applied epochs left behind. `needed` are the `staged` names that an apply to come will ask for.
    /// What a newer generation staged stays, whoever asks.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    async fn sweep(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<()>;

    /// The sizes of what [`Sink::sweep`] would remove.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    async fn to_sweep(&self, _fence: &Fence, _needed: &BTreeSet<String>) -> Result<Vec<u64>> {
        Ok(Vec::new())
    }

    /// The first rows of what is shown, in the schema of the contract: at most `limit`, for people to look at. `live` are the
    /// published segments (sinks that publish files).
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    async fn preview(&self, live: &[Segment], limit: usize) -> Result<RecordBatch>;

    /// Looks at the target, and at what is staged for it, without making, fencing or changing anything. `live` are the published
    /// segments, `needed` those that an apply to come asks for.
    ///
    /// # Errors
    /// `Sink.Unavailable`; `Sink.Ahead` if it holds what another region wrote.
    async fn look(&self, region: &RegionId, live: &[Segment], needed: &[Segment]) -> Result<Look>;

    /// Rows of staged segments that the target refused, by their ordinals in the work (ascending), in the schema of the
    /// contract: to be kept as dead letters before the segments are swept. Not [`Sink::preview`], which reads the target:
    /// these rows never reached it. A sink that never refuses a row need not have it.
    ///
    /// # Errors
    /// `Store.Corrupt` if a staged segment is gone or damaged.
    fn rows<'a>(&'a self, _segments: &'a [Segment], _ordinals: &'a [u64]) -> Result<Rows<'a>> {
        Err(Error::new(codes::INTERNAL, "this target refuses no rows"))
    }
}

/// Rows, batch by batch.
pub type Rows<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + Send + 'a>;

/// Takes the rows of one epoch for one sink. The order of the rows that a sink may refuse is kept: it gives them their
/// ordinals.
pub trait SegmentWriter: Send {
    /// Adds rows, in the schema of the write's contract.
    ///
    /// # Errors
    /// `Sink.Unavailable` (disk full and the like).
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Ends it: what was written is durable when this returns. No rows, no segments.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    fn finish(self: Box<Self>) -> Result<Vec<Segment>>;
}
