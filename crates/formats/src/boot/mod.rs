//! What boot loaders of devices read: kernel images, environments, device trees and the images packed as such.

use kiwame_image::Format;

pub(crate) mod arguments;
pub(crate) mod arm64_image;
pub(crate) mod bzimage;
pub(crate) mod coreboot;
pub(crate) mod fdt;
pub(crate) mod uboot_env;
pub(crate) mod uimage;

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] = &[
    &uboot_env::UbootEnv,
    &fdt::tree::DeviceTree,
    &fdt::fit::UbootFit,
    &uimage::UImage,
    &arm64_image::Arm64Image,
    &bzimage::BzImage,
    &coreboot::fmap::Fmap,
    &coreboot::cbfs::Cbfs,
];
