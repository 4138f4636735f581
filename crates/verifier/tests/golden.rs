//! Every case under `tests/golden` gives the report that stands beside it. `BLESS=1` writes it anew, and
//! `BLESS=inspect_` those cases only that have it in their name; the reviewer reads the difference.

use std::fs;

use kiwame_image::Memory;
use kiwame_samples::{golden, sha256};
use serde_json::{Value, json};

/// Cases whose reports are kept whole, as JSON: one for each shape that a report can have. Of all others a text is kept
/// that a person reads in a review; the digest in its first line holds the rest.
const WHOLE: [&str; 12] = [
    "bomb_known_verify",
    "inspect_fill_one_bit",
    "inspect_microcode_two",
    "inspect_pe_pe32_plus",
    "inspect_stream_gzip_two",
    "inspect_uboot_env_redundant",
    "verify_cpio_mode_changed",
    "verify_elf_sections_overlap",
    "verify_fill_one_bit",
    "verify_fit_target",
    "verify_microcode_as_attested",
    "verify_pe_overlay",
];
/// Findings, and rows of the tree, that a text lists.
const FINDINGS: usize = 6;
/// Parts of a finding that a text lists.
const PARTS: usize = 3;
const ROWS: usize = 8;

fn run(case: golden::Case) -> kiwame_verifier::Response {
    let host = Memory::new(case.sources);
    kiwame_verifier::run(&case.request, &host)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn place(value: &Value) -> String {
    let number = |field: &str| value[field].as_u64().unwrap_or_default();
    format!("{:#x}+{:#x}", number("offset"), number("length"))
}

/// A step of a path, of a GUID its first group only.
fn brief_guid(step: &str) -> String {
    match step.split_once(':') {
        Some((format, key)) if key.len() >= 36 && key.as_bytes()[8] == b'-' && key.as_bytes()[13] == b'-' => {
            format!("{format}:{}…{}", &key[..8], &key[36..])
        }
        _ => step.to_owned(),
    }
}

/// The path of a field, its middle left out where it is long.
fn path(value: &Value) -> String {
    let whole = text(value, "path");
    let steps: Vec<_> = whole.split('/').map(brief_guid).collect();
    match steps.as_slice() {
        [first, .., a, b, c] if steps.len() > 5 => format!("{first}/…/{a}/{b}/{c}"),
        _ => steps.join("/"),
    }
}

/// An account in one line, without the classes that have nothing.
fn account(account: &Value) -> String {
    let classes = account.as_object().into_iter().flatten();
    let there = classes.filter(|(_, bytes)| bytes.as_u64() != Some(0));
    there.map(|(class, bytes)| format!("{class} {bytes}")).collect::<Vec<_>>().join(", ")
}

/// What a person reads of a response: the verdict, the accounts, the findings, and of the tree what is not settled (what
/// is there, for verbs that compare nothing).
fn brief(response: &kiwame_verifier::Response) -> String {
    let stdout = response.output("stdout").unwrap_or_default();
    let Ok(report) = serde_json::from_slice::<Value>(stdout) else {
        let said = String::from_utf8_lossy(response.output("stderr").unwrap_or_default());
        // What is text already stands as it is.
        return format!("exit {}\n{said}{}", response.exit, String::from_utf8_lossy(stdout));
    };
    let mut page = String::new();
    let mut line = |text: String| {
        page += text.trim_end();
        page.push('\n');
    };
    let list = |field: &str| report[field].as_array().cloned().unwrap_or_default();
    let (findings, regions) = (list("findings"), list("regions"));
    let digest = &sha256(stdout)[..16];
    let reasons: Vec<_> = report["verdict"]["reasons"].as_array().into_iter().flatten().collect();
    let reasons: Vec<_> = reasons.iter().filter_map(|reason| reason.as_str()).collect();
    line(format!(
        "exit {} {} {} #{digest}",
        response.exit,
        text(&report["verdict"], "tier"),
        reasons.join(" ")
    ));
    line(format!("file: {}", account(&report["account"])));
    if report["content"].is_object() && report["content"] != report["account"] {
        line(format!("content: {}", account(&report["content"])));
    }
    for finding in findings.iter().take(FINDINGS) {
        line(format!(
            "{} {} {} {}",
            text(finding, "severity"),
            text(finding, "id"),
            path(finding),
            place(finding)
        ));
        let supplier =
            finding["supplier"]["name"].as_str().map(|name| format!(" ({name})")).unwrap_or_default();
        line(format!("  {}{supplier}", text(finding, "message")));
        for part in finding["parts"].as_array().into_iter().flatten().take(PARTS) {
            line(format!("    {} {}", text(part, "id"), path(part)));
        }
    }
    let settled = ["matched", "mutable", "remains", "fill", "opened"];
    let compared = ["verify", "diff"].contains(&text(&report, "mode"));
    let shown = |region: &&Value| {
        let class = text(region, "class");
        let to_see = !compared || !settled.contains(&class);
        !class.is_empty() && to_see
    };
    let rows: Vec<_> = regions.iter().filter(shown).collect();
    line(format!("{} findings, {} regions, {} to see", findings.len(), regions.len(), rows.len()));
    for region in rows.iter().take(ROWS) {
        // Names of files are their paths, which stand there already.
        let name = region["name"].as_str().filter(|name| !name.starts_with('/'));
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        line(format!("  {} {} {}{name}", text(region, "class"), path(region), place(region)));
    }
    page
}

/// What is kept of a response, and in which file.
fn expected(name: &str, response: &kiwame_verifier::Response) -> (&'static str, String) {
    let stdout = response.output("stdout").unwrap_or_default();
    match serde_json::from_slice::<Value>(stdout) {
        Ok(report) if WHOLE.contains(&name) => {
            let whole = json!({ "exit": response.exit, "report": report });
            ("expected.json", serde_json::to_string_pretty(&whole).expect("JSON") + "\n")
        }
        _ => ("expected.txt", brief(response)),
    }
}

#[test]
fn every_case_gives_its_report() {
    let bless = std::env::var("BLESS").ok();
    let names = golden::names().expect("the cases are there");
    assert!(names.len() > 15, "only {} cases", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let case = match golden::prepare(&name) {
            Ok(case) => case,
            Err(error) => {
                wrong.push(format!("{name}: cannot be prepared: {error}"));
                continue;
            }
        };
        let (file, made) = expected(&name, &run(case));
        let path = golden::folder().join(&name).join(file);
        if bless.as_deref().is_some_and(|only| only == "1" || name.contains(only)) {
            fs::write(&path, &made).expect("writable");
        } else if fs::read_to_string(&path).unwrap_or_default() != made {
            wrong.push(format!("{name}:\n{made}"));
        }
    }
    assert!(wrong.is_empty(), "these cases differ; BLESS=1 writes them anew:\n{}", wrong.join("\n"));
}

/// The name of a case says what must never pass: `rule_NN_…` refuses or cannot tell, and the neighbour of that rule,
/// `rule_NN_ok_…`, is done or affirms.
#[test]
fn rules_hold_and_their_harmless_neighbours_pass() {
    let mut rules = std::collections::BTreeMap::<String, (usize, usize)>::new();
    for name in golden::names().expect("the cases are there").iter().filter(|name| name.starts_with("rule_"))
    {
        let response = run(golden::prepare(name).unwrap_or_else(|error| panic!("{name}: {error}")));
        let rule = name.chars().skip(5).take(2).collect::<String>();
        let counts = rules.entry(rule).or_default();
        if name.contains("_ok_") {
            assert_eq!(response.exit, 0, "{name}");
            counts.1 += 1;
        } else {
            assert_ne!(response.exit, 0, "{name}");
            counts.0 += 1;
        }
    }
    for (rule, (refused, passed)) in &rules {
        assert!(*refused > 0 && *passed > 0, "rule {rule} has {refused} cases and {passed} neighbours");
    }
}

/// Whoever gives two policies is not judged by the first of them.
#[test]
fn two_policies_are_one_too_many() {
    let case = golden::prepare("rule_32_ok_unit_and_policy_agree").expect("prepared");
    let mut request: Value = serde_json::from_slice(&case.request).expect("JSON");
    assert_eq!(
        kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new(case.sources.clone())).exit,
        0
    );
    let list = request["sources"].as_array_mut().expect("sources");
    let policy = list.iter().position(|source| source["role"] == "policy").expect("a policy");
    list.push(list[policy].clone());
    let sources = [case.sources.clone(), vec![case.sources[policy].clone()]].concat();
    let response = kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new(sources));
    assert_eq!(response.exit, 2);
}

