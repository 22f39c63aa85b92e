//! Spools: what one epoch puts into an internal channel, as an Arrow IPC file (LZ4) in the store.
//!
//! The writer is the far end of the edge "stage → spool": it sums the row hashes of what it hands to the encoder by an
//! implementation of its own, and takes the row count from the finished file's footer.

use crate::ledger::{End, HashSum};
use crate::manifest::{ChannelSegment, FORMAT};
use crate::rowhash::FarSum;
use crate::store::{ArtefactWriter, Store};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::record_batch::RecordBatch;
use staunch_contract::Contract;
use staunch_types::{Error, Place, Result, codes};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what passes, so that a segment knows its size.
struct Counted {
    inner: Box<dyn ArtefactWriter>,
    bytes: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buf)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes one spool segment.
pub struct SpoolWriter {
    store: Arc<dyn Store>,
    writer: FileWriter<Counted>,
    name: String,
    stage: String,
    port: String,
    far: FarSum,
    bytes: Arc<AtomicU64>,
}

impl SpoolWriter {
    /// Begins the artefact `name` for rows of `contract` from the port `port` (`out`, `late`) of `stage`.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn create(
        store: &Arc<dyn Store>,
        name: String,
        stage: &str,
        port: &str,
        contract: &Contract,
    ) -> Result<Self> {
        let bytes = Arc::new(AtomicU64::new(0));
        let out = Counted { inner: store.create(&name)?, bytes: bytes.clone() };
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .map_err(|e| broken(&name, &e))?;
        let mut writer = FileWriter::try_new_with_options(out, &contract.arrow_schema(), options)
            .map_err(|e| broken(&name, &e))?;
        writer.write_metadata("staunch.format", FORMAT.to_string());
        writer.write_metadata("staunch.contract", contract.id());
        Ok(Self {
            store: store.clone(),
            writer,
            name,
            stage: stage.to_owned(),
            port: port.to_owned(),
            far: FarSum::new(contract),
            bytes,
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.far.add(batch)?;
        self.writer.write(batch).map_err(|e| broken(&self.name, &e))
    }

    /// Makes it durable; returns the segment and the far end of the edge that leads to it.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn finish(self) -> Result<(ChannelSegment, End)> {
        let name = self.name;
        let counted = self.writer.into_inner().map_err(|e| broken(&name, &e))?;
        counted.inner.finish()?;
        let mut rows = 0;
        for batch in read_spool(self.store.as_ref(), &name, Some(&[]))? {
            rows += batch?.num_rows() as u64;
        }
        let hash = HashSum::from_hex(&self.far.hex());
        let segment = ChannelSegment {
            stage: self.stage,
            port: self.port,
            name,
            rows,
            bytes: self.bytes.load(Ordering::Relaxed),
        };
        Ok((segment, End { rows, hash }))
    }
}

/// Reads a spool batch by batch; `projection` names the columns wanted.
///
/// # Errors
/// `Store.Corrupt` if it is missing or damaged.
pub fn read_spool(
    store: &dyn Store,
    name: &str,
    projection: Option<&[usize]>,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let reader = FileReader::try_new(store.open(name)?, projection.map(<[usize]>::to_vec))
        .map_err(|e| broken(name, &e))?;
    let name = name.to_owned();
    Ok(reader.map(move |batch| batch.map_err(|e| broken(&name, &e))))
}

/// The schema of a spool.
///
/// # Errors
/// `Store.Corrupt` if it is missing or damaged.
pub fn spool_schema(store: &dyn Store, name: &str) -> Result<SchemaRef> {
    let reader = FileReader::try_new(store.open(name)?, None).map_err(|e| broken(name, &e))?;
    Ok(reader.schema())
}

fn broken(name: &str, error: &ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => Error::new(codes::STORE, format!("cannot write or read `{name}`"))
            .cause(io.to_string())
            .place(Place::file(name))
            .hint("free some space or mend the disk, then start again: the run continues where it stopped"),
        other => Error::new(codes::STORE_CORRUPT, format!("`{name}` is damaged"))
            .cause(other.to_string())
            .place(Place::file(name))
            .hint("restore the state folder from a backup, or run with --full-refresh"),
    }
}

#[cfg(test)]
mod tests;
