//! UEFI PI firmware volumes.
//!
//! UEFI Platform Initialization Specification 1.8, volume 3, section 3.2.1 (`EFI_FIRMWARE_VOLUME_HEADER`) and
//! section 3.2.3 (`EFI_FFS_FILE_HEADER`). Loader modelled: the EDK II PEI and DXE cores, which search files from
//! the first one on and stop at the first header in the erased state.
//!
//! Ambiguities, each a defect: a length that the block map contradicts, a wrong checksum (the DXE core refuses
//! what the PEI core reads), two live files of one name, a file in a state that loaders skip in different ways,
//! data that is not aligned as the file asks, a volume top file that is not at the top, a volume of revision 1 in which
//! EDK II would find an extended header.
//!
//! In revision 1 (Intel Platform Innovation Framework for EFI, Firmware Volume Block Specification 0.9) the three bytes
//! from 0x34 on are reserved, and vendors keep other things there; there is no extended header. The EDK II cores do not
//! look at the revision. They read no volume of FFS1 either; in one of a later file system, reserved bytes that lead them
//! to what can be an extended header are ambiguous when their first file is then another.
//!
//! Limitations: volumes with a file system that is not FFS are a header and one leaf, save variable stores, and whole
//! volumes and microcode in them.
//!
//! ```text
//! 0x00 ZeroVector      16     0x30 HeaderLength    2     0x38 BlockMap   8 each, ended by zeros
//! 0x10 FileSystemGuid  16     0x32 Checksum        2
//! 0x20 FvLength         8     0x34 ExtHeaderOffset 2     ExtHeaderOffset:
//! 0x28 Signature "_FVH" 4     0x36 Reserved        1     0x00 FvName         16 (not in revision 1)
//! 0x2c Attributes       4     0x37 Revision        1     0x10 ExtHeaderSize   4, entries behind it
//! ```
//!
//! ## Normal form
//!
//! None is needed: the header, the extended header with its entries, padding and free space are leaves, compared as
//! they lie. Nothing is masked: a volume whose checksum differs is another volume.
//!
//! The cores use the attributes (erase polarity, alignment), the block map and the extended header's size; platforms
//! use the zero vector. All are in the header's leaf.

use std::collections::BTreeSet;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Guid, Input, Node, Place, Reader, Reading, Recognised,
    Trouble, fact, to_usize,
};

use crate::uefi::file::{self, FileHeader, UefiFile};
use crate::uefi::nvram::NVRAM;

/// Firmware volumes.
pub(crate) static UEFI_VOLUME: UefiVolume = UefiVolume;

/// One firmware volume, from its zero vector to its last byte.
#[derive(Debug)]
pub(crate) struct UefiVolume;

