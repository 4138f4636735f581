//! Says which component was modified, added, removed, duplicated.
//!
//! This settles, too: whose facts were compared, which regions are another thing although their bytes are equal, and what is
//! missing less what the policy waives of it. What one difference says depends on those inside that have been reported.

use std::collections::BTreeSet;

use kiwame_image::{Content, Digest, Gather as _, Region, RegionId, SpaceId, fact};
use kiwame_trust::manifest::ReferenceRegion;

use crate::case::beginnings;
use crate::kind::{ACQUIRE, Effect, Family, Kind, Reason, Severity, Text};
use crate::kinds::HEADER_ONLY;
use crate::reference::is_fill;
use crate::{Case, Findings, Match};

/// Reports what is left over when rules and re-encoding have had their say.
pub(crate) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    // Streams and the headers that speak of them last, the innermost first: what differs there is explained by what has been
    // found inside, and by what is missing there.
    let (streams, others): (Vec<_>, Vec<_>) =
        case.measured().partition(|region| region.content == Content::Encoded || region.masked.is_some());
    let inhabited = around_added(case);
    let known = Known::of(case);
    let judge = |case: &mut Case<'_>, found: &mut Findings<'_>, region: &Region| {
        let Some(outcome) = case.matches.get(&region.id).copied() else { return };
        match outcome {
            Match::Bytes(index) | Match::Encoded(index) | Match::Form(index) => {
                attributes(case, found, region, index);
            }
            Match::Differs(index) => differs(case, found, region, index, &known),
            Match::Nothing if is_frame(region, &inhabited) => {}
            Match::Nothing => added(case, found, region),
            Match::Mutable | Match::Remains => {}
        }
    };
    others.into_iter().for_each(|region| judge(case, found, region));
    removed(case, found);
    streams.into_iter().rev().for_each(|region| judge(case, found, region));
}

/// Reports what is missing, and takes off the list what the policy waives of it.
fn removed(case: &mut Case<'_>, found: &mut Findings<'_>) {
    let unopened = unopened(case);
    let missing = core::mem::take(&mut case.unmatched);
    for index in &missing {
        let Some(wanted) = case.wanted(*index) else { continue };
        let shut = beginnings(&wanted.path).any(|scope| scope != wanted.path && unopened.contains(scope));
        if !shut && !case.is_beyond_limits(&wanted.path) {
            let finding = case.about_wanted(&REMOVED, wanted);
            found.report(finding.compared(wanted.sha256.hex(), None));
        }
    }
    let waived = |wanted: &ReferenceRegion| found.is_waived(&wanted.path, wanted.span.offset);
    let left = missing.into_iter().filter(|&index| !case.wanted(index).is_some_and(waived));
    case.unmatched = left.collect();
}

/// Facts beside the bytes. One that the manifest does not list is *could not tell*, not *any* (RULES 10); one that
/// only the manifest has is a difference.
fn attributes(case: &mut Case<'_>, found: &mut Findings<'_>, region: &Region, index: usize) {
    let Some(wanted) = case.wanted(index) else { return };
    let facts = crate::reference::attributes(case.tree, region);
    case.compared.insert(region.id);
    let mut differing = false;
    for (name, actual) in facts.iter() {
        let finding = match wanted.attributes.get(name) {
            Some(expected) if expected == actual => continue,
            Some(_) if is_trace(case, region, name) => continue,
            Some(expected) => case
                .about(&ATTRIBUTES, region)
                .compared(crate::reference::shown(expected), crate::reference::shown(actual))
                .arg("attribute", name),
            None => case.about(&ATTRIBUTE_UNLISTED, region).arg("attribute", name),
        };
        differing = true;
        found.report(finding);
    }
    // Behind a limit facts are not missing, they cannot be seen.
    let seen = case.tree.limits_hit().is_empty();
    for (name, expected) in wanted.attributes.iter().filter(|(name, _)| seen && facts.get(name).is_none()) {
        differing = true;
        let finding = case.about(&ATTRIBUTES, region).compared(crate::reference::shown(expected), None);
        found.report(finding.arg("attribute", name));
    }
    if wanted.kind != region.kind {
        differing = true;
        let finding = case.about(&ATTRIBUTES, region).arg("attribute", "kind");
        found.report(finding.compared(wanted.kind.clone(), region.kind.to_owned()));
    }
    if differing {
        // Its bytes are equal, and it is another thing all the same.
        case.outside.insert(region.id);
    }
}

