//! Sections of files in a UEFI PI firmware file system.
//!
//! UEFI Platform Initialization Specification 1.8, volume 3, sections 3.2.4 and 3.2.5
//! (`EFI_COMMON_SECTION_HEADER` and the section types). Loader modelled: the EDK II section extraction of the
//! PEI and DXE cores.
//!
//! Ambiguities, each a defect: a size that leaves the file, bytes behind a stream, a stream that cannot be
//! decoded, a wrong CRC-32, a length of what is not compressed that is not its own. Section headers are compared byte by
//! byte, save the size, which agrees with what was read.
//! Limitations: what a vendor's own GUIDed encapsulation holds is opaque when it says that it needs processing;
//! the signature of a signed section is not checked.
//!
//! ```text
//! 0x00 Size 3     0x03 Type 1     0x04 ExtendedSize 4, when Size is FFFFFF
//!
//! then, in a compression section:        in a GUID-defined section:
//! 0x00 UncompressedLength 4              0x00 SectionDefinitionGuid 16
//! 0x04 CompressionType    1              0x10 DataOffset             2, from the start of the section
//!                                        0x12 Attributes             2, then data of the GUID's own
//! ```
//!
//! ## Normal form
//!
//! None is needed but for the streams, which have those of `uefi/encapsulation.rs`.
//!
//! | masked in the header | because |
//! |---|---|
//! | `Size`, `ExtendedSize` | agrees with what was read; what follows is found by it |
//!
//! Padding between sections is a leaf. EDK II skips sections of types that it does not know; here they are leaves.

use std::collections::BTreeMap;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Guid, Input, Node, Reader, Reading, Trouble, Window,
    fact,
};

use crate::uefi::depex;
use crate::uefi::encapsulation::{self, UNCOMPRESSED_LENGTH};
use crate::uefi::file;
use crate::uefi::guid;
use crate::uefi::image;

/// Sections one behind the other: what an encapsulation section holds.
pub(crate) static UEFI_SECTIONS: UefiSections = UefiSections;

/// Sections without a file around them.
#[derive(Debug)]
pub(crate) struct UefiSections;

impl Format for UefiSections {
    fn name(&self) -> &'static str {
        "uefi-sections"
    }

    fn about(&self) -> &'static str {
        "sections of a UEFI firmware file: encapsulations decoded, leaves told apart"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    /// Sections have no magic; the structure around them says what they are.
    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        walk(&at, out);
    }
}

/// One section.
#[derive(Debug)]
struct UefiSection;

impl Format for UefiSection {
    fn name(&self) -> &'static str {
        "uefi-section"
    }

    fn about(&self) -> &'static str {
        "section of a UEFI firmware file"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = section(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// Adds the sections that `at` consists of to the current region.
pub(crate) fn walk<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) {
    if let Err(trouble) = sections(at, out) {
        out.trouble(trouble);
    }
}

fn sections<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let mut keys = BTreeMap::new();
    let mut offset = 0;
    while offset < at.length() {
        let rest = at.from(offset);
        let header = SectionHeader::read(&rest.head(SectionHeader::LARGE)?, rest.offset());
        let header = match header.and_then(|header| header.fits(&rest)) {
            Ok(header) => header,
            Err(defect) => {
                out.defect(defect);
                out.add(Node::new("uefi-section", "rest", "not-a-section", rest).unknown());
                return Ok(());
            }
        };
        let input = rest.slice(0, header.length);
        let (key, guid) = key(&input, &header, &mut keys)?;
        let node = Node::new("uefi-section", &key, "uefi-section", input)
            .with(&fact::TYPE, header.kind)
            .with(&ENCODED_SIZE, header.length)
            .then(&UefiSection);
        out.add(match guid {
            Some(guid) => node.guid(guid),
            None => node,
        });
        let end = offset.saturating_add(header.length);
        offset = end.next_multiple_of(4).min(at.length());
        add_padding(&key, at.slice(end, offset.saturating_sub(end)), out)?;
    }
    Ok(())
}

/// Sections begin at multiples of 4. What lies between them is zero, or erased; anything else is not understood.
fn add_padding<'a>(key: &str, input: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let plain = matches!(input.uniform()?, Some(0 | 0xff));
    let node = Node::new("padding", key, "padding", input);
    out.add(if plain { node } else { node.unknown() });
    Ok(())
}

/// The key of a section: its GUID, or else its type, with a number from the second of a kind on.
fn key(
    input: &Input<'_>,
    header: &SectionHeader,
    keys: &mut BTreeMap<String, u32>,
) -> Result<(String, Option<Guid>), Trouble> {
    let guid = match header.kind {
        GUID_DEFINED | FREEFORM_SUBTYPE_GUID => {
            let window = input.slice(header.header_length, 16).window()?;
            Reader::new(&window, window.offset(), &TRUNCATED).guid("Guid").ok()
        }
        _ => None,
    };
    let base = match (guid, header.type_name()) {
        (Some(guid), _) => guid.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => format!("{:#04x}", header.kind),
    };
    let count = keys.entry(base.clone()).or_insert(0);
    let number = *count;
    *count = number.saturating_add(1);
    Ok((if number == 0 { base } else { format!("{base}.{number}") }, guid))
}

