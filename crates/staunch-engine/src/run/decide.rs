//! What a run reads, and whether it may: pure decisions over facts that others have gathered.

use super::graph::{Graph, Scope};
use super::moves;
use crate::sql::start;
use staunch_commit::{Admitted, Fingerprint, Listed, Origin, PinnedOrigin, Progress, SplitPoint, Standing};
use staunch_types::{Error, Place, Result, WriteMode, codes};
use std::collections::{BTreeMap, BTreeSet};

/// What a run may read of one read, decided from a listing and from what stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    /// The origins, in order.
    pub(crate) origins: Vec<PinnedOrigin>,
    /// Files that were read wholly, have changed since, and are not read again.
    pub(crate) changed: Vec<String>,
}

/// Whether a listed file is the content that was admitted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sameness {
    /// Never seen.
    New,
    /// Size and time are those that were admitted, or the digest proves it.
    Same,
    /// Another content.
    Changed,
}

/// Tells whether a file is known. `digest` computes the digest of the file as it is now; it is asked only where size is
/// equal and the time is not.
///
/// # Errors
/// What `digest` says.
pub(crate) fn sameness(
    listed: &Listed,
    admitted: Option<&Admitted>,
    digest: impl FnOnce(&Listed) -> Result<String>,
) -> Result<Sameness> {
    let Some(before) = admitted else { return Ok(Sameness::New) };
    if before.origin.listed.size != listed.size {
        return Ok(Sameness::Changed);
    }
    if before.origin.listed.modified == listed.modified {
        return Ok(Sameness::Same);
    }
    match &before.digest {
        Some(known) if *known == digest(listed)? => Ok(Sameness::Same),
        _ => Ok(Sameness::Changed),
    }
}

/// The version of a listed file: one more than that of the content that was admitted before, unless it is that content.
fn origin(listed: &Listed, admitted: Option<&Admitted>, same: Sameness) -> Origin {
    let before = admitted.map_or(0, |a| a.origin.version);
    let version = if same == Sameness::Same { before } else { before + 1 };
    Origin { listed: listed.clone(), version }
}

/// Admits files to a read.
///
/// # Errors
/// `Source.Changed` if a file of an incremental read was read half and has changed since.
pub(crate) fn admit(
    read: &str,
    scope: Scope,
    listing: &[(Listed, Sameness)],
    admitted: Option<&BTreeMap<String, Admitted>>,
    progress: Option<&Progress>,
    full_refresh: bool,
) -> Result<Admission> {
    let mut admission = Admission::default();
    let mut half_read = Vec::new();
    for (listed, same) in listing {
        let known = admitted.and_then(|a| a.get(&listed.path));
        let origin = origin(listed, known, *same);
        let so_far = progress.and_then(|p| p.paths.get(&listed.path));
        let from = match (scope, so_far) {
            (Scope::Incremental, Some(point)) if !full_refresh => match (same, point.finished) {
                (Sameness::Changed, true) => {
                    admission.changed.push(listed.path.clone());
                    continue;
                }
                (Sameness::Changed, false) => {
                    half_read.push(listed.path.clone());
                    continue;
                }
                (_, true) => continue,
                (_, false) => point.clone(),
            },
            _ => SplitPoint::default(),
        };
        admission.origins.push(PinnedOrigin { origin, from });
    }
    let gone = progress.filter(|_| scope == Scope::Incremental && !full_refresh).and_then(|p| {
        let listed = |path: &str| listing.iter().any(|(l, _)| l.path == path);
        p.paths.iter().find(|(path, point)| !point.finished && !listed(path)).map(|(path, _)| path)
    });
    if let Some(path) = gone {
        return Err(Error::new(
            codes::SOURCE_MISSING,
            format!("read `{read}` stopped inside a file that is gone: {path}"),
        )
        .place(Place::file(path))
        .hint("put the file back, or run with --full-refresh to read everything that is there again and replace every sink"));
    }
    if let Some(first) = half_read.first() {
        return Err(Error::new(
            codes::SOURCE_CHANGED,
            format!("read `{read}` stopped inside a file that has changed since: {}", half_read.join(", ")),
        )
        .place(Place::file(first))
        .hint("run with --full-refresh to read everything again and replace every sink"));
    }
    Ok(admission)
}

/// What happens about stages that were edited since the last run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edits {
    /// Nothing above an incremental write has changed.
    None,
    /// Something has, and a flag says how to go on.
    Accepted(Vec<String>),
}

