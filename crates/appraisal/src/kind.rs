//! Kinds of findings: what each means for the verdict, and what people read of it.
//!
//! A kind is a `static` in the file of the check that reports it. Whoever reports names the `static` itself, so a word that
//! is misspelt does not compile, and nothing can be reported that does not count as it should.

pub use kiwame_image::Text;

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

/// What a kind of finding speaks of: the first word of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A component of the image or of the reference.
    Component,
    /// Bytes that no reference value covers.
    Coverage,
    /// Bytes against the specification.
    Defect,
    /// What encodes something.
    Encoding,
    /// Erased space.
    Fill,
    /// The list of findings itself.
    Finding,
    /// What no check has settled.
    Gate,
    /// The image as a whole.
    Image,
    /// The partitions of the manifest.
    Layout,
    /// Limits of the work.
    Limit,
    /// Several units together.
    Lot,
    /// A manifest.
    Manifest,
    /// A place that may differ from device to device.
    Mutable,
    /// A setting of the policy.
    Setting,
    /// Signatures and keys.
    Trust,
    /// A waiver of the policy.
    Waiver,
}

impl Family {
    /// The first word of the ids.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Coverage => "coverage",
            Self::Defect => "defect",
            Self::Encoding => "encoding",
            Self::Fill => "fill",
            Self::Finding => "finding",
            Self::Gate => "gate",
            Self::Image => "image",
            Self::Layout => "layout",
            Self::Limit => "limit",
            Self::Lot => "lot",
            Self::Manifest => "manifest",
            Self::Mutable => "mutable",
            Self::Setting => "setting",
            Self::Trust => "trust",
            Self::Waiver => "waiver",
        }
    }

    /// True for an id of this family, as reports have it.
    #[must_use]
    pub fn has(self, id: &str) -> bool {
        id.split('/').next() == Some(self.name())
    }
}

/// A kind of finding. A word in braces in its sentences stands for the finding's own.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable id.
    pub id: &'static str,
    /// What it speaks of.
    pub family: Family,
    /// Severity.
    pub severity: Severity,
    /// Effect on the verdict.
    pub effect: Effect,
    /// The sentence in English.
    pub english: &'static str,
    /// The sentence in Japanese.
    pub japanese: &'static str,
    /// The next step.
    pub next: Text,
    /// The sentence between two images, of which neither is a reference, where it is another.
    pub between: Option<Text>,
}

/// Where the dump itself may be at fault.
pub(crate) const ACQUIRE: Text = Text::new(
    "Acquire the dump again by another way; if it differs again, ask the maker and keep the device aside.",
    "別の方法でダンプを取り直す。再び相違する場合は製造者に照会し、機器を隔離する。",
);
/// Where the manifest does not say enough.
pub(crate) const ASK: Text =
    Text::new("Ask the maker for the right manifest.", "製造者に正しいマニフェストを請求する。");
/// Where only the maker knows the reason.
pub(crate) const ASK_WHY: Text = Text::new("Ask the maker why.", "製造者に理由を照会する。");
/// Where all is well.
pub(crate) const NOTHING_TO_DO: Text = Text::new("Nothing to do.", "対応不要。");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_the_ids_that_begin_with_its_whole_name() {
        assert!(Family::Component.has("component/added") && Family::Gate.has("gate"));
        assert!(!Family::Component.has("components/added") && !Family::Gate.has("defect/gate"));
    }

    #[test]
    fn severities_are_named_and_rise() {
        let rising = [Severity::Info, Severity::Low, Severity::Medium, Severity::High];
        assert_eq!(rising.map(Severity::name), ["info", "low", "medium", "high"]);
        assert!(rising.is_sorted());
    }
}
