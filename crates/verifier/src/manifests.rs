//! `manifest show` and `manifest lint`: what a manifest claims. Signatures are not checked here, and that is said.

use kiwame_report::{escape, escape_inside};
use kiwame_trust::manifest::{Coverage, ImageReference, Supplier};
use kiwame_trust::rules::{KeyRule, Mutable, MutableRule, WhenEmpty};
use kiwame_trust::{Envelope, Manifest};
use serde_json::json;

use crate::Response;
use crate::failure::Failure;
use crate::request::Run;

fn read(run: &Run<'_>) -> Result<(Envelope, Manifest, String), Failure> {
    let source = run.source("manifest")?;
    let untrusted = |error| Failure::trust(&source.1.name, &error);
    let envelope = Envelope::parse(&run.read(source)?).map_err(untrusted)?;
    let manifest = Manifest::parse(&envelope.payload_type, &envelope.payload).map_err(untrusted)?;
    let identity = run.sha256_of(&envelope.pae())?.hex();
    Ok((envelope, manifest, identity))
}

/// Shows what a manifest claims.
pub(crate) fn show(run: &Run<'_>) -> Result<Response, Failure> {
    let (envelope, manifest, identity) = read(run)?;
    let text = if run.json() {
        format!("{}\n", as_json(&envelope, &manifest, &identity))
    } else {
        as_text(&envelope, &manifest, &identity, run.verbose())
    };
    Ok(Response::default().with("stdout", text))
}

/// Gives what is signed to a host that adds a signature, with the signatures that there are.
pub(crate) fn sign(run: &Run<'_>) -> Result<Response, Failure> {
    let (envelope, manifest, identity) = read(run)?;
    let entries = envelope.signatures.iter().zip(&envelope.key_ids);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let entries: Vec<_> =
        entries.map(|(signature, hint)| json!({ "keyid": hint, "sig": hex(signature) })).collect();
    let text = as_text(&envelope, &manifest, &identity, false);
    let signatures = serde_json::Value::Array(entries).to_string();
    let response = Response::default().with("stderr", text).with("statement", envelope.payload);
    Ok(response.with("signatures", signatures))
}

fn as_json(envelope: &Envelope, manifest: &Manifest, identity: &str) -> serde_json::Value {
    let image = |image: &ImageReference| {
        json!({ "name": escape(&image.name), "size": image.size, "format": escape(&image.format),
            "regions": image.regions.len(), "complete": image.coverage == Coverage::Complete,
            "sha256": image.digests.iter().map(kiwame_image::Digest::hex).next() })
    };
    let images: Vec<_> = manifest.images.iter().map(image).collect();
    let supplier = |supplier: &Supplier| {
        json!({ "name": escape(&supplier.name), "contact": supplier.contact.as_deref().map(escape),
            "components": answered(manifest, &supplier.name) })
    };
    let suppliers: Vec<_> = manifest.suppliers.iter().map(supplier).collect();
    let release = &manifest.release;
    let date = |date: &Option<String>| date.as_deref().map(escape);
    json!({ "payloadSha256": identity, "signatures": envelope.signatures.len(), "signaturesChecked": false,
        "keyIds": envelope.key_ids.iter().map(|hint| escape(hint)).collect::<Vec<_>>(),
        "product": escape(&manifest.product.scope()), "release": escape(&release.version),
        "securityVersion": release.security_version, "notBefore": date(&release.not_before),
        "notAfter": date(&release.not_after), "supportUntil": date(&release.support_until),
        "supersedes": release.supersedes.iter().map(|name| escape(name)).collect::<Vec<_>>(),
        "suppliers": suppliers, "images": images })
}

/// How many components a supplier answers for.
fn answered(manifest: &Manifest, name: &str) -> usize {
    let regions = manifest.images.iter().flat_map(|image| &image.regions);
    regions.filter(|region| region.supplier.as_deref() == Some(name)).count()
}

