//! gzip: one deflate stream with a name, a time and a checksum.
//!
//! RFC 1952, sections 2.2 and 2.3.
//!
//! ```text
//! 0x00 ID1 ID2 1f 8b 2     0x03 FLG   1     0x08 XFL 1     then FEXTRA, FNAME, FCOMMENT, FHCRC
//! 0x02 CM 8          1     0x04 MTIME 4     0x09 OS  1     deflate …   CRC32 4   ISIZE 4
//! ```
//!
//! Loader modelled: `lib/decompress_inflate.c` of Linux 6.1 and U-Boot's `gunzip`, which read one member.
//! Ambiguities: a second member, which the tool gzip appends to the content; bytes behind; a member that does not
//! decode or whose CRC or size is wrong; an extra field, a comment or a CRC of the header, which Linux takes for the
//! beginning of the stream; values of XFL and OS that no compressor writes; bits within the stream that nobody reads
//! and that are not zero. Limitations: members behind the first are one leaf.
//!
//! # Normal form
//!
//! | bytes | are |
//! |---|---|
//! | ID, CM, FLG, MTIME, FNAME, what other flags announce | in the form `gzip/1` |
//! | XFL, OS | an encoder's note about itself, of known values: neither loader reads them |
//! | blocks, codes, matches | an encoder's choice: both loaders decode within the 32 KiB that the format has |
//! | bits before stored blocks, and behind the last block | zero, else a defect |
//! | CRC32, ISIZE | right, or the member does not decode |
//! | content | a space of its own; bytes behind are a leaf |

use kiwame_decode::{Decoded, zlib};
use kiwame_image::{
    Anchor, Builder, DefectKind, Fact, Format, Glance, Input, Normal, Reading, Sure, Value, fact, to_usize,
};

use crate::stream::{Header, Odd, Stream};

/// A gzip file.
#[derive(Debug)]
pub(crate) struct Gzip;

impl Format for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn about(&self) -> &'static str {
        "gzip stream: header and content; further members are told apart"
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
        GZIP.open(&at, out);
    }
}

static ANCHOR: Anchor =
    Anchor { marks: &[&[0x1f, 0x8b, 8]], at: 0, whole: |at, room| GZIP.whole(at, room, |_, _| true) };

static GZIP: Stream = Stream {
    name: "gzip",
    header_kind: "gzip-header",
    kind: "gzip-stream",
    member_kind: "gzip-member",
    trailing_kind: "gzip-trailing",
    undecodable: &DECODE,
    trailing: &TRAILING_BYTES,
    header,
    decode: |input, room| {
        let length = zlib::gzip_header(input);
        let mut decoded = zlib::gzip_body(input.get(to_usize(length)..).unwrap_or_default(), None, room)?;
        decoded.consumed = decoded.consumed.saturating_add(length);
        Ok(decoded)
    },
    loader: &LOADER,
    odd,
    form,
    piece: |_| None,
};

fn odd(input: &[u8], decoded: &Decoded) -> Vec<Odd> {
    let mut odd = Odd::slack(decoded);
    let Some(&[_, _, _, flags, _, _, _, _, xfl, os]) = input.first_chunk::<10>() else { return odd };
    let mut note = |field, offset, found: u8, expected| {
        odd.push(Odd { field, offset, found: found.into(), expected });
    };
    if flags & !(TEXT | NAME) != 0 {
        note("FLG", 3, flags, "a name at most");
    }
    if ![0, 2, 4].contains(&xfl) {
        note("XFL", 8, xfl, "0, 2 or 4");
    }
    if !matches!(os, 0..=13 | 255) {
        note("OS", 9, os, "0 to 13, or 255");
    }
    odd
}

fn form(input: &[u8], _: &Decoded) -> Option<Normal> {
    let mut header = input.get(..to_usize(zlib::gzip_header(input)))?.to_vec();
    header.get_mut(8..10)?.fill(0);
    let mut form = Normal::new("gzip/1");
    form.record("header");
    form.field("header", &header);
    Some(form)
}

