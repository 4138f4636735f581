//! What a maker got wrong in a rule, told before it is signed: every device would be refused for it.

use std::collections::BTreeSet;

use kiwame_image::{Gather as _, Region, Tree, fact};
use kiwame_trust::manifest::path_within;
use kiwame_trust::rules::{KeyRule, Mutable, MutableRule};

use super::files::{InFiles, file_of, unescaped};
use super::key_rule;
use super::required::is_asked_for;
use crate::reference::is_guarded;

/// The first slip in the rules that reach into an image: a name that nothing in it has, a value of the image itself that
/// does not keep to its grammar, a file that is not written as the rule reads it, an entry that no rule lets differ.
#[must_use]
pub fn slip(tree: &Tree, rules: &[MutableRule]) -> Option<String> {
    rules.iter().find_map(|rule| {
        let here: Vec<_> =
            tree.regions().filter(|region| path_within(tree.path(region.id), &rule.path)).collect();
        let what = if here.is_empty() { None } else { of_rule(tree, rule, &here) };
        what.map(|what| format!("mutable {}: {what}", rule.path))
    })
}

fn of_rule(tree: &Tree, rule: &MutableRule, here: &[&Region]) -> Option<String> {
    match &rule.rule {
        Mutable::Keys(keys) | Mutable::Fields(keys) => of_keys(keys, here),
        Mutable::DataFiles(files) => files.iter().find_map(|file| {
            let inside = |region: &&&Region| {
                let InFiles::File(path) = InFiles::of(tree.path(region.id)) else { return false };
                file_of(files, &unescaped(&path)).is_some_and(|other| other.name == file.name)
            };
            let pieces: Vec<_> = here.iter().filter(inside).copied().collect();
            if pieces.is_empty() {
                return (!file.optional && !file.is_pattern() && has_files(tree, here)).then(|| {
                    format!("{}: the image has no such file; say optional if devices add it", file.name)
                });
            }
            let format = file.format?;
            if !pieces.iter().any(|region| region.kind.starts_with("setting")) && !is_empty_file(&pieces) {
                return Some(format!("{}: is not written as {} is", file.name, format.name()));
            }
            of_keys(&file.keys, &pieces).map(|what| format!("{}: {what}", file.name))
        }),
        Mutable::Erased | Mutable::Any { .. } => None,
    }
}

/// True where files of a file system lie at all: in an erased part they are made later.
fn has_files(tree: &Tree, here: &[&Region]) -> bool {
    here.iter().any(|region| matches!(InFiles::of(tree.path(region.id)), InFiles::File(_)))
}

fn is_empty_file(pieces: &[&Region]) -> bool {
    pieces.iter().all(|region| region.kind == "file" || region.span.is_empty())
}

fn of_keys(keys: &[KeyRule], here: &[&Region]) -> Option<String> {
    let entries: Vec<_> = here.iter().filter(|region| region.fact(&fact::VALUE).is_some()).collect();
    // Where nothing has a value nothing was there to be named: an erased store.
    if entries.is_empty() {
        return None;
    }
    let known: BTreeSet<_> = entries.iter().map(|region| &*region.segment.key).into_set();
    keys.iter().find_map(|key| {
        if !key.is_pattern() && !known.contains(key.name.as_bytes()) {
            return is_asked_for(keys, &known, key).then(|| {
                format!("{}: nothing there has that name; say optional if devices add it", key.name)
            });
        }
        let meant =
            |region: &&&&Region| KeyRule::of(keys, &region.segment.key).is_some_and(|other| other == key);
        entries.iter().filter(meant).find_map(|region| {
            if is_guarded(region) {
                return Some(format!("{}: decides what may start, and no rule lets it differ", key.name));
            }
            let found =
                region.fact(&fact::VALUE).map(|value| crate::reference::shown(&crate::json_of(value)));
            let found = found.unwrap_or_default();
            let why = key_rule(core::slice::from_ref(key), region).err()?;
            Some(format!("{}: the image itself has \"{found}\", expected {why}", key.name))
        })
    })
}
