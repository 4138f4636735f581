//! Every problem that can stop a run (`docs/errors.md`), reached through the command, in both languages.

mod place;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::{Output, Stdio};

use kiwame_image::ProblemKind;
use place::{DESCRIPTION, Place, VERIFY, kiwame};

#[allow(dead_code, reason = "the list alone is wanted here")]
#[path = "../src/problems.rs"]
mod command;

/// What cannot be reached: bugs, and an operating system without randomness.
const OUT_OF_REACH: [&str; 2] = ["kiwame/stopped", "key/no-randomness"];

/// Arguments that end in a problem, by its id. `|` separates what has to be written before, as `FILE=text`.
const CASES: &[(&str, &str)] = &[
    // Files.
    ("file/unreadable", "inspect missing.bin"),
    ("file/unreadable", "attest fw.bin --raw --describe firmware.toml --key missing.key -o new.json"),
    ("file/folder", "inspect folder"),
    ("image/empty", "inspect empty.bin"),
    ("image/empty", "diff fw.bin empty.bin"),
    ("file/read-once", "inspect - -"),
    ("file/changed", "core short.request fw.bin -o ."),
    ("output/exists", "key new -o maker.key"),
    ("output/exists", "describe fw.bin -o firmware.toml"),
    ("output/unwritable", "key new -o nowhere/new.key"),
    ("output/is-input", "describe fw.bin -o fw.bin --force"),
    ("output/is-input", "attest fw.bin --raw --describe firmware.toml --key maker.key -o maker.key --force"),
    (
        "output/is-input",
        "attest fw.bin --raw --describe firmware.toml --key maker.key -o firmware.toml --force",
    ),
    ("output/is-input", "manifest sign fw.json --key other.key -o other.key --force"),
    ("output/is-input", "verify fw.bin VERIFY --report fw.json --force"),
    ("output/is-input", "policy new --key maker.key.pub --expect ACME/R1 -o maker.key.pub --force"),
    ("output/twice", "lot fw.bin VERIFY --summary a.csv --report a.csv"),
    ("output/among-images", "lot folder fw.bin VERIFY --summary folder/a.csv"),
    ("output/summary-name", "lot fw.bin VERIFY --summary a.xls"),
    // Arguments.
    ("option/expect", "verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME"),
    ("option/expect-needed", "verify fw.bin --manifest fw.json --key maker.key.pub"),
    ("option/expect-missing", "policy new --key maker.key.pub"),
    ("option/no-key", "policy new --expect ACME/R1"),
    ("option/no-policy", "verify fw.bin --manifest fw.json"),
    ("option/limit", "inspect fw.bin --limit sapce=1"),
    ("option/one-chip", "verify fw.bin copy.bin --same fw.bin VERIFY"),
    ("option/one-chip", "verify folder --unread s.txt VERIFY | s.txt=0+1"),
    ("option/same-file", "verify fw.bin --same ./fw.bin VERIFY"),
    ("unread/line", "verify fw.bin --unread s.txt VERIFY | s.txt=0x0-0x10"),
    ("unread/line", "verify fw.bin --unread empty.bin VERIFY"),
    ("unread/beyond", "verify fw.bin --unread s.txt VERIFY | s.txt=0x10+0x100"),
    ("document/not-text", "verify fw.bin --unread bytes.txt VERIFY"),
    ("option/no-page", "man nothing"),
    ("document/time", "inspect fw.bin --now yesterday"),
    ("document/time", "verify fw.bin VERIFY --now yesterday"),
    // Keys.
    ("key/not-a-key", "key show fw.bin"),
    ("key/low-order", "key show low.pub"),
    ("key/not-canonical", "key show other-form.pub"),
    ("key/torsion", "key show torsion.pub"),
    ("key/not-private", "attest fw.bin --raw --describe firmware.toml --key maker.key.pub -o new.json"),
    ("key/private", "verify fw.bin --manifest fw.json --key maker.key --expect ACME/R1"),
    ("key/private", "policy new --key maker.key --expect ACME/R1"),
    ("key/twice", "policy new --key maker.key.pub --key maker.key.pub --expect ACME/R1"),
    ("key/signed-already", "manifest sign fw.json --key maker.key -o new.json"),
    ("key/shared", "policy check shared.toml"),
    // Policies.
    ("document/toml", "policy check fw.toml | fw.toml=schema"),
    ("document/toml", "policy check fw.toml | fw.toml=schema = \"kiwame-policy/1\"\nversion = 1\ncolour = 1"),
    ("document/type", "policy check fw.toml | fw.toml=schema = \"kiwame-policy/9\"\nversion = 1"),
    ("document/field", "policy check fw.toml | fw.toml=POLICYthreshold = 0"),
    (
        "document/field",
        "policy check fw.toml | fw.toml=POLICYthreshold = 1\naccept-any = [{ path = \"\", max-bytes = 1 }]",
    ),
    ("document/field", "policy check fw.toml | fw.toml=POLICYthreshold = 1\naccept-any = [{ path = \"a\" }]"),
    ("document/time", "policy check fw.toml | fw.toml=expires = \"soon\"\nPOLICYthreshold = 1"),
    ("document/too-large", "policy check large.toml"),
    ("document/not-text", "policy check long-header.gz"),
    ("key/private", "verify fw.bin --manifest fw.json --policy private.toml"),
    ("key/private", "policy check private.toml"),
    // Manifests that cannot be read.
    ("document/json", "manifest show fw.bin"),
    ("document/field", "manifest show m.json | m.json={}"),
    ("document/type", "manifest show other-type.json"),
    ("manifest/packed-header", "manifest show long-header.gz"),
    ("manifest/packed-rest", "manifest show more.gz"),
    ("manifest/packed-broken", "manifest show cut.gz"),
    ("manifest/contradiction", "manifest show contradiction.json"),
    // Manifests that are not trusted: the same words stand in a finding.
    ("manifest/other-product", "verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME/R2"),
    (
        "manifest/below-floor",
        "verify folder/fw.bin --manifest fw.json --policy p.toml | p.toml=POLICYthreshold = 1\nmin-security-version = 9",
    ),
    ("policy/no-rule", "verify fw.bin --manifest fw.json --policy p.toml | p.toml=PRINCIPAL"),
    (
        "policy/two-rules",
        "verify fw.bin --manifest fw.json --policy p.toml | p.toml=POLICYthreshold = 1\nRULEthreshold = 1",
    ),
    ("signature/too-few", "verify fw.bin --manifest fw.json --policy p.toml | p.toml=POLICYthreshold = 2"),
    ("signature/too-few", "verify fw.bin --manifest fw.json --key other.key.pub --expect ACME/R1"),
    ("signature/broken", "verify fw.bin --manifest damaged.json --key maker.key.pub --expect ACME/R1"),
    (
        "document/out-of-time",
        "verify fw.bin --manifest fw.json --policy p.toml | p.toml=expires = \"2020-01-01T00:00:00Z\"\nPOLICYthreshold = 1",
    ),
    (
        "option/no-time",
        "core timeless.request fw.bin fw.json p.toml -o . | p.toml=expires = \"2020-01-01T00:00:00Z\"\nPOLICYthreshold = 1",
    ),
    ("key/published", "verify fw.bin --manifest tests.json --key tests.pub --expect ACME/R1"),
    (
        "key/revoked",
        "verify fw.bin --manifest fw.json --policy p.toml | p.toml=REVOKED{ reason = \"compromise\", since = \"2099-01-01T00:00:00Z\" }\nRULEthreshold = 1",
    ),
    (
        "key/revoked",
        "verify fw.bin --manifest fw.json --policy p.toml | p.toml=REVOKED{ reason = \"retired\", since = \"2020-01-01T00:00:00Z\" }\nRULEthreshold = 1",
    ),
    (
        "manifest/revoked",
        "verify fw.bin --manifest fw.json --policy p.toml | p.toml=revoked-manifests = [\"IDENTITY\"]\nPOLICYthreshold = 1",
    ),
    // Descriptions.
    ("document/not-text", "attest fw.bin --raw --describe bytes.txt --key maker.key -o new.json"),
    ("document/time", "ATTEST | d.toml=DESCRIPTIONsupport-until = \"2031-01-01\""),
    ("document/toml", "ATTEST | d.toml=schema = \"kiwame-firmware/1\""),
    ("document/type", "ATTEST | d.toml=SCHEMA9"),
    ("describe/algorithm", "ATTEST | d.toml=DESCRIPTIONdigests = [\"md5\"]"),
    ("describe/layout-image", "ATTEST | d.toml=LAYOUTimage = \"other.bin\""),
    ("describe/layout-end", "ATTEST | d.toml=LAYOUT[[layout]]\nname = \"b\"\noffset = 4\nlength = 4000"),
    ("describe/layout-empty", "ATTEST | d.toml=LAYOUT[[layout]]\nname = \"\"\noffset = 4\nlength = 1"),
    ("describe/layout-overlap", "ATTEST | d.toml=LAYOUT[[layout]]\nname = \"b\"\noffset = 3\nlength = 4"),
    ("describe/layout-twice", "ATTEST | d.toml=LAYOUT[[layout]]\nname = \"a\"\noffset = 4\nlength = 4"),
    ("describe/erase-block", "ATTEST | d.toml=LAYOUTerase-block = 5"),
    ("describe/layout-format", "ATTEST | d.toml=LAYOUTformat = \"fat95\""),
    ("describe/supplier-name", "ATTEST | d.toml=DESCRIPTION[[supplier]]\npath = \"/\"\nname = \"\""),
    (
        "describe/supplier-path",
        "ATTEST | d.toml=DESCRIPTION[[supplier]]\npath = \"partition:x\"\nname = \"X\"",
    ),
    ("describe/rule-path", "ATTEST | d.toml=LAYOUT[[mutable]]\npath = \"partition:b\"\nrule = \"erased\""),
    ("document/field", "ATTEST | d.toml=LAYOUT[[mutable]]\npath = \"partition:a\"\nrule = \"anything\""),
    ("describe/serial-path", "ATTEST | d.toml=SERIAL partition:x"),
    ("describe/serial-value", "ATTEST | d.toml=SERIAL partition:a"),
    (
        "describe/no-erase-block",
        "attest overlay.bin --describe d.toml --key maker.key -o new.json | d.toml=WRITTEN",
    ),
    ("describe/other-size", "describe fw.bin router.bin"),
    // Rules of a description, held against the image itself.
    ("rule/guarded", "ROUTER | d.toml=KEY bootcmd bytes:400"),
    ("rule/name-absent", "ROUTER | d.toml=KEY nosuch mac"),
    ("rule/other-value", "ROUTER | d.toml=KEY serial mac"),
    ("rule/file-absent", "ROUTER | d.toml=FILE etc/nosuch value"),
    ("rule/not-written-so", "ROUTER | d.toml=FILE etc/passwd json"),
    // Attesting.
    (
        "attest/erased",
        "attest erased.bin --describe d.toml --key maker.key -o new.json | d.toml=LAYOUT[[mutable]]\npath = \"partition:a\"\nrule = \"any\"\nmax-bytes = 4",
    ),
    ("attest/not-recognised", "attest fw.bin --describe firmware.toml --key maker.key -o new.json"),
    (
        "attest/given-twice",
        "attest fw.bin copy.bin --raw --describe firmware.toml --key maker.key -o new.json",
    ),
    ("attest/limit", "attest router.bin --describe router.toml --key maker.key -o new.json --limit nodes=9"),
    ("attest/unlistable", "ATTEST | d.toml=VENDOR a/b"),
    (
        "attest/refused",
        "attest tree.bin --describe d.toml --key maker.key -o new.json | d.toml=DESCRIPTION[[layout]]\nname = \"rootfs\"\noffset = 0\nlength = 4096",
    ),
    // Reports and lots.
    ("report/none", "report show r.json | r.json=\n"),
    ("report/no-unit", "report show again.json --unit SN9"),
    ("report/contradiction", "report show edited.json"),
    ("report/summary", "report show r.json | r.json={\"mode\":\"lot\"}"),
    ("report/unreadable", "report show r.json | r.json={\"a\":1}"),
    ("document/json", "report show fw.bin"),
    ("serials/empty", "lot fw.bin VERIFY --serials empty.bin"),
    ("serials/none", "lot fw.bin VERIFY --serials s.txt | s.txt=# nothing\n"),
    ("serials/columns", "lot fw.bin VERIFY --serials s.txt | s.txt=serial;revision\nSN1;B2\n"),
    ("document/not-text", "lot fw.bin VERIFY --serials bytes.txt"),
    // Requests that no host makes.
    ("request/unreadable", "core r -o . | r={\"lang\":\"LANG\",\"abi\":1}"),
    ("request/abi", "core r -o . | r={\"lang\":\"LANG\",\"abi\":9,\"verb\":\"inspect\"}"),
    ("request/verb", "core r -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"sing\"}"),
    ("request/none-given", "core r -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"inspect\"}"),
    (
        "request/several-given",
        "core r fw.bin fw.bin -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"inspect\",\"sources\":[{\"role\":\"image\",\"name\":\"a\",\"size\":1},{\"role\":\"image\",\"name\":\"b\",\"size\":1}]}",
    ),
    ("request/two-images", "core r -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"diff\"}"),
    (
        "request/rendering",
        "core r fw.bin -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"inspect\",\"render\":\"pdf\",\"sources\":[{\"role\":\"image\",\"name\":\"a\",\"size\":1}]}",
    ),
    (
        "option/policy-and-key",
        "core r fw.bin p.toml maker.key.pub -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"verify\",\"sources\":[{\"role\":\"image\",\"name\":\"a\",\"size\":1},{\"role\":\"policy\",\"name\":\"p\",\"size\":1},{\"role\":\"key\",\"name\":\"k\",\"size\":1}]}",
    ),
    (
        "option/several-decide",
        "core r fw.bin maker.key.pub maker.key.pub -o . | r={\"lang\":\"LANG\",\"abi\":1,\"verb\":\"verify\",\"sources\":[{\"role\":\"image\",\"name\":\"a\",\"size\":1},{\"role\":\"key\",\"name\":\"k\",\"size\":1},{\"role\":\"key\",\"name\":\"l\",\"size\":1}]}",
    ),
];

