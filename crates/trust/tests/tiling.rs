//! A complete reference tiles the image from its first byte, and every other space from the address at which it begins.

use kiwame_trust::{Manifest, TrustError, manifest};

/// What is said of a manifest whose one image is a region of four bytes of that path at `first`, and whose content begins at
/// `inner`.
fn read(path: &str, attributes: &str, first: u64, inner: u64) -> Result<Manifest, TrustError> {
    let digest = "ab".repeat(32);
    let region = |path: &str, offset: u64, attributes: &str| {
        format!(
            r#"{{"path":"{path}","span":{{"offset":{offset},"length":4}},"kind":"raw","method":"bytes",
                "digests":{{"sha256":"{digest}"}},"attributes":{{{attributes}}}}}"#
        )
    };
    let content = format!(",{}", region("stream:0/decoded:content", inner, ""));
    let content = if path == "image" { String::new() } else { content };
    let regions = region(path, first, attributes) + &content;
    let payload = format!(
        r#"{{"_type":"{}","predicateType":"{}","subject":[{{"name":"a.bin","digest":{{"sha256":"{digest}"}}}}],
        "predicate":{{"product":{{"vendor":"ACME","model":"R1"}},"release":{{"version":"1"}},
        "images":[{{"subject":0,"format":"raw","size":{},"eraseValue":255,"required":true,"coverage":"complete",
          "regions":[{regions}]}}]}}}}"#,
        manifest::STATEMENT_TYPE,
        manifest::PREDICATE_TYPE,
        first + 4
    );
    Manifest::parse(manifest::PAYLOAD_TYPE, payload.as_bytes())
}

#[test]
fn a_space_begins_where_its_stream_says_and_the_image_at_zero() {
    let defective = |manifest| matches!(manifest, Err(TrustError::Defective { .. }));
    assert!(read("image", "", 0, 0).is_ok());
    assert!(defective(read("image", "", 2, 0)));
    assert!(defective(read("image", r#""origin":2"#, 2, 0)));
    assert!(read("stream:0", "", 0, 0).is_ok());
    assert!(defective(read("stream:0", "", 0, 2)));
    assert!(read("stream:0", r#""origin":2"#, 0, 2).is_ok());
    assert!(defective(read("stream:0", r#""origin":2"#, 0, 3)));
}
