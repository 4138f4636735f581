//! Blocks, and the tables that are made of them.

use std::cell::Cell;
use std::collections::BTreeMap;

use kiwame_decode::block::{Codec, decode};
use kiwame_image::{
    Arrange as _, Defect, Input, LimitKind, Limits, Reader, Span, Spans, Trouble, len64, to_usize,
};

use super::defects;
use super::superblock::{OPTIONS, Superblock};
use super::{METADATA, NONE, SUPERBLOCK, length_of, odd, packed};
use crate::files::{Allowance, MOST_REST, Xattrs};

/// The file system's bytes, and how its blocks are packed.
#[derive(Clone, Debug)]
pub(super) struct Archive<'a> {
    pub(super) image: Input<'a>,
    pub(super) codec: Codec,
    pub(super) block_size: u64,
    /// The largest dictionary that Linux sets aside for blocks of xz.
    dictionary: u64,
    /// What is left for metadata.
    metadata: Cell<u64>,
    /// What unused bytes may come to.
    pub(super) most_rest: u64,
}

impl<'a> Archive<'a> {
    fn new(image: &Input<'a>, superblock: &Superblock, limits: &Limits) -> Result<Self, Trouble> {
        let codec = superblock.codec().filter(|_| superblock.is_sound()).ok_or_else(|| {
            let place = image.offset().saturating_add(0x14);
            odd(
                &defects::SUPERBLOCK,
                "compression",
                place,
                superblock.compression,
                "a superblock that Linux accepts",
            )
        })?;
        Ok(Self {
            image: image.clone(),
            codec,
            block_size: superblock.block_size.into(),
            dictionary: u64::from(superblock.block_size).max(METADATA),
            metadata: Cell::new(MOST_METADATA.min(limits.space)),
            most_rest: MOST_REST.min(limits.space),
        })
    }

    /// The block of `length` bytes at `at`. Its end and the end of its stream are one, and it is no longer than what it
    /// holds may be: Linux refuses more.
    pub(super) fn block(&self, at: u64, length: u64, packed: bool, most: u64) -> Result<Vec<u8>, Trouble> {
        let place = self.image.offset().saturating_add(at);
        if length == 0 || length > most {
            return Err(odd(&defects::BLOCK, "size", place, length, most).into());
        }
        let window = self.image.slice(at, length).window()?;
        if len64(&window) != length {
            let found = format!("{} bytes left", len64(&window));
            return Err(odd(&defects::TRUNCATED, "block", place, found, length).into());
        }
        self.image.spend(most)?;
        if !packed {
            return Ok(window.to_vec());
        }
        let window_size = self.block_size.max(METADATA);
        if let Some(refused) = packed::refused(self.codec, &window, self.dictionary, window_size) {
            return Err(odd(&defects::CODEC, "block", place, refused, "what Linux decodes").into());
        }
        let decoded = decode(self.codec, &window, None, most).map_err(|error| {
            let at = place.saturating_add(error.offset());
            odd(&defects::BLOCK, "block", at, error.what(), "a block")
        })?;
        if decoded.consumed != length {
            return Err(odd(&defects::BLOCK_REST, "block", place, length, decoded.consumed).into());
        }
        if decoded.slack {
            return Err(odd(&defects::BLOCK_SLACK, "block", place, "bits that nothing reads", "zeros").into());
        }
        Ok(decoded.bytes)
    }

    /// Blocks of metadata, one behind the other, from `start` to `end`.
    fn table(&self, start: u64, end: u64) -> Result<Table, Trouble> {
        let mut table = Table { at: start, ..Table::default() };
        let mut at = start;
        while at < end {
            at = self.metadata(at, at.saturating_sub(start), &mut table)?;
        }
        table.length = at.saturating_sub(start);
        if at > end {
            table.defects.push(odd(&defects::LAYOUT, "size", self.image.offset(), at, end));
        }
        Ok(table)
    }

