//! EFI 1.1 and Tiano compression.
//!
//! UEFI Specification 2.10, chapter 19 (compression algorithm); the Tiano variant is EDK II's
//! (`EFI_CUSTOMIZED_COMPRESSION`, GUID A31280AD-481E-41B6-95E8-127F4C984779). Both are LZ77 with Huffman codes
//! that are sent anew for each block, after LHA; they differ in the width of one field only.
//!
//! ```text
//! 0x00 CompSize  4   bytes of Data
//! 0x04 OrigSize  4   bytes of the content
//! 0x08 Data          bits, the highest of each byte first; of each block:
//!
//! BlockSize 16 | Extra Set | Char&Len Set | Position Set | BlockSize codes
//!
//! Extra Set:    count 5 | lengths 3+ | behind the third, 2 bits: how many further ones are zero
//! Char&Len Set: count 9 | lengths, coded by the Extra Set
//! Position Set: count PBIT | lengths 3+
//! count 0: one symbol for the whole block follows in place of lengths, and takes no bits when used
//! ```
//!
//! Loader modelled: EDK II `BaseUefiDecompressLib` (and `PeiTiano`). Two things are stricter here, since a loader
//! that guesses is a loader that can be led: a code whose lengths are not complete is malformed, and so is a
//! match that begins before the content does or ends behind `OrigSize`, a block of no codes or with codes behind the
//! end, and bits behind the last code that are not zero: EDK II reads the header of a further block from them when
//! the last code was a literal, and refuses the stream when that makes no sense. A window of 2^13 bytes binds the
//! encoder; decoders, this one too, accept any distance within the content so far.
//!
//! Ambiguities: a stream that is sound under both widths of PBIT, or under the other one only. The container says
//! which one is meant; [`either`] reports what the other gives. Limitations: none.

use kiwame_image::len64;

use super::{DecodeError, Decoded};

/// EFI 1.1 compression (`EFI_STANDARD_COMPRESSION` of a compression section).
pub mod efi11 {
    use super::{DecodeError, Decoded, EFI11_PBIT};

    /// Decodes one stream.
    pub fn decode(input: &[u8], declared: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
        super::decode_with(input, declared, room, EFI11_PBIT)
    }
}

/// `CompSize` and `OrigSize`, when there is a header.
pub fn sizes(input: &[u8]) -> Option<(u64, u64)> {
    let [a, b, c, d, e, f, g, h] = *input.first_chunk()?;
    let number = |bytes| u64::from(u32::from_le_bytes(bytes));
    Some((number([a, b, c, d]), number([e, f, g, h])))
}

/// Decodes one stream of Tiano compression.
pub fn decode(input: &[u8], declared: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    decode_with(input, declared, room, TIANO_PBIT)
}

/// What a stream is that should be EFI 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// EFI 1.1; as Tiano it is malformed, or the same.
    Efi11,
    /// EFI 1.1, and something else as Tiano.
    Both,
    /// Tiano alone, which EDK II does not read there.
    Tiano,
}

/// Decodes a stream of EFI 1.1, and says what it would have been as Tiano: vendors pack with either where the
/// specification has the former, so real loaders can disagree.
pub fn either(input: &[u8], declared: Option<u64>, room: u64) -> Result<(Decoded, Reading), DecodeError> {
    match (efi11::decode(input, declared, room), decode(input, declared, room)) {
        (Ok(efi11), Ok(tiano)) => {
            let reading = if efi11 == tiano { Reading::Efi11 } else { Reading::Both };
            Ok((efi11, reading))
        }
        (Ok(only), Err(_)) => Ok((only, Reading::Efi11)),
        (Err(_), Ok(only)) => Ok((only, Reading::Tiano)),
        (Err(error), Err(_)) => Err(error),
    }
}

fn decode_with(input: &[u8], declared: Option<u64>, room: u64, pbit: u32) -> Result<Decoded, DecodeError> {
    let (header, rest) = input.split_first_chunk::<8>().ok_or(DecodeError::Truncated)?;
    let [a, b, c, d, e, f, g, h] = *header;
    let compressed = u64::from(u32::from_le_bytes([a, b, c, d]));
    let original = u64::from(u32::from_le_bytes([e, f, g, h]));
    if declared.is_some_and(|declared| declared != original) {
        return Err(DecodeError::SizeMismatch);
    }
    if original > room {
        return Err(DecodeError::Overflow);
    }
    let data = rest.get(..kiwame_image::to_usize(compressed)).ok_or(DecodeError::Truncated)?;
    let mut bits = Bits { data, taken: 0 };
    let bytes = Decoder { pbit, out: Vec::new(), size: original }.run(&mut bits)?;
    bits.rest()?;
    Ok(Decoded::new(bytes, HEADER.saturating_add(bits.end())))
}

