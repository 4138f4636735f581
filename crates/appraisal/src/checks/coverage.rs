//! Bytes that no reference value covers (RULES 10 and 11).

use kiwame_image::{Content, Region};
use kiwame_trust::manifest::Coverage as Listed;

use crate::kind::{ASK, Effect, Family, Kind, Reason, Severity};
use crate::{Case, Finding, Findings, Match};

/// Reports regions without a reference value that the policy does not accept.
pub(crate) fn look(case: &Case<'_>, found: &mut Findings<'_>) {
    let mut bytes = 0_u64;
    for (region, kind) in uncovered(case) {
        if case.accepted.contains(&region.id) {
            continue;
        }
        bytes = bytes.saturating_add(region.span.length);
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        found.report(case.about(kind, region).compared(None, digest));
    }
    if bytes > 0 {
        found.report(Finding::new(&PARTIAL).arg("bytes", bytes));
    }
}

/// Regions without a reference value that no other check has spoken of: whatever a complete manifest does not list was
/// added, and has been reported.
pub(crate) fn uncovered<'a>(case: &Case<'a>) -> Vec<(&'a Region, &'static Kind)> {
    if case.reference.coverage == Listed::Complete {
        return Vec::new();
    }
    let nothing = |region: &&Region| case.matches.get(&region.id) == Some(&Match::Nothing);
    case.measured().filter(nothing).filter_map(|region| Some((region, kind(case, region)?))).collect()
}

fn kind(case: &Case<'_>, region: &Region) -> Option<&'static Kind> {
    let searched = crate::reference::is_searched(case.tree, region);
    if region.content == Content::Fill && !searched {
        return None;
    }
    Some(match region.content {
        _ if crate::reference::is_program(case.tree, region) => &PROGRAM_UNREFERENCED,
        // Unfound, these bytes would be some that nobody understands (RULES 33).
        _ if searched => &UNEXPLAINED,
        Content::Encoded if region.encodes.is_none() => &UNEXPLAINED,
        Content::Unknown | Content::Closed => &UNEXPLAINED,
        Content::Parsed | Content::Encoded | Content::Fill => &UNREFERENCED,
    })
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
