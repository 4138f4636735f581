//! squashfs 4: a compressed, read-only file system.
//!
//! Linux `fs/squashfs/squashfs_fs.h` and `Documentation/filesystems/squashfs.rst` (6.1). All numbers little-endian.
//!
//! ```text
//! 0x00 s_magic "hsqs"      4   0x1a no_ids            2   0x40 inode_table_start     8
//! 0x04 inodes              4   0x1c s_major 4         2   0x48 directory_table_start 8
//! 0x08 mkfs_time           4   0x1e s_minor 0         2   0x50 fragment_table_start  8
//! 0x0c block_size          4   0x20 root_inode        8   0x58 lookup_table_start    8
//! 0x10 fragments           4   0x28 bytes_used        8
//! 0x14 compression         2   0x30 id_table_start    8   compressor options, data blocks, fragments,
//! 0x16 block_log           2   0x38 xattr_id_table    8   inodes, directories, tables: in blocks of
//! 0x18 flags               2        _start                8 KiB with a length before each
//! ```
//!
//! The superblock is a leaf, the blocks of files and tables are one stream (more, should there be bytes between them
//! that no table names), and the files are listed as `files.rs` says. How blocks are cut and compressed only encodes.
//!
//! Loader modelled: Linux 6.1, which looks names up in the order of a directory and through its index. Ambiguities: an
//! unsorted directory, an index that contradicts its listing, a directory with two names, a type that the listing and
//! the inode state differently, an export table that names other inodes; files that share blocks in part. What the tables
//! hold and no file uses is a leaf, `entry:rest`. Limitations: version 4.0 only; the two tables of inodes and
//! directories are decoded whole (some 50 bytes a file), the blocks of files one at a time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{
    Builder, Defect, Format, Head, Input, LimitKind, Limits, Match, Node, Reader, RegionId, Span, Trouble,
    Value, len64, to_usize,
};

use crate::decode::block::{Codec, decode};
use crate::files::{self, Allowance, Entry, Kind, Volume, Xattrs};
use crate::raw_flash;

/// squashfs, version 4.0.
#[derive(Debug)]
pub(crate) struct Squashfs;

impl Format for Squashfs {
    fn name(&self) -> &'static str {
        "squashfs"
    }

    fn about(&self) -> &'static str {
        "squashfs 4 (gzip, lzma, lzo, xz, lz4, zstd): every file with its mode, owner, links and attributes"
    }

    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        let superblock = Superblock::read(head.bytes(0, SUPERBLOCK)?, 0).ok()?;
        superblock.is_sound().then(|| Match::weighted(self, 6).of_length(superblock.bytes_used))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(SUPERBLOCK)?;
    let superblock = Superblock::read(&head, at.offset())?;
    let node = Node::new("squashfs", "superblock", "squashfs-superblock", at.slice(0, SUPERBLOCK))
        .with("mkfs-time", superblock.mkfs_time)
        .with_encoding("inodes", superblock.inodes)
        .with_encoding("block-size", superblock.block_size)
        .with_encoding("compression", superblock.compression);
    out.add(node.mask(ENCODING));
    behind(at, superblock.bytes_used, out);
    if superblock.bytes_used > at.length() {
        let place = at.offset().saturating_add(0x28);
        let used = superblock.bytes_used;
        out.defect(Defect::new("squashfs/bytes-used", "bytes_used", place, used, at.length()).ambiguous());
    }
    let image = at.slice(0, superblock.bytes_used);
    let walk =
        Tables::read(&image, &superblock, out.limits()).and_then(|tables| Walk::of(tables, out.limits()));
    let walk = match walk {
        Ok(walk) => walk,
        Err(trouble) => {
            out.add(Node::new("squashfs", "files", "squashfs-files", image.from(SUPERBLOCK)).encoded());
            return Err(trouble);
        }
    };
    let streams = lay_out(&image, &walk.used(), out);
    walk.defects.iter().for_each(|defect| out.defect(defect.clone()));
    let Some((&last, others)) = streams.split_last() else { return Ok(()) };
    let (entries, blocks) = walk.into_files();
    files::list(last, others, entries, Rc::new(blocks), out);
    Ok(())
}

/// What lies behind the file system: zeros to the next 4 KiB, as mksquashfs pads, then erased medium or what nobody
/// knows.
fn behind<'a>(at: &Input<'a>, used: u64, out: &mut Builder<'_, 'a>) {
    let padded = used.checked_next_multiple_of(PADDED).unwrap_or(used).min(at.length());
    let padding = at.slice(used, padded.saturating_sub(used));
    out.add_fill(Node::new("squashfs", "padding", "padding", padding), 0);
    raw_flash::behind(Node::new("squashfs", "behind", "squashfs-behind", at.from(padded)), out);
}

/// The bytes that the tables name, as leaves of one stream; what lies between is not understood.
fn lay_out<'a>(image: &Input<'a>, used: &[Span], out: &mut Builder<'_, 'a>) -> Vec<RegionId> {
    let mut streams = Vec::new();
    let mut done = SUPERBLOCK;
    for (number, run) in (0u64..).zip(used.iter().chain([&Span::new(image.length(), 0)])) {
        let gap = image.slice(done, run.offset.saturating_sub(done));
        out.add(Node::new("squashfs", format!("unused-{number}"), "squashfs-unused", gap).unknown());
        let last = number.saturating_add(1) >= len64(used);
        let key = if last { "files".to_owned() } else { format!("files-{number}") };
        let stream = Node::new("squashfs", key, "squashfs-files", image.slice(run.offset, run.length));
        streams.extend(out.add(stream.encoded()));
        done = done.max(run.end());
    }
    streams
}

