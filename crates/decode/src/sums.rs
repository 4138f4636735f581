//! Checksums of stream formats and of what frames them.
//!
//! CRC-32 of IEEE 802.3, CRC-64 of ECMA-182 (xz) and xxHash32 (LZ4) are libraries'; Adler-32 (zlib, lzop; RFC 1950,
//! section 9) is ours, since the libraries' is half as fast as WebAssembly.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, CRC_64_XZ, Crc, Digest, Table};
use twox_hash::XxHash32;

/// Sixteen bytes at a time.
type Sixteen = Table<16>;

static CRC32: Crc<u32, Sixteen> = Crc::<u32, Sixteen>::new(&CRC_32_ISO_HDLC);
/// What xz checks all content with, unless it is told otherwise: by single bytes it took longer than some content does.
static CRC64: Crc<u64, Sixteen> = Crc::<u64, Sixteen>::new(&CRC_64_XZ);

/// CRC-32 of IEEE 802.3, as UEFI uses it.
pub struct Crc32(Digest<'static, u32, Sixteen>);

impl Default for Crc32 {
    fn default() -> Self {
        Self(CRC32.digest())
    }
}

impl fmt::Debug for Crc32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Crc32").field(&self.value()).finish()
    }
}

impl Crc32 {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far.
    pub fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}

/// The same sum, begun and ended with zero, as JFFS2 has it.
pub fn crc32_from_zero(bytes: &[u8]) -> u32 {
    let mut digest = CRC32.digest_with_initial(0);
    digest.update(bytes);
    !digest.finalize()
}

/// CRC-64 of ECMA-182, reflected.
pub fn crc64(bytes: &[u8]) -> u64 {
    CRC64.checksum(bytes)
}

/// xxHash32 with seed 0.
pub fn xxh32(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
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
        // By its definition, bit by bit.
        assert_eq!(crc32_from_zero(b"123456789"), 0x2dfd_2d88);
    }

    #[test]
    fn crc32_of_pieces_is_that_of_the_whole() {
        let mut crc = Crc32::default();
        assert_eq!(crc.value(), 0);
        crc.update(b"12345");
        crc.update(b"6789");
        assert_eq!(crc.value(), 0xcbf4_3926);
        let long: Vec<u8> = (0..1000_u32).map(|number| number.to_le_bytes()[0].wrapping_mul(7)).collect();
        let (mut bytewise, mut pieces) = (Crc32::default(), Crc32::default());
        long.iter().for_each(|&byte| bytewise.update(&[byte]));
        pieces.update(&long[..33]);
        pieces.update(&long[33..]);
        assert_eq!(pieces.value(), bytewise.value());
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
