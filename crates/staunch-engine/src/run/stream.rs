//! The first phase: reads and per-row stages, chunk by chunk, in epochs cut by input bytes.

use super::apply::{apply_one, progress_of};
use super::building::{Building, ChunkOut, Outgoing, stage_account};
use super::cx::RunCx;
use super::env::Progress;
use super::graph::{ReadNode, Transport};
use super::ordered::{Next, ordered};
use super::position::Position;
use super::turn::Turns;
use crate::chain::RowChain;
use arrow::record_batch::RecordBatch;
use staunch_commit::{
    Chunk, Committer, DeadRow, Drift, EdgeAccount, End, EpochKind, Origin, RawRecord, ReadAccount, ReadRows,
    RunState, Segment, SplitPoint, Splitter, Standing, ledger,
};
use staunch_pipeline::Validate;
use staunch_types::{Error, Result, bare, codes};
use std::collections::BTreeMap;

/// Input bytes of the first epoch of a run, where `epoch_bytes` is more.
const FIRST_EPOCH: u64 = 8 << 20;

/// The coordinator of a run: it alone touches the log, the sinks and the failpoints.
pub(crate) struct Coordinator<'a> {
    pub(crate) cx: &'a RunCx<'a>,
    pub(crate) committer: &'a mut Committer,
    pub(crate) state: &'a mut RunState,
    pub(crate) handle: &'a tokio::runtime::Handle,
    pub(crate) building: Building<'a>,
    pub(crate) positions: BTreeMap<String, Position>,
    /// What stood when the run began.
    pub(crate) base: &'a Standing,
    pub(crate) live_before: &'a (dyn Fn(&str) -> Vec<Segment> + Sync),
}

/// A chunk on its way to a worker.
struct Task {
    read: usize,
    origin: usize,
    split: String,
    chunk: Chunk,
}

/// Where the producer stands.
struct Cursor {
    read: usize,
    origin: usize,
    splitter: Option<Box<dyn Splitter>>,
}

impl<'a> Coordinator<'a> {
    /// Reads everything that streams. Leaves the rest of the last epoch in `building`.
    pub(crate) fn stream(&mut self, chains: &BTreeMap<String, RowChain>) -> Result<()> {
        let cx = self.cx;
        let reads: Vec<usize> = cx
            .graph
            .reads
            .iter()
            .enumerate()
            .filter(|(_, r)| matches!(r.transport, Transport::Fused | Transport::Spooled))
            .filter(|(_, r)| !cx.skips(&r.read.name))
            .map(|(index, _)| index)
            .collect();
        let turns = Turns::new(self.highest());
        let mut cursor = Cursor { read: 0, origin: 0, splitter: None };
        let starts = self.positions.clone();
        let produce = || produce(cx, &reads, &starts, &mut cursor);
        let work = |sequence, task: Task| process(cx, chains, &turns, sequence, task);
        let workers = cx.env.workers.max(1);
        let take = |out: ChunkOut| self.take(out);
        ordered(workers, workers * 2, produce, work, take, || turns.abandon())?;
        if cx.env.stop.asked() {
            self.cut()?;
            return Err(interrupted());
        }
        Ok(())
    }

    /// By read and split: the highest event time so far.
    fn highest(&self) -> BTreeMap<String, i64> {
        let mut highest = BTreeMap::new();
        for (read, position) in &self.positions {
            for (split, at) in &position.prefix_max {
                highest.insert(turn_key(read, split), *at);
            }
        }
        highest
    }

    fn take(&mut self, out: ChunkOut) -> Result<Next> {
        let read = self.cx.graph.reads[out.read].read.name.clone();
        let before = self.positions.get(&read).cloned().unwrap_or_default();
        let after = self.building.add(out, &before)?;
        self.positions.insert(read.clone(), after);
        self.tell(&format!("reading {read}"));
        self.check_budget()?;
        if self.building.bytes >= self.enough() && !bare::on() {
            self.cut()?;
        }
        Ok(Next::Continue)
    }

