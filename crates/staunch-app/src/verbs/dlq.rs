//! `dlq ls|show|replay|discard`: rejected rows and what becomes of them.

use crate::context::{App, RunContext, Verb, authorize};
use crate::keys;
use crate::open::Opened;
use crate::verbs::run::runtime;
use staunch_commit::store::Store;
use staunch_commit::{DeadLetter, Log, RunEnd, RunState, Settled, read_dead};
use staunch_connectors::formats::rows::row_as_json;
use staunch_engine::run::{self as engine, Observer, Report, Request, Stop};
use staunch_types::{Error, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Which dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DlqFilter {
    /// Every one that stands is meant: what cannot be taken back must be said.
    pub all: bool,
    /// Of this pipeline.
    pub pipeline: Option<String>,
    /// Of this run: also the evidence of an epoch that was not committed.
    pub run: Option<String>,
    /// With this record id.
    pub id: Option<String>,
}

/// A dead letter and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlqRow {
    /// The pipeline.
    pub pipeline: String,
    /// The run that wrote it.
    pub run: String,
    /// Whether it is evidence of an epoch that was not committed: it cannot be replayed.
    pub evidence: bool,
    /// The letter.
    pub letter: DeadLetter,
}

/// What a replay or a discard did.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The letters that were dealt with (or, in a dry run, would be).
    pub letters: Vec<DlqRow>,
    /// By pipeline: the run that did it; none in a dry run.
    pub runs: Vec<Report>,
}

type LetterKey = (String, String, String);

fn key_of(letter: &DeadLetter) -> LetterKey {
    (letter.read.clone(), letter.id.clone(), letter.stage.clone())
}

