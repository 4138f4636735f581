//! Pairs regions with reference values.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kiwame_image::{Arrange as _, Digest, Region, Span};
use kiwame_trust::manifest::ReferenceRegion;

use crate::{Case, Findings, Match};

/// Pairs by path; among equals by digest first, the same place before another, then in order.
pub(crate) fn settle(case: &mut Case<'_>, _: &mut Findings<'_>) {
    // Sorted once, and then read side by side: there are thousands, and their paths begin alike.
    let mut wanted: Vec<_> = (0..).zip(&case.reference.regions).collect();
    wanted.sort_by(|(_, one), (_, other)| one.path.cmp(&other.path));
    let mut actual: Vec<_> = case.measured().map(|region| (case.tree.path(region.id), region)).collect();
    actual.sort_by_key(|(path, _)| *path);

    let mut wanted = wanted.chunk_by(|(_, one), (_, other)| one.path == other.path).peekable();
    for alike in actual.chunk_by(|(one, _), (other, _)| one == other) {
        let path = alike.first().map_or("", |(path, _)| path);
        let mut left = Vec::new();
        while let Some(reference) = wanted.next_if(|reference| path_of(reference) <= path) {
            let numbers = reference.iter().map(|(number, _)| *number);
            if path_of(reference) == path {
                left.extend(numbers);
            } else {
                case.unmatched.extend(numbers);
            }
        }
        let mut regions: Vec<_> = alike.iter().map(|(_, region)| *region).collect();
        take(case, &mut regions, &mut left, |digest, span| (Some(digest), Some(span)), Match::Bytes);
        take(
            case,
            &mut regions,
            &mut left,
            |digest, span| (Some(digest), Some(Span::new(0, span.length))),
            Match::Bytes,
        );
        take(case, &mut regions, &mut left, |_, _| (None, None), Match::Differs);
        for region in regions {
            case.matches.insert(region.id, Match::Nothing);
        }
        case.unmatched.extend(left);
    }
    case.unmatched.extend(wanted.flatten().map(|(number, _)| *number));
    case.unmatched.arrange();
}

/// The path of reference values that have the same.
fn path_of<'a>(alike: &[(usize, &'a ReferenceRegion)]) -> &'a str {
    alike.first().map_or("", |(_, region)| &region.path)
}

/// What must be equal for a region to be paired with a reference value.
type Key<'a> = (Option<&'a Digest>, Option<Span>);

/// Pairs regions with the reference values of equal key, each in its order. By a map: thousands may have one path.
fn take<'a>(
    case: &mut Case<'a>,
    regions: &mut Vec<&'a Region>,
    left: &mut Vec<usize>,
    key: impl Fn(&'a Digest, Span) -> Key<'a>,
    outcome: impl Fn(usize) -> Match,
) {
    let mut wanted: BTreeMap<Key<'a>, VecDeque<usize>> = BTreeMap::new();
    for &index in left.iter() {
        if let Some(reference) = case.wanted(index) {
            wanted.entry(key(&reference.sha256, reference.span)).or_default().push_back(index);
        }
    }
    let mut taken = BTreeSet::new();
    regions.retain(|region| {
        let digest = region.sha256.as_ref();
        let fits = digest.and_then(|digest| wanted.get_mut(&key(digest, region.span)));
        let Some(index) = fits.and_then(VecDeque::pop_front) else { return true };
        taken.insert(index);
        case.matches.insert(region.id, outcome(index));
        false
    });
    left.retain(|index| !taken.contains(index));
}
