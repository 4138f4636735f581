//! From the root to every entry, as Linux goes.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{
    Defect, DefectKind, LimitKind, Limits, Normal, Reader, Span, Spans, Trouble, Value, len64,
};

use super::blocks::{Blocks, Stored};
use super::defects;
use super::tables::{Fragment, Tables, Used};
use super::{SUPERBLOCK, odd};
use crate::files::{Allowance, Entry, Kind};

/// An inode, read.
#[derive(Debug, Default)]
struct Inode {
    entry: Entry,
    /// Its type, as the inode states it, and the basic one, as listings do.
    kind: u16,
    basic: u16,
    number: u32,
    /// How many names it says that it has.
    links: u32,
    parent: u32,
    stored: Option<Stored>,
    listing: Listing,
    index: Vec<(u32, u32, Vec<u8>)>,
}

/// Where a directory's names are: block, offset in it, and the size that the inode states.
#[derive(Clone, Copy, Debug, Default)]
struct Listing {
    block: u64,
    offset: u64,
    size: u64,
}

/// A line of a listing.
#[derive(Debug)]
struct Line {
    name: Vec<u8>,
    kind: u16,
    reference: u64,
    number: u32,
}

/// Goes through all directories from the root.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    tables: Tables<'a>,
    entries: Vec<Entry>,
    stored: Vec<Option<Stored>>,
    pub(super) defects: Vec<Defect>,
    most: u64,
    allowance: Allowance,
    /// Directories seen, by reference.
    seen: BTreeSet<u64>,
    /// What each inode number stands for, how many names it says that it has (of directories that is counted otherwise),
    /// and how many were found.
    numbers: BTreeMap<u32, (u64, Option<u32>, u32)>,
    used: Used,
    /// A directory states its size without the two that Linux adds.
    without_dots: bool,
    form: Option<Normal>,
}

