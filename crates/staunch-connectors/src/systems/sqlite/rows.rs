//! The rows of one epoch, inside the transaction of its apply.
//!
//! **Append and replace.** One prepared INSERT, row after row. A row that a constraint refuses undoes its own statement and
//! nothing else; it is dead, with its ordinal and the name of the constraint.
//!
//! **Upsert**, and a replace of what is upserted in other runs. Every row is offered, in its order, as if each were an epoch of its own: the last row of a key that the target
//! takes is the one that stays, and no cut of the epochs can be seen in the table. What a later row of the work replaced is counted as superseded ([`Keys`]).
//!
//! **Invariants.** rows = applied + unchanged + superseded + dead, and the rows are those that the descriptors tell; otherwise
//! nothing is applied. A reason never holds a value.

use super::keys::Keys;
use super::segment::Staging;
use super::table::Table;
use super::value::{Bound, Columns};
use crate::rowhash::FarSum;
use rusqlite::{Connection, Statement, ffi};
use staunch_commit::{Applied, ApplyWork};
use staunch_types::{Error, Place, Result, WriteMode, codes};

/// An error of the database or of Staunch; `?` takes both.
pub(super) enum Failure {
    Database(rusqlite::Error),
    Staunch(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Staunch(error)
    }
}

/// What applies the rows of a work.
pub(super) struct Rows<'a> {
    pub(super) tx: &'a Connection,
    pub(super) table: &'a Table<'a>,
    pub(super) staging: &'a Staging,
    /// Rows that the target may refuse before the whole epoch is taken back.
    pub(super) rejected_at_most: u64,
}

impl Rows<'_> {
    /// Applies the segments of a work, in their order.
    pub(super) fn apply(&self, work: &ApplyWork) -> Result<Applied, Failure> {
        for segment in &work.segments {
            self.staging.check(segment)?;
        }
        if work.mode == WriteMode::Replace {
            self.tx.execute(&self.table.clear(), [])?;
        }
        let keyed = work.mode == WriteMode::Upsert || work.keyed;
        let sql = if keyed { self.table.upsert() } else { self.table.insert() };
        let mut holds = if keyed && self.table.has_triggers(self.tx)? {
            Some(self.tx.prepare(&self.table.holds())?)
        } else {
            None
        };
        let mut keys = if keyed { Some(Keys::new(self.tx, &self.table.key_fields())?) } else { None };

        let mut done = Applied::default();
        let mut sum = FarSum::new(self.table.contract);
        let mut statement = self.tx.prepare(&sql)?;
        let mut scratch = String::new();
        let mut ordinal = 0_u64;
        for segment in &work.segments {
            for batch in self.staging.read(segment, None)? {
                let batch = batch?;
                let columns = Columns::of(self.table.contract, &batch)?;
                sum.add(&batch)?;
                for row in 0..batch.num_rows() {
                    let mut written = self.write(&columns, row, &mut statement, &mut scratch)?;
                    if let (Written::Changed(false), true) =
                        (&written, !keyed || left_out(&columns, row, &mut holds, &mut scratch)?)
                    {
                        written = Written::Dead("a trigger of the table left the row out".to_owned());
                    }
                    match written {
                        Written::Dead(reason) => self.bury(&mut done, ordinal, reason)?,
                        Written::Changed(changed) => match &mut keys {
                            Some(keys) => keys.count(&columns, row, changed, &mut scratch, &mut done)?,
                            None => done.applied += 1,
                        },
                    }
                    ordinal += 1;
                }
            }
        }
        drop(keys);
        if keyed {
            Keys::forget(self.tx)?;
        }
        done.rows = sum.rows();
        done.hash_sum = Some(sum.hex());
        self.balance(work, &done)?;
        Ok(done)
    }

    fn write(
        &self,
        columns: &Columns<'_>,
        row: usize,
        statement: &mut Statement<'_>,
        scratch: &mut String,
    ) -> Result<Written, Failure> {
        match columns.bind(columns.all(), row, statement, scratch) {
            Ok(Bound::Whole) => {}
            Ok(Bound::Refused(reason)) => return Ok(Written::Dead(reason)),
            Err(error) => return self.refused(error),
        }
        match statement.raw_execute() {
            Ok(changed) => Ok(Written::Changed(changed > 0)),
            Err(error) => self.refused(error),
        }
    }

    /// A refused row, or a failure of the whole.
    fn refused(&self, error: rusqlite::Error) -> Result<Written, Failure> {
        let Some(reason) = reason(&error) else { return Err(error.into()) };
        if self.tx.is_autocommit() {
            // A trigger may roll the whole transaction back: then there is nothing left to go on with.
            let message = format!("a row made the target take the whole epoch back: {reason}");
            return Err(self.rejected(message).into());
        }
        Ok(Written::Dead(reason))
    }

    fn bury(&self, done: &mut Applied, ordinal: u64, reason: String) -> Result<(), Failure> {
        done.dead.push((ordinal, reason));
        if done.dead.len() as u64 <= self.rejected_at_most {
            return Ok(());
        }
        let mut reasons: Vec<&str> = done.dead.iter().map(|(_, reason)| reason.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let first = done.dead.first().map_or(0, |(row, _)| row + 1);
        let message = format!(
            "the target refused more than {} rows of this epoch, row {first} of it first",
            self.rejected_at_most
        );
        Err(self.rejected(message).cause(reasons.join("; ")).into())
    }

    fn rejected(&self, message: String) -> Error {
        Error::new(codes::SINK_REJECTED, message)
            .place(Place::file(self.table.file))
            .hint("nothing of the epoch was applied: mend the table or the data and run again; or allow more refusals with --dead-letters-at-most; or begin anew with --full-refresh")
    }

    /// The books of the write, before they are committed.
    fn balance(&self, work: &ApplyWork, done: &Applied) -> Result<()> {
        let wanted: u64 = work.segments.iter().map(|s| s.rows).sum();
        let found = done.applied + done.unchanged + done.superseded + done.dead.len() as u64;
        if wanted == done.rows && found == done.rows {
            return Ok(());
        }
        let message =
            format!("segments tell {wanted} rows, {} were read, {found} were accounted for", done.rows);
        Err(Error::new(codes::IMBALANCE, message)
            .place(Place::file(self.table.file))
            .hint("nothing of the epoch was applied: keep the state folder and report this"))
    }
}

