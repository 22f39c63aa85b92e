//! The control store of one machine: `control.db` in the state folder.

use crate::control::{Control, OpenOutcome, RunRow, RunState};
use crate::lease::{self, Lease};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use staunch_types::{Access, Error, Fs, LocalFs, Micros, Place, Result, RunId, codes, failpoint};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The version of the tables; a database of a higher one is refused.
const VERSION: i64 = 1;

/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// How many damaged databases are kept for evidence.
const DAMAGED_MAX: u32 = 3;

const TABLES: &str = "
CREATE TABLE runs (
    run TEXT NOT NULL PRIMARY KEY,
    pipeline TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    started INTEGER NOT NULL,
    ended INTEGER,
    first_epoch INTEGER NOT NULL,
    last_epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    records INTEGER NOT NULL,
    written INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    late INTEGER NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX runs_started ON runs (started, run);
CREATE INDEX runs_pipeline ON runs (pipeline, started, run);
-- One row: whether the index holds all runs of the epoch logs.
CREATE TABLE whole (whole INTEGER NOT NULL) STRICT;
INSERT INTO whole VALUES (0);
";

const COLUMNS: &str = "run, pipeline, state, started, ended, first_epoch, last_epoch, generation, records, written, \
                       dead, late, error";

/// Lock files and a SQLite database in a folder.
#[derive(Debug)]
pub struct ControlStore {
    dir: PathBuf,
    outcome: OpenOutcome,
    connection: Mutex<Connection>,
}

impl ControlStore {
    /// Opens the store in the state folder `dir`, which is created if need be. A damaged database is moved aside, and a
    /// new one begun; see [`ControlStore::outcome`].
    ///
    /// # Errors
    /// `Store.Unavailable` if the folder cannot be written or the database was made by a newer Staunch.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("control.db");
        let io = |doing: &str, error: &std::io::Error| {
            Error::io(codes::STORE, doing, &path, error).hint("make the state folder writable")
        };
        LocalFs.create_dirs(dir, Access::Private).map_err(|e| io("create the state folder", &e))?;
        // Two processes must not create or move the database at the same time. The lock is held for this call only.
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("control.lock"))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|e| io("lock the control store", &e))?;

        let found = match LocalFs.len(&path).map_err(|e| io("look for the control store", &e))? {
            None | Some(0) => {
                // A log without its database belongs to nothing.
                for side in side_files(&path) {
                    remove(&side).map_err(|e| io("remove the rest of a database", &e))?;
                }
                None
            }
            Some(_) => Some(Self::open_found(&path)),
        };
        let (connection, outcome) = match found {
            None => (create(&path)?, OpenOutcome::Created),
            Some(Ok((connection, true))) => (connection, OpenOutcome::Opened),
            Some(Ok((connection, false))) => (connection, OpenOutcome::Unfinished),
            Some(Err(Found::Error(error))) => return Err(error),
            Some(Err(Found::Damaged(reason))) => {
                let moved_to = move_aside(&path).map_err(|e| io("move a damaged database aside", &e))?;
                LocalFs.sync_dir(dir).map_err(|e| io("move a damaged database aside", &e))?;
                (create(&path)?, OpenOutcome::Replaced { moved_to, reason })
            }
        };
        drop(lock);
        Ok(Self { dir: dir.to_owned(), outcome, connection: Mutex::new(connection) })
    }

    /// What was found when it was opened.
    #[must_use]
    pub fn outcome(&self) -> &OpenOutcome {
        &self.outcome
    }

    /// Opens a database that is there; and whether it is whole.
    fn open_found(path: &Path) -> Result<(Connection, bool), Found> {
        let judge = |error: rusqlite::Error| match kind(&error) {
            Failure::Damaged => Found::Damaged(what(&error)),
            Failure::Other => Found::Error(error_at(path, &error)),
        };
        let connection = connect(path).map_err(judge)?;
        let version =
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).map_err(judge)?;
        if version > VERSION {
            let message =
                format!("the control store has version {version}, and this Staunch knows {VERSION}");
            let hint = "use the newer Staunch; or remove control.db: the index of runs is made again from the epoch logs";
            return Err(Found::Error(Error::new(codes::STORE, message).place(Place::file(path)).hint(hint)));
        }
        if version < VERSION {
            return Err(Found::Damaged(format!("it has version {version}, which no Staunch wrote")));
        }
        tune(&connection).map_err(judge)?;
        let check = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        if check.map_err(judge)? != "ok" {
            return Err(Found::Damaged("its pages contradict each other".into()));
        }
        // The tables must be as this version made them; anything else was made by somebody else.
        connection
            .prepare(&format!("SELECT {COLUMNS} FROM runs"))
            .map_err(|_| Found::Damaged("it lacks the table of runs".into()))?;
        let whole = connection
            .query_row("SELECT whole FROM whole", [], |row| row.get::<_, bool>(0))
            .map_err(|_| Found::Damaged("it lacks the mark that it is whole".into()))?;
        Ok((connection, whole))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic of another thread cannot leave a connection in between: every call is one statement or transaction.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: &rusqlite::Error) -> Error {
        error_at(&self.dir.join("control.db"), error)
    }
}

