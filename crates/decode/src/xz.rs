//! `.xz` streams.
//!
//! The `.xz` file format 1.2.1. One stream, its headers, checks and index verified. Decodes straight into one allocation.
//!
//! Read are LZMA2 behind up to three of the filters of `filters.rs`, in any order and with their properties, and the checks
//! CRC-32, CRC-64, SHA-256 and none: what the tool xz reads. Linux (`lib/xz`) reads less: at most one filter, for programs
//! and without property, and CRC-32 or no check; callers that stand for it look at [`first_block`]. Limitation: a stream
//! with a check that the format only reserves is refused, as by Linux, where xz warns and decodes.
//!
//! ```text
//! stream header   fd 37 7a 58 5a 00, 00, check, CRC-32 of these two
//! block           size, flags, [packed size], [size], filters, zeros, CRC-32; data; zeros to four; check
//! index           00, count, for each block its unpadded size and its size; zeros to four; CRC-32
//! stream footer   CRC-32 of the six bytes behind it, size of the index / 4 - 1, 00, check, 59 5a
//! ```

use kiwame_image::{Normal, len64, to_usize};
use sha2::{Digest as _, Sha256};

use super::filters::Filter;
use super::{Crc32, DecodeError, Decoded, crc64, lzma, lzma2};

/// Decodes one stream from the start of `input`. `expected` is the size that the structure around it states.
pub(super) fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    let limit = to_usize(expected.unwrap_or(room));
    // With what a chunk may write too much, or the last would move all of them.
    let bytes = Vec::with_capacity(limit.saturating_add(lzma::SLACK));
    let mut stream = Stream { input, at: 0, bytes, limit };
    match stream.read() {
        Ok(()) => Ok(Decoded::new(stream.bytes, len64(input.get(..stream.at).unwrap_or(input)))),
        Err(DecodeError::Overflow) if expected.is_some() => Err(DecodeError::SizeMismatch),
        Err(error) => Err(error),
    }
}

/// The normal form `xz/1` of a stream that decodes: its flags, and of each block what its header says of content,
/// filters and memory. Packed sizes agree, and where the chunks are cut is the encoder's choice.
pub(super) fn form(input: &[u8]) -> Option<Normal> {
    let mut form = Normal::new("xz/1");
    let mut stream = Stream { input, at: 0, bytes: Vec::new(), limit: 0 };
    let [.., zero, check, _, _, _, _] = *stream.array::<12>().ok()?;
    form.record("stream");
    form.field("flags", &[zero, check]);
    while *stream.input.get(stream.at)? != 0 {
        let length = usize::from(*stream.input.get(stream.at)?).saturating_add(1).saturating_mul(4);
        let (header, _) = stream.take(length).ok()?.split_last_chunk::<4>()?;
        let (&[_, flags], fields) = header.split_first_chunk::<2>()?;
        let mut fields = Fields(fields);
        form.record("block");
        form.number("flags", flags);
        if flags & 0x40 != 0 {
            fields.number()?;
        }
        if flags & 0x80 != 0 {
            form.number("size", fields.number()?);
        }
        for _ in 0..=flags & 3 {
            form.number("filter", fields.number()?);
            let length = to_usize(fields.number()?);
            let (properties, rest) = fields.0.split_at_checked(length)?;
            form.field("properties", properties);
            fields.0 = rest;
        }
        let data = stream.at;
        stream.at = stream.at.saturating_add(lzma2::length(stream.rest())?);
        stream.zeros(data).ok()?;
        stream.take(*CHECKS.get(usize::from(check & 0xf))?).ok()?;
    }
    let mut index = Fields(stream.rest().get(1..)?);
    for _ in 0..index.number()? {
        index.number()?;
        form.number("content", index.number()?);
    }
    Some(form)
}

struct Stream<'i> {
    input: &'i [u8],
    at: usize,
    bytes: Vec<u8>,
    limit: usize,
}

/// What the header of a block says.
struct Block {
    packed: Option<u64>,
    size: Option<u64>,
    /// In the order in which the encoder ran them.
    filters: Vec<Filter>,
    dictionary: u32,
}

