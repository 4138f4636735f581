//! UEFI Platform Initialization: images, volumes, files, sections, and the variables beside them.
//!
//! An image is volumes and what lies between; a volume has files, a file sections, and a section may encode a stream that
//! has sections or a volume again. `nvram.rs` reads the store of a variable volume, `variable_data.rs` what variables
//! hold, `ftw.rs` the block that a write is prepared in.

use kiwame_image::Format;

pub(crate) mod capsule;
pub(crate) mod depex;
mod device_path;
pub(crate) mod encapsulation;
pub(crate) mod file;
#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod ftw;
pub(crate) mod guid;
pub(crate) mod image;
pub(crate) mod nvram;
pub(crate) mod section;
pub(crate) mod variable_data;
pub(crate) mod volume;

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] =
    &[&capsule::Capsule, &image::UefiImage, &volume::UefiVolume, &section::UefiSections, &nvram::Nvram];
