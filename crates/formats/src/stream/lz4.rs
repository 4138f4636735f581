//! LZ4 frames, and the legacy frame that Linux kernels are packed in.
//!
//! LZ4 Frame Format Description 1.6.3; LZ4 Block Format Description.
//!
//! ```text
//! 0x00 184d2204 4   0x05 BD 1   Content Size 0, 8   HC 1   blocks: size 4, data, checksum 0, 4
//! 0x04 FLG      1               Dictionary ID 0, 4         EndMark 0 4   Content Checksum 0, 4
//! legacy: 184c2102 4, blocks of 8 MiB decoded: size 4, data
//! ```
//!
//! Loader modelled: `lib/decompress_unlz4.c` of Linux for the legacy frame, U-Boot's `ulz4fn` for the other.
//! Ambiguities: a second frame, a skippable frame or other bytes behind; a frame that does not decode, or whose
//! checksums are wrong. Limitations: a legacy frame ends at the first block that decodes to less than 8 MiB;
//! dictionaries are not supported. The library hides what the blocks hold, so there is no normal form; the header is
//! compared as it is.

use kiwame_decode::{DecodeError, Decoded, block, xxh32};
use kiwame_image::{
    Anchor, Builder, DefectKind, Format, Glance, Input, Reading, Sure, fact, len64, to_usize,
};

use crate::stream::{Header, Odd, Stream};

/// An LZ4 file.
#[derive(Debug)]
pub(crate) struct Lz4;

impl Format for Lz4 {
    fn name(&self) -> &'static str {
        "lz4"
    }

    fn about(&self) -> &'static str {
        "LZ4 frame, its checksums verified, and the legacy frame of Linux kernels"
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
        LZ4.open(&at, out);
    }
}

static ANCHOR: Anchor = Anchor {
    marks: &[&[0x04, 0x22, 0x4d, 0x18], &[0x02, 0x21, 0x4c, 0x18]],
    at: 0,
    whole: |at, room| LZ4.whole(at, room, |_, _| true),
};

static LZ4: Stream = Stream {
    name: "lz4",
    header_kind: "lz4-header",
    kind: "lz4-stream",
    member_kind: "lz4-frame",
    trailing_kind: "lz4-trailing",
    undecodable: &DECODE,
    trailing: &TRAILING_BYTES,
    header,
    decode,
    loader: &LOADER,
    odd: |_, decoded| Odd::slack(decoded),
    form: |_, _| None,
    piece: |_| None,
};

fn header(input: &[u8]) -> Option<Header> {
    if legacy(input) {
        let size = u32::from_le_bytes(*input.get(4..)?.first_chunk()?);
        return (size > 0 && size <= LEGACY_BOUND).then(|| Header { length: 4, ..Header::default() });
    }
    let frame = Frame::read(input)?;
    let length = frame.length;
    let facts = vec![(&fact::FLAGS, frame.flags.into())];
    Some(Header { length, declared: frame.declared, facts, ..Header::default() })
}

pub(crate) fn decode(input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
    let mut blocks = Blocks { input, at: 4, out: Vec::new(), room };
    if legacy(input) {
        blocks.legacy()?;
    } else {
        let frame = Frame::read(input).ok_or(DecodeError::Malformed { offset: 0 })?;
        blocks.at = frame.length;
        blocks.frame(&frame)?;
    }
    Ok(Decoded::new(blocks.out, blocks.at))
}

fn legacy(input: &[u8]) -> bool {
    input.starts_with(&[0x02, 0x21, 0x4c, 0x18])
}

/// The header of a frame that is not legacy.
struct Frame {
    length: u64,
    flags: u8,
    /// The most that a block decodes to.
    block: u64,
    declared: Option<u64>,
}

impl Frame {
    fn read(input: &[u8]) -> Option<Self> {
        let [0x04, 0x22, 0x4d, 0x18, flags, descriptor] = *input.first_chunk::<6>()? else { return None };
        let size = descriptor >> 4;
        if flags >> 6 != 1 || flags & (RESERVED | DICTIONARY) != 0 || !(4..8).contains(&size) {
            return None;
        }
        let sized = flags & CONTENT_SIZE != 0;
        let end = if sized { 14 } else { 6 };
        let declared = if sized { Some(u64::from_le_bytes(*input.get(6..)?.first_chunk()?)) } else { None };
        let [_, check, ..] = xxh32(input.get(4..end)?).to_le_bytes();
        let length = len64(input.get(..=end)?);
        (input.get(end) == Some(&check)).then(|| Self {
            length,
            flags,
            block: 1u64.wrapping_shl(u32::from(size).wrapping_mul(2).wrapping_add(8)),
            declared,
        })
    }
}

struct Blocks<'i> {
    input: &'i [u8],
    at: u64,
    out: Vec<u8>,
    room: u64,
}

impl<'i> Blocks<'i> {
    fn frame(&mut self, frame: &Frame) -> Result<(), DecodeError> {
        loop {
            let word = self.word()?;
            if word == 0 {
                break;
            }
            let data = self.take(u64::from(word & !STORED))?;
            if frame.flags & BLOCK_CHECKSUM != 0 {
                self.check(xxh32(data))?;
            }
            let independent = frame.flags & INDEPENDENT != 0;
            self.block(data, word & STORED != 0, independent, frame.block)?;
        }
        if frame.flags & CONTENT_CHECKSUM != 0 {
            self.check(xxh32(&self.out))?;
        }
        if frame.declared.is_some_and(|size| size != len64(&self.out)) {
            return Err(DecodeError::SizeMismatch);
        }
        Ok(())
    }

