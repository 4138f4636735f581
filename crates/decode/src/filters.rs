//! Filters that `.xz` streams may run before LZMA2: for programs of each machine, and for tables. The ways back.
//!
//! The `.xz` file format 1.2.1, section 5.3, for ids and properties; where the operands of a machine's branches lie, from
//! its manual; which branches are converted, from what XZ Utils and `lib/xz` of Linux do. A filter for programs turns the
//! target of a branch, as far as it is relative, into an address, so that all calls of one function look alike.
//!
//! ```text
//! 03 delta      each byte less the one a distance before it; property: distance - 1
//! 04 x86        05 PowerPC, big endian   06 IA-64     07 ARM     08 ARM-Thumb
//! 09 SPARC      0a ARM64                 0b RISC-V    property, or none: address of the first byte, 4 bytes
//! ```
//!
//! Linux reads 04 to 09 without property, and 0a and 0b since 6.13.

use super::x86;

/// What was done to the content before it was packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filter {
    /// With the distance.
    Delta(usize),
    /// With the address of the first byte.
    Program(fn(&mut [u8], u32), u32),
}

impl Filter {
    /// `None` for an id that stands for none, and for properties that it cannot have.
    pub(super) fn of(id: u64, properties: &[u8]) -> Option<Self> {
        if let (3, &[distance]) = (id, properties) {
            return Some(Self::Delta(usize::from(distance).saturating_add(1)));
        }
        let (restore, alignment): (fn(&mut [u8], u32), u32) = match id {
            4 => (x86::restore_from, 1),
            5 => (powerpc, 4),
            6 => (ia64, 16),
            7 => (arm, 4),
            8 => (thumb, 2),
            9 => (sparc, 4),
            0xa => (arm64, 4),
            0xb => (riscv, 2),
            _ => return None,
        };
        let start = match properties {
            [] => 0,
            &[a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => return None,
        };
        start.is_multiple_of(alignment).then_some(Self::Program(restore, start))
    }

    /// Undoes it, in place.
    pub(super) fn restore(self, content: &mut [u8]) {
        match self {
            Self::Delta(distance) => delta(content, distance),
            Self::Program(restore, start) => restore(content, start),
        }
    }
}

fn delta(content: &mut [u8], distance: usize) {
    let mut at = distance;
    while let Some((before, rest)) = content.split_at_mut_checked(at).filter(|(_, rest)| !rest.is_empty()) {
        let back = before.get(at.saturating_sub(distance)..).unwrap_or_default();
        rest.iter_mut().zip(back).for_each(|(byte, back)| *byte = byte.wrapping_add(*back));
        at = at.saturating_add(distance);
    }
}

/// Every whole piece of `N` bytes, with its address.
fn pieces<const N: usize>(content: &mut [u8], start: u32) -> impl Iterator<Item = (u32, &mut [u8; N])> {
    let (pieces, _) = content.as_chunks_mut::<N>();
    let length = u32::try_from(N).unwrap_or(0);
    pieces.iter_mut().scan(start, move |next, piece| {
        let address = *next;
        *next = next.wrapping_add(length);
        Some((address, piece))
    })
}

/// BL without a condition: 24 bits of words, from two instructions on.
fn arm(content: &mut [u8], start: u32) {
    for (address, word) in pieces(content, start) {
        let code = u32::from_le_bytes(*word);
        if code >> 24 == 0xeb {
            let target = code.wrapping_sub(address.wrapping_add(8) >> 2);
            *word = (0xeb00_0000 | target & 0x00ff_ffff).to_le_bytes();
        }
    }
}

/// BL in two halves of 11 bits each, from two instructions on.
fn thumb(content: &mut [u8], start: u32) {
    let (mut at, mut address) = (0usize, start);
    while let Some(place) = content.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        // The high half comes first.
        let code = u32::from_le_bytes(*place).rotate_left(16);
        let mut length = 2u8;
        if code & 0xf800_f800 == 0xf000_f800 {
            let target = (code >> 16 & 0x7ff) << 11 | code & 0x7ff;
            let target = target.wrapping_sub(address.wrapping_add(4) >> 1);
            let code = 0xf000_f800 | (target >> 11 & 0x7ff) << 16 | target & 0x7ff;
            *place = code.rotate_left(16).to_le_bytes();
            length = 4;
        }
        at = at.saturating_add(length.into());
        address = address.wrapping_add(length.into());
    }
}

