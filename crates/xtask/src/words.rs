//! `docs/findings.md`: every word that a report may say of an image, and what it means. Kinds of findings are asked for
//! it, and formats for their kinds of defects, whose meaning is the comment that stands on each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kiwame_appraisal::{Finding, Kind, Tier, Verdict, kinds};
use kiwame_image::DefectKind;

use crate::write;

const PAGE: &str = "docs/findings.md";
/// Where parsers note defects.
const PARSERS: [&str; 2] = ["crates/image/src", "crates/formats/src"];

/// Writes the page anew.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    write(&root.join(PAGE), page(root)?.as_bytes())?;
    println!("{PAGE}");
    Ok(())
}

fn page(root: &Path) -> Result<String, String> {
    let mut kinds: Vec<_> = kinds::all().collect();
    kinds.sort_by_key(|kind| kind.id);
    let kinds: String = kinds.into_iter().map(row).collect();
    let meanings: BTreeMap<_, _> =
        defects(root)?.into_iter().map(|defect| (defect.id, defect.meaning)).collect();
    let mut defects: Vec<_> = kiwame_formats::defects().collect();
    defects.sort_by_key(|kind| kind.id);
    let defects: String = defects.into_iter().map(|kind| defect_row(kind, &meanings)).collect();
    Ok(format!("{HEAD}{kinds}{DEFECTS}{defects}"))
}

const HEAD: &str = "\
<!-- Written by `cargo xtask words`. -->

# Findings

What a report may say of an image. Ids are stable: waivers name them, and signed manifests record those of defects.

The verdict follows from the findings by the third column and by nothing else: the worst that was found decides, in the order \
*contraindicated*, *cannot tell*, *warning*. A waiver of the policy takes the effect of one finding away. Words in braces stand \
for the finding's own.

| id | severity | effect on the verdict | in English | 日本語 |
|---|---|---|---|---|
";

const DEFECTS: &str = "
## Defects

Bytes that are not what the specification says. A finding about one carries the id of the format instead of `defect`, and its \
sentence names the field, what is there and what should be. Where real loaders could read the bytes differently it is \
`defect/ambiguous`: the image never affirms unless the signed manifest records this very defect. The second column has those.

| id | ambiguous | meaning |
|---|---|---|
";

fn defect_row(kind: &DefectKind, meanings: &BTreeMap<String, String>) -> String {
    let meaning = meanings.get(kind.id).map_or("", String::as_str);
    format!("| `{}` | {} | {} |\n", kind.id, if kind.ambiguous { "yes" } else { "" }, cell(meaning))
}

fn row(kind: &Kind) -> String {
    let Kind { id, severity, english, japanese, .. } = kind;
    format!("| `{id}` | {} | {} | {} | {} |\n", severity.name(), effect(kind), cell(english), cell(japanese))
}

/// What the verdict over an image is of which nothing else is found.
fn effect(kind: &Kind) -> String {
    let finding = kinds::all().find(|one| one.id == kind.id).map(Finding::new);
    let verdict = Verdict::of(&finding.into_iter().collect::<Vec<_>>());
    let Verdict { tier, exit, .. } = verdict;
    match tier {
        Tier::Affirming => "none".to_owned(),
        Tier::None => format!("*cannot tell*, exit {exit}"),
        Tier::Warning | Tier::Contraindicated => format!("*{}*, exit {exit}", tier.name()),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A kind of defect as its file has it: the meaning is the comment on the `static`.
#[derive(Debug)]
struct Defect {
    id: String,
    meaning: String,
}

/// The kinds of defects of all parsers, as they stand in the source.
fn defects(root: &Path) -> Result<Vec<Defect>, String> {
    let mut files = Vec::new();
    for folder in PARSERS {
        sources(&root.join(folder), &mut files)?;
    }
    let mut defects = Vec::new();
    for file in files {
        let code = read(&file)?;
        defects.extend(code.match_indices("static ").filter_map(|(at, _)| defect(&code, at)));
    }
    Ok(defects)
}

/// The kind of defect whose `static` stands at a place.
fn defect(code: &str, at: usize) -> Option<Defect> {
    let (_, kind) = code[at..].split_once(';')?.0.split_once(": DefectKind =")?;
    let id = kind.split('"').nth(1)?;
    let lines: Vec<_> = code[..at].lines().collect();
    let above = lines.iter().rev().skip(usize::from(!code[..at].ends_with('\n')));
    let mut meaning: Vec<_> = above.map_while(|line| line.strip_prefix("/// ")).collect();
    meaning.reverse();
    Some(Defect { id: id.to_owned(), meaning: meaning.join(" ") })
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// A file of the source, without its tests.
fn read(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let tests = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(crate) mod tests {"];
    let end = tests.iter().filter_map(|tests| text.find(tests)).min().unwrap_or(text.len());
    Ok(text[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_would_be_written_now() {
        let root = crate::root();
        let found = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
        assert!(found == page(&root).unwrap(), "{PAGE}: `cargo xtask words` writes it anew");
    }

    #[test]
    fn every_kind_that_stands_in_a_file_is_in_the_list_of_that_file() {
        let mut files = Vec::new();
        sources(&crate::root().join("crates/appraisal/src"), &mut files).unwrap();
        let count: usize =
            files.into_iter().map(|file| read(&file).unwrap().matches(": Kind = Kind {").count()).sum();
        assert_eq!(
            kinds::all().count(),
            count,
            "a `static` that no `KINDS` has is not reported as what it is"
        );
    }

    #[test]
    fn every_defect_that_stands_in_a_file_is_in_the_list_of_a_format_with_its_meaning() {
        let mut written: Vec<_> =
            defects(&crate::root()).unwrap().into_iter().map(|one| (one.id, one.meaning)).collect();
        written.sort();
        let mut listed: Vec<_> = kiwame_formats::defects().map(|kind| kind.id).collect();
        listed.sort_unstable();
        let ids: Vec<_> = written.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, listed, "what stands in the source, and what `DEFECTS` and `Format::defects` list");
        assert!(ids.windows(2).all(|two| two[0] != two[1]), "an id stands for one kind");
        assert!(ids.len() > 200, "{}", ids.len());
        for (id, meaning) in written {
            assert!(meaning.ends_with('.') && meaning.len() > 12, "{id}: {meaning:?}");
            assert!(kinds::all().all(|kind| kind.id != id), "{id} is a kind of findings");
        }
    }
}
