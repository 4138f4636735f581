//! The formats kiwame takes apart, one file each.
//!
//! To add one: write its file, add one line to the list of its family, and one sample.
//!
//! ```
//! use kiwame_image::{Limits, Memory, Options};
//!
//! let bytes = vec![0xff; 64];
//! let host = Memory::new([bytes]);
//! let tree = kiwame_formats::parse(&host, 0, 64, &Limits::default(), &Options::default()).expect("readable");
//! assert_eq!(tree.format(), "fill");
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

use std::rc::Rc;

use kiwame_image::{DefectKind, Format, Glance, Guid, Host, Limits, Options, ReadError, SpaceId, Tree};

use places::readings::Readings;
use places::{Everybody, Whole};

mod boot;
mod files;
mod medium;
mod places;
mod program;
mod stream;
#[cfg(test)]
mod testing;
mod uefi;
mod x86;

/// Formats that share a field: a folder here, a heading in the README.
#[derive(Debug)]
pub struct Family {
    /// What people call it.
    pub title: &'static str,
    /// Its formats, in the order in which equal matches win.
    pub formats: &'static [&'static dyn Format],
}

/// Every family, in the order in which equal matches of their formats win. `raw` takes what nobody recognises.
pub static FAMILIES: &[Family] = &[
    Family { title: "Media", formats: medium::FORMATS },
    Family { title: "x86 platforms", formats: x86::FORMATS },
    Family { title: "UEFI", formats: uefi::FORMATS },
    Family { title: "Programs", formats: program::FORMATS },
    Family { title: "File systems and archives", formats: files::FORMATS },
    Family { title: "Boot loaders and kernels", formats: boot::FORMATS },
    Family { title: "Compressed streams", formats: stream::FORMATS },
    Family { title: "Everything else", formats: &[&places::raw::Raw] },
];

/// Every format.
pub fn formats() -> impl DoubleEndedIterator<Item = &'static dyn Format> {
    FAMILIES.iter().flat_map(|family| family.formats.iter().copied())
}

/// What formats have in common notes these.
static SHARED: &[&[&DefectKind]] = &[
    kiwame_image::DEFECTS,
    places::flash::DEFECTS,
    places::readings::DEFECTS,
    files::DEFECTS,
    files::settings::DEFECTS,
];

/// Every kind of defect.
pub fn defects() -> impl Iterator<Item = &'static DefectKind> {
    let own = formats().flat_map(|format| format.defects());
    SHARED.iter().chain(own).flat_map(|kinds| kinds.iter().copied())
}

/// The format of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Format> {
    formats().find(|format| format.name() == name)
}

/// The format that recognises a region best.
#[must_use]
pub fn identify(glance: &Glance<'_>) -> &'static dyn Format {
    Readings::of(glance).format
}

/// True for an image at whose last byte the volume top file ends: a processor of the x86 family begins there (UEFI PI 1.8,
/// volume 3, section 3.2.1.1). One that begins with a flash descriptor is that of its whole flash, which is read from the front.
#[must_use]
pub fn begins_at_end(tree: &Tree) -> bool {
    let top = Guid(uefi::volume::VOLUME_TOP_FILE);
    let size = tree.spaces().first().map(|space| space.size);
    let mut in_image = tree.regions().filter(|region| region.space == SpaceId::IMAGE);
    let ends_so =
        in_image.any(|region| region.guid.as_deref() == Some(&top) && Some(region.span.end()) == size);
    ends_so && tree.format() != "intel-flash"
}

/// Recognises an image and takes it apart. The layout of the options is for flash that carries no partition table.
///
/// # Errors
/// Only when the source cannot be read.
pub fn parse(
    host: &dyn Host,
    source: u32,
    size: u64,
    limits: &Limits,
    options: &Options,
) -> Result<Tree, ReadError> {
    let whole = Whole { layout: options.layout.clone(), signed: options.reading.clone() };
    let options = Options { recogniser: Some(&Everybody), ..options.clone() };
    kiwame_image::parse_with(host, (source, size), "raw", Rc::new(whole), limits, &options)
}

/// Options for taking something apart that begins with a format of ours: what it holds is recognised.
#[must_use]
pub fn options() -> Options {
    Options { recogniser: Some(&Everybody), ..Options::default() }
}