fn as_text(envelope: &Envelope, manifest: &Manifest, identity: &str, verbose: bool) -> String {
    let mut text = format!(
        "as claimed; {} signatures, none of them checked here\n{}@{}\n  identity {identity}\n",
        envelope.signatures.len(),
        escape(&manifest.product.scope()),
        escape(&manifest.release.version)
    );
    let mut line = |words: String| text.push_str(&format!("  {words}\n"));
    for hint in envelope.key_ids.iter().filter(|hint| !hint.is_empty()) {
        line(format!("signed, it says, with {}", escape(hint)));
    }
    let release = &manifest.release;
    line(
        release
            .security_version
            .map_or("security version not given".to_owned(), |version| format!("security version {version}")),
    );
    for (name, date) in [
        ("not before", &release.not_before),
        ("not after", &release.not_after),
        ("supported until", &release.support_until),
    ] {
        date.iter().for_each(|date| line(format!("{name} {}", escape(date))));
    }
    release.supersedes.iter().for_each(|version| line(format!("supersedes {}", escape(version))));
    if let Some(channel) = &manifest.product.channel {
        line(format!("channel {}", escape(channel)));
    }
    if !manifest.product.hardware_revisions.is_empty() {
        let revisions: Vec<_> = manifest.product.hardware_revisions.iter().map(|name| escape(name)).collect();
        line(format!("hardware revisions {}", revisions.join(", ")));
    }
    for image in &manifest.images {
        let digest = image.digests.iter().map(kiwame_image::Digest::hex).next_back().unwrap_or_default();
        let coverage = if image.coverage == Coverage::Complete { "complete" } else { "partial" };
        line(format!(
            "{}  {} bytes, {}, {} regions, {coverage}\n    {digest}",
            escape(&image.name),
            image.size,
            escape(&image.format),
            image.regions.len()
        ));
        let most = if verbose { usize::MAX } else { COMPONENTS };
        let components = components(image);
        components.iter().take(most).for_each(|component| line(format!("  {component}")));
        let more = components.len().saturating_sub(most);
        if more > 0 {
            line(format!("  {more} more components; --verbose lists all"));
        }
    }
    for rule in &manifest.mutable {
        line(format!("mutable {}  {}", escape(&rule.path), rule_name(&rule.rule)));
        allowed(rule).iter().for_each(|words| line(format!("  {words}")));
    }
    for supplier in &manifest.suppliers {
        let contact = supplier.contact.as_deref().map(|contact| format!(", {}", escape(contact)));
        let count = answered(manifest, &supplier.name);
        let of = if count == 1 { "1 component" } else { &format!("{count} components") };
        line(format!("supplier {}{}: {of}", escape(&supplier.name), contact.unwrap_or_default()));
    }
    text
}

/// Components on the first screen.
const COMPONENTS: usize = 12;

/// The components of an image: how large, where, and who answers for each.
fn components(image: &ImageReference) -> Vec<String> {
    let each = image.regions.iter().map(|region| {
        let supplier = region.supplier.as_deref().map(|name| format!("  ({})", escape(name)));
        format!("{:>11}  {}{}", region.span.length, escape_inside(&region.path), supplier.unwrap_or_default())
    });
    each.collect()
}

/// What a rule lets differ, name by name, with the grammar of each value.
fn allowed(rule: &MutableRule) -> Vec<String> {
    let optional = |optional: bool| if optional { ", may be missing" } else { "" };
    let key = |key: &KeyRule| {
        format!("{} = {}{}", escape_inside(&key.name), key.value.text(), optional(key.optional))
    };
    let mut lines: Vec<String> = match &rule.rule {
        Mutable::Keys(keys) | Mutable::Fields(keys) => keys.iter().map(key).collect(),
        Mutable::DataFiles(files) => files
            .iter()
            .flat_map(|file| {
                let format = file.format.map_or("not judged", kiwame_image::Settings::name);
                let name = escape(&file.name);
                let head =
                    format!("{name}  {format}, at most {} bytes{}", file.max_bytes, optional(file.optional));
                core::iter::once(head).chain(file.keys.iter().map(|one| format!("  {}", key(one))))
            })
            .collect(),
        Mutable::Erased | Mutable::Any { .. } => Vec::new(),
    };
    if rule.remains_max_bytes > 0 {
        lines.push(format!("dead data: at most {} bytes", rule.remains_max_bytes));
    }
    if rule.when_empty != WhenEmpty::default() {
        lines.push(format!("when empty: {}", rule.when_empty.name()));
    }
    lines
}

