//! Targets that move to another contract: what each was written under, against what it would be written under now.
//!
//! **What it is.** A look at the log and at the targets before anything is read, which gives a [`TargetMove`] for each write whose contract has
//! changed; and the decision whether a run may begin.
//!
//! **Invariants.** Nothing is altered here: a move is decided by the manifest of the epoch that carries it, and carried out by its apply. What a target
//! was written under is said by the log alone, never guessed from the project.

use super::cx::Sinks;
use super::decide;
use super::graph::{Graph, WriteNode};
use super::prefix_max;
use staunch_commit::{Log, Moved, Pins, Ready, RunState, Standing, Written};
use staunch_contract::Contract;
use staunch_contract::diff::Change;
use staunch_contract::migration::{Move, Obstacle, Outcome, Stored};
use staunch_types::{Error, Place, Result, WriteMode, codes};
use std::collections::BTreeMap;
use std::sync::Arc;

/// By write: the contracts under which what its target shows was written, the last one at the end; by read: that of the last run.
pub type Contracts = BTreeMap<String, Vec<Written>>;

/// A target whose rows have another contract now.
#[derive(Debug, Clone)]
pub struct TargetMove {
    /// The write.
    pub write: String,
    /// From what to what.
    pub moved: Moved,
    /// What changed since the last contract.
    pub changes: Vec<Change>,
    /// What lies there.
    pub stored: Stored,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The statements that alter it; none if it takes the new rows as it is.
    pub statements: Vec<String>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Where the write is declared.
    pub place: Place,
}

impl TargetMove {
    /// Whether the target must be altered before it can take rows.
    #[must_use]
    pub fn pending(&self) -> bool {
        !self.statements.is_empty()
    }
}

/// The contracts of a planned pipeline as the log keeps them: of its reads and writes.
pub(crate) fn contracts(graph: &Graph) -> BTreeMap<String, Written> {
    let reads = graph.reads.iter().map(|r| (r.read.name.clone(), Written::new(&r.read.contract, true)));
    let writes =
        graph.writes.iter().map(|w| (w.write.name.clone(), Written::new(&w.contract, declared(graph, w))));
    reads.chain(writes).collect()
}

/// Whether somebody declared the contract of a write, as against: a query implies it.
fn declared(graph: &Graph, node: &WriteNode) -> bool {
    graph.stage(&node.write.from.stage).is_none_or(|stage| stage.process.contract.is_some())
}

/// What the log of a pipeline says that its reads and targets are under. Nothing is made or changed.
///
/// # Errors
/// `Store.*`.
pub async fn contracts_in(graph: &Graph, log: &Log) -> Result<Contracts> {
    let Some(last) = log.last_epoch().await? else { return Ok(Contracts::new()) };
    let state = log.run_ending_at(last).await?;
    Ok(standing_behind(graph, log, &state).await?.contracts)
}

/// What stands after a run, also one that has not ended.
async fn standing_behind(graph: &Graph, log: &Log, state: &RunState) -> Result<Standing> {
    if state.end.is_some() {
        return log.standing(&state.standing).await;
    }
    let base = log.standing(&state.pins.base).await?;
    Ok(decide::standing_after(graph, state, &base, false, &prefix_max(state)))
}

/// The targets whose contract has changed. With `anew`, everything is written anew, and a table gets the columns that it takes; there is nothing to
/// be kept.
///
/// # Errors
/// `Sink.Unavailable`; `Store.Corrupt` if a contract in the log is damaged.
pub async fn target_moves(
    graph: &Graph,
    sinks: &Sinks,
    contracts: &Contracts,
    anew: bool,
) -> Result<Vec<TargetMove>> {
    let mut moves = Vec::new();
    for node in &graph.writes {
        let name = &node.write.name;
        let (Some(sink), Some(under)) = (sinks.get(name), contracts.get(name)) else { continue };
        let now = Written::new(&node.contract, declared(graph, node));
        let Some(last) = under.last().filter(|last| !last.same(&now)) else { continue };
        // Both through their text, in which every type has a name.
        let (old, new) = (last.open()?, now.open()?);
        let moved = Move::new(&old, &new)?;
        let replaced = anew || node.write.mode == WriteMode::Replace;
        if moved.diff.counting().next().is_none() {
            continue;
        }
        let stored = sink.stored();
        let (outcome, mut notes) = match replaced {
            true => (Outcome::Stays, Vec::new()),
            false => judged(&moved, under, &new, stored, now.declared, last.declared)?,
        };
        let (outcome, statements) = match outcome {
            Outcome::Refused(obstacles) => (Outcome::Refused(obstacles), Vec::new()),
            outcome if replaced => (outcome, Vec::new()),
            // The target has something to say about it as well.
            outcome => match sink.alterations(&old).await.map_err(|e| e.stage(name))? {
                Ok(statements) => (outcome, statements),
                Err(obstacles) => (Outcome::Refused(obstacles), Vec::new()),
            },
        };
        if replaced {
            notes.push("it is written anew by every run: there is nothing to be moved".to_owned());
        }
        moves.push(TargetMove {
            write: name.clone(),
            moved: Moved { from: last.contract.clone(), to: now.contract.clone() },
            changes: moved.diff.counting().cloned().collect(),
            stored,
            outcome,
            statements,
            notes,
            place: node.write.place.clone(),
        });
    }
    Ok(moves)
}

