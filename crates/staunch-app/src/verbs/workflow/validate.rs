//! `workflow validate`: every mistake of definitions.

use super::DEFINITION_BYTES_MAX;
use crate::context::{App, RunContext, Verb, authorize};
use crate::documents;
use staunch_types::{Error, Result};
use staunch_workflow::{Diagnostic, Severity, Type, validate_as};
use std::path::PathBuf;

/// A definition and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// The file.
    pub file: PathBuf,
    /// Errors, then warnings, each in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Validated {
    /// Whether it can be used: nothing that was found is an error.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.diagnostics.iter().all(|d| d.severity != Severity::Error)
    }
}

impl App {
    /// Finds all mistakes of definitions, as workflows of this type. Nothing is run.
    ///
    /// # Errors
    /// `ST0001` for each file that cannot be read.
    pub fn workflow_validate(
        &self,
        files: &[PathBuf],
        kind: Type,
        context: &RunContext,
    ) -> Result<Vec<Validated>> {
        authorize(&context.actor, Verb::Read, "workflow")?;
        let (mut validated, mut unreadable) = (Vec::new(), Vec::new());
        for file in files {
            match documents::read(file, DEFINITION_BYTES_MAX) {
                Ok(text) => {
                    validated.push(Validated { file: file.clone(), diagnostics: validate_as(&text, kind) })
                }
                Err(error) => unreadable.push(error),
            }
        }
        Error::many(unreadable).map_or(Ok(validated), Err)
    }
}
