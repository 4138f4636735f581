//! The buyer's settings: what decides what may start or who may log in, value by value and from both sides (RULES 12).
//!
//! A setting names one component by its whole path. It stands before the maker's rules, which never reach what guards; where
//! the maker judges the same value by a grammar of its own, both hold. What no setting names is compared as ever: silence
//! allows nothing.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Content, Gather as _, Region, RegionId, Value, fact};
use kiwame_trust::json::Json;
use kiwame_trust::rules::Grammar;
use kiwame_trust::settings::{Expect, Setting};

use crate::case::beginnings;
use crate::kind::{ACQUIRE, Effect, Family, Kind, NOTHING_TO_DO, Severity};
use crate::reference::{is_guarded, is_remains};
use crate::settle::mutable::{agree, is_harmless, is_ordinary, is_plain, keeps_to, stated};
use crate::{Case, Finding, Findings, Match};

/// Holds every setting of the policy against the image.
pub(crate) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    let settings = &case.terms.rule.settings;
    if settings.is_empty() {
        return;
    }
    let places = Places::of(case, settings);
    let mut held = Vec::new();
    // Of which the reference speaks no more, and whether the device may be without.
    let mut spoken = BTreeMap::new();
    for setting in settings {
        let regions = places.0.get(setting.path.as_str()).map_or(&[][..], Vec::as_slice);
        let live = regions.iter().any(|region| is_live(region));
        match setting.expect {
            // What cannot be seen is neither there nor absent: the limit keeps the image from affirming.
            _ if !live && case.is_beyond_limits(&setting.path) => {}
            Expect::Must if !live => {
                found.report(absent(case, setting));
                spoken.insert(setting.path.as_str(), false);
            }
            Expect::May | Expect::MustNot if !live => {
                spoken.insert(setting.path.as_str(), true);
            }
            Expect::Must | Expect::May | Expect::MustNot => {
                for region in regions {
                    match says(case, setting, region) {
                        Ok(()) => take(case, region, &mut held),
                        Err(finding) => {
                            found.report(*finding);
                            refuse(case, region);
                        }
                    }
                }
                spoken.insert(setting.path.as_str(), false);
            }
        }
    }
    leave_out(case, &spoken);
    if !held.is_empty() {
        let count = kiwame_image::len64(&held);
        case.exceptions.by_policy = case.exceptions.by_policy.saturating_add(count);
        found.report(Finding::new(&HELD).arg("count", count).with_parts(held));
    }
}

/// The regions at the path of each setting, older copies that could come back among them.
struct Places<'a>(BTreeMap<&'a str, Vec<&'a Region>>);

impl<'a> Places<'a> {
    fn of(case: &Case<'a>, settings: &'a [Setting]) -> Self {
        let named: BTreeSet<_> = settings.iter().map(|setting| setting.path.as_str()).into_set();
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for region in case.tree.regions() {
            let path = case.tree.path(region.id);
            let newer = match region.fact(&fact::COPY_OF) {
                Some(Value::Text(step)) => {
                    let around = path.rsplit_once('/').map_or("", |(around, _)| around);
                    Some(if around.is_empty() { step.clone() } else { format!("{around}/{step}") })
                }
                _ => None,
            };
            let name = named.get(newer.as_deref().unwrap_or(path)).copied();
            if let Some(name) = name.filter(|_| !is_remains(case.tree, region)) {
                places.entry(name).or_default().push(region);
            }
        }
        Self(places)
    }
}

/// True for what is there, and no older copy of it.
fn is_live(region: &Region) -> bool {
    region.fact(&fact::COPY_OF).is_none()
}

