//! What differs between units and no rule that is switched on lets differ.

use std::collections::BTreeSet;

use kiwame_appraisal::{Finding, Kind};
use kiwame_image::Span;
use kiwame_report::escape_line;
use kiwame_trust::manifest::{ImageReference, ReferenceRegion, path_within};

/// What was told of all units.
#[derive(Clone, Debug, Default)]
pub(super) struct Differences {
    lines: Vec<String>,
    paths: BTreeSet<String>,
    count: usize,
    ids: BTreeSet<&'static str>,
}

impl Differences {
    /// What differs in one unit.
    pub(super) fn add<'f>(
        &mut self,
        unit: &str,
        findings: impl Iterator<Item = &'f Finding>,
        reference: &ImageReference,
    ) {
        for finding in findings {
            self.count = self.count.saturating_add(1);
            if self.lines.len() < MOST {
                self.lines.push(line(unit, finding, reference));
            }
            for told in core::iter::once(finding).chain(&finding.parts) {
                self.ids.insert(told.id());
                if self.paths.len() < PATHS {
                    self.paths.insert(told.path.clone());
                }
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// True when one of them is of that kind.
    pub(super) fn has(&self, kind: &Kind) -> bool {
        self.ids.contains(kind.id)
    }

    /// The first ones, in words.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// True when one of them is in that place.
    pub(super) fn is_in(&self, place: &str) -> bool {
        self.paths.iter().any(|path| path_within(path, place))
    }
}

/// What differs, and where it lies in both.
fn line(unit: &str, finding: &Finding, reference: &ImageReference) -> String {
    let within = |region: &&ReferenceRegion| path_within(&region.path, &finding.path);
    let mut there_too = reference.regions.iter().filter(within);
    let here = there_too.next().map_or_else(
        || "no place here".to_owned(),
        |first| {
            let others = there_too.filter(|other| other.space() == first.space());
            let end = others.map(|other| other.span.end()).max().unwrap_or(0).max(first.span.end());
            format!("{} here", place(first.space(), Span::between(first.span.offset, end)))
        },
    );
    let there = place(&finding.space, Span::new(finding.offset, finding.length));
    let why = if finding.guards {
        ", decides what may start or who may log in"
    } else if finding.runs {
        ", runs"
    } else {
        ""
    };
    let line = format!("{}{why}: {}, at {here} and {there} in {unit}", finding.path, finding.id());
    escape_line(&line)
}

fn place(space: &str, span: Span) -> String {
    let place = format!("{:#x}+{:#x}", span.offset, span.length);
    if space == "image" { place } else { format!("{place} of its own space") }
}

/// So many are listed.
const MOST: usize = 48;
/// So many places are looked at for rules.
const PATHS: usize = 4096;
