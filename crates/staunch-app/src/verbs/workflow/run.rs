//! `workflow run`: one execution in the foreground. What tasks give comes out of a document; waits take no time.

use super::{definition, json, not_json};
use crate::context::{App, RunContext, Verb, authorize};
use crate::documents;
use staunch_types::{Error, Place, Result, codes};
use staunch_workflow::Value;
use staunch_workflow::driver::{Driver, Mocks, Report};
use std::path::{Path, PathBuf};

/// Where the input of an execution comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WorkflowInput {
    /// An empty object.
    #[default]
    Nothing,
    /// This JSON.
    Text(String),
    /// The JSON in this file.
    File(PathBuf),
}

impl App {
    /// Runs a definition to the end of its execution. An execution that failed is a report, not an error.
    ///
    /// Nothing outside is started: a task takes the answers that `mocks` has for its state, and a task that has none ends the execution
    /// as aborted with `Task.Unavailable`, which no state can catch.
    ///
    /// # Errors
    /// Every mistake of the definition; `ST0001` for an input, `ST0005` for mocks that cannot be read.
    pub fn workflow_run(
        &self,
        file: &Path,
        input: &WorkflowInput,
        mocks: Option<&Path>,
        context: &RunContext,
    ) -> Result<Report> {
        authorize(&context.actor, Verb::Run, "workflow")?;
        let definition = definition(file)?;
        let input = match input {
            WorkflowInput::Nothing => Value::parse("{}").map_err(not_json)?,
            WorkflowInput::Text(text) => Value::parse(text).map_err(not_json)?,
            WorkflowInput::File(file) => json(file)?,
        };
        let mocks =
            match mocks {
                Some(path) => {
                    Mocks::parse(&documents::read(path, documents::DATA_BYTES_MAX)?).map_err(|why| {
                        Error::new(codes::BAD_VALUE, "the mocks cannot be read")
                    .place(Place::file(path))
                    .cause(why)
                    .hint("mocks look like {\"STATE\": [{\"return\": ...}, {\"throw\": {\"error\": ...}}]}")
                    })?
                }
                None => Mocks::default(),
            };
        Driver::new(&definition, mocks, self.clock.now(), self.rng.next()).run(input).map_err(|why| {
            Error::new(codes::INTERNAL, why).hint("report this with the definition, its input and its mocks")
        })
    }
}

/// The error that goes with a report whose execution asked for a task that is not there.
#[must_use]
pub fn unavailable(report: &Report) -> Option<Error> {
    let outcome = &report.outcome;
    (outcome.error.as_deref() == Some(codes::TASK_UNAVAILABLE.name)).then(|| {
        Error::new(codes::TASK_UNAVAILABLE, outcome.cause.as_deref().unwrap_or("a task is not there"))
            .hint("`workflow run` does no tasks yet: give an answer for this state with --mocks")
    })
}
