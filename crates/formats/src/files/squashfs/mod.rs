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
//! that no table names), and the files are listed as `files/mod.rs` says. How blocks are cut and compressed only encodes.
//!
//! Loader modelled: Linux 6.1 (`fs/squashfs`), compared by `tests/oracle/kernel/squashfs.py` with 6.1.176. It looks names
//! up in the order of a directory and through its index, keeps inodes by the number that a listing states and fragments by
//! their place, and adds the type of an inode to its mode. Ambiguities: whatever Linux refuses, or reads otherwise than it
//! stands there, or what no writer writes: an unsorted directory, an index that contradicts its listing, a directory with two
//! names, a type, number, count of names or parent that contradict, an export table that names other inodes, tables that are
//! not one behind the other, metadata in blocks that are not full, blocks that another decoder takes and Linux does not.
//! What the tables hold and no file uses is a leaf, `entry:rest`. Limitations: version 4.0 only; the two tables of inodes
//! and directories are decoded whole (some 50 bytes a file), the blocks of files one at a time; LZMA is decoded, which
//! Linux does not mount; that the oracle's Linux knows no extended attributes.
//!
//! ## Normal form
//!
//! `squashfs/1`: the superblock, the options, the ids, `unused` of each fragment, and the export table; then, in the order in
//! which Linux meets them from the root on, each inode with all its fields and extended attributes, and each listing with all
//! of its runs and entries. A reference stands in it as the place in the decoded table to which it leads.
//!
//! | on the ignore list | because |
//! |---|---|
//! | `bytes_used`, where tables, their blocks, and the options lie | positions that were followed; anything but one table behind the other is ambiguous |
//! | `start_block` of files with blocks and of fragments, sizes in `block_list` and of fragments | positions that were followed, lengths that agree with what was read; holes are in the form |
//! | `fragment` and `offset` of files that end in one | a position that was followed: the end is compared as content |
//! | how blocks are packed, and the two bytes before metadata | read by a decoder as strict as Linux's |
//!
//! The content of files, and what nothing uses, is compared as content; bytes that no table names are leaves. There is no
//! form for LZ4 and zstd, whose decoders are not ours, nor for LZMA.

mod blocks;
mod defects;
mod packed;
mod superblock;
mod tables;
mod walk;

use std::rc::Rc;

use kiwame_decode::block::Codec;
use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Normal, Reading, RegionId,
    Span, Spans, Sure, Trouble, Value,
};

use self::superblock::Superblock;
use self::tables::Tables;
use self::walk::Walk;
use crate::files;

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

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[defects::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let superblock = Superblock::read(head.bytes(0, SUPERBLOCK)?, 0).ok()?;
        superblock.is_sound().then(|| Reading::new(self, Sure::Structure).of_length(superblock.bytes_used))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// With the zeros behind it to the next 4 KiB, as mksquashfs pads.
static ANCHOR: Anchor = Anchor {
    marks: &[superblock::MAGIC],
    at: 0,
    whole: |at, _| {
        let head = at.head(SUPERBLOCK)?;
        let superblock = Superblock::read(&head, at.offset()).ok().filter(Superblock::is_sound);
        let used = superblock.map(|superblock| superblock.bytes_used).filter(|&used| used <= at.length());
        let Some(used) = used else { return Ok(None) };
        let padding = used.checked_next_multiple_of(PADDED).unwrap_or(used).saturating_sub(used);
        let padding = at.slice(used, padding);
        Ok(Some(if padding.uniform()? == Some(0) { used.saturating_add(padding.length()) } else { used }))
    },
};

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(SUPERBLOCK)?;
    let superblock = Superblock::read(&head, at.offset())?;
    let node = Node::new("squashfs", "superblock", "squashfs-superblock", at.slice(0, SUPERBLOCK))
        .with(&MKFS_TIME, superblock.mkfs_time)
        .with(&INODES, superblock.inodes)
        .with(&BLOCK_SIZE, superblock.block_size)
        .with(&COMPRESSION, superblock.compression);
    out.add(node.mask(ENCODING));
    behind(at, superblock.bytes_used, out);
    if superblock.bytes_used > at.length() {
        let place = at.offset().saturating_add(0x28);
        let used = superblock.bytes_used;
        out.defect(Defect::new(&defects::BYTES_USED, "bytes_used", place, used, at.length()));
    }
    let image = at.slice(0, superblock.bytes_used);
    let form = (out.wants_normal() && is_ours(&superblock)).then(|| Normal::new("squashfs/1"));
    let walk = Tables::read(&image, &superblock, out.limits())
        .and_then(|tables| Walk::of(tables, out.limits(), form));
    let walk = match walk {
        Ok(walk) => walk,
        Err(trouble) => {
            out.add(Node::new("squashfs", "files", "squashfs-files", image.from(SUPERBLOCK)).encoded());
            return Err(trouble);
        }
    };
    let streams = lay_out(&image, &walk.taken(), out);
    walk.defects.iter().for_each(|defect| out.defect(defect.clone()));
    let Some((&last, others)) = streams.split_last() else { return Ok(()) };
    let (entries, blocks, form) = walk.into_files();
    if let Some(form) = form {
        out.normal(last, &form);
    }
    files::list(last, others, entries, Rc::new(blocks), out);
    Ok(())
}

