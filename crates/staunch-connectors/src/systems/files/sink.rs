//! Folders of files, Parquet, NDJSON or Avro, as a target.
//!
//! **What it is.** Rows are encoded into files that lie hidden in the target's own file system
//! (`.staunch/<region>/…`), complete and durable before the epoch is decided; applying gives them their names, one hard
//! link each, which only one process can win. The finished file *is* the segment: nothing is encoded twice.
//!
//! **What it is not.** A folder keeps no position: [`Sink::recover`] knows nothing, and applying again is harmless because
//! a name is given only once. A reader sees whole files, never a part of one; it may see some files of an epoch before the others.
//!
//! **Invariants.** A published file is never overwritten and never changed. A published name carries write, region,
//! epoch and ordinal and is never used again. Only files that a work names as obsolete are removed from the target.
//!
//! ```text
//! stage ──► .staunch/<region>/<write>-e<epoch>-g<generation>-<n>.<ending>.staged    sealed: complete, fsync, fsync of the folder
//! apply ──► <field>=<value>/<write>-<region>-e<epoch>-<n>.<ending>                   hard link, fsync of the folder, unlink
//! ```

mod foreign;
mod format;
mod options;
mod partition;
mod preview;
mod publish;
#[cfg(test)]
mod tests;
mod writer;

use crate::systems::staged::{inside, region_folder, staged_by};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use format::Kind;
use options::SinkOptions;
use staunch_commit::{
    Applied, ApplyWork, Fence, Guarantee, Look, Ready, Segment, SegmentName, SegmentWriter, Sink,
};
use staunch_contract::Contract;
use staunch_contract::diff::What;
use staunch_contract::migration::{Format, Move, Obstacle, Stored};
use staunch_pipeline::{Connection, Object};
use staunch_types::{Access, Epoch, Error, Fs, Place, RegionId, Result, WriteMode, codes};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The hidden folder of the target in which files are staged.
const STAGING: &str = ".staunch";

/// What a folder of files as a [`Sink`] is made of.
pub struct FilesSinkSpec<'a> {
    /// The folder of the project.
    pub project: &'a Path,
    /// The connection, of type `files`.
    pub connection: &'a Connection,
    /// The object: `path` (a folder below the connection's root), `format` (`parquet`, `json`, `avro`), `compression`, `partition_by`,
    /// `rows_per_file`, `row_group_rows`.
    pub object: &'a Object,
    /// The contract of the rows.
    pub contract: Arc<Contract>,
    /// Decode every finished file and compare, before [`SegmentWriter::finish`] returns.
    pub verify_full: bool,
    /// Where every durable effect goes.
    pub fs: Arc<dyn Fs>,
}

/// A folder of files as a [`Sink`]. See the head of the module.
pub struct FilesSink {
    options: SinkOptions,
    contract: Arc<Contract>,
    verify_full: bool,
    fs: Arc<dyn Fs>,
}

impl FilesSink {
    /// Reads the options and checks that rows of the contract can be written so. Nothing is touched yet.
    ///
    /// # Errors
    /// `ST0005`, `ST0041` and the like, each at its place, all at once.
    pub fn new(spec: FilesSinkSpec<'_>) -> Result<Self> {
        let options = SinkOptions::read(spec.project, spec.connection, spec.object)?;
        let sink = Self { options, contract: spec.contract, verify_full: spec.verify_full, fs: spec.fs };
        sink.check(&sink.contract)?;
        Ok(sink)
    }

    /// Whether rows of `contract` can be written: partition fields must exist, must not be floating-point numbers or bytes, must
    /// not be personal, and must leave a field for the files; the format must hold every type.
    ///
    /// # Errors
    /// `ST0041` at `partition_by:`, `ST0043` at `format:`, all misfits at once.
    pub fn check(&self, contract: &Contract) -> Result<()> {
        self.options.check(contract)
    }

    /// The folder that a sink of this object would fill.
    ///
    /// # Errors
    /// As [`FilesSink::new`].
    pub fn folder_of(project: &Path, connection: &Connection, object: &Object) -> Result<PathBuf> {
        SinkOptions::read(project, connection, object).map(|options| options.folder)
    }

    /// The folder that holds the published files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.options.folder
    }

    /// Staged files of this generation and older ones that no apply will ask for.
    fn doomed(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
        let staging = self.staging(&fence.region);
        let below = format!("{STAGING}/{}", region_folder(&fence.region));
        let names =
            self.fs.list(&staging).map_err(|e| self.unavailable("list the staged files", &staging, &e))?;
        // Everything in a region's folder is of this region; what does not look like a staged file is not ours.
        let ours = |name: &str| {
            Kind::all_staged()
                .find_map(|ending| staged_by(name, &ending))
                .is_some_and(|(_, generation)| generation <= fence.generation)
        };
        let doomed = names.iter().filter(|n| ours(n) && !needed.contains(&format!("{below}/{n}")));
        Ok(doomed.map(|name| staging.join(name)).collect())
    }

    fn staging(&self, region: &RegionId) -> PathBuf {
        self.options.folder.join(STAGING).join(region_folder(region))
    }

    /// Makes a folder for staged files, which is for nobody's eyes, in the target's folder, which is for those whom the umask
    /// lets in. The files themselves are shared from the start: a link publishes them as they are.
    fn create_staging(&self, staging: &Path) -> Result<()> {
        let folder = &self.options.folder;
        self.fs
            .create_dirs(folder, Access::Shared)
            .and_then(|()| self.fs.create_dirs(staging, Access::Private))
            .map_err(|e| self.unavailable("create the folder", folder, &e))
    }

    fn unavailable(&self, doing: &str, path: &Path, error: &io::Error) -> Error {
        let hint = match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file stands where the folder should be: remove it or choose another `path:`"
            }
            _ => "check the free space and the rights of the folder, then run again",
        };
        Error::io(codes::SINK_UNAVAILABLE, doing, path, error).hint(hint)
    }
}

