//! Dead letters once more: a run like any other, whose input is the letters. Each re-enters at the stage that rejected it, and
//! only there (a row that a target refused: at that target); the same epoch marks it as repaired, so a second replay changes
//! nothing.

use super::building::Building;
use super::cx::{RunCx, Sinks};
use super::env::{Env, Request, new_run_id};
use super::graph::{Graph, Scope};
use super::report::Report;
use super::stream::{Coordinator, Entry, enter};
use super::{again, apply, bind_chains, compute, decide, moves, pin};
use crate::sql::{SessionSpec, session};
use staunch_commit::manifest::FORMAT;
use staunch_commit::{
    Committer, DeadLetter, Draft, EpochKind, Found, Listed, Origin, Pins, RawRecord, Ready, RunEnd, RunHead,
    RunState, Segment, Settled, Standing,
};
use staunch_types::{Error, Result, WriteMode, codes, planted};
use std::collections::{BTreeMap, BTreeSet};

/// Refuses what cannot be replayed: letters of a read that is read whole and rows of a table that is replaced (a run
/// supersedes them), and stages that are gone.
///
/// # Errors
/// `DeadLetters.Invalid`.
pub fn check_replay(graph: &Graph, letters: &[DeadLetter]) -> Result<()> {
    for letter in letters {
        let refuse = |message: String, hint: &str| {
            Err(Error::new(codes::DEAD_LETTER, message).stage(&letter.stage).hint(hint))
        };
        if letter.refused() {
            again::check(graph, letter)?;
            continue;
        }
        let Some(node) = graph.read(&letter.read) else {
            return refuse(
                format!("the read `{}` of `{}` is gone", letter.read, letter.id),
                "put it back, or `staunch dlq discard`",
            );
        };
        if node.scope != Scope::Incremental {
            return refuse(
                format!("read `{}` is read whole, so `{}` cannot be replayed alone", letter.read, letter.id),
                "mend the data or the contract and run the pipeline: it reads everything again and replaces these letters",
            );
        }
        let stage_there = letter.stage == letter.read
            || graph.stage(&letter.stage).is_some_and(|s| s.read.as_deref() == Some(letter.read.as_str()));
        if !stage_there {
            return refuse(
                format!("the stage `{}` that rejected `{}` is gone", letter.stage, letter.id),
                "put it back, or `staunch dlq discard`",
            );
        }
    }
    Ok(())
}

/// Replays letters.
///
/// # Errors
/// As [`super::run`]; `Run.Busy` in effect if the last run is unfinished.
pub fn replay(
    graph: &Graph,
    sinks: &Sinks,
    env: &Env,
    request: &Request,
    letters: &[DeadLetter],
    handle: &tokio::runtime::Handle,
) -> Result<Report> {
    check_replay(graph, letters)?;
    let settled = letters
        .iter()
        .map(|l| Settled {
            read: l.read.clone(),
            id: l.id.clone(),
            stage: l.stage.clone(),
            how: "repaired".to_owned(),
        })
        .collect();
    settle(graph, sinks, env, request, letters, settled, handle)
}

/// Gives letters up.
///
/// # Errors
/// `Run.Busy` in effect if the last run is unfinished; `Store.*`.
pub fn discard(
    graph: &Graph,
    sinks: &Sinks,
    env: &Env,
    request: &Request,
    settled: Vec<Settled>,
    handle: &tokio::runtime::Handle,
) -> Result<Report> {
    settle(graph, sinks, env, request, &[], settled, handle)
}

fn settle(
    graph: &Graph,
    sinks: &Sinks,
    env: &Env,
    request: &Request,
    letters: &[DeadLetter],
    settled: Vec<Settled>,
    handle: &tokio::runtime::Handle,
) -> Result<Report> {
    let start = Committer::start(env.store.clone(), env.clock.clone(), env.rng.clone(), env.pid);
    let (mut committer, found) = handle.block_on(start)?;
    let work = Settlement { graph, sinks, env, request, letters, handle };
    match work.run(&mut committer, found, settled) {
        Err(error) => Err(handle.block_on(committer.or_fenced(error))),
        done => done,
    }
}

/// Letters to be settled, and what that takes.
struct Settlement<'a> {
    graph: &'a Graph,
    sinks: &'a Sinks,
    env: &'a Env,
    request: &'a Request,
    letters: &'a [DeadLetter],
    handle: &'a tokio::runtime::Handle,
}