    /// The input bytes after which an epoch is cut: of the first epoch of a run fewer, so that its rows are shown soon. It depends on what
    /// is committed alone, so that the cuts are the same after a restart.
    fn enough(&self) -> u64 {
        let most = self.cx.graph.pipeline.epoch_bytes;
        let streamed = |r: &&ReadNode| matches!(r.transport, Transport::Fused | Transport::Spooled);
        let reads = self.cx.graph.reads.iter().filter(streamed);
        let before = reads.filter_map(|r| self.state.ledger.reads.get(&r.read.name)).any(|r| r.bytes > 0);
        if before { most } else { most.min(FIRST_EPOCH) }
    }

    pub(crate) fn tell(&self, doing: &str) {
        let so_far = progress_of(self.state);
        let here = &self.building.ledger;
        self.cx.env.observer.progress(&Progress {
            doing: doing.to_owned(),
            records: so_far.records + here.found(),
            bytes: so_far.bytes + self.building.bytes,
            dead: so_far.dead + here.dead(),
            late: so_far.late + here.late(),
            epochs: so_far.epochs,
        });
    }

    /// Refuses more dead letters than the budget allows, counted over the run so far.
    pub(crate) fn check_budget(&self) -> Result<()> {
        let budget = &self.cx.graph.pipeline.budget;
        let at_most = self.cx.pins.dead_letters_at_most.unwrap_or(budget.at_most);
        let found = self.state.ledger.found() + self.building.ledger.found();
        let dead = self.state.ledger.dead() + self.building.ledger.dead();
        #[allow(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = dead as f64 / found.max(1) as f64;
        // A row may die at several targets: a share of 1 is no bound.
        if found < budget.from_row || share <= at_most || at_most >= 1.0 {
            return Ok(());
        }
        Err(Error::new(
            codes::BUDGET,
            format!(
                "{dead} of {found} records are dead letters ({:.2} %), and the budget is {:.2} %",
                share * 100.0,
                at_most * 100.0
            ),
        )
        .hint(format!(
            "look at them with `staunch dlq ls --run {}`; then mend the data or the contract, or raise `dead_letters: {{at_most: …}}`, or run once with --dead-letters-at-most",
            self.cx.pins.run
        )))
    }

    /// Commits what was built, as an epoch of rows, and shows it.
    pub(crate) fn cut(&mut self) -> Result<()> {
        if self.building.is_empty() {
            return Ok(());
        }
        let next = Building::new(self.cx, self.committer);
        let draft = std::mem::replace(&mut self.building, next).finish(false)?;
        self.commit(draft, EpochKind::Data, None)?;
        self.building = Building::new(self.cx, self.committer);
        Ok(())
    }

    /// Commits a draft and applies what it says is to be applied.
    pub(crate) fn commit(
        &mut self,
        draft: staunch_commit::Draft,
        kind: EpochKind,
        standing: Option<String>,
    ) -> Result<()> {
        let manifest = self.handle.block_on(self.committer.commit(draft, kind, standing))?;
        self.state.fold(&manifest);
        for (write, sink) in &manifest.sinks {
            if sink.moved.is_some() {
                self.cx.note_move(write);
            }
            if sink.apply {
                self.cx.note_apply(write, manifest.epoch);
                self.handle.block_on(apply_one(
                    self.cx,
                    self.committer,
                    self.state,
                    write,
                    manifest.epoch,
                    self.base,
                    self.live_before,
                ))?;
            }
        }
        Ok(())
    }
}

/// The error of a drained run.
pub(crate) fn interrupted() -> Error {
    Error::new(codes::INTERRUPTED, "the run was interrupted; what was read is committed")
        .hint("run it again: it continues where it stopped")
}

fn turn_key(read: &str, split: &str) -> String {
    format!("{read}\u{0}{split}")
}

