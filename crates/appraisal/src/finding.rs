//! Findings, and the one table that says what each kind of finding means for the verdict.

use std::collections::BTreeMap;

use kiwame_image::Span;

/// How much it matters to the person who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Odd, and without consequence for the verdict.
    Low,
    /// Somebody should look.
    Medium,
    /// Do not use the image.
    High,
}

impl Severity {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Why nothing can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No reference for this image, or another release: exit 3.
    Reference,
    /// Manifest, signature, key, time or expectation not trusted: exit 4.
    Trust,
    /// Coverage or depth below what the policy asks: exit 5.
    Coverage,
    /// A limit was hit: exit 6.
    Limit,
}

/// What a finding does to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// At best `warning`.
    Warning,
    /// `contraindicated`.
    Refuted,
    /// At best `none`.
    CannotTell(Reason),
}

/// A kind of finding.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Stable id.
    pub id: &'static str,
    /// Severity.
    pub severity: Severity,
    /// Effect on the verdict.
    pub effect: Effect,
}

const fn kind(id: &'static str, severity: Severity, effect: Effect) -> Kind {
    Kind { id, severity, effect }
}

/// The table. Findings about malformed bytes carry the format's own id and are all of the kind `defect`.
pub static KINDS: &[Kind] = &[
    kind("component/added", Severity::High, Effect::Refuted),
    kind("component/attribute-unlisted", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("component/attributes", Severity::High, Effect::Refuted),
    kind("component/duplicated", Severity::High, Effect::Refuted),
    kind("component/erased", Severity::High, Effect::Refuted),
    kind("component/modified", Severity::High, Effect::Refuted),
    kind("component/moved", Severity::Medium, Effect::Warning),
    kind("component/removed", Severity::High, Effect::Refuted),
    kind("component/reordered", Severity::High, Effect::Refuted),
    kind("coverage/partial", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("coverage/program-unreferenced", Severity::High, Effect::CannotTell(Reason::Coverage)),
    kind("coverage/unexplained", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("coverage/unreferenced", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("defect", Severity::Low, Effect::Nothing),
    kind("defect/ambiguous", Severity::Medium, Effect::Warning),
    kind("encoding/accepted", Severity::Info, Effect::Nothing),
    kind("encoding/around-waived", Severity::Medium, Effect::Warning),
    kind("encoding/form-differs", Severity::Medium, Effect::Warning),
    kind("encoding/form-unknown", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("encoding/header", Severity::Medium, Effect::Warning),
    kind("encoding/re-encoded", Severity::Medium, Effect::Warning),
    kind("encoding/undecodable", Severity::High, Effect::Refuted),
    kind("fill/not-erased", Severity::High, Effect::Refuted),
    kind("fill/resized", Severity::Medium, Effect::Warning),
    kind("finding/more", Severity::Info, Effect::Nothing),
    kind("gate/not-compared", Severity::High, Effect::CannotTell(Reason::Coverage)),
    kind("gate/not-settled", Severity::High, Effect::CannotTell(Reason::Coverage)),
    kind("image/given-twice", Severity::Low, Effect::Nothing),
    kind("image/longer", Severity::High, Effect::Refuted),
    kind("image/not-read", Severity::High, Effect::Refuted),
    kind("image/shorter", Severity::High, Effect::Refuted),
    kind("image/uniform", Severity::High, Effect::Refuted),
    kind("layout/disagrees", Severity::High, Effect::Refuted),
    kind("layout/not-stated", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("limit/hit", Severity::Medium, Effect::CannotTell(Reason::Limit)),
    kind("manifest/another-channel", Severity::Medium, Effect::CannotTell(Reason::Trust)),
    kind("manifest/another-hardware", Severity::Medium, Effect::CannotTell(Reason::Trust)),
    kind("manifest/another-release", Severity::Medium, Effect::CannotTell(Reason::Reference)),
    kind("manifest/below-floor", Severity::High, Effect::CannotTell(Reason::Reference)),
    kind("manifest/conflicting", Severity::High, Effect::CannotTell(Reason::Trust)),
    kind("manifest/contradicts-itself", Severity::High, Effect::CannotTell(Reason::Trust)),
    kind("manifest/hardware-not-accepted", Severity::Medium, Effect::CannotTell(Reason::Trust)),
    kind("manifest/includes-not-followed", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("manifest/none", Severity::Medium, Effect::CannotTell(Reason::Reference)),
    kind("manifest/not-for-this-image", Severity::Medium, Effect::CannotTell(Reason::Reference)),
    kind("manifest/required-image-absent", Severity::Medium, Effect::CannotTell(Reason::Reference)),
    kind("manifest/unknown-digest", Severity::Medium, Effect::CannotTell(Reason::Trust)),
    kind("mutable/any", Severity::Medium, Effect::CannotTell(Reason::Coverage)),
    kind("mutable/copy-not-taken", Severity::Info, Effect::Nothing),
    kind("mutable/empty", Severity::Medium, Effect::Warning),
    kind("mutable/empty-by-rule", Severity::Info, Effect::Nothing),
    kind("mutable/empty-refused", Severity::High, Effect::Refuted),
    kind("mutable/not-judged", Severity::Info, Effect::Nothing),
    kind("mutable/not-recognised", Severity::High, Effect::Refuted),
    kind("mutable/outside-rule", Severity::High, Effect::Refuted),
    kind("mutable/over-cap", Severity::High, Effect::Refuted),
    kind("mutable/remains", Severity::Info, Effect::Nothing),
    kind("mutable/trust-anchor", Severity::High, Effect::Refuted),
    kind("mutable/within-rule", Severity::Info, Effect::Nothing),
    kind("trust/known-key-accepted", Severity::Medium, Effect::Nothing),
    kind("trust/not-verified", Severity::High, Effect::CannotTell(Reason::Trust)),
    kind("trust/unsuitable", Severity::High, Effect::CannotTell(Reason::Trust)),
    kind("waiver/another-value", Severity::Low, Effect::Nothing),
    kind("waiver/cannot", Severity::Low, Effect::Nothing),
    kind("waiver/ended", Severity::Low, Effect::Nothing),
];

/// The kind of a finding by its id; an id that the table does not have is a format's, and a defect.
#[must_use]
pub fn kind_of(id: &str) -> &'static Kind {
    static DEFECT: Kind = kind("defect", Severity::Low, Effect::Nothing);
    KINDS.iter().find(|kind| kind.id == id).unwrap_or(&DEFECT)
}

/// One outcome of a check that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable id.
    pub id: String,
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
    /// A finding of a kind of the table, about the whole image until a place is given.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let kind = kind_of(id);
        Self {
            id: id.to_owned(),
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
    pub fn defect(id: &str, ambiguous: bool) -> Self {
        let kind = kind_of(if ambiguous { "defect/ambiguous" } else { "defect" });
        Self { severity: kind.severity, effect: kind.effect, ..Self::new(id) }
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
        let told = self.is_defect() || FOLDED.iter().any(|family| self.id.starts_with(family));
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
    pub(crate) fn kind(&self) -> &str {
        self.args.get("kind").map_or("", String::as_str)
    }

    /// Speaks for others as well.
    pub(crate) fn with_parts(mut self, parts: Vec<Self>) -> Self {
        self.severity = parts.iter().map(|part| part.severity).fold(self.severity, Severity::max);
        self.parts = parts;
        self
    }

    /// A finding that speaks for others of one effect, which it keeps: folding decides nothing.
    pub(crate) fn over(id: &str, parts: Vec<Self>, effect: Effect) -> Self {
        let severity = parts.iter().map(|part| part.severity).max().unwrap_or(kind_of(id).severity);
        Self { severity, effect, parts, ..Self::new(id) }
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
        kind_of(&self.id).id == "defect"
    }

    /// True for what is found at one component. What speaks of manifests, signatures, coverage, limits or whole rules
    /// is no component's.
    #[must_use]
    pub fn may_be_waived(&self) -> bool {
        let places = ["component/", "encoding/", "fill/", "mutable/outside-rule", "mutable/trust-anchor"];
        self.path != "image" && (self.is_defect() || places.iter().any(|place| self.id.starts_with(place)))
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

/// Beginnings of ids of findings about a place.
const FOLDED: [&str; 9] = [
    "component/",
    "encoding/",
    "fill/",
    "layout/",
    "limit/",
    "mutable/empty-refused",
    "mutable/not-recognised",
    "mutable/outside-rule",
    "mutable/trust-anchor",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_nothing_of_high_severity_affirms() {
        assert!(KINDS.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(KINDS.iter().all(|kind| kind.severity != Severity::High || kind.effect != Effect::Nothing));
    }
}