fn differs(case: &Case<'_>, found: &mut Findings<'_>, region: &Region, index: usize, known: &Known<'_>) {
    let Some(wanted) = case.wanted(index) else { return };
    let digest = region.sha256.as_ref().map(Digest::hex);
    let compared = |finding: crate::Finding| finding.compared(wanted.sha256.hex(), digest.clone());
    let was_fill = is_fill(wanted);
    let kind = match (region.content, was_fill) {
        _ if case.limited.contains(&region.id) => return,
        // Erased space that is erased still; its size is the business of `encoding`.
        (Content::Fill, true) if region.is_leaf() => return,
        (Content::Fill, false) if region.is_leaf() => &ERASED,
        (_, true) => &NOT_ERASED,
        (Content::Encoded, _) if region.encodes.is_some() => {
            return stream_differs(case, found, region, wanted, known);
        }
        _ if region.encodes.is_none() && case.encodes(&wanted.path) => {
            let count = case.count_below(&wanted.path);
            let finding = compared(case.about(&UNDECODABLE, region)).arg("count", count);
            return found.report(finding);
        }
        _ if follows_a_stream(case, region, index, known) => {
            let around = region.parent.map_or("", |around| case.tree.path(around));
            if found.is_refuted_below(around) || !found.is_waived_below(around) {
                return;
            }
            &HEADER_ONLY
        }
        _ => &MODIFIED,
    };
    let finding = compared(case.about(kind, region));
    found.report(finding);
}

/// What explains that a stream or a header differs, worked out once for all of them.
struct Known<'a> {
    /// Spaces with something in them, at any depth, that differs, was added, lies elsewhere, or was not opened.
    differing: BTreeSet<SpaceId>,
    /// Paths around what is missing.
    missing: BTreeSet<&'a str>,
    /// Regions around streams that differ.
    around_streams: BTreeSet<RegionId>,
}

impl<'a> Known<'a> {
    fn of(case: &Case<'a>) -> Self {
        let tree = case.tree;
        let speaks = |(id, outcome): (&RegionId, &Match)| {
            let place = tree.region(*id).map(|region| region.span);
            let speaks = match *outcome {
                Match::Differs(_) | Match::Nothing => true,
                Match::Bytes(index) => case.wanted(index).map(|wanted| wanted.span) != place,
                Match::Encoded(_) | Match::Form(_) | Match::Mutable | Match::Remains => {
                    case.outside.contains(id)
                }
            };
            speaks.then_some(*id)
        };
        let mut differing = BTreeSet::new();
        for id in case.matches.iter().filter_map(speaks).chain(case.limited.iter().copied()) {
            differing.extend(tree.region(id).map(|region| region.space));
            differing.extend(tree.ancestors(id).map(|above| above.space));
        }
        let missing = case.unmatched.iter().filter_map(|&index| case.wanted(index));
        Self {
            differing,
            missing: missing.flat_map(|wanted| beginnings(&wanted.path)).into_set(),
            around_streams: super::encoding::around_changed_streams(case),
        }
    }
}

/// A stream whose content differs says so by the components inside. Should none of them have anything to say, the
/// stream itself has. Where the policy waives all that they say, the stream was packed anew around it, and how is said by
/// nobody: only its digest covers that.
fn stream_differs(
    case: &Case<'_>,
    found: &mut Findings<'_>,
    region: &Region,
    wanted: &ReferenceRegion,
    known: &Known<'_>,
) {
    let inside = region.encodes.is_some_and(|space| known.differing.contains(&space));
    let path = stream_path(case, region);
    let kind = match found.is_refuted_below(path) {
        true => return,
        false if found.is_waived_below(path) => &AROUND_WAIVED,
        false if !inside && !known.missing.contains(path) => &MODIFIED,
        false => return,
    };
    let digest = region.sha256.as_ref().map(Digest::hex);
    let finding = case.about(kind, region).compared(wanted.sha256.hex(), digest);
    found.report(finding);
}

/// The path below which everything lies that a stream decodes to: its own, or that of the first leaf of a stream of
/// several.
pub(super) fn stream_path<'a>(case: &Case<'a>, stream: &Region) -> &'a str {
    stream.encodes.map_or_else(|| case.tree.path(stream.id), |space| case.tree.space_path(space))
}

