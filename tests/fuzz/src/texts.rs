//! What is read as text: keys, policies, envelopes, payloads, descriptions, reports.

use kiwame_image::Memory;
use kiwame_trust::dsse;
use kiwame_trust::manifest::PAYLOAD_TYPE;
use serde_json::json;

use crate::attested::plain;

/// A kind of text, the role it is given in, and the verbs that read it.
pub struct Text {
    pub name: &'static str,
    pub role: &'static str,
    verbs: &'static [&'static str],
    /// The bytes are the payload of an envelope.
    payload: bool,
}

/// Every kind of text.
pub static TEXTS: &[Text] = &[
    Text { name: "text-key", role: "key", verbs: &["key-show"], payload: false },
    Text { name: "text-policy", role: "policy", verbs: &["policy-check", "policy-explain"], payload: false },
    Text { name: "text-envelope", role: "manifest", verbs: &["manifest-show"], payload: false },
    Text {
        name: "text-manifest",
        role: "manifest",
        verbs: &["manifest-show", "manifest-lint"],
        payload: true,
    },
    Text { name: "text-description", role: "describe", verbs: &["attest"], payload: false },
    Text { name: "text-report", role: "report", verbs: &["report-show"], payload: false },
];

/// Gives the bytes to each verb, which answers for machines and for people.
pub fn run(text: &Text, input: &[u8]) -> u32 {
    let input = if text.payload { dsse::seal(PAYLOAD_TYPE, input, &[]) } else { input.to_vec() };
    let image = b"an image".to_vec();
    let mut runs = 0;
    for verb in text.verbs {
        for (render, lang) in [("json", "en"), ("text", "en"), ("text", "ja")] {
            let request = json!({
                "abi": 1, "verb": verb, "coreSha256": "", "render": render, "lang": lang, "sources": [
                    { "role": text.role, "name": "input", "size": input.len() },
                    { "role": "image", "name": "image.bin", "size": image.len() },
                ],
            });
            let host = Memory::new([input.clone(), image.clone()]);
            let response = kiwame_verifier::run(request.to_string().as_bytes(), &host);
            assert!([0, 2, 3, 4, 5, 6].contains(&response.exit), "{verb}: exit {}", response.exit);
            if render == "text" {
                plain(&response);
            }
            runs += 1;
        }
    }
    runs
}
