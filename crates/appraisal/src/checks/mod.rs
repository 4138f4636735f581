//! The checks, one file each: they look at a settled case.
//!
//! To add one: write its file and add one line to [`CHECKS`].

use crate::{Case, Findings, Kind};

pub(crate) mod coverage;
pub(crate) mod defects;
pub(crate) mod layout;
pub(crate) mod placement;
pub(crate) mod whole;

/// A check: looks at a settled case, and changes nothing about it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Looks.
    pub look: fn(&Case<'_>, &mut Findings<'_>),
    /// The kinds of what it finds.
    pub kinds: &'static [&'static Kind],
}

/// Every check. The whole comes last: it speaks where all others are silent.
pub static CHECKS: &[Check] = &[
    Check { look: placement::look, kinds: placement::KINDS },
    Check { look: layout::look, kinds: layout::KINDS },
    Check { look: coverage::look, kinds: coverage::KINDS },
    Check { look: defects::look, kinds: defects::KINDS },
    Check { look: whole::look, kinds: whole::KINDS },
];
