//! Staging: rows in, sealed files out.
//!
//! **Invariants.** Memory is bounded: at most [`OPEN_FILES`] files are open, and their row groups in progress and compressors hold
//! at most about [`BUFFERED`] bytes; beyond either, the least recently used file is closed or the fattest row group is ended. A
//! writer that failed once never gives segments. The sum of a file covers all fields of the contract, also those in its folder's name.

use super::FilesSink;
use super::format::{Closed, File, Kind, Shape};
use super::partition::{Part, Partitions};
use crate::formats::avro::write as avro_write;
use crate::formats::json_write::Text;
use crate::formats::parquet_write;
use crate::rowhash::FarSum;
use crate::systems::staged::{inside, published_file, region_folder, staged_file};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_commit::{Segment, SegmentName, SegmentWriter};
use staunch_contract::Contract;
use staunch_types::{Error, Fs, Place, Result, codes, failpoint};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files open at once.
pub(super) const OPEN_FILES: usize = 256;

/// Bytes of row groups in progress and of compressors, over all open files.
const BUFFERED: usize = 128 << 20;

/// Writes the files of one epoch.
pub(super) struct Writer {
    fs: Arc<dyn Fs>,
    contract: Arc<Contract>,
    name: SegmentName,
    folder: PathBuf,
    staging: PathBuf,
    kind: Kind,
    shape: Shape,
    scratch: Text,
    /// The contract of what is in the files: without the partition fields.
    inner: Contract,
    schema: SchemaRef,
    kept: Vec<usize>,
    rows_per_file: u64,
    verify_full: bool,
    partitions: Partitions,
    open: HashMap<Vec<u8>, OpenFile>,
    sealed: Vec<(u64, Segment)>,
    ordinal: u64,
    tick: u64,
    failed: bool,
}

/// A file that takes rows.
struct OpenFile {
    file: File,
    sum: FarSum,
    used: u64,
    place: FilePlace,
}

/// Where a file is staged and where it will go.
struct FilePlace {
    ordinal: u64,
    staged: String,
    target: String,
    /// The values of the partition fields, one row each: what the folder's name says.
    values: Vec<ArrayRef>,
}

