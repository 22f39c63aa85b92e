//! The profile's key: where it lies, and the one that `dev` makes for itself.

use crate::context::App;
use staunch_commit::ProfileKey;
use staunch_commit::store::{LocalStore, Store};
use staunch_pipeline::{Project, SecretRef};
use staunch_types::{Access, Error, Fs, Place, Result, codes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The key of a profile, and what the user must be told about it.
pub(crate) struct Key {
    pub(crate) key: ProfileKey,
    pub(crate) note: Option<String>,
}

/// Whether the profile has a key, without making one: what `check` asks.
pub(crate) fn check(project: &Project) -> Result<()> {
    if project.profile.key.is_some() || project.profile.name == "dev" {
        return Ok(());
    }
    Err(Error::new(
        codes::NO_SECRET,
        format!("profile `{}` has no key to seal dead letters with", project.profile.name),
    )
    .place(Place::file(project.root.join("staunch.yaml")))
    .hint("add `key: ${file:PATH}` or `key: ${env:NAME}` to the profile; only `dev` makes a key of its own"))
}

/// The key, made on first use for `dev`. Its id is kept with the state: another key than the one that sealed what lies there
/// is an error, never a new beginning.
pub(crate) fn load(app: &App, project: &Project) -> Result<Key> {
    check(project)?;
    let known = KnownKey::open(app, project)?;
    let (key, note) = match found(app, project, known.id.as_deref())? {
        Some(found) => (found.key, None),
        None => make_dev_key(app, project)?,
    };
    known.hold(&key)?;
    Ok(Key { key, note })
}

/// A key, and the file that it lies in, if it lies in one.
pub(crate) struct FoundKey {
    pub(crate) key: ProfileKey,
    pub(crate) file: Option<PathBuf>,
}

/// The key as it is: nothing is made. `None` for `dev` before its first run.
///
/// # Errors
/// As [`load`].
pub(crate) fn look(app: &App, project: &Project) -> Result<Option<FoundKey>> {
    check(project)?;
    let folder = project.profile.state.join("key");
    let store = LocalStore::look(&folder, app.fs.clone(), app.rng.clone());
    let id = futures::executor::block_on(store.get("id"))?;
    let known = KnownKey { store, id: id.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) };
    let found = found(app, project, known.id.as_deref())?;
    if let Some(found) = &found {
        known.agrees(&found.key)?;
    }
    Ok(found)
}

fn found(app: &App, project: &Project, known: Option<&str>) -> Result<Option<FoundKey>> {
    match &project.profile.key {
        Some(SecretRef::File(path, place)) => {
            let path = project.root.join(path);
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::new(codes::NO_SECRET, format!("the key file `{}` cannot be read", path.display()))
                    .place(place.clone())
                    .cause(e.to_string())
                    .hint("put a line of 64 hexadecimal digits there, readable by this user")
            })?;
            Ok(Some(FoundKey { key: ProfileKey::parse(&text)?, file: Some(path) }))
        }
        Some(SecretRef::Env(name, place)) => {
            let text = (app.environment)(name).ok_or_else(|| {
                Error::new(codes::NO_SECRET, format!("the environment variable `{name}` is not set"))
                    .place(place.clone())
                    .hint("set it to 64 hexadecimal digits")
            })?;
            Ok(Some(FoundKey { key: ProfileKey::parse(&text)?, file: None }))
        }
        None => known.map(|id| dev_key(app, project, id)).transpose(),
    }
}

/// The id of the key that sealed what lies in the state folder.
struct KnownKey {
    store: LocalStore,
    id: Option<String>,
}

impl KnownKey {
    fn open(app: &App, project: &Project) -> Result<Self> {
        let folder = project.profile.state.join("key");
        let store = LocalStore::open(&folder, app.fs.clone(), app.rng.clone())?;
        let found = futures::executor::block_on(store.get("id"))?;
        Ok(Self { store, id: found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) })
    }

    /// Keeps the id of the first key, and refuses any other.
    fn hold(&self, key: &ProfileKey) -> Result<()> {
        self.agrees(key)?;
        match &self.id {
            Some(_) => Ok(()),
            None => {
                futures::executor::block_on(self.store.put_if_absent("id", key.id().into_bytes())).map(|_| ())
            }
        }
    }

    /// Refuses another key than the first.
    fn agrees(&self, key: &ProfileKey) -> Result<()> {
        match &self.id {
            Some(known) if *known != key.id() => Err(Error::new(
                codes::NO_SECRET,
                format!("the profile's key is `{}`, and what lies in the state folder was sealed with `{known}`", key.id()),
            )
            .hint("give the profile its old key back; with another one tokens would change and dead letters stay shut")),
            _ => Ok(()),
        }
    }
}

/// The folder in which keys of `dev` lie.
fn dev_folder(app: &App) -> Result<PathBuf> {
    let home = app.data_home.as_ref().ok_or_else(|| {
        Error::new(codes::NO_SECRET, "there is no home folder to keep the key of profile `dev` in")
            .hint("set `HOME` or `XDG_DATA_HOME` to an absolute path, or name a key in the profile: `key: ${file:PATH}`")
    })?;
    Ok(home.join("keys"))
}

fn dev_file(folder: &Path, project: &Project, id: &str) -> PathBuf {
    folder.join(format!("{}-{id}.key", project.name))
}

/// `dev` without a key: one per state folder, outside project and state, readable by its owner alone. It is found by its id, so
/// that a project can be moved.
fn dev_key(app: &App, project: &Project, id: &str) -> Result<FoundKey> {
    let path = dev_file(&dev_folder(app)?, project, id);
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Error::io(codes::NO_SECRET, "read the key that sealed what lies in the state folder", &path, &e)
            .hint("put the key back; without it dead letters stay shut and tokens change: then remove state and targets together")
    })?;
    Ok(FoundKey { key: ProfileKey::parse(&text)?, file: Some(path) })
}

fn make_dev_key(app: &App, project: &Project) -> Result<(ProfileKey, Option<String>)> {
    let folder = dev_folder(app)?;
    let failed = |doing: &str, path: &Path, e: &io::Error| {
        Error::io(codes::NO_SECRET, doing, path, e)
            .hint("make that folder writable, or name a key in the profile: `key: ${file:PATH}`")
    };
    let secret = format!("{}{}", app.rng.token(), app.rng.token());
    let key = ProfileKey::parse(&secret)?;
    let path = dev_file(&folder, project, &key.id());
    app.fs.create_dirs(&folder, Access::Private).map_err(|e| failed("create the folder", &folder, &e))?;
    write_private(app.fs.as_ref(), &path, &secret).map_err(|e| failed("write", &path, &e))?;
    // Before its id stands in the state folder: a key that a power cut takes back would leave a project that nobody can open.
    app.fs.sync_dir(&folder).map_err(|e| failed("make durable", &path, &e))?;
    let note = format!(
        "made a key for profile `dev` in {}; dead letters are sealed with it, and nobody else has it",
        path.display()
    );
    Ok((key, Some(note)))
}

fn write_private(fs: &dyn Fs, path: &Path, secret: &str) -> io::Result<()> {
    let mut file = fs.create_new(path, Access::Private)?;
    writeln!(file, "# made by staunch for profile `dev`; keep it as long as its dead letters")?;
    writeln!(file, "{secret}")?;
    file.sync()
}
