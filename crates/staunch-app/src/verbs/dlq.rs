//! `dlq ls|show|replay|discard`: rejected rows and what becomes of them.

use crate::context::{App, RunContext, Verb, authorize};
use crate::keys;
use crate::open::Opened;
use crate::verbs::run::runtime;
use staunch_commit::store::Store;
use staunch_commit::{DeadLetter, Log, RunEnd, RunState, Settled, read_dead};
use staunch_connectors::formats::rows::{row_as_json, shown};
use staunch_engine::run::{self as engine, Observer, Report, Request, Stop};
use staunch_types::{Epoch, Error, Micros, Result, codes};
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
    /// With this code: why they were rejected.
    pub code: Option<String>,
    /// With this field to blame, or a part of it.
    pub field: Option<String>,
    /// Rejected by this stage: a read, a process stage, or a write (`connection/object`).
    pub stage: Option<String>,
    /// Rejected at this time or later.
    pub since: Option<Micros>,
    /// Rejected before this time.
    pub until: Option<Micros>,
}

/// Whether the field of a letter is the one of this name, or a part inside it: `address.zip`, `tags[]`, `attributes{}`, `value(long)`.
fn blames(field: Option<&str>, name: &str) -> bool {
    let rest = field.and_then(|field| field.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{', '(']))
}

impl DlqFilter {
    /// Whether a letter is one of those that are meant, as far as the letter itself can tell.
    fn matches(&self, row: &DlqRow) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|w| w == found);
        let letter = &row.letter;
        is(&self.id, &letter.id)
            && is(&self.code, &letter.code)
            && is(&self.stage, &letter.stage)
            && (self.field.as_deref().is_none_or(|name| blames(letter.field.as_deref(), name)))
            && self.since.is_none_or(|since| row.rejected >= since)
            && self.until.is_none_or(|until| row.rejected < until)
    }

    /// Whether it says more about a letter than where it lies.
    fn narrows(&self) -> bool {
        let texts = [&self.code, &self.field, &self.stage];
        texts.iter().any(|text| text.is_some()) || self.since.is_some() || self.until.is_some()
    }

    /// Refuses what no letter can ever match.
    fn check(&self) -> Result<()> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(Error::new(codes::USAGE, "`--since` is not before `--until`").hint(
                "an age counts back from now: `--since '2 d' --until '1 d'` is the day before the last one",
            ));
        }
        let known = || codes::ALL.iter().map(|code| code.name);
        match &self.code {
            Some(code) if !known().any(|name| name == code) => {
                let hint = match staunch_pipeline::suggest(code, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`staunch dlq ls` shows the code of each letter".to_owned(),
                };
                Err(Error::new(codes::USAGE, format!("there is no code `{code}`")).hint(hint))
            }
            _ => Ok(()),
        }
    }
}

/// A dead letter and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlqRow {
    /// The pipeline.
    pub pipeline: String,
    /// The run that wrote it.
    pub run: String,
    /// The epoch in which it was rejected.
    pub epoch: u64,
    /// When that epoch was written.
    pub rejected: Micros,
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

    /// The raw bytes of the letters that match; of rows of Avro files a JSON object by field, of rows that a target refused one by column.
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
                    let columns = row_as_json(&row.letter.row(&sealer)?.0);
                    return Ok((row, columns));
                }
                let raw = shown(row.letter.raw(&sealer)?);
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
                .hint("name one by its id, or some by --pipeline, --run, --code, --field, --stage, --since or --until, or say --all; --dry-run shows which they are"));
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
        // What is asked for by name must be there; a schedule that replays whatever stands may find nothing.
        let letters =
            if filter.id.is_some() || filter.run.is_some() { some(letters, filter)? } else { letters };
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
        filter.check()?;
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
        rows.retain(|row| filter.matches(row));
        if filter.run.is_some() && rows.is_empty() {
            // An unknown run is a mistake; a run without letters is not.
            self.locate(opened, filter.run.as_deref())?;
        }
        Ok(rows)
    }

    /// The letters of one log, as far as they are kept.
    fn letters_of(&self, pipeline: &str, log: &Log, filter: &DlqFilter) -> Result<Vec<DlqRow>> {
        let walk = async || letters(pipeline, log, filter).await;
        runtime(1)?.block_on(log.steadily(walk))
    }
}

/// Walks the runs of a log, oldest first.
pub(crate) async fn letters(pipeline: &str, log: &Log, filter: &DlqFilter) -> Result<Vec<DlqRow>> {
    let floor = log.floors().await?.dead;
    let mut standing: BTreeMap<LetterKey, DlqRow> = BTreeMap::new();
    let mut evidence = Vec::new();
    for (run, _, last) in log.runs().await? {
        let state = log.run_ending_at(last).await?;
        for superseded in superseded(&state, &log.standing(&state.standing).await?) {
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
        let row = |epoch: Epoch, evidence: bool, letter: DeadLetter| DlqRow {
            pipeline: pipeline.to_owned(),
            run: run.0.clone(),
            epoch: epoch.0,
            rejected: state.times.get(&epoch).copied().unwrap_or(state.written),
            evidence,
            letter,
        };
        for (epoch, letter) in refused(log, &state, floor).await? {
            standing.insert(key_of(&letter), row(epoch, false, letter));
        }
        for (epoch, segment) in state.channels.iter().filter(|(epoch, _)| *epoch > floor) {
            let is_evidence = match segment.port.as_str() {
                "dead" => false,
                "evidence" => true,
                _ => continue,
            };
            for letter in read_dead(log.store().as_ref(), segment)? {
                let row = row(*epoch, is_evidence, letter?);
                if !is_evidence {
                    standing.insert(key_of(&row.letter), row);
                } else if filter.run.as_ref() == Some(&run.0) || filter.id.as_ref() == Some(&row.letter.id) {
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

/// The rows that targets refused in epochs above the floor: the DLQ is the manifests plus the apply records.
async fn refused(log: &Log, run: &RunState, floor: Epoch) -> Result<Vec<(Epoch, DeadLetter)>> {
    let mut letters = Vec::new();
    for (write, epochs) in &run.sinks {
        for (epoch, _) in epochs.iter().filter(|(epoch, sink)| sink.apply && *epoch > floor) {
            let Some(record) = log.applied(*epoch, write).await? else { continue };
            if let Some(segment) = &record.letters {
                for letter in read_dead(log.store().as_ref(), segment)? {
                    letters.push((*epoch, letter?));
                }
                continue;
            }
            // A record of format 1 names the rows and does not keep them.
            for (ordinal, reason) in record.applied.dead {
                let letter = DeadLetter {
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
                };
                letters.push((*epoch, letter));
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
        _ if filter.narrows() => "no dead letter that stands is one of those".to_owned(),
        (Some(id), _) => format!("there is no dead letter `{id}`"),
        (None, Some(run)) => format!("run `{run}` has no dead letters that stand"),
        (None, None) => "there are no dead letters".to_owned(),
    };
    Err(Error::new(codes::DEAD_LETTER, what).hint("list them with `staunch dlq ls`"))
}
