//! `check`: everything that can be proved without reading a row.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::{inferred, keys, systems, targets};
use staunch_types::{Error, Result, codes};
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
        let (opened, mut errors) = Opened::survey(start, profile)?;
        let Some(opened) = opened else {
            return Err(Error::many(errors).unwrap_or_else(refused_without_reason));
        };
        let project = &opened.project;
        authorize(&context.actor, Verb::Read, &project.name)?;
        let chosen: Vec<_> = match pipeline {
            // It may be one of those that cannot be read: then that is told.
            Some(name) if errors.is_empty() => vec![opened.pipeline(name)?],
            Some(name) => project.pipelines.get(name).into_iter().collect(),
            None => project.pipelines.values().collect(),
        };
        errors.extend(keys::check(project).err());
        errors.extend(targets::shared(project, pipeline));
        let mut pipelines = Vec::new();
        for pipeline in chosen {
            let (graph, mistakes) = opened.survey_graph(pipeline, None);
            errors.extend(mistakes);
            errors.extend(inferred::changed(project, &graph));
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
        match Error::many(Error::in_order(errors)) {
            Some(error) => Err(error),
            None => Ok(Checked {
                project: project.name.clone(),
                profile: project.profile.name.clone(),
                pipelines,
            }),
        }
    }
}

fn refused_without_reason() -> Error {
    Error::new(codes::INTERNAL, "the project was refused without a reason").hint("report this with its files")
}
