//! The buyer's policy: whose signature counts for which product, and what else is asked. Default deny.
//!
//! Keys come from here or from the command line, never from what is being verified.

use kiwame_image::{Algorithm, Arrange as _, Digest, Text, Words};
use serde::Deserialize;

use crate::devices::{Device, DeviceEntry};
use crate::entries::MutableEntry;
use crate::manifest::{Manifest, path_within};
use crate::rules::{Mutable, MutableRule};
pub use crate::settings::{Expect, Setting};
use crate::{Envelope, PublicKey, Time, TrustError, forms, readers};

/// A policy, read and vetted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Version number, for people and for refusing to go back.
    pub version: u64,
    /// Not to be used after.
    pub expires: Option<String>,
    /// Who may sign.
    pub principals: Vec<Principal>,
    /// What is asked of each product.
    pub rules: Vec<Rule>,
    /// Payload digests of manifests that no longer count.
    pub revoked_manifests: Vec<String>,
    /// Differences that somebody has decided to live with for a time.
    pub waivers: Vec<Waiver>,
    /// What lies where on the media of devices that their makers do not describe.
    pub devices: Vec<Device>,
    /// Accept keys whose private half is published. For tests of the tool only.
    pub insecure_accept_known_keys: bool,
}

/// Somebody who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Name, shown in reports.
    pub id: String,
    /// Keys.
    pub keys: Vec<PublicKey>,
    /// Roles.
    pub roles: Vec<String>,
    /// That its keys no longer count, if they do not.
    pub revoked: Option<Revocation>,
}

/// That keys no longer count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// From when on; always, when absent.
    pub since: Option<String>,
}

/// Why keys no longer count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// Somebody else may have the key: it never counts, whatever date anybody gives (RULES 21).
    Compromise,
    /// Another key took its place.
    Replaced,
    /// Its owner signs no more.
    Retired,
}

impl RevocationReason {
    /// The name in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compromise => "compromise",
            Self::Replaced => "replaced",
            Self::Retired => "retired",
        }
    }

    /// What is expected where one of them stands.
    pub const EXPECTED: Text = Text::new(
        "compromise, replaced or retired",
        "compromise(漏洩)、replaced(交換)、retired(引退)のいずれか",
    );

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Compromise, Self::Replaced, Self::Retired].into_iter().find(|one| one.name() == name)
    }
}

impl Revocation {
    /// Whether it holds at that time. Without a time nobody can tell that it does not.
    fn holds(&self, now: Option<Time>) -> Result<bool, TrustError> {
        match &self.since {
            Some(since) if self.reason != RevocationReason::Compromise => {
                let since = Time::parse(since)?;
                now.map(|now| now >= since).ok_or(TrustError::NoTime("principal.revoked.since"))
            }
            _ => Ok(true),
        }
    }
}

/// What is asked of one product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Maker, exactly.
    pub vendor: String,
    /// Model, exactly.
    pub model: String,
    /// Release, exactly; any when absent.
    pub release: Option<String>,
    /// Role that signers must have.
    pub role: String,
    /// How many distinct principals must have signed.
    pub threshold: usize,
    /// Floor of the security version.
    pub min_security_version: Option<u64>,
    /// Take every image apart, even when its whole digest matches.
    pub deep: bool,
    /// Where a manifest need not be complete: what is understood and no program, up to a byte cap or by digest.
    pub accept_partial: Vec<Accept>,
    /// Where bytes that nobody explains are accepted, up to a byte cap or by digest; programs by digest only.
    pub accept_unexplained: Vec<Accept>,
    /// Where the rule `any` is accepted, up to a byte cap.
    pub accept_any: Vec<Accept>,
    /// Paths where a container that is packed anew is accepted, if its normal form is equal (RULES 2).
    pub accept_reencoded: Vec<String>,
    /// The channel that is accepted; `release` when absent.
    pub channel: Option<String>,
    /// The hardware revisions that are accepted of those that a manifest names.
    pub hardware_revisions: Vec<String>,
    /// What the configuration of the device is, value by value.
    pub settings: Vec<Setting>,
    /// Where devices may differ, and how far, for what the maker does not describe.
    pub mutable: Vec<MutableRule>,
}

