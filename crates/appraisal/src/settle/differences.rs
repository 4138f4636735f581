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
    found.report(finding.compared(None, digest));
}

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