fn header(input: &[u8]) -> Option<Header> {
    let length = zlib::gzip_header(input);
    let [_, _, _, flags, a, b, c, d, xfl, os] = *input.first_chunk::<10>()?;
    if length == 0 || flags & RESERVED != 0 {
        return None;
    }
    let mut facts = vec![(&fact::MTIME, Value::from(u32::from_le_bytes([a, b, c, d])))];
    if flags & NAME != 0 && flags & EXTRA == 0 {
        let name = input.get(10..to_usize(length))?.split(|&byte| byte == 0).next()?;
        facts.push((&fact::NAME, String::from_utf8_lossy(name).into_owned().into()));
    }
    facts.extend([(&XFL, xfl.into()), (&OS, os.into())]);
    Some(Header { length, declared: None, facts, mask: vec![(8, 2)], ..Header::default() })
}

const TEXT: u8 = 1;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const RESERVED: u8 = 0xe0;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &TRAILING_BYTES];

/// The stream does not decode.
static DECODE: DefectKind = DefectKind::ambiguous("gzip/decode");
/// The boot loader or kernel does not take this header or stream, or does not read a part of it.
static LOADER: DefectKind = DefectKind::ambiguous("gzip/loader");
/// Bytes lie behind the stream.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("gzip/trailing-bytes");

// Facts, in the words of the specification.
static OS: Fact = Fact::encoding("os");
static XFL: Fact = Fact::encoding("xfl");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};

    /// `gzip -n` of "firmware firmware firmware\n", with a name and a time put in.
    fn sample() -> Vec<u8> {
        let mut bytes = vec![0x1f, 0x8b, 8, 8, 1, 2, 3, 4, 2, 3];
        bytes.extend(b"fw\0");
        let raw = b"firmware firmware firmware\n";
        bytes.extend([1, 27, 0, 0xe4, 0xff]);
        bytes.extend(raw);
        let mut crc = kiwame_decode::Crc32::default();
        crc.update(raw);
        bytes.extend(crc.value().to_le_bytes());
        bytes.extend(27u32.to_le_bytes());
        bytes
    }

    #[test]
    fn a_member_is_a_header_and_a_stream() {
        let tree = parse(&Gzip, &sample());
        assert_eq!(
            leaves(&tree),
            [
                ("gzip-header", "header".into(), 0, 13),
                ("gzip-stream", "stream".into(), 13, 40),
                ("unknown-content", "0".into(), 0, 27)
            ]
        );
        let header = region(&tree, "gzip:header");
        assert_eq!(header.attribute("name").map(Value::display), Some("fw".into()));
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn a_second_member_and_bytes_behind_are_leaves_of_their_own() {
        for (behind, kind) in [(sample(), "gzip-member"), (b"behind".to_vec(), "gzip-trailing")] {
            let tree = parse(&Gzip, &[sample(), behind].concat());
            let last = region(&tree, "gzip:behind");
            assert_eq!((last.kind, last.span.offset), (kind, 53));
            assert_eq!(defects(&tree), ["gzip/trailing-bytes"]);
        }
    }

    #[test]
    fn a_wrong_checksum_leaves_the_stream_closed() {
        let mut bytes = sample();
        bytes[45] ^= 1;
        assert_eq!(defects(&parse(&Gzip, &bytes)), ["gzip/decode"]);
    }

    #[test]
    fn what_linux_takes_for_the_stream_or_nobody_reads_is_ambiguous() {
        let with = |edit: fn(&mut Vec<u8>)| {
            let mut bytes = sample();
            edit(&mut bytes);
            let tree = parse(&Gzip, &bytes);
            assert!(tree.defects().iter().all(|defect| defect.kind.ambiguous));
            defects(&tree).join(" ")
        };
        assert_eq!(with(|bytes| bytes[3] |= 1), "", "text");
        assert_eq!(with(|bytes| bytes[8] = 7), "gzip/loader", "XFL");
        assert_eq!(with(|bytes| bytes[9] = 77), "gzip/loader", "OS");
        assert_eq!(with(|bytes| bytes[13] |= 0x10), "gzip/loader", "bits before a stored block");
        let comment = |bytes: &mut Vec<u8>| {
            bytes[3] |= 16;
            bytes.splice(13..13, *b"hidden\0");
        };
        assert_eq!(with(comment), "gzip/loader");
    }

    #[test]
    fn what_a_policy_accepts_is_on_the_list() {
        crate::testing::every_byte_is_compared(&Gzip, &sample(), 8..10);
    }

    #[test]
    fn any_bytes() {
        torture(&Gzip, &sample());
    }
}
