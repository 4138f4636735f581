//! JFFS2: a journalling file system for raw NOR and NAND flash.
//!
//! Linux `include/uapi/linux/jffs2.h`, `fs/jffs2/{scan,summary,build,readinode,read,nodelist,xattr}.c` (6.1). Either byte
//! order; every node begins at a multiple of four, and none goes over the end of an erase block.
//!
//! ```text
//! all nodes                 dirent (e001)             inode (e002)
//! 0x00 magic 1985     2     0x0c pino           4     0x0c ino           4   0x2c offset     4
//! 0x02 nodetype       2     0x10 version        4     0x10 version       4   0x30 csize      4
//! 0x04 totlen         4     0x14 ino, 0: gone   4     0x14 mode          4   0x34 dsize      4
//! 0x08 hdr_crc        4     0x18 mctime         4     0x18 uid, gid    2+2   0x38 compr      1
//!                           0x1c nsize, type  1+1     0x1c isize         4   0x39 usercompr  1
//! xattr (e008)              0x1e unused         2     0x20 atime         4   0x3a flags      2
//! 0x0c xid            4     0x20 node_crc       4     0x24 mtime         4   0x3c data_crc   4
//! 0x10 version        4     0x24 name_crc       4     0x28 ctime         4   0x40 node_crc   4
//! 0x14 xprefix        1     0x28 name                                        0x44 data
//! 0x15 name_len       1
//! 0x16 value_len      2     xref (e009)               summary (2006), at the end of its block
//! 0x18 data_crc       4     0x0c ino            4     0x0c sum_num       4   0x18 sum_crc    4
//! 0x1c node_crc       4     0x10 xid            4     0x10 cln_mkr       4   0x1c node_crc   4
//! 0x20 name, 0, value       0x14 xseqno         4     0x14 padded        4   0x20 entries, offset, magic 02851885
//!                           0x18 node_crc       4
//! others: clean marker (2003), padding (2004)
//! ```
//!
//! The nodes are one stream, whose listing is what the newest of them say; what nothing reaches any more is a leaf,
//! `entry:rest`, which is executable where the data of a node in it could begin a program. Erased space between nodes is
//! fill. Other bytes are not understood: nodes with a wrong checksum and what Linux passes over are `jffs2-unread`.
//!
//! Loader modelled: Linux 6.1 with summaries, extended attributes, zlib, rtime and LZO, and OpenWrt's LZMA; compared with
//! Debian's kernel (`tests/oracle/kernel`). It scans block by block: a block that begins erased is free, whatever lies
//! behind; a node that goes over the end of a block is no node; what lies behind a wrong header is looked at word by word,
//! behind a wrong node it goes on where that ends. A summary that is sound is trusted instead of a scan, so both must
//! say the same. Of two nodes with one name, inode or attribute the higher version wins.
//!
//! The size of the erase blocks is what a layout states. Otherwise all sizes count by which no node goes over the end of a
//! block and clean markers only begin one, and all of them must find the same nodes; the fact `erase-block` then
//! names the smallest and the largest.
//!
//! Ambiguities: two nodes of one version that differ; nodes that go over the end of a block, lie behind erased space, have
//! the other byte order or an unknown type; a summary that says something else; a directory below itself; names whose
//! inode is missing, or has another type; names that Linux counts and does not list; files whose pieces end before
//! they do; links and devices in several pieces; a stream that Linux reads otherwise, or, as LZMA with an end marker, not at all; every field and filling that
//! `mkfs.jffs2`, `sumtool` and Linux never write so.
//! Limitations: no `rubin` compression; medium whose first block is erased is not recognised; out-of-band data of NAND are
//! not looked at.
//!
//! # Normal form
//!
//! `jffs2/1`: the nodes in the order of the medium, every field, but for:
//!
//! | left out | reason |
//! |---|---|
//! | `hdr_crc`, `node_crc`, `data_crc`, `name_crc`, `sum_crc` | are right |
//! | place of a node, free space between nodes, `totlen`, `nsize`, `csize`, `cln_mkr`, entries of a summary | were followed, agree with what was read |
//! | `version`, `xseqno` | a rank among those of its inode, attribute or file system; `xseqno` keeps its lowest bit |
//! | data of pieces, values of attributes | are content, in the listing or in `entry:rest` |
//! | clean markers, padding, summaries | hold nothing, or what a scan finds; both are checked |
//! | `compr` 0, 1, 2, 6 | every modelled loader unpacks them into its memory |
//!
//! | elsewhere | where |
//! |---|---|
//! | names, mode, uid, gid, mtime, targets, devices, attributes, content of files | the listing |
//! | size of erase blocks, byte order, whether LZMA is used | facts of the nodes |
//! | dead nodes, whole, and the data that newer pieces hide | `entry:rest`: remains |
//! | bytes that are no node | `jffs2-unread`: remains |
//! | slack behind nodes, payload of clean markers and padding, `usercompr`, `flags`, upper bits of the mode | must be as all writers leave them |
//! | atime, ctime, fields of pieces that are not the newest, `unused` | traces of writing: no reading shows them but for the times; in the form |

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{
    Arrange as _, Builder, Defect, DefectKind, Endian, Fact, Format, Gather as _, Glance, Input, Laid,
    LimitKind, Node, Normal, PROGRAM, Place, Reading, Recognised, RegionId, Span, Spans, Sure, Trouble, fact,
    len64, to_usize,
};

