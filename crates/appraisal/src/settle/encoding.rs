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
        "Ask who packed it. Where the manifest has a normal form of it, a policy can accept it with accept-reencoded; a key alone cannot.",
        "誰が詰め直したかを照会する。マニフェストに正規形が有れば、ポリシーの accept-reencoded で認められる(鍵だけでは不可)。",
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

#[cfg(test)]
mod tests {
    use kiwame_image::{DefectKind, fact};

    use super::*;
    use crate::Tier;
    use crate::testing::{Piece, Trial, around, fill, piece, stream, tree_of};

    /// A stream of these bytes with a normal form, which decodes to this and to what is always the same.
    fn packed(bytes: &str, form: (&'static str, &'static str), content: &str) -> [Piece; 1] {
        [stream("gz:1", bytes, [piece("a:1", content), piece("b:2", "same")]).form(form.0, form.1)]
    }

    const FORM: (&str, &str) = ("toy/1", "read so");

    /// As the policy accepts what is packed anew, or does not.
    fn trial(accepted: bool) -> Trial {
        let mut trial = Trial::of(&packed("xx", FORM, "good"));
        trial.rule.accept_reencoded = accepted.then(|| "gz:1".to_owned()).into_iter().collect();
        trial
    }

    fn reason(accepted: bool, image: &[Piece]) -> (Tier, Vec<String>) {
        let verdict = trial(accepted).judge(image).verdict;
        (verdict.tier, verdict.reasons)
    }

    #[test]
    fn what_is_packed_anew_affirms_where_the_policy_accepts_it_and_the_form_is_equal() {
        let anew = packed("zz", FORM, "good");
        assert_eq!(reason(false, &anew), (Tier::Warning, vec![REENCODED.id.to_owned()]));
        let accepted = trial(true).judge(&anew);
        assert_eq!(accepted.verdict.tier, Tier::Affirming);
        assert_eq!(
            (crate::testing::said(&accepted), accepted.exceptions.by_policy),
            (vec!["encoding/accepted gz:1".to_owned()], 1)
        );
        let forms = accepted.classes.values().filter(|class| class.1 == Some(crate::Basis::Form)).count();
        assert_eq!(forms, 0, "a stream is counted where it is opened");
        assert_eq!(trial(true).outcomes(&anew), ["Form(0)", "Bytes(1)", "Bytes(2)"]);
        assert_eq!(trial(false).outcomes(&anew), ["Encoded(0)", "Bytes(1)", "Bytes(2)"]);
    }

    #[test]
    fn another_form_is_told_and_accepted_by_nobody() {
        let other = packed("zz", ("toy/1", "read otherwise"), "good");
        for accepted in [true, false] {
            assert_eq!(reason(accepted, &other), (Tier::Warning, vec![FORM_DIFFERS.id.to_owned()]));
        }
        let newer = packed("zz", ("toy/2", "read so"), "good");
        assert_eq!(reason(true, &newer), (Tier::None, vec![FORM_UNKNOWN.id.to_owned()]));
        assert_eq!(reason(false, &newer), (Tier::Warning, vec![REENCODED.id.to_owned()]));
    }

    #[test]
    fn without_a_form_nothing_is_accepted() {
        let formless = [stream("gz:1", "zz", [piece("a:1", "good"), piece("b:2", "same")])];
        assert_eq!(reason(true, &formless), (Tier::None, vec![FORM_UNKNOWN.id.to_owned()]));
        let mut old = trial(true);
        old.reference.regions[0].normal = None;
        let assessment = old.judge(&packed("zz", FORM, "good"));
        assert_eq!(assessment.verdict.reasons, [FORM_UNKNOWN.id]);
        assert!(!assessment.wants_forms);
        // A run that made no forms asks for them.
        let assessment = trial(true).judge_tree(&tree_of("toy", &packed("zz", FORM, "good"), false));
        assert!(assessment.wants_forms);
        assert_eq!(assessment.verdict.reasons, [REENCODED.id]);
        assert!(!trial(true).judge_tree(&tree_of("toy", &packed("xx", FORM, "good"), false)).wants_forms);
    }

