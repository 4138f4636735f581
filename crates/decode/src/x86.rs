//! The filter for x86 programs that compressors run before LZMA: call and jump targets as absolute addresses.
//!
//! LZMA SDK, `Bra86.c` (the BCJ x86 filter), which EDK II's `LzmaF86` variant runs over the whole output with a
//! start address of zero. This is the way back.

/// Turns absolute targets into relative ones again, in place; the first byte lies at the address zero.
pub fn restore(bytes: &mut [u8]) {
    restore_from(bytes, 0);
}

/// The same from any address on.
///
/// A target is touched only behind an opcode E8 or E9, and only when its highest byte is 00 or FF. `recent` has
/// one bit for each of the last bytes that looked like an opcode and were left alone: they make the bytes behind
/// them doubtful, and the encoder had the same doubts.
pub(super) fn restore_from(bytes: &mut [u8], start: u32) {
    let mut recent = 0u32;
    let mut last = None;
    let mut at = 0usize;
    while let Some(found) = next_opcode(bytes, at) {
        at = found;
        let Some(&[a, b, c, top]) = bytes.get(at.wrapping_add(1)..).and_then(<[u8]>::first_chunk) else {
            return;
        };
        recent = age(recent, last.map_or(usize::MAX, |last| at.wrapping_sub(last)));
        last = Some(at);
        if !is_sign(top) || !ALLOWED.contains(&(recent >> 1)) {
            recent = (recent & 0x77) | 1 | if is_sign(top) { 0x10 } else { 0 };
            at = at.wrapping_add(1);
            continue;
        }
        let next = at.wrapping_add(5);
        let target = relative(u32::from_le_bytes([a, b, c, top]), address(next).wrapping_add(start), recent);
        if let Some(place) = bytes.get_mut(at.wrapping_add(1)..).and_then(<[u8]>::first_chunk_mut) {
            *place = target.to_le_bytes();
        }
        recent = 0;
        at = next;
    }
}

/// States of the last three bytes, less the current one, that leave a target believable: none of them, or one.
const ALLOWED: [u32; 4] = [0, 1, 2, 4];

fn next_opcode(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|byte| byte & 0xfe == 0xe8)?;
    Some(from.wrapping_add(found))
}

fn is_sign(byte: u8) -> bool {
    byte == 0 || byte == 0xff
}

/// Ages the doubts by the distance from the last opcode.
fn age(recent: u32, distance: usize) -> u32 {
    if distance > 5 {
        return 0;
    }
    (0..distance).fold(recent, |recent, _| (recent & 0x77) << 1)
}

/// The filter works on addresses of 32 bits.
fn address(at: usize) -> u32 {
    // Through 64 bits: where `usize` has 32, the mask alone would say nothing.
    u64::try_from(at).ok().and_then(|at| u32::try_from(at & 0xffff_ffff).ok()).unwrap_or(0)
}

fn relative(absolute: u32, next: u32, recent: u32) -> u32 {
    let mut source = absolute;
    let target = loop {
        let target = source.wrapping_sub(next);
        // Which byte of the target overlaps the doubtful opcode.
        let doubtful: u32 = match recent >> 1 {
            _ if recent == 0 => break target,
            0 => 0,
            1 => 1,
            2 | 3 => 2,
            _ => 3,
        };
        let shift = 24u32.wrapping_sub(doubtful << 3);
        let [byte, ..] = (target >> shift).to_le_bytes();
        if !is_sign(byte) {
            break target;
        }
        source = target ^ (1u32.checked_shl(shift.wrapping_add(8)).unwrap_or(0).wrapping_sub(1));
    };
    // The highest byte is the sign again.
    let sign = if target >> 24 & 1 == 0 { 0 } else { 0xff00_0000 };
    (target & 0x00ff_ffff) | sign
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use lzma_rust2::filter::bcj::BcjWriter;

    use super::*;

    #[test]
    fn what_the_filter_did_is_undone() {
        let mut random = 1u32;
        for case in 0..400usize {
            // Programs are calls, zeros and sign bytes far more often than chance has them.
            let bytes: Vec<u8> = (0..case * 3)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    match random >> 24 {
                        0..=70 => 0xe8,
                        71..=110 => 0xe9,
                        111..=150 => 0,
                        151..=190 => 0xff,
                        _ => (random >> 16) as u8,
                    }
                })
                .collect();
            let mut writer = BcjWriter::new_x86(Vec::new(), 0);
            writer.write_all(&bytes).unwrap();
            let mut filtered = writer.finish().unwrap();
            restore(&mut filtered);
            assert!(filtered == bytes, "case {case}");
        }
    }

    #[test]
    fn a_call_at_the_end_of_the_bytes_is_left_alone() {
        let mut bytes = [0x90, 0xe8, 1, 0, 0];
        restore(&mut bytes);
        assert_eq!(bytes, [0x90, 0xe8, 1, 0, 0]);
        let mut bytes = [0x90, 0xe8, 7, 0, 0, 0];
        restore(&mut bytes);
        assert_eq!(bytes, [0x90, 0xe8, 1, 0, 0, 0]);
    }
}
