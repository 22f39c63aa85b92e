//! What a plan says about everything that lies stored under a contract that the pipeline has moved on from.

use crate::context::App;
use crate::open::Opened;
use crate::systems;
use crate::verbs::dlq::{DlqFilter, letters};
use crate::verbs::run::runtime;
use staunch_commit::Log;
use staunch_contract::Contract;
use staunch_contract::diff::Change;
use staunch_contract::migration::{Judgement, Move, Outcome, Stored};
use staunch_engine::run::{Contracts, Graph, ReadNode, TargetMove, contracts_in, target_moves};
use staunch_types::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A read or a write under another contract than the one that its stored things were made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveView {
    /// `read` or `write`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// `name@version` of the old contract.
    pub from: String,
    /// `name@version` of the new one.
    pub to: String,
    /// What changed.
    pub changes: Vec<Change>,
    /// What becomes of what is stored, kind by kind.
    pub stored: Vec<StoredView>,
    /// The statements by which a run with `--migrate` alters the target.
    pub statements: Vec<String>,
}

/// One kind of stored thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredView {
    /// `table`, `files`, `dead letters`, ...
    pub what: &'static str,
    /// How many there are, where they are counted.
    pub count: Option<u64>,
    /// What becomes of them.
    pub outcome: Outcome,
    /// What else there is to know.
    pub notes: Vec<String>,
}

impl StoredView {
    fn new(stored: Stored, count: Option<u64>, judged: Judgement) -> Self {
        let outcome = if count == Some(0) { Outcome::None } else { judged.outcome };
        let notes = if count == Some(0) { Vec::new() } else { judged.notes };
        Self { what: stored.word(), count, outcome, notes }
    }
}

/// Everything of a pipeline that is under another contract. Nothing is made or changed.
///
/// # Errors
/// `Store.*`; `Sink.Unavailable` if a target cannot be looked at.
pub(super) fn find(app: &App, opened: &Opened, pipeline: &str, graph: &Graph) -> Result<Vec<MoveView>> {
    let Some(log) = opened.log(app, pipeline)? else { return Ok(Vec::new()) };
    let sinks = app.sinks(opened, pipeline, graph)?;
    let walk = async || {
        let contracts = contracts_in(graph, &log).await?;
        let targets = target_moves(graph, &sinks, &contracts, false).await?;
        let moved = moved_reads(graph, &contracts)?;
        if targets.is_empty() && moved.is_empty() {
            return Ok(Vec::new());
        }
        let counts = Counts::of(pipeline, &log).await?;
        let mut found = reads(opened, moved, &counts)?;
        for target in targets {
            found.push(write(graph, &contracts, target, &counts)?);
        }
        Ok::<_, staunch_types::Error>(found)
    };
    runtime(1)?.block_on(log.steadily(walk))
}

/// How many of what there are.
struct Counts {
    /// By stage: dead letters of reads and process stages, by the read.
    dead: BTreeMap<String, u64>,
    /// By write.
    refused: BTreeMap<String, u64>,
    /// By read.
    late: BTreeMap<String, u64>,
    /// By write: epochs that are committed and not shown.
    unshown: BTreeMap<String, u64>,
}

impl Counts {
    async fn of(pipeline: &str, log: &Log) -> Result<Self> {
        let mut counts = Self {
            dead: BTreeMap::new(),
            refused: BTreeMap::new(),
            late: BTreeMap::new(),
            unshown: BTreeMap::new(),
        };
        for row in letters(pipeline, log, &DlqFilter::default()).await? {
            let (by, name) = match row.letter.refused() {
                true => (&mut counts.refused, row.letter.stage),
                false => (&mut counts.dead, row.letter.read),
            };
            *by.entry(name).or_default() += 1;
        }
        let floor = log.floors().await?.late;
        for (_, _, last) in log.runs().await? {
            let state = log.run_ending_at(last).await?;
            for (_, segment) in state.channels.iter().filter(|(epoch, s)| *epoch > floor && s.port == "late")
            {
                *counts.late.entry(segment.stage.clone()).or_default() += segment.rows;
            }
            for (write, epochs) in state.unapplied {
                *counts.unshown.entry(write).or_default() += epochs.len() as u64;
            }
        }
        Ok(counts)
    }
}

fn count(counts: &BTreeMap<String, u64>, name: &str) -> Option<u64> {
    Some(counts.get(name).copied().unwrap_or(0))
}

/// The reads whose contract has another version, or differs in what counts, with the one before.
fn moved_reads<'g>(graph: &'g Graph, contracts: &Contracts) -> Result<Vec<(&'g ReadNode, Arc<Contract>)>> {
    let mut moved = Vec::new();
    for node in &graph.reads {
        let Some(last) = contracts.get(&node.read.name).and_then(|under| under.last()) else { continue };
        let old = last.open()?;
        let differs = Move::new(&old, &node.read.contract)?.diff.counting().next().is_some();
        if differs || last.contract != node.read.contract.id() {
            moved.push((node, old));
        }
    }
    Ok(moved)
}

fn reads(opened: &Opened, moved: Vec<(&ReadNode, Arc<Contract>)>, counts: &Counts) -> Result<Vec<MoveView>> {
    let mut found = Vec::new();
    for (node, old) in moved {
        let (name, new) = (&node.read.name, &node.read.contract);
        let moved = Move::new(&old, new)?;
        let resolved = systems::is_avro(&opened.project, &node.read.from);
        let view = |stored, count| StoredView::new(stored, count, moved.judge(stored, true));
        found.push(MoveView {
            kind: "read",
            name: name.clone(),
            from: old.id(),
            to: new.id(),
            changes: moved.diff.counting().cloned().collect(),
            stored: vec![
                view(Stored::DeadLetters { resolved }, count(&counts.dead, name)),
                view(Stored::LateRows, count(&counts.late, name)),
                view(Stored::State, None),
            ],
            statements: Vec::new(),
        });
    }
    Ok(found)
}

fn write(graph: &Graph, contracts: &Contracts, target: TargetMove, counts: &Counts) -> Result<MoveView> {
    let name = target.write;
    let mut stored = vec![StoredView {
        what: target.stored.word(),
        count: None,
        outcome: target.outcome,
        notes: target.notes,
    }];
    if let Some((last, node)) = contracts.get(&name).and_then(|under| under.last()).zip(graph.write(&name)) {
        let old = last.open()?;
        let moved = Move::new(&old, &node.contract)?;
        for (kind, counted) in [(Stored::Segments, &counts.unshown), (Stored::RefusedRows, &counts.refused)] {
            stored.push(StoredView::new(kind, count(counted, &name), moved.judge(kind, true)));
        }
    }
    Ok(MoveView {
        kind: "write",
        name,
        from: target.moved.from,
        to: target.moved.to,
        changes: target.changes,
        stored,
        statements: target.statements,
    })
}
