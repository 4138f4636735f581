//! Nodes, field by field, as Linux accepts them.

use kiwame_image::{Defect, Endian, Input, Reader, Span, Trouble, Value, len64, to_usize};

use super::defects;
use super::medium::Found;
use crate::files::Kind;

/// What every node begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: u16,
    pub(super) length: u32,
    pub(super) obsolete: bool,
}

impl Header {
    /// `None` where no node begins.
    pub(super) fn read(bytes: &[u8], order: Endian) -> Option<Self> {
        let mut fields = fields(bytes, 0, order);
        let magic = fields.u16("magic").ok()?;
        if magic != MAGIC {
            return None;
        }
        let kind = fields.u16("nodetype").ok()?;
        let length = fields.u32("totlen").ok()?;
        let stated = fields.u32("hdr_crc").ok()?;
        let sound = stated == crc(&accurate(bytes, order, 8));
        sound.then_some(Self { kind: kind | ACCURATE, length, obsolete: kind & ACCURATE == 0 })
    }
}

/// The first bytes of a node as they were before it was marked obsolete: its header's checksum is over those.
fn accurate(node: &[u8], order: Endian, length: usize) -> Vec<u8> {
    let mut bytes = node.get(..length).unwrap_or_default().to_vec();
    let [high, _] = ACCURATE.to_be_bytes();
    if let Some(byte) = bytes.get_mut(if order == Endian::Big { 2 } else { 3 }) {
        *byte |= high;
    }
    bytes
}

/// A reader of a node, in the byte order of the file system.
pub(super) fn fields(bytes: &[u8], place: u64, order: Endian) -> Reader<'_> {
    Reader::new(bytes, place, &defects::TRUNCATED).ordered(order)
}

/// CRC-32 as JFFS2 starts and ends it: with zero.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    kiwame_decode::crc32_from_zero(bytes)
}

/// A directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dirent {
    pub(super) parent: u32,
    pub(super) version: u32,
    /// 0: the name is gone.
    pub(super) ino: u32,
    pub(super) mctime: u32,
    /// As `readdir` tells it: the type bits of the mode.
    pub(super) kind: u8,
    /// Linux writes what lay in its memory.
    pub(super) unused: [u8; 2],
    pub(super) name: Vec<u8>,
}

/// A piece of an inode's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) ino: u32,
    pub(super) version: u32,
    pub(super) mode: u32,
    pub(super) uid: u16,
    pub(super) gid: u16,
    pub(super) isize: u32,
    pub(super) atime: u32,
    pub(super) mtime: u32,
    pub(super) ctime: u32,
    pub(super) offset: u32,
    pub(super) csize: u32,
    pub(super) dsize: u32,
    pub(super) compression: u8,
    pub(super) usercompr: u8,
    pub(super) flags: u16,
    /// Checksum of its data as they are stored.
    pub(super) data_crc: u32,
    /// Where its data lie.
    pub(super) data: Span,
}

impl Piece {
    /// True for a copy, as garbage collection leaves it: all but the place is equal.
    fn is_copy_of(&self, other: &Self) -> bool {
        *self == Self { data: self.data, ..other.clone() }
    }

    pub(super) fn start(&self) -> u64 {
        self.offset.into()
    }

    pub(super) fn end(&self) -> u64 {
        u64::from(self.offset).saturating_add(self.dsize.into())
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::of_mode(self.mode)
    }
}

/// An extended attribute, for as many inodes as refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Xattr {
    pub(super) xid: u32,
    pub(super) version: u32,
    pub(super) prefix: u8,
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// That an inode has an extended attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Xref {
    pub(super) ino: u32,
    pub(super) xid: u32,
    /// An odd one marks that it has it no more.
    pub(super) sequence: u32,
}

/// What a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Dirent(Dirent),
    Inode(Piece),
    Xattr(Xattr),
    Xref(Xref),
    /// Clean marker, padding, summary, and all that is marked obsolete.
    None,
}

