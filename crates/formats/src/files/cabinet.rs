//! Microsoft cabinets: the archives in which updates of firmware are shipped.
//!
//! [MS-CAB], section 2 (`CFHEADER`, `CFFOLDER`, `CFFILE`, `CFDATA`) and 3.1 (checksum); [MS-MCI], section 2 (MSZIP).
//!
//! ```text
//! CFHEADER                              CFFOLDER                  CFFILE
//! 0x00 signature "MSCF"      4          0x00 coffCabStart  4      0x00 cbFile           4
//! 0x04 reserved1             4          0x04 cCFData       2      0x04 uoffFolderStart  4
//! 0x08 cbCabinet             4          0x06 typeCompress  2      0x08 iFolder          2
//! 0x0c reserved2             4          then abReserve            0x0a date             2
//! 0x10 coffFiles             4                                    0x0c time             2
//! 0x14 reserved3             4          CFDATA                    0x0e attribs          2
//! 0x18 version 3, 1          2          0x00 csum    4            0x10 szName, with its NUL
//! 0x1a cFolders              2          0x04 cbData  2
//! 0x1c cFiles                2          0x06 cbUncomp 2           flags: 1 szCabinetPrev, szDiskPrev
//! 0x1e flags                 2          then abReserve, data             2 szCabinetNext, szDiskNext
//! 0x20 setID, iCabinet       4                                           4 cbCFHeader 2, cbCFFolder 1, cbCFData 1
//! ```
//!
//! A folder is its blocks, one behind the other; what they decode to holds the files. A block has a sum, the words of its data
//! and its sizes by exclusive or, unless that is zero. MSZIP (`kiwame_decode::mszip`) and stored folders are opened.
//!
//! Loader modelled: fwupd (`FuCabFirmware` of 2.0, which took the place of libgcab). It looks up files by name, writes none,
//! and goes neither by date nor by attributes.
//!
//! Ambiguities, each a defect: what fwupd refuses, or other readers (libgcab, libmspack) make otherwise: a wrong sum; a block
//! that does not begin with "CK", does not decode, gives another size than it says, has bytes behind its stream, or is larger
//! than 32 KiB; an MSZIP block that is shorter than 32 KiB and not the last, since libgcab and fwupd go back no further than
//! that one and libmspack does; a stored block of two sizes; no folder, file or block; two files of one name, or of names that
//! fold; a name that is no relative path of files; files that share bytes or lie outside their folder; a
//! cabinet that goes on in another one; bytes behind the cabinet, unless its header says that they are its signature, as
//! Authenticode has it.
//!
//! Limitations: folders in LZX or Quantum are named and not opened, nor is a cabinet of a set put together; names that
//! are not ASCII are shown as they are, and fwupd refuses them; the signature behind a cabinet is not checked; of `*.jcat` and
//! `*.metainfo.xml` nothing is checked either: the former is opened as the gzip stream that it is, with libjcat's mark behind it.
//!
//! ## Normal form
//!
//! `cabinet/1` of a folder: of each block its size when it is decoded, whether it has a sum, and its reserved bytes.
//!
//! | on the ignore list | because |
//! |---|---|
//! | `csum` | right, or the cabinet is ambiguous |
//! | `cbData` | agrees with what was read |
//! | blocks, codes and matches of MSZIP | an encoder's choice: all decode within the block before and their own |
//! | `cbCabinet`, `coffFiles` (masked in the header) | agree with what was read; were followed |
//! | `coffCabStart` (masked in the folder) | was followed |
//!
//! Files are compared in the space of their folder, in its order; their entries are leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_decode::mszip::Blocks;
use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Normal, Place, Reader,
    Reading, Recognised, RegionId, Span, Stage, Sure, Trouble, fact, len64, to_usize,
};

/// A cabinet.
#[derive(Debug)]
pub(crate) struct Cabinet;

impl Format for Cabinet {
    fn name(&self) -> &'static str {
        "cabinet"
    }

    fn about(&self) -> &'static str {
        "Microsoft cabinet (stored, MSZIP): every file with its name, date and attributes; checksums compared"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let size = size(head.bytes(0, HEADER)?)?;
        Some(Reading::new(self, Sure::Structure).of_length(size))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = split(&at, out) {
            out.trouble(trouble);
        }
    }
}

static ANCHOR: Anchor = Anchor {
    marks: &[SIGNATURE],
    at: 0,
    whole: |at, _| Ok(size(&at.head(HEADER)?).filter(|&size| size <= at.length())),
};

