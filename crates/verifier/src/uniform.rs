//! Blocks of one value, where they would explain why something differs: not read, or erased.

use kiwame_appraisal::Uniform;
use kiwame_image::{Span, len64, to_usize};

use crate::failure::Failure;
use crate::request::{Run, Source};

/// Bytes read in one go.
const PIECE: u64 = 64 << 10;
/// Bytes looked at in all, of an image that has been refused already: what explains is said of what is found by then.
const MOST: u64 = 64 << 20;

/// The runs of whole blocks of 00 or FF in some places of the image, in their order.
pub(crate) fn runs(
    run: &Run<'_>,
    (number, source): (u32, &Source),
    places: &[Span],
) -> Result<Vec<Uniform>, Failure> {
    let mut found: Vec<Uniform> = Vec::new();
    let mut looked = 0_u64;
    for place in places {
        let mut at = place.offset.checked_next_multiple_of(Uniform::BLOCK).unwrap_or(u64::MAX);
        let end = place.end().min(source.size);
        while at < end && looked < MOST {
            let piece = Span::new(at, PIECE.min(end.saturating_sub(at)));
            let mut bytes = vec![0; to_usize(piece.length)];
            run.host.read(number, at, &mut bytes).map_err(|error| Failure::read(&source.name, error))?;
            for (block, start) in
                bytes.chunks(to_usize(Uniform::BLOCK)).zip((at..).step_by(to_usize(Uniform::BLOCK)))
            {
                add(&mut found, Span::new(start, len64(block)), block, source.size);
            }
            at = piece.end();
            looked = looked.saturating_add(piece.length);
        }
    }
    Ok(found)
}

fn add(found: &mut Vec<Uniform>, span: Span, block: &[u8], size: u64) {
    // A piece of a block says nothing, but at the end of the image.
    let whole = span.length == Uniform::BLOCK || span.end() == size;
    let Some(&value) = block.first().filter(|first| [0, 0xff].contains(*first)) else { return };
    if !whole || block.iter().any(|&byte| byte != value) {
        return;
    }
    match found.last_mut().filter(|last| last.value == value && last.span.end() == span.offset) {
        Some(last) => last.span = Span::between(last.span.offset, span.end()),
        None => found.push(Uniform { span, value }),
    }
}
