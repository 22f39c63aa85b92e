//! How far a read is, as the manifest keeps it.

use serde::{Deserialize, Serialize};
use staunch_commit::SplitPoint;
use staunch_types::{Error, Micros, Result, codes};
use std::collections::BTreeMap;

/// The position of one read inside a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The ordinal, in the pins, of the origin that is read next.
    pub(crate) origin: usize,
    /// Where in it.
    pub(crate) at: SplitPoint,
    /// By split: the highest event time of the rows before (microseconds).
    #[serde(default)]
    pub(crate) prefix_max: BTreeMap<String, Micros>,
}

impl Position {
    /// Reads what [`Position::stored`] wrote.
    ///
    /// # Errors
    /// `Store.Corrupt`.
    pub(crate) fn parse(value: &serde_json::Value) -> Result<Self> {
        serde_json::from_value(value.clone()).map_err(|e| {
            Error::new(codes::STORE_CORRUPT, "a position in the epoch log is damaged")
                .cause(e.to_string())
                .hint("restore the state folder from a backup, or run with --full-refresh")
        })
    }

    /// The stored form.
    ///
    /// # Errors
    /// `Internal.Bug`.
    pub(crate) fn stored(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self)
            .map_err(|e| Error::new(codes::INTERNAL, "a position cannot be encoded").cause(e.to_string()))
    }
}

/// The origin inside which a stored position lies, if it does not lie at a beginning or an end.
#[must_use]
pub(crate) fn half_read(value: &serde_json::Value) -> Option<(usize, SplitPoint)> {
    let position = Position::parse(value).ok()?;
    let inside = position.at.offset > 0 && !position.at.finished;
    inside.then_some((position.origin, position.at))
}