/// True for a header that differs only in fields that encode, around a stream that differs or was not opened: the
/// stream carries the finding.
fn follows_a_stream(case: &Case<'_>, region: &Region, index: usize, known: &Known<'_>) -> bool {
    let equal = region.masked.is_some()
        && region.masked.as_deref() == case.wanted(index).and_then(|wanted| wanted.masked.as_ref());
    equal && region.parent.is_some_and(|around| known.around_streams.contains(&around))
}

/// Regions with a component in them that was added.
fn around_added(case: &Case<'_>) -> BTreeSet<RegionId> {
    let added = case.measured().filter(|region| region.component && region.content != Content::Fill);
    let added = added.filter(|region| case.matches.get(&region.id) == Some(&Match::Nothing));
    added.filter_map(|region| region.parent).into_set()
}

/// True for what only holds a component that was added, such as the tag that ends a node: the component speaks for it.
/// What is not understood always speaks for itself.
fn is_frame(region: &Region, inhabited: &BTreeSet<RegionId>) -> bool {
    let plain = !region.component && region.is_leaf() && region.content == Content::Parsed;
    plain && region.parent.is_some_and(|around| inhabited.contains(&around))
}

fn added(case: &Case<'_>, found: &mut Findings<'_>, region: &Region) {
    if region.content == Content::Fill && region.is_leaf() {
        return;
    }
    if case.reference.coverage == kiwame_trust::manifest::Coverage::Partial {
        return; // `coverage` speaks of it.
    }
    let path = case.tree.path(region.id);
    if below_differing_stream_without_reference(case, region) || case.is_shut_by_limit(region) {
        return;
    }
    let kind = if case.lists(path) { &DUPLICATED } else { &ADDED };
    let finding = [(&fact::MODE, "mode"), (&fact::UID, "owner"), (&fact::GID, "group")].into_iter().fold(
        case.about(kind, region),
        |finding, (fact, word)| match region.fact(fact) {
            Some(value) => finding.arg(word, crate::reference::shown(&crate::json_of(value))),
            None => finding,
        },
    );
    let digest = region.sha256.as_ref().map(Digest::hex);
    let inside = decisive(case, region).map(|line| case.about(&ADDED, line)).take(SHOWN).collect();
    found.report(finding.compared(None, digest).with_parts(inside));
}

/// What a file that was added has in it and people should read: lines that decide who may log in or what runs, and scripts.
fn decisive<'a>(case: &'a Case<'_>, file: &Region) -> impl Iterator<Item = &'a Region> {
    let content = file.encodes.and_then(|space| case.tree.space(space));
    let root = content.and_then(|space| case.tree.region(space.root));
    let below = root.into_iter().flat_map(|root| &root.children).filter_map(|&id| case.tree.region(id));
    root.into_iter().chain(below).filter(|region| DECISIVE.contains(&region.kind))
}

/// Kinds of what decides, in a file.
const DECISIVE: [&str; 5] = ["account", "account-secret", "boot-line", "login-line", "script"];
/// So many lines of one file are shown.
const SHOWN: usize = 20;

/// True when the stream that `region` comes out of is itself an added one: one finding is enough.
fn below_differing_stream_without_reference(case: &Case<'_>, region: &Region) -> bool {
    let outer = case.tree.space(region.space).and_then(|space| space.encoder);
    outer.is_some_and(|stream| case.matches.get(&stream) == Some(&Match::Nothing))
}

/// Paths of the streams that a limit or a decoder kept shut: what the reference has in them is not missing, it
/// cannot be seen.
fn unopened<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    let shut = |(id, outcome): (&RegionId, &Match)| {
        let region = case.tree.region(*id)?;
        let path = case.tree.path(*id);
        let differs = matches!(outcome, Match::Differs(_)) && region.is_leaf() && region.encodes.is_none();
        (differs && case.encodes(path)).then_some(path)
    };
    case.matches.iter().filter_map(shut).chain(case.limited.iter().map(|id| case.tree.path(*id))).into_set()
}

/// True for a fact that changes whenever the device writes, in a part that it writes to (RULES 2).
pub(super) fn is_trace(case: &Case<'_>, region: &Region, fact: &str) -> bool {
    is_of_writing(fact) && case.is_written(region)
}

