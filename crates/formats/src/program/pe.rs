//! Portable executables: PE32 and PE32+.
//!
//! Microsoft PE Format, revision of 2024-07 ("Optional Header", "Section Table", "The Attribute Certificate
//! Table"); UEFI Specification 2.10, section 2.1.1; Windows Authenticode Portable Executable Signature Format 1.0.
//!
//! ```text
//! 0x00 e_magic "MZ"   2    PE+0x00 Signature "PE\0\0"       4    section table, 40 bytes each
//! 0x3c e_lfanew       4    PE+0x04 Machine                  2    0x00 Name              8
//!      (offset of PE)      PE+0x06 NumberOfSections         2    0x08 VirtualSize       4
//!                          PE+0x08 TimeDateStamp            4    0x0c VirtualAddress    4
//!                          PE+0x14 SizeOfOptionalHeader     2    0x10 SizeOfRawData     4
//!                          PE+0x16 Characteristics          2    0x14 PointerToRawData  4
//!                          PE+0x18 optional header, then        0x24 Characteristics    4
//!                                  the section table
//! ```
//!
//! Loader modelled: EDK II `BasePeCoffLib`: it finds the PE header through `e_lfanew`, or at 0 when there is no
//! "MZ"; copies `SizeOfHeaders` bytes, then of each section the smaller of `VirtualSize` and `SizeOfRawData`,
//! and nothing of a section without `PointerToRawData`.
//!
//! Ambiguities, each a defect: sections, headers or certificates that share bytes of the file; section addresses
//! that overlap, leave `SizeOfImage` or, outside EFI, are not aligned; raw data that are not aligned (Windows rounds the
//! pointer down, EDK II takes it as it is: where the subsystem is EFI's that is a plain defect); more raw data than
//! `VirtualSize` by a whole file alignment, unless they are zeros to the end of a page (Windows maps what EDK II leaves
//! out); `SizeOfHeaders` that cuts the section table off.
//!
//! A COFF symbol table with its string table (deprecated for images, and common) is two leaves where its structure
//! holds: whole records, further records as announced, sections that there are, names in the string table, and no byte
//! that something else has. Certificates that Apple's tools write stand behind a directory of eight bytes, in which EDK II
//! finds none.
//!
//! A file is a program to its last byte. In flash (a partition, or what was found by searching) it ends where the last
//! of its headers, sections, symbols and certificates does; what lies behind is searched as a flash is.
//!
//! Limitations: imports, relocations, resources and debug data stay inside their sections. Names of sections are the eight bytes of the table; a name
//! that points into a string table (`/4`) stays as it is.
//!
//! ## Normal form
//!
//! None is needed: headers, sections, gaps, certificates and what lies behind are leaves, compared as they lie; nothing
//! is masked, the checksum of the optional header and the date neither, although no UEFI loader reads them.
//!
//! The loader uses relocations, the debug directory (it reports the path in it) and, when it verifies, the
//! certificates: they are inside leaves. What we read and EDK II does not: names of sections, and raw data beyond
//! `VirtualSize`.

use goblin::pe::header::{CoffHeader, Header};
use goblin::pe::optional_header::OptionalHeader;
use goblin::pe::section_table::SectionTable;
use kiwame_image::{
    Anchor, Arrange as _, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Reading, Span, Sure,
    Trouble, Value, fact,
};

use crate::program::{self, Names, Piece};

/// A PE image.
#[derive(Debug)]
pub(crate) struct Pe;

/// For the parents of images.
pub(crate) static PE: &dyn Format = &Pe;

impl Format for Pe {
    fn name(&self) -> &'static str {
        "pe"
    }

    fn about(&self) -> &'static str {
        "PE32 and PE32+ images: headers, sections, gaps, attribute certificates, overlay"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let at = u64::from(head.u32_le(LFANEW)?);
        let magic = head.u16_le(at.checked_add(OPTIONAL_HEADER)?)?;
        let found = head.bytes(0, 2)? == DOS_MAGIC
            && head.bytes(at, 4)? == PE_SIGNATURE
            && [PE32, PE32_PLUS].contains(&magic);
        let found = found.then(|| Reading::new(self, Sure::Structure))?;
        Some(length_by_head(head, at).map_or(found, |length| found.of_length(length)))
    }

    fn runs(&self, head: &Glance<'_>) -> bool {
        head.bytes(0, 2) == Some(DOS_MAGIC)
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match Image::read(&at) {
            Ok(image) => {
                let end = |at: &Input<'a>| image.end(at);
                program::in_flash(&at, out, ("pe", "pe-behind"), end, |at, out| image.split(at, out));
            }
            Err(trouble) => {
                out.trouble(trouble);
                program::refuse(at, out, "pe-unread");
            }
        }
    }
}

/// How long a program is, for those who search; `None` where that does not follow from its head. `start` is that of the
/// PE signature.
fn length_by_head(head: &Glance<'_>, start: u64) -> Option<u64> {
    let field = |offset: u64| head.u32_le(start.checked_add(offset)?).map(u64::from);
    let optional = start.checked_add(OPTIONAL_HEADER)?;
    let count = head.u16_le(start.checked_add(6)?).filter(|&count| count <= MOST_SECTIONS)?;
    let table = optional.checked_add(head.u16_le(start.checked_add(0x14)?)?.into())?;
    let mut end = field(SIZE_OF_HEADERS)?;
    for number in 0..u64::from(count) {
        let entry = table.checked_add(number.checked_mul(SECTION_ENTRY)?)?;
        let (length, pointer) = (head.u32_le(entry.checked_add(16)?)?, head.u32_le(entry.checked_add(20)?)?);
        if pointer != 0 {
            end = end.max(u64::from(pointer).checked_add(length.into())?);
        }
    }
    let directories = if head.u16_le(optional)? == PE32_PLUS { 112 } else { 96 };
    let directories = optional.checked_add(directories)?;
    let known = head.u32_le(directories.checked_sub(4)?)?;
    if known > 4 && directories.checked_add(40)? <= table {
        let (offset, length) =
            (head.u32_le(directories.checked_add(32)?)?, head.u32_le(directories.checked_add(36)?)?);
        let mut certificates = u64::from(offset).checked_add(length.into())?;
        if u64::from(length) == CERTIFICATE_HEADER {
            // Apple's directory, perhaps, which says where it goes on.
            certificates =
                certificates.checked_add(head.u32_le(u64::from(offset).checked_add(4)?)?.into())?;
        }
        end = end.max(certificates);
    }
    let (symbols, count) = (field(0xc)?, field(0x10)?);
    if symbols != 0 {
        let strings = symbols.checked_add(count.checked_mul(SYMBOL)?)?;
        end = end.max(strings.checked_add(head.u32_le(strings)?.into())?);
    }
    Some(end)
}

