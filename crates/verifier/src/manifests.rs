//! `manifest show` and `manifest lint`: what a manifest claims. Signatures are not checked here, and that is said.

use kiwame_image::Problem;
use kiwame_report::{Lang, escape, escape_inside};
use kiwame_trust::manifest::{Anchor, Coverage, ImageReference, Supplier, path_within};
use kiwame_trust::rules::{FileRule, KeyRule, Mutable, MutableRule, WhenEmpty};
use kiwame_trust::{Envelope, Manifest, TrustError};
use serde_json::json;

use crate::Response;
use crate::request::Run;

fn read(run: &Run<'_>) -> Result<(Envelope, Manifest, String), Problem> {
    let source = run.source("manifest")?;
    let untrusted = |error: TrustError| error.problem().of(&source.1.name);
    let envelope = Envelope::parse(&run.read(source)?).map_err(untrusted)?;
    let manifest = Manifest::parse(&envelope.payload_type, &envelope.payload).map_err(untrusted)?;
    let identity = run.sha256_of(&envelope.pae())?.hex();
    Ok((envelope, manifest, identity))
}

/// Shows what a manifest claims.
pub(crate) fn show(run: &Run<'_>) -> Result<Response, Problem> {
    let (envelope, manifest, identity) = read(run)?;
    let text = if run.json() {
        format!("{}\n", as_json(&envelope, &manifest, &identity))
    } else {
        as_text(&envelope, &manifest, &identity, run)
    };
    Ok(Response::default().with("stdout", text))
}

/// Gives what is signed to a host that adds a signature, with the signatures that there are.
pub(crate) fn sign(run: &Run<'_>) -> Result<Response, Problem> {
    let (envelope, manifest, identity) = read(run)?;
    let entries = envelope.signatures.iter().zip(&envelope.key_ids);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let entries: Vec<_> =
        entries.map(|(signature, hint)| json!({ "keyid": hint, "sig": hex(signature) })).collect();
    let text = as_text(&envelope, &manifest, &identity, run);
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
        "suppliers": suppliers, "images": images,
        "devices": manifest.devices.iter().map(|device| escape(&device.name)).collect::<Vec<_>>() })
}

/// How many components a supplier answers for.
fn answered(manifest: &Manifest, name: &str) -> usize {
    let regions = manifest.images.iter().flat_map(|image| &image.regions);
    regions.filter(|region| region.supplier.as_deref() == Some(name)).count()
}

