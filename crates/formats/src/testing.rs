//! What the tests of all formats share: parse some bytes, and check what must hold for any bytes.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use kiwame_image::{Defect, Format, Limits, Memory, Options, Region, Tree};

/// The tree of `bytes`, its tiling checked.
pub(crate) fn parse(format: &'static dyn Format, bytes: &[u8]) -> Tree {
    let host = Memory::new([bytes.to_vec()]);
    let tree =
        kiwame_image::parse(&host, 0, bytes.len() as u64, format, &Limits::default(), &Options::default())
            .expect("memory can be read");
    check_tiling(&tree);
    tree
}

/// The digest of the normal form of the first container that has one.
pub(crate) fn normal(format: &'static dyn Format, bytes: &[u8]) -> Option<String> {
    let host = Memory::new([bytes.to_vec()]);
    let options = Options { normal: true, ..Options::default() };
    let tree = kiwame_image::parse(&host, 0, bytes.len() as u64, format, &Limits::default(), &options)
        .expect("memory can be read");
    tree.regions().find_map(|region| Some(region.normal.as_ref()?.sha256.hex()))
}

/// Panics unless the leaves of every space tile it exactly.
pub(crate) fn check_tiling(tree: &Tree) {
    for space in tree.spaces() {
        let mut at = 0;
        for leaf in tree.leaves().filter(|leaf| leaf.space == space.id) {
            assert_eq!(leaf.span.offset, at, "{}", tree.path(leaf.id));
            at = leaf.span.end();
        }
        assert_eq!(at, space.size, "{}", tree.space_path(space.id));
    }
}

/// Parses every truncation of `bytes`, and every copy in which some bits of one byte are flipped.
pub(crate) fn torture(format: &'static dyn Format, bytes: &[u8]) {
    for length in 0..bytes.len() {
        parse(format, &bytes[..length]);
    }
    let mut copy = bytes.to_vec();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            copy[at] ^= flip;
            parse(format, &copy);
            copy[at] ^= flip;
        }
    }
}

/// Kind, key, offset and length of every leaf.
pub(crate) fn leaves(tree: &Tree) -> Vec<(&'static str, String, u64, u64)> {
    let row = |leaf: &Region| {
        let key = String::from_utf8_lossy(&leaf.segment.key).into_owned();
        (leaf.kind, key, leaf.span.offset, leaf.span.length)
    };
    tree.leaves().map(row).collect()
}

/// The first region whose path is `path`.
pub(crate) fn region<'t>(tree: &'t Tree, path: &str) -> &'t Region {
    tree.regions().find(|region| tree.path(region.id) == path).unwrap_or_else(|| {
        let paths: Vec<_> = tree.regions().map(|region| tree.path(region.id)).collect();
        panic!("no {path} in {paths:#?}")
    })
}

/// The ids of all defects.
pub(crate) fn defects(tree: &Tree) -> Vec<&'static str> {
    tree.defects().iter().map(|defect: &Defect| defect.id).collect()
}

/// Writes `value` at `at`.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
