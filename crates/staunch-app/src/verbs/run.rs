//! `run`: a pipeline, now, to its end.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::{keys, systems};
use staunch_commit::store::Store;
use staunch_commit::{Log, ProfileKey, RunState as LoggedRun, Sink};
use staunch_control::{Control, ControlStore, RunRow, RunState};
use staunch_engine::run::{self as engine, Env, Graph, Observer, Report, Request, Sinks, Stop};
use staunch_types::{Access, Error, Result, codes};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What `run` can be told.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// `--full-refresh`
    pub full_refresh: bool,
    /// `--accept-change`
    pub accept_change: bool,
    /// `--migrate`
    pub migrate: bool,
    /// `--dead-letters-at-most`, a share of 1
    pub dead_letters_at_most: Option<f64>,
    /// `--take-over`
    pub take_over: bool,
}

impl App {
    /// Runs a pipeline.
    ///
    /// # Errors
    /// What ended it; see `staunch_engine::run::run`. `Run.Busy` if another process runs it.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that the command line says")]
    pub fn run(
        &self,
        start: &Path,
        profile: Option<&str>,
        pipeline: Option<&str>,
        options: &RunOptions,
        context: &RunContext,
        stop: Stop,
        observer: Arc<dyn Observer>,
    ) -> Result<Report> {
        let opened = Opened::open_for(start, profile, pipeline)?;
        let pipeline = opened.pipeline_or_only(pipeline)?;
        let name = pipeline.name.clone();
        authorize(&context.actor, Verb::Run, &name)?;
        let key = keys::load(self, &opened.project)?;
        if let Some(note) = &key.note {
            observer.note(note);
        }
        let graph = opened.graph(pipeline, Some(&key.key))?;
        let control = opened.control()?;
        if let Some(id) = &context.run
            && let Some(taken) = control.run(id)?.filter(|run| run.pipeline != name)
        {
            return Err(Error::new(
                codes::USAGE,
                format!("run `{id}` is one of pipeline `{}`", taken.pipeline),
            )
            .hint("an id names one run of the project: choose another one"));
        }
        let _lease = if options.take_over {
            let (lease, from) = control.take_over(&name, self.pid, self.clock.now())?;
            if let Some(from) = from {
                observer.note(&format!(
                    "taken over from {from}, which ends as fenced when it next commits or shows something"
                ));
            }
            lease
        } else {
            control.lease(&name, self.pid, self.clock.now())?
        };
        let store = opened.store(self, &name)?;
        let sinks = self.sinks(&opened, &name, &graph)?;
        let store: Arc<dyn Store> = Arc::new(store);
        let env = self.env(&opened, &name, store.clone(), &key.key, stop, observer)?;
        let request = Request {
            run: context.run.clone(),
            full_refresh: options.full_refresh,
            accept_change: options.accept_change,
            migrate: options.migrate,
            dead_letters_at_most: options.dead_letters_at_most,
            profile: opened.project.profile.name.clone(),
            actor: context.actor.clone(),
        };
        let runtime = runtime(self.workers)?;
        let outcome = engine::run(&graph, &sinks, &env, &request, runtime.handle());
        // The index is rebuildable: a failure to write it must not hide how the run ended.
        if let Err(error) = runtime.block_on(index_last_run(control.as_ref(), &Log::new(store), &name)) {
            env.observer.note(&format!("the index of runs is behind: {error}"));
        }
        outcome
    }
}

impl App {
    /// The sinks of a pipeline, by the name of the write.
    pub(crate) fn sinks(&self, opened: &Opened, pipeline: &str, graph: &Graph) -> Result<Sinks> {
        let mut sinks: Sinks = BTreeMap::new();
        for node in &graph.writes {
            let sink: Arc<dyn Sink> = systems::sink(self, opened, pipeline, node)?;
            sinks.insert(node.write.name.clone(), sink);
        }
        Ok(sinks)
    }

    /// What a run of a pipeline is given.
    pub(crate) fn env(
        &self,
        opened: &Opened,
        pipeline: &str,
        store: Arc<dyn Store>,
        key: &ProfileKey,
        stop: Stop,
        observer: Arc<dyn Observer>,
    ) -> Result<Env> {
        let spill = opened.region_folder(pipeline).join("spill");
        // The query engine would make it for everybody to look into.
        self.fs.create_dirs(&spill, Access::Private).map_err(|e| {
            Error::io(codes::STORE, "create the folder for spilled rows", &spill, &e)
                .hint("make the state folder writable")
        })?;
        Ok(Env {
            store,
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            sealer: key.sealer(),
            memory: opened.project.profile.memory,
            spill,
            workers: self.workers,
            pid: self.pid,
            stop,
            observer,
        })
    }
}

impl Opened {
    /// The control store of the profile.
    pub(crate) fn control(&self) -> Result<Box<dyn Control>> {
        let store = ControlStore::open(&self.project.profile.state.join("control"))?;
        Ok(Box::new(store))
    }
}

/// A runtime for awaiting stores, sinks and queries.
pub(crate) fn runtime(workers: usize) -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers.max(1))
        .thread_name("staunch")
        // Deeply nested expressions are planned and evaluated recursively.
        .thread_stack_size(staunch_engine::sql::STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|e| Error::new(codes::INTERNAL, "the runtime cannot be started").cause(e.to_string()))
}

/// Writes the newest run of a log into the index.
pub(crate) async fn index_last_run(control: &dyn Control, log: &Log, pipeline: &str) -> Result<()> {
    let Some(last) = log.last_epoch().await? else { return Ok(()) };
    let state = log.run_ending_at(last).await?;
    control.upsert_run(&row(pipeline, &state))
}

/// A run as the index keeps it.
pub(crate) fn row(pipeline: &str, run: &LoggedRun) -> RunRow {
    use staunch_commit::{RunEnd, Uncommitted};
    let nothing = Uncommitted::default();
    let (state, error, uncommitted) = match &run.end {
        None => (RunState::RUNNING, None, nothing),
        Some(RunEnd::Succeeded) if run.fully_applied() => (RunState::SUCCEEDED, None, nothing),
        Some(RunEnd::Succeeded) => (RunState::RUNNING, None, nothing),
        Some(RunEnd::Failed { code, message, uncommitted, .. }) => {
            (RunState::FAILED, Some(format!("{code}: {message}")), *uncommitted)
        }
    };
    RunRow {
        run: run.run.clone(),
        pipeline: pipeline.to_owned(),
        state: state.to_owned(),
        started: run.pins.now,
        ended: run.end.as_ref().map(|_| run.written),
        first_epoch: run.first.0,
        last_epoch: run.last.0,
        generation: run.generation.0,
        records: run.ledger.found() + uncommitted.records,
        written: run.ledger.writes.values().map(|w| w.applied).sum(),
        dead: run.ledger.dead() + uncommitted.dead,
        late: run.ledger.late() + uncommitted.late,
        error,
    }
}
