//! What becomes of what lies stored under one contract when another takes its place: a verdict for each kind of stored thing.
//!
//! **What it is.** A [`Move`] from one contract to another, and its [`Judgement`] about one kind of [`Stored`] thing: it stays as it is, is
//! resolved when it is read, is altered by [`Step`]s in the terms of the contract, or is refused, with the field, the cause and the way out.
//! The changes are those of [`crate::diff`]; there is no second model of them.
//!
//! **What it is not.** It looks at nothing that is stored and knows no statement of any database: which statements a step takes is said by
//! the target's own connector.
//!
//! **Invariants.** Pure: two contracts in, a judgement out. Nothing that could change or lose a value is a step; it is refused. Equal
//! contracts are judged as [`Outcome::Stays`] everywhere.
//!
//! ```
//! use staunch_contract::migration::{Keyed, Move, Outcome, Stored};
//! use staunch_contract::Contract;
//! use std::path::Path;
//!
//! let read = |text: &str| Contract::from_yaml(text, Path::new("contracts/click.yaml"));
//! let old = read("{contract: click, version: 1, fields: {id: long}}")?;
//! let new = read("{contract: click, version: 2, fields: {id: long, note: string?}}")?;
//! let moved = Move::new(&old, &new)?;
//! let Outcome::Altered(steps) = moved.judge(Stored::Table(Keyed::No), true).outcome else { panic!() };
//! assert_eq!(steps[0].to_string(), "add `note`, null in the rows that are there");
//! # Ok::<(), staunch_types::Error>(())
//! ```

mod columns;
#[cfg(test)]
mod tests;

use crate::diff::{Change, Diff, Verdict, What};
use crate::model::{Contract, Field, Type};
use staunch_types::Result;
use std::fmt;

/// A kind of thing that lies stored under a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// A table whose columns can be altered.
    Table(Keyed),
    /// Files that stay beside each other, each with the columns that it was written with, and are read together by the names of these.
    Files(Format),
    /// Raw records that a read rejected; whether each carries the schema of its writer, as those of Avro files do.
    DeadLetters {
        /// It does.
        resolved: bool,
    },
    /// Rows that a target rejected, kept by column.
    RefusedRows,
    /// Rows that came too late.
    LateRows,
    /// What epochs put into a target that does not show it yet.
    Segments,
    /// What stages remember from run to run.
    State,
}

/// Whether rows of a table are found again by the key of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// An upsert.
    Yes,
    /// An append.
    No,
}

/// What files are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Parquet: typed columns, by name.
    Parquet,
    /// A JSON object a line: values, by name.
    Json,
    /// Avro container files: each with its writer's schema.
    Avro,
}

impl Format {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Json => "NDJSON",
            Self::Avro => "Avro",
        }
    }
}

impl Stored {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Table(_) => "table",
            Self::Files(_) => "files",
            Self::DeadLetters { .. } => "dead letters",
            Self::RefusedRows => "refused rows",
            Self::LateRows => "late rows",
            Self::Segments => "segments",
            Self::State => "state",
        }
    }
}

/// What happens to the columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A column gets another name.
    Rename {
        /// What it was called.
        from: String,
        /// What it is called.
        to: String,
    },
    /// A column is new. In the rows that are there it has the field's default, or null where it has none.
    Add(Box<Field>),
    /// The values of a column become values of a wider type.
    Retype {
        /// The column, by its new name.
        field: String,
        /// The type that it had.
        from: Type,
        /// The type that it has.
        to: Type,
    },
    /// A column may hold nulls now.
    Relax(String),
    /// A column belongs to the contract no more: it keeps what it holds, and is null in new rows.
    Retire(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename { from, to } => write!(f, "rename `{from}` to `{to}`"),
            Self::Add(field) if fills(field) => {
                write!(f, "add `{}`, its default in the rows that are there", field.name)
            }
            Self::Add(field) => write!(f, "add `{}`, null in the rows that are there", field.name),
            Self::Retype { field, from, to } => write!(f, "widen `{field}` from {from} to {to}"),
            Self::Relax(field) => write!(f, "let `{field}` be null"),
            Self::Retire(field) => {
                write!(f, "leave `{field}`, which keeps what it holds and is null in new rows")
            }
        }
    }
}

/// Whether a field has a default that is a value.
#[must_use]
pub fn fills(field: &Field) -> bool {
    field.default.as_ref().is_some_and(|value| !value.is_null())
}

/// Why something that is stored cannot go along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The field, or the way to a part of it; empty for the contract as a whole.
    pub field: String,
    /// Why.
    pub cause: String,
    /// What to do instead.
    pub way_out: String,
}

/// What becomes of something that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is none of its kind.
    None,
    /// It stays as it is, and means the same.
    Stays,
    /// It stays as it is, and whoever reads it resolves it: how.
    OnRead(String),
    /// Its columns are altered.
    Altered(Vec<Step>),
    /// It cannot go along.
    Refused(Vec<Obstacle>),
}

impl Outcome {
    /// The word for people and programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::None => "none stored",
            Self::Stays => "stays",
            Self::OnRead(_) => "resolved on read",
            Self::Altered(_) => "altered",
            Self::Refused(_) => "refused",
        }
    }
}

/// A verdict, with what else there is to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub outcome: Outcome,
    /// What changes nothing about it, and should be known.
    pub notes: Vec<String>,
}

