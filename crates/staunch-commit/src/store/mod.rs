//! Where durable artefacts live: one small async interface, a local and an object-store form.
//!
//! The protocol needs one strong operation, [`Store::put_if_absent`]; everything else is plain. Names are relative, with
//! `/` between parts; they are made by this crate and never come from data.

mod local;
mod object;

pub use local::LocalStore;
pub use object::ObjectStoreBacked;

use async_trait::async_trait;
use staunch_types::{Error, Result, codes};
use std::fmt::Debug;
use std::io::{Read, Seek, Write};

/// Whether a create won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The name was free and now holds these bytes, durably.
    Created,
    /// The name was taken; nothing was written.
    Exists,
}

/// Durable artefacts by name.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// Creates an artefact unless the name is taken. When it returns `Created` the bytes and the name are durable.
    ///
    /// # Errors
    /// `Store.Unavailable`; the outcome is then unknown and must be asked about.
    async fn put_if_absent(&self, name: &str, bytes: Vec<u8>) -> Result<Put>;

    /// The bytes of an artefact, or `None`.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// The names directly below `folder`, sorted, without the folder.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    async fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Deletes an artefact; a missing one is no error.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    async fn delete(&self, name: &str) -> Result<()>;

    /// The size of an artefact in bytes, or `None`.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    async fn len(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.get(name).await?.map(|bytes| bytes.len() as u64))
    }

    /// Forgets a folder out of which everything was deleted, where folders are things of their own. One that holds something
    /// stays.
    async fn forget_folder(&self, _folder: &str) {}

    /// The sizes of what killed writers left half-written: what [`Store::sweep`] would remove.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    async fn half_written(&self) -> Result<Vec<u64>> {
        Ok(Vec::new())
    }

    /// Removes what killed writers left half-written. Only a generation that has claimed its epoch may call it: what it takes
    /// from an older one that still lives makes that one fail, and ask who owns the region.
    ///
    /// # Errors
    /// `Store.Unavailable`.
    async fn sweep(&self) -> Result<()> {
        Ok(())
    }

    /// Begins a large artefact that is written piece by piece. Nothing is visible under `name` before
    /// [`ArtefactWriter::finish`].
    ///
    /// # Errors
    /// `Store.Unavailable`.
    fn create(&self, name: &str) -> Result<Box<dyn ArtefactWriter>>;

    /// Opens an artefact for reading.
    ///
    /// # Errors
    /// `Store.Corrupt` naming it if it is missing; `Store.Unavailable`.
    fn open(&self, name: &str) -> Result<Box<dyn ReadSeek>>;
}

/// A large artefact while it is written.
pub trait ArtefactWriter: Write + Send {
    /// Makes it durable under its name.
    ///
    /// # Errors
    /// `Store.Unavailable`, or `Store.Corrupt` if the name is taken: names are never used twice.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What an artefact is read through.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// The error for an artefact that a manifest refers to and that is not there.
#[must_use]
pub fn missing(name: &str) -> Error {
    Error::new(codes::STORE_CORRUPT, format!("the epoch log refers to `{name}`, which is missing"))
        .hint("restore the state folder from a backup; a committed epoch is never skipped")
}

#[cfg(test)]
mod tests;
