//! Content for the tests of decoders.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

/// Numbers of 44 bits, one as likely as another.
pub(crate) fn random(seed: u64) -> impl FnMut() -> usize {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 20) as usize
    }
}

/// Bytes with literals, runs, near and far matches, in a proportion that `seed` sets.
pub(crate) fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut next = random(seed);
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < length {
        match next() % 5 {
            0 => bytes.extend((0..next() % 40).map(|_| next() as u8)),
            1 => bytes.extend(std::iter::repeat_n(next() as u8, next() % 700)),
            2 => bytes.extend((0..next() % 60).map(|n| (n * 3 + 7) as u8)),
            3 => bytes.extend((0..next() % 200).map(|_| (next() % 256 * (next() % 256) / 256) as u8)),
            _ if bytes.is_empty() => {}
            _ => {
                let from = next() % bytes.len();
                let piece = bytes[from..].iter().copied().take(next() % 300).collect::<Vec<_>>();
                bytes.extend(piece);
            }
        }
    }
    bytes.truncate(length);
    bytes
}