/// Takes off the list of what is missing what settings speak of. What a device may be without is an exception.
fn leave_out(case: &mut Case<'_>, spoken: &BTreeMap<&str, bool>) {
    let missing = core::mem::take(&mut case.unmatched);
    let mut without = BTreeSet::new();
    case.unmatched = missing
        .into_iter()
        .filter(|&index| {
            let mut around = case.wanted(index).into_iter().flat_map(|wanted| beginnings(&wanted.path));
            let Some((path, &may)) = around.find_map(|path| spoken.get_key_value(path)) else { return true };
            if may {
                without.insert(*path);
            }
            false
        })
        .collect();
    case.vanished |= !without.is_empty();
    let count = kiwame_image::len64(&without.into_iter().collect::<Vec<_>>());
    case.exceptions.by_policy = case.exceptions.by_policy.saturating_add(count);
}

/// A region, and all that lies in it.
fn below(case: &Case<'_>, region: &Region) -> Vec<RegionId> {
    let mut all = vec![region.id];
    let mut at = 0_usize;
    while let Some(region) = all.get(at).and_then(|&id| case.tree.region(id)) {
        all.extend(&region.children);
        at = at.saturating_add(1);
    }
    all
}

/// Takes what a setting names, with all that lies in it.
fn take(case: &mut Case<'_>, region: &Region, held: &mut Vec<Finding>) {
    let mut differs = false;
    for id in below(case, region) {
        let Some(inner) = case.tree.region(id) else { continue };
        case.set.insert(id);
        let open = !matches!(case.matches.get(&id), Some(Match::Bytes(_)) | None);
        if open && inner.content != Content::Fill {
            differs = true;
            case.matches.insert(id, Match::Mutable);
        }
    }
    if differs {
        let bytes = region.span.length;
        held.push(case.about(&VALUE, region).arg("bytes", bytes).arg("after", in_words(region)));
    }
}

/// What is not as the policy says has been told, with all that lies in it.
fn refuse(case: &mut Case<'_>, region: &Region) {
    for id in below(case, region) {
        case.outside.insert(id);
        case.set.insert(id);
        let fill = case.tree.region(id).is_none_or(|inner| inner.content == Content::Fill);
        if !fill && case.matches.contains_key(&id) {
            case.matches.insert(id, Match::Mutable);
        }
    }
}

/// What a region says, in words if there are any.
fn in_words(region: &Region) -> String {
    let fact = |fact| region.fact(fact).map(Value::display);
    fact(&fact::WORDS).or_else(|| fact(&fact::VALUE)).or_else(|| digest(region)).unwrap_or_default()
}

/// The digest of what a region says.
fn digest(region: &Region) -> Option<String> {
    match (region.fact(&fact::VALUE_SHA256), region.fact(&fact::DATA_SIZE)) {
        (Some(digest), _) => Some(digest.display()),
        // The digest of a variable is over its header, too.
        (None, Some(_)) => None,
        (None, None) => region.sha256.as_ref().map(kiwame_image::Digest::hex),
    }
}

fn says(case: &Case<'_>, setting: &Setting, region: &Region) -> Result<(), Box<Finding>> {
    let differs = |expected: String, actual: String| {
        Err(Box::new(case.about(&DIFFERS, region).compared(expected, actual)))
    };
    if setting.expect == Expect::MustNot {
        return Err(Box::new(case.about(&PRESENT, region).compared(None, in_words(region))));
    }
    let known = digest(region).is_some_and(|digest| setting.sha256.contains(&digest));
    if !known && !is_harmless(case, region) {
        return differs(
            "no program that the policy does not name by its digest".to_owned(),
            in_words(region),
        );
    }
    if let Err((expected, actual)) =
        attributes(case, setting, region).and_then(|()| signed_time(case, region))
    {
        return differs(expected, actual);
    }
    let lists = !setting.holds.is_empty() || !setting.may_hold.is_empty() || setting.more;
    if lists {
        return entries(case, setting, region).or_else(|(expected, actual)| differs(expected, actual));
    }
    // What guards, or has something in it that does, is one of so many values, and never a range of them.
    let guards = |region: &Region| is_guarded(region) || region.is(&fact::SELECTOR);
    let inside = below(case, region).into_iter().filter_map(|id| case.tree.region(id));
    let guarded = inside.chain(case.tree.ancestors(region.id)).any(guards);
    let listed = |grammar: &&Grammar| {
        !guarded || matches!(grammar, Grammar::Enum(_) | Grammar::Exactly(_) | Grammar::Sbat(_))
    };
    if known || setting.values.iter().filter(listed).any(|grammar| keeps_to(grammar, region)) {
        return Ok(());
    }
    let expected: Vec<_> =
        setting.values.iter().map(Grammar::text).chain(setting.sha256.iter().cloned()).collect();
    differs(expected.join(" or "), in_words(region))
}