/// What the policy lives with at a path: so many bytes, or content of these digests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accept {
    /// Whole segments; everything at and below it. Example: `"partition:calibration"`
    pub path: forms::Path,
    /// Cap in bytes, over all that is accepted there. This or `sha256` is needed. Example: `65536`
    pub max_bytes: Option<u64>,
    /// Digests of what is accepted. Example: `["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]`
    #[serde(default)]
    pub sha256: Vec<forms::Sha256>,
}

/// A difference that somebody lives with for a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Waiver {
    /// Id of the finding. Example: `"component/modified"`
    pub finding: forms::FindingId,
    /// The component: its whole path, as the finding has it. Example: `"partition:boot/uimage:content"`
    pub path: forms::Path,
    /// The value that is lived with: the finding's `actual`, of a fact `mode=4755`, empty for what is missing. Without it
    /// the finding becomes a warning at best. Example: `"mode=4755"`
    pub found: Option<String>,
    /// Why, for people. Example: `"hotfix 12"`
    pub reason: String,
    /// Until when. Example: `"2027-01-31T00:00:00Z"`
    pub until: forms::Timestamp,
}

/// A thing that was signed as the policy asks. Made by [`Policy::verify`] and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signers: Vec<Signer>,
    identity: Digest,
    time_used: bool,
}

/// Somebody who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Name in the policy.
    pub id: String,
    /// Fingerprint of the key.
    pub key: String,
}

impl<T> Verified<T> {
    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Principals that signed, by the policy's names, with the key that each used.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// SHA-256 of payload type and payload: the manifest's identity, whoever signed it and however often.
    #[must_use]
    pub fn identity(&self) -> &Digest {
        &self.identity
    }

    /// True when a time decided, so that the report must name it.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.time_used
    }
}

/// What the user expects: `VENDOR/MODEL[@RELEASE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Maker.
    pub vendor: String,
    /// Model.
    pub model: String,
    /// Release, if one is expected.
    pub release: Option<String>,
}

impl Expectation {
    /// Reads `VENDOR/MODEL[@RELEASE]`.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let error = || TrustError::Expectation(text.to_owned());
        let (product, release) = match text.split_once('@') {
            Some((product, release)) => (product, Some(release.to_owned())),
            None => (text, None),
        };
        let (vendor, model) = product.split_once('/').ok_or_else(error)?;
        let bad = |part: &str| part.is_empty() || part.contains(['/', '@']);
        if bad(vendor) || bad(model) || release.as_deref().is_some_and(bad) {
            return Err(error());
        }
        Ok(Self { vendor: vendor.to_owned(), model: model.to_owned(), release })
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> String {
        let release = self.release.as_ref().map(|release| format!("@{release}")).unwrap_or_default();
        format!("{}/{}{release}", self.vendor, self.model)
    }
}

const ROLE: &str = "release";