/// How a mount takes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// As a node that says something.
    Sound,
    /// As one whose content is wrong, which shows when it is read. A summary lists it.
    Torn,
    /// As dirt, from its head to its end.
    Broken,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) found: Found,
    pub(super) state: State,
    pub(super) body: Body,
    /// What fills it up to a multiple of four, inside and behind.
    pub(super) slack: Vec<u8>,
}

impl Record {
    pub(super) fn span(&self, end: u64) -> Span {
        Span::between(self.found.at, self.found.at.saturating_add(self.found.padded()).min(end))
    }

    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        match (&self.body, &other.body) {
            (Body::Inode(one), Body::Inode(other)) => one.is_copy_of(other),
            (one, other) => one == other,
        }
    }

    /// What a node that is marked obsolete would say as a piece of a file.
    pub(super) fn obsolete_piece(&self, at: &Input<'_>, order: Endian) -> Result<Option<Piece>, Trouble> {
        let found = self.found;
        if !found.obsolete || found.kind != INODE {
            return Ok(None);
        }
        let node = accurate(&at.slice(found.at, found.length).window()?, order, to_usize(found.length));
        let place = at.offset().saturating_add(found.at);
        let mut odd = Vec::new();
        let fields = fields(&node, place, order);
        let mut parts = Parts { fields, node: &node, place, at: found.at, odd: &mut odd };
        Ok(match parts.inode() {
            Ok((_, Body::Inode(piece))) => Some(piece),
            _ => None,
        })
    }

    /// Reads a node. What no writer writes so is noted in `odd`.
    pub(super) fn read(
        at: &Input<'_>,
        found: Found,
        order: Endian,
        odd: &mut Vec<Defect>,
    ) -> Result<Self, Trouble> {
        let plain = |state| Self { found, state, body: Body::None, slack: Vec::new() };
        let place = at.offset().saturating_add(found.at);
        if found.obsolete {
            return Ok(plain(State::Sound));
        }
        if matches!(found.kind, CLEANMARKER | PADDING | SUMMARY) {
            Self::filled(at, found, odd)?;
            return Ok(plain(State::Sound));
        }
        let window = at.slice(found.at, found.padded()).window()?;
        let (node, behind) = window.split_at_checked(to_usize(found.length)).unwrap_or((&window, &[]));
        let mut parts = Parts { fields: fields(node, place, order), node, place, at: found.at, odd };
        let read = match found.kind {
            DIRENT => parts.dirent(),
            INODE => parts.inode(),
            XATTR => parts.xattr(),
            _ => parts.xref(),
        };
        match read {
            Ok((state, body)) => {
                let left = parts.fields.remaining();
                let inside = parts.fields.bytes(left, "data")?;
                let slack = [inside, behind].concat();
                let filled = slack.iter().all(|&byte| byte == ERASED) || slack.iter().all(|&byte| byte == 0);
                if !filled || slack.len() > 3 {
                    let shown = Value::from(slack.get(..8).unwrap_or(&slack));
                    odd.push(Defect::new(&defects::SLACK, "data", place, shown, "erased bytes"));
                }
                Ok(Self { found, state, body, slack: slack.get(..4).unwrap_or(&slack).to_vec() })
            }
            Err(defect) => {
                odd.push(defect);
                Ok(plain(State::Broken))
            }
        }
    }

    /// What lies behind the head of a node that says nothing more, as its writers leave it.
    fn filled(at: &Input<'_>, found: Found, odd: &mut Vec<Defect>) -> Result<(), Trouble> {
        let from = if found.kind == SUMMARY { found.length } else { HEADER };
        let rest = at.slice(found.at.saturating_add(from), found.padded().saturating_sub(from));
        let value = rest.uniform()?;
        let good = rest.is_empty() || value == Some(ERASED) || value == Some(0) && found.kind == PADDING;
        if !good {
            let place = rest.offset();
            let shown = Value::from(rest.head(8)?.get(..).unwrap_or_default());
            odd.push(Defect::new(&defects::SLACK, "data", place, shown, "erased bytes"));
        }
        Ok(())
    }
}

/// A node that is being read.
struct Parts<'n> {
    fields: Reader<'n>,
    node: &'n [u8],
    place: u64,
    /// Its place in the file system.
    at: u64,
    odd: &'n mut Vec<Defect>,
}

