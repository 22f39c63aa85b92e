//! `gc`: removes what is older than it is kept, and what killed processes have left lying about.
//!
//! What goes out of a log is decided by `staunch_commit::retention`; here stand the lock, the targets' staged files, spilled
//! rows and the index of runs. Published files are nobody's business but their target's.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::systems;
use crate::verbs::dlq::{self, DlqFilter};
use crate::verbs::run::runtime;
use staunch_commit::retention::{self, Collection, Keep, Kind};
use staunch_commit::store::Store;
use staunch_commit::{CollectedRun, Committer, Fence, Log, Sink};
use staunch_pipeline::Pipeline;
use staunch_types::{Error, Generation, Place, Result, codes, failpoint};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of one kind goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What was removed for one pipeline (in a dry run: what would be).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The pipeline.
    pub pipeline: String,
    /// The epoch up to which everything is collected; 0 where nothing is.
    pub floor: u64,
    /// The runs whose records go now.
    pub runs: Vec<CollectedRun>,
    /// Dead letters that go and still stood: neither replayed, nor discarded, nor superseded.
    pub letters_given_up: u64,
    /// What goes, by kind.
    pub freed: BTreeMap<&'static str, Freed>,
    /// What could not be looked into, and why.
    pub notes: Vec<String>,
}

impl Collected {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> Freed {
        self.freed.values().fold(Freed::default(), |sum, freed| Freed {
            files: sum.files + freed.files,
            bytes: sum.bytes + freed.bytes,
        })
    }

    fn add(&mut self, kind: Kind, sizes: impl IntoIterator<Item = u64>) {
        for bytes in sizes {
            let freed = self.freed.entry(kind.words()).or_default();
            freed.files += 1;
            freed.bytes += bytes;
        }
    }
}

/// What `gc` came to.
#[derive(Debug, Default)]
pub struct Gc {
    /// By pipeline.
    pub pipelines: Vec<Collected>,
    /// Pipelines that were left alone: somebody runs them.
    pub busy: Vec<Error>,
}

