//! The pages are what would be written now, the schemas take what is in the repository and nothing misspelt, and the tables are
//! those of the readers.

use std::collections::BTreeSet;
use std::fs;

use kiwame_image::Memory;
use kiwame_samples::{SampleError, golden, test_key};
use kiwame_trust::{Manifest, Policy};
use serde_json::{Map, Value};

use super::source::{Sort, Source, Table, camel};
use super::*;

fn source() -> Source {
    Source::read(&crate::root()).unwrap()
}

/// The schema of a file of `FILES`, with what checks its patterns.
struct Schema {
    root: Value,
    source: Source,
}

impl Schema {
    fn of(name: &str) -> Self {
        let source = source();
        let at = FILES.iter().position(|file| file.name == name).unwrap();
        let root = schema::schema(&source, &FILES[at], &source.files[at]).unwrap();
        Self { root, source }
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        self.holds(&self.root, value, "")
    }

    /// Every keyword that the schemas use; another is an error, so that none is written and not checked here.
    fn holds(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Value::Object(keywords) = schema else { return Ok(()) };
        for (keyword, said) in keywords {
            let holds = match keyword.as_str() {
                "$ref" => {
                    let name = said.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.holds(&self.root["$defs"][name], value, at)?;
                    self.root["$defs"].get(name).is_some()
                }
                "type" => match said.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64(),
                    _ => false,
                },
                "const" => said == value,
                "enum" => said.as_array().unwrap().contains(value),
                "minimum" => value.as_u64() >= said.as_u64(),
                "maximum" => value.as_u64() <= said.as_u64(),
                "minItems" => value.as_array().unwrap().len() as u64 >= said.as_u64().unwrap(),
                "pattern" => self.matches(said.as_str().unwrap(), value.as_str().unwrap()),
                "items" => {
                    for (number, item) in value.as_array().unwrap().iter().enumerate() {
                        self.holds(said, item, &format!("{at}[{number}]"))?;
                    }
                    true
                }
                "required" => {
                    let names = said.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    names.into_iter().all(|name| value.get(name).is_some())
                }
                "properties" => {
                    for (name, value) in value.as_object().unwrap() {
                        self.holds(&said[name], value, &format!("{at}.{name}"))?;
                    }
                    true
                }
                "additionalProperties" => self.others(keywords, said, value, at)?,
                "patternProperties" => *said == serde_json::json!({ "^x-": true }),
                "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "examples" => true,
                _ => false,
            };
            if !holds {
                return Err(format!("{at}: {keyword}: {said}: {value}").chars().take(300).collect());
            }
        }
        Ok(())
    }

    fn others(
        &self,
        keywords: &Map<String, Value>,
        said: &Value,
        value: &Value,
        at: &str,
    ) -> Result<bool, String> {
        let listed = |name: &str| keywords.get("properties").is_some_and(|listed| listed.get(name).is_some());
        let free = |name: &str| keywords.contains_key("patternProperties") && name.starts_with("x-");
        let others = value.as_object().unwrap().iter().filter(|(name, _)| !listed(name) && !free(name));
        let mut open = true;
        for (name, value) in others {
            open &= *said != Value::Bool(false);
            self.holds(said, value, &format!("{at}.{name}"))?;
        }
        Ok(open)
    }

    /// The patterns of the forms, by what reads those forms.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        if pattern == schema::pattern(&self.source.grammars) {
            return kiwame_trust::rules::Grammar::read(text, "").is_ok();
        }
        let form = self.source.forms.iter().find(|form| form.pattern.as_deref() == Some(pattern)).unwrap();
        match form.rust.as_str() {
            "Name" => !text.is_empty() && !text.contains(['/', '@']),
            "Sha256" => {
                text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            }
            "Timestamp" => kiwame_trust::Time::parse(text).is_ok(),
            _ => panic!("{}: a pattern that is not checked", form.rust),
        }
    }
}

/// Names in these are data.
const OPEN: [&str; 5] = ["args", "attributes", "digest", "expected", "limits"];

