//! One image against one reference: what is compared, and what has been found so far.

use core::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Content, Region, RegionId, SpaceId, Span, Tree, Value};
use kiwame_trust::Rule;
use kiwame_trust::json::{Json, MAX_NUMBER};
use kiwame_trust::manifest::{Coverage, ImageReference, Manifest, ReferenceRegion};
use kiwame_trust::policy::Waiver;

use crate::kind::{Effect, Family, Kind, Severity, Text};
use crate::kinds::{AROUND_WAIVED, ATTRIBUTES, FORM_DIFFERS, REENCODED};
use crate::reference::is_fill;
use crate::{Basis, CHECKS, Check, Class, Finding, Verdict};

/// How a measured region stands to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// No reference value has its path, or all that do are taken.
    Nothing,
    /// The bytes equal that reference value.
    Bytes(usize),
    /// That reference value is meant, and the bytes differ.
    Differs(usize),
    /// The bytes differ, and what they decode to is equal: nobody is affirmed by that (RULES 2).
    Encoded(usize),
    /// The same, where the policy accepts it and the normal form is equal.
    Form(usize),
    /// The manifest lets it differ, and it keeps to the rule.
    Mutable,
    /// What nothing reaches any more, where the device writes, within the cap of its rule.
    Remains,
}

impl Match {
    /// The reference value that is meant.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        match self {
            Self::Bytes(index) | Self::Differs(index) | Self::Encoded(index) | Self::Form(index) => {
                Some(index)
            }
            Self::Nothing | Self::Mutable | Self::Remains => None,
        }
    }
}

/// What the buyer asks of a product, and what the buyer lives with.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// The policy's rule for the product.
    pub rule: &'a Rule,
    /// The policy's waivers that have not ended.
    pub waivers: Vec<&'a Waiver>,
    /// Those that have: they cover nothing, and are named where they would have.
    pub ended: Vec<&'a Waiver>,
}

/// What an acceptance leaves to somebody's word, for its first line (RULES 30).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Settings and files that differ within a rule of the maker's.
    pub by_rule: u64,
    /// Components that the policy accepts: packed anew, waived, or without reference value.
    pub by_policy: u64,
    /// Bytes that nobody judged.
    pub not_judged: u64,
    /// Bytes of old data that nothing reaches.
    pub remains: u64,
}

/// One image against one reference.
#[derive(Debug)]
pub struct Case<'a> {
    /// The image.
    pub tree: &'a Tree,
    /// The manifest.
    pub manifest: &'a Manifest,
    /// Its reference for this image.
    pub reference: &'a ImageReference,
    /// What the buyer asks.
    pub terms: &'a Terms<'a>,
    /// How each measured region stands to the reference.
    pub matches: BTreeMap<RegionId, Match>,
    /// Reference values that no region has taken.
    pub unmatched: Vec<usize>,
    /// Paths of all reference values, for [`Case::lists`].
    paths: OnceCell<BTreeMap<&'a str, usize>>,
    /// Paths of the spaces that the reference opens: those of its streams.
    pub spaces: BTreeSet<&'a str>,
    /// Regions whose bytes would do and that do not pass: under a mutable rule that they do not keep to, or with other
    /// facts than the reference has.
    pub outside: BTreeSet<RegionId>,
    /// Streams whose content could not be looked at because a limit was hit.
    pub limited: Vec<RegionId>,
    /// A rule let something vanish that the reference has.
    pub vanished: bool,
    /// Regions without a reference value that the policy accepts.
    pub accepted: BTreeSet<RegionId>,
    /// Regions whose facts have been compared with those of their reference value.
    pub compared: BTreeSet<RegionId>,
    /// Path and place of what the policy's waivers cover, value by value.
    pub waived: BTreeSet<(String, u64)>,
    /// Paths around what waivers cover.
    waived_below: BTreeSet<String>,
    /// How often a waiver of that finding, path and value has been used.
    spent: BTreeMap<(&'static str, String, String), usize>,
    /// What an acceptance would leave to somebody's word.
    pub exceptions: Exceptions,
    /// A container was packed anew, and its normal form was not made in this run.
    pub wants_forms: bool,
    suppliers: BTreeMap<&'a str, &'a str>,
    /// What has been found; see [`Case::report`].
    pub findings: Vec<Finding>,
    counts: BTreeMap<(&'static str, Effect), u64>,
    /// Paths around every finding that refutes.
    refuted: BTreeSet<String>,
    /// Waivers by finding and path.
    waivers: BTreeMap<(&'a str, &'a str), Vec<&'a Waiver>>,
    /// Paths of regions that encode something or hold measured parts.
    containers: OnceCell<BTreeSet<&'a str>>,
    /// Parts that the device writes, by offset.
    written: Vec<Span>,
    shut: OnceCell<Shut<'a>>,
}

/// Where limits were hit.
#[derive(Debug)]
struct Shut<'a> {
    regions: BTreeSet<RegionId>,
    paths: BTreeSet<&'a str>,
    /// One was a limit of the image itself.
    whole: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// Class of each leaf, and why a matched one is matched.
    pub classes: BTreeMap<RegionId, (Class, Option<Basis>)>,
    /// Findings, in the order of the checks.
    pub findings: Vec<Finding>,
    /// The verdict.
    pub verdict: Verdict,
    /// What an acceptance leaves to somebody's word.
    pub exceptions: Exceptions,
    /// The policy accepts containers that are packed anew, one is, and its normal form is needed to tell.
    pub wants_forms: bool,
    /// Numbers of the reference values that the image does not have.
    pub missing: Vec<usize>,
    /// Bytes of content that they have, erased space aside.
    pub missing_bytes: u64,
    /// Regions that the reference does not have.
    pub added: BTreeSet<RegionId>,
}