/// A request for more than there is.
const SHORT: &str =
    r#"{"abi":1,"verb":"inspect","lang":"LANG","sources":[{"role":"image","name":"fw.bin","size":99999}]}"#;

/// The files that cases speak of.
fn bed() -> Place {
    let place = Place::attested();
    place.does("key new -o other.key");
    fs::create_dir(place.path("folder")).unwrap();
    let router = kiwame_samples::sample("router/router.bin").unwrap();
    let description = kiwame_samples::folder().join("descriptions/router.toml");
    place
        .file("folder/fw.bin", "firmware")
        .file("empty.bin", "")
        .file("copy.bin", fs::read(place.path("fw.bin")).unwrap())
        .file("erased.bin", [0xff; 4096])
        .file("bytes.txt", b"SN1\n\xff\xfe")
        .file("router.bin", router)
        .file("router.toml", fs::read(description).unwrap())
        .file("tree.bin", kiwame_samples::sample("device-tree/flash").unwrap())
        .file("large.toml", vec![b'#'; (1 << 20) + 1])
        .file("overlay.bin", kiwame_samples::sample("jffs2/overlay").unwrap())
        .file("low.pub", format!("ed25519:01{}\n", "00".repeat(31)))
        .file("other-form.pub", format!("ed25519:ee{}7f\n", "ff".repeat(30)))
        .file("torsion.pub", "ed25519:cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d\n")
        .file("tests.pub", kiwame_samples::test_key('A').1.pem())
        .file("shared.toml", policy(&place, &["maker", "maker"]))
        .file("short.request", SHORT)
        .file("timeless.request", timeless(&place));
    let report = place.does(&format!("{VERIFY} --format json"));
    place.file("again.json", &report);
    let private = fs::read_to_string(place.path("maker.key")).unwrap();
    place.file("private.toml", format!("{}keys = ['''{private}''']\n", policy(&place, &["maker"])));
    place.file("edited.json", report.replacen(r#""tier":"affirming""#, r#""tier":"contraindicated""#, 1));
    manifests(&place);
    place
}

/// A request that gives no time.
fn timeless(place: &Place) -> String {
    let size = |name: &str| fs::metadata(place.path(name)).unwrap().len();
    format!(
        r#"{{"abi":1,"verb":"verify","render":"json","sources":[{{"role":"image","name":"fw.bin","size":{}}},
            {{"role":"manifest","name":"fw.json","size":{}}},{{"role":"policy","name":"p.toml","size":POLICYSIZE}}]}}"#,
        size("fw.bin"),
        size("fw.json")
    )
}

