//! A project that is open: files read, sources made, SQL planned.

use crate::context::App;
use crate::{inferred, systems, targets};
use staunch_commit::store::{LocalStore, Store};
use staunch_commit::{Log, ProfileKey, Source};
use staunch_engine::run::Graph;
use staunch_pipeline::{Pipeline, Project, Survey, suggest};
use staunch_types::{Error, Place, Result, bare, codes};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A project under one profile.
pub struct Opened {
    /// Its files, checked.
    pub project: Project,
}

impl Opened {
    /// Opens the project at or above `start`.
    ///
    /// # Errors
    /// Everything that is wrong with its files, at once.
    pub fn open(start: &Path, profile: Option<&str>) -> Result<Self> {
        Ok(Self { project: Project::load(&root(start)?, profile)? })
    }

    /// Opens the project at or above `start` for one pipeline: a mistake in the file of another one does not stand in its way.
    ///
    /// # Errors
    /// Everything that is wrong with the files that this pipeline may need; without a name, or where there is none of that name, with all.
    pub fn open_for(start: &Path, profile: Option<&str>, pipeline: Option<&str>) -> Result<Self> {
        let (opened, mistakes) = Self::survey(start, profile)?;
        let own = opened
            .as_ref()
            .zip(pipeline)
            .and_then(|(opened, name)| opened.project.pipelines.get(name))
            .map(|pipeline| pipeline.file.clone());
        // Only files of pipelines are apart from each other; SQL files may be named by several.
        let elsewhere = |error: &Error| {
            error.where_().file.as_deref().is_some_and(|file| {
                let apart = file.starts_with("pipelines") && file.extension().is_some_and(|e| e == "yaml");
                apart && own.as_ref().is_some_and(|own| own.as_path() != file)
            })
        };
        let mistakes: Vec<Error> = mistakes.into_iter().filter(|error| !elsewhere(error)).collect();
        match (Error::many(Error::in_order(mistakes)), opened) {
            (Some(error), _) => Err(error),
            (None, Some(opened)) => Ok(opened),
            (None, None) => Self::open(start, profile),
        }
    }

    /// Opens the project at or above `start` to look at what its runs left: a mistake in a pipeline does not stand in the way of
    /// that.
    ///
    /// # Errors
    /// What keeps the profile from being read.
    pub(crate) fn look(start: &Path, profile: Option<&str>) -> Result<Self> {
        match Self::survey(start, profile)? {
            (Some(opened), _) => Ok(opened),
            (None, mistakes) => Err(Error::many(Error::in_order(mistakes))
                .unwrap_or_else(|| Error::new(codes::INTERNAL, "the project was refused without a reason"))),
        }
    }

    /// Opens what is sound of the project at or above `start`, and tells everything that is wrong with the rest of its files.
    ///
    /// # Errors
    /// `ST0007` if there is no project.
    pub(crate) fn survey(start: &Path, profile: Option<&str>) -> Result<(Option<Self>, Vec<Error>)> {
        let Survey { project, mistakes } = Project::survey(&root(start)?, profile)?;
        Ok((project.map(|project| Self { project }), mistakes))
    }

