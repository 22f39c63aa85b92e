//! The epoch log, for reading: the truth about data.

use crate::commit::Draft;
use crate::ledger::{End, HashSum, Ledger, WriteAccount};
use crate::manifest::{
    ChannelSegment, Dataset, EpochKind, EpochRecord, FORMAT, GenerationRecord, Manifest, Pins, RegionRecord,
    RunEnd, Settled, SinkEpoch, Standing,
};
use crate::sink::Applied;
use crate::source::SplitPoint;
use crate::store::{Store, missing};
use serde::de::DeserializeOwned;
use staunch_types::{Epoch, Error, Generation, Micros, RegionId, Result, RunId, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The log of one region.
#[derive(Debug, Clone)]
pub struct Log {
    store: Arc<dyn Store>,
}

/// `applied/N/<write>`: what a target said about an epoch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ApplyRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// The write.
    pub write: String,
    /// The epoch.
    pub epoch: Epoch,
    /// The target's answer.
    #[serde(flatten)]
    pub applied: Applied,
    /// The rows that it refused, as dead letters. None where it refused none, and in records of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letters: Option<ChannelSegment>,
}

impl Log {
    /// The log in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The region's id, if it has one.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn region(&self) -> Result<Option<RegionId>> {
        let record: Option<RegionRecord> = self.read_json("region").await?;
        Ok(record.map(|r| r.region))
    }

    /// The highest committed epoch.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn last_epoch(&self) -> Result<Option<Epoch>> {
        let names = self.store.list("epochs").await?;
        names.last().map(|name| number(name).map(Epoch)).transpose()
    }

    /// All committed epochs above the floor, ascending.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn epochs(&self) -> Result<Vec<Epoch>> {
        let floor = self.floor().await?;
        let numbers = self.numbers("epochs").await?.into_iter().map(Epoch);
        Ok(numbers.filter(|epoch| *epoch > floor).collect())
    }

    /// The numbers that name the artefacts of a folder, ascending.
    pub(crate) async fn numbers(&self, folder: &str) -> Result<Vec<u64>> {
        self.store.list(folder).await?.iter().map(|name| number(name)).collect()
    }

    /// The highest generation that was ever started.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn last_generation(&self) -> Result<Option<Generation>> {
        let names = self.store.list("generations").await?;
        names.last().map(|name| number(name).map(Generation)).transpose()
    }

    /// The record of a generation.
    ///
    /// # Errors
    /// `Store.Corrupt` if it is missing.
    pub async fn generation(&self, generation: Generation) -> Result<GenerationRecord> {
        self.need_json(&generation_name(generation)).await
    }

    /// The record of a committed epoch.
    ///
    /// # Errors
    /// `Store.Corrupt` if it is missing.
    pub async fn record(&self, epoch: Epoch) -> Result<EpochRecord> {
        let name = epoch_name(epoch);
        self.read_json(&name).await?.ok_or_else(|| missing(&name))
    }

    /// The manifest of a committed epoch.
    ///
    /// # Errors
    /// `Store.Corrupt` if it is missing or of another format.
    pub async fn manifest(&self, epoch: Epoch) -> Result<Manifest> {
        let record = self.record(epoch).await?;
        self.need_json(&record.manifest).await
    }

    /// The pins that a manifest refers to.
    ///
    /// # Errors
    /// `Store.Corrupt` if they are missing.
    pub async fn pins(&self, manifest: &Manifest) -> Result<Pins> {
        self.need_json(&manifest.pins).await
    }

    /// What stands between runs; the default for the name `""`.
    ///
    /// # Errors
    /// `Store.Corrupt` if it is missing.
    pub async fn standing(&self, name: &str) -> Result<Standing> {
        if name.is_empty() {
            return Ok(Standing { format: FORMAT, ..Standing::default() });
        }
        self.need_json(name).await
    }

    /// What a target said about an epoch, if it was applied.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn applied(&self, epoch: Epoch, write: &str) -> Result<Option<ApplyRecord>> {
        self.read_json(&applied_name(epoch, write)).await
    }

    /// The run whose last committed epoch is `last`, folded from its manifests.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn run_ending_at(&self, last: Epoch) -> Result<RunState> {
        let newest = self.manifest(last).await?;
        let pins = self.pins(&newest).await?;
        let mut state = RunState::new(&newest, pins);
        let mut epoch = newest.run_first;
        while epoch < last {
            let manifest = self.manifest(epoch).await?;
            state.fold(&manifest);
            epoch = epoch.next();
        }
        state.fold(&newest);
        for (write, sinks) in &state.sinks.clone() {
            for (epoch, sink) in sinks {
                if sink.apply
                    && let Some(record) = self.applied(*epoch, write).await?
                {
                    state.note_applied(write, *epoch, &record.applied);
                }
            }
        }
        Ok(state)
    }

    /// All runs above the floor, oldest first, each with its first and last epoch.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn runs(&self) -> Result<Vec<(RunId, Epoch, Epoch)>> {
        self.steadily(async || self.runs_once().await).await
    }

    async fn runs_once(&self) -> Result<Vec<(RunId, Epoch, Epoch)>> {
        let mut runs: Vec<(RunId, Epoch, Epoch)> = Vec::new();
        for epoch in self.epochs().await? {
            let manifest = self.manifest(epoch).await?;
            match runs.last_mut() {
                Some((run, _, last)) if *run == manifest.run => *last = epoch,
                _ => runs.push((manifest.run, manifest.run_first, epoch)),
            }
        }
        Ok(runs)
    }

    /// The run of this id.
    ///
    /// # Errors
    /// `Run.Unknown` if there is none, `Run.Collected` if it was collected.
    pub async fn find_run(&self, id: &RunId) -> Result<RunState> {
        let find = async || match self.runs_once().await?.into_iter().find(|(run, ..)| run == id) {
            Some((_, _, last)) => self.run_ending_at(last).await,
            None => Err(self.no_run(id).await?),
        };
        self.steadily(find).await
    }

    /// The earlier run whose committed epochs are not all shown, if there is one. Between it and the run that begins at `first`
    /// lie only runs that came to nothing: none goes on, and none succeeds, before what was committed is shown, or replaced by a
    /// full refresh. One that failed came to nothing as well. What was collected is shown.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn leftover(&self, first: Epoch) -> Result<Option<RunState>> {
        let floor = self.floor().await?;
        let mut before = first;
        while before > floor.next() {
            let run = self.run_ending_at(Epoch(before.0 - 1)).await?;
            if !run.fully_applied() {
                return Ok(Some(run));
            }
            let came_to_something = !run.sinks.is_empty() && !run.pins.full_refresh;
            if run.end == Some(RunEnd::Succeeded) || came_to_something {
                return Ok(None);
            }
            before = run.first;
        }
        Ok(None)
    }

    pub(crate) async fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(bytes) = self.store.get(name).await? else { return Ok(None) };
        parse_versioned(name, &bytes).map(Some)
    }

    async fn need_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        self.read_json(name).await?.ok_or_else(|| missing(name))
    }
}

