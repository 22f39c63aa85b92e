//! The file system as an argument: every durable byte that Staunch writes locally goes through here, so that
//! a simulated disk can lose what was not synced.

use crate::planted;
use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An open file that can be made durable.
pub trait FsFile: Read + Write + Seek + Send + Debug {
    /// Makes everything written so far durable. A failed sync is never repeated: the kernel may have dropped
    /// the pages, and a second call would lie (the caller stops and recovers).
    ///
    /// # Errors
    /// What the operating system says.
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

    /// Creates a folder and those of its parents that are missing, durably. A folder that is there keeps its mode.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dirs(&self, path: &Path, access: Access) -> io::Result<()>;

    /// Makes creations, renames and removals inside a folder durable.
    ///
    /// # Errors
    /// What the operating system says.
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
        if planted::bug("skip_fsync") {
            return Ok(());
        }
        self.0.sync_all()
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

    fn create_dirs(&self, path: &Path, access: Access) -> io::Result<()> {
        let mut missing: Vec<PathBuf> = Vec::new();
        let mut at = path;
        while !at.as_os_str().is_empty() && std::fs::symlink_metadata(at).is_err() {
            missing.push(at.to_path_buf());
            match at.parent() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        for dir in missing.into_iter().rev() {
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            if access == Access::Private {
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            }
            match builder.create(&dir) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
            if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
                self.sync_dir(parent)?;
            }
        }
        if std::fs::metadata(path)?.is_dir() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"))
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if planted::bug("skip_fsync") {
            return Ok(());
        }
        File::open(path)?.sync_all()
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
