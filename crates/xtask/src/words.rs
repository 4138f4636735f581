//! `docs/findings.md`: every word that a report may say of an image, and what it means. Kinds of findings are asked for
//! it; the ids of defects, which stand where a parser finds them, are read from the source of the formats.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kiwame_appraisal::{Finding, Kind, Tier, Verdict, kinds};

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
    let defects: String = defects(root)?.iter().map(|(id, defect)| defect.row(id)).collect();
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
`defect/ambiguous`: the image never affirms unless the signed manifest records this very defect. Where the table has no value \
in its third column, what should be there depends on other bytes of the image, and the finding says it. The fourth is as the \
source has it where the defect is noted: one that is ambiguous may be so only beside something else, and a format may make \
ambiguous what it does not say itself.

| id | field | should be | ambiguous |
|---|---|---|---|
";

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

/// What the source says of one id, wherever it stands.
#[derive(Debug, Default)]
struct Noted {
    fields: BTreeSet<String>,
    expected: BTreeSet<String>,
    /// Some note it as ambiguous, and some do not.
    ambiguous: BTreeSet<bool>,
}

impl Noted {
    fn row(&self, id: &str) -> String {
        let list = |words: &BTreeSet<String>| cell(&words.iter().cloned().collect::<Vec<_>>().join("; "));
        let differ = match (self.ambiguous.contains(&true), self.ambiguous.contains(&false)) {
            (true, true) => "in part",
            (true, false) => "yes",
            (false, _) => "",
        };
        format!("| `{id}` | {} | {} | {differ} |\n", list(&self.fields), list(&self.expected))
    }
}

/// The ids of all defects.
fn defects(root: &Path) -> Result<BTreeMap<String, Noted>, String> {
    let mut files = Vec::new();
    for folder in PARSERS {
        sources(&root.join(folder), &mut files)?;
    }
    let all = files.into_iter().map(Source::read).collect::<Result<Vec<_>, _>>()?;
    let mut noted = BTreeMap::new();
    for source in &all {
        source.collect(&all, &mut noted);
    }
    Ok(noted)
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

/// A file of a parser.
struct Source {
    path: PathBuf,
    code: String,
}

impl Source {
    /// Reads a file and leaves out its tests and comments.
    fn read(path: PathBuf) -> Result<Self, String> {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.flat_map(|line| [line, "\n"]).collect();
        Ok(Self { path, code })
    }

    /// Enters every id of the file, with what the calls say that take it.
    fn collect(&self, all: &[Self], noted: &mut BTreeMap<String, Noted>) {
        for (at, id) in ids(&self.code) {
            let before = self.code[..at].trim_end();
            let one: &mut Noted = noted.entry(id.to_owned()).or_default();
            if id.ends_with("/truncated") {
                one.fields.insert("the one that is read".to_owned());
                one.expected.insert("as many bytes as it has".to_owned());
            }
            if before.ends_with('(') {
                self.call(before.len() - 1, all, one);
            } else if let Some(name) = before.strip_suffix('=').and_then(name_of_let) {
                // It is noted where its name stands: a constant anywhere, a local name behind it.
                if name.chars().all(|sign| sign.is_ascii_uppercase() || sign == '_') {
                    all.iter().for_each(|source| source.uses(0, name, all, one));
                } else {
                    self.uses(at, name, all, one);
                }
            } else if let Some(name) = before.strip_suffix(':').and_then(last_word) {
                // The field of a table: whoever has the table notes it.
                all.iter().for_each(|source| source.uses(0, name, all, one));
            }
        }
    }

    /// Takes what the calls behind a place say whose first argument has that name, or is a field of that name.
    fn uses(&self, from: usize, name: &str, all: &[Self], one: &mut Noted) {
        for (at, new) in self.code.match_indices("Defect::new(").filter(|(at, _)| *at >= from) {
            let first = self.code[at + new.len()..].split(',').next().unwrap_or_default().trim();
            if first == name || first.strip_suffix(name).is_some_and(|table| table.ends_with('.')) {
                self.call(at + new.len() - 1, all, one);
            }
        }
    }

    /// Takes what one call says: the field behind the id, and what should be there as the last argument.
    fn call(&self, open: usize, all: &[Self], one: &mut Noted) {
        let Some((arguments, behind)) = arguments(&self.code[open..]) else { return };
        let field = arguments.get(1).and_then(|argument| literal(argument));
        one.fields.extend(field.map(str::to_owned));
        if let (Some(last), true) = (arguments.last(), arguments.len() > 3) {
            one.expected.extend(literal(last).or_else(|| number(last)).map(str::to_owned));
        }
        // Either at once, or by the function that makes it, or by the name that it is given.
        let before = &self.code[..open];
        let by_helper = last_word(before)
            .and_then(|name| self.body(name, all))
            .is_some_and(|body| body.contains(AMBIGUOUS));
        let by_name = given_name(before).is_some_and(|name| {
            let rest = behind.split("fn ").next().unwrap_or_default();
            let called = rest.contains(&format!("{name}(")) && rest.contains(&format!("){AMBIGUOUS}"));
            called || rest.contains(&format!("{name}{AMBIGUOUS}"))
        });
        one.ambiguous.insert(behind.trim_start().starts_with(AMBIGUOUS) || by_helper || by_name);
    }

    /// The body of a function of this file, or of those beside it.
    fn body<'s>(&'s self, name: &str, all: &'s [Self]) -> Option<&'s str> {
        let beside = all.iter().filter(|other| other.path.parent() == self.path.parent());
        let mut files = core::iter::once(self).chain(beside);
        let start = format!("\nfn {name}(");
        let body = files.find_map(|file| file.code.split_once(&start));
        body.and_then(|(_, body)| body.split("\n}").next())
    }
}

const AMBIGUOUS: &str = ".ambiguous()";

/// The name in `let NAME` or `const NAME: &str`, at the end of a text.
fn name_of_let(before: &str) -> Option<&str> {
    let line = before.trim_end().lines().last()?;
    let (_, name) = line.rsplit_once("let ").or_else(|| line.rsplit_once("const "))?;
    name.split(':').next().map(str::trim)
}

/// The name that what a statement makes is given.
fn given_name(before: &str) -> Option<&str> {
    let statement = before.rsplit([';', '{', '}']).next()?;
    let (name, _) = statement.trim_start().strip_prefix("let ")?.split_once(['=', ':'])?;
    Some(name.trim())
}

/// The word at the end of a text.
fn last_word(text: &str) -> Option<&str> {
    text.rsplit(|sign: char| !sign.is_alphanumeric() && sign != '_').next().filter(|word| !word.is_empty())
}

/// The places of all ids of a text. Paths of files look alike, and forms have a version.
fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let word = |word: &str| {
        let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
        !word.is_empty() && word.chars().all(plain) && !word.chars().all(|sign| sign.is_ascii_digit())
    };
    let is_id = move |id: &str| {
        id.split_once('/').is_some_and(|(format, what)| word(format) && word(what) && format != "etc")
    };
    text.match_indices('"').filter_map(move |(at, _)| {
        let (id, _) = text[at + 1..].split_once('"')?;
        (is_id(id) && !text[..at].ends_with("starts_with(")).then_some((at, id))
    })
}

