//! One pipeline: its log, its last run, its sources, what lies about; its targets stand beside.

use super::{Doctor, Level, targets};
use crate::context::App;
use crate::keys;
use crate::open::Opened;
use crate::verbs::gc;
use crate::verbs::run::runtime;
use staunch_commit::inspect::{Inspection, inspect};
use staunch_commit::{Log, RunState};
use staunch_control::look;
use staunch_engine::run::{Graph, look_at_sources};
use staunch_pipeline::Pipeline;
use staunch_types::{Micros, RegionId, Result, codes};

/// More than clocks of one machine differ.
const APART: Micros = 5 * 60 * 1_000_000;

/// What is known of the newest run and whatever has still to be shown.
pub(super) struct Standing {
    pub(super) region: Option<RegionId>,
    pub(super) newest: RunState,
    pub(super) leftover: Option<RunState>,
    pub(super) base: staunch_commit::Standing,
}

/// Looks at a pipeline.
pub(super) fn check(app: &App, doctor: &mut Doctor, opened: &Opened, pipeline: &Pipeline) {
    let name = &pipeline.name;
    let key = keys::look(app, &opened.project).ok().flatten().map(|found| found.key);
    let (graph, mistakes) = opened.survey_graph(pipeline, key.as_ref());
    let log = match opened.log(app, name) {
        Ok(log) => log,
        Err(error) => return doctor.about("log", Some(name)).error(Level::Error, &error),
    };
    let standing = match log.map(|log| history(doctor, name, &log)) {
        None => None,
        Some(Some(standing)) => standing,
        // Nothing can be concluded from it.
        Some(None) => return,
    };
    let holder = look::holder(&opened.project.profile.state.join("control"), name);
    let held = holder.as_ref().is_ok_and(Option::is_some);
    if let Some(standing) = &standing {
        last_run(doctor, opened, name, holder, standing);
        clock(app, doctor, name, standing);
    }
    // What is wrong with the plan was told with the project.
    if mistakes.is_empty() {
        sources(doctor, name, &graph, standing.as_ref());
    }
    // What a run has on its way is no leftover, and its targets move.
    if held {
        return;
    }
    if mistakes.is_empty() {
        targets::check(app, doctor, opened, pipeline, &graph, standing.as_ref());
    }
    if standing.is_some() {
        leftovers(app, doctor, opened, pipeline);
    }
}

/// Reads the log to its end: what stands, if anything ran. `None` where nothing can be concluded from it.
fn history(doctor: &mut Doctor, name: &str, log: &Log) -> Option<Option<Standing>> {
    let found = read(log);
    let mut notes = doctor.about("log", Some(name));
    let (inspection, standing) = match found {
        Ok(found) => found,
        Err(error) => {
            notes.error(Level::Error, &error);
            return None;
        }
    };
    for fault in &inspection.faults {
        notes.error(Level::Error, fault);
    }
    if inspection.faults.is_empty() {
        match inspection.epochs {
            0 => notes.ok("nothing has run yet"),
            epochs => notes
                .ok(format!("{epochs} epochs, {} artefacts, all there and readable", inspection.artefacts)),
        }
    }
    standing
}

fn read(log: &Log) -> Result<(Inspection, Option<Option<Standing>>)> {
    runtime(1)?.block_on(async {
        let inspection = inspect(log).await?;
        let standing = match inspection.faults.is_empty() {
            true => Some(log.steadily(async || newest(log).await).await?),
            // As far as it can be read all the same.
            false => newest(log).await.ok(),
        };
        Ok((inspection, standing))
    })
}

async fn newest(log: &Log) -> Result<Option<Standing>> {
    let Some(last) = log.last_epoch().await? else { return Ok(None) };
    let newest = log.run_ending_at(last).await?;
    let leftover = match newest.end {
        None => log.leftover(newest.first).await?,
        // What a run that came to something left behind it was shown, or replaced.
        Some(_) => log.leftover(newest.last.next()).await?.filter(|run| run.run != newest.run),
    };
    let base = match newest.end {
        Some(_) => log.standing(&newest.standing).await?,
        None => log.standing(&newest.pins.base).await?,
    };
    Ok(Some(Standing { region: log.region().await?, newest, leftover, base }))
}

