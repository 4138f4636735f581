//! The report as data. Fields stand in alphabetical order, so that serialising them gives canonical JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use kiwame_appraisal::{Account, Assessment, Basis, Class, Exceptions, Finding, Verdict, json_of, kinds};
use kiwame_image::{
    Arrange as _, Digest, Gather as _, LimitKind, Limits, Problem, Region, RegionId, Span, Tree, Words,
};
use kiwame_trust::json::{Json, MOST_SIGNED};
use kiwame_trust::manifest::ReferenceRegion;
use kiwame_trust::{TrustError, forms, readers};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::{Lang, message, remedy};
use crate::device::{DeviceOf, Parts};
use crate::{escape, problems};

/// The report: a pure function of what it names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// True only when the tier is affirming. Example: `true`
    pub accepted: bool,
    /// The account of the file: every byte of the image.
    pub account: AccountOf,
    /// What differs, counted: so many files added, so many drivers changed.
    pub changes: Vec<ChangeOf>,
    /// The account of the content: all leaves, of the image and of every decoded space, that encode nothing.
    pub content: AccountOf,
    /// How many decoded spaces there are, where not all are listed. Example: `13`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<u64>,
    /// Whether the image was taken apart.
    pub depth: Depth,
    /// The device as which a dump was judged part by part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceOf>,
    /// What an acceptance leaves to somebody's word.
    pub exceptions: ExceptionsOf,
    /// The exit code that goes with the verdict; `kiwame --help` lists them. Example: `0`
    pub exit_code: u8,
    /// What the user said the image should be: `product`, and `release` where one was named.
    /// Example: `{"product": "Example/Router-1"}`
    pub expected: BTreeMap<String, String>,
    /// What was found, the worst first.
    pub findings: Vec<FindingOf>,
    /// The image that was looked at.
    pub image: ImageOf,
    /// The limits of the run, by name. Example: `{"depth": 16}`
    pub limits: BTreeMap<String, u64>,
    /// Which regions and decoded spaces are listed; absent when all are.
    #[serde(default, skip_serializing_if = "Listing::is_all")]
    pub listed: Listing,
    /// The manifests that were verified.
    pub manifests: Vec<ManifestOf>,
    /// Bytes of content that the reference has and the image does not; they are in no account of the image. Example: `0`
    pub missing: u64,
    /// The verb. One of: `inspect`, `verify`, `diff` Example: `"verify"`
    pub mode: String,
    /// What this run could not have seen. Example: `["rollback", "transparency"]`
    pub not_seen: Vec<forms::NotSeen>,
    /// Where the image of the release lies, in a dump that is larger; offsets are of the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<PlacedOf>,
    /// The policy by which it was judged.
    pub policy: PolicyOf,
    /// Regions in pre-order; leaves carry a class.
    pub regions: Regions,
    /// Rule files; none in this version. Example: `[]`
    pub rules: Vec<String>,
    /// Version of this schema. Always `"1.2"`
    pub schema_version: String,
    /// The serial number that the image holds, where the manifest says which setting it is; empty where there is none, or where copies of it disagree. Example: `"00001000"`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub serial: Option<String>,
    /// Accounts of all spaces, the image first.
    pub spaces: Vec<SpaceOf>,
    /// The time that was used.
    pub time: TimeOf,
    /// The tool that made the report.
    pub tool: ToolOf,
    /// The verdict, which follows from the findings and from nothing else.
    pub verdict: VerdictOf,
}

/// Sums of bytes, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountOf {
    /// Not equal to its reference value, added, or outside its rule. Example: `4096`
    pub differs: u64,
    /// Erased, inside bounds that structure sets. Example: `4096`
    pub fill: u64,
    /// Equal to a reference value. Example: `4096`
    pub matched: u64,
    /// Declared mutable, within its rule. Example: `4096`
    pub mutable: u64,
    /// Counted in the space that it encodes; absent in an account of content. Example: `4096`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opened: Option<u64>,
    /// Understood, and covered by no reference value. Example: `4096`
    pub parsed: u64,
    /// Dead copies in a part that the device writes. Example: `4096`
    pub remains: u64,
    /// Not understood, and covered by no reference value. Example: `4096`
    pub unexplained: u64,
    /// Not read by the acquisition. Example: `4096`
    pub unread: u64,
}

impl AccountOf {
    /// The account of one space: every byte of it.
    #[must_use]
    pub fn of_space(account: &Account) -> Self {
        Self { opened: Some(account.get(Class::Opened)), ..Self::of_content(account) }
    }

    /// An account of content, in which nothing is opened.
    #[must_use]
    pub fn of_content(account: &Account) -> Self {
        Self {
            differs: account.get(Class::Differs),
            fill: account.get(Class::Fill),
            matched: account.get(Class::Matched),
            mutable: account.get(Class::Mutable),
            opened: None,
            parsed: account.get(Class::Parsed),
            remains: account.get(Class::Remains),
            unexplained: account.get(Class::Unexplained),
            unread: account.get(Class::Unread),
        }
    }

