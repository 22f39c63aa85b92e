//! The one place that makes a DataFusion session.

use super::budget::{Budget, FAN_IN};
use super::checked::CheckedArithmetic;
use super::digits::RoundDigits;
use super::doubles::DoublesWin;
use super::ends::Ends;
use super::flat::FlatChains;
use super::guarded::GuardedCase;
use super::intervals::IntervalLengths;
use super::mean::ExactMeans;
use super::records::NullRecords;
use super::signed::SignedNumbers;
use super::sum::CheckedSum;
use super::zeros::EqualKeys;
use crate::whole::JoinMemory;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::AggregateUDF;
use datafusion::optimizer::Analyzer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use staunch_types::{Error, Micros, Place, Result, codes};
use std::path::PathBuf;
use std::sync::Arc;

/// The stack that planning and evaluating run on. Threads that execute whole-input plans must have as much: the depth of an
/// expression is bounded ([`super::DEEPEST`]), and this is enough for the deepest one.
pub const STACK_BYTES: usize = 64 << 20;

/// What a session is made of.
#[derive(Debug, Clone)]
pub struct SessionSpec {
    /// Bytes that all plans of the session may hold together; beyond that they spill, or fail with `Run.Memory`.
    pub memory: u64,
    /// The folder for spilled rows. It must exist; what lies in it is of no use after the run.
    pub spill_dir: PathBuf,
    /// How many threads a plan may keep busy, at least 1. A small budget keeps fewer busy.
    pub partitions: usize,
    /// What `now()` says.
    pub now: Micros,
}

/// Makes the session in which the stages of a run are bound and executed. SQL inside it reaches no file, no catalog but the
/// names that it is given, and no clock.
///
/// # Errors
/// `Store.Unavailable` if there is no such spill folder.
pub fn session(spec: SessionSpec) -> Result<SessionContext> {
    let disk = DiskManagerMode::Directories(vec![spec.spill_dir.clone()]);
    build(spec.memory, disk, spec.partitions, spec.now).map_err(|e| e.place(Place::file(spec.spill_dir)))
}

/// A session that only plans: it holds no data and touches no disk.
pub(crate) fn planning() -> Result<SessionContext> {
    build(0, DiskManagerMode::Disabled, 1, 0)
}

fn build(memory: u64, disk: DiskManagerMode, partitions: usize, now: Micros) -> Result<SessionContext> {
    let memory = usize::try_from(memory).unwrap_or(usize::MAX);
    let budget = Budget(memory);
    let partitions = budget.partitions(partitions);
    let unavailable = |e: DataFusionError| {
        let error = Error::new(codes::STORE, "the folder for spilled rows cannot be used");
        error
            .cause(e.to_string())
            .hint("check that `state:` of the profile is a folder on a disk that can be written")
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(disk).with_max_spill_merge_fan_in(FAN_IN),
        )
        .build_arc()
        .map_err(unavailable)?;

    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(budget.rows(0, partitions))
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // Contracts carry strings as Utf8; views would be cast back at every stage's end.
    options.sql_parser.map_string_types_to_utf8view = false;
    // Instants are in UTC, as contracts have them.
    options.execution.time_zone = Some("UTC".into());
    // Leaves read everything and filter nothing: filters that are made while a plan runs have nobody to go to.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    // A join whose rows have many partners gives them batch by batch too.
    options.execution.enforce_batch_size_in_joins = true;
    // A run is put together and sorted in one piece. Merging its batches would need their keys once more, as rows, for which nothing is
    // set aside: it gives up where the keys are most of a row.
    options.execution.sort_in_place_threshold_bytes = usize::MAX;
    // What a sort sets aside for merging must leave room for sorting, in small budgets too.
    options.execution.sort_spill_reservation_bytes = budget.merging(partitions);

    let mut physical = PhysicalOptimizer::new().rules;
    // Sides must be chosen before, and sorts and exchanges are put in after.
    let after = physical.iter().position(|r| r.name() == "join_selection").map_or(0, |i| i + 1);
    physical.insert(after, Arc::new(JoinMemory::new(budget.build_side())));

    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(FlatChains));
    rules.insert(1, Arc::new(SignedNumbers));
    rules.insert(2, Arc::new(RoundDigits));
    rules.insert(3, Arc::new(DoublesWin));
    rules.insert(4, Arc::new(ExactMeans));
    rules.push(Arc::new(NullRecords));
    rules.push(Arc::new(GuardedCase));
    rules.push(Arc::new(CheckedArithmetic));
    rules.push(Arc::new(EqualKeys));
    rules.push(Arc::new(IntervalLengths));

    let mut state = SessionStateBuilder::new()
        .with_analyzer_rules(rules)
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_physical_optimizer_rules(physical)
        .build();
    state.execution_props_mut().query_execution_start_time = DateTime::<Utc>::from_timestamp_micros(now);
    let context = SessionContext::new_with_state(state);
    context.register_udaf(AggregateUDF::from(CheckedSum::default()));
    context.register_udaf(Ends::of(min_udaf()));
    context.register_udaf(Ends::of(max_udaf()));
    Ok(context)
}

/// The state of a session for one query. `SessionContext::state` is never used: it sets `now()` to the machine's clock.
pub(crate) fn state(session: &SessionContext) -> SessionState {
    let mut state = session.state_ref().read().clone();
    let options = state.config_options().clone();
    let now = state.execution_props().query_execution_start_time;
    let props = state.execution_props_mut();
    *props = datafusion::logical_expr::execution_props::ExecutionProps::new();
    props.query_execution_start_time = now;
    props.config_options = Some(options);
    state
}