/// What the header says of the size, where all that it must have is there.
fn size(header: &[u8]) -> Option<u64> {
    let word = |at: usize| Some(u64::from(u32::from_le_bytes(*header.get(at..)?.first_chunk()?)));
    let (size, files) = (word(8)?, word(16)?);
    let known = header.starts_with(SIGNATURE)
        && header.get(0x18..0x1a) == Some(&[3, 1])
        && header.get(0x1f) == Some(&0)
        && [4, 12, 20].into_iter().all(|at| word(at) == Some(0));
    (known && files >= HEADER && files <= size).then_some(size)
}

/// What the header says, and where the folders begin.
#[derive(Debug)]
struct Header {
    size: u64,
    files_at: u64,
    folders: u16,
    files: u16,
    flags: u16,
    number: u16,
    /// Reserved bytes of each folder and each block.
    reserve: (u64, u64),
    /// Where Authenticode's signature lies.
    signature: Option<Span>,
    length: u64,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Defect> {
        reader.bytes(8, "signature")?;
        let size = u64::from(reader.u32_le("cbCabinet")?);
        reader.bytes(4, "reserved2")?;
        let files_at = u64::from(reader.u32_le("coffFiles")?);
        reader.bytes(6, "reserved3, version")?;
        let (folders, files) = (reader.u16_le("cFolders")?, reader.u16_le("cFiles")?);
        let flags = reader.u16_le("flags")?;
        reader.bytes(2, "setID")?;
        let number = reader.u16_le("iCabinet")?;
        let mut this = Self {
            size,
            files_at,
            folders,
            files,
            flags,
            number,
            reserve: (0, 0),
            signature: None,
            length: 0,
        };
        if flags & RESERVE != 0 {
            let own = u64::from(reader.u16_le("cbCFHeader")?);
            this.reserve = (reader.u8("cbCFFolder")?.into(), reader.u8("cbCFData")?.into());
            let own = reader.bytes(own, "abReserve")?;
            let word = |at: usize| Some(u64::from(u32::from_le_bytes(*own.get(at..)?.first_chunk()?)));
            this.signature = word(4).zip(word(8)).map(|(start, length)| Span::new(start, length));
        }
        for flag in [PREVIOUS, NEXT] {
            if flags & flag != 0 {
                string(reader, "szCabinet")?;
                string(reader, "szDisk")?;
            }
        }
        this.length = reader.position();
        Ok(this)
    }
}

/// Text with the NUL that ends it.
fn string<'r>(reader: &mut Reader<'r>, field: &'static str) -> Result<&'r [u8], Defect> {
    let mut ahead = reader.clone();
    let mut length = 0_u64;
    while length < LONGEST_NAME && ahead.u8(field)? != 0 {
        length = length.saturating_add(1);
    }
    let text = reader.bytes(length, field)?;
    reader.bytes(1, field)?;
    Ok(text)
}

/// What a folder says, and where its blocks lie.
#[derive(Debug)]
struct Folder {
    compression: u16,
    blocks: Vec<Block>,
    span: Span,
    /// All blocks were there.
    whole: bool,
}

/// A block, from the start of its folder's blocks on.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: u64,
    sum: u32,
    packed: u16,
    size: u16,
}

impl Folder {
    fn size(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.size)).fold(0, u64::saturating_add)
    }
}

/// What the entry of a file says.
#[derive(Clone, Debug)]
struct Entry {
    name: Vec<u8>,
    span: Span,
    number: u32,
}

/// What lies in a cabinet beside its header.
#[derive(Debug)]
enum Thing {
    /// Added before all others.
    Header,
    Folder(usize),
    Data(usize),
    File(RecordOf),
}

#[derive(Debug)]
struct RecordOf {
    entry: Entry,
    folder: u16,
    date: u16,
    time: u16,
    attributes: u16,
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(MOST_HEADER)?;
    let header = match Header::read(&mut window.reader(&TRUNCATED)) {
        Ok(header) => header,
        Err(defect) => {
            out.add(Node::new("cab", "unread", "cab-unread", at.clone()).unknown());
            return Err(defect.into());
        }
    };
    let field = |place: u64| at.offset().saturating_add(place);
    if header.size > at.length() {
        out.defect(Defect::new(&BEYOND_END, "cbCabinet", field(8), header.size, at.length()));
    }
    if header.flags & (PREVIOUS | NEXT) != 0 || header.number != 0 {
        out.defect(Defect::new(&SET, "iCabinet", field(0x22), header.number, "one cabinet"));
    }
    if header.folders == 0 || header.files == 0 {
        out.defect(Defect::new(&EMPTY, "cFiles", field(0x1a), header.files, "folders and files"));
    }
    out.add(
        Node::new("cab", "header", "cab-header", at.slice(0, header.length))
            .mask([(8, 4), (16, 4)])
            .with(&fact::FLAGS, header.flags),
    );
    let cabinet = at.slice(0, header.size);
    let folders = folders(&cabinet, &header, out)?;
    let mut things = vec![(Span::new(0, header.length), Thing::Header)];
    let mut start = header.length;
    for (number, folder) in folders.iter().enumerate() {
        let length = FOLDER.saturating_add(header.reserve.0);
        things.push((Span::new(start, length), Thing::Folder(number)));
        things.push((folder.span, Thing::Data(number)));
        start = start.saturating_add(length);
    }
    let mut files = vec![Vec::new(); folders.len()];
    for (span, record) in records(&cabinet, &header, out)? {
        match files.get_mut(usize::from(record.folder)) {
            Some(files) => files.push(record.entry.clone()),
            None => {
                out.defect(Defect::new(&FOLDER_OF, "iFolder", field(span.offset), record.folder, "a folder"));
            }
        }
        things.push((span, Thing::File(record)));
    }
    let data = add(&cabinet, things, &folders, out);
    end(at, &header, out);
    for (leaf, number, input) in data {
        if let Some((folder, files)) = folders.get(number).zip(files.get_mut(number)) {
            open(&input, folder, (leaf, header.reserve.1), core::mem::take(files), out)?;
        }
    }
    Ok(())
}

