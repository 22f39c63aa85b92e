//! `contract lock`: publish what is declared, and pin what is inferred.

use crate::context::{App, RunContext, Verb, authorize};
use crate::inferred;
use crate::open::Opened;
use staunch_contract::Contract;
use staunch_contract::avro::{Level, Reads};
use staunch_contract::diff::Diff;
use staunch_contract::lock::{Break, Lock, Pinned, breaks};
use staunch_pipeline::{LOCK_FILE, Project};
use staunch_types::{Access, Error, Fs, Place, Result, codes, failpoint};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::Path;

/// What `contract lock` can be told.
#[derive(Debug, Clone, Default)]
pub struct LockOptions {
    /// `--check`: nothing is written.
    pub check: bool,
    /// `--allow-incompatible NAME@VERSION`
    pub allow: Vec<String>,
}

/// What the lock holds now, or would hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locked {
    /// What changes: one line each.
    pub changes: Vec<LockChange>,
    /// Versions in it.
    pub versions: usize,
    /// Inferred contracts in it, of all profiles.
    pub inferred: usize,
    /// Whether the file was written.
    pub written: bool,
    /// Whether the file says already what it should.
    pub up_to_date: bool,
}

/// One entry that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockChange {
    /// `published`, `described` (what is for people was edited), `inferred`, `changed`, `removed`.
    pub what: &'static str,
    /// `name@version`, or `pipeline/stage`.
    pub name: String,
    /// The profile, for what was inferred.
    pub profile: Option<String>,
    /// What is different, or which versions it breaks with.
    pub detail: Option<String>,
}

impl App {
    /// Adds every declared version that is not locked yet, and pins what the stages imply under the profile.
    ///
    /// # Errors
    /// What `check` finds; `Contract.Incompatible` for each reason why a new version may not follow the earlier ones; `Usage.Invalid` for an allowance
    /// that nothing needs; `Store.Unavailable` if the file cannot be written.
    pub fn contract_lock(
        &self,
        start: &Path,
        profile: Option<&str>,
        options: &LockOptions,
        context: &RunContext,
    ) -> Result<Locked> {
        let opened = Opened::open(start, profile)?;
        let project = &opened.project;
        authorize(&context.actor, if options.check { Verb::Read } else { Verb::Publish }, "contract")?;
        let before = project.lock.clone().unwrap_or_default();
        let mut locked = Locked::default();
        let mut after = before.clone();
        publish(project, &before, &mut after, &mut locked.changes);
        judge(project, &before, &mut after, &options.allow, &mut locked.changes)?;
        pin(&opened, &mut after, &mut locked.changes)?;
        locked.versions = after.all().count();
        locked.inferred = after.inferred.values().map(BTreeMap::len).sum();
        let text = after.text();
        let file = project.root.join(LOCK_FILE);
        let found = self.read_lock(&file)?;
        // Nothing to lock: no file.
        locked.up_to_date = match &found {
            Some(found) => *found == text.as_bytes(),
            None => after == Lock::default(),
        };
        if !locked.up_to_date && !options.check {
            write(self.fs.as_ref(), &project.root, &self.rng.token(), text.as_bytes()).map_err(|e| {
                Error::io(codes::STORE, "write the lock", &file, &e)
                    .hint("make the project's folder writable")
            })?;
            locked.written = true;
        }
        Ok(locked)
    }

    fn read_lock(&self, file: &Path) -> Result<Option<Vec<u8>>> {
        match self.fs.read(file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(codes::STORE, "read the lock", file, &e).hint("make it readable")),
        }
    }
}

/// Adds the declared versions; of those that are locked, what is for people may be another text now.
fn publish(project: &Project, before: &Lock, after: &mut Lock, changes: &mut Vec<LockChange>) {
    for id in project.declared.keys() {
        let Some(contract) = project.contracts.get(id) else { continue };
        let mut pinned = Pinned::new(contract.clone());
        let known = before.version(&contract.name, contract.version);
        let what = match known {
            Some(known) if known.avro == pinned.avro => continue,
            Some(known) => {
                pinned.breaks.clone_from(&known.breaks);
                "described"
            }
            None => "published",
        };
        changes.push(LockChange { what, name: id.clone(), profile: None, detail: None });
        after.versions.entry(contract.name.clone()).or_default().insert(contract.version, pinned);
    }
}