/// `EFI_COMMON_SECTION_HEADER`, or `EFI_COMMON_SECTION_HEADER2`.
struct SectionHeader {
    /// Size of the section, header included.
    length: u64,
    kind: u8,
    /// 4 or 8.
    header_length: u64,
}

impl SectionHeader {
    const LARGE: u64 = 8;

    fn read(bytes: &[u8], base: u64) -> Result<Self, Defect> {
        let mut input = Reader::new(bytes, base, &TRUNCATED);
        let size = input.u24_le("Size")?;
        let kind = input.u8("Type")?;
        let length = if size == 0xff_ffff { input.u32_le("ExtendedSize")? } else { size };
        Ok(Self { length: length.into(), kind, header_length: input.position() })
    }

    /// The same header, unless its size cannot be.
    fn fits(self, rest: &Input<'_>) -> Result<Self, Defect> {
        if self.length < self.header_length || self.length > rest.length() {
            let (found, room) = (self.length, rest.length());
            return Err(Defect::new(&SIZE, "Size", rest.offset(), found, room));
        }
        Ok(self)
    }

    fn type_name(&self) -> Option<&'static str> {
        Some(match self.kind {
            COMPRESSION => "compression",
            GUID_DEFINED => "guid-defined",
            0x03 => "disposable",
            PE32 => "pe32",
            PIC => "pic",
            TE => "te",
            DXE_DEPEX => "dxe-depex",
            VERSION => "version",
            USER_INTERFACE => "ui",
            COMPATIBILITY16 => "compatibility16",
            VOLUME_IMAGE => "volume-image",
            FREEFORM_SUBTYPE_GUID => "freeform-subtype-guid",
            RAW => "raw",
            PEI_DEPEX => "pei-depex",
            MM_DEPEX => "mm-depex",
            _ => return None,
        })
    }
}

fn section<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let header = SectionHeader::read(&at.head(SectionHeader::LARGE)?, at.offset())?;
    if let Some(name) = header.type_name() {
        out.fact(&fact::TYPE_NAME, name);
    }
    let part = Section { at, length: header.header_length };
    match header.kind {
        COMPRESSION => part.compression(out),
        GUID_DEFINED => part.guid_defined(out),
        DISPOSABLE => {
            walk(&part.header(0, out), out);
            Ok(())
        }
        PE32 => part.program("pe", "pe32-image", Some(crate::program::pe::PE), out),
        TE => part.program("te", "te-image", Some(crate::program::te::TE), out),
        PIC => part.program("pic", "pic-image", None, out),
        COMPATIBILITY16 => part.program("compatibility16", "compatibility16-image", None, out),
        DXE_DEPEX | PEI_DEPEX | MM_DEPEX => part.depex(out),
        VERSION => part.version(out),
        USER_INTERFACE => part.user_interface(out),
        VOLUME_IMAGE => part.volume_image(out),
        FREEFORM_SUBTYPE_GUID => {
            let body = part.header(16, out);
            out.add(Node::new("uefi-section", "body", "freeform-content", body).unknown());
            Ok(())
        }
        RAW => part.raw(out),
        _ => {
            let body = part.header(0, out);
            out.add(Node::new("uefi-section", "body", "section-content", body).unknown());
            Ok(())
        }
    }
}

/// A section whose common header has been read.
struct Section<'s, 'a> {
    at: &'s Input<'a>,
    /// Length of the common header.
    length: u64,
}

