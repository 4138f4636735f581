//! Files, maps and images for the tests of this folder.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use std::io::Write as _;

use crate::testing::put;

pub(super) const RAW: u32 = 0x50;
pub(super) const STAGE: u32 = 0x11;
pub(super) const SELF: u32 = 0x20;

/// A file with such attributes.
pub(super) fn file(name: &str, kind: u32, attributes: &[Vec<u8>], data: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let name_end = 24 + (name.len() + 1).next_multiple_of(4);
    let words = [
        data.len() as u32,
        kind,
        if attributes.is_empty() { 0 } else { name_end as u32 },
        (name_end + attributes.len()) as u32,
    ];
    let mut file = b"LARCHIVE".to_vec();
    file.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    file.extend(name.as_bytes());
    file.resize(name_end, 0);
    file.extend(attributes);
    file.extend(data);
    file
}

/// An attribute.
pub(super) fn attribute(tag: u32, data: &[u8]) -> Vec<u8> {
    [&tag.to_be_bytes()[..], &(data.len() as u32 + 8).to_be_bytes(), data].concat()
}

pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Files, one behind the other, and free space up to such a size.
pub(super) fn files(files: &[Vec<u8>], size: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for file in files {
        all.extend(file);
        all.resize(all.len().next_multiple_of(64), 0xff);
    }
    if all.len() + 64 <= size {
        let free = vec![0xff; size - all.len() - 28];
        all.extend(file("", u32::MAX, &[], &free));
    }
    all.resize(size, 0xff);
    all
}

/// A map of a flash of such a size.
pub(super) fn map(size: u32, areas: &[(&str, u32, u32)]) -> Vec<u8> {
    let mut map = b"__FMAP__\x01\x01".to_vec();
    map.extend([0; 8]);
    map.extend(size.to_le_bytes());
    map.extend(b"FLASH");
    map.resize(0x36, 0);
    map.extend((areas.len() as u16).to_le_bytes());
    for (name, offset, size) in areas {
        let start = map.len();
        map.extend(offset.to_le_bytes());
        map.extend(size.to_le_bytes());
        map.extend(name.as_bytes());
        map.resize(start + 42, 0);
    }
    map
}

/// A flash of 8 KiB: a map at 0x400, an area of the device, and two files.
pub(super) const AREAS: [(&str, u32, u32); 5] = [
    ("BIOS", 0, 0x2000),
    ("RW_NVRAM", 0, 0x400),
    ("WP_RO", 0x400, 0x1c00),
    ("FMAP", 0x400, 0x200),
    ("COREBOOT", 0x600, 0x1a00),
];

pub(super) fn flash(areas: &[(&str, u32, u32)]) -> Vec<u8> {
    let mut flash = vec![0xff; 0x2000];
    put(&mut flash, 0x400, &map(0x2000, areas));
    put(
        &mut flash,
        0x600,
        &files(&[file("one", RAW, &[], b"first"), file("two", RAW, &[], b"second")], 0x1a00),
    );
    flash
}

/// LZMA as `cbfstool` writes it.
pub(super) fn lzma(content: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions { dict_size: 1 << 16, ..lzma_rust2::LzmaOptions::with_preset(6) };
    let size = Some(content.len() as u64);
    let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, size).expect("options");
    writer.write_all(content).expect("memory");
    writer.finish().expect("memory")
}