    /// The bytes in one class.
    #[must_use]
    pub fn get(&self, class: Class) -> u64 {
        match class {
            Class::Matched => self.matched,
            Class::Differs => self.differs,
            Class::Mutable => self.mutable,
            Class::Remains => self.remains,
            Class::Fill => self.fill,
            Class::Unread => self.unread,
            Class::Parsed => self.parsed,
            Class::Unexplained => self.unexplained,
            Class::Opened => self.opened.unwrap_or(0),
        }
    }

    /// All bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        Class::ALL.iter().fold(0, |sum: u64, &class| sum.saturating_add(self.get(class)))
    }
}

/// What an acceptance leaves to somebody's word (RULES 30). All zero: everything equals the signed reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExceptionsOf {
    /// Components that the policy accepts. Example: `1`
    pub by_policy: u64,
    /// Settings and files that differ within a rule of the maker's. Example: `7`
    pub by_rule: u64,
    /// Bytes that nobody judged. Example: `65536`
    pub not_judged: u64,
    /// Bytes of old data that nothing reaches. Example: `0`
    pub remains: u64,
}

impl ExceptionsOf {
    fn new(exceptions: Exceptions) -> Self {
        let Exceptions { by_rule, by_policy, not_judged, remains } = exceptions;
        Self { by_policy, by_rule, not_judged, remains }
    }
}

/// Things of one kind that one thing happened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeOf {
    /// There may be more: findings of some kind were too many to list. Example: `true`
    #[serde(rename = "atLeast", skip_serializing_if = "is_false", default)]
    pub at_least: bool,
    /// How many. Example: `2`
    pub count: u64,
    /// What happened. One of: `added`, `changed`, `moved`, `packed-anew`, `removed`, `unreadable` Example: `"changed"`
    pub how: String,
    /// What they are, such as `driver` or `account`. Example: `"driver"`
    pub what: String,
}

impl ChangeOf {
    /// What findings tell, counted: what somebody put in and what runs comes first.
    fn counted(findings: &[Finding]) -> Vec<Self> {
        let at_least = findings.iter().any(|finding| *finding.kind() == kinds::MORE);
        let tally = kiwame_appraisal::tally(findings).into_iter();
        let change = |((what, how), count): ((&str, &str), u64)| Self {
            at_least,
            count,
            how: how.to_owned(),
            what: what.to_owned(),
        };
        let mut changes: Vec<_> = tally.map(change).collect();
        changes.arrange_by_key(|change| {
            let runs = ["program", "script", "account", "login-line", "boot-argument", "driver"];
            let put_in = change.how == "added";
            (!put_in, runs.iter().position(|what| *what == change.what).unwrap_or(runs.len()))
        });
        changes
    }
}

/// Whether the image was taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Only its digest was compared.
    Whole,
    /// It was taken apart.
    Deep,
}

/// The image.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageOf {
    /// Format that read it. Example: `"raw-flash"`
    pub format: String,
    /// Its digest. Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    pub sha256: forms::Sha256,
    /// Size in bytes. Example: `4194304`
    pub size: u64,
}

/// A manifest that was verified.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestOf {
    /// True when the image was compared with this one. Example: `true`
    pub applied: bool,
    /// The release channel that it names. Example: `"beta"`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<String>,
    /// The hardware revisions that it is for; absent means all. Example: `["B2"]`
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub hardware_revisions: Vec<String>,
    /// Its identity: SHA-256 over payload type and payload.
    /// Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    pub payload_sha256: forms::Sha256,
    /// The product that it is for, `VENDOR/MODEL`. Example: `"Example/Router-1"`
    pub product: String,
    /// The release that it is for. Example: `"2.1.0"`
    pub release: String,
    /// Who signed, by the policy's names.
    pub signers: Vec<SignerOf>,
}

/// Somebody who signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerOf {
    /// Their name in the policy. Example: `"maker"`
    pub id: String,
    /// Fingerprint of the key that signed. Example: `"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"`
    pub key: String,
}

/// The policy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyOf {
    /// SHA-256 of the policy file; absent when the policy was a key on the command line.
    /// Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<forms::Sha256>,
}

/// A space and its account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceOf {
    /// The account of its bytes.
    pub account: AccountOf,
    /// Its path: that of the region that encodes it, or `image`. Example: `"image"`
    pub path: String,
    /// Size in bytes. Example: `4194304`
    pub size: u64,
}

/// The time of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeOf {
    /// Where the time comes from; `not-used` when nothing was compared with one. One of: `argument`, `host-clock`, `not-used`
    /// Example: `"argument"`
    pub source: String,
    /// The time that was compared with; absent when it was not used. Example: `"2026-11-21T09:00:00Z"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<forms::Timestamp>,
}