impl Settlement<'_> {
    fn run(self, committer: &mut Committer, found: Found, settled: Vec<Settled>) -> Result<Report> {
        let Self { graph, sinks, env, request, letters, handle } = self;
        let last =
            found.last_run.filter(|run| run.end.is_some() && run.fully_applied()).ok_or_else(|| {
                Error::new(codes::BUSY, "the last run of this pipeline is unfinished")
                    .hint("`staunch run` continues it; then come back to the dead letters")
            })?;
        let base = handle.block_on(committer.log().standing(&last.standing))?;
        let fingerprints = pin::fingerprints(graph);
        if !letters.is_empty() {
            // The rules of runs: rows of an edited pipeline do not slip in beside those of the old one, or into a table that is not altered yet.
            let found = moves::target_moves(graph, sinks, &base.contracts, false);
            moves::allow(&handle.block_on(found)?, false, &graph.pipeline.name)?;
            decide::edits(graph, &fingerprints, &base.fingerprints, request.accept_change)?;
        }
        // What cannot be opened is told before anything is claimed.
        let rows = again::open(graph, letters, &env.sealer, &base.contracts)?;
        let reenter = letters.iter().any(|l| !l.refused());
        let modes: BTreeMap<String, WriteMode> = graph
            .writes
            .iter()
            .enumerate()
            .filter(|(at, w)| (reenter && w.incremental) || rows.iter().any(|again| again.write == *at))
            .map(|(_, w)| (w.write.name.clone(), w.write.mode))
            .collect();
        let run = request.run.clone().unwrap_or_else(|| new_run_id(env.clock.now(), env.rng.as_ref()));
        // The latest version of the reference data, as for any run; nothing else is read.
        let mut origins = match reenter {
            false => BTreeMap::new(),
            true => {
                let name = last.standing.clone();
                pin::pin(graph, env, request, &base, name, run.clone(), fingerprints)?.pins.origins
            }
        };
        origins.retain(|read, _| graph.read(read).is_some_and(|r| r.scope == Scope::Reference));
        let pins = Pins {
            format: FORMAT,
            run,
            now: env.clock.now(),
            profile: request.profile.clone(),
            full_refresh: false,
            accept_change: request.accept_change,
            dead_letters_at_most: Some(1.0),
            origins,
            unchanged: BTreeSet::new(),
            fingerprints: base.fingerprints.clone(),
            lineage: pin::lineage(graph),
            modes,
            base: last.standing.clone(),
            actor: request.actor.clone(),
            settles: true,
            contracts: moves::contracts(graph),
            moves: BTreeMap::new(),
        };
        for (write, sink) in sinks {
            let mode = graph.write(write).map_or(WriteMode::Append, |node| node.write.mode);
            match handle.block_on(sink.prepare(&Ready::new(mode))) {
                // One that is given nothing need not fit.
                Err(error) if error.code() == codes::SINK_SCHEMA && !pins.modes.contains_key(write) => {}
                done => done.map_err(|e| e.stage(write))?,
            }
        }
        let pins_name = handle.block_on(committer.put_pins(&pins))?;
        let head = RunHead { run: pins.run.clone(), first: None, pins: pins_name, standing: last.standing };
        let manifest = handle.block_on(committer.claim(head))?;
        let mut state = RunState::new(&manifest, pins.clone());
        state.fold(&manifest);
        let cx = RunCx::new(graph, sinks, env, pins, base.applied.clone(), BTreeMap::new());
        handle.block_on(apply::fence(&cx, committer, state.last, &[&state]))?;
        let live = |_: &str| -> Vec<Segment> { Vec::new() };
        let building = Building::new(&cx, committer);
        let mut coordinator = Coordinator {
            cx: &cx,
            committer,
            state: &mut state,
            handle,
            building,
            positions: BTreeMap::new(),
            base: &base,
            live_before: &live,
        };
        for again in rows {
            coordinator.building.write_again(again.write, again.batch, &again.tried)?;
        }
        if reenter {
            coordinator.letters(letters)?;
        }
        coordinator.end_settlement(&base, settled)?;
        state.ledger.check()?;
        state.ledger.check_writes()?;
        Ok(Report::of(&graph.pipeline.name, &state))
    }
}

impl Coordinator<'_> {
    /// Sends letters through the read chain and the stages from the rejecting one on.
    fn letters(&mut self, letters: &[DeadLetter]) -> Result<()> {
        let env = self.cx.env;
        let session = session(SessionSpec {
            memory: env.memory,
            spill_dir: env.spill.clone(),
            partitions: 1,
            now: self.cx.pins.now,
        })?;
        let mut inputs = compute::Inputs::new();
        let chains = bind_chains(self, &session, &mut inputs)?;
        // Together: what was rejected equally often by one stage out of one version of one file.
        let mut groups: BTreeMap<(&str, &str, &str, u32, u32), Vec<&DeadLetter>> = BTreeMap::new();
        for letter in letters.iter().filter(|l| !l.refused()) {
            groups
                .entry((&letter.read, &letter.stage, &letter.file, letter.version, letter.attempts))
                .or_default()
                .push(letter);
        }
        for ((read, stage, file, version, attempts), mut letters) in groups {
            letters.sort_by_key(|l| l.place);
            let mut records = Vec::new();
            for letter in &letters {
                records.push(RawRecord {
                    place: letter.place,
                    line: letter.line,
                    raw: letter.raw(&env.sealer)?,
                });
            }
            let origin = Origin { listed: Listed { path: file.to_owned(), size: 0, modified: 0 }, version };
            let entry = Entry { read, stage, origin: &origin };
            let out = enter(self.cx, &chains, &entry, &records)?;
            self.building.add_letters(out, &origin, attempts + 1)?;
        }
        // The reference data that the stages looked up were counted by the runs that read them for their own rows.
        drop(inputs);
        Ok(())
    }

    fn end_settlement(&mut self, base: &Standing, settled: Vec<Settled>) -> Result<()> {
        let next = Building::new(self.cx, self.committer);
        let draft = std::mem::replace(&mut self.building, next).finish(true)?;
        let settled = if planted::bug("replay_twice") { Vec::new() } else { settled };
        let draft = Draft { settled, ..draft };
        let mut after_run = self.state.clone();
        after_run.fold_draft(self.committer.next_epoch(), &draft);
        let standing = decide::after_writes(&after_run, base.clone());
        let name = self.handle.block_on(self.committer.put_standing(&standing, base))?;
        self.commit(draft, EpochKind::End { end: RunEnd::Succeeded }, name)?;
        self.release();
        Ok(())
    }
}