impl<'a> Section<'_, 'a> {
    /// Adds the header as a leaf, with `more` bytes that belong to the type, and returns what lies behind it.
    /// The size in it only encodes.
    fn header(&self, more: u64, out: &mut Builder<'_, 'a>) -> Input<'a> {
        let length = self.length.saturating_add(more);
        let size = if self.length == SectionHeader::LARGE { (4, 4) } else { (0, 3) };
        let leaf = Node::new("uefi-section", "header", "uefi-section-header", self.at.slice(0, length));
        out.add(leaf.mask([size]));
        self.at.from(length)
    }

    fn program(
        &self,
        format: &'static str,
        kind: &'static str,
        next: Option<&'static dyn Format>,
        out: &mut Builder<'_, 'a>,
    ) -> Result<(), Trouble> {
        let body = self.header(0, out);
        let node = Node::new(format, "image", kind, body).with(&fact::EXECUTABLE, true).listed();
        out.add(match next {
            Some(next) => node.then(next),
            None => node.unknown(),
        });
        Ok(())
    }

    fn depex(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let body = self.header(0, out);
        let node = Node::new("uefi-section", "body", "uefi-depex", body.clone());
        if body.length() > LONGEST_TEXT {
            out.defect(Defect::new(
                &DEPEX,
                "DependencyExpression",
                body.offset(),
                body.length(),
                LONGEST_TEXT,
            ));
            out.add(node.unknown());
            return Ok(());
        }
        let (text, malformed) = depex::read(&body.window()?);
        if let Some(malformed) = malformed {
            let offset = body.offset().saturating_add(malformed.offset);
            out.defect(Defect::new(
                &DEPEX,
                "DependencyExpression",
                offset,
                malformed.found,
                malformed.expected,
            ));
        }
        out.fact(&fact::EXPRESSION, text.clone());
        out.add(node.with(&fact::EXPRESSION, text));
        Ok(())
    }

    fn version(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let body = self.header(0, out);
        let window = body.head(LONGEST_TEXT)?;
        let mut input = window.reader(&TRUNCATED);
        let build = input.u16_le("BuildNumber")?;
        let text = ucs2(&window, input.position(), "VersionString", out);
        out.fact(&BUILD, build);
        out.fact(&fact::VERSION, text.clone());
        out.add(Node::new("uefi-section", "body", "uefi-version", body));
        if let Some((file, _)) = file::enclosing(out) {
            out.fact_of(file, &fact::VERSION, text);
        }
        Ok(())
    }

    fn user_interface(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let body = self.header(0, out);
        let text = ucs2(&body.head(LONGEST_TEXT)?, 0, "FileNameString", out);
        out.fact(&TEXT, text.clone());
        out.add(Node::new("uefi-section", "body", "uefi-user-interface", body));
        if let Some((file, _)) = file::enclosing(out) {
            out.call_region(file, text);
        }
        Ok(())
    }

    fn volume_image(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let body = self.header(0, out);
        if !image::lay_out(&body, out) {
            let offset = body.offset();
            out.defect(Defect::new(&NO_VOLUME, "Signature", offset, "no volume", "_FVH"));
            out.add(Node::new("uefi-section", "body", "section-content", body).unknown());
        }
        Ok(())
    }

    fn raw(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let body = self.header(0, out);
        let file = file::enclosing(out);
        if !file.is_some_and(|(_, name)| APRIORI.contains(&name.0)) || body.length() > LONGEST_TEXT {
            let next = image::raw(&body)?;
            out.add(Node::new("uefi-section", "body", "raw-content", body).unknown().then(next));
            return Ok(());
        }
        let window = body.window()?;
        let (names, rest) = window.as_chunks::<16>();
        let names: Vec<_> = names.iter().map(|name| Guid(*name).to_string()).collect();
        if !rest.is_empty() {
            let offset = body.offset();
            out.defect(Defect::new(&CUT_APRIORI, "FileNames", offset, body.length(), 16u8));
        }
        out.add(
            Node::new("uefi-section", "body", "uefi-apriori", body.clone()).with(&FILES, names.join(" ")),
        );
        Ok(())
    }

    fn compression(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let window = self.at.slice(self.length, 5).window()?;
        let mut input = window.reader(&TRUNCATED);
        let size = input.u32_le("UncompressedLength")?;
        let kind = input.u8("CompressionType")?;
        out.fact(&COMPRESSION_TYPE, kind);
        let body = self.header(5, out);
        match kind {
            NOT_COMPRESSED => {
                // EDK II copies so many bytes, be they more or fewer than there are.
                if u64::from(size) != body.length() {
                    let kind = &UNCOMPRESSED_LENGTH;
                    let place = window.offset();
                    out.defect(Defect::new(kind, "UncompressedLength", place, size, body.length()));
                }
                walk(&body.slice(0, size.into()), out);
                let rest = body.from(size.into());
                out.add(Node::new("uefi-section", "trailing", "trailing", rest).unknown());
            }
            STANDARD_COMPRESSION => {
                encapsulation::open_standard(size, &body, out)?;
            }
            _ if encapsulation::open_customized(kind, size, &body, out)? => {}
            _ => {
                let field = window.offset().saturating_add(4);
                out.defect(Defect::new(&UNKNOWN_COMPRESSION, "CompressionType", field, kind, "0 or 1"));
                let node = Node::new("uefi-section", "body", "section-content", body);
                out.add(node.with(&DECLARED_SIZE, size).unknown());
            }
        }
        Ok(())
    }

    fn guid_defined(&self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let window = self.at.slice(self.length, 20).window()?;
        let mut input = window.reader(&TRUNCATED);
        let guid = input.guid("SectionDefinitionGuid")?;
        let data_offset = u64::from(input.u16_le("DataOffset")?);
        let attributes = input.u16_le("Attributes")?;
        out.fact(&fact::ATTRIBUTES, attributes);
        out.fact(&PROCESSING_REQUIRED_FACT, attributes & PROCESSING_REQUIRED != 0);
        let least = self.length.saturating_add(20);
        if data_offset < least || data_offset > self.at.length() {
            let field = window.offset().saturating_add(16);
            out.defect(Defect::new(&DATA_OFFSET, "DataOffset", field, data_offset, least));
            let body = self.header(20, out);
            out.add(Node::new("uefi-section", "body", "section-content", body).unknown());
            return Ok(());
        }
        let own = self.at.slice(least, data_offset.saturating_sub(least));
        let body = self.header(data_offset.saturating_sub(self.length), out);
        if let Some(encapsulation) = encapsulation::find(guid) {
            return encapsulation.open(&own, &body, out);
        }
        if attributes & PROCESSING_REQUIRED == 0 {
            walk(&body, out);
        } else {
            out.add(Node::new("uefi-section", "body", "opaque", body).unknown());
        }
        Ok(())
    }
}