/// Traces of writing: the time of an entry tells when, and no loader acts on it.
pub(super) fn is_of_writing(fact: &str) -> bool {
    fact == fact::MODIFIED.name
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[
    &ADDED,
    &ATTRIBUTE_UNLISTED,
    &ATTRIBUTES,
    &DUPLICATED,
    &ERASED,
    &MODIFIED,
    &REMOVED,
    &AROUND_WAIVED,
    &UNDECODABLE,
    &NOT_ERASED,
];

/// Something that the reference does not have.
pub static ADDED: Kind = Kind {
    id: "component/added",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is in the image and not in the reference.",
    japanese: "{what} は基準値に無く、イメージに有る。",
    next: ACQUIRE,
    between: Some(Text::new("{what} is in the second image only.", "{what} は二つ目のイメージのみに有る。")),
};

/// A fact that the manifest does not list.
pub static ATTRIBUTE_UNLISTED: Kind = Kind {
    id: "component/attribute-unlisted",
    family: Family::Component,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{what} has the attribute {attribute}, and the manifest does not say which value it may have.",
    japanese: "{what} の属性 {attribute} の値がマニフェストに記載されていない。",
    next: Text::new(
        "Ask the maker for a manifest made with this version.",
        "この版で作成されたマニフェストを製造者に請求する。",
    ),
    between: None,
};

/// Another fact than the reference has.
pub static ATTRIBUTES: Kind = Kind {
    id: "component/attributes",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} has another {attribute} than the reference.",
    japanese: "{what} の {attribute} が基準値と異なる。",
    next: ACQUIRE,
    between: Some(Text::new("{what} has another {attribute}.", "{what} の {attribute} が異なる。")),
};

/// More of one path than the reference has.
pub static DUPLICATED: Kind = Kind {
    id: "component/duplicated",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is in the image more often than in the reference.",
    japanese: "{what} がイメージに基準値より多く存在する。",
    next: ACQUIRE,
    between: Some(Text::new(
        "{what} is in the second image more often.",
        "{what} が二つ目のイメージに多く有る。",
    )),
};

/// Content of the reference that is erased.
pub static ERASED: Kind = Kind {
    id: "component/erased",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is erased; the reference has content there.",
    japanese: "{what} が消去されている(基準値には内容が有る)。",
    next: ACQUIRE,
    between: Some(Text::new(
        "{what} is erased in the second image.",
        "{what} が二つ目のイメージで消去されている。",
    )),
};

/// Other bytes than the reference has.
pub static MODIFIED: Kind = Kind {
    id: "component/modified",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} differs from the reference.",
    japanese: "{what} が基準値と異なる。",
    next: ACQUIRE,
    between: Some(Text::new("{what} differs.", "{what} が異なる。")),
};

/// Something of the reference that the image does not have.
pub static REMOVED: Kind = Kind {
    id: "component/removed",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is in the reference and not in the image.",
    japanese: "{what} は基準値に有り、イメージに無い。",
    next: ACQUIRE,
    between: Some(Text::new("{what} is in the first image only.", "{what} は一つ目のイメージのみに有る。")),
};

/// A container that was packed anew around something that the policy waives.
pub static AROUND_WAIVED: Kind = Kind {
    id: "encoding/around-waived",
    family: Family::Encoding,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what} is packed anew around what your policy waives; what else differs in its packing, nobody has compared.",
    japanese: "{what} はポリシーが免除した相違を含めて詰め直されている。詰め方の他の相違は誰も比較していない。",
    next: Text::new(
        "Find out who packed it; a waiver with the digest that was found covers these bytes and no others.",
        "誰が詰め直したかを確認する。検出されたダイジェストを記した免除は、このバイト列のみに及ぶ。",
    ),
    between: None,
};

/// A container that can no longer be opened.
pub static UNDECODABLE: Kind = Kind {
    id: "encoding/undecodable",
    family: Family::Encoding,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} can no longer be decoded; {count} parts that the reference has in it cannot be seen.",
    japanese: "{what} を復号できない。基準値に有る {count} 個の部分を確認できない。",
    next: ACQUIRE,
    between: None,
};

/// Content where the reference is erased.
pub static NOT_ERASED: Kind = Kind {
    id: "fill/not-erased",
    family: Family::Fill,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} should be erased and is not.",
    japanese: "{what} は消去されているべきだが、データが有る。",
    next: ACQUIRE,
    between: Some(Text::new(
        "{what} is erased in the first image only.",
        "{what} は一つ目のイメージのみで消去されている。",
    )),
};

