//! What only x86 machines have: the flash of Intel's chip sets with the firmware of its management engine and its network
//! controller's memory, the interface table, and microcode of both makers.

use kiwame_decode::Crc32;
use kiwame_image::{Format, to_usize};

pub(crate) mod acm;
pub(crate) mod amd_microcode;
pub(crate) mod boot_guard;
pub(crate) mod code_partition;
pub(crate) mod intel_flash;
pub(crate) mod intel_gbe;
pub(crate) mod intel_me;
pub(crate) mod interface_table;
pub(crate) mod microcode;

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] = &[
    &intel_flash::IntelFlash,
    &intel_gbe::IntelGbe,
    &intel_me::IntelMe,
    &code_partition::CodePartition,
    &acm::Acm,
    &boot_guard::KeyManifest,
    &boot_guard::BootPolicy,
    &microcode::Microcode,
    &amd_microcode::AmdMicrocode,
];

/// A little-endian number at that place, when all of it is there.
fn u32_at(bytes: &[u8], at: u64) -> Option<u32> {
    let field = bytes.get(to_usize(at)..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

/// The same of two bytes.
fn u16_at(bytes: &[u8], at: u64) -> Option<u16> {
    let field = bytes.get(to_usize(at)..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}

/// The same of one.
fn u8_at(bytes: &[u8], at: u64) -> Option<u8> {
    bytes.get(to_usize(at)).copied()
}

/// A name that zeros fill up.
fn trimmed(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
    name.get(..end).unwrap_or_default()
}

/// The same for people.
fn readable(name: &[u8]) -> String {
    String::from_utf8_lossy(trimmed(name)).into_owned()
}

/// CRC-32 of bytes in which the four at that place, where it is kept, count as zero; none when they are not there.
fn crc_but(bytes: &[u8], at: u64) -> Option<u32> {
    let (before, behind) = bytes.split_at_checked(to_usize(at))?;
    let (_, behind) = behind.split_first_chunk::<4>()?;
    let mut sum = Crc32::default();
    [before, &[0; 4], behind].into_iter().for_each(|part| sum.update(part));
    Some(sum.value())
}

/// The sum of all bytes.
fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte))
}
