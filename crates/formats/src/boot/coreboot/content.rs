//! What files hold, by their type, and what lies behind all files: the bootblock and the master header of old images.
//!
//! ```text
//! 0x00 magic "ORBC"  4    0x0c bootblocksize 4    0x18 architecture 4
//! 0x04 version       4    0x10 align         4    0x1c pad          4
//! 0x08 romsize       4    0x14 offset        4
//! ```
//!
//! The last four bytes of such an image, or of its file `header pointer`, say how far before the end the header lies,
//! little-endian on machines that map the flash, and negative.

use kiwame_image::{Builder, Defect, DefectKind, Fact, Input, Node, Place, Reader, Recognised, Span, fact};

use super::Read;
use super::attribute::Attributes;
use super::cbfs::{ALIGNMENT, NAME};
use super::packing::Packing;
use super::{payload, stage};

/// Opens the data of a file.
pub(super) fn open<'a>(
    data: &Input<'a>,
    kind: u32,
    attributes: &Attributes,
    out: &mut Builder<'_, 'a>,
) -> Read<()> {
    match kind {
        _ if data.is_empty() => Ok(()),
        DELETED | NULL => {
            out.add_behind(Node::new(NAME, "free", "cbfs-free-space", data.clone()));
            Ok(())
        }
        MASTER => master(data, out),
        LEGACY_STAGE => stage::open_legacy(data, out),
        STAGE => stage::open(data, attributes, out),
        SELF => payload::split(data, out),
        BOOTBLOCK | INTEL_FIT => {
            let name = type_name(kind).unwrap_or_default();
            out.add(bootblock(Node::new(NAME, name, "bootblock", data.clone())));
            Ok(())
        }
        _ => packed(data, attributes.packing, None, out),
    }
}

/// Data that may be packed, of which the loader takes `most` bytes.
pub(super) fn packed<'a>(
    data: &Input<'a>,
    packing: Option<Packing>,
    most: Option<u64>,
    out: &mut Builder<'_, 'a>,
) -> Read<()> {
    let content = &Recognised(Place::Stream);
    match packing.filter(|packing| !packing.is_none()) {
        Some(packing) => packing.open(data, most, content, out),
        None => {
            packing.into_iter().for_each(|packing| packing.check_stored(data, out));
            out.add(Node::new(NAME, "data", "cbfs-data", data.clone()).then(content));
            Ok(())
        }
    }
}

/// First instructions: no format of a program. Microcode and the table of the processor's firmware are looked for in them.
pub(super) fn bootblock(node: Node<'_>) -> Node<'_> {
    node.unknown().with(&fact::EXECUTABLE, true).then(&Recognised(Place::Padding))
}

/// A file with the master header, or with the pointer to it.
fn master<'a>(data: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<()> {
    if data.length() == POINTER {
        out.add(Node::new(NAME, "pointer", "cbfs-header-pointer", data.clone()));
        return Ok(());
    }
    match Master::read(&data.head(HEADER)?) {
        Some(header) => _ = out.add(header.node(data.slice(0, HEADER))),
        None => _ = out.add(Node::new(NAME, "master", "cbfs-master-header", data.slice(0, HEADER)).unknown()),
    }
    super::packing::behind(&data.from(HEADER), out);
    Ok(())
}

/// The header of all files of an image.
#[derive(Debug)]
pub(super) struct Master {
    /// From the start of the image.
    place: u64,
    version: u32,
    size: u64,
    bootblock: u64,
    align: u64,
    offset: u64,
    architecture: u32,
}

impl Master {
    /// `None` when it is none.
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::fields(bytes).ok().flatten()
    }

    fn fields(bytes: &[u8]) -> Result<Option<Self>, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let magic = reader.bytes(4, "magic")?;
        let version = reader.u32_be("version")?;
        let (size, bootblock) = (reader.u32_be("romsize")?.into(), reader.u32_be("bootblocksize")?.into());
        let (align, offset) = (reader.u32_be("align")?.into(), reader.u32_be("offset")?.into());
        let architecture = reader.u32_be("architecture")?;
        reader.u32_be("pad")?;
        let known = magic == MAGIC && VERSIONS.contains(&version);
        Ok(known.then_some(Self { place: 0, version, size, bootblock, align, offset, architecture }))
    }

    /// The one that the last bytes lead to.
    pub(super) fn of_end(at: &Input<'_>) -> Read<Option<Self>> {
        let Some(last) = at.length().checked_sub(POINTER) else { return Ok(None) };
        let window = at.from(last).window()?;
        let Ok(pointer) = window.reader(&TRUNCATED).u32_le("pointer") else { return Ok(None) };
        // A negative number: so far before the end.
        let before = u64::from(pointer.wrapping_neg());
        let Some(place) = at.length().checked_sub(before) else { return Ok(None) };
        let header = Self::read(&at.slice(place, HEADER).window()?);
        Ok(header.filter(|_| before >= HEADER).map(|header| Self { place, ..header }))
    }

    /// Where the files begin, in an image of that size. The header may speak of a flash of which this is the end.
    pub(super) fn files(&self, length: u64) -> Option<u64> {
        length.saturating_add(self.offset).checked_sub(self.size).filter(|&start| start < length)
    }

    fn node<'a>(&self, input: Input<'a>) -> Node<'a> {
        Node::new(NAME, "master", "cbfs-master-header", input)
            .with(&fact::VERSION, self.version)
            .with(&fact::SIZE, self.size)
            .with(&BOOTBLOCK_SIZE, self.bootblock)
            .with(&ALIGN, self.align)
            .with(&OFFSET, self.offset)
            .with(&ARCHITECTURE, self.architecture)
    }
}

