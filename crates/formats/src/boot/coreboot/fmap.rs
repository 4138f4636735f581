//! Flash maps: where the parts of a flash lie, by name.
//!
//! coreboot at f0f91182 (2026-08), `src/commonlib/bsd/include/commonlib/bsd/fmap_serialized.h`; flashmap 1.1. Numbers are little-endian.
//!
//! ```text
//! 0x00 signature "__FMAP__" 8    0x12 size    4    an area: 0x00 offset  4
//! 0x08 ver_major 1          1    0x16 name   32             0x04 size    4
//! 0x09 ver_minor            1    0x36 nareas  2             0x08 name   32
//! 0x0a base                 8    0x38 areas                 0x28 flags   2
//! ```
//!
//! Loader modelled: `src/lib/fmap.c` of coreboot, which has the place and the size of the map compiled in, looks at the
//! signature alone, and takes the first area of a name; it asks neither `nareas` nor `size`. Tools search for the map, as
//! `cbfstool` and `flashrom` do, and so do we: the version, the name and the room for the areas must be as they want it, and
//! the area called `FMAP` says how far from the start of the flash it lies. So a map in the BIOS region of an Intel flash
//! is read as one of the whole flash, of which this is a part.
//! Ambiguities, each a defect: a second map; two areas of one name, or that share bytes and neither holds the other; areas
//! or a size beyond the image; a name without an end; bytes behind the areas, which a loader that does not count them reads.
//! Limitations: the parts of the management engine, vital product data, the event log, and what verified boot keeps (GBB,
//! VBLOCK: keys and signatures of the writable parts) are leaves that are not understood; compressed areas are not unpacked;
//! a map that begins beyond the first 68 KiB is looked for only where no other format recognises the beginning, and in
//! UEFI images and BIOS regions.
//!
//! ## Normal form
//!
//! None is needed: the map is compared as it lies, and so is what no area names.

use std::rc::Rc;

use kiwame_image::{
    Arrange as _, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Place, Reader,
    Reading, Recognised, RegionId, Span, Stage, Sure, Trouble, Window, fact, len64, to_usize,
};

use super::{Read, anchor, cbfs, content, name_image};
use crate::x86::interface_table;

/// A flash with a map.
#[derive(Debug)]
pub(crate) struct Fmap;

impl Format for Fmap {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "flash map of coreboot and Chromium OS: its areas, nested, as partitions"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS, anchor::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let near = head.near().saturating_add(len64(SIGNATURE)).min(len64(head.all()));
        let near = head.all().get(..to_usize(near)).unwrap_or_default();
        let map = signatures(near).take(MOST_LOOKS).find_map(|place| {
            let bytes = head.all().get(place..)?;
            Map::read(bytes, len64(near.get(..place)?)).filter(|map| map.base() == Some(0))
        })?;
        let length = u64::from(map.size);
        (length <= head.size()).then(|| Reading::new(self, Sure::Structure).of_length(length))
    }

    fn over(&self) -> &'static [&'static str] {
        &["cbfs", "uefi-image", "fill"]
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match lay_out(&at, out) {
            Ok(true) => {}
            Ok(false) => _ = out.add(unread(at)),
            Err(trouble) => {
                out.trouble(trouble);
                out.add(unread(at));
            }
        }
    }
}

