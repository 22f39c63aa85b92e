//! `ledger RUN`: where every row went.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::verbs::run::runtime;
use staunch_commit::{Ledger, RunEnd, RunState};
use staunch_types::{Error, Result, RunId, codes};
use std::path::Path;

/// The accounts of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerView {
    /// The run.
    pub run: RunId,
    /// Its pipeline.
    pub pipeline: String,
    /// How it ended.
    pub end: Option<RunEnd>,
    /// Whether every sink has applied its last epoch.
    pub shown: bool,
    /// The accounts.
    pub ledger: Ledger,
    /// Why it does not balance, if it does not.
    pub imbalance: Option<String>,
}

impl App {
    /// The ledger of a run (`None`: of the newest run).
    ///
    /// # Errors
    /// `Run.Unknown`.
    pub fn ledger(
        &self,
        start: &Path,
        profile: Option<&str>,
        run: Option<&str>,
        context: &RunContext,
    ) -> Result<LedgerView> {
        let opened = Opened::look(start, profile)?;
        let (pipeline, state) = self.locate(&opened, run)?;
        authorize(&context.actor, Verb::Read, &pipeline)?;
        let shown = state.fully_applied();
        let ledger = state.closed_ledger();
        let balance = ledger.check().and_then(|()| match shown {
            true => ledger.check_writes(),
            false => Ok(()),
        });
        Ok(LedgerView {
            run: state.run.clone(),
            pipeline,
            end: state.end,
            shown,
            ledger,
            imbalance: balance.err().map(|e| e.message().to_owned()),
        })
    }

    /// Finds a run in the logs of all pipelines; the newest one for `None`.
    pub(crate) fn locate(&self, opened: &Opened, run: Option<&str>) -> Result<(String, RunState)> {
        let runtime = runtime(1)?;
        let mut newest: Option<(String, RunState)> = None;
        let mut collected = None;
        for name in opened.project.pipelines.keys() {
            let Some(log) = opened.log(self, name)? else { continue };
            match run {
                Some(id) => match runtime.block_on(log.find_run(&RunId(id.to_owned()))) {
                    Ok(state) => return Ok((name.clone(), state)),
                    Err(error) if error.code() == codes::NO_RUN => {}
                    Err(error) if error.code() == codes::COLLECTED => collected = Some(error),
                    Err(error) => return Err(error),
                },
                None => {
                    let Some(last) = runtime.block_on(log.last_epoch())? else { continue };
                    let state = runtime.block_on(log.run_ending_at(last))?;
                    if newest.as_ref().is_none_or(|(_, n)| n.written < state.written) {
                        newest = Some((name.clone(), state));
                    }
                }
            }
        }
        if let Some(collected) = collected {
            return Err(collected);
        }
        let missing = match run {
            Some(id) => format!("there is no run `{id}`"),
            None => "nothing has run yet".to_owned(),
        };
        newest.ok_or_else(|| Error::new(codes::NO_RUN, missing).hint("list runs with `staunch runs`"))
    }
}
