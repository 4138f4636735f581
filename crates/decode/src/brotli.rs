//! Brotli as EDK II's `BrotliCustomDecompressLib` packs it.
//!
//! RFC 7932 behind a header of two sizes. The decoder is the crate `brotli-decompressor` without its unsafe and
//! standard library features; windows beyond the RFC's 16 MiB are refused, and its memory is counted.
//!
//! ```text
//! 0x00 decoded size 8     0x08 scratch size 8     0x10 brotli stream …
//! ```
//!
//! EDK II sets aside as much memory as the header says, frees nothing of it, and fails where it does not suffice; its
//! `BrotliCompress` writes what it needed itself and a megabyte more. Blocks of metadata are skipped by every decoder.
//! The crate tells of them only by its state while it stands in one, so it gets the stream byte by byte: whatever a
//! byte completes, the bits behind it are too few for the header of another block.

use core::cell::Cell;
use std::rc::Rc;

use brotli_decompressor::{Allocator, BrotliDecompressStream, BrotliResult, BrotliState};
use brotli_decompressor::{SliceWrapper, SliceWrapperMut};
use kiwame_image::{len64, to_usize};

use super::{DecodeError, Decoded};

/// The size that the header declares.
pub fn declared(input: &[u8]) -> Option<u64> {
    input.first_chunk().map(|raw| u64::from_le_bytes(*raw))
}

/// Decodes one stream with its header.
pub fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    let stream = input.get(HEADER..).ok_or(DecodeError::Truncated)?;
    let size = declared(input).ok_or(DecodeError::Truncated)?;
    if expected.is_some_and(|expected| expected != size) {
        return Err(DecodeError::SizeMismatch);
    }
    if size > room {
        return Err(DecodeError::Overflow);
    }
    let mut bytes = vec![0; to_usize(size)];
    let heap = Heap::default();
    let mut state = BrotliState::new_strict(heap.clone(), heap.clone(), heap.clone());
    let mut at = 0usize;
    let (mut space, mut written, mut total) = (bytes.len(), 0, 0);
    let mut metadata = false;
    let result = loop {
        let mut left = usize::from(at < stream.len());
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
        metadata |= state.is_metadata != 0;
        match result {
            BrotliResult::NeedsMoreInput if at < stream.len() => {}
            result => break result,
        }
    };
    let consumed = len64(input.get(..HEADER.saturating_add(at)).unwrap_or_default());
    let memory = heap.0.get();
    match result {
        BrotliResult::ResultSuccess if space == 0 => {
            Ok(Decoded { slack: metadata, memory, ..Decoded::new(bytes, consumed) })
        }
        BrotliResult::ResultSuccess | BrotliResult::NeedsMoreOutput => Err(DecodeError::SizeMismatch),
        BrotliResult::NeedsMoreInput => Err(DecodeError::Truncated),
        BrotliResult::ResultFailure => Err(DecodeError::Malformed { offset: consumed }),
    }
}

/// The scratch size in the header, and the least and the most that it can be for a stream whose decoder needed so much
/// memory here. EDK II's decoder needs about the same, and 128 KiB to read and write through.
pub fn scratch(input: &[u8], memory: u64) -> Option<(u64, u64, u64)> {
    let stated = u64::from_le_bytes(*input.get(8..)?.first_chunk()?);
    Some((stated, memory.saturating_add(MARGIN), memory.saturating_mul(2).saturating_add(MOST_SPARE)))
}

const HEADER: usize = 16;
/// Half of what `BrotliCompress` puts on top; the other half is for allocations of other sizes than here.
const MARGIN: u64 = 512 << 10;
/// What it puts on top, and what firmware can do without.
const MOST_SPARE: u64 = 16 << 20;

/// Memory for the decoder: its ring buffer, 16 MiB at most, and its tables. Counts how much it was in all.
#[derive(Clone, Default)]
struct Heap(Rc<Cell<u64>>);

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
        if length > LARGEST {
            return Piece::default();
        }
        let bytes = length.saturating_mul(size_of::<T>());
        self.0.set(self.0.get().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)));
        Piece(vec![T::default(); length])
    }

    fn free_cell(&mut self, _: Piece<T>) {}
}

/// The window of 2^24 bytes and what the decoder writes behind it.
const LARGEST: usize = (1 << 24) | (1 << 12);

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests")]
pub(crate) mod tests {
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
        assert!(!decoded.slack && decoded.memory > 9000);
        assert_eq!((decoded.bytes, decoded.consumed), (b"firmware ".repeat(1000), length));
    }

    /// Writes a stream of blocks that are not compressed.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn put(mut self, value: u32, count: u32) -> Self {
            self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
            self
        }

        fn raw(mut self, bytes: &[u8]) -> Self {
            self.0.resize(self.0.len().next_multiple_of(8), false);
            bytes.iter().fold(self, |writer, &byte| writer.put(byte.into(), 8))
        }

        /// ISLAST 0, four nibbles of MLEN, ISUNCOMPRESSED 1.
        fn content(self, bytes: &[u8]) -> Self {
            let length = u32::try_from(bytes.len() - 1).expect("short");
            self.put(0, 1).put(0, 2).put(length, 16).put(1, 1).raw(bytes)
        }

        /// ISLAST 0, MNIBBLES 3, reserved 0, MSKIPBYTES.
        fn metadata(self, bytes: &[u8]) -> Self {
            let head = self.put(0, 1).put(3, 2).put(0, 1);
            match bytes.len() {
                0 => head.put(0, 2).raw(&[]),
                length => head.put(1, 2).put(u32::try_from(length - 1).expect("short"), 8).raw(bytes),
            }
        }

        fn finish(self, size: u64) -> Vec<u8> {
            let bits = self.put(3, 2).0;
            let pack =
                |bits: &[bool]| (0..8).fold(0, |byte, i| byte | u8::from(bits.get(i) == Some(&true)) << i);
            let stream = bits.chunks(8).map(pack);
            size.to_le_bytes().into_iter().chain([0; 8]).chain(stream).collect()
        }
    }

    /// Packed, and as it is.
    pub(crate) fn streams() -> Vec<Vec<u8>> {
        vec![sample(), Writer::default().put(0, 1).content(b"firmware").content(b"goes on").finish(15)]
    }

    #[test]
    fn metadata_is_noticed_wherever_it_stands_and_even_when_it_is_empty() {
        let start = || Writer::default().put(0, 1);
        let plain = start().content(b"firmware").content(b"goes on").finish(15);
        assert!(!decode(&plain, None, 99).expect("sound").slack);
        for hidden in [&b""[..], b"x", &[7; 200]] {
            for stream in [
                start().metadata(hidden).content(b"firmware").content(b"goes on"),
                start().content(b"firmware").metadata(hidden).content(b"goes on"),
                start().content(b"firmware").content(b"goes on").metadata(hidden),
            ] {
                let decoded = decode(&stream.finish(15), None, 99).expect("sound");
                assert_eq!((decoded.bytes.as_slice(), decoded.slack), (&b"firmwaregoes on"[..], true));
            }
        }
    }

    #[test]
    fn scratch_memory_is_what_a_decoder_needs() {
        let mut bytes = sample();
        let memory = decode(&bytes, None, 9000).expect("sound").memory;
        for (stated, fits) in [(0u64, false), (memory + (1 << 20), true), (1 << 30, false)] {
            bytes[8..16].copy_from_slice(&stated.to_le_bytes());
            let (found, least, most) = scratch(&bytes, memory).expect("a header");
            assert_eq!((found, (least..=most).contains(&stated)), (stated, fits));
        }
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