/// Adds what lies in a cabinet, and what lies between. Returns the blocks of folders, where none of them is missing, with the
/// number of the folder.
fn add<'a>(
    cabinet: &Input<'a>,
    things: Vec<(Span, Thing)>,
    folders: &[Folder],
    out: &mut Builder<'_, 'a>,
) -> Vec<(RegionId, usize, Input<'a>)> {
    let (laid, behind) = kiwame_image::lay_out(cabinet.length(), things);
    let mut gaps = Gaps::default();
    let mut data = Vec::new();
    for Laid { thing, stated, gap, span, shared, beyond } in laid {
        gaps.add(cabinet, gap, out);
        if shared.is_some() || beyond {
            let place = cabinet.offset().saturating_add(stated.offset);
            out.defect(Defect::new(&OVERLAP, "coffCabStart", place, stated.length, span.length));
        }
        let input = cabinet.slice(span.offset, span.length);
        match thing {
            Thing::Header => {}
            Thing::Folder(number) => {
                let Some(folder) = folders.get(number) else { continue };
                let node = Node::new("cab", format!("folder-{number}"), "cab-folder", input);
                let node = node.mask([(0, 4)]).with(&COMPRESSION, compression(folder.compression));
                out.add(node.with(&BLOCKS, len64(&folder.blocks)));
            }
            Thing::Data(number) => {
                let node = Node::new("cab", format!("data-{number}"), "cab-data", input.clone()).encoded();
                let leaf = out.add(node).filter(|_| span == stated);
                data.extend(leaf.map(|leaf| (leaf, number, input)));
            }
            Thing::File(record) => {
                out.add(record.node(input));
            }
        }
    }
    gaps.add(cabinet, behind, out);
    data
}

/// Numbers bytes that nothing leads to.
#[derive(Debug, Default)]
struct Gaps(u32);

impl Gaps {
    fn add<'a>(&mut self, at: &Input<'a>, span: Span, out: &mut Builder<'_, 'a>) {
        if !span.is_empty() {
            let input = at.slice(span.offset, span.length);
            out.add(Node::new("cab", format!("unused-{}", self.0), "cab-unused", input).unknown());
            self.0 = self.0.saturating_add(1);
        }
    }
}

/// What lies behind the cabinet.
fn end<'a>(at: &Input<'a>, header: &Header, out: &mut Builder<'_, 'a>) {
    let behind = at.from(header.size);
    if behind.is_empty() {
        return;
    }
    if header.signature == Some(Span::new(header.size, behind.length())) {
        out.add(Node::new("cab", "signature", "cab-signature", behind).unknown());
    } else {
        out.defect(Defect::new(&BEHIND, "cbCabinet", behind.offset(), behind.length(), 0_u64));
        out.add_behind(Node::new("cab", "behind", "cab-behind", behind));
    }
}

