//! The whole image against its subject digests (RULES 11 and 15).

use kiwame_image::Region;

use crate::kind::{ASK, Effect, Family, Kind, Reason, Severity};
use crate::kinds::RESIZED;
use crate::{Case, Finding, Findings, Match};

/// A manifest whose regions all match while its digest of the whole does not contradicts itself. An image that differs
/// although no region was excused, and no check has said so, differs in how far it is erased.
pub(crate) fn look(case: &Case<'_>, found: &mut Findings<'_>) {
    for name in &case.reference.unknown_digests {
        found.report(Finding::new(&UNKNOWN_DIGEST).arg("algorithm", name));
    }
    if !case.manifest.includes.is_empty() {
        let count = case.manifest.includes.len();
        found.report(Finding::new(&INCLUDES_NOT_FOLLOWED).arg("count", count));
    }
    let size = case.tree.space(kiwame_image::SpaceId::IMAGE).map_or(0, |space| space.size);
    let refuted = found.iter().any(|finding| finding.effect() == Effect::Refuted);
    // What the policy accepts beside the reference takes room, too.
    if size != case.reference.size && !refuted && case.accepted.is_empty() {
        let bytes = |size: u64| format!("{size:#x} bytes");
        let finding = Finding::new(&RESIZED);
        found.report(finding.compared(bytes(case.reference.size), bytes(size)));
    }
    let sha256 = case
        .reference
        .digests
        .iter()
        .find(|digest| Some(digest.algorithm) == case.tree.image_digest().map(|d| d.algorithm));
    let equal = sha256 == case.tree.image_digest();
    let complete = case.reference.coverage == kiwame_trust::manifest::Coverage::Complete;
    let outcome = |region: &Region| case.matches.get(&region.id).copied();
    let all_bytes = case.measured().all(|region| matches!(outcome(region), Some(Match::Bytes(_))));
    let excused = case
        .measured()
        .any(|region| matches!(outcome(region), Some(Match::Form(_) | Match::Mutable | Match::Remains)));
    let excused = excused || case.vanished || found.has_waived();
    let quiet = found.is_quiet();
    if complete && quiet && !equal && !excused {
        let expected = sha256.map(kiwame_image::Digest::hex);
        let actual = case.tree.image_digest().map(kiwame_image::Digest::hex);
        let kind = if all_bytes { &CONTRADICTS_ITSELF } else { &RESIZED };
        found.report(Finding::new(kind).compared(expected, actual));
    }
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&CONTRADICTS_ITSELF, &INCLUDES_NOT_FOLLOWED, &UNKNOWN_DIGEST];

/// A manifest of which not all that it says of one image can be true.
pub static CONTRADICTS_ITSELF: Kind = Kind {
    id: "manifest/contradicts-itself",
    family: Family::Manifest,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Trust),
    english: "All parts match the manifest, and the whole image does not.",
    japanese: "全ての部分は一致するが、全体のダイジェストが一致しない(マニフェストの矛盾)。",
    next: ASK,
    between: None,
};

/// A manifest that leaves parts to others.
pub static INCLUDES_NOT_FOLLOWED: Kind = Kind {
    id: "manifest/includes-not-followed",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "The manifest leaves {count} parts to sub-manifests, which this version does not follow.",
    japanese: "マニフェストは {count} 件を副マニフェストに委ねているが、この版は追跡しない。",
    next: ASK,
    between: None,
};

/// A digest of an algorithm that this version does not know.
pub static UNKNOWN_DIGEST: Kind = Kind {
    id: "manifest/unknown-digest",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Trust),
    english: "The manifest carries a digest of the algorithm {algorithm}, which this version does not know.",
    japanese: "マニフェストのダイジェスト方式 {algorithm} をこの版は知らない。",
    next: ASK,
    between: None,
};

#[cfg(test)]
mod tests {
    use kiwame_image::{Algorithm, Digest};

    use super::*;
    use crate::Tier;
    use crate::testing::{Piece, Trial, accept, fill, key, piece, stream};
    use kiwame_trust::rules::Mutable;

    fn image(first: &str) -> [Piece; 2] {
        [piece("a:1", first), piece("b:2", "two!")]
    }

