//! The run: from pins to the last epoch, and from wherever a killed process left off.
//!
//! A start *is* a recovery: [`run`] raises the generation, looks at the last run in the log, decides whether to continue it
//! or to begin a new one, claims the next epoch with a fence, lets every target say what it has, applies what is missing, and
//! goes on. Two phases: reads and per-row stages in epochs cut by input bytes; then whole-input stages, whose results are
//! the last epoch.

mod again;
mod apply;
mod building;
mod clears;
mod compute;
mod cx;
mod decide;
mod env;
mod graph;
mod leaves;
mod look;
mod moves;
mod ordered;
mod pin;
mod position;
mod replay;
mod report;
mod stream;
mod turn;

pub use cx::Sinks;
pub use env::{Env, Observer, Progress, Request, Stop, new_run_id};
pub use graph::{Graph, ReadNode, Scope, StageNode, Transport, WriteNode};
pub use look::{SourceLook, look_at_sources};
pub use moves::{Contracts, TargetMove, allow, contracts_in, target_moves};
pub use replay::{check_replay, discard, replay};
pub use report::Report;

use crate::leaf::Leaf;
use crate::sql::{SessionSpec, session};
use building::Building;
use cx::RunCx;
use position::Position;
use staunch_commit::{
    Committer, Dataset, Draft, EpochKind, Fence, Fingerprint, Found, HashSum, Ledger, Pins, RunEnd, RunHead,
    RunState, Segment, Standing, Uncommitted,
};
use staunch_types::{Error, Result, Verdict, WriteMode, codes, planted};
use std::collections::BTreeMap;
use std::sync::Arc;
use stream::Coordinator;

/// Runs a pipeline to its end. Called from a thread that is not one of the runtime's.
///
/// # Errors
/// Whatever ended it. After an error with [`Verdict::Retry`] the run is unfinished and the next call continues it; after
/// another it has ended as failed.
pub fn run(
    graph: &Graph,
    sinks: &Sinks,
    env: &Env,
    request: &Request,
    handle: &tokio::runtime::Handle,
) -> Result<Report> {
    loop {
        let (mut committer, found) = handle.block_on(Committer::start(
            env.store.clone(),
            env.clock.clone(),
            env.rng.clone(),
            env.pid,
        ))?;
        if let Some(report) = ended_before(graph, &committer, &found, request, handle)? {
            return Ok(report);
        }
        let start = match begin(graph, sinks, env, request, &mut committer, found, handle) {
            Ok(start) => start,
            // Another generation committed between our look and our claim: it is committed; look again.
            Err(error) if error.code() == codes::FENCED && newest(&committer, handle) => continue,
            Err(error) => return Err(handle.block_on(committer.or_fenced(error))),
        };
        let Some(start) = start else { continue };
        let continued = start.continued;
        let changed = start.changed.clone();
        let asked_for = request.run.clone().is_none_or(|id| id == start.state.run);
        let mut report = match go(graph, sinks, env, &mut committer, start, handle) {
            Ok(report) => report,
            Err(error) => return Err(handle.block_on(committer.or_fenced(error))),
        };
        report.continued = continued;
        report.changed = changed;
        if asked_for {
            return Ok(report);
        }
    }
}

fn newest(committer: &Committer, handle: &tokio::runtime::Handle) -> bool {
    handle.block_on(committer.still_newest()).is_ok()
}

/// `run --id X` is idempotent: a run that ended before is reported again.
fn ended_before(
    graph: &Graph,
    committer: &Committer,
    found: &Found,
    request: &Request,
    handle: &tokio::runtime::Handle,
) -> Result<Option<Report>> {
    let Some(wanted) = &request.run else { return Ok(None) };
    let unfinished = found.last_run.as_ref().is_some_and(|r| r.end.is_none() && r.run == *wanted);
    if unfinished {
        return Ok(None);
    }
    for (run, _, last) in handle.block_on(committer.log().runs())? {
        if run == *wanted {
            let state = handle.block_on(committer.log().run_ending_at(last))?;
            // A run whose last epoch is not shown yet is finished by the ordinary path first.
            if state.fully_applied() {
                return told(graph, &state).map(Some);
            }
            return Ok(None);
        }
    }
    // The id of a run whose records are gone is given to no other.
    match handle.block_on(committer.log().collected())?.iter().find(|run| run.run == *wanted) {
        Some(run) => Err(run.gone()),
        None => Ok(None),
    }
}

