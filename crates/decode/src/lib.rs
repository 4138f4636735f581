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

pub use sums::{adler32, crc64, xxh32};
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

/// CRC-32 of IEEE 802.3, as UEFI uses it.
#[derive(Debug)]
pub struct Crc32(u32);

impl Default for Crc32 {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc32 {
    /// Takes in more bytes, sixteen at a time.
    pub fn update(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<16>();
        for block in blocks {
            let mut block = *block;
            for (byte, sum) in block.iter_mut().zip(self.0.to_le_bytes()) {
                *byte ^= sum;
            }
            // A byte counts the more, the more bytes come behind it.
            let sums = block.iter().zip(CRC32.iter().rev()).map(|(byte, table)| {
                let [entry] = table.get(usize::from(*byte)..).and_then(<[u32]>::first_chunk).unwrap_or(&[0]);
                *entry
            });
            self.0 = sums.fold(0, |sum, entry| sum ^ entry);
        }
        self.0 = rest.iter().fold(self.0, |crc, &byte| {
            let [low, ..] = crc.to_le_bytes();
            let [table, ..] = &CRC32;
            let entry = table.get(usize::from(low ^ byte)).copied().unwrap_or(0);
            entry ^ (crc >> 8)
        });
    }

    /// The checksum of all bytes so far.
    pub fn value(&self) -> u32 {
        !self.0
    }
}

/// The same sum, begun and ended with zero, as JFFS2 has it.
pub fn crc32_from_zero(bytes: &[u8]) -> u32 {
    let mut crc = Crc32(0);
    crc.update(bytes);
    crc.0
}

/// Table `n` has the sum of a byte that `n` zero bytes follow.
static CRC32: [[u32; 256]; 16] = crc32_tables();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "runs at compile time only, where both are errors of the compiler"
)]
const fn crc32_tables() -> [[u32; 256]; 16] {
    let mut tables = [[0u32; 256]; 16];
    let mut number = 0;
    let mut entry = 0u32;
    while number < 256 {
        let mut crc = entry;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 };
            bit += 1;
        }
        tables[0][number] = crc;
        number += 1;
        entry += 1;
    }
    let mut table = 1;
    while table < 16 {
        number = 0;
        while number < 256 {
            let before = tables[table - 1][number];
            tables[table][number] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            number += 1;
        }
        table += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_of_the_check_string() {
        let mut crc = Crc32::default();
        crc.update(b"12345");
        crc.update(b"6789");
        assert_eq!(crc.value(), 0xcbf4_3926);
        let long: Vec<u8> = (0..1000_u32).map(|number| number.to_le_bytes()[0].wrapping_mul(7)).collect();
        let mut bytewise = Crc32::default();
        long.iter().for_each(|&byte| bytewise.update(&[byte]));
        let mut pieces = Crc32::default();
        pieces.update(&long[..33]);
        pieces.update(&long[33..]);
        assert_eq!(pieces.value(), bytewise.value());
    }
}
