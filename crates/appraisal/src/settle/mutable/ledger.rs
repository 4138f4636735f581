//! What rules let differ, summed up by rule, and held to the caps of rule and policy.

use std::collections::BTreeMap;
use std::rc::Rc;

use kiwame_image::{Region, Span};
use kiwame_trust::rules::Mutable;

use super::Places;
use crate::kind::{ACQUIRE, Effect, Family, Kind, NOTHING_TO_DO, Reason, Severity, Text};
use crate::settle::Allowance;
use crate::{Case, Finding, Findings};

/// How many bytes differ under each rule, and what the policy's caps have left.
pub(super) struct Ledger<'p, 'a> {
    rules: BTreeMap<usize, Sums>,
    allowance: Allowance<'a>,
    /// Bytes of remains under any rule.
    dead: u64,
    places: &'p Places<'a>,
}

#[derive(Debug, Default)]
struct Sums {
    /// Values that differ, the first of them, for people.
    values: Vec<Finding>,
    judged: u64,
    /// Something was judged, if only what other things lie in.
    within: bool,
    entries: u64,
    not_judged: u64,
    not_accepted: u64,
    remains: u64,
}

impl<'p, 'a> Ledger<'p, 'a> {
    pub(super) fn of(case: &Case<'a>, places: &'p Places<'a>) -> Self {
        Self {
            rules: BTreeMap::new(),
            allowance: Allowance::of(&case.terms.rule.accept_any),
            dead: 0,
            places,
        }
    }

    pub(super) fn judged(&mut self, rule: usize, bytes: u64) {
        let sums = self.rules.entry(rule).or_default();
        sums.judged = sums.judged.saturating_add(bytes);
        sums.within = true;
        sums.entries = sums.entries.saturating_add(1);
    }

    /// Keeps a value that differs within a rule, old and new.
    pub(super) fn value(&mut self, rule: usize, value: impl FnOnce() -> Finding) {
        let sums = self.rules.entry(rule).or_default();
        if sums.values.len() < VALUES {
            let value = value();
            let there = ["before", "after"].iter().any(|name| value.args.contains_key(name));
            sums.values.extend(Some(value).filter(|_| there));
        }
    }

    pub(super) fn not_judged(&mut self, rule: usize, path: &str, region: &Region) {
        let accepted = self.allowance.take(path, region.span.length, region.sha256.as_ref(), true);
        let sums = self.rules.entry(rule).or_default();
        sums.not_judged = sums.not_judged.saturating_add(region.span.length);
        if !accepted {
            sums.not_accepted = sums.not_accepted.saturating_add(region.span.length);
        }
    }

    /// Each of the rules that allow them has its cap; they are counted once.
    pub(super) fn remains(&mut self, rules: &[usize], bytes: u64) {
        for rule in rules {
            let sums = self.rules.entry(*rule).or_default();
            sums.remains = sums.remains.saturating_add(bytes);
        }
        self.dead = self.dead.saturating_add(bytes);
    }

    /// What the first screen prints, and the caps: that of `any`, which the buyer must have named too, and of remains.
    pub(super) fn report(self, case: &mut Case<'_>, found: &mut Findings<'_>) {
        let (rules, places) = (Rc::clone(&case.rules), self.places);
        for (number, sums) in self.rules {
            let Some(&rule) = rules.get(number) else { continue };
            let is_buyers = case.is_buyers(number);
            let place = places.of_rule(rule);
            let at = |case: &Case<'_>, kind: &'static Kind, bytes: u64| match place {
                Some(region) => case.about(kind, region).arg("bytes", bytes),
                None => Finding::new(kind).at(&rule.path, "image", Span::new(0, bytes)).arg("bytes", bytes),
            };
            // No value of a component: no waiver covers it.
            let over = |case: &Case<'_>, most: u64, bytes: u64| {
                let expected = format!("at most {most} bytes");
                at(case, &OVER_CAP, bytes).compared(expected, format!("{bytes} bytes"))
            };
            let cap = if let Mutable::Any { max_bytes } = rule.rule { max_bytes } else { u64::MAX };
            if sums.not_judged > cap {
                let finding = over(case, cap, sums.not_judged);
                found.report(finding);
            } else if sums.not_accepted > 0 {
                let most = if cap == u64::MAX { sums.not_judged } else { cap };
                let line = format!("accept-any = [{{ path = {:?}, max-bytes = {most} }}]", rule.path);
                let finding = at(case, &ANY, sums.not_accepted).arg("line", line);
                found.report(finding);
            } else if sums.not_judged > 0 {
                let finding = at(case, &NOT_JUDGED, sums.not_judged);
                found.report(finding);
            }
            if sums.remains > rule.remains_max_bytes {
                let finding = over(case, rule.remains_max_bytes, sums.remains);
                found.report(finding);
            } else if sums.remains > 0 {
                let finding = at(case, &REMAINS, sums.remains);
                found.report(finding);
            }
            if sums.within {
                let kind = if is_buyers { &WITHIN_POLICY } else { &WITHIN_RULE };
                let finding = at(case, kind, sums.judged);
                found.report(finding.with_parts(sums.values));
            }
            case.allowed(number, sums.entries);
            let exceptions = &mut case.exceptions;
            exceptions.not_judged = exceptions.not_judged.saturating_add(sums.not_judged);
        }
        case.exceptions.remains = case.exceptions.remains.saturating_add(self.dead);
    }
}

