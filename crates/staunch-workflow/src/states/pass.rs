//! Pass: hands its input on, or a value that stands in the definition.

use crate::query::template::QueryLanguage;
use crate::reader::Reader;
use crate::value::Value;

/// The fields of a Pass state.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    /// What the state gives instead of its input.
    pub(crate) result: Option<Value>,
}

impl Pass {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        match reader.language {
            QueryLanguage::JsonPath => Self { result: reader.field("Result").cloned() },
            QueryLanguage::Jsonata => {
                reader.forbid(&["Result"]);
                Self { result: None }
            }
        }
    }
}