/// Whether the decoder is our own, as strict as Linux's. The others hide what they skip, and LZMA has no loader that is
/// modelled: no normal form.
fn is_ours(superblock: &Superblock) -> bool {
    matches!(superblock.codec(), Some(Codec::Gzip | Codec::Lzo | Codec::Xz))
}

/// What Linux refuses, or reads otherwise than it stands there, or what no writer writes.
fn odd(
    kind: &'static DefectKind,
    field: &'static str,
    at: u64,
    found: impl Into<Value>,
    expected: impl Into<Value>,
) -> Defect {
    Defect::new(kind, field, at, found, expected)
}

/// The length in a block's size; one bit of it says that the block is not compressed.
fn length_of(size: u32) -> u64 {
    u64::from(size & !UNCOMPRESSED)
}

fn is_packed(size: u32) -> bool {
    size & UNCOMPRESSED == 0
}

/// What lies behind the file system: zeros to the next 4 KiB, as mksquashfs pads, then erased medium or what nobody
/// knows.
fn behind<'a>(at: &Input<'a>, used: u64, out: &mut Builder<'_, 'a>) {
    let padded = used.checked_next_multiple_of(PADDED).unwrap_or(used).min(at.length());
    let padding = at.slice(used, padded.saturating_sub(used));
    out.add_fill(Node::new("squashfs", "padding", "padding", padding), 0);
    out.add_behind(Node::new("squashfs", "behind", "squashfs-behind", at.from(padded)));
}

/// The bytes that the tables name, as leaves of one stream; what lies between is not understood.
fn lay_out<'a>(image: &Input<'a>, used: &Spans, out: &mut Builder<'_, 'a>) -> Vec<RegionId> {
    let unused = |number: u64, gap: Span, out: &mut Builder<'_, 'a>| {
        let node = Node::new(
            "squashfs",
            format!("unused-{number}"),
            "squashfs-unused",
            image.slice(gap.offset, gap.length),
        );
        out.add(node.unknown());
    };
    let things = core::iter::once(Span::new(0, SUPERBLOCK)).chain(used.iter()).map(|span| (span, ()));
    let (laid, behind) = kiwame_image::lay_out(image.length(), things.collect());
    let mut streams = Vec::new();
    for (number, Laid { gap, span, .. }) in (0u64..).zip(laid.iter().skip(1)) {
        unused(number, *gap, out);
        let last = number.saturating_add(1) >= used.count();
        let key = if last { "files".to_owned() } else { format!("files-{number}") };
        let stream = Node::new("squashfs", key, "squashfs-files", image.slice(span.offset, span.length));
        streams.extend(out.add(stream.encoded()));
    }
    unused(used.count(), behind, out);
    streams
}

/// Fields of the superblock that tell where, how, and how many things are packed.
const ENCODING: [(u64, u64); 5] = [(0x04, 4), (0x0c, 8), (0x14, 6), (0x20, 8), (0x28, 0x38)];
const SUPERBLOCK: u64 = 96;
const METADATA: u64 = 8192;
const PADDED: u64 = 4096;
const NONE: u64 = u64::MAX;
const UNCOMPRESSED: u32 = 1 << 24;