/// The attributes are those that the setting says; without a word those of the reference, or of an ordinary entry.
fn attributes(case: &Case<'_>, setting: &Setting, region: &Region) -> Result<(), (String, String)> {
    let shown = |value: Option<&Value>| value.map(Value::display).unwrap_or_default();
    let mine = region.fact(&fact::ATTRIBUTES);
    let zero = |fact: &&kiwame_image::Fact| region.fact(fact).is_none_or(|value| *value == Value::Uint(0));
    if let Some(attributes) = setting.attributes {
        let plain = [&fact::PUBLIC_KEY_INDEX, &fact::MONOTONIC_COUNT].iter().all(zero);
        return if plain && mine == Some(&Value::Uint(attributes)) {
            Ok(())
        } else {
            Err((format!("attributes {attributes}"), format!("attributes {}", shown(mine))))
        };
    }
    let theirs = case.at(case.tree.path(region.id)).map(|wanted| &wanted.attributes);
    let is_file = region.fact(&fact::MODE).is_some();
    let same = theirs.is_some_and(|theirs| {
        let agrees =
            |fact: &&kiwame_image::Fact| theirs.of(fact) == region.fact(fact).map(crate::json_of).as_ref();
        // What else a variable's facts say is part of its value.
        if is_file {
            agree(&crate::reference::attributes(case.tree, region), theirs)
        } else {
            KEPT.iter().all(agrees)
        }
    });
    // A file that the reference has is that file; one that is new lends no rights.
    let plain = if is_file { theirs.is_none() && is_plain(region).is_ok() } else { is_ordinary(region) };
    if same || plain {
        return Ok(());
    }
    Err(("attributes of the reference, or of an ordinary entry".to_owned(), shown(mine)))
}

/// The time of an authenticated variable only goes up: an earlier one lets an older update be played in again, one that no calendar has
/// keeps out every later one (UEFI Specification 2.10, section 8.2.2).
fn signed_time(case: &Case<'_>, region: &Region) -> Result<(), (String, String)> {
    let Some(Value::Text(mine)) = region.fact(&fact::TIMESTAMP) else { return Ok(()) };
    let theirs = case.at(case.tree.path(region.id)).and_then(|wanted| wanted.attributes.of(&fact::TIMESTAMP));
    let floor = match theirs {
        Some(Json::Text(theirs)) => theirs.as_str(),
        _ => "",
    };
    let sound = mine.is_empty() || kiwame_trust::Time::parse(mine).is_ok() && mine.as_str() < LAST_YEAR;
    if sound && mine.as_str() >= floor {
        return Ok(());
    }
    let floor =
        if floor.is_empty() { "a time of the calendar".to_owned() } else { format!("{floor} or later") };
    Err((floor, mine.clone()))
}

/// No firmware of today is signed behind it.
const LAST_YEAR: &str = "2100";

/// Facts of a variable that are no part of its value.
static KEPT: [&kiwame_image::Fact; 4] =
    [&fact::ATTRIBUTES, &fact::MONOTONIC_COUNT, &fact::PUBLIC_KEY_INDEX, &fact::SORT];