/// Parses an artefact, after its format version.
fn parse_versioned<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    if let Ok(found) = serde_json::from_slice::<Version>(bytes)
        && found.format > FORMAT
    {
        return Err(Error::new(
            codes::STORE_CORRUPT,
            format!("`{name}` has format {}, and this version reads up to {FORMAT}", found.format),
        )
        .hint("use the newer version of Staunch that wrote it"));
    }
    serde_json::from_slice(bytes).map_err(|e| {
        Error::new(codes::STORE_CORRUPT, format!("`{name}` is damaged"))
            .cause(e.to_string())
            .hint("restore the state folder from a backup")
    })
}

/// A run as its manifests tell it.
#[derive(Debug, Clone)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// Its first fence.
    pub first: Epoch,
    /// Its last committed epoch.
    pub last: Epoch,
    /// The newest generation that committed for it.
    pub generation: Generation,
    /// When its last epoch was written.
    pub written: Micros,
    /// When each of its epochs was written.
    pub times: BTreeMap<Epoch, Micros>,
    /// What it fixed.
    pub pins: Pins,
    /// The artefact with what it fixed.
    pub pins_name: String,
    /// What it sealed.
    pub datasets: Vec<Dataset>,
    /// Dead letters that it dealt with.
    pub settled: Vec<Settled>,
    /// The artefact of what stood, as of the last epoch.
    pub standing: String,
    /// By read: the newest position.
    pub positions: BTreeMap<String, serde_json::Value>,
    /// By read: the origins that were read to their end.
    pub finished: BTreeMap<String, BTreeMap<usize, SplitPoint>>,
    /// Spools, dead letters and late rows, in order.
    pub channels: Vec<(Epoch, ChannelSegment)>,
    /// By write: what each epoch holds for it, in order.
    pub sinks: BTreeMap<String, Vec<(Epoch, SinkEpoch)>>,
    /// The sum of the accounts.
    pub ledger: Ledger,
    /// By write: the epochs that were to be applied and were not, as far as apply records tell.
    pub unapplied: BTreeMap<String, Vec<Epoch>>,
    /// How it ended, if it did.
    pub end: Option<RunEnd>,
}

