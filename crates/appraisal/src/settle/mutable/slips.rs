//! What a maker got wrong in a rule, told before it is signed: every device would be refused for it.

use std::collections::BTreeSet;

use kiwame_image::{Gather as _, Problem, Region, Text, Tree, fact};
use kiwame_trust::manifest::path_within;
use kiwame_trust::rules::{KeyRule, Mutable, MutableRule};

use super::files::{InFiles, file_of, unescaped};
use super::key_rule;
use super::required::is_asked_for;
use crate::reference::{is_guarded, is_remains};

const CORRECT: Text = Text::new("Correct the description and run again.", "記述を直して再実行する。");

kiwame_image::problems! {
    /// Slips of the pen in the rules of a description.
    SLIPS:
    /// A rule names a file that is not there.
    FILE_ABSENT = "rule/file-absent", 2, "mutable {at}: the image has no such file; say optional if devices add it",
        "mutable {at}:イメージにこのファイルが無い(機器が追加する場合は optional とする)", CORRECT;
    /// A rule reads a file as what it is not.
    NOT_WRITTEN_SO = "rule/not-written-so", 2, "mutable {at}: is not written as {format} is",
        "mutable {at}:{format} の形式で書かれていない", CORRECT;
    /// A rule names a setting that is not there.
    NAME_ABSENT = "rule/name-absent", 2, "mutable {at}: nothing there has that name; say optional if devices add it",
        "mutable {at}:その名前のものが無い(機器が追加する場合は optional とする)", CORRECT;
    /// A rule is for what decides what may start or who may log in.
    GUARDED = "rule/guarded", 2, "mutable {at}: decides what may start, and no rule lets it differ",
        "mutable {at}:起動するものを決めるため、規則で相違を認めることはできない", CORRECT;
    /// The image itself does not keep to a rule.
    OTHER_VALUE = "rule/other-value", 2, "mutable {at}: the image itself has \"{found}\", expected {expected}",
        "mutable {at}:イメージ自体の値が「{found}」であり、必要な値 {expected} でない", CORRECT;
}

/// The first slip in the rules that reach into an image: a name that nothing in it has, a value of the image itself that
/// does not keep to its grammar, a file that is not written as the rule reads it, an entry that no rule lets differ.
#[must_use]
pub fn slip(tree: &Tree, rules: &[MutableRule]) -> Option<Problem> {
    rules.iter().find_map(|rule| {
        let here: Vec<_> =
            tree.regions().filter(|region| path_within(tree.path(region.id), &rule.path)).collect();
        if here.is_empty() { None } else { of_rule(tree, rule, &here) }
    })
}

