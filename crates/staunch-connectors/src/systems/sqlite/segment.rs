//! Segments for SQL targets: Arrow IPC files (LZ4) in the staging folder of the region.
//!
//! **Invariants.** A segment is complete and durable before its descriptor is handed out. Apply reads it only after its
//! digest has been compared, so a damaged one is `Store.Corrupt` and never half applied. The hash sum of a descriptor is
//! empty: the far end of a SQL sink is the segment as apply reads it.

use crate::rowhash::FarSum;
use crate::systems::staged::{inside, staged_file};
use arrow::array::{RecordBatchOptions, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::record_batch::RecordBatch;
use staunch_commit::{Rows, Segment, SegmentName, SegmentWriter};
use staunch_contract::Contract;
use staunch_types::{Access, Error, Fs, FsFile, Place, Result, codes, failpoint};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The ending of a staged file.
pub(super) const ENDING: &str = "arrow";

/// Where and how segments are staged.
#[derive(Clone)]
pub(super) struct Staging {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) folder: PathBuf,
    pub(super) contract: Arc<Contract>,
    pub(super) verify_full: bool,
}

impl Staging {
    pub(super) fn writer(&self, name: &SegmentName) -> Result<Box<dyn SegmentWriter>> {
        self.fs
            .create_dirs(&self.folder, Access::Private)
            .map_err(|e| unavailable("create the staging folder", &self.folder, &e))?;
        let staged = staged_file(name, 0, ENDING);
        Ok(Box::new(Writer { staging: self.clone(), staged, open: None, failed: false }))
    }

    /// Compares size and digest of a staged file with its descriptor.
    pub(super) fn check(&self, segment: &Segment) -> Result<()> {
        let path = inside(&self.folder, &segment.staged)?;
        let found = digest(self.fs.as_ref(), &path).map_err(|e| {
            Error::io(codes::STORE_CORRUPT, "read a staged segment", &path, &e)
                .hint("restore the state folder, or run again with --full-refresh")
        })?;
        if found == (segment.bytes, segment.digest.clone()) {
            Ok(())
        } else {
            Err(damaged(&path, "it was changed"))
        }
    }

    /// Reads a checked segment; `columns` are positions in the contract, ascending (`None`: all).
    pub(super) fn read(
        &self,
        segment: &Segment,
        columns: Option<Vec<usize>>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let path = inside(&self.folder, &segment.staged)?;
        let file = self.fs.open(&path).map_err(|e| damaged(&path, &e.to_string()))?;
        let reader = FileReader::try_new(BufReader::with_capacity(1 << 18, file), columns)
            .map_err(|_| damaged(&path, "it is not an Arrow file"))?;
        Ok(reader.map(move |batch| batch.map_err(|_| damaged(&path, "it is not an Arrow file"))))
    }

    /// The rows with these ordinals (ascending, counted over all segments in their order), after the segments were checked.
    pub(super) fn picked<'a>(&'a self, segments: &'a [Segment], ordinals: &'a [u64]) -> Result<Rows<'a>> {
        for segment in segments {
            self.check(segment)?;
        }
        let mut begin = 0_u64;
        let mut left = ordinals;
        let batches = segments.iter().flat_map(|segment| match self.read(segment, None) {
            Ok(batches) => Box::new(batches) as Rows<'_>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(Box::new(batches.filter_map(move |batch| {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let end = begin + batch.num_rows() as u64;
            let (here, behind) = left.split_at(left.partition_point(|ordinal| *ordinal < end));
            left = behind;
            let rows: UInt64Array = here.iter().map(|ordinal| ordinal - begin).collect();
            begin = end;
            if rows.is_empty() {
                return None;
            }
            Some(take_record_batch(&batch, &rows).map_err(|e| {
                Error::new(codes::INTERNAL, "rows of a staged segment cannot be taken").cause(e.to_string())
            }))
        })))
    }
}

struct Writer {
    staging: Staging,
    staged: String,
    open: Option<OpenFile>,
    failed: bool,
}

struct OpenFile {
    path: PathBuf,
    writer: FileWriter<BufWriter<Digesting>>,
    /// Only with `verify: full`.
    sum: Option<FarSum>,
}

/// Counts and hashes what passes. The IPC file writer only appends, so the hash is that of the file.
struct Digesting {
    file: Box<dyn FsFile>,
    hash: Xxh3,
    bytes: u64,
}