// Facts, in the words of the specification.
static BLOCK_SIZE: Fact = Fact::encoding("block-size");
static COMPRESSION: Fact = Fact::encoding("compression");
static INODES: Fact = Fact::encoding("inodes");
static MKFS_TIME: Fact = Fact::new("mkfs-time");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Value};

    use super::*;
    use crate::testing::{defects, parse as parse_with, put, region, torture};

    /// mksquashfs without compression: `a/file`, its second name `a/other-name`, and `a/b/inner`.
    const PLAIN: &[u8] = include_bytes!("../../../../../firmware-samples/router/parts/plain.squashfs");
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
            |bytes: &[u8]| Squashfs.probe(&Glance::new(bytes, bytes.len() as u64)).map(|found| found.length);
        assert_eq!(probe(PLAIN), Some(Some(0x1ad)));
        // version 3; block size and its logarithm; no compressor of that number.
        for (at, value) in [(0x1c, 3), (0x16, 9), (0x14, 7)] {
            let mut bytes = PLAIN.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&bytes), None, "{at:#x}");
        }
    }

    /// Defects when the bytes at `at` are these.
    fn with(at: usize, value: &[u8]) -> Vec<&'static str> {
        let mut bytes = PLAIN.to_vec();
        put(&mut bytes, at, value);
        defects(&parse_with(&Squashfs, &bytes))
    }

    #[test]
    fn what_linux_refuses_or_reads_otherwise_is_ambiguous() {
        for (at, value, id) in [
            (0x04, &[4][..], "squashfs/inode-number"),
            (0x18, &[0x4b, 0x11], "squashfs/flags"),
            (0x6c, &[0xa4, 0x41], "squashfs/mode"),
            (0x76, &[2], "squashfs/inode-number"),
            (0x9e, &[4], "squashfs/links"),
            (0xa6, &[2], "squashfs/parent"),
            (0xd2, &[1], "squashfs/links"),
            (0xa2, &[29], "squashfs/directory-size"),
            (0x132, &[1], "squashfs/entry-number"),
            (0x134, &[1], "squashfs/entry-type"),
            (0x7e, &[1, 0, 0, 0], "squashfs/reference"),
        ] {
            assert!(with(at, value).contains(&id), "{at:#x} {:?}", with(at, value));
        }
    }

    #[test]
    fn a_size_without_the_two_dots_is_read_as_linux_does() {
        // Of the directory a/b.
        assert_eq!(with(0xa2, &[25]), ["squashfs/directory-dots"]);
        let mut bytes = PLAIN.to_vec();
        put(&mut bytes, 0xa2, &[25]);
        let tree = parse_with(&Squashfs, &bytes);
        assert!(tree.defects().iter().all(|defect| !defect.kind.ambiguous));
        region(&tree, &format!("{TOP}/dir:b/file:inner"));
    }

    const INDEXED: &[u8] = include_bytes!("../../../../../firmware-samples/squashfs/parts/indexed.squashfs");
    const ASTRAY: &[u8] =
        include_bytes!("../../../../../firmware-samples/squashfs/parts/index-astray.squashfs");
    const ANEW: &[u8] = include_bytes!("../../../../../firmware-samples/squashfs/parts/packed-anew.squashfs");

    #[test]
    fn an_index_leads_to_its_name() {
        assert_eq!(defects(&parse_with(&Squashfs, INDEXED)), [""; 0]);
        assert_eq!(defects(&parse_with(&Squashfs, ASTRAY)), ["squashfs/directory-index"]);
        // The start_block of the only entry of the index.
        let mut bytes = INDEXED.to_vec();
        let name = bytes.windows(8).position(|window| window == b"\x03\0\0\0file").expect("the index");
        put(&mut bytes, name - 4, &[1]);
        assert_eq!(defects(&parse_with(&Squashfs, &bytes)), ["squashfs/directory-index"]);
    }

    #[test]
    fn the_normal_form_knows_every_field_and_not_how_it_is_packed() {
        let form = |bytes: &[u8]| crate::testing::normal(&Squashfs, bytes);
        let plain = form(PLAIN).expect("a form");
        assert_eq!(form(ANEW).as_ref(), Some(&plain));
        // Every byte of the superblock's own fields, of inodes and listings, but where the ends of the files are: they are
        // compared as content.
        let ends = [0x7e..0x86, 0xd6..0xde];
        let fields = (0x08..0x0c).chain([0x18]).chain(0x6a..0x122).chain(0x124..0x185);
        for at in fields.filter(|at| !ends.iter().any(|end| end.contains(at))) {
            let mut bytes = PLAIN.to_vec();
            bytes[at] ^= 1;
            let tree = parse_with(&Squashfs, &bytes);
            let told = tree.defects().iter().any(|defect| defect.kind.ambiguous);
            assert!(told || form(&bytes).as_ref() != Some(&plain), "{at:#x}");
        }
    }

    #[test]
    fn hostile_bytes() {
        let used = PLAIN.iter().rposition(|&byte| byte != 0).expect("not empty");
        torture(&Squashfs, &PLAIN[..=used]);
    }
}
