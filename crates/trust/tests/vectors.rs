//! Vectors that others made, run whole.

use std::path::PathBuf;

use ed25519_dalek::{Signature, VerifyingKey};
use kiwame_trust::{Envelope, Policy, PublicKey, TrustError};
use serde_json::Value;

fn raw(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&raw(name)).expect("the vectors are JSON")
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().expect("hexadecimal").as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    digits.chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

fn key(hex: &Value) -> Result<PublicKey, TrustError> {
    PublicKey::parse(format!("ed25519:{}", hex.as_str().expect("hexadecimal")).as_bytes())
}

#[test]
fn cctv_strict_accepts_43_and_vetted_keys_exactly_one() {
    let vectors = read("cctv-ed25519/ed25519vectors.json");
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), 914);
    let strict = |vector: &&Value| {
        let key: [u8; 32] = bytes(&vector["key"]).try_into().unwrap();
        let signature: [u8; 64] = bytes(&vector["sig"]).try_into().unwrap();
        let message = vector["msg"].as_str().unwrap().as_bytes();
        let Ok(key) = VerifyingKey::from_bytes(&key) else { return false };
        key.verify_strict(message, &Signature::from_bytes(&signature)).is_ok()
    };
    assert_eq!(vectors.iter().filter(strict).count(), 43);
    let accepted = |vector: &&Value| {
        let message = vector["msg"].as_str().unwrap().as_bytes();
        key(&vector["key"]).is_ok_and(|key| key.check(message, &bytes(&vector["sig"])).is_ok())
    };
    let numbers: Vec<_> =
        vectors.iter().filter(accepted).map(|vector| vector["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [305]);
}

#[test]
fn wycheproof_ed25519_agrees_on_all_151() {
    let file = read("wycheproof/ed25519_test.json");
    let mut cases = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let key = key(&group["publicKey"]["pk"]).expect("Wycheproof keys are sound");
        for test in group["tests"].as_array().unwrap() {
            let valid = key.check(&bytes(&test["msg"]), &bytes(&test["sig"])).is_ok();
            assert_eq!(valid, test["result"] == "valid", "case {}: {}", test["tcId"], test["comment"]);
            cases += 1;
        }
    }
    assert_eq!(cases, 151);
}

/// The envelopes carry another predicate than ours, so what is compared is the count of distinct keys that signed.
#[test]
fn dsse_envelopes_are_taken_as_their_cases_say() {
    let keys = read("dsse/keys.json");
    let cases = read("dsse/cases.json");
    let mut policy = Policy::one_key(key(&keys["k0"]["ed25519_hex"]).unwrap(), "ACME/R1").unwrap();
    for name in ["k1", "k2"] {
        let mut principal = policy.principals[0].clone();
        principal.id = name.to_owned();
        principal.keys = vec![key(&keys[name]["ed25519_hex"]).unwrap()];
        policy.principals.push(principal);
    }
    assert_eq!(cases.as_object().unwrap().len(), 13);
    for (name, case) in cases.as_object().unwrap() {
        let threshold = usize::try_from(case["threshold"].as_u64().unwrap()).unwrap();
        let signers = Envelope::parse(&raw(&format!("dsse/{name}.json")))
            .map(|envelope| envelope.signed_by(&policy).len());
        let accepted = signers.is_ok_and(|signers| signers >= threshold);
        // "policy: accept only if all keys are tried": ours are.
        let expected = !case["expected"].as_str().unwrap().starts_with("reject");
        assert_eq!(accepted, expected, "{name}: {}", case["why"]);
    }
}
