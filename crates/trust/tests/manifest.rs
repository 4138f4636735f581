//! What a manifest may say: each with a neighbour that is refused.

use kiwame_image::{Endian, Environment, Settings, SettingsFile, Span};
use kiwame_trust::manifest::{self, Files, Method, path_within};
use kiwame_trust::rules::WhenEmpty;
use kiwame_trust::{Manifest, TrustError};
use serde_json::{Value, json};

fn region(path: &str) -> Value {
    json!({
        "path": path, "span": { "offset": 0, "length": 4 }, "kind": "raw", "method": "bytes",
        "digests": { "sha256": "ab".repeat(32) },
    })
}

/// What is read of a statement of one image, all of which is one region, after a change.
fn read(change: impl FnOnce(&mut Value)) -> Result<Manifest, TrustError> {
    let mut statement = json!({
        "_type": manifest::STATEMENT_TYPE,
        "predicateType": manifest::PREDICATE_TYPE,
        "subject": [{ "name": "a.bin", "digest": { "sha256": "ab".repeat(32) } }],
        "predicate": {
            "product": { "vendor": "ACME", "model": "R1" },
            "release": { "version": "1" },
            "images": [{
                "subject": 0, "format": "raw", "size": 4, "eraseValue": 255, "required": true,
                "coverage": "complete", "regions": [region("raw:0")],
            }],
        },
    });
    change(&mut statement);
    Manifest::parse(manifest::PAYLOAD_TYPE, statement.to_string().as_bytes())
}

fn predicate(field: &str, value: Value) -> Result<Manifest, TrustError> {
    read(|statement| statement["predicate"][field] = value)
}

fn image(change: impl FnOnce(&mut Value)) -> Result<Manifest, TrustError> {
    read(|statement| change(&mut statement["predicate"]["images"][0]))
}

fn first_region(field: &str, value: Value) -> Result<Manifest, TrustError> {
    image(|image| image["regions"][0][field] = value)
}

/// What is read of a manifest that lists only part of its image.
fn part(region: Value) -> Result<Manifest, TrustError> {
    image(|image| {
        image["coverage"] = json!("partial");
        image["regions"] = json!([region]);
    })
}

fn rule(path: &str, rule: Value) -> Result<Manifest, TrustError> {
    predicate("mutable", json!([{ "path": path, "rule": rule }]))
}

fn keys(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "name": name, "value": "mac" })).collect()
}

fn file(name: &str, keys: Value) -> Value {
    json!({ "name": name, "maxBytes": 9, "format": "uci", "keys": keys })
}

fn says(read: Result<Manifest, TrustError>) -> String {
    read.expect_err("it contradicts itself").to_string()
}

#[test]
fn a_product_is_called_by_its_maker_and_its_model() {
    assert_eq!(read(|_| {}).unwrap().product.scope(), "ACME/R1");
}

#[test]
fn names_can_stand_in_an_expectation() {
    for name in ["", "A/B", "A@B", "A\n"] {
        let products = [json!({ "vendor": name, "model": "R1" }), json!({ "vendor": "ACME", "model": name })];
        for product in products {
            assert!(
                says(predicate("product", product)).contains("a name without / @ and control"),
                "{name:?}"
            );
        }
        assert!(predicate("release", json!({ "version": name })).is_err(), "{name:?}");
    }
    assert!(predicate("product", json!({ "vendor": "A B", "model": "R-1" })).is_ok());
}

#[test]
fn words_are_written_as_they_are_read() {
    for (files, word) in [(Files::Whole, "whole"), (Files::Sections, "sections")] {
        let read = image(|image| image["files"] = json!(word)).unwrap();
        assert_eq!((read.images[0].files, files.name()), (Some(files), word));
    }
    for (method, word) in [(Method::Bytes, "bytes"), (Method::Pieces, "pieces")] {
        let read = first_region("method", json!(word)).unwrap();
        assert_eq!((read.images[0].regions[0].method, method.name()), (method, word));
    }
    for (meaning, word) in
        [(WhenEmpty::Refuse, "refuse"), (WhenEmpty::Warning, "warning"), (WhenEmpty::Default, "default")]
    {
        let read = rule("raw:0", json!({ "type": "erased", "whenEmpty": word })).unwrap();
        assert_eq!((read.mutable[0].when_empty, meaning.name()), (meaning, word));
    }
    assert!(image(|image| image["files"] = json!("none")).is_err());
    assert!(first_region("method", json!("none")).is_err());
    let error = says(rule("raw:0", json!({ "type": "erased", "whenEmpty": "none" })));
    assert!(error.contains("refuse, warning or default"), "{error}");
}

