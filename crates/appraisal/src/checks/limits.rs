//! Limits that were hit: *cannot tell*, and never a difference.

use kiwame_image::{Content, Tree};

use crate::checks::Check;
use crate::{Case, Finding};

/// Reports limits, and notes which streams were not opened because of them.
#[derive(Debug)]
pub(crate) struct LimitsHit;

impl Check for LimitsHit {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn run(&self, case: &mut Case<'_>) {
        case.findings.extend(limits(case.tree));
        let hit = |region| case.tree.limits_hit().iter().any(|&(_, at)| at == region);
        case.limited = case
            .tree
            .leaves()
            .filter(|leaf| leaf.content == Content::Encoded && leaf.encodes.is_none())
            .filter(|leaf| hit(leaf.id) || leaf.parent.is_some_and(hit))
            .map(|leaf| leaf.id)
            .collect();
    }
}

/// One finding for each limit and region.
pub(crate) fn limits(tree: &Tree) -> Vec<Finding> {
    let finding = |&(kind, id): &(kiwame_image::LimitKind, kiwame_image::RegionId)| {
        let region = tree.region(id)?;
        let at = Finding::new("limit/hit").at(tree.path(id), tree.space_path(region.space), region.span);
        Some(at.arg("limit", kind.name()).arg("kind", region.kind))
    };
    tree.limits_hit().iter().filter_map(finding).collect()
}