/// The first 96 bytes.
#[derive(Clone, Debug)]
struct Superblock {
    inodes: u32,
    mkfs_time: u32,
    block_size: u32,
    fragments: u32,
    compression: u16,
    block_log: u16,
    flags: u16,
    ids: u16,
    version: (u16, u16),
    root: u64,
    bytes_used: u64,
    id_table: u64,
    xattr_table: u64,
    inode_table: u64,
    directory_table: u64,
    fragment_table: u64,
    lookup_table: u64,
}

impl Superblock {
    fn read(bytes: &[u8], base: u64) -> Result<Self, Defect> {
        let mut reader = Reader::new(bytes, base, "squashfs/truncated");
        let magic = reader.bytes(4, "s_magic")?;
        if magic != MAGIC {
            return Err(Defect::new("squashfs/magic", "s_magic", base, magic, MAGIC));
        }
        Ok(Self {
            inodes: reader.u32_le("inodes")?,
            mkfs_time: reader.u32_le("mkfs_time")?,
            block_size: reader.u32_le("block_size")?,
            fragments: reader.u32_le("fragments")?,
            compression: reader.u16_le("compression")?,
            block_log: reader.u16_le("block_log")?,
            flags: reader.u16_le("flags")?,
            ids: reader.u16_le("no_ids")?,
            version: (reader.u16_le("s_major")?, reader.u16_le("s_minor")?),
            root: reader.u64_le("root_inode")?,
            bytes_used: reader.u64_le("bytes_used")?,
            id_table: reader.u64_le("id_table_start")?,
            xattr_table: reader.u64_le("xattr_id_table_start")?,
            inode_table: reader.u64_le("inode_table_start")?,
            directory_table: reader.u64_le("directory_table_start")?,
            fragment_table: reader.u64_le("fragment_table_start")?,
            lookup_table: reader.u64_le("lookup_table_start")?,
        })
    }

    /// As far as Linux checks before it mounts.
    fn is_sound(&self) -> bool {
        self.version == (4, 0)
            && (12..=20).contains(&self.block_log)
            && 1_u32.checked_shl(self.block_log.into()) == Some(self.block_size)
            && self.codec().is_some()
            && self.ids > 0
            && self.inode_table < self.directory_table
            && self.bytes_used >= SUPERBLOCK
    }

    fn codec(&self) -> Option<Codec> {
        let codecs = [Codec::Gzip, Codec::Lzma, Codec::Lzo, Codec::Xz, Codec::Lz4, Codec::Zstd];
        codecs.get(usize::from(self.compression.checked_sub(1)?)).copied()
    }
}

/// The file system's bytes, and how its blocks are packed.
#[derive(Clone, Debug)]
struct Archive<'a> {
    image: Input<'a>,
    codec: Codec,
    block_size: u64,
    /// What is left for metadata.
    metadata: Cell<u64>,
    /// What unused bytes may come to.
    most_rest: u64,
}

impl Archive<'_> {
    /// The block of `length` bytes at `at`. Its end and the end of its stream are one.
    fn block(&self, at: u64, length: u64, packed: bool, most: u64) -> Result<Vec<u8>, Trouble> {
        let place = self.image.offset().saturating_add(at);
        let window = self.image.slice(at, length).window()?;
        if len64(&window) != length {
            let found = format!("{} bytes left", len64(&window));
            return Err(Defect::new("squashfs/truncated", "block", place, found, length).into());
        }
        self.image.spend(most)?;
        if !packed {
            return if length <= most {
                Ok(window.to_vec())
            } else {
                Err(Defect::new("squashfs/block", "size", place, length, most).into())
            };
        }
        let decoded = decode(self.codec, &window, None, most).map_err(|error| {
            Defect::new(
                "squashfs/block",
                "block",
                place.saturating_add(error.offset()),
                error.what(),
                "a block",
            )
        })?;
        if decoded.consumed != length {
            let defect =
                Defect::new("squashfs/block-rest", "block", place, length, decoded.consumed).ambiguous();
            return Err(defect.into());
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
        Ok(table)
    }

    /// One block of metadata, to the end of `table`. Returns where the next one lies.
    fn metadata(&self, at: u64, name: u64, table: &mut Table) -> Result<u64, Trouble> {
        let head = self.image.slice(at, 2).window()?;
        let header = Reader::new(&head, self.image.offset().saturating_add(at), "squashfs/truncated")
            .u16_le("size")?;
        let length = u64::from(header & 0x7fff);
        let bytes = self.block(at.saturating_add(2), length, header & 0x8000 == 0, METADATA)?;
        let left = self.metadata.get().checked_sub(len64(&bytes)).ok_or(LimitKind::Space)?;
        self.metadata.set(left);
        table.blocks.insert(name, len64(&table.bytes));
        table.bytes.extend(bytes);
        Ok(at.saturating_add(2).saturating_add(length))
    }

    /// A table whose blocks an array of offsets at `at` names, with `size` bytes in all.
    fn pointed(&self, at: u64, size: u64, spans: &mut Vec<Span>) -> Result<Table, Trouble> {
        let mut table = Table { at, ..Table::default() };
        let count = size.div_ceil(METADATA);
        let array = self.image.slice(at, count.saturating_mul(8)).window()?;
        let mut reader = Reader::new(&array, self.image.offset().saturating_add(at), "squashfs/truncated");
        for _ in 0..count {
            let start = reader.u64_le("start of a block")?;
            let end = self.metadata(start, start, &mut table)?;
            spans.push(Span::between(start, end));
        }
        spans.push(Span::new(at, count.saturating_mul(8)));
        Ok(table)
    }
}