impl RunState {
    /// A run of which no epoch was folded yet.
    #[must_use]
    pub fn new(newest: &Manifest, pins: Pins) -> Self {
        Self {
            run: newest.run.clone(),
            first: newest.run_first,
            last: newest.epoch,
            generation: newest.generation,
            written: newest.written,
            times: BTreeMap::new(),
            pins,
            pins_name: newest.pins.clone(),
            datasets: Vec::new(),
            settled: Vec::new(),
            standing: newest.standing.clone(),
            positions: BTreeMap::new(),
            finished: BTreeMap::new(),
            channels: Vec::new(),
            sinks: BTreeMap::new(),
            ledger: Ledger::default(),
            unapplied: BTreeMap::new(),
            end: None,
        }
    }

    /// Adds the next committed epoch of the run.
    pub fn fold(&mut self, manifest: &Manifest) {
        self.last = manifest.epoch;
        self.generation = manifest.generation;
        self.written = manifest.written;
        self.times.insert(manifest.epoch, manifest.written);
        self.standing.clone_from(&manifest.standing);
        self.positions.extend(manifest.positions.clone());
        for (read, finished) in &manifest.finished {
            self.finished.entry(read.clone()).or_default().extend(finished.clone());
        }
        self.channels.extend(manifest.channels.iter().map(|c| (manifest.epoch, c.clone())));
        for (write, sink) in &manifest.sinks {
            self.sinks.entry(write.clone()).or_default().push((manifest.epoch, sink.clone()));
            if sink.apply {
                self.unapplied.entry(write.clone()).or_default().push(manifest.epoch);
            }
        }
        self.ledger.add(&manifest.ledger);
        self.datasets.extend(manifest.datasets.clone());
        self.settled.extend(manifest.settled.clone());
        if let EpochKind::End { end } = &manifest.kind {
            self.end = Some(end.clone());
        }
    }

    /// Adds an epoch that is about to be committed, to see what the run would then be.
    pub fn fold_draft(&mut self, epoch: Epoch, draft: &Draft) {
        self.positions.extend(draft.positions.clone());
        for (read, finished) in &draft.finished {
            self.finished.entry(read.clone()).or_default().extend(finished.clone());
        }
        for (write, sink) in &draft.sinks {
            self.sinks.entry(write.clone()).or_default().push((epoch, sink.clone()));
        }
        self.ledger.add(&draft.ledger);
    }