/// What lies behind the last file: in old images the bootblock, with the master header in or before it.
pub(super) fn behind_files<'a>(at: &Input<'a>, done: u64, out: &mut Builder<'_, 'a>) -> Read<()> {
    let header = Master::of_end(at)?.filter(|header| header.place >= done);
    let Some(header) = header else {
        rest(at, Span::between(done, at.length()), out);
        return Ok(());
    };
    if header.align != ALIGNMENT {
        let place = at.offset().saturating_add(header.place).saturating_add(ALIGN_FIELD);
        out.defect(Defect::new(&ALIGN_DEFECT, "align", place, header.align, ALIGNMENT));
    }
    let first = at.length().saturating_sub(header.bootblock).max(done);
    let last = at.length().saturating_sub(POINTER);
    let (place, end) = (header.place, header.place.saturating_add(HEADER));
    rest(at, Span::between(done, first.min(place)), out);
    let mut number = 0_u32;
    let mut code = |from: u64, to: u64, out: &mut Builder<'_, 'a>| {
        let span = Span::between(from, to);
        let input = at.slice(span.offset, span.length);
        out.add(bootblock(Node::new("bootblock", number.to_string(), "bootblock", input).component()));
        number = number.saturating_add(1);
    };
    code(first.min(place), place, out);
    out.add(header.node(at.slice(place, HEADER)).component());
    if end <= last {
        rest(at, Span::between(end, first.min(last)), out);
        code(first.max(end), last, out);
        out.add(Node::new(NAME, "pointer", "cbfs-header-pointer", at.from(last)).component());
    }
    Ok(())
}

fn rest<'a>(at: &Input<'a>, span: Span, out: &mut Builder<'_, 'a>) {
    if !span.is_empty() {
        let input = at.slice(span.offset, span.length);
        let key = format!("behind-{:#x}", input.offset().saturating_sub(at.offset()));
        out.add_behind(Node::new(NAME, key, "cbfs-behind", input));
    }
}

/// What `cbfstool` calls a type; `None` for one that it does not know.
pub(super) fn type_name(kind: u32) -> Option<&'static str> {
    TYPES.iter().find(|(other, _)| *other == kind).map(|(_, name)| *name)
}

/// True for a type that a loader or processor runs.
pub(super) fn runs(kind: u32) -> bool {
    RUN.contains(&kind)
}

const DELETED: u32 = 0;
const NULL: u32 = u32::MAX;
const BOOTBLOCK: u32 = 1;
const MASTER: u32 = 2;
const LEGACY_STAGE: u32 = 0x10;
const STAGE: u32 = 0x11;
const SELF: u32 = 0x20;
const FIT_PAYLOAD: u32 = 0x21;
const OPTION_ROM: u32 = 0x30;
const VSA: u32 = 0x51;
const MICROCODE: u32 = 0x53;
const INTEL_FIT: u32 = 0x54;
const FSP: u32 = 0x60;
const EFI: u32 = 0x63;
const AMD_FIRMWARE: u32 = 0x80;
const RUN: [u32; 11] =
    [BOOTBLOCK, LEGACY_STAGE, STAGE, SELF, FIT_PAYLOAD, OPTION_ROM, VSA, FSP, EFI, AMD_FIRMWARE, MICROCODE];
const TYPES: [(u32, &str); 25] = [
    (DELETED, "deleted"),
    (NULL, "null"),
    (BOOTBLOCK, "bootblock"),
    (MASTER, "cbfs header"),
    (LEGACY_STAGE, "legacy stage"),
    (STAGE, "stage"),
    (SELF, "simple elf"),
    (FIT_PAYLOAD, "fit_payload"),
    (OPTION_ROM, "optionrom"),
    (0x40, "bootsplash"),
    (0x50, "raw"),
    (VSA, "vsa"),
    (0x52, "mbi"),
    (MICROCODE, "microcode"),
    (INTEL_FIT, "intel_fit"),
    (FSP, "fsp"),
    (0x61, "mrc"),
    (0x62, "mma"),
    (EFI, "efi"),
    (0x70, "struct"),
    (AMD_FIRMWARE, "amdfw"),
    (0xaa, "cmos_default"),
    (0xab, "spd"),
    (0xac, "mrc_cache"),
    (0x01aa, "cmos_layout"),
];
const MAGIC: &[u8] = b"ORBC";
const VERSIONS: [u32; 2] = [0x3131_3131, 0x3131_3132];
const HEADER: u64 = 32;
const ALIGN_FIELD: u64 = 0x10;
const POINTER: u64 = 4;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&ALIGN_DEFECT, &TRUNCATED];

/// The master header has files begin elsewhere than every 64 bytes.
static ALIGN_DEFECT: DefectKind = DefectKind::ambiguous("cbfs/align");
/// The master header is not all there.
static TRUNCATED: DefectKind = DefectKind::odd("cbfs/master-truncated").cut_short();

// Facts, in the words of the specification.
static ALIGN: Fact = Fact::new("align");
static ARCHITECTURE: Fact = Fact::new("architecture");
static BOOTBLOCK_SIZE: Fact = Fact::new("bootblock-size");
static OFFSET: Fact = Fact::new("offset");