    /// One block of metadata, to the end of `table`. Returns where the next one lies.
    fn metadata(&self, at: u64, name: u64, table: &mut Table) -> Result<u64, Trouble> {
        let place = self.image.offset().saturating_add(at);
        let head = self.image.slice(at, 2).window()?;
        let header = Reader::new(&head, place, &defects::TRUNCATED).u16_le("size")?;
        let length = u64::from(header & 0x7fff);
        let bytes = self.block(at.saturating_add(2), length, header & 0x8000 == 0, METADATA)?;
        let left = self.metadata.get().checked_sub(len64(&bytes)).ok_or(LimitKind::Space)?;
        self.metadata.set(left);
        // The index of a directory counts in full blocks, and tables that an array names are taken apart in such.
        if !len64(&table.bytes).is_multiple_of(METADATA) {
            table.defects.push(odd(&defects::BLOCK_SHORT, "size", place, len64(&table.bytes), METADATA));
        }
        table.blocks.insert(name, (len64(&table.bytes), len64(&bytes)));
        table.bytes.extend(bytes);
        Ok(at.saturating_add(2).saturating_add(length))
    }

    /// A table whose blocks an array of offsets at `at` names, with `size` bytes in all: the blocks, one behind the other,
    /// and then the array, as all writers put them and Linux mostly insists.
    fn pointed(&self, at: u64, size: u64) -> Result<Table, Trouble> {
        let mut table = Table { at, ..Table::default() };
        let count = size.div_ceil(METADATA);
        let array = self.image.slice(at, count.saturating_mul(8)).window()?;
        let place = self.image.offset().saturating_add(at);
        let mut reader = Reader::new(&array, place, &defects::TRUNCATED);
        let mut next = None;
        for _ in 0..count {
            let start = reader.u64_le("start of a block")?;
            let expected = *next.get_or_insert(start);
            if start != expected {
                table.defects.push(odd(&defects::LAYOUT, "start of a block", place, start, expected));
            }
            table.at = table.at.min(start);
            let end = self.metadata(start, start, &mut table)?;
            table.spans.push(Span::between(start, end));
            next = Some(end);
        }
        table.spans.push(Span::new(at, count.saturating_mul(8)));
        if count > 0 && next != Some(at) {
            table.defects.push(odd(&defects::LAYOUT, "table", place, next.unwrap_or(0), at));
        }
        if len64(&table.bytes) != size {
            table.defects.push(odd(&defects::TABLE_SIZE, "table", place, len64(&table.bytes), size));
        }
        table.length = at.saturating_add(count.saturating_mul(8)).saturating_sub(table.at);
        Ok(table)
    }
}

/// A table of metadata, decoded.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) bytes: Vec<u8>,
    /// Where it lies, and how long it is there.
    pub(super) at: u64,
    pub(super) length: u64,
    /// From the place of a block in the table, as references have it, to the place and length of its content.
    blocks: BTreeMap<u64, (u64, u64)>,
    /// The bytes that an array names, and the array.
    spans: Vec<Span>,
    defects: Vec<Defect>,
}

impl Table {
    /// A table of bytes that were decoded.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    fn end(&self) -> u64 {
        self.at.saturating_add(self.length)
    }

    /// Where in the content a reference leads: to a byte of the block that it names.
    pub(super) fn place(&self, block: u64, offset: u64) -> Option<u64> {
        let (start, _) = self.blocks.get(&block).filter(|(_, length)| offset < *length)?;
        start.checked_add(offset)
    }

    /// A reader from a reference on: a block, and an offset in its content.
    pub(super) fn reader(
        &self,
        block: u64,
        offset: u64,
        field: &'static str,
    ) -> Result<(u64, Reader<'_>), Defect> {
        let start = self.place(block, offset);
        let from = start.and_then(|start| self.bytes.get(to_usize(start)..));
        match start.zip(from) {
            Some((start, bytes)) => Ok((start, Reader::new(bytes, self.at, &defects::TRUNCATED))),
            None => Err(odd(&defects::REFERENCE, field, self.at, block, "a block of the table")),
        }
    }

    pub(super) fn piece(&self, start: u64, length: u64) -> Option<&[u8]> {
        self.bytes.get(to_usize(start)..to_usize(start.checked_add(length)?))
    }

    /// The bytes that no span covers.
    pub(super) fn unused(&self, used: &Spans) -> Vec<u8> {
        let gaps = used.gaps(Span::new(0, len64(&self.bytes)));
        gaps.filter_map(|gap| self.piece(gap.offset, gap.length)).flatten().copied().collect()
    }
}