    fn other_digest() -> Digest {
        Digest::from_hex(Algorithm::Sha256, &"ab".repeat(32)).unwrap()
    }

    fn reasons(trial: &Trial, image: &[Piece]) -> Vec<String> {
        trial.judge(image).verdict.reasons
    }

    #[test]
    fn a_digest_that_we_do_not_know_is_not_taken_for_right() {
        let mut trial = Trial::of(&image("one!"));
        assert!(trial.affirms(&image("one!")));
        trial.reference.unknown_digests = vec!["blake3".to_owned()];
        let verdict = trial.judge(&image("one!")).verdict;
        assert_eq!((verdict.reasons, verdict.exit), (vec![UNKNOWN_DIGEST.id.to_owned()], 4));
    }

    #[test]
    fn what_a_manifest_leaves_to_others_is_not_judged() {
        let mut trial = Trial::of(&image("one!"));
        trial.manifest.includes = vec!["ab".to_owned(), "cd".to_owned()];
        let assessment = trial.judge(&image("one!"));
        assert_eq!(assessment.verdict.reasons, [INCLUDES_NOT_FOLLOWED.id]);
        assert_eq!(assessment.findings[0].args["count"], "2");
    }

    #[test]
    fn a_manifest_whose_parts_match_and_whose_whole_does_not_contradicts_itself() {
        let mut trial = Trial::of(&image("one!"));
        trial.reference.digests = vec![other_digest()];
        assert_eq!(reasons(&trial, &image("one!")), [CONTRADICTS_ITSELF.id]);
        assert_eq!(reasons(&trial, &image("1111")), ["component/modified"]);
        let mut none = Trial::of(&image("one!"));
        none.reference.digests.clear();
        assert_eq!(reasons(&none, &image("one!")), [CONTRADICTS_ITSELF.id]);
        // A manifest that is not complete says nothing of the whole.
        assert!(trial.partial().affirms(&image("one!")));
    }

    #[test]
    fn what_was_excused_explains_that_the_whole_differs() {
        let packed = |bytes| [stream("gz:1", bytes, [piece("a:1", "good")]).form("toy/1", "so")];
        let mut accepted = Trial::of(&packed("xx"));
        accepted.rule.accept_reencoded = vec!["gz:1".to_owned()];
        assert!(accepted.affirms(&packed("zz")));

        let set = |value: &str| {
            [piece("var:n", "head").with(&kiwame_image::fact::VALUE, value), piece("b:2", value)]
        };
        let rule = || Mutable::Any { max_bytes: 9 };
        let mut ruled = Trial::of(&set("1"))
            .ruled("b:2", rule())
            .ruled("var:n", Mutable::Keys(vec![key("n", "digits:1")]));
        ruled.rule.accept_any = accept("b:2", Some(9), &[]);
        assert!(ruled.affirms(&set("2")));
    }

    #[test]
    fn an_image_of_another_size_is_at_best_a_warning() {
        let mut trial = Trial::of(&image("one!"));
        trial.reference.size = 9;
        let assessment = trial.judge(&image("one!"));
        assert_eq!(
            (assessment.verdict.tier, assessment.verdict.reasons),
            (Tier::Warning, vec![RESIZED.id.to_owned()])
        );
        let sizes = assessment.findings[0].clone();
        assert_eq!(
            (sizes.expected.unwrap(), sizes.actual.unwrap()),
            ("0x9 bytes".into(), "0x8 bytes".into())
        );
        // A difference says more.
        assert_eq!(trial.says(&image("1111")), ["component/modified a:1"]);
    }

    #[test]
    fn what_the_policy_accepts_takes_room() {
        let mut trial = Trial::of(&image("one!")).partial();
        let [first, second] = image("one!");
        let more = [first, second, piece("n:1", "new!")];
        trial.rule.accept_partial = accept("n:1", Some(4), &[]);
        assert!(trial.affirms(&more));
        let erased = [more[0].clone(), more[1].clone(), fill("n:1", 4)];
        assert_eq!(trial.tier(&erased), Tier::Warning);
    }
}
