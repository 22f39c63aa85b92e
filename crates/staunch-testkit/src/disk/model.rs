//! What a disk holds and what it would still hold after a power cut: pure, without a file system.
//!
//! POSIX promises little: bytes survive once their file was synced, a name once its folder was synced. Everything else may be lost,
//! each on its own, whatever the order in which it was done.

use staunch_types::{Rng, SeededRng};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// What is written as a whole.
const SECTOR: usize = 512;

/// What a power cut leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Nothing,
    /// Every name, and no byte.
    Names,
    /// Everything: the process is killed, the power stays.
    Everything,
    /// Each name by chance, and of the bytes of each file: nothing, a beginning, zeros, some sectors, or all.
    Chance(u64),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File(u64),
}

/// The bytes of a file: as whoever reads it sees them, and as they were synced last.
#[derive(Debug, Clone)]
struct Bytes {
    now: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Of a file that was there before: sources tell by it whether it was changed.
    modified: Option<SystemTime>,
}

/// Something that happened to names, in one step, and is not synced.
#[derive(Debug, Clone)]
struct Change(Vec<(PathBuf, Option<Entry>)>);

/// What is there after a power cut: folders, and files with their bytes.
pub(super) type Survivors = BTreeMap<PathBuf, Option<(Arc<Vec<u8>>, Option<SystemTime>)>>;

/// A disk. Paths are relative to its root, which is always there.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    files: BTreeMap<u64, Bytes>,
    names: BTreeMap<PathBuf, Entry>,
    durable: BTreeMap<PathBuf, Entry>,
    changes: Vec<Change>,
}

impl Model {
    /// Something that was there before.
    pub(super) fn found(&mut self, path: &Path, file: Option<(Vec<u8>, Option<SystemTime>)>) {
        let entry = match file {
            None => Entry::Folder,
            Some((bytes, modified)) => {
                let id = self.files.len() as u64;
                let bytes = Arc::new(bytes);
                self.files.insert(id, Bytes { now: Arc::clone(&bytes), durable: bytes, modified });
                Entry::File(id)
            }
        };
        self.names.insert(path.to_path_buf(), entry);
        self.durable.insert(path.to_path_buf(), entry);
    }

    pub(super) fn entry(&self, path: &Path) -> Option<Entry> {
        self.names.get(path).copied()
    }

    fn change(&mut self, sets: Vec<(PathBuf, Option<Entry>)>) {
        for (path, entry) in &sets {
            match entry {
                Some(entry) => self.names.insert(path.clone(), *entry),
                None => self.names.remove(path),
            };
        }
        self.changes.push(Change(sets));
    }

    pub(super) fn create_file(&mut self, path: &Path) -> u64 {
        let id = self.files.len() as u64;
        let empty = Arc::new(Vec::new());
        self.files.insert(id, Bytes { now: Arc::clone(&empty), durable: empty, modified: None });
        self.change(vec![(path.to_path_buf(), Some(Entry::File(id)))]);
        id
    }

    pub(super) fn create_folder(&mut self, path: &Path) {
        self.change(vec![(path.to_path_buf(), Some(Entry::Folder))]);
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) {
        let entry = self.entry(from);
        self.change(vec![(to.to_path_buf(), entry)]);
    }

    /// In one folder it is one step; from one folder to another it may be torn.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        let (gone, there) = ((from.to_path_buf(), None), (to.to_path_buf(), self.entry(from)));
        if from.parent() == to.parent() {
            self.change(vec![gone, there]);
        } else {
            self.change(vec![there]);
            self.change(vec![gone]);
        }
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.change(vec![(path.to_path_buf(), None)]);
    }

    pub(super) fn write(&mut self, id: u64, at: usize, bytes: &[u8]) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let now = Arc::make_mut(&mut file.now);
        let end = at + bytes.len();
        if now.len() < end {
            now.resize(end, 0);
        }
        now[at..end].copy_from_slice(bytes);
    }

    pub(super) fn sync_file(&mut self, id: u64) {
        if let Some(file) = self.files.get_mut(&id) {
            file.durable = Arc::clone(&file.now);
        }
    }

    pub(super) fn sync_folder(&mut self, folder: &Path) {
        let inside = |change: &Change| change.0.iter().any(|(path, _)| path.parent() == Some(folder));
        let (synced, volatile) = std::mem::take(&mut self.changes).into_iter().partition(inside);
        self.changes = volatile;
        for change in synced {
            apply(&mut self.durable, &change);
        }
    }

    /// Whether a power cut would lose something.
    pub(super) fn volatile(&self) -> bool {
        !self.changes.is_empty() || self.files.values().any(|file| file.now != file.durable)
    }

    /// What a power cut leaves.
    pub(super) fn after(&self, cut: Cut) -> Survivors {
        let rng = SeededRng::new(match cut {
            Cut::Chance(seed) => seed,
            _ => 0,
        });
        let mut names = self.durable.clone();
        for change in &self.changes {
            let kept = match cut {
                Cut::Nothing => false,
                Cut::Names | Cut::Everything => true,
                Cut::Chance(_) => rng.next().is_multiple_of(2),
            };
            if kept {
                apply(&mut names, change);
            }
        }
        let mut bytes = BTreeMap::new();
        for (id, file) in &self.files {
            bytes.insert(*id, (file.after(cut, &rng), file.modified));
        }
        let mut survivors = Survivors::new();
        // Parents come before what lies in them.
        for (path, entry) in names {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let reachable = parent.is_none_or(|parent| survivors.get(parent).is_some_and(Option::is_none));
            if reachable {
                let found = match entry {
                    Entry::Folder => None,
                    Entry::File(id) => bytes.get(&id).cloned(),
                };
                survivors.insert(path, found);
            }
        }
        survivors
    }
}

