//! The local form: temporary file, sync, hard link to the name, sync of the folder.
//!
//! A rename would overwrite and `object_store`'s local file system does not sync, so neither will do.

use super::{ArtefactWriter, Put, ReadSeek, Store, missing};
use async_trait::async_trait;
use staunch_types::{Access, Error, Fs, FsFile, Place, Result, Rng, codes, failpoint, planted};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store in a folder.
#[derive(Clone)]
pub struct LocalStore {
    root: PathBuf,
    fs: Arc<dyn Fs>,
    rng: Arc<dyn Rng>,
}

impl std::fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalStore({})", self.root.display())
    }
}

impl LocalStore {
    /// A store in `root`, which is created if it is missing.
    ///
    /// # Errors
    /// `Store.Unavailable` if the folder cannot be made or written.
    pub fn open(root: &Path, fs: Arc<dyn Fs>, rng: Arc<dyn Rng>) -> Result<Self> {
        let store = Self { root: root.to_path_buf(), fs, rng };
        let temporary = store.root.join("tmp");
        store
            .fs
            .create_dirs(&temporary, Access::Private)
            .map_err(|e| unavailable("create the folder", &temporary, &e))?;
        Ok(store)
    }

    /// A store in `root` for looking: nothing is made, and what is asked for may not be there.
    #[must_use]
    pub fn look(root: &Path, fs: Arc<dyn Fs>, rng: Arc<dyn Rng>) -> Self {
        Self { root: root.to_path_buf(), fs, rng }
    }

    /// The path of an artefact.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn temporary(&self) -> Result<(Temporary, Box<dyn FsFile>)> {
        let path = self.root.join("tmp").join(self.rng.token());
        let file =
            self.fs.create_new(&path, Access::Private).map_err(|e| unavailable("create", &path, &e))?;
        Ok((Temporary { path, fs: Arc::clone(&self.fs) }, file))
    }

    /// Gives a synced temporary file its name, durably.
    fn publish(&self, temporary: Temporary, name: &str) -> Result<Put> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        self.fs
            .create_dirs(folder, Access::Private)
            .map_err(|e| unavailable("create the folder", folder, &e))?;
        failpoint::pass("store.before_link");
        let put = match self.fs.hard_link(&temporary.path, &path) {
            Ok(()) => Put::Created,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Put::Exists,
            Err(e) => return Err(unavailable("link", &path, &e)),
        };
        failpoint::pass("store.after_link");
        // Even for `Exists`: the other's create may not be durable yet, and we act on it.
        self.fs.sync_dir(folder).map_err(|e| unavailable("sync the folder", folder, &e))?;
        drop(temporary);
        failpoint::pass("store.after_put");
        Ok(put)
    }
}

/// The name of a file on its way. With or without its lasting name the file goes when this does, so that what was given up
/// leaves nothing behind; what a killed process left is swept by the next start.
struct Temporary {
    path: PathBuf,
    fs: Arc<dyn Fs>,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A name that stays is swept later.
        let _ = self.fs.remove(&self.path);
    }
}

fn unavailable(doing: &str, path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull => "free some space, then start again: the run continues where it stopped",
        io::ErrorKind::PermissionDenied => "give this user the right to write there, then start again",
        _ => "mend the disk or the folder, then start again: the run continues where it stopped",
    };
    Error::io(codes::STORE, doing, path, error).hint(hint)
}

#[async_trait]
impl Store for LocalStore {
    async fn put_if_absent(&self, name: &str, bytes: Vec<u8>) -> Result<Put> {
        let (temporary, mut file) = self.temporary()?;
        if planted::bug("publish_before_data") {
            let put = self.publish(temporary, name)?;
            return file
                .write_all(&bytes)
                .map(|()| put)
                .map_err(|e| unavailable("write", &self.path(name), &e));
        }
        file.write_all(&bytes).map_err(|e| unavailable("write", &temporary.path, &e))?;
        file.sync().map_err(|e| unavailable("sync", &temporary.path, &e))?;
        drop(file);
        self.publish(temporary, name)
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        match self.fs.read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unavailable("read", &path, &e)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path(folder);
        self.fs.list(&path).map_err(|e| unavailable("list", &path, &e))
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match self.fs.remove(&path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(unavailable("remove", &path, &e)),
        }
    }

    async fn len(&self, name: &str) -> Result<Option<u64>> {
        let path = self.path(name);
        self.fs.len(&path).map_err(|e| unavailable("look at", &path, &e))
    }

    async fn forget_folder(&self, folder: &str) {
        // It is not empty, or somebody else was faster: either way there is nothing to be done.
        let _ = self.fs.remove_dir(&self.path(folder));
    }

    async fn half_written(&self) -> Result<Vec<u64>> {
        let temporary = self.root.join("tmp");
        let mut sizes = Vec::new();
        for name in self.fs.list(&temporary).map_err(|e| unavailable("list", &temporary, &e))? {
            let path = temporary.join(name);
            sizes.extend(self.fs.len(&path).map_err(|e| unavailable("look at", &path, &e))?);
        }
        Ok(sizes)
    }

    async fn sweep(&self) -> Result<()> {
        let temporary = self.root.join("tmp");
        for name in self.fs.list(&temporary).map_err(|e| unavailable("list", &temporary, &e))? {
            let path = temporary.join(name);
            match self.fs.remove(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(unavailable("remove", &path, &e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn create(&self, name: &str) -> Result<Box<dyn ArtefactWriter>> {
        let (temporary, file) = self.temporary()?;
        let file = io::BufWriter::with_capacity(1 << 18, file);
        Ok(Box::new(LocalWriter { store: self.clone(), name: name.to_owned(), temporary, file }))
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadSeek>> {
        let path = self.path(name);
        match self.fs.open(&path) {
            Ok(file) => Ok(Box::new(io::BufReader::with_capacity(1 << 18, file))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(missing(name).place(Place::file(path))),
            Err(e) => Err(unavailable("open", &path, &e)),
        }
    }
}

struct LocalWriter {
    store: LocalStore,
    name: String,
    temporary: Temporary,
    file: io::BufWriter<Box<dyn FsFile>>,
}

impl Write for LocalWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ArtefactWriter for LocalWriter {
    fn finish(self: Box<Self>) -> Result<()> {
        let Self { store, name, temporary, file } = *self;
        let mut file =
            file.into_inner().map_err(|e| unavailable("write", &temporary.path, &e.into_error()))?;
        failpoint::pass("store.before_sync");
        file.sync().map_err(|e| unavailable("sync", &temporary.path, &e))?;
        drop(file);
        match store.publish(temporary, &name)? {
            Put::Created => Ok(()),
            Put::Exists => Err(taken(&name)),
        }
    }
}

/// The error for a name that was to be used once and is taken.
pub(super) fn taken(name: &str) -> Error {
    Error::new(codes::STORE_CORRUPT, format!("the artefact `{name}` exists already"))
        .hint("another process may be using this state folder; stop it and start again")
}
