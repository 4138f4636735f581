//! Re-encoded containers (RULES 2): the content is equal, the encoding is not.
//!
//! A stream has equal content when everything it decodes to is matched at the same place, nothing of the reference
//! is missing and nothing is added. That affirms nobody: what a loader reads and our listing does not show could differ.
//! Where the policy accepts it the normal form must be equal, too. The headers around it may then differ in fields that
//! only encode, and erased space beside it may have another size.
//!
//! What settles a stream is what is said of it: one look does both.

use std::collections::BTreeSet;

use kiwame_image::{Content, Gather as _, Region, RegionId, SpaceId};

use kiwame_trust::Facts;
use kiwame_trust::json::Json;

use crate::case::{beginnings, place};
use crate::kind::{ASK, ASK_WHY, Effect, Family, Kind, NOTHING_TO_DO, Reason, Severity, Text};
use crate::reference::is_fill;
use crate::{Case, Findings, Match};

/// Decides streams from the inside out, then the headers around them.
pub(crate) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    let mut contents = Contents::of(case);
    let regions: Vec<_> = case.measured().collect();
    for region in regions.iter().rev() {
        if region.content == Content::Encoded {
            stream(case, found, region, &contents);
        }
        if !is_equal(case, region) || contents.differs_inside(case, region) {
            contents.differing.insert(region.space);
        }
    }
    let around = Around::of(case);
    let leaves: Vec<_> = regions.into_iter().filter(|region| region.is_leaf()).collect();
    leaves.iter().for_each(|region| header(case, found, region, &around));
    let (moved, removed) = (around_moved(case), around_removed(case));
    leaves.iter().for_each(|region| erased(case, found, region, (&moved, &removed)));
    vanished_fill(case, found);
}

/// What is known of the content of each space, so that each stream is judged by one look.
struct Contents<'a> {
    /// Spaces with a measured region that is not equal to its reference value. Those of a space are known when the stream
    /// that encodes it is reached, from the back of the pre-order.
    differing: BTreeSet<SpaceId>,
    /// Paths of spaces in which a reference value was taken by nothing.
    missing: BTreeSet<&'a str>,
    /// Spaces with an ambiguous defect in them, or in what is encoded there.
    ambiguous: BTreeSet<SpaceId>,
    /// Regions with a defect of their own.
    defective: BTreeSet<RegionId>,
}

impl<'a> Contents<'a> {
    fn of(case: &Case<'a>) -> Self {
        let tree = case.tree;
        let missing = case.unmatched.iter().filter_map(|&index| case.wanted(index));
        let mut ambiguous = BTreeSet::new();
        for defect in tree.defects().iter().filter(|defect| defect.kind.ambiguous) {
            let around = tree.region(defect.region).into_iter().chain(tree.ancestors(defect.region));
            ambiguous.extend(around.map(|region| region.space));
        }
        Self {
            differing: BTreeSet::new(),
            missing: missing.map(|wanted| wanted.space()).into_set(),
            ambiguous,
            defective: tree.defects().iter().map(|defect| defect.region).into_set(),
        }
    }

    /// True for a region whose own bytes may be equal, as the line of a file in its listing is, and whose content is not.
    fn differs_inside(&self, case: &Case<'_>, region: &Region) -> bool {
        let Some(space) = region.encodes else { return false };
        self.differing.contains(&space)
            || self.missing.contains(super::differences::stream_path(case, region))
    }

    /// True when everything that a stream decodes to equals the reference, nothing is missing, and its decoder had
    /// nothing to complain of.
    fn equal(&self, case: &Case<'_>, stream: &Region) -> bool {
        let Some(space) = stream.encodes else { return false };
        let path = super::differences::stream_path(case, stream);
        let unsound = self.defective.contains(&stream.id)
            || stream.parent.is_some_and(|around| self.defective.contains(&around));
        !self.differing.contains(&space)
            && !self.missing.contains(path)
            && !self.ambiguous.contains(&space)
            && !unsound
    }
}

