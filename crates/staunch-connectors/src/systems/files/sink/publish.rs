//! Publishing: sealed files get their names, obsolete ones lose theirs.
//!
//! Every step may be the last one before a crash, and the next apply goes on from whatever it finds: a name is given by a
//! hard link, which fails if the name is taken; the folder is made durable before the staged name goes; what was done already is
//! recognised and left alone.

use super::FilesSink;
use super::format::Kind;
use crate::formats::parquet_write;
use crate::systems::staged::inside;
use staunch_commit::{Applied, ApplyWork, Segment};
use staunch_types::{Access, Error, Place, Result, WriteMode, codes, failpoint};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// What publishing one segment has left to do. With a staged name left, the published file is known to be the staged one.
enum Left {
    Nothing,
    Unstage(PathBuf),
}

/// Shows an epoch (append) or a run (replace).
pub(super) fn apply(sink: &FilesSink, work: &ApplyWork) -> Result<Applied> {
    if work.mode == WriteMode::Upsert {
        return Err(Error::new(codes::WRITE_MODE, "a folder of files cannot be upserted")
            .place(Place::file(&sink.options.folder))
            .hint("use `mode: append` or `mode: replace`, or write to a table"));
    }
    let mut folders = BTreeSet::new();
    let mut staged = Vec::new();
    let mut published = Vec::new();
    for segment in &work.segments {
        let (target, left) = publish(sink, segment)?;
        folders.extend(target.parent().map(Path::to_path_buf));
        let fresh = matches!(left, Left::Unstage(_));
        staged.extend(match left {
            Left::Unstage(path) => Some(path),
            Left::Nothing => None,
        });
        published.push((target, segment, fresh));
    }
    sync_folders(sink, &folders)?;
    failpoint::pass("files.after_publish");
    // The new files are looked at before anything that could stand in for them goes.
    let rows = published
        .iter()
        .map(|(path, segment, fresh)| counted(sink, work, path, segment, *fresh))
        .sum::<Result<u64>>()?;
    for path in staged {
        remove(sink, &path)?;
    }
    failpoint::pass("files.after_unstage");
    if work.mode == WriteMode::Replace {
        retire(sink, work)?;
    }
    Ok(Applied { applied: rows, rows, ..Applied::default() })
}