    /// Adds a target's answer about an epoch.
    pub fn note_applied(&mut self, write: &str, epoch: Epoch, applied: &Applied) {
        let Some(open) = self.unapplied.get_mut(write) else { return };
        let before = open.len();
        open.retain(|e| *e != epoch);
        if open.len() == before {
            return;
        }
        let account = self.ledger.writes.entry(write.to_owned()).or_default();
        let sum = WriteAccount {
            segment: account.segment,
            applied: account.applied + applied.applied,
            unchanged: account.unchanged + applied.unchanged,
            superseded: account.superseded + applied.superseded,
            dead: account.dead + applied.dead.len() as u64,
        };
        *account = sum;
        // The far end of an edge to a target that is written row by row is what apply read.
        let consumer = format!(" → {write}");
        if let Some(hash) = applied.hash_sum.as_deref().and_then(HashSum::from_hex) {
            for (_, edge) in self.ledger.edges.iter_mut().filter(|(name, _)| name.ends_with(&consumer)) {
                edge.far.hash = Some(edge.far.hash.unwrap_or_default().plus(hash));
            }
        }
    }

    /// The segments that applying `epoch` shows: its own, or for a replace those of the whole run.
    #[must_use]
    pub fn segments_to_apply(&self, write: &str, epoch: Epoch) -> Vec<crate::sink::Segment> {
        let Some(epochs) = self.sinks.get(write) else { return Vec::new() };
        epochs
            .iter()
            .filter(|(e, sink)| match sink.mode {
                staunch_types::WriteMode::Replace => *e <= epoch,
                _ => *e == epoch,
            })
            .flat_map(|(_, sink)| sink.segments.iter().cloned())
            .collect()
    }

    /// The staged names that an apply to come will ask for: of an unfinished run all of its own, of an ended one those of the
    /// epochs that are not shown yet. Replaces of a run that failed are void.
    #[must_use]
    pub fn needed(&self, write: &str) -> BTreeSet<String> {
        let all = self.sinks.get(write).into_iter().flatten().flat_map(|(_, sink)| sink.segments.clone());
        let open = self.unapplied.get(write).into_iter().flatten();
        let segments: Vec<crate::sink::Segment> = match self.end {
            None => all.collect(),
            Some(_) => open.flat_map(|epoch| self.segments_to_apply(write, *epoch)).collect(),
        };
        segments.into_iter().map(|segment| segment.staged).collect()
    }

    /// The near end of the edge to a write, over what applying `epoch` shows.
    #[must_use]
    pub fn near_to_apply(&self, write: &str, epoch: Epoch) -> End {
        let mut sum = End::default();
        for (e, sink) in self.sinks.get(write).into_iter().flatten() {
            let counts = match sink.mode {
                staunch_types::WriteMode::Replace => *e <= epoch,
                _ => *e == epoch,
            };
            if counts {
                sum.add(&sink.near);
            }
        }
        sum
    }

    /// The accounts as far as they are closed: the far end of an edge to a table is what apply read, so it has a hash sum once
    /// the table shows its last epoch.
    #[must_use]
    pub fn closed_ledger(&self) -> Ledger {
        let mut closed = self.ledger.clone();
        for (write, _) in self.unapplied.iter().filter(|(_, epochs)| !epochs.is_empty()) {
            let consumer = format!(" → {write}");
            for (_, edge) in closed.edges.iter_mut().filter(|(name, _)| name.ends_with(&consumer)) {
                edge.far.hash = None;
            }
        }
        closed
    }

    /// Whether everything is shown.
    #[must_use]
    pub fn fully_applied(&self) -> bool {
        self.unapplied.values().all(Vec::is_empty)
    }
}

/// `generations/N`.
#[must_use]
pub fn generation_name(generation: Generation) -> String {
    format!("generations/{}", generation.padded())
}

/// `epochs/N`.
#[must_use]
pub fn epoch_name(epoch: Epoch) -> String {
    format!("epochs/{}", epoch.padded())
}

/// `applied/N/<write>`; the `/` of a write's name becomes `.`.
#[must_use]
pub fn applied_name(epoch: Epoch, write: &str) -> String {
    format!("applied/{}/{}", epoch.padded(), write.replace('/', "."))
}

pub(crate) fn number(name: &str) -> Result<u64> {
    name.parse().map_err(|_| {
        Error::new(codes::STORE_CORRUPT, format!("`{name}` in the epoch log is not a number"))
            .hint("move files that are not Staunch's out of the state folder")
    })
}
