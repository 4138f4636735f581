//! The formats kiwame takes apart, one file each.
//!
//! To add one: write its file, add one line to [`FORMATS`], and one sample.
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

mod amd_microcode;
mod arm64_image;
mod boot_arguments;
mod bzimage;
mod content;
mod cpio;
mod device_tree;
mod elf;
mod embedded;
mod file_content;
mod files;
mod fill;
mod fit;
mod flat_tree;
mod ftw;
mod gzip;
mod intel_flash;
mod jffs2;
mod lz4;
mod lzma;
mod lzop;
mod microcode;
mod nvram;
mod overlay_mark;
mod pe;
mod program;
mod raw;
mod raw_flash;
mod recognise;
mod search;
mod settings;
mod squashfs;
mod stream;
mod te;
#[cfg(test)]
mod testing;
mod uboot_env;
mod uboot_fit;
mod uefi_depex;
mod uefi_encapsulation;
mod uefi_file;
mod uefi_guid;
mod uefi_image;
mod uefi_section;
#[cfg(test)]
mod uefi_testing;
mod uefi_volume;
mod uimage;
mod variable_data;
mod xz;
mod zstd;

/// Every format, in the order in which equal matches win. `raw` takes what nobody recognises.
pub static FORMATS: &[&dyn Format] = &[
    &fill::Fill,
    &intel_flash::IntelFlash,
    &uefi_image::UefiImage,
    &uefi_volume::UefiVolume,
    &uefi_section::UefiSections,
    &pe::Pe,
    &te::Te,
    &elf::Elf,
    &nvram::Nvram,
    &microcode::Microcode,
    &amd_microcode::AmdMicrocode,
    &squashfs::Squashfs,
    &jffs2::Jffs2,
    &overlay_mark::OverlayMark,
    &cpio::Cpio,
    &uboot_env::UbootEnv,
    &device_tree::DeviceTree,
    &uboot_fit::UbootFit,
    &gzip::Gzip,
    &xz::Xz,
    &zstd::Zstd,
    &lz4::Lz4,
    &lzop::Lzop,
    &lzma::Lzma,
    &uimage::UImage,
    &arm64_image::Arm64Image,
    &bzimage::BzImage,
    &raw::Raw,
];

/// The format of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
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
    if readings.format.name() == fill::NAME && !is_erased(host, source, size)? {
        readings.format = &raw::Raw;
    }
    let name = readings.format.name();
    if !options.layout.is_empty() && !STRUCTURED.contains(&name) {
        let flash = Rc::new(raw_flash::RawFlash(options.layout.clone()));
        return kiwame_image::parse_with(host, (source, size), raw_flash::NAME, flash, limits, options);
    }
    kiwame_image::parse_with(host, (source, size), name, Rc::new(Whole(readings)), limits, options)
}

/// True when an image is of that format, where its head cannot tell.
fn confirms(name: &str, host: &dyn Host, source: u32, head: &[u8], size: u64) -> Result<bool, ReadError> {
    match name {
        uboot_env::NAME => {
            let mut whole = vec![0; usize::try_from(uboot_env::LARGEST.min(size)).unwrap_or(0)];
            host.read(source, 0, &mut whole)?;
            Ok(uboot_env::size_of(&whole, size).is_some())
        }
        uimage::NAME => {
            let Some(mut sum) = uimage::DataSum::of(head).filter(|sum| sum.data.end() <= size) else {
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
        if piece.iter().any(|&byte| byte != fill::ERASED) {
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
