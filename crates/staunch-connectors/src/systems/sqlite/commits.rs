//! `staunch_commits`: how far a table has come, in the target itself.
//!
//! One row per table and region. It is changed in the transaction that changes the rows, so the two cannot disagree; a table that
//! another region has written is seen, because rows are looked up by table and not by region.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row, params};
use staunch_commit::{Applied, ApplyWork, Fence};
use staunch_types::{Epoch, Error, Place, RegionId, Result, WriteMode, codes, planted};
use std::path::Path;

/// The name of the table.
pub(super) const COMMITS: &str = "staunch_commits";

const CREATE: &str = "CREATE TABLE IF NOT EXISTS staunch_commits (
    target TEXT NOT NULL COLLATE NOCASE, region TEXT NOT NULL, write TEXT NOT NULL,
    epoch INTEGER, generation INTEGER NOT NULL, run TEXT,
    applied INTEGER, unchanged INTEGER, superseded INTEGER, dead INTEGER, rows INTEGER, hash_sum TEXT, rejected TEXT,
    PRIMARY KEY (target, region))";

/// The positions of one table.
pub(super) struct Commits<'a> {
    /// The table that is written.
    pub(super) target: &'a str,
    /// The write.
    pub(super) write: &'a str,
    /// The database, for messages.
    pub(super) file: &'a Path,
}

/// Whether an epoch is to be applied.
pub(super) enum Claim {
    /// It is, in this transaction.
    Mine,
    /// It was applied before, and this came of it.
    Done(Applied),
}

/// What a row of the table says.
struct Stored {
    region: String,
    write: String,
    epoch: Option<i64>,
    generation: i64,
}

