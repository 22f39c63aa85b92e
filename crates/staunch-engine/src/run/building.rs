//! The epoch that is being built: writers that are open, accounts that are not closed. Dropped, nothing of it counts.

use super::cx::RunCx;
use super::position::Position;
use crate::chain::ChainOut;
use arrow::record_batch::RecordBatch;
use staunch_commit::dead::{DeadOrigin, DeadWriter};
use staunch_commit::spool::SpoolWriter;
use staunch_commit::{
    ChannelSegment, Committer, DeadRow, Draft, EdgeAccount, End, HashSum, KEPT, Ledger, Origin, ReadAccount,
    SegmentName, SegmentWriter, SinkEpoch, SplitPoint, StageAccount, UNKNOWN, UnknownRow, UnknownWriter,
    ledger,
};
use staunch_contract::Contract;
use staunch_types::{Error, Result, WriteMode, bare, codes, planted};
use std::collections::BTreeMap;

/// Rows for one consumer, with the near end of the edge, computed where the rows were made.
pub(crate) struct Outgoing {
    pub(crate) batch: RecordBatch,
    pub(crate) near: End,
}

impl Outgoing {
    /// Rows with their hash sum.
    pub(crate) fn new(batch: RecordBatch, contract: &Contract) -> Result<Self> {
        if bare::on() {
            let rows = batch.num_rows() as u64;
            return Ok(Self { batch, near: End { rows, hash: None } });
        }
        let sum = staunch_contract::hash::sum(&batch, contract)?;
        Ok(Self { batch, near: End { rows: sum.rows, hash: Some(HashSum(sum.sum)) } })
    }
}

/// What one chunk came to.
pub(crate) struct ChunkOut {
    pub(crate) read: usize,
    pub(crate) origin: usize,
    pub(crate) split: String,
    pub(crate) end: SplitPoint,
    pub(crate) prefix_max: Option<i64>,
    pub(crate) account: ReadAccount,
    pub(crate) stages: Vec<(String, StageAccount)>,
    pub(crate) edges: Vec<(String, EdgeAccount)>,
    pub(crate) dead: Vec<(String, Vec<DeadRow>)>,
    pub(crate) late: Option<RecordBatch>,
    pub(crate) writes: Vec<(usize, Outgoing)>,
    pub(crate) spools: Vec<(String, Outgoing)>,
    /// The fields that the contract of the read does not name, where it keeps them.
    pub(crate) unknown: Vec<UnknownRow>,
}

/// Adds what a chain did with a batch to a stage's account.
pub(crate) fn stage_account(taken: u64, out: &ChainOut) -> StageAccount {
    StageAccount {
        taken,
        passed: out.passed,
        filtered: out.filtered,
        dead: out.dead.len() as u64,
        emitted: out.emitted,
        ..StageAccount::default()
    }
}

/// An epoch before its commit.
pub(crate) struct Building<'a> {
    cx: &'a RunCx<'a>,
    /// Names of artefacts of this epoch begin with it.
    stem: String,
    segment_name: SegmentName,
    pub(crate) bytes: u64,
    pub(crate) ledger: Ledger,
    positions: BTreeMap<String, Position>,
    finished: BTreeMap<String, BTreeMap<usize, SplitPoint>>,
    writers: BTreeMap<usize, Box<dyn SegmentWriter>>,
    near: BTreeMap<usize, End>,
    /// By write: how often each row at the head of its segments was tried before.
    tried: BTreeMap<usize, Vec<u32>>,
    spools: BTreeMap<(String, &'static str), SpoolWriter>,
    spool_near: BTreeMap<String, End>,
    dead: BTreeMap<String, DeadWriter>,
    /// By read.
    unknown: BTreeMap<String, UnknownWriter>,
    channels: Vec<ChannelSegment>,
}

