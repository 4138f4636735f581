//! What encapsulation sections hold: streams of sections, or sections behind a checksum.
//!
//! UEFI Platform Initialization Specification 1.8, volume 3, section 3.2.5 (`EFI_COMPRESSION_SECTION`,
//! `EFI_GUID_DEFINED_SECTION`). Loader modelled: the extraction libraries of EDK II, one for each GUID. EDK II refuses
//! compression sections of customised types; of vendors' loaders it is known what they hold (UEFITool takes them alike).
//!
//! A stream's leaf ends where its decoder says that the stream does. What lies behind it is a leaf of its own
//! and a defect. A stream that cannot be opened stays a stream, so that a limit is told from a difference.
//! Ambiguities: a stream that does not decode, that is followed by bytes, that another algorithm accepts than the one
//! that EDK II has there, or that two accept; LZMA of unknown size, or with properties that need more than the 64 KiB
//! that EDK II has for them; a size of the content that the section has otherwise; Brotli with metadata, or with a scratch size that does not fit; bits within a stream that
//! nobody reads and that are not zero; a wrong CRC-32 or length. Limitations: none known.
//!
//! # Normal form
//!
//! | bytes | are |
//! |---|---|
//! | headers of sections, what the GUID has of its own | leaves, compared byte by byte, save the section's size, which agrees with what was read |
//! | content of a stream | a space of its own |
//! | EFI 1.1 and Tiano: sizes | agree with the stream and its content, or it does not decode |
//! | EFI 1.1 and Tiano: blocks, codes, matches | an encoder's choice: EDK II decodes into memory for the whole content and with tables of fixed size |
//! | EFI 1.1 and Tiano: a zero byte behind the last code | EDK II reads zeros there whether it is there or not |
//! | EFI 1.1 and Tiano: which of the two | in the form `efi-compression/1` |
//! | LZMA: properties, dictionary, size, end marker | in the form `lzma/1` |
//! | LZMA: literals and matches | an encoder's choice: the content is the dictionary |
//! | zlib and gzip of vendors: bytes of the zlib header | in the form `zlib/1`; that of gzip is a leaf; checksums and sizes are right |
//! | Brotli | no form: what the library skips is noticed, and not listed |
//! | bytes behind a stream | a leaf |

use kiwame_decode::tiano::Reading;
use kiwame_decode::{DecodeError, Decoded};
use kiwame_image::{Builder, Defect, DefectKind, Guid, Input, Node, Normal, RegionId, Trouble, fact, len64};

use crate::stream::packed::Packed;
use crate::uefi::guid;
use crate::uefi::section::{self, TRUNCATED, UEFI_SECTIONS};

/// One kind of encapsulation, by its GUID.
pub(crate) struct Encapsulation {
    guid: [u8; 16],
    name: &'static str,
    holds: Holds,
}

/// The encapsulation of that GUID, if it is one that can be opened.
pub(crate) fn find(guid: Guid) -> Option<&'static Encapsulation> {
    ENCAPSULATIONS.iter().find(|entry| entry.guid == guid.0)
}

impl Encapsulation {
    /// Opens the section: `own` is what the GUID has between the section's header and its data, `body` the data.
    pub(crate) fn open<'a>(
        &self,
        own: &Input<'a>,
        body: &Input<'a>,
        out: &mut Builder<'_, 'a>,
    ) -> Result<(), Trouble> {
        out.fact(&fact::ENCAPSULATION, self.name);
        match &self.holds {
            Holds::Stream(codec) => stream(codec, codec.decode, None, body, out).map(|_| ()),
            Holds::Checked => {
                check_crc32(own, body, out)?;
                section::walk(body, out);
                Ok(())
            }
        }
    }
}

