//! Checksums of stream formats: xxHash32 of LZ4, Adler-32 of zlib and lzop.
//!
//! The xxHash specification 0.1.1, section "XXH32"; RFC 1950, section 9.

/// xxHash32 with seed 0.
pub(crate) fn xxh32(bytes: &[u8]) -> u32 {
    let (stripes, mut rest) = bytes.as_chunks::<16>();
    let mut hash = if stripes.is_empty() { P5 } else { lanes(stripes) };
    hash = hash.wrapping_add(u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(0));
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
pub(crate) fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // So many bytes can be added up before the sums leave 32 bits.
    for piece in bytes.chunks(5552) {
        for &byte in piece {
            a = a.wrapping_add(byte.into());
            b = b.wrapping_add(a);
        }
        a %= 65521;
        b %= 65521;
    }
    (b << 16) | a
}

const P1: u32 = 0x9e37_79b1;
const P2: u32 = 0x85eb_ca77;
const P3: u32 = 0xc2b2_ae3d;
const P4: u32 = 0x27d4_eb2f;
const P5: u32 = 0x1656_67b1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(xxh32(b""), 0x02cc_5d05);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition"), 0xe229_3b2f);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
