//! What a rule asks for: a file or a store that is there has every key that is not optional, also one that the reference does
//! not have and the device made. Who leaves a setting out has chosen a default that nobody signed.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Gather as _, Region, Role, fact, role};
use kiwame_trust::manifest::path_within;
use kiwame_trust::rules::{KeyRule, Mutable, MutableRule};

use super::OUTSIDE_RULE;
use super::files::{InFiles, file_of, unescaped};
use crate::{Case, Findings};

/// Reports every key that is missing and that the reference does not have either; of those that it has, their absence speaks.
pub(super) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    let manifest = case.manifest;
    for rule in &manifest.mutable {
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