impl Judgement {
    fn of(outcome: Outcome) -> Self {
        Self { outcome, notes: Vec::new() }
    }
}

/// From one contract to another.
#[derive(Debug, Clone)]
pub struct Move<'a> {
    /// Under which something was stored.
    pub old: &'a Contract,
    /// Under which it is to be read, or added to.
    pub new: &'a Contract,
    /// What changed.
    pub diff: Diff,
}

impl<'a> Move<'a> {
    /// Compares the two.
    ///
    /// # Errors
    /// `ST0033` if the two are too large to be compared.
    pub fn new(old: &'a Contract, new: &'a Contract) -> Result<Self> {
        Ok(Self { old, new, diff: Diff::new(old, new)? })
    }

    /// Whether it leads to an earlier version of the same contract.
    #[must_use]
    pub fn backwards(&self) -> bool {
        self.old.name == self.new.name && self.new.version < self.old.version
    }

    /// What becomes of something that is stored. `promised`: somebody declared the contract; what is merely implied by a query says of new rows
    /// whether they have nulls, and promises nothing about those that are there.
    #[must_use]
    pub fn judge(&self, stored: Stored, promised: bool) -> Judgement {
        let same = self.diff.counting().next().is_none();
        match stored {
            Stored::Table(keyed) => columns::table(self, keyed, promised),
            Stored::Files(format) => columns::files(self, format, promised),
            Stored::State => Judgement::of(Outcome::None),
            _ if same => Judgement::of(Outcome::Stays),
            Stored::DeadLetters { resolved } => self.letters(resolved),
            Stored::RefusedRows => self.refused_rows(),
            Stored::LateRows => Judgement::of(Outcome::Stays),
            Stored::Segments => Judgement::of(Outcome::OnRead(format!(
                "they are shown first, under {}, as they were decided",
                self.old.id()
            ))),
        }
    }

    /// The field of the old contract that a field of the new one was.
    #[must_use]
    pub fn before(&self, name: &str) -> Option<&'a Field> {
        let renamed = self.diff.changes.iter().find(|c| c.what == What::Renamed && c.path == name);
        self.old.field(renamed.and_then(|c| c.from.as_deref()).unwrap_or(name))
    }

    /// Rows by column: a replay gives their values the names and types of the new contract.
    fn refused_rows(&self) -> Judgement {
        let stuck = self.diff.counting().filter_map(|change| {
            let cause = match (change.what, &change.verdicts.new_reads_old) {
                (_, Verdict::Wrong(reason)) => reason.clone(),
                (What::Added, _) if self.new.field(&change.path).is_some_and(|field| !field.nullable) => {
                    "they have no value for it".to_owned()
                }
                _ => return None,
            };
            Some(Obstacle {
                field: change.path.clone(),
                cause: format!("{change}: {cause}"),
                way_out: format!(
                    "replay them before the move, under {}, or discard them; `--full-refresh` makes them anew",
                    self.old.id()
                ),
            })
        });
        let stuck: Vec<Obstacle> = stuck.collect();
        if !stuck.is_empty() {
            return Judgement::of(Outcome::Refused(stuck));
        }
        Judgement::of(Outcome::OnRead(format!(
            "a replay makes rows of {} of them, where their values fit",
            self.new.id()
        )))
    }

    /// A dead letter is the raw record: a replay decodes it anew.
    fn letters(&self, resolved: bool) -> Judgement {
        // Outside Avro neither a default nor an alias helps a record that lacks a field.
        let lacking = self.diff.counting().filter(|change| match change.what {
            _ if resolved || change.path.contains(['.', '[', '{', '(']) => false,
            What::Added | What::Renamed => self.new.field(&change.path).is_some_and(|field| !field.nullable),
            _ => false,
        });
        let obstacles: Vec<Obstacle> = lacking
            .map(|change| Obstacle {
                field: change.path.clone(),
                cause: format!("{change}: their records have no field of this name, and it is never null"),
                way_out: format!(
                    "replay them before the move, under {}, or discard them; or let it be null (`?`); or name the old column by `rename:` at the object",
                    self.old.id()
                ),
            })
            .collect();
        if !obstacles.is_empty() {
            return Judgement::of(Outcome::Refused(obstacles));
        }
        let notes = self.diff.counting().filter_map(|change| {
            let reason = change.verdicts.new_reads_old.reason()?;
            Some(format!("{}: some may be rejected again: {reason}", named(change)))
        });
        Judgement {
            outcome: Outcome::OnRead(format!("a replay decodes them anew, under {}", self.new.id())),
            notes: notes.collect(),
        }
    }
}

/// The change for people: `` `price` widened: int → long ``.
fn named(change: &Change) -> String {
    match change.path.as_str() {
        "" => change.to_string(),
        path => format!("`{path}` {change}"),
    }
}

/// Notes that every target with rows deserves: a change that touches no row that is there, and means something for it.
fn note(change: &Change) -> Option<String> {
    match (change.what, &change.verdicts.new_reads_old) {
        (What::Constraint, Verdict::Partly(_)) => {
            Some(format!("{}: rows that are there may break it, and stay", named(change)))
        }
        (What::Pii, _) => Some(format!("{}: rows that are there hold what they held", named(change))),
        _ => None,
    }
}