/// Compares an image with its reference and judges.
#[must_use]
pub fn appraise(
    tree: &Tree,
    manifest: &Manifest,
    reference: &ImageReference,
    terms: &Terms<'_>,
) -> Assessment {
    appraise_by(CHECKS, tree, manifest, reference, terms)
}

/// By some of the checks; the last gate stands behind any of them.
pub(crate) fn appraise_by(
    checks: &[&dyn Check],
    tree: &Tree,
    manifest: &Manifest,
    reference: &ImageReference,
    terms: &Terms<'_>,
) -> Assessment {
    let mut case = Case {
        tree,
        manifest,
        reference,
        terms,
        matches: BTreeMap::new(),
        unmatched: Vec::new(),
        paths: OnceCell::new(),
        spaces: spaces(reference),
        outside: BTreeSet::new(),
        limited: Vec::new(),
        vanished: false,
        accepted: BTreeSet::new(),
        compared: BTreeSet::new(),
        waived: BTreeSet::new(),
        waived_below: BTreeSet::new(),
        spent: BTreeMap::new(),
        exceptions: Exceptions::default(),
        wants_forms: false,
        suppliers: suppliers(reference),
        findings: Vec::new(),
        counts: BTreeMap::new(),
        refuted: BTreeSet::new(),
        waivers: waivers(terms),
        containers: OnceCell::new(),
        written: written(reference),
        shut: OnceCell::new(),
    };
    for check in checks {
        check.run(&mut case);
    }
    let classes = case.classes();
    crate::gate::close(&mut case, &classes);
    case.report_idle_waivers();
    case.report_uncounted();
    let verdict = Verdict::of(&case.findings);
    let gone = missing_bytes(&case);
    Assessment {
        classes,
        findings: case.findings,
        verdict,
        exceptions: case.exceptions,
        wants_forms: case.wants_forms,
        added: case
            .matches
            .iter()
            .filter(|(_, outcome)| **outcome == Match::Nothing)
            .map(|(id, _)| *id)
            .collect(),
        missing_bytes: gone,
        missing: case.unmatched,
    }
}

/// Bytes of content that the reference has and the image does not. What a stream decodes to is counted there.
fn missing_bytes(case: &Case<'_>) -> u64 {
    let missing = case.unmatched.iter().filter_map(|&index| case.wanted(index));
    let content = missing.filter(|wanted| !is_fill(wanted) && !case.encodes(&wanted.path));
    content.fold(0, |sum, wanted| sum.saturating_add(wanted.span.length))
}