fn unread(at: Input<'_>) -> Node<'_> {
    Node::new(NAME, "unread", "fmap-unread", at).unknown()
}

/// Splits a flash as its map says. False, with nothing added, when there is none.
pub(crate) fn lay_out<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<bool> {
    let maps = maps(at)?;
    // The one that says where it lies goes before one that does not.
    let Some(map) = maps.iter().find(|map| map.names_itself()).or(maps.first()) else { return Ok(false) };
    name_image(NAME, out);
    out.fact(&MAP, at.offset().saturating_add(map.place));
    for other in maps.iter().filter(|other| other.place != map.place) {
        let [place, first] = [other, map].map(|map| at.offset().saturating_add(map.place));
        out.defect(Defect::new(&SECOND, "signature", place, place, first));
    }
    let areas = map.check(at, out);
    if let Err(trouble) = anchor::check(at, map.table(), &areas, out) {
        out.trouble(trouble);
    }
    if let Err(trouble) = interface_table::check(at, out) {
        out.trouble(trouble);
    }
    let table = Area { kind: Kind::Map, name: Vec::new(), flags: 0, span: map.table() };
    let areas: Vec<_> = areas.into_iter().chain([table]).collect();
    Inside { offset: 0, areas }.parse(at.clone(), out);
    Ok(true)
}

/// Every map in `at` that a tool would take, in the order in which they lie.
fn maps(at: &Input<'_>) -> Read<Vec<Map>> {
    let mut found = Vec::new();
    let mut piece = 0_u64;
    while piece < at.length() {
        let window = at.slice(piece, PIECE.saturating_add(len64(SIGNATURE)).saturating_sub(1)).window()?;
        for place in signatures(&window) {
            let place = piece.saturating_add(len64(window.get(..place).unwrap_or_default()));
            // The signature may stand every few bytes, with many areas behind each.
            at.spend(HEADER)?;
            let Some(length) = Map::length(&at.slice(place, HEADER).window()?) else { continue };
            at.spend(length)?;
            let map = Map::read(&at.slice(place, length).window()?, place);
            found.extend(map.filter(|map| map.names_itself() || map.fills(at.length())));
        }
        piece = piece.saturating_add(PIECE);
    }
    Ok(found)
}

/// Where the signature stands.
fn signatures(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(bytes, SIGNATURE)
}

/// What a map says.
struct Map {
    /// Where it lies in what was searched.
    place: u64,
    size: u32,
    areas: Vec<Stated>,
}

/// An area, as the map states it.
struct Stated {
    offset: u64,
    size: u64,
    /// Up to its end, or all of the field.
    name: Vec<u8>,
    terminated: bool,
    flags: u16,
}

/// An area, where it lies in what was searched.
#[derive(Clone, Debug)]
pub(super) struct Area {
    kind: Kind,
    pub(super) name: Vec<u8>,
    flags: u16,
    pub(super) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Area,
    /// The map itself, which an area called `FMAP` may hold.
    Map,
}

impl Map {
    /// Length of the map that begins so, by what tools look at before they take one.
    fn length(header: &[u8]) -> Option<u64> {
        let (_, size, count) = Self::header(header).ok()??;
        let length = HEADER.saturating_add(u64::from(count).saturating_mul(AREA));
        (length <= u64::from(size) && count > 0).then_some(length)
    }

    /// Name, size and number of areas.
    fn header(bytes: &[u8]) -> Result<Option<(Vec<u8>, u32, u16)>, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let signature = reader.bytes(8, "signature")?;
        let major = reader.u8("ver_major")?;
        reader.bytes(9, "ver_minor, base")?;
        let size = reader.u32_le("size")?;
        let (name, terminated) = text(reader.bytes(STRING, "name")?);
        let count = reader.u16_le("nareas")?;
        let plain = name.iter().all(u8::is_ascii_graphic);
        let known = signature == SIGNATURE && major == MAJOR && terminated && plain;
        Ok(known.then_some((name, size, count)))
    }

    /// The map at the start of `bytes`, which lie at `place`.
    fn read(bytes: &[u8], place: u64) -> Option<Self> {
        let length = Self::length(bytes)?;
        let (_, size, _) = Self::header(bytes).ok()??;
        let areas = bytes.get(to_usize(HEADER)..to_usize(length))?.chunks_exact(to_usize(AREA));
        Some(Self { place, size, areas: areas.filter_map(|area| Stated::read(area).ok()).collect() })
    }

    fn table(&self) -> Span {
        Span::new(self.place, HEADER.saturating_add(len64(&self.areas).saturating_mul(AREA)))
    }

    /// Where in the flash the map says that it lies itself.
    fn own_offset(&self) -> Option<u64> {
        self.areas.iter().find(|area| area.name == OWN).map(|area| area.offset)
    }

    /// True when an area says so, and has room for it.
    fn names_itself(&self) -> bool {
        let own = self.areas.iter().find(|area| area.name == OWN);
        own.is_some_and(|own| own.size >= self.table().length)
    }

    fn fills(&self, length: u64) -> bool {
        self.own_offset().is_none() && u64::from(self.size) == length
    }

    /// Where the flash begins, from the start of what was searched; `None` when that lies before it.
    fn base(&self) -> Option<u64> {
        self.place.checked_sub(self.own_offset().unwrap_or(self.place))
    }

    /// Where an area lies in what was searched: `None` when all of it lies before that.
    fn locate(&self, area: &Stated) -> Option<Span> {
        let own = self.own_offset().unwrap_or(self.place);
        let shift = |offset: u64| self.place.saturating_add(offset).checked_sub(own);
        let end = shift(area.offset.saturating_add(area.size))?;
        Some(Span::between(shift(area.offset).unwrap_or(0), end)).filter(|span| !span.is_empty())
    }

    /// Notes what is wrong with the areas, and gives those that lie in what was searched.
    fn check(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Vec<Area> {
        let place = |number: u64| {
            let behind = HEADER.saturating_add(number.saturating_mul(AREA));
            at.offset().saturating_add(self.place).saturating_add(behind)
        };
        let whole = out.region() == RegionId::ROOT;
        if whole && self.base() == Some(0) && u64::from(self.size) != at.length() {
            let field = at.offset().saturating_add(self.place).saturating_add(SIZE_FIELD);
            out.defect(Defect::new(&SIZE, "size", field, self.size, at.length()));
        }
        let mut names: Vec<_> = self.areas.iter().zip(0_u64..).collect();
        names.arrange_by_key(|(area, _)| area.name.clone());
        for two in names.windows(2) {
            let [(first, _), (second, number)] = *two else { continue };
            if first.name == second.name {
                let name = String::from_utf8_lossy(&second.name).into_owned();
                out.defect(Defect::new(&TWICE, "name", place(number), name, "a name of its own"));
            }
        }
        let mut areas = Vec::new();
        for (area, number) in self.areas.iter().zip(0_u64..) {
            if !area.terminated {
                out.defect(Defect::new(&UNTERMINATED, "name", place(number), area.name.clone(), "a NUL"));
            }
            let own = self.own_offset().unwrap_or(self.place);
            let first = self.place.saturating_add(area.offset);
            let cut = first < own || first.saturating_sub(own).saturating_add(area.size) > at.length();
            let Some(span) = self.locate(area).filter(|span| span.offset < at.length()) else {
                // Of a part of a flash, the other parts may be elsewhere.
                if whole && area.size > 0 {
                    out.defect(Defect::new(&BEYOND, "offset", place(number), area.offset, at.length()));
                }
                continue;
            };
            // What holds all of a part goes beyond it on both sides.
            let held = span.slice(0, at.length()).length >= at.length();
            if cut && (whole || !held) {
                let end = area.offset.saturating_add(area.size);
                out.defect(Defect::new(&BEYOND, "size", place(number), end, at.length()));
            }
            let span = Span::between(span.offset, span.end().min(at.length()));
            areas.push(Area { kind: Kind::Area, name: area.name.clone(), flags: area.flags, span });
        }
        areas
    }
}

impl Stated {
    fn read(bytes: &[u8]) -> Result<Self, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let (offset, size) = (reader.u32_le("offset")?.into(), reader.u32_le("size")?.into());
        let (name, terminated) = text(reader.bytes(STRING, "name")?);
        Ok(Self { offset, size, name, terminated, flags: reader.u16_le("flags")? })
    }
}

