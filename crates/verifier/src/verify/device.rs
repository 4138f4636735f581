//! A dump that is an arrangement of releases: each part is judged as if it alone had been given, by what the device says lies
//! there, and what no part takes is erased (RULES 13 and 14).

use kiwame_appraisal::{Class, Finding, Verdict, kinds};
use kiwame_image::{Opening, Openings, Options, Partition, Problem, Span, Tree, Words};
use kiwame_report::{DeviceOf, DevicePartOf, ImageOf, JudgedPart, Report, escape};
use kiwame_trust::devices::{Device, DevicePart, Holds, PartContent};
use kiwame_trust::manifest::{Anchor, Manifest};
use kiwame_trust::policy::Accept;
use kiwame_trust::{TrustError, Verified, manifest::path_within};

use super::{Judged, Trial, compared};
use crate::placement;
use crate::request::{Run, Source};
use crate::unread;

/// Who describes a device.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    /// The buyer.
    Policy,
    /// The maker of the device, in the manifest of a release.
    Maker(&'a Verified<Manifest>),
}

impl By<'_> {
    pub(super) fn is_buyer(self) -> bool {
        matches!(self, Self::Policy)
    }

    /// As reports have it.
    fn name(self) -> String {
        match self {
            Self::Policy => "policy".to_owned(),
            Self::Maker(one) => one.identity().hex(),
        }
    }

    fn words(self) -> Words {
        match self {
            Self::Policy => Words::new("your policy", "貴方のポリシー"),
            Self::Maker(one) => {
                let name = escape(&one.value().product.scope());
                Words::new(format!("the manifest of {name}"), format!("{name} のマニフェスト"))
            }
        }
    }
}

/// A part on trial.
struct Part<'a> {
    part: &'a DevicePart,
    /// Path of what lies there.
    path: String,
    by: By<'a>,
    /// Of a part that nobody judges: it and those beside it that nobody judges either.
    around: Span,
}

/// What was found of a part: its report, what was said beside it, and the release that it was compared with.
struct Found {
    report: Report,
    release: Option<(usize, Option<String>)>,
}

