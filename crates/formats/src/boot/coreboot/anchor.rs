//! What the bootblock says of the headers of all files, and of the flash map (`CBFS_VERIFICATION`).
//!
//! ```text
//! 0x00 magic ad "MdtHsh" 15  8    0x0c hash of the headers
//! 0x08 algo                  4         hash of the flash map, as long
//! ```
//!
//! coreboot at f0f91182 (2026-08), `src/commonlib/bsd/include/commonlib/bsd/metadata_hash.h`. The headers are those of all files but free
//! space, with names and attributes, in the order in which the loader comes to them. Headers hold the hashes of the data, so
//! whoever trusts the bootblock trusts the files.

use kiwame_image::{Builder, Defect, DefectKind, Fact, Input, Reader, Span, Sum, len64, to_usize};

use super::Read;
use super::attribute::algorithm;
use super::cbfs::Walk;
use super::fmap::Area;

/// Holds the anchor against the headers in `COREBOOT` and against the map. Nothing is said where there is none.
pub(super) fn check<'a>(at: &Input<'a>, map: Span, areas: &[Area], out: &mut Builder<'_, 'a>) -> Read<()> {
    let area = |name: &[u8]| areas.iter().find(|area| area.name == name);
    let input = |area: &Area| at.slice(area.span.offset, area.span.length);
    let Some(files) = area(b"COREBOOT").map(input) else { return Ok(()) };
    let headers = headers(&files)?;
    let bootblock = match area(b"BOOTBLOCK") {
        Some(area) => Some(input(area)),
        None => headers.iter().find(|header| header.anchors).map(|header| header.data.clone()),
    };
    let Some(bootblock) = bootblock else { return Ok(()) };
    let Some(anchor) = Anchor::find(&bootblock)? else { return Ok(()) };
    out.fact(&ANCHOR, anchor.place);
    let Some((name, length)) = algorithm(anchor.algorithm) else {
        let place = anchor.place.saturating_add(8);
        out.defect(Defect::new(&ALGORITHM, "algo", place, anchor.algorithm, "a hash that coreboot knows"));
        return Ok(());
    };
    let Some(sum) = Sum::named(name) else { return Ok(()) };
    let headers: Vec<_> = headers.into_iter().map(|header| header.metadata).collect();
    let map = vec![at.slice(map.offset, map.length)];
    for (number, (field, inputs)) in (0_u64..).zip([("cbfs_hash", headers), ("fmap_hash", map)]) {
        let start = HEAD.saturating_add(number.saturating_mul(length));
        let place = Span::new(anchor.place.saturating_add(start), length);
        let value = Reader::new(&anchor.bytes, anchor.place, &TRUNCATED);
        let value = value
            .clone()
            .bytes(start.saturating_add(length), field)?
            .get(to_usize(start)..)
            .map(<[u8]>::to_vec);
        let spans: Vec<_> = inputs.iter().map(Input::span).collect();
        at.spend(spans.iter().map(|span| span.length).fold(0, u64::saturating_add))?;
        if !inputs.is_empty() {
            let measured = sum.of(&inputs)?;
            out.says_digest(&spans, (sum, measured), (field, place), value.unwrap_or_default());
        }
    }
    Ok(())
}

/// Header, name and attributes of a file, and its data.
struct Headed<'a> {
    metadata: Input<'a>,
    data: Input<'a>,
    /// The anchor may be in it.
    anchors: bool,
}

fn headers<'a>(files: &Input<'a>) -> Read<Vec<Headed<'a>>> {
    let mut found = Vec::new();
    let mut walk = Walk::new(files);
    while let Some((span, header)) = walk.file()? {
        if !header.is_free() {
            files.spend(64)?;
            found.push(Headed {
                metadata: files.slice(span.offset, header.data),
                data: files.slice(span.offset.saturating_add(header.data), header.length),
                anchors: ANCHORS.contains(&header.kind),
            });
        }
    }
    Ok(found)
}

struct Anchor {
    place: u64,
    algorithm: u32,
    bytes: Vec<u8>,
}

