//! What a reviewer should not have to check by hand. `BLESS=1` writes the generated part of the README anew.

use std::fs;
use std::path::{Path, PathBuf};

const CORE: [&str; 7] = ["image", "decode", "formats", "trust", "appraisal", "report", "verifier"];
const STRICT: &str = "#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects, \
                      clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, \
                      clippy::print_stdout, clippy::print_stderr, clippy::float_arithmetic)]";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_core_crate_forbids_unsafe_and_carries_the_strict_lints() {
    let plain = |text: &str| text.split_whitespace().collect::<String>().replace(",)", ")");
    for name in CORE {
        let text = read(format!("crates/{name}/src/lib.rs"));
        assert!(text.contains("#![forbid(unsafe_code)]"), "{name}");
        assert!(plain(&text).contains(&plain(STRICT)), "{name}: the strict lints are missing or changed");
    }
    for name in ["trust", "appraisal"] {
        assert!(
            read(format!("crates/{name}/src/lib.rs")).contains("#![deny(clippy::wildcard_enum_match_arm)]")
        );
    }
}

#[test]
fn the_core_asks_nobody_for_time_chance_or_files() {
    let banned = [
        "std::time",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "HashMap",
        "HashSet",
        "rand::",
        "println!",
    ];
    for name in CORE {
        let mut files = Vec::new();
        sources(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("readable");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines {
                let word = banned.iter().find(|word| line.contains(*word));
                assert!(word.is_none(), "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn every_format_has_a_file_that_names_its_loader_ambiguities_and_limitations() {
    let list = read("crates/formats/src/lib.rs");
    let list = list
        .split("FORMATS: &[&dyn Format] = &[")
        .nth(1)
        .and_then(|rest| rest.split("];").next())
        .expect("the list");
    let entries: Vec<_> = list.lines().filter_map(|line| line.trim().strip_prefix('&')).collect();
    assert_eq!(entries.len(), kiwame_formats::FORMATS.len(), "one line each");
    for entry in entries {
        let module = entry.split("::").next().expect("a module");
        // A format of several files says it in the first of its folder.
        let file = format!("crates/formats/src/{module}.rs");
        let file =
            if root().join(&file).exists() { file } else { format!("crates/formats/src/{module}/mod.rs") };
        let text = read(file);
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for word in ["Loader", "Ambiguities", "Limitations"] {
            assert!(head.contains(word), "{module}: its documentation says nothing of \"{word}\"");
        }
    }
}

#[test]
fn the_table_of_the_readme_is_that_of_the_code() {
    let rows = kiwame_formats::FORMATS
        .iter()
        .map(|format| format!("| `{}` | {} |\n", format.name(), format.about()));
    let table = format!("| format | what is understood |\n|---|---|\n{}", rows.collect::<String>());
    let text = read("README.md");
    let (before, rest) = text.split_once("<!-- formats -->\n").expect("the mark where the table begins");
    let (found, after) = rest.split_once("<!-- end -->").expect("the mark where it ends");
    if std::env::var_os("BLESS").is_some() {
        fs::write(root().join("README.md"), format!("{before}<!-- formats -->\n{table}<!-- end -->{after}"))
            .expect("writable");
    } else {
        assert_eq!(found, table, "BLESS=1 writes it anew");
    }
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    for file in files.into_iter().filter(|file| !file.ends_with("tidy.rs")) {
        let text = fs::read_to_string(&file).expect("readable");
        for word in ["TODO", "FIXME", "XXX", "unimplemented!", "todo!"] {
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
}
