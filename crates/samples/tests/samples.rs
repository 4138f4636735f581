//! The samples themselves: every one comes out as its description pins it, the real ones are the files of their
//! origin, and every format has at least one.

use std::collections::BTreeSet;

use kiwame_image::{Limits, Memory, Options};
use kiwame_samples::{names, sample, sha256};

#[test]
fn every_description_makes_what_it_pins() {
    let names = names().expect("the folder can be read");
    assert!(names.len() > 150, "only {} samples", names.len());
    for name in names {
        let path = kiwame_samples::folder().join(format!("{name}.toml"));
        let text = std::fs::read_to_string(path).expect("readable");
        let pinned = text.lines().find_map(|line| line.strip_prefix("sha256 = ")).unwrap_or_default();
        let bytes = sample(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(format!("\"{}\"", sha256(&bytes)), pinned, "{name}");
    }
}

/// `ovmf` 2022.11-6+deb12u2 of Debian, `/usr/share/OVMF`.
#[test]
fn the_firmware_of_debian_is_as_it_was_shipped() {
    for (name, digest) in [
        ("uefi/OVMF_CODE_4M.fd", "b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c"),
        ("uefi/OVMF_VARS_4M.ms.fd", "e6044c5d1fd81998a5967d907ec425e48da534832c7d9b0b4c7a702b62019c50"),
    ] {
        assert_eq!(sha256(&sample(name).expect("there")), digest, "{name}");
    }
}

#[test]
fn every_format_has_a_sample() {
    let mut seen = BTreeSet::new();
    for name in names().expect("the folder can be read") {
        let bytes = sample(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        if bytes.len() > 64 << 10 {
            continue; // The big ones have nothing that a small one lacks.
        }
        let size = u64::try_from(bytes.len()).expect("small");
        let host = Memory::new([bytes]);
        let tree = kiwame_formats::parse(&host, 0, size, &Limits::default(), &Options::default());
        let tree = tree.expect("memory can be read");
        seen.insert(tree.format());
        seen.extend(tree.regions().map(|region| region.kind));
    }
    for format in kiwame_formats::formats() {
        assert!(seen.contains(format.name()), "no sample of {}", format.name());
    }
}

#[test]
fn a_part_that_does_not_lie_where_it_says_is_an_error() {
    let text = "part = [{ u8 = 1 }, { at = 2, u8 = 1 }]";
    assert!(kiwame_samples::assemble(text).is_err_and(|error| error.to_string().contains("lies at 0x1")));
}

#[test]
fn checksums_come_out_to_zero() {
    let edits = |op: &str| {
        let text = format!("part = [{{ hex = \"000000000102030405060708\" }}]\nedit = [{{ {op} }}]");
        kiwame_samples::assemble(&text).expect("a description")
    };
    let bytes = edits("op = \"sum8\", at = 0, from = 0, to = 12, skip = [4]");
    assert_eq!(bytes.first(), Some(&0u8.wrapping_sub(35)));
    assert_eq!(
        edits("op = \"sum16\", at = 0, from = 0, to = 8").first_chunk(),
        Some(&0xf9fcu16.to_le_bytes())
    );
    let bytes = edits("op = \"sum32\", at = 0, from = 0, to = 8");
    assert_eq!(bytes.first_chunk(), Some(&0u32.wrapping_sub(0x0403_0201).to_le_bytes()));
    // The check value of CRC-32 is that of "123456789".
    let text = "part = [{ fill = 0, count = 4 }, { ascii = \"123456789\" }]\n\
        edit = [{ op = \"crc32\", at = 0, from = 4, to = 13 }]";
    let bytes = kiwame_samples::assemble(text).expect("a description");
    assert_eq!(bytes.first_chunk(), Some(&0xcbf4_3926_u32.to_le_bytes()));
}
