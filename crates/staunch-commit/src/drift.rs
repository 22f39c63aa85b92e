//! What a read met that its contract does not say: sums over records, in the ledger beside the account of the read.
//!
//! Every count is a sum and every list a union, so that it is the same however a file is cut into chunks and epochs; and it is committed with the
//! rows that it is about, so that a restart counts nothing twice. What can be met without end (keys of JSON objects) is bounded so that this
//! still holds: the names that come first in the alphabet are counted each by itself, all others together.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many fields that the contract does not name are counted by name.
const NAMED: usize = 200;
/// Characters of such a name; a longer one is cut off.
const NAME: usize = 100;

/// The drift of what was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Fields of the records that the contract does not name, by their names in the file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, Unknown>,
    /// How often other such fields were met, that are not told by name: there are too many, or (in JSON) their names could be data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: u64,
    /// By field of the contract: records of files whose schema does not have it. It is null in them, or its default, or they are dead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, u64>,
    /// By field of the contract: records of a format without a schema (JSON) that do not have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<String, u64>,
    /// By field of the contract: records of files that have another type for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cast: BTreeMap<String, Cast>,
}

/// A field that the contract does not name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// Records that have it.
    pub records: u64,
    /// The types that its values have, as a contract writes them, where somebody looked; `array`, `object` or `other` for what no plain type holds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub types: BTreeSet<String>,
}

/// A field that files have with another type than the contract, and whose values are cast.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// Records of these files, whether or not their value could be cast.
    pub records: u64,
    /// The types in the files, as a contract writes them.
    pub from: BTreeSet<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Drift {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts `records` that have a field `name` which the contract does not name.
    pub fn unknown(&mut self, name: &str, records: u64) {
        let (mut shown, mut rest) = (name, "");
        if let Some((end, _)) = name.char_indices().nth(NAME) {
            (shown, rest) = (name.get(..end).unwrap_or_default(), "…");
        }
        self.unknown.entry(format!("{shown}{rest}")).or_default().records += records;
        self.bound();
    }

    /// Notes a type of a field that was counted.
    pub fn unknown_type(&mut self, name: &str, ty: &str) {
        if let Some(found) = self.unknown.get_mut(name)
            && !found.types.contains(ty)
        {
            found.types.insert(ty.to_owned());
        }
    }

    /// What comes last in the alphabet leaves: a name that stays was never pushed out of a part of the sum, whose names are some of these.
    fn bound(&mut self) {
        while self.unknown.len() > NAMED {
            if let Some((_, last)) = self.unknown.pop_last() {
                self.others += last.records;
            }
        }
    }

    /// That of so many records, each of which has this.
    #[must_use]
    pub fn times(&self, records: u64) -> Self {
        if records == 0 {
            return Self::default();
        }
        let mut drift = self.clone();
        drift.unknown.values_mut().for_each(|unknown| unknown.records *= records);
        drift.others *= records;
        drift.missing.values_mut().chain(drift.absent.values_mut()).for_each(|n| *n *= records);
        drift.cast.values_mut().for_each(|cast| cast.records *= records);
        drift
    }

    /// Adds that of other records.
    pub fn add(&mut self, other: &Self) {
        for (name, theirs) in &other.unknown {
            let mine = self.unknown.entry(name.clone()).or_default();
            mine.records += theirs.records;
            mine.types.extend(theirs.types.iter().cloned());
        }
        self.others += other.others;
        self.bound();
        for (mine, theirs) in [(&mut self.missing, &other.missing), (&mut self.absent, &other.absent)] {
            for (name, records) in theirs {
                *mine.entry(name.clone()).or_default() += records;
            }
        }
        for (name, theirs) in &other.cast {
            let mine = self.cast.entry(name.clone()).or_default();
            mine.records += theirs.records;
            mine.from.extend(theirs.from.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Drift, NAMED};

    #[test]
    fn it_is_the_same_however_records_are_cut() {
        let one = |n: usize| {
            let mut drift = Drift::default();
            // Names in no order, each several times.
            drift.unknown(&format!("k{:04}", n * 7919 % 1000), 1);
            drift.missing.insert("m".to_owned(), 1);
            drift
        };
        let sum = |parts: &[Drift]| {
            let mut sum = Drift::default();
            parts.iter().for_each(|part| sum.add(part));
            sum
        };
        let all: Vec<Drift> = (0..2500).map(one).collect();
        let whole = sum(&all);
        assert_eq!(whole.unknown.len(), NAMED);
        assert_eq!(whole.unknown.values().map(|u| u.records).sum::<u64>() + whole.others, 2500);
        for size in [1, 3, 250, 2499] {
            let parts: Vec<Drift> = all.chunks(size).map(sum).collect();
            assert_eq!(sum(&parts), whole, "chunks of {size}");
            let reversed: Vec<Drift> = parts.into_iter().rev().collect();
            assert_eq!(sum(&reversed), whole, "backwards");
        }
    }

    #[test]
    fn a_name_without_end_is_cut_off() {
        let mut drift = Drift::default();
        drift.unknown(&"ä".repeat(1 << 20), 1);
        assert_eq!(drift.unknown.keys().next().map(|name| name.chars().count()), Some(101));
    }
}