use self::log::Log;
use self::medium::Walk;
use self::node::{Body, COMPR_LZMA, COMPR_LZO, COMPR_ZERO, Header, Piece, Record, State};
use crate::files::{self, Allowance, FileData, MOST_REST, Volume};

mod data;
mod defects;
mod log;
mod medium;
mod node;

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

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[defects::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let order = match head.bytes(0, 2)? {
            [0x85, 0x19] => Endian::Little,
            [0x19, 0x85] => Endian::Big,
            _ => return None,
        };
        let header = Header::read(head.bytes(0, node::HEADER)?, order)?;
        let known = u64::from(header.length) >= node::HEADER && node::KNOWN.contains(&header.kind);
        known.then(|| Reading::new(self, Sure::Structure).repeating())
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let first = at.head(2)?;
    let order = if first.first() == Some(&0x19) { Endian::Big } else { Endian::Little };
    let (walk, blocks) = medium::scan(at, order, out.erase_block(), out.limits().nodes)?;
    let mut defects = walk.defects.clone();
    let mut records = Vec::with_capacity(walk.found.len());
    for &found in &walk.found {
        records.push(Record::read(at, found, order, &mut defects)?);
    }
    summaries(at, &walk, &mut records, order, &mut defects)?;
    let streams = lay_out(at, &records, &walk.unread, out);
    let Some((&last, others)) = streams.split_last() else {
        defects.into_iter().for_each(|defect| out.defect(defect));
        return Ok(());
    };
    let mut allowance = Allowance::new(out.limits());
    let mut log = Log::of(records, order, &mut allowance)?;
    log.check_pieces(at);
    let (mut entries, inodes) = log.entries(at, &mut allowance, out.limits().nodes)?;
    log.times(&mut entries, &inodes);
    defects.append(&mut log.defects);
    defects.into_iter().for_each(|defect| out.defect_of(last, defect));
    out.fact_of(last, &fact::ERASE_BLOCK, blocks.fact());
    out.fact_of(last, &BYTE_ORDER, format!("{}-endian", order.name()));
    let lzma = |record: &Record| matches!(&record.body, Body::Inode(p) if p.compression == COMPR_LZMA);
    out.fact_of(last, &LZMA_FACT, log.records.iter().any(lzma));
    if out.wants_normal() {
        out.normal(last, &normal(&log));
    }
    let nodes = Nodes { image: at.clone(), inodes, log, odd: RefCell::default() };
    files::list(last, others, entries, Rc::new(nodes), out);
    Ok(())
}

