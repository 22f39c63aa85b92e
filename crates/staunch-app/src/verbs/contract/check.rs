//! `contract check`: whether one schema reads what was written under another.

use super::schema;
use crate::context::{App, RunContext, Verb, authorize};
use staunch_contract::avro::{Incompatibility, Level, Reads, breaches};
use staunch_types::{Error, Result, codes};
use std::path::{Path, PathBuf};

/// What two schemas are to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compatibility {
    /// What was asked for: `BACKWARD`, `FORWARD` or `FULL`.
    pub level: &'static str,
    /// Who cannot read whom; nothing if they are compatible.
    pub broken: Vec<Broken>,
}

/// A direction in which two schemas are not compatible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file of the schema that reads.
    pub reader: PathBuf,
    /// The file of the schema that was written under.
    pub writer: PathBuf,
    /// Why it may fail; at least one reason.
    pub reasons: Vec<Incompatibility>,
}

impl App {
    /// Compares two schemas. `BACKWARD`: `reader` reads what `writer` writes; `FORWARD`: the other way round; `FULL`: both.
    ///
    /// # Errors
    /// Those of a schema that cannot be read; `ST0033` if the two are too large to be compared; `Usage.Invalid` for another level.
    pub fn contract_check(
        &self,
        reader: &Path,
        writer: &Path,
        level: &str,
        context: &RunContext,
    ) -> Result<Compatibility> {
        authorize(&context.actor, Verb::Read, "contract")?;
        let level = match Level::of(level) {
            Some(level @ (Level::Backward | Level::Forward | Level::Full)) => level,
            _ => {
                return Err(Error::new(codes::USAGE, "that is no level for two schemas")
                    .hint("say BACKWARD, FORWARD or FULL; the transitive levels need a history"));
            }
        };
        // The mistakes of both at once.
        let (new, old) = match (schema(reader), schema(writer)) {
            (Ok(new), Ok(old)) => (new, old),
            (new, old) => {
                let found = [new.err(), old.err()].into_iter().flatten().collect();
                let errors = Error::many(Error::in_order(found));
                return Err(errors.unwrap_or_else(|| Error::new(codes::INTERNAL, "a schema was lost")));
            }
        };
        let broken = breaches(level, &[old], &new)?.into_iter().map(|breach| {
            let (reader, writer) = match breach.reads {
                Reads::NewReadsOld => (reader, writer),
                Reads::OldReadsNew => (writer, reader),
            };
            Broken { reader: reader.to_owned(), writer: writer.to_owned(), reasons: breach.reasons }
        });
        Ok(Compatibility { level: level.word(), broken: broken.collect() })
    }
}
