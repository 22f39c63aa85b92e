//! The file system as an argument: every durable byte that Staunch writes locally goes through here, so that
//! a simulated disk can lose what was not synced.

use crate::{bare, planted};
use std::fmt::{self, Debug};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// An open file that can be made durable.
pub trait FsFile: Read + Write + Seek + Send + Debug {
    /// Makes everything written so far durable. A failed sync is never repeated: the kernel may have dropped
    /// the pages, and a second call would lie (the caller stops and recovers).
    ///
    /// # Errors
    /// What the operating system says, marked by [`unsynced`].
    fn sync(&mut self) -> io::Result<()>;
}

/// Who may look at what is created, on systems that know modes. Nobody but the owner ever gets more than the umask allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner alone (0700, 0600): state, keys, rows that are not published yet.
    Private,
    /// Whoever the umask lets in: what is published, and the folders it lies in.
    Shared,
}

/// The operations that durable artefacts need, and no others.
pub trait Fs: Send + Sync + Debug {
    /// Creates a file for writing; an existing one is an error.
    ///
    /// # Errors
    /// What the operating system says; `AlreadyExists` where the name is taken.
    fn create_new(&self, path: &Path, access: Access) -> io::Result<Box<dyn FsFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn FsFile>>;

    /// Gives an existing file a second name; fails with `AlreadyExists` if the name is taken.
    ///
    /// # Errors
    /// What the operating system says.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames within one file system.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says; `NotFound` where there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder that is empty.
    ///
    /// # Errors
    /// What the operating system says: it is not empty, or there is none; `Unsupported` where there is no such thing.
    fn remove_dir(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Creates one folder, whose parent is there. Its name is not durable before the parent is synced.
    ///
    /// # Errors
    /// What the operating system says; `AlreadyExists` where the name is taken.
    fn create_dir(&self, path: &Path, access: Access) -> io::Result<()>;

    /// Whether a folder has no entries; `None` where there is no such folder. One that may not be looked into counts as not empty.
    ///
    /// # Errors
    /// What the operating system says; `NotADirectory` for anything but a folder.
    fn is_empty(&self, path: &Path) -> io::Result<Option<bool>>;

    /// Makes creations, renames and removals inside a folder durable.
    ///
    /// # Errors
    /// What the operating system says; marked by [`unsynced`] if the sync failed.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// The size in bytes, or `None` if there is no such file.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self, path: &Path) -> io::Result<Option<u64>>;

    /// The names of the entries of a folder, sorted; none if the folder does not exist.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Creates a folder and those of its parents that are missing, durably. A folder that is there keeps its mode.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dirs(&self, path: &Path, access: Access) -> io::Result<()> {
        let mut missing = Vec::new();
        let mut at = path;
        while !at.as_os_str().is_empty() {
            match self.is_empty(at)? {
                None => missing.push(at),
                // It may have been made a moment before a crash, and its name is not durable then. Nobody puts anything into a
                // folder before its name is: one that holds something needs no look.
                Some(true) => {
                    match sync_parent(self, at) {
                        // Whoever may not look at the parent has not made the folder.
                        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
                        other => other?,
                    }
                    break;
                }
                Some(false) => break,
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        for folder in missing.into_iter().rev() {
            match self.create_dir(folder, access) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => sync_parent(self, folder)?,
            }
        }
        // What stands there now may be something else.
        self.is_empty(path)?.map(|_| ()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// The whole content of a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A sync that failed. It is told apart from every other error, wherever it comes to light: after it nobody knows what the disk holds.
#[derive(Debug)]
struct Unsynced(io::Error);

impl fmt::Display for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sync failed: {}", self.0)
    }
}

impl std::error::Error for Unsynced {}

/// Marks the error of a sync. Every [`Fs`] does so.
#[must_use]
pub fn unsynced(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unsynced(error))
}

/// Whether an error is that of a sync.
pub(crate) fn is_unsynced(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Unsynced>())
}

/// Makes the name of a folder durable.
fn sync_parent(fs: &(impl Fs + ?Sized), folder: &Path) -> io::Result<()> {
    match folder.parent() {
        None => Ok(()),
        Some(parent) if parent.as_os_str().is_empty() => fs.sync_dir(Path::new(".")),
        Some(parent) => fs.sync_dir(parent),
    }
}

/// The machine's own file system.
#[derive(Debug, Default, Clone, Copy)]
pub struct LocalFs;

#[derive(Debug)]
struct LocalFile(File);

impl Read for LocalFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for LocalFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for LocalFile {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.0.seek(pos)
    }
}

impl FsFile for LocalFile {
    fn sync(&mut self) -> io::Result<()> {
        if bare::on() || planted::bug("skip_fsync") {
            return Ok(());
        }
        self.0.sync_all().map_err(unsynced)
    }
}

impl Fs for LocalFs {
    fn create_new(&self, path: &Path, access: Access) -> io::Result<Box<dyn FsFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        if access == Access::Private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        Ok(Box::new(LocalFile(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        Ok(Box::new(LocalFile(File::open(path)?)))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn create_dir(&self, path: &Path, access: Access) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        if access == Access::Private {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        }
        builder.create(path)
    }

    fn is_empty(&self, path: &Path) -> io::Result<Option<bool>> {
        match std::fs::read_dir(path) {
            Ok(mut entries) => Ok(Some(entries.next().is_none())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                Ok(std::fs::metadata(path)?.is_dir().then_some(false))
            }
            Err(e) => Err(e),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if bare::on() || planted::bug("skip_fsync") {
            return Ok(());
        }
        File::open(path)?.sync_all().map_err(unsynced)
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        match std::fs::metadata(path) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}
