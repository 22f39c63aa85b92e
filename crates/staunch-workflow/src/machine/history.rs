//! The event history, in AWS's types and order.

use crate::value::{Shared, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// One event. Its fields are those of AWS's `GetExecutionHistory`, the details unfolded, inputs and outputs as values.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// The number of the event, from 1.
    pub id: u64,
    /// The event that led to it, or 0.
    pub previous: u64,
    /// The time, in microseconds since 1970.
    pub at: i64,
    /// The type: `PassStateEntered`.
    pub kind: String,
    /// The details.
    pub fields: Vec<(&'static str, Shared)>,
}

impl HistoryEvent {
    /// A detail.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, value)| &**value)
    }
}

impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 4))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("previousEventId", &self.previous)?;
        map.serialize_entry("timestamp", &crate::time::format(self.at))?;
        map.serialize_entry("type", &self.kind)?;
        self.fields.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}