/// A table of metadata, decoded.
#[derive(Debug, Default)]
struct Table {
    bytes: Vec<u8>,
    /// Where it lies, and how long it is there.
    at: u64,
    length: u64,
    /// From the place of a block in the table, as references have it, to the place of its content.
    blocks: BTreeMap<u64, u64>,
}

impl Table {
    /// A reader from a reference on: a block, and an offset in its content.
    fn reader(&self, block: u64, offset: u64, field: &'static str) -> Result<(u64, Reader<'_>), Defect> {
        let start = self.blocks.get(&block).map(|start| start.saturating_add(offset));
        let from = start.filter(|_| offset < METADATA).and_then(|start| self.bytes.get(to_usize(start)..));
        match start.zip(from) {
            Some((start, bytes)) => Ok((start, Reader::new(bytes, self.at, "squashfs/truncated"))),
            None => Err(Defect::new("squashfs/reference", field, self.at, block, "a block of the table")),
        }
    }

    fn piece(&self, start: u64, length: u64) -> Option<&[u8]> {
        self.bytes.get(to_usize(start)..to_usize(start.checked_add(length)?))
    }

    /// The bytes that no span covers.
    fn unused(&self, used: &[Span]) -> Vec<u8> {
        let mut rest = Vec::new();
        let mut done = 0;
        for span in merged(used).iter().chain([&Span::new(len64(&self.bytes), 0)]) {
            rest.extend(self.piece(done, span.offset.saturating_sub(done)).unwrap_or_default());
            done = done.max(span.end());
        }
        rest
    }
}

/// Spans by offset, those that touch made one.
fn merged(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<_> = spans.iter().copied().filter(|span| !span.is_empty()).collect();
    sorted.sort_unstable_by_key(|span| (span.offset, span.length));
    let mut runs: Vec<Span> = Vec::new();
    for span in sorted {
        match runs.last_mut() {
            Some(last) if span.offset <= last.end() => {
                *last = Span::between(last.offset, last.end().max(span.end()));
            }
            _ => runs.push(span),
        }
    }
    runs
}

/// All tables, decoded.
#[derive(Debug)]
struct Tables<'a> {
    archive: Archive<'a>,
    superblock: Superblock,
    inodes: Table,
    directories: Table,
    ids: Table,
    fragments: Table,
    exports: Table,
    xattr_ids: Table,
    xattrs: Table,
    /// What of the image they take.
    spans: Vec<Span>,
}

impl<'a> Tables<'a> {
    fn read(image: &Input<'a>, superblock: &Superblock, limits: &Limits) -> Result<Self, Trouble> {
        let place = image.offset();
        let codec = superblock.codec().filter(|_| superblock.is_sound()).ok_or_else(|| {
            Defect::new(
                "squashfs/superblock",
                "compression",
                place.saturating_add(0x14),
                superblock.compression,
                "a superblock that Linux accepts",
            )
        })?;
        // Each fragment holds the end of a file at least.
        if u64::from(superblock.fragments) > limits.nodes {
            return Err(LimitKind::Nodes.into());
        }
        let archive = Archive {
            image: image.clone(),
            codec,
            block_size: superblock.block_size.into(),
            metadata: Cell::new(MOST_METADATA.min(limits.space)),
            most_rest: MOST_REST.min(limits.space),
        };
        let mut spans = Vec::new();
        if superblock.flags & OPTIONS != 0 {
            let mut options = Table::default();
            spans.push(Span::between(SUPERBLOCK, archive.metadata(SUPERBLOCK, 0, &mut options)?));
        }
        let ids =
            archive.pointed(superblock.id_table, u64::from(superblock.ids).saturating_mul(4), &mut spans)?;
        let fragments = match superblock.fragment_table {
            NONE => Table::default(),
            at => archive.pointed(at, u64::from(superblock.fragments).saturating_mul(16), &mut spans)?,
        };
        let exports = match superblock.lookup_table {
            NONE => Table::default(),
            at => archive.pointed(at, u64::from(superblock.inodes).saturating_mul(8), &mut spans)?,
        };
        let (xattr_ids, xattrs) = Self::xattrs(&archive, superblock, &mut spans)?;
        let bound = |start: u64| {
            let starts = spans.iter().map(|span| span.offset).filter(|&at| at >= start && at > SUPERBLOCK);
            starts.min().unwrap_or(superblock.bytes_used)
        };
        let inodes = archive.table(superblock.inode_table, superblock.directory_table)?;
        let directories = archive.table(superblock.directory_table, bound(superblock.directory_table))?;
        spans.extend([&inodes, &directories].map(|table| Span::new(table.at, table.length)));
        let superblock = superblock.clone();
        Ok(Self {
            archive,
            superblock,
            inodes,
            directories,
            ids,
            fragments,
            exports,
            xattr_ids,
            xattrs,
            spans,
        })
    }

