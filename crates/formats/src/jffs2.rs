//! JFFS2: a journalling file system for raw NOR and NAND flash.
//!
//! Linux `include/uapi/linux/jffs2.h`, `fs/jffs2/{scan,readinode,nodelist}.c` (6.1). Either byte order; every node begins
//! at a multiple of four.
//!
//! ```text
//! all nodes                 dirent (e001)             inode (e002)
//! 0x00 magic 1985     2     0x0c pino           4     0x0c ino           4   0x2c offset     4
//! 0x02 nodetype       2     0x10 version        4     0x10 version       4   0x30 csize      4
//! 0x04 totlen         4     0x14 ino, 0: gone   4     0x14 mode          4   0x34 dsize      4
//! 0x08 hdr_crc        4     0x18 mctime         4     0x18 uid, gid    2+2   0x38 compr      1
//!                           0x1c nsize, type  1+1     0x1c isize         4   0x39 usercompr  1
//! others: xattr (e008),     0x1e unused         2     0x20 atime         4   0x3a flags      2
//! xref (e009), cleanmarker  0x20 node_crc       4     0x24 mtime         4   0x3c data_crc   4
//! (2003), padding (2004),   0x24 name_crc       4     0x28 ctime         4   0x40 node_crc   4
//! summary (2006)            0x28 name                                        0x44 data
//! ```
//!
//! The nodes are one stream, whose listing is what the newest of them say; what older ones say is a leaf,
//! `entry:rest`. Erased space between nodes is fill, other bytes are not understood.
//!
//! Loader modelled: Linux 6.1: a node with a wrong checksum is passed over, of two with one version the later wins.
//! Ambiguities: two nodes of one version that differ, a directory below itself, a directory entry whose inode is missing.
//! Limitations: no `dynrubin` compression; the atime and ctime of inodes are no facts.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{
    Builder, Defect, Format, Head, Input, LimitKind, Match, Node, Reader, RegionId, Span, Trouble, Window,
    len64, to_usize,
};

use crate::decode::block::{Codec, decode};
use crate::files::{self, Allowance, Entry, Kind, Volume, Xattrs};

/// JFFS2, of either byte order.
#[derive(Debug)]
pub(crate) struct Jffs2;

impl Format for Jffs2 {
    fn name(&self) -> &'static str {
        "jffs2"
    }

    fn about(&self) -> &'static str {
        "JFFS2: the newest state of every file, what older nodes hold, erased space"
    }

    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        let big = match head.bytes(0, 2)? {
            [0x85, 0x19] => false,
            [0x19, 0x85] => true,
            _ => return None,
        };
        let header = Header::read(head.bytes(0, HEADER)?, 0, big).ok().flatten()?;
        KNOWN.contains(&header.kind).then(|| Match::weighted(self, 4).repeating())
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let first = at.head(2)?;
    let big = first.first() == Some(&0x19);
    let scan = Scan::of(at, big, out.limits().nodes)?;
    scan.defects.iter().for_each(|defect| out.defect(defect.clone()));
    let streams = lay_out(at, &scan.runs, out);
    let Some((&last, others)) = streams.split_last() else { return Ok(()) };
    let mut allowance = Allowance::new(out.limits());
    let log = Log::of(scan, &mut allowance)?;
    log.defects.iter().for_each(|defect| out.defect_of(last, defect.clone()));
    let (entries, inodes) = log.entries(at, &mut allowance, out)?;
    let nodes = Nodes { image: at.clone(), inodes, log };
    files::list(last, others, entries, Rc::new(nodes), out);
    Ok(())
}

/// Runs of nodes as leaves of one stream, and what lies between them.
fn lay_out<'a>(at: &Input<'a>, runs: &[Span], out: &mut Builder<'_, 'a>) -> Vec<RegionId> {
    let (mut streams, mut done) = (Vec::new(), 0u64);
    for (number, run) in (0u64..).zip(runs.iter().chain([&Span::new(at.length(), 0)])) {
        let between = at.slice(done, run.offset.saturating_sub(done));
        out.add_fill(Node::new("jffs2", format!("free-{number}"), "jffs2-free", between), ERASED);
        let last = number.saturating_add(1) >= len64(runs);
        let key = if last { "files".to_owned() } else { format!("files-{number}") };
        let node = Node::new("jffs2", key, "jffs2-nodes", at.slice(run.offset, run.length));
        streams.extend(out.add(node.encoded()));
        done = run.end();
    }
    streams
}

