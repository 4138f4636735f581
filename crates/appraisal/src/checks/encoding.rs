//! Re-encoded containers (RULES 2): the content is equal, the encoding is not.
//!
//! A stream counts as equal when everything it decodes to is matched at the same place, nothing of the reference
//! is missing and nothing is added. The headers around it may then differ in fields that only encode, and erased
//! space beside it may have another size.

use std::collections::BTreeSet;

use kiwame_image::{Content, Region, RegionId};

use super::components::below;
use crate::case::{beginnings, place};
use crate::checks::Check;
use crate::reference::is_fill;
use crate::{Case, Match};

/// Decides streams from the inside out, then the headers around them.
#[derive(Debug)]
pub(crate) struct Encoding;

impl Check for Encoding {
    fn name(&self) -> &'static str {
        "encoding"
    }

    fn run(&self, case: &mut Case<'_>) {
        let streams: Vec<_> = case.measured().filter(|region| region.content == Content::Encoded).collect();
        for stream in streams.into_iter().rev() {
            let Some(Match::Differs(index)) = case.matches.get(&stream.id).copied() else { continue };
            if stream.encodes.is_some() && content_equal(case, stream) {
                case.matches.insert(stream.id, Match::Content(index));
                let digest = stream.sha256.as_ref().map(kiwame_image::Digest::hex);
                let expected = case.wanted(index).map(|wanted| wanted.sha256.hex());
                let finding = case.about("encoding/re-encoded", stream).compared(expected, digest);
                case.report(finding);
            }
        }
        let regions: Vec<_> = case.measured().filter(|region| region.is_leaf()).collect();
        regions.iter().for_each(|region| header(case, region));
        let (moved, removed) = (around_moved(case), around_removed(case));
        regions.iter().for_each(|region| erased(case, region, &moved, &removed));
        vanished_fill(case);
    }
}

/// Erased space of the reference that is not there: nothing was lost with it. The room it took went to something
/// that changed, and speaks for itself, or is worth a warning.
fn vanished_fill(case: &mut Case<'_>) {
    let (fill, rest): (Vec<_>, Vec<_>) =
        case.unmatched.iter().copied().partition(|&index| case.wanted(index).is_some_and(is_fill));
    case.unmatched = rest;
    let changed = |(id, outcome): (&RegionId, &Match)| {
        !matches!(outcome, Match::Bytes(_) | Match::Mutable) && !is_resized_fill(case, *id, *outcome)
    };
    let excused = case.matches.iter().any(changed) || !case.unmatched.is_empty();
    if let (Some(wanted), false) = (fill.first().and_then(|&index| case.wanted(index)), excused) {
        let finding = case.about_wanted("fill/resized", wanted);
        case.report(finding.compared(place(&wanted.space, wanted.span), None));
    }
}

/// True for erased space that is erased in the reference, or not there: it excuses no other, or two of them would
/// excuse each other.
fn is_resized_fill(case: &Case<'_>, id: RegionId, outcome: Match) -> bool {
    let erased = case.tree.region(id).is_some_and(|region| region.content == Content::Fill);
    erased
        && match outcome {
            Match::Differs(index) | Match::Content(index) | Match::Bytes(index) => {
                case.wanted(index).is_some_and(is_fill)
            }
            Match::Nothing | Match::Mutable => true,
        }
}

/// A header that differs in encoding fields only: excused by a re-encoded stream below the same parent.
fn header(case: &mut Case<'_>, region: &Region) {
    let Some(Match::Differs(index)) = case.matches.get(&region.id).copied() else { return };
    let Some(wanted) = case.wanted(index) else { return };
    if region.masked.is_none() || region.masked != wanted.masked || region.span.length != wanted.span.length {
        return;
    }
    let Some(around) = region.parent else { return };
    if holds(case, around, |case, id| matches!(case.matches.get(&id), Some(Match::Content(_)))) {
        case.matches.insert(region.id, Match::Content(index));
    } else if !holds_changed_stream(case, around) {
        // Every difference deserves a word; this one is not proof of other content.
        case.matches.insert(region.id, Match::Content(index));
        let finding = case.about("encoding/header", region);
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        case.report(finding.compared(wanted.sha256.hex(), digest));
    }
}

