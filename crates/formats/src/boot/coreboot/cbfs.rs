//! CBFS: the files of coreboot.
//!
//! coreboot at f0f91182 (2026-08), `src/commonlib/bsd/include/commonlib/bsd/cbfs_serialized.h`. Numbers are big-endian.
//!
//! ```text
//! 0x00 magic "LARCHIVE"   8    0x14 offset (of the data)  4    attribute: tag 4, len 4, data
//! 0x08 len (of the data)  4    0x18 filename, NUL              next file: at the next multiple of 64
//! 0x0c type               4    attributes, at attributes_offset
//! 0x10 attributes_offset  4    data
//! ```
//!
//! Loader modelled: `cbfs_walk` and `cbfs_lookup` of coreboot (`src/commonlib/bsd/cbfs_private.c`). It looks every 64 bytes
//! for the magic, and from each file goes on behind its data; a file whose data lie beyond the end it does not believe, and
//! looks 64 bytes further; one without a name, or with attributes before or behind its header, it passes over; types 0 and
//! FFFFFFFF are free space. Of two files of one name the first is taken. Of two attributes of one tag the first is, and one
//! that is not as long as it has to be counts as none. Stages are loaded by `src/lib/cbfs.c`, payloads by
//! `src/lib/selfboot.c`; both ignore what a header of LZMA says beyond 32 bits, and have room for lc and lp of 3 together.
//! Ambiguities, each a defect: two files of one name; files that are not believed or passed over; bytes before a file, at
//! which `cbfstool` stops; names without an end; headers above 256 bytes, which coreboot has refused since 4.14; attributes
//! that end the list, or that coreboot and `cbfstool` read differently; hashes that are wrong (`claim/digest`); what is
//! unpacked to another size than is said.
//! Limitations: the fields of AMD's firmware, of `cmos_layout.bin` and of the other tables are leaves that are not
//! understood; a hash with an algorithm other than SHA-1, SHA-256, SHA-384 or SHA-512 is a fact and not compared; the
//! metadata hash of the writable parts, which verified boot signs, is not compared; files that are put together at
//! build time are not told from others. An image without a flash map is read when its last four bytes lead to a master
//! header, or when it begins with a file.
//!
//! ## Normal form
//!
//! None: headers are compared as they lie, with the lengths, hashes and sizes in them, so a file that was packed anew is
//! another file. Free space is fill or a leaf that is not understood.

use std::collections::BTreeSet;
use std::rc::Rc;

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Format, Glance, Input, Node, Place, Reader, Reading, Recognised,
    Span, Stage, Sure, fact, len64, to_usize,
};

use super::{Read, attribute, content, name_image, packing, payload, stage};

/// Files, one behind the other.
#[derive(Debug)]
pub(crate) struct Cbfs;

impl Format for Cbfs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "coreboot's files: headers, attributes, hashes, stages, payloads and master headers"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS, attribute::DEFECTS, content::DEFECTS, packing::DEFECTS, payload::DEFECTS, stage::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = Header::read(head.bytes(0, HEADER)?)?;
        header.fits(head.size()).then(|| Reading::new(self, Sure::Structure))
    }

    fn over(&self) -> &'static [&'static str] {
        &["uefi-image"]
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

/// Two files, the second where the first ends, and all that follow so.
static ANCHOR: Anchor = Anchor {
    marks: &[MAGIC],
    at: 0,
    whole: |at, _| {
        let (mut end, mut count) = (0_u64, 0_u32);
        while end.next_multiple_of(ALIGNMENT) < at.length() {
            at.spend(HEADER)?;
            let start = end.next_multiple_of(ALIGNMENT);
            let Some(header) = Header::read(&at.slice(start, HEADER).window()?) else { break };
            if !header.fits(at.length().saturating_sub(start)) {
                break;
            }
            end = start.saturating_add(header.whole());
            count = count.saturating_add(1);
        }
        Ok((count > 1).then_some(end))
    },
};

/// What something around it says holds files: then that is what coreboot looks for in it.
#[derive(Debug)]
pub(super) struct Declared;

impl Format for Declared {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "where coreboot looks for files"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match Walk::new(&at).file() {
            Ok(Some(_)) => Cbfs.parse(at, out),
            Ok(None) => Recognised(Place::Partition).parse(at, out),
            Err(trouble) => out.trouble(trouble),
        }
    }
}