impl Commits<'_> {
    /// Creates the table if it is missing.
    pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(CREATE)
    }

    /// Fences older generations and tells the last applied epoch.
    pub(super) fn recover(&self, tx: &Connection, fence: &Fence) -> rusqlite::Result<Result<Option<Epoch>>> {
        let stored = match self.stored(tx, &fence.region)? {
            Ok(stored) => stored,
            Err(error) => return Ok(Err(error)),
        };
        let generation = integer(fence.generation.0);
        let Some(stored) = stored else {
            // The fence must hold before the first epoch too.
            tx.execute(
                "INSERT INTO staunch_commits (target, region, write, generation) VALUES (?1, ?2, ?3, ?4)",
                params![self.target, fence.region.as_str(), self.write, generation],
            )?;
            return Ok(Ok(None));
        };
        if stored.generation > generation {
            return Ok(Err(self.fenced()));
        }
        tx.execute(
            "UPDATE staunch_commits SET generation = ?3 WHERE target = ?1 AND region = ?2 AND generation < ?3",
            params![self.target, fence.region.as_str(), generation],
        )?;
        Ok(Ok(stored.epoch.and_then(|e| u64::try_from(e).ok()).map(Epoch)))
    }

    /// Tells the last applied epoch, and fences nobody.
    pub(super) fn position(
        &self,
        connection: &Connection,
        region: &RegionId,
    ) -> rusqlite::Result<Result<Option<Epoch>>> {
        let stored = self.stored(connection, region)?;
        Ok(stored.map(|stored| stored.and_then(|s| s.epoch).and_then(|e| u64::try_from(e).ok()).map(Epoch)))
    }

    /// Moves the position from the previous epoch to this one, if it stands there. A replace asks for no position but an earlier
    /// one: whatever the target has lost, everything is written anew.
    pub(super) fn claim(&self, tx: &Connection, work: &ApplyWork) -> rusqlite::Result<Result<Claim>> {
        let stored = match self.stored(tx, &work.region)? {
            Ok(stored) => stored,
            Err(error) => return Ok(Err(error)),
        };
        let (epoch, generation) = (integer(work.epoch.0), integer(work.generation.0));
        let previous = work.previous.map(|e| integer(e.0));
        let region = work.region.as_str();
        let replaces = work.mode == WriteMode::Replace;
        if stored.is_none() && (previous.is_none() || replaces) {
            tx.execute(
                "INSERT INTO staunch_commits (target, region, write, generation) VALUES (?1, ?2, ?3, ?4)",
                params![self.target, region, self.write, generation],
            )?;
        }
        let moved = tx.execute(
            "UPDATE staunch_commits SET epoch = ?4, generation = ?5, run = ?6
             WHERE target = ?1 AND region = ?2 AND generation <= ?5
               AND (epoch IS ?3 OR (?7 AND (epoch IS NULL OR epoch < ?4)))",
            params![self.target, region, previous, epoch, generation, work.run.as_str(), replaces],
        )?;
        if moved == 1 {
            return Ok(Ok(Claim::Mine));
        }
        match stored {
            Some(_) if planted::bug("apply_twice") => Ok(Ok(Claim::Mine)),
            Some(stored) if stored.epoch == Some(epoch) => self.reply(tx, &work.region),
            Some(stored) if stored.generation > generation => Ok(Err(self.fenced())),
            stored => {
                let at = stored.and_then(|s| s.epoch).map_or("no epoch".to_owned(), |e| format!("epoch {e}"));
                let wanted = previous.map_or("no epoch".to_owned(), |e| format!("epoch {e}"));
                Ok(Err(self.ahead(&format!("the target is at {at} where {wanted} was expected"))
                    .hint("target and state folder do not belong together: restore both from one backup, or run with --full-refresh")))
            }
        }
    }

    /// Stores what came of the epoch that was claimed.
    pub(super) fn record(&self, tx: &Connection, work: &ApplyWork, done: &Applied) -> rusqlite::Result<()> {
        // Ordinals and reasons: a list of pairs is always valid JSON.
        let rejected = serde_json::to_string(&done.dead).unwrap_or_default();
        tx.execute(
            "UPDATE staunch_commits SET applied = ?3, unchanged = ?4, superseded = ?5, dead = ?6, rows = ?7, hash_sum = ?8,
             rejected = ?9 WHERE target = ?1 AND region = ?2",
            params![
                self.target,
                work.region.as_str(),
                integer(done.applied),
                integer(done.unchanged),
                integer(done.superseded),
                integer(done.dead.len() as u64),
                integer(done.rows),
                done.hash_sum,
                rejected
            ],
        )?;
        Ok(())
    }

    /// The row of this region; another region's or another write's row is an error.
    fn stored(&self, tx: &Connection, region: &RegionId) -> rusqlite::Result<Result<Option<Stored>>> {
        let mut statement =
            tx.prepare("SELECT region, write, epoch, generation FROM staunch_commits WHERE target = ?1")?;
        let rows = statement.query_map([self.target], |row| {
            Ok(Stored {
                region: row.get(0)?,
                write: row.get(1)?,
                epoch: row.get(2)?,
                generation: row.get(3)?,
            })
        })?;
        let mut own = None;
        for stored in rows {
            let stored = stored?;
            if stored.region != region.as_str() {
                let hint = format!(
                    "write to another table; or, if that pipeline or its state folder is gone, give the table up with its position, because every row is written again: DROP TABLE {}; DELETE FROM {COMMITS} WHERE region = '{}'",
                    super::table::quoted(self.target),
                    stored.region.replace('\'', "''")
                );
                return Ok(Err(self
                    .ahead("another pipeline, or an earlier state folder, has written this table")
                    .hint(hint)));
            }
            if stored.write != self.write {
                return Ok(Err(self
                    .ahead("another write of this pipeline has written this table")
                    .hint("let one write feed a table, or write to another table")));
            }
            own = Some(stored);
        }
        Ok(Ok(own))
    }

    fn reply(&self, tx: &Connection, region: &RegionId) -> rusqlite::Result<Result<Claim>> {
        let found = tx
            .query_row(
                "SELECT applied, unchanged, superseded, rows, hash_sum, rejected FROM staunch_commits
                 WHERE target = ?1 AND region = ?2",
                params![self.target, region.as_str()],
                |row| {
                    let rejected: Option<String> = row.get(5)?;
                    Ok(Applied {
                        applied: count(row, 0)?,
                        unchanged: count(row, 1)?,
                        superseded: count(row, 2)?,
                        dead: rejected.and_then(|r| serde_json::from_str(&r).ok()).unwrap_or_default(),
                        rows: count(row, 3)?,
                        hash_sum: row.get(4)?,
                    })
                },
            )
            .optional()?;
        Ok(found.map(Claim::Done).ok_or_else(|| self.ahead("the target has lost its position")))
    }

    fn ahead(&self, message: &str) -> Error {
        Error::new(codes::SINK_AHEAD, format!("table {}: {message}", super::table::quoted(self.target)))
            .place(Place::file(self.file))
    }

    fn fenced(&self) -> Error {
        Error::new(codes::FENCED, "a newer start of this pipeline has taken over the target")
            .place(Place::file(self.file))
            .hint("let the newer start go on, or stop it and run again")
    }
}

/// SQLite has signed numbers. Epochs and counts stay far below the bound; the bound itself is harmless.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let value: Option<i64> = optional(row, at)?;
    Ok(value.and_then(|v| u64::try_from(v).ok()).unwrap_or(0))
}

fn optional<T: FromSql>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    row.get(at)
}