/// The folders, with their blocks.
fn folders<'a>(at: &Input<'a>, header: &Header, out: &mut Builder<'_, 'a>) -> Result<Vec<Folder>, Trouble> {
    let mut folders = Vec::new();
    let length = FOLDER.saturating_add(header.reserve.0);
    for number in 0..u64::from(header.folders) {
        at.spend(length)?;
        let input = at.slice(header.length.saturating_add(number.saturating_mul(length)), length);
        let window = input.window()?;
        if len64(&window) < length {
            out.defect(Defect::new(&TRUNCATED, "cFolders", input.offset(), number, header.folders));
            break;
        }
        let mut reader = window.reader(&TRUNCATED);
        let start = u64::from(reader.u32_le("coffCabStart")?);
        let (count, compression) = (reader.u16_le("cCFData")?, reader.u16_le("typeCompress")?);
        if count == 0 {
            out.defect(Defect::new(&EMPTY, "cCFData", input.offset().saturating_add(4), count, "blocks"));
        }
        let kind = compression & COMPRESSIONS;
        if kind > LZX || kind <= MSZIP && compression != kind {
            let place = input.offset().saturating_add(6);
            out.defect(Defect::new(
                &UNKNOWN,
                "typeCompress",
                place,
                compression,
                "none, MSZIP, Quantum or LZX",
            ));
        } else if kind > MSZIP {
            let place = input.offset().saturating_add(6);
            out.defect(Defect::new(&CLOSED, "typeCompress", place, self::compression(compression), "MSZIP"));
        }
        let (blocks, end) = blocks(at, start, count, header.reserve.1)?;
        let whole = len64(&blocks) == u64::from(count);
        if !whole {
            out.defect(Defect::new(
                &TRUNCATED,
                "cCFData",
                input.offset().saturating_add(4),
                count,
                len64(&blocks),
            ));
        }
        folders.push(Folder { compression, blocks, span: Span::between(start, end), whole });
    }
    Ok(folders)
}

/// The blocks from `start` on, as many as are there, and where the last one ends.
fn blocks(at: &Input<'_>, start: u64, count: u16, reserve: u64) -> Result<(Vec<Block>, u64), Trouble> {
    let mut blocks = Vec::new();
    let mut end = start;
    for _ in 0..count {
        // Many folders may lead to the same blocks.
        at.spend(BLOCK_COST)?;
        let window = at.slice(end, BLOCK).window()?;
        let mut reader = window.reader(&TRUNCATED);
        let read = (reader.u32_le("csum"), reader.u16_le("cbData"), reader.u16_le("cbUncomp"));
        let (Ok(sum), Ok(packed), Ok(size)) = read else { break };
        let next = end.saturating_add(BLOCK).saturating_add(reserve).saturating_add(packed.into());
        if next > at.length() {
            break;
        }
        blocks.push(Block { start: end.saturating_sub(start), sum, packed, size });
        end = next;
    }
    Ok((blocks, end))
}

/// The entries of all files.
fn records<'a>(
    at: &Input<'a>,
    header: &Header,
    out: &mut Builder<'_, 'a>,
) -> Result<Vec<(Span, RecordOf)>, Trouble> {
    let mut records = Vec::new();
    let mut start = header.files_at;
    let (mut seen, mut folded) = (BTreeSet::new(), BTreeMap::new());
    for number in 0..u32::from(header.files) {
        at.spend(FILE.saturating_add(LONGEST_NAME))?;
        let input = at.slice(start, FILE.saturating_add(LONGEST_NAME).saturating_add(1));
        let window = input.window()?;
        let (record, length) = match RecordOf::read(&mut window.reader(&TRUNCATED), number) {
            Ok(found) => found,
            Err(defect) => {
                out.defect(defect);
                break;
            }
        };
        let name = &record.entry.name;
        let shown = String::from_utf8_lossy(name).into_owned();
        let place = input.offset().saturating_add(FILE);
        if let Some(expected) = wrong(name) {
            out.defect(Defect::new(&NAME, "szName", place, shown.clone(), expected));
        }
        if !seen.insert(name.clone()) {
            out.defect(Defect::new(&DUPLICATE_NAME, "szName", place, shown, "one file of a name"));
        } else if let Some(other) = folded.insert(shown.replace('\\', "/").to_lowercase(), shown.clone()) {
            out.defect(Defect::new(&NAME_FOLDS, "szName", place, shown, other));
        }
        records.push((Span::new(start, length), record));
        start = start.saturating_add(length);
    }
    Ok(records)
}

/// What is expected of a name that is none of a file below where a cabinet is unpacked.
fn wrong(name: &[u8]) -> Option<&'static str> {
    let mut steps = name.split(|byte| [b'\\', b'/'].contains(byte));
    if name.iter().any(|byte| byte.is_ascii_control()) {
        return Some("signs that can be shown");
    }
    let odd = steps.any(|step| [&b""[..], b".", b".."].contains(&step) || step.contains(&b':'));
    odd.then_some("a relative path")
}

impl RecordOf {
    fn read(reader: &mut Reader<'_>, number: u32) -> Result<(Self, u64), Defect> {
        let (size, start) = (reader.u32_le("cbFile")?, reader.u32_le("uoffFolderStart")?);
        let folder = reader.u16_le("iFolder")?;
        let (date, time) = (reader.u16_le("date")?, reader.u16_le("time")?);
        let attributes = reader.u16_le("attribs")?;
        let name = string(reader, "szName")?.to_vec();
        let span = Span::new(start.into(), size.into());
        let entry = Entry { name, span, number };
        Ok((Self { entry, folder, date, time, attributes }, reader.position()))
    }