/// What every node begins with.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u16,
    length: u64,
    /// The medium's mark that another node took its place.
    obsolete: bool,
}

impl Header {
    /// `None` where no node begins.
    fn read(bytes: &[u8], base: u64, big: bool) -> Result<Option<Self>, Defect> {
        let mut fields = Fields { reader: Reader::new(bytes, base, "jffs2/truncated"), big };
        let magic = fields.u16("magic")?;
        let kind = fields.u16("nodetype")?;
        let length = fields.u32("totlen")?;
        let stated = fields.u32("hdr_crc")?;
        let sum = crc(&accurate(bytes, big, 8));
        let sound = magic == MAGIC && stated == sum && u64::from(length) >= HEADER;
        let obsolete = kind & ACCURATE == 0;
        Ok(sound.then_some(Self { kind: kind | ACCURATE, length: length.into(), obsolete }))
    }
}

/// The first bytes of a node as they were before it was marked obsolete: checksums are over those.
fn accurate(node: &[u8], big: bool, length: usize) -> Vec<u8> {
    let mut bytes = node.get(..length).unwrap_or_default().to_vec();
    let [high, _] = ACCURATE.to_be_bytes();
    if let Some(byte) = bytes.get_mut(if big { 2 } else { 3 }) {
        *byte |= high;
    }
    bytes
}

/// Reads in the byte order of the file system.
struct Fields<'a> {
    reader: Reader<'a>,
    big: bool,
}

impl<'a> Fields<'a> {
    fn u16(&mut self, field: &'static str) -> Result<u16, Defect> {
        if self.big { self.reader.u16_be(field) } else { self.reader.u16_le(field) }
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, Defect> {
        if self.big { self.reader.u32_be(field) } else { self.reader.u32_le(field) }
    }

    fn bytes(&mut self, length: u64, field: &'static str) -> Result<&'a [u8], Defect> {
        self.reader.bytes(length, field)
    }
}

/// CRC-32 as JFFS2 starts and ends it: with zero.
fn crc(bytes: &[u8]) -> u32 {
    crate::decode::crc32_from_zero(bytes)
}

/// A directory entry.
#[derive(Clone, Debug)]
struct Dirent {
    parent: u32,
    version: u32,
    ino: u32,
    name: Vec<u8>,
}

/// A piece of an inode's history.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    ino: u32,
    version: u32,
    mode: u32,
    uid: u16,
    gid: u16,
    isize: u64,
    mtime: u32,
    offset: u64,
    dsize: u64,
    compression: u8,
    /// Checksum of its data as they are stored.
    data_crc: u32,
    /// Where its data lie.
    data: Span,
}

impl Piece {
    /// True for a copy, as garbage collection leaves it: all but the place is equal.
    fn is_copy_of(&self, other: &Self) -> bool {
        *self == Self { data: Span::new(self.data.offset, other.data.length), ..other.clone() }
    }
}

/// What a pass over the medium finds.
#[derive(Debug, Default)]
struct Scan {
    big: bool,
    dirents: Vec<Dirent>,
    pieces: Vec<Piece>,
    /// By number: prefix, name, value.
    xattrs: BTreeMap<u32, (u32, Vec<u8>, Vec<u8>)>,
    /// Inode, attribute, sequence number.
    references: Vec<(u32, u32, u32)>,
    runs: Vec<Span>,
    defects: Vec<Defect>,
    count: u64,
    /// What nodes that are marked obsolete bring.
    dead: Vec<Piece>,
    dead_names: Vec<Vec<u8>>,
    /// How many entries, pieces and references there were before the last node.
    known: (usize, usize, usize),
}

impl Scan {
    fn of(at: &Input<'_>, big: bool, most: u64) -> Result<Self, Trouble> {
        let mut scan = Self { big, ..Self::default() };
        let mut done = 0u64;
        while done < at.length() {
            let window = at.slice(done, WINDOW).window()?;
            let next = scan.window(at, &window, done, most)?;
            // A node that the window cuts off begins the next one; no node is longer than a window.
            done = if next > done { next } else { done.saturating_add(len64(&window)) };
        }
        Ok(scan)
    }

