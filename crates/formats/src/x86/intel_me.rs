//! The region of Intel's management engine (ME, CSME, TXE, SPS): the flash partition table, and the layout table and boot
//! partitions of later ones.
//!
//! Intel publishes no specification. Facts are taken from coreboot's `ifwitool`, me_cleaner and MEAnalyzer (versions of 2026),
//! and held against published regions of versions 7, 8 and 11.
//!
//! ```text
//! 0x00 ROM bypass vectors   16      entry of a partition          layout table (version 12 on)
//! 0x10 "$FPT"                4      0x00 Name             4       0x10 DataOffset, DataSize       8
//! 0x14 NumPartitions         4      0x04 Owner            4       0x18 BP1Offset, BP1Size ...     8 each, five
//! 0x18 HeaderVersion         1      0x08 Offset           4       0x40 Checksum                   8
//! 0x19 EntryVersion          1      0x0c Size             4       or, by its size in 0x10:
//! 0x1a HeaderLength          1      0x10 tokens, sectors 12       0x10 Size 0x40 or 0x48          2
//! 0x1b HeaderChecksum        1      0x1c Flags            4       0x12 Flags, Reserved            2
//! 0x1c cycles, UMA, layout  12                                    0x14 Checksum (CRC-32)          4
//! 0x28 Fit version           8      boot partition                0x18 DataOffset, DataSize, BP1Offset ...
//! 0x30 entries, 32 bytes            0x00 AA550000 or AA55AA00  4
//!                                   0x04 DescCount             2  entry: Type 4, Offset 4, Size 4
//!                                   0x06 BPDTVersion, sums    18
//! ```
//!
//! The bytes of the header of a table up to version 2.0 add up to zero, with the vectors when its length is 0x30; version 2.1 has
//! a CRC-32 over header and entries instead. Offsets count from the vectors. An entry whose flags end with FF, or that
//! has no size or no place, is not there.
//!
//! Loader modelled: the ROM of the engine, which looks partitions up by their name, and takes a table whose sum is wrong for
//! none. Ambiguities, each a defect: two partitions of one name; partitions that share bytes (but FTUP, which
//! stands for all that an update replaces) or go beyond the region; a wrong sum of a table; two copies of a table that differ.
//! What a partition holds is opened by `intel-cpd`.
//!
//! Limitations: data partitions (MFS, EFFS, FLOG and others), in which the engine writes, are leaves. Partitions of the engine that
//! lie in a boot partition are opened when they begin with a directory or a manifest. The table of contents of the Huffman
//! streams of versions up to 10 (GLUT, LLUT) is a leaf.
//!
//! ## Normal form
//!
//! None is needed: tables and partitions are leaves, compared as they lie.

use std::collections::BTreeSet;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Reading, RegionId, Span, Sure,
    Trouble, fact, len64, to_usize,
};

use super::code_partition;
use super::{crc_but, readable, sum8, trimmed, u8_at, u16_at, u32_at};

/// The region of the engine.
#[derive(Debug)]
pub(crate) struct IntelMe;

impl Format for IntelMe {
    fn name(&self) -> &'static str {
        "intel-me"
    }

    fn about(&self) -> &'static str {
        "Intel ME and CSME firmware: partition table, layout table, boot partitions"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let table = Table::read(head.all()).filter(|table| table.end() <= head.size());
        let layout = || Layout::read(head.all(), head.size()).is_some();
        (table.is_some() || layout()).then(|| Reading::new(self, Sure::Structure))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = split(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(LONGEST)?;
    if Table::read(&head).is_some() {
        return partitions(at, out);
    }
    if let Some(layout) = Layout::read(&head, at.length()) {
        return layout.split(at, out);
    }
    // A region that is erased, wiped or of a kind that nobody knows is a leaf; a file is one of these, or cut short.
    if out.region() == RegionId::ROOT {
        out.defect(Defect::new(&NO_TABLE, "Tag", at.offset(), "no table", "$FPT"));
        out.add(Node::new("intel-me", "unread", "intel-me-unread", at.clone()).unknown());
    }
    Ok(())
}