/// Classes and defects of an image that nothing is compared with.
#[must_use]
pub fn inspect(tree: &Tree) -> Assessment {
    let mut findings = crate::hunts::limits(tree);
    findings.extend(tree.defects().iter().map(|defect| crate::checks::defect(tree, defect)));
    let classes = classes(tree, |_, _| None);
    let verdict = Verdict::of_inspection(&findings);
    Assessment {
        classes,
        findings,
        verdict,
        exceptions: Exceptions::default(),
        wants_forms: false,
        missing: Vec::new(),
        missing_bytes: 0,
        added: BTreeSet::new(),
    }
}

impl<'a> Case<'a> {
    /// The reference value of that number.
    #[must_use]
    pub fn wanted(&self, index: usize) -> Option<&'a ReferenceRegion> {
        self.reference.regions.get(index)
    }

    /// True when some reference value has that path.
    #[must_use]
    pub fn lists(&self, path: &str) -> bool {
        self.paths().contains_key(path)
    }

    /// The first reference value of each path.
    fn paths(&self) -> &BTreeMap<&'a str, usize> {
        self.paths.get_or_init(|| {
            let regions = self.reference.regions.iter().enumerate().rev();
            regions.map(|(index, region)| (region.path.as_str(), index)).collect()
        })
    }

    /// True for a leaf that a limit kept shut: what it holds is neither added nor missing, nobody has seen it.
    #[must_use]
    pub fn is_shut_by_limit(&self, region: &Region) -> bool {
        let hit = |id: RegionId| self.shut().regions.contains(&id);
        region.is_leaf() && (hit(region.id) || region.parent.is_some_and(hit))
    }

    /// True for a path at or below which a limit kept something out of sight: what cannot be seen there is not missing. A
    /// limit of the whole image hides all.
    pub(crate) fn is_beyond_limits(&self, path: &str) -> bool {
        let shut = self.shut();
        shut.whole || !shut.paths.is_empty() && beginnings(path).any(|scope| shut.paths.contains(scope))
    }

    fn shut(&self) -> &Shut<'a> {
        self.shut.get_or_init(|| {
            let regions: BTreeSet<_> = self.tree.limits_hit().iter().map(|&(_, region)| region).collect();
            let is_whole =
                |id: &RegionId| self.tree.region(*id).is_some_and(|region| region.parent.is_none());
            Shut {
                whole: regions.iter().any(is_whole),
                paths: regions.iter().map(|&id| self.tree.path(id)).collect(),
                regions,
            }
        })
    }

    /// How many reference values lie below a path.
    #[must_use]
    pub fn count_below(&self, path: &str) -> usize {
        let prefix = format!("{path}/");
        self.paths().range(prefix.as_str()..).take_while(|(other, _)| other.starts_with(&prefix)).count()
    }

    /// True when a finding about something below a path refutes the image.
    #[must_use]
    pub fn is_refuted_below(&self, path: &str) -> bool {
        self.refuted.contains(path)
    }

    /// True when the reference has regions in what the region of that path decodes to.
    #[must_use]
    pub fn encodes(&self, path: &str) -> bool {
        self.spaces.contains(path)
    }

    /// The measured regions, in pre-order.
    pub fn measured(&self) -> impl Iterator<Item = &'a Region> + use<'a> {
        self.tree.regions().filter(|region| region.measured)
    }

    /// Findings of one id and effect that are listed.
    const KEPT: u64 = 1000;

    /// Adds a finding. The policy's waivers come first (RULES 31). Of one kind and effect a thousand are kept; the rest
    /// are counted, and decide nothing that these do not.
    pub fn report(&mut self, finding: Finding) {
        let finding = self.waive(finding);
        if finding.effect() == Effect::Refuted {
            for scope in beginnings(&finding.path).rev().skip(1) {
                // Whatever lies further out has been entered along with it.
                if !self.refuted.insert(scope.to_owned()) {
                    break;
                }
            }
        }
        let count = self.counts.entry((finding.id(), finding.effect())).or_default();
        *count = count.saturating_add(1);
        if *count <= Self::KEPT {
            self.findings.push(finding);
        }
    }

    /// Takes the effect away where a waiver names this finding, this component and the value found; without a value it
    /// becomes a warning at best. A container is no component, and who waives it has not seen what lies in it: only that it
    /// was packed anew can be waived, by the digest of its bytes, since whatever differs inside speaks for itself.
    fn waive(&mut self, finding: Finding) -> Finding {
        let key = (finding.id(), finding.path.as_str());
        let named = self.waivers.get(&key).map(Vec::as_slice).unwrap_or_default();
        let is_value =
            |waiver: &&&Waiver| waiver.found.as_deref().is_some_and(|found| finding.is_found(found));
        let waiver = named.iter().find(is_value).or_else(|| named.first()).copied();
        let Some(waiver) = waiver.filter(|waiver| self.may_be_waived(&finding, waiver)) else {
            return finding;
        };
        let waived = match &waiver.found {
            None => finding.at_best_a_warning(&waiver.reason, &waiver.until),
            Some(found) if finding.is_found(found) => {
                // One component: of several that have one path each needs a waiver of its own.
                let such = named.iter().filter(is_value).count();
                let key = (finding.id(), finding.path.clone(), found.clone());
                let spent = self.spent.entry(key).or_default();
                if *spent >= such {
                    return finding;
                }
                *spent = spent.saturating_add(1);
                self.waived.insert((finding.path.clone(), finding.offset));
                self.exceptions.by_policy = self.exceptions.by_policy.saturating_add(1);
                finding.waived(&waiver.reason, &waiver.until)
            }
            Some(_) => return finding,
        };
        self.waived_below.extend(beginnings(&waived.path).map(str::to_owned));
        waived
    }

    /// True for a finding about a component, or a fact of anything; about a container, that it was packed anew, and only with
    /// its digest.
    fn may_be_waived(&self, finding: &Finding, waiver: &Waiver) -> bool {
        let packed = finding.is_of(&[&REENCODED, &FORM_DIFFERS, &AROUND_WAIVED]) && waiver.found.is_some();
        let fact = finding.is_of(&[&ATTRIBUTES]);
        // The digest of an entry is that of its name: mode, owner, target and number are facts, and no value covers them all.
        let last = kiwame_image::segments(&finding.path).last().and_then(|last| last.split_once(':'));
        let entry = last.is_some_and(|(format, _)| ENTRIES.contains(&format)) && finding.actual.is_some();
        finding.may_be_waived() && (packed || fact || !entry && !self.is_container(finding))
    }

    /// True when this very thing was waived with its value.
    pub(crate) fn is_waived(&self, path: &str, offset: u64) -> bool {
        !self.waived.is_empty() && self.waived.contains(&(path.to_owned(), offset))
    }

    /// True when a waiver covers something at a path or below it.
    pub(crate) fn is_waived_below(&self, path: &str) -> bool {
        self.waived_below.contains(path)
    }

    /// True for a finding about a region that encodes something or holds measured parts. A defect speaks of one field,
    /// wherever that is.
    fn is_container(&self, finding: &Finding) -> bool {
        !finding.is_defect()
            && self.containers.get_or_init(|| containers(self.tree)).contains(finding.path.as_str())
    }

    /// True for a place that the device itself writes to: the manifest says so of the partition, or a rule reaches it.
    #[must_use]
    pub fn is_written(&self, region: &Region) -> bool {
        if self.manifest.rules_for(self.tree.path(region.id)).next().is_some() {
            return true;
        }
        let span = image_span(self.tree, region);
        let at = self.written.partition_point(|part| part.offset <= span.offset);
        at.checked_sub(1).and_then(|at| self.written.get(at)).is_some_and(|part| part.contains(span))
    }

    /// Says of each waiver that names a finding and did not cover it why: a slip of the pen looks like a refusal otherwise.
    fn report_idle_waivers(&mut self) {
        let (valid, ended) = (self.terms.waivers.iter(), self.terms.ended.iter());
        let all = valid.map(|waiver| (*waiver, false)).chain(ended.map(|waiver| (*waiver, true)));
        let idle = all.filter_map(|(waiver, ended)| {
            let about = |finding: &&Finding| {
                finding.effect() != Effect::Nothing
                    && finding.id() == waiver.finding
                    && finding.path == waiver.path
            };
            let found = self.findings.iter().find(about)?;
            let kind = match ended {
                true => &WAIVER_ENDED,
                false if self.may_be_waived(found, waiver) => &WAIVER_ANOTHER_VALUE,
                false => &WAIVER_CANNOT,
            };
            let idle = Finding::new(kind).arg("waived", &waiver.finding).arg("until", &waiver.until);
            let idle = idle.at(&found.path, &found.space, Span::new(found.offset, 0));
            // Without a value it covers in part, and has said so.
            (ended || waiver.found.is_some())
                .then(|| idle.compared(waiver.found.clone().filter(|_| !ended), found.found()))
        });
        let idle: Vec<_> = idle.collect();
        idle.into_iter().for_each(|finding| self.report(finding));
    }

    /// Says how many findings of each kind were counted only.
    fn report_uncounted(&mut self) {
        for ((id, _), count) in core::mem::take(&mut self.counts) {
            let more = count.saturating_sub(Self::KEPT);
            if more > 0 {
                self.findings.push(Finding::new(&MORE).arg("count", more).arg("id", id));
            }
        }
    }

    /// A finding about a region of the image.
    #[must_use]
    pub fn about(&self, kind: &'static Kind, region: &Region) -> Finding {
        let path = self.tree.path(region.id);
        let mut finding = Finding::new(kind).at(path, self.tree.space_path(region.space), region.span);
        if region.space != SpaceId::IMAGE {
            finding.image = Some(image_span(self.tree, region));
            let encoder = self.tree.space(region.space).and_then(|space| space.encoder);
            let encoder = encoder.and_then(|encoder| self.tree.region(encoder));
            finding.within = encoder.map(|encoder| {
                let name = crate::reference::display_name(self.tree, encoder);
                name.unwrap_or_else(|| encoder.kind.to_owned())
            });
        }
        let matched = self.matches.get(&region.id).and_then(|outcome| outcome.index());
        let known = matched.or_else(|| self.paths().get(path).copied()).and_then(|index| self.wanted(index));
        finding.is_new = known.is_none();
        finding.runs = crate::reference::runs(self.tree, region);
        finding.guards = crate::reference::decides(self.tree, region);
        let before = known.and_then(|wanted| wanted.attributes.get(VALUE)).cloned();
        let finding = valued(finding, before, region.attribute(VALUE).map(json_of));
        self.describe(finding, region.kind, crate::reference::display_name(self.tree, region))
    }

    /// A finding about a reference value that the image does not have.
    #[must_use]
    pub fn about_wanted(&self, kind: &'static Kind, wanted: &'a ReferenceRegion) -> Finding {
        let mut finding = Finding::new(kind).at(&wanted.path, &wanted.space, wanted.span);
        if wanted.space != "image" {
            let find = |path: &str| self.paths().get(path).and_then(|&index| self.wanted(index));
            let around: Vec<_> = crate::reference::streams_around(wanted, find).collect();
            finding.image =
                around.last().filter(|outermost| outermost.space == "image").map(|outermost| outermost.span);
            finding.within =
                around.first().map(|encoder| encoder.name.clone().unwrap_or_else(|| encoder.kind.clone()));
        }
        finding.runs = wanted.is_executable();
        let finding = valued(finding, wanted.attributes.get(VALUE).cloned(), None);
        self.describe(finding, &wanted.kind, wanted.name.clone())
    }

    fn describe(&self, mut finding: Finding, kind: &str, name: Option<String>) -> Finding {
        finding.supplier = self.supplier(&finding.path);
        finding.contact = finding.supplier.as_deref().and_then(|name| self.contact(name));
        let finding = finding.arg("kind", kind);
        match name {
            Some(name) => finding.arg("name", name),
            None => finding,
        }
    }

    /// Who answers for a path: by the reference value with the longest beginning in common.
    #[must_use]
    pub fn supplier(&self, path: &str) -> Option<String> {
        beginnings(path).rev().find_map(|scope| self.suppliers.get(scope)).map(|&name| name.to_owned())
    }

    /// How to reach who is named so.
    pub(crate) fn contact(&self, supplier: &str) -> Option<String> {
        let mut named = self.manifest.suppliers.iter().filter(|other| other.name == supplier);
        named.find_map(|supplier| supplier.contact.clone())
    }

    fn classes(&self) -> BTreeMap<RegionId, (Class, Option<Basis>)> {
        let complete = self.reference.coverage == Coverage::Complete;
        classes(self.tree, |region, leaf| {
            let outcome = self.matches.get(&region.id).copied()?;
            let was_fill = outcome.index().and_then(|index| self.wanted(index)).is_none_or(is_fill);
            let outside = self.outside.contains(&region.id);
            Some(match outcome {
                _ if outside => (Class::Differs, None),
                // Erased, as it was, or nothing was ever there.
                Match::Differs(_) | Match::Nothing if leaf.content == Content::Fill && was_fill => {
                    (Class::Fill, None)
                }
                Match::Differs(_) | Match::Encoded(_) => (Class::Differs, None),
                Match::Nothing if complete => (Class::Differs, None),
                Match::Nothing => return None,
                _ if leaf.content == Content::Fill => (Class::Fill, None),
                Match::Bytes(_) => (Class::Matched, Some(Basis::Bytes)),
                Match::Form(_) => (Class::Matched, Some(Basis::Form)),
                Match::Mutable => (Class::Mutable, None),
                Match::Remains => (Class::Remains, None),
            })
        })
    }
}

