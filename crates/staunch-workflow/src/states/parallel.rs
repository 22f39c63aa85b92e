//! Parallel: runs branches at once and gives the list of their outputs.

use crate::definition::{Flow, Type};
use crate::query::template::QueryLanguage;
use crate::reader::Reader;

/// The fields of a Parallel state.
#[derive(Debug, Clone)]
pub(crate) struct Parallel {
    pub(crate) branches: Vec<Flow>,
}

impl Parallel {
    pub(super) fn read(reader: &Reader<'_>, language: QueryLanguage, kind: Type) -> Self {
        if !reader.has("Branches") {
            reader.missing("Branches");
        }
        let branches = reader.objects("Branches").unwrap_or_default();
        let read = |branch: Reader<'_>| {
            branch.field("ProcessorConfig");
            let flow = Flow::read(&branch, language, kind);
            branch.finish();
            flow
        };
        Self { branches: branches.into_iter().map(read).collect() }
    }
}
