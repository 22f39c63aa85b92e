//! `workflow graph`: a definition as a picture, with what became of its states.

use super::{definition, json};
use crate::context::{App, RunContext, Verb, authorize};
use staunch_types::{Error, Place, Result, codes};
use staunch_workflow::graph::{self, Outcomes};
use std::path::Path;

impl App {
    /// Draws a definition: as indented text, or as a Mermaid flowchart. `execution` is a file with what `workflow run --output json` printed.
    ///
    /// # Errors
    /// Every mistake of the definition; `ST0001` for an execution that is no JSON, `ST0009` for one without a history.
    pub fn workflow_graph(
        &self,
        file: &Path,
        execution: Option<&Path>,
        mermaid: bool,
        context: &RunContext,
    ) -> Result<String> {
        authorize(&context.actor, Verb::Read, "workflow")?;
        let definition = definition(file)?;
        let mut outcomes = Outcomes::default();
        if let Some(path) = execution {
            let execution = json(path)?;
            let Some(history) = execution.get("history").filter(|h| h.as_array().is_some()) else {
                return Err(Error::new(codes::MISSING_KEY, "the execution has no `history`")
                    .place(Place::file(path))
                    .hint("name a file with what `staunch workflow run --output json` printed"));
            };
            outcomes = Outcomes::of_history(history);
        }
        Ok(if mermaid { graph::mermaid(&definition, &outcomes) } else { graph::text(&definition, &outcomes) })
    }
}
