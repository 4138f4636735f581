//! Executable and linkable format.
//!
//! Tool Interface Standard ELF 1.2 and System V gABI (draft of 2013-06, chapters 4 and 5); 32 and 64 bits, both
//! byte orders. goblin reads the header and both tables, each from a window of its own.
//!
//! ```text
//!            32    64                        32    64                      32    64
//! e_ident     0     0  "\x7fELF", class,     0x1c  0x20  e_phoff   4/8     0x2a  0x36  e_phentsize  2
//!                      data, version  16     0x20  0x28  e_shoff   4/8     0x2c  0x38  e_phnum      2
//! e_type   0x10  0x10  2                     0x24  0x30  e_flags   4       0x2e  0x3a  e_shentsize  2
//! e_machine 0x12 0x12  2                     0x28  0x34  e_ehsize  2       0x30  0x3c  e_shnum      2
//! e_entry  0x18  0x18  4/8                                                 0x32  0x3e  e_shstrndx   2
//! ```
//!
//! A file is split at its sections where it has any (they are finer and name what they are), else at its
//! segments. Bytes of a segment that no section names are leaves of their own, never skipped: a loader reads
//! segments only, and a section table can be made to show something else.
//!
//! Loader modelled: those that map `PT_LOAD` segments (EDK II payload loaders, coreboot, TF-A and OP-TEE for their
//! payloads, Linux). Ambiguities, each a defect: sections or tables that share bytes of the file; loaded segments
//! that share bytes or addresses; anything beyond the file; entries of tables with a size that the specification
//! does not have. Where a count or the number of the section of names does not fit into the header, the first entry of the
//! section table holds it; that entry, and any other of type `SHT_NULL`, is no section and has no bytes of the file.
//! Limitations: symbols, relocations, notes and dynamic entries stay inside their sections.
//!
//! ## Normal form
//!
//! None is needed: every byte of the file is in a leaf, compared as it lies.
//!
//! Loaders use segments; the leaves follow the sections, which a loader does not read. So the split may be another than
//! the loader's, but not the bytes: what no section names is a leaf of its own. `p_flags`, `p_paddr`, `p_align`, the
//! interpreter and the dynamic section are in leaves and are no facts.

use goblin::container::{Container, Ctx};
use goblin::elf::Elf as Goblin;
use goblin::elf::header::{EI_CLASS, ELFCLASS64, Header};
use goblin::elf::program_header::{PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS, SHT_NULL, SectionHeader};
use kiwame_image::{
    Anchor, Arrange as _, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Reading, Span, Sure,
    Trouble, Value, Window, fact, to_usize,
};

use crate::program::{self, Names, Piece};

/// An ELF file.
#[derive(Debug)]
pub(crate) struct Elf;

impl Format for Elf {
    fn name(&self) -> &'static str {
        "elf"
    }

    fn about(&self) -> &'static str {
        "ELF files, 32 and 64 bits, both byte orders: headers, sections or segments, gaps, overlay"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let [class, data, version] = *head.bytes(4, 3)?.as_array()?;
        let known =
            head.bytes(0, 4)? == MAGIC && [1, 2].contains(&class) && [1, 2].contains(&data) && version == 1;
        known.then(|| Reading::new(self, Sure::Structure))
    }

    fn runs(&self, head: &Glance<'_>) -> bool {
        head.bytes(0, 4) == Some(MAGIC)
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match File::read(&at) {
            Ok(file) => file.split(&at, out),
            Err(trouble) => {
                out.trouble(trouble);
                program::refuse(at, out, "elf-unread");
            }
        }
    }
}

/// Up to the last byte that a table, a segment or a section has.
static ANCHOR: Anchor = Anchor {
    marks: &[MAGIC],
    at: 0,
    whole: |at, _| {
        if Elf.probe(&Glance::new(&at.head(HEADER_32)?, at.length())).is_none() {
            return Ok(None);
        }
        at.spend(LOOK)?;
        Ok(File::read(at).ok().map(|file| file.end()).filter(|&end| end <= at.length()))
    },
};