/// True for a region that equals its reference value at its place, facts included, or is as good as equal.
fn is_equal(case: &Case<'_>, region: &Region) -> bool {
    match case.matches.get(&region.id) {
        Some(Match::Bytes(index)) => case.wanted(*index).is_some_and(|wanted| {
            wanted.span == region.span && facts_agree(case, region, &wanted.attributes)
        }),
        Some(Match::Encoded(_) | Match::Form(_) | Match::Mutable | Match::Remains) => {
            !case.outside.contains(&region.id)
        }
        Some(Match::Differs(_) | Match::Nothing) | None => false,
    }
}

pub(super) fn facts_agree(case: &Case<'_>, region: &Region, wanted: &Facts) -> bool {
    let facts = crate::reference::attributes(case.tree, region);
    let agrees = |(name, fact): (&str, &Json)| {
        wanted.get(name) == Some(fact) || super::differences::is_trace(case, region, name)
    };
    facts == *wanted || facts.len() == wanted.len() && facts.iter().all(agrees)
}

/// A stream of other bytes and equal content. Where the device writes it is a trace of writing; elsewhere it is a
/// warning, unless the policy accepts it and the normal form, which holds what the listing does not show, is equal.
fn stream(case: &mut Case<'_>, found: &mut Findings<'_>, stream: &Region, contents: &Contents<'_>) {
    let Some(Match::Differs(index)) = case.matches.get(&stream.id).copied() else { return };
    if !contents.equal(case, stream) {
        return;
    }
    if super::mutable::is_written_by_devices(stream) && case.is_written(stream) {
        case.matches.insert(stream.id, Match::Mutable);
        return;
    }
    let accepted = case.terms.rule.accepts_reencoded(case.tree.path(stream.id));
    let expected = case.wanted(index).and_then(|wanted| wanted.normal.as_ref());
    let kind = match (accepted, expected, stream.normal.as_deref()) {
        (_, Some(_), None) if !case.tree.has_forms() => {
            case.wants_forms = true;
            &REENCODED
        }
        // Whoever reads that the policy can accept it should not learn afterwards that it cannot.
        (false, Some(expected), Some(form)) if expected.name == form.name && expected != form => {
            &FORM_DIFFERS
        }
        (false, _, _) => &REENCODED,
        (true, Some(expected), Some(form)) if expected.name != form.name => &FORM_UNKNOWN,
        (true, Some(expected), Some(form)) if expected == form => &REENCODED_ACCEPTED,
        (true, Some(_), Some(_)) => &FORM_DIFFERS,
        (true, _, _) => &FORM_UNKNOWN,
    };
    let outcome = if kind == &REENCODED_ACCEPTED {
        case.exceptions.by_policy = case.exceptions.by_policy.saturating_add(1);
        Match::Form(index)
    } else {
        Match::Encoded(index)
    };
    case.matches.insert(stream.id, outcome);
    let expected = case.wanted(index).map(|wanted| wanted.sha256.hex());
    let actual = stream.sha256.as_ref().map(kiwame_image::Digest::hex);
    let finding = case.about(kind, stream).compared(expected, actual);
    found.report(finding);
}

/// Regions around streams, in the space of each, by how the stream stands.
#[derive(Default)]
struct Around {
    form: BTreeSet<RegionId>,
    encoded: BTreeSet<RegionId>,
    changed: BTreeSet<RegionId>,
}

impl Around {
    fn of(case: &Case<'_>) -> Self {
        let mut around = Self::default();
        for (&id, outcome) in &case.matches {
            let Some(region) = case.tree.region(id) else { continue };
            let set = match outcome {
                Match::Form(_) => &mut around.form,
                Match::Encoded(_) => &mut around.encoded,
                Match::Differs(_) if region.content == Content::Encoded => &mut around.changed,
                Match::Differs(_) | Match::Bytes(_) | Match::Nothing | Match::Mutable | Match::Remains => {
                    continue;
                }
            };
            enter(case, region, set);
        }
        around
    }
}

/// Enters every region around one, in its space. Whatever lies further out than one that is there has been entered along
/// with it.
fn enter(case: &Case<'_>, region: &Region, set: &mut BTreeSet<RegionId>) {
    for above in case.tree.ancestors(region.id).take_while(|above| above.space == region.space) {
        if !set.insert(above.id) {
            break;
        }
    }
}

