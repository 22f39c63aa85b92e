//! The edges of a pipeline: names resolved, cycles and loose ends found, the order of the processes.

use crate::mistakes::Mistakes;
use crate::model::{Pipeline, Process, Profile, Read, Treatment, Write};
use crate::names::is_stage;
use crate::pipeline::{Draft, DraftProcess, DraftRead, DraftWrite};
use crate::suggest::{hint, suggest};
use staunch_contract::Contract;
use staunch_types::{WriteMode, codes};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Checks the edges and makes the checked form of what is sound: a stage about which something was noted, here or before, is left
/// out, and so is what lies below it. `None` without a profile.
pub(crate) fn check(
    mut draft: Draft,
    profile: Option<&Profile>,
    untreated: &BTreeSet<String>,
    mistakes: &mut Mistakes,
) -> Option<Pipeline> {
    let stages = declared(&draft, mistakes);
    // What was meant by a wrong name is used, if not by that name.
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut all_known = true;
    for process in &draft.processes {
        let Some((_, inputs)) = &process.query else {
            all_known = false;
            continue;
        };
        for input in inputs {
            let what = format!("process `{}` reads", process.name);
            used.extend(resolve(&what, &input.stage, &input.place, &stages, mistakes));
        }
    }
    for write in &draft.writes {
        match &write.from {
            Some(input) => {
                used.extend(resolve("a write names", &input.stage, &input.place, &stages, mistakes))
            }
            None => all_known = false,
        }
    }
    let order = ordered(&draft, mistakes);
    if draft.reads.is_empty() && draft.clear {
        let message = format!("pipeline `{}` reads nothing", draft.name);
        let next = "add `read: {NAME: {from: connection/object, contract: name@1}}`";
        mistakes.add(codes::MISSING_KEY, draft.place.clone(), message, next);
    }
    if draft.writes.is_empty() && draft.clear {
        let message = format!("pipeline `{}` writes nothing", draft.name);
        let next = "add `write: [{from: STAGE, to: connection/object}]`";
        mistakes.add(codes::MISSING_KEY, draft.place.clone(), message, next);
    } else if all_known && draft.clear && order.len() == draft.processes.len() {
        // With a cycle a stage may be unused only because another was named by mistake.
        for (name, stage) in &stages {
            // A stage whose name is not allowed has been reported, and could not be used.
            if !used.contains(name) && is_stage(name) {
                let message = format!("nothing uses stage `{name}`");
                let next = "name it in a `FROM` or under `write:`, or remove it";
                mistakes.add(codes::UNUSED_STAGE, stage.place.clone(), message, next);
            }
        }
    }
    writes(&mut draft.writes, &stages, profile, mistakes);
    finished(draft, &order, profile, untreated)
}

/// A stage that was declared.
struct Stage {
    place: staunch_types::Place,
    reference: bool,
    contract: Option<Arc<Contract>>,
}

fn declared(draft: &Draft, mistakes: &mut Mistakes) -> BTreeMap<String, Stage> {
    let reads = draft.reads.iter().map(|r| (&r.name, &r.place, r.reference, &r.contract));
    let processes = draft.processes.iter().map(|p| (&p.name, &p.place, false, &p.contract));
    let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
    for (name, place, reference, contract) in reads.chain(processes) {
        if let Some(first) = stages.get(name) {
            let line = first.place.line.unwrap_or_default();
            let message = format!("stage `{name}` is declared twice");
            let next = format!("rename one of the two; the other stands on line {line}");
            mistakes.add(codes::DUPLICATE_NAME, place.clone(), message, next);
            continue;
        }
        stages.insert(name.clone(), Stage { place: place.clone(), reference, contract: contract.clone() });
    }
    stages
}

/// The stage that a name means; notes a name that none has. The result is what counts as used.
fn resolve(
    what: &str,
    name: &str,
    place: &staunch_types::Place,
    stages: &BTreeMap<String, Stage>,
    mistakes: &mut Mistakes,
) -> Option<String> {
    if stages.contains_key(name) {
        return Some(name.to_owned());
    }
    let known: Vec<&String> = stages.keys().collect();
    let message = format!("{what} `{}`, and no stage has that name", crate::names::shown(name));
    mistakes.add(codes::UNKNOWN_NAME, place.clone(), message, hint(name, &known, "stages"));
    suggest(name, &known)
}