/// What becomes of a target: of what the last contract wrote, and, where files of earlier ones lie there still, of these.
fn judged(
    moved: &Move<'_>,
    under: &[Written],
    new: &Contract,
    stored: Stored,
    declared: bool,
    was_declared: bool,
) -> Result<(Outcome, Vec<String>)> {
    if moved.backwards() && declared && was_declared {
        let (old, new) = (moved.old.id(), moved.new.id());
        return Ok((
            Outcome::Refused(vec![Obstacle {
                field: String::new(),
                cause: format!("{new} is an earlier version than {old}, under which it was written last"),
                way_out: format!(
                    "go on with {old}; or declare what you want as a version after it; or run with --full-refresh, which writes everything anew"
                ),
            }]),
            Vec::new(),
        ));
    }
    let judgement = moved.judge(stored, declared);
    let (mut outcome, notes) = (judgement.outcome, judgement.notes);
    // A table has one form, which the last contract gave it.
    for earlier in under.iter().rev().skip(1).filter(|_| matches!(stored, Stored::Files(_))) {
        let old = earlier.open()?;
        if let Outcome::Refused(obstacles) = Move::new(&old, new)?.judge(stored, declared).outcome {
            let obstacles = obstacles
                .into_iter()
                .map(|o| Obstacle { cause: format!("{} (in files of {})", o.cause, earlier.contract), ..o });
            let mut all = match outcome {
                Outcome::Refused(all) => all,
                _ => Vec::new(),
            };
            for obstacle in obstacles {
                if !all.iter().any(|known: &Obstacle| known.field == obstacle.field) {
                    all.push(obstacle);
                }
            }
            outcome = Outcome::Refused(all);
        }
    }
    Ok((outcome, notes))
}

/// Lets a run begin, or says why not: `migrate` says whether targets may be altered.
///
/// # Errors
/// `ST0070` if a target must be altered first and nobody asked for that; `ST0071` if one cannot go along: each obstacle with its field and the way out.
pub fn allow(moves: &[TargetMove], migrate: bool, pipeline: &str) -> Result<()> {
    let mut errors = Vec::new();
    for found in moves {
        let (write, moved) = (&found.write, &found.moved);
        if let Outcome::Refused(obstacles) = &found.outcome {
            errors.extend(obstacles.iter().map(|obstacle| {
                let about = match obstacle.field.as_str() {
                    "" => String::new(),
                    field => format!("`{field}` "),
                };
                let message = format!("`{write}` cannot {}: {about}{}", words(moved), obstacle.cause);
                let error = Error::new(codes::IMMOVABLE, message)
                    .place(found.place.clone())
                    .stage(write)
                    .hint(&obstacle.way_out);
                if obstacle.field.is_empty() { error } else { error.field(&obstacle.field) }
            }));
        } else if found.pending() && !migrate {
            let message = format!(
                "`{write}` must be altered to {}:\n  {}",
                words(moved),
                found.statements.join("\n  ")
            );
            errors.push(Error::new(codes::UNMOVED, message).place(found.place.clone()).stage(write).hint(format!(
                "`staunch run {pipeline} --migrate` alters it, in the transaction of the first rows under {}; `staunch plan {pipeline}` shows what becomes of everything that is stored; `--full-refresh` writes everything anew",
                moved.to
            )));
        }
    }
    Error::many(errors).map_or(Ok(()), Err)
}

/// `move from click@1 to click@2`; a contract that a query implies has one version for ever.
fn words(moved: &Moved) -> String {
    match moved.from == moved.to {
        true => format!("take the columns that {} has now", moved.to),
        false => format!("move from {} to {}", moved.from, moved.to),
    }
}

/// What a run notes in its pins: every target that is under another version, or under another contract that differs in what counts.
///
/// # Errors
/// `Store.Corrupt` if a contract in the log is damaged.
pub(crate) fn to_pin(graph: &Graph, base: &Standing) -> Result<BTreeMap<String, Moved>> {
    let mut moves = BTreeMap::new();
    for node in &graph.writes {
        let now = Written::new(&node.contract, declared(graph, node));
        let under = base.contracts.get(&node.write.name).and_then(|under| under.last());
        let Some(last) = under.filter(|last| !last.same(&now)) else { continue };
        let (old, new) = (last.open()?, now.open()?);
        if last.contract != now.contract || Move::new(&old, &new)?.diff.counting().next().is_some() {
            let moved = Moved { from: last.contract.clone(), to: now.contract };
            moves.insert(node.write.name.clone(), moved);
        }
    }
    Ok(moves)
}

/// What a target is to be ready for in a run with these pins.
///
/// # Errors
/// `Store.Corrupt`.
pub(crate) fn ready(node: &WriteNode, mode: WriteMode, base: &Standing, moves: bool) -> Result<Ready> {
    let from = if moves { under(base, &node.write.name)? } else { None };
    Ok(Ready { mode, from })
}

/// The contract that a target was under when a run began.
///
/// # Errors
/// `Store.Corrupt`.
pub(crate) fn under(base: &Standing, write: &str) -> Result<Option<Arc<Contract>>> {
    base.contracts.get(write).and_then(|under| under.last()).map(Written::open).transpose()
}

/// Notes in what stands that a target took rows, or a form, of the contract of a run.
pub(crate) fn note(after: &mut Standing, write: &str, pins: &Pins, anew: bool) {
    let Some(now) = pins.contracts.get(write) else { return };
    let under = after.contracts.entry(write.to_owned()).or_default();
    if anew {
        under.clear();
    }
    // The last one at the end; one that comes back moves there.
    under.retain(|known| !known.same(now));
    under.push(now.clone());
}
