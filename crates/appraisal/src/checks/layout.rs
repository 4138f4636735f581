//! The manifest's layout against those that the image states (RULES 13).

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Arrange as _, Gather as _, Region, SpaceId, Span, Stated, Value, escape_key, fact};

use crate::case::place;
use crate::kind::{ACQUIRE, ASK, Effect, Family, Kind, Reason, Severity};
use crate::{Case, Finding, Findings};

/// Every partition of the manifest must be a region of the image, and every list of partitions in the image (boot
/// arguments, device tree) must say the same. An image that states no layout of its own cannot be held to one by this
/// version, and that is said.
pub(crate) fn look(case: &Case<'_>, found: &mut Findings<'_>) {
    let in_image = |region: &&Region| region.space == SpaceId::IMAGE && region.parent.is_some();
    let spans: BTreeSet<_> = case.tree.regions().filter(in_image).map(|region| region.span).into_set();
    let stated = |span| spans.contains(&span);
    let silent = UNSTRUCTURED.contains(&case.tree.format());
    let kind = if silent { &LAYOUT_NOT_STATED } else { &LAYOUT_DISAGREES };
    let parts = case.reference.layout.iter().filter(|part| silent || !stated(part.part.span));
    let mut findings: Vec<_> = parts
        .map(|part| {
            Finding::new(kind)
                .at("image", "image", part.part.span)
                .arg("kind", "partition")
                .arg("name", &part.part.name)
        })
        .collect();
    let known: BTreeMap<_, _> = case
        .reference
        .layout
        .iter()
        .map(|layout| (escape_key(layout.part.name.as_bytes()), layout.part.span))
        .into_map();
    findings.extend(case.tree.regions().flat_map(|region| disagreements(case, region, &known)));
    for finding in findings {
        found.report(finding);
    }
}

/// The partitions that a list in the image puts elsewhere than the manifest does. A list that has no name in common with
/// the manifest's speaks of another medium.
fn disagreements(case: &Case<'_>, region: &Region, known: &BTreeMap<String, Span>) -> Vec<Finding> {
    let Some(Value::Places(parts)) = region.fact(&fact::LAYOUT) else { return Vec::new() };
    if !parts.iter().any(|part| known.contains_key(&part.name)) {
        return Vec::new();
    }
    let end = case.tree.spaces().first().map_or(0, |image| image.size);
    let agrees = |part: &Stated| match known.get(&part.name) {
        Some(span) => part.span(end) == *span,
        // Linux splits a part once more by what it finds there, and so does the maker.
        None => is_split(part.span(end), known),
    };
    let wrong = parts.iter().filter(|part| !agrees(part));
    wrong
        .map(|part| {
            let expected = known.get(&part.name).map(|span| place("image", *span));
            let finding = case.about(&LAYOUT_DISAGREES, region).compared(expected, part.display());
            finding.arg("kind", "partition").arg("name", &part.name)
        })
        .collect()
}

/// True when parts of the manifest's layout fill a span, one behind the other.
fn is_split(span: Span, known: &BTreeMap<String, Span>) -> bool {
    let mut inside: Vec<_> = known.values().filter(|part| span.contains(**part)).collect();
    inside.arrange();
    let end = inside.iter().try_fold(span.offset, |end, part| (part.offset == end).then(|| part.end()));
    end == Some(span.end())
}

/// Formats that find no structure.
const UNSTRUCTURED: &[&str] = &["raw", "fill"];

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&LAYOUT_DISAGREES, &LAYOUT_NOT_STATED];

/// Manifest and image have a partition at different places.
pub static LAYOUT_DISAGREES: Kind = Kind {
    id: "layout/disagrees",
    family: Family::Layout,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "Manifest and image disagree on where the partition {name} lies.",
    japanese: "パーティション {name} の位置について、マニフェストとイメージの記述が一致しない。",
    next: ACQUIRE,
    between: None,
};