/// The positions of the processes, so that each stands after its inputs; among those that could come next the first of
/// the file does. Cycles are noted.
fn ordered(draft: &Draft, mistakes: &mut Mistakes) -> Vec<usize> {
    let processes = &draft.processes;
    // Of two stages with one name the first counts, and reads come first.
    let mut by_name: BTreeMap<&str, usize> =
        processes.iter().enumerate().rev().map(|(i, p)| (p.name.as_str(), i)).collect();
    for read in &draft.reads {
        by_name.remove(read.name.as_str());
    }
    let inputs: Vec<Vec<usize>> = processes
        .iter()
        .map(|p| {
            let names = p.query.iter().flat_map(|(_, inputs)| inputs);
            names.filter_map(|i| by_name.get(i.stage.as_str()).copied()).collect()
        })
        .collect();
    let mut order = Vec::new();
    let mut done = vec![false; processes.len()];
    let ready = |done: &[bool], i: usize| !done[i] && inputs[i].iter().all(|j| done[*j]);
    while let Some(next) = (0..processes.len()).find(|i| ready(&done, *i)) {
        done[next] = true;
        order.push(next);
    }
    // What is left lies on a cycle or below one.
    let mut told = done.clone();
    for start in 0..processes.len() {
        if told[start] {
            continue;
        }
        let Some(path) = back_to(start, &inputs, &done) else { continue };
        path.iter().for_each(|i| told[*i] = true);
        let name = |i: usize| format!("`{}`", processes[i].name);
        let mut names: Vec<String> = path.iter().map(|i| name(*i)).collect();
        names.push(name(start));
        let next = path.get(1).copied().unwrap_or(start);
        let place = processes[start]
            .query
            .iter()
            .flat_map(|(_, inputs)| inputs)
            .find(|i| i.stage == processes[next].name)
            .map_or_else(|| processes[start].place.clone(), |i| i.place.clone());
        let message = format!("the stages form a cycle: {}", names.join(" reads "));
        mistakes.add(
            codes::CYCLE,
            place,
            message,
            "a stage cannot read what comes out of it: remove one of the names",
        );
    }
    order
}

/// The shortest way along inputs from a stage back to itself, through stages that are not done.
fn back_to(start: usize, inputs: &[Vec<usize>], done: &[bool]) -> Option<Vec<usize>> {
    let mut came: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in inputs[at].iter().copied().filter(|i| !done[*i]) {
            if next == start {
                let mut path = vec![at];
                while let Some(before) = path.last().and_then(|i| came.get(i)) {
                    path.push(*before);
                }
                path.reverse();
                return Some(path);
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = came.entry(next) {
                entry.insert(at);
                queue.push_back(next);
            }
        }
    }
    None
}

fn writes(
    drafts: &mut [DraftWrite],
    stages: &BTreeMap<String, Stage>,
    profile: Option<&Profile>,
    mistakes: &mut Mistakes,
) {
    let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
    for write in drafts {
        let before = mistakes.count();
        if let Some(to) = &write.to {
            // SQLite does not tell tables apart by case.
            let connection = profile.and_then(|p| p.connections.get(&to.connection));
            let fold = connection.is_some_and(|c| c.system == "sqlite");
            let object = if fold { to.object.to_ascii_lowercase() } else { to.object.clone() };
            let line = to.place.line.unwrap_or_default();
            match seen.get(&(to.connection.clone(), object.clone())) {
                Some(first) => {
                    let message = format!("two writes go to `{}/{}`", to.connection, to.object);
                    let next = format!(
                        "unite the two in one stage with `UNION ALL`; the other stands on line {first}"
                    );
                    mistakes.add(codes::ONE_TARGET, to.place.clone(), message, next);
                }
                None => {
                    seen.insert((to.connection.clone(), object), line);
                }
            }
        }
        if let Some(input) = &write.from
            && let Some(stage) = stages.get(&input.stage)
        {
            write_fits(write, &input.stage, &input.place, stage, mistakes);
        }
        write.sound &= mistakes.count() == before;
    }
}

