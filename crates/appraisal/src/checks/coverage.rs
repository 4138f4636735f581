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
    english: "{bytes} bytes have no reference value, and nothing that was given accepts that.",
    japanese: "{bytes} バイトに基準値が無く、それを認める指定も無い。",
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

#[cfg(test)]
mod tests {
    use kiwame_image::{LimitKind, fact};

    use super::*;
    use crate::Tier;
    use crate::testing::{Piece, Trial, accept, around, fill, piece, said, stream, tree};

    fn base() -> Piece {
        piece("a:1", "one!")
    }

    fn judged(more: Piece) -> (Vec<String>, Option<String>) {
        let assessment = Trial::of(&[base()]).partial().judge(&[base(), more]);
        let bytes = assessment.findings.iter().find_map(|finding| finding.args.get("bytes")).cloned();
        let told = said(&assessment).into_iter().filter(|line| !line.ends_with(" image")).collect();
        (told, bytes)
    }

    #[test]
    fn bytes_without_a_reference_value_are_told_by_what_they_are() {
        let four = || piece("n:1", "new!");
        for (more, id) in [
            (four(), "coverage/unreferenced"),
            (four().content(Content::Unknown), "coverage/unexplained"),
            (four().content(Content::Closed), "coverage/unexplained"),
            (four().content(Content::Encoded), "coverage/unexplained"),
            (four().searched(), "coverage/unexplained"),
            (four().is(&fact::EXECUTABLE), "coverage/program-unreferenced"),
            (four().is(&fact::EXECUTABLE).searched(), "coverage/program-unreferenced"),
        ] {
            assert_eq!(judged(more.clone()), (vec![format!("{id} n:1")], Some("4".to_owned())), "{more:?}");
        }
        let is_told = |more| judged(more).0.contains(&"coverage/unexplained n:1".to_owned());
        assert!(is_told(fill("n:1", 4).searched()) && !is_told(fill("n:1", 4)));
    }

    #[test]
    fn what_lies_in_a_program_is_one_and_what_lies_in_something_found_was_found() {
        let inside = |outer: fn(Piece) -> Piece| {
            let (told, _) = judged(outer(around("box:1", [piece("n:1", "new!")])));
            told
        };
        assert_eq!(inside(|piece| piece), ["coverage/unreferenced box:1/n:1"]);
        assert_eq!(inside(|piece| piece.is(&fact::EXECUTABLE)), ["coverage/program-unreferenced box:1/n:1"]);
        assert_eq!(inside(Piece::searched), ["coverage/unexplained box:1/n:1"]);
        let open = judged(stream("gz:1", "zz", [piece("n:1", "new!")]));
        let told = ["coverage/unreferenced gz:1", "coverage/unreferenced gz:1/decoded:content/n:1"];
        assert_eq!(open, (told.map(str::to_owned).to_vec(), Some("6".to_owned())));
    }

    #[test]
    fn what_a_complete_manifest_does_not_list_was_added() {
        let told = Trial::of(&[base()]).says(&[base(), piece("n:1", "new!")]);
        assert_eq!(told, ["component/added n:1"]);
        let shut = base().limit(LimitKind::Nodes);
        assert_eq!(Trial::of(&[base()]).partial().says(&[shut]), ["limit/hit a:1"]);
    }

    /// The tier of an image with something more, by what the policy accepts at its path.
    fn tier(more: &Piece, partial: bool, max_bytes: Option<u64>, named: bool) -> Tier {
        let image = [base(), more.clone()];
        let digest = tree(&image).leaves().nth(1).unwrap().sha256.as_ref().unwrap().hex();
        let sha256 = named.then_some(digest).into_iter().collect::<Vec<_>>();
        let mut trial = Trial::of(&[base()]).partial();
        trial.reference.size = 8;
        let list = accept("n:1", max_bytes, &sha256);
        if partial {
            trial.rule.accept_partial = list
        } else {
            trial.rule.accept_unexplained = list
        }
        trial.tier(&image)
    }

    #[test]
    fn the_policy_accepts_what_is_understood_by_either_list_and_the_rest_by_one() {
        let parsed = piece("n:1", "new!");
        let unknown = piece("n:1", "new!").content(Content::Unknown);
        for (cap, named) in [(Some(4), false), (None, true)] {
            assert_eq!(tier(&parsed, true, cap, named), Tier::Affirming);
            assert_eq!(tier(&parsed, false, cap, named), Tier::Affirming);
            assert_eq!(tier(&unknown, true, cap, named), Tier::None);
            assert_eq!(tier(&unknown, false, cap, named), Tier::Affirming);
        }
        assert_eq!(tier(&parsed, true, Some(3), false), Tier::None);
        assert_eq!(tier(&unknown, false, Some(3), false), Tier::None);
    }

    #[test]
    fn a_program_is_accepted_by_its_digest_and_by_no_cap() {
        let program = piece("n:1", "new!").is(&fact::EXECUTABLE);
        assert_eq!(tier(&program, false, Some(4), false), Tier::None);
        assert_eq!(tier(&program, true, Some(4), true), Tier::None);
        assert_eq!(tier(&program, false, None, true), Tier::Affirming);
    }

    #[test]
    fn what_the_policy_accepts_is_counted() {
        let mut trial = Trial::of(&[base()]).partial();
        trial.rule.accept_partial = accept("n:1", Some(9), &[]);
        let assessment = trial.judge(&[base(), around("n:1", [piece("x:1", "new!"), piece("y:1", "too")])]);
        assert_eq!(assessment.exceptions.by_policy, 2);
        assert_eq!(trial.judge(&[base()]).exceptions.by_policy, 0);
    }
}
