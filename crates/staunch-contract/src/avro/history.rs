//! Levels of compatibility over the versions of a contract.

use super::compatibility::{Incompatibility, incompatibilities};
use super::schema::Schema;
use staunch_types::Result;
use std::fmt;

/// What a new version must keep up. The words are those of schema registries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    /// The new version reads what the last one wrote: upgrade readers first.
    #[default]
    Backward,
    /// The new version reads what every earlier one wrote.
    BackwardTransitive,
    /// The last version reads what the new one writes: upgrade writers first.
    Forward,
    /// Every earlier version reads what the new one writes.
    ForwardTransitive,
    /// [`Level::Backward`] and [`Level::Forward`].
    Full,
    /// [`Level::BackwardTransitive`] and [`Level::ForwardTransitive`].
    FullTransitive,
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 6] = [
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The word for no level at all.
    pub const NONE: &str = "NONE";

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// The level of a word, in capitals or not.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word().eq_ignore_ascii_case(word))
    }

    /// Who must read whom, in the order in which breaches are told.
    pub fn directions(self) -> impl Iterator<Item = Reads> {
        let both = [(self.new_reads_old(), Reads::NewReadsOld), (self.old_reads_new(), Reads::OldReadsNew)];
        both.into_iter().filter_map(|(asked, reads)| asked.then_some(reads))
    }

    fn new_reads_old(self) -> bool {
        !matches!(self, Self::Forward | Self::ForwardTransitive)
    }

    fn old_reads_new(self) -> bool {
        !matches!(self, Self::Backward | Self::BackwardTransitive)
    }

    /// Whether every earlier version counts, and not the last one alone.
    #[must_use]
    pub fn transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who would fail to read whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// The new version reads what the old one wrote.
    NewReadsOld,
    /// The old version reads what the new one writes.
    OldReadsNew,
}

/// How a new version breaks with an old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The number of the old version in the history, from 0.
    pub version: usize,
    /// Who would fail.
    pub reads: Reads,
    /// Why.
    pub reasons: Vec<Incompatibility>,
}

/// How `next` breaks the level; `history` holds the earlier versions, the oldest first. Nothing if it may follow.
///
/// # Errors
/// `ST0033` if two schemas are too large to be compared.
pub fn breaches(level: Level, history: &[Schema], next: &Schema) -> Result<Vec<Breach>> {
    let first = if level.transitive() { 0 } else { history.len().saturating_sub(1) };
    let mut found = Vec::new();
    for (version, old) in history.iter().enumerate().skip(first) {
        let directions = [
            (level.new_reads_old(), Reads::NewReadsOld, next, old),
            (level.old_reads_new(), Reads::OldReadsNew, old, next),
        ];
        for (_, reads, reader, writer) in directions.into_iter().filter(|d| d.0) {
            let reasons = incompatibilities(reader, writer)?;
            if !reasons.is_empty() {
                found.push(Breach { version, reads, reasons });
            }
        }
    }
    Ok(found)
}
