//! The keys that one work has written so far, so that the rows of one key are counted as one row that was shown and others that were superseded.
//!
//! They lie in a temporary table, which SQLite spills to a file: memory is bounded, whatever the number of keys.
//!
//! **Invariants.** A key counts as applied if any of its rows changed the target, otherwise as unchanged; each of its further rows is one superseded. Key columns are called
//! `k1`, `k2`, ...: names of users do not meet ours.

use super::table::declared;
use super::value::{Bound, Columns};
use rusqlite::{Connection, Statement};
use staunch_commit::Applied;
use staunch_contract::Field;

/// The keys written by one work.
pub(super) struct Keys<'a> {
    /// Positions of the key's columns in the contract.
    key: Vec<usize>,
    add: Statement<'a>,
    promote: Statement<'a>,
}

impl<'a> Keys<'a> {
    /// No key yet. `fields` are those of the key, each with its position in the contract.
    pub(super) fn new(tx: &'a Connection, fields: &[(usize, &Field)]) -> rusqlite::Result<Self> {
        let names: Vec<String> = (1..=fields.len()).map(|n| format!("k{n}")).collect();
        let columns: Vec<String> = names
            .iter()
            .zip(fields)
            .map(|(name, (_, field))| format!("{name} {} NOT NULL", declared(&field.ty)))
            .collect();
        let same: Vec<String> = names.iter().zip(1..).map(|(name, n)| format!("{name} = ?{n}")).collect();
        let marks: Vec<String> = (1..=fields.len()).map(|n| format!("?{n}")).collect();
        let (columns, names) = (columns.join(", "), names.join(", "));
        Self::forget(tx)?;
        tx.execute_batch(&format!(
            "CREATE TEMP TABLE staunch_keys ({columns}, applied INTEGER NOT NULL DEFAULT 0, PRIMARY KEY ({names})) WITHOUT ROWID"
        ))?;
        Ok(Self {
            key: fields.iter().map(|(at, _)| *at).collect(),
            add: tx.prepare(&format!(
                "INSERT INTO temp.staunch_keys ({names}) VALUES ({}) ON CONFLICT DO NOTHING",
                marks.join(", ")
            ))?,
            promote: tx.prepare(&format!(
                "UPDATE temp.staunch_keys SET applied = 1 WHERE applied = 0 AND {}",
                same.join(" AND ")
            ))?,
        })
    }

    /// Drops the table.
    pub(super) fn forget(tx: &Connection) -> rusqlite::Result<()> {
        tx.execute_batch("DROP TABLE IF EXISTS temp.staunch_keys")
    }

    /// Counts a row that the target took; `changed`: it is not as it was before.
    pub(super) fn count(
        &mut self,
        columns: &Columns<'_>,
        row: usize,
        changed: bool,
        scratch: &mut String,
        done: &mut Applied,
    ) -> rusqlite::Result<()> {
        let first = on_key(&self.key, &mut self.add, columns, row, scratch)? == 1;
        let turned = changed && on_key(&self.key, &mut self.promote, columns, row, scratch)? == 1;
        match (first, turned) {
            (true, true) => done.applied += 1,
            (true, false) => done.unchanged += 1,
            (false, true) => {
                done.superseded += 1;
                done.unchanged -= 1;
                done.applied += 1;
            }
            (false, false) => done.superseded += 1,
        }
        Ok(())
    }
}

/// Runs a statement on the key of a row; how many rows it changed.
fn on_key(
    key: &[usize],
    statement: &mut Statement<'_>,
    columns: &Columns<'_>,
    row: usize,
    scratch: &mut String,
) -> rusqlite::Result<usize> {
    match columns.bind(key.iter().copied(), row, statement, scratch)? {
        Bound::Whole => statement.raw_execute(),
        // The target took this very key a moment ago, bound in the same way.
        Bound::Refused(_) => Err(rusqlite::Error::InvalidQuery),
    }
}