impl Policy {
    /// The policy of one key: complete coverage in every space, for the product that the user expects.
    ///
    /// # Errors
    /// When the expectation is not `VENDOR/MODEL[@RELEASE]`.
    pub fn one_key(key: PublicKey, expect: &str) -> Result<Self, TrustError> {
        let expectation = Expectation::parse(expect)?;
        let id = "--key".to_owned();
        Ok(Self {
            version: 1,
            expires: None,
            principals: vec![Principal { id, keys: vec![key], roles: vec![ROLE.to_owned()], revoked: None }],
            rules: vec![Rule {
                vendor: expectation.vendor,
                model: expectation.model,
                release: expectation.release,
                role: ROLE.to_owned(),
                threshold: 1,
                ..Rule::default()
            }],
            revoked_manifests: Vec::new(),
            waivers: Vec::new(),
            devices: Vec::new(),
            insecure_accept_known_keys: false,
        })
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// The first thing that is wrong with it. A key under two principals is, whatever its notation.
    pub fn parse(text: &[u8]) -> Result<Self, TrustError> {
        let text = readers::text(text)?;
        let file: File = toml::from_str(text).map_err(|error| TrustError::Toml(error.to_string()))?;
        if file.schema != SCHEMA {
            return Err(TrustError::Type { field: "schema", expected: SCHEMA, found: file.schema });
        }
        if let Some(expires) = &file.expires {
            Time::parse(expires)?;
        }
        file.waiver.iter().try_for_each(Waiver::check)?;
        let principals =
            file.principal.into_iter().map(PrincipalEntry::read).collect::<Result<Vec<_>, _>>()?;
        let mut keys: Vec<_> = principals.iter().flat_map(|principal| &principal.keys).collect();
        keys.arrange();
        if let Some(pair) = keys.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(TrustError::SharedKey(pair.first().map(|key| key.fingerprint()).unwrap_or_default()));
        }
        let mut names: Vec<_> = principals.iter().map(|principal| principal.id.as_str()).collect();
        names.arrange();
        if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
            return Err(TrustError::Field {
                field: "principal.id".to_owned(),
                expected: Text::new(
                    "a name of its own for each principal",
                    "署名者(principal)毎に異なる名前",
                ),
                found: Words::new(format!("{name:?} twice"), format!("{name:?} が二つ")),
            });
        }
        let digest = |text: &&String| Digest::from_hex(IDENTITY, text).is_none();
        if let Some(text) = file.revoked_manifests.iter().find(digest) {
            return Err(TrustError::Field {
                field: "revoked-manifests".to_owned(),
                expected: DIGEST,
                found: text.chars().take(128).collect::<String>().into(),
            });
        }
        let rules = file.rule.into_iter().map(RuleEntry::read).collect::<Result<Vec<_>, _>>()?;
        let devices = file.device.into_iter().map(Device::of_policy).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            version: file.version,
            expires: file.expires,
            principals,
            rules,
            revoked_manifests: file.revoked_manifests,
            waivers: file.waiver,
            devices,
            insecure_accept_known_keys: false,
        })
    }

    /// All keys of all principals.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.principals.iter().flat_map(|principal| &principal.keys)
    }

    /// The one rule for a product.
    ///
    /// # Errors
    /// None, or two: *could not tell*.
    pub fn rule(&self, vendor: &str, model: &str) -> Result<&Rule, TrustError> {
        let product = || format!("{vendor}/{model}");
        let mut rules = self.rules.iter().filter(|rule| rule.vendor == vendor && rule.model == model);
        match (rules.next(), rules.next()) {
            (Some(rule), None) => Ok(rule),
            (None, _) => Err(TrustError::NoRule { product: product() }),
            (Some(_), Some(_)) => Err(TrustError::TwoRules { product: product() }),
        }
    }

    /// Verifies an envelope: signatures first, over its exact bytes, by keys of this policy; then the payload is
    /// parsed; then the rule for the product it claims decides whether these signers are enough.
    ///
    /// `identity` is the SHA-256 over payload type and payload; hashing is the host's.
    ///
    /// # Errors
    /// Why it does not count: always *could not tell*, never a statement about the image.
    pub fn verify(
        &self,
        envelope: &Envelope,
        identity: Digest,
        now: Option<Time>,
    ) -> Result<Verified<Manifest>, TrustError> {
        let verified = self.verify_any_release(envelope, identity, now)?;
        match self.below_floor(verified.value()) {
            Some(below) => Err(below),
            None => Ok(verified),
        }
    }

    /// That a release is older than the rule for its product takes, if it is.
    #[must_use]
    pub fn below_floor(&self, manifest: &Manifest) -> Option<TrustError> {
        let rule = self.rule(&manifest.product.vendor, &manifest.product.model).ok()?;
        let found = manifest.release.security_version.unwrap_or(0);
        let floor = rule.min_security_version.filter(|floor| found < *floor)?;
        Some(TrustError::Rollback { found, floor })
    }

    /// As [`Policy::verify`], also for a release below the floor: it can say which release an image is, and never affirm it.
    ///
    /// # Errors
    /// As [`Policy::verify`].
    pub fn verify_any_release(
        &self,
        envelope: &Envelope,
        identity: Digest,
        now: Option<Time>,
    ) -> Result<Verified<Manifest>, TrustError> {
        let keys = envelope.signed_by(self);
        if keys.is_empty() {
            // A hint at a key is anybody's word: it tells what may have happened, and nothing else.
            let named = self.keys().map(PublicKey::fingerprint).find(|key| envelope.key_ids.contains(key));
            if let Some(key) = named {
                return Err(TrustError::Broken(key));
            }
            let unknown = envelope.signatures.len();
            // Nothing that nobody trusted has signed says which rule would count.
            let absent = self.principals.iter().map(|principal| principal.id.clone()).collect();
            return Err(TrustError::Threshold { found: 0, required: 1, unknown, signed: Vec::new(), absent });
        }
        if self.revoked_manifests.contains(&identity.hex()) {
            return Err(TrustError::RevokedManifest(identity.hex()));
        }
        let manifest = Manifest::parse(&envelope.payload_type, &envelope.payload)?;
        let rule = self.rule(&manifest.product.vendor, &manifest.product.model)?;
        let signers = self.threshold(rule, &keys, envelope.signatures.len(), now)?;
        let bounds = [
            ("policy.expires", self.expires.as_deref(), false),
            ("release.notBefore", manifest.release.not_before.as_deref(), true),
            ("release.notAfter", manifest.release.not_after.as_deref(), false),
        ];
        for (field, bound, from) in bounds {
            in_time(field, bound, from, now)?;
        }
        let revoked = self.principals.iter().any(|principal| {
            principal.revoked.as_ref().is_some_and(|revoked| revoked.since.is_some())
                && principal.keys.iter().any(|key| keys.contains(&key))
        });
        let time_used = revoked || bounds.iter().any(|(_, bound, _)| bound.is_some());
        Ok(Verified { value: manifest, signers, identity, time_used })
    }

    /// The one threshold loop: distinct principals, each counted once, each by a vetted key that signed.
    fn threshold(
        &self,
        rule: &Rule,
        keys: &[&PublicKey],
        entries: usize,
        now: Option<Time>,
    ) -> Result<Vec<Signer>, TrustError> {
        let mut signers = Vec::new();
        let mut spoilt = None;
        for principal in self.principals.iter().filter(|principal| principal.roles.contains(&rule.role)) {
            let Some(key) = principal.keys.iter().find(|key| keys.contains(key)) else { continue };
            match &principal.revoked {
                Some(revoked) if revoked.holds(now)? => {
                    // What a stolen key has signed is nobody's, whoever else signed it.
                    if revoked.reason == RevocationReason::Compromise {
                        return Err(TrustError::Revoked(key.fingerprint()));
                    }
                    // A key that was replaced or retired has signed what is there, and takes nothing from those that count.
                    spoilt = spoilt.or(Some(TrustError::Revoked(key.fingerprint())));
                    continue;
                }
                Some(_) | None => {}
            }
            if key.is_known() && !self.insecure_accept_known_keys {
                return Err(TrustError::KnownKey(key.fingerprint()));
            }
            signers.push(Signer { id: principal.id.clone(), key: key.fingerprint() });
        }
        if rule.threshold == 0 || signers.len() < rule.threshold {
            if let Some(why) = spoilt {
                return Err(why);
            }
            let unknown = entries.saturating_sub(signers.len());
            let signed: Vec<_> = signers.iter().map(|signer| signer.id.clone()).collect();
            let asked = self.principals.iter().filter(|principal| principal.roles.contains(&rule.role));
            let names = asked.map(|principal| principal.id.clone());
            return Err(TrustError::Threshold {
                found: signers.len(),
                required: rule.threshold.max(1),
                unknown,
                absent: names.filter(|name| !signed.contains(name)).collect(),
                signed,
            });
        }
        Ok(signers)
    }
}

