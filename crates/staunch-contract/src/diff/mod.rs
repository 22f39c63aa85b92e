//! What changed from one contract to another, field by field, and who reads whom.
//!
//! **What it is.** A [`Diff`]: the changes in the order of the new contract, each with two verdicts: whether the new one reads what was
//! written under the old, and the other way round. Verdicts about types are those of Avro's schema resolution, asked for the part alone; where
//! Avro reads a number and takes it for another (milliseconds for microseconds, a day for a count) the verdict is ours.
//!
//! **What it is not.** It knows no project: who uses a field is asked elsewhere.
//!
//! **Invariants.** Equal contracts have no change. A change of which one direction cannot be read is told as such, whatever else
//! changed; a test holds the verdicts together against those of the whole schemas.

mod constraints;
mod meaning;
mod part;
#[cfg(test)]
mod tests;

use crate::avro::{Level, Schema, incompatibilities};
use crate::model::{Contract, Field};
use crate::units::show_duration;
use staunch_types::Result;
use std::fmt;

/// Whether one side reads what the other writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Whatever it is.
    #[default]
    Reads,
    /// Some values: the reason.
    Partly(String),
    /// Avro would read it, and it would mean something else: the reason.
    Wrong(String),
    /// Not at all: the reason.
    No(String),
}

impl Verdict {
    /// The word: `yes`, `partly`, `wrong`, `no`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reads => "yes",
            Self::Partly(_) => "partly",
            Self::Wrong(_) => "wrong",
            Self::No(_) => "no",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Reads => 0,
            Self::Partly(_) => 1,
            Self::Wrong(_) => 2,
            Self::No(_) => 3,
        }
    }

    /// Why not whatever it is.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Reads => None,
            Self::Partly(reason) | Self::Wrong(reason) | Self::No(reason) => Some(reason),
        }
    }
}

/// Both directions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// The new contract reads what was written under the old one.
    pub new_reads_old: Verdict,
    /// The old contract reads what is written under the new one.
    pub old_reads_new: Verdict,
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A field is new.
    Added,
    /// A field is gone.
    Removed,
    /// A field has another name, and its old one as an alias.
    Renamed,
    /// The type became one that reads the old one.
    Widened,
    /// The type became one that the old one reads.
    Narrowed,
    /// The type became another.
    Type,
    /// Whether the value may be missing.
    Nullable,
    /// The symbols of an enum.
    Symbols,
    /// The default.
    Default,
    /// A constraint.
    Constraint,
    /// The class of personal data.
    Pii,
    /// The unit of the number.
    Unit,
    /// The key.
    Key,
    /// The event time.
    EventTime,
    /// The same fields stand in another order.
    Order,
    /// What Avro alone knows: names of types, aliases, namespaces, sorting.
    Avro,
    /// What is for people: descriptions, owner, freshness, level.
    About,
}

impl What {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Type => "type",
            Self::Nullable => "nullable",
            Self::Symbols => "symbols",
            Self::Default => "default",
            Self::Constraint => "constraint",
            Self::Pii => "pii",
            Self::Unit => "unit",
            Self::Key => "key",
            Self::EventTime => "event time",
            Self::Order => "order",
            Self::Avro => "avro",
            Self::About => "about",
        }
    }

    /// Whether data, or decisions about them, depend on it.
    #[must_use]
    pub fn counts(self) -> bool {
        !matches!(self, Self::About)
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The way to the part in the new contract (a removed one: in the old): `address.zip`, `tags[]`; empty for the contract itself.
    pub path: String,
    /// What kind.
    pub what: What,
    /// The attribute, where the kind has several: `min`, `doc`, `name`.
    pub attribute: Option<&'static str>,
    /// What it was.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
    /// Who reads whom.
    pub verdicts: Verdicts,
}

impl fmt::Display for Change {
    /// Without the path: `widened: int → long`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.attribute.unwrap_or(self.what.word()))?;
        match (&self.from, &self.to) {
            (None, None) => Ok(()),
            (Some(from), None) if self.what == What::Removed => write!(f, ": {from}"),
            (Some(from), None) => write!(f, ": {from} → none"),
            (None, Some(to)) if matches!(self.what, What::Added | What::Symbols) => write!(f, ": {to}"),
            (None, Some(to)) => write!(f, ": none → {to}"),
            (Some(from), Some(to)) => write!(f, ": {from} → {to}"),
        }
    }
}

/// Everything that changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Contract first, then field by field.
    pub changes: Vec<Change>,
}