/// What the partition table names.
fn partitions<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(LONGEST)?;
    let Some(table) = Table::read(&head) else { return Ok(()) };
    out.gaps("intel-me-gap", Some(ERASED));
    let end = table.end();
    if end > at.length() {
        let place = at.offset().saturating_add(table.start).saturating_add(4);
        out.defect(Defect::new(
            &TRUNCATED,
            "NumPartitions",
            place,
            table.count,
            len64(&head).checked_div(ENTRY).unwrap_or(0),
        ));
    }
    table.check(at, &head, out);
    out.fact(&TABLE_VERSION, format!("{}.{}", table.version >> 4, table.version & 15));
    let vectors = Node::new("intel-me", "bypass", "intel-me-bypass", at.slice(0, table.start));
    if vectors_empty(at, table.start)? {
        out.add(vectors);
    } else {
        // They run before anything is checked.
        out.add(vectors.component().with(&fact::EXECUTABLE, true));
    }
    out.add(
        Node::new("intel-me", "table", "intel-me-table", at.slice(table.start, table.length()))
            .component()
            .then(&TABLE_PARTS),
    );
    let mut taken = vec![Span::new(0, end)];
    if let Some(copy) = table.copy(at)? {
        taken.push(copy);
        let (first, second) =
            (at.slice(table.start, table.length()).window()?, at.slice(copy.offset, copy.length).window()?);
        if first[..] != second[..] {
            let place = at.offset().saturating_add(copy.offset);
            out.defect(Defect::new(&COPY_DIFFERS, "$FPT", place, "another table", "the same table"));
        }
        let node = Node::new("intel-me", "table-copy", "intel-me-table", at.slice(copy.offset, copy.length));
        out.add(node.component().then(&TABLE_PARTS));
    }
    let entries: Vec<_> = table.entries(&head).filter(Entry::is_there).collect();
    let mut names = BTreeSet::new();
    for entry in &entries {
        if !names.insert(entry.name) {
            out.defect(Defect::new(
                &DUPLICATE,
                "Name",
                at.offset().saturating_add(entry.place),
                readable(&entry.name),
                "a name that is not taken",
            ));
        }
    }
    let placed =
        entries.iter().filter(|entry| !entry.stands_for(&entries)).map(|entry| (entry.span, Some(entry)));
    let all = placed.chain(taken.into_iter().map(|span| (span, None))).collect();
    place(at, all, out, |entry, input| Ok(entry.node(input)));
    Ok(())
}

fn vectors_empty(at: &Input<'_>, length: u64) -> Result<bool, Trouble> {
    Ok(matches!(at.slice(0, length).uniform()?, Some(0 | ERASED)) || length == 0)
}

/// A thing that a table puts somewhere: where its entry lies in the region, for defects.
trait Stated {
    fn place(&self) -> u64;
}

/// Lays out what a table names beside what is there already.
fn place<'a, T: Stated>(
    at: &Input<'a>,
    all: Vec<(Span, Option<&T>)>,
    out: &mut Builder<'_, 'a>,
    node: impl Fn(&T, Input<'a>) -> Result<Node<'a>, Trouble>,
) {
    let (laid, _) = kiwame_image::lay_out(at.length(), all);
    for Laid { thing, stated, span, shared, beyond, .. } in laid {
        let Some(thing) = thing else { continue };
        let entry = at.offset().saturating_add(thing.place());
        if let Some(done) = shared {
            out.defect(Defect::new(&OVERLAP, "Offset", entry, stated.offset, done));
        }
        if beyond {
            out.defect(Defect::new(&BEYOND_END, "Size", entry, stated.end(), at.length()));
        }
        match node(thing, at.slice(span.offset, span.length)) {
            Ok(node) => {
                out.add_fill(node, ERASED);
            }
            Err(trouble) => out.trouble(trouble),
        }
    }
}