/// How a run ended, told as it was told first: a run that failed has not succeeded because it is asked for again.
fn told(graph: &Graph, state: &RunState) -> Result<Report> {
    let Some(RunEnd::Failed { code, message, hint, .. }) = &state.end else {
        return Ok(Report::of(&graph.pipeline.name, state));
    };
    let code = codes::ALL.iter().find(|known| known.name == code).copied().unwrap_or(codes::INTERNAL);
    let error = Error::new(code, format!("run `{}` has failed: {message}", state.run));
    Err(match hint.as_str() {
        "" => error.hint("start a new run: without `--id`, or with another one"),
        hint => error.hint(format!("{hint}; then start a new run: without `--id`, or with another one")),
    })
}

/// A run that is claimed and can go on.
struct Start {
    state: RunState,
    /// The run before, if it has epochs that are committed and not shown.
    leftover: Option<RunState>,
    base: Standing,
    continued: bool,
    changed: Vec<(String, String)>,
}

/// Decides which run this start belongs to, and claims it. `None`: the last run was ended as failed; look again.
fn begin(
    graph: &Graph,
    sinks: &Sinks,
    env: &Env,
    request: &Request,
    committer: &mut Committer,
    found: Found,
    handle: &tokio::runtime::Handle,
) -> Result<Option<Start>> {
    let fingerprints = pin::fingerprints(graph);
    let log = committer.log().clone();
    match found.last_run {
        Some(state) if state.end.is_none() => {
            let base = handle.block_on(log.standing(&state.pins.base))?;
            let head = head_of(&state);
            if state.pins.settles {
                // What it was to settle is not among its pins, and nothing of it is committed: the letters stand as they did.
                handle.block_on(committer.claim(head))?;
                let end = RunEnd::Failed {
                    code: codes::INTERRUPTED.name.to_owned(),
                    message: "it was cut off before it dealt with its dead letters".into(),
                    hint: "replay or discard them again".into(),
                    uncommitted: Uncommitted::default(),
                };
                handle.block_on(committer.commit(Draft::default(), EpochKind::End { end }, None))?;
                return Ok(None);
            }
            // A budget for this once is recorded in the pins, so it takes a run of its own too.
            let budget = request.dead_letters_at_most;
            let same_flags = (!request.full_refresh || state.pins.full_refresh)
                && (budget.is_none() || budget == state.pins.dead_letters_at_most);
            if state.pins.fingerprints == fingerprints && same_flags {
                prepare(graph, sinks, &base, &state.pins, handle)?;
                return continues(committer, state, handle).map(Some);
            }
            // The stages are not those that the run began with: it cannot be continued, and ends here. What it committed
            // stays; whether a new run may begin over an edit is decided first.
            let after = decide::standing_after(graph, &state, &base, false, &prefix_max(&state));
            may_begin(graph, sinks, request, &after, &fingerprints, &state.pins.fingerprints, handle)?;
            handle.block_on(committer.claim(head))?;
            let standing = handle.block_on(committer.put_standing(&after, &base))?;
            let end = RunEnd::Failed {
                code: codes::EDITED.name.to_owned(),
                message:
                    "the pipeline was edited, or a full refresh or another budget was asked for, before the run had ended"
                        .into(),
                hint: String::new(),
                uncommitted: Uncommitted::default(),
            };
            handle.block_on(committer.commit(Draft::default(), EpochKind::End { end }, standing))?;
            Ok(None)
        }
        // It has ended and is asked for by its id: what is not shown yet is shown, and nothing is run again.
        Some(state) if request.run.as_ref() == Some(&state.run) => {
            let base = handle.block_on(log.standing(&state.pins.base))?;
            prepare(graph, sinks, &base, &state.pins, handle)?;
            continues(committer, state, handle).map(Some)
        }
        last => {
            let standing_name = last.as_ref().map(|r| r.standing.clone()).unwrap_or_default();
            let base = handle.block_on(log.standing(&standing_name))?;
            may_begin(graph, sinks, request, &base, &fingerprints, &base.fingerprints, handle)?;
            let run = match &request.run {
                Some(id) if !handle.block_on(log.runs())?.iter().any(|(run, ..)| run == id) => id.clone(),
                // No id is given twice: one that an earlier run has, which is not shown yet, is reported when this run has shown it.
                _ => new_run_id(env.clock.now(), env.rng.as_ref()),
            };
            let pinned = pin::pin(graph, env, request, &base, standing_name.clone(), run, fingerprints)?;
            prepare(graph, sinks, &base, &pinned.pins, handle)?;
            let pins_name = handle.block_on(committer.put_pins(&pinned.pins))?;
            let head = RunHead {
                run: pinned.pins.run.clone(),
                first: None,
                pins: pins_name,
                standing: standing_name,
            };
            let manifest = handle.block_on(committer.claim(head))?;
            let mut state = RunState::new(&manifest, pinned.pins);
            state.fold(&manifest);
            let leftover = handle.block_on(log.leftover(state.first))?;
            Ok(Some(Start { state, leftover, base, continued: false, changed: pinned.changed }))
        }
    }
}

