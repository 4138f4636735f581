//! What a rule asks for: a file or a store that is there has every key that is not optional, also one that the reference does
//! not have and the device made. Who leaves a setting out has chosen a default that nobody signed.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{Gather as _, Region, Role, fact, role};
use kiwame_trust::manifest::path_within;
use kiwame_trust::rules::{KeyRule, Mutable, MutableRule};

use super::OUTSIDE_RULE;
use super::files::{InFiles, file_of, unescaped};
use crate::{Case, Findings};

/// Reports every key that is missing and that the reference does not have either; of those that it has, their absence speaks.
pub(super) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    let rules = Rc::clone(&case.rules);
    for rule in rules.iter().copied() {
        match &rule.rule {
            Mutable::Keys(keys) | Mutable::Fields(keys) => {
                let entries = entries(case, rule);
                missing(case, found, keys, &entries);
            }
            Mutable::DataFiles(files) => {
                let here = by_file(case, rule);
                for (path, pieces) in &here {
                    if let Some(file) = file_of(files, path).filter(|file| file.format.is_some()) {
                        missing(case, found, &file.keys, pieces);
                    }
                }
            }
            Mutable::Erased | Mutable::Any { .. } => {}
        }
    }
}

/// The entries with values under a rule.
fn entries<'a>(case: &Case<'a>, rule: &MutableRule) -> Vec<&'a Region> {
    let tree = case.tree;
    let under = tree.regions().filter(|region| path_within(tree.path(region.id), &rule.path));
    under.filter(|region| region.fact(&fact::VALUE).is_some() && !region.remains).collect()
}

/// The files under a rule, each with its settings behind it.
fn by_file<'a>(case: &Case<'a>, rule: &MutableRule) -> BTreeMap<Vec<u8>, Vec<&'a Region>> {
    let tree = case.tree;
    let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for region in tree.regions().filter(|region| path_within(tree.path(region.id), &rule.path)) {
        let counts = region.role() == Some(Role::File) || region.kind == role::SETTING;
        if let (true, InFiles::File(path)) = (counts, InFiles::of(tree.path(region.id))) {
            files.entry(unescaped(&path)).or_default().push(region);
        }
    }
    files
}

fn missing(case: &mut Case<'_>, found: &mut Findings<'_>, keys: &[KeyRule], entries: &[&Region]) {
    let Some(&first) = entries.first() else { return };
    let known: BTreeSet<_> = entries.iter().map(|region| &*region.segment.key).into_set();
    let absent: Vec<_> = keys
        .iter()
        .filter(|key| is_asked_for(keys, &known, key) && !known.contains(key.name.as_bytes()))
        .filter(|key| !is_referred_to(case, first, &key.name))
        .collect();
    for key in absent {
        let finding = case.about(&OUTSIDE_RULE, first);
        found.report(
            finding.compared(format!("{} = {}", key.name, key.value.text()), format!("no {}", key.name)),
        );
        case.outside.insert(first.id);
    }
}

/// True for a key that is there whenever its file or store is: one name, not optional, and not of a section that may be left out and is.
pub(super) fn is_asked_for(keys: &[KeyRule], known: &BTreeSet<&[u8]>, key: &KeyRule) -> bool {
    let of_absent = key.name.rsplit_once('.').is_some_and(|(section, _)| {
        let listed = keys.iter().find(|key| key.name == section);
        listed.is_some_and(|listed| listed.optional) && !known.contains(section.as_bytes())
    });
    !key.optional && !key.is_pattern() && !of_absent
}

/// True when the reference has an entry of that name beside one.
fn is_referred_to(case: &Case<'_>, beside: &Region, name: &str) -> bool {
    let path = case.tree.path(beside.id);
    let key = kiwame_image::escape_key(name.as_bytes()).to_string();
    if beside.role() == Some(Role::File) {
        return case.lists(&format!("{path}/decoded:content/setting:{key}"));
    }
    let around = path.rsplit_once('/').map_or("", |(around, _)| around);
    case.lists(&format!("{around}/{}:{key}", beside.segment.format))
}

#[cfg(test)]
mod tests {
    use kiwame_image::Settings;
    use kiwame_trust::rules::FileRule;

    use super::*;
    use crate::testing::{Piece, Trial, around, file, key, may, piece, stream};

    fn entry(step: &'static str, value: &str) -> Piece {
        piece(step, value).with(&fact::VALUE, value)
    }

    fn missing(trial: &Trial, image: &[Piece]) -> Vec<String> {
        let findings = trial.judge(image).findings;
        let absent = findings.into_iter().filter(|finding| finding.is_of(&[&OUTSIDE_RULE]));
        absent.filter_map(|finding| finding.actual).filter(|actual| actual.starts_with("no ")).collect()
    }

    #[test]
    fn a_store_has_every_key_that_is_not_optional() {
        let image = [around("store:1", [entry("key:a", "1")])];
        let with = |more: KeyRule| {
            Trial::of(&image).ruled("store:1", Mutable::Keys(vec![key("a", "digits:1"), more]))
        };
        assert_eq!(missing(&with(key("b", "digits:1")), &image), ["no b"]);
        assert_eq!(with(key("b", "digits:1")).judge(&image).verdict.exit, 1);
        assert_eq!(missing(&with(may("b", "digits:1")), &image), [""; 0]);
        assert_eq!(missing(&with(key("unit_*", "digits:1")), &image), [""; 0]);
        let fields = Trial::of(&image).ruled("store:1", Mutable::Fields(vec![key("b", "digits:1")]));
        assert_eq!(missing(&fields, &image), ["no b"]);
        let elsewhere = Trial::of(&image).ruled("store:2", Mutable::Keys(vec![key("b", "digits:1")]));
        assert_eq!(missing(&elsewhere, &image), [""; 0]);
    }

