//! Bytes that no reference value covers (RULES 10 and 11).

use kiwame_image::Content;
use kiwame_trust::manifest::Coverage as Listed;

use crate::checks::Check;
use crate::kind::{ASK, Effect, Family, Kind, Reason, Severity};
use crate::settle::Allowance;
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
            let kind = match region.content {
                _ if program => &PROGRAM_UNREFERENCED,
                // Unfound, these bytes would be some that nobody understands (RULES 33).
                _ if searched => &UNEXPLAINED,
                Content::Encoded if region.encodes.is_none() => &UNEXPLAINED,
                Content::Unknown => &UNEXPLAINED,
                Content::Parsed | Content::Encoded | Content::Fill => &UNREFERENCED,
            };
            let (bytes, sha256) = (region.span.length, region.sha256.as_ref());
            // A program only by its digest: a cap would let any program in.
            let accepted = unexplained.take(path, bytes, sha256, !program)
                || kind == &UNREFERENCED && partial.take(path, bytes, sha256, true);
            if accepted {
                case.accepted.insert(region.id);
                case.exceptions.by_policy = case.exceptions.by_policy.saturating_add(1);
            } else {
                uncovered = uncovered.saturating_add(bytes);
                let finding = case.about(kind, region).compared(None, sha256.map(kiwame_image::Digest::hex));
                case.report(finding);
            }
        }
        if uncovered > 0 {
            case.report(crate::Finding::new(&PARTIAL).arg("bytes", uncovered));
        }
    }
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&PARTIAL, &PROGRAM_UNREFERENCED, &UNEXPLAINED, &UNREFERENCED];

/// How many bytes no reference value covers.
pub static PARTIAL: Kind = Kind {
    id: "coverage/partial",
    family: Family::Coverage,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{bytes} bytes have no reference value, and the policy does not accept that.",
    japanese: "{bytes} バイトに基準値が無く、ポリシーはそれを認めていない。",
    next: ASK,
    between: None,
};

/// A program without a reference value.
pub static PROGRAM_UNREFERENCED: Kind = Kind {
    id: "coverage/program-unreferenced",
    family: Family::Coverage,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{what} is a program without reference value.",
    japanese: "{what} は基準値の無いプログラム。",
    next: ASK,
    between: None,
};

/// Bytes that nobody understands and no reference value covers.
pub static UNEXPLAINED: Kind = Kind {
    id: "coverage/unexplained",
    family: Family::Coverage,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{what} is not understood and has no reference value.",
    japanese: "{what} は判読できず基準値も無い。",
    next: ASK,
    between: None,
};

/// Bytes that are understood and that no reference value covers.
pub static UNREFERENCED: Kind = Kind {
    id: "coverage/unreferenced",
    family: Family::Coverage,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{what} has no reference value.",
    japanese: "{what} に基準値が無い。",
    next: ASK,
    between: None,
};