struct Decoder {
    pbit: u32,
    out: Vec<u8>,
    size: u64,
}

impl Decoder {
    fn run(mut self, bits: &mut Bits<'_>) -> Result<Vec<u8>, DecodeError> {
        self.out.reserve_exact(kiwame_image::to_usize(self.size));
        while self.left() > 0 {
            self.block(bits)?;
        }
        Ok(self.out)
    }

    fn left(&self) -> u64 {
        self.size.saturating_sub(len64(&self.out))
    }

    fn block(&mut self, bits: &mut Bits<'_>) -> Result<(), DecodeError> {
        let count = bits.take(16)?;
        if count == 0 {
            return Err(bits.malformed());
        }
        let extra = Code::read_lengths(bits, EXTRA_SYMBOLS, EXTRA_COUNT_BITS, Some(3))?;
        let symbols = Code::read_symbols(bits, &extra)?;
        let positions = Code::read_lengths(bits, POSITION_SYMBOLS, self.pbit, None)?;
        for _ in 0..count {
            if self.left() == 0 {
                // The encoder counts exactly; codes behind the end would be a second reading.
                return Err(bits.malformed());
            }
            match symbols.next(bits)? {
                literal @ 0..=255 => self.out.push(u8::try_from(literal).unwrap_or_default()),
                symbol => {
                    let length = u64::from(symbol).saturating_sub(256).saturating_add(THRESHOLD);
                    self.copy(bits, &positions, length)?;
                }
            }
        }
        Ok(())
    }

    fn copy(&mut self, bits: &mut Bits<'_>, positions: &Code, length: u64) -> Result<(), DecodeError> {
        let width = positions.next(bits)?;
        let position = match width.checked_sub(1) {
            None | Some(0) => u64::from(width),
            Some(low) => u64::from(bits.take(low.into())?) | 1u64.checked_shl(low.into()).unwrap_or(0),
        };
        let distance = position.saturating_add(1);
        let from = len64(&self.out).checked_sub(distance).ok_or_else(|| bits.malformed())?;
        if length > self.left() {
            return Err(bits.malformed());
        }
        for at in (from..).take(kiwame_image::to_usize(length)) {
            let byte = self.out.get(kiwame_image::to_usize(at)).copied().unwrap_or_default();
            self.out.push(byte);
        }
        Ok(())
    }
}

/// A Huffman code, canonical: shorter codes first, and among equals the lower symbol.
enum Code {
    /// Every use means this symbol and takes no bits.
    One(u16),
    /// How many codes have each length, and the symbols in the order of their codes.
    Many { counts: [u16; MAX_LENGTH], symbols: Vec<u16> },
}

impl Code {
    /// Reads a set whose lengths lie there as numbers (the Extra Set and the Position Set).
    fn read_lengths(
        bits: &mut Bits<'_>,
        limit: u16,
        count_bits: u32,
        gap_behind: Option<usize>,
    ) -> Result<Self, DecodeError> {
        let count = bits.take(count_bits)?;
        if count == 0 {
            return Self::one(bits, limit, count_bits);
        }
        if count > u32::from(limit) {
            return Err(bits.malformed());
        }
        let count = kiwame_image::to_usize(count.into());
        let mut lengths = Vec::with_capacity(usize::from(limit));
        while lengths.len() < count {
            let mut length = bits.take(3)?;
            if length == 7 {
                while bits.take(1)? == 1 {
                    length = length.saturating_add(1);
                    if length > MAX_CODE {
                        return Err(bits.malformed());
                    }
                }
            }
            lengths.push(length);
            if Some(lengths.len()) == gap_behind {
                let zeros = kiwame_image::to_usize(bits.take(2)?.into());
                lengths.resize(lengths.len().saturating_add(zeros), 0);
            }
        }
        Self::from_lengths(bits, &lengths)
    }

