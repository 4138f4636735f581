//! What the command says about itself: completions, manual pages, versions.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use kiwame_image::{Problem, ProblemKind};
use kiwame_report::Lang;

use crate::args::Command;
use crate::engine;
use crate::output::{self, Readers};
use crate::problems;
use crate::sandbox::CORE_SHA256;

/// The files of which every field is told, the verb on whose page that stands, and the text, which `cargo xtask words` makes
/// of the tables of the readers.
const FILES: [(&str, &str, &str); 4] = [
    ("firmware.toml", "attest", include_str!("fields/firmware.toml.txt")),
    ("policy.toml", "policy", include_str!("fields/policy.txt")),
    ("manifest.json", "manifest", include_str!("fields/manifest.txt")),
    ("report.json", "report", include_str!("fields/report.txt")),
];

pub(crate) fn completions(shell: Shell) -> Result<u8, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "kiwame", &mut script);
    output::print(script.as_slice())?;
    Ok(0)
}

/// Everything that can stop a run, with what to do.
fn errors(lang: Lang) -> String {
    let mut kinds: Vec<&ProblemKind> = kiwame_verifier::problems::lists().concat();
    kinds.extend(problems::ALL);
    kinds.sort_by_key(|kind| kind.id);
    let told = |kind: &ProblemKind| {
        let [says, next] = [kind.says, kind.next].map(|text| lang.text(text));
        format!("{}  [exit {}]\n    {says}\n    {next}\n", kind.id, kind.exit)
    };
    kinds.into_iter().map(told).collect::<Vec<_>>().join("\n")
}

/// The page of the command or of one verb, the fields of a file as plain text, or all pages into a directory.
pub(crate) fn man(
    verb: Option<&str>,
    directory: Option<&Path>,
    force: bool,
    lang: Lang,
) -> Result<u8, Problem> {
    let mut root = Command::command();
    root.build();
    if let Some(directory) = directory {
        for command in
            std::iter::once(&root).chain(root.get_subcommands().filter(|verb| verb.get_name() != "help"))
        {
            let name = command.get_display_name().unwrap_or("kiwame");
            output::write(
                &directory.join(format!("{name}.1")),
                page(command)?.as_slice(),
                Readers::Usual,
                force,
            )?;
        }
        return Ok(0);
    }
    if let Some((_, _, fields)) = FILES.iter().find(|(file, _, _)| verb == Some(*file)) {
        output::print(fields.as_bytes())?;
        return Ok(0);
    }
    if verb == Some("errors") {
        output::print(errors(lang).as_bytes())?;
        return Ok(0);
    }
    let command = match verb {
        None => &root,
        Some(name) => root.find_subcommand(name).ok_or_else(|| Problem::new(&problems::NO_PAGE).of(name))?,
    };
    output::print(page(command)?.as_slice())?;
    Ok(0)
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Problem> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(problems::bug)?;
    for (_, _, fields) in FILES.iter().filter(|(_, verb, _)| command.get_name() == *verb) {
        page.extend(section(fields).into_bytes());
    }
    Ok(page)
}

/// A section of a page with the lines as they are.
fn section(fields: &str) -> String {
    let line = |line: &str| format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-"));
    format!(".SH FIELDS\n.nf\n{}.fi\n", fields.lines().map(line).collect::<String>())
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
