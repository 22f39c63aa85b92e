//! What a run fixes when it begins.

use super::decide::{self, Sameness};
use super::env::{Env, Request};
use super::graph::{Graph, Scope};
use super::moves;
use staunch_commit::manifest::FORMAT;
use staunch_commit::{Fingerprint, Pins, Standing};
use staunch_types::{Result, RunId, WriteMode, planted};
use std::collections::{BTreeMap, BTreeSet};

/// Pins, and what the user must be told.
pub(crate) struct Pinned {
    pub(crate) pins: Pins,
    /// Files that changed after they were read, and are not read again.
    pub(crate) changed: Vec<(String, String)>,
}

/// Lists every read's object once and pins what the run will read.
pub(crate) fn pin(
    graph: &Graph,
    env: &Env,
    request: &Request,
    base: &Standing,
    base_name: String,
    run: RunId,
    fingerprints: BTreeMap<String, Fingerprint>,
) -> Result<Pinned> {
    // An object's files are admitted once per run, however many reads it has.
    let mut listings: BTreeMap<&str, Vec<(staunch_commit::Listed, Sameness)>> = BTreeMap::new();
    let mut origins = BTreeMap::new();
    let mut changed = Vec::new();
    for node in &graph.reads {
        let name = &node.read.name;
        let object = node.source.object();
        let admitted = base.admitted.get(object);
        if !listings.contains_key(object) {
            let mut listing = Vec::new();
            for listed in node.source.list().map_err(|e| e.stage(name))? {
                let known = admitted.and_then(|a| a.get(&listed.path));
                let same = decide::sameness(&listed, known, |l| node.source.digest(l))?;
                listing.push((listed, same));
            }
            if planted::bug("forget_file") {
                listing.pop();
            }
            listings.insert(object, listing);
        }
        let listing = listings.get(object).map(Vec::as_slice).unwrap_or_default();
        let progress = base.progress.get(name);
        let admission = decide::admit(name, node.scope, listing, admitted, progress, request.full_refresh)?;
        changed.extend(admission.changed.into_iter().map(|path| (name.clone(), path)));
        origins.insert(name.clone(), admission.origins);
    }
    let whole: BTreeSet<String> = graph
        .reads
        .iter()
        .filter(|r| {
            r.scope == Scope::Whole || (r.scope == Scope::Reference && only_whole_below(graph, &r.read.name))
        })
        .map(|r| r.read.name.clone())
        .collect();
    let skip = !request.full_refresh
        && !whole.is_empty()
        && decide::nothing_changed(graph, &origins, &fingerprints, base);
    let mut modes = BTreeMap::new();
    for node in &graph.writes {
        if skip && !node.incremental {
            continue;
        }
        let mode = if request.full_refresh { WriteMode::Replace } else { node.write.mode };
        modes.insert(node.write.name.clone(), mode);
    }
    let pins = Pins {
        format: FORMAT,
        run,
        now: env.clock.now(),
        profile: request.profile.clone(),
        full_refresh: request.full_refresh,
        // Moving is going on, too.
        accept_change: request.accept_change || request.migrate,
        dead_letters_at_most: request.dead_letters_at_most,
        origins,
        unchanged: if skip { whole } else { BTreeSet::new() },
        fingerprints,
        lineage: lineage(graph),
        modes,
        base: base_name,
        actor: request.actor.clone(),
        settles: false,
        contracts: moves::contracts(graph),
        moves: moves::to_pin(graph, base)?,
    };
    Ok(Pinned { pins, changed })
}

/// Whether no incremental stream uses a reference read: then it is skipped with the whole reads.
fn only_whole_below(graph: &Graph, reference: &str) -> bool {
    graph.consumers(reference).all(|stage| {
        stage
            .read
            .as_deref()
            .and_then(|read| graph.read(read))
            .is_none_or(|read| read.scope != Scope::Incremental)
    })
}

/// The lineage of all process stages, as the manifest keeps it.
pub(crate) fn lineage(graph: &Graph) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let column = |column: &crate::sql::ColumnLineage| {
        (column.column.clone(), column.from.iter().map(ToString::to_string).collect())
    };
    graph
        .stages
        .iter()
        .map(|s| (s.process.name.clone(), s.plan.lineage.iter().map(column).collect()))
        .collect()
}

/// The fingerprints of all stages and writes: each covers everything above it.
pub(crate) fn fingerprints(graph: &Graph) -> BTreeMap<String, Fingerprint> {
    let mut found: BTreeMap<String, Fingerprint> = BTreeMap::new();
    for node in &graph.reads {
        let read = &node.read;
        let late = read.late_after.map_or(0, |d| d.as_micros());
        let mut definition = format!(
            "from: {}/{}\n{}\nlate_after: {late} µs, {:?}\nvalidate: {:?}\nreference: {}\ncontract: {}",
            read.from.connection,
            read.from.object,
            // What it has seen in files while reading is no part of its declaration.
            node.source.describe().split(", columns ignored").next().unwrap_or_default(),
            read.late,
            read.validate,
            read.reference,
            node.source.contract().id(),
        );
        for field in &node.source.contract().fields {
            let nullable = if field.nullable { "?" } else { "" };
            definition.push_str(&format!("\n{}: {}{nullable}", field.name, field.ty));
        }
        for option in node.source.options() {
            definition.push_str(&format!("\n{option}"));
        }
        let hash = digest(&format!(
            "{definition}\n{}\n{}",
            node.source.contract().fingerprint(),
            node.source.fingerprint()
        ));
        found.insert(read.name.clone(), Fingerprint { hash, definition });
    }
    for stage in &graph.stages {
        let mut text = format!("{}\n{}", stage.plan.fingerprint, stage.plan.contract.fingerprint());
        for input in &stage.plan.inputs {
            text.push_str(found.get(input).map_or("", |f| f.hash.as_str()));
        }
        let definition = format!("{}\ncontract: {}", stage.process.sql.text.trim(), stage.plan.contract.id());
        found.insert(stage.process.name.clone(), Fingerprint { hash: digest(&text), definition });
    }
    for node in &graph.writes {
        let write = &node.write;
        let above = found.get(&write.from.stage).map(|f| f.hash.clone()).unwrap_or_default();
        let definition = format!("from: {}\nto: {}\nmode: {}", write.from.stage, write.name, write.mode);
        let hash = digest(&format!("{definition}\n{above}"));
        found.insert(decide::write_key(&write.name), Fingerprint { hash, definition });
    }
    found
}

fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(text.as_bytes()))
}