/// A string that ends with a NUL, and whether it does.
fn text(field: &[u8]) -> (Vec<u8>, bool) {
    let end = field.iter().position(|&byte| byte == 0);
    (field.get(..end.unwrap_or(field.len())).unwrap_or_default().to_vec(), end.is_some())
}

/// Areas that lie in one, or in the flash. Places are counted from what was searched, which begins `offset` bytes before.
#[derive(Debug)]
struct Inside {
    offset: u64,
    areas: Vec<Area>,
}

impl<'a> Stage<'a> for Inside {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let mut gaps = 0_u32;
        let mut between = |gap: Span, out: &mut Builder<'_, 'a>| {
            out.add_behind(Node::new(
                NAME,
                format!("gap-{gaps}"),
                "fmap-gap",
                at.slice(gap.offset, gap.length),
            ));
            gaps = gaps.saturating_add(1);
        };
        let (laid, behind) = kiwame_image::lay_out(at.length(), nested(&self.areas, self.offset));
        for Laid { thing: (area, inside), stated, gap, span, shared, .. } in laid {
            if !gap.is_empty() {
                between(gap, out);
            }
            if let Some(done) = shared {
                let place = at.offset().saturating_add(stated.offset);
                out.defect(Defect::new(&OVERLAP, "offset", place, stated.offset, done));
            }
            let start = self.offset.saturating_add(span.offset);
            out.add(area.node(at.slice(span.offset, span.length), Self { offset: start, areas: inside }));
        }
        if !behind.is_empty() {
            between(behind, out);
        }
    }
}

