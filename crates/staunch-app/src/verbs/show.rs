//! `show`: the first rows of what a run wrote, read back from the targets.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use crate::systems;
use crate::verbs::run::runtime;
use arrow::record_batch::RecordBatch;
use staunch_types::Result;
use std::path::Path;

/// The first rows of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The write: `connection/object`.
    pub write: String,
    /// Rows in all, as the dataset says.
    pub rows: u64,
    /// The first of them.
    pub batch: RecordBatch,
}

impl App {
    /// The first rows of everything that a run (`None`: the newest) wrote.
    ///
    /// # Errors
    /// `Run.Unknown`, `Sink.Unavailable`.
    pub fn show(
        &self,
        start: &Path,
        profile: Option<&str>,
        run: Option<&str>,
        limit: usize,
        context: &RunContext,
    ) -> Result<Vec<Preview>> {
        let opened = Opened::look(start, profile)?;
        let (name, state) = self.locate(&opened, run)?;
        authorize(&context.actor, Verb::Read, &name)?;
        let graph = opened.graph(opened.pipeline(&name)?, None)?;
        let runtime = runtime(1)?;
        let mut previews = Vec::new();
        for dataset in &state.datasets {
            let Some(node) = graph.writes.iter().find(|w| w.write.name == dataset.write) else { continue };
            let sink = systems::sink(self, &opened, &name, node)?;
            let batch = runtime.block_on(sink.preview(&dataset.segments, limit))?;
            previews.push(Preview { write: dataset.write.clone(), rows: dataset.rows, batch });
        }
        Ok(previews)
    }
}
