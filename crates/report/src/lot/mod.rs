//! Several units together: one line a unit, totals, what is odd about the lot, and who answers. Made from the reports of the
//! units, and from nothing else.
//!
//! To add a rendering: write its file and add one line to [`LOT_RENDERERS`].

use std::collections::BTreeMap;

use kiwame_appraisal::{Effect, Finding, Order, Tier, Unit};
use kiwame_image::{Arrange as _, Gather as _, len64};
use serde::Serialize;

use crate::catalogue::{changes_line, exceptions_line, reason_line};
use crate::model::{FindingOf, Report, SignerOf, SupplierOf, TimeOf, ToolOf};
use crate::renderers::told;
use crate::{Lang, View, escape, gravest};

mod csv;
mod html;
mod json;
mod markdown;
mod table;
mod text;
mod words;

/// Version of the schema of a lot.
pub const LOT_SCHEMA_VERSION: &str = "1.0";

/// Several units. Fields stand in alphabetical order, so that serialising them gives canonical JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lot {
    /// True only when every unit is accepted and nothing about the lot asks for a person.
    pub accepted: bool,
    /// The gravest of the units' exit codes and of the lot's own.
    pub exit_code: u8,
    /// What is odd about the units together.
    pub findings: Vec<FindingOf>,
    /// Files in the folders that are no units: manifests, policies, keys and reports. Nothing in them was used.
    pub left_out: Vec<String>,
    /// The manifests that units were compared with.
    pub manifests: Vec<ReferenceOf>,
    /// `lot`.
    pub mode: &'static str,
    /// Which release was ordered, when somebody said so beside the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How many serial numbers were ordered, when there is a list of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<u64>,
    /// How many units were ordered, when somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordered: Option<u64>,
    /// SHA-256 of the policies; none when it was a key on the command line.
    pub policies: Vec<String>,
    /// Version of this schema.
    pub schema_version: &'static str,
    /// The time of the run.
    pub time: TimeOf,
    /// The tool.
    pub tool: ToolOf,
    /// Units by verdict.
    pub totals: Totals,
    /// The units in the order in which they were given.
    pub units: Vec<UnitOf>,
    /// How many minutes the clocks of the place are ahead of UTC: for paper alone.
    #[serde(skip)]
    pub zone: Option<i64>,
}

/// Units by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Match the signed reference.
    pub affirming: u64,
    /// Do not match.
    pub contraindicated: u64,
    /// Nothing can be told.
    pub none: u64,
    /// All of them.
    pub units: u64,
    /// Could not be read.
    pub unread: u64,
    /// A person must look.
    pub warning: u64,
}

/// A manifest that units were compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceOf {
    /// Its identity.
    pub payload_sha256: String,
    /// `VENDOR/MODEL@RELEASE`.
    pub release: String,
    /// Fingerprints of the keys that signed.
    pub signers: Vec<String>,
}

/// One unit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnitOf {
    /// The exit code.
    pub exit_code: u8,
    /// Name of its file.
    pub file: String,
    /// `VENDOR/MODEL@RELEASE` that it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// SHA-256 of its report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_sha256: Option<String>,
    /// The serial number that the image holds, or the name of its file without folder and ending.
    pub serial: String,
    /// SHA-256 of its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Size of its image in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Who answers for what is wrong, by the maker's word.
    pub suppliers: Vec<SupplierOf>,
    /// The tier, or `unread`.
    pub tier: String,
    /// What is wrong, in a few words of English; of an accepted unit, what the acceptance leaves to somebody's word.
    pub what: String,
    /// The same in the language of the rendering.
    #[serde(skip)]
    pub shown: String,
    /// What was found in one that is not accepted, and what to do, in that language.
    #[serde(skip)]
    pub told: String,
    /// SHA-256 of the image of the release, in a larger dump.
    #[serde(skip)]
    part: Option<String>,
    #[serde(skip)]
    its_own: bool,
    /// The manifest says where its serial number is, and there is none, or several.
    #[serde(skip)]
    unnamed: bool,
}

/// What a file is that no report came from.
pub const UNREAD: &str = "unread";