/// An image that has no map, with the pointer to the master header in its last bytes: what lies before the files, and the
/// files. False, with nothing added, when there is none.
pub(crate) fn lay_out<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<bool> {
    let Some(master) = content::Master::of_end(at)? else { return Ok(false) };
    let Some(start) = master.files(at.length()) else { return Ok(false) };
    if Header::read(&at.slice(start, HEADER).window()?).is_none() {
        return Ok(false);
    }
    name_image(NAME, out);
    if start == 0 {
        Cbfs.parse(at.clone(), out);
        return Ok(true);
    }
    out.add_behind(Node::new(NAME, "before", "cbfs-before", at.slice(0, start)));
    out.add(Node::new(NAME, "files", "cbfs-files", at.from(start)).component().then(&Cbfs));
    Ok(true)
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<()> {
    let mut walk = Walk::new(at);
    let mut names = BTreeSet::new();
    let (mut done, mut number, mut free) = (0_u64, 0_u32, 0_u32);
    while let Some(found) = walk.step()? {
        let start = found.span.offset;
        between(at, (done, start), number, out);
        // Only tools stop there; the padding that aligns a file is shorter.
        let place = at.offset().saturating_add(start);
        if start.saturating_sub(done.next_multiple_of(ALIGNMENT)) > 0 {
            out.defect(Defect::new(&GAP, "magic", place, start, done.next_multiple_of(ALIGNMENT)));
        }
        let input = at.slice(start, found.span.length);
        match found.what {
            What::File(header) => {
                let entry = File { header, number };
                let name = entry.name(&input)?;
                at.spend(len64(&name))?;
                if !header.is_free() && !names.insert(name.clone()) {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    out.defect(Defect::new(&TWICE, "filename", place, name, "a name of its own"));
                }
                let key = match name.as_slice() {
                    _ if header.is_free() => free.to_string().into_bytes(),
                    [] => number.to_string().into_bytes(),
                    name => name.to_vec(),
                };
                free = free.saturating_add(u32::from(header.is_free()));
                out.add(entry.node(input, &key, &name));
            }
            What::Refused(field, value) => {
                out.defect(Defect::new(&REFUSED, field, place, value, "a header that coreboot takes"));
                let node = Node::new("cbfs-refused", number.to_string(), "cbfs-refused", input);
                out.add_behind(node.order(number).component());
            }
        }
        done = found.span.end();
        number = number.saturating_add(1);
    }
    content::behind_files(at, done, out)
}

/// What lies between two files: the end of the last 64 bytes, or what coreboot passes over.
fn between<'a>(at: &Input<'a>, (done, start): (u64, u64), number: u32, out: &mut Builder<'_, 'a>) {
    let span = Span::between(done, start);
    let node =
        Node::new(NAME, format!("between-{number}"), "cbfs-padding", at.slice(span.offset, span.length));
    if span.is_empty() {
        return;
    }
    if span.length < ALIGNMENT {
        out.add_fill(node, ERASED);
    } else {
        out.add_behind(node);
    }
}

/// The header of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) length: u64,
    pub(super) kind: u32,
    attributes: u64,
    pub(super) data: u64,
}

