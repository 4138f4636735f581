//! How the data of files, stages and segments are packed, and what they are then.

use kiwame_decode::block::{self, Codec};
use kiwame_decode::{DecodeError, Decoded, lzma};
use kiwame_image::{Builder, Defect, DefectKind, Fact, Format, Input, Node, len64};

use super::Read;
use super::cbfs::NAME;
use crate::stream::lz4;
use crate::stream::packed::Packed;

/// An algorithm, and what is said of the size of what was packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub(super) algorithm: u32,
    /// Exactly so many bytes, where that is said.
    pub(super) size: Option<u64>,
}

impl Packing {
    pub(super) fn is_none(self) -> bool {
        self.algorithm == 0
    }

    pub(super) fn describe(self, node: Node<'_>) -> Node<'_> {
        match ALGORITHMS.iter().find(|(number, _)| *number == self.algorithm) {
            Some((_, name)) => node.with(&COMPRESSION, *name),
            None => node.with(&COMPRESSION, self.algorithm),
        }
    }

    /// Holds the size against data that are stored as they are: coreboot makes room for it.
    pub(super) fn check_stored(self, data: &Input<'_>, out: &mut Builder<'_, '_>) {
        if let Some(size) = self.size.filter(|&size| size != data.length()) {
            out.defect(Defect::new(&SIZE, "decompressed_size", data.offset(), size, data.length()));
        }
    }

    /// Adds packed data, of which the loader takes `most` bytes when they are unpacked, and hands on what they hold.
    pub(super) fn open<'a>(
        self,
        data: &Input<'a>,
        most: Option<u64>,
        next: &'static dyn Format,
        out: &mut Builder<'_, 'a>,
    ) -> Read<()> {
        if data.is_empty() {
            return Ok(());
        }
        let window = PACKED.window(data, out)?;
        let decode = |room| self.decode(&window, room);
        // Room is asked for what is said, so that nothing above the limit is decoded.
        let Some(decoded) = PACKED.decode(data, data, self.size, decode, out) else { return Ok(()) };
        if let Some(what) = self.refused(&window) {
            out.defect(Defect::new(&LOADER, "compression", data.offset(), what, "what coreboot unpacks"));
        }
        let length = len64(&decoded.bytes);
        if let Some(size) = self.size.filter(|&size| size != length) {
            out.defect(Defect::new(&SIZE, "decompressed_size", data.offset(), size, length));
        }
        if let Some(most) = most.filter(|&most| length > most) {
            out.defect(Defect::new(&LOADER, "memlen", data.offset(), length, most));
        }
        let consumed = decoded.consumed;
        if let Some(leaf) = PACKED.add(data.slice(0, consumed), &decoded, out) {
            Packed::hand_on(leaf, decoded, |_| None, ("cbfs-content", next), out);
        }
        behind(&data.from(consumed), out);
        Ok(())
    }

    fn decode(self, input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
        match self.algorithm {
            LZMA => lzma::decode(input, None, room),
            LZ4 => lz4::decode(input, room),
            ZSTD => block::decode(Codec::Zstd, input, None, room),
            _ => Err(DecodeError::Malformed { offset: 0 }),
        }
    }

    /// What a decoder takes and coreboot's does not.
    fn refused(self, input: &[u8]) -> Option<&'static str> {
        let byte = |at: usize| input.get(at).copied().unwrap_or(0);
        match self.algorithm {
            LZMA if lzma::declared(input).is_none() => Some("LZMA without its size"),
            LZMA if !few_probabilities(byte(0)) => Some("LZMA with lc and lp above 3"),
            LZ4 if !input.starts_with(&LZ4_MAGIC) => Some("an LZ4 frame of another kind"),
            LZ4 if byte(4) & INDEPENDENT == 0 => Some("LZ4 blocks that depend on others"),
            _ => None,
        }
    }
}