impl Format for UefiVolume {
    fn name(&self) -> &'static str {
        "uefi-volume"
    }

    fn about(&self) -> &'static str {
        "UEFI PI firmware volume: FFS1, FFS2, FFS3 with extended headers and files beyond 16 MiB"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    /// A volume alone is an image of one volume, which `uefi-image` reads.
    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = volume(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// What the header of a volume says.
#[derive(Clone, Debug)]
pub(crate) struct VolumeHeader {
    zero_vector: [u8; 16],
    file_system: Guid,
    /// `FvLength`.
    pub(crate) length: u64,
    attributes: u32,
    header_length: u16,
    checksum: u16,
    ext_header_offset: u16,
    revision: u8,
    /// `NumBlocks` and `Length`, without the end of the list.
    blocks: Vec<(u32, u32)>,
    /// Sum of the header as 16-bit words; zero when the checksum is right.
    sum: u16,
}

impl VolumeHeader {
    /// The least a header can have: the fixed part, one block map entry, the end of the map.
    const SHORTEST: u16 = 0x48;
    /// Where the signature lies.
    pub(crate) const SIGNATURE_OFFSET: u64 = 0x28;
    /// More than any header of the corpus by far; what comes with more is not taken for a volume.
    pub(crate) const LONGEST: u64 = 0x1000;

    fn read(bytes: &[u8], base: u64) -> Result<Self, Defect> {
        let mut input = Reader::new(bytes, base, &TRUNCATED);
        let zero_vector = *input.bytes(16, "ZeroVector")?.first_chunk().unwrap_or(&[0; 16]);
        let file_system = input.guid("FileSystemGuid")?;
        let length = input.u64_le("FvLength")?;
        let signature = input.bytes(4, "Signature")?;
        if signature != SIGNATURE {
            let at = base.saturating_add(Self::SIGNATURE_OFFSET);
            return Err(Defect::new(&NO_SIGNATURE, "Signature", at, signature, SIGNATURE));
        }
        let attributes = input.u32_le("Attributes")?;
        let header_length = input.u16_le("HeaderLength")?;
        let checksum = input.u16_le("Checksum")?;
        let ext_header_offset = input.u16_le("ExtHeaderOffset")?;
        input.u8("Reserved")?;
        let revision = input.u8("Revision")?;
        let header = bytes.get(..usize::from(header_length)).unwrap_or(bytes);
        let mut blocks = Vec::new();
        while input.position() < u64::from(header_length) {
            match (input.u32_le("NumBlocks")?, input.u32_le("Length")?) {
                (0, 0) => break,
                entry => blocks.push(entry),
            }
        }
        let sum = sum16(header);
        Ok(Self {
            zero_vector,
            file_system,
            length,
            attributes,
            header_length,
            checksum,
            ext_header_offset,
            revision,
            blocks,
            sum,
        })
    }

    /// Reads what may be a header, and believes it only when independent facts agree: more than a magic. Either
    /// the checksum is right and something else is too, or the block map agrees with the length and the file
    /// system is a known one, so that one damaged field does not hide a volume.
    pub(crate) fn believe(bytes: &[u8], base: u64) -> Option<Self> {
        // What lies behind the longest header is not looked at: whoever searches comes here often.
        let header = Self::read(bytes.get(..to_usize(Self::LONGEST)).unwrap_or(bytes), base).ok()?;
        let sized = header.header_length >= Self::SHORTEST
            && header.header_length.is_multiple_of(2)
            && u64::from(header.header_length) <= header.length.min(Self::LONGEST);
        let blocks = header.mapped() == Some(header.length);
        let known = header.known().is_some();
        let checksum = header.sum == 0 && (blocks || known || matches!(header.revision, 1 | 2));
        (sized && (checksum || blocks && known)).then_some(header)
    }

    /// The value of erased bytes (`EFI_FVB2_ERASE_POLARITY`).
    pub(crate) fn erase(&self) -> u8 {
        if self.attributes & ERASE_POLARITY == 0 { 0 } else { 0xff }
    }

    /// Length as the block map adds up to.
    fn mapped(&self) -> Option<u64> {
        self.blocks.iter().try_fold(0u64, |sum, &(count, length)| {
            sum.checked_add(u64::from(count).checked_mul(u64::from(length))?)
        })
    }

    /// Where the extended header lies, in those revisions that have one.
    fn ext_header(&self) -> Option<u64> {
        (self.ext_header_offset != 0 && self.revision != FRAMEWORK).then(|| self.ext_header_offset.into())
    }

    /// Where a core that does not look at the revision would look for an extended header.
    fn misread_ext_header(&self) -> Option<u64> {
        let later = matches!(self.known(), Some(FileSystem { kind: FileSystemKind::Ffs(version), .. }) if *version > 1);
        let reserved = self.ext_header_offset != 0 && self.revision == FRAMEWORK;
        (later && reserved).then(|| self.ext_header_offset.into())
    }

    /// True for an extended header that lies behind the header and inside a volume of that length.
    fn has_room(&self, start: u64, length: u64, volume: u64) -> bool {
        start >= self.header_length.into() && length >= EXT_HEADER && start.saturating_add(length) <= volume
    }

    /// True for a volume of variable stores.
    pub(crate) fn holds_variables(&self) -> bool {
        matches!(self.known(), Some(FileSystem { kind: FileSystemKind::Variables, .. }))
    }

    fn known(&self) -> Option<&'static FileSystem> {
        FILE_SYSTEMS.iter().find(|system| system.guid == self.file_system.0)
    }
}

/// Where the extended header lies, its `FvName` and its length, when there is one.
fn ext_header(at: &Input<'_>, header: &VolumeHeader) -> Result<Option<ExtHeader>, Trouble> {
    header.ext_header().map(|start| ExtHeader::read(at, start)).transpose()
}

/// `EFI_FIRMWARE_VOLUME_EXT_HEADER`.
struct ExtHeader {
    start: u64,
    name: Guid,
    length: u64,
}

impl ExtHeader {
    fn read(at: &Input<'_>, start: u64) -> Result<Self, Trouble> {
        let window = at.slice(start, EXT_HEADER).window()?;
        let mut input = window.reader(&TRUNCATED);
        Ok(Self { start, name: input.guid("FvName")?, length: input.u32_le("ExtHeaderSize")?.into() })
    }
}

/// The region of a volume that begins `offset` into `at`, cut off where `at` ends. Its key is its `FvName`, or
/// else its number among the volumes beside it that have none.
pub(crate) fn node<'a>(at: &Input<'a>, offset: u64, header: &VolumeHeader, unnamed: &mut u32) -> Node<'a> {
    let input = at.slice(offset, header.length);
    let name = ext_header(&input, header).ok().flatten().map(|ext| ext.name);
    let key = name.map_or_else(
        || {
            let number = *unnamed;
            *unnamed = unnamed.saturating_add(1);
            number.to_string()
        },
        |name| name.to_string(),
    );
    let node = Node::new("uefi-volume", key, "uefi-volume", input).then(&UEFI_VOLUME);
    match name {
        Some(name) => node.guid(name),
        None => node,
    }
}

