//! The copy of a redundant pair that its loader does not take (RULES 7): U-Boot imports the environment whose checksum is
//! right, and writes one that is erased at the next occasion.
//! So it does with one that is broken, as a loss of power leaves it: its checksum is wrong under the size that the reference
//! has, which is that of the boot loader. What it holds is dead, and no program.

use std::collections::BTreeSet;
use std::rc::Rc;

use kiwame_image::{Gather as _, Region, fact};
use kiwame_trust::manifest::path_within;

use super::{Places, is_erased, path_of};
use crate::kind::{Effect, Family, Kind, NOTHING_TO_DO, Severity};
use crate::{Case, Findings};

/// The numbers of rules under which a copy is erased and another one is there, which the loader takes. What the reference has
/// in the erased one is then not missing.
pub(super) fn copies(case: &mut Case<'_>, found: &mut Findings<'_>, places: &Places<'_>) -> BTreeSet<usize> {
    let rules = Rc::clone(&case.rules);
    let pair: Vec<_> = (0..)
        .zip(rules.iter().copied())
        .filter(|(_, rule)| was_one_of_two(case, path_of(rule)))
        .filter_map(|(number, rule)| Some((number, path_of(rule), places.of_rule(rule)?)))
        .collect();
    // Which of more than two belong together nobody says.
    if pair.len() != 2 || !pair.iter().any(|(_, _, place)| is_taken(case, place)) {
        return BTreeSet::new();
    }
    let spare = |place: &Region| is_erased(case, place) || is_broken(case, place);
    let erased: Vec<_> = pair.into_iter().filter(|(_, _, place)| spare(place)).collect();
    let missing = core::mem::take(&mut case.unmatched);
    let of_copy = |index: &usize| {
        let wanted = case.wanted(*index);
        wanted.is_some_and(|wanted| erased.iter().any(|(_, path, _)| path_within(&wanted.path, path)))
    };
    case.unmatched = missing.into_iter().filter(|index| !of_copy(index)).collect();
    for (number, _, place) in &erased {
        case.allowed(*number, 1);
        case.vanished = true;
        let finding = case.about(&COPY_NOT_TAKEN, place);
        found.report(finding);
    }
    erased.into_iter().map(|(number, _, _)| number).into_set()
}

/// True for a place where the reference has one environment of two.
fn was_one_of_two(case: &Case<'_>, path: &str) -> bool {
    let mut regions = case.reference.regions.iter();
    regions.any(|wanted| {
        wanted.kind == HEADER && wanted.attributes.is(&fact::REDUNDANT) && path_within(&wanted.path, path)
    })
}

/// True for a place, or a piece of it, that was an environment and has a wrong checksum.
pub(super) fn is_broken(case: &Case<'_>, region: &Region) -> bool {
    let says = |region: &Region| region.is(&fact::BROKEN);
    let mut below = region.children.iter().filter_map(|&id| case.tree.region(id));
    says(region) || below.any(says)
}

/// True for one that U-Boot takes: its checksum is right.
fn is_taken(case: &Case<'_>, place: &Region) -> bool {
    let mut below = place.children.iter().filter_map(|&id| case.tree.region(id));
    below.any(|region| region.kind == HEADER)
}

const HEADER: &str = "uboot-env-header";

/// The copy of a redundant pair that its loader does not take.
pub static COPY_NOT_TAKEN: Kind = Kind {
    id: "mutable/copy-not-taken",
    family: Family::Mutable,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{what} is erased or broken; the boot loader takes the other copy, which was judged.",
    japanese: "{what} は消去または破損している。ブートローダーはもう一方の(判定済みの)複製を使用する。",
    next: NOTHING_TO_DO,
    between: None,
};

#[cfg(test)]
mod tests {
    use kiwame_trust::rules::Mutable;

    use super::*;
    use crate::testing::{Piece, Trial, around, fill, key, piece};

    fn copy(step: &'static str, value: &str) -> Piece {
        let head = piece("env:header", "head").kind(HEADER).is(&fact::REDUNDANT);
        around(step, [head, piece("key:a", value).with(&fact::VALUE, value)])
    }

    fn broken(step: &'static str) -> Piece {
        around(step, [piece("env:old", "hea!1").is(&fact::BROKEN)])
    }

    fn trial(genuine: &[Piece]) -> Trial {
        let keys = || Mutable::Keys(vec![key("a", "digits:1")]);
        Trial::of(genuine).ruled("env:1", keys()).ruled("env:2", keys())
    }

    fn pair() -> [Piece; 2] {
        [copy("env:1", "1"), copy("env:2", "1")]
    }

    fn is_spare(trial: &Trial, image: &[Piece]) -> bool {
        let assessment = trial.judge(image);
        let told = crate::testing::said(&assessment).contains(&format!("{} env:2", COPY_NOT_TAKEN.id));
        assert_eq!(told, assessment.exceptions.by_rule > 0 && assessment.verdict.exit != 1, "{assessment:?}");
        told
    }

    #[test]
    fn an_erased_or_broken_copy_beside_one_that_is_taken_is_not_missed() {
        let erased = || fill("env:2", 5);
        assert!(is_spare(&trial(&pair()), &[copy("env:1", "1"), erased()]));
        assert!(is_spare(&trial(&pair()), &[copy("env:1", "1"), broken("env:2")]));
        assert!(!trial(&pair()).says(&pair()).iter().any(|line| line.starts_with(COPY_NOT_TAKEN.id)));
        // Where both are gone, the loader takes neither.
        let none = trial(&pair()).judge(&[broken("env:1"), erased()]);
        assert_eq!(none.verdict.exit, 1);
        let other = piece("env:2", "other");
        assert_eq!(trial(&pair()).judge(&[copy("env:1", "1"), other]).verdict.exit, 1);
    }

    #[test]
    fn a_program_in_a_broken_copy_is_no_spare_one() {
        let program = around("env:2", [piece("env:old", "hea!1").is(&fact::BROKEN).is(&fact::EXECUTABLE)]);
        assert_eq!(trial(&pair()).judge(&[copy("env:1", "1"), program]).verdict.exit, 1);
    }

    #[test]
    fn only_two_that_the_reference_has_as_a_pair_stand_in_for_each_other() {
        let alone = |step, value: &str| {
            around(
                step,
                [piece("env:header", "head").kind(HEADER), piece("key:a", value).with(&fact::VALUE, value)],
            )
        };
        let genuine = [alone("env:1", "1"), alone("env:2", "1")];
        assert_eq!(trial(&genuine).judge(&[alone("env:1", "1"), fill("env:2", 5)]).verdict.exit, 1);
        let three = [copy("env:1", "1"), copy("env:2", "1"), copy("env:3", "1")];
        let trial = trial(&three).ruled("env:3", Mutable::Keys(vec![key("a", "digits:1")]));
        let image = [copy("env:1", "1"), fill("env:2", 5), copy("env:3", "1")];
        assert_eq!(trial.judge(&image).verdict.exit, 1);
    }
}