type Read = Result<(State, Body), Defect>;

impl Parts<'_> {
    fn checked(&self, length: usize, stated: u32, field: &'static str) -> Result<(), Defect> {
        let sum = crc(self.node.get(..length).unwrap_or_default());
        if sum == stated { Ok(()) } else { Err(Defect::new(&defects::CRC, field, self.place, stated, sum)) }
    }

    /// Notes a field that no writer sets so, unless it is `good`.
    fn expect(
        &mut self,
        good: bool,
        field: &'static str,
        found: impl Into<Value>,
        expected: impl Into<Value>,
    ) {
        if !good {
            self.odd.push(Defect::new(&defects::FIELD, field, self.place, found, expected));
        }
    }

    /// As [`Parts::expect`], for a node that Linux then passes over.
    fn require(&self, good: bool, field: &'static str, found: u64, expected: u64) -> Result<(), Defect> {
        let defect = || Defect::new(&defects::FIELD, field, self.place, found, expected);
        if good { Ok(()) } else { Err(defect()) }
    }

    fn dirent(&mut self) -> Read {
        let fields = &mut self.fields;
        fields.bytes(HEADER, "magic, nodetype, totlen, hdr_crc")?;
        let (parent, version, ino) = (fields.u32("pino")?, fields.u32("version")?, fields.u32("ino")?);
        let mctime = fields.u32("mctime")?;
        let (length, kind) = (u64::from(fields.u8("nsize")?), fields.u8("type")?);
        let unused = [fields.u8("unused")?, fields.u8("unused")?];
        let stated = fields.u32("node_crc")?;
        let name_crc = fields.u32("name_crc")?;
        self.checked(0x20, stated, "node_crc")?;
        let left = self.fields.remaining();
        self.require(length <= left, "nsize", length, left)?;
        let name = self.fields.bytes(length, "name")?.to_vec();
        // Linux ends the name at the first zero, and computes its checksum up to there.
        self.require(!name.contains(&0), "name", 0, length)?;
        if crc(&name) != name_crc {
            return Err(Defect::new(&defects::CRC, "name_crc", self.place, name_crc, crc(&name)));
        }
        self.expect(left == length, "totlen", left, length);
        // mkfs.jffs2 numbers the names in a directory from zero on, and Linux takes that.
        self.expect(version < COUNTS.end, "version", version, COUNTS.end);
        self.expect((1..=254).contains(&length), "nsize", length, "1 to 254");
        // No directory has that number, and Linux takes what has one with it for the child of none.
        self.expect(parent != 0, "pino", parent, "a directory");
        self.expect(ino != 0 || kind == 0, "type", kind, 0u64);
        Ok((State::Sound, Body::Dirent(Dirent { parent, version, ino, mctime, kind, unused, name })))
    }

    fn inode(&mut self) -> Read {
        let fields = &mut self.fields;
        fields.bytes(HEADER, "magic, nodetype, totlen, hdr_crc")?;
        let mut piece = Piece {
            ino: fields.u32("ino")?,
            version: fields.u32("version")?,
            mode: fields.u32("mode")?,
            uid: fields.u16("uid")?,
            gid: fields.u16("gid")?,
            isize: fields.u32("isize")?,
            atime: fields.u32("atime")?,
            mtime: fields.u32("mtime")?,
            ctime: fields.u32("ctime")?,
            offset: fields.u32("offset")?,
            csize: fields.u32("csize")?,
            dsize: fields.u32("dsize")?,
            compression: fields.u8("compr")?,
            usercompr: fields.u8("usercompr")?,
            flags: fields.u16("flags")?,
            data_crc: fields.u32("data_crc")?,
            data: Span::default(),
        };
        let node_crc = fields.u32("node_crc")?;
        self.checked(0x3c, node_crc, "node_crc")?;
        let (left, csize) = (self.fields.remaining(), u64::from(piece.csize));
        self.require(left == csize, "csize", csize, left)?;
        self.require(piece.offset <= piece.isize, "offset", piece.start(), piece.isize.into())?;
        let data = self.fields.bytes(csize, "data")?;
        piece.data = Span::new(self.at.saturating_add(INODE_HEADER), csize);
        if crc(data) != piece.data_crc {
            // Linux computes it when it builds the file, and not at all where there are no data.
            let kind = if csize == 0 { &defects::CRC_EMPTY } else { &defects::CRC };
            self.odd.push(Defect::new(kind, "data_crc", self.place, piece.data_crc, crc(data)));
            if csize > 0 {
                return Ok((State::Torn, Body::Inode(piece)));
            }
        }
        self.piece(&piece);
        self.by_kind(&piece, data);
        Ok((State::Sound, Body::Inode(piece)))
    }

    /// What every writer writes alike in a piece of any inode.
    fn piece(&mut self, piece: &Piece) {
        let Piece { csize, dsize, compression, .. } = *piece;
        self.expect(piece.ino != 0, "ino", piece.ino, "1 or more");
        self.expect(COUNTS.contains(&piece.version), "version", piece.version, "1 or more, below 2^31");
        self.expect(piece.end() <= u32::MAX.into(), "dsize", dsize, "the end of the largest file");
        self.expect(piece.usercompr == 0, "usercompr", piece.usercompr, 0u64);
        self.expect(piece.flags == 0, "flags", piece.flags, 0u64);
        let packed = match compression {
            COMPR_NONE => csize == dsize,
            COMPR_ZERO => csize == 0 && dsize > 0,
            _ => csize > 0 && dsize > 0,
        };
        self.expect(packed, "csize", csize, dsize);
        let small = compression == COMPR_ZERO || u64::from(dsize) <= LARGEST_PIECE;
        self.expect(small, "dsize", dsize, LARGEST_PIECE);
        self.expect(COMPRESSIONS.contains(&compression), "compr", compression, "a known compression");
        let upper = piece.mode & !0xffff;
        self.expect(
            upper == 0 && piece.kind().is_some(),
            "mode",
            format!("{:o}", piece.mode),
            "a type of file",
        );
    }

    /// What Linux wants of inodes that are no regular files. It reads the target of a link as it lies, unpacked or not,
    /// and wants one piece for it.
    fn by_kind(&mut self, piece: &Piece, data: &[u8]) {
        let Piece { offset, dsize, isize, .. } = *piece;
        let plain = offset == 0 && piece.compression == COMPR_NONE;
        match piece.kind() {
            Some(Kind::Link) => {
                let good = plain && isize == dsize && (1..=254).contains(&dsize);
                self.expect(good && !data.contains(&0), "dsize", dsize, "a target as it is");
            }
            Some(Kind::Block | Kind::Character) => {
                let good = plain && matches!(dsize, 2 | 4) && isize == 0;
                self.expect(good, "dsize", dsize, "a device number as it is");
            }
            Some(Kind::Directory | Kind::Fifo | Kind::Socket) => {
                self.expect(plain && dsize == 0 && isize == 0, "dsize", dsize, 0u64);
            }
            Some(Kind::File) | None => {}
        }
    }

    fn xattr(&mut self) -> Read {
        let fields = &mut self.fields;
        fields.bytes(HEADER, "magic, nodetype, totlen, hdr_crc")?;
        let (xid, version) = (fields.u32("xid")?, fields.u32("version")?);
        let prefix = fields.u8("xprefix")?;
        let name_length = u64::from(fields.u8("name_len")?);
        let length = u64::from(fields.u16("value_len")?);
        let data_crc = fields.u32("data_crc")?;
        let node_crc = fields.u32("node_crc")?;
        self.checked(0x1c, node_crc, "node_crc")?;
        let total = name_length.saturating_add(1).saturating_add(length);
        let left = self.fields.remaining();
        self.require(total.checked_next_multiple_of(4) == Some(left), "totlen", left, total)?;
        let data = self.fields.bytes(total, "data")?;
        let (name, rest) = data.split_at_checked(to_usize(name_length)).unwrap_or((data, &[]));
        let (end, value) = rest.split_first().unwrap_or((&0, &[]));
        let xattr = Xattr { xid, version, prefix, name: name.to_vec(), value: value.to_vec() };
        // Linux sets the byte behind the name to zero before it computes the checksum.
        let sum = crc(&[name, &[0], value].concat());
        if sum != data_crc {
            self.odd.push(Defect::new(&defects::CRC, "data_crc", self.place, data_crc, sum));
            return Ok((State::Torn, Body::Xattr(xattr)));
        }
        self.expect(*end == 0, "data", *end, 0u64);
        self.expect(COUNTS.contains(&version), "version", version, "1 or more, below 2^31");
        let list = matches!(prefix, 3 | 4);
        let good = (list && name.is_empty()) || (matches!(prefix, 1 | 2 | 5) && !name.is_empty());
        self.expect(good && !name.contains(&0), "xprefix", prefix, "a known prefix and a name");
        Ok((State::Sound, Body::Xattr(xattr)))
    }

    fn xref(&mut self) -> Read {
        let fields = &mut self.fields;
        fields.bytes(HEADER, "magic, nodetype, totlen, hdr_crc")?;
        let (ino, xid, sequence) = (fields.u32("ino")?, fields.u32("xid")?, fields.u32("xseqno")?);
        let node_crc = fields.u32("node_crc")?;
        self.checked(0x18, node_crc, "node_crc")?;
        let left = self.fields.remaining();
        self.require(left == 0, "totlen", left, 0)?;
        self.expect(COUNTS.contains(&sequence), "xseqno", sequence, "1 or more, below 2^31");
        Ok((State::Sound, Body::Xref(Xref { ino, xid, sequence })))
    }
}