/// Manifests that cannot be read, or that nobody should trust.
fn manifests(place: &Place) {
    let envelope: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("fw.json")).unwrap()).unwrap();
    let payload = kiwame_trust::Envelope::parse(&fs::read(place.path("fw.json")).unwrap()).unwrap().payload;
    let kind = kiwame_trust::manifest::PAYLOAD_TYPE;
    // Another letter in the middle of what is signed.
    let mut damaged = envelope.clone();
    let mut letters = damaged["payload"].as_str().unwrap().to_owned();
    let other = if letters.as_bytes()[40] == b'A' { "B" } else { "A" };
    letters.replace_range(40..41, other);
    damaged["payload"] = letters.into();
    let mut other = envelope;
    other["payloadType"] = "text/plain".into();
    let statement = String::from_utf8(payload.clone()).unwrap();
    let overlap = statement.replacen(r#""span":{"length":"#, r#""span":{"length":9"#, 1);
    assert_ne!(overlap, statement);
    place
        .file("other-type.json", other.to_string())
        .file("damaged.json", damaged.to_string())
        .file("tests.json", kiwame_samples::seal(kind, &payload, "A"))
        .file("contradiction.json", kiwame_samples::seal(kind, overlap.as_bytes(), "A"));
    place.does("manifest sign fw.json --key other.key -o both.json.gz");
    let packed = fs::read(place.path("both.json.gz")).unwrap();
    let mut head = packed[..10].to_vec();
    head[3] = 8;
    head.extend([b'a'; 400]);
    head.push(0);
    place
        .file("more.gz", [packed.as_slice(), b"{}"].concat())
        .file("cut.gz", &packed[..packed.len() - 9])
        .file("long-header.gz", [&head, &packed[10..]].concat());
}

