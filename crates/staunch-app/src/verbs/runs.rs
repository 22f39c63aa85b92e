//! `runs`: what ran, newest first.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::verbs::run::{row, runtime};
use staunch_control::{RunRow, RunState};
use staunch_types::Result;
use std::path::Path;

impl App {
    /// Lists runs; an unfinished one on which no process works is called interrupted. The index is rebuilt from the epoch logs where it is missing or behind: the logs are the truth.
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
        let opened = Opened::look(start, profile)?;
        authorize(&context.actor, Verb::Read, pipeline.unwrap_or(&opened.project.name))?;
        let control = opened.control()?;
        let runtime = runtime(1)?;
        for name in opened.project.pipelines.keys() {
            let Some(log) = opened.log(self, name)? else { continue };
            let Some(last) = runtime.block_on(log.last_epoch())? else { continue };
            let floor = runtime.block_on(log.floor())?;
            let indexed = control.runs(Some(name), usize::MAX)?;
            if indexed.iter().any(|run| (1..=floor.0).contains(&run.last_epoch)) {
                control.forget(name, floor.0)?;
            }
            if complete(&indexed, floor.0, last.0) {
                continue;
            }
            let all = async || {
                let mut states = Vec::new();
                for (_, _, last) in log.runs().await? {
                    states.push(row(name, &log.run_ending_at(last).await?));
                }
                Ok(states)
            };
            for run in runtime.block_on(log.steadily(all))? {
                control.upsert_run(&run)?;
            }
        }
        control.rebuilt()?;
        let mut rows = control.runs(pipeline, limit)?;
        for row in rows.iter_mut().filter(|row| row.state == RunState::RUNNING) {
            if !control.held(&row.pipeline)? {
                row.state = RunState::INTERRUPTED.to_owned();
            }
        }
        Ok(rows)
    }
}

/// Whether the index holds every run of a log: together they cover all epochs from behind the floor up to the last one, and what
/// was running when it was indexed is looked at again.
fn complete(newest_first: &[RunRow], floor: u64, last_epoch: u64) -> bool {
    let mut covered_from = last_epoch + 1;
    for run in newest_first.iter().filter(|run| run.last_epoch > floor) {
        if run.state == RunState::RUNNING || run.last_epoch + 1 != covered_from {
            return false;
        }
        covered_from = run.first_epoch;
    }
    covered_from == floor + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use staunch_types::RunId;

    #[test]
    fn an_index_with_a_gap_is_rebuilt() {
        let run = |first_epoch, last_epoch, state: &str| RunRow {
            first_epoch,
            last_epoch,
            state: state.to_owned(),
            ..RunRow::begun(RunId("r".into()), "p", 0)
        };
        assert!(complete(&[run(3, 5, "failed"), run(1, 2, "succeeded")], 0, 5));
        assert!(!complete(&[run(3, 5, "succeeded")], 0, 5), "the first run is missing");
        assert!(complete(&[run(3, 5, "succeeded")], 2, 5), "it was collected");
        assert!(complete(&[run(3, 5, "succeeded"), run(1, 2, "succeeded")], 2, 5), "and not forgotten yet");
        assert!(!complete(&[run(1, 2, "succeeded")], 0, 5), "the last run is missing");
        assert!(!complete(&[run(3, 5, "running"), run(1, 2, "succeeded")], 0, 5));
        assert!(!complete(&[], 0, 5));
    }
}
