//! Decoders of the streams that firmware carries.
//!
//! Each takes the bytes from the start of a stream on, says exactly how many of them the stream has, and gives
//! its content in one allocation that never grows beyond the room it was given. What lies behind the stream is
//! the caller's to account for.
//!
//! To add one: write its file here, and the format that carries its streams in `kiwame_formats`.
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
mod sums;
#[cfg(test)]
mod testing;
pub mod tiano;
pub mod x86;
mod xz;
pub mod zlib;

pub use sums::{Crc32, adler32, crc32_from_zero, crc64, xxh32};
pub use xz::{Packing, first_block as xz_first_block};

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