/// UCS-2 text from `from` up to its NUL, which must be there and be the last.
fn ucs2(window: &Window, from: u64, field: &'static str, out: &mut Builder<'_, '_>) -> String {
    let bytes = window.get(kiwame_image::to_usize(from)..).unwrap_or_default();
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    let end = units.iter().position(|&unit| unit == 0);
    if end.and_then(|end| end.checked_add(1)) != Some(units.len()) || !rest.is_empty() {
        let offset = window.offset().saturating_add(from);
        out.defect(Defect::new(&STRING, field, offset, "no NUL at its end", "one NUL at its end"));
    }
    String::from_utf16_lossy(units.get(..end.unwrap_or(units.len())).unwrap_or_default())
}

/// Text and lists beyond this are not read: no loader has any use for them.
const LONGEST_TEXT: u64 = 64 << 10;

/// Names of the files that list what is dispatched first: PEI, DXE.
static APRIORI: [[u8; 16]; 2] =
    [guid::raw("1B45CC0A-156A-428A-AF62-49864DA0E6E6"), guid::raw("FC510EE7-FFDC-11D4-BD41-0080C73C8881")];

const PROCESSING_REQUIRED: u16 = 1;
const NOT_COMPRESSED: u8 = 0;
const STANDARD_COMPRESSION: u8 = 1;

const COMPRESSION: u8 = 0x01;
const GUID_DEFINED: u8 = 0x02;
const DISPOSABLE: u8 = 0x03;
const PE32: u8 = 0x10;
const PIC: u8 = 0x11;
const TE: u8 = 0x12;
const DXE_DEPEX: u8 = 0x13;
const VERSION: u8 = 0x14;
const USER_INTERFACE: u8 = 0x15;
const COMPATIBILITY16: u8 = 0x16;
const VOLUME_IMAGE: u8 = 0x17;
const FREEFORM_SUBTYPE_GUID: u8 = 0x18;
const RAW: u8 = 0x19;
const PEI_DEPEX: u8 = 0x1b;
const MM_DEPEX: u8 = 0x1c;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&CUT_APRIORI, &UNKNOWN_COMPRESSION, &DATA_OFFSET, &DEPEX, &NO_VOLUME, &SIZE, &STRING, &TRUNCATED];

/// A list of files to be started first ends within a name.
static CUT_APRIORI: DefectKind = DefectKind::ambiguous("uefi-section/apriori");
/// A section is compressed in a manner that is not known.
static UNKNOWN_COMPRESSION: DefectKind = DefectKind::odd("uefi-section/compression");
/// The content of a section begins within its own header.
static DATA_OFFSET: DefectKind = DefectKind::ambiguous("uefi-section/data-offset");
/// A dependency expression is none that can be evaluated: a dispatcher may start the driver or not.
static DEPEX: DefectKind = DefectKind::ambiguous("uefi-section/depex");
/// A section that holds a volume holds none.
static NO_VOLUME: DefectKind = DefectKind::ambiguous("uefi-section/no-volume");
/// A section is longer than what is left, or shorter than its header.
static SIZE: DefectKind = DefectKind::ambiguous("uefi-section/size");
/// A text does not end with one NUL.
static STRING: DefectKind = DefectKind::odd("uefi-section/string");
/// A section ends before a field of its header does.
pub(crate) static TRUNCATED: DefectKind = DefectKind::odd("uefi-section/truncated").cut_short();

