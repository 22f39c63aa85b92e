//! The codecs of container files.
//!
//! Every one expands into a bounded buffer that grows with what really comes out, and refuses what ends too early or has something behind its
//! end: raw deflate has no checksum, so a cut block would otherwise be a short one.

use std::fmt;
use std::io::{Read, Write};

/// How the blocks of a container file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Null,
    /// Raw deflate (RFC 1951).
    Deflate,
    /// Snappy, with the CRC-32 of the plain bytes behind it.
    Snappy,
    /// Zstandard.
    Zstandard,
    /// bzip2 (in pure Rust).
    Bzip2,
    /// xz (liblzma).
    Xz,
}

/// Why a block cannot be expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not what its codec says.
    Damaged(&'static str),
    /// It holds more than it may.
    TooLarge,
}

/// The window that a zstandard frame may ask for: 2^26 bytes. Writers of Avro stay far below.
const ZSTD_WINDOW_LOG: u32 = 26;

/// The memory that an xz stream may ask for.
const XZ_MEMORY: u64 = 128 << 20;

/// The step of growth while a block is expanded.
const STEP: usize = 64 << 10;

impl Codec {
    /// All codecs.
    pub const ALL: [Self; 6] =
        [Self::Null, Self::Deflate, Self::Snappy, Self::Zstandard, Self::Bzip2, Self::Xz];

    /// The name in the header of a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstandard",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// The codec of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Compresses a block.
    pub(super) fn compress(self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Null => Ok(plain.to_vec()),
            Self::Deflate => {
                let mut encoder =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Snappy => {
                let mut out = snap::raw::Encoder::new().compress_vec(plain).map_err(std::io::Error::other)?;
                out.extend_from_slice(&crc32fast::hash(plain).to_be_bytes());
                Ok(out)
            }
            Self::Zstandard => zstd::stream::encode_all(plain, 3),
            Self::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
                encoder.write_all(plain)?;
                encoder.finish()
            }
        }
    }

    /// Expands a block to at most `most` bytes.
    pub(super) fn expand(self, stored: Vec<u8>, most: usize) -> Result<Vec<u8>, Refused> {
        match self {
            Self::Null if stored.len() > most => Err(Refused::TooLarge),
            Self::Null => Ok(stored),
            Self::Deflate => inflate(&stored, most),
            Self::Snappy => snappy(&stored, most),
            Self::Zstandard => {
                let mut rest = stored.as_slice();
                let damaged = |_| Refused::Damaged("the zstandard frame is damaged");
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(&mut rest).map_err(damaged)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(damaged)?;
                let out = all(
                    &mut decoder,
                    most,
                    "the zstandard frame is damaged, cut, or has too large a window",
                )?;
                drop(decoder);
                ended(rest, out)
            }
            Self::Bzip2 => {
                let mut decoder = bzip2::bufread::BzDecoder::new(stored.as_slice());
                let out = all(&mut decoder, most, "the bzip2 stream is damaged or cut")?;
                ended(decoder.into_inner(), out)
            }
            Self::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0);
                let stream = stream.map_err(|_| Refused::Damaged("the xz stream cannot be opened"))?;
                let mut decoder = liblzma::bufread::XzDecoder::new_stream(stored.as_slice(), stream);
                let out =
                    all(&mut decoder, most, "the xz stream is damaged, cut, or asks for too much memory")?;
                ended(decoder.into_inner(), out)
            }
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All that a decoder has, up to a bound.
fn all(decoder: impl Read, most: usize, why: &'static str) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(&mut out).map_err(|_| Refused::Damaged(why))?;
    if out.len() > most { Err(Refused::TooLarge) } else { Ok(out) }
}

fn ended(rest: &[u8], out: Vec<u8>) -> Result<Vec<u8>, Refused> {
    if rest.is_empty() {
        Ok(out)
    } else {
        Err(Refused::Damaged("something stands behind the compressed bytes"))
    }
}

/// By hand, because the reader of the library takes a cut stream for one that has ended.
fn inflate(stored: &[u8], most: usize) -> Result<Vec<u8>, Refused> {
    let mut decoder = flate2::Decompress::new(false);
    let mut out = Vec::new();
    loop {
        let read = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
        let rest = stored.get(read..).unwrap_or_default();
        let before = out.len();
        out.reserve(STEP);
        let status = decoder.decompress_vec(rest, &mut out, flate2::FlushDecompress::None);
        let status = status.map_err(|_| Refused::Damaged("the deflate stream is damaged"))?;
        if out.len() > most {
            return Err(Refused::TooLarge);
        }
        let now = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
        if status == flate2::Status::StreamEnd {
            let rest = stored.get(now..).unwrap_or_default();
            // Apache's Python and fastavro cut the frame of zlib off with one byte too few: three bytes of its checksum stay behind.
            let sum = if rest.len() == 3 { adler32(&out).to_be_bytes() } else { [0; 4] };
            return ended(rest.strip_prefix(&sum[..3]).unwrap_or(rest), out);
        }
        if now == read && out.len() == before {
            return Err(Refused::Damaged("the deflate stream ends too early"));
        }
    }
}

/// The checksum of zlib (RFC 1950, 8.2).
fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    // So many bytes do not overflow 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % BASE, b % BASE);
    }
    b << 16 | a
}

fn snappy(stored: &[u8], most: usize) -> Result<Vec<u8>, Refused> {
    let damaged = Refused::Damaged("the snappy block is damaged");
    let Some((body, sum)) = stored.split_last_chunk::<4>() else { return Err(damaged) };
    // The length stands in front: it is looked at before anything is allocated.
    if snap::raw::decompress_len(body).map_err(|_| damaged)? > most {
        return Err(Refused::TooLarge);
    }
    let out = snap::raw::Decoder::new().decompress_vec(body).map_err(|_| damaged)?;
    if crc32fast::hash(&out) != u32::from_be_bytes(*sum) {
        return Err(Refused::Damaged("the snappy block has another checksum"));
    }
    Ok(out)
}