impl Control for ControlStore {
    fn lease(&self, pipeline: &str, pid: u32, started: Micros) -> Result<Lease> {
        lease::take(&self.dir, pipeline, pid, started)
    }

    fn take_over(&self, pipeline: &str, pid: u32, started: Micros) -> Result<(Lease, Option<String>)> {
        lease::take_over(&self.dir, pipeline, pid, started)
    }

    fn held(&self, pipeline: &str) -> Result<bool> {
        lease::held(&self.dir, pipeline)
    }

    fn upsert_run(&self, row: &RunRow) -> Result<()> {
        if !RunState::ALL.contains(&row.state.as_str()) {
            let message = "a run has a state that there is not";
            return Err(
                Error::new(codes::INTERNAL, message).hint("report this with the command that led to it")
            );
        }
        failpoint::pass("control.before_upsert");
        let sql =
            format!("INSERT OR REPLACE INTO runs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        let connection = self.connection();
        let done = connection.prepare_cached(&sql).and_then(|mut statement| {
            statement.execute(params![
                row.run.0,
                row.pipeline,
                row.state,
                row.started,
                row.ended,
                row.first_epoch.cast_signed(),
                row.last_epoch.cast_signed(),
                row.generation.cast_signed(),
                row.records.cast_signed(),
                row.written.cast_signed(),
                row.dead.cast_signed(),
                row.late.cast_signed(),
                row.error,
            ])
        });
        done.map_err(|e| self.failed(&e))?;
        failpoint::pass("control.after_upsert");
        Ok(())
    }

    fn runs(&self, pipeline: Option<&str>, limit: usize) -> Result<Vec<RunRow>> {
        let filter = if pipeline.is_some() { "pipeline = ?1" } else { "?1 IS NULL" };
        let sql =
            format!("SELECT {COLUMNS} FROM runs WHERE {filter} ORDER BY started DESC, run DESC LIMIT ?2");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&sql).map_err(|e| self.failed(&e))?;
        let rows = statement.query_map(params![pipeline, limit], read).map_err(|e| self.failed(&e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.failed(&e))
    }

    fn forget(&self, pipeline: &str, last_epoch: u64) -> Result<()> {
        // What has just begun has no epoch yet.
        let sql = "DELETE FROM runs WHERE pipeline = ?1 AND last_epoch BETWEEN 1 AND ?2";
        failpoint::pass("control.before_forget");
        let done = self.connection().execute(sql, params![pipeline, last_epoch.cast_signed()]);
        done.map_err(|e| self.failed(&e))?;
        failpoint::pass("control.after_forget");
        Ok(())
    }

    fn run(&self, id: &RunId) -> Result<Option<RunRow>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE run = ?");
        self.connection().query_row(&sql, [id.as_str()], read).optional().map_err(|e| self.failed(&e))
    }

