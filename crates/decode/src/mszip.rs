//! MSZIP: deflate in blocks, as cabinets have it.
//!
//! [MS-MCI], section 2.1: "CK", then one deflate stream (RFC 1951) of at most 32 KiB. The streams of a folder follow each
//! other, and each may repeat what the one before it gave: deflate reaches no further back than that.

use kiwame_image::len64;

use super::{DecodeError, deflate};

/// The blocks of a folder, decoded one behind the other into one allocation.
pub struct Blocks(deflate::Chain);

impl core::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Blocks")
    }
}

/// What there is to say of a block that was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Bytes that it has; further ones lie behind the stream.
    pub consumed: u64,
    /// True for bits that nobody reads and that are not zero.
    pub slack: bool,
}

impl Blocks {
    /// For blocks that give so many bytes in all.
    pub fn new(total: u64) -> Self {
        Self(deflate::Chain::new(total))
    }

    /// Decodes the next block, which gives exactly `size` bytes.
    ///
    /// # Errors
    /// When it does not begin with its mark, is malformed, or gives fewer or more.
    pub fn add(&mut self, input: &[u8], size: u64) -> Result<Block, DecodeError> {
        let stream = input.strip_prefix(MARK).ok_or(DecodeError::Malformed { offset: 0 })?;
        let mark = len64(MARK);
        let (consumed, slack) = self.0.add(stream, size).map_err(|error| error.behind(mark))?;
        Ok(Block { consumed: consumed.saturating_add(mark), slack })
    }

    /// All that the blocks gave.
    pub fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}

const MARK: &[u8] = b"CK";

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use miniz_oxide::deflate::compress_to_vec;
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

    use super::*;
    use crate::testing::{content, random};

    fn pack(bytes: &[u8]) -> Vec<u8> {
        [b"CK".to_vec(), compress_to_vec(bytes, 9)].concat()
    }

    #[test]
    fn blocks_follow_each_other() {
        let pieces = [content(1, 0x8000), content(2, 0x8000), content(3, 77)];
        let total: usize = pieces.iter().map(Vec::len).sum();
        let mut blocks = Blocks::new(total as u64);
        for piece in &pieces {
            let packed = pack(piece);
            let found = blocks.add(&[&packed[..], b"behind"].concat(), piece.len() as u64);
            assert_eq!(found, Ok(Block { consumed: packed.len() as u64, slack: false }));
        }
        assert!(blocks.finish() == pieces.concat());
    }

    /// A last block of the fixed code: eight bytes from `distance` back, where the distance is one of 16,385 to 24,576.
    fn repeat(distance: u32) -> Vec<u8> {
        let mut bits = vec![1, 1, 0];
        let highest_first = |value: u32, count: u32| (0..count).rev().map(move |bit| value >> bit & 1);
        // Length 8 is symbol 262, 0000110; distances from 16,385 on are symbol 28 with 13 bits more.
        bits.extend(highest_first(6, 7).chain(highest_first(28, 5)));
        bits.extend((0..13).map(|bit| (distance - 16_385) >> bit & 1));
        bits.extend(highest_first(0, 7));
        let bytes = bits.chunks(8);
        let bytes = bytes.map(|bits| bits.iter().rev().fold(0u8, |byte, bit| byte << 1 | *bit as u8));
        b"CK".iter().copied().chain(bytes).collect()
    }

    #[test]
    fn a_block_repeats_what_the_one_before_it_gave() {
        let first = content(5, 20_000);
        let next = |distance| {
            let mut blocks = Blocks::new(20_008);
            blocks.add(&pack(&first), 20_000).expect("sound");
            blocks.add(&repeat(distance), 8).map(|_| blocks.finish())
        };
        assert!(next(19_000).expect("sound")[20_000..] == first[1000..1008]);
        assert!(next(20_000).expect("sound")[20_000..] == first[..8]);
        assert!(matches!(next(20_001), Err(DecodeError::Malformed { .. })), "before the start");
    }

    #[test]
    fn sizes_bind_and_a_block_begins_with_its_mark() {
        let packed = pack(b"firmware");
        let one = |bytes: &[u8], size| Blocks::new(size).add(bytes, size).map(|_| ());
        assert_eq!(one(&packed, 8), Ok(()));
        for size in [7, 9] {
            assert_eq!(one(&packed, size), Err(DecodeError::SizeMismatch));
        }
        assert_eq!(one(&packed[2..], 8), Err(DecodeError::Malformed { offset: 0 }));
        for length in 0..packed.len() {
            assert!(one(&packed[..length], 8).is_err(), "{length}");
        }
    }

    #[test]
    fn any_bytes_give_what_another_decoder_gives() {
        let first = content(9, 3000);
        let second = pack(&content(10, 500));
        for seed in 0..600 {
            let mut next = random(seed);
            let mut bytes = second.clone();
            for _ in 0..next() % 3 {
                let at = 2 + next() % (bytes.len() - 2);
                bytes[at] ^= 1 << (next() % 8);
            }
            let mut blocks = Blocks::new(3500);
            blocks.add(&pack(&first), 3000).expect("sound");
            let ours = blocks.add(&bytes, 500).map(|block| block.consumed);
            let mut buffer = first.clone();
            buffer.resize(3500, 0);
            let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            let mut other = DecompressorOxide::new();
            let (status, read, written) = decompress(&mut other, &bytes[2..], &mut buffer, 3000, flags);
            let theirs = status == TINFLStatus::Done && written == 500;
            assert_eq!(ours.is_ok(), theirs, "{seed}: {ours:?} {status:?} {written}");
            if theirs {
                assert_eq!(ours, Ok(read as u64 + 2));
                assert!(blocks.finish() == buffer, "{seed}");
            }
        }
    }
}
