//! A table of a SQLite database as a target.
//!
//! **What it is.** An epoch is staged as an Arrow IPC file in the state folder and applied in one transaction, together with
//! its position in `staunch_commits`: either the rows and the position are there or neither. Applied again, an epoch gives the stored answer.
//!
//! **What it is not.** It reads no tables (that is a source's matter) and keeps no connection open between calls.
//!
//! **Invariants.** Only one row of `staunch_commits` says how far a table is, and it moves from the previous epoch to the next one or
//! not at all; an older generation moves nothing. Identifiers are quoted, values bound. A row that the target refuses is dead, with
//! its ordinal and the name of the constraint; an outage applies nothing.
//!
//! How values of each type are stored is listed at the head of `sqlite/value.rs`.

mod alter;
mod commits;
mod keys;
mod literal;
mod look;
mod rows;
mod segment;
mod table;
#[cfg(test)]
mod tests;
mod value;

use crate::systems::holds::Holder;
use crate::systems::shown;
use crate::systems::staged::staged_by;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use commits::{COMMITS, Claim, Commits};
use rows::{Failure, Rows};
use rusqlite::{Connection as Database, TransactionBehavior, ffi};
use segment::{ENDING, Staging};
use staunch_commit::{
    Applied, ApplyWork, Fence, Guarantee, Look, Ready, Segment, SegmentName, SegmentWriter, Sink,
};
use staunch_contract::Contract;
use staunch_contract::migration::{Keyed, Obstacle, Stored};
use staunch_pipeline::{Connection, Object, OptionReader};
use staunch_types::{Access, Epoch, Error, Fs, Place, RegionId, Result, WriteMode, codes, failpoint};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use table::Table;

/// What SQLite says when a sync has failed, of a file or of a folder.
const UNSYNCED: [i32; 2] = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];

/// How long a locked database is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// Rows of one epoch that the target may refuse, unless the caller says otherwise: their ordinals and reasons are kept in memory
/// and in the target.
pub const REJECTED_AT_MOST: u64 = 100_000;

/// What a SQLite sink is made of.
pub struct SqliteSinkSpec<'a> {
    /// The folder of the project.
    pub project: &'a Path,
    /// The connection, of type `sqlite`: `path`, relative to the project.
    pub connection: &'a Connection,
    /// The name of the object. It need not be declared; declared, it may name its `table`.
    pub object: &'a str,
    /// How rows enter the table.
    pub mode: WriteMode,
    /// The contract of the rows.
    pub contract: Arc<Contract>,
    /// The folder for staged segments: of this region, in the state folder.
    pub staging: PathBuf,
    /// Decode every staged segment and compare, before [`SegmentWriter::finish`] returns.
    pub verify_full: bool,
    /// Rows of one epoch that the target may refuse before its apply is taken back as `Sink.Rejected` (`None`: [`REJECTED_AT_MOST`]).
    pub rejected_at_most: Option<u64>,
    /// Where every durable effect but the database's own goes.
    pub fs: Arc<dyn Fs>,
}

/// A table of a SQLite database. See the head of the module.
pub struct SqliteSink {
    file: PathBuf,
    table: String,
    write: String,
    mode: WriteMode,
    contract: Arc<Contract>,
    staging: Staging,
    rejected_at_most: u64,
    fs: Arc<dyn Fs>,
}

impl SqliteSink {
    /// Reads the options and checks what can be checked without the database. Nothing is touched yet.
    ///
    /// # Errors
    /// `ST0005`, `ST0041` and the like for options; `ST0040` for an upsert without a key; `Sink.Schema` for a contract
    /// that no table can have. All at once.
    pub fn new(spec: SqliteSinkSpec<'_>) -> Result<Self> {
        let mut errors = Vec::new();
        let found = Self::table_of(spec.project, spec.connection, spec.object);
        let (file, table) = found.unwrap_or_else(|error| {
            errors.push(error);
            <(PathBuf, String)>::default()
        });
        let declared = spec.connection.objects.get(spec.object);
        let place = declared.map_or(&spec.connection.place, |object| &object.place);
        errors.extend(check_contract(&spec.contract, spec.mode, place));
        if let Some(error) = Error::many(errors) {
            return Err(error);
        }
        let staging = Staging {
            fs: Arc::clone(&spec.fs),
            folder: spec.staging,
            contract: Arc::clone(&spec.contract),
            verify_full: spec.verify_full,
        };
        Ok(Self {
            file,
            table,
            write: format!("{}/{}", spec.connection.name, spec.object),
            mode: spec.mode,
            contract: spec.contract,
            staging,
            rejected_at_most: spec.rejected_at_most.unwrap_or(REJECTED_AT_MOST),
            fs: spec.fs,
        })
    }

