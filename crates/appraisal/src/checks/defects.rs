//! Bytes against the specification (RULES 5).

use kiwame_image::{Defect, Tree};

use crate::checks::Check;
use crate::reference::{covers, known};
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
        let mut recorded = std::collections::BTreeSet::new();
        for region in case.measured() {
            let Some(Match::Bytes(index) | Match::Form(index)) = case.matches.get(&region.id) else {
                continue;
            };
            let Some(wanted) = case.wanted(*index).filter(|wanted| !wanted.defects.is_empty()) else {
                continue;
            };
            for (number, defect) in tree.defects().iter().enumerate() {
                if wanted.defects.contains(&known(defect)) && covers(tree, region, defect.region) {
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