fn volume<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let header = VolumeHeader::read(&at.head(VolumeHeader::LONGEST)?, at.offset())?;
    facts(&header, out);
    check(at, &header, out);
    let header_length = u64::from(header.header_length);
    let leaf = Node::new("uefi-volume", "header", "uefi-volume-header", at.slice(0, header_length));
    out.add(leaf);
    let body = match ext_header(at, &header) {
        Ok(None) => header_length,
        Ok(Some(ext)) => add_ext_header(at, &header, &ext, out)?,
        Err(trouble) => {
            out.trouble(trouble);
            header_length
        }
    };
    match header.known() {
        Some(FileSystem { kind: FileSystemKind::Ffs(version), .. }) => {
            Walk { at, file: file::format(*version, header.erase()), erase: header.erase() }.files(body, out)
        }
        Some(FileSystem { kind: FileSystemKind::Variables, .. }) => {
            NVRAM.parse(at.from(body), out);
            Ok(())
        }
        _ => {
            let data = Node::new("uefi-volume", "data", "uefi-volume-data", at.from(body)).unknown();
            out.add(data.then(&Recognised(Place::BesideVolumes)));
            Ok(())
        }
    }
}

fn facts(header: &VolumeHeader, out: &mut Builder<'_, '_>) {
    out.fact(&FILE_SYSTEM, header.file_system.to_string());
    if let Some(system) = header.known() {
        out.fact(&FILE_SYSTEM_NAME, system.name);
    }
    out.fact(&fact::ATTRIBUTES, header.attributes);
    out.fact(&fact::REVISION, header.revision);
    out.fact(&ERASE_VALUE, header.erase());
    let blocks: Vec<_> =
        header.blocks.iter().take(8).map(|(count, length)| format!("{count:#x}*{length:#x}")).collect();
    out.fact(&BLOCK_MAP_FACT, blocks.join(" "));
    if header.zero_vector != [0; 16] {
        out.fact(&RESET_VECTOR, header.zero_vector.as_slice());
    }
}

/// Compares the fields of the header with the bytes and with each other.
fn check(at: &Input<'_>, header: &VolumeHeader, out: &mut Builder<'_, '_>) {
    let offset = |field: u64| at.offset().saturating_add(field);
    if header.sum != 0 {
        let right = header.checksum.wrapping_sub(header.sum);
        out.defect(Defect::new(&CHECKSUM, "Checksum", offset(0x32), header.checksum, right));
    }
    if header.length > at.length() {
        out.defect(Defect::new(&BEYOND, "FvLength", offset(0x20), header.length, at.length()));
    }
    let mapped = header.mapped().unwrap_or(u64::MAX);
    // Nobody reads variables through a block map; longer ones are on working devices (AAVMF has one of 64 MiB).
    let longer = header.holds_variables() && mapped > header.length && mapped != u64::MAX;
    if mapped != header.length && !longer {
        out.defect(Defect::new(&BLOCK_MAP, "BlockMap", offset(0x38), mapped, header.length));
    }
    if !matches!(header.revision, 1 | 2) {
        out.defect(Defect::new(&REVISION, "Revision", offset(0x37), header.revision, 2u8));
    }
    if is_misread(at, header) {
        let (found, expected) = (header.ext_header_offset, "0 in revision 1");
        out.defect(Defect::new(&NO_EXT_HEADER, "ExtHeaderOffset", offset(0x34), found, expected));
    }
}

/// True where a core that does not look at the revision would find an extended header, and behind it another first file
/// than the one behind a pad file around it.
fn is_misread(at: &Input<'_>, header: &VolumeHeader) -> bool {
    let Some(ext) = header.misread_ext_header().and_then(|start| ExtHeader::read(at, start).ok()) else {
        return false;
    };
    let start = u64::from(header.header_length);
    let pad = at.slice(start, FileHeader::LARGE).window().ok();
    let pad = pad.and_then(|bytes| FileHeader::read(&bytes, start, false).ok()).filter(FileHeader::is_pad);
    let end = pad.map(|pad| start.saturating_add(pad.length).next_multiple_of(8));
    let files = ext.start.saturating_add(ext.length).next_multiple_of(8);
    header.has_room(ext.start, ext.length, at.length()) && end != Some(files)
}

