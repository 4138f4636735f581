//! The report of a dump that was judged part by part: those of its parts, told as one.

use std::collections::BTreeMap;

use kiwame_appraisal::{Class, Finding, Verdict};
use kiwame_image::{Arrange as _, Digest, Span};
use kiwame_trust::forms;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Lang, message};
use crate::model::{AccountOf, FindingOf, IMAGE, Outside, Regions};
use crate::{RegionOf, Report};

/// The device as which a dump was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceOf {
    /// Who describes it: `policy`, or the payload digest of a manifest. Example: `"policy"`
    pub by: String,
    /// Its name. Example: `"Laptop-7 mainboard"`
    pub name: String,
    /// Its parts, by offset.
    pub parts: Vec<DevicePartOf>,
}

/// A part of a device, with what was found of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DevicePartOf {
    /// The exit code that it would have alone. Example: `0`
    pub exit_code: u8,
    /// What lies there by the description: a product, an image, `sha256`, `erased` or `any`. Example: `"Example/Bios-7"`
    pub holds: String,
    /// How many bytes it has. Example: `8388608`
    pub length: u64,
    /// Its name. Example: `"bios"`
    pub name: String,
    /// Where it begins in the dump. Example: `8388608`
    pub offset: u64,
    /// The release with which it was compared. Example: `"1.4.2"`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release: Option<String>,
}

/// A part that was judged.
#[derive(Clone, Debug)]
pub struct JudgedPart {
    /// Its name.
    pub name: String,
    /// Path of what lies there.
    pub path: String,
    /// Where it lies.
    pub span: Span,
    /// What lies there by the description.
    pub holds: String,
    /// What was found of it, as if it alone had been given.
    pub report: Report,
}

/// The regions of a dump, part by part.
#[derive(Clone, Debug)]
pub struct Parts {
    root: RegionOf,
    /// Those of each part, and what no part takes, by offset.
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Part { path: String, base: u64, regions: Regions },
    Outside(RegionOf),
}

impl Parts {
    /// All of them in pre-order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RegionOf> {
        let pieces = self.pieces.iter().flat_map(|piece| -> Box<dyn Iterator<Item = RegionOf>> {
            match piece {
                Piece::Part { path, base, regions } => {
                    Box::new(regions.iter().map(|region| moved(region.into_owned(), path, *base)))
                }
                Piece::Outside(region) => Box::new(core::iter::once(region.clone())),
            }
        });
        core::iter::once(self.root.clone()).chain(pieces)
    }

    pub(crate) fn regions(&self) -> impl Iterator<Item = &Regions> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Part { regions, .. } => Some(regions),
            Piece::Outside(_) => None,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.regions().map(Regions::count).fold(self.pieces.len(), usize::saturating_add)
    }

    /// Leaves out what equals its reference value.
    pub(crate) fn list_differing(&mut self) {
        self.pieces.retain(|piece| match piece {
            Piece::Part { .. } => true,
            Piece::Outside(region) => region.class.as_deref() != Some(Class::Fill.name()),
        });
        for piece in &mut self.pieces {
            if let Piece::Part { regions, .. } = piece {
                regions.list_differing();
            }
        }
    }
}

/// Path of the same in the dump.
fn within(path: &str, below: &str) -> String {
    if below == IMAGE { path.to_owned() } else { format!("{path}/{below}") }
}

fn moved(region: RegionOf, path: &str, base: u64) -> RegionOf {
    let offset = if region.space == IMAGE { region.offset.saturating_add(base) } else { region.offset };
    let space = space_of(&region.space, path);
    let kind = if region.path == IMAGE { "part".to_owned() } else { region.kind };
    RegionOf { offset, space, kind, path: within(path, &region.path), ..region }
}

fn space_of(space: &str, path: &str) -> String {
    if space == IMAGE { IMAGE.to_owned() } else { format!("{path}/{space}") }
}

