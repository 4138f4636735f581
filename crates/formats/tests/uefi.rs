//! A real UEFI image, from the file to its last program: Debian's `OVMF_CODE_4M.fd`.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Read as _;

use kiwame_image::{Content, Limits, Memory, Options, Region, SpaceId, Tree};

fn sample() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../firmware-samples/uefi/OVMF_CODE_4M.fd");
    std::fs::read(path).expect("the sample is part of the repository")
}

/// Parses, and checks that the leaves tile every space.
fn parse(bytes: Vec<u8>) -> Tree {
    let size = bytes.len() as u64;
    let options = Options { list_digests: true, ..Options::default() };
    let tree = kiwame_formats::parse(&Memory::new([bytes]), 0, size, &Limits::default(), &options).unwrap();
    for space in tree.spaces() {
        let mut at = 0;
        for leaf in tree.leaves().filter(|leaf| leaf.space == space.id) {
            assert_eq!(leaf.span.offset, at, "{}", tree.path(leaf.id));
            at = leaf.span.end();
        }
        assert_eq!(at, space.size, "{}", tree.space_path(space.id));
    }
    tree
}

fn of_kind<'t>(tree: &'t Tree, kind: &str) -> Vec<&'t Region> {
    tree.regions().filter(|region| region.kind == kind).collect()
}

#[test]
fn ovmf_opens_to_its_files_and_programs() {
    let tree = parse(sample());
    assert_eq!(tree.format(), "uefi-image");
    assert_eq!(tree.defects(), []);
    assert_eq!(tree.limits_hit(), []);

    let (files, pads) = (of_kind(&tree, "uefi-file"), of_kind(&tree, "uefi-pad-file"));
    assert_eq!((files.len(), pads.len()), (128, 13), "141 files in all");
    let programs = of_kind(&tree, "pe32-image").into_iter().chain(of_kind(&tree, "te-image"));
    assert_eq!(programs.filter(|program| program.sha256.is_some()).count(), 124);
    let named = files.iter().filter(|file| file.name.is_some()).count();
    assert_eq!(named, 124, "every file with a program has a name, and no other");

    let spaces: Vec<_> = tree.spaces().iter().map(|space| (tree.space_path(space.id), space.size)).collect();
    let stream = "uefi-volume:48DB5E17-707C-472D-91CD-1613E7EF51B0\
                  /uefi-file:9E21FD93-9C72-4C15-8C4B-E77F1DB2D792\
                  /uefi-section:EE4E5898-3914-4259-9D6E-DC7BD79403CF/lzma:stream";
    assert_eq!(spaces, [("image", 3_653_632), (stream, 13_500_560)]);
}

#[test]
fn a_driver_of_ovmf_has_its_path_name_version_and_digest() {
    let tree = parse(sample());
    let driver =
        tree.regions().find(|region| region.name.as_deref() == Some("Udp4Dxe")).expect("it is there");
    let path = tree.path(driver.id);
    assert!(path.ends_with("/uefi-file:6D6963AB-906D-4A65-A7CA-BD40E5D6AF2B"), "{path}");
    let facts: BTreeMap<_, _> =
        driver.attributes.iter().map(|fact| (fact.fact.name, fact.value.display())).collect();
    assert_eq!(facts["type-name"], "driver");
    assert_eq!(facts["state"], "data-valid");
    assert_eq!(facts["version"], "1.0");
    assert!(driver.order.is_some() && driver.component && driver.measured);
}

#[test]
fn one_byte_in_free_space_makes_all_of_it_not_understood() {
    let clean = parse(sample());
    let free = clean
        .regions()
        .find(|region| region.space == SpaceId::IMAGE && region.kind == "free-space")
        .expect("OVMF has free space outside its stream");
    assert_eq!(free.content, Content::Fill);
    let mut bytes = sample();
    bytes[(free.span.end() - 1) as usize] = 0x90;
    let tree = parse(bytes);
    let hidden = tree.regions().find(|region| tree.path(region.id) == clean.path(free.id)).unwrap();
    assert_eq!((hidden.content, hidden.span), (Content::Unknown, free.span), "whole, never split");
}

