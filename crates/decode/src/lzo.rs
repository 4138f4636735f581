//! LZO1X, as Linux and lzop pack single blocks.
//!
//! `Documentation/staging/lzo.rst` of Linux 6.1, bitstream version 0. A block ends at its end marker.
//!
//! ```text
//! 0000DDSS H  copy 2 from 1 KiB, after 1 to 3 literals; copy 3 from 2 KiB on, after a long run
//! 0000LLLL    3 + L literals otherwise                     0001HLLL D D  copy 2 + L from 16 to 48 KiB
//! 001LLLLL D D copy 2 + L from 16 KiB                      01LDDDSS H, 1LLDDDSS H  copy 3 to 8 from 2 KiB
//! ```

use kiwame_image::{len64, to_usize};

use super::{DecodeError, Decoded};

/// Decodes one block from the start of `input`.
pub fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    if expected.is_some_and(|size| size > room) {
        return Err(DecodeError::Overflow);
    }
    let limit = to_usize(expected.unwrap_or(room));
    // A byte of input gives 255 bytes of output at most, and a copy of a few bytes more.
    let most = input.len().saturating_mul(256).min(limit);
    let full = if expected.is_some() { DecodeError::SizeMismatch } else { DecodeError::Overflow };
    let mut block = Block { input, at: 0, out: Vec::with_capacity(most), limit, full };
    block.run()?;
    let consumed = len64(input.get(..block.at).unwrap_or(input));
    let bytes = block.out;
    if expected.is_some_and(|size| size != len64(&bytes)) {
        return Err(DecodeError::SizeMismatch);
    }
    Ok(Decoded::new(bytes, consumed))
}

struct Block<'i> {
    input: &'i [u8],
    at: usize,
    out: Vec<u8>,
    limit: usize,
    /// What it means when the output has no room.
    full: DecodeError,
}

/// What came before an instruction below 16, which decides what that is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Copy,
    FewLiterals,
    ManyLiterals,
}