impl<'i> Stream<'i> {
    fn read(&mut self) -> Result<(), DecodeError> {
        let header: &[u8; 12] = self.array()?;
        let [magic @ .., _, _, _, _, _, _] = header;
        let [.., zero, check, a, b, c, d] = *header;
        let known = zero == 0 && matches!(check, 0 | 1 | 4 | 10);
        if *magic != MAGIC || !known || crc32(&[zero, check]) != u32::from_le_bytes([a, b, c, d]) {
            return Err(self.malformed(12));
        }
        let mut records = Vec::new();
        while self.input.get(self.at).ok_or(DecodeError::Truncated)? != &0 {
            records.push(self.block(check)?);
        }
        let index = self.index(&records)?;
        let footer: &[u8; 12] = self.array()?;
        let [e, f, g, h, rest @ ..] = *footer;
        let [i, j, k, l, zero, again, y, z] = rest;
        let size = u64::from(u32::from_le_bytes([i, j, k, l])).saturating_add(1).saturating_mul(4);
        let sum = crc32(&[i, j, k, l, zero, again]);
        let sound = sum == u32::from_le_bytes([e, f, g, h]) && size == index;
        if !sound || (zero, again) != (0, check) || [y, z] != *b"YZ" {
            return Err(self.malformed(12));
        }
        Ok(())
    }

    /// Reads a block. Returns its unpadded size and its size, as the index has them.
    fn block(&mut self, check: u8) -> Result<(u64, u64), DecodeError> {
        let start = self.at;
        let block = self.block_header()?;
        let done = self.bytes.len();
        let data = self.at;
        let packed = lzma2::decode(self.rest(), &mut self.bytes, self.limit, block.dictionary)
            .map_err(|error| error.behind(len64(self.input.get(..data).unwrap_or_default())))?;
        self.at = self.at.saturating_add(packed);
        self.zeros(data)?;
        let content = self.bytes.get_mut(done..).unwrap_or_default();
        block.filters.iter().rev().for_each(|filter| filter.restore(content));
        let size = len64(content);
        let Some((sum, length)) = sum(check, content) else { return Err(self.malformed(0)) };
        let sound = self.take(length)? == sum.get(..length).unwrap_or_default();
        let agrees = |declared: Option<u64>, actual: u64| declared.is_none_or(|declared| declared == actual);
        let packed = len64(self.input.get(data..data.saturating_add(packed)).unwrap_or_default());
        if !sound || !agrees(block.packed, packed) || !agrees(block.size, size) {
            return Err(self.malformed(length));
        }
        let header = len64(self.input.get(start..data).unwrap_or_default());
        let check = u64::try_from(length).unwrap_or(0);
        Ok((header.saturating_add(packed).saturating_add(check), size))
    }

    fn block_header(&mut self) -> Result<Block, DecodeError> {
        let first = self.input.get(self.at).copied().ok_or(DecodeError::Truncated)?;
        let length = usize::from(first).saturating_add(1).saturating_mul(4);
        let header = self.take(length)?;
        let (header, sum) = header.split_last_chunk().ok_or(DecodeError::Truncated)?;
        let mut fields = Fields(header.get(1..).unwrap_or_default());
        if crc32(header) != u32::from_le_bytes(*sum) {
            return Err(self.malformed(length));
        }
        fields.block().ok_or_else(|| self.malformed(length))
    }

    /// Reads the index and holds it against the blocks. Returns its length.
    fn index(&mut self, records: &[(u64, u64)]) -> Result<u64, DecodeError> {
        let start = self.at;
        let mut fields = Fields(self.rest().get(1..).unwrap_or_default());
        let count = fields.number().filter(|&count| count == len64(records));
        let equal =
            |&(packed, size): &(u64, u64)| fields.number() == Some(packed) && fields.number() == Some(size);
        if count.is_none() || !records.iter().all(equal) {
            return Err(self.malformed(0));
        }
        self.at = self.input.len().saturating_sub(fields.0.len());
        self.zeros(start)?;
        let sum = crc32(self.input.get(start..self.at).unwrap_or_default());
        if u32::from_le_bytes(*self.array()?) != sum {
            return Err(self.malformed(4));
        }
        Ok(len64(self.input.get(start..self.at).unwrap_or_default()))
    }

