//! Content for the tests of decoders.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use ruzstd::encoding::{CompressionLevel, compress_to_vec as zstd};

use crate::{Crc32, brotli, lzma, tiano, xz};

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

/// A few small streams of a decoder, nothing behind them.
pub(crate) fn streams(decoder: &str) -> Vec<Vec<u8>> {
    let contents = || [1, 40, 700].map(|length| content(length as u64, length)).into_iter();
    match decoder {
        "brotli" => brotli::tests::streams(),
        "deflate" => {
            contents().flat_map(|bytes| [1, 9].map(|level| compress_to_vec(&bytes, level))).collect()
        }
        "efi11" => tiano::tests::streams(true),
        "gzip" => contents().map(|bytes| gzip(&bytes)).collect(),
        "lz4" => contents().map(|bytes| lz4_flex::block::compress(&bytes)).collect(),
        "lzma" => lzma::tests::streams(),
        "lzo" => contents().map(|bytes| lzokay::compress::compress(&bytes).expect("packed")).collect(),
        "tiano" => tiano::tests::streams(false),
        "xz" => xz::tests::streams(),
        "zlib" => contents().map(|bytes| compress_to_vec_zlib(&bytes, 9)).collect(),
        "zstd" => contents().map(|bytes| zstd(&bytes[..], CompressionLevel::Fastest)).collect(),
        _ => Vec::new(),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut crc = Crc32::default();
    crc.update(bytes);
    let trailer = [crc.value().to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
    [compress_to_vec(bytes, 6), trailer].concat()
}
