//! The rows of one epoch, inside the transaction of its apply.
//!
//! **Append and replace.** One prepared INSERT, row after row. A row that a constraint refuses undoes its own statement and
//! nothing else; it is dead, with its ordinal and the name of the constraint.
//!
//! **Upsert**, and a replace of what is upserted in other runs. The later row of the work wins. A first pass over the key columns alone finds the losers with the help of a
//! temporary table (which SQLite spills to a file, so memory is bounded); the second pass writes the winners.
//!
//! **Invariants.** rows = applied + unchanged + superseded + dead, and the rows are those that the descriptors tell; otherwise
//! nothing is applied. A reason never holds a value.

use super::segment::Staging;
use super::table::{Table, declared};
use super::value::{Bound, Columns};
use crate::rowhash::FarSum;
use rusqlite::{Connection, Statement, ffi};
use staunch_commit::{Applied, ApplyWork, Segment};
use staunch_contract::Field;
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
        let (sql, superseded) = match keyed {
            true => (self.table.upsert(), self.find_losers(&work.segments)?),
            false => (self.table.insert(), 0),
        };
        let mut losers = if superseded > 0 {
            Some(self.tx.prepare("SELECT ordinal FROM temp.staunch_losers ORDER BY ordinal")?)
        } else {
            None
        };
        let mut losers = losers.as_mut().map(|statement| statement.raw_query());
        let mut next_loser = next(&mut losers)?;

        let mut done = Applied { superseded, ..Applied::default() };
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
                    let here = ordinal;
                    ordinal += 1;
                    if next_loser == Some(here) {
                        next_loser = next(&mut losers)?;
                        continue;
                    }
                    match self.write(&columns, row, &mut statement, &mut scratch, keyed)? {
                        Written::Applied => done.applied += 1,
                        Written::Unchanged => done.unchanged += 1,
                        Written::Dead(reason) => self.bury(&mut done, here, reason)?,
                    }
                }
            }
        }
        drop(losers);
        if keyed {
            self.tx.execute_batch(
                "DROP TABLE IF EXISTS temp.staunch_losers; DROP TABLE IF EXISTS temp.staunch_last",
            )?;
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
        keyed: bool,
    ) -> Result<Written, Failure> {
        match columns.bind(row, statement, scratch) {
            Ok(Bound::Whole) => {}
            Ok(Bound::Refused(reason)) => return Ok(Written::Dead(reason)),
            Err(error) => return self.refused(error),
        }
        match statement.raw_execute() {
            Ok(0) if keyed => Ok(Written::Unchanged),
            Ok(0) => Ok(Written::Dead("a trigger of the table left the row out".to_owned())),
            Ok(_) => Ok(Written::Applied),
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
        let message = format!("the target refused more than {} rows of this epoch", self.rejected_at_most);
        Err(self.rejected(message).cause(reasons.join("; ")).into())
    }

    fn rejected(&self, message: String) -> Error {
        Error::new(codes::SINK_REJECTED, message)
            .place(Place::file(self.table.file))
            .hint("nothing of the epoch was applied: mend the table or the data and run again")
    }

    /// First pass of an upsert: the ordinals of rows that a later row with their key replaces.
    fn find_losers(&self, segments: &[Segment]) -> Result<u64, Failure> {
        let fields = self.table.key_fields();
        let positions: Vec<usize> = fields.iter().map(|(at, _)| *at).collect();
        let fields: Vec<&Field> = fields.iter().map(|(_, field)| *field).collect();
        let KeySql { create, insert, lose, renew } = KeySql::new(&fields);
        self.tx.execute_batch(&create)?;
        let mut insert = self.tx.prepare(&insert)?;
        let mut lose = self.tx.prepare(&lose)?;
        let mut renew = self.tx.prepare(&renew)?;
        let mut scratch = String::new();
        let (mut ordinal, mut losers) = (0_i64, 0);
        for segment in segments {
            for batch in self.staging.read(segment, Some(positions.clone()))? {
                let batch = batch?;
                let columns = Columns::new(&fields, &batch)?;
                for row in 0..batch.num_rows() {
                    let mut on_key = |statement: &mut Statement<'_>| -> rusqlite::Result<Option<usize>> {
                        match columns.bind(row, statement, &mut scratch) {
                            Ok(Bound::Whole) => {}
                            Ok(Bound::Refused(_)) => return Ok(None),
                            Err(error) if reason(&error).is_some() => return Ok(None),
                            Err(error) => return Err(error),
                        }
                        if statement.parameter_count() > fields.len() {
                            statement.raw_bind_parameter(fields.len() + 1, ordinal)?;
                        }
                        statement.raw_execute().map(Some)
                    };
                    // A key that cannot be stored (`None`) has no rivals; the second pass refuses its row.
                    if on_key(&mut insert)? == Some(0) {
                        on_key(&mut lose)?;
                        on_key(&mut renew)?;
                        losers += 1;
                    }
                    ordinal += 1;
                }
            }
        }
        Ok(losers)
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
    Applied,
    Unchanged,
    Dead(String),
}

/// The statements of the first pass. Key columns are called `k1`, `k2`, ...: names of users do not meet ours.
struct KeySql {
    create: String,
    insert: String,
    lose: String,
    renew: String,
}

impl KeySql {
    fn new(fields: &[&Field]) -> Self {
        let names: Vec<String> = (1..=fields.len()).map(|n| format!("k{n}")).collect();
        let columns: Vec<String> = names
            .iter()
            .zip(fields)
            .map(|(name, f)| format!("{name} {} NOT NULL", declared(&f.ty)))
            .collect();
        let same: Vec<String> = names.iter().zip(1..).map(|(name, n)| format!("{name} = ?{n}")).collect();
        let marks: Vec<String> = (1..=fields.len() + 1).map(|n| format!("?{n}")).collect();
        let (columns, names, same) = (columns.join(", "), names.join(", "), same.join(" AND "));
        let ordinal = fields.len() + 1;
        Self {
            create: format!(
                "DROP TABLE IF EXISTS temp.staunch_losers; DROP TABLE IF EXISTS temp.staunch_last;
                 CREATE TEMP TABLE staunch_losers (ordinal INTEGER PRIMARY KEY);
                 CREATE TEMP TABLE staunch_last ({columns}, ordinal INTEGER, PRIMARY KEY ({names})) WITHOUT ROWID"
            ),
            insert: format!(
                "INSERT INTO temp.staunch_last ({names}, ordinal) VALUES ({}) ON CONFLICT DO NOTHING",
                marks.join(", ")
            ),
            lose: format!("INSERT INTO temp.staunch_losers SELECT ordinal FROM temp.staunch_last WHERE {same}"),
            renew: format!("UPDATE temp.staunch_last SET ordinal = ?{ordinal} WHERE {same}"),
        }
    }
}

fn next(losers: &mut Option<rusqlite::Rows<'_>>) -> rusqlite::Result<Option<u64>> {
    let Some(rows) = losers else { return Ok(None) };
    let Some(row) = rows.next()? else { return Ok(None) };
    let ordinal: i64 = row.get(0)?;
    Ok(u64::try_from(ordinal).ok())
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