    /// Reads the Char&Len Set, whose lengths are coded by the Extra Set.
    fn read_symbols(bits: &mut Bits<'_>, extra: &Self) -> Result<Self, DecodeError> {
        let count = bits.take(SYMBOL_COUNT_BITS)?;
        if count == 0 {
            return Self::one(bits, SYMBOLS, SYMBOL_COUNT_BITS);
        }
        if count > u32::from(SYMBOLS) {
            return Err(bits.malformed());
        }
        let count = kiwame_image::to_usize(count.into());
        let mut lengths: Vec<u32> = Vec::with_capacity(count);
        while lengths.len() < count {
            let zeros = match extra.next(bits)? {
                0 => 1,
                1 => bits.take(4)?.saturating_add(3),
                2 => bits.take(9)?.saturating_add(20),
                coded => {
                    lengths.push(u32::from(coded).saturating_sub(2));
                    continue;
                }
            };
            let end = lengths.len().saturating_add(kiwame_image::to_usize(zeros.into()));
            if end > count {
                return Err(bits.malformed());
            }
            lengths.resize(end, 0);
        }
        Self::from_lengths(bits, &lengths)
    }

    fn one(bits: &mut Bits<'_>, limit: u16, width: u32) -> Result<Self, DecodeError> {
        match u16::try_from(bits.take(width)?) {
            Ok(symbol) if symbol < limit => Ok(Self::One(symbol)),
            _ => Err(bits.malformed()),
        }
    }

    /// The canonical code of these lengths, which must be complete: every string of bits means something.
    fn from_lengths(bits: &Bits<'_>, lengths: &[u32]) -> Result<Self, DecodeError> {
        let mut counts = [0u16; MAX_LENGTH];
        let mut symbols = Vec::with_capacity(lengths.len());
        let mut room = 1u32;
        for (length, slot) in (1u32..).zip(counts.iter_mut().skip(1)) {
            room = room.wrapping_mul(2);
            for (symbol, _) in (0u16..).zip(lengths).filter(|(_, other)| **other == length) {
                symbols.push(symbol);
                *slot = slot.saturating_add(1);
                room = room.checked_sub(1).ok_or_else(|| bits.malformed())?;
            }
        }
        if room != 0 {
            return Err(bits.malformed());
        }
        Ok(Self::Many { counts, symbols })
    }

    fn next(&self, bits: &mut Bits<'_>) -> Result<u16, DecodeError> {
        let (counts, symbols) = match self {
            Self::One(symbol) => return Ok(*symbol),
            Self::Many { counts, symbols } => (counts, symbols),
        };
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for &count in counts.iter().skip(1) {
            code |= bits.take(1)?;
            let above = code.wrapping_sub(first);
            if above < u32::from(count) {
                let at = index.saturating_add(above);
                return symbols
                    .get(kiwame_image::to_usize(at.into()))
                    .copied()
                    .ok_or_else(|| bits.malformed());
            }
            index = index.saturating_add(count.into());
            first = first.wrapping_add(count.into()).wrapping_mul(2);
            code = code.wrapping_mul(2);
        }
        Err(bits.malformed())
    }
}

/// Bits, the highest of each byte first.
struct Bits<'a> {
    data: &'a [u8],
    /// Bits taken so far.
    taken: u64,
}

impl Bits<'_> {
    /// The next `count` bits, at most 30, as a number.
    fn take(&mut self, count: u32) -> Result<u32, DecodeError> {
        let first = kiwame_image::to_usize(self.taken / 8);
        let mut window = 0u64;
        for at in 0..5usize {
            let byte = self.data.get(first.saturating_add(at)).copied().unwrap_or(0);
            window = window << 8 | u64::from(byte);
        }
        let end = self.taken.saturating_add(count.into());
        if end > len64(self.data).saturating_mul(8) {
            return Err(DecodeError::Truncated);
        }
        // 40 bits are in the window; at most 7 lie before the ones meant.
        let above = u32::try_from(self.taken % 8).unwrap_or(0);
        let below = 40u32.saturating_sub(above).saturating_sub(count);
        let mask = 1u64.checked_shl(count).unwrap_or(0).wrapping_sub(1);
        self.taken = end;
        Ok(u32::try_from(window.checked_shr(below).unwrap_or(0) & mask).unwrap_or(0))
    }

    /// The bits of the last byte that no code uses must be zero.
    fn rest(&mut self) -> Result<(), DecodeError> {
        let used = u32::try_from(self.taken % 8).unwrap_or(0);
        let left = 8u32.saturating_sub(used) % 8;
        if self.take(left)? == 0 { Ok(()) } else { Err(self.malformed()) }
    }

    /// Where the stream ends: behind its last byte, and the one zero byte that EDK II's encoder puts there.
    fn end(&self) -> u64 {
        let end = self.taken.div_ceil(8);
        match self.data.get(kiwame_image::to_usize(end)..) {
            Some([0]) => end.saturating_add(1),
            _ => end,
        }
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { offset: HEADER.saturating_add(self.taken / 8) }
    }
}

