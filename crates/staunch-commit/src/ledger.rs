//! The ledger: every edge counted at both ends, every stage by what it did with each row.
//!
//! The counts come from different hands: the splitter that cuts records and the decoder that reads them; the stage that
//! emits rows and the one that takes them; the encoder and the finished file's own footer. This module only adds them up
//! and compares. A difference is a bug of Staunch, never of the data.

use crate::drift::Drift;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use staunch_types::{Error, codes};
use std::collections::BTreeMap;

/// An order-free sum of row hashes modulo 2^128 (`docs/design/0002-row-hash.md`); as text 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HashSum(pub u128);

impl HashSum {
    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().map(Self)
    }

    /// 32 hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Serialize for HashSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for HashSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("not a hash sum"))
    }
}

/// The account of a read: found = accepted + dead + late.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAccount {
    /// Records that the splitter found.
    pub found: u64,
    /// Rows that went on.
    pub accepted: u64,
    /// Rows rejected by decoding or the contract.
    pub dead: u64,
    /// Rows behind their split's bound.
    pub late: u64,
    /// Input bytes, decompressed.
    pub bytes: u64,
    /// `used` where not all columns were validated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validated: Option<String>,
    /// What the records have that the contract does not say, and the other way round.
    #[serde(skip_serializing_if = "Drift::is_empty", default)]
    pub drift: Drift,
}

/// The account of a process stage, in input rows. Per-row: in = passed + filtered + dead. Whole-input: in = absorbed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageAccount {
    /// Rows taken from the streamed input, or from all inputs of a whole-input stage.
    pub taken: u64,
    /// Rows that led to at least one output row.
    pub passed: u64,
    /// Rows that led to none.
    pub filtered: u64,
    /// Rows that an expression or the output contract rejected.
    pub dead: u64,
    /// Rows that a whole-input stage took in.
    pub absorbed: u64,
    /// Rows of reference data, counted once per run.
    pub reference: u64,
    /// Rows that came out.
    pub emitted: u64,
}

/// One end of an edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Rows.
    pub rows: u64,
    /// The hash sum, where bytes are encoded again between the ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hash: Option<HashSum>,
}

impl End {
    /// Adds another end of the same edge.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.hash = match (self.hash, other.hash) {
            (Some(a), Some(b)) => Some(a.plus(b)),
            (a, b) => a.or(b),
        };
    }
}

/// An edge: what its producer says and what its consumer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeAccount {
    /// Counted where the rows leave.
    pub near: End,
    /// Counted where they arrive.
    pub far: End,
}

/// The account of a write, from the target's own answer: segment = applied + unchanged + superseded + dead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteAccount {
    /// Rows in the segments.
    pub segment: u64,
    /// Rows inserted or changed.
    pub applied: u64,
    /// Rows that were there already.
    pub unchanged: u64,
    /// Rows that a later row with the same key replaced.
    pub superseded: u64,
    /// Rows that the target refused.
    pub dead: u64,
}

/// The accounts of an epoch, or of a run (the sum of its epochs).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// By read.
    #[serde(default)]
    pub reads: BTreeMap<String, ReadAccount>,
    /// By per-row process stage.
    #[serde(default)]
    pub per_row: BTreeMap<String, StageAccount>,
    /// By whole-input process stage.
    #[serde(default)]
    pub whole_input: BTreeMap<String, StageAccount>,
    /// By `producer → consumer`.
    #[serde(default)]
    pub edges: BTreeMap<String, EdgeAccount>,
    /// By write.
    #[serde(default)]
    pub writes: BTreeMap<String, WriteAccount>,
}

/// The name of an edge.
#[must_use]
pub fn edge(producer: &str, consumer: &str) -> String {
    format!("{producer} → {consumer}")
}

