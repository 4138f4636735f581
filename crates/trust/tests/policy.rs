//! Thresholds, principals, known keys, times, floors, what is lived with: each with a neighbour that passes.

use ed25519_dalek::{Signer, SigningKey};
use kiwame_image::{Algorithm, Digest};
use kiwame_trust::policy::Expectation;
use kiwame_trust::{Envelope, Policy, PublicKey, Time, TrustError, dsse, manifest};

fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn public(number: u8) -> PublicKey {
    PublicKey::ed25519(signing_key(number).verifying_key().as_bytes()).unwrap()
}

fn statement(release: &str) -> String {
    let digest = "ab".repeat(32);
    format!(
        r#"{{"_type":"{}","predicateType":"{}","subject":[{{"name":"a.bin","digest":{{"sha256":"{digest}"}}}}],
        "predicate":{{"product":{{"vendor":"ACME","model":"R1"}},"release":{release},
        "images":[{{"subject":0,"format":"raw","size":4,"eraseValue":255,"required":true,"coverage":"complete",
          "regions":[{{"path":"raw:0","space":"image","span":{{"offset":0,"length":4}},"kind":"raw","method":"bytes",
            "digests":{{"sha256":"{digest}"}}}}]}}]}}}}"#,
        manifest::STATEMENT_TYPE,
        manifest::PREDICATE_TYPE
    )
}

fn envelope(payload: &str, keys: &[u8]) -> Envelope {
    let message = dsse::pae(manifest::PAYLOAD_TYPE, payload.as_bytes());
    let signatures: Vec<_> = keys
        .iter()
        .map(|&key| (String::new(), signing_key(key).sign(&message).to_bytes().to_vec()))
        .collect();
    Envelope::parse(&dsse::seal(manifest::PAYLOAD_TYPE, payload.as_bytes(), &signatures)).unwrap()
}

fn policy(text: &str) -> Result<Policy, TrustError> {
    Policy::parse(format!("schema = \"kiwame-policy/1\"\nversion = 1\n{text}").as_bytes())
}

fn principal(id: &str, keys: &[u8]) -> String {
    let keys: Vec<_> = keys.iter().map(|&key| public(key).fingerprint()).collect();
    format!("[[principal]]\nid = \"{id}\"\nroles = [\"release\"]\nkeys = {keys:?}\n")
}

fn two_of_three() -> Policy {
    let rule = "[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\nthreshold = 2\n";
    policy(&[principal("a", &[1, 4]), principal("b", &[2]), principal("c", &[3]), rule.to_owned()].concat())
        .unwrap()
}

fn verify(policy: &Policy, envelope: &Envelope, now: Option<&str>) -> Result<Vec<String>, TrustError> {
    let identity = Digest::new(Algorithm::Sha256, &[0; 32]).unwrap();
    let verified = policy.verify(envelope, identity, now.map(|now| Time::parse(now).unwrap()))?;
    Ok(verified.signers().iter().map(|signer| signer.id.clone()).collect())
}

const RELEASE: &str = r#"{"version":"1.0"}"#;

#[test]
fn a_threshold_counts_principals_not_entries_and_not_keys() {
    let policy = two_of_three();
    let short = |keys: &[u8]| {
        matches!(
            verify(&policy, &envelope(&statement(RELEASE), keys), None),
            Err(TrustError::Threshold { .. })
        )
    };
    assert!(short(&[]));
    assert!(short(&[1]));
    assert!(short(&[1, 1, 1]), "one key, three entries");
    assert!(short(&[1, 4]), "two keys of one principal");
    assert!(short(&[1, 9]), "one of them unknown");
    assert_eq!(verify(&policy, &envelope(&statement(RELEASE), &[3, 1]), None).unwrap(), ["a", "c"]);
}

#[test]
fn one_key_under_two_names_or_notations_is_refused_when_the_policy_is_read() {
    let pem = public(1).pem().replace('\n', "\\n");
    let other = format!("[[principal]]\nid = \"b\"\nroles = [\"release\"]\nkeys = [\"{pem}\"]\n");
    assert!(matches!(policy(&[principal("a", &[1]), other].concat()), Err(TrustError::SharedKey(_))));
    assert!(policy(&[principal("a", &[1]), principal("b", &[2])].concat()).is_ok());
}

