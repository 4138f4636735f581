//! One image against one reference: what is compared, and how the regions stand to it.

use core::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{Arrange as _, Content, Gather as _, Region, RegionId, SpaceId, Span, Tree, Value, fact};
use kiwame_trust::Rule;
use kiwame_trust::json::{Json, MAX_NUMBER};
use kiwame_trust::manifest::{Coverage, ImageReference, Manifest, ReferenceRegion, path_within};
use kiwame_trust::policy::Waiver;
use kiwame_trust::rules::MutableRule;

use crate::kind::Kind;
use crate::reference::is_fill;
use crate::{Basis, CHECKS, Check, Class, Finding, Findings, SETTLERS, Settler, Verdict, hunts};

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
    /// Where the image may differ: the maker's rules, and behind them the buyer's own.
    pub rules: Rc<[&'a MutableRule]>,
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
    /// Regions that the buyer's settings have judged.
    pub set: BTreeSet<RegionId>,
    /// Regions whose facts have been compared with those of their reference value.
    pub compared: BTreeSet<RegionId>,
    /// What an acceptance would leave to somebody's word.
    pub exceptions: Exceptions,
    /// A container was packed anew, and its normal form was not made in this run.
    pub wants_forms: bool,
    suppliers: BTreeMap<&'a str, &'a str>,
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

impl Assessment {
    /// Paths of the files that are not the reference's and that were left in one piece.
    #[must_use]
    pub fn closed(&self, tree: &Tree) -> Vec<String> {
        let matched =
            |leaf: &Region| self.classes.get(&leaf.id).is_some_and(|(class, _)| *class == Class::Matched);
        let closed = tree.leaves().filter(|leaf| leaf.content == Content::Closed && !matched(leaf));
        closed.map(|leaf| tree.path_of(leaf.id)).collect()
    }
}

/// Compares an image with its reference and judges.
#[must_use]
pub fn appraise(
    tree: &Tree,
    manifest: &Manifest,
    reference: &ImageReference,
    terms: &Terms<'_>,
) -> Assessment {
    appraise_by(SETTLERS, CHECKS, tree, manifest, reference, terms)
}

/// By some of the settlers and checks; the last gate stands behind any of them.
pub(crate) fn appraise_by(
    settlers: &[Settler],
    checks: &[Check],
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
        rules: manifest.mutable.iter().chain(&terms.rule.mutable).collect(),
        matches: BTreeMap::new(),
        unmatched: Vec::new(),
        paths: OnceCell::new(),
        spaces: spaces(reference),
        outside: BTreeSet::new(),
        limited: hunts::limits::shut(tree),
        vanished: false,
        accepted: BTreeSet::new(),
        set: BTreeSet::new(),
        compared: BTreeSet::new(),
        exceptions: Exceptions::default(),
        wants_forms: false,
        suppliers: suppliers(reference),
        written: written(reference),
        shut: OnceCell::new(),
    };
    let mut found = Findings::of(tree, terms);
    found.extend(hunts::hunt(tree));
    for settler in settlers {
        (settler.settle)(&mut case, &mut found);
    }
    let case = case;
    for check in checks {
        (check.look)(&case, &mut found);
    }
    let classes = case.classes();
    crate::gate::close(&case, &classes, &mut found);
    let by_policy = case.exceptions.by_policy.saturating_add(found.by_policy());
    let findings = found.close();
    let verdict = Verdict::of(&findings);
    let gone = missing_bytes(&case);
    Assessment {
        classes,
        findings,
        verdict,
        exceptions: Exceptions { by_policy, ..case.exceptions },
        wants_forms: case.wants_forms,
        added: case
            .matches
            .iter()
            .filter(|(_, outcome)| **outcome == Match::Nothing)
            .map(|(id, _)| *id)
            .into_set(),
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
    let mut findings = hunts::hunt(tree);
    findings.extend(tree.defects().iter().map(|defect| crate::checks::defects::finding(tree, defect)));
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
    /// True for a rule of the buyer's own, by its number.
    pub(crate) fn is_buyers(&self, rule: usize) -> bool {
        rule >= self.manifest.mutable.len()
    }

    /// The rules that reach a path, the maker's and the buyer's own: all of them must hold.
    pub(crate) fn rules_for<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'a MutableRule> + 'p {
        self.rules.iter().copied().filter(move |rule| path_within(path, &rule.path))
    }

    /// True for what lies in a store of which the buyer says what is set in it.
    fn is_beside_settings(&self, path: &str) -> bool {
        let around = |path: &str| path.rsplit_once('/').map(|(around, _)| around.to_owned());
        let mine = around(path);
        mine.is_some() && self.terms.rule.settings.iter().any(|setting| around(&setting.path) == mine)
    }

    /// Counts what differs within the rule of that number, by whose word.
    pub(crate) fn allowed(&mut self, rule: usize, count: u64) {
        let is_buyers = self.is_buyers(rule);
        let Exceptions { by_rule, by_policy, .. } = &mut self.exceptions;
        let sum = if is_buyers { by_policy } else { by_rule };
        *sum = sum.saturating_add(count);
    }

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

    /// The first reference value of that path.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&'a ReferenceRegion> {
        self.paths().get(path).and_then(|&index| self.wanted(index))
    }

    /// The first reference value of each path.
    fn paths(&self) -> &BTreeMap<&'a str, usize> {
        self.paths.get_or_init(|| {
            let regions = self.reference.regions.iter().enumerate().rev();
            regions.map(|(index, region)| (region.path.as_str(), index)).into_map()
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
            let regions: BTreeSet<_> = self.tree.limits_hit().iter().map(|&(_, region)| region).into_set();
            let is_whole =
                |id: &RegionId| self.tree.region(*id).is_some_and(|region| region.parent.is_none());
            Shut {
                whole: regions.iter().any(is_whole),
                paths: regions.iter().map(|&id| self.tree.path(id)).into_set(),
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

    /// True when the reference has regions in what the region of that path decodes to.
    #[must_use]
    pub fn encodes(&self, path: &str) -> bool {
        self.spaces.contains(path)
    }

    /// The measured regions, in pre-order.
    pub fn measured(&self) -> impl Iterator<Item = &'a Region> + use<'a> {
        self.tree.regions().filter(|region| region.measured)
    }

    /// True for a place that the device itself writes to: the manifest says so of the partition, or a rule reaches it.
    #[must_use]
    pub fn is_written(&self, region: &Region) -> bool {
        let path = self.tree.path(region.id);
        if self.rules_for(path).next().is_some() || self.is_beside_settings(path) {
            return true;
        }
        let span = image_span(self.tree, region);
        let at = self.written.partition_point(|part| part.offset <= span.offset);
        at.checked_sub(1).and_then(|at| self.written.get(at)).is_some_and(|part| part.contains(span))
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
        let before = known.and_then(|wanted| wanted.attributes.of(&fact::VALUE)).cloned();
        let finding = valued(finding, before, region.fact(&fact::VALUE).map(json_of));
        self.describe(finding, region.kind, crate::reference::display_name(self.tree, region))
    }

    /// A finding about a reference value that the image does not have.
    #[must_use]
    pub fn about_wanted(&self, kind: &'static Kind, wanted: &'a ReferenceRegion) -> Finding {
        let mut finding = Finding::new(kind).at(&wanted.path, wanted.space(), wanted.span);
        if wanted.space() != "image" {
            let find = |path: &str| self.paths().get(path).and_then(|&index| self.wanted(index));
            let around: Vec<_> = crate::reference::streams_around(wanted, find).collect();
            finding.image = around
                .last()
                .filter(|outermost| outermost.space() == "image")
                .map(|outermost| outermost.span);
            finding.within =
                around.first().map(|encoder| encoder.name.clone().unwrap_or_else(|| encoder.kind.clone()));
        }
        finding.runs = wanted.is_executable();
        let finding = valued(finding, wanted.attributes.of(&fact::VALUE).cloned(), None);
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

fn written(reference: &ImageReference) -> Vec<Span> {
    let parts = reference.layout.iter().filter(|layout| layout.written).map(|layout| layout.part.span);
    let mut written: Vec<_> = parts.collect();
    written.arrange();
    written
}

/// A path and every path around it, from the outside in.
pub(crate) fn beginnings(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| path.get(..end))
}

/// Each space of the reference once. Regions of one stand behind each other for the most part.
fn spaces(reference: &ImageReference) -> BTreeSet<&str> {
    let runs = reference.regions.chunk_by(|one, other| one.space() == other.space());
    runs.filter_map(|run| run.first()).map(|region| region.space()).into_set()
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
    tree.leaves().map(|leaf| (leaf.id, class(leaf))).into_map()
}

/// The measured region that covers a leaf. It lies in the leaf's own space: what the space is decoded from is another
/// matter, unless that is compared as one whatever is found in it.
pub(crate) fn covering<'t>(tree: &'t Tree, leaf: &'t Region) -> Option<&'t Region> {
    let around = core::iter::once(leaf).chain(tree.ancestors(leaf.id));
    let mut around = around.skip_while(|region| !region.measured);
    around.next().filter(|region| region.space == leaf.space || region.shown)
}

/// A value as the manifest writes it.
#[must_use]
pub fn json_of(value: &Value) -> Json {
    match value {
        Value::Uint(number) if *number <= MAX_NUMBER => Json::Uint(*number),
        Value::Flag(flag) => Json::Flag(*flag),
        Value::Uint(_) | Value::Text(_) | Value::Bytes(_) | Value::Places(_) => Json::Text(value.display()),
    }
}

/// A span as people read it.
pub(crate) fn place(space: &str, span: Span) -> String {
    format!("{space} {:#x}+{:#x}", span.offset, span.length)
}

#[cfg(test)]
mod tests {
    use kiwame_image::LimitKind;
    use kiwame_trust::manifest::Supplier;
    use kiwame_trust::rules::Mutable;

    use super::*;
    use crate::testing::{Piece, Trial, accept, around, fill, key, piece, said, stream, tree};
    use crate::{Effect, Tier};

    fn packed(content: &str) -> [Piece; 2] {
        let inner = stream("xz:1", "yy", [piece("a:1", content).with(&fact::VALUE, content)]).name("inner");
        [piece("pad:0", "pad!"), stream("gz:1", "xx", [piece("b:2", "bb"), inner])]
    }

    const DEEP: &str = "gz:1/decoded:content/xz:1/decoded:content/a:1";

    #[test]
    fn a_finding_says_where_in_the_image_and_within_what_it_lies() {
        let finding = Trial::of(&packed("good")).judge(&packed("evil")).findings[0].clone();
        assert_eq!((&*finding.path, &*finding.space), (DEEP, "gz:1/decoded:content/xz:1"));
        assert_eq!((finding.image, finding.within.as_deref()), (Some(Span::new(4, 2)), Some("inner")));
        let values = ["before", "after"].map(|name| &*finding.args[name]);
        assert_eq!((values, &*finding.args["kind"], finding.is_new), (["good", "evil"], "a", false));
        let plain = Trial::of(&[piece("a:1", "one!")]).judge(&[piece("a:1", "1111")]).findings[0].clone();
        assert_eq!((plain.image, plain.within), (None, None));
        assert!(!plain.args.contains_key("before") && !plain.args.contains_key("after"));
    }

    #[test]
    fn what_is_missing_says_where_it_was() {
        let [pad, _] = packed("good");
        let without =
            [pad, stream("gz:1", "xx", [piece("b:2", "bb"), stream("xz:1", "yy", [piece("n:0", "x")])])];
        let findings = Trial::of(&packed("good")).judge(&without).findings;
        let removed = findings.iter().find(|finding| finding.id() == "component/removed").unwrap();
        assert_eq!((&*removed.path, removed.image), (DEEP, Some(Span::new(4, 2))));
        assert_eq!(removed.within.as_deref(), Some("inner"));
        assert_eq!(removed.args.get("before").map(String::as_str), Some("good"));
        let new = findings.iter().find(|finding| finding.id() == "component/added").unwrap();
        assert!(new.is_new && !new.runs);
        assert_eq!(new.within.as_deref(), Some("xz"));
    }

    #[test]
    fn what_runs_and_what_guards_is_told() {
        let judge = |image: [Piece; 1]| Trial::of(&[piece("z:1", "zzzz")]).judge(&image).findings[0].clone();
        let told = |image| judge(image).is_put_in();
        assert!(told([piece("a:1", "evil").is(&fact::EXECUTABLE)]));
        assert!(told([piece("a:1", "evil").is(&fact::TRUST_ANCHOR)]));
        assert!(told([around("box:1", [piece("a:1", "evil")]).is(&fact::BOOT_ENTRY)]));
        assert!(!told([piece("a:1", "evil")]));
        let gone = Trial::of(&[piece("a:1", "evil").is(&fact::EXECUTABLE)]).judge(&[piece("z:1", "zzzz")]);
        assert!(gone.findings.iter().any(|finding| finding.runs && finding.id() == "component/removed"));
    }

    #[test]
    fn who_answers_is_the_one_who_is_named_nearest() {
        let image =
            |bytes: &str| [around("box:1", [piece("a:1", bytes), piece("b:2", bytes)]), piece("c:3", bytes)];
        let mut trial = Trial::of(&image("good"));
        let names = [("box:1/a:1", "Inner"), ("box:1", "Outer")]
            .map(|(path, name)| (path.to_owned(), name.to_owned()));
        trial.reference.regions = crate::reference_regions(&tree(&image("good")), &names);
        trial.manifest.suppliers = [("Other", "no@"), ("Inner", "in@")]
            .map(|(name, contact)| Supplier { name: name.to_owned(), contact: Some(contact.to_owned()) })
            .to_vec();
        let findings = trial.judge(&image("evil")).findings;
        let who = |path: &str| {
            let finding = findings.iter().find(|finding| finding.path == path).unwrap();
            (finding.supplier.clone(), finding.contact.clone())
        };
        assert_eq!(who("box:1/a:1"), (Some("Inner".to_owned()), Some("in@".to_owned())));
        assert_eq!(who("box:1/b:2"), (Some("Outer".to_owned()), None));
        assert_eq!(who("c:3"), (None, None));
    }

    #[test]
    fn a_leaf_has_the_class_of_what_covers_it() {
        let of = |first: &str| [around("box:1", [piece("a:1", first), piece("b:2", "two!")]).component()];
        let classes =
            |trial: &Trial, image: &[Piece]| -> Vec<_> { trial.judge(image).classes.into_values().collect() };
        let matched = (Class::Matched, Some(Basis::Bytes));
        assert_eq!(classes(&Trial::of(&of("one!")), &of("one!")), [matched, matched]);
        let differs = (Class::Differs, None);
        assert_eq!(classes(&Trial::of(&of("one!")), &of("1111")), [differs, differs]);
    }

    #[test]
    fn a_leaf_without_a_reference_value_differs_where_all_are_listed() {
        let base = || piece("a:1", "one!");
        let class = |complete: bool, more: Piece| {
            let trial = Trial::of(&[base()]);
            let trial = if complete { trial } else { trial.partial() };
            trial.judge(&[base(), more]).classes.into_values().next_back().unwrap().0
        };
        let new = || piece("n:1", "new!");
        assert_eq!((class(true, new()), class(false, new())), (Class::Differs, Class::Parsed));
        assert_eq!(class(false, new().content(Content::Unknown)), Class::Unexplained);
        assert_eq!((class(true, fill("n:1", 4)), class(false, fill("n:1", 4))), (Class::Fill, Class::Fill));
    }

    #[test]
    fn erased_space_is_erased_unless_the_reference_has_content_there() {
        let class = |genuine: Piece| {
            Trial::of(&[genuine]).judge(&[fill("x:0", 4)]).classes.into_values().next().unwrap().0
        };
        assert_eq!(class(fill("x:0", 4)), Class::Fill);
        assert_eq!(class(fill("x:0", 8)), Class::Fill);
        assert_eq!(class(piece("x:0", "data")), Class::Differs);
    }

    #[test]
    fn an_opened_stream_is_counted_inside() {
        let classes = Trial::of(&packed("good")).judge(&packed("good")).classes;
        let count = |wanted| classes.values().filter(|(class, _)| *class == wanted).count();
        assert_eq!((count(Class::Opened), count(Class::Matched)), (2, 3));
    }

    #[test]
    fn what_is_shown_is_compared_as_one() {
        let of = |content: &str| {
            let packed = stream("gz:1", "xx", [piece("a:1", content)]);
            [around("box:1", [packed]).shown(), piece("b:2", "two!")]
        };
        let trial = Trial::of(&of("good"));
        assert_eq!(trial.reference.regions.len(), 2);
        let classes: Vec<_> =
            trial.judge(&of("evil")).classes.into_values().map(|(class, _)| class).collect();
        assert_eq!(classes, [Class::Matched, Class::Opened, Class::Matched]);
    }

    #[test]
    fn what_is_missing_is_counted_without_erased_space_and_what_is_packed() {
        let genuine = [
            piece("a:1", "one!"),
            piece("b:2", "two"),
            fill("fill:0", 9),
            stream("gz:1", "xxxxx", [piece("c:3", "see")]),
        ];
        let assessment = Trial::of(&genuine).judge(&[piece("a:1", "one!")]);
        assert_eq!(assessment.missing_bytes, 6);
        let added = Trial::of(&[piece("a:1", "one!")]).judge(&genuine);
        assert_eq!(added.added.len(), 4);
        assert_eq!((added.missing_bytes, added.missing.len()), (0, 0));
    }

    #[test]
    fn files_left_in_one_piece_are_told_unless_they_are_the_references() {
        let of = |bytes: &str| [piece("a:1", bytes).content(Content::Closed), piece("b:2", bytes)];
        let closed = |image: &[Piece]| {
            let tree = tree(image);
            Trial::of(&of("good")).judge_tree(&tree).closed(&tree)
        };
        assert_eq!(closed(&of("evil")), ["a:1"]);
        assert_eq!(closed(&of("good")), [""; 0]);
    }

    #[test]
    fn the_device_writes_in_what_the_manifest_says_and_what_a_rule_reaches() {
        let of = |sizes: [usize; 2]| {
            let part = |step, size| around(step, [piece("x:1", "x"), fill("fill:0", size)]);
            [part("partition:a", sizes[0]), part("partition:b", sizes[1])]
        };
        let resized = |trial: Trial| {
            let told = trial.says(&of([5, 3]));
            ["a", "b"].map(|name| told.contains(&format!("fill/resized partition:{name}/fill:0")))
        };
        let trial = || Trial::of(&of([4, 4]));
        assert_eq!(resized(trial()), [true, true]);
        assert_eq!(resized(trial().layout("a", (0, 6), true)), [false, true]);
        assert_eq!(resized(trial().layout("a", (0, 5), true)), [true, true]);
        assert_eq!(resized(trial().layout("b", (6, 4), true).layout("a", (0, 6), true)), [false, false]);
        assert_eq!(resized(trial().layout("a", (0, 6), false)), [true, true]);
        assert_eq!(resized(trial().ruled("partition:b", Mutable::Erased)), [true, false]);
    }

    #[test]
    fn what_lies_behind_a_limit_is_not_missing_and_a_limit_of_the_image_hides_all() {
        let genuine = [around("box:1", [piece("a:1", "one!")]), piece("b:2", "two!")];
        let cut = [around("box:1", [piece("r:0", "one!")]).limit(LimitKind::Nodes), piece("b:2", "two!")];
        assert_eq!(Trial::of(&genuine).says(&cut), ["limit/hit box:1"]);
        let more = [genuine[0].clone(), piece("b:2", "two!"), piece("box:2", "x")];
        let told = Trial::of(&more).says(&cut);
        assert!(told.contains(&"component/removed box:2".to_owned()), "{told:?}");
    }

    #[test]
    fn values_are_written_as_manifests_have_them() {
        assert_eq!(json_of(&Value::Uint(7)), Json::Uint(7));
        assert_eq!(json_of(&Value::Uint(MAX_NUMBER)), Json::Uint(MAX_NUMBER));
        assert_eq!(json_of(&Value::Uint(MAX_NUMBER + 1)), Json::Text(format!("{:#x}", MAX_NUMBER + 1)));
        assert_eq!(json_of(&Value::Flag(true)), Json::Flag(true));
        assert_eq!(json_of(&Value::from(&b"\xab"[..])), Json::Text("ab".to_owned()));
        assert_eq!(place("image", Span::new(16, 32)), "image 0x10+0x20");
        assert_eq!(beginnings("a:1/b:2/c:3").collect::<Vec<_>>(), ["a:1", "a:1/b:2", "a:1/b:2/c:3"]);
    }

    #[test]
    fn an_inspection_compares_nothing() {
        static ODD: kiwame_image::DefectKind = kiwame_image::DefectKind::ambiguous("toy/odd");
        let image = tree(&[piece("a:1", "one!").defect(&ODD, 1), fill("fill:0", 4)]);
        let assessment = inspect(&image);
        assert_eq!(said(&assessment), ["toy/odd a:1"]);
        assert_eq!((assessment.verdict.tier, assessment.verdict.exit), (Tier::None, 0));
        let classes: Vec<_> = assessment.classes.into_values().collect();
        assert_eq!(classes, [(Class::Parsed, None), (Class::Fill, None)]);
        let limited = inspect(&tree(&[piece("a:1", "one!").limit(LimitKind::Reads)]));
        assert_eq!((limited.verdict.exit, said(&limited)), (6, vec!["limit/hit a:1".to_owned()]));
        assert!(matches!(limited.findings[0].effect(), Effect::CannotTell(_)));
    }

    #[test]
    fn exceptions_by_policy_are_those_of_waivers_and_those_of_lists() {
        let base = || [piece("a:1", "one!"), piece("k:1", "1").with(&fact::VALUE, "1")];
        let image = [piece("a:1", "1111"), piece("k:1", "2").with(&fact::VALUE, "2"), piece("n:1", "new!")];
        let digest = tree(&image).leaves().next().unwrap().sha256.as_ref().unwrap().hex();
        let mut trial = Trial::of(&base()).partial().waiving("component/modified", "a:1", Some(&digest));
        trial = trial.ruled("k:1", Mutable::Keys(vec![key("1", "digits:1")]));
        trial.rule.accept_partial = accept("n:1", Some(4), &[]);
        let assessment = trial.judge(&image);
        let exceptions = assessment.exceptions;
        assert_eq!((assessment.verdict.exit, exceptions.by_policy, exceptions.by_rule), (0, 2, 1));
    }
}