fn write_fits(
    write: &DraftWrite,
    name: &str,
    place: &staunch_types::Place,
    stage: &Stage,
    mistakes: &mut Mistakes,
) {
    if stage.reference {
        let message = format!("`{name}` is reference data, which cannot be written directly");
        let next = format!("write a stage that reads it: `SELECT * FROM {name}`");
        mistakes.add(codes::BAD_VALUE, place.clone(), message, next);
    }
    if write.mode == WriteMode::Upsert
        && let Some(contract) = stage.contract.as_ref().filter(|c| c.key.is_empty())
    {
        let message = format!("`upsert` needs a key, and contract `{}` of `{name}` has none", contract.id());
        let next = "add `key: [FIELD]` to the contract, or write `mode: append` or `mode: replace`";
        mistakes.add(codes::WRITE_MODE, write.mode_place.clone(), message, next);
    }
}

/// The checked form of what is sound.
fn finished(
    draft: Draft,
    order: &[usize],
    profile: Option<&Profile>,
    untreated: &BTreeSet<String>,
) -> Option<Pipeline> {
    // Of two stages with one name nobody knows which one is meant.
    let names = draft.reads.iter().map(|r| &r.name).chain(draft.processes.iter().map(|p| &p.name));
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        if !once.insert(name.clone()) {
            twice.insert(name.clone());
        }
    }
    let reads: Vec<Read> =
        draft.reads.into_iter().filter(|r| r.sound && !twice.contains(&r.name)).filter_map(read).collect();
    let mut sound: BTreeSet<String> = reads.iter().map(|r| r.name.clone()).collect();
    let mut drafts: Vec<Option<DraftProcess>> = draft.processes.into_iter().map(Some).collect();
    let mut processes = Vec::new();
    for draft in order.iter().filter_map(|i| drafts.get_mut(*i)?.take()) {
        let Some(process) = process(draft).filter(|p| !twice.contains(&p.name)) else { continue };
        if process.inputs.iter().all(|input| sound.contains(&input.stage)) {
            sound.insert(process.name.clone());
            processes.push(process);
        }
    }
    let writes = draft
        .writes
        .into_iter()
        .filter_map(|d| write(d, profile, untreated))
        .filter(|w| sound.contains(&w.from.stage));
    Some(Pipeline {
        name: draft.name,
        file: draft.file,
        epoch_bytes: draft.epoch_bytes.or(profile.map(|p| p.epoch_bytes))?,
        keep_dead_letters: draft.keep_dead_letters.or(profile.map(|p| p.keep.dead_letters))?,
        budget: draft.budget,
        writes: writes.collect(),
        reads,
        processes,
    })
}

fn read(draft: DraftRead) -> Option<Read> {
    Some(Read {
        name: draft.name,
        place: draft.place,
        from: draft.from?,
        contract: draft.contract?,
        reference: draft.reference,
        late_after: draft.late_after,
        late: draft.late,
        validate: draft.validate,
        on_drift: draft.on_drift,
    })
}

fn process(draft: DraftProcess) -> Option<Process> {
    let (sql, inputs) = draft.query.filter(|_| draft.sound)?;
    Some(Process {
        name: draft.name,
        place: draft.place,
        sql,
        inputs,
        contract: draft.contract,
        nondeterministic: draft.nondeterministic,
        declassify: draft.declassify,
    })
}

fn write(draft: DraftWrite, profile: Option<&Profile>, untreated: &BTreeSet<String>) -> Option<Write> {
    let to = draft.to.filter(|_| draft.sound)?;
    let profile = profile?;
    let object = profile.connections.get(&to.connection).and_then(|c| c.objects.get(&to.object));
    let hidden = profile.pii.iter().filter(|(_, treatment)| **treatment != Treatment::Keep);
    // That a class has no treatment has been told.
    let hidden = hidden.map(|(class, _)| class).chain(untreated);
    Some(Write {
        clears: object.map(|o| o.clears.clone()).unwrap_or_default(),
        hidden: hidden.cloned().collect(),
        name: format!("{}/{}", to.connection, to.object),
        place: draft.place,
        from: draft.from?,
        to,
        mode: draft.mode,
        allow_empty: draft.allow_empty,
    })
}