#[test]
fn a_region_has_sha256_and_no_other_digest() {
    let digests = |more: Value| {
        let mut digests = json!({ "sha256": "ab".repeat(32) });
        digests.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        first_region("digests", digests)
    };
    assert!(digests(json!({})).is_ok());
    for other in [json!({ "sha512": "ab".repeat(64) }), json!({ "md5": "ab".repeat(16) })] {
        assert!(says(digests(other)).contains("sha256 and no other"));
    }
}

#[test]
fn a_reference_is_known_by_its_sha256() {
    let digest = json!({ "sha256": "ab".repeat(32), "sha512": "cd".repeat(64) });
    let read = predicate("references", json!([{ "type": "sbom", "digest": digest }])).unwrap();
    assert_eq!(
        (read.references[0].kind.as_str(), read.references[0].sha256.as_str()),
        ("sbom", &*"ab".repeat(32))
    );
}

#[test]
fn a_space_is_kept_where_the_path_does_not_say_it() {
    let spaces = |space: &str| {
        let mut region = region("raw:0");
        region["space"] = json!(space);
        let region = part(region).unwrap().images.remove(0).regions.remove(0);
        (region.space().to_owned(), region.other_space)
    };
    assert_eq!(spaces("image"), ("image".to_owned(), None));
    assert_eq!(spaces("stream:0"), ("stream:0".to_owned(), Some("stream:0".to_owned())));
}

#[test]
fn an_image_without_bytes_has_no_region_and_no_other_is() {
    let without_regions = |size: u64| {
        image(|image| {
            image["size"] = json!(size);
            image["regions"] = json!([]);
        })
    };
    assert!(without_regions(0).is_ok());
    assert!(says(without_regions(1)).contains("no region of the image is listed"));
}

#[test]
fn the_only_region_has_the_digest_of_the_whole() {
    let whole = |digests: Value| read(|statement| statement["subject"][0]["digest"] = digests);
    let (same, other) = ("ab".repeat(32), "cd".repeat(32));
    assert!(whole(json!({ "sha256": same, "sha512": "cd".repeat(64) })).is_ok());
    assert!(says(whole(json!({ "sha256": other }))).contains("contradicts the digest of the whole"));
    let listed_in_part = read(|statement| {
        statement["subject"][0]["digest"] = json!({ "sha256": other });
        let image = &mut statement["predicate"]["images"][0];
        image["coverage"] = json!("partial");
        image["size"] = json!(5);
    });
    assert!(listed_in_part.is_ok());
}

#[test]
fn what_a_file_holds_is_listed_only_where_the_manifest_says_how() {
    let of_files =
        |path: &str| says(part(region(path))).contains("ask the maker for one made with this version");
    assert!(of_files("fs:0/file:a/decoded:content"));
    assert!(of_files("fs:0/file:a/decoded:content/elf:code"));
    for path in ["fs:0/file:a", "fs:0/file:a/elf:code", "fs:0/decoded:content"] {
        assert!(part(region(path)).is_ok(), "{path}");
    }
    let said = image(|image| {
        image["coverage"] = json!("partial");
        image["files"] = json!("whole");
        image["regions"] = json!([region("fs:0/file:a/decoded:content")]);
    });
    assert!(said.is_ok());
}

#[test]
fn paths_go_by_whole_segments() {
    assert!(path_within("a:1/b:2", "a:1") && path_within("a:1", "a:1") && path_within("a:1", ""));
    assert!(!path_within("a:12", "a:1") && !path_within("a:1", "a:1/b:2") && !path_within("b:2/a:1", "a:1"));
}

#[test]
fn a_rule_reaches_its_path_and_what_lies_below() {
    let read = rule("raw:0", json!({ "type": "erased" })).unwrap();
    let reached = |path: &str| read.rules_for(path).count();
    assert_eq!((reached("raw:0"), reached("raw:0/a:1"), reached("raw:1")), (1, 1, 0));
}

#[test]
fn no_rule_covers_the_whole_image() {
    for path in ["", "/", "image", "image/image"] {
        assert!(says(rule(path, json!({ "type": "erased" }))).contains("covers the whole image"), "{path}");
    }
    assert!(rule("image/raw:0", json!({ "type": "erased" })).is_ok());
}

