//! What settles how regions stand to the reference, one file each, in the order in which they run.
//!
//! To add one: write its file and add one line to [`SETTLERS`], at its place. A settler also reports what only shows while it
//! settles; what can be seen in the settled case is for the checks.

use crate::{Case, Findings, Kind};

pub(crate) mod accepted;
mod allowance;
pub(crate) mod differences;
pub(crate) mod encoding;
pub(crate) mod mutable;
pub(crate) mod pairing;
pub(crate) mod settings;

pub(crate) use allowance::Allowance;
pub use mutable::{SLIPS, slip};
pub use settings::{Configured, Says, configured};

/// A settler: settles how regions stand to the reference.
#[derive(Clone, Copy, Debug)]
pub struct Settler {
    /// Settles.
    pub settle: fn(&mut Case<'_>, &mut Findings<'_>),
    /// The kinds of what it finds.
    pub kinds: &'static [&'static Kind],
}

/// Every settler. Pairing before whatever judges pairs; the buyer's settings before the maker's rules, which never reach what guards; rules before what is packed around that which they allow; both before
/// the differences that they leave.
pub static SETTLERS: &[Settler] = &[
    Settler { settle: pairing::settle, kinds: &[] },
    Settler { settle: settings::settle, kinds: settings::KINDS },
    Settler { settle: mutable::settle, kinds: mutable::KINDS },
    Settler { settle: encoding::settle, kinds: encoding::KINDS },
    Settler { settle: accepted::settle, kinds: &[] },
    Settler { settle: differences::settle, kinds: differences::KINDS },
];