/// What the header of a partition table says.
#[derive(Clone, Copy, Debug)]
struct Table {
    /// Where `$FPT` stands.
    start: u64,
    count: u32,
    version: u8,
    header: u8,
    sum: u8,
}

impl Table {
    /// The table at the front of a region, behind the vectors or without them.
    fn read(head: &[u8]) -> Option<Self> {
        [VECTORS, 0].into_iter().find_map(|start| Self::at(head, start))
    }

    fn at(head: &[u8], start: u64) -> Option<Self> {
        let bytes = head.get(to_usize(start)..)?;
        let count = u32_at(bytes, 4)?;
        let table = Self {
            start,
            count,
            version: u8_at(bytes, 8)?,
            header: u8_at(bytes, 10)?,
            sum: u8_at(bytes, 11)?,
        };
        let known = bytes.starts_with(TAG)
            && (1..=MOST_PARTITIONS).contains(&count)
            && [0x10, 0x20, 0x21].contains(&table.version)
            && [0x20, 0x30].contains(&table.header);
        known.then_some(table)
    }

    fn length(&self) -> u64 {
        HEADER.saturating_add(u64::from(self.count).saturating_mul(ENTRY))
    }

    /// Where it ends in the region.
    fn end(&self) -> u64 {
        self.start.saturating_add(self.length())
    }

    fn entries(self, head: &[u8]) -> impl Iterator<Item = Entry> {
        let first = self.start.saturating_add(HEADER);
        let entry = move |number: u32| {
            Entry::read(head, first.saturating_add(u64::from(number).saturating_mul(ENTRY)))
        };
        (0..self.count).map_while(entry)
    }

    /// The sum that its version has.
    fn check(&self, at: &Input<'_>, head: &[u8], out: &mut Builder<'_, '_>) {
        let start = to_usize(self.start);
        let field = |offset: u64| at.offset().saturating_add(self.start).saturating_add(offset);
        if self.version == 0x21 {
            let end = to_usize(self.end());
            let Some(table) = head.get(start..end) else { return };
            let Some((stored, sum)) = u32_at(table, 0x14).zip(crc_but(table, 0x14)) else { return };
            if sum != stored {
                out.defect(Defect::new(&CHECKSUM, "HeaderChecksum", field(0x14), stored, sum));
            }
            return;
        }
        let from = if self.header == 0x30 { start.saturating_sub(to_usize(VECTORS)) } else { start };
        let header = head.get(from..start.saturating_add(to_usize(HEADER))).unwrap_or_default();
        let sum = sum8(header);
        if sum != 0 {
            out.defect(Defect::new(
                &CHECKSUM,
                "HeaderChecksum",
                field(0x0b),
                self.sum,
                self.sum.wrapping_sub(sum),
            ));
        }
    }

    /// The copy that the table of version 2.1 says there is.
    fn copy<'a>(&self, at: &Input<'a>) -> Result<Option<Span>, Trouble> {
        if self.version != 0x21 || self.sum & 1 == 0 {
            return Ok(None);
        }
        let span = Span::new(COPY.saturating_add(self.start), self.length());
        let tag = at.slice(span.offset, 4).window()?;
        Ok((tag[..] == *TAG && span.end() <= at.length()).then_some(span))
    }
}

/// One partition, as the table has it.
#[derive(Debug)]
struct Entry {
    /// Where the entry lies in the region.
    place: u64,
    name: [u8; 4],
    owner: [u8; 4],
    span: Span,
    flags: u32,
}

impl Stated for Entry {
    fn place(&self) -> u64 {
        self.place
    }
}

impl Entry {
    fn read(head: &[u8], place: u64) -> Option<Self> {
        let bytes = head.get(to_usize(place)..)?;
        let (name, rest) = bytes.split_first_chunk()?;
        let (owner, _) = rest.split_first_chunk()?;
        let (offset, size, flags) = (u32_at(bytes, 8)?, u32_at(bytes, 12)?, u32_at(bytes, 28)?);
        Some(Self { place, name: *name, owner: *owner, span: Span::new(offset.into(), size.into()), flags })
    }

