//! Files of a UEFI PI firmware file system.
//!
//! UEFI Platform Initialization Specification 1.8, volume 3, section 3.2.3 (`EFI_FFS_FILE_HEADER`,
//! `EFI_FFS_FILE_HEADER2`) and section 2.1.4 (file types). Loader modelled: the EDK II PEI and DXE cores.
//!
//! Ambiguities, each a defect: a wrong header or file checksum (the DXE core refuses such a file, the PEI core
//! looks at the header's only), a state other than live or deleted, a large file where the file system has none.
//! Limitations: types that a vendor defines are one leaf.
//!
//! ```text
//! 0x00 Name           16     0x13 Attributes 1
//! 0x10 IntegrityCheck  2     0x14 Size       3
//! 0x12 Type            1     0x17 State      1     0x18 ExtendedSize 8, in a large file
//! ```
//!
//! ## Normal form
//!
//! None is needed: a file has its header, and what its type holds.
//!
//! | masked in the header | because |
//! |---|---|
//! | `IntegrityCheck` | a checksum that is right, else the file is ambiguous |
//! | `Size`, or `ExtendedSize` in a large file | agrees with what was read |
//!
//! A masked header that differs only there makes a file that was packed anew, which is a warning. The cores use `State`
//! and `Attributes` as they stand: both are compared, bits that the specification does not have among them.

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Guid, Input, Node, Place, Reader, Reading, Recognised,
    Trouble, fact, to_usize,
};

use crate::uefi::image;
use crate::uefi::section;

/// Files of one version of the file system. The first field is that version.
#[derive(Debug)]
pub(crate) struct UefiFile {
    version: u8,
    erase: u8,
}

/// The format of files in a volume of that version and erase value.
pub(crate) fn format(version: u8, erase: u8) -> &'static UefiFile {
    static FORMATS: [UefiFile; 6] = [
        UefiFile { version: 1, erase: 0xff },
        UefiFile { version: 1, erase: 0 },
        UefiFile { version: 2, erase: 0xff },
        UefiFile { version: 2, erase: 0 },
        UefiFile { version: 3, erase: 0xff },
        UefiFile { version: 3, erase: 0 },
    ];
    let [.., fallback] = &FORMATS;
    FORMATS.iter().find(|file| file.version == version && file.erase == erase).unwrap_or(fallback)
}

impl UefiFile {
    /// True when the file system has files beyond 16 MiB.
    pub(crate) fn large(&self) -> bool {
        self.version >= 3
    }
}

impl Format for UefiFile {
    fn name(&self) -> &'static str {
        "uefi-file"
    }

    fn about(&self) -> &'static str {
        "file of a UEFI firmware volume, of every type of the PI specification"
    }

    /// Files are found by their volume only.
    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.file(&at, out) {
            out.trouble(trouble);
        }
    }
}

