//! What the tool says: the versioned report, its canonical JSON, and its renderings.
//!
//! ```
//! // Every string from an image or a manifest passes here before a person reads it (RULES 27).
//! assert_eq!(kiwame_report::escape("evil\u{202e}gnp.exe\n"), r"evil\u{202e}gnp.exe\u{a}");
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

mod catalogue;
mod device;
mod escape;
mod lot;
mod model;
pub mod problems;
mod renderers;
mod statement;

pub use catalogue::{
    ClassName, Lang, NOT_SEEN, changes_line, class_name, message, not_seen, reason_line, remedy, tier_line,
};
pub use device::{DeviceOf, DevicePartOf, JudgedPart, Parts};
pub use escape::{escape, escape_inside, escape_line};
pub use lot::{
    Common, LOT_RENDERERS, LOT_SCHEMA_VERSION, Lot, LotRenderer, Made, ReferenceOf, Totals, UNREAD, UnitOf,
    is_lot, lot_renderer,
};
pub use model::{
    AccountOf, ChangeOf, Depth, FindingOf, ImageOf, Listing, ManifestOf, Outside, PartOf, PlaceOf, Placed,
    PlacedOf, PolicyOf, RegionOf, Report, SignerOf, SpaceOf, SupplierOf, TimeOf, ToolOf, VerdictOf,
};
pub use problems::problem_text;
pub use renderers::{RENDERERS, Renderer, View, renderer, wrapped};
pub use statement::statement;

/// Version of the report's schema.
pub const SCHEMA_VERSION: &str = "1.2";

/// The exit code of several runs: the gravest.
#[must_use]
pub fn gravest(codes: impl Iterator<Item = u8>) -> u8 {
    codes.filter(|&code| code != 0).min_by_key(|&code| rank_of(code)).unwrap_or(0)
}

/// How grave an exit code is, the gravest 0; acceptance comes last, and a code that nobody knows first.
fn rank_of(code: u8) -> usize {
    const ORDER: [u8; 8] = [70, 1, 4, 5, 3, 6, 7, 2];
    ORDER.iter().position(|&other| other == code).unwrap_or(if code == 0 { ORDER.len() } else { 0 })
}

/// A JSON object of these members. Filled one by one: see [`kiwame_image::Gather`].
fn object(members: impl Iterator<Item = (String, serde_json::Value)>) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    members.for_each(|(name, value)| {
        object.insert(name, value);
    });
    serde_json::Value::Object(object)
}