/// A document once for each of its fields, with that field misspelt.
fn misspelt(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(map) => {
            let renamed = map.keys().map(|name| {
                let other = |one: &String| if one == name { format!("{one}z") } else { one.clone() };
                Value::Object(map.iter().map(|(one, value)| (other(one), value.clone())).collect())
            });
            let below =
                map.iter().filter(|(name, _)| !OPEN.contains(&name.as_str())).flat_map(|(name, value)| {
                    misspelt(value).into_iter().map(move |inner| {
                        let mut map = map.clone();
                        map.insert(name.clone(), inner);
                        Value::Object(map)
                    })
                });
            renamed.chain(below).collect()
        }
        Value::Array(list) => {
            let each = list.iter().enumerate().take(3).flat_map(|(number, item)| {
                misspelt(item).into_iter().map(move |inner| {
                    let mut list = list.clone();
                    list[number] = inner;
                    Value::Array(list)
                })
            });
            each.collect()
        }
        _ => Vec::new(),
    }
}

fn toml_value(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

fn as_toml(value: &Value) -> String {
    value.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {}\n", inline(value))).collect()
}

/// A value as TOML, in one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| format!("{name} = {}", inline(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn cases() -> Vec<toml::Table> {
    let read = |name: &String| fs::read_to_string(golden::folder().join(name).join("case.toml")).unwrap();
    golden::names().unwrap().iter().map(|name| toml::from_str(&read(name)).unwrap()).collect()
}

#[test]
fn the_files_are_what_would_be_written_now() {
    let root = crate::root();
    for (place, text) in files(&root).unwrap() {
        let found = fs::read_to_string(root.join(&place)).unwrap_or_default();
        assert!(found == text, "{place}: `cargo xtask words` writes it anew");
    }
}

#[test]
fn what_is_said_to_stand_in_several_files_stands_there() {
    let source = source();
    for (file, path) in page::ELSEWHERE.iter().flat_map(|(_, places)| *places) {
        let at = FILES.iter().position(|one| one.name == *file).unwrap();
        assert!(rows::rows(&source.files[at]).iter().any(|row| row.path == *path), "{file} {path}");
    }
}

#[test]
fn every_field_has_a_meaning_and_an_example_of_its_type() {
    for (file, tables) in FILES.iter().zip(source().files) {
        let schema = Schema::of(file.name);
        for table in &tables {
            let root = table.name == file.root;
            let made = if root { &schema.root } else { &schema.root["$defs"][&table.name] };
            for field in &table.fields {
                let at = format!("{} {}.{}", file.name, table.name, field.name);
                assert!(field.meaning.ends_with('.') && field.meaning.len() > 4, "{at}: {:?}", field.meaning);
                let property = &made["properties"][&field.name];
                let value = |keyword: &str| property.get(keyword).cloned();
                let examples = value("examples").and_then(|list| list.get(0).cloned());
                let free = matches!(&field.sort, Sort::Digests | Sort::Sha256)
                    || matches!(&field.sort, Sort::List(of) | Sort::Map(of) if **of == Sort::Anything);
                let told = examples.is_some() || field.only.is_some() || !field.words.is_empty();
                assert!(told || free || field.sort.table().is_some(), "{at}: no example");
                match (field.sort.form(), examples.as_ref().and_then(Value::as_str)) {
                    (Some("FindingId"), Some(id)) => {
                        assert!(kiwame_appraisal::kinds::all().any(|kind| kind.id == id), "{at}");
                    }
                    (Some("DefectId"), Some(id)) => {
                        assert!(kiwame_formats::defects().any(|kind| kind.id == id), "{at}");
                    }
                    _ => {}
                }
                for value in examples.into_iter().chain(value("default")).chain(value("const")) {
                    schema.holds(property, &value, &at).unwrap();
                }
            }
        }
    }
}

#[test]
fn descriptions_are_as_their_schema_says_and_misspelt_ones_are_not() {
    let schema = Schema::of("firmware.toml");
    let mut texts = BTreeSet::new();
    for file in fs::read_dir(kiwame_samples::folder().join("descriptions")).unwrap() {
        texts.insert(fs::read_to_string(file.unwrap().path()).unwrap());
    }
    assert!(texts.len() > 8);
    for text in texts {
        let value = toml_value(&text);
        schema.check(&value).unwrap();
        for wrong in misspelt(&value) {
            assert!(schema.check(&wrong).is_err(), "{wrong}");
        }
    }
}

