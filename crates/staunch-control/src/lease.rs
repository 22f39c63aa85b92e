//! The right to run a pipeline: a lock of the operating system on a file.
//!
//! The system frees the lock when its holder ends, even by `kill -9` or a power cut, so there is nothing to expire and
//! nothing to clean up. The file itself stays: to remove it would let two processes lock two files of one name. That is what a
//! take-over does, on purpose: the lease only keeps starts from meeting by accident; what keeps them apart is the generation.

use serde::{Deserialize, Serialize};
use staunch_types::{Access, Error, Fs, LocalFs, Micros, Place, Result, codes};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The right to run a pipeline; dropped, it is given back.
pub struct Lease {
    pipeline: String,
    _guard: Box<dyn Send + Sync>,
}

impl Lease {
    /// The pipeline.
    #[must_use]
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

/// Who holds a lease, as the lock file says it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    started: Micros,
}

/// A locked file.
struct LockFile(File);

impl Drop for LockFile {
    fn drop(&mut self) {
        // The name of a holder that has gone would only mislead. A failure changes nothing: the lock goes with the file.
        let _ = self.0.set_len(0);
        let _ = self.0.unlock();
    }
}

/// Where the lease of a pipeline lies.
fn place(dir: &Path, pipeline: &str) -> Result<PathBuf> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if pipeline.is_empty() || pipeline.len() > 200 || !pipeline.bytes().all(plain) {
        let message = format!("`{}` is not a pipeline's name", pipeline.escape_debug());
        return Err(Error::new(codes::BAD_NAME, message).hint("use letters, digits, `_` and `-`"));
    }
    Ok(dir.join("leases").join(format!("{pipeline}.lock")))
}

fn open(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|e| unavailable("open a lock file", path, &e))
}

/// Writes the holder's name into a file that is locked.
fn hold(pipeline: &str, path: &Path, file: File, pid: u32, started: Micros) -> Result<Lease> {
    let mut lock = LockFile(file);
    let holder = serde_json::to_vec(&Holder { pid, started }).unwrap_or_default();
    let written = lock.0.set_len(0).and_then(|()| lock.0.write_all(&holder));
    written.map_err(|e| unavailable("write a lock file", path, &e))?;
    Ok(Lease { pipeline: pipeline.to_owned(), _guard: Box::new(lock) })
}

/// Takes the lease in `leases/<pipeline>.lock` below `dir`.
pub(crate) fn take(dir: &Path, pipeline: &str, pid: u32, started: Micros) -> Result<Lease> {
    let path = place(dir, pipeline)?;
    let leases = dir.join("leases");
    LocalFs
        .create_dirs(&leases, Access::Private)
        .map_err(|e| unavailable("create the folder of leases", &leases, &e))?;
    loop {
        let mut file = open(&path)?;
        match file.try_lock() {
            // Whoever was taken over has a file without a name: to lock that would lock nothing.
            Ok(()) if !is_named(&file, &path)? => continue,
            Ok(()) => return hold(pipeline, &path, file, pid, started),
            Err(TryLockError::WouldBlock) => return Err(busy(pipeline, &mut file, path)),
            Err(TryLockError::Error(e)) => return Err(unavailable("lock a file", &path, &e)),
        }
    }
}

/// Takes the lease, also from a process that holds it: another file gets the name of the one that is locked. It says from whom.
/// Whoever lost it is not told: it is fenced by the higher generation that follows.
pub(crate) fn take_over(
    dir: &Path,
    pipeline: &str,
    pid: u32,
    started: Micros,
) -> Result<(Lease, Option<String>)> {
    let (path, next) = (place(dir, pipeline)?, dir.join("leases").join(format!("{pipeline}.next")));
    loop {
        let held = match take(dir, pipeline, pid, started) {
            Err(error) if error.code() == codes::BUSY => holder(&mut open(&path)?),
            taken => return taken.map(|lease| (lease, None)),
        };
        let file = open(&next)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("the pipeline `{pipeline}` is being taken over by another process");
                return Err(Error::new(codes::BUSY, message)
                    .place(Place::file(next))
                    .hint("look at `staunch runs`"));
            }
            Err(TryLockError::Error(e)) => return Err(unavailable("lock a file", &next, &e)),
        }
        // Somebody else may have just given it its lasting name.
        if !is_named(&file, &next)? {
            continue;
        }
        let lease = hold(pipeline, &next, file, pid, started)?;
        LocalFs.rename(&next, &path).map_err(|e| unavailable("take a lock file over", &path, &e))?;
        return Ok((lease, Some(held)));
    }
}

/// Whether an open file is the one that has this name.
#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let failed = |e: std::io::Error| unavailable("look at a lock file", path, &e);
    let open = file.metadata().map_err(failed)?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(failed(e)),
    }
}

/// Where files are not told apart, nobody can be taken over while its file is open.
#[cfg(not(unix))]
fn is_named(_: &File, _: &Path) -> Result<bool> {
    Ok(true)
}

/// Whether a live process holds the lease. Nobody is in the way of a process that wants it: only where a name was left behind by a
/// process that was killed is the lock taken, for the moment in which that name is removed.
pub(crate) fn held(dir: &Path, pipeline: &str) -> Result<bool> {
    let path = dir.join("leases").join(format!("{pipeline}.lock"));
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(unavailable("open a lock file", &path, &e)),
    };
    let named = file.metadata().map_err(|e| unavailable("look at a lock file", &path, &e))?.len() > 0;
    match named.then(|| file.try_lock()) {
        None => Ok(false),
        Some(Ok(())) => {
            drop(LockFile(file));
            Ok(false)
        }
        Some(Err(TryLockError::WouldBlock)) => Ok(true),
        Some(Err(TryLockError::Error(e))) => Err(unavailable("lock a file", &path, &e)),
    }
}

/// Who holds the lease of a pipeline, in words; `None` where nobody does. Nothing is changed. Only where a name was left behind by a
/// process that was killed is there a lock, shared and for a moment.
pub(crate) fn look(dir: &Path, pipeline: &str) -> Result<Option<String>> {
    let path = place(dir, pipeline)?;
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unavailable("open a lock file", &path, &e)),
    };
    if file.metadata().map_err(|e| unavailable("look at a lock file", &path, &e))?.len() == 0 {
        return Ok(None);
    }
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&mut file))),
        Err(TryLockError::Error(e)) => Err(unavailable("lock a file", &path, &e)),
    }
}

/// Who holds a lease, in words.
fn holder(file: &mut File) -> String {
    match named(file) {
        Some(Holder { pid, .. }) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

fn named(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    // The holder may be just about to write its name.
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn busy(pipeline: &str, file: &mut File, path: PathBuf) -> Error {
    let stop = match named(file) {
        Some(Holder { pid, .. }) => format!("stop it: kill {pid}"),
        None => "stop that process".to_owned(),
    };
    let message = format!("the pipeline `{pipeline}` is being run by {}", holder(file));
    Error::new(codes::BUSY, message).place(Place::file(path)).hint(format!(
        "wait until it has ended, or {stop}; or `staunch run --take-over`, which goes on in its place"
    ))
}

fn unavailable(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::io(codes::STORE, doing, path, error).hint("make the state folder writable on a local disk")
}

#[cfg(test)]
mod tests;