    /// The pipeline of this name.
    ///
    /// # Errors
    /// `ST0003`.
    pub fn pipeline(&self, name: &str) -> Result<&Pipeline> {
        self.project.pipelines.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.project.pipelines.keys().map(String::as_str).collect();
            let hint = match suggest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the project has: {}", names.join(", ")),
            };
            Error::new(codes::UNKNOWN_NAME, format!("there is no pipeline `{name}`"))
                .place(Place::file(self.project.root.join("pipelines")))
                .hint(hint)
        })
    }

    /// The one pipeline, or the named one.
    ///
    /// # Errors
    /// `Usage.Invalid` if there are several and none is named.
    pub fn pipeline_or_only(&self, name: Option<&str>) -> Result<&Pipeline> {
        match (name, self.project.pipelines.len()) {
            (Some(name), _) => self.pipeline(name),
            (None, 1) => self
                .project
                .pipelines
                .values()
                .next()
                .ok_or_else(|| Error::new(codes::INTERNAL, "a map of one pipeline is empty")),
            (None, _) => {
                let names: Vec<&str> = self.project.pipelines.keys().map(String::as_str).collect();
                Err(Error::new(codes::USAGE, "the project has several pipelines")
                    .hint(format!("name one: {}", names.join(", "))))
            }
        }
    }

    /// Makes the sources of a pipeline and plans it.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn graph(&self, pipeline: &Pipeline, key: Option<&ProfileKey>) -> Result<Graph> {
        let (graph, mut errors) = self.survey_graph(pipeline, key);
        errors.extend(targets::shared(&self.project, Some(&pipeline.name)));
        errors.extend(inferred::changed(&self.project, &graph));
        match Error::many(Error::in_order(errors)) {
            Some(error) => Err(error),
            None => Ok(graph),
        }
    }

    /// As much of a pipeline as can be planned, and everything that is wrong with the rest.
    pub(crate) fn survey_graph(&self, pipeline: &Pipeline, key: Option<&ProfileKey>) -> (Graph, Vec<Error>) {
        let mut sources: BTreeMap<String, Arc<dyn Source>> = BTreeMap::new();
        let mut errors = Vec::new();
        for read in &pipeline.reads {
            match systems::source(&self.project, read, key) {
                Ok(source) => {
                    sources.insert(read.name.clone(), source);
                }
                Err(error) => errors.push(error),
            }
        }
        let (graph, more) = Graph::survey(pipeline.clone(), &sources);
        errors.extend(more);
        (graph, errors)
    }

    /// The folder of a pipeline's region.
    #[must_use]
    pub fn region_folder(&self, pipeline: &str) -> PathBuf {
        self.project.profile.state.join(pipeline)
    }

    /// The store of a pipeline's region; made if it is missing.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    pub fn store(&self, app: &App, pipeline: &str) -> Result<LocalStore> {
        self.throwaway(app)?;
        LocalStore::open(&self.region_folder(pipeline), app.fs.clone(), app.rng.clone())
    }

    /// Bare runs and others never meet: the one kind only in a state folder that is marked, the other only in one that is not.
    fn throwaway(&self, app: &App) -> Result<()> {
        let mark = self.project.profile.state.join(bare::MARK);
        let marked = app.fs.len(&mark).map_err(|e| {
            Error::io(codes::STORE, "look into the state folder", &mark, &e).hint("make it readable")
        })?;
        let message = match (bare::on(), marked.is_some()) {
            (true, false) => {
                "a bare run, which keeps nothing safe, needs a state folder that may be thrown away"
            }
            (false, true) => {
                "the state folder is one of bare runs, which keep nothing safe: nothing of it counts"
            }
            _ => return Ok(()),
        };
        Err(Error::new(codes::USAGE, message).place(Place::file(&mark)).hint(
            "bare runs are for `cargo xtask bench price` alone: unset STAUNCH_BARE, or remove the state folder and the targets",
        ))
    }

    /// The log of a pipeline, if it ever ran; nothing is made.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    pub fn log(&self, app: &App, pipeline: &str) -> Result<Option<Log>> {
        let folder = self.region_folder(pipeline);
        let there = folder
            .try_exists()
            .map_err(|e| Error::io(codes::STORE, "look into the state folder", &folder, &e))?;
        if !there {
            return Ok(None);
        }
        self.throwaway(app)?;
        let store: Arc<dyn Store> = Arc::new(LocalStore::look(&folder, app.fs.clone(), app.rng.clone()));
        Ok(Some(Log::new(store)))
    }
}

/// The folder of the project at or above `start`.
fn root(start: &Path) -> Result<PathBuf> {
    // `.` has no parent to look into; its full path has.
    let full = std::fs::canonicalize(start).unwrap_or_else(|_| start.to_path_buf());
    let root = staunch_pipeline::find_root(&full)?;
    // Shorter in messages, where that is the same folder.
    Ok(if root == full { start.to_path_buf() } else { root })
}