impl UnitOf {
    /// A unit by its report. `file` is the name that its user gave.
    #[must_use]
    pub fn of(file: &str, report: &Report, report_sha256: String, lang: Lang) -> Self {
        let applied = report.manifests.iter().find(|manifest| manifest.applied);
        Self {
            exit_code: report.exit_code,
            file: escape(file),
            release: applied.map(|manifest| format!("{}@{}", manifest.product, manifest.release)),
            report_sha256: Some(report_sha256),
            // What the image says of itself goes before what somebody called its file.
            serial: report
                .serial
                .clone()
                .filter(|serial| !serial.is_empty())
                .unwrap_or_else(|| escape(stem(file))),
            sha256: Some(report.image.sha256.clone()),
            size: Some(report.image.size),
            suppliers: suppliers(report),
            tier: report.verdict.tier.clone(),
            what: what(report, Lang::English),
            shown: what(report, lang),
            told: if report.accepted { String::new() } else { told(report, &on_paper(lang)) },
            // What lies beside the image of a release is no unit's own.
            part: report.placed.as_ref().map(|placed| placed.sha256.clone()),
            its_own: !report.accepted || report.exceptions.by_rule > 0,
            unnamed: report.serial.as_deref() == Some(""),
        }
    }

    /// What the lot needs of it.
    fn fact(&self) -> Unit<'_> {
        Unit {
            file: &self.file,
            serial: &self.serial,
            sha256: self.part.as_deref().or(self.sha256.as_deref()),
            release: self.release.as_deref(),
            its_own: self.its_own,
            unnamed: self.unnamed,
        }
    }

    /// True when somebody means it by that name: its serial number, or its file, with folder and ending or without.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let name = escape(name);
        let names = [&*self.serial, &*self.file, base(&self.file), stem(&self.file)];
        names.contains(&name.as_str())
    }

    /// A line about it, in a list of several.
    #[must_use]
    pub fn line(&self, lang: Lang) -> String {
        let (sign, verdict) = (table::sign(&self.tier), table::verdict(lang, &self.tier));
        let remarks = if self.shown.is_empty() { String::new() } else { format!(": {}", self.shown) };
        format!("{sign} {} ({}): {verdict}{remarks}", self.serial, self.file)
    }

    /// A unit whose file could not be read.
    #[must_use]
    pub fn unread(file: &str, exit_code: u8, why: &str) -> Self {
        Self {
            exit_code,
            file: escape(file),
            release: None,
            report_sha256: None,
            serial: escape(stem(file)),
            sha256: None,
            size: None,
            suppliers: Vec::new(),
            tier: UNREAD.to_owned(),
            what: why.to_owned(),
            shown: why.to_owned(),
            told: String::new(),
            part: None,
            its_own: true,
            unnamed: false,
        }
    }
}

/// As it fits a page.
fn on_paper(lang: Lang) -> View {
    let (width, image) = (96, String::new());
    View { lang, width, image, color: false, verbose: false, stat: false, claimed: false, date: None }
}