/// Up to the last byte that the headers name: what lies behind a program in flash is no overlay of it.
static ANCHOR: Anchor = Anchor {
    marks: &[b"MZ"],
    at: 0,
    whole: |at, _| {
        let start = pe_start(at).unwrap_or(u64::MAX);
        if start > FARTHEST || !at.slice(start, 4).window()?.starts_with(PE_SIGNATURE) {
            return Ok(None);
        }
        at.spend(LOOK)?;
        Ok(Image::read(at).ok().map(|image| image.end(at)).filter(|&end| end <= at.length()))
    },
};

/// What the headers say.
struct Image {
    /// Offset of the PE signature in the file.
    start: u64,
    coff: CoffHeader,
    optional: OptionalHeader,
    sections: Vec<Section>,
    /// Offset of the first byte behind the section table.
    table_end: u64,
    /// The COFF symbol table, when there is one.
    symbols: Option<Symbols>,
}

/// An entry of the section table.
pub(crate) struct Section {
    name: Vec<u8>,
    pub(crate) virtual_address: u64,
    virtual_size: u64,
    /// Where it lies in the file.
    pub(crate) raw: Span,
    characteristics: u32,
    /// Offset of the entry in the space.
    pub(crate) place: u64,
}

impl Image {
    fn read(at: &Input<'_>) -> Result<Self, Trouble> {
        let start = pe_start(at)?;
        let fixed = at.slice(start, OPTIONAL_HEADER).window()?;
        let mut reader = fixed.reader(&TRUNCATED);
        let signature = reader.bytes(4, "Signature")?;
        if signature != PE_SIGNATURE {
            return Err(Defect::new(&SIGNATURE, "Signature", fixed.offset(), signature, PE_SIGNATURE).into());
        }
        reader
            .bytes(16, "Machine, NumberOfSections, TimeDateStamp, PointerToSymbolTable, NumberOfSymbols")?;
        let size = u64::from(reader.u16_le("SizeOfOptionalHeader")?);
        let (coff, optional) = headers(at, start, size)?;
        let table = start.saturating_add(OPTIONAL_HEADER).saturating_add(size);
        let count = coff.number_of_sections;
        let sections = sections(at, table, count, &TRUNCATED)?;
        let table_end = table.saturating_add(u64::from(count).saturating_mul(SECTION_ENTRY));
        let mut image = Self { start, coff, optional, sections, table_end, symbols: None };
        image.symbols = Symbols::read(at, &image)?;
        Ok(image)
    }

    /// Where by its own account the program ends.
    fn end(&self, at: &Input<'_>) -> u64 {
        let sections =
            self.sections.iter().filter(|section| section.is_loaded()).map(|section| section.raw.end());
        let certificates = self.certificates(at).unwrap_or_default();
        let certificates = certificates.iter().map(|certificate| certificate.span.end());
        let table = self.certificate_table();
        let others = [self.headers_end(), if table.is_empty() { 0 } else { table.end() }];
        let symbols = self.symbols.as_ref().map(|symbols| symbols.strings.end());
        others.into_iter().chain(sections).chain(certificates).chain(symbols).max().unwrap_or(0)
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        self.describe(out);
        self.check_headers(at, out);
        self.check_sections(at, out);
        let certificates = self.claim(at, out);
        let mut pieces = vec![self.headers_piece()];
        pieces.extend(
            self.sections
                .iter()
                .filter(|section| section.is_loaded())
                .map(|section| section.piece("pe-section")),
        );
        pieces.extend((0u32..).zip(&certificates).map(|(number, certificate)| certificate.piece(number)));
        // No loader reads symbols: what has them inside something else has none.
        let symbols = self
            .symbols
            .iter()
            .flat_map(Symbols::pieces)
            .filter(|piece| piece.length > 0)
            .collect::<Vec<_>>();
        if !symbols.iter().any(|one| pieces.iter().any(|other| one.span().overlaps(other.span()))) {
            pieces.extend(symbols);
        }
        program::lay_out(at, out, &NAMES, "PointerToRawData", pieces);
    }

    /// Finds the attribute certificates and notes what those of Authenticode claim.
    fn claim<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Vec<Certificate> {
        let table = self.certificate_table();
        if table.end() > at.length() && !table.is_empty() {
            let place = at.offset().saturating_add(self.certificate_directory());
            out.defect(Defect::new(&BEYOND_END, "Certificate Table", place, table.end(), at.length()));
        }
        let certificates = match self.certificates(at) {
            Ok(certificates) => certificates,
            Err(trouble) => {
                out.trouble(trouble);
                return Vec::new();
            }
        };
        for certificate in &certificates {
            let span = at.span().slice(certificate.span.offset, certificate.span.length);
            if let Some(length) = certificate.bad_length {
                out.defect(Defect::new(&CERTIFICATE, "dwLength", span.offset, length, span.length));
            }
            if certificate.is_authenticode() {
                let signed = self.signed(at, table).into_iter();
                let signed: Vec<_> = signed
                    .map(|span| at.slice(span.offset.saturating_sub(at.offset()), span.length))
                    .collect();
                let signature =
                    at.slice(certificate.span.offset, certificate.span.length).from(CERTIFICATE_HEADER);
                out.says_signature("authenticode", &signed, &signature);
            }
        }
        certificates
    }

    fn certificates(&self, at: &Input<'_>) -> Result<Vec<Certificate>, Trouble> {
        let table = self.certificate_table();
        match Certificate::of_apple(at, table)? {
            Some(certificates) => Ok(certificates),
            None => Certificate::read_all(at, table),
        }
    }

    /// True for what the firmware or another boot loader loads, not Windows.
    fn is_efi(&self) -> bool {
        EFI_SUBSYSTEMS.contains(&self.optional.windows_fields.subsystem)
    }