impl Rule {
    /// True when the policy accepts that a container there was packed anew.
    #[must_use]
    pub fn accepts_reencoded(&self, path: &str) -> bool {
        self.accept_reencoded.iter().any(|scope| path_within(path, scope))
    }
}

impl Accept {
    fn check(&self, field: &str) -> Result<(), TrustError> {
        names_a_part(&self.path, format!("{field}.path"))?;
        let wrong = |expected, found: &str| {
            let found = found.chars().take(128).collect::<String>().into();
            Err(TrustError::Field { field: field.to_owned(), expected, found })
        };
        if self.max_bytes.is_none() && self.sha256.is_empty() {
            return wrong(
                Text::new("max-bytes, or sha256 = [\"...\"]", "max-bytes 又は sha256 = [\"...\"]"),
                &self.path,
            );
        }
        match self.sha256.iter().find(|text| Digest::from_hex(IDENTITY, text).is_none()) {
            Some(text) => wrong(DIGEST, text),
            None => Ok(()),
        }
    }
}

impl Waiver {
    fn check(&self) -> Result<(), TrustError> {
        Time::parse(&self.until)?;
        names_a_part(&self.path, "waiver.path".to_owned())
    }
}

/// An empty path, or the whole image, is no component, and no place where somebody lives with something (RULES 31).
pub(crate) fn names_a_part(path: &str, field: String) -> Result<(), TrustError> {
    let whole = kiwame_image::segments(path).all(|segment| segment == "image");
    if whole {
        let expected = Text::new("the path of a part of the image", "イメージの一部分のパス");
        return Err(TrustError::Field { field, expected, found: format!("\"{path}\"").into() });
    }
    Ok(())
}