impl<'a> Building<'a> {
    pub(crate) fn new(cx: &'a RunCx<'a>, committer: &Committer) -> Self {
        Self {
            cx,
            stem: committer.fresh(),
            segment_name: SegmentName {
                region: committer.region_id().clone(),
                write: String::new(),
                epoch: committer.next_epoch(),
                generation: committer.generation(),
            },
            bytes: 0,
            ledger: Ledger::default(),
            positions: BTreeMap::new(),
            finished: BTreeMap::new(),
            writers: BTreeMap::new(),
            near: BTreeMap::new(),
            tried: BTreeMap::new(),
            spools: BTreeMap::new(),
            spool_near: BTreeMap::new(),
            dead: BTreeMap::new(),
            unknown: BTreeMap::new(),
            channels: Vec::new(),
        }
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.ledger == Ledger::default()
    }

    /// Adds a chunk.
    pub(crate) fn add(&mut self, out: ChunkOut, before: &Position) -> Result<Position> {
        let name = self.cx.graph.reads[out.read].read.name.clone();
        let pinned = self.cx.pins.origins.get(&name).and_then(|o| o.get(out.origin)).ok_or_else(|| {
            Error::new(codes::INTERNAL, format!("a chunk of `{name}` belongs to no pinned origin"))
        })?;
        self.bytes += out.account.bytes;
        let mut position = before.clone();
        if let Some(highest) = out.prefix_max {
            position.prefix_max.insert(out.split.clone(), highest);
        }
        if planted::bug("position_early") {
            position.origin = out.origin + 1;
        } else if out.end.finished {
            self.finished.entry(name.clone()).or_default().insert(out.origin, out.end.clone());
            position.origin = out.origin + 1;
            position.at = SplitPoint::default();
        } else {
            position.origin = out.origin;
            position.at = out.end.clone();
        }
        self.add_rows(out, &pinned.origin, 1)?;
        self.positions.insert(name, position.clone());
        Ok(position)
    }

    /// Adds what dead letters came to.
    pub(crate) fn add_letters(&mut self, out: ChunkOut, origin: &Origin, attempts: u32) -> Result<()> {
        self.add_rows(out, origin, attempts)
    }

    fn add_rows(&mut self, out: ChunkOut, from: &Origin, attempts: u32) -> Result<()> {
        let read = &self.cx.graph.reads[out.read];
        let name = read.read.name.clone();
        let mut delta = Ledger::default();
        delta.reads.insert(name.clone(), out.account);
        for (stage, account) in out.stages {
            delta.per_row.insert(stage, account);
        }
        for (edge, account) in out.edges {
            delta.edges.insert(edge, account);
        }
        self.ledger.add(&delta);
        for (stage, rows) in &out.dead {
            let origin = DeadOrigin {
                read: &name,
                stage,
                object: read.source.object(),
                path: &from.listed.path,
                version: from.version,
                contract: &read.read.contract.id(),
                attempts,
            };
            self.dead_rows(stage, &origin, rows)?;
        }
        self.keep_unknown(&name, from, &out.unknown)?;
        if let Some(late) = out.late {
            self.spool(&name, "late", read.source.contract())?.write(&late)?;
        }
        for (write, outgoing) in out.writes {
            self.write(write, &outgoing)?;
        }
        for (channel, outgoing) in out.spools {
            self.write_spool(&channel, &outgoing)?;
        }
        Ok(())
    }

    /// Keeps the fields that no contract names of rows of a read: the near end of their edge is what the decoder found, the far end what
    /// the artefact holds.
    fn keep_unknown(&mut self, read: &str, from: &Origin, rows: &[UnknownRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if !self.unknown.contains_key(read) {
            let name = format!("segments/{}-{read}-{UNKNOWN}", self.stem);
            let node = self.cx.graph.read(read);
            let object = node.map(|n| n.source.object()).unwrap_or_default();
            let contract = node.map(|n| n.read.contract.id()).unwrap_or_default();
            let store = self.cx.env.store.as_ref();
            self.unknown
                .insert(read.to_owned(), UnknownWriter::create(store, name, read, object, &contract)?);
        }
        if let Some(writer) = self.unknown.get_mut(read) {
            writer.write(from, rows, &self.cx.env.sealer)?;
        }
        let near = End { rows: rows.len() as u64, hash: None };
        self.edge(&ledger::edge(read, KEPT), EdgeAccount { near, far: End::default() });
        Ok(())
    }

    /// Notes the kept fields of a read elsewhere: how many rows had some, and of how many the artefact holds them.
    pub(crate) fn kept(&mut self, read: &str, near: u64, far: u64) {
        let end = |rows| End { rows, hash: None };
        self.edge(&ledger::edge(read, KEPT), EdgeAccount { near: end(near), far: end(far) });
    }

    /// Adds rejected rows.
    pub(crate) fn dead_rows(&mut self, stage: &str, origin: &DeadOrigin<'_>, rows: &[DeadRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if !self.dead.contains_key(stage) {
            let name = format!("segments/{}-{stage}-dead", self.stem);
            let writer = DeadWriter::create(self.cx.env.store.as_ref(), name, stage)?;
            self.dead.insert(stage.to_owned(), writer);
        }
        match self.dead.get_mut(stage) {
            Some(writer) => writer.write(origin, rows, &self.cx.env.sealer),
            None => Ok(()),
        }
    }