/// Those that lie in no other, each with those that lie in it, by where they lie from `offset` on.
fn nested(areas: &[Area], offset: u64) -> Vec<(Span, (Area, Vec<Area>))> {
    let mut sorted: Vec<_> = areas.iter().collect();
    // Of two that lie in one place the first of the map is the outer.
    sorted.arrange_by_key(|area| (area.span.offset, u64::MAX.saturating_sub(area.span.length)));
    let mut tops: Vec<(Span, (Area, Vec<Area>))> = Vec::new();
    for area in sorted {
        match tops.last_mut().filter(|(_, (top, _))| top.span.contains(area.span)) {
            Some((_, (_, inside))) => inside.push(area.clone()),
            None => {
                // What holds it may have lost its first bytes to another.
                let from = |place: u64| place.saturating_sub(offset);
                let span = Span::between(from(area.span.offset), from(area.span.end()));
                tops.push((span, (area.clone(), Vec::new())));
            }
        }
    }
    tops
}

impl Area {
    fn node<'a>(&self, input: Input<'a>, inside: Inside) -> Node<'a> {
        if self.kind == Kind::Map {
            return Node::new(NAME, "0", NAME, input).component().then(&Table);
        }
        let name = String::from_utf8_lossy(&self.name).into_owned();
        let node = Node::new("partition", &self.name, "partition", input).name(name);
        let node = node.with(&fact::FLAGS, self.flags);
        match self.name.as_slice() {
            OWN => node.component().then_with(Rc::new(Own(inside))),
            _ if !inside.areas.is_empty() => node.then_with(Rc::new(inside)),
            name if BOOTBLOCKS.contains(&name) => content::bootblock(node.component()),
            name if FILES.contains(&name) => node.component().then(&cbfs::Declared),
            _ => node.component().then(&Recognised(Place::Partition)),
        }
    }
}

/// The area that is there for the map. What lies behind the last area that is counted, a loader reads that has the size of
/// the map compiled in.
#[derive(Debug)]
struct Own(Inside);

impl<'a> Stage<'a> for Own {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let ends = self.0.areas.iter().filter(|area| area.kind == Kind::Map).map(|area| area.span.end());
        let behind = ends.map(|end| at.from(end.saturating_sub(self.0.offset))).next();
        match behind.map(|behind| behind.head(AREA)) {
            Some(Ok(next)) if !kiwame_image::all_are(&next, 0xff) => {
                out.defect(Defect::new(&BEHIND, "nareas", next.offset(), next.to_vec(), "erased"));
            }
            Some(Err(trouble)) => out.trouble(trouble),
            Some(Ok(_)) | None => {}
        }
        self.0.parse(at, out);
    }
}

/// The map itself.
#[derive(Debug)]
struct Table;

