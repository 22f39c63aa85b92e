//! The leaves of whole-input plans and of lookup tables: pinned files read again, and spools.
//!
//! A leaf is replayable and bounded in memory. Its first opening keeps the accounts; what a plan leaves unread (an empty
//! build side, a limit) is drained afterwards and counted.

use super::cx::RunCx;
use super::turn::Turns;
use crate::leaf::{Leaf, LeafBatches};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use staunch_commit::dead::{DeadOrigin, DeadWriter};
use staunch_commit::spool::{SpoolWriter, read_spool};
use staunch_commit::store::Store;
use staunch_commit::{
    ChannelSegment, Chunk, PinnedOrigin, ReadAccount, Sealer, Source, SplitPoint, Splitter, UNKNOWN,
    UnknownWriter,
};
use staunch_contract::Contract;
use staunch_pipeline::Validate;
use staunch_types::Result;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded here is counters and cursors; after a panic the run fails anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pinned origins of a read, for one consumer.
pub(crate) struct ReadLeaf {
    shared: Arc<Shared>,
}

struct Shared {
    read: String,
    source: Arc<dyn Source>,
    contract: String,
    validates_used: bool,
    origins: Vec<PinnedOrigin>,
    store: Arc<dyn Store>,
    sealer: Sealer,
    /// Artefact names of this leaf begin with it.
    stem: String,
    /// Whether this consumer's opening keeps the account of the read (one consumer does).
    keeps_account: bool,
    first: Mutex<Option<Arc<Opening>>>,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    account: ReadAccount,
    absorbed: u64,
    finished: BTreeMap<usize, SplitPoint>,
    dead: Option<DeadWriter>,
    late: Option<SpoolWriter>,
    unknown: Option<UnknownWriter>,
    /// Rows whose unknown fields are kept, as the decoder found them.
    kept: u64,
}

/// What a leaf came to.
pub(crate) struct LeafOutcome {
    /// The account of the read, if this leaf keeps it.
    pub(crate) account: Option<ReadAccount>,
    /// Rows that the consumer took, or that were drained for it.
    pub(crate) absorbed: u64,
    /// The origins read to their end.
    pub(crate) finished: BTreeMap<usize, SplitPoint>,
    /// The dead letters, late rows and kept fields.
    pub(crate) channels: Vec<ChannelSegment>,
    /// Rows whose unknown fields are kept, as the decoder found them.
    pub(crate) kept: u64,
}

/// One pass over the origins, shared by the partitions of a plan.
struct Opening {
    cursor: Mutex<Cursor>,
    turns: Turns,
    columns: Option<Vec<usize>>,
    counts: bool,
}

#[derive(Default)]
struct Cursor {
    origin: usize,
    splitter: Option<Box<dyn Splitter>>,
    sequence: u64,
}

struct Taken {
    sequence: u64,
    origin: usize,
    chunk: Chunk,
}

impl ReadLeaf {
    pub(crate) fn new(cx: &RunCx<'_>, read: &str, stem: &str, keeps_account: bool) -> Result<Self> {
        let node = cx.graph.read(read).ok_or_else(|| {
            staunch_types::Error::new(staunch_types::codes::INTERNAL, format!("no read `{read}`"))
        })?;
        Ok(Self {
            shared: Arc::new(Shared {
                read: read.to_owned(),
                source: node.source.clone(),
                contract: node.read.contract.id(),
                validates_used: node.read.validate == Validate::Used,
                origins: cx.pins.origins.get(read).cloned().unwrap_or_default(),
                store: cx.env.store.clone(),
                sealer: cx.env.sealer.clone(),
                stem: format!("segments/{stem}-{read}"),
                keeps_account,
                first: Mutex::new(None),
                tally: Mutex::new(Tally::default()),
            }),
        })
    }

    /// Whether this consumer's pass keeps the account of the read.
    pub(crate) fn keeps_account(&self) -> bool {
        self.shared.keeps_account
    }

    /// What it has counted so far, if it keeps the account of the read.
    pub(crate) fn so_far(&self) -> Option<ReadAccount> {
        self.shared.keeps_account.then(|| lock(&self.shared.tally).account.clone())
    }

    /// Reads what is left unread, and closes the accounts.
    pub(crate) fn finish(&self) -> Result<LeafOutcome> {
        let shared = &self.shared;
        let opening = shared.opening(Some(vec![0]));
        let opening = lock(&shared.first).clone().unwrap_or(opening);
        while let Some(batch) = shared.next(&opening)? {
            lock(&shared.tally).absorbed += batch.num_rows() as u64;
        }
        let mut tally = lock(&shared.tally);
        let mut channels = Vec::new();
        if let Some(writer) = tally.dead.take() {
            channels.push(writer.finish()?);
        }
        if let Some(spool) = tally.late.take() {
            channels.push(spool.finish()?.0);
        }
        if let Some(writer) = tally.unknown.take() {
            channels.push(writer.finish()?);
        }
        Ok(LeafOutcome {
            kept: tally.kept,
            account: shared.keeps_account.then(|| tally.account.clone()),
            absorbed: tally.absorbed,
            finished: std::mem::take(&mut tally.finished),
            channels,
        })
    }
}