/// Holds new versions against the others, and notes what was allowed.
fn judge(
    project: &Project,
    before: &Lock,
    after: &mut Lock,
    allow: &[String],
    changes: &mut [LockChange],
) -> Result<()> {
    let mut errors = Vec::new();
    let mut needed = BTreeSet::new();
    for (name, versions) in &mut after.versions {
        let contracts: Vec<_> = versions.values().map(|pinned| pinned.contract.clone()).collect();
        let all: Vec<&Contract> = contracts.iter().map(AsRef::as_ref).collect();
        let new = |version| before.version(name, version).is_none();
        for found in breaks(&all, &new)? {
            let id = format!("{name}@{}", found.version);
            if allow.contains(&id) {
                needed.insert(id.clone());
                if let Some(pinned) = versions.get_mut(&found.version)
                    && !pinned.breaks.contains(&found.with)
                {
                    pinned.breaks.push(found.with);
                }
                let detail = format!("breaks with {name}@{}, which was allowed", found.with);
                for change in changes.iter_mut().filter(|change| change.name == id) {
                    change.detail = Some(match change.detail.take() {
                        Some(told) if told != detail => format!("{told}; {detail}"),
                        _ => detail.clone(),
                    });
                }
                continue;
            }
            let level = versions.get(&found.version).and_then(|pinned| pinned.contract.compatibility);
            errors.extend(refused(project, name, &found, level));
        }
    }
    if let Some(error) = Error::many(errors) {
        return Err(error);
    }
    match allow.iter().find(|id| !needed.contains(*id)) {
        None => Ok(()),
        Some(id) => Err(Error::new(codes::USAGE, format!("nothing about `{id}` needs to be allowed"))
            .hint("name a version that is not locked yet and breaks with another: `--allow-incompatible NAME@VERSION`")),
    }
}

/// One error for each reason.
fn refused(project: &Project, name: &str, found: &Break, level: Option<Level>) -> Vec<Error> {
    let (new, old) = (format!("{name}@{}", found.version), format!("{name}@{}", found.with));
    let (reader, writer) = match found.reads {
        Reads::NewReadsOld => (&new, &old),
        Reads::OldReadsNew => (&old, &new),
    };
    let place = project.declared.get(&new).map_or_else(|| Place::file(LOCK_FILE), Place::file);
    let level = level.map_or(Level::NONE, Level::word);
    let one = |reason: &staunch_contract::lock::Reason| {
        let message = format!(
            "`{reader}` does not read all that is written under `{writer}` ({level}): {} at {}: {}",
            reason.kind, reason.location, reason.message
        );
        Error::new(codes::INCOMPATIBLE, message).place(place.clone()).hint(format!(
            "{}; if the break is meant: `staunch contract lock --allow-incompatible {new}`",
            reason.hint
        ))
    };
    found.reasons.iter().map(one).collect()
}

/// Pins what the stages imply under the profile; what is pinned for other profiles stays, as long as there are such profiles.
fn pin(opened: &Opened, after: &mut Lock, changes: &mut Vec<LockChange>) -> Result<()> {
    let project = &opened.project;
    let (mut now, mut errors) = (BTreeMap::new(), Vec::new());
    for pipeline in project.pipelines.values() {
        let (graph, mistakes) = opened.survey_graph(pipeline, None);
        errors.extend(mistakes);
        now.extend(inferred::of(&graph));
    }
    if let Some(error) = Error::many(Error::in_order(errors)) {
        return Err(error);
    }
    let profile = &project.profile.name;
    let before = after.inferred.remove(profile).unwrap_or_default();
    let mut told = |what, name: &str, profile: &str, detail| {
        let (name, profile) = (name.to_owned(), Some(profile.to_owned()));
        changes.push(LockChange { what, name, profile, detail });
    };
    for (name, pinned) in &now {
        match before.get(name) {
            None => told("inferred", name, profile, None),
            Some(known) if known.avro == pinned.avro => {}
            Some(known) => {
                let detail = Diff::new(&known.contract, &pinned.contract)?.line();
                told("changed", name, profile, Some(detail));
            }
        }
    }
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        told("removed", name, profile, None);
    }
    let gone: Vec<String> =
        after.inferred.keys().filter(|profile| !project.profiles.contains(profile)).cloned().collect();
    for profile in gone {
        for name in after.inferred.remove(&profile).unwrap_or_default().keys() {
            told("removed", name, &profile, None);
        }
    }
    if !now.is_empty() {
        after.inferred.insert(profile.clone(), now);
    }
    Ok(())
}

/// Beside the file, then in its place: a reader sees the old one or the new one, whole. What a killed process left beside it goes with the next one.
fn write(fs: &dyn Fs, root: &Path, token: &str, text: &[u8]) -> io::Result<()> {
    const BESIDE: &str = ".contracts.lock.";
    for left in fs.list(root)?.iter().filter(|name| name.starts_with(BESIDE)) {
        fs.remove(&root.join(left))?;
    }
    let beside = root.join(format!("{BESIDE}{token}"));
    failpoint::pass("lock.write");
    let mut file = fs.create_new(&beside, Access::Shared)?;
    file.write_all(text)?;
    file.sync()?;
    drop(file);
    failpoint::pass("lock.rename");
    fs.rename(&beside, &root.join(LOCK_FILE))?;
    failpoint::pass("lock.sync");
    fs.sync_dir(root)
}