fn last_run(
    doctor: &mut Doctor,
    opened: &Opened,
    name: &str,
    holder: Result<Option<String>>,
    standing: &Standing,
) {
    let mut notes = doctor.about("run", Some(name));
    let run = &standing.newest;
    match holder {
        Err(error) => notes.error(Level::Error, &error),
        Ok(Some(holder)) => return notes.ok(format!("run `{}`: {holder} works on it", run.run)),
        Ok(None) => {}
    }
    let before = notes.doctor.findings.len();
    if run.end.is_none() {
        notes.warn(
            format!("run `{}` was cut off in epoch {}", run.run, run.last),
            format!("`staunch run {name}` continues it"),
        );
    }
    for open in standing.leftover.iter().chain([run]) {
        for (write, epochs) in open.unapplied.iter().filter(|(_, epochs)| !epochs.is_empty()) {
            let list = epochs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message =
                format!("run `{}` has committed what `{write}` does not show yet: epoch {list}", open.run);
            match opened
                .project
                .pipelines
                .get(name)
                .is_some_and(|p| p.writes.iter().any(|w| w.name == *write))
            {
                true => notes.warn(message, format!("`staunch run {name}` shows it")),
                false => notes.wrong(
                    format!("{message}, and the pipeline writes to it no more"),
                    "put the write back and run once; then take it out",
                ),
            }
        }
    }
    if notes.doctor.findings.len() == before {
        let how = match &run.end {
            Some(staunch_commit::RunEnd::Failed { code, .. }) => format!("failed with {code}"),
            _ => "succeeded, and every target shows it".to_owned(),
        };
        notes.ok(format!("run `{}` has {how}", run.run));
    }
}

fn clock(app: &App, doctor: &mut Doctor, name: &str, standing: &Standing) {
    let (now, newest) = (app.clock.now(), standing.newest.written);
    let mut notes = doctor.about("clock", Some(name));
    if newest > now.saturating_add(APART) {
        notes.warn(
            format!("the log was last written {} s in the future", (newest - now) / 1_000_000),
            "set the clock: ages of runs and letters are counted by it",
        );
    }
    let times: Vec<_> = standing.newest.times.iter().collect();
    let back = times.windows(2).find(|two| *two[1].1 < two[0].1.saturating_sub(APART));
    if let Some([_, (epoch, _)]) = back {
        notes.warn(
            format!("the clock went back before epoch {epoch}"),
            "nothing is lost; ages of runs and letters are counted by it",
        );
    }
}

fn sources(doctor: &mut Doctor, name: &str, graph: &Graph, standing: Option<&Standing>) {
    let nothing = staunch_commit::Standing::default();
    let open = standing.map(|s| &s.newest).filter(|run| run.end.is_none() && !run.pins.settles);
    let base = standing.map_or(&nothing, |s| &s.base);
    for look in look_at_sources(graph, base, open) {
        let mut notes = doctor.about("source", Some(name));
        if let Some(error) = &look.error {
            notes.error(Level::Error, error);
            continue;
        }
        match look.changed.as_slice() {
            [] => notes.ok(format!("read `{}`: {} file(s)", look.read, look.files)),
            changed => notes.warn(
                format!(
                    "read `{}`: changed since they were read, and not read again: {}",
                    look.read,
                    changed.join(", ")
                ),
                "`staunch run --full-refresh` reads everything again",
            ),
        }
    }
}

fn leftovers(app: &App, doctor: &mut Doctor, opened: &Opened, pipeline: &Pipeline) {
    let found = gc::would_free(app, opened, pipeline);
    let mut notes = doctor.about("leftovers", Some(&pipeline.name));
    match found {
        Ok(found) => {
            let aged = ["records of runs", "dead letters", "late rows"];
            let kinds: Vec<_> = found.freed.iter().filter(|(kind, _)| !aged.contains(*kind)).collect();
            let bytes: u64 = kinds.iter().map(|(_, freed)| freed.bytes).sum();
            let words: Vec<_> = kinds.iter().map(|(kind, freed)| format!("{} {kind}", freed.files)).collect();
            if !words.is_empty() {
                notes.warn(
                    format!("{} ({bytes} bytes) are left of processes that were killed", words.join(", ")),
                    format!("`staunch gc {}` removes them, and so does the next run of most", pipeline.name),
                );
            }
        }
        // The log told it already.
        Err(error) if error.code() == codes::STORE_CORRUPT => {}
        Err(error) => notes.error(Level::Error, &error),
    }
}
