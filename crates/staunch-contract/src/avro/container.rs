//! Object container files: a header with the schema, then blocks of values.
//!
//! The schema stands in the header verbatim, as [`Schema::text`] has it: what a file says it holds is what was encoded. A reader takes
//! nothing on trust: what the header and a block may take is bounded, and every block ends with the file's marker.
//!
//! Bytes of random chance (the marker) are an argument, and neither end opens a file.

use super::codec::{Codec, Refused};
use super::decode::Decoder;
use super::encode;
use super::schema::Schema;
use super::value::Value;
use staunch_types::{Code, Error, Place, Result, codes};
use std::borrow::Borrow;
use std::io::Read;
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = *b"Obj\x01";

/// A block is written once its plain bytes reach this.
const BLOCK_BYTES: usize = 64 << 10;

/// Values that may take no bytes in one block.
const EMPTY_VALUES_MAX: u64 = 1 << 20;

/// What a file may take of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerLimits {
    /// Bytes of the header, the schema among them.
    pub header: usize,
    /// Bytes of a block as it is stored.
    pub stored: usize,
    /// Bytes of a block once it is expanded.
    pub expanded: usize,
}

impl Default for ContainerLimits {
    fn default() -> Self {
        Self { header: 8 << 20, stored: 64 << 20, expanded: 64 << 20 }
    }
}

/// Writes a container file into memory: take the bytes as they come. `S` is the schema, lent or shared.
#[derive(Debug)]
pub struct ContainerWriter<S> {
    schema: S,
    codec: Codec,
    marker: [u8; 16],
    out: Vec<u8>,
    block: Vec<u8>,
    count: i64,
}

impl<S: Borrow<Schema>> ContainerWriter<S> {
    /// Begins a file. `marker` should be one that no data hold: random, or a digest; `metadata` may name anything but `avro.*`.
    ///
    /// # Errors
    /// `ST0005` for metadata of a name that Avro keeps for itself.
    pub fn new(schema: S, codec: Codec, marker: [u8; 16], metadata: &[(&str, &[u8])]) -> Result<Self> {
        if let Some((key, _)) = metadata.iter().find(|(key, _)| key.starts_with("avro.")) {
            return Err(Error::new(codes::BAD_VALUE, format!("the metadata `{key}` belongs to Avro"))
                .hint("take a name that does not begin with `avro.`"));
        }
        let own: [(&str, &[u8]); 2] =
            [("avro.schema", schema.borrow().text().as_bytes()), ("avro.codec", codec.name().as_bytes())];
        let mut out = MAGIC.to_vec();
        encode::long(i64::try_from(own.len() + metadata.len()).unwrap_or(i64::MAX), &mut out);
        for (key, value) in own.iter().chain(metadata) {
            encode::length_and(key.as_bytes(), &mut out);
            encode::length_and(value, &mut out);
        }
        out.push(0);
        out.extend_from_slice(&marker);
        Ok(Self { schema, codec, marker, out, block: Vec::new(), count: 0 })
    }

    /// Adds a value. After an error the file is as before.
    ///
    /// # Errors
    /// `Decode.Type` if it is no value of the schema; `Internal.Bug` if the codec fails.
    pub fn append(&mut self, value: &Value) -> Result<()> {
        self.schema.borrow().encode_into(value, &mut self.block)?;
        self.counted(1)
    }

    /// Adds `count` values that are encoded already, under this very schema.
    ///
    /// # Errors
    /// `Internal.Bug` if the codec fails.
    pub fn append_encoded(&mut self, bytes: &[u8], count: u32) -> Result<()> {
        self.block.extend_from_slice(bytes);
        self.counted(count.into())
    }

    fn counted(&mut self, count: i64) -> Result<()> {
        self.count += count;
        if self.block.len() >= BLOCK_BYTES || self.count >= i64::from(u32::MAX) {
            self.end_block()
        } else {
            Ok(())
        }
    }

    /// Ends the block: what was added so far can be read.
    ///
    /// # Errors
    /// `Internal.Bug` if the codec fails.
    pub fn end_block(&mut self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let stored = self.codec.compress(&self.block).map_err(|e| {
            Error::new(codes::INTERNAL, format!("the codec {} cannot compress a block", self.codec))
                .cause(e.to_string())
                .hint("report this with the codec")
        })?;
        encode::long(self.count, &mut self.out);
        encode::length_and(&stored, &mut self.out);
        self.out.extend_from_slice(&self.marker);
        self.block.clear();
        self.count = 0;
        Ok(())
    }

    /// How many bytes are complete and not taken yet.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.out.len()
    }

    /// What is complete since the last call, to be written away.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Ends the file and gives what was not taken yet.
    ///
    /// # Errors
    /// `Internal.Bug` if the codec fails.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.end_block()?;
        Ok(self.out)
    }
}

/// Reads a container file, block by block.
#[derive(Debug)]
pub struct ContainerReader<R> {
    input: R,
    file: PathBuf,
    limits: ContainerLimits,
    schema: Schema,
    codec: Codec,
    metadata: Vec<(String, Vec<u8>)>,
    marker: [u8; 16],
    at: u64,
    ended: bool,
}