/// Whether a new run may begin: over edits, and over targets that were written under another contract. What the targets say comes first, because
/// it says more.
fn may_begin(
    graph: &Graph,
    sinks: &Sinks,
    request: &Request,
    standing: &Standing,
    now: &BTreeMap<String, Fingerprint>,
    before: &BTreeMap<String, Fingerprint>,
    handle: &tokio::runtime::Handle,
) -> Result<()> {
    let found = moves::target_moves(graph, sinks, &standing.contracts, request.full_refresh);
    moves::allow(&handle.block_on(found)?, request.migrate, &graph.pipeline.name)?;
    let allowed = request.full_refresh || request.accept_change || request.migrate;
    decide::edits(graph, now, before, allowed).map(|_| ())
}

/// Looks whether every target can take what a run with these pins brings.
fn prepare(
    graph: &Graph,
    sinks: &Sinks,
    base: &Standing,
    pins: &Pins,
    handle: &tokio::runtime::Handle,
) -> Result<()> {
    for (write, sink) in sinks {
        let Some(node) = graph.write(write) else { continue };
        let mode = pins.modes.get(write).copied().unwrap_or(node.write.mode);
        let ready = moves::ready(node, mode, base, pins.moves.contains_key(write))?;
        handle.block_on(sink.prepare(&ready)).map_err(|e| e.stage(write))?;
    }
    Ok(())
}

/// Claims a run that is there already.
fn continues(
    committer: &mut Committer,
    mut state: RunState,
    handle: &tokio::runtime::Handle,
) -> Result<Start> {
    let log = committer.log().clone();
    let base = handle.block_on(log.standing(&state.pins.base))?;
    let manifest = handle.block_on(committer.claim(head_of(&state)))?;
    let leftover = handle.block_on(log.leftover(state.first))?;
    state.fold(&manifest);
    Ok(Start { state, leftover, base, continued: true, changed: Vec::new() })
}

fn head_of(state: &RunState) -> RunHead {
    RunHead {
        run: state.run.clone(),
        first: Some(state.first),
        pins: state.pins_name.clone(),
        standing: state.standing.clone(),
    }
}

/// By read and split: the highest event time that a run saw.
fn prefix_max(state: &RunState) -> BTreeMap<String, BTreeMap<String, i64>> {
    state
        .positions
        .iter()
        .filter_map(|(read, value)| Some((read.clone(), Position::parse(value).ok()?.prefix_max)))
        .collect()
}