    fn xattrs(
        archive: &Archive<'_>,
        superblock: &Superblock,
        spans: &mut Vec<Span>,
    ) -> Result<(Table, Table), Trouble> {
        let at = superblock.xattr_table;
        if at == NONE {
            return Ok((Table::default(), Table::default()));
        }
        let head = archive.image.slice(at, 16).window()?;
        let mut reader = Reader::new(&head, archive.image.offset().saturating_add(at), "squashfs/truncated");
        let start = reader.u64_le("xattr_table_start")?;
        let size = u64::from(reader.u32_le("xattr_ids")?).saturating_mul(16);
        let ids = archive.pointed(at.saturating_add(16), size, spans)?;
        spans.push(Span::new(at, 16));
        let end = spans.iter().map(|span| span.offset).filter(|&other| other >= start).min().unwrap_or(at);
        let table = archive.table(start, end)?;
        spans.push(Span::new(start, table.length));
        Ok((ids, table))
    }

    fn id(&self, number: u16) -> Result<u32, Defect> {
        let at = u64::from(number).saturating_mul(4);
        let piece = self.ids.piece(at, 4).ok_or_else(|| {
            Defect::new("squashfs/reference", "i_uid", self.ids.at, number, "an entry of the id table")
        })?;
        Reader::new(piece, self.ids.at, "squashfs/truncated").u32_le("id")
    }

    fn fragment(&self, number: u32) -> Result<Fragment, Defect> {
        let at = u64::from(number).saturating_mul(16);
        let piece = self.fragments.piece(at, 16).ok_or_else(|| {
            Defect::new(
                "squashfs/reference",
                "fragment",
                self.fragments.at,
                number,
                "an entry of the fragment table",
            )
        })?;
        let mut reader = Reader::new(piece, self.fragments.at, "squashfs/truncated");
        Ok(Fragment { start: reader.u64_le("start_block")?, size: reader.u32_le("size")? })
    }

    /// The extended attributes of that number: whole names and values.
    fn xattrs_of(
        &self,
        number: u32,
        used: &mut Vec<Span>,
        allowance: &mut Allowance,
    ) -> Result<Xattrs, Trouble> {
        if number == u32::MAX {
            return Ok(Vec::new());
        }
        let at = u64::from(number).saturating_mul(16);
        let piece = self.xattr_ids.piece(at, 16).ok_or_else(|| {
            Defect::new(
                "squashfs/reference",
                "xattr",
                self.xattr_ids.at,
                number,
                "an entry of the xattr table",
            )
        })?;
        let mut id = Reader::new(piece, self.xattr_ids.at, "squashfs/truncated");
        let reference = id.u64_le("xattr")?;
        let count = id.u32_le("count")?;
        let (start, mut reader) = self.xattrs.reader(reference >> 16, reference & 0xffff, "xattr")?;
        let mut list = Vec::new();
        for _ in 0..count {
            let kind = reader.u16_le("type")?;
            let size = reader.u16_le("name_size")?;
            let prefix = XATTR_PREFIXES.get(usize::from(kind & 0xff)).copied().unwrap_or("unknown.");
            let name = [prefix.as_bytes(), reader.bytes(size.into(), "name")?].concat();
            let length = reader.u32_le("vsize")?;
            let value = reader.bytes(length.into(), "value")?;
            let value = if kind & ELSEWHERE == 0 { value.to_vec() } else { self.value(value, used)? };
            allowance.take(len64(&name).saturating_add(len64(&value)))?;
            list.push((name, value));
        }
        used.push(Span::new(start, reader.position()));
        list.sort();
        Ok(list)
    }

    /// A value that several files share.
    fn value(&self, reference: &[u8], used: &mut Vec<Span>) -> Result<Vec<u8>, Defect> {
        let reference = Reader::new(reference, self.xattrs.at, "squashfs/truncated").u64_le("value")?;
        let (start, mut reader) = self.xattrs.reader(reference >> 16, reference & 0xffff, "value")?;
        let length = reader.u32_le("vsize")?;
        let value = reader.bytes(length.into(), "value")?.to_vec();
        used.push(Span::new(start, reader.position()));
        Ok(value)
    }
}

/// A block of the ends of files.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    start: u64,
    size: u32,
}

/// Where the content of a file is.
#[derive(Clone, Debug, Default)]
struct Stored {
    start: u64,
    blocks: Vec<u32>,
    fragment: u32,
    offset: u64,
    size: u64,
}

/// An inode, read.
#[derive(Debug, Default)]
struct Inode {
    entry: Entry,
    /// Its basic type, as listings state it.
    basic: u16,
    stored: Option<Stored>,
    /// Of a directory: block and offset of its listing, length, and how many entries its index has.
    listing: (u64, u64, u64),
    index: Vec<(u32, u32, Vec<u8>)>,
}

/// Goes through all directories from the root.
#[derive(Debug)]
struct Walk<'a> {
    tables: Tables<'a>,
    entries: Vec<Entry>,
    stored: Vec<Option<Stored>>,
    defects: Vec<Defect>,
    most: u64,
    allowance: Allowance,
    /// Directories seen, by reference.
    seen: BTreeSet<u64>,
    numbers: BTreeMap<u32, u64>,
    used_inodes: Vec<Span>,
    used_listings: Vec<Span>,
    used_xattrs: Vec<Span>,
    used_ids: BTreeSet<u16>,
}