/// Gives one sealed file its name, if it does not have it.
fn publish(sink: &FilesSink, segment: &Segment) -> Result<(PathBuf, Left)> {
    let folder = &sink.options.folder;
    let target = segment.target.as_deref().ok_or_else(|| {
        Error::new(codes::STORE_CORRUPT, "a segment of files has no target")
            .place(Place::file(folder))
            .hint("the manifest that names it is damaged: restore the state folder")
    })?;
    let (target, staged) = (inside(folder, target)?, inside(folder, &segment.staged)?);
    let len = |path: &Path| sink.fs.len(path).map_err(|e| sink.unavailable("look at a file", path, &e));
    match (len(&staged)?, len(&target)?) {
        (None, Some(bytes)) if bytes == segment.bytes => return Ok((target, Left::Nothing)),
        (None, found) => return Err(gone(&staged, &target, found, segment.bytes)),
        (Some(bytes), _) if bytes != segment.bytes => {
            let message = format!("a staged file has {bytes} bytes, not {}", segment.bytes);
            return Err(Error::new(codes::STORE_CORRUPT, message)
                .place(Place::file(staged))
                .hint("restore the file from a backup, or run again with --full-refresh"));
        }
        (Some(_), Some(_)) => return taken(sink, segment, staged, target),
        (Some(_), None) => {}
    }
    if let Some(parent) = target.parent() {
        sink.fs
            .create_dirs(parent, Access::Shared)
            .map_err(|e| sink.unavailable("create a folder", parent, &e))?;
    }
    failpoint::pass("files.before_link");
    match sink.fs.hard_link(&staged, &target) {
        Ok(()) => {
            failpoint::pass("files.after_link");
            Ok((target, Left::Unstage(staged)))
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => taken(sink, segment, staged, target),
        Err(e) => Err(sink.unavailable("publish a file", &target, &e)),
    }
}

/// Both names exist: either an earlier apply ended between its two steps, or the target's name is somebody else's file.
fn taken(sink: &FilesSink, segment: &Segment, staged: PathBuf, target: PathBuf) -> Result<(PathBuf, Left)> {
    let found =
        digest(sink, &target).map_err(|e| sink.unavailable("look at a published file", &target, &e))?;
    if found == segment.digest {
        return Ok((target, Left::Unstage(staged)));
    }
    Err(Error::new(
        codes::SINK_AHEAD,
        "another file has the name that this epoch needs; it is not overwritten",
    )
    .place(Place::file(target))
    .hint("find out who wrote it, move it away and run again"))
}

/// Removes what a replace has made obsolete; what is missing is fine.
fn retire(sink: &FilesSink, work: &ApplyWork) -> Result<()> {
    let live: BTreeSet<&str> = work.segments.iter().filter_map(|s| s.target.as_deref()).collect();
    let mut folders = BTreeSet::new();
    failpoint::pass("files.before_retire");
    for name in work.obsolete.iter().filter(|name| !live.contains(name.as_str())) {
        let path = inside(&sink.options.folder, name)?;
        remove(sink, &path)?;
        folders.extend(path.parent().map(Path::to_path_buf));
    }
    let mut present = BTreeSet::new();
    for folder in folders {
        // A user may have removed a partition as a whole.
        if sink.fs.len(&folder).map_err(|e| sink.unavailable("look at a folder", &folder, &e))?.is_some() {
            present.insert(folder);
        }
    }
    sync_folders(sink, &present)?;
    failpoint::pass("files.after_retire");
    Ok(())
}

/// The rows of a published file: what its own footer tells, or, where the format has none, what was counted when it was sealed, if it
/// is that file.
fn counted(sink: &FilesSink, work: &ApplyWork, path: &Path, segment: &Segment, fresh: bool) -> Result<u64> {
    let name = segment.target.as_deref().unwrap_or_default();
    if let Some((Kind::Json(_) | Kind::Avro, _)) = Kind::of(name) {
        // A file that was linked just now is the staged one. One that stood there before may be anybody's of the same length.
        let found = match fresh {
            true => segment.digest.clone(),
            false => {
                digest(sink, path).map_err(|e| sink.unavailable("look at a published file", path, &e))?
            }
        };
        return if found == segment.digest { Ok(segment.rows) } else { Err(other(path)) };
    }
    let footer = parquet_write::footer(&sink.fs, path)?;
    let region = footer.metadata.get("staunch.region").map(String::as_str);
    if footer.rows == segment.rows && region == Some(work.region.as_str()) {
        return Ok(footer.rows);
    }
    Err(other(path))
}

fn other(path: &Path) -> Error {
    Error::new(codes::STORE_CORRUPT, "a published file is not the one that was committed")
        .place(Place::file(path))
        .hint("restore the file from a backup, or run again with --full-refresh")
}

fn remove(sink: &FilesSink, path: &Path) -> Result<()> {
    match sink.fs.remove(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(sink.unavailable("remove a file", path, &e)),
    }
}

fn sync_folders(sink: &FilesSink, folders: &BTreeSet<PathBuf>) -> Result<()> {
    for folder in folders {
        sink.fs.sync_dir(folder).map_err(|e| sink.unavailable("make a folder durable", folder, &e))?;
    }
    Ok(())
}

fn digest(sink: &FilesSink, path: &Path) -> io::Result<String> {
    let mut file = sink.fs.open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:032x}", hash.digest128())),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn gone(staged: &Path, target: &Path, found: Option<u64>, wanted: u64) -> Error {
    let message = match found {
        None => "a committed file is gone: neither its staged nor its published name exists".to_owned(),
        Some(bytes) => format!("a published file has {bytes} bytes, not {wanted}"),
    };
    Error::new(codes::STORE_CORRUPT, message)
        .place(Place::file(target))
        .cause(format!("staged as {}", staged.display()))
        .hint("restore the file from a backup, or run again with --full-refresh")
}