/// Goes on with a claimed run to its end.
fn go(
    graph: &Graph,
    sinks: &Sinks,
    env: &Env,
    committer: &mut Committer,
    start: Start,
    handle: &tokio::runtime::Handle,
) -> Result<Report> {
    let Start { mut state, leftover, base, .. } = start;
    let mut previous = base.applied.clone();
    // A move that is committed is not decided once more.
    let mut open_moves = state.pins.moves.clone();
    open_moves.retain(|write, _| {
        !state.sinks.get(write).into_iter().flatten().any(|(_, sink)| sink.moved.is_some())
    });
    for (write, epochs) in &state.sinks {
        if let Some((epoch, _)) = epochs.iter().rev().find(|(_, sink)| sink.apply) {
            previous.insert(write.clone(), *epoch);
        }
    }
    let cx = RunCx::new(graph, sinks, env, state.pins.clone(), previous, open_moves);
    let log = committer.log().clone();
    let open: Vec<&RunState> = leftover.iter().chain([&state]).collect();
    handle.block_on(apply::fence(&cx, committer, state.last, &open))?;
    if let Some(mut leftover) = leftover {
        let before = handle.block_on(log.standing(&leftover.pins.base))?;
        let live = |write: &str| before.live.get(write).cloned().unwrap_or_default();
        handle.block_on(apply::apply_leftover(&cx, committer, &mut leftover, &before, &live))?;
    }
    let live = |write: &str| base.live.get(write).cloned().unwrap_or_default();
    handle.block_on(apply::apply_missing(&cx, committer, &mut state, &base, &live))?;
    if state.end.is_none() {
        handle.block_on(sweep(&cx, committer, &state))?;
        Runner { cx: &cx, committer, state: &mut state, handle, base: &base, live: &live }.execute()?;
    }
    state.ledger.check()?;
    state.ledger.check_writes()?;
    told(graph, &state)
}

/// Removes what nobody will ever need: spools of ended runs, and what earlier generations staged for epochs that were not
/// committed.
async fn sweep(cx: &RunCx<'_>, committer: &Committer, state: &RunState) -> Result<()> {
    let store = &cx.env.store;
    // Whoever has lost the region takes nothing from the one that has it.
    committer.still_newest().await?;
    store.sweep().await?;
    for run in store.list("spools").await? {
        if run == state.run.0 {
            continue;
        }
        for name in store.list(&format!("spools/{run}")).await? {
            store.delete(&format!("spools/{run}/{name}")).await?;
        }
        store.forget_folder(&format!("spools/{run}")).await;
    }
    sweep_staged(cx, committer, state).await
}

/// Removes staged files that no apply will ask for.
async fn sweep_staged(cx: &RunCx<'_>, committer: &Committer, state: &RunState) -> Result<()> {
    let fence = Fence { region: committer.region_id().clone(), generation: committer.generation() };
    for (write, sink) in cx.sinks {
        let mut needed = state.needed(write);
        needed.extend(cx.given_up(write));
        if planted::bug("sweep_needed") {
            needed.clear();
        }
        sink.sweep(&fence, &needed).await.map_err(|e| e.stage(write))?;
    }
    Ok(())
}

struct Runner<'a> {
    cx: &'a RunCx<'a>,
    committer: &'a mut Committer,
    state: &'a mut RunState,
    handle: &'a tokio::runtime::Handle,
    base: &'a Standing,
    live: &'a (dyn Fn(&str) -> Vec<Segment> + Sync),
}

