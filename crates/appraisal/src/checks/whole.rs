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
