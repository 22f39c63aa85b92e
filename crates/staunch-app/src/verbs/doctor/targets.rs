//! Targets: are they there, do they belong to this log, and do they show what it says they show?

use super::log::Standing;
use super::{Doctor, Level, Notes, machine};
use crate::context::App;
use crate::open::Opened;
use crate::systems;
use crate::verbs::run::runtime;
use staunch_commit::{Look, RunState, Segment};
use staunch_engine::run::{Graph, allow, target_moves};
use staunch_pipeline::Pipeline;
use staunch_types::{Epoch, Error, Place, RegionId, WriteMode, codes};
use std::collections::BTreeSet;

/// Looks at every target of a pipeline.
pub(super) fn check(
    app: &App,
    doctor: &mut Doctor,
    opened: &Opened,
    pipeline: &Pipeline,
    graph: &Graph,
    standing: Option<&Standing>,
) {
    if standing.is_some_and(|standing| standing.region.is_none()) {
        // Whose targets these are is not known, and was told with the log.
        return;
    }
    for node in &graph.writes {
        let write = &node.write.name;
        let found = systems::sink(app, opened, &pipeline.name, node).and_then(|sink| {
            let facts = facts(write, standing);
            let look = runtime(1)?.block_on(sink.look(&facts.region, &facts.live, &facts.needed))?;
            Ok((facts, look, sink.keeps_position()))
        });
        let mut notes = doctor.about("target", Some(&pipeline.name));
        match found {
            Err(error) => notes.error(Level::Error, &error.stage(write)),
            Ok((facts, look, keeps_position)) => {
                told(&mut notes, write, node.write.mode, &facts, &look, keeps_position);
            }
        }
        folder(&mut notes, opened, pipeline, write);
    }
    // A run that is unfinished goes on with what it was asked.
    if let Some(standing) = standing.filter(|standing| standing.newest.end.is_some()) {
        moves(app, doctor, opened, pipeline, graph, standing);
    }
}

/// Whether the next run would be stopped by what lies in a target under another contract. What cannot be looked at was told above.
fn moves(
    app: &App,
    doctor: &mut Doctor,
    opened: &Opened,
    pipeline: &Pipeline,
    graph: &Graph,
    standing: &Standing,
) {
    let Ok(sinks) = app.sinks(opened, &pipeline.name, graph) else { return };
    let Ok(runtime) = runtime(1) else { return };
    let Ok(found) = runtime.block_on(target_moves(graph, &sinks, &standing.base.contracts, false)) else {
        return;
    };
    if let Err(refused) = allow(&found, false, &pipeline.name) {
        let mut notes = doctor.about("target", Some(&pipeline.name));
        for error in refused.all() {
            notes.error(Level::Error, error);
        }
    }
}

/// What the log says about a target.
struct Facts {
    region: RegionId,
    /// Published files.
    live: Vec<Segment>,
    /// What an apply to come asks for.
    needed: Vec<Segment>,
    /// The positions at which the target may stand.
    at: Vec<Option<Epoch>>,
    /// The last epoch of the log.
    last: Epoch,
}

fn facts(write: &str, standing: Option<&Standing>) -> Facts {
    let Some(standing) = standing else {
        // Without a log every target belongs to somebody else.
        let region = RegionId(String::new());
        return Facts { region, live: Vec::new(), needed: Vec::new(), at: vec![None], last: Epoch(0) };
    };
    let region = standing.region.clone().unwrap_or(RegionId(String::new()));
    let runs: Vec<&RunState> = standing.leftover.iter().chain([&standing.newest]).collect();
    let mut needed = Vec::new();
    let mut open = None;
    for run in &runs {
        let names: BTreeSet<String> = run.needed(write);
        let all = run.sinks.get(write).into_iter().flatten().flat_map(|(_, sink)| &sink.segments);
        // What was shown is not asked for any more, and may be gone.
        let shown = |segment: &Segment| {
            run.sinks.get(write).into_iter().flatten().any(|(epoch, sink)| {
                sink.segments.contains(segment)
                    && sink.mode != WriteMode::Replace
                    && !run.unapplied.get(write).is_some_and(|u| u.contains(epoch))
            })
        };
        needed.extend(all.filter(|s| names.contains(&s.staged) && !shown(s)).cloned());
        let first = run.unapplied.get(write).and_then(|epochs| epochs.first());
        open = open.or_else(|| {
            let sink = run.sinks.get(write)?.iter().find(|(epoch, _)| Some(epoch) == first)?;
            Some((sink.0, sink.1.previous))
        });
    }
    let base = standing.base.applied.get(write).copied();
    let newest = standing.newest.sinks.get(write).into_iter().flatten();
    let applied = newest.filter(|(_, sink)| sink.apply).map(|(epoch, _)| *epoch).next_back();
    let at = match open {
        // It may be shown already, if only the record of it was lost.
        Some((epoch, previous)) => vec![previous, Some(epoch)],
        None => vec![applied.or(base)],
    };
    let live = standing.base.live.get(write).cloned().unwrap_or_default();
    let unpublished: BTreeSet<&str> = needed.iter().map(|segment| segment.staged.as_str()).collect();
    let live = live.into_iter().filter(|s| !unpublished.contains(s.staged.as_str())).collect();
    Facts { region, live, needed, at, last: standing.newest.last }
}

