//! Small images of file systems that ask for much more than they have: a limit is hit before it is given.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use kiwame_image::{LimitKind, Limits, Memory, Tree};

/// The tree of a small image.
fn tree(format: &str, image: Vec<u8>) -> Tree {
    assert!(image.len() < 96 << 10, "{:#x} bytes are not small", image.len());
    let size = image.len() as u64;
    let format = kiwame_formats::named(format).expect("a format");
    let host = Memory::new([image]);
    // The images below are made for so many.
    let limits = Limits { nodes: 100_000, ..Limits::default() };
    kiwame_image::parse(&host, 0, size, format, &limits, &kiwame_formats::options())
        .expect("memory can be read")
}

/// The limits that a format hits.
fn hit(format: &str, image: Vec<u8>) -> Vec<LimitKind> {
    tree(format, image).limits_hit().iter().map(|(kind, _)| *kind).collect()
}

/// As [`hit`], of an image without any defect: none hides the limit.
fn hit_sound(format: &str, image: Vec<u8>) -> Vec<LimitKind> {
    let tree = tree(format, image);
    assert_eq!(tree.defects(), []);
    tree.limits_hit().iter().map(|(kind, _)| *kind).collect()
}

/// As [`hit_sound`], where the parser stops before it lists the files. What it lists, the tree counts once more.
fn hit_before_listing(format: &str, image: Vec<u8>) -> Vec<LimitKind> {
    assert_eq!(tree(format, image.clone()).spaces().len(), 1, "files were listed");
    hit_sound(format, image)
}

#[test]
fn long_names_of_directories_that_no_entry_makes() {
    let archive = |count: u8| {
        let names = (0..count).map(|number| {
            let name = [&[b'a' + number][..], &b"/x".repeat(2000), b"\0"].concat();
            let fields = [0, 0o100_644, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.len() as u32, 0];
            let header: String = fields.iter().map(|field| format!("{field:08x}")).collect();
            let mut entry = [b"070701", header.as_bytes(), &name].concat();
            entry.resize(entry.len().next_multiple_of(4), 0);
            entry
        });
        names.flatten().collect::<Vec<_>>()
    };
    assert_eq!(hit("cpio", archive(2)), [LimitKind::Depth]);
    assert_eq!(hit("cpio", archive(12)), [LimitKind::Depth]);
}

#[test]
fn directories_that_lie_deep_in_each_other() {
    let archive = |depth: usize| {
        let entry = |name: &[u8], mode: u32| {
            let fields = [0, mode, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.len() as u32 + 1, 0];
            let header: String = fields.iter().map(|field| format!("{field:08x}")).collect();
            let mut entry = [b"070701", header.as_bytes(), name, b"\0"].concat();
            entry.resize(entry.len().next_multiple_of(4), 0);
            entry
        };
        let directories = (1..=depth).map(|depth| entry(&b"d/".repeat(depth)[..2 * depth - 1], 0o40_755));
        directories.chain([entry(b"TRAILER!!!", 0)]).flatten().collect::<Vec<_>>()
    };
    assert_eq!(hit_sound("cpio", archive(20)), []);
    assert_eq!(hit_before_listing("cpio", archive(33)), [LimitKind::Depth]);
    assert_eq!(hit_before_listing("cpio", archive(250)), [LimitKind::Depth]);
}

