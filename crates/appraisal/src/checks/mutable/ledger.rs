//! What rules let differ, summed up by rule, and held to the caps of rule and policy.

use std::collections::BTreeMap;

use kiwame_image::{Region, Span};
use kiwame_trust::rules::Mutable;

use super::Places;
use crate::checks::allowance::Allowance;
use crate::{Case, Finding};

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
    pub(super) fn report(self, case: &mut Case<'_>) {
        let (manifest, places) = (case.manifest, self.places);
        for (number, sums) in self.rules {
            let Some(rule) = manifest.mutable.get(number) else { continue };
            let place = places.of_rule(rule);
            let at = |case: &Case<'_>, id: &str, bytes: u64| match place {
                Some(region) => case.about(id, region).arg("bytes", bytes),
                None => Finding::new(id).at(&rule.path, "image", Span::new(0, bytes)).arg("bytes", bytes),
            };
            // No value of a component: no waiver covers it.
            let over = |case: &Case<'_>, most: u64, bytes: u64| {
                let expected = format!("at most {most} bytes");
                at(case, "mutable/over-cap", bytes).compared(expected, format!("{bytes} bytes"))
            };
            let cap = if let Mutable::Any { max_bytes } = rule.rule { max_bytes } else { u64::MAX };
            if sums.not_judged > cap {
                let finding = over(case, cap, sums.not_judged);
                case.report(finding);
            } else if sums.not_accepted > 0 {
                let finding = at(case, "mutable/any", sums.not_accepted);
                case.report(finding);
            } else if sums.not_judged > 0 {
                let finding = at(case, "mutable/not-judged", sums.not_judged);
                case.report(finding);
            }
            if sums.remains > rule.remains_max_bytes {
                let finding = over(case, rule.remains_max_bytes, sums.remains);
                case.report(finding);
            } else if sums.remains > 0 {
                let finding = at(case, "mutable/remains", sums.remains);
                case.report(finding);
            }
            if sums.judged > 0 {
                let finding = at(case, "mutable/within-rule", sums.judged);
                case.report(finding.with_parts(sums.values));
            }
            let exceptions = &mut case.exceptions;
            exceptions.by_rule = exceptions.by_rule.saturating_add(sums.entries);
            exceptions.not_judged = exceptions.not_judged.saturating_add(sums.not_judged);
        }
        case.exceptions.remains = case.exceptions.remains.saturating_add(self.dead);
    }
}

/// So many values of one rule are kept.
const VALUES: usize = 200;
