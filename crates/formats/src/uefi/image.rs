//! A flash image, or the BIOS region of one, that holds UEFI firmware volumes.
//!
//! UEFI Platform Initialization Specification 1.8, volume 3, section 3.2.1. Loader modelled: none in particular;
//! a platform knows where its volumes lie, and every one that can be found is taken apart.
//! Ambiguities: none of its own. Limitations: volumes are found by their headers, so one whose header is wiped
//! is padding here, and padding is never split by content.
//!
//! ## Normal form
//!
//! None: what lies between volumes is fill, a region of what it holds, or a leaf that is not understood.

use kiwame_image::{
    Anchor, Builder, DefectKind, Format, Glance, Input, Laid, Node, Place, Reading, Recognised, RegionId,
    Span, Sure, Trouble, len64, to_usize,
};

use crate::boot::coreboot;
use crate::program::option_rom::OPTION_ROM;
use crate::uefi::volume::{self, VolumeHeader};
use crate::uefi::{encapsulation, file};
use crate::x86::interface_table;

/// Images with firmware volumes.
pub(crate) static UEFI_IMAGE: UefiImage = UefiImage;

/// Volumes one behind the other, with padding between them.
#[derive(Debug)]
pub(crate) struct UefiImage;

impl Format for UefiImage {
    fn name(&self) -> &'static str {
        "uefi-image"
    }

    fn about(&self) -> &'static str {
        "flash image or BIOS region with UEFI firmware volumes"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[file::DEFECTS, encapsulation::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let all = head.all();
        let last =
            head.near().saturating_add(VolumeHeader::SIGNATURE_OFFSET).saturating_add(len64(SIGNATURE));
        let near = all.get(..to_usize(last)).unwrap_or(all);
        // More signatures than that without a volume are no image; whoever reads all of it will tell.
        for at in signatures(near).take(MOST_SIGNATURES) {
            let Some(start) =
                len64(all.get(..at).unwrap_or_default()).checked_sub(VolumeHeader::SIGNATURE_OFFSET)
            else {
                continue;
            };
            let bytes = all.get(to_usize(start)..).unwrap_or_default();
            if VolumeHeader::believe(bytes, start).is_some() {
                return Some(Reading::new(self, Sure::Structure).beginning(start));
            }
        }
        None
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        // The volumes of a coreboot image lie in its files.
        if coreboot::lay_out(&at, out) {
            return;
        }
        let found = lay_out(&at, out);
        let flash =
            out.look(out.region()).is_some_and(|region| matches!(region.kind, "uefi-image" | "intel-region"));
        if flash && let Err(trouble) = interface_table::check(&at, out) {
            out.trouble(trouble);
        }
        if found {
            return;
        }
        if out.region() == RegionId::ROOT {
            out.add(Node::new("raw", "0", "raw", at).unknown());
        } else {
            Recognised(Place::Padding).parse(at, out);
        }
    }
}

/// A volume.
static ANCHOR: Anchor = Anchor {
    marks: &[SIGNATURE],
    at: VolumeHeader::SIGNATURE_OFFSET,
    whole: |at, _| {
        at.spend(VolumeHeader::LONGEST)?;
        let header = VolumeHeader::believe(&at.head(VolumeHeader::LONGEST)?, at.offset());
        Ok(header.map(|header| header.length).filter(|&length| length <= at.length()))
    },
};