/// The next chunk of the reads, in their order.
fn produce(
    cx: &RunCx<'_>,
    reads: &[usize],
    starts: &BTreeMap<String, Position>,
    cursor: &mut Cursor,
) -> Result<Option<Task>> {
    while let Some(&index) = reads.get(cursor.read) {
        if cx.env.stop.asked() {
            // What was given out is still taken and committed.
            return Ok(None);
        }
        let node = &cx.graph.reads[index];
        let name = &node.read.name;
        let start = starts.get(name).cloned().unwrap_or_default();
        if cursor.splitter.is_none() && cursor.origin < start.origin {
            cursor.origin = start.origin;
        }
        let Some(pinned) = cx.pins.origins.get(name).and_then(|o| o.get(cursor.origin)) else {
            cursor.read += 1;
            cursor.origin = 0;
            continue;
        };
        let mut splitter = match cursor.splitter.take() {
            Some(open) => open,
            None => {
                let resumed = cursor.origin == start.origin && start.at.offset > 0;
                let at = if resumed { &start.at } else { &pinned.from };
                node.source.open(&pinned.origin, at, node.columns.as_deref()).map_err(|e| e.stage(name))?
            }
        };
        if let Some(chunk) = splitter.next().map_err(|e| e.stage(name))? {
            cursor.splitter = Some(splitter);
            let split = node.source.split(&pinned.origin.listed.path);
            return Ok(Some(Task { read: index, origin: cursor.origin, split, chunk }));
        }
        cursor.origin += 1;
    }
    Ok(None)
}

/// Decodes a chunk and runs the per-row stages below its read.
fn process(
    cx: &RunCx<'_>,
    chains: &BTreeMap<String, RowChain>,
    turns: &Turns,
    sequence: u64,
    task: Task,
) -> Result<ChunkOut> {
    let node = &cx.graph.reads[task.read];
    let name = node.read.name.as_str();
    let Task { read, origin, split, chunk } = task;
    let Chunk { bytes, found, end, work } = chunk;
    let key = turn_key(name, &split);
    let mut turn = turns.of(sequence, &key);
    let mut rows = work.run(&mut turn).map_err(|e| e.stage(name))?;
    let prefix_max = turn.after();
    drop(turn);
    let (drift, unknown) = (std::mem::take(&mut rows.drift), std::mem::take(&mut rows.unknown));

    let mut out = below(cx, chains, read, name, found, rows)?;
    out.account.drift = drift;
    out.unknown = unknown;
    out.account.bytes = bytes;
    out.origin = origin;
    out.split = split;
    out.end = end;
    out.prefix_max = prefix_max;
    Ok(out)
}

/// Where dead letters re-enter.
pub(crate) struct Entry<'a> {
    pub(crate) read: &'a str,
    /// The rejecting stage: the read itself, or a per-row stage below it.
    pub(crate) stage: &'a str,
    pub(crate) origin: &'a Origin,
}

/// Decodes the raw records of dead letters and runs the stages from the rejecting one on. Lateness was decided when they
/// were read first and is not decided again.
pub(crate) fn enter(
    cx: &RunCx<'_>,
    chains: &BTreeMap<String, RowChain>,
    entry: &Entry<'_>,
    records: &[RawRecord],
) -> Result<ChunkOut> {
    let index = cx
        .graph
        .reads
        .iter()
        .position(|r| r.read.name == entry.read)
        .ok_or_else(|| Error::new(codes::INTERNAL, format!("no read `{}`", entry.read)))?;
    let work = cx.graph.reads[index].source.again(entry.origin, records)?;
    let turns = Turns::new(BTreeMap::new());
    let mut turn = turns.of(0, "");
    let rows = work.run(&mut turn).map_err(|e| e.stage(entry.read))?;
    drop(turn);
    below(cx, chains, index, entry.stage, records.len() as u64, rows)
}