impl UefiFile {
    fn file<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let header = FileHeader::read(&at.head(FileHeader::LARGE)?, at.offset(), self.large())?;
        self.check(at, &header, out)?;
        let length = header.header_length();
        let leaf = Node::new("uefi-file", "header", "uefi-file-header", at.slice(0, length))
            .mask([(0x10, 2), if header.large { (0x18, 8) } else { (0x14, 3) }]);
        out.add(leaf);
        let tail = if self.version == 1 && header.attributes & TAIL_PRESENT != 0 { 2 } else { 0 };
        let body = at.slice(length, at.length().saturating_sub(length).saturating_sub(tail));
        out.add(Node::new("uefi-file", "tail", "uefi-file-tail", at.from(at.length().saturating_sub(tail))));
        match header.kind {
            PAD => {
                let node = Node::new("uefi-file", "body", "pad-content", body);
                out.add_fill(node.then(&Recognised(Place::BesideVolumes)), self.erase);
            }
            FREEFORM..=LAST_WITH_SECTIONS => section::walk(&body, out),
            RAW => {
                let next = image::raw(&body)?;
                out.add(Node::new("uefi-file", "body", "raw-content", body).unknown().then(next));
            }
            _ => {
                out.add(Node::new("uefi-file", "body", "file-content", body).unknown());
            }
        }
        Ok(())
    }

    /// Compares checksums and state with the bytes.
    fn check(&self, at: &Input<'_>, header: &FileHeader, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
        let offset = |field: u64| at.offset().saturating_add(field);
        if header.header_sum != 0 {
            let right = header.header_checksum.wrapping_sub(header.header_sum);
            let field = "IntegrityCheck.Checksum.Header";
            let found = header.header_checksum;
            out.defect(Defect::new(&HEADER_CHECKSUM, field, offset(0x10), found, right));
        }
        let right = if header.attributes & CHECKSUM != 0 {
            0u8.wrapping_sub(sum8(&at.from(header.header_length()))?)
        } else if self.version == 1 {
            0x5a
        } else {
            0xaa
        };
        if header.file_checksum != right {
            let field = "IntegrityCheck.Checksum.File";
            let found = header.file_checksum;
            out.defect(Defect::new(&DATA_CHECKSUM, field, offset(0x11), found, right));
        }
        let state = header.state(self.erase);
        if !matches!(state, "data-valid" | "marked-for-update" | "deleted") {
            out.defect(Defect::new(&STATE, "State", offset(0x17), state, "data-valid"));
        }
        if header.type_name() == "unknown" {
            out.defect(Defect::new(&TYPE, "Type", offset(0x12), header.kind, "a type of the specification"));
        }
        if header.attributes & LARGE_FILE != 0 && self.version == 2 {
            let field = "Attributes";
            out.defect(Defect::new(&NO_LARGE_FILE, field, offset(0x13), header.attributes, "no large file"));
        }
        Ok(())
    }
}

/// What the header of a file says.
#[derive(Clone, Debug)]
pub(crate) struct FileHeader {
    pub(crate) name: Guid,
    header_checksum: u8,
    file_checksum: u8,
    kind: u8,
    attributes: u8,
    state: u8,
    /// True when the size is in `ExtendedSize`.
    large: bool,
    /// Size of the file, header included.
    pub(crate) length: u64,
    /// Sum of the header's bytes as the specification takes it; zero when the checksum is right.
    header_sum: u8,
}

impl FileHeader {
    /// Length of `EFI_FFS_FILE_HEADER`.
    pub(crate) const SMALL: usize = 24;
    /// Length of `EFI_FFS_FILE_HEADER2`.
    pub(crate) const LARGE: u64 = 32;

    /// Reads a header. `large_files` says whether the file system has the second form.
    pub(crate) fn read(bytes: &[u8], base: u64, large_files: bool) -> Result<Self, Defect> {
        let mut input = Reader::new(bytes, base, &TRUNCATED);
        let name = input.guid("Name")?;
        let header_checksum = input.u8("IntegrityCheck.Checksum.Header")?;
        let file_checksum = input.u8("IntegrityCheck.Checksum.File")?;
        let kind = input.u8("Type")?;
        let attributes = input.u8("Attributes")?;
        let size = input.u24_le("Size")?;
        let state = input.u8("State")?;
        let large = large_files && attributes & LARGE_FILE != 0;
        let length = if large { input.u64_le("ExtendedSize")? } else { size.into() };
        let header = bytes.get(..to_usize(input.position())).unwrap_or(bytes);
        let sum = header.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
        let header_sum = sum.wrapping_sub(state).wrapping_sub(file_checksum);
        Ok(Self { name, header_checksum, file_checksum, kind, attributes, state, large, length, header_sum })
    }

    /// 24, or 32 in a large file.
    pub(crate) fn header_length(&self) -> u64 {
        if self.large { 32 } else { 24 }
    }

    /// True for files that only fill space.
    pub(crate) fn is_pad(&self) -> bool {
        self.kind == PAD
    }

    /// True when loaders see the file.
    pub(crate) fn is_live(&self, erase: u8) -> bool {
        matches!(self.state(erase), "data-valid" | "marked-for-update")
    }

    /// Alignment of the data that the file asks for, relative to its volume.
    pub(crate) fn alignment(&self) -> u64 {
        let exponents: [u32; 8] = if self.attributes & DATA_ALIGNMENT_2 == 0 {
            [0, 4, 7, 9, 10, 12, 15, 16]
        } else {
            [17, 18, 19, 20, 21, 22, 23, 24]
        };
        let number = usize::from(self.attributes >> 3 & 7);
        exponents.get(number).and_then(|&exponent| 1u64.checked_shl(exponent)).unwrap_or(1)
    }

