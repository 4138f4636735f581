//! `docs/fields.md`.

use std::fmt::Write as _;

use super::rows::rows;
use super::source::{Form, Grammar, Source, Table};
use super::{FILES, File, schema};

const HEAD: &str = "\
<!-- Written by `cargo xtask words`. -->

# Fields

Every field of the files that kiwame reads and writes, made of the types by which it reads them. All tables are closed: a field that \
is not listed is refused, so that a misspelt one cannot be overlooked; in manifests, names that begin with `x-` are free. `[]` stands \
behind lists, in TOML `[[layout]]` or `[{ … }]`. Names have hyphens in TOML (`hardware-revisions`) and capitals inside in JSON \
(`hardwareRevisions`), and are the same words otherwise; a list of tables is named in the singular in TOML, since each `[[layout]]` \
begins one, and in the plural in JSON.

`kiwame man firmware.toml`, `policy.toml`, `manifest.json` and `report.json` print the same, and it stands on the manual pages of \
`attest`, `policy`, `manifest` and `report`.

## In an editor

`docs/schemas` has a JSON Schema (draft 2020-12) of each. An editor with a TOML server such as taplo (in VS Code: Even Better TOML) \
completes and checks a file whose first line names its schema:

```toml
#:schema ./docs/schemas/kiwame-firmware-1.schema.json
schema = \"kiwame-firmware/1\"
```

The path is from the file, or a URL. Other editors are told which schema a name has, by the file or by its `$id`:

| file | schema | `$id` |
|---|---|---|
";

pub(super) fn page(source: &Source) -> String {
    let mut page = HEAD.to_owned();
    for file in &FILES {
        let place = schema::place(file);
        let place = place.trim_start_matches("docs/");
        let _ = writeln!(page, "| {} | [`{place}`]({place}) | `{}` |", file.name, schema::id(file));
    }
    for (file, tables) in FILES.iter().zip(&source.files) {
        page += &table(source, file, tables);
    }
    page += SAME;
    for (what, places) in ELSEWHERE {
        let places = places.iter().map(|(file, path)| format!("{file} `{path}`")).collect::<Vec<_>>();
        let _ = writeln!(page, "| {what} | {} |", places.join("<br>"));
    }
    page += FORMS;
    source.forms.iter().for_each(|form| page += &form_row(form));
    page += GRAMMARS;
    source.grammars.iter().for_each(|grammar| page += &grammar_row(grammar));
    page
}

fn table(source: &Source, file: &File, tables: &[Table]) -> String {
    let mut text = format!(
        "\n## {}\n\n{}\n\n| field | holds | needed | meaning | example |\n|---|---|---|---|---|\n",
        file.name, file.about
    );
    let form = |name: &str| format!("[{name}](#forms)");
    for row in rows(tables) {
        let (holds, need) = (row.holds(source, &form), row.need());
        let example = row.field.example.as_ref().map(|example| format!("`{example}`")).unwrap_or_default();
        let cells = [format!("`{}`", row.path), holds, need, row.meaning(), example];
        let _ = writeln!(text, "| {} |", cells.map(|text| cell(&text)).join(" | "));
    }
    text
}

const SAME: &str = "
## The same thing in several files

Where one is not spelt as the other: fields of in-toto (`subject`, `digest`) are named as it names them, and a policy and a report say in \
one text what a manifest says in several.

| what | where |
|---|---|
";

/// What has a name of its own in some file: where it stands.
pub(super) const ELSEWHERE: [(&str, &[(&str, &str)]); 7] = [
    (
        "the release",
        &[
            ("firmware.toml", "release.version"),
            ("manifest", "predicate.release.version"),
            ("policy", "rule[].release"),
            ("report", "manifests[].release"),
        ],
    ),
    (
        "maker and model",
        &[
            ("firmware.toml", "product.vendor"),
            ("manifest", "predicate.product.vendor"),
            ("policy", "rule[].vendor"),
            ("report", "manifests[].product"),
        ],
    ),
    (
        "the rule for a place",
        &[("firmware.toml", "mutable[].rule"), ("manifest", "predicate.mutable[].rule.type")],
    ),
    (
        "what is there in place of what should be",
        &[
            ("manifest", "predicate.images[].regions[].defects[].found"),
            ("policy", "waiver[].found"),
            ("report", "findings[].actual"),
        ],
    ),
    (
        "bytes of a space",
        &[
            ("manifest", "predicate.images[].regions[].span"),
            ("report", "regions[].offset"),
            ("report", "regions[].length"),
        ],
    ),
    (
        "digest of a region",
        &[("manifest", "predicate.images[].regions[].digests"), ("report", "regions[].sha256")],
    ),
    (
        "digest of a document",
        &[("firmware.toml", "reference[].sha256"), ("manifest", "predicate.references[].digest")],
    ),
];

const FORMS: &str = "
## Forms

What a text holds, where *holds* above says more than *text*.

| form | meaning | example |
|---|---|---|
";

fn form_row(form: &Form) -> String {
    let words = form.words.iter().map(|(word, meaning)| match meaning.as_str() {
        "" => format!("`{word}`"),
        meaning => format!("`{word}`: {meaning}"),
    });
    let brief = form.words.iter().all(|(_, meaning)| meaning.is_empty());
    let words = words.collect::<Vec<_>>().join(if brief { ", " } else { "<br>" });
    let break_ = if words.is_empty() { "" } else { "<br>" };
    let example = form.example.as_ref().map(|example| format!("`{example}`")).unwrap_or_default();
    format!("| {} | {}{break_}{} | {} |\n", form.name(), cell(&form.meaning), cell(&words), cell(&example))
}

const GRAMMARS: &str = "
## Grammars

What the value of a setting may be (`keys[].value`). A value keeps to it whole; an empty one keeps to none but `bytes` and `exactly:`. \
*Length* says whether a value has just so many signs or so many at most; behind `hex` bytes stand in hexadecimal.

| grammar | length | meaning | example | takes |
|---|---|---|---|---|
";

fn grammar_row(grammar: &Grammar) -> String {
    let Grammar { spelling, length, meaning, example, takes, .. } = grammar;
    let takes = match takes.strip_prefix("hex ") {
        Some(bytes) => format!("hex `{bytes}`"),
        None => format!("`{takes}`"),
    };
    let cells = [
        format!("`{spelling}`"),
        length.clone().unwrap_or_default(),
        meaning.clone(),
        format!("`{example}`"),
        takes,
    ];
    format!("| {} |\n", cells.map(|text| cell(&text)).join(" | "))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