/// Every region around a stream that is not equal to its reference, or could not be opened.
pub(super) fn around_changed_streams(case: &Case<'_>) -> BTreeSet<RegionId> {
    Around::of(case).changed
}

/// Erased space of the reference that is not there: nothing was lost with it. The room it took went to something
/// that changed, and speaks for itself, or is worth a warning.
fn vanished_fill(case: &mut Case<'_>, found: &mut Findings<'_>) {
    let (fill, rest): (Vec<_>, Vec<_>) =
        case.unmatched.iter().copied().partition(|&index| case.wanted(index).is_some_and(is_fill));
    case.unmatched = rest;
    let changed = |(id, outcome): (&RegionId, &Match)| {
        !matches!(outcome, Match::Bytes(_) | Match::Mutable | Match::Remains)
            && !is_resized_fill(case, *id, *outcome)
    };
    let excused = case.matches.iter().any(changed) || !case.unmatched.is_empty();
    if let (Some(wanted), false) = (fill.first().and_then(|&index| case.wanted(index)), excused) {
        let finding = case.about_wanted(&RESIZED, wanted);
        found.report(finding.compared(place(wanted.space(), wanted.span), None));
    }
}

/// True for erased space that is erased in the reference, or not there: it excuses no other, or two of them would
/// excuse each other.
fn is_resized_fill(case: &Case<'_>, id: RegionId, outcome: Match) -> bool {
    let erased = case.tree.region(id).is_some_and(|region| region.content == Content::Fill);
    erased && outcome.index().is_none_or(|index| case.wanted(index).is_some_and(is_fill))
}

/// A header that differs in encoding fields only, around a stream that was encoded anew, follows it.
fn header(case: &mut Case<'_>, found: &mut Findings<'_>, region: &Region, streams: &Around) {
    let Some(Match::Differs(index)) = case.matches.get(&region.id).copied() else { return };
    let Some(wanted) = case.wanted(index) else { return };
    if region.masked.is_none()
        || region.masked.as_deref() != wanted.masked.as_ref()
        || region.span.length != wanted.span.length
    {
        return;
    }
    let Some(around) = region.parent else { return };
    // The worst stream beside it decides; one that differs speaks for the header, too.
    if streams.changed.contains(&around) {
        return;
    }
    if streams.form.contains(&around) && !streams.encoded.contains(&around) {
        case.matches.insert(region.id, Match::Form(index));
        return;
    }
    case.matches.insert(region.id, Match::Encoded(index));
    if !streams.encoded.contains(&around) {
        // Every difference deserves a word; this one is not proof of other content.
        let finding = case.about(&HEADER_ONLY, region);
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        found.report(finding.compared(wanted.sha256.hex(), digest));
    }
}

/// Erased space of another size: the other side of a stream of another size, else worth a warning.
fn erased(
    case: &Case<'_>,
    found: &mut Findings<'_>,
    region: &Region,
    (moved, removed): (&BTreeSet<RegionId>, &BTreeSet<&str>),
) {
    if region.content != Content::Fill {
        return;
    }
    let Some(outcome @ (Match::Differs(_) | Match::Nothing)) = case.matches.get(&region.id).copied() else {
        return;
    };
    let wanted = outcome.index().and_then(|index| case.wanted(index));
    if wanted.is_some_and(|wanted| !is_fill(wanted)) {
        return; // Content was erased: a difference.
    }
    if case.is_written(region) {
        return; // Free space beside entries that come and go.
    }
    let excused = region
        .parent
        .is_some_and(|around| moved.contains(&around) || removed.contains(case.tree.path(around)));
    if !excused {
        let space = case.tree.space_path(region.space);
        let expected = wanted.map(|wanted| place(wanted.space(), wanted.span));
        let finding = case.about(&RESIZED, region).compared(expected, place(space, region.span));
        found.report(finding);
    }
}

