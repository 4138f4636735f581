//! The whole image against its subject digests (RULES 11 and 15).

use kiwame_image::Region;

use crate::checks::Check;
use crate::{Case, Effect, Finding, Match};

/// A manifest whose regions all match while its digest of the whole does not contradicts itself. An image that differs
/// although no region was excused, and no check has said so, differs in how far it is erased.
#[derive(Debug)]
pub(crate) struct Whole;

impl Check for Whole {
    fn name(&self) -> &'static str {
        "whole"
    }

    fn run(&self, case: &mut Case<'_>) {
        for name in &case.reference.unknown_digests {
            case.report(Finding::new("manifest/unknown-digest").arg("algorithm", name));
        }
        if !case.manifest.includes.is_empty() {
            let count = case.manifest.includes.len();
            case.report(Finding::new("manifest/includes-not-followed").arg("count", count));
        }
        let size = case.tree.space(kiwame_image::SpaceId::IMAGE).map_or(0, |space| space.size);
        let refuted = case.findings.iter().any(|finding| finding.effect() == Effect::Refuted);
        // What the policy accepts beside the reference takes room, too.
        if size != case.reference.size && !refuted && case.accepted.is_empty() {
            let bytes = |size: u64| format!("{size:#x} bytes");
            let finding = Finding::new("fill/resized");
            case.report(finding.compared(bytes(case.reference.size), bytes(size)));
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
        let excused = excused || case.vanished || !case.waived.is_empty();
        let quiet = case.findings.iter().all(|finding| finding.effect() == Effect::Nothing);
        if complete && quiet && !equal && !excused {
            let expected = sha256.map(kiwame_image::Digest::hex);
            let actual = case.tree.image_digest().map(kiwame_image::Digest::hex);
            let id = if all_bytes { "manifest/contradicts-itself" } else { "fill/resized" };
            case.report(Finding::new(id).compared(expected, actual));
        }
    }
}