    /// Goes through one window, which begins at `base`. Returns where to go on.
    fn window(&mut self, input: &Input<'_>, window: &Window, base: u64, most: u64) -> Result<u64, Trouble> {
        let mut at = 0u64;
        let (size, end) = (len64(window), input.length());
        let last = base.saturating_add(size) >= end;
        while at < size {
            let Some(word) = window.piece(at, 4) else { break };
            let here = base.saturating_add(at);
            if ![[0x85, 0x19], [0x19, 0x85]].iter().any(|magic| word.starts_with(magic)) {
                at = at.saturating_add(4);
                continue;
            }
            let Some(head) = window.piece(at, HEADER) else {
                return Ok(if last { end } else { here });
            };
            let header = Header::read(head, window.offset().saturating_add(at), self.big)?;
            let Some(header) = header.filter(|header| here.saturating_add(header.length) <= end) else {
                at = at.saturating_add(4);
                continue;
            };
            let Some(node) = window.piece(at, header.length) else {
                if at == 0 || header.length > WINDOW {
                    at = at.saturating_add(4);
                    continue;
                }
                return Ok(here);
            };
            match self.node(header, node, here, window.offset().saturating_add(at)) {
                Ok(()) => {
                    if header.obsolete {
                        self.bury();
                    }
                    let length = header.length.checked_next_multiple_of(4).unwrap_or(header.length);
                    let length = length.min(end.saturating_sub(here));
                    self.run(Span::new(here, length));
                    at = at.saturating_add(length);
                    self.count = self.count.saturating_add(1);
                }
                Err(defect) => {
                    self.defects.push(defect);
                    self.count = self.count.saturating_add(1);
                    // The next node may begin inside this one, and name as many bytes to be checked.
                    input.spend(header.length)?;
                    at = at.saturating_add(4);
                }
            }
            if self.count > most {
                return Err(LimitKind::Nodes.into());
            }
        }
        Ok(base.saturating_add(at))
    }

    /// Moves what the last node brought to what is gone.
    fn bury(&mut self) {
        let (dirents, pieces, references) = core::mem::take(&mut self.known);
        self.dead_names.extend(self.dirents.drain(dirents..).map(|dirent| dirent.name));
        self.dead.extend(self.pieces.drain(pieces..));
        self.references.truncate(references);
    }

    fn run(&mut self, span: Span) {
        match self.runs.last_mut() {
            Some(last) if last.end() == span.offset => *last = Span::between(last.offset, span.end()),
            _ => self.runs.push(span),
        }
    }

    fn node(&mut self, header: Header, node: &[u8], at: u64, place: u64) -> Result<(), Defect> {
        self.known = (self.dirents.len(), self.pieces.len(), self.references.len());
        let body = node.get(to_usize(HEADER)..).unwrap_or_default();
        let reader = Reader::new(body, place.saturating_add(HEADER), "jffs2/truncated");
        let mut fields = Fields { reader, big: self.big };
        let checked = |length: usize, stated: u32, field: &'static str| {
            let sum = crc(&accurate(node, self.big, length));
            if sum == stated { Ok(()) } else { Err(Defect::new("jffs2/crc", field, place, stated, sum)) }
        };
        match header.kind {
            DIRENT => {
                let (parent, version, ino) =
                    (fields.u32("pino")?, fields.u32("version")?, fields.u32("ino")?);
                fields.u32("mctime")?;
                let length = u64::from(fields.reader.u8("nsize")?);
                fields.bytes(3, "type, unused")?;
                checked(0x20, fields.u32("node_crc")?, "node_crc")?;
                let stated = fields.u32("name_crc")?;
                let name = fields.bytes(length, "name")?.to_vec();
                if crc(&name) != stated {
                    return Err(Defect::new("jffs2/crc", "name_crc", place, stated, crc(&name)));
                }
                self.dirents.push(Dirent { parent, version, ino, name });
            }
            INODE => self.inode(&mut fields, node, at, place)?,
            XATTR => {
                let (xid, _version) = (fields.u32("xid")?, fields.u32("version")?);
                let prefix = u32::from(fields.reader.u8("xprefix")?);
                let name_length = u64::from(fields.reader.u8("name_len")?);
                let length = u64::from(fields.u16("value_len")?);
                let stated = fields.u32("data_crc")?;
                checked(0x1c, fields.u32("node_crc")?, "node_crc")?;
                let data = fields.bytes(name_length.saturating_add(1).saturating_add(length), "data")?;
                if crc(data) != stated {
                    return Err(Defect::new("jffs2/crc", "data_crc", place, stated, crc(data)));
                }
                let (name, rest) = data.split_at_checked(to_usize(name_length)).unwrap_or((data, &[]));
                let value = rest.get(1..).unwrap_or_default().to_vec();
                self.xattrs.insert(xid, (prefix, name.to_vec(), value));
            }
            XREF => {
                let (ino, xid, sequence) = (fields.u32("ino")?, fields.u32("xid")?, fields.u32("xseqno")?);
                checked(0x18, fields.u32("node_crc")?, "node_crc")?;
                self.references.push((ino, xid, sequence));
            }
            CLEANMARKER | PADDING | SUMMARY => {}
            other => return Err(Defect::new("jffs2/nodetype", "nodetype", place, other, "a known type")),
        }
        Ok(())
    }

