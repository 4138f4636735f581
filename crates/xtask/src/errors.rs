//! `docs/errors.md`: everything that can stop a run, in both languages, with what to do.

use std::path::Path;

use kiwame_image::{ProblemKind, Text};

use crate::write;

#[allow(dead_code, reason = "the list alone is wanted here")]
#[path = "../../cli/src/problems.rs"]
mod command;

const PAGE: &str = "docs/errors.md";

/// Writes the page anew.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    write(&root.join(PAGE), page().as_bytes())?;
    println!("{PAGE}");
    Ok(())
}

fn page() -> String {
    let mut kinds: Vec<&ProblemKind> = kiwame_verifier::problems::lists().concat();
    kinds.extend(command::ALL);
    kinds.sort_by_key(|kind| kind.id);
    let rows: String = kinds.into_iter().map(row).collect();
    format!("{HEAD}{rows}")
}

const HEAD: &str = "\
<!-- Written by `cargo xtask words`. -->

# Errors

What can stop a run, before or instead of a verdict. The command prints the file or argument, the sentence, `[id, exit N]`, and \
below it what to do; the page has steps of its own. Words in braces stand for the case's own. Where a manifest is not trusted \
the same sentence stands in the finding `trust/not-verified`, with the id in `args.why-id`, and the exit code is 4.

| id | exit | in English | what to do | 日本語 | 対処 |
|---|---|---|---|---|---|
";

fn row(kind: &ProblemKind) -> String {
    let ProblemKind { id, exit, says: Text { english, japanese }, next } = kind;
    let cells = [english, next.english, japanese, next.japanese].map(|text| text.replace('|', "\\|"));
    format!("| `{id}` | {exit} | {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_would_be_written() {
        let there = std::fs::read_to_string(crate::root().join(PAGE)).expect("the page");
        assert_eq!(there, page(), "run `cargo xtask words`");
    }

    #[test]
    fn ids_are_each_used_once() {
        let page = page();
        let mut ids: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")).collect();
        let count = ids.len();
        ids.dedup_by_key(|line| line.split('`').next().unwrap_or_default().to_owned());
        assert!(ids.len() == count && count > 80, "{count}");
    }
}
