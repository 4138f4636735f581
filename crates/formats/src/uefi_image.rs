//! A flash image, or the BIOS region of one, that holds UEFI firmware volumes.
//!
//! UEFI Platform Initialization Specification 1.8, volume 3, section 3.2.1. Loader modelled: none in particular;
//! a platform knows where its volumes lie, and every one that can be found is taken apart.
//! Ambiguities: none of its own. Limitations: volumes are found by their headers, so one whose header is wiped
//! is padding here, and padding is never split by content.

use kiwame_image::{Builder, Format, Head, Input, Match, Node, RegionId, Trouble, len64};

use crate::embedded::EMBEDDED;
use crate::fit;
use crate::uefi_volume::{self, VolumeHeader};

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

    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        let (mut from, all) = (0, head.all());
        while let Some(at) = signature(all, from) {
            from = at.saturating_add(1);
            let Some(start) =
                len64(all.get(..at).unwrap_or_default()).checked_sub(VolumeHeader::SIGNATURE_OFFSET)
            else {
                continue;
            };
            let bytes = all.get(kiwame_image::to_usize(start)..).unwrap_or_default();
            if VolumeHeader::believe(bytes, start).is_some() {
                return Some(Match::weighted(self, 3));
            }
        }
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let found = lay_out(&at, out);
        let flash =
            out.look(out.region()).is_some_and(|region| matches!(region.kind, "uefi-image" | "intel-region"));
        if flash && let Err(trouble) = fit::check(&at, out) {
            out.trouble(trouble);
        }
        if found {
            return;
        }
        if out.region() == RegionId::ROOT {
            out.add(Node::new("raw", "0", "raw", at).unknown());
        } else {
            EMBEDDED.parse(at, out);
        }
    }
}

/// Adds the volumes in `at` to the current region, and the padding between them. False, with nothing added, when
/// there is no volume.
pub(crate) fn lay_out<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> bool {
    let volumes = match volumes(at) {
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
    let (mut end, mut unnamed, mut paddings) = (0u64, 0u32, 0u32);
    for (start, header) in &volumes {
        padding(at.slice(end, start.saturating_sub(end)), erase, &mut paddings, out);
        out.add(uefi_volume::node(at, *start, header, &mut unnamed));
        end = start.saturating_add(header.length);
    }
    padding(at.from(end), erase, &mut paddings, out);
    true
}

/// What lies beside volumes; microcode and interface tables in it are found later.
fn padding<'a>(input: Input<'a>, erase: u8, number: &mut u32, out: &mut Builder<'_, 'a>) {
    if !input.is_empty() {
        let node = Node::new("padding", number.to_string(), "padding", input);
        out.add_fill(node.then(EMBEDDED), erase);
        *number = number.saturating_add(1);
    }
}

/// Every volume in `at`, by its offset in it; none inside another.
fn volumes(at: &Input<'_>) -> Result<Vec<(u64, VolumeHeader)>, Trouble> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(place) = next_signature(at, from)? {
        from = place.saturating_add(1);
        let Some(start) = place.checked_sub(VolumeHeader::SIGNATURE_OFFSET) else { continue };
        let behind_last: u64 = found
            .last()
            .map_or(0, |(last, header): &(u64, VolumeHeader)| header.length.saturating_add(*last));
        if start < behind_last {
            continue;
        }
        let head = at.slice(start, VolumeHeader::LONGEST).window()?;
        if let Some(header) = VolumeHeader::believe(&head, head.offset()) {
            from = start.saturating_add(header.length);
            found.push((start, header));
        }
    }
    Ok(found)
}

/// Where in `at` the next signature of a volume lies, at `from` or behind it.
fn next_signature(at: &Input<'_>, from: u64) -> Result<Option<u64>, Trouble> {
    let mut start = from;
    while start < at.length() {
        let window = at.slice(start, PIECE.saturating_add(OVERLAP)).window()?;
        if let Some(found) = signature(&window, 0) {
            return Ok(Some(start.saturating_add(len64(window.get(..found).unwrap_or_default()))));
        }
        start = start.saturating_add(PIECE);
    }
    Ok(None)
}

/// The first `_FVH` at `from` or behind it. Blocks without its first two letters go by at the speed of memory.
fn signature(bytes: &[u8], from: usize) -> Option<usize> {
    let [first, second, ..] = *SIGNATURE;
    let mut start = from;
    loop {
        let rest = bytes.get(start..)?;
        let block = rest.get(..BLOCK.saturating_add(SIGNATURE.len())).unwrap_or(rest);
        let after = block.get(1..)?;
        let hit = block.iter().zip(after).fold(false, |hit, (&a, &b)| hit | ((a == first) & (b == second)));
        if hit && let Some(found) = block.windows(SIGNATURE.len()).position(|word| word == SIGNATURE) {
            return start.checked_add(found);
        }
        if block.len() <= BLOCK {
            return None;
        }
        start = start.saturating_add(BLOCK);
    }
}

const SIGNATURE: &[u8; 4] = b"_FVH";
/// Bytes that are searched in one go.
const BLOCK: usize = 1024;
/// Bytes that are read in one go.
const PIECE: u64 = 256 << 10;
/// A signature may lie across two pieces.
const OVERLAP: u64 = 3;