/// Opens the stream of a compression section of the standard type. Vendors pack with either of two algorithms
/// there, though the specification has one; where both could be meant, that is noted.
pub(crate) fn open_standard<'a>(
    size: u32,
    body: &Input<'a>,
    out: &mut Builder<'_, 'a>,
) -> Result<(), Trouble> {
    let mut reading = Reading::Efi11;
    let either = |input: &[u8], expected, room| {
        let (decoded, found) = kiwame_decode::tiano::either(input, expected, room)?;
        reading = found;
        Ok(decoded)
    };
    let id = stream(&STANDARD, either, Some(size.into()), body, out)?;
    let (offset, name) = (body.offset(), STANDARD.name);
    match reading {
        Reading::Efi11 => {}
        Reading::Both => {
            out.defect(Defect::new(&TWO_READINGS, name, offset, "two", "one"));
        }
        Reading::Tiano => {
            out.defect(Defect::new(&ALGORITHM, name, offset, "Tiano", "EFI 1.1"));
        }
    }
    if let (Some(id), true) = (id, out.wants_normal()) {
        let algorithm = if reading == Reading::Tiano { "Tiano" } else { "EFI 1.1" };
        out.normal(id, &efi_compression(algorithm));
    }
    Ok(())
}

/// Opens the stream of a compression section of a customised type, of which no specification says what it holds: LZMA
/// (Apple, Intel, AMI), with four bytes before it (Intel), with the filter for x86 code, or Tiano (EDK). False, with
/// nothing added, when it is none of these.
pub(crate) fn open_customized<'a>(
    kind: u8,
    size: u32,
    body: &Input<'a>,
    out: &mut Builder<'_, 'a>,
) -> Result<bool, Trouble> {
    let head = body.head(LZMA_LOOK)?;
    let Some((name, codec)) = customized(kind, &head, body.length(), size.into()) else { return Ok(false) };
    out.fact(&fact::ENCAPSULATION, name);
    let mut length = None;
    let decode = |input: &[u8], _: Option<u64>, room| {
        let decoded = (codec.decode)(input, None, room)?;
        length = Some(len64(&decoded.bytes));
        Ok(decoded)
    };
    stream(codec, decode, None, body, out)?;
    if let Some(length) = length.filter(|&length| length != u64::from(size)) {
        let place = body.offset().saturating_sub(5);
        out.defect(Defect::new(&UNCOMPRESSED_LENGTH, "UncompressedLength", place, size, length));
    }
    Ok(true)
}

/// What a stream that begins so is packed with. Whatever states the section's own size is meant before what states
/// another.
fn customized(kind: u8, head: &[u8], length: u64, size: u64) -> Option<(&'static str, &'static Codec)> {
    let lzma = |from: usize| {
        let stream = head.get(from..)?;
        let whole = stream.get(13) == Some(&0) && kiwame_decode::lzma::probabilities(stream).is_some();
        // One that leaves its size open is taken by the section's.
        let declared = kiwame_decode::lzma::declared(stream).unwrap_or(size);
        (whole && declared <= u32::MAX.into()).then_some(declared)
    };
    let tiano = kiwame_decode::tiano::sizes(head).is_some_and(|(packed, content)| {
        content == size && packed.checked_add(kiwame_decode::tiano::HEADER) == Some(length)
    });
    match kind {
        CUSTOMIZED if lzma(0) == Some(size) => Some(("LZMA", &LZMA)),
        CUSTOMIZED if lzma(4) == Some(size) => Some(("LZMA (Intel)", &LZMA_INTEL)),
        CUSTOMIZED if tiano => Some(("Tiano", &TIANO)),
        CUSTOMIZED if lzma(0).is_some() => Some(("LZMA", &LZMA)),
        CUSTOMIZED_X86 if lzma(0).is_some() => Some(("LZMA with x86 filter", &LZMA_X86)),
        _ => None,
    }
}

fn efi_compression(algorithm: &str) -> Normal {
    let mut form = Normal::new("efi-compression/1");
    form.record("stream");
    form.field("algorithm", algorithm.as_bytes());
    form
}

