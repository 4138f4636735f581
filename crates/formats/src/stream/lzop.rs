//! lzop: LZO1X blocks with checksums, as kernels and initramfs are packed.
//!
//! The header as `lib/decompress_unlzo.c` of Linux 6.1 reads it.
//!
//! ```text
//! 0x00 89 "LZO" 00 0d 0a 1a 0a 9   0x0f method 1   0x15 mode       4   0x21 name length 1, name
//! 0x09 version                 2   0x10 level  1   0x19 mtime      4   header checksum 4
//! 0x0b, 0x0d library, needed   2+2 0x11 flags  4   0x1d mtime high 4   blocks: sizes 4+4, checksums, data; 0
//! ```
//!
//! Loader modelled: `lib/decompress_unlzo.c` of Linux, which reads blocks up to one of size zero. Ambiguities: bytes
//! behind; a stream that does not decode, or whose checksums are wrong; flags that give a block another number of
//! checksums than the one that Linux skips; a block longer than the 256 KiB that Linux has for it. Limitations:
//! versions before 0x0940, filters and methods other than LZO1X are not read.
//!
//! # Normal form
//!
//! | bytes | are |
//! |---|---|
//! | version, version needed, method, flags, mode, times, name | in the form `lzop/1` |
//! | version of the library, level | an encoder's note about itself: Linux skips them |
//! | checksum of the header | right, or it is no header |
//! | of each block: size of its content | in the form |
//! | of each block: packed size, checksums, data | agree and are right, or the stream does not decode |
//! | content | a space of its own; bytes behind are a leaf |

use kiwame_decode::block::{self, Codec};
use kiwame_decode::{Crc32, DecodeError, Decoded, adler32};
use kiwame_image::{
    Anchor, Builder, DefectKind, Fact, Format, Glance, Input, Normal, Reading, Sure, Value, fact, len64,
    to_usize,
};

use crate::stream::{Header, Odd, Stream};

/// An lzop file.
#[derive(Debug)]
pub(crate) struct Lzop;

impl Format for Lzop {
    fn name(&self) -> &'static str {
        "lzop"
    }

    fn about(&self) -> &'static str {
        "lzop stream, its checksums verified"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        header(head.all()).map(|_| Reading::new(self, Sure::Structure))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        LZOP.open(&at, out);
    }
}

static ANCHOR: Anchor =
    Anchor { marks: &[&MAGIC], at: 0, whole: |at, room| LZOP.whole(at, room, |_, _| true) };

static LZOP: Stream = Stream {
    name: "lzop",
    header_kind: "lzop-header",
    kind: "lzop-stream",
    member_kind: "lzop-member",
    trailing_kind: "lzop-trailing",
    undecodable: &DECODE,
    trailing: &TRAILING_BYTES,
    header,
    decode,
    loader: &LOADER,
    odd,
    form,
    piece: |_| None,
};

fn flags_of(input: &[u8]) -> u32 {
    u32::from_be_bytes(*input.get(17..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; 4]))
}

fn odd(input: &[u8], _: &Decoded) -> Vec<Odd> {
    let flags = flags_of(input);
    let mut odd = Vec::new();
    if !matches!(flags & (ADLER_D | CRC_D | ADLER_C | CRC_C), ADLER_D | CRC_D) {
        let expected = "one checksum of each block, of its content";
        odd.push(Odd { field: "flags", offset: 17, found: flags.into(), expected });
    }
    if let Some((at, size)) = sizes(input).into_iter().find(|&(_, size)| size > LINUX_BLOCK) {
        odd.push(Odd {
            field: "uncompressed size",
            offset: at,
            found: size.into(),
            expected: "256 KiB at most",
        });
    }
    odd
}

fn form(input: &[u8], _: &Decoded) -> Option<Normal> {
    let mut header = input.get(..to_usize(header(input)?.length))?.to_vec();
    for (start, length) in IGNORED {
        header.get_mut(to_usize(start)..to_usize(start.saturating_add(length)))?.fill(0);
    }
    let (header, _) = header.split_last_chunk::<4>()?;
    let mut form = Normal::new("lzop/1");
    form.record("header");
    form.field("header", header);
    for (_, size) in sizes(input) {
        form.record("block");
        form.number("size", size);
    }
    Some(form)
}

/// Place and size of content of each block, of a stream that decodes.
fn sizes(input: &[u8]) -> Vec<(u64, u32)> {
    let flags = flags_of(input);
    let mut blocks = Blocks { input, at: header(input).map_or(u64::MAX, |header| header.length) };
    let mut sizes = Vec::new();
    while let (at, Ok(size @ 1..)) = (blocks.at, blocks.word()) {
        sizes.push((at, size));
        let Ok(packed) = blocks.word() else { break };
        let sums = [ADLER_D, CRC_D, ADLER_C, CRC_C].into_iter();
        let there = |&flag: &u32| flags & flag != 0 && has_sum(flag, packed, size);
        let sums = sums.filter(there).fold(0u64, |length, _| length.saturating_add(4));
        if blocks.take(sums.saturating_add(packed.into())).is_err() {
            break;
        }
    }
    sizes
}