/// The entries of a list: what guards, under a key that says all of it. A name of anything else would speak for whatever it holds.
fn listed<'t>(tree: &'t kiwame_image::Tree, region: &Region) -> Vec<&'t Region> {
    let inner = region.children.iter().filter_map(|&id| tree.region(id));
    let inner: Vec<_> = inner.filter(|inner| inner.component).collect();
    let whole = |entry: &&Region| {
        let says = |value: Vec<u8>| !value.is_empty() && entry.segment.key.ends_with(&value);
        is_guarded(entry) && stated(entry).is_some_and(says)
    };
    if is_guarded(region) && inner.iter().all(whole) { inner } else { Vec::new() }
}

/// Every entry of a list is named, and those that must be there are.
fn entries(case: &Case<'_>, setting: &Setting, region: &Region) -> Result<(), (String, String)> {
    let texts = |list: &'_ [String]| list.iter().map(String::clone).into_set();
    let (holds, may_hold): (BTreeSet<_>, BTreeSet<_>) = (texts(&setting.holds), texts(&setting.may_hold));
    let entries = listed(case.tree, region);
    let mut there = BTreeSet::new();
    for entry in &entries {
        let key = String::from_utf8_lossy(&entry.segment.key).into_owned();
        let named = holds.contains(&key) || may_hold.contains(&key);
        if !(named || setting.more && region.is(&fact::FORBIDS)) {
            return Err(("no entry that the policy does not name".to_owned(), key));
        }
        there.insert(key);
    }
    match holds.difference(&there).next() {
        _ if entries.is_empty() => Err(("a list".to_owned(), in_words(region))),
        Some(absent) => Err((absent.clone(), "no such entry".to_owned())),
        None => Ok(()),
    }
}

fn absent(case: &Case<'_>, setting: &Setting) -> Finding {
    match case.at(&setting.path) {
        Some(wanted) => case.about_wanted(&ABSENT, wanted),
        None => {
            let last = kiwame_image::segments(&setting.path).last().unwrap_or_default();
            let name = last.split_once(':').map_or(last, |(_, key)| key);
            Finding::new(&ABSENT).at(&setting.path, "image", kiwame_image::Span::new(0, 0)).arg("name", name)
        }
    }
}

/// What a device has set, of what only its buyer's settings let differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// The component, by its whole path.
    pub path: String,
    /// What it is called.
    pub name: String,
    /// What it says, in words if there are any.
    pub words: String,
    /// What it says.
    pub says: Says,
    /// Its attributes, where they are not those of an ordinary entry.
    pub attributes: Option<u64>,
}

/// What a component says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// A value, as it lies there.
    Value(Vec<u8>),
    /// Something longer, by its digest.
    Digest(String),
    /// A list of entries, by their keys, and whether it only forbids.
    List(Vec<String>, bool),
}

/// What decides in an image what may start or who may log in, and variables that are no ordinary ones; old copies aside.
#[must_use]
pub fn configured(tree: &kiwame_image::Tree) -> Vec<Configured> {
    let outermost = |region: &Region| is_guarded(region) && !tree.ancestors(region.id).any(is_guarded);
    let live = |region: &&Region| is_live(region) && !is_remains(tree, region);
    // What has other attributes than an ordinary entry no rule of a maker's lets appear either.
    let odd = |region: &Region| region.is(&fact::LIVE) && !is_ordinary(region);
    let set = tree.regions().filter(|region| outermost(region) || odd(region)).filter(live);
    set.filter_map(|region| {
        let entries = listed(tree, region).into_iter();
        let entries: Vec<_> =
            entries.map(|entry| String::from_utf8_lossy(&entry.segment.key).into_owned()).collect();
        let says = match stated(region) {
            _ if !entries.is_empty() => Says::List(entries, region.is(&fact::FORBIDS)),
            Some(value) => Says::Value(value),
            None => Says::Digest(digest(region)?),
        };
        let attributes = match region.fact(&fact::ATTRIBUTES) {
            Some(Value::Uint(number)) if !is_ordinary(region) => Some(*number),
            _ => None,
        };
        let name = crate::reference::display_name(tree, region);
        Some(Configured {
            path: tree.path_of(region.id),
            name: name.unwrap_or_else(|| String::from_utf8_lossy(&region.segment.key).into_owned()),
            words: in_words(region),
            says,
            attributes,
        })
    })
    .collect()
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&ABSENT, &DIFFERS, &HELD, &PRESENT, &VALUE];

