//! What looks at the tree alone, one file each: with a reference and without.
//!
//! To add one: write its file and add one line to [`HUNTS`]. No hunt sees what another has found, so their order is only
//! that of the report.

use kiwame_image::Tree;

use crate::{Finding, Kind};

pub(crate) mod limits;

/// A hunt: looks at a tree.
#[derive(Clone, Copy, Debug)]
pub struct Hunt {
    /// Looks.
    pub hunt: fn(&Tree) -> Vec<Finding>,
    /// The kinds of what it finds.
    pub kinds: &'static [&'static Kind],
}

/// Every hunt.
pub static HUNTS: &[Hunt] = &[Hunt { hunt: limits::hunt, kinds: limits::KINDS }];

/// What all of them find.
pub(crate) fn hunt(tree: &Tree) -> Vec<Finding> {
    HUNTS.iter().flat_map(|hunt| (hunt.hunt)(tree)).collect()
}
