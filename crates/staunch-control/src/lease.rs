//! The right to run a pipeline: a lock of the operating system on a file.
//!
//! The system frees the lock when its holder ends, even by `kill -9` or a power cut, so there is nothing to expire and
//! nothing to clean up. The file itself stays: to remove it would let two processes lock two files of one name.

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

/// Takes the lease in `leases/<pipeline>.lock` below `dir`.
pub(crate) fn take(dir: &Path, pipeline: &str, pid: u32, started: Micros) -> Result<Lease> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if pipeline.is_empty() || pipeline.len() > 200 || !pipeline.bytes().all(plain) {
        let message = format!("`{}` is not a pipeline's name", pipeline.escape_debug());
        return Err(Error::new(codes::BAD_NAME, message).hint("use letters, digits, `_` and `-`"));
    }
    let leases = dir.join("leases");
    LocalFs
        .create_dirs(&leases, Access::Private)
        .map_err(|e| unavailable("create the folder of leases", &leases, &e))?;
    let path = leases.join(format!("{pipeline}.lock"));
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(|e| unavailable("open a lock file", &path, &e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy(pipeline, &mut file, path)),
        Err(TryLockError::Error(e)) => return Err(unavailable("lock a file", &path, &e)),
    }
    let mut lock = LockFile(file);
    let holder = serde_json::to_vec(&Holder { pid, started }).unwrap_or_default();
    let written = lock.0.set_len(0).and_then(|()| lock.0.write_all(&holder));
    written.map_err(|e| unavailable("write a lock file", &path, &e))?;
    Ok(Lease { pipeline: pipeline.to_owned(), _guard: Box::new(lock) })
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

fn busy(pipeline: &str, file: &mut File, path: PathBuf) -> Error {
    let mut text = String::new();
    // The holder may be just about to write its name.
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(1024).read_to_string(&mut text));
    let holder = read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let (message, hint) = match holder {
        Some(Holder { pid, .. }) => (
            format!("the pipeline `{pipeline}` is being run by process {pid}"),
            format!("wait until it has ended, or stop it: kill {pid}"),
        ),
        None => (
            format!("the pipeline `{pipeline}` is being run by another process"),
            "wait until it has ended, or stop that process".to_owned(),
        ),
    };
    Error::new(codes::BUSY, message).place(Place::file(path)).hint(hint)
}

fn unavailable(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::io(codes::STORE, doing, path, error).hint("make the state folder writable on a local disk")
}

#[cfg(test)]
mod tests;
