//! Whole-input stages: a query over complete inputs, run by DataFusion.
//!
//! **What it is.** A [`WholePlan`] holds the analysed plan of a query over names. To execute it, leaves take the places of the
//! names; DataFusion optimises and runs it, spilling where it can; what comes out is coerced to the contract.
//!
//! **What it is not.** It sets no bad row apart: an expression that fails above a whole-input operator, or a row that breaks the contract, fails the stage.
//!
//! **Invariants.** A leaf is opened as often as the plan reads it, and never held back for a second reader. Hints about its size steer
//! plans and are never taken for the truth. Memory comes out of the session's budget.

mod join_memory;
mod leaf_table;
mod pieces;
mod suspects;
mod unique;
mod windows;

#[cfg(test)]
mod guards;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use join_memory::JoinMemory;
pub(crate) use leaf_table::bind;
pub(crate) use suspects::{suspects, text as suspect_text};
pub use unique::{unique_keys, unique_values};

use crate::chain::scanned;
use crate::leaf::Leaf;
use crate::sql::{Budget, big_stack, query_error, state, widest};
use arrow::record_batch::RecordBatch;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionContext;
use futures::stream::{BoxStream, StreamExt};
use staunch_contract::coerce::Coercion;
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// The plan of a whole-input stage.
#[derive(Debug, Clone)]
pub struct WholePlan {
    pub(crate) stage: String,
    /// Why it is not a per-row stage.
    pub(crate) because: String,
    /// Analysed, over names.
    pub(crate) plan: LogicalPlan,
    pub(crate) coercion: Coercion,
}

impl WholePlan {
    /// Why the stage needs its whole input: a lower-case fragment.
    #[must_use]
    pub fn because(&self) -> &str {
        &self.because
    }

    /// Starts the query over `inputs`, by the names of their stages. The batches that come out are of the contract's schema. The
    /// stream must be polled on a runtime of tokio whose threads have [`crate::sql::STACK_BYTES`] of stack.
    ///
    /// # Errors
    /// `Internal.Bug` if an input is missing. In the stream: what an input's leaf says, as it said it; `Sql.Query` for an
    /// expression that fails; `Contract.Violation` for a row that breaks the contract; `Run.Memory` if the budget does not do.
    pub fn execute(
        &self,
        session: &SessionContext,
        inputs: &BTreeMap<String, Arc<dyn Leaf>>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let stream = run(session, &self.stage, &self.plan, inputs, None)?;
        let (plan, coercion, stage) = (self.plan.clone(), self.coercion.clone(), self.stage.clone());
        // A panic of a function inside DataFusion is an error of this stage, not the end of the process.
        Ok(AssertUnwindSafe(stream)
            .catch_unwind()
            .map(move |batch| match batch {
                Ok(Ok(batch)) => coerce(&stage, &coercion, batch),
                Ok(Err(error)) => Err(query_error(&stage, &error, |failure| suspects(&plan, failure))),
                Err(_) => {
                    let error = Error::new(codes::INTERNAL, "a function of the query panicked").stage(&stage);
                    Err(error.hint("report this with the SQL of the stage"))
                }
            })
            .boxed())
    }
}

/// A plan over names, started over leaves, in that many partitions (`None`: those of the session).
pub(crate) fn run(
    session: &SessionContext,
    stage: &str,
    plan: &LogicalPlan,
    inputs: &BTreeMap<String, Arc<dyn Leaf>>,
    partitions: Option<usize>,
) -> Result<SendableRecordBatchStream> {
    let mut state = state(session);
    if let Some(partitions) = partitions {
        state.config_mut().options_mut().execution.target_partitions = partitions.max(1);
    }
    // A join may put together a row of each scan.
    let widths =
        scanned(plan).iter().filter_map(|name| inputs.get(name)).map(|leaf| widest(&leaf.schema())).sum();
    let rows =
        Budget::of(state.runtime_env().memory_pool.as_ref()).rows(widths, state.config().target_partitions());
    *state.config_mut() = state.config().clone().with_batch_size(rows);
    let task = state.task_ctx();
    let failed = |error| query_error(stage, &error, |failure| suspects(plan, failure));
    let physical = big_stack(|| physical(&state, plan, inputs))?.map_err(failed)?;
    execute_stream(physical, task).map_err(failed)
}

fn physical(
    state: &SessionState,
    plan: &LogicalPlan,
    inputs: &BTreeMap<String, Arc<dyn Leaf>>,
) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
    let bound = windows::sliding(bind(plan, inputs)?, &state.runtime_env().memory_pool)?;
    windows::within_budget(futures::executor::block_on(state.create_physical_plan(&bound))?, plan)
}

fn coerce(stage: &str, coercion: &Coercion, batch: RecordBatch) -> Result<RecordBatch> {
    let coerced = coercion.apply(&batch).map_err(|e| e.stage(stage))?;
    match coerced.bad.first() {
        None => Ok(coerced.batch),
        Some(bad) => {
            let more = match coerced.bad.len() {
                1 => String::new(),
                n => format!(" (and {} more rows of the same batch)", n - 1),
            };
            let error = Error::new(
                codes::VIOLATION,
                format!("a row of the result breaks its contract: {}{more}", bad.reason),
            );
            let hint = "filter such rows in the query, give the column a value (coalesce), or let the contract allow it";
            Err(error.stage(stage).field(&bad.field).hint(hint))
        }
    }
}
