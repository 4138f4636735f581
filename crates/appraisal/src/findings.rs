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

#[cfg(test)]
mod tests {
    use kiwame_image::{Content, DefectKind, LimitKind, Span, fact};

    use super::*;
    use crate::kinds::{AMBIGUOUS, MODIFIED};
    use crate::testing::{Piece, Trial, around, fill, piece, stream, tree};
    use crate::{Assessment, Tier};

    fn genuine() -> [Piece; 2] {
        [piece("a:1", "one!"), piece("b:2", "two!").with(&fact::MODE, "0644").with(&fact::UID, 0u8)]
    }

    fn changed() -> [Piece; 2] {
        let [_, second] = genuine();
        [piece("a:1", "1111"), second]
    }

    fn moded(mode: &str, uid: u8) -> [Piece; 2] {
        let [first, _] = genuine();
        [first, piece("b:2", "two!").with(&fact::MODE, mode).with(&fact::UID, uid)]
    }

    /// The value found of the first finding of that id.
    fn value(assessment: &Assessment, id: &str) -> String {
        assessment.findings.iter().find(|finding| finding.id() == id).expect(id).found()
    }

    fn digest_of(image: &[Piece], at: usize) -> String {
        tree(image).leaves().nth(at).unwrap().sha256.as_ref().unwrap().hex()
    }

    #[test]
    fn a_waiver_covers_the_finding_the_place_and_the_value_that_it_names() {
        let digest = digest_of(&changed(), 0);
        let by = |finding, path, found: &str| {
            Trial::of(&genuine()).waiving(finding, path, Some(found)).judge(&changed())
        };
        let waived = by("component/modified", "a:1", &digest);
        assert_eq!(waived.verdict.tier, Tier::Affirming);
        assert_eq!(waived.exceptions.by_policy, 1);
        assert!(waived.findings.iter().any(Finding::is_waived));
        for (finding, path, found) in [
            ("component/added", "a:1", &*digest),
            ("component/modified", "b:2", &digest),
            ("component/modified", "a:1", "00"),
            ("component/modified", "a", &digest),
        ] {
            let refused = by(finding, path, found);
            assert_eq!(refused.verdict.tier, Tier::Contraindicated, "{finding} {path} {found}");
            assert_eq!(refused.exceptions.by_policy, 0);
        }
    }

    #[test]
    fn a_waiver_without_a_value_leaves_a_warning() {
        let trial = Trial::of(&genuine()).waiving("component/modified", "a:1", None);
        let assessment = trial.judge(&changed());
        assert_eq!(assessment.verdict.tier, Tier::Warning);
        assert_eq!(assessment.exceptions.by_policy, 0);
        assert!(trial.affirms(&genuine()));
    }

    #[test]
    fn of_two_waivers_of_one_place_the_one_with_the_value_counts() {
        let digest = digest_of(&changed(), 0);
        for found in [None, Some("00")] {
            let trial = Trial::of(&genuine()).waiving("component/modified", "a:1", found);
            assert!(trial.waiving("component/modified", "a:1", Some(&digest)).affirms(&changed()));
        }
    }

    #[test]
    fn a_fact_is_waived_by_name_and_value_and_one_fact_at_a_time() {
        let trial = Trial::of(&genuine()).waiving("component/attributes", "b:2", Some("mode=0600"));
        assert!(trial.affirms(&moded("0600", 0)));
        assert_eq!(trial.tier(&moded("0666", 0)), Tier::Contraindicated);
        assert_eq!(trial.tier(&moded("0600", 1)), Tier::Contraindicated);
        assert!(trial.waiving("component/attributes", "b:2", Some("uid=1")).affirms(&moded("0600", 1)));
    }

    #[test]
    fn a_waiver_is_spent_on_one_of_several_that_have_one_path() {
        let twins = |bytes: [&str; 2]| bytes.map(|bytes| piece("a:1", bytes));
        let digest = digest_of(&[piece("a:1", "evil")], 0);
        let once = Trial::of(&twins(["one!", "two!"])).waiving("component/modified", "a:1", Some(&digest));
        assert!(once.affirms(&twins(["one!", "evil"])));
        assert_eq!(once.tier(&twins(["evil", "evil"])), Tier::Contraindicated);
        let twice = once.waiving("component/modified", "a:1", Some(&digest));
        assert!(twice.affirms(&twins(["evil", "evil"])));
    }