    fn legacy(&mut self) -> Result<(), DecodeError> {
        while self.at < len64(self.input) {
            let start = self.at;
            let size = self.word().unwrap_or(u32::MAX);
            if size == 0 || size > LEGACY_BOUND {
                self.at = start;
                return Ok(());
            }
            let data = self.take(u64::from(size))?;
            let before = len64(&self.out);
            self.block(data, false, true, LEGACY_BLOCK)?;
            if len64(&self.out).saturating_sub(before) < LEGACY_BLOCK {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decodes a block behind what is there. One that is not independent may refer to that.
    fn block(&mut self, data: &[u8], stored: bool, independent: bool, most: u64) -> Result<(), DecodeError> {
        let left = self.room.saturating_sub(len64(&self.out));
        if stored {
            if len64(data) > left.min(most) {
                return Err(DecodeError::Overflow);
            }
            self.out.extend_from_slice(data);
            return Ok(());
        }
        let window = self.out.len().saturating_sub(WINDOW);
        let before = if independent { &[] } else { self.out.get(window..).unwrap_or_default() };
        let decoded = block::lz4(data, before, None, left.min(most)).map_err(|error| match error {
            DecodeError::Overflow if most <= left => DecodeError::Malformed { offset: self.at },
            DecodeError::Malformed { .. } | DecodeError::Truncated => {
                DecodeError::Malformed { offset: self.at }
            }
            other => other,
        })?;
        self.out.extend_from_slice(&decoded.bytes);
        Ok(())
    }

    fn check(&mut self, value: u32) -> Result<(), DecodeError> {
        let offset = self.at;
        if self.word()? == value { Ok(()) } else { Err(DecodeError::Malformed { offset }) }
    }

    fn word(&mut self) -> Result<u32, DecodeError> {
        let raw = self.take(4)?.first_chunk().ok_or(DecodeError::Truncated)?;
        Ok(u32::from_le_bytes(*raw))
    }

    fn take(&mut self, length: u64) -> Result<&'i [u8], DecodeError> {
        let end = self.at.saturating_add(length);
        let piece = self.input.get(to_usize(self.at)..to_usize(end)).ok_or(DecodeError::Truncated)?;
        self.at = end;
        Ok(piece)
    }
}

const INDEPENDENT: u8 = 0x20;
const BLOCK_CHECKSUM: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
const RESERVED: u8 = 0x02;
const DICTIONARY: u8 = 0x01;
/// Set in the size of a block that is stored as it is.
const STORED: u32 = 1 << 31;
/// How far a block may refer back.
const WINDOW: usize = 64 << 10;
const LEGACY_BLOCK: u64 = 8 << 20;
/// What 8 MiB are packed into at worst.
const LEGACY_BOUND: u32 = (8 << 20) + (8 << 20) / 255 + 16;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &TRAILING_BYTES];

/// The stream does not decode.
static DECODE: DefectKind = DefectKind::ambiguous("lz4/decode");
/// The boot loader or kernel does not take this header or stream, or does not read a part of it.
static LOADER: DefectKind = DefectKind::ambiguous("lz4/loader");
/// Bytes lie behind the stream.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("lz4/trailing-bytes");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};

    /// `lz4 -BD -BX --content-size` of "firmware\n" four times, and `lz4 -l` of the same.
    const SAMPLE: &[u8] = &[
        4, 34, 77, 24, 124, 64, 36, 0, 0, 0, 0, 0, 0, 0, 33, 19, 0, 0, 0, 159, 102, 105, 114, 109, 119, 97,
        114, 101, 10, 9, 0, 3, 80, 119, 97, 114, 101, 10, 139, 224, 226, 118, 0, 0, 0, 0, 87, 189, 225, 234,
    ];
    const LEGACY: &[u8] = &[
        2, 33, 76, 24, 19, 0, 0, 0, 159, 102, 105, 114, 109, 119, 97, 114, 101, 10, 9, 0, 3, 80, 119, 97,
        114, 101, 10,
    ];

    #[test]
    fn frames_are_a_header_and_blocks() {
        for sample in [SAMPLE, LEGACY] {
            let tree = parse(&Lz4, sample);
            let rows = leaves(&tree);
            let kinds: Vec<_> = rows.iter().map(|row| row.0).collect();
            assert_eq!(kinds, ["lz4-header", "lz4-stream", "unknown-content"]);
            assert_eq!(rows[2].3, 36);
            assert_eq!(defects(&tree), [""; 0]);
        }
    }

    #[test]
    fn a_second_frame_and_bytes_behind_are_leaves_of_their_own() {
        for sample in [SAMPLE, LEGACY] {
            for (behind, kind) in [(sample, "lz4-frame"), (&[9; 4][..], "lz4-trailing")] {
                let tree = parse(&Lz4, &[sample, behind].concat());
                assert_eq!(region(&tree, "lz4:behind").kind, kind);
                assert_eq!(defects(&tree), ["lz4/trailing-bytes"]);
            }
        }
    }

    #[test]
    fn a_wrong_checksum_leaves_the_frame_closed() {
        let mut bytes = SAMPLE.to_vec();
        *bytes.last_mut().expect("not empty") ^= 1;
        assert_eq!(defects(&parse(&Lz4, &bytes)), ["lz4/decode"]);
    }

    #[test]
    fn any_bytes() {
        torture(&Lz4, SAMPLE);
        torture(&Lz4, LEGACY);
    }
}
