//! Documents that are named on the command line and belong to no project: bounded in size, UTF-8.

use staunch_types::{Error, Place, Result, codes};
use std::io::Read as _;
use std::path::Path;

/// The longest document that data are in: an input, mocks, an execution.
pub(crate) const DATA_BYTES_MAX: usize = 256 << 20;

/// The text of a document of at most `most` bytes. A byte order mark is removed.
///
/// # Errors
/// `ST0001` if it is not there, no file, longer, or not UTF-8.
pub(crate) fn read(path: &Path, most: usize) -> Result<String> {
    let failed = |error: &std::io::Error| {
        Error::io(codes::YAML, "read the file", path, error).hint("see that it is a readable file")
    };
    let wrong = |what: String, hint: &str| Error::new(codes::YAML, what).place(Place::file(path)).hint(hint);
    let file = std::fs::File::open(path).map_err(|e| failed(&e))?;
    if file.metadata().map_err(|e| failed(&e))?.is_dir() {
        return Err(wrong("this is a folder".to_owned(), "name a file in it"));
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    if bytes.len() > most {
        return Err(wrong(format!("the file is larger than {} MiB", most >> 20), "name a smaller one"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(_) => Err(wrong("the file is not UTF-8".to_owned(), "save it as UTF-8")),
    }
}