impl<'a> Walk<'a> {
    /// `form` is begun here when the run wants one.
    pub(super) fn of(tables: Tables<'a>, limits: &Limits, form: Option<Normal>) -> Result<Self, Trouble> {
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
            used: Used::default(),
            without_dots: false,
            form,
        };
        walk.defects.append(&mut walk.tables.defects);
        walk.begin_form();
        let inode = walk.inode(root)?;
        if inode.entry.kind != Kind::Directory {
            let place = walk.tables.inodes.at;
            return Err(odd(&defects::ROOT, "root_inode", place, inode.basic, 1u16).into());
        }
        let mut stack = vec![(0, walk.push(inode, 0, Vec::new())?)];
        while let Some((number, inode)) = stack.pop() {
            let lines = match walk.directory(&inode) {
                Err(Trouble::Defect(defect)) => {
                    walk.defects.push(defect);
                    continue;
                }
                lines => lines?,
            };
            let mut directories = 0u32;
            let all = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            for line in lines {
                if let Some(child) = walk.child((number, inode.number), line)? {
                    directories = directories.saturating_add(1);
                    stack.push(child);
                }
            }
            walk.check_directory_links(&inode, directories, all)?;
        }
        walk.check_numbers()?;
        walk.check_fragments()?;
        Ok(walk)
    }

    fn push(&mut self, inode: Inode, parent: usize, name: Vec<u8>) -> Result<Inode, Trouble> {
        if len64(&self.entries) >= self.most {
            return Err(LimitKind::Nodes.into());
        }
        self.entries.push(Entry { parent, name, ..inode.entry.clone() });
        self.stored.push(inode.stored.clone());
        Ok(inode)
    }

    fn odd(
        &mut self,
        kind: &'static DefectKind,
        field: &'static str,
        found: impl Into<Value>,
        expected: impl Into<Value>,
    ) -> Result<(), LimitKind> {
        self.allowance.take(DEFECT)?;
        let place = if kind.id.starts_with("squashfs/directory") {
            self.tables.directories.at
        } else {
            self.tables.inodes.at
        };
        self.defects.push(odd(kind, field, place, found, expected));
        Ok(())
    }

    /// As [`Walk::odd`], where as many can be found as there are entries.
    fn note(&mut self, defect: Defect) -> Result<(), LimitKind> {
        self.allowance.take(DEFECT)?;
        self.defects.push(defect);
        Ok(())
    }

    /// Adds an entry of a directory; a directory is to be gone through next, once.
    fn child(
        &mut self,
        (parent, parent_number): (usize, u32),
        line: Line,
    ) -> Result<Option<(usize, Inode)>, Trouble> {
        let inode = match self.inode(line.reference) {
            Ok(inode) => inode,
            Err(Trouble::Defect(defect)) => {
                self.allowance.take(DEFECT)?;
                self.defects.push(defect);
                return Ok(None);
            }
            Err(trouble) => return Err(trouble),
        };
        if inode.basic != line.kind {
            self.odd(&defects::ENTRY_TYPE, "type", line.kind, inode.basic)?;
        }
        // Linux keeps what it has read by the number that the listing states.
        if inode.number != line.number {
            self.odd(&defects::ENTRY_NUMBER, "inode", line.number, inode.number)?;
        }
        let number = self.entries.len();
        let inode = self.push(inode, parent, line.name)?;
        if inode.entry.kind != Kind::Directory {
            return Ok(None);
        }
        if inode.parent != parent_number {
            self.odd(&defects::PARENT, "parent_inode", inode.parent, parent_number)?;
        }
        if !self.seen.insert(line.reference) {
            self.odd(&defects::DIRECTORY_TWICE, "inode", line.reference, "one name of a directory")?;
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
        let basic = if kind > 7 { kind.wrapping_sub(7) } else { kind };
        let mut inode = Inode { kind, basic, number, ..Inode::default() };
        let (uid, gid) = (self.tables.id(ids.0)?, self.tables.id(ids.1)?);
        inode.entry = Entry { mode: mode.into(), uid, gid, modified, inode: reference, ..Entry::default() };
        let xattr = inode.body(&mut reader, self.tables.archive.block_size)?;
        let length = reader.position();
        self.allowance.take(length)?;
        let mut attributes = Vec::new();
        inode.entry.xattrs =
            self.tables.xattrs_of(xattr, &mut self.used, &mut self.allowance, &mut attributes)?;
        self.used.inodes.push(Span::new(start, length));
        let ids = [ids.0, ids.1].map(|id| Span::new(u64::from(id).saturating_mul(4), 4));
        self.used.ids.extend(ids);
        self.check(&inode, mode)?;
        self.count(&inode, reference)?;
        self.write_inode(&inode, start, length, &attributes)?;
        Ok(inode)
    }

    /// What Linux refuses or reads otherwise than it stands there.
    fn check(&mut self, inode: &Inode, mode: u16) -> Result<(), Trouble> {
        let entry = &inode.entry;
        // The type is or'ed to the mode, so that other bits give another type.
        let own = own_type(entry.kind);
        if ![0, own].contains(&(mode & 0xf000)) {
            self.odd(&defects::MODE, "mode", mode, own)?;
        }
        if entry.kind == Kind::Link
            && (entry.target.is_empty() || entry.target.contains(&0) || len64(&entry.target) >= PAGE)
        {
            self.odd(&defects::SYMLINK, "symlink_size", len64(&entry.target), "a path of Linux")?;
        }
        let Some(stored) = &inode.stored else { return Ok(()) };
        let block_size = self.tables.archive.block_size;
        if let Some(&size) = stored.blocks.iter().find(|&&size| size >> 25 != 0) {
            self.odd(&defects::BLOCK, "block_list", size, "a size")?;
        }
        if stored.fragment != u32::MAX {
            let fragment = self.tables.fragment(stored.fragment)?;
            if stored.tail(block_size) == 0 || fragment.size >> 25 != 0 {
                self.odd(&defects::FRAGMENT, "fragment", stored.size, "a file with an end")?;
            }
        }
        if i64::try_from(stored.size).is_err() {
            self.odd(&defects::FILE_SIZE, "file_size", stored.size, "a size")?;
        }
        if stored.packed() > 0 && !self.is_data(Span::new(stored.start, stored.packed())) {
            self.odd(&defects::LAYOUT, "start_block", stored.start, "a place before the tables")?;
        }
        Ok(())
    }

    /// Whether the blocks of files may lie there.
    fn is_data(&self, span: Span) -> bool {
        span.offset >= self.tables.data && span.end() <= self.tables.superblock.inode_table
    }

    /// One number is one inode: Linux reads only the first that it meets.
    fn count(&mut self, inode: &Inode, reference: u64) -> Result<(), LimitKind> {
        let inodes = self.tables.superblock.inodes;
        if !(1..=inodes).contains(&inode.number) {
            self.odd(&defects::INODE_NUMBER, "inode_number", inode.number, inodes)?;
        }
        let links = (inode.entry.kind != Kind::Directory).then_some(inode.links);
        let known = self.numbers.entry(inode.number).or_insert((reference, links, 0));
        known.2 = known.2.saturating_add(1);
        let first = known.0;
        if first != reference {
            self.odd(&defects::INODE_NUMBER, "inode_number", reference, first)?;
        }
        Ok(())
    }

    /// The names that a directory lists. Linux reads whole runs of entries, each behind a header, for as long as it
    /// has read less than the size says.
    fn directory(&mut self, inode: &Inode) -> Result<Vec<Line>, Trouble> {
        let Listing { block, offset, size } = inode.listing;
        let mut lines: Vec<Line> = Vec::new();
        if size <= DOTS {
            self.check_index(inode, 0, &BTreeMap::new())?;
            return Ok(lines);
        }
        let (start, mut reader) = self.tables.directories.reader(block, offset, "start_block")?;
        let mut headers: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut form = Vec::new();
        while reader.position().saturating_add(DOTS) < size {
            let from = reader.position();
            let count = reader.u32_le("count")?;
            let inodes = u64::from(reader.u32_le("start_block")?);
            let base = reader.u32_le("inode_number")?;
            if count >= RUN {
                return Err(odd(&defects::DIRECTORY_COUNT, "count", reader.offset(), count, RUN).into());
            }
            let linear = self.tables.inodes.place(inodes, 0).unwrap_or(u64::MAX);
            form.extend([&count.to_le_bytes()[..], &linear.to_le_bytes(), &base.to_le_bytes()].concat());
            for entry in 0..=count {
                let line = line(&mut reader, inodes, base, &mut form)?;
                if entry == 0 {
                    headers.insert(from, line.name.clone());
                }
                lines.push(line);
                if len64(&lines) > self.most {
                    return Err(LimitKind::Nodes.into());
                }
            }
            self.allowance.take(reader.position().saturating_sub(from))?;
        }
        let length = reader.position();
        self.used.listings.push(Span::new(start, length));
        self.check_listing(inode, length, &lines)?;
        self.check_index(inode, start, &headers)?;
        if let Some(normal) = &mut self.form {
            normal.record("listing");
            normal.number("inode", inode.number);
            normal.field("entries", &form);
        }
        Ok(lines)
    }

    fn check_listing(&mut self, inode: &Inode, length: u64, lines: &[Line]) -> Result<(), LimitKind> {
        let size = inode.listing.size;
        if size == length {
            // Some writers forget the two dots, in all directories. Linux reads the last run to its end all the same.
            if !self.without_dots {
                let place = self.tables.inodes.at;
                let expected = length.saturating_add(DOTS);
                self.defects.push(Defect::new(&defects::DIRECTORY_DOTS, "file_size", place, size, expected));
            }
            self.without_dots = true;
        } else if size != length.saturating_add(DOTS) {
            self.odd(&defects::DIRECTORY_SIZE, "file_size", size, length.saturating_add(DOTS))?;
        }
        if let Some([line, _]) = lines.windows(2).find(|pair| matches!(pair, [a, b] if a.name >= b.name)) {
            let name = String::from_utf8_lossy(&line.name).into_owned();
            self.odd(&defects::DIRECTORY_ORDER, "name", name, "names in order")?;
        }
        if let Some(line) = lines.iter().find(|line| len64(&line.name) > MOST_NAME) {
            self.odd(&defects::DIRECTORY_NAME, "size", len64(&line.name), MOST_NAME)?;
        }
        Ok(())
    }

    /// Linux begins to look where the last entry of the index that is not greater than the name leads.
    fn check_index(
        &mut self,
        inode: &Inode,
        start: u64,
        headers: &BTreeMap<u64, Vec<u8>>,
    ) -> Result<(), LimitKind> {
        let mut before = None;
        for (index, block, name) in &inode.index {
            let place = start.saturating_add((*index).into());
            let leads =
                self.tables.directories.place((*block).into(), place % super::METADATA) == Some(place);
            let named = headers.get(&u64::from(*index)) == Some(name);
            if !leads || !named || before >= Some(*index) {
                let shown = String::from_utf8_lossy(name).into_owned();
                self.odd(&defects::DIRECTORY_INDEX, "index", shown, "the first name of a header")?;
            }
            before = Some(*index);
        }
        Ok(())
    }

    /// mksquashfs counts the directories in it, squashfs-tools-ng all entries.
    fn check_directory_links(&mut self, inode: &Inode, directories: u32, all: u32) -> Result<(), LimitKind> {
        let counted = [directories, all].map(|count| count.saturating_add(2));
        if !counted.contains(&inode.links) {
            let [expected, _] = counted;
            let place = self.tables.inodes.at;
            self.note(odd(&defects::LINKS, "nlink", place, inode.links, expected))?;
        }
        Ok(())
    }

    fn check_numbers(&mut self) -> Result<(), LimitKind> {
        let place = self.tables.inodes.at;
        let wrong = |&(_, links, found): &(u64, Option<u32>, u32)| links.filter(|&links| links != found);
        let wrong = self.numbers.values().filter_map(|known| Some((wrong(known)?, known.2)));
        for (links, found) in wrong.collect::<Vec<_>>() {
            self.note(odd(&defects::LINKS, "nlink", place, links, found))?;
        }
        self.check_exports()
    }

    /// The table by which a file server finds inodes must name the ones that the directories do.
    fn check_exports(&mut self) -> Result<(), LimitKind> {
        let table = &self.tables.exports;
        if table.bytes.is_empty() {
            return Ok(());
        }
        let wrong = self.numbers.iter().filter_map(|(&number, &(reference, ..))| {
            let at = u64::from(number).saturating_sub(1).saturating_mul(8);
            let entry = table.piece(at, 8).filter(|entry| *entry != reference.to_le_bytes())?;
            Some(odd(&defects::EXPORT, "lookup", table.at, Value::from(entry), reference))
        });
        for defect in wrong.collect::<Vec<_>>() {
            self.note(defect)?;
        }
        Ok(())
    }

    fn fragments(&self) -> Vec<Fragment> {
        let count = u32::try_from(len64(&self.tables.fragments.bytes) / 16).unwrap_or(u32::MAX);
        (0..count).filter_map(|number| self.tables.fragment(number).ok()).collect()
    }

    /// Linux keeps a fragment by its place, however long it is said to be elsewhere.
    fn check_fragments(&mut self) -> Result<(), LimitKind> {
        let fragments = self.fragments();
        let table = self.tables.fragments.at;
        let mut places: BTreeMap<u64, u32> = BTreeMap::new();
        for fragment in &fragments {
            let size = *places.entry(fragment.start).or_insert(fragment.size);
            if size != fragment.size {
                self.note(odd(&defects::FRAGMENT, "size", table, fragment.size, size))?;
            }
            if fragment.unused != 0 {
                self.note(odd(&defects::RESERVED, "unused", table, fragment.unused, 0u64))?;
            }
            if !self.is_data(fragment.span()) {
                let defect =
                    odd(&defects::LAYOUT, "start_block", table, fragment.start, "a place before the tables");
                self.note(defect)?;
            }
        }
        Ok(())
    }

    /// Everything of the image that tables or files take.
    pub(super) fn taken(&self) -> Spans {
        let mut spans = self.tables.spans.clone();
        for stored in self.stored.iter().flatten() {
            spans.push(Span::new(stored.start, stored.packed()));
        }
        spans.extend(self.fragments().iter().map(Fragment::span));
        let end = self.tables.archive.image.length();
        let inside = |span: &Span| span.offset >= SUPERBLOCK && span.end() <= end;
        spans.into_iter().filter(inside).collect()
    }

    pub(super) fn into_files(self) -> (Vec<Entry>, Blocks<'a>, Option<Normal>) {
        let tables = &self.tables;
        let spans = |used: &[Span]| used.iter().copied().collect::<Spans>();
        let mut rest = tables.inodes.unused(&spans(&self.used.inodes));
        rest.extend(tables.directories.unused(&spans(&self.used.listings)));
        rest.extend(tables.xattrs.unused(&spans(&self.used.xattrs)));
        rest.extend(tables.xattr_ids.unused(&spans(&self.used.xattr_ids)));
        rest.extend(tables.ids.unused(&spans(&self.used.ids)));
        let exports = self
            .numbers
            .keys()
            .map(|&number| Span::new(u64::from(number).saturating_sub(1).saturating_mul(8), 8));
        rest.extend(tables.exports.unused(&exports.collect()));
        let fragments = self.fragments();
        let mut tails: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        for stored in self.stored.iter().flatten().filter(|stored| stored.fragment != u32::MAX) {
            let tail = Span::new(stored.offset, stored.tail(tables.archive.block_size));
            tails.entry(stored.fragment).or_default().push(tail);
        }
        let archive = self.tables.archive.clone();
        let blocks =
            Blocks { archive, stored: self.stored, fragments, tails, rest, cache: Default::default() };
        (self.entries, blocks, self.form)
    }
}