    fn inode(&mut self, fields: &mut Fields<'_>, node: &[u8], at: u64, place: u64) -> Result<(), Defect> {
        let (ino, version, mode) = (fields.u32("ino")?, fields.u32("version")?, fields.u32("mode")?);
        let (uid, gid) = (fields.u16("uid")?, fields.u16("gid")?);
        let isize = fields.u32("isize")?.into();
        fields.u32("atime")?;
        let mtime = fields.u32("mtime")?;
        fields.u32("ctime")?;
        let (offset, csize, dsize) = (fields.u32("offset")?, fields.u32("csize")?, fields.u32("dsize")?);
        let compression = fields.reader.u8("compr")?;
        fields.bytes(3, "usercompr, flags")?;
        let stated = fields.u32("data_crc")?;
        let node_crc = fields.u32("node_crc")?;
        let sum = crc(&accurate(node, self.big, 0x3c));
        if sum != node_crc {
            return Err(Defect::new("jffs2/crc", "node_crc", place, node_crc, sum));
        }
        let data = fields.bytes(csize.into(), "data")?;
        if crc(data) != stated {
            return Err(Defect::new("jffs2/crc", "data_crc", place, stated, crc(data)));
        }
        let data = Span::new(at.saturating_add(INODE_HEADER), csize.into());
        let (offset, dsize) = (offset.into(), dsize.into());
        self.pieces.push(Piece {
            ino,
            version,
            mode,
            uid,
            gid,
            isize,
            mtime,
            offset,
            dsize,
            compression,
            data_crc: stated,
            data,
        });
        Ok(())
    }
}

/// The newest of everything, and what is older.
#[derive(Debug)]
struct Log {
    big: bool,
    /// By directory and name.
    names: BTreeMap<(u32, Vec<u8>), Dirent>,
    /// By inode, oldest first.
    inodes: BTreeMap<u32, Vec<Piece>>,
    xattrs: BTreeMap<u32, Xattrs>,
    /// Names that are gone.
    old_names: Vec<Vec<u8>>,
    defects: Vec<Defect>,
    /// Pieces of obsolete nodes.
    dead: Vec<Piece>,
}

impl Log {
    fn of(scan: Scan, allowance: &mut Allowance) -> Result<Self, LimitKind> {
        let mut log = Self {
            big: scan.big,
            names: BTreeMap::new(),
            inodes: BTreeMap::new(),
            xattrs: BTreeMap::new(),
            old_names: scan.dead_names,
            defects: Vec::new(),
            dead: scan.dead,
        };
        for dirent in scan.dirents {
            let key = (dirent.parent, dirent.name.clone());
            let newer = log.names.get(&key).is_none_or(|other| other.version <= dirent.version);
            if log
                .names
                .get(&key)
                .is_some_and(|other| other.version == dirent.version && other.ino != dirent.ino)
            {
                let shown = String::from_utf8_lossy(&dirent.name).into_owned();
                log.defects.push(
                    Defect::new("jffs2/version", "version", 0, shown, "one entry of a version").ambiguous(),
                );
            }
            let old = if newer { log.names.insert(key, dirent) } else { Some(dirent) };
            log.old_names.extend(old.map(|old| old.name));
        }
        for piece in scan.pieces {
            log.inodes.entry(piece.ino).or_default().push(piece);
        }
        for pieces in log.inodes.values_mut() {
            pieces.sort_by_key(|piece| piece.version);
            let differ =
                |pair: &[Piece]| matches!(pair, [a, b] if a.version == b.version && !a.is_copy_of(b));
            if let Some([piece, _]) = pieces.windows(2).find(|pair| differ(pair)) {
                let (version, expected) = (piece.version, "one node of a version");
                log.defects.push(Defect::new("jffs2/version", "version", 0, version, expected).ambiguous());
            }
        }
        for (ino, xid, sequence) in scan.references {
            // An odd sequence number marks a reference that was deleted.
            if let Some((prefix, name, value)) = scan.xattrs.get(&xid).filter(|_| sequence & 1 == 0) {
                let prefix = XATTR_PREFIXES.get(to_usize((*prefix).into())).copied().unwrap_or("unknown.");
                let name = [prefix.as_bytes(), name].concat();
                allowance.take(len64(&name).saturating_add(len64(value)))?;
                log.xattrs.entry(ino).or_default().push((name, value.clone()));
            }
        }
        Ok(log)
    }

