//! The largest manifest that is accepted, with the most expensive content, and one byte and one value more.

use kiwame_trust::{Envelope, Manifest, TrustError, dsse, manifest};

/// A statement of one image whose one region has so many attributes, its name filled up to `length` bytes.
fn payload(attributes: usize, length: usize) -> Vec<u8> {
    let digest = "ab".repeat(32);
    let head = format!(
        r#"{{"_type":"{}","predicateType":"{}","subject":[{{"name":"a.bin","digest":{{"sha256":"{digest}"}}}}],
        "predicate":{{"product":{{"vendor":"ACME","model":"R1"}},"release":{{"version":"1"}},
        "images":[{{"subject":0,"format":"raw","size":4,"eraseValue":255,"required":true,"coverage":"complete",
          "regions":[{{"path":"raw:0","space":"image","span":{{"offset":0,"length":4}},"kind":"raw","method":"bytes",
            "digests":{{"sha256":"{digest}"}},"attributes":{{"x-first":0"#,
        manifest::STATEMENT_TYPE,
        manifest::PREDICATE_TYPE
    );
    let mut text = head.into_bytes();
    for number in 0..attributes {
        text.extend(format!(",\"{number:x}\":0").bytes());
    }
    text.extend(br#"},"name":""#);
    let tail = br#""}]}]}}"#;
    text.resize(length - tail.len(), b'n');
    text.extend(tail);
    text
}

fn read(payload: &[u8]) -> Result<Manifest, TrustError> {
    let envelope = Envelope::parse(&dsse::seal(manifest::PAYLOAD_TYPE, payload, &[]))?;
    Manifest::parse(&envelope.payload_type, &envelope.payload)
}

/// Values of the statement, its first attribute among them.
const OTHERS: usize = 36;

#[test]
fn the_largest_manifest_is_read_and_one_byte_or_one_value_more_is_not() {
    let most = usize::try_from(dsse::MAX_PAYLOAD).expect("it fits");
    let values = usize::try_from(kiwame_trust::json::MOST_SIGNED).expect("it fits") - OTHERS;
    let manifest = read(&payload(values, most)).expect("as large as it may be");
    assert_eq!(manifest.images[0].regions[0].attributes.len(), values + 1);
    assert!(matches!(read(&payload(values, most + 1)), Err(TrustError::TooLarge { .. })));
    let error = read(&payload(values + 1, most)).expect_err("one value more").to_string();
    let said = format!("more than {} values", kiwame_trust::json::MOST_SIGNED);
    assert!(error.contains(&said), "{error}");
}

#[test]
fn an_envelope_is_as_large_as_it_may_be_and_no_larger() {
    let most = usize::try_from(dsse::MAX_ENVELOPE).expect("it fits");
    let mut text = dsse::seal("a", b"", &[]);
    text.resize(most, b' ');
    assert!(Envelope::parse(&text).is_ok());
    text.push(b' ');
    assert!(matches!(Envelope::parse(&text), Err(TrustError::TooLarge { .. })));
}

#[test]
fn an_envelope_that_nobody_signed_is_counted_before_it_is_kept() {
    let envelope = |values: usize| {
        let list = vec!["0"; values].join(",");
        Envelope::parse(
            format!(r#"{{"payloadType":"a","payload":"","signatures":[],"x":[{list}]}}"#).as_bytes(),
        )
    };
    assert!(envelope(9_000).is_ok());
    let error = envelope(8 << 20).expect_err("sixteen megabytes of zeros").to_string();
    assert!(error.contains("more than 10000 values"), "{error}");
}