#[cfg(test)]
mod tests {
    use kiwame_image::{DefectKind, LimitKind};

    use super::*;
    use crate::Tier;
    use crate::testing::{Piece, Trial, around, fill, piece, stream};

    fn says(genuine: &[Piece], image: &[Piece]) -> Vec<String> {
        let mut trial = Trial::of(genuine);
        // What beside the components differs is for other tests.
        trial.reference.size = trial.reference.size.max(1);
        let said = trial.says(image);
        said.into_iter().filter(|line| line != "fill/resized image").collect()
    }

    fn two(first: &str) -> [Piece; 2] {
        [piece("a:1", first), piece("b:2", "two!")]
    }

    #[test]
    fn other_bytes_are_modified_and_the_same_are_not() {
        assert_eq!(says(&two("one!"), &two("1111")), ["component/modified a:1"]);
        assert!(says(&two("one!"), &two("one!")).is_empty());
    }

    #[test]
    fn what_only_one_of_them_has_is_added_or_removed_and_more_of_one_path_duplicated() {
        let [first, second] = two("one!");
        let one = [first.clone()];
        let both = two("one!");
        assert_eq!(says(&one, &both), ["component/added b:2"]);
        assert_eq!(says(&both, &one), ["component/removed b:2"]);
        let twice = [first, second.clone(), second];
        assert_eq!(says(&both, &twice), ["component/duplicated b:2"]);
        assert_eq!(says(&twice, &both), ["component/removed b:2"]);
    }

    #[test]
    fn erased_content_and_content_in_erased_space_are_told_apart() {
        let (erased, parsed) = (|| [fill("x:0", 4)], || [piece("x:0", "data")]);
        assert_eq!(says(&parsed(), &erased()), ["component/erased x:0"]);
        assert_eq!(says(&erased(), &parsed()), ["fill/not-erased x:0"]);
        assert!(says(&erased(), &erased()).is_empty());
    }

    fn fact_of(value: &str) -> [Piece; 1] {
        [piece("a:1", "one!").with(&fact::MODE, value)]
    }

    #[test]
    fn equal_bytes_with_another_fact_are_another_thing() {
        let plain = [piece("a:1", "one!")];
        let trial = Trial::of(&fact_of("0644"));
        assert!(trial.affirms(&fact_of("0644")));
        for image in [&fact_of("0755"), &plain] {
            let assessment = trial.judge(image);
            assert_eq!(assessment.verdict.reasons, ["component/attributes"]);
            assert_eq!(assessment.findings[0].args["attribute"], "mode");
            assert!(assessment.classes.values().any(|(class, _)| *class == crate::Class::Differs));
        }
        let values = |image: &[Piece]| {
            let finding = trial.judge(image).findings[0].clone();
            (finding.expected.unwrap(), finding.actual)
        };
        assert_eq!(values(&fact_of("0755")), ("0644".to_owned(), Some("0755".to_owned())));
        assert_eq!(values(&plain), ("0644".to_owned(), None));
    }

    #[test]
    fn a_fact_that_the_manifest_does_not_list_is_not_any_value() {
        let assessment = Trial::of(&[piece("a:1", "one!")]).judge(&fact_of("0644"));
        assert_eq!(assessment.verdict.reasons, ["component/attribute-unlisted"]);
        assert_eq!((assessment.verdict.tier, assessment.verdict.exit), (Tier::None, 5));
    }

    #[test]
    fn another_kind_of_region_is_another_thing() {
        let of = |kind| [piece("a:1", "one!").kind(kind)];
        let assessment = Trial::of(&of("raw")).judge(&of("pe"));
        assert_eq!(assessment.verdict.reasons, ["component/attributes"]);
        assert_eq!(assessment.findings[0].args["attribute"], "kind");
    }

    #[test]
    fn a_fact_that_a_limit_hides_is_not_missing() {
        let [plain] = [piece("a:1", "one!")];
        let assessment = Trial::of(&fact_of("0644")).judge(&[plain.limit(LimitKind::Nodes)]);
        assert_eq!(assessment.verdict.reasons, ["limit/hit"]);
        let other = fact_of("0755").map(|piece| piece.limit(LimitKind::Nodes));
        assert_eq!(Trial::of(&fact_of("0644")).tier(&other), Tier::Contraindicated);
    }

