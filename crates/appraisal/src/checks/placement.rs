//! Order and place (RULES 3): a loader searches, dispatches or executes in place.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Content, Gather as _, Region, SpaceId, Value, fact};

use kiwame_trust::rules::Mutable;

use crate::case::place;
use crate::kind::{ACQUIRE, ASK_WHY, Effect, Family, Kind, Severity, Text};
use crate::{Case, Findings, Match};

/// Reports regions that match and lie elsewhere. Those out of order are named one by one; those that only moved
/// along with a neighbour are counted, and only when nothing else explains it.
pub(crate) fn look(case: &Case<'_>, found: &mut Findings<'_>) {
    let mut spaces: BTreeMap<SpaceId, Vec<(&Region, usize)>> = BTreeMap::new();
    let named = named(case);
    for region in case.measured().filter(|region| region.content != Content::Fill) {
        if is_unordered(case, region) {
            continue;
        }
        let Some(&outcome) = case.matches.get(&region.id) else { continue };
        let list = region.fact(&fact::SORT) == Some(&Value::from("list"));
        let index = if outcome == Match::Mutable && region.order.is_some() && !list {
            // It has another value, in the same place among others. Items of a list come and go.
            named.get(case.tree.path(region.id)).copied()
        } else {
            outcome.index()
        };
        if let Some(index) = index {
            spaces.entry(region.space).or_default().push((region, index));
        }
    }
    for (space, regions) in spaces {
        let in_order = longest_ordered(case, &regions);
        let mut reordered = false;
        for (position, (region, index)) in regions.iter().enumerate() {
            let Some(wanted) = case.wanted(*index) else { continue };
            if !in_order.contains(&position) {
                reordered = true;
                let expected = place(wanted.space(), wanted.span);
                let actual = place(case.tree.space_path(space), region.span);
                let finding = case.about(&REORDERED, region).compared(expected, actual);
                found.report(finding);
            }
        }
        if !reordered && !refuted(case, found, space) {
            moved(case, found, &regions);
        }
    }
}

/// Reference values whose place among others decides something, by path.
fn named<'a>(case: &Case<'a>) -> BTreeMap<&'a str, usize> {
    let ruled = !case.manifest.mutable.is_empty();
    let regions = case.reference.regions.iter().enumerate();
    let mut ordered: BTreeMap<_, Option<usize>> = BTreeMap::new();
    for (index, region) in regions.filter(|(_, region)| ruled && region.order.is_some()) {
        // Of several of one path, as the items of a list are, none is the one.
        ordered.entry(region.path.as_str()).and_modify(|one| *one = None).or_insert(Some(index));
    }
    ordered.into_iter().filter_map(|(path, index)| Some((path, index?))).into_map()
}

/// Settings and variables under a rule of keys: whoever saves them sorts or moves them, and whoever reads them asks by name.
/// Settings in files are under a rule always, or nothing splits their file.
fn is_unordered(case: &Case<'_>, region: &Region) -> bool {
    if region.kind.starts_with("setting") {
        return region.order.is_none();
    }
    let by_name = ["variable", "uboot-variable"].contains(&region.kind);
    let mut rules = case.manifest.rules_for(case.tree.path(region.id));
    by_name && rules.any(|rule| matches!(rule.rule, Mutable::Keys(_)))
}

fn moved(case: &Case<'_>, found: &mut Findings<'_>, regions: &[(&Region, usize)]) {
    // Entries beside others that may come and go keep their order, not their place.
    let elsewhere = |(region, index): &&(&Region, usize)| {
        case.wanted(*index).is_some_and(|wanted| wanted.span.offset != region.span.offset)
            && !case.is_written(region)
    };
    let count = regions.iter().filter(elsewhere).count();
    if let Some((region, index)) = regions.iter().find(elsewhere) {
        let expected = case.wanted(*index).map(|wanted| place(wanted.space(), wanted.span));
        let actual = place(case.tree.space_path(region.space), region.span);
        let finding = case.about(&MOVED, region).compared(expected, actual).arg("count", count);
        found.report(finding);
    }
}

/// True when something else in the space keeps the image from passing, such as a component that was added: what lies
/// behind it then moves along.
fn refuted(case: &Case<'_>, found: &Findings<'_>, space: SpaceId) -> bool {
    let path = case.tree.space_path(space);
    found.iter().any(|finding| finding.effect() == Effect::Refuted && finding.space == path)
}

/// The largest set of regions, by position, whose order is that of the reference.
fn longest_ordered(case: &Case<'_>, regions: &[(&Region, usize)]) -> BTreeSet<usize> {
    let rank = |index: usize| case.wanted(index).map_or(0, |wanted| wanted.span.offset);
    // Patience sorting: `tails` holds, for each length, the position that ends a run of it with the lowest rank.
    let mut tails: Vec<(u64, usize)> = Vec::new();
    let mut before = vec![None; regions.len()];
    for (position, (_, index)) in regions.iter().enumerate() {
        let key = rank(*index);
        let at = tails.partition_point(|&(tail, _)| tail < key);
        if let (Some(slot), Some(last)) = (before.get_mut(position), at.checked_sub(1)) {
            *slot = tails.get(last).map(|&(_, position)| position);
        }
        match tails.get_mut(at) {
            Some(tail) => *tail = (key, position),
            None => tails.push((key, position)),
        }
    }
    let last = tails.last().map(|&(_, position)| position);
    core::iter::successors(last, |&position| before.get(position).copied().flatten()).into_set()
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&MOVED, &REORDERED];

/// The same content at another place.
pub static MOVED: Kind = Kind {
    id: "component/moved",
    family: Family::Component,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{count} parts are unchanged and lie elsewhere, the first of them {what}.",
    japanese: "{count} 個の部分が内容は同じで位置が異なる(最初は {what})。",
    next: ASK_WHY,
    between: None,
};

/// The same content in another order.
pub static REORDERED: Kind = Kind {
    id: "component/reordered",
    family: Family::Component,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is out of its order.",
    japanese: "{what} の順序が基準値と異なる。",
    next: ACQUIRE,
    between: Some(Text::new("{what} stands in another order.", "{what} の順序が異なる。")),
};