    /// The tree of names from the root. Beside each entry, its inode.
    fn entries(
        &self,
        at: &Input<'_>,
        allowance: &mut Allowance,
        out: &mut Builder<'_, '_>,
    ) -> Result<(Vec<Entry>, Vec<u32>), Trouble> {
        let mut children: BTreeMap<u32, Vec<&Dirent>> = BTreeMap::new();
        for dirent in self.names.values().filter(|dirent| dirent.ino != 0) {
            children.entry(dirent.parent).or_default().push(dirent);
        }
        let mut entries = vec![self.entry(at, ROOT, 0, Vec::new(), allowance)?];
        if let Some(root) = entries.first_mut() {
            root.kind = Kind::Directory;
            // Where the root has no inode of its own, Linux makes one.
            root.mode = if self.inodes.contains_key(&ROOT) { root.mode } else { 0o755 };
        }
        let mut inodes = vec![ROOT];
        let mut stack = vec![(0usize, ROOT)];
        let mut seen = BTreeSet::from([ROOT]);
        while let Some((number, ino)) = stack.pop() {
            for dirent in children.get(&ino).into_iter().flatten() {
                if len64(&entries) >= out.limits().nodes {
                    return Err(LimitKind::Nodes.into());
                }
                let shown = || String::from_utf8_lossy(&dirent.name).into_owned();
                if !self.inodes.contains_key(&dirent.ino) {
                    out.defect(
                        Defect::new("jffs2/no-inode", "ino", at.offset(), dirent.ino, shown()).ambiguous(),
                    );
                }
                let entry = self.entry(at, dirent.ino, number, dirent.name.clone(), allowance)?;
                let directory = entry.kind == Kind::Directory;
                if directory && !seen.insert(dirent.ino) {
                    let expected = "one name of a directory";
                    out.defect(
                        Defect::new("jffs2/directory-twice", "ino", at.offset(), shown(), expected)
                            .ambiguous(),
                    );
                } else if directory {
                    stack.push((entries.len(), dirent.ino));
                }
                entries.push(entry);
                inodes.push(dirent.ino);
            }
        }
        Ok((entries, inodes))
    }

    fn entry(
        &self,
        at: &Input<'_>,
        ino: u32,
        parent: usize,
        name: Vec<u8>,
        allowance: &mut Allowance,
    ) -> Result<Entry, Trouble> {
        let mut entry = Entry { parent, name, inode: ino.into(), ..Entry::default() };
        let Some(newest) = self.inodes.get(&ino).and_then(|pieces| pieces.last()) else { return Ok(entry) };
        entry.kind = Kind::of_mode(newest.mode).unwrap_or_default();
        entry.mode = newest.mode & 0o7777;
        (entry.uid, entry.gid) = (newest.uid.into(), newest.gid.into());
        entry.modified = newest.mtime.into();
        // Every name of an inode has its attributes again.
        let xattrs = self.xattrs.get(&ino).map(Vec::as_slice).unwrap_or_default();
        for (name, value) in xattrs {
            allowance.take(len64(name).saturating_add(len64(value)))?;
        }
        entry.xattrs = xattrs.to_vec();
        match entry.kind {
            Kind::File => entry.size = newest.isize,
            Kind::Link => entry.target = unpack(at, newest, SMALL)?,
            Kind::Block | Kind::Character => entry.device = device(&unpack(at, newest, SMALL)?, self.big),
            Kind::Directory | Kind::Fifo | Kind::Socket => {}
        }
        allowance.take(len64(&entry.target))?;
        Ok(entry)
    }
}