/// All tables, decoded.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    pub(super) archive: Archive<'a>,
    pub(super) superblock: Superblock,
    pub(super) options: Vec<u8>,
    pub(super) inodes: Table,
    pub(super) directories: Table,
    pub(super) ids: Table,
    pub(super) fragments: Table,
    pub(super) exports: Table,
    pub(super) xattr_ids: Table,
    pub(super) xattrs: Table,
    /// Where the blocks of files may begin.
    pub(super) data: u64,
    /// What of the image they take.
    pub(super) spans: Vec<Span>,
    pub(super) defects: Vec<Defect>,
}

impl<'a> Tables<'a> {
    pub(super) fn read(image: &Input<'a>, superblock: &Superblock, limits: &Limits) -> Result<Self, Trouble> {
        let mut archive = Archive::new(image, superblock, limits)?;
        // Each fragment holds the end of a file at least.
        if u64::from(superblock.fragments) > limits.nodes {
            return Err(LimitKind::Nodes.into());
        }
        let mut spans = Vec::new();
        let mut defects = Vec::new();
        superblock.check(image.offset(), &mut defects);
        let (options, data) = archive.options(superblock, &mut defects)?;
        spans.push(Span::between(SUPERBLOCK, data));
        let numbers = |count: u32, size: u64| u64::from(count).saturating_mul(size);
        let ids = archive.pointed(superblock.id_table, numbers(superblock.ids.into(), 4))?;
        // Without fragments Linux does not look for their table.
        let fragments = match (superblock.fragments, superblock.fragment_table) {
            (0, _) => Table::default(),
            (count, at) => archive.pointed(at, numbers(count, 16))?,
        };
        let exports = match superblock.lookup_table {
            NONE => Table::default(),
            at => archive.pointed(at, numbers(superblock.inodes, 8))?,
        };
        let (xattr_ids, xattrs) = archive.xattrs(superblock, &mut spans, &mut defects)?;
        let used = superblock.bytes_used;
        // As all writers lay them out.
        let mut next = superblock.directory_table;
        for table in
            [&fragments, &exports, &ids, &xattrs, &xattr_ids].into_iter().filter(|table| table.at > 0)
        {
            if next == superblock.directory_table {
                next = table.at;
            }
            if table.at != next {
                defects.push(odd(&defects::LAYOUT, "table", image.offset(), table.at, next));
            }
            next = table.end();
            spans.extend(&table.spans);
        }
        if next != used {
            defects.push(odd(&defects::LAYOUT, "bytes_used", image.offset(), used, next));
        }
        let tables = [&fragments, &exports, &ids, &xattrs, &xattr_ids];
        let first = tables.iter().map(|table| table.at).filter(|&at| at >= superblock.directory_table).min();
        let inodes = archive.table(superblock.inode_table, superblock.directory_table)?;
        let directories = archive.table(superblock.directory_table, first.unwrap_or(used))?;
        for table in [&inodes, &directories, &xattrs] {
            spans.push(Span::new(table.at, table.length));
        }
        for table in [&inodes, &directories, &ids, &fragments, &exports, &xattr_ids, &xattrs] {
            defects.extend(table.defects.iter().cloned());
        }
        let superblock = superblock.clone();
        Ok(Self {
            archive,
            superblock,
            options,
            inodes,
            directories,
            ids,
            fragments,
            exports,
            xattr_ids,
            xattrs,
            data,
            spans,
            defects,
        })
    }

    pub(super) fn id(&self, number: u16) -> Result<u32, Defect> {
        let at = u64::from(number).saturating_mul(4);
        let piece = self.ids.piece(at, 4).ok_or_else(|| {
            odd(&defects::REFERENCE, "i_uid", self.ids.at, number, "an entry of the id table")
        })?;
        let id = Reader::new(piece, self.ids.at, &defects::TRUNCATED).u32_le("id")?;
        // To Linux that is no id.
        if id == u32::MAX { Err(odd(&defects::ID, "id", self.ids.at, id, "an id")) } else { Ok(id) }
    }

