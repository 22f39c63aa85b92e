//! A simulated disk: whatever was not synced may be gone after a power cut, or torn.
//!
//! It lies over a folder, in which everything is as the process sees it, and notes beside it what is durable. Before each operation
//! (a create, a write, a sync, a link, a rename, a removal, a folder) it keeps a [`Moment`]: a power cut at that moment can be played
//! into another folder, in every way that POSIX allows, as often as one likes.

mod model;

pub use model::Cut;
use model::Model;

use staunch_types::{Access, Fs, FsFile, LocalFs, planted};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a disk says is durable and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// The bytes of a file after its sync.
    Files,
    /// The names in a folder after its sync.
    Folders,
}

/// A disk at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The operation that is about to be done; empty after the last.
    pub operation: String,
    model: Model,
}

/// A simulated disk over a folder.
#[derive(Debug, Clone)]
pub struct SimulatedDisk {
    root: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    model: Model,
    moments: Vec<Moment>,
    lie: Option<Lie>,
}

impl SimulatedDisk {
    /// A disk with what lies in a folder, all of it durable.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn over(root: &Path) -> io::Result<Self> {
        let mut model = Model::default();
        find(root, Path::new(""), &mut model)?;
        Ok(Self::with(root, model))
    }

    /// The process was killed at a moment, the power stays: a disk in an empty folder, with what was volatile still volatile.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn after_kill(moment: &Moment, root: &Path) -> io::Result<Self> {
        moment.cut(Cut::Everything, root)?;
        Ok(Self::with(root, moment.model.clone()))
    }

    fn with(root: &Path, model: Model) -> Self {
        let state = State { model, moments: Vec::new(), lie: None };
        Self { root: root.to_path_buf(), state: Arc::new(Mutex::new(state)) }
    }

    /// The same disk, which lies from now on.
    #[must_use]
    pub fn lying(self, lie: Lie) -> Self {
        self.state().lie = Some(lie);
        self
    }

    /// The moments before each operation so far, and the one now.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        let state = self.state();
        let now = Moment { operation: String::new(), model: state.model.clone() };
        state.moments.iter().cloned().chain([now]).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every step leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path below the root; `None` for what lies elsewhere, which is no part of this disk.
    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(|path| path.components().collect())
    }

    /// Keeps the moment, does the operation in the folder, and notes what came of it.
    fn step<T>(
        &self,
        doing: &str,
        paths: &[&Path],
        act: impl FnOnce() -> io::Result<T>,
        note: impl FnOnce(&mut Model, &[PathBuf], &T),
    ) -> io::Result<T> {
        let Some(paths) = paths.iter().map(|path| self.below(path)).collect::<Option<Vec<_>>>() else {
            return act();
        };
        let mut state = self.state();
        for path in &paths {
            self.adopt(&mut state.model, path)?;
        }
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let moment = Moment { operation: format!("{doing} {}", names.join(" ")), model: state.model.clone() };
        state.moments.push(moment);
        let done = act()?;
        note(&mut state.model, &paths, &done);
        Ok(done)
    }

    /// What somebody else has put there in the meantime (a lock, a database) is taken for durable, with its folder.
    fn adopt(&self, model: &mut Model, path: &Path) -> io::Result<()> {
        let mut unknown: Vec<&Path> =
            path.ancestors().filter(|at| !at.as_os_str().is_empty() && model.entry(at).is_none()).collect();
        unknown.reverse();
        for at in unknown {
            let real = self.root.join(at);
            match std::fs::symlink_metadata(&real) {
                Ok(meta) if meta.is_dir() => model.found(at, None),
                Ok(meta) => model.found(at, Some((std::fs::read(&real)?, meta.modified().ok()))),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn lies(&self, lie: Lie) -> bool {
        self.state().lie == Some(lie) || planted::bug("skip_fsync")
    }
}

impl Moment {
    /// Whether a power cut would lose something here.
    #[must_use]
    pub fn volatile(&self) -> bool {
        self.model.volatile()
    }

    /// Puts what a power cut leaves into an empty folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn cut(&self, cut: Cut, root: &Path) -> io::Result<()> {
        for (path, file) in self.model.after(cut) {
            let path = root.join(path);
            match file {
                None => std::fs::create_dir_all(&path)?,
                Some((bytes, modified)) => {
                    std::fs::write(&path, bytes.as_slice())?;
                    if let Some(modified) = modified {
                        std::fs::File::options().append(true).open(&path)?.set_modified(modified)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn find(root: &Path, below: &Path, model: &mut Model) -> io::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            model.found(&path, None);
            find(root, &path, model)?;
        } else {
            model.found(&path, Some((std::fs::read(entry.path())?, entry.metadata()?.modified().ok())));
        }
    }
    Ok(())
}

/// A file that was created on the disk.
#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    inner: Box<dyn FsFile>,
    path: PathBuf,
    id: u64,
}

impl Read for SimulatedFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buf)
    }
}