/// Compares the stages above incremental writes with those of the last run.
///
/// # Errors
/// `Run.Edited` with the difference, if there is one and no flag allows it.
pub(crate) fn edits(
    graph: &Graph,
    now: &BTreeMap<String, Fingerprint>,
    before: &BTreeMap<String, Fingerprint>,
    allowed: bool,
) -> Result<Edits> {
    if before.is_empty() {
        return Ok(Edits::None);
    }
    let mut differences: Vec<(Place, String)> = Vec::new();
    for node in graph.writes.iter().filter(|w| w.incremental) {
        let key = write_key(&node.write.name);
        let (Some(old), Some(new)) = (before.get(&key), now.get(&key)) else {
            let place = node.write.place.clone();
            let text = format!("  the write to `{}` is new ({place})", node.write.name);
            differences.push((place, text));
            continue;
        };
        if old.hash == new.hash {
            continue;
        }
        if old.definition != new.definition {
            let what = format!("the write to `{}`", node.write.name);
            differences.push(difference(&what, &node.write.place, Some(old), Some(new)));
        }
        differences.extend(stages(graph, &node.write.from.stage, now, before));
    }
    let mut told = BTreeSet::new();
    differences.retain(|(_, text)| told.insert(text.clone()));
    let Some((place, _)) = differences.first() else { return Ok(Edits::None) };
    let place = place.clone();
    let differences: Vec<String> = differences.into_iter().map(|(_, text)| text).collect();
    if allowed {
        return Ok(Edits::Accepted(differences));
    }
    Err(Error::new(
        codes::EDITED,
        format!("the pipeline was edited since its last run:\n{}", differences.join("\n")),
    )
    .place(place)
    .hint("--full-refresh reads everything again and replaces every sink; --accept-change goes on from here and leaves what was written as it is"))
}

/// How a stage and those above it differ from those of the last run: by their definitions, and where all of these are the same, by what else
/// decides what they give.
fn stages(
    graph: &Graph,
    stage: &str,
    now: &BTreeMap<String, Fingerprint>,
    before: &BTreeMap<String, Fingerprint>,
) -> Vec<(Place, String)> {
    let above = graph.above(stage);
    let place = |name: &str| match (graph.stage(name), graph.read(name)) {
        (Some(node), _) => start(&node.process),
        (None, Some(node)) => node.read.place.clone(),
        (None, None) => Place::file(&graph.pipeline.file),
    };
    let what = |name: &str| format!("stage `{name}`");
    let found: Vec<_> = above
        .iter()
        .filter(|name| now.get(*name).map(|f| &f.definition) != before.get(*name).map(|f| &f.definition))
        .map(|name| difference(&what(name), &place(name), before.get(name), now.get(name)))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let changed = |name: &str| now.get(name).map(|f| &f.hash) != before.get(name).map(|f| &f.hash);
    let inputs = |name: &str| graph.stage(name).map(|node| node.plan.inputs.as_slice()).unwrap_or_default();
    above
        .iter()
        .filter(|name| changed(name) && !inputs(name).iter().any(|input| changed(input)))
        .map(|name| {
            let place = place(name);
            let text = format!(
                "  {} ({place}): an option of its object, its contract, or the way in which its SQL is understood",
                what(name)
            );
            (place, text)
        })
        .collect()
}

/// The name under which the fingerprint of a write is kept: apart from those of stages.
#[must_use]
pub(crate) fn write_key(write: &str) -> String {
    format!("write {write}")
}

fn difference(
    what: &str,
    place: &Place,
    old: Option<&Fingerprint>,
    new: Option<&Fingerprint>,
) -> (Place, String) {
    let lines = |f: Option<&Fingerprint>| -> Vec<String> {
        f.map(|f| f.definition.lines().map(str::to_owned).collect()).unwrap_or_default()
    };
    let (old, new) = (lines(old), lines(new));
    let mut text = format!("  {what} ({place}):");
    for line in old.iter().filter(|l| !new.contains(l)) {
        text.push_str(&format!("\n    - {line}"));
    }
    for line in new.iter().filter(|l| !old.contains(l)) {
        text.push_str(&format!("\n    + {line}"));
    }
    (place.clone(), text)
}

/// Whether the whole reads can be skipped: the same versions of all inputs, the same stages, nothing that asks for the time.
#[must_use]
pub(crate) fn nothing_changed(
    graph: &Graph,
    origins: &BTreeMap<String, Vec<PinnedOrigin>>,
    now: &BTreeMap<String, Fingerprint>,
    standing: &Standing,
) -> bool {
    let asks_time = graph.stages.iter().any(|s| s.plan.uses_now);
    let inputs_same = graph.reads.iter().filter(|r| r.scope != Scope::Incremental).all(|r| {
        let name = &r.read.name;
        let versions = origins.get(name).map(|o| versions(o));
        versions.is_some() && versions.as_ref() == standing.inputs.get(name)
    });
    let stages_same = graph.writes.iter().filter(|w| !w.incremental).all(|w| {
        let key = write_key(&w.write.name);
        now.get(&key).map(|f| &f.hash) == standing.succeeded.get(&key).map(|f| &f.hash)
    });
    !asks_time && inputs_same && stages_same
}