/// Summaries that a kernel would trust must say what a scan of their block finds. Others say nothing.
fn summaries(
    at: &Input<'_>,
    walk: &Walk,
    records: &mut [Record],
    order: Endian,
    defects: &mut Vec<Defect>,
) -> Result<(), Trouble> {
    for &(block, start) in &walk.summaries {
        let from = records.partition_point(|record| record.found.at < block);
        let to = records.partition_point(|record| record.found.at < start);
        let here = records.get(to).filter(|record| {
            record.found.at == start && record.found.kind == node::SUMMARY && !record.found.obsolete
        });
        let place = at.offset().saturating_add(start);
        let Some(here) = here else {
            defects.push(Defect::new(&defects::NO_SUMMARY, "offset", place, "no node", "a summary"));
            continue;
        };
        let window = at.slice(start, here.found.length).window()?;
        let nodes = records.get(from..to).unwrap_or_default();
        defects.extend(node::summary_agrees(&window, place, block, nodes, order).err());
    }
    let starts: BTreeSet<u64> = walk.summaries.iter().map(|&(_, start)| start).into_set();
    let others =
        records.iter_mut().filter(|record| record.found.kind == node::SUMMARY && !record.found.obsolete);
    for record in others.filter(|record| !starts.contains(&record.found.at)) {
        record.state = State::Broken;
        let place = at.offset().saturating_add(record.found.at);
        defects.push(Defect::new(
            &defects::SUMMARY_PLACE,
            "node_crc",
            place,
            "wrong",
            "a summary at the end of its block",
        ));
    }
    Ok(())
}

/// Runs of nodes as leaves of one stream, and what lies between them.
fn lay_out<'a>(
    at: &Input<'a>,
    records: &[Record],
    unread: &[Span],
    out: &mut Builder<'_, 'a>,
) -> Vec<RegionId> {
    let spans = |sound: bool| {
        let chosen = records.iter().filter(move |record| (record.state == State::Sound) == sound);
        chosen.map(|record| record.span(at.length()))
    };
    let (runs, unread): (Spans, Spans) =
        (spans(true).collect(), spans(false).chain(unread.iter().copied()).collect());
    let running = records.iter().filter(|record| record.state != State::Sound && unread_runs(at, record));
    let running: BTreeSet<u64> = running.map(|record| record.found.at).into_set();
    for (number, span) in (0u64..).zip(unread.iter()) {
        let piece = at.slice(span.offset, span.length);
        let runs = piece.could_run() || running.range(span.offset..span.end()).next().is_some();
        let node = Node::new("jffs2", format!("unread-{number}"), "jffs2-unread", piece.clone());
        let node = if runs { node.with(&fact::EXECUTABLE, true) } else { node };
        out.add(node.unknown().remains().then(&Recognised(Place::Remains)));
    }
    let things = runs.iter().map(|span| (span, true)).chain(unread.iter().map(|span| (span, false)));
    let (laid, behind) = kiwame_image::lay_out(at.length(), things.collect());
    // Erased space is counted by the run before which it lies, and by its pieces there.
    let (mut streams, mut number, mut part) = (Vec::new(), 0u64, 0u64);
    let erased = |gap: Span, number: u64, part: &mut u64, out: &mut Builder<'_, 'a>| {
        let key = if *part == 0 { format!("free-{number}") } else { format!("free-{number}.{part}") };
        *part = part.saturating_add(u64::from(!gap.is_empty()));
        out.add_fill(Node::new("jffs2", key, "jffs2-free", at.slice(gap.offset, gap.length)), ERASED);
    };
    for Laid { thing: is_run, gap, span, .. } in laid {
        erased(gap, number, &mut part, out);
        if is_run {
            number = number.saturating_add(1);
            part = 0;
            let last = number >= runs.count();
            let key = if last { "files".to_owned() } else { format!("files-{}", number.saturating_sub(1)) };
            let node = Node::new("jffs2", key, "jffs2-nodes", at.slice(span.offset, span.length));
            streams.extend(out.add(node.encoded().rewritten()));
        }
    }
    erased(behind, number, &mut part, out);
    streams
}