impl<'a> Walk<'a> {
    fn of(tables: Tables<'a>, limits: &Limits) -> Result<Self, Trouble> {
        let root = tables.superblock.root;
        let mut walk = Self {
            tables,
            entries: Vec::new(),
            stored: Vec::new(),
            defects: Vec::new(),
            most: limits.nodes,
            allowance: Allowance::new(limits),
            seen: BTreeSet::from([root]),
            numbers: BTreeMap::new(),
            used_inodes: Vec::new(),
            used_listings: Vec::new(),
            used_xattrs: Vec::new(),
            used_ids: BTreeSet::new(),
        };
        let inode = walk.inode(root)?;
        if inode.entry.kind != Kind::Directory {
            let place = walk.tables.inodes.at;
            return Err(Defect::new("squashfs/root", "root_inode", place, inode.basic, 1u16).into());
        }
        let mut stack = vec![(0, walk.push(inode, 0, Vec::new())?)];
        while let Some((number, inode)) = stack.pop() {
            let children = walk.directory(&inode);
            walk.note(children, |walk, children| {
                for (name, kind, reference) in children {
                    if let Some(child) = walk.child(number, name, kind, reference)? {
                        stack.push(child);
                    }
                }
                Ok(())
            })?;
        }
        walk.check_exports();
        Ok(walk)
    }