    /// Zeros up to a multiple of four bytes from `start`.
    fn zeros(&mut self, start: usize) -> Result<(), DecodeError> {
        let length = self.at.saturating_sub(start);
        let zeros = length.next_multiple_of(4).saturating_sub(length);
        if self.take(zeros)?.iter().any(|&byte| byte != 0) { Err(self.malformed(zeros)) } else { Ok(()) }
    }

    fn rest(&self) -> &'i [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Result<&'i [u8], DecodeError> {
        let piece = self.rest().get(..length).ok_or(DecodeError::Truncated)?;
        self.at = self.at.saturating_add(length);
        Ok(piece)
    }

    fn array<const N: usize>(&mut self) -> Result<&'i [u8; N], DecodeError> {
        self.take(N)?.first_chunk().ok_or(DecodeError::Truncated)
    }

    /// The last `length` bytes that were read are wrong.
    fn malformed(&self, length: usize) -> DecodeError {
        let read = self.input.get(..self.at.saturating_sub(length)).unwrap_or_default();
        DecodeError::Malformed { offset: len64(read) }
    }
}

/// Fields of a header, from front to back.
struct Fields<'i>(&'i [u8]);

impl<'i> Fields<'i> {
    /// A filter and its properties.
    fn filter(&mut self) -> Option<(u64, &'i [u8])> {
        let (id, length) = (self.number()?, self.number()?);
        let (properties, rest) = self.0.split_at_checked(to_usize(length))?;
        self.0 = rest;
        Some((id, properties))
    }

    /// Section 1.2: seven bits a byte, the lowest first; as few bytes as can be, nine at most.
    fn number(&mut self) -> Option<u64> {
        let length = self.0.iter().take(9).position(|byte| byte & 0x80 == 0)?.checked_add(1)?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let minimal = length == 1 || bytes.last() != Some(&0);
        minimal.then(|| bytes.iter().rev().fold(0, |sum, &byte| sum << 7 | u64::from(byte & 0x7f)))
    }

    /// `None` for what is no header, or one with filters that nobody reads.
    fn block(&mut self) -> Option<Block> {
        let (&flags, rest) = self.0.split_first()?;
        self.0 = rest;
        if flags & 0x3c != 0 {
            return None;
        }
        let packed = if flags & 0x40 != 0 { Some(self.number()?) } else { None };
        let size = if flags & 0x80 != 0 { Some(self.number()?) } else { None };
        let mut filters = Vec::new();
        for _ in 0..flags & 3 {
            let (id, properties) = self.filter()?;
            filters.push(Filter::of(id, properties)?);
        }
        let (LZMA2, &[bits]) = self.filter()? else { return None };
        if self.0.iter().any(|&byte| byte != 0) {
            return None;
        }
        let dictionary = match bits {
            40 => u32::MAX,
            0..40 => (2 | u32::from(bits & 1)).wrapping_shl(u32::from(bits / 2).saturating_add(11)),
            _ => return None,
        };
        Some(Block { packed, size, filters, dictionary })
    }
}

/// The check of that type over a block's content, with its length.
fn sum(check: u8, content: &[u8]) -> Option<([u8; 32], usize)> {
    let mut sum = [0; 32];
    let length = match check {
        0 => 0,
        1 => fill(&mut sum, &crc32(content).to_le_bytes()),
        4 => fill(&mut sum, &crc64(content).to_le_bytes()),
        10 => fill(&mut sum, &Sha256::digest(content)),
        _ => return None,
    };
    Some((sum, length))
}

fn fill(target: &mut [u8], bytes: &[u8]) -> usize {
    target.iter_mut().zip(bytes).for_each(|(target, byte)| *target = *byte);
    bytes.len()
}

/// What the header of a block says of how it is packed.
#[derive(Debug)]
pub struct Packing {
    /// Filters before LZMA2, with the length of their properties.
    pub filters: Vec<(u64, usize)>,
    /// Size of the dictionary.
    pub dictionary: u64,
    /// Where the header ends.
    pub end: u64,
}

