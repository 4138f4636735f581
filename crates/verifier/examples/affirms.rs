//! Tells what `verify` says of changed copies of images, for the oracles of `tests/oracle`.
//!
//!     affirms < requests, one line of JSON each
//!
//! A request is `{"genuine": path, "copies": [path…]}`: the genuine image is attested, and each copy verified under a policy that
//! accepts whatever was packed anew. With `"erase": bytes` the image is one partition of a flash with such erase blocks, and
//! with `"written": true` the device itself writes that partition. The answer is one line, `{"genuine": exit, "copies": [exit…]}`
//! with exit statuses of `kiwame verify`.

use std::io::{BufRead as _, Error, Write as _};

use kiwame_image::Memory;
use kiwame_samples::{golden, seal};
use kiwame_trust::manifest::PAYLOAD_TYPE;
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        writeln!(out, "{}", answer(&request)?)?;
        out.flush()?;
    }
    Ok(())
}

fn answer(request: &Value) -> std::io::Result<Value> {
    let path = request["genuine"].as_str().ok_or_else(|| Error::other("which image?"))?;
    let genuine = std::fs::read(path)?;
    let description = description(request, genuine.len());
    let statement = golden::attest_bytes(&[("image", genuine.clone())], &description)
        .map_err(|error| Error::other(format!("{path}: {error}")))?;
    let (policy, envelope) =
        (golden::accepting_policy(&statement).into_bytes(), seal(PAYLOAD_TYPE, &statement, "A"));
    let exit = |image: Vec<u8>| verify(image, &envelope, &policy);
    let copies = request["copies"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let copies: Vec<_> = copies.map(|path| Ok(exit(std::fs::read(path)?))).collect::<std::io::Result<_>>()?;
    Ok(json!({ "genuine": exit(genuine), "copies": copies }))
}

fn description(request: &Value, size: usize) -> String {
    let mut text = "schema = \"kiwame-firmware/1\"\n[product]\nvendor = \"Example\"\nmodel = \"Board\"\n\
                    [release]\nversion = \"1\"\n"
        .to_owned();
    if let Some(erase) = request["erase"].as_u64() {
        let written = request["written"] == true;
        text += &format!(
            "[[layout]]\nname = \"part\"\noffset = 0\nlength = {size}\nerase-block = {erase}\nwritten = {written}\n"
        );
    }
    text
}

fn verify(image: Vec<u8>, envelope: &[u8], policy: &[u8]) -> u8 {
    let request = json!({
        "abi": kiwame_verifier::ABI, "verb": "verify", "coreSha256": golden::CORE, "render": "json", "deep": true,
        "insecureAcceptKnownKeys": true,
        "sources": [
            { "role": "image", "name": "copy", "size": image.len() },
            { "role": "manifest", "name": "manifest.json", "size": envelope.len() },
            { "role": "policy", "name": "policy.toml", "size": policy.len() },
        ],
    });
    let sources = [image, envelope.to_vec(), policy.to_vec()];
    kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new(sources)).exit
}