    /// The file and the table that a sink of this object would fill.
    ///
    /// # Errors
    /// As [`SqliteSink::new`] for options.
    pub fn table_of(project: &Path, connection: &Connection, object: &str) -> Result<(PathBuf, String)> {
        let mut errors = Vec::new();
        let what = format!("connection `{}`", connection.name);
        let mut reader = OptionReader::new(&connection.options, &what).at(&connection.place);
        let path = reader.required_text("path");
        // SQLite takes such names for something else than a file.
        if path.starts_with("file:") || path == ":memory:" || path.contains('\0') {
            reader.reject("path", "`path` does not name a file", "write a path such as `out/shop.db`");
        }
        errors.extend(reader.finish().err());
        let declared = connection.objects.get(object);
        let option = declared.map_or(Ok(None), |declared| table_option(connection, declared));
        let table = option.unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let table = table.unwrap_or_else(|| object.to_owned());
        let place = declared.map_or(&connection.place, |object| &object.place);
        errors.extend(check_name(&table, place).err());
        Error::many(errors).map_or(Ok((project.join(path), table)), Err)
    }

    /// The database file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// One line for `plan`.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("sqlite, table {}, {}", table::quoted(&self.table), self.mode)
    }

    fn open(&self) -> Result<Database> {
        let open = || -> rusqlite::Result<Database> {
            let database = Database::open(&self.file)?;
            database.busy_timeout(BUSY)?;
            database.pragma_update(None, "journal_mode", "WAL")?;
            database.pragma_update(None, "synchronous", "FULL")?;
            database.pragma_update(None, "foreign_keys", true)?;
            // Pages of a transaction that do not fit are written out early; temporary tables go to files.
            database.pragma_update(None, "cache_size", -65_536)?;
            database.pragma_update(None, "temp_store", "FILE")?;
            Ok(database)
        };
        open().map_err(|e| self.outage("open the database", &e))
    }

    /// Runs `work` in one immediate transaction.
    fn within<T>(&self, doing: &str, work: impl FnOnce(&Database) -> Result<T, Failure>) -> Result<T> {
        let mut database = self.open()?;
        let transaction = database
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| self.outage("begin a transaction", &e))?;
        let done = work(&transaction).map_err(|failure| self.failed(doing, failure))?;
        failpoint::pass("sqlite.before_commit");
        transaction.commit().map_err(|e| self.not_committed(&e))?;
        failpoint::pass("sqlite.after_commit");
        Ok(done)
    }

    fn failed(&self, doing: &str, failure: Failure) -> Error {
        match failure {
            Failure::Database(error) => self.outage(doing, &error),
            Failure::Staunch(error) => error,
        }
    }

    /// Alters the table, compares it with the contract, and takes all of it back. One that was altered already is not altered again.
    fn rehearse(&self, tx: &Database, table: &Table<'_>, from: &Contract) -> Result<(), Failure> {
        tx.execute_batch("SAVEPOINT staunch_rehearsal")?;
        let done = alter::carry_out(tx, table, from, true).and_then(|()| Ok(table.compare(tx)??));
        tx.execute_batch("ROLLBACK TO staunch_rehearsal; RELEASE staunch_rehearsal")?;
        done
    }

    /// Staged segments of this generation and older ones that no apply will ask for.
    fn doomed(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
        let folder = &self.staging.folder;
        let names =
            self.fs.list(folder).map_err(|e| staging_failed("list the staged segments", folder, &e))?;
        let own = crate::systems::staged::plain(&self.write);
        // Other sinks of the region stage here too.
        let ours = |name: &str| {
            staged_by(name, ENDING)
                .is_some_and(|(write, generation)| write == own && generation <= fence.generation)
        };
        Ok(names.iter().filter(|n| ours(n) && !needed.contains(*n)).map(|n| folder.join(n)).collect())
    }

    fn target(&self) -> Table<'_> {
        Table { name: &self.table, contract: &self.contract, mode: self.mode, file: &self.file }
    }

    fn commits(&self) -> Commits<'_> {
        Commits { target: &self.table, write: &self.write, file: &self.file }
    }

    fn outage(&self, doing: &str, error: &rusqlite::Error) -> Error {
        let (cause, hint) = match error {
            rusqlite::Error::SqliteFailure(code, message) => {
                let hint = match code.code {
                    ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked => {
                        "another process holds the database: end its transaction and run again"
                    }
                    ffi::ErrorCode::DiskFull => "free some space on the disk and run again",
                    ffi::ErrorCode::ReadOnly
                    | ffi::ErrorCode::PermissionDenied
                    | ffi::ErrorCode::CannotOpen => "check that the file and its folder can be written",
                    ffi::ErrorCode::NotADatabase | ffi::ErrorCode::DatabaseCorrupt => {
                        "the file is not a sound database: restore it, or choose another `path:`"
                    }
                    _ => "mend the database and run again; nothing of the epoch was applied",
                };
                (message.clone().unwrap_or_else(|| code.to_string()), hint)
            }
            rusqlite::Error::SqlInputError { msg, .. } => {
                (msg.clone(), "the table was changed under the run: mend it and run again")
            }
            other => (other.to_string(), "mend the database and run again; nothing of the epoch was applied"),
        };
        // As with files of our own: after a sync that failed nothing is tried again before the next start has looked.
        let code = match error {
            rusqlite::Error::SqliteFailure(e, _) if UNSYNCED.contains(&e.extended_code) => codes::UNSYNCED,
            _ => codes::SINK_UNAVAILABLE,
        };
        Error::new(code, format!("cannot {doing}")).place(Place::file(&self.file)).cause(cause).hint(hint)
    }

    /// A commit that failed. A deferred constraint speaks only now, and no row can be told from the others.
    fn not_committed(&self, error: &rusqlite::Error) -> Error {
        if error.sqlite_error_code() == Some(ffi::ErrorCode::ConstraintViolation) {
            return Error::new(
                codes::SINK_REJECTED,
                "a deferred constraint of the target refused the epoch as a whole",
            )
            .place(Place::file(&self.file))
            .hint("nothing of the epoch was applied: mend the referenced table and run again");
        }
        self.outage("commit", error)
    }
}

