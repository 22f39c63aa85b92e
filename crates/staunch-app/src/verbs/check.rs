//! `check`: everything that can be proved without reading a row.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::{keys, systems};
use staunch_types::{Error, Result};
use std::path::Path;

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The project.
    pub project: String,
    /// The profile.
    pub profile: String,
    /// The pipelines.
    pub pipelines: Vec<CheckedPipeline>,
}

/// A pipeline that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPipeline {
    /// Its name.
    pub name: String,
    /// Its reads, process stages and writes.
    pub stages: (usize, usize, usize),
    /// What cannot be proved and is asserted at run time, by stage.
    pub notes: Vec<(String, String)>,
}

impl App {
    /// Checks a project, or one pipeline of it.
    ///
    /// # Errors
    /// Every mistake, at once, each with its place.
    pub fn check(
        &self,
        start: &Path,
        profile: Option<&str>,
        pipeline: Option<&str>,
        context: &RunContext,
    ) -> Result<Checked> {
        let opened = Opened::open(start, profile)?;
        let project = &opened.project;
        authorize(&context.actor, Verb::Read, &project.name)?;
        let mut errors: Vec<Error> = keys::check(project).err().into_iter().collect();
        let mut pipelines = Vec::new();
        let chosen: Vec<_> = match pipeline {
            Some(name) => vec![opened.pipeline(name)?],
            None => project.pipelines.values().collect(),
        };
        for pipeline in chosen {
            let graph = match opened.graph(pipeline, None) {
                Ok(graph) => graph,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            for node in &graph.writes {
                errors.extend(systems::sink(self, &opened, &pipeline.name, node).err());
            }
            let notes = graph
                .stages
                .iter()
                .flat_map(|s| s.plan.notes.iter().map(|n| (s.process.name.clone(), n.clone())))
                .collect();
            pipelines.push(CheckedPipeline {
                name: pipeline.name.clone(),
                stages: (graph.reads.len(), graph.stages.len(), graph.writes.len()),
                notes,
            });
        }
        match Error::many(errors) {
            Some(error) => Err(error),
            None => Ok(Checked {
                project: project.name.clone(),
                profile: project.profile.name.clone(),
                pipelines,
            }),
        }
    }
}
