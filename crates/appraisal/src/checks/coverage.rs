//! Bytes that no reference value covers (RULES 10 and 11).

use kiwame_image::Content;
use kiwame_trust::manifest::Coverage as Listed;

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
        let mut uncovered = 0_u64;
        for region in regions {
            if case.matches.get(&region.id) != Some(&Match::Nothing) || region.content == Content::Fill {
                continue;
            }
            let path = case.tree.path(region.id);
            let id = match region.content {
                Content::Parsed if crate::reference::holds_program(case.tree, region) => {
                    "coverage/program-unreferenced"
                }
                Content::Encoded if region.encodes.is_none() => "coverage/unexplained",
                Content::Unknown => "coverage/unexplained",
                Content::Parsed | Content::Encoded | Content::Fill => "coverage/unreferenced",
            };
            let accepted = if id == "coverage/unreferenced" {
                case.rule.accepts_partial(path)
            } else {
                case.rule.accepts_unexplained(path)
            };
            if !accepted {
                uncovered = uncovered.saturating_add(region.span.length);
                let finding = case.about(id, region);
                case.report(finding);
            }
        }
        if uncovered > 0 {
            case.report(crate::Finding::new("coverage/partial").arg("bytes", uncovered));
        }
    }
}
