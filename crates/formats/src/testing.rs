//! What the tests of all formats share: parse some bytes, and check what must hold for any bytes.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use core::ops::Range;

use kiwame_image::{Defect, Format, Limits, Memory, Options, Region, Tree};

/// The tree of `bytes`, its tiling checked.
pub(crate) fn parse(format: &'static dyn Format, bytes: &[u8]) -> Tree {
    let host = Memory::new([bytes.to_vec()]);
    let tree =
        kiwame_image::parse(&host, 0, bytes.len() as u64, format, &Limits::default(), &crate::options())
            .expect("memory can be read");
    check_tiling(&tree);
    tree
}

/// The digest of the normal form of the first container that has one.
pub(crate) fn normal(format: &'static dyn Format, bytes: &[u8]) -> Option<String> {
    let host = Memory::new([bytes.to_vec()]);
    let options = Options { normal: true, ..crate::options() };
    let tree = kiwame_image::parse(&host, 0, bytes.len() as u64, format, &Limits::default(), &options)
        .expect("memory can be read");
    tree.regions().find_map(|region| Some(region.normal.as_ref()?.sha256.hex()))
}

/// Panics unless the leaves of every space tile it exactly.
pub(crate) fn check_tiling(tree: &Tree) {
    for space in tree.spaces() {
        let mut at = space.origin;
        for leaf in tree.leaves().filter(|leaf| leaf.space == space.id) {
            assert_eq!(leaf.span.offset, at, "{}", tree.path(leaf.id));
            at = leaf.span.end();
        }
        assert_eq!(at, space.origin + space.size, "{}", tree.space_path(space.id));
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

/// What a policy that accepts re-encoding compares (RULES 2): the content of the streams, their forms, and the headers
/// around them without what is masked. `None` where something is ambiguous, so that nothing is accepted.
fn compared(format: &'static dyn Format, bytes: &[u8]) -> Option<Vec<String>> {
    let host = Memory::new([bytes.to_vec()]);
    let options = Options { normal: true, ..crate::options() };
    // Little memory, which is made ready anew each time.
    let limits = Limits { space: 1 << 12, ..Limits::default() };
    let tree = kiwame_image::parse(&host, 0, bytes.len() as u64, format, &limits, &options)
        .expect("memory can be read");
    let row = |region: &Region| {
        let encoded = region.encodes.is_some();
        let digest = region.masked.as_deref().or(region.sha256.as_ref()).filter(|_| !encoded);
        let facts = region.attributes.iter().filter(|fact| !fact.fact.encoding);
        let facts: Vec<_> =
            facts.map(|fact| format!("{}={}", fact.fact.name, fact.value.display())).collect();
        let place = if encoded { String::new() } else { format!("{:?}", region.span) };
        format!("{} {place} {digest:?} {:?} {facts:?}", tree.path(region.id), region.normal)
    };
    let sound = tree.defects().is_empty() && tree.regions().any(|region| region.normal.is_some());
    sound.then(|| tree.regions().filter(|region| region.is_leaf()).map(row).collect())
}

/// Flips every bit, and doubles, removes and inserts every byte: whatever is compared is another thing then, unless the
/// byte is on the list of what the format ignores.
pub(crate) fn every_byte_is_compared(format: &'static dyn Format, bytes: &[u8], ignored: Range<usize>) {
    let genuine = compared(format, bytes).expect("genuine");
    let check = |copy: &[u8], at: usize, what: &str| {
        let same = compared(format, copy).is_some_and(|changed| changed == genuine);
        assert!(!same || ignored.contains(&at), "{what} at {at:#x} is not seen");
    };
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut copy = bytes.to_vec();
            copy[at] ^= 1 << bit;
            check(&copy, at, "a bit");
        }
        let mut copy = bytes.to_vec();
        copy.insert(at, bytes[at]);
        check(&copy, at, "a byte more");
        let mut copy = bytes.to_vec();
        copy.remove(at);
        check(&copy, at, "a byte less");
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
    tree.defects().iter().map(|defect: &Defect| defect.kind.id).collect()
}

/// Writes `value` at `at`.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