    fn is_there(&self) -> bool {
        let [_, _, _, valid] = self.flags.to_le_bytes();
        valid != 0xff
            && self.span.length > 0
            && self.span.offset > 0
            && self.span.offset != u64::from(u32::MAX)
    }

    /// True of an entry that names others together: what an update replaces.
    fn stands_for(&self, others: &[Self]) -> bool {
        let inside = |other: &&Self| other.name != self.name && self.span.contains(other.span);
        self.name == *b"FTUP" && others.iter().any(|other| inside(&other))
    }

    fn type_name(&self) -> &'static str {
        match self.flags & 0x7f {
            0 => "code",
            1 => "data",
            2 => "non-volatile memory",
            3 => "generic",
            4 => "file system",
            5 => "ROM",
            _ => "unknown",
        }
    }

    fn node<'a>(&self, input: Input<'a>) -> Node<'a> {
        let node = Node::new("me-partition", trimmed(&self.name), "intel-me-partition", input)
            .component()
            .name(readable(&self.name))
            .with(&fact::TYPE_NAME, self.type_name())
            .with(&fact::FLAGS, self.flags)
            .with(&fact::SIZE, self.span.length);
        let node = match self.owner {
            [0, 0, 0, 0] | [0xff, 0xff, 0xff, 0xff] => node,
            owner => node.with(&OWNER, readable(&owner)),
        };
        node.unknown().then(&code_partition::INSIDE)
    }
}

/// The table itself: header and entries.
#[derive(Debug)]
struct TableParts;

static TABLE_PARTS: TableParts = TableParts;

impl Format for TableParts {
    fn name(&self) -> &'static str {
        "intel-me"
    }

    fn about(&self) -> &'static str {
        "the partition table of Intel's management engine"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let head = match at.head(LONGEST) {
            Ok(head) => head,
            Err(trouble) => return out.trouble(trouble),
        };
        out.add(Node::new("me-table", "header", "intel-me-header", at.slice(0, HEADER)));
        let Some(table) = Table::at(&head, 0) else { return };
        for (number, entry) in (0u32..).zip(table.entries(&head)) {
            let key = format!("entry-{number}");
            let node = Node::new("me-table", key, "intel-me-entry", at.slice(entry.place, ENTRY));
            let node = node
                .name(readable(&entry.name))
                .with(&OFFSET, entry.span.offset)
                .with(&fact::SIZE, entry.span.length);
            out.add(node.with(&VALID, entry.is_there()));
        }
    }
}

/// Where the layout table of later engines puts the data and the boot partitions.
struct Layout {
    /// Bytes of the table.
    length: u64,
    data: Span,
    /// Number of the boot partition, and where it lies.
    boot: Vec<BootPlace>,
    sum: Option<(u32, u32)>,
}

struct BootPlace {
    number: u32,
    span: Span,
    place: u64,
}

impl Stated for BootPlace {
    fn place(&self) -> u64 {
        self.place
    }
}

