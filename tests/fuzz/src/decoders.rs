//! Decoders by themselves, beside those of others.

use kiwame_decode::{DecodeError, Decoded, Decoder};

#[path = "../../../crates/decode/src/others.rs"]
mod others;

/// As much as is decoded.
const ROOM: u64 = 1 << 20;

/// What the fuzzer calls each of them: the formats have the names of some.
pub const PREFIX: &str = "decode-";

/// Any bytes, in all of the room and in little of it.
pub fn run(decoder: &Decoder, input: &[u8]) -> u32 {
    others::holds(decoder, input, ROOM);
    others::holds(decoder, input, 1000);
    10
}

/// The streams that lie anywhere in some bytes.
pub fn streams<'b>(decoder: &Decoder, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
    (0..bytes.len()).filter_map(move |at| {
        let found = (decoder.decode)(&bytes[at..], None, 1 << 14).ok()?;
        // Some kinds of a few bytes are in everything.
        (found.consumed >= 20 && found.bytes.len() >= 20).then(|| &bytes[at..][..found.consumed as usize])
    })
}
