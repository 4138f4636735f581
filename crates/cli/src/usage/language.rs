//! The language, before anything else of the command line is understood.

use std::ffi::{OsStr, OsString};

use clap::ValueEnum as _;

use crate::args::Lang;

const OPTION: &str = "--lang";

/// The language that the line asks for, wherever in it, or else that of the locale.
pub(super) fn of(line: &[OsString]) -> Lang {
    let asked = (0..line.len()).find_map(|at| asked_at(line, at).map(|(lang, _)| lang));
    asked.unwrap_or_else(of_locale)
}

/// Verbs that have verbs below them, and a `help` of their own.
const GROUPS: [&str; 4] = ["key", "manifest", "policy", "report"];

/// The line without the option where it stands behind the word `help`: everything there is taken for the name of a verb.
pub(super) fn without_it_behind_help(line: Vec<OsString>) -> Vec<OsString> {
    // Only where it is the verb: it may be the name of a file, too.
    let mut at = 1;
    while let Some(word) = line.get(at) {
        match asked_at(&line, at) {
            Some((_, words)) => at += words,
            None if word.to_string_lossy().starts_with('-') || GROUPS.iter().any(|group| word == group) => {
                at += 1
            }
            None => break,
        }
    }
    if line.get(at).is_some_and(|word| word == "help") { without_it(&line, at) } else { line }
}

/// The line without the option from that word on.
pub(super) fn without_it(line: &[OsString], from: usize) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(word) = line.get(at) {
        match asked_at(line, at).filter(|_| at >= from) {
            Some((_, words)) => at += words,
            None => {
                kept.push(word.clone());
                at += 1;
            }
        }
    }
    kept
}

/// The language that the option asks for here, and how many words it takes. Behind `--` there are only names of files.
fn asked_at(line: &[OsString], at: usize) -> Option<(Lang, usize)> {
    if line.iter().take(at).any(|word| word == "--") {
        return None;
    }
    let word = line.get(at)?.to_str()?;
    let lang = |value: &str| Lang::from_str(value, false).ok();
    if word == OPTION {
        return Some((lang(line.get(at + 1)?.to_str()?)?, 2));
    }
    Some((lang(word.strip_prefix(OPTION)?.strip_prefix('=')?)?, 1))
}

/// The first that is set decides, even when it asks for a language that we do not have (POSIX, 8.2).
fn of_locale() -> Lang {
    let set = |name: &&str| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
    let japanese = |locale: &OsStr| locale.to_string_lossy().starts_with("ja");
    if locale.as_deref().is_some_and(japanese) { Lang::Ja } else { Lang::En }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_language_is_found_wherever_it_stands() {
        for text in ["kiwame --lang ja", "kiwame verify a --lang=ja", "kiwame help --lang ja verify"] {
            assert_eq!((0..9).find_map(|at| asked_at(&line(text), at)).map(|(lang, _)| lang), Some(Lang::Ja));
        }
        for text in
            ["kiwame --lang", "kiwame --lang fr", "kiwame verify -- --lang ja", "kiwame --language ja"]
        {
            assert_eq!((0..9).find_map(|at| asked_at(&line(text), at)), None, "{text}");
        }
    }

    #[test]
    fn behind_help_it_is_no_name_of_a_verb() {
        let without = |text| without_it_behind_help(line(text));
        assert_eq!(without("kiwame help --lang ja verify"), line("kiwame help verify"));
        assert_eq!(without("kiwame help verify --lang=ja"), line("kiwame help verify"));
        assert_eq!(without("kiwame --lang ja help verify"), line("kiwame --lang ja help verify"));
        let file = "kiwame verify help --report --lang=ja x";
        assert_eq!(without(file), line(file), "the name of a file");
        assert_eq!(without("kiwame help --lang fr"), line("kiwame help --lang fr"));
    }
}
