//! `plan`: what a run would do, without doing it.

mod moves;

pub use moves::{MoveView, StoredView};

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::systems;
use staunch_engine::run::{Scope, Transport};
use staunch_engine::sql::{Shape, explain, shape};
use staunch_types::Result;
use std::path::Path;

/// The plan of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    /// The pipeline.
    pub pipeline: String,
    /// Its stages: reads, process stages, writes.
    pub stages: Vec<StageView>,
    /// What lies stored under other contracts than those of today, and what becomes of it.
    pub moves: Vec<MoveView>,
}

/// One stage of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageView {
    /// `read`, `process` or `write`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its inputs.
    pub inputs: Vec<String>,
    /// One line: what it is and how it runs.
    pub how: String,
    /// Why a process stage needs its whole input, if it does.
    pub whole_input_because: Option<String>,
    /// How its channel travels, or how its target is kept exact.
    pub transport: String,
    /// Details: the steps of a query.
    pub details: String,
    /// The columns that a process stage computes, each with the columns of its inputs that it is made of; those that it passes on
    /// unchanged are left out.
    pub computed: Vec<(String, Vec<String>)>,
    /// What is asserted at run time, and what is not reproducible.
    pub notes: Vec<String>,
}

impl App {
    /// Plans a pipeline.
    ///
    /// # Errors
    /// As [`App::check`].
    pub fn plan(
        &self,
        start: &Path,
        profile: Option<&str>,
        pipeline: Option<&str>,
        context: &RunContext,
    ) -> Result<PlanView> {
        let opened = Opened::open_for(start, profile, pipeline)?;
        let pipeline = opened.pipeline_or_only(pipeline)?;
        authorize(&context.actor, Verb::Read, &pipeline.name)?;
        let graph = opened.graph(pipeline, None)?;
        let mut stages = Vec::new();
        for node in &graph.reads {
            let scope = match node.scope {
                Scope::Incremental => "incremental: what came since the last run",
                Scope::Whole => "whole: everything, when anything changed",
                Scope::Reference => "reference: the latest version, pinned per run",
            };
            let transport = match node.transport {
                Transport::Fused => "fused: chunk by chunk in memory; files can be read again",
                Transport::Spooled => "spooled: segments of the epoch log",
                Transport::Reread => "read where its whole-input stage runs",
                Transport::Reference => "read where it is looked up",
            };
            stages.push(StageView {
                kind: "read",
                name: node.read.name.clone(),
                inputs: vec![node.source.object().to_owned()],
                how: format!("{scope}; contract {}", node.read.contract.id()),
                whole_input_because: None,
                transport: transport.to_owned(),
                details: node.source.describe(),
                computed: Vec::new(),
                notes: Vec::new(),
            });
        }
        for node in &graph.stages {
            let transport = match (node.per_row(), node.spooled) {
                (true, true) => "fused with its input; spooled for whole-input stages",
                (true, false) => "fused with its input",
                (false, true) => "computed over sealed inputs in the last epoch; spooled for later stages",
                (false, false) => "computed over sealed inputs in the last epoch",
            };
            stages.push(StageView {
                kind: "process",
                name: node.process.name.clone(),
                inputs: node.plan.inputs.clone(),
                how: format!("{}; contract {}", shape(&node.plan), node.plan.contract.id()),
                whole_input_because: match &node.plan.shape {
                    Shape::WholeInput(whole) => Some(whole.because().to_owned()),
                    Shape::PerRow(_) => None,
                },
                transport: transport.to_owned(),
                details: explain(&node.plan),
                computed: node
                    .plan
                    .lineage
                    .iter()
                    .filter(|c| !c.unchanged)
                    .map(|c| (c.column.clone(), c.from.iter().map(ToString::to_string).collect()))
                    .collect(),
                notes: node.plan.notes.clone(),
            });
        }
        for node in &graph.writes {
            let sink = systems::sink(self, &opened, &pipeline.name, node)?;
            let guarantee = sink.guarantee();
            let keys_stay = node.write.mode == staunch_types::WriteMode::Upsert && !node.incremental;
            stages.push(StageView {
                kind: "write",
                name: node.write.name.clone(),
                inputs: vec![node.write.from.stage.clone()],
                how: format!("{}; contract {}", node.write.mode, node.contract.id()),
                whole_input_because: None,
                transport: format!("{}: {}", guarantee.effect, guarantee.mechanism),
                details: sink.describe(),
                computed: Vec::new(),
                notes: keys_stay
                    .then(|| "keys that vanish from the input stay in the target".to_owned())
                    .into_iter()
                    .collect(),
            });
        }
        let moves = moves::find(self, &opened, &pipeline.name, &graph)?;
        Ok(PlanView { pipeline: pipeline.name.clone(), stages, moves })
    }
}
