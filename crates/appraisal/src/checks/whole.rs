//! The whole image against its subject digests (RULES 11 and 15).

use crate::checks::Check;
use crate::{Case, Effect, Finding, Match};

/// A manifest whose regions all match while its digest of the whole does not contradicts itself.
#[derive(Debug)]
pub(crate) struct Whole;

impl Check for Whole {
    fn name(&self) -> &'static str {
        "whole"
    }

    fn run(&self, case: &mut Case<'_>) {
        for name in &case.reference.unknown_digests {
            case.findings.push(Finding::new("manifest/unknown-digest").arg("algorithm", name));
        }
        if !case.manifest.includes.is_empty() {
            let count = case.manifest.includes.len();
            case.findings.push(Finding::new("manifest/includes-not-followed").arg("count", count));
        }
        let sha256 = case
            .reference
            .digests
            .iter()
            .find(|digest| Some(digest.algorithm) == case.tree.image_digest().map(|d| d.algorithm));
        let equal = sha256 == case.tree.image_digest();
        let complete = case.reference.coverage == kiwame_trust::manifest::Coverage::Complete;
        let all_bytes =
            case.measured().all(|region| matches!(case.matches.get(&region.id), Some(Match::Bytes(_))));
        let quiet = case.findings.iter().all(|finding| finding.effect() == Effect::Nothing);
        if complete && all_bytes && quiet && !equal {
            let expected = sha256.map(kiwame_image::Digest::hex);
            let actual = case.tree.image_digest().map(kiwame_image::Digest::hex);
            case.findings.push(Finding::new("manifest/contradicts-itself").compared(expected, actual));
        }
    }
}
