//! The last gate (RULES 30): once more over the finished account, whatever the checks said.
//!
//! An image affirms only when every leaf of every space is settled: matched, mutable within its rule, fill or remains
//! within their bounds, or accepted by the policy with a digest or a cap; when what encodes a space is settled too; when
//! no reference value is left over; and when the facts of every region that was taken have been compared.

use std::collections::BTreeMap;

use kiwame_image::{Region, RegionId};

use crate::case::covering;
use crate::{Basis, Case, Class, Effect, Match};

/// Reports what is not settled, should no finding have kept the image from affirming.
pub(crate) fn close(case: &mut Case<'_>, classes: &BTreeMap<RegionId, (Class, Option<Basis>)>) {
    if case.findings.iter().any(|finding| finding.effect() != Effect::Nothing) {
        return;
    }
    let class = |leaf: &Region| classes.get(&leaf.id).map(|(class, _)| *class);
    let open = case.tree.leaves().find(|leaf| !is_settled(case, leaf, class(leaf)));
    if let Some(leaf) = open {
        let finding = case.about("gate/not-settled", leaf);
        case.report(finding);
    }
    let left = case.unmatched.first().and_then(|&index| case.wanted(index));
    if let Some(wanted) = left {
        let finding = case.about_wanted("gate/not-settled", wanted);
        case.report(finding);
    }
    let taken =
        |region: &&Region| matches!(case.matches.get(&region.id), Some(Match::Bytes(_) | Match::Form(_)));
    let skipped = case.measured().filter(taken).find(|region| !case.compared.contains(&region.id));
    if let Some(region) = skipped {
        let finding = case.about("gate/not-compared", region);
        case.report(finding);
    }
}

fn is_settled(case: &Case<'_>, leaf: &Region, class: Option<Class>) -> bool {
    let Some(region) = covering(case.tree, leaf) else { return false };
    let named = case.accepted.contains(&region.id)
        || !case.waived.is_empty()
            && case.waived.contains(&(case.tree.path(region.id).to_owned(), region.span.offset));
    named
        || match class {
            Some(Class::Matched | Class::Mutable | Class::Remains | Class::Fill) => true,
            Some(Class::Opened) => !case.outside.contains(&region.id) && is_settled_stream(case, region),
            Some(Class::Differs | Class::Unread | Class::Parsed | Class::Unexplained) | None => false,
        }
}

/// What encodes a space counts by its own outcome: its content is counted there.
fn is_settled_stream(case: &Case<'_>, region: &Region) -> bool {
    match case.matches.get(&region.id) {
        Some(Match::Bytes(_) | Match::Form(_) | Match::Mutable | Match::Remains) => true,
        Some(Match::Nothing | Match::Differs(_) | Match::Encoded(_)) | None => false,
    }
}
