//! Bytes against the specification (RULES 5).

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Defect, Tree};
use kiwame_trust::manifest::KnownDefect;

use crate::checks::Check;
use crate::reference::{known, recording};
use crate::{Case, Finding, Match};

/// Reports defects that the manifest does not record. An ambiguous one keeps the image from affirming.
#[derive(Debug)]
pub(crate) struct Defects;

impl Check for Defects {
    fn name(&self) -> &'static str {
        "defects"
    }

    fn run(&self, case: &mut Case<'_>) {
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
                let listed = listed.entry(index).or_insert_with(|| wanted.defects.iter().collect());
                if listed.contains(&about) {
                    recorded.insert(number);
                }
            }
        }
        let unrecorded = tree.defects().iter().enumerate().filter(|(number, _)| !recorded.contains(number));
        let findings: Vec<_> = unrecorded.map(|(_, found)| defect(tree, found)).collect();
        for mut finding in findings {
            finding.supplier = case.supplier(&finding.path);
            case.report(finding);
        }
    }
}

/// The finding for one defect.
pub(crate) fn defect(tree: &Tree, defect: &Defect) -> Finding {
    let finding = Finding::defect(defect.id, defect.ambiguous);
    let Some(region) = tree.region(defect.region) else { return finding };
    let span = kiwame_image::Span::new(defect.offset, 0);
    finding
        .at(tree.path(region.id), tree.space_path(region.space), span)
        .compared(defect.expected.display(), defect.found.display())
        .arg("field", defect.field)
        .arg("kind", region.kind)
}