/// BL: 24 bits of words.
fn powerpc(content: &mut [u8], start: u32) {
    for (address, word) in pieces(content, start) {
        let code = u32::from_be_bytes(*word);
        if code & 0xfc00_0003 == 0x4800_0001 {
            *word = (0x4800_0001 | code.wrapping_sub(address) & 0x03ff_fffc).to_be_bytes();
        }
    }
}

/// CALL whose target is within 16 MiB: 22 bits of words and their sign.
fn sparc(content: &mut [u8], start: u32) {
    for (address, word) in pieces(content, start) {
        let code = u32::from_be_bytes(*word);
        if matches!(code >> 22, 0x100 | 0x1ff) {
            let target = code.wrapping_sub(address >> 2);
            let sign = if target >> 22 & 1 == 0 { 0 } else { 0x3fc0_0000 };
            *word = (0x4000_0000 | sign | target & 0x003f_ffff).to_be_bytes();
        }
    }
}

/// BL: 26 bits of words. ADRP within 512 MiB: 18 bits of pages and their sign.
fn arm64(content: &mut [u8], start: u32) {
    for (address, word) in pieces(content, start) {
        let code = u32::from_le_bytes(*word);
        if code >> 26 == 0x25 {
            *word = (0x9400_0000 | code.wrapping_sub(address >> 2) & 0x03ff_ffff).to_le_bytes();
        } else if code & 0x9f00_0000 == 0x9000_0000 {
            let page = code >> 29 & 3 | code >> 3 & 0x001f_fffc;
            if matches!(page >> 17, 0 | 0xf) {
                let page = page.wrapping_sub(address >> 12);
                let sign = if page >> 17 & 1 == 0 { 0 } else { 0x00e0_0000 };
                let target = (page & 3) << 29 | (page & 0x0003_fffc) << 3;
                *word = (code & 0x9000_001f | target | sign).to_le_bytes();
            }
        }
    }
}

/// Bundles of three instructions of 41 bits behind a template, which says which of them are branches. Converted are
/// calls: 21 bits of bundles.
fn ia64(content: &mut [u8], start: u32) {
    for (address, bundle) in pieces(content, start) {
        let mut code = u128::from_le_bytes(*bundle);
        let slots: &[u32] = match code & 0x1f {
            0x10 | 0x11 | 0x18 | 0x19 | 0x1c | 0x1d => &[87],
            0x12 | 0x13 => &[46, 87],
            0x16 | 0x17 => &[5, 46, 87],
            _ => continue,
        };
        for &slot in slots {
            let instruction = code.wrapping_shr(slot);
            if instruction >> 37 & 0xf == 5 && instruction >> 9 & 7 == 0 {
                let target = (instruction >> 13 & 0xf_ffff) | (instruction >> 36 & 1) << 20;
                let target = target.wrapping_sub((address >> 4).into());
                let operand = (target & 0xf_ffff) << 13 | (target >> 20 & 1) << 36;
                code = code & !OPERAND.wrapping_shl(slot) | operand.wrapping_shl(slot);
            }
        }
        *bundle = code.to_le_bytes();
    }
}

/// Where a branch of IA-64 has its target.
const OPERAND: u128 = 0xf_ffff << 13 | 1 << 36;

/// JAL into a register for returning, and AUIPC with the instruction behind it, whose 12 bits complete its target.
fn riscv(content: &mut [u8], start: u32) {
    let (mut at, mut address) = (0usize, start);
    // Nothing is converted where not both instructions of a pair could be.
    while let Some(place) = content.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) {
        let [a, b, c, d, e, f, g, h] = *place;
        let (first, second) = (u32::from_le_bytes([a, b, c, d]), [e, f, g, h]);
        let (pair, length) = if first & 0xdff == 0xef {
            let [a, b, c, d] = jal(first, address).to_le_bytes();
            (Some([a, b, c, d, e, f, g, h]), 4)
        } else if first & 0x7f == 0x17 {
            auipc(first, second, address)
        } else {
            (None, 2)
        };
        if let Some(pair) = pair {
            *place = pair;
        }
        at = at.saturating_add(length.into());
        address = address.wrapping_add(length.into());
    }
}

