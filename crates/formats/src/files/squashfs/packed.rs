//! What Linux's decoders refuse, and others decode.
//!
//! Linux 6.1 `fs/squashfs/*_wrapper.c`, `lib/xz`, `lib/zstd`.

use kiwame_decode::block::Codec;
use kiwame_decode::{Packing, xz_first_block};
use kiwame_image::len64;

/// Why Linux does not decode this block. `dictionary` is what it sets aside for xz, `window` for zstd.
pub(super) fn refused(codec: Codec, block: &[u8], dictionary: u64, window: u64) -> Option<&'static str> {
    match codec {
        Codec::Xz => xz(block, dictionary),
        Codec::Zstd => zstd(block, window),
        Codec::Gzip | Codec::Lzma | Codec::Lzo | Codec::Lz4 => None,
    }
}

/// One block, with CRC-32 or no check, LZMA2 alone or behind a filter for programs without properties.
fn xz(block: &[u8], most: u64) -> Option<&'static str> {
    if block.get(7).is_some_and(|&check| check > 1) {
        return Some("a check that Linux does not know");
    }
    // What cannot be read at all, the decoder refuses.
    let Packing { filters, dictionary, end } = xz_first_block(block)?;
    if filters.iter().any(|&(id, properties)| !(4..=9).contains(&id) || properties != 0) || filters.len() > 1
    {
        return Some("a filter that Linux does not know");
    }
    if dictionary > most {
        return Some("a larger dictionary than Linux sets aside");
    }
    // The number of blocks, in the index that the footer leads to.
    let footer = block.last_chunk::<12>()?;
    let [_, _, _, _, a, b, c, d, ..] = *footer;
    let index = u64::from(u32::from_le_bytes([a, b, c, d])).saturating_add(1).saturating_mul(4);
    let start = len64(block).checked_sub(12)?.checked_sub(index).filter(|&start| start >= end)?;
    let count = block.get(kiwame_image::to_usize(start.saturating_add(1)))?;
    (*count > 1).then_some("several blocks")
}

/// The window must fit into what Linux sets aside, also where the content would do without.
fn zstd(block: &[u8], most: u64) -> Option<&'static str> {
    let &[_, _, _, _, descriptor, next, ..] = block else { return None };
    if descriptor & 8 != 0 {
        return Some("a reserved bit of the frame header");
    }
    if descriptor & 0x20 != 0 {
        return None;
    }
    let base = 1_u64.wrapping_shl(u32::from(next >> 3).saturating_add(10));
    let size = base.saturating_add((base >> 3).saturating_mul(u64::from(next & 7)));
    (size > most).then_some("a larger window than Linux sets aside")
}
