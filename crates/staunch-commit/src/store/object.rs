//! The remote form: any `object_store` with conditional create. The tests run on its in-memory store.

use super::local::taken;
use super::{ArtefactWriter, Put, ReadSeek, Store, missing};
use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use staunch_types::{Error, Result, codes};
use std::io::{self, Cursor, Write};
use std::sync::Arc;

/// A store over an object store.
#[derive(Debug, Clone)]
pub struct ObjectStoreBacked {
    inner: Arc<dyn ObjectStore>,
    prefix: String,
}

impl ObjectStoreBacked {
    /// A store below `prefix` of `inner`, which must support [`PutMode::Create`].
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { inner, prefix: prefix.trim_matches('/').to_owned() }
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    async fn create_whole(&self, name: &str, bytes: Vec<u8>) -> Result<Put> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.inner.put_opts(&self.path(name), PutPayload::from(bytes), options).await {
            Ok(_) => Ok(Put::Created),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::Exists),
            Err(e) => Err(unavailable("create", name, &e)),
        }
    }
}

fn unavailable(doing: &str, name: &str, error: &object_store::Error) -> Error {
    Error::new(codes::STORE, format!("cannot {doing} `{name}` in the object store"))
        .cause(error.to_string())
        .hint("check the object store and its credentials, then start again: the run continues where it stopped")
}

#[async_trait]
impl Store for ObjectStoreBacked {
    async fn put_if_absent(&self, name: &str, bytes: Vec<u8>) -> Result<Put> {
        self.create_whole(name, bytes).await
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.inner.get(&self.path(name)).await {
            Ok(found) => {
                let bytes = found.bytes().await.map_err(|e| unavailable("read", name, &e))?;
                Ok(Some(bytes.to_vec()))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(unavailable("read", name, &e)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = self.path(folder);
        let found: Vec<_> = self
            .inner
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(|e| unavailable("list", folder, &e))?;
        let start = prefix.as_ref().len() + 1;
        let mut names: Vec<String> = found
            .iter()
            .filter_map(|meta| meta.location.as_ref().get(start..))
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn delete(&self, name: &str) -> Result<()> {
        match self.inner.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(unavailable("delete", name, &e)),
        }
    }

    async fn len(&self, name: &str) -> Result<Option<u64>> {
        match self.inner.head(&self.path(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(unavailable("look at", name, &e)),
        }
    }

    fn create(&self, name: &str) -> Result<Box<dyn ArtefactWriter>> {
        Ok(Box::new(ObjectWriter { store: self.clone(), name: name.to_owned(), bytes: Vec::new() }))
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadSeek>> {
        let bytes = futures::executor::block_on(self.get(name))?.ok_or_else(|| missing(name))?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// Gathers an artefact in memory: an epoch's artefact is bounded by `epoch_bytes`. Multi-part uploads come with the
/// remote transports.
struct ObjectWriter {
    store: ObjectStoreBacked,
    name: String,
    bytes: Vec<u8>,
}

impl Write for ObjectWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ArtefactWriter for ObjectWriter {
    fn finish(self: Box<Self>) -> Result<()> {
        let Self { store, name, bytes } = *self;
        match futures::executor::block_on(store.create_whole(&name, bytes))? {
            Put::Created => Ok(()),
            Put::Exists => Err(taken(&name)),
        }
    }
}