#[test]
fn a_hundred_runs_give_one_report() {
    let prepare = || golden::prepare("tamper_modified_driver").expect("prepared");
    let case = prepare();
    let host = Memory::new(case.sources);
    let first = kiwame_verifier::run(&case.request, &host);
    for _ in 1..100 {
        assert!(kiwame_verifier::run(&case.request, &host) == first);
    }
}

#[test]
fn reports_are_canonical_json() {
    for name in golden::names().expect("the cases are there") {
        let response = run(golden::prepare(&name).expect("prepared"));
        let Some(report) = response.output("stdout").filter(|_| !name.starts_with("describe_")) else {
            continue;
        };
        let value: Value = serde_json::from_slice(report).expect("JSON");
        // serde_json's map is sorted by key; sorted keys, no white space and whole numbers are RFC 8785 here.
        assert_eq!(value.to_string() + "\n", String::from_utf8_lossy(report), "{name}");
    }
}

/// The part of JSON Schema that says what there is: `$ref`, `type`, `const`, `enum`, `properties`, `required`, `items`,
/// `additionalProperties`. What a text looks like is tested where the schema is made.
fn fits(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.strip_prefix("#/$defs/")) {
        assert!(root["$defs"].get(name).is_some(), "{at}: no {name}");
        fits(value, &root["$defs"][name], root, at);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at}: {value} is none of {allowed:?}");
    }
    if let Some(only) = schema.get("const") {
        assert_eq!(value, only, "{at}");
    }
    let type_fits = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => other.is_none(),
    };
    assert!(type_fits, "{at}: {value}");
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(item, &schema["items"], root, &format!("{at}[{number}]"));
    }
    let Some(object) = value.as_object().filter(|_| schema["type"] == "object") else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(object.contains_key(name), "{at}: {name} is missing");
    }
    for (name, item) in object {
        let known = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        assert_ne!(known, &Value::Bool(false), "{at}: {name} is not in the schema");
        fits(item, known, root, &format!("{at}.{name}"));
    }
}

#[test]
fn reports_keep_to_the_published_schema() {
    let schema = include_str!("../../../docs/schemas/kiwame-report-1.2.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let mut reports = 0;
    for name in golden::names().expect("the cases are there") {
        let response = run(golden::prepare(&name).expect("prepared"));
        let Some(report) = response.output("report") else { continue };
        fits(&serde_json::from_slice(report).expect("JSON"), &schema, &schema, &name);
        reports += 1;
    }
    assert!(reports > 20);
}