fn in_time(
    field: &'static str,
    bound: Option<&str>,
    from: bool,
    now: Option<Time>,
) -> Result<(), TrustError> {
    let Some(bound) = bound else { return Ok(()) };
    let at = Time::parse(bound)?;
    let now = now.ok_or(TrustError::NoTime(field))?;
    let inside = if from { now >= at } else { now <= at };
    if inside {
        return Ok(());
    }
    Err(TrustError::Expired { field, bound: bound.to_owned(), now: now.to_string() })
}

/// What a list of digests holds.
pub(crate) const DIGEST: Text =
    Text::new("a sha256 digest in lower-case hexadecimal", "小文字 16 進の sha256 ダイジェスト");
/// The algorithm of a manifest's identity.
const IDENTITY: Algorithm = Algorithm::Sha256;

/// What a rule of the buyer's own is.
const SOUND_RULE: Text = Text::new("a rule that says what may differ", "何が異なってよいかを限る規則");

const SCHEMA: &str = "kiwame-policy/1";

/// The file. `docs/fields.md` is made of these tables: the comment on a field is what it says of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    /// Version of this schema. Always `"kiwame-policy/1"`
    schema: String,
    /// Version of the policy, for people. Example: `1`
    version: u64,
    /// The policy is not to be used after. Example: `"2027-12-31T00:00:00Z"`
    expires: Option<forms::Timestamp>,
    /// Who may sign. A key belongs to one of them.
    #[serde(default)]
    principal: Vec<PrincipalEntry>,
    /// What is asked of each product; there is one rule for a product, and nothing counts without.
    #[serde(default)]
    rule: Vec<RuleEntry>,
    /// Manifests that no longer count, by the digest of payload type and payload that `manifest show` prints.
    /// Example: `["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]`
    #[serde(default)]
    revoked_manifests: Vec<forms::Sha256>,
    /// Differences that somebody lives with for a time.
    #[serde(default)]
    waiver: Vec<Waiver>,
    /// What lies where on the medium of a device that its maker does not describe: a dump of one of its sizes is judged part by part.
    #[serde(default)]
    device: Vec<DeviceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PrincipalEntry {
    /// Name, shown in reports; each has its own. Example: `"maker"`
    id: String,
    /// Public keys, any of which signs for the principal; `kiwame key show` prints them.
    /// Example: `["ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]`
    keys: Vec<forms::PublicKey>,
    /// Roles in which it signs, as rules ask for them. Example: `["release"]`
    roles: Vec<String>,
    /// That the keys no longer count, if they do not.
    revoked: Option<RevocationEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RevocationEntry {
    /// Why; of a compromise no date helps. Example: `"retired"`
    reason: forms::RevocationReason,
    /// From when on the keys no longer count; always without, and always of a compromise. Example: `"2026-06-01T00:00:00Z"`
    since: Option<forms::Timestamp>,
}

impl RevocationEntry {
    fn read(self) -> Result<Revocation, TrustError> {
        let reason = RevocationReason::named(&self.reason).ok_or_else(|| TrustError::Field {
            field: "principal.revoked.reason".to_owned(),
            expected: RevocationReason::EXPECTED,
            found: format!("\"{}\"", self.reason.chars().take(64).collect::<String>()).into(),
        })?;
        self.since.as_deref().map(Time::parse).transpose()?;
        Ok(Revocation { reason, since: self.since })
    }
}

impl PrincipalEntry {
    fn read(self) -> Result<Principal, TrustError> {
        let read = |text: &String| {
            PublicKey::parse(text.as_bytes()).map_err(|why| TrustError::KeyOf {
                principal: self.id.clone(),
                key: text.trim().chars().take(80).collect(),
                why: Box::new(why),
            })
        };
        let keys = self.keys.iter().map(read).collect::<Result<_, _>>()?;
        let revoked = self.revoked.map(RevocationEntry::read).transpose()?;
        Ok(Principal { id: self.id, keys, roles: self.roles, revoked })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleEntry {
    /// The maker, exactly as the manifest has it. Example: `"Example"`
    vendor: forms::Name,
    /// The model, exactly as the manifest has it. Example: `"Router-1"`
    model: forms::Name,
    /// The release, exactly; any without. Example: `"2.1.0"`
    release: Option<forms::Name>,
    /// Role that signers must have. Default: `"release"` Example: `"release"`
    #[serde(default = "release")]
    role: String,
    /// How many distinct principals must have signed, 1 or more. Example: `2`
    threshold: usize,
    /// Floor of the security version: no release below it is accepted. Example: `3`
    min_security_version: Option<u64>,
    /// Take every image apart, even when its whole digest matches. Example: `true`
    #[serde(default)]
    deep: bool,
    /// Where a manifest need not be complete: what is understood and no program, up to a cap or by digest.
    #[serde(default)]
    accept_partial: Vec<Accept>,
    /// Where bytes that nobody explains are accepted, up to a cap or by digest; programs by digest only.
    #[serde(default)]
    accept_unexplained: Vec<Accept>,
    /// Where the maker's rule `any`, and whatever else nobody judges, is accepted, up to a cap.
    #[serde(default)]
    accept_any: Vec<Accept>,
    /// Where a container that is packed anew is accepted, if its normal form is equal. Example: `["partition:rootfs"]`
    #[serde(default)]
    accept_reencoded: Vec<forms::Path>,
    /// The channel that is accepted. Default: `"release"` Example: `"beta"`
    channel: Option<String>,
    /// The hardware revisions that are accepted, of a manifest that names some. Example: `["B2"]`
    #[serde(default)]
    hardware_revisions: Vec<String>,
    /// What the configuration of the device is: what decides what may start or who may log in, value by value. `kiwame settings` writes them.
    #[serde(default)]
    setting: Vec<SettingEntry>,
    /// Where devices may differ, and how far, for what the maker does not describe. Where the maker's own rules reach a place too, both must hold.
    #[serde(default)]
    mutable: Vec<MutableEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SettingEntry {
    /// The component: its whole path, as `kiwame settings` writes it. Example: `"uefi-volume:0/variable-store:0/variable:8BE4DF61-93CA-11D2-AA0D-00E098032B8C-BootOrder"`
    pub(crate) path: forms::Path,
    /// Whether it is there. Default: `"must"` Example: `"may"`
    pub(crate) expect: Option<forms::Expect>,
    /// What its value may be, any of these; `bytes` is none. What decides what may start takes `exactly` and `enum` only.
    /// Example: `["exactly:00000100"]`
    #[serde(default)]
    pub(crate) values: Vec<forms::Grammar>,
    /// Digests of its value, any of these; a program by its digest only. Example: `["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]`
    #[serde(default)]
    pub(crate) sha256: Vec<forms::Sha256>,
    /// Entries of a list that are all there, as a database of certificates has them. Example: `["x509-77FA9ABD-0359-4D32-BD60-28F4E78F784B-e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961"]`
    #[serde(default)]
    pub(crate) holds: Vec<String>,
    /// Entries of a list that may be there too. Example: `["x509-77FA9ABD-0359-4D32-BD60-28F4E78F784B-48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507"]`
    #[serde(default)]
    pub(crate) may_hold: Vec<String>,
    /// Entries that nobody has listed may be there too: only in a list that forbids, such as `dbx`. Example: `true`
    #[serde(default)]
    pub(crate) more: bool,
    /// The attributes that it has; those of the reference, or of an ordinary entry, without. Example: `39`
    pub(crate) attributes: Option<u64>,
}

fn release() -> String {
    ROLE.to_owned()
}

impl RuleEntry {
    fn read(self) -> Result<Rule, TrustError> {
        if self.threshold == 0 {
            let field = format!("rule for {}/{}: threshold", self.vendor, self.model);
            return Err(TrustError::Field {
                field,
                expected: Text::new("1 or more", "1 以上"),
                found: 0.into(),
            });
        }
        let scope = format!("{}/{}", self.vendor, self.model);
        for (field, list) in [
            ("accept-partial", &self.accept_partial),
            ("accept-unexplained", &self.accept_unexplained),
            ("accept-any", &self.accept_any),
        ] {
            list.iter().try_for_each(|accept| accept.check(&format!("rule for {scope}: {field}")))?;
        }
        for path in &self.accept_reencoded {
            names_a_part(path, format!("rule for {scope}: accept-reencoded"))?;
        }
        let read = |setting: SettingEntry| setting.read(&format!("rule for {scope}"));
        let settings = self.setting.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut paths: Vec<_> = settings.iter().map(|setting| setting.path.as_str()).collect();
        paths.arrange();
        if let Some([path, _]) = paths.array_windows().find(|[one, other]| one == other) {
            return Err(TrustError::Field {
                field: format!("rule for {scope}: setting.path"),
                expected: Text::new("one setting for a path", "一つのパスに一つの設定"),
                found: Words::new(format!("{path:?} twice"), format!("{path:?} が二つ")),
            });
        }
        let mut accept_any = self.accept_any;
        let mut mutable = Vec::new();
        for entry in &self.mutable {
            let rule = entry.read()?;
            rule.check().map_err(|(path, what)| TrustError::Field {
                field: format!("rule for {scope}: mutable {}", rule.path),
                expected: SOUND_RULE,
                found: Words::new(format!("{path}: {}", what.english), format!("{path}:{}", what.japanese)),
            })?;
            // Whoever writes it here has named the place, and how much may be there.
            if let Mutable::Any { max_bytes } = rule.rule {
                accept_any.push(Accept {
                    path: rule.path.clone(),
                    max_bytes: Some(max_bytes),
                    sha256: Vec::new(),
                });
            }
            mutable.push(rule);
        }
        Ok(Rule {
            vendor: self.vendor,
            model: self.model,
            release: self.release,
            role: self.role,
            threshold: self.threshold,
            min_security_version: self.min_security_version,
            deep: self.deep,
            accept_partial: self.accept_partial,
            accept_unexplained: self.accept_unexplained,
            accept_any,
            accept_reencoded: self.accept_reencoded,
            channel: self.channel,
            hardware_revisions: self.hardware_revisions,
            settings,
            mutable,
        })
    }
}
