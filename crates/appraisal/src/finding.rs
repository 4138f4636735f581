//! Findings: one outcome of a check each, of some kind.

use std::collections::BTreeMap;

use kiwame_image::{DefectKind, Span};

use crate::kind::{Effect, Family, Kind, Severity};
use crate::kinds::{AMBIGUOUS, DEFECT, EMPTY_REFUSED, NOT_RECOGNISED, OUTSIDE_RULE, TRUST_ANCHOR};

/// One outcome of a check that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    kind: &'static Kind,
    defect: Option<&'static DefectKind>,
    /// Severity.
    pub severity: Severity,
    /// Where: path of the region.
    pub path: String,
    /// Path of its space.
    pub space: String,
    /// Offset in the space.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub actual: Option<String>,
    /// Who answers for it, by the maker's word.
    pub supplier: Option<String>,
    /// How to reach them, by the maker's word.
    pub contact: Option<String>,
    /// Where in the image, of what lies in a decoded space: the bytes that it is decoded from.
    pub image: Option<Span>,
    /// What people call the content that it lies in, of what lies in a decoded space.
    pub within: Option<String>,
    /// Names and numbers for the sentence.
    pub args: BTreeMap<&'static str, String>,
    /// It is about something that can run.
    pub runs: bool,
    /// It is about something that decides what may start or who may log in.
    pub guards: bool,
    /// The reference has nothing of that path.
    pub is_new: bool,
    /// What this one speaks for: pieces of the same thing, and what follows from the same cause (see `fold.rs`).
    pub parts: Vec<Self>,
    effect: Effect,
}

impl Finding {
    /// A finding of some kind, about the whole image until a place is given.
    ///
    /// ```compile_fail
    /// // Whatever is reported counts: a word that is misspelt does not compile.
    /// let finding = kiwame_appraisal::Finding::new(&kiwame_appraisal::kinds::MODDIFIED);
    /// ```
    #[must_use]
    pub fn new(kind: &'static Kind) -> Self {
        Self {
            kind,
            defect: None,
            severity: kind.severity,
            path: "image".to_owned(),
            space: "image".to_owned(),
            offset: 0,
            length: 0,
            expected: None,
            actual: None,
            supplier: None,
            contact: None,
            image: None,
            within: None,
            args: BTreeMap::new(),
            runs: false,
            guards: false,
            is_new: false,
            parts: Vec::new(),
            effect: kind.effect,
        }
    }

    /// A defect under the format's own id; an ambiguous one keeps the image from affirming.
    #[must_use]
    pub fn defect(defect: &'static DefectKind) -> Self {
        Self { defect: Some(defect), ..Self::new(if defect.ambiguous { &AMBIGUOUS } else { &DEFECT }) }
    }

    /// Stable id: that of its kind, or the format's own of a defect.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.defect.map_or(self.kind.id, |defect| defect.id)
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// True for a finding of one of some kinds.
    pub(crate) fn is_of(&self, kinds: &[&Kind]) -> bool {
        kinds.contains(&self.kind)
    }