struct File {
    header: Header,
    segments: Vec<ProgramHeader>,
    sections: Vec<SectionHeader>,
    /// The section names, if they can be found.
    names: Option<Window>,
}

impl File {
    fn read(at: &Input<'_>) -> Result<Self, Trouble> {
        let head = at.head(HEADER_64)?;
        head.reader(&TRUNCATED).bytes(HEADER_32, "Elf_Ehdr")?;
        let header =
            Goblin::parse_header(&head).map_err(|error| refused("e_ident", head.offset(), &error))?;
        let class = header.e_ident.get(EI_CLASS).copied().unwrap_or(0);
        let container = if class == ELFCLASS64 { Container::Big } else { Container::Little };
        let endian = header.endianness().map_err(|error| refused("EI_DATA", head.offset(), &error))?;
        let context = Ctx::new(container, endian);
        let segments = segments(at, &header, context)?;
        let sections = sections(at, &header, context)?;
        let names = names(at, &header, &sections)?;
        Ok(Self { header, segments, sections, names })
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        self.describe(out);
        self.check_tables(at, out);
        self.check_segments(at, out);
        let mut pieces = vec![
            Piece {
                facts: vec![program::entry_point(self.header.e_entry)],
                ..piece("elf-header", b"0", 0, self.header.e_ehsize.into())
            },
            piece(
                "elf-program-headers",
                b"0",
                self.header.e_phoff,
                table(self.segments.len(), self.header.e_phentsize),
            ),
            piece(
                "elf-section-headers",
                b"0",
                self.header.e_shoff,
                table(self.sections.len(), self.header.e_shentsize),
            ),
        ];
        if self.sections.is_empty() {
            pieces.extend(
                (0u32..).zip(&self.segments).filter_map(|(number, segment)| segment_piece(number, segment)),
            );
            // The first segment usually holds the headers, too; they keep their bytes.
            pieces = without_headers(pieces);
        } else {
            pieces.extend(self.sections.iter().filter_map(|section| self.section_piece(section)));
        }
        program::lay_out(at, out, &NAMES, "sh_offset", pieces);
    }

    /// Behind the last byte that belongs to it by its own tables.
    fn end(&self) -> u64 {
        let Header { e_phoff, e_phentsize, e_shoff, e_shentsize, e_ehsize, .. } = self.header;
        let tables = [
            Span::new(0, e_ehsize.into()),
            Span::new(e_phoff, table(self.segments.len(), e_phentsize)),
            Span::new(e_shoff, table(self.sections.len(), e_shentsize)),
        ];
        let segments = self.segments.iter().map(|segment| Span::new(segment.p_offset, segment.p_filesz));
        let sections = self.sections.iter().filter(|section| section.sh_type != SHT_NOBITS);
        let sections = sections.map(|section| Span::new(section.sh_offset, section.sh_size));
        let all = tables.into_iter().chain(segments).chain(sections);
        all.filter(|span| !span.is_empty()).map(Span::end).max().unwrap_or(0)
    }

    fn describe(&self, out: &mut Builder<'_, '_>) {
        program::facts(
            out,
            [
                (&fact::EXECUTABLE, true.into()),
                (&CLASS, self.header.e_ident.get(4).copied().unwrap_or(0).into()),
                (&DATA, self.header.e_ident.get(5).copied().unwrap_or(0).into()),
                (&fact::TYPE, self.header.e_type.into()),
                (&fact::MACHINE, self.header.e_machine.into()),
                (&fact::FLAGS, self.header.e_flags.into()),
                (&fact::ENTRY_POINT, self.header.e_entry.into()),
            ],
        );
    }

    /// Strides of the tables: loaders disagree on what an entry of another size means.
    fn check_tables(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) {
        let wide = self.header.e_ident.get(EI_CLASS) == Some(&ELFCLASS64);
        let (segment, section) = if wide { (56u16, 64u16) } else { (32, 40) };
        let sizes = [
            ("e_phentsize", self.segments.is_empty(), self.header.e_phentsize, segment),
            ("e_shentsize", self.sections.is_empty(), self.header.e_shentsize, section),
        ];
        for (field, _, found, expected) in sizes.into_iter().filter(|(_, empty, a, b)| !empty && a != b) {
            out.defect(Defect::new(&ENTRY_SIZE, field, at.offset(), found, expected));
        }
    }