    fn node<'a>(&self, input: Input<'a>) -> Node<'a> {
        let name = &self.entry.name;
        Node::new("cab-entry", name, "cab-entry", input)
            .component()
            .order(self.entry.number)
            .name(String::from_utf8_lossy(name))
            .with(&fact::SIZE, self.entry.span.length)
            .with(&fact::DATE, self.date())
            .with(&fact::ATTRIBUTES, self.attributes)
    }

    /// Years from 1980, months, days; hours, minutes, and pairs of seconds.
    fn date(&self) -> String {
        let (date, time) = (self.date, self.time);
        let year = (date >> 9).saturating_add(1980);
        let second = (time & 31).saturating_mul(2);
        let (month, day, hour, minute) = (date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63);
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

fn compression(kind: u16) -> String {
    match kind & COMPRESSIONS {
        0 => "none".to_owned(),
        MSZIP => "mszip".to_owned(),
        QUANTUM => "quantum".to_owned(),
        LZX => "lzx".to_owned(),
        _ => format!("{kind:#x}"),
    }
}

/// Opens what the blocks of a folder hold.
fn open<'a>(
    at: &Input<'a>,
    folder: &Folder,
    (leaf, reserve): (RegionId, u64),
    files: Vec<Entry>,
    out: &mut Builder<'_, 'a>,
) -> Result<(), Trouble> {
    if folder.compression > MSZIP || !folder.whole {
        return Ok(());
    }
    // A limit is noted where room is asked for.
    if out.room(Some(folder.size())).is_err() {
        return Ok(());
    }
    let window = at.window()?;
    at.spend(at.length())?;
    let mut content = Content::new(folder);
    let last = folder.blocks.len().saturating_sub(1);
    for (number, block) in folder.blocks.iter().enumerate() {
        let start = block.start.saturating_add(BLOCK);
        let extra = window.piece(start, reserve).unwrap_or_default();
        let data = window.piece(start.saturating_add(reserve), block.packed.into()).unwrap_or_default();
        let place = at.offset().saturating_add(block.start);
        let sum = block.sum_of(data);
        if ![0, sum].contains(&block.sum) {
            out.defect(Defect::new(&CHECKSUM, "csum", place, block.sum, sum));
        }
        if block.size > MOST_BLOCK || folder.compression == MSZIP && block.size < MOST_BLOCK && number < last
        {
            out.defect(Defect::new(&BLOCK_SIZE, "cbUncomp", place.saturating_add(6), block.size, MOST_BLOCK));
        }
        content.note(block, extra);
        if let Err(found) = content.add(data, block.size) {
            let place = place.saturating_add(BLOCK).saturating_add(reserve);
            out.defect(Defect::new(&BLOCK_DATA, "CFDATA", place, found, "a whole block"));
            if !content.goes_on {
                return Ok(());
            }
        }
    }
    let (bytes, form) = content.finish();
    if out.wants_normal() {
        out.normal(leaf, &form);
    }
    out.fact_of(leaf, &fact::CONTENT_SIZE, len64(&bytes));
    out.decoded_with(leaf, bytes, "cab-content", Rc::new(Files(files)));
    Ok(())
}

impl Block {
    /// The sum over the data, then over the sizes. A rest of less than four bytes is taken the other way round.
    fn sum_of(&self, data: &[u8]) -> u32 {
        let (words, rest) = data.as_chunks::<4>();
        let sum = words.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
        let rest = rest.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        sum ^ rest ^ u32::from(self.packed) ^ u32::from(self.size) << 16
    }
}

/// The content of a folder, as far as it was decoded.
struct Content {
    stored: Vec<u8>,
    blocks: Option<Blocks>,
    form: Normal,
    /// What was decoded so far can be gone on from.
    goes_on: bool,
}

impl Content {
    fn new(folder: &Folder) -> Self {
        let packed = folder.compression == MSZIP;
        Self {
            stored: Vec::with_capacity(if packed { 0 } else { to_usize(folder.size()) }),
            blocks: packed.then(|| Blocks::new(folder.size())),
            form: Normal::new("cabinet/1"),
            goes_on: true,
        }
    }

    fn note(&mut self, block: &Block, extra: &[u8]) {
        self.form.record("block");
        self.form.number("cbUncomp", block.size);
        self.form.number("summed", u8::from(block.sum != 0));
        self.form.field("abReserve", extra);
    }

