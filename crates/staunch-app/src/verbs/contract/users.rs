//! Who uses a contract, and what becomes of them if another version stands in its place: the pipeline is planned again with that.

use crate::context::App;
use crate::open::Opened;
use crate::systems;
use staunch_contract::Contract;
use staunch_contract::diff::{Diff, What};
use staunch_engine::run::Graph;
use staunch_pipeline::Pipeline;
use staunch_types::{Error, Place, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A pipeline that names the contract.
#[derive(Debug)]
pub struct PipelineUse {
    /// Its name.
    pub pipeline: String,
    /// Its stages that name the contract, use what changed, or become something else.
    pub stages: Vec<StageUse>,
    /// What `check` would say, and does not say today.
    pub errors: Vec<Error>,
}

/// A stage of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageUse {
    /// `read`, `process`, `write`.
    pub kind: &'static str,
    /// Its name.
    pub stage: String,
    /// Where it is declared.
    pub place: Place,
    /// The columns of its inputs that have to do with what changed: `stage.column`; for a read those of the contract.
    pub uses: Vec<String>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What becomes of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its output stays what it is.
    Same,
    /// Its output has another contract: the difference.
    Changes(String),
    /// It, or one above it, cannot be planned any more.
    Breaks,
}

/// The pipelines that name `old`, looked at with `new` in its place.
pub(super) fn find(
    app: &App,
    opened: &Opened,
    old: &Contract,
    new: &Arc<Contract>,
    diff: &Diff,
) -> Result<Vec<PipelineUse>> {
    let id = old.id();
    let mut found = Vec::new();
    for pipeline in opened.project.pipelines.values() {
        let declares = |contract: &Option<Arc<Contract>>| contract.as_ref().is_some_and(|c| c.id() == id);
        let named = pipeline.reads.iter().any(|r| r.contract.id() == id)
            || pipeline.processes.iter().any(|p| declares(&p.contract));
        if named {
            found.push(one(app, opened, pipeline, &id, new, diff)?);
        }
    }
    Ok(found)
}

fn one(
    app: &App,
    opened: &Opened,
    pipeline: &Pipeline,
    id: &str,
    new: &Arc<Contract>,
    diff: &Diff,
) -> Result<PipelineUse> {
    let mut moved = pipeline.clone();
    for read in moved.reads.iter_mut().filter(|r| r.contract.id() == id) {
        read.contract = Arc::clone(new);
    }
    for process in &mut moved.processes {
        if let Some(contract) = process.contract.as_mut().filter(|c| c.id() == id) {
            *contract = Arc::clone(new);
        }
    }
    let look = |pipeline: &Pipeline| {
        let (graph, mut errors) = opened.survey_graph(pipeline, None);
        for node in &graph.writes {
            errors.extend(systems::sink(app, opened, &pipeline.name, node).err());
        }
        (graph, Error::in_order(errors))
    };
    let (before, known) = look(pipeline);
    let (after, mut errors) = look(&moved);
    let key = |e: &Error| (e.code().name, e.message().to_owned(), e.where_().clone());
    errors.retain(|error| !known.iter().any(|k| key(k) == key(error)));
    let stages = stages(&before, &after, id, diff)?;
    Ok(PipelineUse { pipeline: pipeline.name.clone(), stages, errors })
}

/// The fields of the old contract with which something happened.
fn changed(diff: &Diff) -> BTreeSet<String> {
    let counting = diff
        .counting()
        .filter(|change| change.what != What::Added || change.path.contains(['.', '[', '{', '(']));
    counting
        .filter_map(|change| match (change.what, &change.from) {
            (What::Renamed, Some(from)) => Some(from.clone()),
            _ => change.path.split(['.', '[', '{', '(']).next().map(str::to_owned),
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn stages(before: &Graph, after: &Graph, id: &str, diff: &Diff) -> Result<Vec<StageUse>> {
    let changed = changed(diff);
    // By stage: the columns of its output that have to do with what changed. Stages stand after their inputs.
    let mut touched: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut found = Vec::new();
    for node in &before.reads {
        let name = node.read.name.as_str();
        if node.read.contract.id() != id {
            continue;
        }
        let outcome = outcome(Some(node.source.contract()), after.read(name).map(|r| r.source.contract()))?;
        touched.insert(name, changed.clone());
        let uses = changed.iter().cloned().collect();
        found.push(StageUse {
            kind: "read",
            stage: name.to_owned(),
            place: node.read.place.clone(),
            uses,
            outcome,
        });
    }
    for node in &before.stages {
        let name = node.process.name.as_str();
        let mut uses = BTreeSet::new();
        for input in &node.plan.inputs {
            let Some((columns, contract)) = touched.get(input.as_str()).zip(before.contract(input)) else {
                continue;
            };
            let used = node.plan.used.get(input).into_iter().flatten();
            let used = used.filter_map(|at| contract.fields.get(*at)).filter(|f| columns.contains(&f.name));
            uses.extend(used.map(|f| format!("{input}.{}", f.name)));
        }
        let mut out: BTreeSet<String> = node
            .plan
            .lineage
            .iter()
            .filter(|c| {
                c.from.iter().any(|from| {
                    touched.get(from.stage.as_str()).is_some_and(|columns| columns.contains(&from.column))
                })
            })
            .map(|c| c.column.clone())
            .collect();
        let declares = node.process.contract.as_ref().is_some_and(|c| c.id() == id);
        if declares {
            out.extend(changed.iter().cloned());
        }
        let outcome = outcome(Some(&node.plan.contract), after.stage(name).map(|s| &s.plan.contract))?;
        if declares || !uses.is_empty() || outcome != Outcome::Same {
            let (place, uses) = (node.process.place.clone(), uses.into_iter().collect());
            found.push(StageUse { kind: "process", stage: name.to_owned(), place, uses, outcome });
        }
        touched.insert(name, out);
    }
    for node in &before.writes {
        let (name, from) = (node.write.name.as_str(), node.write.from.stage.as_str());
        let columns = touched.get(from).into_iter().flatten();
        let columns = columns.filter(|c| node.contract.field(c).is_some());
        let uses: Vec<String> = columns.map(|c| format!("{from}.{c}")).collect();
        let outcome = outcome(Some(&node.contract), after.write(name).map(|w| &w.contract))?;
        if !uses.is_empty() || outcome != Outcome::Same {
            found.push(StageUse {
                kind: "write",
                stage: name.to_owned(),
                place: node.write.place.clone(),
                uses,
                outcome,
            });
        }
    }
    Ok(found)
}

fn outcome(before: Option<&Arc<Contract>>, after: Option<&Arc<Contract>>) -> Result<Outcome> {
    let (Some(before), Some(after)) = (before, after) else { return Ok(Outcome::Breaks) };
    let diff = Diff::new(before, after)?;
    Ok(if diff.counting().next().is_none() { Outcome::Same } else { Outcome::Changes(diff.line()) })
}