/// Where in the image itself a region lies, or the stream around it.
pub(crate) fn image_span(tree: &Tree, region: &Region) -> Span {
    let mut around = core::iter::once(region).chain(tree.ancestors(region.id));
    around.find(|region| region.space == SpaceId::IMAGE).map_or(Span::default(), |region| region.span)
}

/// The fact that is what people read of something.
const VALUE: &str = "value";

/// With the value that should be there and the one that is, where people read them.
fn valued(mut finding: Finding, before: Option<Json>, after: Option<Json>) -> Finding {
    if before != after {
        for (name, value) in [("before", before), ("after", after)] {
            if let Some(value) = value {
                finding = finding.arg(name, crate::reference::shown(&value));
            }
        }
    }
    finding
}

/// Formats of entries of file systems.
const ENTRIES: [&str; 8] = ["file", "dir", "entry", "link", "device", "whiteout", "fifo", "socket"];

fn waivers<'a>(terms: &'a Terms<'_>) -> BTreeMap<(&'a str, &'a str), Vec<&'a Waiver>> {
    let mut waivers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for &waiver in &terms.waivers {
        waivers.entry((waiver.finding.as_str(), waiver.path.as_str())).or_default().push(waiver);
    }
    waivers
}

fn written(reference: &ImageReference) -> Vec<Span> {
    let parts = reference.layout.iter().filter(|layout| layout.written).map(|layout| layout.part.span);
    let mut written: Vec<_> = parts.collect();
    written.sort();
    written
}