impl Block<'_> {
    fn run(&mut self) -> Result<(), DecodeError> {
        let mut before = Before::Copy;
        if let Some(&first @ 18..) = self.input.first() {
            self.at = 1;
            let count = usize::from(first).saturating_sub(17);
            self.literals(count)?;
            before = if count < 4 { Before::FewLiterals } else { Before::ManyLiterals };
        }
        loop {
            let code = usize::from(self.byte()?);
            let (length, distance, trailing) = match code {
                0..16 if before == Before::Copy => {
                    let count = self.length(code, 15)?.saturating_add(3);
                    self.literals(count)?;
                    before = Before::ManyLiterals;
                    continue;
                }
                0..16 => {
                    let high = usize::from(self.byte()?) << 2;
                    let (length, base) = if before == Before::FewLiterals { (2, 1) } else { (3, 0x801) };
                    (length, high.saturating_add(code >> 2).saturating_add(base), code & 3)
                }
                16..32 => {
                    let length = self.length(code & 7, 7)?.saturating_add(2);
                    let low = self.pair()?;
                    let distance = ((code & 8) << 11).saturating_add(low >> 2);
                    if distance == 0 {
                        return if length == 3 { Ok(()) } else { Err(self.malformed()) };
                    }
                    (length, distance.saturating_add(0x4000), low & 3)
                }
                32..64 => {
                    let length = self.length(code & 31, 31)?.saturating_add(2);
                    let low = self.pair()?;
                    (length, (low >> 2).saturating_add(1), low & 3)
                }
                _ => {
                    let high = usize::from(self.byte()?) << 3;
                    let distance = high.saturating_add((code >> 2) & 7).saturating_add(1);
                    ((code >> 5).saturating_add(1), distance, code & 3)
                }
            };
            self.copy(distance, length)?;
            self.literals(trailing)?;
            before = if trailing == 0 { Before::Copy } else { Before::FewLiterals };
        }
    }

    /// A length that goes on in further bytes when its bits are all zero: 255 for each zero byte.
    fn length(&mut self, bits: usize, base: usize) -> Result<usize, DecodeError> {
        if bits != 0 {
            return Ok(bits);
        }
        let mut length = base;
        loop {
            match self.byte()? {
                0 => length = length.saturating_add(255),
                last => return Ok(length.saturating_add(last.into())),
            }
        }
    }

    #[inline(always)]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.input.get(self.at).ok_or(DecodeError::Truncated)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    #[inline(always)]
    fn pair(&mut self) -> Result<usize, DecodeError> {
        let raw = self.input.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(DecodeError::Truncated)?;
        self.at = self.at.saturating_add(2);
        Ok(u16::from_le_bytes(*raw).into())
    }

    #[inline(always)]
    fn literals(&mut self, count: usize) -> Result<(), DecodeError> {
        let end = self.at.saturating_add(count);
        let piece = self.input.get(self.at..end).ok_or(DecodeError::Truncated)?;
        if count > self.limit.saturating_sub(self.out.len()) {
            return Err(self.full);
        }
        self.out.extend_from_slice(piece);
        self.at = end;
        Ok(())
    }

    #[inline(always)]
    fn copy(&mut self, distance: usize, length: usize) -> Result<(), DecodeError> {
        let from = self.out.len().checked_sub(distance).ok_or_else(|| self.malformed())?;
        if length > self.limit.saturating_sub(self.out.len()) {
            return Err(self.full);
        }
        let mut left = length;
        while left > 0 {
            // What was just written may be repeated too, so each piece can be longer than the last.
            let piece = left.min(self.out.len().saturating_sub(from));
            self.out.extend_from_within(from..from.saturating_add(piece));
            left = left.saturating_sub(piece);
        }
        Ok(())
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { offset: len64(self.input.get(..self.at).unwrap_or_default()) }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use lzokay::compress::compress;

    use super::*;
    use crate::Decoder;
    use crate::others::holds;
    use crate::testing::{content, random};

    const LZO: Decoder = Decoder { name: "lzo", decode };

    /// A block of any instructions, most of which refer to what was written before.
    fn instructions(seed: u64, count: usize) -> Vec<u8> {
        let mut next = random(seed);
        let mut block = Vec::new();
        // A first run of literals has up to 238.
        let first = 18 + next() % 238;
        block.push(first as u8);
        block.extend((0..first - 17).map(|_| next() as u8));
        let mut trailing = if first < 21 { first - 17 } else { 4 };
        for _ in 0..count {
            let literals = next() % 4;
            match next() % 12 {
                0..2 => block.extend([64 + ((next() % 192) & !3 | literals) as u8, (next() % 9) as u8]),
                2..5 => {
                    block.extend([32 + (1 + next() % 31) as u8, ((next() % 64) << 2 | literals) as u8, 0])
                }
                5 => block.extend([32, 0, next() as u8, ((next() % 64) << 2 | literals) as u8, 0]),
                6 => {
                    let code = 16 + next() % 16;
                    block.push(code as u8);
                    block.extend(code.is_multiple_of(8).then_some(next() as u8));
                    block.extend([((next() % 8) << 2 | literals) as u8, 0]);
                }
                7 | 8 if trailing == 0 => {
                    let length = 4 + next() % 40;
                    let (short, long) = ([length as u8 - 3], [0, (length as u8).saturating_sub(18)]);
                    block.extend(if length < 19 { &short[..] } else { &long });
                    block.extend((0..length).map(|_| next() as u8));
                    trailing = 4;
                    continue;
                }
                _ => block.extend([((next() % 4) << 2 | literals) as u8, (next() % 5) as u8]),
            }
            block.extend((0..literals).map(|_| next() as u8));
            trailing = literals;
        }
        block.extend([17, 0, 0]);
        block
    }

    #[test]
    fn what_an_encoder_wrote_is_read_back_to_the_byte() {
        for length in [1, 3, 4, 17, 238, 239, 300, 5000, 20_000, 70_000, 300_000] {
            let bytes = content(length as u64, length);
            let block = compress(&bytes).expect("packed");
            let behind = [&block[..], b"behind"].concat();
            let decoded = decode(&behind, None, 1 << 20).expect("sound");
            assert!(decoded.bytes == bytes, "{length}");
            assert_eq!(decoded.consumed, block.len() as u64);
            holds(&LZO, &behind, length as u64);
        }
    }

    #[test]
    fn another_decoder_agrees_on_any_instructions() {
        let mut sound = 0;
        for seed in 0..30_000_u64 {
            let block = instructions(seed, seed as usize % 14);
            holds(&LZO, &block, 1 << 12);
            sound += usize::from(decode(&block, None, 1 << 12).is_ok());
            let any = [&[(seed % 256) as u8][..], &block[seed as usize % block.len()..]].concat();
            holds(&LZO, &any, 1 << 12);
        }
        assert!(sound > 6000, "{sound}");
    }
}