/// The tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolOf {
    /// SHA-256 of the core module, as the host says.
    /// Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    pub core_sha256: forms::Sha256,
    /// Its name. Example: `"kiwame"`
    pub name: String,
    /// Its version. Example: `"0.1.0"`
    pub version: String,
}

/// The verdict.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictOf {
    /// Ids of the findings that decided. Example: `["component/modified"]`
    pub reasons: Vec<forms::FindingId>,
    /// The verdict itself. Example: `"contraindicated"`
    pub tier: forms::Tier,
}

/// Which regions and decoded spaces a report lists; the accounts and the findings are always of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listing {
    /// All of them.
    #[default]
    All,
    /// Leaves that are neither equal to a reference value nor erased nor opened, and spaces that hold such.
    Differing,
}

impl Listing {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// True for a region of that class, which only leaves have.
    fn has(self, class: Option<Class>) -> bool {
        let plain = [Class::Matched, Class::Fill, Class::Opened];
        self == Self::All || class.is_some_and(|class| !plain.contains(&class))
    }
}

/// The regions of a report. Those of a tree are made while they are written: an image may have some hundred thousand, and
/// each takes more room than in its tree.
#[derive(Clone, Debug)]
pub enum Regions {
    /// As they were listed.
    Listed(Vec<RegionOf>),
    /// Those of a tree, with the class of each leaf, as far as they are listed.
    Tree(Rc<Tree>, BTreeMap<RegionId, (Class, Option<Basis>)>, Listing),
    /// Those of a part of a larger dump, and what lies outside.
    Placed(Box<Self>, Placed, Listing),
    /// Those of a dump that was judged part by part.
    Parts(Box<Parts>),
}

/// Where the image of a release lies in a larger dump.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The part.
    pub span: Span,
    /// SHA-256 of the dump.
    pub sha256: Digest,
    /// Size of the dump in bytes.
    pub size: u64,
    /// What lies outside, by offset.
    pub outside: Vec<Outside>,
}

/// What lies beside the image of a release in a larger dump.
#[derive(Clone, Debug)]
pub struct Outside {
    /// Where.
    pub span: Span,
    /// What is known of it: erased, not understood, or not read.
    pub class: Class,
    /// The first byte that is not erased.
    pub first: Option<u64>,
}

impl Placed {
    /// A region of the part, as it lies in the dump; the part's own stands for all of the dump.
    fn moved(&self, region: RegionOf) -> RegionOf {
        match (region.path == IMAGE, region.space == IMAGE) {
            (true, _) => RegionOf { offset: 0, length: self.size, sha256: Some(self.sha256.hex()), ..region },
            (false, true) => RegionOf { offset: region.offset.saturating_add(self.span.offset), ..region },
            (false, false) => region,
        }
    }

    /// What lies outside, before the part or behind it.
    fn outside(&self, listing: Listing, behind: bool) -> impl Iterator<Item = RegionOf> {
        let pieces = self.outside.iter().filter(move |piece| {
            (piece.span.offset >= self.span.end()) == behind && listing.has(Some(piece.class))
        });
        pieces.map(move |piece| RegionOf {
            attributes: BTreeMap::new(),
            basis: None,
            class: Some(piece.class.name().to_owned()),
            guid: None,
            kind: "outside".to_owned(),
            length: piece.span.length,
            name: None,
            offset: piece.span.offset,
            path: format!("outside:{:#x}", piece.span.offset),
            sha256: None,
            space: IMAGE.to_owned(),
        })
    }
}

/// Path of the image, and of the space that it is.
pub(crate) const IMAGE: &str = "image";
/// Paths of what is about the whole dump already: what lies outside the image of a release, and other readings.
const OF_THE_DUMP: [&str; 2] = ["outside", "readings"];

