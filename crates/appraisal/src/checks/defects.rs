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

#[cfg(test)]
mod tests {
    use kiwame_image::DefectKind;

    use crate::Tier;
    use crate::testing::{Piece, Trial, around, piece};

    static CLEAR: DefectKind = DefectKind::odd("toy/odd");
    static UNCLEAR: DefectKind = DefectKind::ambiguous("toy/unclear");

    fn with(defect: Option<(&'static DefectKind, u64)>) -> [Piece; 1] {
        let plain = around("box:1", [piece("a:1", "one!"), piece("b:2", "two!")]);
        [defect.into_iter().fold(plain, |piece, (kind, found)| piece.defect(kind, found))]
    }

    #[test]
    fn only_the_very_defect_that_the_manifest_records_is_excused() {
        let recorded = Trial::of(&with(Some((&UNCLEAR, 1))));
        assert_eq!(recorded.says(&with(Some((&UNCLEAR, 1)))), [""; 0]);
        for other in [(&UNCLEAR, 2), (&CLEAR, 1)] {
            assert_eq!(recorded.says(&with(Some(other))), [format!("{} box:1", other.0.id)]);
        }
        let unrecorded = Trial::of(&with(None));
        let assessment = unrecorded.judge(&with(Some((&UNCLEAR, 1))));
        assert_eq!(
            (assessment.verdict.tier, assessment.verdict.reasons),
            (Tier::Warning, vec!["toy/unclear".into()])
        );
        assert!(unrecorded.affirms(&with(Some((&CLEAR, 1)))));
    }

    #[test]
    fn a_record_is_worth_nothing_where_the_bytes_are_others() {
        let image = |first: &str| [piece("a:1", first).defect(&UNCLEAR, 1), piece("b:2", "two!")];
        let told = Trial::of(&image("one!")).says(&image("1111"));
        assert_eq!(told, ["component/modified a:1", "toy/unclear a:1"]);
    }
}