impl Header {
    /// `None` when the magic is another, or the header is not all there.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Self::fields(bytes).ok().flatten()
    }

    fn fields(bytes: &[u8]) -> Result<Option<Self>, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let magic = reader.bytes(8, "magic")?;
        let length = reader.u32_be("len")?.into();
        let kind = reader.u32_be("type")?;
        let attributes = reader.u32_be("attributes_offset")?.into();
        let data = reader.u32_be("offset")?.into();
        Ok((magic == MAGIC).then_some(Self { length, kind, attributes, data }))
    }

    /// Length of header and data.
    fn whole(&self) -> u64 {
        self.data.saturating_add(self.length)
    }

    /// True when all of the file lies in so many bytes.
    fn fits(&self, room: u64) -> bool {
        self.data >= HEADER && self.whole() <= room
    }

    pub(super) fn is_free(&self) -> bool {
        FREE.contains(&self.kind)
    }

    /// Where the field of the name ends.
    fn name_end(&self) -> u64 {
        if self.attributes == 0 { self.data } else { self.attributes }
    }

    /// The attributes, which end where the data begin.
    fn attributes(&self) -> Span {
        if self.attributes == 0 { Span::new(self.data, 0) } else { Span::between(self.attributes, self.data) }
    }

    /// True when coreboot finds room for a name and attributes.
    fn is_sound(&self) -> bool {
        self.is_free() || self.name_end() > HEADER && self.name_end() <= self.data
    }
}

/// Walks from file to file as coreboot does.
pub(super) struct Walk<'i, 'a> {
    at: &'i Input<'a>,
    next: u64,
}

/// What the walk comes to.
pub(super) struct Found {
    pub(super) span: Span,
    pub(super) what: What,
}

pub(super) enum What {
    /// A file, or free space.
    File(Header),
    /// What has the magic and is passed over, with the field that is wrong.
    Refused(&'static str, u64),
}

impl<'i, 'a> Walk<'i, 'a> {
    pub(super) fn new(at: &'i Input<'a>) -> Self {
        Self { at, next: 0 }
    }

    pub(super) fn step(&mut self) -> Read<Option<Found>> {
        let Some((start, header)) = self.magic()? else { return Ok(None) };
        self.at.spend(ALIGNMENT)?;
        let room = self.at.length().saturating_sub(start);
        let (length, what) = if !header.fits(room) {
            let field = if header.data < HEADER { ("offset", header.data) } else { ("len", header.length) };
            (ALIGNMENT.min(room), What::Refused(field.0, field.1))
        } else if header.is_sound() {
            (header.whole(), What::File(header))
        } else {
            (header.whole(), What::Refused("attributes_offset", header.attributes))
        };
        self.next = start.saturating_add(length);
        Ok(Some(Found { span: Span::new(start, length), what }))
    }

    /// The next that is a file or free space.
    pub(super) fn file(&mut self) -> Read<Option<(Span, Header)>> {
        while let Some(found) = self.step()? {
            if let What::File(header) = found.what {
                return Ok(Some((found.span, header)));
            }
        }
        Ok(None)
    }

    /// The next place where the magic stands, with room for a header and more.
    fn magic(&mut self) -> Read<Option<(u64, Header)>> {
        let mut next = self.next.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX);
        while next.saturating_add(HEADER) < self.at.length() {
            // A window in one page costs nothing.
            let over = self.at.offset().saturating_add(next) % PAGE;
            let left = PAGE.saturating_sub(over);
            let take = left.saturating_sub(left % ALIGNMENT).max(ALIGNMENT);
            let window = self.at.slice(next, take).window()?;
            let places = (0_u64..).step_by(to_usize(ALIGNMENT)).zip(window.chunks(to_usize(ALIGNMENT)));
            for (place, bytes) in places.filter(|(_, bytes)| bytes.starts_with(MAGIC)) {
                let start = next.saturating_add(place);
                if start.saturating_add(HEADER) < self.at.length()
                    && let Some(header) = Header::read(bytes)
                {
                    return Ok(Some((start, header)));
                }
            }
            next = next.saturating_add(take);
        }
        Ok(None)
    }
}

/// One file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) header: Header,
    pub(super) number: u32,
}