#[async_trait]
impl Sink for SqliteSink {
    fn describe(&self) -> String {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        format!("table `{}` of the SQLite file `{name}`", self.table)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee {
            effect: "exactly-once-effect".to_owned(),
            mechanism: format!("rows and position in one SQLite transaction (table `{COMMITS}`)"),
        }
    }

    fn supports(&self, mode: WriteMode) -> bool {
        mode != WriteMode::Upsert || !self.contract.key.is_empty()
    }

    async fn prepare(&self, ready: &Ready) -> Result<()> {
        if let Some(parent) = self.file.parent().filter(|p| !p.as_os_str().is_empty()) {
            self.fs.create_dirs(parent, Access::Shared).map_err(|e| {
                Error::io(codes::SINK_UNAVAILABLE, "create the folder of the database", parent, &e)
                    .hint("check `path:` of the connection and the rights of the folder")
            })?;
        }
        let folder = &self.staging.folder;
        self.fs.create_dirs(folder, Access::Private).map_err(|e| {
            Error::io(codes::SINK_UNAVAILABLE, "create the staging folder", folder, &e)
                .hint("check the rights of the state folder")
        })?;
        self.within("prepare the table", |tx| {
            let table = Table { mode: ready.mode, ..self.target() };
            match &ready.from {
                Some(from) if table.is_there(tx)? => self.rehearse(tx, &table, from)?,
                _ => table.prepare(tx)??,
            }
            Commits::create(tx)?;
            Ok(())
        })
    }