    fn add(&mut self, data: &[u8], size: u16) -> Result<(), &'static str> {
        let Some(blocks) = &mut self.blocks else {
            self.goes_on = len64(data) == u64::from(size);
            self.stored.extend_from_slice(data);
            return if self.goes_on { Ok(()) } else { Err("a stored block of two sizes") };
        };
        match blocks.add(data, size.into()) {
            Ok(block) if block.slack => Err("bits that no decoder reads"),
            Ok(block) if block.consumed < len64(data) => Err("bytes behind the stream"),
            Ok(_) => Ok(()),
            Err(error) => {
                self.goes_on = false;
                Err(error.what())
            }
        }
    }

    fn finish(self) -> (Vec<u8>, Normal) {
        (self.blocks.map_or(self.stored, Blocks::finish), self.form)
    }
}

/// Splits the content of a folder into its files.
#[derive(Debug)]
struct Files(Vec<Entry>);

impl<'a> Stage<'a> for Files {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let things = self.0.iter().map(|entry| (entry.span, entry)).collect();
        let (laid, behind) = kiwame_image::lay_out(at.length(), things);
        let mut gaps = Gaps::default();
        for Laid { thing: entry, stated, gap, span, shared, beyond } in laid {
            gaps.add(&at, gap, out);
            if shared.is_some() && !stated.is_empty() {
                out.defect(Defect::new(
                    &SHARED,
                    "uoffFolderStart",
                    stated.offset,
                    stated.length,
                    span.length,
                ));
            }
            if beyond {
                out.defect(Defect::new(&OUTSIDE, "cbFile", stated.offset, stated.end(), at.length()));
            }
            let node = Node::new("cab-file", &entry.name, "cab-file", at.slice(span.offset, span.length));
            let node = node.name(String::from_utf8_lossy(&entry.name)).component();
            let signatures = entry.name.ends_with(b".jcat");
            out.add(if signatures {
                node.then_with(Rc::new(Jcat))
            } else {
                node.then(&Recognised(Place::File))
            });
        }
        gaps.add(&at, behind, out);
    }
}

/// Signatures as libjcat writes them: a gzip stream, and a mark behind it that keeps servers from unpacking it.
#[derive(Debug)]
struct Jcat;

impl<'a> Stage<'a> for Jcat {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let length = at.length().saturating_sub(len64(JCAT_MARK));
        let mark = at.from(length);
        match mark.window() {
            Ok(window) if window[..] == *JCAT_MARK => {
                let stream = Node::new("jcat", "stream", "jcat-stream", at.slice(0, length));
                out.add(stream.then(&Recognised(Place::File)));
                out.add(Node::new("jcat", "mark", "jcat-mark", mark));
            }
            Ok(_) => Recognised(Place::File).parse(at, out),
            Err(trouble) => out.trouble(trouble),
        }
    }
}

const JCAT_MARK: &[u8] = b"IHATECDN";
const SIGNATURE: &[u8] = b"MSCF";
const HEADER: u64 = 36;
const FOLDER: u64 = 8;
const FILE: u64 = 16;
const BLOCK: u64 = 8;
/// What a look at a block costs.
const BLOCK_COST: u64 = 64;
const LONGEST_NAME: u64 = 256;
/// With 60,000 reserved bytes, and four names.
const MOST_HEADER: u64 = 64 << 10;
const MOST_BLOCK: u16 = 0x8000;

// Flags of the header.
const PREVIOUS: u16 = 1;
const NEXT: u16 = 2;
const RESERVE: u16 = 4;

/// Bits of `typeCompress` that say how; the others are parameters.
const COMPRESSIONS: u16 = 15;
const MSZIP: u16 = 1;
const QUANTUM: u16 = 2;
const LZX: u16 = 3;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &BEHIND,
    &BEYOND_END,
    &BLOCK_DATA,
    &BLOCK_SIZE,
    &CHECKSUM,
    &CLOSED,
    &DUPLICATE_NAME,
    &EMPTY,
    &FOLDER_OF,
    &NAME,
    &NAME_FOLDS,
    &OUTSIDE,
    &OVERLAP,
    &SET,
    &SHARED,
    &TRUNCATED,
    &UNKNOWN,
];

