//! The deed: floors first, then deletions.

use super::look::Collection;
use crate::commit::{Committer, json};
use crate::floor::{DEAD, EPOCHS, LATE};
use crate::log::Log;
use crate::manifest::{CollectedRun, FORMAT, FloorRecord};
use staunch_types::{Epoch, Micros, Result, failpoint, planted};

/// Does what was looked at, as the generation of `committer`.
///
/// # Errors
/// `Store.*`, after which the next collection goes on; `Run.Fenced` if a newer start has taken over.
pub async fn collect(committer: &Committer, collection: &Collection, now: Micros) -> Result<()> {
    let log = committer.log();
    let (before, after) = (&collection.floors, &collection.decision);
    if planted::bug("delete_before_floor") {
        delete(log, collection).await?;
    }
    let known: Vec<CollectedRun> = collection.known.iter().chain(&collection.runs).cloned().collect();
    // Each is no lower than the floor of everything, whatever its own records say.
    raise(log, DEAD, before.dead.max(after.epochs), after.dead, now, Vec::new()).await?;
    raise(log, LATE, before.late.max(after.epochs), after.late, now, Vec::new()).await?;
    raise(log, EPOCHS, before.epochs, after.epochs, now, known).await?;
    committer.still_newest().await?;
    delete(log, collection).await?;
    forget_folders(log, after.epochs).await
}

async fn delete(log: &Log, collection: &Collection) -> Result<()> {
    for doomed in &collection.doomed {
        failpoint::pass("gc.before_delete");
        log.store().delete(&doomed.name).await?;
        failpoint::pass("gc.after_delete");
    }
    Ok(())
}

async fn raise(
    log: &Log,
    folder: &str,
    before: Epoch,
    floor: Epoch,
    now: Micros,
    collected: Vec<CollectedRun>,
) -> Result<()> {
    if floor <= before {
        return Ok(());
    }
    let record = FloorRecord { format: FORMAT, floor, written: now, collected };
    failpoint::pass("gc.before_floor");
    // If it is there already, somebody else has decided the same.
    log.store().put_if_absent(&format!("{folder}/{}", floor.padded()), json(&record)?).await?;
    failpoint::pass("gc.after_floor");
    Ok(())
}

/// Empty folders of what is gone.
async fn forget_folders(log: &Log, floor: Epoch) -> Result<()> {
    let store = log.store();
    for epoch in log.numbers("applied").await? {
        if Epoch(epoch) <= floor {
            store.forget_folder(&format!("applied/{}", Epoch(epoch).padded())).await;
        }
    }
    for run in store.list("spools").await? {
        store.forget_folder(&format!("spools/{run}")).await;
    }
    Ok(())
}