    fn check_segments(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) {
        let loaded = || self.segments.iter().filter(|segment| segment.p_type == PT_LOAD);
        let memory = loaded().map(|segment| Span::new(segment.p_vaddr, segment.p_memsz)).collect();
        overlaps(memory, at, out, &VIRTUAL_OVERLAP, "p_vaddr");
        let file = loaded().map(|segment| Span::new(segment.p_offset, segment.p_filesz)).collect();
        overlaps(file, at, out, &SEGMENT_OVERLAP, "p_offset");
        for segment in self.segments.iter().filter(|segment| segment.p_filesz > 0) {
            let end = segment.p_offset.saturating_add(segment.p_filesz);
            if end > at.length() {
                out.defect(Defect::new(&BEYOND_END, "p_offset", at.offset(), end, at.length()));
            }
        }
    }

    fn section_piece(&self, section: &SectionHeader) -> Option<Piece> {
        if [SHT_NULL, SHT_NOBITS].contains(&section.sh_type) || section.sh_size == 0 {
            return None;
        }
        let key = self.section_name(section);
        let facts = vec![
            (&fact::NAME, Value::Text(String::from_utf8_lossy(&key).into_owned())),
            (&fact::TYPE, section.sh_type.into()),
            (&fact::FLAGS, section.sh_flags.into()),
            (&fact::VIRTUAL_ADDRESS, section.sh_addr.into()),
            (&fact::EXECUTABLE, (section.sh_flags & u64::from(SHF_EXECINSTR) != 0).into()),
            (&fact::WRITABLE, (section.sh_flags & u64::from(SHF_WRITE) != 0).into()),
        ];
        Some(Piece { kind: "elf-section", key, offset: section.sh_offset, length: section.sh_size, facts })
    }

    fn section_name(&self, section: &SectionHeader) -> Vec<u8> {
        let start = u64::try_from(section.sh_name).unwrap_or(u64::MAX);
        let names = self.names.as_deref().unwrap_or_default();
        let rest = names.get(to_usize(start)..).unwrap_or_default();
        rest.iter().copied().take_while(|&byte| byte != 0).take(MAX_NAME).collect()
    }
}

fn segments(at: &Input<'_>, header: &Header, context: Ctx) -> Result<Vec<ProgramHeader>, Trouble> {
    if header.e_phoff == 0 || header.e_phnum == 0 {
        return Ok(Vec::new());
    }
    let first = if header.e_phnum == PN_XNUM { first_section(at, header, context)? } else { None };
    let count = first.map_or(header.e_phnum.into(), |first| u64::from(first.sh_info));
    if count > MAX_SEGMENTS {
        return Err(Defect::new(&SEGMENT_COUNT, "e_phnum", at.offset(), count, MAX_SEGMENTS).into());
    }
    let length = count.saturating_mul(header.e_phentsize.into());
    let window = at.slice(header.e_phoff, length).window()?;
    ProgramHeader::parse(&window, 0, to_usize(count), context)
        .map_err(|error| refused("e_phoff", window.offset(), &error).into())
}

/// The first entry of the section table, which holds what does not fit into the header (gABI, "e_shnum", "e_phnum").
fn first_section(at: &Input<'_>, header: &Header, context: Ctx) -> Result<Option<SectionHeader>, Trouble> {
    if header.e_shoff == 0 {
        return Ok(None);
    }
    let window = at.slice(header.e_shoff, table(1, header.e_shentsize)).window()?;
    let first = SectionHeader::parse_from(&window, 0, 1, context)
        .map_err(|error| refused("e_shoff", window.offset(), &error))?;
    Ok(first.into_iter().next())
}

