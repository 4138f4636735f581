//! The last gate (RULES 30): once more over the finished account, whatever the checks said.
//!
//! An image affirms only when every leaf of every space is settled: matched, mutable within its rule, fill or remains
//! within their bounds, or accepted by the policy with a digest or a cap; when what encodes a space is settled too; when
//! no reference value is left over; and when the facts of every region that was taken have been compared.

use std::collections::BTreeMap;

use kiwame_image::{Region, RegionId};

use crate::case::covering;
use crate::kind::{Effect, Family, Kind, Reason, Severity, Text};
use crate::{Basis, Case, Class, Findings, Match};

/// Reports what is not settled, should no finding have kept the image from affirming.
pub(crate) fn close(
    case: &Case<'_>,
    classes: &BTreeMap<RegionId, (Class, Option<Basis>)>,
    found: &mut Findings<'_>,
) {
    if !found.is_quiet() {
        return;
    }
    let class = |leaf: &Region| classes.get(&leaf.id).map(|(class, _)| *class);
    let open = case.tree.leaves().find(|leaf| !is_settled(case, found, leaf, class(leaf)));
    if let Some(leaf) = open {
        let finding = case.about(&NOT_SETTLED, leaf);
        found.report(finding);
    }
    let left = case.unmatched.first().and_then(|&index| case.wanted(index));
    if let Some(wanted) = left {
        let finding = case.about_wanted(&NOT_SETTLED, wanted);
        found.report(finding);
    }
    let taken =
        |region: &&Region| matches!(case.matches.get(&region.id), Some(Match::Bytes(_) | Match::Form(_)));
    let skipped = case.measured().filter(taken).find(|region| !case.compared.contains(&region.id));
    if let Some(region) = skipped {
        let finding = case.about(&NOT_COMPARED, region);
        found.report(finding);
    }
}

fn is_settled(case: &Case<'_>, found: &Findings<'_>, leaf: &Region, class: Option<Class>) -> bool {
    let Some(region) = covering(case.tree, leaf) else { return false };
    let named =
        case.accepted.contains(&region.id) || found.is_waived(case.tree.path(region.id), region.span.offset);
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

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&NOT_COMPARED, &NOT_SETTLED];

/// A region whose facts no check has compared.
pub static NOT_COMPARED: Kind = Kind {
    id: "gate/not-compared",
    family: Family::Gate,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "The facts of {what} were not compared with the reference.",
    japanese: "{what} の属性が基準値と比較されていない。",
    next: BUG,
    between: None,
};

/// A region that no check has settled.
pub static NOT_SETTLED: Kind = Kind {
    id: "gate/not-settled",
    family: Family::Gate,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{what} was settled by no check.",
    japanese: "{what} はどの検査でも確定していない。",
    next: BUG,
    between: None,
};

/// Where another check should have spoken first.
const BUG: Text = Text::new(
    "Do not accept the image, and report this: another check should have spoken first.",
    "受け入れず、本ツールの不具合として報告する。",
);

#[cfg(test)]
mod tests {
    use kiwame_image::{Content, Limits, Memory, Options, Tree};
    use kiwame_trust::{Manifest, Rule};

    use super::NOT_COMPARED;
    use crate::case::appraise_by;
    use crate::kinds::{AMBIGUOUS, MODIFIED};
    use crate::testing::{Piece, Trial, fill, piece, reference, stream};
    use crate::{CHECKS, Case, Family, Findings, Match, SETTLERS, Settler, Terms};

