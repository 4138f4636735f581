//! The statement that a maker signs, as JSON.

use std::collections::BTreeMap;

use kiwame_image::Gather as _;
use kiwame_trust::devices::{Device, DevicePart, Holds};
use kiwame_trust::json::Json;
use kiwame_trust::manifest::{
    ImageReference, KnownDefect, Manifest, PREDICATE_TYPE, ReferenceRegion, STATEMENT_TYPE,
};
use kiwame_trust::rules::{FileRule, KeyRule, Mutable, MutableRule, WhenEmpty};
use serde::Serialize;
use serde_json::{Value, json};

/// The payload of a manifest's envelope.
#[must_use]
pub fn statement(manifest: &Manifest) -> Vec<u8> {
    let subjects: Vec<_> =
        manifest.images.iter().map(|image| json!({ "name": image.name, "digest": digests(image) })).collect();
    let product = &manifest.product;
    let mut predicate = object([
        (
            "product",
            object([
                ("vendor", json!(product.vendor)),
                ("model", json!(product.model)),
                ("hardwareRevisions", json!(product.hardware_revisions)),
                ("channel", json!(product.channel)),
                ("serial", json!(product.serial)),
            ]),
        ),
        ("release", release(manifest)),
        ("mutable", json!(manifest.mutable.iter().map(mutable).collect::<Vec<_>>())),
        ("devices", json!(manifest.devices.iter().map(device).collect::<Vec<_>>())),
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
    let mut predicate = parts(predicate);
    if !manifest.images.is_empty() {
        let images = manifest.images.iter().enumerate().map(|(number, image)| self::image(number, image));
        predicate.insert("images".to_owned(), Part::List(images.collect()));
    }
    let statement = json!({ "_type": STATEMENT_TYPE, "predicateType": PREDICATE_TYPE, "subject": subjects });
    let mut statement = parts(statement);
    statement.insert("predicate".to_owned(), Part::Map(predicate));
    let mut text = Vec::with_capacity(length(manifest));
    if statement.serialize(&mut serde_json::Serializer::new(&mut text)).is_err() {
        text.clear();
    }
    text.push(b'\n');
    text
}

fn device(device: &Device) -> Value {
    let part = |part: &DevicePart| {
        let mut fields = vec![
            ("name", json!(part.name)),
            ("span", json!({ "offset": part.span.offset, "length": part.span.length })),
        ];
        fields.extend(match &part.holds {
            Holds::Image(name) => vec![("image", json!(name))],
            Holds::Product { scope, image, min_security_version } => vec![
                ("product", json!(scope)),
                ("image", json!(image)),
                ("minSecurityVersion", json!(min_security_version)),
            ],
            Holds::Digests(digests) => vec![("sha256", json!(digests))],
            Holds::Content(content) => vec![("content", json!(content.name()))],
        });
        without_nulls(fields)
    };
    let erased = (device.erase_value != 0xff).then_some(device.erase_value);
    object([
        ("name", json!(device.name)),
        ("sizes", json!(device.sizes)),
        ("eraseValue", json!(erased)),
        ("parts", json!(device.parts.iter().map(part).collect::<Vec<_>>())),
    ])
}

/// A part of the statement. Its many regions are made while they are written: as values of JSON each would take some
/// kilobytes.
enum Part<'a> {
    Value(Value),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Regions(&'a [ReferenceRegion]),
}

impl Serialize for Part<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
            Self::Regions(regions) => serializer.collect_seq(regions.iter().map(region)),
        }
    }
}

/// The fields of an object.
fn parts<'a>(value: Value) -> BTreeMap<String, Part<'a>> {
    match value {
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, Part::Value(value))).into_map(),
        _ => BTreeMap::new(),
    }
}

/// How many bytes a statement of many regions takes: finding out takes as long as writing them, and growing by moving asks
/// for three times as much memory at the end.
fn length(manifest: &Manifest) -> usize {
    let regions = manifest.images.iter().flat_map(|image| &image.regions);
    if regions.clone().count() < MANY {
        return 0;
    }
    let each = |reference: &ReferenceRegion| region(reference).to_string().len().saturating_add(1);
    regions.map(each).fold(AROUND, usize::saturating_add)
}

/// So many regions make a statement for which memory is asked beforehand.
const MANY: usize = 10_000;
/// Room for what a statement holds beside regions.
const AROUND: usize = 64 << 10;

/// An object without what is null.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    without_nulls(Vec::from(fields))
}

fn without_nulls(fields: Vec<(&str, Value)>) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    crate::object(there.map(|(name, value)| (name.to_owned(), value)))
}