impl Shared {
    /// A new pass; the first one counts.
    fn opening(&self, columns: Option<Vec<usize>>) -> Arc<Opening> {
        let mut first = lock(&self.first);
        let opening = Arc::new(Opening {
            cursor: Mutex::new(Cursor::default()),
            turns: Turns::new(BTreeMap::new()),
            columns,
            counts: first.is_none(),
        });
        if first.is_none() {
            *first = Some(opening.clone());
        }
        opening
    }

    fn take(&self, opening: &Opening) -> Result<Option<Taken>> {
        let mut cursor = lock(&opening.cursor);
        loop {
            let Some(pinned) = self.origins.get(cursor.origin) else { return Ok(None) };
            let mut splitter = match cursor.splitter.take() {
                Some(open) => open,
                None => self.source.open(&pinned.origin, &pinned.from, opening.columns.as_deref())?,
            };
            if let Some(chunk) = splitter.next()? {
                let taken = Taken { sequence: cursor.sequence, origin: cursor.origin, chunk };
                cursor.sequence += 1;
                cursor.splitter = Some(splitter);
                return Ok(Some(taken));
            }
            cursor.origin += 1;
        }
    }

    /// The next rows; an empty batch for a chunk without any.
    fn next(&self, opening: &Opening) -> Result<Option<RecordBatch>> {
        let taken = match self.take(opening) {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(None),
            Err(error) => {
                opening.turns.abandon();
                return Err(error.stage(&self.read));
            }
        };
        let Taken { sequence, origin, chunk } = taken;
        let pinned = &self.origins[origin];
        let split = self.source.split(&pinned.origin.listed.path);
        let (bytes, found, end) = (chunk.bytes, chunk.found, chunk.end);
        let mut turn = opening.turns.of(sequence, &split);
        let rows = chunk.work.run(&mut turn).map_err(|e| e.stage(&self.read))?;
        drop(turn);
        if opening.counts {
            let mut tally = lock(&self.tally);
            tally.account.bytes += bytes;
            if self.validates_used && opening.columns.is_some() {
                tally.account.validated = Some("used".to_owned());
            }
            tally.account.drift.add(&rows.drift);
            if self.keeps_account && !rows.unknown.is_empty() {
                if tally.unknown.is_none() {
                    let name = format!("{}-{UNKNOWN}", self.stem);
                    let (store, object) = (self.store.as_ref(), self.source.object());
                    let writer = UnknownWriter::create(store, name, &self.read, object, &self.contract)?;
                    tally.unknown = Some(writer);
                }
                tally.kept += rows.unknown.len() as u64;
                if let Some(writer) = &mut tally.unknown {
                    writer.write(&pinned.origin, &rows.unknown, &self.sealer)?;
                }
            }
            tally.account.found += found;
            tally.account.accepted += rows.batch.num_rows() as u64;
            tally.account.dead += rows.dead.len() as u64;
            tally.account.late += rows.late.as_ref().map_or(0, |(batch, _)| batch.num_rows() as u64);
            if end.finished {
                tally.finished.insert(origin, end);
            }
            if let Some((late, _)) = rows.late.as_ref().filter(|_| self.keeps_account) {
                if tally.late.is_none() {
                    let name = format!("{}-late", self.stem);
                    let contract = late_contract(self.source.contract(), opening.columns.as_deref());
                    tally.late = Some(SpoolWriter::create(&self.store, name, &self.read, "late", &contract)?);
                }
                if let Some(spool) = &mut tally.late {
                    spool.write(late)?;
                }
            }
            if self.keeps_account && !rows.dead.is_empty() {
                let letters = DeadOrigin {
                    read: &self.read,
                    stage: &self.read,
                    object: self.source.object(),
                    path: &pinned.origin.listed.path,
                    version: pinned.origin.version,
                    contract: &self.contract,
                    attempts: 1,
                };
                if tally.dead.is_none() {
                    let name = format!("{}-dead", self.stem);
                    tally.dead = Some(DeadWriter::create(self.store.as_ref(), name, &self.read)?);
                }
                if let Some(writer) = &mut tally.dead {
                    writer.write(&letters, &rows.dead, &self.sealer)?;
                }
            }
        }
        Ok(Some(rows.batch))
    }
}

