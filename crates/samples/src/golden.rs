//! Golden cases: `tests/golden/<case>/case.toml` turned into one request and its sources, the same for every host.

use std::fs;
use std::path::{Path, PathBuf};

use kiwame_image::Memory;
use serde::Deserialize;

use crate::{SampleError, sample, seal, test_key};

/// A case, ready to run.
#[derive(Debug)]
pub struct Case {
    /// Its name: that of its folder.
    pub name: String,
    /// The request.
    pub request: Vec<u8>,
    /// The sources, in the request's order.
    pub sources: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(rename = "about")]
    _about: String,
    verb: String,
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    manifest: Vec<ManifestEntry>,
    /// Letters of test keys.
    key: Option<char>,
    policy: Option<String>,
    expect: Option<String>,
    now: Option<String>,
    channel: Option<String>,
    hardware: Option<String>,
    /// Further readings of the image.
    #[serde(default)]
    same: Vec<String>,
    /// The map of what was not read.
    unread: Option<String>,
    #[serde(default)]
    deep: bool,
    #[serde(default)]
    limits: std::collections::BTreeMap<String, u64>,
    #[serde(default)]
    presented: Vec<String>,
    /// Bytes that the request announces for the image beyond those that the host can deliver.
    #[serde(default)]
    announce_more: usize,
    /// Take the test keys for what they are.
    #[serde(default)]
    strict_keys: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestEntry {
    /// Images to attest.
    attest: Vec<String>,
    /// Description, under `firmware-samples/descriptions`.
    describe: String,
    /// Letters of the keys that sign.
    keys: String,
    /// Replacements made in the statement before it is signed.
    #[serde(default)]
    replace: Vec<[String; 2]>,
    /// Replacements made in the description.
    #[serde(default)]
    release: Option<String>,
    /// Lines added to the description.
    #[serde(default)]
    more: String,
    /// Programs in files are listed by their parts.
    #[serde(default)]
    sections: bool,
}