    #[test]
    fn a_stream_is_equal_when_all_in_it_is_equal_at_its_place_with_its_facts_and_nothing_is_missing() {
        let of = |pieces: &[Piece]| stream("gz:1", "zz", pieces).form(FORM.0, FORM.1);
        let good = || piece("a:1", "good");
        let same = || piece("b:2", "same");
        let stands = |pieces: &[Piece]| trial(true).outcomes(&[of(pieces)])[0].clone();
        assert_eq!(stands(&[good(), same()]), "Form(0)");
        for other in [
            &[same(), good()][..],
            &[good()],
            &[good(), same(), piece("c:3", "new!")],
            &[good(), same().with(&fact::UID, 1u8)],
            &[piece("a:1", "evil"), same()],
        ] {
            assert_eq!(stands(other), "Differs(0)", "{other:?}");
        }
    }

    static AMBIGUOUS: DefectKind = DefectKind::ambiguous("toy/ambiguous");
    static ODD: DefectKind = DefectKind::odd("toy/odd");

    #[test]
    fn a_stream_with_something_to_complain_of_is_not_equal() {
        let genuine = |inner: Piece, stream_defect: Option<&'static DefectKind>, around_defect| {
            let stream = stream("gz:1", "zz", [inner]).form(FORM.0, FORM.1);
            let noted = |piece: Piece, kind: Option<&'static DefectKind>| {
                kind.into_iter().fold(piece, |piece, kind| piece.defect(kind, 1))
            };
            [noted(around("box:1", [noted(stream, stream_defect)]), around_defect)]
        };
        let inner = || piece("a:1", "good");
        let reference = [around("box:1", [stream("gz:1", "xx", [inner()]).form(FORM.0, FORM.1)])];
        let mut trial = Trial::of(&reference);
        trial.rule.accept_reencoded = vec!["box:1".to_owned()];
        let stands = |image: &[Piece]| trial.outcomes(image)[0].clone();
        assert_eq!(stands(&genuine(inner(), None, None)), "Form(0)");
        assert_eq!(stands(&genuine(inner().defect(&ODD, 1), None, None)), "Form(0)");
        assert_eq!(stands(&genuine(inner().defect(&AMBIGUOUS, 1), None, None)), "Differs(0)");
        assert_eq!(stands(&genuine(inner(), Some(&ODD), None)), "Differs(0)");
        assert_eq!(stands(&genuine(inner(), None, Some(&ODD))), "Differs(0)");
        // One that lies deeper counts for all around it.
        let deep = |kind| stream("xz:1", "yy", [piece("a:1", "good").defect(kind, 1)]);
        let reference = [stream("gz:1", "xx", [deep(&ODD)]).form(FORM.0, FORM.1)];
        let mut trial = Trial::of(&reference);
        trial.rule.accept_reencoded = vec!["gz:1".to_owned()];
        let of = |kind| trial.outcomes(&[stream("gz:1", "zz", [deep(kind)]).form(FORM.0, FORM.1)])[0].clone();
        assert_eq!((of(&ODD), of(&AMBIGUOUS)), ("Form(0)".to_owned(), "Differs(0)".to_owned()));
    }

    #[test]
    fn a_change_in_an_inner_stream_is_a_change_of_the_outer_one() {
        let of = |outer, inner: &str, content: &str| {
            [stream("gz:1", outer, [stream("xz:1", inner, [piece("a:1", content)])])]
        };
        let trial = Trial::of(&of("xx", "yy", "good"));
        assert_eq!(trial.outcomes(&of("zz", "yy", "good")), ["Encoded(0)", "Bytes(1)", "Bytes(2)"]);
        assert_eq!(trial.outcomes(&of("zz", "ww", "good")), ["Encoded(0)", "Encoded(1)", "Bytes(2)"]);
        assert_eq!(trial.outcomes(&of("zz", "ww", "evil")), ["Differs(0)", "Differs(1)", "Differs(2)"]);
        // An inner one whose own bytes are equal, as the line of a file is, differs by what it holds.
        assert_eq!(trial.outcomes(&of("zz", "yy", "evil")), ["Differs(0)", "Bytes(1)", "Differs(2)"]);
    }

    #[test]
    fn facts_in_a_stream_agree_but_for_traces_of_writing_where_the_device_writes() {
        let of = |bytes, fact, number: u64| {
            let packed = stream("ubi:1", bytes, [piece("a:1", "good").with(fact, number)]);
            [around("partition:data", [packed.rewritten()])]
        };
        let stands = |fact, written, number| {
            let trial = Trial::of(&of("xx", fact, 1)).layout("data", (0, 2), written);
            trial.outcomes(&of("zz", fact, number))[0].clone()
        };
        assert_eq!(stands(&fact::UID, true, 1), "Mutable");
        assert_eq!(stands(&fact::UID, true, 2), "Differs(0)");
        assert_eq!(stands(&fact::MODIFIED, true, 2), "Mutable");
        assert_eq!(stands(&fact::MODIFIED, false, 2), "Differs(0)");
        // One more is no trace of another.
        let plain = [around("partition:data", [stream("ubi:1", "xx", [piece("a:1", "good")]).rewritten()])];
        let trial = Trial::of(&plain).layout("data", (0, 2), true);
        assert_eq!(trial.outcomes(&of("zz", &fact::MODIFIED, 2))[0], "Differs(0)");
    }

    #[test]
    fn what_devices_pack_themselves_may_be_packed_anew_where_they_write() {
        let of = |step, bytes, rewritten| {
            let packed = stream(step, bytes, [piece("a:1", "good")]);
            let packed = if rewritten { packed.rewritten() } else { packed };
            [around("partition:data", [packed])]
        };
        for (step, rewritten, written, expected) in [
            ("ubi:1", true, true, "Mutable"),
            ("file:f", false, true, "Mutable"),
            ("ubi:1", false, true, "Encoded(0)"),
            ("ubi:1", true, false, "Encoded(0)"),
        ] {
            let trial = Trial::of(&of(step, "xx", rewritten)).layout("data", (0, 2), written);
            assert_eq!(
                trial.outcomes(&of(step, "zz", rewritten))[0],
                expected,
                "{step} {rewritten} {written}"
            );
        }
    }

    /// A header of which two bytes encode, and a stream.
    fn headed(head: &str, bytes: &str) -> [Piece; 1] {
        let [stream] = packed(bytes, FORM, "good");
        [around("box:1", [piece("head:0", head).mask(2), stream])]
    }

    fn headed_trial(accepted: bool) -> Trial {
        let mut trial = Trial::of(&headed("11 head", "xx"));
        trial.rule.accept_reencoded = accepted.then(|| "box:1/gz:1".to_owned()).into_iter().collect();
        trial
    }

    #[test]
    fn a_header_that_only_encodes_follows_the_stream_that_was_packed_anew() {
        let stands = |accepted, head, bytes| headed_trial(accepted).outcomes(&headed(head, bytes))[0].clone();
        assert_eq!(stands(true, "22 head", "zz"), "Form(0)");
        assert_eq!(stands(false, "22 head", "zz"), "Encoded(0)");
        assert_eq!(stands(false, "22 head", "xx"), "Encoded(0)");
        assert_eq!(stands(true, "22 HEAD", "zz"), "Differs(0)");
        assert_eq!(stands(true, "222 head", "zz"), "Differs(0)", "another length");
        assert!(headed_trial(true).affirms(&headed("22 head", "zz")));
        let reasons = |head, bytes| headed_trial(false).judge(&headed(head, bytes)).verdict.reasons;
        assert_eq!(reasons("22 head", "zz"), [REENCODED.id], "the stream speaks for it");
        assert_eq!(reasons("22 head", "xx"), [HEADER_ONLY.id]);
    }

    #[test]
    fn a_header_follows_a_stream_that_lies_deeper_beside_it() {
        let of = |head: &str, bytes: &str, content: &str| {
            let deep = around("sub:1", [around("sub:2", packed(bytes, FORM, content))]);
            [around("box:1", [piece("head:0", head).mask(2), deep])]
        };
        let trial = Trial::of(&of("11 head", "xx", "good"));
        assert_eq!(trial.outcomes(&of("22 head", "zz", "good"))[0], "Encoded(0)");
        assert_eq!(trial.says(&of("22 head", "zz", "good")).len(), 1, "the stream speaks");
        assert_eq!(trial.outcomes(&of("22 head", "zz", "evil"))[0], "Differs(0)");
    }

    #[test]
    fn of_two_streams_beside_a_header_the_worse_decides() {
        let of = |head: &str, bytes: [&str; 2], content: &str| {
            let one = stream("gz:1", bytes[0], [piece("a:1", "good")]).form(FORM.0, FORM.1);
            let two = stream("xz:1", bytes[1], [piece("a:1", content)]).form(FORM.0, FORM.1);
            [around("box:1", [piece("head:0", head).mask(2), one, two])]
        };
        let mut trial = Trial::of(&of("11 head", ["xx", "xx"], "good"));
        trial.rule.accept_reencoded = vec!["box:1/gz:1".to_owned()];
        let stands = |bytes, content| trial.outcomes(&of("22 head", bytes, content))[0].clone();
        assert_eq!(stands(["zz", "xx"], "good"), "Form(0)");
        assert_eq!(stands(["zz", "zz"], "good"), "Encoded(0)");
        assert_eq!(stands(["zz", "zz"], "evil"), "Differs(0)");
    }

    fn beside(content: &str, erased: usize, more: &str) -> [Piece; 1] {
        [around("box:1", [piece("a:1", content), fill("fill:0", erased), piece("z:9", more)])]
    }

    #[test]
    fn erased_space_of_another_size_is_a_warning_unless_what_lies_beside_it_came_went_or_was_packed_anew() {
        let trial = Trial::of(&beside("one!", 8, "end"));
        assert_eq!(trial.says(&beside("one!", 4, "endless"))[..1], ["fill/resized box:1/fill:0"]);
        assert!(trial.says(&beside("one!", 8, "end")).is_empty());

        let of = |bytes, erased| {
            let packed = stream("gz:1", bytes, [piece("a:1", "good")]);
            [around("box:1", [packed, fill("fill:0", erased)])]
        };
        assert_eq!(Trial::of(&of("xx", 8)).says(&of("zzz", 7)), [format!("{} box:1/gz:1", REENCODED.id)]);
        let other = |bytes, content: &str, erased| {
            let packed = stream("gz:1", bytes, [piece("a:1", content)]);
            [around("box:1", [packed, fill("fill:0", erased)])]
        };
        let told = Trial::of(&other("xx", "good", 8)).says(&other("zzz", "evil", 7));
        assert_eq!(told, ["component/modified box:1/gz:1/decoded:content/a:1"]);
        let new = [around("box:1", [piece("a:1", "one!"), piece("n:1", "new!"), fill("fill:0", 4)])];
        let base = [around("box:1", [piece("a:1", "one!"), fill("fill:0", 8)])];
        assert_eq!(Trial::of(&base).says(&new), ["component/added box:1/n:1"]);
        assert_eq!(Trial::of(&new).says(&base), ["component/removed box:1/n:1"]);
        // Elsewhere it explains nothing.
        let [boxed] = base.clone();
        let apart = |new: bool, erased| {
            let outside = piece("n:1", "new!");
            let boxed = around("box:1", [piece("a:1", "one!"), fill("fill:0", erased)]);
            if new { vec![boxed, outside] } else { vec![boxed] }
        };
        let told = Trial::of(&[boxed]).says(&apart(true, 4));
        assert!(told.contains(&"fill/resized box:1/fill:0".to_owned()), "{told:?}");
        let told = Trial::of(&apart(true, 8)).says(&apart(false, 12));
        assert!(told.contains(&"fill/resized box:1/fill:0".to_owned()), "{told:?}");
    }

    #[test]
    fn erased_space_may_have_any_size_where_the_device_writes() {
        let of =
            |erased, data: &str| [around("partition:data", [piece("a:1", data), fill("fill:0", erased)])];
        let told = |written| {
            let trial = Trial::of(&of(8, "one!")).layout("data", (0, 12), written);
            trial.says(&of(4, "one!eight"[..8].as_ref()))
        };
        assert!(!told(true).contains(&"fill/resized partition:data/fill:0".to_owned()));
        assert!(told(false).contains(&"fill/resized partition:data/fill:0".to_owned()));
    }

    #[test]
    fn erased_space_that_vanished_is_a_warning_unless_something_changed() {
        let with = |erased: usize| vec![piece("a:1", "one!"), fill("fill:0", erased), piece("b:2", "two!")];
        let without = |first: &str| vec![piece("a:1", first), piece("b:2", "two!")];
        let mut trial = Trial::of(&with(4));
        trial.reference.size = 8;
        let told = trial.says(&without("one!"));
        assert!(told.contains(&"fill/resized fill:0".to_owned()), "{told:?}");
        let told = trial.says(&without("1111"));
        assert_eq!(told, ["component/modified a:1"]);
        let gone = vec![piece("a:1", "one!")];
        assert_eq!(trial.says(&gone), ["component/removed b:2"]);
        let filled = vec![piece("a:1", "one!"), piece("n:1", "new!"), piece("b:2", "two!")];
        assert_eq!(Trial::of(&with(4)).says(&filled), ["component/added n:1"]);
        // Another that is smaller is no reason for it.
        let genuine = vec![piece("a:1", "one!"), fill("fill:0", 4), fill("fill:1", 4)];
        let told = Trial::of(&genuine).says(&[piece("a:1", "one!"), fill("fill:0", 3)]);
        assert!(told.contains(&"fill/resized fill:1".to_owned()), "{told:?}");
    }
}
