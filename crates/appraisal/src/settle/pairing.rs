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

#[cfg(test)]
mod tests {
    use crate::testing::{Piece, Trial, piece};
    use crate::{SETTLERS, Settler};

    fn paired(genuine: &[Piece], image: &[Piece]) -> Vec<String> {
        let mut trial = Trial::of(genuine);
        trial.settlers.truncate(1);
        trial.outcomes(image)
    }

    fn same(contents: &[&str]) -> Vec<Piece> {
        contents.iter().map(|content| piece("a:1", content)).collect()
    }

    #[test]
    fn equal_bytes_of_one_path_are_paired_before_any_others() {
        assert_eq!(paired(&same(&["one", "two"]), &same(&["two", "one"])), ["Bytes(1)", "Bytes(0)"]);
        assert_eq!(paired(&same(&["one", "two"]), &same(&["new", "one"])), ["Differs(1)", "Bytes(0)"]);
    }

    #[test]
    fn of_equal_bytes_those_at_the_same_place_are_paired_first() {
        let genuine = same(&["dup", "two", "dup"]);
        assert_eq!(paired(&genuine, &same(&["new", "two", "dup"])), ["Differs(0)", "Bytes(1)", "Bytes(2)"]);
    }

    #[test]
    fn what_is_left_of_one_path_is_paired_in_its_order() {
        let genuine = same(&["one", "two", "three"]);
        assert_eq!(paired(&genuine, &same(&["1", "2"])), ["Differs(0)", "Differs(1)"]);
        let more = paired(&genuine, &same(&["1", "2", "3", "4"]));
        assert_eq!(more, ["Differs(0)", "Differs(1)", "Differs(2)", "Nothing"]);
    }

    #[test]
    fn equal_bytes_of_another_path_are_no_pair() {
        let named = |step| [piece(step, "one")];
        assert_eq!(paired(&named("a:1"), &named("b:1")), ["Nothing"]);
        assert_eq!(paired(&named("b:1"), &named("a:1")), ["Nothing"]);
        assert_eq!(paired(&named("a:1"), &named("a:1")), ["Bytes(0)"]);
    }

    #[test]
    fn every_value_that_nothing_took_is_missing_in_the_order_of_the_reference() {
        let genuine = ["d:1", "a:1", "c:1", "b:1", "c:1", "e:1"].map(|step| piece(step, "one"));
        let mut trial = Trial::of(&genuine);
        trial.settlers = SETTLERS.iter().take(1).copied().collect::<Vec<Settler>>();
        trial.checks = &[];
        let missing = |steps: &[&'static str]| {
            let image: Vec<_> = steps.iter().map(|step| piece(step, "one")).collect();
            trial.judge(&image).missing
        };
        assert_eq!(missing(&["c:1"]), [0, 1, 3, 4, 5]);
        assert_eq!(missing(&["bb:1", "c:1", "c:1"]), [0, 1, 3, 5]);
        assert_eq!(missing(&["a:1", "b:1", "c:1", "c:1", "d:1", "e:1"]), [0_usize; 0]);
        assert_eq!(missing(&["z:1"]), [0, 1, 2, 3, 4, 5]);
    }
}