enum Written {
    /// The target took the row; whether it changed anything.
    Changed(bool),
    /// The target refused it, and why.
    Dead(String),
}

/// Whether the row that an upsert did not change is not in the table either (`holds`: the statement that looks, where there are triggers).
fn left_out(
    columns: &Columns<'_>,
    row: usize,
    holds: &mut Option<Statement<'_>>,
    scratch: &mut String,
) -> rusqlite::Result<bool> {
    let Some(holds) = holds else { return Ok(false) };
    match columns.bind(columns.all(), row, holds, scratch)? {
        Bound::Whole => Ok(holds.raw_query().next()?.is_none()),
        Bound::Refused(_) => Ok(true),
    }
}

/// Why the target refuses a row; `None` if the error is not about the row. Messages of SQLite name columns and constraints; that of a
/// trigger is the user's own text and might hold a value, so it is not passed on.
fn reason(error: &rusqlite::Error) -> Option<String> {
    let rusqlite::Error::SqliteFailure(error, message) = error else { return None };
    let named = |what: &str| match message.as_deref().and_then(|m| m.split_once("constraint failed: ")) {
        Some((_, name)) => format!("{what}: {name}"),
        None => what.to_owned(),
    };
    match (error.code, error.extended_code) {
        (ffi::ErrorCode::ConstraintViolation, extended) => Some(match extended {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => named("unique key"),
            ffi::SQLITE_CONSTRAINT_NOTNULL => named("not null"),
            ffi::SQLITE_CONSTRAINT_CHECK => named("check"),
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "foreign key".to_owned(),
            ffi::SQLITE_CONSTRAINT_TRIGGER => "a trigger of the table".to_owned(),
            ffi::SQLITE_CONSTRAINT_DATATYPE => "type of a column in a strict table".to_owned(),
            _ => "a constraint".to_owned(),
        }),
        (ffi::ErrorCode::TooBig, _) => Some("a value is larger than SQLite takes".to_owned()),
        (ffi::ErrorCode::TypeMismatch, _) => Some("type of the row's number".to_owned()),
        _ => None,
    }
}