fn sections(at: &Input<'_>, header: &Header, context: Ctx) -> Result<Vec<SectionHeader>, Trouble> {
    if header.e_shoff == 0 {
        return Ok(Vec::new());
    }
    let count = match header.e_shnum {
        0 => first_section(at, header, context)?.map_or(0, |first| first.sh_size),
        count => count.into(),
    };
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > MAX_SECTIONS {
        return Err(Defect::new(&SECTION_COUNT, "e_shnum", at.offset(), count, MAX_SECTIONS).into());
    }
    let length = count.saturating_mul(header.e_shentsize.into());
    let window = at.slice(header.e_shoff, length).window()?;
    if window.piece(0, length).is_none() {
        return Err(Defect::new(&TRUNCATED, "e_shnum", window.offset(), at.length(), length).into());
    }
    SectionHeader::parse_from(&window, 0, to_usize(count), context)
        .map_err(|error| refused("e_shoff", window.offset(), &error).into())
}

/// The table of section names; without one, sections are nameless.
fn names(at: &Input<'_>, header: &Header, sections: &[SectionHeader]) -> Result<Option<Window>, Trouble> {
    let index = match header.e_shstrndx {
        SHN_XINDEX => sections.first().map_or(0, |first| u64::from(first.sh_link)),
        index => index.into(),
    };
    match sections.get(to_usize(index)) {
        Some(names) if names.sh_type != SHT_NOBITS => {
            Ok(Some(at.slice(names.sh_offset, names.sh_size).window()?))
        }
        _ => Ok(None),
    }
}

fn segment_piece(number: u32, segment: &ProgramHeader) -> Option<Piece> {
    // Others only name parts of what is loaded.
    (segment.p_type == PT_LOAD && segment.p_filesz > 0).then(|| Piece {
        kind: "elf-segment",
        key: number.to_string().into_bytes(),
        offset: segment.p_offset,
        length: segment.p_filesz,
        facts: vec![
            (&fact::FLAGS, segment.p_flags.into()),
            (&fact::VIRTUAL_ADDRESS, segment.p_vaddr.into()),
            (&PHYSICAL_ADDRESS, segment.p_paddr.into()),
            (&fact::EXECUTABLE, segment.is_executable().into()),
            (&fact::WRITABLE, segment.is_write().into()),
        ],
    })
}

/// Begins a segment that starts with the headers behind them.
fn without_headers(pieces: Vec<Piece>) -> Vec<Piece> {
    let headers = |piece: &&Piece| piece.kind != "elf-segment";
    let mut end = 0;
    for piece in pieces.iter().filter(headers) {
        if piece.offset <= end {
            end = end.max(piece.offset.saturating_add(piece.length));
        }
    }
    let mut pieces = pieces;
    for piece in pieces.iter_mut().filter(|piece| piece.kind == "elf-segment" && piece.offset < end) {
        let stop = piece.offset.saturating_add(piece.length);
        piece.offset = end.min(stop);
        piece.length = stop.saturating_sub(piece.offset);
    }
    pieces
}

fn overlaps(
    mut spans: Vec<Span>,
    at: &Input<'_>,
    out: &mut Builder<'_, '_>,
    kind: &'static DefectKind,
    field: &'static str,
) {
    spans.retain(|span| !span.is_empty());
    spans.arrange();
    for (before, after) in spans.iter().zip(spans.iter().skip(1)) {
        if before.overlaps(*after) {
            out.defect(Defect::new(kind, field, at.offset(), after.offset, before.end()));
        }
    }
}

fn piece(kind: &'static str, key: &[u8], offset: u64, length: u64) -> Piece {
    Piece { kind, key: key.to_vec(), offset, length, facts: Vec::new() }
}

fn table(count: usize, entry: u16) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(entry.into())
}

fn refused(field: &'static str, offset: u64, error: &goblin::error::Error) -> Defect {
    Defect::new(&REFUSED, field, offset, error.to_string(), "what goblin reads")
}

