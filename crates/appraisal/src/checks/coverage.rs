//! Bytes that no reference value covers (RULES 10 and 11).

use kiwame_image::Content;
use kiwame_trust::manifest::Coverage as Listed;

use super::allowance::Allowance;
use crate::checks::Check;
use crate::{Case, Match};

/// Reports regions without a reference value that no other check has spoken of.
#[derive(Debug)]
pub(crate) struct Coverage;

impl Check for Coverage {
    fn name(&self) -> &'static str {
        "coverage"
    }

    fn run(&self, case: &mut Case<'_>) {
        if case.reference.coverage == Listed::Complete {
            return; // Whatever is not listed was added, and has been reported.
        }
        let regions: Vec<_> = case.measured().collect();
        let mut partial = Allowance::of(&case.terms.rule.accept_partial);
        let mut unexplained = Allowance::of(&case.terms.rule.accept_unexplained);
        let mut uncovered = 0_u64;
        for region in regions {
            let searched = crate::reference::is_searched(case.tree, region);
            let erased = region.content == Content::Fill && !searched;
            if case.matches.get(&region.id) != Some(&Match::Nothing) || erased {
                continue;
            }
            let path = case.tree.path(region.id);
            let program = crate::reference::is_program(case.tree, region);
            let id = match region.content {
                _ if program => "coverage/program-unreferenced",
                // Unfound, these bytes would be some that nobody understands (RULES 33).
                _ if searched => "coverage/unexplained",
                Content::Encoded if region.encodes.is_none() => "coverage/unexplained",
                Content::Unknown => "coverage/unexplained",
                Content::Parsed | Content::Encoded | Content::Fill => "coverage/unreferenced",
            };
            let (bytes, sha256) = (region.span.length, region.sha256.as_ref());
            // A program only by its digest: a cap would let any program in.
            let accepted = unexplained.take(path, bytes, sha256, !program)
                || id == "coverage/unreferenced" && partial.take(path, bytes, sha256, true);
            if accepted {
                case.accepted.insert(region.id);
                case.exceptions.by_policy = case.exceptions.by_policy.saturating_add(1);
            } else {
                uncovered = uncovered.saturating_add(bytes);
                let finding = case.about(id, region).compared(None, sha256.map(kiwame_image::Digest::hex));
                case.report(finding);
            }
        }
        if uncovered > 0 {
            case.report(crate::Finding::new("coverage/partial").arg("bytes", uncovered));
        }
    }
}