/// What takes apart the bytes of a raw file or section: an option ROM, or volumes.
pub(crate) fn raw(body: &Input<'_>) -> Result<&'static dyn Format, Trouble> {
    let head = body.head(Glance::LENGTH)?;
    let rom = OPTION_ROM.probe(&Glance::new(&head, body.length())).is_some();
    Ok(if rom { OPTION_ROM } else { &UEFI_IMAGE })
}

/// Adds the volumes in `at` to the current region, and the padding between them. False, with nothing added, when
/// there is no volume.
pub(crate) fn lay_out<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> bool {
    lay_out_those(|_, _| true, at, out)
}

/// The same with those volumes that lie in `at` to their last byte and hold no variables. For places where old copies
/// of other things lie, whose headers speak of more than is left of them.
pub(crate) fn lay_out_whole<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> bool {
    lay_out_those(|header, room| header.length <= room && !header.holds_variables(), at, out)
}

/// Says of a volume, and of the bytes that there are from its first one on, whether it is meant.
type Wanted = fn(&VolumeHeader, u64) -> bool;

fn lay_out_those<'a>(wanted: Wanted, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> bool {
    let volumes = match volumes(at, wanted) {
        Ok(volumes) => volumes,
        Err(trouble) => {
            out.trouble(trouble);
            return false;
        }
    };
    if volumes.is_empty() {
        return false;
    }
    // The medium erases to FF unless every volume on it says otherwise.
    let erase = if volumes.iter().all(|(_, header)| header.erase() == 0) { 0 } else { 0xff };
    let (mut unnamed, mut paddings) = (0u32, 0u32);
    let things = volumes.iter().map(|(start, header)| (Span::new(*start, header.length), header));
    let (laid, behind) = kiwame_image::lay_out(at.length(), things.collect());
    for Laid { thing: header, stated, gap, .. } in laid {
        padding(at.slice(gap.offset, gap.length), erase, &mut paddings, out);
        out.add(volume::node(at, stated.offset, header, &mut unnamed));
    }
    padding(at.from(behind.offset), erase, &mut paddings, out);
    true
}

/// What lies beside volumes; microcode and interface tables in it are found later.
fn padding<'a>(input: Input<'a>, erase: u8, number: &mut u32, out: &mut Builder<'_, 'a>) {
    if !input.is_empty() {
        let node = Node::new("padding", number.to_string(), "padding", input);
        out.add_fill(node.then(&Recognised(Place::Padding)), erase);
        *number = number.saturating_add(1);
    }
}

/// Every volume in `at` that is meant, by its offset in it; none inside another.
fn volumes(at: &Input<'_>, wanted: Wanted) -> Result<Vec<(u64, VolumeHeader)>, Trouble> {
    let mut found = Vec::new();
    let (mut piece, mut behind_last) = (0u64, 0u64);
    while piece < at.length() {
        let window = at.slice(piece, PIECE.saturating_add(OVERLAP)).window()?;
        for place in signatures(&window) {
            let place = piece.saturating_add(len64(window.get(..place).unwrap_or_default()));
            let start = place.checked_sub(VolumeHeader::SIGNATURE_OFFSET);
            let Some(start) = start.filter(|&start| start >= behind_last) else { continue };
            // Signatures may stand every few bytes, with a long header at each.
            at.spend(VolumeHeader::LONGEST)?;
            let head = at.slice(start, VolumeHeader::LONGEST).window()?;
            let room = at.length().saturating_sub(start);
            let header = VolumeHeader::believe(&head, head.offset()).filter(|header| wanted(header, room));
            if let Some(header) = header {
                behind_last = start.saturating_add(header.length);
                found.push((start, header));
            }
        }
        piece = piece.saturating_add(PIECE).max(behind_last);
    }
    Ok(found)
}

/// Where `_FVH` stands.
fn signatures(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(bytes, SIGNATURE)
}