/// Compares LZMA with what EDK II's `LzmaDecompress` can do.
fn check_lzma(stream: &[u8], decoded: &Decoded, place: u64, out: &mut Builder<'_, '_>) {
    check_slack(stream, decoded, place, out);
    if kiwame_decode::lzma::declared(stream).is_none() {
        let place = place.saturating_add(5);
        out.defect(Defect::new(&LZMA_HEADER, "UncompressedSize", place, u64::MAX, "a size"));
    }
    let needed = kiwame_decode::lzma::probabilities(stream).unwrap_or(u64::MAX);
    if needed > LZMA_PROBABILITIES {
        out.defect(Defect::new(&LZMA_HEADER, "Properties", place, needed, LZMA_PROBABILITIES));
    }
}

/// Compares Brotli with what EDK II's `BrotliDecompress` can do.
fn check_brotli(stream: &[u8], decoded: &Decoded, place: u64, out: &mut Builder<'_, '_>) {
    check_slack(stream, decoded, place, out);
    let Some((stated, least, most)) = kiwame_decode::brotli::scratch(stream, decoded.memory) else { return };
    if !(least..=most).contains(&stated) {
        let expected = format!("{least:#x} to {most:#x}");
        let place = place.saturating_add(8);
        out.defect(Defect::new(&SCRATCH, "ScratchSize", place, stated, expected));
    }
}

/// What decoders skip is noticed.
fn check_slack(_: &[u8], decoded: &Decoded, place: u64, out: &mut Builder<'_, '_>) {
    if decoded.slack {
        let found = "bits or blocks that no decoder reads";
        out.defect(Defect::new(&SLACK, "stream", place, found, "none"));
    }
}

/// Decodes a stream and queues what it holds. The stream's leaf ends where the stream does. `expected` is the
/// size of the content as the section states it.
fn stream<'a>(
    codec: &Codec,
    decode: impl FnOnce(&[u8], Option<u64>, u64) -> Result<Decoded, DecodeError>,
    expected: Option<u64>,
    body: &Input<'a>,
    out: &mut Builder<'_, 'a>,
) -> Result<Option<RegionId>, Trouble> {
    let packed = Packed { name: codec.name, kind: codec.kind, undecodable: &DECODE };
    let window = packed.window(body, out)?;
    let header = body.slice(0, (codec.header)(&window));
    let stated = (codec.stated)(&window);
    let body = body.from(header.length());
    let stream = window.get(kiwame_image::to_usize(header.length())..).unwrap_or_default();
    out.add(Node::new(codec.name, "header", "stream-header", header));
    let declared = (codec.declared)(stream).or(expected);
    let decode = |room| decode(stream, expected, room);
    let Some(decoded) = packed.decode(&body, &body, declared, decode, out) else { return Ok(None) };
    let consumed = decoded.consumed;
    (codec.check)(stream, &decoded, body.offset(), out);
    if let Some(stated) = stated.filter(|&stated| stated != consumed) {
        out.defect(Defect::new(&DECODE, "CompressedSize", body.offset(), consumed, stated));
    }
    let leaf = packed.add(body.slice(0, consumed), &decoded, out);
    trailing(&body.from(consumed), out);
    if let Some(leaf) = leaf {
        let form = |decoded: &Decoded| (codec.form)(stream, decoded);
        Packed::hand_on(leaf, decoded, form, ("uefi-sections", &UEFI_SECTIONS), out);
    }
    Ok(leaf)
}

/// What lies behind a stream is never skipped silently.
fn trailing<'a>(input: &Input<'a>, out: &mut Builder<'_, 'a>) {
    if input.is_empty() {
        return;
    }
    let (offset, length) = (input.offset(), input.length());
    out.defect(Defect::new(&TRAILING_BYTES, "Size", offset, length, 0u8));
    out.add(Node::new("uefi-section", "trailing", "trailing", input.clone()).unknown());
}

