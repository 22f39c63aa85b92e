//! One file as a stream of decompressed bytes that is hashed on the way and held against its pin.

use staunch_commit::Listed;
use staunch_types::{Error, Micros, Place, Result, bare, codes};
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::Xxh3;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// By the ending of the name.
    pub(crate) fn of_name(path: &str) -> Self {
        let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// How a file is packed, and how far it may be unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    pub(crate) compression: Compression,
    /// How many times its own size an archive may hold, beyond [`ALWAYS`].
    pub(crate) max_expansion: u64,
}

/// What every archive may hold, however small it is: a small file of repeated rows is no bomb.
const ALWAYS: u64 = 64 << 20;
/// The default of `max_expansion`: text rarely shrinks to a hundredth, gzip never to less than a thousandth.
pub(crate) const MAX_EXPANSION: u64 = 200;

/// An open file.
pub(crate) struct Input {
    reader: Box<dyn Read + Send>,
    packing: Packing,
    /// What was unpacked so far.
    unpacked: u64,
    path: PathBuf,
    pin: Listed,
    hash: Xxh3,
    ended: bool,
}

/// The time of the last change, in microseconds since 1970.
pub(crate) fn modified(meta: &Metadata) -> Micros {
    let Ok(time) = meta.modified() else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Micros::try_from(after.as_micros()).unwrap_or(Micros::MAX),
        Err(before) => Micros::try_from(before.duration().as_micros()).map_or(Micros::MIN, |m| -m),
    }
}

/// The error of a file that is not what was pinned.
pub(crate) fn changed(path: &Path, what: &str) -> Error {
    Error::new(codes::SOURCE_CHANGED, format!("the file was changed: {what}")).place(Place::file(path)).hint(
        "run with `--full-refresh` to read everything again, and let writers put new files beside old ones",
    )
}

/// Compares size and time of a file with its pin.
///
/// # Errors
/// `Source.Changed`, `Source.Missing`, `Source.Unreadable`.
pub(crate) fn verify_pin(path: &Path, pin: &Listed) -> Result<()> {
    let meta = std::fs::metadata(path).map_err(|e| unreadable("look at the file", path, &e))?;
    if meta.len() != pin.size {
        return Err(changed(path, "its size is not what it was when it was listed"));
    }
    if modified(&meta) != pin.modified {
        return Err(changed(path, "its time is not what it was when it was listed"));
    }
    Ok(())
}

/// An error of the operating system at a source.
pub(crate) fn unreadable(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::io(codes::SOURCE_MISSING, doing, path, error)
            .hint("put the file back, or correct `path:`");
    }
    Error::io(codes::SOURCE_UNREADABLE, doing, path, error).hint("check the permissions and the disk")
}

impl Input {
    /// Opens a pinned file.
    ///
    /// # Errors
    /// `Source.Changed`, `Source.Missing`, `Source.Unreadable`.
    pub(crate) fn open(path: &Path, pin: &Listed, packing: Packing) -> Result<Self> {
        verify_pin(path, pin)?;
        Self::open_as(path, pin, packing)
    }

    /// Opens a file as it is now, whatever its pin was.
    ///
    /// # Errors
    /// `Source.Missing`, `Source.Unreadable`.
    pub(crate) fn open_unpinned(path: &Path, packing: Packing) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(|e| unreadable("look at the file", path, &e))?;
        let now = Listed { path: String::new(), size: meta.len(), modified: modified(&meta) };
        Self::open_as(path, &now, packing)
    }

    fn open_as(path: &Path, pin: &Listed, packing: Packing) -> Result<Self> {
        let file = File::open(path).map_err(|e| unreadable("open the file", path, &e))?;
        // What is appended after the listing does not belong to the pinned version.
        let file = file.take(pin.size);
        let reader: Box<dyn Read + Send> = match packing.compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(
                std::io::BufReader::with_capacity(1 << 17, file),
            )),
            Compression::Zstd => Box::new(
                zstd::stream::read::Decoder::new(file).map_err(|e| unreadable("open the file", path, &e))?,
            ),
        };
        let path = path.to_path_buf();
        let (pin, hash) = (pin.clone(), Xxh3::new());
        Ok(Self { reader, packing, unpacked: 0, path, pin, hash, ended: false })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether everything was read.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Adds up to `count` bytes to `buffer`; fewer only at the end.
    ///
    /// # Errors
    /// `Source.Corrupt` for a damaged or truncated archive, `Source.TooLarge` for one that holds more than it may,
    /// `Source.Changed` or `Source.Missing` if the file is not what it was when it was listed, `Source.Unreadable`.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<u8>, count: usize) -> Result<()> {
        if self.ended || count == 0 {
            return Ok(());
        }
        let limit = u64::try_from(count).unwrap_or(u64::MAX);
        let read = (&mut self.reader).take(limit).read_to_end(buffer).map_err(|e| self.failed(&e))?;
        self.ended = read < count;
        self.unpacked = self.unpacked.saturating_add(read as u64);
        let most = self.pin.size.saturating_mul(self.packing.max_expansion).max(ALWAYS);
        if self.packing.compression != Compression::None && self.unpacked > most {
            let times = self.packing.max_expansion;
            let message = format!("the archive holds more than {times} times its own size");
            return Err(Error::new(codes::SOURCE_TOO_LARGE, message).place(Place::file(&self.path)).hint(
                "look whether it is what it should be; if it is, raise `max_expansion:` of the object",
            ));
        }
        Ok(())
    }

    /// The error of a read: decoders make errors of their own, those of the operating system carry its number.
    fn failed(&self, error: &std::io::Error) -> Error {
        if self.packing.compression == Compression::None || error.raw_os_error().is_some() {
            return unreadable("read the file", &self.path, error);
        }
        // An archive that was cut or overwritten while it was read is no damaged one.
        if let Err(changed) = self.verify() {
            return changed;
        }
        let (cause, hint) = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                ("the archive ends too early", "copy or compress the file again")
            }
            // Words of the zstd library about the frame, not about data.
            _ if error.to_string().contains("requires too much memory") => (
                "the archive needs more than 128 MiB of memory to be unpacked",
                "compress the file again, without `--long` beyond 27",
            ),
            _ => ("the archive is damaged", "copy or compress the file again"),
        };
        Error::io(codes::SOURCE_CORRUPT, "decompress the file", &self.path, error).cause(cause).hint(hint)
    }

    /// Counts bytes into the digest of what lies behind.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        if !bare::on() {
            self.hash.update(bytes);
        }
    }

    /// The digest of all bytes that were passed.
    pub(crate) fn digest(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }

    /// Holds the file against its pin once more.
    ///
    /// # Errors
    /// `Source.Changed`.
    pub(crate) fn verify(&self) -> Result<()> {
        verify_pin(&self.path, &self.pin)
    }
}
