//! The text of a definition, JSON or YAML, as one value that knows where each part of it stands.
//!
//! JSON has a reader of its own: AWS decides by the rules of JSON, not by those of YAML, what a definition in JSON is. Depth and
//! size are bounded in both, so that no text can exhaust the stack or the memory.

mod json;
mod yaml;

#[cfg(test)]
mod tests;

use crate::value::Value;
use std::collections::BTreeMap;

/// How deep a definition may nest.
const DEPTH_MAX: usize = 96;
/// How long the text of a definition may be. AWS allows 1 MB.
const BYTES_MAX: usize = 4 << 20;

/// A line and a column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// A parsed text.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Where each part stands, by the path that leads to it: `/States/A/Next`.
    pub(crate) spots: BTreeMap<String, Spot>,
    /// The paths of fields that stand twice in one object.
    pub(crate) twice: Vec<String>,
}

/// Why a text is neither JSON nor YAML.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) spot: Option<Spot>,
    pub(crate) what: String,
}

impl Document {
    /// Reads a text: as JSON if it begins like an object of JSON, as YAML otherwise.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        if text.len() > BYTES_MAX {
            return Err(Unreadable {
                spot: None,
                what: format!("the text is longer than {BYTES_MAX} bytes"),
            });
        }
        if text.trim_start().starts_with('{') { json::read(text) } else { yaml::read(text) }
    }

    /// Where a part stands, or the next part around it whose place is known.
    pub(crate) fn spot(&self, path: &str) -> Option<Spot> {
        let mut path = path.trim_end_matches('/');
        loop {
            if let Some(spot) = self.spots.get(path) {
                return Some(*spot);
            }
            path = path.rsplit_once('/')?.0;
        }
    }
}