/// True when the data of a node that Linux passes over, as they lie or unpacked, could begin a program.
fn unread_runs(at: &Input<'_>, record: &Record) -> bool {
    if record.found.kind != node::INODE || record.found.length <= node::INODE_HEADER {
        return false;
    }
    let start = record.found.at.saturating_add(node::INODE_HEADER);
    let stored = at.slice(start, record.found.length.saturating_sub(node::INODE_HEADER));
    let unpacked = || match &record.body {
        Body::Inode(piece) => match data::unpack(at, piece) {
            Ok((data, _)) => at.begins_program(&data, piece.isize.into()),
            Err(Trouble::Defect(_)) => false,
            Err(_) => true,
        },
        _ => false,
    };
    stored.could_run() || unpacked()
}

/// The form that the module's table describes.
fn normal(log: &Log) -> Normal {
    let mut form = Normal::new("jffs2/1");
    let ranks = Ranks::of(log);
    let says_something = |record: &Record| record.body != Body::None || record.found.obsolete;
    for (number, record) in log.records.iter().enumerate().filter(|(_, record)| says_something(record)) {
        let dead = log.dead.contains(&number);
        form.record(if dead { "dead" } else { "node" });
        form.number("nodetype", record.found.kind);
        form.number("state", u64::from(record.state != State::Sound) | u64::from(record.found.obsolete) << 1);
        form.field("slack", &record.slack);
        let numbers = |form: &mut Normal, values: &[u32]| {
            form.field("fields", &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
        };
        match &record.body {
            Body::Dirent(dirent) => {
                let unused = u16::from_le_bytes(dirent.unused).into();
                numbers(&mut form, &[dirent.parent, dirent.ino, dirent.mctime, dirent.kind.into(), unused]);
                form.number("version", ranks.of_version((0, dirent.parent), dirent.version));
                form.field("name", &dirent.name);
            }
            Body::Inode(piece) => {
                let packed = match piece.compression {
                    kind @ (COMPR_LZO | COMPR_LZMA) => kind,
                    _ => 0,
                };
                let owner = [piece.ino, piece.mode, piece.uid.into(), piece.gid.into(), piece.isize];
                let times = [piece.atime, piece.mtime, piece.ctime, piece.offset, piece.dsize];
                // What ends a stream of LZMA is not all read: the checksum stands for it.
                let end = if packed == COMPR_LZMA { piece.data_crc } else { 0 };
                let how = [packed.into(), piece.usercompr.into(), piece.flags.into(), end];
                numbers(&mut form, &[&owner[..], &times, &how].concat());
                form.number("version", ranks.of_version((0, piece.ino), piece.version));
            }
            Body::Xattr(xattr) => {
                numbers(&mut form, &[xattr.xid, xattr.prefix.into()]);
                form.number("version", ranks.of_version((1, xattr.xid), xattr.version));
                form.field("name", &xattr.name);
            }
            Body::Xref(reference) => {
                numbers(&mut form, &[reference.ino, reference.xid, reference.sequence & 1]);
                form.number("xseqno", ranks.of_version((2, 0), reference.sequence));
            }
            Body::None => {}
        }
    }
    form
}

/// Versions that count up, each among those that it is compared with.
struct Ranks(BTreeMap<(u8, u32), Vec<u32>>);

impl Ranks {
    fn of(log: &Log) -> Self {
        let mut all: BTreeMap<(u8, u32), Vec<u32>> = BTreeMap::new();
        for record in &log.records {
            let (key, version) = match &record.body {
                Body::Dirent(dirent) => ((0, dirent.parent), dirent.version),
                Body::Inode(piece) => ((0, piece.ino), piece.version),
                Body::Xattr(xattr) => ((1, xattr.xid), xattr.version),
                Body::Xref(reference) => ((2, 0), reference.sequence),
                Body::None => continue,
            };
            all.entry(key).or_default().push(version);
        }
        all.values_mut().for_each(|versions| {
            versions.arrange();
            versions.dedup();
        });
        Self(all)
    }

    fn of_version(&self, key: (u8, u32), version: u32) -> u64 {
        let rank = self.0.get(&key).map_or(0, |versions| versions.partition_point(|&other| other < version));
        u64::try_from(rank).unwrap_or(u64::MAX)
    }
}

/// The nodes as a volume.
#[derive(Debug)]
struct Nodes<'a> {
    image: Input<'a>,
    /// Inode of each entry.
    inodes: Vec<u32>,
    log: Log,
    /// What keeps Linux from reading what was read.
    odd: RefCell<Vec<Defect>>,
}

