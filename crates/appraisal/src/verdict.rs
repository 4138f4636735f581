//! The verdict, which follows from the findings.

use crate::{Effect, Finding, Reason};

/// How sure, and which way (after AR4SI, the tiers of attestation results).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Matches the signed reference, and the policy is satisfied.
    Affirming,
    /// A person must look.
    Warning,
    /// Does not match the reference or the rules.
    Contraindicated,
    /// Cannot tell.
    None,
}

impl Tier {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Affirming => "affirming",
            Self::Warning => "warning",
            Self::Contraindicated => "contraindicated",
            Self::None => "none",
        }
    }
}

/// The verdict over one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The tier.
    pub tier: Tier,
    /// Ids of the findings that decided, without repetition, in their order.
    pub reasons: Vec<String>,
    /// The exit code. Only 0 is acceptance.
    pub exit: u8,
}

impl Verdict {
    /// The verdict of a run that had nothing to compare with: done, and no statement about the image.
    #[must_use]
    pub fn unreferenced() -> Self {
        Self { tier: Tier::None, reasons: Vec::new(), exit: 0 }
    }

    /// The verdict of an inspection: no tier, and exit 0 unless a limit kept it from looking everywhere.
    #[must_use]
    pub fn of_inspection(findings: &[Finding]) -> Self {
        let limit = |finding: &&Finding| finding.effect() == Effect::CannotTell(Reason::Limit);
        let reasons = ids(findings.iter().filter(limit));
        let exit = if reasons.is_empty() { 0 } else { 6 };
        Self { tier: Tier::None, reasons, exit }
    }

    /// The verdict of a verification.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let of =
            |wanted: &dyn Fn(Effect) -> bool| ids(findings.iter().filter(|finding| wanted(finding.effect())));
        let refuted = of(&|effect| effect == Effect::Refuted);
        if !refuted.is_empty() {
            return Self { tier: Tier::Contraindicated, reasons: refuted, exit: 1 };
        }
        for (reason, exit) in
            [(Reason::Trust, 4), (Reason::Coverage, 5), (Reason::Reference, 3), (Reason::Limit, 6)]
        {
            let unknown = of(&|effect| effect == Effect::CannotTell(reason));
            if !unknown.is_empty() {
                let reasons = of(&|effect| matches!(effect, Effect::CannotTell(_)));
                return Self { tier: Tier::None, reasons, exit };
            }
        }
        let warnings = of(&|effect| effect == Effect::Warning);
        if !warnings.is_empty() {
            return Self { tier: Tier::Warning, reasons: warnings, exit: 7 };
        }
        Self { tier: Tier::Affirming, reasons: Vec::new(), exit: 0 }
    }
}

fn ids<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for finding in findings {
        if !ids.iter().any(|id| id == finding.id()) {
            ids.push(finding.id().to_owned());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{
        ADDED, AMBIGUOUS, LIMIT_HIT, MODIFIED, MORE, NO_MANIFEST, NOT_VERIFIED, PARTIAL, UNEXPLAINED,
    };
    use crate::{Finding, Kind};

    fn found(kinds: &[&'static Kind]) -> Vec<Finding> {
        kinds.iter().map(|kind| Finding::new(kind)).collect()
    }

    fn of(kinds: &[&'static Kind]) -> (Tier, u8, Vec<String>) {
        let verdict = Verdict::of(&found(kinds));
        (verdict.tier, verdict.exit, verdict.reasons)
    }

    fn ids(kinds: &[&'static Kind]) -> Vec<String> {
        kinds.iter().map(|kind| kind.id.to_owned()).collect()
    }

    #[test]
    fn the_worst_decides_and_is_the_reason() {
        for (kinds, tier, exit, reasons) in [
            (&[][..], Tier::Affirming, 0, &[][..]),
            (&[&MORE], Tier::Affirming, 0, &[]),
            (&[&MORE, &AMBIGUOUS], Tier::Warning, 7, &[&AMBIGUOUS]),
            (&[&AMBIGUOUS, &PARTIAL], Tier::None, 5, &[&PARTIAL]),
            (&[&PARTIAL, &AMBIGUOUS, &ADDED, &MORE], Tier::Contraindicated, 1, &[&ADDED]),
            (&[&NOT_VERIFIED, &MODIFIED], Tier::Contraindicated, 1, &[&MODIFIED]),
        ] {
            assert_eq!(of(kinds), (tier, exit, ids(reasons)), "{kinds:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_named_in_full_and_the_first_of_trust_coverage_reference_and_limit_exits() {
        let all: [&Kind; 4] = [&NOT_VERIFIED, &PARTIAL, &NO_MANIFEST, &LIMIT_HIT];
        for (from, exit) in [(0, 4), (1, 5), (2, 3), (3, 6)] {
            assert_eq!(of(&all[from..]), (Tier::None, exit, ids(&all[from..])));
        }
    }

    #[test]
    fn a_reason_is_named_once() {
        let twice = [&UNEXPLAINED, &PARTIAL, &UNEXPLAINED];
        assert_eq!(of(&twice).2, ids(&[&UNEXPLAINED, &PARTIAL]));
    }

    #[test]
    fn an_inspection_has_no_tier_and_fails_where_a_limit_was_hit() {
        let inspected = |kinds: &[&'static Kind]| Verdict::of_inspection(&found(kinds));
        let limit = inspected(&[&AMBIGUOUS, &LIMIT_HIT]);
        assert_eq!((limit.tier, limit.exit, limit.reasons), (Tier::None, 6, ids(&[&LIMIT_HIT])));
        for kinds in [&[][..], &[&AMBIGUOUS, &PARTIAL]] {
            assert_eq!(inspected(kinds), Verdict::unreferenced());
        }
        assert_eq!(Verdict::unreferenced().exit, 0);
    }

    #[test]
    fn tiers_have_their_names_in_reports() {
        let tiers = [Tier::Affirming, Tier::Warning, Tier::Contraindicated, Tier::None];
        assert_eq!(tiers.map(Tier::name), ["affirming", "warning", "contraindicated", "none"]);
    }
}