    fn describe(&self, out: &mut Builder<'_, '_>) {
        let windows = &self.optional.windows_fields;
        program::facts(
            out,
            [
                (&fact::EXECUTABLE, true.into()),
                (&fact::MACHINE, self.coff.machine.into()),
                (&fact::CHARACTERISTICS, self.coff.characteristics.into()),
                (&fact::TIMESTAMP, self.coff.time_date_stamp.into()),
                (&OPTIONAL_MAGIC, self.optional.standard_fields.magic.into()),
                (&fact::ENTRY_POINT, u64::from(self.optional.standard_fields.address_of_entry_point).into()),
                (&fact::IMAGE_BASE, windows.image_base.into()),
                (&fact::IMAGE_SIZE, windows.size_of_image.into()),
                (&SECTION_ALIGNMENT_FACT, windows.section_alignment.into()),
                (&FILE_ALIGNMENT_FACT, windows.file_alignment.into()),
                (&fact::SUBSYSTEM, windows.subsystem.into()),
                (&DLL_CHARACTERISTICS, windows.dll_characteristics.into()),
            ],
        );
    }

    /// Where the headers end: what the loader copies, or the section table where that goes further.
    fn headers_end(&self) -> u64 {
        u64::from(self.optional.windows_fields.size_of_headers).max(self.table_end)
    }

    fn headers_piece(&self) -> Piece {
        let length = self.headers_end();
        let entry = self.optional.standard_fields.address_of_entry_point;
        let facts = vec![program::entry_point(entry.into())];
        Piece { kind: "pe-headers", key: b"0".to_vec(), offset: 0, length, facts }
    }

    fn check_headers(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) {
        let field = |offset: u64| at.offset().saturating_add(self.start).saturating_add(offset);
        let size = self.optional.windows_fields.size_of_headers;
        if u64::from(size) < self.table_end {
            let place = field(SIZE_OF_HEADERS);
            out.defect(Defect::new(&HEADERS_SIZE, "SizeOfHeaders", place, size, self.table_end));
        }
        let entry = u64::from(self.optional.standard_fields.address_of_entry_point);
        let inside = self.sections.iter().any(|section| section.memory().contains(Span::new(entry, 1)));
        if entry != 0 && !inside {
            let place = field(ENTRY_POINT);
            out.defect(Defect::new(
                &NO_ENTRY_POINT,
                "AddressOfEntryPoint",
                place,
                entry,
                "an address in a section",
            ));
        }
    }

    fn check_sections(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) {
        let windows = &self.optional.windows_fields;
        for section in &self.sections {
            let alignments = (windows.section_alignment.into(), windows.file_alignment.into());
            section.check(at, out, alignments, self.is_efi());
            let (end, size) = (section.memory().end(), u64::from(windows.size_of_image));
            if end > size {
                out.defect(Defect::new(&VIRTUAL_BEYOND, "VirtualAddress", section.place, end, size));
            }
        }
        check_memory(&self.sections, out, &VIRTUAL_OVERLAP);
    }

    /// The attribute certificate table: the one data directory whose address is an offset in the file.
    fn certificate_table(&self) -> Span {
        let table = self.optional.data_directories.get_certificate_table();
        table.map_or(Span::default(), |table| Span::new(table.virtual_address.into(), table.size.into()))
    }

    /// Where in the file the entry of that table lies in the data directories: it is the fifth.
    fn certificate_directory(&self) -> u64 {
        let directories = if self.optional.standard_fields.magic == PE32_PLUS { 112 } else { 96 };
        self.start.saturating_add(OPTIONAL_HEADER).saturating_add(directories).saturating_add(32)
    }

    /// What Authenticode hashes (section "Calculating the PE Image Hash" of its specification, and EDK II
    /// `HashPeImage`): the headers without checksum and certificate directory, the sections by file offset, and
    /// what lies behind the sum of these up to the certificates.
    fn signed(&self, at: &Input<'_>, table: Span) -> Vec<Span> {
        let headers = self.optional.windows_fields.size_of_headers.into();
        let checksum = self.start.saturating_add(CHECKSUM);
        let directory = self.certificate_directory();
        let mut spans = vec![
            Span::between(0, checksum),
            Span::between(checksum.saturating_add(4), directory),
            Span::between(directory.saturating_add(8), headers),
        ];
        let mut raw: Vec<_> = self.sections.iter().map(|section| section.raw).collect();
        raw.arrange();
        let sum = raw.iter().fold(headers, |sum, span| sum.saturating_add(span.length));
        spans.extend(raw);
        spans.push(Span::between(sum, at.length().saturating_sub(table.length)));
        joined(spans.into_iter().map(|span| at.span().slice(span.offset, span.length)))
    }
}

/// Sections that share addresses: which one wins depends on the order in which a loader copies them.
pub(crate) fn check_memory(sections: &[Section], out: &mut Builder<'_, '_>, kind: &'static DefectKind) {
    let mut memory: Vec<_> = sections.iter().map(|section| (section.memory(), section.place)).collect();
    memory.arrange();
    for ((before, _), (after, place)) in memory.iter().zip(memory.iter().skip(1)) {
        if before.overlaps(*after) {
            out.defect(Defect::new(kind, "VirtualAddress", *place, after.offset, before.end()));
        }
    }
}

/// The spans without the empty ones, neighbours in one piece.
fn joined(spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans.filter(|span| !span.is_empty()) {
        match joined.last_mut() {
            Some(last) if last.end() == span.offset => last.length = last.length.saturating_add(span.length),
            _ => joined.push(span),
        }
    }
    joined
}

/// Offset of the PE signature: `e_lfanew`, or 0 without a DOS header.
fn pe_start(at: &Input<'_>) -> Result<u64, Trouble> {
    let dos = at.head(LFANEW.saturating_add(4))?;
    if !dos.starts_with(DOS_MAGIC) {
        return Ok(0);
    }
    let mut reader = dos.reader(&TRUNCATED);
    reader.bytes(LFANEW, "IMAGE_DOS_HEADER")?;
    Ok(reader.u32_le("e_lfanew")?.into())
}

/// goblin sees the PE headers and no more: the DOS stub, and the rich header in it, say nothing to a loader.
fn headers(at: &Input<'_>, start: u64, optional: u64) -> Result<(CoffHeader, OptionalHeader), Trouble> {
    let window = at.slice(start, OPTIONAL_HEADER.saturating_add(optional)).window()?;
    let refused =
        |what: String| Defect::new(&REFUSED, "IMAGE_NT_HEADERS", window.offset(), what, "PE headers");
    let header = Header::parse_without_dos(&window).map_err(|error| refused(error.to_string()))?;
    let optional = header.optional_header.ok_or_else(|| refused("no optional header".to_owned()))?;
    Ok((header.coff_header, optional))
}