/// The normal form.
impl Walk<'_> {
    fn begin_form(&mut self) {
        let Some(form) = &mut self.form else { return };
        let superblock = &self.tables.superblock;
        form.record("superblock");
        form.number("inodes", superblock.inodes);
        form.number("mkfs_time", superblock.mkfs_time);
        form.number("block_size", superblock.block_size);
        form.number("fragments", superblock.fragments);
        form.number("compression", superblock.compression);
        form.number("flags", superblock.flags);
        let present = [superblock.xattr_table, superblock.fragment_table, superblock.lookup_table];
        form.field("absent tables", &present.map(|at| u8::from(at == super::NONE)));
        form.field("options", &self.tables.options);
        form.field("ids", &self.tables.ids.bytes);
        for number in 0..superblock.fragments {
            if let Ok(fragment) = self.tables.fragment(number) {
                form.number("fragment", fragment.unused);
            }
        }
        let (exports, _) = self.tables.exports.bytes.as_chunks::<8>();
        for reference in exports.iter().map(|entry| u64::from_le_bytes(*entry)) {
            let place = self.tables.inodes.place(reference >> 16, reference & 0xffff);
            form.number("export", place.unwrap_or(reference));
        }
    }

    /// All fields of an inode, with what leads somewhere replaced by where it leads in the decoded table, and the sizes of
    /// packed blocks by whether there is a block.
    fn write_inode(
        &mut self,
        inode: &Inode,
        start: u64,
        length: u64,
        attributes: &[u8],
    ) -> Result<(), LimitKind> {
        let Some(form) = &mut self.form else { return Ok(()) };
        self.allowance.take(length.saturating_add(len64(attributes)))?;
        let mut bytes = self.tables.inodes.piece(start, length).unwrap_or_default().to_vec();
        let mut zero = |from: u64, length: u64| {
            let range = kiwame_image::to_usize(from)..kiwame_image::to_usize(from.saturating_add(length));
            if let Some(field) = bytes.get_mut(range) {
                field.fill(0);
            }
        };
        form.record("inode");
        form.number("place", start);
        if let Some(stored) = &inode.stored {
            if stored.packed() > 0 {
                let (start, width) = if inode.kind == 2 { (0x10, 4) } else { (0x10, 8) };
                zero(start, width);
            }
            // Where a tail end lies was followed: what is there is compared as the end of the file.
            let tail = if inode.kind == 2 { 0x14 } else { 0x2c };
            if self.tables.inodes.piece(start.saturating_add(tail), 4).is_some_and(|index| index != [0xff; 4])
            {
                zero(tail, 8);
                form.record("tail end");
            }
            let list = len64(&stored.blocks).saturating_mul(4);
            zero(length.saturating_sub(list), list);
            let holes: Vec<_> = stored.blocks.iter().map(|&size| u8::from(size == 0)).collect();
            form.field("holes", &holes);
        }
        if inode.entry.kind == Kind::Directory {
            let place = self.tables.directories.place(inode.listing.block, inode.listing.offset);
            if let Some(place) = place {
                zero(if inode.kind == 1 { 0x10 } else { 0x18 }, 4);
                form.number("listing", place);
            }
            let mut at = 0x28_u64;
            for (_, block, name) in &inode.index {
                if let Some(place) = self.tables.directories.place((*block).into(), 0) {
                    zero(at.saturating_add(4), 4);
                    form.number("index", place);
                }
                at = at.saturating_add(12).saturating_add(len64(name));
            }
        }
        form.field("fields", &bytes);
        form.field("xattrs", attributes);
        Ok(())
    }
}

