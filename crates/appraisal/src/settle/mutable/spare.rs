//! The copy of a redundant pair that its loader does not take (RULES 7): U-Boot imports the environment whose checksum is
//! right, and writes one that is erased at the next occasion.
//! So it does with one that is broken, as a loss of power leaves it: its checksum is wrong under the size that the reference
//! has, which is that of the boot loader. What it holds is dead, and no program.

use std::collections::BTreeSet;

use kiwame_image::{Gather as _, Region, fact};
use kiwame_trust::manifest::path_within;

use super::{Places, is_erased, path_of};
use crate::kind::{Effect, Family, Kind, NOTHING_TO_DO, Severity};
use crate::{Case, Findings};

/// The numbers of rules under which a copy is erased and another one is there, which the loader takes. What the reference has
/// in the erased one is then not missing.
pub(super) fn copies(case: &mut Case<'_>, found: &mut Findings<'_>, places: &Places<'_>) -> BTreeSet<usize> {
    let manifest = case.manifest;
    let pair: Vec<_> = (0..)
        .zip(&manifest.mutable)
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
    for (_, _, place) in &erased {
        case.exceptions.by_rule = case.exceptions.by_rule.saturating_add(1);
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