impl Regions {
    /// All of them in pre-order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Cow<'_, RegionOf>> + '_> {
        match self {
            Self::Listed(list) => Box::new(list.iter().map(Cow::Borrowed)),
            Self::Tree(tree, classes, listing) => {
                let class = |region: &Region| classes.get(&region.id).copied();
                let listed =
                    tree.regions().filter(move |region| listing.has(class(region).map(|(class, _)| class)));
                Box::new(listed.map(move |region| Cow::Owned(RegionOf::new(tree, region, class(region)))))
            }
            Self::Placed(part, placed, listing) => {
                // The root comes first, where it is listed.
                let mut inside = part.iter().map(|region| placed.moved(region.into_owned())).peekable();
                let root = inside.next_if(|region| region.path == IMAGE);
                let before = placed.outside(*listing, false);
                let all = root.into_iter().chain(before).chain(inside).chain(placed.outside(*listing, true));
                Box::new(all.map(Cow::Owned))
            }
            Self::Parts(parts) => Box::new(parts.iter().map(Cow::Owned)),
        }
    }

    /// The bytes that somebody asked for, where one of the trees that they are of was asked.
    #[must_use]
    pub fn excerpt(&self) -> Option<&[u8]> {
        match self {
            Self::Listed(_) => None,
            Self::Tree(tree, ..) => tree.excerpt(),
            Self::Placed(part, ..) => part.excerpt(),
            Self::Parts(parts) => parts.regions().find_map(Self::excerpt),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Listed(list) => list.len(),
            Self::Tree(tree, ..) => tree.count(),
            Self::Placed(part, placed, _) => part.count().saturating_add(placed.outside.len()),
            Self::Parts(parts) => parts.count(),
        }
    }

    /// Leaves out what equals its reference value.
    pub(crate) fn list_differing(&mut self) {
        match self {
            Self::Parts(parts) => parts.list_differing(),
            Self::Tree(.., listing) => *listing = Listing::Differing,
            // As the manifest lists them, all matched.
            Self::Listed(list) => list.clear(),
            Self::Placed(part, _, listing) => {
                part.list_differing();
                *listing = Listing::Differing;
            }
        }
    }

    /// How many bytes they take when they are written, for a report of many: finding out takes as long as writing them.
    fn length(&self) -> usize {
        let each = |region: Cow<'_, RegionOf>| serde_json::to_vec(&region).map_or(0, |text| text.len());
        let many = self.count() > MANY;
        self.iter()
            .filter(|_| many)
            .map(each)
            .fold(0, |sum, length| sum.saturating_add(length).saturating_add(1))
    }
}

/// So many regions make a report for which memory is asked beforehand: one that grows by moving asks for three times its
/// size at the end.
const MANY: usize = 10_000;
/// Room for what a report holds beside regions.
const AROUND: usize = 64 << 10;

impl Serialize for Regions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Regions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Listed)
    }
}

/// A finding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingOf {
    /// What is there; waivers name it. Example: `"mode=4755"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// Names and numbers of which the sentence is made. Example: `{"name": "Udp4Dxe"}`
    pub args: BTreeMap<String, String>,
    /// What should be there. Example: `"mode=755"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What kind of finding it is. Example: `"component/modified"`
    pub id: forms::FindingId,
    /// Where in the image, of what lies in a decoded space: the stream around it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image: Option<PlaceOf>,
    /// How many bytes it is about. Example: `23470`
    pub length: u64,
    /// A sentence in English. Example: `"Udp4Dxe (driver) differs from the reference."`
    pub message: String,
    /// Where they begin in the space. Example: `4198352`
    pub offset: u64,
    /// What it speaks for: pieces of the same thing, and what follows from the same cause.
    pub parts: Vec<PartOf>,
    /// Path of the region that it is about. Example: `"partition:boot/uimage:content"`
    pub path: String,
    /// The next step, in English. Example: `"Acquire the dump again by another way."`
    pub remedy: String,
    /// It is about something that can run, or that decides what may start or who may log in. Example: `true`
    pub runs: bool,
    /// How much it weighs. Example: `"high"`
    pub severity: forms::Severity,
    /// Path of the space in which it lies. Example: `"image"`
    pub space: String,
    /// Who answers for it, by the maker's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<SupplierOf>,
    /// The policy waives it, with the value that was found. Example: `true`
    #[serde(skip_serializing_if = "is_false", default)]
    pub waived: bool,
    /// What people call the content that it lies in, of what lies in a decoded space. Example: `"/etc/passwd"`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub within: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a finding speaks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartOf {
    /// What is there; waivers name it. Example: `"mode=4755"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// Names and numbers of which the sentence is made. Example: `{"name": "Udp4Dxe"}`
    pub args: BTreeMap<String, String>,
    /// What should be there. Example: `"mode=755"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What kind of finding it is. Example: `"component/modified"`
    pub id: forms::FindingId,
    /// How many bytes it is about. Example: `23470`
    pub length: u64,
    /// A sentence in English. Example: `"Udp4Dxe (driver) differs from the reference."`
    pub message: String,
    /// Where they begin in the space. Example: `4198352`
    pub offset: u64,
    /// Path of the region that it is about. Example: `"partition:boot/uimage:content"`
    pub path: String,
    /// Path of the space in which it lies. Example: `"image"`
    pub space: String,
}

/// A place in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceOf {
    /// Length in bytes. Example: `64`
    pub length: u64,
    /// Offset in bytes. Example: `4096`
    pub offset: u64,
}

/// The part of a larger dump that is the image of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedOf {
    /// Length in bytes. Example: `4194304`
    pub length: u64,
    /// Where it begins in the dump. Example: `12582912`
    pub offset: u64,
    /// Its digest. Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    pub sha256: forms::Sha256,
}

/// Who answers for a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplierOf {
    /// How to reach them. Example: `"psirt@boot.example"`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contact: Option<String>,
    /// Their name. Example: `"Boot Works"`
    pub name: String,
}