const NAMES: Names = Names { gap: "elf-gap", overlay: "elf-overlay", overlap: &OVERLAP, beyond: &BEYOND_END };
const MAGIC: &[u8] = b"\x7fELF";
/// What a look at the tables costs.
const LOOK: u64 = 64 << 10;
const HEADER_32: u64 = 52;
const HEADER_64: u64 = 64;
/// Section names longer than this are cut; the longest of the corpus has 60 bytes.
const MAX_NAME: usize = 256;
/// What fits into `e_shnum`, about 30 MB of leaves. Only object files of huge programs have more.
const MAX_SECTIONS: u64 = 0x1_0000;
/// The number of the section of names is in the first entry.
const SHN_XINDEX: u16 = 0xffff;
/// The count of segments is in the first entry.
const PN_XNUM: u16 = 0xffff;
/// Core files alone have more than fit into `e_phnum`.
const MAX_SEGMENTS: u64 = 0x1_0000;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &BEYOND_END,
    &ENTRY_SIZE,
    &OVERLAP,
    &REFUSED,
    &SECTION_COUNT,
    &SEGMENT_COUNT,
    &SEGMENT_OVERLAP,
    &TRUNCATED,
    &VIRTUAL_OVERLAP,
];

/// A segment or section lies beyond the file.
static BEYOND_END: DefectKind = DefectKind::ambiguous("elf/beyond-end");
/// The entries of a table have another size than the class of the file has.
static ENTRY_SIZE: DefectKind = DefectKind::ambiguous("elf/entry-size");
/// Sections share bytes of the file.
static OVERLAP: DefectKind = DefectKind::ambiguous("elf/overlap");
/// The headers are none that can be read.
static REFUSED: DefectKind = DefectKind::odd("elf/refused");
/// There are more sections than are read.
static SECTION_COUNT: DefectKind = DefectKind::odd("elf/section-count");
/// There are more segments than are read.
static SEGMENT_COUNT: DefectKind = DefectKind::odd("elf/segment-count");
/// Segments share bytes of the file.
static SEGMENT_OVERLAP: DefectKind = DefectKind::ambiguous("elf/segment-overlap");
/// The file ends before a field or a table does.
static TRUNCATED: DefectKind = DefectKind::odd("elf/truncated").cut_short();
/// Segments share addresses: which one wins depends on the loader.
static VIRTUAL_OVERLAP: DefectKind = DefectKind::ambiguous("elf/virtual-overlap");

