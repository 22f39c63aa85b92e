//! A look at what a control store holds, without making, mending or locking anything.

use crate::control::RunRow;
use crate::lease;
use crate::sqlite::rows_of;
use rusqlite::{Connection, OpenFlags};
use staunch_types::{Error, Place, Result, codes};
use std::fmt::Write as _;
use std::path::Path;

/// Who runs a pipeline now, in words (`process 4711`); `None` where nobody does.
///
/// # Errors
/// `Store.Unavailable`; `ST0006` for a name that no pipeline can have.
pub fn holder(dir: &Path, pipeline: &str) -> Result<Option<String>> {
    lease::look(dir, pipeline)
}

/// The index of runs in `dir`; `None` where there is none yet.
///
/// # Errors
/// `Store.Corrupt` for one that cannot be read: the next command that needs it makes it anew.
pub fn index(dir: &Path) -> Result<Option<Vec<RunRow>>> {
    let path = dir.join("control.db");
    if !path.try_exists().map_err(|e| Error::io(codes::STORE, "look for the control store", &path, &e))? {
        return Ok(None);
    }
    let rows = open(&path).and_then(|connection| rows_of(&connection));
    rows.map(Some).map_err(|e| {
        Error::new(codes::STORE_CORRUPT, "the index of runs cannot be read")
            .place(Place::file(&path))
            .cause(e.to_string())
            .hint("`staunch runs` makes it anew from the epoch logs")
    })
}

/// Where no writer has left a log beside it, SQLite is told that nobody writes: it would make one to look.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let logged = std::fs::metadata(Path::new(&log)).is_ok_and(|meta| meta.len() > 0);
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            // Writing to a String cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri.push_str(if logged { "?mode=ro&readonly_shm=1" } else { "?immutable=1" });
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags)
}