impl FindingOf {
    pub(crate) fn new(finding: &Finding, mode: &str) -> Self {
        let made = Self::alone(finding, mode);
        let mut parts = Vec::new();
        // Parts of parts stand beside them: the parts of a cause are things, and theirs are pieces.
        for part in &finding.parts {
            parts.push(PartOf::new(Self::alone(part, mode)));
            parts.extend(part.parts.iter().map(|piece| PartOf::new(Self::alone(piece, mode))));
        }
        Self { parts, ..made }
    }

    fn alone(finding: &Finding, mode: &str) -> Self {
        let shown = |text: &Option<String>| text.as_deref().map(escape);
        let supplier = shown(&finding.supplier);
        let mut made = Self {
            actual: shown(&finding.actual),
            args: finding.args.iter().map(|(name, value)| ((*name).to_owned(), escape(value))).into_map(),
            expected: shown(&finding.expected),
            id: finding.id().to_owned(),
            image: finding.image.map(|span| PlaceOf { length: span.length, offset: span.offset }),
            length: finding.length,
            message: String::new(),
            offset: finding.offset,
            parts: Vec::new(),
            path: finding.path.clone(),
            remedy: String::new(),
            runs: finding.runs,
            severity: finding.severity.name().to_owned(),
            space: finding.space.clone(),
            supplier: supplier.map(|name| SupplierOf { contact: shown(&finding.contact), name }),
            waived: finding.is_waived(),
            within: shown(&finding.within),
        };
        made.message = message(Lang::English, &made, mode);
        made.remedy = remedy(Lang::English, &made, mode);
        made
    }
}

impl PartOf {
    fn new(finding: FindingOf) -> Self {
        let FindingOf { actual, args, expected, id, length, message, offset, path, space, .. } = finding;
        Self { actual, args, expected, id, length, message, offset, path, space }
    }

    /// As a finding, for its sentence.
    pub(crate) fn finding(&self) -> FindingOf {
        let Self { actual, args, expected, id, length, message, offset, path, space } = self.clone();
        FindingOf {
            actual,
            args,
            expected,
            id,
            image: None,
            length,
            message,
            offset,
            parts: Vec::new(),
            path,
            remedy: String::new(),
            runs: false,
            severity: String::new(),
            space,
            supplier: None,
            waived: false,
            within: None,
        }
    }
}

/// A region.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionOf {
    /// Facts by name, as the format states them. Example: `{"mode": "755"}`
    pub attributes: BTreeMap<String, Value>,
    /// Why a matched leaf is matched. Example: `"bytes"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<forms::Basis>,
    /// What is known of its bytes, of a leaf. Example: `"matched"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<forms::Class>,
    /// Its GUID, where it has one. Example: `"8be4df61-93ca-11d2-aa0d-00e098032b8c"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// What it is. Example: `"header"`
    pub kind: String,
    /// How many bytes it has. Example: `64`
    pub length: u64,
    /// A name for people. Example: `"Udp4Dxe"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it begins in the space. Example: `0`
    pub offset: u64,
    /// Its path. Example: `"partition:boot/uimage:header"`
    pub path: String,
    /// Digest of its bytes, where it was measured. Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<forms::Sha256>,
    /// Path of the space in which it lies. Example: `"image"`
    pub space: String,
}

/// The first whole number that a reader of JSON may take for another.
const MOST_EXACT: u64 = 1 << 53;

/// A value on its way out. Strings are escaped here: they came from an image.
fn shown(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Flag(flag) => Value::from(*flag),
        // Readers of JSON know no larger numbers (RFC 8785).
        Json::Uint(number) if *number >= MOST_EXACT => Value::from(format!("{number:#x}")),
        Json::Uint(number) => Value::from(*number),
        Json::Text(text) => Value::from(escape(text)),
        Json::List(list) => Value::Array(list.iter().map(shown).collect()),
        Json::Map(map) => crate::object(map.iter().map(|(name, value)| (escape(name), shown(value)))),
    }
}