/// Of what is stored as it is, the checksum of the packed bytes is left out.
fn has_sum(flag: u32, packed: u32, size: u32) -> bool {
    packed < size || flag & (ADLER_C | CRC_C) == 0
}

fn header(input: &[u8]) -> Option<Header> {
    let fixed: &[u8; 34] = input.first_chunk()?;
    let (magic, rest) = fixed.split_first_chunk::<9>()?;
    let (version, rest) = rest.split_first_chunk::<6>()?;
    let (&[method, level], rest) = rest.split_first_chunk::<2>()?;
    let (&flags, rest) = rest.split_first_chunk::<4>()?;
    let (&mode, rest) = rest.split_first_chunk::<4>()?;
    let (&mtime, _) = rest.split_first_chunk::<4>()?;
    let name_length = fixed.last().copied().map(usize::from)?;
    let flags = u32::from_be_bytes(flags);
    let end = 34usize.saturating_add(name_length);
    let body = input.get(9..end)?;
    let stated = u32::from_be_bytes(*input.get(end..)?.first_chunk()?);
    let sum = if flags & HEADER_CRC == 0 { adler32(body) } else { crc32(body) };
    let [major, minor, ..] = *version;
    let recent = u16::from_be_bytes([major, minor]) >= 0x940;
    let known = *magic == MAGIC && recent && (1..=3).contains(&method) && flags & FILTER == 0;
    if !known || sum != stated {
        return None;
    }
    let name = String::from_utf8_lossy(input.get(34..end)?).into_owned();
    let facts: Vec<(&'static Fact, Value)> = vec![
        (&fact::NAME, name.into()),
        (&MODE, u32::from_be_bytes(mode).into()),
        (&fact::MTIME, u32::from_be_bytes(mtime).into()),
        (&METHOD, method.into()),
        (&fact::FLAGS, flags.into()),
        (&LEVEL, level.into()),
    ];
    let mask = IGNORED.into_iter().chain([(len64(input.get(..end)?), 4)]).collect();
    Some(Header {
        length: len64(input.get(..end.saturating_add(4))?),
        declared: None,
        facts,
        mask,
        ..Header::default()
    })
}

fn decode(input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
    let start = header(input).ok_or(DecodeError::Malformed { offset: 0 })?.length;
    let flags = flags_of(input);
    let mut blocks = Blocks { input, at: start };
    let mut out: Vec<u8> = Vec::new();
    loop {
        let size = blocks.word()?;
        if size == 0 {
            return Ok(Decoded::new(out, blocks.at));
        }
        let packed = blocks.word()?;
        let left = room.saturating_sub(len64(&out));
        if u64::from(size) > left {
            return Err(DecodeError::Overflow);
        }
        let offset = blocks.at;
        let malformed = DecodeError::Malformed { offset };
        let mut sums = [None; 4];
        for (sum, flag) in sums.iter_mut().zip([ADLER_D, CRC_D, ADLER_C, CRC_C]) {
            if flags & flag != 0 && has_sum(flag, packed, size) {
                *sum = Some(blocks.word()?);
            }
        }
        let [adler_d, crc_d, adler_c, crc_c] = sums;
        let data = blocks.take(packed.into())?;
        let start = out.len();
        if packed < size {
            let decoded = block::decode(Codec::Lzo, data, Some(size.into()), left).map_err(|_| malformed)?;
            if decoded.consumed != u64::from(packed) {
                return Err(malformed);
            }
            out.extend_from_slice(&decoded.bytes);
        } else if packed == size {
            out.extend_from_slice(data);
        } else {
            return Err(malformed);
        }
        let plain = out.get(start..).unwrap_or_default();
        let wrong = |stated: Option<u32>, sum: fn(&[u8]) -> u32, bytes: &[u8]| {
            stated.is_some_and(|stated| stated != sum(bytes))
        };
        if wrong(adler_d, adler32, plain)
            || wrong(crc_d, crc32, plain)
            || wrong(adler_c, adler32, data)
            || wrong(crc_c, crc32, data)
        {
            return Err(malformed);
        }
    }
}

struct Blocks<'i> {
    input: &'i [u8],
    at: u64,
}

impl<'i> Blocks<'i> {
    fn word(&mut self) -> Result<u32, DecodeError> {
        let raw = self.take(4)?.first_chunk().ok_or(DecodeError::Truncated)?;
        Ok(u32::from_be_bytes(*raw))
    }

