//! Whether the versions of a contract may follow each other.

use crate::avro::{Incompatibility, Reads, Schema, breaches};
use crate::diff::{Diff, Verdict};
use crate::model::Contract;
use staunch_types::Result;

/// How a version breaks with an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The version.
    pub version: u32,
    /// The earlier one.
    pub with: u32,
    /// Who would fail to read whom.
    pub reads: Reads,
    /// Why; at least one reason.
    pub reasons: Vec<Reason>,
}

/// Why one version does not read another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The word of Apache's Java, or `OTHER_MEANING` where Avro would read the bytes and take them for something else.
    pub kind: &'static str,
    /// A JSON pointer into the reader's schema; for `OTHER_MEANING` the way to the field (`address.zip`).
    pub location: String,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl From<Incompatibility> for Reason {
    fn from(found: Incompatibility) -> Self {
        let Incompatibility { kind, location, message, hint } = found;
        Self { kind: kind.word(), location, message, hint }
    }
}

/// How the versions of one contract, the oldest first, break the levels that they declare. Only what has to do with a version for which
/// `new` holds is looked at: what was published before is decided.
///
/// # Errors
/// `ST0033` if two of them are too large to be compared.
pub fn breaks(versions: &[&Contract], new: &dyn Fn(u32) -> bool) -> Result<Vec<Break>> {
    let schemas = versions
        .iter()
        .map(|contract| Schema::parse(&contract.to_avro_json().to_string()))
        .collect::<Result<Vec<_>>>()?;
    let mut found: Vec<Break> = Vec::new();
    for (at, contract) in versions.iter().enumerate() {
        let Some(level) = contract.compatibility else { continue };
        let history = &schemas[..at];
        let first = if level.transitive() { 0 } else { at.saturating_sub(1) };
        let matters = |other: usize| new(contract.version) || new(versions[other].version);
        if !(first..at).any(matters) {
            continue;
        }
        for breach in breaches(level, history, &schemas[at])?.into_iter().filter(|b| matters(b.version)) {
            found.push(Break {
                version: contract.version,
                with: versions[breach.version].version,
                reads: breach.reads,
                reasons: breach.reasons.into_iter().map(Reason::from).collect(),
            });
        }
        for other in (first..at).filter(|other| matters(*other)) {
            let old = versions[other].version;
            for reads in level.directions() {
                let reasons = meanings(versions[other], contract, reads)?;
                if reasons.is_empty() {
                    continue;
                }
                match found
                    .iter_mut()
                    .find(|b| (b.version, b.with, b.reads) == (contract.version, old, reads))
                {
                    Some(known) => known.reasons.extend(reasons),
                    None => found.push(Break { version: contract.version, with: old, reads, reasons }),
                }
            }
        }
    }
    found.sort_by_key(|b| (b.version, b.with));
    Ok(found)
}

/// What Avro would read, and take for something else.
///
/// # Errors
/// `ST0033` if the two are too large to be compared.
pub fn meanings(old: &Contract, new: &Contract, reads: Reads) -> Result<Vec<Reason>> {
    let diff = Diff::new(old, new)?;
    let wrong = diff.changes.iter().filter_map(|change| {
        let verdict = match reads {
            Reads::NewReadsOld => &change.verdicts.new_reads_old,
            Reads::OldReadsNew => &change.verdicts.old_reads_new,
        };
        match verdict {
            Verdict::Wrong(reason) => Some(Reason {
                kind: "OTHER_MEANING",
                location: change.path.clone(),
                message: reason.clone(),
                hint: "keep the field as it is, and add one of the new type or unit".to_owned(),
            }),
            _ => None,
        }
    });
    Ok(wrong.collect())
}