/// Adds the extended header, and what lies before it, and returns where the files begin: at the next multiple of
/// 8 behind it, as the EDK II cores have it. Builders wrap it in a pad file, whose header those cores never see.
fn add_ext_header<'a>(
    at: &Input<'a>,
    header: &VolumeHeader,
    &ExtHeader { start, name, length }: &ExtHeader,
    out: &mut Builder<'_, 'a>,
) -> Result<u64, Trouble> {
    let header_length = u64::from(header.header_length);
    if !header.has_room(start, length, at.length()) {
        let field = at.offset().saturating_add(start).saturating_add(16);
        out.defect(Defect::new(&NO_EXT_HEADER, "ExtHeaderSize", field, length, EXT_HEADER));
        return Ok(header_length);
    }
    out.call(name.to_string());
    let wrapper = at.slice(header_length, start.saturating_sub(header_length));
    let is_pad = FileHeader::read(&wrapper.window()?, wrapper.offset(), false)
        .is_ok_and(|file| file.is_pad() && wrapper.length() == file.header_length());
    let wrapper = Node::new("uefi-volume", "ext-header-pad", "uefi-file-header", wrapper);
    out.add(if is_pad { wrapper } else { wrapper.unknown() });
    let entries = ext_entries(&at.slice(start, length))?;
    let leaf = Node::new("uefi-volume", "ext-header", "uefi-volume-header", at.slice(start, length))
        .guid(name)
        .with(&ENTRIES, entries);
    out.add(leaf);
    let end = start.saturating_add(length);
    let files = end.next_multiple_of(8);
    let padding = Node::new("padding", "ext-header", "padding", at.slice(end, files.saturating_sub(end)));
    out.add_fill(padding, header.erase());
    Ok(files)
}

/// The types and sizes of the entries of an extended header (`EFI_FIRMWARE_VOLUME_EXT_ENTRY`).
fn ext_entries(at: &Input<'_>) -> Result<String, Trouble> {
    let window = at.head(VolumeHeader::LONGEST)?;
    let mut input = window.reader(&TRUNCATED);
    input.bytes(EXT_HEADER, "EFI_FIRMWARE_VOLUME_EXT_HEADER")?;
    let mut text = Vec::new();
    while input.remaining() >= 4 {
        let size = u64::from(input.u16_le("ExtEntrySize")?);
        let kind = input.u16_le("ExtEntryType")?;
        text.push(format!("{kind:#x}+{size:#x}"));
        let Some(rest) = size.checked_sub(4) else { break };
        input.bytes(rest, "ExtEntry")?;
    }
    Ok(text.join(" "))
}

/// The way through the files of one volume.
struct Walk<'w, 'a> {
    at: &'w Input<'a>,
    file: &'static UefiFile,
    erase: u8,
}

impl<'a> Walk<'_, 'a> {
    /// Adds every file from `start` on, the padding between them, and the free space behind the last.
    fn files(&self, start: u64, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let mut seen = BTreeSet::new();
        let mut order = 0u32;
        let mut at = start;
        while let Some(header) = self.next(at, out)? {
            let length = self.add_file(at, &header, &mut order, &mut seen, out);
            let end = at.saturating_add(length);
            at = end.next_multiple_of(8).min(self.at.length());
            let padding = self.at.slice(end, at.saturating_sub(end));
            out.add_fill(Node::new("padding", header.name.to_string(), "padding", padding), self.erase);
        }
        Ok(())
    }

    /// The header at `at`. `None` where the files end: then what is left has been added.
    fn next(&self, at: u64, out: &mut Builder<'_, 'a>) -> Result<Option<FileHeader>, Trouble> {
        let rest = self.at.from(at);
        let window = rest.head(FileHeader::LARGE)?;
        let head = window.get(..FileHeader::SMALL).unwrap_or(&window);
        if head.iter().all(|&byte| byte == self.erase) {
            out.add_fill(Node::new("uefi-volume", "free-space", "free-space", rest), self.erase);
            return Ok(None);
        }
        let found = FileHeader::read(&window, rest.offset(), self.file.large()).and_then(|header| {
            let fits = header.length >= header.header_length() && header.length <= rest.length();
            let field = rest.offset().saturating_add(0x14);
            let size = || Defect::new(&FILE_SIZE, "Size", field, header.length, rest.length());
            if fits { Ok(header) } else { Err(size()) }
        });
        match found {
            Ok(header) => Ok(Some(header)),
            Err(defect) => {
                out.defect(defect);
                out.add(Node::new("uefi-volume", "rest", "not-a-file", rest).unknown());
                Ok(None)
            }
        }
    }

    fn add_file(
        &self,
        at: u64,
        header: &FileHeader,
        order: &mut u32,
        seen: &mut BTreeSet<Guid>,
        out: &mut Builder<'_, 'a>,
    ) -> u64 {
        let node = header.node(self.at.slice(at, header.length), self.erase).then(self.file);
        let node = if header.is_pad() {
            node
        } else {
            let number = *order;
            *order = order.saturating_add(1);
            node.order(number)
        };
        let added = out.add(node);
        let offset = self.at.offset().saturating_add(at);
        let mut note = |defect: Defect| {
            if let Some(file) = added {
                out.defect_of(file, defect);
            }
        };
        if header.name.0 == VOLUME_TOP_FILE {
            let end = at.saturating_add(header.length);
            if end != self.at.length() {
                let length = self.at.length();
                note(Defect::new(&TOP_FILE, "Size", offset, end, length));
            }
        }
        if header.is_live(self.erase) && !header.is_pad() && !seen.insert(header.name) {
            let name = header.name.to_string();
            note(Defect::new(&DUPLICATE_GUID, "Name", offset, name, "unique"));
        }
        let data = at.saturating_add(header.header_length());
        if !data.is_multiple_of(header.alignment()) && !header.is_pad() {
            let field = offset.saturating_add(0x13);
            let defect = Defect::new(&FILE_ALIGNMENT, "Attributes", field, data, header.alignment());
            note(defect);
        }
        header.length
    }
}