/// A policy in which each of these keys is a signer's, up to its rules.
fn policy(place: &Place, keys: &[&str]) -> String {
    let mut text = "schema = \"kiwame-policy/1\"\nversion = 1\n".to_owned();
    for (number, key) in keys.iter().enumerate() {
        let key = place.does(&format!("key show {key}.key.pub"));
        let key = key.lines().next().unwrap();
        writeln!(text, "[[principal]]\nid = \"{number}\"\nkeys = [\"{key}\"]\nroles = [\"release\"]")
            .unwrap();
    }
    text
}

/// The words of a case, written out.
fn written_out(place: &Place, text: &str) -> String {
    const RULE: &str = "[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\n";
    let router = || fs::read_to_string(place.path("router.toml")).unwrap();
    let principal = policy(place, &["maker"]);
    let layout = format!("{DESCRIPTION}[[layout]]\nname = \"a\"\noffset = 0\nlength = 4\n");
    // What a policy begins with stands before its tables.
    if let Some((before, behind)) = text.split_once("POLICY") {
        let (head, rest) = principal.split_once("[[").unwrap();
        return format!("{head}{before}[[{rest}{RULE}{}", behind.replace("RULE", RULE))
            .replace("IDENTITY", &identity(place));
    }
    if let Some(revoked) = text.strip_prefix("REVOKED") {
        return format!("{principal}revoked = {}", revoked.replace("RULE", RULE));
    }
    match text.split_once(' ').unwrap_or((text, "")) {
        ("PRINCIPAL", _) => principal,
        ("SCHEMA9", _) => DESCRIPTION.replace("firmware/1", "firmware/9"),
        ("SERIAL", path) => layout.replace("[release]", &format!("serial = \"{path}\"\n[release]")),
        ("VENDOR", name) => DESCRIPTION.replace("ACME", name),
        ("WRITTEN", _) => {
            let size = fs::metadata(place.path("overlay.bin")).unwrap().len();
            format!("{}length = {size}\nwritten = true\n", layout.strip_suffix("length = 4\n").unwrap())
        }
        ("KEY", of) => {
            let (name, value) = of.split_once(' ').unwrap();
            let rule = "[[mutable]]\npath = \"partition:env\"\nrule = \"keys\"";
            format!("{}{rule}\nkeys = [{{ name = \"{name}\", value = \"{value}\" }}]", router())
        }
        ("FILE", of) => {
            let (name, format) = of.split_once(' ').unwrap();
            let rule = "[[mutable]]\npath = \"partition:rootfs\"\nrule = \"data-files\"";
            format!(
                "{}{rule}\nfiles = [{{ name = \"{name}\", format = \"{format}\", max-bytes = 99 }}]",
                router()
            )
        }
        _ => text.replace("LAYOUT", &layout).replace("DESCRIPTION", DESCRIPTION),
    }
}

