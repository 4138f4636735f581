//! Taking images apart, and what holds for every tree.

use std::collections::BTreeMap;

use kiwame_image::{Format, Glance, Limits, Memory, Options, Partition, Span, Tree, len64};

use crate::cost;

/// Small enough that an input which spends all of them is done in an instant.
pub fn limits() -> Limits {
    const MIB: u64 = 1 << 20;
    Limits {
        space: 4 * MIB,
        live: 6 * MIB,
        decoded: 64 * MIB,
        depth: 32,
        nodes: 20_000,
        reads: 256 * MIB,
        defects: 1000,
    }
}

/// One format, on bytes that need not be its own.
pub fn of_format(format: &'static dyn Format, input: &[u8]) -> u32 {
    let size = len64(input);
    let length = input.len().min(Glance::LENGTH as usize);
    cost::check_probe(length, || {
        let _ = format.probe(&Glance::new(&input[..length], size));
    });
    let host = Memory::new([input.to_vec()]);
    let tree = kiwame_image::parse(&host, 0, size, format, &limits(), &kiwame_formats::options());
    check(&tree.expect("memory can be read"));
    1
}

/// Whatever recognises the bytes.
pub fn of_image(input: &[u8]) -> u32 {
    let host = Memory::new([input.to_vec()]);
    let options = Options { list_digests: true, ..Options::default() };
    let tree = kiwame_formats::parse(&host, 0, len64(input), &limits(), &options);
    check(&tree.expect("memory can be read"));
    1
}

/// Up to four partitions. The input begins with their number and their lengths, three bytes each.
pub fn of_layout(input: &[u8]) -> u32 {
    let Some((layout, image)) = layout(input) else { return 0 };
    let host = Memory::new([image.to_vec()]);
    let part = |(name, span)| Partition { name, span, erase_block: None, environment: None };
    let layout = layout.into_iter().map(part).collect();
    // Normal forms are made of hostile bytes, too.
    let options = Options { layout, normal: true, ..Options::default() };
    let tree = kiwame_formats::parse(&host, 0, len64(image), &limits(), &options);
    check(&tree.expect("memory can be read"));
    1
}

fn layout(input: &[u8]) -> Option<(Vec<(String, Span)>, &[u8])> {
    let (&number, rest) = input.split_first()?;
    let (lengths, image) = rest.split_at_checked(usize::from(number % 5) * 3)?;
    let mut at = 0;
    let parts = lengths.chunks(3).enumerate().map(|(number, bytes)| {
        let length = bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        let part = Span::new(at, length);
        at += length;
        (NAMES[number].to_owned(), part)
    });
    Some((parts.collect(), image))
}

/// The other way round, for seeds.
pub fn with_layout(parts: &[&[u8]]) -> Vec<u8> {
    let mut input = vec![parts.len() as u8];
    for part in parts {
        input.extend_from_slice(&(part.len() as u32).to_be_bytes()[1..]);
    }
    input.extend(parts.concat());
    input
}

/// What holds for every tree: leaves tile, each is covered by one measured region, and limits are kept.
fn check(tree: &Tree) {
    let limits = limits();
    let complete = tree.limits_hit().is_empty();
    let mut ends = BTreeMap::new();
    for leaf in tree.leaves() {
        let end = ends.entry(leaf.space).or_insert(0);
        assert_eq!(leaf.span.offset, *end, "a gap or an overlap before {}", tree.path(leaf.id));
        *end = leaf.span.end();
        let around = tree.ancestors(leaf.id).take_while(|region| region.space == leaf.space);
        let measured = around.chain([leaf]).filter(|region| region.measured).count();
        assert!(
            measured == 1 || !complete && measured == 0,
            "{} is measured {measured} times",
            tree.path(leaf.id)
        );
    }
    for space in tree.spaces() {
        let end = ends.get(&space.id).copied().unwrap_or(0);
        assert_eq!(end, space.size, "the end of {}", tree.space_path(space.id));
    }
    let decoded = || tree.spaces().iter().skip(1).map(|space| space.size);
    assert!(decoded().all(|size| size <= limits.space), "a space beyond the limit");
    assert!(decoded().sum::<u64>() <= limits.decoded, "spaces beyond the limit");
    assert!(tree.regions().count() as u64 <= limits.nodes, "regions beyond the limit");
    assert!(tree.defects().len() as u64 <= limits.defects, "defects beyond the limit");
}

const NAMES: [&str; 4] = ["boot", "env", "kernel", "rootfs"];
