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

/// The modules of all formats, as the families list them, in that order: `medium/fill`.
fn modules() -> Vec<String> {
    let mut modules = Vec::new();
    let list = read("crates/formats/src/lib.rs");
    let (_, list) = list.split_once("FAMILIES: &[Family] = &[").expect("the families");
    let (list, _) = list.split_once("];").expect("their end");
    for line in list.lines().filter(|line| line.contains("Family {")) {
        let (_, formats) = line.split_once("formats: ").expect("formats");
        let Some(family) = formats.strip_suffix("::FORMATS },") else {
            let one = formats.trim_start_matches("&[&").split(']').next().expect("one format");
            let (module, _) = one.rsplit_once("::").expect("a module");
            modules.push(module.replace("::", "/"));
            continue;
        };
        let text = read(format!("crates/formats/src/{family}/mod.rs"));
        let (_, entries) = text.split_once("static FORMATS: &[&dyn Format] =").expect("the list");
        // One line, or a line each.
        let (entries, _) = entries.split_once("];").expect("its end");
        let names = entries.split(',').map(|entry| entry.trim_matches([' ', '\n', '&', '[']));
        for entry in names.filter(|entry| !entry.is_empty()) {
            let (module, _) = entry.rsplit_once("::").expect("a module");
            modules.push(format!("{family}/{}", module.replace("::", "/")));
        }
    }
    assert_eq!(modules.len(), kiwame_formats::formats().count(), "{modules:?}");
    modules
}

/// The documentation at the head of the file of a format; of several files it is the first of their folder.
fn head_of(module: &str) -> String {
    let file = format!("crates/formats/src/{module}.rs");
    let file = if root().join(&file).exists() { file } else { format!("crates/formats/src/{module}/mod.rs") };
    let text = read(file);
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| line.trim_start_matches("//!").trim()).collect::<Vec<_>>().join("\n")
}

/// What a format's documentation says that it does not do, on one line.
fn limitations(module: &str) -> String {
    let head = head_of(module);
    let (_, behind) = head.split_once("Limitations:").unwrap_or_else(|| panic!("{module}: no limitations"));
    let paragraph = behind.split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[test]
fn every_format_has_a_file_that_names_its_loader_ambiguities_and_limitations() {
    for module in modules() {
        let head = head_of(&module);
        for word in ["Loader", "Ambiguities", "Limitations:"] {
            assert!(head.contains(word), "{module}: its documentation says nothing of \"{word}\"");
        }
    }
}

#[test]
fn every_module_of_a_family_is_a_file_that_is_listed() {
    for family in families() {
        let folder = root().join("crates/formats/src").join(&family);
        let list = read(format!("crates/formats/src/{family}/mod.rs"));
        let declared = |name: &str| list.contains(&format!("mod {name};"));
        for entry in fs::read_dir(&folder).expect("a folder") {
            let name = entry.expect("readable").file_name().into_string().expect("a name");
            let name = name.trim_end_matches(".rs");
            assert!(name == "mod" || declared(name), "{family}/{name} is no module");
        }
    }
}

/// The folders of the formats.
fn families() -> Vec<String> {
    let entries = fs::read_dir(root().join("crates/formats/src")).expect("the folder").flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let names: Vec<_> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    assert!(names.len() >= 7, "{names:?}");
    names
}

#[test]
fn the_table_of_the_readme_is_that_of_the_code() {
    let mut modules = modules().into_iter();
    let mut table = String::new();
    for family in kiwame_formats::FAMILIES {
        table += &format!(
            "\n**{}**\n\n| format | what is understood | limitations |\n|---|---|---|\n",
            family.title
        );
        for format in family.formats {
            let module = modules.next().expect("as many modules as formats");
            table += &format!("| `{}` | {} | {} |\n", format.name(), format.about(), limitations(&module));
        }
    }
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

/// Rules without a golden case named for them, and what holds them instead.
const OTHERWISE: &[(u32, &str)] = &[
    (
        8,
        "no format is opened yet that knows that its content is encrypted: what is not understood is unexplained",
    ),
    (18, "tests/browser: a key that came with the image stays at warning"),
    (22, "no log is read yet"),
    (23, "every `inspect_*` case has the tier none"),
    (25, "reports are rendered, not appraised anew, yet"),
    (26, "no lots yet"),
    (28, "the next steps that the renderings tell: tests/browser, \"next steps are told once\""),
    (30, "crates/appraisal/src/gate.rs: each class of leaf that is not accounted for"),
];

#[test]
fn rules_that_are_cited_exist_and_each_has_its_case() {
    let rules = read("RULES.md");
    let known: Vec<u32> = rules.lines().filter_map(|line| line.split_once(". ")?.0.parse().ok()).collect();
    assert_eq!(
        known,
        (1..=u32::try_from(known.len()).expect("few")).collect::<Vec<_>>(),
        "each once, in order"
    );
    assert!(known.len() >= 33);
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        for rest in text.split("RULES ").skip(1) {
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let fits = number.parse().map_or(true, |number| known.contains(&number));
            assert!(fits, "{}: there is no rule {number}", file.display());
        }
    }
    let cases = fs::read_dir(root().join("tests/golden")).expect("the cases").flatten();
    let names: Vec<_> = cases.filter_map(|case| case.file_name().into_string().ok()).collect();
    for rule in known {
        let named = names.iter().any(|name| name.starts_with(&format!("rule_{rule:02}_")));
        let otherwise = OTHERWISE.iter().any(|(number, _)| *number == rule);
        assert!(
            named != otherwise,
            "rule {rule}: a case named for it, or a word of what holds it, and not both"
        );
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