impl Anchor {
    fn find(bootblock: &Input<'_>) -> Read<Option<Self>> {
        bootblock.spend(bootblock.length())?;
        let window = bootblock.window()?;
        let Some(start) = memchr::memmem::find(&window, MAGIC) else { return Ok(None) };
        let bytes = window.get(start..).unwrap_or_default();
        let bytes = bytes.get(..to_usize(MOST)).unwrap_or(bytes).to_vec();
        let place = bootblock.offset().saturating_add(len64(window.get(..start).unwrap_or_default()));
        let mut reader = Reader::new(&bytes, place, &TRUNCATED);
        reader.bytes(8, "magic")?;
        let algorithm = reader.u32_be("algo")?;
        Ok(Some(Self { place, algorithm, bytes }))
    }
}

const MAGIC: &[u8] = b"\xadMdtHsh\x15";
/// Magic and algorithm.
const HEAD: u64 = 12;
/// The same with the two longest hashes.
const MOST: u64 = 12 + 2 * 64;
/// The bootblock, and AMD's firmware that holds it.
const ANCHORS: [u32; 2] = [1, 0x80];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&ALGORITHM, &TRUNCATED];

/// The anchor of the metadata hash has an algorithm that coreboot does not know.
static ALGORITHM: DefectKind = DefectKind::ambiguous("fmap/anchor-algorithm");
/// The bootblock ends before the anchor of the metadata hash does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("fmap/anchor-truncated").cut_short();

// Facts, in the words of the specification.
static ANCHOR: Fact = Fact::new("metadata-hash-anchor");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Algorithm, Host as _, Memory, Part};

    use super::super::fixtures::{AREAS, RAW, file, files, flash};
    use super::super::fmap::Fmap;
    use super::*;
    use crate::testing::{defects, parse, put, region};

    fn sha256(parts: &[&[u8]]) -> Vec<u8> {
        let parts: Vec<_> = parts.iter().map(|part| Part::Memory(part)).collect();
        Memory::new([Vec::new()]).digest(Algorithm::Sha256, &parts).expect("memory").bytes().to_vec()
    }

    /// A flash with an anchor in its bootblock.
    fn image() -> Vec<u8> {
        let bootblock = [&[0x90; 16][..], MAGIC, &2_u32.to_be_bytes(), &[0; 128]].concat();
        let all =
            [file("one", RAW, &[], b"first"), file("", 0, &[], b""), file("bootblock", 1, &[], &bootblock)];
        let mut image = flash(&AREAS);
        put(&mut image, 0x600, &files(&all, 0x1a00));
        let place = 0x600 + 0x80 + 36 + 16;
        let headers = sha256(&[&image[0x600..0x61c], &image[0x680..0x680 + 36]]);
        let map = sha256(&[&image[0x400..0x400 + 56 + 5 * 42]]);
        put(&mut image, place + 12, &headers);
        put(&mut image, place + 44, &map);
        image
    }

    #[test]
    fn the_bootblock_answers_for_all_headers_and_the_map() {
        let tree = parse(&Fmap, &image());
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "image").fact(&ANCHOR), Some(&(0x680_u64 + 52).into()));
        let about: Vec<_> = tree.claims().iter().map(|claim| claim.about.clone()).collect();
        let headers = vec![Span::new(0x600, 28), Span::new(0x680, 36)];
        assert_eq!(about, [headers, vec![Span::new(0x400, 56 + 5 * 42)]]);
    }

    #[test]
    fn a_header_a_file_more_and_an_area_are_seen() {
        let with = |at: usize, bytes: &[u8]| {
            let mut image = image();
            put(&mut image, at, bytes);
            defects(&parse(&Fmap, &image)).join(" ")
        };
        assert_eq!(with(0x618, b"f"), "claim/digest", "a name");
        assert_eq!(with(0x61c, b"F"), "", "the data, of which no hash is said here");
        assert_eq!(with(0x640, &file("two", RAW, &[], b"")), "claim/digest", "free space no longer");
        assert_eq!(with(0x400 + 56 + 40, &[4]), "claim/digest", "flags of an area");
        assert_eq!(with(0x680 + 36 + 16 + 11, &[9]), "fmap/anchor-algorithm");
    }
}
