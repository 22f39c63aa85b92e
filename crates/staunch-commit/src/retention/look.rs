//! The facts of a log, and what is to go out of it. Nothing is changed.

use super::decide::{Decision, Keep, RunFacts, decide};
use crate::floor::{DEAD, EPOCHS, Floors, LATE};
use crate::log::{Log, RunState, epoch_name};
use crate::manifest::{ChannelSegment, CollectedRun, RunEnd};
use crate::store::Store;
use crate::unknown::UNKNOWN;
use staunch_types::{Epoch, Generation, Micros, Result, planted};
use std::collections::{BTreeMap, BTreeSet};

/// What kind of artefact it is that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Records of runs: epochs, manifests, pins, what stood, answers of targets, generations.
    Records,
    /// Dead letters.
    DeadLetters,
    /// Late rows.
    LateRows,
    /// Values of fields that no contract names.
    KeptFields,
    /// Artefacts that no manifest came to name: of a start that was killed, or lost its region.
    Orphans,
    /// Inner channels of ended runs.
    Spools,
    /// Files that were on their way when their writer was killed.
    HalfWritten,
    /// Rows that queries of killed processes had put aside.
    Spilled,
    /// What was staged in a target for epochs that will never be shown.
    Staged,
}

impl Kind {
    /// What a person calls it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Records => "records of runs",
            Self::DeadLetters => "dead letters",
            Self::LateRows => "late rows",
            Self::KeptFields => "kept fields",
            Self::Orphans => "orphans",
            Self::Spools => "spools",
            Self::HalfWritten => "half-written files",
            Self::Spilled => "spilled rows",
            Self::Staged => "staged files",
        }
    }
}

/// An artefact that is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// What it is.
    pub kind: Kind,
    /// Its name in the store.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What is to go out of a log.
#[derive(Debug, Clone)]
pub struct Collection {
    /// The floors as they stand.
    pub floors: Floors,
    /// The floors as they are to be, and the last settled epoch.
    pub decision: Decision,
    /// The runs that go with the floor.
    pub runs: Vec<CollectedRun>,
    /// The runs that went before, as far back as their ids are kept.
    pub known: Vec<CollectedRun>,
    /// What is to be deleted.
    pub doomed: Vec<Doomed>,
    /// By write: the staged names that an apply to come will ask for.
    pub needed: BTreeMap<String, BTreeSet<String>>,
}

/// What the runs of a log refer to.
#[derive(Default)]
struct References {
    /// What stays.
    live: BTreeSet<String>,
    /// Dead letters and late rows that a floor has reached or reaches now, of runs that stay.
    expired: BTreeMap<String, Kind>,
}

/// A run with the letters that answers of targets name.
struct Seen {
    state: RunState,
    manifests: Vec<(Epoch, [String; 3])>,
    segments: Vec<(Epoch, ChannelSegment)>,
}

/// Looks what is to go at the time `now`.
///
/// # Errors
/// `Store.*`; a log that cannot be read to its end is not collected.
pub async fn look(log: &Log, keep: &Keep, now: Micros) -> Result<Collection> {
    let floors = log.floors().await?;
    // First the names, then what refers to them: what is written meanwhile is not among the names.
    let names = names(log).await?;
    let mut seen = Vec::new();
    for (_, _, last) in log.runs().await? {
        seen.push(see(log, last).await?);
    }
    let open_from = open_from(log, seen.last().map(|run| &run.state)).await?;
    let facts: Vec<RunFacts> = seen.iter().map(|run| facts(run, &floors, open_from)).collect();
    let decided = decide(&facts, keep, now);
    let decision = Decision {
        epochs: decided.epochs.max(floors.epochs),
        dead: decided.dead.max(floors.dead),
        late: decided.late.max(floors.late),
        settled: decided.settled.max(floors.epochs),
    };
    let (gone, kept): (Vec<Seen>, Vec<Seen>) =
        seen.into_iter().partition(|run| run.state.last <= decision.epochs);
    let references = references(&kept, &decision);
    let doomed = doomed(log, &names, &references, &decision, &kept).await?;
    let mut known = log.collected().await?;
    known.retain(|run| i64::try_from(keep.ids.as_micros()).is_ok_and(|ids| now - run.ended < ids));
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for run in kept.iter().filter(|run| run.state.last > decision.settled) {
        for write in run.state.sinks.keys() {
            needed.entry(write.clone()).or_default().extend(run.state.needed(write));
        }
    }
    let runs = gone.into_iter().map(|run| collected(run.state)).collect();
    Ok(Collection { floors, decision, runs, known, doomed, needed })
}