    /// One entry of a newc archive.
    fn entry(name: &str, mode: u32, number: u32, data: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let fields =
            [number, mode, 0, 0, 1, 0, length(data), 0, 0, 0, 0, length(name.as_bytes()).wrapping_add(1), 0];
        let mut bytes = b"070701".to_vec();
        fields.iter().for_each(|field| bytes.extend(format!("{field:08x}").bytes()));
        bytes.extend(name.bytes().chain([0]));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn archive(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let each = (1..).zip(entries).map(|(number, (name, mode, data))| entry(name, *mode, number, data));
        each.chain([entry("TRAILER!!!", 0, 0, b"")]).collect::<Vec<_>>().concat()
    }

    fn tree(image: &[u8]) -> Tree {
        let size = kiwame_image::len64(image);
        let host = Memory::new([image.to_vec()]);
        kiwame_formats::parse(&host, 0, size, &Limits::default(), &Options::default()).unwrap()
    }

    const PAIRING: &[Settler] = &[Settler { settle: crate::settle::pairing::settle, kinds: &[] }];
    const GENUINE: [(&str, u32, &[u8]); 2] = [("a", 0o100_644, b"one!"), ("b", 0o100_644, b"two!")];

    /// Whichever check fails to speak, the gate does.
    #[test]
    fn no_changed_image_affirms_when_a_check_is_missing() {
        let genuine = archive(&GENUINE);
        let wanted = reference(&tree(&genuine));
        let (manifest, rule) = (Manifest::default(), Rule::default());
        let terms = Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
        // One settler or one check less, by their numbers, the settlers first.
        let judge = |image: &[u8], without: usize| {
            let settlers: Vec<_> =
                SETTLERS.iter().enumerate().filter(|(at, _)| *at != without).map(|(_, one)| *one).collect();
            let checks = (SETTLERS.len()..).zip(CHECKS).filter(|(at, _)| *at != without);
            let checks: Vec<_> = checks.map(|(_, one)| *one).collect();
            appraise_by(&settlers, &checks, &tree(image), &manifest, &wanted, &terms)
        };
        assert_eq!(judge(&genuine, usize::MAX).verdict.exit, 0);
        let changed: [&[(&str, u32, &[u8])]; 5] = [
            &[("a", 0o100_644, b"one!"), ("b", 0o100_644, b"2222")],
            &[("a", 0o100_644, b"one!"), ("b", 0o100_755, b"two!")],
            &[("a", 0o100_644, b"one!")],
            &[("a", 0o100_644, b"one!"), ("b", 0o100_644, b"two!"), ("c", 0o100_644, b"three")],
            &[("b", 0o100_644, b"two!"), ("a", 0o100_644, b"one!")],
        ];
        for entries in changed {
            let image = archive(entries);
            for without in (0..SETTLERS.len() + CHECKS.len()).chain([usize::MAX]) {
                let assessment = judge(&image, without);
                assert_ne!(assessment.verdict.exit, 0, "{entries:?} without {without}");
            }
            // Nobody speaks but the gate.
            for settlers in [&[][..], PAIRING] {
                let alone = appraise_by(settlers, &[], &tree(&image), &manifest, &wanted, &terms).verdict;
                assert!(alone.exit != 0 && alone.reasons.iter().all(|reason| Family::Gate.has(reason)));
            }
        }
    }

    #[test]
    fn facts_that_nobody_compared_do_not_affirm() {
        let genuine = archive(&GENUINE);
        let wanted = reference(&tree(&genuine));
        let (manifest, rule) = (Manifest::default(), Rule::default());
        let terms = Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
        let assessment = appraise_by(PAIRING, &[], &tree(&genuine), &manifest, &wanted, &terms);
        assert_eq!(assessment.verdict.reasons, [NOT_COMPARED.id]);
    }

    /// Whatever is paired is compared, and the stream stands as the test says.
    fn standing(settle: fn(&mut Case<'_>, &mut Findings<'_>)) -> Vec<Settler> {
        let compare = Settler {
            settle: |case, _| case.compared = case.measured().map(|region| region.id).collect(),
            kinds: &[],
        };
        vec![PAIRING[0], compare, Settler { settle, kinds: &[] }]
    }

    fn packed(bytes: &str) -> [Piece; 2] {
        [piece("a:1", "one!"), stream("gz:1", bytes, [piece("b:2", "good")])]
    }

    fn gated(trial: &Trial, settle: fn(&mut Case<'_>, &mut Findings<'_>), image: &[Piece]) -> Vec<String> {
        let mut trial = trial.clone();
        trial.settlers = standing(settle);
        trial.checks = &[];
        trial.says(image)
    }

    /// Gives the outcome to whatever stands at the path.
    fn set(case: &mut Case<'_>, path: &str, outcome: Match) {
        let at = case.measured().find(|region| case.tree.path(region.id) == path).unwrap().id;
        case.matches.insert(at, outcome);
    }

    #[test]
    fn a_stream_counts_by_its_own_outcome() {
        let trial = Trial::of(&packed("xx"));
        let open = ["gate/not-settled gz:1"];
        assert_eq!(gated(&trial, |_, _| {}, &packed("xx")), [""; 0]);
        assert_eq!(gated(&trial, |_, _| {}, &packed("zz")), open);
        for settled in [
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "gz:1", Match::Form(1)),
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "gz:1", Match::Mutable),
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "gz:1", Match::Remains),
        ] {
            assert_eq!(gated(&trial, settled, &packed("zz")), [""; 0]);
        }
        for unsettled in [
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "gz:1", Match::Encoded(1)),
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "gz:1", Match::Nothing),
        ] {
            assert_eq!(gated(&trial, unsettled, &packed("zz")), open);
        }
    }

    fn outside(case: &mut Case<'_>) {
        case.outside =
            case.measured().filter(|region| region.encodes.is_some()).map(|region| region.id).collect();
    }

    #[test]
    fn what_is_another_thing_is_not_settled_by_its_bytes() {
        let trial = Trial::of(&packed("xx"));
        assert_eq!(gated(&trial, |case, _| outside(case), &packed("xx")), ["gate/not-settled gz:1"]);
        let first = |case: &mut Case<'_>, _: &mut Findings<'_>| {
            case.outside = case.measured().take(1).map(|region| region.id).collect();
        };
        assert_eq!(gated(&trial, first, &packed("xx")), ["gate/not-settled a:1"]);
    }

    #[test]
    fn a_leaf_is_settled_by_what_it_is_and_not_by_being_understood() {
        let trial = Trial::of(&packed("xx")).partial();
        let with = |more: Piece| {
            let [first, second] = packed("xx");
            gated(&trial, |_, _| {}, &[first, second, more])
        };
        let new = || piece("n:1", "new!");
        assert_eq!(with(fill("n:1", 4)), [""; 0]);
        for content in [Content::Parsed, Content::Unknown, Content::Closed, Content::Encoded] {
            assert_eq!(with(new().content(content)), ["gate/not-settled n:1"]);
        }
        let changed = [piece("a:1", "1111"), packed("xx")[1].clone()];
        assert_eq!(gated(&trial, |_, _| {}, &changed), ["gate/not-settled a:1"]);
        for outcome in [
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "a:1", Match::Mutable),
            |case: &mut Case<'_>, _: &mut Findings<'_>| set(case, "a:1", Match::Remains),
        ] {
            assert_eq!(gated(&trial, outcome, &changed), [""; 0]);
        }
    }

    #[test]
    fn what_the_policy_accepts_or_waives_with_its_value_is_settled() {
        let trial = Trial::of(&packed("xx")).partial();
        let changed = [piece("a:1", "1111"), packed("xx")[1].clone()];
        let accept = |case: &mut Case<'_>, _: &mut Findings<'_>| {
            case.accepted = case.measured().take(1).map(|region| region.id).collect();
        };
        assert_eq!(gated(&trial, accept, &changed), [""; 0]);
        let report = |case: &mut Case<'_>, found: &mut Findings<'_>| {
            let at = case.measured().next().unwrap();
            let finding = case.about(&MODIFIED, at).compared(None, "1111".to_owned());
            found.report(finding);
        };
        let waived = trial.waiving("component/modified", "a:1", Some("1111"));
        assert_eq!(gated(&waived, report, &changed), ["component/modified a:1"]);
    }

    #[test]
    fn what_is_left_over_of_the_reference_is_told_unless_something_was_said() {
        let trial = Trial::of(&packed("xx"));
        let [_, second] = packed("xx");
        assert_eq!(gated(&trial, |_, _| {}, core::slice::from_ref(&second)), ["gate/not-settled a:1"]);
        let warn = |case: &mut Case<'_>, found: &mut Findings<'_>| {
            let at = case.measured().next().unwrap();
            let finding = case.about(&AMBIGUOUS, at);
            found.report(finding);
        };
        assert_eq!(gated(&trial, warn, &[second]), ["defect/ambiguous gz:1"]);
    }
}