impl Layout {
    fn read(head: &[u8], size: u64) -> Option<Self> {
        let short = u16_at(head, 0x10)?;
        let (first, length, sum) = match short {
            0x40 | 0x48 if u32_at(head, 0x18)? < u32::from(u16::MAX).saturating_mul(0x1000) => {
                let length = u64::from(short).saturating_add(0x10);
                let sum = crc_but(head.get(0x10..to_usize(length))?, 4)?;
                (0x18, length, Some((u32_at(head, 0x14)?, sum)))
            }
            _ => (0x10, 0x48, None),
        };
        let pair = |number: u64| {
            let place: u64 = number.checked_mul(8)?.checked_add(first)?;
            let (offset, size) = (u32_at(head, place)?, u32_at(head, place.checked_add(4)?)?);
            Some((place, Span::new(offset.into(), size.into())))
        };
        let there =
            |span: Span| span.length > 0 && span.offset >= 0x1000 && span.offset.is_multiple_of(0x1000);
        let (_, data) = pair(0).filter(|&(_, data)| there(data) && data.end() <= size)?;
        let boot = (1_u32..=5).filter_map(|number| {
            let (place, span) = pair(number.into())?;
            there(span).then_some(BootPlace { number, span, place })
        });
        let boot: Vec<_> = boot.collect();
        // Nothing marks the table: a boot partition that lies behind the data must be there.
        let marked =
            boot.first().is_some_and(|first| first.span.offset >= data.end() && first.span.end() <= size);
        marked.then_some(Self { length, data, boot, sum })
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        out.gaps("intel-me-gap", Some(ERASED));
        if let Some((stored, sum)) = self.sum.filter(|(stored, sum)| stored != sum) {
            out.defect(Defect::new(&CHECKSUM, "Checksum", at.offset().saturating_add(0x14), stored, sum));
        }
        let bypass = Node::new("intel-me", "bypass", "intel-me-bypass", at.slice(0, VECTORS));
        out.add(if vectors_empty(at, VECTORS)? {
            bypass
        } else {
            bypass.component().with(&fact::EXECUTABLE, true)
        });
        let table = at.slice(VECTORS, self.length.saturating_sub(VECTORS));
        out.add(Node::new("intel-me", "layout", "intel-me-layout", table).component());
        let data = at.slice(self.data.offset, self.data.length);
        out.add(Node::new("intel-me", "data", "intel-me-data", data).component().unknown().then(&DATA));
        let taken = [Span::new(0, self.length), self.data].map(|span| (span, None));
        let all = taken.into_iter().chain(self.boot.iter().map(|boot| (boot.span, Some(boot)))).collect();
        place(at, all, out, |boot: &BootPlace, input| {
            let node = Node::new("me-boot", boot.number.to_string(), "intel-me-boot", input);
            Ok(node.component().name(format!("boot partition {}", boot.number)).unknown().then(&BOOT))
        });
        Ok(())
    }
}

/// The data partition of a layout: a partition table and what it names.
#[derive(Debug)]
struct Data;

static DATA: Data = Data;