/// Two bytes are Linux `old_encode_dev`, four are `new_encode_dev`, in the byte order of the file system.
fn device(bytes: &[u8], big: bool) -> (u32, u32) {
    let mut fields = Fields { reader: Reader::new(bytes, 0, "jffs2/truncated"), big };
    let number = match bytes.len() {
        2 => fields.u16("old_id").map(u32::from),
        4 => fields.u32("new_id"),
        _ => return UNKNOWN_DEVICE,
    };
    number.map_or(UNKNOWN_DEVICE, |number| (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xf_ff00))
}

/// The data of one node.
fn unpack(at: &Input<'_>, piece: &Piece, most: u64) -> Result<Vec<u8>, Trouble> {
    let place = at.offset().saturating_add(piece.data.offset);
    if piece.dsize > most {
        return Err(Defect::new("jffs2/dsize", "dsize", place, piece.dsize, most).into());
    }
    at.spend(piece.dsize)?;
    let window = at.slice(piece.data.offset, piece.data.length).window()?;
    let codec = match piece.compression {
        0 => return Ok(window.to_vec()),
        1 => return Ok(vec![0; to_usize(piece.dsize)]),
        2 => {
            return rtime(&window, piece.dsize)
                .ok_or_else(|| Defect::new("jffs2/data", "data", place, "rtime", "a stream").into());
        }
        6 => Codec::Gzip,
        7 => Codec::Lzo,
        8 => Codec::Lzma,
        other => return Err(Defect::new("jffs2/compr", "compr", place, other, "a known compression").into()),
    };
    let decoded = decode(codec, &window, Some(piece.dsize), piece.dsize);
    let decoded =
        decoded.map_err(|error| Defect::new("jffs2/data", "data", place, error.what(), "a stream"))?;
    Ok(decoded.bytes)
}

/// Linux `fs/jffs2/compr_rtime.c`: each byte is followed by how many bytes repeat what came after it the last time.
fn rtime(input: &[u8], size: u64) -> Option<Vec<u8>> {
    let size = to_usize(size);
    let mut positions = [0usize; 256];
    let mut out: Vec<u8> = Vec::with_capacity(size);
    let mut pairs = input.chunks_exact(2);
    while out.len() < size {
        let [value, repeat] = *pairs.next()? else { return None };
        out.push(value);
        let slot = positions.get_mut(usize::from(value))?;
        let from = *slot;
        *slot = out.len();
        for back in 0..usize::from(repeat) {
            if out.len() >= size {
                return None;
            }
            let byte = *out.get(from.checked_add(back)?)?;
            out.push(byte);
        }
    }
    Some(out)
}

/// The nodes as a volume.
#[derive(Debug)]
struct Nodes<'a> {
    image: Input<'a>,
    /// Inode of each entry.
    inodes: Vec<u32>,
    log: Log,
}

impl Volume for Nodes<'_> {
    fn read(&self, number: usize) -> Result<Vec<u8>, Trouble> {
        let pieces = self.inodes.get(number).and_then(|ino| self.log.inodes.get(ino));
        let Some((newest, pieces)) = pieces.and_then(|pieces| Some((pieces.last()?, pieces))) else {
            return Ok(Vec::new());
        };
        let mut content = vec![0; to_usize(newest.isize)];
        for piece in pieces.iter().filter(|piece| piece.dsize > 0) {
            let bytes = unpack(&self.image, piece, NODE)?;
            // An inode that was cut off once has nodes that reach beyond its end.
            let start = to_usize(piece.offset).min(content.len());
            let end = start.saturating_add(bytes.len()).min(content.len());
            let place = content.get_mut(start..end).unwrap_or_default();
            let bytes = bytes.get(..place.len()).unwrap_or_default();
            place.copy_from_slice(bytes);
        }
        Ok(content)
    }

    /// Names that are gone, the data of inodes without a name, and data that newer nodes hide.
    fn rest(&self) -> Result<Vec<u8>, Trouble> {
        let mut rest = self.log.old_names.concat();
        let named: BTreeSet<_> = self.inodes.iter().collect();
        let mut gone: Vec<&Piece> = self.log.dead.iter().collect();
        for (ino, pieces) in &self.log.inodes {
            if named.contains(ino) {
                gone.extend(hidden(pieces));
            } else {
                gone.extend(pieces);
            }
        }
        for piece in gone.into_iter().filter(|piece| piece.dsize > 0) {
            if len64(&rest).saturating_add(piece.dsize) > MOST_REST {
                return Err(LimitKind::Space.into());
            }
            rest.extend(unpack(&self.image, piece, NODE)?);
        }
        Ok(rest)
    }
}