/// A setting that must be there is not.
pub static ABSENT: Kind = Kind {
    id: "setting/absent",
    family: Family::Setting,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is not there; your policy says that it must be.",
    japanese: "{what} が無い。ポリシーでは必須とされている。",
    next: ACQUIRE,
    between: None,
};

/// A setting has another value, or a list other entries.
pub static DIFFERS: Kind = Kind {
    id: "setting/differs",
    family: Family::Setting,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is not as your policy says.",
    japanese: "{what} がポリシーの設定と異なる。",
    next: ACQUIRE,
    between: None,
};

/// Settings that differ from the reference, as the policy says.
pub static HELD: Kind = Kind {
    id: "setting/held",
    family: Family::Setting,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "Settings of this device that differ from the reference and are as your policy says: {count}.",
    japanese: "基準値と異なり、ポリシーの設定どおりであるこの機器の設定:{count} 件。",
    next: NOTHING_TO_DO,
    between: None,
};

/// Something is there that must not be.
pub static PRESENT: Kind = Kind {
    id: "setting/present",
    family: Family::Setting,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is there; your policy says that it must not be.",
    japanese: "{what} が有る。ポリシーでは有ってはならないとされている。",
    next: ACQUIRE,
    between: None,
};

/// One setting that is as the policy says.
pub static VALUE: Kind = Kind {
    id: "setting/value",
    family: Family::Setting,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{what} is as your policy says.",
    japanese: "{what} はポリシーの設定どおり。",
    next: NOTHING_TO_DO,
    between: None,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tier;
    use crate::testing::{Piece, Trial, around, key, may, piece, said};
    use kiwame_trust::rules::Mutable;

    fn boot(value: &str) -> Piece {
        piece("key:boot", value).with(&fact::VALUE, value).is(&fact::BOOT_ENTRY)
    }

    fn store(inside: impl AsRef<[Piece]>) -> [Piece; 1] {
        [around("store:1", inside)]
    }

    fn other() -> Piece {
        piece("key:z", "z")
    }

    fn setting(path: &str) -> Setting {
        Setting {
            path: path.to_owned(),
            expect: Expect::Must,
            values: Vec::new(),
            sha256: Vec::new(),
            holds: Vec::new(),
            may_hold: Vec::new(),
            more: false,
            attributes: None,
        }
    }

    #[test]
    fn the_time_of_a_signed_variable_only_goes_up() {
        // It stands in the header, so that the bytes differ with it.
        let dated = |time: &str| {
            let variable = piece("key:boot", format!("00{time}")).with(&fact::VALUE, "00");
            store([variable.is(&fact::BOOT_ENTRY).with(&fact::TIMESTAMP, time)])
        };
        let genuine = dated("2015-08-28T00:00:00Z");
        let value = vec![Grammar::Exactly("3030".to_owned())];
        let trial = with(&genuine, [Setting { values: value, ..setting("store:1/key:boot") }]);
        let verdict = |time: &str| trial.judge(&dated(time)).verdict.exit;
        assert_eq!(verdict("2015-08-28T00:00:00Z"), 0);
        assert_eq!(verdict("2024-01-01T00:00:00Z"), 0);
        for time in [
            "",
            "2015-08-27T23:59:59Z",
            "2016-255-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
            "65535-01-01T00:00:00Z",
        ] {
            assert_eq!(verdict(time), 1, "{time}");
        }
    }

    fn one_of(words: &str) -> Setting {
        let grammar = Grammar::read(&format!("enum:{words}"), "test").unwrap();
        Setting { values: vec![grammar], ..setting("store:1/key:boot") }
    }

    fn with(genuine: &[Piece], settings: impl Into<Vec<Setting>>) -> Trial {
        let rule = Mutable::Keys(vec![may("z", "word:1")]);
        let mut trial = Trial::of(genuine).ruled("store:1", rule);
        trial.rule.settings = settings.into();
        trial
    }

    fn of(value: &str) -> [Piece; 1] {
        store([boot(value), other()])
    }

    /// Nothing is refuted. An image that has more or less in it has another size, which a person is told.
    fn passes(trial: &Trial, image: &[Piece]) -> bool {
        trial.judge(image).verdict.exit != 1
    }

    #[test]
    fn a_value_that_the_policy_names_may_differ_and_no_other() {
        let trial = with(&of("1"), [one_of("2|3")]);
        let held = trial.judge(&of("2"));
        assert_eq!(
            (held.verdict.tier, said(&held)),
            (Tier::Affirming, vec!["setting/held image".to_owned()])
        );
        assert_eq!((held.exceptions.by_policy, held.exceptions.by_rule), (1, 0));
        assert_eq!(trial.says(&of("4")), ["setting/differs store:1/key:boot"]);
        // From both sides: what equals the reference is not what the buyer says.
        assert_eq!(trial.says(&of("1")), ["setting/differs store:1/key:boot"]);
        assert_eq!(with(&of("1"), [one_of("1")]).says(&of("1")), [""; 0]);
        // Without a setting it is as ever.
        assert_eq!(with(&of("1"), []).says(&of("2")), ["mutable/trust-anchor store:1/key:boot"]);
    }

    #[test]
    fn what_must_be_there_is_and_what_must_not_is_not() {
        let none = || store([other()]);
        assert_eq!(with(&of("1"), [one_of("1")]).says(&none()), ["setting/absent store:1/key:boot"]);
        let may = || Setting { expect: Expect::May, ..one_of("1") };
        assert!(passes(&with(&of("1"), [may()]), &none()));
        assert!(passes(&with(&none(), [may()]), &of("1")));
        assert_eq!(with(&none(), [may()]).says(&of("2")), ["setting/differs store:1/key:boot"]);
        let not = || Setting { expect: Expect::MustNot, ..setting("store:1/key:boot") };
        assert_eq!(with(&of("1"), [not()]).says(&of("1")), ["setting/present store:1/key:boot"]);
        assert!(passes(&with(&of("1"), [not()]), &none()));
        assert_eq!(with(&none(), [not()]).says(&none()), [""; 0]);
    }

    #[test]
    fn what_guards_is_one_of_so_many_values_and_no_range_of_them() {
        let digits = || Setting {
            values: vec![Grammar::read("digits:1", "test").unwrap()],
            ..setting("store:1/key:boot")
        };
        assert_eq!(with(&of("1"), [digits()]).says(&of("2")), ["setting/differs store:1/key:boot"]);
        let plain = |value: &str| store([piece("key:boot", value).with(&fact::VALUE, value)]);
        assert!(passes(&with(&plain("1"), [digits()]), &plain("2")));
    }

    #[test]
    fn a_program_is_named_by_its_digest() {
        let program = || store([boot("run.").is(&fact::EXECUTABLE), other()]);
        assert_eq!(with(&of("1"), [one_of("run.|1")]).says(&program()), ["setting/differs store:1/key:boot"]);
    }

    #[test]
    fn an_older_copy_that_comes_back_is_judged_as_the_newer_one() {
        let old = |value: &str| {
            let copy = piece("old:boot", value).with(&fact::VALUE, value).is(&fact::BOOT_ENTRY);
            store([boot("2"), other(), copy.with(&fact::COPY_OF, "key:boot")])
        };
        let trial = with(&of("1"), [one_of("2|3")]);
        assert!(passes(&trial, &old("3")));
        assert!(trial.says(&old("4")).contains(&"setting/differs store:1/old:boot".to_owned()));
        // An older copy alone is not there.
        let alone = piece("old:boot", "2").with(&fact::VALUE, "2").is(&fact::BOOT_ENTRY);
        let alone = store([other(), alone.with(&fact::COPY_OF, "key:boot")]);
        assert!(trial.says(&alone).contains(&"setting/absent store:1/key:boot".to_owned()));
    }

    #[test]
    fn attributes_are_those_of_the_reference_or_of_an_ordinary_entry_or_as_the_policy_says() {
        let image = |value: &str, attributes: u8| store([boot(value).with(&fact::ATTRIBUTES, attributes)]);
        let refused = |setting: Setting, attributes| {
            with(&image("1", 3), [setting]).judge(&image("2", attributes)).verdict.exit == 1
        };
        assert!(!refused(one_of("2"), 3) && !refused(one_of("2"), 7) && refused(one_of("2"), 5));
        let said = |attributes| Setting { attributes: Some(attributes), ..one_of("2") };
        assert!(!refused(said(5), 5) && refused(said(5), 7));
        for fact in [&fact::PUBLIC_KEY_INDEX, &fact::MONOTONIC_COUNT] {
            let of = |number: u8| store([boot("2").with(&fact::ATTRIBUTES, 5u8).with(fact, number)]);
            let trial = with(&image("1", 5), [said(5)]);
            assert!(passes(&trial, &of(0)) && !passes(&trial, &of(1)), "{}", fact.name);
        }
    }

    fn list(entries: &[&'static str], forbids: bool) -> [Piece; 1] {
        let entry = |step: &&'static str| {
            let key = step.split_once(':').unwrap().1;
            piece(step, key).component().is(&fact::TRUST_ANCHOR).with(&fact::VALUE, key)
        };
        let head = piece("head:0", "h");
        let inside: Vec<_> = core::iter::once(head).chain(entries.iter().map(entry)).collect();
        let list = around("list:db", inside).is(&fact::TRUST_ANCHOR);
        store([if forbids { list.is(&fact::FORBIDS) } else { list }])
    }

    #[test]
    fn a_list_holds_what_it_must_and_nothing_that_is_not_named_unless_it_only_forbids() {
        let named = |holds: &[&str], may: &[&str], more| Setting {
            holds: holds.iter().map(|one| (*one).to_owned()).collect(),
            may_hold: may.iter().map(|one| (*one).to_owned()).collect(),
            more,
            ..setting("store:1/list:db")
        };
        let passes = |setting: Setting, entries: &[&'static str], forbids| {
            passes(&with(&list(&["e:a"], forbids), [setting]), &list(entries, forbids))
        };
        assert!(passes(named(&["a", "b"], &["c"], false), &["e:a", "e:b"], false));
        assert!(passes(named(&["a", "b"], &["c"], false), &["e:b", "e:c", "e:a"], false));
        assert!(!passes(named(&["a", "b"], &["c"], false), &["e:a"], false), "one is missing");
        assert!(!passes(named(&["a"], &[], false), &["e:a", "e:d"], false), "one was added");
        assert!(passes(named(&["a"], &[], true), &["e:a", "e:d"], true), "it forbids more");
        assert!(!passes(named(&["a"], &[], true), &["e:d"], true), "it forbids less");
        assert!(!passes(named(&["a"], &[], true), &["e:a", "e:d"], false), "it allows more");
        assert!(!passes(named(&["a"], &[], false), &[], false), "no list");
    }

    #[test]
    fn names_of_what_says_more_than_its_name_make_no_list() {
        let of = |value: &str| store([boot(value).component(), other().component()]);
        let names = Setting { holds: vec!["boot".to_owned(), "z".to_owned()], ..setting("store:1") };
        assert!(!passes(&with(&of("1"), [names]), &of("2")));
    }

    #[test]
    fn a_value_that_is_named_has_no_byte_more_and_what_holds_a_guard_is_no_range() {
        let exactly = || Setting {
            values: vec![Grammar::read("exactly:32", "test").unwrap()],
            ..setting("store:1/key:boot")
        };
        assert!(passes(&with(&of("1"), [exactly()]), &of("2")));
        assert!(!passes(&with(&of("1"), [exactly()]), &of("2\0")));
        let holder = |value: &str| {
            let inner = piece("argument:init", value).is(&fact::BOOT_ENTRY);
            store([around("key:boot", [inner]).with(&fact::VALUE, value), other()])
        };
        let digits = Grammar::read("digits:1", "test").unwrap();
        let digits = Setting { values: vec![digits], ..setting("store:1/key:boot") };
        assert!(!passes(&with(&holder("1"), [digits]), &holder("2")));
    }

    #[test]
    fn what_the_maker_says_is_erased_no_setting_fills() {
        let plain = |value: &str| store([piece("key:boot", value).with(&fact::VALUE, value), other()]);
        let trial = with(&plain("1"), [one_of("2")]).ruled("store:1/key:boot", Mutable::Erased);
        assert!(!passes(&trial, &plain("2")));
    }

    #[test]
    fn a_file_keeps_every_fact_that_is_no_value() {
        let file = |value: &str, target: &str| {
            let link = piece("file:rc", value).with(&fact::VALUE, value).owned("0755", 0);
            store([link.with(&fact::TARGET, target), other()])
        };
        let named = || Setting { path: "store:1/file:rc".to_owned(), ..one_of("2") };
        assert!(passes(&with(&file("1", "a"), [named()]), &file("2", "a")));
        let open = |value: &str| {
            store([piece("file:rc", value).with(&fact::VALUE, value).owned("0777", 0), other()])
        };
        assert!(!passes(&with(&file("1", "a"), [named()]), &open("2")));
        assert!(!passes(&with(&file("1", "a"), [named()]), &file("2", "b")));
        // One that is new is plain.
        assert!(passes(&with(&store([other()]), [named()]), &file("2", "a")));
        assert!(!passes(&with(&store([other()]), [named()]), &open("2")));
    }

    #[test]
    fn where_the_maker_lists_the_same_key_both_hold() {
        let plain = |value: &str| store([piece("key:boot", value).with(&fact::VALUE, value), other()]);
        let rule = || Mutable::Keys(vec![key("boot", "enum:1|2")]);
        let trial = with(&plain("1"), [one_of("2|3")]).ruled("store:1/key:boot", rule());
        assert_eq!(trial.judge(&plain("2")).verdict.tier, Tier::Affirming);
        assert!(trial.says(&plain("3")).contains(&"mutable/outside-rule store:1/key:boot".to_owned()));
        // A key that the maker's rule does not list is the buyer's alone.
        let trial = with(&plain("1"), [one_of("2|3")]);
        assert_eq!(trial.judge(&plain("3")).verdict.tier, Tier::Affirming);
    }

    #[test]
    fn what_a_device_has_set_is_listed_as_the_policy_takes_it() {
        let genuine =
            [around("store:1", [boot("1"), other(), boot("0").remains()]), list(&["e:a"], true)[0].clone()];
        let tree = crate::testing::tree(&genuine);
        let all = configured(&tree);
        let told: Vec<_> = all.iter().map(|one| (one.path.as_str(), one.says.clone())).collect();
        assert_eq!(
            told,
            [
                ("store:1/key:boot", Says::Value(b"1".to_vec())),
                ("store:1/list:db", Says::List(vec!["a".to_owned()], true)),
            ]
        );
    }
}