impl Write for SimulatedFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let at = usize::try_from(self.inner.stream_position()?).map_err(io::Error::other)?;
        let (inner, id) = (&mut self.inner, self.id);
        let doing = format!("write {} bytes at {at} of", buf.len());
        self.disk.step(
            &doing,
            &[&self.path],
            || inner.write(buf),
            |model, _, written| model.write(id, at, &buf[..*written]),
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Seek for SimulatedFile {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.inner.seek(pos)
    }
}

impl FsFile for SimulatedFile {
    fn sync(&mut self) -> io::Result<()> {
        let (id, lies) = (self.id, self.disk.lies(Lie::Files));
        self.disk.step(
            "sync",
            &[&self.path],
            || Ok(()),
            |model, _, ()| {
                if !lies {
                    model.sync_file(id);
                }
            },
        )
    }
}

impl Fs for SimulatedDisk {
    fn create_new(&self, path: &Path, access: Access) -> io::Result<Box<dyn FsFile>> {
        let mut id = None;
        let inner = self.step(
            "create",
            &[path],
            || LocalFs.create_new(path, access),
            |model, paths, _| id = Some(model.create_file(&paths[0])),
        )?;
        Ok(match id {
            Some(id) => Box::new(SimulatedFile { disk: self.clone(), inner, path: path.to_path_buf(), id }),
            None => inner,
        })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        LocalFs.open(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let act = || LocalFs.hard_link(from, to);
        self.step("link", &[from, to], act, |model, paths, ()| model.link(&paths[0], &paths[1]))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let act = || LocalFs.rename(from, to);
        self.step("rename", &[from, to], act, |model, paths, ()| model.rename(&paths[0], &paths[1]))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", &[path], || LocalFs.remove(path), |model, paths, ()| model.remove(&paths[0]))
    }

    fn create_dir(&self, path: &Path, access: Access) -> io::Result<()> {
        let act = || LocalFs.create_dir(path, access);
        self.step("create the folder", &[path], act, |model, paths, ()| model.create_folder(&paths[0]))
    }

    fn is_empty(&self, path: &Path) -> io::Result<Option<bool>> {
        LocalFs.is_empty(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let lies = self.lies(Lie::Folders);
        self.step(
            "sync the folder",
            &[path],
            || std::fs::read_dir(path).map(|_| ()),
            |model, paths, ()| {
                if !lies {
                    model.sync_folder(&paths[0]);
                }
            },
        )
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        LocalFs.len(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        LocalFs.list(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    /// A folder whose maker was killed before its name was durable: the next one who uses it makes it so.
    #[test]
    fn a_folder_that_a_killed_process_left_is_made_durable_before_it_is_used() {
        let (first, second, third) = (folder(), folder(), folder());
        let disk = SimulatedDisk::over(first.path()).unwrap();
        disk.create_dirs(&first.path().join("a/b"), Access::Private).unwrap();
        let moments = disk.moments();
        let killed = moments.iter().rev().find(|m| m.operation == "sync the folder a").unwrap();
        let disk = SimulatedDisk::after_kill(killed, second.path()).unwrap();
        assert_eq!(disk.is_empty(&second.path().join("a/b")).unwrap(), Some(true));
        disk.create_dirs(&second.path().join("a/b"), Access::Private).unwrap();
        let now = disk.moments().pop().unwrap();
        assert!(!now.volatile());
        now.cut(Cut::Nothing, third.path()).unwrap();
        assert!(third.path().join("a/b").is_dir());
    }

    /// A disk that lies keeps nothing that it said it had.
    #[test]
    fn a_lying_disk_loses_what_it_said_it_had() {
        let kept = |lie: Option<Lie>| {
            let (first, second) = (folder(), folder());
            let disk = SimulatedDisk::over(first.path()).unwrap();
            let disk = lie.map_or(disk.clone(), |lie| disk.lying(lie));
            let path = first.path().join("x");
            let mut file = disk.create_new(&path, Access::Private).unwrap();
            file.write_all(b"hello").unwrap();
            file.sync().unwrap();
            disk.sync_dir(first.path()).unwrap();
            disk.moments().pop().unwrap().cut(Cut::Nothing, second.path()).unwrap();
            std::fs::read(second.path().join("x")).ok()
        };
        assert_eq!(kept(None).unwrap(), b"hello");
        assert_eq!(kept(Some(Lie::Files)).unwrap(), b"");
        assert_eq!(kept(Some(Lie::Folders)), None);
    }

    /// What somebody else put there is not lost, and what is removed comes back if the removal was not synced.
    #[test]
    fn what_was_there_before_comes_back_with_its_bytes() {
        let (first, second) = (folder(), folder());
        let disk = SimulatedDisk::over(first.path()).unwrap();
        std::fs::write(first.path().join("x"), b"later").unwrap();
        disk.remove(&first.path().join("x")).unwrap();
        disk.moments().pop().unwrap().cut(Cut::Nothing, second.path()).unwrap();
        assert_eq!(std::fs::read(second.path().join("x")).unwrap(), b"later");
    }
}