fn apply(names: &mut BTreeMap<PathBuf, Entry>, change: &Change) {
    for (path, entry) in &change.0 {
        match entry {
            Some(entry) => names.insert(path.clone(), *entry),
            None => names.remove(path),
        };
    }
}

impl Bytes {
    fn after(&self, cut: Cut, rng: &SeededRng) -> Arc<Vec<u8>> {
        if self.now == self.durable {
            return Arc::clone(&self.now);
        }
        let shorter = self.durable.len().min(self.now.len());
        let padded = || {
            let mut old = self.durable.as_ref().clone();
            old.resize(self.now.len(), 0);
            old
        };
        match cut {
            Cut::Nothing | Cut::Names => Arc::clone(&self.durable),
            Cut::Everything => Arc::clone(&self.now),
            Cut::Chance(_) => match rng.next() % 5 {
                0 => Arc::clone(&self.durable),
                1 => {
                    let more = (self.now.len() - shorter) as u64;
                    let end = shorter + usize::try_from(rng.next() % (more + 1)).unwrap_or(0);
                    Arc::new(self.now[..end].to_vec())
                }
                2 => Arc::new(padded()),
                3 => {
                    let mut torn = padded();
                    for (old, new) in torn.chunks_mut(SECTOR).zip(self.now.chunks(SECTOR)) {
                        if rng.next().is_multiple_of(2) {
                            old.copy_from_slice(new);
                        }
                    }
                    Arc::new(torn)
                }
                _ => Arc::clone(&self.now),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn path(text: &str) -> &Path {
        Path::new(text)
    }

    fn bytes(survivors: &Survivors, name: &str) -> Option<Vec<u8>> {
        survivors.get(path(name)).cloned().flatten().map(|(bytes, _)| bytes.as_ref().clone())
    }

    /// A file that is written, synced and linked, step by step.
    #[test]
    fn bytes_need_a_sync_of_the_file_and_names_one_of_the_folder() {
        let mut disk = Model::default();
        disk.create_folder(path("a"));
        assert!(disk.after(Cut::Nothing).is_empty());
        disk.sync_folder(path(""));
        let id = disk.create_file(path("a/x"));
        disk.write(id, 0, b"hello");
        assert_eq!(bytes(&disk.after(Cut::Everything), "a/x").unwrap(), b"hello");
        assert_eq!(bytes(&disk.after(Cut::Names), "a/x").unwrap(), b"");
        assert_eq!(bytes(&disk.after(Cut::Nothing), "a/x"), None);
        disk.sync_file(id);
        disk.link(path("a/x"), path("a/y"));
        assert_eq!(bytes(&disk.after(Cut::Names), "a/y").unwrap(), b"hello");
        assert_eq!(disk.after(Cut::Nothing).len(), 1);
        disk.sync_folder(path("a"));
        disk.remove(path("a/x"));
        assert!(disk.volatile());
        let after = disk.after(Cut::Nothing);
        assert_eq!((bytes(&after, "a/x").is_some(), bytes(&after, "a/y").is_some()), (true, true));
        disk.sync_folder(path("a"));
        assert!(!disk.volatile());
        assert_eq!(bytes(&disk.after(Cut::Chance(1)), "a/x"), None);
    }

    #[test]
    fn what_lies_in_a_lost_folder_is_lost() {
        let mut disk = Model::default();
        disk.create_folder(path("a"));
        let id = disk.create_file(path("a/x"));
        disk.write(id, 0, b"1");
        disk.sync_file(id);
        disk.sync_folder(path("a"));
        assert!(disk.after(Cut::Nothing).is_empty());
        disk.sync_folder(path(""));
        assert_eq!(disk.after(Cut::Nothing).len(), 2);
    }

    #[test]
    fn a_rename_in_one_folder_is_one_step() {
        let mut disk = Model::default();
        disk.found(path("x"), Some((b"1".to_vec(), None)));
        disk.rename(path("x"), path("y"));
        for seed in 0..20 {
            let after = disk.after(Cut::Chance(seed));
            assert_eq!(after.len(), 1, "{after:?}");
        }
    }

    /// Every way to tear a file comes about.
    #[test]
    fn unsynced_bytes_are_torn_in_every_way() {
        let mut disk = Model::default();
        let id = disk.create_file(path("x"));
        disk.write(id, 0, &[1; 600]);
        disk.sync_file(id);
        disk.sync_folder(path(""));
        disk.write(id, 600, &[2; 1600]);
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let after = bytes(&disk.after(Cut::Chance(seed)), "x").unwrap();
            assert!(after.len() >= 600 && after[..600] == [1; 600], "synced bytes stay");
            seen.insert(match after.len() {
                600 => "lost",
                2200 if after[600..].iter().all(|b| *b == 2) => "all",
                2200 if after[600..].iter().all(|b| *b == 0) => "zeros",
                2200 => "sectors",
                _ => "prefix",
            });
        }
        assert_eq!(seen.len(), 5, "{seen:?}");
        assert_eq!(disk.after(Cut::Chance(7)), disk.after(Cut::Chance(7)), "one seed, one history");
    }
}