#[test]
fn the_rule_any_reaches_nothing_that_can_execute() {
    let any = json!({ "type": "any", "maxBytes": 4 });
    let over = |path: &str, executable: Value, rule: &Value| {
        read(|statement| {
            let region = &mut statement["predicate"]["images"][0]["regions"][0];
            region["attributes"] = json!({ "executable": executable });
            statement["predicate"]["mutable"] = json!([{ "path": path, "rule": rule }]);
        })
    };
    assert!(says(over("raw:0", json!(true), &any)).contains("can execute"));
    assert!(over("raw:0", json!(false), &any).is_ok());
    assert!(over("raw:1", json!(true), &any).is_ok());
    assert!(over("raw:0", json!(true), &json!({ "type": "erased" })).is_ok());
}

#[test]
fn a_pattern_says_by_three_signs_what_it_means() {
    let bodies = |name: &str| {
        let one_file = |name: &str, keys: Value| json!({ "type": "data-files", "files": [file(name, keys)] });
        [
            json!({ "type": "keys", "keys": keys(&[name]) }),
            json!({ "type": "fields", "keys": keys(&[name]) }),
            one_file("etc/a", keys(&[name])),
            one_file(&format!("etc/{name}"), json!([])),
        ]
    };
    for name in ["*", "a*", "ab*", "_-_*", "a##"] {
        for body in bodies(name) {
            let error = says(rule("raw:0", body));
            assert!(error.contains("a pattern needs three letters or digits"), "{name}: {error}");
        }
    }
    for name in ["abc*", "abcd*", "abc##", "a", "serial#"] {
        for body in bodies(name) {
            assert!(rule("raw:0", body).is_ok(), "{name}");
        }
    }
}

#[test]
fn one_sign_for_a_digit_is_part_of_the_name_of_a_key_and_a_pattern_in_that_of_a_file() {
    assert!(rule("raw:0", json!({ "type": "keys", "keys": keys(&["x#"]) })).is_ok());
    assert!(rule("raw:0", json!({ "type": "data-files", "files": [file("x#", json!([]))] })).is_err());
}

#[test]
fn a_rule_lists_a_key_once() {
    let bodies = |names: &[&str]| {
        [
            json!({ "type": "keys", "keys": keys(names) }),
            json!({ "type": "fields", "keys": keys(names) }),
            json!({ "type": "data-files", "files": [file("a", json!([])), file("b", keys(names))] }),
        ]
    };
    for body in bodies(&["one", "two"]) {
        assert!(rule("raw:0", body).is_ok());
    }
    for body in bodies(&["one", "two", "one"]) {
        assert_eq!(says(rule("raw:0", body)), "one: a rule lists the key twice");
    }
    let one_in_each = [file("a", keys(&["one"])), file("b", keys(&["one"]))];
    assert!(rule("raw:0", json!({ "type": "data-files", "files": one_in_each })).is_ok());
}

#[test]
fn settings_are_the_files_whose_format_a_rule_names() {
    let opaque = json!({ "name": "log", "maxBytes": 9 });
    let read = rule("raw:0", json!({ "type": "data-files", "files": [file("etc/a", json!([])), opaque] }));
    let expected =
        SettingsFile { scope: "raw:0".to_owned(), name: "etc/a".to_owned(), format: Settings::Uci };
    assert_eq!(read.unwrap().settings(), [expected]);
}

#[test]
fn a_partition_carries_the_environment_that_its_header_states() {
    let environment = |path: &str, facts: Value| {
        let mut header = region(path);
        header["attributes"] = facts;
        let read = image(|image| {
            image["coverage"] = json!("partial");
            image["layout"] = json!([{ "name": "u boot", "offset": 2, "length": 2, "eraseBlock": 1 }]);
            image["regions"] = json!([region("raw:0"), header]);
        });
        let [part] = <[_; 1]>::try_from(read.unwrap().images[0].partitions()).unwrap();
        assert_eq!((part.name.as_str(), part.span, part.erase_block), ("u boot", Span::new(2, 2), Some(1)));
        part.environment
    };
    let header = "partition:u%20boot/uboot-env:header";
    let of = |order| Some(Environment { size: 64, order });
    let facts = json!({ "env-size": 64, "crc-order": "big", "redundant": true });
    assert_eq!(environment(header, facts.clone()), of(Endian::Big));
    assert_eq!(environment("partition:other/uboot-env:header", facts), None);
    let little = json!({ "env-size": 64, "crc-order": "little", "redundant": true });
    assert_eq!(environment(header, little), of(Endian::Little));
    assert_eq!(environment(header, json!({ "env-size": 64, "crc-order": "big" })), None);
    assert_eq!(environment(header, json!({ "crc-order": "big", "redundant": true })), None);
}
