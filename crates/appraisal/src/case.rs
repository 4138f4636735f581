//! One image against one reference: what is compared, and what has been found so far.

use core::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Content, Region, RegionId, Span, Tree, Value};
use kiwame_trust::Rule;
use kiwame_trust::json::{Json, MAX_NUMBER};
use kiwame_trust::manifest::{ImageReference, Manifest, ReferenceRegion};

use crate::{Basis, CHECKS, Class, Effect, Finding, Verdict};

/// How a measured region stands to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// No reference value has its path, or all that do are taken.
    Nothing,
    /// The bytes equal that reference value.
    Bytes(usize),
    /// That reference value is meant, and the bytes differ.
    Differs(usize),
    /// The bytes differ, the content is equal (RULES 2).
    Content(usize),
    /// The manifest lets it differ, and it keeps to the rule.
    Mutable,
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
    /// The policy's rule for this product.
    pub rule: &'a Rule,
    /// How each measured region stands to the reference.
    pub matches: BTreeMap<RegionId, Match>,
    /// Reference values that no region has taken.
    pub unmatched: Vec<usize>,
    /// Paths of all reference values, for [`Case::lists`].
    paths: OnceCell<BTreeSet<&'a str>>,
    /// Paths of the spaces that the reference opens: those of its streams.
    pub spaces: BTreeSet<&'a str>,
    /// Regions whose bytes would do and that do not pass: under a mutable rule that they do not keep to, or with other
    /// facts than the reference has.
    pub outside: BTreeSet<RegionId>,
    /// Streams whose content could not be looked at because a limit was hit.
    pub limited: Vec<RegionId>,
    suppliers: BTreeMap<&'a str, &'a str>,
    /// What has been found; see [`Case::report`].
    pub findings: Vec<Finding>,
    counts: BTreeMap<(String, Effect), u64>,
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
}

/// Compares an image with its reference and judges.
#[must_use]
pub fn appraise(tree: &Tree, manifest: &Manifest, reference: &ImageReference, rule: &Rule) -> Assessment {
    let mut case = Case {
        tree,
        manifest,
        reference,
        rule,
        matches: BTreeMap::new(),
        unmatched: Vec::new(),
        paths: OnceCell::new(),
        spaces: spaces(reference),
        outside: BTreeSet::new(),
        limited: Vec::new(),
        suppliers: suppliers(reference),
        findings: Vec::new(),
        counts: BTreeMap::new(),
    };
    for check in CHECKS {
        check.run(&mut case);
    }
    case.report_uncounted();
    let classes = case.classes();
    let verdict = Verdict::of(&case.findings);
    Assessment { classes, findings: case.findings, verdict }
}

/// Classes and defects of an image that nothing is compared with.
#[must_use]
pub fn inspect(tree: &Tree) -> Assessment {
    let mut findings = crate::checks::limits(tree);
    findings.extend(tree.defects().iter().map(|defect| crate::checks::defect(tree, defect)));
    let classes = classes(tree, |_| None);
    let verdict = Verdict::of_inspection(&findings);
    Assessment { classes, findings, verdict }
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
        let all = || self.reference.regions.iter().map(|region| region.path.as_str()).collect();
        self.paths.get_or_init(all).contains(path)
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

    /// Adds a finding. Of one kind a thousand are kept; the rest are counted, and decide nothing that these do not.
    pub fn report(&mut self, finding: Finding) {
        let count = self.counts.entry((finding.id.clone(), finding.effect())).or_default();
        *count = count.saturating_add(1);
        if *count <= Self::KEPT {
            self.findings.push(finding);
        }
    }

    /// Says how many findings of each kind were counted only.
    fn report_uncounted(&mut self) {
        for ((id, _), count) in core::mem::take(&mut self.counts) {
            let more = count.saturating_sub(Self::KEPT);
            if more > 0 {
                self.findings.push(Finding::new("finding/more").arg("count", more).arg("id", id));
            }
        }
    }

    /// A finding about a region of the image.
    #[must_use]
    pub fn about(&self, id: &str, region: &Region) -> Finding {
        let path = self.tree.path(region.id);
        let finding = Finding::new(id).at(path, self.tree.space_path(region.space), region.span);
        self.describe(finding, region.kind, crate::reference::display_name(self.tree, region))
    }

    /// A finding about a reference value that the image does not have.
    #[must_use]
    pub fn about_wanted(&self, id: &str, wanted: &ReferenceRegion) -> Finding {
        let finding = Finding::new(id).at(&wanted.path, &wanted.space, wanted.span);
        self.describe(finding, &wanted.kind, wanted.name.clone())
    }

    fn describe(&self, mut finding: Finding, kind: &str, name: Option<String>) -> Finding {
        finding.supplier = self.supplier(&finding.path);
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

    fn classes(&self) -> BTreeMap<RegionId, (Class, Option<Basis>)> {
        let within = |region: &RegionId| !self.outside.contains(region);
        classes(self.tree, |region| match self.matches.get(&region).filter(|_| within(&region)) {
            Some(Match::Bytes(_)) => Some((Class::Matched, Some(Basis::Bytes))),
            Some(Match::Content(_)) => Some((Class::Matched, Some(Basis::Content))),
            Some(Match::Mutable) => Some((Class::Mutable, None)),
            Some(Match::Differs(_) | Match::Nothing) | None => None,
        })
    }
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

/// The class of each leaf: that of the measured region which covers it, else by what its bytes are. A leaf that
/// encodes a stream has at best the worst class of what it decodes to; fill inside it is no worse than matched.
fn classes(
    tree: &Tree,
    of: impl Fn(RegionId) -> Option<(Class, Option<Basis>)>,
) -> BTreeMap<RegionId, (Class, Option<Basis>)> {
    let mut classes = BTreeMap::new();
    let mut worst: BTreeMap<kiwame_image::SpaceId, Class> = BTreeMap::new();
    let leaves: Vec<_> = tree.leaves().collect();
    // Backwards: what a stream decodes to comes behind it in pre-order.
    for leaf in leaves.into_iter().rev() {
        // The measured region that covers it lies in its own space: what the space is decoded from is another matter.
        let around = core::iter::once(leaf).chain(tree.ancestors(leaf.id));
        let covering = around.take_while(|region| region.space == leaf.space).find(|region| region.measured);
        let covering = covering.and_then(|region| of(region.id));
        let mut class = match covering {
            Some(_) if leaf.content == Content::Fill => (Class::Fill, None),
            Some(class) => class,
            None => (Class::unreferenced(leaf), None),
        };
        if let Some(inner) = leaf.encodes.and_then(|space| worst.get(&space)) {
            let inner = if *inner == Class::Fill { Class::Matched } else { *inner };
            let known = covering.map_or(Class::Matched, |(class, _)| class);
            let bound = inner.max(known);
            if covering.is_none() || bound > class.0 {
                let bound = if covering.is_none() { bound.max(Class::Parsed) } else { bound };
                class = (bound, None);
            }
        }
        let space = worst.entry(leaf.space).or_insert(Class::Matched);
        *space = (*space).max(if class.0 == Class::Fill { Class::Matched } else { class.0 });
        classes.insert(leaf.id, class);
    }
    classes
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