    /// Goes on behind what is malformed; a limit ends the walk.
    fn note<T>(
        &mut self,
        result: Result<T, Trouble>,
        then: impl FnOnce(&mut Self, T) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match result {
            Ok(value) => then(self, value),
            Err(Trouble::Defect(defect)) => {
                self.defects.push(defect);
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    fn push(&mut self, inode: Inode, parent: usize, name: Vec<u8>) -> Result<Inode, Trouble> {
        if len64(&self.entries) >= self.most {
            return Err(LimitKind::Nodes.into());
        }
        self.entries.push(Entry { parent, name, ..inode.entry.clone() });
        self.stored.push(inode.stored.clone());
        Ok(inode)
    }

    /// Adds an entry of a directory; a directory is to be gone through next, once.
    fn child(
        &mut self,
        parent: usize,
        name: Vec<u8>,
        kind: u16,
        reference: u64,
    ) -> Result<Option<(usize, Inode)>, Trouble> {
        let inode = match self.inode(reference) {
            Ok(inode) => inode,
            Err(Trouble::Defect(defect)) => {
                self.allowance.take(DEFECT)?;
                self.defects.push(defect.ambiguous());
                return Ok(None);
            }
            Err(trouble) => return Err(trouble),
        };
        if inode.basic != kind {
            let place = self.tables.directories.at;
            self.defects
                .push(Defect::new("squashfs/entry-type", "type", place, kind, inode.basic).ambiguous());
        }
        let number = self.entries.len();
        let inode = self.push(inode, parent, name)?;
        if inode.entry.kind != Kind::Directory {
            return Ok(None);
        }
        if !self.seen.insert(reference) {
            let place = self.tables.inodes.at;
            let defect =
                Defect::new("squashfs/directory-twice", "inode", place, reference, "one name of a directory");
            self.defects.push(defect.ambiguous());
            return Ok(None);
        }
        Ok(Some((number, inode)))
    }

    fn inode(&mut self, reference: u64) -> Result<Inode, Trouble> {
        let (block, offset) = (reference >> 16, reference & 0xffff);
        let (start, mut reader) = self.tables.inodes.reader(block, offset, "inode")?;
        let kind = reader.u16_le("inode_type")?;
        let mode = reader.u16_le("mode")?;
        let ids = (reader.u16_le("i_uid")?, reader.u16_le("i_gid")?);
        let modified = reader.u32_le("mtime")?.into();
        let number = reader.u32_le("inode_number")?;
        let mut inode =
            Inode { basic: if kind > 7 { kind.wrapping_sub(7) } else { kind }, ..Inode::default() };
        let (uid, gid) = (self.tables.id(ids.0)?, self.tables.id(ids.1)?);
        inode.entry = Entry { mode: mode.into(), uid, gid, modified, inode: reference, ..Entry::default() };
        let block_size = self.tables.archive.block_size;
        let body = inode.body(kind, &mut reader, block_size);
        let length = reader.position();
        self.allowance.take(length)?;
        inode.entry.xattrs = self.tables.xattrs_of(body?, &mut self.used_xattrs, &mut self.allowance)?;
        self.used_inodes.push(Span::new(start, length));
        self.used_ids.extend([ids.0, ids.1]);
        self.numbers.insert(number, reference);
        Ok(inode)
    }

    /// Names, types and inode references that a directory lists.
    fn directory(&mut self, inode: &Inode) -> Result<Vec<(Vec<u8>, u16, u64)>, Trouble> {
        let (block, offset, length) = inode.listing;
        let mut list: Vec<(Vec<u8>, u16, u64)> = Vec::new();
        if length == 0 {
            return Ok(list);
        }
        self.allowance.take(length)?;
        let (start, reader) = self.tables.directories.reader(block, offset, "start_block")?;
        let bytes = self.tables.directories.piece(start, length).ok_or_else(|| {
            let field = "file_size";
            Defect::new("squashfs/truncated", field, self.tables.directories.at, reader.remaining(), length)
        })?;
        let mut reader = Reader::new(bytes, self.tables.directories.at, "squashfs/truncated");
        let mut headers: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        while reader.remaining() > 0 {
            let header = reader.position();
            let count = reader.u32_le("count")?;
            let inodes = u64::from(reader.u32_le("start_block")?);
            reader.u32_le("inode_number")?;
            for entry in 0..=count {
                let offset = u64::from(reader.u16_le("offset")?);
                reader.u16_le("inode")?;
                let kind = reader.u16_le("type")?;
                let size = u64::from(reader.u16_le("size")?).saturating_add(1);
                let name = reader.bytes(size, "name")?.to_vec();
                if entry == 0 {
                    headers.insert(header, name.clone());
                }
                list.push((name, kind, inodes << 16 | offset));
                if len64(&list) > self.most {
                    return Err(LimitKind::Nodes.into());
                }
            }
        }
        self.used_listings.push(Span::new(start, length));
        let place = self.tables.directories.at;
        if let Some(pair) = list.windows(2).find(|pair| matches!(pair, [a, b] if a.0 >= b.0)) {
            let name = pair.first().map(|entry| String::from_utf8_lossy(&entry.0).into_owned());
            let defect = Defect::new(
                "squashfs/directory-order",
                "name",
                place,
                name.unwrap_or_default(),
                "names in order",
            );
            self.defects.push(defect.ambiguous());
        }
        for (at, _, name) in &inode.index {
            if headers.get(&u64::from(*at)) != Some(name) {
                let shown = String::from_utf8_lossy(name).into_owned();
                let defect = Defect::new(
                    "squashfs/directory-index",
                    "index",
                    place,
                    shown,
                    "the first name of a header",
                );
                self.defects.push(defect.ambiguous());
            }
        }
        Ok(list)
    }

    /// The table by which a file server finds inodes must name the ones that the directories do.
    fn check_exports(&mut self) {
        let table = &self.tables.exports;
        for (&number, &reference) in &self.numbers {
            let at = u64::from(number).saturating_sub(1).saturating_mul(8);
            let Some(entry) = table.piece(at, 8) else { continue };
            if entry != reference.to_le_bytes() {
                let defect =
                    Defect::new("squashfs/export", "lookup", table.at, Value::from(entry), reference);
                self.defects.push(defect.ambiguous());
            }
        }
    }

    /// Everything of the image that tables or files take.
    fn used(&self) -> Vec<Span> {
        let mut spans = self.tables.spans.clone();
        for stored in self.stored.iter().flatten() {
            spans.push(Span::new(stored.start, stored.packed()));
        }
        let fragments = u64::from(self.tables.superblock.fragments);
        for number in 0..fragments.min(len64(&self.tables.fragments.bytes) / 16) {
            let fragment = u32::try_from(number).ok().and_then(|number| self.tables.fragment(number).ok());
            spans.extend(fragment.map(|fragment| Span::new(fragment.start, length_of(fragment.size))));
        }
        let end = self.tables.archive.image.length();
        let inside = |span: &Span| span.offset >= SUPERBLOCK && span.end() <= end;
        merged(&spans.into_iter().filter(inside).collect::<Vec<_>>())
    }

    fn into_files(self) -> (Vec<Entry>, Blocks<'a>) {
        let tables = &self.tables;
        let mut rest = tables.inodes.unused(&self.used_inodes);
        rest.extend(tables.directories.unused(&self.used_listings));
        rest.extend(tables.xattrs.unused(&self.used_xattrs));
        let ids: Vec<_> =
            self.used_ids.iter().map(|&id| Span::new(u64::from(id).saturating_mul(4), 4)).collect();
        rest.extend(tables.ids.unused(&ids));
        let count = u32::try_from(len64(&tables.fragments.bytes) / 16).unwrap_or(u32::MAX);
        let fragments = (0..count).filter_map(|number| tables.fragment(number).ok()).collect();
        let mut tails: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        for stored in self.stored.iter().flatten().filter(|stored| stored.fragment != u32::MAX) {
            let tail = Span::new(stored.offset, stored.tail(tables.archive.block_size));
            tails.entry(stored.fragment).or_default().push(tail);
        }
        let blocks = Blocks {
            archive: tables.archive.clone(),
            stored: self.stored,
            fragments,
            tails,
            rest,
            cache: RefCell::default(),
        };
        (self.entries, blocks)
    }
}

impl Inode {
    /// What stands behind the header; returns the number of the extended attributes.
    fn body(&mut self, kind: u16, reader: &mut Reader<'_>, block_size: u64) -> Result<u32, Defect> {
        let entry = &mut self.entry;
        match kind {
            1 => {
                entry.kind = Kind::Directory;
                let block = reader.u32_le("start_block")?;
                reader.u32_le("nlink")?;
                let length = u64::from(reader.u16_le("file_size")?).saturating_sub(3);
                self.listing = (block.into(), reader.u16_le("offset")?.into(), length);
                reader.u32_le("parent_inode")?;
            }
            8 => {
                entry.kind = Kind::Directory;
                reader.u32_le("nlink")?;
                let length = u64::from(reader.u32_le("file_size")?).saturating_sub(3);
                let block = reader.u32_le("start_block")?;
                reader.u32_le("parent_inode")?;
                let count = reader.u16_le("i_count")?;
                self.listing = (block.into(), reader.u16_le("offset")?.into(), length);
                let xattr = reader.u32_le("xattr")?;
                for _ in 0..count {
                    let (index, start) = (reader.u32_le("index")?, reader.u32_le("start_block")?);
                    let size = u64::from(reader.u32_le("size")?).saturating_add(1);
                    self.index.push((index, start, reader.bytes(size, "name")?.to_vec()));
                }
                return Ok(xattr);
            }
            2 | 9 => return self.file(kind == 9, reader, block_size),
            3 | 10 => {
                entry.kind = Kind::Link;
                reader.u32_le("nlink")?;
                let size = reader.u32_le("symlink_size")?;
                entry.target = reader.bytes(size.into(), "symlink")?.to_vec();
            }
            4 | 5 | 11 | 12 => {
                entry.kind = if kind % 7 == 4 { Kind::Block } else { Kind::Character };
                reader.u32_le("nlink")?;
                let device = reader.u32_le("rdev")?;
                // Linux new_decode_dev().
                entry.device = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00);
            }
            6 | 7 | 13 | 14 => {
                entry.kind = if kind % 7 == 6 { Kind::Fifo } else { Kind::Socket };
                reader.u32_le("nlink")?;
            }
            _ => {
                let place = reader.offset();
                return Err(Defect::new("squashfs/inode-type", "inode_type", place, kind, "1 to 14"));
            }
        }
        if kind > 7 { reader.u32_le("xattr") } else { Ok(u32::MAX) }
    }

    fn file(&mut self, extended: bool, reader: &mut Reader<'_>, block_size: u64) -> Result<u32, Defect> {
        let mut stored = Stored::default();
        let mut xattr = u32::MAX;
        if extended {
            stored.start = reader.u64_le("start_block")?;
            stored.size = reader.u64_le("file_size")?;
            reader.u64_le("sparse")?;
            reader.u32_le("nlink")?;
        } else {
            stored.start = reader.u32_le("start_block")?.into();
        }
        stored.fragment = reader.u32_le("fragment")?;
        stored.offset = reader.u32_le("offset")?.into();
        if extended {
            xattr = reader.u32_le("xattr")?;
        } else {
            stored.size = reader.u32_le("file_size")?.into();
        }
        let blocks = if stored.fragment == u32::MAX {
            stored.size.div_ceil(block_size)
        } else {
            stored.size.checked_div(block_size).unwrap_or(0)
        };
        let (sizes, _) = reader.bytes(blocks.saturating_mul(4), "block_list")?.as_chunks::<4>();
        stored.blocks = sizes.iter().map(|size| u32::from_le_bytes(*size)).collect();
        self.entry.kind = Kind::File;
        self.entry.size = stored.size;
        self.stored = Some(stored);
        Ok(xattr)
    }
}

impl Stored {
    /// Bytes that its blocks take in the image.
    fn packed(&self) -> u64 {
        self.blocks.iter().fold(0, |sum, &size| sum.saturating_add(length_of(size)))
    }

    /// Bytes of it in its fragment.
    fn tail(&self, block_size: u64) -> u64 {
        if self.fragment == u32::MAX { 0 } else { self.size.checked_rem(block_size).unwrap_or(0) }
    }
}

/// The length in a block's size; one bit of it says that the block is not compressed.
fn length_of(size: u32) -> u64 {
    u64::from(size & 0x00ff_ffff)
}

fn is_packed(size: u32) -> bool {
    size & UNCOMPRESSED == 0
}

/// The blocks of files.
#[derive(Debug)]
struct Blocks<'a> {
    archive: Archive<'a>,
    stored: Vec<Option<Stored>>,
    fragments: Vec<Fragment>,
    /// What files take of each fragment.
    tails: BTreeMap<u32, Vec<Span>>,
    /// What of the tables nothing uses.
    rest: Vec<u8>,
    cache: RefCell<Cache>,
}

/// Fragments that were decoded last, and how long each was.
#[derive(Debug, Default)]
struct Cache {
    recent: Vec<(u32, Rc<Vec<u8>>)>,
    lengths: BTreeMap<u32, u64>,
}

impl Volume for Blocks<'_> {
    fn read(&self, number: usize) -> Result<Vec<u8>, Trouble> {
        let Some(stored) = self.stored.get(number).and_then(Option::as_ref) else { return Ok(Vec::new()) };
        let mut content = Vec::with_capacity(to_usize(stored.size));
        let mut at = stored.start;
        let block_size = self.archive.block_size;
        for &size in &stored.blocks {
            let expected = block_size.min(stored.size.saturating_sub(len64(&content)));
            let length = length_of(size);
            if length == 0 {
                content.resize(content.len().saturating_add(to_usize(expected)), 0);
                continue;
            }
            let block = self.archive.block(at, length, is_packed(size), block_size)?;
            if len64(&block) != expected {
                let place = self.archive.image.offset().saturating_add(at);
                return Err(Defect::new("squashfs/block", "block", place, len64(&block), expected).into());
            }
            content.extend(block);
            at = at.saturating_add(length);
        }
        let tail = stored.tail(block_size);
        if tail > 0 {
            let fragment = self.fragment(stored.fragment)?;
            let end = stored.offset.saturating_add(tail);
            let piece = fragment.get(to_usize(stored.offset)..to_usize(end)).ok_or_else(|| {
                let place = self.archive.image.offset();
                Defect::new("squashfs/fragment", "offset", place, end, len64(&fragment))
            })?;
            content.extend(piece);
        }
        Ok(content)
    }