#[test]
fn policies_that_are_read_are_as_their_schema_says_and_misspelt_ones_are_neither() {
    let schema = Schema::of("policy");
    let texts: BTreeSet<_> =
        cases().iter().filter_map(|case| Some(case.get("policy")?.as_str()?.to_owned())).collect();
    let keyed = |text: String| {
        ('A'..='E').fold(text, |text, letter| {
            text.replace(&format!("@{letter}@"), &test_key(letter).1.fingerprint())
        })
    };
    let read: Vec<_> =
        texts.into_iter().map(keyed).filter(|text| Policy::parse(text.as_bytes()).is_ok()).collect();
    assert!(read.len() > 30, "{}", read.len());
    for text in read {
        let value = toml_value(&text);
        schema.check(&value).unwrap();
        assert!(Policy::parse(as_toml(&value).as_bytes()).is_ok(), "{text}");
        for wrong in misspelt(&value) {
            assert!(schema.check(&wrong).is_err(), "{wrong}");
            assert!(Policy::parse(as_toml(&wrong).as_bytes()).is_err(), "{wrong}");
        }
    }
}

/// The names that serde says it expects instead of one that no table has: `a`, of two `a` or `b`, of more one of `a`, `b`.
fn expected(error: &str) -> Vec<String> {
    let (_, list) = error.split_once("unknown field `zz`, expected ").unwrap_or_else(|| panic!("{error}"));
    let line = list.lines().next().unwrap();
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn names(table: &Table) -> Vec<String> {
    table.fields.iter().map(|field| field.name.clone()).collect()
}

fn table<'a>(source: &'a Source, file: &str, name: &str) -> &'a Table {
    let at = FILES.iter().position(|one| one.name == file).unwrap();
    source.files[at].iter().find(|table| table.name == name).unwrap()
}

#[test]
fn the_readers_of_toml_expect_the_fields_that_the_tables_list() {
    let source = source();
    let head = "schema = \"kiwame-policy/1\"\nversion = 1\n";
    let rule = format!("{head}[[rule]]\nvendor = \"a\"\nmodel = \"b\"\nthreshold = 1\n");
    let policy = |lines: &str| Policy::parse(lines.as_bytes()).unwrap_err().to_string();
    for (table_name, lines) in [
        ("File", format!("{head}zz = 1\n")),
        ("PrincipalEntry", format!("{head}[[principal]]\nzz = 1\n")),
        ("RevocationEntry", format!("{head}[[principal]]\nid = \"a\"\nrevoked = {{ zz = 1 }}\n")),
        ("RuleEntry", format!("{rule}zz = 1\n")),
        ("Accept", format!("{rule}accept-any = [{{ zz = 1 }}]\n")),
        ("SettingEntry", format!("{rule}[[rule.setting]]\npath = \"a\"\nzz = 1\n")),
        ("MutableEntry", format!("{rule}[[rule.mutable]]\nzz = 1\n")),
        ("KeyEntry", format!("{rule}[[rule.mutable]]\nkeys = [{{ zz = 1 }}]\n")),
        ("FileEntry", format!("{rule}[[rule.mutable]]\nfiles = [{{ zz = 1 }}]\n")),
        ("Waiver", format!("{head}[[waiver]]\nzz = 1\n")),
        ("DeviceEntry", format!("{head}[[device]]\nzz = 1\n")),
        ("DevicePartEntry", format!("{head}[[device]]\n[[device.part]]\nzz = 1\n")),
    ] {
        assert_eq!(expected(&policy(&lines)), names(table(&source, "policy", table_name)), "{table_name}");
    }
    let count = source.files[1].len();
    assert_eq!(count, 12, "every table of a policy is asked for");

    let head = "schema = \"kiwame-firmware/1\"\n";
    let description = |lines: &str| match golden::attest_bytes(&[("a", vec![0; 64])], lines) {
        Err(SampleError::Description(said)) => said,
        other => panic!("{other:?}"),
    };
    for (table_name, lines) in [
        ("Description", format!("{head}zz = 1\n")),
        ("ProductEntry", format!("{head}[product]\nzz = 1\n")),
        ("ReleaseEntry", format!("{head}[release]\nzz = 1\n")),
        ("LayoutEntry", format!("{head}[[layout]]\nzz = 1\n")),
        ("SupplierEntry", format!("{head}[[supplier]]\nzz = 1\n")),
        ("MutableEntry", format!("{head}[[mutable]]\nzz = 1\n")),
        ("KeyEntry", format!("{head}[[mutable]]\nkeys = [{{ zz = 1 }}]\n")),
        ("FileEntry", format!("{head}[[mutable]]\nfiles = [{{ zz = 1 }}]\n")),
        ("ReferenceEntry", format!("{head}[[reference]]\nzz = 1\n")),
        ("DeviceEntry", format!("{head}[[device]]\nzz = 1\n")),
        ("DevicePartEntry", format!("{head}[[device]]\n[[device.part]]\nzz = 1\n")),
    ] {
        let listed = names(table(&source, "firmware.toml", table_name));
        assert_eq!(expected(&description(&lines)), listed, "{table_name}");
    }
    assert_eq!(source.files[0].len(), 11, "every table of a description is asked for");
}

