//! Every case under `tests/golden` gives the report that stands beside it. `BLESS=1` writes it anew, and
//! `BLESS=inspect_` those cases only that have it in their name; the reviewer reads the difference.

use std::fs;

use kiwame_image::Memory;
use kiwame_samples::{golden, sha256};
use serde_json::{Value, json};

/// Reports of images up to this size are kept whole.
const WHOLE: u64 = 64 << 10;

fn run(case: golden::Case) -> kiwame_verifier::Response {
    let host = Memory::new(case.sources);
    kiwame_verifier::run(&case.request, &host)
}

/// What is kept of a response: the report itself for small images; else verdict, account, findings, counts, digest.
fn expected(response: &kiwame_verifier::Response) -> Value {
    let stdout = response.output("stdout").unwrap_or_default();
    let Ok(report) = serde_json::from_slice::<Value>(stdout) else {
        let said = String::from_utf8_lossy(response.output("stderr").unwrap_or_default()).into_owned();
        return json!({ "exit": response.exit, "stderr": said });
    };
    if report["image"]["size"].as_u64().is_some_and(|size| size <= WHOLE) {
        return json!({ "exit": response.exit, "report": report });
    }
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let brief = |finding: &Value| {
        json!({ "id": finding["id"], "path": finding["path"], "offset": finding["offset"], "message": finding["message"],
            "supplier": finding["supplier"] })
    };
    json!({
        "exit": response.exit, "verdict": report["verdict"], "account": report["account"], "accepted": report["accepted"],
        "findings": findings.iter().take(20).map(brief).collect::<Vec<_>>(), "findingCount": findings.len(),
        "regionCount": report["regions"].as_array().map(Vec::len), "reportSha256": sha256(stdout),
    })
}

#[test]
fn every_case_gives_its_report() {
    let bless = std::env::var("BLESS").ok();
    let names = golden::names().expect("the cases are there");
    assert!(names.len() > 15, "only {} cases", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let case = golden::prepare(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let made = serde_json::to_string_pretty(&expected(&run(case))).expect("JSON") + "\n";
        let path = golden::folder().join(&name).join("expected.json");
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
        let Some(report) = response.output("stdout") else { continue };
        let value: Value = serde_json::from_slice(report).expect("JSON");
        // serde_json's map is sorted by key; sorted keys, no white space and whole numbers are RFC 8785 here.
        assert_eq!(value.to_string() + "\n", String::from_utf8_lossy(report), "{name}");
    }
}

/// The part of JSON Schema that our schema uses: `type`, `enum`, `properties`, `required`, `items`,
/// `additionalProperties`.
fn fits(value: &Value, schema: &Value, at: &str) {
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at}: {value} is none of {allowed:?}");
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
        fits(item, &schema["items"], &format!("{at}[{number}]"));
    }
    let Some(object) = value.as_object().filter(|_| schema["type"] == "object") else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(object.contains_key(name), "{at}: {name} is missing");
    }
    for (name, item) in object {
        let known = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        assert_ne!(known, &Value::Bool(false), "{at}: {name} is not in the schema");
        fits(item, known, &format!("{at}.{name}"));
    }
}

#[test]
fn reports_keep_to_the_published_schema() {
    let schema = include_str!("../../report/schema/report-1.0.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let mut reports = 0;
    for name in golden::names().expect("the cases are there") {
        let response = run(golden::prepare(&name).expect("prepared"));
        let Some(report) = response.output("report") else { continue };
        fits(&serde_json::from_slice(report).expect("JSON"), &schema, &name);
        reports += 1;
    }
    assert!(reports > 20);
}