#[test]
fn a_key_that_verifies_signatures_nobody_made_is_refused_when_the_policy_is_read() {
    let weak = format!("[[principal]]\nid = \"a\"\nroles = []\nkeys = [\"ed25519:01{}\"]\n", "00".repeat(31));
    let Err(TrustError::KeyOf { why, .. }) = policy(&weak) else { panic!("a weak key") };
    assert_eq!(*why, TrustError::WeakKey);
}

#[test]
fn no_rule_and_two_rules_are_cannot_tell() {
    let rule = "[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\nthreshold = 1\n";
    let envelope = envelope(&statement(RELEASE), &[1]);
    let with = |rules: &[&str]| {
        verify(&policy(&[&principal("a", &[1])[..], &rules.concat()].concat()).unwrap(), &envelope, None)
    };
    assert!(matches!(with(&[]), Err(TrustError::NoRule { .. })));
    assert!(matches!(with(&[rule, rule]), Err(TrustError::TwoRules { .. })));
    assert!(with(&[rule]).is_ok());
    assert!(policy("[[rule]]\nvendor = \"A\"\nmodel = \"B\"\nthreshold = 0\n").is_err(), "an empty rule");
}

#[test]
fn a_known_test_key_never_counts() {
    // RFC 8032, section 7.1, test 1.
    let seed = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44,
        0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    let signing = SigningKey::from_bytes(&seed);
    let payload = statement(RELEASE);
    let signature = signing.sign(&dsse::pae(manifest::PAYLOAD_TYPE, payload.as_bytes())).to_bytes().to_vec();
    let text = dsse::seal(manifest::PAYLOAD_TYPE, payload.as_bytes(), &[(String::new(), signature)]);
    let key = PublicKey::ed25519(signing.verifying_key().as_bytes()).unwrap();
    let mut policy = Policy::one_key(key, "ACME/R1").unwrap();
    let envelope = Envelope::parse(&text).unwrap();
    assert!(matches!(verify(&policy, &envelope, None), Err(TrustError::KnownKey(_))));
    policy.insecure_accept_known_keys = true;
    assert!(verify(&policy, &envelope, None).is_ok());
}

#[test]
fn validity_needs_a_time_and_keeps_to_it() {
    let policy = Policy::one_key(public(1), "ACME/R1").unwrap();
    let release = r#"{"version":"1.0","notBefore":"2026-01-01T00:00:00Z","notAfter":"2026-12-31T00:00:00Z"}"#;
    let envelope = envelope(&statement(release), &[1]);
    assert!(matches!(verify(&policy, &envelope, None), Err(TrustError::NoTime(_))));
    assert!(matches!(
        verify(&policy, &envelope, Some("2025-12-31T23:59:59Z")),
        Err(TrustError::Expired { .. })
    ));
    assert!(matches!(
        verify(&policy, &envelope, Some("2026-12-31T00:00:01Z")),
        Err(TrustError::Expired { .. })
    ));
    assert!(verify(&policy, &envelope, Some("2026-01-01T00:00:00Z")).is_ok());
}