fn sum(into: &mut AccountOf, of: &AccountOf) {
    let add = |one: &mut u64, other: u64| *one = one.saturating_add(other);
    add(&mut into.differs, of.differs);
    add(&mut into.fill, of.fill);
    add(&mut into.matched, of.matched);
    add(&mut into.mutable, of.mutable);
    add(&mut into.parsed, of.parsed);
    add(&mut into.remains, of.remains);
    add(&mut into.unexplained, of.unexplained);
    add(&mut into.unread, of.unread);
    if let Some(opened) = of.opened {
        into.opened = Some(into.opened.unwrap_or(0).saturating_add(opened));
    }
}

impl Report {
    /// The report of one region that was not taken apart.
    pub fn set_leaf(&mut self, class: Class, sha256: Option<&Digest>) {
        let size = self.image.size;
        let mut account = AccountOf::default();
        match class {
            Class::Matched => account.matched = size,
            Class::Differs => account.differs = size,
            Class::Mutable => account.mutable = size,
            Class::Remains => account.remains = size,
            Class::Fill => account.fill = size,
            Class::Unread => account.unread = size,
            Class::Parsed => account.parsed = size,
            Class::Unexplained | Class::Opened => account.unexplained = size,
        }
        self.content = account;
        self.account = AccountOf { opened: Some(0), ..account };
        self.spaces = vec![crate::SpaceOf { account: self.account, path: IMAGE.to_owned(), size }];
        let leaf = RegionOf {
            class: Some(class.name().to_owned()),
            sha256: sha256.map(Digest::hex),
            ..plain(IMAGE, "part", Span::new(0, size))
        };
        self.regions = Regions::Listed(vec![leaf]);
    }

    /// Adds that a part holds what it should not.
    pub fn refute(&mut self, finding: &Finding) {
        self.findings.push(FindingOf::new(finding, &self.mode));
        self.worst_first();
        let mut reasons = vec![finding.id().to_owned()];
        if self.exit_code == 1 {
            reasons.extend(core::mem::take(&mut self.verdict.reasons));
        }
        self.conclude(&Verdict { tier: kiwame_appraisal::Tier::Contraindicated, reasons, exit: 1 });
    }

