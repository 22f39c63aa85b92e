//! What was committed before a recovery must be the same bytes after it.

use super::{Check, Failure, Site};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// Everything that the manifests of committed epochs refer to, with the digest of its bytes.
#[derive(Debug, Default)]
pub struct Kept {
    /// Artefacts of the logs by path.
    artefacts: BTreeMap<PathBuf, Artefact>,
    /// Data of the sinks, staged or published, as far as they are there.
    segments: Vec<(PathBuf, String)>,
}

/// An artefact, and how long it is needed.
#[derive(Debug)]
struct Artefact {
    digest: u128,
    log: PathBuf,
    /// The last epoch that refers to it.
    epoch: u64,
    /// The folder of the floor below which it may be gone.
    floor: &'static str,
}

/// In place of the folder of a floor: any of them.
const ANY: &str = "";

/// The highest epoch that a floor has reached, that of this folder or that of everything: 0 where nothing was collected.
fn floor(log: &Path, folder: &str) -> u64 {
    let highest = |folder: &str| names(&log.join(folder)).last().map_or(0, |name| number(name));
    match folder {
        ANY => highest("floors.dead").max(highest("floors.late")).max(highest("floors")),
        folder => highest(folder).max(highest("floors")),
    }
}

fn digest(path: &Path) -> Option<u128> {
    std::fs::read(path).ok().map(|bytes| xxh3_128(&bytes))
}

/// The manifests of all committed epochs that were not collected, each with the folder of its log, oldest first.
pub(crate) fn manifests(site: &Site) -> Result<Vec<(PathBuf, Value)>, Failure> {
    let mut found = Vec::new();
    for log in names(&site.state()) {
        let log = site.state().join(log);
        let floor = floor(&log, "floors");
        for epoch in names(&log.join("epochs")) {
            if number(&epoch) <= floor {
                continue;
            }
            let record = read(&log.join("epochs").join(&epoch))?;
            found.push((log.clone(), read(&log.join(text(&record["manifest"])))?));
        }
    }
    Ok(found)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn number(name: &str) -> u64 {
    name.parse().unwrap_or(0)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn read(path: &Path) -> Result<Value, Failure> {
    let damaged = |e: String| Failure::new(Check::Bytes, format!("{}: {e}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| damaged(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))
}

/// The published file of a segment: `None` for rows of a table, `Some(None)` for a file that is not there. Names of files are
/// used once, so it is found wherever the project lets its tables lie.
pub(crate) fn target(site: &Site, segment: &Value) -> Option<Option<PathBuf>> {
    segment["target"].as_str().map(|target| below(&site.root().join("out"), target))
}

/// The file `name` in this folder or one below it.
fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let here = folder.join(name);
    if here.is_file() {
        return Some(here);
    }
    names(folder).iter().map(|inner| folder.join(inner)).filter(|p| p.is_dir()).find_map(|p| below(&p, name))
}

impl Kept {
    /// Looks at what a crash left. Each committed segment that is there must be what its manifest says it is.
    ///
    /// # Errors
    /// `Bytes` for an artefact that is missing, or other bytes than were committed.
    pub fn of(site: &Site) -> Result<Self, Failure> {
        let mut kept = Self::default();
        for (log, manifest) in manifests(site)? {
            let epoch = manifest["epoch"].as_u64().unwrap_or(0);
            let mut need = |name: &str, floor| kept.artefact(&log, log.join(name), epoch, floor);
            need(text(&manifest["pins"]), "floors")?;
            if manifest["standing"] != "" {
                need(text(&manifest["standing"]), "floors")?;
            }
            for channel in manifest["channels"].as_array().into_iter().flatten() {
                // Spools are released with their run.
                match text(&channel["port"]) {
                    "out" => {}
                    "late" => need(text(&channel["name"]), "floors.late")?,
                    _ => need(text(&channel["name"]), "floors.dead")?,
                }
            }
            for write in manifest["sinks"].as_object().into_iter().flatten() {
                for segment in write.1["segments"].as_array().into_iter().flatten() {
                    let staged = text(&segment["staged"]);
                    let (tables, files) = (log.join("staged"), site.root().join("out"));
                    let staged = below(&tables, staged).or_else(|| below(&files, staged));
                    let published = target(site, segment).flatten();
                    for path in staged.into_iter().chain(published) {
                        kept.segment(path, text(&segment["digest"]))?;
                    }
                }
            }
        }
        for log in names(&site.state()) {
            kept.log(&site.state().join(log))?;
        }
        Ok(kept)
    }

    /// What a log holds above its floor, whoever names it.
    fn log(&mut self, log: &Path) -> Result<(), Failure> {
        let floor = floor(log, "floors");
        for epoch in names(&log.join("epochs")).iter().filter(|name| number(name) > floor) {
            let path = log.join("epochs").join(epoch);
            let manifest = read(&path)?["manifest"].clone();
            self.artefact(log, path, number(epoch), "floors")?;
            self.artefact(log, log.join(text(&manifest)), number(epoch), "floors")?;
        }
        for epoch in names(&log.join("applied")).iter().filter(|name| number(name) > floor) {
            for name in names(&log.join("applied").join(epoch)) {
                let path = log.join("applied").join(epoch).join(name);
                let letters = read(&path)?["letters"]["name"].clone();
                self.artefact(log, path, number(epoch), "floors")?;
                if !letters.is_null() {
                    self.artefact(log, log.join(text(&letters)), number(epoch), "floors.dead")?;
                }
            }
        }
        // A collection keeps the highest alone.
        for name in names(&log.join("generations")) {
            self.artefact(log, log.join("generations").join(name), 1, ANY)?;
        }
        Ok(())
    }

    fn artefact(
        &mut self,
        log: &Path,
        path: PathBuf,
        epoch: u64,
        folder: &'static str,
    ) -> Result<(), Failure> {
        if epoch <= floor(log, folder) {
            return Ok(());
        }
        let missing = || Failure::new(Check::Bytes, format!("{} is committed and missing", path.display()));
        let digest = digest(&path).ok_or_else(missing)?;
        let new = || Artefact { digest, log: log.to_path_buf(), epoch, floor: folder };
        let known = self.artefacts.entry(path.clone()).or_insert_with(new);
        known.epoch = known.epoch.max(epoch);
        Ok(())
    }

    /// What is not there was shown and released, retired by a replace, or is void: the comparison of sinks tells.
    fn segment(&mut self, path: PathBuf, wanted: &str) -> Result<(), Failure> {
        if digest(&path).is_none_or(|found| format!("{found:032x}") != wanted) {
            return Err(Failure::new(Check::Bytes, format!("{} is not what was committed", path.display())));
        }
        self.segments.push((path, wanted.to_owned()));
        Ok(())
    }

    /// Looks again, after the recovery.
    ///
    /// # Errors
    /// `Bytes` for anything that is not the same.
    pub fn check(&self) -> Result<(), Failure> {
        for (path, known) in &self.artefacts {
            let collected = known.epoch <= floor(&known.log, known.floor);
            if digest(path) != Some(known.digest) && !collected {
                let text = format!("{} was committed and is not the same after the recovery", path.display());
                return Err(Failure::new(Check::Bytes, text));
            }
        }
        for (path, wanted) in &self.segments {
            if digest(path).is_some_and(|found| format!("{found:032x}") != *wanted) {
                let text = format!("{} has other bytes after the recovery", path.display());
                return Err(Failure::new(Check::Bytes, text));
            }
        }
        Ok(())
    }

    /// How much was looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        self.artefacts.len() + self.segments.len()
    }

    /// Whether nothing was committed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
