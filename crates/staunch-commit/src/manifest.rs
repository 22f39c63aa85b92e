//! What an epoch decided, as it is stored. Every artefact carries its format version; `tests/fixtures` holds one of each
//! version that today's code must read.

use crate::ledger::{End, HashSum, Ledger};
use crate::sink::Segment;
use crate::source::{Origin, SplitPoint};
use crate::written::{Moved, Written};
use serde::{Deserialize, Serialize};
use staunch_types::{Epoch, Generation, Micros, Nonce, RegionId, RunId, WriteMode};
use std::collections::{BTreeMap, BTreeSet};

/// The version that this code writes. 2 added to 1 what has a default when it is missing: the sealed rows that targets
/// refused (`letters` of apply records, `region` of dead letters), rows that are tried again (`tried` of manifests), and the
/// mark of runs that only settle dead letters (`settles` of pins). In the middle of it came floors; the drift of reads, and the fields that they keep;
/// and the contracts of reads and writes (`contracts` of pins and of what stands, `moved` of manifests).
pub const FORMAT: u32 = 2;

/// `region`: the region's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// The name.
    pub region: RegionId,
}

/// `epochs/N`: the create of this record is the commit of epoch N.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// N.
    pub epoch: Epoch,
    /// The generation that committed it.
    pub generation: Generation,
    /// That generation's nonce: after a lost answer it tells whose create won.
    pub nonce: Nonce,
    /// The name of the manifest.
    pub manifest: String,
}

/// `floors/N`: the epochs up to N were collected, and nothing may be made of their numbers any more. The highest one counts. In
/// `floors.dead/N` and `floors.late/N` it says the same of dead letters and of late rows alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// N.
    pub floor: Epoch,
    /// When it was raised to there.
    pub written: Micros,
    /// The runs whose records are gone, oldest first, as far back as their ids are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collected: Vec<CollectedRun>,
}

/// What is left of a run whose records are gone: enough to say so, and to give its id to no other run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedRun {
    /// The run.
    pub run: RunId,
    /// Its first epoch.
    pub first: Epoch,
    /// Its last epoch.
    pub last: Epoch,
    /// When its last epoch was written.
    pub ended: Micros,
    /// The code that it failed with; `None` if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// `generations/G`: a start of the region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// G.
    pub generation: Generation,
    /// Its nonce.
    pub nonce: Nonce,
    /// When it started.
    pub started: Micros,
    /// Its process.
    pub pid: u32,
}

/// What kind of epoch this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EpochKind {
    /// The claim of a generation; the run's first one begins the run.
    Fence,
    /// Rows.
    Data,
    /// The end of the run.
    End {
        /// How it ended.
        end: RunEnd,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunEnd {
    /// Everything is committed (and, once applied, shown).
    Succeeded,
    /// It cannot succeed by itself: the code, the message and the next step.
    Failed {
        /// The code.
        code: String,
        /// The message.
        message: String,
        /// What to do.
        hint: String,
        /// What the epoch that failed had counted. Older manifests do not say it.
        #[serde(default)]
        uncommitted: Uncommitted,
    },
}

/// What an epoch had counted when it was given up, as far as that is known: nothing of it was committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted {
    /// Records found.
    pub records: u64,
    /// Dead letters.
    pub dead: u64,
    /// Late rows.
    pub late: u64,
}

impl From<&Ledger> for Uncommitted {
    fn from(ledger: &Ledger) -> Self {
        Self { records: ledger.found(), dead: ledger.dead(), late: ledger.late() }
    }
}

/// What one epoch holds for one sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkEpoch {
    /// The effective mode of the run (`--full-refresh` makes every write a replace).
    pub mode: WriteMode,
    /// A replace of a table that is an upsert in other runs: of rows with one key the latest counts, here too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyed: bool,
    /// What was staged in this epoch.
    pub segments: Vec<Segment>,
    /// Whether the epoch is to be applied: `append` and `upsert` when there are segments, `replace` at the run's end.
    pub apply: bool,
    /// The last earlier epoch that was to be applied to this sink.
    pub previous: Option<Epoch>,
    /// The near end of the edge: what the pipeline handed over in this epoch.
    #[serde(default)]
    pub near: End,
    /// For the rows at the head of the segments that this target refused before: how often each was tried, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<u32>,
    /// The target moves to another contract with this epoch, before its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// A part of an internal channel: a spool, dead letters or late rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSegment {
    /// The stage.
    pub stage: String,
    /// `out`, `dead` or `late`.
    pub port: String,
    /// The artefact.
    pub name: String,
    /// Rows, from the finished artefact.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// `manifests/…`: everything that one epoch decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The region.
    pub region: RegionId,
    /// The epoch.
    pub epoch: Epoch,
    /// The generation.
    pub generation: Generation,
    /// The generation's nonce.
    pub nonce: Nonce,
    /// The run.
    pub run: RunId,
    /// The run's first epoch: its first fence.
    pub run_first: Epoch,
    /// When it was written.
    pub written: Micros,
    /// The version of Staunch.
    pub staunch: String,
    /// Fence, data or end.
    #[serde(flatten)]
    pub kind: EpochKind,
    /// The artefact with the run's pins.
    pub pins: String,
    /// The artefact with what stands between runs, as of this epoch.
    pub standing: String,
    /// By read: where the next record begins. Opaque to the protocol.
    pub positions: BTreeMap<String, serde_json::Value>,
    /// Origins that this epoch finished, by read: ordinal in the pins and the point at their end.
    pub finished: BTreeMap<String, BTreeMap<usize, SplitPoint>>,
    /// Spools, dead letters, late rows.
    pub channels: Vec<ChannelSegment>,
    /// By write.
    pub sinks: BTreeMap<String, SinkEpoch>,
    /// The accounts of this epoch alone.
    pub ledger: Ledger,
    /// Dead letters that this epoch replayed or gave up: letters of earlier epochs with the same key count no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Settled>,
    /// What the run sealed (in its last epoch).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<Dataset>,
}