fn collected(run: RunState) -> CollectedRun {
    let failed = match run.end {
        Some(RunEnd::Failed { code, .. }) => Some(code),
        _ => None,
    };
    CollectedRun { run: run.run, first: run.first, last: run.last, ended: run.written, failed }
}

/// The first epoch of the oldest run that is still needed as a whole: unfinished, or with something to be shown.
async fn open_from(log: &Log, newest: Option<&RunState>) -> Result<Option<Epoch>> {
    let Some(newest) = newest else { return Ok(None) };
    if newest.end.is_some() && newest.fully_applied() {
        return Ok(log.leftover(newest.last.next()).await?.map(|run| run.first));
    }
    Ok(Some(log.leftover(newest.first).await?.map_or(newest.first, |run| run.first)))
}

async fn see(log: &Log, last: Epoch) -> Result<Seen> {
    let state = log.run_ending_at(last).await?;
    let mut manifests = Vec::new();
    let mut epoch = state.first;
    while epoch <= last {
        let record = log.record(epoch).await?;
        let manifest = log.manifest(epoch).await?;
        manifests.push((epoch, [record.manifest, manifest.pins, manifest.standing]));
        epoch = epoch.next();
    }
    let mut segments: Vec<_> = state.channels.iter().filter(|(_, c)| c.port != "out").cloned().collect();
    for (write, epochs) in &state.sinks {
        for (epoch, _) in epochs.iter().filter(|(_, sink)| sink.apply) {
            let letters = log.applied(*epoch, write).await?.and_then(|record| record.letters);
            segments.extend(letters.map(|segment| (*epoch, segment)));
        }
    }
    Ok(Seen { state, manifests, segments })
}

fn is_late(segment: &ChannelSegment) -> bool {
    segment.port == "late"
}

fn facts(run: &Seen, floors: &Floors, open_from: Option<Epoch>) -> RunFacts {
    let state = &run.state;
    let has = |late: bool, floor: Epoch| {
        run.segments.iter().any(|(epoch, segment)| is_late(segment) == late && *epoch > floor)
    };
    RunFacts {
        last: state.last,
        ended: state.end.as_ref().map(|_| state.written),
        open: open_from.is_some_and(|first| state.first >= first),
        dead: has(false, floors.dead),
        late: has(true, floors.late),
    }
}

fn references(kept: &[Seen], decision: &Decision) -> References {
    let mut found = References::default();
    for run in kept {
        found.live.insert(run.state.pins.base.clone());
        found.live.extend(run.manifests.iter().flat_map(|(_, names)| names.iter().cloned()));
        for (epoch, segment) in &run.segments {
            let (floor, kind) = match is_late(segment) {
                true => (decision.late, Kind::LateRows),
                // They may be as personal as a dead letter, and go with them.
                false if segment.port == UNKNOWN => (decision.dead, Kind::KeptFields),
                false => (decision.dead, Kind::DeadLetters),
            };
            if *epoch <= floor {
                found.expired.insert(segment.name.clone(), kind);
            } else {
                found.live.insert(segment.name.clone());
            }
        }
    }
    found
}

/// The folders whose artefacts carry epoch, generation and chance in their names.
const FRESH: [&str; 4] = ["manifests", "pins", "standing", "segments"];