fn rule_name(rule: &Mutable) -> String {
    match rule {
        Mutable::Keys(keys) => format!("keys ({})", keys.len()),
        Mutable::Fields(names) => format!("fields ({})", names.len()),
        Mutable::DataFiles(files) => format!("data-files ({})", files.len()),
        Mutable::Erased => "erased".to_owned(),
        Mutable::Any { max_bytes } => format!("any (at most {max_bytes} bytes)"),
    }
}

/// Values that a rule lets differ without saying how.
fn not_judged(rule: &MutableRule) -> Vec<String> {
    let note = |name: &str| {
        format!(
            "mutable {}: {}: no grammar; it affirms only where the policy names the path",
            escape(&rule.path),
            escape(name)
        )
    };
    let keys = |keys: &[KeyRule]| {
        keys.iter().filter(|key| key.value.is_any()).map(|key| note(&key.name)).collect::<Vec<_>>()
    };
    match &rule.rule {
        Mutable::Keys(list) | Mutable::Fields(list) => keys(list),
        Mutable::DataFiles(files) => {
            let free = files.iter().filter(|file| file.format.is_none()).map(|file| note(&file.name));
            free.chain(files.iter().flat_map(|file| keys(&file.keys))).collect()
        }
        Mutable::Erased | Mutable::Any { .. } => Vec::new(),
    }
}

/// Reads a manifest and lists what a careful buyer would ask about.
pub(crate) fn lint(run: &Run<'_>) -> Result<Response, Failure> {
    let (envelope, manifest, _) = read(run)?;
    let mut notes = Vec::new();
    if envelope.signatures.is_empty() {
        notes.push("signatures: none; nobody answers for this manifest".to_owned());
    }
    if manifest.release.security_version.is_none() {
        notes.push("release.securityVersion: missing; a downgrade cannot be refused".to_owned());
    }
    if manifest.suppliers.iter().all(|supplier| supplier.contact.is_none()) {
        notes.push("suppliers: nobody has a contact; whom a buyer should call is not said".to_owned());
    }
    for supplier in manifest.suppliers.iter().filter(|supplier| supplier.contact.is_none()) {
        notes.push(format!("supplier {}: contact is missing", escape(&supplier.name)));
    }
    if manifest.release.support_until.is_none() {
        notes.push("release.supportUntil: missing".to_owned());
    }
    for image in &manifest.images {
        if image.coverage == Coverage::Partial {
            notes.push(format!(
                "{}: coverage is partial; a policy must name the paths to accept that",
                escape(&image.name)
            ));
        }
        if image.regions.iter().any(|region| region.supplier.is_none()) {
            notes.push(format!("{}: some regions have no supplier", escape(&image.name)));
        }
        if let Some(region) = image.regions.iter().find(|region| !region.defects.is_empty()) {
            notes.push(format!(
                "{}: defects are recorded, the first at {}",
                escape(&image.name),
                escape(&region.path)
            ));
        }
    }
    for rule in manifest.mutable.iter().filter(|rule| matches!(rule.rule, Mutable::Any { .. })) {
        notes.push(format!(
            "mutable {}: the rule `any` affirms only where the buyer's policy names the path",
            escape(&rule.path)
        ));
    }
    notes.extend(manifest.mutable.iter().flat_map(not_judged));
    let text = if run.json() {
        format!("{}\n", json!({ "notes": notes }))
    } else {
        notes.iter().map(|note| format!("{note}\n")).collect()
    };
    Ok(Response::default().with("stdout", text))
}