/// The section table, which TE images have too.
pub(crate) fn sections(
    at: &Input<'_>,
    table: u64,
    count: u16,
    truncated: &'static DefectKind,
) -> Result<Vec<Section>, Trouble> {
    let window = at.slice(table, u64::from(count).saturating_mul(SECTION_ENTRY)).window()?;
    let mut reader = window.reader(truncated);
    let mut sections = Vec::with_capacity(count.into());
    for _ in 0..count {
        let place = reader.offset();
        let entry = reader.bytes(SECTION_ENTRY, "IMAGE_SECTION_HEADER")?;
        sections.push(Section::read(entry, place)?);
    }
    Ok(sections)
}

impl Section {
    /// goblin gets the entry without its name, which it would look up in a string table.
    fn read(entry: &[u8], place: u64) -> Result<Self, Defect> {
        let mut nameless = [0; 40];
        nameless.copy_from_slice(entry);
        let (name, _) = nameless.split_at_mut(8);
        let text = name.to_vec();
        name.fill(0);
        let table = SectionTable::parse(&nameless, &mut 0, 0).map_err(|error| {
            Defect::new(&REFUSED, "IMAGE_SECTION_HEADER", place, error.to_string(), "an entry of the table")
        })?;
        let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
        Ok(Self {
            name: text.get(..end).unwrap_or_default().to_vec(),
            virtual_address: table.virtual_address.into(),
            virtual_size: table.virtual_size.into(),
            raw: Span::new(table.pointer_to_raw_data.into(), table.size_of_raw_data.into()),
            characteristics: table.characteristics,
            place,
        })
    }

    /// True when a loader takes bytes of it from the file.
    pub(crate) fn is_loaded(&self) -> bool {
        self.raw.offset != 0 && self.raw.length != 0
    }

    /// What it covers in memory. A virtual size of 0 stands for the size in the file.
    pub(crate) fn memory(&self) -> Span {
        let size = if self.virtual_size == 0 { self.raw.length } else { self.virtual_size };
        Span::new(self.virtual_address, size)
    }

    /// EDK II takes addresses and pointers as they are, so that what is not aligned is ambiguous only where Windows is
    /// the loader.
    fn check(
        &self,
        at: &Input<'_>,
        out: &mut Builder<'_, '_>,
        (section_alignment, file_alignment): (u64, u64),
        efi: bool,
    ) {
        let mut aligned = |kind, field, value: u64, alignment: u64| {
            if value.checked_rem(alignment).unwrap_or(0) != 0 {
                let expected = format!("a multiple of {alignment:#x}");
                out.defect(Defect::new(kind, field, self.place, value, expected));
            }
        };
        let (in_memory, in_file) =
            if efi { (&SECTION_ALIGNMENT, &FILE_ALIGNMENT) } else { (&SECTION_MISALIGNED, &FILE_MISALIGNED) };
        aligned(in_memory, "VirtualAddress", self.virtual_address, section_alignment);
        if self.is_loaded() {
            aligned(in_file, "PointerToRawData", self.raw.offset, file_alignment);
        }
        if self.raw.offset == 0 && self.raw.length != 0 {
            out.defect(Defect::new(&NO_RAW_DATA, "PointerToRawData", self.place, 0u64, self.raw.length));
        }
        let mapped = self.memory().length.checked_next_multiple_of(file_alignment.max(1)).unwrap_or(u64::MAX);
        if self.is_loaded() && self.raw.length > mapped && !self.is_padded(at, mapped) {
            out.defect(Defect::new(&RAW_VIRTUAL, "SizeOfRawData", self.place, self.raw.length, mapped));
        }
    }

    /// True when the raw data from `mapped` on are zeros up to the end of a page, which is what a loader that leaves
    /// them out has there.
    fn is_padded(&self, at: &Input<'_>, mapped: u64) -> bool {
        let rest = at.slice(self.raw.offset, self.raw.length).from(mapped);
        rest.length() < PAGE && matches!(rest.uniform(), Ok(Some(0)))
    }

    /// The section as a leaf of that kind.
    pub(crate) fn piece(&self, kind: &'static str) -> Piece {
        let facts = vec![
            (&fact::NAME, Value::Text(String::from_utf8_lossy(&self.name).into_owned())),
            (&fact::VIRTUAL_ADDRESS, self.virtual_address.into()),
            (&VIRTUAL_SIZE, self.virtual_size.into()),
            (&fact::CHARACTERISTICS, self.characteristics.into()),
            (&fact::EXECUTABLE, (self.characteristics & EXECUTE != 0).into()),
            (&fact::WRITABLE, (self.characteristics & WRITE != 0).into()),
        ];
        let Span { offset, length } = self.raw;
        Piece { kind, key: self.name.clone(), offset, length, facts }
    }
}

/// An entry of the attribute certificate table (`WIN_CERTIFICATE`).
struct Certificate {
    /// Where it lies in the file.
    span: Span,
    /// `dwLength`, where it goes beyond the table or leaves no room for the header.
    bad_length: Option<u64>,
    revision: u16,
    kind: u16,
}

impl Certificate {
    fn read_all(at: &Input<'_>, table: Span) -> Result<Vec<Self>, Trouble> {
        let mut certificates = Vec::new();
        let mut start = table.offset;
        while start < table.end() && start < at.length() && certificates.len() < MAX_CERTIFICATES {
            let head = at.slice(start, CERTIFICATE_HEADER).window()?;
            let mut reader = head.reader(&TRUNCATED);
            let length = u64::from(reader.u32_le("dwLength")?);
            let room = table.end().saturating_sub(start);
            if length < CERTIFICATE_HEADER || length > room {
                let span = Span::new(start, room);
                certificates.push(Self { span, bad_length: Some(length), revision: 0, kind: 0 });
                break;
            }
            let span = Span::new(start, length);
            let (revision, kind) = (reader.u16_le("wRevision")?, reader.u16_le("wCertificateType")?);
            certificates.push(Self { span, bad_length: None, revision, kind });
            start = span.end().checked_next_multiple_of(8).unwrap_or(u64::MAX);
        }
        Ok(certificates)
    }