/// Paths of regions that encode something, or around measured ones.
fn containers(tree: &Tree) -> BTreeSet<&str> {
    let mut ids = BTreeSet::new();
    for region in tree.regions() {
        if region.encodes.is_some() {
            ids.insert(region.id);
        }
        if region.measured {
            for above in tree.ancestors(region.id) {
                // Whatever lies further out has been entered along with it.
                if !ids.insert(above.id) && above.encodes.is_none() {
                    break;
                }
            }
        }
    }
    ids.into_iter().map(|id| tree.path(id)).collect()
}

/// A path and every path around it, from the outside in.
pub(crate) fn beginnings(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| path.get(..end))
}

/// Each space of the reference once. Regions of one stand behind each other for the most part.
fn spaces(reference: &ImageReference) -> BTreeSet<&str> {
    let runs = reference.regions.chunk_by(|one, other| one.space == other.space);
    runs.filter_map(|run| run.first()).map(|region| region.space.as_str()).collect()
}

/// Who answers for each path of the reference, and for what lies around it: the first who is named there.
fn suppliers(reference: &ImageReference) -> BTreeMap<&str, &str> {
    let mut suppliers = BTreeMap::new();
    for region in &reference.regions {
        let Some(name) = region.supplier.as_deref() else { continue };
        for scope in beginnings(&region.path).rev() {
            // Whatever lies further out has been entered along with it.
            if suppliers.contains_key(scope) {
                break;
            }
            suppliers.insert(scope, name);
        }
    }
    suppliers
}

