//! The statement that a maker signs, as JSON.

use kiwame_trust::json::Json;
use kiwame_trust::manifest::{
    Coverage, Grammar, ImageReference, Manifest, Mutable, MutableRule, PREDICATE_TYPE, ReferenceRegion,
    STATEMENT_TYPE,
};
use serde_json::{Map, Value, json};

/// The payload of a manifest's envelope.
#[must_use]
pub fn statement(manifest: &Manifest) -> Vec<u8> {
    let subjects: Vec<_> =
        manifest.images.iter().map(|image| json!({ "name": image.name, "digest": digests(image) })).collect();
    let images: Vec<_> =
        manifest.images.iter().enumerate().map(|(number, image)| self::image(number, image)).collect();
    let product = &manifest.product;
    let mut predicate = object([
        (
            "product",
            object([
                ("vendor", json!(product.vendor)),
                ("model", json!(product.model)),
                ("hardwareRevisions", json!(product.hardware_revisions)),
                ("channel", json!(product.channel)),
            ]),
        ),
        ("release", release(manifest)),
        ("images", json!(images)),
        ("mutable", json!(manifest.mutable.iter().map(mutable).collect::<Vec<_>>())),
        (
            "suppliers",
            json!(
                manifest
                    .suppliers
                    .iter()
                    .map(|supplier| object([
                        ("name", json!(supplier.name)),
                        ("contact", json!(supplier.contact)),
                    ]))
                    .collect::<Vec<_>>()
            ),
        ),
        (
            "references",
            json!(
                manifest
                    .references
                    .iter()
                    .map(|reference| {
                        json!({ "type": reference.kind, "digest": { "sha256": reference.sha256 } })
                    })
                    .collect::<Vec<_>>()
            ),
        ),
    ]);
    drop_empty(&mut predicate);
    let statement = json!({ "_type": STATEMENT_TYPE, "predicateType": PREDICATE_TYPE, "subject": subjects, "predicate": predicate });
    let mut text = statement.to_string().into_bytes();
    text.push(b'\n');
    text
}

/// An object without what is null.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn drop_empty(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
        map.values_mut().for_each(drop_empty);
    }
}

fn digests(image: &ImageReference) -> Value {
    let each = image.digests.iter().map(|digest| (digest.algorithm.name().to_owned(), json!(digest.hex())));
    Value::Object(each.collect())
}

fn release(manifest: &Manifest) -> Value {
    let release = &manifest.release;
    object([
        ("version", json!(release.version)),
        ("securityVersion", json!(release.security_version)),
        ("notBefore", json!(release.not_before)),
        ("notAfter", json!(release.not_after)),
        ("supportUntil", json!(release.support_until)),
        ("supersedes", json!(release.supersedes)),
    ])
}

fn image(number: usize, image: &ImageReference) -> Value {
    let coverage = match image.coverage {
        Coverage::Complete => "complete",
        Coverage::Partial => "partial",
    };
    let layout: Vec<_> = image
        .layout
        .iter()
        .map(|layout| {
            object([
                ("name", json!(layout.part.name)),
                ("offset", json!(layout.part.span.offset)),
                ("length", json!(layout.part.span.length)),
                ("eraseBlock", json!(layout.part.erase_block)),
                ("written", if layout.written { json!(true) } else { Value::Null }),
            ])
        })
        .collect();
    json!({
        "subject": number, "format": image.format, "size": image.size, "eraseValue": image.erase_value,
        "required": image.required, "coverage": coverage, "layout": layout,
        "regions": image.regions.iter().map(region).collect::<Vec<_>>(),
    })
}

fn region(region: &ReferenceRegion) -> Value {
    let attributes: Map<_, _> =
        region.attributes.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    let mut value = object([
        ("path", json!(region.path)),
        ("space", json!(region.space)),
        ("span", json!({ "offset": region.span.offset, "length": region.span.length })),
        ("kind", json!(region.kind)),
        ("name", json!(region.name)),
        ("digests", json!({ "sha256": region.sha256.hex() })),
        ("contentSha256", json!(region.masked.as_ref().map(kiwame_image::Digest::hex))),
        (
            "normal",
            region
                .normal
                .as_ref()
                .map_or(Value::Null, |form| json!({ "name": form.name, "sha256": form.sha256.hex() })),
        ),
        ("method", json!("bytes")),
        ("attributes", if attributes.is_empty() { Value::Null } else { Value::Object(attributes) }),
        ("order", json!(region.order)),
        ("supplier", json!(region.supplier)),
        ("defects", json!(region.defects)),
    ]);
    drop_empty(&mut value);
    value
}

fn plain(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Flag(flag) => json!(flag),
        Json::Uint(number) => json!(number),
        Json::Text(text) => json!(text),
        Json::List(list) => Value::Array(list.iter().map(plain).collect()),
        Json::Map(map) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

fn mutable(rule: &MutableRule) -> Value {
    let body = match &rule.rule {
        Mutable::Keys(keys) => {
            let keys: Vec<_> =
                keys.iter().map(|key| json!({ "name": key.name, "value": grammar(&key.value) })).collect();
            json!({ "type": "keys", "keys": keys })
        }
        Mutable::Fields(names) => json!({ "type": "fields", "names": names }),
        Mutable::DataFiles { names, max_bytes } => {
            json!({ "type": "data-files", "names": names, "maxBytes": max_bytes })
        }
        Mutable::Erased => json!({ "type": "erased" }),
        Mutable::Any { max_bytes } => json!({ "type": "any", "maxBytes": max_bytes }),
    };
    json!({ "path": rule.path, "rule": body })
}

fn grammar(grammar: &Grammar) -> String {
    match grammar {
        Grammar::Bytes(most) => format!("bytes:{most}"),
        Grammar::Digits(most) => format!("digits:{most}"),
        Grammar::Word(most) => format!("word:{most}"),
        Grammar::Exactly(hex) => format!("exactly:{hex}"),
    }
}