    /// The directory of eight bytes that Apple's tools write, and the certificate behind it: where that is, and how
    /// long. EDK II finds no certificate in a table of so many bytes.
    fn of_apple(at: &Input<'_>, table: Span) -> Result<Option<Vec<Self>>, Trouble> {
        if table.length != CERTIFICATE_HEADER || table.end() > at.length() {
            return Ok(None);
        }
        let window = at.slice(table.offset, APPLE).window()?;
        let mut reader = window.reader(&TRUNCATED);
        let Ok(offset) = reader.u32_le("CertOffset") else { return Ok(None) };
        let Ok(size) = reader.u32_le("CertSize") else { return Ok(None) };
        let Ok(length) = reader.u32_le("dwLength") else { return Ok(None) };
        let (revision, kind) = (reader.u16_le("wRevision"), reader.u16_le("wCertificateType"));
        let (Ok(revision), Ok(kind)) = (revision, kind) else { return Ok(None) };
        let span = Span::new(offset.into(), size.into());
        let agrees = span.offset == table.end()
            && size == length
            && span.length >= CERTIFICATE_HEADER
            && span.end() <= at.length()
            && kind == EFI_GUID;
        let directory = Self { span: table, bad_length: None, revision: 0, kind: 0 };
        let certificate = Self { span, bad_length: None, revision, kind };
        Ok(agrees.then(|| vec![directory, certificate]))
    }

    fn is_authenticode(&self) -> bool {
        self.kind == PKCS_SIGNED_DATA
    }

    fn piece(&self, number: u32) -> Piece {
        let facts = vec![(&fact::REVISION, self.revision.into()), (&CERTIFICATE_TYPE, self.kind.into())];
        let key = number.to_string().into_bytes();
        Piece { kind: "pe-certificates", key, offset: self.span.offset, length: self.span.length, facts }
    }
}

/// The COFF symbol table and the string table behind it (Microsoft PE Format, "COFF Symbol Table").
struct Symbols {
    table: Span,
    strings: Span,
}

impl Symbols {
    /// `None` when there is none, or one that does not hold together.
    fn read(at: &Input<'_>, image: &Image) -> Result<Option<Self>, Trouble> {
        let (pointer, count) = (image.coff.pointer_to_symbol_table, image.coff.number_of_symbol_table);
        let table = Span::new(pointer.into(), u64::from(count).saturating_mul(SYMBOL));
        if pointer == 0 || count > MOST_SYMBOLS || table.end() >= at.length() {
            return Ok(None);
        }
        let window = at.slice(table.end(), STRINGS_HEADER).window()?;
        let Ok(length) = window.reader(&TRUNCATED).u32_le("String Table") else { return Ok(None) };
        let strings = Span::new(table.end(), length.into());
        if strings.length < STRINGS_HEADER || strings.end() > at.length() {
            return Ok(None);
        }
        let records = at.slice(table.offset, table.length).window()?;
        let sections = image.coff.number_of_sections;
        Ok(are_symbols(&records, sections, strings.length).then_some(Self { table, strings }))
    }

    fn pieces(&self) -> [Piece; 2] {
        let piece = |kind, Span { offset, length }| Piece {
            kind,
            key: b"0".to_vec(),
            offset,
            length,
            facts: Vec::new(),
        };
        [piece("pe-symbols", self.table), piece("pe-strings", self.strings)]
    }
}

/// True for records of symbols, each with as many further records as it says, of sections that there are, with names in
/// a string table of that length.
fn are_symbols(records: &[u8], sections: u16, strings: u64) -> bool {
    let (records, _) = records.as_chunks::<18>();
    let mut records = records.iter();
    while let Some(record) = records.next() {
        let [0, 0, 0, 0, a, b, c, d, _, _, _, _, low, high, _, _, _, more] = *record else {
            let [first, .., low, high, _, _, _, more] = *record;
            if first == 0 || !is_section(low, high, sections) || !skip(&mut records, more) {
                return false;
            }
            continue;
        };
        let name = u64::from(u32::from_le_bytes([a, b, c, d]));
        let named = name == 0 || (STRINGS_HEADER..strings).contains(&name);
        if !named || !is_section(low, high, sections) || !skip(&mut records, more) {
            return false;
        }
    }
    true
}

/// A section by its number; 0, -1 and -2 stand for none.
fn is_section(low: u8, high: u8, sections: u16) -> bool {
    let number = u16::from_le_bytes([low, high]);
    number <= sections || number >= u16::MAX.wrapping_sub(1)
}

fn skip<'r>(records: &mut impl Iterator<Item = &'r [u8; 18]>, count: u8) -> bool {
    (0..count).all(|_| records.next().is_some())
}

const NAMES: Names = Names { gap: "pe-gap", overlay: "pe-overlay", overlap: &OVERLAP, beyond: &BEYOND_END };
const DOS_MAGIC: &[u8] = b"MZ";
const PE_SIGNATURE: &[u8] = b"PE\0\0";
const PE32: u16 = 0x10b;
const PE32_PLUS: u16 = 0x20b;
/// Offset of `e_lfanew`.
/// No program has its header further behind.
const FARTHEST: u64 = 64 << 10;
/// What a look at the headers costs.
const LOOK: u64 = 64 << 10;
const LFANEW: u64 = 0x3c;
// Offsets from the PE signature.
const OPTIONAL_HEADER: u64 = 0x18;
const ENTRY_POINT: u64 = 0x28;
const SIZE_OF_HEADERS: u64 = 0x54;
const CHECKSUM: u64 = 0x58;
/// Size of an entry of the section table.
pub(crate) const SECTION_ENTRY: u64 = 40;
/// `IMAGE_SCN_MEM_EXECUTE` and `IMAGE_SCN_MEM_WRITE`.
const EXECUTE: u32 = 0x2000_0000;
const WRITE: u32 = 0x8000_0000;
const CERTIFICATE_HEADER: u64 = 8;
/// Apple's directory, and the header of a certificate behind it.
const APPLE: u64 = 16;
/// Linkers pad sections to no more than that.
const PAGE: u64 = 4096;
/// More sections than that no program of a firmware has; Windows loads no more.
const MOST_SECTIONS: u16 = 96;
/// More symbols stay a gap: shim has some four thousand.
const MOST_SYMBOLS: u32 = 1 << 18;
/// A record of the symbol table.
const SYMBOL: u64 = 18;
/// The length in front of the string table, which counts itself.
const STRINGS_HEADER: u64 = 4;
/// `EFI_APPLICATION`, `EFI_BOOT_SERVICE_DRIVER`, `EFI_RUNTIME_DRIVER`, `EFI_ROM`.
const EFI_SUBSYSTEMS: core::ops::RangeInclusive<u16> = 10..=13;
/// `WIN_CERT_TYPE_EFI_GUID`.
const EFI_GUID: u16 = 0x0ef1;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const PKCS_SIGNED_DATA: u16 = 2;
/// Further certificates stay in the overlay. shim carries two, and no tool makes more than a handful.
const MAX_CERTIFICATES: usize = 64;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &BEYOND_END,
    &CERTIFICATE,
    &NO_ENTRY_POINT,
    &FILE_ALIGNMENT,
    &FILE_MISALIGNED,
    &HEADERS_SIZE,
    &NO_RAW_DATA,
    &OVERLAP,
    &RAW_VIRTUAL,
    &REFUSED,
    &SECTION_ALIGNMENT,
    &SECTION_MISALIGNED,
    &SIGNATURE,
    &TRUNCATED,
    &VIRTUAL_BEYOND,
    &VIRTUAL_OVERLAP,
];

