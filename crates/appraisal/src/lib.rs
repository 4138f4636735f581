//! Compares a tree of regions with the reference values of a verified manifest, and judges.
//!
//! [`appraise`] has [`SETTLERS`] settle how the regions of one [`Case`] stand to the reference, and [`CHECKS`] look at what is
//! settled; the verdict follows from what their kinds say ([`Kind::effect`]) and from nothing else.
//!
//! ```
//! use kiwame_appraisal::{Tier, Verdict};
//!
//! // No finding at all is still not a reason to accept: somebody must have compared something.
//! assert_eq!(Verdict::unreferenced().tier, Tier::None);
//! ```
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic
)]
#![deny(clippy::wildcard_enum_match_arm)]

mod account;
mod case;
mod checks;
mod finding;
mod findings;
mod fold;
mod gate;
mod hunts;
mod kind;
pub mod kinds;
mod lot;
mod reference;
mod settle;
#[cfg(test)]
mod testing;
mod trial;
mod verdict;

pub use account::{Account, Basis, Class};
pub use case::{Assessment, Case, Exceptions, Match, Terms, appraise, inspect, json_of};
pub use checks::{CHECKS, Check};
pub use finding::Finding;
pub use findings::Findings;
pub use fold::{Uniform, is_of_program, tally};
pub use hunts::{HUNTS, Hunt};
pub use kind::{Effect, Family, Kind, Reason, Severity, Text};
pub use lot::{Order, Unit, lot};
pub use reference::{first_that_decides, holds_files, reference_regions};
pub use settle::{Configured, SETTLERS, SLIPS, Says, Settler, configured, slip};
pub use verdict::{Tier, Verdict};
