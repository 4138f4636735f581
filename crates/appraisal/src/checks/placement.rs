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
    let regions = case.reference.regions.iter().enumerate();
    let mut ordered: BTreeMap<_, Option<usize>> = BTreeMap::new();
    for (index, region) in regions.filter(|(_, region)| region.order.is_some()) {
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
    let mut rules = case.rules_for(case.tree.path(region.id));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Piece, Trial, around, fill, key, piece, stream};

    fn image(order: &[&'static str]) -> Vec<Piece> {
        order.iter().map(|step| piece(step, step)).collect()
    }

    fn told(genuine: &[&'static str], order: &[&'static str]) -> Vec<String> {
        Trial::of(&image(genuine)).says(&image(order))
    }

    #[test]
    fn only_what_left_its_order_is_named() {
        let five = ["a:1", "b:2", "c:3", "d:4", "e:5"];
        assert_eq!(told(&five, &five), [""; 0]);
        assert_eq!(told(&five, &["b:2", "c:3", "d:4", "e:5", "a:1"]), ["component/reordered a:1"]);
        assert_eq!(told(&five, &["e:5", "a:1", "b:2", "c:3", "d:4"]), ["component/reordered e:5"]);
        let two = told(&five, &["c:3", "a:1", "b:2", "e:5", "d:4"]);
        assert_eq!(two.len(), 2, "{two:?}");
    }

    #[test]
    fn what_is_out_of_its_order_is_told_with_both_places() {
        let assessment = Trial::of(&image(&["a:1", "b:2", "c:3"])).judge(&image(&["b:2", "c:3", "a:1"]));
        let finding = &assessment.findings[0];
        let places = (finding.expected.as_deref(), finding.actual.as_deref());
        assert_eq!(places, (Some("image 0x0+0x3"), Some("image 0x6+0x3")));
        assert_eq!(assessment.verdict.reasons, [REORDERED.id]);
    }

    #[test]
    fn order_is_that_of_one_space_and_erased_space_has_none() {
        let of = |first: &str, content: [&'static str; 2]| {
            [piece("a:1", first), stream("gz:1", "xx", content.map(|step| piece(step, step)))]
        };
        let trial = Trial::of(&of("one!", ["b:2", "c:3"]));
        assert_eq!(trial.says(&of("one!", ["c:3", "b:2"])).len(), 1);
        let erased = |order: [Piece; 3]| order;
        let genuine = erased([piece("a:1", "one!"), fill("fill:0", 4), piece("b:2", "two!")]);
        let moved = erased([fill("fill:0", 4), piece("a:1", "one!"), piece("b:2", "two!")]);
        assert_eq!(Trial::of(&genuine).says(&moved)[0], "component/moved a:1");
    }

    /// Behind something longer, in a part that the device writes or not.
    fn behind(first: &str, rest: &str) -> [Piece; 1] {
        let first = piece("f:0", first).content(Content::Fill);
        [around("partition:data", [first, piece("a:1", "one!"), piece("b:2", rest)])]
    }

    #[test]
    fn what_only_moved_is_counted_and_a_warning() {
        let (genuine, image) = (behind("\u{7f}", "two!"), behind("\u{7f}\u{7f}", "two!"));
        let mut trial = Trial::of(&genuine);
        trial.reference.size = 10;
        trial.settlers.truncate(1);
        let moved = trial.judge(&image).findings;
        let moved: Vec<_> = moved.iter().filter(|finding| finding.is_of(&[&MOVED])).collect();
        let [moved] = moved[..] else { panic!("one finding") };
        assert_eq!((&*moved.path, &*moved.args["count"]), ("partition:data/a:1", "2"));
        assert_eq!(
            (moved.expected.as_deref(), moved.actual.as_deref()),
            (Some("image 0x1+0x4"), Some("image 0x2+0x4"))
        );
    }

    #[test]
    fn what_moved_along_with_a_difference_is_explained_by_it() {
        let of = |first: &str| [piece("f:0", first), piece("a:1", "one!")];
        assert_eq!(Trial::of(&of("xx")).says(&of("yyy")), ["component/modified f:0"]);
        // A difference in another space explains nothing.
        let inside = |content: &str, erased| {
            [stream("gz:1", "xx", [piece("f:0", content)]), fill("fill:0", erased), piece("a:1", "one!")]
        };
        let told = Trial::of(&inside("good", 4)).says(&inside("evil", 5));
        assert!(told.contains(&"component/moved a:1".to_owned()), "{told:?}");
    }

    #[test]
    fn entries_may_move_where_the_device_writes() {
        let of = |erased| {
            [around(
                "partition:data",
                [fill("fill:0", erased), piece("a:1", "one!"), fill("fill:1", 8 - erased)],
            )]
        };
        for written in [true, false] {
            let trial = Trial::of(&of(3)).layout("data", (0, 12), written);
            let told = trial.says(&of(4));
            assert_eq!(told.contains(&"component/moved partition:data/a:1".to_owned()), !written, "{told:?}");
        }
    }

    fn ordered(order: [&'static str; 2], kind: &'static str, ordered: bool) -> Vec<Piece> {
        let entry = |(number, step): (u32, &'static str)| {
            let entry = piece(step, step).kind(kind).with(&fact::VALUE, "1");
            if ordered { entry.order(number) } else { entry }
        };
        (0..).zip(order).map(entry).collect()
    }

    #[test]
    fn settings_have_an_order_where_their_format_says_so() {
        for (kind, has_order, refused) in
            [("setting", true, true), ("setting", false, false), ("other", false, true)]
        {
            let trial = Trial::of(&ordered(["a:1", "b:2"], kind, has_order));
            let told = trial.says(&ordered(["b:2", "a:1"], kind, has_order));
            let count = told.iter().filter(|line| line.starts_with(REORDERED.id)).count();
            assert_eq!(count == 1, refused, "{kind} {has_order} {told:?}");
        }
    }

    #[test]
    fn variables_are_asked_for_by_name_where_a_rule_of_keys_lets_them_be_saved() {
        let box_of = |order, kind| [around("box:1", ordered(order, kind, false))];
        let keys = || Mutable::Keys(vec![key("1", "digits:1"), key("2", "digits:1")]);
        for (kind, rule, refused) in [
            ("variable", Some(keys()), false),
            ("uboot-variable", Some(keys()), false),
            ("variable", Some(Mutable::Any { max_bytes: 9 }), true),
            ("variable", None, true),
            ("other", Some(keys()), true),
        ] {
            let genuine = Trial::of(&box_of(["a:1", "b:2"], kind));
            let trial = match rule {
                Some(rule) => genuine.ruled("box:1", rule),
                None => genuine,
            };
            let told = trial.says(&box_of(["b:2", "a:1"], kind));
            assert_eq!(told.iter().any(|line| line.starts_with(REORDERED.id)), refused, "{kind} {told:?}");
        }
    }

    /// Two ordered entries, the first with a value that a rule lets differ.
    fn settings(order: [&'static str; 2], value: &str, sort: Option<&str>) -> [Piece; 1] {
        let entry = |(number, step): (u32, &'static str)| {
            let (value, bytes) =
                if step == "key:a" { (value, format!("{step}{value}")) } else { ("1", step.to_owned()) };
            let entry = piece(step, bytes).with(&fact::VALUE, value).order(number);
            sort.into_iter().fold(entry, |entry, sort| entry.with(&fact::SORT, sort))
        };
        [around("box:1", (0..).zip(order).map(entry).collect::<Vec<_>>())]
    }

    #[test]
    fn an_entry_with_another_value_keeps_its_place_unless_it_is_one_of_a_list() {
        let rule = || Mutable::Keys(vec![key("a", "digits:1"), key("b", "digits:1")]);
        let refused = |order, sort| {
            let trial = Trial::of(&settings(["key:a", "key:b"], "1", sort)).ruled("box:1", rule());
            let told = trial.says(&settings(order, "2", sort));
            told.iter().any(|line| line.starts_with(REORDERED.id))
        };
        assert!(!refused(["key:a", "key:b"], None));
        assert!(refused(["key:b", "key:a"], None));
        assert!(!refused(["key:b", "key:a"], Some("list")));
    }

    #[test]
    fn an_entry_without_a_place_takes_none_from_another_of_its_name() {
        let one = |step, value: &str| piece(step, value).with(&fact::VALUE, value);
        let of = |[first, second]: [Piece; 2]| {
            [around("box:1", [one("key:a", "0"), first.order(0), second.order(1)])]
        };
        let rule = Mutable::Keys(vec![key("a", "digits:1"), key("b", "digits:1")]);
        let trial = Trial::of(&of([one("key:a", "1"), one("key:b", "1")])).ruled("box:1", rule);
        let told = trial.says(&of([one("key:b", "1"), one("key:a", "2")]));
        assert_eq!(told.iter().filter(|line| line.starts_with(REORDERED.id)).count(), 1, "{told:?}");
        assert!(trial.affirms(&of([one("key:a", "2"), one("key:b", "1")])));
    }

    #[test]
    fn a_second_entry_of_one_name_has_no_place() {
        let one = |step, value: &str, number| piece(step, value).with(&fact::VALUE, value).order(number);
        let rule = || Mutable::Keys(vec![key("a", "digits:1"), key("b", "digits:1")]);
        let trial = Trial::of(&[around("box:1", [one("key:a", "1", 0), one("key:b", "1", 1)])]);
        let trial = trial.ruled("box:1", rule());
        let second = around("box:1", [one("key:a", "2", 0), one("key:a", "3", 1), one("key:b", "1", 2)]);
        let told = trial.says(&[second]);
        assert_eq!(told.iter().filter(|line| line.starts_with(REORDERED.id)).count(), 1, "{told:?}");
        let changed = around("box:1", [one("key:a", "2", 0), one("key:b", "1", 1)]);
        assert!(trial.affirms(&[changed]));
    }

    #[test]
    fn of_several_ordered_entries_of_one_path_none_is_the_one() {
        let one = |value: &str, number| piece("key:a", value).with(&fact::VALUE, value).order(number);
        let last = || piece("key:b", "z").with(&fact::VALUE, "3").order(9);
        let genuine = [around("box:1", [last(), one("1", 0), one("2", 1)])];
        let image = [around("box:1", [one("4", 0), one("5", 1), last()])];
        let rule = Mutable::Keys(vec![key("a", "digits:1"), key("b", "digits:1")]);
        let told = Trial::of(&genuine).ruled("box:1", rule).says(&image);
        assert!(!told.iter().any(|line| line.starts_with(REORDERED.id)), "{told:?}");
    }
}