/// True for a summary that Linux trusts: it looks at neither its magic nor its type.
pub(super) fn summary_is_sound(node: &[u8], order: Endian) -> bool {
    let sound = || {
        let mut fields = fields(node, 0, order);
        fields.bytes(4, "magic, nodetype")?;
        let length = fields.u32("totlen")?;
        let header = fields.u32("hdr_crc")?;
        fields.bytes(12, "sum_num, cln_mkr, padded")?;
        let (sum, whole) = (fields.u32("sum_crc")?, fields.u32("node_crc")?);
        let words = [order.bytes_of_u16(MAGIC), order.bytes_of_u16(SUMMARY)];
        let head = [words.as_flattened(), &order.bytes_of_u32(length)].concat();
        let of = |range: core::ops::Range<usize>| crc(node.get(range).unwrap_or_default());
        let good = u64::from(length) == len64(node)
            && header == crc(&head)
            && whole == of(0..24)
            && sum == of(to_usize(SUMMARY_HEADER)..node.len());
        Ok::<_, Defect>(good)
    };
    sound().unwrap_or(false)
}

/// Compares a summary with what a scan of its block gives: `nodes`, those before it. A kernel trusts either.
pub(super) fn summary_agrees(
    node: &[u8],
    place: u64,
    block: u64,
    nodes: &[Record],
    order: Endian,
) -> Result<(), Defect> {
    let mut fields = fields(node, place, order);
    fields.bytes(HEADER, "magic, nodetype, totlen, hdr_crc")?;
    let (count, marker) = (fields.u32("sum_num")?, fields.u32("cln_mkr")?);
    let padded = fields.u32("padded")?;
    fields.bytes(8, "sum_crc, node_crc")?;
    let differs = |field, found: u64, expected: u64| {
        let defect = Defect::new(&defects::NO_SUMMARY, field, place, found, expected);
        if found == expected { Ok(()) } else { Err(defect) }
    };
    let first = nodes.first().filter(|node| node.found.kind == CLEANMARKER && node.found.at == block);
    differs("cln_mkr", marker.into(), first.map_or(0, |node| node.found.length))?;
    let pads = nodes.iter().filter(|node| node.found.kind == PADDING && !node.found.obsolete);
    differs("padded", padded.into(), pads.map(|node| node.found.length).fold(0, u64::saturating_add))?;
    let obsolete = nodes.iter().filter(|node| node.found.obsolete).count();
    differs("nodetype", u64::try_from(obsolete).unwrap_or(u64::MAX), 0)?;
    let mut entries = 0u64;
    for node in nodes.iter().filter(|node| node.state != State::Broken && node.body != Body::None) {
        let expected = entry_of(node, block, order);
        let place = fields.offset();
        let found = fields.bytes(len64(&expected).min(fields.remaining()), "sum")?;
        if found != expected {
            return Err(Defect::new(
                &defects::NO_SUMMARY,
                "sum",
                place,
                Value::from(found),
                Value::from(&expected[..]),
            ));
        }
        entries = entries.saturating_add(1);
    }
    differs("sum_num", count.into(), entries)?;
    let left = fields.remaining().saturating_sub(8);
    let slack = fields.bytes(left, "sum")?;
    let used = slack.iter().position(|&byte| byte != ERASED);
    differs("sum", used.map_or(0, |at| u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1)), 0)
}

