//! `verify` and `diff`.

mod device;

use std::rc::Rc;

use kiwame_appraisal::{Assessment, Effect, Finding, Terms, Verdict, appraise, kinds};
use kiwame_image::{
    Arrange as _, Digest, Gather as _, Opening, Openings, Options, Problem, Span, Spans, Tree, Words, fact,
};
use kiwame_report::{ImageOf, ManifestOf, Placed, PolicyOf, Report, SignerOf, TimeOf, escape};
use kiwame_trust::manifest::{Coverage, ImageReference, ReferenceRegion};
use kiwame_trust::policy::{Expectation, Waiver};
use kiwame_trust::{Envelope, Manifest, Policy, Rule, Time, TrustError, Verified};

use crate::inspect::not_seen;
use crate::placement::{self, Window};
use crate::policies;
use crate::readings;
use crate::request::{Run, Source};
use crate::{Response, problems};
use crate::{uniform, unread};

/// Compares an image with the manifests that somebody the policy trusts has signed.
pub(crate) fn verify(run: &Run<'_>) -> Result<Response, Problem> {
    let image = run.source("image")?;
    if image.1.size == 0 {
        return Err(Problem::new(&problems::EMPTY).of(&image.1.name));
    }
    let policy = policy(run)?;
    let expect = run.request.expect.as_deref().map(Expectation::parse).transpose();
    let expect = expect.map_err(|error| error.problem().of("--expect"))?;
    let now = run.now()?;
    let mut trial = Trial {
        run,
        image,
        policy,
        expect,
        now,
        verified: Vec::new(),
        below: Vec::new(),
        unread: unread::read(run, image.1.size)?,
        findings: Vec::new(),
        is_part: false,
    };
    trial.load()?;
    trial.findings.extend(readings::compare(run, image)?);
    let Judged { mut report, compared } = trial.judge_wherever()?;
    trial.describe(&mut report)?;
    if let Some(path) = compared.as_ref().and_then(|compared| trial.serial(compared)) {
        report.set_serial(path);
    }
    if !run.request.regions {
        report.list_differing();
    }
    let response = run.respond(&report, &run.view(&image.1.name))?;
    let absent = report.findings.iter().any(|finding| finding.id == kinds::REQUIRED_IMAGE_ABSENT.id);
    let response = if absent { response.with("absent", *b"1") } else { response };
    Ok(compared.into_iter().fold(response, |response, compared| response.with("compared", compared)))
}

/// The policy: a file, or one key with an expectation.
fn policy(run: &Run<'_>) -> Result<Policy, Problem> {
    for role in ["policy", "key"] {
        if run.sources(role).count() > 1 {
            return Err(Problem::new(&problems::SEVERAL_DECIDE).of(&format!("--{role}")));
        }
    }
    let file = run.sources("policy").next();
    let key = run.sources("key").next();
    let mut policy = match (file, key, run.request.expect.as_deref()) {
        (Some(file), None, _) => policies::read(run, file)?,
        (None, Some(_), Some(expect)) => {
            Policy::one_key(run.key()?, expect).map_err(|error| error.problem().of("--expect"))?
        }
        (None, Some(_), None) => return Err(without_expectation(run)),
        (Some(_), Some(_), _) => {
            return Err(Problem::new(&problems::POLICY_AND_KEY).of("--key"));
        }
        (None, None, _) => return Err(Problem::new(&problems::NO_POLICY).of("--policy")),
    };
    policy.insecure_accept_known_keys = run.request.insecure_accept_known_keys;
    Ok(policy)
}

/// `--key` says whose word counts, not what was ordered. The error shows what the manifest claims.
fn without_expectation(run: &Run<'_>) -> Problem {
    let claimed = run.sources("manifest").find_map(|source| {
        let envelope = Envelope::parse(&run.read(source).ok()?).ok()?;
        let manifest = Manifest::parse(&envelope.payload_type, &envelope.payload).ok()?;
        Some(format!("{}@{}", manifest.product.scope(), manifest.release.version))
    });
    let claimed = claimed.map(|claimed| {
        let english = format!("; the manifest claims \"{claimed}\"");
        Words::new(english, format!("(マニフェストの主張は「{claimed}」)"))
    });
    Problem::new(&problems::EXPECT_NEEDED).of("--key").arg("claimed", claimed.unwrap_or_default())
}

/// Why something is not trusted, in both languages, and by id.
fn because(finding: Finding, error: &TrustError) -> Finding {
    let problem = error.problem();
    let says = problem.says();
    let finding =
        finding.arg("why", says.english).arg("why-ja", says.japanese).arg("why-id", problem.kind.id);
    problem.args.iter().fold(finding, |finding, (name, words)| finding.arg(name, &words.english))
}

/// One image on trial.
#[derive(Clone)]
struct Trial<'a> {
    run: &'a Run<'a>,
    image: (u32, &'a Source),
    policy: Policy,
    expect: Option<Expectation>,
    now: Option<Time>,
    verified: Vec<Verified<Manifest>>,
    /// Name of the file, and why, of those of them that are of a release below the policy's floor: they tell which release the
    /// image is, and affirm nothing.
    below: Vec<(Digest, String, TrustError)>,
    /// What the acquisition could not read of the image.
    unread: Spans,
    findings: Vec<Finding>,
    /// The image is a part of a device, on which the other images of its release lie too.
    is_part: bool,
}

/// The report, and what the image was compared with: a manifest's payload digest and the name of its image. Whoever gives
/// several images tells the core so of the others (`presentedAs`).
struct Judged {
    report: Report,
    compared: Option<String>,
}

