//! What settles how regions stand to the reference, one file each.

mod allowance;
pub(crate) mod differences;
pub(crate) mod encoding;
pub(crate) mod mutable;

pub(crate) use allowance::Allowance;
pub use mutable::slip;