    fn rest(&self) -> Result<Vec<u8>, Trouble> {
        let mut rest = self.rest.clone();
        for number in 0..u32::try_from(self.fragments.len()).unwrap_or(u32::MAX) {
            let used = merged(self.tails.get(&number).map_or(&[], Vec::as_slice));
            let known = self.cache.borrow().lengths.get(&number).copied();
            if known.is_some_and(|length| used == [Span::new(0, length)]) {
                continue;
            }
            let bytes = self.fragment(number)?.to_vec();
            if len64(&rest).saturating_add(len64(&bytes)) > self.archive.most_rest {
                return Err(LimitKind::Space.into());
            }
            rest.extend(Table { bytes, ..Table::default() }.unused(&used));
        }
        Ok(rest)
    }
}

impl Blocks<'_> {
    fn fragment(&self, number: u32) -> Result<Rc<Vec<u8>>, Trouble> {
        let mut cache = self.cache.borrow_mut();
        if let Some((_, bytes)) = cache.recent.iter().find(|(other, _)| *other == number) {
            return Ok(Rc::clone(bytes));
        }
        let fragment = self.fragments.get(to_usize(number.into())).ok_or_else(|| {
            Defect::new("squashfs/reference", "fragment", self.archive.image.offset(), number, "a fragment")
        })?;
        let packed = is_packed(fragment.size);
        let bytes =
            self.archive.block(fragment.start, length_of(fragment.size), packed, self.archive.block_size)?;
        let bytes = Rc::new(bytes);
        if cache.recent.len() >= FRAGMENTS {
            cache.recent.remove(0);
        }
        cache.recent.push((number, Rc::clone(&bytes)));
        cache.lengths.insert(number, len64(&bytes));
        Ok(bytes)
    }
}