/// What a summary says of a node.
fn entry_of(node: &Record, block: u64, order: Endian) -> Vec<u8> {
    let mut entry = Vec::new();
    let mut put = |value: u64, bytes: usize| {
        let raw = value.to_le_bytes();
        let raw = raw.get(..bytes).unwrap_or_default();
        match order {
            Endian::Little => entry.extend(raw),
            Endian::Big => entry.extend(raw.iter().rev()),
        }
    };
    let offset = node.found.at.saturating_sub(block);
    let length = node.found.length;
    put(node.found.kind.into(), 2);
    match &node.body {
        Body::Inode(piece) => {
            let values = [piece.ino.into(), piece.version.into(), offset, length];
            values.into_iter().for_each(|value| put(value, 4));
        }
        Body::Dirent(dirent) => {
            let (parent, version, ino) = (dirent.parent.into(), dirent.version.into(), dirent.ino.into());
            [length, offset, parent, version, ino].into_iter().for_each(|value| put(value, 4));
            put(len64(&dirent.name), 1);
            put(dirent.kind.into(), 1);
            dirent.name.iter().for_each(|&byte| put(byte.into(), 1));
        }
        Body::Xattr(xattr) => {
            let values = [xattr.xid.into(), xattr.version.into(), offset, length];
            values.into_iter().for_each(|value| put(value, 4));
        }
        Body::Xref(_) => put(offset, 4),
        Body::None => {}
    }
    entry
}

