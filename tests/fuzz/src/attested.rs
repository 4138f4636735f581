//! Whole runs: reports account for every byte, and a copy that differs is not affirmed. As in `mutations.rs` of the
//! verifier, whose choices are made by chance; here they are guided.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use kiwame_image::Memory;
use kiwame_samples::{golden, seal, sha256, test_key};
use kiwame_trust::manifest::PAYLOAD_TYPE;
use kiwame_verifier::Response;
use serde_json::{Value, json};

use crate::trees;

/// What a maker says of every image.
pub const DESCRIPTION: &str = r#"
schema = "kiwame-firmware/1"
[product]
vendor = "Example"
model = "Board"
[release]
version = "1"
"#;

/// The same, and one variable may differ.
pub const MUTABLE: &str = r#"
[[mutable]]
path = "uefi-volume:0"
rule = "keys"
keys = [{ name = "8BE4DF61-93CA-11D2-AA0D-00E098032B8C-Lang", value = "word:8" }]
"#;

/// An attested image.
struct Attested {
    image: Vec<u8>,
    envelope: Vec<u8>,
}

/// The report about any bytes, for machines and for people.
pub fn inspect(input: &[u8]) -> u32 {
    let sources = json!([{ "role": "image", "name": "copy", "size": input.len() }]);
    for (render, lang) in [("json", "en"), ("text", "en"), ("text", "ja")] {
        let mut request = request("inspect", render);
        request["sources"] = sources.clone();
        request["lang"] = lang.into();
        let response = run(&request, [input.to_vec()]);
        assert!([0, 2, 6].contains(&response.exit), "exit {}", response.exit);
        if render == "text" {
            plain(&response);
        } else if !input.is_empty() {
            accounts_for_every_byte(&report(&response), input.len());
        }
    }
    3
}

/// A copy of an attested image: 4 bytes that say of which, and the copy.
pub fn verify(input: &[u8]) -> u32 {
    let Some((attested, copy)) = known(input) else { return 0 };
    attested.check(copy);
    2
}

/// An image that its maker attests: it is affirmed, and not with one byte changed.
pub fn attest(input: &[u8]) -> u32 {
    let Some(attested) = Attested::new(input.to_vec(), DESCRIPTION) else { return 0 };
    let (exit, report) = attested.verify(input);
    // A limit that was not hit with the maker is not hit with the buyer; nothing else may keep it from being affirmed.
    assert_eq!(exit, 0, "as attested: {}", report["findings"]);
    let hash = sha256(input);
    let number = |at: usize| usize::from_str_radix(&hash[at..at + 8], 16).expect("hexadecimal");
    let mut copy = input.to_vec();
    copy[number(0) % input.len()] ^= 1 << (number(8) % 8);
    attested.check(&copy);
    4
}

/// A manifest that is well signed and says anything, beside the image that it should be about.
pub fn statement(input: &[u8]) -> u32 {
    let Some((attested, payload)) = known(input) else { return 0 };
    let image = attested.image.clone();
    let altered = Attested { image, envelope: seal(PAYLOAD_TYPE, payload, "A") };
    let (exit, report) = altered.verify(&altered.image);
    assert!([0, 1, 3, 4, 5, 6, 7].contains(&exit), "exit {exit}");
    if !report.is_null() {
        accounts_for_every_byte(&report, altered.image.len());
        assert_eq!(exit == 0, report["accepted"] == true, "exit {exit} and report disagree");
    }
    1
}

impl Attested {
    /// `None` when a limit keeps the maker from attesting it, or there is nothing to attest.
    fn new(image: Vec<u8>, description: &str) -> Option<Self> {
        let mut request = request("attest", "json");
        request["sources"] = json!([
            { "role": "describe", "name": "firmware.toml", "size": description.len() },
            { "role": "image", "name": "image", "size": image.len() },
        ]);
        let response = run(&request, [description.as_bytes().to_vec(), image.clone()]);
        assert!([0, 2, 6].contains(&response.exit), "exit {}: {}", response.exit, said(&response));
        let Some(statement) = response.output("statement") else {
            // What can be read and keeps within the limits can be attested.
            assert!(response.exit == 6 || image.is_empty(), "exit {}: {}", response.exit, said(&response));
            return None;
        };
        Some(Self { envelope: seal(PAYLOAD_TYPE, statement, "A"), image })
    }

    fn verify(&self, image: &[u8]) -> (u8, Value) {
        let key = test_key('A').1.pem().into_bytes();
        let mut request = request("verify", "json");
        request["expect"] = "Example/Board@1".into();
        request["insecureAcceptKnownKeys"] = true.into();
        request["sources"] = json!([
            { "role": "image", "name": "copy", "size": image.len() },
            { "role": "manifest", "name": "manifest.json", "size": self.envelope.len() },
            { "role": "key", "name": "key.pem", "size": key.len() },
        ]);
        let response = run(&request, [image.to_vec(), self.envelope.clone(), key]);
        (response.exit, response.output("report").map(|_| report(&response)).unwrap_or_default())
    }

    /// Holds one copy to the property.
    fn check(&self, copy: &[u8]) {
        let (exit, report) = self.verify(copy);
        if copy.is_empty() {
            return assert_eq!(exit, 2, "an empty file is no input");
        }
        assert!([0, 1, 3, 4, 5, 6, 7].contains(&exit), "exit {exit}, which verify does not have");
        accounts_for_every_byte(&report, copy.len());
        assert_eq!(exit == 0, report["accepted"] == true, "exit {exit} and report disagree");
        if exit == 0 && copy != self.image {
            let allowed = re_encoded(&report) || self.only_mutable(copy, &report);
            assert!(allowed, "affirmed: {}", report["findings"]);
        }
    }