impl Ledger {
    /// Adds the accounts of another epoch.
    pub fn add(&mut self, other: &Self) {
        for (name, b) in &other.reads {
            let a = self.reads.entry(name.clone()).or_default();
            a.found += b.found;
            a.accepted += b.accepted;
            a.dead += b.dead;
            a.late += b.late;
            a.bytes += b.bytes;
            a.validated = a.validated.take().or_else(|| b.validated.clone());
            a.drift.add(&b.drift);
        }
        for (mine, theirs) in
            [(&mut self.per_row, &other.per_row), (&mut self.whole_input, &other.whole_input)]
        {
            for (name, b) in theirs {
                let a = mine.entry(name.clone()).or_default();
                a.taken += b.taken;
                a.passed += b.passed;
                a.filtered += b.filtered;
                a.dead += b.dead;
                a.absorbed += b.absorbed;
                a.reference += b.reference;
                a.emitted += b.emitted;
            }
        }
        for (name, b) in &other.edges {
            let a = self.edges.entry(name.clone()).or_default();
            a.near.add(&b.near);
            a.far.add(&b.far);
        }
        for (name, b) in &other.writes {
            let a = self.writes.entry(name.clone()).or_default();
            a.segment += b.segment;
            a.applied += b.applied;
            a.unchanged += b.unchanged;
            a.superseded += b.superseded;
            a.dead += b.dead;
        }
    }

    /// Records found by all reads so far.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.reads.values().map(|r| r.found).sum()
    }

    /// Rows rejected by reads, per-row stages and targets.
    #[must_use]
    pub fn dead(&self) -> u64 {
        self.reads.values().map(|r| r.dead).sum::<u64>()
            + self.per_row.values().map(|s| s.dead).sum::<u64>()
            + self.writes.values().map(|w| w.dead).sum::<u64>()
    }

    /// Late rows.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.reads.values().map(|r| r.late).sum()
    }

    /// Checks every account that is closed before the commit: reads, stages, edges. Writes are checked with
    /// [`Ledger::check_writes`] once they are applied.
    ///
    /// # Errors
    /// `Ledger.Imbalance` naming every account that does not balance, with its counts.
    pub fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        for (name, r) in &self.reads {
            if r.found != r.accepted + r.dead + r.late {
                wrong.push(format!(
                    "read `{name}`: found {} ≠ accepted {} + dead {} + late {}",
                    r.found, r.accepted, r.dead, r.late
                ));
            }
        }
        for (name, s) in &self.per_row {
            if s.taken != s.passed + s.filtered + s.dead {
                wrong.push(format!(
                    "stage `{name}`: in {} ≠ passed {} + filtered {} + dead {}",
                    s.taken, s.passed, s.filtered, s.dead
                ));
            }
        }
        for (name, s) in &self.whole_input {
            if s.taken != s.absorbed + s.dead {
                wrong.push(format!(
                    "stage `{name}`: in {} ≠ absorbed {} + dead {}",
                    s.taken, s.absorbed, s.dead
                ));
            }
        }
        for (name, e) in &self.edges {
            if e.near.rows != e.far.rows {
                wrong.push(format!("edge {name}: {} rows left, {} arrived", e.near.rows, e.far.rows));
            } else if let (Some(near), Some(far)) = (e.near.hash, e.far.hash)
                && near != far
            {
                wrong.push(format!(
                    "edge {name}: hash sums differ over {} rows ({} left, {} arrived)",
                    e.near.rows,
                    near.hex(),
                    far.hex()
                ));
            }
        }
        imbalance(&wrong)
    }

    /// Checks the accounts of writes whose last epoch is applied.
    ///
    /// # Errors
    /// `Ledger.Imbalance`.
    pub fn check_writes(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        for (name, w) in &self.writes {
            if w.segment != w.applied + w.unchanged + w.superseded + w.dead {
                wrong.push(format!(
                    "write `{name}`: segment {} ≠ applied {} + unchanged {} + superseded {} + dead {}",
                    w.segment, w.applied, w.unchanged, w.superseded, w.dead
                ));
            }
        }
        imbalance(&wrong)
    }
}

fn imbalance(wrong: &[String]) -> Result<(), Error> {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::new(codes::IMBALANCE, wrong.join("; ")).hint(
        "this is a bug of Staunch: nothing of this epoch was committed; keep the state folder and report it",
    ))
}

#[cfg(test)]
mod tests;
