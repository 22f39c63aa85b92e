//! Contracts that stages imply, held against those that were locked.

use staunch_contract::diff::Diff;
use staunch_contract::lock::Pinned;
use staunch_engine::run::Graph;
use staunch_pipeline::Project;
use staunch_types::{Error, codes};
use std::collections::BTreeMap;

/// The contracts that the stages of a pipeline imply, by `pipeline/stage`: of those that declare none.
pub(crate) fn of(graph: &Graph) -> BTreeMap<String, Pinned> {
    let implied = graph.stages.iter().filter(|stage| stage.process.contract.is_none());
    implied
        .map(|stage| {
            let name = format!("{}/{}", graph.pipeline.name, stage.process.name);
            (name, Pinned::new(stage.plan.contract.clone()))
        })
        .collect()
}

/// The stages that imply something else than what was locked under this profile. One that is not locked yet is free.
pub(crate) fn changed(project: &Project, graph: &Graph) -> Vec<Error> {
    let Some(locked) = project.lock.as_ref().and_then(|lock| lock.inferred.get(&project.profile.name)) else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    for (name, now) in of(graph) {
        let Some(before) = locked.get(&name).filter(|before| !before.holds(&now.contract)) else { continue };
        let stage = now.contract.name.as_str();
        let what = Diff::new(&before.contract, &now.contract).map(|diff| diff.line()).unwrap_or_default();
        let message = format!("the contract that `{stage}` implies is not the one that was locked: {what}");
        let place = graph.stage(stage).map(|node| node.process.place.clone()).unwrap_or_default();
        errors.push(
            Error::new(codes::INFERRED, message)
                .place(place)
                .stage(stage)
                .hint("run `staunch contract lock` if that is meant, or give the stage a `contract:`"),
        );
    }
    errors
}