impl File {
    /// Its name, up to the NUL. Coreboot puts one at the end of the field.
    pub(super) fn name(&self, file: &Input<'_>) -> Read<Vec<u8>> {
        let field = Span::between(HEADER, self.header.name_end().min(MOST_NAME));
        let window = file.slice(field.offset, field.length).window()?;
        Ok(window.split(|&byte| byte == 0).next().unwrap_or_default().to_vec())
    }

    fn node<'a>(self, input: Input<'a>, key: &[u8], name: &[u8]) -> Node<'a> {
        let order = self.number;
        let kind = self.header.kind;
        let (segment, node_kind) =
            if self.header.is_free() { FREE_SPACE } else { ("cbfs-file", "cbfs-file") };
        let node = Node::new(segment, key, node_kind, input).name(String::from_utf8_lossy(name));
        let node = node.order(order).component().with(&fact::TYPE, kind);
        let node = match content::type_name(kind) {
            Some(name) => node.with(&fact::TYPE_NAME, name),
            None => node,
        };
        let node = if content::runs(kind) { node.with(&fact::EXECUTABLE, true) } else { node };
        node.then_with(Rc::new(self))
    }

    fn open<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<()> {
        let header = self.header;
        if header.data > MOST_METADATA {
            let place = at.offset().saturating_add(OFFSET_FIELD);
            out.defect(Defect::new(&METADATA, "offset", place, header.data, MOST_METADATA));
        }
        let name_end = header.name_end().clamp(HEADER, header.data);
        let field = at.slice(HEADER, name_end.saturating_sub(HEADER));
        if !header.is_free() && !field.head(MOST_NAME)?.contains(&0) {
            let last = at.offset().saturating_add(name_end).saturating_sub(1);
            out.defect(Defect::new(&NAME_OPEN, "filename", last, field.head(MOST_NAME)?.to_vec(), "a NUL"));
        }
        out.add(Node::new(NAME, "header", "cbfs-header", at.slice(0, name_end)));
        let data = at.slice(header.data, header.length);
        let span = if header.is_free() {
            Span::new(name_end, header.data.saturating_sub(name_end))
        } else {
            header.attributes()
        };
        let attributes = attribute::read(&at.slice(span.offset, span.length), &data, out)?;
        content::open(&data, header.kind, &attributes, out)
    }
}

impl<'a> Stage<'a> for File {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.open(&at, out) {
            out.trouble(trouble);
        }
    }
}

pub(super) const NAME: &str = "cbfs";
const MAGIC: &[u8] = b"LARCHIVE";
const HEADER: u64 = 24;
const OFFSET_FIELD: u64 = 0x14;
/// Where files begin.
pub(super) const ALIGNMENT: u64 = 64;
/// `CBFS_METADATA_MAX_SIZE`.
const MOST_METADATA: u64 = 256;
/// No name is longer, in old images either.
const MOST_NAME: u64 = 4 << 10;
/// `CBFS_TYPE_DELETED`, `CBFS_TYPE_NULL`.
const FREE: [u32; 2] = [0, u32::MAX];
const FREE_SPACE: (&str, &str) = ("cbfs-free", "cbfs-free");
const ERASED: u8 = 0xff;
/// What is read in one go without a copy.
const PAGE: u64 = 64 << 10;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&GAP, &METADATA, &NAME_OPEN, &REFUSED, &TRUNCATED, &TWICE];