fn as_text(envelope: &Envelope, manifest: &Manifest, identity: &str, run: &Run<'_>) -> String {
    let lang = run.lang();
    let count = envelope.signatures.len();
    let mut text = lang.say(
        format!(
            "as claimed; {count} {}, not checked here\n",
            if count == 1 { "signature" } else { "signatures" }
        ),
        format!("記載どおり。署名 {count} 件、ここでは検証していない\n"),
    );
    let release = escape(&manifest.release.version);
    text.push_str(&format!("{}@{release}\n", escape(&manifest.product.scope())));
    about_release(envelope, manifest, identity, lang)
        .iter()
        .for_each(|line| text.push_str(&format!("  {line}\n")));
    for image in &manifest.images {
        about_image(image, run).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    for rule in &manifest.mutable {
        let word = lang.pick("mutable (may differ)", "可変");
        text.push_str(&format!("  {word} {}  {}\n", escape(&rule.path), rule_name(&rule.rule)));
        allowed(rule).iter().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    for device in &manifest.devices {
        let arranged = crate::policies::arranged(device, lang);
        arranged.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    for supplier in &manifest.suppliers {
        let contact = supplier.contact.as_deref().map(|contact| format!(", {}", escape(contact)));
        let (name, contact) = (escape(&supplier.name), contact.unwrap_or_default());
        let count = answered(manifest, &supplier.name);
        let components = if count == 1 { "component" } else { "components" };
        text.push_str(&lang.say(
            format!("  supplier {name}{contact}: {count} {components}\n"),
            format!("  担当 {name}{contact}:構成要素 {count} 件\n"),
        ));
    }
    text
}

/// Identity, signers' hints, dates, and what the release is for.
fn about_release(envelope: &Envelope, manifest: &Manifest, identity: &str, lang: Lang) -> Vec<String> {
    let mut lines = vec![format!("{} {identity}", lang.pick("identity", "識別値"))];
    for hint in envelope.key_ids.iter().filter(|hint| !hint.is_empty()) {
        let hint = escape(hint);
        lines.push(lang.say(format!("signed, it says, with {hint}"), format!("署名鍵(記載による):{hint}")));
    }
    let release = &manifest.release;
    lines.push(match release.security_version {
        Some(version) => format!("{} {version}", lang.pick("security version", "セキュリティ版")),
        None => lang
            .pick(
                "security version: none; a downgrade cannot be refused",
                "セキュリティ版:記載無し(巻き戻しを拒めない)",
            )
            .to_owned(),
    });
    for (english, japanese, date) in [
        ("not before", "有効期間の始め", &release.not_before),
        ("not after", "有効期間の終わり", &release.not_after),
        ("supported until", "サポート期限", &release.support_until),
    ] {
        lines.extend(date.iter().map(|date| format!("{} {}", lang.pick(english, japanese), escape(date))));
    }
    let supersedes = lang.pick("supersedes", "置き換える版");
    lines.extend(release.supersedes.iter().map(|version| format!("{supersedes} {}", escape(version))));
    let product = &manifest.product;
    lines.extend(
        product
            .channel
            .iter()
            .map(|channel| format!("{} {}", lang.pick("channel", "チャネル"), escape(channel))),
    );
    if !product.hardware_revisions.is_empty() {
        let revisions: Vec<_> = product.hardware_revisions.iter().map(|name| escape(name)).collect();
        let word = lang.pick("hardware revisions", "ハードウェア版");
        lines.push(format!("{word} {}", revisions.join(", ")));
    }
    lines
}

/// An image, and the first of its components; all of them when everything was asked for.
fn about_image(image: &ImageReference, run: &Run<'_>) -> Vec<String> {
    let lang = run.lang();
    let digest = image.digests.iter().map(kiwame_image::Digest::hex).next_back().unwrap_or_default();
    let complete = image.coverage == Coverage::Complete;
    let (name, size, format, regions) =
        (escape(&image.name), image.size, escape(&image.format), image.regions.len());
    let line = match lang {
        Lang::English => {
            let coverage = if complete { "complete" } else { "partial" };
            format!("{name}  {size} bytes, {format}, {regions} reference values, {coverage}")
        }
        Lang::Japanese => {
            let coverage = if complete { "全体" } else { "一部" };
            format!("{name}  {size} バイト、{format}、基準値 {regions} 件、範囲は{coverage}")
        }
    };
    let mut lines = vec![line, format!("  {digest}")];
    lines.extend(image.anchor.map(|anchor| {
        let text = match anchor {
            Anchor::Start => {
                lang.pick("may lie at the start of a larger flash", "より大きなフラッシュの先頭に在り得る")
            }
            Anchor::End => {
                lang.pick("may lie at the end of a larger flash", "より大きなフラッシュの末尾に在り得る")
            }
        };
        format!("  {text}")
    }));
    let most = if run.verbose() { usize::MAX } else { COMPONENTS };
    let components = components(image);
    lines.extend(components.iter().take(most).map(|component| format!("  {component}")));
    let more = components.len().saturating_sub(most);
    if more > 0 {
        lines.push(lang.say(
            format!("  {more} more components; --verbose lists all"),
            format!("  他 {more} 件(--verbose で全て表示)"),
        ));
    }
    lines
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
pub(crate) fn allowed(rule: &MutableRule) -> Vec<String> {
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
fn not_judged(rule: &MutableRule, lang: Lang) -> Vec<String> {
    let note = |name: &str| {
        let (path, name) = (escape(&rule.path), escape(name));
        lang.say(
            format!("mutable {path}: {name}: no grammar; it affirms only where the policy names the path"),
            format!("mutable {path}:{name}:文法の指定が無く、ポリシーが記した場所でのみ認められる"),
        )
    };
    let keys = |keys: &[KeyRule]| {
        keys.iter().filter(|key| key.value.is_any()).map(|key| note(&key.name)).collect::<Vec<_>>()
    };
    match &rule.rule {
        Mutable::Keys(list) | Mutable::Fields(list) => keys(list),
        Mutable::DataFiles(files) => {
            // A directory holds nothing of its own.
            let is_free = |file: &&FileRule| file.format.is_none() && !file.name.ends_with('/');
            let free = files.iter().filter(is_free).map(|file| note(&file.name));
            free.chain(files.iter().flat_map(|file| keys(&file.keys))).collect()
        }
        Mutable::Erased | Mutable::Any { .. } => Vec::new(),
    }
}

/// Reads a manifest and lists what a careful buyer would ask about.
pub(crate) fn lint(run: &Run<'_>) -> Result<Response, Problem> {
    let (envelope, manifest, _) = read(run)?;
    // Programs read English, whoever asks.
    let lang = if run.json() { Lang::English } else { run.lang() };
    let mut notes = Vec::new();
    if envelope.signatures.is_empty() {
        notes.push(
            lang.pick(
                "signatures: none; nobody answers for this manifest",
                "signatures:署名が無く、責任を負う者がいない",
            )
            .to_owned(),
        );
    }
    let release = &manifest.release;
    if release.security_version.is_none() {
        notes.push(
            lang.pick(
                "release.securityVersion: missing; a downgrade cannot be refused",
                "release.securityVersion:記載無し。旧版への巻き戻しを拒めない",
            )
            .to_owned(),
        );
    }
    if release.support_until.is_none() {
        notes.push(lang.pick("release.supportUntil: missing", "release.supportUntil:記載無し").to_owned());
    }
    notes.extend(unanswered(&manifest, lang));
    manifest.images.iter().for_each(|image| notes.extend(odd_image(image, lang)));
    for rule in manifest.mutable.iter().filter(|rule| matches!(rule.rule, Mutable::Any { .. })) {
        let path = escape(&rule.path);
        notes.push(lang.say(
            format!("mutable {path}: the rule `any` affirms only where the buyer's policy names the path"),
            format!("mutable {path}:規則 any は、購入者のポリシーが記した場所でのみ認められる"),
        ));
    }
    notes.extend(manifest.mutable.iter().flat_map(|rule| not_judged(rule, lang)));
    notes.extend(manifest.images.iter().flat_map(|image| unruled(&manifest, image, lang)));
    let text = if run.json() {
        format!("{}\n", json!({ "notes": notes }))
    } else {
        notes.iter().map(|note| format!("{note}\n")).collect()
    };
    Ok(Response::default().with("stdout", text))
}

/// Whom a buyer cannot call.
fn unanswered(manifest: &Manifest, lang: Lang) -> Vec<String> {
    if manifest.suppliers.is_empty() {
        let nobody = lang.pick(
            "suppliers: none; whom a buyer should call is not said",
            "suppliers:記載が無く、照会先が分からない",
        );
        return vec![nobody.to_owned()];
    }
    let silent = manifest.suppliers.iter().filter(|supplier| supplier.contact.is_none());
    let note = |supplier: &Supplier| {
        let name = escape(&supplier.name);
        lang.say(format!("supplier {name}: contact is missing"), format!("担当 {name}:連絡先の記載無し"))
    };
    silent.map(note).collect()
}

/// Parts that devices write to, and of which no rule says how far: a unit that has run once would not match.
fn unruled(manifest: &Manifest, image: &ImageReference, lang: Lang) -> Vec<String> {
    let path = |name: &str| format!("partition:{}", kiwame_image::escape_key(name.as_bytes()));
    let ruled = |path: &str| manifest.mutable.iter().any(|rule| path_within(&rule.path, path));
    let parts = image.layout.iter().filter(|layout| layout.written).map(|layout| path(&layout.part.name));
    let note = |path: String| {
        let path = escape(&path);
        lang.say(
            format!("{path}: devices write there (written), and no [[mutable]] says what: a unit that has run will not match"),
            format!("{path}:機器が書き込む部分(written)であるが [[mutable]] の規則が無い。一度でも動作した機器は不適合となる"),
        )
    };
    parts.filter(|path| !ruled(path)).map(note).collect()
}

/// What is odd about an image.
fn odd_image(image: &ImageReference, lang: Lang) -> Vec<String> {
    let name = escape(&image.name);
    let mut notes = Vec::new();
    if image.coverage == Coverage::Partial {
        notes.push(lang.say(
            format!("{name}: coverage is partial; a policy must name the paths to accept that"),
            format!("{name}:範囲が一部に限られる。受け入れるにはポリシーに場所の記載が要る"),
        ));
    }
    if image.regions.iter().any(|region| region.supplier.is_none()) {
        notes.push(
            lang.say(
                format!("{name}: some regions have no supplier"),
                format!("{name}:担当の無い部分が有る"),
            ),
        );
    }
    if let Some(region) = image.regions.iter().find(|region| !region.defects.is_empty()) {
        let path = escape(&region.path);
        notes.push(lang.say(
            format!("{name}: defects are recorded, the first at {path}"),
            format!("{name}:欠陥の記載が有る。最初は {path}"),
        ));
    }
    notes
}
