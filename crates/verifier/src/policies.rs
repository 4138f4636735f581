//! `policy new|check|explain`.

use kiwame_report::escape;
use kiwame_trust::Policy;
use kiwame_trust::policy::Expectation;
use serde_json::json;

use crate::Response;
use crate::failure::Failure;
use crate::request::{Run, Source};

/// Reads and vets a policy. What cannot be read is usage; a key that vetting refuses is not trusted.
pub(crate) fn read(run: &Run<'_>, source: (u32, &Source)) -> Result<Policy, Failure> {
    use kiwame_trust::TrustError::{Field, Toml, Type};
    let text = run.read(source)?;
    Policy::parse(&text).map_err(|error| match error {
        Toml(_) | Type { .. } | Field { .. } => Failure::usage(&source.1.name, error.to_string()),
        _ => Failure::trust(&source.1.name, &error)
            .then("Remove the key from the policy, and ask where it came from."),
    })
}

/// A policy to begin with: one key, one product, and the options with what they cost.
pub(crate) fn new(run: &Run<'_>) -> Result<Response, Failure> {
    let key = run.key()?.fingerprint();
    let expect =
        run.request.expect.as_deref().ok_or_else(|| Failure::usage("--expect", "VENDOR/MODEL is needed"))?;
    let expect = Expectation::parse(expect).map_err(|error| Failure::usage("--expect", error.to_string()))?;
    // A JSON string is a basic string of TOML.
    let quoted = |text: &str| json!(text).to_string();
    let text = format!(
        "schema = \"kiwame-policy/1\"\nversion = 1\n\n[[principal]]\nid = {}\nkeys = [\"{key}\"]\nroles = [\"release\"]\n\n\
         [[rule]]\nvendor = {}\nmodel = {}\nthreshold = 1\n\
         # deep = true                      # take images apart even when the whole digest matches\n\
         # min-security-version = 1         # refuse older releases\n\
         # accept-unexplained = [\"path\"]    # live with bytes nobody explains, here\n\
         # accept-any = [{{ path = \"path\", max-bytes = 65536 }}]\n",
        quoted(&expect.vendor),
        quoted(&expect.vendor),
        quoted(&expect.model)
    );
    Ok(Response::default().with("stdout", text))
}

/// Reads a policy and lists what is odd about it.
pub(crate) fn check(run: &Run<'_>) -> Result<Response, Failure> {
    let policy = read(run, run.source("policy")?)?;
    let mut notes = Vec::new();
    if policy.rules.is_empty() {
        notes.push("no rule: nothing is ever accepted".to_owned());
    }
    for rule in &policy.rules {
        let product = format!("{}/{}", escape(&rule.vendor), escape(&rule.model));
        let signers =
            policy.principals.iter().filter(|principal| principal.roles.contains(&rule.role)).count();
        if signers < rule.threshold {
            notes.push(format!(
                "{product}: asks for {} principals, and {signers} have the role",
                rule.threshold
            ));
        }
        if policy.rule(&rule.vendor, &rule.model).is_err() {
            notes.push(format!("{product}: two rules; neither counts"));
        }
        if rule.min_security_version.is_none() {
            notes.push(format!("{product}: no floor of the security version; a downgrade is not refused"));
        }
    }
    for key in policy.keys().filter(|key| key.is_known()) {
        notes.push(format!("{}: the private half is published; it never affirms", key.fingerprint()));
    }
    let text = if run.json() {
        format!("{}\n", json!({ "notes": notes }))
    } else {
        notes.iter().map(|note| format!("{note}\n")).collect()
    };
    Ok(Response::default().with("stdout", text))
}

/// Says a policy in words.
pub(crate) fn explain(run: &Run<'_>) -> Result<Response, Failure> {
    let policy = read(run, run.source("policy")?)?;
    let mut text = format!("policy version {}\n", policy.version);
    for rule in &policy.rules {
        text.push_str(&format!(
            "{}/{}{}: accepted when {} of these sign:\n",
            escape(&rule.vendor),
            escape(&rule.model),
            rule.release.as_deref().map(|release| format!("@{}", escape(release))).unwrap_or_default(),
            rule.threshold
        ));
        for principal in policy.principals.iter().filter(|principal| principal.roles.contains(&rule.role)) {
            let revoked = if principal.revoked.is_some() { ", revoked" } else { "" };
            text.push_str(&format!("  {} ({} keys{revoked})\n", escape(&principal.id), principal.keys.len()));
        }
        let floor =
            rule.min_security_version.map_or("no floor".to_owned(), |floor| format!("at least {floor}"));
        text.push_str(&format!("  security version: {floor}\n"));
        text.push_str(if rule.deep {
            "  every image is taken apart\n"
        } else {
            "  an equal whole digest is enough\n"
        });
        for path in &rule.accept_unexplained {
            text.push_str(&format!("  unexplained bytes are accepted at {}\n", escape(path)));
        }
        for accept in &rule.accept_any {
            text.push_str(&format!(
                "  anything is accepted at {}, up to {} bytes\n",
                escape(&accept.path),
                accept.max_bytes
            ));
        }
    }
    text.push_str("everything else: cannot tell\n");
    Ok(Response::default().with("stdout", text))
}