/// An image that states no layout of its own.
pub static LAYOUT_NOT_STATED: Kind = Kind {
    id: "layout/not-stated",
    family: Family::Layout,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "The manifest has {name}, and the image states no layout that could agree with it.",
    japanese: "マニフェストに {name} が有るが、イメージ自身は配置を示していない。",
    next: ASK,
    between: None,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Piece, Trial, around, piece, stream, tree_of};

    #[test]
    fn one_part_of_the_image_may_be_several_of_the_maker_and_no_gap_is_left() {
        let known = |spans: &[(u64, u64)]| -> BTreeMap<String, Span> {
            let names = ["kernel", "rootfs", "rootfs_data"];
            names.iter().zip(spans).map(|(name, at)| ((*name).to_owned(), Span::new(at.0, at.1))).collect()
        };
        let firmware = Span::new(0x1000, 0x3000);
        assert!(is_split(firmware, &known(&[(0x1000, 0x1000), (0x2000, 0x1800), (0x3800, 0x800)])));
        assert!(!is_split(firmware, &known(&[(0x1000, 0x1000), (0x2000, 0x1000)])), "a gap at the end");
        assert!(!is_split(firmware, &known(&[(0x1000, 0x1000), (0x2800, 0x1800)])), "a gap inside");
        assert!(!is_split(firmware, &known(&[])) && !is_split(firmware, &known(&[(0, 0x4000)])));
    }

    #[test]
    fn all_that_is_left_ends_where_the_image_does() {
        let part = |length| Stated { name: "a".to_owned(), offset: 0x1000, length };
        assert_eq!(part(Some(0x2000)).span(0x8000), Span::new(0x1000, 0x2000));
        assert_eq!(part(None).span(0x8000), Span::new(0x1000, 0x7000));
    }

    fn image() -> [Piece; 2] {
        [around("partition:a", [piece("x:1", "one!")]), around("partition:b", [piece("x:1", "two!two!")])]
    }

    #[test]
    fn a_partition_of_the_manifest_is_a_region_of_the_image() {
        let trial = |at| Trial::of(&image()).layout("a", at, false);
        assert!(trial((0, 4)).affirms(&image()) && trial((4, 8)).affirms(&image()));
        for at in [(0, 5), (1, 4), (0, 12)] {
            let assessment = trial(at).judge(&image());
            assert_eq!(assessment.verdict.reasons, [LAYOUT_DISAGREES.id], "{at:?}");
            assert_eq!(assessment.findings[0].args["name"], "a");
        }
        // A region of what a stream decodes to is none of the medium.
        let packed = [stream("gz:1", "xx", [piece("a:1", "good")])];
        let inside = Trial::of(&packed).layout("a", (0, 4), false).judge(&packed);
        assert_eq!(inside.verdict.reasons, [LAYOUT_DISAGREES.id]);
    }

    #[test]
    fn an_image_without_structure_agrees_with_no_layout() {
        for format in ["raw", "fill"] {
            let mut trial = Trial::of(&image()).layout("a", (0, 4), false);
            let assessment = trial.judge_tree(&tree_of(format, &image(), false));
            assert_eq!(assessment.verdict.reasons, [LAYOUT_NOT_STATED.id]);
            trial.reference.layout.clear();
            assert!(trial.judge_tree(&tree_of(format, &image(), false)).verdict.exit == 0);
        }
    }

    /// An image that states partitions, each with its name, its place and its length; without one it is all that is left.
    fn stating(list: &[(&str, u64, Option<u64>)]) -> [Piece; 2] {
        let [first, second] = image();
        let stated = |&(name, offset, length): &(&str, u64, Option<u64>)| {
            let name = name.to_owned();
            Stated { name, offset, length }
        };
        let list: Vec<_> = list.iter().map(stated).collect();
        [first.with(&fact::LAYOUT, list), second]
    }

    #[test]
    fn a_list_of_partitions_in_the_image_says_what_the_manifest_says() {
        let reasons = |list: &[(&str, u64, Option<u64>)]| {
            let image = stating(list);
            let trial = Trial::of(&image).layout("a", (0, 4), false).layout("b", (4, 8), false);
            trial.judge(&image).verdict.reasons
        };
        let a = ("a", 0, Some(4));
        for right in [
            &[a, ("b", 4, Some(8))][..],
            &[a, ("b", 4, None)],
            &[a, ("all", 0, Some(12))],
            &[("other", 0, Some(7)), ("another", 7, Some(1))],
            &[],
        ] {
            assert_eq!(reasons(right), [""; 0], "{right:?}");
        }
        for wrong in [
            &[("a", 0, Some(5)), ("b", 4, Some(8))][..],
            &[("b", 3, None)],
            &[a, ("all", 0, Some(13))],
            &[a, ("c", 5, Some(1))],
        ] {
            assert_eq!(reasons(wrong), [LAYOUT_DISAGREES.id], "{wrong:?}");
        }
    }

    #[test]
    fn a_disagreement_is_told_with_both_places() {
        let image = stating(&[("a", 1, Some(4))]);
        let finding = Trial::of(&image).layout("a", (0, 4), false).judge(&image).findings[0].clone();
        assert_eq!(
            (finding.expected.as_deref(), finding.actual.as_deref()),
            (Some("image 0x0+0x4"), Some("a@0x1+0x4"))
        );
        assert_eq!((&*finding.path, &*finding.args["name"]), ("partition:a", "a"));
    }
}