/// Sum of little-endian 16-bit words.
fn sum16(bytes: &[u8]) -> u16 {
    bytes.as_chunks::<2>().0.iter().fold(0, |sum: u16, word| sum.wrapping_add(u16::from_le_bytes(*word)))
}

struct FileSystem {
    guid: [u8; 16],
    name: &'static str,
    kind: FileSystemKind,
}

enum FileSystemKind {
    /// Files, in this version of the format.
    Ffs(u8),
    /// Variable stores.
    Variables,
    /// Neither.
    Other,
}

/// The file that a processor starts in: its last byte is the last byte of the volume (section 3.2.1.1).
pub(crate) const VOLUME_TOP_FILE: [u8; 16] = crate::uefi::guid::raw("1BA0062E-C779-4582-8566-336AE8F78F09");
const SIGNATURE: &[u8] = b"_FVH";
const ERASE_POLARITY: u32 = 0x800;
const EXT_HEADER: u64 = 20;
/// The revision of the EFI Framework, before the PI specification.
const FRAMEWORK: u8 = 1;

/// The file systems of the specification (section 3.2.2), and those that vendors are known to use.
static FILE_SYSTEMS: &[FileSystem] = &[
    ffs("7A9354D9-0468-444A-81CE-0BF617D890DF", "FFS1", 1),
    ffs("8C8CE578-8A3D-4F1C-9935-896185C32DD3", "FFS2", 2),
    ffs("5473C07A-3DCB-4DCA-BD6F-1E9689E7349A", "FFS3", 3),
    ffs("04ADEEAD-61FF-4D31-B6BA-64F8BF901F5A", "FFS2 (Apple boot volume)", 2),
    ffs("BD001B8C-6A71-487B-A14F-0C2A2DCF7A5D", "FFS2 (Apple)", 2),
    ffs("AD3FFFFF-D28B-44C4-9F13-9EA98A97F9F0", "FFS2 (Intel)", 2),
    ffs("D6A1CD70-4B33-4994-A6EA-375F2CCC5437", "FFS2 (Intel)", 2),
    ffs("4F494156-AED6-4D64-A537-B8A5557BCEEC", "FFS2 (Sony)", 2),
    variables("FFF12B8D-7696-4C8B-A985-2747075B4F50", "variable store"),
    variables("00504624-8A59-4EEB-BD0F-6B36E96128E0", "variable store, additional"),
    other("153D2197-29BD-44DC-AC59-887F70E41A6B", "microcode (Apple)"),
];

const fn ffs(guid: &str, name: &'static str, version: u8) -> FileSystem {
    FileSystem { guid: crate::uefi::guid::raw(guid), name, kind: FileSystemKind::Ffs(version) }
}

const fn variables(guid: &str, name: &'static str) -> FileSystem {
    FileSystem { guid: crate::uefi::guid::raw(guid), name, kind: FileSystemKind::Variables }
}

const fn other(guid: &str, name: &'static str) -> FileSystem {
    FileSystem { guid: crate::uefi::guid::raw(guid), name, kind: FileSystemKind::Other }
}

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &BEYOND,
    &FILE_ALIGNMENT,
    &FILE_SIZE,
    &BLOCK_MAP,
    &CHECKSUM,
    &DUPLICATE_GUID,
    &NO_EXT_HEADER,
    &REVISION,
    &NO_SIGNATURE,
    &TOP_FILE,
    &TRUNCATED,
];

