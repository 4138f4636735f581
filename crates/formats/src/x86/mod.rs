//! What only x86 machines have: the flash of Intel's chip sets with its network controller's memory, the interface table, and microcode of both makers.

use kiwame_image::Format;

pub(crate) mod amd_microcode;
pub(crate) mod intel_flash;
pub(crate) mod intel_gbe;
pub(crate) mod interface_table;
pub(crate) mod microcode;

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] =
    &[&intel_flash::IntelFlash, &intel_gbe::IntelGbe, &microcode::Microcode, &amd_microcode::AmdMicrocode];
