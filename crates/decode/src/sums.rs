//! Checksums of stream formats: xxHash32 of LZ4, Adler-32 of zlib and lzop, CRC-64 of xz.
//!
//! The xxHash specification 0.1.1, section "XXH32"; RFC 1950, section 9;
//! ECMA-182 for the polynomial of CRC-64.

use kiwame_image::len64;

/// xxHash32 with seed 0.
pub fn xxh32(bytes: &[u8]) -> u32 {
    let (stripes, mut rest) = bytes.as_chunks::<16>();
    let mut hash = if stripes.is_empty() { P5 } else { lanes(stripes) };
    hash = hash.wrapping_add(u32::try_from(len64(bytes) & 0xffff_ffff).unwrap_or(0));
    while let Some((word, left)) = rest.split_first_chunk() {
        hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
        rest = left;
    }
    for &byte in rest {
        hash = hash.wrapping_add(u32::from(byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 13)).wrapping_mul(P3);
    hash ^ (hash >> 16)
}

fn lanes(stripes: &[[u8; 16]]) -> u32 {
    let mut lanes = [P1.wrapping_add(P2), P2, 0, 0u32.wrapping_sub(P1)];
    for stripe in stripes {
        let (words, _) = stripe.as_chunks::<4>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            let input = u32::from_le_bytes(*word).wrapping_mul(P2);
            *lane = lane.wrapping_add(input).rotate_left(13).wrapping_mul(P1);
        }
    }
    let [a, b, c, d] = lanes;
    a.rotate_left(1)
        .wrapping_add(b.rotate_left(7))
        .wrapping_add(c.rotate_left(12))
        .wrapping_add(d.rotate_left(18))
}

/// Adler-32.
///
/// Eight bytes at a time, in sums of 16 bits that lie side by side in words. `a` is the sum of all bytes, and `b`
/// that of all values that `a` goes through: a byte counts in it once for itself and once for each that follows.
pub fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // So many bytes can be added up before `b` leaves 32 bits.
    for piece in bytes.chunks(RUNS * 8) {
        let (words, rest) = piece.as_chunks::<8>();
        for run in words.chunks(RUN) {
            let length = u32::try_from(run.len()).unwrap_or(0).wrapping_mul(8);
            let (sum, weighted) = adler32_run(run);
            b = b.wrapping_add(a.wrapping_mul(length)).wrapping_add(weighted);
            a = a.wrapping_add(sum);
        }
        for &byte in rest {
            a = a.wrapping_add(byte.into());
            b = b.wrapping_add(a);
        }
        a %= 65521;
        b %= 65521;
    }
    (b << 16) | a
}

/// After so many words the largest of the sums, 255 times 1 to 22 added up, is close to leaving 16 bits.
const RUN: usize = 23;
/// As many whole runs as 5552 bytes have.
const RUNS: usize = 30 * RUN;

/// Sum of the bytes, and their sum where the last counts once, the one before it twice and so on.
#[inline(always)]
fn adler32_run(run: &[[u8; 8]]) -> (u32, u32) {
    // The bytes of even and those of odd number; and the sums of what these were before each word.
    let (mut even, mut odd, mut even_before, mut odd_before) = (0u64, 0u64, 0u64, 0u64);
    for word in run {
        let word = u64::from_le_bytes(*word);
        even_before = even_before.wrapping_add(even);
        odd_before = odd_before.wrapping_add(odd);
        even = even.wrapping_add(word & EVEN);
        odd = odd.wrapping_add((word >> 8) & EVEN);
    }
    let (a, c, e, g) = lanes_of(even);
    let (b, d, f, h) = lanes_of(odd);
    // Within a word the first byte counts eight times, the last once.
    let pairs = [(a, b), (c, d), (e, f), (g, h)];
    let weighted = pairs.into_iter().zip([8u32, 6, 4, 2]).fold(0u32, |sum, ((even, odd), weight)| {
        let both = even.wrapping_add(odd).wrapping_mul(weight);
        sum.wrapping_add(both).wrapping_sub(odd)
    });
    let sum = pairs.into_iter().fold(0u32, |sum, (even, odd)| sum.wrapping_add(even).wrapping_add(odd));
    let (a, c, e, g) = lanes_of(even_before);
    let (b, d, f, h) = lanes_of(odd_before);
    let before = [a, b, c, d, e, f, g, h].into_iter().fold(0u32, u32::wrapping_add);
    (sum, weighted.wrapping_add(before.wrapping_mul(8)))
}

#[inline(always)]
fn lanes_of(word: u64) -> (u32, u32, u32, u32) {
    let lane = |shift: u32| u32::try_from(word.wrapping_shr(shift) & 0xffff).unwrap_or(0);
    (lane(0), lane(16), lane(32), lane(48))
}

/// Every second byte of a word.
const EVEN: u64 = 0x00ff_00ff_00ff_00ff;

/// CRC-64 of ECMA-182, reflected, eight bytes at a time.
pub fn crc64(bytes: &[u8]) -> u64 {
    let entry = |table: &[u64; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let (blocks, rest) = bytes.as_chunks::<8>();
    let mut crc = u64::MAX;
    for block in blocks {
        let mixed = (crc ^ u64::from_le_bytes(*block)).to_le_bytes();
        // A byte counts the more, the more bytes come behind it.
        let sums = mixed.iter().zip(CRC64.iter().rev()).map(|(byte, table)| entry(table, *byte));
        crc = sums.fold(0, |sum, entry| sum ^ entry);
    }
    let [first, ..] = &CRC64;
    !rest.iter().fold(crc, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        entry(first, low ^ byte) ^ (crc >> 8)
    })
}

/// Table `n` has the sum of a byte that `n` zero bytes follow.
static CRC64: [[u64; 256]; 8] = crc64_tables();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "runs at compile time only, where all are errors of the compiler"
)]
const fn crc64_tables() -> [[u64; 256]; 8] {
    let mut tables = [[0u64; 256]; 8];
    let mut number = 0;
    while number < 256 {
        let mut crc = number as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xc96c_5795_d787_0f42 };
            bit += 1;
        }
        tables[0][number] = crc;
        number += 1;
    }
    let mut table = 1;
    while table < 8 {
        number = 0;
        while number < 256 {
            let before = tables[table - 1][number];
            tables[table][number] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            number += 1;
        }
        table += 1;
    }
    tables
}

const P1: u32 = 0x9e37_79b1;
const P2: u32 = 0x85eb_ca77;
const P3: u32 = 0xc2b2_ae3d;
const P4: u32 = 0x27d4_eb2f;
const P5: u32 = 0x1656_67b1;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(xxh32(b""), 0x02cc_5d05);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition"), 0xe229_3b2f);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
    }

    #[test]
    fn adler32_is_the_sum_by_bytes() {
        let by_bytes = |bytes: &[u8]| {
            let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
                let a = (a + u32::from(byte)) % 65521;
                (a, (b + a) % 65521)
            });
            (b << 16) | a
        };
        let mixed: Vec<u8> = (0..20_000u32).map(|number| (number * number / 7).to_le_bytes()[0]).collect();
        for length in (0..700).chain(5360..5400).chain([10_752, 20_000]) {
            assert_eq!(adler32(&mixed[..length]), by_bytes(&mixed[..length]), "{length}");
            let largest = vec![0xff; length];
            assert_eq!(adler32(&largest), by_bytes(&largest), "{length}");
        }
    }
}