impl App {
    /// The dead letters that stand: not replayed, not discarded, not superseded by a newer whole read.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn dlq(
        &self,
        start: &Path,
        profile: Option<&str>,
        filter: &DlqFilter,
        context: &RunContext,
    ) -> Result<Vec<DlqRow>> {
        let opened = Opened::look(start, profile)?;
        authorize(&context.actor, Verb::Read, filter.pipeline.as_deref().unwrap_or(&opened.project.name))?;
        self.letters(&opened, filter)
    }

    /// The raw bytes of the letters that match; of rows that a target refused, a JSON object by column.
    ///
    /// # Errors
    /// `DeadLetters.Invalid` if nothing matches or the key is another one.
    pub fn dlq_show(
        &self,
        start: &Path,
        profile: Option<&str>,
        filter: &DlqFilter,
        context: &RunContext,
    ) -> Result<Vec<(DlqRow, Vec<u8>)>> {
        let opened = Opened::look(start, profile)?;
        authorize(&context.actor, Verb::Reveal, filter.pipeline.as_deref().unwrap_or(&opened.project.name))?;
        let sealer = keys::load(self, &opened.project)?.key.sealer();
        let found = some(self.letters(&opened, filter)?, filter)?;
        found
            .into_iter()
            .map(|row| {
                if row.letter.refused() {
                    // The target was given a row, not a record: it is shown by column.
                    let shown = row_as_json(&row.letter.row(&sealer)?.0);
                    return Ok((row, shown));
                }
                let raw = row.letter.raw(&sealer)?;
                Ok((row, raw))
            })
            .collect()
    }

    /// Gives letters up: they are listed no more. A dry run only says which.
    ///
    /// # Errors
    /// `Usage.Invalid` if the filter names nothing and does not say that all are meant; `DeadLetters.Invalid` if nothing matches; `Run.Busy`.
    pub fn dlq_discard(
        &self,
        start: &Path,
        profile: Option<&str>,
        filter: &DlqFilter,
        dry_run: bool,
        context: &RunContext,
        observer: Arc<dyn Observer>,
    ) -> Result<Settlement> {
        if *filter == DlqFilter::default() && !dry_run {
            return Err(Error::new(codes::USAGE, "which dead letters are to be given up? It cannot be taken back")
                .hint("name one by its id, or some by --pipeline or --run, or say --all; --dry-run shows which they are"));
        }
        self.settle(start, profile, filter, dry_run, context, observer, Verb::Discard)
    }

    /// Sends letters through the stage that rejected them, once more, as a run. A dry run only says which.
    ///
    /// # Errors
    /// `DeadLetters.Invalid` if nothing matches, or if a whole-input stage lies below (then a run reads everything again
    /// anyway); `Run.Busy`, `Run.Edited`.
    pub fn dlq_replay(
        &self,
        start: &Path,
        profile: Option<&str>,
        filter: &DlqFilter,
        dry_run: bool,
        context: &RunContext,
        observer: Arc<dyn Observer>,
    ) -> Result<Settlement> {
        self.settle(start, profile, filter, dry_run, context, observer, Verb::Run)
    }

    #[allow(clippy::too_many_arguments, reason = "each is one thing that the command line says")]
    fn settle(
        &self,
        start: &Path,
        profile: Option<&str>,
        filter: &DlqFilter,
        dry_run: bool,
        context: &RunContext,
        observer: Arc<dyn Observer>,
        verb: Verb,
    ) -> Result<Settlement> {
        let opened = Opened::open(start, profile)?;
        authorize(&context.actor, verb, filter.pipeline.as_deref().unwrap_or(&opened.project.name))?;
        let letters: Vec<DlqRow> =
            self.letters(&opened, filter)?.into_iter().filter(|r| !r.evidence).collect();
        let letters = some(letters, filter)?;
        let mut by_pipeline: BTreeMap<String, Vec<DlqRow>> = BTreeMap::new();
        for row in &letters {
            by_pipeline.entry(row.pipeline.clone()).or_default().push(row.clone());
        }
        let key = keys::load(self, &opened.project)?;
        let control = opened.control()?;
        let mut runs = Vec::new();
        for (name, rows) in by_pipeline {
            let pipeline = opened.pipeline(&name)?;
            let graph = opened.graph(pipeline, Some(&key.key))?;
            let mut letters: Vec<DeadLetter> = rows.into_iter().map(|r| r.letter).collect();
            if verb == Verb::Run {
                engine::check_replay(&graph, &letters)?;
            }
            if dry_run {
                continue;
            }
            let _lease = control.lease(&name, self.pid, self.clock.now())?;
            // Until the lease was taken, another process may have dealt with some.
            let still: BTreeSet<(LetterKey, u32)> = self
                .letters(&opened, filter)?
                .into_iter()
                .filter(|row| row.pipeline == name)
                .map(|row| (key_of(&row.letter), row.letter.attempts))
                .collect();
            letters.retain(|letter| still.contains(&(key_of(letter), letter.attempts)));
            if letters.is_empty() {
                continue;
            }
            let sinks = self.sinks(&opened, &name, &graph)?;
            let store: Arc<dyn Store> = Arc::new(opened.store(self, &name)?);
            let env = self.env(&opened, &name, store.clone(), &key.key, Stop::default(), observer.clone())?;
            let request = Request {
                run: context.run.clone(),
                profile: opened.project.profile.name.clone(),
                actor: context.actor.clone(),
                ..Request::default()
            };
            let runtime = runtime(self.workers)?;
            let report = match verb {
                Verb::Run => engine::replay(&graph, &sinks, &env, &request, &letters, runtime.handle())?,
                _ => {
                    let settled = letters
                        .iter()
                        .map(|l| Settled {
                            read: l.read.clone(),
                            id: l.id.clone(),
                            stage: l.stage.clone(),
                            how: "discarded".to_owned(),
                        })
                        .collect();
                    engine::discard(&graph, &sinks, &env, &request, settled, runtime.handle())?
                }
            };
            runtime.block_on(super::run::index_last_run(control.as_ref(), &Log::new(store), &name))?;
            runs.push(report);
        }
        Ok(Settlement { letters, runs })
    }

    fn letters(&self, opened: &Opened, filter: &DlqFilter) -> Result<Vec<DlqRow>> {
        if let Some(name) = &filter.pipeline {
            opened.pipeline(name)?;
        }
        let mut rows = Vec::new();
        for name in opened.project.pipelines.keys() {
            if filter.pipeline.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            if let Some(log) = opened.log(self, name)? {
                rows.extend(self.letters_of(name, &log, filter)?);
            }
        }
        rows.retain(|row| filter.id.as_ref().is_none_or(|id| *id == row.letter.id));
        if filter.run.is_some() && rows.is_empty() {
            // An unknown run is a mistake; a run without letters is not.
            self.locate(opened, filter.run.as_deref())?;
        }
        Ok(rows)
    }

    /// Walks the runs of a log, oldest first.
    fn letters_of(&self, pipeline: &str, log: &Log, filter: &DlqFilter) -> Result<Vec<DlqRow>> {
        let runtime = runtime(1)?;
        let mut standing: BTreeMap<LetterKey, DlqRow> = BTreeMap::new();
        let mut evidence = Vec::new();
        for (run, _, last) in runtime.block_on(log.runs())? {
            let state = runtime.block_on(log.run_ending_at(last))?;
            for superseded in superseded(&state, &runtime.block_on(log.standing(&state.standing))?) {
                standing.retain(|(read, _, _), _| *read != superseded);
            }
            let replaced = |stage: &str| {
                state.end == Some(RunEnd::Succeeded)
                    && state.pins.modes.get(stage) == Some(&staunch_types::WriteMode::Replace)
            };
            standing.retain(|(_, _, stage), _| !replaced(stage));
            for settled in &state.settled {
                standing.remove(&(settled.read.clone(), settled.id.clone(), settled.stage.clone()));
            }
            for letter in runtime.block_on(refused(log, &state))? {
                let row =
                    DlqRow { pipeline: pipeline.to_owned(), run: run.0.clone(), evidence: false, letter };
                standing.insert(key_of(&row.letter), row);
            }
            for (_, segment) in &state.channels {
                let is_evidence = match segment.port.as_str() {
                    "dead" => false,
                    "evidence" => true,
                    _ => continue,
                };
                for letter in read_dead(log.store().as_ref(), segment)? {
                    let letter = letter?;
                    let row = DlqRow {
                        pipeline: pipeline.to_owned(),
                        run: run.0.clone(),
                        evidence: is_evidence,
                        letter,
                    };
                    if !is_evidence {
                        standing.insert(key_of(&row.letter), row);
                    } else if filter.run.as_ref() == Some(&run.0) {
                        evidence.push(row);
                    }
                }
            }
        }
        let mut rows: Vec<DlqRow> = standing
            .into_values()
            .filter(|row| filter.run.as_ref().is_none_or(|wanted| *wanted == row.run))
            .chain(evidence)
            .collect();
        rows.sort_by_cached_key(|row| {
            let letter = &row.letter;
            let epoch = if letter.refused() { letter.refused_in().0.0 } else { 0 };
            (letter.file.clone(), epoch, letter.place, letter.stage.clone())
        });
        Ok(rows)
    }
}

