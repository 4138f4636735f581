//! The checks, one file each, in the order in which they run.
//!
//! To add one: write its file and add one line to [`CHECKS`].

use crate::settle::{differences, encoding, mutable};
use crate::{Case, hunts};

pub(crate) mod coverage;
pub(crate) mod defects;
pub(crate) mod layout;
pub(crate) mod placement;
pub(crate) mod whole;

pub(crate) use defects::defect;

/// A check: looks at a case, adds findings, and may settle how regions stand to the reference.
pub trait Check: core::fmt::Debug + Sync {
    /// Name, for people.
    fn name(&self) -> &'static str;
    /// Looks.
    fn run(&self, case: &mut Case<'_>);
}

/// Every check. Limits come first, since what could not be opened is no difference; pairing before whatever judges
/// pairs; mutable rules before differences are reported.
pub static CHECKS: &[&dyn Check] = &[
    &hunts::limits::LimitsHit,
    &differences::Pairing,
    &mutable::MutableRules,
    &encoding::Encoding,
    &differences::Differences,
    &placement::Placement,
    &layout::Layout,
    &coverage::Coverage,
    &defects::Defects,
    &whole::Whole,
];