// Facts, in the words of the specification.
static BUILD: Fact = Fact::new("build");
static COMPRESSION_TYPE: Fact = Fact::new("compression-type");
static DECLARED_SIZE: Fact = Fact::new("declared-size");
static ENCODED_SIZE: Fact = Fact::encoding("size");
static FILES: Fact = Fact::new("files");
static PROCESSING_REQUIRED_FACT: Fact = Fact::new("processing-required");
static TEXT: Fact = Fact::new("text");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use kiwame_image::{Content, Limits, Memory, Tree};
    use lzma_rust2::{LzmaOptions, LzmaWriter};

    use super::*;
    use crate::testing::{check_tiling, defects, leaves, parse, region, torture};
    use crate::uefi::fixtures::{
        A, B, FFS2, file, guided, large_section, put, section, sections, user_interface, volume,
    };

    const GUID_LZMA: &str = "EE4E5898-3914-4259-9D6E-DC7BD79403CF";
    const GUID_LZMA_X86: &str = "D42AE6BD-1352-4BFB-909A-CA72A6EAE889";
    const GUID_CRC32: &str = "FC1BCDB0-7D31-49AA-936A-A4600D9DD083";
    const GUID_GZIP: &str = "1D301FE9-BE79-4353-91C2-D23BC959AE0C";
    const GUID_ZLIB: &str = "CE3233F5-2CD6-4D87-9152-4A238BB6D1C4";
    const GUID_BROTLI: &str = "3D532050-5CDA-4FD0-879E-0F7F630D5AFB";

    fn lzma(content: &[u8], marker: bool) -> Vec<u8> {
        let options = LzmaOptions { dict_size: 1 << 16, ..LzmaOptions::with_preset(6) };
        let size = Some(content.len() as u64);
        let mut writer = LzmaWriter::new(Vec::new(), &options, true, marker, size).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn of(all: &[Vec<u8>]) -> Tree {
        parse(&UEFI_SECTIONS, &sections(all))
    }

    #[test]
    fn sections_have_their_type_as_key_and_the_second_of_a_kind_a_number() {
        let all =
            [section(0x19, b"one"), section(0x19, b"two"), section(0x42, b"?"), large_section(0x19, b"3")];
        let tree = of(&all);
        assert_eq!(defects(&tree), [""; 0]);
        for (path, length) in [("raw", 7), ("raw.1", 7), ("0x42", 5), ("raw.2", 9)] {
            assert_eq!(region(&tree, &format!("uefi-section:{path}")).span.length, length);
        }
        let header = region(&tree, "uefi-section:raw.2/uefi-section:header");
        assert_eq!((header.span.length, header.masked.is_some()), (8, true));
    }

    #[test]
    fn padding_is_plain_or_not_understood() {
        let mut bytes = sections(&[section(0x19, b"one"), section(0x19, b"two")]);
        assert_eq!(region(&parse(&UEFI_SECTIONS, &bytes), "padding:raw").content, Content::Parsed);
        bytes[7] = 0x90;
        assert_eq!(region(&parse(&UEFI_SECTIONS, &bytes), "padding:raw").content, Content::Unknown);
    }

    #[test]
    fn a_section_that_cannot_be_ends_the_walk() {
        for size in [3u8, 200] {
            let mut bytes = sections(&[section(0x19, b"one"), section(0x19, b"two")]);
            bytes[8] = size;
            let tree = parse(&UEFI_SECTIONS, &bytes);
            assert_eq!(defects(&tree), ["uefi-section/size"]);
            let rest = region(&tree, "uefi-section:rest");
            assert_eq!((rest.content, rest.span.offset), (Content::Unknown, 8));
        }
        assert_eq!(defects(&parse(&UEFI_SECTIONS, &[1, 2, 3])), ["uefi-section/truncated"]);
    }

    #[test]
    fn a_user_interface_section_names_its_file_also_from_inside_a_stream() {
        let version = section(0x14, &[7, 0, b'1', 0, b'.', 0, b'2', 0, 0, 0]);
        let inner = sections(&[section(0x19, b"code"), user_interface("Näme"), version]);
        let packed = guided(GUID_LZMA, 1, &[], &lzma(&inner, false));
        let tree =
            parse(crate::named("uefi-volume").unwrap(), &volume(FFS2, &[file(A, 0x07, &packed)], 0x200));
        assert_eq!(defects(&tree), [""; 0]);
        let file = region(&tree, &format!("uefi-file:{A}"));
        assert_eq!(file.name.as_deref(), Some("Näme"));
        assert_eq!(file.attribute("version"), Some(&"1.2".into()));
    }

    #[test]
    fn text_without_its_end() {
        for body in [&[b'a', 0][..], &[b'a', 0, 0], &[b'a', 0, 0, 0, b'b', 0], &[b'a', 0, 0, 0, 0, 0]] {
            assert_eq!(defects(&of(&[section(0x15, body)])), ["uefi-section/string"], "{body:?}");
        }
        assert_eq!(defects(&of(&[user_interface("a")])), [""; 0]);
    }

    #[test]
    fn a_dependency_expression_is_a_fact_and_a_malformed_one_a_defect() {
        let tree = of(&[section(0x13, &[6, 8]), section(0x1b, &[6])]);
        let text = region(&tree, "uefi-section:dxe-depex").attribute("expression").cloned();
        assert_eq!(text, Some("TRUE END".into()));
        assert_eq!(defects(&tree), ["uefi-section/depex"]);
    }

    #[test]
    fn an_apriori_file_lists_its_files() {
        let names = [guid::raw(A), guid::raw(B)].concat();
        let apriori = file("FC510EE7-FFDC-11D4-BD41-0080C73C8881", 0x02, &section(0x19, &names));
        let tree = parse(crate::named("uefi-volume").unwrap(), &volume(FFS2, &[apriori], 0x100));
        let body = tree.regions().find(|region| region.kind == "uefi-apriori").unwrap();
        assert_eq!(body.attribute("files"), Some(&format!("{A} {B}").into()));
    }

    #[test]
    fn a_volume_image_without_a_volume_is_ambiguous() {
        let tree =
            of(&[section(0x17, &volume(FFS2, &[file(A, 7, b"")], 0x100)), section(0x17, b"no volume")]);
        assert_eq!(defects(&tree), ["uefi-section/no-volume"]);
        region(&tree, &format!("uefi-section:volume-image/uefi-volume:0/uefi-file:{A}"));
    }

    #[test]
    fn encapsulations_without_a_stream_are_walked_in_place() {
        let inner = section(0x19, b"inner");
        let not_compressed = section(0x01, &[&9u32.to_le_bytes()[..], &[0], &inner].concat());
        let tree = of(&[section(0x03, &inner), not_compressed, guided(A, 0, b"cert", &inner)]);
        assert_eq!(defects(&tree), [""; 0]);
        for outer in ["disposable", "compression", A] {
            region(&tree, &format!("uefi-section:{outer}/uefi-section:raw"));
        }
    }

    #[test]
    fn what_needs_processing_by_a_vendor_is_opaque() {
        let tree = of(&[guided(A, 1, b"", &section(0x19, b"inner"))]);
        assert_eq!(defects(&tree), [""; 0]);
        let body = region(&tree, &format!("uefi-section:{A}/uefi-section:body"));
        assert_eq!((body.kind, body.content), ("opaque", Content::Unknown));
    }

    #[test]
    fn a_compression_of_nobody_is_not_understood() {
        let tree = of(&[section(0x01, &[&9u32.to_le_bytes()[..], &[7], b"?"].concat())]);
        assert_eq!(defects(&tree), ["uefi-section/compression"]);
    }

    /// A compression section.
    fn compression(kind: u8, size: usize, stream: &[u8]) -> Vec<u8> {
        section(0x01, &[&(size as u32).to_le_bytes()[..], &[kind], stream].concat())
    }

    #[test]
    fn a_customised_compression_section_is_opened_as_what_it_holds() {
        let inner = section(0x19, b"inner");
        let size = inner.len();
        let stream = lzma(&inner, false);
        let intel = [&(size as u32).to_le_bytes()[..], &stream].concat();
        // As in `efi11.toml`: one symbol for all codes, which both widths read alike.
        let tiano = [
            0x1f, 0, 0, 0, 0x14, 0, 0, 0, 0, 9, 2, 0xa0, 0, 2, 0x80, 0, 3, 0x2e, 0x6d, 0x2f, 0x0e, 0x8c,
            0xa0, 1, 0x60, 0x54, 0, 1, 0x95, 0xb8, 0x81, 0xbd, 0x98, 0x81, 0xd1, 0xa1, 0x95, 0xcd, 0x94,
        ];
        for (kind, size, stream, name) in [
            (2, size, &stream[..], "LZMA"),
            (2, size, &intel, "LZMA (Intel)"),
            (0x86, size, &stream, "LZMA with x86 filter"),
        ] {
            let tree = of(&[compression(kind, size, stream)]);
            assert_eq!(defects(&tree), [""; 0], "{name}");
            let outer = region(&tree, "uefi-section:compression");
            assert_eq!(outer.attribute("encapsulation"), Some(&name.into()));
            region(&tree, "uefi-section:compression/lzma:stream/decoded:content/uefi-section:raw");
        }
        let tree = of(&[compression(2, 0x14, &tiano)]);
        let outer = region(&tree, "uefi-section:compression");
        assert_eq!(outer.attribute("encapsulation"), Some(&"Tiano".into()));
    }

    #[test]
    fn a_customised_stream_of_another_size_or_that_does_not_decode_is_ambiguous() {
        let inner = section(0x19, b"inner");
        let stream = lzma(&inner, false);
        let tree = of(&[compression(2, inner.len() + 1, &stream)]);
        assert_eq!(defects(&tree), ["uefi-section/uncompressed-length"]);
        region(&tree, "uefi-section:compression/lzma:stream/decoded:content/uefi-section:raw");
        let mut broken = stream.clone();
        broken[14..].fill(0xee);
        assert_eq!(defects(&of(&[compression(2, inner.len(), &broken)])), ["uefi-section/decode"]);
        // EDK II's decoder has to know the size beforehand.
        let sound = lzma(&inner, true);
        let open = [&sound[..5], &[0xff; 8], &sound[13..]].concat();
        let tree = of(&[compression(2, inner.len(), &open)]);
        assert_eq!(defects(&tree), ["uefi-section/lzma"]);
        region(&tree, "uefi-section:compression/lzma:stream/decoded:content/uefi-section:raw");
        let behind = [stream.as_slice(), b"behind"].concat();
        assert_eq!(defects(&of(&[compression(2, inner.len(), &behind)])), ["uefi-section/trailing-bytes"]);
        // What is none of these stays what nobody understands.
        let tree = of(&[compression(2, inner.len(), b"something else of a vendor's")]);
        assert_eq!(defects(&tree), ["uefi-section/compression"]);
        assert!(!tree.defects()[0].kind.ambiguous);
        crate::testing::every_byte_is_compared(
            &UEFI_SECTIONS,
            &compression(2, inner.len(), &lzma(&inner, true)),
            0..0,
        );
        torture(&UEFI_SECTIONS, &compression(2, inner.len(), &stream));
    }

    #[test]
    fn a_data_offset_outside_the_section() {
        for offset in [23u16, 0xffff] {
            let mut bytes = guided(GUID_LZMA, 1, b"", b"stream");
            put(&mut bytes, 20, &offset.to_le_bytes());
            assert_eq!(defects(&parse(&UEFI_SECTIONS, &bytes)), ["uefi-section/data-offset"]);
        }
    }

    #[test]
    fn crc32_is_compared() {
        let inner = section(0x19, b"inner");
        let mut crc = kiwame_decode::Crc32::default();
        crc.update(&inner);
        let sound = guided(GUID_CRC32, 3, &crc.value().to_le_bytes(), &inner);
        let tree = of(std::slice::from_ref(&sound));
        assert_eq!(defects(&tree), [""; 0]);
        region(&tree, &format!("uefi-section:{GUID_CRC32}/uefi-section:raw"));
        let mut wrong = sound;
        wrong[24] ^= 1;
        assert_eq!(defects(&of(&[wrong])), ["uefi-section/crc32"]);
    }

    #[test]
    fn every_codec_decodes_to_sections() {
        let inner = section(0x19, b"inner");
        let stored = |frame: &[u8], check: &[u8]| {
            let length = (inner.len() as u16).to_le_bytes();
            let not = (!(inner.len() as u16)).to_le_bytes();
            [frame, &[1], &length, &not, &inner, check].concat()
        };
        let mut crc = kiwame_decode::Crc32::default();
        crc.update(&inner);
        let size = (inner.len() as u32).to_le_bytes();
        let gzip = stored(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0], &[crc.value().to_le_bytes(), size].concat());
        let adler = inner.iter().fold((1u32, 0u32), |(a, b), &byte| {
            let a = (a + u32::from(byte)) % 65521;
            (a, (b + a) % 65521)
        });
        let zlib = stored(&[0x78, 0x01], &(adler.1 << 16 | adler.0).to_be_bytes());
        let mut amd = vec![0; 0x100];
        put(&mut amd, 0x14, &(zlib.len() as u32).to_le_bytes());
        amd.extend(&zlib);
        for (guid, name, stream) in [
            (GUID_LZMA, "lzma", lzma(&inner, false)),
            (GUID_LZMA, "lzma", lzma(&inner, true)),
            (GUID_LZMA_X86, "lzma", lzma(&inner, false)),
            (GUID_GZIP, "gzip", gzip),
            (GUID_ZLIB, "zlib", amd),
        ] {
            let tree = of(&[guided(guid, 1, b"", &stream)]);
            assert_eq!(defects(&tree), [""; 0], "{guid}");
            region(&tree, &format!("uefi-section:{guid}/{name}:stream/decoded:content/uefi-section:raw"));
        }
    }

    #[test]
    fn what_a_policy_accepts_is_on_the_list() {
        let inner = section(0x19, b"inner inner inner inner");
        crate::testing::every_byte_is_compared(
            &UEFI_SECTIONS,
            &guided(GUID_LZMA, 1, b"own", &lzma(&inner, false)),
            0..0,
        );
        // EFI 1.1: two blocks of sixteen bits each, as in the sample of that name.
        let stream = [
            0x1f, 0, 0, 0, 0x14, 0, 0, 0, 0, 9, 2, 0xa0, 0, 2, 0x80, 0, 3, 0x2e, 0x6d, 0x2f, 0x0e, 0x8c,
            0xa0, 1, 0x60, 0x54, 0, 1, 0x95, 0xb8, 0x81, 0xbd, 0x98, 0x81, 0xd1, 0xa1, 0x95, 0xcd, 0x94,
        ];
        let packed = section(0x01, &[&0x14u32.to_le_bytes()[..], &[1], &stream].concat());
        // The codes of a block may name symbols that it does not use.
        crate::testing::every_byte_is_compared(&UEFI_SECTIONS, &packed, 17..48);
    }

    #[test]
    fn what_edk_ii_does_not_open_is_ambiguous() {
        let inner = section(0x19, b"inner");
        let sound = lzma(&inner, true);
        let open = [&sound[..5], &[0xff; 8], &sound[13..]].concat();
        let options = LzmaOptions { dict_size: 1 << 16, lc: 4, lp: 2, ..LzmaOptions::with_preset(6) };
        let mut writer = LzmaWriter::new(Vec::new(), &options, true, true, Some(9)).unwrap();
        writer.write_all(&inner).unwrap();
        for (stream, expected) in
            [(sound, ""), (open, "uefi-section/lzma"), (writer.finish().unwrap(), "uefi-section/lzma")]
        {
            let tree = of(&[guided(GUID_LZMA, 1, b"", &stream)]);
            assert_eq!(defects(&tree).join(" "), expected);
            assert!(tree.defects().iter().all(|defect| defect.kind.ambiguous));
        }
        for (stated, expected) in
            [(9u32, ""), (8, "uefi-section/uncompressed-length"), (10, "uefi-section/uncompressed-length")]
        {
            let tree = of(&[section(0x01, &[&stated.to_le_bytes()[..], &[0], &inner].concat())]);
            assert_eq!(defects(&tree).first().copied().unwrap_or_default(), expected, "{stated}");
        }
    }

    #[test]
    fn bytes_behind_a_stream_are_a_leaf_of_their_own() {
        let stream = lzma(&section(0x19, b"inner"), false);
        let tree = of(&[guided(GUID_LZMA, 1, b"", &[stream.as_slice(), b"\0"].concat())]);
        assert_eq!(defects(&tree), ["uefi-section/trailing-bytes"]);
        let trailing = region(&tree, &format!("uefi-section:{GUID_LZMA}/uefi-section:trailing"));
        assert_eq!((trailing.span.length, trailing.content), (1, Content::Unknown));
    }

    #[test]
    fn a_stream_that_does_not_decode_stays_one_that_nobody_opened() {
        for guid in [GUID_LZMA, GUID_LZMA_X86, GUID_GZIP, GUID_ZLIB, GUID_BROTLI] {
            // To Brotli a size of 9, to LZMA a size of 0 and a range coder that does not begin with 0.
            let mut stream = [0; 0x120];
            put(&mut stream, 0, &[9]);
            put(&mut stream, 13, &[0xee; 9]);
            let tree = of(&[guided(guid, 1, b"", &stream)]);
            assert!(defects(&tree).contains(&"uefi-section/decode"), "{guid}");
            assert!(tree.leaves().any(|leaf| *leaf.segment.key == *b"stream" && leaf.encodes.is_none()));
        }
    }

    #[test]
    fn a_length_that_the_header_of_a_stream_states_must_be_its_own() {
        let mut bytes = vec![0; 0x100];
        put(&mut bytes, 0x14, &9u32.to_le_bytes());
        bytes.extend([0x78, 0x01, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 1]);
        let found = defects(&of(&[guided(GUID_ZLIB, 1, b"", &bytes)]));
        assert_eq!(found, ["uefi-section/decode"]);
    }

    #[test]
    fn a_stream_beyond_the_limits_is_a_limit_and_not_a_guess() {
        let bytes = guided(GUID_LZMA, 1, b"", &lzma(&vec![0; 5000], true));
        let mut open = bytes.clone();
        put(&mut open, 24 + 5, &[0xff; 8]);
        for bytes in [bytes, open] {
            let limits = Limits { space: 4999, ..Limits::default() };
            let host = Memory::new([bytes.clone()]);
            let size = bytes.len() as u64;
            let tree =
                kiwame_image::parse(&host, 0, size, &UEFI_SECTIONS, &limits, &crate::options()).unwrap();
            check_tiling(&tree);
            assert_eq!(tree.limits_hit().len(), 1);
            let stream = tree.leaves().find(|leaf| *leaf.segment.key == *b"stream").unwrap();
            assert_eq!((stream.content, stream.encodes), (Content::Encoded, None));
        }
    }

    #[test]
    fn programs_are_listed_and_executable() {
        let tree = of(&[section(0x11, b"code"), section(0x16, b"code")]);
        for (kind, _, _, length) in leaves(&tree).into_iter().filter(|(kind, ..)| kind.ends_with("image")) {
            let leaf = tree.leaves().find(|leaf| leaf.kind == kind).unwrap();
            assert_eq!((leaf.attribute("executable"), length), (Some(&true.into()), 4));
        }
    }

    #[test]
    fn anything_may_be_cut_or_flipped() {
        let inner = sections(&[section(0x19, b"inner"), user_interface("x")]);
        let all = [
            section(0x13, &[6, 8]),
            section(0x14, &[7, 0, b'1', 0, 0, 0]),
            guided(GUID_LZMA, 1, b"", &lzma(&inner, false)),
            guided(GUID_CRC32, 3, b"....", &inner),
            section(0x01, &[&9u32.to_le_bytes()[..], &[0], &inner].concat()),
            large_section(0x18, &[7; 20]),
        ];
        torture(&UEFI_SECTIONS, &sections(&all));
    }
}
