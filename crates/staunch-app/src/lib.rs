//! Every verb of Staunch, once. The command line is thin over it, and so will the server be.
//!
//! **What it is.** Open a project, check it, plan it, run it, look at runs, ledgers and dead letters, replay and discard them;
//! publish contracts, compare and infer them; check, try and draw workflows.
//! It puts the parts together: sources and sinks from `staunch-connectors`, plans and the run from `staunch-engine`, the log from
//! `staunch-commit`, leases and the index of runs from `staunch-control`, workflows from `staunch-workflow`.
//!
//! **What it is not.** It prints nothing and reads no environment: what it needs from outside is in [`App`]. It makes no decision
//! about rows, epochs or plans.
//!
//! **Invariants.** Every call passes [`authorize`] with the actor of its [`RunContext`]. There is no second path: a preview or a
//! replay goes through the same sources, contracts and ledger as a run.

mod context;
mod documents;
mod inferred;
mod keys;
mod open;
mod systems;
mod targets;
mod verbs;

pub use context::{App, Environment, RunContext, Verb, authorize};
pub use open::Opened;
pub use staunch_commit::{
    ChannelSegment, CollectedRun, Dataset, DeadLetter, Drift, KEPT, Ledger, RunEnd, Uncommitted, ledger::edge,
};
pub use staunch_contract::avro::{Ignored, Incompatibility, IncompatibilityKind};
pub use staunch_contract::diff::{Change, Diff, Verdict, Verdicts, What};
pub use staunch_contract::lock::Reason;
pub use staunch_contract::migration::Outcome as MoveOutcome;
pub use staunch_control::RunRow;
pub use staunch_engine::run::{Observer, Progress, Report, Stop};
pub use staunch_workflow::driver::Report as Execution;
pub use staunch_workflow::{Diagnostic, Severity, Type as WorkflowType};
pub use verbs::check::{Checked, CheckedPipeline};
pub use verbs::contract::check::{Broken, Compatibility};
pub use verbs::contract::diff::ContractDiff;
pub use verbs::contract::drift::{DriftView, KeptFields, Proposal, ReadDrift};
pub use verbs::contract::infer::{InferOptions, Inferred};
pub use verbs::contract::lock::{LockChange, LockOptions, Locked};
pub use verbs::contract::show::SchemaView;
pub use verbs::contract::stored::Stored;
pub use verbs::contract::users::{Outcome, PipelineUse, StageUse};
pub use verbs::dlq::{DlqFilter, DlqRow, Settlement};
pub use verbs::doctor::{Doctor, Finding, Level};
pub use verbs::gc::{Collected, Freed, Gc};
pub use verbs::graph::{GraphColumn, GraphNode, GraphView};
pub use verbs::ledger::LedgerView;
pub use verbs::plan::{MoveView, PlanView, StageView, StoredView};
pub use verbs::run::RunOptions;
pub use verbs::show::Preview;
pub use verbs::workflow::run::{WorkflowInput, unavailable};
pub use verbs::workflow::validate::Validated;