fn check_crc32(own: &Input<'_>, body: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
    let window = own.head(4)?;
    let stated = window.reader(&TRUNCATED).u32_le("CRC32Checksum")?;
    let mut crc = kiwame_decode::Crc32::default();
    for window in body.windows() {
        crc.update(&window?);
    }
    if crc.value() != stated {
        out.defect(Defect::new(&CRC32, "CRC32Checksum", own.offset(), stated, crc.value()));
    }
    Ok(())
}

enum Holds {
    /// A compressed stream of sections.
    Stream(Codec),
    /// Sections as they are, behind a CRC-32 over them.
    Checked,
}

/// A kind of stream, and how it is decoded.
struct Codec {
    /// What the path's segment says.
    name: &'static str,
    kind: &'static str,
    /// Length of what comes before the stream and is no part of it: a leaf of its own.
    header: fn(&[u8]) -> u64,
    /// Length of the stream as that header states it.
    stated: fn(&[u8]) -> Option<u64>,
    /// Size of the content, from the first bytes of the stream.
    declared: fn(&[u8]) -> Option<u64>,
    decode: Decode,
    /// Compares what was decoded, which lies at that place, with what the loader can do.
    check: fn(&[u8], &Decoded, u64, &mut Builder<'_, '_>),
    /// The normal form of a stream and what it decoded to.
    form: fn(&[u8], &Decoded) -> Option<Normal>,
}

type Decode = fn(&[u8], Option<u64>, u64) -> Result<Decoded, DecodeError>;

/// The GUIDed encapsulations that are understood: those of EDK II, and what vendors are known to use.
static ENCAPSULATIONS: &[Encapsulation] = &[
    packed("EE4E5898-3914-4259-9D6E-DC7BD79403CF", "LZMA", LZMA),
    packed("0ED85E23-F253-413F-A03C-901987B04397", "LZMA (HP)", LZMA),
    packed("BD9921EA-ED91-404A-8B2F-B4D724747C8C", "LZMA (Microsoft)", LZMA),
    packed("D42AE6BD-1352-4BFB-909A-CA72A6EAE889", "LZMA with x86 filter", LZMA_X86),
    packed("A31280AD-481E-41B6-95E8-127F4C984779", "Tiano", TIANO),
    packed("3D532050-5CDA-4FD0-879E-0F7F630D5AFB", "Brotli", BROTLI),
    packed("CE3233F5-2CD6-4D87-9152-4A238BB6D1C4", "zlib (AMD)", ZLIB_AMD),
    packed("1D301FE9-BE79-4353-91C2-D23BC959AE0C", "gzip", GZIP),
    Encapsulation {
        guid: guid::raw("FC1BCDB0-7D31-49AA-936A-A4600D9DD083"),
        name: "CRC-32",
        holds: Holds::Checked,
    },
];

const fn packed(guid: &str, name: &'static str, codec: Codec) -> Encapsulation {
    Encapsulation { guid: guid::raw(guid), name, holds: Holds::Stream(codec) }
}

const LZMA: Codec = Codec {
    name: "lzma",
    kind: "lzma-stream",
    header: |_| 0,
    stated: |_| None,
    declared: kiwame_decode::lzma::declared,
    decode: kiwame_decode::lzma::decode,
    check: check_lzma,
    form: kiwame_decode::lzma::form,
};

const LZMA_X86: Codec = Codec {
    kind: "lzma-x86-stream",
    decode: |input, expected, room| {
        let mut decoded = kiwame_decode::lzma::decode(input, expected, room)?;
        kiwame_decode::x86::restore(&mut decoded.bytes);
        Ok(decoded)
    },
    ..LZMA
};

/// Behind four bytes that the loader leaves out.
const LZMA_INTEL: Codec = Codec { header: |_| 4, ..LZMA };