impl Format for Table {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "a flash map, entry by entry"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = entries(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn entries<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window: Window = at.window()?;
    let mut reader = window.reader(&TRUNCATED);
    reader.bytes(8, "signature")?;
    let version = (reader.u8("ver_major")?, reader.u8("ver_minor")?);
    let (base, size) = (reader.u64_le("base")?, reader.u32_le("size")?);
    let (name, _) = text(reader.bytes(STRING, "name")?);
    let count = reader.u16_le("nareas")?;
    out.add(
        Node::new(NAME, "header", "fmap-header", at.slice(0, HEADER))
            .name(String::from_utf8_lossy(&name))
            .with(&fact::VERSION, format!("{}.{}", version.0, version.1))
            .with(&BASE, base)
            .with(&fact::SIZE, size)
            .with(&AREAS, count),
    );
    for number in 0..u64::from(count) {
        let start = HEADER.saturating_add(number.saturating_mul(AREA));
        let input = at.slice(start, AREA);
        let area = Stated::read(&input.window()?)?;
        out.add(
            Node::new("fmap-area", number.to_string(), "fmap-area", input)
                .name(String::from_utf8_lossy(&area.name))
                .with(&OFFSET, area.offset)
                .with(&fact::SIZE, area.size)
                .with(&fact::FLAGS, flags(area.flags)),
        );
    }
    Ok(())
}

/// In the words of the tools.
fn flags(flags: u16) -> String {
    let names = FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name);
    let named: Vec<_> = names.collect();
    if flags & !ALL_FLAGS == 0 && !named.is_empty() { named.join(" ") } else { format!("{flags:#x}") }
}

const NAME: &str = "fmap";
const SIGNATURE: &[u8] = b"__FMAP__";
const MAJOR: u8 = 1;
const HEADER: u64 = 56;
const SIZE_FIELD: u64 = 0x12;
const AREA: u64 = 42;
const STRING: u64 = 32;
/// The area of the map itself.
const OWN: &[u8] = b"FMAP";
/// Where the first instructions lie on machines that map no flash.
const BOOTBLOCKS: [&[u8]; 2] = [b"BOOTBLOCK", b"BOOTBLOCK_B"];
/// What coreboot reads files from, whatever lies there.
const FILES: [&[u8]; 4] = [b"COREBOOT", b"FW_MAIN_A", b"FW_MAIN_B", b"COREBOOT_TS"];
const FLAGS: [(u16, &str); 4] = [(1, "static"), (2, "compressed"), (4, "ro"), (8, "preserve")];
const ALL_FLAGS: u16 = 15;
/// Bytes that are read in one go.
const PIECE: u64 = 256 << 10;
/// Places in a head that are looked at.
const MOST_LOOKS: usize = 64;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&BEHIND, &BEYOND, &OVERLAP, &SECOND, &SIZE, &TRUNCATED, &TWICE, &UNTERMINATED];

/// Bytes lie behind the last area that is counted, where a loader that does not count reads another.
static BEHIND: DefectKind = DefectKind::ambiguous("fmap/behind");
/// An area goes beyond the image.
static BEYOND: DefectKind = DefectKind::ambiguous("fmap/beyond-end");
/// Two areas share bytes, and neither holds the other.
static OVERLAP: DefectKind = DefectKind::ambiguous("fmap/overlap");
/// There is a second map.
static SECOND: DefectKind = DefectKind::ambiguous("fmap/second-map");
/// The map is one of a flash of another size.
static SIZE: DefectKind = DefectKind::ambiguous("fmap/size");
/// The map ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("fmap/truncated").cut_short();
/// Two areas have one name; coreboot takes the first.
static TWICE: DefectKind = DefectKind::ambiguous("fmap/name-twice");
/// A name has no end.
static UNTERMINATED: DefectKind = DefectKind::ambiguous("fmap/name-open");