impl Write for Digesting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buf)?;
        self.hash.update(buf.get(..written).unwrap_or(buf));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = self.staging.contract.arrow_schema();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch =
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)
                .map_err(|_| {
                    Error::new(codes::INTERNAL, "a batch does not have the schema of its contract")
                        .hint("report this with the pipeline that caused it")
                })?;
        if self.open.is_none() {
            self.open = Some(self.begin()?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Some(sum) = &mut open.sum {
            sum.add(&batch)?;
        }
        open.writer.write(&batch).map_err(|e| unwritten(&open.path, &e.to_string()))
    }

    fn begin(&self) -> Result<OpenFile> {
        let path = inside(&self.staging.folder, &self.staged)?;
        let file = self
            .staging
            .fs
            .create_new(&path, Access::Private)
            .map_err(|e| unavailable("create a file", &path, &e))?;
        let out = BufWriter::with_capacity(1 << 18, Digesting { file, hash: Xxh3::new(), bytes: 0 });
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .map_err(|e| unwritten(&path, &e.to_string()))?;
        let writer = FileWriter::try_new_with_options(out, &self.staging.contract.arrow_schema(), options)
            .map_err(|e| unwritten(&path, &e.to_string()))?;
        let sum = self.staging.verify_full.then(|| FarSum::new(&self.staging.contract));
        Ok(OpenFile { path, writer, sum })
    }

    /// Ends the file, makes it durable and asks it what it holds.
    fn seal(&self, open: OpenFile) -> Result<Segment> {
        let OpenFile { path, writer, sum } = open;
        let buffered = writer.into_inner().map_err(|e| unwritten(&path, &e.to_string()))?;
        let mut out = buffered.into_inner().map_err(|e| unavailable("write a file", &path, e.error()))?;
        failpoint::pass("sqlite.before_seal");
        out.file.sync().map_err(|e| unavailable("make a file durable", &path, &e))?;
        let folder = &self.staging.folder;
        self.staging.fs.sync_dir(folder).map_err(|e| unavailable("make a folder durable", folder, &e))?;
        failpoint::pass("sqlite.after_seal");
        let mut segment = Segment {
            staged: self.staged.clone(),
            target: None,
            bytes: out.bytes,
            rows: 0,
            hash_sum: String::new(),
            digest: format!("{:032x}", out.hash.digest128()),
        };
        // Without columns only the headers are decoded: this counts what the file says it holds.
        for batch in self.staging.read(&segment, Some(Vec::new()))? {
            segment.rows += batch?.num_rows() as u64;
        }
        if let Some(wanted) = sum {
            self.verify(&segment, &path, &wanted)?;
        }
        Ok(segment)
    }

    fn verify(&self, segment: &Segment, path: &Path, wanted: &FarSum) -> Result<()> {
        let mut found = FarSum::new(&self.staging.contract);
        for batch in self.staging.read(segment, None)? {
            found.add(&batch?)?;
        }
        if (found.rows(), found.hex()) == (wanted.rows(), wanted.hex()) && segment.rows == wanted.rows() {
            return Ok(());
        }
        let message = format!(
            "a staged segment does not hold what was handed to it: {} rows in, {} rows out",
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
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let done = self.add(batch);
        self.failed = done.is_err();
        done
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Segment>> {
        if self.failed {
            return Err(after_failure());
        }
        match self.open.take() {
            Some(open) => Ok(vec![self.seal(open)?]),
            None => Ok(Vec::new()),
        }
    }
}

fn digest(fs: &dyn Fs, path: &Path) -> io::Result<(u64, String)> {
    let mut file = fs.open(path)?;
    let (mut hash, mut bytes) = (Xxh3::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, format!("{:032x}", hash.digest128()))),
            read => {
                hash.update(buffer.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
        }
    }
}

fn unavailable(doing: &str, path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::AlreadyExists => "an earlier attempt of this start left it: run again",
        _ => "check the free space and the rights of the folder, then run again",
    };
    Error::io(codes::SINK_UNAVAILABLE, doing, path, error).hint(hint)
}

fn unwritten(path: &Path, cause: &str) -> Error {
    Error::new(codes::SINK_UNAVAILABLE, "cannot write a segment")
        .place(Place::file(path))
        .cause(cause)
        .hint("check the free space and the rights of the folder, then run again")
}

fn damaged(path: &Path, cause: &str) -> Error {
    Error::new(codes::STORE_CORRUPT, "a staged segment is damaged")
        .place(Place::file(path))
        .cause(cause)
        .hint("restore the state folder, or run again with --full-refresh")
}

fn after_failure() -> Error {
    Error::new(codes::SINK_UNAVAILABLE, "this epoch's segment is incomplete after an earlier error")
        .hint("run again: the epoch is written anew")
}