/// What lies in a log, by folder.
struct Names {
    fresh: Vec<String>,
    epochs: Vec<u64>,
    applied: Vec<String>,
    generations: Vec<u64>,
    floors: Vec<(&'static str, Vec<String>)>,
    spools: Vec<(String, String)>,
}

async fn names(log: &Log) -> Result<Names> {
    let store = log.store();
    let mut names = Names {
        fresh: Vec::new(),
        epochs: log.numbers("epochs").await?,
        applied: Vec::new(),
        generations: log.numbers("generations").await?,
        floors: Vec::new(),
        spools: Vec::new(),
    };
    for folder in FRESH {
        names.fresh.extend(store.list(folder).await?.into_iter().map(|name| format!("{folder}/{name}")));
    }
    for epoch in store.list("applied").await? {
        let writes = store.list(&format!("applied/{epoch}")).await?;
        names.applied.extend(writes.into_iter().map(|write| format!("applied/{epoch}/{write}")));
    }
    for folder in [EPOCHS, DEAD, LATE] {
        names.floors.push((folder, store.list(folder).await?));
    }
    for run in store.list("spools").await? {
        for name in store.list(&format!("spools/{run}")).await? {
            names.spools.push((run.clone(), format!("spools/{run}/{name}")));
        }
    }
    Ok(names)
}

/// The epoch in a name that [`Committer::fresh`](crate::Committer::fresh) made; `None` for any other name.
fn epoch_of(name: &str) -> Option<Epoch> {
    let (_, file) = name.split_once('/')?;
    file.split_once('-')?.0.parse().ok().map(Epoch)
}

/// What a segment at or below the floor held.
fn kind_of_segment(name: &str) -> Kind {
    match name.rsplit('-').next() {
        Some("late") => Kind::LateRows,
        Some(UNKNOWN) => Kind::KeptFields,
        _ => Kind::DeadLetters,
    }
}

async fn doomed(
    log: &Log,
    names: &Names,
    references: &References,
    decision: &Decision,
    kept: &[Seen],
) -> Result<Vec<Doomed>> {
    let mut going: Vec<(Kind, String)> = Vec::new();
    for epoch in names.epochs.iter().filter(|epoch| **epoch <= decision.epochs.0) {
        going.push((Kind::Records, epoch_name(Epoch(*epoch))));
    }
    for name in &names.applied {
        let number = name.split('/').nth(1).and_then(|n| n.parse().ok());
        if number.is_some_and(|number: u64| number <= decision.epochs.0) {
            going.push((Kind::Records, name.clone()));
        }
    }
    for name in &names.fresh {
        if references.live.contains(name) && !planted::bug("collect_live") {
            continue;
        }
        if let Some(kind) = references.expired.get(name) {
            going.push((*kind, name.clone()));
            continue;
        }
        let Some(epoch) = epoch_of(name).filter(|epoch| *epoch <= decision.settled) else { continue };
        going.push(match (epoch <= decision.epochs, name.starts_with("segments/")) {
            (true, true) => (kind_of_segment(name), name.clone()),
            (true, false) => (Kind::Records, name.clone()),
            (false, _) => (Kind::Orphans, name.clone()),
        });
    }
    for (folder, all) in &names.floors {
        let raised = match *folder {
            EPOCHS => decision.epochs,
            DEAD => decision.dead,
            _ => decision.late,
        };
        let lower = all
            .iter()
            .enumerate()
            .filter(|(at, name)| at + 1 < all.len() || name.parse().is_ok_and(|floor: u64| floor < raised.0));
        going.extend(lower.map(|(_, name)| (Kind::Records, format!("{folder}/{name}"))));
    }
    let unfinished = kept.last().filter(|run| run.state.last > decision.settled).map(|run| &run.state.run);
    for (run, name) in &names.spools {
        if unfinished.is_none_or(|unfinished| unfinished.as_str() != run) {
            going.push((Kind::Spools, name.clone()));
        }
    }
    let (_, older) = names.generations.split_last().unwrap_or((&0, &[]));
    // Those of unfinished runs are few, and tell who had them. They go with something else: a collection is a generation too, and
    // its record is no reason for the next one.
    let open = kept.iter().any(|run| run.state.last > decision.settled);
    if !open && !going.is_empty() {
        let name = |number: &u64| format!("generations/{}", Generation(*number).padded());
        going.extend(older.iter().map(|number| (Kind::Records, name(number))));
    }
    weighed(log.store().as_ref(), going).await
}

async fn weighed(store: &dyn Store, going: Vec<(Kind, String)>) -> Result<Vec<Doomed>> {
    let mut doomed = Vec::new();
    for (kind, name) in going {
        if let Some(bytes) = store.len(&name).await? {
            doomed.push(Doomed { kind, name, bytes });
        }
    }
    Ok(doomed)
}