/// A fact of somebody's report. How deep it may be nested, the reader of JSON says.
fn shown_again(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(escape::escape_shown(&text)),
        Value::Array(list) => Value::Array(list.into_iter().map(shown_again).collect()),
        Value::Object(map) => {
            let map = map.into_iter();
            crate::object(map.map(|(name, value)| (escape::escape_shown(&name), shown_again(value))))
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

impl RegionOf {
    fn new(tree: &Tree, region: &Region, class: Option<(Class, Option<Basis>)>) -> Self {
        let facts =
            region.attributes.iter().map(|fact| (fact.fact.name.to_owned(), shown(&json_of(&fact.value))));
        Self {
            attributes: facts.into_map(),
            basis: class.and_then(|(_, basis)| basis).map(|basis| basis.name().to_owned()),
            class: class.map(|(class, _)| class.name().to_owned()),
            guid: region.guid.as_ref().map(|guid| guid.to_string()),
            kind: region.kind.to_owned(),
            length: region.span.length,
            name: region.name.as_deref().map(escape),
            offset: region.span.offset,
            path: tree.path_of(region.id),
            sha256: region.sha256.as_ref().map(Digest::hex),
            space: tree.space_path_of(region.space),
        }
    }
}

impl RegionOf {
    fn whole(region: &ReferenceRegion) -> Self {
        let facts = region.attributes.iter().map(|(name, value)| (escape(name), shown(value)));
        Self {
            attributes: facts.into_map(),
            basis: Some(Basis::Whole.name().to_owned()),
            class: Some(Class::Matched.name().to_owned()),
            guid: None,
            kind: escape(&region.kind),
            length: region.span.length,
            name: region.name.as_deref().map(escape),
            offset: region.span.offset,
            path: escape(&region.path),
            sha256: Some(region.sha256.hex()),
            space: escape(region.space()),
        }
    }
}

impl Report {
    /// A report without regions, spaces and findings: what is known before anything is compared.
    #[must_use]
    pub fn new(mode: &str, core_sha256: &str, limits: &Limits, image: ImageOf) -> Self {
        let limits =
            LimitKind::ALL.map(|kind| (kind.name().to_owned(), kind.of(limits))).into_iter().into_map();
        let tool = ToolOf {
            core_sha256: core_sha256.to_owned(),
            name: "kiwame".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Self {
            accepted: false,
            account: AccountOf::default(),
            changes: Vec::new(),
            content: AccountOf::default(),
            decoded: None,
            depth: Depth::Whole,
            device: None,
            exit_code: 2,
            exceptions: ExceptionsOf::default(),
            expected: BTreeMap::new(),
            findings: Vec::new(),
            image,
            limits,
            listed: Listing::All,
            manifests: Vec::new(),
            missing: 0,
            mode: mode.to_owned(),
            not_seen: Vec::new(),
            placed: None,
            policy: PolicyOf::default(),
            regions: Regions::Listed(Vec::new()),
            rules: Vec::new(),
            schema_version: crate::SCHEMA_VERSION.to_owned(),
            serial: None,
            spaces: Vec::new(),
            time: TimeOf { source: "not-used".to_owned(), value: None },
            tool,
            verdict: VerdictOf { reasons: Vec::new(), tier: "none".to_owned() },
        }
    }

    /// Takes over what was found in a tree.
    pub fn set_tree(&mut self, tree: &Rc<Tree>, assessment: &Assessment) {
        let class = |region: &Region| assessment.classes.get(&region.id).copied();
        self.depth = Depth::Deep;
        self.exceptions = ExceptionsOf::new(assessment.exceptions);
        self.missing = assessment.missing_bytes;
        self.regions = Regions::Tree(Rc::clone(tree), assessment.classes.clone(), Listing::All);
        let mut accounts = vec![Account::default(); tree.spaces().len()];
        for leaf in tree.leaves() {
            let at = tree.spaces().binary_search_by_key(&leaf.space, |space| space.id).ok();
            if let (Some(account), Some((class, _))) = (at.and_then(|at| accounts.get_mut(at)), class(leaf)) {
                account.add(class, leaf.span.length);
            }
        }
        let mut content = Account::default();
        accounts.iter().for_each(|account| content.join(&account.content()));
        self.content = AccountOf::of_content(&content);
        let spaces = tree.spaces().iter().zip(accounts);
        self.spaces = spaces
            .map(|(space, account)| SpaceOf {
                account: AccountOf::of_space(&account),
                path: tree.space_path_of(space.id),
                size: space.size,
            })
            .collect();
        self.account = self.spaces.first().map(|space| space.account).unwrap_or_default();
    }

    /// The account of an image whose whole digest matched: everything as the manifest lists it, nothing parsed.
    pub fn set_whole(&mut self, regions: &[ReferenceRegion]) {
        self.depth = Depth::Whole;
        let matched = |size| AccountOf { matched: size, opened: Some(0), ..AccountOf::default() };
        self.account = matched(self.image.size);
        self.content = AccountOf { opened: None, ..self.account };
        self.regions = Regions::Listed(regions.iter().map(RegionOf::whole).collect());
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::from([("image", 0)]);
        for region in regions {
            let size = sizes.entry(region.space()).or_default();
            *size = (*size).max(region.span.end());
        }
        sizes.insert("image", self.image.size);
        let space =
            |(path, size): (&str, u64)| SpaceOf { account: matched(size), path: path.to_owned(), size };
        // The image first, then the decoded spaces in the order of their paths.
        let image = sizes.remove_entry("image");
        self.spaces = image.into_iter().chain(sizes).map(space).collect();
    }

    /// Tells of the whole dump what was found of the part of it that is the image of a release.
    pub fn place(&mut self, placed: Placed) {
        let base = placed.span.offset;
        // What is about the whole has no place.
        let moved = |space: &str, path: &str, offset: &mut u64, length: u64| {
            if space == IMAGE && !OF_THE_DUMP.contains(&path) && !(path == IMAGE && length == 0) {
                *offset = offset.saturating_add(base);
            }
        };
        for finding in &mut self.findings {
            moved(&finding.space, &finding.path, &mut finding.offset, finding.length);
            if let Some(image) = &mut finding.image {
                image.offset = image.offset.saturating_add(base);
            }
            for part in &mut finding.parts {
                moved(&part.space, &part.path, &mut part.offset, part.length);
                part.message = message(Lang::English, &part.finding(), &self.mode);
            }
            finding.message = message(Lang::English, finding, &self.mode);
        }
        let bytes = |class| {
            let pieces = placed.outside.iter().filter(|piece| piece.class == class);
            pieces.fold(0_u64, |sum, piece| sum.saturating_add(piece.span.length))
        };
        let [fill, unexplained, unread] = [Class::Fill, Class::Unexplained, Class::Unread].map(bytes);
        let image = self.spaces.first_mut().map(|space| {
            space.size = placed.size;
            &mut space.account
        });
        for account in [&mut self.account, &mut self.content].into_iter().chain(image) {
            account.fill = account.fill.saturating_add(fill);
            account.unexplained = account.unexplained.saturating_add(unexplained);
            account.unread = account.unread.saturating_add(unread);
        }
        self.image.size = placed.size;
        let sha256 = core::mem::replace(&mut self.image.sha256, placed.sha256.hex());
        self.placed = Some(PlacedOf { length: placed.span.length, offset: base, sha256 });
        let part = core::mem::replace(&mut self.regions, Regions::Listed(Vec::new()));
        self.regions = Regions::Placed(Box::new(part), placed, Listing::All);
    }

    /// Leaves out what equals its reference value: of an accepted unit nearly everything, and for filing nobody needs it.
    pub fn list_differing(&mut self) {
        self.decoded = Some(self.decoded());
        self.listed = Listing::Differing;
        self.regions.list_differing();
        let holds = |space: &SpaceOf| {
            Class::ALL
                .into_iter()
                .any(|class| Listing::Differing.has(Some(class)) && space.account.get(class) > 0)
        };
        let mut image = true;
        self.spaces.retain(|space| core::mem::replace(&mut image, false) || holds(space));
    }

    /// Takes over the value of the setting at that path. A store may have a copy of it elsewhere, under the same last step, and
    /// which of them the device takes is not known here: where they disagree, or where there is none, the number is empty.
    pub fn set_serial(&mut self, path: &str) {
        let step = path.rsplit('/').next();
        let mut serials = self.regions.iter().filter_map(|region| {
            let dead = region.class.as_deref() == Some(Class::Remains.name());
            let named = region.path.rsplit('/').next() == step && !dead;
            let value = region.attributes.get(kiwame_image::fact::VALUE.name).filter(|_| named)?;
            value.as_str().map(str::to_owned)
        });
        let first = serials.next().filter(|first| serials.all(|other| other == *first));
        self.serial = Some(first.unwrap_or_default());
    }

    /// How many decoded spaces the image holds.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        let listed = self.spaces.len().saturating_sub(1);
        self.decoded.unwrap_or_else(|| u64::try_from(listed).unwrap_or(u64::MAX))
    }

    /// Takes over findings and the verdict that follows from them.
    pub fn set_verdict(&mut self, findings: &[Finding], verdict: &Verdict) {
        self.findings = findings.iter().map(|finding| FindingOf::new(finding, &self.mode)).collect();
        self.changes = ChangeOf::counted(findings);
        self.worst_first();
        self.conclude(verdict);
    }

    /// The worst findings first; among equals the order of the checks.
    pub(crate) fn worst_first(&mut self) {
        self.findings.arrange_by_key(|finding| match finding.severity.as_str() {
            "high" => 0,
            "medium" => 1,
            "low" => 2,
            _ => 3,
        });
    }

    /// Takes over a verdict.
    pub(crate) fn conclude(&mut self, verdict: &Verdict) {
        self.accepted = verdict.tier == kiwame_appraisal::Tier::Affirming;
        self.exit_code = verdict.exit;
        self.verdict = VerdictOf { reasons: verdict.reasons.clone(), tier: verdict.tier.name().to_owned() };
    }

    /// Reads a report that somebody else made. It is a claim: nothing in it was performed again.
    ///
    /// # Errors
    /// What the reader of JSON says.
    pub fn claimed(text: &[u8]) -> Result<Self, Problem> {
        Json::parse(text, MOST_SIGNED).map_err(|error| error.problem().exit(2))?;
        let mut report: Self = serde_json::from_slice(text).map_err(|error| {
            Problem::new(&problems::UNREADABLE).arg("what", readers::words(&error.to_string()))
        })?;
        if report.schema_version != crate::SCHEMA_VERSION {
            let (field, expected, found) = ("schemaVersion", crate::SCHEMA_VERSION, report.schema_version);
            return Err(TrustError::Type { field, expected, found }.problem().exit(2));
        }
        report.escape_again();
        match report.contradiction() {
            Some(problem) => Err(problem),
            None => Ok(report),
        }
    }

    /// That verdict, exit code and findings do not fit: no run ends so.
    fn contradiction(&self) -> Option<Problem> {
        let tier = self.verdict.tier.as_str();
        let expected = match self.exit_code {
            0 => "affirming",
            1 => "contraindicated",
            7 => "warning",
            _ => "none",
        };
        let high = || self.findings.iter().filter(|finding| finding.severity == "high" && !finding.waived);
        let fits = match self.mode.as_str() {
            "verify" => {
                tier == expected
                    && self.accepted == (self.exit_code == 0)
                    && (!self.accepted || high().next().is_none())
            }
            _ => !self.accepted && tier == "none",
        };
        (!fits).then(|| {
            Problem::new(&problems::CONTRADICTION)
                .arg("tier", tier)
                .arg("exit", u64::from(self.exit_code))
                .arg("accepted", if self.accepted { "true" } else { "false" })
                .arg("high", Words::plain(high().count()))
        })
    }

    /// Strings of a claimed report may hold anything.
    fn escape_again(&mut self) {
        let again = |text: &mut String| *text = escape::escape_shown(text);
        for finding in &mut self.findings {
            [
                &mut finding.id,
                &mut finding.path,
                &mut finding.space,
                &mut finding.message,
                &mut finding.remedy,
            ]
            .into_iter()
            .chain([&mut finding.actual, &mut finding.expected, &mut finding.within].into_iter().flatten())
            .chain(finding.args.values_mut())
            .chain(
                finding
                    .supplier
                    .iter_mut()
                    .flat_map(|supplier| core::iter::once(&mut supplier.name).chain(&mut supplier.contact)),
            )
            .for_each(again);
            for part in &mut finding.parts {
                [&mut part.id, &mut part.path, &mut part.space, &mut part.message]
                    .into_iter()
                    .chain([&mut part.actual, &mut part.expected].into_iter().flatten())
                    .chain(part.args.values_mut())
                    .for_each(again);
            }
        }
        self.changes.iter_mut().flat_map(|change| [&mut change.how, &mut change.what]).for_each(again);
        let listed = match &mut self.regions {
            Regions::Listed(list) => list.as_mut_slice(),
            Regions::Tree(..) | Regions::Placed(..) | Regions::Parts(..) => &mut [],
        };
        for region in listed {
            [&mut region.kind, &mut region.path, &mut region.space]
                .into_iter()
                .chain(&mut region.name)
                .chain(
                    [&mut region.guid, &mut region.class, &mut region.basis, &mut region.sha256]
                        .into_iter()
                        .flatten(),
                )
                .for_each(again);
            let facts = core::mem::take(&mut region.attributes).into_iter();
            region.attributes =
                facts.map(|(name, value)| (escape::escape_shown(&name), shown_again(value))).into_map();
        }
        for manifest in &mut self.manifests {
            [&mut manifest.product, &mut manifest.release].into_iter().for_each(again);
            manifest.channel.iter_mut().chain(&mut manifest.hardware_revisions).for_each(again);
            manifest.signers.iter_mut().flat_map(|signer| [&mut signer.id, &mut signer.key]).for_each(again);
        }
        self.serial.iter_mut().for_each(again);
        if let Some(device) = &mut self.device {
            [&mut device.by, &mut device.name].into_iter().for_each(again);
            for part in &mut device.parts {
                [&mut part.holds, &mut part.name].into_iter().chain(&mut part.release).for_each(again);
            }
        }
        [&mut self.image.format, &mut self.image.sha256, &mut self.mode, &mut self.verdict.tier]
            .into_iter()
            .chain(&mut self.not_seen)
            .for_each(again);
    }

    /// Canonical JSON (RFC 8785, restricted to whole numbers), with a newline at the end.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.regions.length().saturating_add(AROUND));
        let written = self.serialize(&mut serde_json::Serializer::new(&mut text));
        if written.is_err() {
            text.clear();
        }
        text.push(b'\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lang, changes_line};

    #[test]
    fn what_is_counted_in_a_list_that_was_cut_is_the_least_there_is() {
        let changed = |name: &str| {
            let path = format!("squashfs:files/decoded:content/file:{name}");
            Finding::new(&kinds::MODIFIED).at(&path, "image", Span::new(0, 1))
        };
        let mut findings = vec![changed("a"), changed("b")];
        let said = |findings: &[Finding], lang| changes_line(lang, &ChangeOf::counted(findings));
        assert_eq!(said(&findings, Lang::English), "2 files changed");
        findings.push(Finding::new(&kinds::MORE).arg("count", 7).arg("id", kinds::MODIFIED.id));
        assert_eq!(said(&findings, Lang::English), "at least 2 files changed");
        assert_eq!(said(&findings, Lang::Japanese), "ファイル 2 件以上変更");
    }
}