/// Runs the per-row stages below a read on decoded rows. With another `entry` than the read, only that stage and what lies
/// below it.
fn below(
    cx: &RunCx<'_>,
    chains: &BTreeMap<String, RowChain>,
    read: usize,
    entry: &str,
    found: u64,
    rows: ReadRows,
) -> Result<ChunkOut> {
    let node = &cx.graph.reads[read];
    let name = node.read.name.as_str();
    let whole_stream = entry == name;
    let accepted = rows.batch.num_rows() as u64;
    let late = rows.late.as_ref().map(|(batch, _)| batch.clone());
    let account = ReadAccount {
        found,
        accepted,
        dead: rows.dead.len() as u64,
        late: late.as_ref().map_or(0, |b| b.num_rows() as u64),
        bytes: 0,
        // Counted by who reads records first: those that are replayed were counted then.
        drift: Drift::default(),
        validated: (node.read.validate == Validate::Used && node.columns.is_some())
            .then(|| "used".to_owned()),
    };
    let mut out = ChunkOut {
        read,
        origin: 0,
        split: String::new(),
        end: SplitPoint::default(),
        prefix_max: None,
        account,
        stages: Vec::new(),
        edges: Vec::new(),
        dead: Vec::new(),
        late,
        writes: Vec::new(),
        spools: Vec::new(),
        unknown: Vec::new(),
    };
    let count = u32::try_from(rows.batch.num_rows())
        .map_err(|_| Error::new(codes::INTERNAL, "a chunk has more than 4,294,967,295 rows"))?;
    // What each channel emitted, by its producer's word: the near ends.
    let mut emitted: BTreeMap<&str, u64> = BTreeMap::from([(name, accepted)]);
    let mut channels: BTreeMap<&str, (RecordBatch, Vec<u32>)> = BTreeMap::new();
    channels.insert(name, (rows.batch, (0..count).collect()));
    if !rows.dead.is_empty() {
        out.dead.push((name.to_owned(), rows.dead));
    }
    for stage in cx.graph.stages.iter().filter(|s| s.read.as_deref() == Some(name)) {
        let stage_name = stage.process.name.as_str();
        let from_read = stage.streamed.as_deref() == Some(name);
        let enters = if from_read {
            whole_stream || stage_name == entry
        } else {
            whole_stream
                || stage_name == entry
                || stage.streamed.as_deref().is_some_and(|s| emitted.contains_key(s))
        };
        if !enters {
            continue;
        }
        let (Some(input), Some(chain)) =
            (stage.streamed.as_deref().and_then(|i| channels.get(i)), chains.get(stage_name))
        else {
            return Err(Error::new(codes::INTERNAL, format!("stage `{stage_name}` has no input")));
        };
        let taken = input.0.num_rows() as u64;
        let result = chain.run(&input.0, &input.1).map_err(|e| stage.blame(e))?;
        out.stages.push((stage_name.to_owned(), stage_account(taken, &result)));
        let far = result.passed + result.filtered + result.dead.len() as u64;
        let streamed = stage.streamed.as_deref().unwrap_or(name);
        let near = End { rows: emitted.get(streamed).copied().unwrap_or_default(), hash: None };
        emitted.insert(stage_name, result.emitted);
        out.edges.push((
            ledger::edge(streamed, stage_name),
            EdgeAccount { near, far: End { rows: far, hash: None } },
        ));
        let dead: Vec<DeadRow> = result
            .dead
            .into_iter()
            .map(|d| {
                let row = d.row as usize;
                DeadRow {
                    place: rows.places.get(row).copied().unwrap_or_default(),
                    line: rows.raw.line(row),
                    raw: rows.raw.raw(row),
                    code: d.code,
                    reason: d.reason,
                    field: d.field,
                }
            })
            .collect();
        if !dead.is_empty() {
            out.dead.push((stage_name.to_owned(), dead));
        }
        channels.insert(stage_name, (result.batch, result.rows));
    }
    if !whole_stream {
        channels.remove(name);
    }
    for (index, write) in cx.graph.writes.iter().enumerate() {
        if let Some((batch, _)) = channels.get(write.write.from.stage.as_str())
            && batch.num_rows() > 0
        {
            out.writes.push((index, Outgoing::new(batch.clone(), &write.contract)?));
        }
    }
    for (channel, (batch, _)) in &channels {
        let spooled = match cx.graph.stage(channel) {
            Some(stage) => stage.spooled,
            None => node.transport == Transport::Spooled,
        };
        if spooled && batch.num_rows() > 0 {
            let contract = cx.contract(channel)?;
            out.spools.push(((*channel).to_owned(), Outgoing::new(batch.clone(), &contract)?));
        }
    }
    Ok(out)
}