impl Diff {
    /// Compares.
    ///
    /// # Errors
    /// `ST0033` if the two are too large to be compared.
    pub fn new(old: &Contract, new: &Contract) -> Result<Self> {
        let mut changes = Vec::new();
        about(old, new, &mut changes)?;
        part::fields("", &old.fields, &new.fields, &mut changes)?;
        Ok(Self { changes })
    }

    /// The verdicts together: the worst of each direction.
    #[must_use]
    pub fn verdicts(&self) -> Verdicts {
        let worst = |of: fn(&Verdicts) -> &Verdict| {
            // Backwards: of equals the last one counts.
            let all = self.changes.iter().rev().map(|c| of(&c.verdicts));
            all.max_by_key(|verdict| verdict.rank()).cloned()
        };
        Verdicts {
            new_reads_old: worst(|v| &v.new_reads_old).unwrap_or_default(),
            old_reads_new: worst(|v| &v.old_reads_new).unwrap_or_default(),
        }
    }

    /// The changes on which data or decisions depend.
    pub fn counting(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.what.counts())
    }

    /// The changes that count on one line, for messages: `price: widened: int → long; ip: added: string?`.
    #[must_use]
    pub fn line(&self) -> String {
        let one = |change: &Change| match change.path.as_str() {
            "" => change.to_string(),
            path => format!("`{path}` {change}"),
        };
        let all: Vec<String> = self.counting().map(one).collect();
        match all.len() {
            0 => "nothing that counts".to_owned(),
            1..=5 => all.join("; "),
            more => format!("{}; and {} more", all[..5].join("; "), more - 5),
        }
    }
}

/// Avro's verdicts about two records of these fields alone.
fn resolve(old: &[Field], new: &[Field]) -> Result<Verdicts> {
    let schema = |fields: &[Field]| {
        let record = Contract::new("record", 1, fields.to_vec());
        Schema::parse(&record.to_avro_json().to_string())
    };
    between(&schema(old)?, &schema(new)?)
}

fn between(old: &Schema, new: &Schema) -> Result<Verdicts> {
    let verdict = |reader: &Schema, writer: &Schema| -> Result<Verdict> {
        let reasons = incompatibilities(reader, writer)?;
        Ok(reasons
            .first()
            .map_or(Verdict::Reads, |r| Verdict::No(format!("{}: {}", r.kind.word(), r.message))))
    };
    Ok(Verdicts { new_reads_old: verdict(new, old)?, old_reads_new: verdict(old, new)? })
}

/// A change that nobody's reading depends on.
fn note(
    path: &str,
    what: What,
    attribute: Option<&'static str>,
    from: Option<String>,
    to: Option<String>,
    out: &mut Vec<Change>,
) {
    if from != to {
        let verdicts = Verdicts::default();
        out.push(Change { path: path.to_owned(), what, attribute, from, to, verdicts });
    }
}

fn list(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

/// The contract itself.
fn about(old: &Contract, new: &Contract, out: &mut Vec<Change>) -> Result<()> {
    let full = |c: &Contract| match &c.namespace {
        Some(space) => format!("{space}.{}", c.name),
        None => c.name.clone(),
    };
    if full(old) != full(new) {
        let bare = |c: &Contract| {
            let names = Contract {
                namespace: c.namespace.clone(),
                aliases: c.aliases.clone(),
                ..Contract::new(&c.name, 1, Vec::new())
            };
            Schema::parse(&names.to_avro_json().to_string())
        };
        let verdicts = between(&bare(old)?, &bare(new)?)?;
        let (from, to) = (Some(full(old)), Some(full(new)));
        out.push(Change {
            path: String::new(),
            what: What::Avro,
            attribute: Some("name"),
            from,
            to,
            verdicts,
        });
    }
    note("", What::Avro, Some("aliases"), list(&old.aliases), list(&new.aliases), out);
    note("", What::Key, None, list(&old.key), list(&new.key), out);
    note("", What::EventTime, None, old.event_time.clone(), new.event_time.clone(), out);
    note("", What::About, Some("doc"), old.doc.clone(), new.doc.clone(), out);
    note("", What::About, Some("owner"), old.owner.clone(), new.owner.clone(), out);
    let freshness = |c: &Contract| c.freshness.map(show_duration);
    note("", What::About, Some("freshness"), freshness(old), freshness(new), out);
    let level = |c: &Contract| Some(c.compatibility.map_or(Level::NONE, Level::word).to_owned());
    note("", What::About, Some("compatibility"), level(old), level(new), out);
    Ok(())
}
