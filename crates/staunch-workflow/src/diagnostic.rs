//! What is wrong with a definition, and where.

use staunch_types::codes::Code;
use std::fmt;

/// Whether a definition can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but does perhaps not do what was meant.
    Warning,
}

/// One mistake in a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the definition from being used.
    pub severity: Severity,
    /// The stable code; each has a page in `docs/errors/`.
    pub code: Code,
    /// What is wrong, as AWS words it where AWS knows the mistake.
    pub message: String,
    /// The part of the definition: `/States/Wait/Timestamp`; `/` is the whole.
    pub path: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column in characters, from 1.
    pub column: Option<u64>,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity} {}: {} at {}", self.code.name, self.message, self.path)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, " (line {line}, column {column})")?;
        }
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}