impl Writer {
    pub(super) fn new(sink: &FilesSink, name: &SegmentName) -> Result<Self> {
        let staging = sink.staging(&name.region);
        sink.create_staging(&staging)?;
        let partitions = Partitions::new(&sink.contract, &sink.options.partition_by)?;
        let kept = partitions.kept(&sink.contract);
        let inner = inner(&sink.contract, &kept);
        let metadata = [
            ("staunch.contract", sink.contract.id()),
            ("staunch.region", name.region.to_string()),
            ("staunch.write", name.write.clone()),
            ("staunch.epoch", name.epoch.to_string()),
        ];
        Ok(Self {
            fs: Arc::clone(&sink.fs),
            contract: Arc::clone(&sink.contract),
            name: name.clone(),
            folder: sink.options.folder.clone(),
            staging,
            kind: sink.options.format.kind(),
            shape: Shape::new(sink.options.format, &inner, &metadata)?,
            scratch: Text::default(),
            schema: inner.arrow_schema(),
            inner,
            kept,
            rows_per_file: sink.options.rows_per_file,
            verify_full: sink.verify_full,
            partitions,
            open: HashMap::new(),
            sealed: Vec::new(),
            ordinal: 0,
            tick: 0,
            failed: false,
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != self.contract.fields.len() {
            let message = "a batch does not have the columns of its contract";
            return Err(
                Error::new(codes::INTERNAL, message).hint("report this with the pipeline that caused it")
            );
        }
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for Part { key, rows } in self.partitions.split(batch)? {
            let mut from = 0;
            while from < rows.num_rows() {
                if !self.open.contains_key(&key) {
                    self.begin(&key, &rows)?;
                }
                let Some(open) = self.open.get_mut(&key) else { break };
                self.tick += 1;
                open.used = self.tick;
                let room = usize::try_from(self.rows_per_file - open.file.rows()).unwrap_or(usize::MAX);
                let part = rows.slice(from, room.min(rows.num_rows() - from));
                open.sum.add(&part)?;
                open.file.write(&project(&part, &self.kept, &self.schema)?, &mut self.scratch)?;
                from += part.num_rows();
                if open.file.rows() >= self.rows_per_file {
                    self.seal_one(&key)?;
                }
            }
        }
        self.relieve()
    }

    /// Opens a file for the folder of `rows`.
    fn begin(&mut self, key: &[u8], rows: &RecordBatch) -> Result<()> {
        if self.open.len() >= OPEN_FILES {
            self.seal_oldest()?;
        }
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let file = staged_file(&self.name, ordinal, &self.kind.staged());
        let folder = self.partitions.folder(rows)?;
        let published = published_file(&self.name, ordinal, self.kind.ending());
        let place = FilePlace {
            ordinal,
            staged: format!("{}/{}/{file}", super::STAGING, region_folder(&self.name.region)),
            target: if folder.is_empty() { published } else { format!("{folder}/{published}") },
            values: self
                .partitions
                .positions()
                .filter_map(|at| rows.columns().get(at))
                .map(|c| c.slice(0, 1))
                .collect(),
        };
        let path = self.staging.join(file);
        let first = project(rows, &self.kept, &self.schema)?;
        let file = self.shape.create(self.fs.as_ref(), &path, &first)?;
        let sum = FarSum::new(&self.contract);
        self.open.insert(key.to_vec(), OpenFile { file, sum, used: self.tick, place });
        Ok(())
    }

    /// Ends row groups, the fattest first, or whole files, the least recently used first, until the bound on memory holds again.
    fn relieve(&mut self) -> Result<()> {
        let mut held: usize = self.open.values().map(|f| f.file.memory()).sum();
        while held > BUFFERED {
            let Some(fattest) = self.open.values_mut().max_by_key(|f| f.file.memory()) else { break };
            let freed = fattest.file.memory();
            if !fattest.file.relieve()? {
                self.seal_oldest()?;
            }
            held -= freed.min(held);
        }
        Ok(())
    }

    fn seal_oldest(&mut self) -> Result<()> {
        let oldest = self.open.iter().min_by_key(|(_, file)| file.used).map(|(key, _)| key.clone());
        match oldest {
            Some(oldest) => self.seal_one(&oldest),
            None => Ok(()),
        }
    }

    fn seal_one(&mut self, key: &[u8]) -> Result<()> {
        if let Some(OpenFile { file, sum, place, .. }) = self.open.remove(key) {
            self.seal(file.close()?, &sum, place)?;
        }
        Ok(())
    }

    /// Makes a complete file durable and asks it what it holds.
    fn seal(&mut self, closed: Closed, sum: &FarSum, place: FilePlace) -> Result<()> {
        let (bytes, digest) = closed.file.sync()?;
        let path = inside(&self.folder, &place.staged)?;
        let rows = match closed.lines {
            None if self.kind == Kind::Avro => avro_write::count(self.fs.as_ref(), &path)?,
            None => parquet_write::footer(&self.fs, &path)?.rows,
            // No footer: what was counted on the way in counts if the file is as long as what went in.
            Some(lines) => {
                self.is_whole(&path, bytes)?;
                lines
            }
        };
        if self.verify_full {
            self.verify(&path, rows, sum, &place.values)?;
        }
        let FilePlace { ordinal, staged, target, .. } = place;
        let segment = Segment { staged, target: Some(target), bytes, rows, hash_sum: sum.hex(), digest };
        self.sealed.push((ordinal, segment));
        Ok(())
    }

    fn is_whole(&self, path: &Path, bytes: u64) -> Result<()> {
        let found = self.fs.len(path).map_err(|e| {
            Error::io(codes::SINK_UNAVAILABLE, "look at a file", path, &e)
                .hint("check the disk, then run again")
        })?;
        if found == Some(bytes) {
            return Ok(());
        }
        Err(Error::new(codes::IMBALANCE, "a finished file does not have the length of what was handed to it")
            .place(Place::file(path))
            .hint("keep the file and report this; nothing of the epoch was committed"))
    }

    /// Decodes a finished file and compares it with what was handed to the encoder.
    fn verify(&self, path: &Path, rows: u64, wanted: &FarSum, values: &[ArrayRef]) -> Result<()> {
        let schema = self.contract.arrow_schema();
        let mut found = FarSum::new(&self.contract);
        for batch in self.kind.decode(&self.fs, path, &self.inner)? {
            found.add(&restore(&batch?, &schema, &self.kept, self.partitions.positions().zip(values))?)?;
        }
        if rows == wanted.rows() && found.rows() == wanted.rows() && found.hex() == wanted.hex() {
            return Ok(());
        }
        let message = format!(
            "a finished file does not hold what was handed to it: {} rows in, {} rows out, {rows} by its own count",
            wanted.rows(),
            found.rows()
        );
        Err(Error::new(codes::IMBALANCE, message)
            .place(Place::file(path))
            .hint("keep the file and report this; nothing of the epoch was committed"))
    }
}

impl SegmentWriter for Writer {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.failed {
            return Err(after_failure());
        }
        let done = self.add(batch);
        self.failed = done.is_err();
        done
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Segment>> {
        if self.failed {
            return Err(after_failure());
        }
        let mut open: Vec<(u64, Vec<u8>)> =
            self.open.iter().map(|(k, f)| (f.place.ordinal, k.clone())).collect();
        open.sort_unstable();
        for (_, key) in open {
            failpoint::pass("files.before_seal");
            self.seal_one(&key)?;
            failpoint::pass("files.after_seal");
        }
        if self.sealed.is_empty() {
            return Ok(Vec::new());
        }
        self.fs.sync_dir(&self.staging).map_err(|e| {
            Error::io(codes::SINK_UNAVAILABLE, "make the staging folder durable", &self.staging, &e)
                .hint("check the disk, then run again")
        })?;
        failpoint::pass("files.after_sync_staging");
        self.sealed.sort_unstable_by_key(|(ordinal, _)| *ordinal);
        Ok(self.sealed.into_iter().map(|(_, segment)| segment).collect())
    }
}

/// The contract of what is in the files.
pub(super) fn inner(contract: &Contract, kept: &[usize]) -> Contract {
    let fields = kept.iter().filter_map(|at| contract.fields.get(*at).cloned()).collect();
    contract.with_fields(fields)
}

/// The columns that stay in the file.
fn project(batch: &RecordBatch, kept: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = kept.iter().filter_map(|at| batch.columns().get(*at).cloned()).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|_| {
        Error::new(codes::INTERNAL, "a batch does not have the schema of its contract")
            .hint("report this with the pipeline that caused it")
    })
}

/// The whole row again: the file's columns, and the partition fields from the folder.
pub(super) fn restore<'a>(
    batch: &RecordBatch,
    schema: &SchemaRef,
    kept: &[usize],
    folder: impl Iterator<Item = (usize, &'a ArrayRef)>,
) -> Result<RecordBatch> {
    let broken = || Error::new(codes::IMBALANCE, "a finished file does not have the columns of its contract");
    let mut columns: Vec<Option<ArrayRef>> = vec![None; schema.fields().len()];
    for (at, column) in kept.iter().zip(batch.columns()) {
        *columns.get_mut(*at).ok_or_else(broken)? = Some(Arc::clone(column));
    }
    let repeat = UInt32Array::from(vec![0; batch.num_rows()]);
    for (at, value) in folder {
        let column = take(value.as_ref(), &repeat, None).map_err(|_| broken())?;
        *columns.get_mut(at).ok_or_else(broken)? = Some(column);
    }
    let columns: Vec<ArrayRef> = columns.into_iter().collect::<Option<_>>().ok_or_else(broken)?;
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|_| broken())
}

fn after_failure() -> Error {
    Error::new(codes::SINK_UNAVAILABLE, "this epoch's files are incomplete after an earlier error")
        .hint("run again: the epoch is written anew")
}
