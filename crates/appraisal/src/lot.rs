//! What is odd about several units together: repeated images or serial numbers, and what differs from the order
//! (RULES 26). Each unit has its own verdict; nothing here makes one better.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::Gather as _;

use crate::Finding;
use crate::kind::{Effect, Family, Kind, Severity, Text};

/// One unit, as far as the lot needs it.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// The name of its file.
    pub file: &'a str,
    /// Its serial number: as its image holds it, else the name of its file without folder and ending.
    pub serial: &'a str,
    /// SHA-256 of its image; absent when there is no answer about it.
    pub sha256: Option<&'a str>,
    /// `VENDOR/MODEL@RELEASE` that it was compared with.
    pub release: Option<&'a str>,
    /// True when no other unit should have the same bytes: it holds settings of its own, or does not match.
    pub its_own: bool,
    /// The manifest says where its serial number is, and there is none, or copies of it disagree.
    pub unnamed: bool,
}

/// What was ordered, as far as somebody said so.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// How many units.
    pub count: Option<u64>,
    /// Their serial numbers.
    pub serials: Option<Vec<String>>,
}

/// So many names stand in one sentence.
const NAMED: usize = 200;

/// The findings about the units together.
#[must_use]
pub fn lot(units: &[Unit<'_>], order: &Order) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(ordered) = order.count.filter(|&ordered| u64::try_from(units.len()) != Ok(ordered)) {
        findings.push(Finding::new(&COUNT).arg("found", units.len()).arg("ordered", ordered));
    }
    repeated(units, &mut findings);
    let unnamed: Vec<_> = units.iter().filter(|unit| unit.unnamed).map(|unit| unit.file).collect();
    if !unnamed.is_empty() {
        let count = unnamed.len();
        findings.push(Finding::new(&NO_SERIAL).arg("count", count).arg("units", named(unnamed.into_iter())));
    }
    if let Some(serials) = &order.serials {
        against_list(units, serials, &mut findings);
    }
    let releases: BTreeSet<_> = units.iter().filter_map(|unit| unit.release).into_set();
    if releases.len() > 1 {
        findings.push(Finding::new(&RELEASES).arg("releases", named(releases.into_iter())));
    }
    findings
}