const MAGIC: u16 = 0x1985;
pub(super) const SUM_MAGIC: u32 = 0x0285_1885;
pub(super) const HEADER: u64 = 12;
pub(super) const INODE_HEADER: u64 = 0x44;
pub(super) const SUMMARY_HEADER: u64 = 32;
const ERASED: u8 = 0xff;
/// Set in the type of a node that is valid; an obsolete one has it cleared on the medium.
const ACCURATE: u16 = 0x2000;
pub(super) const DIRENT: u16 = 0xe001;
pub(super) const INODE: u16 = 0xe002;
pub(super) const CLEANMARKER: u16 = 0x2003;
pub(super) const PADDING: u16 = 0x2004;
pub(super) const SUMMARY: u16 = 0x2006;
pub(super) const XATTR: u16 = 0xe008;
pub(super) const XREF: u16 = 0xe009;
pub(super) const KNOWN: [u16; 7] = [DIRENT, INODE, CLEANMARKER, PADDING, SUMMARY, XATTR, XREF];
pub(super) const COMPR_NONE: u8 = 0;
pub(super) const COMPR_ZERO: u8 = 1;
pub(super) const COMPR_RTIME: u8 = 2;
pub(super) const COMPR_ZLIB: u8 = 6;
pub(super) const COMPR_LZO: u8 = 7;
/// OpenWrt's.
pub(super) const COMPR_LZMA: u8 = 8;
const COMPRESSIONS: [u8; 6] = [COMPR_NONE, COMPR_ZERO, COMPR_RTIME, COMPR_ZLIB, COMPR_LZO, COMPR_LZMA];
/// All but names: every writer counts up before it writes. Linux takes a first piece of version 0 for none, and fails to read the file.
/// No medium is written so often that a counter comes to the end; who sets it higher makes the next write the oldest.
const COUNTS: core::ops::Range<u32> = 1..1 << 31;
/// Data of one node: a page of the largest page size.
pub(super) const LARGEST_PIECE: u64 = 1 << 16;
