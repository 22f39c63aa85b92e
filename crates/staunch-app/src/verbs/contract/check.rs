//! `contract check`: whether one schema reads what was written under another, or under every earlier version.

use super::side::{Side, both};
use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use staunch_contract::Contract;
use staunch_contract::avro::{Level, Reads, Schema, breaches};
use staunch_contract::lock::{Reason, meanings};
use staunch_types::{Error, Result, codes};
use std::path::Path;

/// What two schemas are to each other, or one to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compatibility {
    /// What was asked for: `BACKWARD`, `FORWARD`, `FULL`, or one of them over a whole history.
    pub level: &'static str,
    /// What it was held against, the oldest first.
    pub against: Vec<String>,
    /// Who cannot read whom; nothing if they are compatible.
    pub broken: Vec<Broken>,
}

/// A direction in which two schemas are not compatible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The schema that reads: a file, or `name@version`.
    pub reader: String,
    /// The schema that was written under.
    pub writer: String,
    /// Why it may fail; at least one reason.
    pub reasons: Vec<Reason>,
}

impl App {
    /// Compares schemas: files, or `name@version` of the project. `BACKWARD`: `reader` reads what `writer` writes; `FORWARD`: the other way round; `FULL`:
    /// both. Without a writer `reader` is held against the locked versions before it: the last one, or with a transitive level all of them.
    ///
    /// # Errors
    /// Those of a schema that cannot be read; `ST0033` if two are too large to be compared; `Usage.Invalid` for a level that makes no sense here.
    pub fn contract_check(
        &self,
        start: &Path,
        profile: Option<&str>,
        reader: &str,
        writer: Option<&str>,
        level: &str,
        context: &RunContext,
    ) -> Result<Compatibility> {
        authorize(&context.actor, Verb::Read, "contract")?;
        let Some(level) = Level::of(level) else {
            return Err(Error::new(codes::USAGE, "that is no level").hint("say BACKWARD, FORWARD or FULL"));
        };
        if writer.is_some() && level.transitive() {
            return Err(Error::new(codes::USAGE, "a transitive level is about every earlier version, and `--writer` names one").hint(
                "leave `--writer` out: the earlier versions stand in contracts.lock; or say BACKWARD, FORWARD or FULL",
            ));
        }
        let reader = Side::read(reader, start, profile);
        let (reader, history) = match writer {
            Some(writer) => {
                let (reader, writer) = both(reader, Side::read(writer, start, profile))?;
                (reader, vec![writer])
            }
            None => {
                let reader = reader?;
                let history = history(&reader, start, profile)?;
                (reader, history)
            }
        };
        let schemas: Vec<Schema> = history.iter().map(|side| side.schema.clone()).collect();
        let mut broken: Vec<Broken> = Vec::new();
        let first = if level.transitive() { 0 } else { history.len().saturating_sub(1) };
        let mut found = breaches(level, &schemas, &reader.schema)?.into_iter().peekable();
        for (at, other) in history.iter().enumerate().skip(first) {
            for reads in level.directions() {
                let mut reasons = Vec::new();
                if let Some(breach) = found.next_if(|b| b.version == at && b.reads == reads) {
                    reasons.extend(breach.reasons.into_iter().map(Reason::from));
                }
                if let (Some(new), Some(old)) = (&reader.contract, &other.contract) {
                    reasons.extend(meanings(old, new, reads)?);
                }
                if reasons.is_empty() {
                    continue;
                }
                let (new, old) = (reader.name.clone(), other.name.clone());
                let (reader, writer) = match reads {
                    Reads::NewReadsOld => (new, old),
                    Reads::OldReadsNew => (old, new),
                };
                broken.push(Broken { reader, writer, reasons });
            }
        }
        let against = history.into_iter().skip(first).map(|side| side.name).collect();
        Ok(Compatibility { level: level.word(), against, broken })
    }
}

/// The locked versions before a contract, the oldest first.
fn history(reader: &Side, start: &Path, profile: Option<&str>) -> Result<Vec<Side>> {
    let Some(contract) = &reader.contract else {
        return Err(Error::new(
            codes::USAGE,
            format!("`{}` is no contract, and has no earlier versions", reader.name),
        )
        .hint("name the schema to compare it with: --writer FILE"));
    };
    let (opened, mistakes) = Opened::survey(start, profile)?;
    let lock = opened.and_then(|opened| opened.project.lock);
    if lock.is_none()
        && let Some(error) = Error::many(Error::in_order(mistakes))
    {
        return Err(error);
    }
    let before = |other: &&std::sync::Arc<Contract>| other.version < contract.version;
    let earlier: Vec<_> = lock
        .iter()
        .filter_map(|lock| lock.versions.get(&contract.name))
        .flat_map(|versions| versions.values().map(|pinned| &pinned.contract))
        .filter(before)
        .map(|earlier| Side::of(earlier.id(), earlier.clone()))
        .collect::<Result<_>>()?;
    if earlier.is_empty() {
        let message = format!("no earlier version of `{}` is locked", contract.id());
        return Err(Error::new(codes::USAGE, message).hint(
            "lock it first: `staunch contract lock`; or name the schema to compare it with: --writer FILE",
        ));
    }
    Ok(earlier)
}
