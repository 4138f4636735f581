//! Decoders of the streams that firmware carries.
//!
//! Each takes the bytes from the start of a stream on, says exactly how many of them the stream has, and gives
//! its content in one allocation that never grows beyond the room it was given. What lies behind the stream is
//! the caller's to account for.
//!
//! To add one: write its file here, its line in [`DECODERS`], streams of it in `testing.rs`, and the format that carries
//! them in `kiwame_formats`.
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic
)]

pub mod block;
pub mod brotli;
mod deflate;
mod filters;
pub mod lzma;
mod lzma2;
pub mod lzo;
pub mod mszip;
#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod others;
mod sums;
#[cfg(test)]
mod testing;
pub mod tiano;
pub mod x86;
mod xz;
pub mod zlib;

use block::Codec;
pub use sums::{Crc32, adler32, crc32_from_zero, crc64, xxh32};
pub use xz::{Packing, first_block as xz_first_block};

/// Decodes one stream from the start of the bytes, into as many as there is room for. When the structure around it states
/// the size of the content, it has exactly that.
pub type Decode = fn(&[u8], Option<u64>, u64) -> Result<Decoded, DecodeError>;

/// A decoder of one kind of stream.
#[derive(Debug)]
pub struct Decoder {
    /// What the streams are called.
    pub name: &'static str,
    /// How they are decoded.
    pub decode: Decode,
}

/// Every decoder. What must hold for all of them is tested and fuzzed by going through this list.
pub static DECODERS: &[Decoder] = &[
    Decoder { name: "brotli", decode: brotli::decode },
    Decoder { name: "deflate", decode: zlib::raw },
    Decoder { name: "efi11", decode: tiano::efi11::decode },
    Decoder { name: "gzip", decode: zlib::gzip_body },
    Decoder { name: "lz4", decode: |input, size, room| block::decode(Codec::Lz4, input, size, room) },
    Decoder { name: "lzma", decode: lzma::decode },
    Decoder { name: "lzo", decode: lzo::decode },
    Decoder { name: "tiano", decode: tiano::decode },
    Decoder { name: "xz", decode: |input, size, room| block::decode(Codec::Xz, input, size, room) },
    Decoder { name: "zlib", decode: zlib::decode },
    Decoder { name: "zstd", decode: |input, size, room| block::decode(Codec::Zstd, input, size, room) },
];

/// A stream that was decoded to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The content.
    pub bytes: Vec<u8>,
    /// How many bytes of the input the stream has, headers and end marker included.
    pub consumed: u64,
    /// True when an LZMA stream has its end marker.
    pub marker: bool,
    /// True for what no decoder reads and encoders leave out or zero: bits between the parts of a stream, metadata.
    pub slack: bool,
    /// Bytes of memory that the decoder asked for beside the content, where that counts.
    pub memory: u64,
}

impl Decoded {
    /// Content, and how much of the input the stream has; what else there is to say is added.
    pub fn new(bytes: Vec<u8>, consumed: u64) -> Self {
        Self { bytes, consumed, marker: false, slack: false, memory: 0 }
    }
}

/// Why a stream was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The content is larger than the room for it.
    Overflow,
    /// The input contradicts the format at this offset of it.
    Malformed {
        /// How far the decoder had come in the input.
        offset: u64,
    },
    /// The input ends before the stream does.
    Truncated,
    /// The stream ends before or behind the size that was declared for it.
    SizeMismatch,
}

impl DecodeError {
    /// What it is, for the text of a defect.
    pub fn what(self) -> &'static str {
        match self {
            Self::Overflow => "more content than there is room for",
            Self::Malformed { .. } => "malformed stream",
            Self::Truncated => "the stream ends too early",
            Self::SizeMismatch => "the stream has not the declared size",
        }
    }

    /// The same error of a stream that begins at `start`.
    fn behind(self, start: u64) -> Self {
        match self {
            Self::Malformed { offset } => Self::Malformed { offset: start.saturating_add(offset) },
            Self::Overflow | Self::Truncated | Self::SizeMismatch => self,
        }
    }

    /// Where in the input it was noticed, as far as that is known.
    pub fn offset(self) -> u64 {
        match self {
            Self::Malformed { offset } => offset,
            Self::Overflow | Self::Truncated | Self::SizeMismatch => 0,
        }
    }
}

/// The most that a decoder may set aside for what it looks back at. Compressors write the window of their largest
/// block into small ones too, hence the floor; squashfs goes up to 1 MiB.
fn window_limit(room: u64) -> u64 {
    room.max(1 << 20).saturating_add(64 << 10)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;
    use crate::others::holds;
    use crate::testing::{random, streams};

    const ROOM: u64 = 10_000;

    fn every(test: impl Fn(&Decoder, &[u8], Decoded)) {
        for decoder in DECODERS {
            let streams = streams(decoder.name);
            assert!(!streams.is_empty(), "{}", decoder.name);
            for stream in streams {
                let decoded = (decoder.decode)(&stream, None, ROOM);
                let decoded = decoded.unwrap_or_else(|error| panic!("{}: {error:?}", decoder.name));
                test(decoder, &stream, decoded);
            }
        }
    }

    #[test]
    fn every_cut_of_a_stream_is_an_error() {
        every(|decoder, stream, decoded| {
            holds(decoder, stream, ROOM);
            assert_eq!(decoded.consumed, stream.len() as u64, "{}", decoder.name);
            for length in 0..stream.len() {
                holds(decoder, &stream[..length], ROOM);
                // A raw block of LZ4 ends where its bytes do.
                let cut = (decoder.decode)(&stream[..length], None, ROOM);
                assert!(cut.is_err() || decoder.name == "lz4", "{} {length}", decoder.name);
            }
        });
    }

    #[test]
    fn no_flip_makes_a_decoder_panic_or_give_more_than_there_is_room_for() {
        every(|decoder, stream, _| {
            let mut copy = [stream, b"behind"].concat();
            for bit in 0..stream.len() * 8 {
                copy[bit / 8] ^= 1 << (bit % 8);
                holds(decoder, &copy, ROOM);
                holds(decoder, &copy[..stream.len()], ROOM);
                copy[bit / 8] ^= 1 << (bit % 8);
            }
        });
    }

    #[test]
    fn every_room_is_kept_to() {
        every(|decoder, stream, decoded| {
            let size = decoded.bytes.len() as u64;
            for room in (0..size).step_by(1 + size as usize / 1000).chain([size - 1, size, size + 1]) {
                holds(decoder, stream, room);
                let fits = room >= size;
                assert_eq!((decoder.decode)(stream, None, room).is_ok(), fits, "{} {room}", decoder.name);
            }
        });
    }

    #[test]
    fn any_bytes_behind_a_beginning() {
        every(|decoder, stream, _| {
            for seed in 0..200 {
                let mut next = random(seed);
                let mut bytes = stream[..next() % stream.len()].to_vec();
                bytes.extend((0..next() % 200).map(|_| next() as u8));
                holds(decoder, &bytes, ROOM);
            }
        });
    }
}
