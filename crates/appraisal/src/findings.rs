//! What has been found of one image so far, less what the policy waives.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Gather as _, Role, Span, Tree};
use kiwame_trust::policy::Waiver;

use crate::case::beginnings;
use crate::kind::{Effect, Family, Kind, Severity, Text};
use crate::kinds::{AROUND_WAIVED, ATTRIBUTES, FORM_DIFFERS, REENCODED};
use crate::{Finding, Terms};

/// The findings of one image. Whoever finds something says so to [`Findings::report`].
#[derive(Debug)]
pub struct Findings<'a> {
    terms: &'a Terms<'a>,
    list: Vec<Finding>,
    counts: BTreeMap<(&'static str, Effect), u64>,
    /// Paths around every finding that refutes.
    refuted: BTreeSet<String>,
    /// Waivers by finding and path.
    waivers: BTreeMap<(&'a str, &'a str), Vec<&'a Waiver>>,
    /// Paths of regions that encode something or hold measured parts; looked up where the policy waives anything.
    containers: BTreeSet<&'a str>,
    /// Path and place of what the policy's waivers cover, value by value.
    waived: BTreeSet<(String, u64)>,
    /// Paths around what waivers cover.
    waived_below: BTreeSet<String>,
    /// How often a waiver of that finding, path and value has been used.
    spent: BTreeMap<(&'static str, String, String), usize>,
    /// How many findings lost their effect to a waiver.
    by_policy: u64,
}

impl<'a> Findings<'a> {
    /// Nothing is found yet.
    #[must_use]
    pub fn of(tree: &'a Tree, terms: &'a Terms<'a>) -> Self {
        let waivers = waivers(terms);
        let any = !waivers.is_empty() || !terms.ended.is_empty();
        Self {
            terms,
            list: Vec::new(),
            counts: BTreeMap::new(),
            refuted: BTreeSet::new(),
            waivers,
            containers: if any { containers(tree) } else { BTreeSet::new() },
            waived: BTreeSet::new(),
            waived_below: BTreeSet::new(),
            spent: BTreeMap::new(),
            by_policy: 0,
        }
    }

    /// What has been found so far.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }

    /// True when nothing that was found keeps the image from affirming.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.iter().all(|finding| finding.effect() == Effect::Nothing)
    }

    /// True when a finding about something below a path refutes the image.
    #[must_use]
    pub fn is_refuted_below(&self, path: &str) -> bool {
        self.refuted.contains(path)
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
            self.list.push(finding);
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
                self.by_policy = self.by_policy.saturating_add(1);
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
        let last = kiwame_image::segments(&finding.path).last().and_then(Role::of_step);
        let entry = last.is_some() && finding.actual.is_some();
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
        !finding.is_defect() && self.containers.contains(finding.path.as_str())
    }

    /// Adds what was found by looking at the tree alone, all of it: it is nobody's who could waive it.
    pub(crate) fn extend(&mut self, hunted: Vec<Finding>) {
        self.list.extend(hunted);
    }

    /// How many findings lost their effect to a waiver.
    pub(crate) fn by_policy(&self) -> u64 {
        self.by_policy
    }

    /// True when a waiver covers anything, with its value.
    pub(crate) fn has_waived(&self) -> bool {
        !self.waived.is_empty()
    }

    /// All of them, when every check has had its say.
    pub(crate) fn close(mut self) -> Vec<Finding> {
        self.report_idle_waivers();
        self.report_uncounted();
        self.list
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
            let found = self.list.iter().find(about)?;
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
                self.list.push(Finding::new(&MORE).arg("count", more).arg("id", id));
            }
        }
    }
}

fn waivers<'a>(terms: &'a Terms<'_>) -> BTreeMap<(&'a str, &'a str), Vec<&'a Waiver>> {
    let mut waivers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for &waiver in &terms.waivers {
        waivers.entry((waiver.finding.as_str(), waiver.path.as_str())).or_default().push(waiver);
    }
    waivers
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
    ids.into_iter().map(|id| tree.path(id)).into_set()
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