/// A section, or the certificate table, lies beyond the file.
static BEYOND_END: DefectKind = DefectKind::ambiguous("pe/beyond-end");
/// A certificate is longer or shorter than its place in the table.
static CERTIFICATE: DefectKind = DefectKind::ambiguous("pe/certificate");
/// The entry point lies in no section.
static NO_ENTRY_POINT: DefectKind = DefectKind::odd("pe/entry-point");
/// A section of a program for UEFI does not begin at a multiple of the alignment in the file.
static FILE_ALIGNMENT: DefectKind = DefectKind::odd("pe/file-alignment");
/// The headers are said to be shorter than they are.
static HEADERS_SIZE: DefectKind = DefectKind::ambiguous("pe/headers-size");
/// A section has bytes and no place for them in the file.
static NO_RAW_DATA: DefectKind = DefectKind::ambiguous("pe/no-raw-data");
/// Sections share bytes of the file.
static OVERLAP: DefectKind = DefectKind::ambiguous("pe/overlap");
/// A section has more bytes in the file than in memory: loaders differ in how many they take.
static RAW_VIRTUAL: DefectKind = DefectKind::ambiguous("pe/raw-virtual");
/// The headers are none that can be read.
static REFUSED: DefectKind = DefectKind::odd("pe/refused");
/// A section of a program for UEFI does not begin at a multiple of the alignment in memory.
static SECTION_ALIGNMENT: DefectKind = DefectKind::odd("pe/section-alignment");
/// There are no PE headers where the DOS header says.
static SIGNATURE: DefectKind = DefectKind::odd("pe/signature");
/// A section does not begin at a multiple of the alignment in the file: loaders round it, or refuse it.
static FILE_MISALIGNED: DefectKind = DefectKind::ambiguous("pe/file-misaligned");
/// A section does not begin at a multiple of the alignment in memory: loaders round it, or refuse it.
static SECTION_MISALIGNED: DefectKind = DefectKind::ambiguous("pe/section-misaligned");
/// The file ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("pe/truncated").cut_short();
/// A section lies beyond the size of the image in memory.
static VIRTUAL_BEYOND: DefectKind = DefectKind::ambiguous("pe/virtual-beyond");
/// Sections share addresses: which one wins depends on the loader.
static VIRTUAL_OVERLAP: DefectKind = DefectKind::ambiguous("pe/virtual-overlap");