/// The rows that targets refused: the DLQ is the manifests plus the apply records.
async fn refused(log: &Log, run: &RunState) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    for (write, epochs) in &run.sinks {
        for (epoch, _) in epochs.iter().filter(|(_, sink)| sink.apply) {
            let Some(record) = log.applied(*epoch, write).await? else { continue };
            if let Some(segment) = &record.letters {
                for letter in read_dead(log.store().as_ref(), segment)? {
                    letters.push(letter?);
                }
                continue;
            }
            // A record of format 1 names the rows and does not keep them.
            for (ordinal, reason) in record.applied.dead {
                letters.push(DeadLetter {
                    format: record.format,
                    id: format!("{write}@{epoch}#{ordinal}"),
                    region: None,
                    read: String::new(),
                    stage: write.clone(),
                    code: codes::SINK_REJECTED.name.to_owned(),
                    reason,
                    field: None,
                    contract: String::new(),
                    file: write.clone(),
                    version: 0,
                    place: ordinal,
                    line: None,
                    attempts: 1,
                    key: String::new(),
                    sealed: String::new(),
                });
            }
        }
    }
    Ok(letters)
}

/// The reads whose earlier letters a run supersedes: those that it read whole, or again from the start.
fn superseded(run: &RunState, after: &staunch_commit::Standing) -> Vec<String> {
    if run.end != Some(RunEnd::Succeeded) {
        return Vec::new();
    }
    run.pins
        .origins
        .keys()
        .filter(|read| {
            let whole = after.inputs.contains_key(*read) && !run.pins.unchanged.contains(*read);
            whole || run.pins.full_refresh
        })
        .cloned()
        .collect()
}

fn some(rows: Vec<DlqRow>, filter: &DlqFilter) -> Result<Vec<DlqRow>> {
    if !rows.is_empty() {
        return Ok(rows);
    }
    let what = match (&filter.id, &filter.run) {
        (Some(id), _) => format!("there is no dead letter `{id}`"),
        (None, Some(run)) => format!("run `{run}` has no dead letters that stand"),
        (None, None) => "there are no dead letters".to_owned(),
    };
    Err(Error::new(codes::DEAD_LETTER, what).hint("list them with `staunch dlq ls`"))
}