fn drop_empty(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
        map.values_mut().for_each(drop_empty);
    }
}

fn digests(image: &ImageReference) -> Value {
    let each = image.digests.iter().map(|digest| (digest.algorithm.name().to_owned(), json!(digest.hex())));
    crate::object(each)
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

fn image(number: usize, image: &ImageReference) -> Part<'_> {
    let layout: Vec<_> = image
        .layout
        .iter()
        .map(|layout| {
            object([
                ("name", json!(layout.part.name)),
                ("offset", json!(layout.part.span.offset)),
                ("length", json!(layout.part.span.length)),
                ("eraseBlock", json!(layout.part.erase_block)),
                ("format", json!(layout.format)),
                ("written", if layout.written { json!(true) } else { Value::Null }),
            ])
        })
        .collect();
    let fields = json!({
        "subject": number, "format": image.format, "size": image.size, "eraseValue": image.erase_value,
        "required": image.required, "coverage": image.coverage.name(), "layout": layout,
    });
    let mut fields = parts(fields);
    if let Some(anchor) = image.anchor {
        fields.insert("anchor".to_owned(), Part::Value(json!(anchor.name())));
    }
    if let Some(files) = image.files {
        fields.insert("files".to_owned(), Part::Value(json!(files.name())));
    }
    fields.insert("regions".to_owned(), Part::Regions(&image.regions));
    Part::Map(fields)
}

fn region(region: &ReferenceRegion) -> Value {
    let attributes =
        crate::object(region.attributes.iter().map(|(name, value)| (name.to_owned(), plain(value))));
    let mut value = object([
        ("path", json!(region.path)),
        ("space", json!(region.other_space)),
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
        ("method", json!(region.method.name())),
        ("attributes", if attributes == json!({}) { Value::Null } else { attributes }),
        ("order", json!(region.order)),
        ("supplier", json!(region.supplier)),
        ("defects", json!(region.defects.iter().map(defect).collect::<Vec<_>>())),
    ]);
    drop_empty(&mut value);
    value
}

fn defect(defect: &KnownDefect) -> Value {
    json!({ "id": defect.id, "field": defect.field, "offset": defect.offset, "found": defect.found, "expected": defect.expected })
}

fn plain(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Flag(flag) => json!(flag),
        Json::Uint(number) => json!(number),
        Json::Text(text) => json!(text),
        Json::List(list) => Value::Array(list.iter().map(plain).collect()),
        Json::Map(map) => crate::object(map.iter().map(|(name, value)| (name.clone(), plain(value)))),
    }
}

fn mutable(rule: &MutableRule) -> Value {
    let keys = match &rule.rule {
        Mutable::Keys(list) | Mutable::Fields(list) => keys(list),
        Mutable::DataFiles(_) | Mutable::Erased | Mutable::Any { .. } => Value::Null,
    };
    let files = match &rule.rule {
        Mutable::DataFiles(files) => json!(files.iter().map(file).collect::<Vec<_>>()),
        Mutable::Keys(_) | Mutable::Fields(_) | Mutable::Erased | Mutable::Any { .. } => Value::Null,
    };
    let max_bytes = match rule.rule {
        Mutable::Any { max_bytes } => json!(max_bytes),
        Mutable::Keys(_) | Mutable::Fields(_) | Mutable::DataFiles(_) | Mutable::Erased => Value::Null,
    };
    let when_empty = (rule.when_empty != WhenEmpty::default()).then(|| rule.when_empty.name());
    let body = object([
        ("type", json!(rule.rule.rule_type().name())),
        ("keys", keys),
        ("files", files),
        ("maxBytes", max_bytes),
        (
            "remainsMaxBytes",
            if rule.remains_max_bytes > 0 { json!(rule.remains_max_bytes) } else { Value::Null },
        ),
        ("whenEmpty", json!(when_empty)),
    ]);
    json!({ "path": rule.path, "rule": body })
}

fn keys(list: &[KeyRule]) -> Value {
    let key = |key: &KeyRule| {
        object([
            ("name", json!(key.name)),
            ("value", json!(key.value.text())),
            ("optional", if key.optional { json!(true) } else { Value::Null }),
        ])
    };
    json!(list.iter().map(key).collect::<Vec<_>>())
}

fn file(file: &FileRule) -> Value {
    object([
        ("name", json!(file.name)),
        ("format", json!(file.format.map(kiwame_image::Settings::name))),
        ("keys", if file.keys.is_empty() { Value::Null } else { keys(&file.keys) }),
        ("maxBytes", json!(file.max_bytes)),
        ("optional", if file.optional { json!(true) } else { Value::Null }),
    ])
}