/// The encoder lays the 20 bits of a JAL out as one number, most significant first, from the high half of the second
/// byte on.
fn jal(code: u32, address: u32) -> u32 {
    let [_, b, c, d] = code.to_le_bytes();
    let target = u32::from_be_bytes([0, b & 0xf0, c, d]);
    // Bits 20 to 17 are in `b`, 16 to 9 in `c`, 8 to 1 in `d`.
    let target = (target >> 20 << 17 | (target & 0xffff) << 1).wrapping_sub(address);
    let operand = (target >> 20 & 1) << 31 | (target >> 1 & 0x3ff) << 21 | (target >> 11 & 1) << 20;
    operand | (target >> 12 & 0xff) << 12 | code & 0xfff
}

/// What a pair was that now begins with `first`, if it is one; and how long what was looked at is.
///
/// The encoder marks a converted pair by x2 as the register of its AUIPC, with the register of the pair in the highest five
/// bits and the second instruction less its operand in the rest, and the address behind that, most significant byte first.
/// A pair that had such a register is turned round, lest it be taken for one that was converted.
fn auipc(first: u32, second: [u8; 4], address: u32) -> (Option<[u8; 8]>, u8) {
    let other = u32::from_le_bytes(second);
    let (first, other) = if first & 0xe80 != 0 {
        // A pair uses one register, and the second of it loads, stores or adds (its lowest two bits are set).
        if (first << 8 ^ other) & 0x000f_8003 != 3 {
            return (None, 6);
        }
        (0x117 | other << 12, first & 0xffff_f000 | other >> 20)
    } else {
        let register = first >> 27;
        // The lowest two bits of the second instruction are set, and x0 and x2 are not converted.
        if first.wrapping_sub(0x3117) << 18 >= register & 0x1d {
            return (None, 4);
        }
        let target = u32::from_be_bytes(second).wrapping_sub(address);
        let high = target.wrapping_add(0x800) & 0xffff_f000;
        (0x17 | register << 7 | high, first >> 12 | target << 20)
    };
    let ([a, b, c, d], [e, f, g, h]) = (first.to_le_bytes(), other.to_le_bytes());
    (Some([a, b, c, d, e, f, g, h]), 8)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use std::io::{Read as _, Write as _};

    use lzma_rust2::filter::bcj::{BcjReader, BcjWriter};
    use lzma_rust2::filter::delta::DeltaReader;

    use super::*;
    use crate::testing::random;

    /// Id, alignment, beginnings of what is converted, and the library's two ways.
    type Case = (
        u64,
        u32,
        &'static [&'static [u8]],
        fn(&'static [u8], usize) -> BcjReader<&'static [u8]>,
        fn(Vec<u8>, usize) -> BcjWriter<Vec<u8>>,
    );

    const ALL: [Case; 8] = [
        (4, 1, &[&[0xe8, 1, 2, 0, 0], &[0xe9, 0, 0, 1, 0xff]], BcjReader::new_x86, BcjWriter::new_x86),
        (5, 4, &[&[0x48, 1, 2, 1], &[0x4b, 0xff, 3, 5]], BcjReader::new_ppc, BcjWriter::new_ppc),
        (6, 16, &IA64, BcjReader::new_ia64, BcjWriter::new_ia64),
        (7, 4, &[&[1, 2, 3, 0xeb], &[0xff, 0xff, 0xff, 0xeb]], BcjReader::new_arm, BcjWriter::new_arm),
        (
            8,
            2,
            &[&[1, 0xf0, 2, 0xf8], &[9, 0xf7, 8, 0xff]],
            BcjReader::new_arm_thumb,
            BcjWriter::new_arm_thumb,
        ),
        (9, 4, &[&[0x40, 1, 2, 3], &[0x7f, 0xc1, 2, 3]], BcjReader::new_sparc, BcjWriter::new_sparc),
        (0xa, 4, &ARM64, BcjReader::new_arm64, BcjWriter::new_arm64),
        (0xb, 2, &RISCV, BcjReader::new_riscv, BcjWriter::new_riscv),
    ];
    const IA64: [&[u8]; 3] = [
        &[0x16, 0, 4, 8, 0xa0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0x28],
        &[0x12, 0, 0, 0, 0, 0x10, 0x20, 0, 0x50, 0x21, 1, 0, 0, 2, 0, 0x50],
        &[0x1d, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xf0, 0xff, 0xff, 0x58],
    ];
    const ARM64: [&[u8]; 3] = [&[1, 2, 3, 0x94], &[0x11, 2, 0, 0xb0], &[0x1f, 0xff, 0xff, 0xf0]];
    const RISCV: [&[u8]; 5] = [
        &[0xef, 0, 0x10, 0x20],
        &[0xef, 0xf2, 0xff, 0x8f],
        // AUIPC of x1 with JALR, of x10 with ADDI, of x2.
        &[0x97, 0x10, 0x20, 0, 0xe7, 0x80, 0x40, 0x30],
        &[0x17, 0xf5, 0xff, 0xff, 0x13, 5, 5, 0x80],
        &[0x17, 0x31, 0x20, 0x50, 0, 1, 2, 3],
    ];

    /// Bytes by chance, as zeros, and as what a filter looks for, at most places as it lies in programs.
    fn code(seed: u64, length: usize, alignment: usize, patterns: &[&[u8]]) -> Vec<u8> {
        let mut next = random(seed);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            match next() % 8 {
                0 => bytes.extend((0..next() % 9).map(|_| next() as u8)),
                1 => bytes.extend(std::iter::repeat_n([0, 0xff][next() % 2], next() % 9)),
                kind => {
                    if kind > 2 {
                        bytes.resize(bytes.len().next_multiple_of(alignment), next() as u8);
                    }
                    let mut pattern = patterns[next() % patterns.len()].to_vec();
                    // One bit may differ, so that what nearly fits comes up as well.
                    let bit = next() % (pattern.len() * 8);
                    pattern[bit / 8] ^= (next() as u8 & 1) << (bit % 8);
                    bytes.extend(pattern);
                }
            }
        }
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn what_the_library_filters_comes_back_and_what_it_restores_is_ours_too() {
        let mut converted = [0; 8];
        for (filter, (id, alignment, patterns, reader, writer)) in ALL.into_iter().enumerate() {
            for case in 0..300_u64 {
                let length = if case < 100 { case as usize } else { 200 + (case as usize * 37) % 9000 };
                let start = [0, 1, 3, 0x1234, 0x07ff_ffff, 0x7fff_fff0, u32::MAX][case as usize % 7]
                    & !(alignment - 1);
                // Behind bytes that move everything to another place.
                let moved = code(case + 999, case as usize % 17, 1, patterns);
                let bytes = [moved, code(case, length, alignment as usize, patterns)].concat();
                let ours = Filter::of(id, &start.to_le_bytes()).expect("known");

                let mut encoder = writer(Vec::new(), start as usize);
                encoder.write_all(&bytes).unwrap();
                let mut filtered = encoder.finish().unwrap();
                converted[filter] += usize::from(filtered != bytes);
                ours.restore(&mut filtered);
                assert!(filtered == bytes, "{id:#x} {case}");

                // Bytes that no encoder made.
                let (mut restored, mut expected) = (bytes.clone(), Vec::new());
                ours.restore(&mut restored);
                reader(bytes.leak(), start as usize).read_to_end(&mut expected).unwrap();
                assert!(restored == expected, "{id:#x} {case}");
            }
        }
        assert!(converted.iter().all(|&count| count > 100), "{converted:?}");
    }

    #[test]
    fn a_difference_is_undone_at_every_distance() {
        for distance in 1..=256_usize {
            for length in [0, 1, distance - 1, distance, distance + 1, 1000] {
                let bytes = code(distance as u64, length, 1, &[&[1, 2, 3]]);
                let (mut ours, mut theirs) = (bytes.clone(), Vec::new());
                Filter::of(3, &[(distance - 1) as u8]).expect("known").restore(&mut ours);
                DeltaReader::new(&bytes[..], distance).read_to_end(&mut theirs).unwrap();
                assert!(ours == theirs, "{distance} {length}");
            }
        }
    }

    #[test]
    fn properties_are_those_of_the_filter() {
        for (id, alignment, ..) in ALL {
            assert!(Filter::of(id, &[]).is_some());
            for start in 0..=16_u32 {
                let known = Filter::of(id, &start.to_le_bytes()).is_some();
                assert_eq!(known, start % alignment == 0, "{id:#x} {start}");
            }
            assert!([1, 2, 3, 5].into_iter().all(|length| Filter::of(id, &vec![0; length]).is_none()));
        }
        assert!(Filter::of(3, &[]).is_none() && Filter::of(3, &[0, 0]).is_none());
        assert!([0, 1, 2, 0xc, 0x20, 0x21, 1 << 62].into_iter().all(|id| Filter::of(id, &[]).is_none()));
    }
}
