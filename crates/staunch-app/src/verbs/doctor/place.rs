//! The state folder, its disk, and the index of runs.

use super::{Doctor, Level, machine};
use crate::context::App;
use crate::open::Opened;
use staunch_control::{RunState, look};
use staunch_types::{Epoch, Error, Place, Result, codes};
use std::path::Path;

/// Below this nothing can be expected to be written.
const FULL: u64 = 16 << 20;

/// Looks at the state folder and its disk; whether there is one, or can be.
pub(super) fn state(app: &App, doctor: &mut Doctor, opened: &Opened) -> bool {
    let folder = &opened.project.profile.state;
    let there = machine::nearest(folder);
    disk(doctor, opened, &there);
    let mut notes = doctor.about("state", None);
    let is_there = there == *folder;
    if !there.is_dir() {
        let error = Error::new(codes::STORE, "a file stands where the state folder should be")
            .place(Place::file(&there))
            .hint("move it away, or name another folder in `state:` of the profile");
        notes.error(Level::Error, &error);
        return false;
    }
    match machine::writable(&there) {
        Some(false) => {
            let error = Error::new(codes::STORE, "the state folder cannot be written")
                .place(Place::file(&there))
                .hint("give this user the right to write there, mount the disk for writing, or name another folder in `state:`");
            notes.error(Level::Error, &error);
        }
        Some(true) | None if is_there && machine::open_to_others(folder) => notes.warn(
            format!("others may look into {}", folder.display()),
            format!("chmod 700 {}: names of files and fields are not sealed", folder.display()),
        ),
        Some(true) if !is_there => notes.ok(format!("{} is made by the first run", folder.display())),
        Some(true) => notes.ok(folder.display().to_string()),
        None => notes.warn(
            format!("whether {} can be written is not known", there.display()),
            "this machine has no `test`",
        ),
    }
    strangers(app, doctor, opened);
    true
}

fn disk(doctor: &mut Doctor, opened: &Opened, folder: &Path) {
    let mut notes = doctor.about("disk", None);
    let needed = opened.project.profile.epoch_bytes.saturating_mul(4);
    let Some(free) = machine::free(folder) else {
        return notes.warn(
            format!("how much is free below {} is not known", folder.display()),
            "this machine has no `df`",
        );
    };
    let has = format!("{} MiB are free below {}", free >> 20, folder.display());
    if free < FULL {
        let error = Error::new(codes::STORE, has)
            .place(Place::file(folder))
            .hint("free some space: `staunch gc --dry-run` says what could go");
        return notes.error(Level::Error, &error);
    }
    match free < needed {
        true => notes.warn(
            has,
            format!("an epoch takes up to {} MiB: free some space, or lower `epoch_bytes`", needed >> 22),
        ),
        false => notes.ok(has),
    }
}

/// Folders of pipelines that the project does not have.
fn strangers(app: &App, doctor: &mut Doctor, opened: &Opened) {
    let folder = &opened.project.profile.state;
    let names = match app.fs.list(folder) {
        Ok(names) => names,
        // That it cannot be looked into was told.
        Err(_) => return,
    };
    for name in names {
        let known =
            ["control", "key"].contains(&name.as_str()) || opened.project.pipelines.contains_key(&name);
        if !known && folder.join(&name).join("epochs").is_dir() {
            doctor.about("state", None).warn(
                format!(
                    "{} belongs to a pipeline that the project does not have, or that is wrong",
                    folder.join(&name).display()
                ),
                "keep it as long as its targets; remove both together",
            );
        }
    }
}

/// Compares the index of runs with the logs.
pub(super) fn index(app: &App, doctor: &mut Doctor, opened: &Opened) {
    let folder = opened.project.profile.state.join("control");
    let rows = match look::index(&folder) {
        Ok(Some(rows)) => rows,
        Ok(None) => return,
        // It holds nothing that is not in the logs.
        Err(error) => return doctor.about("index", None).error(Level::Warning, &error),
    };
    let mut behind = Vec::new();
    for name in opened.project.pipelines.keys() {
        let Ok(Some(ends)) = ends(app, opened, name) else { continue };
        let floor = ends.floor.0;
        let running = look::holder(&folder, name).is_ok_and(|holder| holder.is_some());
        let mut next = floor + 1;
        let mut own: Vec<_> = rows.iter().filter(|row| row.pipeline == *name && row.last_epoch > 0).collect();
        own.sort_by_key(|row| row.first_epoch);
        let mut whole = true;
        for row in own.iter().filter(|row| row.last_epoch > floor) {
            whole &= row.first_epoch == next;
            next = row.last_epoch + 1;
        }
        // A run that was killed had no time to be written down.
        whole &= next == ends.last.0 + 1 || ends.open.is_some_and(|first| next >= first.0);
        whole &= own.iter().all(|row| row.last_epoch > floor);
        whole &= own.iter().rev().skip(1).all(|row| row.state != RunState::RUNNING);
        if !whole && !running {
            behind.push(name.as_str());
        }
    }
    let mut notes = doctor.about("index", None);
    match behind.is_empty() {
        true => notes.ok(format!("{} runs", rows.len())),
        false => notes.warn(
            format!("the index of runs is not what the log says: {}", behind.join(", ")),
            "`staunch runs` brings it in step",
        ),
    }
}

/// Between what the index should reach.
struct Ends {
    floor: Epoch,
    last: Epoch,
    /// The first epoch of the newest run, if that has no end.
    open: Option<Epoch>,
}

fn ends(app: &App, opened: &Opened, pipeline: &str) -> Result<Option<Ends>> {
    let Some(log) = opened.log(app, pipeline)? else { return Ok(None) };
    futures::executor::block_on(async {
        let floor = log.floor().await?;
        let Some(last) = log.last_epoch().await? else { return Ok(None) };
        let newest = log.run_ending_at(last).await?;
        let going = newest.end.is_none() || !newest.fully_applied();
        Ok(Some(Ends { floor, last, open: going.then_some(newest.first) }))
    })
}
