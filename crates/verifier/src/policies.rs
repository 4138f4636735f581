//! `policy new|check|explain`.

use kiwame_report::escape;
use kiwame_trust::policy::{Accept, Expectation, Waiver};
use kiwame_trust::{Policy, PublicKey, Time};
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

/// A policy to begin with: the keys, one product, and the options with what they cost.
pub(crate) fn new(run: &Run<'_>) -> Result<Response, Failure> {
    let keys = run.keys()?;
    let expect =
        run.request.expect.as_deref().ok_or_else(|| Failure::usage("--expect", "VENDOR/MODEL is needed"))?;
    let expect = Expectation::parse(expect).map_err(|error| Failure::usage("--expect", error.to_string()))?;
    let several = keys.len() > 1;
    let principal = |(at, key): (usize, &PublicKey)| {
        let number = at.saturating_add(1);
        let id = if several { format!("{} {number}", expect.vendor) } else { expect.vendor.clone() };
        let name = if several { "  # name whoever holds this key" } else { "" };
        format!(
            "[[principal]]\nid = {}{name}\nkeys = [\"{}\"]\nroles = [\"release\"]\n{REVOKED}\n",
            quoted(&id),
            key.fingerprint()
        )
    };
    let principals: String = keys.iter().enumerate().map(principal).collect();
    let release = match &expect.release {
        Some(release) => format!("release = {}\n", quoted(release)),
        None => "# release = \"1.0\"                # this release and no other\n".to_owned(),
    };
    let threshold = if several {
        format!(
            "threshold = 1                    # how many of the {} principals must have signed\n",
            keys.len()
        )
    } else {
        "threshold = 1                    # of distinct principals; more with more [[principal]]\n".to_owned()
    };
    let text = format!(
        "schema = \"kiwame-policy/1\"\nversion = 1\n# expires = \"2030-01-01T00:00:00Z\"  # not to be used after\n{MANIFESTS}\n{principals}\
         [[rule]]\nvendor = {}\nmodel = {}\n{release}{threshold}{OPTIONS}{WAIVER}",
        quoted(&expect.vendor),
        quoted(&expect.model)
    );
    // What is handed out can be used as it is.
    Policy::parse(text.as_bytes()).map_err(|error| Failure::trust("policy", &error))?;
    Ok(Response::default().with("stdout", text))
}

/// A JSON string is a basic string of TOML.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

const MANIFESTS: &str =
    "# revoked-manifests = [\"...\"]    # payload digests, as `kiwame manifest show` prints them\n";
const REVOKED: &str =
    "# revoked = \"why\"               # its keys no longer count, whatever they signed and whenever\n";
/// What a rule may say, as comments.
const OPTIONS: &str = "# min-security-version = 1         # refuse older releases\n\
    # deep = true                      # take images apart even when the whole digest matches\n\
    # channel = \"beta\"                # instead of \"release\"\n\
    # hardware-revisions = [\"B2\"]     # of those that a manifest names\n\
    # accept-reencoded = [\"path\"]      # a container packed anew, its normal form being equal\n\
    # accept-unexplained = [{ path = \"path\", sha256 = [\"...\"] }]   # bytes nobody explains; or max-bytes\n\
    # accept-any = [{ path = \"path\", max-bytes = 65536 }]\n";
const WAIVER: &str = "\n# [[waiver]]                       # a difference that you live with for a time\n\
    # finding = \"component/modified\"   # its id\n\
    # path = \"path\"                    # of the component, whole\n\
    # found = \"sha256...\"              # the value found; without it a warning at best\n\
    # reason = \"why\"\n\
    # until = \"2030-01-01T00:00:00Z\"\n";

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
    let now = run.now()?;
    let over = |until: &str| now.zip(Time::parse(until).ok()).is_some_and(|(now, until)| now > until);
    if let Some(expires) = policy.expires.as_deref().filter(|expires| over(expires)) {
        notes.push(format!("the policy ended on {}: it accepts nothing any more", escape(expires)));
    }
    for waiver in &policy.waivers {
        notes.extend(odd(waiver, over(&waiver.until)));
        notes.push(format!("exception: {}", waived(waiver)));
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

/// A path of the policy, with its cap or its digests.
fn terms(accept: &Accept) -> String {
    let cap = accept.max_bytes.map(|most| format!("up to {most} bytes"));
    let digests = accept.sha256.iter().map(|digest| format!("sha256 {digest}"));
    let terms: Vec<_> = cap.into_iter().chain(digests).collect();
    format!("{}, {}", escape(&accept.path), terms.join(" or "))
}

/// What is odd about a waiver.
fn odd(waiver: &Waiver, over: bool) -> Option<String> {
    let (finding, path) = (escape(&waiver.finding), escape(&waiver.path));
    let known = kiwame_appraisal::kinds::all().any(|kind| kind.id == waiver.finding);
    // Defects carry the id of a format and of what is wrong.
    let defect = waiver.finding.split_once('/').is_some_and(|(format, what)| {
        !what.is_empty() && kiwame_formats::formats().any(|known| known.name() == format)
    });
    let why = match waiver.found {
        _ if !known && !defect => format!("no finding has the id {finding}: it covers nothing"),
        _ if over => format!("it ended on {}", escape(&waiver.until)),
        None => "it names no value found: a warning at best".to_owned(),
        Some(_) => return None,
    };
    Some(format!("waiver of {finding} at {path}: {why}"))
}

/// A waiver in words, with its reason and its end.
fn waived(waiver: &Waiver) -> String {
    let value = match &waiver.found {
        Some(found) => format!("as {}", escape(found)),
        None => "whatever is found: a warning at best".to_owned(),
    };
    let (finding, path) = (escape(&waiver.finding), escape(&waiver.path));
    let (reason, until) = (escape(&waiver.reason), escape(&waiver.until));
    format!("{finding} at {path}, {value}; until {until}, because: {reason}")
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
        let channel = rule.channel.as_deref().unwrap_or("release");
        text.push_str(&format!("  channel: {}\n", escape(channel)));
        if !rule.hardware_revisions.is_empty() {
            let revisions: Vec<_> = rule.hardware_revisions.iter().map(|name| escape(name)).collect();
            text.push_str(&format!("  hardware revisions: {}\n", revisions.join(", ")));
        }
        for path in &rule.accept_reencoded {
            let path = escape(path);
            text.push_str(&format!(
                "  EXCEPTION: a container packed anew, its normal form equal, is accepted at {path}\n"
            ));
        }
        for (what, list) in [
            ("what has no reference value is", &rule.accept_partial),
            ("unexplained bytes are", &rule.accept_unexplained),
            ("anything is", &rule.accept_any),
        ] {
            list.iter().for_each(|accept| {
                text.push_str(&format!("  EXCEPTION: {what} accepted at {}\n", terms(accept)))
            });
        }
    }
    for waiver in &policy.waivers {
        text.push_str(&format!("EXCEPTION, waived: {}\n", waived(waiver)));
    }
    text.push_str("everything else: cannot tell\n");
    Ok(Response::default().with("stdout", text))
}