/// The identity of the manifest, as `manifest show` has it.
fn identity(place: &Place) -> String {
    let shown = place.does("manifest show fw.json --format json");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown["payloadSha256"].as_str().unwrap().to_owned()
}

/// What the command was asked, and what it said: on both streams, and in what it wrote where it was asked for that.
fn said(place: &Place, case: &str, lang: &str) -> (Output, String) {
    let (arguments, file) = case.split_once(" | ").unwrap_or((case, ""));
    place.file("short.request", SHORT.replace("LANG", lang));
    if let Some((name, text)) = file.split_once('=') {
        place.file(name, written_out(place, text).replace("LANG", lang));
    }
    if let Ok(policy) = fs::metadata(place.path("p.toml")) {
        let request = timeless(place).replace("POLICYSIZE", &policy.len().to_string());
        place.file("timeless.request", request);
    }
    let verify = VERIFY.strip_prefix("verify fw.bin ").unwrap();
    let attest = "--describe d.toml --key maker.key -o new.json";
    let arguments = arguments
        .replace("VERIFY", verify)
        .replace("ATTEST", &format!("attest fw.bin --raw {attest}"))
        .replace("ROUTER", &format!("attest router.bin {attest}"));
    let outputs = ["stderr", "stdout", "problem", "report", "compared"].map(|name| place.path(name));
    let finds = arguments.starts_with("verify") && !arguments.contains("--now");
    let render = if finds { " --format json" } else { "" };
    let output = place.run(&format!("{arguments} --lang {lang}{render}"));
    let mut said = [output.stderr.as_slice(), &output.stdout].concat();
    for path in outputs {
        said.extend(fs::read(&path).unwrap_or_default());
        let _ = fs::remove_file(path);
    }
    (output, String::from_utf8(said).unwrap())
}

