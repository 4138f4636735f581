//! What the command says about itself: completions, manual pages, versions.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use kiwame_image::{Problem, ProblemKind};
use serde_json::json;

use crate::args::{Command, Common, Lang};
use crate::engine;
use crate::output::{self, Readers};
use crate::problems;
use crate::sandbox::CORE_SHA256;
use crate::usage;

/// A file of which every field is told.
struct Fields {
    file: &'static str,
    /// The verb on whose page that stands.
    verb: &'static str,
    /// The text, which `cargo xtask words` makes of the tables of the readers.
    english: &'static str,
    /// The same of what people write themselves.
    japanese: Option<&'static str>,
}

const FILES: [Fields; 4] = [
    Fields {
        file: "firmware.toml",
        verb: "attest",
        english: include_str!("fields/firmware.toml.txt"),
        japanese: Some(include_str!("fields/firmware.toml.ja.txt")),
    },
    Fields {
        file: "policy.toml",
        verb: "policy",
        english: include_str!("fields/policy.txt"),
        japanese: Some(include_str!("fields/policy.ja.txt")),
    },
    Fields {
        file: "manifest.json",
        verb: "manifest",
        english: include_str!("fields/manifest.txt"),
        japanese: None,
    },
    Fields {
        file: "report.json",
        verb: "report",
        english: include_str!("fields/report.txt"),
        japanese: None,
    },
];

impl Fields {
    /// The text, and what stands above it.
    fn text(&self, lang: Lang) -> (String, &'static str) {
        match (lang, self.japanese) {
            (Lang::En, _) => (format!("Every field of {}:", self.file), self.english),
            (Lang::Ja, Some(japanese)) => (format!("{} の全項目:", self.file), japanese),
            (Lang::Ja, None) => (format!("{} の全項目(英語):", self.file), self.english),
        }
    }
}

pub(crate) fn completions(shell: Shell) -> Result<u8, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "kiwame", &mut script);
    output::print(script.as_slice())?;
    Ok(0)
}

/// Everything that can stop a run, with what to do.
fn errors(lang: kiwame_report::Lang) -> String {
    let mut kinds: Vec<&ProblemKind> = kiwame_verifier::problems::lists().concat();
    kinds.extend(problems::ALL);
    kinds.sort_by_key(|kind| kind.id);
    let told = |kind: &ProblemKind| {
        let [says, next] = [kind.says, kind.next].map(|text| lang.text(text));
        format!("{}  [exit {}]\n    {says}\n    {next}\n", kind.id, kind.exit)
    };
    kinds.into_iter().map(told).collect::<Vec<_>>().join("\n")
}

/// The manual of the command or of one verb or the fields of a file as plain text, or all pages into a directory.
pub(crate) fn man(verb: Option<&str>, directory: Option<&Path>, common: &Common) -> Result<u8, Problem> {
    let lang = common.lang.unwrap_or(Lang::En);
    let root = usage::command(lang);
    if let Some(directory) = directory {
        write_pages(&root, lang, directory, common.force)?;
        return Ok(0);
    }
    if let Some(fields) = FILES.iter().find(|fields| verb == Some(fields.file)) {
        output::print(fields.text(lang).1.as_bytes())?;
        return Ok(0);
    }
    if verb == Some("errors") {
        output::print(errors(common.language()).as_bytes())?;
        return Ok(0);
    }
    let command = match verb {
        None => &root,
        Some(name) => root.find_subcommand(name).ok_or_else(|| Problem::new(&problems::NO_PAGE).of(name))?,
    };
    output::print(manual(command, lang).as_bytes())?;
    Ok(0)
}

/// The verbs below a command that a manual speaks of.
fn below(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set())
}

/// What a person reads: the help of a verb and of those below it, and the fields of its file.
fn manual(command: &clap::Command, lang: Lang) -> String {
    let mut texts = vec![command.clone().render_long_help().to_string()];
    // Each verb has a manual of its own, and what goes for all stands in that of the whole once.
    if command.get_name() != "kiwame" {
        let without = |arg: clap::Arg| {
            let for_all = arg.is_global_set();
            arg.hide(for_all)
        };
        texts
            .extend(below(command).map(|verb| verb.clone().mut_args(without).render_long_help().to_string()));
    }
    let line = "-".repeat(70);
    let mut text = usage::fitted(&texts.join(&format!("\n{line}\n\n")), lang);
    for fields in FILES.iter().filter(|fields| command.get_name() == fields.verb) {
        let (head, fields) = fields.text(lang);
        text.push_str(&format!("\n{line}\n\n{head}\n\n{fields}"));
    }
    text
}

/// Writes the pages of a command and of all below it, as `man` reads them.
fn write_pages(command: &clap::Command, lang: Lang, directory: &Path, force: bool) -> Result<(), Problem> {
    let name = command.get_display_name().unwrap_or("kiwame");
    let path = directory.join(format!("{name}.1"));
    output::write(&path, page(command, lang)?.as_bytes(), Readers::Usual, force)?;
    below(command).try_for_each(|verb| write_pages(verb, lang, directory, force))
}

fn page(command: &clap::Command, lang: Lang) -> Result<String, Problem> {
    let man = Man::new(command.clone()).source(concat!("kiwame ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    let mut render = || -> std::io::Result<()> {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if below(command).next().is_some() {
            man.render_subcommands_section(&mut page)?;
        }
        Ok(())
    };
    render().map_err(problems::bug)?;
    let mut page = String::from_utf8(page).map_err(problems::bug)?;
    if let Some(help) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        page.push_str(&section("NOTES", &help.to_string()));
    }
    for fields in FILES.iter().filter(|fields| command.get_name() == fields.verb) {
        page.push_str(&section("FIELDS", fields.text(lang).1));
    }
    Ok(match lang {
        Lang::En => page,
        Lang::Ja => in_japanese(&page),
    })
}

/// Japanese headings, each possible value on a line of its own, and no blanks to fill lines, which Japanese has too few of.
fn in_japanese(page: &str) -> String {
    let page = page.replacen(".SH ", ".ad l\n.SH ", 1).replace("\n\\- ", "\n.br\n\\- ");
    HEADINGS.iter().fold(page, |page, (english, japanese)| {
        page.replace(&format!(".SH {english}\n"), &format!(".SH {japanese}\n"))
    })
}

/// Headings of pages.
const HEADINGS: [(&str, &str); 7] = [
    ("NAME", "名前"),
    ("SYNOPSIS", "書式"),
    ("DESCRIPTION", "説明"),
    ("OPTIONS", "引数とオプション"),
    ("SUBCOMMANDS", "コマンド"),
    ("NOTES", "補足"),
    ("FIELDS", "全項目"),
];

/// A section of a page with the lines as they are.
fn section(heading: &str, text: &str) -> String {
    let line = |line: &str| format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-"));
    format!(".SH {heading}\n.nf\n{}.fi\n", text.lines().map(line).collect::<String>())
}

pub(crate) fn version(as_json: bool) -> Result<u8, Problem> {
    let version = env!("CARGO_PKG_VERSION");
    let schema = kiwame_report::SCHEMA_VERSION;
    let text = if as_json {
        let fields = json!({
            "name": "kiwame",
            "version": version,
            "coreSha256": CORE_SHA256,
            "wasmtime": engine::WASMTIME,
            "schemaVersion": schema,
        });
        format!("{fields}\n")
    } else {
        format!(
            "kiwame {version}\ncore sha256 {CORE_SHA256}\nwasmtime {}\nreport schema {schema}\n",
            engine::WASMTIME
        )
    };
    output::print(text.as_bytes())?;
    Ok(0)
}