/// A block of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How many values it says it holds.
    pub count: u64,
    /// Their bytes, expanded.
    pub bytes: Vec<u8>,
    /// The byte of the file at which it begins.
    pub at: u64,
}

/// A block of a file as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// How many values it says it holds.
    pub count: u64,
    /// Their bytes, compressed.
    pub stored: Vec<u8>,
    /// The byte of the file at which it begins.
    pub at: u64,
}

const HINT: &str = "get the file again, or remove it from the input";

impl StoredBlock {
    /// The values' bytes. `file` is named in errors.
    ///
    /// # Errors
    /// `Source.Corrupt` if they are not what the codec says; `Source.TooLarge` beyond the limits.
    pub fn expand(self, codec: Codec, limits: &ContainerLimits, file: &Path) -> Result<Block> {
        let Self { count, stored, at } = self;
        let wrong =
            |code: Code, why: &str| Error::new(code, format!("{why}, at byte {at}")).place(Place::file(file));
        let too_large =
            |why: &str| wrong(codes::SOURCE_TOO_LARGE, why).hint("write the file with smaller blocks");
        let bytes = codec.expand(stored, limits.expanded).map_err(|refused| match refused {
            Refused::TooLarge => {
                too_large(&format!("a block expands to more than {} bytes", limits.expanded))
            }
            Refused::Damaged(why) => wrong(codes::SOURCE_CORRUPT, why).hint(HINT),
        })?;
        if count > (bytes.len() as u64).saturating_add(EMPTY_VALUES_MAX) {
            let why = format!("a block counts more than {EMPTY_VALUES_MAX} values without bytes");
            return Err(too_large(&why));
        }
        Ok(Block { count, bytes, at })
    }
}

impl<R: Read> ContainerReader<R> {
    /// Reads the header. `file` is named in errors.
    ///
    /// # Errors
    /// `Source.Corrupt` if it is no container file, its schema cannot be read, or its codec is not known; `Source.TooLarge` beyond the limits;
    /// `Source.Unreadable` if the input fails.
    pub fn open(input: R, file: &Path, limits: ContainerLimits) -> Result<Self> {
        let mut header = Header { input, file, left: limits.header, at: 0 };
        let magic: [u8; 4] = header.array()?;
        if magic == *b"Obj\x00" {
            let why = "the file is a container of Avro 1.2 or older";
            return Err(header
                .wrong(codes::SOURCE_CORRUPT, why)
                .hint("write it again with Avro 1.3 or newer"));
        }
        if magic != MAGIC {
            return Err(header.wrong(codes::SOURCE_CORRUPT, "the file is no Avro container").hint(HINT));
        }
        let metadata = header.metadata()?;
        let marker = header.array()?;
        let (input, at) = (header.input, header.at);
        let place = || Place::file(file);
        let entry = |key: &str| metadata.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_slice());
        let text = entry("avro.schema").map(std::str::from_utf8);
        let Some(Ok(text)) = text else {
            return Err(Error::new(codes::SOURCE_CORRUPT, "the header holds no schema")
                .place(place())
                .hint(HINT));
        };
        let schema = Schema::parse(text).map_err(|error| {
            Error::new(codes::SOURCE_CORRUPT, "the schema in the header cannot be read")
                .place(place())
                .cause(error.to_string())
                .hint("mend what writes the file")
        })?;
        let codec = match entry("avro.codec").unwrap_or(b"null") {
            b"" => Codec::Null,
            name => std::str::from_utf8(name).ok().and_then(Codec::of).ok_or_else(|| {
                let known: Vec<&str> = Codec::ALL.into_iter().map(Codec::name).collect();
                Error::new(codes::SOURCE_CORRUPT, "the codec of the file is not known")
                    .place(place())
                    .hint(format!("known are {}", known.join(", ")))
            })?,
        };
        let file = file.to_owned();
        Ok(Self { input, file, limits, schema, codec, metadata, marker, at, ended: false })
    }

    /// The schema under which the values were written.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The codec.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The metadata of the header, in its order.
    #[must_use]
    pub fn metadata(&self) -> &[(String, Vec<u8>)] {
        &self.metadata
    }

    /// The limits of the file.
    #[must_use]
    pub fn limits(&self) -> ContainerLimits {
        self.limits
    }

    /// The byte of the file that was read up to.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The input, at [`ContainerReader::at`].
    #[must_use]
    pub fn input(&self) -> &R {
        &self.input
    }

    /// The next block; `None` behind the last one, and behind an error for ever.
    ///
    /// # Errors
    /// As [`ContainerReader::open`].
    pub fn next_block(&mut self) -> Result<Option<Block>> {
        let Some(stored) = self.next_stored()? else { return Ok(None) };
        let block = stored.expand(self.codec, &self.limits, &self.file);
        self.ended = block.is_err();
        block.map(Some)
    }

    /// The next block as it is stored; `None` behind the last one, and behind an error for ever.
    ///
    /// # Errors
    /// As [`ContainerReader::open`].
    pub fn next_stored(&mut self) -> Result<Option<StoredBlock>> {
        if self.ended {
            return Ok(None);
        }
        let block = self.read_block();
        self.ended = !matches!(block, Ok(Some(_)));
        block
    }

    fn read_block(&mut self) -> Result<Option<StoredBlock>> {
        let at = self.at;
        let mut header = Header { input: &mut self.input, file: &self.file, left: usize::MAX, at };
        let Some(count) = header.long_or_end()? else { return Ok(None) };
        let length = header.long()?;
        let (Ok(count), Ok(length)) = (u64::try_from(count), usize::try_from(length)) else {
            return Err(header
                .wrong(codes::SOURCE_CORRUPT, "a block has a negative count or length")
                .hint(HINT));
        };
        if length > self.limits.stored {
            let what = format!("a block is longer than {} bytes", self.limits.stored);
            return Err(header
                .wrong(codes::SOURCE_TOO_LARGE, what)
                .hint("write the file with smaller blocks"));
        }
        let stored = header.bytes(length)?;
        if header.array::<16>()? != self.marker {
            return Err(header
                .wrong(codes::SOURCE_CORRUPT, "a block does not end with the marker of the file")
                .hint(HINT));
        }
        self.at = header.at;
        Ok(Some(StoredBlock { count, stored, at }))
    }
}