/// The contract of late rows: the columns that the opening asked for.
fn late_contract(contract: &Contract, columns: Option<&[usize]>) -> Contract {
    let Some(columns) = columns else { return contract.clone() };
    let fields = columns.iter().filter_map(|c| contract.fields.get(*c).cloned()).collect();
    contract.with_fields(fields)
}

impl Leaf for ReadLeaf {
    fn schema(&self) -> SchemaRef {
        self.shared.source.schema()
    }

    fn rows_hint(&self) -> Option<u64> {
        None
    }

    fn bytes_hint(&self) -> Option<u64> {
        Some(self.shared.origins.iter().map(|o| o.origin.listed.size).sum())
    }

    fn open(&self, projection: Option<&[usize]>, partitions: usize) -> Result<Vec<LeafBatches>> {
        let opening = self.shared.opening(projection.map(<[usize]>::to_vec));
        let pass = |_| -> LeafBatches {
            let (shared, opening) = (self.shared.clone(), opening.clone());
            Box::new(std::iter::from_fn(move || {
                loop {
                    match shared.next(&opening) {
                        Ok(Some(batch)) if batch.num_rows() == 0 => {}
                        Ok(Some(batch)) => {
                            if opening.counts {
                                lock(&shared.tally).absorbed += batch.num_rows() as u64;
                            }
                            return Some(Ok(batch));
                        }
                        Ok(None) => return None,
                        Err(error) => return Some(Err(error)),
                    }
                }
            }))
        };
        Ok((0..partitions.max(1)).map(pass).collect())
    }
}

/// The spools of one channel in a run, for one consumer.
pub(crate) struct SpoolLeaf {
    store: Arc<dyn Store>,
    schema: SchemaRef,
    segments: Arc<Vec<ChannelSegment>>,
    taken: Arc<AtomicU64>,
    /// Passes of the first opening that have not come to their end.
    unfinished: Arc<AtomicU64>,
    opened: AtomicU64,
}

impl SpoolLeaf {
    pub(crate) fn new(store: Arc<dyn Store>, schema: SchemaRef, segments: Vec<ChannelSegment>) -> Self {
        Self {
            store,
            schema,
            segments: Arc::new(segments),
            taken: Arc::new(AtomicU64::new(0)),
            unfinished: Arc::new(AtomicU64::new(u64::MAX)),
            opened: AtomicU64::new(0),
        }
    }

    /// Rows in the spools, as their footers say.
    pub(crate) fn rows(&self) -> u64 {
        self.segments.iter().map(|s| s.rows).sum()
    }

    /// Rows that the consumer took in its first pass. A pass that was not read to its end (a limit, an empty build side)
    /// left the rest unread on purpose: that rest is drained, its number known from the footers.
    pub(crate) fn absorbed(&self) -> u64 {
        match self.unfinished.load(Ordering::SeqCst) {
            0 => self.taken.load(Ordering::SeqCst),
            _ => self.rows(),
        }
    }
}

impl Leaf for SpoolLeaf {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn rows_hint(&self) -> Option<u64> {
        Some(self.rows())
    }

    fn bytes_hint(&self) -> Option<u64> {
        Some(self.segments.iter().map(|s| s.bytes).sum())
    }

    fn open(&self, projection: Option<&[usize]>, partitions: usize) -> Result<Vec<LeafBatches>> {
        let counts = self.opened.fetch_add(1, Ordering::SeqCst) == 0;
        let next = Arc::new(AtomicU64::new(0));
        let projection = projection.map(<[usize]>::to_vec);
        if counts {
            self.unfinished.store(partitions.max(1) as u64, Ordering::SeqCst);
        }
        let pass = |_| -> LeafBatches {
            let (store, segments, next) = (self.store.clone(), self.segments.clone(), next.clone());
            let (projection, taken) = (projection.clone(), self.taken.clone());
            let unfinished = self.unfinished.clone();
            let mut open: Option<LeafBatches> = None;
            Box::new(std::iter::from_fn(move || {
                loop {
                    if let Some(reader) = &mut open {
                        if let Some(batch) = reader.next() {
                            if let (true, Ok(batch)) = (counts, &batch) {
                                taken.fetch_add(batch.num_rows() as u64, Ordering::SeqCst);
                            }
                            return Some(batch);
                        }
                        open = None;
                    }
                    let index = usize::try_from(next.fetch_add(1, Ordering::SeqCst)).ok()?;
                    let Some(segment) = segments.get(index) else {
                        if counts {
                            // Each pass sees the end once: a plan does not ask again after it.
                            unfinished.fetch_sub(1, Ordering::SeqCst);
                        }
                        return None;
                    };
                    match read_spool(store.as_ref(), &segment.name, projection.as_deref()) {
                        Ok(reader) => open = Some(Box::new(reader)),
                        Err(error) => return Some(Err(error)),
                    }
                }
            }))
        };
        Ok((0..partitions.max(1)).map(pass).collect())
    }
}