#[test]
fn manifests_are_as_their_schema_says_and_misspelt_ones_are_neither() {
    let schema = Schema::of("manifest");
    let mut seen = BTreeSet::new();
    let mut fields = BTreeSet::new();
    for case in cases() {
        for entry in case.get("manifest").and_then(toml::Value::as_array).into_iter().flatten() {
            let text = |field: &str| entry.get(field).and_then(toml::Value::as_str).unwrap_or_default();
            let images = entry["attest"].as_array().unwrap();
            let images: Vec<_> = images.iter().map(|image| image.as_str().unwrap().to_owned()).collect();
            let describe = kiwame_samples::folder().join("descriptions").join(text("describe"));
            let description = fs::read_to_string(describe).unwrap() + text("more");
            // One of each description is enough; the images are larger than what is said of them.
            if !seen.insert(description.clone()) {
                continue;
            }
            let Ok(payload) = golden::attest(&images, &description) else { continue };
            let value: Value = serde_json::from_slice(&payload).unwrap();
            schema.check(&value).unwrap();
            let mut free = value.clone();
            free["x-note"] = "mine".into();
            schema.check(&free).unwrap();
            collect(&value, &mut fields);
            let few =
                value["predicate"]["images"][0]["regions"].as_array().is_some_and(|list| list.len() < 20);
            for wrong in misspelt(&value).into_iter().take(if few { usize::MAX } else { 5 }) {
                assert!(schema.check(&wrong).is_err(), "{wrong}");
                let payload = wrong.to_string().into_bytes();
                let read = Manifest::parse(kiwame_trust::manifest::PAYLOAD_TYPE, &payload);
                assert!(read.is_err(), "{wrong}");
            }
        }
    }
    assert!(seen.len() > 15, "{}", seen.len());
    assert!(
        ["securityVersion", "eraseBlock", "keys", "contact", "maxBytes"]
            .iter()
            .all(|name| fields.contains(*name))
    );
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            collect(value, names);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

#[test]
fn reports_are_as_their_schema_says_and_misspelt_ones_are_neither() {
    let schema = Schema::of("report");
    let (mut count, mut small) = (0, 0);
    let names = golden::names().unwrap();
    for name in names.iter().filter(|name| !name.contains("ovmf")).step_by(7) {
        let case = golden::prepare(name).unwrap();
        let response = kiwame_verifier::run(&case.request, &Memory::new(case.sources));
        let said = response.output("stdout").unwrap_or_default();
        let Ok(value) = serde_json::from_slice::<Value>(said) else { continue };
        if value.get("schemaVersion").is_none() {
            continue;
        }
        schema.check(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        count += 1;
        if said.len() < 12_000 && small < 4 {
            small += 1;
            for wrong in misspelt(&value) {
                assert!(schema.check(&wrong).is_err(), "{wrong}");
                assert!(kiwame_report::Report::claimed(wrong.to_string().as_bytes()).is_err(), "{wrong}");
            }
        }
    }
    assert!(count > 40 && small > 1, "{count} {small}");
    let version = format!("report-{}", kiwame_report::SCHEMA_VERSION);
    assert!(schema::id(&FILES[3]).ends_with(&version), "a schema is named by the version that it describes");
}

#[test]
fn names_have_hyphens_in_toml_and_capitals_in_json_and_one_spelling() {
    let source = source();
    for (file, tables) in FILES.iter().zip(&source.files) {
        for field in tables.iter().flat_map(|table| &table.fields) {
            let allowed = |sign: char| match file.notation {
                Notation::Toml => matches!(sign, 'a'..='z' | '0'..='9' | '-'),
                Notation::Json => sign.is_ascii_alphanumeric(),
            };
            // in-toto's own spelling.
            assert!(field.name == "_type" || field.name.chars().all(allowed), "{} {}", file.name, field.name);
        }
    }
    // What a description and a manifest both have is the same words; what only a description has is named.
    for (entry, object, only) in [
        ("ProductEntry", "Product", &[][..]),
        ("ReleaseEntry", "Release", &["digests"][..]),
        ("LayoutEntry", "Layout", &["image"][..]),
        ("KeyEntry", "KeyRule", &[][..]),
        ("FileEntry", "FileRule", &[][..]),
        // Of the rule, which is an object of its own in a manifest and has its `type` there.
        ("MutableEntry", "Rule", &["names", "path", "rule", "type"][..]),
    ] {
        let toml = names(table(&source, "firmware.toml", entry))
            .into_iter()
            .map(|name| camel(&name.replace('-', "_")));
        let json = names(table(&source, "manifest", object));
        let same = |name: &String| !only.contains(&name.as_str());
        let toml: BTreeSet<_> = toml.filter(same).collect();
        assert_eq!(toml, json.into_iter().filter(same).collect(), "{entry} {object}");
    }
}

#[test]
fn each_grammar_is_read_and_takes_its_example_by_the_length_that_it_says() {
    let listed = source().grammars;
    let word = |spelling: &str| spelling.split(':').next().unwrap_or_default().to_owned();
    let words: Vec<_> = listed.iter().map(|one| word(&one.spelling)).collect();
    let read: Vec<_> = kiwame_trust::grammar::GRAMMARS.iter().map(|kind| kind.word).collect();
    assert_eq!(words, read, "what the comments list, and what the reader knows");
    for one in &listed {
        let grammar = kiwame_trust::rules::Grammar::read(&one.example, "value").unwrap();
        assert_eq!(grammar.text(), one.example);
        assert_eq!(word(&one.example), word(&one.spelling));
        let takes = match one.takes.strip_prefix("hex ") {
            Some(hex) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
            None => one.takes.as_bytes().to_vec(),
        };
        let (last, shorter) = takes.split_last().unwrap();
        let longer = [takes.as_slice(), &[*last]].concat();
        assert!(grammar.holds(&takes), "{one:?}");
        match one.length.as_deref() {
            Some("exact") => assert!(!grammar.holds(shorter) && !grammar.holds(&longer), "{one:?}"),
            Some("N at most") => assert!(grammar.holds(shorter) && !grammar.holds(&longer), "{one:?}"),
            Some(other) => panic!("{other}"),
            None => assert!(["enum", "range", "sbat"].contains(&word(&one.spelling).as_str()), "{one:?}"),
        }
    }
}

#[test]
fn every_word_of_a_form_is_one_that_its_reader_knows() {
    use kiwame_image::{Algorithm, Settings};
    use kiwame_trust::manifest::{Anchor, Coverage, Files, Method};
    use kiwame_trust::policy::RevocationReason;
    use kiwame_trust::rules::{RuleType, WhenEmpty};
    use kiwame_trust::settings::Expect;
    let known = |form: &str, word: &str| match form {
        "Algorithm" => Some(Algorithm::named(word).is_some()),
        "Settings" => Some(Settings::named(word).is_some()),
        "RuleType" => Some(RuleType::named(word).is_some() && RuleType::EXPECTED.english.contains(word)),
        "RevocationReason" => Some(RevocationReason::named(word).is_some()),
        "WhenEmpty" => Some(WhenEmpty::named(word).is_some() && WhenEmpty::EXPECTED.english.contains(word)),
        "Expect" => Some(Expect::named(word).is_some() && Expect::EXPECTED.english.contains(word)),
        "Coverage" => Some(Coverage::named(word).is_some()),
        "Anchor" => Some(Anchor::named(word).is_some()),
        "Files" => Some(Files::named(word).is_some()),
        "Method" => Some(Method::named(word).is_some()),
        _ => None,
    };
    let source = source();
    let words: Vec<_> = source
        .forms
        .iter()
        .flat_map(|form| form.words.iter().filter_map(|(word, _)| Some((word, known(&form.rust, word)?))))
        .collect();
    assert!(
        words.len() == 3 + 6 + 5 + 3 + 3 + 3 + 2 + 2 + 2 + 2 && words.iter().all(|(_, known)| *known),
        "{words:?}"
    );
    assert_eq!(WhenEmpty::default().name(), "refuse", "as the tables say");
}