    #[test]
    fn a_time_of_writing_may_differ_where_the_device_writes_and_no_other_fact_may() {
        let of = |fact, value: u64| [around("partition:data", [piece("a:1", "one!").with(fact, value)])];
        for written in [true, false] {
            let tier = |fact| Trial::of(&of(fact, 1)).layout("data", (0, 4), written).tier(&of(fact, 2));
            assert_eq!(tier(&fact::MODIFIED) == Tier::Affirming, written);
            assert_eq!(tier(&fact::UID), Tier::Contraindicated);
        }
    }

    #[test]
    fn only_parsed_bytes_beside_an_added_component_are_its_frame() {
        let genuine = [around("box:1", [piece("a:1", "one!").component()])];
        let with = |frame: Piece, new: Piece| {
            [around("box:1", [piece("a:1", "one!").component(), new.clone(), frame])]
        };
        let (new, tag) = (|| piece("n:1", "new!").component(), || piece("tag:1", "tag!"));
        assert_eq!(says(&genuine, &with(tag(), new())), ["component/added box:1/n:1"]);
        let both = ["component/added box:1/n:1", "component/added box:1/tag:1"];
        assert_eq!(says(&genuine, &with(tag().content(Content::Unknown), new())), both);
        assert_eq!(says(&genuine, &with(tag().component(), new())), both);
        let plain = piece("n:1", "new!");
        assert_eq!(says(&genuine, &with(tag(), plain)), both, "nothing that would speak for it");
        let erased = with(tag(), fill("n:1", 4).component());
        assert_eq!(
            says(&genuine, &erased),
            ["component/added box:1/tag:1"],
            "erased space speaks for nothing"
        );
    }

    #[test]
    fn an_addition_says_whose_it_is() {
        let base = || piece("a:1", "one!");
        let assessment = Trial::of(&[base()]).judge(&[base(), piece("file:f", "new!").owned("0755", 7)]);
        let args = &assessment.findings[0].args;
        assert_eq!((&*args["mode"], &*args["owner"], &*args["group"]), ("0755", "7", "7"));
    }

    fn packed(bytes: &str, content: &str) -> [Piece; 1] {
        [stream("gz:1", bytes, [piece("a:1", content), piece("b:2", "same")])]
    }

    #[test]
    fn a_stream_differs_by_what_lies_in_it() {
        let inside = "component/modified gz:1/decoded:content/a:1";
        assert_eq!(says(&packed("xx", "good"), &packed("zz", "evil")), [inside]);
        let less = [stream("gz:1", "zz", [piece("b:2", "same")])];
        let removed = "component/removed gz:1/decoded:content/a:1";
        let moved = says(&packed("xx", "good"), &less);
        assert_eq!(moved, [removed]);
    }

    static ODD: DefectKind = DefectKind::odd("toy/odd");

    #[test]
    fn a_stream_in_which_nothing_differs_speaks_for_itself() {
        let genuine = packed("xx", "good");
        let unsound = packed("zz", "good").map(|stream| stream.defect(&ODD, 1));
        assert_eq!(says(&genuine, &unsound), ["component/modified gz:1", "toy/odd gz:1"]);
    }

    #[test]
    fn what_an_added_stream_holds_is_told_once() {
        let base = || piece("a:1", "one!");
        let [new] = packed("zz", "evil");
        assert_eq!(says(&[base()], &[base(), new]), ["component/added gz:1"]);
    }

    #[test]
    fn what_lies_in_a_stream_that_no_longer_opens_is_not_missing() {
        let closed = |bytes: &str| [piece("gz:1", bytes).content(Content::Encoded)];
        let assessment = Trial::of(&packed("xx", "good")).judge(&closed("zz"));
        assert_eq!(crate::testing::said(&assessment), ["encoding/undecodable gz:1"]);
        assert_eq!(assessment.findings[0].args["count"], "2");
        // One that was never open is a component as any other.
        assert_eq!(says(&closed("xx"), &closed("zz")), ["component/modified gz:1"]);
        // The same bytes hold the same, and who does not see it has not compared it.
        let removed = "component/removed gz:1/decoded:content/a:1";
        assert!(says(&packed("xx", "good"), &closed("xx")).contains(&removed.to_owned()));
    }

