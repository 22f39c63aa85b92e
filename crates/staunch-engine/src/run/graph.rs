//! A pipeline with its SQL planned: which stage runs when, over which transport, and which writes it can keep.

use super::clears::uncleared;
use crate::sql::{Relation, Shape, StagePlan, plan_stage, start};
use arrow::datatypes::Schema;
use staunch_commit::Source;
use staunch_contract::{Contract, Field};
use staunch_pipeline::{Late, Pipeline, Process, Read, Write};
use staunch_types::{Error, Place, Result, WriteMode, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A planned pipeline.
pub struct Graph {
    /// What was planned.
    pub pipeline: Pipeline,
    /// The reads, in the order of the file.
    pub reads: Vec<ReadNode>,
    /// The process stages, each after its inputs.
    pub stages: Vec<StageNode>,
    /// The writes, in the order of the file.
    pub writes: Vec<WriteNode>,
}

/// Which rows of an object a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What came since the last run.
    Incremental,
    /// Everything, whenever anything changed.
    Whole,
    /// The latest version, pinned per run.
    Reference,
}

/// How a channel reaches its consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Chunk by chunk in memory, in the epochs of the first phase.
    Fused,
    /// As segments of the epoch log, which whole-input stages read when the input is complete.
    Spooled,
    /// The pinned files are read when the one whole-input stage that consumes them runs.
    Reread,
    /// Collected into a lookup table, or read by whole-input stages.
    Reference,
}

/// A read.
pub struct ReadNode {
    /// Its declaration.
    pub read: Read,
    /// Its source.
    pub source: Arc<dyn Source>,
    /// Which rows.
    pub scope: Scope,
    /// How they travel.
    pub transport: Transport,
    /// The columns that some stage uses, where that is not all of them: positions in the schema of the source, ascending.
    pub columns: Option<Vec<usize>>,
}

/// A process stage.
pub struct StageNode {
    /// Its declaration.
    pub process: Process,
    /// Its plan.
    pub plan: StagePlan,
    /// The input that streams through it; `None` for whole-input stages.
    pub streamed: Option<String>,
    /// The read at the top of that stream.
    pub read: Option<String>,
    /// Whether its output is spooled for whole-input stages.
    pub spooled: bool,
}

impl StageNode {
    /// Whether it runs chunk by chunk.
    #[must_use]
    pub fn per_row(&self) -> bool {
        self.streamed.is_some()
    }

    /// An error of this stage. What its query is to blame for stands where its SQL does; what a file or the disk is to blame for
    /// does not.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let error = error.stage(&self.process.name);
        let of_query = matches!(
            error.code(),
            codes::QUERY | codes::VIOLATION | codes::KEY_NOT_UNIQUE | codes::MEMORY | codes::INTERNAL
        );
        if !of_query || error.where_().file.is_some() {
            return error;
        }
        let Place { stage, field, .. } = error.where_().clone();
        error.place(Place { stage, field, ..start(&self.process) })
    }
}

/// A write.
pub struct WriteNode {
    /// Its declaration.
    pub write: Write,
    /// What it takes.
    pub contract: Arc<Contract>,
    /// The read at the top of the stream that it takes; `None` below a whole-input stage.
    pub read: Option<String>,
    /// Whether it goes on from run to run (as against: shows the whole input anew).
    pub incremental: bool,
}

impl Graph {
    /// Plans every stage and decides scopes and transports.
    ///
    /// # Errors
    /// Everything that is wrong, at once: `ST0020`-`ST0040`.
    pub fn build(pipeline: Pipeline, sources: &BTreeMap<String, Arc<dyn Source>>) -> Result<Self> {
        let (graph, errors) = Self::survey(pipeline, sources);
        let missing = graph.pipeline.reads.iter().find(|r| graph.read(&r.name).is_none());
        match (Error::many(errors), missing) {
            (Some(error), _) => Err(error),
            (None, Some(read)) => {
                Err(Error::new(codes::INTERNAL, format!("read `{}` has no source", read.name)))
            }
            (None, None) => Ok(graph),
        }
    }

    /// Plans as [`Graph::build`] does, and goes on where something is wrong: a stage that cannot be planned is left out, with
    /// what lies below it, and so is a read without a source. A graph with mistakes is not fit to be run.
    #[must_use]
    pub fn survey(pipeline: Pipeline, sources: &BTreeMap<String, Arc<dyn Source>>) -> (Self, Vec<Error>) {
        let mut errors = Vec::new();
        let stages = plan_stages(&pipeline, sources, &mut errors);
        let mut graph = Self { pipeline, reads: Vec::new(), stages, writes: Vec::new() };
        graph.place_reads(sources);
        graph.place_writes(&mut errors);
        (graph, errors)
    }