/// Of the first block of a stream.
pub fn first_block(input: &[u8]) -> Option<Packing> {
    let (&size, _) = input.get(12..)?.split_first()?;
    let end = usize::from(size).saturating_add(1).saturating_mul(4).saturating_add(12);
    let mut fields = Fields(input.get(13..end.saturating_sub(4))?);
    let (&flags, rest) = fields.0.split_first()?;
    fields.0 = rest;
    for flag in [0x40, 0x80] {
        if flags & flag != 0 {
            fields.number()?;
        }
    }
    let mut filters = Vec::new();
    for _ in 0..flags & 3 {
        let (id, properties) = fields.filter()?;
        filters.push((id, properties.len()));
    }
    let (LZMA2, &[bits]) = fields.filter()? else { return None };
    let dictionary = (2 | u64::from(bits & 1)).wrapping_shl(u32::from(bits / 2).saturating_add(11));
    Some(Packing { filters, dictionary, end: len64(input.get(..end)?) })
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::default();
    crc.update(bytes);
    crc.value()
}

/// Length of a check by its type (section 2.1.1.2).
const CHECKS: [usize; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const MAGIC: [u8; 6] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
const LZMA2: u64 = 0x21;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
pub(crate) mod tests {
    use std::io::{ErrorKind, Write as _};
    use std::num::NonZeroU64;

    use lzma_rust2::filter::FilterConfig;
    use lzma_rust2::{CheckType, XzOptions, XzWriter};

    use super::*;
    use crate::others;

    /// Bytes with literals, runs and matches near and far, and some that look like calls of x86.
    fn content(length: usize) -> Vec<u8> {
        let mut random = 7_u64;
        let mut bytes: Vec<u8> = Vec::new();
        while bytes.len() < length {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match random >> 61 {
                0 => bytes.extend([0xe8, 0x10, random.to_le_bytes()[5], 0, 0]),
                1 | 2 if bytes.len() > 100 => {
                    let from = (random >> 33) as usize % (bytes.len() - 90);
                    bytes.extend_from_within(from..from + 90);
                }
                3 => bytes.extend(vec![0; 300]),
                _ => bytes.extend((0..60).map(|at| (random >> (at % 50)) as u8)),
            }
        }
        bytes
    }

    fn encode(bytes: &[u8], check: CheckType, block: Option<u64>, filters: &[FilterConfig]) -> Vec<u8> {
        let mut options = XzOptions::with_preset(0);
        options.set_check_sum_type(check);
        options.set_block_size(block.and_then(NonZeroU64::new));
        options.filters = filters.to_vec();
        let mut writer = XzWriter::new(Vec::new(), options).expect("options");
        writer.write_all(bytes).expect("written");
        writer.finish().expect("finished")
    }

    /// Chains of filters, with where in memory the programs lie.
    fn chains() -> Vec<Vec<FilterConfig>> {
        let single = [
            FilterConfig::new_bcj_x86(0),
            FilterConfig::new_bcj_x86(3),
            FilterConfig::new_bcj_ppc(4),
            FilterConfig::new_bcj_ia64(0),
            FilterConfig::new_bcj_arm(0),
            FilterConfig::new_bcj_arm(0xffff_fff0),
            FilterConfig::new_bcj_arm_thumb(2),
            FilterConfig::new_bcj_sparc(0),
            FilterConfig::new_bcj_arm64(0x8000),
            FilterConfig::new_bcj_risc_v(6),
            FilterConfig::new_delta(1),
            FilterConfig::new_delta(4),
            FilterConfig::new_delta(256),
        ];
        let mut chains = vec![Vec::new()];
        chains.extend(single.iter().map(|filter| vec![filter.clone()]));
        chains.push(vec![FilterConfig::new_delta(2), FilterConfig::new_bcj_arm(0)]);
        chains.push(vec![
            FilterConfig::new_bcj_x86(0),
            FilterConfig::new_bcj_arm_thumb(0),
            FilterConfig::new_delta(3),
        ]);
        chains
    }

    /// Holds us to the library. It sets memory aside for a dictionary, which is nothing to us.
    fn agree(input: &[u8], limit: u64, what: &str) {
        let ours = decode(input, None, limit);
        match others::xz(input, limit) {
            Err(ErrorKind::OutOfMemory) => {}
            Err(error) => assert!(ours.is_err(), "{what}: read by us, {error:?} for the library"),
            Ok(theirs) => assert!(ours == Ok(theirs), "{what}: {:?}", ours.map(|found| found.consumed)),
        }
    }

    /// One stream of each chain of filters.
    pub(crate) fn streams() -> Vec<Vec<u8>> {
        let checks = [CheckType::None, CheckType::Crc32, CheckType::Crc64, CheckType::Sha256];
        let chains = chains().into_iter().zip(checks.into_iter().cycle());
        chains.map(|(filters, check)| encode(&content(400), check, Some(300), &filters)).collect()
    }

    #[test]
    fn what_an_encoder_wrote_is_read_back_by_us_and_by_the_library() {
        for length in [0, 1, 70_000, 3_000_000] {
            let bytes = content(length);
            for (check, block) in [
                (CheckType::None, None),
                (CheckType::Crc32, Some(1 << 20)),
                (CheckType::Crc64, Some(999_999)),
                (CheckType::Sha256, None),
            ] {
                // Setting the encoder up for all of them takes long, and one check says as much of a filter as another.
                let chains = chains();
                let some = if length > 1 && check != CheckType::Crc32 { &chains[..2] } else { &chains[..] };
                for filters in some {
                    let stream = encode(&bytes, check, block, filters);
                    let behind = [&stream[..], b"behind"].concat();
                    let ours = decode(&behind, None, 1 << 22).expect("sound");
                    assert!(ours.bytes == bytes, "{length} {check:?} {filters:?}");
                    assert_eq!(ours.consumed, len64(&stream));
                    agree(&behind, 1 << 22, &format!("{length} {check:?} {filters:?}"));
                }
            }
        }
    }

    #[test]
    fn a_stream_cut_anywhere_or_flipped_is_what_the_library_takes_it_for() {
        let bytes = content(700);
        for (filters, check) in chains().iter().zip([CheckType::Crc64, CheckType::Sha256].into_iter().cycle())
        {
            let stream = encode(&bytes, check, Some(300), filters);
            for length in 0..stream.len() {
                assert!(decode(&stream[..length], None, 1 << 14).is_err(), "{filters:?} {length}");
            }
            for bit in 0..stream.len() * 8 {
                let mut copy = stream.clone();
                copy[bit / 8] ^= 1 << (bit % 8);
                agree(&copy, 1 << 14, &format!("{filters:?} bit {bit}"));
            }
        }
    }

    /// The same where no sum of a header gives it away: each byte of both headers in every value.
    #[test]
    fn a_header_with_any_byte_is_what_the_library_takes_it_for() {
        let bytes = content(600);
        for filters in &chains() {
            for check in [CheckType::None, CheckType::Crc32, CheckType::Sha256] {
                let stream = encode(&bytes, check, None, filters);
                let end = 12 + (usize::from(stream[12]) + 1) * 4;
                for at in (6..8).chain(12..end - 4) {
                    for value in 0..=255 {
                        let mut copy = stream.clone();
                        copy[at] = value;
                        let (flags, header) = (crc32(&copy[6..8]), crc32(&copy[12..end - 4]));
                        copy[8..12].copy_from_slice(&flags.to_le_bytes());
                        copy[end - 4..end].copy_from_slice(&header.to_le_bytes());
                        if at == 13 && value & 0xc0 != 0 {
                            // Sizes, read from what else stands there. The format wants them held against the block; this
                            // reader of the library does not look at them.
                            assert!(decode(&copy, None, 1 << 14).is_err());
                            continue;
                        }
                        agree(&copy, 1 << 14, &format!("{filters:?} {check:?} byte {at} as {value}"));
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let number = |bytes: &[u8]| Fields(bytes).number();
        assert_eq!(number(&[0]), Some(0));
        assert_eq!(number(&[0xff, 1]), Some(255));
        assert_eq!(number(&[0x80, 0]), None);
        assert_eq!(number(&[0x80; 9]), None);
        assert_eq!(number(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]), Some(1 << 56));
    }
}