impl App {
    /// Collects one pipeline, or all. A dry run only says what would go, and changes nothing.
    ///
    /// # Errors
    /// `Store.*`, `Sink.Unavailable`; `Run.Busy` for a named pipeline that is being run.
    pub fn gc(
        &self,
        start: &Path,
        profile: Option<&str>,
        pipeline: Option<&str>,
        dry_run: bool,
        context: &RunContext,
    ) -> Result<Gc> {
        let opened = Opened::open(start, profile)?;
        authorize(&context.actor, Verb::Collect, pipeline.unwrap_or(&opened.project.name))?;
        let chosen: Vec<&Pipeline> = match pipeline {
            Some(name) => vec![opened.pipeline(name)?],
            None => opened.project.pipelines.values().collect(),
        };
        let mut done = Gc::default();
        for one in chosen {
            let work = Work { app: self, opened: &opened, pipeline: one };
            match work.collect(dry_run) {
                Ok(collected) => done.pipelines.push(collected),
                // The others are not to wait for it.
                Err(error) if error.code() == codes::BUSY && pipeline.is_none() => done.busy.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

/// What a collection would remove now.
pub(crate) fn would_free(app: &App, opened: &Opened, pipeline: &Pipeline) -> Result<Collected> {
    Work { app, opened, pipeline }.collect(true)
}

struct Work<'a> {
    app: &'a App,
    opened: &'a Opened,
    pipeline: &'a Pipeline,
}

impl Work<'_> {
    fn collect(&self, dry_run: bool) -> Result<Collected> {
        let name = &self.pipeline.name;
        let mut report = Collected {
            pipeline: name.clone(),
            floor: 0,
            runs: Vec::new(),
            letters_given_up: 0,
            freed: BTreeMap::new(),
            notes: Vec::new(),
        };
        let Some(log) = self.opened.log(self.app, name)? else { return Ok(report) };
        let runtime = runtime(1)?;
        let now = self.app.clock.now();
        if dry_run {
            // Nobody is kept out: what is read may go on meanwhile.
            let look = async || retention::look(&log, &self.keep(), now).await;
            let found = runtime.block_on(log.steadily(look))?;
            runtime.block_on(self.tell(&log, &found, &self.sinks(&mut report), &mut report))?;
            return Ok(report);
        }
        let control = self.opened.control()?;
        let _lease = control.lease(name, self.app.pid, now)?;
        let found = runtime.block_on(retention::look(&log, &self.keep(), now))?;
        let sinks = self.sinks(&mut report);
        runtime.block_on(self.tell(&log, &found, &sinks, &mut report))?;
        if report.total().files > 0 {
            runtime.block_on(self.remove(&found, &sinks))?;
        }
        control.forget(name, found.decision.epochs.0)?;
        Ok(report)
    }

    fn keep(&self) -> Keep {
        let keep = self.opened.project.profile.keep;
        Keep {
            runs: keep.runs,
            dead_letters: self.pipeline.keep_dead_letters,
            late_rows: keep.late_rows,
            ids: keep.ids,
        }
    }

    /// The targets whose staged files can be told apart.
    fn sinks(&self, report: &mut Collected) -> BTreeMap<String, Arc<dyn Sink>> {
        let (graph, _) = self.opened.survey_graph(self.pipeline, None);
        let mut sinks = BTreeMap::new();
        for node in &graph.writes {
            match systems::sink(self.app, self.opened, &self.pipeline.name, node) {
                Ok(sink) => drop(sinks.insert(node.write.name.clone(), sink)),
                Err(error) => report.notes.push(format!("`{}`: {error}", node.write.name)),
            }
        }
        for write in self.pipeline.writes.iter().filter(|w| !sinks.contains_key(&w.name)) {
            report.notes.push(format!(
                "what is staged for `{}` was not looked into: `staunch check` says why",
                write.name
            ));
        }
        report.notes.dedup();
        sinks
    }

    /// Says what goes.
    async fn tell(
        &self,
        log: &Log,
        found: &Collection,
        sinks: &BTreeMap<String, Arc<dyn Sink>>,
        report: &mut Collected,
    ) -> Result<()> {
        report.floor = found.decision.epochs.0;
        report.runs.clone_from(&found.runs);
        for doomed in &found.doomed {
            report.add(doomed.kind, [doomed.bytes]);
        }
        let letters_go = found.decision.dead > found.floors.dead;
        if letters_go {
            let letters = dlq::letters(&self.pipeline.name, log, &DlqFilter::default()).await?;
            let gone = letters.iter().filter(|row| row.epoch <= found.decision.dead.0);
            report.letters_given_up = gone.count() as u64;
        }
        report.add(Kind::HalfWritten, log.store().half_written().await?);
        report.add(Kind::Spilled, spilled(&self.spill())?.into_iter().map(|(_, bytes)| bytes));
        let Some(region) = log.region().await? else { return Ok(()) };
        // A collection is a start: it sweeps what all before it have staged.
        let generation = log.last_generation().await?.unwrap_or(Generation(0)).next();
        for (write, sink) in sinks {
            let fence = Fence { region: region.clone(), generation };
            report.add(Kind::Staged, sink.to_sweep(&fence, needed(found, write)).await?);
        }
        Ok(())
    }

    /// Removes it.
    async fn remove(&self, found: &Collection, sinks: &BTreeMap<String, Arc<dyn Sink>>) -> Result<()> {
        let (app, name) = (self.app, &self.pipeline.name);
        let store: Arc<dyn Store> = Arc::new(self.opened.store(app, name)?);
        // A generation of its own: whoever lost the region before and still lives is fenced, and takes nothing back.
        let start = Committer::start(store.clone(), app.clock.clone(), app.rng.clone(), app.pid);
        let (committer, _) = start.await?;
        let swept = async {
            retention::collect(&committer, found, app.clock.now()).await?;
            failpoint::pass("gc.before_sweep");
            committer.still_newest().await?;
            store.sweep().await?;
            for (path, _) in spilled(&self.spill())?.into_iter().rev() {
                remove(&path)?;
            }
            let fence = Fence { region: committer.region_id().clone(), generation: committer.generation() };
            for (write, sink) in sinks {
                sink.sweep(&fence, needed(found, write)).await.map_err(|e| e.stage(write))?;
            }
            failpoint::pass("gc.after_sweep");
            Ok(())
        };
        match swept.await {
            Err(error) => Err(committer.or_fenced(error).await),
            done => done,
        }
    }

    fn spill(&self) -> PathBuf {
        self.opened.region_folder(&self.pipeline.name).join("spill")
    }
}

fn needed<'a>(found: &'a Collection, write: &str) -> &'a BTreeSet<String> {
    static NONE: BTreeSet<String> = BTreeSet::new();
    found.needed.get(write).unwrap_or(&NONE)
}

/// The files below the folder for spilled rows, with their sizes. Whoever spilled them has ended: the lock is ours.
fn spilled(folder: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let failed = |path: &Path, e: &io::Error| {
        Error::io(codes::STORE, "look for spilled rows", path, e).hint("check the rights of the state folder")
    };
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(failed(&folder, &e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| failed(&folder, &e))?;
            let meta = entry.metadata().map_err(|e| failed(&entry.path(), &e))?;
            match meta.is_dir() {
                true => open.push(entry.path()),
                false => found.push((entry.path(), meta.len())),
            }
        }
    }
    Ok(found)
}

fn remove(path: &Path) -> Result<()> {
    let removed = std::fs::remove_file(path);
    // Its folder goes with the last file; one that holds more stays.
    if let Some(folder) = path.parent().filter(|f| f.file_name().is_some_and(|name| name != "spill")) {
        let _ = std::fs::remove_dir(folder);
    }
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(codes::STORE, "remove spilled rows", path, &e)
                .place(Place::file(path))
                .hint("check the rights of the state folder"))
        }
        _ => Ok(()),
    }
}