fn of_rule(tree: &Tree, rule: &MutableRule, here: &[&Region]) -> Option<Problem> {
    match &rule.rule {
        Mutable::Keys(keys) | Mutable::Fields(keys) => of_keys(tree, keys, here, &rule.path),
        Mutable::DataFiles(files) => files.iter().find_map(|file| {
            let inside = |region: &&&Region| {
                let InFiles::File(path) = InFiles::of(tree.path(region.id)) else { return false };
                file_of(files, &unescaped(&path)).is_some_and(|other| other.name == file.name)
            };
            let at = format!("{}: {}", rule.path, file.name);
            let pieces: Vec<_> = here.iter().filter(inside).copied().collect();
            if pieces.is_empty() {
                return (!file.optional && !file.is_pattern() && has_files(tree, here))
                    .then(|| Problem::new(&FILE_ABSENT).arg("at", at));
            }
            let format = file.format?;
            if !pieces.iter().any(|region| region.kind.starts_with("setting")) && !is_empty_file(&pieces) {
                return Some(Problem::new(&NOT_WRITTEN_SO).arg("at", at).arg("format", format.name()));
            }
            of_keys(tree, &file.keys, &pieces, &at)
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

fn of_keys(tree: &Tree, keys: &[KeyRule], here: &[&Region], at: &str) -> Option<Problem> {
    // What nothing reaches any more is held to no grammar.
    let live = |region: &&&Region| region.fact(&fact::VALUE).is_some() && !is_remains(tree, region);
    let entries: Vec<_> = here.iter().filter(live).collect();
    // Where nothing has a value nothing was there to be named: an erased store.
    if entries.is_empty() {
        return None;
    }
    let known: BTreeSet<_> = entries.iter().map(|region| &*region.segment.key).into_set();
    keys.iter().find_map(|key| {
        let at = format!("{at}: {}", key.name);
        if !key.is_pattern() && !known.contains(key.name.as_bytes()) {
            return is_asked_for(keys, &known, key).then(|| Problem::new(&NAME_ABSENT).arg("at", at));
        }
        let meant =
            |region: &&&&Region| KeyRule::of(keys, &region.segment.key).is_some_and(|other| other == key);
        entries.iter().filter(meant).find_map(|region| {
            if is_guarded(region) {
                return Some(Problem::new(&GUARDED).arg("at", &at));
            }
            let found =
                region.fact(&fact::VALUE).map(|value| crate::reference::shown(&crate::json_of(value)));
            let found = found.unwrap_or_default();
            let why = key_rule(core::slice::from_ref(key), region).err()?;
            Some(Problem::new(&OTHER_VALUE).arg("at", &at).arg("found", found).arg("expected", why))
        })
    })
}

#[cfg(test)]
mod tests {
    use kiwame_image::{Settings, role};
    use kiwame_trust::rules::{FileRule, WhenEmpty};

    use super::*;
    use crate::testing::{Piece, around, file, key, may, piece, stream, tree};

    fn told(image: &[Piece], path: &str, rule: Mutable) -> Option<String> {
        let rule =
            MutableRule { path: path.to_owned(), rule, remains_max_bytes: 0, when_empty: WhenEmpty::Refuse };
        slip(&tree(image), &[rule]).map(|problem| problem.says().english)
    }

    fn entry(step: &'static str, value: &str) -> Piece {
        piece(step, value).with(&fact::VALUE, value)
    }

    #[test]
    fn a_rule_of_keys_names_what_is_there_and_holds_for_it() {
        let of = |first: Piece| [around("store:1", [first, entry("key:b", "x")])];
        let slip = |keys: &[KeyRule]| told(&of(entry("key:a", "1")), "store:1", Mutable::Keys(keys.to_vec()));
        let (a, b) = (|| key("a", "digits:1"), || key("b", "word:1"));
        assert_eq!(slip(&[a(), b()]), None);
        assert_eq!(slip(&[a(), may("c", "mac")]), None);
        assert_eq!(slip(&[a(), key("unit_*", "mac")]), None);
        let absent = "mutable store:1: c: nothing there has that name; say optional if devices add it";
        assert_eq!(slip(&[a(), key("c", "mac")]).as_deref(), Some(absent));
        let other = "mutable store:1: a: the image itself has \"1\", expected mac";
        assert_eq!(slip(&[key("a", "mac"), b()]).as_deref(), Some(other));
        let guarded =
            told(&of(entry("key:a", "1").is(&fact::BOOT_ENTRY)), "store:1", Mutable::Keys(vec![a()]));
        let decides = "mutable store:1: a: decides what may start, and no rule lets it differ";
        assert_eq!(guarded.as_deref(), Some(decides));
        // One that lists a name goes before a pattern.
        let image = [around("store:1", [entry("key:led_1", "1")])];
        let keys = Mutable::Keys(vec![key("led_*", "mac"), key("led_1", "digits:1")]);
        assert_eq!(told(&image, "store:1", keys), None);
    }

    #[test]
    fn where_nothing_is_nothing_was_to_be_named() {
        let keys = || Mutable::Keys(vec![key("c", "mac")]);
        assert_eq!(told(&[piece("store:1", "raw")], "store:1", keys()), None);
        assert_eq!(told(&[around("store:1", [entry("key:a", "1")])], "store:2", keys()), None);
        assert_eq!(told(&[around("store:1", [entry("key:a", "1")])], "store:1", Mutable::Erased), None);
    }

    #[test]
    fn a_file_that_a_rule_names_is_there_and_written_as_it_says() {
        let of = |pieces: &[Piece]| [around("fs:1", [stream("file:conf", "blk!", pieces)])];
        let good = of(&[entry("setting:a", "1").kind(role::SETTING)]);
        let slip = |image: &[Piece], file: FileRule| told(image, "fs:1", Mutable::DataFiles(vec![file]));
        let conf = |keys: &[KeyRule]| FileRule {
            format: Some(Settings::Ini),
            keys: keys.to_vec(),
            ..file("conf", 9)
        };
        assert_eq!(slip(&good, conf(&[key("a", "digits:1")])), None);
        let wrong = "mutable fs:1: conf: a: the image itself has \"1\", expected mac";
        assert_eq!(slip(&good, conf(&[key("a", "mac")])).as_deref(), Some(wrong));
        let data = of(&[piece("data:0", "binary")]);
        assert_eq!(slip(&data, conf(&[])).as_deref(), Some("mutable fs:1: conf: is not written as ini is"));
        assert_eq!(slip(&data, file("conf", 9)), None);
        let empty = [around("fs:1", [piece("file:conf", "line").kind("file")])];
        assert_eq!(slip(&empty, conf(&[])), None, "an empty file is written in any manner");

        let absent = "mutable fs:1: log: the image has no such file; say optional if devices add it";
        assert_eq!(slip(&good, file("log", 9)).as_deref(), Some(absent));
        assert_eq!(slip(&good, FileRule { optional: true, ..file("log", 9) }), None);
        assert_eq!(slip(&good, file("log_*", 9)), None);
        assert_eq!(slip(&[piece("fs:1", "raw")], file("log", 9)), None, "files are made there later");
    }
}