impl Format for Data {
    fn name(&self) -> &'static str {
        "intel-me"
    }

    fn about(&self) -> &'static str {
        "the data partition of Intel's management engine"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = partitions(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// One boot partition: its table, and what that names.
#[derive(Debug)]
struct Boot;

static BOOT: Boot = Boot;

impl Format for Boot {
    fn name(&self) -> &'static str {
        "intel-me"
    }

    fn about(&self) -> &'static str {
        "a boot partition of Intel's management engine"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = boot_partition(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// One part of a boot partition, as its table has it.
struct Part {
    place: u64,
    number: u32,
    kind: u32,
    span: Span,
}

impl Stated for Part {
    fn place(&self) -> u64 {
        self.place
    }
}

fn boot_partition<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(LONGEST)?;
    let (Some(signature), Some(count)) = (u32_at(&head, 0), u16_at(&head, 4)) else { return Ok(()) };
    if !BOOT_SIGNATURES.contains(&signature) {
        return Ok(());
    }
    out.gaps("intel-me-gap", Some(ERASED));
    let length = BOOT_HEADER.saturating_add(u64::from(count).saturating_mul(BOOT_ENTRY));
    if length > len64(&head) {
        out.defect(Defect::new(&TRUNCATED, "DescCount", at.offset().saturating_add(4), count, len64(&head)));
    }
    if u8_at(&head, 6) == Some(2) {
        check_boot(at, head.get(..to_usize(length)).unwrap_or(&head), out);
    }
    let table = Node::new("intel-me", "table", "intel-me-table", at.slice(0, length));
    out.add(table.component());
    let part = |number: u32| {
        let place = BOOT_HEADER.saturating_add(u64::from(number).saturating_mul(BOOT_ENTRY));
        let field = |offset: u64| u32_at(&head, place.saturating_add(offset));
        let span = Span::new(field(4)?.into(), field(8)?.into());
        Some(Part { place, number, kind: field(0)?, span })
    };
    let parts: Vec<_> = (0..u32::from(count)).map_while(part).collect();
    let there = parts.iter().filter(|part| part.span.length > 0 && part.span.offset > 0);
    let mut kinds = BTreeSet::new();
    for part in there.clone() {
        if !kinds.insert(part.kind) {
            let entry = at.offset().saturating_add(part.place);
            out.defect(Defect::new(&DUPLICATE, "Type", entry, part.kind, "a type that is not taken"));
        }
    }
    let all = there.map(|part| (part.span, Some(part))).chain([(Span::new(0, length), None)]).collect();
    place(at, all, out, |part: &Part, input| {
        let kind = part.kind & 0xffff;
        let name = PARTS.get(to_usize(kind.into())).copied().filter(|name| !name.is_empty());
        let key = name.map_or_else(|| format!("type-{kind}"), str::to_owned);
        let node = Node::new("me-part", &key, "intel-me-partition", input).component().name(key.clone());
        let node = node.with(&fact::TYPE, part.kind).order(part.number).unknown();
        // What lies behind a boot partition is one again.
        Ok(if kind == SECONDARY { node.then(&BOOT) } else { node.then(&code_partition::INSIDE) })
    });
    Ok(())
}

/// Version 2 has a CRC-32 over all but its signature and itself.
fn check_boot(at: &Input<'_>, table: &[u8], out: &mut Builder<'_, '_>) {
    let sum = table.get(4..).and_then(|table| crc_but(table, 4));
    let Some((stored, sum)) = u32_at(table, 8).zip(sum) else { return };
    if sum != stored {
        out.defect(Defect::new(&CHECKSUM, "Checksum", at.offset().saturating_add(8), stored, sum));
    }
}

const TAG: &[u8] = b"$FPT";
const VECTORS: u64 = 16;
const HEADER: u64 = 32;
const ENTRY: u64 = 32;
/// Tables of the field have up to thirty.
const MOST_PARTITIONS: u32 = 126;
/// No table is longer.
const LONGEST: u64 = 4096;
/// Where the copy of a table of version 2.1 lies.
const COPY: u64 = 0x1000;
const ERASED: u8 = 0xff;
/// Green and yellow: the partition that boots, and the one that recovers.
const BOOT_SIGNATURES: [u32; 2] = [0xaa55_0000, 0xaa55_aa00];
const BOOT_HEADER: u64 = 24;
const BOOT_ENTRY: u64 = 12;
const SECONDARY: u32 = 5;
/// Types of the parts of a boot partition, as MEAnalyzer and `ifwitool` call them.
const PARTS: [&str; 16] = [
    "SMIP", "RBEP", "FTPR", "UCOD", "IBBP", "S-BPDT", "OBBP", "NFTP", "ISHC", "DLMP", "UEBP", "UTOK",
    "UFS_PHY", "UFS_GPP", "PMCP", "IUNP",
];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&BEYOND_END, &CHECKSUM, &COPY_DIFFERS, &DUPLICATE, &NO_TABLE, &OVERLAP, &TRUNCATED];

/// A partition of the engine lies beyond its region.
static BEYOND_END: DefectKind = DefectKind::ambiguous("intel-me/beyond-end");
/// The sum of a table of the engine is wrong.
static CHECKSUM: DefectKind = DefectKind::ambiguous("intel-me/checksum");
/// The two copies of the table of the engine's partitions differ.
static COPY_DIFFERS: DefectKind = DefectKind::ambiguous("intel-me/copy-differs");
/// Two partitions of the engine have one name.
static DUPLICATE: DefectKind = DefectKind::ambiguous("intel-me/duplicate");
/// There is no partition table where one was recognised.
static NO_TABLE: DefectKind = DefectKind::odd("intel-me/no-table");
/// Partitions of the engine share bytes.
static OVERLAP: DefectKind = DefectKind::ambiguous("intel-me/overlap");
/// The table of the engine's partitions ends before its entries do.
static TRUNCATED: DefectKind = DefectKind::ambiguous("intel-me/truncated").cut_short();