    /// True when every byte that differs lies in a leaf that is declared mutable.
    fn only_mutable(&self, copy: &[u8], report: &Value) -> bool {
        let regions = report["regions"].as_array().expect("regions").iter();
        let mutable: Vec<_> = regions
            .filter(|region| region["class"] == "mutable" && region["space"] == "image")
            .map(|region| number(&region["offset"])..number(&region["offset"]) + number(&region["length"]))
            .collect();
        let mut changed = (0..copy.len()).filter(|&at| copy[at] != self.image[at]);
        copy.len() == self.image.len() && changed.all(|at| mutable.iter().any(|range| range.contains(&at)))
    }
}

/// The attested image that the first four bytes name, and the rest of the input.
fn known(input: &[u8]) -> Option<(Rc<Attested>, &[u8])> {
    thread_local!(static KNOWN: RefCell<BTreeMap<[u8; 4], Option<Rc<Attested>>>> = RefCell::default());
    let (name, rest) = input.split_first_chunk()?;
    let load = || {
        let folder = folder().join(hex(name));
        let description = fs::read_to_string(folder.join("firmware.toml")).ok()?;
        Attested::new(fs::read(folder.join("image.bin")).ok()?, &description).map(Rc::new)
    };
    let attested = KNOWN.with_borrow_mut(|known| {
        // The mutator makes up names without end; those that nothing stands behind are not kept.
        if let Some(attested) = known.get(name) {
            return attested.clone();
        }
        let attested = load();
        if attested.is_some() {
            known.insert(*name, attested.clone());
        }
        attested
    });
    Some((attested?, rest))
}

/// Makes an image known, and gives its name and what its maker says of it.
pub fn learn(image: &[u8], description: &str) -> Option<([u8; 4], Vec<u8>)> {
    let mut request = request("attest", "json");
    request["sources"] = json!([
        { "role": "describe", "name": "firmware.toml", "size": description.len() },
        { "role": "image", "name": "image", "size": image.len() },
    ]);
    let response = run(&request, [description.as_bytes().to_vec(), image.to_vec()]);
    let statement = response.output("statement")?.to_vec();
    let digest = sha256(&[image, description.as_bytes()].concat());
    let name = std::array::from_fn(|at| u8::from_str_radix(&digest[2 * at..][..2], 16).expect("hexadecimal"));
    let folder = folder().join(hex(&name));
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(folder.join("image.bin"), image).expect("writable");
    fs::write(folder.join("firmware.toml"), description).expect("writable");
    Some((name, statement))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/fuzz/attested")
}

fn hex(name: &[u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(*name))
}

fn request(verb: &str, render: &str) -> Value {
    let limits = trees::limits();
    json!({
        "abi": 1, "verb": verb, "coreSha256": golden::CORE, "render": render, "deep": true, "limits": {
            "space": limits.space, "live": limits.live, "decoded": limits.decoded, "depth": limits.depth,
            "nodes": limits.nodes, "reads": limits.reads, "defects": limits.defects,
        },
    })
}

fn run<const N: usize>(request: &Value, sources: [Vec<u8>; N]) -> Response {
    kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new(sources))
}

fn report(response: &Response) -> Value {
    let report =
        response.output("report").unwrap_or_else(|| panic!("exit {}: {}", response.exit, said(response)));
    serde_json::from_slice(report).expect("JSON")
}

fn said(response: &Response) -> String {
    String::from_utf8_lossy(response.output("stderr").unwrap_or_default()).into_owned()
}

/// What people read has no control characters but ends of lines (RULES 27), and none that only seem to be nothing.
pub fn plain(response: &Response) {
    for name in ["stdout", "stderr"] {
        let text =
            response.output(name).map(|bytes| std::str::from_utf8(bytes).expect("text")).unwrap_or_default();
        let hostile = |c: &char| {
            c.is_control() && *c != '\n' || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        };
        assert_eq!(text.chars().find(hostile), None, "{name}: {text:?}");
    }
}

/// The classes of each space add up to its size, and its leaves tile it.
fn accounts_for_every_byte(report: &Value, size: usize) {
    let sum = |account: &Value| account.as_object().expect("an account").values().map(number).sum::<usize>();
    let spaces = report["spaces"].as_array().expect("spaces");
    assert_eq!(sum(&report["account"]), size, "the account of the image");
    let mut leaves = BTreeMap::<_, Vec<_>>::new();
    for leaf in
        report["regions"].as_array().expect("regions").iter().filter(|region| !region["class"].is_null())
    {
        leaves
            .entry(leaf["space"].as_str())
            .or_default()
            .push((number(&leaf["offset"]), number(&leaf["length"])));
    }
    // Spaces of one path, as two streams of one name have, are told apart by nothing here; their sums are.
    let mut count = BTreeMap::<_, usize>::new();
    spaces.iter().for_each(|space| *count.entry(space["path"].as_str()).or_default() += 1);
    for space in spaces {
        let path = space["path"].as_str();
        assert_eq!(sum(&space["account"]), number(&space["size"]), "the account of {path:?}");
        if count[&path] == 1 {
            let of_space = leaves.get(&path).map(Vec::as_slice).unwrap_or_default().iter();
            let end = of_space.fold(0, |end, (offset, length)| {
                assert_eq!(*offset, end, "a gap or an overlap in {path:?}");
                offset + length
            });
            assert_eq!(end, number(&space["size"]), "the end of {path:?}");
        }
    }
}

fn re_encoded(report: &Value) -> bool {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().any(|finding| finding["id"] == "encoding/accepted")
}

fn number(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}
