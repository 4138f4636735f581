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

use kiwame_image::{Builder, Format, Head, Host, Input, Limits, Options, ReadError, Stage, Tree};

use recognise::Readings;

mod boot;
mod content;
mod embedded;
mod files;
mod medium;
mod program;
mod recognise;
mod search;
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
    Family { title: "Everything else", formats: &[&medium::raw::Raw] },
];

/// Every format.
pub fn formats() -> impl DoubleEndedIterator<Item = &'static dyn Format> {
    FAMILIES.iter().flat_map(|family| family.formats.iter().copied())
}

/// The format of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Format> {
    formats().find(|format| format.name() == name)
}

/// The format that recognises the head best.
#[must_use]
pub fn identify(head: &Head<'_>) -> &'static dyn Format {
    Readings::of(head).format
}

/// Images of these formats say themselves where their parts are; a layout has only to agree (RULES 13).
const STRUCTURED: &[&str] = &["intel-flash", "uefi-image"];

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
    let length = usize::try_from(Head::LENGTH.min(size)).unwrap_or(0);
    let mut head = vec![0; length];
    host.read(source, 0, &mut head)?;
    let confirms = |name: &str| confirms(name, host, source, &head, size);
    let mut readings = Readings::settled(&Head::new(&head, size), options.reading.as_deref(), confirms)?;
    if readings.format.name() == medium::fill::NAME && !is_erased(host, source, size)? {
        readings.format = &medium::raw::Raw;
    }
    let name = readings.format.name();
    if !options.layout.is_empty() && !STRUCTURED.contains(&name) {
        let flash = Rc::new(medium::flash::RawFlash(options.layout.clone()));
        return kiwame_image::parse_with(host, (source, size), medium::flash::NAME, flash, limits, options);
    }
    kiwame_image::parse_with(host, (source, size), name, Rc::new(Whole(readings)), limits, options)
}

/// True when an image is of that format, where its head cannot tell.
fn confirms(name: &str, host: &dyn Host, source: u32, head: &[u8], size: u64) -> Result<bool, ReadError> {
    match name {
        boot::uboot_env::NAME => {
            let mut whole = vec![0; usize::try_from(boot::uboot_env::LARGEST.min(size)).unwrap_or(0)];
            host.read(source, 0, &mut whole)?;
            Ok(boot::uboot_env::size_of(&whole, size).is_some())
        }
        boot::uimage::NAME => {
            let Some(mut sum) = boot::uimage::DataSum::of(head).filter(|sum| sum.data.end() <= size) else {
                return Ok(false);
            };
            let (mut at, end) = (sum.data.offset, sum.data.end());
            while at < end {
                let mut piece = vec![0; usize::try_from(PIECE.min(end.saturating_sub(at))).unwrap_or(0)];
                host.read(source, at, &mut piece)?;
                sum.update(&piece);
                at = at.saturating_add(PIECE);
            }
            Ok(sum.is_right())
        }
        _ => Ok(true),
    }
}

/// True when all of an image is erased, whose head is: one pass, up to the first byte that is not.
fn is_erased(host: &dyn Host, source: u32, size: u64) -> Result<bool, ReadError> {
    let mut at = 0;
    while at < size {
        let length = PIECE.min(size.saturating_sub(at));
        let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
        host.read(source, at, &mut piece)?;
        if !kiwame_image::all_are(&piece, medium::fill::ERASED) {
            return Ok(false);
        }
        at = at.saturating_add(length);
    }
    Ok(true)
}

/// Bytes of an image that are looked at in one go.
const PIECE: u64 = 256 << 10;

/// The whole image, by the format that reads it.
#[derive(Debug)]
struct Whole(Readings);

impl<'a> Stage<'a> for Whole {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        self.0.note(&at, out);
        self.0.format.parse(at, out);
    }
}