/// The class of each leaf: that of the measured region which covers it, else by what its bytes are. A leaf whose stream
/// was opened is counted where it is opened.
fn classes(
    tree: &Tree,
    of: impl Fn(&Region, &Region) -> Option<(Class, Option<Basis>)>,
) -> BTreeMap<RegionId, (Class, Option<Basis>)> {
    let class = |leaf: &Region| {
        if leaf.encodes.is_some() {
            return (Class::Opened, None);
        }
        let known = covering(tree, leaf).and_then(|region| of(region, leaf));
        known.unwrap_or_else(|| (Class::unreferenced(leaf), None))
    };
    tree.leaves().map(|leaf| (leaf.id, class(leaf))).collect()
}

/// The measured region that covers a leaf. It lies in the leaf's own space: what the space is decoded from is another
/// matter.
pub(crate) fn covering<'t>(tree: &'t Tree, leaf: &'t Region) -> Option<&'t Region> {
    let around = core::iter::once(leaf).chain(tree.ancestors(leaf.id));
    around.take_while(|region| region.space == leaf.space).find(|region| region.measured)
}

/// A value as the manifest writes it.
#[must_use]
pub fn json_of(value: &Value) -> Json {
    match value {
        Value::Uint(number) if *number <= MAX_NUMBER => Json::Uint(*number),
        Value::Flag(flag) => Json::Flag(*flag),
        Value::Uint(_) | Value::Text(_) | Value::Bytes(_) => Json::Text(value.display()),
    }
}