    #[test]
    fn a_waiver_that_names_another_value_or_has_ended_or_cannot_be_is_told_and_decides_nothing() {
        let idle = |trial: &Trial| {
            let assessment = trial.judge(&changed());
            assert_eq!(assessment.verdict.tier, Tier::Contraindicated);
            let ids = [&WAIVER_ANOTHER_VALUE, &WAIVER_CANNOT, &WAIVER_ENDED];
            let told: Vec<_> =
                assessment.findings.into_iter().filter(|finding| finding.is_of(&ids)).collect();
            told
        };
        let other = idle(&Trial::of(&genuine()).waiving("component/modified", "a:1", Some("00")));
        assert_eq!((other[0].id(), other[0].expected.as_deref()), (WAIVER_ANOTHER_VALUE.id, Some("00")));
        assert_eq!((other[0].actual.clone(), &*other[0].path), (Some(digest_of(&changed(), 0)), "a:1"));

        let mut ended = Trial::of(&genuine()).waiving("component/modified", "a:1", None);
        ended.ended = core::mem::take(&mut ended.waivers);
        let told = idle(&ended);
        assert_eq!((told[0].id(), &*told[0].args["until"]), (WAIVER_ENDED.id, "2026-12-31T00:00:00Z"));
        assert_eq!(told[0].expected, None);
        // Of what was not found nothing is told.
        assert!(idle(&Trial::of(&genuine()).waiving("component/modified", "b:2", Some("00"))).is_empty());
        ended.ended[0].path = "b:2".to_owned();
        assert!(idle(&ended).is_empty());
    }

    #[test]
    fn a_container_is_no_component_and_what_lies_in_it_is() {
        let of = |inner: &str| [around("box:1", [piece("a:1", inner), piece("b:2", "same")]).component()];
        let packed = |bytes, inner: &str| [stream("gz:1", bytes, [piece("a:1", inner)])];
        let digest = digest_of(&packed("zzzzz", "evil"), 0);
        let by = |finding, path, found: &str| {
            Trial::of(&packed("xxxxx", "good")).waiving(finding, path, Some(found))
        };
        let image = packed("zzzzz", "evil");
        let inside = by("component/modified", "gz:1/decoded:content/a:1", &digest_of(&image, 1));
        // The stream around it speaks once what lies in it is waived.
        assert_eq!(inside.tier(&image), Tier::Warning);
        assert!(inside.waiving("encoding/around-waived", "gz:1", Some(&digest)).affirms(&image));
        let without = by("component/modified", "gz:1/decoded:content/a:1", &digest_of(&image, 1));
        assert_eq!(without.waiving("encoding/around-waived", "gz:1", None).tier(&image), Tier::Warning);
        // One that is compared as one holds nothing that is compared: it is a component.
        let found = tree(&of("evil")).regions().find_map(|region| region.sha256.clone()).unwrap().hex();
        let trial = Trial::of(&of("good")).waiving("component/modified", "box:1", Some(&found));
        assert!(trial.affirms(&of("evil")));
    }

    #[test]
    fn what_holds_measured_parts_cannot_be_waived_as_one() {
        let parts = [piece("a:1", "evil").component(), piece("b:2", "same").component()];
        let image = tree(&[around("outer:1", [around("box:1", parts)])]);
        let rule = kiwame_trust::Rule::default();
        let told = |path: &str, ended: bool| {
            let waivers = [crate::testing::waiver("component/modified", path, Some("ab"))];
            let waivers: Vec<_> = waivers.iter().collect();
            let (waivers, ended) = if ended { (Vec::new(), waivers) } else { (waivers, Vec::new()) };
            let terms = Terms { rule: &rule, waivers, ended };
            let mut found = Findings::of(&image, &terms);
            let at = Finding::new(&MODIFIED).at(path, "image", Span::new(0, 8));
            found.report(at.compared(None, "ab".to_owned()));
            found.close().iter().map(|finding| (finding.id(), finding.is_waived())).collect::<Vec<_>>()
        };
        for path in ["outer:1", "outer:1/box:1"] {
            assert_eq!(told(path, false), [(MODIFIED.id, false), (WAIVER_CANNOT.id, false)], "{path}");
            assert_eq!(told(path, true), [(MODIFIED.id, false), (WAIVER_ENDED.id, false)], "{path}");
        }
        assert_eq!(told("outer:1/box:1/a:1", false), [(MODIFIED.id, true)]);
    }

    #[test]
    fn one_waived_absence_leaves_the_others_missing() {
        let genuine = ["a:1", "b:2", "c:3"].map(|step| piece(step, step));
        let trial = Trial::of(&genuine).waiving("component/removed", "b:2", Some(""));
        assert_eq!(trial.judge(&genuine[..1]).missing, [2]);
    }