// Facts, in the words of the specification.
static CLASS: Fact = Fact::new("class");
static DATA: Fact = Fact::new("data");
static PHYSICAL_ADDRESS: Fact = Fact::new("physical-address");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    const ELF: &dyn Format = &Elf;

    /// A 64-bit little-endian file: header, one segment, `.text`, the names, the section table.
    fn sample() -> Vec<u8> {
        let mut file = vec![0; 0x100 + 3 * 64];
        put(&mut file, 0, b"\x7fELF\x02\x01\x01");
        put(&mut file, 16, &[2, 0, 62, 0, 1, 0, 0, 0]);
        put(&mut file, 24, &0x1080u64.to_le_bytes());
        put(&mut file, 32, &64u64.to_le_bytes());
        put(&mut file, 40, &0x100u64.to_le_bytes());
        put(&mut file, 52, &[64, 0, 56, 0, 1, 0, 64, 0, 3, 0, 2, 0]);
        put(&mut file, 64, &[1, 0, 0, 0, 5, 0, 0, 0]);
        for (i, value) in [0x80u64, 0x1080, 0x1080, 0x40, 0x40, 0x10].into_iter().enumerate() {
            put(&mut file, 72 + 8 * i, &value.to_le_bytes());
        }
        put(&mut file, 0xc0, b"\0.text\0.shstrtab\0");
        section(&mut file, 1, 1, 1, 6, [0x1080, 0x80, 0x40]);
        section(&mut file, 2, 7, 3, 0, [0, 0xc0, 0x11]);
        file
    }

    fn section(file: &mut [u8], number: usize, name: u32, kind: u32, flags: u64, place: [u64; 3]) {
        let at = 0x100 + 64 * number;
        put(file, at, &name.to_le_bytes());
        put(file, at + 4, &kind.to_le_bytes());
        put(file, at + 8, &flags.to_le_bytes());
        for (i, value) in place.into_iter().enumerate() {
            put(file, at + 16 + 8 * i, &value.to_le_bytes());
        }
    }

    /// A 32-bit big-endian file without sections, whose segment begins with the headers.
    fn sample_32() -> Vec<u8> {
        let mut file = vec![0; 0x90];
        put(&mut file, 0, b"\x7fELF\x01\x02\x01");
        put(&mut file, 16, &[0, 2, 0, 20, 0, 0, 0, 1]);
        put(&mut file, 28, &52u32.to_be_bytes());
        put(&mut file, 40, &[0, 52, 0, 32, 0, 1, 0, 40, 0, 0, 0, 0]);
        for (i, value) in [1u32, 0, 0x1000, 0x1000, 0x80, 0x80, 5, 4].into_iter().enumerate() {
            put(&mut file, 52 + 4 * i, &value.to_be_bytes());
        }
        file
    }

    #[test]
    fn a_file_with_sections_is_split_at_them() {
        let tree = parse(ELF, &sample());
        let expected = [
            ("elf-header", "0".to_owned(), 0, 64),
            ("elf-program-headers", "0".to_owned(), 64, 56),
            ("elf-gap", "2".to_owned(), 120, 8),
            ("elf-section", ".text".to_owned(), 0x80, 0x40),
            ("elf-section", ".shstrtab".to_owned(), 0xc0, 0x11),
            ("elf-gap", "4".to_owned(), 0xd1, 0x2f),
            ("elf-section-headers", "0".to_owned(), 0x100, 192),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "elf-section:.text").attribute("executable"), Some(&Value::Flag(true)));
    }

    #[test]
    fn a_file_without_sections_is_split_at_its_segments() {
        let tree = parse(ELF, &sample_32());
        let expected = [
            ("elf-header", "0".to_owned(), 0, 52),
            ("elf-program-headers", "0".to_owned(), 52, 32),
            ("elf-segment", "0".to_owned(), 84, 0x80 - 84),
            ("elf-overlay", "0".to_owned(), 0x80, 0x10),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "image").attribute("machine"), Some(&Value::Uint(20)));
    }

    #[test]
    fn sections_that_share_bytes_are_ambiguous() {
        let mut file = sample();
        section(&mut file, 2, 7, 3, 0, [0, 0xbf, 0x12]);
        assert_eq!(defects(&parse(ELF, &file)), ["elf/overlap"]);
        section(&mut file, 2, 7, 3, 0, [0, 0xc0, 0x1000]);
        assert_eq!(defects(&parse(ELF, &file)), ["elf/beyond-end", "elf/overlap"]);
    }

    #[test]
    fn what_does_not_fit_into_the_header_is_in_the_first_section() {
        let plain = leaves(&parse(ELF, &sample()));
        let mut file = sample();
        put(&mut file, 56, &[0xff, 0xff]);
        put(&mut file, 60, &[0, 0, 0xff, 0xff]);
        put(&mut file, 0x100 + 32, &3u64.to_le_bytes());
        put(&mut file, 0x100 + 40, &[2, 0, 0, 0, 1, 0, 0, 0]);
        let tree = parse(ELF, &file);
        assert_eq!((leaves(&tree), defects(&tree).len()), (plain, 0));
        // A section that shares bytes with the header is still one.
        put(&mut file, 0x100 + 4, &[1]);
        assert_eq!(defects(&parse(ELF, &file)), ["elf/overlap"]);
        put(&mut file, 0x100 + 44, &u32::MAX.to_le_bytes());
        assert_eq!(defects(&parse(ELF, &file)), ["elf/segment-count"]);
    }

    #[test]
    fn a_count_of_sections_beyond_reason_is_refused() {
        let mut file = sample();
        put(&mut file, 60, &[0, 0]);
        put(&mut file, 0x100 + 32, &u64::MAX.to_le_bytes());
        assert_eq!(defects(&parse(ELF, &file)), ["elf/section-count"]);
    }

    #[test]
    fn hostile_bytes() {
        torture(ELF, &sample());
        torture(ELF, &sample_32());
    }
}