/// Bytes before the stream: its two sizes.
pub const HEADER: u64 = 8;
const EFI11_PBIT: u32 = 4;
const TIANO_PBIT: u32 = 5;
/// Length of the shortest match.
const THRESHOLD: u64 = 3;
/// 256 literals and the match lengths 3 to 256.
const SYMBOLS: u16 = 510;
const SYMBOL_COUNT_BITS: u32 = 9;
/// Lengths 1 to 16 of the Char&Len Set, and three ways to say zero.
const EXTRA_SYMBOLS: u16 = 19;
const EXTRA_COUNT_BITS: u32 = 5;
const POSITION_SYMBOLS: u16 = 31;
/// Longest code.
const MAX_CODE: u32 = 16;
const MAX_LENGTH: usize = 17;

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;

    const ROOM: u64 = 1 << 24;

    #[test]
    fn what_was_encoded_comes_back() {
        for content in contents() {
            for pbit in [EFI11_PBIT, TIANO_PBIT] {
                let stream = encode(&content, pbit);
                let decoded = decode_with(&stream, Some(content.len() as u64), ROOM, pbit).expect("sound");
                assert_eq!(decoded.bytes, content);
                assert_eq!(decoded.consumed, stream.len() as u64);
            }
        }
    }

    #[test]
    fn bytes_behind_the_stream_are_not_consumed() {
        let mut stream = encode(b"content content content", TIANO_PBIT);
        let length = stream.len() as u64;
        stream.extend(b"behind");
        assert_eq!(decode(&stream, None, ROOM).expect("sound").consumed, length);

        // Even when CompSize claims them.
        stream[..4].copy_from_slice(&(length as u32 - 8 + 6).to_le_bytes());
        assert_eq!(decode(&stream, None, ROOM).expect("sound").consumed, length);
    }

    #[test]
    fn sizes_are_checked_before_anything_is_decoded() {
        let stream = encode(b"content", TIANO_PBIT);
        assert_eq!(decode(&stream, Some(8), ROOM), Err(DecodeError::SizeMismatch));
        assert_eq!(decode(&stream, None, 6), Err(DecodeError::Overflow));
        assert_eq!(decode(&stream[..7], None, ROOM), Err(DecodeError::Truncated));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let stream = encode(&contents()[2], TIANO_PBIT);
        for length in 0..stream.len() - 1 {
            assert!(decode(&stream[..length], None, ROOM).is_err(), "{length}");
        }
    }

    #[test]
    fn flipped_bits_never_panic_and_never_exceed_the_size() {
        let content = &contents()[2];
        let stream = encode(content, EFI11_PBIT);
        for bit in 64..stream.len() * 8 {
            let mut copy = stream.clone();
            copy[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(decoded) = efi11::decode(&copy, None, ROOM) {
                assert_eq!(decoded.bytes.len(), content.len());
            }
        }
    }

    #[test]
    fn a_match_before_the_content_is_malformed() {
        // One block of two codes: a literal, then a match of length 3 at distance 2.
        let mut bits = BitWriter::default();
        bits.put(2, 16);
        put_code(&mut bits, &[0, 0, 1, 1], EXTRA_COUNT_BITS, Some(3));
        // Symbols 'a' and 256 have codes of one bit; the rest has none. Lengths in the Extra Set's symbols:
        // 2 (a run of zeros, 20 and more), 3 (a code of one bit).
        bits.put(257, SYMBOL_COUNT_BITS);
        bits.put(0, 1);
        bits.put(97 - 20, 9);
        bits.put(1, 1);
        bits.put(0, 1);
        bits.put(256 - 98 - 20, 9);
        bits.put(1, 1);
        bits.put(0, TIANO_PBIT);
        bits.put(1, TIANO_PBIT);
        bits.put(0, 1);
        bits.put(1, 1);
        let stream = bits.finish(4);
        assert!(matches!(decode(&stream, None, ROOM), Err(DecodeError::Malformed { .. })));
    }

    #[test]
    fn only_one_reading_is_sound_or_it_is_said() {
        let content = &contents()[3];
        for pbit in [EFI11_PBIT, TIANO_PBIT] {
            let (decoded, reading) = either(&encode(content, pbit), None, ROOM).expect("sound");
            let expected = if pbit == EFI11_PBIT { Reading::Efi11 } else { Reading::Tiano };
            assert_eq!((&decoded.bytes, reading), (content, expected));
        }
    }

    #[test]
    fn bits_behind_the_last_code_are_zero() {
        for content in contents() {
            let stream = encode(&content, TIANO_PBIT);
            let mut copy = stream.clone();
            *copy.last_mut().expect("not empty") |= 1;
            if copy != stream {
                assert!(decode(&copy, None, ROOM).is_err());
            }
        }
    }

    /// In both codings.
    pub(crate) fn streams(efi11: bool) -> Vec<Vec<u8>> {
        let pbit = if efi11 { EFI11_PBIT } else { TIANO_PBIT };
        [1, 300, 900].into_iter().map(|length| encode(&crate::testing::content(9, length), pbit)).collect()
    }

    fn contents() -> Vec<Vec<u8>> {
        let mut seed = 1u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let noise: Vec<u8> = (0..3000).map(|_| random()).collect();
        let text = b"the same words and the same words again, and other words, and the same words ".repeat(9);
        let mixed: Vec<u8> =
            (0..9000u32).map(|i| if i % 7 == 0 { random() & 3 } else { (i / 9) as u8 }).collect();
        vec![b"x".to_vec(), vec![0; 70_000], text, mixed, noise]
    }

    /// A plain encoder: greedy matches found by looking back, and Huffman codes of their own for each block.
    fn encode(content: &[u8], pbit: u32) -> Vec<u8> {
        let window = if pbit == EFI11_PBIT { 1 << 13 } else { 1 << 19 };
        let tokens = tokens(content, window);
        let mut bits = BitWriter::default();
        for block in tokens.chunks(4000) {
            put_block(&mut bits, block, pbit);
        }
        bits.finish(content.len() as u32)
    }

    /// A symbol and, for a match, its position.
    fn tokens(content: &[u8], window: usize) -> Vec<(usize, u32)> {
        let mut last = std::collections::BTreeMap::new();
        let (mut tokens, mut at) = (Vec::new(), 0);
        while at < content.len() {
            let key = content.get(at..at + 3);
            let from = key.and_then(|key| last.insert(key, at)).filter(|from| at - from <= window);
            let length = from.map_or(0, |from| {
                (0..256)
                    .take_while(|i| at + i < content.len() && content[from + i] == content[at + i])
                    .count()
            });
            match from {
                Some(from) if length >= 3 => {
                    tokens.push((length - 3 + 256, (at - from - 1) as u32));
                    at += length;
                }
                _ => {
                    tokens.push((content[at].into(), 0));
                    at += 1;
                }
            }
        }
        tokens
    }

    /// The symbol of a position: how many bits it has.
    fn position_symbol(position: u32) -> usize {
        (32 - position.leading_zeros()) as usize
    }

    fn put_block(bits: &mut BitWriter, block: &[(usize, u32)], pbit: u32) {
        let (mut symbols, mut positions) = ([0u32; 510], [0u32; 31]);
        for &(symbol, position) in block {
            symbols[symbol] += 1;
            if symbol >= 256 {
                positions[position_symbol(position)] += 1;
            }
        }
        bits.put(block.len() as u32, 16);
        let symbols = put_symbols(bits, &symbols);
        let lengths = huffman(&positions);
        put_code(bits, &lengths, pbit, None);
        let positions = codes(&lengths);
        for &(symbol, position) in block {
            bits.put(symbols[symbol].0, symbols[symbol].1);
            if symbol >= 256 {
                let width = position_symbol(position);
                bits.put(positions[width].0, positions[width].1);
                let low = width.saturating_sub(1) as u32;
                bits.put(position & ((1 << low) - 1), low);
            }
        }
    }

    fn put_symbols(bits: &mut BitWriter, counts: &[u32]) -> Vec<(u32, u32)> {
        let lengths = huffman(counts);
        let used = lengths.iter().filter(|&&length| length > 0).count();
        if used < 2 {
            bits.put(0, EXTRA_COUNT_BITS);
            bits.put(0, EXTRA_COUNT_BITS);
            put_code(bits, &lengths, SYMBOL_COUNT_BITS, None);
            return codes(&lengths);
        }
        let count = lengths.iter().rposition(|&length| length > 0).unwrap() + 1;
        let (mut runs, mut at) = (Vec::new(), 0);
        while at < count {
            let zeros = lengths[at..count].iter().take_while(|&&length| length == 0).count();
            let (symbol, extra, width, taken) = match zeros {
                0 => (lengths[at] + 2, 0, 0, 1),
                1..=2 => (0, 0, 0, 1),
                3..=19 => (1, zeros.min(18) - 3, 4, zeros.min(18)),
                _ => (2, zeros - 20, 9, zeros),
            };
            runs.push((symbol as usize, extra as u32, width));
            at += taken;
        }
        let mut extras = [0u32; 19];
        for (symbol, ..) in &runs {
            extras[*symbol] += 1;
        }
        let extra_lengths = huffman(&extras);
        put_code(bits, &extra_lengths, EXTRA_COUNT_BITS, Some(3));
        bits.put(count as u32, SYMBOL_COUNT_BITS);
        let extra_codes = codes(&extra_lengths);
        for (symbol, extra, width) in runs {
            bits.put(extra_codes[symbol].0, extra_codes[symbol].1);
            bits.put(extra, width);
        }
        codes(&lengths)
    }

    /// Writes a set of lengths as numbers, or its only symbol.
    fn put_code(bits: &mut BitWriter, lengths: &[u32], width: u32, gap_behind: Option<usize>) {
        let used: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        if used.len() < 2 {
            bits.put(0, width);
            bits.put(used.first().map_or(0, |&symbol| symbol as u32), width);
            return;
        }
        let count = used.last().unwrap() + 1;
        bits.put(count as u32, width);
        let mut at = 0;
        while at < count {
            let length = lengths[at];
            bits.put(length.min(7), 3);
            if length >= 7 {
                (7..length).for_each(|_| bits.put(1, 1));
                bits.put(0, 1);
            }
            at += 1;
            if Some(at) == gap_behind {
                let zeros = lengths[at..count].iter().take_while(|&&length| length == 0).count().min(3);
                bits.put(zeros as u32, 2);
                at += zeros;
            }
        }
    }

    /// Lengths of a Huffman code for these counts; a lone symbol gets one bit, which is never written.
    fn huffman(counts: &[u32]) -> Vec<u32> {
        let mut nodes: Vec<(u32, Vec<usize>)> = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(symbol, &count)| (count, vec![symbol]))
            .collect();
        let mut lengths = vec![0; counts.len()];
        if let [(_, only)] = &nodes[..] {
            lengths[only[0]] = 1;
        }
        while nodes.len() > 1 {
            nodes.sort_by_key(|node| core::cmp::Reverse(node.0));
            let (a, b) = (nodes.pop().unwrap(), nodes.pop().unwrap());
            let both = [a.1, b.1].concat();
            both.iter().for_each(|&symbol| lengths[symbol] += 1);
            nodes.push((a.0 + b.0, both));
        }
        assert!(lengths.iter().all(|&length| length <= MAX_CODE));
        lengths
    }

    /// Canonical codes with their lengths. The code of a lone symbol takes no bits.
    fn codes(lengths: &[u32]) -> Vec<(u32, u32)> {
        let mut codes = vec![(0, 0); lengths.len()];
        if lengths.iter().filter(|&&length| length > 0).count() < 2 {
            return codes;
        }
        let mut code = 0;
        for length in 1..=MAX_CODE {
            for symbol in (0..lengths.len()).filter(|&symbol| lengths[symbol] == length) {
                codes[symbol] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
        codes
    }

    #[derive(Default)]
    struct BitWriter {
        bits: Vec<bool>,
    }

    impl BitWriter {
        fn put(&mut self, value: u32, count: u32) {
            self.bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        }

        /// The stream with its header.
        fn finish(self, original: u32) -> Vec<u8> {
            let pack =
                |bits: &[bool]| (0..8).fold(0, |byte, i| byte << 1 | u8::from(bits.get(i) == Some(&true)));
            let data: Vec<u8> = self.bits.chunks(8).map(pack).collect();
            [&(data.len() as u32).to_le_bytes()[..], &original.to_le_bytes(), &data].concat()
        }
    }
}