/// The memory that coreboot sets aside is enough for lc and lp of 3 together.
fn few_probabilities(properties: u8) -> bool {
    let (lc, lp) = (properties % 9, properties / 9 % 5);
    lc.saturating_add(lp) <= 3
}

/// What lies behind a stream, which nobody reads.
pub(super) fn behind<'a>(rest: &Input<'a>, out: &mut Builder<'_, 'a>) {
    if !rest.is_empty() {
        out.defect(Defect::new(&TRAILING, "len", rest.offset(), rest.length(), 0u8));
        out.add_behind(Node::new(NAME, "behind", "cbfs-trailing", rest.clone()));
    }
}

static PACKED: Packed = Packed { name: NAME, kind: "cbfs-stream", undecodable: &DECODE };

const LZMA: u32 = 1;
const LZ4: u32 = 2;
const ZSTD: u32 = 3;
const ALGORITHMS: [(u32, &str); 4] = [(0, "none"), (LZMA, "lzma"), (LZ4, "lz4"), (ZSTD, "zstd")];
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const INDEPENDENT: u8 = 0x20;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DECODE, &LOADER, &SIZE, &TRAILING];

/// Packed data do not unpack, or are packed in a way that coreboot does not know.
static DECODE: DefectKind = DefectKind::ambiguous("cbfs/decode");
/// Coreboot does not take a stream, or not all of it.
static LOADER: DefectKind = DefectKind::ambiguous("cbfs/loader");
/// Data unpack to another size than is said.
static SIZE: DefectKind = DefectKind::ambiguous("cbfs/decompressed-size");
/// Bytes lie behind what is read of a file.
static TRAILING: DefectKind = DefectKind::odd("cbfs/trailing-bytes");

// Facts, in the words of the specification.
pub(super) static COMPRESSION: Fact = Fact::new("compression");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::super::cbfs::Cbfs;
    use super::super::fixtures::{RAW, attribute, file, files, lzma, words};
    use crate::testing::{defects, leaves, parse};

    fn packed(algorithm: u32, size: u32, data: &[u8]) -> Vec<u8> {
        let compression = attribute(0x4243_5a4c, &words(&[algorithm, size]));
        files(&[file("one", RAW, &[compression], data)], 0x200)
    }

    #[test]
    fn what_is_packed_is_opened() {
        let tree = parse(&Cbfs, &packed(1, 7, &lzma(b"content")));
        assert_eq!(defects(&tree), [""; 0]);
        let leaf = leaves(&tree).into_iter().find(|leaf| leaf.0 == "unknown-content").expect("content");
        assert_eq!((leaf.2, leaf.3), (0, 7));
        assert_eq!(defects(&parse(&Cbfs, &packed(0, 7, b"content"))), [""; 0]);
    }

    #[test]
    fn what_the_loader_would_read_otherwise_is_ambiguous() {
        let stream = lzma(b"content");
        let found = |algorithm: u32, size: u32, data: &[u8]| {
            defects(&parse(&Cbfs, &packed(algorithm, size, data))).join(" ")
        };
        assert_eq!(found(1, 8, &stream), "cbfs/decompressed-size");
        assert_eq!(found(0, 8, b"content"), "cbfs/decompressed-size");
        assert_eq!(found(1, 7, &[&stream[..], b"more"].concat()), "cbfs/trailing-bytes");
        assert_eq!(found(1, 7, &stream[..stream.len() - 3]), "cbfs/decode");
        assert_eq!(found(7, 7, &stream), "cbfs/decode");
        // lc 4, lp 0, pb 0.
        let options =
            lzma_rust2::LzmaOptions { lc: 4, lp: 0, pb: 0, ..lzma_rust2::LzmaOptions::with_preset(6) };
        let mut writer =
            lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, Some(7)).expect("options");
        std::io::Write::write_all(&mut writer, b"content").expect("memory");
        assert_eq!(found(1, 7, &writer.finish().expect("memory")), "cbfs/loader");
    }
}