    fn stored(&self) -> Stored {
        Stored::Table(if self.mode == WriteMode::Upsert { Keyed::Yes } else { Keyed::No })
    }

    async fn alterations(&self, from: &Contract) -> Result<Result<Vec<String>, Vec<Obstacle>>> {
        let there = self.fs.len(&self.file).map_err(|e| {
            Error::io(codes::SINK_UNAVAILABLE, "look at the database", &self.file, &e)
                .hint("check its rights")
        })?;
        if there.is_none() {
            return Ok(Ok(Vec::new()));
        }
        let look = || -> Result<Result<Vec<String>, Vec<Obstacle>>, Failure> {
            let database = look::open(&self.file)?;
            let table = self.target();
            if !table.is_there(&database)? {
                return Ok(Ok(Vec::new()));
            }
            Ok(alter::plan(&database, &table, from)?.map(|found| found.lines(table.name)))
        };
        look().map_err(|failure| self.failed("look at the table", failure))
    }

    async fn recover(&self, fence: &Fence) -> Result<Option<Epoch>> {
        self.within("read the position", |tx| {
            Commits::create(tx)?;
            Ok(self.commits().recover(tx, fence)??)
        })
    }

    fn keeps_position(&self) -> bool {
        true
    }

    fn stage(&self, name: &SegmentName) -> Result<Box<dyn SegmentWriter>> {
        self.staging.writer(name)
    }

    async fn apply(&self, work: &ApplyWork) -> Result<Applied> {
        failpoint::pass("sqlite.before_begin");
        self.within("apply an epoch", |tx| {
            Commits::create(tx)?;
            if let Claim::Done(done) = self.commits().claim(tx, work)?? {
                return Ok(done);
            }
            // What was decided before an edit is shown as it was decided.
            let contract = work.contract.as_deref().unwrap_or(&self.contract);
            let table = Table { mode: work.mode, contract, ..self.target() };
            if let Some(from) = &work.from {
                failpoint::pass("sqlite.before_alter");
                alter::carry_out(tx, &table, from, false)?;
                failpoint::pass("sqlite.after_alter");
            }
            let rejected_at_most = work
                .rejected_at_most
                .map_or(self.rejected_at_most, |budget| budget.min(self.rejected_at_most));
            let rows = Rows { tx, table: &table, staging: &self.staging, rejected_at_most };
            let done = rows.apply(work)?;
            failpoint::pass("sqlite.after_rows");
            self.commits().record(tx, work, &done)?;
            Ok(done)
        })
    }

    async fn sweep(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<()> {
        let doomed = self.doomed(fence, needed)?;
        for path in &doomed {
            match self.fs.remove(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(staging_failed("remove a segment", path, &e));
                }
                _ => {}
            }
        }
        let folder = &self.staging.folder;
        match doomed.is_empty() {
            true => Ok(()),
            false => {
                self.fs.sync_dir(folder).map_err(|e| staging_failed("make a folder durable", folder, &e))
            }
        }
    }

