//! Bytes against the specification (RULES 5).

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Defect, Gather as _, Tree};
use kiwame_trust::manifest::KnownDefect;

use crate::kind::{Effect, Family, Kind, Severity, Text};
use crate::reference::{known, recording};
use crate::{Case, Finding, Findings, Match};

/// Reports defects that the manifest does not record. An ambiguous one keeps the image from affirming.
pub(crate) fn look(case: &Case<'_>, found: &mut Findings<'_>) {
    let tree = case.tree;
    let mut recorded = BTreeSet::new();
    let mut listed: BTreeMap<usize, BTreeSet<&KnownDefect>> = BTreeMap::new();
    for (number, defect) in tree.defects().iter().enumerate() {
        let about = known(defect);
        for id in recording(tree, defect.region) {
            let Some(Match::Bytes(index) | Match::Form(index)) = case.matches.get(&id).copied() else {
                continue;
            };
            let Some(wanted) = case.wanted(index) else { continue };
            let listed = listed.entry(index).or_insert_with(|| wanted.defects.iter().into_set());
            if listed.contains(&about) {
                recorded.insert(number);
            }
        }
    }
    let unrecorded = tree.defects().iter().enumerate().filter(|(number, _)| !recorded.contains(number));
    let findings: Vec<_> = unrecorded.map(|(_, defect)| finding(tree, defect)).collect();
    for mut finding in findings {
        finding.supplier = case.supplier(&finding.path);
        found.report(finding);
    }
}

/// The finding for one defect.
pub(crate) fn finding(tree: &Tree, defect: &Defect) -> Finding {
    let finding = Finding::defect(defect.kind);
    let Some(region) = tree.region(defect.region) else { return finding };
    let span = kiwame_image::Span::new(defect.offset, 0);
    finding
        .at(tree.path(region.id), tree.space_path(region.space), span)
        .compared(defect.expected.display(), defect.found.display())
        .arg("field", defect.field)
        .arg("kind", region.kind)
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&DEFECT, &AMBIGUOUS];

/// Bytes against the specification; the finding carries the format's own id.
pub static DEFECT: Kind = Kind {
    id: "defect",
    family: Family::Defect,
    severity: Severity::Low,
    effect: Effect::Nothing,
    english: "{what}: {field} is {actual}, should be {expected}.",
    japanese: "{what}:{field} は {actual}、正しくは {expected}。",
    next: Text::new(
        "Compare with the specification; ask the maker if the manifest does not record it.",
        "仕様と照合し、マニフェストに記録が無ければ製造者に照会する。",
    ),
    between: None,
};

/// The same, where real loaders could read the bytes differently.
pub static AMBIGUOUS: Kind = Kind {
    id: "defect/ambiguous",
    family: Family::Defect,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what}: {field} is {actual}, should be {expected}.",
    japanese: "{what}:{field} は {actual}、正しくは {expected}。",
    next: Text::new(
        "Compare with the specification; ask the maker if the manifest does not record it.",
        "仕様と照合し、マニフェストに記録が無ければ製造者に照会する。",
    ),
    between: None,
};
