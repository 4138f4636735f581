//! What the policy accepts of the bytes that no reference value covers (RULES 10 and 11).

use crate::checks::coverage::uncovered;
use crate::kinds::{PROGRAM_UNREFERENCED, UNREFERENCED};
use crate::settle::Allowance;
use crate::{Case, Findings};

/// Takes what the policy names, place by place, until its caps are used up. `checks/coverage.rs` speaks of the rest.
pub(crate) fn settle(case: &mut Case<'_>, _: &mut Findings<'_>) {
    let mut partial = Allowance::of(&case.terms.rule.accept_partial);
    let mut unexplained = Allowance::of(&case.terms.rule.accept_unexplained);
    for (region, kind) in uncovered(case) {
        let path = case.tree.path(region.id);
        let (bytes, sha256) = (region.span.length, region.sha256.as_ref());
        // A program only by its digest: a cap would let any program in.
        let by_cap = *kind != PROGRAM_UNREFERENCED;
        let accepted = unexplained.take(path, bytes, sha256, by_cap)
            || *kind == UNREFERENCED && partial.take(path, bytes, sha256, true);
        if accepted {
            case.accepted.insert(region.id);
            case.exceptions.by_policy = case.exceptions.by_policy.saturating_add(1);
        }
    }
}