impl Runner<'_> {
    fn execute(self) -> Result<()> {
        let mut positions = BTreeMap::new();
        for node in &self.cx.graph.reads {
            let name = &node.read.name;
            let position = match self.state.positions.get(name) {
                Some(_) if planted::bug("position_forgotten") => Position::default(),
                Some(value) => Position::parse(value)?,
                None => Position {
                    prefix_max: match self.cx.pins.full_refresh {
                        true => BTreeMap::new(),
                        false => {
                            self.base.progress.get(name).map(|p| p.prefix_max.clone()).unwrap_or_default()
                        }
                    },
                    ..Position::default()
                },
            };
            positions.insert(name.clone(), position);
        }
        let building = Building::new(self.cx, self.committer);
        let base = self.base;
        let mut coordinator = Coordinator {
            cx: self.cx,
            committer: self.committer,
            state: self.state,
            handle: self.handle,
            building,
            positions,
            base: self.base,
            live_before: self.live,
        };
        match coordinator.both_phases(base) {
            Err(error) if error.verdict() == Verdict::Never => coordinator.fail(base, error),
            other => other,
        }
    }
}

impl<'a> Coordinator<'a> {
    fn both_phases(&mut self, base: &Standing) -> Result<()> {
        let env = self.cx.env;
        let session = session(SessionSpec {
            memory: env.memory,
            spill_dir: env.spill.clone(),
            partitions: env.workers.max(1),
            now: self.cx.pins.now,
        })?;
        let mut inputs = compute::Inputs::new();
        let chains = bind_chains(self, &session, &mut inputs)?;
        self.stream(&chains)?;
        drop(chains);
        let computes = self.cx.graph.stages.iter().any(|s| !s.per_row());
        if computes {
            // The inputs of whole-input stages are sealed before anything is computed over them.
            self.cut()?;
        }
        if let Err(error) = self.compute(&session, &mut inputs) {
            self.count_inputs(&inputs);
            return Err(error);
        }
        self.close_inputs(inputs)?;
        self.check_budget()?;
        self.end(base)
    }

    /// The run's last epoch.
    fn end(&mut self, base: &Standing) -> Result<()> {
        let next = Building::new(self.cx, self.committer);
        let mut draft = std::mem::replace(&mut self.building, next).finish(true)?;
        let mut after_run = self.state.clone();
        after_run.fold_draft(self.committer.next_epoch(), &draft);
        self.refuse_empty_replaces(&after_run)?;
        draft.datasets = self.datasets(&after_run);
        let standing = decide::standing_after(self.cx.graph, &after_run, base, true, &self.prefix_max());
        let name = self.handle.block_on(self.committer.put_standing(&standing, base))?;
        self.commit(draft, EpochKind::End { end: RunEnd::Succeeded }, name)?;
        self.release();
        Ok(())
    }

    fn prefix_max(&self) -> BTreeMap<String, BTreeMap<String, i64>> {
        self.positions.iter().map(|(read, p)| (read.clone(), p.prefix_max.clone())).collect()
    }

    /// An empty result would silently empty a table: it must be allowed in so many words.
    fn refuse_empty_replaces(&self, run: &RunState) -> Result<()> {
        for node in &self.cx.graph.writes {
            let name = &node.write.name;
            let replaces = self.cx.pins.modes.get(name) == Some(&WriteMode::Replace);
            let rows: u64 = run
                .sinks
                .get(name)
                .into_iter()
                .flatten()
                .flat_map(|(_, s)| &s.segments)
                .map(|s| s.rows)
                .sum();
            let declared = node.write.mode == WriteMode::Replace;
            if replaces && declared && rows == 0 && !node.write.allow_empty {
                return Err(Error::new(
                    codes::SINK_EMPTY,
                    format!("the result for `{name}` is empty, and it would replace what is there"),
                )
                .place(node.write.place.clone())
                .hint("if an empty table is right, say `allow_empty: true` at this write"));
            }
        }
        Ok(())
    }

