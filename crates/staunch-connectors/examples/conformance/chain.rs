//! One file through the read chain: that of `staunch run`, by the same public source.

use crate::Failure;
use arrow::array::RecordBatch;
use staunch_commit::{Origin, Source, SplitPoint};
use staunch_connectors::read::SequentialTurn;
use staunch_connectors::systems::files::{FilesSource, FilesSourceSpec};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{Late, OptionValue, Options, Validate};
use staunch_types::Place;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What a file came to.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// The accepted rows.
    pub(crate) rows: Vec<RecordBatch>,
    /// The reasons of the dead ones.
    pub(crate) dead: Vec<String>,
    /// The error that ended the read: its code and its message.
    pub(crate) error: Option<String>,
}

impl Read {
    /// The number of accepted rows.
    pub(crate) fn accepted(&self) -> usize {
        self.rows.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether something was refused, and said so.
    pub(crate) fn complains(&self) -> bool {
        self.error.is_some() || !self.dead.is_empty()
    }

    /// For a message.
    pub(crate) fn summary(&self) -> String {
        let reason = self.error.as_ref().or(self.dead.first());
        let reason = reason.map(|r| format!(": {r}")).unwrap_or_default();
        format!("{} rows, {} dead{reason}", self.accepted(), self.dead.len())
    }
}

/// A contract of these fields.
pub(crate) fn contract(fields: impl IntoIterator<Item = (String, Type, bool)>) -> Arc<Contract> {
    let field = |(name, ty, nullable): (String, Type, bool)| Field::new(name, ty, nullable);
    Arc::new(Contract::new("case", 1, fields.into_iter().map(field).collect()))
}

/// Reads the file `name` of `folder` under a contract, with the options of its object (without `path`).
pub(crate) fn read(
    folder: &Path,
    name: &str,
    contract: &Arc<Contract>,
    options: &serde_json::Value,
) -> Result<Read, Failure> {
    let mut options = options.clone();
    options["path"] = name.into();
    let entries = options.as_object().into_iter().flatten().map(|(key, value)| {
        (key.clone(), OptionValue { value: value.clone(), place: Place::file("staunch.yaml") })
    });
    let spec = FilesSourceSpec {
        name: "cases/case".to_owned(),
        project: folder.to_path_buf(),
        connection: Options::default(),
        object: Options { entries: entries.collect() },
        contract: Arc::clone(contract),
        late_after: None,
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
        pii: BTreeMap::new(),
        token_keys: BTreeMap::new(),
        chunk_bytes: None,
    };
    let source = FilesSource::new(spec).map_err(|e| e.to_string())?;
    let listed = source.list().map_err(|e| e.to_string())?;
    let [listed] = listed.as_slice() else { return Err(format!("`{name}` matches {} files", listed.len())) };
    let origin = Origin { listed: listed.clone(), version: 1 };
    let mut read = Read::default();
    let (mut found, mut turn) = (0, SequentialTurn::default());
    let mut all = || -> staunch_types::Result<()> {
        let mut splitter = source.open(&origin, &SplitPoint::default(), None)?;
        while let Some(chunk) = splitter.next()? {
            found += chunk.found;
            let rows = chunk.work.run(&mut turn)?;
            read.dead.extend(rows.dead.into_iter().map(|d| d.reason));
            read.rows.push(rows.batch);
        }
        Ok(())
    };
    let ended = all();
    read.error = ended.err().map(|e| format!("{}: {}", e.code().name, e.message()));
    let accounted = (read.accepted() + read.dead.len()) as u64;
    if read.error.is_none() && found != accounted {
        return Err(format!("{found} records were found, {accounted} are accounted for"));
    }
    Ok(read)
}