    pub(super) fn fragment(&self, number: u32) -> Result<Fragment, Defect> {
        let at = u64::from(number).saturating_mul(16);
        let piece = self.fragments.piece(at, 16).ok_or_else(|| {
            odd(&defects::REFERENCE, "fragment", self.fragments.at, number, "an entry of the fragment table")
        })?;
        let mut reader = Reader::new(piece, self.fragments.at, &defects::TRUNCATED);
        let start = reader.u64_le("start_block")?;
        let (size, unused) = (reader.u32_le("size")?, reader.u32_le("unused")?);
        Ok(Fragment { start, size, unused })
    }

    /// The extended attributes of that number: whole names and values. `form` gets all that was read.
    pub(super) fn xattrs_of(
        &self,
        number: u32,
        used: &mut Used,
        allowance: &mut Allowance,
        form: &mut Vec<u8>,
    ) -> Result<Xattrs, Trouble> {
        if number == u32::MAX {
            return Ok(Vec::new());
        }
        let at = u64::from(number).saturating_mul(16);
        let piece = self.xattr_ids.piece(at, 16).ok_or_else(|| {
            odd(&defects::REFERENCE, "xattr", self.xattr_ids.at, number, "an entry of the xattr table")
        })?;
        used.xattr_ids.push(Span::new(at, 16));
        let mut id = Reader::new(piece, self.xattr_ids.at, &defects::TRUNCATED);
        let reference = id.u64_le("xattr")?;
        let (count, size) = (id.u32_le("count")?, id.u32_le("size")?);
        let (start, mut reader) = self.xattrs.reader(reference >> 16, reference & 0xffff, "xattr")?;
        form.extend([start.to_le_bytes(), u64::from(size).to_le_bytes()].concat());
        let mut list = Vec::new();
        for _ in 0..count {
            let (name, value) = self.xattr(&mut reader, used, form)?;
            allowance.take(len64(&name).saturating_add(len64(&value)))?;
            list.push((name, value));
        }
        used.xattrs.push(Span::new(start, reader.position()));
        list.arrange();
        if let Some([(name, _), _]) = list.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            let name = name.as_slice();
            return Err(odd(&defects::XATTR, "name", self.xattrs.at, name, "one value of a name").into());
        }
        Ok(list)
    }

    /// One attribute, as long as Linux gives it to anybody.
    fn xattr(
        &self,
        reader: &mut Reader<'_>,
        used: &mut Used,
        form: &mut Vec<u8>,
    ) -> Result<(Vec<u8>, Vec<u8>), Defect> {
        let place = self.xattrs.at;
        let kind = reader.u16_le("type")?;
        let size = reader.u16_le("name_size")?;
        let prefix = XATTR_PREFIXES
            .get(usize::from(kind & !ELSEWHERE))
            .ok_or_else(|| odd(&defects::XATTR, "type", place, kind, "user, trusted or security"))?;
        let name = reader.bytes(size.into(), "name")?;
        if name.is_empty() || name.contains(&0) {
            return Err(odd(&defects::XATTR, "name", place, name, "a name"));
        }
        let name = [prefix.as_bytes(), name].concat();
        let length = reader.u32_le("vsize")?;
        let value = reader.bytes(length.into(), "value")?;
        form.extend([&kind.to_le_bytes()[..], &size.to_le_bytes(), &name, &length.to_le_bytes()].concat());
        let value = if kind & ELSEWHERE == 0 { value.to_vec() } else { self.value(value, used, form)? };
        form.extend(&value);
        if len64(&name) > MOST_NAME || len64(&value) > MOST_VALUE {
            return Err(odd(&defects::XATTR, "vsize", place, len64(&value), MOST_VALUE));
        }
        Ok((name, value))
    }

    /// A value that several files share.
    fn value(&self, reference: &[u8], used: &mut Used, form: &mut Vec<u8>) -> Result<Vec<u8>, Defect> {
        let place = self.xattrs.at;
        if reference.len() != 8 {
            return Err(odd(&defects::XATTR, "vsize", place, len64(reference), 8u64));
        }
        let reference = Reader::new(reference, place, &defects::TRUNCATED).u64_le("value")?;
        let (start, mut reader) = self.xattrs.reader(reference >> 16, reference & 0xffff, "value")?;
        let length = reader.u32_le("vsize")?;
        let value = reader.bytes(length.into(), "value")?.to_vec();
        used.xattrs.push(Span::new(start, reader.position()));
        form.extend([start.to_le_bytes(), u64::from(length).to_le_bytes()].concat());
        Ok(value)
    }
}

