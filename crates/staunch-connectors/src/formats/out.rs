//! Files on their way out: whatever a format writes into a new file passes here, is counted and hashed, and is made durable at the
//! end.
//!
//! **Invariants.** A file is only ever created, never opened for writing again. After an error it is not to be used.

use staunch_types::{Access, Error, Fs, FsFile, Result, bare, codes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// A file that is being written: counts and hashes what passes on its way.
pub(crate) struct OutFile {
    file: Box<dyn FsFile>,
    path: PathBuf,
    hash: Xxh3,
    bytes: u64,
}

impl OutFile {
    /// Creates the file, readable for whoever the umask lets in; an existing file is an error.
    ///
    /// # Errors
    /// `Sink.Unavailable`.
    pub(crate) fn create(fs: &dyn Fs, path: &Path) -> Result<Self> {
        let file = fs.create_new(path, Access::Shared).map_err(|e| unwritable("create a file", path, &e))?;
        Ok(Self { file, path: path.to_path_buf(), hash: Xxh3::new(), bytes: 0 })
    }

    /// Ends it: nothing is written any more.
    pub(crate) fn close(self) -> ClosedFile {
        let digest = format!("{:032x}", self.hash.digest128());
        ClosedFile { file: self.file, path: self.path, bytes: self.bytes, digest }
    }
}

impl std::fmt::Debug for OutFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutFile")
            .field("file", &self.file)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Write for OutFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buf)?;
        if !bare::on() {
            self.hash.update(buf.get(..written).unwrap_or(buf));
        }
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A complete file that waits to be made durable.
#[derive(Debug)]
pub struct ClosedFile {
    file: Box<dyn FsFile>,
    path: PathBuf,
    bytes: u64,
    digest: String,
}

impl ClosedFile {
    /// Makes the content durable (not yet its name: that is the folder's) and gives bytes and digest (xxh3-128 of the
    /// bytes, 32 hexadecimal digits).
    ///
    /// # Errors
    /// `Sink.Unavailable`; a failed sync is final, it is not repeated.
    pub fn sync(mut self) -> Result<(u64, String)> {
        self.file.sync().map_err(|e| unwritable("make a file durable", &self.path, &e))?;
        Ok((self.bytes, self.digest))
    }
}

/// An error of the operating system at a file that is being written.
pub(crate) fn unwritable(doing: &str, path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::AlreadyExists => "an earlier attempt of this start left it: run again",
        _ => "check the free space and the rights of the folder, then run again",
    };
    Error::io(codes::SINK_UNAVAILABLE, doing, path, error).hint(hint)
}