/// The folder of the golden cases.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// Names of all cases, sorted.
///
/// # Errors
/// When the folder cannot be read.
pub fn names() -> Result<Vec<String>, SampleError> {
    let root = folder();
    let entries = fs::read_dir(&root).map_err(|error| SampleError::Read(root, error))?;
    let cases = entries.filter_map(Result::ok).filter(|entry| entry.path().join("case.toml").is_file());
    let mut names: Vec<_> = cases.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// The digest that golden reports carry instead of a real core's.
pub const CORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Prepares a case.
///
/// # Errors
/// When its files cannot be read, or its manifests cannot be made.
pub fn prepare(name: &str) -> Result<Case, SampleError> {
    let path = folder().join(name).join("case.toml");
    let text = fs::read_to_string(&path).map_err(|error| SampleError::Read(path, error))?;
    let file: File =
        toml::from_str(&text).map_err(|error| SampleError::Description(format!("{name}: {error}")))?;
    let mut list = Vec::new();
    let mut sources = Vec::new();
    let mut add = |role: &str, name: String, bytes: Vec<u8>, more: usize| {
        list.push(serde_json::json!({ "role": role, "name": name, "size": bytes.len() + more }));
        sources.push(bytes);
    };
    for image in &file.images {
        add("image", image.clone(), sample(image)?, file.announce_more);
    }
    for (number, manifest) in file.manifest.iter().enumerate() {
        add("manifest", format!("manifest-{number}.json"), manifest.make()?, 0);
    }
    if let Some(letter) = file.key {
        add("key", format!("TEST_KEY_DO_NOT_USE-{letter}.pem"), test_key(letter).1.pem().into_bytes(), 0);
    }
    if let Some(policy) = &file.policy {
        add("policy", "policy.toml".to_owned(), with_keys(policy).into_bytes(), 0);
    }
    if let Some(unread) = &file.unread {
        add("unread", "unread.map".to_owned(), unread.clone().into_bytes(), 0);
    }
    for name in &file.same {
        add("same", name.clone(), sample(name)?, 0);
    }
    let mut request = serde_json::json!({
        "abi": 1, "verb": file.verb, "sources": list, "coreSha256": CORE, "deep": file.deep, "regions": true, "render": "json",
        "limits": file.limits, "presented": file.presented, "insecureAcceptKnownKeys": !file.strict_keys,
        "nowSource": "argument",
    });
    for (field, value) in
        [("expect", file.expect), ("now", file.now), ("channel", file.channel), ("hardware", file.hardware)]
    {
        if let Some(value) = value {
            request[field] = value.into();
        }
    }
    Ok(Case { name: name.to_owned(), request: request.to_string().into_bytes(), sources })
}

/// `@A@` in a policy stands for the fingerprint of test key A.
fn with_keys(policy: &str) -> String {
    ('A'..='E').fold(policy.to_owned(), |text, letter| {
        text.replace(&format!("@{letter}@"), &test_key(letter).1.fingerprint())
    })
}

impl ManifestEntry {
    fn make(&self) -> Result<Vec<u8>, SampleError> {
        let path = crate::folder().join("descriptions").join(&self.describe);
        let mut description = fs::read_to_string(&path).map_err(|error| SampleError::Read(path, error))?;
        if let Some(release) = &self.release {
            let line = description
                .lines()
                .find(|line| line.starts_with("version = "))
                .unwrap_or_default()
                .to_owned();
            description = description.replace(&line, &format!("version = \"{release}\""));
        }
        description.push_str(&self.more);
        let statement = attest_as(&images(&self.attest)?, &description, self.sections)?;
        let mut text =
            String::from_utf8(statement).map_err(|_| SampleError::Edit("the statement is not text"))?;
        for [from, to] in &self.replace {
            if !text.contains(from.as_str()) {
                return Err(SampleError::Edit("a replacement finds nothing in the statement"));
            }
            text = text.replacen(from.as_str(), to, 1);
        }
        Ok(seal(kiwame_trust::manifest::PAYLOAD_TYPE, text.as_bytes(), &self.keys))
    }
}

/// A maker's statement about some samples.
///
/// # Errors
/// When the core refuses to make it; the message is the core's.
pub fn attest(images: &[String], description: &str) -> Result<Vec<u8>, SampleError> {
    attest_bytes(&self::images(images)?, description)
}

fn images(names: &[String]) -> Result<Vec<(&str, Vec<u8>)>, SampleError> {
    names.iter().map(|image| Ok((image.as_str(), sample(image)?))).collect()
}

/// A maker's statement about some images.
///
/// # Errors
/// When the core refuses to make it; the message is the core's.
pub fn attest_bytes(images: &[(&str, Vec<u8>)], description: &str) -> Result<Vec<u8>, SampleError> {
    attest_as(images, description, false)
}

/// `sections`: programs in files are listed by their parts.
fn attest_as(images: &[(&str, Vec<u8>)], description: &str, sections: bool) -> Result<Vec<u8>, SampleError> {
    let mut list =
        vec![serde_json::json!({ "role": "describe", "name": "firmware.toml", "size": description.len() })];
    let mut sources = vec![description.as_bytes().to_vec()];
    for (name, bytes) in images {
        list.push(serde_json::json!({ "role": "image", "name": name, "size": bytes.len() }));
        sources.push(bytes.clone());
    }
    let request = serde_json::json!({
        "abi": 1, "verb": "attest", "sources": list, "coreSha256": CORE, "sections": sections, "raw": true,
    });
    let response = kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new(sources));
    let statement = response.output("statement").map(<[u8]>::to_vec);
    statement.ok_or_else(|| {
        let said = response.output("stderr").unwrap_or_default();
        SampleError::Description(String::from_utf8_lossy(said).into_owned())
    })
}

/// A policy for a statement of Example's Board, release 1, signed by test key A, that accepts whatever was packed anew: it
/// names every top-level path of the first image in `accept-reencoded`. Only under such a policy can a normal form fail.
///
/// # Panics
/// When the statement is none.
#[must_use]
pub fn accepting_policy(statement: &[u8]) -> String {
    let statement: serde_json::Value = serde_json::from_slice(statement).expect("JSON");
    let regions = &statement["predicate"]["images"][0]["regions"];
    let paths = regions.as_array().expect("regions").iter().filter_map(|region| region["path"].as_str());
    let tops: std::collections::BTreeSet<_> =
        paths.filter_map(|path| path.split('/').next()).filter(|top| *top != "image").collect();
    let tops: Vec<_> = tops.into_iter().collect();
    let key = test_key('A').1.fingerprint();
    format!(
        "schema = \"kiwame-policy/1\"\nversion = 1\n[[principal]]\nid = \"maker\"\nkeys = [\"{key}\"]\n\
         roles = [\"release\"]\n[[rule]]\nvendor = \"Example\"\nmodel = \"Board\"\nrelease = \"1\"\nthreshold = 1\n\
         accept-reencoded = {tops:?}\n"
    )
}