/// The paths and versions of pinned origins.
#[must_use]
pub(crate) fn versions(origins: &[PinnedOrigin]) -> Vec<(String, u32)> {
    origins.iter().map(|o| (o.origin.listed.path.clone(), o.origin.version)).collect()
}

/// What stands after a run: what it admitted, how far it read, which files are live.
#[must_use]
pub(crate) fn standing_after(
    graph: &Graph,
    run: &staunch_commit::RunState,
    base: &Standing,
    succeeded: bool,
    prefix_max: &BTreeMap<String, BTreeMap<String, i64>>,
) -> Standing {
    let pins = &run.pins;
    let mut after = base.clone();
    if !succeeded && pins.full_refresh {
        // All positions of a failed full refresh are void, and its segments, which were all to replace.
        return after;
    }
    for node in &graph.writes {
        let (write, key) = (&node.write.name, write_key(&node.write.name));
        // A log from before contracts were kept: what was not edited since is under the contract of today.
        let known = after.applied.contains_key(write) && !after.contracts.contains_key(write);
        if known
            && after.fingerprints.get(&key).map(|f| &f.hash) == pins.fingerprints.get(&key).map(|f| &f.hash)
        {
            moves::note(&mut after, write, pins, false);
        }
    }
    for node in &graph.reads {
        moves::note(&mut after, &node.read.name, pins, true);
    }
    after.fingerprints.clone_from(&pins.fingerprints);
    for node in &graph.reads {
        let name = &node.read.name;
        let Some(origins) = pins.origins.get(name) else { continue };
        let finished = run.finished.get(name);
        let admitted = after.admitted.entry(node.source.object().to_owned()).or_default();
        for (ordinal, pinned) in origins.iter().enumerate() {
            let end = finished.and_then(|f| f.get(&ordinal));
            let digest = end.map(|point| point.digest.clone());
            let entry = Admitted { origin: pinned.origin.clone(), digest };
            match admitted.get(&pinned.origin.listed.path) {
                Some(known) if known.origin == entry.origin && entry.digest.is_none() => {}
                _ => {
                    admitted.insert(pinned.origin.listed.path.clone(), entry);
                }
            }
        }
        if node.scope == Scope::Incremental {
            let progress = after.progress.entry(name.clone()).or_default();
            if pins.full_refresh {
                *progress = Progress::default();
            }
            for (ordinal, point) in finished.into_iter().flatten() {
                if let Some(pinned) = origins.get(*ordinal) {
                    progress.paths.insert(pinned.origin.listed.path.clone(), point.clone());
                }
            }
            if let Some((ordinal, point)) = run.positions.get(name).and_then(super::position::half_read)
                && let Some(pinned) = origins.get(ordinal)
            {
                progress.paths.insert(pinned.origin.listed.path.clone(), point);
            }
            if let Some(found) = prefix_max.get(name) {
                progress.prefix_max.extend(found.clone());
            }
        } else if succeeded {
            after.inputs.insert(name.clone(), versions(origins));
        }
    }
    after = after_writes(run, after);
    if succeeded {
        after.succeeded.clone_from(&pins.fingerprints);
    }
    after
}

/// What stands after the writes of a run: the last epoch that each target was to apply, and the files that are live.
#[must_use]
pub(crate) fn after_writes(run: &staunch_commit::RunState, mut after: Standing) -> Standing {
    let (mut added, mut replaced) = (Vec::new(), Vec::new());
    for (write, epochs) in &run.sinks {
        for (epoch, sink) in epochs {
            let live = after.live.entry(write.clone()).or_default();
            match sink.mode {
                WriteMode::Replace if sink.apply => {
                    after.applied.insert(write.clone(), *epoch);
                    replaced.push(write.clone());
                    *live = run.segments_to_apply(write, *epoch);
                }
                // Replace segments of a run that failed are void.
                WriteMode::Replace => {}
                _ => {
                    if sink.apply {
                        after.applied.insert(write.clone(), *epoch);
                        added.push(write.clone());
                    }
                    live.extend(sink.segments.iter().cloned());
                }
            }
        }
    }
    for write in added {
        moves::note(&mut after, &write, &run.pins, false);
    }
    for write in replaced {
        moves::note(&mut after, &write, &run.pins, true);
    }
    for segments in after.live.values_mut() {
        segments.retain(|s| s.target.is_some());
    }
    after
}

#[cfg(test)]
mod tests;