fn line(reader: &mut Reader<'_>, inodes: u64, base: u32, form: &mut Vec<u8>) -> Result<Line, Defect> {
    let offset = reader.u16_le("offset")?;
    let delta = reader.u16_le("inode")?;
    let kind = reader.u16_le("type")?;
    let size = reader.u16_le("size")?;
    let name = reader.bytes(u64::from(size).saturating_add(1), "name")?.to_vec();
    form.extend([offset, delta, kind, size].iter().flat_map(|field| field.to_le_bytes()));
    form.extend(&name);
    let number = base.wrapping_add_signed(delta.cast_signed().into());
    Ok(Line { name, kind, reference: inodes << 16 | u64::from(offset), number })
}

/// The type in the upper bits of a mode (POSIX `S_IFMT`).
fn own_type(kind: Kind) -> u16 {
    match kind {
        Kind::Fifo => 0x1000,
        Kind::Character => 0x2000,
        Kind::Directory => 0x4000,
        Kind::Block => 0x6000,
        Kind::File => 0x8000,
        Kind::Link => 0xa000,
        Kind::Socket => 0xc000,
    }
}

impl Inode {
    /// What stands behind the header; returns the number of the extended attributes.
    fn body(&mut self, reader: &mut Reader<'_>, block_size: u64) -> Result<u32, Defect> {
        let kind = self.kind;
        let entry = &mut self.entry;
        match kind {
            1 => {
                entry.kind = Kind::Directory;
                let block = reader.u32_le("start_block")?;
                self.links = reader.u32_le("nlink")?;
                let size = reader.u16_le("file_size")?.into();
                self.listing = Listing { block: block.into(), offset: reader.u16_le("offset")?.into(), size };
                self.parent = reader.u32_le("parent_inode")?;
            }
            8 => return self.directory(reader),
            2 | 9 => return self.file(kind == 9, reader, block_size),
            3 | 10 => {
                entry.kind = Kind::Link;
                self.links = reader.u32_le("nlink")?;
                let size = reader.u32_le("symlink_size")?;
                entry.target = reader.bytes(size.into(), "symlink")?.to_vec();
            }
            4 | 5 | 11 | 12 => {
                entry.kind = if kind % 7 == 4 { Kind::Block } else { Kind::Character };
                self.links = reader.u32_le("nlink")?;
                let device = reader.u32_le("rdev")?;
                // Linux new_decode_dev().
                entry.device = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00);
            }
            6 | 7 | 13 | 14 => {
                entry.kind = if kind % 7 == 6 { Kind::Fifo } else { Kind::Socket };
                self.links = reader.u32_le("nlink")?;
            }
            _ => {
                let place = reader.offset();
                return Err(odd(&defects::INODE_TYPE, "inode_type", place, kind, "1 to 14"));
            }
        }
        if kind > 7 { reader.u32_le("xattr") } else { Ok(u32::MAX) }
    }

    fn directory(&mut self, reader: &mut Reader<'_>) -> Result<u32, Defect> {
        self.entry.kind = Kind::Directory;
        self.links = reader.u32_le("nlink")?;
        let size = reader.u32_le("file_size")?.into();
        let block = reader.u32_le("start_block")?.into();
        self.parent = reader.u32_le("parent_inode")?;
        let count = reader.u16_le("i_count")?;
        self.listing = Listing { block, offset: reader.u16_le("offset")?.into(), size };
        let xattr = reader.u32_le("xattr")?;
        for _ in 0..count {
            let (index, start) = (reader.u32_le("index")?, reader.u32_le("start_block")?);
            let size = u64::from(reader.u32_le("size")?).saturating_add(1);
            self.index.push((index, start, reader.bytes(size, "name")?.to_vec()));
        }
        Ok(xattr)
    }

    fn file(&mut self, extended: bool, reader: &mut Reader<'_>, block_size: u64) -> Result<u32, Defect> {
        let mut stored = Stored::default();
        let mut xattr = u32::MAX;
        self.links = 1;
        if extended {
            stored.start = reader.u64_le("start_block")?;
            stored.size = reader.u64_le("file_size")?;
            reader.u64_le("sparse")?;
            self.links = reader.u32_le("nlink")?;
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

/// What a defect takes.
const DEFECT: u64 = 192;
/// The two entries that are invented count for so much in the size of a directory.
const DOTS: u64 = 3;
/// Linux `SQUASHFS_DIR_COUNT`.
const RUN: u32 = 256;
/// Linux `NAME_MAX`.
const MOST_NAME: u64 = 255;
const PAGE: u64 = 4096;
