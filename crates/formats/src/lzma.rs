//! `.lzma` files: LZMA with its own header, as U-Boot and Linux unpack them.
//!
//! LZMA SDK, `lzma-specification.txt`.
//!
//! ```text
//! 0x00 properties 1     0x01 dictionary size 4     0x05 uncompressed size, or all ones 8     0x0d 00, coder …
//! ```
//!
//! Loader modelled: `lib/lzma` of U-Boot. Ambiguities: bytes behind the stream; a stream that does not decode.
//! Limitations: recognised only with the usual properties (lc 3, lp 0, pb 2), since there is no magic.
//!
//! # Normal form
//!
//! `lzma/1`: the header and whether there is an end marker. U-Boot on 32 bits refuses an unknown size, and a dictionary
//! takes memory, so neither is an encoder's choice; literals and matches are.

use kiwame_image::{Anchor, Builder, Format, Head, Input, Match, len64};

use crate::decode;
use crate::stream::{Header, Odd, Stream};

/// An `.lzma` file.
#[derive(Debug)]
pub(crate) struct Lzma;

impl Format for Lzma {
    fn name(&self) -> &'static str {
        "lzma"
    }

    fn about(&self) -> &'static str {
        "LZMA stream with the header of an .lzma file"
    }

    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        header(head.all()).map(|_| Match::weighted(self, 3))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        LZMA.open(&at, out);
    }
}

/// Of 64 KiB of dictionary at least. There is no magic and no checksum, but the coder must be at rest at the end; zeros
/// alone decode to zeros, and then it always is.
static ANCHOR: Anchor = Anchor {
    marks: &[&[USUAL, 0, 0]],
    at: 0,
    whole: |at, room| {
        if at.head(18)?.piece(14, 4).is_none_or(|code| code == [0; 4]) {
            return Ok(None);
        }
        LZMA.whole(at, room, |_, decoded| len64(&decoded.bytes) >= LEAST)
    },
};

static LZMA: Stream = Stream {
    name: "lzma",
    header_kind: "lzma-header",
    kind: "lzma-file-stream",
    member_kind: "lzma-member",
    trailing_kind: "lzma-trailing",
    decode_id: "lzma/decode",
    trailing_id: "lzma/trailing-bytes",
    header,
    decode: |input, room| decode::lzma::decode(input, None, room),
    odd_id: "lzma/loader",
    odd: |_, decoded| Odd::slack(decoded),
    form: decode::lzma::form,
    piece: |_| None,
};

fn header(input: &[u8]) -> Option<Header> {
    let [USUAL, a, b, c, d, ..] = *input.first_chunk::<13>()? else { return None };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let round = dictionary.is_power_of_two() || (dictionary % 3 == 0 && (dictionary / 3).is_power_of_two());
    let declared = decode::lzma::declared(input);
    let likely = declared.is_none_or(|size| size < LARGEST);
    (dictionary >= 4096 && round && likely && input.get(13) == Some(&0)).then(|| Header {
        length: 13,
        declared,
        facts: vec![("dictionary", dictionary.into())],
        ..Header::default()
    })
}

/// lc 3, lp 0, pb 2.
const USUAL: u8 = 0x5d;
/// No content of firmware is larger.
const LARGEST: u64 = 1 << 40;
/// Less content does not tell a stream from bytes that look like one.
const LEAST: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};

    /// `xz --format=lzma` of "firmware\n".
    const SAMPLE: &[u8] = &[
        93, 0, 0, 128, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 51, 26, 74, 171, 142, 119, 215, 235,
        114, 16, 250, 36, 97, 255, 255, 74, 168, 0, 0,
    ];

    #[test]
    fn a_stream_is_a_header_and_content() {
        let tree = parse(&Lzma, SAMPLE);
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|row| row.0).collect();
        assert_eq!(kinds, ["lzma-header", "lzma-file-stream", "unknown-content"]);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(crate::identify(&Head::new(SAMPLE, 64)).name(), "lzma");
    }

    #[test]
    fn bytes_behind_the_end_marker_are_a_leaf() {
        let tree = parse(&Lzma, &[SAMPLE, b"behind"].concat());
        assert_eq!(region(&tree, "lzma:behind").kind, "lzma-trailing");
        assert_eq!(defects(&tree), ["lzma/trailing-bytes"]);
    }

    #[test]
    fn what_a_policy_accepts_is_on_the_list() {
        crate::testing::every_byte_is_compared(&Lzma, SAMPLE, 0..0);
    }

    #[test]
    fn any_bytes() {
        torture(&Lzma, SAMPLE);
    }
}