/// The content of a file is not aligned as its attributes say.
static FILE_ALIGNMENT: DefectKind = DefectKind::ambiguous("uefi-file/alignment");
/// A file is longer than what is left of its volume, or shorter than its header.
static FILE_SIZE: DefectKind = DefectKind::ambiguous("uefi-file/size");
/// A volume says that it is longer than its place.
static BEYOND: DefectKind = DefectKind::ambiguous("uefi-volume/beyond").cut_short();
/// The block map adds up to another length.
static BLOCK_MAP: DefectKind = DefectKind::ambiguous("uefi-volume/block-map");
/// The checksum of the volume's header is wrong.
static CHECKSUM: DefectKind = DefectKind::ambiguous("uefi-volume/checksum");
/// Two files of a volume have one name.
static DUPLICATE_GUID: DefectKind = DefectKind::ambiguous("uefi-volume/duplicate-guid");
/// The extended header does not lie within the volume, or is shorter than one.
static NO_EXT_HEADER: DefectKind = DefectKind::ambiguous("uefi-volume/ext-header");
/// The header is of a revision that is not known.
static REVISION: DefectKind = DefectKind::odd("uefi-volume/revision");
/// There is no volume where one was recognised.
static NO_SIGNATURE: DefectKind = DefectKind::odd("uefi-volume/signature");
/// The volume top file does not end where the volume does.
static TOP_FILE: DefectKind = DefectKind::ambiguous("uefi-volume/top-file");
/// A volume ends before a field of its header does.
static TRUNCATED: DefectKind = DefectKind::odd("uefi-volume/truncated").cut_short();