/// What of the tables the entries use.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) inodes: Vec<Span>,
    pub(super) listings: Vec<Span>,
    pub(super) ids: Vec<Span>,
    pub(super) xattr_ids: Vec<Span>,
    pub(super) xattrs: Vec<Span>,
}

impl Archive<'_> {
    /// The options of the compressor, and where they end.
    fn options(
        &mut self,
        superblock: &Superblock,
        defects: &mut Vec<Defect>,
    ) -> Result<(Vec<u8>, u64), Trouble> {
        let place = self.image.offset().saturating_add(SUPERBLOCK);
        if superblock.flags & OPTIONS == 0 {
            // Linux does not mount LZ4 without its version.
            if self.codec == Codec::Lz4 {
                defects.push(odd(&defects::NO_OPTIONS, "version", place, "none", 1u64));
            }
            return Ok((Vec::new(), SUPERBLOCK));
        }
        let mut table = Table::default();
        let end = self.metadata(SUPERBLOCK, 0, &mut table)?;
        let mut words = Reader::new(&table.bytes, place, &defects::TRUNCATED);
        let first = words.u32_le("options")?;
        let (sound, length) = match self.codec {
            Codec::Gzip | Codec::Lzo => (true, 8),
            Codec::Lz4 => (first == 1, 8),
            // 2^n, or 2^n + 2^(n + 1), as Linux wants it.
            Codec::Xz => (
                first <= i32::MAX.unsigned_abs()
                    && matches!(first.wrapping_shr(first.trailing_zeros()), 1 | 3),
                8,
            ),
            Codec::Zstd => (true, 4),
            Codec::Lzma => (false, 0),
        };
        if self.codec == Codec::Xz {
            self.dictionary = first.into();
        }
        if !sound || len64(&table.bytes) != length {
            let found = table.bytes.as_slice();
            defects.push(odd(&defects::NO_OPTIONS, "options", place, found, "what Linux accepts"));
        }
        Ok((table.bytes, end))
    }

    fn xattrs(
        &self,
        superblock: &Superblock,
        spans: &mut Vec<Span>,
        defects: &mut Vec<Defect>,
    ) -> Result<(Table, Table), Trouble> {
        let at = superblock.xattr_table;
        if at == NONE {
            return Ok((Table::default(), Table::default()));
        }
        let head = self.image.slice(at, 16).window()?;
        let place = self.image.offset().saturating_add(at);
        let mut reader = Reader::new(&head, place, &defects::TRUNCATED);
        let start = reader.u64_le("xattr_table_start")?;
        let (count, unused) = (reader.u32_le("xattr_ids")?, reader.u32_le("unused")?);
        if count == 0 {
            defects.push(odd(&defects::XATTR, "xattr_ids", place, count, "1 or more"));
        }
        if unused != 0 {
            defects.push(odd(&defects::RESERVED, "unused", place, unused, 0u64));
        }
        let mut ids = self.pointed(at.saturating_add(16), u64::from(count).saturating_mul(16))?;
        // Here the header lies between the blocks and the array.
        ids.defects.retain(|defect| defect.field != "table" || defect.kind != &defects::LAYOUT);
        let end = ids.spans.iter().map(|span| span.offset).min().unwrap_or(at);
        let blocks = ids.spans.iter().rev().nth(1).map_or(at, |span| span.end());
        if blocks != at {
            ids.defects.push(odd(&defects::LAYOUT, "table", place, blocks, at));
        }
        spans.push(Span::new(at, 16));
        Ok((ids, self.table(start, end)?))
    }
}

/// A block of the ends of files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    pub(super) start: u64,
    pub(super) size: u32,
    pub(super) unused: u32,
}

impl Fragment {
    pub(super) fn span(&self) -> Span {
        Span::new(self.start, length_of(self.size))
    }
}

/// What all tables may decode to: a file takes some fifty bytes.
const MOST_METADATA: u64 = 64 << 20;
const ELSEWHERE: u16 = 0x100;
const XATTR_PREFIXES: [&str; 3] = ["user.", "trusted.", "security."];
/// Linux `XATTR_NAME_MAX` and `XATTR_SIZE_MAX`.
const MOST_NAME: u64 = 255;
const MOST_VALUE: u64 = 65536;