/// Every region around one, in its space, that is new, was encoded anew, or is a stream that differs; erased space
/// moves nothing.
fn around_moved(case: &Case<'_>) -> BTreeSet<RegionId> {
    let mut around = BTreeSet::new();
    for (&id, outcome) in &case.matches {
        let anew = matches!(outcome, Match::Encoded(_) | Match::Form(_) | Match::Nothing);
        let moved = anew || is_changed_stream(case, id);
        let Some(region) = case.tree.region(id).filter(|region| moved && region.content != Content::Fill)
        else {
            continue;
        };
        enter(case, region, &mut around);
    }
    around
}

/// Every path around what the reference has and the image does not, save erased space.
fn around_removed<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    let removed = case.unmatched.iter().filter_map(|&index| case.wanted(index));
    removed
        .filter(|wanted| !is_fill(wanted))
        .flat_map(|wanted| beginnings(&wanted.path).filter(|scope| *scope != wanted.path))
        .into_set()
}

fn is_changed_stream(case: &Case<'_>, id: RegionId) -> bool {
    let stream = case.tree.region(id).is_some_and(|region| region.content == Content::Encoded);
    stream && matches!(case.matches.get(&id), Some(Match::Differs(_)))
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] =
    &[&REENCODED_ACCEPTED, &FORM_DIFFERS, &FORM_UNKNOWN, &HEADER_ONLY, &REENCODED, &RESIZED];

/// A container that was packed anew, where the policy accepts that.
pub static REENCODED_ACCEPTED: Kind = Kind {
    id: "encoding/accepted",
    family: Family::Encoding,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{what} is packed anew; its content and its normal form are equal, and the policy accepts that here.",
    japanese: "{what} は詰め直されている。内容と正規形は一致し、ポリシーがこの箇所で認めている。",
    next: NOTHING_TO_DO,
    between: None,
};

/// A container that was packed anew, and its normal form is another.
pub static FORM_DIFFERS: Kind = Kind {
    id: "encoding/form-differs",
    family: Family::Encoding,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what} is packed anew: the content is equal, and what is packed with it (order, times, unused bytes) is not.",
    japanese: "{what} は詰め直されている。内容は一致するが、内容以外の記録(順序、時刻、未使用部等)が異なる。",
    next: Text::new(
        "Do not accept it; ask the maker what packed it.",
        "受け入れず、何が詰め直したかを製造者に照会する。",
    ),
    between: None,
};

/// A container that was packed anew, without a normal form to compare.
pub static FORM_UNKNOWN: Kind = Kind {
    id: "encoding/form-unknown",
    family: Family::Encoding,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{what} is packed anew; whether more than the encoding differs cannot be told, for want of a normal form.",
    japanese: "{what} は詰め直されている。正規形が無いため、符号化以外の相違の有無を判定できない。",
    next: ASK,
    between: None,
};

/// A header that differs in encoding fields only.
pub static HEADER_ONLY: Kind = Kind {
    id: "encoding/header",
    family: Family::Encoding,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what}: only fields that encode differ, and no content explains it.",
    japanese: "{what}:符号化に関する欄のみ異なるが、それを説明する内容の変化が無い。",
    next: ASK_WHY,
    between: Some(Text::new(
        "{what}: only fields that encode differ.",
        "{what}:符号化に関する欄のみ異なる。",
    )),
};

/// A container that was packed anew.
pub static REENCODED: Kind = Kind {
    id: "encoding/re-encoded",
    family: Family::Encoding,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what} is packed anew: its bytes differ, and what it decodes to is equal as far as this tool reads it.",
    japanese: "{what} は詰め直されている。バイト列は異なるが、本ツールが読む限り内容は一致。",
    next: Text::new(
        "Ask who packed it. Where the manifest has a normal form of it, the policy can accept it with accept-reencoded.",
        "誰が詰め直したかを照会する。マニフェストに正規形が有れば、ポリシーの accept-reencoded で認められる。",
    ),
    between: None,
};

/// Erased space of another size.
pub static RESIZED: Kind = Kind {
    id: "fill/resized",
    family: Family::Fill,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what} is erased as it should be, and has another size.",
    japanese: "{what} は消去されているが、大きさが異なる。",
    next: ASK_WHY,
    between: Some(Text::new(
        "{what} is erased in both, and has another size.",
        "{what} は双方で消去されているが、大きさが異なる。",
    )),
};