/// The arguments of a call that begins with its parenthesis, and what follows it.
fn arguments(call: &str) -> Option<(Vec<&str>, &str)> {
    let (mut depth, mut quoted, mut escaped, mut from) = (0_usize, false, false, 1);
    let mut arguments = Vec::new();
    for (at, sign) in call.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    arguments.push(call[from..at].trim());
                    arguments.retain(|argument| !argument.is_empty());
                    return Some((arguments, &call[at + 1..]));
                }
            }
            ',' if depth == 1 => {
                arguments.push(call[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// The text of an argument that is one literal.
fn literal(argument: &str) -> Option<&str> {
    let text = argument.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('"')).then_some(text)
}

/// The number of an argument that is one, without its type.
fn number(argument: &str) -> Option<&str> {
    let digits = argument
        .strip_suffix("u64")
        .or_else(|| argument.strip_suffix("u32"))
        .or_else(|| argument.strip_suffix("u8"));
    let digits = digits.map(|digits| digits.trim_end_matches('_'));
    digits.filter(|digits| digits.starts_with(|sign: char| sign.is_ascii_digit()))
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
        let count: usize = files
            .into_iter()
            .map(|file| Source::read(file).unwrap().code.matches(": Kind = Kind {").count())
            .sum();
        assert_eq!(
            kinds::all().count(),
            count,
            "a `static` that no `KINDS` has is not reported as what it is"
        );
    }

    #[test]
    fn no_defect_has_the_id_of_a_kind_and_those_that_judges_know_are_there() {
        let defects = defects(&crate::root()).unwrap();
        assert!(kinds::all().all(|kind| !defects.contains_key(kind.id)));
        assert!(defects.len() > 150, "{}", defects.len());
        for end in kiwame_appraisal::CUT_SHORT {
            assert!(defects.keys().any(|id| id.ends_with(end)), "no defect ends with {end}");
        }
    }

    #[test]
    fn calls_are_read_with_whatever_stands_in_them() {
        let text = "const FIRST: &str = \"a/first\";\n out.defect(Defect::new(FIRST, \"Size\", at, (1, 2), \"a, (b\"));\n\
                    Err(odd(\"a/second\", \"Kind\", place, 1, 0u64))\nfn odd(id: &str) -> Defect {\n    x.ambiguous()\n}\n";
        let mut noted = BTreeMap::new();
        let source = Source { path: PathBuf::new(), code: text.to_owned() };
        source.collect(core::slice::from_ref(&source), &mut noted);
        let rows: Vec<_> = noted.iter().map(|(id, one)| one.row(id)).collect();
        assert_eq!(rows, ["| `a/first` | Size | a, (b |  |\n", "| `a/second` | Kind | 0 | yes |\n"]);
    }
}