/// Images, and serial numbers, that several units have.
fn repeated(units: &[Unit<'_>], findings: &mut Vec<Finding>) {
    let with_image = units.iter().filter_map(|unit| Some((unit.sha256?, unit)));
    for same in groups(with_image) {
        // A file that is given twice is one unit, whatever it holds.
        let files: BTreeSet<_> = same.iter().map(|unit| unit.file).into_set();
        let suspect = files.len() < same.len() || same.iter().any(|unit| unit.its_own);
        let kind = if suspect { &REPEATED_IMAGE } else { &SAME_IMAGE };
        let files = same.iter().map(|unit| unit.file);
        findings.push(Finding::new(kind).arg("count", same.len()).arg("units", named(files)));
    }
    for same in groups(units.iter().map(|unit| (unit.serial, unit))) {
        let serial = same.first().map_or("", |unit| unit.serial);
        let files = same.iter().map(|unit| unit.file);
        findings.push(Finding::new(&REPEATED_SERIAL).arg("serial", serial).arg("units", named(files)));
    }
}

/// Units that have the same key, where there are several.
fn groups<'a, 'b>(keyed: impl Iterator<Item = (&'b str, &'a Unit<'b>)>) -> Vec<Vec<&'a Unit<'b>>>
where
    'b: 'a,
{
    let mut groups: BTreeMap<&str, Vec<&Unit<'_>>> = BTreeMap::new();
    keyed.for_each(|(key, unit)| groups.entry(key).or_default().push(unit));
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// Serial numbers beside those that were ordered.
fn against_list(units: &[Unit<'_>], serials: &[String], findings: &mut Vec<Finding>) {
    let found: BTreeSet<_> = units.iter().map(|unit| unit.serial).into_set();
    let ordered: BTreeSet<_> = serials.iter().map(String::as_str).into_set();
    if let Some(more) = serials.len().checked_sub(ordered.len()).filter(|more| *more > 0) {
        findings.push(Finding::new(&LISTED_TWICE).arg("count", more));
    }
    let missing: Vec<_> = ordered.difference(&found).copied().collect();
    let more: Vec<_> = found.difference(&ordered).copied().collect();
    for (kind, list) in [(&NOT_DELIVERED, missing), (&NOT_ORDERED, more)] {
        if !list.is_empty() {
            let count = list.len();
            findings.push(Finding::new(kind).arg("count", count).arg("serials", named(list.into_iter())));
        }
    }
}

/// The first of these names, and how many more there are.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let first: Vec<_> = names.iter().take(NAMED).copied().collect();
    match names.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{}, +{more}", first.join(", ")),
    }
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[
    &COUNT,
    &REPEATED_IMAGE,
    &SAME_IMAGE,
    &REPEATED_SERIAL,
    &NOT_DELIVERED,
    &NOT_ORDERED,
    &LISTED_TWICE,
    &NO_SERIAL,
    &RELEASES,
];

const READ_AGAIN: Text = Text::new(
    "Read each of these units once more, and name each file by the serial number on its label.",
    "該当する各機器を読み直し、銘板の製造番号をファイル名とする。",
);
const COMPARE_ORDER: Text = Text::new(
    "Compare the units at hand with the order and the delivery note.",
    "手元の機器を発注内容および納品書と照合する。",
);

/// Another number of units than was ordered.
pub static COUNT: Kind = Kind {
    id: "lot/count",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "units given: {found}; ordered: {ordered}.",
    japanese: "対象は {found} 台であり、発注数は {ordered} 台である。",
    next: COMPARE_ORDER,
    between: None,
};

/// Bytes that belong to one unit, and came from several.
pub static REPEATED_IMAGE: Kind = Kind {
    id: "lot/repeated-image",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{count} units have the same image, byte for byte, and it is not one that units share: {units}. One unit may have \
              been read several times.",
    japanese: "{count} 台のイメージが全バイト同一で、機器固有の内容を含む:{units}。同じ機器を重複して読み取った可能性がある。",
    next: READ_AGAIN,
    between: None,
};

/// The image of a product that holds nothing of one unit alone.
pub static SAME_IMAGE: Kind = Kind {
    id: "lot/same-image",
    family: Family::Lot,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{count} units have the same image, byte for byte: {units}. It holds nothing of one unit alone, so this run cannot \
              tell them apart.",
    japanese: "{count} 台のイメージが全バイト同一である:{units}。機器固有の内容を含まないため、機器の区別はできない。",
    next: Text::new(
        "Make sure that each of them was read from its own unit.",
        "それぞれ別の機器から読み取ったことを確認する。",
    ),
    between: None,
};

/// One serial number on several units.
pub static REPEATED_SERIAL: Kind = Kind {
    id: "lot/repeated-serial",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "the serial number {serial} is that of several units: {units}.",
    japanese: "製造番号 {serial} が複数の機器に付いている:{units}。",
    next: READ_AGAIN,
    between: None,
};

/// Ordered, and not there.
pub static NOT_DELIVERED: Kind = Kind {
    id: "lot/not-delivered",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "serial numbers of the list that no unit has ({count}): {serials}.",
    japanese: "一覧の製造番号のうち {count} 件に該当する機器が無い:{serials}。",
    next: COMPARE_ORDER,
    between: None,
};

/// There, and not ordered.
pub static NOT_ORDERED: Kind = Kind {
    id: "lot/not-ordered",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "serial numbers of units that the list does not have ({count}): {serials}.",
    japanese: "一覧に無い製造番号の機器が {count} 台ある:{serials}。",
    next: COMPARE_ORDER,
    between: None,
};

/// The list itself repeats itself.
pub static LISTED_TWICE: Kind = Kind {
    id: "lot/listed-twice",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "lines of the list that repeat a serial number: {count}.",
    japanese: "一覧に製造番号の重複が {count} 行有る。",
    next: Text::new("Mend the list; each unit has one line.", "一覧を訂正し、一台一行とする。"),
    between: None,
};

/// Where the serial number should be is none, or which of several counts is not known.
pub static NO_SERIAL: Kind = Kind {
    id: "lot/no-serial",
    family: Family::Lot,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "units that do not say who they are, or say it in two ways ({count}): {units}. The maker names a setting for the serial \
              number; these went by the names of their files.",
    japanese: "{count} 台で製造番号の設定が無いか、複数の値が矛盾する。{units} はファイル名で扱った。",
    next: READ_AGAIN,
    between: None,
};

/// Several releases in one lot.
pub static RELEASES: Kind = Kind {
    id: "lot/releases",
    family: Family::Lot,
    severity: Severity::Low,
    effect: Effect::Nothing,
    english: "the units are of different releases: {releases}.",
    japanese: "機器の版が揃っていない:{releases}。",
    next: Text::new("Ask for one release if one was ordered.", "単一の版を発注した場合は統一を求める。"),
    between: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn unit<'a>(file: &'a str, sha256: &'a str) -> Unit<'a> {
        Unit {
            file,
            serial: file,
            sha256: Some(sha256),
            release: Some("A/M@1"),
            its_own: true,
            unnamed: false,
        }
    }

    fn ids(units: &[Unit<'_>], order: &Order) -> Vec<&'static str> {
        lot(units, order).iter().map(|finding| finding.kind().id).collect()
    }

    #[test]
    fn units_of_their_own_as_ordered_leave_nothing_to_say() {
        let serials = Some(vec!["b".to_owned(), "a".to_owned()]);
        let order = Order { count: Some(2), serials };
        assert!(ids(&[unit("a", "1"), unit("b", "2")], &order).is_empty());
        assert!(ids(&[], &Order::default()).is_empty());
    }

    #[test]
    fn one_image_of_several_units_is_odd_unless_all_units_have_it() {
        let shared = |file| Unit { its_own: false, ..unit(file, "1") };
        assert_eq!(
            ids(&[unit("a", "1"), unit("b", "1"), unit("c", "2")], &Order::default()),
            ["lot/repeated-image"]
        );
        assert_eq!(ids(&[shared("a"), shared("b")], &Order::default()), ["lot/same-image"]);
        let twice = ids(&[shared("a"), shared("a")], &Order::default());
        assert_eq!(twice, ["lot/repeated-image", "lot/repeated-serial"], "one file is one unit");
        let unread = |file| Unit { sha256: None, ..unit(file, "") };
        assert!(ids(&[unread("a"), unread("b")], &Order::default()).is_empty(), "nothing is known of either");
    }

    #[test]
    fn what_differs_from_the_order_is_said() {
        let units = [unit("a", "1"), unit("b", "2")];
        assert_eq!(ids(&units, &Order { count: Some(3), ..Order::default() }), ["lot/count"]);
        let serials = Some(vec!["a".to_owned(), "c".to_owned()]);
        let order = Order { count: None, serials };
        assert_eq!(ids(&units, &order), ["lot/not-delivered", "lot/not-ordered"]);
        let same = [unit("a", "1"), Unit { serial: "a", ..unit("b", "2") }];
        assert_eq!(ids(&same, &Order::default()), ["lot/repeated-serial"]);
        let unnamed = [unit("a", "1"), Unit { unnamed: true, ..unit("b", "2") }];
        assert_eq!(ids(&unnamed, &Order::default()), ["lot/no-serial"]);
        let twice = Some(["a", "b", "a"].map(str::to_owned).to_vec());
        assert_eq!(ids(&units, &Order { count: None, serials: twice }), ["lot/listed-twice"]);
        let older = [unit("a", "1"), Unit { release: Some("A/M@0"), ..unit("b", "2") }];
        assert_eq!(ids(&older, &Order::default()), ["lot/releases"]);
    }

    #[test]
    fn a_long_list_of_names_is_cut_and_says_so() {
        let names: Vec<_> = (0..203).map(|number| number.to_string()).collect();
        assert!(named(names.iter().map(String::as_str)).ends_with("199, +3"));
    }
}
