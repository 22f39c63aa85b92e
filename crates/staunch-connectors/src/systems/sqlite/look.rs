//! A database looked at without a trace: not even the files beside it that SQLite makes for readers.

use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::path::Path;

/// Opens a database for reading. Where a writer has left a log beside it, that log is read with it; where there is none, SQLite is
/// told that nobody writes, so that it makes none.
pub(super) fn open(file: &Path) -> rusqlite::Result<Connection> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let logged = std::fs::metadata(Path::new(&log)).is_ok_and(|meta| meta.len() > 0);
    let mut uri = String::from("file:");
    for byte in file.as_os_str().as_encoded_bytes() {
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

/// Whether there is a table of this name.
pub(super) fn table(database: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    database.query_row(sql, [name], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}
