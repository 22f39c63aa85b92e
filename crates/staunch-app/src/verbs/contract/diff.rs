//! `contract diff`: what changed from one contract to another, and who breaks.

use super::side::{Side, both};
use super::stored::{self, Stored};
use super::users::{self, PipelineUse};
use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use staunch_contract::Contract;
use staunch_contract::diff::Diff;
use staunch_types::{Error, Result, codes};
use std::path::Path;
use std::sync::Arc;

/// Two contracts, and who uses the old one.
#[derive(Debug)]
pub struct ContractDiff {
    /// As the old one was named.
    pub old: String,
    /// As the new one was named.
    pub new: String,
    /// What changed.
    pub diff: Diff,
    /// The project that was asked, if there is one here.
    pub project: Option<String>,
    /// Its pipelines that name the old one.
    pub users: Vec<PipelineUse>,
    /// What its runs have stored under the old one.
    pub stored: Vec<Stored>,
}

impl App {
    /// Compares two contracts: files, or `name@version` of the project. In a project it says who uses the old one, and what becomes of them
    /// if the new one stands in its place.
    ///
    /// # Errors
    /// Those of a contract that cannot be read; `ST0033` if the two are too large to be compared; `Store.*` if a log cannot be read.
    pub fn contract_diff(
        &self,
        start: &Path,
        profile: Option<&str>,
        old: &str,
        new: &str,
        context: &RunContext,
    ) -> Result<ContractDiff> {
        authorize(&context.actor, Verb::Read, "contract")?;
        let (old, new) = both(Side::read(old, start, profile), Side::read(new, start, profile))?;
        let (before, after) = (contract(&old)?, contract(&new)?);
        let diff = Diff::new(&before, &after)?;
        let mut found = ContractDiff {
            old: old.name,
            new: new.name,
            diff,
            project: None,
            users: Vec::new(),
            stored: Vec::new(),
        };
        // Two files can be compared anywhere.
        let opened = match Opened::survey(start, profile) {
            Ok((opened, _)) => opened,
            Err(error) if error.code() == codes::NO_PROJECT => None,
            Err(error) => return Err(error),
        };
        if let Some(opened) = opened {
            found.users = users::find(self, &opened, &before, &after, &found.diff)?;
            found.stored = stored::find(self, &opened, &before, &after)?;
            found.project = Some(opened.project.name);
        }
        Ok(found)
    }
}

fn contract(side: &Side) -> Result<Arc<Contract>> {
    side.contract.clone().ok_or_else(|| {
        Error::new(codes::CONTRACT, format!("`{}` is an Avro schema, and no contract", side.name))
            .hint("give its record a `version` (and, if it contains itself, an end); two schemas are compared by `staunch contract check`")
    })
}