/// Bytes lie behind the cabinet that are not its signature: fwupd refuses it.
static BEHIND: DefectKind = DefectKind::ambiguous("cabinet/behind");
/// The cabinet is longer than the file.
static BEYOND_END: DefectKind = DefectKind::ambiguous("cabinet/beyond-end").cut_short();
/// A block does not decode to what it says, or has more than what is decoded.
static BLOCK_DATA: DefectKind = DefectKind::ambiguous("cabinet/block");
/// A block is larger than 32 KiB, or shorter and not the last.
static BLOCK_SIZE: DefectKind = DefectKind::ambiguous("cabinet/block-size");
/// The checksum of a block is wrong.
static CHECKSUM: DefectKind = DefectKind::ambiguous("cabinet/checksum");
/// A folder is packed in a way that is not opened here.
static CLOSED: DefectKind = DefectKind::odd("cabinet/compression");
/// Two files have one name.
static DUPLICATE_NAME: DefectKind = DefectKind::ambiguous("cabinet/duplicate-name");
/// The cabinet has no folder or file, or a folder no block.
static EMPTY: DefectKind = DefectKind::ambiguous("cabinet/empty");
/// A file lies in a folder that there is not, or goes on in another cabinet.
static FOLDER_OF: DefectKind = DefectKind::ambiguous("cabinet/folder");
/// A name is none of a file below where the cabinet is unpacked.
static NAME: DefectKind = DefectKind::ambiguous("cabinet/name");
/// Two names differ only in what Windows takes for the same.
static NAME_FOLDS: DefectKind = DefectKind::ambiguous("cabinet/name-folds");
/// A file is longer than its folder.
static OUTSIDE: DefectKind = DefectKind::ambiguous("cabinet/outside");
/// Two parts of the cabinet share bytes, or one goes beyond its end.
static OVERLAP: DefectKind = DefectKind::ambiguous("cabinet/overlap");
/// The cabinet is one of several.
static SET: DefectKind = DefectKind::ambiguous("cabinet/set");
/// Two files share bytes of their folder.
static SHARED: DefectKind = DefectKind::ambiguous("cabinet/shared");
/// The cabinet ends before a part of it does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("cabinet/truncated").cut_short();
/// A folder is packed in a way that no specification names.
static UNKNOWN: DefectKind = DefectKind::ambiguous("cabinet/unknown-compression");