#[test]
fn a_manifest_that_contradicts_itself_is_defective() {
    let policy = Policy::one_key(public(1), "ACME/R1").unwrap();
    let good = statement(RELEASE);
    let bad = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        verify(&policy, &envelope(&good.replace(from, to), &[1]), None)
    };
    assert!(verify(&policy, &envelope(&good, &[1]), None).is_ok());
    for (from, to) in [
        (r#""offset":0"#, r#""offset":1"#),
        (r#""length":4"#, r#""length":3"#),
        (r#""size":4"#, r#""size":5"#),
        (
            r#""regions":["#,
            r#""regions":[{"path":"raw:1","space":"image","span":{"offset":3,"length":1},"kind":"raw","method":"bytes","digests":{"sha256":"abababababababababababababababababababababababababababababababab"}},"#,
        ),
    ] {
        assert!(matches!(bad(from, to), Err(TrustError::Defective { .. })), "{to}");
    }
    assert!(matches!(
        bad(r#""required":true"#, r#""required":true,"extra":1"#),
        Err(TrustError::Field { .. })
    ));
    assert!(bad(r#""required":true"#, r#""required":true,"x-extra":1"#).is_ok());
    assert!(matches!(bad(manifest::PREDICATE_TYPE, "urn:other"), Err(TrustError::Type { .. })));
    assert!(matches!(bad(r#"{"sha256""#, r#"{"md5""#), Err(TrustError::Field { .. })));
}

#[test]
fn an_expectation_is_maker_and_model_and_perhaps_a_release() {
    for text in ["ACME/R1", "ACME/R1@1.0"] {
        assert_eq!(Expectation::parse(text).unwrap().text(), text);
    }
    for text in
        ["", "ACME", "/R1", "ACME/", "ACME/R1@", "ACME/R1/2", "ACME/R1@1@0", "ACME/R1@1/0", "ACME@1.0"]
    {
        let error = Expectation::parse(text).unwrap_err().to_string();
        assert!(error.contains("expected VENDOR/MODEL or VENDOR/MODEL@RELEASE"), "{text}: {error}");
    }
}

/// A policy with one rule, which says this besides.
fn ruled(more: &str) -> Result<Policy, TrustError> {
    policy(&format!("[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\nthreshold = 1\n{more}\n"))
}

#[test]
fn a_rule_is_for_maker_and_model() {
    let other = "[[rule]]\nvendor = \"ACME\"\nmodel = \"R2\"\nthreshold = 2\n\
                 [[rule]]\nvendor = \"EMCA\"\nmodel = \"R1\"\nthreshold = 3\n";
    let policy = ruled(other).unwrap();
    let threshold = |vendor, model| policy.rule(vendor, model).map(|rule| rule.threshold);
    assert_eq!(threshold("ACME", "R1"), Ok(1));
    assert_eq!(threshold("ACME", "R2"), Ok(2));
    assert_eq!(threshold("EMCA", "R1"), Ok(3));
    assert!(matches!(threshold("EMCA", "R2"), Err(TrustError::NoRule { .. })));
}

#[test]
fn a_floor_refuses_what_lies_below_it() {
    let policy = ruled(&format!("min-security-version = 2\n{}", principal("a", &[1]))).unwrap();
    let of = |release: &str| verify(&policy, &envelope(&statement(release), &[1]), None);
    let version = |number: u64| of(&format!(r#"{{"version":"1.0","securityVersion":{number}}}"#));
    assert_eq!(of(RELEASE), Err(TrustError::Rollback { found: 0, floor: 2 }));
    assert_eq!(version(1), Err(TrustError::Rollback { found: 1, floor: 2 }));
    assert!(version(2).is_ok());
    assert!(version(3).is_ok());
}

#[test]
fn what_is_packed_anew_is_accepted_where_the_policy_says_so() {
    let policy = ruled("accept-reencoded = [\"fv:a\"]").unwrap();
    let rule = policy.rule("ACME", "R1").unwrap();
    assert!(rule.accepts_reencoded("fv:a") && rule.accepts_reencoded("fv:a/stream:0"));
    assert!(!rule.accepts_reencoded("fv:b") && !rule.accepts_reencoded("image"));
}

#[test]
fn what_a_policy_lives_with_is_so_many_bytes_or_content_that_it_names() {
    let digest = "ab".repeat(32);
    for list in ["accept-partial", "accept-unexplained", "accept-any"] {
        let accept = |more: &str| ruled(&format!("{list} = [{{ path = \"fv:a\"{more} }}]"));
        assert!(accept(", max-bytes = 1").is_ok());
        assert!(accept(&format!(", sha256 = [\"{digest}\"]")).is_ok());
        assert!(accept(&format!(", max-bytes = 1, sha256 = [\"{digest}\"]")).is_ok());
        let error = accept("").unwrap_err().to_string();
        assert!(error.contains(&format!("{list}: found fv:a, expected max-bytes, or sha256")), "{error}");
        assert!(accept(&format!(", sha256 = [\"{digest}\", \"AB\"]")).is_err());
    }
}

fn waiver(path: &str, until: &str) -> Result<Policy, TrustError> {
    let text = "finding = \"f\"\nreason = \"r\"\n";
    policy(&format!("[[waiver]]\n{text}path = \"{path}\"\nuntil = \"{until}\"\n"))
}

#[test]
fn what_a_policy_lives_with_is_a_part_of_the_image() {
    let until = "2026-12-31T00:00:00Z";
    let everywhere = |path: &str| {
        [
            waiver(path, until),
            ruled(&format!("accept-any = [{{ path = \"{path}\", max-bytes = 1 }}]")),
            ruled(&format!("accept-reencoded = [\"{path}\"]")),
        ]
    };
    for path in ["", "/", "image", "image/"] {
        for read in everywhere(path) {
            assert!(read.unwrap_err().to_string().contains("the path of a part of the image"), "{path:?}");
        }
    }
    for path in ["fv:a", "image/fv:a"] {
        assert!(everywhere(path).iter().all(Result::is_ok), "{path}");
    }
}

#[test]
fn a_waiver_ends_at_a_time() {
    assert!(waiver("fv:a", "2026-12-31T00:00:00Z").is_ok());
    assert_eq!(waiver("fv:a", "never"), Err(TrustError::Time("never".to_owned())));
}

#[test]
fn a_retired_key_counts_until_its_day_and_a_compromised_one_never() {
    let revoked = |with: &str| {
        let rule = "[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\nthreshold = 1\n";
        policy(&[principal("a", &[1]), format!("revoked = {with}\n"), rule.to_owned()].concat())
    };
    let at = |with: &str, now| verify(&revoked(with).unwrap(), &envelope(&statement(RELEASE), &[1]), now);
    let day = ", since = \"2026-06-01T00:00:00Z\" }";
    let (before, after) = (Some("2026-05-31T23:59:59Z"), Some("2026-06-01T00:00:00Z"));
    for reason in ["retired", "replaced"] {
        let with = format!("{{ reason = \"{reason}\"{day}");
        assert_eq!(at(&with, before), Ok(vec!["a".to_owned()]), "{reason}");
        assert!(matches!(at(&with, after), Err(TrustError::Revoked(_))), "{reason}");
        // Without a time nobody can tell that it is before the day.
        assert!(matches!(at(&with, None), Err(TrustError::NoTime(_))), "{reason}");
        let always = format!("{{ reason = \"{reason}\" }}");
        assert!(matches!(at(&always, before), Err(TrustError::Revoked(_))), "{reason}");
    }
    for now in [before, after, None] {
        let compromise = format!("{{ reason = \"compromise\"{day}");
        assert!(matches!(at(&compromise, now), Err(TrustError::Revoked(_))), "{now:?}");
    }
    for odd in ["{ reason = \"compromised\" }", "{ reason = \"retired\", since = \"June\" }", "\"why\"", "{}"]
    {
        assert!(revoked(odd).is_err(), "{odd}");
    }
}

#[test]
fn a_retired_signer_takes_nothing_from_the_others_and_a_compromised_one_everything() {
    let rule =
        |threshold: u8| format!("[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\nthreshold = {threshold}\n");
    let of = |reason: &str, threshold| {
        let revoked = format!("revoked = {{ reason = \"{reason}\" }}\n");
        let parts =
            [principal("a", &[1]), revoked, principal("b", &[2]), principal("c", &[3]), rule(threshold)];
        policy(&parts.concat()).unwrap()
    };
    let signed = |policy: &Policy, keys: &[u8]| verify(policy, &envelope(&statement(RELEASE), keys), None);
    assert_eq!(signed(&of("retired", 2), &[1, 2, 3]), Ok(vec!["b".to_owned(), "c".to_owned()]));
    assert!(matches!(signed(&of("replaced", 2), &[1, 2]), Err(TrustError::Revoked(_))), "it does not count");
    assert!(matches!(signed(&of("retired", 3), &[1, 2, 3]), Err(TrustError::Revoked(_))));
    assert!(matches!(signed(&of("retired", 1), &[1]), Err(TrustError::Revoked(_))));
    assert!(matches!(signed(&of("compromise", 2), &[1, 2, 3]), Err(TrustError::Revoked(_))));
    assert_eq!(signed(&of("compromise", 2), &[2, 3]), Ok(vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn a_trusted_key_that_is_named_and_did_not_sign_this_is_told_from_a_stranger() {
    let rule = "[[rule]]\nvendor = \"ACME\"\nmodel = \"R1\"\nthreshold = 1\n";
    let policy = policy(&[principal("a", &[1]), rule.to_owned()].concat()).unwrap();
    let mut envelope = envelope(&statement(RELEASE), &[1]);
    envelope.key_ids = vec![public(1).fingerprint()];
    assert!(verify(&policy, &envelope, None).is_ok());
    envelope.payload.push(b' ');
    assert_eq!(verify(&policy, &envelope, None), Err(TrustError::Broken(public(1).fingerprint())));
    envelope.key_ids = vec![public(2).fingerprint()];
    assert!(matches!(verify(&policy, &envelope, None), Err(TrustError::Threshold { .. })));
}
