//! Bytes of one value, where they would explain why something differs: not read, or erased.

use kiwame_appraisal::{Finding, Uniform};
use kiwame_image::{Problem, Span};

use crate::request::{PIECE, Run, Source};

/// Bytes looked at in all, of an image that has been refused already: what explains is said of what is found by then.
const MOST: u64 = 64 << 20;

/// The runs of 00 or FF in some places of the image, in their order; one over the whole image where that holds nothing else.
pub(crate) fn runs(run: &Run<'_>, image: (u32, &Source), places: &[Span]) -> Result<Vec<Uniform>, Problem> {
    if let Some(value) = value_of_all(run, image)? {
        return Ok(vec![Uniform { span: Span::new(0, image.1.size), value }]);
    }
    let (mut found, mut looked) = (Vec::new(), 0_u64);
    for place in places {
        let mut open: Option<Uniform> = None;
        let (mut at, end) = (place.offset, place.end().min(image.1.size));
        while at < end && looked < MOST {
            let bytes = run.piece(image, Span::new(at, end.saturating_sub(at)))?;
            for (offset, &byte) in (at..).zip(&bytes) {
                if let Some(one) = open.as_mut().filter(|one| one.value == byte) {
                    one.span = Span::between(one.span.offset, offset.saturating_add(1));
                    continue;
                }
                found.extend(open.take().filter(is_long));
                open = is_blank(byte).then(|| Uniform { span: Span::new(offset, 1), value: byte });
            }
            at = at.saturating_add(PIECE);
            looked = looked.saturating_add(PIECE);
        }
        found.extend(open.filter(is_long));
    }
    Ok(found)
}

/// The finding for an image that holds one value only, of which nothing else can be said.
pub(crate) fn whole(run: &Run<'_>, image: (u32, &Source)) -> Result<Option<Finding>, Problem> {
    let all = value_of_all(run, image)?.map(|value| Uniform { span: Span::new(0, image.1.size), value });
    Ok(all.map(|all| Finding::of_uniform(&all)))
}

/// Those runs that another image does not have at the same place: what is erased in both explains nothing.
pub(crate) fn not_in(
    run: &Run<'_>,
    other: (u32, &Source),
    runs: Vec<Uniform>,
) -> Result<Vec<Uniform>, Problem> {
    let places: Vec<_> = runs.iter().map(|one| one.span).collect();
    let there = self::runs(run, other, &places)?;
    let mut left = Vec::new();
    for one in runs {
        let mut start = one.span.offset;
        let same = there.iter().filter(|other| other.value == one.value && other.span.overlaps(one.span));
        for other in same {
            left.push(Uniform { span: Span::between(start, other.span.offset.max(start)), value: one.value });
            start = start.max(other.span.end());
        }
        left.push(Uniform { span: Span::between(start, one.span.end().max(start)), value: one.value });
    }
    left.retain(is_long);
    Ok(left)
}

/// The value of every byte of the image, when it is one that erased or unread flash has. The first piece that holds another
/// ends the search.
fn value_of_all(run: &Run<'_>, image: (u32, &Source)) -> Result<Option<u8>, Problem> {
    let (mut at, mut value) = (0, None);
    while at < image.1.size {
        let bytes = run.piece(image, Span::new(at, image.1.size.saturating_sub(at)))?;
        let wanted = *value.get_or_insert(bytes.first().copied().unwrap_or_default());
        if !is_blank(wanted) || bytes.iter().any(|&byte| byte != wanted) {
            return Ok(None);
        }
        at = at.saturating_add(PIECE);
    }
    Ok(value)
}

fn is_blank(byte: u8) -> bool {
    [0, 0xff].contains(&byte)
}

fn is_long(one: &Uniform) -> bool {
    one.span.length >= Uniform::LEAST
}
