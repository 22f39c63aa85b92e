//! Reading the files of a project: bounded in size, UTF-8, never outside the project.

use staunch_types::{Error, Place, Result, codes};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

/// The largest file of a project, in bytes.
pub(crate) const LARGEST: u64 = 1 << 20;

/// The text of `file`, which is relative to `root`; `None` if there is none. A byte order mark is removed.
pub(crate) fn read(root: &Path, file: &Path) -> Result<Option<String>> {
    read_up_to(LARGEST, root, file)
}

/// The same for a file of another size.
pub(crate) fn read_up_to(largest: u64, root: &Path, file: &Path) -> Result<Option<String>> {
    let path = root.join(file);
    let io = |error: &std::io::Error| {
        Error::io(codes::YAML, "read the file", file, error).hint("see that it is a readable file")
    };
    let opened = match std::fs::File::open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(&error)),
    };
    // A pipe or device would block or never end.
    if !opened.metadata().map_err(|e| io(&e))?.is_file() {
        return Err(Error::new(codes::YAML, "this is not a file")
            .place(Place::file(file))
            .hint("put a file there"));
    }
    let mut bytes = Vec::new();
    opened.take(largest + 1).read_to_end(&mut bytes).map_err(|e| io(&e))?;
    if bytes.len() as u64 > largest {
        let message = format!("the file is larger than {} MiB", largest >> 20);
        let error = Error::new(codes::YAML, message).place(Place::file(file));
        return Err(error.hint("split it; data do not belong into the files of a project"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
            let line = text.split('\n').count() as u64;
            let column = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
            let place = Place::file(file).at(line, column);
            Err(Error::new(codes::YAML, "the file is not UTF-8").place(place).hint("save it as UTF-8"))
        }
    }
}

/// The names in the folder `folder`, which is relative to `root`, sorted; hidden ones left out. A folder that is not there is empty.
pub(crate) fn list(root: &Path, folder: &Path) -> Result<Vec<String>> {
    let io = |error: &std::io::Error| {
        Error::io(codes::YAML, "list the folder", folder, error).hint("see that it is a readable folder")
    };
    let entries = match std::fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(&error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| io(&e))?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The path of `written`, as written in a file of `folder`, relative to the project; `None` if it leads out of the project
/// or is absolute.
pub(crate) fn beside(folder: &Path, written: &str) -> Option<PathBuf> {
    if written.contains(['\0', '\\']) {
        return None;
    }
    let mut path = PathBuf::new();
    for part in folder.join(written).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// Whether the file lies below the project when all links are followed. A file that is not there does.
pub(crate) fn inside(root: &Path, file: &Path) -> bool {
    match (std::fs::canonicalize(root), std::fs::canonicalize(root.join(file))) {
        (Ok(root), Ok(file)) => file.starts_with(root),
        (_, Err(error)) => error.kind() == ErrorKind::NotFound,
        (Err(_), _) => false,
    }
}