// Facts, in the words of the specification.
static CERTIFICATE_TYPE: Fact = Fact::new("certificate-type");
static DLL_CHARACTERISTICS: Fact = Fact::new("dll-characteristics");
static FILE_ALIGNMENT_FACT: Fact = Fact::new("file-alignment");
static OPTIONAL_MAGIC: Fact = Fact::new("optional-magic");
static SECTION_ALIGNMENT_FACT: Fact = Fact::new("section-alignment");
static VIRTUAL_SIZE: Fact = Fact::new("virtual-size");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Says;

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    const PE_AT: usize = 0x40;
    const TABLE: usize = PE_AT + 0x18 + 0xf0;

    /// A PE32+ image: headers to 0x200, `.text`, `.data`, one certificate, in 0x6c0 bytes.
    fn sample() -> Vec<u8> {
        let mut image = vec![0; 0x6c0];
        put(&mut image, 0, b"MZ");
        put(&mut image, 0x3c, &(PE_AT as u32).to_le_bytes());
        put(&mut image, PE_AT, b"PE\0\0");
        put(&mut image, PE_AT + 4, &0x8664u16.to_le_bytes());
        put(&mut image, PE_AT + 6, &2u16.to_le_bytes());
        put(&mut image, PE_AT + 0x14, &0xf0u16.to_le_bytes());
        let optional = PE_AT + 0x18;
        put(&mut image, optional, &PE32_PLUS.to_le_bytes());
        put(&mut image, optional + 16, &0x1010u32.to_le_bytes());
        put(&mut image, optional + 32, &0x1000u32.to_le_bytes());
        put(&mut image, optional + 36, &0x200u32.to_le_bytes());
        put(&mut image, optional + 56, &0x3000u32.to_le_bytes());
        put(&mut image, optional + 60, &0x200u32.to_le_bytes());
        put(&mut image, optional + 68, &11u16.to_le_bytes());
        put(&mut image, optional + 108, &16u32.to_le_bytes());
        put(&mut image, optional + 112 + 32, &[0x600u32.to_le_bytes(), 0xc0u32.to_le_bytes()].concat());
        section(&mut image, 0, b".text", [0x180, 0x1000, 0x200, 0x200], 0x6000_0020);
        section(&mut image, 1, b".data", [0x200, 0x2000, 0x200, 0x400], 0xc000_0040);
        put(&mut image, 0x600, &[0xc0, 0, 0, 0, 0, 2, 2, 0]);
        image
    }

    fn section(image: &mut [u8], number: usize, name: &[u8], fields: [u32; 4], characteristics: u32) {
        let at = TABLE + 40 * number;
        put(image, at, name);
        for (i, field) in fields.into_iter().enumerate() {
            put(image, at + 8 + 4 * i, &field.to_le_bytes());
        }
        put(image, at + 36, &characteristics.to_le_bytes());
    }

    fn changed(at: usize, value: u32) -> Vec<&'static str> {
        let mut image = sample();
        put(&mut image, at, &value.to_le_bytes());
        defects(&parse(PE, &image))
    }

    #[test]
    fn an_image_is_split_into_its_parts() {
        let tree = parse(PE, &sample());
        let expected = [
            ("pe-headers", "0".to_owned(), 0, 0x200),
            ("pe-section", ".text".to_owned(), 0x200, 0x200),
            ("pe-section", ".data".to_owned(), 0x400, 0x200),
            ("pe-certificates", "0".to_owned(), 0x600, 0xc0),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
        let root = region(&tree, "image");
        assert_eq!(root.attribute("machine"), Some(&Value::Uint(0x8664)));
        assert_eq!(root.attribute("executable"), Some(&Value::Flag(true)));
        assert_eq!(region(&tree, "pe-section:.text").attribute("executable"), Some(&Value::Flag(true)));
        assert_eq!(region(&tree, "pe-section:.data").attribute("executable"), Some(&Value::Flag(false)));
    }

    #[test]
    fn a_certificate_claims_all_but_checksum_directory_and_itself() {
        let tree = parse(PE, &sample());
        let [claim] = tree.claims() else { panic!("one claim") };
        let directory = PE_AT as u64 + 0x18 + 112 + 32;
        let checksum = PE_AT as u64 + CHECKSUM;
        let signed = [
            Span::between(0, checksum),
            Span::between(checksum + 4, directory),
            Span::between(directory + 8, 0x600),
        ];
        let Says::Signature { scheme, value } = &claim.says else { panic!("a signature") };
        assert_eq!((*scheme, &claim.about[..]), ("authenticode", &signed[..]));
        assert_eq!(claim.place, Span::new(0x608, 0xb8));
        assert_eq!(value[..], sample()[0x608..0x608 + 0xb8]);
    }

    /// Whoever checks the signature of a driver needs no image, and no stream that was dropped long ago.
    #[test]
    fn what_a_stream_holds_is_measured_for_its_signature_while_it_is_there() {
        let options = lzma_rust2::LzmaOptions::with_preset(1);
        let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).expect("options");
        std::io::Write::write_all(&mut writer, &sample()).expect("memory");
        let packed = writer.finish().expect("memory");
        let plain = parse(PE, &sample());
        let packed = parse(&crate::stream::lzma::Lzma, &packed);
        let [plain, packed] = [&plain, &packed].map(|tree| tree.claims().first().expect("a claim").clone());
        assert_eq!((plain.measured, plain.says), (packed.measured, packed.says));
    }

    #[test]
    fn bytes_that_no_table_names_are_leaves() {
        let mut image = sample();
        // .text now begins later, and something follows the certificates.
        section(&mut image, 0, b".text", [0x180, 0x1000, 0x100, 0x300], 0x6000_0020);
        put(&mut image, TABLE + 20, &0x300u32.to_le_bytes());
        put(&mut image, 0x210, b"hidden");
        image.extend(b"overlay");
        let kinds: Vec<_> = leaves(&parse(PE, &image)).into_iter().map(|leaf| leaf.0).collect();
        let expected = ["pe-headers", "pe-gap", "pe-section", "pe-section", "pe-certificates", "pe-overlay"];
        assert_eq!(kinds, expected);
        let tree = parse(PE, &image);
        assert_eq!(region(&tree, "pe-gap:1").content, kiwame_image::Content::Unknown);
    }

    #[test]
    fn what_loaders_read_differently_is_ambiguous() {
        let raw = |number: usize| TABLE + 40 * number + 20;
        let address = |number: usize| TABLE + 40 * number + 12;
        assert_eq!(changed(raw(1), 0x200), ["pe/overlap"]);
        assert_eq!(changed(raw(1), 0x8000), ["pe/beyond-end"]);
        assert_eq!(changed(raw(1), 0x410), ["pe/file-alignment", "pe/overlap"]);
        assert_eq!(changed(raw(1), 0), ["pe/no-raw-data"]);
        assert_eq!(changed(address(1), 0x1000), ["pe/virtual-overlap"]);
        assert_eq!(changed(address(1), 0x2100), ["pe/section-alignment"]);
        assert_eq!(changed(address(1), 0x3000), ["pe/virtual-beyond"]);
        assert_eq!(
            changed(TABLE + 8, 0x1),
            ["pe/entry-point"],
            "the last byte of .text in memory is its first"
        );
        assert_eq!(changed(PE_AT + 0x54, 0x100), ["pe/headers-size"]);
        assert_eq!(changed(0x600, 0xc8), ["pe/certificate"]);
        let tree = parse(PE, &{
            let mut image = sample();
            put(&mut image, raw(1), &0x200u32.to_le_bytes());
            image
        });
        assert!(tree.defects().iter().all(|defect| defect.kind.ambiguous));
    }

    #[test]
    fn more_raw_data_than_memory_is_ambiguous() {
        let mut image = sample();
        section(&mut image, 0, b".text", [0x180, 0x1000, 0x400, 0x200], 0x6000_0020);
        section(&mut image, 1, b".data", [0x200, 0x2000, 0, 0], 0xc000_0040);
        assert_eq!(defects(&parse(PE, &image)), [""; 0], "zeros are padding");
        image[0x5ff] = 1;
        assert_eq!(defects(&parse(PE, &image)), ["pe/raw-virtual"]);
    }

    #[test]
    fn what_is_not_aligned_is_ambiguous_where_windows_loads_it() {
        let (efi, other) = ("pe/section-alignment", "pe/section-misaligned");
        for (subsystem, id) in [(10u16, efi), (13, efi), (2, other), (16, other)] {
            let mut image = sample();
            put(&mut image, PE_AT + 0x18 + 68, &subsystem.to_le_bytes());
            put(&mut image, TABLE + 40 + 12, &0x2100u32.to_le_bytes());
            let tree = parse(PE, &image);
            let [defect] = tree.defects() else { panic!("one defect") };
            assert_eq!((defect.kind.id, defect.kind.ambiguous), (id, id == other), "{subsystem}");
            assert_eq!(defect.expected.display(), "a multiple of 0x1000");
        }
    }

    /// The sample with four symbols, one of them a further record, and a string table.
    fn with_symbols() -> Vec<u8> {
        let mut image = sample();
        put(&mut image, PE_AT + 0xc, &[0x6c0u32.to_le_bytes(), 4u32.to_le_bytes()].concat());
        let mut symbol = |name: &[u8; 8], section: i16, more: u8| {
            image.extend(name);
            image.extend([0; 4]);
            image.extend(section.to_le_bytes());
            image.extend([0x20, 0, 2, more]);
        };
        symbol(b".file\0\0\0", -2, 1);
        symbol(b"boot.c\0\0", 0x7777, 0x77);
        symbol(b"_start\0\0", 1, 0);
        symbol(b"\0\0\0\0\x04\0\0\0", 2, 0);
        image.extend(20u32.to_le_bytes());
        image.extend(b"a_long_symbol..\0");
        image
    }

    #[test]
    fn symbols_and_their_strings_have_names() {
        let sound = with_symbols();
        let tree = parse(PE, &sound);
        let shown: Vec<_> = leaves(&tree).into_iter().skip(4).collect();
        let expected =
            [("pe-symbols", "0".to_owned(), 0x6c0, 72), ("pe-strings", "0".to_owned(), 0x6c0 + 72, 20)];
        assert_eq!(shown, expected);
        assert_eq!(defects(&tree), [""; 0]);
        // No symbols, and a string table of nothing, as Apple's tools write it.
        let mut none = sample();
        put(&mut none, PE_AT + 0xc, &0x6c0u32.to_le_bytes());
        none.extend([4, 0, 0, 0]);
        assert_eq!(leaves(&parse(PE, &none)).pop(), Some(("pe-strings", "0".to_owned(), 0x6c0, 4)));
    }

    #[test]
    fn what_is_no_symbol_table_stays_what_nobody_understands() {
        let strings = 0x6c0 + 72;
        for (at, value, what) in [
            (0x6c0 + 12, 3, "a section that is not there"),
            (0x6c0 + 17, 9, "more further records than there are"),
            (0x6c0 + 54 + 4, 20, "a name behind the strings"),
            (strings, 3, "strings shorter than their length"),
            (strings, 21, "strings beyond the file"),
            (PE_AT + 0x10, 5, "more symbols than there are"),
            (PE_AT + 0xd, 4, "a table over a section"),
        ] {
            let mut image = with_symbols();
            image[at] = value;
            if what == "a section that is not there" {
                image[at + 1] = 0;
            }
            let tree = parse(PE, &image);
            assert!(!leaves(&tree).iter().any(|leaf| leaf.0 == "pe-symbols"), "{what}");
            assert_eq!(defects(&tree), [""; 0], "{what}");
        }
    }

    /// The sample with Apple's directory of eight bytes, and its certificate behind.
    fn signed_by_apple() -> Vec<u8> {
        let mut image = sample();
        put(&mut image, PE_AT + 0x18 + 112 + 36, &8u32.to_le_bytes());
        put(&mut image, 0x600, &[0x608u32.to_le_bytes(), 0xb8u32.to_le_bytes()].concat());
        put(&mut image, 0x608, &[0xb8, 0, 0, 0, 1, 0, 0xf1, 0x0e]);
        image
    }

    #[test]
    fn apples_directory_leads_to_the_certificate_behind_it() {
        let tree = parse(PE, &signed_by_apple());
        assert_eq!(defects(&tree), [""; 0]);
        let shown: Vec<_> = leaves(&tree).into_iter().skip(3).collect();
        let expected =
            [("pe-certificates", "0".to_owned(), 0x600, 8), ("pe-certificates", "1".to_owned(), 0x608, 0xb8)];
        assert_eq!(shown, expected);
        assert!(tree.claims().is_empty());
        for (at, value) in [(0x600, 9), (0x604, 0xb7), (0x608, 0xb7), (0x60e, 0xf0)] {
            let mut image = signed_by_apple();
            image[at] = value;
            assert_eq!(defects(&parse(PE, &image)), ["pe/certificate"], "{at:#x}");
        }
        torture(PE, &signed_by_apple());
    }

    #[test]
    fn in_flash_a_program_ends_where_its_tables_end() {
        for image in [sample(), with_symbols(), signed_by_apple()] {
            let length = image.len() as u64;
            let found = PE.probe(&Glance::new(&image, length)).expect("recognised");
            assert_eq!(found.length, Some(length));
            let update = crate::x86::microcode::tests::sample();
            let mut flash = vec![0xff; 0x4000];
            put(&mut flash, 0x1000, &image);
            put(&mut flash, 0x1800, b"something else");
            put(&mut flash, 0x3000, &update);
            let tree = parse(crate::named("raw").unwrap(), &flash);
            assert!(!tree.regions().any(|region| region.kind == "pe-overlay"));
            let end = 0x1000 + length;
            let behind = tree.leaves().find(|leaf| leaf.span.offset == end).expect("what lies behind");
            assert_eq!((behind.kind, behind.content), ("between", kiwame_image::Content::Unknown));
            assert!(tree.regions().any(|region| region.kind == "microcode"));
        }
        // A file is a program to its last byte.
        let tree = parse(PE, &[sample(), vec![0xff; 64]].concat());
        assert_eq!(leaves(&tree).pop(), Some(("pe-overlay", "0".to_owned(), 0x6c0, 64)));
    }

    #[test]
    fn an_image_without_the_dos_header_is_read_from_its_start() {
        let mut image = sample();
        put(&mut image, PE_AT + 0x18 + 112 + 32, &[0; 8]);
        let mut image = image.split_off(PE_AT);
        image.extend([0; PE_AT]);
        assert_eq!(defects(&parse(PE, &image)), [""; 0]);
    }

    #[test]
    fn what_goblin_refuses_is_one_leaf_that_is_not_understood() {
        let mut image = sample();
        put(&mut image, PE_AT + 0x18, &[0xff, 0xff]);
        let tree = parse(PE, &image);
        assert_eq!(defects(&tree), ["pe/refused"]);
        assert_eq!(leaves(&tree), [("pe-unread", "0".to_owned(), 0, 0x6c0)]);
    }

    #[test]
    fn hostile_bytes() {
        torture(PE, &sample());
        torture(PE, &with_symbols());
    }
}