    #[test]
    fn of_a_key_that_the_reference_has_its_absence_speaks() {
        let genuine = [around("store:1", [entry("key:a", "1"), entry("key:b", "2")])];
        let image = [around("store:1", [entry("key:a", "1")])];
        let keys = Mutable::Keys(vec![key("a", "digits:1"), key("b", "digits:1")]);
        let trial = Trial::of(&genuine).ruled("store:1", keys);
        assert_eq!(missing(&trial, &image), [""; 0]);
        assert!(trial.says(&image).contains(&"component/removed store:1/key:b".to_owned()));
    }

    #[test]
    fn what_nothing_reaches_or_has_no_value_is_no_key() {
        let of = |second: Piece| [around("store:1", [entry("key:a", "1"), second])];
        let absent = |second: Piece| {
            let image = of(second);
            let keys = Mutable::Keys(vec![key("a", "digits:1"), key("b", "digits:1")]);
            missing(&Trial::of(&of(piece("x:0", "y"))).ruled("store:1", keys), &image)
        };
        assert_eq!(absent(entry("key:b", "2")), [""; 0]);
        assert_eq!(absent(entry("key:b", "2").remains()), ["no b"]);
        assert_eq!(absent(piece("key:b", "2")), ["no b"]);
        // An empty store is asked for nothing.
        let image = [around("store:1", [piece("x:0", "y")])];
        let keys = Mutable::Keys(vec![key("a", "digits:1")]);
        assert_eq!(missing(&Trial::of(&image).ruled("store:1", keys), &image), [""; 0]);
    }

    #[test]
    fn keys_of_a_section_that_may_be_left_out_are_asked_for_when_it_is_there() {
        let asked = |keys: &[KeyRule], known: &[&str]| {
            let known = known.iter().map(|name| name.as_bytes()).collect();
            let asked = keys.iter().filter(|key| is_asked_for(keys, &known, key));
            asked.map(|key| key.name.clone()).collect::<Vec<_>>()
        };
        let keys = [may("wan", "word:9"), key("wan.proto", "word:9"), key("lan.proto", "word:9")];
        assert_eq!(asked(&keys, &[]), ["lan.proto"]);
        assert_eq!(asked(&keys, &["wan"]), ["wan.proto", "lan.proto"]);
        let keys = [key("wan", "word:9"), key("wan.proto", "word:9")];
        assert_eq!(asked(&keys, &[]), ["wan", "wan.proto"]);
    }

    #[test]
    fn a_settings_file_has_every_key_and_one_that_is_read_by_nobody_none() {
        let of = |pieces: &[Piece]| [around("fs:1", [stream("file:conf", "blk!", pieces).owned("0644", 0)])];
        let setting = |step, value| entry(step, value).kind(role::SETTING);
        let image = of(&[setting("setting:a", "1")]);
        let conf = |format| FileRule {
            format,
            keys: vec![key("a", "digits:1"), key("b", "digits:1")],
            ..file("conf", 9)
        };
        let rule = |format| Mutable::DataFiles(vec![conf(format)]);
        let trial = |format| Trial::of(&image).ruled("fs:1", rule(format));
        assert_eq!(missing(&trial(Some(Settings::Ini)), &image), ["no b"]);
        assert_eq!(missing(&trial(None), &image), [""; 0]);
        // The reference has it: its absence speaks.
        let both = of(&[setting("setting:a", "1"), setting("setting:b", "2")]);
        let trial = Trial::of(&both).ruled("fs:1", rule(Some(Settings::Ini)));
        assert_eq!(missing(&trial, &image), [""; 0]);
        assert!(
            trial
                .says(&image)
                .contains(&"component/removed fs:1/file:conf/decoded:content/setting:b".to_owned())
        );
        // A file that holds nothing lacks all that the reference does not have.
        let emptied = of(&[piece("blank:0", " ").kind(role::SETTING_BLANK)]);
        let trial = Trial::of(&image).ruled("fs:1", rule(Some(Settings::Ini)));
        assert_eq!(missing(&trial, &emptied), ["no b"]);
    }

    #[test]
    fn a_settings_file_that_the_device_made_has_every_key_and_a_comment_is_none() {
        let other = || stream("file:other", "blk!", [piece("data:0", "o")]).owned("0644", 0);
        let conf = FileRule {
            format: Some(Settings::Ini),
            keys: vec![key("a", "digits:1"), key("b", "digits:1")],
            ..file("conf", 9)
        };
        let trial = Trial::of(&[around("fs:1", [other()])]).ruled("fs:1", Mutable::DataFiles(vec![conf]));
        let absent = |second: Piece| {
            let pieces = [entry("setting:a", "1").kind(role::SETTING), second];
            let made = stream("file:conf", "blk!", pieces).owned("0644", 0);
            missing(&trial, &[around("fs:1", [made, other()])])
        };
        assert_eq!(absent(entry("setting:b", "2").kind(role::SETTING)), [""; 0]);
        assert_eq!(absent(piece("comment:b", "# b").kind(role::SETTING_COMMENT)), ["no b"]);
    }
}