    /// The state by its highest bit that is set, as the specification has it.
    pub(crate) fn state(&self, erase: u8) -> &'static str {
        let set = if erase == 0 { self.state } else { !self.state };
        const STATES: [(u8, &str); 6] = [
            (0x20, "header-invalid"),
            (0x10, "deleted"),
            (0x08, "marked-for-update"),
            (0x04, "data-valid"),
            (0x02, "header-valid"),
            (0x01, "header-construction"),
        ];
        if set & 0xc0 != 0 {
            return "reserved";
        }
        STATES.iter().find(|(bit, _)| set & bit != 0).map_or("none", |(_, name)| name)
    }

    /// The region of the file, which takes up all of `input`.
    pub(crate) fn node<'a>(&self, input: Input<'a>, erase: u8) -> Node<'a> {
        let kind = if self.is_pad() { "uefi-pad-file" } else { "uefi-file" };
        let state = self.state(erase);
        Node::new("uefi-file", self.name.to_string(), kind, input)
            .guid(self.name)
            .with(&fact::TYPE, self.kind)
            .with(&fact::TYPE_NAME, self.type_name())
            .with(&fact::ATTRIBUTES, self.attributes)
            .with(&fact::STATE, state)
            .with(&ALIGNMENT, self.alignment())
            .with(&ENCODED_SIZE, self.length)
            .with(&HEADER_CHECKSUM_FACT, self.header_checksum)
            .with(&DATA_CHECKSUM_FACT, self.file_checksum)
            .component()
            .listed()
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            0x01 => "raw",
            0x02 => "freeform",
            0x03 => "security-core",
            0x04 => "pei-core",
            0x05 => "dxe-core",
            0x06 => "peim",
            0x07 => "driver",
            0x08 => "combined-peim-driver",
            0x09 => "application",
            0x0a => "mm",
            0x0b => "volume-image",
            0x0c => "combined-mm-dxe",
            0x0d => "mm-core",
            0x0e => "mm-standalone",
            0x0f => "mm-core-standalone",
            0xc0..=0xdf => "oem",
            0xe0..=0xef => "debug",
            PAD => "pad",
            0xf1..=0xff => "ffs",
            _ => "unknown",
        }
    }
}

/// The file around the current region, over the bounds of spaces: its number and its name.
pub(crate) fn enclosing(out: &Builder<'_, '_>) -> Option<(kiwame_image::RegionId, Guid)> {
    let mut id = out.region();
    loop {
        let region = out.look(id)?;
        if region.kind == "uefi-file" {
            return Some((id, **region.guid.as_ref()?));
        }
        id = region.parent?;
    }
}

fn sum8(at: &Input<'_>) -> Result<u8, Trouble> {
    let mut sum = 0u8;
    for window in at.windows() {
        sum = window?.iter().fold(sum, |sum, &byte| sum.wrapping_add(byte));
    }
    Ok(sum)
}

const RAW: u8 = 0x01;
const FREEFORM: u8 = 0x02;
const LAST_WITH_SECTIONS: u8 = 0x0f;
const PAD: u8 = 0xf0;

/// In FFS3.
const LARGE_FILE: u8 = 0x01;
/// The same bit in FFS1.
const TAIL_PRESENT: u8 = 0x01;
const DATA_ALIGNMENT_2: u8 = 0x02;
const CHECKSUM: u8 = 0x40;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&DATA_CHECKSUM, &HEADER_CHECKSUM, &NO_LARGE_FILE, &STATE, &TRUNCATED, &TYPE];

/// The checksum of a file's content is wrong.
static DATA_CHECKSUM: DefectKind = DefectKind::ambiguous("uefi-file/data-checksum");
/// The checksum of a file's header is wrong.
static HEADER_CHECKSUM: DefectKind = DefectKind::ambiguous("uefi-file/header-checksum");
/// A file has the size of a large one in a file system that has none.
static NO_LARGE_FILE: DefectKind = DefectKind::ambiguous("uefi-file/large-file");
/// A file is in no state in which all loaders read it alike.
static STATE: DefectKind = DefectKind::ambiguous("uefi-file/state");
/// A file ends before a field of its header does.
static TRUNCATED: DefectKind = DefectKind::odd("uefi-file/truncated").cut_short();
/// A file is of a type that no specification has.
static TYPE: DefectKind = DefectKind::odd("uefi-file/type");