/// A span as people read it.
pub(crate) fn place(space: &str, span: Span) -> String {
    format!("{space} {:#x}+{:#x}", span.offset, span.length)
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&MORE, &WAIVER_ANOTHER_VALUE, &WAIVER_CANNOT, &WAIVER_ENDED];

/// Findings of a kind that are counted and not listed.
pub static MORE: Kind = Kind {
    id: "finding/more",
    family: Family::Finding,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{count} more findings of the kind {id} are not listed.",
    japanese: "{id} の所見が他に {count} 件有る(省略)。",
    next: Text::new("Those listed come first.", "掲載分から確認する。"),
    between: None,
};

/// A waiver that names another value than was found.
pub static WAIVER_ANOTHER_VALUE: Kind = Kind {
    id: "waiver/another-value",
    family: Family::Waiver,
    severity: Severity::Low,
    effect: Effect::Nothing,
    english: "A waiver of {waived} names this place and another value; it covers what it names, and nothing else.",
    japanese: "{waived} の免除はこの箇所を指すが、値が異なるため適用されない。",
    next: Text::new(
        "Check the value; waive it anew only if you know where it comes from.",
        "値を確認する。由来が分かる場合のみ改めて免除する。",
    ),
    between: None,
};

/// A waiver of what cannot be waived there.
pub static WAIVER_CANNOT: Kind = Kind {
    id: "waiver/cannot",
    family: Family::Waiver,
    severity: Severity::Low,
    effect: Effect::Nothing,
    english: "A waiver of {waived} names this place, and that kind of finding cannot be waived there: it is no single component.",
    japanese: "{waived} の免除はこの箇所を指すが、単一の部品ではないため免除できない。",
    next: Text::new("Waive what differs inside, value by value.", "内部の相違を値ごとに免除する。"),
    between: None,
};

/// A waiver that has ended.
pub static WAIVER_ENDED: Kind = Kind {
    id: "waiver/ended",
    family: Family::Waiver,
    severity: Severity::Low,
    effect: Effect::Nothing,
    english: "A waiver of {waived} names this place; it ended on {until}.",
    japanese: "{waived} の免除はこの箇所を指すが、{until} に終了している。",
    next: Text::new("Decide anew.", "改めて判断する。"),
    between: None,
};