    fn forget_all(&self) -> Result<()> {
        let sql = "BEGIN IMMEDIATE; DELETE FROM runs; UPDATE whole SET whole = 0; COMMIT";
        let connection = self.connection();
        connection.execute_batch(sql).map_err(|e| {
            let error = self.failed(&e);
            // Fails where nothing was begun: then there is nothing to take back.
            let _ = connection.execute_batch("ROLLBACK");
            error
        })
    }

    fn rebuilt(&self) -> Result<()> {
        self.connection().execute("UPDATE whole SET whole = 1", []).map(|_| ()).map_err(|e| self.failed(&e))
    }
}

/// Why a database that is there was not opened.
enum Found {
    Damaged(String),
    Error(Error),
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Sets up a connection to a database of our own.
fn tune(connection: &Connection) -> rusqlite::Result<()> {
    // The index can be made again: what a power cut takes from it is no loss, a torn file would be.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Makes an empty database.
fn create(path: &Path) -> Result<Connection> {
    let make = || {
        let connection = connect(path)?;
        tune(&connection)?;
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE;{TABLES}PRAGMA user_version = {VERSION};COMMIT;"))?;
        Ok(connection)
    };
    make().map_err(|error| error_at(path, &error))
}

fn side_files(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|end| with_end(path, end))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn remove(path: &Path) -> std::io::Result<()> {
    match LocalFs.remove(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Gives a damaged database, and its log, another name; the last of [`DAMAGED_MAX`] names is used again.
fn move_aside(path: &Path) -> std::io::Result<PathBuf> {
    let mut to = with_end(path, ".damaged-1");
    for n in 2..=DAMAGED_MAX {
        if LocalFs.len(&to)?.is_none() {
            break;
        }
        to = with_end(path, &format!(".damaged-{n}"));
    }
    for (from, to) in side_files(path).into_iter().zip(side_files(&to)) {
        remove(&to)?;
        if LocalFs.len(&from)?.is_some() {
            LocalFs.rename(&from, &to)?;
        }
    }
    LocalFs.rename(path, &to)?;
    Ok(to)
}

/// All rows of the index, newest first.
pub(crate) fn rows_of(connection: &Connection) -> rusqlite::Result<Vec<RunRow>> {
    let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY started DESC, run DESC");
    connection.prepare(&sql)?.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let number = |column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(RunRow {
        run: RunId(row.get("run")?),
        pipeline: row.get("pipeline")?,
        state: row.get("state")?,
        started: row.get("started")?,
        ended: row.get("ended")?,
        first_epoch: number("first_epoch")?,
        last_epoch: number("last_epoch")?,
        generation: number("generation")?,
        records: number("records")?,
        written: number("written")?,
        dead: number("dead")?,
        late: number("late")?,
        error: row.get("error")?,
    })
}

enum Failure {
    Damaged,
    Other,
}

fn kind(error: &rusqlite::Error) -> Failure {
    match error {
        rusqlite::Error::SqliteFailure(e, _) => match e.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Failure::Damaged,
            _ => Failure::Other,
        },
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => Failure::Damaged,
        _ => Failure::Other,
    }
}

/// What SQLite says, without anything that stands in the database.
fn what(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(e, _) => rusqlite::ffi::code_to_str(e.extended_code).to_lowercase(),
        _ => "a row cannot be read".into(),
    }
}

fn error_at(path: &Path, error: &rusqlite::Error) -> Error {
    let (code, message, hint) = match kind(error) {
        Failure::Damaged => (
            codes::STORE_CORRUPT,
            "the control store is damaged",
            "run again: it is moved aside and made again from the epoch logs",
        ),
        Failure::Other => (
            codes::STORE,
            "the control store cannot be used",
            "make the state folder writable on a local disk with free space, and run again",
        ),
    };
    Error::new(code, message).place(Place::file(path)).cause(what(error)).hint(hint)
}

#[cfg(test)]
mod tests;