    /// Adds a finished artefact that was written elsewhere.
    pub(crate) fn channel(&mut self, segment: ChannelSegment) {
        if segment.rows > 0 {
            self.channels.push(segment);
        }
    }

    /// The finished artefacts so far.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &ChannelSegment> {
        self.channels.iter()
    }

    /// Adds origins that were read to their end elsewhere.
    pub(crate) fn finished(&mut self, read: &str, finished: BTreeMap<usize, SplitPoint>) {
        self.finished.entry(read.to_owned()).or_default().extend(finished);
    }

    /// The stem of this epoch's artefact names.
    pub(crate) fn stem(&self) -> &str {
        &self.stem
    }

    /// Hands rows to a sink.
    pub(crate) fn write(&mut self, write: usize, outgoing: &Outgoing) -> Result<()> {
        let name = &self.cx.graph.writes[write].write.name;
        if !self.writers.contains_key(&write) {
            let segment = SegmentName { write: name.clone(), ..self.segment_name.clone() };
            self.writers.insert(write, self.cx.sink(name)?.stage(&segment)?);
        }
        self.near.entry(write).or_default().add(&outgoing.near);
        let lost = usize::from(planted::bug("drop_row")).min(outgoing.batch.num_rows());
        let batch = outgoing.batch.slice(lost, outgoing.batch.num_rows() - lost);
        match self.writers.get_mut(&write) {
            Some(writer) => writer.write(&batch).map_err(|e| e.stage(name)),
            None => Ok(()),
        }
    }

    /// Hands rows to a sink that refused them before; `tried` says how often, row by row. They come before all others.
    pub(crate) fn write_again(&mut self, write: usize, batch: RecordBatch, tried: &[u32]) -> Result<()> {
        let outgoing = Outgoing::new(batch, &self.cx.graph.writes[write].contract)?;
        self.tried.entry(write).or_default().extend(tried);
        self.write(write, &outgoing)
    }

    /// Hands rows to a spool.
    pub(crate) fn write_spool(&mut self, channel: &str, outgoing: &Outgoing) -> Result<()> {
        let contract = self.cx.contract(channel)?;
        self.spool_near.entry(channel.to_owned()).or_default().add(&outgoing.near);
        self.spool(channel, "out", &contract)?.write(&outgoing.batch)
    }

    fn spool(&mut self, channel: &str, port: &'static str, contract: &Contract) -> Result<&mut SpoolWriter> {
        use std::collections::btree_map::Entry;
        match self.spools.entry((channel.to_owned(), port)) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(free) => {
                // Spools are released with their run; late rows stay.
                let folder = match port {
                    "out" => format!("spools/{}", self.cx.pins.run),
                    _ => "segments".to_owned(),
                };
                let name = format!("{folder}/{}-{channel}-{port}", self.stem);
                Ok(free.insert(SpoolWriter::create(&self.cx.env.store, name, channel, port, contract)?))
            }
        }
    }

    /// Ends one spool early, so that a later stage of the same epoch can read it.
    pub(crate) fn end_spool(&mut self, channel: &str) -> Result<Option<ChannelSegment>> {
        let Some(spool) = self.spools.remove(&(channel.to_owned(), "out")) else { return Ok(None) };
        let (segment, far) = spool.finish()?;
        let near = self.spool_near.remove(channel).unwrap_or_default();
        self.edge(&ledger::edge(channel, "spool"), EdgeAccount { near, far });
        self.channels.push(segment.clone());
        Ok(Some(segment))
    }

    fn edge(&mut self, edge: &str, account: EdgeAccount) {
        let mut delta = Ledger::default();
        delta.edges.insert(edge.to_owned(), account);
        self.ledger.add(&delta);
    }

    /// Ends the dead letters as evidence of an epoch that is not committed.
    pub(crate) fn into_evidence(self) -> Result<Vec<ChannelSegment>> {
        let mut evidence = Vec::new();
        for (_, writer) in self.dead {
            evidence.push(ChannelSegment { port: "evidence".to_owned(), ..writer.finish()? });
        }
        // Reads of whole-input stages have ended theirs already.
        for segment in self.channels.into_iter().filter(|s| s.port == "dead") {
            evidence.push(ChannelSegment { port: "evidence".to_owned(), ..segment });
        }
        Ok(evidence)
    }

    /// Closes everything: all that the epoch decides about is durable when this returns. `last` says whether it is the
    /// run's last epoch; then every replace is to be applied, also one without rows.
    pub(crate) fn finish(mut self, last: bool) -> Result<Draft> {
        let channels: Vec<String> =
            self.spools.keys().filter(|(_, port)| *port == "out").map(|(c, _)| c.clone()).collect();
        for channel in channels {
            self.end_spool(&channel)?;
        }
        for (_, late) in std::mem::take(&mut self.spools) {
            self.channels.push(late.finish()?.0);
        }
        for (_, writer) in std::mem::take(&mut self.dead) {
            self.channels.push(writer.finish()?);
        }
        for (read, writer) in std::mem::take(&mut self.unknown) {
            let segment = writer.finish()?;
            let far = End { rows: segment.rows, hash: None };
            self.edge(&ledger::edge(&read, KEPT), EdgeAccount { near: End::default(), far });
            self.channels.push(segment);
        }
        let mut sinks = BTreeMap::new();
        for (index, node) in self.cx.graph.writes.iter().enumerate() {
            let name = &node.write.name;
            let Some(mode) = self.cx.pins.modes.get(name).copied() else { continue };
            let segments = match self.writers.remove(&index) {
                Some(writer) => writer.finish().map_err(|e| e.stage(name))?,
                None => Vec::new(),
            };
            let near = self.near.remove(&index).unwrap_or_default();
            let apply = match mode {
                WriteMode::Replace => last,
                WriteMode::Append | WriteMode::Upsert => !segments.is_empty(),
            };
            // The target moves with the first rows that it shows, or, if none came, with the run's last epoch.
            let moved = self.cx.open_move(name).filter(|_| apply || last);
            let apply = apply || moved.is_some();
            if segments.is_empty() && !apply {
                continue;
            }
            let mut far = End::default();
            for segment in &segments {
                far.add(&End { rows: segment.rows, hash: HashSum::from_hex(&segment.hash_sum) });
            }
            let near = if planted::bug("count_one_side") { far } else { near };
            self.edge(&ledger::edge(&node.write.from.stage, name), EdgeAccount { near, far });
            self.ledger.writes.entry(name.clone()).or_default().segment += far.rows;
            let previous = self.cx.previous_apply(name);
            let tried = self.tried.remove(&index).unwrap_or_default();
            let keyed = mode == WriteMode::Replace && node.write.mode == WriteMode::Upsert;
            sinks.insert(
                name.clone(),
                SinkEpoch { mode, keyed, segments, apply, previous, near, tried, moved },
            );
        }
        let mut positions = BTreeMap::new();
        for (read, position) in &self.positions {
            positions.insert(read.clone(), position.stored()?);
        }
        Ok(Draft {
            positions,
            finished: self.finished,
            channels: self.channels,
            sinks,
            ledger: self.ledger,
            ..Draft::default()
        })
    }
}
