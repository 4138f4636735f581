//! `manifest show` and `manifest lint`: what a manifest claims. Signatures are not checked here, and that is said.

use kiwame_report::{escape, escape_inside};
use kiwame_trust::manifest::Coverage;
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
    let images: Vec<_> = manifest
        .images
        .iter()
        .map(|image| {
            json!({ "name": escape(&image.name), "size": image.size, "format": escape(&image.format),
                "regions": image.regions.len(), "complete": image.coverage == Coverage::Complete,
                "sha256": image.digests.iter().map(kiwame_image::Digest::hex).next() })
        })
        .collect();
    if run.json() {
        let json = json!({ "payloadSha256": identity, "signatures": envelope.signatures.len(), "signaturesChecked": false,
            "product": escape(&manifest.product.scope()), "release": escape(&manifest.release.version), "images": images });
        return Ok(Response::default().with("stdout", format!("{json}\n")));
    }
    let mut text = format!(
        "as claimed; {} signatures, none of them checked here\n{}@{}\n  identity {identity}\n",
        envelope.signatures.len(),
        escape(&manifest.product.scope()),
        escape(&manifest.release.version)
    );
    if let Some(channel) = &manifest.product.channel {
        text.push_str(&format!("  channel {}\n", escape(channel)));
    }
    if !manifest.product.hardware_revisions.is_empty() {
        let revisions: Vec<_> = manifest.product.hardware_revisions.iter().map(|name| escape(name)).collect();
        text.push_str(&format!("  hardware revisions {}\n", revisions.join(", ")));
    }
    for image in &manifest.images {
        let digest = image.digests.iter().map(kiwame_image::Digest::hex).next_back().unwrap_or_default();
        let coverage = if image.coverage == Coverage::Complete { "complete" } else { "partial" };
        text.push_str(&format!(
            "  {}  {} bytes, {}, {} regions, {coverage}\n    {digest}\n",
            escape(&image.name),
            image.size,
            escape(&image.format),
            image.regions.len()
        ));
    }
    for rule in &manifest.mutable {
        text.push_str(&format!("  mutable {}  {}\n", escape(&rule.path), rule_name(&rule.rule)));
        allowed(rule).iter().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    for supplier in &manifest.suppliers {
        let contact = supplier.contact.as_deref().map(|contact| format!(", {}", escape(contact)));
        text.push_str(&format!("  supplier {}{}\n", escape(&supplier.name), contact.unwrap_or_default()));
    }
    Ok(Response::default().with("stdout", text))
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