    async fn to_sweep(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<Vec<u64>> {
        let mut sizes = Vec::new();
        for path in self.doomed(fence, needed)? {
            sizes.extend(self.fs.len(&path).map_err(|e| staging_failed("look at a segment", &path, &e))?);
        }
        Ok(sizes)
    }

    async fn look(&self, region: &RegionId, _live: &[Segment], needed: &[Segment]) -> Result<Look> {
        let there = self.fs.len(&self.file).map_err(|e| {
            Error::io(codes::SINK_UNAVAILABLE, "look at the database", &self.file, &e)
                .hint("check its rights")
        })?;
        let mut look = Look::default();
        for segment in needed {
            look.broken.extend(self.staging.check(segment).err());
        }
        if there.is_none() {
            return Ok(look);
        }
        let database = look::open(&self.file).map_err(|e| self.outage("open the database", &e))?;
        let table = look::table(&database, &self.table).map_err(|e| self.outage("read the database", &e))?;
        look.there = table;
        if look::table(&database, COMMITS).map_err(|e| self.outage("read the database", &e))? {
            let position = self.commits().position(&database, region);
            look.position = position.map_err(|e| self.outage("read the position", &e))??;
        }
        Ok(look)
    }

    async fn preview(&self, _live: &[Segment], limit: usize) -> Result<RecordBatch> {
        // Opening would create a database; looking must not.
        let there = self.fs.len(&self.file).map_err(|e| {
            Error::io(codes::SINK_UNAVAILABLE, "look at the database", &self.file, &e)
                .hint("check its rights")
        })?;
        let columns = match there {
            Some(_) => {
                let database = self.open()?;
                self.target().first(&database, limit).map_err(|e| self.outage("read the table", &e))?
            }
            None => vec![Vec::new(); self.contract.fields.len()],
        };
        let rows = columns.first().map_or(0, Vec::len);
        let columns =
            self.contract.fields.iter().zip(&columns).map(|(f, values)| shown::column(&f.ty, values));
        shown::batch(&self.contract, columns.collect::<Result<_>>()?, rows)
    }

    fn rows<'a>(&'a self, segments: &'a [Segment], ordinals: &'a [u64]) -> Result<staunch_commit::Rows<'a>> {
        self.staging.picked(segments, ordinals)
    }
}

fn staging_failed(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::io(codes::SINK_UNAVAILABLE, doing, path, error).hint("check the rights of the state folder")
}

fn table_option(connection: &Connection, object: &Object) -> Result<Option<String>> {
    let what = format!("object `{}/{}`", connection.name, object.name);
    let mut reader = OptionReader::new(&object.options, &what).at(&object.place);
    let table = reader.text("table");
    reader.finish().map(|()| table)
}

fn check_name(table: &str, place: &Place) -> Result<()> {
    let lower = table.to_ascii_lowercase();
    let why = if table.is_empty() || table.contains('\0') {
        "a table needs a name without NUL characters"
    } else if lower.starts_with("sqlite_") {
        "names that begin with `sqlite_` belong to SQLite"
    } else if lower == COMMITS {
        "this table holds the positions of all others"
    } else {
        return Ok(());
    };
    Err(Error::new(codes::BAD_NAME, why).place(place.clone()).hint("choose another name in `table:`"))
}

fn check_contract(contract: &Contract, mode: WriteMode, place: &Place) -> Vec<Error> {
    let mut errors = Vec::new();
    if contract.fields.is_empty() {
        let message = format!("`{}` has no fields, and a table needs a column", contract.id());
        errors.push(
            Error::new(codes::SINK_SCHEMA, message).place(place.clone()).hint("write a stage with fields"),
        );
    }
    errors.extend(Holder::SqliteSink.check(contract, place));
    for (at, field) in contract.fields.iter().enumerate() {
        let before = contract.fields.get(..at).unwrap_or_default();
        if before.iter().any(|f| f.name.eq_ignore_ascii_case(&field.name)) {
            let message = format!(
                "`{}` differs from another field by case alone, which SQLite does not see",
                field.name
            );
            let error = Error::new(codes::SINK_SCHEMA, message).place(place.clone()).field(&field.name);
            errors.push(error.hint("rename one of them in the stage"));
        }
    }
    if mode == WriteMode::Upsert {
        let whole = contract.key.iter().all(|k| contract.field(k).is_some_and(|f| !f.nullable));
        if contract.key.is_empty() || !whole {
            let message =
                format!("`mode: upsert` needs a key without nulls, which `{}` does not have", contract.id());
            let error = Error::new(codes::WRITE_MODE, message).place(place.clone());
            errors.push(error.hint("declare `key:` in the contract of the stage, or use another mode"));
        }
    }
    errors
}