/// The pieces of which newer ones cover some data, or end the file before it; oldest first, as they are given.
fn hidden(pieces: &[Piece]) -> Vec<&Piece> {
    let mut covered = Covered::default();
    let mut least = u64::MAX;
    let mut hidden = Vec::new();
    for piece in pieces.iter().rev() {
        let end = piece.offset.saturating_add(piece.dsize);
        if piece.dsize > 0 {
            if covered.overlaps(piece.offset, end) || least < end {
                hidden.push(piece);
            }
            covered.add(piece.offset, end);
        }
        least = least.min(piece.isize);
    }
    hidden.reverse();
    hidden
}

/// Ranges, those that touch made one: from the start of each to its end.
#[derive(Debug, Default)]
struct Covered(BTreeMap<u64, u64>);

impl Covered {
    /// The last range that begins before `end`.
    fn before(&self, end: u64) -> Option<(u64, u64)> {
        self.0.range(..end).next_back().map(|(&start, &end)| (start, end))
    }

    fn overlaps(&self, start: u64, end: u64) -> bool {
        self.before(end).is_some_and(|(_, other)| other > start)
    }

    fn add(&mut self, mut start: u64, mut end: u64) {
        while let Some((other, its_end)) = self.before(end.saturating_add(1)).filter(|&(_, e)| e >= start) {
            self.0.remove(&other);
            (start, end) = (start.min(other), end.max(its_end));
        }
        self.0.insert(start, end);
    }
}