    fn take(&mut self, length: u64) -> Result<&'i [u8], DecodeError> {
        let end = self.at.saturating_add(length);
        let piece = self.input.get(to_usize(self.at)..to_usize(end)).ok_or(DecodeError::Truncated)?;
        self.at = end;
        Ok(piece)
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::default();
    crc.update(bytes);
    crc.value()
}

/// The version of the library that packed, and its level.
const IGNORED: [(u64, u64); 2] = [(0xb, 2), (0x10, 1)];
/// `LZO_BLOCK_SIZE` of Linux.
const LINUX_BLOCK: u32 = 256 << 10;
const MAGIC: [u8; 9] = [0x89, b'L', b'Z', b'O', 0, 0x0d, 0x0a, 0x1a, 0x0a];
const ADLER_D: u32 = 0x1;
const ADLER_C: u32 = 0x2;
const CRC_D: u32 = 0x100;
const CRC_C: u32 = 0x200;
const FILTER: u32 = 0x800;
const HEADER_CRC: u32 = 0x1000;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &TRAILING_BYTES];

/// The stream does not decode.
static DECODE: DefectKind = DefectKind::ambiguous("lzop/decode");
/// The boot loader or kernel does not take this header or stream, or does not read a part of it.
static LOADER: DefectKind = DefectKind::ambiguous("lzop/loader");
/// Bytes lie behind the stream.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("lzop/trailing-bytes");

// Facts, in the words of the specification.
static LEVEL: Fact = Fact::encoding("level");
static METHOD: Fact = Fact::new("method");
static MODE: Fact = Fact::new("mode");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    /// `lzop` of "firmware\n" twenty times.
    const SAMPLE: &[u8] = &[
        137, 76, 90, 79, 0, 13, 10, 26, 10, 16, 64, 32, 160, 9, 64, 1, 5, 3, 0, 0, 13, 0, 0, 0, 0, 107, 5,
        196, 19, 0, 0, 0, 0, 0, 41, 21, 2, 183, 0, 0, 0, 180, 0, 0, 0, 33, 46, 250, 68, 13, 6, 102, 105, 114,
        109, 119, 97, 114, 101, 10, 32, 123, 32, 0, 12, 109, 119, 97, 114, 101, 10, 102, 105, 114, 109, 119,
        97, 114, 101, 10, 17, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn a_stream_is_a_header_and_blocks() {
        let tree = parse(&Lzop, SAMPLE);
        let rows = leaves(&tree);
        let kinds: Vec<_> = rows.iter().map(|row| row.0).collect();
        assert_eq!(kinds, ["lzop-header", "lzop-stream", "unknown-content"]);
        assert_eq!(rows[2].3, 180);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn bytes_behind_are_a_leaf_of_their_own() {
        for (behind, kind) in [(SAMPLE, "lzop-member"), (&[9; 4][..], "lzop-trailing")] {
            let tree = parse(&Lzop, &[SAMPLE, behind].concat());
            assert_eq!(region(&tree, "lzop:behind").kind, kind);
            assert_eq!(defects(&tree), ["lzop/trailing-bytes"]);
        }
    }

    #[test]
    fn a_wrong_checksum_leaves_the_stream_closed() {
        let header = header(SAMPLE).expect("sound").length as usize;
        let mut bytes = SAMPLE.to_vec();
        bytes[header + 8] ^= 1;
        assert_eq!(defects(&parse(&Lzop, &bytes)), ["lzop/decode"]);
    }

    #[test]
    fn linux_skips_one_checksum_of_each_block() {
        // Without one, and the header's checksum made right.
        let mut bytes = SAMPLE.to_vec();
        bytes[20] &= 0xfe;
        let sum = adler32(&bytes[9..34]).to_be_bytes();
        bytes.splice(34..38, sum);
        bytes.drain(46..50);
        assert_eq!(defects(&parse(&Lzop, &bytes)), ["lzop/loader"]);
    }

    #[test]
    fn what_a_policy_accepts_is_on_the_list() {
        // A match may repeat from further back.
        let data = SAMPLE.len() - 4 - 33..SAMPLE.len() - 4;
        crate::testing::every_byte_is_compared(&Lzop, SAMPLE, data);
        let mut other = SAMPLE.to_vec();
        put(&mut other, 0xb, &[0x20, 0x60]);
        other[0x10] = 9;
        let sum = adler32(&other[9..34]).to_be_bytes();
        put(&mut other, 34, &sum);
        let form =
            |bytes: &[u8]| form(bytes, &decode(bytes, 1 << 20).expect("sound")).expect("a form").length();
        assert_eq!(form(&other), form(SAMPLE));
    }

    #[test]
    fn any_bytes() {
        torture(&Lzop, SAMPLE);
    }
}
