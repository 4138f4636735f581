//! xz: LZMA2 with filters, checks and an index.
//!
//! The `.xz` File Format 1.2.1, sections 2 to 4.
//!
//! ```text
//! 0x00 fd "7zXZ" 00   6     0x08 CRC32 of the flags 4     index, CRC32
//! 0x06 Stream Flags   2     0x0c blocks             …     footer: CRC32 4, Backward Size 4, Flags 2, "YZ"
//! ```
//!
//! Loader modelled: `lib/xz` of Linux, which reads one stream. Ambiguities: a second stream, which the tool xz appends
//! to the content; stream padding and other bytes behind; a stream that does not decode, or whose checks or index are
//! wrong. Limitations: blocks are not told apart; streams behind the first are one leaf. Which checks and filters Linux
//! was built with is not known.
//!
//! # Normal form
//!
//! | bytes | are |
//! |---|---|
//! | stream flags | in the form `xz/1`: Linux reads CRC-32 or none |
//! | of each block: flags, size of its content, filters with their properties, the dictionary's size among them | in the form: a loader may lack a filter, or the memory |
//! | packed sizes, index, backward size, checks, CRCs | agree and are right, or the stream does not decode |
//! | padding of headers, blocks and index | zero, or it does not decode |
//! | LZMA2: chunks, properties, literals and matches | an encoder's choice that `lib/xz` takes as it is |
//! | content | a space of its own; bytes behind are a leaf |

use kiwame_decode::Crc32;
use kiwame_decode::block::{self, Codec};
use kiwame_image::{Anchor, Builder, DefectKind, Fact, Format, Glance, Input, Reading, Sure};

use crate::stream::{Header, Odd, Stream};

/// An xz file.
#[derive(Debug)]
pub(crate) struct Xz;

impl Format for Xz {
    fn name(&self) -> &'static str {
        "xz"
    }

    fn about(&self) -> &'static str {
        "xz stream, its checks verified; further streams and padding are told apart"
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
        XZ.open(&at, out);
    }
}

static ANCHOR: Anchor =
    Anchor { marks: &[b"\xfd7zXZ\0"], at: 0, whole: |at, room| XZ.whole(at, room, |_, _| true) };

static XZ: Stream = Stream {
    name: "xz",
    header_kind: "xz-header",
    kind: "xz-stream",
    member_kind: "xz-member",
    trailing_kind: "xz-trailing",
    undecodable: &DECODE,
    trailing: &TRAILING_BYTES,
    header,
    decode: |input, room| block::decode(Codec::Xz, input, None, room),
    loader: &LOADER,
    odd: |_, decoded| Odd::slack(decoded),
    form: block::xz_form,
    piece: |_| None,
};

fn header(input: &[u8]) -> Option<Header> {
    let [0xfd, b'7', b'z', b'X', b'Z', 0, zero, check, a, b, c, d] = *input.first_chunk::<12>()? else {
        return None;
    };
    let mut crc = Crc32::default();
    crc.update(&[zero, check]);
    let known = zero == 0 && check & 0xf0 == 0 && crc.value() == u32::from_le_bytes([a, b, c, d]);
    known.then(|| Header { length: 12, facts: vec![(&CHECK, check.into())], ..Header::default() })
}

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &TRAILING_BYTES];

/// The stream does not decode.
static DECODE: DefectKind = DefectKind::ambiguous("xz/decode");
/// The boot loader or kernel does not take this header or stream, or does not read a part of it.
static LOADER: DefectKind = DefectKind::ambiguous("xz/loader");
/// Bytes lie behind the stream.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("xz/trailing-bytes");

// Facts, in the words of the specification.
static CHECK: Fact = Fact::new("check");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};

    /// `xz` of "firmware\n" with CRC32.
    const SAMPLE: &[u8] = &[
        253, 55, 122, 88, 90, 0, 0, 1, 105, 34, 222, 54, 2, 0, 33, 1, 22, 0, 0, 0, 116, 47, 229, 163, 1, 0,
        8, 102, 105, 114, 109, 119, 97, 114, 101, 10, 0, 0, 0, 0, 237, 236, 11, 174, 0, 1, 29, 9, 147, 97,
        54, 166, 144, 66, 153, 13, 1, 0, 0, 0, 0, 1, 89, 90,
    ];

    #[test]
    fn a_stream_is_a_header_and_blocks() {
        let tree = parse(&Xz, SAMPLE);
        let length = SAMPLE.len() as u64;
        assert_eq!(
            leaves(&tree),
            [
                ("xz-header", "header".into(), 0, 12),
                ("xz-stream", "stream".into(), 12, length - 12),
                ("unknown-content", "0".into(), 0, 9)
            ]
        );
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn a_second_stream_and_padding_are_leaves_of_their_own() {
        for (behind, kind) in [(SAMPLE, "xz-member"), (&[0; 4][..], "xz-trailing")] {
            let tree = parse(&Xz, &[SAMPLE, behind].concat());
            assert_eq!(region(&tree, "xz:behind").kind, kind);
            assert_eq!(defects(&tree), ["xz/trailing-bytes"]);
        }
    }

    #[test]
    fn a_wrong_check_leaves_the_stream_closed() {
        let mut bytes = SAMPLE.to_vec();
        let at = bytes.len() - 24 - 1;
        bytes[at] ^= 1;
        assert_eq!(defects(&parse(&Xz, &bytes)), ["xz/decode"]);
    }

    #[test]
    fn what_a_policy_accepts_is_on_the_list() {
        crate::testing::every_byte_is_compared(&Xz, SAMPLE, 0..0);
    }

    #[test]
    fn any_bytes() {
        torture(&Xz, SAMPLE);
    }
}