/// Erased space of another size: the other side of a stream of another size, else worth a warning.
fn erased(case: &mut Case<'_>, region: &Region, moved: &BTreeSet<RegionId>, removed: &BTreeSet<&str>) {
    if region.content != Content::Fill {
        return;
    }
    let Some(outcome @ (Match::Differs(_) | Match::Nothing)) = case.matches.get(&region.id).copied() else {
        return;
    };
    let wanted = match outcome {
        Match::Differs(index) => case.wanted(index),
        Match::Nothing | Match::Bytes(_) | Match::Content(_) | Match::Mutable => None,
    };
    if wanted.is_some_and(|wanted| !is_fill(wanted)) {
        return; // Content was erased: a difference.
    }
    if case.manifest.mutable_rule(case.tree.path(region.id)).is_some() {
        return; // Free space beside entries that come and go.
    }
    let excused = region
        .parent
        .is_some_and(|around| moved.contains(&around) || removed.contains(case.tree.path(around)));
    if !excused {
        let space = case.tree.space_path(region.space);
        let expected = wanted.map(|wanted| place(&wanted.space, wanted.span));
        let finding = case.about("fill/resized", region).compared(expected, place(space, region.span));
        case.report(finding);
    }
}

/// True when some measured region at or below `around`, in the same space, is as asked.
fn holds(case: &Case<'_>, around: RegionId, asked: impl Fn(&Case<'_>, RegionId) -> bool) -> bool {
    let mut stack = vec![around];
    while let Some(id) = stack.pop() {
        if asked(case, id)
            && id != around
            && case.tree.region(id).is_some_and(|region| region.content != Content::Fill)
        {
            return true;
        }
        stack.extend(case.tree.region(id).into_iter().flat_map(|region| region.children.iter().copied()));
    }
    false
}

/// Every region around one, in its space, that is new, was encoded anew, or is a stream that differs; erased space
/// moves nothing.
fn around_moved(case: &Case<'_>) -> BTreeSet<RegionId> {
    let mut around = BTreeSet::new();
    for (&id, outcome) in &case.matches {
        let moved = matches!(outcome, Match::Content(_) | Match::Nothing) || is_changed_stream(case, id);
        let Some(region) = case.tree.region(id).filter(|region| moved && region.content != Content::Fill)
        else {
            continue;
        };
        for above in case.tree.ancestors(id).take_while(|above| above.space == region.space) {
            // Whatever lies further out has been entered along with it.
            if !around.insert(above.id) {
                break;
            }
        }
    }
    around
}

/// Every path around what the reference has and the image does not, save erased space.
fn around_removed<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    let removed = case.unmatched.iter().filter_map(|&index| case.wanted(index));
    removed
        .filter(|wanted| !is_fill(wanted))
        .flat_map(|wanted| beginnings(&wanted.path).filter(|scope| *scope != wanted.path))
        .collect()
}

fn is_changed_stream(case: &Case<'_>, id: RegionId) -> bool {
    let stream = case.tree.region(id).is_some_and(|region| region.content == Content::Encoded);
    stream && matches!(case.matches.get(&id), Some(Match::Differs(_)))
}

/// True when a stream that is not equal to its reference, or could not be opened, lies below.
pub(super) fn holds_changed_stream(case: &Case<'_>, around: RegionId) -> bool {
    holds(case, around, is_changed_stream)
}

fn content_equal(case: &Case<'_>, stream: &Region) -> bool {
    let path = super::components::stream_path(case, stream);
    let inside = |id: RegionId| below(case.tree.path(id), path);
    let settled = |region: &Region| match case.matches.get(&region.id) {
        Some(Match::Bytes(index)) => case.wanted(*index).is_some_and(|wanted| {
            wanted.span == region.span && wanted.attributes == crate::reference::attributes(case.tree, region)
        }),
        Some(Match::Content(_) | Match::Mutable) => true,
        Some(Match::Differs(_) | Match::Nothing) | None => false,
    };
    let all = case.measured().filter(|region| inside(region.id)).all(settled);
    let none_missing = !case
        .unmatched
        .iter()
        .filter_map(|&index| case.wanted(index))
        .any(|wanted| below(&wanted.path, path));
    let unsound = case.tree.defects().iter().any(|defect| {
        defect.region == stream.id
            || Some(defect.region) == stream.parent
            || defect.ambiguous && inside(defect.region)
    });
    all && none_missing && !unsound
}