fn told(
    notes: &mut Notes<'_>,
    write: &str,
    mode: WriteMode,
    facts: &Facts,
    look: &Look,
    keeps_position: bool,
) {
    let before = notes.doctor.findings.len();
    let epoch = |at: &Option<Epoch>| at.map_or("no epoch".to_owned(), |epoch| format!("epoch {epoch}"));
    for broken in &look.broken {
        notes.error(Level::Error, broken);
    }
    let ahead = |message: String| Error::new(codes::SINK_AHEAD, message).stage(write);
    let expects = match keeps_position {
        true => facts.at.iter().all(Option::is_some),
        false => !facts.live.is_empty(),
    };
    if !look.there && expects {
        let error = ahead(format!("`{write}` is gone"))
            .hint("bring it back from a backup, or run with --full-refresh, which writes everything anew");
        notes.error(Level::Error, &error);
    } else if let Some(at) = look.position.filter(|at| *at > facts.last) {
        let error = ahead(format!("`{write}` has applied epoch {at}, which the epoch log does not hold"))
            .hint("the state folder is older than the target (a restored backup?): restore the newer state folder, or write to another table");
        notes.error(Level::Error, &error);
    } else if keeps_position && look.there && !facts.at.contains(&look.position) {
        let was = epoch(facts.at.first().unwrap_or(&None));
        let error = ahead(format!("`{write}` shows {} where {was} was shown last", epoch(&look.position)))
            .hint("the target was emptied or restored from an older backup: bring it back, or run with --full-refresh, which writes everything anew");
        // What is replaced as a whole needs nothing of what was there.
        notes.error(if mode == WriteMode::Replace { Level::Warning } else { Level::Error }, &error);
    } else if let Some(first) = look.gone.first() {
        notes.warn(
            format!("`{write}`: {} of {} published files are not there, such as {first}", look.gone.len(), facts.live.len()),
            "somebody removed them: bring them back, or run with --full-refresh, which writes everything anew",
        );
    }
    if notes.doctor.findings.len() == before {
        match (look.there, keeps_position) {
            (false, _) => notes.ok(format!("`{write}` is made by the first run")),
            (true, true) => notes.ok(format!("`{write}` shows {}", epoch(&look.position))),
            (true, false) => notes.ok(format!("`{write}`: {} published file(s)", facts.live.len())),
        }
    }
}

/// Whether the folder of a target can be written, and has room.
fn folder(notes: &mut Notes<'_>, opened: &Opened, pipeline: &Pipeline, write: &str) {
    let Some(target) = pipeline.writes.iter().find(|w| w.name == write) else { return };
    let Some(path) = crate::targets::path(&opened.project, target) else { return };
    let there = machine::nearest(&path);
    let there = if there.is_dir() { there } else { machine::nearest(there.parent().unwrap_or(&there)) };
    if machine::writable(&there) == Some(false) {
        let error = Error::new(codes::SINK_UNAVAILABLE, format!("`{write}` cannot be written"))
            .place(Place::file(&there))
            .hint("give this user the right to write there, or mount the disk for writing");
        notes.error(Level::Error, &error);
    }
}