/// Of the releases of one product that may all be meant, the one that affirms, else the one of which least differs. Of
/// several products each counts (RULES 14).
fn alternatives(outcomes: Vec<Outcome>, verified: &[Verified<Manifest>]) -> Vec<Outcome> {
    let product = |outcome: &Outcome| verified.get(outcome.manifest).map(|one| one.value().product.scope());
    let rank = |outcome: &Outcome| {
        (outcome.verdict.exit != 0, outcome.reference.is_none(), outcome.report.content.differs)
    };
    let mut best: Vec<Outcome> = Vec::new();
    for outcome in outcomes {
        match best.iter_mut().find(|other| product(other) == product(&outcome)) {
            Some(other) if rank(&outcome) < rank(other) => *other = outcome,
            Some(_) => {}
            None => best.push(outcome),
        }
    }
    best
}

/// What the comparison with one manifest gave.
struct Outcome {
    manifest: usize,
    /// Number of its reference for the image.
    reference: Option<usize>,
    report: Report,
    findings: Vec<Finding>,
    verdict: Verdict,
}

impl Trial<'_> {
    /// Verifies every manifest. One that is not verified is a finding: somebody thought it would count.
    fn load(&mut self) -> Result<(), Problem> {
        let mut loaded = Vec::new();
        for source in self.run.sources("manifest") {
            loaded.push((source, self.load_one(source)?));
        }
        // What is expected names the devices in which other products may lie.
        let size = self.image.1.size;
        let makers = loaded.iter().filter_map(|(_, one)| one.as_ref().ok()).map(Verified::value);
        let makers = makers.filter(|manifest| self.is_of_product(manifest));
        let devices = self.policy.devices.iter().chain(makers.flat_map(|manifest| &manifest.devices));
        let products: Vec<_> = devices
            .filter(|device| device.has_size(size))
            .flat_map(|device| device.products().map(str::to_owned))
            .collect();
        for (source, one) in loaded {
            let one = one.and_then(|verified| {
                let product = &verified.value().product;
                match &self.expect {
                    Some(expected)
                        if !self.is_of_product(verified.value()) && !products.contains(&product.scope()) =>
                    {
                        Err(TrustError::OtherProduct { found: product.scope(), expected: expected.text() })
                    }
                    Some(_) | None => Ok(verified),
                }
            });
            match one {
                Ok(verified) => {
                    if let Some(below) = self.policy.below_floor(verified.value()) {
                        self.below.push((verified.identity().clone(), source.1.name.clone(), below));
                    }
                    self.verified.push(verified);
                }
                Err(error) => {
                    let finding = Finding::new(&kinds::NOT_VERIFIED);
                    self.findings.push(because(finding.arg("file", &source.1.name), &error));
                }
            }
        }
        let mut known = Vec::new();
        self.verified.retain(|one| {
            let new = !known.contains(one.identity());
            known.push(one.identity().clone());
            new
        });
        let products: Vec<_> = self
            .verified
            .iter()
            .map(|one| (one.value().product.scope(), &one.value().release.version))
            .collect();
        let twice = products
            .iter()
            .enumerate()
            .find(|(at, product)| products.iter().skip(at.saturating_add(1)).any(|other| other == *product));
        if let Some((_, (scope, release))) = twice {
            let finding = Finding::new(&kinds::CONFLICTING).arg("product", format!("{scope}@{release}"));
            self.findings.push(finding);
        }
        Ok(())
    }

    fn load_one(&self, source: (u32, &Source)) -> Result<Result<Verified<Manifest>, TrustError>, Problem> {
        let envelope = match Envelope::parse(&self.run.read(source)?) {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Err(error)),
        };
        let identity = self.run.sha256_of(&envelope.pae())?;
        let verified = match self.policy.verify_any_release(&envelope, identity, self.now) {
            Ok(verified) => verified,
            // With a key alone there is no policy whose rules somebody could look for.
            Err(TrustError::NoRule { product }) if self.run.sources("key").next().is_some() => {
                let expected = self.expect.as_ref().map(Expectation::text).unwrap_or_default();
                return Ok(Err(TrustError::OtherProduct { found: product, expected }));
            }
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(verified))
    }

    /// True for the product that the user expects, or when none is.
    fn is_of_product(&self, manifest: &Manifest) -> bool {
        let product = &manifest.product;
        let same = |expect: &Expectation| expect.vendor == product.vendor && expect.model == product.model;
        self.expect.as_ref().is_none_or(same)
    }

    /// The releases that are expected, by the user and by the rule for this product: both must hold (RULES 32).
    fn releases(&self, rule: &Rule) -> Vec<String> {
        let ordered = self.expect.as_ref().and_then(|expect| expect.release.clone());
        let mut releases: Vec<_> = ordered.into_iter().chain(rule.release.clone()).collect();
        releases.dedup();
        releases
    }

    fn rule<'r>(&'r self, manifest: &Manifest) -> Option<&'r Rule> {
        self.policy.rule(&manifest.product.vendor, &manifest.product.model).ok()
    }

    /// Judges the image as it is, or the part of it that is the image of a release. What fits the whole goes first; where that
    /// is not affirmed, a part is that is, with nothing but erased bytes beside it.
    fn judge_wherever(&self) -> Result<Judged, Problem> {
        let devices = self.devices();
        if devices.is_empty() {
            return self.judge_here();
        }
        // No description covers what a manifest of the whole refutes, and no such manifest replaces a description: both hold.
        let fits = self.images().any(|image| image.size == self.image.1.size);
        let whole = fits.then(|| self.judge()).transpose()?.filter(|whole| whole.compared.is_some());
        if let Some(whole) = whole
            && (whole.report.exit_code != 0 || !devices.iter().any(|(_, by)| by.is_buyer()))
        {
            return Ok(whole);
        }
        let mut first = None;
        for device in devices {
            let judged = self.judge_device(device)?;
            if judged.report.exit_code == 0 {
                return Ok(judged);
            }
            first.get_or_insert(judged);
        }
        first.map_or_else(|| self.judge_here(), Ok)
    }

    /// Judges an image that is no arrangement of several.
    fn judge_here(&self) -> Result<Judged, Problem> {
        let fits = self.images().any(|image| image.size == self.image.1.size);
        let whole = match fits.then(|| self.judge()).transpose()? {
            Some(whole) if whole.report.exit_code == 0 => return Ok(whole),
            whole => whole,
        };
        let mut best = None;
        for placed in self.parts()? {
            let judged = self.judge_part(placed)?;
            if judged.report.exit_code == 0 {
                return Ok(judged);
            }
            best.get_or_insert(judged);
        }
        whole.or(best).map_or_else(|| self.judge(), Ok)
    }

    /// Judges a part of a larger dump as if it alone had been given. The report is of the dump.
    fn judge_part(&self, placed: Placed) -> Result<Judged, Problem> {
        let mut findings = self.findings.clone();
        findings.extend(placement::findings(&placed, &self.unread));
        let unread = unread::within(&self.unread, placed.span);
        let mut judged = self.of_part(placed.span, |run, image| {
            Trial { run, image, unread, findings, ..self.clone() }.judge()
        })?;
        judged.report.place(placed);
        Ok(judged)
    }

    /// Does something with a part of the image, which is lent as if it were all of it.
    fn of_part<T>(
        &self,
        span: Span,
        work: impl FnOnce(&Run<'_>, (u32, &Source)) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let request = self.run.request.within(self.image.0, span);
        let window = Window { host: self.run.host, source: self.image.0, base: span.offset };
        let run = Run { request: &request, host: &window };
        work(&run, run.source("image")?)
    }

    /// The parts of a larger dump that may be the image of a release, the likeliest first: of a release that is expected, equal
    /// by digest, with nothing written beside it, the largest. What is not equal has something of the release at its place.
    fn parts(&self) -> Result<Vec<Placed>, Problem> {
        let size = self.image.1.size;
        let mut found = Vec::new();
        for (span, anchor) in placement::places(self.images(), size) {
            let here = |image: &&ImageReference| image.size == span.length && image.anchor == Some(anchor);
            let digest = self.run.sha256_at(self.image, span)?;
            let is_equal = self.images().filter(here).any(|image| image.digests.contains(&digest));
            if !is_equal && !self.is_recognised(span, self.images().filter(here))? {
                continue;
            }
            let outside = placement::outside(self.run, self.image, span, &self.unread)?;
            let is_clean = outside.iter().all(|piece| piece.first.is_none());
            let mut manifests = self.verified.iter().enumerate();
            let is_expected = manifests
                .any(|(at, one)| one.value().images.iter().any(|image| here(&image)) && self.is_expected(at));
            found.push(((is_expected, is_equal, is_clean, span.length), (span, outside)));
        }
        found.arrange_by_key(|(rank, _)| core::cmp::Reverse(*rank));
        let sha256 = self.run.sha256(self.image)?;
        let placed = |(_, (span, outside))| Placed { span, sha256: sha256.clone(), size, outside };
        Ok(found.into_iter().map(placed).collect())
    }

    /// The images of all manifests that were verified.
    fn images(&self) -> impl Iterator<Item = &ImageReference> + Clone {
        self.verified.iter().flat_map(|one| &one.value().images)
    }

    /// True when something of one of these images lies there as the maker has it, erased space aside.
    fn is_recognised<'m>(
        &self,
        span: Span,
        images: impl Iterator<Item = &'m ImageReference>,
    ) -> Result<bool, Problem> {
        self.of_part(span, |run, part| {
            let written = |region: &ReferenceRegion| !region.attributes.is(&fact::FILL);
            for image in images {
                let options = Options {
                    layout: image.partitions(),
                    reading: Some(image.format.clone()),
                    openings: Openings::all(Opening::Closed),
                    ..Options::default()
                };
                let tree = run.tree(part, &options)?;
                if tree.format() == image.format && in_common(image, &tree, written) > 0 {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Which manifests apply, and what the worst of them says.
    fn judge(&self) -> Result<Judged, Problem> {
        let sha256 = self.run.sha256(self.image)?;
        let digests = self.digests(&sha256)?;
        let wholes: Vec<_> = self.verified.iter().map(|one| self.whole(one.value(), &digests)).collect();
        let (expected, others): (Vec<_>, Vec<_>) =
            (0..self.verified.len()).partition(|&at| self.is_expected(at));
        let whole = |at: &&usize| wholes.get(**at) == Some(&true);
        if let Some(&at) = expected.iter().find(whole) {
            return self.report(vec![self.compare(at, &digests, true)?], &sha256);
        }
        if let Some(&at) = others.iter().find(whole) {
            let outcome = self.compare(at, &digests, true)?;
            return self.another_release(outcome, &sha256);
        }
        let compare = |at: &usize| self.compare(*at, &digests, false);
        let outcomes = expected.iter().map(compare).collect::<Result<Vec<_>, _>>()?;
        // Another release, with settings of its own, accounts for every byte as this one does not (RULES 14).
        if outcomes.iter().all(|outcome| outcome.verdict.exit == 1 || outcome.reference.is_none()) {
            for outcome in others.iter().map(compare) {
                let outcome = outcome?;
                if outcome.verdict.exit == 0 {
                    return self.another_release(outcome, &sha256);
                }
            }
        }
        match others.first() {
            Some(&at) if expected.is_empty() => self.unexpected(at, &sha256),
            _ => self.report(alternatives(outcomes, &self.verified), &sha256),
        }
    }

    fn is_expected(&self, at: usize) -> bool {
        self.verified.get(at).is_some_and(|one| {
            if self.below_floor(one).is_some() || !self.is_of_product(one.value()) {
                return false;
            }
            let releases = self.rule(one.value()).map(|rule| self.releases(rule)).unwrap_or_default();
            releases.iter().all(|release| *release == one.value().release.version)
        })
    }

    /// True when every subject digest of a complete reference is that of the image, and we know all of them. A
    /// manifest that leaves parts to others does not say enough by itself.
    fn whole(&self, manifest: &Manifest, digests: &Digests) -> bool {
        manifest.includes.is_empty() && manifest.images.iter().any(|image| self.is_whole(image, digests))
    }

    fn is_whole(&self, image: &ImageReference, digests: &Digests) -> bool {
        image.coverage == Coverage::Complete
            && image.size == self.image.1.size
            && image.unknown_digests.is_empty()
            && image.digests.contains(&digests.sha256)
            && image.digests.iter().all(|digest| digests.has(digest))
    }

    /// The digests of the image that manifests with its SHA-256 ask for, each computed once.
    fn digests(&self, sha256: &Digest) -> Result<Digests, Problem> {
        let images = self.verified.iter().flat_map(|one| &one.value().images);
        let asked = images.filter(|image| image.digests.contains(sha256)).flat_map(|image| &image.digests);
        let mut algorithms: Vec<_> = asked.map(|digest| digest.algorithm).collect();
        algorithms.arrange();
        algorithms.dedup();
        algorithms.retain(|algorithm| *algorithm != sha256.algorithm);
        let (number, source) = self.image;
        let others = algorithms.into_iter().map(|algorithm| self.run.digest(algorithm, number, source));
        Ok(Digests { sha256: sha256.clone(), others: others.collect::<Result<_, _>>()? })
    }

    /// Compares with one manifest.
    fn compare(&self, at: usize, digests: &Digests, whole: bool) -> Result<Outcome, Problem> {
        let sha256 = &digests.sha256;
        let verified =
            self.verified.get(at).ok_or_else(|| Problem::new(&problems::NONE_GIVEN).of("manifest"))?;
        let manifest = verified.value();
        let rule = self.rule(manifest).ok_or_else(|| Problem::new(&problems::NONE_GIVEN).of("policy"))?;
        let mut findings = self.narrowed(manifest, rule);
        let by_digest = manifest.images.iter().position(|image| image.digests.contains(sha256));
        let (report, this) = match by_digest.and_then(|at| manifest.images.get(at)) {
            Some(image)
                if whole
                    && !self.run.request.deep
                    && !rule.deep
                    && rule.settings.is_empty()
                    && self.unread.count() == 0 =>
            {
                (self.whole_report(image, sha256)?, by_digest)
            }
            _ => self.deep_report(manifest, rule, sha256, &mut findings)?,
        };
        findings.extend(other_digests(manifest, digests));
        let hex = sha256.hex();
        if self.run.request.presented.iter().filter(|other| **other == hex).count() > 1 {
            findings.push(Finding::new(&kinds::GIVEN_TWICE));
        }
        if let Some(this) = this.and_then(|at| manifest.images.get(at)).filter(|_| !self.is_part) {
            self.others_absent(verified, &|image| image.name == this.name, &mut findings);
        }
        let verdict = Verdict::of(&[self.findings.as_slice(), &findings].concat());
        Ok(Outcome { manifest: at, reference: this, report, findings, verdict })
    }

    /// Signed words that narrow a manifest, and that neither the policy nor the user named (RULES 32).
    fn narrowed(&self, manifest: &Manifest, rule: &Rule) -> Vec<Finding> {
        let mut findings = Vec::new();
        let product = &manifest.product;
        let channel = product.channel.as_deref().unwrap_or(CHANNEL);
        let asked = self.run.request.channel.as_deref();
        let wanted: Vec<_> = asked.into_iter().chain(rule.channel.as_deref()).collect();
        let wanted = if wanted.is_empty() { vec![CHANNEL] } else { wanted };
        if let Some(other) = wanted.iter().find(|wanted| **wanted != channel) {
            let finding =
                Finding::new(&kinds::ANOTHER_CHANNEL).compared((*other).to_owned(), channel.to_owned());
            findings.push(finding.arg("found", channel).arg("wanted", *other));
        }
        let revisions = &product.hardware_revisions;
        let asked = self.run.request.hardware.as_deref();
        let by_order = asked.is_none_or(|revision| revisions.iter().any(|known| known == revision));
        let listed = &rule.hardware_revisions;
        let by_policy = listed.is_empty() || listed.iter().any(|revision| revisions.contains(revision));
        let named = asked.is_some() || !listed.is_empty();
        // The unit that was ordered is one that the policy accepts, whatever the manifest is for.
        let unit = asked.filter(|unit| !listed.is_empty() && !listed.iter().any(|known| known == unit));
        if let Some(unit) = unit {
            let finding =
                Finding::new(&kinds::HARDWARE_NOT_ACCEPTED).compared(listed.join(", "), unit.to_owned());
            findings.push(finding.arg("found", unit).arg("wanted", listed.join(", ")));
        } else if !(revisions.is_empty() || named && by_order && by_policy) {
            let wanted = asked.map_or_else(|| listed.join(", "), str::to_owned);
            let finding =
                Finding::new(&kinds::ANOTHER_HARDWARE).compared(wanted.clone(), revisions.join(", "));
            findings.push(finding.arg("found", revisions.join(", ")).arg("wanted", wanted));
        }
        findings
    }

    fn empty_report(&self, format: &str, sha256: &Digest) -> Result<Report, Problem> {
        let image = ImageOf { format: format.to_owned(), sha256: sha256.hex(), size: self.image.1.size };
        Ok(Report::new("verify", &self.run.request.core_sha256, &self.run.limits()?, image))
    }

    fn whole_report(&self, image: &ImageReference, sha256: &Digest) -> Result<Report, Problem> {
        let mut report = self.empty_report(&image.format, sha256)?;
        report.set_whole(&image.regions);
        report.not_seen = ["behaviour", "device", "encrypted", "hardware", "native-signatures", "not-parsed"]
            .map(str::to_owned)
            .to_vec();
        Ok(report)
    }

    fn deep_report(
        &self,
        manifest: &Manifest,
        rule: &Rule,
        sha256: &Digest,
        findings: &mut Vec<Finding>,
    ) -> Result<(Report, Option<usize>), Problem> {
        let meant = self.meant(manifest, sha256);
        let meant = meant.and_then(|at| manifest.images.get(at));
        let mut options = Options {
            image_digest: Some(sha256.clone()),
            layout: meant.map(ImageReference::partitions).unwrap_or_default(),
            settings: [manifest.settings(), kiwame_trust::rules::settings(&rule.mutable)].concat(),
            openings: openings(meant, manifest, rule),
            reading: meant.map(|image| image.format.clone()),
            ..Options::default()
        };
        let mut tree = self.run.tree(self.image, &options)?;
        let mut this = self.reference(manifest, &tree, sha256);
        let mut reference = this.and_then(|at| manifest.images.get(at));
        let read_by = |image: &ImageReference| (image.partitions(), openings(Some(image), manifest, rule));
        let read_so = (&options.layout, &options.openings);
        if let Some(other) = reference.map(read_by).filter(|(layout, openings)| (layout, openings) != read_so)
        {
            // It was read by the layout of another image of the release.
            (options.layout, options.openings) = other;
            tree = self.run.tree(self.image, &options)?;
            this = self.reference(manifest, &tree, sha256);
            reference = this.and_then(|at| manifest.images.get(at));
        }
        let (waivers, ended) = self.waivers(manifest);
        let terms = Terms { rule, waivers, ended };
        let judge = |tree: &Tree| match reference {
            Some(reference) => appraise(tree, manifest, reference, &terms),
            None => self.not_for_this(manifest, tree),
        };
        let mut assessment = judge(&tree);
        // Only what was packed anew, or a file that is not the maker's, costs this second look.
        let closed = assessment.closed(&tree);
        if assessment.wants_forms || !closed.is_empty() {
            // What the maker lists is opened for people; of what nobody lists, all that lies in it is judged.
            let paths = reference.map(ImageReference::paths).unwrap_or_default();
            let (listed, others): (Vec<_>, Vec<_>) =
                closed.into_iter().partition(|path| paths.contains(path.as_str()));
            let shown = listed.into_iter().take(SHOWN).map(|path| (path, Opening::Shown));
            let opened = others.into_iter().map(|path| (path, Opening::Opened));
            options.normal = assessment.wants_forms;
            options.openings.files = shown.chain(opened).into_map();
            let again = self.run.tree(self.image, &options)?;
            // That more could not be looked at saves nobody who is refuted.
            if again.limits_hit().len() <= tree.limits_hit().len() || assessment.verdict.exit != 1 {
                tree = again;
                assessment = judge(&tree);
            }
        }
        let mut report = self.empty_report(tree.format(), sha256)?;
        let tree = Rc::new(tree);
        assessment.set_unread(&tree, &self.unread);
        report.set_tree(&tree, &assessment);
        report.not_seen = not_seen(&[], &tree);
        match reference {
            Some(reference) => {
                told_together(self.run, self.image, &tree, reference, &self.unread, &mut assessment)?;
            }
            None => assessment.findings.extend(uniform::whole(self.run, self.image)?),
        }
        findings.extend(assessment.findings);
        Ok((report, this))
    }

    /// The reference by whose layout and format the image is read: that of its digest, else of its size, else the first.
    fn meant(&self, manifest: &Manifest, sha256: &Digest) -> Option<usize> {
        let meant =
            |image: &ImageReference| (image.digests.contains(sha256), image.size == self.image.1.size);
        let images = manifest.images.iter().enumerate().rev();
        images.max_by_key(|(_, image)| meant(image)).map(|(at, _)| at)
    }

    fn not_for_this(&self, manifest: &Manifest, tree: &Tree) -> Assessment {
        let wanted: Vec<_> = manifest.images.iter().map(|image| image.format.as_str()).collect();
        let mut assessment = kiwame_appraisal::inspect(tree);
        if !tree.limits_hit().is_empty() {
            // Behind a limit may lie whatever it lists.
            return assessment;
        }
        let found = tree.format();
        let (why, japanese) = match wanted.contains(&found) {
            // Of one kind: then nothing that the manifest lists lies where this image has something.
            true => {
                let why = format!("it lists a {found} image, of which nothing is found in this one");
                (why, format!("同種({found})のイメージだが、記載された部分が一つも無い"))
            }
            false => {
                let wanted = wanted.join(", ");
                (
                    format!("it lists {wanted}, and this is {found}"),
                    format!("記載は {wanted}、本イメージは {found}"),
                )
            }
        };
        let finding = Finding::new(&kinds::NOT_FOR_THIS_IMAGE).arg("why", why).arg("why-ja", japanese);
        assessment.findings.insert(0, finding);
        assessment
    }

    /// The reference of a manifest that is meant for this image: equal by digest, else of its format and with a
    /// top-level path in common, the same size before another. Where the order or the policy names the release, one of
    /// the same size is meant whatever is recognised: a changed magic makes an image no other product's.
    fn reference(&self, manifest: &Manifest, tree: &Tree, sha256: &Digest) -> Option<usize> {
        let images = || manifest.images.iter().enumerate();
        let by_digest = images().find(|(_, image)| image.digests.contains(sha256));
        let of_size = |image: &ImageReference| image.size == self.image.1.size;
        let alike = || {
            let meant: Vec<_> = images()
                .filter(|(_, image)| image.format == tree.format() && shares_a_path(image, tree))
                .collect();
            let most = meant.iter().map(|(_, image)| of_size(image)).max();
            let mut meant = meant.into_iter().filter(|(_, image)| Some(of_size(image)) == most);
            match (meant.next(), meant.next()) {
                // Two flashes of one size: the one that it has more of.
                (Some(first), Some(second)) => {
                    let all = [first, second].into_iter().chain(meant);
                    all.rev().max_by_key(|(_, image)| in_common(image, tree, |_| true))
                }
                (one, _) => one,
            }
        };
        let ordered = || {
            let named =
                self.is_part || self.rule(manifest).is_some_and(|rule| !self.releases(rule).is_empty());
            images().find(|(_, image)| named && of_size(image))
        };
        by_digest.or_else(alike).or_else(ordered).map(|(at, _)| at)
    }

    /// RULES 14: a release is complete with all its required images. `here` are those that the image was compared with. One
    /// that was presented with settings of its own is known by what it was compared with, and has its own verdict.
    fn others_absent(
        &self,
        verified: &Verified<Manifest>,
        here: &dyn Fn(&ImageReference) -> bool,
        findings: &mut Vec<Finding>,
    ) {
        let request = self.run.request;
        for image in &verified.value().images {
            let by_digest = image.digests.iter().any(|digest| request.presented.contains(&digest.hex()));
            let presented = by_digest || request.presented_as.contains(&compared(verified, image));
            // What an update writes is there with the update.
            let with = crate::attest::update_of(image);
            let update = verified.value().images.iter().find(|other| Some(other.name.as_str()) == with);
            let inside = update.is_some_and(|update| {
                let by_digest = update.digests.iter().any(|digest| request.presented.contains(&digest.hex()));
                by_digest || here(update) || request.presented_as.contains(&compared(verified, update))
            });
            if image.required && !here(image) && !presented && !inside {
                findings.push(Finding::new(&kinds::REQUIRED_IMAGE_ABSENT).arg("name", &image.name));
            }
        }
    }

    /// The waivers that have not ended, by the later of now and the newest date that was signed, and those that have: a
    /// clock that was set back revives none.
    fn waivers(&self, manifest: &Manifest) -> (Vec<&Waiver>, Vec<&Waiver>) {
        let signed = manifest.release.not_before.as_deref().and_then(|date| Time::parse(date).ok());
        let now = self.now.map(|now| signed.map_or(now, |signed| now.max(signed)));
        let runs = |waiver: &&Waiver| {
            Time::parse(&waiver.until).is_ok_and(|until| now.is_some_and(|now| now <= until))
        };
        self.policy.waivers.iter().partition(runs)
    }

    /// Name of the file, and why, of a manifest of a release below the policy's floor.
    fn below_floor(&self, one: &Verified<Manifest>) -> Option<(&str, &TrustError)> {
        let below = self.below.iter().find(|(identity, _, _)| identity == one.identity());
        below.map(|(_, file, why)| (file.as_str(), why))
    }

    /// The image is exactly another release than the one that was ordered, or one below the floor.
    fn another_release(&self, mut outcome: Outcome, sha256: &Digest) -> Result<Judged, Problem> {
        let one = self.verified.get(outcome.manifest);
        let found = one.map(|one| format!("{}@{}", one.value().product.scope(), one.value().release.version));
        let finding = match one.and_then(|one| self.below_floor(one)) {
            Some((_, TrustError::Rollback { found, floor })) => {
                Finding::new(&kinds::BELOW_FLOOR).arg("version", found).arg("floor", floor)
            }
            _ => {
                let rule = one.and_then(|one| self.rule(one.value()));
                let wanted = rule.map(|rule| self.releases(rule).join(" and ")).unwrap_or_default();
                Finding::new(&kinds::ANOTHER_RELEASE).arg("wanted", wanted)
            }
        };
        outcome.findings.push(finding.arg("found", found.unwrap_or_default()));
        outcome.verdict = Verdict::of(&[self.findings.as_slice(), &outcome.findings].concat());
        self.report(vec![outcome], sha256)
    }

    /// Only manifests of other releases were given, and the image is none of them: no reference for it.
    fn unexpected(&self, at: usize, sha256: &Digest) -> Result<Judged, Problem> {
        let one = self.verified.get(at);
        let manifest = one.map(Verified::value);
        let found = manifest
            .map(|manifest| format!("{}@{}", manifest.product.scope(), manifest.release.version))
            .unwrap_or_default();
        let wanted = self.expect.as_ref().map(Expectation::text).unwrap_or_default();
        let finding = match one.and_then(|one| self.below_floor(one)) {
            Some((file, why)) => because(Finding::new(&kinds::NOT_VERIFIED).arg("file", file), why),
            None => {
                let error = TrustError::OtherProduct { found, expected: wanted };
                because(Finding::new(&kinds::UNSUITABLE).arg("file", "manifest"), &error)
            }
        };
        let mut report = self.undecided(sha256)?;
        let findings = [self.findings.clone(), vec![finding]].concat();
        report.set_verdict(&findings, &Verdict::of(&findings));
        Ok(Judged { report, compared: None })
    }

    /// The account of an image that was compared with nothing.
    fn undecided(&self, sha256: &Digest) -> Result<Report, Problem> {
        let options = Options { image_digest: Some(sha256.clone()), ..Options::default() };
        let tree = Rc::new(self.run.tree(self.image, &options)?);
        let mut report = self.empty_report(tree.format(), sha256)?;
        report.set_tree(&tree, &kiwame_appraisal::inspect(&tree));
        report.not_seen = not_seen(&["reference"], &tree);
        Ok(report)
    }

    /// The report of the worst outcome (RULES 14), or of none.
    fn report(&self, outcomes: Vec<Outcome>, sha256: &Digest) -> Result<Judged, Problem> {
        const WORST_FIRST: [u8; 7] = [1, 4, 5, 3, 6, 7, 0];
        let rank = |outcome: &Outcome| WORST_FIRST.iter().position(|exit| *exit == outcome.verdict.exit);
        let Some(outcome) = outcomes.into_iter().min_by_key(rank) else {
            let mut findings = self.findings.clone();
            if findings.is_empty() {
                findings.push(Finding::new(&kinds::NO_MANIFEST));
            }
            let mut report = self.undecided(sha256)?;
            report.set_verdict(&findings, &Verdict::of(&findings));
            return Ok(Judged { report, compared: None });
        };
        let verified = self.verified.get(outcome.manifest);
        let compared = verified
            .zip(outcome.reference)
            .and_then(|(verified, at)| Some(compared(verified, verified.value().images.get(at)?)));
        let mut report = outcome.report;
        report.manifests = self
            .verified
            .iter()
            .enumerate()
            .map(|(at, one)| manifest_of(one, at == outcome.manifest && outcome.reference.is_some()))
            .collect();
        let mut findings = [self.findings.clone(), outcome.findings].concat();
        let signers = self.verified.iter().flat_map(|one| one.signers());
        let known = signers
            .filter(|signer| self.policy.keys().any(|key| key.is_known() && key.fingerprint() == signer.key));
        if known.count() > 0 {
            findings.push(Finding::new(&kinds::KNOWN_KEY_ACCEPTED));
        }
        report.set_verdict(&findings, &outcome.verdict);
        Ok(Judged { report, compared })
    }

    /// Where the manifest that an image was compared with has its serial number.
    fn serial(&self, compared_with: &str) -> Option<&str> {
        let one = self
            .verified
            .iter()
            .find(|one| one.value().images.iter().any(|image| compared(one, image) == compared_with))?;
        one.value().product.serial.as_deref()
    }

    /// What the report names beside the comparison: policy, expectation, time, what was not seen.
    fn describe(&self, report: &mut Report) -> Result<(), Problem> {
        if let Some(source) = self.run.sources("policy").next() {
            report.policy = PolicyOf { sha256: Some(self.run.sha256(source)?.hex()) };
        }
        if let Some(expect) = &self.expect {
            report
                .expected
                .insert("product".to_owned(), escape(&format!("{}/{}", expect.vendor, expect.model)));
            if let Some(release) = &expect.release {
                report.expected.insert("release".to_owned(), escape(release));
            }
        }
        let timed = self.verified.iter().any(|one| one.is_timed())
            || self.policy.expires.is_some()
            || !self.policy.waivers.is_empty();
        if timed && self.now.is_some() {
            let source = if self.run.request.now_source == "host-clock" { "host-clock" } else { "argument" };
            report.time = TimeOf { source: source.to_owned(), value: self.run.request.now.clone() };
        }
        let named: Vec<_> = self.verified.iter().filter_map(|one| self.rule(one.value())).collect();
        let rules = if named.is_empty() { self.policy.rules.iter().collect() } else { named };
        if !rules.into_iter().any(|rule| rule.min_security_version.is_some()) {
            report.not_seen.push("rollback".to_owned());
        }
        report.not_seen.push("transparency".to_owned());
        report.not_seen.arrange();
        Ok(())
    }
}

/// Tells together what has one cause. The image is looked at once more only where it was not affirmed.
fn told_together(
    run: &Run<'_>,
    image: (u32, &Source),
    tree: &Tree,
    reference: &ImageReference,
    unread: &Spans,
    assessment: &mut Assessment,
) -> Result<(), Problem> {
    let runs = match assessment.verdict.exit {
        1 | 7 => uniform::runs(run, image, &assessment.suspects(tree, reference))?,
        _ => Vec::new(),
    };
    assessment.fold(tree, reference, &runs, unread);
    Ok(())
}

/// So many files of the maker's that differ are taken apart for people.
const SHOWN: usize = 256;

/// How files are taken apart to be compared with a reference.
fn openings(image: Option<&ImageReference>, manifest: &Manifest, rule: &Rule) -> Openings {
    let layout = image.map(|image| &*image.layout).unwrap_or_default();
    let mut openings =
        crate::attest::openings(image.and_then(|image| image.files), &manifest.mutable, layout);
    openings.scopes.extend(rule.mutable.iter().map(|rule| rule.path.clone()));
    openings
}

/// How the core calls a reference for an image in `compared` and `presentedAs`.
fn compared(verified: &Verified<Manifest>, image: &ImageReference) -> String {
    format!("{}/{}", verified.identity().hex(), image.name)
}

/// The channel of a manifest that names none.
const CHANNEL: &str = "release";

/// The digests of the whole image that somebody asks for.
struct Digests {
    sha256: Digest,
    others: Vec<Digest>,
}

impl Digests {
    fn has(&self, wanted: &Digest) -> bool {
        *wanted == self.sha256 || self.others.contains(wanted)
    }
}

/// RULES 15: every digest in a set must match, not just the one that was looked at first.
fn other_digests<'a>(manifest: &'a Manifest, digests: &'a Digests) -> impl Iterator<Item = Finding> + 'a {
    let images = manifest.images.iter().filter(|image| image.digests.contains(&digests.sha256));
    let wrong = images.flat_map(|image| &image.digests).filter(|wanted| !digests.has(wanted));
    wrong.map(|wanted| {
        let actual = digests.others.iter().find(|other| other.algorithm == wanted.algorithm);
        Finding::new(&kinds::CONTRADICTS_ITSELF).compared(wanted.hex(), actual.map(Digest::hex))
    })
}

/// How many of some reference values of an image are in a tree, by path and digest.
fn in_common(image: &ImageReference, tree: &Tree, wanted: fn(&ReferenceRegion) -> bool) -> usize {
    let wanted: std::collections::BTreeSet<_> = image
        .regions
        .iter()
        .filter(|region| wanted(region))
        .map(|region| (region.path.as_str(), Some(&region.sha256)))
        .into_set();
    let here = tree.regions().filter(|region| region.measured);
    here.filter(|region| wanted.contains(&(tree.path(region.id), region.sha256.as_ref()))).count()
}

/// True when image and reference have a first step in common: otherwise they are of different make.
fn shares_a_path(image: &ImageReference, tree: &Tree) -> bool {
    let first = |path: &str| path.split('/').next().map(str::to_owned);
    let steps: std::collections::BTreeSet<_> =
        image.regions.iter().map(|region| first(&region.path)).into_set();
    tree.regions().any(|region| region.parent.is_some() && steps.contains(&first(tree.path(region.id))))
}

fn manifest_of(verified: &Verified<Manifest>, applied: bool) -> ManifestOf {
    let signer = |signer: &kiwame_trust::policy::Signer| SignerOf {
        id: escape_name(&signer.id),
        key: signer.key.clone(),
    };
    ManifestOf {
        applied,
        payload_sha256: verified.identity().hex(),
        channel: verified.value().product.channel.as_deref().map(escape),
        hardware_revisions: verified
            .value()
            .product
            .hardware_revisions
            .iter()
            .map(|name| escape(name))
            .collect(),
        product: escape(&verified.value().product.scope()),
        release: escape(&verified.value().release.version),
        signers: verified.signers().iter().map(signer).collect(),
    }
}

/// Names of principals are the user's own words; `--key` is ours.
fn escape_name(name: &str) -> String {
    if name == "--key" { name.to_owned() } else { escape(name) }
}

/// An image as the reference that another is compared with.
fn reference(name: &str, size: u64, tree: &Tree) -> ImageReference {
    ImageReference {
        name: name.to_owned(),
        digests: tree.image_digest().cloned().into_iter().collect(),
        unknown_digests: Vec::new(),
        format: tree.format().to_owned(),
        size,
        erase_value: 0xff,
        required: true,
        coverage: Coverage::Complete,
        anchor: None,
        files: None,
        layout: Vec::new(),
        regions: kiwame_appraisal::reference_regions(tree, &[]),
    }
}

/// What changed between two images, by component: the second against the first as if it were the reference.
pub(crate) fn diff(run: &Run<'_>) -> Result<Response, Problem> {
    let images: Vec<_> = run.sources("image").collect();
    let [before, after] = images.as_slice() else {
        let found = Words::plain(images.len());
        return Err(Problem::new(&problems::TWO_IMAGES).of("diff").arg("found", found));
    };
    // Nobody signed anything here: an empty manifest, and a rule that accepts nothing beyond it.
    let (manifest, rule) = (Manifest::default(), Rule::default());
    let terms = Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
    let compare = |openings: Openings| -> Result<_, Problem> {
        let options = Options { openings, ..Options::default() };
        let old = run.tree(*before, &options)?;
        let new = run.tree(*after, &options)?;
        let reference = reference(&before.1.name, before.1.size, &old);
        let assessment = appraise(&new, &manifest, &reference, &terms);
        Ok((old, new, reference, assessment))
    };
    let closed = Openings::all(Opening::Closed);
    let mut compared = compare(closed.clone())?;
    let files = compared.3.closed(&compared.1);
    if !files.is_empty() {
        // What changed in each, as far as the limits go.
        let files = files.into_iter().take(SHOWN).map(|path| (path, Opening::Parts)).into_map();
        let by_part = compare(Openings { files, ..closed })?;
        let limits = |old: &Tree, new: &Tree| old.limits_hit().len().saturating_add(new.limits_hit().len());
        if limits(&by_part.0, &by_part.1) <= limits(&compared.0, &compared.1) {
            compared = by_part;
        }
    }
    let (old, new, reference, mut assessment) = compared;
    let new = Rc::new(new);
    let runs = uniform::runs(run, *after, &assessment.suspects(&new, &reference))?;
    let runs = uniform::not_in(run, *before, runs)?;
    assessment.fold(&new, &reference, &runs, &Spans::default());
    let mut report = crate::inspect::report(run, "diff", after.1, &new)?;
    report.set_tree(&new, &assessment);
    let differs = assessment.findings.iter().any(|finding| finding.effect() != Effect::Nothing);
    let limited = !old.limits_hit().is_empty() || !new.limits_hit().is_empty();
    let exit = match (limited, differs) {
        (true, _) => 6,
        (false, differs) => u8::from(differs),
    };
    let verdict =
        Verdict { tier: kiwame_appraisal::Tier::None, reasons: assessment.verdict.reasons.clone(), exit };
    report.set_verdict(&assessment.findings, &verdict);
    report.not_seen = not_seen(&["reference"], &new);
    let name = format!("{} → {}", before.1.name, after.1.name);
    run.respond(&report, &run.view(&name))
}