    /// One dataset for each write.
    fn datasets(&self, run: &RunState) -> Vec<Dataset> {
        let mut datasets = Vec::new();
        for node in &self.cx.graph.writes {
            let name = &node.write.name;
            let segments: Vec<Segment> = run
                .sinks
                .get(name)
                .into_iter()
                .flatten()
                .flat_map(|(_, sink)| sink.segments.iter().cloned())
                .collect();
            if !self.cx.pins.modes.contains_key(name) {
                continue;
            }
            let hash = segments
                .iter()
                .map(|s| HashSum::from_hex(&s.hash_sum))
                .try_fold(HashSum::default(), |sum, hash| hash.map(|h| sum.plus(h)));
            datasets.push(Dataset {
                name: format!("{}/{}@{}", self.cx.graph.pipeline.name, node.write.from.stage, run.run),
                write: name.clone(),
                contract: node.contract.id(),
                fingerprint: node.contract.fingerprint(),
                rows: segments.iter().map(|s| s.rows).sum(),
                hash,
                segments,
            });
        }
        datasets
    }

    /// Gives up what an ended run needs no more: its spools, and staged files that no apply will ask for.
    fn release(&self) {
        let store = &self.cx.env.store;
        let folder = format!("spools/{}", self.cx.pins.run);
        let released = self.handle.block_on(async {
            for name in store.list(&folder).await? {
                store.delete(&format!("{folder}/{name}")).await?;
            }
            store.forget_folder(&folder).await;
            sweep_staged(self.cx, self.committer, self.state).await
        });
        // It has ended all the same, and the next start sweeps too.
        if let Err(error) = released {
            self.cx.env.observer.note(&format!("what the run had staged is not cleared away yet: {error}"));
        }
    }

    /// Ends the run as failed: an empty epoch that names the evidence. What was committed stays.
    fn fail(&mut self, base: &Standing, error: Error) -> Result<()> {
        let next = Building::new(self.cx, self.committer);
        let building = std::mem::replace(&mut self.building, next);
        let uncommitted = Uncommitted::from(&building.ledger);
        let evidence = match error.code() {
            codes::BUDGET | codes::IMBALANCE => building.into_evidence().unwrap_or_default(),
            // Whoever writes for it still lets go.
            _ => {
                drop(building);
                Vec::new()
            }
        };
        let draft = Draft { channels: evidence, ledger: Ledger::default(), ..Draft::default() };
        let standing =
            decide::standing_after(self.cx.graph, self.state, base, false, &prefix_max(self.state));
        let name = self.handle.block_on(self.committer.put_standing(&standing, base))?;
        let end = RunEnd::Failed {
            code: error.code().name.to_owned(),
            message: error.message().to_owned(),
            hint: error.next_step().unwrap_or_default().to_owned(),
            uncommitted,
        };
        // The first error is what the user must see; a second one while ending leaves the run unfinished.
        match self.commit(draft, EpochKind::End { end }, name) {
            Ok(()) => {
                self.release();
                Err(error)
            }
            Err(second) => {
                self.cx.env.observer.note(&format!("the failed run could not be ended: {second}"));
                Err(error)
            }
        }
    }
}

/// Binds every per-row stage to its reference data.
fn bind_chains(
    coordinator: &Coordinator<'_>,
    session: &datafusion::prelude::SessionContext,
    inputs: &mut compute::Inputs,
) -> Result<BTreeMap<String, crate::chain::RowChain>> {
    let cx = coordinator.cx;
    let mut chains = BTreeMap::new();
    for stage in cx.graph.stages.iter().filter(|s| s.per_row()) {
        let crate::sql::Shape::PerRow(plan) = &stage.plan.shape else { continue };
        if stage.read.as_deref().is_some_and(|read| cx.skips(read)) {
            continue;
        }
        let name = &stage.process.name;
        let mut references: BTreeMap<String, Arc<dyn Leaf>> = BTreeMap::new();
        for input in stage.plan.inputs.iter().filter(|i| stage.streamed.as_ref() != Some(*i)) {
            references.insert(input.clone(), coordinator.read_leaf(inputs, name, input)?);
        }
        let chain = coordinator.handle.block_on(plan.bind(session, &references));
        chains.insert(name.clone(), chain.map_err(|e| stage.blame(e))?);
    }
    Ok(chains)
}