const MAGIC: u16 = 0x1985;
const HEADER: u64 = 12;
const INODE_HEADER: u64 = 0x44;
/// Set in the type of a node that is valid; an obsolete one has it cleared on the medium.
const ACCURATE: u16 = 0x2000;
const DIRENT: u16 = 0xe001;
const INODE: u16 = 0xe002;
const CLEANMARKER: u16 = 0x2003;
const PADDING: u16 = 0x2004;
const SUMMARY: u16 = 0x2006;
const XATTR: u16 = 0xe008;
const XREF: u16 = 0xe009;
const KNOWN: [u16; 7] = [DIRENT, INODE, CLEANMARKER, PADDING, SUMMARY, XATTR, XREF];
const ROOT: u32 = 1;
const ERASED: u8 = 0xff;
const WINDOW: u64 = 1 << 20;
/// A link's target or a device number.
const SMALL: u64 = 4096;
const UNKNOWN_DEVICE: (u32, u32) = (u32::MAX, u32::MAX);
/// Data of one node: a page of the largest page size.
const NODE: u64 = 1 << 16;
const MOST_REST: u64 = 64 << 20;
const XATTR_PREFIXES: [&str; 6] =
    ["unknown.", "user.", "security.", "system.posix_acl_access", "system.posix_acl_default", "trusted."];

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Value};

    use super::*;
    use crate::testing::{defects, parse as parse_with, put, region, torture};

    /// What mkfs.jffs2 makes of `upper/etc/config/system`, without the erased rest.
    fn overlay() -> Vec<u8> {
        include_bytes!("../../../firmware-samples/router/parts/overlay-genuine.jffs2")[..624].to_vec()
    }

    const FILE: &str = "jffs2:files/decoded:content/dir:upper/dir:etc/dir:config/file:system";

    #[test]
    fn the_newest_state_is_listed() {
        let tree = parse_with(&Jffs2, &overlay());
        assert_eq!(defects(&tree), [""; 0]);
        let file = region(&tree, FILE);
        assert_eq!(file.attribute("mode"), Some(&Value::from("0644")));
        let content = tree.space(file.encodes.expect("opened")).expect("a space");
        assert_eq!(content.size, 38);
    }

    #[test]
    fn a_node_with_a_wrong_checksum_is_passed_over_and_its_bytes_are_not_known() {
        let mut image = overlay();
        let last = image.len() - 1;
        image[last - 8] ^= 1;
        let tree = parse_with(&Jffs2, &image);
        assert!(defects(&tree).contains(&"jffs2/crc"), "{:?}", defects(&tree));
        assert!(tree.leaves().any(|leaf| leaf.kind == "jffs2-free" && leaf.content == Content::Unknown));
    }

    #[test]
    fn a_deleted_name_leaves_what_it_held_behind() {
        let mut image = overlay();
        let at = image.windows(6).position(|window| window == b"system").expect("the name") - 0x28;
        // A newer entry of the same name, with inode 0.
        let mut gone = image[at..at + 0x30].to_vec();
        put(&mut gone, 0x10, &99u32.to_le_bytes());
        put(&mut gone, 0x14, &0u32.to_le_bytes());
        let sum = crc(&gone[..0x20]).to_le_bytes();
        put(&mut gone, 0x20, &sum);
        image.extend(gone);
        let tree = parse_with(&Jffs2, &image);
        assert!(!tree.regions().any(|region| tree.path(region.id) == FILE));
        let rest = region(&tree, "jffs2:files/decoded:content/entry:rest");
        let space = tree.space(rest.encodes.expect("something is left")).expect("a space");
        assert!(space.size > 38, "the old name and the data");
    }

    #[test]
    fn two_nodes_of_one_version_are_ambiguous_unless_one_is_a_copy() {
        let mut image = overlay();
        let mut copy = image[0x204..0x270].to_vec();
        assert_eq!(defects(&parse_with(&Jffs2, &[&image[..], &copy].concat())), [""; 0]);
        copy[0x24] ^= 1; // mtime
        let sum = crc(&copy[..0x3c]).to_le_bytes();
        put(&mut copy, 0x40, &sum);
        image.extend(copy);
        assert_eq!(defects(&parse_with(&Jffs2, &image)), ["jffs2/version"]);
    }

    #[test]
    fn device_numbers_have_the_byte_order_of_the_file_system() {
        // mkfs.jffs2 of ttyS1 (4:65), and of 259:70000, which does not fit into two bytes.
        assert_eq!(device(&[0x41, 4], false), (4, 65));
        assert_eq!(device(&[4, 0x41], true), (4, 65));
        assert_eq!(device(&[0x70, 3, 0x11, 0x11], false), (0x103, 70000));
        assert_eq!(device(&[0x11, 0x11, 3, 0x70], true), (0x103, 70000));
        assert_eq!(device(&[1], false), UNKNOWN_DEVICE);
    }

    #[test]
    fn what_newer_pieces_cover_or_cut_off_is_hidden() {
        let piece = |offset, dsize, isize| Piece {
            ino: 2,
            version: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            isize,
            mtime: 0,
            offset,
            dsize,
            compression: 0,
            data: Span::default(),
            data_crc: 0,
        };
        let of = |pieces: &[Piece]| hidden(pieces).iter().map(|piece| piece.offset).collect::<Vec<_>>();
        assert_eq!(of(&[piece(0, 4, 4), piece(4, 4, 8), piece(8, 4, 12)]), [0; 0], "they only touch");
        assert_eq!(of(&[piece(0, 4, 4), piece(4, 4, 8), piece(3, 2, 8)]), [0, 4], "one byte of each");
        assert_eq!(of(&[piece(0, 4, 4), piece(4, 4, 8), piece(0, 0, 7)]), [4], "the file was cut off");
        assert_eq!(
            of(&[piece(6, 2, 8), piece(0, 2, 8), piece(4, 2, 8), piece(2, 2, 8), piece(1, 6, 8)]),
            [6, 0, 4, 2]
        );
    }

    #[test]
    fn rtime_repeats_what_followed() {
        assert_eq!(rtime(b"a\0b\0a\x01", 4).as_deref(), Some(&b"abab"[..]));
        assert_eq!(rtime(b"a\x05", 3), None);
        assert_eq!(rtime(b"a", 1), None);
    }

    #[test]
    fn hostile_bytes() {
        torture(&Jffs2, &overlay());
    }
}
