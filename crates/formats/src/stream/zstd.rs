//! zstd frames.
//!
//! RFC 8878, sections 3.1.1 and 3.1.2.
//!
//! ```text
//! 0x00 fd2fb528                4     Window_Descriptor   0, 1     Frame_Content_Size 0, 1, 2, 4, 8
//! 0x04 Frame_Header_Descriptor 1     Dictionary_ID 0, 1, 2, 4     blocks …           Content_Checksum 0, 4
//! skippable: 184d2a5? 4, Frame_Size 4, User_Data
//! ```
//!
//! Loader modelled: `lib/decompress_unzstd.c` of Linux, which reads frames; the first is what is opened. Ambiguities: a
//! second frame, a skippable frame or other bytes behind; a frame that does not decode, or whose checksum is wrong.
//! Limitations: a file that begins with a skippable frame is not recognised; dictionaries are not supported. The
//! library hides the blocks, so there is no normal form; the header, with the size of the window, is compared as it is.

use kiwame_decode::block::{self, Codec};
use kiwame_image::{
    Anchor, Builder, DefectKind, Fact, Format, Glance, Input, Reading, Sure, len64, to_usize,
};

use crate::stream::{Header, Odd, Stream};

/// A zstd file.
#[derive(Debug)]
pub(crate) struct Zstd;

impl Format for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn about(&self) -> &'static str {
        "zstd frame, its checksum verified; further and skippable frames are told apart"
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
        ZSTD.open(&at, out);
    }
}

/// Only with a checksum or a size: a block that is not packed may hold anything.
static ANCHOR: Anchor = Anchor {
    marks: &[&[0x28, 0xb5, 0x2f, 0xfd]],
    at: 0,
    whole: |at, room| {
        ZSTD.whole(at, room, |input, decoded| {
            let summed = input.get(4).is_some_and(|descriptor| descriptor & CHECKSUM != 0);
            summed || header(input).and_then(|header| header.declared) == Some(len64(&decoded.bytes))
        })
    },
};

static ZSTD: Stream = Stream {
    name: "zstd",
    header_kind: "zstd-header",
    kind: "zstd-stream",
    member_kind: "zstd-frame",
    trailing_kind: "zstd-trailing",
    undecodable: &DECODE,
    trailing: &TRAILING_BYTES,
    header,
    decode: |input, room| block::decode(Codec::Zstd, input, None, room),
    loader: &LOADER,
    odd: |_, decoded| Odd::slack(decoded),
    form: |_, _| None,
    piece: skippable,
};

fn header(input: &[u8]) -> Option<Header> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor] = *input.first_chunk::<5>()? else { return None };
    if descriptor & RESERVED != 0 {
        return None;
    }
    let single = descriptor & SINGLE_SEGMENT != 0;
    let dictionary = [0usize, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let start = 5usize.saturating_add(usize::from(!single)).saturating_add(dictionary);
    let (size, base) = match descriptor >> 6 {
        0 => (usize::from(single), 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let end = start.saturating_add(size);
    let mut raw = [0; 8];
    raw.get_mut(..size)?.copy_from_slice(input.get(start..end)?);
    let declared = (size > 0).then(|| u64::from_le_bytes(raw).saturating_add(base));
    let length = len64(input.get(..end)?);
    let facts = vec![(&DESCRIPTOR, descriptor.into())];
    Some(Header { length, declared, facts, ..Header::default() })
}

/// Length of the skippable frame that `input` begins with, if it is all there.
fn skippable(input: &[u8]) -> Option<u64> {
    let [0x50..=0x5f, 0x2a, 0x4d, 0x18, size @ ..] = *input.first_chunk::<8>()? else { return None };
    let length = u64::from(u32::from_le_bytes(size)).saturating_add(8);
    input.get(..to_usize(length)).map(len64)
}

const SINGLE_SEGMENT: u8 = 0x20;
const RESERVED: u8 = 0x08;
const CHECKSUM: u8 = 0x04;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &TRAILING_BYTES];

/// The stream does not decode.
static DECODE: DefectKind = DefectKind::ambiguous("zstd/decode");
/// The boot loader or kernel does not take this header or stream, or does not read a part of it.
static LOADER: DefectKind = DefectKind::ambiguous("zstd/loader");
/// Bytes lie behind the stream.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("zstd/trailing-bytes");

// Facts, in the words of the specification.
static DESCRIPTOR: Fact = Fact::new("descriptor");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};

    /// `zstd --check` of "firmware\n".
    const SAMPLE: &[u8] =
        &[40, 181, 47, 253, 4, 88, 73, 0, 0, 102, 105, 114, 109, 119, 97, 114, 101, 10, 130, 19, 116, 245];

    #[test]
    fn a_frame_is_a_header_and_blocks() {
        let tree = parse(&Zstd, SAMPLE);
        let rows = leaves(&tree);
        assert_eq!(
            rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            ["zstd-header", "zstd-stream", "unknown-content"]
        );
        assert_eq!(rows[2].3, 9);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn skippable_and_second_frames_are_leaves_of_their_own() {
        let skip = [0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7];
        let tree = parse(&Zstd, &[SAMPLE, &skip, SAMPLE].concat());
        let length = SAMPLE.len() as u64;
        assert_eq!(region(&tree, "zstd:behind-0").span.length, 10);
        assert_eq!(region(&tree, "zstd:behind").span.length, length);
        assert_eq!(region(&tree, "zstd:behind").kind, "zstd-frame");
        assert_eq!(defects(&tree), ["zstd/trailing-bytes"]);
    }

    #[test]
    fn a_wrong_checksum_leaves_the_frame_closed() {
        let mut bytes = SAMPLE.to_vec();
        *bytes.last_mut().expect("not empty") ^= 1;
        assert_eq!(defects(&parse(&Zstd, &bytes)), ["zstd/decode"]);
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        // Blocks of 128 KiB of one byte: a header of 3 bytes and that byte.
        let block = |last: u8| [2 | last, 0, 0x10, 0];
        let open = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x38][..], &block(0).repeat(1024), &block(1)].concat();
        let known = [0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x38, 0, 0, 0, 0x40, 3, 0, 0x10, 0].to_vec();
        for bytes in [open, known] {
            let tree = parse(&Zstd, &bytes);
            assert_eq!((tree.limits_hit().len(), tree.spaces().len()), (1, 1));
        }
    }

    #[test]
    fn any_bytes() {
        torture(&Zstd, SAMPLE);
    }
}