const TIANO: Codec = Codec {
    name: "tiano",
    kind: "tiano-stream",
    header: |_| 0,
    stated: |_| None,
    declared: |stream| stream.get(4..)?.first_chunk().map(|size| u64::from(u32::from_le_bytes(*size))),
    decode: kiwame_decode::tiano::decode,
    check: check_slack,
    form: |_, _| Some(efi_compression("Tiano")),
};

/// What a compression section holds.
const STANDARD: Codec = Codec { name: "compression", kind: "compressed-stream", form: |_, _| None, ..TIANO };

const BROTLI: Codec = Codec {
    name: "brotli",
    kind: "brotli-stream",
    header: |_| 0,
    stated: |_| None,
    declared: kiwame_decode::brotli::declared,
    decode: kiwame_decode::brotli::decode,
    check: check_brotli,
    form: |_, _| None,
};

/// Behind 256 bytes, of which only the length of the stream is used.
const ZLIB_AMD: Codec = Codec {
    name: "zlib",
    kind: "zlib-stream",
    header: |_| 0x100,
    stated: |body| body.get(0x14..)?.first_chunk().map(|size| u64::from(u32::from_le_bytes(*size))),
    declared: |_| None,
    decode: kiwame_decode::zlib::decode,
    check: check_slack,
    form: |stream, _| {
        let mut form = Normal::new("zlib/1");
        form.record("stream");
        form.field("header", stream.get(..2)?);
        Some(form)
    },
};

const GZIP: Codec = Codec {
    name: "gzip",
    kind: "gzip-stream",
    header: kiwame_decode::zlib::gzip_header,
    stated: |_| None,
    declared: |_| None,
    decode: kiwame_decode::zlib::gzip_body,
    check: check_slack,
    form: |_, _| Some(Normal::new("gzip/1")),
};

/// `EFI_CUSTOMIZED_COMPRESSION` of the EFI Framework, and the type that some vendors have beside it.
const CUSTOMIZED: u8 = 2;
const CUSTOMIZED_X86: u8 = 0x86;
/// Bytes that tell LZMA: its header and the first byte of its range coder, behind four bytes.
const LZMA_LOOK: u64 = 18;
/// 64 KiB of `UInt16`, which is what `LzmaUefiDecompressGetInfo` asks for.
const LZMA_PROBABILITIES: u64 = 32 << 10;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &ALGORITHM,
    &CRC32,
    &DECODE,
    &LZMA_HEADER,
    &SCRATCH,
    &SLACK,
    &TRAILING_BYTES,
    &TWO_READINGS,
    &UNCOMPRESSED_LENGTH,
];

/// A compressed section decodes by another algorithm than its type says.
static ALGORITHM: DefectKind = DefectKind::ambiguous("uefi-section/algorithm");
/// The CRC-32 over the sections inside is wrong.
static CRC32: DefectKind = DefectKind::ambiguous("uefi-section/crc32");
/// The stream of a section does not decode, or ends elsewhere than it says.
static DECODE: DefectKind = DefectKind::ambiguous("uefi-section/decode");
/// The properties or the size of an LZMA stream are none that EDK II takes.
static LZMA_HEADER: DefectKind = DefectKind::ambiguous("uefi-section/lzma");
/// The memory that decoding needs is said to be less than it is.
static SCRATCH: DefectKind = DefectKind::ambiguous("uefi-section/scratch");
/// A stream has bits that its decoder does not read.
static SLACK: DefectKind = DefectKind::ambiguous("uefi-section/slack");
/// Bytes lie behind the stream of a section.
static TRAILING_BYTES: DefectKind = DefectKind::ambiguous("uefi-section/trailing-bytes");
/// A compressed section decodes by both algorithms, to different content.
static TWO_READINGS: DefectKind = DefectKind::ambiguous("uefi-section/two-readings");
/// A section decodes to another size than it says.
pub(crate) static UNCOMPRESSED_LENGTH: DefectKind = DefectKind::ambiguous("uefi-section/uncompressed-length");