    /// Tells of the whole dump what was found of its parts and of what lies between them. `own` is said of all of it.
    pub fn assemble(
        &mut self,
        device: DeviceOf,
        parts: Vec<JudgedPart>,
        outside: &[Outside],
        own: &[Finding],
    ) {
        self.depth = crate::Depth::Deep;
        let size = self.image.size;
        self.account = AccountOf { opened: Some(0), ..AccountOf::default() };
        let (mut spaces, mut pieces) = (Vec::new(), Vec::new());
        let (mut findings, mut verdicts) = (Vec::new(), vec![Verdict::of(own)]);
        self.set_verdict(own, &Verdict::of(own));
        findings.append(&mut self.findings);
        for piece in outside {
            let mut report = Self { image: self.image.clone(), ..self.clone() };
            report.image.size = piece.span.length;
            report.set_leaf(piece.class, None);
            sum(&mut self.account, &report.account);
            sum(&mut self.content, &report.content);
            let path = format!("outside:{:#x}", piece.span.offset);
            let region = RegionOf {
                class: Some(piece.class.name().to_owned()),
                ..plain(&path, "outside", piece.span)
            };
            pieces.push((piece.span.offset, Piece::Outside(region)));
        }
        for JudgedPart { path, span, report, .. } in parts {
            let base = span.offset;
            sum(&mut self.account, &report.account);
            sum(&mut self.content, &report.content);
            self.add(&report);
            verdicts.push(Verdict {
                tier: tier(&report.verdict.tier),
                reasons: report.verdict.reasons.clone(),
                exit: report.exit_code,
            });
            spaces.extend(
                report
                    .spaces
                    .into_iter()
                    .filter(|space| space.path != IMAGE)
                    .map(|space| crate::SpaceOf { path: space_of(&space.path, &path), ..space }),
            );
            findings
                .extend(report.findings.into_iter().map(|finding| told(finding, &path, base, &self.mode)));
            pieces.push((base, Piece::Part { path, base, regions: report.regions }));
        }
        pieces.arrange_by_key(|(offset, _)| *offset);
        let sha256 = Some(self.image.sha256.clone());
        let root = RegionOf { sha256, ..plain(IMAGE, "device", Span::new(0, size)) };
        let pieces = pieces.into_iter().map(|(_, piece)| piece).collect();
        self.regions = Regions::Parts(Box::new(Parts { root, pieces }));
        let whole = crate::SpaceOf { account: self.account, path: IMAGE.to_owned(), size };
        self.spaces = core::iter::once(whole).chain(spaces).collect();
        self.findings = findings;
        self.worst_first();
        let worst = verdicts.iter().min_by_key(|verdict| crate::rank_of(verdict.exit));
        let Some(worst) = worst.cloned() else { return };
        let mut reasons = Vec::new();
        for verdict in verdicts.into_iter().filter(|verdict| verdict.exit == worst.exit) {
            for reason in verdict.reasons {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        self.conclude(&Verdict { reasons, ..worst });
        self.device = Some(device);
    }

    /// What counts of a part counts of the whole.
    fn add(&mut self, part: &Self) {
        let add = |one: &mut u64, other: u64| *one = one.saturating_add(other);
        add(&mut self.missing, part.missing);
        add(&mut self.exceptions.by_policy, part.exceptions.by_policy);
        add(&mut self.exceptions.by_rule, part.exceptions.by_rule);
        add(&mut self.exceptions.not_judged, part.exceptions.not_judged);
        add(&mut self.exceptions.remains, part.exceptions.remains);
        for change in &part.changes {
            let same = |other: &&mut crate::ChangeOf| other.how == change.how && other.what == change.what;
            match self.changes.iter_mut().find(same) {
                Some(one) => {
                    one.count = one.count.saturating_add(change.count);
                    one.at_least |= change.at_least;
                }
                None => self.changes.push(change.clone()),
            }
        }
        for code in &part.not_seen {
            if !self.not_seen.contains(code) {
                self.not_seen.push(code.clone());
            }
        }
        for manifest in &part.manifests {
            match self.manifests.iter_mut().find(|one| one.payload_sha256 == manifest.payload_sha256) {
                Some(one) => one.applied |= manifest.applied,
                None => self.manifests.push(manifest.clone()),
            }
        }
    }
}

/// A finding of a part, as one of the dump.
fn told(mut finding: FindingOf, path: &str, base: u64, mode: &str) -> FindingOf {
    let place = |at: &mut String, space: &mut String, offset: &mut u64| {
        *at = within(path, at);
        if space == IMAGE {
            *offset = offset.saturating_add(base);
        }
        *space = space_of(space, path);
    };
    place(&mut finding.path, &mut finding.space, &mut finding.offset);
    if let Some(image) = &mut finding.image {
        image.offset = image.offset.saturating_add(base);
    }
    for part in &mut finding.parts {
        place(&mut part.path, &mut part.space, &mut part.offset);
        part.message = message(Lang::English, &part.finding(), mode);
    }
    finding.message = message(Lang::English, &finding, mode);
    finding
}

fn plain(path: &str, kind: &str, span: Span) -> RegionOf {
    RegionOf {
        attributes: BTreeMap::new(),
        basis: None,
        class: None,
        guid: None,
        kind: kind.to_owned(),
        length: span.length,
        name: None,
        offset: span.offset,
        path: path.to_owned(),
        sha256: None,
        space: IMAGE.to_owned(),
    }
}

fn tier(name: &forms::Tier) -> kiwame_appraisal::Tier {
    use kiwame_appraisal::Tier;
    let all = [Tier::Affirming, Tier::Warning, Tier::Contraindicated];
    all.into_iter().find(|tier| tier.name() == name).unwrap_or(Tier::None)
}