#[async_trait]
impl Sink for FilesSink {
    fn describe(&self) -> String {
        let by = match self.options.partition_by.as_slice() {
            [] => String::new(),
            fields => format!(", partitioned by {}", fields.join(", ")),
        };
        format!("files below `{}`, {}{by}", self.options.path, self.options.format.describe())
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee {
            effect: "exactly-once-effect".to_owned(),
            mechanism: "files sealed beside the target, each published once by a hard link to a name that is never reused"
                .to_owned(),
        }
    }

    fn supports(&self, mode: WriteMode) -> bool {
        matches!(mode, WriteMode::Append | WriteMode::Replace)
    }

    async fn prepare(&self, _ready: &Ready) -> Result<()> {
        let folder = &self.options.folder;
        let staging = folder.join(STAGING);
        self.create_staging(&staging)?;
        // The rights of a folder do not say whether a file can be made in it: one is made.
        let probe = staging.join(format!("probe-{}", std::process::id()));
        match self.fs.remove(&probe) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(self.unavailable("write into the folder", folder, &e));
            }
            _ => {}
        }
        self.fs
            .create_new(&probe, Access::Private)
            .map_err(|e| self.unavailable("write into the folder", folder, &e))?;
        self.fs.remove(&probe).map_err(|e| self.unavailable("write into the folder", folder, &e))
    }

    fn stored(&self) -> Stored {
        Stored::Files(match self.options.format.kind() {
            Kind::Parquet => Format::Parquet,
            Kind::Json(_) => Format::Json,
            Kind::Avro => Format::Avro,
        })
    }

    async fn alterations(&self, from: &Contract) -> Result<Result<Vec<String>, Vec<Obstacle>>> {
        let moved = Move::new(from, &self.contract)?;
        let renamed = moved.diff.changes.iter().filter(|change| change.what == What::Renamed);
        // Such a field lies in no file, so that nothing resolves its name.
        let obstacles: Vec<Obstacle> = renamed
            .filter(|change| self.options.partition_by.contains(&change.path))
            .map(|change| Obstacle {
                field: change.path.clone(),
                cause: format!("{change}: the folders of the files that are there have the old name"),
                way_out: "keep the name in the write: `SELECT ... AS` in a stage; or run with --full-refresh, which writes everything anew".to_owned(),
            })
            .collect();
        Ok(if obstacles.is_empty() { Ok(Vec::new()) } else { Err(obstacles) })
    }

    async fn recover(&self, fence: &Fence) -> Result<Option<Epoch>> {
        foreign::refuse(self, &fence.region)?;
        Ok(None)
    }

    fn keeps_position(&self) -> bool {
        false
    }

    fn stage(&self, name: &SegmentName) -> Result<Box<dyn SegmentWriter>> {
        Ok(Box::new(writer::Writer::new(self, name)?))
    }

    async fn apply(&self, work: &ApplyWork) -> Result<Applied> {
        publish::apply(self, work)
    }

    async fn sweep(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<()> {
        let doomed = self.doomed(fence, needed)?;
        for path in &doomed {
            match self.fs.remove(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(self.unavailable("remove a staged file", path, &e));
                }
                _ => {}
            }
        }
        let staging = self.staging(&fence.region);
        match doomed.is_empty() {
            true => Ok(()),
            false => self
                .fs
                .sync_dir(&staging)
                .map_err(|e| self.unavailable("make the folder durable", &staging, &e)),
        }
    }

    async fn to_sweep(&self, fence: &Fence, needed: &BTreeSet<String>) -> Result<Vec<u64>> {
        let mut sizes = Vec::new();
        for path in self.doomed(fence, needed)? {
            let size =
                self.fs.len(&path).map_err(|e| self.unavailable("look at a staged file", &path, &e))?;
            sizes.extend(size);
        }
        Ok(sizes)
    }

    async fn look(&self, region: &RegionId, live: &[Segment], needed: &[Segment]) -> Result<Look> {
        let folder = &self.options.folder;
        let len = |path: &Path| self.fs.len(path).map_err(|e| self.unavailable("look at a file", path, &e));
        let mut look = Look { there: len(folder)?.is_some(), ..Look::default() };
        foreign::refuse(self, region)?;
        for name in live.iter().filter_map(|segment| segment.target.as_deref()) {
            if len(&inside(folder, name)?)?.is_none() {
                look.gone.push(name.to_owned());
            }
        }
        for segment in needed {
            let staged = inside(folder, &segment.staged)?;
            let target = segment.target.as_deref().map(|name| inside(folder, name)).transpose()?;
            let published = target.as_deref().map(len).transpose()?.flatten();
            let found = len(&staged)?.or(published);
            if found != Some(segment.bytes) {
                let message = match found {
                    None => "a committed file is gone before it was published".to_owned(),
                    Some(bytes) => format!("a committed file has {bytes} bytes, not {}", segment.bytes),
                };
                look.broken.push(
                    Error::new(codes::STORE_CORRUPT, message)
                        .place(Place::file(staged))
                        .hint("restore the file from a backup, or run with --full-refresh"),
                );
            }
        }
        Ok(look)
    }

    async fn preview(&self, live: &[Segment], limit: usize) -> Result<RecordBatch> {
        preview::preview(self, live, limit)
    }
}