    /// The read of this name.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<&ReadNode> {
        self.reads.iter().find(|r| r.read.name == name)
    }

    /// The process stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageNode> {
        self.stages.iter().find(|s| s.process.name == name)
    }

    /// The write of this name.
    #[must_use]
    pub fn write(&self, name: &str) -> Option<&WriteNode> {
        self.writes.iter().find(|w| w.write.name == name)
    }

    /// A read whose rows the write shows: that of its stream, or one of those below which it lies. Reference data do not count.
    #[must_use]
    pub fn read_above(&self, write: &WriteNode) -> Option<&str> {
        let above = self.above(&write.write.from.stage);
        let reads = self.reads.iter().filter(|r| !r.read.reference);
        reads.map(|r| r.read.name.as_str()).find(|name| above.contains(*name))
    }

    /// A stage and everything above it.
    pub(crate) fn above(&self, stage: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([stage.to_owned()]);
        if let Some(node) = self.stage(stage) {
            for input in &node.plan.inputs {
                found.extend(self.above(input));
            }
        }
        found
    }

    /// The contract of a channel.
    #[must_use]
    pub fn contract(&self, channel: &str) -> Option<&Arc<Contract>> {
        self.stage(channel)
            .map(|s| &s.plan.contract)
            .or_else(|| self.read(channel).map(|r| r.source.contract()))
    }

    /// The process stages that take a channel.
    pub fn consumers<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = &'a StageNode> {
        self.stages.iter().filter(move |s| s.plan.inputs.iter().any(|i| i == channel))
    }

    /// The read at the top of the stream that a channel belongs to.
    fn stream_of(&self, channel: &str) -> Option<String> {
        match self.stage(channel) {
            Some(stage) => stage.read.clone(),
            None => {
                self.pipeline.reads.iter().find(|r| r.name == channel && !r.reference).map(|r| r.name.clone())
            }
        }
    }

    fn place_reads(&mut self, sources: &BTreeMap<String, Arc<dyn Source>>) {
        for read in &self.pipeline.reads {
            let name = &read.name;
            let Some(source) = sources.get(name).cloned() else { continue };
            let below: Vec<&StageNode> = self.stages.iter().filter(|s| self.is_below(s, name)).collect();
            let whole_below = below.iter().any(|s| !s.per_row());
            let replaced = self.pipeline.writes.iter().any(|w| {
                w.mode == WriteMode::Replace && self.stream_of(&w.from.stage).as_deref() == Some(name)
            });
            let consumers: Vec<&StageNode> = self.consumers(name).collect();
            let written = self.pipeline.writes.iter().any(|w| w.from.stage == *name);
            let scope = match (read.reference, whole_below || replaced) {
                (true, _) => Scope::Reference,
                (false, true) => Scope::Whole,
                (false, false) => Scope::Incremental,
            };
            let transport = if read.reference {
                Transport::Reference
            } else if !written && consumers.len() == 1 && !consumers[0].per_row() {
                Transport::Reread
            } else if consumers.iter().any(|s| !s.per_row()) {
                Transport::Spooled
            } else {
                Transport::Fused
            };
            let whole_rows = written
                || transport == Transport::Spooled
                || (read.late_after.is_some() && read.late == Late::Keep);
            let columns = if whole_rows { None } else { used_columns(&consumers, name, &source.schema()) };
            self.reads.push(ReadNode { read: read.clone(), source, scope, transport, columns });
        }
        let spooled: Vec<bool> = self
            .stages
            .iter()
            .map(|s| self.consumers(&s.process.name).any(|consumer| !consumer.per_row()))
            .collect();
        for (stage, spooled) in self.stages.iter_mut().zip(spooled) {
            stage.spooled = spooled;
        }
    }

    /// Whether a stage takes the read, directly or through others (as a stream or as reference data).
    fn is_below(&self, stage: &StageNode, read: &str) -> bool {
        stage
            .plan
            .inputs
            .iter()
            .any(|input| input == read || self.stage(input).is_some_and(|above| self.is_below(above, read)))
    }

    fn place_writes(&mut self, errors: &mut Vec<Error>) {
        let mut nodes = Vec::new();
        for write in &self.pipeline.writes {
            let from = &write.from.stage;
            let Some(contract) = self.contract(from).map(|contract| self.remembering(from, contract)) else {
                continue;
            };
            let read = self.stream_of(from);
            let scope = read.as_deref().and_then(|r| self.read(r)).map_or(Scope::Whole, |r| r.scope);
            let node = WriteNode {
                write: write.clone(),
                contract,
                read: read.clone(),
                incremental: scope == Scope::Incremental,
            };
            errors.extend(self.check_mode(&node, read.as_deref(), scope));
            errors.extend(uncleared(self, &node));
            nodes.push(node);
        }
        self.writes = nodes;
    }

    /// The contract of what a stage gives, with what its columns were called and have by default: a query implies neither, but a column that it hands
    /// on unchanged is the same field. A target that holds the field under its old name is told so.
    fn remembering(&self, stage: &str, contract: &Arc<Contract>) -> Arc<Contract> {
        if self.stage(stage).is_none_or(|s| s.process.contract.is_some()) {
            return Arc::clone(contract);
        }
        let mut fields = contract.fields.clone();
        for field in &mut fields {
            if let Some(origin) = self.handed_on(stage, &field.name) {
                let taken = |alias: &String| contract.field(alias).is_none();
                field.aliases = origin.aliases.iter().filter(|alias| taken(alias)).cloned().collect();
                field.default.clone_from(&origin.default);
            }
        }
        Arc::new(Contract { fields, ..Contract::clone(contract) })
    }

    /// The field of a read, or of a stage with a declared contract, that a stage without one hands on unchanged and under its name.
    fn handed_on(&self, stage: &str, column: &str) -> Option<&Field> {
        let Some(node) = self.stage(stage) else {
            return self.read(stage).and_then(|read| read.source.contract().field(column));
        };
        if node.process.contract.is_some() {
            return node.plan.contract.field(column);
        }
        let lineage = node.plan.lineage.iter().find(|c| c.column == column && c.unchanged)?;
        match lineage.from.as_slice() {
            // Inputs stand above: this ends.
            [input] if input.column == column => self.handed_on(&input.stage, column),
            _ => None,
        }
    }

    /// `DESIGN`: below a whole read the write is a replace, or an upsert by a key; an append there would add the
    /// whole input again with every run.
    fn check_mode(&self, node: &WriteNode, read: Option<&str>, scope: Scope) -> Option<Error> {
        let write = &node.write;
        let refuse = |message: String, hint: String| {
            Some(Error::new(codes::WRITE_MODE, message).place(write.place.clone()).hint(hint))
        };
        match (write.mode, scope) {
            (WriteMode::Append, Scope::Whole | Scope::Reference) => {
                let what = read.map_or_else(
                    || format!("`{}` is the result over a whole input", write.from.stage),
                    |r| format!("read `{r}` is read whole by every run, because a whole-input stage or a replace lies below it"),
                );
                let hint = match read {
                    Some(r) => format!(
                        "write `mode: replace`; or append from a second read of the same object, for instance `{r}_log: {{from: {}, ...}}`",
                        self.read(r).map_or_else(String::new, |n| format!(
                            "{}/{}",
                            n.read.from.connection, n.read.from.object
                        ))
                    ),
                    None => "write `mode: replace`, or `mode: upsert` if the contract has a key".to_owned(),
                };
                refuse(format!("`append` to `{}` is refused: {what}", write.name), hint)
            }
            (WriteMode::Upsert, _) if node.contract.key.is_empty() => refuse(
                format!("`upsert` to `{}` needs a key", write.name),
                format!("name the `key:` in the contract of `{}`", write.from.stage),
            ),
            _ => None,
        }
    }
}

