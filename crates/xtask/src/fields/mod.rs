//! `docs/fields.md`, the JSON Schemas beside it and what `kiwame man` says of a file: every field of `firmware.toml`, policies,
//! manifests and reports. The tables are the types by which the readers read, as they stand in the source.

mod japanese;
mod page;
mod rows;
mod schema;
mod source;
mod text;

use std::path::Path;

use source::Source;
use text::Words;

use crate::write;

/// One kind of file that has a reference.
#[derive(Debug)]
struct File {
    /// Its name, by which `kiwame man` prints it.
    name: &'static str,
    /// Name of its schema.
    schema: &'static str,
    /// What it is, in a sentence.
    about: &'static str,
    /// The type that it is read into.
    root: &'static str,
    /// Where the types are.
    sources: &'static [&'static str],
    /// What stands around an example.
    notation: Notation,
    /// Fields whose names begin with `x-` are allowed everywhere.
    open: bool,
}

/// In which language a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// TOML, whose names have hyphens.
    Toml,
    /// JSON, whose names have capitals inside.
    Json,
}

const FILES: [File; 4] = [
    File {
        name: "firmware.toml",
        schema: "kiwame-firmware-1",
        about: "What a maker writes once for a product; `kiwame attest --describe` reads it.",
        root: "Description",
        sources: &[
            "crates/verifier/src/describe.rs",
            "crates/trust/src/devices.rs",
            "crates/trust/src/entries.rs",
        ],
        notation: Notation::Toml,
        open: false,
    },
    File {
        name: "policy",
        schema: "kiwame-policy-1",
        about: "Whose signature counts for which product, and what else a buyer asks; `kiwame verify --policy` reads it, \
                `kiwame policy new` writes one to edit.",
        root: "File",
        sources: &[
            "crates/trust/src/policy.rs",
            "crates/trust/src/devices.rs",
            "crates/trust/src/entries.rs",
        ],
        notation: Notation::Toml,
        open: false,
    },
    File {
        name: "manifest",
        schema: "firmware-reference-manifest-v1",
        about: "The payload of a signed manifest; `kiwame attest` makes it and `kiwame manifest show` prints it. It lies in a DSSE \
                envelope of the type `application/vnd.in-toto+json`.",
        root: "Statement",
        sources: &["crates/trust/src/tables.rs"],
        notation: Notation::Json,
        open: true,
    },
    File {
        name: "report",
        schema: "kiwame-report-1.2",
        about: "What `inspect` and `verify` find, with `--format json`: canonical JSON (RFC 8785).",
        root: "Report",
        sources: &["crates/report/src/model.rs", "crates/report/src/device.rs"],
        notation: Notation::Json,
        open: false,
    },
];

/// Everything that is written, by its place.
fn files(root: &Path) -> Result<Vec<(String, String)>, String> {
    let source = Source::read(root)?;
    let mut files = vec![("docs/fields.md".to_owned(), page::page(&source))];
    for (file, tables) in FILES.iter().zip(&source.files) {
        files.push((schema::place(file), schema::text(&source, file, tables)?));
        let mut printed = |place: String, words| {
            files.push((format!("crates/cli/src/fields/{place}"), text::text(&source, file, tables, words)?));
            Ok::<_, String>(())
        };
        printed(format!("{}.txt", file.name), Words::English)?;
        // What people write themselves; the others are written and read by programs.
        if file.notation == Notation::Toml {
            printed(format!("{}.ja.txt", file.name), Words::Japanese)?;
        }
    }
    Ok(files)
}

/// Writes them anew.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    for (place, text) in files(root)? {
        write(&root.join(&place), text.as_bytes())?;
        println!("{place}");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