impl Block {
    /// The values, by a decoder whose writer's schema is that of the file. Behind an error there are none.
    ///
    /// Each is `Decode.Malformed` or `Decode.Type` by itself; bytes behind the last one are `Decode.Malformed` too.
    pub fn values<'a>(&'a self, decoder: &'a Decoder) -> impl Iterator<Item = Result<Value>> + 'a {
        let (mut at, mut left, mut ended) = (0, self.count, false);
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let rest = self.bytes.get(at..).unwrap_or_default();
            if left == 0 {
                ended = true;
                return (!rest.is_empty()).then(|| {
                    let why = format!("{} bytes stand behind the last value of a block", rest.len());
                    Err(Error::new(codes::DECODE, why).hint(HINT))
                });
            }
            left -= 1;
            Some(match decoder.decode_first(rest) {
                Ok((value, taken)) => {
                    at += taken;
                    Ok(value)
                }
                Err(error) => {
                    ended = true;
                    Err(error)
                }
            })
        })
    }
}

/// Reads what stands before and between the blocks.
struct Header<'f, R> {
    input: R,
    file: &'f Path,
    left: usize,
    at: u64,
}

impl<R: Read> Header<'_, R> {
    fn wrong(&self, code: Code, why: impl Into<String>) -> Error {
        Error::new(code, format!("{}, at byte {}", why.into(), self.at)).place(Place::file(self.file))
    }

    fn early(&self) -> Error {
        self.wrong(codes::SOURCE_CORRUPT, "the file ends too early").hint(HINT)
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        self.left = self.left.checked_sub(length).ok_or_else(|| {
            self.wrong(codes::SOURCE_TOO_LARGE, "the header is larger than it may be")
                .hint("write a smaller schema")
        })?;
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length as u64).read_to_end(&mut bytes).map_err(|e| {
            Error::io(codes::SOURCE_UNREADABLE, "read the file", self.file, &e)
                .hint("mend the access and run again")
        })?;
        self.at += read as u64;
        if read < length { Err(self.early()) } else { Ok(bytes) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.bytes(N)?;
        bytes.try_into().map_err(|_| self.early())
    }

    fn long(&mut self) -> Result<i64> {
        self.long_or_end()?.ok_or_else(|| self.early())
    }

    /// A number; `None` where the input ends before it.
    fn long_or_end(&mut self) -> Result<Option<i64>> {
        let mut value = 0_u64;
        for shift in 0..10 {
            let byte = match self.array::<1>() {
                Ok([byte]) => byte,
                Err(error) if shift == 0 && error.code() == codes::SOURCE_CORRUPT => return Ok(None),
                Err(error) => return Err(error),
            };
            let bits = u64::from(byte & 0x7f);
            if shift == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * shift);
            if byte & 0x80 == 0 {
                return Ok(Some((value >> 1) as i64 ^ -((value & 1) as i64)));
            }
        }
        Err(self.wrong(codes::SOURCE_CORRUPT, "a number takes more bytes than it may").hint(HINT))
    }

    fn metadata(&mut self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut entries = Vec::new();
        loop {
            let mut count = self.long()?;
            if count == 0 {
                return Ok(entries);
            }
            if count < 0 {
                // The size of the block stands behind its count.
                self.long()?;
                count = count.checked_neg().unwrap_or(i64::MAX);
            }
            for _ in 0..count {
                let key = self.entry()?;
                let key = String::from_utf8(key).map_err(|_| {
                    self.wrong(codes::SOURCE_CORRUPT, "a name in the header is not UTF-8").hint(HINT)
                })?;
                let value = self.entry()?;
                entries.push((key, value));
            }
        }
    }

    fn entry(&mut self) -> Result<Vec<u8>> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.bytes(length),
            Err(_) => Err(self.wrong(codes::SOURCE_CORRUPT, "a length in the header is negative").hint(HINT)),
        }
    }
}

#[cfg(test)]
mod tests;
