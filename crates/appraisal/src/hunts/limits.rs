//! Limits that were hit: *cannot tell*, and never a difference.

use kiwame_image::{Content, RegionId, Tree};

use crate::Finding;
use crate::kind::{Effect, Family, Kind, Reason, Severity, Text};

/// One finding for each limit and region.
pub(crate) fn hunt(tree: &Tree) -> Vec<Finding> {
    let finding = |&(kind, id): &(kiwame_image::LimitKind, RegionId)| {
        let region = tree.region(id)?;
        let at = Finding::new(&LIMIT_HIT).at(tree.path(id), tree.space_path(region.space), region.span);
        Some(at.arg("limit", kind.name()).arg("kind", region.kind))
    };
    tree.limits_hit().iter().filter_map(finding).collect()
}

/// Streams whose content could not be looked at because of one.
pub(crate) fn shut(tree: &Tree) -> Vec<RegionId> {
    let hit = |region| tree.limits_hit().iter().any(|&(_, at)| at == region);
    let streams = tree.leaves().filter(|leaf| leaf.content == Content::Encoded && leaf.encodes.is_none());
    let shut = streams.filter(|leaf| hit(leaf.id) || leaf.parent.is_some_and(hit));
    shut.map(|leaf| leaf.id).collect()
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&LIMIT_HIT];

/// A limit that was reached.
pub static LIMIT_HIT: Kind = Kind {
    id: "limit/hit",
    family: Family::Limit,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Limit),
    english: "{what}: the limit \"{limit}\" was reached, and nothing behind it was looked at.",
    japanese: "{what}:上限「{limit}」に達したため、以降を調べていない。",
    next: Text::new(
        "Raise the limit with --limit if you trust the source enough to spend the work.",
        "必要であれば --limit で上限を上げる。",
    ),
    between: None,
};
