//! `graph`: a pipeline as a graph, with the lineage of every column that a write shows.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use staunch_engine::run::Graph;
use staunch_types::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A pipeline as a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphView {
    /// The pipeline.
    pub pipeline: String,
    /// Objects that are read, stages, targets: each after its inputs.
    pub nodes: Vec<GraphNode>,
    /// The columns of every process stage and write, in the order of the stages.
    pub columns: Vec<GraphColumn>,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    /// `source`, `read`, `process`, `write`.
    pub kind: &'static str,
    /// Its name: `connection/object` of sources and writes, else the stage.
    pub name: String,
    /// The names of the nodes from which data come here.
    pub inputs: Vec<String>,
    /// Its contract; none of a source.
    pub contract: Option<String>,
}

/// A column and where its values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphColumn {
    /// The process stage or write.
    pub stage: String,
    /// The column.
    pub column: String,
    /// The columns of its inputs: `stage.column`.
    pub from: Vec<String>,
    /// The columns of the objects that are read: `connection/object.field`.
    pub origins: Vec<String>,
    /// Whether the one column of its inputs is passed on unchanged.
    pub unchanged: bool,
}

impl App {
    /// The graph of a pipeline.
    ///
    /// # Errors
    /// As [`App::check`].
    pub fn graph(
        &self,
        start: &Path,
        profile: Option<&str>,
        pipeline: Option<&str>,
        context: &RunContext,
    ) -> Result<GraphView> {
        let opened = Opened::open_for(start, profile, pipeline)?;
        let pipeline = opened.pipeline_or_only(pipeline)?;
        authorize(&context.actor, Verb::Read, &pipeline.name)?;
        let graph = opened.graph(pipeline, None)?;
        Ok(GraphView { pipeline: pipeline.name.clone(), nodes: nodes(&graph), columns: columns(&graph) })
    }
}

fn nodes(graph: &Graph) -> Vec<GraphNode> {
    let mut nodes = Vec::new();
    let objects: BTreeSet<&str> = graph.reads.iter().map(|r| r.source.object()).collect();
    for object in objects {
        nodes.push(GraphNode { kind: "source", name: object.to_owned(), inputs: Vec::new(), contract: None });
    }
    for node in &graph.reads {
        nodes.push(GraphNode {
            kind: "read",
            name: node.read.name.clone(),
            inputs: vec![node.source.object().to_owned()],
            contract: Some(node.read.contract.id()),
        });
    }
    for node in &graph.stages {
        nodes.push(GraphNode {
            kind: "process",
            name: node.process.name.clone(),
            inputs: node.plan.inputs.clone(),
            contract: Some(node.plan.contract.id()),
        });
    }
    for node in &graph.writes {
        nodes.push(GraphNode {
            kind: "write",
            name: node.write.name.clone(),
            inputs: vec![node.write.from.stage.clone()],
            contract: Some(node.contract.id()),
        });
    }
    nodes
}

/// Stages stand after their inputs, so one pass is enough.
fn columns(graph: &Graph) -> Vec<GraphColumn> {
    let mut origins: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for node in &graph.reads {
        for field in &node.source.contract().fields {
            let origin = format!("{}.{}", node.source.object(), field.name);
            origins.insert((node.read.name.clone(), field.name.clone()), BTreeSet::from([origin]));
        }
    }
    let mut columns = Vec::new();
    for node in &graph.stages {
        let stage = &node.process.name;
        for column in &node.plan.lineage {
            let of = |from: &staunch_engine::sql::InputColumn| {
                origins.get(&(from.stage.clone(), from.column.clone())).cloned().unwrap_or_default()
            };
            let all: BTreeSet<String> = column.from.iter().flat_map(of).collect();
            columns.push(GraphColumn {
                stage: stage.clone(),
                column: column.column.clone(),
                from: column.from.iter().map(ToString::to_string).collect(),
                origins: all.iter().cloned().collect(),
                unchanged: column.unchanged,
            });
            origins.insert((stage.clone(), column.column.clone()), all);
        }
    }
    for node in &graph.writes {
        let input = &node.write.from.stage;
        for field in &node.contract.fields {
            let all = origins.get(&(input.clone(), field.name.clone())).cloned().unwrap_or_default();
            columns.push(GraphColumn {
                stage: node.write.name.clone(),
                column: field.name.clone(),
                from: vec![format!("{input}.{}", field.name)],
                origins: all.into_iter().collect(),
                unchanged: true,
            });
        }
    }
    columns
}