const SIGNATURE: &[u8; 4] = b"_FVH";
/// Bytes that are read in one go.
const PIECE: u64 = 256 << 10;
/// A signature may lie across two pieces.
const OVERLAP: u64 = 3;
const MOST_SIGNATURES: usize = 64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use kiwame_image::Content;

    use super::*;
    use crate::testing::{defects, parse, region};
    use crate::uefi::fixtures::{A, B, FFS2, file, named_volume, put, seal_volume, volume};

    fn recognises(bytes: &[u8]) -> bool {
        UEFI_IMAGE.probe(&Glance::new(bytes, bytes.len() as u64)).is_some()
    }

    #[test]
    fn volumes_are_children_and_padding_lies_between() {
        let one = volume(FFS2, &[file(A, 0x07, b"")], 0x100);
        let bytes = [&[0xff; 0x40], one.as_slice(), &[0; 0x10], &named_volume(B, &[], 0x100), &one].concat();
        assert!(recognises(&bytes));
        let tree = parse(&UEFI_IMAGE, &bytes);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "padding:0").content, Content::Fill);
        assert_eq!(region(&tree, "uefi-volume:0").span.offset, 0x40);
        assert_eq!(region(&tree, "padding:1").content, Content::Unknown, "zeros are data where FF is erased");
        assert_eq!(region(&tree, &format!("uefi-volume:{B}")).span.offset, 0x150);
        assert_eq!(region(&tree, "uefi-volume:1").span.offset, 0x250, "numbered among those without a name");
    }

    #[test]
    fn padding_is_never_split_by_content() {
        let one = volume(FFS2, &[], 0x100);
        let bytes = [&[0xff; 0x40], &b"code"[..], &[0xff; 0x40], &one].concat();
        let tree = parse(&UEFI_IMAGE, &bytes);
        let padding = region(&tree, "padding:0");
        assert_eq!((padding.content, padding.span.length), (Content::Unknown, 0x84));
    }

    #[test]
    fn a_signature_alone_is_no_volume() {
        let mut bytes = vec![0; 0x200];
        put(&mut bytes, 0x28, b"_FVH");
        assert!(!recognises(&bytes));
        let tree = parse(&UEFI_IMAGE, &bytes);
        assert_eq!(region(&tree, "raw:0").content, Content::Unknown);
        assert!(!recognises(b"_FVH"), "no room for what comes before it");
    }

    #[test]
    fn one_damaged_field_does_not_hide_a_volume() {
        let sound = volume(FFS2, &[], 0x100);
        let damaged = |at: usize| {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x40;
            recognises(&bytes)
        };
        assert!(damaged(0x32), "checksum");
        assert!(damaged(0x37), "revision");
        let mut two = sound.clone();
        two[0x10] ^= 1;
        seal_volume(&mut two);
        assert!(recognises(&two), "unknown file system");
        two[0x32] ^= 1;
        assert!(!recognises(&two), "unknown file system and a wrong checksum");
    }

    #[test]
    fn a_signature_in_a_volume_is_that_volume_s_own() {
        let inner = volume(FFS2, &[], 0x80);
        let outer = volume(FFS2, &[file(A, 0xc0, &inner)], 0x200);
        let tree = parse(&UEFI_IMAGE, &outer);
        let volumes = tree.regions().filter(|region| region.kind == "uefi-volume").count();
        assert_eq!(volumes, 1);
    }

    #[test]
    fn a_volume_behind_the_head_is_found_by_raw_too() {
        let far = usize::try_from(Glance::LENGTH).unwrap() + 0x123;
        let bytes = [vec![0x11; far], volume(FFS2, &[], 0x100)].concat();
        assert!(!recognises(&bytes[..far]));
        let tree = parse(crate::named("raw").unwrap(), &bytes);
        assert_eq!(region(&tree, "uefi-volume:0").span.offset, far as u64);
    }

    #[test]
    fn nothing_but_signatures_costs_what_it_may_and_no_more() {
        let bytes = SIGNATURE.repeat(16 << 10);
        let format = crate::named("raw").unwrap();
        let limits = kiwame_image::Limits { decoded: 16 << 20, ..kiwame_image::Limits::default() };
        let host = kiwame_image::Memory::new([bytes]);
        let tree = kiwame_image::parse(&host, 0, 64 << 10, format, &limits, &crate::options());
        assert_eq!(tree.unwrap().limits_hit(), [(kiwame_image::LimitKind::Decoded, RegionId::ROOT)]);
        assert_eq!(parse(format, &SIGNATURE.repeat(100)).limits_hit(), []);
    }

    #[test]
    fn signatures_are_found_at_every_place_and_across_pieces() {
        for at in [0, 1, 63, 1020, 1024, 2053] {
            let mut bytes = vec![b'_'; at];
            bytes.extend(SIGNATURE);
            assert_eq!(signatures(&bytes).collect::<Vec<_>>(), [at], "at the end");
            bytes.extend([0; 7]);
            assert_eq!(signatures(&bytes).collect::<Vec<_>>(), [at]);
            bytes.extend(SIGNATURE);
            assert_eq!(signatures(&bytes).collect::<Vec<_>>(), [at, at + 11]);
        }
        let piece = usize::try_from(PIECE).unwrap();
        for place in piece - 3..=piece {
            let header = volume(FFS2, &[], 0x100);
            let mut bytes = vec![0x22; place - 0x28];
            bytes.extend(header);
            let tree = parse(&UEFI_IMAGE, &bytes);
            assert_eq!(region(&tree, "uefi-volume:0").span.offset, (place - 0x28) as u64);
        }
    }
}