/// Whether the sentence of a kind stands in a text, whatever its words in braces are.
fn says(text: &str, sentence: &str) -> bool {
    let mut rest = text;
    sentence.split('{').all(|piece| {
        let piece = piece.split_once('}').map_or(piece, |(_, behind)| behind);
        // In JSON a quotation mark is escaped.
        let found = [piece.to_owned(), piece.replace('"', "\\\"")];
        let at = found.iter().find_map(|piece| Some(rest.find(piece)? + piece.len()));
        rest = at.map_or("", |at| &rest[at..]);
        at.is_some()
    })
}

fn kinds() -> Vec<&'static ProblemKind> {
    [&kiwame_verifier::problems::lists().concat(), command::ALL].concat()
}

#[test]
fn every_problem_is_reached_and_said_in_both_languages() {
    let place = bed();
    let (mut reached, mut wrong) = (BTreeSet::new(), Vec::new());
    for (id, case) in CASES {
        let kind = kinds().into_iter().find(|kind| kind.id == *id).expect(id);
        let before = place.names();
        for (lang, sentence) in [("en", kind.says.english), ("ja", kind.says.japanese)] {
            let (output, text) = said(&place, case, lang);
            let found = [format!("[{id}, exit "), format!("\"id\":\"{id}\""), format!("\"why-id\":\"{id}\"")];
            if !found.iter().any(|found| text.contains(found.as_str()))
                || !says(&text, sentence)
                || output.status.code().is_some_and(|code| ![2, 4, 6].contains(&code))
            {
                wrong.push(format!("{id}: {case} ({lang}): {:?}: {text}", output.status.code()));
            }
        }
        let mut after = place.names();
        after.retain(|name| {
            !["p.toml", "fw.toml", "d.toml", "m.json", "r.json", "s.txt", "r"].contains(&name.as_str())
        });
        if !after.iter().all(|name| before.contains(name)) {
            wrong.push(format!("{id}: {case}: left {after:?}"));
            let _ = fs::remove_file(place.path("new.json"));
        }
        reached.insert(*id);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // These need more than arguments.
    reached.extend(["file/changed-meanwhile", "output/stdout", "key/too-many"]);
    reached.extend(OUT_OF_REACH);
    let all: BTreeSet<_> = kinds().iter().map(|kind| kind.id).collect();
    assert_eq!(all.difference(&reached).collect::<Vec<_>>(), Vec::<&&str>::new(), "no case reaches these");
}

#[test]
fn sixty_five_signatures_are_too_many() {
    let place = Place::attested();
    let mut arguments = "manifest sign fw.json -o new.json".to_owned();
    for number in 0..64 {
        place.does(&format!("key new -o {number}.key"));
        write!(arguments, " --key {number}.key").unwrap();
    }
    place.refuses(&arguments, 2, "65 signatures, at most 64 are accepted  [key/too-many, exit 2]");
    place.refuses(&format!("{arguments} --lang ja"), 2, "署名が 65 件有る(上限 64)  [key/too-many, exit 2]");
}

#[test]
#[cfg(target_os = "linux")]
fn standard_output_without_room_is_said_on_the_other_stream() {
    let place = Place::attested();
    for (lang, words) in
        [("en", "standard output cannot be written: "), ("ja", "標準出力に書き込めない:空き容量が無い")]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = kiwame(place.0.path());
        command.args(["inspect", "fw.bin", "--lang", lang]).stdout(full).stderr(Stdio::piped());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2)
                && said.contains(words)
                && said.contains("[output/stdout, exit 2]"),
            "{said}"
        );
    }
}