/// The name of a file without its folder.
fn base(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

/// The name of a file without its folder and its ending.
fn stem(file: &str) -> &str {
    let name = base(file);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// What the first line of the unit's own report says behind its verdict.
fn what(report: &Report, lang: Lang) -> String {
    if report.accepted {
        let exceptions = exceptions_line(lang, &report.exceptions);
        let inside = exceptions
            .strip_prefix(", with ")
            .or_else(|| exceptions.strip_prefix("(但し")?.strip_suffix(')'));
        return inside.unwrap_or_default().to_owned();
    }
    let reason = reason_line(lang, &report.findings, &report.verdict);
    let changes = changes_line(lang, &report.changes);
    let told: Vec<_> = [reason, changes].into_iter().filter(|text| !text.is_empty()).collect();
    if let (true, Some(first)) = (told.is_empty(), report.findings.first()) {
        return crate::message(lang, first, &report.mode);
    }
    told.join(lang.pick("; ", "。"))
}

/// Who answers for what decided the verdict, each once.
fn suppliers(report: &Report) -> Vec<SupplierOf> {
    let decided = report.findings.iter().filter(|finding| report.verdict.reasons.contains(&finding.id));
    let mut suppliers: Vec<SupplierOf> = Vec::new();
    for supplier in decided.filter_map(|finding| finding.supplier.as_ref()) {
        if !suppliers.contains(supplier) {
            suppliers.push(supplier.clone());
        }
    }
    suppliers
}

/// What a lot is made of.
#[derive(Debug)]
pub struct Made {
    /// The units.
    pub units: Vec<UnitOf>,
    /// What was ordered.
    pub order: Order,
    /// Which release was ordered, as the user said it.
    pub expected: Option<String>,
    /// Files that are no units.
    pub left_out: Vec<String>,
    /// How many minutes the clocks of the place are ahead of UTC.
    pub zone: Option<i64>,
    /// The time of the run.
    pub time: TimeOf,
    /// SHA-256 of the core module, as the host says.
    pub core_sha256: String,
}

/// Collects what the reports of a lot have in common.
#[derive(Debug, Default)]
pub struct Common {
    manifests: Vec<ReferenceOf>,
    policies: Vec<String>,
}

impl Common {
    /// Takes note of one report.
    pub fn add(&mut self, report: &Report) {
        for manifest in report.manifests.iter().filter(|manifest| manifest.applied) {
            let reference = ReferenceOf {
                payload_sha256: manifest.payload_sha256.clone(),
                release: format!("{}@{}", manifest.product, manifest.release),
                signers: manifest.signers.iter().map(|SignerOf { key, .. }| key.clone()).collect(),
            };
            if !self.manifests.contains(&reference) {
                self.manifests.push(reference);
            }
        }
        let policy = report.policy.sha256.iter().filter(|policy| !self.policies.contains(policy)).cloned();
        let policy: Vec<_> = policy.collect();
        self.policies.extend(policy);
    }
}

impl Lot {
    /// Puts the units together.
    #[must_use]
    pub fn new(made: Made, common: Common) -> Self {
        let Made { units, order, expected, left_out, zone, time, core_sha256 } = made;
        let facts: Vec<_> = units.iter().map(UnitOf::fact).collect();
        let findings = kiwame_appraisal::lot(&facts, &order);
        let warns = findings.iter().any(|finding| finding.effect() != Effect::Nothing);
        let own = if warns { 7 } else { 0 };
        let exit_code = gravest(units.iter().map(|unit| unit.exit_code).chain([own]));
        let Common { mut manifests, mut policies } = common;
        manifests.arrange();
        policies.arrange();
        Self {
            accepted: exit_code == 0 && !units.is_empty(),
            exit_code,
            findings: findings.iter().map(|finding: &Finding| FindingOf::new(finding, "lot")).collect(),
            left_out: left_out.iter().map(|name| escape(name)).collect(),
            manifests,
            mode: "lot",
            expected: expected.as_deref().map(escape),
            listed: order.serials.as_ref().map(|serials| len64(serials)),
            ordered: order.count,
            policies,
            schema_version: LOT_SCHEMA_VERSION,
            time,
            tool: ToolOf {
                core_sha256,
                name: "kiwame".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            totals: Totals::of(&units),
            units,
            zone,
        }
    }

    /// Whom to call about which units: what a supplier answers for is counted.
    #[must_use]
    pub fn suppliers(&self) -> BTreeMap<(String, Option<String>), u64> {
        let mut count: BTreeMap<_, u64> = BTreeMap::new();
        for supplier in self.units.iter().flat_map(|unit| &unit.suppliers) {
            let entry = count.entry((supplier.name.clone(), supplier.contact.clone())).or_default();
            *entry = entry.saturating_add(1);
        }
        count.into_iter().into_map()
    }
}

impl Totals {
    fn of(units: &[UnitOf]) -> Self {
        let count = |tier: &str| {
            units.iter().filter(|unit| unit.tier == tier).fold(0_u64, |sum, _| sum.saturating_add(1))
        };
        Self {
            affirming: count(Tier::Affirming.name()),
            contraindicated: count(Tier::Contraindicated.name()),
            none: count(Tier::None.name()),
            units: units.iter().fold(0_u64, |sum, _| sum.saturating_add(1)),
            unread: count(UNREAD),
            warning: count(Tier::Warning.name()),
        }
    }

    /// Each verdict with its number, in the order in which people want to know.
    #[must_use]
    pub fn each(&self) -> [(&'static str, u64); 5] {
        [
            ("contraindicated", self.contraindicated),
            ("warning", self.warning),
            ("none", self.none),
            (UNREAD, self.unread),
            ("affirming", self.affirming),
        ]
    }
}

/// True for the JSON of a lot, which is no report of one image.
#[must_use]
pub fn is_lot(text: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Mode {
        mode: String,
    }
    serde_json::from_slice::<Mode>(text).is_ok_and(|lot| lot.mode == "lot")
}

/// A rendering of a lot.
pub trait LotRenderer: core::fmt::Debug + Sync {
    /// Name, which is also the ending of its files.
    fn name(&self) -> &'static str;

    /// Renders.
    fn render(&self, lot: &Lot, view: &View) -> Vec<u8>;
}

/// Every rendering of a lot.
pub static LOT_RENDERERS: &[&dyn LotRenderer] =
    &[&text::Text, &json::Json, &csv::Csv, &markdown::Markdown, &html::Html, &words::Words];

/// The rendering of that name.
#[must_use]
pub fn lot_renderer(name: &str) -> Option<&'static dyn LotRenderer> {
    LOT_RENDERERS.iter().copied().find(|renderer| renderer.name() == name)
}