impl Trial<'_> {
    /// The devices of which this may be a dump: those of the policy, then those of the releases that are expected.
    pub(super) fn devices(&self) -> Vec<(&Device, By<'_>)> {
        let size = self.image.1.size;
        let own = self.policy.devices.iter().map(|device| (device, By::Policy));
        // Whoever may sign for one product does not say what another is; that this product is looked at, the buyer has said.
        let is_named = self.expect.is_some() || self.policy.rules.len() == 1;
        let verified = self.verified.iter().enumerate().filter(|(at, _)| self.is_expected(*at));
        let makers = verified
            .flat_map(|(_, one)| one.value().devices.iter().map(move |device| (device, By::Maker(one))));
        // What is expected lies in it, or it is not the one that is meant (RULES 32).
        let is_meant = |device: &Device, by: By<'_>| match (&self.expect, by) {
            (Some(expect), By::Policy) => {
                device.products().any(|scope| scope == format!("{}/{}", expect.vendor, expect.model))
            }
            (_, By::Maker(_)) | (None, By::Policy) => true,
        };
        let makers = makers.filter(|_| is_named);
        let all = own.chain(makers).filter(|(device, by)| device.has_size(size) && is_meant(device, *by));
        let mut all: Vec<_> = all.collect();
        // What the buyer describes nobody else describes otherwise.
        if all.iter().any(|(_, by)| by.is_buyer()) {
            all.retain(|(_, by)| by.is_buyer());
        }
        all
    }

    /// Judges a dump part by part.
    pub(super) fn judge_device(&self, (device, by): (&Device, By<'_>)) -> Result<Judged, Problem> {
        let (number, source) = self.image;
        let mut own = self.findings.clone();
        let words = by.words();
        own.push(
            Finding::new(&kinds::DEVICE)
                .arg("device", &device.name)
                .arg("count", device.parts.len())
                .arg("by", words.english)
                .arg("by-ja", words.japanese),
        );
        let (mut parts, mut told, mut releases) = (Vec::new(), Vec::new(), Vec::new());
        for part in &device.parts {
            let path = format!("part:{}", kiwame_image::escape_key(part.name.as_bytes()));
            let on_trial = Part { part, path: path.clone(), by, around: around(device, part) };
            let Found { report, release } = self.judge_one(&on_trial, device.erase_value)?;
            let version = release.as_ref().and_then(|(at, _)| self.verified.get(*at));
            told.push(DevicePartOf {
                exit_code: report.exit_code,
                holds: holds(&part.holds),
                length: part.span.length,
                name: escape(&part.name),
                offset: part.span.offset,
                release: version.map(|one| escape(&one.value().release.version)),
            });
            releases.extend(release);
            parts.push(JudgedPart {
                name: part.name.clone(),
                path,
                span: part.span,
                holds: holds(&part.holds),
                report,
            });
        }
        // RULES 14: a release is complete with all its required images, wherever on the device they lie.
        let mut complete: Vec<usize> = releases.iter().map(|(at, _)| *at).collect();
        complete.sort_unstable();
        complete.dedup();
        for (at, verified) in self.verified.iter().enumerate().filter(|(at, _)| complete.contains(at)) {
            let here: Vec<_> = releases
                .iter()
                .filter(|(other, _)| *other == at)
                .filter_map(|(_, name)| name.as_deref())
                .collect();
            self.others_absent(verified, &|image| here.contains(&image.name.as_str()), &mut own);
        }
        own.extend(self.mixed(device, &releases));
        let outside = placement::pieces(
            self.run,
            self.image,
            device.gaps(source.size),
            device.erase_value,
            &self.unread,
        )?;
        own.extend(placement::between(&outside, &self.unread));
        let sha256 = self.run.sha256((number, source))?;
        let mut report = self.empty_report("device", &sha256)?;
        let device = DeviceOf { by: by.name(), name: escape(&device.name), parts: told };
        report.assemble(device, parts, &outside, &own);
        // The last gate (RULES 30): every byte is accounted for.
        if report.account.total() != source.size {
            report.refute(&Finding::new(&kinds::NOT_SETTLED));
        }
        Ok(Judged { report, compared: None })
    }

    /// Several releases of one product on one device, where no floor says which of them may lie there (RULES 7).
    fn mixed(&self, device: &Device, releases: &[(usize, Option<String>)]) -> Option<Finding> {
        let manifest = |at: &usize| self.verified.get(*at).map(Verified::value);
        let mut seen: Vec<&Manifest> = Vec::new();
        for one in releases.iter().filter_map(|(at, _)| manifest(at)) {
            let scope = one.product.scope();
            let by_part = device.parts.iter().any(|part| match &part.holds {
                Holds::Product { scope: named, min_security_version, .. } => {
                    *named == scope && min_security_version.is_some()
                }
                Holds::Image(_) | Holds::Digests(_) | Holds::Content(_) => false,
            });
            let floor = by_part || self.rule(one).is_some_and(|rule| rule.min_security_version.is_some());
            let other = seen
                .iter()
                .find(|other| other.product.scope() == scope && other.release.version != one.release.version);
            if let Some(other) = other.filter(|_| !floor) {
                let finding = Finding::new(&kinds::PARTS_OF_SEVERAL_RELEASES).arg("product", &scope);
                return Some(finding.arg("one", &other.release.version).arg("other", &one.release.version));
            }
            seen.push(one);
        }
        None
    }

    fn judge_one(&self, part: &Part<'_>, erase_value: u8) -> Result<Found, Problem> {
        let within = unread::within(&self.unread, part.part.span);
        let is_read = within.count() == 0;
        match &part.part.holds {
            Holds::Image(name) => {
                let By::Maker(maker) = part.by else {
                    return self.judge_product(part, |_| false, (None, None));
                };
                let is_maker = |one: &Verified<Manifest>| one.identity() == maker.identity();
                self.judge_product(part, is_maker, (Some(name), None))
            }
            Holds::Product { scope, image, min_security_version } => {
                let is_of = |one: &Verified<Manifest>| one.value().product.scope() == *scope;
                self.judge_product(part, is_of, (image.as_deref(), *min_security_version))
            }
            Holds::Digests(digests) if is_read => self.judge_digest(part, digests),
            Holds::Content(PartContent::Erased) if is_read => self.judge_erased(part, erase_value),
            Holds::Content(PartContent::Any) if is_read => self.judge_any(part),
            Holds::Digests(_) | Holds::Content(_) => {
                let bytes = unread::bytes(&within);
                let finding = Finding::new(&kinds::UNREAD).arg("bytes", bytes).arg("count", within.count());
                let place = Span::new(0, part.part.span.length);
                self.leaf(part, Class::Unread, vec![finding.at("image", "image", place)])
            }
        }
    }

    /// Judges a part by the manifests of a product, as if it alone had been given.
    fn judge_product(
        &self,
        part: &Part<'_>,
        is_of: impl Fn(&Verified<Manifest>) -> bool,
        (image, floor): (Option<&str>, Option<u64>),
    ) -> Result<Found, Problem> {
        let span = part.part.span;
        let kept: Vec<_> = (0..).zip(&self.verified).filter(|(_, one)| is_of(one)).collect();
        let verified: Vec<_> = kept.iter().map(|(_, one)| (*one).clone()).collect();
        let mut below = self.below.clone();
        for one in &verified {
            let found = one.value().release.security_version.unwrap_or(0);
            if let Some(floor) = floor.filter(|floor| found < *floor) {
                let name = one.value().product.scope();
                below.push((one.identity().clone(), name, TrustError::Rollback { found, floor }));
            }
        }
        let scope = verified.first().map(|one| one.value().product.scope());
        let expect = self.expect.clone().filter(|expect| {
            scope.as_ref().is_some_and(|scope| *scope == format!("{}/{}", expect.vendor, expect.model))
        });
        let mut policy = self.policy.clone();
        policy.devices.clear();
        // Paths as reports of the device have them.
        let waivers = policy.waivers.iter_mut().map(|waiver| &mut waiver.path);
        let rules = policy.rules.iter_mut().flat_map(|rule| {
            let accepts = [&mut rule.accept_any, &mut rule.accept_partial, &mut rule.accept_unexplained];
            let accepts = accepts.into_iter().flatten().map(|accept| &mut accept.path);
            let settings = rule.settings.iter_mut().map(|setting| &mut setting.path);
            let mutable = rule.mutable.iter_mut().map(|rule| &mut rule.path);
            accepts.chain(settings).chain(mutable).chain(&mut rule.accept_reencoded)
        });
        for path in waivers.chain(rules) {
            if let Some(below) = path.strip_prefix(&part.path).and_then(|path| path.strip_prefix('/')) {
                *path = below.to_owned();
            }
        }
        // What is said of another part is said of nothing here.
        for rule in &mut policy.rules {
            let is_here = |path: &str| !path.starts_with("part:");
            rule.settings.retain(|setting| is_here(&setting.path));
            rule.mutable.retain(|rule| is_here(&rule.path));
        }
        let unread = unread::within(&self.unread, span);
        let trial = |run: &Run<'_>, source: (u32, &Source)| {
            let sub = Trial {
                run,
                image: source,
                policy,
                expect,
                now: self.now,
                verified,
                below,
                unread,
                findings: Vec::new(),
                is_part: true,
            };
            sub.judge_here()
        };
        let judged = self.of_part_below(part, trial)?;
        let Judged { mut report, compared: with } = judged;
        let release = with.as_ref().and_then(|with| {
            kept.iter().find_map(|(at, one)| {
                let mut images = one.value().images.iter();
                let image = images.find(|image| compared(one, image) == *with)?;
                Some((*at, Some(image.name.clone())))
            })
        });
        let name = release.as_ref().and_then(|(_, name)| name.as_deref());
        if let (Some(wanted), Some(found)) = (image, name)
            && wanted != found
        {
            let finding = Finding::new(&kinds::PART_OF_ANOTHER).arg("part", &part.part.name);
            let finding = finding.arg("found", found).arg("wanted", wanted);
            report.refute(&finding.at("image", "image", Span::new(0, span.length)));
        }
        Ok(Found { report, release })
    }

    fn judge_digest(&self, part: &Part<'_>, digests: &[String]) -> Result<Found, Problem> {
        let digest = self.run.sha256_at(self.image, part.part.span)?.hex();
        if digests.contains(&digest) {
            let mut found = self.leaf(part, Class::Matched, Vec::new())?;
            found.report.exceptions.by_policy = u64::from(matches!(part.by, By::Policy));
            return Ok(found);
        }
        let wanted = (digests.len() == 1).then(|| digests.concat());
        let finding = Finding::new(&kinds::MODIFIED).compared(wanted, digest).arg("name", &part.part.name);
        let finding = finding.arg("kind", "part");
        self.leaf(
            part,
            Class::Differs,
            vec![finding.at("image", "image", Span::new(0, part.part.span.length))],
        )
    }

    fn judge_erased(&self, part: &Part<'_>, erase_value: u8) -> Result<Found, Problem> {
        match placement::first_written(self.run, self.image, part.part.span, erase_value)? {
            None => self.leaf(part, Class::Fill, Vec::new()),
            Some(first) => {
                let finding = Finding::new(&kinds::PART_NOT_ERASED).arg("part", &part.part.name);
                let finding = finding.arg("first", format!("{first:#x}"));
                let place = Span::new(0, part.part.span.length);
                self.leaf(part, Class::Differs, vec![finding.at("image", "image", place)])
            }
        }
    }

    /// What nobody judges holds no program by any reading, nor what decides what may start.
    fn judge_any(&self, part: &Part<'_>) -> Result<Found, Problem> {
        let length = part.part.span.length;
        let place = |finding: Finding| finding.at("image", "image", Span::new(0, length));
        // By itself, and with the parts beside it that nobody judges either: whoever reads there knows no parts.
        for reading in [None, Some("raw".to_owned())] {
            for span in [part.part.span, part.around] {
                let layout = Partition {
                    name: part.part.name.clone(),
                    span: Span::new(0, span.length),
                    erase_block: None,
                    environment: None,
                };
                let by_itself = reading.is_none() && span == part.part.span;
                let layout = if by_itself { Vec::new() } else { vec![layout] };
                let openings = Openings::all(Opening::Opened);
                let options = Options { layout, openings, reading: reading.clone(), ..Options::default() };
                let tree = self.of_part(span, |run, image| run.tree(image, &options))?;
                if let Some((kind, _)) = tree.limits_hit().first() {
                    let finding = Finding::new(&kinds::LIMIT_HIT).arg("limit", kind.name());
                    return self.leaf(part, Class::Unexplained, vec![place(finding)]);
                }
                let region = kiwame_appraisal::first_that_decides(&tree);
                let found = match region.map(|region| tree.path(region.id)) {
                    None if by_itself => self.first_instruction(part, &tree)?,
                    None => None,
                    Some("image") => Some(part.path.clone()),
                    Some(path) => Some(format!("{}/{path}", part.path)),
                };
                if let Some(found) = found {
                    let finding = Finding::new(&kinds::PART_DECIDES).arg("part", &part.part.name);
                    return self.leaf(part, Class::Unexplained, vec![place(finding.arg("found", found))]);
                }
            }
        }
        let bytes = |finding: Finding| place(finding.arg("bytes", length));
        // A maker's word for whatever may lie there affirms only where the buyer's policy names the place too (RULES 12).
        if let By::Maker(maker) = part.by {
            let rule = self.rule(maker.value());
            let accepts = |accept: &Accept| {
                path_within(&part.path, &accept.path) && accept.max_bytes.is_some_and(|most| length <= most)
            };
            if !rule.is_some_and(|rule| rule.accept_any.iter().any(accepts)) {
                let line = format!("accept-any = [{{ path = \"{}\", max-bytes = {length} }}]", part.path);
                return self.leaf(
                    part,
                    Class::Mutable,
                    vec![bytes(Finding::new(&kinds::ANY)).arg("line", line)],
                );
            }
        }
        let words = part.by.words();
        let finding = bytes(Finding::new(&kinds::PART_NOT_JUDGED)).arg("part", &part.part.name);
        let finding = finding.arg("by", words.english).arg("by-ja", words.japanese);
        let mut found = self.leaf(part, Class::Mutable, vec![finding])?;
        found.report.exceptions.not_judged = length;
        Ok(found)
    }

    /// Where the platform looks first, should it do so in this part: a flash descriptor at the first byte of the medium, and
    /// the last bytes, where a processor begins that one of the releases is made for.
    fn first_instruction(&self, part: &Part<'_>, tree: &Tree) -> Result<Option<String>, Problem> {
        let (span, size) = (part.part.span, self.image.1.size);
        if span.offset == 0 && tree.format() == DESCRIPTOR {
            return Ok(Some(format!("{}/{DESCRIPTOR}", part.path)));
        }
        let begins_at_end = self.images().any(|image| image.anchor == Some(Anchor::End));
        if span.end() != size || !begins_at_end {
            return Ok(None);
        }
        let last = Span::between(size.saturating_sub(crate::attest::VECTOR), size);
        let erased = self.run.piece(self.image, last)?.iter().all(|byte| *byte == 0xff);
        Ok((!erased).then(|| format!("{:#x}", last.offset)))
    }

    /// A part that is not taken apart.
    fn leaf(&self, part: &Part<'_>, class: Class, findings: Vec<Finding>) -> Result<Found, Problem> {
        let sha256 = self.run.sha256_at(self.image, part.part.span)?;
        let image = ImageOf { format: "part".to_owned(), sha256: sha256.hex(), size: part.part.span.length };
        let limits = self.run.limits()?;
        let mut report = Report::new("verify", &self.run.request.core_sha256, &limits, image);
        report.set_leaf(class, Some(&sha256));
        report.set_verdict(&findings, &Verdict::of(&findings));
        Ok(Found { report, release: None })
    }

    /// Does something with a part of a device, of whose spaces the paths begin with its own.
    fn of_part_below<T>(
        &self,
        part: &Part<'_>,
        work: impl FnOnce(&Run<'_>, (u32, &Source)) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.of_part(part.part.span, |run, _| {
            let request = run.request.clone().below(&part.path);
            let run = Run { request: &request, host: run.host };
            work(&run, run.source("image")?)
        })
    }
}

/// The format of a flash that a descriptor at its first byte divides.
const DESCRIPTOR: &str = "intel-flash";

/// A part and those that lie at it on either side, one behind the other, in which anything may lie.
fn around(device: &Device, part: &DevicePart) -> Span {
    let is_any = |part: &DevicePart| part.holds == Holds::Content(PartContent::Any);
    let (mut start, mut end) = (part.span.offset, part.span.end());
    for other in device.parts.iter().filter(|other| is_any(other)) {
        end = if other.span.offset == end { other.span.end() } else { end };
    }
    for other in device.parts.iter().rev().filter(|other| is_any(other)) {
        start = if other.span.end() == start { other.span.offset } else { start };
    }
    Span::between(start, end)
}

/// What lies in a part by the description, as reports have it.
fn holds(holds: &Holds) -> String {
    match holds {
        Holds::Image(name) => escape(name),
        Holds::Product { scope, .. } => escape(scope),
        Holds::Digests(_) => "sha256".to_owned(),
        Holds::Content(content) => content.name().to_owned(),
    }
}