// Facts, in the words of the specification.
static BLOCK_MAP_FACT: Fact = Fact::new("block-map");
static ENTRIES: Fact = Fact::new("entries");
static ERASE_VALUE: Fact = Fact::new("erase-value");
static FILE_SYSTEM: Fact = Fact::new("file-system");
static FILE_SYSTEM_NAME: Fact = Fact::new("file-system-name");
static RESET_VECTOR: Fact = Fact::new("reset-vector");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use kiwame_image::{Content, Value};

    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};
    use crate::uefi::fixtures::{
        A, B, FFS2, FFS3, PAD, file, large_file, named_volume, pad, put, seal, seal_volume, section,
        user_interface, volume,
    };

    const TOP: &str = "1BA0062E-C779-4582-8566-336AE8F78F09";

    fn two_files() -> Vec<Vec<u8>> {
        vec![file(A, 0x07, &user_interface("One")), file(B, 0x07, &section(0x19, b"raw"))]
    }

    #[test]
    fn files_have_order_names_and_padding_and_the_rest_is_free() {
        let tree = parse(&UEFI_VOLUME, &volume(FFS2, &two_files(), 0x100));
        assert_eq!(defects(&tree), [""; 0]);
        let one = region(&tree, &format!("uefi-file:{A}"));
        assert_eq!((one.order, one.name.as_deref()), (Some(0), Some("One")));
        assert_eq!(one.span.offset, 0x48);
        assert_eq!(region(&tree, &format!("uefi-file:{B}")).order, Some(1));
        let padding = region(&tree, &format!("padding:{A}"));
        assert_eq!((padding.content, padding.span.length), (Content::Fill, 4));
        let free = region(&tree, "uefi-volume:free-space");
        assert_eq!((free.content, free.span.end()), (Content::Fill, 0x100));
    }

    #[test]
    fn free_space_is_one_leaf_and_never_fill_when_something_lies_in_it() {
        let mut bytes = volume(FFS2, &two_files(), 0x200);
        bytes[0x1f0] = 0x90;
        let tree = parse(&UEFI_VOLUME, &bytes);
        let free = region(&tree, "uefi-volume:free-space");
        assert_eq!((free.content, free.span.end()), (Content::Unknown, 0x200));
    }

    #[test]
    fn padding_between_files_is_fill_only_when_erased() {
        let mut bytes = volume(FFS2, &two_files(), 0x100);
        let at = 0x48 + two_files()[0].len();
        bytes[at] = 0;
        let tree = parse(&UEFI_VOLUME, &bytes);
        assert_eq!(region(&tree, &format!("padding:{A}")).content, Content::Unknown);
    }

    #[test]
    fn an_extended_header_names_the_volume_and_the_files_begin_behind_it() {
        let tree = parse(&UEFI_VOLUME, &named_volume(B, &[file(A, 0x07, b"")], 0x100));
        assert_eq!(defects(&tree), [""; 0]);
        let kinds: Vec<_> =
            leaves(&tree).into_iter().map(|(kind, _, at, length)| (kind, at, length)).collect();
        assert_eq!(
            kinds,
            [
                ("uefi-volume-header", 0, 0x48),
                ("uefi-file-header", 0x48, 0x18),
                ("uefi-volume-header", 0x60, 0x14),
                ("padding", 0x74, 4),
                ("uefi-file-header", 0x78, 0x18),
                ("free-space", 0x90, 0x70),
            ]
        );
    }

    #[test]
    fn an_extended_header_outside_the_volume() {
        for ext in [0x10u16, 0xfff0] {
            let mut bytes = volume(FFS2, &two_files(), 0x100);
            put(&mut bytes, 0x34, &ext.to_le_bytes());
            seal_volume(&mut bytes);
            let found = defects(&parse(&UEFI_VOLUME, &bytes));
            assert!(found.iter().any(|id| ["uefi-volume/ext-header", "uefi-volume/truncated"].contains(id)));
        }
    }

    #[test]
    fn the_erase_value_follows_the_polarity() {
        let mut bytes = volume(FFS2, &[], 0x100);
        put(&mut bytes, 0x2c, &0u32.to_le_bytes());
        seal_volume(&mut bytes);
        bytes[0x48..].fill(0);
        let tree = parse(&UEFI_VOLUME, &bytes);
        assert_eq!(region(&tree, "uefi-volume:free-space").content, Content::Fill);
    }

    fn spoiled(spoil: impl Fn(&mut [u8]), sealed: bool) -> Vec<&'static str> {
        let mut bytes = volume(FFS2, &two_files(), 0x100);
        spoil(&mut bytes);
        if sealed {
            seal_volume(&mut bytes);
        }
        defects(&parse(&UEFI_VOLUME, &bytes))
    }

    #[test]
    fn every_field_of_the_header_that_contradicts_another_is_a_defect() {
        assert_eq!(spoiled(|bytes| bytes[0x32] ^= 1, false), ["uefi-volume/checksum"]);
        assert_eq!(spoiled(|bytes| bytes[0x3d] = 2, true), ["uefi-volume/block-map"]);
        assert_eq!(spoiled(|bytes| bytes[0x37] = 9, true), ["uefi-volume/revision"]);
        assert_eq!(spoiled(|bytes| bytes[0x21] = 2, true), ["uefi-volume/beyond", "uefi-volume/block-map"]);
        assert_eq!(spoiled(|_| {}, true), [""; 0]);
    }

    #[test]
    fn duplicate_guid_of_live_files() {
        let twice = vec![file(A, 0x07, b""), file(A, 0x07, b"")];
        assert_eq!(
            defects(&parse(&UEFI_VOLUME, &volume(FFS2, &twice, 0x100))),
            ["uefi-volume/duplicate-guid"]
        );
        let mut deleted = twice.clone();
        deleted[0][23] = 0xe8;
        assert_eq!(defects(&parse(&UEFI_VOLUME, &volume(FFS2, &deleted, 0x100))), [""; 0]);
        let pads = vec![file(PAD, 0xf0, b""), file(PAD, 0xf0, b"")];
        assert_eq!(defects(&parse(&UEFI_VOLUME, &volume(FFS2, &pads, 0x100))), [""; 0]);
    }

    #[test]
    fn a_file_that_does_not_fit_ends_the_walk() {
        let mut bytes = volume(FFS2, &two_files(), 0x100);
        put(&mut bytes, 0x48 + 20, &[0xff, 0xff, 0]);
        let tree = parse(&UEFI_VOLUME, &bytes);
        assert_eq!(defects(&tree), ["uefi-file/size"]);
        assert_eq!(region(&tree, "uefi-volume:rest").content, Content::Unknown);
        put(&mut bytes, 0x48 + 20, &[23, 0, 0]);
        assert_eq!(defects(&parse(&UEFI_VOLUME, &bytes)), ["uefi-file/size"]);
    }

    #[test]
    fn alignment_is_relative_to_the_volume() {
        // 0x48 + 24 = 0x60: a multiple of 16, not of 128.
        for (attributes, expected) in [(0x08, &[][..]), (0x10, &["uefi-file/alignment"])] {
            let mut aligned = file(A, 0x07, b"");
            aligned[19] = attributes;
            seal(&mut aligned, 24);
            assert_eq!(defects(&parse(&UEFI_VOLUME, &volume(FFS2, &[aligned], 0x100))), expected);
        }
    }

    #[test]
    fn the_volume_top_file_ends_where_the_volume_does() {
        let top = file(TOP, 0x01, &[0x90; 0x20]);
        let end = 0x48 + top.len();
        assert_eq!(defects(&parse(&UEFI_VOLUME, &volume(FFS2, std::slice::from_ref(&top), end))), [""; 0]);
        assert_eq!(defects(&parse(&UEFI_VOLUME, &volume(FFS2, &[top], end + 8))), ["uefi-volume/top-file"]);
    }

    #[test]
    fn large_files_exist_in_ffs3_only() {
        let large = [large_file(A, 0x02, &section(0x19, b"raw!"))];
        let tree = parse(&UEFI_VOLUME, &volume(FFS3, &large, 0x100));
        assert_eq!(defects(&tree), [""; 0]);
        let size = region(&tree, &format!("uefi-file:{A}")).attribute("size").cloned();
        assert_eq!(size, Some(Value::Uint(40)));
        let found = defects(&parse(&UEFI_VOLUME, &volume(FFS2, &large, 0x100)));
        assert_eq!(found, ["uefi-file/size"], "without the attribute the size is FFFFFF");
    }

    #[test]
    fn an_unknown_file_system_is_one_leaf() {
        let tree = parse(&UEFI_VOLUME, &volume(A, &two_files(), 0x100));
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|(kind, ..)| kind).collect();
        assert_eq!(kinds, ["uefi-volume-header", "uefi-volume-data"]);
    }

    /// A volume whose bytes from 0x34 on are `reserved`, and its revision 1.
    fn framework(file_system: &str, reserved: [u8; 3]) -> Vec<u8> {
        let mut bytes = volume(file_system, &[file(A, 0x07, b"")], 0x100);
        // What a core that does not look at the revision would take for the size of an extended header.
        put(&mut bytes, 0x80 + 16, &20u32.to_le_bytes());
        put(&mut bytes, 0x34, &reserved);
        bytes[0x37] = 1;
        seal_volume(&mut bytes);
        bytes
    }

    #[test]
    fn a_volume_of_revision_1_has_no_extended_header() {
        let ffs1 = "7A9354D9-0468-444A-81CE-0BF617D890DF";
        for reserved in [[1, 0, 0], [0x80, 0, 0], [0x48, 0, 0xff], [0xff, 0xff, 0]] {
            let tree = parse(&crate::uefi::image::UEFI_IMAGE, &framework(ffs1, reserved));
            let found = defects(&tree);
            assert!(!found.contains(&"uefi-volume/ext-header"), "{reserved:?}: {found:?}");
            let header = region(&tree, "uefi-volume:0/uefi-volume:header");
            assert_eq!(header.span.length, 0x48);
            assert_eq!(region(&tree, &format!("uefi-volume:0/uefi-file:{A}")).span.offset, 0x48);
        }
    }

    #[test]
    fn reserved_bytes_that_lead_edk_ii_to_another_first_file_are_ambiguous() {
        for (reserved, expected) in [([0x80, 0, 0], 1), ([1, 0, 0], 0), ([0xf0, 0, 0], 0), ([0, 0, 9], 0)] {
            let tree = parse(&UEFI_VOLUME, &framework(FFS2, reserved));
            let found = tree.defects().iter().filter(|defect| defect.kind.id == "uefi-volume/ext-header");
            assert_eq!(found.filter(|defect| defect.kind.ambiguous).count(), expected, "{reserved:?}");
            region(&tree, &format!("uefi-file:{A}"));
        }
        // Around an extended header that somebody wrote all the same lies a pad file: both see the same files.
        let mut named = named_volume(B, &[file(A, 0x07, b"")], 0x100);
        named[0x37] = 1;
        seal_volume(&mut named);
        assert_eq!(defects(&parse(&UEFI_VOLUME, &named)), [""; 0]);
        put(&mut named, 0x70, &0x24u32.to_le_bytes());
        assert_eq!(defects(&parse(&UEFI_VOLUME, &named)), ["uefi-volume/ext-header"]);
    }

    #[test]
    fn a_longer_block_map_is_nothing_to_a_store_of_variables() {
        let variables = "FFF12B8D-7696-4C8B-A985-2747075B4F50";
        for (system, blocks, expected) in [(variables, 2u32, 0), (variables, 0, 1), (FFS2, 2, 1)] {
            let mut bytes = volume(system, &[], 0x100);
            put(&mut bytes, 0x38, &blocks.to_le_bytes());
            seal_volume(&mut bytes);
            let found = defects(&parse(&UEFI_VOLUME, &bytes));
            assert_eq!(
                found.iter().filter(|id| **id == "uefi-volume/block-map").count(),
                expected,
                "{system}"
            );
        }
    }

    #[test]
    fn a_volume_of_another_file_system_is_looked_through() {
        let update = crate::x86::microcode::tests::sample();
        let mut bytes = volume("153D2197-29BD-44DC-AC59-887F70E41A6B", &[], 0x800);
        put(&mut bytes, 0x50, &update);
        let tree = parse(&UEFI_VOLUME, &bytes);
        assert_eq!(region(&tree, "uefi-volume:data/microcode:000906ea-22").span.length, 1024);
    }

    #[test]
    fn anything_may_be_cut_or_flipped() {
        let mut inner = two_files();
        inner.push(file(PAD, 0xf0, &[0xff; 9]));
        torture(&UEFI_VOLUME, &named_volume(B, &inner, 0x120));
        let mut bytes = volume(FFS3, &[large_file(A, 0x02, &section(0x19, b"raw!"))], 0xa0);
        pad(&mut bytes, 16, 0xff);
        torture(&UEFI_VOLUME, &bytes);
    }
}
