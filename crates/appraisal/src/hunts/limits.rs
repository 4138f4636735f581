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

#[cfg(test)]
mod tests {
    use kiwame_image::LimitKind;

    use super::*;
    use crate::kinds::MODIFIED;
    use crate::testing::{Piece, Trial, around, piece, stream, tree};

    const LIMIT: LimitKind = LimitKind::Depth;

    fn closed(step: &'static str, bytes: &str) -> Piece {
        piece(step, bytes).content(Content::Encoded)
    }

    #[test]
    fn a_limit_shuts_streams_that_it_kept_from_being_opened_and_nothing_else() {
        let image = tree(&[
            closed("gz:1", "xx").limit(LIMIT),
            around("box:1", [closed("gz:2", "xx"), piece("a:1", "data")]).limit(LIMIT),
            closed("gz:3", "xx"),
            piece("a:2", "data").limit(LIMIT),
            stream("gz:4", "xx", [piece("a:3", "data")]).limit(LIMIT),
        ]);
        let paths: Vec<_> = shut(&image).into_iter().map(|id| image.path(id)).collect();
        assert_eq!(paths, ["gz:1", "box:1/gz:2"]);
    }

    #[test]
    fn a_stream_behind_a_limit_cannot_be_told_and_plain_bytes_that_differ_are_a_difference() {
        let judge = |of: &dyn Fn(&str) -> Piece| Trial::of(&[of("one!")]).judge(&[of("two!")]).verdict;
        let behind = judge(&|bytes| closed("gz:1", bytes).limit(LIMIT));
        assert_eq!((behind.exit, behind.reasons), (6, vec![LIMIT_HIT.id.to_owned()]));
        for plain in [judge(&|bytes| piece("a:1", bytes).limit(LIMIT)), judge(&|bytes| closed("gz:1", bytes))]
        {
            assert_eq!((plain.exit, &*plain.reasons[0]), (1, MODIFIED.id));
        }
    }
}