    #[test]
    fn an_entry_of_a_file_system_is_waived_where_it_is_missing_and_not_where_it_is_new() {
        let entry = || piece("link:l", "name").component();
        let base = || piece("a:1", "one!");
        let added = [base(), entry()];
        let trial = Trial::of(&[base()]).waiving("component/added", "link:l", Some(&digest_of(&added, 1)));
        assert_eq!(trial.tier(&added), Tier::Contraindicated);
        let plain = [base(), piece("x:l", "name").component()];
        let trial = Trial::of(&[base()]).waiving("component/added", "x:l", Some(&digest_of(&plain, 1)));
        assert_ne!(trial.tier(&plain), Tier::Contraindicated);
        let trial = Trial::of(&added).waiving("component/removed", "link:l", Some(""));
        assert_ne!(trial.tier(&[base()]), Tier::Contraindicated);
    }

    static AMBIGUOUS_FIELD: DefectKind = DefectKind::ambiguous("toy/field");

    #[test]
    fn a_defect_of_a_container_is_one_field_and_may_be_waived() {
        let genuine = [stream("gz:1", "xxxx", [piece("a:1", "good")])];
        let [packed] = genuine.clone();
        let image = [packed.defect(&AMBIGUOUS_FIELD, 7)];
        let trial = Trial::of(&genuine);
        assert_eq!(trial.judge(&image).verdict.reasons, ["toy/field"]);
        let found = value(&trial.judge(&image), "toy/field");
        assert!(trial.waiving("toy/field", "gz:1", Some(&found)).affirms(&image));
    }

    #[test]
    fn a_limit_is_nobodys_to_waive() {
        let image = [piece("a:1", "one!").limit(LimitKind::Nodes)];
        let trial = Trial::of(&[piece("a:1", "one!")]).waiving("limit/hit", "a:1", Some(""));
        let assessment = trial.judge(&image);
        assert_eq!((assessment.verdict.tier, assessment.verdict.exit), (Tier::None, 6));
        assert!(assessment.findings.iter().any(|finding| finding.is_of(&[&WAIVER_CANNOT])));
    }

    #[test]
    fn a_thousand_of_one_kind_and_effect_are_kept_and_the_rest_counted() {
        let image = tree(&[piece("a:1", "one!")]);
        let rule = kiwame_trust::Rule::default();
        let terms = Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
        let reported = |count: usize| {
            let mut found = Findings::of(&image, &terms);
            for _ in 0..count {
                found.report(Finding::new(&MODIFIED));
                found.report(Finding::new(&MODIFIED).waived("", ""));
            }
            found.report(Finding::new(&AMBIGUOUS));
            found.close()
        };
        assert_eq!(reported(1000).len(), 2001);
        let more = reported(1003);
        assert_eq!(more.len(), 2003);
        let counted: Vec<_> = more.iter().filter(|finding| finding.is_of(&[&MORE])).collect();
        assert_eq!(counted.iter().map(|finding| &*finding.args["count"]).collect::<Vec<_>>(), ["3", "3"]);
        assert!(counted.iter().all(|finding| finding.args["id"] == MODIFIED.id));
    }

    #[test]
    fn what_refutes_is_known_around_it_and_no_further() {
        let image = tree(&[piece("a:1", "one!")]);
        let rule = kiwame_trust::Rule::default();
        let terms = Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
        let mut found = Findings::of(&image, &terms);
        assert!(found.is_quiet());
        let at = |kind: &'static Kind, path: &str| Finding::new(kind).at(path, "image", Span::new(0, 1));
        found.report(at(&AMBIGUOUS, "w:1/x:2"));
        assert!(!found.is_quiet() && !found.is_refuted_below("w:1"));
        found.report(at(&MODIFIED, "a:1/b:2/c:3"));
        found.report(at(&MODIFIED, "a:1/d:4/e:5"));
        for path in ["a:1", "a:1/b:2", "a:1/d:4"] {
            assert!(found.is_refuted_below(path), "{path}");
        }
        for path in ["a:1/b:2/c:3", "a:1/b", "d:4"] {
            assert!(!found.is_refuted_below(path), "{path}");
        }
    }

    #[test]
    fn erased_space_beside_what_is_waived_is_waived_by_nobody() {
        let genuine = [piece("a:1", "one!"), fill("fill:0", 4)];
        let image = [piece("a:1", "1111"), piece("fill:0", "evil").content(Content::Unknown)];
        let trial = Trial::of(&genuine).waiving("component/modified", "a:1", Some(&digest_of(&image, 0)));
        assert_eq!(trial.judge(&image).verdict.reasons, ["fill/not-erased"]);
    }
}