// Facts, in the words of the specification.
static ALIGNMENT: Fact = Fact::new("alignment");
static DATA_CHECKSUM_FACT: Fact = Fact::encoding("data-checksum");
static ENCODED_SIZE: Fact = Fact::encoding("size");
static HEADER_CHECKSUM_FACT: Fact = Fact::encoding("header-checksum");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use kiwame_image::{Content, Span};

    use super::*;
    use crate::testing::{defects, leaves, parse, region};
    use crate::uefi::fixtures::{A, FFS2, PAD, file, seal, section, user_interface, volume};

    fn ffs2() -> &'static UefiFile {
        format(2, 0xff)
    }

    #[test]
    fn a_file_is_its_header_and_its_sections() {
        let tree = parse(ffs2(), &file(A, 0x07, &section(0x19, b"raw!")));
        assert_eq!(defects(&tree), [""; 0]);
        let kinds: Vec<_> =
            leaves(&tree).into_iter().map(|(kind, _, at, length)| (kind, at, length)).collect();
        let expected = [("uefi-file-header", 0, 24), ("uefi-section-header", 24, 4), ("raw-content", 28, 4)];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn checksums_and_size_are_masked_and_nothing_else() {
        let masked = |spoil: fn(&mut [u8])| {
            let mut bytes = file(A, 0x07, &user_interface("One"));
            spoil(&mut bytes);
            region(&parse(ffs2(), &bytes), "uefi-file:header").masked.clone()
        };
        let plain = masked(|_| {});
        assert!(plain.is_some());
        assert_eq!(masked(|bytes| bytes[16] ^= 1), plain, "header checksum");
        assert_eq!(masked(|bytes| bytes[17] ^= 1), plain, "file checksum");
        assert_eq!(masked(|bytes| bytes[20] ^= 1), plain, "size");
        assert_ne!(masked(|bytes| bytes[0] ^= 1), plain, "name");
        assert_ne!(masked(|bytes| bytes[18] ^= 1), plain, "type");
        assert_ne!(masked(|bytes| bytes[19] ^= 0x08), plain, "attributes");
        assert_ne!(masked(|bytes| bytes[23] ^= 0x08), plain, "state");
    }

    #[test]
    fn both_checksums_are_compared() {
        let mut bytes = file(A, 0x07, &section(0x19, b"raw!"));
        bytes[16] ^= 1;
        assert_eq!(defects(&parse(ffs2(), &bytes)), ["uefi-file/header-checksum"]);
        let mut bytes = file(A, 0x07, &section(0x19, b"raw!"));
        bytes[17] = 0x55;
        assert_eq!(defects(&parse(ffs2(), &bytes)), ["uefi-file/data-checksum"]);
        bytes[19] |= 0x40;
        seal(&mut bytes, 24);
        assert_eq!(defects(&parse(ffs2(), &bytes)), [""; 0]);
        bytes[30] ^= 1;
        assert_eq!(defects(&parse(ffs2(), &bytes)), ["uefi-file/data-checksum"]);
    }

    #[test]
    fn the_highest_state_bit_counts_in_either_polarity() {
        let header = |state: u8| {
            let mut bytes = file(A, 0x07, b"");
            bytes[23] = state;
            FileHeader::read(&bytes, 0, false).unwrap()
        };
        assert_eq!(header(0xf8).state(0xff), "data-valid");
        assert_eq!(header(0x07).state(0), "data-valid");
        assert_eq!(header(0xf0).state(0xff), "marked-for-update");
        assert_eq!(header(0xe8).state(0xff), "deleted");
        assert_eq!(header(0xfe).state(0xff), "header-construction");
        assert_eq!(header(0xdf).state(0xff), "header-invalid");
        assert_eq!(header(0x7f).state(0xff), "reserved");
        assert_eq!(header(0xff).state(0xff), "none");
        assert!(header(0xf0).is_live(0xff) && !header(0xe8).is_live(0xff));
    }

    #[test]
    fn a_state_that_loaders_read_differently_is_ambiguous() {
        let mut bytes = file(A, 0x07, b"");
        bytes[23] = 0xfe;
        let tree = parse(ffs2(), &bytes);
        assert_eq!(defects(&tree), ["uefi-file/state"]);
        assert!(tree.defects()[0].kind.ambiguous);
    }

    #[test]
    fn pad_content_is_fill_only_when_erased() {
        let leaf = |content: &[u8]| {
            let tree = parse(ffs2(), &file(PAD, 0xf0, content));
            region(&tree, "uefi-file:body").content
        };
        assert_eq!(leaf(&[0xff; 8]), Content::Fill);
        assert_eq!(leaf(&[0; 8]), Content::Unknown);
        assert_eq!(leaf(&[0xff, 0xff, 0x90]), Content::Unknown);
    }

    #[test]
    fn every_alignment_of_the_specification() {
        let alignment = |attributes: u8| {
            let mut bytes = file(A, 0x07, b"");
            bytes[19] = attributes;
            FileHeader::read(&bytes, 0, false).unwrap().alignment()
        };
        let small = (0..8).map(|number| alignment(number << 3)).collect::<Vec<_>>();
        assert_eq!(small, [1, 16, 128, 512, 1 << 10, 4 << 10, 32 << 10, 64 << 10]);
        let large = (0..8).map(|number| alignment(number << 3 | 2)).collect::<Vec<_>>();
        assert_eq!(large, (17..25).map(|exponent| 1 << exponent).collect::<Vec<u64>>());
    }

    #[test]
    fn a_raw_file_or_section_that_is_an_option_rom_is_taken_apart() {
        let rom = crate::program::option_rom::tests::x86(true);
        let tree = parse(ffs2(), &file(A, 0x01, &rom));
        assert_eq!(region(&tree, "uefi-file:body/option-rom:x86").span, Span::new(24, 0x200));
        let tree = parse(ffs2(), &file(A, 0x02, &section(0x19, &rom)));
        let path = "uefi-section:raw/uefi-section:body/option-rom:x86";
        assert_eq!(region(&tree, path).span, Span::new(28, 0x200));
    }

    #[test]
    fn a_raw_file_that_holds_a_volume_is_taken_apart() {
        let inner = volume(FFS2, &[file(A, 0x07, &user_interface("Inner"))], 0x100);
        let tree = parse(ffs2(), &file(A, 0x01, &[&[0; 16], inner.as_slice()].concat()));
        let path = format!("uefi-file:body/uefi-volume:0/uefi-file:{A}");
        assert_eq!(region(&tree, &path).name.as_deref(), Some("Inner"));
    }

    #[test]
    fn a_tail_exists_in_ffs1_only() {
        let mut bytes = file(A, 0xc0, b"content");
        bytes[19] = 1;
        seal(&mut bytes, 24);
        bytes[17] = 0x5a;
        let tree = parse(format(1, 0xff), &bytes);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "uefi-file:tail").span.length, 2);
        bytes[17] = 0xaa;
        assert_eq!(defects(&parse(ffs2(), &bytes)), ["uefi-file/large-file"]);
    }

    #[test]
    fn microcode_in_a_pad_file_is_found() {
        let update = crate::x86::microcode::tests::sample();
        let body = [&[0xff; 8], &update[..], &[0xff; 8]].concat();
        let tree =
            parse(crate::named("uefi-volume").unwrap(), &volume(FFS2, &[file(PAD, 0xf0, &body)], 0x600));
        assert_eq!(defects(&tree), [""; 0]);
        assert!(tree.regions().any(|region| region.kind == "microcode" && region.span.length == 1024));
    }

    #[test]
    fn a_type_of_nobody() {
        assert_eq!(defects(&parse(ffs2(), &file(A, 0x42, b"content"))), ["uefi-file/type"]);
        assert_eq!(defects(&parse(ffs2(), &file(A, 0xc1, b"content"))), [""; 0]);
    }
}