/// The mark of a dead letter that is dealt with: a second replay changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The read.
    pub read: String,
    /// The record id.
    pub id: String,
    /// The stage that had rejected it.
    pub stage: String,
    /// `repaired` (it was replayed; if it was rejected again there is a newer letter) or `discarded`.
    pub how: String,
}

/// A sealed, immutable result of a run: `pipeline/channel@run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// `pipeline/channel@run`.
    pub name: String,
    /// The write that shows it.
    pub write: String,
    /// `name@version` of its contract.
    pub contract: String,
    /// The fingerprint of its contract.
    pub fingerprint: String,
    /// Rows.
    pub rows: u64,
    /// The order-free hash sum of its rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hash: Option<HashSum>,
    /// What it lies in: published files by path and digest, or segments.
    pub segments: Vec<Segment>,
}

/// The definition of a stage, as it was when a run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// What identifies it, with everything above it.
    pub hash: String,
    /// What a person would compare.
    pub definition: String,
}

/// `pins/…`: what a run fixed when it began. Later generations of the run read the same artefact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pins {
    /// [`FORMAT`].
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// When it began; also what `now()` is in every query of the run.
    pub now: Micros,
    /// The profile.
    pub profile: String,
    /// Flags of the command line.
    pub full_refresh: bool,
    /// Goes on after an edit.
    pub accept_change: bool,
    /// A budget given on the command line.
    pub dead_letters_at_most: Option<f64>,
    /// By read: the origins to read, in order, and where each begins.
    pub origins: BTreeMap<String, Vec<PinnedOrigin>>,
    /// Reads that are skipped because nothing changed.
    pub unchanged: BTreeSet<String>,
    /// By stage.
    pub fingerprints: BTreeMap<String, Fingerprint>,
    /// By process stage, by column: the columns of its inputs (`stage.column`) that it is made of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lineage: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// By write: the effective mode.
    pub modes: BTreeMap<String, WriteMode>,
    /// What stood when the run began.
    pub base: String,
    /// Who asked.
    pub actor: String,
    /// Whether the run replays or discards dead letters. Its input is not among the pins, so it cannot be continued.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// By read and by write: the contract of the rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contracts: BTreeMap<String, Written>,
    /// The writes whose targets move to that contract from another, with the first epoch that they show.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<String, Moved>,
}

/// An origin of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedOrigin {
    /// The version that is read.
    #[serde(flatten)]
    pub origin: Origin,
    /// Where reading begins (after a run that failed inside it).
    #[serde(default)]
    pub from: SplitPoint,
}

/// `standing/…`: what stands between runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// [`FORMAT`].
    pub format: u32,
    /// By object, by path: the last version that was admitted.
    pub admitted: BTreeMap<String, BTreeMap<String, Admitted>>,
    /// By incremental read.
    pub progress: BTreeMap<String, Progress>,
    /// The inputs of the last successful run, by whole or reference read: path and version.
    pub inputs: BTreeMap<String, Vec<(String, u32)>>,
    /// The stages of the last run that began.
    pub fingerprints: BTreeMap<String, Fingerprint>,
    /// The stages of the last successful run.
    pub succeeded: BTreeMap<String, Fingerprint>,
    /// By write: the files that are live in the target.
    pub live: BTreeMap<String, Vec<Segment>>,
    /// By write: the last epoch that was to be applied.
    pub applied: BTreeMap<String, Epoch>,
    /// By write: the different contracts under which what it shows was written, the last one at the end. By read: that of the last run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contracts: BTreeMap<String, Vec<Written>>,
}

/// A content of a path that was admitted to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    /// What was read.
    #[serde(flatten)]
    pub origin: Origin,
    /// The digest of the whole content, once it was read to its end.
    pub digest: Option<String>,
}

/// How far an incremental read is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// By path: where the next record begins.
    pub paths: BTreeMap<String, SplitPoint>,
    /// By split: the highest event time so far (microseconds).
    pub prefix_max: BTreeMap<String, Micros>,
}