// Facts, in the words of the specification.
static AREAS: Fact = Fact::new("nareas");
static BASE: Fact = Fact::new("base");
static MAP: Fact = Fact::new("fmap");
static OFFSET: Fact = Fact::new("offset");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Content;

    use super::super::fixtures::{AREAS, flash, map};
    use super::*;
    use crate::testing::{defects, parse, put, region, torture};

    #[test]
    fn areas_are_partitions_in_each_other() {
        let bytes = flash(&AREAS);
        assert_eq!(crate::identify(&Glance::new(&bytes, len64(&bytes))).name(), "fmap");
        let tree = parse(&Fmap, &bytes);
        assert_eq!(defects(&tree), [""; 0]);
        let outer = "partition:BIOS/partition:WP_RO";
        let places = [
            ("partition:BIOS/partition:RW_NVRAM/fill:0".to_owned(), 0, 0x400),
            (format!("{outer}/partition:FMAP/fmap:0"), 0x400, 56 + 5 * 42),
            (format!("{outer}/partition:FMAP/fmap:0/fmap-area:4"), 0x400 + 56 + 4 * 42, 42),
            (format!("{outer}/partition:COREBOOT"), 0x600, 0x1a00),
            (format!("{outer}/partition:COREBOOT/cbfs-file:two"), 0x640, 28 + 6),
        ];
        for (path, offset, length) in places {
            assert_eq!(region(&tree, &path).span, Span::new(offset, length), "{path}");
        }
        let area = region(&tree, &format!("{outer}/partition:FMAP/fmap:0/fmap-area:4"));
        assert_eq!((area.name.as_deref(), area.fact(&OFFSET)), (Some("COREBOOT"), Some(&0x600_u64.into())));
    }

    fn with(areas: &[(&str, u32, u32)]) -> Vec<&'static str> {
        defects(&parse(&Fmap, &flash(areas)))
    }

    #[test]
    fn areas_that_share_bytes_leave_the_flash_or_have_one_name_are_ambiguous() {
        let changed = |number: usize, area| {
            let mut areas = AREAS;
            areas[number] = area;
            with(&areas)
        };
        assert_eq!(changed(1, ("RW_NVRAM", 0, 0x401))[0], "fmap/overlap");
        assert_eq!(changed(1, ("RW_NVRAM", 0x100, 0x300)), [""; 0], "a gap that is erased");
        assert_eq!(changed(4, ("COREBOOT", 0x600, 0x1a01))[0], "fmap/beyond-end");
        assert_eq!(changed(1, ("COREBOOT", 0, 0x400)), ["fmap/name-twice"]);
        assert_eq!(changed(1, ("", 0x2000, 0)), [""; 0], "an area of no bytes");
        assert_eq!(changed(1, ("RW", 0x2000, 1)), ["fmap/beyond-end"]);
        let long = "a".repeat(32);
        assert_eq!(changed(1, (&long, 0, 0x400)), ["fmap/name-open"]);
    }

    #[test]
    fn a_second_map_is_ambiguous_and_the_one_that_names_its_place_is_read() {
        let mut bytes = flash(&AREAS);
        let mut other = AREAS;
        other[3] = ("FMAP", 0x1400, 0x200);
        put(&mut bytes, 0x1400, &map(0x2000, &other));
        assert_eq!(defects(&parse(&Fmap, &bytes)), ["fmap/second-map"]);
        // A signature alone, as it stands in every tool, and a map that says nothing of where it lies, are none.
        let mut bytes = flash(&AREAS);
        put(&mut bytes, 0x1400, SIGNATURE);
        put(&mut bytes, 0x1600, &map(0x100_0000, &[("BIOS", 0, 0x2000)]));
        assert_eq!(defects(&parse(&Fmap, &bytes)), [""; 0]);
    }

    #[test]
    fn what_a_loader_reads_that_does_not_count_areas_is_ambiguous() {
        let mut bytes = flash(&AREAS);
        let behind = 0x400 + 56 + 5 * 42;
        put(&mut bytes, behind, &map(0, &[("COREBOOT2", 0, 0x400)])[56..]);
        let tree = parse(&Fmap, &bytes);
        assert_eq!(defects(&tree), ["fmap/behind"]);
        let gap = tree.leaves().find(|leaf| leaf.span.offset == behind as u64).expect("a leaf");
        assert_eq!(gap.content, Content::Unknown);
    }

    #[test]
    fn a_part_of_a_flash_is_read_by_the_map_of_the_whole() {
        // The part begins 0x1000 bytes into the flash.
        let areas = AREAS.map(|(name, offset, size)| (name, offset + 0x1000, size));
        let all: Vec<_> = [("SI_ALL", 0, 0x1000)].into_iter().chain(areas).collect();
        let mut bytes = flash(&AREAS);
        put(&mut bytes, 0x400, &map(0x3000, &all));
        // As an image of its own, parts of it are missing; it is not what is recognised at the front.
        assert!(Fmap.probe(&Glance::new(&bytes, len64(&bytes))).is_none());
        let tree = parse(crate::named("raw").expect("listed"), &bytes);
        assert_eq!(defects(&tree), ["fmap/beyond-end"]);
        region(&tree, "partition:BIOS/partition:WP_RO/partition:COREBOOT/cbfs-file:one");
    }

    #[test]
    fn the_map_lies_in_the_bios_region_of_an_intel_flash() {
        let mut image = vec![0xff; 0x1000];
        let fields = [
            (0x10, 0x0ff0_a55a_u32),
            (0x14, 0x0204_0003),
            (0x18, 0x0206_0306),
            (0x30, 0x000c_0000),
            (0x40, 0),
            (0x44, 0x0002_0001),
            (0x60, 0x00b0_0f00),
        ];
        for (at, word) in fields {
            put(&mut image, at, &word.to_le_bytes());
        }
        let areas = AREAS.map(|(name, offset, size)| (name, offset + 0x1000, size));
        let all: Vec<_> = [("SI_DESC", 0, 0x1000)].into_iter().chain(areas).collect();
        let mut bios = flash(&AREAS);
        put(&mut bios, 0x400, &map(0x3000, &all));
        image.extend(bios);
        let tree = parse(crate::identify(&Glance::new(&image, len64(&image))), &image);
        assert_eq!(defects(&tree), [""; 0]);
        region(&tree, "intel-region:bios/partition:BIOS/partition:WP_RO/partition:COREBOOT/cbfs-file:two");
    }

    #[test]
    fn a_map_behind_the_head_is_found() {
        let mut bytes = vec![0x11; to_usize(Glance::LENGTH) + 0x1000];
        let start = bytes.len() as u32;
        bytes.resize(bytes.len() + 0x1000, 0xff);
        let size = bytes.len() as u32;
        let all = [("BOOTBLOCK", 0, start), ("FMAP", start, 0x200)];
        put(&mut bytes, start as usize, &map(size, &all));
        let host = kiwame_image::Memory::new([bytes.clone()]);
        let limits = kiwame_image::Limits::default();
        let tree = crate::parse(&host, 0, u64::from(size), &limits, &Default::default()).expect("memory");
        assert_eq!(tree.format(), "fmap");
        let bootblock = region(&tree, "partition:BOOTBLOCK");
        assert_eq!(bootblock.fact(&fact::EXECUTABLE), Some(&true.into()));
    }

    #[test]
    fn nothing_but_maps_costs_what_it_may_and_no_more() {
        let bytes = map(u32::MAX, &[("FMAP", 0, 0x200)]).repeat(4 << 10);
        let limits = kiwame_image::Limits { decoded: 1 << 18, ..kiwame_image::Limits::default() };
        let size = len64(&bytes);
        let host = kiwame_image::Memory::new([bytes]);
        let tree = kiwame_image::parse(&host, 0, size, &Fmap, &limits, &crate::options()).expect("memory");
        assert!(!tree.limits_hit().is_empty());
    }

    #[test]
    fn any_bytes() {
        let bytes = flash(&AREAS);
        for at in 0x400..0x800 {
            for flip in [1, 0x80, 0xff] {
                let mut copy = bytes.clone();
                copy[at] ^= flip;
                parse(&Fmap, &copy);
            }
        }
        torture(&Fmap, &map(0x200, &[("FMAP", 0, 0x80), ("A", 0x80, 0x10), ("A", 0x84, 0x10)]));
    }
}