/// So many values of one rule are kept.
const VALUES: usize = 200;

/// Bytes that may be anything, where the policy does not accept that.
pub static ANY: Kind = Kind {
    id: "mutable/any",
    family: Family::Mutable,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{bytes} bytes may be anything, by the manifest; nothing accepts that here. A policy would by {line} below its [[rule]].",
    japanese: "マニフェストは {bytes} バイトを任意としているが、ここでは認められていない。認める場合はポリシーの [[rule]] の下に {line} と記す。",
    next: Text::new(
        "Write that into your policy if you accept it; with a key alone it is never accepted.",
        "認める場合はその旨をポリシーに記す。鍵だけの検証では認められない。",
    ),
    between: None,
};

/// Bytes that may be anything, by manifest and policy.
pub static NOT_JUDGED: Kind = Kind {
    id: "mutable/not-judged",
    family: Family::Mutable,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{bytes} bytes of {what} may be anything, by manifest and policy; nobody judged them.",
    japanese: "マニフェストとポリシーにより {what} の {bytes} バイトは任意。内容は判定していない。",
    next: NOTHING_TO_DO,
    between: None,
};

/// More bytes than a cap of the rule allows.
pub static OVER_CAP: Kind = Kind {
    id: "mutable/over-cap",
    family: Family::Mutable,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what}: {bytes} bytes differ there that nobody judges or nothing reaches, more than the rule allows.",
    japanese: "{what}:判定されない、または到達しない {bytes} バイトが規則の上限を超えている。",
    next: ACQUIRE,
    between: None,
};

/// Old data that nothing reaches.
pub static REMAINS: Kind = Kind {
    id: "mutable/remains",
    family: Family::Mutable,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{bytes} bytes of old data remain in {what} that nothing reaches.",
    japanese: "{what} に、どこからも参照されない旧データが {bytes} バイト残っている。",
    next: NOTHING_TO_DO,
    between: None,
};

/// Values that differ within their rule.
pub static WITHIN_RULE: Kind = Kind {
    id: "mutable/within-rule",
    family: Family::Mutable,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{bytes} bytes of {what} differ from the reference, within the maker's rule.",
    japanese: "{what} の {bytes} バイトが製造者の規則の範囲内で基準値と異なる。",
    next: NOTHING_TO_DO,
    between: None,
};

/// The same within a rule of the buyer's own.
pub static WITHIN_POLICY: Kind = Kind {
    id: "mutable/within-policy",
    family: Family::Mutable,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{bytes} bytes of {what} differ from the reference, within a rule of your policy.",
    japanese: "{what} の {bytes} バイトが貴方のポリシーの規則の範囲内で基準値と異なる。",
    next: NOTHING_TO_DO,
    between: None,
};

#[cfg(test)]
mod tests {
    use kiwame_image::fact;

    use super::*;
    use crate::testing::{Trial, around, key, piece};

    #[test]
    fn of_many_values_two_hundred_are_shown_and_all_are_counted() {
        let of = |many, value: &str| {
            let one = piece("key:a", value).with(&fact::VALUE, value);
            [around("store:1", vec![one; many])]
        };
        let told = |many| {
            let rule = Mutable::Keys(vec![key("a", "digits:1")]);
            let assessment = Trial::of(&of(many, "1")).ruled("store:1", rule).judge(&of(many, "2"));
            let within = assessment.findings.iter().find(|finding| finding.is_of(&[&WITHIN_RULE]));
            let counted = |part: &Finding| part.args.contains_key("bytes");
            assert!(
                within.is_some_and(|within| within.parts.iter().all(counted)),
                "a sentence says how many"
            );
            (within.map(|within| within.parts.len()), assessment.exceptions.by_rule)
        };
        assert_eq!(told(199), (Some(199), 199));
        assert_eq!(told(200), (Some(200), 200));
        assert_eq!(told(201), (Some(200), 201));
    }
}