// Facts, in the words of the specification.
static BLOCKS: Fact = Fact::encoding("blocks");
static COMPRESSION: Fact = Fact::new("compression");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, every_byte_is_compared, parse, put, region, torture};

    /// A stored block of MSZIP.
    fn ck(data: &[u8]) -> Vec<u8> {
        let size = data.len() as u16;
        [&b"CK\x01"[..], &size.to_le_bytes(), &(!size).to_le_bytes(), data].concat()
    }

    fn block(data: &[u8], size: usize) -> Vec<u8> {
        let mut block = Block { start: 0, sum: 0, packed: data.len() as u16, size: size as u16 };
        block.sum = block.sum_of(data);
        let sizes = [block.packed.to_le_bytes(), block.size.to_le_bytes()].concat();
        [&block.sum.to_le_bytes()[..], &sizes, data].concat()
    }

    /// One folder of these blocks, with files of these names and sizes.
    fn cabinet(kind: u16, blocks: &[Vec<u8>], files: &[(&str, usize)]) -> Vec<u8> {
        let mut entries = Vec::new();
        let mut start = 0;
        for (name, size) in files {
            entries.extend([*size as u32, start].map(u32::to_le_bytes).as_flattened());
            entries.extend(b"\0\0\x21\x5a\x00\x60\x20\0");
            entries.extend(name.bytes().chain([0]));
            start += *size as u32;
        }
        let data = 44 + entries.len();
        let size = data + blocks.concat().len();
        let mut bytes = b"MSCF\0\0\0\0".to_vec();
        bytes.extend([size as u32, 0, 44, 0].map(u32::to_le_bytes).as_flattened());
        bytes.extend([3, 1, 1, 0]);
        bytes.extend((files.len() as u16).to_le_bytes());
        bytes.extend([0, 0, 7, 0, 0, 0]);
        bytes.extend((data as u32).to_le_bytes());
        bytes.extend([blocks.len() as u16, kind].map(u16::to_le_bytes).as_flattened());
        [bytes, entries, blocks.concat()].concat()
    }

    fn sample(kind: u16) -> Vec<u8> {
        let text = b"firmwaremore";
        let data = if kind == MSZIP { ck(text) } else { text.to_vec() };
        cabinet(kind, &[block(&data, 12)], &[("fw.bin", 8), ("dir\\more", 4)])
    }

    fn found(bytes: &[u8]) -> String {
        let tree = parse(&Cabinet, bytes);
        assert!(tree.defects().iter().all(|defect| defect.kind.ambiguous));
        defects(&tree).join(" ")
    }

    #[test]
    fn files_lie_in_the_space_of_their_folder() {
        for kind in [0, MSZIP] {
            let tree = parse(&Cabinet, &sample(kind));
            assert_eq!(defects(&tree), [""; 0]);
            let file = region(&tree, "cab:data-0/decoded:content/cab-file:dir%5Cmore");
            assert_eq!(file.span, Span::new(8, 4));
            let entry = region(&tree, "cab-entry:fw.bin");
            assert_eq!(entry.fact(&fact::DATE), Some(&"2025-01-01T12:00:00".into()));
            assert_eq!(entry.fact(&fact::ATTRIBUTES), Some(&0x20_u16.into()));
        }
    }

    #[test]
    fn what_readers_refuse_or_make_otherwise_is_ambiguous() {
        let sound = sample(MSZIP);
        let data = sound.len() - 27;
        let with = |at: usize, value: &[u8]| {
            let mut bytes = sound.clone();
            put(&mut bytes, at, value);
            found(&bytes)
        };
        assert_eq!(with(data, &[0x77]), "cabinet/checksum");
        assert_eq!(with(data, &[0; 4]), "", "none is asked for");
        assert_eq!(with(data + 6, &[11]), "cabinet/checksum cabinet/block");
        assert_eq!(with(data + 8, b"X"), "cabinet/checksum cabinet/block");
        assert_eq!(with(data + 4, &[0x40]), "cabinet/truncated");
        assert_eq!(with(8, &[0xff]), "cabinet/beyond-end");
        assert_eq!(with(0x1e, &[1]).split(' ').next(), Some("cabinet/set"));
        assert_eq!(with(0x22, &[1]), "cabinet/set");
        assert_eq!(with(0x28, &[0, 0]), "cabinet/empty");
        assert_eq!(with(0x2a, &[4]), "cabinet/unknown-compression");
        assert_eq!(with(0x2b, &[1]), "cabinet/unknown-compression");
        assert_eq!(with(0x2c, &[9]), "cabinet/shared");
        assert_eq!(with(0x2c + 4, &[1]), "cabinet/shared");
        assert_eq!(with(0x2c + 8, &[1]), "cabinet/folder");
        assert_eq!(found(&[&sound[..], b"x"].concat()), "cabinet/behind");
        assert_eq!(defects(&parse(&Cabinet, &sample(LZX))), ["cabinet/compression"]);
    }

    #[test]
    fn names_are_those_of_files() {
        let of = |names: [&str; 2]| {
            let files = names.map(|name| (name, 1));
            found(&cabinet(0, &[block(b"ab", 2)], &files))
        };
        assert_eq!(of(["a", "b"]), "");
        assert_eq!(of(["a", "a"]), "cabinet/duplicate-name");
        assert_eq!(of(["a", "A"]), "cabinet/name-folds");
        for name in ["..\\b", "\\b", "c:b", "", "b\n", "a//b"] {
            assert_eq!(of(["a", name]), "cabinet/name", "{name}");
        }
    }

    #[test]
    fn blocks_are_of_one_size_but_for_the_last() {
        let full = vec![0x5a; 0x8000];
        let two = |first: &[u8]| {
            let blocks = [block(&ck(first), first.len()), block(&ck(b"end"), 3)];
            found(&cabinet(MSZIP, &blocks, &[("a", first.len() + 3)]))
        };
        assert_eq!(two(&full), "");
        assert_eq!(two(&full[1..]), "cabinet/block-size");
        let behind = [ck(b"end"), b"x".to_vec()].concat();
        assert_eq!(found(&cabinet(MSZIP, &[block(&behind, 3)], &[("a", 3)])), "cabinet/block");
        assert_eq!(found(&cabinet(0, &[block(b"end", 2)], &[("a", 3)])), "cabinet/block");
        assert_eq!(found(&cabinet(0, &[block(b"end", 3)], &[("a", 4)])), "cabinet/outside");
    }

    #[test]
    fn bytes_of_no_file_are_not_understood() {
        let tree = parse(&Cabinet, &cabinet(0, &[block(b"hidden", 6)], &[("a", 2)]));
        let unused = region(&tree, "cab:data-0/decoded:content/cab:unused-0");
        assert_eq!((unused.span.length, unused.content), (4, kiwame_image::Content::Unknown));
    }

    #[test]
    fn what_a_policy_accepts_is_on_the_list() {
        every_byte_is_compared(&Cabinet, &sample(MSZIP), 0..0);
        every_byte_is_compared(&Cabinet, &sample(0), 0..0);
    }

    #[test]
    fn the_mark_behind_signatures_is_no_second_stream() {
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
        let with = |behind: &[u8]| {
            let data = [&gzip[..], behind].concat();
            let bytes = cabinet(0, &[block(&data, data.len())], &[("a.jcat", data.len())]);
            found(&bytes)
        };
        assert_eq!((with(b"IHATECDN"), with(b"")), (String::new(), String::new()));
        assert_eq!(with(b"IHATECDM"), "gzip/trailing-bytes");
    }

    #[test]
    fn hostile_bytes() {
        torture(&Cabinet, &sample(MSZIP));
        torture(&Cabinet, &sample(0));
    }
}
