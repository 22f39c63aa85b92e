//! `runs`: what ran, newest first.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::verbs::run::{row, runtime};
use staunch_control::RunRow;
use staunch_types::Result;
use std::path::Path;

impl App {
    /// Lists runs. The index is rebuilt from the epoch logs where it is missing or behind: the logs are the truth.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn runs(
        &self,
        start: &Path,
        profile: Option<&str>,
        pipeline: Option<&str>,
        limit: usize,
        context: &RunContext,
    ) -> Result<Vec<RunRow>> {
        let opened = Opened::open(start, profile)?;
        authorize(&context.actor, Verb::Read, pipeline.unwrap_or(&opened.project.name))?;
        let control = opened.control()?;
        let runtime = runtime(1)?;
        for name in opened.project.pipelines.keys() {
            let Some(log) = opened.log(self, name)? else { continue };
            let Some(last) = runtime.block_on(log.last_epoch())? else { continue };
            let newest = control.runs(Some(name), 1)?;
            if newest.first().is_some_and(|run| run.last_epoch == last.0 && run.state != "running") {
                continue;
            }
            for (_, _, last) in runtime.block_on(log.runs())? {
                let state = runtime.block_on(log.run_ending_at(last))?;
                control.upsert_run(&row(name, &state))?;
            }
        }
        control.runs(pipeline, limit)
    }
}