/// A node of JFFS2: `body` with a checksum at `at` over so many bytes before it.
fn node(kind: u16, body: &[u8], (covered, at): (usize, usize), length: usize) -> Vec<u8> {
    let mut node = 0x1985u16.to_le_bytes().to_vec();
    node.extend(kind.to_le_bytes());
    node.extend((12 + length as u32).to_le_bytes());
    node.extend(crc(&node).to_le_bytes());
    node.extend(body);
    let sum = crc(&node[..covered]);
    node[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    node.resize(node.len().next_multiple_of(4), 0xff);
    node
}

/// CRC-32 that begins and ends with zero.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Length of the attribute: with its name and the zero behind that a multiple of four, as Linux pads it in the node.
const VALUE: u16 = 0x6ffe;

#[test]
fn many_names_of_one_inode_with_one_attribute_many_times() {
    let image = |names: u32, references: u32| {
        let data = [b"n\0", &[7; VALUE as usize][..]].concat();
        assert_eq!(data.len() % 4, 0);
        let mut xattr = words(&[1, 1]);
        xattr.extend([1, 1]);
        xattr.extend(VALUE.to_le_bytes());
        xattr.extend(words(&[crc(&data), 0]));
        xattr.extend(data);
        let length = xattr.len();
        let mut image = node(0xe008, &xattr, (0x1c, 0x1c), length);
        for number in 0..references {
            image.extend(node(0xe009, &words(&[2, 1, 2 * number + 2, 0]), (0x18, 0x18), 16));
        }
        let inode = words(&[2, 1, 0o100_644, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        image.extend(node(0xe002, &inode, (0x3c, 0x40), 0x38));
        for number in 0..names {
            let name = format!("{number:04}");
            let lengths = u32::from_le_bytes([4, 8, 0, 0]);
            let mut dirent = words(&[1, number + 1, 2, 0, lengths, 0, crc(name.as_bytes())]);
            dirent.extend(name.as_bytes());
            let length = dirent.len();
            image.extend(node(0xe001, &dirent, (0x20, 0x20), length));
        }
        image
    };
    assert_eq!(hit_sound("jffs2", image(2, 2)), []);
    assert_eq!(hit_sound("jffs2", image(2, 1000)), [], "the newest reference counts");
    assert_eq!(hit_before_listing("jffs2", image(1000, 1)), [LimitKind::Nodes]);
}

#[test]
fn nodes_with_wrong_checksums_inside_each_other() {
    // An attribute of 28 KB every 40 bytes: each sound but for the checksum of its data. Linux goes on behind the first,
    // and so no byte is summed up twice.
    let mut image = Vec::new();
    for _ in 0..1000 {
        let mut xattr = words(&[1, 1]);
        xattr.extend([1, 1]);
        xattr.extend(28_000u16.to_le_bytes());
        xattr.extend(words(&[1, 0]));
        image.extend(node(0xe008, &xattr, (0x1c, 0x1c), 20 + 28_002));
    }
    image.resize(63_000, 7);
    let format = kiwame_formats::named("jffs2").expect("a format");
    let limits = Limits { decoded: 64 << 10, reads: 1 << 20, ..Limits::default() };
    let (size, host) = (image.len() as u64, Memory::new([image]));
    let tree = kiwame_image::parse(&host, 0, size, format, &limits, &kiwame_formats::options());
    let tree = tree.expect("memory can be read");
    let kinds: Vec<_> = tree.limits_hit().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, []);
}

/// A squashfs of one directory, packed with LZ4 where it is packed.
#[derive(Default)]
struct Squashfs {
    /// Inodes behind that of the root, which ends at 40.
    inodes: Vec<u8>,
    listing: Vec<u8>,
    /// A block, and how many fragments are all this block.
    fragments: (Vec<u8>, u32),
}

impl Squashfs {
    fn image(self) -> Vec<u8> {
        let mut image = vec![0; 96];
        // Linux does not mount LZ4 without its version.
        table(&words(&[1, 0]), &mut image);
        let block = image.len() as u32;
        image.extend(&self.fragments.0);
        // An extended one: the basic one has no more than 64 KiB of names.
        let mut root = [8u16, 0o755, 0, 0].iter().flat_map(|field| field.to_le_bytes()).collect::<Vec<_>>();
        root.extend(words(&[0, 1, 2, self.listing.len() as u32 + 3, 0, 1, 0, u32::MAX]));
        root.extend(self.inodes);
        let inode_table = table(&root, &mut image);
        let directory_table = table(&self.listing, &mut image);
        let size = self.fragments.0.len() as u32;
        let fragments: Vec<_> = (0..self.fragments.1).flat_map(|_| words(&[block, 0, size, 0])).collect();
        let fragment_table = pointed(&fragments, &mut image);
        let id_table = pointed(&[0; 4], &mut image);
        let mut head = b"hsqs".to_vec();
        head.extend(words(&[2, 0, 1 << 20, self.fragments.1]));
        head.extend([5u16, 20, 0x400, 1, 4, 0].iter().flat_map(|field| field.to_le_bytes()));
        let (used, none) = (image.len() as u64, u64::MAX);
        let fields = [0, used, id_table, none, inode_table, directory_table, fragment_table, none];
        head.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        image[..96].copy_from_slice(&head);
        image
    }
}

/// Blocks of metadata as they are. Returns where they begin.
fn table(bytes: &[u8], image: &mut Vec<u8>) -> u64 {
    let start = image.len() as u64;
    for block in bytes.chunks(8192) {
        image.extend((0x8000 | block.len() as u16).to_le_bytes());
        image.extend(block);
    }
    start
}

fn pointed(bytes: &[u8], image: &mut Vec<u8>) -> u64 {
    let start = table(bytes, image);
    let array = image.len() as u64;
    for number in 0..bytes.len().div_ceil(8192) as u64 {
        image.extend((start + number * 8194).to_le_bytes());
    }
    array
}

/// A listing of names of four digits, all of the inode 2 at that place: in runs, as long as Linux takes them.
fn listing(count: u32, offset: u16, kind: u16) -> Vec<u8> {
    let mut listing = Vec::new();
    for first in (0..count).step_by(256) {
        let last = count.min(first + 256);
        listing.extend(words(&[last - first - 1, 0, 2]));
        for number in first..last {
            listing.extend([offset, 0, kind, 3].iter().flat_map(|field| field.to_le_bytes()));
            listing.extend(format!("{number:04}").as_bytes());
        }
    }
    listing
}

/// A squashfs with so many names of one link.
fn links(names: u32, length: u32) -> Squashfs {
    let mut link = [3u16, 0o777, 0, 0].iter().flat_map(|field| field.to_le_bytes()).collect::<Vec<_>>();
    link.extend(words(&[0, 2, names, length]));
    link.resize(link.len() + length as usize, b'x');
    Squashfs { inodes: link, listing: listing(names, 40, 3), ..Squashfs::default() }
}

#[test]
fn many_names_of_one_long_link() {
    let image = |names, length| links(names, length).image();
    assert_eq!(hit_sound("squashfs", image(3, 30)), []);
    assert_eq!(hit_sound("squashfs", image(600, 30)), [], "three runs");
    // The longest that Linux follows.
    assert_eq!(hit_before_listing("squashfs", image(6500, 4095)), [LimitKind::Nodes]);
}

#[test]
fn many_fragments_that_are_one_block_and_no_file_uses() {
    // 1 MiB of zeros in LZ4: one literal, a match behind it, and five literals at the end.
    let mut block = vec![0x1f, 0, 1, 0];
    let repeated = (1 << 20) - 1 - 5 - 19;
    block.extend(vec![255; repeated / 255]);
    block.extend([(repeated % 255) as u8, 0x50, 0, 0, 0, 0, 0]);
    let image = |count| Squashfs { fragments: (block.clone(), count), ..links(1, 30) }.image();
    assert_eq!(hit_sound("squashfs", image(2)), []);
    assert_eq!(hit_sound("squashfs", image(100)), [LimitKind::Space]);
}

/// The table of directories has no byte then, and what follows begins where it does.
#[test]
fn a_directory_without_names_is_read() {
    assert_eq!(hit_sound("squashfs", Squashfs::default().image()), []);
}