/// The columns of a channel that its consumers use; `None` for all. A batch needs one column to have rows.
fn used_columns(consumers: &[&StageNode], channel: &str, schema: &Schema) -> Option<Vec<usize>> {
    let mut used: BTreeSet<usize> = BTreeSet::new();
    for stage in consumers {
        used.extend(stage.plan.used.get(channel)?);
    }
    if used.is_empty() && !schema.fields().is_empty() {
        used.insert(0);
    }
    (used.len() < schema.fields().len()).then(|| used.into_iter().collect())
}

fn plan_stages(
    pipeline: &Pipeline,
    sources: &BTreeMap<String, Arc<dyn Source>>,
    errors: &mut Vec<Error>,
) -> Vec<StageNode> {
    let mut relations: BTreeMap<String, Relation> = BTreeMap::new();
    for read in &pipeline.reads {
        if let Some(source) = sources.get(&read.name) {
            relations.insert(
                read.name.clone(),
                Relation {
                    name: read.name.clone(),
                    schema: source.schema(),
                    contract: source.contract().clone(),
                    reference: read.reference,
                    whole: false,
                },
            );
        }
    }
    let mut streams: BTreeMap<String, Option<String>> = pipeline
        .reads
        .iter()
        .filter(|r| !r.reference)
        .map(|r| (r.name.clone(), Some(r.name.clone())))
        .collect();
    let mut stages = Vec::new();
    for process in &pipeline.processes {
        let inputs: Vec<Relation> =
            process.inputs.iter().filter_map(|i| relations.get(&i.stage).cloned()).collect();
        if inputs.len() < process.inputs.len() {
            // An input could not be planned; its own mistake is reported.
            continue;
        }
        let plan = match plan_stage(process, &inputs) {
            Ok(plan) => plan,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let streamed = match &plan.shape {
            Shape::PerRow(_) => inputs.iter().find(|i| !i.reference).map(|i| i.name.clone()),
            Shape::WholeInput(_) => None,
        };
        let read = streamed.as_ref().and_then(|input| streams.get(input).cloned().flatten());
        streams.insert(process.name.clone(), read.clone());
        relations.insert(
            process.name.clone(),
            Relation {
                name: process.name.clone(),
                schema: plan.contract.arrow_schema(),
                contract: plan.contract.clone(),
                reference: false,
                whole: streamed.is_none(),
            },
        );
        stages.push(StageNode { process: process.clone(), plan, streamed, read, spooled: false });
    }
    stages
}