// Facts, in the words of those who found them.
static OFFSET: Fact = Fact::new("offset");
static OWNER: Fact = Fact::new("owner");
static TABLE_VERSION: Fact = Fact::new("table-version");
static VALID: Fact = Fact::new("valid");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Content;

    use super::*;
    use crate::testing::{defects, parse, put, region, torture};
    use crate::x86::code_partition::tests as partition;

    /// A table of three partitions: one with a directory, one with data, and one that is not there.
    fn sample() -> Vec<u8> {
        let mut bytes = vec![0xff; 0x1000];
        put(&mut bytes, 0, &[0; 16]);
        put(&mut bytes, 0x10, b"$FPT\x03\0\0\0\x20\x10\x20\0");
        let code = partition::sample();
        for (number, (name, offset, size, flags)) in [
            (b"FTPR", 0x200, code.len() as u32, 0),
            (b"MFS\0", 0xe00, 0x100, 1),
            (b"ROMB", 0, 0, 0xff00_0000_u32),
        ]
        .into_iter()
        .enumerate()
        {
            let mut entry = [0; 32];
            put(&mut entry, 0, name);
            put(&mut entry, 8, &u32::to_le_bytes(offset));
            put(&mut entry, 12, &size.to_le_bytes());
            put(&mut entry, 28, &flags.to_le_bytes());
            put(&mut bytes, 0x30 + 32 * number, &entry);
        }
        put(&mut bytes, 0x200, &code);
        put(&mut bytes, 0xe00, b"data");
        sealed(bytes)
    }

    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[0x1b] = 0;
        bytes[0x1b] = sum8(&bytes[0x10..0x30]).wrapping_neg();
        bytes
    }

    fn with(at: usize, value: &[u8]) -> Vec<&'static str> {
        let mut bytes = sample();
        put(&mut bytes, at, value);
        defects(&parse(&IntelMe, &sealed(bytes)))
    }

    #[test]
    fn partitions_are_components_and_gaps_are_erased_or_not_known() {
        let tree = parse(&IntelMe, &sample());
        assert_eq!(defects(&tree), [""; 0]);
        region(&tree, "me-partition:FTPR/module:a");
        assert_eq!(region(&tree, "me-partition:MFS").content, Content::Unknown);
        assert_eq!(region(&tree, "intel-me-gap:0").content, Content::Fill);
        region(&tree, "intel-me:table/me-table:entry-2");
    }

    #[test]
    fn what_the_rom_could_read_otherwise_is_ambiguous() {
        assert_eq!(with(0x50, b"FTPR"), ["intel-me/duplicate"]);
        assert_eq!(with(0x5c, &[0, 3]), ["intel-me/beyond-end"]);
        assert_eq!(with(0x58, &[0, 3]), ["intel-me/overlap"]);
        let mut bytes = sample();
        bytes[0x28] ^= 1;
        assert_eq!(defects(&parse(&IntelMe, &bytes)), ["intel-me/checksum"]);
        assert!(
            with(0x14, &[126, 0, 0, 0]).contains(&"intel-me/overlap"),
            "the table reaches over what it names"
        );
        assert_eq!(defects(&parse(&IntelMe, &sample()[..0x60]))[0], "intel-me/truncated");
    }

    #[test]
    fn an_entry_for_an_update_stands_for_others() {
        let mut bytes = sample();
        put(&mut bytes, 0x70, b"FTUP");
        put(&mut bytes, 0x78, &[0, 0xe, 0, 0, 0, 1, 0, 0]);
        put(&mut bytes, 0x8c, &[0; 4]);
        assert_eq!(defects(&parse(&IntelMe, &bytes)), [""; 0]);
    }

    #[test]
    fn hostile_bytes() {
        torture(&IntelMe, &sample()[..0x90]);
        for at in 0..0x90 {
            for flip in [1, 0x80, 0xff] {
                let mut bytes = sample();
                bytes[at] ^= flip;
                parse(&IntelMe, &bytes);
            }
        }
    }
}