    #[test]
    fn what_a_limit_kept_shut_is_neither_different_nor_missing() {
        let shut = [piece("gz:1", "zz").content(Content::Encoded).limit(LimitKind::Space)];
        assert_eq!(says(&packed("xx", "good"), &shut), ["limit/hit gz:1"]);
        let genuine = [around("box:1", [piece("a:1", "one!"), piece("b:2", "two!")])];
        let cut = [around("box:1", [piece("rest:0", "one!two!")]).limit(LimitKind::Nodes)];
        assert_eq!(says(&genuine, &cut), ["limit/hit box:1"]);
        let [elsewhere] = [piece("c:3", "x").limit(LimitKind::Nodes)];
        let beside = [around("box:1", [piece("a:1", "one!")]), elsewhere.clone()];
        let [boxed] = genuine;
        let said = says(&[boxed, piece("c:3", "x")], &beside);
        assert_eq!(said, ["limit/hit c:3", "component/removed box:1/b:2"]);
    }

    fn headed(head: &str, bytes: &str, content: &str) -> [Piece; 1] {
        let [stream] = packed(bytes, content);
        [around("box:1", [piece("head:0", head).mask(2), stream])]
    }

    #[test]
    fn a_header_that_only_encodes_follows_the_stream_beside_it() {
        let genuine = headed("11 head", "xx", "good");
        let inside = "component/modified box:1/gz:1/decoded:content/a:1";
        assert_eq!(says(&genuine, &headed("22 head", "zz", "evil")), [inside]);
        let mut more = says(&genuine, &headed("22 HEAD", "zz", "evil"));
        more.sort();
        assert_eq!(
            more,
            ["component/modified box:1/gz:1/decoded:content/a:1", "component/modified box:1/head:0"]
        );
        assert_eq!(says(&genuine, &headed("22 head", "xx", "good")), ["encoding/header box:1/head:0"]);
    }

    #[test]
    fn a_header_around_what_is_waived_is_left_to_a_person() {
        let (genuine, image) = (headed("11 head", "xx", "good"), headed("22 head", "zz", "evil"));
        let findings = Trial::of(&genuine).judge(&image).findings;
        let found = findings[0].found();
        let trial = Trial::of(&genuine);
        let trial = trial.waiving("component/modified", "box:1/gz:1/decoded:content/a:1", Some(&found));
        let mut reasons = trial.judge(&image).verdict.reasons;
        reasons.sort();
        assert_eq!(reasons, ["encoding/around-waived", "encoding/header"]);
    }

    #[test]
    fn a_header_around_a_difference_that_nobody_waives_has_nothing_to_add() {
        let of = |head: &str, bytes: &str, content: &str| {
            let stream = stream("gz:1", bytes, [piece("a:1", content), piece("b:2", content)]);
            [around("box:1", [piece("head:0", head).mask(2), stream])]
        };
        let (genuine, image) = (of("11 head", "xx", "good"), of("22 head", "zz", "evil"));
        let found = Trial::of(&genuine).judge(&image).findings[0].found();
        let trial = Trial::of(&genuine);
        let trial = trial.waiving("component/modified", "box:1/gz:1/decoded:content/a:1", Some(&found));
        assert_eq!(trial.judge(&image).verdict.reasons, ["component/modified"]);
        assert!(!trial.says(&image).iter().any(|line| line.starts_with("encoding/")));
    }

    #[test]
    fn a_stream_in_which_something_is_that_nobody_lists_does_not_speak_beside_it() {
        let genuine = [stream("gz:1", "xx", [piece("a:1", "good")])];
        let image = [stream("gz:1", "zz", [piece("a:1", "good"), piece("n:1", "new!")])];
        let told = Trial::of(&genuine).partial().says(&image);
        assert_eq!(told, ["coverage/unreferenced gz:1/decoded:content/n:1", "coverage/partial image"]);
    }

    #[test]
    fn a_waived_absence_is_not_left_over() {
        let genuine = two("one!");
        let [first, _] = two("one!");
        let mut trial = Trial::of(&genuine).waiving("component/removed", "b:2", Some(""));
        trial.reference.size = 4;
        let assessment = trial.judge(&[first]);
        assert_eq!(assessment.missing, [0_usize; 0]);
        assert!(assessment.verdict.exit == 0, "{:?}", assessment.verdict);
    }
}