    /// True for bytes that end before what they should hold does.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.defect.is_some_and(|defect| defect.cut_short)
    }

    /// What it does to the verdict.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Where it is.
    #[must_use]
    pub fn at(mut self, path: &str, space: &str, span: Span) -> Self {
        self.path = path.to_owned();
        self.space = space.to_owned();
        self.offset = span.offset;
        self.length = span.length;
        self
    }

    /// True for what can be told together with others: a finding about some place, which no waiver covers.
    pub(crate) fn is_foldable(&self) -> bool {
        let told = match self.kind.family {
            Family::Component
            | Family::Defect
            | Family::Encoding
            | Family::Fill
            | Family::Layout
            | Family::Limit => true,
            Family::Mutable => self.is_of(&[&EMPTY_REFUSED, &NOT_RECOGNISED, &OUTSIDE_RULE, &TRUST_ANCHOR]),
            Family::Coverage
            | Family::Finding
            | Family::Gate
            | Family::Image
            | Family::Lot
            | Family::Manifest
            | Family::Setting
            | Family::Trust
            | Family::Waiver => false,
        };
        told && self.path != "image" && !self.args.contains_key("waiver")
    }

    /// True for something that runs or lets somebody in, and that the reference does not have.
    pub(crate) fn is_put_in(&self) -> bool {
        (self.runs || self.guards) && self.is_new || self.parts.iter().any(Self::is_put_in)
    }

    /// True when the policy waives it with the value that was found.
    #[must_use]
    pub fn is_waived(&self) -> bool {
        self.args.contains_key("waiver") && !self.args.contains_key("waivedInPart")
    }

    /// What kind of region it is about.
    pub(crate) fn region_kind(&self) -> &str {
        self.args.get("kind").map_or("", String::as_str)
    }

    /// Speaks for others as well.
    pub(crate) fn with_parts(mut self, parts: Vec<Self>) -> Self {
        self.severity = parts.iter().map(|part| part.severity).fold(self.severity, Severity::max);
        self.parts = parts;
        self
    }

    /// A finding that speaks for others of one effect, which it keeps: folding decides nothing.
    pub(crate) fn over(kind: &'static Kind, parts: Vec<Self>, effect: Effect) -> Self {
        let severity = parts.iter().map(|part| part.severity).max().unwrap_or(kind.severity);
        Self { severity, effect, parts, ..Self::new(kind) }
    }

    /// What should be and what is there.
    #[must_use]
    pub fn compared(
        mut self,
        expected: impl Into<Option<String>>,
        actual: impl Into<Option<String>>,
    ) -> Self {
        self.expected = expected.into();
        self.actual = actual.into();
        self
    }

    /// A word for the sentence.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.insert(name, value.to_string());
        self
    }

    /// True for malformed bytes, which carry the format's own id.
    #[must_use]
    pub fn is_defect(&self) -> bool {
        self.kind.family == Family::Defect
    }

    /// True for what is found at one component. What speaks of manifests, signatures, coverage, limits or whole rules
    /// is no component's.
    #[must_use]
    pub fn may_be_waived(&self) -> bool {
        let component = match self.kind.family {
            Family::Component | Family::Defect | Family::Encoding | Family::Fill => true,
            Family::Mutable => self.is_of(&[&OUTSIDE_RULE, &TRUST_ANCHOR]),
            Family::Coverage
            | Family::Finding
            | Family::Gate
            | Family::Image
            | Family::Layout
            | Family::Limit
            | Family::Lot
            | Family::Manifest
            | Family::Setting
            | Family::Trust
            | Family::Waiver => false,
        };
        self.path != "image" && component
    }

    /// The value found, as a waiver names it: of a fact with its name, since a component has several; nothing where it is
    /// missing.
    #[must_use]
    pub fn found(&self) -> String {
        let actual = self.actual.as_deref().unwrap_or_default();
        match self.args.get("attribute") {
            Some(name) => format!("{name}={actual}"),
            None => actual.to_owned(),
        }
    }

    /// True when that is the value found.
    #[must_use]
    pub fn is_found(&self, value: &str) -> bool {
        self.found() == value
    }

    /// A waiver that does not say which value it covers leaves the finding to a person.
    #[must_use]
    pub fn at_best_a_warning(self, reason: &str, until: &str) -> Self {
        let effect = match self.effect {
            Effect::Nothing => Effect::Nothing,
            Effect::Warning | Effect::Refuted | Effect::CannotTell(_) => Effect::Warning,
        };
        Self { effect, ..self }.arg("waiver", reason).arg("waivedUntil", until).arg("waivedInPart", "yes")
    }

    /// Takes the effect away, because the buyer's policy says so, for a reason that is shown.
    #[must_use]
    pub fn waived(self, reason: &str, until: &str) -> Self {
        Self { effect: Effect::Nothing, ..self }.arg("waiver", reason).arg("waivedUntil", until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Reason;
    use crate::kinds::{
        ADDED, ANY, ATTRIBUTES, CONTRADICTS_ITSELF, EMPTY, FORM_DIFFERS, GIVEN_TWICE, LAYOUT_DISAGREES,
        LIMIT_HIT, MODIFIED, MORE, NOT_ERASED, NOT_SETTLED, NOT_VERIFIED, OVER_CAP, PARTIAL, WAIVER_ENDED,
        WITHIN_RULE,
    };

    static ODD: DefectKind = DefectKind::odd("toy/odd");
    static CUT: DefectKind = DefectKind::ambiguous("toy/cut").cut_short();

    fn at(kind: &'static Kind) -> Finding {
        Finding::new(kind).at("a:1", "image", Span::new(1, 2))
    }

    #[test]
    fn a_finding_is_about_the_whole_image_until_it_has_a_place() {
        let whole = Finding::new(&MODIFIED);
        assert_eq!((&*whole.path, &*whole.space, whole.offset, whole.length), ("image", "image", 0, 0));
        let placed = whole.at("a:1/decoded:content/b:2", "a:1", Span::new(3, 4));
        assert_eq!((&*placed.space, placed.offset, placed.length), ("a:1", 3, 4));
        assert_eq!(placed.path, "a:1/decoded:content/b:2");
    }

    #[test]
    fn a_defect_has_its_own_id_and_an_ambiguous_one_warns() {
        let (odd, cut) = (Finding::defect(&ODD), Finding::defect(&CUT));
        assert_eq!((odd.id(), odd.effect(), odd.is_cut_short()), ("toy/odd", Effect::Nothing, false));
        assert_eq!((cut.id(), cut.effect(), cut.is_cut_short()), ("toy/cut", Effect::Warning, true));
        assert!(odd.is_defect() && cut.is_defect() && !at(&MODIFIED).is_defect());
        assert!(!at(&MODIFIED).is_cut_short());
    }

    #[test]
    fn only_what_is_found_at_one_component_may_be_waived() {
        for kind in [&ADDED, &MODIFIED, &ATTRIBUTES, &FORM_DIFFERS, &NOT_ERASED, &OUTSIDE_RULE, &TRUST_ANCHOR]
        {
            assert!(at(kind).may_be_waived(), "{}", kind.id);
            assert!(!Finding::new(kind).may_be_waived(), "{} of the whole image", kind.id);
        }
        assert!(Finding::defect(&CUT).at("a:1", "image", Span::new(0, 0)).may_be_waived());
        for kind in [
            &ANY,
            &OVER_CAP,
            &EMPTY,
            &EMPTY_REFUSED,
            &NOT_RECOGNISED,
            &PARTIAL,
            &MORE,
            &NOT_SETTLED,
            &GIVEN_TWICE,
            &LAYOUT_DISAGREES,
            &LIMIT_HIT,
            &CONTRADICTS_ITSELF,
            &NOT_VERIFIED,
            &WAIVER_ENDED,
        ] {
            assert!(!at(kind).may_be_waived(), "{}", kind.id);
        }
    }

    #[test]
    fn what_is_found_at_a_place_may_be_told_with_others_unless_it_is_waived() {
        for kind in [&ADDED, &LIMIT_HIT, &LAYOUT_DISAGREES, &EMPTY_REFUSED, &NOT_RECOGNISED, &OUTSIDE_RULE] {
            assert!(at(kind).is_foldable(), "{}", kind.id);
            assert!(!Finding::new(kind).is_foldable() && !at(kind).waived("", "").is_foldable());
        }
        for kind in [&ANY, &EMPTY, &PARTIAL, &MORE, &NOT_SETTLED, &NOT_VERIFIED, &WAIVER_ENDED] {
            assert!(!at(kind).is_foldable(), "{}", kind.id);
        }
    }

    #[test]
    fn the_value_found_has_the_name_of_its_fact() {
        let of = |finding: Finding| finding.compared("old".to_owned(), "new".to_owned());
        assert!(of(at(&MODIFIED)).is_found("new") && !of(at(&MODIFIED)).is_found("old"));
        let mode = of(at(&ATTRIBUTES).arg("attribute", "mode"));
        assert!(mode.is_found("mode=new") && !mode.is_found("new") && !mode.is_found("uid=new"));
        assert_eq!(at(&MODIFIED).compared("old".to_owned(), None).found(), "");
    }

    #[test]
    fn a_waiver_with_a_value_takes_the_effect_away_and_one_without_leaves_a_warning() {
        let waived = at(&MODIFIED).waived("known", "2026");
        assert_eq!((waived.effect(), waived.is_waived()), (Effect::Nothing, true));
        assert_eq!((&*waived.args["waiver"], &*waived.args["waivedUntil"]), ("known", "2026"));
        for (kind, effect) in [
            (&MODIFIED, Effect::Warning),
            (&PARTIAL, Effect::Warning),
            (&FORM_DIFFERS, Effect::Warning),
            (&WITHIN_RULE, Effect::Nothing),
        ] {
            let part = at(kind).at_best_a_warning("known", "2026");
            assert_eq!((part.effect(), part.is_waived()), (effect, false), "{}", kind.id);
        }
        assert!(!at(&MODIFIED).is_waived());
    }

    #[test]
    fn who_speaks_for_others_is_as_severe_as_the_worst_of_them() {
        let speaks = at(&WITHIN_RULE).with_parts(vec![at(&MODIFIED), at(&WITHIN_RULE)]);
        assert_eq!((speaks.severity, speaks.effect()), (Severity::High, Effect::Nothing));
        assert_eq!(at(&MODIFIED).with_parts(vec![at(&WITHIN_RULE)]).severity, Severity::High);
        let unknown = Effect::CannotTell(Reason::Limit);
        let over = Finding::over(&MODIFIED, vec![at(&WITHIN_RULE)], unknown);
        assert_eq!((over.severity, over.effect(), over.parts.len()), (Severity::Info, unknown, 1));
        assert_eq!(Finding::over(&MODIFIED, Vec::new(), unknown).severity, Severity::High);
    }

    #[test]
    fn what_is_put_in_is_new_and_runs_or_lets_somebody_in() {
        let is = |runs, guards, is_new| Finding { runs, guards, is_new, ..at(&ADDED) };
        for (runs, guards) in [(true, false), (false, true)] {
            assert!(is(runs, guards, true).is_put_in() && !is(runs, guards, false).is_put_in());
        }
        assert!(!is(false, false, true).is_put_in());
        assert!(at(&ADDED).with_parts(vec![is(true, false, true)]).is_put_in());
    }

    #[test]
    fn a_finding_is_of_its_kind() {
        assert!(at(&ADDED).is_of(&[&MODIFIED, &ADDED]) && !at(&ADDED).is_of(&[&MODIFIED]));
        assert_eq!((at(&ADDED).kind().id, at(&ADDED).id()), (ADDED.id, ADDED.id));
        assert_eq!((at(&ADDED).region_kind(), at(&ADDED).arg("kind", "raw").region_kind()), ("", "raw"));
    }
}