/// Fields of the superblock that tell where, how, and how many things are packed.
const ENCODING: [(u64, u64); 5] = [(0x04, 4), (0x0c, 8), (0x14, 6), (0x20, 8), (0x28, 0x38)];
const MAGIC: &[u8] = b"hsqs";
const SUPERBLOCK: u64 = 96;
const METADATA: u64 = 8192;
/// What all tables may decode to: a file takes some fifty bytes.
const MOST_METADATA: u64 = 64 << 20;
const MOST_REST: u64 = 64 << 20;
/// What a defect takes.
const DEFECT: u64 = 192;
const PADDED: u64 = 4096;
const NONE: u64 = u64::MAX;
const OPTIONS: u16 = 0x0400;
const UNCOMPRESSED: u32 = 1 << 24;
const ELSEWHERE: u16 = 0x100;
const XATTR_PREFIXES: [&str; 3] = ["user.", "trusted.", "security."];
/// Decoded fragments kept: a directory's files mostly lie in one.
const FRAGMENTS: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Value};

    use super::*;
    use crate::testing::{defects, parse as parse_with, put, region, torture};

    /// mksquashfs without compression: `a/file`, its second name `a/other-name`, and `a/b/inner`.
    const PLAIN: &[u8] = include_bytes!("../../../firmware-samples/router/parts/plain.squashfs");
    const TOP: &str = "squashfs:files/decoded:content/dir:a";

    #[test]
    fn entries_have_their_facts_and_names_of_one_inode_know_each_other() {
        let tree = parse_with(&Squashfs, PLAIN);
        assert_eq!(defects(&tree), [""; 0]);
        let fact = |path: &str, name| region(&tree, &format!("{TOP}/{path}")).attribute(name).cloned();
        assert_eq!(fact("file:file", "mode"), Some(Value::from("0644")));
        assert_eq!(fact("file:file", "links"), Some(Value::Uint(2)));
        assert_eq!(fact("file:other-name", "hard-link"), Some(Value::from("/a/file")));
        assert_eq!(fact("entry:self", "mode"), Some(Value::from("0755")));
        let content = region(&tree, &format!("{TOP}/dir:b/file:inner/decoded:content"));
        assert_eq!(content.span.length, 4);
        assert_eq!(region(&tree, "squashfs:padding").content, Content::Fill);
    }

    #[test]
    fn bytes_that_no_table_leads_to_are_not_understood() {
        let tree = parse_with(&Squashfs, &[PLAIN, &[0xff; 64]].concat());
        assert_eq!(region(&tree, "squashfs:behind").content, Content::Fill);
        let mut code = PLAIN.to_vec();
        put(&mut code, PLAIN.len() - 4, &[0x90]);
        assert_eq!(region(&parse_with(&Squashfs, &code), "squashfs:padding").content, Content::Unknown);
    }

    #[test]
    fn a_superblock_that_contradicts_itself_is_none() {
        let probe =
            |bytes: &[u8]| Squashfs.probe(&Head::new(bytes, bytes.len() as u64)).map(|found| found.length);
        assert_eq!(probe(PLAIN), Some(Some(0x1ad)));
        // version 3; block size and its logarithm; no compressor of that number.
        for (at, value) in [(0x1c, 3), (0x16, 9), (0x14, 7)] {
            let mut bytes = PLAIN.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&bytes), None, "{at:#x}");
        }
    }

    #[test]
    fn hostile_bytes() {
        let used = PLAIN.iter().rposition(|&byte| byte != 0).expect("not empty");
        torture(&Squashfs, &PLAIN[..=used]);
    }
}
