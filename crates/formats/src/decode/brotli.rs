//! Brotli as EDK II's `BrotliCustomDecompressLib` packs it.
//!
//! RFC 7932 behind a header of two sizes. The decoder is the crate `brotli-decompressor` without its unsafe and
//! standard library features; windows beyond the RFC's 16 MiB are refused, and its memory is counted.
//!
//! ```text
//! 0x00 decoded size 8     0x08 scratch size 8     0x10 brotli stream …
//! ```

use brotli_decompressor::{Allocator, BrotliDecompressStream, BrotliResult, BrotliState};
use brotli_decompressor::{SliceWrapper, SliceWrapperMut};
use kiwame_image::{len64, to_usize};

use super::{DecodeError, Decoded};

/// The size that the header declares.
pub(crate) fn declared(input: &[u8]) -> Option<u64> {
    input.first_chunk().map(|raw| u64::from_le_bytes(*raw))
}

/// Decodes one stream with its header.
pub(crate) fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    let stream = input.get(HEADER..).ok_or(DecodeError::Truncated)?;
    let size = declared(input).ok_or(DecodeError::Truncated)?;
    if expected.is_some_and(|expected| expected != size) {
        return Err(DecodeError::SizeMismatch);
    }
    if size > room {
        return Err(DecodeError::Overflow);
    }
    let mut bytes = vec![0; to_usize(size)];
    let mut state = BrotliState::new_strict(Heap, Heap, Heap);
    let (mut left, mut at) = (stream.len(), 0);
    let (mut space, mut written, mut total) = (bytes.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut at,
        stream,
        &mut space,
        &mut written,
        &mut bytes,
        &mut total,
        &mut state,
    );
    let consumed = len64(input.get(..HEADER.saturating_add(at)).unwrap_or_default());
    match result {
        BrotliResult::ResultSuccess if space == 0 => Ok(Decoded { bytes, consumed }),
        BrotliResult::ResultSuccess | BrotliResult::NeedsMoreOutput => Err(DecodeError::SizeMismatch),
        BrotliResult::NeedsMoreInput => Err(DecodeError::Truncated),
        BrotliResult::ResultFailure => Err(DecodeError::Malformed { offset: consumed }),
    }
}

const HEADER: usize = 16;

/// Memory for the decoder: its ring buffer, 16 MiB at most, and its tables.
struct Heap;

/// A piece of that memory.
#[derive(Default)]
struct Piece<T>(Vec<T>);

impl<T> SliceWrapper<T> for Piece<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Piece<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Clone + Default> Allocator<T> for Heap {
    type AllocatedMemory = Piece<T>;

    /// Nothing asks for more than the ring buffer; what does gets nothing, and the decoder stops.
    fn alloc_cell(&mut self, length: usize) -> Piece<T> {
        if length > LARGEST { Piece::default() } else { Piece(vec![T::default(); length]) }
    }

    fn free_cell(&mut self, _: Piece<T>) {}
}

/// The window of 2^24 bytes and what the decoder writes behind it.
const LARGEST: usize = (1 << 24) | (1 << 12);

#[cfg(test)]
mod tests {
    use super::*;

    /// `brotli -q 11` of 1000 times "firmware ", with its header.
    fn sample() -> Vec<u8> {
        let mut bytes = 9000u64.to_le_bytes().to_vec();
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(STREAM);
        bytes
    }

    const STREAM: &[u8] = &[
        27, 39, 35, 248, 141, 84, 181, 191, 6, 49, 75, 147, 211, 97, 101, 109, 119, 226, 183, 96, 96, 182, 6,
        128, 221, 44,
    ];

    #[test]
    fn a_stream_is_consumed_exactly_and_what_follows_is_left() {
        let mut bytes = sample();
        let length = len64(&bytes);
        bytes.extend(b"behind");
        let decoded = decode(&bytes, None, 9000).expect("sound");
        assert_eq!((decoded.bytes, decoded.consumed), (b"firmware ".repeat(1000), length));
    }

    #[test]
    fn sizes_bind() {
        let bytes = sample();
        assert_eq!(decode(&bytes, None, 8999), Err(DecodeError::Overflow));
        assert_eq!(decode(&bytes, Some(1), 9000), Err(DecodeError::SizeMismatch));
        for declared in [8999u64, 9001] {
            let mut bytes = bytes.clone();
            bytes[..8].copy_from_slice(&declared.to_le_bytes());
            assert_eq!(decode(&bytes, None, 10_000), Err(DecodeError::SizeMismatch));
        }
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], None, 9000).is_err(), "{length}");
        }
    }
}