#[test]
fn one_bit_in_the_stream_is_a_defect_and_nothing_is_guessed() {
    let mut bytes = sample();
    bytes[0x50000] ^= 0x10;
    let tree = parse(bytes);
    let ids: Vec<_> = tree.defects().iter().map(|defect| (defect.kind.id, defect.kind.ambiguous)).collect();
    assert_eq!(ids, [("uefi-section/decode", true)]);
    let stream = of_kind(&tree, "lzma-stream")[0];
    assert_eq!((stream.content, stream.encodes), (Content::Encoded, None), "a stream that nobody opened");
    assert_eq!(tree.spaces().len(), 1);
}

#[test]
fn cuts_at_the_bounds_of_the_structure_are_tiled_too() {
    let bytes = sample();
    let stream_end = 0x17_1087;
    let tree = parse(bytes.clone());
    let bounds: Vec<u64> = tree
        .regions()
        .filter(|region| region.space == SpaceId::IMAGE)
        .flat_map(|region| [region.span.offset, region.span.end()])
        .filter(|&bound| bound > 0 && bound < stream_end)
        .collect();
    assert!(bounds.len() > 8);
    for cut in bounds.into_iter().flat_map(|bound| [bound - 1, bound, bound + 1]) {
        parse(bytes[..cut as usize].to_vec());
    }
}

/// How many rounds a random test makes: few, or what `KIWAME_SOAK` asks for.
fn rounds() -> usize {
    std::env::var("KIWAME_SOAK").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8)
}

/// Numbers that look random, the same in every run.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut random = 0x2545_f491_4f6c_dd1du64;
    move |below| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    }
}

#[test]
fn flips_and_cuts_anywhere_never_panic_and_always_tile() {
    let (clean, mut next) = (sample(), numbers());
    for round in 0..rounds() {
        let mut bytes = clean.clone();
        // Every other round inside the part that is not erased.
        let place = if round % 2 == 0 { next(0x17_1087) } else { next(bytes.len()) };
        bytes[place] ^= 1 << next(8);
        if round % 4 == 3 {
            bytes.truncate(next(clean.len()));
        }
        parse(bytes);
    }
}

/// The content of the stream, damaged where its structure is described: in headers.
#[test]
fn damaged_headers_inside_the_stream_never_panic_and_always_tile() {
    let mut content = Vec::new();
    let image = sample();
    let mut reader = lzma_rust2::LzmaReader::new_mem_limit(&image[168..], u32::MAX, None).unwrap();
    reader.read_to_end(&mut content).unwrap();
    let format = kiwame_formats::named("uefi-sections").unwrap();
    let parse = |bytes: Vec<u8>| {
        let size = bytes.len() as u64;
        let tree = kiwame_image::parse(
            &Memory::new([bytes]),
            0,
            size,
            format,
            &Limits::default(),
            &kiwame_formats::options(),
        );
        let tree = tree.unwrap();
        let total: u64 =
            tree.leaves().filter(|leaf| leaf.space == SpaceId::IMAGE).map(|leaf| leaf.span.length).sum();
        assert_eq!(total, size);
        tree
    };
    let headers: Vec<_> = parse(content.clone())
        .leaves()
        .filter(|leaf| leaf.kind.contains("header"))
        .map(|leaf| leaf.span)
        .collect();
    assert!(headers.len() > 500);
    let mut next = numbers();
    for _ in 0..rounds() {
        let mut bytes = content.clone();
        for _ in 0..20 {
            let span = headers[next(headers.len())];
            bytes[span.offset as usize + next(span.length as usize)] = next(256) as u8;
        }
        parse(bytes);
    }
}

#[test]
fn half_an_image_is_a_volume_that_was_cut() {
    let bytes = sample();
    let tree = parse(bytes[..bytes.len() / 2].to_vec());
    assert!(
        tree.defects().iter().any(|defect| defect.kind.id == "uefi-volume/beyond" && defect.kind.ambiguous)
    );
    assert_eq!(tree.format(), "uefi-image");
}