impl<'a> Volume<'a> for Nodes<'a> {
    fn read(&self, number: usize) -> Result<FileData<'a>, Trouble> {
        let Some(&ino) = self.inodes.get(number) else { return Ok(FileData::Bytes(Vec::new())) };
        let pieces = self.log.pieces(ino);
        let mut content = vec![0; to_usize(pieces.last().map_or(0, |newest| newest.isize.into()))];
        for piece in pieces.into_iter().filter(|piece| piece.dsize > 0) {
            // An inode that was cut off once has nodes that reach beyond its end.
            let start = to_usize(piece.start()).min(content.len());
            let end = to_usize(piece.end()).min(content.len());
            let place = content.get_mut(start..end).unwrap_or_default();
            if piece.compression == COMPR_ZERO {
                self.image.spend(len64(place))?;
                place.fill(0);
                continue;
            }
            let (bytes, odd) = data::unpack(&self.image, piece)?;
            self.odd.borrow_mut().extend(odd);
            let length = place.len().min(bytes.len());
            let (place, bytes) = (place.get_mut(..length), bytes.get(..length));
            if let Some((place, bytes)) = place.zip(bytes) {
                place.copy_from_slice(bytes);
            }
        }
        Ok(FileData::Bytes(content))
    }

    fn noticed(&self) -> Vec<Defect> {
        self.odd.take()
    }

    /// Whole nodes that are dead, with their data unpacked; the data of living ones that newer nodes hide; and what
    /// lies unused in the heads of entries.
    fn rest(&self) -> Result<Vec<u8>, Trouble> {
        let mut rest = Vec::new();
        let part = self.log.partly_hidden();
        let whole = self.log.dead.iter().map(|&number| (number, true));
        for (number, whole) in whole.chain(part.into_iter().map(|number| (number, false))) {
            let Some(record) = self.log.records.get(number) else { continue };
            if whole {
                let span = record.span(self.image.length());
                self.grow(&mut rest, span.length)?;
                // Its magic and type behind it, so that what is dead is not taken for a file system.
                let node = self.image.slice(span.offset, span.length).window()?;
                let (head, body) = node.split_at_checked(4).unwrap_or((&node, &[]));
                rest.extend(body.iter().chain(head.iter().rev()));
            }
            let piece = self.log.piece(number).filter(|piece| !whole || piece.compression > COMPR_ZERO);
            if let Some(piece) = piece.filter(|piece| piece.dsize > 0 && piece.compression != COMPR_ZERO) {
                self.grow(&mut rest, piece.dsize.into())?;
                rest.extend(data::unpack(&self.image, piece)?.0);
            }
        }
        let live = (0..self.log.records.len()).filter(|number| !self.log.dead.contains(number));
        for dirent in live.filter_map(|number| self.log.dirent(number)) {
            if dirent.unused != [0; 2] {
                rest.extend(dirent.unused);
            }
        }
        Ok(rest)
    }

    fn rest_is_dead(&self) -> bool {
        true
    }

    /// The data of each node, as they lie and unpacked, and what the dead ones of an inode make together.
    fn rest_runs(&self) -> Result<bool, Trouble> {
        let mut inodes: BTreeMap<u32, Vec<Piece>> = BTreeMap::new();
        for number in self.log.dead.iter().copied().chain(self.log.partly_hidden()) {
            let Some(record) = self.log.records.get(number) else { continue };
            if let Body::Xattr(xattr) = &record.body {
                self.image.spend(len64(&xattr.value))?;
                if self.image.begins_program(&xattr.value, 0) {
                    return Ok(true);
                }
            }
            let obsolete = record.obsolete_piece(&self.image, self.log.order)?;
            let Some(piece) = self.log.piece(number).cloned().or(obsolete) else { continue };
            inodes.entry(piece.ino).or_default().push(piece);
        }
        for pieces in inodes.values_mut() {
            pieces.arrange_by_key(|piece| piece.version);
            if self.pieces_run(pieces)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Nodes<'_> {
    /// True when one of these pieces of a file could begin a program, or the file that they make, oldest first.
    fn pieces_run(&self, pieces: &[Piece]) -> Result<bool, Trouble> {
        let mut file = vec![0; to_usize(PROGRAM)];
        let (mut used, mut size) = (0, 0);
        for piece in pieces.iter().filter(|piece| piece.dsize > 0 && piece.compression != COMPR_ZERO) {
            let stored = self.image.slice(piece.data.offset, piece.data.length);
            // One whose stream is broken holds nothing that anybody could unpack.
            let data = match data::unpack(&self.image, piece) {
                Err(Trouble::Defect(_)) => Vec::new(),
                data => data?.0,
            };
            let length = u64::from(piece.isize).saturating_sub(piece.start());
            if stored.could_run() || self.image.begins_program(&data, length) {
                return Ok(true);
            }
            size = piece.end().max(piece.isize.into()).max(size);
            let start = to_usize(piece.start());
            let end = start.saturating_add(data.len()).min(file.len());
            let place = file.get_mut(start..end).unwrap_or_default();
            if let Some(data) = data.get(..place.len()).filter(|data| !data.is_empty()) {
                place.copy_from_slice(data);
                used = used.max(end);
            }
        }
        Ok(self.image.begins_program(file.get(..used).unwrap_or_default(), size))
    }

    fn grow(&self, rest: &mut [u8], more: u64) -> Result<(), Trouble> {
        self.image.spend(more)?;
        if len64(rest).saturating_add(more) > MOST_REST { Err(LimitKind::Space.into()) } else { Ok(()) }
    }
}

const ERASED: u8 = 0xff;

// Facts, in the words of the specification.
static BYTE_ORDER: Fact = Fact::new("byte-order");
static LZMA_FACT: Fact = Fact::new("lzma");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Value};

    use self::node::crc;
    use super::*;
    use crate::testing::{defects, parse as parse_with, put, region, torture};

    /// What mkfs.jffs2 makes of `upper/etc/config/system`, without the erased rest.
    fn overlay() -> Vec<u8> {
        include_bytes!("../../../../../firmware-samples/router/parts/overlay-genuine.jffs2")[..624].to_vec()
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
        assert!(tree.leaves().any(|leaf| leaf.kind == "jffs2-unread" && leaf.content == Content::Unknown));
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

    /// A node without anything behind its head.
    fn plain(kind: u16, length: u32) -> Vec<u8> {
        let mut node = [&0x1985u16.to_le_bytes()[..], &kind.to_le_bytes(), &length.to_le_bytes()].concat();
        node.extend(crc(&node).to_le_bytes());
        node
    }

    /// The same with these fields behind the head, a checksum over all of it, and data with a checksum before that.
    fn node(kind: u16, fields: &[&[u8]], data: &[u8], data_first: bool) -> Vec<u8> {
        let fields = fields.concat();
        let length = u32::try_from(12 + fields.len() + 8 + data.len()).expect("short");
        let mut node = [plain(kind, length), fields].concat();
        let (head, sum) = (crc(&node).to_le_bytes(), crc(data).to_le_bytes());
        node.extend(if data_first { [sum, head] } else { [head, sum] }.concat());
        node.extend(data);
        node.resize(node.len().next_multiple_of(4), 0xff);
        node
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn dirent(parent: u32, version: u32, ino: u32, name: &[u8], kind: u8) -> Vec<u8> {
        let lengths = [u8::try_from(name.len()).expect("short"), kind, 0, 0];
        node(node::DIRENT, &[&words(&[parent, version, ino, 1]), &lengths], name, false)
    }

    fn inode(ino: u32, version: u32, mode: u32, data: &[u8], size: u32) -> Vec<u8> {
        let length = u32::try_from(data.len()).expect("short");
        let rest = words(&[size, 1, 1, 1, 0, length, length, 0]);
        node(node::INODE, &[&words(&[ino, version, mode, 0]), &rest], data, true)
    }

    /// A block of 4 KiB, erased behind the nodes.
    fn block(nodes: &[Vec<u8>]) -> Vec<u8> {
        let mut block = nodes.concat();
        block.resize(block.len().next_multiple_of(0x1000), 0xff);
        block
    }

    fn file(version: u32, data: &[u8]) -> Vec<u8> {
        inode(2, version, 0o100_644, data, u32::try_from(data.len()).expect("short"))
    }

    fn content(image: &[u8]) -> u64 {
        let tree = parse_with(&Jffs2, image);
        let file = region(&tree, "jffs2:files/decoded:content/file:f");
        file.encodes.and_then(|space| tree.space(space)).map_or(0, |space| space.size)
    }

    #[test]
    fn a_file_is_what_its_newest_pieces_say() {
        let name = dirent(1, 1, 2, b"f", 8);
        let image = block(&[plain(node::CLEANMARKER, 12), name, file(2, b"newer"), file(1, b"the older")]);
        assert_eq!(defects(&parse_with(&Jffs2, &image)), [""; 0]);
        assert_eq!(content(&image), 5);
    }

    #[test]
    fn what_a_mount_does_not_look_at_is_ambiguous() {
        let name = || dirent(1, 1, 2, b"f", 8);
        let good = || block(&[plain(node::CLEANMARKER, 12), name(), file(1, b"one")]);
        let of = |image: &[u8]| defects(&parse_with(&Jffs2, image));
        assert_eq!(of(&good()), [""; 0]);
        let marked = block(&[plain(node::CLEANMARKER, 12), vec![0xff; 20], file(2, b"two")]);
        assert!(of(&[good(), marked].concat()).contains(&"jffs2/after-free"));
        let empty = block(&[vec![0xff; 256], file(2, b"two")]);
        assert!(of(&[good(), empty].concat()).contains(&"jffs2/after-free"));
        let other = plain(node::PADDING.swap_bytes(), 12u32.swap_bytes());
        let mut swapped = [&0x1985u16.to_be_bytes()[..], &other[2..8]].concat();
        swapped.extend(crc(&swapped).to_be_bytes());
        assert!(of(&block(&[name(), file(1, b"one"), swapped])).contains(&"jffs2/byte-order"));
        assert!(of(&block(&[name(), file(1, b"one"), plain(0xe003, 12)])).contains(&"jffs2/nodetype"));
        assert!(of(&block(&[name(), file(1, b"one"), plain(node::PADDING, 8)])).contains(&"jffs2/totlen"));
    }

    #[test]
    fn every_size_of_blocks_that_is_possible_must_give_the_same_nodes() {
        let marker = || plain(node::CLEANMARKER, 12);
        let first = block(&[marker(), dirent(1, 1, 2, b"f", 8), file(1, b"one")]);
        let blocks = |image: &[u8]| {
            let tree = parse_with(&Jffs2, image);
            let nodes = tree.regions().filter(|region| region.kind == "jffs2-nodes");
            let facts = nodes.filter_map(|region| region.attribute("erase-block").cloned());
            (facts.last(), defects(&tree))
        };
        let four = [first.clone(), block(&[marker()]), block(&[marker()]), block(&[marker()])].concat();
        assert_eq!(blocks(&four), (Some(Value::from("4096")), vec![]));
        // By blocks of 8 KiB the second one begins erased.
        let odd = [first.clone(), vec![0xff; 0x2000], block(&[file(2, b"two")])].concat();
        assert_eq!(blocks(&odd), (Some(Value::from("4096 to 16384")), vec!["jffs2/erase-block"]));
    }

    #[test]
    fn remains_that_begin_like_a_program_are_executable() {
        let of = |nodes: &[Vec<u8>]| {
            let name = dirent(1, 1, 2, b"f", 8);
            let tree = parse_with(&Jffs2, &block(&[&[name], nodes].concat()));
            region(&tree, "jffs2:files/decoded:content/entry:rest").attribute("executable").is_some()
        };
        let script = b"#!/bin/sh";
        let at = |version, offset: u32, data: &[u8]| {
            let length = u32::try_from(data.len()).expect("short");
            let rest = words(&[9, 1, 1, 1, offset, length, length, 0]);
            node(node::INODE, &[&words(&[2, version, 0o100_644, 0]), &rest], data, true)
        };
        assert!(!of(&[file(1, b"plain one"), file(2, b"plain two")]));
        assert!(of(&[file(1, script), file(2, b"plain two")]), "hidden by a newer one");
        assert!(!of(&[file(1, b"plain one"), file(2, script)]), "it lives");
        assert!(of(&[file(1, b"plain one"), inode(7, 1, 0o100_644, script, 9), file(2, b"plain two")]));
        let split = [at(1, 0, b"#"), at(2, 1, b"!/bin/sh"), at(3, 0, b"plain two")];
        assert!(of(&split), "in pieces");
        let mut obsolete = file(1, script);
        obsolete[3] &= 0xdf;
        assert!(of(&[obsolete, file(2, b"plain two")]), "marked on the medium");
        let mut torn = file(3, script);
        torn[0x3c] ^= 1; // data_crc
        let nodes = [dirent(1, 1, 2, b"f", 8), file(2, b"plain two"), torn];
        let tree = parse_with(&Jffs2, &block(&nodes));
        assert!(region(&tree, "jffs2:unread-0").attribute("executable").is_some(), "passed over");
    }

    #[test]
    fn no_writer_counts_from_zero_but_for_names() {
        let of = |nodes: &[Vec<u8>]| defects(&parse_with(&Jffs2, &block(nodes)));
        let name = |version| dirent(1, version, 2, b"f", 8);
        let summed = |mut node: Vec<u8>, data: &[u8]| {
            node.extend(crc(&node).to_le_bytes());
            node.extend(data);
            node
        };
        let attribute = |version| {
            let (lengths, data) = ([1, 1, 2, 0], b"n\0vw");
            let sum = crc(data).to_le_bytes();
            summed(
                [plain(node::XATTR, 36), words(&[1, version]), lengths.to_vec(), sum.to_vec()].concat(),
                data,
            )
        };
        let reference = |sequence| summed([plain(node::XREF, 28), words(&[2, 1, sequence])].concat(), b"");
        let all = |name, file, attribute, reference| of(&[name, file, attribute, reference]);
        assert_eq!(all(name(1), file(1, b"one"), attribute(1), reference(2)), [""; 0]);
        assert_eq!(all(name(1), file(0, b"one"), attribute(1), reference(2)), ["jffs2/field"]);
        assert_eq!(all(name(0), file(1, b"one"), attribute(1), reference(2)), [""; 0], "as mkfs.jffs2 does");
        assert_eq!(all(name(1), file(1, b"one"), attribute(0), reference(2)), ["jffs2/field"]);
        assert_eq!(all(name(1), file(1, b"one"), attribute(1), reference(0)), ["jffs2/field"]);
        assert_eq!(of(&[name(1), file(0, b"old"), file(1, b"one")]), ["jffs2/field"], "dead, too");
    }

    #[test]
    fn names_that_lead_elsewhere_than_they_say_are_ambiguous() {
        let of = |nodes: &[Vec<u8>]| defects(&parse_with(&Jffs2, &block(nodes)));
        let name = dirent(1, 1, 2, b"f", 8);
        assert_eq!(of(&[dirent(1, 1, 2, b"f", 4), file(1, b"one")]), ["jffs2/type"]);
        assert_eq!(
            of(&[name.clone(), inode(2, 1, 0o100_644, b"one", 4)]),
            ["jffs2/pieces"],
            "longer than it is"
        );
        assert_eq!(
            of(&[name.clone(), file(1, b"one"), dirent(2, 1, 2, b"g", 8)]),
            ["jffs2/links"],
            "in a file"
        );
        assert_eq!(
            of(&[name.clone(), file(1, b"one"), dirent(9, 1, 2, b"g", 8)]),
            [""; 0],
            "nothing leads to 9"
        );
        let circle = [dirent(8, 1, 9, b"a", 4), dirent(9, 1, 8, b"b", 4), inode(8, 1, 0o40_755, b"", 0)];
        let all = [vec![name, file(1, b"one")], circle.to_vec()].concat();
        assert!(of(&all).contains(&"jffs2/links"));
    }

    #[test]
    fn hostile_bytes() {
        torture(&Jffs2, &overlay());
    }
}
