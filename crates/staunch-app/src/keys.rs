//! The profile's key: where it lies, and the one that `dev` makes for itself.

use crate::context::App;
use sha2::{Digest, Sha256};
use staunch_commit::ProfileKey;
use staunch_pipeline::{Project, SecretRef};
use staunch_types::{Error, Place, Result, codes};
use std::io::{self, Write};
use std::path::PathBuf;

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

/// The key, made on first use for `dev`.
pub(crate) fn load(app: &App, project: &Project) -> Result<Key> {
    check(project)?;
    match &project.profile.key {
        Some(SecretRef::File(path, place)) => {
            let path = project.root.join(path);
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::new(codes::NO_SECRET, format!("the key file `{}` cannot be read", path.display()))
                    .place(place.clone())
                    .cause(e.to_string())
                    .hint("put a line of 64 hexadecimal digits there, readable by this user")
            })?;
            Ok(Key { key: ProfileKey::parse(&text)?, note: None })
        }
        Some(SecretRef::Env(name, place)) => {
            let text = (app.environment)(name).ok_or_else(|| {
                Error::new(codes::NO_SECRET, format!("the environment variable `{name}` is not set"))
                    .place(place.clone())
                    .hint("set it to 64 hexadecimal digits")
            })?;
            Ok(Key { key: ProfileKey::parse(&text)?, note: None })
        }
        None => dev_key(app, project),
    }
}

/// `dev` without a key: one per project folder, outside project and state, readable by its owner alone.
fn dev_key(app: &App, project: &Project) -> Result<Key> {
    let root = std::fs::canonicalize(&project.root).unwrap_or_else(|_| project.root.clone());
    let digest = hex::encode(Sha256::digest(root.to_string_lossy().as_bytes()));
    let path = app.data_home.join("keys").join(format!("{}-{}.key", project.name, &digest[..12]));
    let failed = |doing: &str, e: &io::Error| {
        Error::io(codes::NO_SECRET, doing, &path, e)
            .hint("make that folder writable, or name a key in the profile: `key: ${file:PATH}`")
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Key { key: ProfileKey::parse(&text)?, note: None }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let secret = format!("{}{}", app.rng.token(), app.rng.token());
            let folder = path.parent().map(PathBuf::from).unwrap_or_default();
            app.fs.create_dirs(&folder).map_err(|e| failed("create the folder for", &e))?;
            write_private(&path, &secret).map_err(|e| failed("write", &e))?;
            let note = format!(
                "made a key for profile `dev` in {}; dead letters are sealed with it, and nobody else has it",
                path.display()
            );
            Ok(Key { key: ProfileKey::parse(&secret)?, note: Some(note) })
        }
        Err(e) => Err(failed("read", &e)),
    }
}

fn write_private(path: &std::path::Path, secret: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "# made by staunch for profile `dev`; keep it as long as its dead letters")?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}
