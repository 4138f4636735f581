//! `.lzma` files: LZMA with its own header, as U-Boot and Linux unpack them.
//!
//! LZMA SDK, `lzma-specification.txt`.
//!
//! ```text
//! 0x00 properties 1     0x01 dictionary size 4     0x05 uncompressed size, or all ones 8     0x0d 00, coder …
//! ```
//!
//! Loader modelled: `lib/lzma` of U-Boot, which takes all properties below 225, as `lib/decompress_unlzma.c` of Linux 6.1
//! does. Ambiguities: bytes behind the stream; a stream that does not decode. There is no magic: with the usual properties
//! (lc 3, lp 0, pb 2) a header that fits is enough, with others the content must begin to decode. Limitations: what liblzma
//! has no room for (lc and lp above 4 together) is recognised only where something around it says that it is LZMA.
//!
//! # Normal form
//!
//! `lzma/1`: the header and whether there is an end marker. U-Boot on 32 bits refuses an unknown size, and a dictionary
//! takes memory, so neither is an encoder's choice; literals and matches are.

use kiwame_image::{Anchor, Builder, DefectKind, Fact, Format, Glance, Input, Reading, Sure, len64};

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
        LZMA.open(&at, out);
    }
}

/// What something around it calls LZMA: then it is read as that, whatever it looks like.
#[derive(Debug)]
pub(crate) struct Declared;

impl Format for Declared {
    fn name(&self) -> &'static str {
        "lzma"
    }

    fn about(&self) -> &'static str {
        "what something around it says is an LZMA stream"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        Stream { header: any_header, ..LZMA }.open(&at, out);
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
    undecodable: &DECODE,
    trailing: &TRAILING_BYTES,
    header,
    decode: |input, room| kiwame_decode::lzma::decode(input, None, room),
    loader: &LOADER,
    odd: |_, decoded| Odd::slack(decoded),
    form: kiwame_decode::lzma::form,
    piece: |_| None,
};

/// A header by which a stream is recognised.
fn header(input: &[u8]) -> Option<Header> {
    let [properties, a, b, c, d, ..] = *input.first_chunk::<13>()?;
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let round = dictionary.is_power_of_two()
        || (dictionary % 3 == 0 && (dictionary / 3).is_power_of_two())
        || dictionary == u32::MAX;
    let likely = kiwame_decode::lzma::declared(input).is_none_or(|size| (1..LARGEST).contains(&size));
    let fits = dictionary >= 4096 && round && likely;
    any_header(input).filter(|_| fits && (properties == USUAL || kiwame_decode::lzma::begins(input)))
}

/// A header that a decoder takes.
fn any_header(input: &[u8]) -> Option<Header> {
    let [properties, a, b, c, d, ..] = *input.first_chunk::<13>()?;
    let probabilities = kiwame_decode::lzma::probabilities(input)?;
    (properties < MOST_PROPERTIES && input.get(13) == Some(&0)).then(|| Header {
        length: 13,
        declared: kiwame_decode::lzma::declared(input),
        facts: vec![(&DICTIONARY, u32::from_le_bytes([a, b, c, d]).into())],
        memory: Some(probabilities.saturating_mul(2)).filter(|&memory| memory > SMALL).unwrap_or(0),
        ..Header::default()
    })
}

/// lc 3, lp 0, pb 2.
const USUAL: u8 = 0x5d;
/// True when what something around it calls LZMA has a header that a decoder takes.
pub(crate) fn could_begin(head: &[u8]) -> bool {
    any_header(head).is_some()
}

/// 9 * 5 * 5: values of lc, lp and pb.
const MOST_PROPERTIES: u8 = 225;
/// Bytes of probabilities that every stream may have.
const SMALL: u64 = 64 << 10;
/// No content of firmware is larger.
const LARGEST: u64 = 1 << 40;
/// Less content does not tell a stream from bytes that look like one.
const LEAST: u64 = 1024;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &TRAILING_BYTES];

/// The stream does not decode.
static DECODE: DefectKind = DefectKind::ambiguous("lzma/decode");
/// The boot loader or kernel does not take this header or stream, or does not read a part of it.
static LOADER: DefectKind = DefectKind::ambiguous("lzma/loader");
/// Bytes lie behind the stream.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("lzma/trailing-bytes");

// Facts, in the words of the specification.
static DICTIONARY: Fact = Fact::new("dictionary");

#[cfg(test)]
mod tests {
    use kiwame_image::{Place, Recognised};

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
        assert_eq!(crate::identify(&Glance::new(SAMPLE, 64)).name(), "lzma");
    }

    /// Python's `lzma.compress` of "firmware\n" 200 times, FORMAT_ALONE, with lc 1, lp 2, pb 2 as OpenWrt has it.
    const OPENWRT: &[u8] = &[
        109, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 51, 26, 74, 70, 211, 243, 216, 40, 96,
        215, 0, 9, 57, 109, 168, 172, 152, 43, 51, 222, 128, 178, 250, 36, 251, 255, 255, 247, 85, 128, 0,
    ];

    #[test]
    fn other_properties_are_recognised_by_what_they_decode() {
        let name = |bytes: &[u8]| crate::identify(&Glance::new(bytes, len64(bytes))).name();
        let tree = parse(&Recognised(Place::Stream), OPENWRT);
        assert_eq!((name(OPENWRT), defects(&tree).len()), ("lzma", 0));
        assert_eq!(tree.space_path(tree.regions().last().expect("content").space), "lzma:stream");
        assert_eq!(name(&[&OPENWRT[..20], &[0x55; 200]].concat()), "raw");
        assert_eq!(name(&OPENWRT[..20]), "raw", "cut off");
        // With more contexts than are tried, only what is called LZMA is opened.
        let many = [&[0xe0], &OPENWRT[1..]].concat();
        assert_eq!(name(&many), "raw");
        assert_eq!(defects(&parse(&Declared, &many)), ["lzma/decode"]);
        assert_eq!(defects(&parse(&Declared, OPENWRT)), [""; 0]);
    }

    #[test]
    fn bytes_behind_the_end_marker_are_a_leaf() {
        let tree = parse(&Lzma, &[SAMPLE, b"behind"].concat());
        assert_eq!(region(&tree, "lzma:behind").kind, "lzma-trailing");
        assert_eq!(defects(&tree), ["lzma/trailing-bytes"]);
    }

    #[test]
    fn erased_medium_and_what_another_format_recognises_are_no_trailing_bytes() {
        let found = |behind: &[&[u8]]| {
            let tree = parse(&Lzma, &[SAMPLE, &behind.concat()].concat());
            let updates = tree.regions().filter(|region| region.kind == "microcode").count();
            (updates, defects(&tree).join(" "))
        };
        let update = crate::x86::microcode::tests::sample();
        let blank = |value: u8| vec![value; 4096 - SAMPLE.len()];
        assert_eq!(found(&[&blank(0xff)]), (0, String::new()));
        assert_eq!(found(&[&blank(0xff), &update]), (1, String::new()));
        assert_eq!(found(&[&blank(0), &update]), (1, String::new()));
        let trailing = "lzma/trailing-bytes".to_owned();
        assert_eq!(found(&[&blank(7), &update]), (1, trailing.clone()));
        assert_eq!(found(&[SAMPLE, &blank(0xff)[SAMPLE.len()..], &update]), (0, trailing));
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