/// A file does not begin where the one before it ends: coreboot looks on, cbfstool stops.
static GAP: DefectKind = DefectKind::ambiguous("cbfs/gap");
/// Header, name and attributes have more bytes than coreboot takes.
static METADATA: DefectKind = DefectKind::ambiguous("cbfs/metadata-size");
/// A name has no end.
static NAME_OPEN: DefectKind = DefectKind::ambiguous("cbfs/name-open");
/// What looks like a file is none to coreboot, which passes over it.
static REFUSED: DefectKind = DefectKind::ambiguous("cbfs/refused");
/// The files end before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("cbfs/truncated").cut_short();
/// Two files have one name; coreboot takes the first.
static TWICE: DefectKind = DefectKind::ambiguous("cbfs/name-twice");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Content;

    use super::super::fixtures::{RAW, file, files, words};
    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    fn two() -> Vec<u8> {
        files(&[file("one", RAW, &[], b"first"), file("fallback/two", RAW, &[], b"second")], 0x400)
    }

    #[test]
    fn files_are_components_and_free_space_is_fill() {
        let tree = parse(&Cbfs, &two());
        assert_eq!(crate::identify(&Glance::new(&two(), 0x400)).name(), "cbfs");
        assert_eq!(defects(&tree), [""; 0]);
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|leaf| (leaf.0, leaf.2, leaf.3)).collect();
        let expected = [
            ("cbfs-header", 0, 28),
            ("unknown-content", 28, 5),
            ("cbfs-padding", 33, 31),
            ("cbfs-header", 64, 40),
            ("unknown-content", 104, 6),
            ("cbfs-padding", 110, 18),
            ("cbfs-header", 128, 28),
            ("cbfs-free-space", 156, 0x400 - 156),
        ];
        assert_eq!(kinds, expected);
        let second = region(&tree, "cbfs-file:fallback%2Ftwo");
        assert_eq!((second.order, second.component), (Some(1), true));
        assert_eq!(region(&tree, "cbfs-free:0/cbfs:free").content, Content::Fill);
    }

    #[test]
    fn of_two_files_of_one_name_the_loader_takes_the_first() {
        let bytes = files(&[file("one", RAW, &[], b"first"), file("one", RAW, &[], b"again")], 0x200);
        assert_eq!(defects(&parse(&Cbfs, &bytes)), ["cbfs/name-twice"]);
        // Names of free space are nobody's.
        let free = files(&[file("one", RAW, &[], b"first"), file("one", 0, &[], &[0xff; 5])], 0x200);
        assert_eq!(defects(&parse(&Cbfs, &free)), [""; 0]);
    }

    #[test]
    fn what_is_passed_over_is_ambiguous_and_the_walk_goes_on_as_the_loader_does() {
        let found = |bytes: &[u8]| {
            let tree = parse(&Cbfs, bytes);
            let names = tree.regions().filter(|region| region.kind == "cbfs-file");
            let names: Vec<_> =
                names.map(|region| String::from_utf8_lossy(&region.segment.key).into_owned()).collect();
            (names.join(" "), defects(&tree).join(" "))
        };
        // Data beyond the end: 64 bytes further there is a file.
        let mut bytes = two();
        put(&mut bytes, 8, &words(&[0x1000]));
        assert_eq!(found(&bytes), ("fallback/two".to_owned(), "cbfs/refused".to_owned()));
        // Data that begin in the header.
        let mut bytes = two();
        put(&mut bytes, 20, &words(&[23]));
        assert_eq!(found(&bytes), ("fallback/two".to_owned(), "cbfs/refused".to_owned()));
        // Attributes in the header, and behind it: the file is passed over as a whole, with the file that is hidden in it.
        for attributes in [24, 29] {
            let mut bytes = files(&[file("one", RAW, &[], &[0; 100]), file("two", RAW, &[], b"2")], 0x200);
            put(&mut bytes, 64, b"LARCHIVE");
            put(&mut bytes, 16, &words(&[attributes]));
            assert_eq!(found(&bytes), ("two".to_owned(), "cbfs/refused".to_owned()), "{attributes}");
        }
        // What no file begins with is passed over in steps.
        let mut bytes = two();
        put(&mut bytes, 64, b"?");
        assert_eq!(found(&bytes), ("one".to_owned(), "cbfs/gap".to_owned()));
    }

    #[test]
    fn a_file_that_the_walk_does_not_reach_is_none() {
        // Free space with a file in it, which is what is left when a file is taken out of an image by its type alone.
        let mut free = vec![0xff; 200];
        put(&mut free, 36, &file("old", RAW, &[], b"left over"));
        let tree =
            parse(&Cbfs, &files(&[file("", u32::MAX, &[], &free), file("one", RAW, &[], b"1")], 0x200));
        assert_eq!(defects(&tree), [""; 0]);
        assert!(!tree.regions().any(|region| region.segment.key.as_ref() == b"old"));
        assert_eq!(region(&tree, "cbfs-free:0/cbfs:free").content, Content::Unknown);
    }

    #[test]
    fn names_without_an_end_and_long_headers_are_ambiguous() {
        let mut bytes = two();
        put(&mut bytes, 24, b"ones");
        assert_eq!(defects(&parse(&Cbfs, &bytes)), ["cbfs/name-open"]);
        let bytes = files(&[file(&"n".repeat(228), RAW, &[], b"1")], 0x200);
        assert_eq!(defects(&parse(&Cbfs, &bytes)), [""; 0]);
        let bytes = files(&[file(&"n".repeat(232), RAW, &[], b"1")], 0x200);
        assert_eq!(defects(&parse(&Cbfs, &bytes)), ["cbfs/metadata-size"]);
    }

    #[test]
    fn two_files_one_behind_the_other_are_found_among_other_bytes() {
        let found = |bytes: &[u8]| {
            let tree = parse(crate::named("raw").expect("listed"), &[&[0x11; 100], bytes].concat());
            tree.regions().filter(|region| region.searched).map(|region| region.span).collect::<Vec<_>>()
        };
        assert_eq!(found(&two()), [Span::new(100, 0x400)]);
        assert_eq!(found(&file("one", RAW, &[], b"first")), []);
    }

    #[test]
    fn an_old_image_has_a_master_header_and_a_bootblock() {
        let mut bytes = vec![0xff; 0x100];
        bytes.extend(files(&[file("one", RAW, &[], b"first")], 0x200));
        bytes.extend([0x90; 0x100]);
        let header = [0x3131_3132, 0x400, 0x100, 64, 0x100, 1, 0];
        put(&mut bytes, 0x380, &[b"ORBC".to_vec(), words(&header)].concat());
        let end = bytes.len() - 4;
        put(&mut bytes, end, &0x80_u32.wrapping_neg().to_le_bytes());
        let tree = parse(crate::named("raw").expect("listed"), &bytes);
        assert_eq!(defects(&tree), [""; 0]);
        let kinds: Vec<_> = tree.regions().filter(|region| region.span.offset >= 0x300).collect();
        let kinds: Vec<_> = kinds.into_iter().map(|region| (region.kind, region.span.offset)).collect();
        let expected = [
            ("bootblock", 0x300),
            ("cbfs-master-header", 0x380),
            ("bootblock", 0x3a0),
            ("cbfs-header-pointer", 0x3fc),
        ];
        assert_eq!(kinds, expected);
        put(&mut bytes, 0x390, &words(&[32]));
        assert_eq!(defects(&parse(crate::named("raw").expect("listed"), &bytes)), ["cbfs/align"]);
    }

    #[test]
    fn headers_one_behind_the_other_cost_what_they_may_and_no_more() {
        let mut bad = file("a", RAW, &[], &[]);
        put(&mut bad, 8, &words(&[0x1000_0000]));
        bad.resize(64, 0xff);
        let bytes = bad.repeat(16 << 10);
        let limits = kiwame_image::Limits { decoded: 1 << 19, ..kiwame_image::Limits::default() };
        let size = len64(&bytes);
        let host = kiwame_image::Memory::new([bytes]);
        let tree = kiwame_image::parse(&host, 0, size, &Cbfs, &limits, &crate::options()).expect("memory");
        assert!(!tree.limits_hit().is_empty());
    }

    #[test]
    fn any_bytes() {
        torture(&Cbfs, &two()[..0x100]);
    }
}
