//! What the next run would find at its sources, without running.

use super::decide::{self, Sameness};
use super::graph::{Graph, ReadNode};
use super::position::Position;
use staunch_commit::{Listed, RunState, Standing};
use staunch_types::{Error, Place, Result, codes};

/// What lies at one read.
#[derive(Debug)]
pub struct SourceLook {
    /// The read.
    pub read: String,
    /// Files that are there.
    pub files: usize,
    /// Files that have changed since they were read wholly: they are not read again.
    pub changed: Vec<String>,
    /// Why the next run would not get past this read.
    pub error: Option<Error>,
}

/// Looks at every source of a pipeline. `base` is what stands; `open` the run that the next start would continue.
#[must_use]
pub fn look_at_sources(graph: &Graph, base: &Standing, open: Option<&RunState>) -> Vec<SourceLook> {
    let look = |node: &ReadNode| {
        let mut look =
            SourceLook { read: node.read.name.clone(), files: 0, changed: Vec::new(), error: None };
        look.error = at(node, base, open, &mut look).err().map(|e| e.stage(&node.read.name));
        look
    };
    graph.reads.iter().map(look).collect()
}

fn at(node: &ReadNode, base: &Standing, open: Option<&RunState>, look: &mut SourceLook) -> Result<()> {
    let name = &node.read.name;
    let listing = node.source.list()?;
    look.files = listing.len();
    if let Some(run) = open {
        return pinned(name, &listing, run);
    }
    let admitted = base.admitted.get(node.source.object());
    let mut same: Vec<(Listed, Sameness)> = Vec::new();
    for listed in listing {
        let known = admitted.and_then(|a| a.get(&listed.path));
        let sameness = decide::sameness(&listed, known, |l| node.source.digest(l))?;
        same.push((listed, sameness));
    }
    let admission = decide::admit(name, node.scope, &same, admitted, base.progress.get(name), false)?;
    look.changed = admission.changed;
    Ok(())
}

/// What an unfinished run has still to read must be what it began with.
fn pinned(read: &str, listing: &[Listed], run: &RunState) -> Result<()> {
    let from = run.positions.get(read).map(Position::parse).transpose()?.map_or(0, |p| p.origin);
    for pinned in run.pins.origins.get(read).into_iter().flatten().skip(from) {
        let wanted = &pinned.origin.listed;
        let (code, what) = match listing.iter().find(|listed| listed.path == wanted.path) {
            Some(found) if found == wanted => continue,
            Some(_) => (codes::SOURCE_CHANGED, "has changed since the unfinished run began"),
            None => (codes::SOURCE_MISSING, "is gone since the unfinished run began"),
        };
        return Err(Error::new(code, format!("a file that is still to be read {what}: {}", wanted.path))
            .place(Place::file(&wanted.path))
            .hint("put it back as it was; otherwise the run ends as failed when it comes there, and `--full-refresh` reads everything again"));
    }
    Ok(())
}
